"""The catalogue of mitigations, in the order in which they act: data, training, vectors, re-ranking. Every module of
the four folders declares its own, as METHOD or METHODS; more come from trusted plugins."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, get_args

from fairdash import plugins, words
from fairdash.errors import ConfigError
from fairdash.mitigation.base import Method, Place


def _own() -> Iterator[Method]:
    """The methods of this package, by place, and there in their own order."""
    for place in get_args(Place):
        package = importlib.import_module(f"{__name__}.{place}")
        found: list[Method] = []
        for module in pkgutil.iter_modules(package.__path__):
            if not module.ispkg:
                one = importlib.import_module(f"{package.__name__}.{module.name}")
                found += getattr(one, "METHODS", [one.METHOD] if hasattr(one, "METHOD") else [])
        yield from sorted(found, key=lambda method: method.info.order)


METHODS: dict[str, Any] = plugins.added(
    {method.info.key: method for method in _own()},
    (
        (method.info.key, method)
        for method in plugins.declared("mitigations", Method)  # type: ignore[type-abstract]  # a protocol that isinstance can check
    ),
)


def find_method(key: str) -> Any:
    """The mitigation of that name. Raises ConfigError with the known ones."""
    if key not in METHODS:
        raise ConfigError(
            words.say("There is no mitigation “{key}”.", key=key),
            words.say("Known ones: {names}.", names=", ".join(METHODS)),
        )
    return METHODS[key]
