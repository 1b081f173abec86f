"""Intervals and tests over users.

Bootstrap: every user gets a Poisson(1) weight in every replicate, drawn from a hash of (seed, user id, replicate). So
the replicates are the same for every metric, for before and after, for any order of the rows, and for any way to cut
the users into pieces: weighted sums of pieces add up to the weighted sums of the whole (Hanley & MacGibbon 2006;
Chamandy et al. 2012, "Estimating uncertainty for massive data streams").

Intervals are 95 % percentile intervals. A group of n people has its replicates widened around the point value by
sqrt(n / (n − 1)) · t(0.975, n − 1) / z(0.975): the expanded percentile interval (Hesterberg 2015), without which 20
people are covered 92 % of the time instead of 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from fairdash.hashing import Hashes, mix

Array = NDArray[np.float64]

LEVEL = 0.95
TAILS = (100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2)
Z = float(ndtri((1 + LEVEL) / 2))
Z_POWER = float(ndtri(0.8))  # the detectable gap is the one found with probability 0.8

# Poisson(1) by inversion of a 16-bit uniform; the table's mean is exactly 1.
_CDF = np.cumsum([math.exp(-1) / math.factorial(j) for j in range(12)])
_POISSON = np.searchsorted(np.rint(_CDF * 65536), np.arange(65536), side="right").astype(np.uint8)


def weights(hashes: Hashes, replicates: int, seed: int = 0) -> NDArray[np.uint8]:
    """Poisson(1) weights [n, replicates] of the users with these id hashes (`hashing.id_hash`)."""
    words = -(-replicates // 4)  # one 64-bit word gives four 16-bit uniforms
    start = mix(seed, hashes)[:, None] + np.arange(words, dtype=np.uint64) * np.uint64(0xD1B54A32D192ED03)
    words_mixed = mix(seed, start.ravel()).reshape(start.shape).astype("<u8", copy=False)
    drawn: NDArray[np.uint8] = _POISSON[words_mixed.view("<u2")][:, :replicates]
    return drawn


def widening(n: NDArray[np.int64] | Array) -> Array:
    """Factor by which replicates of the mean of n people are spread around the point value; NaN below 2 people."""
    n = np.asarray(n, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 + LEVEL) / 2) / Z
    return np.where(n >= 2, factor, np.nan)


def interval(replicates: Array, low: float = -math.inf, high: float = math.inf) -> tuple[float, float]:
    """95 % percentile interval of replicates [r], clipped to the metric's range; NaN where there are none."""
    known = replicates[np.isfinite(replicates)]
    if len(known) < 2:
        return math.nan, math.nan
    lower, upper = np.percentile(known, TAILS)
    return float(np.clip(lower, low, high)), float(np.clip(upper, low, high))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values of one family; NaN stays NaN and does not count (Holm 1979)."""
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return [float(value) for value in adjusted]
