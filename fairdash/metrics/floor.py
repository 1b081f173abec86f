"""What of a number is beyond chance, for numbers that noise alone lifts above 0.

A distance between distributions, the largest of many differences, a mean of absolute differences: none of them is 0
for groups that are treated alike, and with few people they are far from it. Their floor is their mean under shuffled
labels, which is what equal treatment shows at this size, and `above_floor` is the value less it.

Its interval has the spread of the bootstrap replicates around their own mean (that mean is the value with the noise
once more), or that of the shuffled values where there are no replicates, or all are one; and its lower end says what
the test says: it is above 0 if p < 0.05, and not otherwise. So it leaves 0 out for 5 % of groups that are alike. Far
above the floor noise adds less than the floor, so that above_floor is on the safe side there: the truth lies between it
and the value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics.bootstrap import constant, interval
from fairdash.metrics.groups import NOTHING, agreeing

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Above:
    """floor: the mean under shuffled labels. value: what lies above it, in the same units, 0 where nothing does but
    chance. ci: its 95 % interval. All NaN without shuffled labels."""

    floor: float
    value: float
    ci: tuple[float, float]


def above(value: float, shuffled: Array, replicates: Array, p_value: float, most: float = math.inf) -> Above:
    """The part of a value from 0 to `most` that is above its floor. shuffled: the statistic under shuffled labels [p];
    replicates: under bootstrap weights [b]; p_value: share of shufflings with a value at least as large. The interval
    is within what is left of that range; there is none where neither shows any spread."""
    null, moved = shuffled[np.isfinite(shuffled)], replicates[np.isfinite(replicates)]
    if not len(null) or np.isnan(value):
        return Above(np.nan, np.nan, (np.nan, np.nan))
    floor = float(null.mean())
    around = moved if len(moved) > 1 and not constant(moved) else null
    if len(around) > 1 and (constant(around) or float(np.abs(around).max()) <= NOTHING):
        return Above(floor, value - floor, (np.nan, np.nan))
    low, high = interval(around - around.mean() + (value - floor))
    low, high = agreeing((low, max(high, 0.0)), value - floor, p_value)
    return Above(floor, value - floor, (max(low, -floor), min(high, most - floor)))


def beside(
    value: float,
    shuffled: Array,
    replicates: Array,
    p_value: float,
    *,
    below_zero: bool = False,
    most: float = math.inf,
) -> dict[str, Any]:
    """floor, above_floor, above_floor_ci for the row of a value; empty without shuffled labels. below_zero: the value
    and all the others are ≤ 0, farther below is worse. most: the largest value there can be."""
    if not len(shuffled):
        return {}
    sign = -1.0 if below_zero else 1.0
    found = above(sign * value, sign * shuffled, sign * replicates, p_value, most)
    ends = found.ci if sign > 0 else (0.0 - found.ci[1], 0.0 - found.ci[0])
    return {"floor": sign * found.floor, "above_floor": sign * found.value, "above_floor_ci": ends}
