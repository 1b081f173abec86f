"""Pictures from plain values: each comes with its words for those who cannot see it, and with the table it draws.

plotly.graph_objects only (plotly.express takes 38 ms for bars that take 1.3 ms here). Colours are Okabe and Ito's
(2008), which the colour-blind tell apart; a group's shape differs as well as its colour. A group that is too small is
grey and hollow, an undefined value has no mark but its reason in words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

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
SHRUNK = words.later("drawn to the mean")
MAX_ROWS = 24  # rows of one picture; the table holds all
CURVE_POINTS = 400
MAX_LINES = 5  # of one picture that cross each other
LEGEND_WIDTH, LEGEND_LINE = 380, 20  # pixels: of half a page beside the rows' names, and of a line
HATCH = {"fgcolor": "rgba(255,255,255,0.55)", "size": 6, "fillmode": "overlay"}
FONT = "'Source Sans', 'Source Sans 3', Helvetica, Arial, sans-serif"


@dataclass(frozen=True, eq=False)
class Chart:
    """A figure, what it shows in words, and the same values as a table."""

    figure: go.Figure
    alt: str
    table: pd.DataFrame

    def __post_init__(self) -> None:
        """Room for the legend above the picture: a legend of several lines would lie on the curves."""
        if self.figure.layout.showlegend:
            named = {trace.name for trace in self.figure.data if trace.name and trace.showlegend is not False}
            lines = -(-sum(44 + 7 * len(name) for name in named) // LEGEND_WIDTH)
            more = LEGEND_LINE * max(0, lines - 1)
            self.figure.update_layout(height=self.figure.layout.height + more, margin={"t": 34 + more})

    def themed(self, dark: bool = False) -> go.Figure:
        """The figure in the page's light or dark colours."""
        return self.figure.update_layout(template=DARK if dark else LIGHT)


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


@dataclass(frozen=True)
class Gap:
    """One metric's gap between groups. p: corrected for all metrics. verdict: what the tests say, a key of VERDICTS.
    scale: what 100 % is (the value over everybody)."""

    metric: str
    gap: float | None
    low: float | None
    high: float | None
    p: float | None
    verdict: str
    scale: float | None
    reason: str = ""


@dataclass(frozen=True)
class Change:
    """A group's value before and after, and the paired difference with its interval. n: people; None for
    items. aside: why it is not compared."""

    name: str
    n: int | None
    before: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None
    aside: str = ""

    @property
    def label(self) -> str:
        """The name with its size."""
        return words.label(self.name, 32) if self.n is None else words.group(self.name, self.n)

    @property
    def shown(self) -> str:
        """The label with what keeps the group out of comparisons."""
        return f"{self.label} – {self.aside}" if self.aside else self.label

    @property
    def moved(self) -> bool:
        """Whether the paired interval excludes 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class TradePoint:
    """A strength's place: a fairness metric (gap) against accuracy (quality), each with its 95 % interval."""

    series: str
    label: str
    gap: float
    quality: float
    gap_ci: tuple[float, float] | None = None
    quality_ci: tuple[float, float] | None = None
    chosen: bool = False


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


def _template(ink: str, muted: str, grid: str, hover: str) -> go.layout.Template:
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zerolinecolor": grid,
        "zerolinewidth": 1,
        "tickfont": {"color": muted, "size": 12},
        "title": {"font": {"color": muted, "size": 12}, "standoff": 8},
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "color": ink, "size": 13},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(PALETTE),
            "xaxis": axis,
            "yaxis": axis,
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
            "margin": {"l": 4, "r": 12, "t": 8, "b": 4},
            "bargap": 0.35,
            "annotationdefaults": {"font": {"color": muted, "size": 12}},
        }
    )


LIGHT = _template("#1f2328", "#545c64", "rgba(100,110,120,0.22)", "#ffffff")
DARK = _template("#e8eaec", "#adb5bd", "rgba(160,170,180,0.22)", "#20252a")


def _figure(height: int, *, legend: bool = False, **layout: Any) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(height=height + (26 if legend else 0), showlegend=legend, **layout)
    if legend:
        figure.update_layout(margin={"t": 34})
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


