"""The list metrics that mitigations aim at, quickly: for sweeps on validation, where twenty points must be had at once.

Definitions, keys and units are the audit's, whose own functions give the values; what is quick is that only
one target is counted. Each target is a function of sums of per-user columns, so that a point and all its bootstrap
replicates are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.groups import compared
from fairdash.item_classes import ItemClass, head_and_tail, tail_items
from fairdash.metrics import accuracy, categories, exposure, pairs
from fairdash.mitigation.base import RerankInput
from fairdash.schema import Codes

Array = NDArray[np.float64]
Columns: TypeAlias = Any  # an array or csr_array [n_users, m]


@dataclass(frozen=True, eq=False)
class Target:
    """columns(lists, hits) gives [n_users, m] from item codes [n_users, k] and whether they are liked; of(sums) gives
    the metric [...] from sums of columns [..., m]. better: 1 where higher is fairer, -1 where lower is."""

    better: int
    columns: Callable[[Codes, NDArray[np.bool_]], Columns]
    of: Callable[[Array], Array]


def target(key: str, data: RerankInput, min_group_size: int) -> Target:
    """The target `key` for the people, items and validation likes of `data`.

    Raises ConfigError for a key that no list shows (such as probe_auc), or when the groups that it compares are absent.
    """
    if key not in TARGETS:
        raise ConfigError(
            words.say("{key} cannot be read off recommendation lists, so no sweep can aim at it.", key=key),
            words.say("Choose one of {names}.", names=", ".join(TARGETS)),
        )
    return TARGETS[key](data, min_group_size)


def _ndcg_gap(data: RerankInput, least: int) -> Target:
    member = _people(data, least)
    n_likes = _likes(data)

    def columns(lists: Codes, hits: NDArray[np.bool_]) -> Columns:
        value = accuracy.per_user(hits, n_likes, lists.shape[1])["ndcg"]
        known = np.isfinite(value)
        return np.hstack([member * np.where(known, value, 0.0)[:, None], member * known[:, None]])

    return Target(-1, columns, partial(_rate_gap, width=1))


def _parity(data: RerankInput, least: int, *, given_liked: bool) -> Target:
    """demographic_parity_difference (of the category where it is largest) and equal_opportunity_difference."""
    member = _people(data, least)
    kinds = _classes(data)
    table = kinds.member.toarray() if not given_liked else np.ones((data.n_items, 1))
    if given_liked:
        pool = _likes(data)[:, None].astype(np.float64)
    else:
        pool = kinds.sizes - np.asarray(data.history.astype(np.float64) @ table)
    width = table.shape[1]
    under = (member[:, :, None] * pool[:, None, :]).reshape(len(member), -1)

    def columns(lists: Codes, hits: NDArray[np.bool_]) -> Columns:
        counted = hits.sum(axis=1, dtype=np.float64)[:, None] if given_liked else _over_lists(lists, table)
        over = (member[:, :, None] * counted[:, None, :]).reshape(len(member), -1)
        return np.hstack([over, under])

    return Target(-1, columns, partial(_rate_gap, width=width))


def _category_divergence(data: RerankInput, least: int) -> Target:
    member = _people(data, least)
    table = ItemClass.of_categories(data.categories).share.toarray()

    def columns(lists: Codes, hits: NDArray[np.bool_]) -> Columns:
        slots = _over_lists(lists, table)
        return (member[:, :, None] * slots[:, None, :]).reshape(len(member), -1)

    def of(sums: Array) -> Array:
        shares = sums.reshape(*sums.shape[:-1], member.shape[1], -1)
        return np.asarray(np.sqrt(categories.largest_divergence(shares)))

    return Target(-1, columns, of)


def _miscalibration(data: RerankInput, least: int) -> Target:
    table = ItemClass.of_categories(data.categories).share.toarray()
    profile = np.asarray(data.history.astype(np.float64) @ table)

    def columns(lists: Codes, hits: NDArray[np.bool_]) -> Columns:
        return _mean_columns(categories.kl(profile, _over_lists(lists, table)))

    return Target(-1, columns, _quotient)


def _aplt(data: RerankInput, least: int) -> Target:
    tail = tail_items(data.popularity, data.item_ids)[:, None].astype(np.float64)

    def columns(lists: Codes, hits: NDArray[np.bool_]) -> Columns:
        length = (lists >= 0).sum(axis=1)
        return _mean_columns(_over_lists(lists, tail)[:, 0] / np.where(length > 0, length, np.nan))

    return Target(1, columns, _quotient)


def _popularity_lift(data: RerankInput, least: int) -> Target:
    """|popularity_lift|: its fair value is 0, on the way from either side."""
    counts = data.popularity[:, None]
    length = np.diff(data.history.tocsr().indptr)
    profile = (data.history.astype(np.float64) @ data.popularity) / np.where(length > 0, length, np.nan)

    def columns(lists: Codes, hits: NDArray[np.bool_]) -> Columns:
        shown = (lists >= 0).sum(axis=1)
        mean = _over_lists(lists, counts)[:, 0] / np.where(shown > 0, shown, np.nan)
        both = np.isfinite(mean) & np.isfinite(profile)
        return np.stack([np.where(both, mean, 0.0), np.where(both, profile, 0.0)], axis=1)

    return Target(-1, columns, lambda sums: np.abs(_quotient(sums) - 1))


def _exposure_ratio(data: RerankInput, least: int) -> Target:
    share = _classes(data).share.toarray()
    merit = np.asarray(_valid(data).astype(np.float64) @ share)

    def columns(lists: Codes, hits: NDArray[np.bool_]) -> Columns:
        return np.hstack([_over_lists(lists, share, accuracy.discounts(lists.shape[1])), merit])

    def of(sums: Array) -> Array:
        half = sums.shape[-1] // 2
        return _each(sums, lambda row: exposure.merit_ratio(row[:half], row[half:]))

    return Target(1, columns, of)


def _rsp(data: RerankInput, least: int) -> Target:
    kinds = _classes(data)
    table = kinds.member.toarray()
    pool = kinds.sizes - np.asarray(data.history.astype(np.float64) @ table)

    def columns(lists: Codes, hits: NDArray[np.bool_]) -> Columns:
        return np.hstack([_over_lists(lists, table), pool])

    def of(sums: Array) -> Array:
        half = sums.shape[-1] // 2
        with np.errstate(invalid="ignore", divide="ignore"):
            return pairs.rate_dispersion(sums[..., :half] / sums[..., half:])

    return Target(-1, columns, of)


def _gini(data: RerankInput, least: int) -> Target:
    def columns(lists: Codes, hits: NDArray[np.bool_]) -> Columns:
        row, place = np.nonzero(lists >= 0)
        ones = np.ones(len(row), dtype=np.float32)
        return sparse.csr_array((ones, (row, lists[row, place])), shape=(len(lists), data.n_items))

    return Target(-1, columns, exposure.gini)


TARGETS: dict[str, Callable[[RerankInput, int], Target]] = {
    "ndcg": _ndcg_gap,
    "demographic_parity_difference": partial(_parity, given_liked=False),
    "equal_opportunity_difference": partial(_parity, given_liked=True),
    "category_divergence": _category_divergence,
    "miscalibration": _miscalibration,
    "aplt": _aplt,
    "popularity_lift": _popularity_lift,
    "exposure_ratio": _exposure_ratio,
    "rsp": _rsp,
    "gini": _gini,
}


BETWEEN_PEOPLE = ("ndcg", "demographic_parity_difference", "equal_opportunity_difference", "category_divergence")


def _people(data: RerankInput, least: int) -> Array:
    """Membership [n_users, groups] of the user groups that are large enough to be compared."""
    groups = data.user_groups
    large = np.flatnonzero(groups.sizes >= least) if groups is not None else np.array([], dtype=np.int64)
    if groups is None or len(large) < 2:
        raise ConfigError(
            "This target compares groups of people, and there are not two groups that are large enough.",
            "Choose a user attribute with --group, or a smaller minimum group size.",
        )
    return np.asarray(groups.codes[:, None] == large[None, :], dtype=np.float64)


def _classes(data: RerankInput) -> ItemClass:
    """The chosen item groups, else categories, else head and tail by popularity."""
    if data.item_groups is not None:
        return ItemClass.of_groups(compared(data.item_groups, data.item_least))
    kinds = ItemClass.of_categories(data.categories)
    return kinds if len(kinds.names) > 1 else ItemClass.of_groups(head_and_tail(data.popularity, data.item_ids))


def _valid(data: RerankInput) -> sparse.csr_array:
    if data.valid is None or not data.valid.nnz:
        raise ConfigError("There are no validation likes to tune on.", "Choose a split with a validation part.")
    return data.valid


def _likes(data: RerankInput) -> NDArray[np.int64]:
    """Validation likes of each user [n]."""
    return np.asarray(np.diff(_valid(data).indptr), dtype=np.int64)


def _over_lists(lists: Codes, table: Array, weight: Array | None = None) -> Array:
    """Σ over a list's places of weight[place] · table[item]: [n_users, j] from table [n_items, j]."""
    padded = np.vstack([table, np.zeros((1, table.shape[1]))])
    total = np.zeros((len(lists), table.shape[1]))
    for place in range(lists.shape[1]):
        total += padded[lists[:, place]] * (1.0 if weight is None else weight[place])
    return total


def _each(sums: Array, metric: Callable[[Array], float]) -> Array:
    """A metric of one row of sums, for all rows [..., m]."""
    flat = sums.reshape(-1, sums.shape[-1])
    return np.array([metric(row) for row in flat]).reshape(sums.shape[:-1])


def _mean_columns(value: Array) -> Array:
    known = np.isfinite(value)
    return np.stack([np.where(known, value, 0.0), known.astype(np.float64)], axis=1)


def _quotient(sums: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def _rate_gap(sums: Array, width: int) -> Array:
    """Largest over `width` classes of max − min over groups of Σ over / Σ under; sums [..., 2 · groups · width]."""
    rates: Any = sums.reshape(*sums.shape[:-1], 2, -1, width)
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = rates[..., 0, :, :] / rates[..., 1, :, :]
    gap = np.fmax.reduce(rates, axis=-2) - np.fmin.reduce(rates, axis=-2)
    return np.asarray(np.fmax.reduce(gap, axis=-1))
