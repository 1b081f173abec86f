"""Fairness of predicted ratings."""

from __future__ import annotations

import math

from fairdash.metrics.declare import Family, Metric

_YAO = "Yao & Huang 2017, Beyond Parity, NeurIPS"
_NEEDED = "it needs the predicted rating or probability of held-out pairs: column `prediction` of truth"

FAMILY = Family(
    "rating",
    (
        Metric(
            "value_unfairness",
            "Value unfairness",
            "users",
            "mean over items of |E_g[y − r] − E_h[y − r]|",
            0,
            math.inf,
            -1,
            _YAO,
            edge="Needs predicted ratings.",
            why=_NEEDED,
            place=90,
        ),
        Metric(
            "absolute_unfairness",
            "Absolute unfairness",
            "users",
            "mean over items of ||E_g[y − r]| − |E_h[y − r]||",
            0,
            math.inf,
            -1,
            _YAO,
            edge="Needs predicted ratings.",
            why=_NEEDED,
            place=100,
        ),
        Metric(
            "underestimation_unfairness",
            "Underestimation unfairness",
            "users",
            "the same of max(0, E[r − y])",
            0,
            math.inf,
            -1,
            _YAO,
            edge="Needs predicted ratings.",
            why=_NEEDED,
            place=110,
        ),
        Metric(
            "overestimation_unfairness",
            "Overestimation unfairness",
            "users",
            "the same of max(0, E[y − r])",
            0,
            math.inf,
            -1,
            _YAO,
            edge="Needs predicted ratings.",
            why=_NEEDED,
            place=120,
        ),
        Metric(
            "nonparity_unfairness",
            "Non-parity unfairness",
            "users",
            "|E_g[y] − E_h[y]| over all pairs",
            0,
            math.inf,
            -1,
            _YAO,
            edge="Needs predicted ratings.",
            why=_NEEDED,
            place=130,
        ),
    ),
    place=80,
)
