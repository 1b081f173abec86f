"""Every metric: the audit engine against the slow reference, on random small cases."""

from __future__ import annotations

import math
from itertools import combinations
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fairdash.metrics import audit
from fairdash.schema import GroupSpec
from tests.golden import reference
from tests.golden.reference import Case

CLOSE = 1e-9
MAKERS, NAMES, WORDS = ("p", "q", "r"), ("A", "B", "C"), ("x", "y", "z")


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Users with lists of any length (some none), liked and training items; the three are apart, or (odd) a training
    item may be liked again, and listed. Some users of unknown group; items of one to three categories, some of unknown
    maker."""
    odd = draw(st.booleans())
    n_items = draw(st.integers(4, 9))
    k = draw(st.integers(1, 5))
    order = st.permutations(range(n_items))
    lists, liked, seen = [], [], []
    for _ in range(draw(st.integers(2, 6))):
        cut = draw(st.integers(0, n_items - 1))
        held = draw(order)
        seen.append(set(held[:cut]))
        liked.append(set(held[cut : cut + draw(st.integers(0, min(4, n_items - cut)))]))
        if odd:
            liked[-1].update(draw(st.lists(st.integers(0, n_items - 1), max_size=2)))
        ranked = [item for item in draw(order) if odd or item not in seen[-1]]
        lists.append(ranked[: draw(st.integers(0, len(ranked)))])
    users = len(lists)
    categories = [list(draw(st.permutations(WORDS))[: draw(st.integers(1, 3))]) for _ in range(n_items)]
    group = st.sampled_from([*NAMES, None])
    maker = st.sampled_from([*MAKERS, None])
    return Case(
        n_items=n_items,
        k=k,
        lists=lists,
        liked=liked,
        seen=seen,
        categories=categories,
        user_group=draw(st.lists(group, min_size=users, max_size=users)),
        item_group=draw(st.lists(maker, min_size=n_items, max_size=n_items)),
    )


def with_scores(case: Case) -> Case:
    """The scores that a list stands for: falling along it, and one lower score for all other items."""
    for user in case.users:
        for item in range(case.n_items):
            listed = case.lists[user]
            case.scores[user, item] = -float(listed.index(item)) if item in listed else -1000.0
    return case


def audited(case: Case, min_size: int = 1) -> tuple[dict[str, Any], audit.Audit]:
    """The engine's numbers, from tables. Users without a list and without liked items are not in any table."""
    recommendations = pd.DataFrame(
        [(f"u{u}", f"i{i}", rank) for u in case.users for rank, i in enumerate(case.lists[u], start=1)],
        columns=["user_id", "item_id", "rank"],
    )
    if case.scores:
        listed = [case.scores[u, i] for u in case.users for i in case.lists[u]]
        recommendations["score"] = np.array(listed, dtype=float)
    truth = pd.DataFrame(
        [(f"u{u}", f"i{i}") for u in case.users for i in sorted(case.liked[u])], columns=["user_id", "item_id"]
    )
    train = pd.DataFrame(
        [(f"u{u}", f"i{i}") for u in case.users for i in sorted(case.seen[u])], columns=["user_id", "item_id"]
    )
    users = pd.DataFrame({"user_id": [f"u{u}" for u in case.users], "g": pd.Series(case.user_group, dtype=object)})
    items = pd.DataFrame(
        {
            "item_id": [f"i{i}" for i in range(case.n_items)],
            "categories": ["|".join(names) for names in case.categories],
            "maker": pd.Series(case.item_group, dtype=object),
        }
    )
    made = audit.from_frames(
        recommendations,
        truth,
        users,
        train=train,
        items=items,
        groups=[GroupSpec(("g",), min_size=min_size)],
        item_groups=["maker"],
        k=case.k,
        replicates=0,
        permutations=0,
    )
    return made.to_json(), made


def usable(case: Case) -> bool:
    """What the engine takes: somebody has a list and liked items, everybody is in a table, popularity is known."""
    return (
        any(case.lists[u] and case.liked[u] for u in case.users)
        and all(case.lists[u] or case.liked[u] for u in case.users)
        and any(case.seen)
        and len(case.user_names()) > 0
        and len(case.item_names()) > 0
    )


