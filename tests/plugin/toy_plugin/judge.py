"""A recommender that scores candidates alone: its declaration."""

from __future__ import annotations

from dataclasses import dataclass

from fairdash.recommenders.base import RecommenderInfo
from fairdash.recommenders.options import option


def _first_stages() -> tuple[str, ...]:
    from fairdash.recommenders import first_stages

    return first_stages()


@dataclass(frozen=True)
class JudgeOptions:
    """`toy_judge`: whose items it judges, and how many."""

    first_stage: str = option("popularity", "Whose best items are judged.", choices=_first_stages)
    n_candidates: int = option(12, "How many.", low=1, high=1000)


INFO = RecommenderInfo(
    name="toy_judge",
    title="A judge of lists",
    summary="Looks at the candidates of another recommender, and at who somebody is.",
    paper="Nobody 2026, A judge",
    place=890,
    module="toy_plugin.judging",
    options=JudgeOptions,
    scores="candidates",
    offers=frozenset({"profile"}),
)
