"""Who is seen, among groups of items: see `metrics.exposure`."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics import exposure
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.declare import Family, Metric, Part
from fairdash.metrics.item_sums import ItemSums, distance, divide, quotients, rates

_NOTHING = "there are fewer than two groups of items, or none of them is recommended"
_DIAZ = "Diaz et al. 2020, Evaluating Stochastic Rankings with Expected Exposure, CIKM"


def _values(sums: ItemSums) -> dict[str, list[Estimate]]:
    return {"exposure_share": quotients(sums.by_group("exposure"), sums.of_all("exposure"))}


def _gaps(sums: ItemSums) -> dict[str, Estimate]:
    target = sums.group.target

    def away(mass: NDArray[np.float64]) -> NDArray[np.float64]:
        return exposure.total_variation(exposure.shares(mass), target)

    return {
        "awrf": distance(away, sums.by_group("exposure"), 1.0),
        "awrf_list": _per_list(sums),
        "eed": _mean(sums, "eed", "listed"),
        **{key: _mean(sums, key, "truth") for key in ("eer", "eel")},
        "exposure_ratio": _ratio(sums),
        "mmf": _lowest(sums, target),
        "group_gini": distance(exposure.gini, sums.by_group("exposure"), 1.0),
        "group_entropy": _entropy(sums),
    }


def _lowest(sums: ItemSums, target: NDArray[np.float64]) -> Estimate:
    """Of the group that is lowest in the data, held fixed in the replicates."""
    given, moved = (divide(exposure.shares(mass), target) for mass in sums.by_group("exposure"))
    if np.isnan(given).all() or len(given) < 2:
        return Estimate(math.nan, np.empty(0))
    lowest = int(np.nanargmin(given))
    return Estimate(float(given[lowest]), moved[:, lowest], low=0.0, high=1.0)


def _entropy(sums: ItemSums) -> Estimate:
    """Its interval is that of the distance √(1 − entropy), as resampling only makes shares less even."""
    away = distance(lambda mass: np.sqrt(np.maximum(1 - exposure.entropy(mass), 0.0)), sums.by_group("exposure"), 1.0)
    low, high = replace(away, people=float(sums.people)).ci
    return Estimate(1 - away.value**2, 1 - away.replicates**2, ends=(max(1 - high**2, 0.0), 1 - low**2))


def _per_list(sums: ItemSums) -> Estimate:
    """Over lists with an item of known group."""
    return quotients(sums.by_group("away"), sums.by_group("shown"))[0]


def _mean(sums: ItemSums, key: str, over: str) -> Estimate:
    """Over people with a list, or with a liked item."""
    value, boot = rates(sums.by_group(key), sums.of_all(over))
    return Estimate(float(value[0]), boot[:, 0], low=0.0)


def _ratio(sums: ItemSums) -> Estimate:
    """Of the two groups that are lowest and highest in the data, held fixed in the replicates."""
    given, merit = sums.by_group("exposure"), sums.by_group("merit")
    value = exposure.merit_ratio(given[0], merit[0])
    if math.isnan(value):
        return Estimate(value, np.empty(0))
    each, moved = rates(given, merit)
    low, high = int(np.nanargmin(each)), int(np.nanargmax(each))
    return Estimate(value, divide(moved[:, low], moved[:, high]), low=0.0, high=1.0)


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
            "½ Σ |share of exposure − target share| over groups; the target is the share of the catalogue unless "
            "another is chosen",
            0,
            1,
            -1,
            "Sapiezynski et al. 2019, Quantifying the Impact of User Attention on Fair Group Representation, WWW",
            place=20,
            over="classes",
        ),
        Metric(
            "awrf_list",
            "Attention against target, list by list",
            "items",
            "mean over lists of ½ Σ |share of the list's exposure − target share| over groups; the target is the "
            "share of the catalogue unless another is chosen",
            0,
            1,
            -1,
            "Raj & Ekstrand 2022, Measuring Fairness in Ranked Results, SIGIR",
            edge="Lists without an item of known group are left out.",
            place=25,
            why="no list holds an item of known group",
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
        Metric(
            "mmf",
            "Max-min fairness",
            "items",
            "min over groups of share of exposure / target share; the target is the share of the catalogue unless "
            "another is chosen",
            0,
            1,
            1,
            "Xu et al. 2023, P-MMF: Provider Max-min Fairness Re-ranking in Recommender System, WWW",
            place=62,
            why=_NOTHING,
            over="classes",
        ),
        Metric(
            "group_gini",
            "Gini over groups",
            "items",
            "Gini coefficient of the j groups' shares of exposure, over (j − 1)/j",
            0,
            1,
            -1,
            place=64,
            why=_NOTHING,
            over="classes",
        ),
        Metric(
            "group_entropy",
            "Entropy over groups",
            "items",
            "entropy of the j groups' shares of exposure / log j",
            0,
            1,
            1,
            place=66,
            why=_NOTHING,
            over="classes",
        ),
    ),
    parts=(
        Part("interaction_share", why="there are no training interactions"),
        Part("relevant_share", why="no item is relevant to anybody"),
    ),
    place=90,
    item_columns=exposure.columns,
    item_values=_values,
    item_gaps=_gaps,
)
