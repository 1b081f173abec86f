"""Stable hashes: digests that name values, and tie keys that favour nobody.

Ties (in score, in time) are broken by a hash of ids, never by the ids themselves or by row order: ids correlate with
popularity in every public data set, so sorting ties by id moves accuracy (METRICS.md, conventions).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def id_hash(ids: Iterable[str] | NDArray[Any] | pd.Series) -> Hashes:
    """64-bit hash of each id [n]; depends on the id's text alone."""
    values = np.asarray(ids if isinstance(ids, (pd.Series, np.ndarray)) else list(ids), dtype=object)
    return pd.util.hash_array(values, categorize=False)


def mix(seed: int, *hashes: Hashes) -> Hashes:
    """One 64-bit key [n] from a seed and one or more hash columns of equal length (splitmix64 finaliser)."""
    state = np.full(len(hashes[0]), np.uint64(seed & 0xFFFFFFFFFFFFFFFF), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in hashes:
            state = (state ^ column.astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state ^= state >> np.uint64(31)
    return state


def digest(*parts: Any) -> str:
    """A name of 16 hex digits for a value made of frames, arrays, numbers, strings and plain containers of them."""
    total = hashlib.sha256()
    for part in parts:
        _feed(total, part)
    return total.hexdigest()[:16]


def _feed(total: Any, part: Any) -> None:
    if isinstance(part, pd.DataFrame):
        for column in part.columns:
            total.update(str(column).encode() + b"\0")
            total.update(pd.util.hash_pandas_object(part[column], index=False).to_numpy().tobytes())
    elif isinstance(part, np.ndarray):
        total.update(f"{part.dtype}{part.shape}".encode())
        if part.dtype == object:
            total.update(id_hash(part.ravel()).tobytes())
        else:
            total.update(np.ascontiguousarray(part).tobytes())
    elif isinstance(part, bytes):
        total.update(part)
    else:
        total.update(json.dumps(part, sort_keys=True, default=str).encode())
    total.update(b"\1")
