"""Every control that the pages declare is worked by a test, and the ones that no other test works are worked here."""

from __future__ import annotations

import ast
import csv
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fairdash import data, entries, settings, words
from fairdash.data.synthetic import make
from fairdash.events.log import FILE, EventLog
from fairdash.jobs import kinds, runner
from fairdash.metrics.catalogue import METRICS
from fairdash.recommenders.device import CHOICES
from fairdash.report import FORMATS, kept
from fairdash.schema import GroupSpec
from fairdash.stages import explore, people
from fairdash.stages.lever import STRENGTHS
from fairdash.ui import exploring, living, what_if
from fairdash.workspace import Workspace
from tests.pages import keys
from tests.pages.conftest import Open, Saved, select, tell, told_to, url
from tests.pages.conftest import words as told

# Controls that are worked where their key is not named, each with the file and the words by which it is found there.
ELSEWHERE = {
    "*-*": ("tests/pages/test_links.py", 'key="added-0"'),
    "mapping-*": ("tests/pages/test_upload.py", 'startswith("mapping-")'),
    "advice-*-*": ("tests/pages/test_controls.py", "advised.checkbox(key=free[0])"),
    "sign-in-*": ("tests/e2e/test_sign_in.py", 'get_by_role("button", name="Sign in").click()'),
    "stop-*": ("tests/pages/test_signed_in.py", 'startswith("stop-")'),
    "name-*": ("tests/pages/test_every_control.py", 'startswith("name-")'),
}


def test_no_control_is_declared_that_no_test_works() -> None:
    named = keys.worked()
    without = [
        one.place for one in keys.declared()
        if one.pattern not in ELSEWHERE and not any(keys.met(one.pattern, key) for key in named)
    ]  # fmt: skip
    assert not without, "\n".join(["Work these in a test, by their keys:", *without])


@pytest.mark.parametrize("pattern", ELSEWHERE)
def test_what_is_worked_elsewhere_is_there(pattern: str) -> None:
    file, found = ELSEWHERE[pattern]
    assert found in (keys.ROOT / file).read_text()
    assert pattern in {one.pattern for one in keys.declared()}


def test_a_key_is_read_from_the_source_of_a_control() -> None:
    patterns = {one.pattern for one in keys.declared()}
    assert {"mitigate", "view_group", "look_*", "lists-csv", "more", "device", "past", "strip"} <= patterns
    assert keys.met("look_*", "look_calibrate")
    assert not keys.met("look", "look_calibrate")


