"""Who is seen, among groups of items."""

from __future__ import annotations

import math

from fairdash.metrics.declare import Family, Metric, Part

_DIAZ = "Diaz et al. 2020, Evaluating Stochastic Rankings with Expected Exposure, CIKM"

FAMILY = Family(
    "exposure",
    (
        Metric(
            "exposure_share",
            "Share of exposure",
            "items",
            "part of all 1 / log2(rank + 1) that goes to a group of items",
            0,
            1,
            0,
            "Singh & Joachims 2018, Fairness of Exposure in Rankings, KDD",
            place=10,
            why="nothing is recommended",
        ),
        Metric(
            "awrf",
            "Attention against target",
            "items",
            "½ Σ |share of exposure − share of the catalogue| over groups",
            0,
            1,
            -1,
            "Sapiezynski et al. 2019, Quantifying the Impact of User Attention on Fair Group Representation, WWW",
            place=20,
            over="classes",
        ),
        Metric(
            "eed",
            "Expected exposure disparity",
            "items",
            "|E|² of the groups' exposure in a list, mean over all lists",
            0,
            math.inf,
            -1,
            _DIAZ,
            place=30,
            why="nobody gets a list",
            over="classes",
        ),
        Metric(
            "eer",
            "Expected exposure relevance",
            "items",
            "2 E·E*, E* of an ideal ranker",
            0,
            math.inf,
            1,
            _DIAZ,
            place=40,
            over="classes",
        ),
        Metric("eel", "Expected exposure loss", "items", "|E − E*|²", 0, math.inf, -1, _DIAZ, place=50, over="classes"),
        Metric(
            "exposure_ratio",
            "Exposure to merit, lowest to highest",
            "items",
            "min / max over groups of exposure / relevant items",
            0,
            1,
            1,
            "Singh & Joachims 2018, Fairness of Exposure in Rankings, KDD",
            edge="Groups without relevant items are left out.",
            place=60,
            why="fewer than two groups have relevant items",
            over="classes",
        ),
    ),
    parts=(
        Part("interaction_share", why="there are no training interactions"),
        Part("relevant_share", why="no item is relevant to anybody"),
    ),
    place=90,
)
