"""Groups' values from sums over people, with intervals that hold for few people, rare hits and skewed values.

A mean's error is that of the sum of n draws. Where hits are rare, replicates of a group show no spread at all, and a
normal interval leaves out what the next hit would do. So the values of a group's people are replaced by two points with
the same mean, variance and third moment: with m the mean, v the variance and b the third central moment over v,

    the points lie s = sqrt(b² + 4 v) apart, and the upper one has the part π = (1 − b / s) / 2 of the people,

and the number of people on the upper point is binomial, whose exact interval is known (Clopper & Pearson 1934). Values
of 0 and 1 are two points, so for them this is that exact interval: 0 of 20 ends at 0.168. Values without skew give the
t interval nearly to the digit, and values that are mostly 0 give the skewed one that their few hits deserve. A group's
own v and b say little when it has few hits, or none of the large ones: JUMPS hits as they are among all groups are
mixed in. With S1, S2, S3 the sums of powers of all groups' values, and a = S2 / S1, a group of such hits has

    v = m (a − m)   and   b = a − 2 m + (S3 / S1 − a²) / (a − m);

that v only raises the group's own. Values of 0 and 1 have these anyway. Towards lower values no b above that of hits of
one size is believed, a − 2 m with the group's own a. Where m is not below a, everybody has a hit and hits differ in
size alone: v is not below min(1, m / a) times the sizes' variance S3 / S1 − a², or that of all people where it is less,
and b not below 0; JUMPS people with that v are mixed into every group. Values that may be negative have no sizes: JUMPS
people with the variance of all are mixed in.

Values on two points vary no farther than these, others do, which shows in groups of few people: as far as a group's v
is that of sizes, or of values without any, its ends are those of Student's t with n − 1 + JUMPS degrees of freedom. Of
2, 3, 5, 10 and 20 people beside 1,000 others, normal values are covered in 0.99, 0.98, 0.96, 0.95 and 0.95, uniform
ones in 0.92, 0.89, 0.91, 0.95 and 0.96 (as two points in 0.58, 0.71, 0.84, 0.91 and 0.94, and in 0.54, 0.71, 0.84, 0.93
and 0.96).

Rates over pairs (hits of all of a group's trials) have the linearised variance of a quotient, Σ (hits − r · trials)² /
(Σ trials)², and the b of rates whose hits come more often, not in other numbers a person. People whose trials are all
hits or none have v = r (1 − r); as far as v is less, trials are apart, and b is larger by r (1 − v / (r (1 − r))). One
person, or people of one rate, have no such variance: that of JUMPS people as they are among all groups is mixed in, of
hits the smaller part that their own rate is of the rate of all. Of 20 people with 10 trials at rates of 0.1, 0.4 and
0.9 the rate is covered in 0.956, 0.958 and 0.957 (0.957, 0.914 and 0.727 as if a person's trials were alike).

Where all people of all groups have one value, nothing tells how others would differ: they may have any value of the
range, and are as few as none of n stands for. An open end of the range counts as as far away as the other end.

The interval of a difference a − b runs from d − hypot(a − low a, high b − b) to d + hypot(high a − a, b − low b)
(Newcombe 1998; Zou & Donner 2008 for intervals of any kind), for groups of different people. Who is in both moves
both values, which is nothing in their difference, or twice as much: the two distances are √(the variance of a − b over
that of groups apart) times as long, as the replicates have it (`left_of`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, stdtrit

from fairdash.metrics.bootstrap import LEVEL, Z, room

Array = NDArray[np.float64]

JUMPS = 2  # hits as they are among all groups, mixed into the skew of each
ROUNDING = 1e-12  # parts of a sum of squares that are rounding alone


@dataclass(frozen=True)
class Rates:
    """Columns of sums whose quotients are the groups' values: one target, or one a category. squares: columns of sums
    of squared numerators, for means of per-user values. labels: the targets' names where there are several. log: the
    values are the quotients' logarithms, NaN for 0. hits: numerators are parts of their denominators. within: the range
    of the quotients (with their offset), infinite where it is open."""

    numerators: tuple[int, ...]
    denominators: tuple[int, ...]
    squares: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    offset: float = 0.0
    log: bool = False
    hits: bool = True
    within: tuple[float, float] = (0.0, 1.0)

    def of(self, sums: Array) -> Array:
        """Values [..., g, t] from sums [..., g, c]; NaN where the denominator is 0."""
        by_column = sums.T  # which is how they lie in memory where they are many
        denominator = by_column[self.denominators,].T
        with np.errstate(invalid="ignore", divide="ignore"):
            value: Array = by_column[self.numerators,].T / denominator + self.offset
            if self.log:
                value = np.where(value > 0, np.log(value), np.nan)
        return np.where(denominator > 0, value, np.nan)

    def residuals(self, total: Array, boot: Array) -> Array:
        """How far replicates [r, g, c] move the quotients of sums [g, c], to first order [r, g, t]: never undefined
        where the quotient is not, and with no skew of its own."""
        denominator = total[:, self.denominators]
        with np.errstate(invalid="ignore", divide="ignore"):
            moved = boot[..., self.numerators] - total[:, self.numerators] / denominator * boot[..., self.denominators]
            value: Array = moved / denominator
            if self.log:
                value = value / (total[:, self.numerators] / denominator)
        return value

    def alone(self) -> tuple[list[int], Rates]:
        """The columns that it uses, and the same rates over sums that hold these columns only."""
        columns = sorted({*self.numerators, *self.denominators, *self.squares})
        at = {column: i for i, column in enumerate(columns)}
        return columns, replace(
            self,
            numerators=tuple(at[c] for c in self.numerators),
            denominators=tuple(at[c] for c in self.denominators),
            squares=tuple(at[c] for c in self.squares),
        )


@dataclass(frozen=True, eq=False)
class Spread:
    """What the intervals of groups' values need, all [g, t], NaN where a value is: n people, the variance of one
    person's value, and b upwards and downwards, see the module. loose: the part of the variance that is not of two
    points. log: the values are logarithms, the rest is not."""

    value: Array
    n: Array
    variance: Array
    up: Array
    down: Array
    loose: Array | float = 0.0
    log: bool = False

    def ends(self, z: float = Z) -> tuple[Array, Array]:
        """Lower and upper ends [g, t] that miss with the probability of a normal value beyond z, each."""
        tail = float(ndtr(-z))
        plain = np.exp(self.value) if self.log else self.value
        low, high = plain + _distance(self, self.down, tail), plain + _distance(self, self.up, 1 - tail)
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.log(np.maximum(low, 0.0)), np.log(high)
        return low, high


def _distance(spread: Spread, b: Array, level: float) -> Array:
    """From the value to the end that the binomial number of people on the upper point gives."""
    size = np.sqrt(b**2 + 4 * spread.variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(size > 0, np.clip((1 - b / size) / 2, 0.0, 1.0), 0.0)
    y, n = spread.n * share, spread.n
    if level < 0.5:
        end = np.where(y > 0, betaincinv(np.where(y > 0, y, 1.0), n - y + 1, level), 0.0)
    else:
        end = np.where(y < n, betaincinv(y + 1, np.where(y < n, n - y, 1.0), level), 1.0)
    further = spread.loose * np.sqrt(spread.variance) * _further(n, max(level, 1 - level))
    distance: Array = size * (end - share) + (further if level > 0.5 else -further)
    return distance


def _further(n: Array, level: float) -> Array:
    """How much farther than that of two points Student's end is, of a mean of n people's values of variance 1 without
    skew."""
    people, place = np.unique(np.maximum(n, 1.0), return_inverse=True)
    two_points = 2 * betaincinv(people / 2 + 1, people / 2, level) - 1
    student = stdtrit(people - 1 + JUMPS, level) / np.sqrt(people)
    further: Array = np.maximum(student - two_points, 0.0)[place]
    return further.reshape(np.shape(n))


def spread(rates: Rates, total: Array, moments: Array, people: NDArray[np.int64]) -> Spread:
    """Of the groups' values: total: sums [g, c]; moments: sums of products of columns [g, c, c]; people: those with a
    value [g]."""
    value = rates.of(total)
    known = ~np.isnan(value)
    pooled = total.sum(axis=0), moments.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        if rates.squares:
            n = total[:, rates.denominators]
            variance, up, down, loose, whole = _of_means(rates, total, moments, *pooled)
        else:
            n = np.broadcast_to(people[:, None], value.shape).astype(np.float64)
            variance, up, down, loose, whole = _of_rates(rates, n, total, moments, *pooled)
    above, below = room(np.exp(value) if rates.log else value, *rates.within)
    # of one value at an end of the range there is no way but one
    up = np.where(whole > 0, up, np.where(above > 0, above, -below))
    down = np.where(whole > 0, down, np.where(below > 0, -below, above))
    nan = np.where(known, 0.0, np.nan)
    return Spread(value, np.where(known, n, 1.0), variance + nan, up + nan, down + nan, loose + nan, rates.log)


def _of_means(
    rates: Rates, total: Array, moments: Array, pooled: Array, pooled_moments: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Variance, b upwards and downwards, the part of the variance that is not of two points [g, t], and the variance of
    all people [1, t]."""
    n, first, second = total[:, rates.denominators], total[:, rates.numerators], total[:, rates.squares]
    mean, variance, third = _central(n, first, second, moments[:, rates.numerators, rates.squares])
    middle, whole, skew = _central(
        pooled[None, rates.denominators], pooled[None, rates.numerators], pooled[None, rates.squares],
        pooled_moments[None, rates.numerators, rates.squares],
    )  # fmt: skip
    jump = np.where(whole > 0, skew / whole, 0.0)
    own = np.where(variance > 0, third / variance, 0.0)
    # hits of all groups' sizes, in a group whose mean is this one's; values that may be negative have no sizes
    all_first, all_second = pooled[None, rates.numerators], pooled[None, rates.squares]
    size = np.where(all_first != 0, all_second / all_first, 1.0)
    uneven = pooled_moments[None, rates.numerators, rates.squares] / all_first - size**2
    sized = np.where(all_first != 0, uneven >= -ROUNDING * size**2, all_second == 0)
    uneven = np.where(uneven > ROUNDING * size**2, uneven, 0.0)
    floor = np.maximum(variance, mean * (size - mean))
    model = size - 2 * mean + np.where(floor > 0, uneven * mean / floor, 0.0)
    least = np.minimum(mean / size, 1.0) * np.minimum(uneven, whole)  # of hits alone, which differ in size
    few = np.maximum(floor, least)
    higher = np.where(floor < least, np.maximum(size - 2 * mean + uneven * mean / few, 0.0), model)
    of_sizes, floor = np.where(sized, least, whole), few
    model, higher = (np.where(sized, one, jump + 2 * middle - 2 * mean) for one in (model, higher))
    mixed = JUMPS * np.where(sized | (variance > 0), jump**2, whole)
    weight = np.where(mixed > 0, mixed / (n * variance + mixed), 0.0)
    up, down = ((1 - weight) * own + weight * one for one in (higher, model))
    raised = JUMPS / (n - 1 + JUMPS) * np.maximum(of_sizes - variance, 0.0)
    mixed = variance + np.maximum(np.where(sized, weight * (floor - variance), 0.0), raised)
    loose = np.where(sized, np.where(mixed > 0, np.minimum(of_sizes / mixed, 1.0), 0.0), 1.0)
    even = np.where(first != 0, second / first, 1.0) - 2 * mean
    even = np.where(variance > 0, np.maximum(even, 0.0), even)
    return mixed, up, np.minimum(down, even), loose, whole


