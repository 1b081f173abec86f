"""People before and after a strength, and all strengths in one plane of fairness against accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import BLUE, DASHES, GREY, PALETTE, SYMBOLS, VERMILLION, Chart, empty

Array = NDArray[np.float64]

MAX_DOTS = 360  # people who are drawn, in equal parts of the groups: those who moved furthest, then any others
MAX_BANDS = 6  # groups of one picture; the table holds all
BAND = 0.3  # half the height of a group's row of people
_GOLDEN = 0.6180339887  # multiples of it fill a band evenly
_MOVES = (("fell", VERMILLION, "triangle-left"), ("rose", BLUE, "triangle-right"))


@dataclass(frozen=True, eq=False)
class PeopleRow:
    """A group's people. n: all of it. numbers: pseudonyms [m]; before, after: own values [m]. mean: before and after;
    difference: of the means, with its paired 95 % interval. counted: who lost and who gained, in words."""

    name: str
    n: int
    numbers: NDArray[np.int64]
    before: Array
    after: Array
    mean: tuple[float, float]
    difference: tuple[float, float, float]
    counted: str = ""


@dataclass(frozen=True)
class PlanePoint:
    """A strength of a method. gap: the fairness metric in its unit; accuracy: as a part of the unmitigated one.
    key: what it stands for when it is clicked."""

    series: str
    label: str
    gap: float
    accuracy: float
    key: str
    chosen: bool = False


@frame.kept
def movers(rows: Sequence[PeopleRow], metric: str, looked: int | None = None) -> Chart:
    """Each person is a dot at their own value after, with a line from the value before where it changed; diamonds are
    the group's mean. looked: the pseudonym of the person whose lists are shown. Keys of marks are pseudonyms."""
    if not rows:
        return empty(words.say("No group is large enough to be shown."))
    shown = rows[:MAX_BANDS]
    keys: list[str] = []
    figure = frame.canvas(150 * len(shown) + 40, legend=True)
    for told, color, symbol in (
        (words.say("fell"), VERMILLION, "triangle-left"),
        (words.say("rose"), BLUE, "triangle-right"),
        (words.say("the same"), GREY, "circle"),
        (words.say("mean before"), GREY, "diamond-open"),
        (words.say("mean after"), GREY, "diamond"),
    ):
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=told, marker={"symbol": symbol, "color": color, "size": 9}
        )
    for i, row in enumerate(shown):
        kept = _drawn(row, MAX_DOTS // len(shown))
        before, after, number = row.before[kept], row.after[kept], row.numbers[kept]
        y = i + 0.14 + BAND * (2 * ((number * _GOLDEN) % 1) - 1)
        way = np.sign(after - before).astype(int)
        still = way == 0
        _dots(figure, after[still], y[still], number[still], "circle", GREY, 5, 0.35, keys)
        for sign, (_, color, symbol) in zip((-1, 1), _MOVES, strict=True):
            moved = way == sign
            gaps = np.full(int(moved.sum()), np.nan)
            figure.add_scatter(
                x=np.stack([before[moved], after[moved], gaps], axis=1).ravel(), y=np.repeat(y[moved], 3), mode="lines",
                line={"color": color, "width": 1}, opacity=0.4, showlegend=False, hoverinfo="skip",
            )  # fmt: skip
            _dots(figure, after[moved], y[moved], number[moved], symbol, color, 8, 0.85, keys)
        color = PALETTE[i % 6]
        for value, symbol in zip(row.mean, ("diamond-open", "diamond"), strict=True):
            figure.add_scatter(
                x=[value], y=[i - 0.26], mode="markers", showlegend=False,
                marker={"symbol": symbol, "size": 13, "color": color, "line": {"width": 2, "color": color}},
                hovertemplate=f"{words.markup(words.say('mean'))} %{{x:.4f}}<extra></extra>",
            )  # fmt: skip
        change, low, high = row.difference
        said = words.say(
            "{before} → {after}: {change} ({interval})",
            before=words.number(row.mean[0]),
            after=words.number(row.mean[1]),
            change=words.signed(change),
            interval=words.interval(low, high, sign=True),
        )
        figure.add_annotation(
            xref="paper", x=0, y=i - 0.43, xanchor="left", showarrow=False, text=words.markup(said, 120),
        )  # fmt: skip
        if looked is not None and looked in number:
            at = int(np.flatnonzero(number == looked)[0])
            figure.add_scatter(
                x=[after[at]], y=[y[at]], mode="markers", showlegend=False, hoverinfo="skip",
                marker={"symbol": "circle-open", "size": 18, "color": GREY, "line": {"width": 2.5}},
            )  # fmt: skip
    frame.rows(figure, [words.group(row.name, row.n) for row in shown], words.markup(metric))
    figure.update_yaxes(range=[len(shown) - 0.45, -0.58])
    figure.update_layout(transition={"duration": 250, "easing": "cubic-in-out"})
    table = pd.DataFrame(
        {
            words.later("group"): [row.name for row in rows],
            "n": [row.n for row in rows],
            words.later("before"): [row.mean[0] for row in rows],
            words.later("after"): [row.mean[1] for row in rows],
            words.later("difference"): [row.difference[0] for row in rows],
            words.later("95 % from"): [row.difference[1] for row in rows],
            words.later("95 % to"): [row.difference[2] for row in rows],
            words.later("who lost and gained"): [row.counted for row in rows],
        }
    )
    said = "; ".join(
        words.say(
            "{group} {before} to {after}",
            group=words.group(row.name, row.n),
            before=words.number(row.mean[0]),
            after=words.number(row.mean[1]),
        )
        for row in rows
    )
    return Chart(
        figure,
        words.say("{metric} of each person before and after. Means: {said}.", metric=metric, said=said),
        table,
        keys,
    )


def _drawn(row: PeopleRow, most: int) -> NDArray[np.intp]:
    """Places of the people who are drawn: those who moved furthest, the others by their pseudonym, which is random."""
    order = np.lexsort((row.numbers, -np.abs(row.after - row.before)))
    return order[:most]


def _dots(
    figure: Any, x: Array, y: Array, number: NDArray[np.int64], symbol: str, color: str, size: int, opacity: float,
    keys: list[str],
) -> None:  # fmt: skip
    figure.add_scatter(
        x=x, y=y, mode="markers", showlegend=False,
        customdata=np.column_stack([number, len(keys) + np.arange(len(number))]).astype(object),  # lists are slow
        marker={"symbol": symbol, "size": size, "color": color, "opacity": opacity},
        selected={"marker": {"opacity": opacity}}, unselected={"marker": {"opacity": opacity}},
        hovertemplate=f"{words.markup(words.say('person'))} %{{customdata[0]}}: %{{x:.3f}}<extra></extra>",
    )  # fmt: skip
    keys += [str(one) for one in number.tolist()]


@frame.kept
def plane(points: Sequence[PlanePoint], start: tuple[float, float], gap: str, quality: str, better: int) -> Chart:
    """Every strength of several methods: a fairness metric to the right, accuracy upwards in % of the unmitigated one.

    start: the unmitigated lists, where the lines cross; what is no worse in either is shaded. The dotted line joins the
    points that no other beats in both. better: 1 where a higher metric is fairer, -1 where a lower one is. The
    keys of the marks are those of the points."""
    if not points:
        return empty(words.say("No strength has been tried yet."))
    figure = frame.canvas(330, legend=True)
    across = [start[0], *(point.gap for point in points)]
    up = [100 * start[1], *(100 * point.accuracy for point in points)]
    (left, right), (bottom, top) = (_room(values) for values in (across, up))
    fair = (start[0], right) if better > 0 else (left, start[0])
    figure.add_shape(
        type="rect", x0=fair[0], x1=fair[1], y0=100 * start[1], y1=top, line_width=0, layer="below",
        fillcolor="rgba(0,158,115,0.16)",
    )  # fmt: skip
    figure.add_annotation(
        x=fair[1] if better > 0 else fair[0], y=top, xanchor="right" if better > 0 else "left", yanchor="top",
        showarrow=False, text=words.markup(words.say("no worse in either")),
    )  # fmt: skip
    crossed = (start[0], start[0], bottom, top), (left, right, 100 * start[1], 100 * start[1])
    for x0, x1, y0, y1 in crossed:
        line = {"color": GREY, "width": 1}
        figure.add_shape(type="line", layer="below", line=line, x0=x0, x1=x1, y0=y0, y1=y1)
    best = frontier(points, better)
    figure.add_scatter(
        x=[point.gap for point in best], y=[100 * point.accuracy for point in best], mode="lines", hoverinfo="skip",
        name=words.say("frontier"), line={"color": GREY, "dash": "dot", "width": 4},
    )  # fmt: skip
    series = list(dict.fromkeys(point.series for point in points))
    keys = list(dict.fromkeys(point.key for point in points))
    for s, name in enumerate(series):
        mine = [point for point in points if point.series == name]
        color = PALETTE[s % 6]
        figure.add_scatter(
            x=[p.gap for p in mine], y=[100 * p.accuracy for p in mine], mode="lines+markers",
            name=words.markup(name, 60),
            line={"color": color, "dash": DASHES[s % 6], "width": 1},
            marker={"symbol": SYMBOLS[s % 6], "size": 9, "color": color},
            selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
            customdata=[[words.markup(p.label), keys.index(p.key)] for p in mine],
            hovertemplate="%{customdata[0]}<br>%{x:.4f}, %{y:.1f} %<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    for point in (point for point in points if point.chosen):
        figure.add_scatter(
            x=[point.gap], y=[100 * point.accuracy], mode="markers", showlegend=False, hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 18, "color": GREY, "line": {"width": 2.5}},
        )  # fmt: skip
    side = words.say("right") if better > 0 else words.say("left")
    title = words.say("{gap} ({say} is fairer)", gap=words.markup(gap), say=side)
    figure.update_xaxes(title_text=title, fixedrange=True, range=[left, right], nticks=6, zeroline=False)
    percent = words.say("{metric}, % of unmitigated", metric=words.markup(quality))
    figure.update_yaxes(title_text=percent, fixedrange=True, range=[bottom, top], nticks=6, zeroline=False)
    table = pd.DataFrame(
        {
            words.later("method"): [p.series for p in points],
            words.later("strength"): [p.label for p in points],
            gap: [p.gap for p in points],
            percent: [100 * p.accuracy for p in points],
            words.later("on the frontier"): [words.say("yes") if p in best else "" for p in points],
        }
    )
    said = "; ".join(f"{p.series} {p.label}: {words.number(p.gap)}, {words.percent(p.accuracy)}" for p in best[:6])
    return Chart(
        figure,
        words.say(
            "{gap} against {quality} as a part of the unmitigated lists', for {series}. On the frontier: {said}.",
            gap=gap,
            quality=quality,
            series=words.join(series),
            said=said,
        ),
        table,
        keys,
    )


def frontier(points: Sequence[PlanePoint], better: int) -> list[PlanePoint]:
    """The points that no other beats: as fair and as accurate, and better in one of both. From left to right."""
    ordered = sorted(points, key=lambda point: (-better * point.gap, -point.accuracy))
    kept: list[PlanePoint] = []
    for point in ordered:
        if not kept or point.accuracy > kept[-1].accuracy:
            kept.append(point)
    return sorted(kept, key=lambda point: point.gap)


def _room(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis with room beyond the outermost marks."""
    low, high = min(values), max(values)
    more = 0.08 * ((high - low) or abs(high) or 1.0)
    return low - more, high + more
