"""The data's own bias, before any model: who is there, how active, what they have and like, and how mainstream it is.

A recommender learns what is here. What differs between groups already, a model cannot be blamed for alone, and what it
adds shows only beside this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import settings
from fairdash.item_classes import tail_items
from fairdash.metrics.categories import divergence_pairs
from fairdash.metrics.rates import Rates, spread
from fairdash.schema import ITEM_ID, RATING, TIME, UNKNOWN, USER_ID, Codes, Dataset, Groups, Interactions, rows_of
from fairdash.stages.disclosure import blank

# Of what people were shown, taken or not: how often, its share, and the part that was taken with a 95 % interval over
# people; NaN where the data has no impressions.
SHOWN = ("shown", "shown_share", "click_rate", "click_rate_low", "click_rate_high")
ACTIVITY_EDGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # interactions a person, for the histogram


@dataclass(frozen=True, eq=False)
class UserGroups:
    """What differs between groups of people; who belongs to several counts in each. `(unknown)` comes last where there
    are any; NaN where undefined, and for groups of fewer than `settings.FEWEST` people, of whom only the size is told.

    table: one row a group: group, people, people_share, interactions, interaction_share, activity_mean,
    activity_median, activity_p25, activity_p75 (interactions a person), SHOWN, rating_mean (of counts where the data
    has those), liked_share (part of the interactions at or above the threshold), tail_share (part with tail items),
    popularity_mean (mean over interactions of how many have the item).
    categories: group, category, share (of the group's interactions; an item of c categories counts 1/c to each; sums
    to 1). distance: Jensen–Shannon distance (base 2) of every pair of groups' category shares, 0 (same) … 1, group ×
    group; empty without categories. activity: group, low, people, share: people with `low` interactions or more, below
    the next `low`.
    """

    attribute: str
    table: pd.DataFrame
    categories: pd.DataFrame
    distance: pd.DataFrame
    activity: pd.DataFrame


@dataclass(frozen=True, eq=False)
class ItemGroups:
    """What differs between groups of items. table: group, items, catalogue_share, interactions, interaction_share,
    interactions_per_item, SHOWN, rating_mean, liked_share; `(unknown)` comes last."""

    attribute: str
    table: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Description:
    """overall: people, items, interactions, density (part of all pairs), shown (interactions and impressions),
    click_rate (the part that was taken), activity_mean, activity_median, rating_mean, liked_share, head_items (the
    fewest that make 80 % of interactions), head_catalogue_share, unused_items, first_time, last_time; a number is None
    where the data has none of it. popularity: item_id, interactions, tail; the most popular first."""

    overall: dict[str, float | int | None]
    users: dict[str, UserGroups]
    items: dict[str, ItemGroups]
    popularity: pd.DataFrame

    def to_json(self) -> dict[str, Any]:
        """Plain values: tables as lists of rows, null where undefined."""
        return {
            "overall": self.overall,
            "users": {
                name: {key: _rows(getattr(part, key)) for key in ("table", "categories", "activity")}
                | {"distance": part.distance.astype(object).where(part.distance.notna(), None).to_dict()}
                for name, part in self.users.items()
            },
            "items": {name: _rows(part.table) for name, part in self.items.items()},
        }


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def describe(dataset: Dataset, groups: Sequence[Groups] = (), item_groups: Sequence[Groups] = ()) -> Description:
    """Describe the whole data set. groups are over its users, item_groups over its items, in the tables' order."""
    data = dataset.coded()
    n = len(data)
    rated = RATING in dataset.interactions
    rating = data.rating.astype(np.float64) if rated else np.full(n, np.nan)
    liked = np.full(n, np.nan)
    if dataset.relevance_threshold is not None:
        liked = (data.rating >= dataset.relevance_threshold).astype(np.float64)
    popularity = np.bincount(data.item, minlength=dataset.n_items).astype(np.float64)
    tail = tail_items(popularity, dataset.items[ITEM_ID])
    activity = np.bincount(data.user, minlength=dataset.n_users)
    timed = TIME in dataset.interactions
    shown = _shown(dataset, data)
    overall: dict[str, float | int | None] = {
        "people": dataset.n_users,
        "items": dataset.n_items,
        "interactions": n,
        "density": n / (dataset.n_users * dataset.n_items),
        "shown": None if shown is None else len(shown.user),
        "click_rate": None if shown is None else float(shown.taken.mean()),
        "activity_mean": float(activity.mean()),
        "activity_median": float(np.median(activity)),
        "rating_mean": float(rating.mean()) if rated else None,
        "liked_share": float(liked.mean()) if dataset.relevance_threshold is not None else None,
        "head_items": int((~tail).sum()),
        "head_catalogue_share": float((~tail).mean()),
        "unused_items": int((popularity == 0).sum()),
        "first_time": float(data.time.min()) if timed else None,
        "last_time": float(data.time.max()) if timed else None,
    }
    ranked = np.argsort(-popularity, kind="stable")
    popular = pd.DataFrame(
        {
            "item_id": dataset.items["item_id"].to_numpy()[ranked],
            "interactions": popularity[ranked].astype(np.int64),
            "tail": tail[ranked],
        }
    )
    values = {
        "rating_mean": rating,
        "liked_share": liked,
        "tail_share": tail[data.item].astype(np.float64),
        "popularity_mean": popularity[data.item],
    }
    users = {g.attribute: _user_groups(dataset, g, data.user, data.item, activity, values, shown) for g in groups}
    items = {g.attribute: _item_groups(g, data.item, rating, liked, shown) for g in item_groups}
    return Description(overall, users, items, popular)


