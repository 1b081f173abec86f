"""How even recommendations are over items, as published work reports it: see `metrics.evenness`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics import evenness, exposure
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.declare import Family, Metric
from fairdash.metrics.item_sums import Listed, jackknifed
from fairdash.words import Said, later

Array = NDArray[np.float64]

_RAMPISELA = "Rampisela et al. 2023, Evaluation Measures of Individual Item Fairness for Recommender Systems, TORS"
_SAME = later("Undefined where these are the same: one list, or lists of the whole catalogue.")
_RISES = later("the same, 0 where everybody has the same K items and 1 for the most even lists of these lengths")
_FALLS = later("the same, 1 where everybody has the same K items and 0 for the most even lists of these lengths")
_NO_ROOM = "nothing is recommended, or lists of these lengths cannot be more or less even"
_FEW = "there are fewer list places than items, so the whole share of each is 0"


def _of_catalogue(listed: Listed) -> dict[str, Estimate]:
    n_items = listed.lists.shape[1]
    both = np.hstack([listed.lists, listed.lengths])

    def of_both(statistic: Callable[[Array, Array], Array], low: float = 0.0) -> Estimate:
        return jackknifed(lambda sums: statistic(sums[:n_items], sums[n_items:]), both, low)

    def rescaled(measure: Callable[[Array], Array], low: float = 0.0) -> Estimate:
        return of_both(lambda counts, lengths: evenness.rescaled(measure, counts, lengths), low)

    return {
        "jain": jackknifed(evenness.jain, listed.lists),
        "jain_rescaled": rescaled(evenness.jain),
        "fsat": jackknifed(evenness.satisfied, listed.lists),
        "fsat_rescaled": rescaled(evenness.satisfied, -math.inf),
        "coverage_rescaled": rescaled(exposure.coverage),
        "entropy_rescaled": rescaled(exposure.entropy),
        "gini_rescaled": of_both(evenness.rescaled_gini),
    }


def _rescaled(key: str, title: Said, better: int, place: int, low: float = 0, edge: Said = _SAME) -> Metric:
    return Metric(
        f"{key}_rescaled",
        title,
        "items",
        _RISES if better > 0 else _FALLS,
        low,
        1,
        better,
        _RAMPISELA,
        edge=edge,
        place=place,
        why=_NO_ROOM,
        over="catalogue",
    )


FAMILY = Family(
    "evenness",
    (
        _rescaled("gini", "Gini of recommendations, rescaled", -1, 102),
        _rescaled("coverage", "Catalogue coverage, rescaled", 1, 122),
        _rescaled("entropy", "Entropy of recommendations, rescaled", 1, 132),
        Metric(
            "jain",
            "Jain's index",
            "items",
            "(Σ x)² / (n Σ x²) of how often each of the n catalogue items is recommended; 1/n where all is one item",
            0,
            1,
            1,
            "Jain, Chiu & Hawe 1984, A Quantitative Measure of Fairness, DEC Research Report TR-301",
            place=134,
            why="no item is recommended",
            over="catalogue",
        ),
        _rescaled("jain", "Jain's index, rescaled", 1, 135),
        Metric(
            "fsat",
            "Satisfied items",
            "items",
            "part of the catalogue's n items that stand in ⌊S / n⌋ lists or more, of S places in all lists",
            0,
            1,
            1,
            "Patro et al. 2020, FairRec: Two-Sided Fairness for Personalized Recommendations, WWW",
            edge="Undefined where there are fewer places than items: each item's whole share is then 0.",
            place=136,
            why=_FEW,
            over="catalogue",
        ),
        _rescaled(
            "fsat",
            "Satisfied items, rescaled",
            1,
            137,
            -math.inf,
            "Undefined where these are the same: one list, or lists of the whole catalogue. Below 0 where lists "
            "satisfy even fewer items than the same K items for everybody.",
        ),
    ),
    place=115,
    of_catalogue=_of_catalogue,
)
