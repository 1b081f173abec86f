"""Pictures of a report and of its cards, as SVG: no script, nothing to load, the same on a page, in a mail, on paper.

Plotly draws in a browser only, and what draws its charts elsewhere brings one along; a report is written on a server
without any. So these few are drawn here, from the values that the charts take, in their colours and marks. Text from
data is escaped. Every picture is as wide as a phone can show: names stand above their marks, not beside them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fairdash import words
from fairdash.report.document import Picture

WIDTH, ROW, EDGE = 400, 44, 10  # pixels: of a picture, of a row of it, left free at both sides
LABEL = 36  # characters of a name
BLUE, VERMILLION, GREY = "#0072b2", "#d55e00", "#8a939c"  # as in the charts (Okabe and Ito 2008)
SKY = "#56b4e9"
TICKS = 5
ROOM = 56  # pixels that a number is wide
MOST = 12  # bars of one picture; the table holds all


@dataclass(frozen=True)
class Row:
    """A mark with its interval. told: what stands at its right, the number in words. quiet: no part of a comparison."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    told: str = ""
    quiet: bool = False
    before: float | None = None  # where it was
    reach: tuple[float, ...] = ()  # where chance alone may have brought it: the picture is as wide


def values(rows: Sequence[Row], alt: str, *, line: float | None = None, line_told: str = "") -> Picture | None:
    """A row a group: its value, and its interval as a whisker; hollow where it was before. line: a value that all are
    held against, such as everybody's. None where there is nothing to draw."""
    shown = [row for row in rows if math.isfinite(row.value)]
    if not shown:
        return None
    ends = [end for row in shown for end in (row.value, row.low, row.high, row.before, *row.reach) if end is not None]
    scale = _Scale([*ends, *([line] if line is not None else [])])
    height = ROW * len(shown) + 30
    marks = []
    for i, row in enumerate(shown):
        y = ROW * i + 32
        x, color = scale.x(row.value), GREY if row.quiet else BLUE
        marks += [_text(EDGE, y - 14, row.label), _text(WIDTH - EDGE, y - 14, row.told, anchor="end")]
        marks.append(_line(EDGE, y, WIDTH - EDGE, y, GREY, 1, 0.35))
        if row.low is not None and row.high is not None:
            marks.append(_line(scale.x(row.low), y, scale.x(row.high), y, color, 3, 0.55))
        if row.before is not None:
            old = scale.x(row.before)
            marks.append(_line(old, y, x, y, color, 2))
            marks.append(f'<circle cx="{old}" cy="{y}" r="5" fill="none" stroke="{GREY}" stroke-width="2.5"/>')
            marks.append(f'<path d="M{x} {y - 7} l7 7 l-7 7 l-7 -7 z" fill="{color}"/>')
        else:
            marks.append(f'<circle cx="{x}" cy="{y}" r="6" fill="{color}"/>')
    if line is not None:
        x = scale.x(line)
        middles = (ROW * i + 32 for i in range(len(shown)))
        marks[:0] = [_line(x, y - 10, x, y + 10, GREY, 2, dash="4 3") for y in middles]  # not through the names
        alt = words.say("{picture} Dashed: {line}.", picture=alt, line=line_told)
    return _svg(height, [*marks, *scale.axis(height - 6)], alt)


def bars(rows: Sequence[Row], alt: str) -> Picture | None:
    """A bar a row, from 0; `before`, where it is given, is a stroke across it: a target, or where it was."""
    shown = [row for row in rows if math.isfinite(row.value)]
    if not shown:
        return None
    scale = _Scale([0.0, *(row.value for row in shown), *(row.before for row in shown if row.before is not None)])
    height, marks = ROW * len(shown) + 6, []
    for i, row in enumerate(shown):
        y, zero, x = ROW * i + 26, scale.x(0.0), scale.x(row.value)
        color = GREY if row.quiet else BLUE
        marks += [_text(EDGE, y - 8, row.label), _text(WIDTH - EDGE, y - 8, row.told, anchor="end")]
        marks.append(
            f'<rect x="{min(zero, x)}" y="{y}" width="{round(abs(x - zero), 1)}" height="12" rx="2" fill="{color}"/>'
        )
        if row.before is not None:
            at = scale.x(row.before)
            marks.append(_line(at, y - 4, at, y + 16, "currentColor", 2.5))
    return _svg(height, marks, alt)


@dataclass(frozen=True)
class Tried:
    """A strength: what the aim was there, with its interval, and what was left of accuracy (1: all of it)."""

    strength: float
    value: float
    low: float | None
    high: float | None
    accuracy: float


