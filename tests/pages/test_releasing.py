"""A private release is paid when its button is pressed, shown with its intervals, and given again at no cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairdash import budget, entries, settings, trail
from fairdash.cli import main
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, select, url, words

pytest.importorskip("opendp")


def test_a_release_is_paid_shown_and_refused_beyond_the_budget(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings, "PRIVACY_BUDGET", 1)
    view = {"data": here["data"], "lists": here["lists"], "group": "gender", "more": "private"}
    app = open_page("audit", **view, epsilon="1")
    assert "0 of ε = 1 are spent" in app.get("progress")[0].proto.text
    app.button(key="release").click().run()
    assert not app.exception
    assert not app.error, [box.value for box in app.error]
    (table,) = [one.value for one in app.dataframe if "n_low" in one.value]
    assert (table["n_low"] < table["n_high"]).all()
    workspace = Workspace(here["home"])
    file = entries.ledger(workspace, here["data"])
    assert budget.spent(file) == 1.0
    assert trail.read(workspace)[-1].what == "release"
    app.button(key="release").click().run()
    assert not app.error
    assert budget.spent(file) == 1.0
    select(app, key="released", mark=0)
    assert url(app, "view") == "people"
    # The command line asks the same of the same run: it is told the same, at no cost.
    run = workspace.get("runs", here["run"]).path
    asked = ["release", "--run", str(run), "--group", "gender", "--metric", "ndcg", "--k", "10", "--epsilon", "1"]
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["spent"] == 1.0
    assert [row["n"] for row in told["groups"]] == table["n"].tolist()
    app = open_page("audit", **view, epsilon="0.5")
    app.button(key="release").click().run()
    assert "left of this data's ε" in words(app).replace("\\", "")
    assert budget.spent(file) == 1.0
