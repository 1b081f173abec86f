"""Do items and providers get their share of attention? Exposure of an item in one list = 1 / log2(rank + 1) in the top
K, else 0; an item of c categories gives 1/c of it to each.

exposure_share   a group's part of all exposure, beside its part of the catalogue, of training interactions and of
                 relevant items. 0…1.
awrf             total variation ½ Σ |p̂ − p| between the groups' shares of exposure and a stated target share
                 (Sapiezynski et al. 2019); the target is the share of the catalogue unless another is chosen: shares
                 of training interactions, equal shares, or given ones. 0…1, lower is fairer.
awrf_list        the same of each list alone, averaged over lists (Raj & Ekstrand 2022): lists that are each far from
                 the target may be near it together. 0…1, lower is fairer.
eed eer eel      expected exposure of the groups, E, against that of an ideal ranker, E*: |E|², 2 E·E* and
                 |E − E*|² (Diaz et al. 2020), averaged over users: eed over all who have a list, the two that need E*
                 over those with relevant items; of one user eel = eed − eer + |E*|². The ideal ranker puts the m
                 relevant candidates first in random order, then the others in random order, all cut at K. Lower eel
                 is fairer; 0 is ideal.
exposure_ratio   min / max over groups of exposure divided by merit, merit being the number of relevant items (Singh &
                 Joachims 2018: its logarithm is logEUR). 0…1, higher is fairer.
gini             of how often each item of the catalogue is recommended, over (n − 1)/n, so that all on one item is 1.
gini_exposure    the same of discounted exposure. 0 (all alike) … 1.
coverage         part of the catalogue that is recommended to anybody. 0…1.
entropy          entropy of how often items are recommended, over its maximum log n. 0…1, higher is more even.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from fairdash.item_classes import ItemClass
from fairdash.metrics.accuracy import discounts
from fairdash.metrics.facts import Columns, Facts

Array = NDArray[np.float64]


def columns(facts: Facts, group: ItemClass) -> Columns:
    """exposure:, merit: [n, j], shared among an item's groups; eed: [n]; eer:, eel: [n], 0 for users without truth;
    away: from the target, 0 for lists without an item of known group, and shown: whether the list has any [n]."""
    name = group.attribute
    exposure = facts.counts(facts.exposure, group.share)
    merit = facts.counts(facts.relevant, group.share)
    ideal = ideal_exposure(facts, group, merit)
    has_truth = (facts.n_relevant > 0)[:, None]
    given, ideal = np.where(has_truth, exposure, 0.0), np.where(has_truth, ideal, 0.0)
    shown = exposure.sum(axis=1) > 0
    return {
        f"exposure:{name}": exposure,
        f"merit:{name}": merit,
        f"eed:{name}": (exposure**2).sum(axis=1),
        f"eer:{name}": 2 * (given * ideal).sum(axis=1),
        f"eel:{name}": ((given - ideal) ** 2).sum(axis=1),
        f"away:{name}": np.where(shown, total_variation(shares(exposure), group.target), 0.0),
        f"shown:{name}": shown.astype(np.float64),
    }


def ideal_exposure(facts: Facts, group: ItemClass, merit: Array) -> Array:
    """E* of each group [n, j]: m relevant items share the exposure of ranks 1…min(m, K) equally, the other candidates
    that of the ranks m + 1…K."""
    total = np.concatenate([[0.0], np.cumsum(discounts(facts.k))])
    m = facts.n_relevant
    first = total[np.minimum(m, facts.k)]
    rest = facts.n_candidates - m
    # a catalogue smaller than K leaves ranks empty
    last = total[np.minimum(facts.n_candidates.astype(np.int64), facts.k)] - first
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(m > 0, first / m, 0.0)
        other = np.where(rest > 0, last / rest, 0.0)
    catalogue = np.asarray(group.share.sum(axis=0)).ravel()
    taken = 0.0 if facts.barred is None else facts.counts(facts.barred, group.share)
    others: Array = catalogue - taken - merit
    ideal: Array = merit * each[:, None] + others * other[:, None]
    return ideal


def shares(mass: Array) -> Array:
    """Parts of the whole along the last axis; NaN where there is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = mass / mass.sum(axis=-1, keepdims=True)
    return value


def total_variation(p: Array, target: Array) -> Array:
    """½ Σ |p − target| along the last axis."""
    value: Array = np.abs(p - target).sum(axis=-1) / 2
    return value


def merit_ratio(exposure: Array, merit: Array) -> float:
    """min / max over groups of exposure / merit, both [j]; groups without merit are left out, NaN where fewer than two
    have any, or nothing is exposed."""
    each = exposure[merit > 0] / merit[merit > 0]
    return float(each.min() / each.max()) if len(each) >= 2 and each.max() > 0 else float("nan")


def gini(counts: Array) -> Array:
    """Gini coefficient of counts along the last axis of n, divided by (n − 1)/n: 0 all alike … 1 all on one. NaN when
    all are 0."""
    n, total = counts.shape[-1], counts.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = np.sort(counts, axis=-1) @ (2.0 * np.arange(1, n + 1) - n - 1) / total / (n - 1)
    return np.maximum(value, 0.0)


def coverage(counts: Array) -> Array:
    """Part of the items with a count above 0, along the last axis."""
    return np.asarray(np.count_nonzero(counts, axis=-1) / np.float64(counts.shape[-1]))


def entropy(counts: Array) -> Array:
    """Shannon entropy of the shares of n counts along the last axis, over log n: 0 all on one … 1 all alike. NaN when
    all are 0 or n < 2."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = entr(shares(counts)).sum(axis=-1) / np.log(counts.shape[-1])
    return value
