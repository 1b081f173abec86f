"""The BERTs on a GPU: the same numbers as on a CPU within noise, memory that is given back, and halved batches.

Run on a machine with a GPU: `python -m pytest tests/gpu`. Without one they are skipped; FAIRDASH_GPU_TESTS=cpu runs
them on the CPU, to show that they run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from fairdash.progress import silent
from fairdash.recommenders import build
from fairdash.recommenders.bert_pair.model import PairNetwork
from fairdash.recommenders.bert_sequence.model import FittedSequence
from fairdash.recommenders.device import Device, choose
from fairdash.recommenders.training import Validation
from fairdash.schema import Codes, TrainingData
from tests.bench import gpu as bench

KIND = "cpu" if os.environ.get("FAIRDASH_GPU_TESTS") == "cpu" else "cuda"
pytestmark = pytest.mark.skipif(KIND == "cuda" and not torch.cuda.is_available(), reason="there is no GPU here")
OPTIONS: dict[str, Any] = {"items": "id", "width": 32, "heads": 2, "length": 20, "batch": 16, "patience": 50}


@pytest.fixture
def device() -> Device:
    return choose(KIND)


def ordered(people: int = 300, items: int = 200, each: int = 16) -> TrainingData:
    """People walk through the catalogue in the order of codes from a random start: there is something to learn."""
    data = bench.synthetic(people, items, each)
    start = np.random.default_rng(1).integers(0, items, people)
    for part, first in ((data.train, 0), (data.valid, each - 1)):
        place = first + np.arange(len(part)) - np.searchsorted(part.user, part.user)
        part.item[:] = (start[part.user] + place) % items
    return data


def fit(data: TrainingData, kind: str, folder: Path, epochs: int = 25, seed: int = 0) -> FittedSequence:
    pytest.importorskip("accelerate", reason="transformers.Trainer needs accelerate")
    pytest.importorskip("tensorboard", reason="training writes TensorBoard files")
    recommender = build("bert_sequence", {**OPTIONS, "epochs": epochs})
    fitted = recommender.fit(data, seed=seed, device=kind, folder=folder, progress=silent)
    assert isinstance(fitted, FittedSequence)
    return fitted


def ndcg(data: TrainingData, fitted: FittedSequence) -> float:
    def score(users: Codes) -> torch.Tensor:
        return torch.from_numpy(fitted.score(users, data.train))

    return Validation(data, score)()["ndcg"]


def test_trained_as_well_as_on_a_cpu(tmp_path: Path) -> None:
    """Over three seeds the means differ by less than the spread allows: four standard errors, or 0.03."""
    data = ordered()
    ours = [ndcg(data, fit(data, KIND, tmp_path / f"g{seed}", seed=seed)) for seed in range(3)]
    cpu = [ndcg(data, fit(data, "cpu", tmp_path / f"c{seed}", seed=seed)) for seed in range(3)]
    noise = np.sqrt(np.var(ours, ddof=1) / 3 + np.var(cpu, ddof=1) / 3)
    assert abs(np.mean(ours) - np.mean(cpu)) <= max(4 * noise, 0.03)
    assert np.mean(cpu) > 0.5


def test_the_same_model_scores_the_same(tmp_path: Path, device: Device) -> None:
    data = ordered()
    fitted = fit(data, KIND, tmp_path, epochs=3)
    users = np.arange(data.n_users, dtype=np.int32)
    there = fitted.score(users, data.train)
    moved = FittedSequence(fitted.options, fitted.model.cpu(), fitted.context, choose("cpu"))
    np.testing.assert_allclose(there, moved.score(users, data.train), atol=2e-3)


def test_pair_gradients_are_those_of_a_cpu(device: Device) -> None:
    config = BertConfig(
        num_labels=1, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, vocab_size=99,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    torch.manual_seed(0)
    weights = BertForSequenceClassification(config).state_dict()
    grads = []
    for place in (device, choose("cpu")):
        model = BertForSequenceClassification(config)
        model.load_state_dict(weights)
        network = PairNetwork(model, 0, "full").to(place.torch)
        network(**bench.pair_batch(4, 16, 99, place)).loss.backward()
        grads.append({name: p.grad.cpu() for name, p in model.named_parameters() if p.grad is not None})
    for name, grad in grads[0].items():
        torch.testing.assert_close(grad, grads[1][name], atol=1e-3, rtol=1e-2, msg=name)


def test_the_bench_runs(device: Device) -> None:
    for part in (bench.sequence, bench.pair):
        values = part(device, True)
        assert all(value > 0 for key, value in values.items() if "memory" not in key)


@pytest.mark.skipif(KIND == "cpu", reason="only a GPU runs out of memory without harm")
def test_out_of_memory_halves_the_batch(tmp_path: Path) -> None:
    data = ordered(people=2000, items=4000)
    folder = tmp_path / "run"
    free, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(min(1.0, (total - free + 300 * 2**20) / total))
    try:
        pytest.importorskip("accelerate")
        recommender = build("bert_sequence", {**OPTIONS, "epochs": 1, "batch": 4000, "width": 64})
        recommender.fit(data, seed=0, device="cuda", folder=folder, progress=silent)
        assert "parts" in (folder / "curve.json").read_text()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
