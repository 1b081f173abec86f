"""Text that is held once for each different cell is the same text, whatever pandas does with it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.arrays import ArrowStringArray

from fairdash import columns, texts

CELLS = ["item", "7", "b", None, "7", "007", "b", "é", None, "7", "NA", "b"] * 4


def pair() -> tuple[pd.Series, pd.Series]:
    """The cells coded, and as pandas holds them."""
    array = texts.column(pa.chunked_array([CELLS[:5], CELLS[5:]]))
    assert isinstance(array, texts.Coded)
    return pd.Series(array)[1:], pd.Series(CELLS, dtype="str")[1:]  # without the first, which no other cell is


DONE: dict[str, Callable[[pd.Series], Any]] = {
    "rows": lambda cells: cells.iloc[[3, 0, 3, 1]],
    "mask": lambda cells: cells[cells == "7"],
    "from the end": lambda cells: cells.take([-1, -2]),
    "aligned": lambda cells: cells.reindex([5, 999, 6]),
    "slice": lambda cells: cells.iloc[2:20:3],
    "one": lambda cells: cells.iloc[4],
    "missing": lambda cells: cells.isna(),
    "there": lambda cells: cells.dropna(),
    "filled": lambda cells: cells.fillna("x"),
    "joined": lambda cells: pd.concat([cells, cells]),
    "part of a text": lambda cells: cells.str.contains("0", regex=False, na=False),
    "changed": lambda cells: cells.str.upper(),
    "different": lambda cells: pd.Series(cells.unique()),
    "counted": lambda cells: cells.value_counts(),
    "ordered": lambda cells: cells.sort_values(kind="stable"),
    "repeats": lambda cells: cells.duplicated("last"),
    "grouped": lambda cells: cells.groupby(cells).size(),
    "mapped": lambda cells: cells.map({"7": 1.0}),
    "put": lambda cells: cells.mask(cells == "7", "8"),
    "as objects": lambda cells: pd.Series(cells.to_numpy(object)),
    "copied": lambda cells: pickle.loads(pickle.dumps(cells)),
    "hashed": lambda cells: pd.util.hash_pandas_object(cells),
    "numbers": lambda cells: pd.Series(columns.numbers(cells)),
    "codes": lambda cells: pd.Series(columns.coded(cells)[0]),
    "codes of some": lambda cells: pd.Series(columns.coded(cells[cells != "7"])[0]),
    "texts of codes": lambda cells: pd.Series(columns.coded(cells.iloc[::-1])[1]),
    "of equal cells": lambda cells: cells.equals(cells.copy()),
}


@pytest.mark.parametrize("what", DONE)
def test_what_is_done_with_coded_text_gives_the_same(what: str) -> None:
    found, expected = (DONE[what](cells) for cells in pair())
    if isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected, check_index_type=True)
    else:
        assert type(found) is type(expected)
        assert found == expected


def test_cells_that_do_not_repeat_are_held_as_pandas_does() -> None:
    assert type(texts.column(pa.chunked_array([[str(n) for n in range(9)]]))) is ArrowStringArray


def test_rows_that_are_kept_keep_their_codes() -> None:
    coded, plain = pair()
    kept = np.arange(len(coded)) % 3 > 0
    assert isinstance(coded[kept].array, texts.Coded)
    assert coded[kept].array.nbytes < plain[kept].array.nbytes
