"""The Report page and its slides: each control, and links that give the same view."""

from __future__ import annotations

from typing import Any

import pytest

from fairdash.jobs import kinds
from fairdash.report import kept
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, url
from tests.pages.conftest import words as told


@pytest.fixture
def compared(here: dict[str, Any]) -> dict[str, Any]:
    """The finished workspace with a comparison and an audit."""
    spec = {"groups": [{"attributes": ["gender"]}], "replicates": 50, "permutations": 50}
    workspace = Workspace(here["home"])
    sides = {"before": here["lists"], "after": here["after"]}
    made = kinds.run(workspace, "compare", {**sides, **spec}) | kinds.run(
        workspace, "audit", {"lists": here["lists"], **spec}
    )
    return {**here, **made}


def test_slides_are_turned_edited_and_left(compared: dict[str, Any], open_page: Open) -> None:
    app = open_page("report", comparison=compared["comparisons"], present="1")
    assert "view_comparison" not in {one.key for one in app.selectbox}
    first = app.title[0].value
    assert "people" in first
    assert app.button(key="slide-back").disabled
    titles = [first]
    while not app.button(key="slide-next").disabled:
        app.button(key="slide-next").click().run()
        assert not app.exception
        titles.append(app.title[0].value)
    assert len(set(titles)) == len(titles) >= 5
    assert url(app, "card") == "unknown"
    app.button(key="slide-back").click().run()
    assert app.title[0].value == titles[-2]
    next(one for one in app.toggle if one.label == "Notes").set_value(True).run()
    assert "interval" in told(app)
    next(one for one in app.toggle if one.label == "Edit").set_value(True).run()
    app.text_input(key="slide-title-decision").set_value("What shall we do?").run()
    assert app.title[0].value == "What shall we do?"
    workspace = Workspace(compared["home"])
    assert kept.read(workspace, "comparisons", compared["comparisons"]) == {"decision": {"title": "What shall we do?"}}
    again = open_page("report", comparison=compared["comparisons"], present="1", card="decision")
    assert again.title[0].value == "What shall we do?"
    again.button(key="slide-leave").click().run()
    assert again.title[0].value == "Report"
    assert "present" not in again.query_params


def test_the_report_page_makes_every_format_of_both_kinds(compared: dict[str, Any], open_page: Open) -> None:
    app = open_page("report", comparison=compared["comparisons"])
    app.segmented_control(key="of").set_value("audits").run()
    assert not app.exception
    assert app.selectbox(key="audit").value == compared["audits"]
    next(one for one in app.toggle if one.label == "Headings of EU law").set_value(True).run()
    assert not app.exception
    assert [button.proto.label for button in app.get("download_button")] == [
        "Page (HTML)", "Markdown", "Table (CSV)", "JSON",
    ]  # fmt: skip
    app.button(key="present").click().run()
    assert "people" in app.title[0].value
    again = open_page("report", **{name: url(app, name) for name in ("of", "present")})
    assert again.title[0].value == app.title[0].value
