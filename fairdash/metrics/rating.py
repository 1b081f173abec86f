"""Fairness of predicted ratings, or of predicted probabilities, against true ones: Yao & Huang 2017, and the
Kolmogorov–Smirnov distance of predicted scores.

Yao and Huang, "Beyond Parity: Fairness Objectives for Collaborative Filtering", NeurIPS 2017. For an item j and a group
g let y be the mean predicted and r the mean true rating of j over those users of g who rated it, and e = y − r:

    value_unfairness            mean over j of | e(g, j) − e(h, j) |
    absolute_unfairness         mean over j of | |e(g, j)| − |e(h, j)| |
    underestimation_unfairness  mean over j of | max(0, −e(g, j)) − max(0, −e(h, j)) |
    overestimation_unfairness   mean over j of | max(0, e(g, j)) − max(0, e(h, j)) |
    nonparity_unfairness        | mean prediction of all pairs of g − mean prediction of all pairs of h |

All are ≥ 0 in units of the rating, lower is fairer. The first four run over items that both groups rated: an item seen
by one group only says nothing about a difference and is left out, not counted as 0. The last compares whole groups, as
in the paper, and needs no shared item. With more than two groups a metric is that of the pair of groups where it is
largest, and the pair is named. Nothing to compare gives NaN and a reason.

With few raters an item's mean is noisy, and the mean of absolute differences is above 0 even for groups that are
treated alike: `floor` is the mean under shuffled group labels, and `p_value` compares the two (`metrics.floor`).
Intervals are of what the difference would be without that noise, which is between value − floor and the value. Of the
first four: from the lower end of above_floor, 0 unless p < 0.05, to the upper end of replicates that were moved to have
the value as mean (resampling people adds their noise once more, so plain percentiles can lie wholly above the value).
Of nonparity_unfairness: percentiles of the signed difference of the named pair, the lower end above 0 if p < 0.05 and
not otherwise. Of score_ks, as all distances in `metrics.groups`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash.metrics import floor
from fairdash.metrics.bootstrap import Estimate, interval
from fairdash.metrics.groups import agreeing
from fairdash.schema import Codes, Groups

Array = NDArray[np.float64]

KEYS = (
    "value_unfairness",
    "absolute_unfairness",
    "underestimation_unfairness",
    "overestimation_unfairness",
    "nonparity_unfairness",
)
KS_CELLS = 4096  # resampled scores are cut into at most so many cells of equal mass: the error is below 1 / 4096
CHUNK_CELLS = 4_000_000  # float64 cells of one resampled block: 32 MB


@dataclass(frozen=True, eq=False)
class Rated:
    """Pairs with a prediction and a true value. user, item: codes [n]; predicted, true: float64 [n], same units."""

    user: Codes
    item: Codes
    predicted: Array
    true: Array

    def of(self, people: Codes, n_users: int) -> Rated:
        """The pairs of these of n_users people, whose codes are their places among them."""
        place = np.full(n_users, -1, dtype=np.int32)
        place[people] = np.arange(len(people), dtype=np.int32)
        kept = np.flatnonzero(place[self.user] >= 0)
        return Rated(place[self.user[kept]], self.item[kept], self.predicted[kept], self.true[kept])


def each_group(
    rated: Rated, groups: Groups, weights: NDArray[Any], people: NDArray[np.int64]
) -> tuple[Rated, Groups, NDArray[Any], Codes]:
    """What `unfairness` and `score_ks` take: a person of several groups stands there once for each of them, with the
    same pairs and weights. weights: [n_users, b]; people: whose groups each gets when shuffled [n_users, p]; returned
    are, in this order, pairs, groups, weights and shuffled codes."""
    slots = groups.slots()
    times = slots.shape[1]
    user = (rated.user[:, None] * times + np.arange(times)).ravel().astype(np.int32)
    item, predicted, true = (
        np.repeat(rated.item, times),
        np.repeat(rated.predicted, times),
        np.repeat(rated.true, times),
    )
    apart = Groups(groups.attribute, groups.names, slots.ravel())
    shuffles: Codes = slots[people].swapaxes(1, 2).reshape(len(apart.codes), -1)
    return Rated(user, item, predicted, true), apart, np.repeat(weights, times, axis=0), shuffles


@dataclass(frozen=True, eq=False)
class Disparity:
    """A metric over groups of users. value: of the pair of groups where it is largest; NaN with `reason`.

    pair: the two groups' names. shared: items that both of the pair rated (for nonparity and score_ks: pairs of the one
    that has fewer). ci: 95 % interval over users. replicates: the value, largest pair anew, under each bootstrap weight
    [b]. shuffled: under each shuffled labelling [p].
    """

    value: float
    pair: tuple[str, str] | None = None
    shared: int = 0
    ci: tuple[float, float] = (float("nan"), float("nan"))
    replicates: Array = field(default_factory=lambda: np.empty(0))
    shuffled: Array = field(default_factory=lambda: np.empty(0))
    reason: str = ""

    @property
    def p_value(self) -> float:
        """Share of shuffled labellings, the true one included, with a value at least as large."""
        known = self.shuffled[np.isfinite(self.shuffled)]
        if np.isnan(self.value) or not len(known):
            return float("nan")
        return float((1 + np.sum(known >= self.value - 1e-12)) / (1 + len(known)))

    def beside(self) -> dict[str, Any]:
        """What stands beside the value: floor, above_floor and its interval (`metrics.floor`), and shared."""
        return {"shared": self.shared, **floor.beside(self.value, self.shuffled, self.replicates, self.p_value)}


def unfairness(
    rated: Rated,
    groups: Groups,
    n_items: int,
    *,
    min_size: int = 0,
    weights: NDArray[Any] | None = None,
    shuffles: NDArray[Any] | None = None,
) -> dict[str, Disparity]:
    """The five metrics of Yao & Huang 2017 by key.

    groups: over users; `(unknown)` and groups with fewer than `min_size` people who have a pair are left out.
    weights: bootstrap weights [n_users, b] ≥ 0. shuffles: group codes [n_users, p] with labels shuffled over users.
    """
    n_users = len(groups.codes)
    shape = (n_users, n_items)
    # equal (user, item) pairs are summed: a pair that occurs twice counts twice, in all three alike
    parts = [
        sparse.csr_array((values, (rated.user, rated.item)), shape=shape)
        for values in (np.ones(len(rated.user)), rated.predicted.astype(np.float64), rated.true.astype(np.float64))
    ]
    table = sparse.hstack(parts, format="csr")  # [n_users, 3 n_items]: one product gives all sums
    kept = _kept(groups, rated.user, min_size)

    def statistic(sums: Sequence[Array]) -> Array:
        return np.stack([_five(sums[a], sums[b], n_items) for a, b in combinations(range(len(kept)), 2)])

    everyone = np.ones((n_users, 1))
    result = {}
    point = _over(table, kept, groups.codes, everyone, statistic)
    boot = _over(table, kept, groups.codes, weights, statistic)
    null = _shuffled(table, kept, shuffles, statistic)
    rates = [_counts(table, groups.codes == code, n_items) for code in kept]
    for row, key in enumerate(KEYS):
        whole = key == "nonparity_unfairness"

        def shared(a: int, b: int, whole: bool = whole) -> int:
            return int(min(rates[a].sum(), rates[b].sum()) if whole else np.sum((rates[a] > 0) & (rates[b] > 0)))

        reason = "no item was rated by users of two groups"
        found = _largest(groups, kept, point[:, row], boot[:, row], null[:, row], shared, reason)
        result[key] = replace(found, ci=agreeing(found.ci, found.value, found.p_value) if whole else _around(found))
    return result


def _around(found: Disparity) -> tuple[float, float]:
    """The interval of a mean of absolute differences: see the module."""
    known = found.replicates[np.isfinite(found.replicates)]
    if len(known) < 2:
        return float("nan"), float("nan")
    low, high = interval(known + (found.value - known.mean()), 0.0)
    beyond = floor.above(found.value, found.shuffled, found.replicates, found.p_value)
    return low if np.isnan(beyond.floor) else max(0.0, beyond.ci[0]), high


def score_ks(
    user: Codes,
    score: Array,
    groups: Groups,
    *,
    min_size: int = 0,
    weights: NDArray[Any] | None = None,
    shuffles: NDArray[Any] | None = None,
) -> Disparity:
    """Two-sample Kolmogorov–Smirnov distance between the scores of two groups: the largest difference of their
    cumulative shares, 0 (same distribution) … 1 (no overlap), of the pair of groups where it is largest.

    user: codes [n]; score: [n], a user may have many, NaN is left out. The value is exact; resampled values are exact
    up to KS_CELLS different scores, and within 1 / KS_CELLS beyond.
    """
    known = np.isfinite(score)
    user, score = user[known], score[known]
    _, cell = np.unique(score, return_inverse=True)
    n_users, kept = len(groups.codes), _kept(groups, user, min_size)

    def table(cell: NDArray[np.int64]) -> sparse.csr_array:
        width = int(cell.max()) + 1 if len(cell) else 1
        return sparse.csr_array((np.ones(len(user)), (user, cell)), shape=(n_users, width))

    def statistic(sums: Sequence[Array]) -> Array:
        shares = []
        for part in sums:
            steps = np.cumsum(part, axis=1)
            with np.errstate(invalid="ignore"):
                shares.append(steps / steps[:, -1:])
        pairs = combinations(range(len(kept)), 2)
        return np.stack([np.abs(shares[a] - shares[b]).max(axis=1) for a, b in pairs])[:, None]

    point = _over(table(cell), kept, groups.codes, np.ones((n_users, 1)), statistic)
    if len(cell) and cell.max() >= KS_CELLS:
        rank = np.empty(len(cell), dtype=np.int64)
        rank[np.argsort(cell, kind="stable")] = np.arange(len(cell))
        first = np.full(int(cell.max()) + 1, len(cell))
        np.minimum.at(first, cell, rank)  # equal scores stay in one cell
        cell = np.unique(first[cell] * KS_CELLS // len(cell), return_inverse=True)[1]
    coarse = table(cell)
    boot = _over(coarse, kept, groups.codes, weights, statistic)
    null = _shuffled(coarse, kept, shuffles, statistic)
    sizes = [int(np.sum(groups.codes[user] == code)) for code in kept]
    found = _largest(groups, kept, point[:, 0], boot[:, 0], null[:, 0], lambda a, b: min(sizes[a], sizes[b]), "")
    return replace(found, ci=Estimate(found.value, found.replicates, "distance", 0.0, 1.0).ci)


def _kept(groups: Groups, user: Codes, min_size: int) -> list[int]:
    """Codes of the groups of which at least max(1, min_size) people have a pair."""
    present = np.unique(user)
    sizes = np.bincount(groups.codes[present][groups.codes[present] >= 0], minlength=len(groups.names))
    return [code for code in range(len(groups.names)) if sizes[code] >= max(1, min_size)]


def _counts(table: sparse.csr_array, members: NDArray[np.bool_], n_items: int) -> Array:
    return np.asarray(table[:, :n_items][np.flatnonzero(members)].sum(axis=0), dtype=np.float64)


def _five(g: Array, h: Array, n_items: int) -> Array:
    """[5, b] from two groups' sums [b, 3 n_items]: pairs, predictions, true values by item. The last is signed."""
    n_g, y_g, r_g = (g[:, i * n_items : (i + 1) * n_items] for i in range(3))
    n_h, y_h, r_h = (h[:, i * n_items : (i + 1) * n_items] for i in range(3))
    both = (n_g > 0) & (n_h > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        e_g, e_h = (y_g - r_g) / n_g, (y_h - r_h) / n_h
        shared = both.sum(axis=1)

        def mean(difference: Array) -> Array:
            value: Array = np.where(both, np.abs(difference), 0.0).sum(axis=1) / shared
            return value

        parity = y_g.sum(axis=1) / n_g.sum(axis=1) - y_h.sum(axis=1) / n_h.sum(axis=1)
        return np.stack(
            [
                mean(e_g - e_h),
                mean(np.abs(e_g) - np.abs(e_h)),
                mean(np.maximum(0.0, -e_g) - np.maximum(0.0, -e_h)),
                mean(np.maximum(0.0, e_g) - np.maximum(0.0, e_h)),
                parity,
            ]
        )


Statistic = Callable[[Sequence[Array]], Array]  # sums of each group [b, width] → [pairs of groups, metrics, b]


def _over(
    table: sparse.csr_array, kept: Sequence[int], codes: Codes, weights: NDArray[Any] | None, statistic: Statistic
) -> Array:
    """The statistic under each column of weights: [pairs of groups, metrics, b]; empty with fewer than two groups."""
    if len(kept) < 2 or weights is None or not weights.shape[1]:
        return np.empty((0, len(KEYS), 0))
    members = [np.flatnonzero(codes == code) for code in kept]
    rows = [table[users].T.tocsr() for users in members]
    blocks = []
    for part in _blocks(weights, table.shape[1] * len(kept)):
        sums = [np.asarray((r @ part[u].astype(np.float64)).T) for r, u in zip(rows, members, strict=True)]
        blocks.append(statistic(sums))
    return np.concatenate(blocks, axis=2)


def _shuffled(
    table: sparse.csr_array, kept: Sequence[int], shuffles: NDArray[Any] | None, statistic: Statistic
) -> Array:
    """The statistic under each column of shuffled codes: [pairs of groups, metrics, p]."""
    if len(kept) < 2 or shuffles is None or not shuffles.shape[1]:
        return np.empty((0, len(KEYS), 0))
    turned = table.T.tocsr()
    blocks = []
    for part in _blocks(shuffles, table.shape[1] * len(kept)):
        sums = [np.asarray((turned @ (part == code).astype(np.float64)).T) for code in kept]
        blocks.append(statistic(sums))
    return np.concatenate(blocks, axis=2)


def _blocks(columns: NDArray[Any], width: int) -> Iterator[NDArray[Any]]:
    step = max(1, CHUNK_CELLS // max(1, width))
    for start in range(0, columns.shape[1], step):
        yield columns[:, start : start + step]


def _largest(
    groups: Groups,
    kept: Sequence[int],
    point: Array,
    boot: Array,
    null: Array,
    shared: Callable[[int, int], int],
    reason: str,
) -> Disparity:
    """point: [pairs, 1]; boot: [pairs, b]; null: [pairs, p]; signed or not. ci: of the signed value of the pair."""
    if len(kept) < 2:
        return Disparity(float("nan"), reason="fewer than two groups of sufficient size have predictions")
    size = np.abs(point[:, 0])
    if np.isnan(size).all():
        return Disparity(float("nan"), reason=reason)
    largest = int(np.nanargmax(size))
    a, b = list(combinations(range(len(kept)), 2))[largest]
    return Disparity(
        value=float(size[largest]),
        pair=(groups.names[kept[a]], groups.names[kept[b]]),
        shared=shared(a, b),
        ci=interval(boot[largest] * np.copysign(1.0, point[largest, 0])) if len(boot) else (float("nan"), float("nan")),
        replicates=_max(boot),
        shuffled=_max(null),
    )


def _max(values: Array) -> Array:
    """Largest size over pairs of groups, NaN where all are."""
    if not len(values):
        return np.empty(0)
    known: Array = np.where(np.isnan(values), -np.inf, np.abs(values)).max(axis=0)
    known[np.isinf(known)] = np.nan
    return known
