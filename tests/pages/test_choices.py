"""What is chosen is what is shown: equal titles, labels and links never hand one object out for another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fairdash import data, entries
from fairdash.jobs import kinds
from fairdash.recommenders import text
from fairdash.ui import forms
from fairdash.workspace import Workspace
from tests.pages.conftest import HANG_SECONDS, Open, url
from tests.pages.conftest import words as told


def training(here: dict[str, Any], **more: Any) -> dict[str, Any]:
    return kinds.run(Workspace(here["home"]), "train",
                     {"dataset": here["data"], "split": "user-time:0.8", "recommender": "ease", **more})  # fmt: skip


def test_of_two_runs_with_one_title_the_link_shows_its_own(here: dict[str, Any], open_page: Open) -> None:
    other = training(here, options={"l2": "5"})["lists"]
    workspace = Workspace(here["home"])
    assert workspace.get("lists", other).title == workspace.get("lists", here["lists"]).title
    for lists in (here["lists"], other):
        app = open_page("explore", with_tables=True, data=here["data"], lists=lists)
        chooser = app.sidebar.selectbox(key="view_lists")
        assert chooser.value == lists
        assert len(set(chooser.options)) == len(chooser.options) == 3
        assert url(app, "lists") == lists
    assert any("l2 5" in option for option in chooser.options)
    _, own = entries.get_lists(workspace, other)
    run = entries.get_run(workspace, here["run"])
    assert app.dataframe[0].value["item"].tolist() == [
        run.split.training.items["title"].iloc[item] for item in own.top(10).items[0]
    ]
    chooser.set_value(here["lists"]).run()  # as a browser does: by the label
    assert url(app, "lists") == here["lists"]
    assert app.sidebar.selectbox(key="view_lists").value == here["lists"]


def test_runs_that_differ_in_options_or_seed_alone_say_so_on_every_page(here: dict[str, Any], open_page: Open) -> None:
    other = training(here, options={"l2": "5"})["lists"]
    page = open_page("compare", data=here["data"], after=other, before=here["lists"])
    assert [page.selectbox(key=f"view_{side}").value for side in ("after", "before")] == [other, here["lists"]]
    assert any("l2 5" in option for option in page.selectbox(key="view_after").options)
    training(here, seed=7)
    table = open_page("recommender", data=here["data"], how="runs").dataframe[0].value
    assert any("seed 7" in name for name in table["name"])
    assert table["name"].is_unique


def test_a_second_data_set_of_one_name_is_the_one_in_view(nothing: Path, open_page: Open) -> None:
    workspace = Workspace(nothing)
    first, _ = data.synthetic.make(n_users=60, n_items=40)
    second, _ = data.synthetic.make(n_users=90, n_items=40)
    for dataset in (first, second):
        entries.put_dataset(workspace, replace(dataset, name="interactions"))
    for dataset, people in ((first, "60"), (second, "90")):
        app = open_page("data", data=dataset.digest)
        assert {m.label: m.value for m in app.metric}["People"] == people
        chooser = app.sidebar.selectbox(key="view_data")
        assert chooser.value == dataset.digest
        assert len(set(chooser.options)) == 2


def test_runs_of_another_data_set_of_the_same_name_are_not_shown(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    other, _ = data.synthetic.make(n_users=60, n_items=40)
    name = workspace.get("datasets", here["data"]).title
    assert not open_page(
        "recommender", data=entries.put_dataset(workspace, replace(other, name=name)), how="runs"
    ).dataframe


def test_comparisons_of_one_title_are_told_apart_in_the_report(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    params = {"before": here["lists"], "after": here["after"]}
    made = [kinds.run(workspace, "compare", {**params, "k": k})["comparisons"] for k in (5, 10)]
    for digest in made:
        chooser = open_page("report", data=here["data"], comparison=digest).selectbox(key="view_comparison")
        assert chooser.value == digest
        assert len(set(chooser.options)) == 2


def test_items_of_one_title_are_taken_from_the_history_one_by_one(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    dataset = entries.get_dataset(workspace, here["data"])
    twins = replace(dataset, items=dataset.items.assign(title="Hamlet"), name="twins")
    stored = entries.put_dataset(workspace, twins)
    lists = training({**here, "data": stored})["lists"]
    app = open_page("explore", data=stored, lists=lists, editing="true")
    chooser = app.multiselect(key="without-0")
    assert len(set(chooser.options)) == len(chooser.options) > 1


def test_long_names_of_columns_are_told_apart(nothing: Path, open_page: Open) -> None:
    long = "a very long name of a column that goes on and on "
    rows = [(u % 5, i % 3, f"u{u}", f"i{i}", i) for u in range(30) for i in range(9)]
    frame = pd.DataFrame(rows, columns=[long + "one", long + "two", "a", "b", "c"])
    app = open_page("data", errors=True, tab="upload")
    app.file_uploader[0].set_value([("r.csv", frame.to_csv(index=False).encode(), "text/csv")]).run()
    labels = [box.label for box in app.selectbox if box.label.startswith("Meaning of")]
    assert len(labels) == len(frame.columns) == len(set(labels))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Data in which everything is called alike: names that are equal where they are cut, and the words of the page."""
    long = "a very long name that goes on and on, and then on and on and "
    made, _ = data.synthetic.make(n_users=150, n_items=60)
    users = made.users.rename(columns={"gender": long + "one", "age": long + "two"})
    users = users.assign(none=users["country"], any=users[long + "one"].replace({"woman": "each", "man": "any groups"}))
    items = made.items.assign(title="Hamlet", popularity=made.items["creator_gender"])
    items = items.rename(columns={"creator_gender": long + "one"}).assign(**{long + "two": items["popularity"]})
    home = tmp_path_factory.mktemp("hostile")
    workspace = Workspace(home)
    stored = entries.put_dataset(workspace, replace(made, users=users, items=items))
    trained = kinds.run(workspace, "train", {"dataset": stored, "split": "user-time:0.8", "recommender": "popularity"})
    by = {"attributes": [long + "one"], "edges": [], "min_size": 20}
    mitigation = {"method": "exposure_parity", "groups": [by], "item_group": by, "strength": 0.5}
    for strength in (0.5, 1.0):
        after = kinds.run(
            workspace, "mitigate", {"run": trained["runs"], "mitigation": {**mitigation, "strength": strength}}
        )["lists"]
    return home, {"data": stored, "lists": trained["lists"], "after": after, "item_group": long + "two"}


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("data", {}),
        ("recommender", {"how": "search"}),
        ("recommender", {"recommender": "bert_sequence"}),
        ("audit", {}),
        ("audit", {"group": "any", "metric": "ndcg"}),
        ("audit", {"group": "any", "view": "people"}),
        ("explore", {"find": "alike"}),
        ("mitigate", {"method": "cp_fair"}),
        ("mitigate", {"act": "lever", "group": "any"}),
        ("compare", {"group": "none"}),
        ("compare", {"sides": "many", "group": "any"}),
        ("report", {}),
    ],
    ids=lambda given: given if isinstance(given, str) else "-".join(given.values()) or "plain",
)
def test_whatever_things_are_called_no_two_choices_are_one(
    page: str, query: dict[str, str], hostile: tuple[Path, dict[str, str]], open_page: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    home, view = hostile
    monkeypatch.setenv("FAIRDASH_HOME", str(home))
    app = open_page(page, **view, **query)
    choices = [*app.selectbox, *app.multiselect, *app.segmented_control, *app.radio]
    assert choices
    for one in choices:
        assert len(set(one.options)) == len(one.options), one.label


def test_what_is_held_out_can_be_changed_and_is_what_the_link_says(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("recommender", data=here["data"])
    for kind, spec in (("leave-one-out", "leave-one-out"), ("global-time", "global-time:80%"),
                       ("user-random", "user-random:0.8")):  # fmt: skip
        app.selectbox(key="split_kind").set_value(kind).run()
        assert not app.exception
        assert not app.error
        assert app.selectbox(key="split_kind").value == kind
        assert url(app, "split") == spec
    app.number_input(key="split_share").set_value(0.6).run()
    assert url(app, "split") == "user-random:0.6"
    held_out = {m.label: m.value for m in open_page("data", data=here["data"], split="user-time:0.7").metric}["Test"]
    again = open_page("data", data=here["data"], split="user-time:0.5")
    assert again.number_input(key="split_share").value == 0.5
    assert {m.label: m.value for m in again.metric}["Test"] != held_out
    again.query_params["split"] = "user-time:0.7"  # a link that is followed in a session that chose another
    again.run()
    assert {m.label: m.value for m in again.metric}["Test"] == held_out


def test_data_without_times_can_be_trained_on(nothing: Path, open_page: Open) -> None:
    rows = "".join(f"u{u},i{i},{1 + (u + i) % 5}\n" for u in range(40) for i in range(12) if (u * i + u) % 3)
    dataset, _ = data.build(("r.csv", ("user_id,item_id,rating\n" + rows).encode()))
    stored = entries.put_dataset(Workspace(nothing), dataset)
    for name, more in (("recommender", {}), ("recommender", {"how": "search"}), ("data", {}),
                       ("recommender", {"how": "bring"})):  # fmt: skip
        app = open_page(name, data=stored, split="user-time:0.8", **more)
        assert app.selectbox(key="split_kind").options == [forms.SPLITS["user-random"]]
        assert "no column of times" in told(app)
        assert url(app, "split") == "user-random:0.8"
    assert not open_page("recommender", data=stored, recommender="ease").button(key="train").disabled


@pytest.mark.parametrize("groups", ["women: Mary, Anna\nmen: John, Peter", "women: Mary\nmen: John"])
def test_sentences_that_differ_in_one_word_rank_the_catalogue(
    groups: str, here: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(texts: Any, *_: Any, **__: Any) -> Any:
        return np.stack([np.random.default_rng(len(one)).normal(size=8) for one in texts])

    monkeypatch.setattr(text, "encode", encode)

    def page(run: str) -> None:
        from fairdash.ui import load, model_side

        model_side.sentences(load.run(run))

    app = AppTest.from_function(page, default_timeout=HANG_SECONDS, args=(here["run"],)).run()
    app.text_area(key="words").set_value(groups)
    app.toggle(key="try").set_value(True).run()
    assert not app.exception
    assert not app.error
    assert "Ranked by the text encoder alone" in told(app)
    assert len(app.dataframe) == 2
    app.text_area(key="sentences").set_value("nobody").run()
    assert "{who}" in app.error[0].value.replace("\\", "")


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(("name", "query"), [("overview", {}), ("data", {}), ("data", {"tab": "storage"}),
                                             ("data", {"tab": "upload"}), ("explore", {}), ("report", {}),
                                             ("recommender", {"how": "runs"})])  # fmt: skip
def test_a_page_speaks_another_language_and_its_links_stay(
    name: str, query: dict[str, str], here: dict[str, Any], open_page: Open
) -> None:
    """In a made-up language that puts every template in brackets."""
    app = open_page(name, data=here["data"], lists=here["lists"], **query)
    assert app.title[0].value.startswith("⟦")
    controls = [*app.selectbox, *app.button, *app.checkbox, *app.number_input, *app.metric, *app.file_uploader]
    silent = [one.label for one in controls if len(one.label) > 1 and "⟦" not in one.label]
    assert not silent
    for key, value in query.items():
        assert url(app, key) == value


def test_what_was_shown_and_not_taken_stands_beside_what_was(nothing: Path, open_page: Open) -> None:
    made, _ = data.synthetic.make(n_users=60, n_items=40)
    pairs = made.interactions[["user_id", "item_id"]]
    left = pairs.assign(item_id=pairs["item_id"].to_numpy()[::-1]).drop_duplicates()
    left = left[~pd.MultiIndex.from_frame(left).isin(pd.MultiIndex.from_frame(pairs))]
    stored = entries.put_dataset(Workspace(nothing), replace(made, impressions=left))
    app = open_page("data", data=stored, **{"all-by-group": "true"})
    taken = len(pairs) / (len(pairs) + len(left))
    assert next(metric.value for metric in app.metric if metric.label == "Taken") == f"{100 * taken:.1f} %"
    table = next(frame.value for frame in app.dataframe if "taken, from" in frame.value.columns)
    told = table[table["taken of what was shown"].notna()]  # of very few people only the size is told
    assert len(told) >= 2
    assert told["taken of what was shown"].between(told["taken, from"], told["taken, to"]).all()
