"""How a stage says how far it is, and learns that it should stop. Jobs and the command line give it a `Progress`.

What works elsewhere (`telling`) writes into a file that both see, and whoever asked for it reads there (`Heard`)."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from fairdash import words

TELL_SECONDS = 0.25  # a line is written at most so often, unless it holds values


class Progress(Protocol):
    """Called often and cheaply. Raises `errors.Cancelled` when the person asked to stop."""

    def __call__(self, done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        """done: 0…1 of the whole stage. message: one line for people. values: curve points such as {"loss": 2.1}."""


def silent(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
    """The Progress of a caller that does not listen."""


def within(progress: Progress, start: float, share: float) -> Progress:
    """The Progress of a step that is `share` of a whole, from `start` on (both 0…1 of the whole)."""

    def step(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        progress(start + share * done, message, values)

    return step


@contextmanager
def telling(file: Path) -> Iterator[Progress]:
    """A Progress that adds lines to a file, behind what others wrote."""
    last, lately = -math.inf, ""
    with file.open("a", encoding="utf-8") as out:

        def tell(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
            nonlocal last, lately
            if values or message != lately or time.monotonic() - last > TELL_SECONDS:
                last, lately = time.monotonic(), message
                line = {"done": done, "message": message, "said": words.forms(message), "values": values}
                out.write(f"\n{json.dumps(line)}\n")  # a killed one may have begun a line
                out.flush()

        yield tell


class Heard:
    """Tells a Progress what `telling` wrote since the last call; where that is nothing, how far it is, so that the
    Progress may say stop."""

    def __init__(self, file: Path, progress: Progress) -> None:
        self._file, self._progress = file, progress
        self._at, self._done = 0, 0.0

    def __call__(self) -> None:
        """Raises what the Progress raises."""
        try:
            with self._file.open("rb") as file:
                file.seek(self._at)
                new = file.read()
        except FileNotFoundError:
            new = b""
        whole = new.rfind(b"\n") + 1
        self._at += whole
        for line in new[:whole].splitlines():
            try:
                told = json.loads(line)
            except ValueError:  # none, or a killed one's
                continue
            self._done = float(told["done"])
            self._progress(self._done, words.again(told["message"], told["said"]), told["values"])
        if not whole:
            self._progress(self._done)
