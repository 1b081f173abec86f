"""How evenly lists share out their places among the n items of the catalogue, as published work reports it, each beside
its rescaled form.

jain              Jain's index (Σ x)² / (n Σ x²) of how often each item is recommended (Jain, Chiu & Hawe 1984).
                  1/n (all on one) … 1 (all alike).
fsat              part of the items that are recommended ⌊S/n⌋ times or more, the whole share of each in all S places
                  (Patro et al. 2020, FairRec). 0…1; 1 wherever there are fewer places than items, so undefined there.

Neither 1/n nor 1 can be reached by lists of K different items each: the least even lists give everybody the same K
items, the most even ones recommend S mod n items ⌊S/n⌋ + 1 times and the others ⌊S/n⌋ times. Rescaled, a measure is 0
or 1 in the first and 1 or 0 in the second (Rampisela et al. 2023, whose formulas these are for lists of one length):

    (value − value of the least even lists) / (value of the most even lists − value of the least even lists)

For lists of several lengths the least even are those in which everybody has the first items of one order. Training
items, which cannot be recommended again, are not regarded. Undefined where both are the same: one list, or lists of the
whole catalogue. fsat can fall below 0, as lists may satisfy even fewer items than the least even ones do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics import exposure

Array = NDArray[np.float64]


def jain(counts: Array) -> Array:
    """Jain's index of counts along the last axis; NaN where all are 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = counts.sum(axis=-1) ** 2 / (counts.shape[-1] * (counts**2).sum(axis=-1))
    return value


def satisfied(counts: Array) -> Array:
    """fsat of counts along the last axis; NaN where there are fewer places than items."""
    share = counts.sum(axis=-1) // max(1, counts.shape[-1])
    return np.where(share >= 1, (counts >= share[..., None]).mean(axis=-1), np.nan)


def least_even(lengths: Array, n_items: int) -> Array:
    """Counts of items [..., n_items] where everybody has the first items of one order. lengths: how many lists have r
    items or more, for r from 1 [..., k]."""
    counts = np.zeros((*lengths.shape[:-1], n_items))
    width = min(n_items, lengths.shape[-1])
    counts[..., :width] = lengths[..., :width]
    return counts


def most_even(places: Array, n_items: int) -> Array:
    """Counts of items [..., n_items] that are as equal as whole numbers can be. places: their sum [...]."""
    once = np.floor(places / n_items)
    counts: Array = once[..., None] + (np.arange(n_items) < (places - once * n_items)[..., None])
    return counts


def rescaled(measure: Callable[[Array], Array], counts: Array, lengths: Array) -> Array:
    """A measure of counts [..., n_items] between its values in the least and in the most even lists of these lengths
    [..., k] (see `least_even`)."""
    n_items = counts.shape[-1]
    least, most = least_even(lengths, n_items), most_even(counts.sum(axis=-1), n_items)
    low, high = measure(least), measure(most)
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = (measure(counts) - low) / (high - low)
    return np.where(np.abs(high - low) > 1e-12, value, np.nan)


def rescaled_gini(counts: Array, lengths: Array) -> Array:
    """Likewise of the Gini coefficient, which is 0 in the most even lists and 1 in the least even ones."""
    return 1 - rescaled(exposure.gini, counts, lengths)
