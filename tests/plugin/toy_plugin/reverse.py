"""A mitigation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairdash.mitigation.base import Info, RerankInput
from fairdash.mitigation.reranking.method import Reranking


def _reversed(data: RerankInput):
    width = data.candidates.items.shape[1]

    def positions(strength: float) -> NDArray[np.intp]:
        last = np.arange(width - 1, width - 1 - data.k, -1)
        return np.tile(last, (len(data.candidates.items), 1))

    return positions


METHOD = Reranking(
    Info(
        key="toy_reverse",
        title="The last shall be first",
        place="reranking",
        side="items",
        objective="Take the candidates from their end.",
        paper="Nobody 2026, Reversed",
        needs=(),
        target="gini",
        cost="Everything.",
        answers={"catalogue.coverage": "the last candidates differ most between people"},
        order=900,
    ),
    _reversed,
)
