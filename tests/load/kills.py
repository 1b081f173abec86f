"""`make soak`: kill -9 at random moments, of workers, of servers, and of whoever saves.

    python -m tests.load.kills [--kills 50] [--seed 0]

Four trainings, audits, mitigations and comparisons go on at a time of chance until their worker is killed; each is
resumed until it ends. Beside them processes that save data sets and upload models are killed, and servers that look
after all of it. Fails when a killed worker is not shown as lost within 2 s, when a file is neither whole nor absent,
when the doctor finds anything, when the table of jobs is not sound, when something is left over, or when what came out
differs in a byte from what was made without a kill.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from fairdash import data, doctor, entries
from fairdash.jobs import kinds, runner
from fairdash.jobs.table import Job
from fairdash.workspace import Kind, Workspace
from tests.e2e.conftest import Server

LOST_SECONDS = 2.0
GROUPS = [{"attributes": ["gender"]}]
_SECONDS = re.compile(rb'"train_seconds": [0-9.e-]+')
SAVE = """
import sys
from pathlib import Path
from fairdash import data, entries
from fairdash.recommenders import store
from fairdash.workspace import Workspace
workspace = Workspace(Path(sys.argv[1]))
for seed in range(1000, 2000):
    made, _ = data.synthetic.make(seed, n_users=150, n_items=80)
    name = entries.put_dataset(workspace, made)
    workspace.rename("datasets", name, f"Data {seed}")
    store.unpack(Path(sys.argv[2]), workspace.root / "uploads" / f"{seed:016x}")
    entries.delete(workspace, "datasets", name)
"""


def asked(workspace: Workspace, seed: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What is asked for one after the other; each from what the one before made."""
    made, _ = data.synthetic.make(7, n_users=200, n_items=100)
    stored = entries.put_dataset(workspace, made)
    small = {"epochs": 40, "layers": 1, "length": 20, "patience": 40, "width": 16}  # in the order of the job table
    bert = {"recommender": "bert_sequence", "options": small, "seed": seed}
    yield "train", {"dataset": stored, "split": "user-time:0.8", **bert}
    (run,) = (one for one in workspace.entries("runs") if one.meta["recommender"] == "bert_sequence")
    before = next(one.digest for one in workspace.entries("lists") if one.meta["run"] == run.digest)
    yield "audit", {"lists": before, "groups": GROUPS, "model": True}
    method = {"method": "calibrate", "groups": GROUPS, "strength": 0.5}
    yield "mitigate", {"run": run.digest, "mitigation": method}
    after = next(one.digest for one in workspace.entries("lists") if one.meta.get("mitigation"))
    yield "compare", {"before": before, "after": after, "groups": GROUPS}


def kept(workspace: Workspace) -> dict[str, str]:
    """The hash of each file that values hold, but for how long their training took."""
    return {
        f"{kind}/{entry.digest}/{name}": hashlib.sha256(_SECONDS.sub(b"", (entry.path / name).read_bytes())).hexdigest()
        for kind in get_args(Kind)
        for entry in workspace.entries(kind)
        for name in entry.files
    }


def until_running(workspace: Workspace, job: str) -> Job:
    """The job once a process works on it, or once it has ended."""
    while True:
        runner.reap(workspace)
        row = runner.get(workspace, job)
        if row.ended or row.pid is not None:
            return row
        time.sleep(0.01)


