"""What a window of events adds up to: whole numbers by group of people and by block of people, so that the sum of
windows is the sum of their events, to the bit and in any order.

Shares of an item (1/c to each of its c categories) and discounts (1 / log2(rank + 1)) are counted in parts of UNIT. A
person belongs to one of BLOCKS blocks, by a hash of the id, in every window: a person who comes back tomorrow is no new
person, and leaving out block after block tells how far a value is known (the jackknife over random groups, Wolter,
Introduction to Variance Estimation, 2007, chapters 2 and 4). So a span of any length has its intervals from sums of a
fixed size, without a list of who was there. How many people there are is counted by linear counting (Whang et al.,
ACM TODS 1990): bits that are set are never more than the people, so a group that looks large enough is.

From lists, at once, by group of people:
    selection_rate     of a category: its items in the first K places / (lists × items of the category)
    category_share     of a category: places that go to it; an item of c categories counts 1/c to each
    exposure_share     the same of discounted places
From what people took, once it came:
    hit                lists from which anything was taken, within the time for feedback
    precision          items taken / places
    true_positive_rate of a category: of what people took, the part that stood in a list shown to them before
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.groups import form
from fairdash.hashing import digest, id_hash
from fairdash.item_classes import ItemClass, item_classes
from fairdash.metrics.accuracy import discounts
from fairdash.schema import ITEM_ID, USER_ID, Dataset, Groups, GroupSpec, TrainingData, rows_of

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

UNIT = 1 << 24  # parts of one: an int64 holds the places of 5 · 10¹¹ lists' tops
BLOCKS = 64
BITS = 4096  # of the count of people, a group and window
_SCALARS = ("lists", "places", "taken_places", "hit_lists", "taken", "served", "strange")


@dataclass(frozen=True)
class Rate:
    """A value of a group: Σ above / Σ below. key: as in an audit. of, part: the way to group items and the group; "" of
    none. feedback: known only once people took something. tested: whether drift is looked for in it; what says nearly
    the same as another is not."""

    key: str
    of: str = ""
    part: str = ""
    feedback: bool = False
    tested: bool = True

    @property
    def name(self) -> str:
        """What is said of it, for people."""
        title = words.say(TITLES[self.key])
        return f"{words.plain(self.part)} · {title}" if self.part else title


TITLES = {
    "exposure_share": words.later("Share of exposure"),
    "category_share": words.later("Share of places"),
    "selection_rate": words.later("Selection rate"),
    "hit": words.later("Lists something was taken from"),
    "precision": words.later("Places that were taken"),
    "true_positive_rate": words.later("Taken from a list shown before"),
}


@dataclass(frozen=True, eq=False)
class Census:
    """Who and what there is. groups: of the people, with the size below which each keeps a group out. k: places of a
    list that count."""

    users: pd.Series
    items: pd.Series
    groups: tuple[Groups, ...]
    min_sizes: tuple[int, ...]
    classes: tuple[ItemClass, ...]
    k: int

    @staticmethod
    def of(
        data: Dataset | TrainingData, groups: Sequence[GroupSpec], item_groups: Sequence[GroupSpec], k: int
    ) -> Census:
        """The people and items of a data set, or of what a run was trained on. Raises ConfigError without a group."""
        if not groups:
            raise ConfigError(
                words.say("There is no group of people to watch."), words.say("Name one, such as --group gender.")
            )
        if k < 1:
            raise ConfigError(words.say("A list has at least one place."), words.say("Give --k 10."))
        if isinstance(data, Dataset):
            item = rows_of(data.items[ITEM_ID], data.interactions[ITEM_ID])
            popularity, people = np.bincount(item, minlength=data.n_items).astype(np.float64), data.users
        else:
            popularity, people = data.popularity, data.people
        return Census(
            people[USER_ID].astype(str),
            data.items[ITEM_ID].astype(str),
            tuple(form(spec, people) for spec in groups),
            tuple(spec.min_size for spec in groups),
            item_classes(data.items, item_groups, popularity if popularity.any() else None),
            k,
        )

    @cached_property
    def digest(self) -> str:
        """The name of all that sums depend on."""
        groups = [(g.attribute, g.names, g.slots()) for g in self.groups]
        classes = [(c.attribute, c.names, c.share.toarray()) for c in self.classes]
        return digest(pd.DataFrame({USER_ID: self.users}), pd.DataFrame({ITEM_ID: self.items}), groups, classes,
                      self.min_sizes, self.k, BLOCKS, BITS, UNIT)  # fmt: skip

    @cached_property
    def user_code(self) -> dict[str, int]:
        """A person's row by id."""
        return {user: code for code, user in enumerate(self.users)}

    @cached_property
    def item_code(self) -> dict[str, int]:
        """An item's row by id."""
        return {item: code for code, item in enumerate(self.items)}

    @cached_property
    def first(self) -> tuple[int, ...]:
        """The row of sums of each attribute's first group; row 0 is everybody."""
        return tuple(accumulate((len(g.names) for g in self.groups), initial=1))

    @cached_property
    def cells(self) -> NDArray[np.int32]:
        """Each person's rows of sums, -1 where there are no more; the last row is a person who is not known
        [n_users + 1, most]."""
        n = len(self.users)
        slots = [np.zeros((n, 1), np.int32)]
        for first, group in zip(self.first[:-1], self.groups, strict=True):
            own = group.slots()
            slots.append(np.where(own >= 0, own + first, -1).astype(np.int32))
        every = np.concatenate(slots, axis=1)
        stranger = np.full((1, every.shape[1]), -1, np.int32)
        stranger[0, 0] = 0
        return np.concatenate([every, stranger])

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Where each column of sums, or block of columns, stands: slots, exposure, items, taken and served by group of
        items, then numbers of lists and events."""
        layout, at = {}, 0
        for name, width in (
            *((f"{what}:{c.attribute}", len(c.names)) for c in self.classes for what in ("slots", "exposure", "items")),
            *((f"{what}:{c.attribute}", len(c.names)) for c in self.classes for what in ("taken", "served")),
            *((name, 1) for name in _SCALARS),
        ):
            layout[name] = slice(at, at + width)
            at += width
        return layout

    @cached_property
    def width(self) -> int:
        """How many columns there are."""
        return int(max(block.stop for block in self.columns.values()))

    @cached_property
    def rates(self) -> tuple[Rate, ...]:
        """The values of a group, in the order of `weights`."""
        parts = [(c.attribute, name) for c in self.classes for name in c.names]
        return (
            *(Rate("exposure_share", of, part) for of, part in parts),
            *(Rate("category_share", of, part, tested=False) for of, part in parts),
            *(Rate("selection_rate", of, part, tested=False) for of, part in parts),
            *(Rate("true_positive_rate", of, part, feedback=True) for of, part in parts),
            Rate("true_positive_rate", feedback=True, tested=not parts),
            Rate("hit", feedback=True),
            Rate("precision", feedback=True, tested=False),
        )

    @cached_property
    def weights(self) -> tuple[Array, Array]:
        """What the columns of sums count above and below the line of each rate: [rates, columns] each."""
        above, below = (np.zeros((len(self.rates), self.width)) for _ in range(2))
        size = {(c.attribute, name): n for c in self.classes for name, n in zip(c.names, c.sizes, strict=True)}
        place = {(c.attribute, name): j for c in self.classes for j, name in enumerate(c.names)}
        blocks = {"exposure_share": "exposure", "category_share": "slots", "selection_rate": "items"}
        for row, rate in enumerate(self.rates):
            if rate.key in ("hit", "precision"):
                top, bottom = ("hit_lists", "lists") if rate.key == "hit" else ("taken_places", "places")
                above[row, self.columns[top]], below[row, self.columns[bottom]] = 1, 1
            elif not rate.of:
                above[row, self.columns["served"]], below[row, self.columns["taken"]] = 1, 1
            else:
                block = blocks.get(rate.key, "served")
                column = self.columns[f"{block}:{rate.of}"]
                above[row, column.start + place[rate.of, rate.part]] = 1
                if rate.key == "selection_rate":
                    below[row, self.columns["lists"]] = size[rate.of, rate.part]
                elif rate.key == "true_positive_rate":
                    below[row, self.columns[f"taken:{rate.of}"].start + place[rate.of, rate.part]] = 1
                else:
                    below[row, column] = 1
        return above, below

    @cached_property
    def hashes(self) -> dict[str, int]:
        """The hash of each known id."""
        return dict(zip(self.users, id_hash(self.users).tolist(), strict=True))

    def hashed(self, user: str) -> int:
        """The hash of an id, also of one that is not known."""
        found = self.hashes.get(user)
        return int(id_hash([user])[0]) if found is None else found

    @cached_property
    def item_parts(self) -> tuple[Counts, Counts]:
        """Of each item its shares in parts of UNIT and its memberships, all groups of items side by side; the last row
        is an item that is not known [n_items + 1, j]."""
        n = len(self.items)
        share = [np.rint(c.share.toarray() * UNIT).astype(np.int64) for c in self.classes]
        member = [c.member.toarray().astype(np.int64) for c in self.classes]
        shares, members = (np.concatenate([np.zeros((n, 0), np.int64), *some], axis=1) for some in (share, member))
        none = np.zeros((1, shares.shape[1]), np.int64)
        return np.concatenate([shares, none]), np.concatenate([members, none])

    @cached_property
    def discount(self) -> Counts:
        """Of each place, in parts of UNIT [k]."""
        return np.rint(discounts(self.k) * UNIT).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Sums:
    """Of a window, or of a span of them. total: [groups, BLOCKS, columns], rows and columns as the census has them.
    seen: which bits of the count of people are set [groups, BITS]."""

    total: Counts
    seen: NDArray[np.bool_]

    @staticmethod
    def none(census: Census) -> Sums:
        """Nothing yet."""
        groups = census.first[-1]
        return Sums(np.zeros((groups, BLOCKS, census.width), np.int64), np.zeros((groups, BITS), bool))

    def __add__(self, other: Sums) -> Sums:
        """Both together; the windows must not overlap, the people may."""
        return Sums(self.total + other.total, self.seen | other.seen)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sums) and all(
            np.array_equal(*both) for both in ((self.total, other.total), (self.seen, other.seen))
        )

    __hash__ = None  # type: ignore[assignment]  # it is compared by what it holds

    @property
    def people(self) -> Counts:
        """At least how many people each group has here [groups]."""
        counted: Counts = self.seen.sum(axis=1, dtype=np.int64)
        return counted

    def packed(self) -> tuple[bytes, bytes]:
        """As it is stored."""
        return zlib.compress(self.total.tobytes(), 1), zlib.compress(np.packbits(self.seen).tobytes(), 1)

    @staticmethod
    def unpacked(census: Census, total: bytes, seen: bytes) -> Sums:
        """From what `packed` gave."""
        none = Sums.none(census)
        bits = np.unpackbits(np.frombuffer(zlib.decompress(seen), np.uint8)).astype(bool)
        counts = np.frombuffer(zlib.decompress(total), np.int64)
        return Sums(counts.reshape(none.total.shape).copy(), bits.reshape(none.seen.shape))


class Served(NamedTuple):
    """Something a person took out of a list: the list's window, its first or a further one, and the window in which it
    was taken."""

    list_window: int
    first: bool
    window: int
    user: str
    item: str


@dataclass
class Batch:
    """Events that are counted at once. lists: window, person, items. taken: window, person, item. served: see there."""

    lists: list[tuple[int, str, Sequence[str]]] = field(default_factory=list)
    taken: list[tuple[int, str, str]] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)

    def sums(self, census: Census) -> dict[int, Sums]:
        """What the events add to each window."""
        of_lists = {window for window, _, _ in self.lists} | {one.list_window for one in self.served}
        windows = of_lists | {window for window, _, _ in self.taken} | {one.window for one in self.served}
        place = {window: i for i, window in enumerate(sorted(windows))}
        none = Sums.none(census)
        total = np.zeros((len(windows), *none.total.shape), np.int64)
        seen = np.zeros((len(windows), *none.seen.shape), bool)
        people = _People(census, total, seen)
        columns = census.columns
        shares, members = census.item_parts
        stranger = len(census.items)

        def spread(rows: Counts, values: Counts, what: str) -> None:
            """Values by group of items [n, j] into their columns of rows [n, columns]."""
            at = 0
            for one in census.classes:
                rows[:, columns[f"{what}:{one.attribute}"]] += values[:, at : at + len(one.names)]
                at += len(one.names)

        if self.lists:
            shown = [[census.item_code.get(item, stranger) for item in items[: census.k]] for _, _, items in self.lists]
            length = np.array([len(items) for items in shown])
            start = np.concatenate([[0], np.cumsum(length)[:-1]])
            codes = np.fromiter((code for items in shown for code in items), np.int64, int(length.sum()))
            rank = np.arange(len(codes)) - np.repeat(start, length)
            rows = np.zeros((len(shown), census.width), np.int64)
            discounted = (shares[codes] * census.discount[rank][:, None]) >> 24
            for what, values in (("slots", shares[codes]), ("exposure", discounted), ("items", members[codes])):
                spread(rows, np.add.reduceat(values, start, axis=0), what)
            rows[:, columns["lists"].start] = 1
            rows[:, columns["places"].start] = length
            rows[:, columns["strange"].start] = np.add.reduceat((codes == stranger).astype(np.int64), start)
            people.add([place[w] for w, _, _ in self.lists], [user for _, user, _ in self.lists], rows)
        if self.taken:
            rows = np.zeros((len(self.taken), census.width), np.int64)
            codes = np.array([census.item_code.get(item, stranger) for _, _, item in self.taken])
            spread(rows, members[codes], "taken")
            rows[:, columns["taken"].start] = 1
            people.add([place[w] for w, _, _ in self.taken], [user for _, user, _ in self.taken], rows)
        if self.served:
            rows = np.zeros((len(self.served), census.width), np.int64)
            rows[:, columns["taken_places"].start] = 1
            rows[:, columns["hit_lists"].start] = [one.first for one in self.served]
            users = [one.user for one in self.served]
            people.add([place[one.list_window] for one in self.served], users, rows)
            rows = np.zeros((len(self.served), census.width), np.int64)
            codes = np.array([census.item_code.get(one.item, stranger) for one in self.served])
            spread(rows, members[codes], "served")
            rows[:, columns["served"].start] = 1
            people.add([place[one.window] for one in self.served], users, rows)
        return {window: Sums(total[i], seen[i]) for window, i in place.items()}


@dataclass(frozen=True, eq=False)
class _People:
    """Adds rows of people to the sums of their groups."""

    census: Census
    total: Counts
    seen: NDArray[np.bool_]

    def add(self, windows: Sequence[int], users: Sequence[str], rows: Counts) -> None:
        code, n = self.census.user_code, len(self.census.users)
        person = np.array([code.get(user, n) for user in users])
        hashes = np.array([self.census.hashed(user) for user in users], np.uint64)
        block = ((hashes >> np.uint64(32)) % np.uint64(BLOCKS)).astype(np.int64)
        bit = (hashes % np.uint64(BITS)).astype(np.int64)
        window = np.asarray(windows)
        for group in self.census.cells[person].T:
            there = group >= 0
            np.add.at(self.total, (window[there], group[there], block[there]), rows[there])
            self.seen[window[there], group[there], bit[there]] = True


# --- values and how far they are known --------------------------------------------------------------------------------


class Estimate(NamedTuple):
    """Of each rate [rates]: value, standard error, degrees of freedom; NaN where nothing was counted."""

    value: Array
    error: Array
    freedom: Array

    def ends(self, level: float = 0.95) -> tuple[Array, Array]:
        """The interval of Student's t."""
        half = stdtrit(self.freedom, (1 + level) / 2) * self.error
        return self.value - half, self.value + half

    def p_value(self) -> Array:
        """Two-sided, of the value 0; NaN where the error is not known."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(2 * stdtr(self.freedom, -np.abs(self.value) / self.error))


def estimate(census: Census, terms: Sequence[tuple[float, Counts]], only: slice = slice(None)) -> Estimate:
    """Σ sign × rate over terms (sign, sums of one group by block [BLOCKS, columns]): a group's value is one term, a
    difference of groups two, a difference of differences four. The same block is left out of all terms, since its
    people are the same people. What cannot be divided is NaN. only: of these rates."""
    above, below = (weight[only] for weight in census.weights)
    value = np.zeros(len(above))
    left = np.zeros((BLOCKS, len(above)))
    there = np.zeros((BLOCKS, len(above)), bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        for sign, blocks in terms:
            numbers = blocks.astype(np.float64)
            top, bottom = numbers @ above.T, numbers @ below.T
            whole_top, whole_bottom = top.sum(axis=0), bottom.sum(axis=0)
            value += sign * whole_top / whole_bottom
            left += sign * (whole_top - top) / (whole_bottom - bottom)
            there |= bottom != 0
        used = there.sum(axis=0)
        off = np.where(there, left - value, 0.0)
        off = np.where(there, off - off.sum(axis=0) / used, 0.0)
        variance = (used - 1) / used * (off**2).sum(axis=0)
    error = np.where(used >= 2, np.sqrt(variance), np.nan)
    return Estimate(value, error, np.maximum(used - 1.0, 1.0))


def counts(census: Census, blocks: Counts) -> tuple[Array, Array]:
    """What is counted above and below the line of each rate, in ones [rates]: how much a value is made of."""
    above, below = census.weights
    total = blocks.sum(axis=0).astype(np.float64)
    for name, column in census.columns.items():
        if name.startswith(("slots:", "exposure:")):
            total[column] /= UNIT
    return above @ total, below @ total
