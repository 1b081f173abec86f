"""The run folder holds whatever a split can: any type of column, any text, any number."""

from __future__ import annotations

import datetime
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from fairdash import settings
from fairdash.data import split as splits
from fairdash.data import synthetic
from fairdash.errors import ConfigError, DataError
from fairdash.run import Run, read_split, write_split
from fairdash.schema import Interactions, Lists, Split, TrainingData
from fairdash.stages import fit, recommend
from fairdash.workspace import write_json

N = 5
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
INT64 = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, width=32)
MOMENTS = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1))
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def cells(one: st.SearchStrategy[Any], *, missing: bool = True) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.one_of(st.none(), one) if missing else one, min_size=N, max_size=N)


def column(of: st.SearchStrategy[list[Any]], dtype: Any) -> st.SearchStrategy[pd.Series]:
    return of.map(lambda values: pd.Series(values, dtype=dtype))


COLUMNS = st.one_of(
    column(cells(TEXTS), "str"),
    column(cells(TEXTS), object),
    column(cells(TEXTS), "string"),
    column(cells(INT64, missing=False), "int64"),
    column(cells(st.integers(0, 255), missing=False), "uint8"),
    column(cells(INT64), "Int64"),
    column(cells(FLOATS), "float64"),
    column(cells(st.floats(allow_nan=False)), "float64"),
    column(cells(FLOATS), "float32"),
    column(cells(FLOATS), "Float64"),
    column(cells(st.booleans(), missing=False), "bool"),
    column(cells(st.booleans()), "boolean"),
    column(cells(MOMENTS), "datetime64[us]"),
    column(cells(MOMENTS), "datetime64[ns]"),
    column(cells(st.dates().map(np.datetime64)), "datetime64[s]"),
    column(cells(MOMENTS), "datetime64[us, UTC]"),
    column(cells(MOMENTS), "datetime64[ns, Europe/Berlin]"),
    column(cells(st.sampled_from(["a", "b", ""])), pd.CategoricalDtype(["b", "a", "", "unused"], ordered=True)),
    column(cells(st.sampled_from([3, 1])), pd.CategoricalDtype([3, 1, 2])),
    column(cells(st.sampled_from([0.1, 2.5])), pd.CategoricalDtype([0.1, 2.5])),
)


def holding(users: pd.DataFrame, items: pd.DataFrame, rating: float = 1.0, time: float = 0.0) -> Split:
    def part(user: list[int], item: list[int]) -> Interactions:
        n = len(user)
        return Interactions(
            np.array(user, np.int32), np.array(item, np.int32), np.full(n, rating, np.float32), np.full(n, time)
        )

    training = TrainingData(users, items, part([0, 1], [0, 1]), part([0], [1]), None)
    return Split("data", "user-time:0.8", 3, training, part([1], [2]))


@given(
    st.lists(COLUMNS, min_size=1, max_size=4),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.floats(0, 1e12),
)
@checks(max_examples=150, deadline=None)
def test_every_type_of_column_comes_back(columns: list[pd.Series], rating: float, time: float) -> None:
    more = {f"a,{i}": one for i, one in enumerate(columns)}
    users = pd.DataFrame({"user_id": pd.Series([f"u{i}" for i in range(N)], dtype="str"), **more})
    items = pd.DataFrame({"item_id": pd.Series([f"i{i}" for i in range(N)], dtype="str"), **more})
    split = holding(users, items, rating, time)
    with tempfile.TemporaryDirectory() as folder:
        write_split(split, Path(folder))
        again = read_split(Path(folder))
    for name in more:
        for table in (again.training.users, again.training.items):
            text = isinstance(users[name].dtype, pd.StringDtype) or users[name].dtype == np.dtype(object)
            assert table[name].dtype == ("str" if text else users[name].dtype)
            assert table[name].isna().tolist() == users[name].isna().tolist()
            assert table[name].dropna().tolist() == users[name].dropna().tolist()
    assert again.digest == split.digest


