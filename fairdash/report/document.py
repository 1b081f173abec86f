"""A report as a plain value: what stands in it, in its order. `fairdash.report.formats` writes it.

Text from data stands here as it came, in one line; each format escapes it in its own way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from fairdash import words

Tone = Literal["", "good", "bad", "quiet"]


@dataclass(frozen=True)
class Text:
    """A paragraph. quiet: said beside what matters."""

    said: str
    quiet: bool = False


@dataclass(frozen=True)
class Points:
    """Sentences, one a point."""

    said: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """What something is called, and what it is."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Cell:
    """shown: as a person reads it. value: the same in full, for a table of numbers; None where there is none."""

    shown: str
    value: float | int | str | None = None
    tone: Tone = ""


@dataclass(frozen=True)
class Table:
    """A row a thing; the first cell names it."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Picture:
    """svg: complete and escaped, in the ink of where it stands. alt: what it shows in words."""

    svg: str
    alt: str


@dataclass(frozen=True)
class Card:
    """A finding. mark: a sign of its state; said: the sentence; more: what stands below it."""

    mark: str
    state: str
    said: str
    more: tuple[str, ...] = ()
    tone: Tone = ""
    picture: Picture | None = None


@dataclass(frozen=True)
class Commands:
    """Lines for a shell, quoted already."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it; one without parts is left out of a report."""

    heading: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Beside:
    """Sections side by side, where there is room."""

    columns: tuple[Section, ...]


Part: TypeAlias = Text | Points | Facts | Table | Picture | Card | Commands | Beside


@dataclass(frozen=True)
class Document:
    """title: one line. about: what it is of, in one line. made: when. sections: those that say something."""

    title: str
    about: str
    made: datetime
    sections: tuple[Section, ...]

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Each table with the heading that it stands below."""
        for section in self.sections:
            yield from ((section.heading, part) for part in section.parts if isinstance(part, Table))


def number(value: float | None, digits: int = 4, *, sign: bool = False) -> Cell:
    """A number; a dash where there is none: a cell holds no word."""
    if value is None or math.isnan(value):
        return Cell(words.DASH)
    return Cell((words.signed if sign else words.number)(value, digits), value if math.isfinite(value) else None)


def share(value: float | None, digits: int = 0) -> Cell:
    """A part of a whole, in per cent."""
    return Cell(words.DASH) if value is None else Cell(words.percent(value, digits), value)


def between(ci: Sequence[float | None] | None, *, sign: bool = False) -> Cell:
    """An interval; a dash where an end is missing."""
    if ci is None or None in ci:
        return Cell(words.DASH)
    said = words.interval(ci[0], ci[1], 4, sign=sign)
    return Cell(said, said)


def sections(*found: Section) -> tuple[Section, ...]:
    """Those that say something."""
    return tuple(section for section in found if section.parts)


def section(heading: str, *parts: Part | None) -> Section:
    """A section of those parts that hold something."""
    return Section(heading, tuple(part for part in parts if part is not None and _holds(part)))


def _holds(part: Part) -> bool:
    match part:
        case Table() | Facts():
            return bool(part.rows)
        case Points():
            return bool(part.said)
        case Commands():
            return bool(part.lines)
        case _:
            return True
