"""Training terms inside a recommender's training: strength 0 changes no bit, and early weights are not taken."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fairdash.mitigation import find_method
from fairdash.mitigation.base import TermBatch
from fairdash.progress import silent
from fairdash.recommenders import build
from fairdash.schema import Floats, TrainingData
from tests.unit.mitigation.people import groups_of, methods_of, training

OPTIONS = {"items": "id", "width": "16", "layers": "1", "heads": "2", "length": "8", "batch": "8", "epochs": "4"}
N = 40


@pytest.fixture(scope="module")
def data() -> TrainingData:
    rng = np.random.default_rng(0)
    rows = [(u, int(i), 5.0) for u in range(N) for i in rng.choice(np.arange(1, 20), 6, replace=False)]
    return training(rows, N, 20)


def scores(data: TrainingData, folder: Path, *terms: torch.nn.Module, epochs: int = 4) -> Floats:
    recommender = build("bert_sequence", {**OPTIONS, "epochs": str(epochs)})
    fitted = recommender.fit(data, seed=0, device="cpu", folder=folder, progress=silent, terms=terms)
    return fitted.score(np.arange(data.n_users, dtype=np.int32), data.train)


def test_strength_0_is_the_unmitigated_training_to_the_bit(data: TrainingData, tmp_path: Path) -> None:
    groups = [groups_of([u % 2 for u in range(N)])]
    plain = scores(data, tmp_path / "plain")
    usable = [m for m in methods_of("training") if "probabilities" not in m.info.needs]
    none = [m.term(data, groups, 0.0, 16, 0) for m in usable]
    for term in none:
        term.settled = 0.0  # type: ignore[attr-defined]  # which epoch is the best one is another question
    np.testing.assert_array_equal(scores(data, tmp_path / "zero", *none), plain)
    full = [m.term(data, groups, 1.0, 16, 0) for m in (find_method("adversarial"), find_method("group_dro"))]
    assert (scores(data, tmp_path / "full", *full) != plain).any()


class Watcher(torch.nn.Module):
    """Adds nothing; notes the steps."""

    def __init__(self, settled: float) -> None:
        super().__init__()
        self.settled = settled
        self.batches: list[TermBatch] = []

    def forward(self, batch: TermBatch) -> torch.Tensor:
        self.batches.append(batch)
        return batch.vectors.new_zeros(())


def test_parts_of_the_loss_are_the_recommenders_own(data: TrainingData, tmp_path: Path) -> None:
    weighted = data.with_(row_weight=np.linspace(0.2, 3.0, len(data.train)).astype(np.float32))
    watcher = Watcher(0.0)
    scores(weighted, tmp_path, watcher)
    for batch in watcher.batches:
        assert batch.weight is not None
        share = batch.share()
        assert share.sum().item() == pytest.approx(1.0, rel=1e-5)
        assert (share.max() > share.min()).item()


def test_weights_from_before_the_terms_work_in_full_are_not_taken(data: TrainingData, tmp_path: Path) -> None:
    """With everything settled at the end alone, the last epoch's weights come back whatever validation says."""
    late = scores(data, tmp_path / "late", Watcher(1.0), epochs=6)
    again = scores(data, tmp_path / "again", Watcher(1.0), epochs=6)
    np.testing.assert_array_equal(late, again)
    curve = json.loads((tmp_path / "late" / "curve.json").read_text())
    assert curve["best_epoch"] == 6
