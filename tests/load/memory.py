"""`make soak`: what a large upload takes of the server's memory, and whether it is given back.

    python -m tests.load.memory [--mb 500] [--reruns 500]

Brings a CSV of that size through the page as a browser does, runs the page, takes the file away again, and then runs a
page so often. Fails when the server's memory peaks above 4 times the size of the file, when more than half of that size
stays once the file is gone, or when the reruns leave it more than 5 % (and 30 MiB) larger than their second tenth.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from fairdash import data, entries
from fairdash.jobs import kinds
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.browser import launched
from tests.e2e.conftest import Server
from tests.load.client import Client

PEAK, KEPT, GROWTH, SLACK = 4.0, 0.5, 1.05, 30.0  # times the file, times the file, times, MiB


def written(file: Path, mb: int) -> None:
    """An interaction log of that size."""
    chance, rows = np.random.default_rng(0), 200_000
    with file.open("wb") as stream:
        stream.write(b"user_id,item_id,rating,time\n")
        for block in itertools.count():
            users, items = chance.integers(0, 60_000, rows), chance.integers(0, 20_000, rows)
            stars, times = chance.integers(1, 6, rows), block * rows + np.arange(rows) + 1_500_000_000
            lines = [f"u{u},i{i},{s},{t}\n" for u, i, s, t in zip(users, items, stars, times, strict=True)]
            text, room = "".join(lines).encode(), mb * 1_000_000 - stream.tell()
            stream.write(text[:room][: text.rindex(b"\n", 0, room) + 1])  # whole rows
            if len(text) >= room:
                return


class Watched:
    """The memory of a server's process while a block runs [MiB]."""

    def __init__(self, server: Server) -> None:
        assert server.process is not None
        self.process, self.peak, self.going = psutil.Process(server.process.pid), 0.0, True

    @property
    def now(self) -> float:
        return float(self.process.memory_info().rss) / 2**20

    def __enter__(self) -> Watched:
        self.thread = threading.Thread(target=self._look)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.going = False
        self.thread.join()

    def _look(self) -> None:
        while self.going:
            self.peak = max(self.peak, self.now)
            time.sleep(0.02)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--reruns", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file, server = Path(folder) / "log.csv", Server(Path(folder) / "home")
        server.home.mkdir()
        written(file, options.mb)
        made, _ = data.synthetic.make(n_users=200, n_items=100)
        stored = entries.put_dataset(Workspace(server.home), made)
        asked = {"dataset": stored, "split": "user-time:0.8", "recommender": "popularity"}
        lists = kinds.run(Workspace(server.home), "train", asked)["lists"]
        server.start()
        try:
            good = uploaded(server, file)
            return 0 if rerun(server, {"data": stored, "lists": lists}, options.reruns) and good else 1
        finally:
            server.kill()
            server.stop_jobs()


def uploaded(server: Server, file: Path) -> bool:
    """Whether a file that is brought through the page takes no more than it may, and is given back."""
    size = file.stat().st_size / 2**20
    with launched() as browser, Watched(server) as watched:
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(300_000)
        steps.visit(page, f"{server.url}/data?tab=upload")
        time.sleep(8)  # torch is loaded by then
        idle, start = watched.now, time.monotonic()
        steps.upload(page, file)
        steps.shown(page, "Recognised interactions from")
        steps.rest(page)
        took, times = time.monotonic() - start, (watched.peak - idle) / size
        print(f"{size:.0f} MiB: peak {watched.peak:.0f} MiB, {idle:.0f} of it before: {times:.2f} times the file; read "
              f"in {took:.0f} s", flush=True)  # fmt: skip
        held = watched.now - idle
        page.get_by_role("button", name=f"Remove {file.name}").click()
        steps.rest(page)
        end = time.monotonic() + 60
        while (left := watched.now - idle) > KEPT * size and time.monotonic() < end:
            time.sleep(1)
        print(f"{held:.0f} MiB more than before while it is in view, {left:.0f} once it is taken away", flush=True)
    return times < PEAK and left <= KEPT * size


def rerun(server: Server, view: dict[str, str], reruns: int) -> bool:
    """Whether running a page again and again takes no memory."""
    memory = []
    with Watched(server) as watched, Client(server.url, "nobody") as client:
        for number in range(reruns):
            client.run("audit", {**view, "k": ("10", "5")[number % 2]})
            memory.append(watched.now)
    tenth = max(1, reruns // 10)
    first, last = float(np.mean(memory[tenth : 2 * tenth])), float(np.mean(memory[-tenth:]))
    print(f"{reruns} reruns: {first:.0f} MiB in the second tenth, {last:.0f} in the last")
    return last <= max(GROWTH * first, first + SLACK)


if __name__ == "__main__":
    sys.exit(main())
