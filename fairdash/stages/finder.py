"""Which people are worth a look: what lists do for each of them, in orders that a page walks from the front.

All is computed from arrays of everybody at once, so that six thousand people take a fraction of a second. People who
are equal are ordered by a hash of their ids, which favours nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairdash.hashing import id_hash, mix
from fairdash.metrics.accuracy import hits, per_user
from fairdash.schema import USER_ID, Codes, Lists, Split

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Standing:
    """What the first k places do for each person, [n] each. ndcg: 0…1, NaN without a liked held-out item, and for whom
    a recommender was not asked about. liked:
    held-out items that the person liked. hits: how many of these are listed. ties: a key for orders among equals."""

    ndcg: Array
    liked: NDArray[np.int64]
    hits: NDArray[np.int64]
    ties: NDArray[np.uint64]


def standing(split: Split, lists: Lists, k: int) -> Standing:
    """Everybody's own accuracy at k, against what they liked of the test part."""
    training, test = split.training, split.test
    threshold = training.relevance_threshold
    kept = test if threshold is None else test.take(np.flatnonzero(test.rating >= threshold))
    starts = kept.starts(training.n_users)
    liked = np.diff(starts)
    hit = hits(lists.items[:, :k], starts, kept.item, training.n_items)
    ties = mix(split.seed, id_hash(training.users[USER_ID]))
    ndcg = per_user(hit, liked, k)["ndcg"]
    if split.asked is not None:
        ndcg = np.where(split.asked, ndcg, np.nan)
    return Standing(ndcg, liked, hit.sum(axis=1).astype(np.int64), ties)


def hurt_most(found: Standing, among: Mask) -> Codes:
    """Those whom the lists serve worst: lowest NDCG first, and of equal ones who liked most that is missing. People
    without a liked held-out item are left out: nothing is known of how well they are served."""
    return _ordered(found, among & np.isfinite(found.ndcg), found.ndcg, -(found.liked - found.hits))


def typical(found: Standing, among: Mask) -> Codes:
    """Those nearest to the median NDCG of these people, and of equal ones nearest to their median number of liked
    items."""
    inside = among & np.isfinite(found.ndcg)
    if not inside.any():
        return np.zeros(0, np.int32)
    ndcg, liked = np.median(found.ndcg[inside]), np.median(found.liked[inside])
    return _ordered(found, inside, np.abs(found.ndcg - ndcg), np.abs(found.liked - liked))


def changed_most(before: Standing, old: Lists, new: Lists, k: int, among: Mask) -> tuple[Codes, NDArray[np.int64]]:
    """Those whose first k places changed most, and of everybody how many of the later items are new ones [n]."""
    first, second = old.items[:, :k].astype(np.int64), new.items[:, :k].astype(np.int64)
    width = int(max(first.max(initial=0), second.max(initial=0))) + 1
    person = np.arange(len(first), dtype=np.int64)[:, None] * width
    fresh = (second >= 0) & ~np.isin(person + second, (person + first)[first >= 0])
    entered = fresh.sum(axis=1).astype(np.int64)
    return _ordered(before, among & (entered > 0), -entered), entered


def most_alike(split: Split, user: int, among: Mask, ties: NDArray[np.uint64]) -> tuple[Codes, NDArray[np.int64]]:
    """Those whose known items are most like this person's, by the cosine of the two sets (items in both over the root
    of the product of their numbers), and how many each of all people shares with them [n]. Who shares none is left
    out, and so is the person."""
    known = split.known.matrix(split.training.n_users, split.training.n_items).astype(np.float64)
    own = np.zeros(split.training.n_items)
    own[known[[user]].indices] = 1.0
    shared = known @ own
    sizes = np.sqrt(np.diff(known.indptr) * own.sum())
    alike = shared / np.where(sizes > 0, sizes, 1.0)
    inside = among & (shared > 0)
    inside[user] = False
    place = np.lexsort((ties, -alike))
    return place[inside[place]].astype(np.int32), shared.astype(np.int64)


def _ordered(found: Standing, inside: Mask, *keys: NDArray[np.number]) -> Codes:
    """Codes of those inside, by the keys, the first one first, ascending."""
    place = np.lexsort((found.ties, *reversed(keys)))
    return place[inside[place]].astype(np.int32)
