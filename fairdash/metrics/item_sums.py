"""What the metrics of the item side are made from: sums over all people, as plain arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash.item_classes import ItemClass
from fairdash.metrics.bootstrap import Estimate

Array = NDArray[np.float64]
Sums = tuple[Array, Array]  # of a column [j], and under every bootstrap replicate [r, j]


@dataclass(frozen=True, eq=False)
class ItemSums:
    """Of one way to group items. people: all whose sums they are. layout: where a named column stands in sums [c] and
    in their replicates [r, c]; those of people's columns likewise."""

    group: ItemClass
    people: int
    layout: Mapping[str, slice]
    total: Array
    boot: Array
    people_layout: Mapping[str, slice]
    people_total: Array
    people_boot: Array

    def by_group(self, name: str) -> Sums:
        """Of a family's column for these groups of items [j]."""
        return self.of_all(f"{name}:{self.group.attribute}")

    def of_all(self, name: str) -> Sums:
        """Of a column over all items: "exposure", "relevant", or "truth", the people with a liked item."""
        place = self.layout[name]
        return self.total[place], self.boot[:, place]

    def by_people(self, name: str) -> Sums:
        """Of a column that groups of people have too: "selected" and "candidates"."""
        place = self.people_layout[f"{name}:{self.group.attribute}"]
        return self.people_total[place], self.people_boot[:, place]


@dataclass(frozen=True, eq=False)
class Listed:
    """How often each item stands in a top K, by block of people [blocks, n_items]. lengths: how many top Ks have r
    items or more, for r from 1 [blocks, k]. own: sums of the families' `block_columns`, by name [blocks, width]."""

    lists: NDArray[np.int64]
    lengths: NDArray[np.int64]
    own: Mapping[str, Array]


def jackknifed(statistic: Callable[[Array], Any], blocks: NDArray[Any], low: float = 0.0) -> Estimate:
    """A statistic of low…1 of sums over blocks of people [blocks, n_items], and without each of the blocks."""
    blocks = blocks.astype(np.float64)
    whole = blocks.sum(axis=0)
    left_out = [float(statistic(whole - b)) for b in blocks[blocks.any(axis=1)]]
    return Estimate(float(statistic(whole)), np.array(left_out), "jackknife", low, 1.0)


def distance(statistic: Callable[[Array], Array], sums: Sums, high: float = math.inf) -> Estimate:
    """A distance between groups of items, from a statistic [...] ≥ 0 of their numbers [..., j]; at most `high`."""
    point, boot = sums
    return Estimate(float(statistic(point)), statistic(boot), "distance", 0.0, high)


def quotients(top: Sums, bottom: Sums) -> list[Estimate]:
    """Shares of 0…1 [j]."""
    value, boot = rates(top, bottom)
    return [Estimate(float(value[j]), boot[:, j], low=0.0, high=1.0) for j in range(len(value))]


def rates(top: Sums, bottom: Sums) -> Sums:
    """Quotients [j] and their replicates [r, j]; NaN where they are undefined."""
    return divide(top[0], bottom[0]), divide(top[1], bottom[1])


def divide(top: Array, bottom: Any) -> Array:
    """NaN where the quotient is undefined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = top / bottom
    return np.where(np.isfinite(value), value, np.nan)
