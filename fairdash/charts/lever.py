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
from fairdash.charts.frame import DASHES, GREY, PALETTE, SYMBOLS, Chart, empty

Array = NDArray[np.float64]

MAX_DOTS = 360  # people who are drawn, in equal parts of the groups: those who moved furthest, then any others
MAX_BANDS = 6  # groups of one picture; the table holds all
_GOLDEN = 0.6180339887  # multiples of it fill a band's height evenly


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


@dataclass(frozen=True)
class Movers:
    """People at every strength, for a view that draws them by itself. drawn: JSON of `low` and `high`, the ends of the
    axis, and `bands`, a group each: its name, colour, the people's pseudonyms `numbers` [m] and heights [m] from 0 to
    1, their values `before` [m] and `after` [strengths, m]; by strength the two means and what is `said` of them, and
    None where a strength has not been made. alt: the picture in words, by strength; None likewise."""

    drawn: dict[str, Any]
    alt: tuple[str | None, ...]


def movers(strengths: Sequence[Sequence[PeopleRow] | None], metric: str) -> Movers:
    """Each person at their own value after a strength, with where they came from; and each group's mean. The same
    people are drawn at every strength, so that they can be followed: those who move furthest at any, then any others.

    strengths: the groups at each strength, the same groups and people at all; None where it has not been made."""
    made = [rows for rows in strengths if rows is not None]
    shown = len(made[0][:MAX_BANDS]) if made else 0
    bands = [
        _band(i, [None if rows is None else rows[i] for rows in strengths], MAX_DOTS // shown) for i in range(shown)
    ]
    ends = [value for band in bands for part in (band["before"], *band["after"]) for value in part or ()]
    ends += [value for band in bands for means in band["means"] for value in means or ()]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    alt = tuple(None if rows is None else _said(rows, metric) for rows in strengths)
    return Movers({"low": low, "high": high, "bands": bands}, alt)


def _band(place: int, rows: Sequence[PeopleRow | None], most: int) -> dict[str, Any]:
    """One group at every strength."""
    made = [row for row in rows if row is not None]
    first = made[0]
    moved = np.max([np.abs(row.after - row.before) for row in made], axis=0)
    kept = np.lexsort((first.numbers, -moved))[:most]  # a pseudonym is random
    return {
        "name": words.group(first.name, first.n),
        "color": PALETTE[place % 6],
        "numbers": first.numbers[kept].tolist(),
        "heights": np.round((first.numbers[kept] * _GOLDEN) % 1, 4).tolist(),
        "before": _short(first.before[kept]),
        "after": [None if row is None else _short(row.after[kept]) for row in rows],
        "means": [None if row is None else _short(np.array(row.mean)) for row in rows],
        "said": [None if row is None else _change(row) for row in rows],
    }


def _short(values: Array) -> list[float]:
    rounded: list[float] = np.round(values, 4).tolist()
    return rounded


def _change(row: PeopleRow) -> str:
    """A group's mean before and after, with the interval of the change."""
    change, low, high = row.difference
    return words.say(
        "{before} → {after}: {change} ({interval})",
        before=words.number(row.mean[0]),
        after=words.number(row.mean[1]),
        change=words.signed(change),
        interval=words.interval(low, high, sign=True),
    )


def _said(rows: Sequence[PeopleRow], metric: str) -> str:
    said = "; ".join(
        words.say(
            "{group} {before} to {after}",
            group=words.group(row.name, row.n),
            before=words.number(row.mean[0]),
            after=words.number(row.mean[1]),
        )
        for row in rows
    )
    told = words.say("{metric} of each person before and after. Means: {said}.", metric=metric, said=said)
    return words.label(told, len(told) + 1)


def movers_table(rows: Sequence[PeopleRow]) -> pd.DataFrame:
    """The groups of one strength as a table."""
    return pd.DataFrame(
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
