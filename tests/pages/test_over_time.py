"""The Audit page shows a gap in one window of time after the other."""

from __future__ import annotations

from typing import Any

from tests.pages.conftest import Open, url
from tests.pages.conftest import words as told


def test_a_gap_has_a_view_over_time(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("audit", lists=here["lists"], data=here["data"], more="time", group="gender")
    assert "Above 0" in told(app)
    again = open_page("audit", lists=here["lists"], data=here["data"], more="time", group="gender", window="4")
    shown = next(frame.value for frame in again.dataframe if "window" in frame.value)
    assert len(shown) == 4
    assert "windows" in told(again)
    assert shown["window"].tolist() == sorted(shown["window"])
    assert url(again, "window") == "4"
