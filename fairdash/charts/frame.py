"""What every picture is made of: the figure with its words and its table, colours, rows, whiskers, notes."""

from __future__ import annotations

import hashlib
import html
import math
import pickle
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from threading import Lock
from typing import Any, Literal, ParamSpec

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fairdash import words

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
GREY = "#8a939c"  # 3.1 : 1 on white and 5.6 : 1 on the dark page
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "x")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid")
PATTERNS = ("", "/", ".", "x", "-", "\\", "+")
VERDICTS = {  # on a gap, the surest first: what it is called, its colour, its mark
    "found": (words.later("difference found"), VERMILLION, "diamond"),
    "alone": (words.later("only on its own"), VERMILLION, "diamond-open"),
    "none": (words.later("no difference found"), GREY, "circle-open"),
    "untested": (words.later("not tested"), GREY, "x-thin"),
    "undefined": (words.later("undefined"), GREY, "x-thin"),
}
Use = Literal["seen", "clicked", "brushed"]  # what is done with a picture
_USES: Mapping[Use, Mapping[str, Any]] = {
    "seen": {},
    "clicked": {"clickmode": "event+select", "hovermode": "closest", "dragmode": "pan"},
    "brushed": {"clickmode": "event", "hovermode": "closest", "dragmode": "select", "selectdirection": "h"},
}
LEVEL = 0.05
Verdict = Literal["found", "alone", "none", "untested", "undefined"]
SHRUNK = words.later("drawn to the mean")
MAX_ROWS = 24  # rows of one picture; the table holds all
CURVE_POINTS = 400
MAX_LINES = 5  # of one picture that cross each other
NARROWEST, LEGEND_LINE, LEGEND_TOP = 350, 20, 42  # pixels: of a picture on a phone, of a legend's line, of one
TICKS, BESIDE, BELOW = 36, 23, 50  # pixels: of numbers at an axis; between names and rows; of numbers and a title below
LINE = 17  # pixels: of one more line below an axis
_WIDTHS = {"ijlI.,:;'| ": 3.2, "frt()-/": 4.3, "0123456789=+": 6.0, "mwMW@%": 10.2}  # pixels of letters at an axis
_TAG = re.compile(r"<[^>]*>")
HATCH = {"fgcolor": "rgba(255,255,255,0.55)", "size": 6, "fillmode": "overlay"}
KEPT = 128  # pictures in memory
FONT = "'Source Sans', 'Source Sans 3', Helvetica, Arial, sans-serif"


def verdict(row: Mapping[str, Any] | None) -> Verdict:
    """What a gap's row of an audit.json says: `found` holds among all metrics of its attribute (Holm), `alone` would
    hold only if it had been the one metric looked at, `none` was not found, `untested` has a value but no test,
    `undefined` has no value."""
    if row is None or (row.get("gap") is None and row.get("ratio") is None):
        return "undefined"
    p, holm = row.get("p_value"), row.get("p_holm")
    if holm is not None and holm < LEVEL:
        return "found"
    if p is None:
        return "untested"
    return "alone" if p < LEVEL else "none"


def _set_margins(figure: go.Figure) -> None:
    """Room for what stands at the axes. Where plotly finds less than it needs, it draws the whole picture a second
    time, which takes longer than all else that a browser does for a page; so it is told beforehand, about right."""
    margin, x, y = figure.layout.margin, figure.layout.xaxis, figure.layout.yaxis
    if margin.l is None and y.visible is not False and (y.ticktext or y.title.text):
        lines = [line for label in y.ticktext or () for line in _TAG.sub("\n", str(label)).split("\n")]
        left = max((pixels(html.unescape(line)) for line in lines), default=TICKS)
        figure.update_layout(margin={"l": math.ceil(left) + BESIDE})
    if margin.b is None and x.visible is not False and x.side != "top":
        more = LINE * str(x.title.text).count("<br>")
        figure.update_layout(margin={"b": BELOW + more if x.title.text else TICKS})


def pixels(text: str) -> float:
    """Pixels of small letters, at an axis or in a legend, or a few more; characters of Chinese are the widest."""
    return sum(map(_width_of, text))


