"""The lever on the Mitigate page: each control, what it says, and what stands in the URL."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fairdash import entries
from fairdash.jobs import runner
from fairdash.mitigation.base import Mitigation
from fairdash.schema import GroupSpec
from fairdash.stages.lever import STRENGTHS, Lever
from fairdash.ui import levering
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, open_tables, select, tell, told_to, url
from tests.pages.conftest import words as told

GENDER = GroupSpec(("gender",))


def strength(app: AppTest, name: str = "lever") -> float:
    """Where the lever stands."""
    return STRENGTHS[told_to(app, key=name)["at"]]


def headlines(app: AppTest, name: str = "lever") -> list[str]:
    """What the lever says of each strength."""
    return list(told_to(app, key=name)["view"]["headlines"])


def both(app: AppTest) -> list[pd.DataFrame]:
    """The table of one person's two lists, if they are shown."""
    return [frame.value for frame in app.dataframe if "what happens" in frame.value]


def test_the_lever_moves_everybody_and_is_kept_as_a_job(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(runner, "submit", lambda _, kind, title, params: asked.append(params) or "none")
    app = open_page("mitigate", data=here["data"], lists=here["lists"], act="lever", method="calibrate", lever="0.3")
    run = entries.get_run(Workspace(here["home"]), here["run"])
    it = Lever(run, Mitigation("calibrate", (GENDER,)), 10, GENDER)
    assert headlines(app) == [" ".join(levering.sentences(it.at(one), GENDER)) for one in STRENGTHS]
    for turn, place in enumerate((6, 16, 0, 16), 1):
        tell(app, key="lever", moved={"at": place, "turn": turn})
        assert not app.exception
        assert not app.error
        assert told_to(app, key="lever")["turn"] == turn  # so that the view knows an answer to an earlier move
        assert strength(app) == STRENGTHS[place] == float(url(app, "lever"))
        assert "The test stays untouched" in told(app)
    for nonsense in ({"at": 99, "turn": 5}, {"at": "a", "turn": 5}, {"turn": 5}, [], None):
        tell(app, key="lever", moved=nonsense)
        assert not app.exception
        assert (strength(app), told_to(app, key="lever")["turn"]) == (0.8, 4)
    app.button(key="keep").click().run()
    assert asked[0]["mitigation"]["strength"] == 0.8
    assert asked[0]["mitigation"]["method"] == "calibrate"
    assert asked[0]["run"] == here["run"]


def test_the_lever_starts_from_the_lists_in_view(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(runner, "submit", lambda _, kind, title, params: asked.append(params) or "none")
    query = {"data": here["data"], "lists": here["after"], "act": "lever", "lever": "1.0"}
    app = open_page("mitigate", **query, method="xquad")
    assert app.selectbox(key="first").value == here["after"]
    run = entries.get_run(Workspace(here["home"]), here["run"])
    before = [Mitigation("calibrate", (GENDER,), strength=0.5)]
    it = Lever(run, Mitigation("xquad", (GENDER,)), 10, GENDER, before)
    last = " ".join(levering.sentences(it.at(1.0), GENDER))
    assert headlines(app)[-1] == last
    app.button(key="keep").click().run()
    assert [step["method"] for step in asked[0]["first"]] == ["calibrate"]
    app.selectbox(key="first").set_value("trained").run()
    assert headlines(app)[-1] != last
    own = open_page("mitigate", **query, method="calibrate")  # whose strength is moved: from what it was applied to
    assert "first" not in [box.key for box in own.selectbox]


def test_a_comparison_has_the_lever_of_its_own_mitigation(
    here: dict[str, Any], at_once: None, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = {"data": here["data"], "before": here["lists"], "after": here["after"], "compared": "lever"}
    app = open_page("compare", **query, lever="0.1").run()
    name = f"lever_{here['after']}"
    assert strength(app, name) == 0.5  # of the lists in view, whatever Mitigate has
    run = entries.get_run(Workspace(here["home"]), here["run"])
    it = Lever(run, Mitigation("calibrate", (GENDER,)), 10, GENDER)
    assert headlines(app, name)[10] == " ".join(levering.sentences(it.at(0.5), GENDER))
    tell(app, key=f"lever_{here['after']}", moved={"at": 16, "turn": 1})
    assert not app.exception
    assert not app.error
    assert (url(app, name), strength(app, name)) == ("0.8", 0.8)
    select(app, key="plane", mark=3)
    moved = strength(app, name)
    assert moved == float(url(app, name)) != 0.8
    other = open_page("compare", data=here["data"], before=here["after"], after=here["lists"]).run()
    assert "Lever" not in other.segmented_control(key="compared").options  # nothing was mitigated
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(runner, "submit", lambda _, kind, title, params: asked.append(params) or "none")
    app.button(key="keep").click().run()
    assert (asked[0]["mitigation"]["method"], asked[0]["mitigation"]["strength"]) == ("calibrate", moved)


def test_a_person_who_falls_can_be_looked_at(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("mitigate", data=here["data"], lists=here["lists"], act="lever", method="calibrate", lever="1.0")
    options = app.selectbox(key="who").options
    assert len(options) > 1
    assert not both(app)
    app.selectbox(key="who").select_index(1).run()
    open_tables(app)
    assert not app.exception
    (table,) = both(app)
    run = entries.get_run(Workspace(here["home"]), here["run"])
    it = Lever(run, Mitigation("calibrate", (GENDER,)), 10, GENDER)
    user = it.person(int(url(app, "who")))
    assert user is not None
    new = set(it.lists(1.0).items[user]) - set(it.lists(0.0).items[user])
    assert len(table) == 10 + len(new)
    assert table["right"].isna().sum() == table["left"].isna().sum() == len(new)
    assert (table["liked later"] == "yes").sum() <= len(it.liked_by(user))


def test_a_link_to_somebody_who_may_not_be_shown_shows_nobody(here: dict[str, Any], open_page: Open) -> None:
    for who in ("0", "99999", "p0001", "-1"):
        app = open_page("mitigate", data=here["data"], lists=here["lists"], act="lever", who=who, lever="7", gap="?")
        assert told_to(app, key="lever")["looked"] is None
        assert "person" not in "".join(one.key or "" for one in app.get("plotly_chart") if "both" in (one.key or ""))
        assert strength(app) == 0.5


def test_the_plane_takes_any_gap_and_any_other_method(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("mitigate", data=here["data"], lists=here["lists"], act="lever", method="calibrate")
    for gap in app.selectbox(key="gap").options:
        app.selectbox(key="gap").set_value(gap).run()
        assert not app.exception, gap
        assert not app.error
    app.multiselect(key="beside").set_value(["xquad", "user_parity"]).run()
    assert not app.exception
    assert url(app, "beside") == '["xquad", "user_parity"]'


def test_a_method_of_items_is_asked_for_the_people_who_lose(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("mitigate", data=here["data"], lists=here["lists"], act="lever", method="xquad", lever="1.0")
    assert app.selectbox(key="view_group").value == "gender"
    assert "women lose a hit" in headlines(app)[-1]
