"""How far vectors lie from neutral ones."""

from __future__ import annotations

import math

from fairdash.metrics.declare import Family, Metric

FAMILY = Family(
    "divergence",
    (Metric("divergence", "Distance from neutral vectors", "model", "(1/N) Σ ‖v − v′‖₂", 0, math.inf, -1, place=70),),
    place=130,
)
