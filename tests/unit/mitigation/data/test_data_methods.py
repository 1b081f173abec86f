from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from fairdash.errors import ConfigError
from fairdash.mitigation.data import blind, counterfactual_augment, resample, reweigh
from fairdash.mitigation.data.resample import MAX_REPEATS, balanced_repeats
from fairdash.mitigation.data.reweigh import independent_weights
from fairdash.schema import Interactions, TrainingData
from tests.unit.mitigation.people import groups_of, methods_of, training

# u0, u1 are women, u2 … u4 men; women like 1 of 4, men 4 of 6
ROWS = [
    (0, 0, 5),
    (0, 1, 2),
    (1, 2, 1),
    (1, 3, 3),
    (2, 0, 4),
    (2, 1, 1),
    (3, 2, 5),
    (3, 3, 4),
    (4, 0, 5),
    (4, 1, 3),
]
GENDER = ["F", "F", "M", "M", "M"]
WOMEN_AND_MEN = groups_of([0, 0, 1, 1, 1])


def small(**changes: object) -> TrainingData:
    return training(ROWS, 5, 4, gender=GENDER, categories=["Drama", "Drama|War", "War", "War"]).with_(**changes)


@pytest.mark.parametrize("method", methods_of("data"), ids=lambda method: method.info.key)
class TestEvery:
    def test_strength_0_is_the_same_data(self, method: blind.Blind) -> None:
        data = small(profile=("gender",))
        assert method.prepare(data, [WOMEN_AND_MEN], 0.0, 0) is data

    @pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
    def test_a_strength_outside_is_refused(self, method: blind.Blind, strength: float) -> None:
        with pytest.raises(ConfigError, match="not between 0 and 1"):
            method.prepare(small(profile=("gender",)), [WOMEN_AND_MEN], strength, 0)

    def test_one_group_is_refused_with_a_hint(self, method: blind.Blind) -> None:
        with pytest.raises(ConfigError, match="everybody is in one group") as caught:
            method.prepare(small(profile=("gender",)), [groups_of([1, 1, -1, 1, 1])], 1.0, 0)
        assert "at least two groups" in caught.value.hint
        with pytest.raises(ConfigError, match="nobody has a value"):
            method.prepare(small(profile=("gender",)), [groups_of([-1] * 5)], 1.0, 0)
        with pytest.raises(ConfigError, match="between which groups"):
            method.prepare(small(profile=("gender",)), [], 1.0, 0)

    def test_it_sees_no_test_data(self, method: blind.Blind) -> None:
        kinds = set(inspect.signature(method.prepare).parameters)
        assert kinds == {"data", "groups", "strength", "seed"}
        assert not any("test" in name for name in TrainingData.__dataclass_fields__)

    def test_interactions_and_validation_stay(self, method: blind.Blind) -> None:
        data = small(profile=("gender",))
        after = method.prepare(data, [WOMEN_AND_MEN], 0.7, 3)
        assert after.train is data.train
        assert after.valid is data.valid
        assert after.items is data.items


