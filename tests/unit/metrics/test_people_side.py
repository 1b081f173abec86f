"""Atkinson's index split by groups, attention beside merit, and groups of people by their activity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairdash.activity import with_activity
from fairdash.errors import ConfigError
from fairdash.metrics import audit
from fairdash.metrics.families import joint
from fairdash.metrics.groups import atkinson
from fairdash.schema import GroupSpec
from tests.unit.metrics.people import make

relaxed = settings(max_examples=60, deadline=None)


def split_of(values: list[list[float]]) -> tuple[float, float]:
    """Atkinson's index of people by group: whole and between."""
    n, sums, roots = (
        np.array([f(group) for group in values], float) for f in (len, sum, lambda g: sum(map(math.sqrt, g)))
    )
    whole, between = atkinson(n, sums, roots)
    return float(whole), float(between)


def test_atkinson_by_hand() -> None:
    """1, 1 against ¼, 0: groups are as well off with 1 and 1/16 each; all with (5/8)² of a mean of 9/16."""
    whole, between = split_of([[1, 1], [1 / 4, 0]])
    assert whole == pytest.approx(1 - (5 / 8) ** 2 / (9 / 16))
    assert between == pytest.approx(1 - (5 / 8) ** 2 / (17 / 32))


def test_atkinson_at_the_edges() -> None:
    assert split_of([[0.5, 0.5], [0.5]]) == (pytest.approx(0, abs=1e-12), pytest.approx(0, abs=1e-12))
    assert split_of([[0.3], [0.3]])[1] == pytest.approx(0, abs=1e-12)
    assert all(math.isnan(value) for value in split_of([[0, 0], [0]]))
    assert split_of([[1], [0]]) == (pytest.approx(1 / 2), pytest.approx(1 / 2))
    assert split_of([[1], []])[1] == pytest.approx(0, abs=1e-12)


VALUES = st.just(0.0) | st.floats(1e-9, 1)  # half of the smallest float is none


@given(st.lists(st.lists(VALUES, min_size=1, max_size=6), min_size=2, max_size=4), st.floats(0.1, 3), st.randoms())
@relaxed
def test_atkinson_stays_whatever_the_order_and_the_unit(values: list[list[float]], unit: float, random: Any) -> None:
    whole, between = split_of(values)
    if math.isnan(whole):
        return
    assert 0 <= between <= whole + 1e-9 <= 1 + 1e-9
    moved = [random.sample([unit * value for value in group], len(group)) for group in values]
    random.shuffle(moved)
    assert split_of(moved) == (pytest.approx(whole, abs=1e-6), pytest.approx(between, abs=1e-6))
    twice = split_of([group * 2 for group in values])
    assert twice == (pytest.approx(whole, abs=1e-6), pytest.approx(between, abs=1e-6))


def attention(lists: list[str], liked: list[str], k: int) -> dict[str, Any]:
    rows = [(f"u{u}", item, rank) for u, listed in enumerate(lists) for rank, item in enumerate(listed, start=1)]
    truth = [(f"u{u}", item) for u, items in enumerate(liked) for item in items]
    return audit.from_frames(
        pd.DataFrame(rows, columns=["user_id", "item_id", "rank"]),
        pd.DataFrame(truth, columns=["user_id", "item_id"]),
        items=pd.DataFrame({"item_id": list("abcde")}),
        k=k,
        replicates=0,
        permutations=0,
    ).to_json()


def test_inequity_of_attention_by_hand() -> None:
    """Attention 1, ½, 0. First: a is liked (0 apart), b not (½), c not (0), d liked and unseen (1). Second: nothing
    that is shown is liked (1 + ½), and e is not shown (1)."""
    assert attention(["abc", "abc"], ["ad", "e"], 3)["items"]["iaa"] == pytest.approx((1.5 / 5 + 2.5 / 5) / 2)
    assert attention(["ab", "ab"], ["a", "a"], 2)["items"]["iaa"] == pytest.approx(0)
    # the second is nobody's business: no liked item
    assert attention(["ab", "ba"], ["a", ""], 2)["items"]["iaa"] == pytest.approx(0)


def test_attention_of_one_place_is_undefined() -> None:
    found = attention(["a", "b"], ["a", "b"], 1)
    assert found["items"]["iaa"] is None
    assert "K is 1" in found["undefined"]["items.iaa"]


