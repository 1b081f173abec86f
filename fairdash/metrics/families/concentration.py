"""How recommendations spread over the catalogue: see `metrics.exposure`."""

from __future__ import annotations

from fairdash.metrics import exposure
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.declare import Family, Metric
from fairdash.metrics.item_sums import Listed, jackknifed


def _of_catalogue(listed: Listed) -> dict[str, Estimate]:
    return {
        "gini": jackknifed(exposure.gini, listed.lists),
        "gini_exposure": jackknifed(exposure.gini, listed.own["exposure"]),
        "coverage": jackknifed(exposure.coverage, listed.lists),
        "entropy": jackknifed(exposure.entropy, listed.lists),
    }


FAMILY = Family(
    "concentration",
    (
        Metric(
            "gini",
            "Gini of recommendations",
            "items",
            "Gini coefficient of how often each catalogue item is recommended, over (n − 1)/n",
            0,
            1,
            -1,
            place=100,
            why="no item is recommended",
            over="catalogue",
        ),
        Metric(
            "gini_exposure",
            "Gini of exposure",
            "items",
            "the same of discounted exposure",
            0,
            1,
            -1,
            place=110,
            why="no item is recommended",
            over="catalogue",
        ),
        Metric(
            "coverage",
            "Catalogue coverage",
            "items",
            "part of the catalogue that is recommended",
            0,
            1,
            1,
            place=120,
            why="no item is recommended",
            over="catalogue",
        ),
        Metric(
            "entropy",
            "Entropy of recommendations",
            "items",
            "entropy of item frequencies / log n",
            0,
            1,
            1,
            place=130,
            why="no item is recommended",
            over="catalogue",
        ),
    ),
    place=110,
    block_columns=lambda facts: {"exposure": facts.exposure},
    of_catalogue=_of_catalogue,
)
