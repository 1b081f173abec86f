"""What is above the noise floor: by hand, and where groups are alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairdash import words
from fairdash.metrics import audit, bootstrap, floor, groups, rating, sensitivity
from fairdash.schema import Groups

NULL = np.array([0.1, 0.2, 0.3, 0.2])


def test_by_hand() -> None:
    """Replicates without a spread say nothing of chance: it is as large as among the shuffled ones."""
    found = floor.above(0.5, NULL, np.full(10, 0.6), 0.01)
    assert (found.floor, found.value) == pytest.approx((0.2, 0.3))
    assert found.ci == pytest.approx((0.3 - 0.0925, 0.3 + 0.0925))
    wide = np.array([0.0, 1.2])  # plus and minus 0.57 of what is above the floor
    assert floor.above(0.5, NULL, wide, 0.01).ci[0] == pytest.approx(0.3 * (1 - 1.959964 / 2.575829), rel=1e-5)
    low, high = floor.above(0.5, NULL, np.full(10, 0.6), 0.2).ci
    assert low < 0 < high == pytest.approx(0.3925)
    below = floor.above(0.05, NULL, np.full(10, 0.1), 1.0)
    assert below.value == pytest.approx(-0.15)
    assert below.ci[0] < 0 <= below.ci[1]


def test_without_shuffles_there_is_none() -> None:
    assert floor.beside(0.5, np.empty(0), NULL, math.nan) == {}
    assert math.isnan(floor.above(math.nan, NULL, NULL, math.nan).floor)


def test_what_is_above_the_floor_stays_in_the_range() -> None:
    """A distance is 1 at most: its interval above a floor of 0.1 went to 1.1 less 0.1."""
    rng = np.random.default_rng(0)
    null, moved = rng.uniform(0.05, 0.15, 200), rng.uniform(0.8, 1.0, 200)
    low, high = floor.above(1.0, null, moved, 0.001, most=1.0).ci
    assert 0 < low < high == 1.0 - null.mean()
    low, high = floor.above(0.02, null, moved, 0.9, most=1.0).ci
    assert -null.mean() <= low < 0 < high


def test_where_nothing_differs_no_interval_tells_how_far_it_may() -> None:
    for value, rest in ((0.0, np.zeros(50)), (1e-17, np.tile([0.0, 2e-17], 25))):
        found = floor.above(value, rest, rest, 1.0)
        assert (found.floor, found.value) == pytest.approx((0.0, 0.0), abs=1e-15)
        assert np.isnan(found.ci).all()


def test_numbers_below_zero_are_turned() -> None:
    up = floor.beside(0.5, NULL, NULL, 0.01)
    down = floor.beside(-0.5, -NULL, -NULL, 0.01, below_zero=True)
    assert down["floor"] == -up["floor"]
    assert down["above_floor"] == -up["above_floor"]
    assert down["above_floor_ci"] == pytest.approx((-up["above_floor_ci"][1], -up["above_floor_ci"][0]))


def predicted(rng: np.random.Generator, sizes: tuple[int, ...], bias: float) -> dict[str, rating.Disparity]:
    """Eight ratings a person over 30 items, predicted with an error; of the last group `bias` too high."""
    people = sum(sizes)
    user = np.repeat(np.arange(people), 8).astype(np.int32)
    item = rng.integers(0, 30, len(user)).astype(np.int32)
    codes = np.repeat(np.arange(len(sizes)), sizes).astype(np.int32)
    true = rng.integers(1, 6, len(user)).astype(float)
    rated = rating.Rated(user, item, true + rng.normal(0, 1, len(user)) + bias * (codes[user] == len(sizes) - 1), true)
    return rating.unfairness(
        rated, Groups("g", tuple("abcd"[: len(sizes)]), codes), 30,
        weights=rng.poisson(1, (people, 100)), shuffles=np.stack([rng.permutation(codes) for _ in range(99)], axis=1),
    )  # fmt: skip


@pytest.mark.parametrize("sizes", [(30, 150), (60, 40, 30, 50)])
def test_predictions_for_groups_that_are_alike_are_not_told_apart(sizes: tuple[int, ...]) -> None:
    """Of 100 data sets 5 are expected to leave 0 out, in each of the five metrics; with plain percentiles all did."""
    rng = np.random.default_rng(len(sizes))
    found = [predicted(rng, sizes, 0.0) for _ in range(100)]
    for key in rating.KEYS:
        rows = [one[key] for one in found]
        assert sum(row.ci[0] > 0 for row in rows) <= 12, key
        assert sum(row.beside()["above_floor_ci"][0] > 0 for row in rows) <= 12, key
        assert all(row.beside()["above_floor_ci"][1] >= 0 for row in rows)
        assert abs(np.mean([row.beside()["above_floor"] for row in rows])) < 0.03, key
        assert np.mean([row.beside()["floor"] for row in rows]) > 0.05, key


def test_a_planted_disparity_is_above_the_floor() -> None:
    rng = np.random.default_rng(9)
    found = [predicted(rng, (60, 120), 0.8)["value_unfairness"] for _ in range(20)]
    assert all(row.ci[0] > 0 for row in found)
    assert np.mean([row.ci[0] <= 0.8 <= row.ci[1] for row in found]) >= 0.85


def listed(rng: np.random.Generator, sizes: tuple[int, ...], pushed: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """How often 60 items stand in lists of five, popular ones more; the first group is given the last item more."""
    popularity = 1 / np.arange(1, 61)
    counts = np.zeros((len(sizes), 60), dtype=np.int64)
    for g, n in enumerate(sizes):
        keys = rng.random((n, 60)) ** (1 / popularity)
        counts[g] += np.bincount(np.argsort(-keys, axis=1)[:, :5].ravel(), minlength=60)
        counts[g, -1] += rng.binomial(n - counts[g, -1], pushed) if g == 0 else 0
    return counts, np.array(sizes)


@pytest.mark.parametrize("sizes", [(25, 300), (100, 100), (20, 60, 200)])
def test_the_floor_of_differential_fairness(sizes: tuple[int, ...]) -> None:
    """ε is above 1 for groups that are alike; its floor says so, and a planted item is above it."""
    rng = np.random.default_rng(sum(sizes))
    ids = np.array([f"i{i}" for i in range(60)], dtype=object)
    apart = above = 0
    values, floors = [], []
    for seed in range(60):
        counts, people = listed(rng, sizes)
        value = groups.differential_fairness(counts, people, ids)[0]
        null = groups.fairness_of_alike(counts, people, 99, seed)
        apart += groups.p_value(value, null) < 0.05
        values.append(value)
        floors.append(null.mean())
        counts, people = listed(rng, sizes, 0.6)
        null = groups.fairness_of_alike(counts, people, 99, seed)
        above += groups.p_value(groups.differential_fairness(counts, people, ids)[0], null) < 0.05
    assert apart <= 8
    assert np.mean(values) > 1
    assert np.mean(floors) == pytest.approx(np.mean(values), rel=0.1)
    assert above >= 36


def test_what_the_text_says_does_not_matter() -> None:
    """SNSR of four values under which lists differ by chance alone: above 0, and no more than its floor."""
    rng = np.random.default_rng(4)
    apart = 0
    for seed in range(60):
        similarity = rng.beta(5, 2, 40) * 0.5 + rng.beta(5, 2, (4, 40)) * 0.5
        found = sensitivity.spread(similarity, rng.poisson(1, (40, 50)), shuffles=99, seed=seed)
        apart += groups.p_value(found.snsr, found.snsr_shuffled) < 0.05
        assert found.snsv_shuffled.mean() > 0.005
    assert apart <= 8
    similarity[0] -= 0.1
    found = sensitivity.spread(similarity, shuffles=99)
    assert groups.p_value(found.snsv, found.snsv_shuffled) < 0.02


def people(seed: int, n: int = 120) -> dict[str, Any]:
    """Lists with scores, categories and predictions, and a group that has nothing to do with any of it."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"u{u}", f"i{i}", rank, 1 - rank / 9) for u in range(n) for rank, i in enumerate(rng.permutation(25)[:8], 1)
    ]
    lists = pd.DataFrame(rows, columns=["user_id", "item_id", "rank", "score"])
    lists["score"] += rng.normal(0, 0.1, len(lists))
    truth = lists.groupby("user_id").sample(2, random_state=seed)[["user_id", "item_id"]]
    truth["rating"] = rng.integers(1, 6, len(truth))
    truth["prediction"] = truth["rating"] + rng.normal(0, 1, len(truth))
    return {
        "recommendations": lists,
        "truth": truth,
        "users": pd.DataFrame({"user_id": [f"u{u}" for u in range(n)], "g": rng.choice(["a", "b"], n)}),
        "items": pd.DataFrame(
            {"item_id": [f"i{i}" for i in range(25)], "categories": rng.choice(["x", "y", "z", "x|z"], 25)}
        ),
    }