class TestReweigh:
    def test_kamiran_and_calders_by_hand(self) -> None:
        after = reweigh.METHOD.prepare(small(), [WOMEN_AND_MEN], 1.0, 0)
        # P(F) = .4, P(liked) = .5, P(F, liked) = .1 → 2; P(F, not) = .3 → 2/3; men: .3/.4 = .75 and .3/.2 = 1.5
        two, less = 2.0, 2 / 3
        assert after.row_weight is not None
        np.testing.assert_allclose(
            after.row_weight, [two, less, less, less, 0.75, 1.5, 0.75, 0.75, 0.75, 1.5], rtol=1e-6
        )
        assert after.row_weight.dtype == np.float32

    def test_strength_interpolates_to_1(self) -> None:
        half = reweigh.METHOD.prepare(small(), [WOMEN_AND_MEN], 0.5, 0).row_weight
        assert half is not None
        np.testing.assert_allclose(half[:2], [1.5, 1 - 0.5 / 3], rtol=1e-6)

    def test_unknown_groups_keep_1_and_do_not_count(self) -> None:
        after = reweigh.METHOD.prepare(small(), [groups_of([0, 0, 1, 1, -1])], 1.0, 0).row_weight
        assert after is not None
        np.testing.assert_array_equal(after[8:], 1.0)
        # without the last man: P(F) = .5, P(liked) = .5, P(F, liked) = 1/8
        np.testing.assert_allclose(after[0], 2.0, rtol=1e-6)

    def test_earlier_weights_are_kept_as_factors(self) -> None:
        before = np.linspace(0.5, 2.0, len(ROWS)).astype(np.float32)
        after = reweigh.METHOD.prepare(small(row_weight=before), [WOMEN_AND_MEN], 1.0, 0).row_weight
        assert after is not None
        liked = small().train.rating >= 4
        women = small().train.user < 2
        table = [[after[women == w][liked[women == w] == c].sum() for c in (False, True)] for w in (False, True)]
        assert np.linalg.matrix_rank(np.array(table), tol=1e-4) == 1  # independent
        assert after.sum() == pytest.approx(before.sum(), rel=1e-5)

    def test_without_ratings_the_label_is_the_category(self) -> None:
        implicit = small(relevance_threshold=None)
        by_category = reweigh.CATEGORY_METHOD.prepare(small(), [WOMEN_AND_MEN], 1.0, 0).row_weight
        np.testing.assert_array_equal(reweigh.METHOD.prepare(implicit, [WOMEN_AND_MEN], 1.0, 0).row_weight, by_category)

    def test_categories_become_independent_of_the_group(self) -> None:
        rng = np.random.default_rng(0)
        rows = [(u, int(i), 5.0) for u in range(40) for i in rng.choice(6, 3, replace=False, p=_taste(u % 2))]
        names = ["A", "A", "A|B", "B", "B|C", "C"]
        data = training(rows, 40, 6, categories=names, threshold=None)
        groups = groups_of([u % 2 for u in range(40)])
        weight = reweigh.CATEGORY_METHOD.prepare(data, [groups], 1.0, 0).row_weight
        shares = reweigh.category_labels(reweigh.CATEGORY_INFO, data)
        for weighted, bound in ((np.ones(len(rows)), 1.0), (weight, 1e-3)):
            table = np.stack([(weighted * (data.train.user % 2 == g)) @ shares for g in (0, 1)])
            table /= table.sum(axis=1, keepdims=True)
            difference = np.abs(table[0] - table[1]).max()
            assert difference < bound
            assert bound < 1 or difference > 0.1  # there was something to remove

    def test_no_label_at_all_is_said(self) -> None:
        plain = training([(0, 0, 1.0), (1, 1, 1.0)], 2, 2, threshold=None)
        with pytest.raises(ConfigError, match="no categories"):
            reweigh.METHOD.prepare(plain, [groups_of([0, 1])], 1.0, 0)

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 2**31), st.integers(1, 2))
    def test_every_attribute_becomes_independent(self, seed: int, attributes: int) -> None:
        rng = np.random.default_rng(seed)
        n = 300
        codes = [rng.integers(-1, 3, n) for _ in range(attributes)]
        label = rng.integers(0, 2, n)
        labels = sparse.csr_array((np.ones(n), (np.arange(n), label)), shape=(n, 2))
        weight = independent_weights(codes, labels, np.ones(n))
        assert (weight > 0).all()
        for group in codes:
            known = group >= 0
            table = np.array([[weight[(group == g) & (label == c)].sum() for c in (0, 1)] for g in range(3)])
            counts = np.array([[np.sum((group == g) & (label == c)) for c in (0, 1)] for g in range(3)])
            wanted = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / known.sum()
            np.testing.assert_allclose(table, wanted, rtol=1e-6, atol=1e-6)


def _taste(group: int) -> list[float]:
    share = [0.3, 0.3, 0.2, 0.1, 0.05, 0.05]
    return share if group == 0 else share[::-1]