def same(found: float | None, expected: float) -> None:
    if found is None:
        assert math.isnan(expected) or math.isinf(expected)
    else:
        assert found == pytest.approx(expected, abs=CLOSE)


relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


@given(cases().filter(usable))
@relaxed
def test_accuracy_of_users_groups_and_gaps(case: Case) -> None:
    found, made = audited(case)
    rows = made.per_user.set_index("user_id")
    for key, function in reference.ACCURACY.items():
        values = [function(case, user) for user in case.users]
        for user, value in enumerate(values):
            assert rows.loc[f"u{user}", key] == pytest.approx(value, abs=CLOSE, nan_ok=True)
        same(found["overall"][key], reference.mean(values))
        means = {name: reference.mean([values[u] for u in case.members(name)]) for name in case.user_names()}
        for name, value in means.items():
            same(found["groups"]["g"][name][key], value)
        known = {name: value for name, value in means.items() if not math.isnan(value)}
        row = found["gaps"]["g"][key]
        if len(known) < 2:
            assert row["gap"] is None
            continue
        expected = reference.gaps(known)
        for part in ("gap", "mad", "std"):
            same(row[part], float(expected[part]))
        if max(known.values()) > 0:
            same(row["ratio"], float(expected["ratio"]))
        if float(expected["gap"]) > CLOSE:
            assert known[row["worst_group"]] == pytest.approx(min(known.values()), abs=CLOSE)
    assert found["n_users"] == len(case.lists)
    assert found["n_without_truth"] == sum(not liked for liked in case.liked)


@given(cases().filter(usable))
@relaxed
def test_what_groups_get(case: Case) -> None:
    found, made = audited(case)
    names = case.user_names()
    rows = made.per_user.set_index("user_id")
    for name in names:
        share = reference.category_share(case, case.members(name))
        row = found["groups"]["g"][name]
        for word, value in share.items():
            same(row["category_share"][word], value)
        same(row["popularity_lift"], reference.popularity_lift(case, case.members(name)))
        same(row["true_positive_rate"], reference.true_positive_rates(case)[name])
        same(row["false_positive_rate"], reference.false_positive_rates(case)[name])
    for user in case.users:
        expected = reference.miscalibration(case, user)
        assert rows.loc[f"u{user}", "miscalibration"] == pytest.approx(expected, abs=CLOSE, nan_ok=True)
    gaps = found["gaps"]["g"]
    same(gaps["equal_opportunity_difference"]["gap"], reference.difference(reference.true_positive_rates(case)))
    # over the groups that have anything relevant
    true, false = reference.true_positive_rates(case), reference.false_positive_rates(case)
    odds = [
        reference.difference({name: rates[name] for name in names if not math.isnan(true[name])})
        for rates in (true, false)
    ]
    known = [value for value in odds if not math.isnan(value)]
    same(gaps["equalized_odds_difference"]["gap"], max(known) if known else math.nan)


@given(cases().filter(usable))
@relaxed
def test_category_divergence(case: Case) -> None:
    found, _ = audited(case)
    with_list = [name for name in case.user_names() if any(case.top(u) for u in case.members(name))]
    row = found["gaps"]["g"]["category_divergence"]
    if len(with_list) < 2:
        assert row["gap"] is None
        return
    shares = {name: reference.category_share(case, case.members(name)) for name in with_list}
    pairs = [reference.jensen_shannon_distance(shares[a], shares[b]) for a, b in combinations(with_list, 2)]
    assert row["gap"] == pytest.approx(max(pairs), abs=1e-7)  # a square root near 0


@given(cases().filter(usable))
@relaxed
def test_demographic_parity(case: Case) -> None:
    found, _ = audited(case)
    for suffix, labels in (
        ("", {word: {i for i in range(case.n_items) if word in case.categories[i]} for word in WORDS}),
        (":maker", {maker: {i for i in range(case.n_items) if case.item_group[i] == maker} for maker in MAKERS}),
    ):
        differences, ratios, common = [], [], []
        for items in labels.values():
            rates = [rate for rate in reference.selection_rates(case, items).values() if not math.isnan(rate)]
            if len(rates) > 1:
                differences.append(max(rates) - min(rates))
                if max(rates) > 0:
                    ratios.append(min(rates) / max(rates))
                    if reference.fewest_expected(case, items) >= 20:
                        common.append(ratios[-1])
        gaps = found["gaps"]["g"]
        same(gaps[f"demographic_parity_difference{suffix}"]["gap"], max(differences, default=math.nan))
        same(gaps[f"demographic_parity_ratio{suffix}"]["ratio"], min(common or ratios, default=math.nan))


