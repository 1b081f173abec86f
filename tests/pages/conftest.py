"""A workspace with a finished comparison on synthetic data, made once; and pages run against it without a browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from fairdash import data, entries
from fairdash.jobs import kinds, runner
from fairdash.workspace import Workspace

ROOT = Path(__file__).parents[2]
SHELL = ROOT / "fairdash" / "ui" / "shell.py"

Open = Callable[..., AppTest]
Saved = dict[str, Callable[[], bytes | str]]
HANG_SECONDS = 600.0  # waits follow an event; the limit is only for what will never happen


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Popularity trained, audited, calibrated and compared on a small made-up service: the folder and its entries."""
    root = tmp_path_factory.mktemp("finished")
    workspace = Workspace(root)
    dataset, _ = data.synthetic.make(n_users=150, n_items=80)
    stored = entries.put_dataset(workspace, dataset)
    groups = [asdict(spec) for spec in kinds.default_groups(dataset)[:1]]
    trained = kinds.run(workspace, "train", {"dataset": stored, "split": "user-time:0.8", "recommender": "ease"})
    mitigation = {"method": "calibrate", "groups": groups, "strength": 0.5}
    changed = kinds.run(workspace, "mitigate", {"run": trained["runs"], "mitigation": mitigation})
    return root, {"data": stored, "lists": trained["lists"], "after": changed["lists"], "run": trained["runs"]}


@pytest.fixture
def here(finished: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A copy of the finished workspace as this test's own."""
    root, entries = finished
    home = tmp_path / "home"
    shutil.copytree(root, home)
    monkeypatch.setenv("FAIRDASH_HOME", str(home))
    return {**entries, "home": home}


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace."""
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def open_page() -> Open:
    """Open a page by its name with a query, as a deep link does; it must end without an exception or an error box.
    with_tables: those beside pictures stand open."""

    def opened(name: str, *, errors: bool = False, with_tables: bool = False, **query: str) -> AppTest:
        app = AppTest.from_file(str(SHELL), default_timeout=HANG_SECONDS)
        app.query_params.update(query)
        app.switch_page(str(ROOT / "pages" / f"{name}.py"))
        app.run()
        if with_tables:
            open_tables(app)
        assert not app.exception, app.exception
        if not errors:
            assert not app.error, [box.value for box in app.error]
        return app

    return opened


def words(app: AppTest) -> str:
    """All text of a page, for looking in."""
    return "\n".join(str(part.value) for kind in ("title", "markdown", "caption", "info", "warning", "error", "success")
                     for part in getattr(app, kind))  # fmt: skip


def url(app: AppTest, name: str) -> str:
    """What the page's URL holds under a name."""
    held = app.query_params[name]
    return held if isinstance(held, str) else held[0]


def select(app: AppTest, *, key: str, rows: list[int] | None = None, mark: int | None = None) -> AppTest:
    """Choose rows of a table, or click a mark of a picture (by its place among the chart's keys), as a browser would
    tell it; AppTest has no way of its own."""
    places = app.dataframe if mark is None else app.get("plotly_chart")
    (one,) = [one for one in places if one.proto.id.endswith(f"-{key}")]
    chosen = {"rows": rows or [], "columns": [], "cells": []} if mark is None else {
        "points": [{"customdata": ["", mark]}], "point_indices": [], "box": [], "lasso": []}  # fmt: skip
    states = app._tree.get_widget_states()
    states.widgets.append(WidgetState(id=one.proto.id, string_value=json.dumps({"selection": chosen})))
    return app._run(states)


def open_tables(app: AppTest) -> AppTest:
    """Open the table beside every picture; they stay open."""
    keys = [re.search(r"icon-open-.*", one.proto.popover.id) for one in app.get("popover")]
    for key in keys:
        if key is not None:
            app.session_state[key[0]] = True
    return app.run()


def tell(app: AppTest, *, key: str, **told: Any) -> AppTest:
    """What a view of our own in the browser says: the name of the event and its value."""
    (one,) = [one for one in app.get("bidi_component") if one.proto.id.endswith(f"-{key}")]
    said = [{"event": event, "value": value} for event, value in told.items()]
    states = app._tree.get_widget_states()
    states.widgets.append(WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{one.proto.id}__events",
                                      json_trigger_value=json.dumps(said)))  # fmt: skip
    return app._run(states)


def told_to(app: AppTest, *, key: str) -> dict[str, Any]:
    """What a view of our own is given."""
    (one,) = [one for one in app.get("bidi_component") if one.proto.id.endswith(f"-{key}")]
    given: dict[str, Any] = json.loads(one.proto.json)
    return {**given, "view": json.loads(given["view"])}


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> Saved:
    """What each download button of the pages that are opened gives, by its key."""
    gives: Saved = {}
    real = st.download_button

    def button(label: str, data: Any, *rest: Any, key: str, **look: Any) -> bool:
        gives[key] = data if callable(data) else lambda: data
        return real(label, data, *rest, key=key, **look)

    monkeypatch.setattr(st, "download_button", button)
    return gives


@pytest.fixture
def at_once(here: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that a page asks for are done when it asks; nothing is left that changes by itself."""
    workspace = Workspace(here["home"])

    def submit(_: Workspace, kind: str, title: str, params: Mapping[str, Any]) -> str:
        job, table = runner.identify(kind, params), runner.table(workspace)
        table.enqueue(job, kind, title, params)
        table.claim_next(1, (kind,))
        table.finish(job, "done", result=kinds.run(workspace, kind, params))
        return job

    monkeypatch.setattr(runner, "submit", submit)
