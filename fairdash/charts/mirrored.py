"""Categories of two groups, one to the left and one to the right, each against its own history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import BLUE, GREY, HATCH, VERMILLION, Chart, empty


@dataclass(frozen=True, eq=False)
class Half:
    """A group's shares of categories [c]: of its lists, and of its own history where that is known. key: what a
    click on it gives."""

    label: str
    lists: ArrayLike
    history: ArrayLike | None = None
    key: str = ""


@frame.kept
def mirrored(names: Sequence[str], left: Half, right: Half, axis: str, limit: int = 18) -> Chart:
    """One row a category, the widest difference of lists first; bars are lists, strokes the group's own history.

    names: of the categories [c]."""
    shares = np.array([np.asarray(half.lists, dtype=float) for half in (left, right)]).reshape(2, len(names))
    if not len(names) or np.isnan(shares).any(axis=1).any():
        return empty(words.say("There are no categories to compare."))
    order = np.argsort(-np.abs(shares[0] - shares[1]), kind="stable")
    top = order[:limit]
    figure = frame.canvas(26 * len(top) + 56, legend=True, barmode="overlay")
    history = words.say("own history")
    for half, side, color, pattern in ((left, -1, BLUE, ""), (right, 1, VERMILLION, "/")):
        x = 100 * side * np.asarray(half.lists, dtype=float)[top]
        figure.add_bar(
            x=x, y=list(range(len(top))), orientation="h", width=0.66, name=words.markup(half.label, 80),
            marker={"color": color, "pattern": {**HATCH, "shape": pattern}},
            customdata=[[f"{words.markup(names[j])}: {words.percent(abs(v) / 100)}", int(half is right)]
                        for j, v in zip(top, x, strict=True)],
            hovertemplate="%{customdata[0]}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
        if half.history is not None:
            own = 100 * side * np.asarray(half.history, dtype=float)[top]
            figure.add_scatter(
                x=own, y=list(range(len(top))), mode="markers", name=history, showlegend=half is right,
                cliponaxis=False,
                marker={"symbol": "line-ns", "size": 17, "color": GREY, "line": {"width": 3, "color": GREY}},
                customdata=[f"{words.markup(names[j])}: {words.percent(abs(v) / 100)}"
                            for j, v in zip(top, own, strict=True)],
                hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
            )  # fmt: skip
    frame.rows(figure, [names[j] for j in top], words.markup(axis))
    every = [100 * np.asarray(part, dtype=float)[top] for half in (left, right)
             for part in (half.lists, half.history) if part is not None]  # fmt: skip
    most = float(np.nanmax([np.nanmax(part) for part in every])) or 1.0
    step = next(s for s in (1, 2, 5, 10, 20, 25, 50, 100) if most / s <= 4 or s == 100)
    ticks = list(range(0, int(most // step + 1) * step + 1, step))
    figure.update_xaxes(
        range=[-1.06 * most, 1.06 * most], zeroline=True, tickvals=[*(-t for t in ticks[:0:-1]), *ticks],
        ticktext=[f"{abs(t)} %" for t in (*(-t for t in ticks[:0:-1]), *ticks)],
    )  # fmt: skip
    table = pd.DataFrame({words.later("category"): [names[j] for j in order]})
    for half in (left, right):
        table[half.label] = np.asarray(half.lists, dtype=float)[order]
        if half.history is not None:
            told = words.say("{group}, own history", group=half.label)
            table[told] = np.asarray(half.history, dtype=float)[order]
    first = int(order[0])
    told = words.say(
        "{axis}: {left} to the left, {right} to the right. Widest difference: {category}, {one} and {other}.",
        axis=axis, left=left.label, right=right.label, category=names[first],
        one=words.percent(float(shares[0, first])), other=words.percent(float(shares[1, first])),
    )  # fmt: skip
    return Chart(figure, told, table, [left.key, right.key])
