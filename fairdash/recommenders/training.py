"""One training loop for every BERT here: `transformers.Trainer` with our batches, validation, checkpoints and stops.

    model = ...            # a TrainedModel: forward(**batch) → Output
    best = train(model, batches, validate, options=..., seed=0, device=choose("auto"), folder=run, progress=p, terms=())

What is added to the Trainer: validation NDCG@10 after every epoch with early stopping and the best weights restored,
weights averaged over the last epochs (Polyak & Juditsky 1992; here the latest count most), the terms of training
mitigations in the loss, checkpoints without pickle, a resume that repeats an unbroken run to the bit on a CPU, a stop
within one step, and halved batches when a GPU's memory does not suffice.
"""

from __future__ import annotations

import itertools
import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainerCallback, TrainingArguments

from fairdash import memory, settings, words
from fairdash.errors import ConfigError, ModelError
from fairdash.mitigation.base import TermBatch
from fairdash.progress import Progress
from fairdash.recommenders import parallel
from fairdash.recommenders.calibration import auc
from fairdash.recommenders.device import Device
from fairdash.recommenders.options import TrainingOptions
from fairdash.schema import Codes, Floats, TrainingData

Batch = dict[str, torch.Tensor]
CHECKPOINT_SECONDS = 10.0  # a checkpoint is written at an epoch's end when the last one is older than this
# Batches of ever other shapes leave the C library's heap full of gaps, which comes to gigabytes in an hour; at this
# distance giving them back costs nothing that can be measured.
GIVE_BACK_SECONDS = 3.0


@dataclass
class Output:
    """What a model's forward pass gives in training. loss: the mean loss of the batch, a scalar. The others are those
    of `mitigation.base.TermBatch`, [b] or [b, d]."""

    loss: torch.Tensor
    users: torch.Tensor
    vectors: torch.Tensor
    sample_loss: torch.Tensor
    probability: torch.Tensor | None = None
    label: torch.Tensor | None = None
    items: torch.Tensor | None = None
    target_score: torch.Tensor | None = None
    weight: torch.Tensor | None = None


class TrainedModel(Protocol):
    """A torch module whose forward pass takes a batch's tensors by name and gives an Output."""

    def __call__(self, **batch: torch.Tensor) -> Output:
        """The batch's losses."""


