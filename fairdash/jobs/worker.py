"""`python -m fairdash.jobs.worker HOME JOB OWNER`: one job, in a process of its own, in the workspace of its owner; or
handed over to a Ray cluster (`FAIRDASH_RAY_JOBS`).

Trains at low priority so that the pages stay quick: a rerun while a small BERT trains takes 159 ms beside a process at
low priority, 228 ms beside a plain one and 824 ms beside a thread (measured on two cores).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from fairdash import log, settings, trail, words
from fairdash.errors import Cancelled, FairDashError, full
from fairdash.jobs import remote, runner
from fairdash.workspace import Workspace

BEAT_SECONDS = 0.5  # how often progress is written and a wish to stop is seen


class Reporter:
    """The Progress of a job: writes to the table every BEAT_SECONDS; raises Cancelled when asked to stop."""

    def __init__(self, workspace: Workspace, job: str) -> None:
        self._table = runner.table(workspace)
        self._job = job
        self._last = 0.0
        self._message = ""

    def __call__(self, done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        """Note progress in the table of jobs, at most once a moment; raises when the job was cancelled."""
        now = time.monotonic()
        if message and message != self._message:
            print(f"{time.strftime('%H:%M:%S')} {words.percent(done):>7} {message}", flush=True)
        self._message = message or self._message
        if not values and now - self._last < BEAT_SECONDS and done < 1.0:
            return
        self._last = now
        if self._table.beat(self._job, min(max(done, 0.0), 1.0), self._message, values or {}):
            raise Cancelled(words.say("The job was stopped."), words.say("Resume goes on from the last checkpoint."))


def main(home: str, job: str, owner: str = "") -> int:
    """Run a job that was claimed and write its end into the table; returns the exit code: 0 for an end that was wanted
    (also a stop), 2 for an error of the input, 1 for any other."""
    workspace = Workspace(Path(home)).of(owner).ready()
    jobs = runner.table(workspace)
    row = runner.get(workspace, job)
    os.nice(10)
    try:
        report, cluster = Reporter(workspace, job), settings.ray_jobs()
        if cluster and row.kind not in runner.SHORT_KINDS:
            result = remote.run(cluster, workspace, job, row.kind, row.params, report)
        else:
            from fairdash.jobs.kinds import run  # the pipeline, and with it torch, only in the worker

            with trail.acting(trail.job_of(owner)):
                result = run(workspace, row.kind, row.params, report)
        jobs.finish(job, "done", result=result)
        code = 0
    except Cancelled as stop:
        jobs.finish(job, "cancelled", error=stop.message, hint=stop.hint)
        code = 0
    except FairDashError as error:
        print(f"{error.message} {error.hint}", flush=True)
        jobs.finish(job, "failed", error=error.message, hint=error.hint)
        code = 2
    except MemoryError as error:
        log.fault(error, "job", workspace.root)
        jobs.finish(job, "failed", error=words.say("The machine ran out of memory."),
                    hint=words.say("Choose a smaller model or batch size."))  # fmt: skip
        code = 1
    except Exception as error:  # the last line of defence: a sentence and a number, under which the trace is logged
        number = log.fault(error, "job", workspace.root)
        said = words.say("The job stopped on an unexpected error (number {number}).", number=number)
        hint = words.say("Nothing that was stored is lost; the server's log holds the details.")
        if full(error):
            said = words.say("The disk is full.")
            hint = words.say("Free space at {root}; Resume then goes on where it stopped.", root=workspace.root)
        jobs.finish(job, "failed", error=said, hint=hint)
        code = 1
    runner.reap(workspace)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
