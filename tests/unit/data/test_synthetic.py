"""The planted biases show in plain recommenders, on every seed; the twin shows none. Plain numpy, no engine of ours."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from fairdash.data.split import split
from fairdash.data.synthetic import PLANTED, make
from fairdash.hashing import id_hash, mix
from fairdash.schema import Dataset, Split

K = 10
Array = NDArray[np.float64]


def _top(scores: Array, cut: Split) -> NDArray[np.intp]:
    """The ten best unseen items of everybody."""
    data = cut.training
    seen = cut.known.matrix(data.n_users, data.n_items).toarray()
    ties = mix(0, id_hash(data.items["item_id"])) / 2.0**64
    return np.argsort(-np.where(seen, -np.inf, scores + 1e-9 * ties), axis=1)[:, :K]


def _popularity(cut: Split) -> Array:
    data = cut.training
    counts = np.bincount(cut.known.item, minlength=data.n_items).astype(np.float64)
    return np.tile(counts, (data.n_users, 1))


def _ease(cut: Split) -> Array:
    data = cut.training
    had = cut.known.matrix(data.n_users, data.n_items).toarray().astype(np.float64)
    inverse = np.linalg.inv(had.T @ had + 100.0 * np.eye(data.n_items))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    found: Array = had @ weights
    return found


def _ndcg(top: NDArray[np.intp], cut: Split) -> Array:
    """Per person, NaN without a liked item in test."""
    data = cut.training
    liked = cut.test.take(np.flatnonzero(cut.test.rating >= 4)).matrix(data.n_users, data.n_items).toarray()
    discount = 1 / np.log2(np.arange(2, K + 2))
    hits = np.take_along_axis(liked, top, axis=1)
    best = np.array([discount[: min(K, n)].sum() for n in liked.sum(axis=1)])
    found: Array = np.where(best > 0, hits @ discount / np.where(best > 0, best, 1.0), np.nan)
    return found


def _gap(values: Array, dataset: Dataset) -> tuple[float, float]:
    """Women minus men, and its standard error."""
    gender = dataset.users["gender"].to_numpy()
    women, men = (values[(gender == g) & ~np.isnan(values)] for g in ("woman", "man"))
    error = math.sqrt(women.var(ddof=1) / len(women) + men.var(ddof=1) / len(men))
    return float(women.mean() - men.mean()), error


def _category(top: NDArray[np.intp], dataset: Dataset, name: str) -> Array:
    """Per person, the share of the list that goes to a category."""
    column = dataset.categories.names.index(name)
    share = dataset.categories.shares.toarray()[:, column]
    found: Array = share[top].mean(axis=1)
    return found


def _exposure(top: NDArray[np.intp], dataset: Dataset) -> float:
    """Exposure of films by women over exposure of films by men."""
    creator = dataset.items["creator_gender"].to_numpy()
    discount = 1 / np.log2(np.arange(2, K + 2))
    women, men = (float(((creator[top] == g) @ discount).sum()) for g in ("woman", "man"))
    return women / men


@pytest.mark.parametrize("seed", range(4))
def test_planted_biases_show(seed: int) -> None:
    dataset, _ = make(seed)
    cut = split(dataset, "user-time:0.8")
    for scores in (_popularity(cut), _ease(cut)):
        top = _top(scores, cut)
        gap, error = _gap(_ndcg(top, cut), dataset)
        assert gap < -2.5 * error
        assert _exposure(top, dataset) < 0.5
    romance, error = _gap(_category(top, dataset, "Romance"), dataset)
    assert romance > 5 * error
    action, error = _gap(_category(top, dataset, "Action"), dataset)
    assert action < -5 * error


@pytest.mark.parametrize("seed", range(4))
def test_twin_shows_none(seed: int) -> None:
    dataset, truth = make(seed, biased=False)
    assert truth.facts == ()
    cut = split(dataset, "user-time:0.8")
    for scores in (_popularity(cut), _ease(cut)):
        top = _top(scores, cut)
        for values in (_ndcg(top, cut), _category(top, dataset, "Romance"), _category(top, dataset, "Action")):
            gap, error = _gap(values, dataset)
            assert abs(gap) < 2.6 * error  # one in a hundred; 24 values are looked at here
        assert 0.8 < _exposure(top, dataset) < 1.25


def test_merit_does_not_differ_by_creator() -> None:
    dataset, _ = make(0)
    rated = dataset.interactions.merge(dataset.items, on="item_id")
    means = rated.groupby("creator_gender")["rating"].mean()
    assert means["woman"] > means["man"] - 0.05  # what is shown less is not liked less


def test_tables_are_sound_and_repeatable() -> None:
    dataset, truth = make()
    assert truth.facts == PLANTED
    assert dataset.digest == make()[0].digest
    assert dataset.digest != make(1)[0].digest
    log = dataset.interactions
    assert not log.duplicated(["user_id", "item_id"]).any()
    assert set(log["rating"]) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert log.groupby("user_id")["time"].is_monotonic_increasing.all()
    assert set(log["user_id"]) == set(dataset.users["user_id"])
    assert set(log["item_id"]) <= set(dataset.items["item_id"])
    assert dataset.items["title"].is_unique
    gender = dataset.users["gender"].value_counts(dropna=False)
    assert 0 < gender["non-binary"] < 20  # a group too small to judge
    assert dataset.users["gender"].isna().sum() > 0
    assert (dataset.users["country"] == "NA").any()
    assert dataset.items["creator_gender"].isna().any()


def test_twin_has_the_same_people_and_films() -> None:
    (biased, _), (twin, _) = make(2), make(2, biased=False)
    assert biased.users.equals(twin.users)
    assert biased.items.equals(twin.items)
    assert abs(len(biased.interactions) / len(twin.interactions) - 1) < 0.1


@pytest.mark.parametrize(("n_users", "n_items"), [(1, 40), (30, 41), (200, 90)])
def test_other_sizes(n_users: int, n_items: int) -> None:
    for biased in (True, False):
        dataset, _ = make(1, biased=biased, n_users=n_users, n_items=n_items)
        assert (dataset.n_users, dataset.n_items) == (n_users, n_items)
        assert not dataset.interactions.duplicated(["user_id", "item_id"]).any()
