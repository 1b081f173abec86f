"""A small service to watch: people of two groups, items of three categories."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fairdash.events.log import EventLog
from fairdash.events.simulated import BLOCK, Simulation
from fairdash.events.sums import Census
from fairdash.events.watch import Rules, Watch
from fairdash.groups import form
from fairdash.schema import Dataset, GroupSpec

START = 1_700_000_000.0
GENDER = GroupSpec(("gender",))


def service(people: int = 400, items: int = 60, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    users = pd.DataFrame({"user_id": [f"u{i}" for i in range(people)]})
    users["gender"] = np.where(rng.random(people) < 0.4, "woman", "man")
    users["age"] = rng.choice(["young", "middle", "old"], people)
    kinds = [("drama",), ("comedy",), ("action", "comedy"), ("action",)]
    films = pd.DataFrame({"item_id": [f"i{i}" for i in range(items)]})
    films["categories"] = ["|".join(kinds[i % 4]) for i in range(items)]
    rows = pd.DataFrame({"user_id": "u0", "item_id": films["item_id"]})
    return Dataset("service", rows, users, films)


def census(data: Dataset, groups: tuple[GroupSpec, ...] = (GENDER,), k: int = 5) -> Census:
    return Census.of(data, groups, (), k)


def simulation(data: Dataset, **how: object) -> Simulation:
    return Simulation(data, form(GENDER, data.users), START, k=5, **how)  # type: ignore[arg-type]


def filled(path: Path, made: Simulation, lists: int, lateness: float = 120.0) -> EventLog:
    """A log of so many lists and what was taken from them, in the order in which they were sent but for some."""
    log = EventLog(path, lateness)
    events = made.events(0, -(-lists // BLOCK) * BLOCK)
    order = sorted(range(len(events)), key=lambda i: (events[i]["sentAt"] // 60, i))
    log.append([events[i] for i in order])
    return log


def watch(
    data: Dataset, log: EventLog, state: Path, rules: Rules | None = None, groups: tuple[GroupSpec, ...] = (GENDER,)
) -> Watch:
    return Watch(census(data, groups), log, state, rules or Rules(seconds=300, feedback=60, reference=2))
