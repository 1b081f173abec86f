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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fairdash import settings
from fairdash.errors import ConfigError, DataError
from fairdash.hashing import Hashes, id_hash, mix
from fairdash.metrics import accuracy
from fairdash.schema import (
    CATEGORIES,
    ITEM_ID,
    RANK,
    RATING,
    SCORE,
    UNKNOWN,
    USER_ID,
    Categories,
    Codes,
    Groups,
    GroupSpec,
    Interactions,
    Lists,
    Split,
)

Array = NDArray[np.float64]

HEAD_SHARE = 0.8  # head: the fewest items that make this part of all training interactions
POPULARITY = "popularity"  # the item attribute whose groups are head and tail


@dataclass(frozen=True, eq=False)
class ItemClass:
    """Groups of items. member: [n_items, j], 1 where the item belongs; share: the same with rows that sum to 1 (an item
    of c categories gives 1/c to each) or 0 (`(unknown)`, which is no group)."""

    attribute: str
    names: tuple[str, ...]
    member: sparse.csr_array
    share: sparse.csr_array

    @property
    def sizes(self) -> Array:
        """Items in each group [j]."""
        return np.asarray(self.member.sum(axis=0), dtype=np.float64).ravel()

    @property
    def exclusive(self) -> bool:
        """No item belongs to two groups."""
        return bool((np.diff(self.member.indptr) <= 1).all())

    @staticmethod
    def of_groups(groups: Groups) -> ItemClass:
        known = np.flatnonzero(groups.codes >= 0)
        shape = (len(groups.codes), len(groups.names))
        member = sparse.csr_array((np.ones(len(known)), (known, groups.codes[known])), shape=shape)
        return ItemClass(groups.attribute, groups.names, member, member)

    @staticmethod
    def of_categories(categories: Categories) -> ItemClass:
        kept = np.array([i for i, name in enumerate(categories.names) if name != UNKNOWN], dtype=np.int64)
        share = sparse.csr_array(categories.shares[:, kept])
        share.eliminate_zeros()
        member = share.copy()
        member.data = np.ones_like(member.data)
        return ItemClass(CATEGORIES, tuple(categories.names[i] for i in kept), member, share)


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
    """One audit's coded tables. hashes: id hashes of the users [n]. lists: [n, depth], -1 for an empty place.
    relevant: the held-out (user, item) pairs that count as liked, sorted by user, none twice. known: the users' own
    training pairs, likewise, or None. groups: of users, one for each attribute, with the size below which each keeps a
    group out of gaps. continuous: numeric attributes by label [n], NaN where missing, drawn as curves. threshold: from
    which rating on an item counts as liked, None: any."""

    user_ids: NDArray[np.object_]
    hashes: Hashes
    lists: Lists
    relevant: Interactions
    known: Interactions | None
    groups: tuple[Groups, ...]
    min_sizes: tuple[int, ...]
    continuous: dict[str, Array]
    catalogue: Catalogue
    warnings: tuple[str, ...]
    threshold: float | None


