"""People take turns: nobody waits for all that another one asked for, and sees none of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fairdash.errors import JobError
from fairdash.jobs import runner
from fairdash.jobs.table import Table
from fairdash.workspace import Workspace

ADA, BOB, EVE = "a" * 32, "b" * 32, "e" * 32
SHORT = ("audit",)


def asked(tmp_path: Path, *jobs: str) -> dict[str, Table]:
    """Jobs such as "a1" in this order, of the one whom the letter means; a kind may follow."""
    tables = {one[0]: Table(tmp_path / "jobs.sqlite", one) for one in (ADA, BOB, EVE)}
    for job in jobs:
        name, _, kind = job.partition(" ")
        tables[name[0]].enqueue(name, kind or "train", name, {})
        time.sleep(0.002)
    return tables


def served(tmp_path: Path, n: int) -> list[str | None]:
    """The next jobs, each ended before the one after it."""
    table, found = Table(tmp_path / "jobs.sqlite", None), []
    for _ in range(n):
        job = table.claim_next(1, SHORT)
        found.append(job)
        if job is not None:
            table.finish(job, "done", result={})
        time.sleep(0.002)
    return found


def test_who_asked_for_much_does_not_hold_up_the_others(tmp_path: Path) -> None:
    asked(tmp_path, "a1", "a2", "a3", "b1", "e1", "b2")
    assert served(tmp_path, 7) == ["a1", "b1", "e1", "a2", "b2", "a3", None]


def test_who_was_served_last_comes_last_though_asking_anew(tmp_path: Path) -> None:
    tables = asked(tmp_path, "a1", "b1")
    assert served(tmp_path, 1) == ["a1"]
    tables["a"].delete("a1")  # the turn was had all the same
    tables["a"].enqueue("a0", "train", "a0", {})
    tables["e"].enqueue("e1", "train", "e1", {})
    assert served(tmp_path, 3) == ["b1", "e1", "a0"]


def test_short_jobs_have_turns_of_their_own(tmp_path: Path) -> None:
    asked(tmp_path, "a1", "a2 audit", "b1 audit", "a3 audit", "b2")
    table = Table(tmp_path / "jobs.sqlite", None)
    assert [table.claim_next(1, SHORT) for _ in range(3)] == ["a1", "a2", None]
    table.finish("a2", "done", result={})
    assert table.claim_next(1, SHORT) == "b1"


def test_the_place_in_line_is_how_many_are_served_before(tmp_path: Path) -> None:
    tables = asked(tmp_path, "a1", "a2", "a3", "b1", "e1 audit")
    assert tables["a"].places(SHORT) == {"a1": 0, "a2": 2, "a3": 3}
    assert tables["b"].places(SHORT) == {"b1": 1}
    assert tables["e"].places(SHORT) == {"e1": 0}
    tables["a"].claim_next(1, SHORT)
    assert tables["b"].places(SHORT) == {"b1": 1}  # what runs comes before it, too
    assert tables["a"].places(SHORT) == {"a2": 2, "a3": 3}
    assert Table(tmp_path / "jobs.sqlite", None).places(SHORT) == {"b1": 1, "a2": 2, "a3": 3, "e1": 0}


def test_jobs_of_others_answer_like_unknown_ones(tmp_path: Path) -> None:
    tables = asked(tmp_path, "a1")
    tables["a"].claim_next(1)
    tables["a"].beat("a1", 0.1, "on", {"loss": 1.0})
    other = tables["b"]
    assert (other.get("a1"), other.all(), other.active(), other.curves("a1"), other.places()) == (None, [], [], {}, {})
    other.request_cancel("a1")
    other.delete("a1")
    other.enqueue("a1", "audit", "mine now", {})
    row = tables["a"].get("a1")
    assert row is not None
    assert (row.state, row.cancel, row.kind, row.owner) == ("running", False, "train", ADA)
    assert tables["a"].curves("a1") == {"loss": [(0.1, 1.0)]}
    tables["a"].finish("a1", "failed")
    other.enqueue("a1", "audit", "mine now", {})
    assert other.get("a1") is None


def test_the_same_request_of_two_people_is_two_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_start", lambda workspace, job: None)
    home = Workspace(tmp_path)
    jobs = [runner.submit(home.of(one), "dataset", "x", {"source": "synthetic"}) for one in (ADA, BOB)]
    assert jobs[0] != jobs[1]
    assert [job.id for job in runner.table(home.of(ADA)).all()] == [jobs[0]]
    with pytest.raises(JobError, match="no job"):
        runner.get(home.of(BOB), jobs[0])
    with pytest.raises(JobError, match="no job"):
        runner.cancel(home.of(BOB), jobs[0])


def test_a_job_works_in_the_workspace_of_whoever_asked(tmp_path: Path) -> None:
    home = Workspace(tmp_path)
    job = runner.submit(home.of(ADA), "dataset", "Synthetic", {"source": "synthetic"})
    while not runner.get(home.of(ADA), job).ended:
        runner.reap(home.of(BOB))  # whoever looks
        time.sleep(0.05)
    row = runner.get(home.of(ADA), job)
    assert row.state == "done", runner.read_log(home.of(ADA), job)
    assert row.result is not None
    assert home.of(ADA).has("datasets", row.result["datasets"])
    assert not home.of(BOB).entries("datasets")
    assert not home.entries("datasets")
    assert {path.name for path in tmp_path.iterdir()} <= {"people", "jobs.sqlite", "jobs.sqlite-wal", "jobs.sqlite-shm"}
