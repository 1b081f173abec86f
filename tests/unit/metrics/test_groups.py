"""Gaps, tests and indices over groups."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import distance

from fairdash.hashing import id_hash
from fairdash.metrics import accuracy, audit, bootstrap, categories, groups
from fairdash.metrics.groups import Gap
from fairdash.metrics.rates import Rates, spread
from fairdash.metrics.shuffles import orders_of, shuffle_rows
from tests.bench import statistics

MEAN = Rates((0,), (2,), (1,))


def gap_of(values: Sequence[np.ndarray], *, seed: int = 0, replicates: int = 500, permutations: int = 300) -> Gap:
    """The gap of the means of these groups' values."""
    sizes = np.array([len(v) for v in values])
    flat = np.concatenate(values)
    rows = np.stack([flat, flat**2, np.ones_like(flat)], axis=1)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    drawn = bootstrap.weights(id_hash([f"{seed}-{i}" for i in range(len(flat))]), replicates, seed)
    total = np.stack([rows[codes == g].sum(axis=0) for g in range(len(sizes))])
    moments = np.stack([rows[codes == g].T @ rows[codes == g] for g in range(len(sizes))])
    boot = np.stack([drawn[codes == g].T.astype(float) @ rows[codes == g] for g in range(len(sizes))], axis=1)
    null = shuffle_rows(rows, sizes, [orders_of(len(rows), permutations, np.random.default_rng(seed))])
    return groups.gap(MEAN, [f"g{i}" for i in range(len(sizes))], sizes, total, moments, boot, null, better=1)


def test_by_hand() -> None:
    found = gap_of([np.array([0.2, 0.4]), np.array([0.6, 0.6]), np.array([1.0, 0.6])])
    assert found.gap == pytest.approx(0.5)
    assert found.ratio == pytest.approx(0.375)
    assert found.mad == pytest.approx((0.3 + 0.5 + 0.2) / 3)
    assert found.std == pytest.approx(np.std([0.3, 0.6, 0.8]))
    assert found.pair == ("g2", "g0")
    assert found.worst_group == "g0"


def test_equal_values_still_have_a_pair_and_an_interval() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, 40).astype(float)
    found = gap_of([values, values[::-1]])
    assert found.gap == 0
    assert found.pair is not None
    assert len(set(found.pair)) == 2
    assert found.ci[0] < 0 < found.ci[1]


def test_interval_and_test_agree_with_the_t_test() -> None:
    from scipy import stats

    rng = np.random.default_rng(1)
    a, b = rng.normal(0.3, 1, 150), rng.normal(0, 1, 90)
    found = gap_of([a, b], replicates=4000, permutations=4000)
    welch = stats.ttest_ind(a, b, equal_var=False)
    ci = welch.confidence_interval()
    assert found.ci == pytest.approx((ci.low, ci.high), abs=0.02)
    assert found.p_value == pytest.approx(welch.pvalue, abs=0.01)


def test_detectable_gap_is_found_four_times_of_five() -> None:
    rng = np.random.default_rng(2)
    size = 2.8 * math.sqrt(2 / 100)
    found = [gap_of([rng.normal(size, 1, 100), rng.normal(size=100)], seed=s, replicates=0) for s in range(200)]
    assert np.mean([one.detectable for one in found]) == pytest.approx(size, rel=0.1)
    assert 0.72 < np.mean([one.ci[0] > 0 for one in found]) < 0.88


@pytest.mark.parametrize(
    ("sizes", "chance"), [((20, 200), 0.01), ((25, 500), 0.1), ((100, 300), 0.02), ((30, 60), 0.5)]
)
def test_detectable_gap_of_hits_is_found_four_times_of_five(sizes: tuple[int, int], chance: float) -> None:
    """Rare hits: what the test asks for is skewed, and the further hits raise it. Power by all draws of both groups."""
    from scipy import stats

    n, m = sizes
    rest = round(chance * m)
    size = hits((round(chance * n), n), (rest, m), permutations=2).detectable
    power = 0.0
    for x in range(n + 1):
        for y in range(max(0, rest - 12), rest + 13):
            draw = stats.binom(n, chance + size).pmf(x) * stats.binom(m, chance).pmf(y)
            if draw > 1e-4 and y <= m:
                power += draw * (hits((x, n), (y, m), permutations=2).p_value < 0.05)
    assert 0.73 <= power <= 0.87


