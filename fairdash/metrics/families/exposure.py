"""Who is seen, among groups of items: see `metrics.exposure`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics import exposure
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.declare import Family, Metric, Part
from fairdash.metrics.item_sums import ItemSums, distance, divide, quotients, rates

_DIAZ = "Diaz et al. 2020, Evaluating Stochastic Rankings with Expected Exposure, CIKM"


def _values(sums: ItemSums) -> dict[str, list[Estimate]]:
    return {"exposure_share": quotients(sums.by_group("exposure"), sums.of_all("exposure"))}


def _gaps(sums: ItemSums) -> dict[str, Estimate]:
    target = exposure.shares(np.asarray(sums.group.share.sum(axis=0)).ravel())

    def away(mass: NDArray[np.float64]) -> NDArray[np.float64]:
        return exposure.total_variation(exposure.shares(mass), target)

    return {
        "awrf": distance(away, sums.by_group("exposure"), 1.0),
        "eed": _mean(sums, "eed", "listed"),
        **{key: _mean(sums, key, "truth") for key in ("eer", "eel")},
        "exposure_ratio": _ratio(sums),
    }


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
            "½ Σ |share of exposure − share of the catalogue| over groups",
            0,
            1,
            -1,
            "Sapiezynski et al. 2019, Quantifying the Impact of User Attention on Fair Group Representation, WWW",
            place=20,
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
