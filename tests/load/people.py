"""`make soak`: people at once, each signed in and in the own workspace, while a model is trained.

    python -m tests.load.people [--seconds 60] [--pause 10] [--people 600] [--items 200] [--clients 20 --crowd 50]

Each opens the Audit page of lists of their own, changes K, and does something again `pause` seconds (half to one and a
half times that) after the last answer, as somebody who reads does. Told are the seconds from a press to the last
message of its answer; the clients run on the same cores as the server and the training.

Fails when one person beside a training waits longer than 0.5 s (95th percentile), twenty longer than 2 s; when an
answer shows anything of another person, is an error, or does not come; when the memory of the server grows by more than
half from the first to the last round of the crowd; when a hundred waiting jobs slow a page by more than a fifth.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from fairdash import data, entries
from fairdash.jobs import kinds, runner
from fairdash.workspace import Workspace
from tests.e2e.conftest import Server
from tests.load.client import Answer, Client, owner, secrets

LIMITS = {"one": 0.5, "many": 2.0}  # seconds, 95th percentile
SLOWER, GROWTH = 1.2, 1.5
FAULTS = ("unexpected error", "stException")  # what no answer may say


def filled(home: Path, names: Sequence[str], n_users: int, n_items: int) -> list[dict[str, str]]:
    """A data set, lists and what the Audit page asks of them in each person's workspace, under a title of their own."""
    found = []
    for number, name in enumerate(names):
        workspace = Workspace(home).of(owner(name))
        made, _ = data.synthetic.make(number, n_users=n_users, n_items=n_items)
        stored = entries.put_dataset(workspace, made)
        workspace.rename("datasets", stored, title(name))
        asked = {"dataset": stored, "split": "user-time:0.8", "recommender": "popularity"}
        found.append({"data": stored, "lists": kinds.run(workspace, "train", asked)["lists"], "lang": "en"})
    return found


def title(name: str) -> str:
    """What only this person's pages say."""
    return f"Kept by {name}."