def killed(workspace: Workspace, kind: str, params: Mapping[str, Any], chance: random.Random, longest: float,
           n: int) -> tuple[int, float]:  # fmt: skip
    """Ask for a job, kill its worker so often at a moment of chance, resume it each time until it ends; returns how
    often it was killed, and the longest time until it was shown as lost [s]."""
    job, done, slowest = runner.submit(workspace, kind, kind, params), 0, 0.0
    while True:
        row = until_running(workspace, job)
        end = time.monotonic() + chance.uniform(0, longest) if done < n else float("inf")
        while not row.ended and time.monotonic() < end:
            time.sleep(0.01)
            runner.reap(workspace)
            row = runner.get(workspace, job)
        if row.ended:
            assert row.state == "done", (row.state, row.error, runner.read_log(workspace, job))
            return done, slowest
        assert row.pid is not None
        try:
            os.kill(row.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it ended just now
        at, done = time.monotonic(), done + 1
        while True:
            runner.reap(workspace)
            row = runner.get(workspace, job)
            if row.ended:
                break
            time.sleep(0.01)
        slowest = max(slowest, time.monotonic() - at)
        if row.state == "done":  # it had ended before it was killed
            return done, slowest
        assert row.state == "lost", row.state
        runner.resume(workspace, job)


def saves(workspace: Workspace, chance: random.Random, n: int) -> int:
    """Kill whoever saves, renames, uploads and removes; returns how many values were whole each time, in all."""
    whole, archive = 0, workspace.root.parent / "model.zip"
    if not archive.exists():
        import zipfile

        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("config.json", json.dumps({"model_type": "bert"}))
            packed.writestr("vocab.txt", "x\n" * 50_000)
    for _ in range(n):
        child = subprocess.Popen([sys.executable, "-c", SAVE, str(workspace.root), str(archive)])
        begun = workspace.root / "datasets"
        before = set(begun.iterdir()) if begun.exists() else set()
        while child.poll() is None and (not begun.exists() or set(begun.iterdir()) == before):
            time.sleep(0.005)  # it imports
        time.sleep(chance.uniform(0, 1.0))
        child.kill()
        child.wait()
        assert not workspace.damaged()
        for entry in workspace.entries("datasets"):
            entries.get_dataset(workspace, entry.digest)
            whole += 1
        for upload in (workspace.root / "uploads").glob("?" * 16):
            assert (upload / "vocab.txt").stat().st_size == 100_000, f"{upload} is half a model"
    return whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HF_HUB_OFFLINE"] = "1"
        quiet, took = Workspace(Path(folder) / "quiet"), {}
        for kind, params in asked(quiet, 0):
            start = time.monotonic()
            kinds.run(quiet, kind, params)
            took[kind] = time.monotonic() - start
        wild, slowest, starts = Workspace(Path(folder) / "wild"), 0.0, 3.0
        share, total = {"train": 0.4, "audit": 0.2, "mitigate": 0.2, "compare": 0.2}, 0
        for kind, params in asked(wild, 0):
            n = round(0.8 * options.kills * share[kind])
            found, longest = killed(wild, kind, params, chance, starts + 0.3 * took[kind], n)
            slowest, total = max(slowest, longest), total + found
            print(f"{kind:<10}{found:>4} kills of its worker, shown as lost within {longest:.2f} s", flush=True)
        differ = {name for name, sealed in kept(quiet).items() if kept(wild).get(name) != sealed}
        print(f"{len(kept(quiet))} files of values, {len(differ)} otherwise than without a kill: {sorted(differ)}")
        n = options.kills - total  # some jobs ended before they were killed so often
        whole = saves(wild, chance, n)
        print(f"{n} kills of whoever saves, uploads and removes: {whole} values looked at, all whole", flush=True)
        ill = [one.said for one in doctor.examine(wild)]
        left = [one for kind in get_args(Kind) for one in (wild.root / kind).glob("*.part")]
        server = Server(wild.root)
        for _ in range(max(1, n // 5)):
            server.start()
            time.sleep(chance.uniform(0, 2))
            server.kill()
        ill += [one.said for one in doctor.examine(wild)]
        print(f"{max(1, n // 5)} kills of the server; the doctor finds {len(ill)}, {len(left)} half folders are left")
        print(f"{total + n + max(1, n // 5)} kills in all")
        print(*ill, *map(str, left), sep="\n")
    return 1 if differ or ill or left or slowest > LOST_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