def page(here: Mapping[str, Any], open_page: Open, name: str, **query: str) -> AppTest:
    """A page on the finished workspace, its lists before the mitigation in view."""
    return open_page(name, data=here["data"], **{"lists": here["lists"], **query})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The jobs that a page asks for; none is run."""
    made: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(runner, "submit", lambda _, kind, title, params: made.append((kind, params)) or "none")
    return made


def pictures(app: AppTest) -> list[str]:
    return [one.proto.spec for one in app.get("plotly_chart")]


def shown(app: AppTest) -> str:
    """All that stands on a page: texts, labels, tables and pictures."""
    labels = [str(one.label) for kind in ("button", "selectbox", "toggle", "metric") for one in app.get(kind)]
    return "\n".join([told(app), *labels, *(one.value.to_csv() for one in app.dataframe), *pictures(app)])


# --- parts of pages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "name"), [("tab", "data"), ("how", "recommender"), ("bring", "recommender"), ("act", "mitigate"),
                      ("sides", "compare"), ("part", "guide"), ("source", "live")],
)  # fmt: skip
def test_each_part_of_a_page_shows_something_else_and_stands_in_the_link(
    key: str, name: str, here: dict[str, Any], open_page: Open
) -> None:
    where = {"bring": {"how": "bring"}, "source": {"going": "False"}}.get(key, {})
    app = page(here, open_page, name, **where)
    tabs = app.segmented_control(key=key)
    seen = set()
    for place in range(len(tabs.options)):
        tabs = app.segmented_control(key=key)
        tabs.set_value(tabs.options[place]).run()
        assert not app.exception
        seen.add(shown(app))
        again = page(here, open_page, name, **where, **{one: url(app, one) for one in app.query_params if one == key})
        assert again.segmented_control(key=key).value == app.segmented_control(key=key).value
    assert len(seen) == len(tabs.options) > 1


def test_the_language_is_chosen_in_the_sidebar(here: dict[str, Any], open_page: Open) -> None:
    app = page(here, open_page, "data")
    app.sidebar.selectbox(key="view_lang").set_value("zh").run()
    assert not app.exception
    assert url(app, "lang") == "zh"
    with words.speaking("zh"):
        assert app.title[0].value == words.say("Data") != "Data"
    app.sidebar.selectbox(key="view_lang").set_value("en")
    with words.speaking("zh"):  # labels are told here as they are on the page
        app.run()
    assert app.title[0].value == "Data"


# --- downloads --------------------------------------------------------------------------------------------------------


def test_what_is_downloaded_is_what_the_page_shows(
    here: dict[str, Any], at_once: None, open_page: Open, saved: Saved
) -> None:
    workspace = Workspace(here["home"])
    page(here, open_page, "audit", group="gender")
    stored = [kinds.read_audit(workspace, one.digest) for one in workspace.entries("audits") if not one.meta["only"]]
    assert json.loads(saved["audit-json"]()) == json.loads(json.dumps(stored[0]))
    app = page(here, open_page, "compare", after=here["after"]).run()  # what was asked for is there now
    made = url(app, "comparison")
    folder = here["home"] / "comparisons" / made
    assert json.loads(saved["comparison-json"]()) == json.loads((folder / "comparison.json").read_text())
    page(here, open_page, "report", comparison=made)
    assert {key.removeprefix("report-") for key in saved if key.startswith("report-")} == set(FORMATS)
    gives = {suffix: saved[f"report-{suffix}"]() for suffix in FORMATS}
    text = {suffix: one if isinstance(one, str) else one.decode("utf-8-sig") for suffix, one in gives.items()}
    assert text["html"].startswith("<!doctype html>")
    assert "<script" not in text["html"]
    assert text["md"].startswith("# ")
    assert len(list(csv.reader(io.StringIO(text["csv"])))) > 2
    assert json.loads(text["json"])
    runs = page(here, open_page, "recommender", how="runs")
    select(runs, key="past", rows=[0])
    _, lists = entries.get_lists(workspace, here["after"])  # the newest stands first
    rows = pd.read_csv(io.BytesIO(saved["lists-csv"]()), dtype=str)
    assert len(rows) == int((lists.items >= 0).sum())
    with zipfile.ZipFile(io.BytesIO(saved["model-zip"]())) as archive:  # type: ignore[arg-type]  # bytes
        assert "model/fairdash.json" in archive.namelist()


def test_answers_are_saved_as_the_command_line_reads_them(nothing: Any, open_page: Open, saved: Saved) -> None:
    rows = "user_id,item_id,rating\n" + "".join(f"u{u},i{i},{1 + (u + i) % 5}\n" for u in range(30) for i in range(9))
    app = open_page("data", tab="upload")
    app.file_uploader(key="files").set_value([("r.csv", rows.encode(), "text/csv")]).run()
    select(app, key="ratings", mark=3)
    assert app.number_input(key="liked").value == 4
    app.selectbox(key="meaning-interactions-rating").set_value("").run()
    assert "relevance_threshold" not in json.loads(saved["save-mapping"]())  # it was one of ratings
    name = next(one for one in app.text_input if str(one.key).startswith("name-"))
    mapping = json.loads(saved["save-mapping"]())
    assert mapping["rating"] == ""
    app.text_input(key=f"{name.key}").set_value("Books of mine").run()
    app.button(key="keep").click().run()
    assert not app.exception
    (stored,) = Workspace(nothing).entries("datasets")
    assert stored.title == "Books of mine"
    assert data.ImportOptions.from_json(mapping).rating == ""


# --- tables and pictures that are chosen in ---------------------------------------------------------------------------


def test_a_run_is_chosen_in_the_table_and_looked_at(here: dict[str, Any], open_page: Open) -> None:
    app = page(here, open_page, "recommender", how="runs")
    assert "look" not in {one.key for one in app.button}
    named = [here["after"], here["lists"]]  # newest first
    for row, digest in ((0, named[0]), (1, named[1])):
        select(app, key="past", rows=[row])
        app.button(key="look").click().run()
        assert not app.exception
        assert url(app, "lists") == digest
        assert app.sidebar.selectbox(key="view_lists").value == digest


def test_what_is_kept_is_chosen_and_deleted(here: dict[str, Any], open_page: Open) -> None:
    app = page(here, open_page, "data", tab="storage")
    kinds_shown = app.dataframe[0].value["kind"].tolist()
    select(app, key="kept", rows=[kinds_shown.index("Lists")])
    assert "This removes 1 set of lists" in told(app)
    app.button(key="delete").click().run()
    assert not app.exception
    assert len(Workspace(here["home"]).entries("lists")) == 1


def test_a_mitigation_that_was_made_is_chosen_and_compared(here: dict[str, Any], open_page: Open) -> None:
    app = page(here, open_page, "mitigate", act="done")
    assert not any("after=" in link.proto.query_string for link in app.get("page_link"))
    select(app, key="mitigated", rows=[0])
    assert not app.exception
    assert any(f"after={here['after']}" in link.proto.query_string for link in app.get("page_link"))


def test_a_row_of_many_lists_is_opened_by_choosing_it(here: dict[str, Any], open_page: Open) -> None:
    app = page(here, open_page, "compare", sides="many")
    select(app, key="many", rows=[1])
    assert not app.exception
    assert url(app, "row") == here["after"]
    assert app.selectbox(key="row").value == here["after"]


@pytest.mark.parametrize(
    ("key", "query"),
    [("by-group", {}), ("crossing", {"cross": "age"}), ("mirrored", {"more": "categories"}),
     ("against", {"versus": "man"}), ("categories", {"group": "age", "more": "categories"}),
     ("curve", {"group": "age", "more": "spread"})],
)  # fmt: skip
def test_a_mark_of_a_group_leads_to_its_people(
    key: str, query: dict[str, str], here: dict[str, Any], open_page: Open
) -> None:
    app = page(here, open_page, "audit", **{"group": "gender", **query})
    select(app, key=key, mark=0)
    assert not app.exception
    assert url(app, "view") == "people"
    workspace = Workspace(here["home"])
    found = [kinds.read_audit(workspace, one.digest)["groups"] for one in workspace.entries("audits")]
    assert url(app, "who") in {name for groups in found for group in groups.values() for name in group}


def test_a_mark_of_exposure_shows_the_items_of_its_group(here: dict[str, Any], at_once: None, open_page: Open) -> None:
    app = page(here, open_page, "audit", group="gender", more="items")
    select(app, key="exposure-popularity", mark=1)
    assert not app.exception
    attribute, name = json.loads(url(app, "items_of"))
    run, lists = entries.get_lists(Workspace(here["home"]), here["lists"])
    items = run.split.training.items
    known = people.items_of(people.gather(run.split, lists, 10), items, GroupSpec((attribute,)), name)
    table = next(one.value for one in app.dataframe if "lists" in one.value)
    assert table["lists"].fillna(-1).tolist() == known["lists"].fillna(-1).tolist()
    assert f"{len(known)} items of {name}" in told(app)
    counted = np.bincount(lists.items[:, :10].ravel(), minlength=run.split.training.n_items)[known["item"].astype(int)]
    shown = ~known["lists"].isna()
    assert known["lists"][shown].tolist() == counted[shown].tolist()
    assert ((counted > 0) & (counted < settings.FEWEST))[~shown].all()
    app.button(key="close-items_of").click().run()
    assert "items_of" not in app.query_params
    app = page(here, open_page, "compare", after=here["after"], compared="items").run()
    app.run()
    select(app, key="exposure-popularity", mark=0)
    assert not app.exception
    both = next(one.value for one in app.dataframe if "lists, before" in one.value)
    assert {"lists, after", "part of exposure, before", "part of exposure, after"} <= {*both}


@pytest.mark.parametrize(
    ("key", "query"), [("before-after", {}), ("outcome", {}), ("category-changes", {"compared": "categories"})]
)
def test_a_mark_of_a_comparison_shows_who_of_its_group_gained_and_lost(
    key: str, query: dict[str, str], here: dict[str, Any], at_once: None, open_page: Open
) -> None:
    app = page(here, open_page, "compare", after=here["after"], **query).run()
    select(app, key=key, mark={"outcome": 1}.get(key, 0))  # the first bar is of everybody
    assert not app.exception
    assert url(app, "compared") == "people"
    group = url(app, "members")
    assert app.selectbox(key="members").value == group
    movers = next(one.value for one in app.dataframe if "who" in one.value)
    assert {*movers["group"]} == {group}
    app.selectbox(key="members").set_value("").run()
    whole = next(one.value for one in app.dataframe if "who" in one.value)
    assert {*whole["group"]} == {"man", "woman"}
    app.selectbox(key="who").select_index(1).run()
    assert not app.exception
    assert sum("#" in one.value for one in app.dataframe) == 2


def test_a_mark_of_a_row_of_many_shows_who_of_its_group_gained_and_lost(here: dict[str, Any], open_page: Open) -> None:
    app = page(here, open_page, "compare", sides="many", row=here["after"])
    select(app, key="many-groups", mark=0)
    assert not app.exception
    movers = next(one.value for one in app.dataframe if "who" in one.value)
    assert {*movers["group"]} == {url(app, "members")}


def test_a_mark_of_the_lever_shows_a_person_and_one_of_the_plane_moves_it(
    here: dict[str, Any], open_page: Open
) -> None:
    app = page(here, open_page, "mitigate", act="lever", method="calibrate", lever="1.0")
    number = told_to(app, key="lever")["view"]["bands"][0]["numbers"][0]
    tell(app, key="lever", looked=number)
    assert not app.exception
    assert app.selectbox(key="who").value == int(url(app, "who")) == told_to(app, key="lever")["looked"] == number
    tell(app, key="lever", looked=10**9)  # nobody
    assert not app.exception
    assert told_to(app, key="lever")["looked"] is None
    select(app, key="plane", mark=0)
    assert not app.exception
    assert STRENGTHS[told_to(app, key="lever")["at"]] == float(url(app, "lever")) != 1.0


def test_items_of_a_large_catalogue_are_found_by_a_part_of_their_name(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(what_if, "OFFERED", 10)
    app = page(here, open_page, "explore", beside="edited", editing="true")
    items = entries.get_run(Workspace(here["home"]), here["run"]).split.training.items
    names, usual = explore.names_of(items), app.multiselect(key="added-0").options
    assert len(usual) == 10
    taken = {*usual, *app.multiselect(key="without-0").options}
    code, name = next((code, str(name)) for code, name in enumerate(names) if str(name) not in taken)
    app.text_input(key="seek").set_value(f" {name.upper()} ").run()
    assert name in app.multiselect(key="added-0").options
    app.multiselect(key="added-0").set_value([code]).run()
    assert not app.exception
    assert json.loads(url(app, "edit"))["added"] == [str(items["item_id"].iloc[code])]
    app.text_input(key="seek").set_value("no film is called so").run()
    assert "No item is called so." in told(app)
    assert app.multiselect(key="added-0").options == [name]  # what is chosen can be taken back
    app.text_input(key="seek").set_value("").run()
    assert {*app.multiselect(key="added-0").options} == {*usual, name}


# --- controls of one page ---------------------------------------------------------------------------------------------


def test_a_data_set_of_the_catalogue_that_is_there_is_looked_at(here: dict[str, Any], open_page: Open) -> None:
    made, _ = make(n_users=60, n_items=40)
    there = replace(made, provenance={**made.provenance, "source": "synthetic-unbiased"})
    stored = entries.put_dataset(Workspace(here["home"]), there)
    app = page(here, open_page, "data", tab="catalogue")
    app.button(key="use-synthetic-unbiased").click().run()
    assert not app.exception
    assert (url(app, "data"), url(app, "tab")) == (stored, "view")
    assert {one.label: one.value for one in app.metric}["People"] == "60"


def test_terms_are_asked_before_something_is_fetched_and_not_after(here: dict[str, Any], open_page: Open) -> None:
    made, _ = make(n_users=60, n_items=40)
    there = replace(made, provenance={**made.provenance, "source": "movielens-100k"})
    entries.put_dataset(Workspace(here["home"]), there)
    app = page(here, open_page, "data", tab="catalogue")
    assert {one.key for one in app.checkbox} == {"terms-movielens-1m"}
    assert told(app).count("Harper") == 2  # the paper that is to be cited


def test_tables_of_the_data_are_opened(here: dict[str, Any], open_page: Open) -> None:
    assert len(page(here, open_page, "data", tables="true").dataframe) == len(
        page(here, open_page, "data").dataframe) + 2  # fmt: skip


def test_the_least_size_takes_groups_out_of_the_gap(here: dict[str, Any], open_page: Open) -> None:
    app = page(here, open_page, "data", group="age")
    before = shown(app)
    app.number_input(key="view_least").set_value(60).run()
    assert not app.exception
    assert url(app, "least") == "60"
    assert shown(app) != before


def test_what_is_held_out_is_cut_at_a_date(here: dict[str, Any], open_page: Open) -> None:
    app = page(here, open_page, "data", split="global-time:80%")
    test = {one.label: one.value for one in app.metric}["Test"]
    app.text_input(key="split_date").set_value("50%").run()
    assert not app.exception
    assert url(app, "split") == "global-time:50%"
    assert {one.label: one.value for one in app.metric}["Test"] != test


def test_where_and_with_which_seed_a_training_runs(
    here: dict[str, Any], open_page: Open, asked: list[tuple[str, dict[str, Any]]]
) -> None:
    app = page(here, open_page, "recommender", recommender="ease")
    for device in CHOICES:
        app.selectbox(key="device").set_value(device).run()
        seed = 11 + CHOICES.index(device)
        app.number_input(key="seed").set_value(seed)
        app.button(key="train").click().run()  # at once: the page was not drawn with the seed
        assert not app.exception
        assert asked[-1][0] == "train"
        assert (asked[-1][1]["device"], asked[-1][1]["seed"]) == (device, seed)


def test_how_often_a_search_tries(
    here: dict[str, Any], open_page: Open, asked: list[tuple[str, dict[str, Any]]]
) -> None:
    app = page(here, open_page, "recommender", how="search", recommender="ease")
    app.number_input(key="trials").set_value(5).run()
    app.button(key="search").click().run()
    assert [(kind, params["trials"]) for kind, params in asked] == [("search", 5)]


def test_the_best_options_of_a_search_are_handed_on(here: dict[str, Any], at_once: None, open_page: Open) -> None:
    app = page(here, open_page, "recommender", how="search", recommender="ease", trials="2")
    app.button(key="search").click().run()
    (job,) = runner.table(Workspace(here["home"])).all()
    app.button(key=f"train-best-{job.id}").click().run()
    assert not app.exception
    assert url(app, "how") == "train"
    app = page(here, open_page, "recommender", how="search", recommender="ease", trials="2")
    select(app, key=f"trials-{job.id}", mark=0)
    assert "on validation:" in told(app).replace("\\", "")
    app.button(key=f"train-trial-{job.id}").click().run()
    assert not app.exception
    assert url(app, "how") == "train"


def test_a_saved_model_is_used_as_it_is(
    here: dict[str, Any], open_page: Open, asked: list[tuple[str, dict[str, Any]]]
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/model.safetensors", b"x")
        archive.writestr("m/fairdash.json", json.dumps({"name": "bert_sequence"}))
    app = page(here, open_page, "recommender", how="bring", bring="model")
    app.file_uploader(key="model-file").set_value(("m.zip", buffer.getvalue(), "application/zip")).run()
    app.button(key="use-model").click().run()
    ((kind, params),) = asked
    assert (kind, params["recommender"], params["options"]["epochs"]) == ("train", "bert_sequence", 0)
    assert "uploads" in params["options"]["start"]


def test_the_picture_of_the_spread_is_chosen(here: dict[str, Any], open_page: Open) -> None:
    app = page(here, open_page, "audit", group="gender", more="spread")
    seen = set()
    for option in app.segmented_control(key="spread").options:
        app.segmented_control(key="spread").set_value(option).run()
        assert not app.exception
        seen.add(tuple(pictures(app)))
    assert len(seen) == len(app.segmented_control(key="spread").options)


def test_the_model_side_is_measured_when_it_is_asked_for(
    here: dict[str, Any], open_page: Open, asked: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairdash.ui.parts.job", lambda *_, **__: None)
    app = page(here, open_page, "audit", group="gender", more="model")
    assert not asked
    app.toggle(key="view_model").set_value(True).run()
    assert not app.exception
    assert url(app, "model") == "True"
    assert [(kind, params["model"]) for kind, params in asked] == [("audit", True)]


def test_what_is_released_and_how_much_it_tells(here: dict[str, Any], open_page: Open) -> None:
    pytest.importorskip("opendp")
    app = page(here, open_page, "audit", group="gender", more="private")
    app.selectbox(key="release_metric").set_value("recall").run()
    app.select_slider(key="epsilon").set_value("1").run()
    app.button(key="release").click().run()
    assert not app.exception
    assert not app.error
    assert (url(app, "release_metric"), url(app, "epsilon")) == ("recall", "1")
    assert METRICS["recall"].title.split("@")[0] in shown(app)
    assert "1 of ε" in app.get("progress")[0].proto.text


def test_people_are_clicked_or_drawn_over_and_grouped_as_they_were_saved(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    run, _ = entries.get_lists(workspace, here["lists"])
    entries.save_people(workspace, here["lists"], "mine", run.split.training.users["user_id"].tolist()[:60])
    app = page(here, open_page, "audit", group="gender", view="people", metric="miscalibration")
    drawn = {one.proto.id.rsplit("-", 1)[-1]: list(one.proto.selection_mode) for one in app.get("plotly_chart")}
    app.segmented_control(key="hand").set_value("person").run()
    assert url(app, "hand") == "person"
    assert {one.proto.id.rsplit("-", 1)[-1]: list(one.proto.selection_mode) for one in app.get("plotly_chart")} != drawn
    app.selectbox(key="by").set_value("saved").run()
    assert not app.exception
    assert any("mine" in option for option in app.segmented_control(key="who").options)


@pytest.fixture
def told_who(here: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The finished run reads gender and age in a profile, and says what it heard of it."""
    reader = type(entries.get_run(Workspace(here["home"]), here["run"]).fitted)
    monkeypatch.setattr(reader, "profile", ("gender", "age"), raising=False)
    monkeypatch.setattr(reader, "score_profiles", lambda own, *given: own.score(*given[:2]), raising=False)
    heard: list[Any] = []
    answer = explore.recommend

    def recommend(fitted: Any, split: Any, who: explore.Person, *rest: Any) -> Any:
        heard.append(who.profile)
        return answer(fitted, split, explore.Person(who.user, who.history), *rest)

    monkeypatch.setattr(exploring.explore, "recommend", recommend)
    monkeypatch.setattr(exploring.explore, "flips", lambda fitted, split, who, attribute, values, k: (
        heard.append(attribute) or {value: recommend(fitted, split, who, k) for value in values}))  # fmt: skip
    return heard


