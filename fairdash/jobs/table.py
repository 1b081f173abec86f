"""The job table: one SQLite row a job, in WAL mode, read by the pages and written by the workers.

States: queued → running → done | failed | cancelled | lost. `lost` means that the process died without a word.

Where people sign in all share one table, and each sees the own rows alone. They take turns: of those who have something
to do, whoever was served longest ago comes next, with the oldest of what they asked for.

What is damaged costs itself alone: a row that cannot be read becomes a failed job that says so, and a file that is no
table is set aside for a new one. Columns that an older version did not have are added, those of a later one left alone.
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from fairdash import words
from fairdash.errors import JobError, full
from fairdash.workspace import Workspace, sole

State = Literal["queued", "running", "done", "failed", "cancelled", "lost"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled", "lost")

_ACTIVE = "state in ('queued', 'running')"
_OWN = "(? = '*' or owner = ?)"  # with `Table._own`
_COLUMNS: dict[str, tuple[type, str | None]] = {  # of a job: the type, and the default of one that is never null
    "id": (str, "''"),
    "kind": (str, "''"),
    "title": (str, "''"),
    "params": (str, "'{}'"),
    "state": (str, "'failed'"),
    "pid": (int, None),
    "create_time": (float, None),
    "done": (float, "0"),
    "message": (str, "''"),
    "heartbeat": (float, None),
    "cancel": (int, "0"),
    "error": (str, None),
    "hint": (str, None),
    "result": (str, None),
    "created": (float, "0"),
    "started": (float, None),
    "resumed_from": (float, "0"),
    "finished": (float, None),
    "said": (str, "'{}'"),
    "owner": (str, "''"),
}
_SQL = {str: "text", int: "integer", float: "real"}
_DECLARED = {
    name: f"{name} {_SQL[kind]}" + ("" if default is None else f" not null default {default}")
    for name, (kind, default) in _COLUMNS.items()
}
_SCHEMA = f"""
create table if not exists jobs ({", ".join(_DECLARED.values())}, primary key (id));
create table if not exists points (
    job text not null, at real not null, done real not null, name text not null, value real not null
);
create index if not exists points_of_job on points (job, at);
create table if not exists turns (
    owner text not null, short integer not null, at real not null, primary key (owner, short)
);
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
    owner: str = ""  # whose it is (`Workspace.owner`)

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
    """Access to the rows of one owner; None: to those of all, for the server and for whoever oversees it. Every call
    opens its own connection: pages, threads and processes never share one."""

    _known: ClassVar[set[tuple[Path, int, int]]] = set()  # file, inode and layout that are ours: pages ask often

    def __init__(self, path: Path, owner: str | None = "") -> None:
        self.path, self.owner = path, owner

    @staticmethod
    def of(workspace: Workspace) -> Table:
        """The jobs of a workspace; none can be seen in one that shows chosen values alone."""
        return Table(workspace.home / "jobs.sqlite", workspace.owner if workspace.only is None else "nobody")

    @property
    def _own(self) -> tuple[str, str]:
        """What holds of this owner's rows: `(? = '*' or owner = ?)`."""
        told = "*" if self.owner is None else self.owner
        return told, told

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """A connection, closed after the block. Raises JobError where the file cannot be used."""
        try:
            try:
                db = self._opened()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._set_aside()
                db = self._opened()
            with closing(db):
                yield db
        except sqlite3.Error as error:
            if full(error):
                raise
            if _is_damage(error):  # deep in the file: the next one begins anew
                self._set_aside()
            raise JobError(
                words.say("The table of jobs, {file}, cannot be used: {reason}.", file=str(self.path), reason=error),
                words.say("Check that its folder may be written to; `python -m fairdash doctor` says more."),
            ) from error

    def _opened(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self.path, timeout=30.0, isolation_level=None)
        try:
            layout = db.execute("pragma schema_version").fetchone()[0]
            file = (self.path, self.path.stat().st_ino, layout)
            if file not in self._known:
                db.execute("pragma journal_mode = wal")
                db.executescript(_SCHEMA)
                there = {row[1] for row in db.execute("pragma table_info(jobs)")}
                for name in [name for name in _COLUMNS if name not in there]:  # of an older version
                    with suppress(sqlite3.OperationalError):  # another process was faster; else the next use says it
                        db.execute(f"alter table jobs add column {_DECLARED[name]}")
                self._known.add((*file[:2], db.execute("pragma schema_version").fetchone()[0]))
            db.row_factory = sqlite3.Row
            db.execute("pragma synchronous = normal")
        except BaseException:
            db.close()
            raise
        return db

    def _set_aside(self) -> None:
        """Make room for a new table where the file is none; what jobs made does not lie there and is not lost."""
        with sole(self.path.with_suffix(".lock"), wait=lambda: None):
            try:
                with closing(sqlite3.connect(self.path, timeout=30.0)) as db:
                    sound = db.execute("pragma quick_check(1)").fetchone()[0] == "ok"
            except sqlite3.DatabaseError as error:
                sound = not _is_damage(error)
            if not sound:  # else another process was faster
                name = f"{self.path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
                for ending in ("", "-wal", "-shm"):
                    with suppress(FileNotFoundError):
                        self.path.with_name(self.path.name + ending).rename(self.path.with_name(name + ending))

    def _mend(self, db: sqlite3.Connection, job: str) -> Job:
        """End a job whose row cannot be read, so that it says so and holds up no other."""
        title, error = words.say("A damaged job"), words.say("What was kept of this job is damaged.")
        hint = words.say("Ask for it again where it was asked; what it made is not lost.")
        db.execute(
            """update or replace jobs set id = ?, kind = '', title = ?, params = '{}', state = 'failed',
            pid = null, create_time = null, done = 0, message = '', heartbeat = null, cancel = 0, error = ?, hint = ?,
            result = null, created = case when abs(created) < 1e12 then created * 1.0 else 0 end,
            started = null, resumed_from = 0, finished = null, said = ? where id = ?""",
            (job, title, error, hint, json.dumps(words.forms([title, error, hint])), job),
        )
        return _job(db.execute("select * from jobs where id = ?", (job,)).fetchone())

    def _jobs(self, db: sqlite3.Connection, query: str, *values: str) -> list[Job]:
        found = []
        for row in db.execute(query, values).fetchall():
            try:
                found.append(_job(row))
            except (ValueError, TypeError, RecursionError):
                if isinstance(row["id"], str):
                    found.append(self._mend(db, row["id"]))
                else:  # nobody can ask for it
                    db.execute("delete from jobs where id is ?", (row["id"],))
        return found

    def enqueue(self, job: str, kind: str, title: str, params: Mapping[str, Any]) -> None:
        """Queue a job. One that ended without a result is queued again; one that waits, runs or is done is left."""
        with self._connect() as db:
            db.execute(
                """insert into jobs (id, kind, title, params, state, created, said, owner)
                values (?, ?, ?, ?, 'queued', ?, ?, ?)
                on conflict (id) do update set kind = excluded.kind, title = excluded.title,
                    params = excluded.params, state = 'queued', cancel = 0, error = null, hint = null, message = '',
                    created = excluded.created, started = null, finished = null, pid = null, said = excluded.said
                where jobs.state in ('failed', 'cancelled', 'lost') and jobs.owner = excluded.owner""",
                (
                    *(job, kind, title, json.dumps(params, sort_keys=True), time.time()),
                    *(json.dumps(words.forms([title])), self.owner or ""),
                ),
            )

    def claim_next(self, running_limit: int, short: Collection[str] = ()) -> str | None:
        """Mark the next job of the line as running and give its id, unless as many as `running_limit` run already. Jobs
        of the `short` kinds do not wait for the others; as many of them may run again beside those. The line is that of
        all owners."""
        with self._connect() as db:
            db.execute("begin immediate")
            running = [row["kind"] in short for row in db.execute("select kind from jobs where state = 'running'")]
            lanes = [lane for lane in (False, True) if running.count(lane) < running_limit]
            claimed, owner, lane = next(
                ((job, owner, lane) for lane in lanes for job, owner in _line(db, short, lane)), (None, "", False)
            )
            if claimed is not None:
                now = time.time()
                db.execute("insert or replace into turns (owner, short, at) values (?, ?, ?)", (owner, lane, now))
                db.execute(
                    """update jobs set state = 'running', started = ?, heartbeat = ?, pid = null, resumed_from = 0,
                    done = 0 where id = ?""",
                    (now, now, claimed),
                )
            db.execute("commit")
        return claimed

    def places(self, short: Collection[str] = ()) -> dict[str, int]:
        """This owner's jobs that wait → how many others come before each: those that run in its lane, and those that
        are served earlier. As it stands now; who asks later and was served less may come between."""
        with self._connect() as db:
            running = [row["kind"] in short for row in db.execute("select kind from jobs where state = 'running'")]
            return {
                job: running.count(lane) + place
                for lane in (False, True)
                for place, (job, owner) in enumerate(_line(db, short, lane))
                if self.owner in (None, owner)
            }

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
            db.execute(f"update jobs set cancel = 1 where id = ? and {_OWN}", (job, *self._own))
            db.execute(
                f"update jobs set state = 'cancelled', finished = ? where id = ? and state = 'queued' and {_OWN}",
                (time.time(), job, *self._own),
            )

    def delete(self, job: str) -> None:
        """Forget a job and its curves; one that is gone already is no error."""
        with self._connect() as db:
            if db.execute(f"delete from jobs where id = ? and {_OWN}", (job, *self._own)).rowcount:
                db.execute("delete from points where job = ?", (job,))

    def get(self, job: str) -> Job | None:
        """A job's row; None where there is none."""
        with self._connect() as db:
            return next(iter(self._jobs(db, f"select * from jobs where id = ? and {_OWN}", job, *self._own)), None)

    def all(self) -> list[Job]:
        """All jobs, newest first."""
        with self._connect() as db:
            return self._jobs(db, f"select * from jobs where {_OWN} order by created desc", *self._own)

    def active(self, state: State | None = None) -> list[Job]:
        """Jobs that wait or run, or that do the one of both, oldest first."""
        which = _ACTIVE if state is None else f"state = '{state}'"
        with self._connect() as db:
            rows = self._jobs(db, f"select * from jobs where {which} and {_OWN} order by created", *self._own)
        return [job for job in rows if not job.ended]  # a damaged one has ended by now

    def waiting(self) -> bool:
        """Whether any job waits."""
        with self._connect() as db:
            found = db.execute(f"select 1 from jobs where state = 'queued' and {_OWN} limit 1", self._own)
            return found.fetchone() is not None

    def curves(self, job: str) -> dict[str, list[tuple[float, float]]]:
        """Curve points by name: (done 0…1, value), in the order in which they came."""
        with self._connect() as db:
            query = f"""select name, done, value from points where job = ?
                and exists (select 1 from jobs where id = job and {_OWN}) order by at"""
            rows = db.execute(query, (job, *self._own)).fetchall()
        curves: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            if isinstance(row["done"], float) and isinstance(row["value"], float):
                curves.setdefault(str(row["name"]), []).append((row["done"], row["value"]))
        return curves


