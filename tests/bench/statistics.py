"""Do intervals and tests hold where fairness is asked about: small and unequal groups, rare hits?

    python -m tests.bench.statistics                    # all of it: about an hour on one core
    python -m tests.bench.statistics --datasets 100     # the same of fewer data sets in each row: a quarter of that
    python -m tests.bench.statistics --datasets 20      # every row, roughly: minutes
    python -m tests.bench.statistics single paired overlapping movielens [--only 30/3000] [--quick] [--seed 1]

A part that is off by chance alone is 0.01 off in 400 data sets, and 0.02 in 100: another --seed draws others.

Simulated data sets with a known truth, straight from sums to `metrics.groups.gap`. A person has a hit with the base
rate of the group, at a rank uniform over 1 to 10; "hit" is whether, "ndcg" 1 / log2(rank + 1), "mrr" 1 / rank. For each
design, metric and base rate:

    rejects   part of data sets without a difference in which p < 0.05
    excludes  in which the interval of the gap leaves 0 out (the same, as the two agree)
    covers    the smallest group's value | the gap, without a difference and with each planted one, the lowest of them
    power     of three planted gaps, the smallest group higher and lower: ours / Fisher's exact test (hits of two
              groups) / a permutation of max − min that counts ties in full
    found     power at the gap that is called detectable (it should be 0.8)

paired: before and after. A part of the people has a new list, with another base rate in some designs; covers: the
change of the smallest group's value, of the largest one's, of the gap; moved: part of data sets in which the gap is
said to have changed. Where the gap is 0 before and after, the interval of its change holds more than 95 %.

overlapping: people of two or three groups of which a part is in several; their hits come at a rate of their
combination of groups. rejects and excludes without a difference; covers: the gap, without and with differences; found:
power at the gap that is called detectable.

movielens: lists of MovieLens-100K in the folder --data, whose people have their labels shuffled: occupations of 20
people or more, and 30 people against all others. rejects and excludes as above; covers: the smallest group's value.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import fisher_exact

from fairdash.metrics import accuracy, audit, changes, groups, shuffles
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.groups import Gap
from fairdash.metrics.rates import Rates, spread
from fairdash.schema import Groups, Lists

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

    def shuffled(self, permutations: int, rng: np.random.Generator) -> Array:
        """Sums under shuffled labels [p, g, 3]; the last group, the largest, gets what the others leave."""
        values = np.repeat(self.levels, self.hits.sum(axis=0))
        left, people = np.full(permutations, len(values)), int(self.sizes.sum())
        number = np.zeros((permutations, len(self.sizes)), dtype=np.int64)
        for g, size in enumerate(self.sizes[:-1].tolist()):
            number[:, g] = rng.hypergeometric(left, people - left, size)
            left, people = left - number[:, g], people - size
        number[:, -1] = left
        if len(self.levels) == 1:
            sums = np.stack([number, number], axis=2).astype(float)
        else:
            # the first places of a random order, as many as the small groups take
            drawn = np.tile(values, (permutations, 1))
            row = np.arange(permutations)
            ends = np.cumsum(number[:, :-1], axis=1)
            taken = int(ends.max(initial=0))
            for j in range(taken):
                other = rng.integers(j, len(values), permutations)
                drawn[:, j], drawn[row, other] = drawn[row, other], drawn[:, j].copy()
            until = np.zeros((2, permutations, taken + 1))
            until[:, :, 1:] = np.cumsum(np.stack([drawn[:, :taken], drawn[:, :taken] ** 2]), axis=2)
            at = np.take_along_axis(until, np.broadcast_to(ends, (2, *ends.shape)), axis=2)
            whole = np.broadcast_to(np.array([values.sum(), (values**2).sum()])[:, None, None], (2, permutations, 1))
            sums = np.moveaxis(np.diff(np.concatenate([at, whole], axis=2), axis=2, prepend=0.0), 0, 2)
        return np.concatenate([sums, np.broadcast_to(self.sizes[:, None], (*number.shape, 1))], axis=2)


@dataclass(frozen=True)
class Found:
    """One data set's verdicts: ours and the other tests' p; whether the intervals hold the truth."""

    gap: Gap
    fisher: float
    plain: float
    value_covered: bool
    gap_covered: bool


def look(data: DataSet, chances: Array, permutations: int, rng: np.random.Generator) -> Found:
    sums, moments, names = data.sums(), data.moments(), [str(g) for g in range(len(data.sizes))]
    null = data.shuffled(permutations, rng)
    made = groups.gap(MEAN, names, data.sizes, sums, moments, np.empty((0, *sums.shape)), null)
    true = chances * data.levels.mean()
    assert made.pair is not None
    high, low = (int(name) for name in made.pair)
    truth = true[high] - true[low] if len(true) == 2 else np.ptp(true)
    lower, upper = (end[0, 0] for end in spread(MEAN, sums, moments, data.sizes).ends())
    means = null[..., 0] / null[..., 2]
    far = np.ptp(means, axis=1) >= made.gap * (1 - 1e-9)
    fisher = math.nan
    if len(true) == 2 and len(data.levels) == 1:
        hits = data.hits[:, 0]
        fisher = float(fisher_exact([hits, data.sizes - hits]).pvalue)
    return Found(
        made, fisher, float((1 + far.sum()) / (1 + len(far))),
        bool(lower - 1e-12 <= true[0] <= upper + 1e-12), bool(made.ci[0] - 1e-12 <= truth <= made.ci[1] + 1e-12),
    )  # fmt: skip


def draw(sizes: tuple[int, ...], chances: Array, metric: str, rng: np.random.Generator) -> DataSet:
    n = np.array(sizes)
    levels = METRICS[metric]
    hits = rng.multinomial(rng.binomial(n, chances), np.full(len(levels), 1 / len(levels)))
    return DataSet(n, levels, hits)


@dataclass(frozen=True)
class Row:
    """Parts of the data sets: see the module. power: by planted gap: ours, Fisher's, the plain permutation's."""

    rejects: float
    excludes: float
    covers_value: float
    covers_gap: float
    power: dict[str, tuple[float, float, float]]
    found: float


def run(sizes: tuple[int, ...], metric: str, base: float, data_sets: int, permutations: int, seed: int = 0) -> Row:
    rng = np.random.default_rng([seed, *sizes, round(1000 * base), len(metric)])

    def many(move: float) -> list[Found]:
        chances = np.full(len(sizes), base)
        chances[0] += move
        return [look(draw(sizes, chances, metric, rng), chances, permutations, rng) for _ in range(data_sets)]

    null = many(0.0)
    error = math.sqrt(base * (1 - base) * (1 / sizes[0] + 1 / sum(sizes[1:])))
    power, covered = {}, [np.mean([one.gap_covered for one in null])]
    value = [np.mean([one.value_covered for one in null])]
    for move in (size * sign * error for sign in (1, -1) for size in GAPS):
        if not 0 <= base + move <= 1:
            continue
        found = many(move)
        power[f"{base + move:.2f}"] = (
            part([one.gap.p_value for one in found]), part([one.fisher for one in found]),
            part([one.plain for one in found]),
        )  # fmt: skip
        covered.append(np.mean([one.gap_covered for one in found]))
        value.append(np.mean([one.value_covered for one in found]))
    # what each data set calls detectable is planted in the smaller group of its pair, in a new draw
    there = []
    for one in null:
        assert one.gap.pair is not None
        chances = np.full(len(sizes), base)
        size = one.gap.detectable / float(METRICS[metric].mean())
        chances[min(int(name) for name in one.gap.pair)] += size if base + size <= 1 else -size
        if chances.min() >= 0 and chances.max() <= 1:
            there.append(look(draw(sizes, chances, metric, rng), chances, permutations, rng))
    return Row(
        part([one.gap.p_value for one in null]),
        float(np.mean([not one.gap.ci[0] <= 0 <= one.gap.ci[1] for one in null])),
        float(min(value)),
        float(min(covered)),
        power,
        part([one.gap.p_value for one in there]) if len(there) == len(null) else math.nan,
    )


def part(p: list[float]) -> float:
    return math.nan if math.isnan(p[0]) else float(np.mean(np.array(p) < LEVEL))


@dataclass(frozen=True)
class Design:
    """Before and after: people by group, their base rates, and which part of them has a new list."""

    sizes: tuple[int, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    changed: float


PAIRED = {
    "few change": Design((20, 200), (0.3, 0.3), (0.3, 0.3), 0.05),
    "few gain": Design((30, 1000), (0.1, 0.3), (0.5, 0.3), 0.2),
    "rare hits": Design((20, 200), (0.05, 0.05), (0.2, 0.05), 1.0),
    "gap closes": Design((1000, 1000), (0.5, 0.3), (0.35, 0.3), 0.3),
    "gap opens": Design((100, 1000), (0.2, 0.2), (0.5, 0.2), 0.5),
    "gap turns": Design((100, 1000), (0.5, 0.2), (0.1, 0.3), 1.0),
    "gap turns, few people": Design((40, 400), (0.4, 0.2), (0.1, 0.2), 0.6),
    "no gap": Design((300, 300), (0.3, 0.3), (0.3, 0.3), 1.0),
    "five groups, one falls": Design(
        (20, 60, 150, 400, 1000), (0.5, 0.2, 0.2, 0.2, 0.1), (0.1, 0.2, 0.2, 0.2, 0.1), 0.5
    ),
    "five groups turn": Design((50, 60, 150, 400, 1000), (0.4, 0.2, 0.2, 0.2, 0.1), (0.1, 0.2, 0.2, 0.2, 0.4), 1.0),
}


@dataclass(frozen=True)
class PairedRow:
    """Parts of the data sets whose interval holds the change of the smallest and of the largest group's value, and of
    the gap; and in which the gap is said to have moved."""

    smallest: float
    largest: float
    gap: float
    moved: float


def run_paired(design: Design, metric: str, data_sets: int, replicates: int = 300, seed: int = 0) -> PairedRow:
    rng = np.random.default_rng([seed, *design.sizes, round(100 * design.changed), len(metric)])
    found = np.array([_look_twice(design, METRICS[metric], replicates, rng) for _ in range(data_sets)])
    return PairedRow(*(float(part) for part in found.mean(axis=0)))


def _look_twice(design: Design, levels: Array, replicates: int, rng: np.random.Generator) -> list[bool]:
    def lists(n: int, chance: float) -> Array:
        return np.where(rng.random(n) < chance, rng.choice(levels, n), 0.0)

    parts: list[list[tuple[Array, Array, Array]]] = [[], []]  # sums, moments and replicates by group
    moves = []
    for n, chance, later in zip(design.sizes, design.before, design.after, strict=True):
        old = lists(n, chance)
        new = np.where(rng.random(n) < design.changed, lists(n, later), old)
        moves.append(new - old)
        weights = rng.poisson(1.0, (replicates, n)).astype(np.float64)
        for part, value in zip(parts, (old, new), strict=True):
            rows = np.stack([value, value**2, np.ones(n)], axis=1)
            part.append((rows.sum(axis=0), rows.T @ rows, weights @ rows))
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


def print_paired(only: str, data_sets: int, seed: int) -> None:
    print(f"{'before and after':<26}{'metric':<7}{'covers smallest|largest|gap':>29}{'moved':>8}")
    for title, design in PAIRED.items():
        if not title.startswith(only):
            continue
        for metric in METRICS:
            row = run_paired(design, metric, data_sets, seed=seed)
            print(
                f"{title:<26}{metric:<7}{row.smallest:>16.3f} {row.largest:.3f} {row.gap:.3f}{row.moved:>9.3f}",
                flush=True,
            )


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


@dataclass(frozen=True)
class OverlapRow:
    """Parts of the data sets: see the module."""

    rejects: float
    excludes: float
    covers_null: float
    covers_gap: float
    found: float


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
    weights = rng.poisson(1.0, (replicates, len(rows))).astype(np.float64)
    return groups.gap(
        MEAN, who.names, who.sizes, np.stack([part.sum(axis=0) for part in inside]),
        np.stack([part.T @ part for part in inside]), np.stack([weights @ part for part in inside], axis=1),
        shuffles.shuffle_members(rows, who.membership, [shuffles.orders_of(len(rows), permutations, rng)]),
        shared=who.shared,
    )  # fmt: skip


def run_overlapping(
    design: Overlap, metric: str, base: float, data_sets: int, permutations: int, replicates: int = 300, seed: int = 0
) -> OverlapRow:
    rng = np.random.default_rng([seed, *design.people.values(), round(1000 * base), len(metric)])
    level = float(METRICS[metric].mean())

    def looks(raised: dict[tuple[int, ...], float]) -> tuple[list[Gap], dict[str, float]]:
        chances = {kind: base + raised.get(kind, 0.0) for kind in design.people}
        means = {}
        for g in range(1 + max(map(max, design.people))):
            inside = [kind for kind in design.people if g in kind]
            hits = sum(design.people[kind] * chances[kind] for kind in inside)
            means[str(g)] = level * hits / sum(design.people[kind] for kind in inside)
        return [
            look_overlapping(design.people, chances, metric, replicates, permutations, rng) for _ in range(data_sets)
        ], means

    null, _ = looks({})
    planted, means = looks(design.raised)
    true = {(a, b): means[a] - means[b] for a in means for b in means if a != b}
    # of two groups the interval is that of the signed difference of the pair; of more, of the largest
    two = len(true) == 2
    size = float(np.median([one.detectable for one in null])) / level
    # all of the first group gain, and with those in both a part of the largest other
    inside = {g: {kind: n for kind, n in design.people.items() if g in kind} for g in range(len(means))}
    many = max(list(inside)[1:], key=lambda g: sum(inside[g].values()))
    both = sum(n for kind, n in inside[many].items() if 0 in kind) / sum(inside[many].values())
    there, _ = looks({kind: min(size / (1 - both), 1.0 - base) for kind in inside[0]})
    return OverlapRow(
        part([one.p_value for one in null]),
        float(np.mean([not one.ci[0] <= 0 <= one.ci[1] for one in null])),
        float(np.mean([one.ci[0] <= 0 <= one.ci[1] for one in null])),
        float(np.mean([one.ci[0] <= (true[one.pair] if two else max(true.values())) <= one.ci[1] for one in planted])),
        part([one.p_value for one in there]),
    )


def print_overlapping(data_sets: int, permutations: int, seed: int) -> None:
    print(f"{'people in several groups':<38}metric  base{'rejects':>9}{'excludes':>9}{'covers':>13}{'found':>7}")
    for title, design in OVERLAPS.items():
        for metric in METRICS:
            for base in (0.05, 0.3):
                row = run_overlapping(design, metric, base, data_sets, permutations, seed=seed)
                print(
                    f"{title:<38}{metric:<7}{base:>5}{row.rejects:>9.3f}{row.excludes:>9.3f}"
                    f"{row.covers_null:>7.3f} {row.covers_gap:.3f}{row.found:>7.2f}",
                    flush=True,
                )


def rows(quick: bool) -> Iterator[tuple[tuple[int, ...], str, float]]:
    for sizes in DESIGNS:
        for metric in METRICS:
            for base in (0.05, 0.3) if quick else BASES:
                yield sizes, metric, base


def print_movielens(folder: Path, data_sets: int, permutations: int, seed: int) -> None:
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
    print(f"{'MovieLens-100K':<34}{'metric':<10}{'rejects':>8}{'excludes':>9}{'covers':>8}")
    for name in ("popularity", "ease"):
        lists = top(trained(name, {}, parts)[0], parts)
        values = audit.from_split(parts, Lists(lists, np.zeros(lists.shape, np.float32)), permutations=0, replicates=0)
        metrics = {key: values.tally.metrics[key] for key in accuracy.METRICS}
        known = ~np.isnan(metrics["ndcg"])
        rows = np.stack([column[known] for x in metrics.values() for column in (x, x**2, np.ones_like(x))], axis=1)
        share = known.mean()
        for title, sizes in (
            ("by occupation", np.round(counts[counts * share >= 20].to_numpy() * share).astype(int)),
            ("30 against the others", np.array([len(rows) - 30, 30])),
        ):
            found = _shuffled_labels(rows, sizes[::-1], data_sets, permutations, seed)
            for key, line in zip(metrics, found.mean(axis=0), strict=True):
                print(f"{name + ' ' + title:<34}{key:<10}" + "".join(f"{part:>8.3f}" for part in line), flush=True)


def _shuffled_labels(
    rows: Array, sizes: NDArray[np.int64], data_sets: int, permutations: int, seed: int
) -> NDArray[np.bool_]:
    """Whether the test rejects, the interval leaves out 0, and that of the first group holds the mean of all:
    [data sets, metrics, 3]. rows: value, square and 1 of every metric by person."""
    rng, names = np.random.default_rng(seed), [str(g) for g in range(len(sizes))]
    found = np.zeros((data_sets, rows.shape[1] // 3, 3), dtype=bool)
    for one in found:
        order = rng.permutation(len(rows))[: sizes.sum()]
        members = np.split(rows[order], np.cumsum(sizes)[:-1])
        sums, moments = np.stack([m.sum(axis=0) for m in members]), np.stack([m.T @ m for m in members])
        null = shuffles.shuffle_rows(rows[order], sizes, [shuffles.orders_of(len(order), permutations, rng)])
        for j, verdict in enumerate(one):
            rates = Rates((3 * j,), (3 * j + 2,), (3 * j + 1,))
            made = groups.gap(rates, names, sizes, sums, moments, np.empty((0, *sums.shape)), null)
            low, high = (end[0, 0] for end in spread(rates, sums, moments, sizes).ends())
            verdict[:] = made.p_value < LEVEL, not made.ci[0] <= 0 <= made.ci[1], low <= rows[:, 3 * j].mean() <= high
    return found


def print_single(quick: bool, only: str, data_sets: int, permutations: int, seed: int) -> None:
    print(f"{'groups':<22}metric  base{'rejects':>10}{'excludes':>9}{'covers value|gap':>17}{'found':>7}  power")
    for sizes, metric, base in rows(quick):
        title = "/".join(map(str, sizes))
        if not title.startswith(only):
            continue
        row = run(sizes, metric, base, data_sets, permutations, seed)
        short = f"{len(sizes)} of {sizes[0]} to {sizes[-1]}" if len(sizes) > 2 else title
        power = " ".join(
            f"{at}:" + "/".join("-" if math.isnan(p) else f"{p:.2f}" for p in values)
            for at, values in row.power.items()
        )
        print(
            f"{short:<22}{metric:<7}{base:>5}{row.rejects:>9.3f}{row.excludes:>9.3f}"
            f"{row.covers_value:>11.3f} {row.covers_gap:.3f}{row.found:>7.2f}  {power}",
            flush=True,
        )  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    options.add_argument("--quick", action="store_true", help="two base rates")
    options.add_argument("--datasets", type=int, default=400, metavar="N", help="in each row; default 400")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--permutations", type=int, default=1000)
    options.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "../shared/data")
    options.add_argument("--only", default="", help="designs of single and paired that begin like this, as 30/3000")
    chosen = options.parse_args()
    if unknown := sorted(set(chosen.parts) - set(PARTS)):
        options.error(f"there is no part {unknown[0]}; there are: {', '.join(PARTS)}")
    start = time.perf_counter()
    parts = chosen.parts or PARTS
    if "single" in parts:
        print_single(chosen.quick, chosen.only, chosen.datasets, chosen.permutations, chosen.seed)
    if "paired" in parts:
        print_paired(chosen.only, chosen.datasets, chosen.seed)
    if "overlapping" in parts:
        print_overlapping(chosen.datasets, chosen.permutations, chosen.seed)
    if "movielens" in parts:
        print_movielens(chosen.data, chosen.datasets, chosen.permutations, chosen.seed)
    print(f"{chosen.datasets} data sets, {chosen.permutations} shufflings, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
