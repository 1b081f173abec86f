"""One bar for each group of people and category, so that groups clear it equally often.

Hardt, Price & Srebro 2016, "Equality of Opportunity in Supervised Learning" (NeurIPS), as fairlearn's
ThresholdOptimizer does it: among all rules "predict like where P(like) exceeds a threshold of the person's group", the
one of best balanced accuracy on validation likes under demographic parity. A sample is a (user, candidate) pair.

Lists are always full, and one threshold for all of a person's candidates would leave their order as it is. So the rule
is fitted for each category (or chosen item group) by itself, and a list ranks candidates by the margin

    P(like) − strength · Σ_c share_c · (t[g, c] − t[c]),

t[c] the threshold at which the rule's part of all pairs (user, unseen item of c) is cleared, and t[g, c] the one at
which the same part of the pairs of group g is; an item outside the candidates clears none. What a group has to clear a
higher bar for, at equal rates, moves down by the difference. P(like) is the recommender's where it predicts it, else
the per-user min–max score. Where no validation likes are at hand, "stood in the top k before" takes their place.

Needs user groups and at least two categories (or item groups). Moves `demographic_parity_difference` over pairs of a
category, and `category_divergence`. Costs accuracy where groups do differ in taste: equal rates are asked for all the
same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash.hashing import mix
from fairdash.item_classes import ItemClass
from fairdash.mitigation.base import Info, RerankInput
from fairdash.mitigation.reranking.method import Reranking, best_positions, several
from fairdash.mitigation.reranking.utility import contains, evidence

FIT_USERS = 500  # people of whom fairlearn finds the best rate; thresholds are then quantiles over everybody
MIN_PAIRS = 50  # pairs that a group needs in a category before its threshold is set apart

INFO = Info(
    key="threshold",
    title="Equal bars for groups of people",
    place="reranking",
    side="users",
    objective="Rank by the margin over thresholds on P(like), one for each user group and category, fitted by "
    "fairlearn's ThresholdOptimizer for equal selection rates; strength scales the differences between thresholds.",
    paper="Hardt, Price & Srebro 2016, Equality of Opportunity in Supervised Learning",
    needs=("user_groups", "categories"),  # chosen item groups stand in for categories
    target="demographic_parity_difference",
    cost="Accuracy where the groups' tastes do differ, since equal rates are asked for all the same.",
    wants=("probabilities",),
    answers={
        "gaps.category_divergence": "equalises how often each category reaches the lists of the groups",
        "gaps.demographic_parity_difference": "is fitted for equal rates in each category",
    },
    order=190,
)


def selection_rate(score: NDArray[Any], like: NDArray[np.bool_], group: NDArray[np.intp]) -> float:
    """The common rate at which all groups clear their thresholds under fairlearn's best rule, 0…1."""
    # fairlearn and scikit-learn take half a second to import, which only this method should cost
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.base import BaseEstimator

    class Given(BaseEstimator):  # type: ignore[misc]  # untyped base class
        """An estimator whose predictions are the samples themselves."""

        def __init__(self) -> None:
            self.fitted_ = True  # what scikit-learn looks for

        def fit(self, x: Any, y: Any) -> Given:
            return self

        def predict(self, x: Any) -> NDArray[np.float64]:
            return np.asarray(x, dtype=np.float64).ravel()

    rule = ThresholdOptimizer(
        estimator=Given(),
        constraints="demographic_parity",
        objective="balanced_accuracy_score",
        prefit=True,
        predict_method="predict",
    )
    rule.fit(score.astype(np.float64)[:, None], like.astype(int), sensitive_features=group)
    of, best = next(iter(rule.interpolated_thresholder_.interpolation_dict.items()))
    own = score[group == of]
    return float(best.p0 * best.operation0(own).mean() + best.p1 * best.operation1(own).mean())


def threshold_differences(data: RerankInput, kinds: ItemClass) -> NDArray[np.float64]:
    """t[g, c] − t[c] of each user group and item class [groups + 1, classes]; the last row, for people of unknown
    group, is 0, as are groups with too few pairs."""
    assert data.user_groups is not None
    fit = data.fitting or data
    told = fit.valid is not None and bool(contains(fit.valid, fit.candidates.items).any())
    if not told:
        fit = data  # lists of another system have no candidates of validation time
    items, of_user = fit.candidates.items, data.user_groups.codes
    n_users, n_candidates = items.shape
    n_groups = len(data.user_groups.names)
    differences = np.zeros((n_groups + 1, len(kinds.names)))
    if told and fit.valid is not None:
        liked = contains(fit.valid, items)
    else:
        liked = np.broadcast_to(np.arange(n_candidates) < fit.k, items.shape)
    unseen = kinds.sizes - fit.history.astype(np.float64) @ kinds.member.toarray()
    member = of_user[None, :] == np.arange(n_groups)[:, None]
    everything = member.astype(np.float64) @ unseen  # [groups, classes] pairs (user, unseen item)
    row, column = np.nonzero((items >= 0) & (of_user >= 0)[:, None])
    score, like, group = evidence(fit)[row, column], liked[row, column], of_user[row].astype(np.intp)
    turn = np.argsort(np.argsort(mix(data.seed, np.arange(n_users, dtype=np.uint64)), kind="stable"))
    sampled = turn[row] < FIT_USERS
    pairs = kinds.member[items[row, column]].tocsc()
    for j in range(len(kinds.names)):
        inside = pairs.indices[pairs.indptr[j] : pairs.indptr[j + 1]]
        s, y, g, fitted = score[inside], like[inside], group[inside], sampled[inside]
        count = np.bincount(g, minlength=n_groups)
        drawn, positive = np.bincount(g[fitted], minlength=n_groups), np.bincount(g[fitted & y], minlength=n_groups)
        able = np.flatnonzero((drawn >= MIN_PAIRS) & (positive > 0) & (positive < drawn) & (everything[:, j] > 0))
        if len(able) < 2:
            continue
        known = np.isin(g, able)
        cleared = selection_rate(s[known & fitted], y[known & fitted], g[known & fitted])
        common = np.quantile(s[known], 1 - cleared)
        part = cleared * count[able].sum() / everything[able, j].sum()  # of all pairs
        for code in able:
            own = min(part * everything[code, j] / count[code], 1.0)  # the same part, of the group's candidates
            differences[code, j] = np.quantile(s[g == code], 1 - own) - common
    return differences


def _build(data: RerankInput) -> Callable[[float], NDArray[np.intp]]:
    assert data.user_groups is not None
    if data.item_groups is not None:
        kinds = ItemClass.of_groups(data.item_groups)
    else:
        kinds = ItemClass.of_categories(data.categories)
    several(INFO, kinds)
    items, score = data.candidates.items, evidence(data)
    bar = (kinds.share @ threshold_differences(data, kinds).T).T.astype(np.float32)  # [groups + 1, n_items]
    higher = bar[data.user_groups.codes[:, None], np.maximum(items, 0)]

    def positions(strength: float) -> NDArray[np.intp]:
        return best_positions(score - np.float32(strength) * higher, items >= 0, data.k)

    return positions


METHOD = Reranking(INFO, _build)
