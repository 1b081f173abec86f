"""Declares `popularity`: the same list for everybody."""

from __future__ import annotations

from dataclasses import dataclass

from fairdash.recommenders.base import RecommenderInfo


@dataclass(frozen=True)
class PopularityOptions:
    """`popularity` has none."""


INFO = RecommenderInfo(
    name="popularity",
    title="Most popular",
    summary="The same list for everybody: what most people had. Any recommender should beat it.",
    paper="Cremonesi et al. 2010, Performance of recommender algorithms on top-N recommendation tasks",
    place=30,
    module="fairdash.recommenders.popularity.model",
    options=PopularityOptions,
    offers=frozenset({"samples"}),
)
