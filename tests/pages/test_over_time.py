"""The Audit page shows a gap in one window of time after the other."""

from __future__ import annotations

from typing import Any

from fairdash.charts import Moment
from fairdash.ui import over_time
from tests.pages.conftest import Open
from tests.pages.conftest import words as told


def test_a_gap_has_a_view_over_time(here: dict[str, Any], open_page: Open) -> None:
    for way in ({}, {"window": "4"}):
        app = open_page("audit", lists=here["lists"], data=here["data"], more="time", group="gender", **way)
        assert "Above 0" in told(app)


def test_windows_that_count_on_their_own_alone_are_told_apart() -> None:
    def moments(*verdicts: str) -> list[Moment]:
        return [Moment("w", 50, 0.1, 0.0, 0.2, 0.5, verdict, "", "") for verdict in verdicts]

    told = over_time._sentence("NDCG", moments("none", "alone", "alone"), 0, 2)
    assert "found in 0 of 3 windows" in told
    assert "In 2 more it would count on its own alone" in told
    assert "alone" not in over_time._sentence("NDCG", moments("none"), 0, 0)
