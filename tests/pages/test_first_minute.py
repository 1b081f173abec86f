"""The first minute: an example, three ways to begin, the tour; and the Guide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairdash.metrics.catalogue import METRICS
from fairdash.stages import example, feed
from fairdash.stages.disclosure import withheld
from fairdash.ui import guide, state, tour
from tests.pages.conftest import Open
from tests.pages.conftest import words as told


def links(app: Any) -> list[str]:
    return [one.proto.page for one in app.get("page_link")]


def test_an_empty_workspace_shows_a_marked_example_and_three_starts(nothing: Path, open_page: Open) -> None:
    app = open_page("overview")
    cards = feed.feed(withheld(example.read()), things="films")
    assert cards[0].plain in told(app).replace("\\", "")
    assert "Example: 400 made-up people" in told(app)
    assert app.button(key="run-demo")
    assert {"data", "recommender", "guide"} <= set(links(app))


def test_a_full_workspace_shows_its_own_steps(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("overview", data=here["data"])
    assert "Example" not in told(app)
    assert "1 data set" in told(app)


def test_the_tour_goes_through_six_pages_and_is_ended_for_good(nothing: Path, open_page: Open) -> None:
    app = open_page("overview")
    app.button(key="tour-start").click().run()
    assert "run the demo first" in told(app)  # else all six are empty
    assert "tour-offer" not in {button.key for button in app.button}
    assert len(tour.STEPS) == 6
    for place, page in enumerate(tour.STEPS, 1):
        shown = open_page(page)
        assert f"Tour, {place} of 6." in told(shown)
        if place < 6:
            assert list(tour.STEPS)[place] in links(shown)
    shown.button(key="tour-end").click().run()
    assert "Tour" not in told(open_page("data"))
    again = open_page("overview")
    assert "tour-refuse" not in {button.key for button in again.button}
    again.button(key="tour-start").click().run()
    assert "Tour" in told(again)


def test_the_tour_can_be_refused(nothing: Path, open_page: Open) -> None:
    app = open_page("overview")
    app.button(key="tour-refuse").click().run()
    assert "tour-refuse" not in {button.key for button in app.button}
    (nothing / "tour.json").write_text("[no")
    assert open_page("overview").button(key="tour-refuse")


@pytest.mark.parametrize("part", guide.PARTS)
def test_the_guide_opens_in_each_part(part: str, nothing: Path, open_page: Open) -> None:
    app = open_page("guide", part=part)
    assert app.segmented_control(key="part").value == part
    if part in guide.SIDES:
        shown = {expander.label for expander in app.expander}
        assert shown == {metric.title for metric in METRICS.values() if metric.side == part}
        assert "What they do not say" in told(app)


def test_the_guide_is_the_last_page() -> None:
    assert list(state.JOURNEY)[-1] == "guide"
