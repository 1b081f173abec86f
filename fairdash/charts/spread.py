"""How a value is spread over people, and curves over a quantity."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import BLUE, CURVE_POINTS, DASHES, GREY, PALETTE, SYMBOLS, Chart, empty

HAIR = 1e-6  # by which a cell ends before the next one begins
DENSE = 40  # points of a line, from which on its marks are too many to tell apart


@frame.kept
def distributions(
    edges: Sequence[float],
    groups: Mapping[str, tuple[int, Sequence[float]]],
    axis: str,
    kind: str = "cumulative",
    aside: Mapping[str, str] | None = None,
    *,
    ranges: bool = True,
) -> Chart:
    """Values of people by group, from shares in cells: cumulative curves, "shares" in cells, or "violin" outlines.

    edges: [c + 1], rising. groups: name → (people, shares in the cells [c], which sum to 1). aside: name → why a group
    is not compared; it is grey, and comes last. keys: a mark of a group that is compared stands for [name, from, to] as
    JSON, the values of its cell or, of a cumulative curve, at its left, ends included; without `ranges` for its name.
    """
    small = {words.group(name, groups[name][0]): why for name, why in (aside or {}).items() if why and name in groups}
    held = {words.group(name, n): np.asarray(s, dtype=float) for name, (n, s) in groups.items() if sum(s) > 0}
    drawn = {frame.named(label, small): held[label] for label in sorted(held, key=lambda label: label in small)}
    full = len(held) - sum(label in small for label in held)  # rows in full colour
    if not drawn:
        return empty(words.say("No group has a defined value."))
    cuts = np.asarray(edges, dtype=float)
    middle = (cuts[1:] + cuts[:-1]) / 2
    names = {words.group(name, n): name for name, (n, _) in groups.items() if not (aside or {}).get(name)}
    keys: list[str] = []
    reach = [*(cuts[1:-1] - HAIR), cuts[-1]]
    hover = {"share": "%{y:.1f}", "value": "%{x:.3g}"}
    around = words.say("around {value}: {share} % of people", **hover) + "<extra></extra>"
    at_most = words.say("{share} % of people have at most {value}", **hover) + "<extra></extra>"

    def meant(label: str, share: np.ndarray, *, summed: bool = False) -> list[list[Any]]:
        """What the marks of a group stand for, one a cell; one in whose cell nobody is stands for nothing."""
        told: list[list[Any]] = []
        for i, some in enumerate(np.cumsum(share) if summed else share):
            known = label in names and some > 0
            told.append([words.markup(label), len(keys)] if known else [words.markup(label)])
            if known:
                ends = [float(cuts[0 if summed else i]), float(reach[i])]
                keys.append(json.dumps([names[label], *ends]) if ranges else names[label])
        return told

    if kind == "violin":
        figure = frame.canvas(64 * len(drawn) + 52)
        widest = max(float(share.max()) for share in drawn.values())
        for i, (label, share) in enumerate(drawn.items()):
            half = 0.42 * share / widest
            figure.add_scatter(
                x=np.concatenate([middle, middle[::-1]]), y=np.concatenate([i - half, (i + half)[::-1]]),
                mode="lines", fill="toself" if i < full else "none",
                line={"color": PALETTE[i % 6] if i < full else GREY, "shape": "linear", "width": 1.5},
                name=words.markup(label), hoverinfo="skip",
            )  # fmt: skip
            figure.add_scatter(  # what is hovered and clicked: an outline has no cells
                x=middle, y=[i] * len(middle), mode="markers", name=words.markup(label),
                marker={"color": "rgba(0,0,0,0)", "size": 12}, customdata=meant(label, share), showlegend=False,
                hovertemplate=[around.replace("%{y:.1f}", words.number(100 * float(some), 1)) for some in share],
            )  # fmt: skip
        frame.rows(figure, list(drawn), words.markup(axis))
    else:
        figure = frame.canvas(270, legend=True)
        for i, (label, share) in enumerate(drawn.items()):
            summed = kind == "cumulative"
            figure.add_scatter(
                x=cuts if summed else middle,
                y=100 * np.concatenate([[0], np.cumsum(share)]) if summed else 100 * share,
                mode="lines+markers", name=words.markup(label),
                customdata=[[words.markup(label)], *meant(label, share, summed=True)] if summed
                else meant(label, share),
                line={
                    "color": PALETTE[i % 6] if i < full else GREY, "dash": DASHES[i % 6],
                    "shape": "linear" if summed else "hvh", "width": 2 if i < full else 1,
                },
                marker={"symbol": SYMBOLS[i % 6] + ("" if i < full else "-open"), "size": 4 if summed else 6},
                hovertemplate=at_most if summed else around,
            )  # fmt: skip
        told = (
            words.say("% of people with at most this") if kind == "cumulative" else words.say("% of the group's people")
        )
        figure.update_yaxes(title_text=told, rangemode="tozero", fixedrange=True)
        figure.update_xaxes(title_text=words.markup(axis), fixedrange=True)
    table = pd.DataFrame({words.later("from"): cuts[:-1], words.later("to"): cuts[1:], **drawn})
    said = "; ".join(_half_way(label, cuts, share) for label, share in drawn.items())
    return Chart(figure, words.say("{axis} of people by group: {said}.", axis=axis, said=said), table, keys)


def _half_way(label: str, cuts: np.ndarray, share: np.ndarray) -> str:
    """Below which value half of a group's people are; people without one (no hit has no rank) may be more than that."""
    summed = np.cumsum(share)
    if summed[-1] < 0.5:
        return words.say("{share} % of {group} have one", share=words.number(100 * float(summed[-1]), 1), group=label)
    value = float(cuts[1:][np.searchsorted(summed, 0.5)])
    return words.say("half of {group} have at most {value}", group=label, value=words.number(value))


