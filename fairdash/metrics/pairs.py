"""Metrics over (user, candidate item) pairs; a candidate is any item of the catalogue but the user's training items,
and it is selected when it stands in the user's top K.

User side, by group of users (the definitions of fairlearn, pairs being the samples):
demographic_parity_difference  for a category or item group: max − min over user groups of P(selected); the headline is
                               the category where it is largest. 0…1, lower is fairer.
demographic_parity_ratio       min / max of the same rates, where it is smallest of the categories that are not too rare
                               (`families.parity.LEAST_EXPECTED`). 0…1, higher is fairer.
equal_opportunity_difference   max − min of P(selected | relevant) (Hardt et al. 2016). 0…1, lower is fairer.
equalized_odds_difference      the larger of the gaps in P(selected | relevant) and P(selected | not relevant).

Item side, by group of items (an item of several categories belongs to each):
rsp   std (ddof 0) / mean over groups of P(selected | group) (Zhu et al. 2020, ranking-based statistical parity).
reo   the same of P(selected | group, relevant) (ranking-based equal opportunity). ≥ 0, lower is fairer.
pairwise_accuracy   P(the relevant item ranks above an irrelevant candidate) by the relevant item's group (Beutel et al.
      2019), 0…1, higher is better, 0.5 is chance; also with both of one group (intra) and of two (inter). All of the
      list that was given is used, not only the top K; items outside it rank below it, and among each other they count
      half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairdash.item_classes import ItemClass
from fairdash.metrics.facts import Columns, Facts

Array = NDArray[np.float64]


def odds_columns(facts: Facts) -> Columns:
    """odds:hits, odds:relevant, odds:false, odds:irrelevant [n]: the confusion table of the user's candidates."""
    hits = np.count_nonzero(facts.hit[:, : facts.k], axis=1).astype(np.float64)
    selected = np.asarray(facts.selected.sum(axis=1)).ravel()
    relevant = facts.n_relevant.astype(np.float64)
    return {
        "odds:hits": hits,
        "odds:relevant": relevant,
        "odds:false": selected - hits,
        "odds:irrelevant": facts.n_candidates - relevant,
    }


def selection_columns(facts: Facts, group: ItemClass) -> Columns:
    """selected:, candidates: by group of items [n, j]."""
    return {
        f"selected:{group.attribute}": facts.counts(facts.selected, group.member),
        f"candidates:{group.attribute}": facts.candidates(group),
    }


def class_columns(facts: Facts, group: ItemClass) -> Columns:
    """hits:, relevant: by group of items [n, j]."""
    name, member = group.attribute, group.member
    return {
        f"hits:{name}": facts.counts(facts.hits, member),
        f"relevant:{name}": facts.counts(facts.relevant, member),
    }


def rate_dispersion(rates: Array) -> Array:
    """std (ddof 0) / mean over groups [...] of rates [..., j]; groups without a rate (NaN) are left out."""
    known = ~np.isnan(rates)
    count = known.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, rates, 0.0).sum(axis=-1) / count
        deviation = np.where(known, rates - mean[..., None], 0.0)
        value: Array = np.sqrt((deviation**2).sum(axis=-1) / count) / mean
    return np.where(count >= 2, value, np.nan)


def pairwise_columns(facts: Facts, group: ItemClass) -> Columns:
    """above:, pairs: [n, j], and for exclusive groups above-intra:, pairs-intra: [n, j]: pairs (relevant item of the
    group, irrelevant candidate) and how many of them are in the right order."""
    items = facts.inputs.lists.items
    hit = facts.hit
    member = group.member
    name = group.attribute
    relevant = facts.counts(facts.relevant, member)
    n_irrelevant = facts.n_candidates - facts.n_relevant
    wrong = (items >= 0) & ~hit & ~facts.barred_places
    before: NDArray[np.int32] = np.cumsum(wrong, axis=1, dtype=np.int32) - wrong  # irrelevant items that rank above
    listed_wrong = wrong.sum(axis=1)
    user, column = np.nonzero(hit)
    found = sparse_rows(member, items[user, column])
    won = _by_user(user, found * (n_irrelevant[user] - before[user, column])[:, None], facts.n)
    missed = relevant - _by_user(user, found, facts.n)
    won += missed * ((n_irrelevant - listed_wrong) / 2)[:, None]
    result = {f"above:{name}": won, f"pairs:{name}": relevant * n_irrelevant[:, None]}
    if group.exclusive:
        own_irrelevant = facts.candidates(group) - relevant
        own_won = np.zeros_like(relevant)
        for j in range(relevant.shape[1]):
            inside = np.asarray(member[:, [j]].toarray()).ravel() > 0
            here = inside[np.maximum(items, 0)] & (items >= 0)
            own_wrong = here & wrong
            own_before: NDArray[np.int32] = np.cumsum(own_wrong, axis=1, dtype=np.int32) - own_wrong
            right = np.where(hit & here, own_irrelevant[:, [j]] - own_before, 0.0).sum(axis=1)
            below = (own_irrelevant[:, j] - own_wrong.sum(axis=1)) / 2
            own_won[:, j] = right + missed[:, j] * below
        result |= {f"above-intra:{name}": own_won, f"pairs-intra:{name}": relevant * own_irrelevant}
    return result


def sparse_rows(member: object, rows: NDArray[np.int32]) -> Array:
    """The given rows of a sparse matrix as a dense array [n, columns]."""
    return np.asarray(member[rows].toarray(), dtype=np.float64)  # type: ignore[index]


def _by_user(user: NDArray[np.int64], values: Array, n: int) -> Array:
    total = np.zeros((n, values.shape[1]))
    for j in range(values.shape[1]):
        total[:, j] = np.bincount(user, weights=values[:, j], minlength=n)
    return total
