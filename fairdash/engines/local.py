"""This machine: parts run in threads, as numpy, pyarrow and torch let others work meanwhile; what has to meet, in
processes."""

from __future__ import annotations

import multiprocessing
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import chain

from fairdash import words
from fairdash.engines import TRIES, P, R, S, added, check_workers, nobody
from fairdash.errors import FairDashError

MAX_THREADS = 4  # each holds a part


class Local:
    """See `Engine`."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def each(
        self, function: Callable[[S, P], R], shared: S, parts: Iterable[P], told: Callable[[P], None] = nobody
    ) -> Iterator[R]:
        """See `Engine`; as many parts at once as there are workers, the others are not yet asked for."""
        with ThreadPoolExecutor(self.workers) as pool:
            running: deque[tuple[P, Future[R]]] = deque()

            def first() -> R:
                part, future = running.popleft()
                result = future.result()
                told(part)
                return result

            try:
                for part in parts:
                    running.append((part, pool.submit(function, shared, part)))
                    if len(running) >= self.workers:
                        yield first()
                while running:
                    yield first()
            finally:
                for _, future in running:
                    future.cancel()

    def total(
        self,
        function: Callable[[S, P], R],
        shared: S,
        parts: Iterable[P],
        told: Callable[[P], None] = nobody,
        gather: Callable[[Iterable[R]], R] = added,
    ) -> R | None:
        """See `Engine`: part after part, so that few are in memory."""
        results = self.each(function, shared, parts, told)
        for first in results:
            return gather(chain([first], results))
        return None

    def together(self, function: Callable[[S, int, str], R], shared: S, n: int) -> list[R]:
        """See `Engine`."""
        check_workers(n, os.cpu_count() or 1)
        for left in reversed(range(TRIES)):
            name = uuid.uuid4().hex
            with ProcessPoolExecutor(n, multiprocessing.get_context("spawn")) as pool:
                try:
                    return [each.result() for each in [pool.submit(function, shared, i, name) for i in range(n)]]
                except RuntimeError as error:  # a process was ended, or the others noticed
                    if not left:
                        raise FairDashError(
                            words.say("A process of {n} that work together was lost, again and again: {error}.", n=n,
                                      error=str(error)),
                            words.say("Look whether this machine's memory suffices."),
                        ) from error  # fmt: skip
        raise AssertionError


LOCAL = Local(max(1, min(os.cpu_count() or 1, MAX_THREADS)))
