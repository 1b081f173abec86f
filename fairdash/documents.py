"""JSON documents that somebody brings: whatever is wrong with one is a ValueError."""

from __future__ import annotations

import json
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
    try:
        return json.loads(source.decode("utf-8"))
    except RecursionError:
        raise ValueError(words.say("it is nested too deep")) from None
