"""Sums over groups when the group labels are shuffled over their people: what no difference between groups looks like.

All people whose group is known stand in the tally's rows where they are at most `tally.EXACT_PEOPLE`: they are put in
random orders, the same for every attribute, and cut into groups of the sizes that there are. Beyond, a random sample of
them stands for all, and the sums have the same distribution in the limit: what a group of up to SMALL_GROUP people is
off its share of the total is that of as many people drawn from the sample, one at a time and put back; of a larger
group it is normal with the covariance of all people (Hoeffding 1951). As groups are drawn without putting back, each
then gives up its share of what all are off together, which leaves the total as it is and a group of m among n people
with 1 − m / n of the variance, as it must.

Where people belong to several groups, whole memberships are shuffled: as many people as before are in both of two
groups. In the limit the people of each combination of groups are drawn, for all groups of it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash.metrics.tally import Tally
from fairdash.schema import Groups

Array = NDArray[np.float64]
Orders = NDArray[np.unsignedinteger[Any]]  # people in random orders [orders, n]

NO_VARIANCE = 1e-9  # of a column's mean square, or of a direction where each column's variance is 1
SMALL_GROUP = 2_000  # beyond the exact shuffles, groups up to this size are drawn from the sample
FURTHER_LABELS = 30_000_000  # people × shufflings that are drawn for what is near the line: half a second
FURTHER_CELLS = 2_000_000  # shufflings × groups × columns of these
SHARED_CELLS = 20_000_000  # sums that are kept for all attributes: 160 MB
BLOCK = 1_000_000  # people × orders that are summed at once: 12 MB
CACHED = 200_000  # people × columns that are summed at once: 1.6 MB, since any of them may come next


class Shuffles:
    """Sums over groups of a tally's people under shuffled labels. Orders are drawn when they are first asked for, and
    kept: drawing costs more than summing."""

    def __init__(self, total: Tally) -> None:
        self._total = total
        self._squares = np.zeros(total.rows.shape[1], dtype=bool)  # of which no metric is a quotient
        for name, at in total.people_layout.items():
            self._squares[at] = name.startswith("square:")
        self._rng = np.random.default_rng(total.rules.seed)
        self._drawn: list[Orders] = []
        self._shared: dict[bytes, tuple[NDArray[np.int64], Array]] = {}

    def sums(
        self,
        attribute: int,
        kept: Sequence[int],
        times: int = 1,
        columns: NDArray[np.intp] | None = None,
        made: Array | None = None,
    ) -> Array:
        """By group [permutations, len(kept), c] with the labels of the kept groups shuffled over their people. times:
        of more than one, others than the first, which make so many times as many with them, as far as the limits go.
        columns: the only ones that are summed; without them those of squares may be NaN. made: sums of the same
        columns of fewer times, which come first again."""
        total = self._total
        rules, groups = total.rules, total.groups[attribute]
        everyone, sampled = (who[attribute].among(kept) for who in (total.own.who, total.row_who))
        there = ~sampled.unknown
        some = slice(None) if columns is None else columns
        rows = total.rows[:, some]
        count, n = (int(np.count_nonzero(one)) for one in (there, ~everyone.unknown))
        permutations = rules.permutations
        if times > 1:
            most = min(FURTHER_LABELS // max(1, count), FURTHER_CELLS // (len(kept) * max(1, rows.shape[1])))
            permutations = min((times - 1) * permutations, most)
        if count == n:
            done = 0 if made is None else len(made)
            first = rules.permutations if times > 1 else 0
            orders = (_of_some(block, there) for block in self._orders(first + done, first + permutations))
            different, place = (rows, None) if columns is not None else self._different
            if everyone.member is None:
                sizes = groups.people[list(kept)]
                shared = None if times > 1 or columns is not None else self._first_people(there, sizes)
                if shared is None:
                    found = shuffle_rows(different, sizes, orders)
                else:
                    found = _cut(*shared, sizes, different[there].sum(axis=0))
            else:
                found = shuffle_members(different, sampled.membership, orders)
            if place is not None:
                every = np.full((len(self._squares), *found.T.shape[1:]), np.nan)
                every[~self._squares] = found.T[place]
                found = every.T
            return found if made is None else np.concatenate([made, found])
        if everyone.member is None:
            whole = groups.total[list(kept)][:, some].sum(axis=0)
            products = groups.moments[list(kept)].sum(axis=0)[some][:, some]
        else:
            # sums of groups count some people twice: the sample tells mean and covariance of all
            part, known = n / count, rows[there]
            whole, products = part * known.sum(axis=0), part * (known.T @ known)
        rng = np.random.default_rng([rules.seed, attribute, *([1] if times > 1 else [])])
        root = _root(whole, products, n)
        return _shuffle_limit(rows[there], whole, root, *_combinations(everyone), permutations, rng)

    @cached_property
    def _different(self) -> tuple[Array, NDArray[np.intp]]:
        return different_columns(self._total.rows[:, ~self._squares])

    def _first_people(
        self, there: NDArray[np.bool_], sizes: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Array] | None:
        """Sums over the first so many people of each order [orders, ends, c], for all ends of groups of all attributes
        that the same people have a group in, since these are summed once. None where that is more than is worth it."""
        key = np.packbits(there).tobytes()
        if key not in self._shared:
            total = self._total
            ends = [_ends(sizes)]
            for group, sampled in zip(total.groups, total.row_who, strict=True):
                own = sampled.among(group.kept)
                if own.member is None and len(group.kept) > 1 and np.array_equal(~own.unknown, there):
                    ends.append(_ends(group.people[group.kept]))
            every, (rows, _) = np.unique(np.concatenate(ends)), self._different
            if len(ends) < 3 or total.rules.permutations * len(every) * rows.shape[1] > SHARED_CELLS:
                return None
            orders = (_of_some(block, there) for block in self._orders(0, total.rules.permutations))
            self._shared[key] = every, np.concatenate([first_people(rows, every, block) for block in orders])
        every, sums = self._shared[key]
        return (every, sums) if np.isin(_ends(sizes), every).all() else None

    def _orders(self, first: int, last: int) -> Iterator[Orders]:
        """From one number of order to before another, in blocks."""
        n, at = len(self._total.rows), 0
        step = min(self._total.rules.permutations, max(1, BLOCK // max(1, n)))
        while step * len(self._drawn) < last:
            self._drawn.append(orders_of(n, step, self._rng))
        for block in self._drawn:
            part = block[max(0, first - at) : max(0, last - at)]
            at += len(block)
            if len(part):
                yield part


def orders_of(n: int, count: int, rng: np.random.Generator) -> Orders:
    """So many random orders of n people: those in which random numbers rise, whose last bits are replaced by the
    people's own, so that no two are equal. Numpy sorts numbers in half the time in which it swaps them."""
    own = np.uint64((1 << n.bit_length()) - 1)
    drawn = rng.integers(0, 1 << 64, (count, n), dtype=np.uint64)
    drawn &= ~own
    drawn |= np.arange(n, dtype=np.uint64)
    drawn.sort(axis=1)
    drawn &= own
    return drawn.astype(np.min_scalar_type(max(1, n)))


