"""A family of metrics: of people, of groups, and a distance between groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics.compared import Compared
from fairdash.metrics.declare import Family, Metric, Quotient
from fairdash.metrics.facts import Columns, Facts
from fairdash.metrics.groups import Gap

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
    ),
    per_user=_per_user,
    columns=_columns,
    gaps=_gaps,
)