def from_split(
    split: Split, lists: Lists, groups: Sequence[GroupSpec], item_groups: Sequence[GroupSpec], threshold: float | None
) -> Inputs:
    """The test part of a split against lists [n_users, ≥ k]. threshold: None takes the split's own."""
    from fairdash.data.groups import form

    data = split.training
    if len(lists.items) != data.n_users:
        raise ConfigError(
            f"There are lists for {len(lists.items):,} people, but the split has {data.n_users:,}.",
            "Make lists for the people of this split, one row each, in its order.",
        )
    threshold = data.relevance_threshold if threshold is None else threshold
    test = split.test
    liked = np.arange(len(test)) if threshold is None else np.flatnonzero(test.rating >= threshold)
    known = _unique(split.known, data.n_items)
    popularity = np.bincount(known.item, minlength=data.n_items).astype(np.float64)
    item_ids = data.items[ITEM_ID].to_numpy(dtype=object)
    user_ids = data.users[USER_ID].to_numpy(dtype=object)
    catalogue = Catalogue(item_ids, popularity, item_classes(data.items, item_groups, popularity))
    formed = tuple(form(spec, data.users) for spec in groups)
    relevant = _unique(test.take(liked), data.n_items)
    return Inputs(
        user_ids=user_ids,
        hashes=id_hash(user_ids),
        lists=lists,
        relevant=relevant,
        known=known,
        groups=formed,
        min_sizes=tuple(spec.min_size for spec in groups),
        continuous=_continuous(groups, data.users),
        catalogue=catalogue,
        warnings=(),
        threshold=threshold,
    )


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
) -> Inputs:
    """Coded tables of any recommender's lists. Audited are the users who have a list or held-out items."""
    from fairdash.data.groups import form

    said: list[str] = []
    need(recommendations, "recommendations", (USER_ID, ITEM_ID))
    need(truth, "truth", (USER_ID, ITEM_ID))
    need(users, "users", (USER_ID,))
    if not len(recommendations):
        raise DataError("The table of recommendations has no rows.", "Give at least one list.")
    if not len(truth):
        raise DataError("The table of held-out items (truth) has no rows.", "Accuracy needs held-out items.")
    if train is not None:
        need(train, "train", (USER_ID, ITEM_ID))
    if items is not None:
        need(items, "items", (ITEM_ID,))
    tables = {"recommendations": recommendations, "truth": truth, "users": users, "train": train, "items": items}
    user = _columns(tables, USER_ID)
    item = _columns(tables, ITEM_ID)

    people = Coder.of(user["recommendations"], user["truth"])
    things = Coder.of(*(item[name] for name in ("items", "recommendations", "truth", "train") if name in item))
    if items is None:
        said.append(
            f"No table of items: the catalogue is the {things.size:,} items that occur in the other tables, "
            "so coverage and gini leave out items that nobody had and nobody was recommended."
        )
    elif _repeated(item["items"]) is not None:
        where = place(items, "items", _repeated(item["items"]) or 0, ITEM_ID)
        raise DataError(f"{where}: the item stands there twice.", "Keep one row an item.")
    else:
        beyond = things.size - len(items)
        if beyond:
            said.append(
                f"{beyond:,} items of the other tables are missing from the table of items; they have no group."
            )

    if threshold is not None and RATING not in truth:
        raise DataError(
            "The table of held-out items (truth) has no column `rating`, so no threshold can apply.",
            "Leave the relevance threshold out: all held-out items then count as liked.",
        )
    user_true, item_true = people.codes(user["truth"]), things.codes(item["truth"])
    if threshold is None and RATING in truth:
        threshold = settings.RELEVANCE_THRESHOLD if _stars(truth[RATING]) else None
        said.append(
            f"Held-out items count as liked from rating {threshold:g} on; --relevance-threshold changes that."
            if threshold is not None
            else "Held-out ratings are not on a scale of 1 to 5 stars: all held-out items count as liked."
        )
    liked = slice(None) if threshold is None else np.flatnonzero(_numbers(truth, "truth", RATING) >= threshold)
    relevant = _pairs(user_true[liked], item_true[liked], people.size, things.size)

    lists = _lists(
        recommendations,
        people.codes(user["recommendations"]),
        things.codes(item["recommendations"]),
        people,
        things,
        k,
        seed,
        said,
    )
    if not len(np.intersect1d(np.flatnonzero((lists.items >= 0).any(axis=1)), user_true)):
        raise DataError(
            "No user of the recommendations has a held-out item: the user ids of the two tables do not meet.",
            f"The first are {_first(user['recommendations'])} and {_first(user['truth'])}; bring them to one form.",
        )
    if not np.isin(item["truth"].unique(), item["recommendations"].unique()).any():
        said.append(
            "Not one held-out item occurs in any list: are the item ids of the two tables of one form? The first are "
            f"{_first(item['recommendations'])} and {_first(item['truth'])}."
        )
    unlisted = int(((lists.items >= 0).sum(axis=1) == 0).sum())
    if unlisted:
        said.append(f"{unlisted:,} people have held-out items but no list: their accuracy is 0.")

    known = popularity = None
    if train is not None:
        user_known, item_known = people.codes(user["train"]), things.codes(item["train"])
        popularity = np.bincount(item_known, minlength=things.size).astype(np.float64)
        own = user_known >= 0  # people who are not audited still count in popularity
        known = _pairs(user_known[own], item_known[own], people.size, things.size)
    catalogue_ids = things.ids()
    table = _aligned(items, item.get("items"), things, ITEM_ID, catalogue_ids, "items", said)
    catalogue = Catalogue(catalogue_ids, popularity, item_classes(table, item_groups, popularity))
    user_ids = people.ids()
    audited = _aligned(users, user["users"], people, USER_ID, user_ids, "users", said)
    absent = len(np.setdiff1d(people.codes(user["users"]), [-1]))
    if absent < people.size:
        said.append(
            f"{people.size - absent:,} of {people.size:,} audited people are missing from the table of users: "
            f"they stand under {UNKNOWN}."
        )
    idle = len(users) - absent
    if idle:
        said.append(f"{idle:,} people of the table of users have neither a list nor held-out items: they are left out.")
    formed = tuple(form(spec, audited) for spec in groups)
    return Inputs(
        user_ids=user_ids,
        hashes=id_hash(user_ids),
        lists=lists,
        relevant=relevant,
        known=known,
        groups=formed,
        min_sizes=tuple(spec.min_size for spec in groups),
        continuous=_continuous(groups, audited),
        catalogue=catalogue,
        warnings=tuple(said),
        threshold=threshold,
    )


