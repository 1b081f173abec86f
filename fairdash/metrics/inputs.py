"""From the tables that `data.brought` repaired to coded arrays, once.

Inside, a user or an item is a code (its row in `Inputs.user_ids`, `Catalogue.ids`), in the order of the ids. What is
done with odd rows of lists:

    rank missing             made from score, best first, equal scores by a hash of (seed, item)
    ranks from 0             shifted to start at 1, said
    holes in the ranks       kept: the rank decides the discount, said
    two items at one rank    refused
    an item twice in a list  the better rank counts, the other place stays empty, said
    score NaN                refused where the score is needed for the order
    more than K rows         those beyond K count in pairwise_accuracy alone; from `places` on they are cut, said
    items of the training    kept, said: no candidates unless they are held out again
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.activity import ACTIVITY, with_activity
from fairdash.data.brought import Brought, in_order
from fairdash.data.findings import Finding
from fairdash.errors import ConfigError, DataError
from fairdash.groups import target_shares
from fairdash.hashing import Hashes, id_hash, mix
from fairdash.item_classes import ItemClass, item_classes
from fairdash.metrics import accuracy
from fairdash.metrics.rating import Rated
from fairdash.schema import (
    ITEM_ID,
    PREDICTION,
    RANK,
    RATING,
    SCORE,
    USER_ID,
    Codes,
    Groups,
    GroupSpec,
    Interactions,
    Lists,
    Split,
    slim,
)

Array = NDArray[np.float64]

MAX_GRADE = 100.0  # a rating of r is a gain of 2^r − 1
MAX_RANK = 2**31  # larger ones would leave the range of codes
LIST_CELLS = 40_000_000  # places of all lists together that are kept: 1 GB while they are audited


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All items that can be recommended, and what is known of them. popularity: training interactions of each item
    [n_items], None without training data. classes: item groups, categories first where items have them."""

    ids: NDArray[np.object_]
    popularity: Array | None
    classes: tuple[ItemClass, ...]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Inputs:
    """One audit's coded tables. user_ids: [n], text or whole numbers. lists: [n, depth], -1 for an empty place.
    relevant: the held-out (user, item) pairs that count as liked, sorted by user, none twice. known: the users' own
    training pairs, likewise, or None. groups: of users, one for each attribute, with the size below which each keeps a
    group out of gaps, and the shares that its groups should have, where some were chosen. continuous: numeric
    attributes by label [n], NaN where missing, drawn as curves. graded: the held-out pairs with ratings that can be
    gains, or None. threshold: from which rating on an item counts as
    liked, None: any. rated: held-out pairs with predicted and true values, where the recommender predicts them.
    findings: what reading the tables found."""

    user_ids: NDArray[Any]
    lists: Lists
    relevant: Interactions
    known: Interactions | None
    groups: tuple[Groups, ...]
    min_sizes: tuple[int, ...]
    targets: tuple[Array | None, ...]
    continuous: dict[str, Array]
    catalogue: Catalogue
    graded: Interactions | None
    warnings: tuple[str, ...]
    threshold: float | None
    rated: Rated | None = None
    findings: tuple[Finding, ...] = ()

    @cached_property
    def hashes(self) -> Hashes:
        """Id hashes of the users [n]."""
        whole = self.user_ids.dtype.kind in "iu"
        return id_hash(self.user_ids if whole else self.user_ids.astype(str).astype(object))


