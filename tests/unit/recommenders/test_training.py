"""The training loop: early stopping, best weights, resume, cancel, halved batches, curves, estimates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from fairdash import settings
from fairdash.errors import Cancelled, ConfigError, ModelError
from fairdash.progress import silent
from fairdash.recommenders import RECOMMENDERS, build, training
from fairdash.recommenders.base import Cost, Sizes
from fairdash.recommenders.device import Device, choose
from fairdash.recommenders.estimate import estimate
from fairdash.recommenders.options import TrainingOptions
from fairdash.recommenders.training import Batch, Output, Validation, train
from fairdash.schema import Codes

from .conftest import make_data
from .test_bert_sequence import SMALL, fit

CPU = choose("cpu")


class Line(nn.Module):
    """Fits y = 2x + noise, with dropout, so that the state of the generators matters."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4))
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Output:
        loss = (self.dropout(x) @ self.weight - y).square()
        return Output(loss.mean(), users=torch.arange(len(x)), vectors=x, sample_loss=loss)


class Points:
    def __init__(self) -> None:
        self.epoch = 0

    def __len__(self) -> int:
        return 5

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def batch(self, index: int) -> Batch:
        generator = torch.Generator().manual_seed(100 * self.epoch + index)
        x = torch.randn(8, 4, generator=generator)
        return {"x": x, "y": 2 * x.sum(1)}


def run_line(
    folder: Path,
    validate: Any,
    progress: Any = silent,
    epochs: int = 6,
    patience: int = 50,
    average: float = 0.0,
    model: Line | None = None,
) -> Any:
    torch.manual_seed(0)
    model = Line() if model is None else model
    options = TrainingOptions(epochs=epochs, learning_rate=0.1, patience=patience, average=average)
    curve = train(
        model,
        Points(),
        lambda: validate(model),
        options=options,
        seed=0,
        device=CPU,
        folder=folder,
        progress=progress,
    )
    return model, curve


def closeness(model: Line) -> dict[str, float]:
    return {"ndcg": 1.0 - float((model.weight - 2).abs().mean()) / 2}


def test_best_weights_come_back(run: Path) -> None:
    seen: list[torch.Tensor] = []
    values = iter([0.1, 0.5, 0.3, 0.2, 0.1, 0.0])

    def validate(model: Line) -> dict[str, float]:
        seen.append(model.weight.detach().clone())
        return {"ndcg": next(values)}

    model, curve = run_line(run, validate)
    assert curve.best == 0.5
    assert curve.best_epoch == 2
    assert torch.equal(model.weight, seen[1])
    assert not model.training


def test_stops_early_and_says_so(run: Path) -> None:
    values = iter([0.3, 0.2, 0.1, 0.1, 0.9, 0.9])
    _, curve = run_line(run, lambda model: {"ndcg": next(values)}, patience=2)
    assert len(curve.rows) == 3
    assert curve.best_epoch == 1
    assert "2 epochs" in curve.stopped


