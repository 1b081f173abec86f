"""Where the parts of a work run: on this machine, or on a Ray cluster.

A work is a function of something that all parts share (a model, tables) and of one part (some people, some rows of a
file). An engine calls it for every part, wherever it likes; what comes back does not hang on where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import add
from typing import Any, Protocol, TypeVar

from fairdash import words
from fairdash.errors import ConfigError

TRIES = 8  # of what was lost with its machine or process
MOMENT = 0.25  # seconds between two looks at those that work together
GRACE = 5.0  # seconds in which the others say what went wrong, when one could not go on
S = TypeVar("S")
P = TypeVar("P")
R = TypeVar("R")


class Lost(Exception):  # noqa: N818 - who is lost made no error
    """Raised by one of several that work together when another one does not answer any more."""


def joined(parts: Iterable[R], both: Callable[[R, R], R]) -> R | None:
    """All parts as one, None of no parts: `both` makes one of two neighbours, of as many parts each first, so that what
    grows is made anew a few times and not with every part; then of what is left over."""
    sums: list[tuple[int, R]] = []  # of 2^height parts each, the higher before the lower
    for one in parts:
        sums.append((0, one))
        while len(sums) > 1 and sums[-1][0] == sums[-2][0]:
            (height, left), (_, right) = sums[-2:]
            sums[-2:] = [(height + 1, both(left, right))]
    while len(sums) > 1:
        (height, left), (_, right) = sums[-2:]
        sums[-2:] = [(height, both(left, right))]
    return sums[0][1] if sums else None


def added(parts: Iterable[Any]) -> Any:
    """The parts, at least one, by `+`."""
    return joined(parts, add)


class Engine(Protocol):
    """See the module. function: of this package's modules, free of state. shared, parts, results: can be pickled.
    told: is called with each part that is done, in any order. Raises what the function raises."""

    @property
    def workers(self) -> int:
        """How many parts are worked on at once."""

    def each(
        self, function: Callable[[S, P], R], shared: S, parts: Iterable[P], told: Callable[[P], None] = ...
    ) -> Iterator[R]:
        """What the function gives for each part, in the order of the parts."""

    def total(
        self,
        function: Callable[[S, P], R],
        shared: S,
        parts: Iterable[P],
        told: Callable[[P], None] = ...,
        gather: Callable[[Iterable[R]], R] = ...,
    ) -> R | None:
        """What the function gives of all parts as one, in an order that hangs on the parts alone; None of no parts.
        gather: makes one of any number of neighbours, the same in any grouping; else they are added."""

    def together(
        self, function: Callable[[S, int, str], R], shared: S, n: int, meanwhile: Callable[[], None] = ...
    ) -> list[R]:
        """function(shared, rank, name) for each rank below n, all at the same time, each in a process of its own: what
        they give, by rank. name: of this meeting. meanwhile: is called every now and then until they are done; what it
        raises ends them all. Where one of them is lost (its process or machine is gone, or the others raise Lost) all
        begin anew, under another name. Raises ConfigError for more than there are workers, and what else one raises."""


_usual: ContextVar[Engine | None] = ContextVar("usual", default=None)


@contextmanager
def using(engine: Engine) -> Iterator[None]:
    """Within the block jobs work there."""
    before = _usual.set(engine)
    try:
        yield
    finally:
        _usual.reset(before)


def usual() -> Engine | None:
    """Where jobs work; None is this machine."""
    return _usual.get()


def nobody(_: Any) -> None:
    """Nobody is told of parts."""


def nothing() -> None:
    """Nothing is done meanwhile."""


def check_workers(wanted: int, there: int) -> None:
    """Raises ConfigError where fewer workers are there than have to work at the same time."""
    if not 1 <= wanted <= there:
        raise ConfigError(
            words.say(
                "{n} worker is asked for, and there are {there}.",
                "{n} workers at the same time are asked for, and there are {there}.", n=wanted,
                      there=there),
            words.say("Ask for fewer, or bring more cores to the cluster."),
        )  # fmt: skip
