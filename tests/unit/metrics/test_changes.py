"""Intervals of differences between before and after."""

import math

import numpy as np
import pytest
from scipy import stats

from fairdash.metrics import changes
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.groups import Sides
from tests.bench.statistics import PAIRED, Paired
from tests.bench.verdicts import Draw

NOISE = np.random.default_rng(0).normal(size=4000)


def sides(values: list[float], errors: list[float], noise: np.ndarray, people: int = 1_000_000) -> Sides:
    """Groups whose replicates are normal."""
    n = len(values)
    names = tuple(f"g{i}" for i in range(n))
    return Sides(names, np.array(values), values + noise * errors, np.full(n, people), np.zeros(n))


def test_differences_use_common_replicates() -> None:
    old, new = Estimate(0.3, 0.3 + NOISE), Estimate(0.5, 0.5 + NOISE)
    ((value, ends),) = changes.of_values([old], [new])
    assert value == pytest.approx(0.2)
    assert ends == pytest.approx((0.2, 0.2))
    assert np.isnan(changes.of_values([Estimate(0.3, NOISE)], [Estimate(math.nan, NOISE)])[0][1]).all()
    rounding = Estimate(1.0, NOISE * 0 + 1), Estimate(1.0, NOISE * 0 + 1 + 1e-15)
    assert changes.of_values(*([one] for one in rounding))[0] == (0.0, (0.0, 0.0))


def test_of_few_people_it_is_students() -> None:
    x = np.random.default_rng(1).normal(size=20)
    weights = np.random.default_rng(2).poisson(1.0, (20_000, 20))
    boot = weights @ x / weights.sum(axis=1)
    zero = Estimate(0.0, np.zeros(len(boot)), people=20)
    ((_, ends),) = changes.of_values([zero], [Estimate(x.mean(), boot, people=20)])
    expected = stats.t.interval(0.95, 19, x.mean(), x.std(ddof=1) / math.sqrt(20))
    assert ends == pytest.approx(expected, abs=0.06)


def test_a_group_that_did_not_change_may_be_too_small_for_it() -> None:
    """0 of 20 people changed by 0.5, as others did: up to 16.8 % of them may, up or down."""
    still = Estimate(0.3, 0.3 + NOISE, people=20)
    others = Estimate(0.3, 0.3 + NOISE, people=500), Estimate(0.4, 0.4 + NOISE * 1.1, people=500)
    (_, ends), _ = changes.of_values([still, others[0]], [still, others[1]], jump=0.5)
    assert ends == pytest.approx((-0.5 * 0.16843, 0.5 * 0.16843), abs=1e-5)
    assert changes.of_values([still], [still], jump=0.5)[0] == (0.0, (0.0, 0.0))


def test_few_that_move_among_many_are_few() -> None:
    """16 of 1,000 people move by 1, as many up as down: t with 34 degrees of freedom, not 999."""
    noise = math.sqrt(16) / 1000 * np.random.default_rng(6).permutation(stats.norm.ppf((np.arange(4000) + 0.5) / 4000))
    zero = Estimate(0.0, np.zeros(4000), people=1000)
    ((_, ends),) = changes.of_values([zero], [Estimate(0.0, noise, people=1000)], jump=1.0)
    half = stats.t.ppf(0.975, 34) * math.sqrt(16) / 1000
    assert half <= ends[1] <= 1.05 * half
    assert ends[0] == pytest.approx(-ends[1])


def test_a_gap_that_turns_round() -> None:
    """From 0.3 to 0.2 the other way round: the change is -0.1, give or take both gaps' errors; as independent here."""
    noise = np.random.default_rng(3).normal(size=(2, 20_000, 2))
    old, new = sides([0.5, 0.2], [0.02, 0.01], noise[0]), sides([0.1, 0.3], [0.01, 0.02], noise[1])
    value, ends = changes.of_gaps(old, new, 0.0)
    assert value == pytest.approx(-0.1)
    half = 1.96 * math.sqrt(2 * 0.02**2 + 2 * 0.01**2)
    assert ends == pytest.approx((-0.1 - half, -0.1 + half), abs=0.002)


def test_a_small_gap_changes_by_no_more_than_the_groups() -> None:
    """Nobody can say which of two alike groups is higher, but hardly anybody's value has changed."""
    noise, little = np.random.default_rng(4).normal(size=(2, 20_000, 2))
    old = sides([0.30, 0.29], [0.1, 0.1], noise)
    new = Sides(old.names, old.values, old.replicates + 0.001 * little, old.people, old.unit)
    value, (low, high) = changes.of_gaps(old, new, 0.0)
    half = 1.96 * 0.001 * math.sqrt(2)
    assert value == 0
    assert (low, high) == pytest.approx((-half, half), rel=0.05)


def test_the_point_is_the_difference_of_the_gaps_also_where_groups_are_missing() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        old, new = (sides(list(rng.random(4)), [0.1] * 4, rng.normal(size=(50, 4)), 40) for _ in range(2))
        part = Sides(new.names[1:], new.values[1:], new.replicates[:, 1:], new.people[1:], new.unit[1:])
        for after in (new, part):
            value, (low, high) = changes.of_gaps(old, after, 0.1)
            assert value == pytest.approx(np.ptp(after.values) - np.ptp(old.values))
            assert low <= value <= high


@pytest.mark.parametrize("title", PAIRED)
def test_coverage(title: str) -> None:
    """Of 100 data sets 95 % means 89 or more in 99 of 100 cases."""
    row = Paired(title, "ndcg", replicates=200)
    found = {criterion: one.value for (_, criterion), one in row.measure(row.columns, Draw(100)).items()}
    assert min(found["smallest"], found["largest"], found["gap"]) >= 0.89
    # not bought by intervals that hold everything
    assert found["largest"] <= 0.99 or "few" in title
    if title in ("gap turns", "gap closes", "five groups turn"):
        assert found["gap"] <= 0.99
    if title == "gap closes":
        assert found["moved"] >= 0.5
    if title in ("few change", "no gap"):
        assert found["moved"] <= 0.11
