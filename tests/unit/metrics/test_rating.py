from __future__ import annotations

import numpy as np
import pytest

from fairdash.metrics import rating
from fairdash.schema import Groups


def make(rows: list[tuple[int, int, float, float]]) -> rating.Rated:
    user, item, predicted, true = zip(*rows, strict=True)
    return rating.Rated(np.array(user, np.int32), np.array(item, np.int32), np.array(predicted), np.array(true))


def groups(*codes: int, names: tuple[str, ...] = ("A", "B")) -> Groups:
    return Groups("g", names, np.array(codes, np.int32))


# users 0, 1 are A; 2, 3 are B. Item 0: A errs +1 and 0 (mean +0.5), B errs -1. Item 1: A errs -2, B +2 and 0 (mean +1).
# Item 2 is rated by A alone.
ROWS = [(0, 0, 4, 3), (1, 0, 2, 2), (2, 0, 3, 4), (0, 1, 1, 3), (2, 1, 5, 3), (3, 1, 2, 2), (1, 2, 5, 1)]


def test_the_five_by_hand() -> None:
    found = rating.unfairness(make(ROWS), groups(0, 0, 1, 1), 3)
    assert found["value_unfairness"].value == pytest.approx((1.5 + 3) / 2)
    assert found["absolute_unfairness"].value == pytest.approx((0.5 + 1) / 2)
    assert found["underestimation_unfairness"].value == pytest.approx((1 + 2) / 2)
    assert found["overestimation_unfairness"].value == pytest.approx((0.5 + 1) / 2)
    assert found["nonparity_unfairness"].value == pytest.approx(abs((4 + 2 + 1 + 5) / 4 - (3 + 5 + 2) / 3))
    assert found["value_unfairness"].pair == ("A", "B")
    assert found["value_unfairness"].shared == 2
    assert found["nonparity_unfairness"].shared == 3


def test_an_item_seen_by_one_group_only_changes_nothing_but_parity() -> None:
    with_it = rating.unfairness(make(ROWS), groups(0, 0, 1, 1), 3)
    without = rating.unfairness(make(ROWS[:-1]), groups(0, 0, 1, 1), 3)
    for key in rating.KEYS[:4]:
        assert with_it[key].value == without[key].value
    assert with_it["nonparity_unfairness"].value != without["nonparity_unfairness"].value


def test_perfect_predictions_are_fair() -> None:
    rows = [(u, i, true, true) for u, i, _, true in ROWS]
    found = rating.unfairness(make(rows), groups(0, 0, 1, 1), 3)
    assert [found[key].value for key in rating.KEYS[:4]] == [0, 0, 0, 0]


def test_nothing_shared_is_undefined_and_says_why() -> None:
    found = rating.unfairness(make([(0, 0, 4, 3), (1, 1, 2, 2)]), groups(0, 1), 2)
    for key in rating.KEYS[:4]:
        assert np.isnan(found[key].value)
        assert found[key].reason == "no item was rated by users of two groups"
        assert np.isnan(found[key].ci).all()
        assert np.isnan(found[key].p_value)
    assert found["nonparity_unfairness"].value == pytest.approx(2)


def test_one_group_is_undefined() -> None:
    found = rating.unfairness(make([(0, 0, 4, 3), (1, 0, 2, 2)]), groups(0, -1), 1)
    assert all(np.isnan(d.value) and "fewer than two groups" in d.reason for d in found.values())
    small = rating.unfairness(make(ROWS), groups(0, 0, 1, 1), 3, min_size=3)
    assert all(np.isnan(d.value) for d in small.values())


def test_several_groups_take_the_largest_pair_and_name_it() -> None:
    rows = [(0, 0, 3.0, 3.0), (1, 0, 3.5, 3.0), (2, 0, 1.0, 3.0)]
    found = rating.unfairness(make(rows), groups(0, 1, 2, names=("A", "B", "C")), 1)
    assert found["value_unfairness"].value == pytest.approx(2.5)
    assert found["value_unfairness"].pair == ("B", "C")
    assert found["overestimation_unfairness"].value == pytest.approx(0.5)
    assert found["underestimation_unfairness"].value == pytest.approx(2)


def test_the_unknown_are_left_out() -> None:
    known = rating.unfairness(make(ROWS), groups(0, 0, 1, 1), 3)
    extra = rating.unfairness(make([*ROWS, (4, 0, 1.0, 5.0)]), groups(0, 0, 1, 1, -1), 3)
    assert [known[key].value for key in rating.KEYS] == [extra[key].value for key in rating.KEYS]


