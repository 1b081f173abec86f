"""A value over windows of time, with its interval in each window; and where a change was found."""

from __future__ import annotations

import pandas as pd

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import DASHES, GREY, PALETTE, SYMBOLS, VERMILLION, Chart, empty

_HOURS = 24 * 3_600_000  # from tick to tick, in milliseconds: below a day the hour is told, too
_DATES = [  # as they are written in tables; plotly's own names of months are English
    {"dtickrange": [None, _HOURS - 1], "value": "%H:%M\n%Y-%m-%d"},
    {"dtickrange": [_HOURS, None], "value": "%Y-%m-%d"},
]
MAX_SERIES = 5  # lines of one picture; the table holds all


@frame.kept
def timeline(
    table: pd.DataFrame, y_title: str, *, reference: pd.Timestamp | None = None, zero: bool = False, share: bool = False
) -> Chart:
    """Lines of series over time with 95 % bars. table: end (time), series, value, low, high; and open: the window may
    still change, hollow; moved: a change was found there, a diamond. reference: where the reference ends. zero: a line
    at 0. share: values are shares, and none lies below 0. keys: the ends of windows, in ISO 8601."""
    known = table.dropna(subset=["value"])
    if known.empty:
        return empty(words.say("No window has enough people yet."), 240)
    series = list(dict.fromkeys(known["series"]))
    ends = list(dict.fromkeys(known["end"]))
    figure = frame.canvas(280, legend=True)
    for i, name in enumerate(series[:MAX_SERIES]):
        rows = known[known["series"] == name]
        color = PALETTE[i % 6]
        up = (rows["high"] - rows["value"]).clip(lower=0)
        down = (rows["value"] - rows["low"]).clip(lower=0)
        marks = [
            "diamond" if moved else SYMBOLS[0 if len(series) == 1 else i % 6] + ("-open" if still else "")
            for moved, still in zip(rows["moved"], rows["open"], strict=True)
        ]
        figure.add_scatter(
            x=rows["end"], y=rows["value"], mode="lines+markers", name=words.markup(name),
            line={"color": color, "dash": DASHES[i % 6], "width": 2},
            marker={
                "symbol": marks, "size": [13 if moved else 7 for moved in rows["moved"]],
                "color": [VERMILLION if moved else color for moved in rows["moved"]],
            },
            error_y={
                "type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": color, "thickness": 1,
                "width": 3,
            },
            customdata=[[words.markup(name), ends.index(end)] for end in rows["end"]],
            hovertemplate="%{y:.4f}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    if reference is not None:
        figure.add_vline(x=reference, line={"color": GREY, "dash": "dot", "width": 1})
        figure.add_annotation(
            x=reference, y=1, yref="paper", yanchor="top", xanchor="right", showarrow=False, xshift=-4,
            text=words.markup(words.say("reference")),
        )  # fmt: skip
    if zero:
        figure.add_hline(y=0, line={"color": GREY, "width": 1})
    figure.update_layout(margin={"b": frame.TICKS + frame.LINE})  # a day and its year
    figure.update_xaxes(fixedrange=True, tickformatstops=_DATES)  # plotly writes months in English
    figure.update_yaxes(title_text=words.markup(y_title), fixedrange=True)
    if share:
        figure.update_yaxes(rangemode="nonnegative")
    said = "; ".join(
        words.say(
            "{name} went from {first} to {last}",
            name=name,
            first=words.number(rows["value"].iloc[0]),
            last=words.number(rows["value"].iloc[-1]),
        )
        for name in series
        for rows in [known[known["series"] == name]]
    )
    shown = pd.DataFrame(
        {
            words.later("time"): known["end"].dt.strftime("%Y-%m-%d %H:%M"),
            words.later("line"): known["series"],
            words.later("value"): known["value"],
            words.later("95 % from"): known["low"],
            words.later("95 % to"): known["high"],
            words.later("moved"): known["moved"].map({True: words.say("yes"), False: ""}),
        }
    )
    return Chart(figure, f"{y_title}: {said}.", shown, [end.isoformat() for end in ends])
