"""Accuracy of ranked lists, one value a user: ndcg, recall, precision, hit, mrr, map, graded_ndcg. All 0…1, higher is
better.

Relevance is binary, but for graded_ndcg. With h(r) = 1 where the item at rank r (from 1) is relevant, m relevant items,
and cut K:

    ndcg       Σ h(r) / log2(r + 1) over the ideal Σ of the first min(K, m) discounts (Järvelin & Kekäläinen 2002)
    recall     Σ h(r) / m
    precision  Σ h(r) / K, also for a list shorter than K
    hit        1 where any h(r) is
    mrr        1 / rank of the first hit, 0 without one
    map        Σ h(r) · precision at r, over min(K, m)

    graded_ndcg  Σ (2^rating − 1) / log2(r + 1) over the same of the held-out items in order of their ratings, cut at K;
                 every held-out item counts, liked or not (Burges et al. 2005). NaN where none is rated above 0

Users with m = 0 have no value (NaN), never 0. A user with relevant items and an empty list scores 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairdash.schema import Codes, Interactions

Array = NDArray[np.float64]

METRICS = ("ndcg", "recall", "precision", "hit", "mrr", "map")
FEW = 8  # wanted pairs a user, up to which each is compared with the whole list
COMPARED = 500_000  # places that are compared at once: they stay in the cache
SCRATCH_CELLS = 8_000_000  # bytes of the block in which list positions are looked up: it should stay in the cache


def discounts(k: int) -> Array:
    """1 / log2(r + 1) for ranks 1…k."""
    weights: Array = 1 / np.log2(np.arange(2, k + 2))
    return weights


def positions(items: Codes, starts: NDArray[np.int64], wanted: Codes, n_items: int) -> NDArray[np.int32]:
    """Column of each wanted (user, item) pair in the user's list, or -1.

    items: codes [n, width], -1 for an empty place; of several the last counts. User u wants
    wanted[starts[u]:starts[u + 1]]. A block of users × the catalogue is written and read directly: 2 ns a pair where
    sorting or hashing takes 50. Where few are wanted, each is compared with the user's list instead.
    """
    n, width = items.shape
    found = np.full(len(wanted), -1, dtype=np.int32)
    if len(wanted) <= FEW * n:
        owner = np.repeat(np.arange(n), np.diff(starts))
        step = max(1, COMPARED // max(1, width))
        for first in range(0, len(wanted), step):
            pairs = slice(first, first + step)
            same = np.flatnonzero(items[owner[pairs]] == wanted[pairs, None])
            found[first + same // width] = same % width
        return found
    kind = np.uint8 if width < 255 else np.uint32
    block = max(1, min(n, SCRATCH_CELLS // max(1, n_items)))
    # column n_items takes the empty places, so that no list needs to be filtered
    scratch = np.zeros(block * (n_items + 1), dtype=kind)
    columns = np.arange(1, width + 1, dtype=kind)
    for first in range(0, n, block):
        last = min(first + block, n)
        part = items[first:last]
        offset = np.arange(last - first, dtype=np.int64) * (n_items + 1)
        cells = offset[:, None] + np.where(part >= 0, part, n_items)
        scratch[cells] = columns
        scratch[offset + n_items] = 0
        pairs = slice(starts[first], starts[last])
        owner = np.repeat(offset, np.diff(starts[first : last + 1]))
        found[pairs] = scratch[owner + wanted[pairs]].astype(np.int32) - 1
        scratch[cells] = 0
    return found


def hits(items: Codes, starts: NDArray[np.int64], relevant: Codes, n_items: int) -> NDArray[np.bool_]:
    """Which places of the lists hold a relevant item: bool [n, width]; arguments as in `positions`."""
    column = positions(items, starts, relevant, n_items)
    user = np.repeat(np.arange(len(items)), np.diff(starts))
    hit = np.zeros(items.shape, dtype=bool)
    hit[user[column >= 0], column[column >= 0]] = True
    return hit


def per_user(hit: NDArray[np.bool_], n_relevant: NDArray[np.int64], k: int) -> dict[str, Array]:
    """The six metrics [n] from the hits [n, ≥ k] and the number of relevant items [n]."""
    user, column = np.nonzero(hit[:, :k])
    return of_places(user, column, n_relevant, k)


def of_places(
    user: NDArray[np.integer], column: NDArray[np.integer], n_relevant: NDArray[np.int64], k: int
) -> dict[str, Array]:
    """The same from the user and the column of each hit in the top K, in order of both."""
    ideal = np.concatenate([[np.nan], np.cumsum(discounts(k))])
    possible = np.minimum(n_relevant, k)
    relevant = np.where(n_relevant > 0, n_relevant, np.nan)
    n = len(n_relevant)
    count = np.bincount(user, minlength=n).astype(np.float64)
    # hits are in order of user and rank, so a hit's number within its list is its place less the list's first place
    number = np.arange(1, len(user) + 1) - (np.cumsum(count) - count).astype(np.int64)[user]
    gain = np.bincount(user, weights=discounts(k)[column], minlength=n)
    precisions = np.bincount(user, weights=number / (column + 1), minlength=n)
    reciprocal = np.zeros(n)
    first = number == 1
    reciprocal[user[first]] = 1 / (column[first] + 1)
    empty = np.where(n_relevant > 0, 0.0, np.nan)
    return {
        "ndcg": gain / ideal[possible],
        "recall": count / relevant,
        "precision": count / k + empty,
        "hit": (count > 0) + empty,
        "mrr": reciprocal + empty,
        "map": precisions / np.where(possible > 0, possible, np.nan),
    }


def graded_ndcg(items: Codes, rated: Interactions, k: int, n_items: int) -> Array:
    """graded_ndcg [n] of lists [n, width], from the held-out pairs with their ratings, from 0 on and sorted by user."""
    n = len(items)
    gain = np.exp2(rated.rating.astype(np.float64)) - 1
    column = positions(items[:, :k], rated.starts(n), rated.item, n_items)
    found = column >= 0
    given = np.bincount(rated.user[found], weights=gain[found] * discounts(k)[column[found]], minlength=n)
    best = np.lexsort((-gain, rated.user))
    place = np.arange(len(best)) - rated.starts(n)[rated.user]  # the users of `best` are those of the pairs
    first = place < k
    ideal = np.bincount(rated.user[first], weights=gain[best][first] * discounts(k)[place[first]], minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = given / ideal
    return np.where(ideal > 0, np.minimum(value, 1.0), np.nan)
