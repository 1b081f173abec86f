"""A training outlives a reload, a closed tab and a killed server; the page finds it again, stops it, and resumes it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from fairdash import data, entries
from fairdash.jobs import runner
from fairdash.jobs.table import Job
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.conftest import Server

LONG = {
    f"set_bert_sequence_{name}": n for name, n in {"epochs": 400, "patience": 400, "width": 32, "length": 30}.items()
}


def training(server: Server) -> Job:
    return next(job for job in runner.table(Workspace(server.home)).all() if job.kind == "train")


def until(server: Server, true: Callable[[Job], bool]) -> Job:
    steps.until(lambda: true(training(server)), "what is awaited of the job")
    return training(server)


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_a_training_outlives_reload_tab_and_server(server: Server, page: Page, browser: Browser) -> None:
    dataset, _ = data.synthetic.make(n_users=200, n_items=100)
    stored = entries.put_dataset(Workspace(server.home), dataset)
    steps.visit(page, f"{server.url}/recommender?" + urlencode({"data": stored, **LONG}))
    steps.start(page, "Train")
    running = page.get_by_text(re.compile(r"Epoch \d+ of 400"))
    expect(running.first).to_be_visible()
    before = until(server, lambda job: job.done > 0.02)
    link = page.url

    page.reload()
    expect(running.first).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()  # what draws it is loaded, no file is cut off

    server.kill()
    again = until(server, lambda job: job.done > before.done)
    assert again.pid == before.pid  # the process went on while nobody served the pages
    server.start()
    other = browser.new_page()  # another person, by the link
    other.goto(link)
    expect(other.get_by_text(re.compile(r"Epoch \d+ of 400")).first).to_be_visible()
    assert runner.alive(training(server))

    until(server, lambda job: next(server.home.glob("runs/*/training/checkpoints/checkpoint-*"), None) is not None)
    other.get_by_role("button", name="Cancel").first.click()
    until(server, lambda job: job.cancel or job.ended)
    stopped = until(server, lambda job: job.ended)
    assert stopped.state == "cancelled"
    assert stopped.done < 1.0  # it did not go on to its end
    expect(other.get_by_text("The job was stopped").first).to_be_visible()

    other.get_by_role("button", name="Resume").click()
    resumed = until(server, lambda job: job.state == "running" and "Epoch" in job.message)
    assert resumed.pid != stopped.pid
    log = runner.read_log(Workspace(server.home), resumed.id).rpartition("Runs on")[2]
    assert int(re.findall(r"Epoch (\d+) of 400", log)[0]) > 1  # from its last checkpoint, not from nothing
    expect(other.get_by_text(re.compile(r"Epoch \d+ of 400")).first).to_be_visible()
    other.get_by_role("button", name="Cancel").first.click()
    until(server, lambda job: job.ended)
    other.close()


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_a_killed_worker_is_shown_as_lost_within_seconds(server: Server, page: Page) -> None:
    dataset, _ = data.synthetic.make(n_users=200, n_items=100)
    stored = entries.put_dataset(Workspace(server.home), dataset)
    steps.visit(page, f"{server.url}/recommender?" + urlencode({"data": stored, "seed": 7, **LONG}))
    steps.start(page, "Train")
    job = until(server, lambda job: job.state == "running" and job.done > 0.0)
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    expect(page.get_by_text("The process of this job is gone").first).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
