"""What a watch can be over: a log's file, or a topic of Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from fairdash.events import kafka
from fairdash.events.log import EventLog


@contextmanager
def opened(events: str, state: Path | None = None) -> Iterator[tuple[EventLog, Path]]:
    """The events that were asked for, a file or kafka://HOST:PORT/TOPIC, and the file for the state of a watch over
    them: `state`, else one beside the log, or one in this folder that is called as the topic. Beside the state of a
    topic stand the events that still matter."""
    if not events.startswith(f"{kafka.SCHEME}://"):
        log = Path(events)
        yield EventLog(log), state or log.with_name(f"{log.name}.watch")
        return
    state = state or Path(f"{kafka.parts(events)[1]}.watch")
    with closing(kafka.KafkaLog(events, state.with_name(f"{state.name}.events"))) as topic:
        yield topic, state
