"""The audit of a set of users as a value that can be added to that of another: counts, sums over users, and what the
same sums under every bootstrap replicate are made of (`metrics.resampled`).

Every metric is a function of sums over users (a mean is a sum of values over a sum of ones), by group of users or over
all. So `tally(whole) == tally(piece) + tally(piece) + …`: counts to the bit, real numbers to rounding. One machine can
stream pieces through `sum` in bounded memory, and many machines can each make their own.

Tests shuffle group labels over users, which needs the users together (`metrics.shuffles`). Up to EXACT_PEOPLE users
whose group is known, their rows are kept; beyond, a random sample of so many (the smallest hashes) and the second
moments of all rows. Values of single people are kept likewise, of at most OWN_PEOPLE. So nothing that a piece gives
back grows with the number of people elsewhere, nor their sum with the number of pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.hashing import Hashes, mix
from fairdash.metrics import resampled
from fairdash.metrics.accuracy import discounts
from fairdash.metrics.catalogue import ACCURACY, chosen, counted
from fairdash.metrics.facts import Columns, Facts
from fairdash.metrics.inputs import Inputs
from fairdash.metrics.resampled import EXACT_PEOPLE, Bags, People, Replicates
from fairdash.plugins import added
from fairdash.schema import UNKNOWN, Groups

Array = NDArray[np.float64]
Layout = dict[str, slice]  # where a named column, or block of columns, stands

TILE = 16  # columns that a product of matrices takes at once, or a multiple of them
OWN_PEOPLE = 1_000_000  # whose own values are kept: those of the smallest hashes where there are more
SURE = 6.0  # standard deviations of a count by which limits are higher than needed
STACKED = 512  # rows of columns that are put side by side at once: they stay in the cache
ADDED = 3  # tallies that are added at once where many come: they are held until then
BLOCKS = 20  # of users, for the jackknife of catalogue metrics


@dataclass(frozen=True)
class Rules:
    """What all pieces of one audit must share. only: names of the families of metrics, () for all; see
    `catalogue.FAMILIES`. score_cells: edges of cells of list scores, for `score_ks`."""

    k: int
    seed: int
    replicates: int
    permutations: int
    only: tuple[str, ...] = ()
    score_cells: tuple[float, ...] = ()

    @property
    def accuracy_only(self) -> bool:
        """Whether all but accuracy is left out."""
        return bool(self.only) and set(self.only) <= set(ACCURACY)


@dataclass(frozen=True)
class Limits:
    """Hashes above which nobody can be among those whose own values, and whose rows for each attribute, are kept when
    all pieces are added. A piece that knows them leaves those out, and the sum is the same."""

    own: np.uint64
    rows: tuple[np.uint64, ...]

    @staticmethod
    def of(people: int, known: Sequence[int]) -> Limits:
        """Of so many people in all. known: those whose group is known, by attribute."""
        return Limits(_highest(OWN_PEOPLE, people), tuple(_highest(EXACT_PEOPLE, n) for n in known))


def _highest(kept: int, people: int) -> np.uint64:
    """A hash that is below so many of all people's but once in 1e9, as hashes are spread evenly."""
    share = (kept + SURE * kept**0.5) / max(1, people)
    return np.uint64(min((1 << 64) - 1, int(share * (1 << 64))))


