"""Declares `ease`: a linear item-item model."""

from __future__ import annotations

from dataclasses import dataclass

from fairdash.recommenders.base import Range, RecommenderInfo
from fairdash.recommenders.options import option


@dataclass(frozen=True)
class EaseOptions:
    """`ease`: a linear item-item model in closed form."""

    l2: float = option(200.0, "Ridge penalty.", low=1e-3, high=1e7)


INFO = RecommenderInfo(
    name="ease",
    title="EASE",
    summary="A linear item-item model in closed form: seconds to fit and hard to beat.",
    paper="Steck 2019, Embarrassingly shallow autoencoders for sparse data",
    place=40,
    module="fairdash.recommenders.ease.model",
    options=EaseOptions,
    space={"l2": Range(10.0, 5000.0, log=True)},
    offers=frozenset({"samples"}),
)
