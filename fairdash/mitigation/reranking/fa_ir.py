"""Enough items of the protected group at the head of every list, as a statistical test asks for it.

Zehlike et al. 2017, "FA*IR: A Fair Top-k Ranking Algorithm" (CIKM). A list is fairly represented when at each length
i ≤ k the number of protected items is not so small that a draw of i items, each protected with probability p, would
fall below it with probability α: at least m(i) = F⁻¹(α_c; i, p) of the binomial distribution. As k tests are made, α
is corrected to the α_c ≤ α at which a fair draw of k items fails any of them with a probability as close to α as the
steps of the binomial allow. Among the lists that pass, this one keeps the order of scores inside each group and puts
a protected item forward only where the table demands it, which is the paper's optimum of selection and ordering
utility.

Strength is p, the minimum share. α is 0.1. The protected group is the item group whose share of the unmitigated lists
is smallest against its share of the catalogue.

Needs item groups. Moves `exposure_ratio` and the group's share of exposure. Costs accuracy when the candidates hold
few good protected items; where they hold too few at all, a list takes those that there are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from fairdash.mitigation.base import Info, RerankInput
from fairdash.mitigation.reranking.method import Reranking, group_of
from fairdash.schema import Codes, Groups

ALPHA = 0.1

INFO = Info(
    key="fa_ir",
    title="Fair share at every rank (FA*IR)",
    place="reranking",
    side="items",
    objective="The best-scored list that holds, at each length, at least the number of protected items that a fair "
    "draw with share p reaches with probability 1 − α (α = 0.1, corrected for k tests); strength is p.",
    paper="Zehlike et al. 2017, FA*IR: A Fair Top-k Ranking Algorithm",
    needs=("item_groups",),
    target="exposure_ratio",
    cost="Accuracy where good items of the protected group are few; one group is protected, the others are one.",
    answers={
        "items.exposure_ratio": "guards the worst-off group at every rank of every list",
    },
    order=200,
)


def m_table(k: int, p: float, alpha: float) -> NDArray[np.int64]:
    """Protected items that a list needs at lengths 1…k, at significance `alpha` and without correction."""
    return np.asarray(np.maximum(binom.ppf(alpha, np.arange(1, k + 1), p), 0), dtype=np.int64)


def failure(table: NDArray[np.int64], p: float) -> float:
    """Probability that a fair draw (each item protected with probability p) falls below the table at any length."""
    alive = np.zeros(len(table) + 1)  # alive[j]: j protected so far and no test failed
    alive[0] = 1.0
    for need in table:
        alive[1:] = alive[1:] * (1 - p) + alive[:-1] * p
        alive[0] *= 1 - p
        alive[:need] = 0.0
    return float(1.0 - alive.sum())


def corrected_table(k: int, p: float, alpha: float = ALPHA) -> NDArray[np.int64]:
    """The table at the α_c ≤ alpha whose failure probability is closest to alpha."""
    if p <= 0.0:
        return np.zeros(k, dtype=np.int64)
    # the table changes only where α meets a value of a binomial distribution function
    length = np.arange(1, k + 1)[:, None]
    steps = binom.cdf(np.arange(k)[None, :], length, p)[np.arange(k)[None, :] < length]
    levels = np.append(np.unique(steps[steps < alpha]), alpha)
    low, high = 0, len(levels) - 1
    while low < high:  # the first level whose failure probability reaches alpha
        middle = (low + high) // 2
        if failure(m_table(k, p, float(levels[middle])), p) < alpha:
            low = middle + 1
        else:
            high = middle
    near = [m_table(k, p, float(levels[i])) for i in (low, max(low - 1, 0))]
    return min(near, key=lambda table: abs(failure(table, p) - alpha))


def protected_group(groups: Groups, items: Codes, k: int) -> int:
    """Code of the item group whose share of the first k places is smallest against its share of the catalogue."""
    top = group_of(groups, items[:, :k])
    slots, sizes = np.bincount(top[top >= 0], minlength=len(groups.names)), groups.sizes
    ratio = np.divide(slots, sizes, out=np.full(len(sizes), np.inf), where=sizes > 0)
    return int(ratio.argmin())


def _build(data: RerankInput) -> Callable[[float], NDArray[np.intp]]:
    assert data.item_groups is not None
    items = data.candidates.items
    n_users, n_candidates = items.shape
    length = min(data.k, n_candidates)
    protected = group_of(data.item_groups, items) == protected_group(data.item_groups, items, data.k)
    # candidate positions of both queues, each in the order of scores; n_candidates marks a queue's end
    place = np.arange(n_candidates)
    queues = [
        np.sort(np.where(mask & (items >= 0), place, n_candidates), axis=1)[:, :length]
        for mask in (protected, ~protected)
    ]
    first, second = (np.hstack([queue, np.full((n_users, 1), n_candidates)]) for queue in queues)
    rows = np.arange(n_users)

    def positions(strength: float) -> NDArray[np.intp]:
        chosen = np.full((n_users, length), -1, dtype=np.intp)
        taken, others = np.zeros(n_users, dtype=np.intp), np.zeros(n_users, dtype=np.intp)
        for i, need in enumerate(corrected_table(length, strength)):
            mine, theirs = first[rows, taken], second[rows, others]
            forward = (mine < n_candidates) & ((taken < need) | (mine < theirs))
            best = np.where(forward, mine, theirs)
            chosen[:, i] = np.where(best < n_candidates, best, -1)
            taken += forward
            others += ~forward & (theirs < n_candidates)
        return chosen

    return positions


METHOD = Reranking(INFO, _build)
