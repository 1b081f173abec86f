"""Small data sets for the tests of metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def make(n: int = 120, n_items: int = 40, k: int = 10, seed: int = 0) -> dict[str, Any]:
    """Tables for `audit.from_frames`: people of two genders and an age, lists with scores, truth with ratings, training
    items, and items with categories and a maker (some unknown)."""
    rng = np.random.default_rng(seed)
    lists, truth, train = [], [], []
    for u in range(n):
        seen = rng.choice(n_items, int(rng.integers(2, 9)), replace=False)
        rest = np.setdiff1d(np.arange(n_items), seen)
        liked = rng.choice(rest, int(rng.integers(1, 6)), replace=False)
        score = np.round(rng.normal(size=len(rest)) + (1 + u % 2) * np.isin(rest, liked), 3)
        order = np.argsort(-score, kind="stable")[:k]
        lists += [(f"u{u}", f"i{rest[j]}", rank + 1, score[j]) for rank, j in enumerate(order)]
        truth += [(f"u{u}", f"i{i}", int(rng.integers(1, 6))) for i in liked]
        train += [(f"u{u}", f"i{i}") for i in seen]
    categories = ["|".join(rng.choice(list("abcd"), int(rng.integers(1, 3)), replace=False)) for _ in range(n_items)]
    return {
        "recommendations": pd.DataFrame(lists, columns=["user_id", "item_id", "rank", "score"]),
        "truth": pd.DataFrame(truth, columns=["user_id", "item_id", "rating"]),
        "users": pd.DataFrame(
            {
                "user_id": [f"u{u}" for u in range(n)],
                "gender": ["M" if u % 2 else "F" for u in range(n)],
                "age": [str(a) for a in rng.integers(15, 70, n)],
            }
        ),
        "train": pd.DataFrame(train, columns=["user_id", "item_id"]),
        "items": pd.DataFrame(
            {
                "item_id": [f"i{i}" for i in range(n_items)],
                "categories": categories,
                "maker": rng.choice(["x", "y", ""], n_items),
            }
        ),
    }