@dataclass(frozen=True, eq=False)
class Own:
    """What is known of people one by one. ids, who: of all [n], and their groups by attribute. rows: the places among
    them, ascending, of those whose values are kept [m]; hashes: of these, mixed with the seed; metrics: their
    values, NaN where undefined [m]."""

    ids: NDArray[Any]
    who: tuple[Groups, ...]
    rows: NDArray[np.int64]
    hashes: Hashes
    metrics: dict[str, Array]

    @staticmethod
    def of(ids: NDArray[Any], who: tuple[Groups, ...], hashes: Hashes, metrics: dict[str, Array]) -> Own:
        """With all values that may be kept: hashes [n], metrics [n]."""
        return Own(ids, who, np.arange(len(ids)), hashes, metrics).take(_smallest(hashes))

    @staticmethod
    def joined(parts: Sequence[Own]) -> Own:
        """The people of all. The parts give their values away one by one, so that no two copies of all are held."""
        starts = np.cumsum([0, *(len(part.ids) for part in parts[:-1])]).tolist()
        hashes = np.concatenate([part.hashes for part in parts])
        kept = _smallest(hashes)
        return Own(
            np.concatenate([part.ids for part in parts]),
            tuple(reduce(add, of_one) for of_one in zip(*(part.who for part in parts), strict=True)),
            np.concatenate([part.rows + start for part, start in zip(parts, starts, strict=True)])[kept],
            hashes[kept],
            {key: np.concatenate([part.metrics.pop(key) for part in parts])[kept] for key in [*parts[0].metrics]},
        )

    def take(self, kept: slice | NDArray[np.integer[Any]]) -> Own:
        """With the values of these of those who have some."""
        metrics = {key: values[kept] for key, values in self.metrics.items()}
        return replace(self, rows=self.rows[kept], hashes=self.hashes[kept], metrics=metrics)

    def sorted(self) -> Own:
        """With their values in the order in which they stand among all."""
        if (self.rows[1:] >= self.rows[:-1]).all():
            return self  # a copy of all values would be the largest thing in memory
        return self.take(np.argsort(self.rows, kind="stable"))

    @cached_property
    def valued(self) -> Own:
        """Those alone whose values are kept."""
        if len(self.rows) == len(self.ids):
            return self
        ids, who = self.ids[self.rows], tuple(groups.take(self.rows) for groups in self.who)
        return replace(self, ids=ids, who=who, rows=np.arange(len(ids)))


def _smallest(hashes: Hashes) -> slice | NDArray[np.intp]:
    """The places, ascending, of the OWN_PEOPLE smallest; all where there are no more."""
    return slice(None) if len(hashes) <= OWN_PEOPLE else np.sort(np.argpartition(hashes, OWN_PEOPLE)[:OWN_PEOPLE])


@dataclass(frozen=True, eq=False)
class GroupSums:
    """Sums of one attribute's groups, `(unknown)` last; who belongs to several counts in each. names: g. people: users
    [g]. total: [g, c]. moments: sums of products of columns [g, c, c]. listed: how often each item stands in a top K
    [g, n_items]. target: chosen shares of the named groups [g - 1]."""

    attribute: str
    names: tuple[str, ...]
    min_size: int
    people: NDArray[np.int64]
    total: Array
    moments: Array
    listed: NDArray[np.int64]
    target: Array | None = None

    @property
    def kept(self) -> list[int]:
        """The named groups that are large enough to be part of a gap."""
        least = max(1, self.min_size)
        return [g for g, name in enumerate(self.names) if name != UNKNOWN and self.people[g] >= least]


