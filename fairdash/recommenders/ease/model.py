"""`ease`: every item's ridge regression on all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.progress import Progress
from fairdash.recommenders import store
from fairdash.recommenders.ease import EaseOptions
from fairdash.schema import Codes, Floats, Interactions, TrainingData

MAX_EASE_ITEMS = 20_000  # a dense matrix of items × items in float64 must fit in memory


class FittedEase:
    """Scores are the user's history times B. weights: float32 [n_items, n_items], zero diagonal."""

    name = "ease"

    def __init__(self, weights: Floats) -> None:
        self.weights = weights

    def score(self, users: Codes, history: Interactions) -> Floats:
        """Scores of the whole catalogue [n, n_items]; see `Fitted`."""
        rows = _rows(users, history, len(self.weights))
        return np.asarray(rows @ self.weights, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Weights and options into an existing folder; see `Fitted`."""
        store.write(folder, {"name": self.name}, {"weights": self.weights})


class Ease:
    """Steck 2019, "Embarrassingly shallow autoencoders for sparse data": the ridge regression of every item on all
    others, in closed form. A training interaction enters with the square root of its weight, so that the item-item
    counts are sums of weights."""

    name = "ease"

    def __init__(self, config: EaseOptions) -> None:
        self.config = config

    @property
    def vector_width(self) -> None:
        """Width of user vectors, None where there are none."""
        return None

    def fit(
        self, data: TrainingData, *, seed: int, device: str, folder: Path, progress: Progress, terms: Sequence[Any] = ()
    ) -> FittedEase:
        """Train on `data`; see `Recommender`."""
        if data.n_items > MAX_EASE_ITEMS:
            raise ConfigError(
                words.say(
                    "ease inverts a matrix of items × items; {n_items} items are too many for it.", n_items=data.n_items
                ),
                words.say(
                    "Use another recommender, or a k-core that leaves at most {max_ease_items} items.",
                    max_ease_items=MAX_EASE_ITEMS,
                ),
            )
        x = sparse.csr_array(
            (np.sqrt(data.weights()), (data.train.user, data.train.item)), shape=(data.n_users, data.n_items)
        )
        gram = (x.T @ x).toarray()
        gram[np.diag_indices_from(gram)] += self.config.l2
        progress(0.2, words.say("Inverting the item-item matrix"))
        inverse = linalg.inv(gram, overwrite_a=True, check_finite=False)
        weights = inverse / -np.diag(inverse)[None, :]
        np.fill_diagonal(weights, 0.0)
        progress(1.0, words.say("Done"))
        return FittedEase(weights.astype(np.float32))


build = Ease


def _rows(users: Codes, history: Interactions, n_items: int) -> sparse.csr_array:
    """History of the given users: float32 csr [len(users), n_items] of ones."""
    n_users = int(max(users.max(initial=0), history.user.max(initial=0))) + 1
    return history.matrix(n_users, n_items)[users].astype(np.float32)


def load(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedEase:
    """Called by `store.load`."""
    return FittedEase(arrays["weights"])
