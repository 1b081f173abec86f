"""What kinds of items people get."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics import categories
from fairdash.metrics.compared import TOO_FEW_GROUPS, Compared
from fairdash.metrics.declare import Family, Metric
from fairdash.metrics.facts import Columns, Facts
from fairdash.metrics.groups import Gap

SLOTS = "slots:categories"  # the column of list places by category
PLACES = "places"  # of all items
_NO_CATEGORIES = "the items have no categories, or no list holds an item that has one"


def _per_user(facts: Facts) -> dict[str, NDArray[np.float64]]:
    if facts.categories is None or facts.slots is None:
        return {}
    return {"miscalibration": categories.miscalibration(facts, facts.categories, facts.slots)}


def _columns(facts: Facts) -> Columns:
    return {} if facts.slots is None else {SLOTS: facts.slots, PLACES: facts.length.astype(np.float64)}


def _gaps(compared: Compared) -> dict[str, Gap]:
    if SLOTS not in compared.layout:
        return {"category_divergence": Gap(reason=TOO_FEW_GROUPS if len(compared.names) < 2 else _NO_CATEGORIES)}
    slots = compared.only(SLOTS)
    table = categories.divergence_pairs(slots.sums)
    made = slots.distance(
        categories.largest_divergence,
        "fewer than two groups get items with a category",
        root=True,
        exact=float(np.fmax.reduce(table, axis=None, initial=np.nan)),
    )
    if not math.isnan(made.gap):
        high, low = divmod(int(np.nanargmax(table)), len(table))
        made = replace(made, pair=(compared.names[high], compared.names[low]), mad=float(np.nanmean(table)))
    return {"category_divergence": made}


FAMILY = Family(
    "categories",
    (
        Metric(
            "category_share",
            "Category shares",
            "users",
            "share of a group's recommendation slots that go to a category; an item of c categories counts 1/c to each",
            0,
            1,
            0,
            place=10,
        ),
        Metric(
            "category_divergence",
            "Distance of category shares",
            "users",
            "Jensen–Shannon distance (base 2) between two groups' category shares, of the pair where it is largest",
            0,
            1,
            -1,
            "Endres & Schindelin 2003, A new metric for probability distributions, IEEE TIT",
            place=20,
            why=_NO_CATEGORIES,
            shown_by="categories",
        ),
        Metric(
            "miscalibration",
            "Miscalibration",
            "users",
            "KL(p profile ‖ 0.99 q list + 0.01 p) over categories, natural logarithm",
            0,
            math.inf,
            -1,
            "Steck 2018, Calibrated Recommendations, RecSys",
            edge="Needs training interactions and categories; undefined for people without a profile or a list.",
            place=80,
            why="it needs categories, and people with both training interactions and a list",
            curve=True,
        ),
    ),
    place=40,
    per_user=_per_user,
    columns=_columns,
    gaps=_gaps,
)
