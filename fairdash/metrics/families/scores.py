"""How the scores of the lists spread."""

from __future__ import annotations

from fairdash.metrics.declare import Family, Metric, Part

FAMILY = Family(
    "scores",
    (
        Metric(
            "score_ks",
            "Score distance",
            "users",
            "two-sample Kolmogorov–Smirnov distance of the scores in the lists, of the pair of groups where it is "
            "largest",
            0,
            1,
            -1,
            "Kolmogorov 1933; Smirnov 1948",
            edge="Needs scores.",
            place=140,
            why="the lists have no scores",
            shown_by="score",
        ),
    ),
    parts=(Part("score", "Score of the lists"),),
    place=60,
)
