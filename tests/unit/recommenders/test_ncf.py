"""ncf: it learns who likes what, repeats itself, saves, and takes weights and terms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fairdash.mitigation.base import TermBatch
from fairdash.progress import silent
from fairdash.recommenders import build, store
from fairdash.recommenders.base import ProbabilityFitted, VectorFitted
from fairdash.recommenders.ncf import NcfOptions
from fairdash.recommenders.ncf.model import FittedNcf, NcfBatches, NeuMF
from fairdash.schema import TrainingData
from tests.unit.recommenders.conftest import N_ITEMS, N_USERS, make_data


def fit(data: TrainingData, folder: Path, seed: int = 0, terms: Any = (), **options: Any) -> FittedNcf:
    wanted = {"epochs": 30, "batch": 64, "factors": 8, "learning_rate": 0.02, "patience": 30} | options
    fitted = build("ncf", wanted).fit(data, seed=seed, device="cpu", folder=folder, progress=silent, terms=terms)
    assert isinstance(fitted, FittedNcf)
    return fitted


def everybody() -> np.ndarray:
    return np.arange(N_USERS, dtype=np.int32)


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_CPU_BF16", "0")


def test_the_tower_is_the_papers_over_joined_vectors() -> None:
    torch.manual_seed(0)
    model = NeuMF(3, 5, 4)
    users, items = model.users(torch.tensor([0, 2])), model.items(torch.tensor([1, 4]))
    joined = torch.cat([users[:, 4:], items[:, 4:]], dim=1)
    tower = torch.relu(model.second(torch.relu(model.first(joined))))
    expected = model.out(torch.cat([users[:, :4] * items[:, :4], tower], dim=1))[:, 0]
    torch.testing.assert_close(model.logits(users, items), expected)


def test_learns_tastes_repeats_itself_and_survives_saving(data: TrainingData, tmp_path: Path) -> None:
    fitted = fit(data, tmp_path / "a")
    scores = fitted.score(everybody(), data.train)
    assert scores.shape == (N_USERS, N_ITEMS)
    first, second = scores[:, :20].mean(1), scores[:, 20:].mean(1)
    assert ((second > first) == (np.arange(N_USERS) % 2 == 1)).mean() > 0.9
    np.testing.assert_array_equal(fit(data, tmp_path / "b").score(everybody(), data.train), scores)
    store.save(fitted, tmp_path / "model")
    opened = store.load(tmp_path / "model")
    np.testing.assert_array_equal(opened.score(everybody(), data.train), scores)
    assert isinstance(opened, VectorFitted)
    assert isinstance(opened, ProbabilityFitted)
    pairs = (np.array([0, 5], np.int32), np.array([7, 30], np.int32))
    np.testing.assert_allclose(fitted.pair_logits(*pairs), scores[pairs], atol=1e-5)
    probability = opened.probability(*pairs, data.train)
    assert ((probability > 0) & (probability < 1)).all()
    assert fitted.user_vectors(everybody(), data.train).shape == (N_USERS, build("ncf", {"factors": 8}).vector_width)


def test_negatives_are_unseen_and_every_interaction_comes_as_often_as_its_user_is_repeated() -> None:
    data = make_data()
    repeats = np.ones(N_USERS, np.int32)
    repeats[2], repeats[3] = 2, 0
    weight = np.linspace(0.5, 2, len(data.train)).astype(np.float32)
    batches = NcfBatches(data.with_(user_repeats=repeats, row_weight=weight), NcfOptions(batch=50), seed=3)
    seen = {(u, i): w for u, i, w in zip(data.train.user, data.train.item, weight, strict=True)}
    count: dict[int, int] = {}
    for index in range(len(batches)):
        batch = batches.batch(index)
        assert set(batch["labels"][:, 0].tolist()) == {1.0}
        assert not batch["labels"][:, 1:].any()
        for user, items, own in zip(
            batch["users"].tolist(), batch["items"].tolist(), batch["weights"].tolist(), strict=True
        ):
            assert seen[user, items[0]] == pytest.approx(own)
            assert not any((user, item) in seen for item in items[1:])
            count[user] = count.get(user, 0) + 1
    expected = np.bincount(data.train.user, minlength=N_USERS) * repeats
    assert [count.get(user, 0) for user in range(N_USERS)] == expected.tolist()


def test_liked_positives_take_dislikes_as_negatives() -> None:
    data = make_data()
    batches = NcfBatches(data, NcfOptions(batch=10_000, positives="liked"), seed=0)
    batch = batches.batch(0)
    liked = {(u, i) for u, i, r in zip(data.train.user, data.train.item, data.train.rating, strict=True) if r >= 4}
    own = zip(batch["users"].tolist(), batch["items"][:, 0].tolist(), batch["labels"][:, 0].tolist(), strict=True)
    assert all(((user, item) in liked) == bool(label) for user, item, label in own)


def test_a_stranger_is_the_average_person(data: TrainingData, run: Path) -> None:
    train = data.train.take(np.flatnonzero(data.train.user != 9))
    fitted = fit(data.with_(train=train), run, epochs=2)
    vectors = fitted.user_vectors(everybody(), train)
    np.testing.assert_allclose(vectors[9], np.delete(vectors, 9, axis=0).mean(0), atol=1e-6)


class _Term(nn.Module):
    settled = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[TermBatch] = []

    def forward(self, batch: TermBatch) -> torch.Tensor:
        self.seen.append(batch)
        return 100.0 * batch.vectors.square().mean()


def test_training_terms_move_the_user_vectors(data: TrainingData, tmp_path: Path) -> None:
    term = _Term()
    pulled, free = fit(data, tmp_path / "a", terms=[term], epochs=5), fit(data, tmp_path / "b", epochs=5)
    size = [np.abs(one.user_vectors(everybody(), data.train)).mean() for one in (pulled, free)]
    assert size[0] < 0.5 * size[1]
    batch = term.seen[0]
    assert batch.items is not None
    assert batch.users.shape == batch.items.shape == batch.sample_loss.shape
