"""From files to a Dataset: guesses, choices, findings and repairs."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from fairdash import data
from fairdash.data import ImportOptions, Mapping, brought, questions
from fairdash.data.findings import Finding
from fairdash.errors import ConfigError, DataError
from fairdash.schema import Dataset

LOG = "user_id,item_id,rating,timestamp\n" + "".join(
    f"u{u},i{i},{1 + (u + i) % 5},{10 * u + i}\n" for u in range(4) for i in range(5)
)
PEOPLE = "user_id,gender,age\nu0,F,20\nu1,M,30\nu2,F,40\nu3,M,50\n"
THINGS = "item_id,title,genres\n" + "".join(f"i{i},Film {i},A|B\n" for i in range(5))


def _build(
    log: str = LOG, people: str = "", things: str = "", options: ImportOptions | None = None
) -> tuple[Dataset, dict[str, Finding]]:
    dataset, findings = data.build(
        ("log.csv", log.encode()),
        ("people.csv", people.encode()) if people else None,
        ("things.csv", things.encode()) if things else None,
        options=options,
    )
    return dataset, {finding.key: finding for finding in findings}


def test_three_tables() -> None:
    dataset, _ = _build(LOG, PEOPLE, THINGS)
    assert list(dataset.interactions.columns) == ["user_id", "item_id", "rating", "time"]
    assert list(dataset.users.columns) == ["user_id", "gender", "age"]
    assert list(dataset.items.columns) == ["item_id", "title", "categories"]
    assert dataset.relevance_threshold == 4.0
    assert dataset.name == "log"


def test_interactions_alone_give_people_and_items_in_the_order_of_their_ids() -> None:
    shuffled = "\n".join([LOG.split()[0], *reversed(LOG.split()[1:])]) + "\n"
    dataset, _ = _build(LOG)
    other, _ = _build(shuffled)
    assert dataset.users["user_id"].tolist() == ["u0", "u1", "u2", "u3"]
    assert dataset.users.equals(other.users)
    assert dataset.items.equals(other.items)


def test_attributes_beside_interactions_go_to_whom_they_belong() -> None:
    rows = ["who,film,stars,gender,title,genres,mood"]
    rows += [
        f"w{u},f{i},{1 + (u * i) % 5},{'FM'[u % 2]},T{i},A|B{i % 2},{(u * i) % 3}" for u in range(4) for i in range(4)
    ]
    dataset, findings = _build("\n".join(rows))
    assert list(dataset.users.columns) == ["user_id", "gender"]
    assert list(dataset.items.columns) == ["item_id", "title", "categories"]
    assert dataset.items["categories"].tolist() == ["A|B0", "A|B1", "A|B0", "A|B1"]
    assert "mood" in findings["columns_aside"].message


@pytest.mark.parametrize(
    ("header", "mapping"),
    [
        ("userId,movieId,rating,timestamp", ("userId", "movieId", "rating", "timestamp")),
        ("User ID,Item ID,Stars,Date", ("User ID", "Item ID", "Stars", "Date")),
        ("customer,product,weight,order", ("customer", "product", "weight", "order")),
        ("rating,timestamp,track,listener_userid", ("listener_userid", "track", "rating", "timestamp")),
        ("klant,product,beoordeling,tijdstip", ("klant", "product", "beoordeling", "tijdstip")),
        ("kullanici,urun,puan,zaman", ("kullanici", "urun", "puan", "zaman")),
        ("مستخدم,منتج,تقييم,وقت", ("مستخدم", "منتج", "تقييم", "وقت")),
    ],
)
def test_columns_are_guessed_by_name(header: str, mapping: tuple[str, ...]) -> None:
    roles = header.split(",")
    order = [roles.index(column) for column in mapping]
    rows = []
    for u in range(4):
        for i in range(4):
            cells = [""] * 4
            for role, value in zip(order, (f"u{u}", f"i{i}", str(1 + (u + i) % 5), str(u * 9 + i)), strict=True):
                cells[role] = value
            rows.append(",".join(cells))
    seen = data.preview(("x.csv", "\n".join([header, *rows]).encode()))
    found = seen.mapping
    assert (found.user, found.item, found.rating, found.time) == mapping


def test_what_people_wrote_is_no_rating() -> None:
    head, *rows = LOG.replace("rating", "feedback", 1).splitlines()
    log = [head, *(row.rsplit(",", 2)[0] + ",I liked it,1" for row in rows)]
    assert data.preview(("x.csv", "\n".join(log).encode())).mapping.rating is None


def test_ids_of_the_other_files_tell_the_columns() -> None:
    log = "a,b,c\n" + "".join(f"{1 + (u + i) % 3},i{i},u{u}\n" for u in range(4) for i in range(5))
    people, things = "id,gender\nu0,F\nu1,M\nu2,F\nu3,M\n", "code,title\n" + "".join(f"i{i},T{i}\n" for i in range(5))
    seen = data.preview(("x.csv", log.encode()), ("p.csv", people.encode()), ("t.csv", things.encode()))
    assert (seen.mapping.user, seen.mapping.item) == ("c", "b")
    assert (seen.mapping.users_id, seen.mapping.items_id, seen.mapping.rating) == ("id", "code", None)
    assert any(finding.key == "rating_offered" and "'a'" in finding.message for finding in seen.findings)


def test_choices_win_over_guesses() -> None:
    log = LOG.replace("user_id,item_id", "item_id,user_id")
    swapped, _ = _build(log, options=ImportOptions(user="item_id", item="user_id", time="", rating=""))
    assert list(swapped.interactions.columns) == ["user_id", "item_id"]
    assert swapped.users["user_id"].tolist() == ["u0", "u1", "u2", "u3"]
    assert swapped.relevance_threshold is None


def test_mapping_goes_to_json_and_back_and_stays_with_the_data_set() -> None:
    dataset, _ = _build(LOG, PEOPLE, THINGS)
    kept = json.loads(json.dumps(dataset.provenance))["mapping"]
    mapping = Mapping.from_json(kept)
    assert mapping.user == "user_id"
    assert mapping.categories == "genres"
    assert mapping.to_json() == kept


def test_sources_may_be_paths(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    dataset, _ = data.build(tmp_path / "log.csv")
    again, _ = data.build(str(tmp_path / "log.csv"))
    assert dataset.digest == again.digest


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ((1, 2, 3, 4, 5), 4.0),
        ((0.5, 1, 3.5, 4, 4.5, 5), 4.0),
        ((2, 3, 4.5), 4.5),
        ((1, 5, 8, 10), 8.0),
        ((0, 1, 2), 2.0),
        ((0, 1), 1.0),
        ((-10, 0, 4, 6, 10), 6.0),
        ((0, 50, 75, 100), 75.0),
    ],
)
def test_threshold_of_a_scale_is_its_upper_quarter(scale: tuple[float, ...], expected: float) -> None:
    log = "user,item,rating\n" + "".join(f"u{i},i{i},{value:g}\n" for i, value in enumerate(scale))
    dataset, findings = _build(log)
    assert dataset.relevance_threshold == expected
    assert f"relevant from {expected:g} on" in findings["relevance"].message


def test_counts_are_not_ratings() -> None:
    log = "user,item,plays\n" + "".join(f"u{i % 3},i{i},{1 + i**3}\n" for i in range(12))
    dataset, _ = _build(log)
    assert dataset.relevance_threshold is None
    assert dataset.provenance["mapping"]["rating_kind"] == "count"
    assert dataset.interactions["rating"].max() == 1 + 11**3
    chosen, _ = _build(log, options=ImportOptions(relevance_threshold=100))
    assert chosen.relevance_threshold == 100.0
    implicit, _ = _build(log, options=ImportOptions(rating_kind="none"))
    assert "rating" not in implicit.interactions


def test_equal_ratings_say_only_who_had_what() -> None:
    dataset, findings = _build("user,item,rating\n" + "".join(f"u{i % 3},i{i},1\n" for i in range(9)))
    assert "rating" not in dataset.interactions
    assert findings["constant_rating"].count == 9


def test_threshold_none_counts_every_interaction() -> None:
    dataset, _ = _build(options=ImportOptions(relevance_threshold=None))
    assert dataset.relevance_threshold is None
    assert "rating" in dataset.interactions


def test_threshold_that_nothing_reaches() -> None:
    with pytest.raises(ConfigError, match=r"reaches the relevance threshold 6; the highest is 5"):
        _build(options=ImportOptions(relevance_threshold=6))


def test_findings_have_rows_of_the_file_and_what_was_done() -> None:
    log = LOG + "u0,i0,5,999\n,i1,3,1\nu1,,3,1\n u2,i9,4,5\nstranger,i1,2,3\nu1,i8,,4\n"
    people = PEOPLE + "u1,F,30\nu8,?,-1\nu9,n/a,200\n"
    dataset, findings = _build(log, people)
    assert (findings["repeated_pairs"].count, findings["repeated_pairs"].rows) == (1, (22,))
    assert (findings["empty_ids"].count, findings["empty_ids"].rows) == (1, (24,))  # one finding a column
    assert (findings["id_spaces"].count, findings["id_spaces"].rows) == (1, (25,))
    assert (findings["unrated"].count, findings["unrated"].rows) == (1, (27,))
    assert (findings["unknown_people"].count, findings["unknown_people"].rows) == (1, (26,))
    assert (findings["repeated_people"].count, findings["repeated_people"].rows) == (1, (6,))
    assert (findings["missing_marks"].count, findings["missing_marks"].rows) == (2, (7, 8))
    assert (findings["impossible_age"].count, findings["impossible_age"].rows) == (2, (7, 8))
    assert findings["idle_people"].count == 2
    assert findings["repeated_pairs"].applied
    assert not findings["unknown_people"].applied
    users = dataset.users.set_index("user_id")
    assert users.loc["u1", "gender"] == "M"
    assert users.loc[["u8", "u9", "stranger"], ["gender", "age"]].isna().all().all()
    assert dataset.interactions.query("user_id == 'u0' and item_id == 'i0'")["rating"].tolist() == [5.0]
    assert any("repeats a person and an item" in repair for repair in dataset.provenance["repairs"])


def test_repairs_can_be_chosen() -> None:
    people = PEOPLE.replace("u3,M,50\n", "idle,?,-1\n")
    dataset, findings = _build(LOG, people, options=ImportOptions(repairs=("drop_unknown_people", "drop_idle_people")))
    assert sorted(dataset.users["user_id"]) == ["u0", "u1", "u2"]
    assert findings["unknown_people"].applied
    assert not findings["missing_marks"].applied
    kept, _ = _build(LOG, people, options=ImportOptions(repairs=()))
    assert kept.users.set_index("user_id").loc["idle"].tolist() == ["?", "-1"]


@pytest.mark.parametrize(("keep", "rating"), [("last", 2.0), ("best", 5.0)])
def test_dedupe_goes_by_time_not_by_row(keep: str, rating: float) -> None:
    log = LOG + "u0,i0,2,900\nu0,i0,5,800\n"
    dataset, _ = _build(log, options=ImportOptions(dedupe=keep))  # type: ignore[arg-type]
    assert dataset.interactions.query("user_id == 'u0' and item_id == 'i0'")["rating"].tolist() == [rating]


def test_k_core_is_the_largest_part_where_all_have_k() -> None:
    log = LOG + "u0,rare,3,1\nlonely,i0,3,1\nlonely,rare,3,1\n"
    dataset, findings = _build(log, PEOPLE, options=ImportOptions(k_core=3))
    counts = dataset.interactions[["user_id", "item_id"]].apply(lambda column: column.value_counts().min())
    assert counts.min() >= 3
    assert len(dataset.interactions) == 20
    assert "lonely" not in dataset.users["user_id"].tolist()
    assert findings["k_core"].count == 3


def test_k_core_that_leaves_nothing() -> None:
    with pytest.raises(DataError, match=r"No interaction of log\.csv is left"):
        _build(options=ImportOptions(k_core=50))


def test_whole_number_ids_meet_across_files() -> None:
    log = "user_id,item_id\n" + "".join(f"{u}.0,{i}\n" for u in (1, 2, 3) for i in (1, 2))
    dataset, findings = _build(log, "user_id,gender\n1,F\n2,M\n3,F\n")
    assert dataset.users["user_id"].tolist() == ["1", "2", "3"]
    assert findings["float_ids"].applied


def test_decimal_commas() -> None:
    dataset, findings = _build("user;item;rating\nu1;i1;3,5\nu1;i2;4\nu2;i1;4,5\n")
    assert dataset.interactions["rating"].tolist() == [3.5, 4.0, 4.5]
    assert findings["decimal_comma"].count == 2


def test_column_that_is_called_like_one_of_ours_keeps_its_content() -> None:
    things = "code,item_id,title\n" + "".join(f"i{i},x{i},T{i}\n" for i in range(5))
    dataset, _ = _build(LOG, "", things, options=ImportOptions(items_id="code"))
    assert list(dataset.items.columns) == ["item_id", "title", "item_id (file)"]
    assert dataset.items["item_id (file)"].tolist() == [f"x{i}" for i in range(5)]


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        *[("A|B|A", "A|B"), ("A; B", "A|B"), ("['A', 'B C']", "A|B C"), ("A, B", "A|B"), (" A | ", "A")],
        *[("A、B", "A|B"), ("A；B", "A|B"), ("#A #B", "A|B"), ("#A", "A")],
        *[("A / B", "A|B"), ("[A, B]", "A|B"), ("{'B', 'A'}", "A|B"), ("{'A': 7, 'B': 1}", "A|B")],
        ("[{'id': 28, 'name': 'A'}, {'id': 12, 'name': 'B'}]", "A|B"),
        ('[{"id": 28, "name": "A"}, {"id": 12, "name": "B"}]', "A|B"),
    ],
)
def test_category_lists_of_every_style(cell: str, names: str) -> None:
    things = "item_id\tgenres\n" + "".join(f"i{i}\t{cell}\n" for i in range(5))
    dataset, _ = _build(LOG, "", things)
    assert dataset.items["categories"].tolist() == [names] * 5


def test_columns_of_flags_are_categories() -> None:
    things = "item_id,title,Action,Drama,War\n" + "".join(f"i{i},T{i},{i % 2},{1 - i % 2},0\n" for i in range(4))
    dataset, found = _build(LOG, "", things + "i4,T4,1,1,1\n")
    assert dataset.items["categories"].tolist() == ["Drama", "Action", "Drama", "Action", "Action|Drama|War"]
    assert found["one_hot"].count == 3


def test_ids_with_zeros_before_them_meet() -> None:
    log = "user_id,item_id\n" + "".join(f"{u:05},{i:04}\n" for u in range(1, 4) for i in range(3))
    dataset, found = _build(log, "user_id,gender\n1,F\n2,M\n3,F\n")
    assert dataset.users["user_id"].tolist() == ["1", "2", "3"]
    assert found["padded_ids"].applied
    alone, _ = _build(log)
    assert alone.users["user_id"].tolist() == ["00001", "00002", "00003"]


def test_weak_guesses_are_shown_but_not_acted_on() -> None:
    people = ("people.csv", PEOPLE.encode())
    seen = data.preview(people)
    assert seen.guesses["item"].confidence < 0.5
    with pytest.raises(DataError, match=r"people\.csv: no column is recognisable as the item"):
        data.build(people)
    forced, _ = data.build(people, options=ImportOptions(item="gender"))
    assert forced.n_items == 2


@pytest.mark.parametrize(
    "options",
    [{"k_core": -1}, {"dedupe": "first"}, {"repairs": ("magic",)}],
)
def test_options_that_cannot_work(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        ImportOptions(**options)  # type: ignore[arg-type]


def test_tables_in_a_data_set_are_whole() -> None:
    dataset, _ = _build(LOG, PEOPLE, THINGS)
    for frame in (dataset.interactions, dataset.users, dataset.items):
        assert isinstance(frame.index, pd.RangeIndex)
    assert dataset.interactions.notna().all().all()


def test_book_crossing_style() -> None:
    log = '"User-ID";"ISBN";"Book-Rating"\n' + "".join(
        f'"{u}";"00{i}X";"{(u * i) % 11}"\n' for u in range(5) for i in range(4)
    )
    people = '"User-ID";"Location";"Age"\n' + "".join(f'"{u}";"a, b, usa";{"NULL" if u else 18}\n' for u in range(5))
    things = '"ISBN";"Book-Title";"Year-Of-Publication"\n' + "".join(
        f'"00{i}X";"The \\"real; one\\" {i}";"200{i}"\n' for i in range(4)
    )
    dataset, _ = _build(log, people, things)
    assert dataset.items["title"].tolist()[0] == 'The "real; one" 0'
    assert dataset.items["item_id"].tolist()[0] == "000X"
    assert dataset.relevance_threshold == 8.0
    assert dataset.users["Age"].tolist()[0] == "18"
    assert dataset.users["Age"].isna().sum() == 4


def test_newer_movielens_tables_in_a_zip() -> None:
    raw = io.BytesIO()
    ratings = "userId,movieId,rating,timestamp\n" + "".join(
        f"{u},{i},{0.5 + u},{9e8 + i:.0f}\n" for u in range(5) for i in (1, 2)
    )
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("ml-latest-small/ratings.csv", ratings)
        archive.writestr(
            "ml-latest-small/movies.csv", "movieId,title,genres\n1,A (1999),Drama|War\n2,B,(no genres listed)\n"
        )
        archive.writestr("ml-latest-small/tags.csv", "userId,movieId,tag,timestamp\n1,1,x,1\n")
        archive.writestr("ml-latest-small/links.csv", "movieId,imdbId,tmdbId\n1,1,1\n")
        archive.writestr("ml-latest-small/README.txt", "hello, you")
    dataset, findings = data.build(("ml-latest-small.zip", raw.getvalue()))
    assert dataset.items["categories"].fillna("").tolist() == ["Drama|War", ""]
    assert next(f for f in findings if f.key == "left_aside").count == 3
    assert dataset.relevance_threshold == 4.5


DEEDS = pd.DataFrame(
    [(f"u{u}", f"i{i}", (u * 3 + i) % 5) for u in range(12) for i in range(9)], columns=["u", "i", "r"]
)
# Columns beside each other, what is asked, and the likely answer.
SEVERAL: dict[str, tuple[dict[str, pd.Series], str, str]] = {
    "track": ({"user_id": DEEDS.u, "artist_id": DEEDS.i.map({f"i{i}": f"x{i % 3}" for i in range(9)}),
               "track_id": DEEDS.i}, "item", "track_id"),
    "session": ({"userId": DEEDS.u.mask(DEEDS.r > 0, "NA"), "sessionId": DEEDS.u, "itemId": DEEDS.i}, "user",
                "sessionId"),
    "hours": ({"user_id": DEEDS.u, "item_id": DEEDS.i, "hours": DEEDS.r + 0.5, "is_recommended": DEEDS.r > 2},
              "rating", "hours"),
    "click": ({"user_id": DEEDS.u, "item_id": DEEDS.i, "is_click": (DEEDS.r > 1) + 0, "is_like": (DEEDS.r > 3) + 0},
              "rating", "is_click"),
    "reordered": ({"user_id": DEEDS.u, "item_id": DEEDS.i, "reordered": (DEEDS.r > 1) + 0}, "rating", "reordered"),
}  # fmt: skip


def _csv(columns: dict[str, pd.Series]) -> tuple[str, bytes]:
    return "log.csv", pd.DataFrame(columns).to_csv(index=False).encode()


@pytest.mark.parametrize("case", SEVERAL)
def test_what_several_columns_may_be_is_asked_at_every_door(case: str) -> None:
    columns, key, likely = SEVERAL[case]
    for findings in (data.build(_csv(columns))[1], brought.bring(None, _csv(columns)).findings):
        assert {one.key: one.preselected for one in questions(findings)}[key] == likely


def test_words_of_a_rating_that_are_not_known_are_asked_about() -> None:
    said = DEEDS.r.gt(2).map({True: "geht so", False: "na ja"})
    _, findings = data.build(_csv({"Nutzer": DEEDS.u, "Artikel": DEEDS.i, "Bewertung": said}))
    assert [(one.key, one.choices) for one in questions(findings)] == [("rating", ("", "Bewertung"))]


def test_one_column_of_each_kind_is_not_asked_about() -> None:
    """A coarser id of the same items, and a count alone, leave nothing open."""
    group = DEEDS.i.map({f"i{i}": f"x{i % 3}" for i in range(9)})
    dataset, findings = data.build(
        _csv({"user_id": DEEDS.u, "asin": DEEDS.i, "parent_asin": group, "plays": DEEDS.r + 1})
    )
    assert not questions(findings)
    assert dataset.n_items == 9


def test_of_two_times_the_finer_one_counts() -> None:
    rows = [f"u{n % 5},i{n % 7},2024-01-0{1 + n // 40},{1_704_067_200 + 86_400 * (n // 40) + n}" for n in range(120)]
    dataset, _ = data.build(("log.csv", "\n".join(["user_id,item_id,date,clicked_ts", *rows]).encode()))
    assert dataset.provenance["mapping"]["time"] == "clicked_ts"
