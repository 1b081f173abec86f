"""How far predicted probabilities of a like are from the likes."""

from __future__ import annotations

from fairdash.metrics.declare import Family, Metric

FAMILY = Family(
    "calibration",
    (
        Metric(
            "calibration",
            "Calibration error",
            "model",
            "mean over held-out pairs of |mean predicted P(like) − share liked| in their cell, a tenth of all",
            0,
            1,
            -1,
            "Naeini, Cooper & Hauskrecht 2015, Obtaining well calibrated probabilities using Bayesian binning, AAAI",
            edge="Undefined where every held-out pair is a liked one.",
            place=90,
        ),
    ),
    place=150,
)
