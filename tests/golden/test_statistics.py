"""Intervals and tests hold, on fewer simulated data sets than `python -m tests.bench.statistics` has. Of 100 data sets,
95 % means 89 or more, and 5 % means 11 or fewer, in 99 of 100 cases.

From tables to the audit: every person likes one to three held-out items; each stands in the top K, at a random rank,
with a probability of the person's own, drawn from a Beta distribution whose mean depends on the attribute `g`. So the
true gaps in recall, precision and NDCG are known exactly. A second attribute, `h`, is drawn at random and changes
nothing: its true gaps are 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from fairdash.metrics import audit
from fairdash.schema import GroupSpec
from tests.bench import statistics
from tests.bench.verdicts import Draw

K, ITEMS = 10, 40
SHARE_OF_LIKED = np.array([0.5, 0.3, 0.2])  # one, two, three liked items
KEYS = ("ndcg", "recall", "precision", "equal_opportunity_difference")


@dataclass(frozen=True)
class World:
    """people, and which part of them the smaller group of each attribute has; mean hit probability in the two groups of
    `g`; concentration of the Beta distribution around it."""

    people: int
    minority: float
    chances: tuple[float, float] = (0.35, 0.25)
    concentration: float = 4.0

    def true_gaps(self) -> dict[str, float]:
        discounts = 1 / np.log2(np.arange(2, K + 2))
        number = np.arange(1, 4)
        a, b = self.chances
        # a hit's rank is uniform over the top K, so the expected gain is hits × the mean discount
        ndcg = float(np.sum(SHARE_OF_LIKED * number * discounts.mean() / np.cumsum(discounts)[:3]))
        precision = float(np.sum(SHARE_OF_LIKED * number)) / K
        factors = {"ndcg": ndcg, "recall": 1.0, "precision": precision, "equal_opportunity_difference": 1.0}
        return {key: (a - b) * factor for key, factor in factors.items()}

    def draw(self, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """recommendations, truth, users."""
        n = self.people
        codes = {name: rng.permutation(np.arange(n) < round(self.minority * n)).astype(int) for name in ("g", "h")}
        mean = np.array(self.chances)[codes["g"]]
        chance = rng.beta(mean * self.concentration, (1 - mean) * self.concentration)
        liked = rng.choice(3, size=n, p=SHARE_OF_LIKED) + 1
        hits = rng.binomial(liked, chance)
        order = np.argsort(rng.random((n, ITEMS)), axis=1)
        # the order is random, so its first places are random items at random ranks
        top = np.argsort(rng.random((n, K)), axis=1)[:, :3]
        column = np.where(np.arange(3) < hits[:, None], top, K + np.arange(3))
        user, place = np.nonzero(np.arange(3) < liked[:, None])
        names = np.array([f"u{i}-{rng.integers(1 << 62)}" for i in range(n)], dtype=object)
        recommendations = pd.DataFrame(
            {
                "user_id": np.repeat(names, K),
                "item_id": order[:, :K].ravel(),
                "rank": np.tile(np.arange(1, K + 1), n),
            }
        )
        truth = pd.DataFrame({"user_id": names[user], "item_id": order[user, column[user, place]]})
        users = pd.DataFrame({"user_id": names, **{name: np.where(code, "b", "a") for name, code in codes.items()}})
        return recommendations, truth, users


@dataclass(frozen=True)
class Outcome:
    """Parts of the data sets: covered: whose interval of the signed gap in `g` holds the truth; rejected: whose test of
    `h` has p ≤ 0.05; excluded: whose interval of `h` leaves 0 out."""

    covered: dict[str, float]
    rejected: dict[str, float]
    excluded: dict[str, float]


def simulate(
    world: World, data_sets: int, seed: int = 0, *, replicates: int = 1000, permutations: int = 2000
) -> Outcome:
    truth = world.true_gaps()
    counts = {name: dict.fromkeys(KEYS, 0) for name in ("covered", "rejected", "excluded")}
    for rng in _generators(seed, data_sets):
        tables = world.draw(rng)
        made = audit.from_frames(
            *tables,
            groups=[GroupSpec(("g",)), GroupSpec(("h",))],
            k=K,
            seed=int(rng.integers(1 << 31)),
            replicates=replicates,
            permutations=permutations,
        )
        gaps = made.to_json()["gaps"]
        for key in KEYS:
            row, null = gaps["g"][key], gaps["h"][key]
            # the interval is of the higher group less the lower one: turned where the lower one came out higher
            signed = truth[key] if row["pair"][0] == "a" else -truth[key]
            counts["covered"][key] += row["ci"][0] <= signed <= row["ci"][1]
            counts["rejected"][key] += null["p_value"] <= 0.05
            counts["excluded"][key] += not null["ci"][0] <= 0 <= null["ci"][1]
    return Outcome(*({key: n / data_sets for key, n in counts[part].items()} for part in counts))


def _generators(seed: int, number: int) -> Iterator[np.random.Generator]:
    for child in np.random.SeedSequence(seed).spawn(number):
        yield np.random.default_rng(child)


DATA_SETS = 100


@pytest.mark.parametrize("minority", [0.5, 0.1])
def test_intervals_cover_and_tests_hold_their_level(minority: float) -> None:
    outcome = simulate(World(300, minority), DATA_SETS, seed=7, replicates=300, permutations=300)
    for key in KEYS:
        assert outcome.covered[key] >= 0.89, key
        assert outcome.rejected[key] <= 0.11, key
        assert outcome.excluded[key] <= 0.11, key
    # neither is bought by intervals that hold everything or a test that never rejects
    assert np.mean(list(outcome.covered.values())) <= 0.99
    assert np.mean(list(outcome.rejected.values())) >= 0.01


def test_the_worlds_true_gaps_are_those_of_many_people() -> None:
    world = World(60_000, 0.5)
    recommendations, truth, users = world.draw(np.random.default_rng(1))
    ranks = truth.merge(recommendations, on=["user_id", "item_id"], how="left")["rank"]
    table = truth.assign(hit=ranks.notna(), gain=1 / np.log2(ranks.fillna(np.inf) + 1))
    sums = table.groupby("user_id").agg(liked=("hit", "size"), hits=("hit", "sum"), gain=("gain", "sum"))
    ideal = np.cumsum(1 / np.log2(np.arange(2, 5)))
    sums["ndcg"] = sums["gain"] / ideal[sums["liked"] - 1]
    sums["recall"], sums["precision"] = sums["hits"] / sums["liked"], sums["hits"] / K
    means = sums.join(users.set_index("user_id")["g"]).groupby("g").mean()
    for key in ("ndcg", "recall", "precision"):
        assert means.loc["a", key] - means.loc["b", key] == pytest.approx(world.true_gaps()[key], rel=0.06)


@pytest.mark.parametrize("metric", ["hit", "mrr"])
@pytest.mark.parametrize("base", [0.01, 0.1])
@pytest.mark.parametrize("sizes", [(30, 3000), (20, 200), (20, 60, 150, 400, 1000)])
def test_small_groups_and_rare_hits(sizes: tuple[int, ...], base: float, metric: str) -> None:
    row = statistics.Single(sizes, metric, base)
    found = row.measure(row.columns, Draw(DATA_SETS, permutations=300))
    assert found["none", "rejects"].value == found["none", "excludes"].value <= 0.11
    for (column, criterion), number in found.items():
        if criterion in ("value", "gap"):
            assert number.value >= 0.89, (column, criterion)
        if criterion == "power":
            assert number.value >= np.nanmax(number.beside) - 0.1, column
