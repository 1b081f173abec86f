"""A gap in one window of time after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import GREY, VERDICTS, Chart, empty

_TICKS = 8  # names of windows below the axis
_CALLED = VERDICTS | {"few": (words.later("too few people"), GREY, "x-thin")}


@dataclass(frozen=True)
class Moment:
    """A window: its people (None: very few), the gap with its 95 % interval, a key of VERDICTS or "few" where there
    are too few people for a gap, why there is none, and who has more, where that is not told by the sign."""

    name: str
    people: int | None
    gap: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    verdict: str = "undefined"
    reason: str = ""
    more: str = ""


@frame.kept
def over_time(moments: Sequence[Moment], metric: str) -> Chart:
    """Gaps upwards, windows to the right, the oldest first; a window without a gap is a cross at the foot. keys: the
    windows' names."""
    known = [moment for moment in moments if moment.gap is not None]
    if not known:
        return empty(words.say("No window has enough people of two groups for a gap."))
    figure = frame.canvas(290, legend=True)
    places = {id(moment): i for i, moment in enumerate(moments)}
    figure.add_scatter(
        x=[places[id(moment)] for moment in moments], y=[moment.gap for moment in moments], mode="lines",
        line={"color": GREY, "width": 1, "dash": "dot"}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    ends = [end for moment in known for end in (moment.gap, moment.low, moment.high) if end is not None]
    low, high = min(0.0, *ends), max(0.0, *ends)
    foot = low - 0.1 * ((high - low) or 1.0)
    for state, (told, color, symbol) in _CALLED.items():
        mine = [moment for moment in moments if moment.verdict == state]
        if not mine:
            continue
        values = [foot if moment.gap is None else moment.gap for moment in mine]
        figure.add_scatter(
            x=[places[id(moment)] for moment in mine], y=values, mode="markers", name=words.say(told),
            marker={"color": color, "symbol": symbol, "size": 11, "line": {"width": 2, "color": color}},
            error_y={
                "type": "data", "symmetric": False, "color": color, "thickness": 1.5, "width": 4,
                "array": [_end(moment.high, moment.gap) for moment in mine],
                "arrayminus": [_end(moment.gap, moment.low) for moment in mine],
            },
            customdata=[[_hint(moment), places[id(moment)]] for moment in mine],
            hovertemplate="%{customdata[0]}<extra></extra>",
        )  # fmt: skip
    step = -(-len(moments) // _TICKS)
    shown = list(range(0, len(moments), step))
    figure.update_xaxes(
        tickvals=shown, ticktext=[words.markup(moments[i].name, 24) for i in shown], range=[-0.6, len(moments) - 0.4],
        showgrid=False, zeroline=False, fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(title_text=words.markup(words.say("gap in {metric}", metric=metric), 60), zeroline=True,
                        range=[foot - 0.05 * (high - low), high + 0.08 * (high - low)], fixedrange=True)  # fmt: skip
    table = pd.DataFrame(
        {
            words.later("window"): [moment.name for moment in moments],
            words.later("people"): [moment.people for moment in moments],
            words.later("gap"): [moment.gap for moment in moments],
            words.later("95 % from"): [moment.low for moment in moments],
            words.later("95 % to"): [moment.high for moment in moments],
            words.later("p (Holm)"): [moment.p for moment in moments],
            words.later("verdict"): [words.say(_CALLED[moment.verdict][0]) for moment in moments],
            words.later("who has more"): [moment.more for moment in moments],
            words.later("note"): [moment.reason for moment in moments],
        }
    )
    said = "; ".join(f"{moment.name} {words.signed(moment.gap)}" for moment in known[:12])
    return Chart(figure, words.say("Gap in {metric} by window: {said}.", metric=metric, said=said), table,
                 [moment.name for moment in moments])  # fmt: skip


def _end(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else max(0.0, high - low)


def _hint(moment: Moment) -> str:
    people = words.say(words.WITHHELD) if moment.people is None else words.count(moment.people, "person", "people")
    told = f"{words.markup(moment.name)}, {words.markup(people)}"
    if moment.gap is None:
        return f"{told}<br>{words.markup(frame.missing(moment.reason), 90)}"
    line = f"{told}<br>{words.signed(moment.gap, 4)} ({words.interval(moment.low, moment.high, 4)})"
    return f"{line}<br>{words.markup(moment.more)}" if moment.more else line
