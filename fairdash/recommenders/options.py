"""The options of every recommender, and how a `--set name=value` becomes one. Free of torch, so that pages and the
command line can offer them at once.

A field's metadata says what it is ("help") and what it may be ("min", "max", or "choices").
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fairdash.errors import ConfigError

C = TypeVar("C")


def option(default: Any, help: str, *, low: float | None = None, high: float | None = None, choices: Any = ()) -> Any:
    """A dataclass field with its help and its bounds."""
    return field(default=default, metadata={"help": help, "min": low, "max": high, "choices": tuple(choices)})


@dataclass(frozen=True)
class TrainingOptions:
    """What every trained recommender shares; `fairdash.recommenders.training` uses these names."""

    epochs: int = option(30, "Passes over the training data at most.", low=1, high=1000)
    learning_rate: float = option(2e-3, "Peak of the one-cycle schedule (AdamW).", low=1e-6, high=1.0)
    weight_decay: float = option(0.01, "Decoupled L2 penalty of AdamW.", low=0.0, high=10.0)
    warmup: float = option(0.1, "Share of the steps in which the learning rate rises.", low=0.0, high=0.9)
    patience: int = option(
        8, "Epochs without a better validation NDCG@10 after which training stops.", low=1, high=1000
    )
    average: float = option(
        0.0,
        "Epochs over which the weights are averaged, the latest counting most; 0: the weights as they are.",
        low=0.0,
        high=1000.0,
    )


@dataclass(frozen=True)
class SequenceOptions(TrainingOptions):
    """`bert_sequence`: a BERT over the user's items."""

    start: str = option("", "A bert_sequence to go on from: folder of a run or model, or its zip; else from scratch.")
    epochs: int = option(30, "Passes over the training data at most; 0: use `start` as it is.", low=0, high=1000)
    average: float = option(
        4.0,
        "Epochs over which the weights are averaged, the latest counting most; 0: the weights as they are.",
        low=0.0,
        high=1000.0,
    )
    items: str = option("text+id", "What an item's vector is made of.", choices=("text+id", "text", "id"))
    objective: str = option(
        "causal", "Predict the next item, or masked items (BERT4Rec).", choices=("causal", "masked")
    )
    encoder: str = option("default", "The text encoder: default, a HuggingFace name, or a folder.")
    width: int = option(128, "Width of the model.", low=8, high=1024)
    layers: int = option(2, "Transformer layers.", low=1, high=24)
    heads: int = option(2, "Attention heads; they divide the width.", low=1, high=64)
    length: int = option(200, "Items of the history that are read.", low=2, high=1024)
    dropout: float = option(
        -1.0,
        "Share of activations dropped in training; -1: by the data's size, 0.45 up to 100,000 interactions, 0.2 from a "
        "million on.",
        low=-1.0,
        high=0.9,
    )
    batch: int = option(32, "Full-length histories in one step (short ones are packed).", low=1, high=65536)
    negatives: int = option(
        0,
        "Sampled negatives of a step; 0: the whole catalogue, or 4,096 where it is above 20,000.",
        low=0,
        high=1000000,
    )
    mask_share: float = option(0.2, "Share of items masked (masked objective).", low=0.01, high=0.9)
    rate_inputs: bool = option(True, "Tell the model how each item of the history was rated.")
    dislikes: float = option(
        0.1,
        "How often an item rated below the relevance threshold is a target; else the next liked one takes its place.",
        low=0.0,
        high=1.0,
    )


