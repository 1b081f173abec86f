"""The quick targets are the audit's numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fairdash import groups
from fairdash.data import synthetic
from fairdash.data.split import split
from fairdash.errors import ConfigError
from fairdash.item_classes import head_and_tail
from fairdash.metrics import audit
from fairdash.mitigation.base import RerankInput
from fairdash.mitigation.sweep import Judge
from fairdash.mitigation.targets import TARGETS, target
from fairdash.schema import Categories, Groups, GroupSpec, Lists, Split
from tests.unit.mitigation.people import methods_of

GENDER, POPULARITY = GroupSpec(("gender",)), GroupSpec(("popularity",))


@pytest.fixture(scope="module")
def past() -> Split:
    """A split whose test part is the validation part."""
    made = split(synthetic.make(seed=0)[0], "user-random:0.8")
    nobody = made.training.valid.take(np.zeros(0, dtype=np.int64))
    return replace(made, training=made.training.with_(valid=nobody), test=made.training.valid)


@pytest.fixture(scope="module")
def lists(past: Split) -> Lists:
    """Unseen items at random, popular ones first to be drawn; a few lists are short, one is empty."""
    rng = np.random.default_rng(0)
    data = past.training
    seen = data.train.matrix(data.n_users, data.n_items).toarray()
    key = rng.random(seen.shape) ** (1 / (1 + data.popularity)) - seen
    items = np.argsort(-key, axis=1)[:, :10].astype(np.int32)
    items[5, 6:] = items[6, :] = -1
    return Lists(items, np.zeros(items.shape, dtype=np.float32))


def validation(past: Split, item_groups: Groups | None) -> RerankInput:
    data = past.training
    liked = past.test.take(np.flatnonzero(past.test.rating >= (data.relevance_threshold or 0)))
    return RerankInput(
        candidates=Lists(np.zeros((data.n_users, 0), np.int32), np.zeros((data.n_users, 0), np.float32)),
        k=10,
        n_items=data.n_items,
        item_ids=data.items["item_id"].to_numpy(dtype=object),
        history=data.train.matrix(data.n_users, data.n_items),
        popularity=data.popularity,
        categories=Categories.of(data.items),
        user_groups=groups.form(GENDER, data.users),
        item_groups=item_groups,
        valid=liked.matrix(data.n_users, data.n_items),
    )


@pytest.fixture(scope="module")
def audited(past: Split, lists: Lists) -> dict[str, Any]:
    made = audit.from_split(past, lists, groups=[GENDER], item_groups=[POPULARITY], replicates=20, permutations=20)
    return made.to_json()


def test_gaps_between_people_are_the_audits(past: Split, lists: Lists, audited: dict[str, Any]) -> None:
    data = validation(past, None)
    for key in ("ndcg", "equal_opportunity_difference", "demographic_parity_difference", "category_divergence"):
        point = Judge(data, key).point(0.0, lists.items)
        assert point.value == pytest.approx(audited["gaps"]["gender"][key]["gap"], rel=1e-5), key
        assert point.better == -1


def test_items_side_is_the_audits(past: Split, lists: Lists, audited: dict[str, Any]) -> None:
    grouped = validation(past, head_and_tail(past.training.popularity, past.training.items["item_id"]))
    for key in ("exposure_ratio", "rsp"):
        for data, name in ((grouped, "popularity"), (validation(past, None), "categories")):
            point = Judge(data, key).point(0.0, lists.items)
            assert point.value == pytest.approx(audited["items"]["gaps"][name][key]["value"], rel=1e-5), (key, name)
    point = Judge(grouped, "demographic_parity_difference").point(0.0, lists.items)
    gap = audited["gaps"]["gender"]["demographic_parity_difference:popularity"]["gap"]
    assert point.value == pytest.approx(gap, rel=1e-4)
    assert Judge(grouped, "gini").point(0.0, lists.items).value == pytest.approx(audited["items"]["gini"], rel=1e-6)


def test_means_over_people_are_the_audits(past: Split, lists: Lists, audited: dict[str, Any]) -> None:
    data = validation(past, None)
    for key in ("miscalibration", "aplt", "popularity_lift"):
        point = Judge(data, key).point(0.0, lists.items)
        assert point.value == pytest.approx(abs(audited["overall"][key]), rel=1e-5), key
        assert point.ndcg == pytest.approx(audited["overall"]["ndcg"], rel=1e-5)
        low, high = audited["overall"]["ndcg_ci"]
        assert point.ndcg_ci == pytest.approx((low, high), abs=0.4 * (high - low))  # other replicates


def test_every_target_of_a_re_ranker_is_there() -> None:
    assert {method.info.target for method in methods_of("reranking")} <= set(TARGETS)


def test_a_target_that_lists_do_not_show_is_refused(past: Split) -> None:
    with pytest.raises(ConfigError, match="probe_auc"):
        target("probe_auc", validation(past, None), 20)


def test_groups_that_are_absent_or_small_are_refused(past: Split) -> None:
    data = validation(past, None)
    with pytest.raises(ConfigError, match="groups of people"):
        Judge(replace(data, user_groups=None), "ndcg")
    with pytest.raises(ConfigError, match="large enough"):
        Judge(data, "ndcg", min_group_size=10_000)
    with pytest.raises(ConfigError, match="validation likes"):
        Judge(replace(data, valid=None), "aplt")
