"""Sums over groups when the group labels are shuffled over their people: what no difference between groups looks like.

All people whose group is known stand in the tally's rows where they are at most `tally.EXACT_PEOPLE`: their labels are
shuffled. Beyond, a random sample of them stands for all, and the sums have the same distribution in the limit: what a
group of up to SMALL_GROUP people is off its share of the total is that of as many people drawn from the sample, one at
a time and put back; of a larger group it is normal with the covariance of all people (Hoeffding 1951). As groups are
drawn without putting back, each then gives up its share of what all are off together, which leaves the total as it is
and a group of m among n people with 1 − m / n of the variance, as it must.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics.tally import GroupSums, Tally

Array = NDArray[np.float64]

SMALL_GROUP = 2_000  # beyond the exact shuffles, groups up to this size are drawn from the sample
DENSE_GROUPS = 10  # so many groups are shuffled by dense matrix products


def shuffled(total: Tally, attribute: int, kept: Sequence[int]) -> Array:
    """Sums by group [permutations, len(kept), c] with the labels of the kept groups shuffled over their people."""
    rules, groups = total.rules, total.groups[attribute]
    sizes = groups.people[list(kept)]
    rng = np.random.default_rng([rules.seed, attribute])
    rows = total.rows[np.isin(total.row_groups[:, attribute], kept)]
    if len(rows) == sizes.sum():
        return _shuffle_rows(rows, sizes, rules.permutations, rng)
    return _shuffle_limit(rows, groups, kept, sizes, rules.permutations, rng)


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
        drawn = np.zeros(keys.shape, dtype=np.uint16)
        for end in np.partition(keys, ends, axis=1)[:, ends[:-1]].T:
            drawn += keys > end[:, None]
        part = result[first : first + count]
        if len(sizes) <= DENSE_GROUPS:
            for g in others:
                part[:, g] = (drawn == g).astype(np.float64) @ rows
        else:
            order = np.argsort(drawn, axis=1, kind="stable")
            starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
            for p in range(count):
                part[p] = np.add.reduceat(rows[order[p]], starts, axis=0)
        part[:, rest] = whole - part[:, others].sum(axis=1)
    return result


def _shuffle_limit(
    sample: Array,
    groups: GroupSums,
    kept: Sequence[int],
    sizes: NDArray[np.int64],
    permutations: int,
    rng: np.random.Generator,
) -> Array:
    n = int(sizes.sum())
    total = groups.total[list(kept)].sum(axis=0)
    mean = total / n
    covariance = (groups.moments[list(kept)].sum(axis=0) - n * np.outer(mean, mean)) / (n - 1)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    result = np.empty((permutations, len(sizes), len(mean)))
    middle = sample.mean(axis=0)
    for g, size in enumerate(sizes.tolist()):
        if size <= SMALL_GROUP:
            for p in range(permutations):
                result[p, g] = sample[rng.integers(0, len(sample), size)].sum(axis=0) - size * middle
        else:
            result[:, g] = np.sqrt(size) * (rng.standard_normal((permutations, len(mean))) @ root.T)
    share = (sizes / n)[None, :, None]
    result += (total - result.sum(axis=1, keepdims=True)) * share
    return result
