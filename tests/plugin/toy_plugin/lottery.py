"""A recommender's declaration."""

from __future__ import annotations

from dataclasses import dataclass

from fairdash.recommenders.base import RecommenderInfo
from fairdash.recommenders.options import option


@dataclass(frozen=True)
class RandomOptions:
    """`toy_random`: a lottery."""

    spread: float = option(1.0, "Width of the scores.", low=0.0, high=10.0)


INFO = RecommenderInfo(
    name="toy_random",
    title="A lottery",
    summary="Everybody gets items at random.",
    paper="Nobody 2026, A lottery",
    place=900,
    module="toy_plugin.drawing",
    options=RandomOptions,
)
