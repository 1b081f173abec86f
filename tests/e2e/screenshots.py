"""Pictures of every page to look at: `python -m tests.e2e.screenshots OUT [HOME]`.

1280 × 800 and 390 px wide, light and dark, English and Chinese. HOME is a workspace with a comparison; without one a
small one is made on synthetic data in a few minutes. `--shapes`, `--themes`, `--languages` and `--views` take some of
them, `--whole` each page down to its foot.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Sequence
from itertools import product
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
    "2-data-storage": "data?tab=storage",
    "3-recommender": "recommender?lists={lists}",
    "3-recommender-options": "recommender?lists={lists}&more-bert_sequence=true",
    "3-recommender-search": "recommender?how=search",
    "3-recommender-bring": "recommender?how=bring",
    "3-recommender-own": "recommender?how=bring&bring=own",
    "3-recommender-runs": "recommender?how=runs",
    "3-recommender-view": "recommender?lists={lists}&how=view",
    "4-audit": "audit?lists={lists}",
    "4-audit-spread": "audit?lists={lists}&more=spread&group=age",
    "4-audit-categories": "audit?lists={lists}&more=categories&group=gender",
    "4-audit-people": "audit?lists={lists}&view=people&group=gender",
    "4-audit-crossed": "audit?lists={lists}&group=gender&cross=age",
    "4-audit-time": "audit?lists={lists}&more=time&group=gender",
    "4-audit-numbers": "audit?lists={lists}&more=numbers&group=gender",
    "4-audit-private": "audit?lists={lists}&more=private&group=gender",
    "4-audit-conventions": "audit?lists={lists}&more=conventions&group=gender",
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
    "7-compare-categories": "compare?after={after}&compared=categories",
    "7-compare-people": "compare?after={after}&compared=people",
    "7-compare-lever": "compare?after={after}&compared=lever",
    "7-compare-items": "compare?after={after}&compared=items",
    "7-compare-many": "compare?lists={lists}&sides=many&row={after}",
    "8-report": "report?comparison={comparison}",
    "8-report-audit": "report?of=audits",
    "9-present-finding": "report?comparison={comparison}&present=1&card=finding",
    "9-present-people": "report?comparison={comparison}&present=1&card=people",
    "9-present-lever": "report?comparison={comparison}&present=1&card=lever",
    "9-present-decision": "report?comparison={comparison}&present=1&card=decision&notes=True",
    "live": "live?data={data}&group=gender&source=made",
    "live-service": "live?data={data}&group=gender&source=service",
    "guide": "guide",
    "guide-worked": "guide?part=worked",
}
SHAPES = {"wide": (1280, 800), "phone": (390, 844)}
# A bar is drawn for a job, also for what a workspace holds.
NO_JOB = "!document.querySelector(':is([class*=st-key-job-], [data-testid=stSidebar]) [data-testid=stProgress]')"
THEMES = ("light", "dark")
LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}  # of the browser


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
        "data": workspace.entries("datasets")[0].digest,
    }


def settle(page: Page) -> None:
    """Until nothing is being made any more and the pictures are drawn."""
    steps.rest(page)
    page.wait_for_function(NO_JOB)
    steps.rest(page)


def take(browser: Browser, server: Server, known: dict[str, str], asked: argparse.Namespace) -> None:
    """A picture of each view that is asked for, in each of its looks."""
    views = {name: query for name, query in VIEWS.items() if re.search(asked.views, name)}
    for shape, theme, language in product(asked.shapes, asked.themes, asked.languages):
        width, height = SHAPES[shape]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, locale=LANGUAGES[language]
        )
        page = context.new_page()
        page.set_default_timeout(steps.HANG_MS)
        for name, query in views.items():
            page.set_viewport_size({"width": width, "height": height})
            page.goto(f"{server.url}/{query.format(**known)}")
            page.get_by_test_id("stMain").wait_for()
            settle(page)
            if asked.whole:
                tall = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
                page.set_viewport_size({"width": width, "height": min(int(tall) + 20, 6000)})
                settle(page)
            page.screenshot(path=asked.out / f"{name}-{shape}-{theme}-{language}.png")
        context.close()


def main(asked: argparse.Namespace) -> None:
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as fresh:
        home = asked.home or Path(fresh)
        os.environ["FAIRDASH_HOME"] = str(home)
        workspace = Workspace(home)
        if not workspace.entries("comparisons"):
            fill(workspace)
        server = Server(home)
        server.start()
        try:
            with launched() as browser:
                take(browser, server, entries(workspace), asked)
        finally:
            server.kill()


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--views", default="", help="a regular expression for their names")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--themes", nargs="+", choices=THEMES, default=list(THEMES))
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=list(LANGUAGES))
    return parser.parse_args(given)


if __name__ == "__main__":
    main(arguments())
