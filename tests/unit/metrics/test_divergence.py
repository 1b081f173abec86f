from __future__ import annotations

import numpy as np
import pytest

from fairdash.metrics import divergence
from fairdash.schema import Groups


def groups(codes: np.ndarray, names: tuple[str, ...] = ("A", "B")) -> Groups:
    return Groups("g", names, codes.astype(np.int32))


def sample(
    n: int = 200, d: int = 6, shift: float = 0.0, classes: int = 2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    codes = np.arange(n) % classes
    vectors = draw.normal(size=(n, d)) + 3.0
    vectors[:, 0] += shift * codes
    return vectors, codes


def test_projection_by_hand() -> None:
    vectors = np.array([[0.0, 1.0], [0.0, 3.0], [4.0, 1.0], [4.0, 3.0]])
    found = divergence.divergence(vectors, groups(np.array([0, 0, 1, 1])))
    assert found.value == pytest.approx(2.0)  # all move to x = 2, the common mean
    assert divergence.project_out(vectors, np.array([0, 0, 1, 1])) == pytest.approx(
        np.array([[2.0, 1.0], [2.0, 3.0], [2.0, 1.0], [2.0, 3.0]])
    )


def test_standardising_by_hand() -> None:
    vectors = np.array([[0.0], [2.0], [10.0], [16.0]])  # means 1 and 13, deviations 1 and 3, pooled sqrt(5), mean 7
    neutral = divergence.standardise(vectors, np.array([0, 0, 1, 1]))
    root = np.sqrt(5)
    assert neutral == pytest.approx(np.array([[7 - root], [7 + root], [7 - root], [7 + root]]))


@pytest.mark.parametrize("classes", [2, 4])
def test_neutral_vectors_have_equal_group_means(classes: int) -> None:
    vectors, codes = sample(shift=2.0, classes=classes)
    for build in divergence.NEUTRAL.values():
        neutral = build(vectors, codes)
        means = np.stack([neutral[codes == code].mean(axis=0) for code in range(classes)])
        assert means == pytest.approx(np.broadcast_to(vectors.mean(axis=0), means.shape))
        again = build(neutral, codes)
        assert again == pytest.approx(neutral)  # neutral vectors are their own


def test_standardising_also_equalises_deviations() -> None:
    vectors, codes = sample()
    vectors[codes == 1] *= 2
    neutral = divergence.standardise(vectors, codes)
    assert neutral[codes == 0].std(axis=0) == pytest.approx(neutral[codes == 1].std(axis=0))


def test_groups_that_are_alike_do_not_diverge() -> None:
    half = np.random.default_rng(1).normal(size=(50, 4))
    vectors, codes = np.concatenate([half, half]), np.repeat([0, 1], 50)
    for neutral in divergence.NEUTRAL:
        found = divergence.divergence(vectors, groups(codes), neutral)
        assert found.value == pytest.approx(0.0, abs=1e-9)


def test_what_everybody_shares_is_no_distance() -> None:
    vectors, codes = sample(shift=1.0)
    for neutral in divergence.NEUTRAL:
        here = divergence.divergence(vectors, groups(codes), neutral).value
        there = divergence.divergence(vectors + 1000.0, groups(codes), neutral).value
        assert here == pytest.approx(there, rel=1e-6)


def test_more_difference_more_divergence_and_chance_tells() -> None:
    draw = np.random.default_rng(2)
    for neutral in divergence.NEUTRAL:
        found = []
        for shift in (0.0, 4.0):
            vectors, codes = sample(shift=shift)
            shuffles = np.stack([draw.permutation(codes) for _ in range(99)], axis=1)
            weights = draw.multinomial(200, np.full(200, 1 / 200), size=100).T
            result = divergence.divergence(vectors, groups(codes), neutral, weights=weights, shuffles=shuffles)
            low, high = np.percentile(result.replicates, (2.5, 97.5))
            assert low < result.value < high
            found.append(result)
        equal, apart = found
        assert equal.value < apart.value
        assert equal.p_value > 0.05
        assert apart.p_value == pytest.approx(1 / 100)
        assert apart.value > apart.shuffled.mean()


def test_the_unknown_and_small_groups_are_left_out() -> None:
    vectors, codes = sample(shift=2.0)
    known = divergence.divergence(vectors, groups(codes))
    more = np.concatenate([vectors, np.full((3, 6), 50.0), np.full((2, 6), -50.0)])
    labels = np.concatenate([codes, [-1] * 3, [2] * 2])
    found = divergence.divergence(more, groups(labels, ("A", "B", "C")), min_size=3)
    assert found.value == pytest.approx(known.value)
    assert np.isnan(found.distances[-5:]).all()
    assert set(found.by_group) == {"A", "B"}


def test_one_group_is_undefined() -> None:
    found = divergence.divergence(np.ones((4, 2)), groups(np.zeros(4)))
    assert np.isnan(found.value)
    assert found.reason


def test_constant_vectors_do_not_diverge() -> None:
    for neutral in divergence.NEUTRAL:
        found = divergence.divergence(np.ones((6, 3)), groups(np.arange(6) % 2), neutral)
        assert found.value == 0.0
        assert found.relative == 0.0
