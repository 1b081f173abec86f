"""The event log: each event once, in its place or counted as late, and malformed ones aside with their reason."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairdash.errors import DataError
from fairdash.events.log import MAX_IMPRESSION, MAX_TEXT, EventLog, Taken, moment

START = 1_700_000_000.0


def event(number: int, sent: float = START, **fields: Any) -> dict[str, Any]:
    return {
        **{"userId": "u1", "sessionId": "s", "eventId": f"e{number}", "eventType": "click"},
        **{"sentAt": sent, "itemId": "i1"},
        **fields,
    }


def test_the_same_event_counts_once_within_a_batch_and_across(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log.sqlite")
    assert log.append([event(1), event(2), event(1, itemId="i9")]) == Taken(2, 1, 0, ())
    assert log.append([event(2), event(3)]) == Taken(1, 1, 0, ())
    assert [(e.event, e.item) for e in log.since(0, 10)] == [("e1", "i1"), ("e2", "i1"), ("e3", "i1")]
    assert log.counts().repeated == 2


def test_an_event_without_an_id_is_named_by_what_it_says(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log.sqlite")
    one = event(0)
    del one["eventId"]
    assert log.append([one, one, {**one, "itemId": "i2"}]) == Taken(2, 1, 0, ())


def test_events_within_the_lateness_are_put_where_they_belong_and_later_ones_are_counted(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log.sqlite", lateness=60)
    done = log.append([event(1, START + 100), event(2, START + 40), event(3, START + 39.9), event(4, START + 200)])
    assert done == Taken(3, 0, 1, ())
    assert log.append([event(5, START + 139)]).late == 1
    assert [e.event for e in log.of("u1")] == ["e3", "e2", "e1", "e5", "e4"]
    assert [e.event for e in log.since(0, 10) if e.late] == ["e3", "e5"]
    assert (log.counts().events, log.counts().late) == (5, 2)


def test_a_repeated_event_does_not_move_the_watermark(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log.sqlite", lateness=60)
    log.append([event(1), event(1, START + 10_000)])
    assert log.append([event(2, START - 30)]).late == 0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"userId": None}, "userId"),
        ({"userId": "  "}, "userId"),
        ({"userId": True}, "userId"),
        ({"userId": "x" * (MAX_TEXT + 1)}, "userId"),
        ({"userId": "\ud800"}, "userId"),
        ({"userId": 10**400}, "userId"),
        ({"eventId": ["e"]}, "eventId"),
        ({"eventType": ""}, "eventType"),
        ({"sentAt": "yesterday"}, "sentAt"),
        ({"sentAt": float("nan")}, "sentAt"),
        ({"sentAt": -1}, "sentAt"),
        ({"sentAt": 10**400}, "sentAt"),
        ({"sentAt": "9999-01-01"}, "ahead"),
        ({"sentAt": "0001-01-01T00:00:00+14:00"}, "sentAt"),
        ({"eventValue": "5"}, "eventValue"),
        ({"eventValue": float("inf")}, "eventValue"),
        ({"impression": "i1"}, "impression"),
        ({"impression": [f"i{n}" for n in range(MAX_IMPRESSION + 1)]}, "impression"),
        ({"impression": ["i1", "i1"]}, "each once"),
        ({"impression": ["i1", None]}, "impression"),
        ({"itemId": None}, "neither"),
    ],
)
def test_a_malformed_event_is_kept_aside_with_its_reason(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    log = EventLog(tmp_path / "log.sqlite")
    done = log.append([event(1), event(2, **fields), event(3)])
    assert done.accepted == 2
    assert [(r.index, reason in r.reason) for r in done.refused] == [(1, True)], done.refused
    assert log.counts().refused == 1
    with sqlite3.connect(log.path) as db:
        ((kept, body),) = db.execute("select reason, body from refused").fetchall()
    assert kept == done.refused[0].reason
    assert body


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = (*("userId", "sessionId", "eventId", "eventType", "sentAt", "itemId", "eventValue", "impression"), "other")


@settings(deadline=None, max_examples=60)
@given(st.lists(JSON | st.dictionaries(st.sampled_from(NAMES), JSON), max_size=5))
def test_each_event_of_any_batch_is_counted_in_one_place(
    tmp_path_factory: pytest.TempPathFactory, batch: list[Any]
) -> None:
    log = EventLog(tmp_path_factory.mktemp("log") / "log.sqlite")
    done = log.append(batch)
    assert done.accepted + done.repeated + done.late + len(done.refused) == len(batch)
    assert log.counts().events == len(log.since(0, 100)) == done.accepted + done.late


def test_times_are_read_as_they_are_sent() -> None:
    assert (
        moment("2026-01-31T12:00:00Z")
        == moment("2026-01-31T13:00:00+01:00")
        == moment("2026-01-31 12:00")
        == (moment(1769860800))
    )
    assert moment(1769860800123) == 1769860800.123


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log.sqlite")
    log.append([event(1, userId=7, eventValue=4, impression=["i1", "片"], recommendationId="r1")])
    (one,) = EventLog(log.path).since(0, 1)
    assert (one.user, one.value, one.impression, one.recommendation) == ("7", 4.0, ("i1", "片"), "r1")
    assert log.since(one.offset, 1) == log.of("nobody") == []


def test_a_log_keeps_the_lateness_it_was_made_for(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    EventLog(path, lateness=5)
    assert EventLog(path).lateness == 5
    with pytest.raises(DataError, match="5 seconds late"):
        EventLog(path, lateness=6)


def test_a_file_that_is_no_log_is_an_error_of_the_person(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").write_text(json.dumps({"no": "log"}) * 100)
    with pytest.raises(DataError, match="cannot be used"):
        EventLog(tmp_path / "log.sqlite")
    with pytest.raises(DataError, match="cannot be used"):
        EventLog(tmp_path)


def test_many_writers_lose_and_double_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    EventLog(path)

    def write(first: int) -> None:
        for number in range(first, first + 20):
            EventLog(path).append([event(number), event(number + 10)])  # half of them are said by two writers

    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 10, 20)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    log = EventLog(path)
    found = log.since(0, 1000)
    assert sorted(int(e.event[1:]) for e in found) == list(range(50))
    assert [e.offset for e in found] == sorted({e.offset for e in found})
    assert log.counts().repeated == 120 - 50
