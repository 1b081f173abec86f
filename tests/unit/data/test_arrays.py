"""Pictures, sounds and vectors of people and items: from their files to what a recommender is trained on."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from fairdash import arrays, data, entries, settings
from fairdash.data import ImportOptions
from fairdash.data import split as splits
from fairdash.data.arrays import read_arrays
from fairdash.errors import DataError
from fairdash.run import read_split, write_split
from fairdash.schema import Dataset, TrainingData
from fairdash.workspace import Workspace

LOG = "user_id,item_id,rating,timestamp\n" + "".join(
    f"u{u},i{i},{1 + (u + i) % 5},{1_700_000_000 + 100 * u + i}\n" for u in range(6) for i in range(5)
)


def parquet(ids: Any, values: Any, key: str = "item_id") -> tuple[str, bytes]:
    out = io.BytesIO()
    pa_parquet.write_table(pa.table({key: ids, "cover": values}), out)
    return "covers.parquet", out.getvalue()


def npz(**named: Any) -> tuple[str, bytes]:
    out = io.BytesIO()
    np.savez(out, **named)
    return "covers.npz", out.getvalue()


class Toy:
    """A stand-in for a recommender that looks at pictures."""

    def fit(self, data: TrainingData) -> dict[str, np.ndarray]:
        has = arrays.told(data.item_arrays["cover"])
        return {"covers": data.item_arrays["cover"][has], "ids": data.items["item_id"].to_numpy()[has]}


def test_from_files_to_training(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    covers, voices = rng.normal(size=(4, 2, 3)).astype(np.float32), rng.normal(size=(6, 2))
    dataset, findings = data.build(
        ("log.csv", LOG.encode()),
        options=ImportOptions(name="ours"),
        item_arrays={"cover": parquet(["i3", "i0", "nobody", "i1"], covers.tolist())},
        user_arrays={"voice": npz(ids=np.array([f"u{u}" for u in range(6)]), voices=voices)},
    )
    place = {item: i for i, item in enumerate(dataset.items["item_id"])}
    cover = dataset.item_arrays["cover"]
    assert cover.shape == (5, 2, 3)
    for row, item in ((0, "i3"), (1, "i0"), (3, "i1")):
        np.testing.assert_array_equal(cover[place[item]], covers[row])
    assert np.isnan(cover[[place["i2"], place["i4"]]]).all()
    assert arrays.told(cover).sum() == 3
    said = {f.table: f for f in findings if f.key == "arrays"}
    assert (said["covers.parquet"].severity, said["covers.parquet"].count) == ("warning", 2)
    assert (said["covers.npz"].severity, said["covers.npz"].count) == ("info", 0)

    workspace = Workspace(tmp_path)
    again = entries.get_dataset(workspace, entries.put_dataset(workspace, dataset))
    np.testing.assert_array_equal(again.item_arrays["cover"], cover)
    split = splits.split(again, "user-time:0.8")
    write_split(split, tmp_path / "run")
    opened = read_split(tmp_path / "run")
    assert opened.digest == split.digest
    np.testing.assert_array_equal(opened.training.user_arrays["voice"], voices.astype(np.float32))
    seen = Toy().fit(opened.training)
    assert set(seen["ids"]) == {"i0", "i1", "i3"}
    assert seen["covers"].shape == (3, 2, 3)


def test_arrays_follow_the_items_that_are_left(tmp_path: Path) -> None:
    log = LOG + "u0,rare,3,1800000000\n"
    ids = ["rare", *(f"i{i}" for i in range(5))]
    dataset, _ = data.build(
        ("log.csv", log.encode()),
        options=ImportOptions(k_core=3),
        item_arrays={"cover": parquet(ids, [[float(i)] for i in range(6)])},
    )
    assert "rare" not in set(dataset.items["item_id"])
    expected = [ids.index(item) for item in dataset.items["item_id"]]
    assert dataset.item_arrays["cover"].ravel().tolist() == expected


def small() -> Dataset:
    return data.build(("log.csv", LOG.encode()))[0]


def test_arrays_are_part_of_the_name() -> None:
    plain = small()
    one = replace(plain, item_arrays={"cover": np.ones((5, 2), np.float32)})
    names = {
        plain.digest,
        one.digest,
        replace(one, item_arrays={"cover": np.zeros((5, 2), np.float32)}).digest,
        replace(one, item_arrays={"sound": np.ones((5, 2), np.float32)}).digest,
        replace(plain, user_arrays={"cover": np.ones((6, 2), np.float32)}).digest,
    }
    assert len(names) == 5


@pytest.mark.parametrize(
    "array",
    [
        np.ones((4, 2), np.float32),
        np.ones((5, 2), np.float64),
        np.ones(5, np.float32),
        np.ones((5, 0), np.float32),
        np.array([[1, np.nan]] * 5, np.float32),
        np.array([[1, np.inf]] * 5, np.float32),
    ],
)
def test_arrays_that_do_not_fit_the_table_are_refused(array: np.ndarray) -> None:
    with pytest.raises(DataError, match="cover"):
        replace(small(), item_arrays={"cover": array})


def test_whole_numbers_as_ids_and_lists_of_fixed_size() -> None:
    values = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(6, dtype=np.float64)), 2)
    found = read_arrays(parquet(pa.array([7, 8, 9]), values))
    assert found.ids.tolist() == ["7", "8", "9"]
    assert found.rows.dtype == np.float32
    assert found.rows.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert read_arrays(npz(ids=np.array([7, 8]), x=np.ones((2, 3, 4, 5)))).rows.shape == (2, 3, 4, 5)


def test_a_row_without_a_list_has_no_array() -> None:
    assert read_arrays(parquet(["a", "b"], [None, [1.0]])).ids.tolist() == ["b"]


def damaged() -> tuple[str, bytes]:
    name, raw = npz(ids=np.arange(2), x=np.ones((2, 3)))
    return name, raw[:-30]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (parquet(["a", "b"], [[1.0], [1.0, 2.0]]), "'b' has another shape than that of 'a'"),
        (parquet(["a", "b"], [[[1.0], [2.0]], [[1.0], [2.0, 3.0]]]), "another shape"),
        (parquet(["a", "a"], [[1.0], [2.0]]), "'a' comes twice"),
        (parquet(["a", None], [[1.0], [2.0]]), "has no id"),
        (parquet(["a", "b"], [[1.0, 2.0], [None, 3.0]]), "'b' holds a value that is no finite number"),
        (parquet(["a"], [[float("inf")]]), "no finite number"),
        (parquet(["a"], [[1e300]]), "no finite number"),
        (parquet(["a"], [["x"]]), "no numbers"),
        (parquet(["a"], [[[[[1.0]]]]]), "has the shape"),
        (parquet(["a"], pa.array([None], pa.list_(pa.float32()))), "has the shape"),
        (parquet(["a"], ["x"], "id"), "does not hold one id and one list"),
        (("x.npy", b"\x93NUMPY\x01\x00"), "neither Parquet nor .npz"),
        (("x.parquet", b"PAR1 broken"), "cannot be read"),
        (damaged(), "damaged"),
        (npz(x=np.ones((2, 2))), "does not hold `ids`"),
        (npz(ids=np.arange(3), x=np.ones((2, 2))), "ids int64"),
        (npz(ids=np.arange(2), x=np.array(["a", "b"])), "ids int64"),
        (npz(ids=np.array([None, "a"], dtype=object), x=np.ones((2, 2))), "damaged or unusual"),  # a pickle
    ],
)
def test_what_is_wrong_is_said(source: tuple[str, bytes], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_arrays(source)
    assert source[0] in caught.value.message
    assert caught.value.hint


def test_arrays_of_other_data_are_refused() -> None:
    with pytest.raises(DataError, match="is among the items"):
        data.build(("log.csv", LOG.encode()), item_arrays={"cover": parquet(["x"], [[1.0]])})


@pytest.mark.parametrize(
    "source",
    [
        parquet([f"i{i}" for i in range(500)], [[0.0] * 500] * 500),
        npz(ids=np.arange(500), x=np.zeros((500, 500), np.float32)),
    ],
)
def test_many_numbers_in_few_bytes_are_bounded_before_they_are_unpacked(
    source: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "MAX_UNPACKED_MB", 2)
    assert len(read_arrays(source).rows) == 500
    monkeypatch.setattr(settings, "MAX_UNPACKED_MB", 0.9)
    with pytest.raises(DataError, match="the limit is"):
        read_arrays(source)


def test_a_damaged_store_of_arrays_says_so(tmp_path: Path) -> None:
    dataset = replace(small(), item_arrays={"cover": np.ones((5, 2), np.float32)})
    data.save(dataset, tmp_path)
    (tmp_path / arrays.FILE).write_bytes(b"broken")
    with pytest.raises(DataError, match="cannot be read"):
        data.load(tmp_path)
    assert isinstance(dataset.items, pd.DataFrame)