def from_split(
    split: Split,
    lists: Lists,
    groups: Sequence[GroupSpec],
    item_groups: Sequence[GroupSpec],
    threshold: float | Literal["auto"] | None,
    findings: Sequence[Finding] = (),
    beside: Sequence[Lists] = (),
) -> Inputs:
    """The test part of a split against lists [n_users, ≥ k]. Audited are those who have a list, in one of those beside
    too, or held-out items; of a sample of people, they alone. threshold: "auto" takes the split's own."""
    from fairdash.groups import form

    data = split.training
    if len(lists.items) != data.n_users:
        raise ConfigError(
            words.say(
                "There are lists for {n} person, but the split has {n_users}.",
                "There are lists for {n} people, but the split has {n_users}.",
                n=len(lists.items),
                n_users=data.n_users,
            ),
            "Make lists for the people of this split, one row each, in its order.",
        )
    threshold = data.relevance_threshold if threshold == "auto" else threshold
    test = split.test
    liked = np.arange(len(test)) if threshold is None else np.flatnonzero(test.rating >= threshold)
    known = _pairs(split.known.user, split.known.item, data.n_items)
    popularity = np.bincount(known.item, minlength=data.n_items).astype(np.float64) if len(known) else None
    item_ids = data.items[ITEM_ID].to_numpy(dtype=object)
    user_ids = data.users[USER_ID].to_numpy(dtype=object)
    catalogue = Catalogue(item_ids, popularity, item_classes(data.items, item_groups, popularity))
    formed = tuple(form(spec, data.people) for spec in groups)
    relevant = _pairs(test.user[liked], test.item[liked], data.n_items)
    held = _pairs(test.user, test.item, data.n_items)
    said: list[str] = []
    rated = None
    if split.predicted is not None:
        rated = _rated(test.user, test.item, split.predicted, test.rating.astype(np.float64), threshold, said)
    odd = Oddities()
    odd.count_known(lists, known, data.n_items)
    made = Inputs(
        user_ids=user_ids,
        lists=lists,
        relevant=relevant,
        known=known if len(known) else None,
        groups=formed,
        min_sizes=tuple(spec.min_size for spec in groups),
        targets=_targets(groups, formed),
        continuous=_continuous(groups, data.users),
        catalogue=catalogue,
        warnings=(*_known_again(held, known, data.n_items), *said, *odd.sentences(), *_listed(groups)),
        graded=_graded(test.user, test.item, test.rating),
        threshold=threshold,
        rated=rated,
        findings=tuple(findings),
    )
    audited = np.any([(some.items >= 0).any(axis=1) for some in (lists, *beside)], axis=0)
    audited[test.user] = True
    if split.asked is not None:
        audited &= split.asked
    return made if audited.all() else people_of(made, np.flatnonzero(audited).astype(np.int32))


@dataclass(frozen=True, eq=False)
class Setting:
    """All but the lists: who and what there is. people, things: coders; the other values are in their order, as in
    Inputs."""

    people: Coder
    things: Coder
    relevant: Interactions
    known: Interactions | None
    groups: tuple[Groups, ...]
    targets: tuple[Array | None, ...]
    continuous: dict[str, Array]
    catalogue: Catalogue
    graded: Interactions | None
    threshold: float | None
    rated: Rated | None


def setting(
    tables: Brought,
    people: Coder,
    things: Coder,
    groups: Sequence[GroupSpec],
    item_groups: Sequence[GroupSpec],
    said: list[str],
) -> Setting:
    """Code truth, train, users and items."""
    from fairdash.groups import form

    truth, users, items, threshold = tables.truth, tables.users, tables.items, tables.threshold
    user, item = (people.codes(truth[USER_ID]), things.codes(truth[ITEM_ID]))
    liked = slice(None) if threshold is None else np.flatnonzero(numbers(truth, "truth", RATING) >= threshold)
    relevant = _pairs(user[liked], item[liked], things.size)
    known = popularity = None
    if tables.train is not None:
        user_known, item_known = people.codes(tables.train[USER_ID]), things.codes(tables.train[ITEM_ID])
        popularity = np.bincount(item_known, minlength=things.size).astype(np.float64)
        own = user_known >= 0  # people who are not audited still count in popularity
        known = _pairs(user_known[own], item_known[own], things.size)
        said += _known_again(_pairs(user, item, things.size), known, things.size)
    ids = things.ids()
    described = _aligned(items, things, ids)
    catalogue = Catalogue(ids, popularity, item_classes(described, item_groups, popularity))
    codes = people.codes(users[USER_ID])
    there = codes >= 0
    row = np.full(people.size, -1)  # of each person in the table; groups are formed of all that are there, so that
    row[codes[there]] = np.flatnonzero(there)  # they do not depend on who has a list
    formed = [form(spec, _with_activity(tables, groups)) for spec in groups]
    return Setting(
        people=people,
        things=things,
        relevant=relevant,
        known=known,
        groups=tuple(group.take(row) for group in formed),
        targets=_targets(groups, formed),
        continuous={label: np.append(values, np.nan)[row] for label, values in _continuous(groups, users).items()},
        catalogue=catalogue,
        graded=_graded(user, item, pd.to_numeric(truth[RATING], errors="coerce").to_numpy(np.float64, na_value=np.nan))
        if RATING in truth
        else None,
        threshold=threshold,
        rated=_predicted(truth, user, item, threshold, said),
    )


