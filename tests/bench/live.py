"""How many events a second of processor time the log takes and the watch counts, one after the other in one process.

    python -m tests.bench.live [--events 200000] [--at-least 5000]

The service has 6,000 people, 3,700 items and 18 categories; a window is an hour, about 7,000 events. Fails when the two
together keep up with fewer events a second than asked.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from fairdash.events.log import EventLog
from fairdash.events.simulated import BLOCK, Simulation
from fairdash.events.sums import Census
from fairdash.events.watch import Rules, Watch
from fairdash.groups import form
from fairdash.schema import Dataset, GroupSpec

PEOPLE, ITEMS, CATEGORIES = 6_000, 3_700, 18
BATCH = 1_000  # events that a service sends at once
GROUPS = (GroupSpec(("gender",)), GroupSpec(("age",)))


def service() -> Dataset:
    rng = np.random.default_rng(0)
    users = pd.DataFrame({"user_id": [f"u{i}" for i in range(PEOPLE)]})
    users["gender"], users["age"] = rng.choice(["F", "M"], PEOPLE), rng.choice(list("abcdefg"), PEOPLE)
    items = pd.DataFrame({"item_id": [f"i{i}" for i in range(ITEMS)]})
    several = [rng.choice(CATEGORIES, rng.integers(1, 4), replace=False) for _ in range(ITEMS)]
    items["categories"] = ["|".join(f"c{c:02}" for c in each) for each in several]
    return Dataset("service", pd.DataFrame({"user_id": "u0", "item_id": items["item_id"]}), users, items)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--at-least", type=float, default=5_000.0)
    options = parser.parse_args()
    data = service()
    made = Simulation(data, form(GROUPS[0], data.users), 1_700_000_000.0, 1.0)
    events, first = [], 0
    while len(events) < options.events:
        events += made.events(first, BLOCK)
        first += BLOCK
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder) / "log.sqlite", 600.0)
        start = time.process_time()
        for at in range(0, len(events), BATCH):
            log.append(events[at : at + BATCH])
        taken = time.process_time() - start
        watch = Watch(Census.of(data, GROUPS, (), 10), log, Path(folder) / "state", Rules(feedback=600.0))
        start = time.process_time()
        while watch.advance(5_000):
            pass
        counted = time.process_time() - start
        windows = len(watch.windows())
    both = len(events) / (taken + counted)
    print(f"log: {len(events) / taken:,.0f} events a second, in batches of {BATCH:,}")
    print(f"watch: {len(events) / counted:,.0f} events a second, in batches of 5,000, {windows} windows judged")
    print(f"both, one after the other: {both:,.0f} events a second")
    return 0 if both >= options.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
