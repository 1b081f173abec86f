"""NDCG with ratings as gains."""

from __future__ import annotations

import math
from typing import Any

import ir_measures
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import nDCG

from fairdash.metrics import accuracy, audit
from fairdash.schema import Interactions
from tests.golden import reference
from tests.unit.metrics.people import make

relaxed = settings(max_examples=60, deadline=None)


def value_of(listed: list[int], ratings: dict[int, float], k: int, n_items: int = 12) -> float:
    pairs = Interactions(
        np.zeros(len(ratings), np.int32),
        np.array(list(ratings), np.int32),
        np.array(list(ratings.values()), np.float32),
        np.zeros(len(ratings)),
    )
    items = np.full((1, max(k, len(listed))), -1, np.int32)
    items[0, : len(listed)] = listed
    return float(accuracy.graded_ndcg(items, pairs, k, n_items)[0])


def test_by_hand() -> None:
    """Rated 3 at rank 1, 5 at rank 3, 1 unseen: (7 + 31/2) / (31 + 7/log2(3) + 1/2) at K = 3."""
    assert value_of([0, 9, 1], {0: 3, 1: 5, 2: 1}, 3) == pytest.approx((7 + 31 / 2) / (31 + 7 / math.log2(3) + 1 / 2))


def test_at_the_edges() -> None:
    assert value_of([1, 0], {0: 3, 1: 5}, 2) == pytest.approx(1)
    assert value_of([5, 6], {0: 3, 1: 5}, 2) == 0
    assert value_of([], {0: 3}, 2) == 0
    assert math.isnan(value_of([0], {0: 0}, 2))
    assert value_of([0], {0: 2}, 1, 1) == pytest.approx(1)
    assert value_of([0, 1], {0: 0, 1: 2}, 2) == pytest.approx(1 / math.log2(3))  # rated 0 is no gain
    assert value_of([1, 0], {0: 4, 1: 4}, 2) == pytest.approx(1)  # all alike: any order is the best


@given(st.permutations(range(9)), st.dictionaries(st.integers(0, 8), st.integers(0, 5), min_size=1), st.integers(1, 6))
@relaxed
def test_ir_measures_and_the_reference_say_the_same(order: list[int], ratings: dict[int, int], k: int) -> None:
    listed = order[:6]
    found = value_of(listed, dict(ratings), k)
    case = reference.Case(9, k, [listed], [set()], [set()], [[]], [None], [None])
    assert found == pytest.approx(reference.graded_ndcg(case, 0, ratings), nan_ok=True)
    if max(ratings.values()) == 0:
        assert math.isnan(found)
        return
    measure = nDCG(gains={grade: 2**grade - 1 for grade in range(6)}) @ k
    qrels = [ir_measures.Qrel("u", str(item), grade) for item, grade in ratings.items()]
    run = [ir_measures.ScoredDoc("u", str(item), float(-rank)) for rank, item in enumerate(listed)]
    assert found == pytest.approx(ir_measures.calc_aggregate([measure], qrels, run)[measure])
    assert 0 <= found <= 1
    renamed = {8 - item: rating for item, rating in ratings.items()}
    assert value_of([8 - item for item in listed], renamed, k) == pytest.approx(found)


def audited(ratings: Any, **options: Any) -> dict[str, Any]:
    data = make(40)
    data["truth"] = data["truth"].assign(rating=ratings(data["truth"]))
    return audit.from_frames(**data, groups=["gender"], replicates=20, permutations=20, **options).to_json()


def test_an_audit_of_rated_lists() -> None:
    data = make(40)
    made = audit.from_frames(**data, groups=["gender"], replicates=20, permutations=20)
    rows, found = made.per_user.set_index("user_id"), made.to_json()
    lists, truth = (data[name] for name in ("recommendations", "truth"))
    for user in ("u0", "u7"):
        own = truth[truth["user_id"] == user].set_index("item_id")["rating"]
        listed = lists[lists["user_id"] == user].sort_values("rank")["item_id"].head(10)
        gains = [2 ** own.get(item, 0) - 1 for item in listed]
        best = sorted((2**own - 1).tolist(), reverse=True)
        given, ideal = (sum(g / math.log2(r + 2) for r, g in enumerate(some)) for some in (gains, best))
        assert rows.loc[user, "graded_ndcg"] == pytest.approx(given / ideal)
    assert 0 <= found["overall"]["graded_ndcg"] <= 1
    assert found["gaps"]["gender"]["graded_ndcg"]["p_value"] is not None
    assert "graded_relevance" in found["conventions"]


@pytest.mark.parametrize(
    "ratings",
    [lambda t: 1, lambda t: t["rating"] - 3, lambda t: t["rating"] * 50],
    ids=["all alike", "below 0", "beyond 100"],
)
def test_ratings_that_are_no_gains(ratings: Any) -> None:
    found = audited(ratings, relevance_threshold=None)
    assert "graded_ndcg" not in found["overall"]
    assert "graded_relevance" not in found["conventions"]


def test_pieces_add_up() -> None:
    """People alone have the value that they have among all."""
    data = make(40)
    whole = audit.from_frames(**data, replicates=0, permutations=0).per_user.set_index("user_id")["graded_ndcg"]
    some = {f"u{u}" for u in range(0, 40, 2)}
    part = {
        name: frame[frame["user_id"].isin(some)] if name in ("recommendations", "truth") else frame
        for name, frame in data.items()
    }
    alone = audit.from_frames(**part, replicates=0, permutations=0).per_user.set_index("user_id")["graded_ndcg"]
    pd.testing.assert_series_equal(alone, whole[alone.index])
