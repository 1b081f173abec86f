"""The catalogue of mitigations, in the order in which they act: data, training, vectors, re-ranking."""

from __future__ import annotations

from fairdash.mitigation import data, reranking, training, vectors
from fairdash.mitigation.base import Method

METHODS: dict[str, Method] = {
    method.info.key: method for method in (*data.METHODS, *training.METHODS, *vectors.METHODS, *reranking.METHODS)
}