def test_averaged_weights_are_validated_and_kept(tmp_path: Path) -> None:
    steps: list[torch.Tensor] = []
    seen: list[torch.Tensor] = []

    model = Line()

    def step(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        if values is None and message.startswith("Epoch"):
            steps.append(model.weight.detach().clone())

    def validate(model: Line) -> dict[str, float]:
        seen.append(model.weight.detach().clone())
        return {"ndcg": float(len(seen))}

    run_line(tmp_path, validate, step, average=1.0, model=model)
    assert len(steps) == 30
    # by hand: a window of an epoch (5 steps), at most a quarter of the steps so far, at least one step
    mean = torch.zeros(4)
    for i, weight in enumerate(steps, start=1):
        mean = mean + (weight - mean) / max(1.0, min(5.0, i / 4))
        if i % 5 == 0:
            assert torch.allclose(seen[i // 5 - 1], mean, atol=1e-6)
    assert torch.allclose(model.weight, mean, atol=1e-6)  # the last epoch was the best one
    assert not torch.allclose(model.weight, steps[-1], atol=1e-4)
    rising = iter(range(6))
    plain, _ = run_line(tmp_path / "plain", lambda model: {"ndcg": float(next(rising))})
    assert torch.equal(plain.weight, steps[-1])  # the average changes no step of the training


@pytest.mark.parametrize("average", [0.0, 2.0])
@pytest.mark.parametrize("stop_after", [3, 12, 17])
def test_resume_equals_an_unbroken_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_after: int, average: float
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)  # after every epoch
    whole, curve = run_line(tmp_path / "whole", closeness, average=average)
    steps = 0

    def kill(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        nonlocal steps
        steps += values is None
        if steps == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_line(tmp_path / "broken", closeness, kill, average=average)
    again, resumed = run_line(tmp_path / "broken", closeness, average=average)
    assert torch.equal(again.weight, whole.weight)
    assert resumed.rows == curve.rows
    assert (resumed.best, resumed.best_epoch) == (curve.best, curve.best_epoch)
    assert not (tmp_path / "broken" / "checkpoints").exists()  # nothing is left to resume


def test_half_written_checkpoint_is_ignored(tmp_path: Path) -> None:
    broken = tmp_path / "checkpoints" / "checkpoint-5"
    broken.mkdir(parents=True)
    (broken / "weights.safetensors").write_bytes(b"half")
    _, curve = run_line(tmp_path, closeness, epochs=2)
    assert len(curve.rows) == 2


def test_checkpoints_hold_no_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)

    def stop(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        if done > 0.7:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        run_line(tmp_path, closeness, stop)
    files = [path for path in (tmp_path / "checkpoints").rglob("*") if path.is_file()]
    assert files
    assert {path.suffix for path in files} <= {".safetensors", ".json", ""}


def test_cancel_stops_at_the_next_step(run: Path) -> None:
    calls = 0

    def cancel(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        run_line(run, closeness, cancel)
    assert calls == 3


def test_progress_and_curves(run: Path) -> None:
    seen: list[tuple[float, dict[str, float]]] = []

    def progress(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        if values is not None:
            seen.append((done, dict(values)))

    _, curve = run_line(run, lambda model: {**closeness(model), "ndcg/gender=F": 0.5}, progress)
    assert [done for done, _ in seen] == pytest.approx([i / 6 for i in range(1, 7)])
    assert all({"loss", "ndcg", "ndcg/gender=F", "learning_rate"} <= set(values) for _, values in seen)
    assert seen[-1][1]["loss"] < seen[0][1]["loss"]
    board = EventAccumulator(str(run / "tensorboard"))
    board.Reload()
    assert set(board.Tags()["scalars"]) >= {"loss", "ndcg", "ndcg/gender=F"}
    assert [event.value for event in board.Scalars("ndcg")] == pytest.approx([row["ndcg"] for row in curve.rows])
    assert json.loads((run / "curve.json").read_text())["best"] == curve.best


def test_too_little_memory_halves_the_batch(run: Path) -> None:
    """The gradient of a batch in parts is that of the whole; the person is told."""

    class Small(Line):
        def __init__(self, room: int) -> None:
            super().__init__()
            self.room, self.dropout = room, nn.Dropout(0.0)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> Output:
            if len(x) > self.room:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x, y)

    plain = Device("cpu", False, "float32")  # bfloat16 would round the parts differently
    weights, notes = [], []
    for room in (8, 2):
        model = Small(room)
        options = TrainingOptions(epochs=2, learning_rate=0.1)
        curve = train(
            model,
            Points(),
            lambda model=model: closeness(model),
            options=options,
            seed=0,
            device=plain,
            folder=run / str(room),
            progress=silent,
        )
        weights.append(model.weight.detach().clone())
        notes.append(curve.notes)
    torch.testing.assert_close(weights[0], weights[1])
    assert notes[0] == []
    assert "4 parts" in notes[1][-1]
    with pytest.raises(ModelError, match="single sample"):
        train(
            Small(0),
            Points(),
            lambda: {"ndcg": 0.0},
            options=TrainingOptions(epochs=1),
            seed=0,
            device=CPU,
            folder=run / "none",
            progress=silent,
        )


def test_a_loss_that_is_no_number_is_an_error(run: Path) -> None:
    with pytest.raises(ModelError, match="not a number"):
        run_line(run, lambda model: {"ndcg": float("nan")}, epochs=1)


@pytest.mark.parametrize("architecture", ["gated", "bert"])
def test_bert_sequence_resumes_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)
    data = make_data()
    users = np.arange(data.n_users, dtype=np.int32)
    whole = fit(data, tmp_path / "whole", epochs=4, architecture=architecture, negatives=20).score(users, data.train)

    def kill(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        if done > 0.6 and values is None:
            raise KeyboardInterrupt

    recommender = build("bert_sequence", {**SMALL, "epochs": 4, "architecture": architecture, "negatives": 20})
    with pytest.raises(KeyboardInterrupt):
        recommender.fit(data, seed=0, device="cpu", folder=tmp_path / "broken", progress=kill)
    resumed = recommender.fit(data, seed=0, device="cpu", folder=tmp_path / "broken", progress=silent)
    assert np.array_equal(resumed.score(users, data.train), whole)


def test_validation_is_ndcg_over_unseen_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MIN_GROUP_SIZE", 2)
    data = make_data(threshold=None)
    rng = np.random.default_rng(0)
    scores = rng.random((data.n_users, data.n_items)).astype(np.float32)

    def score(users: Codes) -> torch.Tensor:
        return torch.from_numpy(scores[users])

    values = Validation(data, score)()
    expected = []
    for user, item in zip(data.valid.user, data.valid.item, strict=True):
        row = scores[user].copy()
        row[data.train.item[data.train.user == user]] = -1
        rank = int((row > row[item]).sum())
        expected.append(1 / np.log2(rank + 2) if rank < 10 else 0.0)
    assert values["ndcg"] == pytest.approx(np.mean(expected))
    women = (data.users["gender"] == "F").to_numpy()[data.valid.user]
    assert values["ndcg/gender=F"] == pytest.approx(np.mean(np.array(expected)[women]))
    assert not any("age" in name for name in values)  # too many values for a curve each
    monkeypatch.setattr(settings, "MIN_GROUP_SIZE", data.n_users)
    assert set(Validation(data, score)()) == {"ndcg"}  # no curve tells of few people


def test_no_validation_items_is_an_error() -> None:
    data = make_data()
    with pytest.raises(ConfigError, match="validation"):
        Validation(data.with_(valid=data.valid.take(np.zeros(0, np.int64))), lambda users: torch.zeros(1))


def test_estimate_grows_with_the_work() -> None:
    data = make_data()
    cost = RECOMMENDERS["bert_sequence"].cost
    assert cost is not None
    one, two = (cost(build("bert_sequence", {"epochs": e}).config, Sizes.of(data)) for e in (10, 20))
    assert two.flops == pytest.approx(2 * one.flops)
    said = estimate(one, CPU)
    assert said.seconds > 0
    assert "GB" in said.sentence
    assert "This machine has" in estimate(Cost(1e12, 1e16), CPU).sentence


def test_cancel_does_not_wait_for_a_long_validation(run: Path) -> None:
    data = make_data()
    slices = 0

    def cancel(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        nonlocal slices
        slices += message == "Validating"
        if slices:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        build("bert_sequence", SMALL).fit(data, seed=0, device="cpu", folder=run, progress=cancel)
    assert slices == 1


def test_time_and_memory_are_said_before_the_start(run: Path) -> None:
    said: list[str] = []

    def listen(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        said.append(message)

    build("bert_sequence", {**SMALL, "epochs": 1}).fit(make_data(), seed=0, device="cpu", folder=run, progress=listen)
    assert "CPU" in said[0]
    assert "GB of memory" in said[0]
