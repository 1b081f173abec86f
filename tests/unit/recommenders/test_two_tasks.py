"""bert_sequence with the task rating: it learns what people like, says how sure it is, survives saving and export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from fairdash.errors import ConfigError
from fairdash.progress import silent
from fairdash.recommenders import build, find, offering, store
from fairdash.recommenders.base import CalibratedFitted, ProbabilityFitted
from fairdash.recommenders.bert_sequence import SequenceOptions
from fairdash.recommenders.bert_sequence.model import FittedSequence, RatingSequence
from fairdash.recommenders.bert_sequence.network import SequenceModel
from fairdash.recommenders.bert_sequence.tasks import Weights
from fairdash.recommenders.bert_sequence.windows import SequenceBatches
from fairdash.recommenders.calibration import auc
from fairdash.recommenders.device import choose
from fairdash.schema import Interactions, TrainingData

from .conftest import make_data

SMALL = {"width": 16, "heads": 2, "layers": 1, "length": 12, "batch": 8, "items": "id", "epochs": 1, "patience": 50}


def opinionated() -> TrainingData:
    """People like what they take where its code is even."""
    plain = make_data()
    rated = [
        replace(part, rating=np.where(part.item % 2, 1, 5).astype(np.float32)) for part in (plain.train, plain.valid)
    ]
    return plain.with_(train=rated[0], valid=rated[1])


def fit(data: TrainingData, folder: Path, **options: Any) -> FittedSequence:
    fitted = build("bert_sequence", {**SMALL, **options}).fit(
        data, seed=0, device="cpu", folder=folder, progress=silent, terms=()
    )
    assert isinstance(fitted, FittedSequence)
    return fitted


@pytest.mark.parametrize(("tasks", "weight"), [("next,rating", -1.0), ("rating", 1.0)])
def test_learns_what_people_like(tasks: str, weight: float, tmp_path: Path) -> None:
    data = opinionated()
    fitted = fit(data, tmp_path / "run", tasks=tasks, rating_weight=weight, epochs=3, learning_rate=0.03)
    assert isinstance(fitted, RatingSequence)
    valid = data.valid
    found = fitted.probability(valid.user, valid.item, data.train)
    assert ((found > 0) & (found < 1)).all()
    assert auc(found, valid.rating >= 4) > 0.9
    assert fitted.calibration.n == len(valid)
    store.save(fitted, tmp_path / "model")
    again = store.load(tmp_path / "model")
    assert isinstance(again, CalibratedFitted)
    assert np.array_equal(again.probability(valid.user, valid.item, data.train), found)
    assert again.calibration == fitted.calibration
    users = np.arange(5, dtype=np.int32)
    scores = again.score(users, data.train)  # type: ignore[attr-defined]
    pairs = fitted.pair_logits(np.repeat(users, data.n_items), np.tile(np.arange(data.n_items), 5), data.train)
    assert np.allclose(scores.ravel(), pairs, atol=1e-4) == (tasks == "rating")  # lists are those of the next item


@pytest.mark.parametrize("weight", [0.0, -0.3])
def test_a_task_that_would_learn_nothing_is_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match="would learn nothing"):
        build("bert_sequence", {"tasks": "next,rating", "rating_weight": weight})
    build("bert_sequence", {"tasks": "rating", "rating_weight": weight})  # where nothing is weighed


def test_only_with_the_task_there_are_probabilities(tmp_path: Path) -> None:
    info = find("bert_sequence")
    assert "probabilities" not in info.offered({})
    assert "probabilities" in info.offered({"tasks": "next,rating"})
    assert "probabilities" in info.offered({"tasks": "rating"})
    assert "bert_sequence (tasks=next,rating)" in offering("probabilities")
    assert not isinstance(fit(opinionated(), tmp_path / "run"), ProbabilityFitted)


@pytest.mark.parametrize("objective", ["causal", "masked"])
@torch.no_grad()
def test_the_loss_is_that_of_the_pairs(objective: str) -> None:
    data = opinionated().with_(row_weight=np.linspace(0.5, 1.5, len(opinionated().train)).astype(np.float32))
    options = SequenceOptions(**{**SMALL, "tasks": "next,rating", "objective": objective, "dropout": 0.0})
    types = np.zeros(len(data.train), np.int64)
    batches = SequenceBatches(data, options, types, np.zeros(data.n_users, np.int64), [], 0)
    batch = batches.batch(0)
    torch.manual_seed(0)
    model = SequenceModel(options, torch.zeros(data.n_items, 1), torch.zeros(0, 1), choose("cpu")).eval()
    both, first, second = model(**batch), None, None
    for tasks in ("next", "rating"):
        model.options = replace(options, tasks=tasks)
        kept, model.task_weights = model.task_weights, None
        first, second = (model(**batch), second) if tasks == "next" else (first, model(**batch))
        model.task_weights = kept
    assert first is not None
    assert second is not None
    assert torch.allclose(both.loss, first.loss + second.loss)
    assert torch.allclose(both.sample_loss, first.sample_loss + second.sample_loss)
    total, weight = 0.0, 0.0
    history = {(int(u), int(i)): r for u, i, r in zip(data.train.user, data.train.item, data.train.rating, strict=True)}
    hidden = model.encode(
        model.item_vectors(), batch["items"], batch["types"], torch.zeros(len(batch["users"]), 0),
        batch["targets"][:, 1:] >= 0 if objective == "masked" else None,
    )  # fmt: skip
    for row, user in enumerate(batch["users"].tolist()):
        for column, item in enumerate(batch["judged"][row].tolist()):
            if item < 0:
                continue
            if objective == "causal":  # the item that comes next is judged, by what stands before it
                assert item == int(batch["items"][row, column])
            label = float(history[user, item] >= 4)
            assert label == float(batch["liked"][row, column])
            logit = model.like(hidden[row, column], model.item_vectors(), torch.tensor(item))
            own = float(batch["judged_weights"][row, column])
            total += own * float(functional.binary_cross_entropy_with_logits(logit, torch.tensor(label)))
            weight += own
    assert total / weight == pytest.approx(float(second.loss), rel=1e-5)


def test_learned_weights_are_those_of_the_paper() -> None:
    weights = Weights(SequenceOptions(tasks="next,rating", rating_weight=-1.0))
    assert weights.log_variance is not None
    optimizer = torch.optim.SGD(weights.parameters(), lr=0.5)
    for _ in range(400):
        optimizer.zero_grad()
        a, b, more = weights()
        (a * 6.0 + b * 0.25 + more).backward()
        optimizer.step()
    assert weights.values() == pytest.approx((1 / 12, 2.0), rel=1e-3)  # 1 / (2 L), where the sum is least
    fixed = Weights(SequenceOptions(tasks="next,rating", rating_weight=0.3))
    assert (fixed(), fixed.values()) == ((1.0, 0.3, 0.0), (1.0, 0.3))


def test_a_task_is_learned_on_a_model_that_had_another(tmp_path: Path) -> None:
    data = opinionated()
    store.save(fit(data, tmp_path / "one"), tmp_path / "start")
    start = {"start": str(tmp_path / "start")}
    with pytest.raises(ConfigError, match="has not learned the task rating"):
        fit(data, tmp_path / "two", **start, epochs=0, tasks="next,rating")
    both = fit(data, tmp_path / "two", **start, tasks="next,rating")
    assert isinstance(both, RatingSequence)
    store.save(both, tmp_path / "both")
    back = fit(data, tmp_path / "three", start=str(tmp_path / "both"), epochs=0)
    users = np.arange(data.n_users, dtype=np.int32)
    assert np.array_equal(back.score(users, data.train), both.score(users, data.train))
    kept = fit(data, tmp_path / "four", start=str(tmp_path / "both"), epochs=0, tasks="next,rating")
    assert isinstance(kept, RatingSequence)
    assert np.array_equal(
        kept.pair_logits(users, users % data.n_items, data.train),
        both.pair_logits(users, users % data.n_items, data.train),
    )


@pytest.mark.parametrize("threshold", [None, 0.0])
def test_nothing_is_learned_of_likes_where_there_are_none(threshold: float | None, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="like all of it or none"):
        fit(make_data(threshold=threshold), tmp_path, tasks="rating")


def test_the_script_orders_as_the_rating_model_does(tmp_path: Path) -> None:
    data = opinionated()
    fitted = fit(data, tmp_path / "run", tasks="rating")
    fitted.export(data, np.arange(data.n_items)[::-1], tmp_path / "out")
    import importlib.util

    spec = importlib.util.spec_from_file_location("answer", tmp_path / "out" / "answer.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    items = np.array([3, 7, 12], np.int32)
    own = Interactions(items * 0, items, np.array([5, 1, 5], np.float32), np.arange(3.0))
    scores = fitted.score(np.zeros(1, np.int32), own)[0]
    scores[items] = -np.inf
    told = [{"itemId": f"i{i}", "eventValue": float(r)} for i, r in zip(items, own.rating, strict=True)]
    assert script.answer(told, k=5) == [f"i{i}" for i in np.argsort(-scores)[:5]]
