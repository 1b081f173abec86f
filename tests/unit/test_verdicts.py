"""Numbers with bounds, of the benchmarks: what is beyond them is drawn again, and kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from scipy.stats import fisher_exact

from tests.bench import statistics, verdicts
from tests.bench.verdicts import Bounded, Draw, Numbers

DRAW = Draw(10, permutations=5)


@dataclass(frozen=True)
class Row:
    """Three columns: one is right, one is beyond its bounds by chance, one always."""

    title: str = "a row"
    asked: list[tuple[tuple[str, ...], Draw]] = field(default_factory=list)

    columns = ("right", "chance", "fault")

    def measure(self, columns: Sequence[str], draw: Draw) -> Numbers:
        self.asked.append((tuple(columns), draw))
        value = {"right": 0.05, "chance": 0.05 if draw.again else 0.07, "fault": 0.08}
        return {(column, "rejects"): Bounded(value[column], high=0.06) for column in columns}


def test_what_is_beyond_its_bounds_is_drawn_again() -> None:
    row = Row()
    found = verdicts.checks(row, DRAW)
    assert [columns for columns, _ in row.asked] == [row.columns, ("chance", "fault")]
    assert row.asked[1][1] == Draw(50, permutations=5, again=True)
    assert [one.mark for one in found] == ["", "~", "!"]
    assert str(found[2]) == "!0.080>0.080"
    told = list(verdicts.summary(found))
    assert told[1].split() == ["rejects", "3", "1", "1", "1"]
    assert [line.split() for line in told[2:]] == [
        ["Outside", "both", "times:", "1"],
        ["a", "row", "fault", "rejects", "!0.080>0.080"],
        ["Outside", "at", "first,", "inside", "when", "drawn", "again:", "1"],
        ["a", "row", "chance", "rejects", "~0.070>0.050"],
    ]


def test_bounds_hold_what_stands_on_them_and_what_is_not_there() -> None:
    assert Bounded(0.1 + 0.2, high=0.3).inside
    assert Bounded(math.nan, low=0.9).inside
    assert not Bounded(0.89, low=0.9).inside


def test_rows_that_are_kept_are_not_drawn_again(tmp_path: Path) -> None:
    kept, row = tmp_path / "found.jsonl", Row()
    first = list(verdicts.run([row], DRAW, kept=kept))
    assert list(verdicts.run([row], DRAW, kept=kept)) == first
    assert len(row.asked) == 2
    other = Row("another row")
    assert [found[0].row for found in verdicts.run([row, other], DRAW, kept=kept)] == ["a row", "another row"]
    assert len(row.asked) == 2
    assert list(verdicts.run([row], Draw(10, permutations=5, seed=1), kept=kept)) == first
    assert len(row.asked) == 4


@pytest.mark.parametrize("table", [(30, 3000, 36), (20, 200, 0), (8, 5, 12)])
def test_fishers_test_is_scipys(table: tuple[int, int, int]) -> None:
    first, second, hits = table
    found = statistics.fisher(*table)
    for mine in range(first + 1):
        other = hits - mine
        if 0 <= other <= second:
            expected = fisher_exact([[mine, first - mine], [other, second - other]]).pvalue
            assert found[mine] == pytest.approx(expected, rel=1e-9)
        else:
            assert math.isnan(found[mine])


def test_a_row_of_groups_has_all_its_numbers() -> None:
    row = statistics.Single((20, 200), "mrr", 0.3)
    found = row.measure(row.columns, Draw(3, permutations=40))
    assert row.columns == ("none", "0.461", "0.569", "0.676", "0.139", "0.031", "detectable")
    assert {criterion for column, criterion in found if column == "none"} == {"rejects", "excludes", "value", "gap"}
    assert ("detectable", "found") in found
    again = row.measure(("detectable",), Draw(3, permutations=40))
    assert list(again) == [("detectable", "found")]