@given(cases().filter(usable))
@relaxed
def test_indices_of_benefit(case: Case) -> None:
    found, _ = audited(case)
    gaps = found["gaps"]["g"]
    people = [u for u in case.users if case.user_group[u] is not None and case.liked[u]]
    benefits = [reference.ndcg(case, u) for u in people]
    names = [str(case.user_group[u]) for u in people]
    groups = sorted(set(names))
    if len(groups) > 1 and sum(benefits) > 0:
        whole, between, within = reference.group_entropy_index(benefits, names)
        row = gaps["group_entropy_index"]
        same(row["total"], whole)
        same(row["between"], between)
        same(row["within"], within)
        same(row["gap"], between)
        assert whole == pytest.approx(between + within, abs=CLOSE)
        parts = dict(zip(("total", "between", "within"), reference.atkinson(benefits, names), strict=True))
        row = gaps["atkinson"]
        for part, value in parts.items():
            same(row[part], value)
        same(row["gap"], parts["between"])
        assert 1 - parts["total"] == pytest.approx((1 - parts["between"]) * (1 - parts["within"]), abs=CLOSE)
        means = {
            name: reference.mean([b for b, own in zip(benefits, names, strict=True) if own == name]) for name in groups
        }
        if len(groups) == len(case.user_names()):
            equal = dict.fromkeys(groups, 1 / len(groups))
            same(gaps["generalized_cross_entropy"]["gap"], reference.generalized_cross_entropy(means, equal))
    if len(case.user_names()) > 1:
        same(gaps["differential_fairness"]["gap"], reference.differential_fairness(case))


@given(cases().filter(usable))
@relaxed
def test_items(case: Case) -> None:
    found, _ = audited(case)
    items = found["items"]
    same(items["gini"], reference.gini([float(count) for count in reference.recommended(case)]))
    same(items["gini_exposure"], reference.gini(reference.exposure(case)))
    same(items["coverage"], reference.coverage(case))
    same(items["entropy"], reference.entropy(case))
    same(items["jain"], reference.jain(reference.recommended(case)))
    same(items["fsat"], reference.satisfied(reference.recommended(case)))
    same(items["jain_rescaled"], reference.rescaled(reference.jain, case))
    same(items["fsat_rescaled"], reference.rescaled(reference.satisfied, case))
    same(items["gini_rescaled"], 1 - reference.rescaled(reference.gini, case))
    same(items["coverage_rescaled"], reference.rescaled(reference.covered, case))
    same(items["entropy_rescaled"], reference.rescaled(reference.even, case))
    same(items["iaa"], reference.mean([reference.inequity_of_attention(case, user) for user in case.users]))
    for key, value in zip(
        ("ii_f", "ai_f", "ibo", "iwo"),
        (*reference.exposure_off_merit(case), *reference.better_and_worse_off(case)),
        strict=True,
    ):
        same(items[key], value)
    same(items["arp"], reference.arp(case))
    given_to = reference.share_by_group(case, reference.exposure(case))
    catalogue = reference.share_by_group(case, [1.0] * case.n_items)
    same(items["awrf"], reference.total_variation(given_to, catalogue))
    same(items["awrf_list"], reference.mean([reference.away(case, user, catalogue) for user in case.users]))
    parts = list(given_to.values())
    if len(parts) > 1:
        same(items["mmf"], min(given_to[name] / catalogue[name] for name in given_to))
        same(items["group_gini"], reference.gini(parts))
        same(items["group_entropy"], reference.even(parts))
    same(items["rsp"], reference.relative_deviation(reference.selection_by_item_group(case, relevant_only=False)))
    same(items["reo"], reference.relative_deviation(reference.selection_by_item_group(case, relevant_only=True)))
    for key, value in zip(("eed", "eer", "eel"), reference.expected_exposure(case), strict=True):
        same(items[key], value)
    exposure, merit = reference.exposure(case), [sum(i in liked for liked in case.liked) for i in range(case.n_items)]
    own = [
        (
            sum(exposure[i] for i in range(case.n_items) if case.item_group[i] == maker),
            sum(merit[i] for i in range(case.n_items) if case.item_group[i] == maker),
        )
        for maker in case.item_names()
    ]
    ratios = [given / deserved for given, deserved in own if deserved]
    same(items["exposure_ratio"], min(ratios) / max(ratios) if len(ratios) > 1 and max(ratios) else math.nan)
    everything = sum(exposure)
    for maker in case.item_names():
        row = items["by_group"]["maker"][maker]
        mass = sum(exposure[i] for i in range(case.n_items) if case.item_group[i] == maker)
        same(row["exposure_share"], reference.divide(mass, everything))


