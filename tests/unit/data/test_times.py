"""Times of any sortable kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fairdash import data
from fairdash.data import ImportOptions, times
from fairdash.data.findings import Finding
from fairdash.errors import ConfigError
from fairdash.schema import Dataset


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
        (("Fri Aug 01 04:20:28 +0000 2014", "Sat Jun 07 01:51:53 -0700 2014"), "seconds"),
        (("07 Jun 2014, 01:51", "01 Aug 2014, 14:20"), "seconds"),
        (("Posted June 07, 2014.", "Posted August 01, 2014."), "seconds"),
        (("Edited Jan. 5, 2014", "Sept. 5, 2015"), "seconds"),
        (("2014年6月7日", "2014年12月1日"), "seconds"),
        (("10. Juli 2014, 08:51 Uhr", "2. August 2014, 11:55 Uhr"), "seconds"),
        (("mardi 3 juin 2014 à 8h51", "lundi 12 mai 2014 à 20h15"), "seconds"),
        (("3 июня 2014", "12 мая 2014"), "seconds"),
        (("2014年06月07日 08時51分", "2014年12月01日 20時15分"), "seconds"),
        (("20140607085153", "20141201201500"), "seconds"),
        (("1402131113000000", "1402131114000000"), "seconds"),
        (("1402131113000000000", "1402131114000000000"), "seconds"),
        (("2014-W07", "2014-W23"), "rank"),
        (("2014-W07-1", "2014-W23-7"), "seconds"),
        (("2013 Q4", "2014 Q1"), "rank"),
        (("3 days ago", "an hour ago"), "number"),
        (("Q3 2014", "Q4 2013"), "unknown"),
        (("a1b2", "c3d4"), "unknown"),
        (("morning", "evening"), "unknown"),
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
    assert "%d/%m/%Y would fit too" in _parse("03/04/2020", "05/06/2020").note
    assert "would fit too" not in _parse("03/04/2020", "05/26/2020").note


@pytest.mark.parametrize(
    "cell",
    [
        "2014-06-07T08:51:53Z",
        "Sat Jun 07 01:51:53 -0700 2014",
        "Sat, 07 Jun 2014 08:51:53 GMT",
        "June 7th, 2014 8:51:53 a.m.",
        "posted on 7 June 2014 at 08:51:53",
    ],
)
def test_one_moment_written_in_many_ways(cell: str) -> None:
    assert _parse(cell, cell).moments[0] == 1402131113.0


@pytest.mark.parametrize(
    ("written", "likely"),
    [("%y/%m/%d", "%y/%m/%d"), ("%d/%m/%y", "%d/%m/%y"), ("%d.%m.%y", "%d.%m.%y"), ("%y-%m-%d", "%y-%m-%d")],
)
def test_two_digits_for_the_year_are_asked_and_the_dates_that_lie_close_together_are_likely(
    written: str, likely: str
) -> None:
    days = pd.Series(pd.date_range("2014-05-12", periods=500, freq="20h")).dt.strftime(written).astype("str")
    assert times.parse(days).formats[0] == likely
    assert len(times.parse(days).formats) > 1


def test_how_long_ago_counts_back_and_clocks_of_the_east_are_read() -> None:
    assert _parse("3 days ago", "2 weeks ago").moments.tolist() == [-3 * 86400.0, -14 * 86400.0]
    assert _parse("2014年6月7日 8時51分", "2014年6月7日 8時52分").moments.tolist() == [1402131060.0, 1402131120.0]
    assert _parse("1402131113000000", "1402131114000000").moments.tolist() == [1402131113.0, 1402131114.0]


def test_no_time_written_as_0_is_no_first_of_january_1970() -> None:
    found = _parse("0", "1402131113", "-1", "1402131114")
    assert np.isnan(found.moments).tolist() == [True, False, True, False]
    assert found.unit == "seconds"


def test_formats_can_be_chosen() -> None:
    cells = pd.Series(["03/04/2020", "05/06/2020"], dtype="str")
    assert times.parse(cells).formats == ("%m/%d/%Y", "%d/%m/%Y")
    assert times.parse(cells, "%d/%m/%Y").moments[0] == pd.Timestamp("2020-04-03").timestamp()
    assert times.parse(pd.Series(["Q3 2014", "Q4 2013"], dtype="str"), "text").moments.tolist() == [0.0, 1.0]
    with pytest.raises(ConfigError, match=r"No time is written %Y!"):
        times.parse(cells, "%Y!")


def _built(rows: list[str], head: str = "timestamp", **options: object) -> tuple[Dataset, dict[str, Finding]]:
    text = "\n".join([f"user_id,item_id,{head}", *(f"u{n % 3},i{n},{cell}" for n, cell in enumerate(rows))])
    dataset, findings = data.build(("x.csv", text.encode()), options=ImportOptions(**options))  # type: ignore[arg-type]
    return dataset, {finding.key: finding for finding in findings}


def test_date_and_time_in_two_columns_are_joined() -> None:
    rows = [f"2014-06-{1 + n % 20:02},{n % 24:02}:30:00" for n in range(30)]
    dataset, _ = _built(rows, "date,time")
    expected = [pd.Timestamp(row.replace(",", "T")).timestamp() for row in rows]
    assert dataset.interactions["time"].tolist() == expected


def test_rows_without_a_time_are_asked_kept_or_left_out() -> None:
    rows = [f"2014-06-{1 + n:02}" if n % 2 else "" for n in range(20)]
    dataset, found = _built(rows)
    question = found["untimed_kept"].question
    assert question is not None
    assert (question.preselected, found["untimed_kept"].count) == ("yes", 10)
    assert len(dataset.interactions) == 20
    log = dataset.interactions.set_index("item_id")["time"]
    assert log["i0"] < log.drop([f"i{n}" for n in range(0, 20, 2)]).min()
    left, _ = _built(rows, keep_untimed=False)
    assert len(left.interactions) == 10


def test_text_that_is_no_date_gives_no_order_unless_chosen() -> None:
    rows = [f"Q{1 + n % 4} {2010 + n}" for n in range(12)]
    dataset, found = _built(rows)
    assert "time" not in dataset.interactions
    question = found["time_unknown"].question
    assert question is not None
    assert (question.preselected, question.option) == ("none", "--time-format")
    assert "time" in _built(rows, time_format="text")[0].interactions


def test_a_few_unreadable_times_are_missing() -> None:
    moments = _parse(*["100"] * 40, "soon").moments
    assert np.isnan(moments[-1])
    assert np.isfinite(moments[:-1]).all()


@pytest.mark.parametrize(
    ("morning", "evening"),
    [
        ("07/06/2023 10:30 a. m.", "07/06/2023 01:30 p. m."),
        ("2023/06/17 上午 10:30", "2023/06/17 下午 01:30"),
        ("2023. 06. 17. 오전 10:30", "2023. 06. 17. 오후 01:30"),
        ("17/Jun/2023:10:30:00 +0000", "17/Jun/2023:13:30:00 +0000"),
        ("2023-06-17 10:30:00 PST", "2023-06-17 16:30:00 EST"),
        ("/Date(1686997800000)/", "/Date(1687008600000+0200)/"),
    ],
)
def test_halves_of_the_day_and_zones_in_any_language_count(morning: str, evening: str) -> None:
    found = _parse(morning, evening, morning)
    scale = 1000 if found.unit == "milliseconds" else 1
    assert (np.diff(found.moments) / scale).tolist() == [3 * 3600.0, -3 * 3600.0]


def test_clocks_to_12_without_a_half_are_asked_about() -> None:
    cells = [f"{1 + n % 28:02d}.06.2023 {1 + n % 12:02d}:{n % 60:02d}" for n in range(120)]
    rows = "".join(f"u{n % 6},i{n % 20},3,{cell}\n" for n, cell in enumerate(cells))
    source = ("x.csv", f"user_id,item_id,rating,time\n{rows}".encode())
    _, found = data.build(source)
    asked = [f.question for f in found if f.question is not None]
    assert [(q.option, q.choices) for q in asked] == [("--time-format", ("%d.%m.%Y", "none"))]
    dataset, found = data.build(source, options=ImportOptions(time_format="%d.%m.%Y"))
    assert "time" in dataset.interactions
    assert not data.questions(found)
    assert not times.parse(pd.Series([cell.replace(" 01:", " 13:") for cell in cells], dtype="str")).halved


def test_a_zone_that_is_none_gives_no_time() -> None:
    cells = ["2020-02-01T10:00:00Z", "2020-02-01T10:00:00-05:30", "2020-02-01T10:00:00+99:00", "2020-02-01T10:00:00"]
    found = times.parse(pd.Series(cells, dtype="str")).moments
    assert np.isnan(found).tolist() == [False, False, True, False]
    assert found[1] - found[0] == 5.5 * 3600
    assert found[3] == found[0]