class TestResample:
    def test_groups_occur_equally_often(self) -> None:
        data = training([(u, 0, 5.0) for u in range(30)], 30, 1)
        groups = groups_of([0] * 7 + [1] * 20 + [-1] * 3)
        repeats = resample.METHOD.prepare(data, [groups], 1.0, 0).user_repeats
        assert repeats is not None
        assert repeats.dtype == np.int32
        assert repeats[:7].sum() == 20
        assert set(repeats[:7]) == {2, 3}
        np.testing.assert_array_equal(repeats[7:], 1)

    def test_half_the_strength_is_half_the_way(self) -> None:
        data = training([(u, 0, 5.0) for u in range(30)], 30, 1)
        groups = groups_of([0] * 10 + [1] * 20)
        repeats = resample.METHOD.prepare(data, [groups], 0.5, 0).user_repeats
        assert repeats is not None
        assert repeats[:10].sum() == 15

    def test_who_is_repeated_depends_on_the_seed_alone(self) -> None:
        data = training([(u, 0, 5.0) for u in range(30)], 30, 1)
        groups = groups_of([0] * 10 + [1] * 15 + [-1] * 5)
        first, again, other = (resample.METHOD.prepare(data, [groups], 1.0, s).user_repeats for s in (0, 0, 1))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()

    def test_repeats_multiply_with_earlier_ones(self) -> None:
        data = training([(u, 0, 5.0) for u in range(3)], 3, 1).with_(user_repeats=np.array([2, 1, 0], np.int32))
        repeats = resample.METHOD.prepare(data, [groups_of([0, 1, 1])], 1.0, 0).user_repeats
        np.testing.assert_array_equal(repeats, [4, 1, 0])

    def test_a_tiny_group_is_bounded(self) -> None:
        assert balanced_repeats([groups_of([0] + [1] * 99)], 100)[0] == MAX_REPEATS

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 2**31))
    def test_two_attributes_are_both_balanced(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = 400
        gender = groups_of(rng.choice([0, 1, 1], n).tolist())
        age = groups_of(rng.choice([0, 1, 2, 2], n).tolist(), "age", ("a", "b", "c"))
        repeats = balanced_repeats([gender, age], n)
        assert repeats.min() == 1
        for attribute in (gender, age):
            total = np.bincount(attribute.codes, weights=repeats)
            np.testing.assert_allclose(total, total[0], rtol=1e-6)


class TestBlind:
    def test_in_full_the_attribute_leaves_the_profile(self) -> None:
        data = small(profile=("age_band", "gender"))
        after = blind.METHOD.prepare(data, [WOMEN_AND_MEN], 1.0, 0)
        assert after.profile == ("age_band",)
        assert after.users is data.users

    def test_in_part_a_growing_share_of_people(self) -> None:
        data = training([(u, 0, 5.0) for u in range(400)], 400, 1).with_(profile=("gender",))
        groups = groups_of([u % 2 for u in range(400)])
        before: set[int] = set()
        for strength in (0.25, 0.5, 0.75):
            after = blind.METHOD.prepare(data, [groups], strength, 7)
            hidden = set(np.flatnonzero(after.users["gender"].isna()))
            assert before < hidden
            assert len(hidden) == pytest.approx(400 * strength, abs=30)
            assert after.profile == ("gender",)
            before = hidden
        assert data.users["gender"].notna().all()  # the original table is untouched

    def test_a_crossing_hides_both_parts(self) -> None:
        data = small(profile=("age_band", "gender", "town"))
        crossed = groups_of([0, 1, 2, 3, 0], "gender × age_band", ("F × old", "F × young", "M × old", "M × young"))
        assert blind.METHOD.prepare(data, [crossed], 1.0, 0).profile == ("town",)

    def test_nothing_to_hide_is_said(self) -> None:
        with pytest.raises(ConfigError, match="does not hold gender") as caught:
            blind.METHOD.prepare(small(profile=("age_band",)), [WOMEN_AND_MEN], 1.0, 0)
        assert "age_band" in caught.value.message
        assert caught.value.hint


class TestCounterfactualAugment:
    def test_twins_are_asked_for(self) -> None:
        after = counterfactual_augment.METHOD.prepare(small(profile=("gender", "age_band")), [WOMEN_AND_MEN], 0.3, 0)
        assert (after.swap, after.swap_share) == (("gender",), 0.3)

    def test_several_attributes_are_exchanged_together(self) -> None:
        age = groups_of([0, 1, 0, 1, 1], "age_band", ("old", "young"))
        after = counterfactual_augment.METHOD.prepare(
            small(profile=("gender", "age_band")), [WOMEN_AND_MEN, age], 1.0, 0
        )
        assert after.swap == ("gender", "age_band")

    def test_without_the_attribute_in_the_text_it_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="it is empty"):
            counterfactual_augment.METHOD.prepare(small(), [WOMEN_AND_MEN], 1.0, 0)


def test_validation_labels_change_nothing() -> None:
    data = small(profile=("gender",))
    shuffled = data.with_(
        valid=Interactions(data.valid.user, data.valid.item[::-1], data.valid.rating, data.valid.time)
    )
    for method in methods_of("data"):
        a, b = (method.prepare(d, [WOMEN_AND_MEN], 0.5, 0) for d in (data, shuffled))
        np.testing.assert_array_equal(a.row_weight, b.row_weight)
        np.testing.assert_array_equal(a.user_repeats, b.user_repeats)
        assert (a.profile, a.swap, a.swap_share) == (b.profile, b.swap, b.swap_share)
