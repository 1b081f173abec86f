"""The event log: append-only, in one SQLite file, for many writers and readers.

An event has the names that teams already send (those of Amazon Personalize's PutEvents): userId, sessionId, eventId,
eventType, sentAt, itemId, eventValue, impression, recommendationId. An event with an eventId that the log has counts
once: the first stays. One without an eventId is named by the digest of what it says, so that it may be sent again, too.

Events come out of order. The watermark is the latest sentAt so far; an event that was sent more than `lateness` seconds
before it is late: kept, and marked so, as the windows that it belongs to are closed (Akidau et al., The Dataflow Model,
VLDB 2015). Whether an event is late depends on the order of arrival alone, so that a log read again says the same.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sqlite3
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from fairdash import documents, settings
from fairdash.errors import DataError
from fairdash.words import say

FILE = "events.sqlite"  # in the workspace: where the API puts what a service sends
MAX_TEXT = 256  # characters of an id or a type
MAX_IMPRESSION = 1000  # items shown at once
MAX_KEPT_REFUSALS = 10_000  # the latest malformed events, which are kept aside with their reasons
MAX_KEPT_BODY = 2000  # characters of a malformed event
AHEAD_SECONDS = 600.0  # how far a sender's clock may be ahead: one that is years ahead would make all others late
_UNUSABLE = re.compile("[\0\ud800-\udfff]")  # no id holds these: halves of a letter cannot be stored
READ_LINES = 10_000  # of a file, added at once
CHUNK = 500  # ids that are looked up at once

_SCHEMA = """
create table if not exists events (
    offset integer primary key autoincrement, event text not null unique, user text not null, session text,
    kind text not null, sent real not null, item text, value real, impression text not null, recommendation text,
    arrived real not null, late integer not null
);
create index if not exists events_of_user on events (user, sent);
create index if not exists events_by_time on events (sent);
create index if not exists events_late on events (late) where late;
create table if not exists refused (
    offset integer primary key autoincrement, arrived real not null, reason text not null, body text not null
);
create table if not exists facts (name text primary key, value real not null);
"""
_COLUMNS = "offset, event, user, session, kind, sent, item, value, impression, recommendation, arrived, late"


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the log. offset: its place in the order of arrival, from 1. sent, arrived: seconds since 1970. item:
    what was clicked, played, bought; None where it was only shown. impression: the items shown, the first first."""

    offset: int
    event: str
    user: str
    session: str | None
    kind: str
    sent: float
    item: str | None
    value: float | None
    impression: tuple[str, ...]
    recommendation: str | None
    arrived: float
    late: bool


@dataclass(frozen=True)
class RefusedEvent:
    """An event that is none. index: its place in the request, from 0."""

    index: int
    reason: str


@dataclass(frozen=True)
class Taken:
    """What became of the events: each is counted in one of the four."""

    accepted: int
    repeated: int
    late: int
    refused: tuple[RefusedEvent, ...]


@dataclass(frozen=True)
class Counts:
    """What became of all events since the log began. events: with the late ones."""

    events: int
    late: int
    repeated: int
    refused: int


class Aside:
    """What a log, or what was counted of one, holds by now, in memory: what comes is added there, for as long as the
    object lives, and the file stays as it is. One that is not there yet begins empty."""

    def __init__(self, file: Path) -> None:
        self.address = f"file:{uuid.uuid4().hex}?mode=memory&cache=shared"
        self._held = sqlite3.connect(self.address, uri=True, check_same_thread=False)  # without it all is forgotten
        if file.exists():
            with connected(file, look=True) as kept:
                kept.backup(self._held)


Place = Path | Aside


