"""Stable hashes: digests that name values, and tie keys that favour nobody.

Ties (in score, in time) are broken by a hash of ids, never by the ids themselves or by row order: ids correlate with
popularity in every public data set, so sorting ties by id moves accuracy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def id_hash(ids: Iterable[str] | NDArray[Any] | pd.Series) -> Hashes:
    """64-bit hash of each id [n], text or whole numbers; depends on the id's text alone, so that 7 and "7" are one."""
    if isinstance(ids, np.ndarray) and ids.dtype.kind in "iu":  # written by pyarrow in a quarter of the time
        ids = pa.array(ids).cast(pa.string()).to_numpy(zero_copy_only=False)
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
    """A name of 16 hex digits for a value made of frames, arrays, numbers, text and plain containers of them.

    A tuple is named as the list of the same values, a number of numpy as Python's own, text of any pandas dtype alike.
    Raises TypeError for any other type: its text need not say all that it holds.
    """
    total = hashlib.sha256()
    _feed(total, parts)
    return total.hexdigest()[:16]


def _feed(total: Any, part: Any) -> None:
    """Each value with its kind and length before it, so that no two different values feed the same bytes."""
    if isinstance(part, np.generic):
        part = part.item()
    if part is None or isinstance(part, (bool, int, float)):
        _mark(total, type(part).__name__, repr(part).encode())
    elif isinstance(part, (str, bytes)):
        _mark(total, type(part).__name__, part.encode(errors="surrogatepass") if isinstance(part, str) else part)
    elif isinstance(part, Mapping):
        if not all(isinstance(key, str) for key in part):
            raise TypeError("A digest takes mappings with text as keys alone.")
        _mark(total, "mapping", str(len(part)).encode())
        for key in sorted(part):
            _feed(total, key)
            _feed(total, part[key])
    elif isinstance(part, (list, tuple)):
        _mark(total, "list", str(len(part)).encode())
        for one in part:
            _feed(total, one)
    elif isinstance(part, np.ndarray):
        if part.dtype == object:
            _mark(total, "objects", repr(part.shape).encode())
            _feed_texts(total, pd.Series(part.ravel(), dtype=object))
        else:
            _mark(total, "array", f"{part.dtype.str} {part.shape}".encode())
            total.update(np.ascontiguousarray(part).tobytes())
    elif isinstance(part, pd.Series):
        _feed_column(total, part)
    elif isinstance(part, pd.DataFrame):
        _mark(total, "frame", repr(part.shape).encode())
        for name in part.columns:
            _feed(total, name)
            _feed_column(total, part[name])
    else:
        raise TypeError(f"A digest cannot tell all that a {type(part).__name__} holds; give its plain values.")


def _mark(total: Any, kind: str, content: bytes) -> None:
    total.update(f"{kind} {len(content)} ".encode())
    total.update(content)  # a file is not copied to be hashed


def _feed_column(total: Any, column: pd.Series) -> None:
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        _mark(total, "categories", repr(bool(kind.ordered)).encode())
        _feed(total, kind.categories.to_series())
        _feed(total, np.asarray(column.cat.codes))
    elif (kind.kind == "O" and isinstance(kind, np.dtype)) or isinstance(kind, pd.StringDtype):
        _mark(total, "texts", str(len(column)).encode())
        _feed_texts(total, column)
    elif isinstance(kind, np.dtype):
        _feed(total, column.to_numpy())
    else:  # nullable numbers, times with a zone
        _mark(total, str(kind), str(len(column)).encode())
        total.update(pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes())


def _feed_texts(total: Any, column: pd.Series) -> None:
    whole = isinstance(column.dtype, pd.StringDtype)
    if whole or pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty"):
        total.update(pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes())
    else:  # lists of names in a cell, numbers as objects
        for one in column:
            _feed(total, None if pd.api.types.is_scalar(one) and pd.isna(one) else one)