LIFTED = (
    "category_divergence", "score_ks", "generalized_cross_entropy", "group_entropy_index", "atkinson",
    "differential_fairness", *rating.KEYS,
)  # fmt: skip


def test_the_rows_of_an_audit_have_floors_that_agree_with_their_tests() -> None:
    apart = dict.fromkeys(LIFTED, 0)
    for seed in range(25):
        rows = audit.from_frames(
            **people(seed), groups=["g"], k=8, relevance_threshold=1, replicates=100, permutations=99
        ).to_json()["gaps"]["g"]
        assert not any("floor" in row for key, row in rows.items() if key not in LIFTED)
        for key in LIFTED:
            row = rows[key]
            low, high = row["above_floor_ci"]
            assert row["above_floor"] == pytest.approx(row["gap"] - row["floor"])
            low, high = (-high, -low) if key == "generalized_cross_entropy" else (low, high)
            assert (low > 0) == (row["p_value"] < bootstrap.ALPHA), key
            assert high >= 0
            apart[key] += low > 0
    assert max(apart.values()) <= 6  # of 25, 1.25 expected


def test_the_summary_says_what_chance_alone_gives() -> None:
    made = audit.from_frames(**people(0), groups=["g"], k=8, relevance_threshold=1, replicates=50, permutations=50)
    row = made.to_json()["gaps"]["g"]["value_unfairness"]
    line = next(line for line in made.summary() if line.startswith("g: Value unfairness"))
    alone, above = (words.number(row[key], 4) for key in ("floor", "above_floor"))
    interval = words.interval(*row["above_floor_ci"], 4)
    assert f"{alone} by chance alone, {above} above it; 95 % CI {interval}" in line


def test_the_table_of_gaps_holds_what_lies_above_the_floor() -> None:
    made = audit.from_frames(**people(0), groups=["g"], k=8, relevance_threshold=1, replicates=50, permutations=50)
    rows, table = made.to_json()["gaps"]["g"], made.gaps.set_index("metric")
    for key, line in table.iterrows():
        if key in LIFTED:
            told = line["floor"], line["above_floor"], line["above_low"], line["above_high"]
            assert told == (rows[key]["floor"], rows[key]["above_floor"], *rows[key]["above_floor_ci"])
        else:
            assert line[["floor", "above_floor", "above_low", "above_high"]].isna().all()
