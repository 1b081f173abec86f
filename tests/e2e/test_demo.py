"""One click from nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import steps
from tests.e2e.conftest import Server


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_the_demo_goes_from_nothing_to_a_comparison(server: Server, page: Page) -> None:
    """Only that it starts and says where it is: the whole of it is the command line's own test."""
    steps.visit(page, server.url)
    steps.start(page, "Run the demo")
    expect(page.get_by_text("Demo on synthetic data").first).to_be_visible()
    expect(page.get_by_role("button", name="Cancel").first).to_be_visible()
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.get_by_text("The job was stopped").first).to_be_visible()
