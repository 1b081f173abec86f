"""The demo ends where a person would look: every page opens on what is there, and says what was planted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairdash.data import sources, synthetic
from fairdash.jobs import kinds, runner
from fairdash.stages import planted
from fairdash.ui import state
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, url
from tests.pages.conftest import words as told


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[dict[str, Any]]]:
    """The demo on the made-up service, with a recommender that takes no minutes: workspace, result, trainings."""
    home, asked, train = tmp_path_factory.mktemp("demo"), [], kinds._train
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRDASH_HOME", str(home))

        def quick(workspace: Workspace, params: kinds.Params, progress: Any) -> kinds.Result:
            asked.append(dict(params))
            return train(workspace, {**params, "recommender": "ease", "options": {}}, progress)

        patch.setattr(kinds, "_train", quick)
        return home, kinds.run(Workspace(home), "demo", {"dataset": "synthetic"}), asked


def test_after_the_demo_no_page_starts_a_job(
    demo: tuple[Path, dict[str, Any], Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, result, _ = demo
    monkeypatch.setenv("FAIRDASH_HOME", str(home))
    asked: list[str] = []
    monkeypatch.setattr(runner, "submit", lambda _, kind, *rest: asked.append(kind) or pytest.fail(kind))
    for name in state.JOURNEY:
        app = open_page(name)
        assert app.sidebar.selectbox(key="view_lists").value == result["before"]  # what was found, before what was done
    assert asked == []
    page = open_page("compare")
    assert url(page, "comparison") == result["comparisons"]
    assert [page.selectbox(key=f"view_{side}").value for side in ("before", "after")] == [
        result["before"], result["after"],
    ]  # fmt: skip
    audit = open_page("audit", model="True")
    assert "women go on to like" in told(audit)
    assert "Women get" in told(open_page("audit", group="gender", metric="ndcg", model="True"))
    assert asked == []


def test_the_demo_treats_the_planted_gap_and_says_it_beside_what_was_found(
    demo: tuple[Path, dict[str, Any], Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, result, asked = demo
    monkeypatch.setenv("FAIRDASH_HOME", str(home))
    assert asked[0]["options"] == {"profile": "gender,age"}  # so that lists can react to who somebody is
    value = json.loads((home / "comparisons" / result["comparisons"] / "comparison.json").read_text())
    (aim,) = value["aims"]
    assert (aim["metric"], aim["attribute"], aim["verdict"]) == ("ndcg", "gender", "fairer")
    assert [row["planted"] for row in result["planted"]] == [fact.description for fact in synthetic.PLANTED]
    groups = kinds.read_audit(Workspace(home), result["audits"])["groups"]["gender"]
    assert f"women {groups['woman']['ndcg']:.3f}" in result["planted"][0]["found"]
    assert f"men {groups['man']['ndcg']:.3f}" in result["planted"][0]["found"]
    assert "not measured" not in result["planted"][4]["found"]  # films by women
    shown = told(open_page("overview")).replace("\\", "")
    assert result["planted"][0]["planted"] in shown
    assert result["planted"][0]["found"] in shown


def test_nothing_is_said_to_be_planted_in_data_that_was_not_made_up() -> None:
    assert sources.planted("movielens-100k") == sources.planted("synthetic-unbiased") == ()
    assert planted.beside((), []) == []
    assert planted.beside(synthetic.PLANTED, [])[0]["found"] == "not measured"
