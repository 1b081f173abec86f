"""Start, watch, stop. A job is a process in a session of its own, so it outlives the page, the tab and the server.

Whoever looks calls `reap`: it notices workers that died and starts what waits. No daemon is needed for that; the app
calls it from its pages and once a second while it serves, and a worker calls it when it ends.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import psutil

from fairdash import identity, trail, words
from fairdash.errors import JobError
from fairdash.jobs.table import Job, Table
from fairdash.workspace import Kind, Workspace

RUNNING_LIMIT = 1  # trainings share cores and GPU badly: one at a time, the others wait in order
SHORT_KINDS = ("dataset", "audit", "compare")  # seconds long: they do not wait for a training
START_SECONDS = 20.0  # a claimed job without a process after this long was lost before it started

_children: list[subprocess.Popen[bytes]] = []  # own workers, polled so that a dead one does not stay a zombie


def table(workspace: Workspace) -> Table:
    """The jobs of a workspace."""
    return Table.of(workspace)


def everybodys(workspace: Workspace) -> Table:
    """The jobs of all workspaces, for the server and for whoever oversees it."""
    return Table(workspace.home / "jobs.sqlite", None)


def log_path(workspace: Workspace, job: str) -> Path:
    """The file that a job's process prints into."""
    return workspace.root / "logs" / f"{job}.log"


def read_log(workspace: Workspace, job: str, last: int = 200) -> str:
    """The last lines that the job's process printed."""
    try:
        lines = log_path(workspace, job).read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-last:])


def identify(kind: str, params: Mapping[str, Any], owner: str = "") -> str:
    """The id of a job: what is asked, of which code, under which settings, and where people sign in by whom."""
    return identity.of("job", kind, params, *filter(None, [owner]))


def submit(workspace: Workspace, kind: str, title: str, params: Mapping[str, Any]) -> str:
    """Queue a job and start it when it is its turn. The same request twice is the same job, and one that stopped
    half-way goes on."""
    job = identify(kind, params, workspace.changing().owner)
    jobs = table(workspace)
    known = jobs.get(job)
    if known is not None and not kept(workspace, known):
        jobs.delete(job)
    jobs.enqueue(job, kind, title, params)
    trail.note(workspace, "ask", kind=kind, job=job)
    reap(workspace)
    return job


def kept(workspace: Workspace, job: Job) -> bool:
    """Whether all that a finished job made is still there; true for one that has not finished."""
    made = job.result or {}
    return all(workspace.has(kind, str(made[kind])) for kind in get_args(Kind) if kind in made)


def resume(workspace: Workspace, job: str) -> None:
    """Queue a job again that failed, was cancelled or was lost; a training goes on from its last checkpoint. Raises
    JobError for one that is damaged."""
    row = get(workspace.changing(), job)
    if not row.kind:  # what was asked is not known any more
        raise JobError(words.again(row.error or "", row.said), words.again(row.hint or "", row.said))
    table(workspace).enqueue(row.id, row.kind, words.again(row.title, row.said), row.params)
    reap(workspace)


def cancel(workspace: Workspace, job: str) -> None:
    """Ask a job to stop: one that waits ends at once, one that runs at its next step. Raises JobError where
    there is none."""
    get(workspace.changing(), job)
    table(workspace).request_cancel(job)


def get(workspace: Workspace, job: str) -> Job:
    """The job's row. Raises JobError when there is none."""
    row = table(workspace).get(job)
    if row is None:
        raise JobError(
            words.say("There is no job {job} in this workspace.", job=job), "It may have been removed; start it again."
        )
    return row


def alive(job: Job) -> bool:
    """Whether the job's own process still runs (not a zombie, not another process that got the same number)."""
    if job.pid is None:
        return job.elapsed < START_SECONDS
    try:
        process = psutil.Process(job.pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE) and abs(born(process) - (job.create_time or 0)) < 1.0
    except psutil.NoSuchProcess:
        return False


def born(process: psutil.Process) -> float:
    """When a process started, in seconds that a change of the system's clock does not move: on Linux since boot."""
    return float(process.create_time() - (psutil.boot_time() if psutil.LINUX else 0.0))


def reap(workspace: Workspace) -> None:
    """Mark dead workers' jobs as lost, then start what waits: of all workspaces, since they take turns."""
    _children[:] = [child for child in _children if child.poll() is None]
    jobs = everybodys(workspace)
    for job in jobs.active("running"):
        if not alive(job):
            jobs.finish(
                job.id,
                "lost",
                error=words.say(
                    "The process of this job is gone: it was killed, ran out of memory, or the machine restarted."
                ),
                hint=words.say("Resume goes on from the last checkpoint. The log says what came last."),
            )
    while jobs.waiting() and (claimed := jobs.claim_next(RUNNING_LIMIT, SHORT_KINDS)) is not None:
        row = jobs.get(claimed)
        _start(workspace.of("" if row is None else row.owner), claimed)


def _start(workspace: Workspace, job: str) -> None:
    """workspace: of whoever asked for it."""
    log = log_path(workspace, job)
    log.parent.mkdir(parents=True, exist_ok=True)
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    with log.open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "fairdash.jobs.worker", str(workspace.home), job, workspace.owner],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={
                **os.environ,
                "FAIRDASH_HOME": str(workspace.root),  # what is kept beside the values is its owner's, too
                "PYTHONPATH": path,
                "TOKENIZERS_PARALLELISM": "false",
            },
        )
    _children.append(child)
    with contextlib.suppress(psutil.NoSuchProcess):  # it ended already: what it wrote in the table stands
        table(workspace).set_process(job, child.pid, born(psutil.Process(child.pid)))
