"""Can the attribute be read off what the recommender holds, or shows? `probe_auc`, 0.5 (nothing leaks) … 1 (all).

A logistic probe predicts the group from user vectors, or from the items of the recommendation list, and is judged on
people that it was not fitted on: 5-fold cross-fitting, stratified by group, folds by a hash of seed and user, never by
row order. Only pairs of people of one fold are compared, since scores of two fits are on two scales; the AUC is the
share of pairs (one of the group, one not) that the probe orders rightly, ties half. Several groups: one multinomial
fit, AUC of each group against the rest, and their plain mean (macro). The regularisation is chosen inside the fitting
folds alone. A value a little below 0.5 is chance too. A logistic probe finds what a linear classifier can find, no
more. The attack on representations as a measure of leakage: Elazar & Goldberg, EMNLP 2018; for recommenders: Li et
al., "Towards Personalized Fairness based on Causal Notion", SIGIR 2021.

The interval resamples the judged people with the fitted probes as they are. That leaves out what refitting would add,
so replicates are spread by sqrt(1 + FOLDS / (FOLDS − 1)) = 1.5 (Nadeau & Bengio 2003): in simulation 95 to 97 % of
intervals then hold the true value, where plain ones hold it 81 to 88 % of the time.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from fairdash.hashing import Hashes, mix
from fairdash.schema import Codes, Groups

Array = NDArray[np.float64]

FOLDS = 5
STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # of the probe's C (inverse regularisation)
MAX_PEOPLE = 20_000  # more are sampled by hash: the AUC's standard error is then below 0.01 anyway
SPREAD = (1 + FOLDS / (FOLDS - 1)) ** 0.5
BLOCK = 4_000_000  # cells of one block of resampled weights


@dataclass(frozen=True, eq=False)
class Probe:
    """value: (macro) AUC; NaN with a reason. by_group: AUC of each group against the rest. balance: each group's
    share of the n judged people, to be shown beside it. replicates: the value under each bootstrap weight [b], spread
    as said above."""

    value: float
    by_group: dict[str, float]
    balance: dict[str, float]
    n: int
    replicates: Array
    reason: str = ""


def list_features(items: Codes, n_items: int) -> sparse.csr_array:
    """Which item is in whose list: float64 [n, n_items] from item codes [n, k], -1 where a list is short."""
    row, column = np.nonzero(items >= 0)
    return sparse.csr_array((np.ones(len(row)), (row, items[row, column])), shape=(len(items), n_items))


def probe_auc(
    features: NDArray[Any] | sparse.csr_array,
    groups: Groups,
    user_hash: Hashes,
    *,
    seed: int = 0,
    min_size: int = 0,
    weights: NDArray[Any] | None = None,
) -> Probe:
    """features: [n, d], dense or sparse, a person a row in the order of `groups`; user_hash: [n] from ids.

    People of unknown group, and groups smaller than max(min_size, 2 × FOLDS), are left out. weights: bootstrap [n, b].
    """
    key = mix(seed, user_hash)
    people = np.flatnonzero(groups.codes >= 0)
    people = people[np.argsort(key[people], kind="stable")][:MAX_PEOPLE]
    sizes = np.bincount(groups.codes[people], minlength=len(groups.names))
    kept = np.flatnonzero(sizes >= max(min_size, 2 * FOLDS))
    people = people[np.isin(groups.codes[people], kept)]
    nan = float("nan")
    if len(kept) < 2:
        return Probe(nan, {}, {}, len(people), np.empty(0), f"fewer than two groups of {max(min_size, 2 * FOLDS)}")
    label = np.searchsorted(kept, groups.codes[people])
    fold = np.empty(len(people), dtype=np.int64)
    for code in range(len(kept)):
        members = np.flatnonzero(label == code)  # in the order of their hashes
        fold[members] = np.arange(len(members)) % FOLDS
    some = features[people]
    if not sparse.issparse(some):
        some = np.asarray(some, dtype=np.float64)
        if not np.isfinite(some).all():
            return Probe(nan, {}, {}, len(people), np.empty(0), "the vectors hold values that are not numbers")
    scores = _cross_fitted(some, label, fold, len(kept))
    judged = np.ones((len(people), 1))
    point = _aucs(scores, label, fold, judged)[:, 0]
    boot = np.empty(0)
    if weights is not None:
        step = max(1, BLOCK // len(people))
        blocks = (weights[people, start : start + step] for start in range(0, weights.shape[1], step))
        boot = np.concatenate([_aucs(scores, label, fold, block.astype(np.float64)).mean(axis=0) for block in blocks])
        boot = point.mean() + SPREAD * (boot - point.mean())
    return Probe(
        value=float(point.mean()),
        by_group={groups.names[code]: float(auc) for code, auc in zip(kept, point, strict=True)},
        balance={groups.names[code]: float(sizes[code] / len(people)) for code in kept},
        n=len(people),
        replicates=boot,
    )


def _cross_fitted(features: Any, label: NDArray[np.int64], fold: NDArray[np.int64], classes: int) -> Array:
    """Each person's score of belonging to each class [n, classes], by a probe fitted on the other folds."""
    scores = np.empty((len(label), classes))
    for held in range(FOLDS):
        rest = np.flatnonzero(fold != held)
        tuning = fold[rest] == (held + 1) % FOLDS
        ones = np.ones((int(tuning.sum()), 1))

        def quality(strength: float, fit: Any = rest[~tuning], check: Any = rest[tuning], ones: Array = ones) -> float:
            found = _fit(features[fit], label[fit], features[check], strength, classes)
            return float(_aucs(found, label[check], np.zeros(len(check), np.int64), ones).mean())

        best = max(STRENGTHS, key=quality)  # of equals the strongest regularisation
        judged = np.flatnonzero(fold == held)
        scores[judged] = _fit(features[rest], label[rest], features[judged], best, classes)
    return scores


def _fit(features: Any, label: NDArray[np.int64], judged: Any, strength: float, classes: int) -> Array:
    scale = StandardScaler(with_mean=not sparse.issparse(features)).fit(features)
    probe = LogisticRegression(C=strength, max_iter=1000)
    with warnings.catch_warnings():
        # a fit that stops early is a probe all the same: it is judged on other people
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(scale.transform(features), label)
    if classes > 2:
        return np.asarray(probe.predict_proba(scale.transform(judged)))
    margin = probe.decision_function(scale.transform(judged))
    return np.stack([-margin, margin], axis=1)


def _aucs(scores: Array, label: NDArray[np.int64], fold: NDArray[np.int64], weights: Array) -> Array:
    """Weighted AUC of each class against the rest within folds [classes, b]; scores [n, classes], weights [n, b]."""
    result = np.empty((scores.shape[1], weights.shape[1]))
    for code in range(scores.shape[1]):
        right, total = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
        for held in np.unique(fold):
            rows = np.flatnonzero(fold == held)
            rows = rows[np.argsort(scores[rows, code], kind="stable")]
            value, inside = scores[rows, code], label[rows] == code
            positive, negative = weights[rows] * inside[:, None], weights[rows] * ~inside[:, None]
            below = np.concatenate([np.zeros((1, weights.shape[1])), np.cumsum(negative, axis=0)])
            first, last = np.searchsorted(value, value, "left"), np.searchsorted(value, value, "right")
            right += np.sum(positive * (below[first] + below[last]) / 2, axis=0)
            total += positive.sum(axis=0) * negative.sum(axis=0)
        result[code] = np.divide(right, total, out=np.full(len(total), np.nan), where=total > 0)
    return result
