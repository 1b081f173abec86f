"""Recommenders by name. Each is a folder here whose `__init__` declares it (`INFO`), or comes from a plugin.

This module is free of torch: what needs it is imported when a recommender is built or opened.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from fairdash import plugins, words
from fairdash.errors import ConfigError
from fairdash.recommenders.base import Recommender, RecommenderInfo
from fairdash.recommenders.options import Brought, choices_of, parse


def _declared() -> dict[str, RecommenderInfo]:
    own = [
        importlib.import_module(f"{__name__}.{module.name}").INFO
        for module in pkgutil.iter_modules(__path__)
        if module.ispkg
    ]
    more = ((info.name, info) for info in plugins.declared("recommenders", RecommenderInfo))
    known = plugins.added({info.name: info for info in own}, more)
    return dict(sorted(known.items(), key=lambda pair: (pair[1].place, pair[0])))


RECOMMENDERS: dict[str, RecommenderInfo] = _declared()
DEFAULT = next(iter(RECOMMENDERS))  # what is trained where nobody chose


def offering(what: str) -> tuple[str, ...]:
    """The recommenders that offer this (a word of `RecommenderInfo.offers`), for people: by name, with the option that
    it takes: `bert_sequence (tasks=next,rating)`, `llm (lora_steps)`."""
    found = []
    for name, info in RECOMMENDERS.items():
        if what in info.offers:
            found.append(name)
        elif what in info.offers_with:
            option, values = info.offers_with[what]
            found.append(f"{name} ({option}={values[0]})" if values else f"{name} ({option})")
    return tuple(found)


def first_stages() -> tuple[str, ...]:
    """Names of the recommenders that can bring candidates to another one: those that score the whole catalogue."""
    return tuple(name for name, info in RECOMMENDERS.items() if info.scores == "catalogue")


def taking(*models: Brought) -> dict[str, tuple[Field[Any], ...]]:
    """By recommender, the options that a person may bring such a model for; recommenders with any alone."""
    found = {
        name: tuple(spec for spec in fields(info.options) if spec.metadata.get("takes") in models)
        for name, info in RECOMMENDERS.items()
    }
    return {name: specs for name, specs in found.items() if specs}


def going_on(name: str) -> str | None:
    """The option of a recommender that names the folder of a model of its own, to go on from its weights; None where
    every training starts anew."""
    return next((spec.name for spec in fields(find(name).options) if spec.metadata.get("goes_on")), None)


def find(name: str) -> RecommenderInfo:
    """The declaration of that name. Raises ConfigError where there is none."""
    if name not in RECOMMENDERS:
        raise ConfigError(
            words.say("There is no recommender {name}.", name=repr(name)),
            words.say("Choose one of: {names}.", names=", ".join(RECOMMENDERS)),
        )
    return RECOMMENDERS[name]


def build(name: str, options: Mapping[str, Any] | None = None) -> Recommender:
    """The recommender of that name with the given options (text or typed values).

    Raises ConfigError for an unknown name or option and for a value out of its range.
    """
    info = find(name)
    chosen = parse(info.options, options or {})
    made: Recommender = importlib.import_module(info.module).build(chosen)
    return made


def resolved(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of a recommender with its value, defaults included; a folder or file that a text option names
    counts by what is in it. Raises ConfigError as `build` does."""
    config: Any = parse(find(name).options, options)
    values = {spec.name: getattr(config, spec.name) for spec in fields(config)}
    for spec in fields(config):
        value = values[spec.name]
        if isinstance(value, str) and value != spec.default and not choices_of(spec):
            path = place_of(value)
            values[spec.name] = value if path is None else content(path)
    return values


def place_of(named: str) -> Path | None:
    """The file or folder that a text names; None where there is none, as of a text too long for a name."""
    try:
        path = Path(named).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):  # RuntimeError: ~ with the name of nobody
        return None


def content(path: Path) -> str:
    """sha256 of a file, or of all files of a folder with their names."""
    total = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file()):
        with file.open("rb") as stream:
            total.update(f"{file.relative_to(path).as_posix()} {file.stat().st_size} ".encode())
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()
