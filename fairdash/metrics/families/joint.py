"""Fairness of attention and relevance in one number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics.declare import Family, Metric
from fairdash.metrics.facts import Facts

Array = NDArray[np.float64]


def _per_user(facts: Facts) -> dict[str, Array]:
    return {"iaa": attention_apart(facts)}


def attention_apart(facts: Facts) -> Array:
    """IAA of each list [n]: Σ |a − r| / n_items over the catalogue, attention a = (K − rank) / (K − 1) in the top K and
    else 0, r 1 for a liked item. NaN without a liked item, and for K = 1, where attention is 0 / 0."""
    if facts.k == 1:
        return np.full(facts.n, np.nan)
    places = facts.inputs.lists.items[:, : facts.k] >= 0
    hit = facts.hit[:, : facts.k]
    attention = (facts.k - 1 - np.arange(places.shape[1])) / (facts.k - 1)
    apart = (np.abs(attention - hit) * places).sum(axis=1) + facts.n_relevant - hit.sum(axis=1)
    return np.where(facts.n_relevant > 0, apart / facts.n_items, np.nan)


FAMILY = Family(
    "joint",
    (
        Metric(
            "iaa",
            "Inequity of attention",
            "items",
            "mean over people and items of |attention − liked|, attention (K − rank) / (K − 1) in the top K, else 0",
            0,
            1,
            -1,
            "Biega et al. 2018, Equity of Attention, SIGIR; as in Rampisela et al. 2024, Can We Trust Recommender "
            "System Fairness Evaluation?, SIGIR",
            edge="Undefined for people without a liked held-out item; they are left out and counted. Undefined for "
            "K = 1.",
            place=170,
            why="nobody has a liked held-out item, or K is 1",
            over="catalogue",
        ),
    ),
    place=35,
    per_user=_per_user,
)
