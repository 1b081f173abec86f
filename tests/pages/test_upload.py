"""What was read of files, in controls: roles, columns, how they were cut, questions, values; each with its effect."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fairdash import entries, trail
from fairdash.answers import ANSWERS
from fairdash.data import ImportOptions
from fairdash.hashing import digest
from fairdash.ui import asking, upload
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, words

File = tuple[str, bytes]
Bring = Callable[..., AppTest]


def text(frame: pd.DataFrame, **how: Any) -> bytes:
    return frame.to_csv(index=False, **how).encode()


def log(**more: Callable[[int], Any]) -> pd.DataFrame:
    """Who had what; more: other columns, by the number of the row."""
    pairs = [(u, i) for u in range(30) for i in range(12) if (u * i + u + i) % 3]
    found = {"user_id": [f"u{u}" for u, _ in pairs], "item_id": [f"i{i}" for _, i in pairs]}
    return pd.DataFrame(found | {name: [cell(n) for n in range(len(pairs))] for name, cell in more.items()})


def stars(n: int) -> int:
    return 1 + n % 5


PEOPLE = pd.DataFrame({"user_id": [f"u{u}" for u in range(30)], "gender": ["M", "F", "male"] * 10})
THINGS = pd.DataFrame({"item_id": [f"i{i}" for i in range(12)], "title": [f"Book {i}" for i in range(12)],
                       "genres": ["Drama|War", "Comedy", "War/Sea"] * 4})  # fmt: skip


@pytest.fixture
def bring(nothing: Path, open_page: Open) -> Bring:
    """The page after these files were given to it."""

    def brought(*files: File) -> AppTest:
        app = open_page("data", tab="upload")
        app.file_uploader(key="files").set_value([(name, raw, "text/csv") for name, raw in files]).run()
        assert not app.exception
        return app

    return brought


def metric(app: AppTest, label: str) -> str:
    return next(one.value for one in app.metric if one.label == label)


def green(app: AppTest) -> bool:
    return any("Recognised" in box.value for box in app.success)


def test_a_guess_is_asked_not_taken_and_keeping_waits_for_it(bring: Bring, nothing: Path) -> None:
    app = bring(("r.csv", text(log(rating=lambda n: stars(n) if n % 3 else -1))))
    rows = int(metric(app, "Interactions"))
    assert not green(app)
    assert app.button(key="keep").disabled
    assert "1 question is open: answer it first." in words(app)
    asked = app.radio(key="question-rating_missing")
    assert asked.value == "-1"
    asked.set_value("none").run()  # in use at once, and asked still
    assert int(metric(app, "Interactions")) > rows
    assert app.button(key="keep").disabled
    app.radio(key="question-rating_missing").set_value("-1").run()
    assert int(metric(app, "Interactions")) == rows
    app.button(key="take-rating_missing").click().run()
    assert not app.radio
    assert green(app)
    assert not app.button(key="keep").disabled
    app.button(key="forget-rating_missing").click().run()
    assert not green(app)
    app.button(key="take-rating_missing").click().run()
    app.button(key="keep").click().run()
    assert not app.exception
    (stored,) = Workspace(nothing).entries("datasets")
    assert stored.meta["provenance"]["options"] == {"rating_missing": [-1.0]}


QUESTIONS: dict[str, tuple[tuple[File, ...], str]] = {  # asked → files, and another answer than the likely one
    "zeros": ((("r.csv", text(log(label=lambda n: int(n % 3 > 0)))),), "impression"),
    "time_format": ((("r.csv", text(log(date=lambda n: f"0{1 + n % 9}/0{1 + n % 8}/2014"))),), "%d/%m/%Y"),
    "keep_untimed": ((("r.csv", text(log(timestamp=lambda n: 1_400_000_000 + n if n % 2 else ""))),), "no"),
    "events": ((("r.csv", text(log(event=lambda n: ("view", "buy")[n % 2]))),), "buy"),
    "merge_spellings": ((("r.csv", text(log(rating=stars))), ("users.csv", text(PEOPLE))), "no"),
    "as_of": ((("r.csv", text(log(rating=stars))),
               ("users.csv", text(PEOPLE.assign(dob=[f"19{50 + u}-02-03" for u in range(30)], gender="F")))),
              "2001-05-06"),
    "encoding": ((("r.csv", text(log(rating=stars))),
                  ("items.csv", THINGS.assign(title=[f"这是一部关于城市生活的电影第{i}部" for i in range(12)])
                   .to_csv(index=False).encode("gbk"))), "big5"),
}  # fmt: skip


@pytest.mark.parametrize("asked", QUESTIONS)
def test_each_question_is_a_control_whose_answer_is_taken(asked: str, bring: Bring) -> None:
    files, other = QUESTIONS[asked]
    app = bring(*files)
    assert app.button(key="keep").disabled
    key = f"question-{asked}"
    controls = [one for kind in (app.radio, app.selectbox, app.multiselect, app.text_input) for one in kind]
    control = next(one for one in controls if one.key == key)
    control.set_value(["buy"] if asked == "events" else other).run()
    assert not app.exception
    assert not app.error
    app.button(key=f"take-{asked}").click().run()
    assert not any(one.key == key for one in (*app.radio, *app.selectbox, *app.multiselect, *app.text_input))
    assert app.button(key=f"forget-{asked}")
    held = app.session_state["answers-" + digest(*(part for file in files for part in file))]
    assert held == {asked: ANSWERS[asked].value(["buy"] if asked == "events" else other)}


def test_all_likely_answers_are_taken_with_one_press(bring: Bring) -> None:
    app = bring(("r.csv", text(log(rating=stars), header=False)))
    assert len([button for button in app.button if str(button.key).startswith("take-")]) == 4
    app.button(key="take-all").click().run()
    assert green(app)


def test_the_role_of_a_file_can_be_changed_and_it_is_read_again(bring: Bring) -> None:
    packed = io.BytesIO()
    towns = PEOPLE[["user_id"]].assign(town=["Rome", "Oslo", "Bonn"] * 10)
    with zipfile.ZipFile(packed, "w") as archive:
        for name, frame in (("a.csv", log(rating=stars)), ("b.csv", towns), ("c.csv", THINGS)):
            archive.writestr(name, text(frame))
    app = bring(("all.zip", packed.getvalue()))
    assert [app.selectbox(key=f"role-{name}").value for name in ("a.csv", "b.csv", "c.csv")] == [
        "interactions", "users", "items"]  # fmt: skip
    app.selectbox(key="role-c.csv").set_value("aside").run()
    assert not app.error
    assert metric(app, "Categories") == "0"
    app.selectbox(key="role-c.csv").set_value("items").run()
    assert int(metric(app, "Categories")) > 0
    app.selectbox(key="role-c.csv").set_value("users").run()  # the two change places, and it is said that it cannot be
    assert app.selectbox(key="role-b.csv").value == "items"
    assert app.error
    app.selectbox(key="role-c.csv").set_value("items").run()
    assert not app.error
    assert green(app)


def test_what_no_file_can_be_taken_for_is_chosen_by_hand(bring: Bring) -> None:
    """Two tables of who had what: nothing was shown but a sentence."""
    app = bring(("one.csv", text(log(rating=stars))), ("two.csv", text(log(rating=stars))))
    assert "one\\.csv" in app.error[0].value
    app.selectbox(key="role-one.csv").set_value("interactions").run()
    app.selectbox(key="role-two.csv").set_value("aside").run()
    assert not app.error
    assert green(app)


def test_the_meaning_of_a_column_can_be_changed(bring: Bring) -> None:
    app = bring(("r.csv", text(log(rating=stars, mark=lambda n: 10 * stars(n), gender=lambda n: 1))))
    assert app.selectbox(key="meaning-interactions-rating").value == "rating"
    app.selectbox(key="meaning-interactions-mark").set_value("rating").run()
    assert app.selectbox(key="meaning-interactions-rating").value == ""
    assert metric(app, "Liked from") == "40"
    app.selectbox(key="meaning-interactions-mark").set_value("").run()
    assert metric(app, "Liked from") == "any"
    app.selectbox(key="meaning-interactions-user_id").set_value("item").run()  # they change places
    assert app.selectbox(key="meaning-interactions-item_id").value == "user"
    assert metric(app, "People") == "12"
    assert not app.error


def test_a_column_that_is_the_persons_is_said_to_be_so(bring: Bring) -> None:
    frame = log(timestamp=lambda n: 1_400_000_000 + n)
    frame.insert(2, "gender", [int(user[1:]) % 2 for user in frame["user_id"]])
    app = bring(("r.csv", text(frame)))
    box = app.selectbox(key="meaning-interactions-gender")
    assert box.value == ""
    assert "About the person" in box.options
    assert metric(app, "Liked from") == "any"
    assert "Groups of gender: 0 (15), 1 (15)" in words(app)


def test_how_a_file_was_cut_can_be_changed(bring: Bring) -> None:
    app = bring(("r.csv", text(log(rating=stars))), ("items.csv", text(THINGS)))
    count = int(metric(app, "Interactions"))
    app.selectbox(key="head-interactions").set_value("data").run()
    assert app.error  # "rating" is no number
    assert app.selectbox(key="head-interactions").value == "data"
    app.selectbox(key="head-interactions").set_value("").run()
    assert int(metric(app, "Interactions")) == count
    app.selectbox(key="cut-items").set_value("::").run()
    assert app.error  # and the box is there still
    app.selectbox(key="cut-items").set_value(",").run()
    app.selectbox(key="code-items").set_value("latin-1").run()
    assert not app.error
    before = metric(app, "Categories")
    app.selectbox(key="category-separator").set_value(",").run()
    assert metric(app, "Categories") != before


def test_the_threshold_stands_beside_the_ratings_and_can_be_moved(bring: Bring) -> None:
    app = bring(("r.csv", text(log(rating=stars))))
    liked = app.number_input(key="liked")
    assert liked.value == 4
    liked.set_value(5.0).run()
    assert metric(app, "Liked from") == "5"
    app.number_input(key="liked").set_value(None).run()
    assert metric(app, "Liked from") == "any"
    app.number_input(key="liked").set_value(9.0).run()
    assert app.error
    app.button(key="forget-relevance_threshold").click().run()
    assert metric(app, "Liked from") == "4"


def test_each_value_that_is_declared_has_its_control(bring: Bring) -> None:
    app = bring(("r.csv", text(log(rating=stars, time=lambda n: n))), ("users.csv", text(PEOPLE)))
    for answer in ANSWERS.values():
        if answer.about != "values" or answer.key == "relevance_threshold":
            continue
        key = f"value-{answer.key}"
        boxes = [one for one in (*app.selectbox, *app.text_input) if one.key == key]
        assert len(boxes) == 1, key
        assert "⟦" not in boxes[0].label
        assert boxes[0].label
    app.text_input(key="value-k_core").set_value("9").run()
    assert int(metric(app, "Interactions")) < len(log())
    app.text_input(key="value-k_core").set_value("many").run()
    assert "many" in app.error[0].value
    app.text_input(key="value-k_core").set_value("").run()
    assert int(metric(app, "Interactions")) == len(log())
    app.selectbox(key="value-rating_kind").set_value("none").run()
    assert metric(app, "Liked from") == "any"
    app.selectbox(key="value-merge_spellings").set_value("no").run()
    assert "male (10)" in words(app)


def test_a_repair_is_chosen_once_the_questions_are_answered(bring: Bring) -> None:
    people = pd.concat([PEOPLE, pd.DataFrame({"user_id": ["idle"], "gender": ["F"]})])
    app = bring(("r.csv", text(log(rating=stars))), ("users.csv", text(people)))
    assert app.checkbox(key="repair-drop_idle_people").disabled
    app.button(key="take-merge_spellings").click().run()
    assert metric(app, "People") == "31"
    app.checkbox(key="repair-drop_idle_people").check().run()
    assert metric(app, "People") == "30"
    assert "F (10), male (20)" in words(app)


def test_of_two_repairs_that_are_ticked_before_the_page_comes_again_both_are_made(bring: Bring) -> None:
    known = PEOPLE.iloc[1:].assign(gender="F")
    people = pd.concat([known, pd.DataFrame({"user_id": ["idle"], "gender": ["F"]})])
    app = bring(("r.csv", text(log(rating=stars))), ("users.csv", text(people)))
    assert metric(app, "People") == "31"
    app.checkbox(key="repair-drop_idle_people").check()
    app.checkbox(key="repair-drop_unknown_people").check().run()
    assert metric(app, "People") == "29"


def test_of_two_ways_to_cut_and_two_meanings_that_change_at_once_both_hold(bring: Bring) -> None:
    frame = log(rating=stars, mark=stars, when=lambda n: 1_400_000_000 + n, later=lambda n: 1_500_000_000 - n)
    app = bring(("r.csv", text(frame)))
    app.selectbox(key="cut-interactions").set_value(",")
    app.selectbox(key="head-interactions").set_value("names").run()
    assert [app.selectbox(key=f"{box}-interactions").value for box in ("cut", "head")] == [",", "names"]
    meant = {"mark": "rating", "later": "time", "rating": "", "when": ""}
    assert app.selectbox(key="meaning-interactions-when").value == "time"
    app.selectbox(key="meaning-interactions-mark").set_value("rating")
    app.selectbox(key="meaning-interactions-later").set_value("time").run()
    assert {name: app.selectbox(key=f"meaning-interactions-{name}").value for name in meant} == meant


def test_of_two_files_that_change_their_roles_at_once_both_do(bring: Bring) -> None:
    app = bring(("r.csv", text(log(rating=stars))), ("users.csv", text(PEOPLE)), ("things.csv", text(THINGS)))
    app.selectbox(key="role-users.csv").set_value("aside")
    app.selectbox(key="role-things.csv").set_value("aside").run()
    assert [app.selectbox(key=f"role-{name}").value for name in ("r.csv", "users.csv", "things.csv")] == [
        "interactions", "aside", "aside",
    ]  # fmt: skip


def test_answers_are_saved_and_given_again(bring: Bring, nothing: Path) -> None:
    files = (("r.csv", text(log(rating=lambda n: stars(n) if n % 3 else -1))),)
    kept = {"rating_missing": [-1.0], "rating": "rating", "k_core": 2}
    app = bring(*files)
    (box,) = [one for one in app.file_uploader if str(one.key).startswith("mapping-")]
    box.set_value(("m.json", json.dumps(kept).encode(), "application/json")).run()
    assert not app.error
    assert green(app)
    app.button(key="keep").click().run()
    (stored,) = Workspace(nothing).entries("datasets")
    assert stored.meta["provenance"]["options"] == kept
    for wrong in (b"[1]", b"\xff", b'{"colour": 1}', b'{"k_core": -3}', b'{"k_core": "x"}'):
        app = bring(*files)
        (box,) = [one for one in app.file_uploader if str(one.key).startswith("mapping-")]
        box.set_value(("m.json", wrong, "application/json")).run()
        assert not app.exception
        assert app.error, wrong


def test_columns_and_files_change_places() -> None:
    assert upload.swapped({"a": "user", "b": "item"}, "a", "item", "") == {"a": "item", "b": "user"}
    assert upload.swapped({"a": "user", "b": "item"}, "c", "item", "") == {"a": "user", "b": "", "c": "item"}
    assert upload.swapped({"a": "aside", "b": "aside"}, "a", "aside", "aside") == {"a": "aside", "b": "aside"}


def test_every_answer_can_be_told() -> None:
    for answer in ANSWERS.values():
        if answer.key not in ("name", "repairs"):
            assert answer.title, answer.key
        assert set(answer.choices) <= {*answer.named, "auto"} or not answer.choices, answer.key
    assert asking.shown("roles", (("a.csv", "users"),)) == "a.csv=users"
    assert asking.shown("relevance_threshold", 4.0) == "4"
    assert asking.shown("relevance_threshold", None) == "any interaction"
    assert asking.shown("rating_missing", ()) == "none"
    assert asking.shown("header", ImportOptions(header=True).header) == "names"


def test_pictures_and_vectors_come_with_the_tables(bring: Bring) -> None:
    red, packed, vectors = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.new("RGB", (30, 30), "red").save(red, "PNG")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("i0.png", red.getvalue())
    np.savez(vectors, ids=np.array(["i0", "i1"]), values=np.ones((2, 3)))
    app = bring(("log.csv", text(log())))
    app.file_uploader(key="images-file").set_value(("covers.zip", b"PK no zip", "application/zip")).run()
    assert "no zip archive" in app.error[0].value
    app.file_uploader(key="images-file").set_value(("covers.zip", packed.getvalue(), "application/zip")).run()
    app.file_uploader(key="vectors-files").set_value([("sound.npz", vectors.getvalue(), "")]).run()
    assert not app.error
    assert "1 of 12 items has a picture" in words(app)
    assert "2 of 12 items have an array" in words(app)
    app.button(key="keep").click().run()
    assert not app.exception
    workspace = Workspace(Path(os.environ["FAIRDASH_HOME"]))
    (stored,) = workspace.entries("datasets")
    kept = entries.get_dataset(workspace, stored.digest)
    assert sum(one is not None for one in kept.item_images or ()) == 1
    assert list(kept.item_arrays) == ["sound"]


@pytest.mark.parametrize("hidden", [True, False])
def test_people_of_kept_data_have_pseudonyms_unless_the_box_is_unticked(
    bring: Bring, nothing: Path, hidden: bool
) -> None:
    app = bring(("r.csv", text(log(rating=stars))))
    assert app.checkbox(key="pseudonyms").value
    if not hidden:
        app.checkbox(key="pseudonyms").uncheck()
    app.text_input(key=next(box.key for box in app.text_input if str(box.key).startswith("name-"))).set_value("Mine")
    app.button(key="keep").click().run()  # at once: the page was not drawn with what was changed
    assert not app.exception
    workspace = Workspace(nothing)
    (stored,) = workspace.entries("datasets")
    kept = set(entries.get_dataset(workspace, stored.digest).users["user_id"])
    assert (kept == {f"u{u}" for u in range(30)}) != hidden
    assert stored.title == "Mine"
    assert (workspace.root / entries.KEY).exists() == hidden
    deed = trail.read(workspace)[-1]
    assert (deed.who, deed.what, deed.of) == ("page", "keep", {"datasets": stored.digest, "pseudonyms": hidden})


def test_what_was_read_is_forgotten_when_its_files_are_taken_away(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    real = upload.data.build

    def counted(*given: Any, **how: Any) -> Any:
        read.append(1)
        return real(*given, **how)

    monkeypatch.setattr(upload.data, "build", counted)
    file = ("log.csv", text(log(rating=stars)), "text/csv")
    app = bring(file[:2])
    app.run()
    assert len(read) == 1  # it is kept while the files are there
    content = app.session_state["files"][0]
    app.file_uploader(key="files").set_value([]).run()
    assert content.closed  # Streamlit goes on to hold it
    app.file_uploader(key="files").set_value([file]).run()
    assert len(read) == 2


def test_what_was_read_is_forgotten_when_nobody_looks_at_it(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[int] = []
    real = upload._give_back
    monkeypatch.setattr(upload, "_give_back", lambda: given_back.append(1) or real())
    app = bring(("log.csv", text(log(rating=stars))))
    given_back.clear()
    app.run()
    assert not given_back  # it is looked at
    content = app.session_state["files"][0]
    app.segmented_control(key="tab").set_value("storage").run()
    assert content.closed
    assert "files-held" not in app.session_state
    app.run()
    assert len(given_back) == 1
