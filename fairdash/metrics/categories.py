"""What kinds of items people get: `category_share`, `category_divergence`, `miscalibration`.

category_share       share of a group's recommendation slots that go to a category; an item of c categories counts 1/c
                     to each. 0…1.
category_divergence  Jensen–Shannon distance (base 2) between two groups' shares: the square root of the divergence
                     (Endres & Schindelin 2003). 0 (same) … 1 (nothing in common), lower is fairer. Slots of items
                     without a category are left out.
miscalibration       KL(p ‖ 0.99 q + 0.01 p), natural logarithm, with p a user's category shares in the training items
                     and q in the list (Steck, "Calibrated Recommendations", RecSys 2018, α = 0.01). ≥ 0, lower is
                     fairer. Undefined for a user without a list or without training items that have a category.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from fairdash.item_classes import ItemClass
from fairdash.metrics.facts import Facts

Array = NDArray[np.float64]

ALPHA = 0.01


def miscalibration(facts: Facts, categories: ItemClass, slots: Array) -> Array:
    """Steck's KL divergence of each user [n], NaN where there is no profile or no list."""
    known = facts.known
    if known is None:
        return np.full(facts.n, np.nan)
    profile = facts.counts(known, categories.share)
    return kl(profile, slots)


def kl(profile: Array, slots: Array) -> Array:
    """KL(p ‖ (1 − α) q + α p) of rows of category masses [n, c], which are normalised first."""
    with np.errstate(invalid="ignore", divide="ignore"):
        p = profile / profile.sum(axis=1, keepdims=True)
        q = slots / slots.sum(axis=1, keepdims=True)
        value: Array = rel_entr(p, (1 - ALPHA) * q + ALPHA * p).sum(axis=1)
    return value


def largest_divergence(shares: Array) -> Array:
    """Largest Jensen–Shannon divergence (base 2, the distance's square) between two of the groups: [...] from
    [..., g, c]; rows are normalised. NaN where no two groups have any share."""
    with np.errstate(invalid="ignore", divide="ignore"):
        p = shares / shares.sum(axis=-1, keepdims=True)
    largest = np.full(p.shape[:-2], -np.inf)
    # JSD = H of the mean less the mean of H, so each group's entropy is needed once, not once a pair
    entropy = _entropy(p)
    for a, b in combinations(range(p.shape[-2]), 2):
        middle = _entropy((p[..., a, :] + p[..., b, :]) / 2)
        largest = np.fmax(largest, middle - (entropy[..., a] + entropy[..., b]) / 2)
    return np.where(np.isinf(largest), np.nan, np.maximum(largest, 0.0))


def divergence_pairs(shares: Array) -> Array:
    """Jensen–Shannon distance of every pair of groups that have any share [g, g], NaN elsewhere, from [g, c]."""
    n = len(shares)
    table = np.full((n, n), np.nan)
    for a, b in combinations(np.flatnonzero(shares.sum(axis=1) > 0), 2):
        table[a, b] = table[b, a] = np.sqrt(jensen_shannon(shares[a], shares[b]))
    return table


def jensen_shannon(a: Array, b: Array) -> float:
    """Jensen–Shannon divergence (base 2) of two mass vectors; exact also for nearly equal ones."""
    p, q = a / a.sum(), b / b.sum()
    middle = (p + q) / 2
    value = float((rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / 2 / np.log(2))
    return max(0.0, value)  # rounding can fall below 0


def _entropy(p: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log2(p), np.where(np.isnan(p), np.nan, 0.0))
    value: Array = -terms.sum(axis=-1)
    return value
