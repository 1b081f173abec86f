"""Drift: the level holds however often it is looked at, a planted change is found, and too little is said to be so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fairdash.events import drift
from fairdash.events.live import Live
from fairdash.events.sums import BLOCKS, Sums, estimate
from fairdash.events.watch import Rules
from tests.unit.events.service import census, filled, service, simulation, watch
from tests.unit.events.test_watch import all_of

DATA = service(items=40)
WHO = census(DATA)


def test_the_level_is_spent_and_no_more() -> None:
    assert sum(drift.spent(look, 0.05) for look in range(1, 200_000)) < 0.05
    assert drift.spent(1, 0.05) > drift.spent(2, 0.05) > drift.spent(100, 0.05) > 0
    assert drift.spans(1) == [1]
    assert drift.spans(9) == [1, 2, 4, 8]
    assert drift.spans(10**6)[-1] == drift.LONGEST


def stream(rng: np.random.Generator, windows: int, moved: int | None = None, size: float = 0.0) -> list[Sums]:
    """Windows of 200 people a block who have lists of five places; the people stay, and differ. From window `moved` on
    one group gets less of the first category."""
    people = 12
    taste = rng.normal(0, 0.5, (3, BLOCKS, people))
    found = []
    for window in range(windows):
        none = Sums.none(WHO)
        total, seen = none.total.copy(), np.ones_like(none.seen)
        for group in (1, 2):
            chance = 1 / (1 + np.exp(-taste[group]))
            if moved is not None and window >= moved and group == 1:
                chance = chance * (1 - size)
            lists = rng.poisson(1.0, (BLOCKS, people))
            of_first = rng.binomial(5 * lists, chance).sum(axis=1)
            places, n = 5 * lists.sum(axis=1), lists.sum(axis=1)
            for what in ("slots", "exposure", "items"):
                column = WHO.columns[f"{what}:categories"]
                unit = 1 if what == "items" else 1 << 24
                total[group, :, column.start] = of_first * unit
                total[group, :, column.start + 1] = (places - of_first) * unit
            total[group, :, WHO.columns["lists"]] = n[:, None]
            total[group, :, WHO.columns["places"]] = places[:, None]
            hits = rng.binomial(n, 0.3)
            total[group, :, WHO.columns["hit_lists"]] = hits[:, None]
        total[0] = total[1] + total[2]
        found.append(Sums(total, seen))
    return found


def alarms(windows: list[Sums], reference: int, feedback: bool = False) -> list[int]:
    """The windows at which drift was found."""
    base = windows[0]
    for one in windows[1:reference]:
        base = base + one
    found = []
    for look in range(1, len(windows) - reference + 1):
        here = windows[reference : reference + look]
        since = []
        for n in drift.spans(look):
            span = here[-1]
            for one in here[-n:-1]:
                span = span + one
            since.append(span)
        if drift.judge(WHO, base, since, look, 0.05, feedback=feedback).status == "DRIFT":
            found.append(reference + look - 1)
    return found


def test_streams_without_drift_raise_no_more_alarms_than_the_level() -> None:
    """60 streams here, with both kinds of verdict; 500 longer ones in `make soak`."""
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(60):
        windows = stream(rng, 12)
        wrong += bool(alarms(windows, 3)) or bool(alarms(windows, 3, feedback=True))
    assert wrong <= 6  # 3 are expected at most; more than 6 of 60 have a chance of 3 % there


def test_a_planted_change_is_found_soon_after_and_not_before() -> None:
    found = alarms(stream(np.random.default_rng(4), 14, moved=8, size=0.4), 3)
    assert found
    assert 8 <= found[0] <= 10


def test_people_who_come_back_are_no_new_people() -> None:
    """The error of a sum of windows is that of people: it falls far less than by the number of lists."""
    windows = stream(np.random.default_rng(5), 16)
    one, many = windows[0], windows[0]
    for more in windows[1:]:
        many = many + more
    errors = [estimate(WHO, [(1.0, sums.total[1])]).error[0] for sums in (one, many)]
    assert errors[1] > errors[0] / 3


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(6)
    inside = 0
    for _ in range(200):
        (one,) = stream(rng, 1)
        low, high = drift.difference(WHO, (one.total[1], one.total[2])).ends()
        inside += low[0] <= 0.0 <= high[0]
    assert 180 <= inside <= 198


def test_too_little_is_no_ok() -> None:
    none = Sums.none(WHO)
    assert drift.judge(WHO, none, [none], 1, 0.05, feedback=False).status == "INSUFFICIENT_DATA"
    (few,) = stream(np.random.default_rng(7), 1)
    hidden = Sums(few.total, np.zeros_like(few.seen))  # nobody is known to be there
    assert drift.judge(WHO, hidden, [few], 1, 0.05, feedback=False).status == "INSUFFICIENT_DATA"
    assert drift.pairs(WHO, 0, 0, hidden) is None


@pytest.mark.parametrize("size", [None, 0.95])
def test_a_watch_of_events_finds_what_is_planted_and_nothing_else(tmp_path: Path, size: float | None) -> None:
    how = {} if size is None else {"drift_from": 3000, "size": size}
    log = filled(tmp_path / "log", simulation(DATA, seconds=0.5, **how), 6000)
    watched = all_of(watch(DATA, log, tmp_path / "state", Rules(seconds=300, feedback=60, reference=2)))
    live = Live.of(watched)
    moved = [w for w in live.windows for verdict in w.verdicts.values() if verdict.moved]
    if size is None:
        assert not moved
        assert live.status == "OK"
        return
    first = min(w.end for w in moved)
    at = 1_700_000_000 + 3000 * 0.5
    assert at < first <= at + 3 * 300
    assert live.status == "DRIFT"
    assert any("action" in line for line in live.summary())
