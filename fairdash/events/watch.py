"""The audit that keeps up: events of the log go into the sums of their windows, and each window that closes is judged.

The offset in the log, the sums, the lists that wait for feedback and the verdicts stand in one SQLite file and change
in one transaction: a process that is killed at any moment has either counted a batch or not begun it. What is counted
depends on the log alone, not on where batches end: sums are whole numbers, and what meets what (a list and what was
taken from it) goes by the order of the log and by the times at which events were sent.

A window closes when no event that belongs to it can come in time any more, and is ripe when what people take from its
lists no longer counts either. A closed window's exposure never changes, a ripe one's sums never do, and each is judged
once.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from fairdash import words
from fairdash.errors import ConfigError, DataError
from fairdash.events import drift
from fairdash.events.drift import Moved, Status, Verdict
from fairdash.events.log import CHUNK, Event, EventLog, Place, connected
from fairdash.events.sums import Batch, Census, Served, Sums
from fairdash.hashing import digest

BATCH = 20_000  # events that are counted in one transaction
Kind = Literal["shown", "taken"]  # what a verdict is on
KINDS: tuple[Kind, ...] = ("shown", "taken")

_SCHEMA = """
create table if not exists facts (name text primary key, value text not null);
create table if not exists windows (
    window integer primary key, events integer not null, until real not null, total blob not null, seen blob not null
);
create table if not exists lists (
    recommendation text primary key, window integer not null, user text not null, sent real not null,
    items text not null, taken text not null
);
create index if not exists lists_by_time on lists (sent);
create table if not exists waiting (
    recommendation text not null, user text not null, item text not null, sent real not null, window integer not null
);
create index if not exists waiting_of on waiting (recommendation);
create table if not exists verdicts (
    window integer not null, kind text not null, verdict text not null, primary key (window, kind)
);
"""


@dataclass(frozen=True)
class Rules:
    """How events are watched. seconds, number: of a window, one of the two; number: events in the order of their
    arrival. feedback: seconds after a list in which what is taken from it counts. taken: types of events that say that
    somebody took the item; (): every event with an itemId. reference: windows, the first ones, that later ones are held
    against. level: the chance of any false alarm."""

    seconds: float | None = 3600.0
    number: int | None = None
    feedback: float = 3600.0
    taken: tuple[str, ...] = ()
    reference: int = 4
    level: float = drift.LEVEL

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.number is None) or not (self.seconds or self.number or 0) > 0:
            raise ConfigError(
                words.say("A window has a length in seconds or a number of events."),
                words.say("Give one of the two, above 0."),
            )
        if self.reference < 1 or not 0 < self.level < 1 or not 0 <= self.feedback < math.inf:
            raise ConfigError(
                words.say("The reference is one window or more, the level lies between 0 and 1, and feedback counts "
                          "for a time of 0 seconds or more."),
                words.say("Leave them out for the usual values."),
            )  # fmt: skip

    def window(self, event: Event) -> int:
        """The window that an event belongs to."""
        if self.seconds is not None:
            return int(event.sent // self.seconds)
        assert self.number is not None
        return (event.offset - 1) // self.number


@dataclass(frozen=True, eq=False)
class Window:
    """A window's sums. start, end: seconds since 1970, as far as events told; state: open, closed or ripe."""

    window: int
    events: int
    end: float
    state: Literal["open", "closed", "ripe"]
    sums: Sums
    verdicts: Mapping[Kind, Verdict] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Pending:
    """A list that waits for feedback."""

    window: int
    user: str
    sent: float
    items: tuple[str, ...]
    taken: set[str]


