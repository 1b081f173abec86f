"""The most popular unseen items of everybody in MovieLens-100K, per-user split by time 80/20."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from fairdash.data.split import split as cut
from fairdash.schema import Dataset, Floats, Split

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "ml-100k"


@cache
def movielens_100k() -> tuple[Split, sparse.csr_array, Floats]:
    """The split, what each person has had, and the popularity as scores [n_users, n_items]."""
    rows = pd.read_csv(FOLDER / "u.data", sep="\t", names=["user_id", "item_id", "rating", "time"], dtype=str)
    rows = rows.astype({"rating": float, "time": float})
    users = pd.read_csv(
        FOLDER / "u.user", sep="|", names=["user_id", "age", "gender", "occupation", "zip"], dtype=str, na_filter=False
    )
    items = pd.DataFrame({"item_id": [str(i) for i in range(1, 1683)]})
    made = cut(Dataset("movielens-100k", rows, users[["user_id", "gender"]], items, 4.0), "user-time:0.8")
    data = made.training
    seen = made.known.matrix(data.n_users, data.n_items)
    popularity = np.bincount(made.known.item, minlength=data.n_items).astype(np.float32)
    return made, seen, np.broadcast_to(popularity, (data.n_users, data.n_items))
