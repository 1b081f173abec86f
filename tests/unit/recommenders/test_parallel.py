"""Two processes train as one: the same loss curve, and the same scores, but for rounding; also where one is lost."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from fairdash.engines import Lost, R, S, nothing
from fairdash.engines.local import Local
from fairdash.errors import ConfigError
from fairdash.progress import silent
from fairdash.recommenders import build, parallel
from fairdash.recommenders import training as loop
from fairdash.recommenders.base import CatalogueFitted, Fitted
from tests.unit.recommenders.conftest import make_data

OPTIONS = {"width": 16, "layers": 1, "length": 12, "items": "id", "dropout": 0.0, "batch": 4, "epochs": 3}
TOLERANCE = 1e-4  # of the loss of an epoch, which two processes round in another order


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_CPU_BF16", "0")
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    # A process of its own begins with the main module, and a page that was tried leaves a script of its own as that.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CatalogueFitted]:
    """The training by one process: its folder, and what it made."""
    folder = tmp_path_factory.mktemp("one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRDASH_CPU_BF16", "0")
        one = build("bert_sequence", OPTIONS).fit(make_data(), seed=0, device="cpu", folder=folder, progress=silent)
    assert isinstance(one, CatalogueFitted)
    return folder, one


class Told:
    """A Progress that keeps all."""

    def __init__(self) -> None:
        self.said: list[tuple[float, str, Mapping[str, float] | None]] = []

    def __call__(self, done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        self.said.append((done, message, values))


def is_that_of_one(two: Fitted, folder: Path, alone: tuple[Path, CatalogueFitted]) -> None:
    """The same loss curve within the stated tolerance, and the same scores, and nothing is left of the meeting."""
    curves = [json.loads((each / "curve.json").read_text())["rows"] for each in (alone[0], folder)]
    assert len(curves[0]) == len(curves[1]) == 3
    for mine, theirs in zip(*curves, strict=True):
        assert mine.keys() == theirs.keys()
        assert theirs["loss"] == pytest.approx(mine["loss"], abs=TOLERANCE)
    data = make_data()
    users = np.arange(data.n_users, dtype=np.int32)
    assert isinstance(two, CatalogueFitted)
    np.testing.assert_allclose(two.score(users, data.train), alone[1].score(users, data.train), atol=1e-3)
    assert sorted(path.name for path in folder.iterdir()) == ["curve.json", "tensorboard"]


def test_two_processes_take_the_steps_of_one(tmp_path: Path, alone: tuple[Path, CatalogueFitted]) -> None:
    told = Told()
    training = parallel.Training("bert_sequence", OPTIONS, make_data(), 0, tmp_path, 2)
    two = parallel.fit(training, Local(2), told)
    is_that_of_one(two, tmp_path, alone)
    curves = [values for _, _, values in told.said if values]
    assert len(curves) == 3
    assert all({"loss", "learning_rate", "ndcg"} <= values.keys() for values in curves)
    assert [done for done, _, values in told.said if values] == pytest.approx([1 / 3, 2 / 3, 1])
    assert any(message.startswith("Epoch 3 of 3: validation NDCG@10") for _, message, _ in told.said)


class Fragile(Local):
    """Keeps a checkpoint of each epoch; a worker is killed once, after one is there."""

    def together(
        self, function: Callable[[S, int, str], R], shared: S, n: int, meanwhile: Callable[[], None] = nothing
    ) -> list[R]:
        assert function is parallel._part
        return super().together(fragile, shared, n, meanwhile)  # type: ignore[arg-type]


def fragile(training: parallel.Training, rank: int, name: str) -> None:
    """A worker of `Fragile`."""
    loop.CHECKPOINT_SECONDS = 0.0
    checkpoints, killed = training.folder / "checkpoints", training.folder.parent / "killed"

    def begins(*_: Any, **__: Any) -> None:
        if rank == 1 and not killed.exists() and any(checkpoints.glob("*/ready")):
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    loop._Watch.on_step_begin = begins  # type: ignore[method-assign]
    parallel._part(training, rank, name)


def test_a_training_goes_on_from_its_checkpoint_when_a_worker_is_lost(
    tmp_path: Path, alone: tuple[Path, CatalogueFitted]
) -> None:
    told, folder = Told(), tmp_path / "two"
    training = parallel.Training("bert_sequence", OPTIONS, make_data(), 0, folder, 2)
    two = parallel.fit(training, Fragile(2), told)
    assert (tmp_path / "killed").exists()
    is_that_of_one(two, folder, alone)
    anew = next(i for i, (_, message, _) in enumerate(told.said) if message.startswith("A worker was lost"))
    steps = [done for done, message, _ in told.said[anew:] if message.startswith("Epoch")]
    assert min(steps) > 1 / 3


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError("[/x/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer"), True),
        (torch.distributed.DistNetworkError("it does not answer"), True),
        (RuntimeError("the shapes do not fit"), False),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), False),
        (ValueError("gloo"), False),
    ],
)
def test_only_one_who_does_not_answer_is_lost(
    error: Exception, lost: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("init_process_group", "destroy_process_group", "barrier"):
        monkeypatch.setattr(torch.distributed, name, lambda *_, **__: None)
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "0")  # put back at the end
    training = parallel.Training("bert_sequence", OPTIONS, make_data(), 0, tmp_path, 2)
    with pytest.raises(Lost if lost else type(error)) as caught, parallel._meeting(training, 0, "a"):
        raise error
    assert isinstance(caught.value, Lost) == lost


def test_what_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="training of ease cannot be shared"):
        parallel.fit(parallel.Training("ease", {}, make_data(), 0, tmp_path, 2), Local(2), silent)
    with pytest.raises(ConfigError, match="workers at the same time are asked for"):
        parallel.fit(parallel.Training("bert_sequence", OPTIONS, make_data(), 0, tmp_path, 1000), Local(2), silent)
