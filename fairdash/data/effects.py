"""What repairs did: rows that went, cells that changed, values of attributes that became fewer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns
from fairdash.data.check import Tables
from fairdash.schema import ITEM_ID, USER_ID

_BLOCK = 200_000  # rows that are held against each other at once


@dataclass(frozen=True)
class Effect:
    """repair: a key of `clean.REPAIRS`, or "k_core". interactions, people, items: rows that went (negative: that came).
    cells: cells of the rows that stayed that are not what they were. different: attribute of people → how many
    different values it had before and after, where that changed."""

    repair: str
    interactions: int
    people: int
    items: int
    cells: int
    different: dict[str, tuple[int, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"different": {name: list(pair) for name, pair in self.different.items()}}


def effect(repair: str, before: Tables, after: Tables) -> Effect:
    """What a repair did to the tables."""
    pairs = (
        (before.interactions, after.interactions),
        (before.users, after.users),
        (before.items, after.items),
    )
    gone = [len(old) - len(new) for old, new in pairs]
    return Effect(
        repair, gone[0], gone[1], gone[2], sum(_changed(old, new) for old, new in pairs), _different(*pairs[1])
    )


def _changed(old: pd.DataFrame, new: pd.DataFrame) -> int:
    """Cells of the rows in both that are not the same; a missing cell is one value."""
    if old is new or not (_numbered(old.index) and _numbered(new.index)):
        return 0
    total = 0
    for first in range(0, len(new), _BLOCK):  # a long log is not copied as a whole
        part = new.iloc[first : first + _BLOCK]
        place = _places(old.index, part.index)
        if (place < 0).any():
            part, place = part[place >= 0], place[place >= 0]
        for name, now in part.items():
            if name not in old:
                total += int(now.notna().sum())
                continue
            then = old[name].iloc[place].set_axis(now.index)
            if not now.equals(then):
                same = (now.astype("str") == then.astype("str")) | (now.isna() & then.isna())
                total += int((~same.fillna(False)).sum())
    return total


def _numbered(index: pd.Index) -> bool:
    """Whether each row has a number of its own."""
    _ = index.is_monotonic_increasing  # asked first: of numbers that rise pandas then needs no table
    return bool(index.is_unique)


def _places(index: pd.Index, rows: pd.Index) -> NDArray[np.intp]:
    """Where rows stand in an index [n], -1 for those that do not."""
    if isinstance(index, pd.RangeIndex) or not len(index) or not index.is_monotonic_increasing:
        return index.get_indexer(rows)
    numbers, wanted = index.to_numpy(), rows.to_numpy()
    place = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    return np.where(numbers[place] == wanted, place, -1)


def _different(old: pd.DataFrame, new: pd.DataFrame) -> dict[str, tuple[int, int]]:
    if old is new:
        return {}
    own = {USER_ID, ITEM_ID}
    pairs = {
        str(name): tuple(int(columns.tidy(frame[name]).nunique()) for frame in (old, new))
        for name in new.columns
        if name in old and name not in own and not new[name].equals(old[name])
    }
    return {name: (pair[0], pair[1]) for name, pair in pairs.items() if pair[0] != pair[1]}
