"""Accuracy that regards how much each held-out item was liked: see `metrics.accuracy`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics import accuracy
from fairdash.metrics.declare import Family, Metric
from fairdash.metrics.facts import Facts


def _per_user(facts: Facts) -> dict[str, NDArray[np.float64]]:
    graded = facts.inputs.graded
    if graded is None:
        return {}
    return {"graded_ndcg": accuracy.graded_ndcg(facts.inputs.lists.items, graded, facts.k, facts.n_items)}


FAMILY = Family(
    "graded",
    (
        Metric(
            "graded_ndcg",
            "NDCG of ratings",
            "accuracy",
            "Σ (2^rating − 1) / log2(rank + 1) over the same of the held-out items, best rated first, cut at K; "
            "every rated held-out item counts, liked or not",
            0,
            1,
            1,
            "Burges et al. 2005, Learning to rank using gradient descent, ICML",
            edge="Needs held-out ratings that differ, of 0 to 100; undefined for people who rated nothing above 0.",
            place=70,
            why="nobody rated a held-out item above 0",
        ),
    ),
    place=12,
    per_user=_per_user,
)