class Watch:
    """A watch over a log, kept in a file that is made where it is not there yet. Every call opens its own
    connection."""

    def __init__(self, census: Census, log: EventLog, path: Place, rules: Rules) -> None:
        """Raises ConfigError where the file was made for other rules, people or items, DataError where it is no such
        file."""
        self.census, self.log, self.path, self.rules = census, log, path, rules
        wanted = digest(census.digest, [str(value) for value in vars(rules).values()], str(log.lateness))
        try:
            if isinstance(path, Path):
                path.parent.mkdir(parents=True, exist_ok=True)
            with connected(self.path) as db:
                db.execute("pragma journal_mode = wal")
                db.executescript(_SCHEMA)
                first = [("offset", "0"), ("watermark", "-inf"), ("rules", wanted)]
                db.executemany("insert or ignore into facts values (?, ?)", first)
                found = _fact(db, "rules")
        except (sqlite3.DatabaseError, OSError) as error:
            raise DataError(
                words.say("{path} cannot hold the state of a watch: {error}.", path=str(path), error=str(error)),
                words.say("Name a file that `watch` wrote, or one that does not exist in a folder that does."),
            ) from error
        if found != wanted:
            raise ConfigError(
                words.say("{path} was made for other people, items, groups or windows.", path=str(path)),
                words.say("Watch with the options of before, or name another --state: the log is counted again."),
            )

    def advance(self, limit: int = BATCH) -> int:
        """Count the next events of the log, and judge the windows that they close: how many they were."""
        with connected(self.path) as db:
            while True:
                offset = int(_fact(db, "offset"))
                events = self.log.since(offset, limit)  # may wait for a broker: others can have the state meanwhile
                if not events:
                    return 0
                db.execute("begin immediate")
                if int(_fact(db, "offset")) == offset:
                    break
                db.execute("rollback")  # another watch over the same state has counted them
            watermark = self._count(db, events, float(_fact(db, "watermark")))
            last = [(str(events[-1].offset), "offset"), (repr(watermark), "watermark")]
            db.executemany("update facts set value = ? where name = ?", last)
            db.execute("delete from lists where sent < ?", (self._gone(watermark) - self.rules.feedback,))
            db.execute("delete from waiting where sent < ?", (self._gone(watermark),))
            self._judge(db, events[-1].offset, watermark)
            db.execute("commit")
        return len(events)

    def _gone(self, watermark: float) -> float:
        """What was sent before is late."""
        return watermark - self.log.lateness

    def _count(self, db: sqlite3.Connection, events: Sequence[Event], watermark: float) -> float:
        """Add the events to their windows; returns the watermark after them."""
        rules, batch = self.rules, Batch()
        names = {_list_name(event) for event in events}
        pending, waiting = _pending(db, names), _waiting(db, names)
        touched: set[str] = set()
        until: dict[int, float] = {}
        number: dict[int, int] = {}

        def serve(name: str, shown: _Pending, user: str, item: str, sent: float, window: int) -> None:
            late = not shown.sent <= sent <= shown.sent + rules.feedback
            if late or user != shown.user or item not in shown.items or item in shown.taken:
                return
            batch.served.append(Served(shown.window, not shown.taken, window, user, item))
            shown.taken.add(item)
            touched.add(name)

        for event in events:
            if event.late:
                continue
            watermark = max(watermark, event.sent)
            window, name = rules.window(event), _list_name(event)
            number[window] = number.get(window, 0) + 1
            until[window] = max(until.get(window, -math.inf), event.sent)
            shown = pending.get(name)
            if shown is not None and shown.sent < self._gone(watermark) - rules.feedback:
                shown = None
            if event.impression and shown is None:
                shown = pending[name] = _Pending(window, event.user, event.sent, event.impression, set())
                touched.add(name)
                batch.lists.append((window, event.user, event.impression))
                for user, item, sent, at in waiting.pop(name, ()):
                    serve(name, shown, user, item, sent, at)
            if event.item is not None and (not rules.taken or event.kind in rules.taken):
                batch.taken.append((window, event.user, event.item))
                if shown is not None:
                    serve(name, shown, event.user, event.item, event.sent, window)
                elif event.recommendation is not None:
                    waiting.setdefault(name, []).append((event.user, event.item, event.sent, window))
        for name in touched:
            one = pending[name]
            row = (name, one.window, one.user, one.sent, json.dumps(one.items), json.dumps(sorted(one.taken)))
            db.execute("insert or replace into lists values (?, ?, ?, ?, ?, ?)", row)
        for some in _chunks(names):
            db.execute(f"delete from waiting where recommendation in ({_marks(some)})", some)
        rows = [(name, *row) for name, each in waiting.items() for row in each]
        db.executemany("insert into waiting values (?, ?, ?, ?, ?)", rows)
        none = Sums.none(self.census)
        added = batch.sums(self.census)
        for window in sorted(added.keys() | number.keys()):
            known = db.execute("select events, until, total, seen from windows where window = ?", (window,)).fetchone()
            sums, end, n = added.get(window, none), until.get(window, -math.inf), number.get(window, 0)
            if known is not None:
                sums = Sums.unpacked(self.census, *known[2:]) + sums
                n, end = n + known[0], max(end, known[1])
            db.execute("insert or replace into windows values (?, ?, ?, ?, ?)", (window, n, end, *sums.packed()))
        return watermark

    # --- windows ------------------------------------------------------------------------------------------------------

    def _state(self, window: int, until: float, offset: int, watermark: float) -> Literal["open", "closed", "ripe"]:
        rules, gone = self.rules, self._gone(watermark)
        if rules.seconds is not None:
            end = (window + 1) * rules.seconds
            closed = gone >= end
        else:
            assert rules.number is not None
            end, closed = until, offset >= (window + 1) * rules.number
        if not closed:
            return "open"
        return "ripe" if gone > end + rules.feedback else "closed"

    def _judge(self, db: sqlite3.Connection, offset: int, watermark: float) -> None:
        """The verdicts on windows that have closed, or become ripe, since."""
        for kind in KINDS:
            (last,) = db.execute("select max(window) from verdicts where kind = ?", (kind,)).fetchone()
            order = list(db.execute("select window, until from windows order by window"))
            place = {window: i for i, (window, _) in enumerate(order)}
            for window, until in order[0 if last is None else place[last] + 1 :]:
                state = self._state(window, until, offset, watermark)
                if state == "open" or (kind == "taken" and state == "closed"):
                    break
                look = place[window] + 1 - self.rules.reference
                if look < 1:
                    continue
                verdict = self._verdict(db, [w for w, _ in order[: place[window] + 1]], look, kind)
                db.execute("insert into verdicts values (?, ?, ?)", (window, kind, json.dumps(verdict.to_json())))

    def _verdict(self, db: sqlite3.Connection, windows: Sequence[int], look: int, kind: Kind) -> Verdict:
        reference = _total(self.census, db, windows[: self.rules.reference])
        lengths = drift.spans(look)
        since: list[Sums] = []
        span = Sums.none(self.census)
        for back, window in enumerate(windows[: -lengths[-1] - 1 : -1], 1):
            span = span + _total(self.census, db, [window])
            if back in lengths:
                since.append(span)
        return drift.judge(self.census, reference, since, look, self.rules.level, feedback=kind == "taken")

    def windows(self, last: int = 60) -> list[Window]:
        """The latest windows, oldest first; those that are open may still change."""
        with connected(self.path) as db:
            db.execute("begin")  # one view of all tables
            offset, watermark = int(_fact(db, "offset")), float(_fact(db, "watermark"))
            rows = db.execute("select * from windows order by window desc limit ?", (last,)).fetchall()
            found = []
            for window, events, until, total, seen in reversed(rows):
                told = db.execute("select kind, verdict from verdicts where window = ?", (window,)).fetchall()
                end = until if self.rules.seconds is None else (window + 1) * self.rules.seconds
                found.append(
                    Window(window, events, end, self._state(window, until, offset, watermark),
                           Sums.unpacked(self.census, total, seen), {k: _verdict_of(v) for k, v in told})
                )  # fmt: skip
            db.execute("commit")
        return found

    def first(self) -> int | None:
        """The first window, with which the reference begins."""
        with connected(self.path) as db:
            found: int | None = db.execute("select min(window) from windows").fetchone()[0]
        return found

    def total(self) -> Sums:
        """The sum of all windows."""
        with connected(self.path) as db:
            return _total(self.census, db, [window for (window,) in db.execute("select window from windows")])

    def status(self) -> Status:
        """The latest verdicts together: DRIFT where one says so, else OK where one says so."""
        with connected(self.path) as db:
            found = set()
            for kind in KINDS:
                row = db.execute(
                    "select verdict from verdicts where kind = ? order by window desc limit 1", (kind,)
                ).fetchone()
                if row is not None:
                    found.add(json.loads(row[0])["status"])
        return "DRIFT" if "DRIFT" in found else "OK" if "OK" in found else "INSUFFICIENT_DATA"

    def told(self) -> str | None:
        """The status that was told last, of those that a change is told to."""
        with connected(self.path) as db:
            return _fact(db, "told") or None

    def tell(self, status: Status) -> None:
        """Remember that a status was told."""
        with connected(self.path) as db:
            db.execute("insert or replace into facts values ('told', ?)", (status,))


