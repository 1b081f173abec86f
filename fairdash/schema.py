"""Column names and the frozen values that the stages hand to each other.

    read → check → split → fit → recommend → audit → mitigate → compare → report

Tables carry ids as strings. Inside, a user or an item is its row number in `users` or `items` (a *code*, int32), so
that every computation is over arrays. Each value carries a digest of all that it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from fairdash import arrays, images, settings
from fairdash.activity import with_activity
from fairdash.arrays import Arrays
from fairdash.hashing import Hashes, digest, id_hash, mix
from fairdash.images import Images

USER_ID, ITEM_ID, RATING, TIME, RANK, SCORE = "user_id", "item_id", "rating", "time", "rank", "score"
PREDICTION = "prediction"  # of a held-out pair: its predicted rating, or the probability of a like
PART = "part"  # of interactions: train, valid or test, where somebody else has split them
TITLE, CATEGORIES = "title", "categories"  # categories: names joined by "|"
PSEUDONYMS = "pseudonyms"  # in a data set's provenance: the name of the key by which its people have some
UNKNOWN = "(unknown)"  # the group, and the category, of those who have none

Codes = NDArray[np.int32]
Floats = arrays.Floats


def rows_of(ids: pd.Series, values: pd.Series | pa.ChunkedArray) -> Codes:
    """The row of each value [n] among the ids of a table; -1 is none of them."""
    asked = values if isinstance(values, pa.ChunkedArray) else pa.array(values, from_pandas=True)
    known = pa.array(ids, from_pandas=True)
    found = pc.fill_null(pc.index_in(asked.cast(pa.string()), value_set=known.cast(pa.string())), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False), np.int32)


@dataclass(frozen=True, eq=False)
class Interactions:
    """Coded interactions, sorted by user, then oldest first (ties by a hash of seed, user and item).

    user, item: codes [n]. rating: float32 [n] (1.0 where the data has none). time: float64 [n] (0.0 where none).
    """

    user: Codes
    item: Codes
    rating: Floats
    time: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.user)

    @cached_property
    def digest(self) -> str:
        """The name of all four columns."""
        return digest(self.user, self.item, self.rating, self.time)

    def take(self, rows: NDArray[Any]) -> Interactions:
        """The given rows, in that order."""
        return Interactions(self.user[rows], self.item[rows], self.rating[rows], self.time[rows])

    def matrix(self, n_users: int, n_items: int) -> sparse.csr_array:
        """Which user has which item: bool [n_users, n_items]."""
        ones = np.ones(len(self), dtype=bool)
        return sparse.csr_array((ones, (self.user, self.item)), shape=(n_users, n_items), dtype=bool)

    def starts(self, n_users: int) -> NDArray[np.int64]:
        """Offsets [n_users + 1]: user u's rows are starts[u]:starts[u + 1]."""
        return np.searchsorted(self.user, np.arange(n_users + 1)).astype(np.int64)

    @staticmethod
    def concat(*parts: Interactions) -> Interactions:
        """The parts joined, sorted by user again; within a user an earlier part stays before a later one."""
        user = np.concatenate([part.user for part in parts])
        order = np.argsort(user, kind="stable")
        return Interactions(
            user[order],
            np.concatenate([part.item for part in parts])[order],
            np.concatenate([part.rating for part in parts])[order],
            np.concatenate([part.time for part in parts])[order],
        )


