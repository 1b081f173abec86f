"""Files → tables of text: separators, headers, encodings, row numbers."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairdash.data import encodings, read
from fairdash.data.table import Reading
from fairdash.errors import DataError

ROWS = [("user_id", "item_id", "title"), ("007", "NA", "Tomás, the film"), ("9007199254740993", "1", 'She said "no"')]


def _csv(separator: str) -> str:
    cells = [
        [
            f'"{cell.replace(chr(34), 2 * chr(34))}"' if separator != "::" and set(cell) & set(',"') else cell
            for cell in row
        ]
        for row in ROWS
    ]
    return "\n".join(separator.join(row) for row in cells) + "\n"


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "::"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
def test_every_separator_in_every_encoding(separator: str, encoding: str) -> None:
    table = read.table(("x.csv", _csv(separator).encode(encoding)))
    assert list(table.frame.columns) == ["user_id", "item_id", "title"]
    assert [tuple(row) for row in table.frame.to_numpy()] == ROWS[1:]
    assert table.separator == separator
    assert table.frame.index.tolist() == [2, 3]
    expected = {"cp1252": "latin-1"}.get(encoding, encoding)  # the text has only letters that both share
    assert table.encoding == expected


def test_cp1252_is_told_from_latin_1_by_its_quotation_marks() -> None:
    assert read.table(("x.csv", "user,item\n1,“Amélie”\n".encode("cp1252"))).encoding == "cp1252"


def test_chosen_encoding_and_separator_win() -> None:
    raw = "user|item,x\nа|б,в\n".encode("cp1251")
    table = read.table(("x.csv", raw), Reading(encoding="cp1251", separator="|"))
    assert list(table.frame.columns) == ["user", "item,x"]
    assert table.frame.iloc[0].tolist() == ["а", "б,в"]


def test_ids_stay_text() -> None:
    raw = b"user_id,item_id\nNA,007\n9007199254740993,\nnan,1.0\nNULL,1e5\n"
    frame = read.table(("x.csv", raw)).frame
    assert frame["user_id"].tolist() == ["NA", "9007199254740993", "nan", "NULL"]
    assert frame["item_id"].fillna("(empty)").tolist() == ["007", "(empty)", "1.0", "1e5"]


@pytest.mark.parametrize(
    ("raw", "header"),
    [
        (b"1\t2\t3\n4\t5\t6\n", False),
        (b"a,b,c\n4,5,6\n", True),
        (b"alice,film 1\nbob,film 1\nalice,film 2\n", False),
        (b"wer,was\nbob,film 1\nalice,film 2\n", True),
        (b"user_id,item_id\nu1,i1\n", True),
        (b"1,rating\n2,x\n", True),
    ],
)
def test_header_is_recognised(raw: bytes, header: bool) -> None:
    table = read.table(("x.csv", raw))
    assert table.header is header
    assert table.frame.index[0] == (2 if header else 1)


def test_header_can_be_forced() -> None:
    assert read.table(("x.csv", b"1,2\n3,4\n"), Reading(header=True)).frame.columns.tolist() == ["1", "2"]
    assert len(read.table(("x.csv", b"a,b\n3,4\n"), Reading(header=False)).frame) == 2


def test_row_numbers_are_those_of_the_file_blank_rows_included() -> None:
    table = read.table(("x.csv", b"\nuser,item\n1,2\n\n3,4\r\n\n\n"))
    assert table.frame.index.tolist() == [3, 5]
    assert table.blank_rows == 4


def test_line_breaks_inside_cells() -> None:
    table = read.table(("x.csv", b'user,item\n1,"a\nb"\n2,c\n'))
    assert table.frame["item"].tolist() == ["a\nb", "c"]


def test_trailing_separator_makes_no_column() -> None:
    assert read.table(("x.csv", b"user,item,\n1,2,\n")).frame.columns.tolist() == ["user", "item"]


def test_nameless_index_column_gets_a_name() -> None:
    assert read.table(("x.csv", b",user,item\n0,1,2\n")).frame.columns.tolist() == ["column 1", "user", "item"]


def test_recbole_types_are_cut_off_and_kept() -> None:
    table = read.table(("x.item", b"item_id:token\tmovie_title:token_seq\tclass:token_seq\n1\tA B\tDrama War\n"))
    assert table.frame.columns.tolist() == ["item_id", "movie_title", "class"]
    assert table.spaced == ("movie_title", "class")


def test_parquet_becomes_the_text_it_shows() -> None:
    frame = pd.DataFrame(
        {
            "user_id": [1.0, None, 3.0],
            "item_id": ["NA", "007", ""],
            "rating": [3.5, 4.0, np.inf],
            "when": pd.to_datetime(["2020-01-02", "2020-01-03", None]),
            "genres": [["a", "b"], None, []],
            "kind": pd.Categorical(["x", "y", "x"]),
            "big": [2**53 + 1, 2, 3],
        }
    )
    raw = io.BytesIO()
    frame.to_parquet(raw)
    got = read.table(("x.parquet", raw.getvalue())).frame.astype(object)
    got = got.where(got.notna(), None)
    assert got["user_id"].tolist() == ["1", None, "3"]
    assert got["item_id"].tolist() == ["NA", "007", None]
    assert got["rating"].tolist() == ["3.5", "4", None]
    assert got["when"].str[:10].tolist() == ["2020-01-02", "2020-01-03", None]
    assert got["genres"].tolist() == ["a|b", None, None]
    assert got["kind"].tolist() == ["x", "y", "x"]
    assert got["big"].tolist() == ["9007199254740993", "2", "3"]


def test_moments_of_a_zone_that_nobody_knows_are_the_same_moments() -> None:
    def told(zone: str) -> list[str]:
        raw, moments = io.BytesIO(), pa.array([0, 3600, 86_400], pa.timestamp("s", zone))
        pq.write_table(pa.table({"user_id": ["a", "b", "c"], "when": moments}), raw)
        return read.table(("x.parquet", raw.getvalue())).frame["when"].tolist()

    assert told("Mars/Olympus") == told("UTC")
    assert told("Europe/Paris") != told("UTC")  # as it stands there


def test_zip_members_without_folders_and_hidden_files() -> None:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("ml/ratings.csv", "a,b\n1,2\n")
        archive.writestr("__MACOSX/ml/._ratings.csv", "x")
        archive.writestr("ml/.DS_Store", "x")
        archive.mkdir("ml/empty")
    assert read.unzip(("x.zip", raw.getvalue())) == [("ml/ratings.csv", b"a,b\n1,2\n")]


def test_encoding_that_does_not_exist() -> None:
    with pytest.raises(DataError, match="no encoding is called"):
        read.table(("x.csv", b"a,b\n1,2\n"), Reading(encoding="klingon"))


TABLE = "user_id,item_id,rating\n" + "".join(f"u{n},i{n % 3},{1 + n % 5}\n" for n in range(6))


@pytest.mark.parametrize("line", ["(6 rows)", "6 rows selected.", "# end of export", "-- bye"])
def test_remarks_below_and_between_rows_are_left_aside_and_said(line: str) -> None:
    found = read.table(("x.csv", (TABLE + line + "\n").encode()))
    assert found.frame["user_id"].tolist() == [f"u{n}" for n in range(6)]
    assert [note.rows for note in found.notes if note.key == "remarks"] == [(8,)]
    between = TABLE.replace("u3", f"# page 2\n{line}\nu3")
    assert read.table(("x.csv", between.encode())).frame.index.tolist() == [2, 3, 4, 7, 8, 9]


def test_a_row_that_is_too_short_is_no_remark() -> None:
    with pytest.raises(DataError, match="row 8 has 2"):
        read.table(("x.csv", (TABLE + "u9,i1\n").encode()))


@pytest.mark.parametrize("foot", ["Total,,21", "Grand Total,all,21", "Gesamt,,21", "合计,,21"])
def test_sums_at_the_foot_are_no_people(foot: str) -> None:
    found = read.table(("x.csv", (TABLE + foot + "\n").encode()))
    assert len(found.frame) == 6
    assert [note.rows for note in found.notes if note.key == "sums"] == [(8,)]
    named = read.table(("x.csv", TABLE.replace("u1", "total").encode()))  # somebody who is called so
    assert len(named.frame) == 6


def test_two_rows_of_names_are_one() -> None:
    merged = "Kunde,,Produkt,\nid,city,id,stars\n" + "".join(f"{n},Ulm,{n % 3},{n % 5}\n" for n in range(6))
    found = read.table(("x.csv", merged.encode()))
    assert list(found.frame.columns) == ["Kunde id", "Kunde city", "Produkt id", "Produkt stars"]
    assert found.frame.index.tolist() == [3, 4, 5, 6, 7, 8]
    assert any(note.key == "two_headers" for note in found.notes)


@pytest.mark.parametrize(
    "rows",
    [
        "user_id,item_id,rating\nu1,i1,3,\nu2,i1,4,\nu3,i2,5,\n",
        'user_id item_id rating\n"1" u1 i1 3\n"2" u2 i1 4\n"3" u3 i2 5\n',
        "user_id,item_id,rating\n1,u1,i1,3\n2,u2,i1,4\n3,u3,i2,5\n",
    ],
)
def test_names_that_are_one_fewer_than_the_cells(rows: str) -> None:
    frame = read.table(("x.csv", rows.encode())).frame
    assert frame["user_id"].tolist() == ["u1", "u2", "u3"]
    assert frame["rating"].tolist() == ["3", "4", "5"]


def test_a_mark_before_the_names_of_columns_is_no_remark() -> None:
    rows = "#id\tgender\tsince\n" + "".join(f"u{n}\t{'fm'[n % 2]}\tAug {n + 1}, 2006\n" for n in range(6))
    assert list(read.table(("x.tsv", rows.encode())).frame.columns) == ["#id", "gender", "since"]


def test_lines_of_two_encodings_keep_their_letters() -> None:
    lines = [f"u{n},Köln\n".encode() for n in range(8)] + ["u9,München\n".encode("cp1252")]
    found = read.table(("x.csv", b"user_id,city\n" + b"".join(lines)))
    assert set(found.frame["city"]) == {"Köln", "München"}
    assert found.encoding == "utf-8 and cp1252"


def test_ids_that_are_kept_from_being_numbers_lose_their_marks() -> None:
    frame = read.table(("x.csv", b'user_id,item_id\n="007",="1"\n="008",="2"\n')).frame
    assert frame["user_id"].tolist() == ["007", "008"]


def test_rows_that_stand_together_are_not_copied() -> None:
    table = read.table(("log.csv", b"user,item\n" + b"".join(b"u%d,i\n" % n for n in range(50))))
    assert isinstance(table.frame.index, pd.RangeIndex)
    assert (table.frame.index[0], len(table.frame)) == (2, 50)
    gap = read.table(("log.csv", b"user,item\nu1,i\n\nu2,i\n"))
    assert gap.frame.index.tolist() == [2, 4]


def test_utf8_is_told_in_blocks_that_cut_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = "user,item\n" + "".join(f"{n},Tomás 男 😀\n" for n in range(9))
    for block in (1, 2, 3, 5):
        monkeypatch.setattr(encodings, "_BLOCK", block)
        text, encoding, others = encodings.decode("log.csv", raw.encode())
        assert (text, encoding, others) == (raw.encode(), "utf-8", ())
        assert encodings.decode("log.csv", raw.encode()[:-2] + b"\xe9\n")[1] != "utf-8"
        with pytest.raises(DataError, match="NUL byte"):
            encodings.decode("log.csv", raw.encode() + b"\0" + b"x" * (1 << 17))