def _rows(figure: go.Figure, labels: Sequence[str], x_title: str, *, wrap: int = 26) -> None:
    """A vertical list of rows, first on top, at y = 0, 1, 2 …: names that are equal after shortening stay apart."""
    figure.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=[_wrap(name, wrap) for name in labels],
        range=[len(labels) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
        ticklabelstandoff=8,  # a mark at the left end stays beside its name
    )
    figure.update_xaxes(title_text=x_title, zeroline=False, fixedrange=True, nticks=7)


def _none(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _span(
    figure: go.Figure,
    values: Sequence[float],
    ends: Sequence[float | None],
    *,
    far: float = math.inf,
    zero: bool = False,
) -> None:
    """The axis of rows: all marks, and these ends of whiskers, at most `far` times as far again as the marks reach. A
    whisker that goes on is cut at the edge; the table holds its end. zero: the axis begins at 0, or below it."""
    marks = [*values, *([0.0] if zero else [])]
    if not marks:
        return
    low, high = min(marks), max(marks)
    far *= (high - low) or abs(high) or 1.0
    told = [end for end in ends if end is not None and not math.isnan(end)]
    low, high = max(min([low, *told]), low - far), min(max([high, *told]), high + far)
    room = 0.06 * ((high - low) or 1.0)
    figure.update_xaxes(range=[low if zero and low == 0 else low - room, high + room])


def _whisker(value: float, low: float | None, high: float | None, color: str, width: float = 2.0) -> dict[str, Any]:
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return {}
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, high - value)],
        "arrayminus": [max(0.0, value - low)],
        "color": color,
        "thickness": width,
        "width": 5,
    }


def _note(figure: go.Figure, y: float, told: str, x: float = 0.0) -> None:
    figure.add_annotation(
        xref="paper", x=x, y=y, text=f"<i>{words.markup(told, 90)}</i>", showarrow=False, xanchor="left", xshift=8
    )


def _missing(reason: str) -> str:
    """Why there is no mark: a value that is undefined is not one that is kept back."""
    return words.say(words.WITHHELD) if reason == words.WITHHELD else words.say("undefined: {value}", value=reason)


def _named(label: str, aside: Mapping[str, str]) -> str:
    """A group's label with what keeps it out of comparisons."""
    return f"{label} – {words.say(aside[label])}" if aside.get(label) else label


def empty(told: str, height: int = 140) -> Chart:
    """A picture that cannot be drawn, with the reason in its place."""
    figure = _figure(height)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text=f"<i>{words.markup(told, 120)}</i>", showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper"
    )
    return Chart(figure, told, pd.DataFrame())


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
    figure = _figure(44 * len(rows[:MAX_ROWS]) + 52)
    for i, row in enumerate(rows[:MAX_ROWS]):
        if row.value is None or math.isnan(row.value):
            _note(figure, i, _missing(row.reason or words.say("no value")))
            continue
        color = GREY if row.aside else PALETTE[i % 6]
        symbol = SYMBOLS[i % 6] + ("-open" if row.aside else "")
        hint = words.say(", not compared: {reason}", reason=row.aside) if row.aside else ""
        ci = "" if _none(row.low) else f"<br>{spread} {words.interval(row.low, row.high, digits)}"
        figure.add_scatter(
            x=[row.value],
            y=[i],
            mode="markers+text",
            marker={
                "color": color,
                "symbol": symbol,
                "size": 12,
                "line": {"width": 2 if row.aside else 0, "color": color},
            },
            error_x=_whisker(row.value, row.low, row.high, color),
            text=[words.number(row.value, digits)],
            textposition="top center",
            textfont={"size": 12},
            hovertemplate=f"%{{customdata}}<br>{words.markup(metric)} %{{x:.4f}}{ci}{hint}<extra></extra>",
            customdata=[words.markup(row.label)],
        )
        if row.shrunk is not None:
            inside = words.interval(row.shrunk_low, row.shrunk_high, digits)
            figure.add_scatter(
                x=[row.shrunk],
                y=[i],
                mode="markers",
                marker={"color": color, "symbol": "line-ns", "size": 15, "line": {"width": 2.5, "color": color}},
                hovertemplate=f"%{{customdata}}<br>{words.say(SHRUNK)} %{{x:.4f}} ({inside})<extra></extra>",
                customdata=[words.markup(row.label)],
            )
    _rows(figure, [row.shown for row in rows[:MAX_ROWS]], words.markup(metric))
    drawn = [row for row in rows[:MAX_ROWS] if row.value is not None and not math.isnan(row.value)]
    marks = [row.value or 0.0 for row in drawn] + [v for v in [overall] if v is not None and not math.isnan(v)]
    _span(figure, marks, [end for row in drawn if not row.aside for end in (row.low, row.high)])
    if overall is not None and not math.isnan(overall):
        figure.add_vline(x=overall, line={"dash": "dot", "color": GREY, "width": 1.5})
        figure.add_annotation(
            x=overall,
            y=1,
            yref="paper",
            yanchor="bottom",
            text=f"{reference} {words.number(overall, digits)}",
            showarrow=False,
        )
        figure.update_layout(margin={"t": 26})
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
    return Chart(
        figure, words.say("{metric} by group with {spread}: {said}.", metric=metric, spread=spread, said=said), table
    )