def test_few_hits_of_several_sizes_may_be_followed_by_larger_ones() -> None:
    """1 and ½: Σ x = 1.5, Σ x² = 1.25, Σ x³ = 1.125. As 1.8 hits, so 0.4 · 1.8 / 4.8 = 0.15 of a hit of size 1."""
    x = np.array([1.0, 0.5, *[0.0] * 98])
    rows = np.stack([x, x**2, np.ones_like(x)], axis=1)
    total, moments = groups._with_larger(MEAN, rows.sum(axis=0), rows.T @ rows)
    assert total[0].tolist() == pytest.approx([1.65, 1.4, 100])
    assert (moments[0, 0, 1], moments[0, 1, 0]) == pytest.approx((1.275, 1.275))
    rows = np.stack([x > 0, x > 0, np.ones_like(x)], axis=1).astype(float)  # of one size nothing is added
    total, moments = groups._with_larger(MEAN, rows.sum(axis=0), rows.T @ rows)
    assert total[0].tolist() == [2, 2, 100]
    assert (moments[0] == rows.T @ rows).all()


def test_detectable_gap_of_rare_first_places_is_found_four_times_of_five() -> None:
    """5 hits of 525 people at ranks 1 to 10, of each data set its own: 0.68 were found."""
    rng, chances = np.random.default_rng(2), np.array([0.01, 0.01])
    found = []
    for _ in range(60):
        seen = statistics.drawn((25, 500), chances, "mrr", rng)
        names, null = ["0", "1"], np.empty((0, 2, 3))
        size = groups.gap(MEAN, names, seen.sizes, seen.sums(), seen.moments(), null, null).detectable
        planted = chances + np.array([size / statistics.METRICS["mrr"].mean(), 0])
        there = statistics.drawn((25, 500), planted, "mrr", rng)
        found.append(statistics.look(there, planted, statistics.Labels((25, 500), 100, rng)).gap.p_value)
    assert 0.66 <= np.mean(np.array(found) < 0.05) <= 0.93  # three standard errors around 0.8


def test_detectable_gap_of_many_groups_is_found_four_times_of_five() -> None:
    """One of twelve groups has more than eleven others, of which some are likely to be low: 0.92 were found."""
    sizes, rng = statistics.DESIGNS[-1], np.random.default_rng(3)
    chances = np.full(len(sizes), 0.1)
    found = []
    for _ in range(80):
        seen = statistics.drawn(sizes, chances, "hit", rng)
        labels = statistics.Labels(sizes, 300, rng)
        gap = statistics.look(seen, chances, labels).gap
        assert gap.pair is not None
        planted = chances.copy()
        planted[min(int(name) for name in gap.pair)] += gap.detectable
        found.append(statistics.look(statistics.drawn(sizes, planted, "hit", rng), planted, labels).gap.p_value)
    assert 0.66 <= np.mean(np.array(found) < 0.05) <= 0.89  # beyond three standard errors, and two, around 0.8


def test_detectable_gap_of_rare_hits_in_several_groups_counts_whole_hits() -> None:
    """One hit of 20 is not told from chance and two are: a rate at which two or more come in 0.7 is not enough."""
    from scipy import stats

    others = ((1, 60), (1, 150), (3, 400), (5, 1000))
    found = [hits((x, 20), *others).p_value < 0.05 for x in (1, 2)]
    assert found == [False, True]
    rate = hits((0, 20), *others).detectable + 10 / 1630
    assert 0.75 <= stats.binom(20, rate).sf(1) <= 0.87


