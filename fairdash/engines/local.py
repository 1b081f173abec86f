"""This machine: parts run in threads, as numpy, pyarrow and torch let others work meanwhile; what has to meet, in
processes."""

from __future__ import annotations

import math
import multiprocessing
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from multiprocessing.connection import Connection, wait

from fairdash import words
from fairdash.engines import GRACE, MOMENT, TRIES, Lost, P, R, S, added, check_workers, nobody, nothing
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

    def together(
        self, function: Callable[[S, int, str], R], shared: S, n: int, meanwhile: Callable[[], None] = nothing
    ) -> list[R]:
        """See `Engine`."""
        check_workers(n, os.cpu_count() or 1)
        for left in reversed(range(TRIES)):
            with _meeting(function, shared, n) as pipes:
                results: dict[int, R] = {}
                lost = _listen(pipes, results, meanwhile)
                if lost is None:
                    return [results[rank] for rank in range(n)]
                if not left:
                    raise FairDashError(
                        words.say("A process of {n} that work together was lost, again and again: {error}.", n=n,
                                  error=str(lost)),
                        words.say("Look whether this machine's memory suffices."),
                    ) from lost  # fmt: skip
        raise AssertionError


@contextmanager
def _meeting(function: Callable[[S, int, str], R], shared: S, n: int) -> Iterator[dict[Connection, int]]:
    """Where the ranks of n processes that have begun answer; who still works at the end of the block is ended."""
    spawned, name = multiprocessing.get_context("spawn"), uuid.uuid4().hex
    pipes, processes = {}, []
    try:
        for rank in range(n):
            here, there = spawned.Pipe(duplex=False)
            pipes[here] = rank
            with there:  # so that the process alone holds it, and its end is heard
                processes.append(spawned.Process(target=_work, args=(there, function, shared, rank, name), daemon=True))
                processes[-1].start()
        yield pipes
    finally:
        for process in processes:
            process.kill()
            process.join()
            process.close()
        for pipe in pipes:
            pipe.close()


def _listen(pipes: dict[Connection, int], results: dict[int, R], meanwhile: Callable[[], None]) -> Exception | None:
    """Collect results by rank. Returns what went wrong where a process was lost, or noticed that another one was;
    raises what else a process raised, and what meanwhile raises."""
    waiting, lost, patience = set(pipes), None, math.inf
    while waiting and time.monotonic() < patience:
        ready = wait(list(waiting), MOMENT)
        meanwhile()
        for pipe in [one for one in waiting if one in ready]:
            waiting.discard(pipe)
            try:
                result, error = pipe.recv()
            except EOFError:
                error = Lost(words.say("it was ended"))
            if error is None:
                results[pipes[pipe]] = result
            elif isinstance(error, Lost):
                lost, patience = lost or error, min(patience, time.monotonic() + GRACE)
            else:
                raise error
    return lost


def _work(pipe: Connection, function: Callable[[S, int, str], R], shared: S, rank: int, name: str) -> None:
    """A process of a meeting, which ends with the one that began it, however that ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    result, error = None, None
    try:
        result = function(shared, rank, name)
    except Exception as raised:  # whatever it is, the caller gets it
        error = raised
    with pipe:
        pipe.send((result, error))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


LOCAL = Local(max(1, min(os.cpu_count() or 1, MAX_THREADS)))
