"""Time: only what happened from one date to another counts; audits of one window after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fairdash
from fairdash import data
from fairdash.cli import EXIT_ERROR, main
from fairdash.data import ImportOptions, times, windows
from fairdash.errors import ConfigError

LOG = pd.DataFrame(
    [(f"u{u}", f"i{i}", f"2020-0{1 + i % 4}-1{u % 9}") for u in range(12) for i in range(8)],
    columns=["user_id", "item_id", "date"],
)
OPTIONS: dict[str, Any] = {"replicates": 20, "permutations": 20, "k": 3}


def csv(frame: pd.DataFrame) -> tuple[str, bytes]:
    return "log.csv", frame.to_csv(index=False).encode()


@pytest.fixture
def brought() -> dict[str, pd.DataFrame]:
    """Lists of January, February and March, of which people have one a month, and what was held out then."""
    rows = [
        (f"u{u}", f"i{(u + place + month) % 10}", place, f"2021-0{month}-0{1 + u % 5}")
        for month in (1, 2, 3) for u in range(15 + month) for place in (1, 2, 3)
    ]  # fmt: skip
    lists = pd.DataFrame(rows, columns=["user_id", "item_id", "rank", "date"])
    held = [(f"u{u}", f"i{(u + month + 2) % 10}", f"2021-0{month}-2{u % 8}") for month in (1, 2, 3) for u in range(12)]
    users = pd.DataFrame({"user_id": [f"u{u}" for u in range(20)], "gender": ["F", "M"] * 10})
    truth = pd.DataFrame(held, columns=["user_id", "item_id", "date"])
    return {"recommendations": lists, "truth": truth, "users": users}


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2020-02-01", "", {2, 3, 4}), ("", "2020-02-29", {1, 2}), ("2020-02", "2020-03", {2, 3}),
        ("2020", "2020", {1, 2, 3, 4}), ("2020-03-01T00:00", "2020-03-31", {3}),
    ],
)  # fmt: skip
def test_only_what_lies_within_counts(start: str, end: str, months: set[int]) -> None:
    dataset, findings = data.build(csv(LOG), options=ImportOptions(start=start, end=end))
    expected = LOG[LOG["date"].str[6].astype(int).isin(months)]
    assert len(dataset.interactions) == len(expected)
    (told,) = (finding for finding in findings if finding.key == "time_window")
    assert told.count == len(LOG) - len(expected)


def test_the_last_day_is_part_of_it_and_numbers_are_in_their_unit() -> None:
    day = np.array([0.0, 1.0, 2.0]) * 86400 + times.moment("2020-01-01")  # type: ignore[operator]
    assert times.within(day, "seconds", "", "2020-01-02", "x").tolist() == [True, True, False]
    assert times.within(day * 1000, "milliseconds", "2020-01-02", "", "x").tolist() == [False, True, True]
    assert times.within(np.array([1.0, 2.0, 3.0]), "number", "2", "3", "x").tolist() == [False, True, True]
    for unit, text in (("seconds", "soon"), ("number", "2020-01-31"), ("seconds", "2031")):
        with pytest.raises(ConfigError):
            times.within(day, unit, text, "", "x")


def test_a_time_without_a_column_of_times_is_refused() -> None:
    with pytest.raises(ConfigError, match="no column of times"):
        data.build(csv(LOG.drop(columns="date")), options=ImportOptions(start="2020"))


def test_held_out_rows_are_cut_at_every_door(
    brought: dict[str, pd.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = brought["recommendations"].query("date < '2021-02'").drop(columns="date")
    tables = {**brought, "recommendations": lists}
    cut = fairdash.audit(**tables, **OPTIONS, options=ImportOptions(start="2021-02", end="2021-02")).to_json()
    own = brought["truth"][brought["truth"]["date"].str.startswith("2021-02")]
    expected = fairdash.audit(**{**tables, "truth": own}, **OPTIONS).to_json()
    assert cut["overall"] == expected["overall"]
    given = []
    for name, frame in tables.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        given += [f"--{name}", str(tmp_path / f"{name}.csv")]
    more = ["--from", "2021-02", "--to", "2021-02", "--k", "3", "--replicates", "20", "--permutations", "20"]
    capsys.readouterr()
    assert main(["audit", *given, *more, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"] == cut["overall"]


def test_each_month_is_audited_as_if_alone(
    brought: dict[str, pd.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = fairdash.audits(**brought, window="month", groups=["gender"], **OPTIONS)
    assert list(found.parts) == ["2021-01", "2021-02", "2021-03"]
    for month, part in found.leaves.items():
        tables = {
            name: frame[frame["date"].str.startswith(month)].drop(columns="date") if "date" in frame else frame
            for name, frame in brought.items()
        }
        alone = fairdash.audit(**tables, groups=["gender"], **OPTIONS).to_json()
        assert part.to_json()["overall"]["ndcg"] == alone["overall"]["ndcg"]
        assert part.n_users == alone["n_users"]
    assert {"window", "n_users", "side", "metric", "value"} <= set(found.table.columns)
    given = []
    for name, frame in brought.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        given += [f"--{name}", str(tmp_path / f"{name}.csv")]
    more = ["--k", "2", "--k", "3", "--replicates", "20", "--permutations", "20", "--group", "gender"]
    capsys.readouterr()
    assert main(["audit", *given, *more, "--window", "month", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["by_window"]["2021-02"]["by_k"]["3"]["overall"] == found.leaves["2021-02"].to_json()["overall"]
    assert main(["audit", *given, *more, "--window", "month"]) == 0
    assert "2021-01, K = 2: 16 people; NDCG" in capsys.readouterr().out
    assert main(["audit", *given, *more, "--window", "fortnight"]) == EXIT_ERROR
    assert "month, week" in capsys.readouterr().err


def test_weeks_and_equal_parts(brought: dict[str, pd.DataFrame]) -> None:
    weeks = fairdash.audits(**{**brought, "truth": None}, window="week", **OPTIONS)
    assert list(weeks.parts)[:2] == ["2020-12-28", "2021-01-04"]
    thirds = fairdash.audits(**brought, window="3", **OPTIONS)
    assert [name[:2] for name in thirds.parts] == ["1:", "2:", "3:"]


def test_of_several_lists_in_a_window_the_latest_counts(brought: dict[str, pd.DataFrame]) -> None:
    lists = brought["recommendations"].query("date < '2021-02'")
    older = lists.assign(date="2021-01-01", item_id="i9" + lists["rank"].astype("str"))
    later = lists.assign(date="2021-01-20")
    both = {**brought, "recommendations": pd.concat([later, older], ignore_index=True)}
    found = fairdash.audits(**both, window="month", **OPTIONS).leaves["2021-01"].to_json()
    alone = fairdash.audits(**{**brought, "recommendations": later}, window="month", **OPTIONS).leaves["2021-01"]
    assert found["overall"]["ndcg"] == alone.to_json()["overall"]["ndcg"]


def test_lists_without_a_time_are_of_those_with_held_out_items(brought: dict[str, pd.DataFrame]) -> None:
    lists = brought["recommendations"].query("date < '2021-02'").drop(columns="date")
    found = fairdash.audits(**{**brought, "recommendations": lists}, window="month", **OPTIONS)
    assert [part.n_users for part in found.leaves.values()] == [12, 12, 12]
    bare = {name: frame.drop(columns="date", errors="ignore") for name, frame in brought.items()}
    with pytest.raises(ConfigError, match="Windows go by time"):
        fairdash.audits(**{**bare, "recommendations": lists}, window="month", **OPTIONS)


def test_a_run_folder_has_no_windows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert main(["train", "--dataset", "synthetic", "--recommender", "popularity", "--out", str(run)]) == 0
    for option in (["--window", "month"], ["--from", "2020"]):
        assert main(["audit", "--run", str(run), *option]) == EXIT_ERROR
        assert option[0] in capsys.readouterr().err


def test_a_number_of_windows_is_bounded_before_any_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    real = np.linspace
    monkeypatch.setattr(np, "linspace", lambda low, high, n: made.append(n) or real(low, high, n))
    with pytest.raises(ConfigError, match="at most 200"):
        windows.labels(np.arange(10.0), "numbers", str(10**9))
    assert max(made) <= windows.MOST + 1
