"""Does the API keep up, and does anything break it? A server process of its own, asked over sockets.

    python -m tests.bench.api [--set NAME=VALUE]      # two minutes, and one of training, without --run
    python -m tests.bench.api --run RUN

speed    recommendations of a bert_sequence of MovieLens-1M's size (one epoch over the first 50 people, its catalogue of
         3,706 items and all 6,040 histories), 95th percentile in milliseconds: one client, then 20 at once; and of
         people to whom something happened in between
hostile  10,000 malformed or hostile requests: how many answers of each status, none of them 5xx or with a trace

Data is read from ../shared/data.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from fairdash.data.split import split
from fairdash.run import Run
from fairdash.schema import USER_ID
from fairdash.stages import fit
from tests.bench.recommenders import movielens
from tests.unit.api.hostile import requests

HOSTILE = 10_000
ASKED = 300  # by one client; 20 clients ask a tenth of it each, and as many are asked why
BATCH = {"Content-Type": "application/json"}


def trained(folder: Path, options: dict[str, str]) -> Run:
    """A model of MovieLens-1M's size that has seen little of it: how long an answer takes hangs on sizes alone."""
    whole = split(movielens("ml-1m"), "leave-one-out")
    data = whole.training
    few = data.with_(train=data.train.take(np.flatnonzero(data.train.user < 50)), valid=data.valid.take(np.arange(50)))
    made = fit.train(replace(whole, training=few), fit.TrainSpec("bert_sequence", {"epochs": "1", **options}), folder)
    from fairdash.run import write_split

    write_split(whole, folder)  # all histories, to be read for each answer
    return Run.load(made.folder)


@contextmanager
def served(run: Path, home: Path) -> Iterator[int]:
    """The port at which `python -m fairdash serve` answers."""
    command = [sys.executable, "-m", "fairdash", "serve", "--run", str(run), "--port", "0", "--json"]
    environment = {**os.environ, "FAIRDASH_HOME": str(home), "FAIRDASH_API_RATE": "1000000"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        said = ""
        while not said.endswith("}\n"):
            line = process.stdout.readline()
            assert line, "The server ended."
            said += line
        try:
            yield int(json.loads(said)["address"].rpartition(":")[2])
        finally:
            process.terminate()


def latencies(port: int, bodies: list[dict[str, Any]]) -> list[float]:
    """Milliseconds of each request of one client, on one connection."""
    connection, found = http.client.HTTPConnection("localhost", port), []
    for body in bodies:
        start = time.perf_counter()
        connection.request("POST", "/api/v1/recommendations", json.dumps(body), BATCH)
        answer = connection.getresponse()
        text = answer.read()
        found.append(1e3 * (time.perf_counter() - start))
        assert answer.status == 200, text
    return found


def together(port: int, clients: int, bodies: list[dict[str, Any]]) -> list[float]:
    """The same of several at once, each of whom asks all."""
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.extend(latencies(port, bodies))) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == clients * len(bodies)
    return found


def speed(port: int, run: Run) -> Iterator[str]:
    """95th percentiles."""
    draw = np.random.default_rng(0)
    users = run.split.training.users[USER_ID].to_numpy()
    known = [{"userId": str(users[u]), "k": 10} for u in draw.integers(0, len(users), ASKED)]
    latencies(port, known[:10])
    why = [{**one, "why": True} for one in known[: ASKED // 10]]
    for title, clients, bodies in (
        ("1 client", 1, known),
        ("1 client, with why", 1, why),
        ("20 clients", 20, known[: ASKED // 10]),
        ("20 clients, with why", 20, why),
    ):
        found = together(port, clients, bodies)
        p50, p95 = np.percentile(found, [50, 95])
        yield f"{title:<24}{p50:>8.1f} ms median{p95:>8.1f} ms p95, {len(found):,} requests"


def hostile(port: int) -> Iterator[str]:
    """Statuses of many bad requests. What the client's own library refuses to send is not counted."""
    statuses: Counter[int] = Counter()
    connection = http.client.HTTPConnection("localhost", port, timeout=30)
    for one in requests(11, HOSTILE * 2):
        if sum(statuses.values()) >= HOSTILE:
            break
        try:
            path = one.path.encode("utf-8").decode("latin-1")
            connection.putrequest(one.method, path, skip_host="Host" in one.headers)
            for name, value in {**one.headers, "Content-Length": str(len(one.content)).encode()}.items():
                connection.putheader(name, value)
            connection.endheaders(one.content)
            answer = connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, ValueError, OSError):
            connection.close()
            connection = http.client.HTTPConnection("localhost", port, timeout=30)
            continue
        statuses[answer.status] += 1
        assert answer.status < 500, (one, text)
        assert b"Traceback" not in text, one
    yield f"{sum(statuses.values()):,} requests: " + ", ".join(f"{n:,} × {s}" for s, n in sorted(statuses.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a run's folder, in place of a training")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an option of bert_sequence")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        options = dict(pair.split("=", 1) for pair in chosen.set)
        run = Run.load(chosen.run) if chosen.run else trained(Path(place) / "run", options)
        with served(run.folder, Path(place) / "home") as port:
            for line in chain(speed(port, run), hostile(port)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
