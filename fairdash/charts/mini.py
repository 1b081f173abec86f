"""A small picture of a few groups as one line of SVG each, light enough that a page can hold many, and prints."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fairdash import words
from fairdash.charts.frame import BLUE, FONT, GREY, VERMILLION, pixels

WIDTH, ROW, LEFT, RIGHT = 340, 22, 132, 52  # pixels: of the whole, of a row, of its name, of its value
HEAD = 22  # of what the dotted line stands for
NAME = 20  # characters of a name; longer ones are cut
MOST = 5  # rows; of more groups those at both ends are drawn
ROOM = 6  # on both sides of the marks

Row = tuple[str, float, float, float]  # name, value, both ends of its interval, NaN where there is none


def fit(names: Sequence[str]) -> bool:
    """Whether all of them can stand beside their rows, whole and told apart."""
    return len({*names}) == len(names) and all(len(name) <= NAME and pixels(name) <= LEFT for name in names)


def mini(
    rows: Sequence[Row],
    alt: str,
    *,
    beside: tuple[str, float] | None = None,
    marked: Sequence[str] = (),
    ink: str = "currentColor",
) -> str:
    """Rows, highest first, as SVG: a mark with its interval, and its value; "" where there is no value. beside: what a
    dotted line stands for, and where. marked: names that the picture is about. ink: of the words; the text around it
    lends an SVG its own that is part of a page. Names come from data and are escaped."""
    shown = [row for row in rows if not math.isnan(row[1])]
    if len(shown) > MOST:
        shown = [*shown[: MOST - MOST // 2], *shown[-(MOST // 2) :]]
    ends = [end for row in shown for end in row[1:] if not math.isnan(end)]
    line = None if beside is None or math.isnan(beside[1]) else beside
    ends += [] if line is None else [line[1]]
    if not shown:
        return ""
    low, high = min(ends), max(ends)
    if low >= 0 and low < (high - low):
        low = 0.0  # near enough to 0 that lengths can be compared
    width = WIDTH - LEFT - RIGHT - 2 * ROOM

    def x(value: float) -> float:
        return LEFT + ROOM + width * (0.5 if high == low else (value - low) / (high - low))

    top = 0 if line is None else HEAD
    height, marks = top + ROW * len(shown) + 4, []
    if line is not None:
        at = x(line[1])
        told = f"{words.markup(line[0], 24)} {words.markup(words.number(line[1]))}"
        marks.append(
            f'<text x="{round(min(max(at, LEFT), WIDTH - RIGHT), 1)}" y="{HEAD - 5}" text-anchor="middle">{told}</text>'
        )
        marks.append(
            f'<line x1="{round(at, 1)}" x2="{round(at, 1)}" y1="{top}" y2="{height}" stroke="{GREY}" '
            'stroke-width="1.5" stroke-dasharray="2 3"/>'
        )
    for i, (name, value, least, most) in enumerate(shown):
        y = top + ROW * i + ROW / 2 + 2
        color = VERMILLION if name in marked else BLUE
        if not (math.isnan(least) or math.isnan(most)):
            ends_at = f'x1="{round(x(least), 1)}" x2="{round(x(most), 1)}"'
            marks.append(f'<line {ends_at} y1="{y}" y2="{y}" stroke="{color}" stroke-width="2"/>')
        marks.append(_mark(x(value), y, color, diamond=name in marked))
        marks.append(f'<text x="0" y="{y + 4}">{words.markup(name, NAME)}</text>')
        marks.append(f'<text x="{WIDTH}" y="{y + 4}" text-anchor="end">{words.markup(words.number(value))}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{words.markup(alt, 400)}" fill="{ink}" font-size="12" '
        f'font-family="{FONT}">{"".join(marks)}</svg>'
    )


def _mark(x: float, y: float, color: str, *, diamond: bool) -> str:
    if diamond:
        return f'<path d="M{round(x, 1)} {y - 6} l6 6 l-6 6 l-6 -6 z" fill="{color}"/>'
    return f'<circle cx="{round(x, 1)}" cy="{y}" r="4.5" fill="{color}"/>'
