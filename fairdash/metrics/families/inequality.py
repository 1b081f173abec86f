"""How unequal groups share accuracy, and single items."""

from __future__ import annotations

import math

from fairdash.metrics.declare import Family, Metric

FAMILY = Family(
    "inequality",
    (
        Metric(
            "generalized_cross_entropy",
            "Generalised cross entropy",
            "users",
            "(1 − Σ p_f² / p_m) / 2: β = 2, p_m the groups' shares of mean NDCG, p_f equal shares",
            -math.inf,
            0,
            1,
            "Deldjoo et al. 2021, A flexible framework for evaluating user and item fairness, UMUAI",
            edge="Undefined where a group has no hit at all.",
            place=150,
            why="a group's mean NDCG is 0, so its share cannot be compared",
            shown_by="ndcg",
            gap_better=1,
        ),
        Metric(
            "group_entropy_index",
            "Entropy between groups",
            "users",
            "between-group part of Σ (b − μ)² / (2 n μ²) over the people's NDCG b; with the part within groups it is "
            "the whole",
            0,
            math.inf,
            -1,
            "Speicher et al. 2018, A Unified Approach to Quantifying Algorithmic Unfairness, KDD",
            edge="Undefined where nobody has a hit.",
            place=170,
            why="nobody has a hit, so there is nothing to share",
            shown_by="ndcg",
        ),
        Metric(
            "differential_fairness",
            "Differential fairness",
            "users",
            "largest |log ratio| of two groups' smoothed rates (n₁ + ½) / (n + 1) of having, or not having, an item in "
            "the top K",
            0,
            math.inf,
            -1,
            "Foulds et al. 2020, An Intersectional Definition of Fairness, ICDE",
            place=160,
            shown_by="categories",
        ),
    ),
    place=70,
)
