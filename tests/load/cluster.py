"""`python -m tests.load.cluster [--users 200000]`: a Ray cluster of two nodes on this machine, one of which is killed
in the middle of an audit. Its numbers must be those of the audit on one machine: counts to the bit, all else to 1e-12.

It needs the package ray (`pip install 'fairdash[ray]'`), which `make test` does without.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import ray
from ray.cluster_utils import Cluster

from fairdash.engines.on_ray import OnRay
from fairdash.metrics import stream
from tests.bench.scale import tables


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=200_000)
    chosen = parser.parse_args()
    stream.PIECE_ROWS = stream.BATCH_ROWS = 100_000  # many parts of little
    with tempfile.TemporaryDirectory() as folder:
        lists, truth, users = tables(Path(folder), chosen.users)
        frames: dict[str, Any] = {"truth": pd.read_parquet(truth), "users": pd.read_parquet(users)}
        options = {"groups": ["group"], "replicates": 100, "permutations": 200}
        start = time.perf_counter()
        expected = stream.from_parquet(lists, **frames, **options).to_json()
        print(f"one machine: {time.perf_counter() - start:.1f} s", flush=True)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        doomed = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        engine, parts, killed = OnRay(cluster.address), 0, threading.Event()

        def progress(done: float, message: str = "", values: Any = None) -> None:
            nonlocal parts
            parts += message.startswith("Audited")
            if parts == 2 and not killed.is_set():  # the others are on their way
                cluster.remove_node(doomed, allow_graceful=False)
                killed.set()

        start = time.perf_counter()
        found = stream.from_parquet(lists, **frames, **options, engine=engine, progress=progress).to_json()
        print(f"two nodes, one killed after two parts of {parts}: {time.perf_counter() - start:.1f} s", flush=True)
        ray.shutdown()
        cluster.shutdown()
        furthest = apart(found, expected)
        print(f"furthest apart: {furthest:.1e}")
    return 0 if killed.is_set() and furthest <= 1e-12 else 1


def apart(a: Any, b: Any) -> float:
    """The largest difference of two numbers with a fraction; all else has to be equal."""
    if isinstance(a, (dict, list)):
        assert (type(a), len(a)) == (type(b), len(b)), (a, b)
        return max((apart(a[key], b[key]) for key in (a if isinstance(a, dict) else range(len(a)))), default=0.0)
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b)
    assert a == b, (a, b)
    return 0.0


if __name__ == "__main__":
    sys.exit(main())
