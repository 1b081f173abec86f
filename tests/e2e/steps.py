"""What a person does on a page, in words; each step waits until the page has come to rest."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

HANG_SECONDS = 600.0  # every wait follows an event; its limit is only for what will never happen
HANG_MS = 1000 * HANG_SECONDS
TEST_SECONDS = 3 * HANG_SECONDS  # of a whole test, for `pytest.mark.timeout`
# Connected, the script has run, nothing of an earlier run stands there still, and pictures have been drawn.
AT_REST = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  const held = '[data-stale="true"], [data-testid="stSkeleton"], [data-testid="stSpinner"]';
  return app !== null
    && app.dataset.testScriptState === 'notRunning'
    && app.dataset.testConnectionState === 'CONNECTED'
    && document.querySelector(held) === null
    && [...document.querySelectorAll('.js-plotly-plot')].every(plot => plot.querySelector('.main-svg') !== null);
}"""
# Two frames later a rerun that this one asked for has begun, so rest that lasts is rest.
FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"


def until(true: Callable[[], object], what: str) -> None:
    """Until it is true, of something outside of the browser."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < HANG_SECONDS, f"still not so: {what}"
        time.sleep(0.05)


def rest(page: Page) -> None:
    """Until the script has run and what it drew stands still."""
    for _ in range(2):
        page.wait_for_function(AT_REST)
        page.evaluate(FRAMES)
    page.wait_for_function(AT_REST)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def visit(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_test_id("stMain").wait_for()
    rest(page)


def go(page: Page, title: str) -> None:
    """Follow the navigation."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=False).click()
    expect(page.get_by_role("heading", level=1)).to_have_text([re.compile(title, re.IGNORECASE)])
    rest(page)


def press(page: Page, name: str) -> None:
    page.get_by_test_id("stMain").get_by_role("button", name=name, exact=False).first.click()
    rest(page)


def start(page: Page, name: str) -> None:
    """Press a button that starts a job; the page then polls it and hardly comes to rest."""
    page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True).first.click()


def upload(page: Page, *files: Path) -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files([str(file) for file in files])
    rest(page)


def select(page: Page, label: str, option: str) -> None:
    """Choose in a select box."""
    page.get_by_test_id("stMain").get_by_role("combobox", name=label, exact=False).first.click()
    page.get_by_role("option", name=option, exact=False).first.click()
    rest(page)


def shown(page: Page, words: str | re.Pattern[str]) -> Locator:
    """The first place on the page that shows these words; waits for it."""
    found = page.get_by_test_id("stMain").get_by_text(words).first
    expect(found).to_be_visible()
    return found


def metric(page: Page, label: str) -> str:
    """The value below a metric's label."""
    box = page.get_by_test_id("stMain").get_by_test_id("stMetric").filter(has_text=label).first
    return box.get_by_test_id("stMetricValue").inner_text().strip()


def counted(page: Page, label: str, value: str) -> None:
    """The value below a metric's label becomes this one."""
    box = page.get_by_test_id("stMain").get_by_test_id("stMetric").filter(has_text=label).first
    expect(box.get_by_test_id("stMetricValue")).to_have_text(value)


def shown_in_picture(page: Page, words: str | re.Pattern[str]) -> None:
    """Some picture of the page shows these words."""
    expect(page.locator(".js-plotly-plot text").filter(has_text=words).first).to_be_attached()
