"""Has what groups get moved away from the reference? A test that may be looked at after every window, for ever.

For each group of an attribute the value of the group less that of the other groups together is compared with the same
difference in the reference, over the last window, the last two, four, eight … of them: a large change is found in the
first window after it, a small one once enough windows have it in them. The error of the difference of differences is
that of the jackknife over blocks of people (`sums.estimate`): the same people come back in window after window, and
they are in the reference.

What is looked at is looked at again and again, in spans that overlap, against one reference, in metrics that go
together. So the level is spent: look i may use w(i) of it, w(i) = 1 / ((i + 1) ln²(i + 1)) over its sum (an alpha
spending sequence for any number of looks; Lan & DeMets, Biometrika 1983), in equal parts for all differences and spans.
The chance of any false alarm, however long it runs, is then at most the level, by Boole's inequality, which holds for
tests that depend on each other in whatever way. A confidence sequence for the running mean would be narrower where a
change was there from the start, but a change that comes late is diluted by all that went before it.

A difference is tested where both sides have enough people and enough counted (FEWEST); nothing to test is
INSUFFICIENT_DATA, which is no OK.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from fairdash import settings, words
from fairdash.events.sums import Census, Counts, Estimate, Rate, Sums, counts, estimate

Status = Literal["OK", "DRIFT", "INSUFFICIENT_DATA"]
LEVEL = 0.05
FEWEST = 100  # counted above a value's line, and below it and not above, on each side: fewer are no normal numbers
LONGEST = 64  # windows of a span
_SPENT = 2.1097428  # Σ 1 / (n ln² n) from n = 2


def spent(look: int, level: float) -> float:
    """The part of the level for a look, from 1; over all looks these add up to the level."""
    return level / ((look + 1) * math.log(look + 1) ** 2) / _SPENT


@dataclass(frozen=True)
class Moved:
    """A difference that moved. group: less the other groups of the attribute; metric: a rate's key; windows: of the
    span in which it was found; then, now: the difference in the reference and in the span; low, high: the 95 % interval
    of the move."""

    attribute: str
    group: str
    metric: str
    of: str
    part: str
    windows: int
    then: float
    now: float
    low: float
    high: float
    p_value: float

    def sentence(self) -> str:
        """What moved, for people."""
        return words.say(
            "{name}: {group} less the others, {then} before, {now} now (moved by {interval}).",
            name=Rate(self.metric, self.of, self.part).name,
            group=words.plain(words.people(self.attribute, self.group)),
            then=words.signed(self.then),
            now=words.signed(self.now),
            interval=words.interval(self.low, self.high, sign=True),
        )


@dataclass(frozen=True)
class Verdict:
    """Of one look. tested: how many differences had enough data, of how many; level: what this look may spend."""

    status: Status
    look: int
    level: float
    tested: int
    of: int
    moved: tuple[Moved, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "status": self.status, "look": self.look, "level": self.level, "tested": self.tested, "of": self.of,
            "moved": [vars(one) for one in self.moved],
        }  # fmt: skip


def spans(look: int) -> list[int]:
    """How many windows each span has that is tested at a look: 1, 2, 4 …, none longer than there are, or LONGEST."""
    return [1 << power for power in range(min(look, LONGEST).bit_length())]


def judge(
    census: Census, reference: Sums, since: Sequence[Sums], look: int, level: float, *, feedback: bool
) -> Verdict:
    """The verdict on the latest windows. since: the sums of the spans of `spans(look)`. feedback: on what people took,
    else on what they were shown."""
    rates = census.rates
    tried = [i for i, rate in enumerate(rates) if rate.tested]
    asked = np.array([rate.tested and rate.feedback == feedback for rate in rates])
    sides = [(a, g) for a, group in enumerate(census.groups) for g in range(contrasts(len(group.names)))]
    spend = spent(look, level)
    each = spend / max(1, len(tried) * len(sides) * len(since))
    moved: dict[tuple[int, int, int], Moved] = {}
    tested = 0
    for windows, span in zip(spans(look), since, strict=True):
        for a, g in sides:
            both = pairs(census, a, g, reference, span)
            if both is None:
                continue
            then, now = both
            enough = asked & np.all([_enough(census, side) for side in (*then, *now)], axis=0)
            tested += int(enough.sum())
            change = estimate(census, [(1.0, now[0]), (-1.0, now[1]), (-1.0, then[0]), (1.0, then[1])])
            p_values, ends = change.p_value(), change.ends()
            found_here = np.flatnonzero(enough & (p_values <= each))
            if not len(found_here):
                continue
            before, after = difference(census, then), difference(census, now)
            for i in found_here:
                found = Moved(
                    census.groups[a].attribute, census.groups[a].names[g], rates[i].key, rates[i].of, rates[i].part,
                    windows, *(float(v[i]) for v in (before.value, after.value, *ends, p_values)),
                )  # fmt: skip
                known = moved.get((a, g, int(i)))
                if known is None or found.p_value < known.p_value:
                    moved[a, g, int(i)] = found
    status: Status = "DRIFT" if moved else "OK" if tested else "INSUFFICIENT_DATA"
    surest = tuple(sorted(moved.values(), key=lambda one: one.p_value))
    return Verdict(status, look, spend, tested, int(asked.sum()) * len(sides) * len(since), surest)


def contrasts(groups: int) -> int:
    """How many groups are held against the others: of two, one says it all."""
    return groups if groups > 2 else min(1, groups - 1)


def pairs(census: Census, attribute: int, group: int, *spans: Sums) -> list[tuple[Counts, Counts]] | None:
    """In each span a group's sums by block, and those of the attribute's other groups that are large enough in all of
    the spans; None where it, or what is left, is too small to be shown in one of them, and for the second of two such
    groups, since the first says it all."""
    first = census.first[attribute]
    shown = [
        g for g in range(len(census.groups[attribute].names)) if all(large(census, attribute, g, s) for s in spans)
    ]
    others = [first + g for g in shown if g != group]
    if group not in shown or not others or (len(shown) == 2 and group == shown[1]):
        return None
    return [(span.total[first + group], span.total[others].sum(axis=0)) for span in spans]


def large(census: Census, attribute: int, group: int, sums: Sums) -> bool:
    """Whether a group has so many people there that its values may be shown and compared."""
    least = max(settings.FEWEST, census.min_sizes[attribute])
    return bool(sums.people[census.first[attribute] + group] >= least)


def difference(census: Census, sides: tuple[Counts, Counts], only: slice = slice(None)) -> Estimate:
    """Of the values of two sides [rates]; only: of these rates."""
    return estimate(census, [(1.0, sides[0]), (-1.0, sides[1])], only)


def _enough(census: Census, blocks: Counts) -> np.typing.NDArray[np.bool_]:
    top, bottom = counts(census, blocks)
    enough: np.typing.NDArray[np.bool_] = (top >= FEWEST) & (bottom - top >= FEWEST)
    return enough
