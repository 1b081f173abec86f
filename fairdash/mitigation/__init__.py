"""The catalogue of mitigations, in the order in which they act: data, training, vectors, re-ranking."""

from __future__ import annotations

from typing import Any

from fairdash.errors import ConfigError
from fairdash.mitigation import data, reranking, training, vectors
from fairdash.mitigation.base import Method

METHODS: dict[str, Method] = {
    method.info.key: method for method in (*data.METHODS, *training.METHODS, *vectors.METHODS, *reranking.METHODS)
}


def find_method(key: str) -> Any:
    """The mitigation of that name. Raises ConfigError with the known ones."""
    if key not in METHODS:
        raise ConfigError(f"There is no mitigation “{key}”.", f"Known ones: {', '.join(METHODS)}.")
    return METHODS[key]
