"""Do the intervals and the tests hold? Simulated data sets with a known truth, audited through the public call.

    python -m tests.bench.statistics [--data-sets 1000] [--people 400]

Every person likes one to three held-out items; each stands in the top K, at a random rank, with a probability of the
person's own, drawn from a Beta distribution whose mean depends on the attribute `g`. So the true gaps in recall,
precision and NDCG are known exactly. A second attribute, `h`, is drawn at random and changes nothing: its true gaps
are 0.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fairdash.metrics import audit
from fairdash.schema import GroupSpec

K, ITEMS = 10, 40
SHARE_OF_LIKED = np.array([0.5, 0.3, 0.2])  # one, two, three liked items
METRICS = ("ndcg", "recall", "precision", "equal_opportunity_difference")


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
    counts = {name: dict.fromkeys(METRICS, 0) for name in ("covered", "rejected", "excluded")}
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
        for key in METRICS:
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


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data-sets", type=int, default=1000)
    options.add_argument("--people", type=int, default=400)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    print(f"{chosen.data_sets} data sets of {chosen.people} people, 1,000 replicates, 2,000 permutations")
    print(
        f"{'group sizes':<12}{'metric':<32}{'covers the truth':>18}{'rejects a true null':>21}{'CI leaves 0 out':>17}"
    )
    for title, minority in (("1 : 1", 0.5), ("9 : 1", 0.1)):
        start = time.perf_counter()
        outcome = simulate(World(chosen.people, minority), chosen.data_sets, chosen.seed)
        for key in METRICS:
            numbers = outcome.covered[key], outcome.rejected[key], outcome.excluded[key]
            print(f"{title:<12}{key:<32}{numbers[0]:>18.1%}{numbers[1]:>21.1%}{numbers[2]:>17.1%}")
        print(f"{'':<12}{time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
