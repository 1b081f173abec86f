"""Events of Kafka, from the brokers that its client runs in the process: what is counted is what a log counts, across a
process that is killed and partitions that move."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairdash.errors import ConfigError, DataError
from fairdash.events import kafka, sources
from fairdash.events.kafka import KafkaLog
from fairdash.events.log import Counts, EventLog
from tests.unit.events.service import service, simulation, watch
from tests.unit.events.test_watch import all_of, column, event

pytest.importorskip("confluent_kafka")

PARTITIONS, LATENESS = 4, 10.0**6  # so late that what is counted does not hang on which partition was read first
DATA = service()
Send = Callable[..., str]


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> Iterator[Send]:
    """Puts messages into a topic, in turn into its partitions; gives its address."""
    from confluent_kafka import Producer

    monkeypatch.setattr(kafka, "SESSION_MS", 4000)
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    brokers = ",".join(f"{one.host}:{one.port}" for one in producer.list_topics(timeout=10).brokers.values())

    def put(topic: str, messages: list[bytes | None]) -> str:
        for number, message in enumerate(messages):
            producer.produce(topic, message, partition=number % PARTITIONS)
            producer.poll(0)
        assert producer.flush(10) == 0
        return f"kafka://{brokers}/{topic}"

    yield put
    producer.flush(1)


WORKER = """
import sys
from pathlib import Path
from fairdash.events import kafka
from tests.unit.events.service import service, watch
kafka.SESSION_MS = 4000
state = Path(sys.argv[2])
watched = watch(service(), kafka.KafkaLog(sys.argv[1], state.with_suffix(".events"), 10.0**6), state)
while True:
    if watched.advance(53):
        print("+", flush=True)
"""


def test_neither_a_kill_nor_partitions_that_move_lose_or_double_an_event(tmp_path: Path, send: Send) -> None:
    events = simulation(DATA).events(0, 1600)
    lines = [json.dumps(one).encode() for one in events]
    address = send("events", lines[:1000])
    state = tmp_path / "state"
    worker = subprocess.Popen([sys.executable, "-c", WORKER, address, str(state)], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    for _ in range(5):
        assert worker.stdout.readline() == "+\n"
    log = KafkaLog(address, state.with_suffix(".events"), LATENESS)
    beside = watch(DATA, log, state)
    mine = beside.advance(53)  # half of the partitions have moved here, wherever the worker is
    send("events", [*lines[1000:], *lines[500:600], b"no json", b"{}", None])
    while not mine:
        mine = beside.advance(53)
    assert worker.stdout.readline() == "+\n"
    worker.send_signal(signal.SIGKILL)  # in the middle of the next batch, or of the last one
    assert worker.wait() == -signal.SIGKILL
    worker.stdout.close()
    while log.counts() != Counts(len(events), 0, 100, 2):
        beside.advance(53)  # the worker's partitions move here once it is missed
    while beside.advance(53):
        pass
    log.close()
    whole = all_of(watch(DATA, filled_with(tmp_path / "whole", events), tmp_path / "of-whole"))
    assert beside.total() == whole.total()


def filled_with(path: Path, events: list[dict[str, Any]]) -> EventLog:
    log = EventLog(path, LATENESS)
    log.append(events)
    return log


def test_the_file_keeps_what_still_matters(tmp_path: Path, send: Send) -> None:
    """An event that is let go can come again: it is late then, and counted no second time."""
    shown = [event(n, 100.0 * n, impression=["i1"]) for n in range(6)]
    address = send("events", [json.dumps(shown[:3]).encode()])  # a message may hold several
    with sources.opened(address, tmp_path / "state") as (log, state):
        assert isinstance(log, KafkaLog)
        log.lateness = 150.0
        watched = all_of(watch(DATA, log, state))
        send("events", [json.dumps(shown[3:]).encode(), json.dumps(shown[0]).encode()])
        while log.counts().late < 1 or column(watched, "lists") < 6:
            watched.advance()
        assert watched.advance() == 0
        assert {one.event for one in log.since(0, 99) if not one.late} == {"e4", "e5"}


def test_what_cannot_be_read_is_named(tmp_path: Path, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("kafka://host", "kafka:///topic", "kafka://me:secret@host:1/topic", "kafka://host:1/../topic"):
        with pytest.raises(ConfigError, match="no topic of Kafka") as caught:
            KafkaLog(wrong, tmp_path / "log")
        assert "secret" not in caught.value.message
    address = send("events", [b"{}"])
    KafkaLog(address, tmp_path / "log")
    with pytest.raises(ConfigError, match="holds events of the topic events"):
        KafkaLog(address.replace("/events", "/others"), tmp_path / "log")
    monkeypatch.setattr(kafka, "PATIENCE", 0.0)
    with pytest.raises(DataError, match="does not give what is in events"):
        KafkaLog("kafka://127.0.0.1:9/events", tmp_path / "log").since(0, 1)
    monkeypatch.setenv(kafka.PROPERTIES, str(tmp_path / "kafka.properties"))
    (tmp_path / "kafka.properties").write_text("# how to sign in\nsecurity.protocol\n")
    with pytest.raises(ConfigError, match=r"no NAME=VALUE"):
        KafkaLog(address, tmp_path / "log").since(0, 1)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="need the package confluent-kafka") as caught:
        KafkaLog(address, tmp_path / "log")
    assert "fairdash[kafka]" in caught.value.hint
