"""The audit of a set of users as a value that can be added to that of another: counts, sums over users, and the same
sums under every bootstrap replicate.

Every metric is a function of sums over users (a mean is a sum of values over a sum of ones), by group of users or over
all. So `tally(whole) == tally(piece) + tally(piece) + …`: counts to the bit, real numbers to rounding. One machine can
stream pieces through `+` in bounded memory, and many machines can each make their own.

Tests shuffle group labels over users, which needs the users together (`metrics.shuffles`). Up to EXACT_PEOPLE users
whose group is known, their rows are kept; beyond, a random sample of so many (the smallest hashes) and the second
moments of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.hashing import Hashes, mix
from fairdash.metrics import bootstrap
from fairdash.metrics.catalogue import ACCURACY, chosen, counted
from fairdash.metrics.facts import Columns, Facts
from fairdash.metrics.inputs import Inputs
from fairdash.plugins import added
from fairdash.schema import UNKNOWN, Groups

Array = NDArray[np.float64]
Layout = dict[str, slice]  # where a named column, or block of columns, stands

EXACT_PEOPLE = 20_000  # rows kept for the tests of one attribute
BLOCK_PEOPLE = 8_192  # users whose weights are drawn at once: 8 MB for 1,000 replicates
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


@dataclass(frozen=True, eq=False)
class GroupSums:
    """Sums of one attribute's groups, `(unknown)` last; who belongs to several counts in each. names: g. people: users
    [g]. total: [g, c]. boot: float64 [replicates, g, c]. moments: sums of products of columns [g, c, c]. listed: how
    often each item stands in a top K [g, n_items]. target: chosen shares of the named groups [g - 1]."""

    attribute: str
    names: tuple[str, ...]
    min_size: int
    people: NDArray[np.int64]
    total: Array
    boot: Array
    moments: Array
    listed: NDArray[np.int64]
    target: Array | None = None


@dataclass(frozen=True, eq=False)
class Tally:
    """See the module. people_layout, items_layout: where columns stand in sums. depth: places of the longest list.
    metrics: per-user values [n] by key. who: the users' groups, by attribute. people_moments: sums of products of their
    columns [c, c]. rows: people columns of users whose group is known in an attribute, at most EXACT_PEOPLE of each
    [., c], with row_hash and row_who: their groups. item_lists: how often each item stands in a top K, by block of
    users [BLOCKS, n_items]. list_lengths: how many top Ks have r items or more, for r from 1, likewise [BLOCKS, k].
    blocks: the families' own sums by block of users, by name [BLOCKS, width]."""

    rules: Rules
    people_layout: Layout
    items_layout: Layout
    n: int
    n_without_truth: int
    depth: int
    user_ids: NDArray[Any]
    who: tuple[Groups, ...]
    metrics: dict[str, Array]
    groups: tuple[GroupSums, ...]
    people_total: Array
    people_moments: Array
    people_boot: Array
    items_total: Array
    items_boot: Array
    item_lists: NDArray[np.int64]
    list_lengths: NDArray[np.int64]
    blocks: dict[str, Array]
    rows: Array
    row_hash: Hashes
    row_who: tuple[Groups, ...]

    def __add__(self, other: Tally) -> Tally:
        """The tally of both sets of users, which must not overlap and must come from the same rules."""
        if (
            self.rules != other.rules
            or self.people_layout != other.people_layout
            or self.items_layout != other.items_layout
            or self.item_lists.shape != other.item_lists.shape
            or [(g.attribute, g.names) for g in self.groups] != [(g.attribute, g.names) for g in other.groups]
        ):
            raise ConfigError(
                "These pieces belong to audits with different settings, items or groups, so they cannot be added.",
                "Make all pieces with one set of rules.",
            )
        rows, row_hash, row_who = _sample(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.row_hash, other.row_hash]),
            tuple(mine + theirs for mine, theirs in zip(self.row_who, other.row_who, strict=True)),
        )
        return Tally(
            rules=self.rules,
            people_layout=self.people_layout,
            items_layout=self.items_layout,
            n=self.n + other.n,
            n_without_truth=self.n_without_truth + other.n_without_truth,
            depth=max(self.depth, other.depth),
            user_ids=np.concatenate([self.user_ids, other.user_ids]),
            who=tuple(mine + theirs for mine, theirs in zip(self.who, other.who, strict=True)),
            metrics={key: np.concatenate([value, other.metrics[key]]) for key, value in self.metrics.items()},
            groups=tuple(
                replace(
                    mine,
                    people=mine.people + theirs.people,
                    total=mine.total + theirs.total,
                    boot=mine.boot + theirs.boot,
                    moments=mine.moments + theirs.moments,
                    listed=mine.listed + theirs.listed,
                )
                for mine, theirs in zip(self.groups, other.groups, strict=True)
            ),
            people_total=self.people_total + other.people_total,
            people_moments=self.people_moments + other.people_moments,
            people_boot=self.people_boot + other.people_boot,
            items_total=self.items_total + other.items_total,
            items_boot=self.items_boot + other.items_boot,
            item_lists=self.item_lists + other.item_lists,
            list_lengths=self.list_lengths + other.list_lengths,
            blocks={name: sums + other.blocks[name] for name, sums in self.blocks.items()},
            rows=rows,
            row_hash=row_hash,
            row_who=row_who,
        )


