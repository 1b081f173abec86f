"""Columns of people's own names and types."""

from __future__ import annotations

import gc
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from fairdash import columns
from fairdash.data import repeats


@pytest.mark.parametrize("kind", ["str", "object", "int64"])
@pytest.mark.parametrize("other", ["str", "object", "int64"])
def test_ids_are_looked_up_as_pandas_does(kind: str, other: str) -> None:
    ids, others = (
        pd.Series(numbers) if name == "int64" else pd.Series(numbers).astype("str").astype(name)
        for numbers, name in (([7, 70, 8, 7], kind), ([8, 7, 7], other))
    )
    expected = [True, False, True, True] if (kind == "int64") == (other == "int64") else [False] * 4
    assert columns.among(ids, others).tolist() == ids.isin(others).tolist() == expected
    assert columns.among(pd.Index(ids), pd.Index(others)).tolist() == expected


@pytest.mark.parametrize("kind", ["str", "int64"])
@pytest.mark.parametrize("keep", ["first", "last", False])
def test_repeated_pairs_are_those_of_pandas(kind: str, keep: object) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).integers(0, 9, (60, 2)), columns=["user_id", "item_id"]).astype(kind)
    expected = frame.duplicated(["user_id", "item_id"], keep=keep)  # type: ignore[arg-type]
    assert repeats.repeated(frame, keep).tolist() == expected.tolist()  # type: ignore[arg-type]
    assert expected.any()


def test_what_an_attribute_says_is_remembered_as_long_as_it_is_there() -> None:
    column = pd.Series([" a  b ", "?", None, "a b", "7"], dtype="str", name="x")
    first = columns.tidy(column)
    first.iloc[0] = "changed by who asked"
    again = columns.tidy(column.set_axis([5, 6, 7, 8, 9]))
    assert again.isna().tolist() == [False, True, True, False, False]
    assert (again.dropna().tolist(), again.index.tolist(), again.name) == (["a b", "a b", "7"], [5, 6, 7, 8, 9], "x")
    kept = len(columns._TIDIED)
    assert kept
    del column
    gc.collect()
    assert len(columns._TIDIED) < kept


@pytest.mark.parametrize("many", [3, 40, 5000])
def test_pairs_are_ordered_and_told_as_by_sorting(many: int) -> None:
    chance = np.random.default_rng(many)
    for first, second in (
        (chance.integers(-3, many, 400), chance.integers(0, 30, 400)),
        (np.repeat(np.arange(100), 4), np.tile(np.arange(4), 100)),
        (chance.permutation(400).astype(np.int16), np.full(400, 7)),
        (chance.integers(0, 2**40, 400), chance.integers(0, 9, 400)),
    ):
        expected = np.lexsort((second, first))
        assert (repeats.order_of_pairs(first, second) == expected).all()
        key = repeats.paired(first, second)
        assert key is not None
        assert repeats.twice(key) == (len(np.unique(key)) < len(key))
        ids = pd.Series(first.astype(np.int64))
        assert list(repeats.different(ids)) == list(ids.unique())


@pytest.mark.parametrize("cells", [["b", "a", "b", None, "c", "a"], ["x"], [None, None], []])
def test_text_is_numbered_as_it_comes(cells: list[str | None]) -> None:
    column = pd.Series(cells, dtype="str")
    codes, different = columns.coded(column)
    expected, values = pd.factorize(column)
    assert (codes.tolist(), list(different)) == (expected.tolist(), list(values))
    joined = pd.concat([column, column], ignore_index=True)  # several pieces of Arrow's
    assert columns.coded(joined)[0].tolist() == [*expected, *expected]


@pytest.mark.parametrize("keep", ["first", "last", False])
def test_repeated_pairs_are_told_as_pandas_does(keep: Literal["first", "last", False]) -> None:
    chance = np.random.default_rng(0)
    people, times = chance.choice(list("abcdefg"), 60), chance.integers(0, 9, 60).astype(float)
    frame = pd.DataFrame({"user_id": pd.Series(people, dtype="str"), "time": times})
    for one in (
        frame,
        frame.assign(time=times / 2),
        frame.assign(time=np.where(times > 4, np.nan, times)),
        frame.assign(time=times * 1e300),
        frame.mask(np.stack([times > 6, times > 7], axis=1)),
        frame.iloc[:0],
    ):
        expected = one.duplicated(["user_id", "time"], keep=keep).tolist()
        assert repeats.repeated(one, keep, ("user_id", "time")).tolist() == expected
