"""Tables in another dress: JSON, Python dictionaries, white space, sequences, TREC, MIND, Netflix, gzip, Excel."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import zipfile
from typing import Any

import pandas as pd
import pytest

from fairdash import data
from fairdash.data import brought, read
from fairdash.errors import ConfigError, DataError
from fairdash.schema import Dataset

ROWS = [(f"u{u}", f"i{i}", 1 + (u + i) % 5, 1_400_000_000 + 97 * i) for u in range(6) for i in range(5)]
NAMES = ("user_id", "item_id", "rating", "timestamp")
RECORDS: list[dict[str, Any]] = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
CSV = ",".join(NAMES) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in ROWS)


def _drawn(line: str, rule: str, between: str) -> str:
    rows = [line.format(between.join(map(str, row))) for row in [NAMES, *ROWS]]
    return "\n".join([rows[0], rule, *rows[1:]]) + "\n"


def _build(text: str | bytes, name: str = "x.txt") -> Dataset:
    raw = text.encode() if isinstance(text, str) else text
    return data.build((name, raw), options=data.ImportOptions(name="x"))[0]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(RECORDS),
        json.dumps({"data": RECORDS, "count": 30}),
        json.dumps({name: [record[name] for record in RECORDS] for name in NAMES}),
        json.dumps({name: {str(i): record[name] for i, record in enumerate(RECORDS)} for name in NAMES}),
        json.dumps({"columns": NAMES, "index": list(range(30)), "data": ROWS}),
        "\n".join(map(json.dumps, RECORDS)),
        "\n".join(map(json.dumps, RECORDS)).replace("\n", "\n\n"),
        "\n".join(map(repr, RECORDS)),
        "\n".join(" ".join(map(str, row)) for row in [NAMES, *ROWS]),
        "\n".join("   ".join(map(str, row)) + " " for row in [NAMES, *ROWS]),
        "user_id:token item_id:token rating:float timestamp:float\n" + "\n".join(" ".join(map(str, r)) for r in ROWS),
        gzip.compress(CSV.encode()),
        gzip.compress(json.dumps(RECORDS).encode()),
        "\n".join(",".join(f"'{cell}'" for cell in row) for row in [NAMES, *ROWS]),
        ",".join(NAMES) + "\n" + "\n".join(f"'{u}','{i}',{r},{t}" for u, i, r, t in ROWS),
        _drawn("| {} |", "|:---|---|---:|---|", " | "),
        _drawn("|{}|", "| - | - | - | - |", "|"),
        "+---+---+---+---+\n" + _drawn("| {} |", "+---+---+---+---+", "  | ") + "+---+---+---+---+\n",
        _drawn(" {}", "---+---+---+---", " | ") + "(30 rows)\n",
    ],
)
def test_every_dress_gives_the_same_data_set(text: str | bytes) -> None:
    assert _build(text).digest == _build(CSV).digest


def test_a_drawn_table_keeps_empty_cells_and_row_numbers() -> None:
    text = " user_id | item_id | rating\n---------+---------+--------\n a | x | 4\n b | y |\n c | z | 2\n(3 rows)\n"
    frame = read.table(("x.txt", text.encode())).frame
    assert frame.index.tolist() == [3, 4, 5]
    assert frame["rating"].tolist()[::2] == ["4", "2"]
    assert frame["rating"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("names", [("year", "month", "day", "hour"), ("Jahr", "Monat", "Tag", "Stunde"),
                                   ("año", "mes", "día", "hora"), ("年", "月", "日", "时")])  # fmt: skip
def test_a_date_in_columns_of_its_own_is_a_time(names: tuple[str, ...]) -> None:
    head, rows = (
        ",".join(("user_id", "item_id", *names)),
        [f"{user},{item},{2020 + i % 3},{1 + i % 12},{1 + i % 28},{i % 24}" for i, (user, item, *_) in enumerate(ROWS)],
    )
    found = _build("\n".join([head, *rows])).interactions
    dates = [f"{2020 + i % 3}-{1 + i % 12:02}-{1 + i % 28:02}T{i % 24:02}:00" for i in range(len(ROWS))]
    assert found["time"].tolist() == [pd.Timestamp(date).timestamp() for date in dates]
    lists = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "year": [2020, 2021], "month": [2, 3]})
    assert "time" in brought.bring(None, lists).truth


def test_a_date_of_the_item_is_no_time() -> None:
    rows = [f"{user},{item},{2000 + int(item[1:])},{1 + int(item[1:])}" for user, item, *_ in ROWS]
    found = _build("\n".join(["user_id,item_id,year,month", *rows]))
    assert "time" not in found.interactions
    assert {"year", "month"} <= set(found.items)


def test_fields_by_path_lists_and_weights() -> None:
    lines = [
        {"user": {"id": f"u{u}"}, "item_id": i, "tags": ["a", "b|c"], "ok": True, "x": None}
        for u in range(3)
        for i in (1, 2)
    ]
    frame = read.table(("x.json", "\n".join(map(json.dumps, lines)).encode())).frame
    assert list(frame.columns) == ["user.id", "item_id", "tags", "ok"]
    assert frame.iloc[0].tolist() == ["u0", "1", "a|b|c", "true"]
    things = [{"book_id": i, "genres": {name: 7}} for i, name in enumerate(("drama", "war", "love", "crime"))]
    dataset, _ = data.build(
        ("l.csv", b"user_id,book_id\n1,0\n1,1\n2,2\n2,3\n"),
        None,
        ("b.json", "\n".join(map(json.dumps, things)).encode()),
    )
    assert dataset.items["categories"].tolist() == ["drama", "war", "love", "crime"]


def test_nested_lists_of_categories() -> None:
    things = [{"asin": f"i{i}", "title": f"T{i}", "categories": [["Toys", "Games"]]} for i in range(5)]
    dataset, _ = data.build(("x.csv", CSV.encode()), None, ("m.json", "\n".join(map(json.dumps, things)).encode()))
    assert dataset.items["categories"].tolist() == ["Toys|Games"] * 5


SEQUENCES = {"u1": ["7", "3", "9"], "u2": ["3", "5"], "u3": ["9", "1", "4", "8", "2"], "u4": ["5"]}


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(" ".join([person, *items]) for person, items in SEQUENCES.items()),
        "\n".join("\t".join([person, *items]) for person, items in SEQUENCES.items()),
        "user_id,item_sequence\n" + "\n".join(f'{p},"[{", ".join(i)}]"' for p, i in SEQUENCES.items()),
        "user_id;items\n" + "\n".join(f"{p};{','.join(i)}" for p, i in SEQUENCES.items()),
        "\n".join(json.dumps({"user": p, "items": i}) for p, i in SEQUENCES.items()),
        json.dumps(SEQUENCES),
        "\n".join(repr({"user_id": p, "items": [{"item_id": i} for i in items]}) for p, items in SEQUENCES.items()),
    ],
)
def test_one_row_a_person_keeps_its_order(text: str) -> None:
    log = _build(text).interactions.sort_values(["user_id", "time"])
    assert {p: part["item_id"].tolist() for p, part in log.groupby("user_id")} == SEQUENCES


def test_laid_out_lists_in_another_encoding() -> None:
    raw = "user_id,items\n".encode("latin-1") + "".join(f"u{u},é{u}|b\n" for u in range(5)).encode("latin-1")
    dataset, findings = data.build(("x.csv", raw))
    assert len(dataset.interactions) == 10
    assert "encoding" in {finding.key for finding in findings}


def test_titles_with_spaces_and_commas_are_no_lists() -> None:
    rows = "".join(f'u{u},"Tale of {u % 3}, the"\n' for u in range(9))
    assert _build("user_id,movie\n" + rows).n_items == 3


def test_netflix_blocks() -> None:
    text = "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n2:\n822109,4,2005-09-05\n1488844,1,2005-10-19\n"
    dataset = _build(text)
    assert dataset.interactions[["user_id", "item_id", "rating"]].to_numpy().tolist() == [
        ["1488844", "1", 3.0], ["822109", "1", 5.0], ["822109", "2", 4.0], ["1488844", "2", 1.0],
    ]  # fmt: skip


def test_trec_judgements() -> None:
    dataset = _build("\n".join(f"u{u} 0 d{i} {(u * i) % 4}" for u in range(6) for i in range(6)))
    assert (dataset.n_users, dataset.n_items) == (6, 6)
    assert dataset.relevance_threshold == 3.0


def test_mind_behaviours() -> None:
    rows = [
        f"{n}\tU{n % 4}\t11/1{n}/2019 8:0{n}:22 {'AP'[n % 2]}M\tN1 N2\tN{n}-1 N{n + 1}-0 N{n + 2}-0"
        for n in range(1, 8)
    ]
    dataset, findings = data.build(("behaviors.tsv", "\n".join(rows).encode()))
    assert len(dataset.interactions) == 7
    assert dataset.impressions is not None
    assert len(dataset.impressions) == 14
    assert "history_aside" in {finding.key for finding in findings}
    assert dataset.provenance["time_unit"] == "seconds"


def test_unneeded_nested_columns_of_parquet_are_left_aside() -> None:
    frame = pd.DataFrame(RECORDS).assign(emb=[[0.1, 0.2]] * 30, meta=[{"a": 1, "b": {"c": 2}}] * 30, raw=[b"\xff"] * 30)
    raw = io.BytesIO()
    frame.to_parquet(raw)
    table = read.table(("x.parquet", raw.getvalue()))
    assert "meta.a" in table.frame
    assert {"raw", "meta.b"} & set(table.frame) == set()
    assert [note.key for note in table.notes] == ["nested"]


def _workbook() -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return raw.getvalue()


def test_a_workbook_without_the_package_says_the_clicks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(DataError) as error:
        data.build(("x.xlsx", _workbook()))
    assert "openpyxl" in error.value.message
    assert "Save as" in error.value.hint


@pytest.mark.skipif(importlib.util.find_spec("openpyxl") is None, reason="openpyxl is not installed")
def test_sheets_of_a_workbook_are_tables() -> None:
    raw = io.BytesIO()
    people = pd.DataFrame({"user_id": [f"u{u}" for u in range(6)], "gender": list("FMFMFM")})
    with pd.ExcelWriter(raw) as writer:
        pd.DataFrame(RECORDS).to_excel(writer, sheet_name="log", index=False)
        people.to_excel(writer, sheet_name="who", index=False)
    dataset = _build(raw.getvalue(), "x.xlsx")
    assert dataset.interactions.equals(_build(CSV).interactions)
    assert dataset.users["gender"].tolist() == list("FMFMFM")


@pytest.mark.skipif(importlib.util.find_spec("openpyxl") is None, reason="openpyxl is not installed")
@pytest.mark.parametrize("column", ["item_id", "rating"])
def test_formulas_without_a_stored_result_are_no_empty_cells(column: str) -> None:
    raw = io.BytesIO()
    frame = pd.DataFrame(RECORDS)
    frame[column] = [f"=1+{i}" for i in range(len(frame))]  # openpyxl writes it as a formula, and computes nothing
    frame.to_excel(raw, index=False)
    with pytest.raises(DataError, match=f"row 2, column {column}: a formula"):
        _build(raw.getvalue(), "x.xlsx")


CHINESE = "item_id,title,genres\n" + "".join(f"i{i},这是一部关于城市生活的电影第{i}部,喜剧|剧情\n" for i in range(5))
RUSSIAN = "item_id,title,genres\n" + "".join(f"i{i},Очень длинное название фильма номер {i},Драма\n" for i in range(5))


@pytest.mark.parametrize(("text", "encoding"), [(CHINESE, "gbk"), (CHINESE, "gb18030"), (RUSSIAN, "cp1251")])
def test_encodings_are_detected_and_asked(text: str, encoding: str) -> None:
    dataset, findings = data.build(("x.csv", CSV.encode()), None, ("i.csv", text.encode(encoding)))
    assert dataset.items["title"].tolist() == [line.split(",")[1] for line in text.splitlines()[1:]]
    question = next(question for question in data.questions(findings) if question.key == "encoding")
    assert question.option == "--encoding"
    assert dataset.items["title"].iloc[0] in question.text
    chosen = data.ImportOptions(read_items=data.Reading(encoding=encoding))
    again, findings = data.build(("x.csv", CSV.encode()), None, ("i.csv", text.encode(encoding)), options=chosen)
    assert again.items.equals(dataset.items)
    assert not data.questions(findings)


@pytest.mark.parametrize(
    "head",
    ["usuario,película,valoración,fecha", "用户ID,物品ID,评分,时间", "Benutzer,Artikel,Bewertung,Datum",
     "ユーザーID,商品ID,評価,日時", "пользователь,фильм,оценка,дата", "utilisateur,film,note,date",
     "steamid,appid,playtime_forever,ts", "CustomerID,StockCode,Quantity,InvoiceDate",
     "reviewerID,asin,overall,unixReviewTime", "fk_user,fk_item,rating,created_at", "CustNo,ItemNo,Qty,OrderDate",
     "UserIdentifier,ItemIdentifier,RatingValue,EventTime", "user_hash,movie_hash,rating,date",
     "Account Number,Product SKU,Units,Order Date", "회원번호,상품번호,평점,일시", "會員,電影,評分,時間",
     "uživatel,kniha,hodnocení,datum", "käyttäjä,tuote,arvosana,aika", "användare,artikel,betyg,datum",
     "utente,articolo,voto,data", "pengguna,produk,penilaian,tanggal", "nguoi_dung,san_pham,danh_gia,thoi_gian"],
)  # fmt: skip
def test_names_of_columns_in_other_systems_and_languages(head: str) -> None:
    seen = data.preview(("x.csv", CSV.replace(",".join(NAMES), head).encode()))
    names = head.split(",")
    found = seen.mapping
    expected = [names[0], names[1], None if names[2] == "note" else names[2], names[3]]
    assert [found.user, found.item, found.rating, found.time] == expected


@pytest.mark.parametrize(
    ("rows", "roles"),
    [
        ([f"u{u},2014-06-0{i}T10:00:00Z,m{i},Name {i}" for u in range(9) for i in range(1, 7)], ("1", "3", "2")),
        ([f"u{u},m{i},{3 + (u * i) % 3},0" for u in range(9) for i in range(6)], ("1", "2", None)),
        ([f"{n},u{n % 9},m{n % 17},{1 + n % 5}" for n in range(90)], ("2", "3", None)),
        ([f"u{u}\t{200 + i}\t{i % 4}\tpv\t{1_400_000_000 + u}" for u in range(9) for i in range(16)], ("1", "2", "5")),
    ],
)
def test_without_names_times_and_constants_are_no_items(rows: list[str], roles: tuple[str | None, ...]) -> None:
    seen = data.preview(("x.csv", "\n".join(rows).encode()))
    found = [
        column and column.removeprefix("column ")
        for column in (seen.mapping.user, seen.mapping.item, seen.mapping.time)
    ]
    assert tuple(found) == roles
    assert {"user", "item"} <= {question.key for question in data.questions(seen.findings)}


def test_a_first_person_with_gaps_is_no_header() -> None:
    rows = ["ab12cd34ef56ab12cd34\t\t\tGermany\tFeb 1, 2007"]
    rows += [f"{i:020x}\t{'fm'[i % 2]}\t{18 + i}\tGermany\tFeb 1, 2007" for i in range(1, 30)]
    table = read.table(("profile.tsv", "\n".join(rows).encode()))
    assert not table.header
    assert len(table.frame) == 30
    log = "user_id,item_id\n" + "".join(f"{row.split(chr(9))[0]},i{n % 4}\n" for n, row in enumerate(rows * 2))
    dataset, _ = data.build(("l.csv", log.encode()), ("profile.tsv", "\n".join(rows).encode()))
    assert {"gender", "age"} <= set(dataset.users)


def test_options_go_to_json_and_back() -> None:
    options = data.ImportOptions(
        user="a", rating_missing=(0.0,), event_weights=(("view", 1.0),), read_users=data.Reading(encoding="gbk")
    )
    kept = json.loads(json.dumps(options.to_json()))
    assert data.ImportOptions.from_json(kept) == options
    with pytest.raises(ConfigError, match="unknown key 'nope'"):
        data.ImportOptions.from_json({"nope": 1})


PLAIN = [(f"u{u}", f"i{i}", 1 + (u * i) % 5) for u in range(12) for i in range(9)]
NAMED = [{"user": u, "item": i, "rating": r} for u, i, r in PLAIN]


def _by_person() -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for user, item, rating in PLAIN:
        found.setdefault(user, []).append((item, rating))
    return found


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(str(row) for row in PLAIN),
        "\n".join(json.dumps(row) for row in PLAIN),
        str([*map(list, PLAIN)]),
        str(NAMED),
        "\n".join(f"{{'user': '{u}', 'item': '{i}', 'rating': {r}, 'note': nan}}" for u, i, r in PLAIN),
        "\n".join(f"{{'user': '{u}', 'item': '{i}', 'rating': Decimal('{r}')}}" for u, i, r in PLAIN),
        "\n".join(f'{{"user": "{u}", "item": "{i}", "rating": {{"$numberInt": "{r}"}}}}' for u, i, r in PLAIN),
        json.dumps({u: [{"item": i, "rating": r} for i, r in rows] for u, rows in _by_person().items()}),
        json.dumps({"first": NAMED[:50], "second": NAMED[50:]}),
        "user,items,ratings\n"
        + "\n".join(f'{u},"{[i for i, _ in rows]}","{[r for _, r in rows]}"' for u, rows in _by_person().items()),
        "\n".join(f"{u} " + " ".join(f"{i}:{r}" for i, r in rows) for u, rows in _by_person().items()),
        "user," + ",".join(f"i{i}" for i in range(9)) + "\n"
        + "\n".join(f"{u}," + ",".join(str(r) for _, r in rows) for u, rows in _by_person().items()),
        "sep=;\nuser;item;rating\n" + "\n".join(";".join(map(str, row)) for row in PLAIN),
        "Ratings of 2019,,\n,,\nuser,item,rating\n" + "\n".join(",".join(map(str, row)) for row in PLAIN),
        "# exported; by hand\n# 108 rows\nuser,item,rating\n" + "\n".join(",".join(map(str, row)) for row in PLAIN),
        "user,item,rating\n" + "\n".join(",".join(map(str, row)) for row in PLAIN) + "\nTotal,,320\n",
    ],
)  # fmt: skip
def test_ratings_in_many_dresses_are_the_same(text: str) -> None:
    dataset = _build(text)
    log = dataset.interactions
    assert sorted(log[["user_id", "item_id", "rating"]].itertuples(index=False, name=None)) == sorted(PLAIN)
    assert dataset.n_users == 12


def test_a_matrix_whose_columns_are_numbered_is_no_list_of_ratings() -> None:
    head = "user," + ",".join(str(i) for i in range(1, 13))
    rows = [f"u{u}," + ",".join(str(1 + (u * i) % 5) for i in range(12)) for u in range(9)]
    dataset = _build("\n".join([head, *rows]))
    assert dataset.n_items == 12
    assert dataset.interactions["rating"].max() == 5


def test_rows_keep_their_numbers_below_a_title() -> None:
    table = data.read.table(("x.csv", b"A title\n\nuser,item\nu1,i1\nu2,i2\n"))
    assert table.frame.index.tolist() == [4, 5]
    assert table.notes[0].key == "preamble"


def test_several_tables_in_one_json_are_said() -> None:
    people = [{"user": f"u{u}", "gender": "FM"[u % 2]} for u in range(12)]
    _, findings = data.build(("x.json", json.dumps({"people": people, "ratings": NAMED}).encode()))
    assert any(finding.key == "lists_aside" and "people" in finding.message for finding in findings)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("INSERT INTO ratings VALUES (1,2,3),(2,3,4);\n", "data base"),
        ("-- a dump\nCREATE TABLE r (a int, b int);\n", "data base"),
        ("@relation r\n@attribute user numeric\n@data\n1,2\n", "ARFF"),
        ("ratings = [[1,2,3],[2,3,4]]\n", "source code"),
        ('{"user": 1, "item": 2\n{"user": 2,\n', "begins like"),
        ("{'user': 1, 'item': unknown_thing(1, 2)}\n{'user': 1, 'item': unknown_thing(1, 2)}\n", "begins like"),
    ],
)
def test_what_is_no_table_is_refused_by_its_name(text: str, what: str) -> None:
    with pytest.raises(DataError, match=what):
        _build(text)


@pytest.mark.parametrize("encoding", ["mac_roman", "cp850", "cp1250", "iso8859_2", "cp1254", "koi8_r", "shift_jis"])
def test_encodings_told_by_their_words_and_by_names_of_columns(encoding: str) -> None:
    words = {
        "cp1250": "Książka Żółty Świat", "iso8859_2": "Książka Żółty Świat", "cp1254": "Şiir Çığlık Ağaç",
        "koi8_r": "драма комедия боевик", "shift_jis": "ドラマ 犯罪 冒険",
    }.get(encoding, "Comédie Été Noël").split()  # fmt: skip
    head = {
        "koi8_r": "пользователь,фильм,оценка",
        "cp1254": "kullanıcı,ürün,puan",
        "shift_jis": "ユーザー,映画,評価",
    }.get(encoding, "user,item,rating")
    text = f"{head},genre\n" + "".join(f"u{u},i{i},{1 + i % 5},{words[i % 3]}\n" for u in range(9) for i in range(9))
    _, findings = data.build(("x.csv", text.encode(encoding)))
    (question,) = [question for question in data.questions(findings) if question.key == "encoding"]
    assert question.preselected == encoding


@pytest.mark.parametrize(
    ("head", "cells"),
    [
        ("genre", ("A > B", "B", "C > A")), ("genre", ("A & B", "B", "B & A", "A")),
        ("genre", ("A:5|B:3", "B:1", "A:2")),
        ("genre", ("A - B", "B - A", "A", "B")), ("genre1,genre2", ("A,B", "B,", "A,C")),
        ("is_A,is_B,is_C", ("Y,Y,N", "N,Y,N", "Y,N,Y", "N,N,Y")),
    ],
)  # fmt: skip
def test_categories_in_many_dresses(head: str, cells: tuple[str, ...]) -> None:
    items = f"item,{head}\n" + "".join(f"i{i},{cells[i % len(cells)]}\n" for i in range(9))
    dataset, _ = data.build(("x.csv", ("user,item,rating\n" + "".join(f"{u},{i},{r}\n" for u, i, r in PLAIN)).encode()),
                            None, ("i.csv", items.encode()))  # fmt: skip
    assert {"A", "B"} <= set(dataset.categories.names) <= {"A", "B", "C"}
    assert dataset.items["categories"].iloc[0] in ("A|B", "A")


def test_an_item_with_a_row_for_each_category_has_them_all() -> None:
    items = "item,genre\n" + "".join(f"i{i},{genre}\n" for i in range(9) for genre in ("A", "B")[: 1 + i % 2])
    log = "user,item,rating\n" + "".join(f"{u},{i},{r}\n" for u, i, r in PLAIN)
    dataset, _ = data.build(("x.csv", log.encode()), None, ("i.csv", items.encode()))
    assert dataset.items["categories"].tolist() == ["A" if i % 2 == 0 else "A|B" for i in range(9)]


def _pairs(dataset: Dataset) -> set[tuple[str, str]]:
    return set(dataset.interactions[["user_id", "item_id"]].itertuples(index=False, name=None))


PAIRS = {(u, i) for u, i, *_ in ROWS}


def test_records_of_lines_that_each_name_a_field() -> None:
    lines = [f"product/productId: {i}\nreview/userId: {u}\nreview/score: {r}.0\nreview/time: {t}\n"
             f"review/text: nice: really\n" for u, i, r, t in ROWS]  # fmt: skip
    pd.testing.assert_frame_equal(_build("\n".join(lines)).interactions, _build(CSV).interactions)


def test_blocks_of_people_with_how_many_follow() -> None:
    text = "".join(
        f"u{u}|5\n" + "".join(f"{i}\t{r}\n" for person, i, r, _ in ROWS if person == f"u{u}") for u in range(6)
    )
    found = _build(text)
    assert _pairs(found) == PAIRS
    assert found.interactions["rating"].sum() == sum(r for _, _, r, _ in ROWS)


def test_lines_that_begin_with_how_many_items_follow() -> None:
    found = _build("2 10 11\n3 10 12 13\n1 11\n4 10 11 12 13\n")
    assert _pairs(found) == {("1", "10"), ("1", "11"), ("2", "10"), ("2", "12"), ("2", "13"), ("3", "11"),
                             *(("4", item) for item in ("10", "11", "12", "13"))}  # fmt: skip


def test_features_without_ids_are_refused_by_name() -> None:
    with pytest.raises(DataError, match="libFM or libSVM"):
        _build("".join(f"{n % 5} {n}:1 {100 + n % 7}:1\n" for n in range(40)))


def test_a_list_and_the_item_after_it_are_one_sequence() -> None:
    head = "session_id:token\titem_id_list:token_seq\titem_id:token\n"
    rows = "".join(f"{p}\t{' '.join(i[:-1])}\t{i[-1]}\n" for p, i in SEQUENCES.items() if len(i) > 1)
    log = _build(head + rows, "x.inter").interactions.sort_values(["user_id", "time"])
    assert {p: part["item_id"].tolist() for p, part in log.groupby("user_id")} == {
        p: i for p, i in SEQUENCES.items() if len(i) > 1
    }


def test_times_and_kinds_within_records_count() -> None:
    lines = [
        json.dumps({"session": u, "events": [{"aid": 9 - n, "ts": 1_660_000_000_000 + n, "type": kind}
                                             for n, kind in enumerate(("clicks", "carts", "orders"))]})
        for u in range(15)
    ]  # fmt: skip
    dataset, found = data.build(("x.jsonl", "\n".join(lines).encode()))
    assert dataset.interactions["time"].tolist()[:3] == [1_660_000_000_000.0 + n for n in range(3)]
    assert [q.option for q in data.questions(found)] == ["--event-column", "--event"]


@pytest.mark.parametrize(("column", "likely"), [("items", ""), ("basket", "time"), ("item_sequence", None)])
def test_whether_the_order_of_a_list_is_that_in_time_is_asked(column: str, likely: str | None) -> None:
    lists = {u: sorted(range(3 + u), reverse=likely != "") for u in range(1, 6)}
    source = ("x.jsonl", "\n".join(json.dumps({"user_id": u, column: i}) for u, i in lists.items()).encode())
    _, found = data.build(source)
    asked = {q.key: q.preselected for q in data.questions(found)}
    assert asked == ({} if likely is None else {"time": likely})
    dataset, found = data.build(source, options=data.ImportOptions(time=""))
    assert "time" not in dataset.interactions
    assert not data.questions(found)


def test_lists_that_were_shortened_in_print_are_refused() -> None:
    with pytest.raises(DataError, match="row 2: the list of 'items' was shortened"):
        _build('user_id,items\n1,"[1 2 3 ... 7 8 9]"\n2,"[4 5 6]"\n')


@pytest.mark.parametrize(
    "cell",
    ["tensor([{}])", "array([{}], dtype=int64)", "np.array([{}])", "[{}]", "torch.tensor([{}], device='cpu')"],
)
def test_lists_keep_their_ends_whatever_wraps_them(cell: str) -> None:
    rows = "".join(f'{p};"{cell.format(", ".join(i))}"\n' for p, i in SEQUENCES.items())
    log = _build("user_id;item_sequence\n" + rows).interactions.sort_values(["user_id", "time"])
    assert {p: part["item_id"].tolist() for p, part in log.groupby("user_id")} == SEQUENCES


def test_fields_within_records_are_known_by_their_last_name() -> None:
    lines = [json.dumps({"actor": {"userId": u, "gender": "F"}, "properties": {"song_id": i, "x": 1}})
             for u, i, *_ in ROWS]  # fmt: skip
    found = _build("\n".join(lines))
    assert _pairs(found) == PAIRS
    assert list(found.users) == ["user_id", "gender"]


def test_a_person_that_was_named_lays_lists_out() -> None:
    lists = [{"pid": p, "tracks": [{"track_uri": i} for i in items]} for p, items in SEQUENCES.items()]
    source = ("x.json", json.dumps({"info": {"v": 1}, "playlists": lists}).encode())
    found, _ = data.build(source, options=data.ImportOptions(user="pid"))
    assert found.n_users == 4
    assert len(found.interactions) == 11


def test_an_attribute_a_row_becomes_a_column() -> None:
    rows = "".join(f"u{u},gender,{'FM'[u % 2]}\nu{u},age,{20 + u}\n" for u in range(6))
    found, _ = data.build(("x.csv", CSV.encode()), ("p.csv", f"user_id,attribute,value\n{rows}".encode()))
    assert found.users.iloc[1].tolist() == ["u1", "M", "21"]


def test_the_id_of_a_session_or_an_order_is_no_item() -> None:
    rows = "".join(f"u{n % 6},s{n // 2},{1_600_000_000 + n},i{n % 5}\n" for n in range(60))
    _, found = data.build(("x.csv", f"user_id,session_id,timestamp,reference\n{rows}".encode()))
    asked = {q.key: q.preselected for q in data.questions(found)}
    assert asked["item"] == "reference"


@pytest.mark.parametrize("door", ["import", "audit"])
def test_ids_that_a_table_program_rounded_are_refused(door: str) -> None:
    log = ("x.csv", b"steamid,appid,rating\n" + b"7.65612E+16,10,3\n7.65612E+16,20,4\n7.65613E+16,10,3\n")
    with pytest.raises(DataError, match=r"a table program has rounded,( such as)? '7\.65612E\+16'"):
        _ = data.build(log) if door == "import" else brought.bring(None, log)
    _build("user_id,item_id\n" + "".join(f"{n}e5,1e+05\nu{n},7\n" for n in range(1, 6)))  # ids of letters and digits