@dataclass(frozen=True, eq=False)
class Dataset:
    """Checked tables. interactions: user_id, item_id[, rating][, time][, part]; users: user_id and attributes, one row
    each; items: item_id[, title][, categories] and attributes. Every id in interactions has its row in users and items.

    relevance_threshold: a held-out item counts as liked from this rating on; None: any interaction does.
    impressions: user_id, item_id[, time] of what was shown and not taken: no likes, not seen; None: nothing is known.
    provenance: where it came from, mapping and repairs, as plain JSON values. user_arrays, item_arrays: arrays of
    people and items by name (see `fairdash.arrays`). item_images: small pictures of the items (see `fairdash.images`);
    None: there are none. Raises DataError for arrays and pictures that do not fit the tables.
    """

    name: str
    interactions: pd.DataFrame
    users: pd.DataFrame
    items: pd.DataFrame
    relevance_threshold: float | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    user_arrays: Arrays = field(default_factory=dict)
    item_arrays: Arrays = field(default_factory=dict)
    impressions: pd.DataFrame | None = None
    item_images: Images | None = None

    def __post_init__(self) -> None:
        arrays.check(self.user_arrays, len(self.users), "people")
        arrays.check(self.item_arrays, len(self.items), "items")
        images.check(self.item_images, len(self.items))

    @cached_property
    def digest(self) -> str:
        """The name of what the tables hold, and of how their times are read; not of its name or where it came from."""
        unit = self.provenance.get("time_unit")
        more = (self.user_arrays, self.item_arrays, self.impressions)
        seen = () if self.item_images is None else (self.item_images,)
        return digest(self.interactions, self.users, self.items, self.relevance_threshold, unit, more, *seen)

    @property
    def n_users(self) -> int:
        """How many people there are, with or without interactions."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """How many items there are, with or without interactions."""
        return len(self.items)

    def coded(self, seed: int = 0) -> Interactions:
        """All interactions, coded and ordered; the order of equal times depends on the seed and on ids alone."""
        return self._in_order(seed)[0]

    def column(self, name: str, seed: int = 0) -> pd.Series:
        """A column of the interactions [n], in the order of the `coded` ones."""
        return self.interactions[name].iloc[self._in_order(seed)[1]]

    @cached_property
    def _orders(self) -> dict[int, NDArray[np.int32]]:
        """By seed: sorting takes most of the time, and a page asks for the same order more than once."""
        return {}

    def _in_order(self, seed: int) -> tuple[Interactions, NDArray[np.int32]]:
        """The coded interactions, and the row of each."""
        frame = self.interactions
        user, item = (rows_of(of[key], frame[key]) for key, of in ((USER_ID, self.users), (ITEM_ID, self.items)))
        time = frame[TIME].to_numpy(np.float64) if TIME in frame else np.zeros(len(frame))
        rating = frame[RATING].to_numpy(np.float32) if RATING in frame else np.ones(len(frame), np.float32)
        if seed not in self._orders:
            ties = mix(seed, id_hash(self.users[USER_ID])[user], id_hash(self.items[ITEM_ID])[item])
            self._orders[seed] = np.lexsort((ties, time, user)).astype(np.int32)
        order = self._orders[seed]
        return Interactions(user[order], item[order], rating[order], time[order]), order

    @cached_property
    def categories(self) -> Categories:
        """The categories of the items."""
        return Categories.of(self.items)


@dataclass(frozen=True, eq=False)
class Categories:
    """Category names, and shares [n_items, n_categories]: an item of c categories gives 1/c to each; rows sum to 1."""

    names: tuple[str, ...]
    shares: sparse.csr_array

    @staticmethod
    def of(items: pd.DataFrame) -> Categories:
        """The categories of a table of items; all are `(unknown)` where it has no such column."""
        if CATEGORIES in items:
            lists = _category_lists(items[CATEGORIES])
        else:
            lists = [[UNKNOWN]] * len(items)
        names = tuple(sorted({name for row in lists for name in row}))
        position = {name: i for i, name in enumerate(names)}
        indptr = np.concatenate([[0], np.cumsum([len(row) for row in lists])])
        indices = np.array([position[name] for row in lists for name in row], dtype=np.int32)
        data = np.array([1.0 / len(row) for row in lists for _ in row])
        return Categories(names, sparse.csr_array((data, indices, indptr), shape=(len(items), len(names))))


def _category_lists(cells: pd.Series) -> list[list[str]]:
    """The names in each cell; of equal texts, of which there are few, one is looked at."""
    known: dict[str, list[str]] = {}
    lists = []
    for cell in cells.to_numpy(object):
        if isinstance(cell, str):
            if cell not in known:
                known[cell] = _category_names(cell)
            lists.append(known[cell])
        else:
            lists.append(_category_names(cell))
    return lists


def _category_names(cell: Any) -> list[str]:
    """The different names in one cell: text cut at |, or a list of names; `(unknown)` where there is none."""
    if isinstance(cell, (list, tuple, np.ndarray)):
        parts = list(cell)
    else:
        parts = str(cell).split("|") if pd.notna(cell) else []
    names = [name for part in parts if (name := " ".join(str(part).split())) not in ("", "?")]
    return list(dict.fromkeys(names)) or [UNKNOWN]


@dataclass(frozen=True, eq=False)
class Groups:
    """Who belongs where. codes: int32 [n] in 0…len(names)-1, or -1 for `(unknown)`; for users or for items alike.

    member: None where nobody belongs to two groups; else bool csr [n, len(names)], and the code of those who belong to
    several is -1, too: whoever counts people by groups takes `membership`.
    """

    attribute: str  # "gender"; a crossing is "gender × age_band"
    names: tuple[str, ...]
    codes: Codes
    member: sparse.csr_array | None = None

    @staticmethod
    def of(attribute: str, names: tuple[str, ...], member: sparse.csr_array) -> Groups:
        """From who belongs to which group: bool [n, len(names)]."""
        member = sparse.csr_array(member, dtype=bool)
        member.sort_indices()
        counts = np.diff(member.indptr)
        codes = np.full(member.shape[0], -1, dtype=np.int32)
        codes[counts == 1] = member.indices[member.indptr[:-1][counts == 1]]
        return Groups(attribute, names, codes, member if (counts > 1).any() else None)

    def take(self, rows: NDArray[np.integer[Any]]) -> Groups:
        """The people of these rows, in this order; -1 is somebody unknown."""
        known = np.flatnonzero(rows >= 0)
        codes = np.full(len(rows), -1, dtype=np.int32)
        codes[known] = self.codes[rows[known]]
        if self.member is None:
            return Groups(self.attribute, self.names, codes)
        shape = (len(rows), len(self.codes))
        chosen = sparse.csr_array((np.ones(len(known), dtype=bool), (known, rows[known])), shape=shape)
        return Groups(self.attribute, self.names, codes, sparse.csr_array(chosen @ self.member))

    def among(self, kept: Sequence[int] | NDArray[np.integer[Any]]) -> Groups:
        """Some of the groups, in this order; who is in none of them is unknown."""
        names = tuple(self.names[int(g)] for g in kept)
        if self.member is not None:
            return Groups.of(self.attribute, names, self.member[:, list(kept)])
        place = np.full(len(self.names) + 1, -1, dtype=np.int32)
        place[list(kept)] = np.arange(len(names))
        return Groups(self.attribute, names, place[self.codes])

    def __add__(self, other: Groups) -> Groups:
        """The people of both, first these."""
        codes = np.concatenate([self.codes, other.codes])
        if self.member is None and other.member is None:
            return Groups(self.attribute, self.names, codes)
        member = sparse.vstack([self.membership, other.membership], format="csr")
        return Groups(self.attribute, self.names, codes, member)

    @cached_property
    def members(self) -> tuple[NDArray[np.integer[Any]], ...]:
        """The rows of each group's people, ascending; those of the unknown last."""
        columns = self.membership.tocsc()
        named = [columns.indices[a:b] for a, b in pairwise(columns.indptr)]
        return (*named, np.flatnonzero(self.unknown))

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """Who belongs to no group [n]."""
        return np.diff(self.member.indptr) == 0 if self.member is not None else self.codes < 0

    @property
    def several(self) -> int:
        """How many people belong to two groups or more."""
        return 0 if self.member is None else int((np.diff(self.member.indptr) > 1).sum())

    def slots(self) -> Codes:
        """Each person's groups, ascending, -1 where there are no more [n, most groups of one person]."""
        if self.member is None:
            return self.codes[:, None]
        row, column = self.member.nonzero()
        place = np.arange(len(row)) - self.member.indptr[row]
        slots = np.full((len(self.codes), int(place.max()) + 1), -1, dtype=np.int32)
        slots[row, place] = column
        return slots

    @property
    def shared(self) -> NDArray[np.int64]:
        """How many people are in both of two groups [g, g]; on the diagonal, in one."""
        if self.member is None:
            return np.diag(self.sizes)
        counted = self.member.astype(np.int64)
        both: NDArray[np.int64] = (counted.T @ counted).toarray()
        return both

    @property
    def membership(self) -> sparse.csr_array:
        """Who belongs to which group: bool [n, len(names)]; the row of one who is unknown is empty."""
        if self.member is not None:
            return self.member
        known = np.flatnonzero(self.codes >= 0)
        shape = (len(self.codes), len(self.names))
        return sparse.csr_array((np.ones(len(known), dtype=bool), (known, self.codes[known])), shape=shape)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """People (or items) in each named group [len(names)]; overlapping ones add up to more than there are."""
        if self.member is not None:
            return np.asarray(self.member.sum(axis=0, dtype=np.int64)).ravel()
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names)).astype(np.int64)