@dataclass(frozen=True, eq=False)
class _Shown:
    """What people were shown, one row each. user, item: codes [n]; taken: 1 for an interaction, 0 for an impression."""

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    taken: NDArray[np.float64]


def _shown(dataset: Dataset, data: Interactions) -> _Shown | None:
    if dataset.impressions is None:
        return None
    user = rows_of(dataset.users[USER_ID], dataset.impressions[USER_ID])
    item = rows_of(dataset.items[ITEM_ID], dataset.impressions[ITEM_ID])
    taken = np.repeat([1.0, 0.0], [len(data), len(user)])
    return _Shown(np.concatenate([data.user, user]), np.concatenate([data.item, item]), taken)


def _rates(shown: _Shown | None, slots: Codes, of: NDArray[np.int32] | None, g: int) -> dict[str, NDArray[np.float64]]:
    """The columns SHOWN by group [g]. slots: groups of each person or item, of: whose they are, of each row."""
    if shown is None or of is None:
        return {key: np.full(g, np.nan) for key in SHOWN}
    row, code = _each(slots, of)
    person, place = np.unique(shown.user[row].astype(np.int64) * g + code, return_inverse=True)
    own = person % g  # one row for each person and group: people are drawn, not what they were shown
    sums = np.stack([np.bincount(place, shown.taken[row]), np.bincount(place)], axis=1).astype(np.float64)
    parts = [sums[own == i] for i in range(g)]
    total, moments = np.stack([part.sum(axis=0) for part in parts]), np.stack([part.T @ part for part in parts])
    rates = Rates((0,), (1,))
    low, high = spread(rates, total, moments, np.array([len(part) for part in parts])).ends()
    ends = (np.clip(end[:, 0], 0.0, 1.0) for end in (low, high))
    return dict(zip(SHOWN, (total[:, 1], total[:, 1] / len(shown.user), rates.of(total)[:, 0], *ends), strict=True))


def _named(groups: Groups) -> tuple[list[str], Codes]:
    """The groups' names, `(unknown)` the last where there are any, and those of each, -1 where there are no more [n,
    most groups of one]."""
    slots = groups.slots()
    if not groups.unknown.any():
        return list(groups.names), slots
    slots = slots.copy()
    slots[groups.unknown, 0] = len(groups.names)
    return [*groups.names, UNKNOWN], slots


