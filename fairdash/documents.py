"""JSON documents that somebody brings: whatever is wrong with one is a ValueError."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from fairdash import settings, words


def read(source: Path | bytes) -> Any:
    """The value of a JSON document, of at most `MAX_UPLOAD_MB`: a file may never end. Raises OSError for a file that is
    not there, and ValueError for what is no JSON, too much, or lists within lists deeper than Python goes."""
    most = settings.MAX_UPLOAD_MB << 20
    if isinstance(source, Path):
        with source.open("rb") as file:
            source = file.read(most + 1)
    if len(source) > most:
        raise ValueError(words.say("it is larger than {n} MB", n=settings.MAX_UPLOAD_MB))
    return loads(source.decode("utf-8"))


class TwiceError(ValueError):
    """An object of a JSON document has two values under one name: which of them is meant nobody knows (RFC 8259, 4)."""


def loads(text: str | bytes) -> Any:
    """The value of a text of JSON. Raises ValueError for what is none, TwiceError among them."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError(words.say("it is nested too deep")) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        ((name, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise TwiceError(words.say("{name} stands twice in one record", name=repr(name)))
    return made
