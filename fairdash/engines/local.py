"""This machine: parts run in threads, as numpy, pyarrow and torch let others work meanwhile."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain

from fairdash.engines import P, R, S, added, nobody

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


LOCAL = Local(max(1, min(os.cpu_count() or 1, MAX_THREADS)))
