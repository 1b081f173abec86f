"""A data set goes to a folder and back unchanged, with any ids that text can hold."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fairdash import data
from fairdash.data import ImportOptions, Reading, synthetic
from fairdash.data.shapes import _MARKED
from fairdash.errors import DataError

# Any text but control characters; spaces at the ends are taken away on import, so they are left to other tests. A
# backslash before a quote is left out (also before one around a cell with a comma): some writers escape quotes so, and
# a file does not say which kind wrote it.
IDS = st.one_of(
    st.sampled_from(
        ["NA", "nan", "null", "007", "7", "9007199254740993", "1e5", "-0", "True", "=1+1", '"', "a,b", "'"]
    ),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
    .map(str.strip)
    .filter(lambda text: text and not ("\\" in text and set(text) & set('",'))),
)


@given(rows=st.lists(st.tuples(IDS, IDS), min_size=1, max_size=30, unique=True))
@settings(max_examples=80, deadline=None)
def test_odd_ids_survive_csv_and_store(rows: list[tuple[str, str]]) -> None:
    listed = sum(re.search(_MARKED, item) is not None for _, item in rows)
    assume(2 * listed < len(rows))  # else they are read as lists, which is told
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["user_id", "item_id"])
    writer.writerows(rows)
    options = ImportOptions(read_interactions=Reading(separator=",", header=True, encoding="utf-8"))
    dataset, _ = data.build(("log.csv", text.getvalue().encode()), options=options)
    assert list(zip(dataset.interactions["user_id"], dataset.interactions["item_id"], strict=True)) == rows
    assert set(dataset.users["user_id"]) == {u for u, _ in rows}
    with tempfile.TemporaryDirectory() as folder:
        data.save(dataset, Path(folder) / "kept")
        again = data.load(Path(folder) / "kept")
    assert again.digest == dataset.digest
    assert again.interactions.equals(dataset.interactions)
    assert again.provenance == dataset.provenance


def test_synthetic_round_trip(tmp_path: Path) -> None:
    dataset, _ = synthetic.make(3, n_users=50, n_items=60)
    data.save(dataset, tmp_path)
    again = data.load(tmp_path)
    assert again.digest == dataset.digest
    assert (again.name, again.relevance_threshold) == ("synthetic", 4.0)
    assert again.users.isna().equals(dataset.users.isna())


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dataset\.json is missing"):
        data.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["users.parquet", "dataset.json"])
def test_damaged(tmp_path: Path, name: str) -> None:
    dataset, _ = synthetic.make(3, n_users=50, n_items=60)
    data.save(dataset, tmp_path)
    (tmp_path / name).write_bytes(b"PAR1 broken")
    with pytest.raises(DataError, match="cannot be read"):
        data.load(tmp_path)


def test_changed(tmp_path: Path) -> None:
    dataset, _ = synthetic.make(3, n_users=50, n_items=60)
    data.save(dataset, tmp_path)
    dataset.users.assign(age="1").to_parquet(tmp_path / "users.parquet", index=False)
    with pytest.raises(DataError, match="not the one that was stored"):
        data.load(tmp_path)