class Batches(Protocol):
    """The batches of an epoch, a pure function of (seed, epoch, index), so that a resumed run sees the same ones."""

    def __len__(self) -> int:
        """Batches of an epoch, the same in each."""

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose batches `batch` gives from now on, from 0."""

    def batch(self, index: int) -> Batch:
        """Tensors whose first dimension is the sample, so that a batch can be cut in two."""


Validate = Callable[[], Mapping[str, float]]  # → {"ndcg": …, "ndcg/gender=F": …}; the model is in eval mode


@dataclass
class Curve:
    """What training did: one row per epoch of loss, learning rate and the values of validation."""

    rows: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = -1
    best: float = float("-inf")
    stopped: str = "finished"  # or "no better validation for N epochs"
    notes: list[str] = field(default_factory=list)  # such as a batch that was halved


class _Learner(nn.Module):
    """The model and the terms of training mitigations: one loss, one set of parameters."""

    accepts_loss_kwargs = False  # the loss is a mean over the batch

    def __init__(self, model: nn.Module, terms: Sequence[nn.Module], device: Device) -> None:
        super().__init__()
        self.model = model
        self.terms = nn.ModuleList(terms)
        self.device = device
        self.done = 0.0

    def forward(self, **batch: torch.Tensor) -> torch.Tensor:
        with self.device.autocast():
            out: Output = self.model(**batch)
        loss = out.loss
        if parallel.workers() > 1:
            weight = out.weight if out.weight is not None else torch.ones_like(out.sample_loss)
            loss = loss * parallel.share(weight.sum())
        if len(self.terms):
            view = TermBatch(
                users=out.users,
                vectors=out.vectors.float(),
                sample_loss=out.sample_loss,
                done=self.done,
                probability=out.probability,
                label=out.label,
                items=out.items,
                target_score=out.target_score,
                weight=out.weight,
            )
            for term in self.terms:
                loss = loss + term(view)
        return loss


class _Loader(torch.utils.data.DataLoader[Batch]):
    """Hands the ready batches to the Trainer."""

    def __init__(self, batches: Batches) -> None:
        super().__init__(_Rows(batches), batch_size=None, shuffle=False)
        self.batches = batches

    def set_epoch(self, epoch: int) -> None:
        self.batches.set_epoch(epoch)


class _Rows(torch.utils.data.Dataset[Batch]):
    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        return self.batches.batch(index)


class _Trainer(Trainer):
    """Trainer with our loader, a retry in halves, and checkpoints that hold safetensors and json alone."""

    def __init__(self, learner: _Learner, batches: Batches, args: TrainingArguments, note: Callable[[str], None]):
        super().__init__(model=learner, args=args)
        self.learner, self.batches, self.note = learner, batches, note
        self.parts = 1  # a batch is computed in so many pieces

    def get_train_dataloader(self) -> _Loader:
        return _Loader(self.batches)

    def training_step(self, model: nn.Module, inputs: Batch, num_items_in_batch: Any = None) -> torch.Tensor:
        model.train()
        inputs = self._prepare_inputs(inputs)
        if parallel.workers() > 1:
            inputs = parallel.own(inputs)
        size = len(next(iter(inputs.values())))
        while True:
            try:
                return self._step(model, inputs, size)
            except torch.OutOfMemoryError:
                if self.parts >= size:
                    raise ModelError(
                        "The GPU's memory does not hold the model with a single sample.",
                        "Choose a smaller model, a shorter length, or the CPU.",
                    ) from None
                model.zero_grad()
                torch.cuda.empty_cache()
                self.parts *= 2
                self.note(f"The GPU's memory did not suffice: batches are now computed in {self.parts} parts.")

    def _step(self, model: nn.Module, inputs: Batch, size: int) -> torch.Tensor:
        total = torch.zeros((), device=self.args.device)
        pieces = min(self.parts, size)
        bounds = [size * i // pieces for i in range(pieces + 1)]
        for start, stop in itertools.pairwise(bounds):
            loss = model(**{name: tensor[start:stop] for name, tensor in inputs.items()}) * ((stop - start) / size)
            loss.backward()
            total += loss.detach()
        return total

    def _parts(self) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        """Optimizer and schedule, which exist once training has begun."""
        assert self.optimizer is not None
        assert self.lr_scheduler is not None
        return self.optimizer, self.lr_scheduler

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        _save_tensors(self.learner.state_dict(), folder / "weights.safetensors")

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        self.learner.load_state_dict(load_file(Path(resume_from_checkpoint) / "weights.safetensors"))

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.args.should_save:
            return
        optimizer, schedule = self._parts()
        state = optimizer.state_dict()["state"]
        flat = {f"{i}.{name}": torch.as_tensor(value) for i, row in state.items() for name, value in row.items()}
        _save_tensors(flat, Path(output_dir) / "optimizer.safetensors")
        (Path(output_dir) / "scheduler.json").write_text(json.dumps(schedule.state_dict(), default=_plain))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        optimizer, schedule = self._parts()
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in load_file(Path(checkpoint) / "optimizer.safetensors").items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        groups = optimizer.state_dict()["param_groups"]
        saved = json.loads((Path(checkpoint) / "scheduler.json").read_text())
        for group, rate in zip(groups, saved["_last_lr"], strict=True):
            group["lr"] = rate
        optimizer.load_state_dict({"state": state, "param_groups": groups})
        schedule.load_state_dict({**schedule.state_dict(), **saved})

    def _save_rng_state(self, output_dir: str) -> None:
        own = parallel.everybody(torch.get_rng_state())  # what dropout has drawn from, which hangs on the samples
        if not self.args.should_save:
            return
        states = {_generator(rank): state for rank, state in enumerate(own)}
        if torch.cuda.is_available():
            states["cuda"] = torch.cuda.get_rng_state()
        _save_tensors(states, Path(output_dir) / "generators.safetensors")

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        states = load_file(Path(checkpoint) / "generators.safetensors")
        torch.set_rng_state(states.get(_generator(parallel.rank()), states["cpu"]))  # more may go on than began
        if "cuda" in states and torch.cuda.is_available():
            torch.cuda.set_rng_state(states["cuda"])


def _generator(rank: int) -> str:
    """The name of a process's generator in a checkpoint."""
    return f"cpu-{rank}" if rank else "cpu"


