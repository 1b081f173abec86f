"""How many people have each value of a number, and where groups are cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import HATCH, PALETTE, PATTERNS, VERMILLION, Chart, empty

BARS = 40  # at most


def cuts(values: ArrayLike, edges: Sequence[float], names: Sequence[str], axis: str) -> Chart:
    """Bars of how many people have a value, each band in its own colour and hatching, with a line at each cut.

    values: numbers [n], NaN where unknown. edges: rising. names: of the bands, one more than edges; the table and the
    words say how many people each of them has. keys: the number where each bar begins; of the first, where it ends."""
    told = np.asarray(values, np.float64)
    told = told[np.isfinite(told)]
    if not len(told):
        return empty(words.say("There are no numbers."))
    low, high = float(told.min()), float(told.max())
    whole = bool((told == np.rint(told)).all())
    width = max(1.0, np.ceil((high - low + 1) / BARS)) if whole else (high - low or 1.0) / BARS
    start = low - 0.5 if whole else low
    bounds = start + width * np.arange(int(np.floor((high - start) / width)) + 2)
    band, place = np.searchsorted(np.asarray(edges), told, side="right"), np.digitize(told, bounds) - 1
    figure = frame.canvas(230, barmode="stack")
    begins = np.ceil(bounds) if whole else bounds
    keys = [f"{begins[max(i, 1)]:g}" for i in range(len(bounds) - 1)]
    sizes = np.bincount(band, minlength=len(names))
    for i, name in enumerate(names):
        counts = np.bincount(place[band == i], minlength=len(bounds) - 1)
        figure.add_bar(
            customdata=[[words.markup(name), i] if n else [words.markup(name)] for i, n in enumerate(counts)],
            x=(bounds[:-1] + bounds[1:]) / 2, y=counts, width=0.92 * width, name=words.markup(name),
            marker={"color": PALETTE[i % 6], "pattern": {**HATCH, "shape": PATTERNS[i % 7]}},
            hovertemplate=f"{words.markup(name)}<br>%{{x}}: %{{y:,}}<extra></extra>",
        )  # fmt: skip
    for edge in edges:
        figure.add_vline(x=edge - 0.5 * whole, line={"dash": "dash", "width": 2, "color": VERMILLION})
    figure.update_xaxes(title_text=words.markup(axis), fixedrange=True)
    figure.update_yaxes(title_text=words.say("people"), fixedrange=True)
    said = "; ".join(f"{name} {words.count(int(n))}" for name, n in zip(names, sizes, strict=True))
    table = pd.DataFrame({"group": list(names), "people": sizes})
    return Chart(figure, words.say("{axis}, people in each group: {said}.", axis=axis, said=said), table, keys)
