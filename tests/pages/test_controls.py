"""Controls that no journey passes: each is worked, stands in the link, and changes what is on the page."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairdash.jobs import kinds, runner
from fairdash.ui import cards
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, url
from tests.pages.conftest import words as told


def test_groups_of_items_the_second_attribute_and_the_feed_of_the_audit(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "SHOWN", 1)
    app = open_page("audit", data=here["data"], lists=here["lists"], more="items")
    ways = app.selectbox(key="view_item_group").options
    assert len(ways) > 2
    tables = {}
    for way in range(len(ways)):
        app.selectbox(key="view_item_group").select_index(way).run()
        assert not app.exception, ways[way]
        assert not app.error, ways[way]
        tables[url(app, "item_group")] = [frame.value.to_csv() for frame in app.dataframe]
    assert len({json.dumps(one) for one in tables.values()}) == len(ways)  # none of them does nothing
    shown = sum(button.key.startswith("closer-") for button in app.button)
    app.button(key="all-cards").click().run()
    assert sum(button.key.startswith("closer-") for button in app.button) > shown
    app.selectbox(key="view_group").set_value("gender").run()
    app.selectbox(key="view_cross").set_value("age").run()
    assert not app.exception
    assert url(app, "cross") == "age"
    assert "gender × age" in told(app)
    app.button(key="see-people").click().run()
    assert (url(app, "view"), url(app, "cross")) == ("people", "age")


def test_the_tolerance_among_people(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("audit", data=here["data"], lists=here["lists"], group="gender", view="people")
    before = app.get("plotly_chart")[0].proto.spec
    app.number_input(key="tolerance").set_value(40).run()
    assert not app.exception
    assert url(app, "tolerance") == "40"
    assert app.get("plotly_chart")[0].proto.spec != before  # the band is wider


def test_the_group_whose_categories_are_compared_and_the_headings_of_a_report(
    here: dict[str, Any], open_page: Open
) -> None:
    view = {"groups": [{"attributes": ["gender"]}], "k": 10}
    sides = {"before": here["lists"], "after": here["after"]}
    made = kinds.run(Workspace(here["home"]), "compare", {**sides, **view})["comparisons"]
    app = open_page("compare", data=here["data"], **sides, group="gender", item_group="", compared="categories")
    for group in reversed(app.selectbox(key="category-group").options):
        app.selectbox(key="category-group").set_value(group).run()
        assert not app.exception
        assert url(app, "category-group") == group
    report = open_page("report", data=here["data"], comparison=made)
    assert "Annex IV" not in report.get("iframe")[0].proto.srcdoc
    report.toggle(key="frames").set_value(True).run()
    assert not report.exception
    assert "Annex IV" in report.get("iframe")[0].proto.srcdoc


def test_what_a_mitigation_protects_too_a_look_at_a_strength_and_a_batch(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(runner, "submit", lambda _, kind, title, params: asked.append(params) or "none")
    query = {"data": here["data"], "lists": here["lists"]}
    app = open_page("mitigate", **query, act="one", place="data", method="reweigh", group="gender")
    app.multiselect(key="also").set_value(["age"]).run()
    app.button(key="mitigate").click().run()
    assert [group["attributes"] for group in asked.pop()["mitigation"]["groups"]] == [["gender"], ["age"]]
    audit = {"groups": [{"attributes": ["gender"]}], "k": 10}
    kinds.run(Workspace(here["home"]), "audit", {"lists": here["lists"], **audit})
    advised = open_page("mitigate", **query, act="shortlist")
    free = [box.key for box in advised.checkbox if not box.disabled]
    assert advised.button(key="batch").disabled
    advised.checkbox(key=free[0]).check().run()
    advised.button(key="batch").click().run()
    assert not advised.exception
    assert [one["mitigation"]["method"] for one in asked] == [free[0].split("-", 2)[2]]


def test_what_a_search_looks_for(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("recommender", data=here["data"], how="search")
    for place in reversed(range(len(app.selectbox(key="objective").options))):
        app.selectbox(key="objective").select_index(place).run()
        assert not app.exception
        assert url(app, "objective") == app.selectbox(key="objective").value


def test_what_is_advised_does_not_hang_on_which_audit_was_looked_at_last(here: dict[str, Any], open_page: Open) -> None:
    workspace, query = Workspace(here["home"]), {"data": here["data"], "lists": here["lists"], "act": "shortlist"}
    everything = {"groups": [{"attributes": ["gender"]}], "item_groups": [{"attributes": ["popularity"]}]}

    def boxes() -> list[str]:
        return [box.label for box in open_page("mitigate", **query).checkbox]

    kinds.run(workspace, "audit", {"lists": here["lists"], **everything, "k": 10})
    before = boxes()
    assert before
    kinds.run(workspace, "audit", {"lists": here["lists"], "k": 10})  # without any groups
    assert boxes() == before
