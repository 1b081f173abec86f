"""The page Data: groups that a person cuts, merges and holds against shares that they state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fairdash import data, entries
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, url, words


def test_groups_are_cut_by_dragging_and_the_box_and_the_link_follow(here: dict[str, Any], open_page: Open) -> None:
    opened = {"shape-cuts-age": "true"}
    app = open_page("data", data=here["data"], group="age", cut_age="30, 50", **opened)
    assert [app.slider(key=f"drag-age-{i}").value for i in (0, 1)] == [30, 50]
    app.slider(key="drag-age-0").set_value(40).run()
    assert url(app, "cut_age") == "40, 50"
    assert app.text_input(key="view_cut_age").value == "40, 50"
    app.slider(key="drag-age-1").set_value(35).run()  # past the other one: they stay in order
    assert url(app, "cut_age") == "35, 40"
    app.number_input(key="n-cuts-age").set_value(1).run()
    assert url(app, "cut_age") == "35"
    app.number_input(key="n-cuts-age").set_value(3).run()
    assert len(url(app, "cut_age").split(",")) == 3
    assert not app.exception
    again = open_page("data", data=here["data"], group="age", cut_age=url(app, "cut_age"), **opened)
    assert again.slider(key="drag-age-2").value == app.slider(key="drag-age-2").value


def test_values_are_merged_into_a_version_that_is_then_in_view(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    dataset = entries.get_dataset(workspace, here["data"])
    spelled = np.where(np.arange(dataset.n_users) % 3 == 0, "f", dataset.users["gender"])
    stored = entries.put_dataset(workspace, replace(dataset, users=dataset.users.assign(gender=spelled)))
    app = open_page("data", data=stored, group="gender", **{"merge-gender": "true"})
    assert "These look like one value" in words(app)
    assert set(app.multiselect(key="merge_gender").value) == {"f", "woman"}  # as proposed
    app.multiselect(key="merge_gender").set_value(["f", "man"]).run()
    app.text_input(key="merged_gender").set_value("anybody").run()
    app.button(key="make-merged-gender").click().run()
    assert not app.exception
    made = entries.get_dataset(workspace, url(app, "data"))
    assert set(made.users["gender"].dropna()) == {"anybody", "woman", "non-binary"}
    assert made.provenance["merged"][0]["of"] == stored
    assert "merge_gender" not in app.query_params


def test_shares_that_are_stated_stand_beside_those_in_the_data(here: dict[str, Any], open_page: Open) -> None:
    opened = {"shape-represented": "true"}
    app = open_page("data", data=here["data"], group="gender", **opened)
    app.text_input(key="stated_gender").set_value("woman=90, man=10").run()
    assert "fewer than the stated 90.0 %" in words(app) or "more than the stated 10.0 %" in words(app)
    again = open_page("data", data=here["data"], group="gender", stated_gender="woman=90, man=10", **opened)
    assert "the stated" in words(again)
    app.text_input(key="stated_gender").set_value("woman=x").run()
    assert "is no share of a group" in app.error[0].value


def test_a_data_set_shows_what_its_repairs_did(here: dict[str, Any], open_page: Open) -> None:
    log = "user_id,item_id,rating,time\n" + "".join(
        f"u{u},i{i},{1 + (u + i) % 5},{i}\n" for u in range(60) for i in range(6)
    )
    people = "user_id,gender\n" + "".join(f"u{u},{('F', 'M', 'male')[u % 3]}\n" for u in range(60))
    made, _ = data.build(("r.csv", (log + "u1,i1,3,9\n").encode()), ("u.csv", people.encode()))
    app = open_page("data", data=entries.put_dataset(Workspace(here["home"]), made))
    tables = [frame.value for frame in app.dataframe if "cells changed" in frame.value]
    rows = tables[0].set_index("repair")
    assert rows.loc["Keep one row for each person and item", "interactions gone"] == 1
    assert rows.loc["Merge spellings of the same group", "values before → after"] == "gender 3 → 2"
