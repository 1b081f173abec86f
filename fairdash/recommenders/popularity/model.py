"""`popularity`: everybody gets what most people had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash.progress import Progress
from fairdash.recommenders import store
from fairdash.recommenders.popularity import PopularityOptions
from fairdash.schema import Codes, Floats, Interactions, TrainingData


class FittedPopularity:
    """Everyone gets the items with the most training interactions. counts: float32 [n_items]."""

    name = "popularity"

    def __init__(self, counts: Floats) -> None:
        self.counts = counts

    def score(self, users: Codes, history: Interactions) -> Floats:
        """Scores of the whole catalogue [n, n_items]; see `Fitted`."""
        return np.tile(self.counts, (len(users), 1))

    def save(self, folder: Path) -> None:
        """Weights and options into an existing folder; see `Fitted`."""
        store.write(folder, {"name": self.name}, {"counts": self.counts})


class Popularity:
    """The recommender to be trained: it counts."""

    name = "popularity"

    def __init__(self, config: PopularityOptions) -> None:
        self.config = config

    @property
    def vector_width(self) -> None:
        """Width of user vectors, None where there are none."""
        return None

    def fit(
        self, data: TrainingData, *, seed: int, device: str, folder: Path, progress: Progress, terms: Sequence[Any] = ()
    ) -> FittedPopularity:
        """Train on `data`; see `Recommender`."""
        return FittedPopularity(np.bincount(data.train.item, data.weights(), data.n_items).astype(np.float32))


build = Popularity


def load(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedPopularity:
    """Called by `store.load`."""
    return FittedPopularity(arrays["counts"])
