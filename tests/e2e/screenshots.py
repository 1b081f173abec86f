"""Pictures of every page to look at: `python -m tests.e2e.screenshots OUT [HOME]`.

1280 × 800 and 390 px wide, light and dark. HOME is a workspace with a comparison; without one a small one is made on
synthetic data in a few minutes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from fairdash.entries import get_dataset
from fairdash.jobs import kinds
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.browser import launched
from tests.e2e.conftest import Server

VIEWS = {  # name → path and query; {lists}, {after} … stand for entries of the workspace
    "1-overview": "",
    "2-data": "data?tab=view",
    "2-data-catalogue": "data?tab=catalogue",
    "2-data-upload": "data?tab=upload",
    "3-recommender": "recommender?lists={lists}",
    "3-recommender-bring": "recommender?how=bring",
    "3-recommender-runs": "recommender?how=runs",
    "3-recommender-view": "recommender?lists={lists}&how=view",
    "4-audit": "audit?lists={lists}",
    "4-audit-spread": "audit?lists={lists}&more=spread&group=age",
    "4-audit-categories": "audit?lists={lists}&more=categories&group=gender",
    "4-audit-people": "audit?lists={lists}&view=people&group=gender",
    "4-audit-time": "audit?lists={lists}&more=time&group=gender",
    "4-audit-items": "audit?lists={lists}&more=items",
    "4-audit-model": "audit?lists={lists}&more=model&group=gender",
    "5-explore": "explore?lists={lists}",
    "5-explore-beside": "explore?lists={lists}&beside={after}&find=changed",
    "5-explore-flip": "explore?lists={lists}&explore=flip",
    "5-explore-why": "explore?lists={lists}&explore=why",
    "5-explore-tastes": "explore?lists={lists}&explore=tastes",
    "5-explore-feedback": "explore?lists={lists}&explore=feedback",
    "6-mitigate": "mitigate?lists={lists}&k=10",
    "6-mitigate-lever": "mitigate?lists={lists}&act=lever&lever=0.5",
    "6-mitigate-shortlist": "mitigate?lists={lists}&act=shortlist",
    "6-mitigate-done": "mitigate?lists={lists}&act=done",
    "7-compare": "compare?after={after}",
    "7-compare-many": "compare?lists={lists}&sides=many&row={after}",
    "8-report": "report?comparison={comparison}",
    "8-report-audit": "report?of=audits",
    "9-present-finding": "report?comparison={comparison}&present=1&card=finding",
    "9-present-people": "report?comparison={comparison}&present=1&card=people",
    "9-present-lever": "report?comparison={comparison}&present=1&card=lever",
    "9-present-decision": "report?comparison={comparison}&present=1&card=decision&notes=True",
    "guide": "guide",
    "guide-worked": "guide?part=worked",
}
SHAPES = {"wide": (1280, 800), "phone": (390, 844)}


def fill(workspace: Workspace) -> None:
    """A small finished comparison on synthetic data."""
    stored = kinds.run(workspace, "dataset", {"source": "synthetic"})["datasets"]
    dataset = get_dataset(workspace, stored)
    groups = [{"attributes": [a], "edges": [None], "min_size": 20} for a in ("gender",)]
    options = {"epochs": 8, "width": 64, "profile": "gender,age"}
    trained = kinds.run(workspace, "train", {"dataset": dataset.digest, "split": "user-time:0.8", "options": options})
    mitigation = {"method": "calibrate", "groups": groups, "item_group": None, "strength": None}
    changed = kinds.run(workspace, "mitigate", {"run": trained["runs"], "mitigation": mitigation})
    kinds.run(workspace, "compare", {"before": trained["lists"], "after": changed["lists"], "groups": groups})


def entries(workspace: Workspace) -> dict[str, str]:
    """What the views name."""
    lists = workspace.entries("lists")
    return {
        "lists": next(entry.digest for entry in lists if not entry.meta.get("mitigation")),
        "after": next(entry.digest for entry in lists if entry.meta.get("mitigation")),
        "comparison": workspace.entries("comparisons")[0].digest,
    }


def settle(page: Page) -> None:
    """Until nothing is being made any more and the pictures are drawn."""
    steps.rest(page)
    page.wait_for_function("!document.querySelector('[data-testid=stProgress]')")
    steps.rest(page)


def take(browser: Browser, server: Server, out: Path, known: dict[str, str], *, whole: bool = False) -> None:
    for theme in ("light", "dark"):
        for shape, (width, height) in SHAPES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]  # the two words
            page = context.new_page()
            page.set_default_timeout(steps.HANG_MS)
            for name, query in VIEWS.items():
                page.set_viewport_size({"width": width, "height": height})
                page.goto(f"{server.url}/{query.format(**known)}")
                page.get_by_test_id("stMain").wait_for()
                settle(page)
                if whole:
                    tall = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
                    page.set_viewport_size({"width": width, "height": min(int(tall) + 20, 6000)})
                    settle(page)
                page.screenshot(path=out / f"{name}-{shape}-{theme}.png")
            context.close()


def main(out: Path, home: Path | None, whole: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as fresh:
        home = home or Path(fresh)
        os.environ["FAIRDASH_HOME"] = str(home)
        workspace = Workspace(home)
        if not workspace.entries("comparisons"):
            fill(workspace)
        server = Server(home)
        server.start()
        try:
            with launched() as browser:
                take(browser, server, out, entries(workspace), whole=whole)
        finally:
            server.kill()


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--whole"]
    main(Path(given[0]), Path(given[1]) if len(given) > 1 else None, "--whole" in sys.argv)
