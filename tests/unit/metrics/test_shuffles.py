"""Sums under shuffled labels, exact and in the limit."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from fairdash.metrics.shuffles import Shuffles, _root, _shuffle_limit, orders_of, shuffle_members, shuffle_rows
from fairdash.metrics.tally import GroupSums, Tally, _sample
from fairdash.schema import Groups


def sums_of(rows: np.ndarray, codes: np.ndarray, number: int) -> GroupSums:
    """Sums of groups 0 … number - 1, the unknown (-1) last."""
    groups = [rows[codes == g] for g in [*range(number), -1]]
    return GroupSums(
        "x", (*"abcdefghij"[:number], "(unknown)"), 1, np.array([len(g) for g in groups]),
        np.stack([g.sum(axis=0) for g in groups]),
        np.stack([g.T @ g for g in groups]), np.empty((number + 1, 0), np.int64),
    )  # fmt: skip


def tallied(rows: np.ndarray, codes: np.ndarray, number: int, seed: int, permutations: int) -> Tally:
    """What `Shuffles` reads of a tally of people in so many groups."""
    hashes = np.random.default_rng([seed, 1]).integers(0, 2**63, len(rows)).astype(np.uint64)
    who = Groups("x", tuple("abcdefghij"[:number]), codes.astype(np.int32))
    kept, _, sampled = _sample([rows], hashes, (who,))
    rules: Any = SimpleNamespace(seed=seed, permutations=permutations)
    made = SimpleNamespace(rules=rules, n=len(rows), groups=(sums_of(rows, codes, number),), rows=kept)
    made.people_layout = {}
    made.own, made.row_who = SimpleNamespace(who=(who,)), sampled
    return cast(Tally, made)


def test_shuffled_sums_keep_their_total() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(300, 3))
    for sizes in ([100, 200], [20] * 15):
        sums = shuffle_rows(rows, np.array(sizes), [orders_of(300, 50, rng)])
        np.testing.assert_allclose(sums.sum(axis=1), np.broadcast_to(rows.sum(axis=0), (50, 3)), atol=1e-9)
        ones = shuffle_rows(np.ones((300, 1)), np.array(sizes), [orders_of(300, 50, rng)])
        np.testing.assert_array_equal(ones[..., 0], np.broadcast_to(sizes, (50, len(sizes))))


@pytest.mark.parametrize("sizes", [[2600, 380, 20], [500] * 8])
def test_the_limit_has_the_moments_of_true_shufflings(sizes: list[int]) -> None:
    rng = np.random.default_rng(5)
    rows = np.stack([rng.exponential(size=sum(sizes)), np.ones(sum(sizes))], axis=1)
    kinds = [np.array([g]) for g in range(len(sizes))]
    total = rows.sum(axis=0)
    root = _root(total, rows.T @ rows, len(rows))
    limit = _shuffle_limit(rows, total, root, kinds, np.array(sizes), 3000, np.random.default_rng(6))
    exact = shuffle_rows(rows, np.array(sizes), [orders_of(len(rows), 3000, np.random.default_rng(7))])
    np.testing.assert_allclose(limit.mean(axis=0)[:, 0], exact.mean(axis=0)[:, 0], rtol=0.015)
    # also that of the largest, which must not take up what all others vary
    np.testing.assert_allclose(limit.std(axis=0)[:, 0], exact.std(axis=0)[:, 0], rtol=0.07)
    np.testing.assert_allclose(limit[..., 1], np.broadcast_to(sizes, (3000, len(sizes))), atol=1e-6)


def test_the_root_is_the_same_in_whatever_order_people_are_added_up() -> None:
    """Of columns that follow from others, or are the same for all, too."""
    rng = np.random.default_rng(8)
    rows = rng.exponential(size=(5000, 5)) * [1, 100, 1e-3, 1, 1]
    rows = np.column_stack([rows, rows[:, 0] / 20, rows[:, 1] - rows[:, 2], np.full(len(rows), 0.1)])

    def root(order: np.ndarray) -> np.ndarray:
        pieces = [rows[some] for some in np.array_split(order, 7)]
        return _root(sum(one.sum(axis=0) for one in pieces), sum(one.T @ one for one in pieces), len(rows))

    scale = np.std(rows, axis=0).clip(min=1.0)[:, None]
    mine, theirs = root(np.arange(len(rows))) / scale, root(rng.permutation(len(rows))) / scale
    np.testing.assert_allclose(mine, theirs, atol=1e-11)
    np.testing.assert_allclose(mine @ mine.T, np.cov(rows.T) / scale / scale.T, atol=1e-8)


@pytest.mark.parametrize(
    ("people", "sizes"), [(60_000, (1500, 1500)), (100_000, (2000, 8665)), (60_000, (40, 60)), (45_000, (2000, 28_000))]
)
def test_a_true_null_is_rejected_at_its_level(people: int, sizes: tuple[int, int]) -> None:
    """Many people, of whom the attribute is known for some: differences under shuffled labels vary as they do."""
    rng = np.random.default_rng(people + sizes[0])
    codes = np.full(people, -1)
    codes[rng.permutation(people)[: sum(sizes)]] = np.repeat([0, 1], sizes)
    seen, spread = [], []
    for seed in range(60):
        rows = np.stack([rng.random(people) < 0.1, np.ones(people)], axis=1).astype(float)
        null = Shuffles(tallied(rows, codes, 2, seed, 200)).sums(0, [0, 1])
        difference = null[:, 0, 0] / sizes[0] - null[:, 1, 0] / sizes[1]
        true = rows[codes == 0, 0].mean() - rows[codes == 1, 0].mean()
        seen.append(np.mean(np.abs(difference) >= abs(true) - 1e-12))
        spread.append(difference.std())
    error = np.sqrt(0.09 * (1 / sizes[0] + 1 / sizes[1]))
    assert np.mean(spread) == pytest.approx(error, rel=0.05)
    assert np.mean(np.array(seen) < 0.05) <= 0.12  # 5 % of 60 expected


def test_orders_are_the_same_for_every_attribute_and_of_its_people_alone() -> None:
    """Further shufflings are others than the first; whoever has no group goes to none; memberships stay whole."""
    rng = np.random.default_rng(8)
    rows = np.stack([np.arange(90.0), np.ones(90)], axis=1)
    codes = rng.permutation(np.repeat([-1, 0, 1, 2], [20, 40, 20, 10]))
    total = tallied(rows, codes, 3, 0, 30)
    made = Shuffles(total)
    again = made.sums(0, [0, 1, 2], times=3)
    first = made.sums(0, [0, 1, 2])
    np.testing.assert_array_equal(Shuffles(total).sums(0, [0, 1, 2]), first)
    np.testing.assert_array_equal(made.sums(0, [0, 1, 2], 3, np.array([0])), again[..., :1])
    assert len(again) == 60
    assert not (again[:, None, 0, 0] == first[None, :, 0, 0]).all(axis=1).any()
    known = rows[codes >= 0].sum(axis=0)
    for sums in (first, again):
        np.testing.assert_allclose(sums.sum(axis=1), np.broadcast_to(known, (len(sums), 2)))
        np.testing.assert_array_equal(sums[..., 1], np.broadcast_to([40, 20, 10], (len(sums), 3)))
    there = total.row_who[0].codes >= 0
    who = Groups("x", ("a", "b", "c"), total.row_who[0].codes[there])
    orders = orders_of(70, 25, rng)
    moved = shuffle_members(total.rows[there], who.membership, [orders])
    by_hand = np.stack([total.rows[there][order[who.codes == 1]].sum(axis=0) for order in orders])
    np.testing.assert_allclose(moved[:, 1], by_hand)


def test_attributes_of_the_same_people_are_summed_at_once() -> None:
    """And each gives what it gives alone."""
    rng = np.random.default_rng(11)
    rows = np.stack([rng.random(80), np.ones(80)], axis=1)
    alone = [tallied(rows, rng.permutation(np.repeat(range(len(n)), n)), len(n), 0, 40) for n in ([30, 50], [10] * 8)]
    parts = {name: tuple(getattr(one, name)[0] for one in alone) for name in ("groups", "row_who")}
    first = alone[0]
    own = SimpleNamespace(who=tuple(one.own.who[0] for one in alone))
    both: Any = SimpleNamespace(rules=first.rules, n=80, rows=first.rows, own=own, people_layout={}, **parts)
    made = Shuffles(both)
    for attribute, (one, kept) in enumerate(zip(alone, ([0, 1], list(range(8))), strict=True)):
        np.testing.assert_allclose(made.sums(attribute, kept), Shuffles(one).sums(0, kept), rtol=1e-12)
    assert len(made._shared) == 1
