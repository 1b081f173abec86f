"""The job table: one SQLite row a job, in WAL mode, read by the pages and written by the workers.

States: queued → running → done | failed | cancelled | lost. `lost` means that the process died without a word.
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from fairdash import words

State = Literal["queued", "running", "done", "failed", "cancelled", "lost"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled", "lost")

_ACTIVE = "state in ('queued', 'running')"
_SCHEMA = """
create table if not exists jobs (
    id text primary key, kind text not null, title text not null, params text not null, state text not null,
    pid integer, create_time real, done real not null default 0, message text not null default '',
    heartbeat real, cancel integer not null default 0, error text, hint text, result text,
    created real not null, started real, resumed_from real not null default 0, finished real,
    said text not null default '{}'
);
create table if not exists points (
    job text not null, at real not null, done real not null, name text not null, value real not null
);
create index if not exists points_of_job on points (job, at);
"""


@dataclass(frozen=True)
class Job:
    """A row of the table. done: 0…1. Times are seconds since the epoch."""

    id: str
    kind: str
    title: str
    params: dict[str, Any]
    state: State
    pid: int | None
    create_time: float | None
    done: float
    message: str
    heartbeat: float | None
    cancel: bool
    error: str | None
    hint: str | None
    result: dict[str, Any] | None
    created: float
    started: float | None
    resumed_from: float
    finished: float | None
    said: dict[str, Any]  # what title, message, error and hint were made of, for `words.again`

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in ENDED

    @property
    def elapsed(self) -> float:
        """Seconds since the job's process started, 0 when it did not."""
        return 0.0 if self.started is None else (self.finished or time.time()) - self.started

    @property
    def remaining(self) -> float | None:
        """Seconds to go at the speed so far; None while too little is known."""
        gained = self.done - self.resumed_from
        if self.state != "running" or gained < 0.01:
            return None
        return self.elapsed * (1.0 - self.done) / gained


