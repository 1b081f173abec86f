"""Recommenders by name. This module is free of torch: what needs it is imported when a recommender is built."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from fairdash.errors import ConfigError
from fairdash.recommenders.base import Recommender, RecommenderInfo
from fairdash.recommenders.options import (
    EaseOptions,
    NcfOptions,
    PairOptions,
    PopularityOptions,
    SequenceOptions,
    parse,
)


def _maker(module: str, name: str) -> Any:
    """A constructor that imports its module when it is called."""

    def make(config: Any) -> Recommender:
        made: Recommender = getattr(importlib.import_module(f"fairdash.recommenders.{module}"), name)(config)
        return made

    return make


RECOMMENDERS: dict[str, RecommenderInfo] = {
    info.name: info
    for info in (
        RecommenderInfo(
            "bert_sequence",
            "BERT over the history",
            "Reads a person's items in order, by their texts and by what people did with them; says what comes next.",
            "Sun et al. 2019, BERT4Rec; Kang & McAuley 2018, Self-attentive sequential recommendation",
            SequenceOptions,
            _maker("bert_sequence", "BertSequence"),
            trainable=True,
            reads_profile=True,
        ),
        RecommenderInfo(
            "bert_pair",
            "BERT over pairs",
            "Reads profile and liked titles together with one item, says how likely the person likes it, and orders "
            "another recommender's best items by that.",
            "Nogueira & Cho 2019, Passage re-ranking with BERT; Devlin et al. 2019, BERT",
            PairOptions,
            _maker("bert_pair", "BertPair"),
            trainable=True,
            reads_profile=True,
        ),
        RecommenderInfo(
            "popularity",
            "Most popular",
            "The same list for everybody: what most people had. Any recommender should beat it.",
            "Cremonesi et al. 2010, Performance of recommender algorithms on top-N recommendation tasks",
            PopularityOptions,
            _maker("baselines", "Popularity"),
            trainable=False,
        ),
        RecommenderInfo(
            "ease",
            "EASE",
            "A linear item-item model in closed form: seconds to fit and hard to beat.",
            "Steck 2019, Embarrassingly shallow autoencoders for sparse data",
            EaseOptions,
            _maker("baselines", "Ease"),
            trainable=False,
        ),
        RecommenderInfo(
            "ncf",
            "Neural collaborative filtering",
            "Learned vectors of people and items, joined by a product and by a small network.",
            "He et al. 2017, Neural collaborative filtering",
            NcfOptions,
            _maker("ncf", "Ncf"),
            trainable=True,
        ),
    )
}
PROFILE_READERS = tuple(name for name, info in RECOMMENDERS.items() if info.reads_profile)


def build(name: str, options: Mapping[str, Any] | None = None) -> Recommender:
    """The recommender of that name with the given options (text or typed values).

    Raises ConfigError for an unknown name or option and for a value out of its range.
    """
    if name not in RECOMMENDERS:
        raise ConfigError(f"There is no recommender {name!r}.", f"Choose one of: {', '.join(RECOMMENDERS)}.")
    info = RECOMMENDERS[name]
    recommender: Recommender = info.build(parse(info.config, options or {}))
    return recommender


def resolved(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of a recommender with its value, defaults included; a folder or file that a text option names
    counts by what is in it. Raises ConfigError as `build` does."""
    if name not in RECOMMENDERS:
        raise ConfigError(f"There is no recommender {name!r}.", f"Choose one of: {', '.join(RECOMMENDERS)}.")
    config: Any = parse(RECOMMENDERS[name].config, options)
    values = {spec.name: getattr(config, spec.name) for spec in fields(config)}
    for spec in fields(config):
        value = values[spec.name]
        if isinstance(value, str) and value != spec.default and not spec.metadata.get("choices"):
            path = Path(value).expanduser()
            values[spec.name] = _content(path) if path.exists() else value
    return values


def _content(path: Path) -> str:
    """sha256 of a file, or of all files of a folder with their names."""
    total = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file()):
        with file.open("rb") as stream:
            total.update(f"{file.relative_to(path).as_posix()} {file.stat().st_size} ".encode())
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()
