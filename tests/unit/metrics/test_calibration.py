"""Calibration of predicted probabilities: worked by hand, its intervals, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from fairdash.metrics import bootstrap, calibration
from fairdash.metrics.rating import Rated
from fairdash.schema import Codes, Groups


def rated(user: list[int] | Codes, predicted: object, liked: object) -> Rated:
    users = np.asarray(user, np.int32)
    return Rated(users, users, np.asarray(predicted, np.float64), np.asarray(liked, np.float64))


def groups(*names: str, codes: list[int]) -> Groups:
    return Groups("g", names, np.array(codes, np.int32))


def test_by_hand() -> None:
    """Twenty people with a pair each. Given 0.2: 3 of 10 liked; given 0.8: 5 of 10. The first of each ten are women (4
    given 0.2, of whom 3 liked it; 2 given 0.8, of whom 2 did), then men; the last person is of unknown group."""
    predicted = [0.2] * 10 + [0.8] * 10
    liked = [1] * 3 + [0] * 7 + [1] * 5 + [0] * 5
    codes = [0] * 4 + [1] * 6 + [0] * 2 + [1] * 7 + [-1]
    everybody, by_group = calibration.calibration(
        rated(list(range(20)), predicted, liked), groups("F", "M", codes=codes), min_size=10
    )
    assert (everybody.n, everybody.people, everybody.small) == (20, 20, False)
    assert everybody.predicted == pytest.approx(0.5)
    assert everybody.observed == pytest.approx(0.4)
    assert everybody.error == pytest.approx((10 * 0.1 + 10 * 0.3) / 20)
    # |k − 10 p| of k likes is sqrt(2 / π · 10 · 0.16) on average in either cell
    assert everybody.chance == pytest.approx(2 * np.sqrt(2 / np.pi * 1.6) / 20)
    assert [(c.n, c.people, c.predicted, c.observed) for c in everybody.cells] == [
        (10, 10, pytest.approx(0.2), pytest.approx(0.3)),
        (10, 10, pytest.approx(0.8), pytest.approx(0.5)),
    ]
    assert everybody.cells[0].ci == pytest.approx((0.0667, 0.6525), abs=1e-4)  # Clopper and Pearson, 3 of 10
    women, men = by_group["F"], by_group["M"]
    assert women.error == pytest.approx((abs(3 - 0.8) + abs(2 - 1.6)) / 6)
    assert men.error == pytest.approx((abs(0 - 1.2) + abs(3 - 5.6)) / 13)
    assert (women.n, men.n) == (6, 13)  # the unknown one counts among everybody alone
    assert (women.small, men.small) == (True, False)


def test_nobody_likes_anything() -> None:
    everybody, _ = calibration.calibration(rated(list(range(20)), [0.3] * 20, [0] * 20), groups("a", codes=[0] * 20))
    assert everybody.error == pytest.approx(0.3)
    (cell,) = everybody.cells
    assert cell.observed == 0.0
    assert cell.ci == pytest.approx((0.0, 0.1684), abs=1e-4)  # of 20 people without a like


def test_a_cell_in_which_a_group_has_no_pair_is_left_out() -> None:
    predicted, codes = [0.1] * 10 + [0.5] * 10 + [0.9] * 10, [0] * 10 + [1] * 10 + [0] * 10
    _, by_group = calibration.calibration(
        rated(list(range(30)), predicted, [0, 1] * 15), groups("a", "b", "nobody", codes=codes)
    )
    assert [cell.predicted for cell in by_group["a"].cells] == pytest.approx([0.1, 0.9])
    assert [cell.predicted for cell in by_group["b"].cells] == pytest.approx([0.5])
    assert set(by_group) == {"a", "b"}


def test_no_pair_at_all() -> None:
    everybody, by_group = calibration.calibration(
        rated([], [], []), groups("a", codes=[0, 0]), weights=np.ones((2, 5), np.uint8)
    )
    assert everybody.n == 0
    assert np.isnan([everybody.error, *everybody.ci]).all()
    assert everybody.cells == ()
    assert by_group == {}


def test_one_person_has_no_interval() -> None:
    everybody, _ = calibration.calibration(rated([0] * 6, [0.5] * 6, [1, 0] * 3), groups("a", codes=[0]))
    (cell,) = everybody.cells
    assert (cell.n, cell.people) == (6, 1)
    assert np.isnan([*cell.ci, *everybody.ci]).all()


def test_cells_have_equal_sizes_and_equal_probabilities_stay_together() -> None:
    spread = calibration.cells(np.random.default_rng(0).permutation(100) / 100)
    assert np.bincount(spread).tolist() == [10] * 10
    assert len(set(calibration.cells(np.array([0.1] * 60 + [0.2] * 40)))) == 2
    assert calibration.cells(np.empty(0)).tolist() == []


@pytest.mark.parametrize(("off", "per"), [(0.0, 5), (0.1, 5)])
def test_intervals_hold_the_truth(off: float, per: int) -> None:
    """Predictions that are `off` too high everywhere; without an error the interval begins at 0, and the error is what
    chance makes of it."""
    rng, people, rounds = np.random.default_rng(4), 200, 60
    held, cells, error, chance = 0, [], [], []
    for i in range(rounds):
        user = np.repeat(np.arange(people, dtype=np.int32), per)
        predicted = rng.uniform(0.15, 0.85, len(user))
        liked = rng.random(len(user)) < predicted - off
        weights = bootstrap.weights(np.arange(people, dtype=np.uint64) + np.uint64(i << 20), 200)
        found, _ = calibration.calibration(
            rated(user, predicted, liked), groups("a", codes=[0] * people), weights=weights
        )
        held += found.ci[0] <= off <= found.ci[1]
        cells += [cell.ci[0] <= cell.predicted - off <= cell.ci[1] for cell in found.cells]
        error.append(found.error)
        chance.append(found.chance)
    assert held >= 0.87 * rounds
    assert np.mean(cells) >= 0.93
    if off == 0:
        assert np.mean(error) == pytest.approx(np.mean(chance), rel=0.1)
