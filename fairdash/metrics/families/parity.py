"""Whether items of a category, or of a group of items, are shown to all groups alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fairdash.item_classes import ItemClass
from fairdash.metrics import pairs
from fairdash.metrics.compared import Compared
from fairdash.metrics.declare import Family, Metric, Part
from fairdash.metrics.facts import Columns, Facts
from fairdash.metrics.groups import Gap
from fairdash.metrics.rates import Rates

_NO_CLASSES = "it needs categories or groups of items"

_PAIRS = "Undefined where a group has no such pair."


def _columns(facts: Facts) -> Columns:
    found: Columns = {}
    for group in facts.inputs.catalogue.classes:
        found |= pairs.selection_columns(facts, group)
    return found


def rates(layout: Mapping[str, slice], group: ItemClass) -> Rates:
    """Selection rates of candidates, one target a group of the items."""
    selected, candidates = layout[f"selected:{group.attribute}"], layout[f"candidates:{group.attribute}"]
    return Rates(
        tuple(range(selected.start, selected.stop)),
        tuple(range(candidates.start, candidates.stop)),
        labels=group.names,
    )


def _gaps(compared: Compared) -> dict[str, Gap]:
    difference, ratio = "demographic_parity_difference", "demographic_parity_ratio"
    found = {}
    for place, group in enumerate(compared.catalogue.classes):
        own, suffix = rates(compared.layout, group), f":{group.attribute}" if place else ""
        found[f"{difference}{suffix}"] = compared.gap(own, "", _NO_CLASSES)
        logs = compared.gap(replace(own, log=True), "", _NO_CLASSES)
        found[f"{ratio}{suffix}"] = _ratio(logs, own, compared.sums)
    return found or {key: Gap(reason=_NO_CLASSES) for key in (difference, ratio)}


def _ratio(made: Gap, rates: Rates, sums: NDArray[np.float64]) -> Gap:
    """Lowest min / max over groups of the selection rates of a category, from the gap of their logarithms."""
    if len(sums) < 2:
        return made
    table = rates.of(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.fmin.reduce(table, axis=0) / np.fmax.reduce(table, axis=0)
    each[(~np.isnan(table)).sum(axis=0) < 2] = np.nan
    if np.isnan(each).all():
        return Gap(reason="nobody gets an item of any category")
    lowest = int(np.nanargmin(each))
    if each[lowest] == 0:
        reason = "a group gets nothing of this category, so the ratio has no interval and no test"
        return Gap(ratio=0.0, of=rates.labels[lowest], reason=reason)
    low, high = made.ci
    return replace(
        made,
        gap=math.nan,
        mad=math.nan,
        std=math.nan,
        detectable=math.nan,
        ratio=float(each[lowest]),
        ci=(math.exp(-high), math.exp(-low)),
        sides=None,
        oriented=_replicates(made),
        reason="it is a ratio: see `ratio`; 1 lies in its interval unless the groups differ",
    )


def _replicates(made: Gap) -> NDArray[np.float64]:
    """Of the ratio of the lowest and the highest group, from those of the logarithms."""
    if made.sides is None or made.pair is None:
        return np.empty(0)
    high, low = (made.sides.replicates[:, made.sides.names.index(name)] for name in made.pair)
    return np.exp(low - high)


FAMILY = Family(
    "parity",
    (
        Metric(
            "demographic_parity_difference",
            "Demographic parity difference",
            "users",
            "max − min over groups of P(in top K), over pairs of a person and a candidate item of a category; the "
            "category where it is largest",
            0,
            1,
            -1,
            "Dwork et al. 2012, Fairness through awareness, ITCS; as in fairlearn",
            edge=_PAIRS,
            place=30,
            why=_NO_CLASSES,
            shown_by="selection",
        ),
        Metric(
            "demographic_parity_ratio",
            "Demographic parity ratio",
            "users",
            "min / max over groups of P(in top K), over pairs of a person and a candidate item of a category; the "
            "category where it is smallest",
            0,
            1,
            1,
            "as in fairlearn; the four-fifths rule asks for 0.8",
            edge=_PAIRS,
            place=40,
            why=_NO_CLASSES,
            shown_by="selection",
            gap_better=1,
            gap_field="ratio",
        ),
    ),
    parts=(Part("selection_rate", "", 0, 1, why="no item of the group is a candidate"),),
    place=50,
    columns=_columns,
    gaps=_gaps,
)
