"""Values of small groups, drawn towards their mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

import fairdash
from fairdash.metrics import shrinkage
from fairdash.metrics.shrinkage import errors, shrunk

SCHOOLS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def test_eight_schools() -> None:
    """Effects and errors of Rubin 1981; the posterior means are known from many samplers, to about 0.3."""
    found = shrunk(*SCHOOLS)
    assert found.value == pytest.approx([11.4, 7.9, 6.1, 7.6, 5.1, 6.2, 10.7, 8.5], abs=0.2)
    assert found.low[0] == pytest.approx(-2, abs=1.5)
    assert found.high[0] == pytest.approx(31, abs=1.5)
    assert found.mean == pytest.approx(7.9, abs=0.2)


def test_against_a_sampler_of_its_own() -> None:
    """The same posterior, drawn at random: τ from a fine grid, then μ, then θ."""
    x, error = np.array([0.1, 0.3, 0.05, 0.2, 0.15]), np.array([0.05, 0.08, 0.04, 0.1, 0.06])
    rng = np.random.default_rng(3)
    tau = np.linspace(0, 4, 80_001)[1:]
    total = np.square(error) + np.square(tau)[:, None]
    mu, v = (x / total).sum(axis=1) / (1 / total).sum(axis=1), 1 / (1 / total).sum(axis=1)
    density = np.sqrt(v) * np.exp(-0.5 * (np.square(x - mu[:, None]) / total).sum(axis=1)) / np.sqrt(total.prod(axis=1))
    drawn = rng.choice(len(tau), 200_000, p=density / density.sum())
    middle = rng.normal(mu[drawn], np.sqrt(v[drawn]))
    keep = np.square(tau[drawn])[:, None] / total[drawn]
    theta = rng.normal(keep * x + (1 - keep) * middle[:, None], np.sqrt(keep) * error)
    found = shrunk(x, error)
    assert found.value == pytest.approx(theta.mean(axis=0), abs=2e-3)
    assert found.low == pytest.approx(np.quantile(theta, 0.025, axis=0), abs=5e-3)
    assert found.high == pytest.approx(np.quantile(theta, 0.975, axis=0), abs=5e-3)


def test_groups_that_only_chance_sets_apart() -> None:
    """Sixty cells of one true value: none stands out any more, and their error is a third at most."""
    rng = np.random.default_rng(1)
    n = rng.integers(20, 300, 60).astype(float)
    x = rng.binomial(n.astype(int), 0.1) / n
    found = shrunk(x, errors(x * (1 - x), n))
    assert np.ptp(x) > 0.1
    assert ((found.low <= 0.1) & (found.high >= 0.1)).mean() >= 0.95
    assert np.abs(found.value - 0.1).max() < np.abs(x - 0.1).max() / 3


def test_groups_that_differ_are_kept_apart() -> None:
    x, n = np.array([0.1, 0.5, 0.3, 0.7, 0.2]), np.full(5, 10_000.0)
    found = shrunk(x, errors(x * (1 - x), n))
    assert found.value == pytest.approx(x, abs=1e-3)
    assert found.spread == pytest.approx(np.std(x), rel=0.5)


def test_a_group_without_hits_is_not_certain() -> None:
    x, n = np.array([0.0, 0.2, 0.25, 0.3]), np.array([20.0, 400, 300, 500])
    found = shrunk(x, errors(x * (1 - x), n))
    assert 0 < found.value[0] < 0.25
    assert found.high[0] > 0.1


def test_missing_too_few_and_equal_groups() -> None:
    nan = np.nan
    found = shrunk(np.array([nan, 0.2, 0.4]), np.array([nan, 0.1, 0.1]))
    assert np.isnan(found.value).all()
    assert np.isnan(found.mean)
    assert np.isnan(found.spread)
    found = shrunk(np.array([nan, 0.2, 0.4, 0.3]), np.array([nan, 0.1, 0.1, 0.1]))
    assert np.isnan(found.value[0])
    assert not np.isnan(found.value[1:]).any()
    equal = shrunk(np.full(3, 0.5), np.zeros(3))
    assert equal.value.tolist() == equal.low.tolist() == equal.high.tolist() == [0.5] * 3
    assert np.isnan(errors(np.array([nan, 0.1]), np.array([0.0, 10.0]))[0])


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(5, 1000)), min_size=3, max_size=12),
    st.floats(0.1, 100),
    st.floats(-50, 50),
)
def test_order_units_and_place_do_not_matter(groups: list[tuple[float, int]], unit: float, shift: float) -> None:
    x, n = np.array([g[0] for g in groups]), np.array([float(g[1]) for g in groups])
    error = errors(x * (1 - x), n) + 1e-3
    found = shrunk(x, error)
    assert (found.low <= found.value + 1e-9).all()
    assert (found.value <= found.high + 1e-9).all()
    assert x.min() - 1e-6 <= found.value.min()
    assert found.value.max() <= x.max() + 1e-6
    turned = shrunk(x[::-1], error[::-1])
    assert turned.value[::-1] == pytest.approx(found.value, abs=1e-9)
    moved = shrunk(x * unit + shift, error * unit)
    assert moved.value == pytest.approx(found.value * unit + shift, abs=1e-6 * unit + 1e-9)
    assert moved.low == pytest.approx(found.low * unit + shift, abs=1e-4 * unit)


def _audit(sizes: dict[str, int]) -> dict[str, Any]:
    """People of some groups, of whom every fifth finds the one item that was held out."""
    people = [f"{group}{i}" for group, size in sizes.items() for i in range(size)]
    users = pd.DataFrame({"user_id": people, "group": [person[0] for person in people]})
    recommended = ["hit" if i % 5 == 0 else "miss" for i in range(len(people))]
    lists = pd.DataFrame({"user_id": people, "item_id": recommended, "rank": 1})
    truth = pd.DataFrame({"user_id": people, "item_id": "hit"})
    made = fairdash.audit(lists, truth, users, groups=["group"], k=1, replicates=50, permutations=50)
    return made.to_json()


def test_an_audit_of_many_groups_says_what_chance_may_have_done() -> None:
    sizes = {"a": 30, "b": 7, "c": 12, "d": 200, "e": 60}
    value = _audit(sizes)
    drawn = value["shrunk"]["group"]["hit"]
    assert set(drawn["groups"]) == set(sizes)
    raw = {name: value["groups"]["group"][name]["hit"] for name in sizes}
    n, x = np.array([float(size) for size in sizes.values()]), np.array(list(raw.values()))
    expected = shrunk(x, errors(x * (1 - x), n))
    for i, name in enumerate(sizes):
        row = drawn["groups"][name]
        assert row["value"] == pytest.approx(expected.value[i])
        assert row["ci"] == pytest.approx([max(expected.low[i], 0), min(expected.high[i], 1)])
    assert abs(drawn["groups"]["b"]["value"] - 0.2) < abs(raw["b"] - 0.2) / 3  # seven people say little


def test_few_groups_stay_as_they_are() -> None:
    assert _audit({"a": 30, "b": 30})["shrunk"] == {"group": {}}


def test_a_quantile_is_found_in_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """An end that was found is not left again for the middle of what is left."""
    steps = 0

    def counted(x: Any) -> Any:
        nonlocal steps
        steps += 1
        return ndtr(x)

    monkeypatch.setattr(shrinkage, "ndtr", counted)
    shrunk(*SCHOOLS)
    assert steps <= 30  # of both ends