def _continuous(specs: Sequence[GroupSpec], users: pd.DataFrame) -> dict[str, Array]:
    """Values of the attributes that are numbers with many values; impossible ages are missing."""
    from fairdash.data import check, columns, groups

    found = {}
    for spec in specs:
        attribute = spec.attributes[0]
        if len(spec.attributes) == 1 and attribute in users and columns.is_numeric(users[attribute]):
            values = columns.numbers(users[attribute])
            values[check.impossible(users[attribute], attribute)] = np.nan
            if len(np.unique(values[~np.isnan(values)])) > groups.MAX_VALUES:
                found[spec.label] = values
    return found


def item_classes(items: pd.DataFrame, specs: Sequence[GroupSpec], popularity: Array | None) -> tuple[ItemClass, ...]:
    """Categories first where the items have them, then the groups that were asked for, "popularity" being head and
    tail by training interactions."""
    from fairdash.data.groups import form

    classes = []
    if CATEGORIES in items:
        whole = ItemClass.of_categories(Categories.of(items))
        if whole.names:
            classes.append(whole)
    for spec in specs:
        if spec.attributes == (CATEGORIES,):
            if not classes or classes[0].attribute != CATEGORIES:
                raise ConfigError("The items have no categories.", "Add a column `categories`, names joined by |.")
        elif spec.attributes == (POPULARITY,) and POPULARITY not in items:
            if popularity is None:
                raise ConfigError(
                    "Head and tail items are told apart by training interactions, and there are none.",
                    "Give the training table as well (--train).",
                )
            tail = tail_items(popularity).astype(np.int32)
            classes.append(ItemClass.of_groups(Groups(POPULARITY, ("head", "tail"), tail)))
        else:
            classes.append(ItemClass.of_groups(form(spec, items)))
    return tuple(classes)