@contextmanager
def connected(place: Place, *, look: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection of its own to a log, or to what was counted of one. A killed process loses nothing that was
    committed; what is written in one go stands between `begin immediate` and `commit`. look: nothing can be written."""
    if isinstance(place, Aside):
        address: str | Path = place.address
    else:
        address = f"{place.absolute().as_uri()}?mode=rw" if look else place  # "ro" would leave SQLite's own files there
    db = sqlite3.connect(address, timeout=30.0, isolation_level=None, uri=isinstance(address, str))
    try:
        db.execute("pragma query_only = on" if look else "pragma synchronous = normal")
        yield db
    finally:
        db.close()


def _unusable(path: Place, error: str) -> DataError:
    return DataError(
        say("{path} cannot be used as an event log: {error}.", path=str(path), error=error),
        say("Name a file that this program wrote, or one that does not exist in a folder that does."),
    )


class EventLog:
    """A log in a file, which is made where it is not there yet. Every call opens its own connection, so that threads
    may share a log, and processes a file. A killed process loses no event that `append` returned for."""

    def __init__(
        self,
        path: Place,
        lateness: float | None = None,
        known_as: Callable[[str], str] | None = None,
        *,
        look: bool = False,
    ) -> None:
        """lateness: seconds after which an event is late, kept in the file when it is made; None is
        `settings.EVENT_LATENESS`, or what the file has. known_as: what people of the log are called by who reads it
        (`since`). look: the log is read alone, and has to be there."""
        self.path, self.known_as, self.look = path, known_as, look
        try:
            if isinstance(path, Path) and not look:
                path.parent.mkdir(parents=True, exist_ok=True)
            with connected(path, look=look) as db:
                if not look:
                    db.execute("pragma journal_mode = wal")
                    db.executescript(_SCHEMA)
                    wanted = float(settings.EVENT_LATENESS if lateness is None else lateness)
                    db.execute("insert or ignore into facts values ('lateness', ?), ('repeated', 0)", (wanted,))
                told = db.execute("select value from facts where name = 'lateness'").fetchone()
                if told is None:
                    raise sqlite3.DatabaseError(say("it says nothing of how late events may be"))
                (found,) = told
        except (sqlite3.DatabaseError, OSError) as error:
            raise _unusable(path, str(error)) from error
        if lateness is not None and found != lateness:
            raise DataError(
                say("{path} was made for events that are up to {n} seconds late.", path=str(path), n=round(found)),
                say("Leave out the lateness, or begin another log."),
            )
        self.lateness = float(found)

    def sound(self) -> None:
        """Raises DataError where the file is damaged anywhere, or lacks a part of what a log has."""
        try:
            with connected(self.path, look=True) as db:
                found = str(db.execute("pragma integrity_check(1)").fetchone()[0])
                db.execute(f"select {_COLUMNS} from events limit 1").fetchone()
                db.execute("select offset, arrived, reason, body from refused limit 1").fetchone()
        except sqlite3.DatabaseError as error:
            found = str(error)
        if found != "ok":
            raise _unusable(self.path, found)

    def append(self, events: Sequence[Any]) -> Taken:
        """Add a batch, in one transaction: see `add`."""
        with connected(self.path) as db:
            db.execute("begin immediate")
            done = self.add(db, events)
            db.execute("commit")
        return done

    def add(self, db: sqlite3.Connection, events: Sequence[Any]) -> Taken:
        """Add a batch within a transaction on the log's file. A malformed event is refused with its reason and kept
        aside; the others of the batch are added."""
        now = time.time()
        rows: list[list[Any]] = []
        refused: list[RefusedEvent] = []
        for index, event in enumerate(events):
            read = _read(event, now)
            if isinstance(read, str):
                refused.append(RefusedEvent(index, read))
            else:
                rows.append(read)
        known = _known(db, [row[0] for row in rows])
        watermark = _watermark(db)
        fresh = []
        for row in rows:
            if row[0] in known:
                continue
            known.add(row[0])
            row.append(int(row[4] < watermark - self.lateness))
            watermark = max(watermark, row[4])
            fresh.append(row)
        db.executemany(
            f"insert into events ({_COLUMNS.partition(', ')[2]}) values ({', '.join('?' * 11)})",
            fresh,
        )
        repeated = len(rows) - len(fresh)
        db.execute("update facts set value = value + ? where name = 'repeated'", (repeated,))
        if refused:
            kept = [(now, refusal.reason, _body(events[refusal.index])) for refusal in refused]
            db.executemany("insert into refused (arrived, reason, body) values (?, ?, ?)", kept)
            db.execute(
                "delete from refused where offset <= (select max(offset) from refused) - ?", (MAX_KEPT_REFUSALS,)
            )
        late = sum(row[-1] for row in fresh)
        return Taken(len(fresh) - late, repeated, late, tuple(refused))

    def since(self, offset: int, limit: int) -> list[Event]:
        """At most `limit` events after this offset, in the order of their arrival; 0 begins at the first."""
        with connected(self.path, look=self.look) as db:
            found = db.execute(
                f"select {_COLUMNS} from events where offset > ? order by offset limit ?", (offset, limit)
            )
            events = [_event(row) for row in found]
        name = self.known_as
        return events if name is None else [replace(event, user=name(event.user)) for event in events]

    def of(self, user: str) -> list[Event]:
        """All events of a person, the late ones too, in the order in which they were sent."""
        with connected(self.path, look=self.look) as db:
            found = db.execute(f"select {_COLUMNS} from events where user = ? order by sent, offset", (user,))
            return [_event(row) for row in found]

    def last(self) -> Event | None:
        """The event that came last."""
        with connected(self.path, look=self.look) as db:
            row = db.execute(f"select {_COLUMNS} from events order by offset desc limit 1").fetchone()
            return None if row is None else _event(row)

    def forget(self, before: float) -> int:
        """Remove the events, and the malformed ones, that came before a time (seconds since 1970), and what the file
        still holds of them; returns how many. What was counted of them stays counted."""
        with connected(self.path) as db:
            db.execute("pragma secure_delete = on")
            db.execute("begin immediate")
            gone = db.execute("delete from events where arrived < ?", (before,)).rowcount
            gone += db.execute("delete from refused where arrived < ?", (before,)).rowcount
            db.execute("commit")
            if gone:
                db.execute("pragma wal_checkpoint(truncate)")
        return int(gone)

    def counts(self) -> Counts:
        """What became of all events so far."""
        with connected(self.path, look=self.look) as db:
            (events,) = db.execute("select coalesce(max(offset), 0) from events").fetchone()
            (late,) = db.execute("select count(*) from events where late").fetchone()
            (repeated,) = db.execute("select value from facts where name = 'repeated'").fetchone()
            (refused,) = db.execute("select coalesce(max(offset), 0) from refused").fetchone()
        return Counts(events, late, int(repeated), refused)


def read_lines(source: str, size: int = READ_LINES) -> Iterator[tuple[int, list[Any]]]:
    """Events as JSON, one a line, from a file or "-" for stdin: the number of a batch's first line, and the batch. A
    line that is no JSON comes as its text, which the log refuses."""
    with ExitStack() as stack:
        lines = (
            sys.stdin if source == "-" else stack.enter_context(Path(source).open(encoding="utf-8", errors="replace"))
        )
        first = 1
        while some := list(islice(lines, size)):
            yield first, [parsed(line) for line in some]
            first += len(some)


def parsed(line: str) -> Any:
    """JSON; a text that is none, or has a name twice, stays itself, which the log refuses."""
    try:
        return documents.loads(line)
    except ValueError:
        return line


def _known(db: sqlite3.Connection, events: Sequence[str]) -> set[str]:
    """Those of these eventIds that the log has."""
    found: set[str] = set()
    for first in range(0, len(events), CHUNK):
        some = events[first : first + CHUNK]
        marks = ", ".join("?" * len(some))
        found.update(row[0] for row in db.execute(f"select event from events where event in ({marks})", some))
    return found


def _watermark(db: sqlite3.Connection) -> float:
    (found,) = db.execute("select max(sent) from events").fetchone()
    return -math.inf if found is None else float(found)


def _event(row: Sequence[Any]) -> Event:
    offset, event, user, session, kind, sent, item, value, impression, recommendation, arrived, late = row
    shown = tuple(json.loads(impression))
    return Event(offset, event, user, session, kind, sent, item, value, shown, recommendation, arrived, bool(late))


def _read(event: object, now: float) -> list[Any] | str:
    """The columns of an event but its offset and whether it is late, or why it is none."""
    if not isinstance(event, Mapping):
        return say("An event is an object with userId, eventType, sentAt and itemId or impression.")
    texts: dict[str, str | None] = {}
    for name in ("userId", "eventType", "eventId", "sessionId", "itemId", "recommendationId"):
        text = _text(event.get(name))
        if text is None or (text == "" and name in ("userId", "eventType")):
            return say("{name} is a text of 1 to {n} characters, or a whole number.", name=name, n=MAX_TEXT)
        texts[name] = text or None
    sent = moment(event.get("sentAt"))
    if sent is None:
        return say("sentAt is a time as 2026-01-31T12:00:00Z, or in seconds or milliseconds since 1970.")
    if sent > now + AHEAD_SECONDS:
        return say("sentAt lies more than {n} seconds ahead of this machine's clock.", n=int(AHEAD_SECONDS))
    value = event.get("eventValue")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value)):
        return say("eventValue is a finite number.")
    given = event.get("impression")
    shown = [] if given is None else given
    if isinstance(shown, str) or not isinstance(shown, Sequence) or len(shown) > MAX_IMPRESSION:
        return say("impression is a list of at most {n} items.", n=MAX_IMPRESSION)
    items = [_text(item) for item in shown]
    if not all(items) or len(set(items)) < len(items):
        return say("impression holds ids of items, each once.")
    if texts["itemId"] is None and not items:
        return say("There is neither an itemId nor an impression.")
    said = [
        *(texts["userId"], texts["sessionId"], texts["eventType"], sent, texts["itemId"]),
        None if value is None else float(value),
        *(json.dumps(items, ensure_ascii=False), texts["recommendationId"]),
    ]
    return [texts["eventId"] or "sha256:" + hashlib.sha256(json.dumps(said).encode()).hexdigest(), *said, now]


def _text(value: object) -> str | None:
    """An id as text, "" where there is none; None where it is no id."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    if isinstance(value, int) and value.bit_length() > 64:  # more digits than Python writes are an error there
        return None
    text = str(value).strip()
    return text if len(text) <= MAX_TEXT and not _UNUSABLE.search(text) else None


def moment(value: object) -> float | None:
    """Seconds since 1970 of a sentAt: ISO 8601 (UTC where it names no zone), or a number of seconds or, from 10¹¹ on,
    milliseconds; None if it is neither."""
    if isinstance(value, str):
        try:
            date = datetime.fromisoformat(value.strip())
            value = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
            return value if value >= 0 else None
        except (ValueError, OverflowError):
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value) or value < 0:
        return None
    return float(value) / (1000.0 if value >= 1e11 else 1.0)


def _finite(value: int | float) -> bool:
    return abs(value) <= 1e300 and not math.isnan(value)


def _body(event: object) -> str:
    """A malformed event as it is kept; what cannot be written as JSON, as Python shows it."""
    try:
        text = json.dumps(event)
    except (TypeError, ValueError, RecursionError):
        text = repr(type(event))
    return text[:MAX_KEPT_BODY]