def _with_activity(tables: Brought, groups: Sequence[GroupSpec]) -> pd.DataFrame:
    """The table of people, with their activity where a group asks for it."""
    if not any(ACTIVITY in spec.attributes for spec in groups) or ACTIVITY in tables.users:
        return tables.users
    if tables.train is None:
        raise ConfigError(
            "The most active people are told apart by training interactions, and there are none.",
            "Give the training table as well (--train).",
        )
    counts = tables.users[USER_ID].map(tables.train[USER_ID].value_counts()).fillna(0)
    return with_activity(tables.users, counts.to_numpy().astype(np.int64))


def _listed(specs: Sequence[GroupSpec]) -> list[str]:
    """Of groups that are lists of people: that whoever made one may have looked at what is now measured."""
    names = dict.fromkeys(name for spec in specs for name, _ in spec.members)
    return [
        words.say(
            "“{group}” is a list of people that somebody made: a difference in what they were chosen by is no finding.",
            group=name,
        )
        for name in names
    ]


def _targets(specs: Sequence[GroupSpec], formed: Sequence[Groups]) -> tuple[Array | None, ...]:
    return tuple(target_shares(spec, group.names, {}) for spec, group in zip(specs, formed, strict=True))


def _known_again(held: Interactions, known: Interactions, n_items: int) -> list[str]:
    """Where held-out pairs stand in training too; both sorted, none twice."""
    keys, ours = (pairs.user.astype(np.int64) * n_items + pairs.item for pairs in (known, held))
    again = np.searchsorted(keys, ours) < np.searchsorted(keys, ours, side="right")
    if not again.any():
        return []
    return [
        words.say(
            "{both} of {held} held-out items of {people} people are among the same person's training items: what was "
            "trained on cannot test; they count as held out, and as candidates.",
            both=int(again.sum()),
            held=len(ours),
            people=len(np.unique(held.user[again])),
        )
    ]


