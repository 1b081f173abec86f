"""The first stage: a recommender of the whole catalogue whose best unseen items another one scores.

    history → first stage → candidates → the recommender's own scores of them; no other item has one

What ranks by pairs or lists alone (a cross-encoder, a language model) has one as its `first`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairdash import words
from fairdash.errors import ConfigError, ModelError
from fairdash.progress import Progress
from fairdash.recommenders import build, find, first_stages, store
from fairdash.recommenders.base import CandidateFitted, Candidates, CatalogueFitted, Fitted
from fairdash.schema import Codes, Interactions, TrainingData

FOLDER = "first_stage"  # in the folder of the recommender that it brings candidates to


class FirstStage:
    """fitted: whose best unseen items are the candidates. n: how many, of the whole catalogue at most."""

    def __init__(self, fitted: CatalogueFitted, n: int) -> None:
        self.fitted, self.n = fitted, n

    @staticmethod
    def fit(
        name: str, n: int, data: TrainingData, *, seed: int, device: str, folder: Path, progress: Progress
    ) -> FirstStage:
        """The recommender of that name with its default options, fitted; opened where a training that was stopped left
        it in `folder`. Raises ConfigError for one that does not score the whole catalogue."""
        if name not in first_stages():
            raise ConfigError(
                words.say(
                    "{name} does not score the whole catalogue, so it cannot choose candidates from it.", name=name
                ),
                words.say("Choose one of: {names}.", names=", ".join(first_stages())),
            )
        if (folder / FOLDER / store.MANIFEST).exists():
            return FirstStage.load(folder, n)
        training = folder / FOLDER / "training"
        made = FirstStage(_able(build(name).fit(data, seed=seed, device=device, folder=training, progress=progress)), n)
        made.save(folder)
        return made

    @staticmethod
    def load(folder: Path, n: int) -> FirstStage:
        """What `save` wrote beside the recommender in `folder`. Raises ModelError for what can be no first stage."""
        return FirstStage(_able(store.load(folder / FOLDER)), n)

    def save(self, folder: Path) -> None:
        """Write the fitted first stage beside the recommender in `folder`, which keeps `n` itself."""
        store.save(self.fitted, folder / FOLDER)

    def __call__(self, users: Codes, history: Interactions, depth: int = 0) -> Candidates:
        """The best max(n, depth) unseen items of the users; scores are standardised over the best n."""
        scores = np.asarray(self.fitted.score(users, history), np.float32)
        b, m = scores.shape
        known = scores.copy()
        row, column = _known(users, history)
        known[row, column] = -np.inf
        n = min(max(self.n, depth), m)
        best = np.argpartition(-known, n - 1, axis=1)[:, :n] if n < m else np.tile(np.arange(m), (b, 1))
        value = np.take_along_axis(known, best, axis=1)
        order = np.argsort(-value, axis=1, kind="stable")
        best, value = np.take_along_axis(best, order, axis=1), np.take_along_axis(value, order, axis=1)
        there = np.isfinite(value)
        value, real = value[:, : self.n], there[:, : self.n]
        count = np.maximum(real.sum(1, keepdims=True), 1)
        mean = np.where(real, value, 0).sum(1, keepdims=True) / count
        spread = np.sqrt((np.where(real, value - mean, 0) ** 2).sum(1, keepdims=True) / count)
        spread = np.where(spread > 0, spread, 1.0)
        standard = (scores - mean.astype(np.float32)) / spread.astype(np.float32)
        return Candidates(np.where(there, best, -1).astype(np.int32), standard)


def by_history(fitted: Fitted) -> bool:
    """Whether it, and its first stage where it has one, has a list for people who were not in its training."""
    first = fitted.first if isinstance(fitted, CandidateFitted) else None
    return find(fitted.name).strangers and (not isinstance(first, FirstStage) or by_history(first.fitted))


def _able(fitted: Fitted) -> CatalogueFitted:
    if not isinstance(fitted, CatalogueFitted):
        raise ModelError(
            words.say("{name} does not score the whole catalogue, so it can be no first stage.", name=fitted.name),
            "Choose another one, and train again.",
        )
    return fitted


def _known(users: Codes, history: Interactions) -> tuple[NDArray[np.int64], Codes]:
    """(row in users, item) of everything in the users' histories."""
    start = np.searchsorted(history.user, users, side="left")
    count = np.searchsorted(history.user, users, side="right") - start
    row = np.repeat(np.arange(len(users)), count)
    at = np.repeat(start - (np.cumsum(count) - count), count) + np.arange(len(row))
    return row, history.item[at]
