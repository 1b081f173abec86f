"""The gap in one window of the held-out part after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fairdash import charts
from fairdash.charts import Moment
from fairdash.data.brought import bring
from fairdash.data.given import given_split
from fairdash.errors import ConfigError
from fairdash.metrics.audit import from_split
from fairdash.metrics.catalogue import ACCURACY, FAMILIES
from fairdash.metrics.files import audits
from fairdash.metrics.inputs import lists_for
from fairdash.schema import UNKNOWN, USER_ID, GroupSpec, Lists, Split
from fairdash.stages.audit import AuditSpec
from fairdash.stages.over_time import over_time, ways
from fairdash.stages.people import ALL_BUT_FEW

PEOPLE = 240
DAY = 86_400
GROUPS = (GroupSpec(("gender",), (None,), 20),)
SPEC = AuditSpec(GROUPS, replicates=200, permutations=200)


def _tables() -> dict[str, pd.DataFrame]:
    """Men hit in January, nobody in February; in March there is but a handful of women."""
    people = np.arange(PEOPLE)
    month = np.where(people % 30 == 0, 2, people % 2)  # of people in fours: F, M, F, M
    gender = np.array(["F", "M"])[people // 2 % 2]
    hit = (month == 0) & (gender == "M")
    times = pd.Timestamp("2024-01-03").timestamp() + DAY * 31 * month + people * 60
    return {
        "recommendations": pd.DataFrame({"user_id": people, "item_id": 1, "rank": 1}),
        "truth": pd.DataFrame({"user_id": people, "item_id": np.where(hit, 1, 2), "timestamp": times.astype(int)}),
        "users": pd.DataFrame({"user_id": people, "gender": gender}),
    }


@pytest.fixture(scope="module")
def made() -> tuple[Split, Lists]:
    tables = _tables()
    brought = bring(tables["recommendations"], tables["truth"], tables["users"])
    _, split = given_split(brought)
    return split, lists_for(brought, "", split.training.users[USER_ID])[0]


def test_the_value_of_all_but_a_few_of_a_group_is_not_told() -> None:
    """With the value of all of them it would tell what those few have."""
    tables, people = _tables(), np.arange(PEOPLE)
    month = (people < 40) & (people // 2 % 2 == 1)  # 20 of 120 men, as it takes; of whom 10 come in January, too
    month[[2, 3, 6, 7, 10, 11, 14, 15, 18, 19]] = False
    times = pd.Timestamp("2024-01-03").timestamp() + DAY * 31 * month + people * 60
    tables["truth"] = tables["truth"].assign(timestamp=times.astype(int))
    brought = bring(tables["recommendations"], tables["truth"], tables["users"])
    _, split = given_split(brought)
    lists, _ = lists_for(brought, "", split.training.users[USER_ID])
    january, _ = over_time(split, lists, SPEC, "ndcg", "month")
    men, women = (january.audit["groups"]["gender"][name] for name in ("M", "F"))
    assert (men["n"], women["n"]) == (110, 120)
    assert "ndcg" in women
    assert {*men} == {"n", "n_with_truth", "small"}
    assert january.audit["undefined"]["groups.gender.M.ndcg"] == ALL_BUT_FEW


def test_each_window_is_of_those_with_held_out_items_in_it(made: tuple[Split, Lists]) -> None:
    split, lists = made
    assert ways(split) == ("month", "week", "4", "8", "12")
    january, february, march = over_time(split, lists, SPEC, "ndcg", "month")
    assert [one.name for one in (january, february, march)] == ["2024-01", "2024-02", "2024-03"]
    assert january.gap["pair"] == ["M", "F"]
    assert january.gap["gap"] == 1.0
    assert charts.verdict(january.gap) == "found"
    assert charts.verdict(february.gap) == "none"
    assert (march.people, charts.verdict(march.gap)) == (8, "undefined")
    assert march.reason
    assert [one.few for one in (january, february, march)] == [False, False, True]
    assert january.people == int((np.arange(PEOPLE) % 2 == 0).sum() - 8)


def test_the_page_has_the_windows_of_the_command_line(made: tuple[Split, Lists]) -> None:
    by_month = audits(**_tables(), groups=GROUPS, window="month", replicates=200, permutations=200)
    for window in over_time(*made, SPEC, "ndcg", "month"):
        row = by_month.to_json()["by_window"][window.name]["gaps"]["gender"]["ndcg"]
        assert [row[key] for key in ("gap", "ci", "p_value")] == [window.gap[key] for key in ("gap", "ci", "p_value")]


def test_a_window_is_of_any_metric_where_items_have_groups_too() -> None:
    items = pd.DataFrame({"item_id": [1, 2, 3], "maker": ["one", "two", None]})
    brought = bring(**_tables(), items=items)
    _, split = given_split(brought)
    lists = lists_for(brought, "", split.training.users[USER_ID])[0]
    makers = (GroupSpec(("maker",), (None,), 1),)
    whole = from_split(split, lists, groups=GROUPS, item_groups=makers, replicates=50, permutations=50).to_json()
    there = {name: ("exposure_share" in row) for name, row in whole["items"]["by_group"]["maker"].items()}
    assert there == {"one": True, "two": True, UNKNOWN: True}
    for name in FAMILIES:
        one = from_split(
            split, lists, groups=GROUPS, item_groups=makers, replicates=50, permutations=50, only=(*ACCURACY, name)
        ).to_json()
        for key, row in one["gaps"]["gender"].items():
            assert row["gap"] == whole["gaps"]["gender"][key]["gap"], (name, key)
        for maker, row in one["items"]["by_group"].get("maker", {}).items():
            assert row.items() <= whole["items"]["by_group"]["maker"][maker].items(), (name, maker)


def test_windows_need_times_and_a_metric_of_lists(made: tuple[Split, Lists]) -> None:
    split, lists = made
    timeless = replace(split, test=replace(split.test, time=np.zeros(len(split.test))))
    assert ways(timeless) == ()
    order = replace(split, test=replace(split.test, time=np.arange(len(split.test), dtype=float)))
    assert ways(order) == ("4", "8", "12")
    with pytest.raises(ConfigError, match="of the model"):
        over_time(split, lists, SPEC, "probe_auc", "month")


def test_a_window_without_a_gap_is_no_gap_of_nothing() -> None:
    told = [
        Moment("2024-01", 120, 0.2, 0.1, 0.3, 0.01, "found"),
        Moment("2024-02", None, None, verdict="few", reason="too few"),
    ]
    chart = charts.over_time(told, "NDCG")
    assert chart.table["gap"].isna().tolist() == [False, True]
    assert chart.table["people"].isna().tolist() == [False, True]
    crossed = next(trace for trace in chart.figure.data if trace.name == "too few people")
    assert crossed.y[0] < 0
    assert "2024-01" in chart.alt
    assert not len(charts.over_time(told[1:], "NDCG").table)
