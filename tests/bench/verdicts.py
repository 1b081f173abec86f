"""Numbers that have bounds: measured by the row, drawn again where they are beyond, kept in a file, summed up.

Of N data sets a part p is √(p (1 − p) / N) off by chance alone, and of hundreds of such numbers some are far off. So
what is beyond its bounds is measured again, of AGAIN times as many data sets of another seed: by chance it is inside
then, by a fault it is not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

AGAIN = 5  # times as many data sets where a number is beyond its bounds
EXACT = 1e-9  # parts at a bound are inside


@dataclass(frozen=True)
class Draw:
    """How much is drawn; again: other data sets than those of the same seed."""

    data_sets: int
    permutations: int = 1000
    seed: int = 0
    again: bool = False


@dataclass(frozen=True)
class Bounded:
    """A number, and the bounds in which it is where all is right; beside: others that it is held against. NaN: there is
    none, which is within all bounds."""

    value: float
    low: float = 0.0
    high: float = 1.0
    beside: tuple[float, ...] = ()

    @property
    def inside(self) -> bool:
        return math.isnan(self.value) or self.low - EXACT <= self.value <= self.high + EXACT


Numbers = dict[tuple[str, str], Bounded]  # by column and criterion


class Row(Protocol):
    """A design, a metric, a base rate: what its columns are is up to it."""

    @property
    def title(self) -> str: ...

    @property
    def columns(self) -> Sequence[str]: ...

    def measure(self, columns: Sequence[str], draw: Draw) -> Numbers: ...


@dataclass(frozen=True)
class Check:
    """A number of a row; again: as drawn again, where it was beyond its bounds."""

    row: str
    column: str
    criterion: str
    first: Bounded
    again: Bounded | None = None

    @property
    def mark(self) -> str:
        """Nothing, ~ for chance, ! for a fault."""
        return "" if self.first.inside else "~" if self.again is not None and self.again.inside else "!"

    def __str__(self) -> str:
        numbers = [self.first] if self.again is None else [self.first, self.again]
        told = ("/".join(f"{x:.3f}" for x in (one.value, *one.beside) if not math.isnan(x)) for one in numbers)
        return self.mark + ">".join(told)


def checks(row: Row, draw: Draw) -> list[Check]:
    """All numbers of a row, with those beyond their bounds drawn again."""
    first = row.measure(row.columns, draw)
    beyond = list(dict.fromkeys(column for (column, _), one in first.items() if not one.inside))
    more = replace(draw, data_sets=AGAIN * draw.data_sets, again=True)
    again = row.measure(beyond, more) if beyond else {}
    return [Check(row.title, *at, one, None if one.inside else again[at]) for at, one in first.items()]


def run(rows: Sequence[Row], draw: Draw, jobs: int = 1, kept: Path | None = None) -> Iterator[list[Check]]:
    """The checks of every row, in their order, in so many processes. kept: a file with a line a row; rows that it has
    of the same draw are taken from there."""
    known = _read(kept, draw)
    wanted = [row for row in rows if row.title not in known]
    made = _made(wanted, draw, jobs)
    for row in rows:
        if row.title in known:
            yield known[row.title]
            continue
        found = next(made)
        if kept is not None:
            with kept.open("a") as file:
                told = {"row": row.title, "draw": asdict(draw), "checks": [asdict(one) for one in found]}
                file.write(json.dumps(told) + "\n")
        yield found


def _made(rows: Sequence[Row], draw: Draw, jobs: int) -> Iterator[list[Check]]:
    if jobs == 1:
        yield from (checks(row, draw) for row in rows)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(checks, rows, [draw] * len(rows))


def _read(kept: Path | None, draw: Draw) -> dict[str, list[Check]]:
    if kept is None or not kept.exists():
        return {}
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    return {line["row"]: [_check(one) for one in line["checks"]] for line in lines if line["draw"] == asdict(draw)}


def _check(one: dict[str, object]) -> Check:
    first, again = (None if part is None else _bounded(part) for part in (one.pop("first"), one.pop("again")))
    return Check(**one, first=first, again=again)  # type: ignore[arg-type]


def _bounded(part: object) -> Bounded:
    assert isinstance(part, dict)
    return Bounded(**{**part, "beside": tuple(part["beside"])})


def line(found: Sequence[Check]) -> str:
    """A row: of each criterion the lowest number and all that are marked, or every one that others stand beside."""
    told = [f"{found[0].row:<42}"]
    for criterion in dict.fromkeys(one.criterion for one in found):
        some = [one for one in found if one.criterion == criterion and not math.isnan(one.first.value)]
        if not some:
            continue
        least = min(some, key=lambda one: one.first.value)
        shown = [one for one in some if one is least or one.mark or one.first.beside]
        several = len({one.column for one in some}) > 1
        told.append(f"{criterion} " + " ".join(f"{one.column}:{one}" if several else str(one) for one in shown))
    return "  ".join(told)


def summary(found: Iterable[Check]) -> Iterator[str]:
    """By criterion: how many numbers have bounds, are inside, and what the worst is; then all that are not inside."""
    held = [one for one in found if (one.first.low, one.first.high) != (0.0, 1.0) and not math.isnan(one.first.value)]
    yield f"{'':<12}{'numbers':>8}{'inside':>8}{'drawn again: inside':>21}{'outside':>9}"
    for criterion in dict.fromkeys(one.criterion for one in held):
        some = [one.mark for one in held if one.criterion == criterion]
        counts = [len(some), *(some.count(mark) for mark in ("", "~", "!"))]
        yield f"{criterion:<12}{counts[0]:>8}{counts[1]:>8}{counts[2]:>21}{counts[3]:>9}"
    for mark, title in (("!", "Outside both times"), ("~", "Outside at first, inside when drawn again")):
        some_of = [one for one in held if one.mark == mark]
        yield f"{title}: {len(some_of)}"
        for one in some_of:
            yield f"  {one.row:<42} {one.column:<12} {one.criterion:<9} {one}"