@given(cases().filter(usable))
@relaxed
def test_tail(case: Case) -> None:
    popularity = case.popularity()
    ordered = sorted(popularity, reverse=True)
    made, head = 0, 0
    while made < 0.8 * sum(popularity):
        made += ordered[head]
        head += 1
    if head < len(ordered) and ordered[head] == ordered[head - 1]:
        return  # items at the border are equally popular: a matter of the tie rule
    found, _ = audited(case)
    tail = reference.tail(popularity)
    same(found["items"]["aplt"], reference.aplt(case, tail))
    same(found["items"]["aclt"], reference.aclt(case, tail))


@given(cases().filter(usable))
@relaxed
def test_pairwise_accuracy(case: Case) -> None:
    case = with_scores(case)
    found, _ = audited(case)
    for maker in case.item_names():
        row = found["items"]["by_group"]["maker"][maker]
        same(row["pairwise_accuracy"], reference.pairwise_accuracy(case, maker))
        inside = reference.pairwise_accuracy(case, maker, lambda item, own=maker: case.item_group[item] == own)
        outside = reference.pairwise_accuracy(case, maker, lambda item, own=maker: case.item_group[item] != own)
        same(row["pairwise_accuracy_intra"], inside)
        same(row["pairwise_accuracy_inter"], outside)


def falling(listed: list[int], random: Random) -> list[float]:
    return sorted((random.randint(0, 6) / 4 for _ in listed), reverse=True)


@given(cases().filter(usable), st.randoms(use_true_random=False))
@relaxed
def test_scores_of_lists(case: Case, random: Random) -> None:
    for user in case.users:
        for item, score in zip(case.lists[user], falling(case.lists[user], random), strict=True):
            case.scores[user, item] = score
    found, _ = audited(case)
    samples = [[case.scores[u, i] for u in case.members(name) for i in case.top(u)] for name in case.user_names()]
    samples = [sample for sample in samples if sample]
    pairs = [reference.kolmogorov_smirnov(a, b) for a, b in combinations(samples, 2)]
    same(found["gaps"]["g"]["score_ks"]["gap"], max(pairs, default=math.nan))


@given(cases().filter(usable), st.data())
@relaxed
def test_predicted_ratings(case: Case, data: st.DataObject) -> None:
    stars = st.integers(2, 10).map(lambda half: half / 2)
    pairs = [(u, i) for u in case.users for i in sorted(case.liked[u])]
    rows = [(u, i, data.draw(stars), data.draw(stars)) for u, i in pairs]
    assume(any(y > 1 for _, _, y, _ in rows))  # all within 0…1 are read as probabilities of liking
    truth = pd.DataFrame(
        [(f"u{u}", f"i{i}", y, r) for u, i, y, r in rows], columns=["user_id", "item_id", "prediction", "rating"]
    )
    lists = pd.DataFrame(
        [(f"u{u}", f"i{i}", rank) for u in case.users for rank, i in enumerate(case.lists[u], start=1)],
        columns=["user_id", "item_id", "rank"],
    )
    users = pd.DataFrame({"user_id": [f"u{u}" for u in case.users], "g": pd.Series(case.user_group, dtype=object)})
    made = audit.from_frames(
        lists, truth, users, groups=[GroupSpec(("g",), min_size=1)], replicates=20, permutations=20
    )
    contract = made.to_json()
    for key, value in reference.yao_huang(rows, case.user_group).items():
        same(contract["gaps"]["g"][key]["gap"], value)
        assert (f"gaps.g.{key}" in contract["undefined"]) == math.isnan(value)
