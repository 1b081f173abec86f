"""What each hand-made part of `bert_sequence` buys: training steps with it and with plain PyTorch in its place.

    python -m tests.bench.sequence_parts [softmax windows] [--rounds 5]

softmax: `softmax_loss` against logits and `cross_entropy`, over the whole catalogue and over 4,096 sampled items.
windows: batches of windows of like length against as many windows as `batch` in any order, padded to the longest; here
seconds are per item learned from.

Made-up data of the shape of MovieLens; both kinds take turns on the same batches, so that a busy machine slows both.
Ratios are of processor time, plain over hand-made: above 1 is what the part saves.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from unittest import mock

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from fairdash.recommenders.bert_sequence import NEGATIVES, TEXT_WIDTH, SequenceOptions, network
from fairdash.recommenders.bert_sequence.network import SequenceModel
from fairdash.recommenders.bert_sequence.windows import SequenceBatches
from fairdash.recommenders.device import choose
from fairdash.recommenders.training import Batch
from fairdash.schema import Interactions, TrainingData

PARTS = ("softmax", "windows")


@dataclass(frozen=True)
class Shape:
    """people with about `each` items of a history, most with fewer; dropout: what the data's size gives."""

    name: str
    people: int
    items: int
    each: float
    dropout: float
    negatives: int = 0


SHAPES = (
    Shape("like MovieLens-100K", 943, 1682, 80, 0.45),
    Shape("like MovieLens-1M", 3000, 3706, 165, 0.2),
    Shape("a catalogue of 50,000", 2000, 50_000, 80, 0.2, NEGATIVES),
)


def made_up(shape: Shape) -> TrainingData:
    """Skewed lengths of histories as people have them; items by popularity."""
    rng = np.random.default_rng(0)
    counts = np.clip(rng.lognormal(np.log(shape.each) - 0.4, 0.9, shape.people), 5, 2000).astype(int)
    user = np.repeat(np.arange(shape.people, dtype=np.int32), counts)
    item = (shape.items * rng.random(len(user)) ** 2).astype(np.int32)
    rows = Interactions(user, item, np.ones(len(user), np.float32), np.arange(len(user), dtype=float))
    return TrainingData(
        pd.DataFrame({"user_id": np.arange(shape.people).astype(str)}),
        pd.DataFrame({"item_id": np.arange(shape.items).astype(str)}),
        rows,
        rows.take(np.empty(0, np.int64)),
    )


def plain_softmax(
    hidden: torch.Tensor, vectors: torch.Tensor, bias: torch.Tensor, targets: torch.Tensor, negatives: int
) -> torch.Tensor:
    """`softmax_loss` as one writes it: logits of every item, or of the target and a draw, whose items that are not the
    target stand for all others."""
    m = len(vectors)
    if negatives >= m:
        return functional.cross_entropy((functional.linear(hidden, vectors) + bias).float(), targets, reduction="none")
    drawn = torch.randperm(m)[:negatives]
    logits = (functional.linear(hidden, vectors[drawn]) + bias[drawn]).float()
    is_target = drawn == targets[:, None]
    stands = torch.log((m - 1) / (negatives - is_target.sum(1, keepdim=True)))
    logits = (logits + stands).masked_fill(is_target, -torch.inf)
    own = ((hidden * vectors[targets]).sum(1) + bias[targets]).float()
    logits = torch.cat([own[:, None], logits], dim=1)
    return functional.cross_entropy(logits, torch.zeros_like(targets), reduction="none")


def plain_windows(batches: SequenceBatches, batch: int) -> None:
    order = np.random.default_rng(0).permutation(len(batches.size))
    batches.parts = [order[i : i + batch] for i in range(0, len(order), batch)]


class Side:
    """One kind: a model, its optimizer and its batches. Two of a seed begin alike."""

    def __init__(self, shape: Shape, data: TrainingData, part: str) -> None:
        self.options = SequenceOptions(dropout=shape.dropout, negatives=shape.negatives)
        self.device = choose("cpu")
        torch.manual_seed(0)
        model = SequenceModel(self.options, torch.randn(shape.items, TEXT_WIDTH), torch.empty(0, 0), self.device)
        self.model = model.train()
        zeros = np.zeros(len(data.train), np.int64)
        self.batches = SequenceBatches(data, self.options, zeros, np.zeros(data.n_users, np.int64), (), 0)
        self.patch: Callable[[], AbstractContextManager[object]] = nullcontext
        if part == "softmax":
            self.patch = lambda: mock.patch.object(network, "softmax_loss", plain_softmax)
        elif part == "windows":
            plain_windows(self.batches, self.options.batch)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, fused=True)

    def step(self, index: int) -> tuple[float, float]:
        """Processor seconds of one training step, its batch included, and the items that were targets."""
        start = time.process_time()
        batch: Batch = self.batches.batch(index % len(self.batches.parts))
        with self.patch(), self.device.autocast():
            loss = self.model(**batch).loss
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return time.process_time() - start, float((batch["targets"] >= 0).sum())


def measure(shape: Shape, part: str, rounds: int) -> str:
    data = made_up(shape)
    ours, plain = Side(shape, data, ""), Side(shape, data, part)
    rows = np.array([(*ours.step(i), *plain.step(i)) for i in range(rounds + 1)])[1:]  # the first warms up
    own, other = rows[:, 0], rows[:, 2]
    if part == "windows":  # its batches hold other windows: per item
        own, other = own / rows[:, 1], other / rows[:, 3]
    ratios = other / own
    seconds = f"{np.median(rows[:, 0]):.2f} s a step"
    return f"{part:7} {np.median(ratios):.2f} times ({ratios.min():.2f} to {ratios.max():.2f}), {seconds}"


def report(parts: Sequence[str], rounds: int) -> Iterator[str]:
    yield f"{choose('cpu').sentence} Plain over hand-made, processor time of a training step:"
    for shape in SHAPES:
        yield f"\n{shape.name}: {shape.people:,} people, {shape.items:,} items"
        for part in parts:
            yield "  " + measure(shape, part, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=PARTS, choices=(PARTS, *PARTS), metavar="PART")
    parser.add_argument("--rounds", type=int, default=5, help="steps of each kind that are timed")
    chosen = parser.parse_args()
    for line in report(chosen.parts, chosen.rounds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
