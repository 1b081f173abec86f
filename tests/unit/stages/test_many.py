"""Many lists against one baseline: cells, who is harmed, who is beaten, who moves; small by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fairdash.data import synthetic
from fairdash.data.split import split
from fairdash.mitigation.base import Mitigation
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages import disclosure, fit, many
from fairdash.stages.audit import AuditSpec
from fairdash.stages.compare import Made, compare
from fairdash.stages.many import Column
from fairdash.stages.mitigate import mitigate

GENDER = AuditSpec((GroupSpec(("gender",)),), k=10)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    dataset, _ = synthetic.make(n_users=150, n_items=80)
    parts = split(dataset, "user-time:0.8")
    return fit.train(parts, fit.TrainSpec("ease"), tmp_path_factory.mktemp("many") / "run")


def row(before: float, after: float, ci: tuple[float, float], verdict: str) -> dict[str, Any]:
    return {"before": before, "after": after, "difference": after - before, "ci": list(ci), "verdict": verdict}


def group(small: bool, ndcg: dict[str, Any]) -> dict[str, Any]:
    return {"n": 3 if small else 30, "n_with_truth": 30, "small": small, "ndcg": ndcg}


def test_a_row_is_the_two_sided_comparison(run: Run) -> None:
    """One audit a row and no shuffled labels give the numbers of the job."""
    lists = run.candidates("test").top(10)
    changed = mitigate(run, Mitigation("calibrate", strength=1.0), 10, retrain=None).lists  # type: ignore[arg-type]  # re-ranking trains nothing
    audits = [many.audited(run, one, GENDER, (lists, changed)) for one in (lists, changed)]
    value = many.against(*audits)
    made = (Made("before", run, lists, None), Made("after", run, changed, None))
    told = disclosure.withheld(compare(*made, GENDER).to_json())
    for gap in (*value["gaps"]["gender"].values(), *told["gaps"]["gender"].values()):
        gap.pop("above_before", None)  # what chance alone makes of a gap is asked of shuffled labels
        gap.pop("above_after", None)
    for part in ("overall", "groups", "gaps", "people"):
        assert value[part] == told[part], part
    found = {column.key: column for column in many.columns(value)}
    assert {"overall.ndcg", "gaps.ndcg.gender", "overall.miscalibration", "items.coverage"} <= found.keys()
    cell = many.cell(value, found["gaps.ndcg.gender"])
    assert cell.difference == told["gaps"]["gender"]["ndcg"]["difference"]
    assert many.cell(value, found["overall.ndcg"], baseline=True).value == told["overall"]["ndcg"]["before"]


def test_harmed_are_large_groups_beyond_their_interval() -> None:
    worse = row(0.3, 0.2, (-0.15, -0.05), "less accurate")
    value = {
        "groups": {
            "gender": {
                "F": group(False, worse),
                "M": group(False, row(0.3, 0.1, (-0.3, -0.1), "less accurate")),
                "X": group(True, worse),
                "(none)": group(False, row(0.3, 0.31, (-0.1, 0.1), "no change shown")),
            }
        }
    }
    assert [(one["group"], round(one["difference"], 3)) for one in many.harmed(value, ["ndcg"])] == [
        ("M", -0.2),
        ("F", -0.1),
    ]
    assert many.harmed(value, ["recall"]) == []


def test_who_is_beaten_by_hand() -> None:
    rows = {"a": [0.2, -0.1], "b": [0.2, -0.2], "c": [0.3, -0.3], "d": [0.2, -0.1], "e": [0.1, None]}
    assert many.dominated(rows) == {"b"}
    assert many.dominated({"a": [], "b": []}) == set()


def test_worth_is_nearness_where_the_fair_value_lies_in_the_middle() -> None:
    assert Column("overall", "ndcg").worth(0.2) == 0.2
    assert Column("gaps", "ndcg", "gender").worth(0.2) == -0.2
    assert Column("overall", "miscalibration").worth(0.2) == -0.2
    assert Column("overall", "popularity_lift").worth(-0.2) == Column("overall", "popularity_lift").worth(0.2) == -0.2
    assert Column("overall", "ndcg").worth(None) is None


def test_movers_are_of_groups_that_may_be_shown(run: Run) -> None:
    lists = run.candidates("test").top(10)
    turned = replace(lists, items=np.roll(lists.items, 1, axis=0))  # everybody has somebody else's list
    audits = [many.audited(run, one, GENDER, (lists, turned)) for one in (lists, turned)]
    lost, won = many.movers(*audits, run, "ndcg")
    assert 0 < len(lost) <= 5
    gender = run.split.training.users["gender"].tolist()
    for one in (*lost, *won):
        assert one.group == gender[one.user] in ("woman", "man")  # others are too few
    change = audits[1].tally.own.metrics["ndcg"] - audits[0].tally.own.metrics["ndcg"]
    known = np.isin(np.array(gender, dtype=object), ["woman", "man"]) & ~np.isnan(change)
    assert [round(one.after - one.before, 9) for one in lost] == sorted(change[known].round(9))[: len(lost)]
    assert all(one.after > one.before for one in won)


def test_movers_of_a_metric_that_is_better_lower_lose_by_rising(run: Run) -> None:
    lists = run.candidates("test").top(10)
    turned = replace(lists, items=np.roll(lists.items, 1, axis=0))
    audits = [many.audited(run, one, GENDER, (lists, turned)) for one in (lists, turned)]
    lost, _ = many.movers(*audits, run, "miscalibration")
    assert all(one.after > one.before for one in lost)
