"""Values of many small groups, drawn towards their common mean as far as chance could have spread them.

Of sixty crossings of two attributes the highest and the lowest are mostly luck. The model says so: group g's value is
x_g ~ N(θ_g, e_g²) around its true one, and the true ones are θ_g ~ N(μ, τ²). A priori μ and τ ≥ 0 are uniform: τ is
not estimated but integrated over: with few groups much stays possible, and no interval collapses because a τ of 0
fits best (Rubin 1981, Estimation in Parallel Randomized Experiments; Gelman 2006, Prior distributions for variance
parameters in hierarchical models).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fairdash.metrics import results
from fairdash.metrics.bootstrap import LEVEL
from fairdash.metrics.catalogue import part
from fairdash.metrics.rates import spread
from fairdash.metrics.tally import GroupSums, Tally
from fairdash.schema import UNKNOWN

Array = NDArray[np.float64]

LEAST = 3  # groups; with fewer, a uniform prior of τ leaves no proper posterior
MANY = 5  # groups from which on an audit shows it: fewer are not "many", and the prior would say most
CELLS = 200  # of τ
FARTHEST = 20.0  # times the spread of the values that τ is followed to
LENT = 20  # people who lend their variance to every group: a group without hits is not certain to have none
HALVINGS = 60
ROUNDING = 1e-14  # parts of the range of a quantile
NOTHING = 1e-18  # weights of cells of τ, of 1 in all, that no quantile feels


@dataclass(frozen=True, eq=False)
class Shrunk:
    """value, low, high: posterior mean and 95 % interval of each group [g], NaN where it has no value. mean: of all
    groups; spread: posterior median of τ, in the metric's units; NaN where there are too few groups."""

    value: Array
    low: Array
    high: Array
    mean: float
    spread: float


def by_group(total: Tally, group: GroupSums) -> dict[str, Any]:
    """{metric: {mean, spread, groups: {group: {value, ci}}}} for the metrics of one attribute, small groups too.

    Empty where fewer than MANY groups are known, and where people belong to several, whose values do not err
    independently. Values stay within the metric's range."""
    known = [g for g, name in enumerate(group.names) if name != UNKNOWN and group.people[g]]
    if len(known) < MANY or group.people.sum() > total.n:
        return {}
    found = {}
    for key, (rates, column) in results.group_metrics(total).items():
        columns, alone = rates.alone()
        people = group.people if not column else results.people_with(total, group.total, column)
        own = spread(
            alone, group.total[known][:, columns], group.moments[known][:, columns][:, :, columns], people[known]
        )
        value, n, variance = (part[:, 0] for part in (own.value, own.n, own.variance))
        made = shrunk(value, errors(variance, np.where(np.isnan(value), 0.0, n)))
        if math.isnan(made.mean):
            continue
        ends = part(key).low, part(key).high
        low, high, middle = (np.clip(part, *ends) for part in (made.low, made.high, made.value))
        found[key] = {
            "mean": made.mean,
            "spread": made.spread,
            "groups": {
                group.names[g]: {"value": float(middle[i]), "ci": (float(low[i]), float(high[i]))}
                for i, g in enumerate(known)
            },
        }
    return found


def errors(variance: Array, n: Array) -> Array:
    """Standard errors [g] of means of n people [g], whose values have these variances [g]; NaN where n is 0.

    LENT people of the pooled variance are added to each group's own: a handful of equal values has a variance of 0,
    which nobody believes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = np.nansum(variance * n) / n[~np.isnan(variance)].sum()
        error: Array = np.sqrt((n * variance + LENT * pooled) / (n + LENT) / n)
    return error


def shrunk(value: Array, error: Array) -> Shrunk:
    """Values [g] and their standard errors [g] → estimates that borrow from one another."""
    known = np.flatnonzero(~np.isnan(value) & ~np.isnan(error))
    nowhere = np.full(len(value), np.nan)
    found = Shrunk(nowhere, nowhere.copy(), nowhere.copy(), math.nan, math.nan)
    if len(known) < LEAST:
        return found
    x, variance = value[known], np.square(error[known])
    if not variance.any():  # everybody is alike in every group: nothing to draw towards anything
        for part in (found.value, found.low, found.high):
            part[known] = x
        return Shrunk(found.value, found.low, found.high, float(x.mean()), float(x.std()))
    scale = max(float(np.ptp(x)), float(np.sqrt(variance.max())))
    # cells are finest near 0, where the likelihood of τ mostly lies; each counts by its width
    edges = scale * FARTHEST * np.linspace(0.0, 1.0, CELLS + 1) ** 3
    tau, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    total = variance + np.square(tau)[:, None]  # [cells, g]
    precision = (1 / total).sum(axis=1)
    mu = (x / total).sum(axis=1) / precision
    fit = -0.5 * (np.log(total).sum(axis=1) + np.log(precision) + (np.square(x - mu[:, None]) / total).sum(axis=1))
    weight = np.exp(fit - fit.max()) * width
    weight /= weight.sum()
    own = np.square(tau)[:, None] / total  # how much of a group's own value is kept
    centre = own * x + (1 - own) * mu[:, None]
    error_of = np.sqrt(own * variance + np.square(1 - own) / precision[:, None])
    found.value[known] = weight @ centre
    tail = (1 - LEVEL) / 2
    found.low[known] = _quantile(weight, centre, error_of, tail)
    found.high[known] = _quantile(weight, centre, error_of, 1 - tail)
    spread = float(tau[np.searchsorted(np.cumsum(weight), 0.5)])
    return Shrunk(found.value, found.low, found.high, float(weight @ mu), spread)


def _quantile(weight: Array, centre: Array, error: Array, level: float) -> Array:
    """Of mixtures of normals: weight [m], centre and error [m, g] → [g]."""
    seen = weight > NOTHING
    weight, centre, error = weight[seen], centre[seen], error[seen]
    error = np.maximum(error, np.finfo(float).tiny)
    low, high = (centre - 10 * error).min(axis=0), (centre + 10 * error).max(axis=0)
    middle = weight @ centre
    spread = np.sqrt(np.maximum(weight @ (np.square(error) + np.square(centre)) - np.square(middle), 0.0))
    # begun where a normal one has it
    near, at = ROUNDING * (high - low), np.clip(middle + float(ndtri(level)) * spread, low, high)
    for _ in range(HALVINGS):  # Newton's steps, and the middle where they lead out of what is left
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            off = (at - centre) / error
            below, density = weight @ ndtr(off), weight @ (np.exp(-(off**2) / 2) / error) / math.sqrt(2 * math.pi)
            step = at + (level - below) / density
        low, high = np.where(below < level, at, low), np.where(below < level, high, at)
        step = np.where((step >= low) & (step <= high), step, (low + high) / 2)  # an end is one that was found
        if (np.abs(step - at) <= near).all():
            break
        at = step
    found: Array = step
    return found
