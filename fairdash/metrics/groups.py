"""From sums over users to groups: rates, gaps with intervals and tests, and metrics of whole groups.

A group's value is Σ numerator / Σ denominator (+ a constant): a mean of per-user values, or a rate over pairs. Over the
groups: gap = max − min, ratio = min / max, mad = mean absolute pairwise difference, std (ddof 0).

Interval of a gap. Two groups: of the signed difference, first the group that is higher in the data (Newcombe's, from
the groups' own intervals: `metrics.rates`). It goes below 0 when the data do not tell the groups apart. Several groups,
or several categories: every pair's interval at the critical value below, so that all are covered at once; it runs from
the largest lower to the largest upper end, and covers the true max − min wherever the pairs are covered.

Test of a gap. Labels are shuffled over users; p = (1 + number of shufflings with a larger statistic, and half of those
with an equal one) / (1 + number): the mid-p value, since for hits of small groups ties are frequent and would make the
test reject a true null far too seldom (Lancaster 1961). Two groups: the statistic is the difference itself, in no
error's units: a shuffle's own error is next to nothing where its small group has no hits, and in its units any such
shuffle is extreme. For people with 0 or 1 all shufflings are enumerated (Fisher 1935). Several groups or categories,
of which three statistics ask, each for what the others hardly find: how far a group is from all people together, in
units of its size over all shufflings (one large group that differs); differences of pairs in such units (Tukey 1953 and
Kramer 1956, with one error for all: several large ones); and the largest difference as it is (a small one). Each is
divided by what SHARES of the shufflings stay below, and the largest counts. The critical value of one pair is what 95 %
of the shufflings' largest stay below in units of its size, at most Bonferroni's.
The null is that the groups are alike: groups of equal mean and unequal spread may be told apart too.

People in several groups count in each. Their memberships are shuffled whole, never enumerated, and the interval of a
difference takes in that they move both of its values (`rates.left_of`).

Interval and test agree: both ask for 0, the test more exactly. Where the lower end stands on the other side of 0 than
p < 0.05 says, it becomes that which the test implies: with z the normal value of p, the error without a difference is
gap / z (Miettinen 1976), and with one of δ its square is 1 + ρ δ times as large, where more hits of a small group vary
more. The end is the δ that lies 1.96 of its own errors below the gap.

Detectable gap: a true difference of this size would be found with probability 0.8 at this number of people. What it
must pass is of the shufflings of all people, the further hits among them; how it varies, of the smaller group of the
pair with as many more hits, beside every other group, of which one of many is likely to be far on the other side, and
beside all of them together. Where hits are few, a part of a larger one is added (`_with_larger`).

Metrics that are distances (category_divergence, score_ks, generalized_cross_entropy, group_entropy_index) are never
below 0 and biased upward; their interval is `bootstrap.distance_interval`.

group_entropy_index        generalised entropy with α = 2 of per-user NDCG b: Σ (b − μ)² / (2 n μ²) = between + within;
                           between replaces every value by its group's mean (Speicher et al. 2018). ≥ 0, lower is
                           fairer.
atkinson                   Atkinson's index with ε = ½ of per-user NDCG b, 1 − (mean of √b)² / mean of b: the part of
                           all NDCG that could be given up if everybody had the same and were as well off (Atkinson
                           1970). between: the same with each person's b replaced by (mean of √b)² of the own group;
                           (1 − whole) = (1 − between) (1 − within) (Blackorby, Donaldson & Auersperg 1981). With ε of 1
                           or more, one person without a hit would make it 1. 0…1, lower is fairer.
generalized_cross_entropy  (1 − Σ p_f² / p_m) / 2 with β = 2, p_m the groups' shares of mean NDCG and p_f the target,
                           equal shares unless others are chosen
                           (Deldjoo et al. 2021). ≤ 0; 0 is equal.
differential_fairness      largest |log ratio| of two groups' smoothed rates, (n₁ + ½) / (n + 1), of having an item in
                           the top K, or of not having it, over pairs of groups and items (Foulds et al. 2020,
                           concentration 1). ≥ 0, lower is fairer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import betainc, gammainc, gammaincc, gammaincinv, gammaln, ndtri

from fairdash import words
from fairdash.metrics.bootstrap import (
    ALPHA,
    LEVEL,
    POWER,
    TIE,
    Z,
    constant,
    detectable_distance,
    distance_interval,
    unseen,
)
from fairdash.metrics.rates import Rates, Spread, difference, left_of, spread, unit

Array = NDArray[np.float64]

EXACT_GROUP = 100_000  # the smaller of two groups, up to which all shufflings of hits are enumerated
# Percent of shuffles below the points that make the three statistics of several groups comparable. What one gains the
# others lose. Of five groups with MRR of hits at a rate of 0.3, the smallest is found with 2.5 standard errors less in
# 0.215 (by the last statistic alone 0.23, of which 0.9 times is asked), the largest with 3.5 less in 0.31 (0.11), the
# middle one with 3 more in 0.175 (0.07). At 99, 99.3 and 95.5: 0.20, 0.335 and 0.19; at 99.5, 99.7 and 95.2: 0.22, 0.28
# and 0.16; pairs and the last alone, at 98.5 and 95.7: 0.185, 0.31 and 0.22.
SHARES = (99.3, 99.5, 95.3)
FAIRNESS_CELLS = 1_000_000  # items × groups × draws for the floor of differential fairness: 0.4 s
TABLED = 255  # people with an item, up to whom their groups are drawn from a table
GUIDES = 64  # a power of two, so that parts are found to the bit
DRAWN_CELLS = 20_000  # items × draws at once: they stay in the cache
LARGER = (0.4, 3.0)  # a part of a hit, so many times as large as those that make up the variance: see `_with_larger`
FEW_HITS = 3.0  # at which half of that part counts
LITTLE_SKEW = 1e-3  # with less, a gamma variable is as good as normal
NOTHING = 1e-12  # distances that are rounding alone
STEPS = 32  # equally likely values of the group with more hits, over which the power is a mean
ALL_ALIKE = words.later("everybody has the same, so that nothing tells how far apart groups may be")


@dataclass(frozen=True, eq=False)
class Sides:
    """The groups between which a gap is, where it is largest: names, values [g], replicates [r, g], people with a value
    [g], and what one more hit would add to one person's value [g]; 0 where there are no hits to count. shared: people
    in both of two groups [g, g], None where nobody is."""

    names: tuple[str, ...]
    values: Array
    replicates: Array
    people: NDArray[np.int64]
    unit: Array
    shared: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Gap:
    """A metric over groups; numbers are NaN where undefined, with `reason`. pair: names of the higher and the lower
    group. of: the category where the gap is largest. detectable: smallest true gap found with probability 0.8. sides:
    the groups' values; oriented: of what is no gap of values, the replicates [r]; shuffled: gap under shuffled labels
    [p], of metrics that noise alone lifts above 0 (`metrics.floor`). draws: shufflings that p is made of, 0 where they
    were all enumerated. more: parts that only this metric has."""

    gap: float = math.nan
    ratio: float = math.nan
    mad: float = math.nan
    std: float = math.nan
    ci: tuple[float, float] = (math.nan, math.nan)
    p_value: float = math.nan
    worst_group: str | None = None
    pair: tuple[str, str] | None = None
    of: str | None = None
    detectable: float = math.nan
    sides: Sides | None = None
    oriented: Array = field(default_factory=lambda: np.empty(0))
    shuffled: Array = field(default_factory=lambda: np.empty(0))
    draws: int = 0
    reason: str = ""
    more: dict[str, float] = field(default_factory=dict)


def gap(
    rates: Rates,
    names: Sequence[str],
    people: NDArray[np.int64],
    total: Array,
    moments: Array,
    boot: Array,
    null: Array,
    *,
    least: int = 1,
    better: int = 0,
    shared: NDArray[np.int64] | None = None,
) -> Gap:
    """The gap over the groups `names`. total: sums [g, c]; moments: sums of products of columns [g, c, c]; boot:
    [r, g, c]; null: under shuffled labels [p, g, c]. people: those with a value [g]; groups with fewer than `least` of
    them are left out. better: 1 higher, -1 lower, 0 neither (then no group is the worst). shared: people in both of two
    groups [g, g], None where nobody is."""
    known = np.flatnonzero(~np.isnan(rates.of(total)).all(axis=1) & (people >= least))
    if len(known) < 2:
        return Gap(reason="fewer than two groups of sufficient size have a value")
    names, people = [names[int(g)] for g in known], people[known]
    shared = None if shared is None else shared[np.ix_(known, known)]
    columns, rates = rates.alone()
    moments = moments[known][:, columns][:, :, columns]
    # sums lie in memory by column, where they are many
    total, boot, null = (sums.T[columns][:, known].T for sums in (total, boot, null))
    values = rates.of(total)
    widest = np.fmax.reduce(values, axis=0) - np.fmin.reduce(values, axis=0)
    widest[(~np.isnan(values)).sum(axis=0) < 2] = np.nan
    if np.isnan(widest).all():
        return Gap(reason="fewer than two groups have a value for the same category")
    target = int(np.nanargmax(_rounded(widest)))
    column = values[:, target]
    order = [int(g) for g in np.argsort(_rounded(column), kind="stable") if not np.isnan(column[g])]
    low, high = order[0], order[-1]  # two groups also where all values are equal
    differences = [abs(a - b) for a, b in combinations(column[~np.isnan(column)], 2)]
    worst: int | None = low if better > 0 else high if better < 0 else None
    spreads = spread(rates, total, moments, people)
    tested = _test(rates, total, values, null, apart=shared is None)
    p, critical = tested.p_value, tested.critical
    one = values.shape == (2, 1)
    left = None if shared is None else left_of(rates.residuals(total, boot), shared)
    ends = _pair(spreads, high, low, left) if one else _simultaneous(spreads, critical, left)
    whole, everybody = (total.sum(axis=0), moments.sum(axis=0)), people.sum()[None]
    seen = spread(rates, whole[0][None], whole[1][None], everybody)
    together = spread(rates, *_with_larger(rates, *whole), everybody)
    top = float(column[high])
    return Gap(
        gap=float(widest[target]),
        ratio=float(column[low] / top) if column[low] >= 0 and top > 0 else math.nan,
        mad=float(np.mean(differences)),
        std=float(_size(column - _mean(column))),
        ci=agreeing(ends, float(widest[target]), p, _rise(seen, spreads, (high, low), target)),
        p_value=p,
        worst_group=None if worst is None else names[worst],
        pair=(names[high], names[low]),
        of=rates.labels[target] if rates.labels else None,
        detectable=_detectable(seen, together, spreads, (high, low), shared, target, tested),
        sides=Sides(
            tuple(names), column, rates.of(boot)[..., target], people, unit(rates, total, people)[:, target], shared
        ),
        draws=tested.draws,
    )


def _rounded(x: Array) -> Array:
    """To 11 digits of the largest, so that values which differ by rounding alone keep the order of the groups."""
    largest = float(np.fmax.reduce(np.abs(x), initial=0.0))
    return np.round(x / largest, 11) if largest > 0 else x


def _pair(spreads: Spread, high: int, low: int, left: Array | None) -> tuple[float, float]:
    """Interval of the difference of two groups in one target."""
    lower, upper = spreads.ends()
    values, low_ends, high_ends = ((part[high, 0], part[low, 0]) for part in (spreads.value, lower, upper))
    ends = difference(values, low_ends, high_ends, 1.0 if left is None else left[0, high, low])
    return float(ends[0]), float(ends[1])


def _simultaneous(spreads: Spread, critical: float, left: Array | None) -> tuple[float, float]:
    """Interval of max − min over pairs of groups and targets: from the largest lower to the largest upper end of all
    of them, each at the critical value."""
    first, second = np.triu_indices(len(spreads.value), 1)
    values, low_ends, high_ends = ((part[first], part[second]) for part in (spreads.value, *spreads.ends(critical)))
    below, above = difference(values, low_ends, high_ends, 1.0 if left is None else left[:, first, second].T)
    # the pair may be either way round: its lower end is that of the order seen, its upper end the farther one
    lower, upper = np.where(values[0] >= values[1], below, -above), np.maximum(above, -below)
    if np.isnan(lower).all():
        return math.nan, math.nan
    return float(np.nanmax(lower)), float(np.nanmax(upper))


def agreeing(ends: tuple[float, float], value: float, p: float, rise: float = 0.0) -> tuple[float, float]:
    """The interval of a value, its lower end on the side of 0 on which the test is: see the module. rise: by which part
    the variance is larger where the true value is larger by one."""
    low, high = ends
    if math.isnan(p) or math.isnan(low) or (low > 0) == (p < ALPHA):
        return ends
    distance = -float(ndtri(p / 2))
    error = Z * value / distance if distance > 0 else math.inf
    if p >= ALPHA:
        return max(min(value - error, 0.0), -abs(high)), high
    # (value − end)² = error² (1 + rise · end)
    middle = value + max(rise, 0.0) * error**2 / 2
    return (value - error) * (value + error) / (middle + math.sqrt(middle**2 - value**2 + error**2)), high


def _rise(seen: Spread, spreads: Spread, pair: tuple[int, int], target: int) -> float:
    """By which part the variance of a difference is larger where the true difference is larger by one, to first order:
    of groups with one mean v + b · more is one person's variance, and the smaller one moves the farther. seen: of all
    people. 0 for logarithms."""
    high, low = (float(spreads.n[g, target]) for g in pair)
    variance = float(seen.variance[0, target])
    if seen.log or not variance > 0:
        return 0.0
    return float(seen.up[0, target]) / variance * (low - high) / (low + high)


def _with_larger(rates: Rates, total: Array, moments: Array) -> tuple[Array, Array]:
    """Sums of all [1, c] and of their products [1, c, c], with a part of one more hit where hits are few and of several
    sizes: some are likely to be larger than those that came up, as the one first place of five hits is for MRR."""
    total, moments = total.copy(), moments.copy()
    for number, square in zip(rates.numerators, rates.squares, strict=False):
        first, second, third = total[number], total[square], moments[number, square]
        if not (first > 0 and second > 0 and third * first > second**2 * (1 + TIE)):
            continue
        hits = first**2 / second  # as many of one size would vary as much
        part, size = LARGER[0] * hits / (hits + FEW_HITS), min(1.0, LARGER[1] * third / second)
        size = max(size, third / second)  # values may go beyond 1
        total[[number, square]] += part * size, part * size**2
        more = part * size**3
        moments[number, square] += more
        moments[square, number] += more
    return total[None], moments[None]


def _detectable(
    seen: Spread,
    together: Spread,
    spreads: Spread,
    pair: tuple[int, int],
    shared: NDArray[np.int64] | None,
    target: int,
    tested: _Tested,
) -> float:
    """The gap that the test finds with probability 0.8 when the smaller group of the pair has more hits than all
    others; or fewer hits, where that leaves more room. Means are taken as gamma variables with their skew, but as the
    whole numbers that they are beside a line that shufflings of hits of one size make. seen: all people; together:
    with a part of a larger hit; spreads: of the groups. shared: people in two groups."""
    if together.log:
        return math.nan
    everybody, variance, b, skew = (
        float(part[0, target]) for part in (together.n, together.variance, together.down, together.up)
    )
    variance = max(variance, skew**2 / everybody)  # as if there were one hit at least
    if not variance > 0:
        return variance
    mean = float(together.value[0, target])
    one = skew + 2 * mean  # the size of hits, where they are of one size
    counted = not tested.one and shared is None and abs(mean * (one - mean) - variance) <= 1e-6 * variance
    if b < 0:
        b, skew, mean = -b, -skew, one - mean
    n = spreads.n[:, target]
    at = min(pair, key=lambda g: n[g])
    both = np.zeros(len(n)) if shared is None else np.minimum(shared[at], n[at])
    others = ~np.isnan(spreads.value[:, target]) & (np.arange(len(n)) != at)
    others &= 1 / n[at] + 1 / n > 2 * both / (n[at] * n) * (1 + TIE)  # the same people
    if not others.any():
        return math.nan  # all are one group
    few, many, both = float(n[at]), n[others], both[others]
    whole, largest, lines = float(many.sum()), int(np.argmax(many)), np.full(len(many), tested.line[1])
    inside, here = both / many, float(seen.variance[0, target])
    as_it_is = np.full(len(many), tested.line[2] / math.sqrt(here) if here > 0 else math.inf)
    if shared is None:  # they are held against all others together, too
        many, inside = np.append(many, whole), np.append(inside, 0.0)
        lines, as_it_is = np.append(lines, tested.line[0]), np.append(as_it_is, math.inf)
    each = 1 / few + 1 / many - 2 * inside / few
    lopsided = 1 / few**2 - 1 / many[0] ** 2 - 3 * float(inside[0]) / few * (1 / few - 1 / many[0])

    def missing(size: float) -> float:
        """How much the power falls short at this gap."""
        raised = size / (1 - inside[largest])  # the few, and with those in both a part of the others
        shift = raised * few / (few + whole)  # of the mean of all, whose spread is that of the shufflings
        pool = max(variance + b * shift - shift**2, variance / 4)
        error = np.sqrt(pool * each)
        if tested.one:  # the line of two groups is of shufflings that are as skewed as they are
            cut = error * _critical(float(max(skew - 2 * shift, -abs(skew)) * pool * lopsided / error[0] ** 3))
        else:
            cut = np.minimum(error * lines, as_it_is * math.sqrt(pool))
        moved = max(variance + b * raised - raised**2, variance / 4)
        own = math.sqrt(moved / few) * _likely(max(skew - 2 * raised, -abs(skew)) / math.sqrt(moved * few))[:, None]
        along = inside * math.sqrt(variance / moved)  # how far the others go with the few
        if counted:  # whole numbers of hits, which the line lies between
            mine = np.clip(np.round((mean + raised + own) * few / one), 0, few) * one / few
            theirs = np.clip(np.ceil((mine - cut) * many / one - TIE), 0, many)  # or more, and it is not found
            missed = np.where(theirs > 0, betainc(np.maximum(theirs, 1), many - theirs + 1, mean / one), 1.0)
        else:
            rest = np.sqrt(variance / many - along**2 * moved / few)
            room = (raised * (1 - inside) + (1 - along) * own - cut) / rest
            missed = _above(room, skew / np.sqrt(variance * many))
        if shared is None:  # all others together go with each of them, so that they find little that is not found
            by_all = np.minimum(missed[:, :-1].prod(axis=1), missed[:, -1])
        else:
            by_all = missed.prod(axis=1)
        return float(by_all.mean()) - (1 - POWER)

    return _root(missing, tested.critical * math.sqrt(variance * float(each[largest])))


def _above(x: Any, skew: Any) -> Any:
    """P(X > x) of standardised gamma variables X of these skews, all of one sign (Pearson's type III)."""
    size = np.maximum(np.abs(skew), LITTLE_SKEW)
    shape = 4 / size**2
    if np.min(skew) < 0:
        return gammainc(shape, np.maximum(shape - x * np.sqrt(shape), 0.0))
    return gammaincc(shape, np.maximum(shape + x * np.sqrt(shape), 0.0))


def _likely(skew: float) -> Array:
    """STEPS equally likely values of such a variable."""
    shape = 4 / max(abs(skew), LITTLE_SKEW) ** 2
    value: Array = (gammaincinv(shape, (np.arange(STEPS) + 0.5) / STEPS) - shape) / math.sqrt(shape)
    return value if skew > 0 else -value


def _critical(skew: float) -> float:
    """What |X| of such a variable passes with probability ALPHA."""
    shape = 4 / max(abs(skew), LITTLE_SKEW) ** 2
    root = math.sqrt(shape)

    def more(x: float) -> float:
        above, below = gammaincc(shape, shape + x * root), gammainc(shape, max(shape - x * root, 0.0))
        return float(above + below) - ALPHA

    return _root(more, 1.0)


def _root(function: Callable[[float], float], start: float) -> float:
    """Where a falling function is 0; NaN where it stays above."""
    low, high = 0.0, start
    while function(high) > 0 and high < 1e9 * start:
        low, high = high, 2 * high
    return float(brentq(function, low, high, xtol=1e-3 * high)) if high < 1e9 * start else math.nan


@dataclass(frozen=True)
class _Tested:
    """p_value: of the largest of the three statistics. draws: shufflings that it is made of, 0: all that there are.
    critical: value of one pair. line: what must be passed to be told from chance, by a group in units of its size, a
    pair in units of its size, or a pair as it is. one: whether there is one pair only."""

    p_value: float
    draws: int
    critical: float
    line: tuple[float, float, float]
    one: bool


def _test(rates: Rates, total: Array, values: Array, null: Array, *, apart: bool) -> _Tested:
    """See the module. apart: nobody is in two groups."""
    known = (~np.isnan(values)).sum(axis=0)
    pairs = int((known * (known - 1) // 2).sum())
    critical = -float(ndtri(ALPHA / 2 / pairs))
    if not len(null):
        return _Tested(math.nan, 0, critical, (critical, critical, math.inf), pairs == 1)
    if apart and values.shape == (2, 1) and rates.squares and (p := _exact(rates, total)) is not None:
        return _Tested(p, 0, critical, (critical, critical, math.inf), True)
    # the labels as they are count as one of the shufflings, so that no unit is made of the others alone
    shuffled = np.concatenate([values.T[..., None], rates.of(null).T], axis=-1)  # targets, groups, shufflings
    # of groups and of pairs in units of their size, and of pairs as they are
    largest = np.zeros((3, shuffled.shape[-1]))
    if pairs > 1:
        sums = np.concatenate([total.sum(axis=0)[None], null.sum(axis=1)])
        largest[0] = _largest(shuffled - rates.of(sums[:, None]).T)
    for g in range(len(values) - 1):
        np.maximum(largest[1], _largest(shuffled[:, g + 1 :] - shuffled[:, g, None]), out=largest[1])
    widest = np.fmax.reduce(shuffled, axis=1) - np.fmin.reduce(shuffled, axis=1)
    largest[2] = np.fmax.reduce(np.where(widest >= NOTHING, widest, 0.0), axis=0)
    if pairs > 1:
        critical = max(Z, min(critical, float(np.percentile(largest[1], 100 * LEVEL))))
    rare = np.array([np.percentile(part, share) for part, share in zip(largest, SHARES, strict=True)])
    rare[rare == 0] = 1.0
    statistics = (largest / rare[:, None]).max(axis=0)
    line = rare * _border(statistics[1:])
    line = np.where(line > 0, line, (critical, critical, math.inf))  # nobody differs
    p = p_value(float(statistics[0]), statistics[1:])
    return _Tested(p, len(null), critical, (float(line[0]), float(line[1]), float(line[2])), pairs == 1)


def _border(shuffled: Array) -> float:
    """Between the largest statistic that is not told from chance and the smallest that is: of hits in small groups
    these are far apart."""
    values, counts = np.unique(np.round(shuffled, 9), return_counts=True)
    p = (1 + len(shuffled) - np.cumsum(counts) + counts / 2) / (1 + len(shuffled))  # see `p_value`
    first = int(np.argmax(p < ALPHA)) if p[-1] < ALPHA else len(values)
    return float(values[max(first - 1, 0)] + values[min(first, len(values) - 1)]) / 2


def _exact(rates: Rates, total: Array) -> float | None:
    """The p value that all shufflings of two groups would give, where people have 0 or 1: hits of the first group are
    hypergeometric (Fisher 1935). None for other values, and for groups too large to be worth it."""
    n, hits = total[:, rates.denominators[0]], total[:, rates.numerators[0]]
    if (np.abs(total[:, rates.squares[0]] - hits) > TIE * n).any() or n.min() > EXACT_GROUP:
        return None
    (first, second), all_hits = (round(float(x)) for x in n), round(float(hits.sum()))
    seen = round(float(hits[0]))
    x = np.arange(max(0, all_hits - second), min(first, all_hits) + 1)
    logs = _choose(first, x) + _choose(second, all_hits - x)
    chance = np.exp(logs - logs.max())
    chance /= chance.sum()
    far = np.abs(x * (first + second) - all_hits * first)
    mine = abs(seen * (first + second) - all_hits * first)
    return float(min(1.0, chance[far > mine].sum() + chance[far == mine].sum() / 2)) if mine else 1.0


def _choose(n: int, k: NDArray[np.int64]) -> Array:
    value: Array = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return value


def _mean(x: Array) -> Array:
    """Mean over the first axis of what is known; NaN where nothing is."""
    known = ~np.isnan(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = np.where(known, x, 0.0).sum(axis=0) / known.sum(axis=0)
    return value


def _size(x: Array) -> Array:
    """Root mean square over the first axis, likewise."""
    return np.sqrt(_mean(x**2))


def _largest(moved: Array) -> Array:
    """[p] of differences [..., p] either way, in units of their size over all p; what is unknown, or rounding alone, is
    none. They are overwritten."""
    apart = np.abs(moved, out=moved).reshape(-1, moved.shape[-1])
    known = np.full(len(apart), apart.shape[1])
    if np.isnan(apart).any():
        known -= np.isnan(apart).sum(axis=1)
        apart[np.isnan(apart)] = 0.0
    size = np.sqrt(np.einsum("ip,ip->i", apart, apart) / np.maximum(known, 1))
    apart *= apart >= NOTHING
    apart /= np.where(size > 0, size, 1.0)[:, None]
    largest: Array = apart.max(axis=0, initial=0.0)
    return largest


def p_value(observed: float, shuffled: Array) -> float:
    """The mid-p value: (1 + shufflings with a larger statistic + half of those that are equal) / (1 + shufflings). NaN
    of no statistic."""
    if math.isnan(observed):
        return math.nan
    larger = np.count_nonzero(shuffled > observed * (1 + TIE))
    as_large = np.count_nonzero(shuffled >= observed * (1 - TIE))
    if as_large - larger == len(shuffled):
        return 1.0  # no shuffling tells anything apart
    return float((1 + larger + (as_large - larger) / 2) / (1 + len(shuffled)))


def distance(
    statistic: Callable[[Array], Array],
    total: Array,
    boot: Array,
    null: Array,
    *,
    root: bool = False,
    exact: float | None = None,
    people: NDArray[np.int64] | None = None,
    reason: str = "",
) -> Gap:
    """A distance over groups from a statistic [...] ≥ 0 of sums [..., g, c], quadratic near 0; root: the metric is its
    square root, and the last axis are all cells that somebody can have. exact: the value itself where it is known
    better than from sums. people: of each group [g]: where no replicate is another than the value, they say how much
    smaller or larger it may be, and nothing is called detectable."""
    if total.shape[-2] < 2:
        return Gap(reason="fewer than two groups have a value")
    square = float(statistic(total)) if exact is None else exact**2
    if math.isnan(square):
        return Gap(reason=reason)
    moved = statistic(boot)
    low, high = distance_interval(square, moved)
    shown = math.sqrt if root else float
    observed = float(statistic(total))
    shuffled = statistic(null)
    known = shuffled[~np.isnan(shuffled)]
    ends = (shown(low), shown(high)) if not math.isnan(high) else (math.nan, math.nan)
    found = shown(detectable_distance(square, moved))
    why, nothing = "", float(np.fmax.reduce(moved, initial=observed)) <= NOTHING
    if people is not None and len(moved) > 1 and (nothing or constant(moved)):
        found = math.nan  # no spread, or rounding alone, from which no end can be told
        if observed > NOTHING:
            most = shown(square)
            ends = max(0.0, most - _unseen(statistic, total, people, root)), most
        elif root:
            ends = 0.0, _unseen_apart(statistic, total, people)
        else:
            ends, why = (math.nan, math.nan), ALL_ALIKE
    return Gap(
        gap=shown(square),
        ci=ends,
        p_value=p_value(observed, known) if len(null) else math.nan,
        draws=len(known),
        detectable=found,
        oriented=np.sqrt(moved) if root else moved,
        shuffled=np.sqrt(shuffled) if root else shuffled,
        reason=why,
    )


def _unseen(statistic: Callable[[Array], Array], total: Array, people: NDArray[np.int64], root: bool) -> float:
    """How much smaller a distance may be whose replicates are all one, as those of groups without anything in common
    are: in each group as many people may be like the others as none of n stands for (Clopper & Pearson 1934), and the
    groups' parts are put together as for a difference of two (Zou & Donner 2008)."""
    part = unseen(people)
    others = (total.sum(axis=0) - total) / (people.sum() - people)[:, None]
    mixed = np.where(
        np.eye(len(total), dtype=bool)[:, :, None],
        total + (part * people)[:, None] * (others - total / people[:, None]),
        total,
    )
    least, most = statistic(mixed), statistic(total)
    drop = np.sqrt(most) - np.sqrt(least) if root else most - least
    return float(np.sqrt((np.nan_to_num(drop) ** 2).sum()))


def _unseen_apart(statistic: Callable[[Array], Array], total: Array, people: NDArray[np.int64]) -> float:
    """How large a distance may be of groups that are alike in all replicates: in each as many people may have something
    that nobody has, and the two smallest groups differ most."""
    part, groups = unseen(people), range(len(total))
    mixed = np.stack([np.where(np.arange(len(total))[:, None] == g, 1 - part[:, None], 1.0) * total for g in groups])
    other = np.stack([np.where(np.arange(len(total)) == g, part * total.sum(axis=1), 0.0) for g in groups])
    squares = np.sort(statistic(np.concatenate([mixed, other[..., None]], axis=-1)))
    return float(min(math.sqrt(squares[-2:].sum()), 1.0))


def cross_entropy(means: Array, target: Array | None = None) -> Array:
    """−generalized_cross_entropy ≥ 0 along the last axis of group means [..., g], against target shares [g], equal ones
    where there are none."""
    aim = np.full(means.shape[-1], 1 / means.shape[-1]) if target is None else target
    with np.errstate(invalid="ignore", divide="ignore"):
        share = means / means.sum(axis=-1, keepdims=True)
        value: Array = ((aim**2 / share).sum(axis=-1) - 1) / 2
    return np.where((means > 0).all(axis=-1), value, np.nan)


def entropy_index(n: Array, sums: Array, squares: Array) -> tuple[Array, Array]:
    """Generalised entropy (α = 2) of a per-user benefit from group sums [..., g]: whole, and part between groups."""
    people = n.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = (squares.sum(axis=-1) / people / (sums.sum(axis=-1) / people) ** 2 - 1) / 2
    return np.maximum(whole, 0.0), entropy_between(n, sums)


def entropy_between(n: Array, sums: Array) -> Array:
    """The part between groups of `entropy_index`."""
    people = n.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums.sum(axis=-1) / people
        own = np.where(n > 0, sums / n, 0.0)
        between = ((n * own**2).sum(axis=-1) / people / mean**2 - 1) / 2
    found: Array = np.maximum(between, 0.0)
    return found


def atkinson(n: Array, sums: Array, roots: Array) -> tuple[Array, Array]:
    """Atkinson's index (ε = ½) of a per-user benefit from group sums of it and of its square root [..., g]: whole, and
    part between groups."""
    people = n.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.where(n > 0, roots**2 / n, 0.0).sum(axis=-1) / people  # mean of the groups' (mean of √b)²
        equal = (roots.sum(axis=-1) / people) ** 2
        whole, between = 1 - equal / (sums.sum(axis=-1) / people), 1 - equal / alike
    return np.maximum(whole, 0.0), np.maximum(between, 0.0)


def differential_fairness(
    listed: NDArray[np.int64], people: NDArray[np.int64], ids: NDArray[np.object_]
) -> tuple[float, tuple[int, int], int]:
    """Smoothed ε of the pair of groups and the item where it is largest, of several the first by id. listed: people of
    each group who have the item in the top K [g, n_items]; people: [g]; ids: [n_items]."""
    rates = (listed + 0.5) / (people[:, None] + 1)
    having, lacking = _fairness_of_items(rates.max(axis=0), rates.min(axis=0))
    each = np.maximum(having, lacking)
    largest = np.flatnonzero(each >= each.max() * (1 - TIE))
    item = int(largest[np.argmin(ids[largest].astype(str))])
    pair = int(np.argmax(rates[:, item])), int(np.argmin(rates[:, item]))
    return float(each[item]), pair if having[item] >= lacking[item] else pair[::-1], item


def fairness_of_alike(
    listed: NDArray[np.int64], people: NDArray[np.int64], permutations: int, seed: int, cells: int = FAIRNESS_CELLS
) -> Array:
    """Smoothed ε [p] when who gets an item is spread over the groups by chance, each item alone (hypergeometric). Lists
    that go together make the largest of all items smaller than that, so that a test errs on the safe side. At
    most `permutations` draws, and so many cells of items, groups and draws."""
    everybody, size = listed.sum(axis=0), int(people.sum())
    some = np.sort(everybody[everybody > 0])  # in no order of items; those that nobody has are all one
    everybody = np.append(some, 0) if (everybody == 0).any() else some
    draws = min(permutations, max(100, cells // max(1, len(everybody) * len(people))))
    rng = np.random.default_rng([seed, size])
    urns = [_Urn(int(people[g:].sum()), int(own), int(everybody.max())) for g, own in enumerate(people[:-1])]
    found = np.empty(draws)
    step = max(1, DRAWN_CELLS // len(everybody))
    for first in range(0, draws, step):
        count = min(step, draws - first)
        left = np.tile(everybody, count)
        high, low = np.zeros(len(left)), np.ones(len(left))
        for own, urn in zip(people, [*urns, None], strict=True):
            drawn = left if urn is None else urn.draw(left, rng)
            rate = (drawn + 0.5) / (own + 1)
            np.maximum(high, rate, out=high)
            np.minimum(low, rate, out=low)
            left = left - drawn
        each = np.maximum(*_fairness_of_items(high, low))
        found[first : first + count] = each.reshape(count, -1).max(axis=1)
    return found


class _Urn:
    """How many of some marked ones among `size` are in a random part of `own` (hypergeometric). Numbers for up to
    TABLED marked ones are drawn from the distribution's inverse, which is made once: a fifth of the time."""

    def __init__(self, size: int, own: int, most: int) -> None:
        self._size, self._own, self._width = size, own, min(most, TABLED) + 1
        each = np.arange(self._width)
        factorial, without, inside, outside = (
            gammaln(np.maximum(n, 0) + 1.0) for n in (each, size - each, own - each, size - own - each)
        )
        marked, found = each[:, None], each
        other = marked - found
        possible = (other >= 0) & (found <= own) & (other <= size - own)
        other = np.maximum(other, 0)
        log = factorial[marked] - factorial[found] - factorial[other] + without[marked] - inside - outside[other]
        whole = gammaln(size + 1.0) - gammaln(own + 1.0) - gammaln(size - own + 1.0)
        below = np.cumsum(np.where(possible, np.exp(np.minimum(log - whole, 0.0)), 0.0), axis=1)
        below[found >= np.minimum(marked, own)] = 1.0  # to the bit
        self._below = below.ravel()
        # where to begin to look: how many values lie below the start of each of GUIDES parts of 0…1
        parts = np.arange(GUIDES) / GUIDES
        guide = np.stack([np.searchsorted(row, parts, side="right") for row in below])
        self._guide = (guide + each[:, None] * self._width).ravel()

    def draw(self, marked: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """One number for each [n]."""
        few = marked < self._width
        if few.all():
            return self._tabled(marked, rng)
        found, many = np.empty_like(marked), marked[~few]
        found[few] = self._tabled(marked[few], rng)
        found[~few] = rng.hypergeometric(many, self._size - many, self._own)
        return found

    def _tabled(self, marked: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        level = rng.random(len(marked))
        place = self._guide.take(marked * GUIDES + (level * GUIDES).astype(np.int64))
        low = np.flatnonzero(self._below.take(place) <= level)
        while len(low):
            place[low] += 1
            low = low[self._below.take(place[low]) <= level[low]]
        place -= marked * self._width
        return place


def _fairness_of_items(high: Array, low: Array) -> tuple[Array, Array]:
    """ε of having and of lacking each item [n], from the highest and the lowest of the groups' rates of having it."""
    return np.log(high / low), np.log((1 - low) / (1 - high))


BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of Silverman's, of which the one that predicts best is taken


def curve(
    x: Array, y: Array, weights: NDArray[np.uint8], points: int = 50, bandwidth: float | None = None
) -> tuple[Array, Array, Array, Array]:
    """A per-user value as a smooth function of a continuous attribute with a 95 % band: grid, mean, low, high [points].

    Local-linear regression with a normal kernel (Fan & Gijbels 1996). x, y: [n], pairs with a NaN are left out.
    weights: bootstrap weights [n, r]; the band is pointwise, the bandwidth is held fixed. bandwidth: in units of x;
    default: of BANDWIDTHS times 1.06 · min(std, IQR / 1.34) · n^(-1/5) the one whose curve without a person predicts
    that person best. The grid runs from the 1st to the 99th percentile of x.
    """
    known = ~(np.isnan(x) | np.isnan(y))
    x, y, weights = x[known], y[known], weights[known]
    if len(x) < 2 or np.ptp(x) == 0:
        empty = np.empty(0)
        return empty, empty, empty, empty
    # people of one age share a row: the sums need distinct values only
    distinct, place = np.unique(x, return_inverse=True)
    one_and_y = np.stack([np.ones(len(x)), y])
    sums = np.empty((2, len(distinct), 1 + weights.shape[1]))  # the data themselves come first
    for at, own in enumerate(np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])):
        sums[:, at, 0] = one_and_y[:, own].sum(axis=1)
        sums[:, at, 1:] = one_and_y[:, own] @ weights[own].astype(np.float64)
    count, value = sums[0].T, sums[1].T
    if bandwidth is None:
        spread = float(np.std(x))
        upper, lower = np.percentile(x, [75, 25])
        quarter = float(upper - lower) / 1.34
        silverman = 1.06 * (min(spread, quarter) if quarter > 0 else spread) * len(x) ** -0.2
        squares = np.bincount(place, weights=y**2).astype(np.float64)
        errors = [_left_out_error(distinct, count[0], value[0], squares, silverman * b) for b in BANDWIDTHS]
        bandwidth = silverman * BANDWIDTHS[int(np.argmin(errors))]
    first, last = np.percentile(x, [1, 99])
    grid = np.linspace(first, last, points)
    fitted, _ = _local_line(grid, distinct, count, value, bandwidth)
    low, high = np.percentile(fitted[1:], [2.5, 97.5], axis=0) if len(fitted) > 2 else np.full((2, points), np.nan)
    return grid, fitted[0], low, high


def _local_line(grid: Array, x: Array, count: Array, value: Array, bandwidth: float) -> tuple[Array, Array]:
    """Local lines at the grid [r, points] from counts and sums of y at x [r, m]; and the weight that one more person at
    each grid point would have in the value there [r, points]."""
    offset = x[None, :] - grid[:, None]
    kernel = np.exp(-0.5 * (offset / bandwidth) ** 2)
    s0, s1, s2 = (count @ (kernel * offset**power).T for power in range(3))
    t0, t1 = (value @ (kernel * offset**power).T for power in range(2))
    determinant = s2 * s0 - s1**2
    flat = np.abs(determinant) <= 1e-12 * s0**2 * bandwidth**2  # one value of x in reach: its mean
    with np.errstate(invalid="ignore", divide="ignore"):
        fitted = np.where(flat, t0 / s0, (s2 * t0 - s1 * t1) / determinant)
        own = np.where(flat, 1 / s0, s2 / determinant)
    return fitted, own


def _left_out_error(x: Array, count: Array, value: Array, squares: Array, bandwidth: float) -> float:
    """Σ (y − the curve without that person)² over all people, by the usual shortcut of linear smoothers."""
    fitted, own = (part[0] for part in _local_line(x, x, count[None], value[None], bandwidth))
    if (own > 1 - 1e-6).any():
        return math.inf  # a person alone cannot be predicted at this bandwidth
    return float(((squares - 2 * fitted * value + count * fitted**2) / (1 - own) ** 2).sum())