def test_detectable_where_nobody_differs() -> None:
    """As if one person had another value of the range: it was 0, as if any difference would be found."""
    assert 0.05 < gap_of([np.full(20, 0.3), np.full(30, 0.3)], replicates=0).detectable < 0.3


def test_null_of_several_groups_is_rarely_left_out() -> None:
    rng = np.random.default_rng(3)
    out = sum(gap_of([rng.normal(size=40) for _ in range(5)], seed=s, replicates=0).ci[0] > 0 for s in range(200))
    assert out <= 20  # 5 % of 200 expected


def hits(*groups: tuple[int, int], replicates: int = 0, permutations: int = 400) -> Gap:
    """The gap of hit rates: hits of people, by group."""
    values = [np.arange(n) < x for x, n in groups]
    return gap_of([v.astype(float) for v in values], replicates=replicates, permutations=permutations)


@pytest.mark.parametrize(
    "counts",
    [
        ((6, 30), (30, 3000)), ((3, 30), (30, 3000)), ((4, 30), (30, 3000)), ((4, 30), (6, 300)), ((5, 30), (12, 600)),
        ((4, 50), (20, 2000)), ((0, 20), (10, 200)), ((0, 20), (40, 200)), ((0, 20), (6, 20)), ((1, 25), (15, 300)),
        ((0, 30), (30, 3000)),
    ],
)  # fmt: skip
def test_hits_of_two_groups_are_tested_like_fisher(counts: tuple[tuple[int, int], ...]) -> None:
    """A small group that gets more, and one without a hit: Fisher's p less half of the ties, give or take how the far
    side counts."""
    from scipy import stats

    found = hits(*counts)
    table = np.array([[x, n - x] for x, n in counts])
    fisher = stats.fisher_exact(table).pvalue
    here = stats.hypergeom(table.sum(), table[:, 0].sum(), table[0].sum()).pmf(table[0, 0])
    assert fisher - 1.2 * here <= found.p_value <= fisher * 1.0001
    assert (found.ci[0] > 0) == (found.p_value < 0.05)
    assert found.ci[0] < found.gap < found.ci[1]


def test_by_hand_a_small_group_that_gets_more() -> None:
    """6 of 30 against 30 of 3,000. Values: Clopper and Pearson's ends are 0.0771 and 0.3857, 0.0068 and 0.0142."""
    found = hits((6, 30), (30, 3000))
    assert found.pair == ("g0", "g1")
    assert found.p_value == pytest.approx(4.6e-7, rel=0.02)
    low = 0.19 - math.hypot(0.2 - 0.07714, 0.01424 - 0.01)
    high = 0.19 + math.hypot(0.38567 - 0.2, 0.01 - 0.00676)
    assert found.ci == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("chance", [0.01, 0.3, 0.85])
@pytest.mark.parametrize("metric", ["ndcg", "mrr"])
def test_twenty_people_are_covered(metric: str, chance: float) -> None:
    """Also where they have far more hits than the others, and none of their hits is one of the best. Of 400 data sets
    95 % means 370 or more in 99 of 100 cases."""
    rng, inside = np.random.default_rng(0), 0
    true = chance * statistics.METRICS[metric].mean()
    for _ in range(400):
        data = statistics.drawn((20, 1000), np.array([chance, 0.05]), metric, rng)
        low, high = (end[0, 0] for end in spread(MEAN, data.sums(), data.moments(), data.sizes).ends())
        inside += low <= true <= high
    assert inside >= 370


def test_values_that_may_be_negative_have_no_sizes() -> None:
    """Their mean is near 0, which makes nothing large of them: the interval is Student's, give or take the skew."""
    from scipy import stats

    rng = np.random.default_rng(1)
    values = [rng.normal(mean, 0.1, n) for mean, n in ((0.03, 20), (-0.001, 2000))]
    flat, codes = np.concatenate(values), np.repeat([0, 1], [20, 2000])
    rows = np.stack([flat, flat**2, np.ones_like(flat)], axis=1)
    total = np.stack([rows[codes == g].sum(axis=0) for g in (0, 1)])
    moments = np.stack([rows[codes == g].T @ rows[codes == g] for g in (0, 1)])
    low, high = (end[0, 0] for end in spread(MEAN, total, moments, np.array([20, 2000])).ends())
    first = values[0]
    expected = stats.t.interval(0.95, 19, first.mean(), first.std(ddof=1) / math.sqrt(20))
    assert (low, high) == pytest.approx(expected, abs=0.006)