def tail_items(popularity: Array) -> NDArray[np.bool_]:
    """Which items are not among the fewest that make 80 % of all interactions [n_items]; equal counts stay together
    on the head's side."""
    ordered = np.sort(popularity)[::-1]
    total = ordered.sum()
    if total == 0:
        return np.ones(len(popularity), dtype=bool)
    last = int(np.searchsorted(np.cumsum(ordered), HEAD_SHARE * total - 1e-9))
    tail: NDArray[np.bool_] = popularity < ordered[last]
    return tail


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
    """Codes of ids: 0…size-1 in the order of first occurrence, -1 for ids that are not among them."""

    index: pd.Index
    table: NDArray[np.int32] | None  # codes by id, for whole numbers in a narrow range
    low: int

    @staticmethod
    def of(*columns: pd.Series) -> Coder:
        uniques = [pd.Index(column.unique()) for column in columns]
        index = pd.Index(pd.unique(np.concatenate([part.to_numpy() for part in uniques]))) if uniques else pd.Index([])
        if index.dtype.kind in "iu" and len(index):
            low, high = int(index.min()), int(index.max())
            if high - low < 8 * sum(map(len, columns)) + 1024:
                table = np.full(high - low + 1, -1, dtype=np.int32)
                table[index.to_numpy() - low] = np.arange(len(index), dtype=np.int32)
                return Coder(index, table, low)
        return Coder(index, None, 0)

    @property
    def size(self) -> int:
        return len(self.index)

    def codes(self, column: pd.Series) -> Codes:
        if self.table is None:
            return self.index.get_indexer(pd.Index(column)).astype(np.int32)
        offset = column.to_numpy() - self.low
        inside = (offset >= 0) & (offset < len(self.table))
        codes: Codes = self.table[offset if inside.all() else np.where(inside, offset, 0)]
        return codes if inside.all() else np.where(inside, codes, np.int32(-1))

    def ids(self) -> NDArray[np.object_]:
        """The ids as text."""
        return self.index.astype(str).to_numpy(dtype=object)


def _columns(tables: dict[str, pd.DataFrame | None], name: str) -> dict[str, pd.Series]:
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


def _lists(
    frame: pd.DataFrame, user: Codes, item: Codes, people: Coder, things: Coder, k: int, seed: int, said: list[str]
) -> Lists:
    """[n_users, depth]; depth is the longest list, at least k, at most settings.CANDIDATES or k."""
    if RANK in frame:
        rank = _ranks(frame, said)
    elif SCORE in frame:
        rank = _ranks_of_scores(_numbers(frame, "recommendations", SCORE), user, item, things, seed)
    else:
        raise DataError(
            "The table `recommendations` has neither `rank` nor `score`.", "Add one: without it there is no order."
        )
    longest = int(rank.max())
    depth = max(k, min(longest, settings.CANDIDATES))
    kept = rank <= depth
    cell = user.astype(np.int64) * depth + (rank - 1)
    if not kept.all():
        user, item, cell = user[kept], item[kept], cell[kept]
    flat = np.full(people.size * depth, -1, dtype=np.int32)
    flat[cell] = item
    if RANK in frame and np.count_nonzero(flat >= 0) < len(cell):
        order = np.argsort(cell, kind="stable")
        row = int(np.flatnonzero(kept)[order[1:][np.diff(cell[order]) == 0][0]])
        raise DataError(
            f"{place(frame, 'recommendations', row, RANK)}: the user has another item at rank {int(rank[row])}.",
            "Give every item of a list its own rank, or leave the column out and give scores.",
        )
    items = flat.reshape(people.size, depth)
    holes = int((np.diff((items >= 0).astype(np.int8), axis=1) > 0).any(axis=1).sum())
    repeated = _repeats(items, things.size)
    if repeated.any():
        said.append(
            f"{int(repeated.sum()):,} rows repeat an item that the same list already has at a better rank: "
            "their places count as empty."
        )
        items[repeated] = -1
    length = (items >= 0).sum(axis=1)
    if RANK in frame and holes:
        said.append(f"{holes:,} lists have holes in their ranks; each item keeps the rank that it was given.")
    short = int(((length > 0) & ((items[:, :k] >= 0).sum(axis=1) < k)).sum())
    if short:
        said.append(f"{short:,} lists have fewer than K = {k} items; empty places count as misses.")
    scores = np.full(items.shape, np.nan, dtype=np.float32)
    if SCORE in frame:
        scores.ravel()[cell] = pd.to_numeric(frame[SCORE], errors="coerce").to_numpy(np.float32)[kept]
        scores[items < 0] = np.nan
    return Lists(items, scores)


