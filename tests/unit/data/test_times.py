"""Times of any sortable kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fairdash.data import times


def _parse(*cells: str | None) -> times.Times:
    return times.parse(pd.Series(list(cells), dtype="str"))


@pytest.mark.parametrize(
    ("cells", "unit"),
    [
        (("881250949", "891717742"), "seconds"),
        (("1700000000000", "1700000000500"), "milliseconds"),
        (("0", "1", "57"), "number"),
        (("2003-01-31", "2003-02-01"), "seconds"),
        (("2003-01-31T10:00:00Z", "2003-01-31 11:00"), "seconds"),
        (("31.01.2003", "01.02.2003"), "seconds"),
        (("Feb 1, 2007", "Dec 4, 2007"), "seconds"),
        (("01-Jan-1995", "14-Feb-1996"), "seconds"),
        (("20030131", "20030201"), "seconds"),
        (("week 2", "week 10", "week 1"), "rank"),
    ],
)
def test_unit(cells: tuple[str, ...], unit: str) -> None:
    assert _parse(*cells).unit == unit


def test_dates_are_seconds_since_1970() -> None:
    assert _parse("1970-01-02", "1970-01-01T00:00:01").moments.tolist() == [86400.0, 1.0]
    assert _parse("31/12/1970", "01/01/1970").moments.tolist() == [364 * 86400.0, 0.0]


def test_texts_rank_as_people_count() -> None:
    assert _parse("week 2", "week 10", None, "week 1").moments[[0, 1, 3]].tolist() == [1.0, 2.0, 0.0]


def test_month_first_is_said_when_the_day_could_be_first() -> None:
    assert "day first would fit too" in _parse("03/04/2020", "05/06/2020").note
    assert "day first" not in _parse("03/04/2020", "05/26/2020").note


def test_a_few_unreadable_times_are_missing() -> None:
    moments = _parse(*["100"] * 40, "soon").moments
    assert np.isnan(moments[-1])
    assert np.isfinite(moments[:-1]).all()