ALL = (-math.inf, math.inf)


def ends_of(values: Sequence[np.ndarray], within: tuple[float, float] = (0.0, 1.0)) -> list[tuple[float, float]]:
    """The intervals of the means of these groups' values."""
    rows = [np.stack([x, x**2, np.ones_like(x)], axis=1) for x in map(np.asarray, values)]
    total, moments = np.stack([r.sum(axis=0) for r in rows]), np.stack([r.T @ r for r in rows])
    found = spread(replace(MEAN, within=within), total, moments, np.array([len(r) for r in rows])).ends()
    return [(float(low), float(high)) for low, high in zip(*(end[:, 0] for end in found), strict=True)]


@pytest.mark.parametrize(
    ("value", "within", "ends"),
    [
        (0.3, (0, 1), (0.3 - 0.3 * 0.16843, 0.3 + 0.7 * 0.16843)),
        (0.0, (0, 1), (0.0, 0.16843)),
        (1.0, (0, 1), (1 - 0.16843, 1.0)),
        (3.0, (0, math.inf), (3 - 3 * 0.16843, 3 + 3 * 0.16843)),
        (-0.25, (-1, math.inf), (-0.25 - 0.75 * 0.16843, -0.25 + 0.75 * 0.16843)),
        (-2.0, ALL, (-2 - 2 * 0.16843, -2 + 2 * 0.16843)),
    ],
)
def test_by_hand_where_everybody_has_one_value(value: float, within: tuple[float, float], ends: Any) -> None:
    """Of 20 people 1 - 0.025^(1/20) = 0.16843 may have any other value of the range: the interval had no width."""
    assert ends_of([np.full(20, value)], within)[0] == pytest.approx(ends, abs=1e-4)


@pytest.mark.parametrize("n", [1, 2, 20])
@pytest.mark.parametrize(
    ("value", "others", "within"),
    [
        (0.9, "uniform", (0, 1)),  # above the hits of the others, S2 / S1 = 2 / 3: its upper end was the value itself
        (0.3, "uniform", (0, 1)),
        (10.5, "far from 0", (0, math.inf)),
        (0.3, "around 0", ALL),  # of others without skew there was next to nothing to mix in
        (0.6, "hits", (0, 1)),
    ],
)
def test_people_of_one_value_are_as_uncertain_as_others_make_them(
    value: float, others: str, within: tuple[float, float], n: int
) -> None:
    rng = np.random.default_rng(0)
    rest = {
        "uniform": rng.random(400),
        "far from 0": rng.normal(10, 1, 400),
        "around 0": rng.normal(0, 1, 400),
        "hits": np.where(rng.random(400) < 0.2, rng.random(400), 0.0),
    }[others]
    spread_of_one = rest[rest > 0].std() if others == "hits" else rest.std()
    low, high = ends_of([np.full(n, value), rest], within)[0]
    for away in (value - low, high - value):
        assert 0.1 * spread_of_one / math.sqrt(n) < away < value + 5 * spread_of_one


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_few_graded_values_are_covered(n: int) -> None:
    """They vary farther than two points do, as which 0.54, 0.71 and 0.84 were covered."""
    rng = np.random.default_rng(n)
    found = [ends_of([rng.random(n), rng.random(300)])[0] for _ in range(400)]
    assert np.mean([low <= 0.5 <= high for low, high in found]) > 0.87


