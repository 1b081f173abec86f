"""Roles of files follow from their columns."""

from __future__ import annotations

import io
import itertools
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from fairdash import data
from fairdash.schema import TIME, Dataset

LOG = "user_id,movie_id,rating\n" + "".join(f"{u},{i},{1 + (u + i) % 5}\n" for u in range(8) for i in range(6))
PEOPLE = "user_id,gender\n" + "".join(f"{u},{'FM'[u % 2]}\n" for u in range(8))
THINGS = "id,title,genres\n" + "".join(f"{i},T{i},A|B\n" for i in range(6))


def _zip(files: dict[str, str | bytes]) -> tuple[str, bytes]:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return "all.zip", raw.getvalue()


def test_a_data_set_is_called_as_the_zip_or_the_folder_that_holds_its_files(tmp_path: Path) -> None:
    """And as the file of interactions, where the files are brought one by one."""
    folder = tmp_path / "our.shop"
    folder.mkdir()
    for name, text in (("ratings.csv", LOG), ("users.csv", PEOPLE)):
        (folder / name).write_text(text)
    packed = _zip({"ratings.csv": LOG, "users.csv": PEOPLE})[1]
    brought = {"shop": ("shop.zip", packed), "our.shop": folder, "ratings": folder / "ratings.csv"}
    assert [data.build(one)[0].name for one in brought.values()] == list(brought)


def _whole(dataset: Dataset) -> None:
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions)) == (8, 6, 48)
    assert "gender" in dataset.users
    assert dataset.items["categories"].tolist() == ["A|B"] * 6


@pytest.mark.parametrize(
    "names",
    [
        ("ratings.csv", "users.csv", "items.csv"),  # a known archive's first two names, and a third that is not
        ("ratings.csv", "demographics.csv", "movies.csv"),
        ("a.csv", "b.csv", "c.csv"),
        ("users.csv", "items.csv", "ratings.csv"),  # names that lie
        ("x/log.txt", "y/who.txt", "z/what.txt"),
    ],
)
def test_names_of_files_do_not_matter(names: tuple[str, ...]) -> None:
    files = dict(zip(names, (LOG, PEOPLE, THINGS), strict=True))
    for order in itertools.permutations(files.items()):
        dataset, findings = data.build(_zip(dict(order)))
        _whole(dataset)
        assert all(finding.key != "left_aside" for finding in findings)


def test_an_item_column_with_a_name_of_its_own_finds_its_file() -> None:
    log = "user_id,anime_id,rating\n" + "".join(f"{u},{i},{1 + (u + i) % 5}\n" for u in range(8) for i in range(6))
    things = "anime_id,name,genre,rating\n" + "".join(f"{i},T{i},A,7.5\n" for i in range(6))
    dataset, _ = data.build(_zip({"rating.csv": log, "anime.csv": things}))
    assert dataset.items["title"].tolist() == [f"T{i}" for i in range(6)]
    assert dataset.relevance_threshold == 4.0


def test_people_are_known_by_ids_that_meet() -> None:
    people = "#id\tsex\tcountry\n" + "".join(f"p{u}\t{'FM'[u % 2]}\tDE\n" for u in range(8))
    log = "".join(f"p{u}\t2014-06-0{1 + i}T10:00:00Z\tm{i}\tName {i}\n" for u in range(8) for i in range(6))
    dataset, _ = data.build([("log.tsv", log.encode()), ("who.tsv", people.encode())])
    assert dataset.users["sex"].tolist() == ["F", "M"] * 4
    assert dataset.n_items == 6


def test_what_is_left_aside_is_a_warning() -> None:
    _, findings = data.build(_zip({"r.csv": LOG, "notes.csv": "a,b\n1,x\n2,y\n"}))
    aside = next(finding for finding in findings if finding.key == "left_aside")
    assert (aside.severity, aside.count) == ("warning", 1)
    assert "notes.csv" in aside.message


def test_parts_of_a_folder_are_one_table(tmp_path: Path) -> None:
    lines = LOG.splitlines()
    folder = tmp_path / "ratings"
    folder.mkdir()
    (folder / "_SUCCESS").write_bytes(b"")
    (folder / ".part-00000.csv.crc").write_bytes(b"crc")
    for i, part in enumerate((lines[1:20], lines[20:])):
        (folder / f"part-0000{i}-c0.csv").write_text("\n".join([lines[0], *part]) + "\n")
    dataset, findings = data.build(folder)
    assert len(dataset.interactions) == 48
    assert next(f for f in findings if f.key == "parts").count == 2
    raw = {}
    for i in range(2):
        out = io.BytesIO()
        pd.DataFrame({"user_id": [i, i], "item_id": [0, 1]}).to_parquet(out)
        raw[f"s/part-0000{i}.snappy.parquet"] = out.getvalue()
    packed, _ = data.build(_zip({"s/_SUCCESS": b"", **raw}))
    assert len(packed.interactions) == 4


@pytest.mark.parametrize("names", [("plays_2023.csv", "plays_2024.csv"), ("2023-11-plays.csv", "2023-12-plays.csv"),
                                   ("log/year=2023/p.csv", "log/year=2024/p.csv")])  # fmt: skip
def test_files_by_date_are_one_table(tmp_path: Path, names: tuple[str, str]) -> None:
    halves = [range(0, 20), range(20, 40)]
    for name, half in zip(names, halves, strict=True):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("user_id,item_id\n" + "".join(f"u{i % 8},i{i % 7}\n" for i in half))
    (tmp_path / "users.csv").write_text("user_id,gender\n" + "".join(f"u{i},{'FM'[i % 2]}\n" for i in range(8)))
    dataset, findings = data.build(tmp_path)
    assert len(dataset.interactions) == 40
    assert "gender" in dataset.users
    assert any(one.key == "parts" and "2 parts" in one.message for one in findings)
    assert not any(one.key == "columns_aside" for one in findings)
    keyed = "=" in names[0]  # a year alone is a time where it comes from folders
    assert any(one.key == "joined_date" for one in findings) is keyed
    assert dataset.interactions[TIME].nunique() == 2 if keyed else TIME not in dataset.interactions


def test_parts_with_other_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "part-00000.csv").write_text("user_id,item_id\n1,2\n")
    (tmp_path / "part-00001.csv").write_text("user_id,item\n1,2\n")
    with pytest.raises(data.read.DataError, match="has other columns"):
        data.read.table(tmp_path)