def _each(slots: Codes, rows: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of rows that are about these people or items: a place among them and a group, one for each group of each."""
    found = slots[rows]
    place, column = np.nonzero(found >= 0)
    return place, found[place, column].astype(np.int64)


def _mean(codes: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Mean of values by code [n]; NaN for a code that nobody has."""
    counts = np.bincount(codes, minlength=n)
    return np.bincount(codes, values, minlength=n) / np.where(counts > 0, counts, np.nan)


def _user_groups(
    dataset: Dataset,
    groups: Groups,
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    activity: NDArray[np.int64],
    values: dict[str, NDArray[np.float64]],
    shown: _Shown | None,
) -> UserGroups:
    names, slots = _named(groups)
    g = len(names)
    person, codes = _each(slots, np.arange(dataset.n_users))
    place, row = _each(slots, user)
    activity, item = activity[person], item[place]
    people, interactions = np.bincount(codes, minlength=g), np.bincount(row, minlength=g)
    middle = [np.quantile(activity[codes == i], [0.25, 0.5, 0.75]) if people[i] else [np.nan] * 3 for i in range(g)]
    quartiles = np.array(middle).reshape(g, 3)
    table = pd.DataFrame(
        {
            "group": names,
            "people": people,
            "people_share": people / dataset.n_users,
            "interactions": interactions,
            "interaction_share": interactions / len(user),
            "activity_mean": interactions / np.where(people > 0, people, np.nan),
            "activity_median": quartiles[:, 1],
            "activity_p25": quartiles[:, 0],
            "activity_p75": quartiles[:, 2],
            **_rates(shown, slots, None if shown is None else shown.user, g),
            **{key: _mean(row, value[place], g) for key, value in values.items()},
        }
    )
    kinds = dataset.categories
    masses = np.stack([np.bincount(item[row == i], minlength=dataset.n_items) @ kinds.shares for i in range(g)])
    with np.errstate(invalid="ignore"):
        shares = masses / masses.sum(axis=1, keepdims=True)
    known = [c for c, name in enumerate(kinds.names) if name != UNKNOWN]
    categories = pd.DataFrame(
        {
            "group": np.repeat(names, len(kinds.names)),
            "category": list(kinds.names) * g,
            "share": shares.ravel(),
        }
    )
    full = [i for i in range(g) if names[i] != UNKNOWN and masses[i, known].sum() > 0]
    named = [names[i] for i in full]
    distance = pd.DataFrame(index=named, columns=named, dtype=np.float64)
    if known and full:
        distance.loc[:, :] = divergence_pairs(masses[np.ix_(full, known)])
    cell = np.searchsorted(ACTIVITY_EDGES, activity, side="right")  # 0: no interaction at all
    counts = np.zeros((g, len(ACTIVITY_EDGES) + 1), dtype=np.int64)
    np.add.at(counts, (codes, cell), 1)
    histogram = pd.DataFrame(
        {
            "group": np.repeat(names, counts.shape[1]),
            "low": [0, *ACTIVITY_EDGES] * g,
            "people": counts.ravel(),
            "share": (counts / np.where(people > 0, people, np.nan)[:, None]).ravel(),
        }
    )
    few = dict(zip(names, people.tolist(), strict=True))
    told = [name for name in named if few[name] >= settings.FEWEST]
    return UserGroups(
        groups.attribute,
        blank(table, few, ("group", "people", "people_share")),
        blank(categories, few, ("group", "category")),
        distance.loc[told, told],
        blank(histogram, few, ("group", "low")),
    )


def _item_groups(
    groups: Groups,
    item: NDArray[np.int32],
    rating: NDArray[np.float64],
    liked: NDArray[np.float64],
    shown: _Shown | None,
) -> ItemGroups:
    names, slots = _named(groups)
    g = len(names)
    _, codes = _each(slots, np.arange(len(slots)))
    place, row = _each(slots, item)
    items, interactions = np.bincount(codes, minlength=g), np.bincount(row, minlength=g)
    table = pd.DataFrame(
        {
            "group": names,
            "items": items,
            "catalogue_share": items / len(slots),
            "interactions": interactions,
            "interaction_share": interactions / len(item),
            "interactions_per_item": interactions / np.where(items > 0, items, np.nan),
            **_rates(shown, slots, None if shown is None else shown.item, g),
            "rating_mean": _mean(row, rating[place], g),
            "liked_share": _mean(row, liked[place], g),
        }
    )
    return ItemGroups(groups.attribute, table)
