"""Whether probabilities hold what they say."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import DASHES, GREY, MAX_LINES, PALETTE, SYMBOLS, Chart, empty


@dataclass(frozen=True)
class ReliabilityCell:
    """Pairs of like probability. n: pairs, of so many people; predicted: their mean; observed: the share that was
    liked, with its interval."""

    n: int
    people: int
    predicted: float
    observed: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Reliability:
    """A line of the reliability chart. n: people; error: mean distance from the diagonal; aside: why it is not
    compared."""

    name: str
    n: int
    error: float
    cells: Sequence[ReliabilityCell]
    aside: str = ""

    @property
    def label(self) -> str:
        """The name with its size."""
        return words.group(self.name, self.n)


@frame.kept
def reliability(lines: Sequence[Reliability]) -> Chart:
    """Predicted probability against the share that was liked, a line for everybody (the first) and each group that is
    compared; on the diagonal a prediction means what it says. The table holds the others too. keys: [line, cell] as
    JSON, of each mark the places of its line and its cell."""
    shown = [line for line in lines if not line.aside and line.cells][:MAX_LINES]
    if not shown:
        return empty(words.say("Nobody has a held-out pair whose probability was predicted."))
    figure = frame.canvas(320, legend=True)
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": GREY}, hoverinfo="skip", showlegend=False
    )
    keys: list[str] = []
    most = max(cell.n for line in shown for cell in line.cells)
    for line, color, symbol, dash in zip(shown, (GREY, *PALETTE), SYMBOLS, DASHES, strict=False):
        first = len(keys)
        keys += [json.dumps([lines.index(line), place]) for place in range(len(line.cells))]
        figure.add_scatter(
            x=[cell.predicted for cell in line.cells],
            y=[cell.observed for cell in line.cells],
            mode="lines+markers",
            name=words.markup(line.label),
            line={"color": color, "dash": dash},
            marker={"symbol": symbol, "opacity": 1, "size": [6 + 9 * math.sqrt(c.n / most) for c in line.cells]},
            error_y=frame.whiskers([(cell.observed, cell.low, cell.high) for cell in line.cells], color, 1.0),
            customdata=[[words.markup(words.say("{n} pair", "{n} pairs", n=cell.n)), first + place]
                        for place, cell in enumerate(line.cells)],
            hovertemplate="%{x:.3f} → %{y:.3f} (%{customdata[0]})<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title_text=words.say("predicted probability"), range=[0, 1], fixedrange=True)
    figure.update_yaxes(title_text=words.say("share that was liked"), range=[0, 1], fixedrange=True)
    table = pd.DataFrame(
        [
            (line.name, cell.predicted, cell.observed, cell.low, cell.high, cell.n, cell.people, line.aside)
            for line in lines
            for cell in line.cells
        ],
        columns=list(words.several("of", "predicted", "liked", "95 % from", "95 % to", "pairs", "people", "note")),
    )
    said = "; ".join(
        words.say("{name} {error} from the diagonal", name=line.label, error=words.number(line.error)) for line in shown
    )
    return Chart(figure, words.say("Predicted probability against the share liked: {said}.", said=said), table, keys)