def _of_some(orders: Orders, there: NDArray[np.bool_]) -> Orders:
    """The same orders of some of the people."""
    return orders if there.all() else orders[there[orders]].reshape(len(orders), -1)


def different_columns(rows: Array) -> tuple[Array, NDArray[np.intp]]:
    """The columns that are not the same as an earlier one [n, d], and where each stands among them [c]: many metrics
    are known for the same people, or count the same things."""
    found: dict[bytes, int] = {}
    place = [found.setdefault(column.tobytes(), len(found)) for column in rows.T]
    return rows[:, [place.index(i) for i in range(len(found))]], np.array(place, dtype=np.intp)


def shuffle_rows(rows: Array, sizes: NDArray[np.int64], orders: Iterable[Orders]) -> Array:
    """Sums [orders, g, c] of the first people of each order, the next ones, and so on: groups of these sizes in their
    order, but for the largest, which gets what the others leave."""
    ends = _ends(sizes)
    found = [np.empty((0, len(sizes), rows.shape[1]))]
    found += [_cut(ends, first_people(rows, ends, block), sizes, rows[block[0]].sum(axis=0)) for block in orders]
    return np.concatenate(found)


def first_people(rows: Array, ends: NDArray[np.int64], orders: Orders) -> Array:
    """Sums [orders, ends, c] of the first ends[0] people of each order, the first ends[1], and so on; ends rise. They
    lie in memory by column, which is how metrics ask for them."""
    last = int(ends[-1]) if len(ends) else 0
    taken = orders[:, :last].astype(np.int32).ravel()
    starts = np.arange(len(orders))[:, None] * last + np.append(0, ends[:-1])
    pointers = np.append(starts.ravel(), len(taken)).astype(np.int32)
    member = sparse.csr_array((np.ones(len(taken)), taken, pointers), shape=(starts.size, len(rows)))
    found = np.empty((rows.shape[1], len(ends), len(orders)))
    step = max(1, CACHED // max(1, len(rows)))
    for first in range(0, len(found), step):
        parts = member @ rows[:, first : first + step]
        found[first : first + step] = parts.reshape(len(orders), len(ends), -1).T
    return np.cumsum(found, axis=1, out=found).T


def _ends(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where in an order the groups of these sizes end, but for the largest."""
    return np.cumsum(np.delete(sizes, int(np.argmax(sizes))))


def _cut(ends: NDArray[np.int64], firsts: Array, sizes: NDArray[np.int64], whole: Array) -> Array:
    """Sums [orders, g, c] of groups of these sizes, from sums over the first people of orders [orders, ends, c].
    whole: of all people [c]."""
    rest = int(np.argmax(sizes))
    others = [g for g in range(len(sizes)) if g != rest]
    # by column, as they lie in memory: c, groups, orders
    until = firsts.T[:, np.searchsorted(ends, _ends(sizes))]
    found = np.empty((len(until), len(sizes), len(firsts)))
    found[:, others] = np.diff(until, axis=1, prepend=0.0)
    found[:, rest] = whole[:, None] - until[:, -1]
    return found.T


def shuffle_members(rows: Array, member: sparse.csr_array, orders: Iterable[Orders]) -> Array:
    """Sums [orders, g, c] where memberships [n, g], whole, go to other people: those of the first person with any to
    the first of an order, and so on."""
    groups = sparse.csr_array(member.T, dtype=np.float64)
    place = np.cumsum(np.diff(member.indptr) > 0) - 1
    own = place[groups.indices]
    found = [np.empty((0, groups.shape[0], rows.shape[1]))]
    for block in orders:
        taken = block[:, own].astype(np.int32).ravel()
        starts = np.arange(len(block))[:, None] * len(own) + groups.indptr[:-1]
        pointers = np.append(starts, len(taken)).astype(np.int32)
        given = sparse.csr_array((np.tile(groups.data, len(block)), taken, pointers), shape=(starts.size, len(rows)))
        found.append((given @ rows).reshape(*starts.shape, -1))
    return np.concatenate(found)


def _combinations(who: Groups) -> tuple[list[NDArray[np.integer[Any]]], NDArray[np.int64]]:
    """The combinations of groups that people are in, and how many people each has; without those in none."""
    if who.member is None:
        return [np.array([g]) for g in range(len(who.names))], who.sizes
    # a number for each combination: the sum of a random one for each group, of 64 bits
    key = who.member @ np.random.default_rng(0).integers(0, 2**64, len(who.names), dtype=np.uint64)
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    kinds = [who.member.indices[who.member.indptr[row] : who.member.indptr[row + 1]] for row in first]
    some = [i for i, kind in enumerate(kinds) if len(kind)]
    return [kinds[i] for i in some], counts[some]


def _shuffle_limit(
    sample: Array,
    total: Array,
    root: Array,
    kinds: Sequence[NDArray[np.integer[Any]]],
    counts: NDArray[np.int64],
    permutations: int,
    rng: np.random.Generator,
) -> Array:
    """sample: people's rows; total: sum [c] of all people's; root: see `_root`; kinds, counts: see `_combinations`."""
    sizes = np.zeros(1 + max(int(kind.max()) for kind in kinds), dtype=np.int64)
    for kind, count in zip(kinds, counts, strict=True):
        sizes[kind] += count
    result = np.zeros((permutations, len(sizes), len(total)))
    off = np.zeros((permutations, 1, len(total)))  # what all are off together
    middle = sample.mean(axis=0)
    for kind, count in zip(kinds, counts.tolist(), strict=True):
        if sizes[kind].min() <= SMALL_GROUP:
            drawn = np.stack([sample[rng.integers(0, len(sample), count)].sum(axis=0) for _ in range(permutations)])
            drawn -= count * middle
        else:
            drawn = np.sqrt(count) * (rng.standard_normal((permutations, len(total))) @ root.T)
        result[:, kind] += drawn[:, None]
        off += drawn[:, None]
    result += (total - off) * (sizes / counts.sum())[None, :, None]
    return result


def _root(total: Array, products: Array, n: int) -> Array:
    """A matrix whose product with its transpose is the covariance of n people's columns [c, c], from their sums [c] and
    sums of products [c, c]. What rounding leaves of no variance, in a column that is the same for all or in one that
    follows from others, is none: its root would be 1e8 times as large, and another where people are added up in another
    order. The root is the symmetric one, which does not hang on which of many vectors stand for directions of the same
    variance."""
    mean = total / n
    covariance = (products - n * np.outer(mean, mean)) / (n - 1)
    variance = np.diag(covariance)
    scale = np.sqrt(np.where(variance > NO_VARIANCE * np.diag(products) / n, variance, 0.0))
    known = np.outer(scale, scale)
    values, vectors = np.linalg.eigh(np.divide(covariance, known, out=np.zeros_like(known), where=known > 0))
    root: Array = scale[:, None] * ((vectors * np.sqrt(np.where(values > NO_VARIANCE, values, 0.0))) @ vectors.T)
    return root
