"""What a candidate is expected to be worth to a user, on a scale that means the same for all users and groups.

Fairness between people needs utilities that compare across people. Scores do not: their scale differs by user. So
where validation likes are at hand, each group's scores are mapped to what they earned in validation; test labels are
never seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import isotonic_regression

from fairdash.metrics.accuracy import discounts, hits
from fairdash.mitigation.base import RerankInput
from fairdash.mitigation.reranking.method import unit_scores
from fairdash.schema import Codes, Floats

BINS = 64
PRIOR = 20.0  # candidates' worth of the whole population's curve that each group's bin is mixed with


def contains(matrix: sparse.csr_array, items: Codes) -> NDArray[np.bool_]:
    """Whether user u has items[u, j] in a bool csr [n_users, n_items]: bool, the shape of `items`; False at padding."""
    return hits(items, matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.shape[1])


def evidence(data: RerankInput) -> Floats:
    """P(like) where the recommender predicts it, else unit scores: float32 [n_users, c] in 0…1, 0 at padding."""
    if data.probability is None:
        return unit_scores(data.candidates)
    clean = np.clip(np.nan_to_num(data.probability, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    return np.where(data.candidates.items >= 0, clean, 0.0).astype(np.float32)


def expected_gain(data: RerankInput) -> Floats:
    """What each candidate is expected to add to the user's NDCG at rank 1: float32 [n_users, c], 0 at padding.

    Of validation users with likes, in each user group: mean of like / (ideal DCG of the user) as a non-decreasing
    function of `evidence` (isotonic regression over 64 quantile bins, shrunk towards all users' curve). Without
    validation likes among the candidates it is the evidence itself.
    """
    mine = evidence(data)
    fit = data.fitting or data
    if fit.valid is None:
        return mine
    like = contains(fit.valid, fit.candidates.items)
    if not like.any():
        return mine
    likes = np.diff(fit.valid.indptr)
    ideal = np.cumsum(discounts(fit.k))[np.clip(likes, 1, fit.k) - 1]
    cell = (fit.candidates.items >= 0) & (likes > 0)[:, None]
    theirs = evidence(fit)
    edges = np.unique(np.quantile(theirs[cell], np.linspace(0, 1, BINS + 1)[1:-1]))
    n_groups = 0 if data.user_groups is None else len(data.user_groups.names)
    group = np.full(len(mine), -1) if data.user_groups is None else data.user_groups.codes
    bins = np.searchsorted(edges, theirs, side="right")
    width = len(edges) + 1
    flat = (bins + (group[:, None] + 1) * width)[cell]
    weight = np.bincount(flat, minlength=(n_groups + 1) * width).reshape(-1, width).astype(np.float64)
    earned = np.bincount(flat, (like / ideal[:, None])[cell], minlength=(n_groups + 1) * width).reshape(-1, width)
    overall = isotonic_regression(earned.sum(0) / np.maximum(weight.sum(0), 1), weights=weight.sum(0) + 1e-9).x
    rate = (earned + PRIOR * overall) / (weight + PRIOR)
    curves = np.stack([isotonic_regression(row, weights=w + PRIOR).x for row, w in zip(rate, weight, strict=True)])
    value = curves[group[:, None] + 1, np.searchsorted(edges, mine, side="right")]
    return np.where(data.candidates.items >= 0, value, 0.0).astype(np.float32)
