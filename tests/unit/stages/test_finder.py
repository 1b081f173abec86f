"""Who is found, on four people whose lists can be read off."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fairdash.schema import Interactions, Lists, Split, TrainingData
from fairdash.stages import finder

EVERYBODY = np.ones(4, bool)


def interactions(*rows: tuple[int, int, float]) -> Interactions:
    user, item, rating = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions(user.astype(np.int32), item.astype(np.int32), rating.astype(np.float32), np.zeros(len(rows)))


@pytest.fixture
def split() -> Split:
    """Liked later: a 4 and 5, b 5, c nothing (a rating of 2), d 4, 5 and 6."""
    users = pd.DataFrame({"user_id": list("abcd")})
    items = pd.DataFrame({"item_id": [str(i) for i in range(8)]})
    known = interactions((0, 0, 5), (0, 1, 5), (1, 0, 5), (1, 1, 5), (1, 2, 5), (1, 3, 5), (2, 7, 5), (3, 0, 5))
    test = interactions((0, 4, 5), (0, 5, 4), (1, 5, 4), (2, 4, 2), (3, 4, 4), (3, 5, 4), (3, 6, 4))
    training = TrainingData(users, items, known, interactions((3, 7, 5)), 4.0)
    return Split("s", "own", 0, training, test)


LISTS = Lists(np.array([[4, 7], [6, 7], [0, 1], [1, 2]], np.int32), np.zeros((4, 2), np.float32))


def test_standing_counts_what_was_liked_and_listed(split: Split) -> None:
    found = finder.standing(split, LISTS, 2)
    assert found.liked.tolist() == [2, 1, 0, 3]
    assert found.hits.tolist() == [1, 0, 0, 0]
    assert found.ndcg[:2].tolist() == [pytest.approx(1 / (1 + 1 / np.log2(3))), 0.0]
    assert np.isnan(found.ndcg[2])  # c liked nothing of the test part


def test_hurt_most_are_those_who_miss_most_and_never_those_of_whom_nothing_is_known(split: Split) -> None:
    found = finder.standing(split, LISTS, 2)
    assert finder.hurt_most(found, EVERYBODY).tolist() == [3, 1, 0]
    assert finder.hurt_most(found, np.array([True, True, True, False])).tolist() == [1, 0]


def test_typical_is_nearest_to_the_median_of_those_among(split: Split) -> None:
    found = finder.standing(split, LISTS, 2)
    assert finder.typical(found, EVERYBODY).tolist()[2] == 0  # the median NDCG is 0: b and d have it
    assert finder.typical(found, np.array([True, False, True, False])).tolist() == [0]
    assert finder.typical(found, np.array([False, False, True, False])).tolist() == []


def test_changed_most_counts_items_that_are_new_wherever_they_stand(split: Split) -> None:
    new = Lists(np.array([[7, 4], [0, 1], [0, 2], [1, -1]], np.int32), np.zeros((4, 2), np.float32))
    found, entered = finder.changed_most(finder.standing(split, LISTS, 2), LISTS, new, 2, EVERYBODY)
    assert entered.tolist() == [0, 2, 1, 0]  # another order is no new item, and neither is an empty place
    assert found.tolist() == [1, 2]


def test_most_alike_goes_by_the_cosine_of_what_is_known(split: Split) -> None:
    ties = finder.standing(split, LISTS, 2).ties
    found, shared = finder.most_alike(split, 0, EVERYBODY, ties)
    assert shared.tolist() == [2, 2, 0, 1]
    assert found.tolist() == [1, 3]  # 2 / √(2 · 4) = 0.71 before 1 / √(2 · 2) = 0.5; c shares nothing
    assert finder.most_alike(split, 0, np.array([True, False, True, True]), ties)[0].tolist() == [3]
