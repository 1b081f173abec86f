"""Groups below the minimum size, and of very few people: what is shown of them, in pictures, tables and the report."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairdash import charts, data, settings, words
from fairdash.metrics import audit as audits
from fairdash.schema import Groups, GroupSpec
from fairdash.stages import disclosure
from fairdash.stages.compare import compare_audits
from fairdash.stages.describe import SHOWN, describe
from fairdash.ui import changes, findings
from tests.conftest import report_of

SIZES = {"large": 40, "other": 30, "little": 9, "lone": 1}
DRAMA = {"large": 0.25, "other": 0.5, "little": 0.75, "lone": 1.0}  # of a list's items


def made() -> Any:
    """An audit of lists whose part of drama is as above; the minimum size is 20."""
    people = [(f"{name}{i}", name) for name, n in SIZES.items() for i in range(n)]
    items = [f"i{j}" for j in range(40)]
    lists = [(who, items[j if j < 4 * DRAMA[name] else 20 + j], j + 1) for who, name in people for j in range(4)]
    return audits.from_frames(
        recommendations=pd.DataFrame(lists, columns=["user_id", "item_id", "rank"]),
        truth=pd.DataFrame([(who, items[n % 5]) for n, (who, _) in enumerate(people)], columns=["user_id", "item_id"]),
        users=pd.DataFrame(people, columns=["user_id", "kind"]),
        items=pd.DataFrame({"item_id": items, "categories": ["Drama"] * 20 + ["Comedy"] * 20}),
        groups=[GroupSpec(("kind",))], k=4, replicates=50, permutations=20,
    )  # fmt: skip


@pytest.fixture(scope="module")
def audit() -> dict[str, Any]:
    return disclosure.withheld(made().to_json())


@pytest.fixture(scope="module")
def comparison() -> dict[str, Any]:
    one = made()
    return disclosure.withheld(compare_audits(one, one, names=("a", "b")).to_json())


def colours(chart: charts.Chart) -> dict[str, tuple[str, str]]:
    return {t.name: (t.marker.color, t.marker.symbol) for t in chart.figure.data if t.name}


def test_a_group_of_one_has_no_value_anywhere_and_keeps_its_size(audit: dict[str, Any]) -> None:
    assert set(audit["groups"]["kind"]["lone"]) == {"n", "n_with_truth", "small"}
    assert audit["undefined"]["groups.kind.lone.ndcg"] == words.WITHHELD
    assert "lone" not in audit["distributions"]["kind"]["ndcg"]["groups"]
    assert "ndcg" in audit["groups"]["kind"]["little"]


def test_the_stored_audit_stays_whole() -> None:
    raw = made().to_json()
    before = json.dumps(raw)
    disclosure.withheld(raw)
    assert json.dumps(raw) == before


def test_small_groups_are_grey_hollow_marked_and_set_no_order(audit: dict[str, Any]) -> None:
    for chart in (findings.categories(audit, "kind"), findings.selection(audit, "kind", "categories")):
        looks = colours(chart)
        assert list(looks)[2:] == ["little (n = 9) – too few", "lone (n = 1) – too few people to show"]
        assert looks["little (n = 9) – too few"] == (charts.GREY, charts.frame.SYMBOLS[2] + "-open")
        assert all(color != charts.GREY for color, _ in list(looks.values())[:2])
        line = chart.figure.layout.shapes[0]
        assert max(line.x0, line.x1) <= 100 * max(chart.table[chart.table.columns[1:3]].max())
        assert chart.table["lone (n = 1) – too few people to show"].isna().all()


def test_the_order_of_categories_is_that_of_the_groups_that_are_compared() -> None:
    rows = {"F": [0.3, 0.3, 0.4], "M": [0.3, 0.35, 0.35], "x": [0.9, 0.05, 0.05]}
    chart = charts.shares(["a", "b", "c"], rows, "share", aside={"x": "too few", "F": ""})
    assert chart.table["category"].tolist()[-1] == "a"
    alone = charts.shares(["a", "b"], {"x": [0.2, 0.8]}, "share", aside={"x": "too few"})
    assert alone.table["category"].tolist() == ["b", "a"]
    assert "Widest" not in alone.alt


def test_spread_and_values_set_small_groups_aside(audit: dict[str, Any]) -> None:
    for kind in ("cumulative", "shares", "violin"):
        chart = findings.distribution(audit, "kind", "ndcg", kind)
        names = [trace.name for trace in chart.figure.data]
        assert names[-1] == "little (n = 9) – too few"
        drawn = [trace.line.color for trace in chart.figure.data if trace.name == names[-1] and trace.line.color]
        assert drawn == [charts.GREY]
        assert not any("lone" in name for name in names)
    values = findings.by_group(audit, "kind", "ndcg")
    assert sum(len(trace.x) for trace in values.figure.data) == 3
    assert any(words.WITHHELD in note.text for note in values.figure.layout.annotations)
    notes = findings.value_table(audit, "kind").groupby("group")["note"].first()
    assert dict(notes) == {"large": "", "other": "", "little": "too few"}


def test_a_comparison_and_its_report_say_nothing_of_very_few(comparison: dict[str, Any]) -> None:
    for chart in (changes.by_group(comparison, "kind", "ndcg"), changes.outcome(comparison, "kind", "ndcg")):
        assert "lone (n = 1) 0" not in chart.alt
        lone = chart.table[chart.table["group"].str.contains("lone")]
        assert lone.drop(columns=["group", "n", "change"], errors="ignore").isna().all(axis=None)
    bars = changes.outcome(comparison, "kind", "ndcg").figure.data
    small = [list(changes.outcome(comparison, "kind", "ndcg").table["group"]).index("little (n = 9) – too few")]
    assert all(bar.marker.color[small[0]] == "rgba(0,0,0,0)" for bar in bars if bar.showlegend is False)
    assert words.WITHHELD in changes.categories(comparison, "kind", "lone").alt
    little = changes.categories(comparison, "kind", "little").figure.data
    assert {trace.marker.color for trace in little} == {charts.GREY}
    table = changes.group_rows(comparison, "kind")
    assert table[table["group"] == "little"]["note"].unique().tolist() == ["too few"]
    assert table[table["group"] == "lone"].empty
    row = report_of(comparison).partition("lone (n = 1)")[2].partition("</tr>")[0]
    assert words.WITHHELD in row
    assert row.count("<td>–</td>") == 7


def test_the_data_stage_tells_of_very_few_only_how_many_they_are() -> None:
    dataset, _ = data.synthetic.make(n_users=80, n_items=40)
    codes = np.array([0] * 3 + [1] * 40 + [2] * 37, dtype=np.int32)
    found = describe(dataset, [Groups("kind", ("lone", "a", "b"), codes)]).users["kind"]
    few = found.table.set_index("group").loc["lone"]
    assert few["people"] == 3
    assert few.drop(["people", "people_share"]).isna().all()
    assert found.categories[found.categories["group"] == "lone"]["share"].isna().all()
    assert found.activity[found.activity["group"] == "lone"][["people", "share"]].isna().all(axis=None)
    assert list(found.distance) == ["a", "b"]
    assert found.table.set_index("group").loc["a"].drop(list(SHOWN)).notna().all()  # SHOWN needs impressions


def test_the_fewest_that_are_shown_are_fewer_than_the_usual_minimum() -> None:
    assert 1 < settings.FEWEST < settings.MIN_GROUP_SIZE
    assert disclosure.aside("x", settings.FEWEST, True) == "too few"
    assert disclosure.aside("(unknown)", 50, False) == "unknown"
    assert disclosure.aside("x", settings.FEWEST - 1, False) == words.WITHHELD
