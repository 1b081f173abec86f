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
from scipy import sparse

from fairdash.item_classes import ItemClass
from fairdash.metrics.facts import Columns, Facts

Array = NDArray[np.float64]

BLOCK_CELLS = 2_000_000  # places of lists with a hit that are looked at once


def odds_columns(facts: Facts) -> Columns:
    """odds:hits, odds:relevant, odds:false, odds:irrelevant [n]: the confusion table of the user's candidates."""
    hits = facts.n_hits.astype(np.float64)
    selected = facts.n_selected.astype(np.float64)
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
    member = group.member
    name = group.attribute
    relevant = facts.counts(facts.relevant, member)
    n_irrelevant = facts.n_candidates - facts.n_relevant
    listed_wrong, own_listed_wrong = _irrelevant_listed(facts, member)
    user, column = facts.all_hit_places
    before, own_before = _irrelevant_above(facts, user, column, group)
    found = sparse_rows(member, items[user, column])
    won = _by_user(user, found * (n_irrelevant[user] - before)[:, None], facts.n)
    missed = relevant - _by_user(user, found, facts.n)
    won += missed * ((n_irrelevant - listed_wrong) / 2)[:, None]
    result = {f"above:{name}": won, f"pairs:{name}": relevant * n_irrelevant[:, None]}
    if group.exclusive:
        own_irrelevant = facts.candidates(group) - relevant
        own_won = _by_user(user, found * (own_irrelevant[user] - own_before[:, None]), facts.n)
        own_won += missed * (own_irrelevant - own_listed_wrong) / 2
        result |= {f"above-intra:{name}": own_won, f"pairs-intra:{name}": relevant * own_irrelevant}
    return result


def _irrelevant_listed(facts: Facts, member: sparse.csr_array) -> tuple[NDArray[np.int64], Array]:
    """How many irrelevant candidates all places of each list hold [n], and how many of each group [n, j]."""
    if facts.inputs.lists.items.shape[1] <= facts.k:
        counts = facts.counts(facts.selected, member) - facts.counts(facts.hits, member)
        return facts.n_selected - facts.n_hits, counts
    wrong = _irrelevant(facts, slice(None))
    number = np.count_nonzero(wrong, axis=1)
    starts = np.concatenate([[0], np.cumsum(number)])
    items = facts.inputs.lists.items[wrong]
    listed = sparse.csr_array((np.ones(len(items)), items, starts), shape=(facts.n, facts.n_items))
    return number, facts.counts(listed, member)


def _irrelevant_above(
    facts: Facts, user: NDArray[np.int64], column: NDArray[np.int64], group: ItemClass
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many irrelevant candidates rank above each of these hits [hits], and how many of them are of its own group,
    where groups are exclusive."""
    items = facts.inputs.lists.items
    kind = _kinds(group) if group.exclusive else None
    before, own = np.zeros((2, len(user)), dtype=np.int64)
    step = max(1, BLOCK_CELLS // items.shape[1])
    for first in range(0, len(user), step):
        block = slice(first, first + step)
        rows, lists = user[block], items[user[block]]
        wrong = _irrelevant(facts, rows) & (np.arange(items.shape[1]) < column[block, None])
        before[block] = np.count_nonzero(wrong, axis=1)
        if kind is not None:
            alike = kind[lists] == kind[items[rows, column[block]]][:, None]
            own[block] = np.count_nonzero(alike & wrong, axis=1)
    return before, own


def _irrelevant(facts: Facts, rows: NDArray[np.int64] | slice) -> NDArray[np.bool_]:
    """Which places of these lists hold an irrelevant candidate [rows, depth]."""
    wrong: NDArray[np.bool_] = (facts.inputs.lists.items[rows] >= 0) & ~facts.hit[rows]
    return wrong if facts.barred_places is None else wrong & ~facts.barred_places[rows]


def _kinds(group: ItemClass) -> NDArray[np.int32]:
    """The only group of each item [n_items + 1], -1 for one without, and at the end for an empty place."""
    kinds = np.full(group.member.shape[0] + 1, -1, dtype=np.int32)
    kinds[np.flatnonzero(np.diff(group.member.indptr))] = group.member.indices
    return kinds


def sparse_rows(member: object, rows: NDArray[np.int32]) -> Array:
    """The given rows of a sparse matrix as a dense array [n, columns]."""
    return np.asarray(member[rows].toarray(), dtype=np.float64)  # type: ignore[index]


def _by_user(user: NDArray[np.int64], values: Array, n: int) -> Array:
    total = np.zeros((n, values.shape[1]))
    for j in range(values.shape[1]):
        total[:, j] = np.bincount(user, weights=values[:, j], minlength=n)
    return total