def sweep(points: Sequence[Tried], chosen: float, names: tuple[str, str], alt: str) -> Picture | None:
    """The aim and what is left of accuracy over the strengths, one below the other, with a line at the chosen one."""
    shown = sorted((p for p in points if math.isfinite(p.value) and math.isfinite(p.accuracy)), key=_strength)
    if len(shown) < 2:
        return None
    across = _Scale([p.strength for p in shown])
    height, marks = 376, []
    for top, name, color, line, spread in (
        (50, names[0], BLUE, [p.value for p in shown], [(p.low, p.high) for p in shown]),
        (224, names[1], VERMILLION, [100 * p.accuracy for p in shown], []),
    ):
        ends = [end for pair in spread for end in pair if end is not None]
        up = _Scale([*line, *ends], top + 100, top)
        marks.append(_text(EDGE, top - 32, name))
        whole = [(across.x(p.strength), *pair) for p, pair in zip(shown, spread, strict=False) if None not in pair]
        if whole:
            over = [f"{x},{up.x(high)}" for x, _, high in whole if high is not None]
            under = [f"{x},{up.x(low)}" for x, low, _ in reversed(whole) if low is not None]
            marks.append(f'<polygon points="{" ".join([*over, *under])}" fill="{color}" opacity="0.18"/>')
        path = " ".join(f"{across.x(p.strength)},{up.x(y)}" for p, y in zip(shown, line, strict=True))
        marks.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2.5"/>')
        for p, y in zip(shown, line, strict=True):
            at = p.strength == chosen
            marks.append(f'<circle cx="{across.x(p.strength)}" cy="{up.x(y)}" r="{7 if at else 3.5}" fill="{color}"/>')
            if at or p in (shown[0], shown[-1]):
                told = words.say("{number} %", number=words.number(y, 0)) if color == VERMILLION else words.number(y)
                last = p is shown[-1]
                x = across.x(p.strength) + (0 if last or p is shown[0] else 8)  # beside the dashed line, not on it
                beside = [abs(across.x(q.strength) - x) <= ROOM for q in shown]
                below = [up.x(v) for v, near in zip(line, beside, strict=True) if near]  # the curve below the number
                marks.append(_text(x, min(below) - 11, told, anchor="end" if last else "start"))
    x = across.x(chosen)
    marks.insert(0, _line(x, 28, x, 338, GREY, 1.5, dash="5 4"))
    return _svg(height, [*marks, *across.axis(height - 20), _text(WIDTH / 2, height - 2, words.say("strength"),
                                                               anchor="middle", soft=True)], alt)  # fmt: skip


def _strength(point: Tried) -> float:
    return point.strength


class _Scale:
    """Values to pixels, with a little room at both ends."""

    def __init__(self, found: Sequence[float], start: float = EDGE + 8.0, end: float = WIDTH - EDGE - 8.0) -> None:
        self.low, self.high = min(found), max(found)
        self.span = (self.high - self.low) or abs(self.high) or 1.0
        self.start, self.end = start, end

    def x(self, value: float) -> float:
        return round(self.start + (value - self.low) / self.span * (self.end - self.start), 1)

    def axis(self, y: float) -> list[str]:
        """Round numbers below the marks."""
        step = 10.0 ** math.floor(math.log10(self.span / TICKS))
        step *= next(by for by in (1, 2, 5, 10) if self.span / (step * by) <= TICKS)
        first, last = math.ceil(self.low / step - 1e-9), math.floor((self.low + self.span) / step + 1e-9)
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        told = [(i * step, words.number(i * step, digits)) for i in range(first, last + 1)]
        return [_text(self.x(at), y, said, anchor="middle", soft=True) for at, said in told]


def _text(x: float, y: float, said: str, *, anchor: str = "start", soft: bool = False) -> str:
    look = ' font-size="12" opacity="0.75"' if soft else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{look}>{words.markup(said, LABEL)}</text>'


def _line(
    x: float, y: float, to_x: float, to_y: float, color: str, width: float, opacity: float = 1.0, dash: str = ""
) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" stroke="{color}" stroke-width="{width}"{dashed} '
        f'opacity="{opacity}"/>'
    )


def _svg(height: int, marks: Sequence[str], alt: str) -> Picture:
    named = f'role="img" aria-label="{words.markup(alt, 400)}"'
    head = f'<svg viewBox="0 0 {WIDTH} {height}" {named}'
    look = 'fill="currentColor" font-size="14" font-family="system-ui, sans-serif"'
    return Picture(f"{head} {look}>{''.join(marks)}</svg>", alt)
