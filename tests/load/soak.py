"""`make soak`: people walk through all pages again and again; the server's memory and answers are watched.

    python -m tests.load.soak [--minutes 20] [--people 3]

Fails when a page shows an error, when the server stops answering, or when its memory still grows in the last half: the
mean of the last quarter may lie at most 10 % above that of the third.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from fairdash.jobs import kinds
from fairdash.workspace import Workspace
from tests.e2e.browser import launched
from tests.e2e.conftest import Server
from tests.e2e.steps import rest

PAGES = ("", "data", "recommender", "audit", "explore", "mitigate", "compare", "report", "live", "guide")
GROWTH = 1.10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--people", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["FAIRDASH_HOME"] = folder
        workspace = Workspace(home)
        made = kinds.run(workspace, "dataset", {"source": "synthetic"})["datasets"]
        kinds.run(workspace, "train", {"dataset": made, "split": "user-time:0.8", "recommender": "ease"})
        server = Server(home)
        server.start()
        try:
            return walk(server, options.minutes, options.people)
        finally:
            server.kill()
            server.stop_jobs()


def walk(server: Server, minutes: float, people: int) -> int:
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    memory, waits, faults = [], [], []
    with launched() as browser:
        tabs = [browser.new_context(viewport={"width": 1280, "height": 800}).new_page() for _ in range(people)]
        end = time.monotonic() + 60 * minutes
        visit = 0
        while time.monotonic() < end:
            tab, name = tabs[visit % people], PAGES[(visit // people + visit) % len(PAGES)]
            started = time.monotonic()
            try:
                tab.goto(f"{server.url}/{name}")
                tab.get_by_test_id("stMain").wait_for()
                rest(tab)
            except Exception as error:  # whatever goes wrong is counted and named; the walk goes on
                faults.append(f"{name or 'overview'}: {type(error).__name__}: {str(error).splitlines()[0]}")
            waits.append(time.monotonic() - started)
            memory.append(process.memory_info().rss / 2**20)
            visit += 1
    quarter = max(1, len(memory) // 4)
    third, last = statistics.mean(memory[2 * quarter : 3 * quarter] or memory), statistics.mean(memory[-quarter:])
    print(f"{visit} pages by {people} people: median {statistics.median(waits):.2f} s, longest {max(waits):.2f} s")
    print(f"memory: {memory[0]:.0f} MiB at first, {third:.0f} in the third quarter, {last:.0f} in the last")
    for fault in faults[:20]:
        print(f"fault: {fault}")
    return 1 if faults or last > GROWTH * third else 0


if __name__ == "__main__":
    sys.exit(main())
