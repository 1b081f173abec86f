"""Recommenders by name. Each is a folder here whose `__init__` declares it (`INFO`), or comes from a plugin.

This module is free of torch: what needs it is imported when a recommender is built or opened.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from fairdash import plugins
from fairdash.errors import ConfigError
from fairdash.recommenders.base import Recommender, RecommenderInfo
from fairdash.recommenders.options import parse


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
PROFILE_READERS = tuple(name for name, info in RECOMMENDERS.items() if "profile" in info.offers)


def find(name: str) -> RecommenderInfo:
    """The declaration of that name. Raises ConfigError where there is none."""
    if name not in RECOMMENDERS:
        raise ConfigError(f"There is no recommender {name!r}.", f"Choose one of: {', '.join(RECOMMENDERS)}.")
    return RECOMMENDERS[name]


def build(name: str, options: Mapping[str, Any] | None = None) -> Recommender:
    """The recommender of that name with the given options (text or typed values).

    Raises ConfigError for an unknown name or option and for a value out of its range.
    """
    info = find(name)
    chosen = parse(info.options, options or {})
    made: Recommender = importlib.import_module(info.module).build(chosen)
    return made