@pytest.mark.parametrize("hits", [True, False])
@pytest.mark.parametrize("people", [1, 20])
def test_a_rate_of_people_who_are_all_alike_is_no_certainty(people: int, hits: bool) -> None:
    """Each of them has 3 hits of 10 trials; of 200 others, it differs."""
    rng = np.random.default_rng(3)
    rows = [np.tile([3.0, 10.0], (people, 1)), np.stack([rng.binomial(10, 0.4, 200), np.full(200, 10)], axis=1)]
    total, moments = np.stack([r.sum(axis=0) for r in rows]), np.stack([r.T @ r for r in rows])
    low, high = (
        float(end[0, 0]) for end in spread(Rates((0,), (1,), hits=hits), total, moments, np.array([people, 200])).ends()
    )
    for away in (0.3 - low, high - 0.3):
        assert 0.03 / math.sqrt(people) < away < 0.8


@pytest.mark.parametrize(("chance", "trials"), [(0.4, 10), (0.9, 10), (0.1, 10), (0.3, 1)])
def test_rates_over_pairs_are_covered(chance: float, trials: int) -> None:
    """20 people with so many trials each: as if these came all or none, 0.91, 0.73 and 0.96 of the intervals of the
    first three held the rate."""
    rng, inside = np.random.default_rng(5), 0
    for _ in range(400):
        rows = [
            np.stack([rng.binomial(trials, chance, n), np.full(n, trials)], axis=1).astype(float) for n in (20, 300)
        ]
        total, moments = np.stack([r.sum(axis=0) for r in rows]), np.stack([r.T @ r for r in rows])
        low, high = (end[0, 0] for end in spread(Rates((0,), (1,)), total, moments, np.array([20, 300])).ends())
        inside += low <= chance <= high
    assert inside >= 370  # 95 % means so many in 99 of 100 cases


def test_rates_of_all_or_nothing_are_clopper_and_pearsons() -> None:
    """People with one trial, or with ten alike, are two points and no more: their interval is exact."""
    from scipy import stats

    for trials in (1, 10):
        own = np.repeat([[trials, trials], [0, trials]], [3, 9], axis=0).astype(float)
        total, moments = own.sum(axis=0)[None], (own.T @ own)[None]
        low, high = (float(end[0, 0]) for end in spread(Rates((0,), (1,)), total, moments, np.array([12])).ends())
        exact = stats.binomtest(3, 12).proportion_ci(0.95, "exact")
        assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_a_group_without_hits_is_not_certain() -> None:
    """Nobody of 20 has a hit: the rate may still be 0.168, and 10 of 200 are no more."""
    found = hits((0, 20), (10, 200))
    assert found.ci[0] == pytest.approx(0.05 - math.hypot(0.05 - 0.02424, 0.16843), abs=1e-4)
    assert found.ci[0] < 0 < found.ci[1]


def test_by_hand_an_end_that_the_test_implies() -> None:
    """A gap of 0.06 at p = 0.01, z = 2.576: its error without a difference is 1.96 · 0.06 / 2.576 = 0.04565. Where the
    variance doubles with every 0.01 more, (0.06 − end)² = 0.04565² (1 + 100 end)."""
    assert groups.agreeing((-0.02, 0.3), 0.06, 0.01) == pytest.approx((0.06 - 0.04565, 0.3), abs=1e-5)
    low, high = groups.agreeing((-0.02, 0.3), 0.06, 0.01, 100.0)
    assert (low, high) == pytest.approx((0.00468, 0.3), abs=1e-5)
    assert (0.06 - low) ** 2 == pytest.approx(0.04565**2 * (1 + 100 * low), rel=1e-3)
    # the test sees nothing, or both see it
    assert groups.agreeing((0.01, 0.3), 0.06, 0.1, 100.0)[0] == pytest.approx(0.06 * (1 - 1.95996 / 1.64485), abs=1e-6)
    assert groups.agreeing((0.01, 0.3), 0.06, 0.01, 100.0) == (0.01, 0.3)


