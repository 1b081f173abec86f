"""Bad files: a message that says what, where and what to do; never another exception, never a silent change."""

from __future__ import annotations

import gzip
import io
import json
import random
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from fairdash import data, settings
from fairdash.data import ImportOptions, brought, formats
from fairdash.errors import FairDashError

LOG = b"user_id,item_id,rating\n" + b"".join(b"u%d,i%d,%d\n" % (i % 4, i // 4, 1 + i % 5) for i in range(20))


def _zip(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


def _locked() -> bytes:
    """A zip whose member says that it is encrypted (bit 0 of the flags, in both headers)."""
    raw = bytearray(_zip({"ratings.csv": LOG}))
    raw[6] |= 1
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def _parquet(frame: pd.DataFrame) -> bytes:
    raw = io.BytesIO()
    frame.to_parquet(raw)
    return raw.getvalue()


WIDE = ",".join(["user_id", "item_id", *(f"c{i}" for i in range(70))]).encode()

CASES = {
    "empty file": (b"", "x.csv is empty: 0 bytes"),
    "only blank rows": (b"\n \n\r\n", "only blank rows"),
    "only separators": (b",,\n,,\n", "no cells"),
    "only a header": (b"user_id,item_id\n", "no rows below its column names"),
    "one column": (b"user_id\n1\n2\n", "is not cut into columns"),
    "prose": (b"Dear all\nplease find attached\n", "is not cut into columns"),
    "binary": (bytes(range(256)) * 20, "binary data"),
    "a null byte": (b"user_id,item_id\nu\0,i\n", "row 2: a NUL byte"),
    "a null byte far down": (LOG * 9000 + b"u\0,i,3\n", "row 189,001: a NUL byte"),
    "null bytes all over": (b"\0\1\2\3" * 500, "binary data"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "is a picture"),
    "pdf": (b"%PDF-1.7\n", "is a PDF"),
    "damaged gzip": (b"\x1f\x8b\x08\x00" + bytes(20), "is a gzip file that is damaged"),
    "tar": (gzip.compress(bytes(257) + b"ustar" + bytes(300)), "is a tar archive"),
    "pickle": (b"\x80\x04\x95" + bytes(50), "a Python pickle, which is never opened"),
    "sqlite": (b"SQLite format 3\x00" + bytes(50), "SQLite"),
    "cut json": (b'[{"user_id": 1, "item_id": 2}', "begins like JSON or Python but is neither"),
    "json without records": (b'{"user_id": 1}', "holds no list of records"),
    "a broken line of json": (b'{"user_id": 1, "item_id": 2}\n{"user_id": 1, \n', "line 2 is not JSON"),
    "web page": (b"<!DOCTYPE html><html><p>a, b</p></html>", "a web page or XML"),
    "old excel": (b"\xd0\xcf\x11\xe0" + bytes(50), "Excel"),
    "damaged excel": (_zip({"xl/workbook.xml": b"<x/>", "a": b""}), "Excel workbook"),
    "cut utf-16": ("user_id,item_id\n1,2\n".encode("utf-16") + b"\x00", "breaks at byte"),
    "ragged": (b"user_id,item_id\n1,2\n1\n3,4,5\n1,2\n", "row 3 has 1, row 4 has 3"),
    "first row too long": (b"user_id,item_id\n1,2,3\n4,5\n", "row 2 has 3"),
    "many ragged rows": (b"user_id,item_id\n1,2\n" + b"1,2,3\n" * 30, "and 25 more rows"),
    "open quotation mark": (b'user_id,item_id\n1,"2\n3,4\n5,6\n', "opened and never closed"),
    "twice the same name": (b"user_id,item_id,item_id\n1,2,3\n", "'item_id' occurs 2 times"),
    "too many columns": (WIDE + b"\n", "has 72 columns; the limit is 64"),
    "a first column without name and cells": (b",item_id\n,1\n,2\n,1\n", "one column for two roles"),
    "a second column without name and cells": (b"user_id,\n1,\n2,\n1,\n", "one column for two roles"),
    "no person": (b"item_id,rating\ni1,3\ni2,4\n", "no column is recognisable as"),
    "words for ratings": (
        LOG.replace(b"u3,i1,3", b"u3,i1,good"),
        "1 of 20 cells of 'rating' are no numbers, such as 'good' (row 9)",
    ),
    "no ratings at all": (b"user_id,item_id,rating\nu,i,a\nv,j,b\n", "2 of 2 cells of 'rating'"),
    "all ids empty": (b"user_id,item_id\n,1\n,2\n", "No interaction of x.csv is left"),
    "damaged zip": (_zip({"ratings.csv": LOG})[:-30], "damaged or unusual zip"),
    "half a zip": (_zip({"ratings.csv": LOG})[:60], "damaged or unusual zip"),
    "empty zip": (_zip({}), "holds no files"),
    "zip of folders": (_zip({"a/": b"", "__MACOSX/._a": b"x"}), "holds no files"),
    "encrypted zip": (_locked(), "ratings.csv is encrypted"),
    "zip without tables": (_zip({"readme.txt": b"hello", "a.png": b"x"}), "None of the files holds interactions"),
    "zip in a zip in a zip": (_zip({"r.zip": _zip({"r.zip": _zip({"r.csv": LOG})})}), "is a zip archive where one"),
    "two candidates": (_zip({"a_ratings.csv": LOG, "b_ratings.csv": LOG}), "2 files could hold the interactions"),
    "damaged parquet": (b"PAR1" + bytes(40), "damaged Parquet"),
    "cut parquet": (_parquet(pd.DataFrame({"user_id": ["a"], "item_id": ["b"]}))[:-20], "damaged Parquet"),
    "empty parquet": (_parquet(pd.DataFrame({"user_id": [], "item_id": []})), "0 rows"),
    "nested parquet": (
        _parquet(pd.DataFrame({"user_id": ["a"], "item_id": [{"b": 1}]})),
        "no column is recognisable as the item",
    ),
}


def _linked() -> bytes:
    """A zip with a member that says that it is a symbolic link."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        info = zipfile.ZipInfo("ratings.csv")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return raw.getvalue()


def _parquet_of(table: pa.Table, **how: Any) -> bytes:
    raw = io.BytesIO()
    pa_parquet.write_table(table, raw, **how)
    return raw.getvalue()


CASES |= {
    "a mark alone": (b"\xef\xbb\xbf", "only blank rows"),
    "a mark of utf-16 alone": (b"\xff\xfe", "only blank rows"),
    "utf-32": ("user_id,item_id\n1,2\n".encode("utf-32"), "binary data"),
    "a mark and a header": (b"\xef\xbb\xbfuser_id,item_id\n", "no rows below its column names"),
    "300,000 columns": (b",".join(b"c%d" % i for i in range(300_000)) + b"\n1", "has 300,000 columns; the limit is 64"),
    "a quoted row beyond what is looked at": (
        b",".join(b'"c,%d"' % i for i in range(30_000)) + b"\n1",
        "has 30,000 columns; the limit is 64",
    ),
    "cut gzip": (gzip.compress(LOG * 200)[:-20], "a gzip file that is damaged"),
    "gzip of nothing": (gzip.compress(b""), "only blank rows"),
    "gzip in gzip": (gzip.compress(gzip.compress(LOG)), "binary data"),
    "the end of a zip": (_zip({"ratings.csv": LOG})[30:], "binary data"),
    "a link in a zip": (_linked(), "is not cut into columns"),
    "parquet of lists and records": (
        _parquet(pd.DataFrame({"a": [[1, 2]] * 3, "b": [{"x": 1}] * 3})),
        "no column is recognisable as",
    ),
    "parquet of many columns": (_parquet_of(pa.table({f"c{i}": [1] for i in range(2000)})), "has 2,000 columns"),
    "parquet of one column": (_parquet_of(pa.table({"user_id": ["a"]})), "1 row and 1 column"),
    "parquet of one name": (_parquet_of(pa.table([["a"], ["b"]], names=["u", "u"])), "two columns of the same name"),
    "parquet without an inside": (b"PAR1" + bytes(8) + b"PAR1", "damaged Parquet"),
    "parquet that lies about its end": (b"PAR1" + b"x" * 20 + b"\xff\xff\xff\x7fPAR1", "damaged Parquet"),
    "ratings without end": (LOG.replace(b",5\n", b",inf\n"), "are no numbers, such as 'inf' (rows 6, 11, 16, 21)"),
    "ratings beyond what is kept": (LOG.replace(b",5\n", b",1e39\n"), "are no numbers, such as '1e39'"),
    "a name twice": (b'[{"user_id": 1, "item_id": 2, "item_id": 3}]', "'item_id' stands twice in one record"),
    "a name twice in a line": (
        b'{"user_id": 1, "item_id": 2}\n{"user_id": 1, "item_id": 2, "item_id": 3}\n',
        "line 2 is not JSON: 'item_id' stands twice in one record",
    ),
    "a name twice in the first line": (
        b'{"user_id": 1, "user_id": 2, "item_id": 3}\n{"user_id": 1, "item_id": 2}\n',
        "line 1 is not JSON: 'user_id' stands twice in one record",
    ),
    "a name twice in the only line": (b'{"user_id": 1, "user_id": 2, "item_id": 3}', "'user_id' stands twice"),
    "open document": (_zip({"mimetype": b"a", "META-INF/manifest.xml": b"b"}), "is an OpenDocument file, not a table"),
    "word document": (_zip({"word/document.xml": b"a", "[Content_Types].xml": b"b"}), "is a Word document"),
    "presentation": (_zip({"ppt/presentation.xml": b"a"}), "is a presentation"),
    "binary workbook": (_zip({"xl/workbook.bin": b"a"}), "is a binary Excel workbook"),
    "arrays of numpy": (_zip({"a.npy": b"a", "b.npy": b"b"}), "is arrays of NumPy"),
    "ratings beyond numbers": (LOG.replace(b",5\n", b",1e400\n"), "are no numbers, such as '1e400'"),
    "deep json": (b"[" * 200_000, "begins like JSON or Python but is neither"),
    "lists deep in each other": (
        b'[{"user_id": 1, "item_id": %s1%s}]' % (b"[" * 600, b"]" * 600),
        "stand more than 50 deep in each other",
    ),
    "records deep in each other": (
        b'[{"user_id": 1, "item_id": %s1%s}]' % (b'{"a":' * 600, b"}" * 600),
        "stand more than 50 deep in each other",
    ),
    "cells of lists deep in each other": (
        b"user_id,items\n" + b"".join(b'u%d,"%s1%s"\n' % (i, b"[" * 600, b"]" * 600) for i in range(4)),
        "stand more than 50 deep in each other",
    ),
    "json of nothing": (b"null", "is not cut into columns"),
    "blocks without rows": (
        b'i0:\nu0,0,2005-09-item_id": "i0", "rank": 1}, {"user_id": "u3", "item_id": "i1", "rank": 2}, '
        b'{"user_id": "u3", "item_id": "i2",\x7f\x7f\x7f\x7f\x7f06:',
        "No interaction of",
    ),
    "python of a list in a set": (
        b"{[{'item_id': 'i0'}, {'item_id': 'i2'}]}\n"
        b"{'us': 'u2', 'items': [{'item_id': 'i0'}, {''}, {'item_id': 'i2'}]}\n",
        "has 2 columns, but row 2 has 4",
    ),
    "json of numbers": (b"[1,2,3]", "holds no list of records"),
    "json of a huge number": (b'[{"user_id": ' + b"9" * 5000 + b', "item_id": 2}]', "but is neither"),
    "json without values": (b'[{"user_id": null, "item_id": null, "x": ""}]', "holds records without values"),
    "json of many names": (
        json.dumps([{"user_id": 1, "item_id": 2, f"k{i}": 1} for i in range(3000)]).encode(),
        "has 3,002 columns; the limit is 64",
    ),
    "lines of json of many names": (
        b"\n".join(b'{"user_id": 1, "item_id": 2, "k%d": 1}' % i for i in range(3000)),
        "has 3,002 columns; the limit is 64",
    ),
    "python that would run": (b"{'a': __import__('os').system('x')}", "holds no list of records"),
    "arff": (b"@relation x\n@attribute a numeric\n@data\n1\n", "an ARFF file"),
    "xml": (b"<?xml version='1.0'?><a/>", "a web page or XML"),
    "xml without a first line": (b'<log day="1">\n  <entry user="1" item="2"/></log>', "a web page or XML"),
    "a program": (b"\x7fELF" + bytes(100), "binary data"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
    "numpy": (b"\x93NUMPY\x01\x00" + bytes(100), "a NumPy array"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(100), "a 7z archive"),
    "rar": (b"Rar!\x1a\x07\x01\x00" + bytes(50), "a RAR archive"),
    "xz": (b"\xfd7zXZ\x00" + bytes(50), "an xz file"),
    "bzip2": (b"BZh91AY&SY" + bytes(50), "a bzip2 file"),
    "zstandard": (b"\x28\xb5\x2f\xfd" + bytes(50), "a Zstandard file"),
    "feather": (b"ARROW1\0\0" + bytes(50), "a Feather or Arrow file"),
    "orc": (b"ORC" + bytes(50), "an ORC file"),
    "avro": (b"Obj\x01" + bytes(50), "an Avro file"),
    "quotation marks alone": (b'"' * 1000, "is not cut into columns"),
    "returns alone": (b"user_id,item_id\r\r\r", "no rows below its column names"),
    "a cell of 50 MB": (
        b"user_id,item_id\nu," + b"x" * 50_000_000 + b"\nv,i\n",
        "A row of x.csv is larger than 4.0 MB",
    ),
    "a workbook under another name": (_zip({"xl/workbook.xml": b"<x/>", "[Content_Types].xml": b"<x/>"}), "Excel"),
    "commas alone": (b"," * 70_000, "holds no cells, only separators"),
}


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("door", ["lists", "truth", "users", "people of interactions"])
def test_bad_files_through_every_other_door(door: str) -> None:
    good, told = ("log.csv", LOG), {}
    for case, (raw, _) in CASES.items():
        bad = ("x.csv", raw)
        try:
            if door == "people of interactions":
                data.build(good, bad)
            else:
                sources = {"lists": good, "truth": good, "users": ("p.csv", b"user_id,g\nu0,a\nu1,b\n"), door: bad}
                brought.bring(sources["lists"], sources["truth"], sources["users"])
        except FairDashError as error:
            told[case] = (error.message, error.hint)
    assert [case for case, said in told.items() if not all(said)] == []


@pytest.mark.parametrize("case", CASES)
def test_message_says_what_and_where_and_hint_what_to_do(case: str) -> None:
    raw, said = CASES[case]
    with pytest.raises(FairDashError) as caught:
        data.build(("x.csv", raw))
    assert said in caught.value.message
    assert caught.value.hint


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FairDashError, match=r"nowhere\.csv cannot be read: No such file"):
        data.build(tmp_path / "nowhere.csv")
    with pytest.raises(FairDashError, match="is a folder"):
        data.build(tmp_path)
    with pytest.raises(FairDashError, match="cannot be read"):
        data.build("a\0b.csv")
    with pytest.raises(FairDashError, match="No file was given"):
        data.build([])


def test_wrong_columns() -> None:
    for options, said in (
        (ImportOptions(user="nobody"), "has no column 'nobody'"),
        (ImportOptions(user="item_id", item="item_id"), "has two roles"),
        (ImportOptions(rating="user_id"), "are no numbers"),
    ):
        with pytest.raises(FairDashError, match=said):
            data.build(("x.csv", LOG), options=options)


def test_files_that_do_not_belong_together() -> None:
    with pytest.raises(
        FairDashError, match=r"No user_id of x\.csv \('u0', 'u1', 'u2'\) has a row in p\.csv \('9', '8'\)"
    ):
        data.build(("x.csv", LOG), ("p.csv", b"user_id,gender\n9,F\n8,M\n"))


def test_bad_ratings_can_be_left_out_and_are_listed() -> None:
    raw = LOG.replace(b"u3,i1,3", b"u3,i1,good").replace(b"u0,i4,2", b"u0,i4,inf")
    dataset, findings = data.build(("x.csv", raw), options=ImportOptions(drop_bad_ratings=True))
    bad = next(finding for finding in findings if finding.key == "bad_ratings")
    assert (bad.count, bad.rows, bad.applied) == (2, (9, 18), True)
    assert len(dataset.interactions) == 18


@pytest.mark.parametrize("door", ["data", "lists", "users"])
def test_halves_of_letters_are_told_at_every_door(door: str) -> None:
    half = rb"\ud800"
    people = b'[{"user_id": "%s", "g": "a"}, {"user_id": "u0", "g": "%s"}, {"user_id": "u1", "%s": "b"}]' % (
        (half,) * 3
    )
    log = b"\n".join(b'{"user_id": "u%d", "item_id": "%s%d", "rank": %d}' % (n % 2, half, n, n) for n in range(1, 5))
    if door == "data":
        _, findings = data.build(("log.json", log), ("p.json", people))
        assert [finding.table for finding in findings if finding.key == "lost_letters"] == ["log.json", "p.json"]
    else:
        sources = [("l.json", log), ("t.json", log), ("p.json", people)]
        assert brought.bring(*sources).users["user_id"].tolist() == ["u0", "u1", "\ufffd"]


@pytest.mark.parametrize("cell", [r"['\ud800%d', 'b']", r"[{'item_id': '\ud800%d'}]", r"[[['\ud800%d']]]"])
def test_halves_of_letters_in_cells_of_lists_are_told(cell: str) -> None:
    lists = "user_id,items\n" + "".join(f'u{i},"{cell % i}"\n' for i in range(4))
    _, findings = data.build(("x.csv", lists.encode()))
    assert findings
    people = "user_id,langs\n" + "".join(f'u{i},"{cell % i}"\n' for i in range(4))
    data.build(("l.csv", LOG), ("p.csv", people.encode()))


def test_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_UNPACKED_MB", 1)
    bomb = _zip({"ratings.csv": b"0" * 3_000_000})
    assert len(bomb) < 10_000
    with pytest.raises(FairDashError, match="3 MB; the limit is 1 MB"):
        data.build(("x.zip", bomb))
    monkeypatch.setattr(settings, "MAX_ZIP_MEMBERS", 3)
    with pytest.raises(FairDashError, match="holds 4 files; the limit is 3"):
        data.build(("x.zip", _zip({f"{i}.csv": b"" for i in range(4)})))


def test_member_that_is_larger_than_it_says_gives_no_more_than_it_says() -> None:
    raw = bytearray(_zip({"ratings.csv": LOG * 50}, zipfile.ZIP_STORED))
    for start, offset in ((raw.index(b"PK\x03\x04"), 22), (raw.rindex(b"PK\x01\x02"), 24)):
        raw[start + offset : start + offset + 4] = (100).to_bytes(4, "little")
    with pytest.raises(FairDashError, match="damaged or unusual zip"):
        data.build(("x.zip", bytes(raw)))


def test_large_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "MAX_UPLOAD_MB", 0)
    with pytest.raises(FairDashError, match="the limit is 0 MB"):
        data.build(("x.csv", LOG))
    monkeypatch.setattr(settings, "MAX_UNPACKED_MB", 0)
    (tmp_path / "x.csv").write_bytes(LOG)
    with pytest.raises(FairDashError, match="the limit is 0 MB"):
        data.build(tmp_path / "x.csv")


class _Counted(io.BytesIO):
    """A file with a hole of 2 GB behind its beginning; reading far into it is a fault."""

    def read(self, n: int | None = -1) -> bytes:
        assert n is not None
        assert 0 <= n <= 1 << 20, "it is read whole"
        assert self.tell() <= 1 << 20, "it is read far into the hole"
        found = super().read(n)
        self.seek(self.tell() + n - len(found))
        return found.ljust(n, b"\0")


@pytest.mark.parametrize("begins", [b"", LOG, b"\xff\xfe" + LOG.decode().encode("utf-16-le")])
@pytest.mark.parametrize("packed", ["path", "gzip", "zip"])
def test_a_hole_is_refused_before_it_is_read(
    begins: bytes, packed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source: Any = tmp_path / "hole.csv"
    with source.open("wb") as file:
        file.write(begins)
        file.truncate(2 << 30)
    if packed == "path":
        monkeypatch.setattr(Path, "open", lambda *_: _Counted(begins))
    else:  # a small file that unpacks to a large one: as large as it has to be to tell
        source = (f"hole.csv.{packed}", gzip.compress(begins + bytes(1 << 20)))
        if packed == "zip":
            source = ("hole.csv", _zip({"hole.csv": begins + bytes(1 << 20)}))
            monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: _Counted(begins))
        else:
            monkeypatch.setattr(gzip, "open", lambda *_: _Counted(begins))
    for build in (data.build, brought.bring):
        with pytest.raises(FairDashError, match=r"hole\.csv.* holds binary data"):
            build(source, None)


def test_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_ROWS", 10)
    with pytest.raises(FairDashError, match="the limit is 10"):
        data.build(("x.csv", LOG))


def test_names_with_paths_and_markup_do_no_harm() -> None:
    dataset, _ = data.build(_named("../../etc/<b>ratings.csv"))
    assert dataset.name == "<b>ratings"
    dataset, _ = data.build(("x.zip", _zip({"../../ratings.csv": LOG, "c:\\x\\users.csv": b"user_id,g\nu0,a\nu1,b\n"})))
    assert "g" in dataset.users


def _named(name: str) -> tuple[str, bytes]:
    return name, LOG


_SPLINTERS = (
    *(b",", b"\n", b'"', b"\t", b"|", b"::", b"\xff", b"nan", b"-1", b" ", b"\r", b"\xe9", b"2020-01-01", b"user_id"),
    *(b"?", b"\x1f", b"NA", b"=cmd|' /C'!A0", b"\xef\xbb\xbf", b";", b"[", b"\xe2\x80\xa8", b"1_000", b"1e400"),
)


def _damaged(raw: bytes, draw: random.Random) -> bytes:
    spoilt = bytearray(raw)
    for _ in range(draw.choice([1, 1, 2, 3])):
        at, kind = draw.randrange(len(spoilt) + 1), draw.random()
        if kind < 0.5:
            spoilt[at:at] = draw.choice(_SPLINTERS)
        elif kind < 0.7:
            del spoilt[at : at + draw.randrange(1, 40)]
        else:
            other = draw.randrange(len(spoilt) + 1)
            spoilt[at:at] = spoilt[other : other + draw.randrange(60)]
    return bytes(spoilt)


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_give_a_message_or_a_sound_data_set(seed: int) -> None:
    draw = random.Random(seed)
    people = b"user_id,gender,age\n" + b"".join(
        b"u%d,%s,%d\n" % (i, b"FM"[i % 2 : i % 2 + 1], 18 + i) for i in range(4)
    )
    things = b"item_id,title,genres\n" + b"".join(b"i%d,T%d,A|B\n" % (i, i) for i in range(5))
    files = [LOG, people, things]
    broken = draw.randrange(3)
    files[broken] = _damaged(files[broken], draw)
    sources = [("ratings.csv", files[0]), ("users.csv", files[1]), ("items.csv", files[2])]
    try:
        if seed % 3 == 0:
            raw = _zip(dict(sources))
            dataset, _ = data.build(("x.zip", _damaged(raw, draw) if seed % 2 else raw))
        else:
            dataset, _ = data.build(*sources)
    except FairDashError as error:
        told = error
    else:
        log = dataset.interactions
        assert log.notna().all().all()
        assert not log.duplicated(["user_id", "item_id"]).any()
        assert log["user_id"].isin(dataset.users["user_id"]).all()
        assert log["item_id"].isin(dataset.items["item_id"]).all()
        assert dataset.users["user_id"].is_unique
        assert dataset.items["item_id"].is_unique
        return
    assert told.message
    assert told.hint


PAIRS = [(u, i) for u in range(4) for i in range(3)]
FORMS = {
    "csv": b"user_id,item_id,rank,score\n" + b"".join(b"u%d,i%d,%d,0.%d\n" % (u, i, i + 1, 9 - i) for u, i in PAIRS),
    "json": json.dumps([{"user_id": f"u{u}", "item_id": f"i{i}", "rank": i + 1} for u, i in PAIRS]).encode(),
    "lines": b"\n".join(b'{"user": {"id": "u%d"}, "items": ["i0", "i1", "i2"]}' % u for u in range(4)),
    "python": b"\n".join(b"{'user_id': 'u%d', 'items': [{'item_id': 'i0'}, {'item_id': 'i2'}]}" % u for u in range(4)),
    "cells": b"user_id,items\n" + b"".join(b"u%d,\"['i0', 'i1']\"\n" % u for u in range(4)),
    "trec": b"".join(b"u%d Q0 i%d %d 0.5 run\n" % (u, i, i + 1) for u, i in PAIRS),
    "blocks": b"".join(b"i%d:\n" % i + b"".join(b"u%d,%d,2005-09-06\n" % (u, u) for u in range(4)) for i in range(3)),
    "dates": b"user,item,score,date\n"
    + b"".join(b"u%d,i%d,3,Posted June %d, 2014.\n" % (u, i, 1 + i) for u, i in PAIRS),
}


@pytest.mark.parametrize("seed", range(64))
def test_damaged_lists_give_a_message_or_sound_tables(seed: int) -> None:
    draw = random.Random(seed)
    lists = FORMS[sorted(FORMS)[seed % len(FORMS)]]
    people = b"user_id,gender,langs,dob\n" + b"".join(b"u%d,%d,de;en,198%d-01-01\n" % (i, i % 2, i) for i in range(4))
    files = [lists, LOG, people]
    broken = draw.randrange(3)
    files[broken] = _damaged(files[broken], draw)
    sources = [(f"x{i}", raw) for i, raw in enumerate(files)]
    told: FairDashError | None = None
    try:
        found = brought.bring(sources[0], sources[1], sources[2])
    except FairDashError as error:
        told = error
    else:
        for frame in (*found.systems.values(), found.truth):
            assert frame[["user_id", "item_id"]].notna().all().all()
        assert found.users["user_id"].is_unique
    assert told is None or (told.message and told.hint)


def _workbook(dimension: str, row: str) -> bytes:
    """A workbook whose one sheet says that it is so large."""
    openpyxl, raw = pytest.importorskip("openpyxl"), io.BytesIO()
    openpyxl.Workbook().save(raw)
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f'<dimension ref="{dimension}"/><sheetData>{row}</sheetData></worksheet>'
    )
    with zipfile.ZipFile(raw) as old:
        files = {one: old.read(one) for one in old.namelist()}
    return _zip({**files, "xl/worksheets/sheet1.xml": sheet.encode()})


@pytest.mark.parametrize(
    ("dimension", "said"),
    [
        ("A1:XFD999999999", "cells; the limit is 1,000,000"),
        ("A1:B999999999", "rows; the limit is"),
        ("", "rows; the limit is"),
    ],
)
def test_a_workbook_is_bounded_by_what_its_sheets_say_to_hold(
    dimension: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "MAX_CELLS", 1_000_000)
    monkeypatch.setattr(formats, "SHEET_ROWS", 100_000)
    raw = _workbook(dimension, '<row r="999999999"><c r="A999999999"><v>1</v></c></row>')
    assert len(raw) < 10_000
    with pytest.raises(FairDashError, match=said):
        data.build(("x.xlsx", raw))


def test_a_workbook_is_bounded_by_what_it_unpacks_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_UNPACKED_MB", 1)
    with pytest.raises(FairDashError, match="3 MB; the limit is 1 MB"):
        data.build(("x.xlsx", _zip({"xl/workbook.xml": b"<x/>", "xl/sharedStrings.xml": b" " * 3_000_000})))


def _repeated(text: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text])).cast(pa.string())


def test_parquet_is_bounded_by_what_it_decodes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    people = pa.array(range(2000)).cast(pa.string())
    raw = _parquet_of(pa.table({"user_id": people, "item_id": _repeated("x" * 5000, 2000)}))
    assert len(raw) < 60_000
    monkeypatch.setattr(settings, "MAX_UNPACKED_MB", 9)
    with pytest.raises(FairDashError, match=r"decoded, has 10 MB; the limit is 9 MB"):
        data.build(("x.parquet", raw))
    monkeypatch.setattr(settings, "MAX_CELLS", 3999)
    with pytest.raises(FairDashError, match=r"4,000 cells; the limit is 3,999"):
        data.build(("x.parquet", raw))
    lists = pa.table({"user_id": ["a", "b"], "items": [["x"] * 3000, ["x"] * 3000]})
    with pytest.raises(FairDashError, match=r"6,002 cells; the limit is 3,999"):
        data.build(("x.parquet", _parquet_of(lists)))


@pytest.mark.parametrize("dictionary", [True, False])
def test_parquet_text_that_is_not_utf8_names_its_column(dictionary: bool) -> None:
    bad = _not_utf8([b"a", b"\xff\xfe", b"c"])
    raw = _parquet_of(pa.table({"user_id": ["u", "v", "w"], "item_id": bad}), use_dictionary=dictionary)
    with pytest.raises(FairDashError, match=r"'item_id' of x\.parquet is damaged, or its text is not UTF-8") as caught:
        data.build(("x.parquet", raw))
    assert "UTF-8" in caught.value.hint


def _not_utf8(cells: list[bytes]) -> pa.Array:
    binary = pa.array(cells, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(cells), binary.buffers())
