"""Weights, intervals and corrections."""

import math

import numpy as np
import pytest
from scipy import stats

from fairdash.hashing import id_hash
from fairdash.metrics import bootstrap

HASHES = id_hash([f"u{i}" for i in range(4000)])


def test_weights_are_poisson_and_independent() -> None:
    weights = bootstrap.weights(HASHES, 403)
    assert weights.shape == (4000, 403)
    expected = stats.poisson(1).pmf(np.arange(6)) * weights.size
    observed = np.bincount(weights.ravel(), minlength=6)[:6]
    assert np.abs(observed - expected).max() < 5 * math.sqrt(weights.size)
    between = np.corrcoef(weights.T.astype(float))
    assert np.abs(between[~np.eye(403, dtype=bool)]).max() < 6 / math.sqrt(4000)
    assert np.abs(np.corrcoef(weights[:400].astype(float)) - np.eye(400)).max() < 6 / math.sqrt(403)


def test_weights_depend_on_seed_and_id_alone() -> None:
    whole = bootstrap.weights(HASHES, 8)
    np.testing.assert_array_equal(bootstrap.weights(HASHES[[7, 3]], 8), whole[[7, 3]])
    np.testing.assert_array_equal(bootstrap.weights(HASHES, 5), whole[:, :5])
    assert (bootstrap.weights(HASHES, 8, seed=1) != whole).any()


def test_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(size=500)
    weights = bootstrap.weights(HASHES[:500], 2000).astype(float)
    means = values @ weights / weights.sum(axis=0)
    assert means.std() == pytest.approx(values.std() / math.sqrt(500), rel=0.06)


def test_widening() -> None:
    np.testing.assert_allclose(bootstrap.widening(np.array([20, 1000])), [1.0956, 1.0017], atol=1e-3)
    assert np.isnan(bootstrap.widening(np.array([1]))).all()


def test_interval() -> None:
    assert bootstrap.interval(np.linspace(-1, 1, 1001)) == pytest.approx((-0.95, 0.95))
    assert bootstrap.interval(np.linspace(-1, 1, 1001), 0.0, 0.5) == (0.0, 0.5)
    assert np.isnan(bootstrap.interval(np.array([np.nan, 1.0]))).all()


def test_holm_by_hand() -> None:
    assert bootstrap.holm([0.01, 0.04, math.nan, 0.03]) == pytest.approx([0.03, 0.06, math.nan, 0.06], nan_ok=True)
    assert bootstrap.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert bootstrap.holm([]) == []


@pytest.mark.parametrize(("freedom", "noncentral"), [(1, 0.0), (1, 6.0), (17, 0.0), (17, 40.0)])
def test_distance_interval_covers(freedom: int, noncentral: float) -> None:
    """A squared distance that is χ², its replicates around it: the true value is inside 95 times of 100."""
    rng = np.random.default_rng(freedom)
    center = np.zeros(freedom)
    center[0] = math.sqrt(noncentral)
    inside = 0
    for _ in range(400):
        seen = center + rng.normal(size=freedom)
        moved = ((seen + rng.normal(size=(400, freedom))) ** 2).sum(axis=1)
        low, high = bootstrap.distance_interval(float((seen**2).sum()), moved)
        inside += low <= noncentral <= high
    assert inside >= 0.925 * 400


def test_detectable_distance_is_found_four_times_of_five() -> None:
    rng = np.random.default_rng(0)
    freedom = 5
    null = rng.normal(size=freedom)
    moved = ((null + rng.normal(size=(4000, freedom))) ** 2).sum(axis=1)
    size = bootstrap.detectable_distance(float((null**2).sum()), moved)
    found = stats.ncx2(freedom, size).sf(stats.chi2(freedom).ppf(0.95))
    assert found == pytest.approx(0.8, abs=0.05)


def test_a_distance_without_upward_bias_is_not_detected_from_nothing_on() -> None:
    """Replicates of mean 4 around a squared distance of 4: the size comes from their spread, not from no bias."""
    moved = 4.0 + np.random.default_rng(0).normal(size=4000)
    moved -= moved.mean() - 4.0
    scale = moved.var() / 16
    size = bootstrap.detectable_distance(4.0, moved)
    # one degree of freedom: found with probability 0.8 where the mean lies (1.96 + 0.84) standard deviations off
    assert size == pytest.approx(scale * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2, rel=0.01)


def test_distance_interval_without_spread() -> None:
    assert bootstrap.distance_interval(0.0, np.zeros(10)) == (0.0, 0.0)
    assert np.isnan(bootstrap.distance_interval(math.nan, np.ones(10))).all()


def test_jackknife_of_a_mean_is_the_t_interval() -> None:
    values = np.random.default_rng(0).normal(size=20)
    left_out = (values.sum() - values) / 19
    low, high = bootstrap.jackknife(float(values.mean()), left_out)
    expected = stats.t.interval(0.95, 19, values.mean(), values.std(ddof=1) / math.sqrt(20))
    assert (low, high) == pytest.approx(expected)


def test_the_interval_of_a_distance_is_within_its_range_or_not_there() -> None:
    noise = np.abs(np.random.default_rng(0).normal(0.4, 0.2, 500))
    low, high = bootstrap.Estimate(0.45, noise, "distance", 0.0, 0.5).ci
    assert 0 <= low < 0.45 < high == 0.5
    assert np.isnan(bootstrap.Estimate(0.45, np.empty(0), "distance", 0.0, 0.5).ci).all()
    assert np.isnan(bootstrap.Estimate(math.nan, noise, "distance", 0.0, 0.5).ci).all()


def test_by_hand_an_interval_without_spread() -> None:
    """All replicates are 0.25, of 20 people: 1 - 0.025^(1/20) = 0.16843 of all may have any value from 0 to 1. Of how
    many people nothing is known, nothing is added."""
    same = np.full(50, 0.25)
    for kind in ("percentile", "distance"):
        found = bootstrap.Estimate(0.25, same, kind, 0.0, 1.0, people=20)
        assert found.ci == pytest.approx((0.25 - 0.25 * 0.16843, 0.25 + 0.75 * 0.16843), abs=1e-5)
        assert bootstrap.Estimate(0.25, same, kind, 0.0, 1.0).ci == pytest.approx((0.25, 0.25))
