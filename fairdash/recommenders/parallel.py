"""One training by several processes: each computes its part of every batch, and all take the same step.

The step is that of the whole batch: each process's mean counts as much as what it is over, so that the loss curve is
that of one process but for dropout's draws and rounding (Li et al. 2020, PyTorch Distributed). Processors talk over
gloo. All processes see the same folder, where the first of them keeps checkpoints; who is lost takes the others along,
and they go on from the last one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import distributed

from fairdash import words
from fairdash.engines import Engine, Lost
from fairdash.errors import ConfigError
from fairdash.progress import Heard, Progress, silent, telling
from fairdash.recommenders import build, find, store
from fairdash.recommenders.base import Fitted
from fairdash.schema import TrainingData

T = TypeVar("T")
PATIENCE = timedelta(minutes=30)  # in which the others have to come: one may validate for long
TOLD = "told.jsonl"  # in the training's folder: how far it is
FITTED = "together"  # in the training's folder: what the first process leaves there


@dataclass(frozen=True, eq=False)
class Training:
    """What all processes know: see `Recommender.fit`."""

    recommender: str
    options: Mapping[str, Any]
    data: TrainingData
    seed: int
    folder: Path
    workers: int


def fit(training: Training, engine: Engine, progress: Progress) -> Fitted:
    """The recommender, fitted by so many workers of the engine; a folder in which a training stopped half-way goes on.
    Raises ConfigError for one whose training cannot be shared, and what progress raises."""
    if not find(training.recommender).shared:
        raise ConfigError(
            words.say("The training of {name} cannot be shared by several workers.", name=training.recommender),
            words.say("Leave out --workers."),
        )
    training.folder.mkdir(parents=True, exist_ok=True)
    told = training.folder / TOLD
    told.unlink(missing_ok=True)
    heard = Heard(told, progress)
    engine.together(_part, training, training.workers, heard)
    heard()
    told.unlink(missing_ok=True)
    fitted = store.load(training.folder / FITTED)
    shutil.rmtree(training.folder / FITTED)
    return fitted


def _part(training: Training, rank: int, name: str) -> None:
    place = training.folder if rank == 0 else training.folder / f"worker-{rank}"
    recommender = build(training.recommender, dict(training.options))
    torch.set_num_threads(max(1, torch.get_num_threads() // training.workers))  # they may share a machine's cores
    anew = (training.folder / TOLD).exists()
    with _meeting(training, rank, name), telling(training.folder / TOLD) if rank == 0 else nullcontext(silent) as told:
        if anew:
            told(0.0, words.say("A worker was lost; all go on from the last checkpoint"))
        fitted = recommender.fit(training.data, seed=training.seed, device="cpu", folder=place, progress=told)
        if rank == 0:
            fitted.save(training.folder / FITTED)
    if rank:
        shutil.rmtree(place)


@contextmanager
def _meeting(training: Training, rank: int, name: str) -> Iterator[None]:
    file = training.folder / f"meeting-{name}"
    known = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": training.workers, "LOCAL_WORLD_SIZE": training.workers,
             "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 0}  # fmt: skip  # transformers asks for all of them
    os.environ.update({key: str(value) for key, value in known.items()})
    distributed.init_process_group(
        "gloo", init_method=file.absolute().as_uri(), rank=rank, world_size=training.workers, timeout=PATIENCE
    )
    try:
        yield
        distributed.barrier()
    except RuntimeError as error:
        if isinstance(error, distributed.DistError) or "/gloo/" in str(error):  # it names its file; all else is ours
            raise Lost(str(error)) from error
        raise
    finally:
        distributed.destroy_process_group()
        if rank == 0:
            for each in training.folder.glob("meeting-*"):  # those of lost ones, too
                each.unlink(missing_ok=True)


def workers() -> int:
    """How many processes train together; 1 where this one trains alone."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """This process's place among them, from 0."""
    return distributed.get_rank() if workers() > 1 else 0


def first() -> bool:
    """Whether this is the process that says and keeps what becomes of the training."""
    return rank() == 0


def agreed(value: T) -> T:
    """The first process's value, in all of them."""
    if workers() == 1:
        return value
    told = [value]
    distributed.broadcast_object_list(told, src=0)
    return told[0]


def everybody(value: T) -> list[T]:
    """The values of all processes, by rank, in each of them."""
    if workers() == 1:
        return [value]
    told: list[Any] = [None] * workers()
    distributed.all_gather_object(told, value)
    return told


def own(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """This process's samples of a batch; the whole of one that has too few for all."""
    size = len(next(iter(batch.values())))
    if size < workers():
        return batch
    mine = slice(rank(), None, workers())
    return {name: tensor[mine] for name, tensor in batch.items()}


def share(weight: torch.Tensor) -> torch.Tensor:
    """By what a mean over this process's samples is multiplied, so that the mean over processes is that over all
    samples. weight: what the samples count together, a scalar."""
    total = weight.detach().clone()
    distributed.all_reduce(total)
    return weight.detach() * workers() / total.clamp(min=1e-6)