def _ranks(frame: pd.DataFrame, said: list[str]) -> NDArray[np.int64]:
    rank = _numbers(frame, "recommendations", RANK)
    wrong = (rank != np.floor(rank)) | (rank < 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{place(frame, 'recommendations', row, RANK)}: {rank[row]:g} is no rank.", "Ranks are 1, 2, 3, …"
        )
    whole = rank.astype(np.int64)
    if whole.min() == 0:
        said.append("Ranks start at 0: all are read as one more.")
        whole = whole + 1
    return whole


def _ranks_of_scores(score: Array, user: Codes, item: Codes, things: Coder, seed: int) -> NDArray[np.int64]:
    ties = mix(seed, id_hash(things.ids()))[item]
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
    turned = np.ascontiguousarray(items[:, ::-1])
    starts = np.arange(n + 1, dtype=np.int64) * width
    wanted = np.where(turned >= 0, turned, n_items).ravel()
    last = accuracy.positions(turned, starts, wanted, n_items).reshape(
        n, width
    )  # the later column wins: the earlier place
    repeated: NDArray[np.bool_] = ((last != np.arange(width)) & (turned >= 0))[:, ::-1]
    return repeated


def _numbers(frame: pd.DataFrame, table: str, column: str) -> Array:
    series = frame[column]
    if series.dtype.kind in "iu":
        return series.to_numpy(np.float64)
    values = pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isfinite(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{place(frame, table, row, column)}: {series.iloc[row]!r} is no number.",
            "Every row needs a finite number there; fill it in or drop the row.",
        )
    return values


def _stars(column: pd.Series) -> bool:
    """Whether the ratings look like 0.5 … 5 stars."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return bool(np.nanmax(values) == 5 and np.nanmin(values) >= 0)


def _pairs(user: Codes, item: Codes, n_users: int, n_items: int) -> Interactions:
    """Interactions without rating or time, sorted by user and item, none twice."""
    key = user.astype(np.int64) * n_items + item
    if np.any(key[1:] <= key[:-1]):
        key = np.sort(key)
        key = key[np.concatenate([[True], key[1:] != key[:-1]])]
        user, item = (key // n_items).astype(np.int32), (key % n_items).astype(np.int32)
    return Interactions(user, item, np.ones(len(user), np.float32), np.zeros(len(user)))


def _unique(pairs: Interactions, n_items: int) -> Interactions:
    return _pairs(pairs.user, pairs.item, 0, n_items)


def _repeated(column: pd.Series) -> int | None:
    again = column.duplicated().to_numpy()
    return int(np.argmax(again)) if again.any() else None


def _aligned(
    table: pd.DataFrame | None,
    ids: pd.Series | None,
    coder: Coder,
    name: str,
    texts: NDArray[np.object_],
    title: str,
    said: list[str],
) -> pd.DataFrame:
    """The table's rows in the order of the codes; people or things that it lacks get missing values."""
    if table is None or ids is None:
        return pd.DataFrame({name: texts})
    row = _repeated(ids)
    if row is not None:
        where = place(table, title, row, name)
        raise DataError(f"{where}: {ids.iloc[row]!r} stands there twice.", "Keep one row for each.")
    codes = coder.codes(ids)
    rows = np.full(coder.size, -1, dtype=np.int64)
    rows[codes[codes >= 0]] = np.flatnonzero(codes >= 0)
    aligned = table.reset_index(drop=True).reindex(np.where(rows >= 0, rows, len(table)))
    aligned = aligned.reset_index(drop=True)
    aligned[name] = texts
    return aligned


def _first(column: pd.Series) -> str:
    return ", ".join(repr(value) for value in column.unique()[:3].tolist())
