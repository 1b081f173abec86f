"""Whether scores give away what was trained on: chance where nothing was remembered, all where everything was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from fairdash.data import split as splits
from fairdash.data import synthetic
from fairdash.metrics import membership
from fairdash.schema import Interactions
from fairdash.stages import model_side


def test_auc_and_found_are_those_of_scikit_learn_with_ties_too() -> None:
    rng = np.random.default_rng(0)
    trained, looks = rng.random(3000) < 0.4, rng.integers(0, 50, 3000) / 50
    looks[trained] += rng.integers(0, 10, trained.sum()) / 50
    found = membership.attack(looks, trained, rng.integers(0, 60, 3000))
    assert found.auc == pytest.approx(roc_auc_score(trained, looks))
    alarms, rates, _ = roc_curve(trained, looks, drop_intermediate=False)
    assert found.found == pytest.approx(rates[alarms <= membership.FALSE_ALARMS].max())
    assert found.auc_ci[0] < found.auc < found.auc_ci[1]
    assert (found.people, found.trained, found.held) == (60, trained.sum(), 3000 - trained.sum())


def test_how_liked_an_item_is_by_all_tells_nothing() -> None:
    popular = np.tile(np.arange(30.0), (20, 1))
    assert (membership.familiar(popular) == 0.5).all()
    own = popular.copy()
    own[3, 7] += 0.5
    assert membership.familiar(own)[3, 7] == 1.0


class Fixed:
    """A recommender that scores as it is told."""

    name = "fixed"

    def __init__(self, scores: np.ndarray) -> None:
        self.scores = scores

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    def score(self, users: np.ndarray, history: Interactions) -> np.ndarray:
        return self.scores[users].astype(np.float32)


def test_a_model_that_remembers_is_told_from_one_that_does_not() -> None:
    split = splits.split(synthetic.make(n_users=150, n_items=60)[0], "user-random:0.8")
    shape = split.training.n_users, split.training.n_items
    rng = np.random.default_rng(1)
    taste = rng.normal(size=shape)
    guess = model_side.membership_of(Fixed(taste), split)
    remembers = model_side.membership_of(
        Fixed(taste + 9 * split.training.train.matrix(*shape).toarray()), split
    )  # fmt: skip
    assert isinstance(guess, membership.Membership)
    assert isinstance(remembers, membership.Membership)
    assert guess.auc_ci[0] < 0.5 < guess.auc_ci[1]
    assert guess.found < 0.05
    assert remembers.auc > 0.95
    assert remembers.found > 0.5
    assert "do not tell" in model_side._remembered(guess)
    assert "can partly tell" in model_side._remembered(remembers)
