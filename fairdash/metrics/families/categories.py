"""What kinds of items people get."""

from __future__ import annotations

import math

from fairdash.metrics.declare import Family, Metric

FAMILY = Family(
    "categories",
    (
        Metric(
            "category_share",
            "Category shares",
            "users",
            "share of a group's recommendation slots that go to a category; an item of c categories counts 1/c to each",
            0,
            1,
            0,
            place=10,
        ),
        Metric(
            "category_divergence",
            "Distance of category shares",
            "users",
            "Jensen–Shannon distance (base 2) between two groups' category shares, of the pair where it is largest",
            0,
            1,
            -1,
            "Endres & Schindelin 2003, A new metric for probability distributions, IEEE TIT",
            place=20,
            why="the items have no categories, or no list holds an item that has one",
            shown_by="categories",
        ),
        Metric(
            "miscalibration",
            "Miscalibration",
            "users",
            "KL(p profile ‖ 0.99 q list + 0.01 p) over categories, natural logarithm",
            0,
            math.inf,
            -1,
            "Steck 2018, Calibrated Recommendations, RecSys",
            edge="Needs training interactions and categories; undefined for people without a profile or a list.",
            place=80,
            why="it needs categories, and people with both training interactions and a list",
            curve=True,
        ),
    ),
    place=40,
)