def gaps(rows: Sequence[Gap]) -> Chart:
    """Every metric's gap as a part of everybody's value, so that they fit on one axis; the mark says its verdict."""
    if not rows:
        return empty(words.say("There is no gap to show."))
    figure = _figure(26 * len(rows) + 52, legend=True)
    there = {row.verdict for row in rows if row.gap is not None}
    for state in (one for one in VERDICTS if one in there):
        told, color, symbol = VERDICTS[state]
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=words.say(told),
            marker={"color": color, "symbol": symbol, "size": 11, "line": {"width": 2, "color": color}},
        )
        for i, row in enumerate(rows):
            if row.gap is None or not row.scale or math.isnan(row.gap) or row.verdict != state:
                continue
            scale = 100 / abs(row.scale)
            low = None if row.low is None else row.low * scale
            high = None if row.high is None else row.high * scale
            figure.add_scatter(
                x=[row.gap * scale],
                y=[i],
                mode="markers",
                marker={"color": color, "symbol": symbol, "size": 11, "line": {"width": 2, "color": color}},
                error_x=_whisker(row.gap * scale, low, high, color),
                hovertemplate=(
                    f"%{{customdata}}<br>gap {words.number(row.gap, 4)} ({words.interval(row.low, row.high, 4)})"
                    f"<br>{words.markup(words.p_value(row.p))}<extra></extra>"
                ),
                customdata=[words.markup(row.metric)],
                showlegend=False,
            )
    for i, row in enumerate(rows):
        if row.gap is None or not row.scale or math.isnan(row.gap):
            _note(figure, i, words.say("undefined: {value}", value=row.reason or words.say("nothing to compare with")))
    _rows(figure, [row.metric for row in rows], words.say("gap between groups, % of everybody's value"))
    drawn = [row for row in rows if row.gap is not None and row.scale and not math.isnan(row.gap)]
    parts = [100 / abs(row.scale or 1.0) for row in drawn]
    marks = [(row.gap or 0.0) * part for row, part in zip(drawn, parts, strict=True)]
    ends = [None if end is None else end * part
            for row, part in zip(drawn, parts, strict=True) for end in (row.low, row.high)]  # fmt: skip
    _span(figure, marks, ends, far=1.0, zero=True)
    figure.update_xaxes(zeroline=True)
    table = pd.DataFrame(
        {
            words.later("metric"): [row.metric for row in rows],
            words.later("gap"): [row.gap for row in rows],
            words.later("95 % from"): [row.low for row in rows],
            words.later("95 % to"): [row.high for row in rows],
            "p": [row.p for row in rows],
            words.later("verdict"): [words.say(VERDICTS[row.verdict][0]) for row in rows],
            words.later("note"): [row.reason for row in rows],
        }
    )
    found = [row.metric for row in rows if row.verdict == "found"]
    told = (
        words.say("a difference was found for {found}", found=words.join(found))
        if found
        else words.say("no difference was found")
    )
    return Chart(
        figure, words.say("Gaps between groups over {rows} metrics: {told}.", rows=len(rows), told=told), table
    )


