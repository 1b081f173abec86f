"""Do intervals and tests hold where fairness is asked about: small and unequal groups, rare hits?

    python -m tests.bench.statistics                    # all of it: some two hours on one core
    python -m tests.bench.statistics --datasets 20      # every row, roughly: a twentieth of that
    python -m tests.bench.statistics single paired overlapping movielens [--only 30/3000] [--quick] [--seed 1]
    python -m tests.bench.statistics --kept found.jsonl [--jobs 4]  # goes on where an earlier run was stopped

Each number has bounds (below, and in `tests.bench.verdicts`). One beyond them may be so by chance: of 400 data sets a
part is 0.01 off, and among hundreds of numbers some are twice that. So the part of a row that is beyond its bounds is
drawn again, of five times as many data sets of another seed, and that number counts. Marks in the rows: ~ beyond the
bounds and inside when drawn again, ! outside both times; what follows is the second number. At the end: how many of
each kind are inside, and every number that is not.

single: simulated data sets with a known truth, straight from sums to `metrics.groups.gap`. A person has a hit with the
base rate of the group, at a rank uniform over 1 to 10; "hit" is whether, "ndcg" 1 / log2(rank + 1), "mrr" 1 / rank. For
each design, metric and base rate, without a difference, and with three planted gaps, the smallest group higher and
lower:

    rejects      part of data sets without a difference in which p < 0.05: at most 0.06
    excludes     in which the interval of the gap leaves 0 out (the same, as the two agree): at most 0.06
    value, gap   part whose interval of the smallest group's value, or of the gap, holds it: at least 0.94
    power        ours / Fisher's exact test (hits of two groups) / a permutation of max − min that counts ties in full:
                 nine tenths of the better one of these, or more
    found        power at the gap that is called detectable: 0.75 to 0.85

paired: before and after. A part of the people has a new list, with another base rate in some designs. smallest,
largest, gap: part whose interval holds the change of that group's value, of the gap: 0.93 or more, and 0.97 or less
where it has something to tell (`Design.exact`): not where few people of a group change, nor where there is no gap
before or after. That fewer than six people who move all go one way is chance in more than 0.05, so that no interval of
that level leaves 0 out then: in "few change" 0.4 of 20 people move, and 4 of 200. In eight designs all three numbers
have both bounds. moved: part of data sets in which the gap is said to have changed.

overlapping: people of two or three groups of which a part is in several; their hits come at a rate of their
combination of groups. rejects, excludes, gap and found as above.

movielens: lists of MovieLens-100K in the folder --data, whose people have their labels shuffled: occupations of 20
people or more, and 30 people against all others. rejects, excludes and value as above.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import hypergeom

from fairdash.metrics import accuracy, audit, changes, groups, shuffles
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.groups import Gap
from fairdash.metrics.rates import Rates, spread
from fairdash.schema import Groups, Lists
from tests.bench import verdicts
from tests.bench.verdicts import Bounded, Draw, Numbers

Array = NDArray[np.float64]

MEAN = Rates((0,), (2,), (1,))
RANKS = np.arange(1, 11)
METRICS = {"hit": np.ones(1), "ndcg": 1 / np.log2(RANKS + 1), "mrr": 1 / RANKS}
DESIGNS = (
    (30, 3000), (25, 500), (40, 400), (20, 200), (100, 1000), (273, 670), (20, 60, 150, 400, 1000),
    (20, 25, 30, 40, 60, 80, 120, 160, 220, 300, 450, 600),
)  # fmt: skip
BASES = (0.01, 0.05, 0.1, 0.3, 0.5)
GAPS = (1.5, 2.5, 3.5)  # planted, in standard errors of the difference of the smallest group from the rest
LEVEL = 0.05
PARTS = ("single", "paired", "overlapping", "movielens")

NONE, PLANTED, DETECTABLE = "none", "planted", "detectable"  # columns: no difference, one, the one called detectable
MOST, LEAST = 0.06, 0.94  # of false findings; of intervals that hold the truth
PAIRED_RANGE = (0.93, 0.97)
POWER_RANGE = (0.75, 0.85)
POWER_LOST = 0.1  # a part of that of the better one of the other tests


@dataclass(frozen=True, eq=False)
class DataSet:
    """One draw: hits by level of value [g, levels] of groups of n people [g]."""

    sizes: NDArray[np.int64]
    levels: Array
    hits: NDArray[np.int64]

    @property
    def powers(self) -> Array:
        """Sums of the first three powers of the values [3, g]."""
        return np.stack([self.hits @ self.levels**k for k in (1, 2, 3)])

    def sums(self) -> Array:
        first, second, _ = self.powers
        return np.stack([first, second, self.sizes.astype(float)], axis=1)

    def moments(self) -> Array:
        """Sums of products of (value, square, one); the fourth power is not used."""
        first, second, third = self.powers
        rows = [[second, third, first], [third, third, second], [first, second, self.sizes.astype(float)]]
        return np.moveaxis(np.array(rows), 2, 0)

    def shuffled(self, labels: Labels) -> Array:
        """Sums under shuffled labels [p, g, 3]."""
        people, groups = labels.first(int(self.hits.sum())), len(self.sizes)
        cell = people + groups * np.arange(people.shape[1])
        ends = np.cumsum(self.hits.sum(axis=0))[:-1]
        shape = people.shape[1], groups
        number = [np.bincount(one.ravel(), minlength=math.prod(shape)).reshape(shape) for one in np.split(cell, ends)]
        sums = np.stack([np.tensordot(self.levels**k, number, 1) for k in (1, 2)], axis=2)
        return np.concatenate([sums, np.broadcast_to(self.sizes[:, None], (*shape, 1))], axis=2)


class Labels:
    """Groups of people under random orders: those of the first are drawn when they are asked for."""

    def __init__(self, sizes: Sequence[int], permutations: int, rng: np.random.Generator) -> None:
        self._drawn = np.tile(np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)[:, None], (1, permutations))
        self._rng, self._known = rng, 0

    def first(self, people: int) -> NDArray[np.uint8]:
        """[people, permutations] of so many people."""
        count, permutations = self._drawn.shape
        column, flat = np.arange(permutations), self._drawn.ravel()
        for j in range(self._known, people):
            # as many as are left, all equally likely
            other = (j + (self._rng.random(permutations) * (count - j)).astype(np.int64)) * permutations + column
            mine = self._drawn[j].copy()
            self._drawn[j], flat[other] = flat[other], mine
        self._known = max(self._known, people)
        return self._drawn[:people]


@lru_cache(maxsize=4096)
def fisher(first: int, second: int, hits: int) -> Array:
    """Fisher's exact p of two groups of so many people by the hits of the first group, of so many hits: the probability
    of all tables that are no likelier. NaN where the first cannot have so many."""
    x = np.arange(max(0, hits - second), min(first, hits) + 1)
    chance = hypergeom.pmf(x, first + second, first, hits)
    p = np.full(first + 1, np.nan)
    p[x] = np.where(chance <= chance[:, None] * (1 + 1e-7), chance, 0.0).sum(axis=1)
    return p


@dataclass(frozen=True)
class Found:
    """One data set's verdicts: ours and the other tests' p; whether the intervals hold the truth."""

    gap: Gap
    fisher: float
    plain: float
    value_covered: bool
    gap_covered: bool


def look(data: DataSet, chances: Array, labels: Labels) -> Found:
    sums, moments, names = data.sums(), data.moments(), [str(g) for g in range(len(data.sizes))]
    null = data.shuffled(labels)
    made = groups.gap(MEAN, names, data.sizes, sums, moments, np.empty((0, *sums.shape)), null)
    true = chances * data.levels.mean()
    assert made.pair is not None
    high, low = (int(name) for name in made.pair)
    truth = true[high] - true[low] if len(true) == 2 else np.ptp(true)
    lower, upper = (end[0, 0] for end in spread(MEAN, sums, moments, data.sizes).ends())
    means = null[..., 0] / null[..., 2]
    far = np.ptp(means, axis=1) >= made.gap * (1 - 1e-9)
    other = math.nan
    if len(true) == 2 and len(data.levels) == 1:
        other = float(fisher(*data.sizes.tolist(), int(data.hits.sum()))[data.hits[0, 0]])
    return Found(
        made, other, float((1 + far.sum()) / (1 + len(far))),
        bool(lower - 1e-12 <= true[0] <= upper + 1e-12), bool(made.ci[0] - 1e-12 <= truth <= made.ci[1] + 1e-12),
    )  # fmt: skip


def drawn(sizes: tuple[int, ...], chances: Array, metric: str, rng: np.random.Generator) -> DataSet:
    n = np.array(sizes)
    levels = METRICS[metric]
    hits = rng.multinomial(rng.binomial(n, chances), np.full(len(levels), 1 / len(levels)))
    return DataSet(n, levels, hits)


@dataclass(frozen=True)
class Single:
    """People of groups of these sizes, with one base rate but for what is planted in the first. Columns: none, the
    first one's rate where a gap is planted, detectable."""

    sizes: tuple[int, ...]
    metric: str
    base: float

    @property
    def title(self) -> str:
        sizes = self.sizes
        short = f"{len(sizes)} of {sizes[0]} to {sizes[-1]}" if len(sizes) > 2 else "/".join(map(str, sizes))
        return f"{short} {self.metric} {self.base}"

    @property
    def planted(self) -> dict[str, float]:
        """How much higher the first group's rate is, by column."""
        few, base = self.sizes[0], self.base
        error = math.sqrt(base * (1 - base) * (1 / few + 1 / sum(self.sizes[1:])))
        moves = (size * sign * error for sign in (1, -1) for size in GAPS)
        return {f"{base + move:.3f}": move for move in moves if 0 <= base + move <= 1}

    @property
    def columns(self) -> tuple[str, ...]:
        return NONE, *self.planted, DETECTABLE

    def measure(self, columns: Sequence[str], draw: Draw) -> Numbers:
        looks = self._looks(columns, draw)
        found: Numbers = {}
        for column in columns:
            ours = part([one.gap.p_value for one in looks[column]])
            if column == DETECTABLE:
                found[column, "found"] = Bounded(ours, *POWER_RANGE)
                continue
            if column == NONE:
                out = np.mean([not one.gap.ci[0] <= 0 <= one.gap.ci[1] for one in looks[column]])
                found[column, "rejects"] = Bounded(ours, high=MOST)
                found[column, "excludes"] = Bounded(float(out), high=MOST)
            else:
                others = part([one.fisher for one in looks[column]]), part([one.plain for one in looks[column]])
                better = float(np.nanmax(others))
                found[column, "power"] = Bounded(ours, low=(1 - POWER_LOST) * better, beside=others)
            found[column, "value"] = Bounded(float(np.mean([one.value_covered for one in looks[column]])), low=LEAST)
            found[column, "gap"] = Bounded(float(np.mean([one.gap_covered for one in looks[column]])), low=LEAST)
        return found

    def _looks(self, columns: Sequence[str], draw: Draw) -> dict[str, list[Found]]:
        """By column. The columns of one data set share their shuffled labels; data sets do not."""
        rng = np.random.default_rng(
            [draw.seed, draw.again, *self.sizes, round(1000 * self.base), list(METRICS).index(self.metric)]
        )
        needed = list(dict.fromkeys([*([NONE] if DETECTABLE in columns else []), *columns]))
        moves = {NONE: 0.0, **self.planted}
        looks: dict[str, list[Found]] = {column: [] for column in needed}
        for _ in range(draw.data_sets):
            labels = Labels(self.sizes, draw.permutations, rng)
            for column in needed:
                chances = np.full(len(self.sizes), self.base)
                if column == DETECTABLE:
                    at, move = self._called_detectable(looks[NONE][-1].gap)
                    chances[at] += move
                    if not 0 <= chances[at] <= 1:
                        continue  # no rate is so far off
                else:
                    chances[0] += moves[column]
                looks[column].append(look(drawn(self.sizes, chances, self.metric, rng), chances, labels))
        if len(looks.get(DETECTABLE, [])) < draw.data_sets:
            looks[DETECTABLE] = []
        return looks

    def _called_detectable(self, gap: Gap) -> tuple[int, float]:
        """The smaller group of the pair, and how far its rate is to be moved."""
        assert gap.pair is not None
        size = gap.detectable / float(METRICS[self.metric].mean())
        return min(int(name) for name in gap.pair), size if self.base + size <= 1 else -size


