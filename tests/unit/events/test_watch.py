"""The audit that keeps up: sums do not depend on how events come in, on kills, or on when it looks; and they are those
of the audit in one piece."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairdash.errors import ConfigError, DataError
from fairdash.events import drift
from fairdash.events.log import EventLog
from fairdash.events.sums import Sums, estimate
from fairdash.events.watch import Rules, Watch
from fairdash.metrics import audit
from fairdash.schema import GroupSpec
from tests.unit.events.service import START, census, filled, service, simulation, watch

DATA = service()


def all_of(watched: Watch, limit: int = 20_000) -> Watch:
    while watched.advance(limit):
        pass
    return watched


def event(number: int, sent: float, **fields: Any) -> dict[str, Any]:
    return {"userId": "u1", "eventId": f"e{number}", "eventType": "click", "sentAt": START + sent, **fields}


def column(watched: Watch, name: str) -> int:
    """Of everybody, over all windows."""
    return int(watched.total().total[0][:, watched.census.columns[name]].sum())


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    return filled(tmp_path_factory.mktemp("log") / "log.sqlite", simulation(DATA), 1600)


RULES = [
    Rules(seconds=300, feedback=30, reference=2),
    Rules(seconds=None, number=700, feedback=30, reference=2),
    Rules(seconds=300, feedback=0, reference=1, taken=("click",)),
]


@pytest.mark.parametrize("rules", RULES)
def test_sums_and_verdicts_do_not_depend_on_where_batches_end(log: EventLog, tmp_path: Path, rules: Rules) -> None:
    whole = all_of(watch(DATA, log, tmp_path / "whole", rules))
    pieces = all_of(watch(DATA, log, tmp_path / "pieces", rules), 97)
    assert whole.total() == pieces.total()
    mine, theirs = whole.windows(), pieces.windows()
    assert [(w.window, w.events, w.end, w.state, w.verdicts) for w in mine] == [
        (w.window, w.events, w.end, w.state, w.verdicts) for w in theirs
    ]
    assert all(a.sums == b.sums for a, b in zip(mine, theirs, strict=True))
    assert any(w.verdicts for w in mine)
    assert reduce(add, (w.sums for w in mine)) == whole.total()


WORKER = """
import sys
from pathlib import Path
from fairdash.events.log import EventLog
from tests.unit.events.service import service, watch
from tests.unit.events.test_watch import RULES
watched = watch(service(), EventLog(Path(sys.argv[1])), Path(sys.argv[2]), RULES[0])
print("ready", flush=True)
while watched.advance(53):
    print("+", flush=True)
