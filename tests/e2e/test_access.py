"""Every page for everybody: axe finds nothing serious in either theme and either language, at either width; keys turn
slides and move the lever; what pages then say is what the library says."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from fairdash import data, entries, words
from fairdash.jobs import kinds
from fairdash.mitigation.base import Mitigation
from fairdash.stages.explore import names_of
from fairdash.stages.lever import Lever
from fairdash.ui import levering, state
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.conftest import WHOLE, Server, watched

# What Streamlit's own widgets cause, by axe's name of the rule and what the node holds; there is no cure from outside.
STREAMLITS_OWN: tuple[tuple[str, str], ...] = ()
PARTS = (  # of pages, beside what each opens with
    "audit?more=spread&group=gender",
    "audit?more=items",
    "audit?more=time&group=gender",
    "audit?more=private&group=gender",
    "audit?view=people&group=gender",
    "explore?explore=flip",
    "explore?explore=why",
    "mitigate?act=lever",
    "mitigate?act=shortlist",
    "compare?sides=many",
    "data?tab=upload",
    "data?tab=storage",
    "recommender?how=runs",
    "recommender?how=view",
    "recommender?how=bring",
    "report?present=1&card=lever",
)
LOOKS = (("light", "en", 1280), ("dark", "zh", 390))  # rules go by theme, language or width, never by two of them
_FAULTS = """() => axe.run(document, {resultTypes: ['violations']}).then(found => found.violations
  .filter(one => ['serious', 'critical'].includes(one.impact))
  .flatMap(one => one.nodes.map(node => [one.id, node.html.slice(0, 300)])))"""
_WIDER = "() => document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"


@pytest.fixture(scope="module")
def finished(server: Server) -> dict[str, str]:
    """A comparison on a small made-up service; what a link to its view holds."""
    workspace = Workspace(server.home)
    dataset, _ = data.synthetic.make(n_users=150, n_items=80)
    stored = entries.put_dataset(workspace, dataset)
    groups = [asdict(spec) for spec in kinds.default_groups(dataset)[:1]]
    trained = kinds.run(workspace, "train", {"dataset": stored, "split": "user-time:0.8", "recommender": "ease"})
    mitigation = {"method": "calibrate", "groups": groups, "strength": 0.5}
    changed = kinds.run(workspace, "mitigate", {"run": trained["runs"], "mitigation": mitigation})
    sides = {"before": trained["lists"], "after": changed["lists"]}
    made = kinds.run(workspace, "compare", {**sides, "groups": groups})
    return {"data": stored, "lists": trained["lists"], "comparison": made["comparisons"], **sides}


def faults(page: Page) -> list[Any]:
    page.evaluate(AXE_SCRIPT)
    found: list[list[str]] = page.evaluate(_FAULTS)
    return [(rule, html) for rule, html in found
            if not any(rule == known and mark in html for known, mark in STREAMLITS_OWN)]  # fmt: skip


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_every_page_is_for_everybody(browser: Browser, server: Server, finished: dict[str, str]) -> None:
    shown = "&".join(f"{name}={value}" for name, value in finished.items())
    found: dict[tuple[str, ...], list[Any]] = {}
    for theme, language, width in LOOKS:
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=theme)  # type: ignore[arg-type]  # the two words
        page = context.new_page()
        page.set_default_timeout(steps.HANG_MS)
        told = watched(page)
        pages = ["" if name == "overview" else name for name in state.JOURNEY]
        parts = PARTS if WHOLE else PARTS[LOOKS.index((theme, language, width)) :: len(LOOKS)]
        for name in (*(f"{one}?" for one in pages), *(f"{one}&" for one in parts)):
            steps.visit(page, f"{server.url}/{name}{shown}&lang={language}")
            steps.rest(page)
            assert page.evaluate("document.documentElement.lang") == language
            wider = page.evaluate(_WIDER)
            found[theme, language, name] = [
                *faults(page),
                *([f"{wider} px wider than the screen"] if wider > 0 else []),
            ]
        assert not told
        context.close()
    assert not {where: what for where, what in found.items() if what}


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_slides_turn_by_keys_the_lever_moves_by_keys_and_pictures_hold_what_the_library_says(
    page: Page, server: Server, finished: dict[str, str]
) -> None:
    workspace, shown = Workspace(server.home), "&".join(f"{name}={value}" for name, value in finished.items())
    heading = page.get_by_role("heading", level=1)

    # Present: the arrow keys turn slides, Escape leaves them
    steps.visit(page, f"{server.url}/report?{shown}&present=1")
    first = heading.inner_text()
    page.keyboard.press("ArrowRight")
    expect(heading).not_to_have_text([first])
    steps.rest(page)
    page.keyboard.press("ArrowLeft")
    expect(heading).to_have_text([first])
    steps.rest(page)
    page.keyboard.press("Escape")
    expect(heading).to_have_text(["Report"])

    # the lever: what it says at the next strength is what the library says
    run, lists = entries.get_lists(workspace, finished["before"])
    group = kinds.default_groups(entries.get_dataset(workspace, finished["data"]))[0]
    steps.visit(page, f"{server.url}/mitigate?{shown}&act=lever&method=calibrate&lever=0.5&group={group.label}")
    page.get_by_role("slider").first.press("ArrowRight")
    at = Lever(run, Mitigation("calibrate", (group,)), 10, group).at(0.55)
    (told,) = levering.sentences(at, group)[:1]
    expect(page.get_by_role("heading", level=2).first).to_have_text(told)
    page.wait_for_url(re.compile("lever=0.55"))
    steps.rest(page)
    dot = page.locator(".lever [data-mark]").first
    number = str(dot.get_attribute("data-mark"))
    dot.dispatch_event("click")  # where dots lie close, the mouse would be on another
    page.wait_for_url(re.compile(f"who={number}\\b"))
    steps.shown(page, f"The list of person {number}")
    assert page.get_by_role("slider").first.get_attribute("aria-valuetext") == "0.55"

    # all lists: the row that is opened says how far its groups moved
    steps.visit(page, f"{server.url}/compare?{shown}&sides=many&row={finished['after']}")
    compared = json.loads((workspace.get("comparisons", finished["comparison"]).path / "comparison.json").read_text())
    for row in compared["groups"][group.label].values():
        steps.shown_in_picture(page, re.compile(re.escape(words.number(abs(row["ndcg"]["difference"])))))

    # Explore: a person's own list, and how much of it stays beside the mitigated one
    changed = entries.get_lists(workspace, finished["after"])[1]
    before, after = (one.items[0, :10].tolist() for one in (lists, changed))
    steps.visit(page, f"{server.url}/explore?{shown}&beside={finished['after']}")
    steps.shown(page, f"{len(set(before) & set(after))} of 10 stay")
    for item in before:
        steps.shown(page, str(names_of(run.split.training.items)[item]))
