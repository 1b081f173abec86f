"""How good lists are beside those of plain recommenders for the same people and the same test part.

Popularity is made here from what was known, so that it is always there; so are the lists of the first stage, where a
recommender orders the candidates of another one; the others are whatever lists are given. Values are means over people
with a liked held-out item, at the same K and over the same people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import t as student

from fairdash.metrics.exposure import coverage
from fairdash.recommenders.base import CandidateFitted, Fitted
from fairdash.recommenders.first_stage import FirstStage
from fairdash.recommenders.ranking import batches, top_k
from fairdash.schema import Codes, Floats, Lists, Split
from fairdash.stages.finder import standing

POPULARITY, FIRST_STAGE = "popularity", "first stage"  # what stands beside lists without being stored
LEVEL = 0.95


def most_popular(split: Split, k: int) -> Lists:
    """Everybody's k most popular items of the training part that they do not know yet."""
    scores = split.training.popularity.astype(np.float32)
    return _best(split, k, lambda users: np.tile(scores, (len(users), 1)))


def first_stage(fitted: Fitted, split: Split, k: int) -> Lists | None:
    """Everybody's k best by the recommender whose candidates this one orders; None where it orders nobody's."""
    first = fitted.first if isinstance(fitted, CandidateFitted) else None
    if not isinstance(first, FirstStage):
        return None
    whole = first.fitted
    return _best(split, k, lambda users: whole.score(users, split.known))


def _best(split: Split, k: int, score: Callable[[Codes], Floats]) -> Lists:
    training = split.training
    known = split.known.matrix(training.n_users, training.n_items)
    hashes = training.item_hashes
    everyone = np.arange(training.n_users, dtype=np.int32)
    made = [
        top_k(score(everyone[start:stop]), known[start:stop], k, hashes, split.seed)
        for start, stop in batches(training.n_users, training.n_items)
    ]
    return Lists(np.concatenate([one.items for one in made]), np.concatenate([one.scores for one in made]))


def beside(split: Split, lists: Mapping[str, Lists], k: int) -> pd.DataFrame:
    """One row for each of the lists, the first of which the others are held against: name, people, ndcg with its 95 %
    interval (low, high), less (its NDCG less the first one's, over the same people) with less_low and less_high, and
    coverage, the part of the catalogue that anybody's list holds. All but less are 0…1, higher is better; intervals are
    Student's over people."""
    rows, first = [], None
    for name, own in lists.items():
        ndcg = standing(split, own, k).ndcg
        first = ndcg if first is None else first
        value, low, high = _mean(ndcg)
        less, less_low, less_high = _mean(ndcg - first)
        kept = own.items[:, :k]
        counts = np.bincount(kept[kept >= 0], minlength=split.training.n_items)
        rows.append(
            {
                "name": name, "people": int(np.isfinite(ndcg).sum()), "ndcg": value, "low": low, "high": high,
                "less": less, "less_low": less_low, "less_high": less_high,
                "coverage": float(coverage(counts.astype(np.float64))),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _mean(values: np.ndarray) -> tuple[float, float, float]:
    """The mean of those that are known and the ends of its interval; NaN for fewer than two."""
    known = values[np.isfinite(values)]
    n = len(known)
    if n < 2:
        return (float(known.mean()) if n else float("nan")), float("nan"), float("nan")
    away = float(student.ppf(0.5 + LEVEL / 2, n - 1) * known.std(ddof=1) / np.sqrt(n))
    mean = float(known.mean())
    return mean, mean - away, mean + away
