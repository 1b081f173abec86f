"""Vectors that a frozen encoder made, kept on disk under settings.home()/cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from fairdash import settings, workspace
from fairdash.schema import Floats


def vectors(name: str, n: int, make: Callable[[], Floats]) -> Floats:
    """The n vectors of that name, of an earlier call; made where there are none, or where the file is damaged.
    name: says all that they depend on."""
    path = settings.home() / "cache" / f"{name}.safetensors"
    kept = _read(path)
    if kept is not None and len(kept) == n:
        return kept
    made = make()
    if not workspace.keeps():
        return made
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = workspace.aside(path)
    save_file({"vectors": made}, partial)
    partial.replace(path)
    return made


def _read(path: Path) -> Floats | None:
    try:
        return load_file(path)["vectors"]
    except (OSError, SafetensorError, KeyError):
        return None
