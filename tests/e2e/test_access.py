"""Every page for everybody: axe finds nothing serious in either theme and either language, at either width."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from fairdash import data, entries
from fairdash.jobs import kinds
from fairdash.ui import state
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.conftest import Server

# What Streamlit's own widgets cause, by axe's name of the rule and what the node holds; there is no cure from outside.
STREAMLITS_OWN: tuple[tuple[str, str], ...] = ()
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
        for name in state.JOURNEY:
            steps.visit(page, f"{server.url}/{'' if name == 'overview' else name}?{shown}&lang={language}")
            page.wait_for_function("!document.querySelector('[data-testid=stProgress]')")
            steps.rest(page)
            assert page.evaluate("document.documentElement.lang") == language
            wider = page.evaluate(_WIDER)
            found[theme, language, name] = [
                *faults(page),
                *([f"{wider} px wider than the screen"] if wider > 0 else []),
            ]
        context.close()
    assert not {where: what for where, what in found.items() if what}
