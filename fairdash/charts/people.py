"""People as dots in the row of their group, beside their group's value, a reference and a tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import GREY, MAX_ROWS, PALETTE, SYMBOLS, Chart, empty

MAX_DOTS = 1200  # of one picture; of more people some are drawn, evenly over their values
LEAST_ROW, MOST_ROW, WANTED = 52, 150, 420  # pixels of a row, and of all rows where they are few
SEEN, FAINT = 0.6, 0.12  # opacity of dots
CELLS = 60  # across the picture, in which dots of like value are stacked
HEIGHT = 0.8  # of a row that a full cell takes
FULL = 0.9  # part of the cells that are less full than a full one
LEAST_FULL = 10.0  # dots of a full cell at least: a few people do not fill a row


@dataclass(frozen=True, eq=False)
class Crowd:
    """A group's people: ids and values (`each`) [n] of those who have one; a click gives the id. value: of the group.
    aside: why the group is not compared; one without ids is too small to show, and keeps its n."""

    name: str
    n: int
    ids: Sequence[str]
    each: NDArray[np.float64]
    value: float | None
    aside: str = ""


@dataclass(frozen=True)
class Reference:
    """What groups are held against: its name, its value, and how far from it still counts as the same."""

    name: str
    value: float
    tolerance: float = 0.0


@frame.kept
def people(
    crowds: Sequence[Crowd],
    metric: str,
    reference: Reference | None = None,
    brushed: tuple[float, float] | None = None,
    marked: str = "",
) -> Chart:
    """One row a group, one dot a person; a stroke is the group's value, the dotted line the reference, its band the
    tolerance. brushed: from and to; people outside of it are faint. marked: the id of a person who has a ring. At most
    MAX_DOTS are drawn, in equal parts of the groups and evenly over their values; how many is said beside the group's
    size."""
    crowds = sorted(crowds, key=lambda crowd: not len(crowd.ids))  # those that are too small come last
    shown = crowds[:MAX_ROWS]
    full = [crowd for crowd in shown if len(crowd.ids)]
    if not full:
        return empty(words.say("No group has enough people with a value to show them."))
    room = max(LEAST_ROW, min(MOST_ROW, WANTED // len(shown)))
    figure = frame.canvas(room * len(shown) + 56)
    known = np.concatenate([crowd.each for crowd in full])
    low, high = float(known.min()), float(known.max())
    labels, drawn = [], []
    keys: list[str] = []
    for i, crowd in enumerate(shown):
        if not len(crowd.ids):
            frame.note(figure, i, words.say(crowd.aside or words.WITHHELD))
            labels.append(words.group(crowd.name, crowd.n))
            drawn.append(0)
            continue
        kept = spread_over(crowd.each, MAX_DOTS // len(full))
        drawn.append(len(kept))
        labels.append(_label(crowd, len(kept)))
        x = crowd.each[kept]
        inside = np.ones(len(x), bool) if brushed is None else (x >= brushed[0]) & (x <= brushed[1])
        color = GREY if crowd.aside else PALETTE[i % 6]
        figure.add_scatter(
            x=x, y=i + stacked(x, low, high), mode="markers", showlegend=False,
            marker={
                "color": color, "symbol": SYMBOLS[i % 6] + ("-open" if crowd.aside else ""), "size": 6,
                "opacity": np.where(inside, SEEN, FAINT), "line": {"width": 0.5, "color": color},
            },
            customdata=[[f"{words.markup(crowd.ids[j])}<br>{words.markup(metric)} {words.number(crowd.each[j], 4)}",
                         len(keys) + place] for place, j in enumerate(kept)],
            hovertemplate="%{customdata[0]}<extra></extra>",
            unselected={"marker": {"opacity": SEEN if brushed is None else FAINT}},
        )  # fmt: skip
        for j, height in zip(kept, stacked(x, low, high), strict=True):
            if crowd.ids[j] == marked:
                figure.add_scatter(
                    x=[crowd.each[j]], y=[i + height], mode="markers", showlegend=False, hoverinfo="skip",
                    marker={"symbol": "circle-open", "size": 15, "color": color, "opacity": 1, "line": {"width": 2.5}},
                )  # fmt: skip
        keys += [crowd.ids[j] for j in kept]
        for paint, width in (("rgba(255,255,255,0.7)", 7), (color, 4)):  # a rim, so that it is seen among the dots
            figure.add_scatter(
                x=[crowd.value], y=[i], mode="markers", showlegend=False, hoverinfo="skip",
                marker={"color": paint, "symbol": "line-ns", "size": 0.42 * room, "opacity": 1,
                        "line": {"width": width, "color": paint}},
            )  # fmt: skip
    frame.rows(figure, labels, words.markup(metric))
    values = ["" if crowd.value is None else f"<br><b>{words.number(crowd.value)}</b>" for crowd in shown]
    figure.update_yaxes(ticktext=[a + b for a, b in zip(figure.layout.yaxis.ticktext, values, strict=True)])
    margin = 0.03 * ((high - low) or 1.0)
    figure.update_xaxes(range=[low - margin, high + margin])
    if reference is not None:
        _against(figure, reference)
    if brushed is not None:
        figure.add_vrect(x0=brushed[0], x1=brushed[1], fillcolor="rgba(0,114,178,0.07)", layer="below",
                         line={"color": PALETTE[0], "width": 1, "dash": "dash"})  # fmt: skip
    quarters = [np.quantile(c.each, [0, 0.25, 0.5, 0.75, 1]) if len(c.ids) else np.full(5, np.nan) for c in crowds]
    names = words.several("least", "a quarter at most", "half at most", "three quarters at most", "most")
    table = pd.DataFrame(
        {
            words.later("group"): [crowd.name for crowd in crowds],
            "n": [crowd.n for crowd in crowds],
            words.later("with a value"): [len(crowd.ids) or None for crowd in crowds],
            words.later("drawn"): [*drawn, *[0] * (len(crowds) - len(shown))],
            metric: [crowd.value if len(crowd.ids) else None for crowd in crowds],
            **{name: [float(q[j]) for q in quarters] for j, name in enumerate(names)},
            words.later("note"): [words.say(crowd.aside) if crowd.aside else "" for crowd in crowds],
        }
    )
    said = "; ".join(
        words.say("{group}: {value}", group=label, value=words.number(crowd.value))
        for label, crowd in zip(labels, shown, strict=True)
        if len(crowd.ids)
    )
    return Chart(figure, words.say("{metric} of each person, by group. {said}.", metric=metric, said=said), table, keys)


def _label(crowd: Crowd, drawn: int) -> str:
    label = words.group(crowd.name, crowd.n)
    if drawn < len(crowd.ids):
        label = words.say("{name} (n = {n}, {drawn} drawn)", name=words.label(crowd.name, 32), n=crowd.n, drawn=drawn)
    return frame.named(label, {label: crowd.aside})


def _against(figure: go.Figure, reference: Reference) -> None:
    if reference.tolerance:
        figure.add_vrect(
            x0=reference.value - reference.tolerance, x1=reference.value + reference.tolerance,
            fillcolor="rgba(138,147,156,0.25)", line={"width": 0}, layer="below",
        )  # fmt: skip
    figure.add_vline(x=reference.value, line={"dash": "dot", "color": GREY, "width": 1.5})
    figure.add_annotation(
        x=reference.value, y=1, yref="paper", yanchor="bottom", showarrow=False,
        text=f"{words.markup(reference.name)} {words.number(reference.value)}",
    )  # fmt: skip
    figure.update_layout(margin={"t": 26})


def spread_over(values: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Places of at most so many values [m ≤ most], taken evenly from the smallest to the largest, both of them among
    these; in rising order of the values."""
    order = np.argsort(values, kind="stable")
    if len(order) <= most:
        return order.astype(np.int64)
    return order[np.linspace(0, len(order) - 1, most).round().astype(np.int64)].astype(np.int64)


def stacked(each: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Heights of dots around their row [n], within HEIGHT / 2 of it: dots of one cell of the axis stand on each other,
    evenly; where a cell is much fuller than most, its dots stand closer."""
    cell = np.minimum((each - low) / ((high - low) or 1.0) * CELLS, CELLS - 1).astype(np.int64)
    order = np.argsort(cell, kind="stable")
    counts = np.bincount(cell, minlength=CELLS)
    usual = max(float(np.quantile(counts[counts > 0], FULL)), LEAST_FULL)
    place = np.arange(len(each)) - (np.cumsum(counts) - counts)[cell[order]]
    height = np.empty(len(each))
    height[order] = (place - (counts[cell[order]] - 1) / 2) * HEIGHT / np.maximum(counts[cell[order]], usual)
    return height
