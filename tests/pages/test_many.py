"""Compare: all lists of a test part in one table, and what is behind a row."""

from __future__ import annotations

import json
from typing import Any

from fairdash.jobs import kinds
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, url
from tests.pages.conftest import words as told


def test_all_lists_stand_in_one_table_and_a_row_opens(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    run = {"run": here["run"], "mitigation": {"method": "calibrate", "groups": [], "strength": 1.0}}
    harsh = kinds.run(workspace, "mitigate", run)["lists"]
    app = open_page("compare", data=here["data"], lists=here["lists"], sides="many")
    assert app.selectbox(key="pinned").value == here["lists"]
    shown = next(frame.value for frame in app.dataframe if "harmed" in frame.value)
    assert shown["name"].tolist()[0] == "ease"
    assert shown["harmed"].tolist()[0] == "baseline"
    assert len(shown) == 3
    assert all(one.startswith("data:image/svg+xml") for one in shown["overall.ndcg"])
    assert "beside ease" in told(app)
    for key in app.selectbox(key="sort").options:
        app.selectbox(key="sort").set_value(key).run()
        assert not app.exception, key
    app.selectbox(key="row").set_value(harsh).run()
    assert not app.exception
    assert url(app, "row") == harsh
    movers = next(frame.value for frame in app.dataframe if "person" in frame.value)
    assert set(movers["group"]) <= {"woman", "man"}
    app.selectbox(key="who").select_index(1).run()
    assert not app.exception
    assert sum("#" in frame.value for frame in app.dataframe) == 3
    app.toggle(key="undominated").set_value(True).run()
    assert not app.exception
    app.multiselect(key="columns").set_value(["overall.ndcg"]).run()
    assert json.loads(url(app, "columns")) == ["overall.ndcg"]
    kept = next(frame.value for frame in app.dataframe if "harmed" in frame.value)
    assert kept["name"].tolist()[0] == "ease"  # the baseline stays, whoever beats it
    app.multiselect(key="rows").set_value([harsh]).run()
    again = open_page("compare", **{name: url(app, name) for name in ("data", "rows", "columns", "row", "who")},
                      sides="many", pinned=here["lists"])  # fmt: skip
    assert again.multiselect(key="rows").value == [harsh]
    assert again.selectbox(key="row").value == harsh


def test_a_link_to_rows_that_are_not_there_is_no_fault(here: dict[str, Any], open_page: Open) -> None:
    for given in ("[", '["x"]', "7", "{}"):
        app = open_page("compare", data=here["data"], lists=here["lists"], sides="many", rows=given, columns=given,
                        sort=given, pinned=given, row=given, who=given)  # fmt: skip
        assert app.selectbox(key="pinned").value == here["lists"]
