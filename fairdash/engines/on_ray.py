"""A Ray cluster: parts are tasks, what they share is put into its store once, and sums are added up as a tree of tasks,
so that one result alone comes back.

A task whose machine is lost is done again on another one. Every machine must have FairDash, in this version, and the
files that are read.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import socket
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fairdash import words
from fairdash.engines import GRACE, MOMENT, TRIES, Lost, P, R, S, added, check_workers, joined, nobody, nothing
from fairdash.errors import ConfigError, FairDashError

ANSWER = 5.0  # seconds in which a cluster has to answer at its address; Ray itself would try for ever
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)  # of gRPC, with no wishes
AHEAD = 2  # parts a worker that are handed out at once: one waits while one is worked on


class OnRay:
    """See `Engine`. The cluster that this begins ends with the process."""

    def __init__(self, address: str | None = None) -> None:
        if importlib.util.find_spec("ray") is None:
            raise ConfigError(
                words.say("The engine ray needs the package ray, which is not installed."),
                words.say("Run {command}.", command="`pip install 'fairdash[ray]'`"),
            )
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers
        os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # of tasks that waited for one that failed
        import ray

        self.ray: Any = ray
        if not ray.is_initialized():
            try:
                named = address if address not in (None, "auto") else os.environ.get("RAY_ADDRESS", address)
                _answers(named)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of its own coming changes
                    # without "local" Ray looks for a cluster that somebody else began here, or that has died since
                    ray.init(address=address if named else "local", include_dashboard=None if named else False,
                             log_to_driver=False, logging_level=logging.ERROR)  # fmt: skip
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                raise ConfigError(
                    words.say("No Ray cluster answers at {address}: {error}.", address=named or "this machine",
                              error=str(error).splitlines()[0]),
                    words.say("Check the address; without --address a cluster is begun on this machine."),
                ) from error  # fmt: skip
        self._call: Any = ray.remote(max_retries=TRIES, num_returns=2)(_call)
        self._add: Any = ray.remote(max_retries=TRIES)(_add)

    @property
    def workers(self) -> int:
        """The cluster's cores."""
        return max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def each(
        self, function: Callable[[S, P], R], shared: S, parts: Iterable[P], told: Callable[[P], None] = nobody
    ) -> Iterator[R]:
        """See `Engine`."""
        kept, limit = self.ray.put(shared), AHEAD * self.workers
        running: deque[tuple[P, Any]] = deque()

        def first() -> R:
            part, result = running.popleft()
            found: R = self._get(result)
            told(part)
            return found

        for part in parts:
            running.append((part, self._call.remote(function, kept, part)[0]))
            if len(running) >= limit:
                yield first()
        while running:
            yield first()

    def total(
        self,
        function: Callable[[S, P], R],
        shared: S,
        parts: Iterable[P],
        told: Callable[[P], None] = nobody,
        gather: Callable[[Iterable[R]], R] = added,
    ) -> R | None:
        """See `Engine`: two sums of as many parts each are gathered wherever they are, then what is left over."""
        kept, limit = self.ray.put(shared), AHEAD * self.workers
        running: dict[Any, P] = {}

        def wait(at_most: int) -> None:
            while len(running) > at_most:
                (done,), _ = self.ray.wait(list(running), num_returns=1)
                self._get(done)  # says what went wrong; the result stays where it is
                told(running.pop(done))

        def results() -> Iterator[Any]:
            for part in parts:
                result, done = self._call.remote(function, kept, part)
                running[done] = part
                yield result
                wait(limit - 1)
            wait(0)

        last = joined(results(), lambda left, right: self._add.remote(gather, left, right))
        total: R | None = None if last is None else self._get(last)
        return total

    def together(
        self, function: Callable[[S, int, str], R], shared: S, n: int, meanwhile: Callable[[], None] = nothing
    ) -> list[R]:
        """See `Engine`. Where a machine was lost, and no other came, those that are left share their cores."""
        check_workers(n, self.workers)
        kept = self.ray.put(shared)
        for left in reversed(range(TRIES)):
            name, each = uuid.uuid4().hex, math.ceil(n / self.workers)
            once = self.ray.remote(max_retries=0, num_cpus=1 / each)(function)
            running = [once.remote(kept, rank, name) for rank in range(n)]
            try:
                lost = self._listen(running, n, each, meanwhile)
                if lost is None or not left:
                    return [self._get(one) for one in running]
            finally:
                for one in running:
                    self.ray.cancel(one, force=True)  # it waits for the lost one
        raise AssertionError

    def _listen(self, running: list[Any], n: int, each: int, meanwhile: Callable[[], None]) -> Exception | None:
        """Wait for all. Returns what went wrong where one was lost, or noticed that another one was, or cannot begin
        since there are fewer cores than before; raises what else one raised, and what meanwhile raises."""
        waiting, lost, patience = list(running), None, math.inf
        while waiting and time.monotonic() < patience:
            done, waiting = self.ray.wait(waiting, num_returns=1, timeout=MOMENT)
            meanwhile()
            try:
                self.ray.get(done)
                if math.ceil(n / self.workers) > each:
                    raise Lost(words.say("a machine was lost"))
            except self.ray.exceptions.RayTaskError as error:
                if not isinstance(error.cause, Lost):
                    raise error.cause from None
                lost = lost or error
            except (self.ray.exceptions.RayError, Lost) as error:
                lost = lost or error
            if lost is not None:
                patience = min(patience, time.monotonic() + GRACE)
        return lost

    def _get(self, result: Any) -> Any:
        try:
            return self.ray.get(result)
        except self.ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, FairDashError):
                raise error.cause from None
            raise
        except self.ray.exceptions.RayError as error:
            raise FairDashError(
                words.say("The Ray cluster lost a part of the work: {error}.", error=str(error).splitlines()[0]),
                words.say("Look at its nodes (`ray status`), and start again."),
            ) from error


def _answers(address: str | None) -> None:
    """Raises ConnectionError or another OSError where no server of Ray's kind listens at HOST:PORT; what is no such
    address Ray itself judges at once."""
    host, colon, port = (address or "").rpartition(":")
    if address is not None and "://" in address:
        raise ConnectionError(words.say("an address is HOST:PORT, as `ray start` said it, or auto"))
    if not colon or not port.isdecimal() or int(port) > 65535 or os.environ.get("RAY_USE_TLS", "0") != "0":
        return
    with socket.create_connection((host.strip("[]"), int(port)), ANSWER) as there:
        there.settimeout(ANSWER)
        there.sendall(_HELLO)
        said = there.recv(9)
    if said[3:4] != b"\x04":  # settings, which a gRPC server says first
        raise ConnectionError(words.say("what answers there is no Ray cluster"))


def _call(function: Callable[[Any, Any], Any], shared: Any, part: Any) -> tuple[Any, bool]:
    return function(shared, part), True


def _add(gather: Callable[[Iterable[Any]], Any], left: Any, right: Any) -> Any:
    return gather([left, right])