"""


def test_nothing_is_computed_again_that_did_not_change(log: EventLog, tmp_path: Path, monkeypatch) -> None:
    """Each window that closed is judged once, however often it is looked, and a look without events reads none."""
    judged: list[int] = []
    judge = drift.judge

    def counting(*given: Any, **more: Any) -> drift.Verdict:
        judged.append(1)
        return judge(*given, **more)

    monkeypatch.setattr(drift, "judge", counting)
    watched = all_of(watch(DATA, log, tmp_path / "state", RULES[0]), 50)
    assert len(judged) == sum(len(window.verdicts) for window in watched.windows(10**6)) > 5
    monkeypatch.setattr(Sums, "unpacked", None)
    assert watched.advance(50) == 0


def test_a_watch_that_is_killed_at_any_moment_neither_loses_nor_doubles_an_event(log: EventLog, tmp_path: Path) -> None:
    chance = random.Random(5)
    state = tmp_path / "killed"
    kills = 0
    for _ in range(4):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(log.path), str(state)], stdout=subprocess.PIPE, text=True
        )
        assert worker.stdout is not None
        for _ in range(chance.randint(1, 6)):  # so many batches, and then in the middle of the next
            worker.stdout.readline()
        worker.send_signal(signal.SIGKILL)
        kills += worker.wait() == -signal.SIGKILL
        worker.stdout.close()
    assert kills
    killed = all_of(watch(DATA, log, state, RULES[0]))
    whole = all_of(watch(DATA, log, tmp_path / "whole", RULES[0]))
    assert killed.total() == whole.total()
    assert [(w.events, w.verdicts) for w in killed.windows()] == [(w.events, w.verdicts) for w in whole.windows()]


def slowly(log: EventLog, rules: Rules) -> dict[str, int]:
    """The same counts, one event at a time, with every list of the log kept for ever."""
    events = [e for e in log.since(0, 10**6) if not e.late]
    lists: dict[str, Any] = {}
    for one in events:
        if one.impression:
            lists.setdefault(one.recommendation or f"e:{one.event}", one)
    taken = {
        (one.recommendation or f"e:{one.event}", one.item): one for one in reversed(events) if one.item is not None
    }
    hits = {
        (name, item)
        for (name, item), one in taken.items()
        if name in lists
        and one.user == lists[name].user
        and item in lists[name].impression
        and lists[name].sent <= one.sent <= lists[name].sent + rules.feedback
    }
    return {
        "lists": len(lists),
        "places": sum(len(one.impression[:5]) for one in lists.values()),
        "taken": sum(one.item is not None for one in events),
        "taken_places": len(hits),
        "hit_lists": len({name for name, _ in hits}),
        "served": len(hits),
    }


def test_the_sums_are_those_of_the_whole_log_in_one_piece(log: EventLog, tmp_path: Path) -> None:
    rules = RULES[0]
    watched = all_of(watch(DATA, log, tmp_path / "state", rules), 211)
    expected = slowly(log, rules)
    assert {name: column(watched, name) for name in expected} == expected
    assert 0 < expected["hit_lists"] < expected["lists"]


def test_shares_and_rates_are_those_of_the_audit(tmp_path: Path) -> None:
    made = simulation(DATA)
    seen: set[str] = set()
    first = [
        e
        for e in made.events(0, 1600)
        if e["eventType"] == "shown" and not (e["userId"] in seen or seen.add(e["userId"]))
    ]
    log = EventLog(tmp_path / "log", 10**6)
    log.append(first)
    watched = all_of(watch(DATA, log, tmp_path / "state"))
    rows = [(e["userId"], item, rank) for e in first for rank, item in enumerate(e["impression"], 1)]
    lists = pd.DataFrame(rows, columns=["user_id", "item_id", "rank"])
    found = audit.from_frames(
        lists, None, DATA.users, items=DATA.items, groups=["gender"], k=5, replicates=0, permutations=0
    ).to_json()["groups"]["gender"]
    who, total = watched.census, watched.total()
    for g, name in enumerate(who.groups[0].names):
        values = estimate(who, [(1.0, total.total[1 + g])]).value
        for rate, value in zip(who.rates, values, strict=True):
            if rate.key == "category_share":
                assert value == pytest.approx(found[name]["category_share"][rate.part], abs=1e-6)
            if rate.key == "selection_rate":
                assert value == pytest.approx(found[name]["selection_rate"]["categories"][rate.part], abs=1e-9)
        assert total.people[1 + g] <= found[name]["n"] <= total.people[1 + g] * 1.2


def test_feedback_counts_for_the_list_it_came_from_whichever_comes_first(tmp_path: Path) -> None:
    shown = event(1, 0, recommendationId="r", impression=["i1", "i2"])
    click = event(2, 10, recommendationId="r", itemId="i2")
    again = event(3, 11, recommendationId="r", itemId="i2")
    other = event(4, 12, recommendationId="r", itemId="i9")
    foreign = event(5, 12, recommendationId="r", itemId="i1", userId="u2")
    late = event(6, 100, recommendationId="r", itemId="i1")
    repeated = event(7, 20, recommendationId="r", impression=["i1", "i2"])
    for n, order in enumerate(([shown, click], [click, shown])):
        log = EventLog(tmp_path / f"log{n}", 600)
        log.append([*order, again, other, foreign, late, repeated])
        watched = all_of(watch(DATA, log, tmp_path / f"state{n}", Rules(seconds=300, feedback=60)), 1)
        assert [column(watched, name) for name in ("lists", "taken", "served", "hit_lists", "taken_places")] == [
            *(1, 5, 1, 1, 1)
        ]


def test_an_event_that_shows_and_takes_counts_as_both(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log", 600)
    log.append([event(1, 0, impression=["i1", "i2"], itemId="i2")])
    watched = all_of(watch(DATA, log, tmp_path / "state"))
    assert [column(watched, name) for name in ("lists", "taken", "served", "hit_lists")] == [1, 1, 1, 1]


def test_people_and_items_that_are_not_known_count_for_everybody_alone(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log", 600)
    log.append([event(1, 0, impression=["i1", "new"], userId="stranger")])
    total = all_of(watch(DATA, log, tmp_path / "state")).total()
    assert total.people.tolist() == [1, 0, 0]
    assert total.total[1:].sum() == 0


def test_late_events_are_left_out_of_windows(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log", 60)
    log.append([event(1, 1000, impression=["i1"]), event(2, 0, impression=["i1"])])
    watched = all_of(watch(DATA, log, tmp_path / "state"))
    assert column(watched, "lists") == 1
    assert sum(w.events for w in watched.windows()) == 1


def test_the_state_belongs_to_its_rules_and_people(log: EventLog, tmp_path: Path) -> None:
    watch(DATA, log, tmp_path / "state")
    for data, rules in ((service(seed=1), None), (DATA, RULES[1])):
        with pytest.raises(ConfigError, match="other people"):
            watch(data, log, tmp_path / "state", rules)
    (tmp_path / "text").write_text("no state" * 200)
    with pytest.raises(DataError, match="cannot hold"):
        watch(DATA, log, tmp_path / "text")


@pytest.mark.parametrize(
    "wrong", [{"seconds": 0.0}, {"number": 5}, {"reference": 0}, {"level": 1.0}, {"feedback": -1.0}]
)
def test_rules_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Rules(**wrong)


def test_sums_come_back_as_they_were_stored(log: EventLog, tmp_path: Path) -> None:
    watched = all_of(
        watch(DATA, log, tmp_path / "state", groups=(GroupSpec(("gender",)), GroupSpec(("gender", "age"))))
    )
    total = watched.total()
    assert Sums.unpacked(watched.census, *total.packed()) == total
    assert total.people[0] <= 400
    crossed = total.total[watched.census.first[1] : watched.census.first[2]].sum(axis=0)
    assert np.array_equal(crossed, total.total[0])  # everybody is in one of the crossing's groups


def test_an_empty_log_is_a_watch_without_windows(tmp_path: Path) -> None:
    watched = watch(DATA, EventLog(tmp_path / "log"), tmp_path / "state")
    assert (watched.advance(), watched.windows(), watched.status()) == (0, [], "INSUFFICIENT_DATA")
    assert watched.census.digest == census(DATA).digest != replace(census(DATA), k=6).digest