def tally(inputs: Inputs, rules: Rules, extra: dict[str, Array] | None = None) -> Tally:
    """The tally of these users. extra: further per-user values [n], NaN where undefined (the model side's)."""
    facts = Facts(inputs, rules.k, rules.score_cells)
    values, people, items = _columns(facts, rules, extra or {})
    people_matrix, people_layout = _stack(people, facts.n)
    items_matrix, items_layout = _stack(items, facts.n)
    # where each is in one group, or unknown, the groups' sums add up to those of all people
    parted = next((a for a, group in enumerate(inputs.groups) if group.member is None), None)
    width = people_matrix.shape[1]
    counts = [len(g.names) + 1 for g in inputs.groups]
    boots = [np.zeros((rules.replicates, g, width)) for g in counts]
    people_boot = np.zeros((rules.replicates, width))
    items_boot = np.zeros((rules.replicates, items_matrix.shape[1]))
    for first in range(0, facts.n if rules.replicates else 0, BLOCK_PEOPLE):
        block = slice(first, first + BLOCK_PEOPLE)
        drawn = bootstrap.weights(inputs.hashes[block], rules.replicates, rules.seed)
        here = people_matrix[block]
        parts = []
        for a, boot in enumerate(boots):
            for g, rows in enumerate(inputs.groups[a].members):
                members = rows[slice(*np.searchsorted(rows, (first, first + BLOCK_PEOPLE)))] - first
                if len(members):
                    boot[:, g] += drawn[members].astype(np.float64).T @ here[members]
        both = np.concatenate([here, items_matrix[block]], axis=1) if parted is None else items_matrix[block]
        summed = drawn.astype(np.float64).T @ both
        parts.append(summed)
        if parted is None:
            people_boot += summed[:, :width]
        items_boot += summed[:, -items_matrix.shape[1] :] if items_matrix.shape[1] else 0.0
    if parted is not None:
        people_boot = boots[parted].sum(axis=1)

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
                listed[g] = np.bincount(facts.top[rows].indices, minlength=facts.n_items)
        groups.append(
            GroupSums(
                group.attribute,
                (*group.names, UNKNOWN),
                inputs.min_sizes[a],
                np.array([len(rows) for rows in group.members]),
                total,
                boots[a],
                moments,
                listed,
                inputs.targets[a],
            )
        )
    sampled = people_matrix, np.zeros(facts.n, dtype=np.uint64), inputs.groups
    if rules.permutations:
        sampled = _sample(people_matrix, mix(rules.seed, inputs.hashes), inputs.groups)
    kept_rows, row_hash, row_who = sampled
    item_lists: NDArray[np.int64] = np.zeros((BLOCKS, facts.n_items), dtype=np.int64)
    blocks: dict[str, Array] = {}
    list_lengths: NDArray[np.int64] = np.zeros((BLOCKS, rules.k), dtype=np.int64)
    if not rules.accuracy_only:
        # the hash's high bits, as its low bits order the rows
        part = (mix(rules.seed, inputs.hashes) >> np.uint64(32)).astype(np.int64) % BLOCKS
        cell = np.repeat(part, facts.length) * facts.n_items + facts.top.indices
        item_lists = np.bincount(cell, minlength=item_lists.size).reshape(item_lists.shape).astype(np.int64)
        member = sparse.csr_array((np.ones(facts.n), (part, np.arange(facts.n))), shape=(BLOCKS, facts.n))
        for family in chosen(rules.only).values():
            if family.block_columns is not None:
                blocks = added(blocks, ((name, _dense(member @ x)) for name, x in family.block_columns(facts).items()))
        of_length = np.bincount(part * (rules.k + 1) + facts.length, minlength=BLOCKS * (rules.k + 1))
        list_lengths = of_length.reshape(BLOCKS, -1)[:, :0:-1].cumsum(axis=1)[:, ::-1]
    return Tally(
        rules=rules,
        people_layout=people_layout,
        items_layout=items_layout,
        n=facts.n,
        n_without_truth=int(np.sum(facts.n_relevant == 0)),
        depth=inputs.lists.depth,
        user_ids=inputs.user_ids,
        who=inputs.groups,
        metrics=values,
        groups=tuple(groups),
        people_total=people_matrix.sum(axis=0),
        people_moments=people_matrix.T @ people_matrix if parted is None else groups[parted].moments.sum(axis=0),
        people_boot=people_boot,
        items_total=items_matrix.sum(axis=0),
        items_boot=items_boot,
        item_lists=item_lists,
        list_lengths=list_lengths,
        blocks=blocks,
        rows=kept_rows,
        row_hash=row_hash,
        row_who=row_who,
    )


