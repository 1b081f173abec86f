"""`python -m tests.load.cluster [--users 200000] [audit] [train] [jobs] [stop]`: Ray clusters on this machine.

audit  two nodes, one of which is killed in the middle. The numbers must be those of the audit on one machine: counts
       to the bit, all else to 1e-12.
train  two workers on two nodes, one of which is killed after a checkpoint: the training goes on from there, and its
       losses are those of one process to 1e-4.
jobs   a job of the app through the Jobs API (ray[default]), whose cluster dies and comes back
stop   one that is stopped

It needs the package ray (`pip install 'fairdash[ray]'`), which `make test` does without.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import ray
from ray.cluster_utils import Cluster

from fairdash import settings
from fairdash.data import split, synthetic
from fairdash.engines import nothing
from fairdash.engines.on_ray import OnRay
from fairdash.jobs import kinds, remote, runner
from fairdash.jobs.table import Job
from fairdash.metrics import stream
from fairdash.progress import silent
from fairdash.recommenders import build, parallel
from fairdash.recommenders import training as loop
from fairdash.workspace import Workspace
from tests.bench.scale import tables

PORT = 8771  # of the dashboard


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("parts", nargs="*", help="of audit, train, jobs and stop; else all")
    chosen = parser.parse_args()
    parts: dict[str, Callable[[Path], bool]] = {
        "audit": lambda at: _audit(at, chosen.users),
        "train": _train,
        "jobs": _jobs,
        "stop": _stop,
    }
    wrong = False
    for name in chosen.parts or parts:
        with tempfile.TemporaryDirectory() as folder:
            wrong |= not parts[name](Path(folder))
    return int(wrong)


def _audit(folder: Path, people: int) -> bool:
    stream.PIECE_ROWS = stream.BATCH_ROWS = 100_000  # many parts of little
    lists, truth, users = tables(folder, people)
    frames: dict[str, Any] = {"truth": pd.read_parquet(truth), "users": pd.read_parquet(users)}
    options = {"groups": ["group"], "replicates": 100, "permutations": 200}
    start = time.perf_counter()
    expected = stream.from_parquet(lists, **frames, **options).to_json()
    print(f"audit on one machine: {time.perf_counter() - start:.1f} s", flush=True)
    with _two_nodes() as (cluster, doomed):
        parts, killed = 0, threading.Event()

        def progress(done: float, message: str = "", values: Any = None) -> None:
            nonlocal parts
            parts += message.startswith("Audited")
            if parts == 2 and not killed.is_set():  # the others are on their way
                cluster.remove_node(doomed, allow_graceful=False)
                killed.set()

        start = time.perf_counter()
        engine = OnRay(cluster.address)
        found = stream.from_parquet(lists, **frames, **options, engine=engine, progress=progress).to_json()
        print(f"two nodes, one killed after two parts of {parts}: {time.perf_counter() - start:.1f} s", flush=True)
    furthest = apart(found, expected)
    print(f"furthest apart: {furthest:.1e}")
    return killed.is_set() and furthest <= 1e-12


OPTIONS = {"width": 32, "layers": 1, "length": 20, "items": "id", "dropout": 0.0, "batch": 32, "epochs": 6}


def _train(folder: Path) -> bool:
    data = split.split(synthetic.make(n_users=300, n_items=100)[0], "user-time:0.8").training
    build("bert_sequence", OPTIONS).fit(data, seed=0, device="cpu", folder=folder / "one", progress=silent)
    shared, killed, low = folder / "two", threading.Event(), 1.0
    with _two_nodes() as (cluster, doomed):

        def progress(done: float, message: str = "", values: Any = None) -> None:
            nonlocal low
            if killed.is_set() and message.startswith("Epoch"):
                low = min(low, done)
            if not killed.is_set() and any((shared / "checkpoints").glob("*/ready")):
                cluster.remove_node(doomed, allow_graceful=False)
                killed.set()

        training = parallel.Training("bert_sequence", OPTIONS, data, 0, shared, 2)
        parallel.fit(training, _Keeping(cluster.address), progress)
    one, two = (json.loads((each / "curve.json").read_text())["rows"] for each in (folder / "one", shared))
    furthest = max(abs(a["loss"] - b["loss"]) for a, b in zip(one, two, strict=True))
    print(f"training on two nodes, one killed: went on at {low:.0%}; losses of {len(two)} epochs {furthest:.1e} apart")
    # what was said of the first epoch may be heard after the kill; who begins anew says less
    return killed.is_set() and low >= 1 / OPTIONS["epochs"] - 1e-9 and furthest <= 1e-4


class _Keeping(OnRay):
    """Keeps a checkpoint of each epoch."""

    def together(self, function: Any, shared: Any, n: int, meanwhile: Any = nothing) -> Any:
        return super().together(_keeping, shared, n, meanwhile)


def _keeping(training: parallel.Training, rank: int, name: str) -> None:
    loop.CHECKPOINT_SECONDS = 0.0
    parallel._part(training, rank, name)


def _jobs(folder: Path) -> bool:
    """Whether a training whose cluster dies goes on when that is back."""
    workspace, asked = _app(folder)
    cluster = _with_dashboard()
    job = asked(30)
    _wait(workspace, job, lambda row: any((workspace.root / "runs").rglob("checkpoint-*/ready")))
    cluster.shutdown()
    died = runner.get(workspace, job).done
    cluster = _with_dashboard()
    row = _wait(workspace, job)
    cluster.shutdown()
    before, _, after = runner.read_log(workspace, job, 10_000).partition("it is begun again")
    went_on = re.search(r"Epoch (\d+) of", after)
    on = int(went_on[1]) if went_on else 0
    print(f"a job whose cluster died at {died:.0%} went on in epoch {on}: {row.state}; {row.error or ''}", flush=True)
    return row.state == "done" and on > 1 and "waiting for it" in before and not ray.is_initialized()


def _stop(folder: Path) -> bool:
    """Whether a stop reaches the cluster."""
    workspace, asked = _app(folder)
    cluster = _with_dashboard()
    job = asked(1000)
    _wait(workspace, job, lambda row: "Epoch" in row.message)
    attempt = (workspace.root / "remote" / job / "attempt").read_text()
    runner.cancel(workspace, job)
    row = _wait(workspace, job)
    known = remote._Cluster(settings.ray_jobs()).state(attempt)
    cluster.shutdown()
    print(f"a job that is stopped: {row.state}, on the cluster {known}; {row.error or ''}", flush=True)
    return (row.state, known) == ("cancelled", "STOPPED")


def _app(folder: Path) -> tuple[Workspace, Callable[[int], str]]:
    """A workspace whose long jobs go to the cluster, and what asks for a training of so many epochs."""
    workspace = Workspace(folder).ready()
    data = kinds.run(workspace, "dataset", {"source": "synthetic"})["datasets"]
    os.environ |= {"FAIRDASH_RAY_JOBS": f"http://127.0.0.1:{PORT}", "PYTHONPATH": str(Path.cwd()),
                   "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # fmt: skip
    options = {"width": "16", "layers": "1", "items": "id", "patience": "1000"}
    training = {"dataset": data, "split": "user-time:0.8", "recommender": "bert_sequence", "device": "cpu"}

    def asked(epochs: int) -> str:
        chosen = {**training, "options": {**options, "epochs": str(epochs)}}
        return runner.submit(workspace, "train", "A training", chosen)

    return workspace, asked


def _with_dashboard() -> Cluster:
    node = {"num_cpus": 2, "include_dashboard": True, "dashboard_port": PORT}
    return Cluster(initialize_head=True, head_node_args=node)


def _wait(workspace: Workspace, job: str, until: Callable[[Job], bool] = lambda row: row.ended) -> Job:
    while not until(row := runner.get(workspace, job)) and not row.ended:
        runner.reap(workspace)
        time.sleep(0.5)
    return row


@contextmanager
def _two_nodes() -> Iterator[tuple[Cluster, Any]]:
    """A cluster, and the node that is to be killed."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    doomed = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    try:
        yield cluster, doomed
    finally:
        ray.shutdown()
        cluster.shutdown()


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