@dataclass(frozen=True, eq=False)
class Tally:
    """See the module. people_layout, items_layout: where columns stand in sums. depth: places of the longest list.
    people_moments: sums of products of the columns of people [c, c]. drawn: what replicates are made of, the columns of
    people before those of items; None where there are none. rows: people columns of users whose group is known in an
    attribute, at most EXACT_PEOPLE of each [., c], with row_hash and row_who: their groups; nobody's where nothing is
    shuffled. item_lists: how often each item stands in a top K, by block of users [BLOCKS, n_items]. list_lengths: how
    many top Ks have r items or more, for r from 1, likewise [BLOCKS, k]. blocks: the families' own sums by block of
    users, by name [BLOCKS, width]."""

    rules: Rules
    people_layout: Layout
    items_layout: Layout
    n: int
    n_without_truth: int
    depth: int
    own: Own
    groups: tuple[GroupSums, ...]
    people_total: Array
    people_moments: Array
    items_total: Array
    drawn: People | Bags | None
    item_lists: NDArray[np.int64]
    list_lengths: NDArray[np.int64]
    blocks: dict[str, Array]
    rows: Array
    row_hash: Hashes
    row_who: tuple[Groups, ...]

    def __add__(self, other: Tally) -> Tally:
        """The tally of both sets of users: see `sum`."""
        return Tally.sum([self, other])

    @staticmethod
    def sum(parts: Sequence[Tally]) -> Tally:
        """The tally of all these users. No two parts may have one in common, and all must come from the same rules:
        raises ConfigError where they do not. Many at once cost less than one by one."""
        first = parts[0]
        if any(part._kind() != first._kind() for part in parts):
            raise ConfigError(
                "These pieces belong to audits with different settings, items or groups, so they cannot be added.",
                "Make all pieces with one set of rules.",
            )
        rows, row_hash, row_who = _sample(
            [part.rows for part in parts],
            np.concatenate([part.row_hash for part in parts]),
            tuple(reduce(add, of_one) for of_one in zip(*(part.row_who for part in parts), strict=True)),
        )
        return Tally(
            rules=first.rules,
            people_layout=first.people_layout,
            items_layout=first.items_layout,
            n=sum(part.n for part in parts),
            n_without_truth=sum(part.n_without_truth for part in parts),
            depth=max(part.depth for part in parts),
            own=Own.joined([replace(part.own, metrics=dict(part.own.metrics)) for part in parts]),
            groups=tuple(
                replace(
                    of_one[0],
                    people=_total(group.people for group in of_one),
                    total=_total(group.total for group in of_one),
                    moments=_total(group.moments for group in of_one),
                    listed=_total(group.listed for group in of_one),
                )
                for of_one in zip(*(part.groups for part in parts), strict=True)
            ),
            people_total=_total(part.people_total for part in parts),
            people_moments=_total(part.people_moments for part in parts),
            items_total=_total(part.items_total for part in parts),
            drawn=resampled.added([part.drawn for part in parts], first.rules.seed),
            item_lists=_total(part.item_lists for part in parts),
            list_lengths=_total(part.list_lengths for part in parts),
            blocks={name: _total(part.blocks[name] for part in parts) for name in first.blocks},
            rows=rows,
            row_hash=row_hash,
            row_who=row_who,
        )

    @staticmethod
    def gathered(parts: Iterable[Tally]) -> Tally:
        """The sum of any number of parts as they come, at least one. People's own values are put together once, at the
        end: in between they would be copied with every part."""
        waiting: list[Tally] = []
        own: list[Own] = []
        for part in parts:
            own.append(replace(part.own, metrics=dict(part.own.metrics)))
            waiting.append(replace(part, own=_nobody(part.own)))
            if len(waiting) > ADDED:
                waiting = [Tally.sum(waiting)]
        total = Tally.sum(waiting)
        waiting.clear()
        return replace(total, own=Own.joined(own))

    def _kind(self) -> tuple[Any, ...]:
        """What tallies must share to be added."""
        groups = [(group.attribute, group.names) for group in self.groups]
        return self.rules, self.people_layout, self.items_layout, self.item_lists.shape, groups

    @cached_property
    def _replicates(self) -> Replicates:
        if self.drawn is not None:
            return self.drawn.replicates(self.rules.replicates, self.rules.seed)
        everyone = np.empty((0, len(self.people_total) + len(self.items_total)))
        return Replicates(everyone, tuple(np.empty((0, *group.total.shape)) for group in self.groups))

    @property
    def people_boot(self) -> Array:
        """Sums of the columns of people under every bootstrap weight [replicates, c]."""
        return self._replicates.everyone[:, : len(self.people_total)]

    @property
    def items_boot(self) -> Array:
        """Sums of the columns of the item side likewise [replicates, c]."""
        return self._replicates.everyone[:, len(self.people_total) :]

    def boot(self, group: GroupSums) -> Array:
        """Sums of one attribute's groups likewise [replicates, g, c]."""
        return self._replicates.groups[self.groups.index(group)]


def _nobody(own: Own) -> Own:
    none = np.empty(0, dtype=np.int64)
    who = tuple(groups.take(none) for groups in own.who)
    return Own(own.ids[:0], who, none, own.hashes[:0], {key: values[:0] for key, values in own.metrics.items()})


