"""Before and after, and what a strength costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import BLUE, DASHES, GREY, MAX_ROWS, PALETTE, SYMBOLS, Chart, empty


@dataclass(frozen=True)
class Change:
    """A group's value before and after, and the paired difference with its interval. n: people; None for
    items. aside: why it is not compared."""

    name: str
    n: int | None
    before: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None
    aside: str = ""

    @property
    def label(self) -> str:
        """The name with its size."""
        return words.label(self.name, 32) if self.n is None else words.group(self.name, self.n)

    @property
    def shown(self) -> str:
        """The label with what keeps the group out of comparisons."""
        return f"{self.label} – {self.aside}" if self.aside else self.label

    @property
    def reach(self) -> tuple[float, ...]:
        """Where `after` may lie: the ends of the interval, from `before`. A picture as wide shows a change that chance
        may have made as a small one."""
        return tuple(self.before + end for end in (self.low, self.high) if self.before is not None and end is not None)

    @property
    def moved(self) -> bool:
        """Whether the paired interval excludes 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class TradePoint:
    """A strength's place: a fairness metric (gap) against accuracy (quality), each with its 95 % interval. key: what it
    stands for when it is clicked."""

    series: str
    label: str
    gap: float
    quality: float
    gap_ci: tuple[float, float] | None = None
    quality_ci: tuple[float, float] | None = None
    chosen: bool = False
    key: str = ""


@frame.kept
def before_after(rows: Sequence[Change], metric: str) -> Chart:
    """Hollow: before; filled: after; the words give the paired difference with its 95 % interval. Keys of marks are the
    rows' names."""
    if not rows:
        return empty(words.say("There is no group to compare."))
    shown = rows[:MAX_ROWS]
    figure = frame.canvas(52 * len(shown) + 52, legend=True)
    for name, symbol, color in ((words.say("before"), "circle-open", GREY), (words.say("after"), "circle", BLUE)):
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=name, marker={"symbol": symbol, "color": color, "size": 11}
        )
    marks: list[tuple[float, int, str, str, list[Any]]] = []  # place, row, symbol, colour, words and key
    lines: tuple[list[float | None], list[int | None]] = ([], [])
    for i, row in enumerate(shown):
        if row.before is None or row.after is None or frame.none(row.before) or frame.none(row.after):
            frame.note(figure, i, words.say(row.aside if row.aside == words.WITHHELD else "undefined before or after"))
            continue
        color, symbol = GREY if row.aside else PALETTE[i % 6], SYMBOLS[i % 6]
        own = [words.markup(row.label), i]
        marks.append((row.before, i, f"{symbol}-open", color, own))
        marks.append((row.after, i, symbol + ("-open-dot" if row.aside else ""), color, own))
        lines[0].extend((row.before, row.after, None))
        lines[1].extend((i, i, None))
        difference = f"{words.signed(row.difference)} ({words.interval(row.low, row.high)})"
        hint = "" if row.moved else words.say(", no change found")
        # in the middle, so that on a narrow screen it keeps off the names and within the picture
        figure.add_annotation(
            x=0.5, xref="paper", y=i, yshift=-15, xanchor="center", showarrow=False,
            text=words.markup(difference + hint, 80),
        )  # fmt: skip
    if marks:  # two traces, however many groups there are: a browser takes its time for each
        x, y, symbols, colors, data = (list(column) for column in zip(*marks, strict=True))
        figure.add_scatter(x=lines[0], y=lines[1], mode="lines", line={"color": GREY, "width": 2}, showlegend=False,
                           hoverinfo="skip")  # fmt: skip
        figure.add_scatter(
            x=x, y=y, mode="markers", showlegend=False, customdata=data,
            marker={"symbol": symbols, "size": 12, "opacity": 1, "color": colors,
                    "line": {"width": 2, "color": colors}},
            hovertemplate="%{customdata[0]}: %{x:.4f}<extra></extra>",
        )  # fmt: skip
    frame.rows(figure, [row.shown for row in shown], words.markup(metric))
    there = [row for row in shown if not frame.none(row.before) and not frame.none(row.after)]
    frame.span(figure, [end for row in there for end in (row.before, row.after) if end is not None],
               [end for row in there for end in row.reach])  # fmt: skip
    table = pd.DataFrame(
        {
            words.later("group"): [row.name for row in rows],
            "n": [row.n for row in rows],
            words.later("before"): [row.before for row in rows],
            words.later("after"): [row.after for row in rows],
            words.later("difference"): [row.difference for row in rows],
            words.later("95 % from"): [row.low for row in rows],
            words.later("95 % to"): [row.high for row in rows],
            words.later("change"): [
                r.aside or (words.say("found") if r.moved else words.say("not found")) for r in rows
            ],
        }
    )
    said = "; ".join(f"{row.label} {words.number(row.before)} to {words.number(row.after)}" for row in shown)
    told = words.say("{metric} before and after: {said}.", metric=metric, said=said)
    return Chart(figure, told, table, [row.name for row in shown])


