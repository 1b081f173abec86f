"""Speed and memory of the two BERTs on a GPU (on a CPU: the same at a tiny size, to show that it runs).

    python -m tests.bench.gpu [--device auto|cpu|cuda] [--json FILE]

Needs torch, transformers, numpy, pandas, scipy and sklearn alone; models start from random weights.
sequence: training steps of `bert_sequence` at its default size over a synthetic catalogue, then scores of all people.
pair: training steps of a bert-base `bert_pair` on pairs of 128 tokens. MFU is the part of the device's bfloat16 peak
(the maker's dense figure where the GPU is known, else a measured matrix product) that the model's own products use:
6 floating-point operations a weight and token, plus attention.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import BertConfig, BertForSequenceClassification

from fairdash.recommenders.bert_pair.model import PairNetwork
from fairdash.recommenders.bert_sequence import SequenceOptions
from fairdash.recommenders.bert_sequence.model import Context, FittedSequence
from fairdash.recommenders.bert_sequence.network import SequenceModel
from fairdash.recommenders.bert_sequence.windows import SequenceBatches
from fairdash.recommenders.device import Device, choose
from fairdash.recommenders.training import Output
from fairdash.schema import Interactions, TrainingData

PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12, "4090": 165e12, "T4": 65e12}


def synthetic(people: int, items: int, each: int, seed: int = 0) -> TrainingData:
    """Histories of `each` items drawn by popularity, without repeats, ids as texts."""
    rng = np.random.default_rng(seed)
    weight = 1.0 / np.arange(1, items + 1) ** 0.8
    keys = rng.random((people, items)) ** (1.0 / weight)  # the largest keys are a weighted sample without replacement
    item = np.argsort(-keys, axis=1)[:, :each].astype(np.int32)
    user = np.repeat(np.arange(people, dtype=np.int32), each)
    n = len(user)
    whole = Interactions(user, item.ravel(), np.ones(n, np.float32), np.tile(np.arange(each, dtype=float), people))
    last = np.arange(n) % each == each - 1
    return TrainingData(
        pd.DataFrame({"user_id": [f"u{i}" for i in range(people)]}),
        pd.DataFrame({"item_id": [f"i{i}" for i in range(items)]}),
        whole.take(np.flatnonzero(~last)),
        whole.take(np.flatnonzero(last)),
    )


def timed(step: Callable[[int], Any], device: Device, steps: int) -> float:
    """Seconds of one step, the mean of `steps` after three that warm up."""
    for i in range(3):
        step(i)
    _wait(device)
    start = time.perf_counter()
    for i in range(steps):
        step(i)
    _wait(device)
    return (time.perf_counter() - start) / steps


def _wait(device: Device) -> None:
    if device.kind == "cuda":
        torch.cuda.synchronize()


def trainer(model: torch.nn.Module, device: Device) -> Callable[[dict[str, torch.Tensor]], None]:
    """One optimisation step on a batch, as in training."""
    model.to(device.torch).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=device.kind == "cuda")

    def step(batch: dict[str, torch.Tensor]) -> None:
        with device.autocast():
            out: Output = model(**batch)
        out.loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def peak(device: Device) -> tuple[float, str]:
    """Floating-point operations a second in bfloat16, and where the figure comes from."""
    name = torch.cuda.get_device_name() if device.kind == "cuda" else "CPU"
    for key, value in PEAK.items():
        if key in name:
            return value, f"{name}, the maker's dense figure"
    size = 8192 if device.kind == "cuda" else 1024
    one = torch.ones(size, size, dtype=torch.bfloat16, device=device.torch)
    return 2.0 * size**3 / timed(lambda _: one @ one, device, 5), f"{name}, a measured matrix product"


def memory(device: Device) -> float:
    """Peak bytes since the last call; NaN on a CPU."""
    if device.kind != "cuda":
        return float("nan")
    value = float(torch.cuda.max_memory_allocated())
    torch.cuda.reset_peak_memory_stats()
    return value


def sequence(device: Device, tiny: bool) -> dict[str, float]:
    data = synthetic(64, 100, 20) if tiny else synthetic(6000, 4000, 160)
    options = (
        SequenceOptions(items="id", length=16, width=32, heads=2, batch=8, dropout=0.2)
        if tiny
        else SequenceOptions(items="id", dropout=0.2)
    )
    torch.manual_seed(0)
    nothing = np.zeros((0, 1), np.float32)
    model = SequenceModel(options, torch.zeros(data.n_items, 1), torch.from_numpy(nothing), device)
    rows = np.zeros(data.n_users, np.int64)
    batches = SequenceBatches(data, options, np.zeros(len(data.train), np.int64), rows, [], 0)
    ready = [
        {name: tensor.to(device.torch) for name, tensor in batches.batch(i).items()}
        for i in range(min(8, len(batches)))
    ]
    memory(device)
    step = trainer(model, device)
    seconds = timed(lambda i: step(ready[i % len(ready)]), device, 3 if tiny else 50)
    real = float(np.mean([int((batch["items"] >= 0).sum()) for batch in ready]))
    result = {
        "histories_per_second": float(np.mean([len(batch["users"]) for batch in ready])) / seconds,
        "items_per_second": real / seconds,
        "train_memory_gb": memory(device) / 2**30,
    }
    ids = tuple(data.items["item_id"])
    context = Context((), np.zeros(0, np.float32), np.zeros(1, np.float32), 1.0, nothing, rows, ids)
    fitted = FittedSequence(options, model.eval(), context, device)
    users = np.arange(data.n_users, dtype=np.int32)
    result["scored_people_per_second"] = len(users) / timed(lambda _: fitted.score(users, data.train), device, 3)
    result["score_memory_gb"] = memory(device) / 2**30
    one = timed(lambda i: fitted.score(users[i : i + 1], data.train), device, 10)
    result["one_person_ms"] = one * 1e3
    return result


def pair_batch(rows: int, tokens: int, vocabulary: int, device: Device) -> dict[str, torch.Tensor]:
    """Random pairs: one [CLS], a history of two thirds of the tokens, one item."""
    torch.manual_seed(0)
    half = 2 * tokens // 3
    positions = torch.arange(tokens).expand(rows, -1)
    batch = {
        "users": torch.arange(rows),
        "items": torch.arange(rows)[:, None],
        "labels": torch.randint(0, 2, (rows, 1)).float(),
        "weights": torch.ones(rows, 1),
        "offsets": torch.zeros(rows, 1),
        "segment": (positions >= half).long(),
        "classes": torch.full((rows, 1), half),
        "ids": torch.randint(0, vocabulary, (rows, tokens)),
        "types": (positions > half).long(),
        "positions": positions.clone(),
    }
    return {name: tensor.to(device.torch) for name, tensor in batch.items()}


def pair(device: Device, tiny: bool) -> dict[str, float]:
    config = BertConfig(num_labels=1)  # bert-base: 12 layers, width 768
    if tiny:
        config = BertConfig(
            num_labels=1,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            vocab_size=99,
        )
    rows, tokens = (4, 16) if tiny else (256, 128)
    model = BertForSequenceClassification(config)
    batch = pair_batch(rows, tokens, config.vocab_size, device)
    memory(device)
    step = trainer(PairNetwork(model, 0, "full"), device)
    seconds = timed(lambda _: step(batch), device, 3 if tiny else 30)
    weights = sum(p.numel() for name, p in model.named_parameters() if "embeddings" not in name)
    attention = 12 * config.num_hidden_layers * tokens * config.hidden_size  # forward and backward, a token
    used = rows * tokens * (6 * weights + attention) / seconds
    top, source = peak(device)
    print(f"  peak {top / 1e12:.1f} TFLOP/s ({source})")
    return {
        "pairs_per_second": rows / seconds,
        "mfu": used / top,
        "train_memory_gb": memory(device) / 2**30,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    device = choose(chosen.device)
    tiny = device.kind != "cuda"
    print(device.sentence + (" A tiny size: these are no figures to report." if tiny else ""))
    results = {}
    for name, bench in (("sequence", sequence), ("pair", pair)):
        print(name, flush=True)
        results[name] = bench(device, tiny)
        for key, value in results[name].items():
            print(f"  {key:<26}{value:>14.3f}", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps({"device": device.sentence, **results}, indent=1))


if __name__ == "__main__":
    main()
