"""Two attributes at once: every crossing's difference from the reference, in units of its own interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import GREY, SHRUNK, Chart, empty

FAR = 3.0  # half-widths at which the colour is full
INK = "#1f2328"  # on all colours of the scale, in both themes
SCALE = ((0.0, "#eda06c"), (0.5, "#f2f1ec"), (1.0, "#78b7e0"))  # as far apart for the colour-blind as their originals
ROW = 58  # pixels


@dataclass(frozen=True)
class Cell:
    """People of a value of one attribute and of one of another. key: what a click gives. aside: why there is no value
    to show. shrunk: the value drawn towards the mean of all."""

    row: str
    column: str
    key: str
    n: int
    value: float | None
    low: float | None = None
    high: float | None = None
    aside: str = ""
    shrunk: float | None = None

    def away(self, reference: float) -> float:
        """The difference from the reference in half-widths of the cell's own interval; NaN without one."""
        if self.aside or self.value is None or self.low is None or self.high is None or not self.high > self.low:
            return math.nan
        return (self.value - reference) / ((self.high - self.low) / 2)


@frame.kept
def crossing(cells: Sequence[Cell], metric: str, reference: float, told: str) -> Chart:
    """A tile a crossing: value and n in it, hatched where there are too few people, empty where there is nobody.

    reference: what values are held against, and `told` what it is. Blue is above it, orange below."""
    if not cells:
        return empty(words.say("Nobody has a value of both attributes."))
    rows = list(dict.fromkeys(cell.row for cell in cells))
    columns = list(dict.fromkeys(cell.column for cell in cells))
    if len(columns) > len(rows):  # a narrow screen has room downwards
        cells = [replace(cell, row=cell.column, column=cell.row) for cell in cells]
        rows, columns = columns, rows
    figure = frame.canvas(ROW * len(rows) + 60)
    z = [[math.nan] * len(columns) for _ in rows]
    for cell in cells:
        z[rows.index(cell.row)][columns.index(cell.column)] = cell.away(reference)
    figure.add_heatmap(
        z=z, x=list(range(len(columns))), y=list(range(len(rows))), zmin=-FAR, zmax=FAR, zmid=0,
        colorscale=[list(stop) for stop in SCALE], xgap=3, ygap=3, hoverinfo="skip",
        colorbar={"thickness": 10, "len": 1, "x": 1.01, "tickvals": [-FAR, 0, FAR], "outlinewidth": 0,
                  "title": {"text": words.say("half-widths from the mean"), "side": "right", "font": {"size": 12}}},
    )  # fmt: skip
    hatched = [cell for cell in cells if math.isnan(cell.away(reference))]
    figure.add_bar(
        x=[columns.index(cell.column) for cell in hatched], y=[0.92] * len(hatched), width=0.94,
        base=[rows.index(cell.row) - 0.46 for cell in hatched], hoverinfo="skip", showlegend=False,
        marker={"color": "rgba(0,0,0,0)", "line": {"width": 1, "color": GREY},
                "pattern": {"shape": "/", "fgcolor": GREY, "size": 9, "solidity": 0.06}},
    )  # fmt: skip
    for few, ink in ((False, {"color": INK}), (True, {})):  # what is hatched is written in the theme's own ink
        mine = [(i, cell) for i, cell in enumerate(cells) if (cell in hatched) == few]
        figure.add_scatter(
            x=[columns.index(cell.column) for _, cell in mine], y=[rows.index(cell.row) for _, cell in mine],
            mode="markers+text", text=[_text(cell) for _, cell in mine], textfont={"size": 12, **ink},
            marker={"size": 30, "symbol": "square", "color": "rgba(0,0,0,0)", "line": {"width": 0}}, showlegend=False,
            customdata=[[_hint(cell, metric, reference), i] for i, cell in mine],
            hovertemplate="%{customdata[0]}<extra></extra>", **({"unselected": {"textfont": ink}} if ink else {}),
        )  # fmt: skip
    frame.rows(figure, rows, "")
    figure.update_yaxes(range=[len(rows) - 0.5, -0.5], ticks="")
    figure.update_xaxes(
        tickvals=list(range(len(columns))), ticktext=[words.markup(name, 18) for name in columns],
        range=[-0.5, len(columns) - 0.5], showgrid=False, side="top", nticks=len(columns), ticks="",
        automargin=True,  # names that are long stand aslant, beyond the right edge
    )  # fmt: skip
    figure.update_layout(hoverdistance=-1)  # the whole tile answers, not its middle alone
    table = pd.DataFrame(
        {
            words.later("row"): [cell.row for cell in cells],
            words.later("column"): [cell.column for cell in cells],
            "n": [cell.n for cell in cells],
            metric: [None if cell.aside else cell.value for cell in cells],
            words.later("95 % from"): [None if cell.aside else cell.low for cell in cells],
            words.later("95 % to"): [None if cell.aside else cell.high for cell in cells],
            words.later("in half-widths"): [None if cell in hatched else cell.away(reference) for cell in cells],
            words.later("note"): [words.say(cell.aside) if cell.aside else "" for cell in cells],
        }
    )
    if any(cell.shrunk is not None for cell in cells):
        table.insert(4, words.say(SHRUNK), [None if cell.aside else cell.shrunk for cell in cells])
    far = sorted((c for c in cells if c not in hatched), key=lambda c: -abs(c.away(reference)))[:4]
    said = "; ".join(f"{words.group(c.key, c.n)} {words.number(c.value)}" for c in far)
    alt = words.say("{metric} of crossings against {told}, the farthest first: {said}.", metric=metric, told=told,
                    said=said or words.say("none has enough people"))  # fmt: skip
    return Chart(figure, alt, table, [cell.key for cell in cells])


def _text(cell: Cell) -> str:
    if cell.aside or cell.value is None:
        return f"n {words.count(cell.n)}"
    raw = words.number(cell.value)
    drawn = "" if cell.shrunk is None else f"→ {words.number(cell.shrunk)}<br>"
    return f"<b>{raw}</b><br>{drawn}n {words.count(cell.n)}"


def _hint(cell: Cell, metric: str, reference: float) -> str:
    head = words.markup(words.group(cell.key, cell.n))
    if cell.aside or cell.value is None:
        return f"{head}<br>{words.say(cell.aside or words.UNDEFINED)}"
    told = f"{head}<br>{words.markup(metric)} {words.number(cell.value, 4)}"
    told += f" ({words.interval(cell.low, cell.high, 4)})" if cell.low is not None else ""
    if cell.shrunk is not None:
        told += f"<br>{words.say(SHRUNK)} {words.number(cell.shrunk, 4)}"
    return f"{told}<br>" + words.say("{gap} from the reference", gap=words.signed(cell.value - reference, 4))
