"""Arrays of people and of items (pictures, sounds, vectors): what holds of them, and how they lie in a folder.

By name, each float32 [n, …], one row a person or an item in the order of their table; a row of NaN alone says that
there is none, any other row is finite.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from fairdash import words
from fairdash.errors import DataError

Floats = NDArray[np.float32]
Arrays = Mapping[str, Floats]

FILE = "arrays.safetensors"


def told(array: Floats) -> NDArray[np.bool_]:
    """Which rows have a value [n]."""
    return np.asarray((~np.isnan(array)).reshape(len(array), -1).any(axis=1))


def check(arrays: Arrays, n: int, of: str) -> None:
    """Raises DataError for an array that is not float32 [n, …], or holds a row that is neither finite nor all NaN."""
    for name, array in arrays.items():
        if array.dtype != np.float32 or array.ndim < 2 or len(array) != n or array.size // max(n, 1) == 0:
            raise DataError(
                words.say(
                    "The array “{name}” of {of} is {dtype} {shape}; there are {n} {of}.",
                    name=name,
                    of=of,
                    dtype=array.dtype,
                    shape=list(array.shape),
                    n=n,
                ),
                "Give float32 with one row for each of them, NaN where there is none.",
            )
        wrong = np.flatnonzero(told(array) & ~np.isfinite(array.reshape(n, -1)).all(axis=1))
        if len(wrong):
            raise DataError(
                words.say(
                    "The array “{name}” of {of}: row {wrong} holds a value that is no finite number.",
                    name=name,
                    of=of,
                    wrong=wrong[0],
                ),
                "Fill it in, or make the whole row NaN: there is none.",
            )


def save(folder: Path, users: Arrays, items: Arrays) -> None:
    """Write both into one file of `folder`; none where there are no arrays."""
    named = {f"users/{name}": array for name, array in users.items()}
    named |= {f"items/{name}": array for name, array in items.items()}
    if named:
        save_file({name: np.ascontiguousarray(array) for name, array in named.items()}, folder / FILE)


def load(folder: Path) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """The arrays of people and of items that `save` wrote. Raises DataError where the file is damaged."""
    file = folder / FILE
    if not file.exists():
        return {}, {}
    try:
        named = load_file(file)
    except (OSError, SafetensorError) as error:
        raise DataError(
            words.say("The arrays in {folder} cannot be read: {error}.", folder=folder, error=error),
            "Import the data again.",
        ) from error
    users = {name.removeprefix("users/"): array for name, array in named.items() if name.startswith("users/")}
    items = {name.removeprefix("items/"): array for name, array in named.items() if name.startswith("items/")}
    return users, items