def tally(inputs: Inputs, rules: Rules, extra: dict[str, Array] | None = None, limits: Limits | None = None) -> Tally:
    """The tally of these users. extra: further per-user values [n], NaN where undefined (the model side's). limits: of
    all users, of whom these are a piece."""
    facts = Facts(inputs, rules.k, rules.score_cells)
    hashes = mix(rules.seed, inputs.hashes)
    values, people, items = _columns(facts, rules, extra or {})
    matrix, people_layout, items_layout = _stack(people, items, facts.n)
    width = sum(at.stop - at.start for at in people_layout.values())
    people_matrix = matrix[:, :width]
    # where each is in one group, or unknown, the groups' sums add up to those of all people
    parted = next((a for a, group in enumerate(inputs.groups) if group.member is None), None)
    counts = [len(g.names) + 1 for g in inputs.groups]
    drawn = None
    if rules.replicates:
        drawn = resampled.settled(People(inputs.hashes, matrix, inputs.groups, width), rules.seed)
    groups = []
    for a, group in enumerate(inputs.groups):
        total = np.zeros((counts[a], width))
        moments = np.zeros((counts[a], width, width))
        listed: NDArray[np.int64] = np.zeros((counts[a], facts.n_items), dtype=np.int64)
        for g, rows in enumerate(group.members):
            members = people_matrix[rows]
            total[g] = members.sum(axis=0)
            moments[g] = members.T @ members
            if not rules.accuracy_only:
                places = facts.places[rows]
                filled = places.ravel() if facts.full else places[places >= 0]
                listed[g] = np.bincount(filled, minlength=facts.n_items)
        groups.append(
            GroupSums(
                group.attribute,
                (*group.names, UNKNOWN),
                inputs.min_sizes[a],
                np.array([len(rows) for rows in group.members]),
                total,
                moments,
                listed,
                inputs.targets[a],
            )
        )
    shuffled = inputs.groups if rules.permutations else ()
    kept_rows, row_hash, row_who = _sample([people_matrix], hashes, shuffled, limits)
    item_lists: NDArray[np.int64] = np.zeros((BLOCKS, facts.n_items), dtype=np.int64)
    blocks: dict[str, Array] = {}
    list_lengths: NDArray[np.int64] = np.zeros((BLOCKS, rules.k), dtype=np.int64)
    if not rules.accuracy_only:
        # the hash's high bits, as its low bits order the rows
        part = (hashes >> np.uint64(32)).astype(np.int64) % BLOCKS
        in_blocks = _InBlocks(part)
        item_lists = in_blocks.counts(facts.top)
        for family in chosen(rules.only).values():
            if family.block_columns is not None:
                blocks = added(blocks, ((name, in_blocks.sums(x)) for name, x in family.block_columns(facts).items()))
        of_length = np.bincount(part * (rules.k + 1) + facts.length, minlength=BLOCKS * (rules.k + 1))
        list_lengths = of_length.reshape(BLOCKS, -1)[:, :0:-1].cumsum(axis=1)[:, ::-1]
    own = Own.of(inputs.user_ids, inputs.groups, hashes, values)
    if limits is not None:
        own = own.take(np.flatnonzero(own.hashes <= limits.own))
    return Tally(
        rules=rules,
        people_layout=people_layout,
        items_layout=items_layout,
        n=facts.n,
        n_without_truth=int(np.sum(facts.n_relevant == 0)),
        depth=inputs.lists.depth,
        own=own,
        groups=tuple(groups),
        people_total=people_matrix.sum(axis=0),
        people_moments=people_matrix.T @ people_matrix if parted is None else groups[parted].moments.sum(axis=0),
        items_total=matrix[:, width:].sum(axis=0),
        drawn=drawn,
        item_lists=item_lists,
        list_lengths=list_lengths,
        blocks=blocks,
        rows=kept_rows,
        row_hash=row_hash,
        row_who=row_who,
    )


class _InBlocks:
    """Sums of user × item matrices over blocks of users [BLOCKS, width]. part: each user's block [n]."""

    def __init__(self, part: NDArray[np.int64]) -> None:
        self._part = part
        self._cells: dict[int, tuple[NDArray[Any], NDArray[np.int64]]] = {}

    def counts(self, x: sparse.csr_array) -> NDArray[np.int64]:
        """Of entries that are all 1."""
        width = x.shape[1]
        return np.bincount(self._cell(x), minlength=BLOCKS * width).reshape(BLOCKS, width).astype(np.int64, copy=False)

    def sums(self, x: sparse.csr_array | Array) -> Array:
        """Of any entries, of a dense matrix too."""
        if not isinstance(x, sparse.csr_array):
            shape = BLOCKS, len(self._part)
            return np.asarray(sparse.csr_array((np.ones(shape[1]), (self._part, np.arange(shape[1]))), shape=shape) @ x)
        width = x.shape[1]
        summed = np.bincount(self._cell(x), weights=x.data, minlength=BLOCKS * width)
        return summed.reshape(BLOCKS, width).astype(np.float64, copy=False)

    def _cell(self, x: sparse.csr_array) -> NDArray[np.int64]:
        """Where each entry is added; matrices that share their indices share it."""
        key = id(x.indices)
        if key not in self._cells:
            cell = np.repeat(self._part * x.shape[1], np.diff(x.indptr))
            cell += x.indices
            self._cells[key] = x.indices, cell  # the first, so that no other array gets its id
        return self._cells[key][1]


