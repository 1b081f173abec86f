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
from fairdash.words import later

LEAST_EXPECTED = 20  # places in the lists of each group, below which a category is not in the headline of a ratio
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
        common = _common(own, compared.sums)
        logs = compared.gap(replace(common, log=True), "", _NO_CLASSES)
        left_out = {"left_out": float(len(own.labels) - len(common.labels))}
        found[f"{ratio}{suffix}"] = replace(_ratio(logs, common, compared.sums), more=left_out)
    return found or {key: Gap(reason=_NO_CLASSES) for key in (difference, ratio)}


def _common(rates: Rates, sums: NDArray[np.float64]) -> Rates:
    """The categories that would stand in at least LEAST_EXPECTED places of every group's lists if groups were treated
    alike, since the ratio of a few places is noise; all of them where none would."""
    selected, candidates = sums[:, rates.numerators], sums[:, rates.denominators]
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = selected.sum(axis=0) / candidates.sum(axis=0) * candidates
    kept = np.flatnonzero((expected >= LEAST_EXPECTED).all(axis=0))
    if not len(kept):
        return rates
    return replace(
        rates,
        numerators=tuple(rates.numerators[t] for t in kept),
        denominators=tuple(rates.denominators[t] for t in kept),
        labels=tuple(rates.labels[t] for t in kept),
    )


def _ratio(made: Gap, rates: Rates, sums: NDArray[np.float64]) -> Gap:
    """Lowest min / max over groups of the selection rates of a category, from the gap of their logarithms."""
    if len(sums) < 2:
        return made
    table = rates.of(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.fmin.reduce(table, axis=0) / np.fmax.reduce(table, axis=0)
    each[(~np.isnan(table)).sum(axis=0) < 2] = np.nan
    if np.isnan(each).all():
        return Gap(reason=later("nobody gets an item of any category"))
    lowest = int(np.nanargmin(each))
    if each[lowest] == 0:
        reason = later("a group gets nothing of this category, so the ratio has no interval and no test")
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
        reason=later("it is a ratio: see `ratio`; 1 lies in its interval unless the groups differ"),
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
            "category where it is smallest, of those that are not too rare for a ratio",
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
