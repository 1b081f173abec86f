"""The Audit page shows a gap in one window of time after the other."""

from __future__ import annotations

from typing import Any

from tests.pages.conftest import Open
from tests.pages.conftest import words as told


def test_a_gap_has_a_view_over_time(here: dict[str, Any], open_page: Open) -> None:
    for way in ({}, {"window": "4"}):
        app = open_page("audit", lists=here["lists"], data=here["data"], more="time", group="gender", **way)
        assert "Above 0" in told(app)