def distributions(
    edges: Sequence[float],
    groups: Mapping[str, tuple[int, Sequence[float]]],
    axis: str,
    kind: str = "cumulative",
    aside: Mapping[str, str] | None = None,
) -> Chart:
    """Values of people by group, from shares in cells: cumulative curves, "shares" in cells, or "violin" outlines.

    edges: [c + 1], rising. groups: name → (people, shares in the cells [c], which sum to 1). aside: name → why a group
    is not compared; it is grey, and comes last.
    """
    small = {words.group(name, groups[name][0]): why for name, why in (aside or {}).items() if why and name in groups}
    held = {words.group(name, n): np.asarray(s, dtype=float) for name, (n, s) in groups.items() if sum(s) > 0}
    drawn = {_named(label, small): held[label] for label in sorted(held, key=lambda label: label in small)}
    full = len(held) - sum(label in small for label in held)  # rows in full colour
    if not drawn:
        return empty(words.say("No group has a defined value."))
    cuts = np.asarray(edges, dtype=float)
    middle = (cuts[1:] + cuts[:-1]) / 2
    if kind == "violin":
        figure = _figure(64 * len(drawn) + 52)
        widest = max(float(share.max()) for share in drawn.values())
        for i, (label, share) in enumerate(drawn.items()):
            half = 0.42 * share / widest
            figure.add_scatter(
                x=np.concatenate([middle, middle[::-1]]), y=np.concatenate([i - half, (i + half)[::-1]]),
                mode="lines", fill="toself" if i < full else "none",
                line={"color": PALETTE[i % 6] if i < full else GREY, "shape": "linear", "width": 1.5},
                name=words.markup(label), hoverinfo="name",
            )  # fmt: skip
        _rows(figure, list(drawn), words.markup(axis))
    else:
        figure = _figure(270, legend=True)
        for i, (label, share) in enumerate(drawn.items()):
            summed = kind == "cumulative"
            figure.add_scatter(
                x=cuts if summed else middle,
                y=100 * np.concatenate([[0], np.cumsum(share)]) if summed else 100 * share,
                mode="lines" if summed else "lines+markers", name=words.markup(label),
                line={
                    "color": PALETTE[i % 6] if i < full else GREY, "dash": DASHES[i % 6],
                    "shape": "linear" if summed else "hvh", "width": 2 if i < full else 1,
                },
                marker={"symbol": SYMBOLS[i % 6] + ("" if i < full else "-open"), "size": 6},
                hovertemplate="%{y:.0f} % of people have at most %{x:.3g}<extra></extra>" if summed
                else "around %{x:.3g}: %{y:.1f} % of people<extra></extra>",
            )  # fmt: skip
        told = (
            words.say("% of people with at most this") if kind == "cumulative" else words.say("% of the group's people")
        )
        figure.update_yaxes(title_text=told, rangemode="tozero", fixedrange=True)
        figure.update_xaxes(title_text=words.markup(axis), fixedrange=True)
    table = pd.DataFrame({words.later("from"): cuts[:-1], words.later("to"): cuts[1:], **drawn})
    said = "; ".join(_half_way(label, cuts, share) for label, share in drawn.items())
    return Chart(figure, words.say("{axis} of people by group: {said}.", axis=axis, said=said), table)


def _half_way(label: str, cuts: np.ndarray, share: np.ndarray) -> str:
    """Below which value half of a group's people are; people without one (no hit has no rank) may be more than that."""
    summed = np.cumsum(share)
    if summed[-1] < 0.5:
        return words.say("{share} % of {group} have one", share=words.number(100 * float(summed[-1]), 1), group=label)
    value = float(cuts[1:][np.searchsorted(summed, 0.5)])
    return words.say("half of {group} have at most {value}", group=label, value=words.number(value))


