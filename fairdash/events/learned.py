"""What people did as feedback to learn from: the last word of each person on each item, for `stages.feedback`."""

from __future__ import annotations

from collections.abc import Collection

from fairdash.events.log import EventLog
from fairdash.stages.feedback import Thumbs

DISLIKES = ("dislike", "thumbs_down", "downvote", "skip")  # types of events that say no
READ = 20_000  # events that are read at once


def thumbs(log: EventLog, taken: Collection[str] = (), dislikes: Collection[str] = DISLIKES) -> Thumbs:
    """A person's id → an item's id → whether they took it; what was said last counts, in the order in which it was
    sent. taken: types of events that say yes; (): all with an itemId that do not say no. Late events count, too: what
    somebody did is true whenever it is told."""
    last: dict[tuple[str, str], tuple[float, int, bool]] = {}
    offset = 0
    while events := log.since(offset, READ):
        offset = events[-1].offset
        for one in events:
            no = one.kind in dislikes
            if one.item is None or not (no or not taken or one.kind in taken):
                continue
            said = (one.sent, one.offset, not no)
            last[one.user, one.item] = max(last.get((one.user, one.item), said), said)
    found: dict[str, dict[str, bool]] = {}
    for (user, item), (_, _, up) in last.items():
        found.setdefault(user, {})[item] = up
    return found
