"""From tables with ids to coded arrays, once, with every oddity of the tables either repaired and said, or refused.

Inside, a user or an item is a code (its row in `Inputs.user_ids`, `Catalogue.ids`). What is done with odd rows:

    rank missing             made from score, best first, equal scores by a hash of (seed, item)
    ranks from 0             shifted to start at 1, said
    holes in the ranks       kept: the rank decides the discount, said
    two items at one rank    refused
    an item twice in a list  the better rank counts, the other place stays empty, said
    score NaN                refused where the score is needed for the order
    more than K rows         those beyond K do not count for metrics at K
    ids as numbers and text  compared as text
    missing id               refused
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import settings
from fairdash.errors import ConfigError, DataError
from fairdash.hashing import Hashes, id_hash, mix
from fairdash.item_classes import ItemClass, item_classes
from fairdash.metrics import accuracy
from fairdash.metrics.rating import Rated
from fairdash.schema import (
    ITEM_ID,
    RANK,
    RATING,
    SCORE,
    UNKNOWN,
    USER_ID,
    Codes,
    Groups,
    GroupSpec,
    Interactions,
    Lists,
    Split,
)

Array = NDArray[np.float64]

FROM_ZERO = "Ranks start at 0: all are read as one more."
MAX_RANK = 2**31  # larger ones would leave the range of codes
PREDICTION = "prediction"  # column of truth: predicted rating of the pair, or P(like)


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All items that can be recommended, and what is known of them. popularity: training interactions of each item
    [n_items], None without training data. classes: item groups, categories first where items have them."""

    ids: NDArray[np.object_]
    popularity: Array | None
    classes: tuple[ItemClass, ...]

    @property
    def size(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Inputs:
    """One audit's coded tables. user_ids: [n], text or whole numbers. lists: [n, depth], -1 for an empty place.
    relevant: the held-out (user, item) pairs that count as liked, sorted by user, none twice. known: the users' own
    training pairs, likewise, or None. groups: of users, one for each attribute, with the size below which each keeps a
    group out of gaps. continuous: numeric attributes by label [n], NaN where missing, drawn as curves. threshold: from
    which rating on an item counts as liked, None: any. rated: held-out pairs with predicted and true values, where the
    recommender predicts them."""

    user_ids: NDArray[Any]
    lists: Lists
    relevant: Interactions
    known: Interactions | None
    groups: tuple[Groups, ...]
    min_sizes: tuple[int, ...]
    continuous: dict[str, Array]
    catalogue: Catalogue
    warnings: tuple[str, ...]
    threshold: float | None
    rated: Rated | None = None

    @cached_property
    def hashes(self) -> Hashes:
        """Id hashes of the users [n]; of the ids as text, so that 7 and "7" are one person."""
        return id_hash(self.user_ids.astype(str).astype(object))


def from_split(
    split: Split, lists: Lists, groups: Sequence[GroupSpec], item_groups: Sequence[GroupSpec], threshold: float | None
) -> Inputs:
    """The test part of a split against lists [n_users, ≥ k]. threshold: None takes the split's own."""
    from fairdash.groups import form

    data = split.training
    if len(lists.items) != data.n_users:
        raise ConfigError(
            f"There are lists for {len(lists.items):,} people, but the split has {data.n_users:,}.",
            "Make lists for the people of this split, one row each, in its order.",
        )
    threshold = data.relevance_threshold if threshold is None else threshold
    test = split.test
    liked = np.arange(len(test)) if threshold is None else np.flatnonzero(test.rating >= threshold)
    known = _pairs(split.known.user, split.known.item, data.n_items)
    popularity = np.bincount(known.item, minlength=data.n_items).astype(np.float64)
    item_ids = data.items[ITEM_ID].to_numpy(dtype=object)
    user_ids = data.users[USER_ID].to_numpy(dtype=object)
    catalogue = Catalogue(item_ids, popularity, item_classes(data.items, item_groups, popularity))
    formed = tuple(form(spec, data.users) for spec in groups)
    relevant = _pairs(test.user[liked], test.item[liked], data.n_items)
    return Inputs(
        user_ids=user_ids,
        lists=lists,
        relevant=relevant,
        known=known,
        groups=formed,
        min_sizes=tuple(spec.min_size for spec in groups),
        continuous=_continuous(groups, data.users),
        catalogue=catalogue,
        warnings=tuple(_overlaps(formed)),
        threshold=threshold,
    )


@dataclass(frozen=True, eq=False)
class Setting:
    """All but the lists: who and what there is. people, things: coders; the other values are in their order, as in
    Inputs."""

    people: Coder
    things: Coder
    relevant: Interactions
    known: Interactions | None
    groups: tuple[Groups, ...]
    continuous: dict[str, Array]
    catalogue: Catalogue
    threshold: float | None
    rated: Rated | None
    n_known_people: int  # people of the coder who stand in the table of users


def setting(
    truth: pd.DataFrame,
    users: pd.DataFrame,
    items: pd.DataFrame | None,
    user: dict[str, pd.Series],
    item: dict[str, pd.Series],
    people: Coder,
    things: Coder,
    groups: Sequence[GroupSpec],
    item_groups: Sequence[GroupSpec],
    threshold: float | None,
    said: list[str],
) -> Setting:
    """Code truth, train, users and items. user, item: the checked id columns of the tables, by name."""
    from fairdash.groups import form

    if items is None:
        said.append(
            f"No table of items: the catalogue is the {things.size:,} items that occur in the other tables, "
            "so coverage and gini leave out items that nobody had and nobody was recommended."
        )
    elif things.size > len(items):
        beyond = things.size - len(items)
        said.append(f"{beyond:,} items of the other tables are missing from the table of items: they have no group.")
    if threshold is not None and RATING not in truth:
        raise DataError(
            "The table of held-out items (truth) has no column `rating`, so no threshold can apply.",
            "Leave the relevance threshold out: all held-out items then count as liked.",
        )
    if threshold is None and RATING in truth:
        threshold = _usual_threshold(truth)
        said.append(
            f"Held-out items count as liked from rating {threshold:g} on; --relevance-threshold changes that."
            if threshold is not None
            else "Held-out ratings go beyond 10, as counts do: all held-out items count as liked."
        )
    liked = slice(None) if threshold is None else np.flatnonzero(numbers(truth, "truth", RATING) >= threshold)
    relevant = _pairs(people.codes(user["truth"])[liked], things.codes(item["truth"])[liked], things.size)
    known = popularity = None
    if "train" in user:
        user_known, item_known = people.codes(user["train"]), things.codes(item["train"])
        popularity = np.bincount(item_known, minlength=things.size).astype(np.float64)
        own = user_known >= 0  # people who are not audited still count in popularity
        known = _pairs(user_known[own], item_known[own], things.size)
    ids = things.ids()
    described = _aligned(items, item.get("items"), things, ids)
    catalogue = Catalogue(ids, popularity, item_classes(described, item_groups, popularity))
    row = _repeated(user["users"])
    if row is not None:
        where = place(users, "users", row, USER_ID)
        raise DataError(f"{where}: {user['users'].iloc[row]!r} stands there twice.", "Keep one row for each.")
    codes = people.codes(user["users"])
    there = codes >= 0

    def of_people(values: NDArray[Any], missing: Any) -> NDArray[Any]:
        spread = np.full(people.size, missing, dtype=values.dtype)
        spread[codes[there]] = values[there]
        return spread

    # groups are formed of all people in the table, so that they do not depend on who has a list
    formed = [form(spec, users) for spec in groups]
    said += _overlaps(formed)
    return Setting(
        people=people,
        things=things,
        relevant=relevant,
        known=known,
        groups=tuple(Groups(group.attribute, group.names, of_people(group.codes, -1)) for group in formed),
        continuous={label: of_people(values, np.nan) for label, values in _continuous(groups, users).items()},
        catalogue=catalogue,
        threshold=threshold,
        rated=_rated(truth, people.codes(user["truth"]), things.codes(item["truth"]), threshold, said),
        n_known_people=int(there.sum()),
    )


def _overlaps(formed: Sequence[Groups]) -> list[str]:
    """Where people belong to several groups at once, which the sums by group cannot hold yet."""
    found = []
    for group in formed:
        if group.member is not None:
            n = int((np.diff(group.member.indptr) > 1).sum())
            found.append(
                f"{group.attribute}: {n:,} of all people belong to several groups; here they count as {UNKNOWN}."
            )
    return found


def checked(
    truth: pd.DataFrame, users: pd.DataFrame, train: pd.DataFrame | None, items: pd.DataFrame | None
) -> dict[str, pd.DataFrame | None]:
    """The tables by name; DataError where one lacks a column or truth is empty."""
    need(truth, "truth", (USER_ID, ITEM_ID))
    need(users, "users", (USER_ID,))
    if not len(truth):
        raise DataError("The table of held-out items (truth) has no rows.", "Accuracy needs held-out items.")
    if train is not None:
        need(train, "train", (USER_ID, ITEM_ID))
    if items is not None:
        need(items, "items", (ITEM_ID,))
    return {"truth": truth, "users": users, "train": train, "items": items}


def from_frames(
    recommendations: pd.DataFrame,
    truth: pd.DataFrame,
    users: pd.DataFrame,
    train: pd.DataFrame | None,
    items: pd.DataFrame | None,
    groups: Sequence[GroupSpec],
    item_groups: Sequence[GroupSpec],
    k: int,
    threshold: float | None,
    seed: int,
    limit: int = settings.CANDIDATES,
) -> Inputs:
    """Coded tables of any recommender's lists. Audited are the users who have a list or held-out items. limit: places
    of a list that are kept, at least k."""
    said: list[str] = []
    need(recommendations, "recommendations", (USER_ID, ITEM_ID))
    if not len(recommendations):
        raise DataError("The table of recommendations has no rows.", "Give at least one list.")
    tables = {"recommendations": recommendations, **checked(truth, users, train, items)}
    user, item = id_columns(tables, USER_ID), id_columns(tables, ITEM_ID)
    people = Coder.of(user["recommendations"], user["truth"])
    things = Coder.of(*(item[name] for name in ("items", "recommendations", "truth", "train") if name in item))
    made = setting(truth, users, items, user, item, people, things, groups, item_groups, threshold, said)
    listed_user, listed_item = people.codes(user["recommendations"]), things.codes(item["recommendations"])

    def where(row: int) -> str:
        return place(recommendations, "recommendations", row, RANK)

    if RANK in recommendations:
        column = recommendations[RANK]
        whole = column.dtype.kind in "iu"  # nothing to look for but numbers below 0
        given = column.to_numpy() if whole else numbers(recommendations, "recommendations", RANK)
        rank = check_ranks(given, where)
        if rank.min() == 0:
            said.append(FROM_ZERO)
            rank = rank + 1
    elif SCORE in recommendations:
        ties = mix(seed, id_hash(made.catalogue.ids))[listed_item]
        rank = ranks_of_scores(numbers(recommendations, "recommendations", SCORE), listed_user, ties)
    else:
        raise DataError(
            "The table `recommendations` has neither `rank` nor `score`.", "Add one: without it there is no order."
        )
    score = None
    if SCORE in recommendations:
        score = pd.to_numeric(recommendations[SCORE], errors="coerce").to_numpy(dtype=np.float32, na_value=np.nan)
    odd = Oddities()
    lists = arrange(listed_user, listed_item, rank, score, people.size, things.size, k, odd, where, limit)
    said += odd.sentences(k)
    with_list = np.asarray((lists.items >= 0).any(axis=1))
    people_meet = bool(with_list[people.codes(user["truth"])].any())
    true_item = things.codes(item["truth"])
    items_meet = any(_meet(part, true_item, things.size) for part in (listed_item[:10_000], listed_item))
    said += meeting(user, item, people_meet, items_meet)
    said += missing(int(np.count_nonzero(~with_list)), people.size - made.n_known_people, people.size)
    idle = len(users) - made.n_known_people
    if idle:
        said.append(f"{idle:,} people of the table of users have neither a list nor held-out items: they are left out.")
    return Inputs(
        user_ids=people.index.to_numpy(),
        lists=lists,
        relevant=made.relevant,
        known=made.known,
        groups=made.groups,
        min_sizes=tuple(spec.min_size for spec in groups),
        continuous=made.continuous,
        catalogue=made.catalogue,
        warnings=tuple(said),
        threshold=made.threshold,
        rated=made.rated,
    )


def _meet(a: Codes, b: Codes, size: int) -> bool:
    """Whether two columns of codes have one in common."""
    there = np.zeros(size, dtype=bool)
    there[a] = True
    return any(there[part].any() for part in (b[:10_000], b))  # the first rows nearly always tell


def meeting(user: dict[str, pd.Series], item: dict[str, pd.Series], people_meet: bool, items_meet: bool) -> list[str]:
    """Whether lists and truth are about the same people and items: DataError, or a sentence, where not."""
    said = []
    if not people_meet:
        raise DataError(
            "No user of the recommendations has a held-out item: the user ids of the two tables do not meet.",
            f"The first are {_first(user['recommendations'])} and {_first(user['truth'])}; bring them to one form.",
        )
    if not items_meet:
        said.append(
            "Not one held-out item occurs in any list: are the item ids of the two tables of one form? The first are "
            f"{_first(item['recommendations'])} and {_first(item['truth'])}."
        )
    return said


def missing(unlisted: int, unknown: int, audited: int) -> list[str]:
    """unlisted: people with truth but no list. unknown: audited people who are not in the table of users."""
    said = []
    if unlisted:
        said.append(f"{unlisted:,} people have held-out items but no list: their accuracy is 0.")
    if unknown:
        said.append(
            f"{unknown:,} of {audited:,} audited people are missing from the table of users: they are {UNKNOWN}."
        )
    return said


def _continuous(specs: Sequence[GroupSpec], users: pd.DataFrame) -> dict[str, Array]:
    """Values of the attributes that are numbers with many values; impossible ages are missing."""
    from fairdash import columns, groups

    found = {}
    for spec in specs:
        attribute = spec.attributes[0]
        if len(spec.attributes) == 1 and attribute in users and columns.is_numeric(users[attribute]):
            values = columns.numbers(users[attribute])
            values[columns.impossible(users[attribute], attribute)] = np.nan
            if len(np.unique(values[~np.isnan(values)])) > groups.MAX_VALUES:
                found[spec.label] = values
    return found


def place(frame: pd.DataFrame, table: str, row: int, column: str) -> str:
    """Where a cell stands, for messages: the file's name and its own row number where they are known."""
    index = frame.index
    number = index[row] if pd.api.types.is_integer_dtype(index.dtype) and index[0] > 0 else row + 1
    return f"{frame.attrs.get('file', table)}, row {number}, column {column}"


def need(table: pd.DataFrame, name: str, columns: Sequence[str]) -> None:
    """Raises a DataError when the table lacks one of the columns."""
    for column in columns:
        if column not in table:
            have = ", ".join(map(str, table.columns[:20])) or "none"
            raise DataError(f"The table `{name}` has no column `{column}`; it has {have}.", "Rename the column.")


@dataclass(frozen=True, eq=False)
class Coder:
    """Codes of ids: 0…size-1, -1 for ids that are not among them. index: the ids by code."""

    index: pd.Index
    table: NDArray[np.int32] | None  # codes by id, for whole numbers in a narrow range
    low: int

    @staticmethod
    def of(*columns: pd.Series) -> Coder:
        if columns and all(column.dtype.kind in "iu" and len(column) for column in columns):
            low = min(int(column.min()) for column in columns)
            high = max(int(column.max()) for column in columns)
            if high - low < 8 * sum(map(len, columns)) + 1024:
                table = np.full(high - low + 1, -1, dtype=np.int32)
                for column in columns:
                    table[column.to_numpy() - low] = 0
                there = np.flatnonzero(table == 0)
                table[there] = np.arange(len(there), dtype=np.int32)
                return Coder(pd.Index(there + low), table, low)
        uniques = [pd.Index(column.unique()) for column in columns]
        index = pd.Index(pd.unique(np.concatenate([part.to_numpy() for part in uniques]))) if uniques else pd.Index([])
        return Coder(index, None, 0)

    @property
    def size(self) -> int:
        return len(self.index)

    def codes(self, column: pd.Series) -> Codes:
        if self.table is None:
            return self.index.get_indexer(pd.Index(column)).astype(np.int32)
        offset = column.to_numpy() - self.low
        if not len(offset) or (offset.min() >= 0 and offset.max() < len(self.table)):
            found: Codes = self.table[offset]
            return found
        inside = (offset >= 0) & (offset < len(self.table))
        return np.where(inside, self.table[np.where(inside, offset, 0)], np.int32(-1))

    def ids(self) -> NDArray[np.object_]:
        """The ids as text."""
        return self.index.astype(str).to_numpy(dtype=object)


def id_columns(tables: dict[str, pd.DataFrame | None], name: str) -> dict[str, pd.Series]:
    """The id columns of the tables that have one, checked and of one type: whole numbers, or else text."""
    columns = {}
    for table, frame in tables.items():
        if frame is None or name not in frame:
            continue
        column = frame[name]
        missing = column.isna().to_numpy()
        if missing.any():
            where = place(frame, table, int(np.argmax(missing)), name)
            raise DataError(f"{where}: the id is missing.", "Fill it in or drop the row.")
        if pd.api.types.is_float_dtype(column.dtype) and (column == np.floor(column)).all():
            column = column.astype(np.int64)
        columns[table] = column
    if all(pd.api.types.is_integer_dtype(column.dtype) for column in columns.values()):
        return {table: column.astype(np.int64) for table, column in columns.items()}
    return {table: column.astype(str) for table, column in columns.items()}


@dataclass
class Oddities:
    """What was odd in lists and how often; counts of pieces add up. repeated: rows; holes, short: lists."""

    repeated: int = 0
    holes: int = 0
    short: int = 0

    def sentences(self, k: int) -> list[str]:
        said = []
        if self.repeated:
            said.append(
                f"{self.repeated:,} rows repeat an item that the same list already has at a better rank: "
                "their places count as empty."
            )
        if self.holes:
            said.append(f"{self.holes:,} lists have holes in their ranks; each item keeps the rank that it was given.")
        if self.short:
            said.append(f"{self.short:,} lists have fewer than K = {k} items; empty places count as misses.")
        return said


def arrange(
    user: Codes,
    item: Codes,
    rank: NDArray[np.int64],
    score: NDArray[Any] | None,
    n_users: int,
    n_items: int,
    k: int,
    odd: Oddities,
    where: Callable[[int], str],
    limit: int = settings.CANDIDATES,
) -> Lists:
    """Rows of lists → [n_users, depth]; depth is the longest list, at least k, at most `limit` or k. Raises DataError
    where two rows of a user have one rank; `where` says where the row stands."""
    longest = int(rank.max(initial=0))
    depth = max(k, min(longest, limit))
    cell: NDArray[Any] = user.astype(np.int64 if n_users * depth >= 2**31 else np.int32) * depth
    kept: NDArray[np.int64] | slice = slice(None)
    if longest > depth:
        kept = np.flatnonzero(rank <= depth)
        item, cell = item[kept], cell[kept]
    cell = cell + (rank[kept] - 1).astype(cell.dtype)
    flat = np.full(n_users * depth, -1, dtype=np.int32)
    flat[cell] = item
    if np.count_nonzero(flat >= 0) < len(cell):
        order = np.argsort(cell, kind="stable")
        row = int(np.arange(len(rank))[kept][order[1:][np.diff(cell[order]) == 0][0]])
        raise DataError(
            f"{where(row)}: the user has another item at rank {int(rank[row])}.",
            "Give every item of a list its own rank, or leave the column out and give scores.",
        )
    items = flat.reshape(n_users, depth)
    length = np.count_nonzero(items >= 0, axis=1)
    last = depth - np.argmax(items[:, ::-1] >= 0, axis=1)
    odd.holes += int(np.count_nonzero((length > 0) & (length < last)))
    repeated = _repeats(items, n_items)
    if repeated.any():
        odd.repeated += int(repeated.sum())
        items[repeated] = -1
    odd.short += int(np.count_nonzero((length > 0) & (np.count_nonzero(items[:, :k] >= 0, axis=1) < k)))
    scores = np.full(items.shape, np.nan, dtype=np.float32)
    if score is not None:
        scores.ravel()[cell] = score[kept]
        scores[items < 0] = np.nan
    return Lists(items, scores)


def check_ranks(rank: NDArray[Any], where: Callable[[int], str]) -> NDArray[np.int64]:
    """Whole numbers from 0 on; DataError for anything else."""
    if rank.dtype.kind in "iu" and (not len(rank) or (rank.min() >= 0 and rank.max() < MAX_RANK)):
        return rank.astype(np.int64, copy=False)
    wrong = ~((rank == np.floor(rank)) & (rank >= 0) & (rank < MAX_RANK))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{where(row)}: {rank[row]:g} is no rank.", "Ranks are 1, 2, 3, …")
    return rank.astype(np.int64)


def ranks_of_scores(score: Array, user: Codes, ties: Hashes) -> NDArray[np.int64]:
    """Rank of each row within its user, best score first; equal scores by `ties`, a hash of each row's item."""
    order = np.lexsort((ties, -score, user))
    sorted_user = user[order]
    first = np.concatenate([[True], sorted_user[1:] != sorted_user[:-1]])
    start = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - start + 1
    return rank


def _repeats(items: Codes, n_items: int) -> NDArray[np.bool_]:
    """Places that hold an item which the list has at an earlier place."""
    n, width = items.shape
    ordered = np.sort(items, axis=1)
    if not ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        return np.zeros(items.shape, dtype=bool)
    turned = np.ascontiguousarray(items[:, ::-1])
    starts = np.arange(n + 1, dtype=np.int64) * width
    wanted = np.where(turned >= 0, turned, n_items).ravel()
    # the last column that holds an item is found, and the last here is the best rank there
    last = accuracy.positions(turned, starts, wanted, n_items).reshape(n, width)
    repeated: NDArray[np.bool_] = ((last != np.arange(width)) & (turned >= 0))[:, ::-1]
    return repeated


def numbers(frame: pd.DataFrame, table: str, column: str) -> Array:
    series = frame[column]
    if series.dtype.kind in "iu":
        return series.to_numpy(np.float64)
    values = pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isfinite(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{place(frame, table, row, column)}: {_quoted(series.iloc[row])} is no number.",
            "Every row needs a finite number there; fill it in or drop the row.",
        )
    return values


def _rated(truth: pd.DataFrame, user: Codes, item: Codes, threshold: float | None, said: list[str]) -> Rated | None:
    """The held-out pairs with their predictions, None without any. True is the rating, or for probabilities whether the
    item is liked; a table without ratings holds liked items alone."""
    if PREDICTION not in truth:
        return None
    predicted = numbers(truth, "truth", PREDICTION)
    true = numbers(truth, "truth", RATING) if RATING in truth else np.ones(len(truth))
    if threshold is not None and predicted.min() >= 0 and predicted.max() <= 1 < true.max():
        said.append("Predictions lie between 0 and 1: they are compared with whether the held-out item is liked.")
        true = (true >= threshold).astype(np.float64)
    return Rated(user, item, predicted, true)


def _quoted(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _usual_threshold(truth: pd.DataFrame) -> float | None:
    """The rating from which on an item counts as liked where nobody said: 4 of 5 stars, also where the best rating held
    out is a 4; the upper quarter of another scale up to 10 (8 of 10, 1 of 0 and 1); None for numbers beyond, such as
    play counts. Raises DataError that names the row of what is no number."""
    from fairdash.data import mapping

    values = numbers(truth, "truth", RATING)
    if not len(values) or values.max() > 10:
        return None
    if values.min() >= 0 and 4 <= values.max() <= 5:
        return settings.RELEVANCE_THRESHOLD
    return mapping.threshold(values)


def _pairs(user: Codes, item: Codes, n_items: int) -> Interactions:
    """Interactions without rating or time, sorted by user and item, none twice."""
    key = user.astype(np.int64) * n_items + item
    if np.any(key[1:] <= key[:-1]):
        key = np.sort(key)
        key = key[np.concatenate([[True], key[1:] != key[:-1]])]
        user, item = (key // n_items).astype(np.int32), (key % n_items).astype(np.int32)
    return Interactions(user, item, np.ones(len(user), np.float32), np.zeros(len(user)))


def _repeated(column: pd.Series) -> int | None:
    again = column.duplicated().to_numpy()
    return int(np.argmax(again)) if again.any() else None


def _aligned(
    items: pd.DataFrame | None, ids: pd.Series | None, things: Coder, texts: NDArray[np.object_]
) -> pd.DataFrame:
    """The rows of the table of items in the order of the codes; items that it lacks get missing values."""
    if items is None or ids is None:
        return pd.DataFrame({ITEM_ID: texts})
    row = _repeated(ids)
    if row is not None:
        where = place(items, "items", row, ITEM_ID)
        raise DataError(f"{where}: {ids.iloc[row]!r} stands there twice.", "Keep one row for each.")
    rows = np.full(things.size, len(items), dtype=np.int64)
    rows[things.codes(ids)] = np.arange(len(items))
    aligned = items.reset_index(drop=True).reindex(rows).reset_index(drop=True)
    aligned[ITEM_ID] = texts
    return aligned


def _first(column: pd.Series) -> str:
    return ", ".join(repr(value) for value in column.unique()[:3].tolist())
