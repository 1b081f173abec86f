"""A small catalogue with an order to learn: people walk through items of one taste, mostly in the order of codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairdash.schema import Interactions, TrainingData

N_USERS, N_ITEMS = 60, 40


def make_data(seed: int = 0, profile: tuple[str, ...] = (), threshold: float | None = 4.0) -> TrainingData:
    rng = np.random.default_rng(seed)
    taste = np.arange(N_USERS) % 2
    rows = []
    for user in range(N_USERS):
        length = int(rng.integers(4, 15))
        start = int(rng.integers(0, 20 - length))
        items = 20 * taste[user] + start + np.arange(length)
        noise = rng.random(length) < 0.1
        items = np.where(noise, rng.integers(0, N_ITEMS, length), items)
        _, first = np.unique(items, return_index=True)
        items = items[np.sort(first)]
        rows += [(user, int(item), float(rng.integers(1, 6)), float(i)) for i, item in enumerate(items)]
    table = np.array(rows)
    whole = Interactions(
        table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2].astype(np.float32), table[:, 3]
    )
    last = whole.starts(N_USERS)[1:] - 1
    is_valid = np.zeros(len(whole), bool)
    is_valid[last] = True
    users = pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(N_USERS)],
            "gender": ["F" if t else "M" for t in taste],
            "age": [str(20 + i % 30) for i in range(N_USERS)],
        }
    )
    items = pd.DataFrame(
        {
            "item_id": [f"i{i}" for i in range(N_ITEMS)],
            "title": [f"{'Space battle' if i < 20 else 'Love song'} {i}" for i in range(N_ITEMS)],
            "categories": ["Sci-Fi|War" if i < 20 else "Musical" for i in range(N_ITEMS)],
        }
    )
    return TrainingData(
        users,
        items,
        whole.take(np.flatnonzero(~is_valid)),
        whole.take(np.flatnonzero(is_valid)),
        threshold,
        profile=profile,
    )


@pytest.fixture
def data() -> TrainingData:
    return make_data()


@pytest.fixture(autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"
