"""Small people, groups and training data for the tests of mitigations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fairdash.mitigation import METHODS
from fairdash.schema import Groups, Interactions, TrainingData


def groups_of(codes: Sequence[int], attribute: str = "gender", names: tuple[str, ...] = ("F", "M")) -> Groups:
    return Groups(attribute, names, np.array(codes, dtype=np.int32))


def training(
    rows: Sequence[tuple[int, int, float]],
    n_users: int,
    n_items: int,
    *,
    threshold: float | None = 4.0,
    categories: Sequence[str] | None = None,
    gender: Sequence[str | None] | None = None,
) -> TrainingData:
    """rows: (user, item, rating), users in order. One validation item for everybody."""
    user, item, rating = (np.array(column) for column in zip(*rows, strict=True))
    users = pd.DataFrame({"user_id": [f"u{i}" for i in range(n_users)]})
    users["gender"] = list(gender) if gender is not None else ["F", "M"] * (n_users // 2) + ["F"] * (n_users % 2)
    users["age_band"] = ["young", "old", "old"] * (n_users // 3) + ["young"] * (n_users % 3)
    items = pd.DataFrame({"item_id": [f"i{i}" for i in range(n_items)]})
    if categories is not None:
        items["categories"] = list(categories)
    train = Interactions(
        user.astype(np.int32), item.astype(np.int32), rating.astype(np.float32), np.arange(len(user), dtype=np.float64)
    )
    valid = Interactions(
        np.arange(n_users, dtype=np.int32),
        np.zeros(n_users, np.int32),
        np.full(n_users, 5.0, np.float32),
        np.full(n_users, 1e6),
    )
    return TrainingData(users, items, train, valid, threshold)


def methods_of(place: str) -> tuple[Any, ...]:
    """The methods of one place, in the order of the catalogue."""
    return tuple(method for method in METHODS.values() if method.info.place == place)
