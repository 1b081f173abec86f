"""How unequally exposure is spread over items, held against a target (Lorenz 1905)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import BLUE, CURVE_POINTS, GREY, Chart, empty

Array = NDArray[np.float64]
STEPS = 10  # parts of the curve whose items can be looked at


def curve(exposure: Array, target: Array) -> tuple[Array, Array]:
    """Lorenz's curve of exposure [n_items] against a target [n_items], both ≥ 0: x, y [m + 1] from (0, 0) to (1, 1).

    Items stand in rising order of exposure for their target, those of none last; x is their part of the target, y of
    exposure. With an equal target this is Lorenz's own curve. NaN where either sums to 0."""
    order = _rising(exposure, target)
    with np.errstate(invalid="ignore"):
        x, y = (np.concatenate([[0.0], np.cumsum(part[order]) / part.sum()]) for part in (target, exposure))
    return x, y


def _rising(exposure: Array, target: Array) -> NDArray[np.int64]:
    """The items that have any exposure or target, in rising order of one for the other."""
    some = np.flatnonzero((exposure > 0) | (target > 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(target > 0, exposure / target, np.inf)[some]
    found: NDArray[np.int64] = some[np.argsort(rate, kind="stable")]
    return found


def on_step(exposure: Array, target: Array, step: int) -> NDArray[np.int64]:
    """Codes of the items on a step of the curve, 1…STEPS: those whose middle lies in that part of the target."""
    x, _ = curve(exposure, target)
    middle = np.nan_to_num((x[1:] + x[:-1]) / 2, nan=-1.0)
    there: NDArray[np.bool_] = np.minimum(np.floor(STEPS * middle), STEPS - 1) == step - 1
    return _rising(exposure, target)[there]


def gini(x: Array, y: Array) -> float:
    """Twice the area between the diagonal and the curve: 0 where exposure is as the target, towards 1 the farther."""
    return float(1 - np.sum(np.diff(x) * (y[1:] + y[:-1])))


@frame.kept
def lorenz(exposure: Array, target: Array, told: str) -> Chart:
    """The curve with the diagonal, on which exposure is as the target. told: what the target is. keys: of the marks at
    the ends of its STEPS, the number of each."""
    x, y = curve(exposure, target)
    if np.isnan(x).any() or np.isnan(y).any():
        return empty(words.say("There is no exposure, or no target, to draw a curve of."), 300)
    figure = frame.canvas(320)
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": GREY}, hoverinfo="skip")
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), CURVE_POINTS)).round().astype(np.int64))
    figure.add_scatter(
        x=x[kept], y=y[kept], mode="lines", line={"color": BLUE, "width": 2.5}, fill="tonexty",
        fillcolor="rgba(0,114,178,0.13)", hoverinfo="skip",
    )  # fmt: skip
    steps = np.linspace(0, 1, STEPS + 1)
    ends = np.interp(steps, x, y)
    figure.add_scatter(
        x=steps[1:], y=ends[1:], mode="markers", marker={"color": BLUE, "size": 8}, cliponaxis=False,
        customdata=[[_step(i, ends[i] - ends[i - 1], told), i - 1] for i in range(1, STEPS + 1)],
        hovertemplate="%{customdata[0]}<extra></extra>",
    )  # fmt: skip
    quarters = [0.0, 0.25, 0.5, 0.75, 1.0]
    percent = {"tickvals": quarters, "ticktext": [words.percent(one, 0) for one in quarters], "fixedrange": True,
               "range": [0, 1.01]}  # fmt: skip
    figure.update_xaxes(title_text=words.markup(words.say("part of {target}", target=told), 80), **percent)
    figure.update_yaxes(title_text=words.say("part of exposure"), **percent)
    figure.update_layout(margin={"l": 63, "t": 18})  # half of "100 %" stands beyond the axis
    apart, half = gini(x, y), float(np.interp(0.5, x, y))
    figure.add_annotation(
        x=0.04, y=0.96, xanchor="left", yanchor="top", showarrow=False, align="left",
        text=words.say("Gini {gini}<br>the lower half gets {share}", gini=words.number(apart, 2),
                       share=words.percent(half)),
    )  # fmt: skip
    table = pd.DataFrame({words.say("part of {target}", target=told): steps, words.later("part of exposure"): ends})
    alt = words.say("Exposure against {target}: Gini {gini}; the half that gets least has {share} of exposure.",
                    target=told, gini=words.number(apart, 2), share=words.percent(half))  # fmt: skip
    return Chart(figure, alt, table, [str(i) for i in range(1, STEPS + 1)])


def _step(step: int, share: float, told: str) -> str:
    """What a step of the curve has, for who points at it."""
    low, high = (words.percent(end / STEPS, 0) for end in (step - 1, step))
    return words.markup(words.say("from {low} to {high} of {target}: {share} of exposure", low=low, high=high,
                                  target=told, share=words.percent(share)), 160)  # fmt: skip
