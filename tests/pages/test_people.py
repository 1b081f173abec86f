"""The people behind a gap: what its controls do, that a link opens the same view, and that few are never told."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fairdash import entries, settings
from fairdash.jobs import kinds
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages import people as stage
from fairdash.stages.people import People
from fairdash.ui import parts
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, url
from tests.pages.conftest import words as told


def words(app: AppTest) -> str:
    """All text of a page as it is read, without the marks that keep it from being Markdown."""
    return told(app).replace("\\", "")


def people_of(here: dict[str, Any], k: int = 10) -> People:
    """What the library says of the lists in view, by gender."""
    run, lists = entries.get_lists(Workspace(here["home"]), here["lists"])
    return stage.by_attribute(stage.gather(run.split, lists, k), run.split, GroupSpec(("gender",)))


def values_of(app: AppTest) -> pd.DataFrame:
    """The table of the groups' values; a column in which nothing is told is not there."""
    return next(one.value for one in app.dataframe if "metric" in one.value)


def test_the_people_view_says_what_the_library_says(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("audit", lists=here["lists"], group="gender", view="people", metric="ndcg")
    made = people_of(here)
    ends = stage.widest(stage.parts(made, "ndcg"))
    assert ends is not None
    assert f"{ends[0].value:.3f}" in words(app)
    assert f"{ends[0].value - ends[1].value:.3f}" in words(app)
    table = values_of(app)
    assert next(iter(table["metric"])) == "NDCG@10"
    found = {part.name: part for part in stage.parts(made, "ndcg")}
    assert {name for name, part in found.items() if part.told} == {
        one.split(" (n")[0] for one in app.segmented_control(key="who").options
    }
    for name, part in found.items():
        assert table[name].tolist()[0] == pytest.approx(part.value) if part.told else name not in table
    worst = next(one.value for one in app.dataframe if "person" in one.value)
    name = app.segmented_control(key="who").value
    assert list(worst["person"]) == made.ids[stage.worst(made, "ndcg", name, 10)].tolist()
    app.segmented_control(key="people").set_value("typical").run()
    typical = next(one.value for one in app.dataframe if "person" in one.value)
    assert list(typical["person"]) == made.ids[stage.typical(made, "ndcg", name, 10)].tolist()
    assert url(app, "people") == "typical"


def test_a_brush_recomputes_everything_and_stands_in_the_link(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("audit", lists=here["lists"], group="gender", view="people", metric="arp")
    each = people_of(here).measures["arp"].each
    middle = round(float(np.nanmedian(each)), 3)
    app.number_input(key="brush-1").set_value(middle).run()
    low, high = json.loads(url(app, "brush"))[1:]
    made = people_of(here)
    found = stage.parts(made, "arp", stage.between(made, "arp", low, high))
    table = values_of(app)
    row = table[table["metric"] == "Popularity of lists"].iloc[0]
    for part in found:
        assert row.get(part.name, np.nan) == pytest.approx(part.value, nan_ok=True)
    again = open_page(
        "audit", lists=here["lists"], group="gender", view="people", metric="arp", brush=url(app, "brush")
    )
    assert again.number_input(key="brush-1").value == pytest.approx(middle)
    assert words(again) == words(app)
    app.number_input(key="brush-0").set_value(low + 0.001)
    app.number_input(key="brush-1").set_value(middle - 0.001).run()  # before the page came again
    assert json.loads(url(app, "brush"))[1:] == pytest.approx([low + 0.001, middle - 0.001], abs=1e-6)
    app.button(key="brush-off").click().run()
    assert "brush" not in app.query_params
    for bad in ("{", "[]", '["arp", 2, 1]', '["ndcg", 0, 1]', '["arp", "x", 1]'):
        mended = open_page("audit", lists=here["lists"], group="gender", view="people", metric="arp", brush=bad)
        assert "Of the people from" not in words(mended)


def test_few_brushed_people_have_no_value(here: dict[str, Any], open_page: Open) -> None:
    made = people_of(here)
    each = np.sort(made.measures["arp"].each[~np.isnan(made.measures["arp"].each)])
    few = json.dumps(["arp", float(each[0]), float(each[4])])
    app = open_page("audit", lists=here["lists"], group="gender", view="people", metric="arp", brush=few)
    assert "fewer than two groups can be told" in words(app)
    table = values_of(app)
    assert list(table.columns) == ["metric"]
    most = json.dumps(["arp", float(each[3]), float(each[-1])])
    app = open_page("audit", lists=here["lists"], group="gender", view="people", metric="arp", brush=most)
    assert "who would be told by subtraction" in words(app)
    app = open_page("audit", lists=here["lists"], group="gender", view="people", least="60")
    assert all(int(one.split("n = ")[1].rstrip(")")) >= 60 for one in app.segmented_control(key="who").options)
    app = open_page("audit", lists=here["lists"], group="gender", view="people", least="5")  # no smaller than usual
    assert all(int(one.split("n = ")[1].rstrip(")")) >= settings.MIN_GROUP_SIZE
               for one in app.segmented_control(key="who").options)  # fmt: skip
    assert "No group is large enough" in words(
        open_page("audit", lists=here["lists"], group="gender", view="people", least="100000")
    )


def test_a_person_leads_to_explore_and_back(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("audit", lists=here["lists"], group="gender", view="people")
    name = app.segmented_control(key="who").value
    made = people_of(here)
    other = str(made.ids[stage.shown(made, "ndcg", name)[-1]])
    again = open_page("audit", lists=here["lists"], group="gender", view="people", who=name, person=other)
    assert again.selectbox(key="person").value == other
    assert next(one.value for one in again.dataframe if "person" in one.value)["person"].tolist()[0] == other
    again.button(key="to-audit").click().run()
    assert "view" not in again.query_params
    for metric in ("category_divergence", "nothing", "everything"):
        app = open_page("audit", lists=here["lists"], group="gender", view="people", metric=metric)
        assert ("has no value for a single person" in words(app)) == (metric == "category_divergence")


def test_the_items_that_carry_a_gap_are_the_librarys(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("audit", lists=here["lists"], group="gender", view="people", people="items", metric="ndcg")
    made, run = people_of(here), entries.get_run(Workspace(here["home"]), here["run"])
    one, other = app.segmented_control(key="who").value, app.selectbox(key="versus").value
    found = stage.carriers(made, "ndcg", one, other)
    table = next(box.value for box in app.dataframe if "moves it by" in box.value)
    assert table["moves it by"].tolist()[:5] == pytest.approx(found["moved"].tolist()[:5])
    assert run.split.training.items["title"].iloc[int(found["item"][0])] in words(app)


def savable(made: People, run: Run) -> tuple[float, float]:
    """A range of precision of which nobody is told by subtraction."""
    for low, high in product(np.arange(0, 1, 0.1), np.arange(0, 1, 0.1)):
        mask = stage.between(made, "precision", low, high)
        found = stage.parts(made, "precision", mask)
        kept = np.any([made.member(part.name) & mask for part in found if part.told] or [mask & False], axis=0)
        if not stage.refusal(made, run.split, kept, {}):
            return float(low), float(high)
    raise AssertionError("no range can be saved")


def test_a_group_is_saved_looked_at_and_removed(here: dict[str, Any], open_page: Open) -> None:
    made, run = people_of(here), entries.get_run(Workspace(here["home"]), here["run"])
    low, high = savable(made, run)
    brush = json.dumps(["precision", low, high])
    query = {"lists": here["lists"], "group": "gender", "view": "people", "metric": "precision", "people": "save"}
    assert "Draw over a range of people first" in words(open_page("audit", **query))
    app = open_page("audit", **query, brush=brush)
    app.text_input(key="save-name").set_value("gender").run()
    assert "an attribute of that name already" in words(app)
    assert app.button(key="save-people").disabled
    app.text_input(key="save-name").set_value("the =mainstream").run()
    app.button(key="save-people").click().run()
    assert not app.exception
    saved = entries.saved_people(Workspace(here["home"]), here["lists"])
    assert list(saved) == ["the =mainstream"]
    assert url(app, "by") == "saved"
    assert app.segmented_control(key="who").value == "the =mainstream"
    again = open_page("audit", **query, brush=brush, by="gender")
    assert "These are the same people as the =mainstream." in words(again)
    audited = open_page("audit", **query)
    audited.button(key="audit-saved-0").click().run()
    assert audited.selectbox(key="view_group").value == "the =mainstream"
    assert "people not in “the =mainstream”" in words(audited)
    assert "a difference in what they were chosen by is no finding" in words(audited)
    value = kinds.read_audit(Workspace(here["home"]), newest(here["home"]))
    assert value["groups"]["the =mainstream"]["in it"]["n"] == len(saved["the =mainstream"])
    few = open_page("audit", lists=here["lists"], group="the =mainstream", least="100000")
    assert "people not in" not in words(few)  # the least size counts as for any attribute
    crossed = open_page("audit", lists=here["lists"], group="gender", cross="the =mainstream")
    assert crossed.selectbox(key="view_cross").value == "the =mainstream"
    both = kinds.read_audit(Workspace(here["home"]), newest(here["home"]))
    assert set(both["groups"]["gender × the =mainstream"]) >= {"woman × in it", "man × not in it"}
    anybody = open_page("audit", lists=here["lists"])
    assert "the =mainstream" not in words(anybody)  # the feed asks nothing of whom it was chosen by
    again.button(key="unsave-0").click().run()
    assert entries.saved_people(Workspace(here["home"]), here["lists"]) == {}


def newest(home: Path) -> str:
    """The audit that was made last of one way to group people."""
    return next(entry.digest for entry in Workspace(home).entries("audits") if not entry.meta["only"])


def test_clicks_and_boxes_reach_whom_they_concern() -> None:
    heard: list[Any] = []
    mark = {"points": [{"customdata": ["hint", 1]}], "box": []}
    parts.chosen(mark, ["a", "b"], heard.append, None)
    parts.chosen({"points": [{"customdata": ["hint", 7]}]}, ["a"], heard.append, None)  # no such key
    parts.chosen({"points": [{"x": 1}]}, ["a"], heard.append, None)  # a mark without meaning
    parts.chosen({"points": [], "box": []}, ["a"], heard.append, None)
    parts.chosen({"points": [], "box": [{"x": [0.6, 0.2], "y": [0, 1]}]}, [], None, heard.append)
    parts.chosen({"points": [], "box": []}, [], None, heard.append)
    assert heard == ["b", (0.2, 0.6), None]


def test_the_pictures_of_an_audit_are_drawn_on_the_page(here: dict[str, Any], open_page: Open) -> None:
    query = {"lists": here["lists"], "group": "gender"}
    found = words(open_page("audit", with_tables=True, **query, more="categories"))
    assert "What the lists are made of" in found
    assert "the group's own history" in found
    several = {**query, "group": "age", "more": "categories"}
    app = open_page("audit", **several)
    left, right = (app.selectbox(key=one).value for one in ("left", "right"))
    assert left not in app.selectbox(key="right").options
    other = next(one for one in app.selectbox(key="left").options if one not in (left, right))
    app.selectbox(key="left").set_value(other).run()
    assert not app.exception
    assert (url(app, "left"), app.selectbox(key="right").value) == (other, right)
    again = open_page("audit", **several, left=right, right=left)
    assert [again.selectbox(key=one).value for one in ("left", "right")] == [right, left]
    found = words(open_page("audit", **query, more="items", target="liked"))
    assert "How unequally items are shown" in found
    assert "Every gap in units of its interval" in found
    crossed = words(open_page("audit", with_tables=True, **query, cross="age"))
    assert "Hatched: too few people" in crossed
