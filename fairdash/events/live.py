"""What a watch has found so far, as a value: the part of an audit's contract that events can tell, and lines over time.

Values of a group that is smaller than its attribute's minimum within the span, or the window, are left out; no total
stands beside the others from which it could be taken.
"""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, reduce
from itertools import combinations
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.events import drift
from fairdash.events.drift import Moved, Status
from fairdash.events.sums import Census, Sums, estimate
from fairdash.events.watch import KINDS, Watch, Window
from fairdash.metrics import gate
from fairdash.progress import Progress, silent
from fairdash.workspace import write_json

TOO_FEW = words.later("too few people")
NOTHING = words.later("nothing was counted")
# What the gap of a value between groups is called in an audit, where that is another word.
GAPS = {"selection_rate": "demographic_parity_difference", "true_positive_rate": "equal_opportunity_difference"}
HOOK_SECONDS = 5.0


@dataclass(frozen=True, eq=False)
class Live:
    """windows: the latest, oldest first. span: those of them that `results` is about."""

    census: Census
    windows: tuple[Window, ...]
    span: tuple[Window, ...]
    status: Status

    @staticmethod
    def of(watch: Watch, last: int = 60) -> Live:
        """As the watch stands. The results are about as many closed windows as the reference has, the latest ones."""
        windows = watch.windows(last)
        closed = [window for window in windows if window.state != "open"]
        return Live(watch.census, tuple(windows), tuple(closed[-watch.rules.reference :]), watch.status())

    @cached_property
    def results(self) -> dict[str, Any]:
        """See `metrics.value`: groups and gaps of the span, and why what is null is undefined."""
        census, undefined = self.census, dict[str, str]()
        total = reduce(add, (window.sums for window in self.span), Sums.none(census))
        groups: dict[str, Any] = {}
        gaps: dict[str, Any] = {}
        for a, group in enumerate(census.groups):
            rows: dict[str, dict[str, Any]] = {}
            for g, name in enumerate(group.names):
                shown = drift.large(census, a, g, total)
                rows[name] = {"n": int(total.people[census.first[a] + g]) if shown else None, "small": not shown}
                if shown:
                    found = estimate(census, [(1.0, total.total[census.first[a] + g])])
                    low, high = found.ends()
                    for i, rate in enumerate(census.rates):
                        key = named(rate.key, rate.of)
                        values = (_plain(found.value[i]), [_plain(low[i]), _plain(high[i])])
                        for end, value in zip((key, f"{key}_ci"), values, strict=True):
                            if rate.part:
                                rows[name].setdefault(end, {})[rate.part] = value
                            else:
                                rows[name][end] = value
            groups[group.attribute] = rows
            gaps[group.attribute] = _gaps(census, a, total, undefined)
        return {
            "k": census.k,
            "status": self.status,
            "windows": len(self.span),
            "groups": groups,
            "gaps": gaps,
            "overall": {},
            "items": {"by_group": {}, "gaps": {}},
            "undefined": undefined,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values: the results, and the windows with their verdicts."""
        windows = [
            {
                "window": one.window,
                "end": _moment(one.end),
                "state": one.state,
                "events": one.events,
                "verdicts": {kind: verdict.to_json() for kind, verdict in one.verdicts.items()},
            }
            for one in self.windows
        ]
        return {**self.results, "latest": windows}

    def lines(self, attribute: int, rate: int) -> pd.DataFrame:
        """A value by group over the windows: end (UTC), state, group, value, low, high: 95 %, of the window alone; and
        of each group that is held against the others, gap, gap_low, gap_high and whether the gap moved."""
        census, rows = self.census, []
        group, told, only = census.groups[attribute], census.rates[rate], slice(rate, rate + 1)
        for window in self.windows:
            verdict = window.verdicts.get("taken" if told.feedback else "shown")
            for g, name in enumerate(group.names):
                if not drift.large(census, attribute, g, window.sums):
                    continue
                found = estimate(census, [(1.0, window.sums.total[census.first[attribute] + g])], only)
                (low,), (high,) = found.ends()
                row = {"end": pd.Timestamp(window.end, unit="s"), "state": window.state, "group": name,
                       "value": found.value[0], "low": low, "high": high}  # fmt: skip
                sides = drift.pairs(census, attribute, g, window.sums)
                if sides is not None and g < drift.contrasts(len(group.names)):
                    gap = drift.difference(census, sides[0], only)
                    (low,), (high,) = gap.ends()
                    row |= {"gap": gap.value[0], "gap_low": low, "gap_high": high}
                row["moved"] = verdict is not None and any(
                    (one.attribute, one.group, one.metric, one.of, one.part)
                    == (group.attribute, name, told.key, told.of, told.part)
                    for one in verdict.moved
                )
                rows.append(row)
        columns = ["end", "state", "group", "value", "low", "high", "gap", "gap_low", "gap_high", "moved"]
        return pd.DataFrame(rows, columns=columns)

    def moved(self) -> list[Moved]:
        """What had moved at the latest looks at what was shown and at what was taken, the surest first."""
        found: list[Moved] = []
        for kind in KINDS:
            judged = [window.verdicts[kind] for window in self.windows if kind in window.verdicts]
            found += judged[-1].moved if judged else ()
        return sorted(found, key=lambda one: one.p_value)

    def summary(self) -> list[str]:
        """The status, and what moved, in sentences."""
        said = words.say(
            "{status} after {n} window.", "{status} after {n} windows.", status=self.status, n=len(self.windows)
        )
        return [said, *(one.sentence() for one in self.moved())]


def named(key: str, of: str) -> str:
    """The key of a value in an audit: with the way to group items, where that is not the categories."""
    return key if of in ("", "categories") else f"{key}:{of}"


def _gaps(census: Census, attribute: int, total: Sums, undefined: dict[str, str]) -> dict[str, Any]:
    """The largest difference between two groups of each value, over the groups of items."""
    first, label = census.first[attribute], census.groups[attribute].attribute
    names = census.groups[attribute].names
    kept = [g for g in range(len(names)) if drift.large(census, attribute, g, total)]
    values = [estimate(census, [(1.0, total.total[first + g])]).value for g in kept]
    found: dict[str, Any] = {}
    widest: dict[str, float] = {}
    for i, rate in enumerate(census.rates):
        key = named(GAPS.get(rate.key, rate.key) if rate.of else rate.key, rate.of)
        known = [(float(v[i]), g) for v, g in zip(values, kept, strict=True) if not math.isnan(v[i])]
        if len(known) < 2:
            if key not in found:
                found[key] = dict.fromkeys(("gap", "ratio", "mad", "std", "pair", "of")) | {"ci": [None, None]}
                undefined[f"gaps.{label}.{key}"] = words.say(TOO_FEW if len(kept) < 2 else NOTHING)
            continue
        (low, lowest), (high, highest) = min(known), max(known)
        if key in widest and high - low <= widest[key]:
            continue
        widest[key] = high - low
        undefined.pop(f"gaps.{label}.{key}", None)
        terms = [(1.0, total.total[first + highest]), (-1.0, total.total[first + lowest])]
        ends = [_plain(end[i]) for end in estimate(census, terms).ends()]
        numbers = [value for value, _ in known]
        found[key] = {
            "gap": high - low,
            "ratio": low / high if high > 0 else None,
            "mad": float(np.mean([abs(a - b) for a, b in combinations(numbers, 2)])),
            "std": float(np.std(numbers)),
            "ci": ends,
            "pair": [names[highest], names[lowest]],
            "of": rate.part or None,
        }
    return found


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _moment(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if math.isfinite(seconds) else None


# --- going on ---------------------------------------------------------------------------------------------------------


def follow(
    watch: Watch,
    *,
    every: float | None = None,
    fail_over: Sequence[str] = (),
    out: Path | None = None,
    address: str | None = None,
    progress: Progress = silent,
) -> tuple[Live, list[str]]:
    """Look at the events so far, then each `every` seconds again until a gate breaks (None: once): what was found at
    the last look, and a line for each broken gate.

    Each look is written to `out`; a change of status is told to `progress` and to the web hook at `address`, until it
    has been told there. Raises ConfigError for a gate that names nothing, UnjudgedError where it looks once and a gate
    cannot be judged: going on, it waits for more."""
    while True:
        while watch.advance():
            pass
        found = Live.of(watch)
        if out is not None:
            write_json(out, found.to_json())
        _tell_change(watch, found, address, progress)
        try:
            broken = gate.gate(found, fail_over)
        except gate.UnjudgedError as error:
            if every is None:
                raise
            progress(0.0, error.message)
            broken = []
        if broken or every is None:
            return found, broken
        time.sleep(every)


def _tell_change(watch: Watch, found: Live, address: str | None, progress: Progress) -> None:
    before = watch.told() or "INSUFFICIENT_DATA"
    if before == found.status:
        return
    for line in found.summary():
        progress(0.0, line)
    try:
        if address is not None:
            hook(address, before, found)
        watch.tell(found.status)
    except ConfigError as error:
        progress(0.0, f"{error.message}\n{error.hint}")


def hook(address: str, before: str, live: Live) -> None:
    """POST what changed to a web hook, as JSON. Raises ConfigError where it cannot be reached within HOOK_SECONDS or
    answers with an error."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(words.say("The web hook is no http or https address."), words.say("Write --hook https://…"))
    told: Mapping[str, Any] = {"status": live.status, "before": before, "summary": live.summary()}
    asked = urllib.request.Request(
        address, json.dumps(told, ensure_ascii=False).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(asked, timeout=HOOK_SECONDS):
            pass
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise ConfigError(
            words.say("The web hook at {host} was not told: {error}.", host=parts.hostname, error=str(error)),
            words.say("The watch goes on, and tells it again with the next events."),
        ) from error
