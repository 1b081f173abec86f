"""By how much a planted bias lies off in histories and in lists, worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fairdash.data.synthetic import Planted
from fairdash.schema import CATEGORIES, ITEM_ID, USER_ID, Interactions, Split, TrainingData
from fairdash.stages.planted import Looked, Sizes

FACTS = (
    Planted("users", "gender", "ndcg", "woman", -1, "any", "Accounts are shared.", size=-0.35),
    Planted("users", "gender", "category_share", "woman", 1, "personal", "Romance was pushed.", category="Romance"),
    Planted("users", "gender", "probe_auc", "woman", 1, "personal", "It can be read from vectors."),
    Planted("items", "maker", "exposure_share", "woman", -1, "any", "Films by women were shown less."),
)


def pairs(user: np.ndarray, item: np.ndarray) -> Interactions:
    rows = len(user)
    return Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(rows, dtype=np.float32), np.zeros(rows))


def test_sizes_are_against_the_other_groups_that_are_large_enough() -> None:
    gender = ["woman"] * 20 + ["man"] * 20 + ["other"] * 3
    users = pd.DataFrame({USER_ID: [f"u{i}" for i in range(43)], "gender": gender}).astype("str")
    items = pd.DataFrame(
        {
            ITEM_ID: ["a", "b", "c", "d"],
            CATEGORIES: ["Romance", "Drama", "Romance", "Drama"],
            "maker": ["woman", "man", "woman", "man"],
        }
    ).astype("str")
    # histories: women have a and b (half romance) or a and c (all of it), men a and b, or b and d: romance is 3/4 of
    # women's and 1/4 of men's, +200 %; the others hold romance alone and do not count
    own = np.array([[0, 1]] * 10 + [[0, 2]] * 10 + [[0, 1]] * 10 + [[1, 3]] * 10 + [[0, 2]] * 3)
    training = TrainingData(users, items, pairs(np.repeat(np.arange(43), 2), own.ravel()), pairs(*np.zeros((2, 0))))
    split = Split("by hand", "own", 0, training, pairs(*np.zeros((2, 0))))
    lists = np.array([[0, 2]] * 20 + [[0, 1]] * 20 + [[0, 2]] * 3, dtype=np.int32)
    ndcg = np.array([0.1] * 20 + [0.2] * 20 + [0.9] * 3)
    ndcg[0] = np.nan  # nobody without a value counts
    later = Looked(lists[:, ::-1].copy(), np.where(np.arange(43) < 20, 0.2, 0.2))
    accuracy, romance, shown = Sizes(FACTS, split).of(Looked(lists, ndcg), later)
    assert (accuracy.planted, accuracy.found, accuracy.after) == pytest.approx((-0.35, -0.5, 0.0))
    assert (romance.planted, romance.found, romance.after) == pytest.approx((2.0, 1.0, 1.0))
    # women's films: of 86 in histories a 33 and c 13 of 46, against half of the catalogue
    assert shown.planted == pytest.approx(46 / 86 / 0.5 - 1)
    low = 1 / np.log2(3)
    assert shown.found == pytest.approx((43 + 23 * low) / (43 * (1 + low)) / 0.5 - 1)
    assert shown.after == pytest.approx((43 * low + 23) / (43 * (1 + low)) / 0.5 - 1)


def test_a_fact_of_a_group_that_is_too_small_is_left_out() -> None:
    users = pd.DataFrame({USER_ID: [f"u{i}" for i in range(24)], "gender": ["woman"] * 4 + ["man"] * 20}).astype("str")
    items = pd.DataFrame({ITEM_ID: ["a", "b"]}).astype("str")
    training = TrainingData(users, items, pairs(np.arange(24), np.zeros(24)), pairs(*np.zeros((2, 0))))
    split = Split("by hand", "own", 0, training, pairs(*np.zeros((2, 0))))
    one = Looked(np.zeros((24, 1), dtype=np.int32), np.full(24, 0.5))
    assert Sizes(FACTS[:3], split).of(one, one) == []
