"""The recommender itself, imported when it is built or opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fairdash.recommenders import store


class Fitted:
    """Scores [n_items] that are the same for everybody."""

    name = "toy_random"

    def __init__(self, scores):
        self.scores = scores

    def score(self, users, history):
        return np.tile(self.scores, (len(users), 1))

    def save(self, folder: Path) -> None:
        store.write(folder, {"name": self.name}, {"scores": self.scores})


class Lottery:
    """Draws the scores."""

    name, vector_width = "toy_random", None

    def __init__(self, options: Any) -> None:
        self.options = options

    def fit(self, data, *, seed, device, folder, progress, terms=()):
        progress(1.0, "Drawn")
        return Fitted((np.random.default_rng(seed).random(data.n_items) * self.options.spread).astype(np.float32))


build = Lottery


def load(folder, manifest, arrays):
    return Fitted(arrays["scores"])