def test_a_person_is_told_to_be_someone_else(here: dict[str, Any], told_who: list[Any], open_page: Open) -> None:
    app = page(here, open_page, "explore", beside="told")
    app.selectbox(key="flip").set_value("gender").run()
    others = app.selectbox(key="told").options
    for value in others:
        app.selectbox(key="told").set_value(value).run()
        assert not app.exception
        heard = None if value == explore.ABSENT else value
        assert any(profile and profile["gender"] == heard for profile in told_who)
    assert url(app, "told") == others[-1]
    app = page(here, open_page, "explore", explore="flip")
    for attribute in ("age", "gender"):
        app.selectbox(key="flip").set_value(attribute).run()
        assert not app.exception
        assert attribute in told_who
        assert url(app, "flip") == attribute
    select(app, key="flips", mark=0)
    assert not app.exception
    assert (url(app, "explore"), url(app, "beside")) == ("list", exploring.TOLD)
    app = page(here, open_page, "explore", editing="true")
    age = app.selectbox(key="told-0-age")
    other = next(one for one in reversed(age.options) if one not in (explore.ABSENT, str(age.value)))
    age.set_value(other).run()
    assert not app.exception
    assert any(str(profile["age"]) == other for profile in told_who if isinstance(profile, dict))


def test_by_which_lists_people_changed_most(here: dict[str, Any], open_page: Open) -> None:
    harsh = {"run": here["run"], "mitigation": {"method": "calibrate", "groups": [], "strength": 1.0}}
    other = kinds.run(Workspace(here["home"]), "mitigate", harsh)["lists"]
    app = page(here, open_page, "explore", find="changed")
    found = {}
    for digest in (here["after"], other):
        app.selectbox(key="changed").set_value(digest).run()
        assert not app.exception
        assert url(app, "changed") == digest
        found[digest] = [one.label for one in app.button if str(one.key).startswith("to-")]
    assert found[other] != found[here["after"]]


