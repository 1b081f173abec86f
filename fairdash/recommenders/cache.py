"""Vectors that a frozen encoder made, kept in the folder `cache` of the workspace."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from fairdash import workspace
from fairdash.schema import Floats


def vectors(name: str, n: int, make: Callable[[], Floats]) -> Floats:
    """The n vectors of that name, of an earlier call; made where there are none, or where the file is damaged.
    name: says all that they depend on."""
    home = workspace.keeps_in()
    if home is None:
        return make()
    path = home / "cache" / f"{name}.safetensors"
    kept = _read(path)
    if kept is not None and len(kept) == n:
        return kept
    made = make()
    partial = workspace.aside(path)
    with suppress(FileNotFoundError):  # the folder is removed just now, with a data set
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"vectors": made}, partial)
        partial.replace(path)
    return made


def _read(path: Path) -> Floats | None:
    try:
        return load_file(path)["vectors"]
    except (OSError, SafetensorError, KeyError):
        return None
