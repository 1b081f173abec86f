"""How well an attribute is read from vectors and lists."""

from __future__ import annotations

from fairdash.metrics.declare import Family, Metric

FAMILY = Family(
    "leakage",
    (
        Metric(
            "probe_auc",
            "Leakage",
            "model",
            "AUC of a logistic probe for the attribute, on held-out people",
            0,
            1,
            0,
            "Elazar & Goldberg 2018, Adversarial Removal of Demographic Attributes, EMNLP",
            target=0.5,
            place=80,
        ),
    ),
    place=140,
)