class Table:
    """Access to the rows. Every call opens its own connection: pages, threads and processes never share one."""

    _known: ClassVar[set[tuple[Path, int]]] = set()  # files, with their inode, that have this schema: pages ask often

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self.path, timeout=30.0, isolation_level=None)
        try:
            file = (self.path, self.path.stat().st_ino)
            if file not in self._known:
                db.execute("pragma journal_mode = wal")
                db.executescript(_SCHEMA)
                if not any(row[1] == "said" for row in db.execute("pragma table_info(jobs)")):  # of an older version
                    db.execute("alter table jobs add column said text not null default '{}'")
                self._known.add(file)
            db.row_factory = sqlite3.Row
            db.execute("pragma synchronous = normal")
            yield db
        finally:
            db.close()

    def enqueue(self, job: str, kind: str, title: str, params: Mapping[str, Any]) -> None:
        """Queue a job. One that ended without a result is queued again; one that waits, runs or is done is left."""
        with self._connect() as db:
            db.execute(
                """insert into jobs (id, kind, title, params, state, created, said) values (?, ?, ?, ?, 'queued', ?, ?)
                on conflict (id) do update set state = 'queued', cancel = 0, error = null, hint = null, message = '',
                    created = excluded.created, started = null, finished = null, pid = null, said = excluded.said
                where jobs.state in ('failed', 'cancelled', 'lost')""",
                (job, kind, title, json.dumps(params, sort_keys=True), time.time(), json.dumps(words.forms([title]))),
            )

    def claim_next(self, running_limit: int, short: Collection[str] = ()) -> str | None:
        """Mark the oldest queued job as running and give its id, unless as many as `running_limit` run already. Jobs of
        the `short` kinds do not wait for the others; as many of them may run again beside those."""
        with self._connect() as db:
            db.execute("begin immediate")
            running = [row["kind"] in short for row in db.execute("select kind from jobs where state = 'running'")]
            queued = db.execute("select id, kind from jobs where state = 'queued' order by created").fetchall()
            free = (row["id"] for row in queued if running.count(row["kind"] in short) < running_limit)
            claimed: str | None = next(free, None)
            if claimed is not None:
                now = time.time()
                db.execute(
                    """update jobs set state = 'running', started = ?, heartbeat = ?, pid = null, resumed_from = 0,
                    done = 0 where id = ?""",
                    (now, now, claimed),
                )
            db.execute("commit")
        return claimed

    def set_process(self, job: str, pid: int, create_time: float) -> None:
        """Say which process works on a job: its number, and when it was born (`runner.born`)."""
        with self._connect() as db:
            db.execute("update jobs set pid = ?, create_time = ? where id = ?", (pid, create_time, job))

    def beat(self, job: str, done: float, message: str, values: Mapping[str, float]) -> bool:
        """Record progress and curve points; returns whether the person asked to stop.

        A point that is no finite number is left out. A point of this attempt takes the place of what an earlier one
        drew from there on: that part is done again."""
        now = time.time()
        points = [(job, now, done, name, float(value)) for name, value in values.items() if math.isfinite(value)]
        with self._connect() as db:
            db.execute("begin immediate")
            row = db.execute("select * from jobs where id = ?", (job,)).fetchone()
            if row is None:  # the row was deleted: nobody waits for this job any more
                db.execute("rollback")
                return True
            # The first jump of a training that goes on from a checkpoint was not earned in this process's time.
            resumed = done if row["done"] == 0 and done > 0.05 else row["resumed_from"]
            db.execute(
                """update jobs set done = max(done, ?), message = case when ? = '' then message else ? end,
                heartbeat = ?, resumed_from = ?, said = ? where id = ? and state = 'running'""",
                (done, message, message, now, resumed, _said(row, message or row["message"]), job),
            )
            if points:
                again = (job, done, row["started"] or 0.0)
                db.execute("delete from points where job = ? and done >= ? and at < ?", again)
            db.executemany("insert into points (job, at, done, name, value) values (?, ?, ?, ?, ?)", points)
            db.execute("commit")
        return bool(row["cancel"])

    def finish(
        self,
        job: str,
        state: State,
        *,
        error: str | None = None,
        hint: str | None = None,
        result: Mapping[str, Any] | None = None,
    ) -> None:
        """End a running or queued job; a job that ended already keeps its end."""
        with self._connect() as db:
            row = db.execute("select title, said from jobs where id = ?", (job,)).fetchone()
            db.execute(
                """update jobs set state = ?, error = ?, hint = ?, result = ?, finished = ?, said = ?,
                done = case when ? = 'done' then 1 else done end where id = ? and state in ('running', 'queued')""",
                (
                    *(state, error, hint, None if result is None else json.dumps(result), time.time()),
                    *("{}" if row is None else _said(row, error, hint), state, job),
                ),
            )

    def request_cancel(self, job: str) -> None:
        """A queued job ends at once; a running one is told and stops at its next step."""
        with self._connect() as db:
            db.execute("update jobs set cancel = 1 where id = ?", (job,))
            db.execute(
                "update jobs set state = 'cancelled', finished = ? where id = ? and state = 'queued'",
                (time.time(), job),
            )

    def delete(self, job: str) -> None:
        """Forget a job and its curves; one that is gone already is no error."""
        with self._connect() as db:
            db.execute("delete from jobs where id = ?", (job,))
            db.execute("delete from points where job = ?", (job,))

    def get(self, job: str) -> Job | None:
        """A job's row; None where there is none."""
        with self._connect() as db:
            row = db.execute("select * from jobs where id = ?", (job,)).fetchone()
        return None if row is None else _job(row)

    def all(self) -> list[Job]:
        """All jobs, newest first."""
        with self._connect() as db:
            rows = db.execute("select * from jobs order by created desc").fetchall()
        return [_job(row) for row in rows]

    def active(self) -> list[Job]:
        """Jobs that wait or run, oldest first."""
        with self._connect() as db:
            rows = db.execute(f"select * from jobs where {_ACTIVE} order by created").fetchall()
        return [_job(row) for row in rows]

    def curves(self, job: str) -> dict[str, list[tuple[float, float]]]:
        """Curve points by name: (done 0…1, value), in the order in which they came."""
        with self._connect() as db:
            rows = db.execute("select name, done, value from points where job = ? order by at", (job,)).fetchall()
        curves: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            curves.setdefault(row["name"], []).append((row["done"], row["value"]))
        return curves


def _said(row: sqlite3.Row, *texts: str | None) -> str:
    """What a job's title and its latest texts were made of, as JSON."""
    known = json.loads(row["said"]) | words.forms(texts)
    return json.dumps({text: form for text, form in known.items() if text in (row["title"], *texts)})


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    values["params"] = json.loads(values["params"])
    values["result"] = None if values["result"] is None else json.loads(values["result"])
    values["cancel"] = bool(values["cancel"])
    values["said"] = json.loads(values["said"])
    return Job(**values)
