"""A small picture for one cell of a table of many lists: the paired difference from the baseline with its interval."""

from __future__ import annotations

from urllib.parse import quote

from fairdash import words
from fairdash.charts.frame import BLUE, GREY, VERMILLION

WIDTH, HEIGHT = 134, 40
_LINE = 70  # pixels of the interval's part
_INK = {False: "#1f2328", True: "#e8eaec"}
_QUIET = {False: "#545c64", True: "#adb5bd"}
_FONT = "Helvetica, Arial, sans-serif"


def interval(
    value: float | None,
    difference: float | None,
    ends: tuple[float | None, float | None],
    reach: float,
    way: int | None,
    *,
    dark: bool = False,
) -> str:
    """An image as a data URL. value: of the row. difference, ends: from the baseline, None for the baseline itself.
    reach: what lies at both ends of the line, 0 in its middle. way: 1 better, -1 worse beyond the interval, 0 not
    shown; None: undefined. The mark's shape says it as well as its colour."""
    ink, quiet = _INK[dark], _QUIET[dark]
    drawn = []
    low, high = ends
    if difference is not None:
        drawn.append(_stroke(_LINE / 2, 4, _LINE / 2, HEIGHT - 4, quiet, 1, "2 3"))
        color = {1: BLUE, -1: VERMILLION}.get(way or 0, GREY)
        if low is not None and high is not None:
            drawn.append(_stroke(_at(low, reach), HEIGHT / 2, _at(high, reach), HEIGHT / 2, color, 2))
        drawn.append(_mark(_at(difference, reach), way, color))
    told = [] if value is None and difference is None else [_text(16, words.number(value), ink, 13)]
    if difference is not None:
        told.append(_text(32, words.signed(difference), quiet, 11))
    if value is None:
        told = [_text(24, words.say(words.UNDEFINED), quiet, 11)]
    shapes = "".join([*drawn, *told])
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">{shapes}</svg>'
    return f"data:image/svg+xml;utf8,{quote(svg)}"


def _at(value: float, reach: float) -> float:
    """Where a difference lies on the line; what goes beyond is cut at its end."""
    share = 0.0 if not reach else max(-1.0, min(1.0, value / reach))
    return round(_LINE / 2 + share * (_LINE / 2 - 8), 1)


def _stroke(x0: float, y0: float, x1: float, y1: float, color: str, width: int, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" stroke="{color}" stroke-width="{width}"{dashed}/>'


def _mark(x: float, way: int | None, color: str) -> str:
    """Up for better, down for worse, a hollow circle for what is not shown."""
    y = HEIGHT / 2
    if way == 1:
        return f'<path d="M{x} {y - 6} l6 11 h-12 z" fill="{color}"/>'
    if way == -1:
        return f'<path d="M{x} {y + 6} l6 -11 h-12 z" fill="{color}"/>'
    return f'<circle cx="{x}" cy="{y}" r="4.5" fill="none" stroke="{color}" stroke-width="2"/>'


def _text(y: float, told: str, color: str, size: int) -> str:
    return (
        f'<text x="{_LINE + 6}" y="{y}" font-family="{_FONT}" font-size="{size}" fill="{color}">'
        f"{words.markup(told)}</text>"
    )
