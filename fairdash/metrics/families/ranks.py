"""Whether groups of items rank alike."""

from __future__ import annotations

import math

from fairdash.metrics.declare import Family, Metric, Part

_ZHU = "Zhu, Wang & Caverlee 2020, Measuring and Mitigating Item Under-Recommendation Bias, SIGIR"
_BEUTEL = "Beutel et al. 2019, Fairness in Recommendation Ranking through Pairwise Comparisons, KDD"

FAMILY = Family(
    "ranks",
    (
        Metric(
            "rsp",
            "Statistical parity of ranks",
            "items",
            "std / mean over groups of P(in top K given group)",
            0,
            math.inf,
            -1,
            _ZHU,
            place=70,
            why="fewer than two groups have candidates, or nothing is recommended",
            over="classes",
        ),
        Metric(
            "reo",
            "Equal opportunity of ranks",
            "items",
            "std / mean over groups of P(in top K given group and relevant)",
            0,
            math.inf,
            -1,
            _ZHU,
            place=80,
            why="fewer than two groups have relevant items, or nobody has a hit",
            over="classes",
        ),
        Metric(
            "pairwise_accuracy",
            "Pairwise accuracy",
            "items",
            "P(a relevant item of the group ranks above an irrelevant one); unlisted items rank last and tie",
            0,
            1,
            1,
            _BEUTEL,
            place=90,
            whole=True,
        ),
    ),
    parts=(
        Part("pairwise_accuracy_intra", low=0, high=1, whole=True),
        Part(
            "pairwise_accuracy_inter",
            low=0,
            high=1,
            why="no relevant item of the group has an irrelevant candidate of another",
            whole=True,
        ),
    ),
    place=100,
)
