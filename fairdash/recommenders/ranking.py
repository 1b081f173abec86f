"""Scores → the best K items of every user: seen items left out, equal scores ordered by a hash that favours nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash import words
from fairdash.engines import Engine
from fairdash.errors import ConfigError, ModelError
from fairdash.hashing import Hashes, id_hash, mix
from fairdash.progress import Progress, silent
from fairdash.recommenders.base import (
    BringingFitted,
    CandidateFitted,
    CandidateProfileFitted,
    CatalogueFitted,
    Fitted,
    ProfileFitted,
)
from fairdash.schema import Codes, Floats, Interactions, Lists

BATCH_CELLS = 4_000_000  # users × items scored at once: 16 MB of float32, 32 MB of sort keys


def top_k(scores: Floats, seen: sparse.csr_array | None, k: int, item_hashes: Hashes, seed: int = 0) -> Lists:
    """The k best unseen items of each row.

    scores: [b, n_items], higher is better; -inf says that an item is no candidate. seen: bool csr [b, n_items], what
    is left out; None: nothing. item_hashes: `hashing.id_hash` of the item ids [n_items]; equal scores are ordered by
    `mix(seed, item_hashes)`. Rows with fewer than k candidates end in -1 with score NaN.
    Raises ModelError when a score is NaN: no order can be given to it.
    """
    scores = np.asarray(scores, dtype=np.float32)
    if np.isnan(scores).any():
        row, item = np.argwhere(np.isnan(scores))[0]
        raise ModelError(
            words.say(
                "The recommender gave no number (NaN) as the score of item {item} for row {row} of its batch.",
                item=item,
                row=row,
            ),
            "Train it again with a lower learning rate, or check the vectors that it was loaded with.",
        )
    n_items = scores.shape[1]
    place = np.empty(n_items, dtype=np.uint64)
    place[np.argsort(mix(seed, item_hashes), kind="stable")] = np.arange(n_items, dtype=np.uint64)[::-1]
    # One unique key a cell: the score's bits in an order that sorts as the numbers do, then the place among equals.
    bits = (scores + np.float32(0)).view(np.uint32)  # + 0 turns -0.0 into 0.0, so that both are one score
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    keys = (ordered << np.uint64(32)) | (place + np.uint64(1))
    keys[np.isneginf(scores)] = 0
    if seen is not None:
        row = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
        keys[row, seen.indices] = 0
    width = min(k, n_items)
    best = np.argpartition(keys, n_items - width, axis=1)[:, n_items - width :]
    order = np.argsort(np.take_along_axis(keys, best, axis=1), axis=1)[:, ::-1]
    best = np.take_along_axis(best, order, axis=1)
    valid = np.take_along_axis(keys, best, axis=1) > 0
    items = np.full((len(scores), k), -1, dtype=np.int32)
    values = np.full((len(scores), k), np.nan, dtype=np.float32)
    items[:, :width] = np.where(valid, best, -1)
    values[:, :width] = np.where(valid, np.take_along_axis(scores, best, axis=1), np.nan)
    return Lists(items, values)


def scores(fitted: Fitted, users: Codes, history: Interactions, profiles: Sequence[str] | None = None) -> Floats:
    """Scores [len(users), n_items] for `top_k`, of any recommender: where it scores candidates alone, those of its
    first stage, and -inf for every other item. profiles: texts to be read instead of the users' own.

    Raises ConfigError for profiles where none is read."""
    if not isinstance(fitted, CandidateFitted):
        return _whole(fitted, users, history, profiles)
    if profiles is not None and isinstance(fitted, BringingFitted):
        brought = fitted.candidates(users, history, profiles)
    else:
        brought = fitted.first(users, history)
    own = scores_of(fitted, users, brought.items, history, profiles)
    result = np.full(brought.standard.shape, -np.inf, np.float32)
    row, place = np.nonzero(brought.items >= 0)
    result[row, brought.items[row, place]] = own[row, place]
    return result


def scores_of(
    fitted: Fitted, users: Codes, items: Codes, history: Interactions, profiles: Sequence[str] | None = None
) -> Floats:
    """Scores [len(users), c] of the given items [len(users), c], -1 for none, of any recommender.

    Raises ModelError where it gives another number of them."""
    if not isinstance(fitted, CandidateFitted):
        whole = _whole(fitted, users, history, profiles)
        return np.take_along_axis(whole, np.maximum(items, 0), axis=1)
    if profiles is None:
        found = fitted.score_candidates(users, items, history)
    elif isinstance(fitted, CandidateProfileFitted):
        found = fitted.score_candidate_profiles(users, items, history, profiles)
    else:
        raise _unread(fitted)
    if np.shape(found) != items.shape:
        raise ModelError(
            words.say(
                "{name} gave scores {shape} for candidates {shape_2}.",
                name=fitted.name,
                shape=list(np.shape(found)),
                shape_2=list(items.shape),
            ),
            "It must give one score for each candidate; ask whoever made it.",
        )
    return np.asarray(found, np.float32)


def _whole(fitted: Fitted, users: Codes, history: Interactions, profiles: Sequence[str] | None) -> Floats:
    if profiles is None and isinstance(fitted, CatalogueFitted):
        return fitted.score(users, history)
    if profiles is not None and isinstance(fitted, ProfileFitted):
        return fitted.score_profiles(users, history, profiles)
    raise _unread(fitted)


def _unread(fitted: Fitted) -> ConfigError:
    return ConfigError(
        words.say("{name} reads no profile text.", name=fitted.name),
        "Choose a recommender that reads one, with attributes in it.",
    )


def rank_all(
    fitted: Fitted,
    item_ids: NDArray[np.object_],
    history: Interactions,
    n_users: int,
    seen: sparse.csr_array | None,
    k: int,
    *,
    asked: NDArray[np.bool_] | None = None,
    seed: int = 0,
    engine: Engine | None = None,
    progress: Progress = silent,
) -> Lists:
    """The k best unseen items of all users, in batches of bounded memory; engine: where the batches are scored, one
    after the other in this process where none is named.

    asked: who gets a list [n_users], the others' are empty; None: everybody. item_ids: [n_items], the text ids of the
    catalogue in the order of the codes. history: what is known of the users. seen: bool csr [n_users, n_items], usually
    `split.known.matrix(...)`.
    """
    hashes = id_hash(item_ids)
    people: Codes = np.flatnonzero(np.ones(n_users, bool) if asked is None else asked).astype(np.int32)
    made = Lists(np.full((n_users, k), -1, np.int32), np.full((n_users, k), np.nan, np.float32))
    blocks = [people[start:stop] for start, stop in batches(len(people), len(hashes))]
    ranking, done = _Ranking(fitted, history, seen, k, hashes, seed), 0
    ranked = engine.each(_Ranking.block, ranking, blocks) if engine is not None else map(ranking.block, blocks)
    for users, batch in zip(blocks, ranked, strict=True):
        made.items[users], made.scores[users] = batch.items, batch.scores
        done += len(users)
        progress(done / len(people), words.say("Ranked {stop} of {n_users} people", stop=done, n_users=len(people)))
    return made


@dataclass(frozen=True, eq=False)
class _Ranking:
    """What all batches of `rank_all` share."""

    fitted: Fitted
    history: Interactions
    seen: sparse.csr_array | None
    k: int
    hashes: Hashes
    seed: int

    def block(self, users: Codes) -> Lists:
        seen = None if self.seen is None else self.seen[users]
        return top_k(scores(self.fitted, users, self.history), seen, self.k, self.hashes, self.seed)


def batches(n_users: int, n_items: int) -> Iterator[tuple[int, int]]:
    """Ranges (start, stop) of people whose scores fit in BATCH_CELLS."""
    size = max(1, BATCH_CELLS // max(n_items, 1))
    for start in range(0, n_users, size):
        yield start, min(start + size, n_users)
