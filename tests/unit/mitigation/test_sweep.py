"""Points on a trade-off, and the rules that choose one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairdash.errors import ConfigError
from fairdash.mitigation.reranking import calibrate
from fairdash.mitigation.sweep import GRID, RULES, Judge, Point, check_rule, choose, trace, unfairest
from tests.unit.mitigation.people import methods_of
from tests.unit.mitigation.reranking.instances import instance

NONE = (float("nan"), float("nan"))


def point(strength: float, value: float, ndcg: float, better: int = -1) -> Point:
    return Point(strength, "gini", better, value, NONE, 0.0, NONE, ndcg, NONE, 0.0, NONE)


CURVE = [point(0.0, 0.80, 0.200), point(0.2, 0.60, 0.199), point(0.4, 0.30, 0.195), point(0.8, 0.20, 0.150)]


@pytest.mark.parametrize(
    ("rule", "budget", "strength"),
    [
        ("accuracy-budget", None, 0.4),  # 5 % of 0.200: down to 0.190
        ("accuracy-budget", 0.01, 0.2),
        ("accuracy-budget", 0.0, 0.0),
        ("accuracy-budget", 0.5, 0.8),
        ("gap-budget", None, 0.4),  # half the way from 0.80 to 0.20
        ("gap-budget", 0.65, 0.2),
        ("gap-budget", 0.9, 0.0),
        ("gap-budget", 0.1, 0.8),  # nothing is as fair: the fairest
        ("knee", None, 0.4),
    ],
)
def test_rules(rule: str, budget: float | None, strength: float) -> None:
    assert choose(CURVE, rule, budget).strength == strength
    mirrored = [point(p.strength, 1 - p.value, p.ndcg, better=1) for p in CURVE]
    bound = 1 - budget if rule == "gap-budget" and budget is not None else budget
    assert choose(mirrored, rule, bound).strength == strength


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8),
    st.sampled_from(list(RULES)),
)
def test_a_chosen_point_is_never_worse_in_both(curve: list[tuple[float, float]], rule: str) -> None:
    points = [point(i / 10, value, ndcg) for i, (value, ndcg) in enumerate(curve)]
    best = choose(points, rule)
    assert best in points
    if rule == "accuracy-budget":
        assert best.ndcg >= 0.95 * points[0].ndcg or best is points[0]
        assert best.value <= points[0].value


def test_equal_points_give_the_least_strength() -> None:
    same = [point(strength, 0.5, 0.2) for strength in (0.0, 0.5, 1.0)]
    assert {choose(same, rule).strength for rule in RULES} == {0.0}


def test_undefined_points_are_left_out() -> None:
    nan = float("nan")
    assert choose([*CURVE, point(1.0, nan, 0.2)], "accuracy-budget", 0.5).strength == 0.8
    with pytest.raises(ConfigError, match="no strength can be chosen"):
        choose([point(0.0, nan, 0.1)])
    with pytest.raises(ConfigError, match="rule"):
        choose(CURVE, "best")


@pytest.mark.parametrize(
    ("rule", "budget", "words"),
    [
        ("best", None, "No rule"),
        ("accuracy-budget", -0.1, "between 0 and 1"),
        ("accuracy-budget", 1.1, "between 0 and 1"),
        ("accuracy-budget", float("nan"), "between 0 and 1"),
        ("gap-budget", float("nan"), "no bound"),
        ("gap-budget", float("-inf"), "no bound"),
        ("knee", 0.1, "no budget"),
    ],
)
def test_budgets_that_a_rule_cannot_have(rule: str, budget: float | None, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_rule(rule, budget)
    with pytest.raises(ConfigError, match=words):
        choose(CURVE, rule, budget)


def test_the_unfairest_attribute_counts_replicate_by_replicate() -> None:
    one, two = np.array([0.1, 0.3, np.nan]), np.array([0.2, 0.1, 0.4])
    assert unfairest([one, two], -1).tolist() == [0.2, 0.3, 0.4]
    assert unfairest([one, two], 1).tolist() == [0.1, 0.1, 0.4]


def test_trace_starts_at_0_and_pairs_with_it() -> None:
    data = instance(60, 40, 5, seed=1, likes=0.3, history=0.3, n_candidates=20)
    judge = Judge(data, "miscalibration")
    seen: list[float] = []
    points = trace(
        calibrate.METHOD.reranker(data), judge, (0.5, 1.0), progress=lambda done, *_args, **_kw: seen.append(done)
    )
    assert [p.strength for p in points] == [0.0, 0.5, 1.0]
    assert seen[-1] == 1.0
    assert points[0].change == 0.0
    assert points[0].change_ci == (0.0, 0.0)
    assert points[2].value < points[1].value < points[0].value
    for p in points[1:]:
        assert p.change == pytest.approx(p.value - points[0].value)
        assert p.change_ci[0] < p.change < p.change_ci[1]
        # the same replicates before and after: the difference is known better than the values
        assert np.diff(p.change_ci) < np.diff(p.ci) + np.diff(points[0].ci)
        assert p.to_json()["strength"] == p.strength


@pytest.mark.parametrize("method", methods_of("reranking"), ids=lambda method: method.info.key)
def test_every_method_can_be_swept(method: object) -> None:
    data = instance(60, 40, 5, seed=1, likes=0.3, history=0.3, n_candidates=20)
    points = trace(method.reranker(data), Judge(data, method.info.target), GRID[::5])  # type: ignore[attr-defined]
    assert len(points) == 5
    assert np.isfinite([p.value for p in points]).all()
    assert choose(points, "accuracy-budget").ndcg >= 0.95 * points[0].ndcg


def test_validation_likes_decide_and_nothing_else() -> None:
    data = instance(60, 40, 5, seed=1, likes=0.3, n_candidates=20)
    other = replace(data, valid=instance(60, 40, 5, seed=2, likes=0.3).valid)
    lists = data.candidates.items[:, :5]
    assert Judge(data, "gini").point(0.0, lists).ndcg != Judge(other, "gini").point(0.0, lists).ndcg
    assert Judge(data, "gini").point(0.0, lists).value == Judge(other, "gini").point(0.0, lists).value
