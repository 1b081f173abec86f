"""Sums over groups when the group labels are shuffled over their people: what no difference between groups looks like.

All people whose group is known stand in the tally's rows where they are at most `tally.EXACT_PEOPLE`: their labels are
shuffled. Beyond, a random sample of them stands for all, and the sums have the same distribution in the limit: what a
group of up to SMALL_GROUP people is off its share of the total is that of as many people drawn from the sample, one at
a time and put back; of a larger group it is normal with the covariance of all people (Hoeffding 1951). As groups are
drawn without putting back, each then gives up its share of what all are off together, which leaves the total as it is
and a group of m among n people with 1 − m / n of the variance, as it must.

Where people belong to several groups, whole memberships are shuffled: as many people as before are in both of two
groups. In the limit the people of each combination of groups are drawn, for all groups of it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash.metrics.tally import Tally
from fairdash.schema import Groups

Array = NDArray[np.float64]

SMALL_GROUP = 2_000  # beyond the exact shuffles, groups up to this size are drawn from the sample
DENSE_GROUPS = 10  # so many groups are shuffled by dense matrix products


def shuffled(total: Tally, attribute: int, kept: Sequence[int]) -> Array:
    """Sums by group [permutations, len(kept), c] with the labels of the kept groups shuffled over their people."""
    rules, groups = total.rules, total.groups[attribute]
    sizes = groups.people[list(kept)]
    rng = np.random.default_rng([rules.seed, attribute])
    everyone, sampled = (who[attribute].among(kept) for who in (total.who, total.row_who))
    there = np.flatnonzero(~sampled.unknown)
    rows = total.rows[there]
    n = int(np.count_nonzero(~everyone.unknown))
    if everyone.member is None:
        if len(rows) == n:
            return _shuffle_rows(rows, sizes, rules.permutations, rng)
        whole = groups.total[list(kept)].sum(axis=0)
        products = groups.moments[list(kept)].sum(axis=0)
    else:
        if len(rows) == n:
            return _shuffle_members(rows, sampled.take(there).membership, rules.permutations, rng)
        # sums of groups count some people twice: the sample tells mean and covariance of all
        part = n / len(rows)
        whole, products = part * rows.sum(axis=0), part * (rows.T @ rows)
    mean = whole / n
    covariance = (products - n * np.outer(mean, mean)) / (n - 1)
    return _shuffle_limit(rows, whole, covariance, *_combinations(everyone), rules.permutations, rng)


def _shuffle_rows(rows: Array, sizes: NDArray[np.int64], permutations: int, rng: np.random.Generator) -> Array:
    result = np.empty((permutations, len(sizes), rows.shape[1]))
    # the largest group is what the others leave
    rest = int(np.argmax(sizes))
    others = [g for g in range(len(sizes)) if g != rest]
    whole = rows.sum(axis=0)
    step = max(1, 4_000_000 // max(1, len(rows)))
    ends = np.cumsum(sizes) - 1
    for first in range(0, permutations, step):
        count = min(step, permutations - first)
        # random keys: the sizes[0] smallest are the first group, the next sizes[1] the second, and so on
        keys = rng.integers(0, 2**32, size=(count, len(rows)), dtype=np.uint32)
        part = result[first : first + count]
        if len(sizes) > DENSE_GROUPS:  # sums of many groups at once, of all rows in the order of their keys
            order = np.argsort(keys, axis=1).ravel()
            starts = np.append((np.arange(count)[:, None] * len(rows) + (np.cumsum(sizes) - sizes)).ravel(), len(order))
            shape = (count * len(sizes), len(rows))
            part[:] = (sparse.csr_array((np.ones(len(order)), order, starts), shape=shape) @ rows).reshape(part.shape)
            continue
        drawn = np.zeros(keys.shape, dtype=np.uint16)
        for end in np.partition(keys, ends, axis=1)[:, ends[:-1]].T:
            drawn += keys > end[:, None]
        for g in others:
            part[:, g] = (drawn == g).astype(np.float64) @ rows
        part[:, rest] = whole - part[:, others].sum(axis=1)
    return result


def _shuffle_members(rows: Array, member: sparse.csr_array, permutations: int, rng: np.random.Generator) -> Array:
    """Of rows [n, c] whose memberships [n, g], whole, go to other people."""
    groups = sparse.csr_array(member.T, dtype=np.float64)
    result = np.empty((permutations, groups.shape[0], rows.shape[1]))
    for p in range(permutations):
        taken = rng.permutation(len(rows))[groups.indices]
        result[p] = sparse.csr_array((groups.data, taken, groups.indptr), shape=groups.shape) @ rows
    return result


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
    covariance: Array,
    kinds: Sequence[NDArray[np.integer[Any]]],
    counts: NDArray[np.int64],
    permutations: int,
    rng: np.random.Generator,
) -> Array:
    """sample: people's rows; total, covariance: sum [c] and covariance [c, c] of all people's; kinds, counts: see
    `_combinations`."""
    sizes = np.zeros(1 + max(int(kind.max()) for kind in kinds), dtype=np.int64)
    for kind, count in zip(kinds, counts, strict=True):
        sizes[kind] += count
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
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