def shares(
    names: Sequence[str],
    groups: Mapping[str, ArrayLike],
    axis: str,
    limit: int = 18,
    aside: Mapping[str, str] | None = None,
) -> Chart:
    """Shares of categories by group: one row a category, one mark a group, widest difference first.

    groups: label → shares [len(names)], each summing to 1. aside: label → why a group is not compared: it is grey and
    hollow, comes last, and has no part in the order. Without two groups to compare, the first one's largest lead.
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
    figure = _figure(27 * len(top) + 52, legend=True)
    for i, column in enumerate(top):
        figure.add_shape(
            type="line", x0=100 * np.nanmin(leading[:, column]), x1=100 * np.nanmax(leading[:, column]), y0=i, y1=i,
            line={"color": GREY, "width": 3}, layer="below", opacity=0.5,
        )  # fmt: skip
    for g, label in enumerate(labels):
        hollow = label in small
        figure.add_scatter(
            x=100 * matrix[g, top], y=list(range(len(top))), mode="markers",
            name=words.markup(_named(label, small), 80),
            marker={
                "color": GREY if hollow else PALETTE[g % 6], "symbol": SYMBOLS[g % 7] + ("-open" if hollow else ""),
                "size": 10, "line": {"width": 1.5 if hollow else 0},
            },
            cliponaxis=False, customdata=[words.markup(names[j]) for j in top],
            hovertemplate="%{customdata}: %{x:.2f} %<extra></extra>",
        )  # fmt: skip
    _rows(figure, [names[j] for j in top], words.markup(axis))
    figure.update_xaxes(rangemode="tozero", ticksuffix=" %")
    table = pd.DataFrame({words.later("category"): [names[j] for j in order]})
    for g, label in enumerate(labels):
        table[_named(label, small)] = matrix[g, order]
    widest = int(order[0])
    said = "; ".join(
        f"{_named(label, small)} {words.percent(float(matrix[g, widest]))}"
        for g, label in enumerate(labels) if not np.isnan(matrix[g, widest])
    )  # fmt: skip
    told = words.say("{axis}, one row a category. Widest difference: {names} ({said}).", axis=axis,
                     names=names[widest], said=said)  # fmt: skip
    if len(compared) < 2:
        told = words.say("{axis}, one row a category. Largest: {names} ({said}).", axis=axis, names=names[widest],
                         said=said)  # fmt: skip
    return Chart(figure, told, table)


def exposure(
    names: Sequence[str],
    parts: Mapping[str, ArrayLike],
    intervals: Mapping[str, ArrayLike] | None = None,
    *,
    axis: str = "",
    main: str = "exposure",
) -> Chart:
    """Shares side by side, one row a name: an item group's part of exposure (`main`, largest mark) beside its parts of
    the catalogue, of interactions and of liked items.

    parts: what → shares [len(names)]. intervals: what → [len(names), 2].
    """
    if not names:
        return empty(words.say("There is no item group to show."))
    axis = axis or words.say("part of the whole")
    figure = _figure(48 * len(names[:MAX_ROWS]) + 52, legend=True)
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
        )  # fmt: skip
    _rows(figure, list(names[:MAX_ROWS]), axis)
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
    )


def stacked(
    rows: Mapping[str, Sequence[float]],
    parts: Sequence[str],
    axis: str,
    colors: Sequence[str] = PALETTE,
    aside: Mapping[str, str] | None = None,
) -> Chart:
    """Rows that are cut into parts which add up to 1 (head and tail, worse and better off).

    aside: row → why a group is not compared: its parts are grey outlines. NaN: it has no value."""
    if not rows:
        return empty(words.say("There is nothing to show."))
    small = {label: why for label, why in (aside or {}).items() if why}
    figure = _figure(42 * len(rows) + 52, legend=True, barmode="stack")
    for i, label in enumerate(rows):
        if any(math.isnan(share) for share in rows[label]):
            _note(figure, i, _missing(small.get(label) or words.say("no value")))
    hollow = [label in small for label in rows]
    for i, part in enumerate(parts):
        values = [100 * row[i] for row in rows.values()]
        figure.add_bar(  # the legend's own, whatever the first row looks like
            x=[None], y=[None], orientation="h", name=words.markup(part),
            marker={"color": colors[i], "pattern": {**HATCH, "shape": PATTERNS[i % 7]}},
        )  # fmt: skip
        figure.add_bar(
            x=values, y=list(range(len(rows))), orientation="h", name=words.markup(part), width=0.6, showlegend=False,
            marker={
                "color": ["rgba(0,0,0,0)" if thin else colors[i] for thin in hollow],
                "line": {"color": GREY, "width": [1.5 if thin else 0 for thin in hollow]},
                "pattern": {**HATCH, "shape": ["" if thin else PATTERNS[i % 7] for thin in hollow]},
            },
            text=[words.percent(v / 100, 0) if v >= 8 else "" for v in values],
            textposition="inside", insidetextanchor="middle",
            textfont={"color": [GREY if thin else "#ffffff" for thin in hollow]}, textangle=0,
            hovertemplate="%{fullData.name} %{x:.1f} %<extra></extra>",
        )  # fmt: skip
    shown = {label: _named(label, small) for label in rows}
    _rows(figure, list(shown.values()), words.markup(axis))
    figure.update_xaxes(range=[0, 100], ticksuffix=" %")
    table = pd.DataFrame([[shown[name], *row] for name, row in rows.items()], columns=["group", *parts])
    said = "; ".join(
        f"{shown[name]}: " + ", ".join(f"{part} {words.percent(row[i], 0)}" for i, part in enumerate(parts))
        for name, row in list(rows.items())[:MAX_ROWS]
        if not any(map(math.isnan, row))
    )
    return Chart(figure, f"{axis}. {said}.", table)


def before_after(rows: Sequence[Change], metric: str) -> Chart:
    """Hollow: before; filled: after; the words give the paired difference with its 95 % interval."""
    if not rows:
        return empty(words.say("There is no group to compare."))
    shown = rows[:MAX_ROWS]
    figure = _figure(52 * len(shown) + 52, legend=True)
    for name, symbol, color in ((words.say("before"), "circle-open", GREY), (words.say("after"), "circle", BLUE)):
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=name, marker={"symbol": symbol, "color": color, "size": 11}
        )
    for i, row in enumerate(shown):
        if row.before is None or row.after is None or math.isnan(row.before) or math.isnan(row.after):
            _note(figure, i, words.say(row.aside if row.aside == words.WITHHELD else "undefined before or after"))
            continue
        color = GREY if row.aside else PALETTE[i % 6]
        figure.add_scatter(
            x=[row.before, row.after], y=[i, i], mode="lines", line={"color": color, "width": 2}, showlegend=False,
            hoverinfo="skip",
        )  # fmt: skip
        difference = f"{words.signed(row.difference)} ({words.interval(row.low, row.high)})"
        hint = "" if row.moved else words.say(", no change found")
        figure.add_scatter(
            x=[row.before, row.after], y=[i, i], mode="markers", showlegend=False,
            marker={
                "symbol": [SYMBOLS[i % 6] + "-open", SYMBOLS[i % 6] + ("-open-dot" if row.aside else "")],
                "size": [12, 12], "opacity": 1, "color": color,
                "line": {"width": 2, "color": color},
            },
            customdata=[words.markup(row.label)] * 2,
            hovertemplate="%{customdata}: %{x:.4f}<extra></extra>",
        )  # fmt: skip
        figure.add_annotation(
            x=max(row.before, row.after), y=i, yshift=-15, xanchor="center", showarrow=False,
            text=words.markup(difference + hint, 80),
        )  # fmt: skip
    _rows(figure, [row.shown for row in shown], words.markup(metric))
    table = pd.DataFrame(
        {
            words.later("group"): [row.name for row in rows],
            "n": [row.n for row in rows],
            words.later("before"): [row.before for row in rows],
            words.later("after"): [row.after for row in rows],
            words.later("difference"): [row.difference for row in rows],
            words.later("95 % from"): [row.low for row in rows],
            words.later("95 % to"): [row.high for row in rows],
            words.later("change"): [
                r.aside or (words.say("found") if r.moved else words.say("not found")) for r in rows
            ],
        }
    )
    said = "; ".join(f"{row.label} {words.number(row.before)} to {words.number(row.after)}" for row in shown)
    return Chart(figure, words.say("{metric} before and after: {said}.", metric=metric, said=said), table)


def trade_off(points: Sequence[TradePoint], gap: str, quality: str, *, better: int = -1, joined: bool = True) -> Chart:
    """The whole trade-off of one or several methods: a fairness metric to the right, quality upwards, both with
    intervals. better: 1 where a higher metric is fairer, -1 where a lower one is. joined: a line leads from point to
    point, in their order."""
    if not points:
        return empty(words.say("No sweep has been run yet."))
    figure = _figure(330, legend=True)
    series = list(dict.fromkeys(point.series for point in points))
    for s, name in enumerate(series):
        mine = [point for point in points if point.series == name]
        color = PALETTE[s % 6]
        error: dict[str, dict[str, Any]] = {}
        for key, of, ci in (
            ("error_x", [p.gap for p in mine], [p.gap_ci for p in mine]),
            ("error_y", [p.quality for p in mine], [p.quality_ci for p in mine]),
        ):
            if all(bounds is not None for bounds in ci):
                error[key] = {
                    "type": "data", "symmetric": False, "thickness": 1, "width": 0, "color": color,
                    "array": [max(0.0, b[1] - v) for v, b in zip(of, ci, strict=True) if b],
                    "arrayminus": [max(0.0, v - b[0]) for v, b in zip(of, ci, strict=True) if b],
                }  # fmt: skip
        figure.add_scatter(
            x=[p.gap for p in mine], y=[p.quality for p in mine], mode=f"{'lines+' if joined else ''}markers",
            name=words.markup(name),
            line={"color": color, "dash": DASHES[s % 6], "width": 1.5},
            marker={"symbol": SYMBOLS[s % 6], "size": 8, "color": color},
            customdata=[words.markup(p.label) for p in mine],
            hovertemplate=f"%{{customdata}}<br>{words.markup(gap)} %{{x:.4f}}, {words.markup(quality)} %{{y:.4f}}"
            "<extra></extra>",
            opacity=0.9, **error,
        )  # fmt: skip
    chosen = [point for point in points if point.chosen]
    for point in chosen:
        figure.add_annotation(
            x=point.gap, y=point.quality, text=words.markup(point.label), ax=32, ay=-30, arrowcolor=GREY
        )
        figure.add_scatter(
            x=[point.gap], y=[point.quality], mode="markers", showlegend=False, hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 18, "color": GREY, "line": {"width": 2.5}},
        )  # fmt: skip
    figure.update_xaxes(
        title_text=words.say(
            "{gap} ({say} is fairer)",
            gap=words.markup(gap),
            say=words.say("right") if better > 0 else words.say("left"),
        ),
        fixedrange=True,
    )
    figure.update_yaxes(title_text=words.markup(quality), fixedrange=True)
    table = pd.DataFrame(
        {
            words.later("method"): [p.series for p in points],
            words.later("strength"): [p.label for p in points],
            gap: [p.gap for p in points],
            quality: [p.quality for p in points],
            words.later("chosen"): [words.say("yes") if p.chosen else "" for p in points],
        }
    )
    said = "; ".join(
        f"{p.series} {p.label}: {words.number(p.gap)} and {words.number(p.quality)}" for p in chosen or points[:6]
    )
    return Chart(
        figure,
        words.say(
            "Trade-off between {gap} and {quality} for {series}. {said}.",
            gap=gap,
            quality=quality,
            series=words.join(series),
            said=said,
        ),
        table,
    )


def curves(series: Mapping[str, Sequence[tuple[float, float]]], x_title: str, y_title: str, height: int = 230) -> Chart:
    """Lines over a common axis (training curves): name → (x, y) points in order."""
    drawn = {name: points for name, points in series.items() if points}
    if not drawn:
        return empty(words.say("No point has come yet."), height)
    figure = _figure(height, legend=True)
    for i, (name, points) in enumerate(drawn.items()):
        step = max(1, len(points) // CURVE_POINTS)
        kept = [*points[:-1:step], points[-1]]
        figure.add_scatter(
            x=[x for x, _ in kept], y=[y for _, y in kept], name=words.markup(name),
            mode="lines+markers" if len(kept) < 40 else "lines",
            line={"color": PALETTE[i % 6], "dash": DASHES[i % 6], "width": 2},
            marker={"symbol": SYMBOLS[i % 6], "size": 6},
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
    return Chart(figure, f"{y_title}: {said}.", table)


def band(x: ArrayLike, y: ArrayLike, low: ArrayLike, high: ArrayLike, x_title: str, y_title: str) -> Chart:
    """A smooth curve with its 95 % band (a metric over age)."""
    across, value, lower, upper = (np.asarray(v, dtype=float) for v in (x, y, low, high))
    if not len(across) or np.isnan(value).all():
        return empty(words.say("Too few people with a known value for a curve."))
    figure = _figure(270)
    figure.add_scatter(
        x=np.concatenate([across, across[::-1]]), y=np.concatenate([upper, lower[::-1]]), fill="toself", mode="lines",
        line={"width": 0}, fillcolor="rgba(0,114,178,0.22)", hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=across, y=value, mode="lines", line={"color": BLUE, "width": 2.5},
        hovertemplate="%{x:.0f}: %{y:.4f}<extra></extra>",
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
    )


def reliability(lines: Sequence[Reliability]) -> Chart:
    """Predicted probability against the share that was liked, a line for everybody (the first) and each group that is
    compared; on the diagonal a prediction means what it says. The table holds the others too."""
    shown = [line for line in lines if not line.aside and line.cells][:MAX_LINES]
    if not shown:
        return empty(words.say("Nobody has a held-out pair whose probability was predicted."))
    figure = _figure(320, legend=True)
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": GREY}, hoverinfo="skip", showlegend=False
    )
    most = max(cell.n for line in shown for cell in line.cells)
    for line, color, symbol, dash in zip(shown, (GREY, *PALETTE), SYMBOLS, DASHES, strict=False):
        whiskers = [_whisker(cell.observed, cell.low, cell.high, color, 1.0) for cell in line.cells]
        figure.add_scatter(
            x=[cell.predicted for cell in line.cells],
            y=[cell.observed for cell in line.cells],
            mode="lines+markers",
            name=words.markup(line.label),
            line={"color": color, "dash": dash},
            marker={"symbol": symbol, "opacity": 1, "size": [6 + 9 * math.sqrt(c.n / most) for c in line.cells]},
            error_y={
                "type": "data", "symmetric": False, "color": color, "thickness": 1, "width": 3,
                "array": [whisker.get("array", [0.0])[0] for whisker in whiskers],
                "arrayminus": [whisker.get("arrayminus", [0.0])[0] for whisker in whiskers],
            },
            customdata=[words.markup(words.say("{n} pair", "{n} pairs", n=cell.n)) for cell in line.cells],
            hovertemplate="%{x:.3f} → %{y:.3f} (%{customdata})<extra></extra>",
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
    return Chart(figure, words.say("Predicted probability against the share liked: {said}.", said=said), table)


def bars(
    names: Sequence[str], values: Sequence[float], axis: str, *, digits: int = 3, most: int | None = None
) -> Chart:
    """Signed bars from zero: to the right blue, to the left vermillion and hatched (what adds to a score).

    most: what no value can be above; the axis ends there."""
    if not names:
        return empty(words.say("There is nothing to show."))
    shown = list(zip(names, values, strict=True))[:MAX_ROWS]
    figure = _figure(30 * len(shown) + 50)
    figure.add_bar(
        x=[v for _, v in shown], y=list(range(len(shown))), orientation="h",
        marker={
            "color": [BLUE if v >= 0 else VERMILLION for _, v in shown],
            "pattern": {**HATCH, "shape": ["" if v >= 0 else "/" for _, v in shown]},
        },
        text=[words.number(v, digits) for _, v in shown], textposition="outside", cliponaxis=False,
        customdata=[words.markup(name, 80) for name, _ in shown],
        hovertemplate="%{customdata}: %{x:.4f}<extra></extra>",
    )  # fmt: skip
    _rows(figure, [name for name, _ in shown], words.markup(axis), wrap=32)
    low, high = min(0.0, *(v for _, v in shown)), max(0.0, *(v for _, v in shown))
    room = 0.28 * (high - low or 1.0)  # for the numbers at the ends, on a phone, too
    figure.update_xaxes(zeroline=True, range=[low - room if low < 0 else 0.0, high + room if high > 0 else 0.0])
    if most is not None:
        step = max(1, -(-most // 6))
        figure.update_xaxes(range=[0, 1.05 * most], tickvals=[*range(0, most - step + 1, step), most])
    table = pd.DataFrame({words.later("part"): list(names), axis: list(values)})
    said = "; ".join(f"{name} {words.number(v, digits)}" for name, v in shown[:8])
    return Chart(figure, f"{axis}: {said}.", table)


def ratings(values: ArrayLike, threshold: float | None) -> Chart:
    """How many rows have each rating; with a line where liked begins, None: every row counts."""
    told = np.asarray(values, np.float64)
    told = told[np.isfinite(told)]
    if not len(told):
        return empty(words.say("There are no ratings."))
    points, counts = np.unique(told, return_counts=True)
    width = float(np.diff(points).min()) if len(points) > 1 else 1.0
    if len(points) > MAX_ROWS:  # counts without an upper end: the last bar holds all beyond
        counts, edges = np.histogram(np.minimum(told, np.quantile(told, 0.99)), bins=MAX_ROWS)
        points, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    liked = points >= (-np.inf if threshold is None else threshold)
    figure = _figure(220)
    figure.add_bar(
        x=points, y=counts, width=0.8 * width, marker={"color": [BLUE if one else GREY for one in liked]},
        hovertemplate="%{x}: %{y:,}<extra></extra>",
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
    return Chart(figure, said, pd.DataFrame({"rating": points, "rows": counts}))
