"""What single re-rankers do, against slow and plain versions of themselves or by the effect they are for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from fairdash.errors import ConfigError
from fairdash.metrics.accuracy import discounts
from fairdash.mitigation.base import RerankInput
from fairdash.mitigation.reranking import (
    calibrate,
    cp_fair,
    exposure_parity,
    fa_ir,
    p_mmf,
    threshold,
    user_parity,
    xquad,
)
from fairdash.mitigation.reranking.method import Reranking, unit_scores
from fairdash.mitigation.reranking.utility import expected_gain
from fairdash.mitigation.sweep import Judge
from fairdash.schema import UNKNOWN, Lists
from tests.unit.mitigation.reranking.instances import instance


@pytest.fixture(scope="module")
def town() -> RerankInput:
    """3,000 people with a gap in everything: the first items score higher, the first group likes more of its list."""
    data = instance(3_000, 60, 10, seed=3, n_candidates=40, history=0.2, n_categories=5)
    assert data.user_groups is not None
    rate = np.where(data.user_groups.codes == 0, 0.5, 0.3)[:, None] * unit_scores(data.candidates) ** 2
    liked = np.zeros((3_000, 60), dtype=bool)
    drawn = (np.random.default_rng(0).random(rate.shape) < rate) & (data.candidates.items >= 0)
    np.put_along_axis(liked, np.maximum(data.candidates.items, 0).astype(np.intp), drawn, axis=1)
    return replace(data, valid=sparse.csr_array(liked & ~data.history.toarray()))


def tastes() -> RerankInput:
    """Two groups of people of whom the first likes the first category more, with likes that follow the scores."""
    rng = np.random.default_rng(5)
    base = instance(2_000, 60, 10, seed=5, n_categories=4)
    assert base.user_groups is not None
    share = base.categories.shares.toarray()[:, 0]
    scores = rng.normal(size=(2_000, 60)) + 2.0 * share * (base.user_groups.codes == 0)[:, None]
    order = np.argsort(-scores, axis=1)[:, :30]
    liked = rng.random((2_000, 60)) < 0.3 / (1 + np.exp(2 - 2 * scores))
    return replace(
        base,
        candidates=Lists(order.astype(np.int32), np.take_along_axis(scores, order, axis=1).astype(np.float32)),
        item_groups=None,
        valid=sparse.csr_array(liked),
    )


@pytest.mark.parametrize("method", [xquad.METHOD, xquad.BINARY], ids=["smooth", "binary"])
def test_xquad_step_by_step(method: Reranking) -> None:
    data = instance(12, 20, 5, seed=2, n_candidates=12, history=0.3, unknown=0.2)
    assert data.item_groups is not None
    codes, scores, lam = data.item_groups.codes, unit_scores(data.candidates), 0.6
    history = data.history.toarray()
    mass = np.array([[history[u, codes == d].sum() for d in range(2)] for u in range(12)], dtype=float)
    want = np.where(
        mass.sum(1, keepdims=True) > 0, mass / np.maximum(mass.sum(1, keepdims=True), 1), mass.sum(0) / mass.sum()
    )
    lists = method.rerank(data, lam)
    for user in range(12):
        chosen: list[int] = []
        for _ in range(5):
            best, top = -1, -np.inf
            for place, item in enumerate(data.candidates.items[user]):
                if item < 0 or place in chosen:
                    continue
                d = codes[item]
                value = (1 - lam) * scores[user, place]
                if d >= 0:
                    have = [codes[data.candidates.items[user, other]] == d for other in chosen]
                    rest = 1 - np.mean(have) if have else 1.0
                    if method is xquad.BINARY:
                        rest = float(not any(have))
                    value += lam * want[user, d] * rest
                if value > top + 1e-6:
                    best, top = place, value
            if best >= 0:
                chosen.append(best)
        assert lists[user, : len(chosen)].tolist() == data.candidates.items[user, chosen].tolist()


def test_a_user_without_history_keeps_a_calibrated_list() -> None:
    data = instance(6, 20, 5, seed=2)
    np.testing.assert_array_equal(calibrate.METHOD.rerank(data, 0.9), data.candidates.items[:, :5])


def test_user_parity_closes_the_expected_gap_in_steps(town: RerankInput) -> None:
    assert town.user_groups is not None
    gain = expected_gain(town)
    d = discounts(10) / discounts(10).sum()

    def gap(lists: np.ndarray) -> float:
        at = (town.candidates.items[:, None, :] == lists[:, :, None]).argmax(axis=2)
        worth = (np.take_along_axis(gain, at, axis=1) * d).sum(axis=1)
        codes = town.user_groups.codes  # type: ignore[union-attr]
        return abs(worth[codes == 0].mean() - worth[codes == 1].mean())

    before = gap(town.candidates.items[:, :10])
    lists = user_parity.METHOD.reranker(town)
    for strength in (0.25, 0.5, 1.0):
        assert gap(lists(strength)) == pytest.approx((1 - strength) * before, abs=0.02 * before)


def test_users_of_unknown_group_keep_their_lists(town: RerankInput) -> None:
    assert town.user_groups is not None
    codes = town.user_groups.codes.copy()
    codes[::4] = -1
    lists = user_parity.METHOD.rerank(replace(town, user_groups=replace(town.user_groups, codes=codes)), 1.0)
    np.testing.assert_array_equal(lists[::4], town.candidates.items[::4, :10])


@pytest.mark.parametrize(
    ("method", "key"),
    [
        (calibrate.METHOD, "miscalibration"),
        (user_parity.METHOD, "ndcg"),
        (threshold.METHOD, "demographic_parity_difference"),
        (exposure_parity.METHOD, "exposure_ratio"),
        (p_mmf.METHOD, "rsp"),
        (cp_fair.METHOD, "rsp"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.info.key,
)
def test_the_target_moves_beyond_its_interval(town: RerankInput, method: Reranking, key: str) -> None:
    data = tastes() if method is threshold.METHOD else town
    judge = Judge(data, key, replicates=100)
    lists = method.reranker(data)
    judge.point(0.0, lists(0.0))
    # half strength for those that overshoot the fair value of another convention at full
    point = judge.point(0.5, lists(0.5))
    moved = np.array(point.change_ci) * point.better
    assert moved.min() > 0


def test_exposure_of_merit_that_the_candidates_cannot_reach_goes_as_far_as_it_can() -> None:
    data = instance(300, 40, 5, seed=1, n_candidates=10)
    assert data.item_groups is not None
    merit = (data.item_groups.codes == 1).astype(np.float64)
    lists = exposure_parity.METHOD.rerank(replace(data, merit=merit), 1.0)
    inside = (data.item_groups.codes[data.candidates.items] == 1).sum(axis=1)
    assert ((data.item_groups.codes[lists] == 1).sum(axis=1) == np.minimum(inside, 5)).all()


def test_protected_is_the_group_shown_least_for_its_size() -> None:
    data = instance(300, 200, 5, seed=1, n_candidates=100)
    assert data.item_groups is not None
    shielded = fa_ir.protected_group(data.item_groups, data.candidates.items, 5)
    assert data.item_groups.names[shielded] == "h1"  # the generator lifts the scores of h0
    share = [(data.item_groups.codes[fa_ir.METHOD.rerank(data, s)] == shielded).mean() for s in (0.0, 0.4, 0.7, 1.0)]
    assert share == sorted(share)
    assert share[3] == 1.0


def test_p_mmf_lifts_the_worst_provider_and_leaves_unknown_ones_alone(town: RerankInput) -> None:
    assert town.item_groups is not None
    codes = town.item_groups.codes.copy()
    codes[::5] = -1
    data = replace(town, item_groups=replace(town.item_groups, codes=codes))
    sizes = data.item_groups.sizes  # type: ignore[union-attr]
    before, after = (
        np.bincount(codes[p_mmf.METHOD.rerank(data, s)].ravel() + 1, minlength=3) / 3_000 for s in (0.0, 1.0)
    )
    assert (after[1:] / sizes).min() > (before[1:] / sizes).min()
    assert np.ptp(after[1:] / sizes) < 0.2 * np.ptp(before[1:] / sizes)


@pytest.mark.parametrize("strength", [1e-9, 0.5, 1.0])
def test_p_mmf_keeps_the_recommenders_order_among_equal_scores(strength: float) -> None:
    data = instance(200, 80, 5, seed=1, n_candidates=60)
    assert data.item_groups is not None
    even = replace(data, candidates=Lists(data.candidates.items, np.ones_like(data.candidates.scores)))
    lists = p_mmf.METHOD.rerank(even, strength)
    for row, candidates in zip(lists, data.candidates.items, strict=True):
        for code in range(2):
            mine = candidates[data.item_groups.codes[candidates] == code].tolist()
            given = [item for item in row.tolist() if data.item_groups.codes[item] == code]
            assert given == mine[: len(given)]  # of one provider, the first candidates


@pytest.mark.parametrize("method", [calibrate.METHOD, threshold.METHOD], ids=lambda method: method.info.key)
@pytest.mark.parametrize("names", [("c0",), (UNKNOWN,), ("c0", UNKNOWN)])
def test_categories_that_are_not_two_are_refused(method: Reranking, names: tuple[str, ...]) -> None:
    data = replace(instance(300, 30, 5, seed=1, n_categories=len(names), likes=0.2), item_groups=None)
    data = replace(data, categories=replace(data.categories, names=names))
    with pytest.raises(ConfigError, match="categories against each other") as caught:
        method.rerank(data, 0.5)
    assert "column `categories`" in caught.value.hint


@pytest.mark.parametrize("method", [user_parity.METHOD, threshold.METHOD], ids=lambda method: method.info.key)
def test_a_single_group_of_people_is_refused(method: Reranking) -> None:
    data = instance(300, 30, 5, seed=1, n_user_groups=1)
    with pytest.raises(ConfigError, match="everybody is in one group"):
        method.rerank(data, 0.5)


@pytest.mark.parametrize("method", [exposure_parity.METHOD, cp_fair.METHOD], ids=lambda method: method.info.key)
def test_more_item_groups_than_a_programme_can_hold_are_refused(method: Reranking) -> None:
    data = instance(30, 60, 5, seed=1, n_candidates=55)
    assert data.item_groups is not None
    each = replace(data.item_groups, names=tuple(f"h{j}" for j in range(60)), codes=np.arange(60, dtype=np.int32))
    with pytest.raises(ConfigError, match="groups of items; at most 50") as caught:
        method.rerank(replace(data, item_groups=each, item_least=1), 0.5)
    assert "p_mmf or fair_rec" in caught.value.hint
    # groups that no candidate belongs to do not count
    ten = Lists(np.tile(np.arange(10, dtype=np.int32), (30, 1)), data.candidates.scores[:, :10])
    few = replace(data, candidates=ten, item_groups=each, item_least=1)
    assert method.rerank(few, 0.5).shape == (30, 5)


def test_groups_too_few_for_a_threshold_of_their_own_keep_their_lists() -> None:
    few = replace(instance(4, 12, 5, seed=1, likes=0.3), item_groups=None)
    np.testing.assert_array_equal(threshold.METHOD.rerank(few, 1.0), few.candidates.items[:, :5])


def test_threshold_fits_on_the_fitting_stage() -> None:
    data = instance(400, 60, 5, seed=4, likes=0.2, history=0.2, n_candidates=30)
    here = replace(data, fitting=data, valid=None, candidates=data.candidates)
    np.testing.assert_array_equal(threshold.METHOD.rerank(here, 0.8), threshold.METHOD.rerank(data, 0.8))
