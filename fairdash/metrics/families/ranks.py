"""Whether groups of items rank alike: see `metrics.pairs`."""

from __future__ import annotations

import math

from fairdash.item_classes import ItemClass
from fairdash.metrics import pairs
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.declare import Family, Metric, Part
from fairdash.metrics.facts import Columns, Facts
from fairdash.metrics.item_sums import ItemSums, Sums, distance, quotients, rates

_ZHU = "Zhu, Wang & Caverlee 2020, Measuring and Mitigating Item Under-Recommendation Bias, SIGIR"
_BEUTEL = "Beutel et al. 2019, Fairness in Recommendation Ranking through Pairwise Comparisons, KDD"


def _columns(facts: Facts, group: ItemClass) -> Columns:
    return pairs.class_columns(facts, group) | pairs.pairwise_columns(facts, group)


def _values(sums: ItemSums) -> dict[str, list[Estimate]]:
    above, all_pairs = sums.by_group("above"), sums.by_group("pairs")
    found = {
        "selection_rate": quotients(sums.by_people("selected"), sums.by_people("candidates")),
        "true_positive_rate": quotients(sums.by_group("hits"), sums.by_group("relevant")),
        "pairwise_accuracy": quotients(above, all_pairs),
    }
    if sums.group.exclusive:
        own_above, own_pairs = sums.by_group("above-intra"), sums.by_group("pairs-intra")
        found["pairwise_accuracy_intra"] = quotients(own_above, own_pairs)
        found["pairwise_accuracy_inter"] = quotients(_less(above, own_above), _less(all_pairs, own_pairs))
    return found


def _less(whole: Sums, part: Sums) -> Sums:
    return whole[0] - part[0], whole[1] - part[1]


def _gaps(sums: ItemSums) -> dict[str, Estimate]:
    selected = rates(sums.by_people("selected"), sums.by_people("candidates"))
    return {
        "rsp": distance(pairs.rate_dispersion, selected),
        "reo": distance(pairs.rate_dispersion, rates(sums.by_group("hits"), sums.by_group("relevant"))),
    }


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
    uses="parity",
    item_columns=_columns,
    item_values=_values,
    item_gaps=_gaps,
)