@frame.kept
def trade_off(points: Sequence[TradePoint], gap: str, quality: str, *, better: int = -1, joined: bool = True) -> Chart:
    """The whole trade-off of one or several methods: a fairness metric to the right, quality upwards, both with
    intervals. better: 1 where a higher metric is fairer, -1 where a lower one is. joined: a line leads from point to
    point, in their order."""
    if not points:
        return empty(words.say("No sweep has been run yet."))
    figure = frame.canvas(330, legend=True)
    series = list(dict.fromkeys(point.series for point in points))
    for s, name in enumerate(series):
        mine = [point for point in points if point.series == name]
        color = PALETTE[s % 6]
        error: dict[str, dict[str, Any]] = {}
        for key, of, ci in (
            ("error_x", [p.gap for p in mine], [p.gap_ci for p in mine]),
            ("error_y", [p.quality for p in mine], [p.quality_ci for p in mine]),
        ):
            if all(bounds is not None for bounds in ci):
                error[key] = {
                    "type": "data", "symmetric": False, "thickness": 1, "width": 0, "color": color,
                    "array": [max(0.0, b[1] - v) for v, b in zip(of, ci, strict=True) if b],
                    "arrayminus": [max(0.0, v - b[0]) for v, b in zip(of, ci, strict=True) if b],
                }  # fmt: skip
        figure.add_scatter(
            x=[p.gap for p in mine], y=[p.quality for p in mine], mode=f"{'lines+' if joined else ''}markers",
            name=words.markup(name),
            line={"color": color, "dash": DASHES[s % 6], "width": 1.5},
            marker={"symbol": SYMBOLS[s % 6], "size": 8, "color": color},
            customdata=[[words.markup(p.label), points.index(p)] for p in mine],
            hovertemplate=f"%{{customdata[0]}}<br>{words.markup(gap)} %{{x:.4f}}, {words.markup(quality)} %{{y:.4f}}"
            "<extra></extra>",
            opacity=0.9, **error,
        )  # fmt: skip
    chosen = [point for point in points if point.chosen]
    for point in chosen:
        figure.add_annotation(
            x=point.gap, y=point.quality, text=words.markup(point.label), ax=32, ay=-30, arrowcolor=GREY
        )
        figure.add_scatter(
            x=[point.gap], y=[point.quality], mode="markers", showlegend=False, hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 18, "color": GREY, "line": {"width": 2.5}},
        )  # fmt: skip
    figure.update_xaxes(
        title_text=words.say(
            "{gap} ({say} is fairer)",
            gap=words.markup(gap),
            say=words.say("right") if better > 0 else words.say("left"),
        ),
        fixedrange=True,
    )
    figure.update_yaxes(title_text=words.markup(quality), fixedrange=True)
    table = pd.DataFrame(
        {
            words.later("method"): [p.series for p in points],
            words.later("strength"): [p.label for p in points],
            gap: [p.gap for p in points],
            quality: [p.quality for p in points],
            words.later("chosen"): [words.say("yes") if p.chosen else "" for p in points],
        }
    )
    said = "; ".join(
        f"{p.series} {p.label}: {words.number(p.gap)} and {words.number(p.quality)}" for p in chosen or points[:6]
    )
    return Chart(
        figure,
        words.say(
            "Trade-off between {gap} and {quality} for {series}. {said}.",
            gap=gap,
            quality=quality,
            series=words.join(series),
            said=said,
        ),
        table,
        [point.key for point in points],
    )
