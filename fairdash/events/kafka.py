"""Events of a Kafka topic. They go through a log, and from there on are what they are from anywhere.

A message is an event as JSON, or a list of events. What was read and the place up to which each partition was read are
written into the log's file in one transaction, and nothing is committed to Kafka: a process that is killed at any
moment has either added a batch or not begun it. Processes that read into one file are one consumer group and share the
partitions. One that moves from process to process goes on from the place in the file, and what two have read is added
once: a message from before that place is passed over.

The file holds the events that still matter: what a watch has counted is let go once it is so old that the same event,
sent again, would be late.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sqlite3
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fairdash.errors import ConfigError, DataError
from fairdash.events.log import Event, EventLog, connected, parsed
from fairdash.words import say

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message, TopicPartition

SCHEME = "kafka"
PROPERTIES = "FAIRDASH_KAFKA"  # a file of librdkafka's properties, NAME=VALUE a line: how to sign in, and so on
PATIENCE = 60.0  # seconds in which Kafka has to say what there is
TOGETHER = 0.2  # seconds in which messages are gathered into one transaction
SESSION_MS = 6000  # after which others read the partitions of a process that was killed; Kafka's least

_TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")  # as Kafka allows them
_SCHEMA = """
create table if not exists topic (name text not null, consumers text not null);
create table if not exists places (partition integer primary key, next integer not null);
"""


def parts(address: str) -> tuple[str, str]:
    """Brokers and topic of kafka://HOST:PORT[,HOST:PORT…]/TOPIC. Raises ConfigError for another address."""
    split = urlsplit(address)
    topic = split.path.strip("/")
    if split.scheme != SCHEME or not split.netloc or "@" in split.netloc or not _TOPIC.fullmatch(topic):
        raise ConfigError(
            say("{address} is no topic of Kafka.", address=address.rpartition("@")[2]),
            say("Write kafka://HOST:PORT/TOPIC; how to sign in stands in the file that FAIRDASH_KAFKA names."),
        )
    return split.netloc, topic


