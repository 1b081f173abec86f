"""What something is made of: shares of categories, exposure of groups of items, stacked outcomes, plain bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import (
    BLUE,
    GREEN,
    GREY,
    HATCH,
    MAX_ROWS,
    ORANGE,
    PALETTE,
    PATTERNS,
    PURPLE,
    SYMBOLS,
    VERMILLION,
    Chart,
    empty,
)

WRITTEN = 8  # per cent: a narrower part of a row has no room for its number


@frame.kept
def shares(
    names: Sequence[str],
    groups: Mapping[str, ArrayLike],
    axis: str,
    limit: int = 18,
    aside: Mapping[str, str] | None = None,
    keys: Mapping[str, str] | None = None,
    *,
    by_row: bool = False,
) -> Chart:
    """Shares of categories by group: one row a category, one mark a group, widest difference first.

    groups: label → shares [len(names)], each summing to 1. aside: label → why a group is not compared: it is grey and
    hollow, comes last, and has no part in the order. Without two groups to compare, the first one's largest lead.
    keys: label → what a mark of this group stands for when it is clicked. by_row: it stands for its category instead.
    """
    small = {label: why for label, why in (aside or {}).items() if why}
    labels = sorted(groups, key=lambda label: label in small)
    matrix = np.array([np.asarray(groups[label], dtype=float) for label in labels]).reshape(len(labels), len(names))
    if matrix.size == 0 or np.isnan(matrix).all():
        return empty(words.say("There are no categories to compare."))
    compared = matrix[: len(labels) - len(small)]
    compared = compared[~np.isnan(compared).all(axis=1)]
    leading = compared if len(compared) else matrix[~np.isnan(matrix).all(axis=1)][:1]
    spread = np.nanmax(leading, axis=0) - np.nanmin(leading, axis=0)
    order = np.argsort(-(spread if len(leading) > 1 else leading[0]), kind="stable")
    top = order[:limit]
    figure = frame.canvas(27 * len(top) + 52, legend=True)
    for i, column in enumerate(top):
        figure.add_shape(
            type="line", x0=100 * np.nanmin(leading[:, column]), x1=100 * np.nanmax(leading[:, column]), y0=i, y1=i,
            line={"color": GREY, "width": 3}, layer="below", opacity=0.5,
        )  # fmt: skip
    for g, label in enumerate(labels):
        hollow = label in small
        figure.add_scatter(
            x=100 * matrix[g, top], y=list(range(len(top))), mode="markers",
            name=words.markup(frame.named(label, small), 80),
            marker={
                "color": GREY if hollow else PALETTE[g % 6], "symbol": SYMBOLS[g % 7] + ("-open" if hollow else ""),
                "size": 10, "line": {"width": 1.5 if hollow else 0},
            },
            cliponaxis=False, customdata=[[words.markup(names[j]), j if by_row else g] for j in top],
            hovertemplate="%{customdata[0]}: %{x:.2f} %<extra></extra>",
        )  # fmt: skip
    frame.rows(figure, [names[j] for j in top], words.markup(axis))
    figure.update_xaxes(rangemode="tozero", ticksuffix=" %")
    table = pd.DataFrame({words.later("category"): [names[j] for j in order]})
    for g, label in enumerate(labels):
        table[frame.named(label, small)] = matrix[g, order]
    widest = int(order[0])
    said = "; ".join(
        f"{frame.named(label, small)} {words.percent(float(matrix[g, widest]))}"
        for g, label in enumerate(labels) if not np.isnan(matrix[g, widest])
    )  # fmt: skip
    told = words.say("{axis}, one row a category. Widest difference: {names} ({said}).", axis=axis,
                     names=names[widest], said=said)  # fmt: skip
    if len(compared) < 2:
        told = words.say("{axis}, one row a category. Largest: {names} ({said}).", axis=axis, names=names[widest],
                         said=said)  # fmt: skip
    marks = list(names) if by_row else [keys[label] for label in labels] if keys else []
    return Chart(figure, told, table, marks)


@frame.kept
def exposure(
    names: Sequence[str],
    parts: Mapping[str, ArrayLike],
    intervals: Mapping[str, ArrayLike] | None = None,
    *,
    axis: str = "",
    main: str = "exposure",
    keys: Sequence[str] = (),
) -> Chart:
    """Shares side by side, one row a name: an item group's part of exposure (`main`, largest mark) beside its parts of
    the catalogue, of interactions and of liked items.

    parts: what → shares [len(names)]. intervals: what → [len(names), 2]. keys: what a row's marks stand for when they
    are clicked.
    """
    if not names:
        return empty(words.say("There is no item group to show."))
    axis = axis or words.say("part of the whole")
    figure = frame.canvas((48 if len(names) <= 6 else 30) * len(names[:MAX_ROWS]) + 52, legend=True)
    styles = {main: (VERMILLION, "diamond", 13)}
    others = iter([(BLUE, "line-ns", 16), (GREEN, "circle-open", 11), (PURPLE, "square-open", 11), (ORANGE, "x", 10)])
    for what, values in parts.items():
        color, symbol, size = styles.get(what) or next(others)
        x = 100 * np.asarray(values, dtype=float)[:MAX_ROWS]
        error: dict[str, Any] = {}
        if intervals and what in intervals:
            bounds = 100 * np.asarray(intervals[what], dtype=float)[:MAX_ROWS]
            error = {
                "type": "data", "symmetric": False, "array": bounds[:, 1] - x, "arrayminus": x - bounds[:, 0],
                "color": color, "thickness": 2, "width": 5,
            }  # fmt: skip
        figure.add_scatter(
            x=x, y=list(range(len(x))), mode="markers", name=words.markup(what), error_x=error,
            marker={"color": color, "symbol": symbol, "size": size, "line": {"width": 2.5, "color": color}},
            hovertemplate=f"{words.markup(what)} %{{x:.2f}} %<extra></extra>", cliponaxis=False,
            customdata=[[words.markup(name), i] for i, name in enumerate(names[:MAX_ROWS])],
        )  # fmt: skip
    frame.rows(figure, list(names[:MAX_ROWS]), axis)
    figure.update_xaxes(rangemode="tozero", ticksuffix=" %")
    table = pd.DataFrame({words.later("row"): list(names)}).assign(
        **{w: np.asarray(v, dtype=float) for w, v in parts.items()}
    )
    said = "; ".join(
        f"{name}: " + ", ".join(f"{what} {words.percent(float(np.asarray(v)[i]))}" for what, v in parts.items())
        for i, name in enumerate(names[:6])
    )
    return Chart(
        figure,
        words.say(
            "{main} beside what could be expected, {axis}. {said}.", main=words.sentence(main), axis=axis, said=said
        ),
        table,
        keys,
    )


@frame.kept
def stacked(
    rows: Mapping[str, Sequence[float]],
    parts: Sequence[str],
    axis: str,
    colors: Sequence[str] = PALETTE,
    aside: Mapping[str, str] | None = None,
    keys: Sequence[str] = (),
) -> Chart:
    """Rows that are cut into parts which add up to 1 (head and tail, worse and better off).

    aside: row → why a group is not compared: its parts are grey outlines. NaN: it has no value. keys: what the bars of
    each row stand for when they are clicked."""
    if not rows:
        return empty(words.say("There is nothing to show."))
    small = {label: why for label, why in (aside or {}).items() if why}
    figure = frame.canvas(42 * len(rows) + 52, legend=True, barmode="stack")
    for i, label in enumerate(rows):
        if any(math.isnan(share) for share in rows[label]):
            frame.note(figure, i, frame.missing(small.get(label) or words.say("no value")))
    hollow = [label in small for label in rows]
    for i, part in enumerate(parts):
        values = [100 * row[i] for row in rows.values()]
        if hollow[0]:  # the legend shows a part as the first row does: here it has a bar of its own
            figure.add_bar(
                x=[None], y=[None], orientation="h", name=words.markup(part),
                marker={"color": colors[i], "pattern": {**HATCH, "shape": PATTERNS[i % 7]}},
            )  # fmt: skip
        figure.add_bar(
            x=values, y=list(range(len(rows))), orientation="h", name=words.markup(part), width=0.6,
            showlegend=not hollow[0],
            marker={
                "color": ["rgba(0,0,0,0)" if thin else colors[i] for thin in hollow],
                "line": {"color": GREY, "width": [1.5 if thin else 0 for thin in hollow]},
                "pattern": {**HATCH, "shape": ["" if thin else PATTERNS[i % 7] for thin in hollow]},
            },
            hovertemplate="%{fullData.name} %{x:.1f} %<extra></extra>",
            customdata=[[words.markup(label), row] for row, label in enumerate(rows)],
        )  # fmt: skip
        for row, (own, thin) in enumerate(zip(rows.values(), hollow, strict=True)):
            if 100 * own[i] >= WRITTEN:  # on a ground of its own: no number is read through a hatch
                ground = {"font": {"color": GREY}} if thin else {
                    "bgcolor": colors[i], "borderpad": 1, "font": {"color": frame.legible(colors[i])}}  # fmt: skip
                figure.add_annotation(x=100 * (sum(own[:i]) + own[i] / 2), y=row, text=words.percent(own[i], 0),
                                      showarrow=False, **ground)  # fmt: skip
    shown = {label: frame.named(label, small) for label in rows}
    frame.rows(figure, list(shown.values()), words.markup(axis))
    figure.update_xaxes(range=[0, 100], ticksuffix=" %")
    table = pd.DataFrame([[shown[name], *row] for name, row in rows.items()], columns=["group", *parts])
    said = "; ".join(
        f"{shown[name]}: " + ", ".join(f"{part} {words.percent(row[i], 0)}" for i, part in enumerate(parts))
        for name, row in list(rows.items())[:MAX_ROWS]
        if not any(map(math.isnan, row))
    )
    return Chart(figure, f"{axis}. {said}.", table, keys)


@frame.kept
def bars(
    names: Sequence[str],
    values: Sequence[float],
    axis: str,
    *,
    digits: int = 3,
    most: int | None = None,
    keys: Sequence[str] = (),
) -> Chart:
    """Signed bars from zero: to the right blue, to the left vermillion and hatched (what adds to a score).

    most: what no value can be above; the axis ends there. keys: what a bar stands for when it is clicked; nothing where
    that is empty."""
    if not names:
        return empty(words.say("There is nothing to show."))
    shown = list(zip(names, values, strict=True))[:MAX_ROWS]
    figure = frame.canvas(30 * len(shown) + 50)
    figure.add_bar(
        x=[v for _, v in shown], y=list(range(len(shown))), orientation="h",
        marker={
            "color": [BLUE if v >= 0 else VERMILLION for _, v in shown],
            "pattern": {**HATCH, "shape": ["" if v >= 0 else "/" for _, v in shown]},
        },
        text=[words.number(v, digits) for _, v in shown], textposition="outside", cliponaxis=False,
        customdata=[[words.markup(name, 80), *([i] if any(keys[i : i + 1]) else [])]
                    for i, (name, _) in enumerate(shown)],
        hovertemplate="%{customdata[0]}: %{x:.4f}<extra></extra>",
    )  # fmt: skip
    frame.rows(figure, [name for name, _ in shown], words.markup(axis), wrap=32)
    low, high = min(0.0, *(v for _, v in shown)), max(0.0, *(v for _, v in shown))
    room = 0.28 * (high - low or 1.0)  # for the numbers at the ends, on a phone, too
    figure.update_xaxes(zeroline=True, range=[low - room if low < 0 else 0.0, high + room if high > 0 else 0.0])
    if most is not None:
        step = max(1, -(-most // 6))
        figure.update_xaxes(range=[0, 1.05 * most], tickvals=[*range(0, most - step + 1, step), most])
    table = pd.DataFrame({words.later("part"): list(names), axis: list(values)})
    said = "; ".join(f"{name} {words.number(v, digits)}" for name, v in shown[:8])
    return Chart(figure, f"{axis}: {said}.", table, keys)


def ratings(values: ArrayLike, threshold: float | None) -> Chart:
    """How many rows have each rating; with a line where liked begins, None: every row counts. keys: the rating at which
    each bar begins."""
    told = np.asarray(values, np.float64)
    told = told[np.isfinite(told)]
    if not len(told):
        return empty(words.say("There are no ratings."))
    points, counts = np.unique(told, return_counts=True)
    begins = points
    width = float(np.diff(points).min()) if len(points) > 1 else 1.0
    if len(points) > MAX_ROWS:  # counts without an upper end: the last bar holds all beyond
        counts, edges = np.histogram(np.minimum(told, np.quantile(told, 0.99)), bins=MAX_ROWS)
        points, begins, width = (edges[:-1] + edges[1:]) / 2, edges[:-1], float(edges[1] - edges[0])
    liked = points >= (-np.inf if threshold is None else threshold)
    figure = frame.canvas(220)
    figure.add_bar(
        x=points, y=counts, width=0.8 * width, marker={"color": [BLUE if one else GREY for one in liked]},
        hovertemplate="%{x}: %{y:,}<extra></extra>", customdata=[["", i] if n else [""] for i, n in enumerate(counts)],
    )  # fmt: skip
    said = words.say("Every interaction counts as liked.")
    if threshold is not None:
        said = words.say(
            "Liked from {threshold} on: {share} of the rows.",
            threshold=words.brief(threshold),
            share=words.percent(float((told >= threshold).mean()), 0),
        )
        figure.add_vline(x=threshold - width / 2, line={"dash": "dash", "width": 2, "color": VERMILLION})
    shown = points[:: max(1, len(points) // 11)]
    figure.update_xaxes(title_text=words.markup(said), tickvals=shown, ticktext=[words.brief(p) for p in shown],
                        fixedrange=True)  # fmt: skip
    figure.update_yaxes(title_text=words.say("rows"), fixedrange=True)
    return Chart(figure, said, pd.DataFrame({"rating": points, "rows": counts}),
                 [f"{begin:g}" for begin in begins])  # fmt: skip