@given(st.floats(1e-6, 1), st.floats(1e-12, 0.0499), st.floats(-100, 1e4))
def test_an_implied_end_is_between_zero_and_that_of_an_error_that_stays(value: float, p: float, rise: float) -> None:
    low, _ = groups.agreeing((-1.0, 2.0), value, p, rise)
    plain, _ = groups.agreeing((-1.0, 2.0), value, p)
    assert 0 < low <= plain * (1 + 1e-9)
    assert low == pytest.approx(plain, rel=1e-9) or rise > 0


def test_a_small_group_with_more_varies_more() -> None:
    """One of twelve groups has more first places, of 20 people: of 150 intervals ten began above the true gap."""
    sizes, rng, above = statistics.DESIGNS[-1], np.random.default_rng(4), 0
    chances = np.full(len(sizes), 0.01)
    chances[0] = 0.066
    for _ in range(150):
        labels = statistics.Labels(sizes, 200, rng)
        found = statistics.look(statistics.drawn(sizes, chances, "mrr", rng), chances, labels).gap
        above += found.ci[0] > 0.056 * statistics.METRICS["mrr"].mean()
    assert above <= 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(2, 60), st.floats(0, 1)), min_size=2, max_size=4), st.sampled_from(["hit", "any"])
)
def test_interval_and_test_agree(groups: list[tuple[int, float]], kind: str) -> None:
    rng = np.random.default_rng(len(groups))
    values = [(rng.random(n) < part) * (1.0 if kind == "hit" else rng.random(n)) for n, part in groups]
    found = gap_of(values, replicates=0, permutations=99)
    assert (found.ci[0] > 0) == (found.p_value < 0.05)
    assert found.ci[0] - 1e-12 <= found.gap <= found.ci[1] + 1e-12


def test_the_order_of_groups_is_nothing() -> None:
    rng = np.random.default_rng(8)
    values = [rng.random(n) < p for n, p in ((20, 0.4), (90, 0.2), (300, 0.1))]
    one, other = (
        gap_of([v.astype(float) for v in order], replicates=0, permutations=4000) for order in (values, values[::-1])
    )
    assert one.gap == pytest.approx(other.gap)
    assert one.ci == pytest.approx(other.ci, abs=0.02)
    assert one.p_value == pytest.approx(other.p_value, abs=0.02)
    assert one.detectable == pytest.approx(other.detectable, rel=0.05)


@pytest.mark.parametrize("high", [0, 2])
def test_several_groups_are_told_apart_where_one_differs(high: int) -> None:
    """The smallest or the largest: one statistic finds the first, the other the second."""
    rng = np.random.default_rng(high)
    sizes, found = (25, 100, 900), 0
    for seed in range(40):
        chances = [0.3 + (0.4 if g == high == 0 else 0.25 if g == high else 0.0) for g in range(3)]
        values = [(rng.random(n) < p).astype(float) for n, p in zip(sizes, chances, strict=True)]
        found += gap_of(values, seed=seed, replicates=0, permutations=200).p_value < 0.05
    assert found >= 30


def test_one_large_group_of_twelve_is_told_apart() -> None:
    """It is four standard errors from all others together and 3.1 from the nearest of them, which of 66 pairs is
    nothing: the test asked pairs alone and did not tell it apart."""
    sizes = statistics.DESIGNS[-1]
    found = hits(*((round(0.3 * n), n) for n in sizes[:-1]), (233, sizes[-1]), permutations=1000)
    assert found.p_value < 0.05
    assert found.ci[0] > 0


def test_mid_p_value() -> None:
    assert groups.p_value(1.0, np.array([0.0, 1.0, 2.0])) == pytest.approx((1 + 1 + 0.5) / 4)
    assert groups.p_value(0.0, np.zeros(9)) == 1.0
    assert np.isnan(groups.p_value(np.nan, np.full(9, np.nan)))  # what does not exist is not significant