@dataclass(frozen=True)
class PairOptions(TrainingOptions):
    """`bert_pair`: a BERT classifier over (profile and history, item)."""

    epochs: int = option(2, "Passes over the training data at most.", low=1, high=1000)
    learning_rate: float = option(5e-4, "Peak of the one-cycle schedule (AdamW).", low=1e-6, high=1.0)
    patience: int = option(
        2, "Epochs without a better validation NDCG@10 after which training stops.", low=1, high=1000
    )
    base: str = option("default", "The BERT that is fine-tuned: default, a HuggingFace name, or a folder.")
    first_stage: str = option("ease", "Whose best items are ranked.", choices=("ease", "popularity", "bert_sequence"))
    n_candidates: int = option(
        0, "Items of the first stage that are ranked; 0: 100 on a CPU, the whole catalogue on a GPU.", low=0, high=10**7
    )
    prior: str = option(
        "first_stage",
        "What is added to the BERT's logit: nothing, popularity, or popularity and the first stage's score.",
        choices=("none", "popularity", "first_stage"),
    )
    history: int = option(20, "Liked titles of the history that are read, the latest ones.", low=0, high=500)
    length: int = option(128, "Tokens of profile and history at most.", low=8, high=4096)
    item_length: int = option(24, "Tokens of the item's text at most.", low=3, high=512)
    negatives: float = option(
        1.0, "Unseen items drawn from the candidates, per training interaction.", low=0.0, high=100.0
    )
    trained_layers: int = option(
        0,
        "Upper layers that are trained; 0: one on a CPU, all on a GPU. Below them texts are read once.",
        low=0,
        high=96,
    )
    attention: str = option(
        "shared",
        "shared: a history is computed once for all its items; full: each pair alone.",
        choices=("shared", "full"),
    )
    batch: int = option(512, "Pairs in one step.", low=1, high=65536)


@dataclass(frozen=True)
class NcfOptions(TrainingOptions):
    """`ncf`: neural matrix factorisation over person and item ids."""

    epochs: int = option(12, "Passes over the training data at most.", low=1, high=1000)
    learning_rate: float = option(2e-3, "Peak of the one-cycle schedule (AdamW).", low=1e-6, high=1.0)
    patience: int = option(4, "Epochs without a better validation NDCG@10 that end the training.", low=1, high=1000)
    factors: int = option(32, "Width of the factors; the tower begins with four times as many.", low=2, high=1024)
    positives: str = option("any", "What counts as a like: any interaction, or liked ones.", choices=("any", "liked"))
    negatives: int = option(4, "Unseen items drawn for each interaction.", low=1, high=100)
    batch: int = option(1024, "Interactions in one step.", low=1, high=1000000)


@dataclass(frozen=True)
class PopularityOptions:
    """`popularity` has none."""


@dataclass(frozen=True)
class EaseOptions:
    """`ease`: a linear item-item model in closed form."""

    l2: float = option(200.0, "Ridge penalty.", low=1e-3, high=1e7)


def parse(config: type[C], values: Mapping[str, Any]) -> C:
    """A config of the given class from option values (text from `--set`, or typed ones from a page).

    Raises ConfigError that names the option, its range and the options there are.
    """
    fields = {f.name: f for f in dataclasses.fields(config)}  # type: ignore[arg-type]  # every config is a dataclass
    unknown = [name for name in values if name not in fields]
    if unknown:
        known = ", ".join(fields) or "none"
        raise ConfigError(f"There is no option {unknown[0]!r} here.", f"Options of this recommender: {known}.")
    return config(**{name: _value(fields[name], value) for name, value in values.items()})


def _value(spec: dataclasses.Field[Any], value: Any) -> Any:
    kind: Any = type(spec.default)
    meta = spec.metadata
    wanted = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}[kind]
    text = str(value).strip()
    try:
        if kind is bool:
            result: Any = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
        elif kind is int and isinstance(value, float):
            result = int(value) if value.is_integer() else int(text)
        else:
            result = kind(text)
    except (KeyError, ValueError):
        raise ConfigError(
            f"Option {spec.name} cannot be {text!r}.", f"It is {wanted}: {meta.get('help', '')}"
        ) from None
    if meta.get("choices") and result not in meta["choices"]:
        raise ConfigError(f"Option {spec.name} cannot be {text!r}.", f"Choose one of: {', '.join(meta['choices'])}.")
    low, high = meta.get("min"), meta.get("max")
    if kind in (int, float) and (
        not math.isfinite(result) or (low is not None and result < low) or (high is not None and result > high)
    ):
        raise ConfigError(f"Option {spec.name} cannot be {text}.", f"It lies between {low:g} and {high:g}.")
    return result