def _dense(sums: sparse.csr_array | Array) -> Array:
    return sums.toarray() if isinstance(sums, sparse.csr_array) else sums


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
                words.say("{name} is not one finite number a person ({n} people).", name=repr(name), n=facts.n),
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
    items["exposure"] = np.asarray(facts.exposure.sum(axis=1)).ravel()
    items["relevant"] = facts.n_relevant.astype(np.float64)
    items["listed"] = (facts.length > 0).astype(np.float64)
    items["truth"] = (facts.n_relevant > 0).astype(np.float64)
    return items


def _stack(columns: Columns, n: int) -> tuple[Array, Layout]:
    layout: Layout = {}
    blocks = []
    at = 0
    for name, values in columns.items():
        block = values.reshape(n, -1)
        layout[name] = slice(at, at + block.shape[1])
        at += block.shape[1]
        blocks.append(block)
    return (np.concatenate(blocks, axis=1) if blocks else np.empty((n, 0))), layout


def _sample(rows: Array, hashes: Hashes, who: tuple[Groups, ...]) -> tuple[Array, Hashes, tuple[Groups, ...]]:
    """Rows in the order of their hashes, so that no order of users or pieces shows: of every attribute at most
    EXACT_PEOPLE of the users whose group is known, so that an attribute known for few keeps them all."""
    order = np.argsort(hashes, kind="stable")
    kept = np.zeros(len(order), dtype=bool)
    for groups in who:
        known = ~groups.unknown[order]
        kept |= known & (np.cumsum(known) <= EXACT_PEOPLE)
    order = order[kept]
    return rows[order], hashes[order], tuple(groups.take(order) for groups in who)
