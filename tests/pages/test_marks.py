"""A click on a mark of a picture does what it promises, and the link says so."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairdash import charts, data, entries, settings
from fairdash.stages import people
from fairdash.ui import pictures
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, select, url
from tests.pages.conftest import words as told

OF_DATA = {"tab": "view", "group": "gender"}


def opened(here: dict[str, Any], open_page: Open, page: str, query: dict[str, str]) -> Any:
    named = {name: value.format(**here) for name, value in query.items()}
    return open_page(page, data=here["data"], lists=here["lists"], **named)


@pytest.mark.parametrize(
    ("key", "page", "query", "put"),
    [
        ("data-categories", "data", OF_DATA, "one"),
        ("data-activity", "data", OF_DATA, "one"),
        ("data-tail", "data", OF_DATA, "one"),
        ("represented", "data", {**OF_DATA, "shape-represented": "true", "stated_gender": "man=50"}, "one"),
        ("cuts-age", "data", {"group": "age", "cut_age": "30", "shape-cuts-age": "true"}, "cut_age"),
        ("items", "data", {**OF_DATA, "item_group": "creator_gender"}, "items_of"),
        ("carriers", "audit", {"group": "gender", "view": "people", "people": "items"}, "carrier"),
        ("over-time", "audit", {"group": "gender", "more": "time", "window": "4", "least": "2"}, "moment"),
        ("tastes", "explore", {"explore": "tastes"}, "category"),
        ("tastes-0", "explore", {"explore": "tastes"}, "category"),
        ("ribbons", "explore", {"beside": "{after}"}, "item"),
        ("why", "explore", {"explore": "why"}, "edit"),
        ("quality", "recommender", {"how": "view"}, "one"),
    ],
)
def test_a_mark_says_in_the_link_what_was_clicked(
    key: str, page: str, query: dict[str, str], put: str, here: dict[str, Any], open_page: Open
) -> None:
    app = opened(here, open_page, page, query)
    before, shown = app.query_params.get(put), told(app)
    select(app, key=key, mark=1)
    assert not app.exception
    assert not app.error
    assert url(app, put)
    assert app.query_params[put] != before
    assert told(app) != shown
    close = [button for button in app.button if button.key == f"close-{put}"]
    if close:
        close[0].click().run()
        assert put not in app.query_params
        assert told(app) == shown


@pytest.mark.parametrize(("key", "metric"), [("spread-metric", "ndcg"), ("spread-rank", "mrr")])
def test_a_mark_of_a_distribution_shows_the_people_who_lie_there(
    key: str, metric: str, here: dict[str, Any], open_page: Open
) -> None:
    app = opened(here, open_page, "audit", {"group": "gender", "metric": "ndcg", "more": "spread"})
    select(app, key=key, mark=0)
    assert not app.exception
    assert (url(app, "view"), url(app, "metric")) == ("people", metric)
    of, low, high = json.loads(url(app, "brush"))
    assert of == metric
    run, lists = entries.get_lists(Workspace(here["home"]), here["lists"])
    each = people.gather(run.split, lists, settings.K).measures[metric].each
    assert ((each >= low) & (each <= high)).any()
    assert low < high


def test_the_cells_of_a_distribution_hold_each_person_once() -> None:
    """Of a picture in shares; a cumulative curve reaches from the lowest value on."""
    groups = {"a": (40, (0.5, 0.25, 0.25)), "b": (4, (1.0, 0.0, 0.0))}
    shares = charts.distributions((0.0, 1.0, 2.0, 3.0), groups, "m", "shares", {"b": "too few"})
    cells = [json.loads(key) for key in shares.keys]
    assert {name for name, _, _ in cells} == {"a"}  # a group that is too small is not to be looked into
    for value in (0.0, 0.5, 1.0, 2.0, 3.0):
        assert sum(low <= value <= high for _, low, high in cells) == 1
    summed = charts.distributions((0.0, 1.0, 2.0, 3.0), groups, "m", "cumulative", {"b": "too few"})
    assert {json.loads(key)[1] for key in summed.keys} == {0.0}
    assert charts.distributions((0.0, 1.0), {"a": (40, (1.0,))}, "m", ranges=False).keys == ["a"]


def test_a_step_of_lorenz_curve_shows_its_items(here: dict[str, Any], open_page: Open) -> None:
    app = opened(here, open_page, "audit", {"group": "gender", "more": "items"})
    select(app, key="lorenz", mark=charts.STEPS - 1)
    assert not app.exception
    assert json.loads(url(app, "items_of")) == [pictures.STEP, str(charts.STEPS)]
    run, lists = entries.get_lists(Workspace(here["home"]), here["lists"])
    exposure, targets = people.exposure(people.gather(run.split, lists, settings.K))
    steps = [charts.on_step(exposure, targets["catalogue"], step) for step in range(1, charts.STEPS + 1)]
    assert sorted(np.concatenate(steps).tolist()) == list(range(run.split.training.n_items))
    table = next(one.value for one in app.dataframe if "part of exposure" in one.value and "lists" in one.value)
    assert len(table) == len(steps[-1])
    assert exposure[steps[-1]].min() >= exposure[steps[0]].max()


def test_the_groups_of_a_window_lead_to_their_people(here: dict[str, Any], open_page: Open) -> None:
    app = opened(here, open_page, "audit", {"group": "gender", "more": "time", "window": "4", "least": "2"})
    select(app, key="over-time", mark=1)
    select(app, key="moment-groups", mark=0)
    assert not app.exception
    assert url(app, "view") == "people"


@pytest.mark.parametrize(("key", "column"), [("live-values", "value"), ("live-gaps", "less the others")])
def test_a_mark_of_the_live_audit_shows_the_numbers_of_its_window(
    key: str, column: str, here: dict[str, Any], open_page: Open
) -> None:
    app = opened(here, open_page, "live", {"group": "gender", "going": "True"})
    select(app, key=key, mark=0)
    assert not app.exception
    (table,) = [one.value for one in app.dataframe if "less the others" in one.value]
    assert f"Window to {pd.Timestamp(url(app, 'moment')):%Y-%m-%d %H:%M}" in told(app).replace("\\", "")
    assert set(table["group"]) == {"man", "woman"}
    assert table[column].notna().any()


def test_what_people_were_shown_and_took_is_of_a_group_too(nothing: Any, open_page: Open) -> None:
    rows = "user_id,item_id,clicked\n" + "".join(
        f"u{u},i{i},{int((u + i) % 3 == 0)}\n" for u in range(60) for i in range(9)
    )
    users = "user_id,gender\n" + "".join(f"u{u},{'fm'[u % 2]}\n" for u in range(60))
    made, _ = data.build(("r.csv", rows.encode()), ("u.csv", users.encode()))
    app = open_page("data", data=entries.put_dataset(Workspace(nothing), made), **OF_DATA)
    select(app, key="data-taken", mark=0)
    assert not app.exception
    assert url(app, "one") in made.users["gender"].unique()