def _list_name(event: Event) -> str:
    """What a list is known by: its recommendationId, or the event that showed it."""
    return f"r:{event.recommendation}" if event.recommendation is not None else f"e:{event.event}"


def _chunks(names: set[str]) -> Iterator[list[str]]:
    ordered = sorted(names)
    for first in range(0, len(ordered), CHUNK):
        yield ordered[first : first + CHUNK]


def _marks(some: Sequence[str]) -> str:
    return ", ".join("?" * len(some))


def _pending(db: sqlite3.Connection, names: set[str]) -> dict[str, _Pending]:
    found = {}
    for some in _chunks(names):
        for name, window, user, sent, items, taken in db.execute(
            f"select * from lists where recommendation in ({_marks(some)})", some
        ):
            found[name] = _Pending(window, user, sent, tuple(json.loads(items)), set(json.loads(taken)))
    return found


def _waiting(db: sqlite3.Connection, names: set[str]) -> dict[str, list[tuple[str, str, float, int]]]:
    found: dict[str, list[tuple[str, str, float, int]]] = {}
    for some in _chunks(names):
        query = f"select * from waiting where recommendation in ({_marks(some)}) order by rowid"
        for name, *row in db.execute(query, some):
            found.setdefault(name, []).append((row[0], row[1], row[2], row[3]))
    return found


def _fact(db: sqlite3.Connection, name: str) -> str:
    row = db.execute("select value from facts where name = ?", (name,)).fetchone()
    return "" if row is None else str(row[0])


def _total(census: Census, db: sqlite3.Connection, windows: Sequence[int]) -> Sums:
    total = Sums.none(census)
    for window in windows:
        row = db.execute("select total, seen from windows where window = ?", (window,)).fetchone()
        total = total + Sums.unpacked(census, *row)
    return total


def _verdict_of(text: str) -> Verdict:
    value = json.loads(text)
    return replace(Verdict(**value), moved=tuple(Moved(**one) for one in value["moved"]))