def test_whole_numbers_beside_missing_ones_keep_every_digit(tmp_path: Path) -> None:
    large = pd.Series([None, -(2**53) - 1, 2**63 - 1, 0, None], dtype="Int64")
    users = pd.DataFrame({"user_id": pd.Series([f"u{i}" for i in range(N)], dtype="str"), "large": large})
    items = pd.DataFrame({"item_id": pd.Series([f"i{i}" for i in range(N)], dtype="str")})
    write_split(holding(users, items), tmp_path)
    assert read_split(tmp_path).training.users["large"].tolist() == large.tolist()


@pytest.mark.parametrize(
    "cells",
    [
        pd.Series([np.datetime64("2020-01-01").astype(object)] * N, dtype=object),
        pd.Series([["a", "b"]] * N),
        pd.Series([True, None, False, None, True], dtype=object),
        pd.Series([1, "a", None, 2.5, "b"], dtype=object),
        pd.Series(pd.to_timedelta(range(N), unit="s")),
        pd.Series(pd.period_range("2020", periods=N, freq="Y")),
        pd.Series([1j] * N),
        pd.Series(pd.Categorical(pd.to_datetime(["2020-01-01"] * N))),
    ],
)
def test_a_type_that_no_table_of_text_can_hold_is_refused_by_name(tmp_path: Path, cells: pd.Series) -> None:
    users = pd.DataFrame({"user_id": [f"u{i}" for i in range(N)], "joined": cells})
    items = pd.DataFrame({"item_id": [f"i{i}" for i in range(N)]})
    with pytest.raises(DataError, match="'joined' of users") as caught:
        write_split(holding(users, items), tmp_path)
    assert caught.value.hint


def test_a_real_split_comes_back_under_its_name(tmp_path: Path) -> None:
    split = splits.split(synthetic.make(0, n_users=40, n_items=50)[0], "user-time:0.8", seed=4)
    write_split(split, tmp_path)
    again = read_split(tmp_path)
    assert (again.digest, again.notes) == (split.digest, split.notes)
    assert "global-time" in again.notes[-1]


class Nothing:
    name = "nothing"

    def score(self, users: Any, history: Any) -> Any:
        return np.zeros((len(users), 50), np.float32)

    def save(self, folder: Path) -> None:
        raise AssertionError


def test_a_catalogue_up_to_the_limit_is_ranked_and_one_beyond_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = splits.split(synthetic.make(0, n_users=40, n_items=50)[0], "user-time:0.8")
    monkeypatch.setattr(settings, "MAX_CATALOGUE_CELLS", 2000)
    lists = recommend.rank(Nothing(), split, "test")
    assert isinstance(lists, Lists)
    monkeypatch.setattr(settings, "MAX_CATALOGUE_CELLS", 1999)
    for act in (
        lambda: recommend.rank(Nothing(), split, "test"),
        lambda: fit.train(split, fit.TrainSpec("popularity"), tmp_path / "run"),
    ):
        with pytest.raises(ConfigError, match="40 people × 50 items are 2,000 scores") as caught:
            act()
        assert "FAIRDASH_MAX_CATALOGUE_CELLS" in caught.value.hint
    assert not (tmp_path / "run").exists()
    assert replace(split, name="x").digest == split.digest


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("split.json", b"{"),
        ("split.json", b"{}"),
        ("users.csv", b""),
        ("users.csv", b"other\n1\n"),
        ("train.csv", b"user_id,item_id,rating\nu,i,many\n"),
        ("valid.csv", None),
        ("arrays.safetensors", b"broken"),
    ],
)
def test_a_damaged_folder_says_so(tmp_path: Path, name: str, content: bytes | None) -> None:
    write_split(splits.split(synthetic.make(0, n_users=40, n_items=50)[0], "user-time:0.8"), tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        read_split(tmp_path)


def test_missing_candidates_say_so(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", {"digest": "x", "title": "x"})
    with pytest.raises(DataError, match=r"candidates\.safetensors cannot be read"):
        Run.load(tmp_path).candidates()
