"""Explore with a recommender that scores candidates alone: what is none has no score, and the page says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairdash.jobs import kinds
from fairdash.recommenders import RECOMMENDERS
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, words

PLUGIN = Path(__file__).parents[1] / "plugin"


def test_items_that_are_no_candidates_are_named(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(PLUGIN)
    from toy_plugin.judge import INFO

    monkeypatch.setitem(RECOMMENDERS, INFO.name, INFO)
    asked = {"dataset": here["data"], "split": "user-time:0.8", "recommender": INFO.name}
    made = kinds.run(Workspace(here["home"]), "train", {**asked, "options": {"profile": "gender"}})
    app = open_page("explore", data=here["data"], lists=made["lists"])
    assert "Not among the candidates, so without a score" in words(app)
    assert len(app.dataframe[0].value) == 10
    app.segmented_control(key="explore").set_value("If they were someone else").run()
    assert not app.exception
    assert "of 10 items stay" in words(app)
    app.segmented_control(key="explore").set_value("Why").run()
    assert not app.exception
    assert not app.error
    app = open_page("explore", data=here["data"], lists=here["lists"])  # of a recommender of the whole catalogue
    assert "candidates" not in words(app)
