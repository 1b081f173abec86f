"""popularity counts; ease is the ridge regression of every item on the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fairdash.errors import ConfigError
from fairdash.progress import silent
from fairdash.recommenders import RECOMMENDERS, build, store
from fairdash.recommenders.ease import model as ease
from fairdash.schema import TrainingData


def test_popularity_counts_training_interactions(data: TrainingData, run: Path) -> None:
    fitted = build("popularity").fit(data, seed=0, device="cpu", folder=run, progress=silent)
    scores = fitted.score(np.array([3, 1], np.int32), data.train)
    assert scores.shape == (2, data.n_items)
    assert np.array_equal(scores[0], data.popularity)
    assert np.array_equal(scores[0], scores[1])


def test_ease_solves_each_items_regression(data: TrainingData, run: Path) -> None:
    fitted = build("ease", {"l2": "3.5"}).fit(data, seed=0, device="cpu", folder=run, progress=silent)
    x = data.train.matrix(data.n_users, data.n_items).toarray().astype(float)
    weights = fitted.weights  # type: ignore[attr-defined]
    for item in (0, 17, 39):
        others = np.delete(np.arange(data.n_items), item)
        a = x[:, others]
        ridge = np.linalg.solve(a.T @ a + 3.5 * np.eye(len(others)), a.T @ x[:, item])
        np.testing.assert_allclose(weights[others, item], ridge, atol=1e-5)
        assert weights[item, item] == 0
    users = np.array([4, 9], np.int32)
    np.testing.assert_allclose(fitted.score(users, data.train), x[users] @ weights, atol=1e-5)


def test_weights_count_as_copies(data: TrainingData, run: Path) -> None:
    repeats = np.random.default_rng(0).integers(0, 3, data.n_users).astype(np.int32)
    rows = np.repeat(np.arange(len(data.train)), repeats[data.train.user])
    copied = np.bincount(data.train.item[rows], minlength=data.n_items)
    weighted = build("popularity").fit(
        data.with_(user_repeats=repeats), seed=0, device="cpu", folder=run, progress=silent
    )
    assert np.array_equal(weighted.score(np.zeros(1, np.int32), data.train)[0], copied)
    x = data.train.matrix(data.n_users, data.n_items).toarray().astype(float)
    x = np.repeat(x, repeats, axis=0)
    inverse = np.linalg.inv(x.T @ x + 200 * np.eye(data.n_items))
    expected = inverse / -np.diag(inverse)
    np.fill_diagonal(expected, 0)
    ease = build("ease").fit(data.with_(user_repeats=repeats), seed=0, device="cpu", folder=run, progress=silent)
    np.testing.assert_allclose(ease.weights, expected, atol=1e-6)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["popularity", "ease"])
def test_saved_and_loaded(data: TrainingData, run: Path, name: str) -> None:
    fitted = build(name).fit(data, seed=0, device="cpu", folder=run, progress=silent)
    store.save(fitted, run / "model")
    users = np.arange(5, dtype=np.int32)
    assert np.array_equal(store.load(run / "model").score(users, data.train), fitted.score(users, data.train))


def test_ease_refuses_a_catalogue_it_cannot_invert(
    data: TrainingData, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ease, "MAX_EASE_ITEMS", 10)
    with pytest.raises(ConfigError, match="too many"):
        build("ease").fit(data, seed=0, device="cpu", folder=run, progress=silent)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nothing", {}, "no recommender"),
        ("ease", {"l3": "1"}, "no option"),
        ("ease", {"l2": "much"}, "cannot be"),
        ("ease", {"l2": "nan"}, "cannot be"),
        ("ease", {"l2": "-1"}, "cannot be"),
        ("bert_sequence", {"layers": "1.5"}, "cannot be"),
        ("bert_sequence", {"objective": "both"}, "cannot be"),
        ("bert_sequence", {"rate_inputs": "maybe"}, "cannot be"),
    ],
)
def test_bad_options_are_named(name: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        build(name, options)
    assert error.value.hint


def test_every_option_has_a_help_and_a_fitting_default() -> None:
    import dataclasses

    for info in RECOMMENDERS.values():
        values = {field.name: field.default for field in dataclasses.fields(info.options)}
        assert build(info.name, {name: str(value) for name, value in values.items()}).config == info.options()
        assert all(field.metadata["help"] for field in dataclasses.fields(info.options))