def _line(db: sqlite3.Connection, short: Collection[str], lane: bool) -> Iterator[tuple[str, str]]:
    """Jobs that wait in a lane (of the short kinds, or of the others), in the order in which they are served, each with
    its owner."""
    waiting: dict[str, deque[str]] = {}
    for row in db.execute("select id, kind, owner from jobs where state = 'queued' order by created, rowid"):
        if (row["kind"] in short) == lane:
            waiting.setdefault(str(row["owner"]), deque()).append(row["id"])
    served = {row["owner"]: row["at"] for row in db.execute("select owner, at from turns where short = ?", (lane,))}
    turns = deque(sorted(waiting, key=lambda owner: served.get(owner, 0.0)))  # of equal ones, who asked first
    while turns:
        owner = turns.popleft()
        yield waiting[owner].popleft(), owner
        if waiting[owner]:
            turns.append(owner)


def _said(row: sqlite3.Row, *texts: str | None) -> str:
    """What a job's title and its latest texts were made of, as JSON."""
    known = json.loads(row["said"]) | words.forms(texts)
    return json.dumps({text: form for text, form in known.items() if text in (row["title"], *texts)})


def _job(row: sqlite3.Row) -> Job:
    """A row as a job. Raises ValueError or TypeError for one that is damaged."""
    values = {name: row[name] for name in _COLUMNS}
    for name, (kind, default) in _COLUMNS.items():
        value = values[name]
        if not (isinstance(value, kind) or (value is None and default is None)) or value in (math.inf, -math.inf):
            raise TypeError(name)
    values["params"] = json.loads(values["params"])
    values["result"] = None if values["result"] is None else json.loads(values["result"])
    values["cancel"] = bool(values["cancel"])
    values["said"] = json.loads(values["said"])
    if not isinstance(values["result"], dict | None) or not all(
        isinstance(values[n], dict) for n in ("params", "said")
    ):
        raise TypeError("result")
    if values["state"] not in get_args(State):
        raise ValueError("state")
    return Job(**values)


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the file is no table of jobs."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
