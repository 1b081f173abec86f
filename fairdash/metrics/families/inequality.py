"""How unequal groups share accuracy, and single items."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics import groups
from fairdash.metrics.compared import Compared
from fairdash.metrics.declare import Family, Metric
from fairdash.metrics.facts import Columns, Facts
from fairdash.metrics.groups import Gap

Array = NDArray[np.float64]

ROOT = "atkinson:root"  # the column of square roots of NDCG
FAIRNESS_TIMES = 4  # as many draws for differential fairness at most, however many more shufflings others get
_COLUMNS = ("sum:ndcg", ROOT, "count:truth")
_NO_SHARE = "a group's mean NDCG is 0, so its share cannot be compared"
_IN_BOTH = "people belong to several groups, and its parts between and within groups need each person in one"
_NO_HIT = "nobody has a hit, so there is nothing to share"


def _columns(facts: Facts) -> Columns:
    return {ROOT: np.sqrt(np.nan_to_num(facts.accuracy["ndcg"]))}


def _gaps(compared: Compared) -> dict[str, Gap]:
    some = compared.among(np.flatnonzero(compared.counts("count:truth") >= 1))
    inner = some.only(*_COLUMNS)
    ndcg, _, n = (inner.layout[name].start for name in _COLUMNS)

    def means(x: Array) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            value: Array = x[..., ndcg] / x[..., n]
        return value

    entropy = inner.distance(lambda x: groups.cross_entropy(means(x), inner.target), _NO_SHARE)
    index = atkinson = Gap(reason=_IN_BOTH)
    if inner.shared is None:
        squares = some.sums[:, some.layout["square:ndcg"].start]
        whole, between = map(float, groups.entropy_index(inner.sums[:, n], inner.sums[:, ndcg], squares))
        index = replace(
            inner.distance(lambda x: groups.entropy_between(x[..., n], x[..., ndcg]), _NO_HIT),
            more={"total": whole, "between": between, "within": whole - between},
        )
        atkinson = _atkinson(inner)
    return {
        "generalized_cross_entropy": replace(
            entropy,
            gap=0.0 - entropy.gap,
            ci=(0.0 - entropy.ci[1], 0.0 - entropy.ci[0]),
            oriented=0.0 - entropy.oriented,
            shuffled=0.0 - entropy.shuffled,
        ),
        "group_entropy_index": index,
        "atkinson": atkinson,
        "differential_fairness": _differential(compared),
    }


def _atkinson(compared: Compared) -> Gap:
    ndcg, root, n = (compared.layout[name].start for name in ("sum:ndcg", ROOT, "count:truth"))

    def indices(x: Array) -> tuple[Array, Array]:
        return groups.atkinson(x[..., n], x[..., ndcg], x[..., root])

    whole, between = (float(value) for value in indices(compared.sums))
    within = 1 - (1 - whole) / (1 - between) if between < 1 else math.nan
    made = compared.distance(lambda x: indices(x)[1], _NO_HIT)
    low, high = made.ci
    return replace(made, ci=(low, min(high, 1.0)), more={"total": whole, "between": between, "within": within})


def _differential(compared: Compared) -> Gap:
    if len(compared.names) < 2:
        return Gap(reason="fewer than two groups have a value")
    ids = compared.catalogue.ids
    value, (high, low), item = groups.differential_fairness(compared.listed, compared.people, ids)
    times = min(compared.times, FAIRNESS_TIMES)
    alike = groups.fairness_of_alike(
        compared.listed,
        compared.people,
        compared.permutations * times,
        compared.seed,
        groups.FAIRNESS_CELLS * times,
    )
    return Gap(
        gap=value,
        p_value=groups.p_value(value, alike) if len(alike) else math.nan,
        pair=(compared.names[high], compared.names[low]),
        of=str(ids[item]),
        shuffled=alike,
        draws=len(alike),
        reason="the largest of all items has no useful interval: resampling adds to its noise; see above_floor",
    )


FAMILY = Family(
    "inequality",
    (
        Metric(
            "generalized_cross_entropy",
            "Generalised cross entropy",
            "users",
            "(1 − Σ p_f² / p_m) / 2: β = 2, p_m the groups' shares of mean NDCG, p_f equal shares "
            "unless others are chosen",
            -math.inf,
            0,
            1,
            "Deldjoo et al. 2021, A flexible framework for evaluating user and item fairness, UMUAI",
            edge="Undefined where a group has no hit at all.",
            place=150,
            why=_NO_SHARE,
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
            why=_NO_HIT,
            shown_by="ndcg",
        ),
        Metric(
            "atkinson",
            "Atkinson between groups",
            "users",
            "between-group part of 1 − (mean of √b)² / mean of b over the people's NDCG b (ε = ½): the same of what "
            "each group has, (mean of √b)² of its own; (1 − whole) = (1 − between) (1 − within)",
            0,
            1,
            -1,
            "Atkinson 1970, On the Measurement of Inequality, JET; split as in Blackorby, Donaldson & Auersperg 1981",
            edge="Undefined where nobody has a hit.",
            place=175,
            why=_NO_HIT,
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
    columns=_columns,
    gaps=_gaps,
)
