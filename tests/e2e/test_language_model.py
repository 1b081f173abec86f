"""The packaged language model from its prompt to an edited person: Recommender, Audit and Explore in one walk."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from fairdash import data, entries
from fairdash.recommenders.llm.reading import PACKAGE
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.conftest import Server

SHOTS = os.environ.get("FAIRDASH_SHOTS", "")  # a folder for pictures of what is seen on the way, to be looked at


def _picture(page: Page, name: str) -> None:
    if not SHOTS:
        return
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        steps.rest(page)
        page.screenshot(path=Path(SHOTS) / f"{name}-{width}.png", full_page=width == 390)
    page.set_viewport_size({"width": 1280, "height": 800})
    steps.rest(page)


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in (PACKAGE, "gguf")),
    reason="the packaged language model is not installed",
)
@pytest.mark.timeout(steps.TEST_SECONDS)
def test_a_packaged_language_model_is_asked_audited_and_asked_about_somebody_else(page: Page, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    dataset, _ = data.synthetic.make(n_users=60, n_items=40)
    stored = entries.put_dataset(workspace, dataset)
    server = Server(tmp_path)
    server.start()
    try:
        form = f"data={stored}&recommender=llm&profile=%5B%22gender%22%5D&set_llm_people=4&set_llm_n_candidates=3"
        steps.visit(page, f"{server.url}/recommender?{form}&set_llm_history=3")
        page.get_by_text("What it will be asked").click()
        prompt = page.get_by_test_id("stExpander").get_by_test_id("stCode").last
        expect(prompt).to_contain_text("They liked, the latest last")
        expect(prompt).to_contain_text("A person: ")
        _picture(page, "recommender")
        steps.start(page, "Train")
        steps.shown(page, "Explore one person")
        _picture(page, "trained")
        digest = workspace.entries("lists")[0].digest
        run, lists = entries.get_lists(workspace, digest)
        assert run.split.asked is not None
        assert int(run.split.asked.sum()) == 4
        steps.visit(page, f"{server.url}/audit?lists={digest}")
        expect(page.get_by_role("heading", level=1)).to_have_text(["Audit"])
        _picture(page, "audit")
        user = int(np.flatnonzero(run.split.asked)[0])
        person = str(run.split.training.users["user_id"].iloc[user])
        steps.visit(page, f"{server.url}/explore?lists={digest}&person={person}&beside=edited")
        _picture(page, "explore")
        best = str(run.split.training.items["title"].iloc[int(lists.items[user, 0])])
        expect(page.get_by_test_id("stMain")).to_contain_text(best)
        own = str(run.split.training.users["gender"].iloc[user])
        other = next(one for one in run.split.training.users["gender"].dropna().unique() if one != own)
        edit = json.dumps({"person": person, "without": [], "added": [], "told": {"gender": other}})
        steps.visit(page, f"{server.url}/explore?lists={digest}&person={person}&beside=edited&edit={edit}&editing=true")
        steps.shown(page, "Harmless rewording")
        _picture(page, "edited")
        steps.select(page, "gender", own)  # themselves again: nothing stands beside
        expect(page.get_by_test_id("stMain").get_by_text("Harmless rewording")).to_have_count(0)
    finally:
        server.kill()
        server.stop_jobs()