def _width_of(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return 12.5
    return next((width for letters, width in _WIDTHS.items() if letter in letters), 8.0 if letter.isupper() else 6.7)


@dataclass(frozen=True, eq=False)
class Chart:
    """A figure, what it shows in words, and the same values as a table. keys: what marks stand for that can be clicked;
    the second number of a mark's customdata is its place among them, so that no text from data is in the figure raw."""

    figure: go.Figure
    alt: str
    table: pd.DataFrame
    keys: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Room for the legend above the picture, where one of several lines would lie on the curves, and for what
        stands at the axes. The words in one line, without what nobody sees in the names that stand there."""
        _set_margins(self.figure)
        object.__setattr__(self, "alt", words.label(self.alt, len(self.alt) + 1))
        if self.figure.layout.showlegend:
            named = {trace.name for trace in self.figure.data if trace.name and trace.showlegend is not False}
            wide = [40 + pixels(name) for name in named]  # too many for a line stand in columns of one width
            room = NARROWEST - (self.figure.layout.margin.l or TICKS + BESIDE)
            lines = 1 if sum(wide) <= room else math.ceil(len(wide) / max(1, room // max(wide)))
            more = LEGEND_LINE * max(0, lines - 1)
            self.figure.update_layout(height=self.figure.layout.height + more, margin={"t": LEGEND_TOP + more})

    def themed(self, dark: bool = False, use: Use = "seen") -> go.Figure:
        """The figure in the page's light or dark colours, for this use, to be drawn and not to be changed: others draw
        it, too."""
        with _looked_up:
            if (dark, use) not in self._themed:
                self._themed[dark, use] = _dressed(self.figure, DARK if dark else LIGHT, use)
            return self._themed[dark, use]

    @cached_property
    def _themed(self) -> dict[tuple[bool, Use], go.Figure]:
        return {}


def _dressed(figure: go.Figure, look: _Look, use: Use) -> go.Figure:
    """The figure with all that its look says written into it, so that it is drawn once.

    A picture that appears is handed to plotly twice, the second time as a copy. Plotly draws it anew unless nothing
    has changed, and to it a template, an array of numbers in binary and data without a revision have always changed;
    so has what the page itself adds where a mark can be clicked. The second drawing took as long as the first."""
    own = figure.layout.to_plotly_json()
    layout = _under({**look.layout, **_USES[use]}, {key: own[key] for key in own if key != "template"})
    for key in layout:
        if key.startswith(("xaxis", "yaxis")):
            layout[key] = _under({**look.axis, "automargin": "height" if key.startswith("x") else True}, layout[key])
    layout["annotations"] = [_under(look.annotation, note) for note in layout.get("annotations", ())]
    traces = [trace.to_plotly_json() for trace in figure.data]
    made = go.Figure(data=_plain([_under(look.traces.get(trace["type"], {}), trace) for trace in traces]),
                     layout=layout)  # fmt: skip
    made.layout.template = None
    return made.update_layout(datarevision=hashlib.sha256(made.to_json().encode()).hexdigest()[:16])


def _under(look: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What a look says, and over it what a figure says of its own."""
    both = {key: _under(look[key], own[key]) for key in look.keys() & own.keys()
            if isinstance(look[key], Mapping) and isinstance(own[key], Mapping)}  # fmt: skip
    return {**look, **own, **both}


def _plain(value: Any) -> Any:
    """Arrays as lists, at any depth."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


Given = ParamSpec("Given")
_pictures: OrderedDict[bytes, Chart] = OrderedDict()
_looked_up = Lock()


def kept(make: Callable[Given, Chart]) -> Callable[Given, Chart]:
    """A picture that is made once of the same values, in each language: plotly checks every number of it, which takes
    longer than all else on most pages, and a page draws its pictures at every press."""

    @wraps(make)
    def found(*given: Given.args, **named: Given.kwargs) -> Chart:
        said = pickle.dumps((make.__module__, make.__name__, words.spoken(), given, named))
        name = hashlib.sha256(said).digest()
        with _looked_up:
            chart = _pictures.get(name)
            if chart is not None:
                _pictures.move_to_end(name)
                return chart
        chart = make(*given, **named)
        with _looked_up:
            _pictures[name] = chart
            while len(_pictures) > KEPT:
                _pictures.popitem(last=False)
        return chart

    return found


@dataclass(frozen=True)
class _Look:
    """What figures look like where they say nothing of their own, as plotly names it. traces: by their type."""

    layout: Mapping[str, Any]
    axis: Mapping[str, Any]
    annotation: Mapping[str, Any]
    traces: Mapping[str, Any]


def _look(ink: str, muted: str, grid: str, hover: str) -> _Look:
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zerolinecolor": grid,
        "zerolinewidth": 1,
        "tickfont": {"color": muted, "size": 12},
        "title": {"font": {"color": muted, "size": 12}, "standoff": 8},
    }
    lasting = {"unselected": {"marker": {"opacity": 1}, "textfont": {"color": ink}}}  # what others than a mark fade to
    # Without a look of what is selected, plotly fails at a click on a bar that holds text.
    bars = lasting | {"selected": {"marker": {"opacity": 1}}}
    layout = {
        "font": {"family": FONT, "color": ink, "size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": list(PALETTE),
        "hoverlabel": {"bgcolor": hover, "bordercolor": grid, "font": {"color": ink, "family": FONT, "size": 13}},
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "x": 0,
            "y": 1,
            "xanchor": "left",
            "yanchor": "bottom",
            "font": {"size": 12},
        },
        "margin": {"l": 4, "r": 20, "t": 13, "b": 4},
        "bargap": 0.35,
        "xaxis": {},  # every figure has both; what they look like is `axis`
        "yaxis": {},
    }
    return _Look(layout, axis, {"font": {"color": muted, "size": 12}}, {"scatter": lasting, "bar": bars})


_INK, _DARK_INK = "#1f2328", "#e8eaec"
LIGHT = _look(_INK, "#545c64", "rgba(100,110,120,0.22)", "#ffffff")
DARK = _look(_DARK_INK, "#adb5bd", "rgba(160,170,180,0.22)", "#20252a")


def legible(ground: str) -> str:
    """White or nearly black, whichever has the higher contrast with a colour (WCAG 2.2), as #rrggbb."""

    def light(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

    return "#ffffff" if 1.05 / light(ground) >= light(ground) / light(_INK) else _INK


def ink(dark: bool) -> str:
    """The colour of text on the page."""
    return _DARK_INK if dark else _INK


def canvas(height: int, *, legend: bool = False, **layout: Any) -> go.Figure:
    """An empty figure of so many pixels, and room above it for a legend."""
    figure = go.Figure()
    figure.update_layout(height=height + (LEGEND_TOP - 8 if legend else 0), showlegend=legend, **layout)
    if legend:
        figure.update_layout(margin={"t": LEGEND_TOP})
    return figure


def _wrap(value: str, width: int = 26) -> str:
    """A row's label in at most three lines, escaped for plotly."""
    lines: list[str] = []
    for word in value.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return "<br>".join(words.markup(line) for line in lines[:3])


def rows(figure: go.Figure, labels: Sequence[str], x_title: str, *, wrap: int = 26) -> None:
    """A vertical list of rows, first on top, at y = 0, 1, 2 …: names that are equal after shortening stay apart."""
    figure.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=[_wrap(name, wrap) for name in labels],
        range=[len(labels) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
        ticklabelstandoff=11,  # a mark at the left end stays beside its name
    )
    figure.update_xaxes(title_text=x_title, zeroline=False, fixedrange=True, nticks=7)


def none(value: float | None) -> bool:
    """Whether there is no value: None or NaN."""
    return value is None or math.isnan(value)


def span(figure: go.Figure, values: Sequence[float], ends: Sequence[float | None], *, zero: bool = False) -> None:
    """The axis of rows: all marks, and these ends of whiskers. zero: the axis begins at 0, or below it."""
    marks = [*values, *([0.0] if zero else [])]
    if not marks:
        return
    told = [*marks, *(end for end in ends if end is not None and not math.isnan(end))]
    low, high = min(told), max(told)
    room = 0.06 * ((high - low) or 1.0)
    figure.update_xaxes(range=[low if zero and low == 0 else low - room, high + room])


def whiskers(
    marks: Sequence[tuple[float | None, float | None, float | None]], color: str, width: float = 2.0
) -> dict[str, Any]:
    """The error bars of marks, as plotly takes them. marks: (value, low, high) each; none where an end is missing."""
    ends = [
        (None, None)
        if value is None or low is None or high is None or math.isnan(value + low + high)
        else (max(0.0, value - low), max(0.0, high - value))
        for value, low, high in marks
    ]
    if all(down is None for down, _ in ends):
        return {}
    return {
        "type": "data",
        "symmetric": False,
        "array": [up for _, up in ends],
        "arrayminus": [down for down, _ in ends],
        "color": color,
        "thickness": width,
        "width": 5,
    }


def note(figure: go.Figure, y: float, told: str, x: float = 0.0) -> None:
    """Words in the place of a mark."""
    figure.add_annotation(
        xref="paper", x=x, y=y, text=f"<i>{words.markup(told, 90)}</i>", showarrow=False, xanchor="left", xshift=8
    )


def missing(reason: str) -> str:
    """Why there is no mark: a value that is undefined is not one that is kept back."""
    return words.say(words.WITHHELD) if reason == words.WITHHELD else words.say("undefined: {value}", value=reason)


def named(label: str, aside: Mapping[str, str]) -> str:
    """A group's label with what keeps it out of comparisons."""
    return f"{label} – {words.say(aside[label])}" if aside.get(label) else label


def empty(told: str, height: int = 140) -> Chart:
    """A picture that cannot be drawn, with the reason in its place."""
    figure = canvas(height)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text=f"<i>{words.markup(told, 120)}</i>", showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper"
    )
    return Chart(figure, told, pd.DataFrame())