def places(n_users: int, n_items: int) -> int:
    """How many places of a list are kept at most: all of a catalogue, unless the lists of all people would not fit."""
    return max(settings.CANDIDATES, min(n_items, LIST_CELLS // max(1, n_users)))


def coders(tables: Brought) -> tuple[Coder, Coder]:
    """People who are audited, those with a list of any system or held-out items, and all items that there are."""
    lists = list(tables.systems.values())
    held = [tables.truth] if len(tables.truth) else []
    users = [frame[USER_ID] for frame in (*lists, *held)]
    items = [frame[ITEM_ID] for frame in (tables.items, *lists, *held, tables.train) if frame is not None]
    return Coder.of(*users), Coder.of(*items)


def from_tables(
    tables: Brought,
    system: str,
    groups: Sequence[GroupSpec],
    item_groups: Sequence[GroupSpec],
    k: int,
    seed: int,
    accuracy_only: bool = False,
) -> Inputs:
    """Coded tables with the lists of one system. accuracy_only: keep the first k places of a list alone."""
    said: list[str] = []
    odd = Oddities()
    recommendations = tables.systems[system]
    file = str(recommendations.attrs.get("file", "recommendations"))
    people, things = coders(tables)
    made = setting(tables, people, things, groups, item_groups, said)
    listed_user, listed_item = people.codes(recommendations[USER_ID]), things.codes(recommendations[ITEM_ID])

    def where(row: int) -> str:
        return place(recommendations, "recommendations", row, RANK)

    if RANK in recommendations:
        column = recommendations[RANK]
        whole = column.dtype.kind in "iu"  # nothing to look for but numbers below 0
        given = column.to_numpy() if whole else numbers(recommendations, "recommendations", RANK)
        rank = check_ranks(given, where)
        odd.from_zero = int(rank.min()) == 0
        rank = rank + odd.from_zero
    else:
        ties = mix(seed, id_hash(made.catalogue.ids))[listed_item]
        rank = ranks_of_scores(numbers(recommendations, "recommendations", SCORE), listed_user, ties)
    score = None
    if SCORE in recommendations:
        score = pd.to_numeric(recommendations[SCORE], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    limit = k if accuracy_only else places(people.size, things.size)
    lists = arrange(listed_user, listed_item, rank, score, people.size, things.size, k, odd, where, limit)
    odd.count_known(lists, made.known, things.size)
    said += odd.sentences()
    with_list = np.asarray((lists.items >= 0).any(axis=1))
    people_meet = bool(with_list[people.codes(tables.truth[USER_ID])].any())
    true_item = things.codes(tables.truth[ITEM_ID])
    items_meet = any(meet(part, true_item, things.size) for part in (listed_item[:10_000], listed_item))
    apart = meeting(recommendations, tables.truth, people_meet, items_meet)
    return Inputs(
        user_ids=people.index.to_numpy(),
        lists=lists,
        relevant=made.relevant,
        known=made.known,
        groups=made.groups,
        min_sizes=tuple(spec.min_size for spec in groups),
        targets=made.targets,
        continuous=made.continuous,
        catalogue=made.catalogue,
        graded=made.graded,
        warnings=tuple(said),
        threshold=made.threshold,
        rated=made.rated,
        findings=(*tables.findings, *odd.findings(file), *apart),
    )


def lists_for(tables: Brought, system: str, users: pd.Series) -> tuple[Lists, tuple[Finding, ...]]:
    """The lists of one system for people with these ids, in their order, and all that was found. The items are those of
    `given.given_split`."""
    made = from_tables(tables, system, (), (), settings.K, 0)
    rows = pd.Index(users.astype("str")).get_indexer(pd.Index(made.user_ids).astype("str"))
    items = np.full((len(users), made.lists.items.shape[1]), -1, dtype=np.int32)
    scores = np.full(items.shape, np.nan)
    items[rows], scores[rows] = made.lists.items, made.lists.scores
    return Lists(items, slim(scores)), made.findings


def meet(a: Codes, b: Codes, size: int) -> bool:
    """Whether two columns of codes have one in common."""
    there = np.zeros(size, dtype=bool)
    there[a] = True
    return any(there[part].any() for part in (b[:10_000], b))  # the first rows nearly always tell


def meeting(lists: pd.DataFrame, truth: pd.DataFrame, people_meet: bool, items_meet: bool) -> list[Finding]:
    """Whether lists and truth are about the same people and items: DataError, or a finding, where not."""
    if not len(truth):
        return []
    if not people_meet:
        raise DataError(
            "No user of the recommendations has a held-out item: the user ids of the two tables do not meet.",
            words.say(
                "The first are {first} and {first_2}; bring them to one form.",
                first=_first(lists[USER_ID]),
                first_2=_first(truth[USER_ID]),
            ),
        )
    if items_meet:
        return []
    message = words.say(
        "Not one held-out item occurs in any list: are the item ids of the two tables of one form? The first are "
        "{listed} and {held}.", listed=_first(lists[ITEM_ID]), held=_first(truth[ITEM_ID]),
    )  # fmt: skip
    return [Finding("items_apart", "warning", str(lists.attrs.get("file", "recommendations")), message)]


def people_of(whole: Inputs, codes: Codes) -> Inputs:
    """The same tables with these users alone, in this order: a piece of an audit, to be made on another machine."""
    n = len(whole.user_ids)
    return replace(
        whole,
        user_ids=whole.user_ids[codes],
        lists=Lists(whole.lists.items[codes], whole.lists.scores[codes]),
        relevant=pairs_of(whole.relevant, whole.relevant.starts(n), codes),
        known=None if whole.known is None else pairs_of(whole.known, whole.known.starts(n), codes),
        groups=tuple(group.take(codes) for group in whole.groups),
        continuous={label: values[codes] for label, values in whole.continuous.items()},
        graded=None if whole.graded is None else pairs_of(whole.graded, whole.graded.starts(n), codes),
        rated=None if whole.rated is None else whole.rated.of(codes, n),
    )


def pairs_of(pairs: Interactions, starts: NDArray[np.int64], codes: Codes) -> Interactions:
    """The pairs of these users, renumbered in their order."""
    length = starts[codes + 1] - starts[codes]
    ends = np.cumsum(length)
    rows = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts[codes] - (ends - length), length)
    user = np.repeat(np.arange(len(codes), dtype=np.int32), length)
    return Interactions(user, pairs.item[rows], pairs.rating[rows], pairs.time[rows])


def short(n: int, k: int) -> list[str]:
    """What is said of n lists that do not fill K places."""
    told = words.say(
        "{n} list has fewer than K = {k} items; empty places count as misses.",
        "{n} lists have fewer than K = {k} items; empty places count as misses.",
        n=n,
        k=k,
    )
    return [told] if n else []


def unlisted(n: int, held: bool = True) -> list[str]:
    """What is said of n people without a list. held: whether there are held-out items."""
    if n and not held:
        told = words.say(
            "{n} person has a list of another system and none of this one.",
            "{n} people have a list of another system and none of this one.",
            n=n,
        )
        return [told]
    told = words.say(
        "{n} person has held-out items but no list: that accuracy is 0.",
        "{n} people have held-out items but no list: their accuracy is 0.",
        n=n,
    )
    return [told] if n else []


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


@dataclass(frozen=True, eq=False)
class Coder:
    """Codes of ids: 0…size-1 in the order of the ids, -1 for ids that are not among them. index: the ids by code."""

    index: pd.Index
    table: NDArray[np.int32] | None  # codes by id, for whole numbers in a narrow range
    low: int

    @staticmethod
    def of(*columns: pd.Series) -> Coder:
        """A coder of all ids that occur in the columns."""
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
        uniques = [column.unique() for column in columns]
        return Coder(pd.Index(in_order(pd.Series(np.concatenate(uniques)).drop_duplicates())), None, 0)

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.index)

    def codes(self, column: pd.Series) -> Codes:
        """Codes [n] of a column of ids, -1 for those that it does not know."""
        if self.table is None:  # each different id is looked up once
            place, different = pd.factorize(column)
            return np.append(self.index.get_indexer(pd.Index(different)), -1).astype(np.int32)[place]
        offset = column.to_numpy() - self.low
        if not len(offset) or (offset.min() >= 0 and offset.max() < len(self.table)):
            found: Codes = self.table[offset]
            return found
        inside = (offset >= 0) & (offset < len(self.table))
        return np.where(inside, self.table[np.where(inside, offset, 0)], np.int32(-1))

    def ids(self) -> NDArray[np.object_]:
        """The ids as text."""
        return self.index.astype(str).to_numpy(dtype=object)


@dataclass
class Oddities:
    """What was odd in lists and how often; counts of pieces add up. repeated, beyond: rows; holes, short: lists; known:
    places, and known_lists the lists that they are in. depth: how many places were kept."""

    repeated: int = 0
    holes: int = 0
    short: int = 0
    beyond: int = 0
    depth: int = 0
    known: int = 0
    known_lists: int = 0
    from_zero: bool = False

    def add(self, other: Oddities) -> None:
        """The counts of another piece."""
        for name in ("repeated", "holes", "short", "beyond", "known", "known_lists"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.depth = max(self.depth, other.depth)

    def count_known(self, lists: Lists, known: Interactions | None, n_items: int) -> None:
        """Count what people had in training."""
        if known is not None and len(known):
            own = accuracy.hits(lists.items, known.starts(len(lists.items)), known.item, n_items)
            self.known += int(own.sum())
            self.known_lists += int(own.any(axis=1).sum())

    def sentences(self) -> list[str]:
        """What should be known of the lists as they are audited."""
        said = []
        if self.known:
            said.append(
                words.say(
                    "{n} place, in {lists}, holds what the person had in training: metrics over candidates leave it "
                    "out, unless it is held out again.",
                    "{n} places, in {lists}, hold what the person had in training: metrics over candidates leave them "
                    "out, unless they are held out again.",
                    n=self.known,
                    lists=words.count(self.known_lists, "list"),
                )
            )
        if self.beyond:
            said.append(
                words.say(
                    "Lists are cut at place {depth}, and {n} row lies beyond: pairwise_accuracy takes its item as not "
                    "listed.",
                    "Lists are cut at place {depth}, and {n} rows lie beyond: pairwise_accuracy takes their items as "
                    "not listed.",
                    depth=self.depth,
                    n=self.beyond,
                )
            )
        return said

    def findings(self, file: str) -> list[Finding]:
        """What should be known of a file of lists, whatever the length at which they are audited."""
        found = []
        if self.from_zero:
            message = words.say("Ranks start at 0: all are read as one more.")
            found.append(Finding("rank_from_zero", "info", file, message, 0, (), "", True))
        if self.repeated:
            message = words.say(
                "{n} row repeats an item that the same list already has at a better rank: its place counts as "
                "empty.",
                "{n} rows repeat an item that the same list already has at a better rank: their places count "
                "as empty.", n=self.repeated,
            )  # fmt: skip
            found.append(Finding("repeated_items", "warning", file, message, self.repeated, (), "", True))
        if self.holes:
            message = words.say(
                "{n} list has holes in its ranks; each item keeps the rank that it was given.",
                "{n} lists have holes in their ranks; each item keeps the rank that it was given.",
                n=self.holes,
            )
            found.append(Finding("rank_holes", "warning", file, message, self.holes))
        return found


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
    limit: int,
) -> Lists:
    """Rows of lists → [n_users, depth]; depth is the longest list, at least k, at most `limit` or k. Raises DataError
    where two rows of a user have one rank; `where` says where the row stands."""
    longest = int(rank.max(initial=0))
    depth = max(k, min(longest, limit))
    cell: NDArray[Any] = user.astype(np.int64 if n_users * depth >= 2**31 else np.int32) * depth
    kept: NDArray[np.int64] | slice = slice(None)
    if longest > depth:
        kept = np.flatnonzero(rank <= depth)
        if limit > k:
            odd.beyond, odd.depth = odd.beyond + len(rank) - len(kept), depth
        item, cell = item[kept], cell[kept]
    cell = cell + (rank[kept] - 1).astype(cell.dtype)
    in_order = len(cell) == n_users * depth and int(cell[0]) == 0 and bool((np.diff(cell) == 1).all())
    flat = item.copy() if in_order else np.full(n_users * depth, -1, dtype=np.int32)
    if not in_order:
        flat[cell] = item
    if not in_order and np.count_nonzero(flat >= 0) < len(cell):
        order = np.argsort(cell, kind="stable")
        row = int(np.arange(len(rank))[kept][order[1:][np.diff(cell[order]) == 0][0]])
        raise DataError(
            words.say("{where}: the user has another item at rank {rank}.", where=where(row), rank=int(rank[row])),
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
    if score is None:
        return Lists(items, np.broadcast_to(np.nan, items.shape))  # no memory for what is not there
    scores = np.full(items.shape, np.nan)
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
        raise DataError(
            words.say("{where}: {rank} is no rank.", where=where(row), rank=f"{rank[row]:g}"), "Ranks are 1, 2, 3, …"
        )
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
    """A column as float64 [n]. Raises DataError where a cell is no number."""
    series = frame[column]
    if series.dtype.kind in "iu":
        return series.to_numpy(np.float64)
    values = pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isfinite(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            words.say(
                "{place}: {quoted} is no number.",
                place=place(frame, table, row, column),
                quoted=_quoted(series.iloc[row]),
            ),
            "Every row needs a finite number there; fill it in or drop the row.",
        )
    return values


def _predicted(truth: pd.DataFrame, user: Codes, item: Codes, threshold: float | None, said: list[str]) -> Rated | None:
    """The held-out pairs with their predictions, None without any; a table without ratings holds liked items alone.
    Ratings are float32, as in a split."""
    if PREDICTION not in truth:
        return None
    true = numbers(truth, "truth", RATING) if RATING in truth else np.ones(len(truth))
    true = true.astype(np.float32).astype(np.float64)
    return _rated(user, item, truth[PREDICTION].to_numpy(np.float64), true, threshold, said)


def _rated(user: Codes, item: Codes, predicted: Array, true: Array, threshold: float | None, said: list[str]) -> Rated:
    """Predictions beside the ratings [n], or beside whether the item is liked where they are probabilities."""
    if threshold is not None and predicted.min() >= 0 and predicted.max() <= 1 < true.max():
        said.append(
            words.say("Predictions lie between 0 and 1: they are compared with whether the held-out item is liked.")
        )
        true = (true >= threshold).astype(np.float64)
    return Rated(user, item, predicted, true)


def _graded(user: Codes, item: Codes, rating: NDArray[Any]) -> Interactions | None:
    """The pairs that are rated, sorted by user; None where the ratings are all the same, or no gains: below 0, or so
    high that one alone would count."""
    rows = np.flatnonzero(np.isfinite(rating))
    user, item, rating = user[rows], item[rows], rating[rows]
    if not len(rating) or rating.min() == rating.max() or rating.min() < 0 or rating.max() > MAX_GRADE:
        return None
    order = np.lexsort((item, user))
    return Interactions(user[order], item[order], rating[order].astype(np.float32), np.zeros(len(order)))


def _quoted(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _pairs(user: Codes, item: Codes, n_items: int) -> Interactions:
    """Interactions without rating or time, sorted by user and item, none twice."""
    key = user.astype(np.int64) * n_items + item
    if np.any(key[1:] <= key[:-1]):
        key = np.sort(key)
        key = key[np.concatenate([[True], key[1:] != key[:-1]])]
        user, item = (key // n_items).astype(np.int32), (key % n_items).astype(np.int32)
    n = len(user)  # no memory for what there is not
    return Interactions(user, item, np.broadcast_to(np.float32(1.0), n), np.broadcast_to(0.0, n))


def _aligned(items: pd.DataFrame | None, things: Coder, texts: NDArray[np.object_]) -> pd.DataFrame:
    """The rows of the table of items in the order of the codes; items that it lacks get missing values."""
    if items is None:
        return pd.DataFrame({ITEM_ID: texts})
    rows = np.full(things.size, len(items), dtype=np.int64)
    rows[things.codes(items[ITEM_ID])] = np.arange(len(items))
    aligned = items.reset_index(drop=True).reindex(rows).reset_index(drop=True)
    aligned[ITEM_ID] = texts
    return aligned


def _first(column: pd.Series) -> str:
    return ", ".join(repr(value) for value in column.unique()[:3].tolist())
