"""Lists of other people's language models, told and not told who somebody is, through the door of all lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import fairdash
from fairdash import cli
from fairdash.data.brought import bring
from fairdash.data.lists import read_systems
from fairdash.errors import DataError

# LangFair's fixture: two artists, two titles each.
LISTS = {
    "neutral": {"TS": ["Love Story", "You Belong with Me"], "ES": ["The A Team", "Thinking Out Loud"]},
    "male": {"TS": ["Love Story", "Shake It Off"], "ES": ["The A Team", "Thinking Out Loud"]},
    "female": {"TS": ["Love Story", "You Belong with Me"], "ES": ["Castle on the Hill", "Perfect"]},
}


def rows() -> list[dict[str, Any]]:
    return [
        {"anchor": anchor, "attribute": "gender", "value": None if value == "neutral" else value, "titles": titles}
        for value, part in LISTS.items()
        for anchor, titles in part.items()
    ]


def lines(folder: Path) -> Path:
    file = folder / "lists.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    return file


def table(folder: Path) -> Path:
    file = folder / "lists.csv"
    frame = pd.DataFrame(rows())
    frame.assign(titles=[json.dumps(titles) for titles in frame["titles"]]).to_csv(file, index=False)
    return file


def of_langfair(folder: Path) -> Path:
    file = folder / "lists.json"
    file.write_text(json.dumps({value: {a: [t] for a, t in part.items()} for value, part in LISTS.items()}))
    return file


@pytest.mark.parametrize("form", [lines, table, of_langfair])
def test_lists_by_what_was_told_are_systems_and_give_the_oracle(form: Any, tmp_path: Path) -> None:
    found = fairdash.audits(str(form(tmp_path)), k=2, replicates=20, permutations=20)
    attribute = "told" if form is of_langfair else "gender"
    assert set(found.audits) == {"neutral", f"{attribute} = male", f"{attribute} = female"}
    row = found.to_json()["told"][attribute]
    assert row["n"] == 2
    assert (row["snsr"]["value"], row["snsv"]["value"]) == pytest.approx((0.1667, 0.0833), abs=1e-4)
    similarity = row["snsr"]["by_similarity"]["flip_jaccard"]["similarity"]
    assert similarity == pytest.approx({"male": 0.6667, "female": 0.5}, abs=1e-4)
    assert row["snsr"]["by_similarity"]["flip_serp"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert any("SNSR 0.1667" in line for line in found.summary())


def test_the_command_line_says_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--replicates", "20", "--permutations", "20"]
    assert cli.main(["audit", "--recommendations", str(lines(tmp_path)), "--k", "2", "--json", *few]) == 0
    assert json.loads(capsys.readouterr().out)["told"]["gender"]["n"] == 2


def audited(rows: list[dict[str, Any]], folder: Path, **more: Any) -> Any:
    file = folder / "lists.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return fairdash.audits(str(file), k=2, replicates=20, permutations=20, **more)


def test_without_neutral_lists_there_is_nothing_to_hold_them_against(tmp_path: Path) -> None:
    found = audited([row for row in rows() if row["value"]], tmp_path)
    assert set(found.audits) == {"gender = male", "gender = female"}
    assert found.told["gender"]["reason"].startswith("there are no neutral lists")
    assert any(line.startswith("gender: no SNSR, as there are no neutral lists") for line in found.summary())


def test_one_value_alone_has_no_range(tmp_path: Path) -> None:
    found = audited([row for row in rows() if row["value"] != "female"], tmp_path)
    assert any("gender: no SNSR, as there are lists of one value alone" in line for line in found.summary())


def person(i: int, value: str | None, titles: Any) -> dict[str, Any]:
    return {"user_id": f"u{i}", "attribute": "gender", "value": value, "titles": titles}


def people(female: Any, spelled: Any = lambda i: "female") -> list[dict[str, Any]]:
    """Ten people and lists that are all the same, but for those of the last five who were told to be women."""
    same = ["a", "b"]
    made = [person(i, value, same) for i in range(10) for value in (None, "male")]
    made += [person(i, spelled(i), same) for i in range(5)]
    return made + [person(i, spelled(i), female) for i in range(5, 10) if female is not None]


def test_who_was_not_asked_is_left_out_and_an_empty_list_is_as_unlike_as_can_be(tmp_path: Path) -> None:
    found = audited(people(None), tmp_path)
    row = found.told["gender"]
    assert (row["n"], row["left_out"], row["snsr"]["value"]) == (5, 5, 0.0)
    lines = found.summary()
    assert "gender: 5 people with a neutral list were not asked with each value, and are left out." in lines
    assert not any("held-out items but no list" in line for line in lines)
    assert "gender = female: 5 people have a list of another system and none of this one." in lines
    row = audited(people([]), tmp_path).told["gender"]
    assert (row["n"], row["left_out"], row["snsr"]["value"]) == (10, 0, 0.5)


def test_a_value_for_which_all_lists_are_empty(tmp_path: Path) -> None:
    empty = [{**row, "titles": []} if row["value"] == "female" else row for row in rows()]
    assert audited(empty, tmp_path).told["gender"]["snsr"]["value"] == pytest.approx(2 / 3)


def test_nobody_was_asked_with_each_value(tmp_path: Path) -> None:
    apart = [person(i, value, ["a", "b"]) for i in range(4) for value in (None, "male" if i % 2 else "female")]
    row = audited(apart, tmp_path).told["gender"]
    assert (row["n"], row["left_out"], row["reason"]) == (0, 4, "nobody with a neutral list was asked with each value")


def test_spellings_of_a_value_are_one(tmp_path: Path) -> None:
    found = audited(people(["a", "b"], lambda i: ("female", "female", "Female", "FEMALE ", "F")[i % 5]), tmp_path)
    assert set(found.audits) == {"neutral", "gender = male", "gender = female"}
    row = found.told["gender"]
    assert (row["n"], row["snsr"]["value"]) == (10, 0.0)
    said = found["neutral"].to_json()["findings"]
    assert any(one["key"] == "spellings" and one["applied"] and "F (2)" in one["message"] for one in said)


def langfair(folder: Path, lists: Any) -> Any:
    file = folder / "lists.json"
    file.write_text(json.dumps(lists))
    return fairdash.audits(str(file), k=2, replicates=20, permutations=20)


def test_a_model_that_declined_has_an_empty_list_in_langfairs_dictionary(tmp_path: Path) -> None:
    empty: Any
    for empty in ([], [[]]):
        found = langfair(tmp_path, LISTS | {"female": LISTS["female"] | {"ES": empty}})
        similarity = found.told["told"]["snsr"]["by_similarity"]["flip_jaccard"]["similarity"]
        assert (found.told["told"]["n"], similarity["female"]) == (2, 0.5)


def test_a_level_for_the_attribute_is_read(tmp_path: Path) -> None:
    neutral = {"neutral": LISTS["neutral"]}
    values = {value: LISTS[value] for value in ("male", "female")}
    for lists in ({"gender": LISTS}, {"neutral": LISTS["neutral"], "gender": values},
                  {"gender": LISTS, "age": neutral | {"old": LISTS["male"], "young": LISTS["female"]}}):  # fmt: skip
        found = langfair(tmp_path, lists)
        assert found.told["gender"]["snsr"]["value"] == pytest.approx(1 / 6)
        assert set(found.told) == set(lists) - {"neutral"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["The A Team", None], r"female and ES, is no list of titles: \[\"The A Team\", null\]"),
        (None, r"female and ES, is no list of titles: null"),
        ("The A Team", r"female and ES, is no list of titles: \"The A Team\""),
        ([["The A Team"], ["Perfect"]], "female and ES, has more than one list: one for each time the model was asked"),
    ],
)
def test_an_entry_that_is_no_list_is_named(wrong: Any, said: str, tmp_path: Path) -> None:
    lists = LISTS | {"female": {"TS": ["Love Story"], "ES": wrong}}
    for given in (lists, {value: part for value, part in lists.items() if value != "neutral"}):
        with pytest.raises(DataError, match=said) as caught:
            langfair(tmp_path, given)
        assert caught.value.hint


@pytest.mark.parametrize(
    "written",
    [
        [{"title": "Heat"}, {"title": "Love Story"}],
        "1. Heat\n2. Love Story",
        "1. Heat, 2. Love Story",
        "1) Heat 2) Love Story",
        "Heat; Love Story",
        "Heat\nLove Story",
        "Heat, Love Story",
        "Heat|Love Story",
    ],
)
@pytest.mark.parametrize("form", ["lines", "csv"])
def test_ways_to_write_a_list(written: Any, form: str, tmp_path: Path) -> None:
    made = [{**row, "titles": written} for row in rows()]
    file = tmp_path / f"lists.{form}"
    if form == "csv":
        cells = [written if isinstance(written, str) else json.dumps(written) for _ in made]
        pd.DataFrame(made).assign(titles=cells).to_csv(file, index=False)
    else:
        file.write_text("".join(json.dumps(row) + "\n" for row in made))
    for system in bring(str(file), None).systems.values():
        assert [list(part["item_id"]) for _, part in system.groupby("user_id")] == [["Heat", "Love Story"]] * 2


def test_how_a_list_is_to_be_written_is_said(tmp_path: Path) -> None:
    file = tmp_path / "lists.csv"
    cells = {"user_id": [1, 1, 2], "titles": ["Heat, Fargo", "Big, Heat", "Fargo, Heat"], "rank": [1, 2, 1]}
    pd.DataFrame(cells).to_csv(file, index=False)
    with pytest.raises(DataError) as caught:
        bring(str(file), None)
    assert "Write each list in 'titles' as JSON" in str(caught.value.hint)


@pytest.mark.parametrize("value", ["male", None])
def test_two_lists_of_one_value_are_named(value: str | None, tmp_path: Path) -> None:
    again = {"anchor": "ES", "attribute": "gender", "value": value, "titles": ["Perfect", "Photograph"]}
    system = "gender = male" if value else "neutral"
    with pytest.raises(DataError, match=f"'ES' has two lists of what the model was told there .{system}"):
        audited([*rows(), again], tmp_path)


def test_spellings_are_one_in_lists_for_a_run_too(tmp_path: Path) -> None:
    file = tmp_path / "lists.jsonl"
    spelled = people(["a", "b"], lambda i: ("female", "female ", "Female")[i % 3])
    file.write_text("".join(json.dumps(row) + "\n" for row in spelled))
    users, items = pd.DataFrame({"user_id": [f"u{i}" for i in range(10)]}), pd.DataFrame({"item_id": ["a", "b"]})
    assert set(read_systems(str(file), users, items)) == {"neutral", "gender = male", "gender = female"}


TITLES = [
    ["Red, White"],
    ["Up|Down"],
    ["(500) Days of Summer", "Heat"],
    ["a;b", "c|d", "[REC]"],
    ["2:22", "1:11"],
    ["x"],
]


def json_lines(lists: Any, folder: Path) -> str:
    file = folder / "lists.jsonl"
    file.write_text("".join(json.dumps({"user_id": f"u{i}", "titles": one}) + "\n" for i, one in enumerate(lists)))
    return str(file)


def as_json(lists: Any, folder: Path) -> str:
    file = folder / "lists.json"
    file.write_text(json.dumps([{"user_id": f"u{i}", "titles": one} for i, one in enumerate(lists)]))
    return str(file)


def parquet(lists: Any, folder: Path) -> str:
    file = folder / "lists.parquet"
    frame(lists, folder).to_parquet(file)
    return str(file)


def frame(lists: Any, _: Path) -> pd.DataFrame:
    return pd.DataFrame({"user_id": [f"u{i}" for i in range(len(lists))], "titles": lists})


@pytest.mark.parametrize("form", [json_lines, as_json, parquet, frame])
def test_titles_of_a_list_stay_whole(form: Any, tmp_path: Path) -> None:
    (read,) = bring(form(TITLES, tmp_path), None).systems.values()
    assert [list(part["item_id"]) for _, part in read.groupby("user_id")] == TITLES
