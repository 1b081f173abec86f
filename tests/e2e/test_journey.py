"""The main job in a browser: files → training → audit → mitigation → comparison, with the same numbers as headless."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from fairdash import data, words
from fairdash.ui import findings
from tests.e2e import steps
from tests.e2e.conftest import ROOT, WHOLE, Server

ML_100K = (ROOT / "../shared/data/ml-100k").resolve()
SMALL = {"epochs": 2, "width": 32, "length": 30}  # of the model, so that a test is short
STRENGTH = 0.5


@dataclass(frozen=True)
class Files:
    """What a person uploads, and what the page must say of it."""

    paths: tuple[Path, ...]
    people: int
    items: int
    interactions: int

    @property
    def arguments(self) -> list[str]:
        """The same files for the command line."""
        flags = ("--interactions", "--users", "--items")
        return [part for pair in zip(flags, map(str, self.paths), strict=True) for part in pair]


REAL = tuple(ML_100K / name for name in ("u.data", "u.user", "u.item"))  # may not be redistributed
AT_HAND = ["ml-100k"] if all(path.is_file() for path in REAL) else []


@pytest.fixture(scope="module", params=["synthetic", *AT_HAND] if WHOLE else AT_HAND or ["synthetic"])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Files:
    if request.param == "ml-100k":
        return Files(REAL, 943, 1682, 100_000)
    folder = tmp_path_factory.mktemp("files")
    dataset, _ = data.synthetic.make(n_users=250, n_items=120)
    for name in ("interactions", "users", "items"):
        getattr(dataset, name).to_csv(folder / f"{name}.csv", index=False)
    paths = tuple(folder / f"{name}.csv" for name in ("interactions", "users", "items"))
    return Files(paths, dataset.n_users, dataset.n_items, len(dataset.interactions))


def headless(server: Server, *arguments: Any) -> None:
    """Run the command line in the server's environment; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "fairdash", *map(str, arguments)],
        cwd=ROOT, env=server.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def visible(told: str) -> re.Pattern[str]:
    """The words as they stand on the page: whitespace may differ."""
    return re.compile(r"\s+".join(map(re.escape, told.split())))


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_from_files_to_a_comparison_with_the_numbers_of_the_command_line(
    server: Server, page: Page, files: Files, tmp_path: Path
) -> None:
    # Data: the files are recognised as they come.
    steps.visit(page, f"{server.url}/data?tab=upload")
    steps.upload(page, *files.paths)
    steps.shown(page, "Recognised interactions from")
    steps.counted(page, "People", f"{files.people:,}")
    steps.counted(page, "Items", f"{files.items:,}")
    steps.counted(page, "Interactions", f"{files.interactions:,}")
    # Under pseudonyms other samples are drawn than the command line draws, which keeps ids as they come.
    pseudonyms = page.get_by_test_id("stCheckbox").filter(has_text="Pseudonyms for people")
    pseudonyms.locator("label").first.click()
    expect(pseudonyms.get_by_role("checkbox")).not_to_be_checked()
    steps.press(page, "Keep this data set")
    steps.shown(page, "What they have")
    steps.counted(page, "Interactions", f"{files.interactions:,}")

    # Recommender: a small BERT, trained as a job.
    steps.visit(page, f"{server.url}/recommender?" + urlencode({f"set_bert_sequence_{k}": v for k, v in SMALL.items()}))
    steps.start(page, "Train")
    expect(page.get_by_role("link", name="Audit its lists")).to_be_visible()

    # Audit: what the page says is what the command line's audit says.
    run, audit_file = tmp_path / "run", tmp_path / "audit.json"
    settings = [part for pair in SMALL.items() for part in ("--set", f"{pair[0]}={pair[1]}")]
    headless(server, "train", *files.arguments, "--split", "user-time:0.8", *settings, "--out", run)
    headless(server, "audit", "--run", run, "--group", "gender", "--item-group", "popularity", "--out", audit_file)
    audit = json.loads(audit_file.read_text())
    page.get_by_role("link", name="Audit its lists").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(["Audit"])
    steps.shown(page, re.compile(r"among \d+ questions"))
    steps.select(page, "Groups of people", "gender")
    finding = page.get_by_role("heading", level=2).filter(has_text="NDCG@10")
    expect(finding).to_be_visible()
    expect(finding).to_have_text(visible(findings.sentence(audit, "gender", "ndcg")))
    steps.shown_in_picture(page, f"everyone {audit['overall']['ndcg']:.3f}")
    for group in audit["groups"]["gender"].values():
        steps.shown_in_picture(page, f"{group['ndcg']:.3f}")

    # Mitigate, then compare before and after.
    steps.visit(page, f"{server.url}/mitigate?" + urlencode({"strength_how": "hand", "strength": STRENGTH}))
    steps.start(page, "Mitigate")
    compare = page.get_by_role("link", name="Compare before and after")
    expect(compare).to_be_visible()
    before, after, comparison_file = tmp_path / "before.csv", tmp_path / "after.csv", tmp_path / "comparison.json"
    headless(server, "recommend", "--run", run, "--k", 10, "--scores", "--out", before)
    headless(server, "mitigate", "--run", run, "--method", "calibrate", "--group", "gender", "--strength", STRENGTH,
             "--k", 10, "--scores", "--out", after)  # fmt: skip
    headless(server, "compare", "--run", run, "--before", before, "--after", after, "--group", "gender",
             "--item-group", "popularity", "--k", 10, "--out", comparison_file)  # fmt: skip
    comparison = json.loads(comparison_file.read_text())
    compare.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(["Compare"])
    expect(page.get_by_role("link", name="Make a report")).to_be_visible()
    for sentence in (line for line in comparison["sentences"] if line.startswith(("Accuracy", "By gender", "Of "))):
        steps.shown(page, visible(sentence))
    for group in comparison["groups"]["gender"].values():
        row = group["ndcg"]
        steps.shown_in_picture(page, re.compile(re.escape(words.number(abs(row["difference"])))))

    # Report: the same comparison as one page.
    steps.go(page, "Report")
    framed = page.frame_locator('[data-testid="stIFrame"]')
    expect(framed.get_by_text(comparison["sentences"][0]).first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Page (HTML)").click()
    html = Path(download.value.path()).read_text()
    assert "<script" not in html
    assert comparison["sentences"][0] in html
    printed = page.context.new_page()
    printed.set_content(html)
    printed.emulate_media(media="print")
    expect(printed.locator("body > p:last-child")).to_be_hidden()  # alone it took a page
    made = printed.pdf(prefer_css_page_size=True)
    assert made.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", made)) > 1
