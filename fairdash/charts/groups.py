"""Groups beside each other: the value of each, and every gap between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import GREY, MAX_ROWS, PALETTE, SHRUNK, SYMBOLS, Chart, empty

ROW, ABOVE = 44, 14  # pixels: of a row, and between the reference's name and the first one


@dataclass(frozen=True)
class GroupValue:
    """A group's value with its interval. aside: why it is not compared ("too few", "unknown"). reason: why there is no
    value. shrunk: the value drawn towards the mean of all groups, with its interval."""

    name: str
    n: int
    value: float | None
    low: float | None = None
    high: float | None = None
    aside: str = ""
    reason: str = ""
    shrunk: float | None = None
    shrunk_low: float | None = None
    shrunk_high: float | None = None

    @property
    def label(self) -> str:
        """The name with its size."""
        return words.group(self.name, self.n)

    @property
    def shown(self) -> str:
        """The label with what keeps the group out of comparisons."""
        return f"{self.label} – {self.aside}" if self.aside else self.label


def _around(row: GroupValue, spread: str, digits: int) -> str:
    """What a mark says beside its value: its interval, and what keeps its group out of comparisons."""
    ci = "" if frame.none(row.low) else f"<br>{spread} {words.interval(row.low, row.high, digits)}"
    return ci + (words.say(", not compared: {reason}", reason=words.markup(row.aside)) if row.aside else "")


@frame.kept
def group_values(
    rows: Sequence[GroupValue],
    metric: str,
    overall: float | None = None,
    *,
    spread: str = "",
    digits: int = 3,
    reference: str = "",
) -> Chart:
    """Each group's value as a point with its 95 % interval (or another `spread`), and as a stroke where it was drawn
    towards the mean of all; a dotted line marks the reference, everybody's value."""
    if not rows:
        return empty(words.say("There is no group to show."))
    reference = reference or words.say("everyone")
    spread = spread or words.say("95 % CI")
    figure = frame.canvas(ROW * max(2, len(rows[:MAX_ROWS])) + 52)
    looks: dict[tuple[str, str], list[int]] = {}  # rows of one colour and symbol: a browser takes its time a trace
    for i, row in enumerate(rows[:MAX_ROWS]):
        if row.value is None or math.isnan(row.value):
            frame.note(figure, i, frame.missing(row.reason or words.say("no value")))
        else:
            look = (GREY if row.aside else PALETTE[i % 6], SYMBOLS[i % 6] + ("-open" if row.aside else ""))
            looks.setdefault(look, []).append(i)
    for (color, symbol), own in looks.items():
        values = [rows[i].value or 0.0 for i in own]
        figure.add_scatter(
            x=values,
            y=own,
            mode="markers+text",
            marker={
                "color": color,
                "symbol": symbol,
                "size": 12,
                "line": {"width": 2 if symbol.endswith("-open") else 0, "color": color},
            },
            error_x=frame.whiskers([(rows[i].value, rows[i].low, rows[i].high) for i in own], color),
            text=[words.number(value, digits) for value in values],
            textposition="top center",
            textfont={"size": 12},
            hovertemplate=f"%{{customdata[0]}}<br>{words.markup(metric)} %{{x:.4f}}%{{customdata[2]}}<extra></extra>",
            customdata=[[words.markup(rows[i].label), i, _around(rows[i], spread, digits)] for i in own],
        )
        shrunk = [i for i in own if rows[i].shrunk is not None]
        drawn_to = words.say(SHRUNK)
        if shrunk:
            figure.add_scatter(
                x=[rows[i].shrunk for i in shrunk],
                y=shrunk,
                mode="markers",
                marker={"color": color, "symbol": "line-ns", "size": 15, "line": {"width": 2.5, "color": color}},
                hovertemplate=f"%{{customdata[0]}}<br>{drawn_to} %{{x:.4f}} (%{{customdata[2]}})<extra></extra>",
                customdata=[
                    [words.markup(row.label), i, words.interval(row.shrunk_low, row.shrunk_high, digits)]
                    for i, row in ((i, rows[i]) for i in shrunk)
                ],
            )
    frame.rows(figure, [row.shown for row in rows[:MAX_ROWS]], words.markup(metric))
    drawn = [row for row in rows[:MAX_ROWS] if row.value is not None and not math.isnan(row.value)]
    marks = [row.value or 0.0 for row in drawn] + [v for v in [overall] if v is not None and not math.isnan(v)]
    frame.span(figure, marks, [end for row in drawn if not row.aside for end in (row.low, row.high)])
    if overall is not None and not math.isnan(overall):
        for i in range(len(rows[:MAX_ROWS])):  # not through the numbers, which stand above the marks
            figure.add_shape(type="line", x0=overall, x1=overall, y0=i - 0.16, y1=i + 0.44,
                             line={"dash": "dot", "color": GREY, "width": 1.5})  # fmt: skip
        figure.add_annotation(
            x=overall,
            y=1,
            yref="paper",
            yanchor="bottom",
            text=f"{reference} {words.number(overall, digits)}",
            showarrow=False,
        )
        figure.update_layout(margin={"t": 26}, height=figure.layout.height + ABOVE)
        figure.update_yaxes(
            range=[len(rows[:MAX_ROWS]) - 0.4, -0.6 - ABOVE / ROW]
        )  # the first number stands clear of it
    table = pd.DataFrame(
        {
            words.later("group"): [row.name for row in rows],
            "n": [row.n for row in rows],
            metric: [row.value for row in rows],
            words.say("{spread} from", spread=spread): [row.low for row in rows],
            words.say("{spread} to", spread=spread): [row.high for row in rows],
            words.later("note"): [row.reason or row.aside for row in rows],
        }
    )
    if any(row.shrunk is not None for row in rows):
        told = words.say(SHRUNK)
        named = {
            "shrunk": told,
            "shrunk_low": words.say("{spread} from", spread=told),
            "shrunk_high": words.say("{spread} to", spread=told),
        }
        for column, told in named.items():
            table.insert(len(table.columns) - 1, told, [getattr(row, column) for row in rows])
    said = "; ".join(f"{row.label} {words.number(row.value, digits)}" for row in rows[:MAX_ROWS])
    told = words.say("{metric} by group with {spread}: {said}.", metric=metric, spread=spread, said=said)
    return Chart(figure, told, table, [row.name for row in rows])