def test_exposure_against_merit_by_hand() -> None:
    """Exposure 1, 0.8, 0.64. First: a and d deserve 0.9 each, so they are 0.1 and 0.9 off. Second: e deserves 1."""
    found = attention(["abc", "abc"], ["ad", "e"], 3)["items"]
    assert found["ii_f"] == pytest.approx((0.01 + 0.64 + 0.4096 + 0.81 + 1 + 0.64 + 0.4096 + 1) / 10)
    assert found["ai_f"] == pytest.approx((0.55**2 + 0.8**2 + 0.64**2 + 0.45**2 + 0.5**2) / 5)
    # a random list gives each of three liked items (1 + ½ + ⅓) / 5; a has 1, d and e have nothing
    assert (found["ibo"], found["iwo"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    # everybody gets what they like; the third is nobody's business
    assert attention(["a", "b", "c"], ["a", "b", ""], 1)["items"]["ii_f"] == pytest.approx(0)
    # what the first sees too much of b, the second sees too little
    turned = attention(["b", "a"], ["a", "b"], 1)["items"]
    assert (turned["ii_f"], turned["ai_f"]) == (pytest.approx(2 / 5), pytest.approx(0))


def test_a_tenth_better_off_or_worse_counts() -> None:
    """With K = 1 of two items, half of those who like one have it by chance."""
    impact, liked = np.array([11.0, 9.0]), np.array([20.0, 20.0])
    assert (joint.moved_share(impact, liked, 1, 1), joint.moved_share(impact, liked, 1, -1)) == (0.5, 0.5)
    assert joint.moved_share(np.array([10.9, 9.1]), liked, 1, 1) == 0
    assert joint.moved_share(np.array([10.9, 9.1]), liked, 1, -1) == 0
    assert joint.moved_share(np.array([22.0, 0.0]), np.array([20.0, 0.0]), 1, 1) == 1  # nobody likes the second
    assert joint.moved_share(np.array([3.0, 3.0]), np.array([2.0, 2.0]), 9, -1) == 0  # a list holds all there is


def test_nobody_likes_anything() -> None:
    rows = pd.DataFrame([("u0", "a", 1), ("u1", "b", 1)], columns=["user_id", "item_id", "rank"])
    found = audit.from_frames(rows, k=2, replicates=0, permutations=0).to_json()
    for key in ("ii_f", "ai_f", "ibo", "iwo"):
        assert found["items"][key] is None
        assert found["undefined"][f"items.{key}"]


@given(st.lists(st.tuples(st.permutations("abcde"), st.sets(st.sampled_from("abcde"), min_size=1)), min_size=1))
@relaxed
def test_of_all_people_no_more_is_off_than_person_by_person(people: list[tuple[list[str], set[str]]]) -> None:
    lists, liked = ["".join(items)[:3] for items, _ in people], ["".join(sorted(items)) for _, items in people]
    found = attention(lists, liked, 3)["items"]
    assert 0 <= found["ai_f"] <= found["ii_f"] + 1e-12 <= 1 + 1e-12
    assert found["ibo"] + found["iwo"] <= 1
    again = attention(lists[::-1] * 2, liked[::-1] * 2, 3)["items"]
    for key in ("ii_f", "ai_f", "ibo", "iwo"):
        assert again[key] == pytest.approx(found[key], abs=1e-12)


def test_the_most_active() -> None:
    users = pd.DataFrame({"user_id": [f"u{i}" for i in range(40)]})
    active = with_activity(users, np.arange(40))["activity"]
    assert list(active[active == "most active"].index) == [38, 39]  # 5 % of 40
    assert set(with_activity(users, np.full(40, 3))["activity"]) == {"most active"}  # equally many: one group
    tied = np.where(np.arange(40) >= 37, 9, 1)
    assert (with_activity(users, tied)["activity"] == "most active").sum() == 3
    own = users.assign(activity="mine")
    assert with_activity(own, np.arange(40)) is own
    assert "activity" not in with_activity(users[:0], np.arange(0))


def test_the_gap_of_the_most_active_is_ugf() -> None:
    data = make(60)
    counts = data["train"]["user_id"].value_counts().reindex(data["users"]["user_id"], fill_value=0)
    assert len(counts) == 60
    least = counts.sort_values().iloc[-3]
    made = audit.from_frames(**data, groups=[GroupSpec(("activity",), min_size=1)], replicates=0, permutations=0)
    found, per_user = made.to_json(), made.per_user.set_index("user_id")["ndcg"]
    active = counts.index[counts >= least]
    most, others = per_user[per_user.index.isin(active)].mean(), per_user[~per_user.index.isin(active)].mean()
    rows = found["groups"]["activity"]
    assert rows["most active"]["n"] == len(active)
    assert found["gaps"]["activity"]["ndcg"]["gap"] == pytest.approx(abs(most - others))


def test_activity_needs_training_interactions() -> None:
    data = {key: frame for key, frame in make(30).items() if key != "train"}
    with pytest.raises(ConfigError, match="told apart by training interactions"):
        audit.from_frames(**data, groups=["activity"])
