"""Pictures are worked in: a drawn range and a clicked dot say what the library says, a clicked mark sets the metric."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from fairdash import data, entries
from fairdash.jobs import kinds
from fairdash.schema import GroupSpec
from fairdash.stages import people as stage
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.conftest import Server


def asked(page: Page, name: str) -> str:
    """What the URL holds under a name, as soon as it does."""
    page.wait_for_url(re.compile(rf"[?&]{name}="))
    steps.rest(page)
    return parse_qs(urlsplit(page.url).query)[name][0]


def click(page: Page, key: str, mark: int) -> None:
    """Click the middle of a mark of a picture."""
    point = page.locator(f".st-key-{key} .scatterlayer path.point").nth(mark)
    point.scroll_into_view_if_needed()
    steps.rest(page)
    box = point.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(f".st-key-{key} .hoverlayer .hovertext")).to_have_count(1)  # plotly knows what is under it
    page.mouse.down()
    page.mouse.up()


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_a_range_is_drawn_a_dot_is_clicked_and_a_mark_sets_the_metric(page: Page, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    dataset, _ = data.synthetic.make(n_users=150, n_items=80)
    made = kinds.run(
        workspace,
        "train",
        {"dataset": entries.put_dataset(workspace, dataset), "split": "user-time:0.8", "recommender": "ease"},
    )
    run, lists = entries.get_lists(workspace, made["lists"])
    people = stage.by_attribute(stage.gather(run.split, lists, 10), run.split, GroupSpec(("gender",)))
    server = Server(tmp_path)
    server.start()
    try:
        steps.visit(page, f"{server.url}/audit?lists={made['lists']}&group=gender&view=people&metric=miscalibration")
        plot = page.locator(".st-key-people-dots .nsewdrag").bounding_box()
        assert plot is not None
        page.mouse.move(plot["x"] + 0.05 * plot["width"], plot["y"] + 20)
        page.mouse.down()
        page.mouse.move(plot["x"] + 0.5 * plot["width"], plot["y"] + 60, steps=4)
        page.mouse.up()
        metric, low, high = json.loads(asked(page, "brush"))
        assert metric == "miscalibration"
        found = [part for part in stage.parts(people, metric, stage.between(people, metric, low, high)) if part.told]
        for part in found:
            expect(page.get_by_text(f"{part.n} of {part.people} of {part.name}")).to_be_visible()
        page.get_by_role("radio", name="Click a person").click()
        asked(page, "hand")
        click(page, "people-dots", 3)
        person = people.row(asked(page, "person"))
        assert person is not None
        assert people.member(asked(page, "who"))[person]
        steps.press(page, "Back to the audit")
        page.locator(".st-key-strip .plot-container").wait_for()  # the audit has been made
        steps.rest(page)
        before = asked(page, "metric")
        click(page, "strip", 0)
        page.wait_for_function(f"new URLSearchParams(location.search).get('metric') !== {json.dumps(before)}")
        steps.rest(page)
        click(page, "by-group", 0)
        assert asked(page, "view") == "people"
    finally:
        server.kill()
        server.stop_jobs()
