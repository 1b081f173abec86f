"""Lists beside popularity, with values worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairdash.recommenders.first_stage import FirstStage
from fairdash.schema import Codes, Floats, Interactions, Lists, Split, TrainingData
from fairdash.stages import quality


def interactions(*pairs: tuple[int, int]) -> Interactions:
    user, item = (np.array(column, np.int32) for column in zip(*pairs, strict=True))
    return Interactions(user, item, np.ones(len(pairs), np.float32), np.zeros(len(pairs)))


@pytest.fixture
def split() -> Split:
    """Item 0 is had by three people, 1 by two, 2 by one, 3 by none."""
    users, items = pd.DataFrame({"user_id": list("abc")}), pd.DataFrame({"item_id": list("wxyz")})
    train = interactions((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2))
    return Split("s", "own", 0, TrainingData(users, items, train, train.take(np.array([], int))), interactions(
        (0, 1), (1, 3), (2, 3)))  # fmt: skip


def test_most_popular_leaves_out_what_is_known(split: Split) -> None:
    found = quality.most_popular(split, 2).items
    assert found[0].tolist() == [1, 2]
    assert found[1].tolist() == [2, 3]
    assert found[2].tolist() == [3, -1]


def test_each_is_held_against_the_first_over_the_same_people(split: Split) -> None:
    own = Lists(np.array([[1, 2], [3, 2], [3, -1]], np.int32), np.zeros((3, 2), np.float32))
    table = quality.beside(split, {"mine": own, "popular": quality.most_popular(split, 2)}, 2)
    second = 1 / np.log2(3)  # b's item stands second by popularity
    assert table["ndcg"].tolist() == pytest.approx([1.0, (2 + second) / 3])
    assert table["less"].tolist() == pytest.approx([0.0, (second - 1) / 3])
    assert table["coverage"].tolist() == [0.75, 0.75]
    away = 4.302653 * np.std([0, second - 1, 0], ddof=1) / np.sqrt(3)  # Student's t with two degrees of freedom
    assert table["less_high"].iloc[1] == pytest.approx((second - 1) / 3 + away, abs=1e-6)
    assert table["people"].tolist() == [3, 3]


class _Ordering:
    """Orders the candidates of a first stage that likes the last item best."""

    name = "ordering"

    def __init__(self) -> None:
        self.first = FirstStage(_Last(), 2)

    def score_candidates(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        raise AssertionError("the first stage stands alone")

    def save(self, folder: Path) -> None:
        raise AssertionError("nothing is saved")


class _Last:
    name = "last"

    def score(self, users: Codes, history: Interactions) -> Floats:
        return np.tile(np.arange(4, dtype=np.float32), (len(users), 1))

    def save(self, folder: Path) -> None:
        raise AssertionError("nothing is saved")


def test_a_first_stage_has_its_own_lists(split: Split) -> None:
    found = quality.first_stage(_Ordering(), split, 2)
    assert found is not None
    assert found.items.tolist() == [[3, 2], [3, 2], [3, -1]]
    assert quality.first_stage(_Last(), split, 2) is None