@dataclass(frozen=True)
class GroupSpec:
    """How to form groups: one attribute, or several crossed; numeric ones are cut at `edges` ([a, b) each, open ends).

    `groups.form(spec, table)` gives the Groups. min_size: smaller groups are shown but never part of a gap. target: the
    share that each group should have (`groups.target_shares`), a word or shares by name; "": the metric's own. members:
    of attributes that are no column but a list of people, such as a group that somebody saved, the ids in it.
    """

    attributes: tuple[str, ...]
    edges: tuple[tuple[float, ...] | None, ...] = ()
    min_size: int = settings.MIN_GROUP_SIZE
    target: str | tuple[tuple[str, float], ...] = ""
    members: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def label(self) -> str:
        """The attributes as people read them: "gender", "gender × age"."""
        return " × ".join(self.attributes)

    @property
    def each(self) -> tuple[GroupSpec, ...]:
        """The attributes one by one, cut and filled as they are here."""
        cuts = (*self.edges, *[None] * len(self.attributes))
        return tuple(
            GroupSpec((name,), () if cut is None else (cut,), self.min_size,
                      members=tuple(one for one in self.members if one[0] == name))
            for name, cut in zip(self.attributes, cuts, strict=False)
        )  # fmt: skip

    @staticmethod
    def crossed(specs: Sequence[GroupSpec]) -> GroupSpec:
        """The attributes of all specs (at least one) crossed, each of them once; min_size is the largest of them."""
        edges: dict[str, tuple[float, ...] | None] = {}
        for spec in specs:
            for i, attribute in enumerate(spec.attributes):
                edges.setdefault(attribute, spec.edges[i] if i < len(spec.edges) else None)
        cut = tuple(edges.values()) if any(cuts is not None for cuts in edges.values()) else ()
        members = {name: ids for spec in specs for name, ids in spec.members}
        return GroupSpec(tuple(edges), cut, max(spec.min_size for spec in specs), members=tuple(members.items()))


