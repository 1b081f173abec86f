"""The parts that re-rankers share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from fairdash.item_classes import head_and_tail
from fairdash.metrics.accuracy import discounts, hits, per_user
from fairdash.mitigation.reranking.method import best_positions, unit_scores
from fairdash.mitigation.reranking.utility import contains, evidence, expected_gain
from fairdash.schema import Lists
from tests.unit.mitigation.reranking.instances import instance


def lists(items: list[list[int]], scores: list[list[float]]) -> Lists:
    return Lists(np.array(items, dtype=np.int32), np.array(scores, dtype=np.float32))


def test_unit_scores_by_hand() -> None:
    nan, inf = float("nan"), float("inf")
    found = unit_scores(
        lists(
            [[4, 2, 0], [4, 2, -1], [1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3], [7, -1, -1], [-1, -1, -1]],
            [[5, 2, 1], [9, 3, nan], [2, 2, 2], [1, nan, 0], [1, 2, 3], [inf, 1, 0], [3, nan, nan], [nan, nan, nan]],
        )
    )
    want = [
        [1, 0.25, 0],  # min–max
        [1, 0, 0],  # padding is 0
        [1, 1, 1],  # all equal
        [1, 0.5, 0],  # missing: evenly spaced
        [1, 0.5, 0],  # out of order: the order of the list counts
        [1, 0.5, 0],  # not finite
        [1, 0, 0],  # a single candidate
        [0, 0, 0],
    ]
    np.testing.assert_allclose(found, want)


@given(st.floats(0.01, 1e6), st.floats(-1e6, 1e6))
def test_unit_scores_do_not_know_the_scale(factor: float, shift: float) -> None:
    scores = np.array([[9.0, 4.0, 3.0, 0.5, 0.0]])
    items = np.arange(5, dtype=np.int32)[None]
    moved = unit_scores(Lists(items, scores * factor + shift))  # type: ignore[arg-type]
    assert moved == pytest.approx(unit_scores(lists([[0, 1, 2, 3, 4]], scores.tolist())), abs=1e-3)


@given(
    arrays(np.float32, (4, 7), elements=st.sampled_from([-2.0, -1.0, -0.0, 0.0, 0.5, 3.0])),
    arrays(bool, (4, 7)),
    st.integers(1, 9),
)
def test_best_positions_sort_by_value_then_place(value: np.ndarray, valid: np.ndarray, k: int) -> None:
    found = best_positions(value, valid, k)
    for row in range(4):
        want = sorted(np.flatnonzero(valid[row]), key=lambda i: (-value[row, i], i))[:k]
        assert found[row].tolist() == want + [-1] * (min(k, 7) - len(want))


def test_head_is_what_makes_80_percent() -> None:
    ids = np.array(list("abcd"), dtype=object)
    assert head_and_tail(np.array([50.0, 30.0, 10.0, 10.0]), ids).codes.tolist() == [0, 0, 1, 1]


def test_contains() -> None:
    matrix = sparse.csr_array(np.array([[1, 0, 1], [0, 0, 0]], dtype=bool))
    found = contains(matrix, np.array([[2, 1, -1], [0, -1, -1]], dtype=np.int32))
    assert found.tolist() == [[True, False, False], [False, False, False]]


def test_expected_gain_is_what_validation_earned() -> None:
    """Where one group's candidates are liked twice as often, its gains are twice as high, and the sum over a list is
    the NDCG of that group on validation."""
    data = instance(4_000, 30, 10, seed=0, n_candidates=20)
    assert data.user_groups is not None
    rng = np.random.default_rng(1)
    liked = np.zeros((4_000, 30), dtype=bool)
    rate = np.where(data.user_groups.codes == 0, 0.1, 0.2)[:, None] * np.linspace(1.5, 0.5, 20)
    np.put_along_axis(liked, data.candidates.items.astype(np.intp), rng.random((4_000, 20)) < rate, axis=1)
    valid = sparse.csr_array(liked)
    gain = expected_gain(replace(data, valid=valid))
    has = liked.any(axis=1)
    starts = valid.indptr.astype(np.int64)
    found = hits(data.candidates.items[:, :10], starts, valid.indices.astype(np.int32), 30)
    ndcg = per_user(found, liked.sum(axis=1), 10)["ndcg"]
    for group in range(2):
        mine = data.user_groups.codes == group
        expected = (gain[mine, :10] * discounts(10)).sum(axis=1).mean()
        assert expected == pytest.approx(ndcg[mine & has].mean(), rel=0.05)
    assert (np.diff(gain, axis=1) <= 1e-6).all()  # a better score is never worth less


def test_without_validation_likes_gain_is_the_evidence() -> None:
    data = instance(5, 8, 3)
    np.testing.assert_array_equal(expected_gain(data), unit_scores(data.candidates))
    odd = np.full((5, 8), np.nan, dtype=np.float32)
    odd[:, 0], odd[:, 1] = 0.4, 1.7
    found = evidence(replace(data, probability=odd))
    assert found[:, :3].tolist() == [[pytest.approx(0.4), 1.0, 0.0]] * 5