class Crowd:
    """People at once, and what they were answered."""

    def __init__(self, server: Server, names: Sequence[str], views: Sequence[dict[str, str]]) -> None:
        self.server, self.names, self.views = server, names, views
        self.faults: list[str] = []
        self.clients = [Client(server.url, name) for name in names]

    def warm(self) -> None:
        """Everybody's page once, one after the other: what is audited first is kept."""
        for number in range(len(self.clients)):
            for k in ("10", "5"):
                self._checked(number, k)

    def go_on(self, seconds: float, pause: float) -> list[float]:
        """Everybody presses again and again; returns what each press took."""
        took: list[float] = []
        end = time.monotonic() + seconds

        def one(number: int) -> None:
            chance, k = random.Random(number), 0
            time.sleep(chance.uniform(0, pause))
            while time.monotonic() < end:
                k += 1
                try:
                    took.append(self._checked(number, ("10", "5")[k % 2]).seconds)
                except Exception as error:  # whatever goes wrong is counted and named; the others go on
                    self.faults.append(f"{self.names[number]}: {type(error).__name__}: {error}")
                    return
                time.sleep(chance.uniform(0.5, 1.5) * pause)

        threads = [threading.Thread(target=one, args=(number,)) for number in range(len(self.clients))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return took

    def _checked(self, number: int, k: str) -> Answer:
        own = self.names[number]
        answer = self.clients[number].run("audit", {**self.views[number], "k": k})
        self.faults += [f"{own}: an answer says {said}" for said in FAULTS if answer.says(said)]
        self.faults += [
            f"{own} saw what is of {name}" for name in self.names if name != own and answer.says(title(name))
        ]
        if not answer.says(title(own)):
            self.faults.append(f"{own}: an answer without their own data")
        return answer

    def close(self) -> None:
        """All leave."""
        for client in self.clients:
            client.close()


def training(home: Path, name: str, view: dict[str, str]) -> tuple[Workspace, str]:
    """A BERT that is trained meanwhile and does not end by itself, asked for by somebody."""
    workspace, options = Workspace(home).of(owner(name)), {"epochs": 1000, "patience": 1000}
    asked = {"dataset": view["data"], "split": "user-time:0.8", "recommender": "bert_sequence", "options": options}
    return workspace, runner.submit(workspace, "train", "A training", asked)


def _said(what: str, took: Sequence[float]) -> str:
    p50, p95 = np.percentile(took, [50, 95])
    return f"{what:<44}{1e3 * p50:>7.0f} ms median{1e3 * p95:>7.0f} ms p95, {len(took)} answers"


def measure(server: Server, options: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """Each figure as a line, and whether it is as it should be."""
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    names = [f"person{number:02d}" for number in range(options.crowd)]
    views = filled(server.home, names, options.people, options.items)
    workspace, job = training(server.home, names[0], views[0])
    while not runner.table(workspace).curves(job):  # it has made steps
        row = runner.get(workspace, job)
        assert not row.ended, runner.read_log(workspace, job)
        time.sleep(0.2)
    for what, n, limit, pause in (
        ("one person beside a training", 1, LIMITS["one"], 1.0),
        (f"{options.clients} people, a press in {options.pause:g} s", options.clients, LIMITS["many"], options.pause),
    ):
        crowd = Crowd(server, names[:n], views)
        crowd.warm()
        took = crowd.go_on(options.seconds, pause)
        crowd.close()
        yield _said(what, took), not crowd.faults and bool(np.percentile(took, 95) < limit)
        yield from ((fault, False) for fault in crowd.faults[:20])
        assert not runner.get(workspace, job).ended, "the training ended too soon: more epochs"
    crowd = Crowd(server, names, views)
    crowd.warm()
    memory = []
    for round_ in range(3):
        took = crowd.go_on(options.seconds / 2, options.pause)
        memory.append(process.memory_info().rss / 2**20)
        yield _said(f"{len(names)} people, round {round_ + 1}", took), not crowd.faults and len(took) >= len(names) / 2
    yield from ((fault, False) for fault in crowd.faults[:20])
    crowd.close()
    told = ", ".join(f"{one:.0f}" for one in memory)
    yield f"memory of the server after each round: {told} MiB", memory[-1] < GROWTH * memory[0]
    runner.cancel(workspace, job)
    while not runner.get(workspace, job).ended:
        time.sleep(0.2)
    yield from waiting(server, names, views)


def waiting(server: Server, names: Sequence[str], views: Sequence[dict[str, str]]) -> Iterator[tuple[str, bool]]:
    """What a hundred jobs that wait do to a page, of one's own and of others."""
    found = {}
    with held(server.home, owner(names[1])):  # all the while: where it ended, the server would begin what waits
        for what, n in (("no job waits", 0), ("a hundred wait", 100)):
            for number in range(n):
                whose = Workspace(server.home).of(owner(names[number % 4]))
                runner.table(whose).enqueue(f"{number:016x}", "train", f"Job {number}", {"n": number})
            crowd = Crowd(server, names[:1], views)
            crowd.warm()
            found[what] = [crowd._checked(0, ("10", "5")[k % 2]).seconds for k in range(40)]
            crowd.close()
            yield _said(f"Audit while {what}", found[what]), not crowd.faults
    medians = [statistics.median(took) for took in found.values()]
    yield f"{medians[1] / medians[0]:.2f} times as long while a hundred wait", medians[1] < SLOWER * medians[0]


@contextmanager
def held(home: Path, whose: str) -> Iterator[None]:
    """Within the block a job runs that does nothing, so that those who ask from now on wait."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        table, number = runner.table(Workspace(home).of(whose)), 0
        while True:
            table.enqueue(f"{number:015x}f", "train", "Held", {})
            if (job := table.claim_next(runner.RUNNING_LIMIT, runner.SHORT_KINDS)) is not None:  # else the server did
                break
            number += 1
        table.set_process(job, process.pid, runner.born(psutil.Process(process.pid)))
        yield
        process.kill()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=10.0)
    parser.add_argument("--people", type=int, default=600)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--crowd", type=int, default=50)
    options = parser.parse_args()
    right = True
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        (server.home / "secrets.toml").write_text(secrets(server.url))
        server.options = ("--secrets.files", str(server.home / "secrets.toml"))
        server.start()
        try:
            for line, good in measure(server, options):
                print(f"{line}{'' if good else '  NOT AS IT SHOULD BE'}", flush=True)
                right &= good
        finally:
            server.kill()
            server.stop_jobs()
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
