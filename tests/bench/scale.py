"""What an audit costs where one machine is too small: rows a second a worker, bytes that travel, the cost of a merge.

    python -m tests.bench.scale [--users 2000000] [--engine ray]

Lists of 20 items are audited piece by piece with all metrics, by one worker and by two; then what 10⁹ rows would take
on 1, 8 and 64 workers, what breaks first, and what then. Workers are processes of this machine; with --engine ray they
are those of a Ray cluster on it.
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fairdash.engines import added, nobody
from fairdash.metrics import stream, tally

K, ITEMS, ROWS = 20, 5_000, 10**9
OPTIONS: dict[str, Any] = {"groups": ["group"], "replicates": 100, "permutations": 200}


def tables(folder: Path, n_users: int) -> tuple[Path, Path, Path]:
    """Lists, truth and people as Parquet."""
    rng = np.random.default_rng(0)
    items = (rng.integers(0, ITEMS, n_users)[:, None] + np.arange(K) * 7) % ITEMS
    lists = {"user_id": np.repeat(np.arange(n_users), K), "item_id": items.ravel(),
             "rank": np.tile(np.arange(1, K + 1), n_users)}  # fmt: skip
    truth = {"user_id": np.arange(n_users), "item_id": items[np.arange(n_users), rng.integers(0, K, n_users)]}
    users = {"user_id": np.arange(n_users), "group": rng.choice(["a", "b", "c"], n_users)}
    paths = [folder / f"{name}.parquet" for name in ("lists", "truth", "users")]
    for path, table in zip(paths, (lists, truth, users), strict=True):
        pq.write_table(pa.table(table), path, row_group_size=200_000)
    return paths[0], paths[1], paths[2]


_shared: Any = None


def _keep(shared: bytes) -> None:
    global _shared
    _shared = pickle.loads(shared)


def _timed(function: Callable[[Any, Any], Any], part: bytes) -> tuple[bytes, float]:
    start = time.process_time()
    result = function(_shared, pickle.loads(part))
    return pickle.dumps(result), time.process_time() - start


class Processes:
    """An engine of processes that measures what travels. See `fairdash.engines.Engine`."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.shared = self.sent = self.largest = self.back = self.parts = self.held = 0
        self.working = self.adding = 0.0

    def each(self, function: Any, shared: Any, parts: Iterable[Any], told: Any = nobody) -> Iterator[Any]:
        kept = pickle.dumps(shared)
        self.shared = max(self.shared, len(kept))
        with ProcessPoolExecutor(self.workers, initializer=_keep, initargs=(kept,)) as pool:
            futures = []
            for part in map(pickle.dumps, parts):
                self.sent, self.largest = self.sent + len(part), max(self.largest, len(part))
                futures.append(pool.submit(_timed, function, part))
            for future in futures:
                result, seconds = future.result()
                self.back, self.parts, self.working = self.back + len(result), self.parts + 1, self.working + seconds
                yield pickle.loads(result)

    def total(self, function: Any, shared: Any, parts: Iterable[Any], told: Any = nobody, gather: Any = added) -> Any:
        """The results are gathered when all are there, so that gathering alone is timed."""
        results = list(self.each(function, shared, parts, told))
        start = time.process_time()
        total = gather(results)
        self.adding += time.process_time() - start
        self.held = len(pickle.dumps(total))
        return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=2_000_000)
    parser.add_argument("--engine", choices=("processes", "ray"), default="processes")
    chosen = parser.parse_args()
    took: dict[tuple[int, int], float] = {}
    alone: dict[tuple[int, int], float] = {}  # seconds of this process's processor time
    measured: dict[int, Processes] = {}
    for people, workers in ((chosen.users // 2, 1), (chosen.users, 1), (chosen.users, 2)):
        with tempfile.TemporaryDirectory() as folder:
            lists, truth, users = tables(Path(folder), people)
            frames = {"truth": pd.read_parquet(truth), "users": pd.read_parquet(users)}
            engine = Processes(workers) if chosen.engine == "processes" else on_ray(workers)
            start, own = time.perf_counter(), time.process_time()
            stream.from_parquet(lists, **frames, **OPTIONS, engine=engine)
            seconds = took[people, workers] = time.perf_counter() - start
            alone[people, workers] = time.process_time() - own
            if isinstance(engine, Processes) and workers == 1:
                measured[people] = engine
        rows = people * K
        print(f"{workers} worker(s), {rows:,} rows: {rows / seconds:,.0f} a second, {seconds:.1f} s", flush=True)
    whole = chosen.users
    print(f"two workers over one: {took[whole, 1] / took[whole, 2]:.2f} times as fast ({os.cpu_count()} cores)")
    if measured:
        plan(measured, alone)
    return 0


def on_ray(workers: int) -> Any:
    """A Ray cluster of so many workers on this machine."""
    import ray

    from fairdash.engines.on_ray import OnRay

    ray.shutdown()
    ray.init("local", num_cpus=workers, include_dashboard=False, log_to_driver=False)
    return OnRay()


def plan(measured: dict[int, Processes], spent: dict[tuple[int, int], float]) -> None:
    """What the measured costs come to for ROWS rows: what each row costs is told from two sizes, so that what is paid
    once (starting, tests on a sample of people) is not multiplied."""
    (half, less), (whole, one) = sorted(measured.items())

    def each_person(small: float, large: float) -> float:
        return (large - small) / (whole - half)

    def each_row(small: float, large: float) -> float:
        return each_person(small, large) / K

    work = each_row(less.working, one.working)
    alone = each_row(spent[half, 1], spent[whole, 1])
    print(f"a worker: {1 / work:,.0f} rows a second of processor time; what this process does alone: {1 / alone:,.0f}")
    sent = each_person(less.sent, one.sent)
    print(
        f"sent once to each worker: {less.shared / 1e6:,.2f} MB for {half:,} people, {one.shared / 1e6:,.2f} MB for "
        f"{whole:,}; with each part: {one.largest / 1e6:,.2f} MB at most, in all {sent:,.0f} bytes a person"
    )
    print(
        f"back: {less.back / less.parts / 1e6:,.2f} MB a part of {half:,} people, {one.back / one.parts / 1e6:,.2f} of "
        f"{whole:,}; a merge: {1e3 * one.adding / one.parts:,.1f} ms a part; the sum: {less.held / 1e6:,.2f} MB, "
        f"{one.held / 1e6:,.2f} MB"
    )
    people = ROWS // K
    print(f"\n{ROWS:,} rows, {people:,} people:")
    for workers in (1, 8, 64):
        print(f"  {workers:>3} workers: {(ROWS * work / workers + ROWS * alone) / 3600:6.2f} hours")
    print(f"  of these {ROWS * alone / 3600:.2f} hours are this process's alone: reading tables, merging, pickling")
    print(f"  its memory: about {sent * people / 1e9:,.0f} GB of tables, {sent:,.0f} bytes a person; of the "
          f"sum, the own values of {tally.OWN_PEOPLE:,} people at most")  # fmt: skip
    print(BREAKS)


BREAKS = """
What breaks first is this process: it holds ids, groups and held-out items of everybody (of 10⁸ people), and reads
those tables alone. What then: a machine with that memory, or a random sample of people: of 10⁶ a mean of values with
deviation 0.3 is known to ± 0.0006. Second, a catalogue of 10⁷ items: each part
holds how often each item is listed by group and by block, 80 MB a column, so parts should be larger and fewer."""


if __name__ == "__main__":
    sys.exit(main())
