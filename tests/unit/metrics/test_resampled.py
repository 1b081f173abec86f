"""Replicates of many people, who share weights, have the spread of those of single people."""

from __future__ import annotations

import numpy as np
import pytest

from fairdash.hashing import id_hash
from fairdash.metrics import resampled
from fairdash.metrics.resampled import Bags, People
from fairdash.schema import Groups

NAMES = ("a", "b")


def people(n: int, seed: int = 0) -> People:
    """A skewed value and a count of each, in two groups of unequal size, some unknown."""
    rng = np.random.default_rng(seed)
    rows = np.stack([rng.random(n) < 0.03, np.ones(n), rng.exponential(size=n)], axis=1).astype(float)
    who = Groups("x", NAMES, rng.choice([0, 1, -1], n, p=[0.9, 0.08, 0.02]).astype(np.int32))
    return People(id_hash([f"u{i}" for i in range(n)]), rows, (who,), 2)


def rates(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def test_bags_spread_as_people_do(monkeypatch) -> None:
    monkeypatch.setattr(resampled, "BLOCK_PEOPLE", 1000)
    one = people(15_000)
    alone, together = one.replicates(1000, 0), one.bags(0).replicates(1000, 0)
    for exact, bags in ((alone.everyone, together.everyone), *zip(alone.groups, together.groups, strict=True)):
        assert exact.shape == bags.shape
        spread = rates(exact).std(axis=0)
        # of 1,000 replicates alone the mean is known to 3 % of the deviation, which is known to 2.2 %
        assert (np.abs(rates(bags).mean(axis=0) - rates(exact).mean(axis=0)) < 0.15 * spread).all()
        np.testing.assert_allclose(rates(bags).std(axis=0), spread, rtol=0.11)
    np.testing.assert_allclose(together.everyone.mean(axis=0), one.rows.sum(axis=0), rtol=0.02)


@pytest.mark.parametrize("most", [10, 150, 400])
def test_pieces_are_drawn_as_the_whole_is(monkeypatch, most: int) -> None:
    """Whether the whole, the pieces or none of them are many."""
    monkeypatch.setattr(resampled, "EXACT_PEOPLE", most)
    whole = people(300)
    cuts = np.array_split(np.random.default_rng(1).permutation(300), 7)
    parts = [People(whole.hashes[c], whole.rows[c], (whole.who[0].take(c),), 2) for c in cuts]
    settled = [resampled.settled(part, 3) for part in parts]
    made = resampled.added([resampled.added(settled[:2], 3), *settled[2:]], 3)
    expected = resampled.settled(whole, 3)
    assert isinstance(made, Bags) == isinstance(expected, Bags) == (most < 300)
    assert made is not None
    for ours, theirs in zip(_flat(made.replicates(50, 3)), _flat(expected.replicates(50, 3)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def _flat(found: resampled.Replicates) -> list[np.ndarray]:
    return [found.everyone, *found.groups]


def test_many_groups_have_fewer_bags() -> None:
    assert [resampled.bags_for(groups) for groups in (1, 3, 4, 5, 20, 500)] == [8192, 8192, 8192, 4096, 1024, 1024]
