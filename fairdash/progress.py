"""How a stage says how far it is, and learns that it should stop. Jobs and the command line give it a `Progress`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


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