def test_entropy_parts_add_up() -> None:
    n, sums, squares = np.array([30.0, 70.0]), np.array([6.0, 30.0]), np.array([3.0, 20.0])
    whole, between = groups.entropy_index(n, sums, squares)
    mean = sums.sum() / 100
    within = sum(
        n[g] / 100 * (sums[g] / n[g] / mean) ** 2 * (squares[g] / n[g] / (sums[g] / n[g]) ** 2 - 1) / 2
        for g in range(2)
    )
    assert whole == pytest.approx(between + within)


def test_cross_entropy_of_equal_means_is_0() -> None:
    assert groups.cross_entropy(np.array([0.3, 0.3, 0.3])) == pytest.approx(0)
    assert groups.cross_entropy(np.array([0.1, 0.3])) == pytest.approx(((0.25 / 0.25) + (0.25 / 0.75) - 1) / 2)
    assert math.isnan(groups.cross_entropy(np.array([0.0, 0.3])))


def test_groups_without_anything_in_common_are_not_certain_to_have_nothing() -> None:
    """20 people each, of whom every one gets the own group's category: no replicate is another, as with 0 of 20. In one
    group 1 - 0.025^(1/20) = 0.168 may get the other's."""
    total = np.array([[20.0, 0.0], [0.0, 20.0]])
    rng = np.random.default_rng(0)
    boot, null = total * rng.poisson(20, (100, 2, 1)) / 20, total[rng.integers(0, 2, (100, 2))]
    made = groups.distance(
        categories.largest_divergence, total, boot, null, root=True, exact=1.0, people=np.array([20, 20])
    )
    assert (made.gap, made.ci[1]) == (1.0, 1.0)
    lost = 1 - 0.025 ** (1 / 20)
    mixed = distance.jensenshannon([1 - lost, lost], [0, 1], base=2)
    assert made.ci[0] == pytest.approx(1 - math.sqrt(2) * (1 - mixed))
    assert 0.7 < made.ci[0] < 0.75
    assert math.isnan(made.detectable)  # nothing shows how far apart chance would bring them


def test_groups_that_are_alike_in_all_replicates_are_not_certain_to_be() -> None:
    """20 and 30 people whose scores are all in one cell: 1 - 0.025^(1/20) = 0.16843 of the first and 0.11570 of the
    second may have others, and the interval was [0, 0]."""
    total, people = np.array([[20.0, 0.0], [30.0, 0.0]]), np.array([20, 30])
    boot, null = np.stack([total] * 50), np.stack([total] * 60)

    def square(cells: np.ndarray) -> np.ndarray:  # the largest difference of cumulative shares
        share = np.cumsum(cells, axis=-1) / cells.sum(axis=-1, keepdims=True)
        return np.ptp(share, axis=-2).max(axis=-1) ** 2

    made = groups.distance(square, total, boot, null, root=True, people=people)
    assert (made.gap, made.p_value, made.ci[0]) == (0.0, 1.0, 0.0)
    assert made.ci[1] == pytest.approx(math.hypot(0.16843, 0.11570), abs=1e-5)
    assert math.isnan(made.detectable)


def test_differential_fairness_by_hand() -> None:
    listed, people = np.array([[3, 0], [1, 0]]), np.array([4, 4])
    value, pair, item = groups.differential_fairness(listed, people, np.array(["a", "b"], dtype=object))
    assert value == pytest.approx(math.log(3.5 / 1.5))
    assert pair == (0, 1)
    assert item == 0


@pytest.mark.parametrize(("size", "own", "marked"), [(30, 7, 30), (600, 170, 80), (40, 35, 12), (900, 300, 400)])
def test_numbers_from_a_table_are_hypergeometric(size: int, own: int, marked: int) -> None:
    """And those beyond the table are of the same kind, in one draw."""
    of = np.array([marked, 0, 1]).repeat(4000)
    found = groups._Urn(size, own, marked).draw(of, np.random.default_rng(0)).reshape(3, -1)
    assert not found[1].any()
    for number, drawn in zip((marked, 1), found[[0, 2]], strict=True):
        part = own / size
        spread = math.sqrt(number * part * (1 - part) * (size - number) / (size - 1))
        assert max(0, number - size + own) <= drawn.min() <= drawn.max() <= min(number, own)
        assert drawn.mean() == pytest.approx(number * part, abs=4 * spread / 60 + 1e-12)
        assert drawn.std() == pytest.approx(spread, rel=0.06, abs=1e-12)


