"""Many tests at once: twins, limits, and more shufflings for what is near the line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fairdash.metrics import audit, many_tests, shuffles
from fairdash.metrics.groups import Gap
from tests.unit.metrics.test_floor import people


def of_p(*p: float, draws: int = 999) -> dict[str, Gap]:
    return {f"m{i}": Gap(gap=0.1 + i, p_value=one, draws=draws) for i, one in enumerate(p)}


def test_twins_count_once() -> None:
    """Of four metrics two are the same: three tests, so that the smallest p is tripled."""
    twins = {name: Gap(gap=0.2 + error, p_value=0.01) for name, error in (("recall", 0.0), ("hit", 1e-17))}
    named = twins | {"ndcg": Gap(gap=0.1, p_value=0.04), "mrr": Gap(gap=0.1, p_value=0.5)}
    assert list(many_tests.adjusted(named).values()) == pytest.approx([0.03, 0.03, 0.08, 0.5])


def test_what_is_near_the_line() -> None:
    """Limits of five tests: 0.01, 0.0125, 0.0167, 0.025, 0.05. Of 999 shufflings 0, 10, 25 or 299 are beyond."""
    assert many_tests.undecided(of_p(0.001, 0.011, 0.026, 0.3, 0.5)) == {"m1"}
    assert many_tests.undecided(of_p(0.001, 0.011, 0.026, 0.3, 0.5, draws=0)) == set()
    # with 29 shufflings not even none beyond could pass
    assert many_tests.undecided(of_p(1 / 30, 0.3, 0.5, 0.6, 0.7, draws=29)) == {"m0"}
    # what follows one that does not pass cannot pass either
    assert many_tests.undecided(of_p(0.03, 0.031, 0.032, 0.033, 0.049)) == set()


def test_tests_that_cannot_pass_are_said() -> None:
    assert many_tests.too_few("g", of_p(0.001, 0.2, 0.3)) == []
    (said,) = many_tests.too_few("g", of_p(1 / 30, 0.2, 0.3, draws=29))
    assert said.startswith("g: 3 metrics are tested, so that with 29 shufflings m0 cannot pass the correction for all")
    assert said.endswith("it takes 60 or more.")


def test_more_are_drawn_for_what_is_near_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap that nobody could miss does not fail for the number of shufflings, and the same seed draws the same."""

    def made(**options: Any) -> audit.Audit:
        tables = people(0)
        far = tables["users"]["g"] == "a"
        lists = tables["recommendations"]
        hers = lists["user_id"].isin(tables["users"]["user_id"][far])
        tables["recommendations"] = lists[~hers | (lists["rank"] > 6)]  # one group loses its first six places
        return audit.from_frames(**tables, groups=["g"], k=8, relevance_threshold=1, replicates=20, **options)

    few = made(permutations=59)
    rows, gaps = few.to_json()["gaps"]["g"], few.found["g"]
    assert rows["ndcg"]["p_holm"] < 0.05
    assert gaps["ndcg"].draws > 59
    assert not any("shufflings" in line for line in few.to_json()["warnings"])
    assert made(permutations=59).to_json() == few.to_json()
    clear = [key for key, row in rows.items() if row["p_value"] is not None and row["p_value"] > 0.5]
    assert clear
    assert all(gaps[key].draws <= 59 for key in clear)
    monkeypatch.setattr(shuffles, "FURTHER_LABELS", 0)
    limited = made(permutations=59)
    assert limited.found["g"]["ndcg"].draws == 59
    assert any("with 59 and 236 shufflings" in line and "ndcg" in line for line in limited.to_json()["warnings"])


def test_a_p_value_does_not_depend_on_how_it_came_to_be_near() -> None:
    """p of some shufflings and of sixteen times as many are of one null."""
    given = {**people(3), "groups": ["g"], "k": 8, "relevance_threshold": 1, "replicates": 20}
    few, many = (audit.from_frames(**given, permutations=p).to_json()["gaps"]["g"] for p in (60, 4000))
    both = [(few[key]["p_value"], many[key]["p_value"]) for key in few if few[key]["p_value"] is not None]
    assert np.max(np.abs(np.diff(both, axis=1))) < 0.25
