"""Jobs are processes that outlive the one that started them, can be stopped, and are never lost silently."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fairdash.errors import JobError
from fairdash.jobs import runner
from fairdash.jobs.table import Job, Table
from fairdash.workspace import Workspace

SLOW = {"source": "synthetic"}  # a real, short job
HANG_SECONDS = 600.0  # waits follow an event; the limit is only for what will never happen


def wait(workspace: Workspace, job: str, until: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + HANG_SECONDS
    while time.monotonic() < deadline:
        runner.reap(workspace)
        row = runner.get(workspace, job)
        if until(row):
            return row
        time.sleep(0.05)
    pytest.fail(f"the job is still {runner.get(workspace, job)}: {runner.read_log(workspace, job)}")


def claimed(table: Table, pid: int, create_time: float, job: str = "a") -> None:
    table.enqueue(job, "dataset", "title", SLOW)
    assert table.claim_next(1) == job
    table.set_process(job, pid, create_time)


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])


def test_a_job_runs_in_its_own_process_and_leaves_its_result(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    job = runner.submit(workspace, "dataset", "Synthetic", SLOW)
    row = wait(workspace, job, lambda row: row.ended)
    assert row.state == "done", runner.read_log(workspace, job)
    assert row.pid != os.getpid()
    assert row.done == 1.0
    assert row.result is not None
    assert workspace.has("datasets", row.result["datasets"])


def test_the_same_request_is_the_same_job(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    first = runner.submit(workspace, "dataset", "Synthetic", SLOW)
    assert runner.submit(workspace, "dataset", "Synthetic again", dict(SLOW)) == first
    assert len(runner.table(workspace).all()) == 1
    wait(workspace, first, lambda row: row.ended)


def test_a_users_error_is_told_with_its_hint_and_can_be_tried_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    job = runner.submit(workspace, "dataset", "Nothing", {"source": "no-such-data"})
    row = wait(workspace, job, lambda row: row.ended)
    assert row.state == "failed"
    assert "no-such-data" in (row.error or "")
    assert row.hint
    runner.resume(workspace, job)
    assert not runner.get(workspace, job).ended
    assert wait(workspace, job, lambda row: row.ended).state == "failed"


def test_a_killed_worker_is_seen_at_the_next_look(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    table = runner.table(workspace)
    process = sleeper()
    import psutil

    claimed(table, process.pid, runner.born(psutil.Process(process.pid)))
    runner.reap(workspace)
    assert runner.get(workspace, "a").state == "running"
    process.send_signal(signal.SIGKILL)
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:  # and stays one, as under a server that runs
        time.sleep(0.01)
    runner.reap(workspace)
    row = runner.get(workspace, "a")
    assert row.state == "lost"
    assert row.hint is not None
    assert "Resume" in row.hint
    process.wait()


def test_another_process_with_the_same_number_is_not_the_worker(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    claimed(runner.table(workspace), os.getpid(), create_time=1.0)
    runner.reap(workspace)
    assert runner.get(workspace, "a").state == "lost"


def test_one_runs_and_the_others_wait_in_order(tmp_path: Path) -> None:
    table = runner.table(Workspace(tmp_path))
    for name in ("a", "b", "c"):
        table.enqueue(name, "dataset", name, SLOW)
        time.sleep(0.002)
    assert table.claim_next(1) == "a"
    assert table.claim_next(1) is None
    table.finish("a", "done", result={})
    assert table.claim_next(1) == "b"
    assert table.get("c").state == "queued"  # type: ignore[union-attr]  # it was enqueued above


def test_a_short_job_does_not_wait_for_a_long_one(tmp_path: Path) -> None:
    table = runner.table(Workspace(tmp_path))
    for name, kind in (("a", "train"), ("b", "train"), ("c", "audit"), ("d", "audit")):
        table.enqueue(name, kind, name, {})
        time.sleep(0.002)
    assert [table.claim_next(1, ("audit",)) for _ in range(3)] == ["a", "c", None]
    table.finish("c", "done", result={})
    assert table.claim_next(1, ("audit",)) == "d"
    table.finish("a", "done", result={})
    assert table.claim_next(1, ("audit",)) == "b"


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_told(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    table = runner.table(workspace)
    table.enqueue("a", "dataset", "a", SLOW)
    table.enqueue("b", "dataset", "b", SLOW)
    assert table.claim_next(1) == "a"
    runner.cancel(workspace, "b")
    assert runner.get(workspace, "b").state == "cancelled"
    assert table.beat("a", 0.1, "on", {}) is False
    runner.cancel(workspace, "a")
    assert table.beat("a", 0.2, "on", {"loss": 1.5}) is True
    assert table.curves("a") == {"loss": [(0.2, 1.5)]}


def test_what_ended_keeps_its_end(tmp_path: Path) -> None:
    table = runner.table(Workspace(tmp_path))
    table.enqueue("a", "dataset", "a", SLOW)
    table.claim_next(1)
    table.finish("a", "done", result={"datasets": "x"})
    table.finish("a", "lost", error="late")
    row = table.get("a")
    assert row is not None
    assert (row.state, row.error, row.result) == ("done", None, {"datasets": "x"})


def test_remaining_time_counts_what_this_process_earned(tmp_path: Path) -> None:
    table = runner.table(Workspace(tmp_path))
    table.enqueue("a", "dataset", "a", SLOW)
    table.claim_next(1)
    table.beat("a", 0.5, "from a checkpoint", {})
    row = table.get("a")
    assert row is not None
    assert row.remaining is None
    table.beat("a", 0.75, "", {})
    row = table.get("a")
    assert row is not None
    assert row.message == "from a checkpoint"
    assert row.remaining == pytest.approx(row.elapsed, rel=0.2, abs=0.05)


def test_an_unknown_job_says_so(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="no job"):
        runner.get(Workspace(tmp_path), "nowhere")


def test_points_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    table = runner.table(Workspace(tmp_path))
    table.enqueue("a", "train", "a", {})
    table.claim_next(1)
    table.beat("a", 0.1, "on", {"loss": float("nan"), "accuracy": 0.5, "gap": float("inf")})
    assert table.curves("a") == {"accuracy": [(0.1, 0.5)]}


def test_curves_of_a_resumed_job_never_run_back(tmp_path: Path) -> None:
    table = runner.table(Workspace(tmp_path))
    table.enqueue("a", "train", "a", {})
    table.claim_next(1)
    for done, loss in ((0.1, 5.0), (0.2, 4.0), (0.3, 3.0), (0.4, 2.5)):
        table.beat("a", done, "", {"loss": loss})
    table.beat("a", 0.4, "", {"ndcg": 0.1})
    table.finish("a", "lost")
    table.enqueue("a", "train", "a", {})
    time.sleep(0.002)
    table.claim_next(1)
    table.beat("a", 0.0, "Runs on the CPU", {})  # draws nothing, so nothing goes
    assert len(table.curves("a")["loss"]) == 4
    table.beat("a", 0.25, "from the checkpoint at 0.2", {"loss": 3.5})
    table.beat("a", 0.35, "", {"loss": 2.9})
    table.beat("a", 0.35, "", {"ndcg": 0.12})
    assert table.curves("a") == {"loss": [(0.1, 5.0), (0.2, 4.0), (0.25, 3.5), (0.35, 2.9)], "ndcg": [(0.35, 0.12)]}
