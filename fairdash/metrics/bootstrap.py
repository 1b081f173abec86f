"""Intervals and tests over users.

Bootstrap: every user gets a Poisson(1) weight in every replicate, drawn from a hash of (seed, user id, replicate). So
the replicates are the same for every metric, for before and after, for any order of the rows, and for any way to cut
the users into pieces: weighted sums of pieces add up to the weighted sums of the whole (Hanley & MacGibbon 2006;
Chamandy et al. 2012, "Estimating uncertainty for massive data streams"). Many people share weights: see
`metrics.resampled`.

Values and gaps of groups have their intervals from sums over people (`metrics.rates`), and differences of before and
after from the replicates' variance and skew (`metrics.changes`); all else has 95 % percentile intervals of replicates.

Distances are never below 0 and biased upward, so percentiles of replicates would always leave 0 out. Their square
behaves as s · χ² with d degrees of freedom and a noncentrality λ, the true square being s · λ; s and d are those that
give the replicates' mean and variance, and the interval holds all λ for which the value lies within the central 95 %.
It begins at 0 unless the data say otherwise, and reaches at least to the value itself.

Where no replicate is another than the value, as where everybody has the same list, it is no certainty: as few people as
none of n stands for (Clopper & Pearson 1934) may have any value of the metric's range.

Metrics of the whole catalogue (coverage, gini) have no useful bootstrap: a resample reaches fewer items than the people
themselves. Their interval is the jackknife's over blocks of users left out (Quenouille 1956, Tukey 1958).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, chndtr, chndtrinc, ndtri, stdtrit

from fairdash.hashing import Hashes, mix

Array = NDArray[np.float64]

LEVEL = 0.95
ALPHA = 0.05  # of tests: 1 − LEVEL without the rounding
TIE = 1e-9  # statistics that differ by less, relatively, are one value: sums of pieces differ by rounding
TAILS = (100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2)
Z = float(ndtri((1 + LEVEL) / 2))
POWER = 0.8  # the detectable gap is the one found with this probability
MANY = 1e6  # people, from whom on t is as good as normal

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


def constant(replicates: Array) -> bool:
    """Whether all that are known are one number, but for rounding."""
    known = replicates[np.isfinite(replicates)]
    return len(known) > 1 and float(np.ptp(known)) <= TIE * float(np.abs(known).max())


def unseen(people: Any) -> Any:
    """Part of all that may differ from n people who are alike: none of n has an upper end there."""
    return 1 - ((1 - LEVEL) / 2) ** (1 / people)


def room(value: Any, low: float, high: float) -> tuple[Array, Array]:
    """From values up and down to the ends of their range; an open end counts as as far away as the other one."""
    above, below = high - value, value - low
    if math.isinf(high):
        above = np.abs(value) if math.isinf(low) else below
    if math.isinf(low):
        below = np.abs(value) if math.isinf(high) else above
    return np.maximum(above, 0.0), np.maximum(below, 0.0)


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value with what its interval is made of. replicates: the value under every bootstrap weight [r], or with each
    block of users left out [blocks] for kind "jackknife". low, high: the metric's range. ends: the interval, where sums
    over people give it (`metrics.rates`). people: with a value; unit: what one more hit would add to one person's."""

    value: float
    replicates: Array
    kind: Literal["percentile", "distance", "jackknife"] = "percentile"
    low: float = -math.inf
    high: float = math.inf
    ends: tuple[float, float] | None = None
    people: float = MANY
    unit: float = 0.0

    @property
    def ci(self) -> tuple[float, float]:
        """The 95 % interval; NaN where there is none."""
        if math.isnan(self.value):
            return math.nan, math.nan
        if self.ends is not None:
            return self.ends
        if self.kind != "jackknife" and self.people < MANY and constant(self.replicates):
            part, (above, below) = unseen(self.people), room(self.value, self.low, self.high)
            return self.value - part * float(below), self.value + part * float(above)
        if self.kind == "distance":
            low, high = distance_interval(self.value**2, self.replicates**2)
            ends = np.clip(np.sqrt([low, high]), self.low, self.high)
            return float(ends[0]), float(ends[1])
        if self.kind == "jackknife":
            return jackknife(self.value, self.replicates, self.low, self.high)
        return interval(self.replicates, self.low, self.high)


def jackknife(value: float, left_out: Array, low: float = -math.inf, high: float = math.inf) -> tuple[float, float]:
    """95 % interval of a value from the values with each of b blocks left out [b]: value ± t(b − 1) · se."""
    known = left_out[np.isfinite(left_out)]
    if len(known) < 2:
        return math.nan, math.nan
    b = len(known)
    error = math.sqrt((b - 1) / b * float(((known - known.mean()) ** 2).sum()))
    half = float(stdtrit(b - 1, (1 + LEVEL) / 2)) * error
    return max(low, value - half), min(high, value + half)


def distance_interval(square: float, replicates: Array) -> tuple[float, float]:
    """95 % interval of the square of a distance, from its value and replicates [r]: see the module."""
    scale, freedom = _chi_square(square, replicates)
    if math.isnan(scale):
        return math.nan, math.nan
    if scale == 0:
        return square, square
    ends = []
    for level in ((1 + LEVEL) / 2, (1 - LEVEL) / 2):
        central = chndtr(square / scale, freedom, 0.0) <= level
        ends.append(0.0 if central else scale * float(chndtrinc(square / scale, freedom, level)))
    return ends[0], max(ends[1], square)


def detectable_distance(square: float, replicates: Array) -> float:
    """Square of the true distance that a test at 5 % would find with probability 0.8 at this number of people."""
    scale, freedom = _chi_square(square, replicates)
    if math.isnan(scale) or scale == 0:
        return scale
    freedom = max(freedom, 1.0)  # a distance has one direction at least; replicates without upward bias show none
    return scale * float(chndtrinc(chdtri(freedom, 1 - LEVEL), freedom, 1 - POWER))


def _chi_square(square: float, replicates: Array) -> tuple[float, float]:
    """Scale s and degrees of freedom d, from replicates that have mean q + s d and variance 2 s² (d + 2 q / s) around
    the value q. Scale NaN: nothing to go by; 0: no spread."""
    known = replicates[np.isfinite(replicates)]
    if len(known) < 2 or math.isnan(square):
        return math.nan, math.nan
    bias = max(float(known.mean()) - square, 1e-12 * square)
    spread = float(known.var())
    if spread == 0 or bias + square == 0:
        return 0.0, 0.0
    scale = spread / (2 * bias + 4 * square)
    return scale, bias / scale


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values of one family; NaN stays NaN and does not count (Holm 1979)."""
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return [float(value) for value in adjusted]