LATER = ("item_images", "remarks", "asked")  # fields of TrainingData that its digest passes over where they are None


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a recommender or a mitigation may see: people, items, train and validation interactions. Never test.

    row_weight: float32 [len(train)], weight of each training interaction. user_repeats: int32 [n_users], how often
    a user's history occurs in an epoch. profile: user attributes that are written into the profile text. swap:
    attributes of the profile whose values are all exchanged for other ones in added twin samples, for `swap_share`
    (0…1) of users an epoch; empty for none. user_arrays, item_arrays, item_images: as in a Dataset. remarks: text
    [n_users] that is said to a language model behind who somebody is, "" for nothing. asked: whom the recommender is
    asked about [n_users]; None: everybody.
    """

    users: pd.DataFrame
    items: pd.DataFrame
    train: Interactions
    valid: Interactions
    relevance_threshold: float | None = None
    row_weight: Floats | None = None
    user_repeats: NDArray[np.int32] | None = None
    profile: tuple[str, ...] = ()
    swap: tuple[str, ...] = ()
    swap_share: float = 0.0
    user_arrays: Arrays = field(default_factory=dict)
    item_arrays: Arrays = field(default_factory=dict)
    item_images: Images | None = None
    remarks: NDArray[np.object_] | None = None
    asked: NDArray[np.bool_] | None = None

    @property
    def n_users(self) -> int:
        """How many people there are."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """How many items there are."""
        return len(self.items)

    @cached_property
    def popularity(self) -> NDArray[np.float64]:
        """Training interactions of each item [n_items]."""
        return np.bincount(self.train.item, minlength=self.n_items).astype(np.float64)

    @cached_property
    def item_hashes(self) -> Hashes:
        """`hashing.id_hash` of the items' ids [n_items]: by these equal scores are ordered."""
        return id_hash(self.items[ITEM_ID])

    @cached_property
    def categories(self) -> Categories:
        """The categories of the items."""
        return Categories.of(self.items)

    @cached_property
    def people(self) -> pd.DataFrame:
        """The users with what their interactions tell of them: `activity`. What groups of people are formed from."""
        counts = (np.bincount(part.user, minlength=self.n_users) for part in (self.train, self.valid))
        return with_activity(self.users, sum(counts, np.zeros(self.n_users, dtype=np.int64)))

    @cached_property
    def digest(self) -> str:
        """The name of everything that a training sees."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        # data without these is called as it was before there were such
        parts = [part for name, part in values.items() if name not in LATER or part is not None]
        return digest(*(part.digest if isinstance(part, Interactions) else part for part in parts))

    def weights(self) -> NDArray[np.float64]:
        """How much each training interaction counts: its row_weight, times how often its user is repeated."""
        weight = np.ones(len(self.train)) if self.row_weight is None else self.row_weight.astype(np.float64)
        return weight if self.user_repeats is None else weight * self.user_repeats[self.train.user]

    def with_(self, **changes: Any) -> TrainingData:
        """The same with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class Split:
    """A data set cut in three. Test is kept here and goes to `audit` and `compare` alone.

    asked: whom a recommender was asked about [n_users], the only ones with lists and the only ones who are audited;
    None: everybody. It is the recommender's, and no part of the digest of the cut.
    """

    name: str
    spec: str  # "leave-one-out", "user-time:0.8", "user-random:0.8", "global-time:DATE", "own"
    seed: int
    training: TrainingData
    test: Interactions
    notes: tuple[str, ...] = ()  # who cannot be tested or has no history, and what leaks, in sentences
    asked: NDArray[np.bool_] | None = None
    predicted: NDArray[np.float64] | None = None  # of each row of test, where another system's predictions came along

    @cached_property
    def known(self) -> Interactions:
        """Train and validation together: the history at test time, and what the lists leave out."""
        return Interactions.concat(self.training.train, self.training.valid)

    @cached_property
    def digest(self) -> str:
        """The name of the cut and all that it holds; its name and notes say nothing more."""
        more = () if self.predicted is None else (self.predicted,)
        return digest(self.spec, self.seed, self.training.digest, self.test.digest, *more)

    def among(self, other: Split) -> Split:
        """The same where only those are asked whom the other asks too."""
        if other.asked is None:
            return self
        return replace(self, asked=other.asked if self.asked is None else self.asked & other.asked)

    @cached_property
    def on_validation(self) -> Split:
        """The same as it stood at validation time, with validation in the place of the test: what strengths are chosen
        by. Nothing of the test is in it."""
        nobody = self.training.valid.take(np.zeros(0, dtype=np.int64))
        return replace(self, training=self.training.with_(valid=nobody), test=self.training.valid, predicted=None)

    @cached_property
    def test_digest(self) -> str:
        """The name of who is tested, on which items, with what held out; whatever was known before."""
        return digest(self.training.users, self.training.items, self.training.relevance_threshold, self.test.digest)