def test_a_replicate_equals_the_metric_of_the_repeated_data() -> None:
    draw = np.random.default_rng(3)
    user = draw.integers(0, 30, 400)
    item = draw.integers(0, 12, 400)
    rated = rating.Rated(user.astype(np.int32), item.astype(np.int32), draw.normal(3, 1, 400), draw.normal(3, 1, 400))
    codes = draw.integers(0, 3, 30).astype(np.int32)
    who = Groups("g", ("A", "B", "C"), codes)
    weights = draw.multinomial(30, np.full(30, 1 / 30), size=4).T
    found = rating.unfairness(rated, who, 12, weights=weights)
    ks = rating.score_ks(rated.user, rated.predicted, who, weights=weights)
    for row, weight in enumerate(weights.T):
        copies = np.repeat(np.arange(400), weight[user])
        again = rating.Rated(rated.user[copies], rated.item[copies], rated.predicted[copies], rated.true[copies])
        for key, value in rating.unfairness(again, who, 12).items():
            assert found[key].replicates[row] == pytest.approx(value.value, abs=1e-12)
        assert ks.replicates[row] == pytest.approx(rating.score_ks(again.user, again.predicted, who).value, abs=1e-12)


def test_a_shuffle_equals_the_metric_of_the_shuffled_labels() -> None:
    draw = np.random.default_rng(4)
    rated = rating.Rated(
        draw.integers(0, 30, 300).astype(np.int32),
        draw.integers(0, 9, 300).astype(np.int32),
        draw.normal(3, 1, 300),
        draw.normal(3, 1, 300),
    )
    codes = draw.integers(0, 2, 30).astype(np.int32)
    shuffles = np.stack([draw.permutation(codes) for _ in range(3)], axis=1)
    found = rating.unfairness(rated, Groups("g", ("A", "B"), codes), 9, shuffles=shuffles)
    ks = rating.score_ks(rated.user, rated.predicted, Groups("g", ("A", "B"), codes), shuffles=shuffles)
    for row, shuffled in enumerate(shuffles.T):
        who = Groups("g", ("A", "B"), shuffled)
        for key, value in rating.unfairness(rated, who, 9).items():
            assert found[key].shuffled[row] == pytest.approx(value.value, abs=1e-12)
        assert ks.shuffled[row] == pytest.approx(rating.score_ks(rated.user, rated.predicted, who).value, abs=1e-12)


def test_noise_alone_is_told_from_bias() -> None:
    draw = np.random.default_rng(5)
    n, n_users = 6000, 200
    user = draw.integers(0, n_users, n).astype(np.int32)
    item = draw.integers(0, 40, n).astype(np.int32)
    codes = (np.arange(n_users) % 2).astype(np.int32)
    true = draw.integers(1, 6, n).astype(float)
    shuffles = np.stack([draw.permutation(codes) for _ in range(199)], axis=1)
    weights = draw.multinomial(n_users, np.full(n_users, 1 / n_users), size=200).T
    who = Groups("g", ("A", "B"), codes)
    fair = rating.Rated(user, item, true + draw.normal(0, 1, n), true)
    biased = rating.Rated(user, item, true + draw.normal(0, 1, n) + 0.5 * codes[user], true)
    equal = rating.unfairness(fair, who, 40, weights=weights, shuffles=shuffles)["value_unfairness"]
    unequal = rating.unfairness(biased, who, 40, weights=weights, shuffles=shuffles)["value_unfairness"]
    assert equal.value > 0.05  # noise alone
    assert equal.p_value > 0.05
    assert equal.ci[0] == 0
    assert unequal.p_value == pytest.approx(1 / 200)
    assert unequal.ci[0] > unequal.shuffled.mean()
    assert unequal.ci[0] < unequal.value < unequal.ci[1]
    signed = [rating.unfairness(r, who, 40, weights=weights)["nonparity_unfairness"] for r in (fair, biased)]
    assert signed[0].ci[0] < 0 < signed[0].ci[1]
    assert 0 < signed[1].ci[0] < 0.5 < signed[1].ci[1]
    scores = [rating.score_ks(r.user, r.predicted, who, weights=weights) for r in (fair, biased)]
    assert scores[0].ci[0] == 0
    assert scores[1].ci[0] > 0
    assert scores[1].ci[0] < scores[1].value < scores[1].ci[1]


def test_ks_ignores_order_and_missing_scores() -> None:
    user = np.array([0, 1, 0, 1, 1, 0], np.int32)
    score = np.array([1.0, 1.0, 2.0, 3.0, np.nan, np.nan])
    found = rating.score_ks(user, score, groups(0, 1))
    assert found.value == pytest.approx(0.5)  # after 2: A has all, B half
    assert found.shared == 2
    nothing = rating.score_ks(user, np.full(6, np.nan), groups(0, 1))
    assert np.isnan([nothing.value, *nothing.ci]).all()  # no end of an interval without its beginning
    assert np.isnan(found.ci).all()  # no replicates, no interval


def test_ks_with_more_scores_than_cells_stays_close() -> None:
    draw = np.random.default_rng(6)
    n = 3 * rating.KS_CELLS
    user = draw.integers(0, 100, n).astype(np.int32)
    codes = (np.arange(100) % 2).astype(np.int32)
    score = draw.normal(size=n) + 0.3 * codes[user]
    score[: n // 4] = 0.0  # one large tie
    found = rating.score_ks(user, score, Groups("g", ("A", "B"), codes), weights=np.ones((100, 2)))
    assert found.replicates[0] == pytest.approx(found.value, abs=1 / rating.KS_CELLS)