@frame.kept
def curves(series: Mapping[str, Sequence[tuple[float, float]]], x_title: str, y_title: str, height: int = 230) -> Chart:
    """Lines over a common axis (training curves): name → (x, y) points in order. keys: the x of each mark."""
    drawn = {name: points for name, points in series.items() if points}
    if not drawn:
        return empty(words.say("No point has come yet."), height)
    figure = frame.canvas(height, legend=True)
    keys: list[str] = []
    for i, (name, points) in enumerate(drawn.items()):
        step = max(1, len(points) // CURVE_POINTS)
        kept = [*points[:-1:step], points[-1]]
        first = len(keys)
        keys += [repr(float(x)) for x, _ in kept]
        figure.add_scatter(
            x=[x for x, _ in kept], y=[y for _, y in kept], name=words.markup(name),
            mode="lines+markers", customdata=[[words.markup(name), first + j] for j in range(len(kept))],
            line={"color": PALETTE[i % 6], "dash": DASHES[i % 6], "width": 2},
            marker={"symbol": SYMBOLS[i % 6], "size": 6 if len(kept) < DENSE else 2},
            hovertemplate="%{y:.4f}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(title_text=words.markup(x_title), fixedrange=True)
    figure.update_yaxes(title_text=words.markup(y_title), fixedrange=True)
    table = pd.DataFrame(
        [(name, x, y) for name, points in drawn.items() for x, y in points],
        columns=[words.later("line"), x_title, y_title],
    )
    said = "; ".join(
        words.say(
            "{name} went from {first} to {last}", name=name, first=words.number(p[0][1]), last=words.number(p[-1][1])
        )
        for name, p in drawn.items()
    )
    return Chart(figure, f"{y_title}: {said}.", table, keys)


@frame.kept
def band(
    x: ArrayLike,
    y: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    x_title: str,
    y_title: str,
    keys: Sequence[str] = (),
) -> Chart:
    """A smooth curve with its 95 % band (a metric over age). keys: what each x stands for when its point is clicked."""
    across, value, lower, upper = (np.asarray(v, dtype=float) for v in (x, y, low, high))
    if not len(across) or np.isnan(value).all():
        return empty(words.say("Too few people with a known value for a curve."))
    figure = frame.canvas(270)
    figure.add_scatter(
        x=np.concatenate([across, across[::-1]]), y=np.concatenate([upper, lower[::-1]]), fill="toself", mode="lines",
        line={"width": 0}, fillcolor="rgba(0,114,178,0.22)", hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=across, y=value, mode="lines+markers" if keys else "lines", line={"color": BLUE, "width": 2.5},
        marker={"size": 6}, customdata=[[words.markup(key), i] for i, key in enumerate(keys)],
        hovertemplate="%{x:.0f}: %{y:.4f}<extra>" + ("%{customdata[0]}" if keys else "") + "</extra>",
    )  # fmt: skip
    figure.update_xaxes(title_text=words.markup(x_title), fixedrange=True)
    figure.update_yaxes(title_text=words.markup(y_title), fixedrange=True)
    table = pd.DataFrame(
        {x_title: across, y_title: value, words.later("95 % from"): lower, words.later("95 % to"): upper}
    )
    least, most = float(np.nanmin(value)), float(np.nanmax(value))
    return Chart(
        figure,
        words.say(
            "{y_title} over {x_title}, {least}, with a 95 % band.",
            y_title=y_title,
            x_title=x_title,
            least=words.interval(least, most),
        ),
        table,
        keys,
    )