def slim(scores: NDArray[np.float64]) -> Floats | NDArray[np.float64]:
    """Scores as float32, in half the bytes, where that keeps every digit, and as they are where it does not."""
    with np.errstate(over="ignore"):
        small = scores.astype(np.float32)
    return small if np.array_equal(small, scores, equal_nan=True) else scores


@dataclass(frozen=True, eq=False)
class Lists:
    """Ranked candidates of every user, best first. items: codes [n_users, k], -1 for an empty place: at the end of a
    short list, or where lists that were brought have a hole in their ranks;
    scores: [n_users, k], higher is better, NaN where there is none; float32 of a recommender, and float64 of lists that
    were brought wherever float32 does not keep every digit."""

    items: Codes
    scores: Floats | NDArray[np.float64]

    @property
    def depth(self) -> int:
        """Places up to the last that anybody's list fills."""
        filled = np.flatnonzero((self.items >= 0).any(axis=0))
        return int(filled[-1]) + 1 if len(filled) else 0

    @property
    def k(self) -> int:
        """How many places a list has, filled or not."""
        return int(self.items.shape[1])

    def top(self, k: int) -> Lists:
        """The best k of each list; all of it where it is shorter."""
        return Lists(self.items[:, :k], self.scores[:, :k])

    @cached_property
    def digest(self) -> str:
        """The name of items and scores."""
        return digest(self.items, self.scores)

    def to_frame(self, users: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
        """user_id, item_id, rank (from 1), score; short lists give fewer rows."""
        row, column = np.nonzero(self.items >= 0)
        return pd.DataFrame(
            {
                USER_ID: users[USER_ID].to_numpy()[row],
                ITEM_ID: items[ITEM_ID].to_numpy()[self.items[row, column]],
                RANK: (column + 1).astype(np.int64),
                SCORE: self.scores[row, column],
            }
        )
