"""The tables of an audit cut by time: a month, a week or an equal part of the whole time after the other.

Rows of lists and of truth go by their own times. Lists without a time are in every window, for the people with held-out
items in it; held-out rows without a time count in every window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import words
from fairdash.data import times
from fairdash.data.brought import Brought
from fairdash.data.findings import Finding
from fairdash.errors import ConfigError
from fairdash.schema import ITEM_ID, RANK, TIME, USER_ID

MOST = 200  # windows: more of them are hardly meant
_DATES = ("seconds", "milliseconds")

Times = NDArray[np.float64]
Names = NDArray[np.str_]


def windows(tables: Brought, window: str) -> dict[str, Brought]:
    """The tables of each window by its name, oldest first. window: "month", "week" (from Monday on) or a number of
    parts of equal length. Raises ConfigError for another one, and where there are no times, or none of one unit."""
    timed = [frame for frame in (*tables.systems.values(), tables.truth) if TIME in frame]
    if not timed or not tables.units:
        raise ConfigError(
            "Windows go by time, and neither lists nor held-out rows have a column of times.",
            "Name it with --time-column, or leave out --window.",
        )
    if len(tables.units) > 1:
        raise ConfigError(
            words.say(
                "The times of lists and held-out rows are of different units: {names}.", names=", ".join(tables.units)
            ),
            "Write them in one way, or say how with --time-format.",
        )
    (unit,) = tables.units
    label = labels(np.concatenate([frame[TIME].to_numpy(np.float64) for frame in timed]), unit, window)
    found: dict[str, Brought] = {}
    empty: list[str] = []
    parts: dict[int, Names] = {}
    for frame in timed:
        moments = frame[TIME].to_numpy(np.float64)
        there = np.isfinite(moments)
        parts[id(frame)] = np.where(there, label(np.where(there, moments, 0.0)), "")
    for name in sorted({str(one) for part in parts.values() for one in part if one}):
        truth = tables.truth[parts[id(tables.truth)] == name] if TIME in tables.truth else tables.truth
        systems = {}
        for system, frame in tables.systems.items():
            own = frame[parts[id(frame)] == name] if TIME in frame else frame[frame[USER_ID].isin(truth[USER_ID])]
            systems[system] = _latest(own)
        if all(map(len, systems.values())):
            met = any(lists[USER_ID].isin(truth[USER_ID]).any() for lists in systems.values())
            found[name] = replace(tables, systems=systems, truth=truth if met else truth.iloc[:0])
        else:
            empty.append(name)
    if not found:
        raise ConfigError("No window has lists of every system.", "Choose longer windows, such as --window 1.")
    if empty:
        message = words.say(
            "{n} window has no list, or not of every system, and is left out: {names}{value}.",
            "{n} windows have no list, or not of every system, and are left out: {names}{value}.",
            n=len(empty),
            names=", ".join(empty[:8]),
            value=" …" if len(empty) > 8 else "",
        )
        said = Finding("empty_windows", "warning", "", message, len(empty))
        found = {name: replace(part, findings=(*part.findings, said)) for name, part in found.items()}
    return found


def labels(every: Times, unit: str, window: str) -> Callable[[Times], Names]:
    """A function from times [n] to the names of their windows [n]; names sort as the windows do. every: all times.
    Raises ConfigError for a window that there is not, and for more than MOST of them."""
    every = every[np.isfinite(every)]
    if window in ("month", "week"):
        if unit not in _DATES:
            raise ConfigError(
                words.say("These times are no dates, so they have no {window}.", window=words.say(window)),
                "Give a number of windows.",
            )
        scale = 1000.0 if unit == "milliseconds" else 1.0

        def dated(found: Times) -> Names:
            days = (found / scale).astype("datetime64[s]").astype("datetime64[D]")
            if window == "week":
                return (days - (days.astype(np.int64) + 3) % 7).astype(str)
            return days.astype("datetime64[M]").astype(str)

        label, count = dated, len(np.unique(dated(every)))
    else:
        try:
            count = int(window)
        except ValueError:
            count = 0
        if count < 1:
            raise ConfigError(
                words.say("There is no window {window}.", window=repr(window)),
                "Give month, week, or how many of equal length.",
            )
        edges = np.linspace(every.min(), every.max(), min(count, MOST) + 1)  # more are refused below
        width = len(str(count))
        names = np.array(
            [
                f"{i + 1:0{width}}: {times.shown(low, unit)} to {times.shown(high, unit)}"
                for i, (low, high) in enumerate(pairwise(edges))
            ]
        )

        def label(found: Times) -> Names:
            return names[np.clip(np.searchsorted(edges, found, side="right") - 1, 0, count - 1)]

    if count > MOST:
        raise ConfigError(
            words.say("That makes {count} windows; at most {most} are audited.", count=count, most=MOST),
            "Choose longer windows.",
        )
    return label


def _latest(lists: pd.DataFrame) -> pd.DataFrame:
    """One list a person: of those who have several in the window (an item or a rank twice), the latest."""
    if TIME not in lists:
        return lists
    keys = [key for key in (RANK, ITEM_ID) if key in lists]
    several = lists[np.any([lists.duplicated([USER_ID, key], keep=False) for key in keys], axis=0)][USER_ID].unique()
    last = lists.groupby(USER_ID)[TIME].transform("max")
    return lists[~lists[USER_ID].isin(several) | (lists[TIME] == last)].drop(columns=TIME)
