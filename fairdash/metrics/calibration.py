"""Whether predicted probabilities mean what they say, for everybody and for each group of people.

Held-out pairs are sorted by their predicted P(like) and cut into ten cells of equal size, the same cells for all. In a
cell the mean prediction is held against the share of pairs that was liked. The calibration error is the mean distance
of the two over pairs, 0 … 1, lower is better (Naeini, Cooper & Hauskrecht 2015, "Obtaining well calibrated
probabilities using Bayesian binning", AAAI; cells of equal size after Nguyen & O'Connor 2015). Groups whose errors
differ are judged by different measures: the same 0.7 promises one of them less (Pleiss et al. 2017, "On fairness and
calibration", NeurIPS).

Few pairs lie off the diagonal by chance alone: `chance` is the error that exact probabilities would show, from the
normal approximation of each cell's number of likes with pairs as if independent, to be read beside the value.
Intervals are over people. Of shares they are those of `metrics.rates`. That of an error begins as all distances do
(`metrics.bootstrap`), at 0 unless the data say otherwise; it ends where resampled differences end that keep the side of
the diagonal on which they lie, or higher.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics import bootstrap, rates
from fairdash.metrics.rating import Rated
from fairdash.schema import Groups

Array = NDArray[np.float64]

CELLS = 10
CHUNK = 64  # replicates at a time


@dataclass(frozen=True)
class Cell:
    """Pairs of like probability. n: pairs, of so many people; predicted: their mean; observed: the share that was
    liked, with its 95 % interval (NaN for a single person's)."""

    n: int
    people: int
    predicted: float
    observed: float
    ci: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Of a set of people. n: pairs, of so many people; predicted, observed: means over pairs, so predicted − observed
    above 0 promises too much; error: see the module, with its interval and replicates [b]; cells: from the lowest
    probabilities up, those without a pair left out. small: too few people to be compared. Without pairs: NaN."""

    n: int
    people: int
    predicted: float = float("nan")
    observed: float = float("nan")
    error: float = float("nan")
    ci: tuple[float, float] = (float("nan"), float("nan"))
    chance: float = float("nan")
    cells: tuple[Cell, ...] = ()
    small: bool = False
    replicates: Array = field(default_factory=lambda: np.empty(0))


def calibration(
    rated: Rated, groups: Groups, *, min_size: int = 0, weights: NDArray[Any] | None = None
) -> tuple[Calibration, dict[str, Calibration]]:
    """Of everybody, those of unknown group included, and by name of each group that has a pair.

    rated: true is 1 for a liked pair, else 0. weights: bootstrap weights [n_users, b] ≥ 0.
    """
    people, row = np.unique(rated.user, return_inverse=True)
    table = np.zeros((len(people), 4, CELLS))  # pairs, predictions, likes, variance of the likes
    likes = rated.predicted * (1 - rated.predicted)
    parts = (np.ones(len(row)), rated.predicted, rated.true, likes)
    np.add.at(table, (row[:, None], np.arange(4), cells(rated.predicted)[:, None]), np.stack(parts, axis=1))
    boot = np.zeros((len(people), 0)) if weights is None else weights[people]
    members = groups.take(people).members
    by_group = {
        name: _of(table[own], boot[own], min_size)
        for name, own in zip(groups.names, members, strict=False)  # the unknown come last, without a name
        if len(own)
    }
    return _of(table, boot, 0), by_group


def cells(predicted: Array, count: int = CELLS) -> NDArray[np.int64]:
    """The cell 0 … count − 1 of each probability [n]: cells of equal size, equal probabilities stay together, so a
    cell may stay empty."""
    _, place, sizes = np.unique(predicted, return_inverse=True, return_counts=True)
    middle = (np.cumsum(sizes) - sizes / 2) / max(len(predicted), 1)  # of each distinct value, as a share of all
    return np.minimum((middle * count).astype(np.int64), count - 1)[place]


def _of(table: Array, weights: NDArray[Any], min_size: int) -> Calibration:
    """table: [people, 4, cells]; weights: [people, b]."""
    if not len(table):
        return Calibration(0, 0, small=True)
    n, predicted, liked, variance = table.sum(axis=0)
    sides = np.sign(predicted - liked)
    value = float(_errors(table.sum(axis=0)[None])[0])
    sums = np.concatenate([*_resampled(table, weights)])
    replicates = _errors(sums)
    return Calibration(
        n=int(n.sum()),
        people=len(table),
        predicted=float(predicted.sum() / n.sum()),
        observed=float(liked.sum() / n.sum()),
        error=value,
        ci=_ends(value, replicates, _errors(sums, sides)),
        chance=float(np.sqrt(variance * 2 / np.pi).sum() / n.sum()),
        cells=tuple(_cell(table[:, :, i]) for i in np.flatnonzero(n)),
        small=len(table) < min_size,
        replicates=replicates,
    )


def _errors(sums: Array, sides: Array | None = None) -> Array:
    """Mean distance over pairs [b] from sums [b, 4, cells]; NaN without pairs. sides: 1 above, −1 below [cells], for
    distances that are below 0 on the other side of the diagonal."""
    away = sums[:, 1] - sums[:, 2]
    with np.errstate(invalid="ignore"):
        error: Array = (np.abs(away) if sides is None else away * sides).sum(axis=1) / sums[:, 0].sum(axis=1)
    return error


def _resampled(table: Array, weights: NDArray[Any]) -> Iterator[Array]:
    """The table's sums [b, 4, cells] under the weights, some replicates at a time."""
    flat = table.reshape(len(table), -1)
    for start in range(0, max(weights.shape[1], 1), CHUNK):
        part = weights[:, start : start + CHUNK].astype(np.float64)
        yield (part.T @ flat).reshape(-1, *table.shape[1:])


def _ends(error: float, replicates: Array, sided: Array) -> tuple[float, float]:
    low, high = np.sqrt(bootstrap.distance_interval(error**2, replicates**2))
    return float(low), float(np.minimum(np.fmax(high, bootstrap.interval(sided)[1]), 1.0))


def _cell(table: Array) -> Cell:
    """table: [people, 4], some without a pair."""
    pairs, predicted, liked, _ = table[table[:, 0] > 0].T
    sums = np.stack([liked, pairs], axis=1)
    number = np.array([len(pairs)])
    low, high = rates.spread(rates.Rates((0,), (1,)), sums.sum(axis=0)[None], (sums.T @ sums)[None], number).ends()
    ends = float(np.clip(low[0, 0], 0.0, 1.0)), float(np.clip(high[0, 0], 0.0, 1.0))
    if len(pairs) < 2:  # how people differ cannot be told from one
        ends = float("nan"), float("nan")
    n = float(pairs.sum())
    return Cell(int(n), len(pairs), float(predicted.sum() / n), float(liked.sum() / n), ends)
