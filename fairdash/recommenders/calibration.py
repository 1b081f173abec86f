"""From logits to probabilities that mean what they say, and how well they do.

Platt 1999, "Probabilistic outputs for support vector machines", with his smoothed targets: P(like) =
σ(slope · logit + intercept), fitted on validation pairs that the model was not trained on. The curve and the error are
those of folds that a fold's own fit did not see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata

from fairdash.metrics.calibration import cells
from fairdash.schema import Codes, TrainingData

Array = NDArray[np.float64]

FOLDS = 5
MIN_CLASS = 20  # fewer pairs of a kind than this cannot hold two parameters and their check


@dataclass(frozen=True)
class Bin:
    """A point of the reliability curve. n: pairs; predicted: mean probability; observed: share that was liked."""

    n: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Calibration:
    """slope, intercept: of the logit. ece: expected calibration error, the mean |predicted − observed| over ten bins of
    equal size, 0…1, lower is better (NaN where it was not measured); ece_before: of the bare σ(logit). auc: P(a liked
    pair has a higher logit than another one), 0.5 is chance. n: pairs. note: why nothing was fitted, or ""."""

    slope: float = 1.0
    intercept: float = 0.0
    ece: float = float("nan")
    ece_before: float = float("nan")
    auc: float = float("nan")
    n: int = 0
    curve: tuple[Bin, ...] = ()
    note: str = ""

    def probability(self, logits: NDArray[Any]) -> NDArray[np.float32]:
        """P(like) of each logit [n]; the order of the logits is kept (slope is never negative)."""
        values: NDArray[np.float32] = expit(self.slope * logits.astype(np.float64) + self.intercept).astype(np.float32)
        return values

    def to_json(self) -> dict[str, Any]:
        """As plain values; NaN becomes None."""
        return {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in asdict(self).items()}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Calibration:
        """From `to_json`'s values."""
        known: dict[str, Any] = {k: float("nan") if v is None else v for k, v in value.items()}
        return Calibration(**known | {"curve": tuple(Bin(**point) for point in value["curve"])})


def on_validation(logits: Callable[[Codes, Codes], NDArray[Any]], data: TrainingData, seed: int = 0) -> Calibration:
    """Calibration of `logits` (of pairs of users and items, sorted by user) on validation: liked against disliked
    pairs; where people do not rate, held-out pairs against as many unseen items, drawn evenly."""
    users, items = data.valid.user, data.valid.item
    liked = np.ones(len(users), bool)
    if data.relevance_threshold is not None:
        liked = data.valid.rating >= data.relevance_threshold
    if liked.all():
        drawn = np.random.default_rng([seed, 11]).integers(0, data.n_items, len(users)).astype(np.int32)
        known = data.train.matrix(data.n_users, data.n_items) + data.valid.matrix(data.n_users, data.n_items)
        new = ~np.asarray(known[users, drawn]).ravel().astype(bool) if len(users) else liked
        users, items = np.concatenate([users, users[new]]), np.concatenate([items, drawn[new]])
        liked = np.arange(len(users)) < len(liked)
        order = np.argsort(users, kind="stable")
        users, items, liked = users[order], items[order], liked[order]
    return fit(logits(users, items) if len(users) else np.empty(0), liked, seed)


def fit(logits: NDArray[Any], liked: NDArray[Any], seed: int = 0) -> Calibration:
    """Platt's two parameters from validation pairs: logits [n], liked bool [n].

    With fewer than 20 pairs of either kind nothing is fitted, and the note says so; likewise where a higher logit goes
    with fewer likes: then the slope is 0, and every pair gets the mean.
    """
    z, y = np.asarray(logits, np.float64), np.asarray(liked, bool)
    few = min(int(y.sum()), int((~y).sum()))
    if few < MIN_CLASS:
        note = f"Not calibrated: validation has {int(y.sum())} liked and {int((~y).sum())} other pairs."
        return Calibration(n=len(z), auc=auc(z, y), note=note)
    fold = np.random.default_rng(seed).permutation(len(z)) % FOLDS
    held_out = np.empty(len(z))
    for i in range(FOLDS):
        slope, intercept = _platt(z[fold != i], y[fold != i])
        held_out[fold == i] = expit(slope * z[fold == i] + intercept)
    slope, intercept = _platt(z, y)
    return Calibration(
        slope=slope,
        intercept=intercept,
        ece=expected_error(reliability(held_out, y)),
        ece_before=expected_error(reliability(expit(z), y)),
        auc=auc(z, y),
        n=len(z),
        curve=reliability(held_out, y),
        note="" if slope > 0 else "The scores do not order the validation pairs: every pair gets the mean.",
    )


def reliability(predicted: Array, liked: NDArray[np.bool_], bins: int = 10) -> tuple[Bin, ...]:
    """Pairs in `bins` bins of equal size by predicted probability, lowest first; equal probabilities stay together."""
    number = cells(predicted, bins)
    return tuple(
        Bin(int(own.sum()), float(predicted[own].mean()), float(liked[own].mean()))
        for own in (number == i for i in range(bins))
        if own.any()
    )


def expected_error(curve: tuple[Bin, ...]) -> float:
    """The mean |predicted − observed| over the curve's pairs (Naeini et al. 2015, bins of equal size); NaN of none."""
    total = sum(point.n for point in curve)
    return sum(point.n * abs(point.predicted - point.observed) for point in curve) / total if total else float("nan")


def auc(scores: NDArray[Any], liked: NDArray[np.bool_]) -> float:
    """P(score of a liked pair > score of another one), equal scores half; NaN where one kind is missing."""
    positive, negative = int(liked.sum()), int((~liked).sum())
    if not positive or not negative:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[liked].sum() - positive * (positive + 1) / 2) / (positive * negative))


def logistic(
    features: Array, target: Array, *, weight: Array | None = None, l2: float = 1e-6, steps: int = 50
) -> tuple[Array, float]:
    """Coefficients [f] and intercept of a logistic regression by Newton's method; target: 0…1 [n]; l2: ridge on the
    coefficients, as a share of the mean loss."""
    x = np.column_stack([features, np.ones(len(features))])
    share = np.full(len(x), 1 / len(x)) if weight is None else weight / weight.sum()
    ridge = np.full(x.shape[1], l2)
    ridge[-1] = 0.0
    beta = np.zeros(x.shape[1])

    def loss(b: Array) -> float:
        z = x @ b
        return float(share @ (np.logaddexp(0.0, z) - target * z) + 0.5 * ridge @ b**2)

    for _ in range(steps):
        p = expit(x @ beta)
        gradient = x.T @ (share * (p - target)) + ridge * beta
        hessian = (x * (share * p * (1 - p))[:, None]).T @ x + np.diag(ridge + 1e-12)
        step = np.linalg.solve(hessian, gradient)
        length, before = 1.0, loss(beta)
        while loss(beta - length * step) > before and length > 1e-8:  # Newton's full step may overshoot
            length /= 2
        beta = beta - length * step
        if np.abs(length * step).max() < 1e-10:
            break
    return beta[:-1], float(beta[-1])


def _platt(z: Array, y: NDArray[np.bool_]) -> tuple[float, float]:
    positive, negative = int(y.sum()), int((~y).sum())
    target = np.where(y, (positive + 1) / (positive + 2), 1 / (negative + 2))
    scale = float(z.std()) or 1.0
    coefficients, intercept = logistic((z / scale)[:, None], target)
    slope = float(coefficients[0] / scale)
    if slope <= 0:
        mean = float(target.mean())
        return 0.0, float(np.log(mean / (1 - mean)))
    return slope, intercept
