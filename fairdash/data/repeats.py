"""Rows that are about the same person and the same item, ids that come again, and the order of pairs; by sorting and
counting numbers, which takes less time and memory than tables of hashes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fairdash import columns
from fairdash.schema import ITEM_ID, USER_ID

_BLOCK = 1_000_000  # rows that are looked up at once
DENSE = 8  # numbers with at most so many times as many places between them are looked up in a table of all places


def repeated(
    frame: pd.DataFrame, keep: Literal["first", "last", False] = "first", names: tuple[str, str] = (USER_ID, ITEM_ID)
) -> NDArray[np.bool_]:
    """Which rows [n] have the person and the item (or other two columns) of another row; all but the first or the last
    of them where one of these is kept."""
    key = paired(*(_numbered(frame[name]) for name in names))
    if key is None:
        return frame.duplicated([*names], keep=keep).to_numpy()
    repeats = np.zeros(len(key), dtype=bool)
    if (key[1:] > key[:-1]).all():
        return repeats
    ordered = np.sort(key)  # faster than looking each up, in less memory
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    del ordered
    if len(again):
        some = np.concatenate(
            [first + _among(key[first : first + _BLOCK], again) for first in range(0, len(key), _BLOCK)]
        )
        repeats[some] = pd.Series(key[some]).duplicated(keep)
    return repeats


def _among(key: NDArray[np.int64], again: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where numbers stand that are among sorted ones."""
    return np.flatnonzero(again[np.minimum(np.searchsorted(again, key), len(again) - 1)] == key)


def _numbered(column: pd.Series) -> NDArray[Any] | None:
    """Whole numbers [n] that are the same where cells are; None where some are missing, or are no whole numbers."""
    if column.dtype.kind == "i":
        return column.to_numpy()
    if isinstance(column.dtype, pd.StringDtype):
        codes = columns.coded(column)[0]
        return codes if len(codes) and codes.min() >= 0 else None
    if column.dtype.kind != "f" or not len(column):
        return None
    numbers = column.to_numpy()
    if not (numbers.min() > -(2**53) and numbers.max() < 2**53):  # false of NaN, too
        return None
    whole = numbers.astype(np.int64)
    return whole if (whole == numbers).all() else None


def different(ids: pd.Series) -> Any:
    """The ids that there are, each once, in the order in which they come; whole numbers close together are found by
    their places, a third of the time of looking each up."""
    if ids.dtype != np.int64 or not len(ids):
        return ids.unique()
    values = ids.to_numpy()
    if (values[1:] >= values[:-1]).all():
        return values[np.append(True, values[1:] > values[:-1])]
    low, high = int(values.min()), int(values.max())
    if high - low >= DENSE * len(values):
        return ids.unique()
    first = np.full(high - low + 1, -1)
    first[values[::-1] - low] = np.arange(len(values) - 1, -1, -1)  # what is written last stays
    return values[np.sort(first[first >= 0])]


def twice(key: NDArray[np.int64]) -> bool:
    """Whether a number comes twice: numbers that rise are not looked at again, and those close together not sorted."""
    if (key[1:] > key[:-1]).all():
        return False
    low, high = int(key.min()), int(key.max())
    if high - low < DENSE * len(key):
        there = np.zeros(high - low + 1, dtype=bool)
        there[key - low] = True
        return int(np.count_nonzero(there)) < len(key)
    ordered = np.sort(key)
    return bool((ordered[1:] == ordered[:-1]).any())


def order_of_pairs(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.integer[Any]]:
    """The order [n] of two numbers, the first before the second; rows that have both alike stay in theirs."""
    key = paired(first, second)
    if key is None:
        return np.lexsort((second, first))
    if (key[1:] >= key[:-1]).all():
        return np.arange(len(key))
    spans = [int(numbers.max()) - int(numbers.min()) for numbers in (first, second)]
    if max(spans) < min(DENSE * len(key), 2**31 - 1) and len(key) < 2**31:
        a, b = ((numbers.astype(np.int64) - int(numbers.min())).astype(np.int32) for numbers in (first, second))
        # by how many there are of each number, twice: a third of the time of sorting
        rows = np.arange(len(key), dtype=np.int32), (b, a)
        found: NDArray[np.int32] = sparse.coo_array(rows, shape=(spans[1] + 1, spans[0] + 1)).tocsc().data
        if len(found) == len(key):  # else rows of one pair were added up
            return found
    return np.argsort(key, kind="stable")


def paired(first: NDArray[Any] | None, second: NDArray[Any] | None) -> NDArray[np.int64] | None:
    """One number for each pair of two whole numbers [n], in their order; None where they are none, or too far apart."""
    if first is None or second is None or not len(first) or {first.dtype.kind, second.dtype.kind} != {"i"}:
        return None
    low, span = int(second.min()), int(second.max()) - int(second.min()) + 1
    if (int(first.max()) - int(first.min()) + 1) * span >= 2**63:
        return None
    key: NDArray[np.int64] = first.astype(np.int64)
    key -= int(first.min())
    key *= span
    key += second
    key -= low
    return key
