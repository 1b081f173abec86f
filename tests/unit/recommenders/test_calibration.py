"""Probabilities after calibration: against scikit-learn, against known truths, and what is said where nothing fits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from fairdash.recommenders import calibration
from fairdash.recommenders.calibration import Calibration
from fairdash.schema import Interactions
from tests.unit.recommenders.conftest import N_ITEMS, make_data


def test_logistic_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    y = (rng.random(400) < expit(x @ [1.0, -2.0, 0.5] + 0.3)).astype(float)
    coefficients, intercept = calibration.logistic(x, y, l2=0.0)
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, y)
    np.testing.assert_allclose(coefficients, theirs.coef_[0], atol=1e-5)
    assert intercept == pytest.approx(theirs.intercept_[0], abs=1e-5)


def test_finds_the_true_slope_and_intercept_and_lowers_the_error() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3, 20_000)
    liked = rng.random(20_000) < expit(0.4 * logits + 0.8)
    found = calibration.fit(logits, liked)
    assert found.slope == pytest.approx(0.4, abs=0.02)
    assert found.intercept == pytest.approx(0.8, abs=0.05)
    assert found.ece < 0.02 < 0.1 < found.ece_before
    assert found.auc == pytest.approx(roc_auc_score(liked, logits), abs=1e-12)
    assert len(found.curve) == 10
    assert sum(point.n for point in found.curve) == 20_000
    assert [p.predicted for p in found.curve] == sorted(p.predicted for p in found.curve)


def test_reliability_is_what_it_says() -> None:
    predicted = np.array([0.1] * 5 + [0.9] * 5)
    liked = np.array([True] + [False] * 4 + [True] * 4 + [False])
    curve = calibration.reliability(predicted, liked, bins=10)
    assert [(p.n, p.observed) for p in curve] == [(5, 0.2), (5, 0.8)]
    assert calibration.expected_error(curve) == pytest.approx(0.1)
    assert np.isnan(calibration.expected_error(()))


def test_auc_counts_equal_scores_half() -> None:
    assert calibration.auc(np.array([1.0, 1.0, 2.0]), np.array([True, False, True])) == pytest.approx(0.75)
    assert np.isnan(calibration.auc(np.ones(3), np.ones(3, bool)))


def test_few_pairs_are_not_calibrated_and_it_is_said() -> None:
    found = calibration.fit(np.linspace(-1, 1, 30), np.arange(30) < 5)
    assert (found.slope, found.intercept) == (1.0, 0.0)
    assert "5 liked and 25 other" in found.note
    assert np.isnan(found.ece)


def test_scores_that_order_nothing_give_everybody_the_mean() -> None:
    logits = np.linspace(-2, 2, 400)
    found = calibration.fit(logits, logits < 0)  # the wrong way round
    np.testing.assert_allclose(found.probability(logits), 0.5, atol=1e-3)
    assert "do not order" in found.note


def test_survives_json() -> None:
    rng = np.random.default_rng(2)
    for found in (calibration.fit(rng.normal(size=200), rng.random(200) < 0.5), Calibration(note="none")):
        again = Calibration.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
        assert again.to_json() == found.to_json()


@pytest.mark.parametrize("threshold", [4.0, None])
def test_on_validation_asks_for_the_right_pairs(threshold: float | None) -> None:
    data = make_data(threshold=threshold)
    asked: list[tuple[int, int]] = []

    def logits(users: np.ndarray, items: np.ndarray) -> np.ndarray:
        assert (np.diff(users) >= 0).all()
        asked.extend(zip(users.tolist(), items.tolist(), strict=True))
        return np.zeros(len(users))

    found = calibration.on_validation(logits, data)
    held_out = set(zip(data.valid.user.tolist(), data.valid.item.tolist(), strict=True))
    had = set(zip(data.train.user.tolist(), data.train.item.tolist(), strict=True))
    drawn = set(asked) - held_out
    assert held_out <= set(asked)
    if threshold is None:  # implicit data has no dislikes: unseen items stand in for them
        assert len(drawn) > len(held_out) // 2
        assert not drawn & had
        assert all(0 <= item < N_ITEMS for _, item in drawn)
    else:
        assert not drawn
    assert found.n == len(asked)


def test_on_validation_without_any_pair() -> None:
    nothing = Interactions(*(np.empty(0, t) for t in (np.int32, np.int32, np.float32, np.float64)))
    found = calibration.on_validation(lambda u, i: np.zeros(len(u)), make_data().with_(valid=nothing))
    assert found.note.startswith("Not calibrated")