def test_a_live_page_stops_looking(here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    every: list[float | None] = []
    real = living.parts.live
    monkeypatch.setattr(living.parts, "live", lambda draw, *rest, every_=every, every=None: (
        every_.append(every), real(draw, *rest, every=every)))  # fmt: skip
    app = page(here, open_page, "live", source="made", group="gender")
    app.toggle(key="going").set_value(False).run()
    assert not app.exception
    assert url(app, "going") == "False"
    assert every == [living.EVERY, None]


def test_events_of_the_service_are_the_other_source(here: dict[str, Any], open_page: Open) -> None:
    items = entries.get_dataset(Workspace(here["home"]), here["data"]).items["item_id"].tolist()
    EventLog(here["home"] / FILE).append(
        [{"userId": "p0001", "eventId": "1", "eventType": "shown", "sentAt": 1_700_000_000, "impression": items[:10]}]
    )
    app = page(here, open_page, "live", group="gender")
    assert "1 event in" in told(app)  # what the service sent comes first, where there is any
    app.segmented_control(key="source").set_value("made").run()
    assert not app.exception
    assert "Made up over the people" in told(app)


def test_a_strength_is_set_by_hand_or_chosen_on_validation_and_looked_at(
    here: dict[str, Any], at_once: None, open_page: Open
) -> None:
    app = page(here, open_page, "mitigate", act="one", method="calibrate", group="gender")
    app.segmented_control(key="strength_how").set_value("hand").run()
    app.slider(key="strength").set_value(0.25).run()
    app.button(key="mitigate").click().run()
    assert not app.exception
    table = runner.table(Workspace(here["home"]))
    assert [job.params["mitigation"]["strength"] for job in table.all()] == [0.25]
    app.segmented_control(key="strength_how").set_value("rule").run()
    app.button(key="mitigate").click().run()
    assert not app.exception
    before = {one.label: one.value for one in app.metric}
    look = app.select_slider(key="look_calibrate")
    other = next(option for option in reversed(look.options) if option != words.brief(look.value))
    look.set_value(float(other)).run()
    assert not app.exception
    assert url(app, "look_calibrate") == str(float(other))
    select(app, key="trade-calibrate", mark=0)
    assert url(app, "look_calibrate") == str(app.select_slider(key="look_calibrate").value) == "0.0"
    app.select_slider(key="look_calibrate").set_value(float(other)).run()
    assert {one.label: one.value for one in app.metric} != before
    app.button(key="make-calibrate").click().run()
    assert not app.exception
    assert float(other) in [job.params["mitigation"]["strength"] for job in table.all()]


def test_slides_have_notes_that_are_edited(here: dict[str, Any], at_once: None, open_page: Open) -> None:
    sides = {"before": here["lists"], "after": here["after"], "groups": [{"attributes": ["gender"]}]}
    made = kinds.run(Workspace(here["home"]), "compare", sides)["comparisons"]
    app = page(here, open_page, "report", comparison=made, present="1", card="decision")
    quiet = told(app)
    app.toggle(key="notes").set_value(True).run()
    assert len(told(app)) > len(quiet)
    app.toggle(key="edit").set_value(True).run()
    app.text_area(key="slide-notes-decision").set_value("Ask the board.").run()
    assert not app.exception
    assert kept.read(Workspace(here["home"]), "comparisons", made) == {"decision": {"notes": "Ask the board."}}
    app.toggle(key="edit").set_value(False).run()
    assert "Ask the board" in told(app)


def test_a_report_is_of_the_audit_that_is_chosen(here: dict[str, Any], open_page: Open) -> None:
    spec = {"lists": here["lists"], "groups": [{"attributes": ["gender"]}]}
    made = [kinds.run(Workspace(here["home"]), "audit", {**spec, "k": k})["audits"] for k in (5, 10)]
    app = page(here, open_page, "report", of="audits")
    for k, digest in zip((5, 10), made, strict=True):
        app.selectbox(key="audit").set_value(digest).run()
        assert not app.exception
        assert url(app, "audit") == digest
        assert f"NDCG@{k}" in app.get("iframe")[0].proto.srcdoc


@pytest.mark.parametrize("control", ["st.dataframe", "st.multiselect"])
def test_where_nothing_is_the_page_says_so_in_its_own_language(control: str) -> None:
    """Streamlit writes None into a table, and “Choose options” into a choice of several, in English on every page."""
    without = [
        f"{file.name}:{call.lineno}"
        for file in sorted((keys.ROOT / "fairdash" / "ui").glob("*.py"))
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == control
        and "placeholder" not in {keyword.arg for keyword in call.keywords}
    ]  # fmt: skip
    assert not without
