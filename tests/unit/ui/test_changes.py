"""What the Compare page shows of a comparison, without the page."""

from __future__ import annotations

from typing import Any

import pytest

from fairdash.charts import TradePoint, trade_off
from fairdash.stages.compare import aim_title
from fairdash.ui import changes

ROW = {"before": 0.2, "after": 0.3, "difference": 0.1, "ci": [0.05, 0.15], "moved": True, "verdict": "fairer"}
TOLD = {"better": 0.5, "worse": 0.25, "equal": 0.25}


@pytest.fixture
def value() -> dict[str, Any]:
    """273 women, of whom 256 have a liked held-out item and 240 a history to be calibrated to."""
    women = {"n": 273, "n_with_truth": 256, "small": False, "ndcg": ROW, "miscalibration": ROW}
    counted = {"ndcg": {"n": 256, **TOLD}, "miscalibration": {"n": 240, **TOLD}}
    return {"k": 10, "groups": {"gender": {"F": women}}, "people": {"gender": {"F": counted}, "all": {"all": {}}}}


@pytest.mark.parametrize(("metric", "n"), [("ndcg", 256), ("miscalibration", 240)])
def test_pictures_side_by_side_are_of_the_same_people(value: dict[str, Any], metric: str, n: int) -> None:
    for shown in (changes.by_group(value, "gender", metric), changes.outcome(value, "gender", metric)):
        assert tuple(shown.figure.layout.yaxis.ticktext) == (f"F (n = {n})",)


def test_the_trade_off_of_a_gap_is_titled_as_one() -> None:
    points = [TradePoint("a", f"strength {s}", 0.1 - s / 20, 0.2 - s / 50) for s in (0, 1)]
    shown = trade_off(points, aim_title("ndcg", 10, ["gender"]), "NDCG@10")
    assert shown.figure.layout.xaxis.title.text == "Gap in NDCG@10 between groups of gender (left is fairer)"
