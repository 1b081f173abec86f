"""What people did becomes thumbs: the last word of each on each item counts."""

from __future__ import annotations

from pathlib import Path

from fairdash.events.learned import thumbs
from fairdash.events.log import EventLog
from tests.unit.events.test_log import START, event


def test_the_last_word_counts_in_the_order_in_which_it_was_sent(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log", lateness=1)
    log.append(
        [
            event(1, START + 9, itemId="a", eventType="thumbs_down"),
            event(2, START + 5, itemId="a"),  # late, and sent before
            event(3, START + 9, itemId="b"),
            event(4, START + 9, itemId=None, impression=["c"], eventType="shown"),
            event(5, START + 9, itemId="d", userId="u2", eventType="view"),
        ]
    )
    assert thumbs(log) == {"u1": {"a": False, "b": True}, "u2": {"d": True}}
    assert thumbs(log, taken=("click",)) == {"u1": {"a": False, "b": True}}
