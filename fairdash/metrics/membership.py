"""Does a model give away what it was trained on? The attack that is tried: whoever has its scores guesses that a person
had an item in training where it scores that item higher for that person than for others (Shokri et al. 2017, Membership
Inference Attacks Against Machine Learning Models, S&P; scores against those of others: Watson et al. 2022, On the
Importance of Difficulty Calibration, ICLR).

The AUC is the chance that a trained pair looks more familiar than a held-out one of the same kind: 0.5 tells nothing. A
recommender that is right about people scores held-out items high as well, so that the AUC is no measure of accuracy.
The rate of trained pairs that are found while one in a hundred held-out ones is taken for trained says more of the few
who are found for certain (Carlini et al. 2022, Membership Inference Attacks From First Principles, S&P).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FALSE_ALARMS = 0.01
DRAWS = 200  # bootstrap samples of people
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Membership:
    """auc: 0 … 1, 0.5 is chance, 1 gives all away; with its 95 % interval over people. found: part of the trained pairs
    that are found at FALSE_ALARMS. people, trained, held: how many of each were tried."""

    auc: float
    auc_ci: tuple[float, float]
    found: float
    people: int
    trained: int
    held: int


def familiar(scores: NDArray[np.floating]) -> Array:
    """How much higher a person's score of an item is than others' scores of it, as a part of these: [n_users, n_items]
    in 0 … 1 from scores of the same shape; equal scores count half."""
    order = np.sort(scores, axis=0)
    below = np.empty(scores.shape)
    for item in range(scores.shape[1]):
        column = order[:, item]
        left, right = (np.searchsorted(column, scores[:, item], side=side) for side in ("left", "right"))
        below[:, item] = (left + right - 1) / 2
    return below / max(1, len(scores) - 1)


def attack(familiar: Array, trained: NDArray[np.bool_], person: NDArray[np.integer], seed: int = 0) -> Membership:
    """The attack on pairs [n]: how familiar each looks, whether it was trained on, and whose it is. There is at least
    one of each kind."""
    people, whose = np.unique(person, return_inverse=True)
    order = np.argsort(familiar, kind="stable")
    cuts = np.flatnonzero(np.diff(familiar[order], append=np.inf))  # the last of equal ones
    rng = np.random.default_rng(seed)
    weights = np.vstack([np.ones(len(people)), rng.multinomial(len(people), [1 / len(people)] * len(people), DRAWS)])
    values = np.array([_at(trained[order], weight[whose[order]], cuts) for weight in weights])
    low, high = np.nanquantile(values[1:, 0], [0.025, 0.975])
    (auc, found), n = values[0], int(trained.sum())
    return Membership(float(auc), (float(low), float(high)), float(found), len(people), n, len(trained) - n)


def _at(trained: NDArray[np.bool_], weight: Array, cuts: NDArray[np.integer]) -> tuple[float, float]:
    """AUC, and the part found at FALSE_ALARMS, of weighted pairs from the least familiar on; NaN where a kind is
    missing. cuts: the last place of each run of equally familiar ones."""
    ours = np.concatenate([[0.0], np.cumsum(weight * trained)[cuts]])
    theirs = np.concatenate([[0.0], np.cumsum(weight * ~trained)[cuts]])
    if not ours[-1] or not theirs[-1]:
        return float("nan"), float("nan")
    area = float(np.sum(np.diff(ours) * (theirs[:-1] + theirs[1:]) / 2)) / (ours[-1] * theirs[-1])
    alarms, found = 1 - theirs[::-1] / theirs[-1], 1 - ours[::-1] / ours[-1]
    return area, float(found[alarms <= FALSE_ALARMS].max())