def _central(n: Array, first: Array, second: Array, third: Array) -> tuple[Array, Array, Array]:
    """Mean, variance and third central moment of one person's value from sums of powers."""
    mean = first / n
    squares = second - first * mean
    flat = squares <= ROUNDING * second
    cubes = third - 3 * mean * second + 2 * first * mean**2
    return mean, np.where(flat, 0.0, squares) / n, np.where(flat, 0.0, cubes) / n


def _of_rates(
    rates: Rates, n: Array, total: Array, moments: Array, pooled: Array, pooled_moments: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """As `_of_means`, but the last: how far one person of all is off the rate of all, squared [1, t]."""
    hits, trials = rates.numerators, rates.denominators
    number, of = total[:, hits], total[:, trials]
    rate = number / of
    square, cross, weights = moments[:, hits, hits], moments[:, hits, trials], moments[:, trials, trials]
    residual = _residual(rate, square, cross, weights)
    all_rate = pooled[None, hits] / pooled[None, trials]
    everybody = pooled_moments[None]
    whole = _residual(
        all_rate, everybody[:, hits, hits], everybody[:, hits, trials], everybody[:, trials, trials]
    ) / n.sum(axis=0)
    floor = whole * np.where(all_rate > 0, np.minimum(rate / all_rate, 1.0), 1.0) if rates.hits else whole
    residual = residual + JUMPS / (n - 1 + JUMPS) * np.maximum(n * floor - residual, 0.0)
    variance = n * residual / of**2
    if not rates.hits:
        return variance, np.zeros_like(variance), np.zeros_like(variance), np.ones_like(variance), whole
    all_hits = pooled[None, hits]
    jump = np.where(all_hits > 0, pooled_moments[None, hits, hits] / all_hits, 1.0)
    lots = np.where(all_hits > 0, pooled_moments[None, hits, trials] / all_hits, 1.0)
    size = (square + JUMPS * jump**2) / (number + JUMPS * jump)
    trial = (cross + JUMPS * jump * lots) / (number + JUMPS * jump)
    b = n * (size / of + 2 * rate * (weights / of**2 - 2 * trial / of))
    two = rate * (1 - rate)  # the variance of people whose trials are all hits or none
    loose = np.where(two > 0, 1 - np.minimum(variance / two, 1.0), 0.0)
    b = b + loose * rate  # of trials apart the whole is (1 - 2 r) / their number
    return variance, b, b, loose, whole


def _residual(rate: Array, square: Array, cross: Array, weights: Array) -> Array:
    """Σ (hits − rate · trials)² from the sums of hits², hits · trials and trials²; 0 for rounding alone."""
    value = square - 2 * rate * cross + rate**2 * weights
    return np.where(value <= ROUNDING * square, 0.0, value)


def unit(rates: Rates, total: Array, people: NDArray[np.int64]) -> Array:
    """What one more hit would add to one person's value [g, t], in rates over pairs; 0 where none are counted."""
    if rates.squares or not rates.hits:
        return np.zeros((len(total), len(rates.numerators)))
    trials = total[:, rates.denominators]
    return np.where(trials > 0, people[:, None] / np.where(trials > 0, trials, 1.0), 0.0)


def of_replicates(value: Array, replicates: Array, n: Array, jump: Array) -> Spread:
    """Of values [...] that may move either way, from replicates [r, ...] under bootstrap weights: one person's value
    has n times their variance, and n times their third moment over it as b. jump: how far the value of one person moves
    in those whose value does: JUMPS of these, up and down, are mixed into the skew. Where few of many people move, the
    variance is known no better than from twice as many of them, plus JUMPS: Student's t of so many, not of n."""
    known = np.isfinite(replicates)
    count = np.maximum(known.sum(axis=0), 1)
    off = np.where(known, replicates, 0.0)
    off = np.where(known, off - off.sum(axis=0) / count, 0.0)
    second, third = (off**2).sum(axis=0) / count, (off**3).sum(axis=0) / count
    nan = np.where(np.isnan(value) | (known.sum(axis=0) < 2), np.nan, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(second > 0, n * third / second, 0.0)
        weight = np.where(jump > 0, JUMPS * jump**2 / (n**2 * second + JUMPS * jump**2), 0.0)
        movers = np.where(jump > 0, 2 * n**2 * second / jump**2 + JUMPS, np.inf)
    wider = stdtrit(np.minimum(movers, n - 1), (1 + LEVEL) / 2) / stdtrit(n - 1, (1 + LEVEL) / 2)
    plain = (1 - weight) * own
    return Spread(value, n, n * second * wider**2 + nan, plain + weight * jump, plain - weight * jump)


def difference(
    values: tuple[Array, Array], low: tuple[Array, Array], high: tuple[Array, Array], left: Array | float = 1.0
) -> tuple[Array, Array]:
    """Interval of first − second from the two values and the ends of their intervals. left: see `left_of`."""
    (a, b), (low_a, low_b), (high_a, high_b) = values, low, high
    root = np.sqrt(left)
    return a - b - root * np.hypot(a - low_a, high_b - b), a - b + root * np.hypot(high_a - a, b - low_b)


def left_of(moved: Array, shared: NDArray[np.int64] | None) -> Array | None:
    """What people in both of two groups leave of the variance of the difference of their values, against that of groups
    apart: [t, g, g], 1 where nobody is in both. From replicates [r, g, t], in which a person's weight counts in each
    group; shared: people in both [g, g], None where nobody is."""
    if shared is None:
        return None
    off = np.nan_to_num(moved - moved.mean(axis=0)) if len(moved) else np.zeros((1, *moved.shape[1:]))
    covariance = off.transpose(2, 1, 0) @ off.transpose(2, 0, 1)
    own = np.diagonal(covariance, axis1=1, axis2=2)
    apart = own[:, :, None] + own[:, None]
    counts = (shared > 0) & (apart > 0)
    return np.where(counts, np.maximum(apart - 2 * covariance, 0.0) / np.where(counts, apart, 1.0), 1.0)