def _columns(facts: Facts, rules: Rules, extra: dict[str, Array]) -> tuple[dict[str, Array], Columns, Columns]:
    """Per-user metrics, columns summed by group of users, and columns summed over all users."""
    values: dict[str, Array] = {}
    people: Columns = {}
    for family in chosen(rules.only).values():
        if family.per_user is not None:
            values = added(values, family.per_user(facts).items())
        if family.columns is not None:
            people = added(people, family.columns(facts).items())
    items = {} if rules.accuracy_only else _item_columns(facts, rules)
    values |= extra
    for name, value in (*values.items(), *people.items(), *items.items()):
        if len(value) != facts.n or np.isinf(value).any() or (name not in values and np.isnan(value).any()):
            raise ConfigError(
                words.say(
                    "{name} is not one finite number a person ({n} person).",
                    "{name} is not one finite number a person ({n} people).",
                    name=repr(name),
                    n=facts.n,
                ),
                "A family of metrics gives NaN where a metric is undefined, and 0 in columns where nothing counts.",
            )
    for key, value in values.items():
        known = ~np.isnan(value)
        filled, count = np.where(known, value, 0.0), known.astype(np.float64)
        people |= {f"sum:{key}": filled, f"square:{key}": filled**2}
        if not np.array_equal(people.setdefault(counted(key), count), count):
            raise ConfigError(
                words.say(
                    "The metric {key} is not known for the people that others of {counted} are known for.",
                    key=repr(key),
                    counted=repr(counted(key)),
                ),
                "Declare another `counted`, or none.",
            )
    return values, people, items


def _item_columns(facts: Facts, rules: Rules) -> Columns:
    items: Columns = {}
    for group in facts.inputs.catalogue.classes:
        for family in chosen(rules.only).values():
            if family.item_columns is not None:
                items = added(items, family.item_columns(facts, group).items())
    items["exposure"] = facts.over_places(discounts(rules.k))
    items["relevant"] = facts.n_relevant.astype(np.float64)
    items["listed"] = (facts.length > 0).astype(np.float64)
    items["truth"] = (facts.n_relevant > 0).astype(np.float64)
    return items


def _stack(people: Columns, items: Columns, n: int) -> tuple[Array, Layout, Layout]:
    """All columns side by side [n, c], and where each stands: those of people, and those of the item side after them,
    counted from their own first. Single columns of people fill whole tiles, before those of several: products of
    matrices round the last tile otherwise, and no value is to depend on what else is summed, as cells of scores."""
    single = {name: values for name, values in people.items() if values.ndim == 1}
    several = {name: values for name, values in people.items() if name not in single}
    filling = np.zeros((n, -len(single) % TILE))
    layouts: list[Layout] = []
    blocks = []
    for columns in ({**single, "": filling, **several}, items):
        layout: Layout = {}
        at = 0
        for name, values in columns.items():
            block = values.reshape(n, -1)
            layout[name] = slice(at, at + block.shape[1])
            at += block.shape[1]
            blocks.append(block)
        layouts.append(layout)
    matrix = np.empty((n, sum(block.shape[1] for block in blocks)))
    for first in range(0, n, STACKED):
        rows = slice(first, first + STACKED)
        np.concatenate([block[rows] for block in blocks], axis=1, out=matrix[rows])
    return matrix, layouts[0], layouts[1]


def _sample(
    parts: Sequence[Array], hashes: Hashes, who: tuple[Groups, ...], limits: Limits | None = None
) -> tuple[Array, Hashes, tuple[Groups, ...]]:
    """Rows in the order of their hashes, so that no order of users or pieces shows: of every attribute at most
    EXACT_PEOPLE of the users whose group is known, so that an attribute known for few keeps them all."""
    order = np.argsort(hashes, kind="stable") if who else np.empty(0, dtype=np.intp)
    kept = np.zeros(len(order), dtype=bool)
    for a, groups in enumerate(who):
        known = ~groups.unknown[order]
        known &= np.cumsum(known) <= EXACT_PEOPLE
        kept |= known if limits is None else known & (hashes[order] <= limits.rows[a])
    order = order[kept]
    rows = np.empty((len(order), parts[0].shape[1]))
    first = 0
    for part in parts:  # straight to their places: most rows of many pieces are not kept
        here = np.flatnonzero((order >= first) & (order < first + len(part)))
        rows[here] = part[order[here] - first]
        first += len(part)
    return rows, hashes[order], tuple(groups.take(order) for groups in who)


def _total(parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Their sum, in their order."""
    total: NDArray[Any] = reduce(add, parts)
    return total
