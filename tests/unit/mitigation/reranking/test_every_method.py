"""What holds for every re-ranker: complete lists without repeats of unseen candidates, strength 0 the identity, the
same answer twice, nothing from test, and clear refusals."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairdash.errors import ConfigError
from fairdash.item_classes import ItemClass
from fairdash.mitigation import METHODS
from fairdash.mitigation.base import RerankInput
from fairdash.mitigation.reranking import programme
from fairdash.mitigation.reranking.method import Reranking
from fairdash.mitigation.reranking.xquad import BINARY
from fairdash.schema import Lists
from tests.unit.mitigation.people import methods_of
from tests.unit.mitigation.reranking.instances import instance, instances

ALL = [pytest.param(method, id=method.info.key) for method in methods_of("reranking")] + [
    pytest.param(BINARY, id="xquad-binary")
]


@pytest.fixture(autouse=True)
def _few_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Branch and bound for seconds on each random instance would prove nothing more here."""
    monkeypatch.setattr(programme, "WORK", 1_000)


def refused(method: Reranking, data: RerankInput) -> bool:
    """Whether the method is refused, as it must be exactly where there is nothing that it could balance."""
    lacking = False
    if (data.candidates.items >= 0).any():
        kinds = ItemClass.of_categories(data.categories)
        if method.info.key == "threshold" and data.item_groups is not None:
            kinds = ItemClass.of_groups(data.item_groups)
        people = data.user_groups
        lacking |= "categories" in method.info.needs and int((kinds.sizes > 0).sum()) < 2
        lacking |= "user_groups" in method.info.needs and people is not None and int((people.sizes > 0).sum()) < 2
    if lacking:
        with pytest.raises(ConfigError) as caught:
            method.reranker(data)
        assert caught.value.hint
    return lacking


def check(data: RerankInput, lists: np.ndarray) -> None:
    assert lists.shape == (len(data.candidates.items), data.k)
    assert lists.dtype == np.int32
    seen = data.history.toarray()
    for user, row in enumerate(lists):
        candidates = data.candidates.items[user]
        candidates = candidates[candidates >= 0]
        given = row[row >= 0]
        assert len(given) == min(data.k, len(candidates))  # as long as the candidates allow
        assert (row[len(given) :] == -1).all()
        assert len(set(given)) == len(given)
        assert set(given) <= set(candidates)
        assert not seen[user, given].any()


@pytest.mark.parametrize("method", ALL)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(data=instances(), strength=st.sampled_from([1e-9, 0.1, 0.5, 0.9, 1.0]))
def test_lists_are_complete_and_the_same_twice(method: Reranking, data: RerankInput, strength: float) -> None:
    if refused(method, data):
        return
    reranker = method.reranker(data)
    lists = reranker(strength)
    check(data, lists)
    np.testing.assert_array_equal(lists, reranker(strength))
    np.testing.assert_array_equal(lists, method.rerank(data, strength))


@pytest.mark.parametrize("method", ALL)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=instances())
def test_strength_0_is_the_first_k_candidates(method: Reranking, data: RerankInput) -> None:
    if refused(method, data):
        return
    lists = method.rerank(data, 0.0)
    width = min(data.k, data.candidates.k)
    np.testing.assert_array_equal(lists[:, :width], data.candidates.items[:, :width])
    assert (lists[:, width:] == -1).all()


@pytest.mark.parametrize("method", ALL)
def test_order_of_strengths_does_not_matter(method: Reranking) -> None:
    data = instance(60, 30, 5, seed=4, likes=0.2, history=0.2, n_candidates=15)
    reranker = method.reranker(data)
    upwards = {s: reranker(s) for s in (0.2, 0.6, 1.0)}
    again = method.reranker(data)
    for strength in (1.0, 0.2, 0.6):
        check(data, upwards[strength])
        np.testing.assert_array_equal(again(strength), upwards[strength])


@pytest.mark.parametrize("method", ALL)
def test_full_strength_changes_something(method: Reranking) -> None:
    data = instance(60, 30, 5, seed=4, likes=0.2, history=0.2, n_candidates=15)
    if method.info.key == "threshold":
        data = instance(400, 60, 5, seed=4, likes=0.2, history=0.2, n_candidates=30)
    assert (method.rerank(data, 1.0) != method.rerank(data, 0.0)).any()


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("shape", [(0, 5), (3, 0)])
def test_no_users_or_no_candidates(method: Reranking, shape: tuple[int, int]) -> None:
    n_users = shape[0]
    data = instance(max(n_users, 1), 5, 3)
    empty = Lists(np.full(shape, -1, np.int32), np.full(shape, np.nan, np.float32))
    data = replace(
        data,
        candidates=empty,
        history=data.history[:n_users],
        user_groups=replace(data.user_groups, codes=np.zeros(n_users, np.int32)),
    )
    if n_users != len(data.history.toarray()):
        data = replace(data, history=instance(n_users, 5, 3).history)
    lists = method.rerank(data, 0.5)
    assert lists.shape == (n_users, 3)
    assert (lists == -1).all()


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan"), float("inf")])
def test_strength_outside_0_to_1_is_refused(method: Reranking, strength: float) -> None:
    with pytest.raises(ConfigError, match="strength"):
        method.rerank(instance(), strength)


@pytest.mark.parametrize("method", ALL)
def test_missing_groups_are_named(method: Reranking) -> None:
    data = replace(instance(), user_groups=None, item_groups=None)
    if {"user_groups", "item_groups"} & set(method.info.needs):
        with pytest.raises(ConfigError, match="groups of") as caught:
            method.rerank(data, 0.5)
        assert "--" in caught.value.hint
    else:
        check(data, method.rerank(data, 0.5))


def test_test_truth_is_not_among_the_arguments() -> None:
    names = {field.name for field in fields(RerankInput)}
    assert not {name for name in names if "test" in name or "truth" in name}


@pytest.mark.parametrize("method", ALL)
def test_validation_likes_of_the_fitting_stage_are_the_only_labels(method: Reranking) -> None:
    """Likes of the stage at hand are not read where a fitting stage is given: permuting them changes nothing."""
    data = instance(80, 30, 5, seed=2, likes=0.2, history=0.2, n_candidates=15)
    other = instance(80, 30, 5, seed=3, likes=0.2)
    here, permuted = (replace(data, fitting=data, valid=valid) for valid in (data.valid, other.valid))
    np.testing.assert_array_equal(method.rerank(here, 0.7), method.rerank(permuted, 0.7))


def test_registry_holds_every_reranker_under_its_key() -> None:
    assert [key for key, method in METHODS.items() if method.info.place == "reranking"] == [
        method.info.key for method in methods_of("reranking")
    ]
    for method in methods_of("reranking"):
        info = method.info
        assert info.title
        assert info.objective
        assert any(character.isdigit() for character in info.paper)
        assert info.cost
        assert set(info.needs) <= {"user_groups", "item_groups", "categories"}
