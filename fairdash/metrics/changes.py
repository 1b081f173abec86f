"""Intervals of differences between before and after, of values and of gaps, from common bootstrap replicates.

Where lists agree for most people, before and after move together over replicates, and what is left is the change of the
few. So the variance and the skew of n people's changes are read from the replicates of the difference, and the interval
is that of two points (`metrics.rates`), which holds for few people and rare changes too. A group in which nobody's
value changed may owe that to its size: changes as large as those of all people are mixed in, up and down alike.

A gap after is e · after for the order e of groups that is largest there, and a gap before likewise: over all orders

    gap after − gap before = max over e of min over f of (e · after − f · before),

where each e · after − f · before is a sum over groups of ± the value after, before, their sum or their difference. Its
ends are those of the groups' own, put together as for a difference of two (Zou & Donner 2008); and as max and min only
rise with what they are of, the ends of the whole are the same max and min of these ends. A gap that turns round is thus
nothing of its own: its order after is another one. Where people belong to several groups, the distances to the ends of
each sum are as much longer or shorter as its standard error over replicates is against that of groups apart. Nor can
the gap change by more than any order does, which ends the interval where small gaps hardly change. Where there is no
gap at all, before or after, it covers more than 95 %.

So it does where few people move, as whole numbers of them leave no closer ends. Coverage by all outcomes of hits in one
group, beside that of Tango's score interval (1998): of 300 people of whom 60 move on average 0.954 (0.953), 10 of 100
0.960 (0.957), 10 of 40 nearly all downwards 0.980 (0.948), 4 of 200 0.982 (0.957), 5 of 20 0.967 (0.972), 3 of 30 0.952
(0.986), 0.4 of 20 1 (1). A gap of such groups covers more than each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics.bootstrap import Estimate, jackknife
from fairdash.metrics.groups import Gap, Sides
from fairdash.metrics.rates import of_replicates

Array = NDArray[np.float64]
Ends = tuple[float, float]

ORDERS = 200  # pairs of groups, of those furthest apart, that may be the largest gap
NOTHING = 1e-12  # differences that are rounding alone


def typical(change: Array) -> float:
    """How far one person moves among those who do: Σ |d|³ / Σ d² of changes d [n]; 0 where nobody moved."""
    size = np.abs(_settled(change[~np.isnan(change)]))
    square = float((size**2).sum())
    return float((size**3).sum()) / square if square else 0.0


def of_values(old: Sequence[Estimate], new: Sequence[Estimate], jump: float = 0.0) -> list[tuple[float, Ends]]:
    """new − old and its interval, for each group of people. jump: see `typical`."""
    moved = [
        _settled(b.replicates - a.replicates) if len(a.replicates) == len(b.replicates) else np.empty(0)
        for a, b in zip(old, new, strict=True)
    ]
    somebody = any(np.nan_to_num(one).any() for one in moved)
    found: list[tuple[float, Ends]] = []
    for a, b, replicates in zip(old, new, moved, strict=True):
        value, ends = float(_settled(np.array(b.value - a.value))), (math.nan, math.nan)
        if b.kind == "jackknife":
            ends = jackknife(value, replicates)
        elif not math.isnan(value) and b.people >= 2:
            size = max(jump, a.unit, b.unit) if somebody else 0.0
            low, high = of_replicates(np.array(value), replicates, np.array(b.people), np.array(size)).ends()
            ends = float(low), float(high)
        found.append((value, ends))
    return found


def of_gaps(old: Sides, new: Sides, jump: float) -> tuple[float, Ends]:
    """The gap between the sides `new` less that between `old`, and its interval. jump: see `typical`."""
    names = list(dict.fromkeys([*old.names, *new.names]))
    before, after = (_aligned(sides, names) for sides in (old, new))
    somebody = np.nan_to_num(_settled(after[1] - before[1])).any()
    jumps = np.maximum(jump, np.fmax(before[3], after[3])) * somebody
    people = np.fmin(before[2], after[2])
    # by group, and by what is added up: a · after − b · before, at place (a + 1, b + 1)
    value, down, up = (np.zeros((len(names), 3, 3)) for _ in range(3))
    for a, b in ((1, 0), (0, 1), (1, 1), (1, -1)):
        # what is not added up may be missing
        point, moved = (
            _settled((a * new_side if a else np.zeros_like(new_side)) - (b * old_side if b else 0.0))
            for old_side, new_side in zip(before[:2], after[:2], strict=True)
        )
        below, above = of_replicates(point, moved, people, jumps).ends()
        short, long = np.square(point - below), np.square(above - point)
        for sign, (under, over) in ((1, (short, long)), (-1, (long, short))):
            at = (slice(None), 1 + sign * a, 1 + sign * b)
            value[at], down[at], up[at] = sign * point, under, over
    orders = [_orders(one[0]) for one in (after, before)]
    if not len(orders[0]) or not len(orders[1]):
        return math.nan, (math.nan, math.nan)
    left = _left_of(old, new, names, before[1], after[1])

    def ends(e: NDArray[np.int64], f: NDArray[np.int64]) -> tuple[Array, Array, Array]:
        parts = (sum(part[g, 1 + e[..., g], 1 + f[..., g]] for g in range(len(names))) for part in (value, down, up))
        whole, under, over = (np.asarray(part) for part in parts)
        if left is not None:
            part = left(e, f)
            under, over = part * under, part * over
        return whole, whole - np.sqrt(under), whole + np.sqrt(over)

    found, low, high = (float(x.min(axis=1).max()) for x in ends(orders[0][:, None], orders[1][None]))
    if len(orders[0]) == len(orders[1]) < ORDERS:  # no order is left out
        _, least, most = ends(orders[0], orders[0])
        low, high = max(low, float(least.min())), min(high, float(most.max()))
    return float(_settled(np.array(found))), (low, high)


def left_of_pair(old: Gap, new: Gap) -> float:
    """The same of the change of one difference: of the pair that was furthest apart before."""
    if old.pair is None or old.sides is None or new.sides is None or not set(old.pair) <= set(new.sides.names):
        return 1.0
    names = list(old.pair)
    before, after = _among(old.sides, names), _among(new.sides, names)
    left = _left_of(before, after, names, before.replicates, after.replicates)
    order = np.array([1, -1])
    return 1.0 if left is None else float(left(order, order))


def _among(sides: Sides, names: list[str]) -> Sides:
    place = [sides.names.index(name) for name in names]
    shared = None if sides.shared is None else sides.shared[np.ix_(place, place)]
    parts = (sides.values[place], sides.replicates[:, place], sides.people[place], sides.unit[place])
    return Sides(tuple(names), *parts, shared)


def _left_of(
    old: Sides, new: Sides, names: list[str], before: Array, after: Array
) -> Callable[[NDArray[np.int64], NDArray[np.int64]], Array] | None:
    """Of e · after − f · before for orders e, f: its variance over replicates [r, g] against that of groups apart. None
    where nobody is in two groups."""
    if old.shared is None and new.shared is None:
        return None
    both = np.eye(len(names), dtype=bool)
    for sides in (old, new):
        if sides.shared is not None:
            place = [names.index(name) for name in sides.names]
            both[np.ix_(place, place)] |= sides.shared > 0
    off = [np.nan_to_num(part - np.nanmean(part, axis=0)) for part in (after, before)]
    tables = [[np.where(both, a.T @ b, 0.0) for b in off] for a in off]

    def variance(e: NDArray[np.int64], f: NDArray[np.int64], inside: NDArray[np.bool_]) -> Array:
        (own, cross), (_, other) = [[np.where(inside, table, 0.0) for table in row] for row in tables]

        def product(a: NDArray[np.int64], table: Array, b: NDArray[np.int64]) -> Array:
            return np.asarray(np.einsum("...i,...i->...", a @ table, b))

        return product(e, own, e) + product(f, other, f) - 2 * product(e, cross, f)

    def left(e: NDArray[np.int64], f: NDArray[np.int64]) -> Array:
        apart, whole = variance(e, f, np.eye(len(names), dtype=bool)), variance(e, f, both)
        return np.where(apart > 0, np.maximum(whole, 0.0) / np.where(apart > 0, apart, 1.0), 1.0)

    return left


def _aligned(sides: Sides, names: list[str]) -> tuple[Array, Array, Array, Array]:
    """Values [g], replicates [r, g], people [g] and units [g] in the order of names; NaN for groups without."""
    place = [names.index(name) for name in sides.names]
    values, people, unit = (np.full(len(names), np.nan) for _ in range(3))
    replicates = np.full((len(sides.replicates), len(names)), np.nan)
    values[place], replicates[:, place], people[place], unit[place] = (
        sides.values, sides.replicates, sides.people, sides.unit,
    )  # fmt: skip
    return values, replicates, people, unit


def _orders(values: Array) -> NDArray[np.int64]:
    """Signs [pairs, g], 1 for the higher and -1 for the lower group, of the pairs that are furthest apart; each pair is
    there both ways round."""
    known = np.flatnonzero(~np.isnan(values))
    pairs = [(i, j) for i in known for j in known if i != j]
    pairs.sort(key=lambda pair: values[pair[1]] - values[pair[0]])
    signs = np.zeros((min(len(pairs), ORDERS), len(values)), dtype=np.int64)
    for row, (i, j) in zip(signs, pairs, strict=False):
        row[i], row[j] = 1, -1
    return signs


def _settled(difference: Array) -> Array:
    """Differences that are rounding alone are none."""
    return np.where(np.abs(difference) < NOTHING, 0.0, difference)
