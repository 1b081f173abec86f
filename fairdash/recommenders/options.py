"""How a recommender declares its options, and how a `--set name=value` becomes one. Free of torch, so that pages and
the command line can offer them at once.

A field's metadata says what it is ("help") and what it may be ("min", "max", or "choices", see `choices_of`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from fairdash import words
from fairdash.errors import ConfigError

C = TypeVar("C")


Choices = Sequence[str] | Callable[[], Sequence[str]]
# A model that a person brings: one that this recommender saved (with epochs = 0 it is used as it is), any text encoder,
# a BERT, an encoder of images, or a model that writes texts.
Brought = Literal["saved", "encoder", "bert", "images", "language"]


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Choices = (),
    takes: Brought | None = None,
    use: str = "",
    goes_on: bool = False,
    first: bool = False,
) -> Any:
    """A dataclass field with its help and its bounds. choices: a function where they hang on other declarations, which
    may not all be there yet while this one is made. takes: the model that it names the folder of; use: what to do with
    such a one, for a button. goes_on: whether a model that this recommender saved is gone on from where it names one.
    first: whether it stands open on a page; others are behind “More options”."""
    said = {"help": help, "min": low, "max": high, "choices": choices, "takes": takes, "use": use, "first": first}
    return field(default=default, metadata={**said, "goes_on": goes_on})


def choices_of(spec: dataclasses.Field[Any]) -> tuple[str, ...]:
    """What the option may be, where it is one of several; else nothing."""
    found: Choices = spec.metadata.get("choices", ())
    return tuple(found() if callable(found) else found)


@dataclass(frozen=True)
class TrainingOptions:
    """What every trained recommender shares; `fairdash.recommenders.training` uses these names."""

    epochs: int = option(30, "Passes over the training data at most.", low=1, high=1000, first=True)
    learning_rate: float = option(2e-3, "Peak of the one-cycle schedule (AdamW).", low=1e-6, high=1.0, first=True)
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


def parse(config: type[C], values: Mapping[str, Any]) -> C:
    """A config of the given class from option values (text from `--set`, or typed ones from a page).

    Raises ConfigError that names the option, its range and the options there are.
    """
    fields = {f.name: f for f in dataclasses.fields(config)}  # type: ignore[arg-type]  # every config is a dataclass
    unknown = [name for name in values if name not in fields]
    if unknown:
        known = ", ".join(fields) or words.say("none")
        raise ConfigError(
            words.say("There is no option {unknown} here.", unknown=repr(unknown[0])),
            words.say("Options of this recommender: {known}.", known=known),
        )
    return config(**{name: _value(fields[name], value) for name, value in values.items()})


def _value(spec: dataclasses.Field[Any], value: Any) -> Any:
    kind: Any = type(spec.default)
    meta = spec.metadata
    wanted = dict(
        zip(
            (int, float, bool, str), words.several("a whole number", "a number", "true or false", "a text"), strict=True
        )
    )[kind]
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
            words.say("Option {name} cannot be {text}.", name=spec.name, text=repr(text)),
            words.say("It is {wanted}: {help}", wanted=words.say(wanted), help=words.say(meta.get("help", ""))),
        ) from None
    choices = choices_of(spec)
    if choices and result not in choices:
        raise ConfigError(
            words.say("Option {name} cannot be {text}.", name=spec.name, text=repr(text)),
            words.say("Choose one of: {names}.", names=", ".join(choices)),
        )
    low, high = meta.get("min"), meta.get("max")
    if kind in (int, float) and (
        not math.isfinite(result) or (low is not None and result < low) or (high is not None and result > high)
    ):
        raise ConfigError(
            words.say("Option {name} cannot be {text}.", name=spec.name, text=text),
            words.say("It lies between {low} and {high}.", low=f"{low:g}", high=f"{high:g}"),
        )
    return result
