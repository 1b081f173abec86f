"""All metrics of an attribute on one strip, each gap in units of its own interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import VERDICTS, Chart, empty

ABREAST = 64  # characters of what the two ends mean that fit in a line below the picture
ZONE = "rgba(138,147,156,0.22)"  # what could not be detected


@dataclass(frozen=True)
class Mark:
    """One metric's gap. key: what a click on it gives. gap, low, high: in the metric's units, with a sign where the
    strip has two ends. detectable: the smallest true gap that would be found with probability 0.8. verdict: a key of
    VERDICTS. reason: why there is no gap."""

    key: str
    metric: str
    gap: float | None
    low: float | None
    high: float | None
    detectable: float | None
    verdict: str
    reason: str = ""

    @property
    def half(self) -> float:
        """Half the width of the interval: the unit of the strip; NaN without an interval."""
        if self.gap is None or self.low is None or self.high is None or not self.high > self.low:
            return math.nan
        return (self.high - self.low) / 2

    @property
    def place(self) -> float:
        """The gap in units of its own interval's half-width; NaN without one."""
        return math.nan if self.gap is None else self.gap / self.half

    @property
    def unseen(self) -> float:
        """The smallest gap that could be detected, in the same unit; NaN where that is not known."""
        return math.nan if self.detectable is None else self.detectable / self.half


@frame.kept
def strip(marks: Sequence[Mark], left: str = "", right: str = "") -> Chart:
    """One row a metric, the farthest from 0 first. A gap of more than one unit is beyond its own interval.

    left, right: who has more at either end, where two groups are compared and gaps have signs. The grey of a row is
    where a true gap could easily have stayed unseen."""
    if not marks:
        return empty(words.say("There is no gap to show."))
    drawn = sorted((m for m in marks if not math.isnan(m.place)), key=lambda m: -abs(m.place))
    order = [*drawn, *(m for m in marks if math.isnan(m.place))]
    figure = frame.canvas(25 * len(order) + (74 if left else 56), legend=True)
    for i, mark in enumerate(drawn):
        if not math.isnan(mark.unseen):
            figure.add_shape(
                type="rect", x0=-mark.unseen if left else 0.0, x1=mark.unseen, y0=i - 0.46, y1=i + 0.46,
                fillcolor=ZONE, line={"width": 0}, layer="below",
            )  # fmt: skip
    if any(not math.isnan(mark.unseen) for mark in drawn):
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=words.say("could not be detected"),
            marker={"symbol": "square", "size": 12, "color": ZONE},
        )  # fmt: skip
    for state in (one for one in VERDICTS if any(mark.verdict == one for mark in drawn)):
        told, color, symbol = VERDICTS[state]
        mine = [(i, mark) for i, mark in enumerate(drawn) if mark.verdict == state]
        figure.add_scatter(
            x=[mark.place for _, mark in mine], y=[i for i, _ in mine], mode="markers", name=words.say(told),
            marker={"color": color, "symbol": symbol, "size": 11, "opacity": 1, "line": {"width": 2, "color": color}},
            error_x={
                "type": "data", "symmetric": False, "color": color, "thickness": 1.5, "width": 4,
                "array": [((mark.high or 0.0) - (mark.gap or 0.0)) / mark.half for _, mark in mine],
                "arrayminus": [((mark.gap or 0.0) - (mark.low or 0.0)) / mark.half for _, mark in mine],
            },
            customdata=[[_hint(mark), i] for i, mark in mine],
            hovertemplate="%{customdata[0]}<extra></extra>",
        )  # fmt: skip
    for i, mark in enumerate(order[len(drawn) :], len(drawn)):
        missing = mark.reason or words.say("no interval")
        frame.note(figure, i, missing if mark.gap is not None else words.say("undefined: {value}", value=missing))
    lines = [words.say("gap, in half-widths of its own 95 % interval")]
    if left:
        told = words.say("← {left} have more · {right} have more →", left=left, right=right)
        lines[:0] = [told] if len(told) <= ABREAST else told.split(" · ")
    frame.rows(figure, [mark.metric for mark in order], "<br>".join(words.markup(line, 80) for line in lines))
    places = [mark.place for mark in drawn]
    zones = [
        mark.unseen * side for mark in drawn if not math.isnan(mark.unseen) for side in ((-1, 1) if left else (1,))
    ]
    ends = [place + side for place in places for side in (-1, 1)]
    frame.span(figure, places, [*ends, *zones], zero=True)
    figure.update_xaxes(zeroline=True)
    table = pd.DataFrame(
        {
            words.later("metric"): [mark.metric for mark in order],
            words.later("in half-widths"): [_plain(mark.place) for mark in order],
            words.later("gap"): [mark.gap for mark in order],
            words.later("95 % from"): [mark.low for mark in order],
            words.later("95 % to"): [mark.high for mark in order],
            words.later("seen from"): [mark.detectable for mark in order],
            words.later("verdict"): [words.say(VERDICTS[mark.verdict][0]) for mark in order],
            words.later("note"): [mark.reason for mark in order],
        }
    )
    said = "; ".join(f"{mark.metric} {words.signed(mark.place, 1)}" for mark in drawn[:8])
    return Chart(
        figure,
        words.say("Gaps in half-widths of their own 95 % intervals, the farthest first: {said}.", said=said)
        if drawn
        else words.say("No gap has an interval."),
        table,
        [mark.key for mark in order],
    )


def _hint(mark: Mark) -> str:
    ci = words.interval(mark.low, mark.high, 4)
    told = f"{words.markup(mark.metric)}<br>{words.signed(mark.gap, 4)} ({ci})"
    if mark.detectable is None or math.isnan(mark.detectable):
        return told
    return f"{told}<br>" + words.say("seen from {gap} on", gap=words.number(mark.detectable, 4))


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
