"""A family of metrics: of people, of groups, a distance between groups, and two of the item side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairdash.item_classes import ItemClass
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.compared import Compared
from fairdash.metrics.declare import Family, Metric, Quotient
from fairdash.metrics.facts import Columns, Facts
from fairdash.metrics.groups import Gap
from fairdash.metrics.item_sums import ItemSums, Listed, distance, jackknifed

Array = NDArray[np.float64]


def _even(facts: Facts) -> Array:
    return (np.arange(facts.n_items) % 2 == 0).astype(np.float64)


def _per_user(facts: Facts) -> dict[str, Array]:
    return {"toy_even": facts.top @ _even(facts) / np.where(facts.length > 0, facts.length, np.nan)}


def _columns(facts: Facts) -> Columns:
    return {"toy:even": facts.hits @ _even(facts), "toy:hits": np.asarray(facts.hits.sum(axis=1)).ravel()}


def _gaps(compared: Compared) -> dict[str, Gap]:
    even, hits = (compared.layout[name].start for name in ("toy:even", "toy:hits"))

    def variance(sums: Array) -> Array:
        with np.errstate(invalid="ignore"):
            return np.var(sums[..., even] / sums[..., hits], axis=-1)

    return {"toy_spread": compared.distance(variance, "a group has no hit", root=True)}


def _item_columns(facts: Facts, group: ItemClass) -> Columns:
    firsts = facts.inputs.lists.items[:, 0]
    return {f"toy-first:{group.attribute}": np.where(firsts[:, None] >= 0, group.member.toarray()[firsts], 0.0)}


def _item_gaps(sums: ItemSums) -> dict[str, Estimate]:
    def spread(counts: Array) -> Array:
        return np.ptp(counts / counts.sum(axis=-1, keepdims=True), axis=-1)

    return {"toy_first": distance(spread, sums.by_group("toy-first"))}


def _of_catalogue(listed: Listed) -> dict[str, Estimate]:
    return {"toy_often": jackknifed(lambda counts: float((counts >= 2).mean()), listed.lists)}


FAMILY = Family(
    "toy_evenness",
    (
        Metric(
            "toy_even", "Even items", "users", "even items / items of a list", 0, 1, 1, "Nobody 2026, Even", place=900
        ),
        Metric(
            "toy_even_hits",
            "Even hits",
            "users",
            "Σ even hits / Σ hits",
            0,
            1,
            0,
            place=910,
            why="nobody has a hit",
            value=Quotient("toy:even", "toy:hits", "count:truth"),
        ),
        Metric(
            "toy_spread",
            "Spread of even hits",
            "users",
            "std over groups of even hits",
            0,
            1,
            -1,
            place=920,
            shown_by="toy_even_hits",
        ),
        Metric("toy_first", "First places", "items", "max − min of their shares", 0, 1, -1, place=900, over="classes"),
        Metric("toy_often", "Often", "items", "items in two lists / all", 0, 1, 1, place=910, over="catalogue"),
    ),
    per_user=_per_user,
    columns=_columns,
    gaps=_gaps,
    item_columns=_item_columns,
    item_gaps=_item_gaps,
    of_catalogue=_of_catalogue,
)
