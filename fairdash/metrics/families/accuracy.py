"""Accuracy of ranked lists: see `metrics.accuracy`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics.declare import NO_TRUTH, Family, Metric, Part
from fairdash.metrics.facts import Facts


def _per_user(facts: Facts) -> dict[str, NDArray[np.float64]]:
    return facts.accuracy


FAMILY = Family(
    "accuracy",
    (
        Metric(
            "ndcg",
            "NDCG",
            "accuracy",
            "Σ h(r) / log2(r + 1) over the ideal: the first min(K, m) discounts",
            0,
            1,
            1,
            "Järvelin & Kekäläinen 2002, Cumulated gain-based evaluation, TOIS",
            edge=NO_TRUTH,
            place=10,
            counted="truth",
            curve=True,
        ),
        Metric(
            "recall",
            "Recall",
            "accuracy",
            "hits in the top K / liked held-out items",
            0,
            1,
            1,
            edge=NO_TRUTH,
            place=20,
            counted="truth",
        ),
        Metric(
            "precision",
            "Precision",
            "accuracy",
            "hits in the top K / K",
            0,
            1,
            1,
            edge=NO_TRUTH,
            place=30,
            counted="truth",
        ),
        Metric(
            "hit",
            "Hit rate",
            "accuracy",
            "1 where the top K has a hit",
            0,
            1,
            1,
            edge=NO_TRUTH,
            place=40,
            counted="truth",
            curve=True,
        ),
        Metric(
            "mrr",
            "Reciprocal rank",
            "accuracy",
            "1 / rank of the first hit, 0 without one",
            0,
            1,
            1,
            edge=NO_TRUTH,
            place=50,
            counted="truth",
        ),
        Metric(
            "map",
            "Average precision",
            "accuracy",
            "Σ precision at each hit / min(K, m)",
            0,
            1,
            1,
            edge=NO_TRUTH,
            place=60,
            counted="truth",
        ),
    ),
    parts=(Part("first_hit", "Rank of the first hit", counted="truth"),),
    place=10,
    per_user=_per_user,
)
