"""The catalogue of mitigations, in the order in which they act: data, training, vectors, re-ranking."""

from __future__ import annotations

from typing import Any

from fairdash.errors import ConfigError
from fairdash.mitigation import data, reranking, training, vectors
from fairdash.mitigation.base import Method, Mitigation
from fairdash.schema import GroupSpec

METHODS: dict[str, Method] = {
    method.info.key: method for method in (*data.METHODS, *training.METHODS, *vectors.METHODS, *reranking.METHODS)
}


def find_method(key: str) -> Any:
    """The mitigation of that name. Raises ConfigError with the known ones."""
    if key not in METHODS:
        raise ConfigError(f"There is no mitigation “{key}”.", f"Known ones: {', '.join(METHODS)}.")
    return METHODS[key]


def balanced(chosen: Mitigation) -> tuple[GroupSpec, ...]:
    """The attributes of people that the method is fair between. A re-ranker has one grouping, so several are crossed:
    what is equal for all combinations is equal for each attribute."""
    several = len(chosen.groups) > 1 and find_method(chosen.method).info.place == "reranking"
    return (GroupSpec.crossed(chosen.groups),) if several else chosen.groups