def test_curve_follows_the_truth() -> None:
    rng = np.random.default_rng(9)
    x = rng.uniform(0, 10, 1500)
    y = np.sin(x / 2) + rng.normal(0, 0.3, 1500)
    x[:5] = np.nan
    grid, mean, low, high = groups.curve(x, y, bootstrap.weights(id_hash(map(str, range(1500))), 200))
    assert np.abs(mean - np.sin(grid / 2)).max() < 0.2
    inside = (low <= np.sin(grid / 2)) & (np.sin(grid / 2) <= high)
    assert inside.mean() > 0.7  # pointwise, and smoothing flattens the tops
    assert (low <= mean).all()
    assert (mean <= high).all()


def test_curve_of_a_straight_line_is_that_line() -> None:
    x = np.linspace(0, 1, 50)
    grid, mean, _, _ = groups.curve(x, 2 * x + 1, np.ones((50, 3), np.uint8))
    np.testing.assert_allclose(mean, 2 * grid + 1, atol=1e-8)


def test_curve_of_one_value_is_empty() -> None:
    assert len(groups.curve(np.ones(5), np.ones(5), np.ones((5, 2), np.uint8))[0]) == 0


@pytest.mark.parametrize("seed", range(5))
def test_hits_equal_a_loop(seed: int, monkeypatch) -> None:
    monkeypatch.setattr(accuracy, "SCRATCH_CELLS", 100)
    rng = np.random.default_rng(seed)
    items = np.stack([rng.permutation(30)[:6] for _ in range(25)]).astype(np.int32)
    items[rng.random(items.shape) < 0.2] = -1
    own = [np.sort(rng.choice(30, rng.integers(0, 8), replace=False)) for _ in range(25)]
    starts = np.concatenate([[0], np.cumsum([len(o) for o in own])])
    found = accuracy.hits(items, starts, np.concatenate(own).astype(np.int32), 30)
    np.testing.assert_array_equal(
        found, [[i in set(o.tolist()) for i in row] for row, o in zip(items, own, strict=True)]
    )


def test_a_rare_category_is_not_the_headline_of_a_ratio() -> None:
    """Of 100 women and 100 men, `common` stands in all lists of women and 80 of men; `rare` in one list of a woman and
    none of a man, `odd` in 40 lists of women and none of men's: all of it is a ratio of 0, but one place is noise."""
    people = [f"u{i}" for i in range(200)]
    rows = [(user, "c", 1) for i, user in enumerate(people) if i < 180]
    rows += [(user, "filler", 2) for user in people]
    rare, odd = [("u0", "r", 3)], [(user, "o", 4) for user in people[:40]]
    truth = pd.DataFrame({"user_id": people, "item_id": "filler"})
    users = pd.DataFrame({"user_id": people, "gender": ["F"] * 100 + ["M"] * 100})
    items = pd.DataFrame({"item_id": ["c", "filler", "r", "o"], "categories": ["common", "filler", "rare", "odd"]})

    def ratio(*more: tuple[str, str, int]) -> dict[str, Any]:
        lists = pd.DataFrame([*rows, *more], columns=["user_id", "item_id", "rank"])
        made = audit.from_frames(lists, truth, users, items=items, groups=["gender"], replicates=20, permutations=50)
        return made.to_json()["gaps"]["gender"]["demographic_parity_ratio"]

    plain = ratio(*rare)
    assert plain["ratio"] == pytest.approx(0.8)
    assert plain["of"] == "common"
    assert plain["left_out"] == 2
    assert ratio(*rare, *odd)["of"] == "odd"  # 20 places of each group would be its share: 0 of them is no noise
    assert ratio(*rare, *odd)["ratio"] == 0
