"""Two servers on one workspace: each job is done once, both show it, and neither harms the other when it dies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from fairdash import data, doctor, entries
from fairdash.jobs import runner
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.conftest import Server

pytestmark = pytest.mark.timeout(steps.TEST_SECONDS)


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    home = tmp_path_factory.mktemp("shared")
    servers = Server(home), Server(home)
    for one in servers:
        one.start()
    yield servers
    for one in servers:
        one.kill()
    servers[0].stop_jobs()


def tab(browser: Browser, server: Server, query: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(steps.HANG_MS)
    steps.visit(page, f"{server.url}/{query}")
    return page


def test_jobs_of_both_are_done_once_and_shown_on_both(pair: tuple[Server, Server], browser: Browser) -> None:
    one, other = pair
    workspace = Workspace(one.home)
    stored = entries.put_dataset(workspace, data.synthetic.make(n_users=80, n_items=50)[0])
    query = f"recommender?data={stored}&how=train&recommender="
    first, second = tab(browser, one, f"{query}ease"), tab(browser, other, f"{query}ease")
    for page in (first, second):  # the same, asked of both
        steps.start(page, "Train")
    third = tab(browser, other, f"{query}popularity")
    steps.start(third, "Train")
    steps.until(lambda: [job.state for job in runner.table(workspace).all()] == ["done"] * 2, "both are done, once")
    for page in (first, second):
        expect(page.get_by_test_id("stMain")).to_contain_text("Audit")
    assert len(workspace.entries("runs")) == 2
    # One is killed while the other goes on: what is asked of it is done, and nothing is left half.
    one.kill()
    fourth = tab(browser, other, f"{query}random")
    steps.start(fourth, "Train")
    steps.until(lambda: len(workspace.entries("runs")) == 3, "it is trained")
    steps.until(lambda: not runner.table(workspace).active(), "it has ended")
    one.start()
    again = tab(browser, one, f"audit?data={stored}&lists={workspace.entries('lists')[0].digest}")
    expect(again.get_by_role("heading", level=1)).to_have_text(["Audit"])
    assert [ill.said for ill in doctor.examine(workspace)] == []
    for page in (first, second, third, fourth, again):
        page.context.close()