class KafkaLog(EventLog):
    """The events of a topic, in a file that is made where it is not there yet. `close` tells the others of the group
    that this process reads no more."""

    def __init__(self, address: str, path: Path, lateness: float | None = None) -> None:
        """address: see `parts`. Raises ConfigError where the package confluent-kafka is not installed, or the file was
        made for another topic."""
        self.brokers, self.topic = parts(address)
        if importlib.util.find_spec("confluent_kafka") is None:
            raise ConfigError(
                say("Events of Kafka need the package confluent-kafka, which is not installed."),
                say("Run {command}.", command="`pip install 'fairdash[kafka]'`"),
            )
        super().__init__(path, lateness)
        with connected(path) as db:
            db.executescript(_SCHEMA)
            db.execute("begin immediate")
            if db.execute("select name from topic").fetchone() is None:
                db.execute("insert into topic values (?, ?)", (self.topic, f"fairdash-{uuid.uuid4().hex}"))
            found, self.group = db.execute("select name, consumers from topic").fetchone()
            db.execute("commit")
        if found != self.topic:
            raise ConfigError(
                say("{path} holds events of the topic {found}.", path=str(path), found=found),
                say("Name another --state: the topic is counted from its beginning."),
            )
        self._consumer: Consumer | None = None
        self._assigned: set[int] | None = None  # None until the group has said which partitions are ours
        self._ended: set[int | None] = set()  # partitions of which all there is was read
        self._trouble = ""

    def since(self, offset: int, limit: int) -> list[Event]:
        """As of any log: what is in the file, else the next messages. What comes up to `offset` was counted. Raises
        DataError where Kafka does not answer."""
        with connected(self.path) as db:
            old = "sent < (select max(sent) from events) - ?"
            db.execute(f"delete from events where offset <= ? and not late and {old}", (offset, self.lateness))
        while not (found := super().since(offset, limit)):
            messages = self._read(limit)
            if not messages:
                return []
            self._keep(messages)  # may be malformed, or known, all of them
        return found

    def close(self) -> None:
        """Leave the group."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = self._assigned = None

    def _keep(self, messages: Sequence[Message]) -> None:
        """Add messages to the file, with the places behind them, in one transaction."""
        try:
            with connected(self.path) as db:
                db.execute("begin immediate")
                next_of = dict(db.execute("select partition, next from places").fetchall())
                events: list[Any] = []
                for message in messages:
                    partition, place, value = message.partition(), message.offset(), message.value()
                    assert partition is not None
                    assert place is not None
                    if place < next_of.get(partition, 0):
                        continue  # another process of the group was faster
                    next_of[partition] = place + 1
                    if value is not None:
                        told = parsed(value.decode("utf-8", "replace"))
                        events += told if isinstance(told, list) else [told]
                self.add(db, events)
                db.executemany("insert or replace into places values (?, ?)", next_of.items())
                db.execute("commit")
        except sqlite3.Error:
            self.close()  # what was read and not kept is read again
            raise

    def _read(self, limit: int) -> list[Message]:
        """The next messages; none where all that there is was read."""
        from confluent_kafka import KafkaError

        consumer, patience = self._consumer or self._join(), time.monotonic() + PATIENCE
        while True:
            found = []
            for message in consumer.consume(limit, TOGETHER):
                error, partition = message.error(), message.partition()
                if error is None:
                    found.append(message)
                    self._ended.discard(partition)
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._ended.add(partition)
                elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                    raise DataError(
                        say("Kafka has deleted messages of {topic} that were not read yet.", topic=self.topic),
                        say("Begin anew with another --state, and keep messages for longer (retention.ms)."),
                    )
                else:
                    self._trouble = error.str()
            if found or (self._assigned is not None and self._assigned <= self._ended):
                return found
            if time.monotonic() > patience:
                raise DataError(
                    say("Kafka at {brokers} does not give what is in {topic}: {error}.", brokers=self.brokers,
                        topic=self.topic, error=self._trouble or say("no answer")),
                    say("Check the address, the topic, and whether Kafka is up; nothing that was read is lost."),
                )  # fmt: skip

    def _join(self) -> Consumer:
        """Join the group that reads into the file."""
        from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError

        def trouble(error: KafkaError) -> None:
            self._trouble = error.str()

        def assigned(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            with connected(self.path) as db:
                next_of = dict(db.execute("select partition, next from places").fetchall())
            for one in partitions:
                one.offset = next_of.get(one.partition, OFFSET_BEGINNING)
            consumer.assign(partitions)
            self._assigned, self._ended = {one.partition for one in partitions}, set()

        def revoked(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            consumer.unassign()
            self._assigned = None

        consumer = Consumer(
            {
                **_properties(),
                "bootstrap.servers": self.brokers,
                "group.id": self.group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",  # what Kafka has deleted is not passed over in silence
                "enable.partition.eof": True,
                "partition.assignment.strategy": "range",
                "session.timeout.ms": SESSION_MS,
                "heartbeat.interval.ms": SESSION_MS // 12,
                "log_level": 0,
                "error_cb": trouble,
            }
        )
        consumer.subscribe([self.topic], on_assign=assigned, on_revoke=revoked)
        self._consumer = consumer
        return consumer


def _properties() -> dict[str, str]:
    """Of the file that FAIRDASH_KAFKA names. Raises ConfigError for a line that is no property."""
    name = os.environ.get(PROPERTIES, "").strip()
    if not name:
        return {}
    lines = [line.strip() for line in Path(name).read_text("utf-8").splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    if any(not equals for _, equals, _ in pairs):
        raise ConfigError(
            say("A line of {name} is no NAME=VALUE.", name=name),
            say("Write properties of librdkafka, such as security.protocol=SASL_SSL."),
        )
    return {key.strip(): value.strip() for key, _, value in pairs}
