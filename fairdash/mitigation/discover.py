"""Methods are found, not listed: every module of a place's package that declares METHOD, or METHODS for several."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any


def methods(package: str, path: Iterable[str]) -> tuple[Any, ...]:
    """The methods that the modules of a package declare, by module name; a module with neither helps the others."""
    found: list[Any] = []
    for name in sorted(module.name for module in iter_modules(path)):
        declared = vars(import_module(f"{package}.{name}"))
        found += declared["METHODS"] if "METHODS" in declared else [declared["METHOD"]] if "METHOD" in declared else []
    return tuple(found)