def _plain(value: Any) -> Any:
    """What json can hold of a scheduler's state: its functions are rebuilt, not stored."""
    return value.item() if isinstance(value, (torch.Tensor, np.generic)) else None


def _save_tensors(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Tensors as safetensors; each is copied, since one file may not hold the same memory twice."""
    save_file({name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}, path)


class _Watch(TrainerCallback):
    """Validation, early stopping, curves, TensorBoard, progress, cancel: what happens between the steps."""

    def __init__(
        self,
        learner: _Learner,
        validate: Validate,
        by: str,
        options: TrainingOptions,
        folder: Path,
        progress: Progress,
        curve: Curve,
    ) -> None:
        self.learner, self.validate, self.by, self.options = learner, validate, by, options
        self.folder, self.progress, self.curve = folder, progress, curve
        from torch.utils.tensorboard import SummaryWriter  # here, so that models open where TensorBoard is missing

        self.writer = SummaryWriter(str(folder / "tensorboard"))
        self.best_weights: dict[str, torch.Tensor] = {}
        self.averaged = [weight.detach().clone() for weight in learner.model.parameters()] if options.average else []
        self.saved_at = self.given_back_at = time.monotonic()
        # from this part of the steps on all terms work in full
        settled: list[Any] = [getattr(term, "settled", 0.0) for term in learner.terms]
        self.settled = float(max(settled, default=0.0))

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.learner.done = state.global_step / max(state.max_steps, 1)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.learner.done = state.global_step / max(state.max_steps, 1)
        if self.averaged:
            start = round(self.settled * state.max_steps)  # what came before was another recommender
            seen = state.global_step - start if state.global_step > start else state.global_step
            # at most a quarter of what was seen: the first steps soon lie far behind
            window = min(self.options.average * state.max_steps / self.options.epochs, seen / 4)
            with torch.no_grad():
                for mean, weight in zip(self.averaged, self.learner.model.parameters(), strict=True):
                    mean.lerp_(weight, 1.0 / max(window, 1.0))
        if time.monotonic() - self.given_back_at > GIVE_BACK_SECONDS:
            memory.give_back()
            self.given_back_at = time.monotonic()
        self.progress(
            self.learner.done,
            words.say("Epoch {epoch} of {epochs}", epoch=math.ceil(state.epoch), epochs=self.options.epochs),
        )

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_log = True  # the Trainer sums the loss on the device and hands it to on_log

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        epoch = round(state.epoch)
        self._exchange()  # averaged weights are what is validated and kept
        found = self._validated() if parallel.first() else {}
        values = {"loss": float(logs["loss"]), "learning_rate": float(logs["learning_rate"]), **parallel.agreed(found)}
        self.curve.rows.append({"epoch": float(epoch), **values})
        for name, value in values.items():
            self.writer.add_scalar(name, value, epoch)
        self.writer.flush()
        if state.global_step < self.settled * state.max_steps:
            pass  # these would be the weights of a recommender whose mitigation has not set in
        elif values[self.by] > self.curve.best:
            self.curve.best, self.curve.best_epoch = values[self.by], epoch
            self.best_weights = {k: v.detach().cpu().clone() for k, v in self.learner.model.state_dict().items()}
        elif epoch - self.curve.best_epoch >= self.options.patience:
            self.curve.stopped = f"no better validation for {self.options.patience} epochs"
            control.should_training_stop = True
        self._exchange()
        self.progress(
            state.global_step / max(state.max_steps, 1),
            words.say(
                "Epoch {epoch} of {epochs}: validation NDCG@10 {ndcg}",
                epoch=epoch,
                epochs=self.options.epochs,
                ndcg=words.number(values["ndcg"], 4),
            ),
            values,
        )
        late = parallel.agreed(time.monotonic() - self.saved_at > CHECKPOINT_SECONDS)
        if late and not control.should_training_stop:
            control.should_save = True

    def _exchange(self) -> None:
        """The model's weights for their averages, or back."""
        with torch.no_grad():
            for mean, weight in zip(self.averaged, self.learner.model.parameters(), strict=bool(self.averaged)):
                now = weight.detach().clone()
                weight.copy_(mean)
                mean.copy_(now)

    def _validated(self) -> Mapping[str, float]:
        self.learner.eval()
        with torch.inference_mode():
            values = self.validate()
        self.learner.train()
        return values

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Beside the Trainer's own state: the best weights so far, the averages and the curve. `ready` marks a whole
        checkpoint and says how large its files are."""
        self.saved_at = time.monotonic()
        if not args.should_save:
            return
        target = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        _save_tensors(self.best_weights, target / "best.safetensors")
        _save_tensors({str(i): mean for i, mean in enumerate(self.averaged)}, target / "averaged.safetensors")
        (target / "curve.json").write_text(json.dumps(vars(self.curve)))
        (target / "ready").write_text(json.dumps(_sizes(target)))

    def resume(self, checkpoint: Path) -> None:
        self.best_weights = load_file(checkpoint / "best.safetensors")
        means = load_file(checkpoint / "averaged.safetensors")
        for i, mean in enumerate(self.averaged):
            mean.copy_(means[str(i)])
        vars(self.curve).update(json.loads((checkpoint / "curve.json").read_text()))


def train(
    model: nn.Module,
    batches: Batches,
    validate: Validate,
    *,
    options: TrainingOptions,
    seed: int,
    device: Device,
    folder: Path,
    progress: Progress,
    terms: Sequence[nn.Module] = (),
    by: str = "ndcg",
) -> Curve:
    """Train `model` in place and leave its best weights (by that value of validation) in it, in eval mode on `device`.

    Checkpoints lie in folder/checkpoints; where one is found, the training goes on from it. TensorBoard files lie in
    folder/tensorboard. Raises `errors.Cancelled` from `progress` between two steps.
    """
    logging.getLogger("transformers.trainer").setLevel(logging.ERROR)
    learner = _Learner(model, terms, device)
    curve = Curve()
    checkpoints = folder / "checkpoints"
    args = TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=options.epochs,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        warmup_steps=options.warmup,
        lr_scheduler_type="cosine",
        optim="adamw_torch_fused" if device.kind != "mps" else "adamw_torch",
        max_grad_norm=1.0,
        logging_strategy="no",
        eval_strategy="no",
        save_strategy="no",
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
        seed=seed,
        use_cpu=device.kind == "cpu",
        ddp_backend="gloo" if parallel.workers() > 1 else None,
        ddp_find_unused_parameters=True if parallel.workers() > 1 else None,  # a BERT has words that are not read
        ignore_data_skip=True,
        remove_unused_columns=False,
        logging_nan_inf_filter=False,
        dataloader_pin_memory=False,
    )

    def note(text: str) -> None:
        curve.notes.append(text)
        progress(learner.done, text)

    trainer = _Trainer(learner, batches, args, note)
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    if isinstance(validate, Validation):  # so that a stop need not wait for all people to be ranked
        validate.between = lambda: progress(learner.done, words.say("Validating"))
    watch = _Watch(learner, validate, by, options, folder, progress, curve)
    trainer.add_callback(watch)
    checkpoint = parallel.agreed(_last_whole(checkpoints) if parallel.first() else None)
    if checkpoint is not None:
        watch.resume(checkpoint)
    try:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    finally:
        watch.writer.close()
    if not np.isfinite(curve.best):
        raise ModelError(
            "Training gave no usable model: its loss or its validation NDCG is not a number.",
            "Lower learning_rate, or check the data for people without validation items.",
        )
    model.load_state_dict(watch.best_weights)
    model.to(device.torch).eval()
    (folder / "curve.json").write_text(json.dumps(vars(curve)))
    shutil.rmtree(checkpoints, ignore_errors=True)  # nothing is left to resume
    return curve


def _last_whole(checkpoints: Path) -> Path | None:
    """The newest checkpoint that was written to its end and is as it was then; broken ones are removed."""
    for path in checkpoints.glob("checkpoint-*"):
        try:
            whole = json.loads((path / "ready").read_text()) == _sizes(path)
        except (OSError, ValueError):
            whole = False
        if not whole:
            shutil.rmtree(path)
    return max(checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]), default=None)


def _sizes(checkpoint: Path) -> dict[str, int]:
    """Bytes of each file of a checkpoint, by name."""
    return {file.name: file.stat().st_size for file in checkpoint.iterdir() if file.is_file() and file.name != "ready"}


class Validation:
    """NDCG@10 on validation items, the whole catalogue ranked, training items left out: overall and by group.

    score: (users) → scores [len(users), n_items] on any device, -inf for what is no candidate. At most `limit` people,
    chosen by the seed. judge: (users, items) → logits [n] of P(like), where these are learned: then there is "auc",
    too, of liked against other validation pairs (0.5 where there are none of either).
    """

    def __init__(
        self,
        data: TrainingData,
        score: Callable[[Codes], torch.Tensor],
        judge: Callable[[Codes, Codes], Floats] | None = None,
        *,
        seed: int = 0,
        limit: int = 20_000,
    ) -> None:
        self.score, self.judge = score, judge
        self.between: Callable[[], None] = lambda: None  # called between slices of people
        valid, threshold = data.valid, data.relevance_threshold
        liked = valid.rating >= threshold if threshold is not None else np.ones(len(valid), bool)
        if not liked.any():
            liked = np.ones(len(valid), bool)
        self.relevant = valid.take(np.flatnonzero(liked)).matrix(data.n_users, data.n_items)
        self.seen = data.train.matrix(data.n_users, data.n_items)
        users = np.flatnonzero(np.diff(self.relevant.indptr)).astype(np.int32)
        if len(users) > limit:
            users = np.sort(np.random.default_rng(seed).choice(users, limit, replace=False)).astype(np.int32)
        if not len(users):
            raise ConfigError("There are no validation items.", "Split the data with a validation share above 0.")
        self.users = users
        self.groups = _groups(data, users)
        self.pairs = valid.take(np.flatnonzero(np.isin(valid.user, users)))
        self.liked = self.pairs.rating >= threshold if threshold is not None else np.ones(len(self.pairs), bool)

    def __call__(self) -> dict[str, float]:
        """NDCG@10, Recall@10 and the groups' gap on validation, as the curve shows them."""
        k, values = 10, np.zeros(len(self.users))
        gains = 1.0 / np.log2(np.arange(2, k + 2))
        for start in range(0, len(self.users), 512):
            self.between()
            users = self.users[start : start + 512]
            scores = self.score(users).float()
            seen, relevant = self.seen[users], self.relevant[users].toarray()
            rows = np.repeat(np.arange(len(users)), np.diff(seen.indptr))
            memory.give_back()
            scores[torch.from_numpy(rows).to(scores.device), torch.from_numpy(seen.indices).to(scores.device)] = -np.inf
            best = torch.topk(scores, min(k, scores.shape[1]), dim=1)
            top, scored = best.indices.cpu().numpy(), torch.isfinite(best.values).cpu().numpy()
            hits = np.take_along_axis(relevant, top, axis=1) & scored  # [b, k]; what is no candidate is not listed
            ideal = np.cumsum(gains)[np.minimum(relevant.sum(1), k) - 1]
            values[start : start + len(users)] = hits @ gains[: top.shape[1]] / ideal
        result = {"ndcg": float(values.mean())}
        result.update({f"ndcg/{name}": float(values[rows].mean()) for name, rows in self.groups.items()})
        if self.judge is not None:
            found = auc(self.judge(self.pairs.user, self.pairs.item), self.liked)
            result["auc"] = 0.5 if math.isnan(found) else found
        return result


def _groups(data: TrainingData, users: Codes) -> dict[str, NDArray[np.int64]]:
    """Rows of `users` by value of each attribute of people that has two to six values, for the curves by group; without
    groups of fewer than the least size, and without an attribute whose few others the rest would tell."""
    groups: dict[str, NDArray[np.int64]] = {}
    for column in data.users.columns[1:]:
        values = data.users[column].astype("string").fillna("(unknown)").to_numpy()[users]
        names = np.unique(values)
        rows = {f"{column}={name}": np.flatnonzero(values == name) for name in names}
        told = {name: own for name, own in rows.items() if len(own) >= settings.MIN_GROUP_SIZE}
        left = len(users) - sum(map(len, told.values()))
        if 2 <= len(names) <= 6 and not 0 < left < settings.FEWEST:
            groups.update(told)
    return groups