def part(p: list[float]) -> float:
    return math.nan if not p or math.isnan(p[0]) else float(np.mean(np.array(p) < LEVEL))


@dataclass(frozen=True)
class Design:
    """Before and after: people by group, their base rates, and which part of them has a new list."""

    sizes: tuple[int, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    changed: float
    exact: tuple[str, ...] = ()  # that of which so many people change that its interval should hold 97 % at most


ALL = ("smallest", "largest", "gap")
PAIRED = {
    "few change": Design((20, 200), (0.3, 0.3), (0.3, 0.3), 0.05),
    "few gain": Design((30, 1000), (0.1, 0.3), (0.5, 0.3), 0.2, ("largest",)),
    "rare hits": Design((20, 200), (0.05, 0.05), (0.2, 0.05), 1.0, ("largest",)),
    "gap closes": Design((1000, 1000), (0.5, 0.3), (0.35, 0.3), 0.3, ALL),
    "gap opens": Design((100, 1000), (0.2, 0.2), (0.5, 0.2), 0.5, ALL),
    "gap turns": Design((100, 1000), (0.5, 0.2), (0.1, 0.3), 1.0, ALL),
    "gap turns, few people": Design((40, 400), (0.4, 0.2), (0.1, 0.2), 0.6, ("largest",)),
    "no gap": Design((300, 300), (0.3, 0.3), (0.3, 0.3), 1.0, ("smallest", "largest")),
    "five groups, one falls": Design(
        (20, 60, 150, 400, 1000), (0.5, 0.2, 0.2, 0.2, 0.1), (0.1, 0.2, 0.2, 0.2, 0.1), 0.5, ("largest",)
    ),
    "five groups turn": Design(
        (50, 60, 150, 400, 1000), (0.4, 0.2, 0.2, 0.2, 0.1), (0.1, 0.2, 0.2, 0.2, 0.4), 1.0, ("largest", "gap")
    ),
    "gap stays": Design((300, 1000), (0.4, 0.2), (0.4, 0.2), 1.0, ALL),
    "both rise": Design((200, 2000), (0.1, 0.3), (0.3, 0.5), 0.6, ALL),
    "both fall": Design((300, 1000), (0.6, 0.4), (0.3, 0.2), 0.8, ALL),
    "small group falls": Design((100, 3000), (0.6, 0.3), (0.4, 0.3), 0.5, ALL),
    "rare hits of many": Design((1000, 3000), (0.05, 0.02), (0.1, 0.02), 1.0, ALL),
}


@dataclass(frozen=True)
class Paired:
    """A design and a metric. Columns: smallest and largest group, and the gap."""

    name: str
    metric: str
    replicates: int = 300

    @property
    def title(self) -> str:
        return f"{self.name} {self.metric}"

    @property
    def columns(self) -> tuple[str, ...]:
        return ("",)

    def measure(self, columns: Sequence[str], draw: Draw) -> Numbers:
        """Of all data sets; all at once."""
        design, place = PAIRED[self.name], (list(PAIRED).index(self.name), list(METRICS).index(self.metric))
        rng = np.random.default_rng([draw.seed, draw.again, *place])
        looks = [_look_twice(design, METRICS[self.metric], self.replicates, rng) for _ in range(draw.data_sets)]
        parts = np.mean(looks, axis=0).tolist()
        low, high = PAIRED_RANGE
        keys = ("smallest", "largest", "gap")
        found = {
            ("", key): Bounded(value, low, high if key in design.exact else 1.0)
            for key, value in zip(keys, parts[:3], strict=True)
        }
        return {**found, ("", "moved"): Bounded(parts[3])}


def resampled(rows: Array, replicates: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Distinct rows [cells, c], and how often each comes under Poisson(1) weights of people's rows [n, c]: together,
    people of equal rows have a Poisson weight, too [replicates, cells]."""
    cells, count = np.unique(rows, axis=0, return_counts=True)
    return cells, rng.poisson(count, (replicates, len(cells))).astype(np.float64)


def _look_twice(design: Design, levels: Array, replicates: int, rng: np.random.Generator) -> list[bool]:
    def lists(n: int, chance: float) -> Array:
        return np.where(rng.random(n) < chance, rng.choice(levels, n), 0.0)

    parts: list[list[tuple[Array, Array, Array]]] = [[], []]  # sums, moments and replicates by group
    moves = []
    for n, chance, later in zip(design.sizes, design.before, design.after, strict=True):
        old = lists(n, chance)
        new = np.where(rng.random(n) < design.changed, lists(n, later), old)
        moves.append(new - old)
        cells, weights = resampled(np.stack([old, new], axis=1), replicates, rng)
        for part, value, distinct in zip(parts, (old, new), cells.T, strict=True):
            rows, few = (np.stack([x, x**2, np.ones(len(x))], axis=1) for x in (value, distinct))
            part.append((rows.sum(axis=0), rows.T @ rows, weights @ few))
    names, people = [str(g) for g in range(len(design.sizes))], np.array(design.sizes)
    sides = []
    for part in parts:
        sums, moments, boot = (np.stack(table) for table in zip(*part, strict=True))
        null = np.empty((0, *sums.shape))
        made = groups.gap(MEAN, names, people, sums, moments, np.moveaxis(boot, 1, 0), null).sides
        assert made is not None
        sides.append(made)
    jump = changes.typical(np.concatenate(moves))
    old_ones, new_ones = (
        [Estimate(v, r, people=n) for v, r, n in zip(s.values, s.replicates.T, people, strict=True)] for s in sides
    )
    true = [np.array(design.before) * levels.mean()]
    true.append(true[0] + design.changed * (np.array(design.after) * levels.mean() - true[0]))
    in_groups = changes.of_values(old_ones, new_ones, jump)
    _, (low, high) = changes.of_gaps(*sides, jump)
    gap = np.ptp(true[1]) - np.ptp(true[0])
    return [
        *(in_groups[g][1][0] <= true[1][g] - true[0][g] + 1e-12 <= in_groups[g][1][1] + 2e-12 for g in (0, -1)),
        low <= gap + 1e-12 <= high + 2e-12,
        not low <= 0 <= high,
    ]


@dataclass(frozen=True)
class Overlap:
    """People by combination of groups, and how much higher than the base rate each combination's is, planted."""

    people: dict[tuple[int, ...], int]
    raised: dict[tuple[int, ...], float]


OVERLAPS = {
    "half/half, 30 % in both": Overlap({(0,): 140, (1,): 140, (0, 1): 120}, {(0,): 0.1, (0, 1): 0.05}),
    "both unlike either": Overlap({(0,): 140, (1,): 140, (0, 1): 120}, {(0,): 0.1, (0, 1): 0.3}),
    "small/large, 30 % of small in both": Overlap({(0,): 28, (1,): 500, (0, 1): 12}, {(0,): 0.2, (0, 1): 0.2}),
    "small inside large": Overlap({(1,): 400, (0, 1): 40}, {(0, 1): 0.2}),
    "three, 30 % in two": Overlap(
        {(0,): 70, (1,): 70, (2,): 70, (0, 1): 30, (0, 2): 30, (1, 2): 30}, {(0,): 0.2, (0, 1): 0.1, (0, 2): 0.1}
    ),
}


def look_overlapping(
    people: dict[tuple[int, ...], int], chances: dict[tuple[int, ...], float], metric: str, replicates: int,
    permutations: int, rng: np.random.Generator,
) -> Gap:  # fmt: skip
    """The gap of one data set, of hits at a chance for each combination of groups."""
    kinds = np.repeat(np.arange(len(people)), list(people.values()))
    member = np.array([[g in kind for g in range(1 + max(map(max, people)))] for kind in people])[kinds]
    value = np.where(rng.random(len(kinds)) < np.array(list(chances.values()))[kinds], 1.0, 0.0)
    value *= rng.choice(METRICS[metric], len(kinds))
    rows = np.stack([value, value**2, np.ones(len(kinds))], axis=1)
    who = Groups.of("", tuple(map(str, range(member.shape[1]))), sparse.csr_array(member))
    inside = [rows * member[:, [g]] for g in range(member.shape[1])]
    cells, weights = resampled(np.concatenate([rows, member], axis=1), replicates, rng)
    boot = [(weights * cells[:, rows.shape[1] + g]) @ cells[:, : rows.shape[1]] for g in range(member.shape[1])]
    return groups.gap(
        MEAN, who.names, who.sizes, np.stack([part.sum(axis=0) for part in inside]),
        np.stack([part.T @ part for part in inside]), np.stack(boot, axis=1),
        shuffles.shuffle_members(rows, who.membership, [shuffles.orders_of(len(rows), permutations, rng)]),
        shared=who.shared,
    )  # fmt: skip


@dataclass(frozen=True)
class Overlapping:
    """A design, a metric, a base rate. Columns: none, planted, detectable."""

    name: str
    metric: str
    base: float
    replicates: int = 300

    @property
    def title(self) -> str:
        return f"{self.name} {self.metric} {self.base}"

    @property
    def columns(self) -> tuple[str, ...]:
        return NONE, PLANTED, DETECTABLE

    def measure(self, columns: Sequence[str], draw: Draw) -> Numbers:
        found: Numbers = {}
        null = self._looks(NONE, {}, draw) if {NONE, DETECTABLE} & set(columns) else []
        if NONE in columns:
            out = float(np.mean([not one.ci[0] <= 0 <= one.ci[1] for one in null]))
            found[NONE, "rejects"] = Bounded(part([one.p_value for one in null]), high=MOST)
            found[NONE, "excludes"] = Bounded(out, high=MOST)
            found[NONE, "gap"] = Bounded(1 - out, low=LEAST)
        if PLANTED in columns:
            raised = OVERLAPS[self.name].raised
            looks, true = self._looks(PLANTED, raised, draw), self._true(raised)
            # of two groups the interval is that of the signed difference of the pair; of more, of the largest
            truth = [true[one.pair] if len(true) == 2 and one.pair else max(true.values()) for one in looks]
            covers = [one.ci[0] <= gap <= one.ci[1] for one, gap in zip(looks, truth, strict=True)]
            found[PLANTED, "gap"] = Bounded(float(np.mean(covers)), low=LEAST)
        if DETECTABLE in columns:
            size = float(np.median([one.detectable for one in null])) / self._level
            looks = self._looks(DETECTABLE, self._raised(size), draw)
            found[DETECTABLE, "found"] = Bounded(part([one.p_value for one in looks]), *POWER_RANGE)
        return found

    @property
    def _level(self) -> float:
        return float(METRICS[self.metric].mean())

    def _chances(self, raised: dict[tuple[int, ...], float]) -> dict[tuple[int, ...], float]:
        return {kind: self.base + raised.get(kind, 0.0) for kind in OVERLAPS[self.name].people}

    def _looks(self, column: str, raised: dict[tuple[int, ...], float], draw: Draw) -> list[Gap]:
        place = list(OVERLAPS).index(self.name), self.columns.index(column), list(METRICS).index(self.metric)
        rng = np.random.default_rng([draw.seed, draw.again, *place, round(1000 * self.base)])
        people, chances = OVERLAPS[self.name].people, self._chances(raised)
        return [
            look_overlapping(people, chances, self.metric, self.replicates, draw.permutations, rng)
            for _ in range(draw.data_sets)
        ]

    def _true(self, raised: dict[tuple[int, ...], float]) -> dict[tuple[str, str], float]:
        """The differences of all pairs."""
        people, chances, means = OVERLAPS[self.name].people, self._chances(raised), {}
        for g in range(1 + max(map(max, people))):
            inside = [kind for kind in people if g in kind]
            hits = sum(people[kind] * chances[kind] for kind in inside)
            means[str(g)] = self._level * hits / sum(people[kind] for kind in inside)
        return {(a, b): means[a] - means[b] for a in means for b in means if a != b}

    def _raised(self, size: float) -> dict[tuple[int, ...], float]:
        """All of the first group gain, and with those in both a part of the largest other, so that the first is higher
        by this size."""
        people = OVERLAPS[self.name].people
        inside = {g: {kind: n for kind, n in people.items() if g in kind} for g in range(1 + max(map(max, people)))}
        many = max(list(inside)[1:], key=lambda g: sum(inside[g].values()))
        both = sum(n for kind, n in inside[many].items() if 0 in kind) / sum(inside[many].values())
        return dict.fromkeys(inside[0], min(size / (1 - both), 1.0 - self.base))


@dataclass(frozen=True, eq=False)
class Shuffled:
    """Lists of real people, whose labels are shuffled. Columns: metrics of `accuracy`. rows: value, square and 1 of
    every metric by person."""

    title: str
    rows: Array
    sizes: NDArray[np.int64]
    columns: tuple[str, ...] = tuple(accuracy.METRICS)

    def measure(self, columns: Sequence[str], draw: Draw) -> Numbers:
        rng = np.random.default_rng([draw.seed, draw.again, *self.sizes.tolist()])
        places = [self.columns.index(column) for column in columns]
        looks = [self._look(places, draw.permutations, rng) for _ in range(draw.data_sets)]
        found: Numbers = {}
        for column, (rejects, excludes, value) in zip(columns, np.mean(looks, axis=0).tolist(), strict=True):
            found[column, "rejects"], found[column, "excludes"] = (
                Bounded(rejects, high=MOST),
                Bounded(excludes, high=MOST),
            )
            found[column, "value"] = Bounded(value, low=LEAST)
        return found

    def _look(self, places: list[int], permutations: int, rng: np.random.Generator) -> list[list[bool]]:
        """By metric: whether the test rejects, the interval leaves out 0, and that of the first group holds the mean of
        all."""
        rows, sizes, names = self.rows, self.sizes, [str(g) for g in range(len(self.sizes))]
        order = rng.permutation(len(rows))[: sizes.sum()]
        members = np.split(rows[order], np.cumsum(sizes)[:-1])
        sums, moments = np.stack([m.sum(axis=0) for m in members]), np.stack([m.T @ m for m in members])
        null = shuffles.shuffle_rows(rows[order], sizes, [shuffles.orders_of(len(order), permutations, rng)])
        found = []
        for j in places:
            rates = Rates((3 * j,), (3 * j + 2,), (3 * j + 1,))
            made = groups.gap(rates, names, sizes, sums, moments, np.empty((0, *sums.shape)), null)
            low, high = (end[0, 0] for end in spread(rates, sums, moments, sizes).ends())
            truth = rows[:, 3 * j].mean()
            found.append([made.p_value < LEVEL, not made.ci[0] <= 0 <= made.ci[1], bool(low <= truth <= high)])
        return found


def movielens(folder: Path) -> Iterator[Shuffled]:
    if not (folder / "ml-100k").is_dir():
        print(f"not run: no ml-100k in {folder}")
        return
    # torch only where it is needed
    from fairdash import data
    from fairdash.data.split import split
    from tests.bench.recommenders import top, trained

    files = (folder / "ml-100k" / f"u.{name}" for name in ("data", "user", "item"))
    parts = split(data.build(*files)[0], "user-time:0.8", seed=0)
    counts = parts.training.users["occupation"].value_counts()
    for name in ("popularity", "ease"):
        lists = top(trained(name, {}, parts)[0], parts)
        values = audit.from_split(parts, Lists(lists, np.zeros(lists.shape, np.float32)), permutations=0, replicates=0)
        metrics = {key: values.tally.own.metrics[key] for key in accuracy.METRICS}
        known = ~np.isnan(metrics["ndcg"])
        rows = np.stack([column[known] for x in metrics.values() for column in (x, x**2, np.ones_like(x))], axis=1)
        share = known.mean()
        occupations = np.round(counts[counts * share >= 20].to_numpy() * share).astype(int)[::-1]
        yield Shuffled(f"{name} by occupation", rows, occupations)
        yield Shuffled(f"{name} 30 against the others", rows, np.array([30, len(rows) - 30]))


def rows_of(part: str, only: str, quick: bool, folder: Path) -> list[verdicts.Row]:
    bases = (0.05, 0.3) if quick else BASES
    found: list[verdicts.Row]
    if part == "single":
        found = [Single(sizes, metric, base) for sizes in DESIGNS for metric in METRICS for base in bases]
    elif part == "paired":
        found = [Paired(name, metric) for name in PAIRED for metric in METRICS]
    elif part == "overlapping":
        found = [Overlapping(name, metric, base) for name in OVERLAPS for metric in METRICS for base in (0.05, 0.3)]
    else:
        found = list(movielens(folder))
    return [row for row in found if row.title.startswith(only)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    options.add_argument("--quick", action="store_true", help="two base rates")
    options.add_argument("--datasets", type=int, default=400, metavar="N", help="in each column; default 400")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--permutations", type=int, default=1000)
    options.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "../shared/data")
    options.add_argument("--only", default="", help="rows that begin like this, as 30/3000")
    options.add_argument("--jobs", type=int, default=1, help="processes; default 1")
    options.add_argument(
        "--kept", type=Path, help="a file of lines of JSON: its rows are not drawn again, new ones added"
    )
    chosen = options.parse_args()
    if unknown := sorted(set(chosen.parts) - set(PARTS)):
        options.error(f"there is no part {unknown[0]}; there are: {', '.join(PARTS)}")
    start = time.perf_counter()
    draw = Draw(chosen.datasets, chosen.permutations, chosen.seed)
    found = []
    for part in chosen.parts or PARTS:
        print(f"\n{part}")
        rows = rows_of(part, chosen.only, chosen.quick, chosen.data)
        for checks in verdicts.run(rows, draw, chosen.jobs, chosen.kept):
            print(verdicts.line(checks), flush=True)
            found += checks
    print("", *verdicts.summary(found), sep="\n")
    print(f"{chosen.datasets} data sets, {chosen.permutations} shufflings, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
