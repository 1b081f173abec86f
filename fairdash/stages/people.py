"""People behind a gap: what each of them gets, who is worst off, who is typical, and which items carry the gap.

Every number of a group here is a view on the values of its people: Σ above / Σ below + offset, as in an audit. A group
with fewer people than the minimum size is never told, nor is what would tell it by subtraction: a part of a group that
is all but a few of it is as little told as those few. People of groups that are large enough are shown one by one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.errors import ConfigError
from fairdash.groups import form, suggest
from fairdash.hashing import id_hash, mix
from fairdash.item_classes import item_classes
from fairdash.metrics import inputs
from fairdash.metrics.catalogue import FAMILIES, METRICS
from fairdash.metrics.declare import Family
from fairdash.metrics.facts import Facts
from fairdash.metrics.inputs import Inputs
from fairdash.schema import CATEGORIES, UNKNOWN, USER_ID, Codes, Groups, GroupSpec, Interactions, Lists, Split

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLOCK = 20_000  # lists that are looked at at once with one item left out
ALL_BUT_FEW = words.later("all but a few of the group, who would be told by subtraction")


@dataclass(frozen=True, eq=False)
class Measure:
    """A metric of people: value of a person [n] = above / below + offset, NaN where below is 0; of a group the same of
    the sums."""

    above: Array
    below: Array
    offset: float = 0.0

    @cached_property
    def each(self) -> Array:
        """The value of each person [n]; NaN for who has none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            value: Array = np.where(self.below > 0, self.above / self.below + self.offset, np.nan)
        return value

    @property
    def known(self) -> Mask:
        """Who has a value [n]."""
        return self.below > 0

    def of(self, who: Mask) -> float:
        """The value of these people together; NaN where none of them has one."""
        below = float(self.below[who].sum())
        return float(self.above[who].sum()) / below + self.offset if below else math.nan


@dataclass(frozen=True, eq=False)
class People:
    """The people of lists who are audited [n]. rows: of each in the split's tables. measures: by metric, those that a
    single person has, accuracy first. groups: who belongs where [n]; least: people that a group must have to be told.
    """

    inputs: Inputs
    k: int
    rows: Codes
    measures: Mapping[str, Measure]
    groups: Groups
    least: int

    @cached_property
    def ids(self) -> NDArray[np.object_]:
        """Ids of the people [n], as text."""
        return self.inputs.user_ids.astype(str).astype(object)

    @cached_property
    def facts(self) -> Facts:
        """What the lists of these people hold."""
        return Facts(self.inputs, self.k)

    @property
    def n(self) -> int:
        """How many people there are."""
        return len(self.rows)

    def member(self, name: str) -> Mask:
        """Who is of this group [n]; ConfigError for one that there is not."""
        if name == UNKNOWN:
            return self.groups.unknown
        if name not in self.groups.names:
            raise ConfigError(
                words.say("{attribute} has no group “{name}”.", attribute=self.groups.attribute, name=name),
                "Choose one of the list.",
            )
        found: Mask = np.zeros(self.n, dtype=bool)
        found[self.groups.members[self.groups.names.index(name)]] = True
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The groups that have people, those whose group is unknown last."""
        some = tuple(name for name, n in zip(self.groups.names, self.groups.sizes, strict=True) if n)
        return (*some, UNKNOWN) if self.groups.unknown.any() else some

    def row(self, id_: str) -> int | None:
        """The place of a person among these; None for somebody else."""
        found = np.flatnonzero(self.ids == id_)
        return int(found[0]) if len(found) else None


@dataclass(frozen=True)
class GroupPart:
    """A group, or those of it who are brushed. people: of the whole group, with or without a value; n: who of it have a
    value and are brushed, None where that is not told; value: of these together; aside: why it is not told, or not
    compared."""

    name: str
    people: int
    n: int | None
    value: float
    aside: str = ""

    @property
    def told(self) -> bool:
        """Whether it has a value that may be shown."""
        return self.n is not None and not math.isnan(self.value)

    @property
    def compared(self) -> bool:
        """Whether it is part of a gap."""
        return self.told and not self.aside


def gather(split: Split, lists: Lists, k: int) -> People:
    """Everybody's values at K, in one group as yet. Raises ConfigError for lists of other people."""
    made = inputs.from_split(split, lists, (), (), "auto")
    facts = Facts(made, k)
    rows = pd.Index(split.training.users[USER_ID]).get_indexer(pd.Index(made.user_ids)).astype(np.int32)
    found = {key: one for family in FAMILIES.values() for key, one in _measures(family, facts).items()}
    measures = {key: found[key] for key in METRICS if key in found and found[key].known.any()}
    alone = Groups("", ("",), np.zeros(len(rows), dtype=np.int32))
    return People(made, k, rows, measures, alone, settings.MIN_GROUP_SIZE)


def _measures(family: Family, facts: Facts) -> dict[str, Measure]:
    """What a family says of single people: means of their values, and quotients of their own sums."""
    found = {}
    for key, value in (family.per_user(facts) if family.per_user else {}).items():
        known = ~np.isnan(value)
        found[key] = Measure(np.where(known, value, 0.0), known.astype(np.float64))
    wanted = {metric.key: metric.value for metric in family.metrics if metric.value is not None}
    columns = family.columns(facts) if family.columns and wanted else {}
    for key, one in wanted.items():
        if {one.above, one.below} <= columns.keys():
            found[key] = Measure(columns[one.above], columns[one.below], one.offset)
    return found


def by_attribute(people: People, split: Split, spec: GroupSpec) -> People:
    """The same people by an attribute. Its minimum size counts where it is the larger one."""
    groups = form(spec, split.training.people).take(people.rows)
    return replace(people, groups=groups, least=max(spec.min_size, settings.MIN_GROUP_SIZE))


def by_saved(people: People, saved: Mapping[str, Sequence[str]], attribute: str, others: str) -> People:
    """The same people by groups that were saved, by name → ids; who is in none of them are the `others`."""
    member = np.array([np.isin(people.ids, list(ids)) for ids in saved.values()]).reshape(len(saved), people.n)
    groups = Groups.of(attribute, (*saved, others), np.vstack([member, ~member.any(axis=0)]).T)
    return replace(people, groups=groups, least=settings.MIN_GROUP_SIZE)


def hidden(n: int, whole: int, least: int) -> str:
    """Why a part of n of a group's `whole` people is not told; "" where it may be."""
    if n < least or whole < least:
        return words.WITHHELD
    return ALL_BUT_FEW if 0 < whole - n < least else ""


def parts(people: People, metric: str, brushed: Mask | None = None) -> list[GroupPart]:
    """Each group's value, or that of those of it who are brushed [n]. Of a small group nothing is told but its size."""
    measure = people.measures[metric]
    found = []
    for name in people.names:
        member = people.member(name)
        whole = member & measure.known
        kept = whole if brushed is None else whole & brushed
        why = hidden(int(kept.sum()), int(whole.sum()), people.least)
        n = int(kept.sum()) if int(whole.sum()) >= people.least else None
        if why:
            found.append(GroupPart(name, int(member.sum()), n, math.nan, why))
        else:
            unknown = words.later("unknown") if name == UNKNOWN else ""
            found.append(GroupPart(name, int(member.sum()), n, measure.of(kept), unknown))
    return found


def between(people: People, metric: str, low: float, high: float) -> Mask:
    """Who has a value from low to high, both included [n]."""
    each = people.measures[metric].each
    found: Mask = (each >= low) & (each <= high)  # NaN is neither
    return found


def widest(found: Sequence[GroupPart]) -> tuple[GroupPart, GroupPart] | None:
    """The highest and the lowest of the groups that are compared; None where fewer than two are."""
    order = sorted((part for part in found if part.compared), key=lambda part: part.value)
    return (order[-1], order[0]) if len(order) > 1 else None


# --- persons ----------------------------------------------------------------------------------------------------------


def worst(people: People, metric: str, name: str, count: int) -> NDArray[np.int64]:
    """Those of a group who are worst off, worst first: lowest or highest by the metric's own direction, farthest from
    its fair value, or else from the group's. Equal ones stand in the order of a hash of their ids. None of a group that
    is too small."""
    measure, declared = people.measures[metric], METRICS[metric]
    mine = shown(people, metric, name)
    each = measure.each[mine]
    if declared.better:
        badness = -declared.better * each
    else:
        member = people.member(name)
        badness = np.abs(each - (measure.of(member) if declared.target is None else declared.target))
    return _first(people, mine, -badness, count)


def typical(people: People, metric: str, name: str, count: int) -> NDArray[np.int64]:
    """Those of a group who are nearest to its median, in the order of `worst`."""
    mine = shown(people, metric, name)
    each = people.measures[metric].each[mine]
    return _first(people, mine, np.abs(each - np.median(each)) if len(each) else each, count)


def shown(people: People, metric: str, name: str) -> NDArray[np.int64]:
    """The people of a group who have a value; none of a group that is too small to be told."""
    mine = np.flatnonzero(people.member(name) & people.measures[metric].known)
    return mine if len(mine) >= people.least else mine[:0]


def _first(people: People, mine: NDArray[np.int64], key: Array, count: int) -> NDArray[np.int64]:
    ties = mix(0, id_hash(people.ids[mine]))
    order = np.lexsort((ties, np.round(key, 12)))[:count]
    found: NDArray[np.int64] = mine[order]
    return found


@dataclass(frozen=True, eq=False)
class Portrait:
    """What one person had, got and missed, as codes of items: history (latest first), list (in order), those of the
    list that were liked later, and liked held-out items that are not on the list."""

    history: Codes
    listed: Codes
    hits: frozenset[int]
    missed: Codes


def portrait(people: People, split: Split, person: int) -> Portrait:
    """Of the person at this place."""
    listed = people.inputs.lists.items[person, : people.k]
    listed = listed[listed >= 0]
    liked = _own(people.inputs.relevant, person)
    known = split.known
    start, stop = np.searchsorted(known.user, [people.rows[person], people.rows[person] + 1])
    hits = np.isin(listed, liked)
    return Portrait(
        known.item[start:stop][::-1], listed, frozenset(listed[hits].tolist()), liked[~np.isin(liked, listed)]
    )


def taste(people: People, items: Codes, most: int = 3) -> list[tuple[str, float]]:
    """The largest categories of some items with their shares, the largest first; empty where items have none."""
    held = people.facts.categories
    if held is None or not len(items):
        return []
    share = np.asarray(held.share[items].mean(axis=0)).ravel()
    return [(held.names[c], float(share[c])) for c in np.argsort(-share, kind="stable")[:most] if share[c] > 0]


def _own(pairs: Interactions, person: int) -> Codes:
    start, stop = np.searchsorted(pairs.user, [person, person + 1])
    return pairs.item[start:stop]


# --- items ------------------------------------------------------------------------------------------------------------


def carriers(people: People, metric: str, one: str, other: str) -> pd.DataFrame:
    """How far the difference of two groups' values, one − other, moves when nobody is shown an item: its place stays
    empty, all else is as it was. One row an item that is on a list: item (code), without (the difference then), moved
    (the difference less that), and how many of each group have it, `one` and `other`; what carries most of the
    difference comes first.

    Items on the lists of fewer than FEWEST people of both groups are left out; a count below it is NaN. Empty where one
    of the groups is too small."""
    measure = people.measures[metric]
    mine = [shown(people, metric, name) for name in (one, other)]
    columns = ["item", "without", "moved", "one", "other"]
    if not all(map(len, mine)):
        return pd.DataFrame({column: [] for column in columns})
    n_items = people.inputs.catalogue.size
    sums, counts = [], []
    for rows in mine:
        moved = _without(people, metric, rows)
        items = people.inputs.lists.items[rows, : people.k]
        full = items >= 0
        change = [
            np.bincount(items[full], weights=(part - whole[rows][:, None])[full], minlength=n_items)
            for part, whole in zip(moved, (measure.above, measure.below), strict=True)
        ]
        above, below = measure.above[rows].sum() + change[0], measure.below[rows].sum() + change[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            sums.append(np.where(below > 0, above / below + measure.offset, np.nan))
        counts.append(np.bincount(items[full], minlength=n_items))
    difference = measure.of(_mask(people, mine[0])) - measure.of(_mask(people, mine[1]))
    without = sums[0] - sums[1]
    enough = (counts[0] + counts[1] >= settings.FEWEST) & ~np.isnan(without)
    item = np.flatnonzero(enough)
    few = [np.where(count > 0, count < settings.FEWEST, False)[item] for count in counts]
    made = pd.DataFrame(
        {
            "item": item,
            "without": without[item],
            "moved": difference - without[item],
            **{name: np.where(hide, np.nan, count[item])
               for name, hide, count in zip(("one", "other"), few, counts, strict=True)},
        }
    )  # fmt: skip
    carried = np.sign(difference or 1.0) * made["moved"]
    return made.iloc[np.lexsort((made["item"], -carried.round(12)))].reset_index(drop=True)


def _mask(people: People, rows: NDArray[np.int64]) -> Mask:
    found: Mask = np.zeros(people.n, dtype=bool)
    found[rows] = True
    return found


def _without(people: People, metric: str, rows: NDArray[np.int64]) -> tuple[Array, Array]:
    """Above and below of these people with the item of each place left out [m, k]: every list is looked at k times."""
    (family,) = (one for one in FAMILIES.values() if any(metric == own.key for own in one.metrics))
    k = people.k
    width = min(k, people.inputs.lists.items.shape[1])
    whole = replace(
        people.inputs,
        lists=Lists(people.inputs.lists.items[:, :width], people.inputs.lists.scores[:, :width]),
        groups=(),
        continuous={},
    )
    above, below = np.empty((len(rows), width)), np.empty((len(rows), width))
    each = max(1, BLOCK // width)
    for first in range(0, len(rows), each):
        block = rows[first : first + each]
        copies = inputs.people_of(whole, np.repeat(block, width).astype(np.int32))
        items = copies.lists.items.copy()
        items[np.arange(len(items)), np.tile(np.arange(width), len(block))] = -1
        measure = _measures(family, Facts(replace(copies, lists=Lists(items, copies.lists.scores)), k))[metric]
        above[first : first + each] = measure.above.reshape(len(block), width)
        below[first : first + each] = measure.below.reshape(len(block), width)
    return above, below


def shares(people: People, name: str) -> tuple[Array, Array | None]:
    """A group's shares of categories [c]: of its lists' places, and of its own history, None without one. An item of
    several categories counts in equal parts. NaN of a group that is too small, and where there are no categories."""
    facts, member = people.facts, people.member(name)
    if facts.categories is None or facts.slots is None:
        return np.empty(0), None
    nothing = np.full(len(facts.categories.names), np.nan)
    if int(member.sum()) < people.least or not facts.length[member].any():
        return nothing, None
    lists = facts.slots[member].sum(axis=0) / facts.length[member].sum()
    if facts.known is None or not facts.n_known[member].any():
        return lists, None
    had = facts.counts(facts.known[np.flatnonzero(member)], facts.categories.share)
    return lists, had.sum(axis=0) / facts.n_known[member].sum()


def exposure(people: People) -> tuple[Array, dict[str, Array]]:
    """Exposure of each item [n_items], and what it can be held against, by name: the catalogue (all alike), training
    interactions, and liked held-out items, each [n_items]."""
    facts, n_items = people.facts, people.inputs.catalogue.size
    targets = {"catalogue": np.ones(n_items)}
    if people.inputs.catalogue.popularity is not None:
        targets["interactions"] = people.inputs.catalogue.popularity
    if len(people.inputs.relevant):
        targets["liked"] = np.bincount(people.inputs.relevant.item, minlength=n_items).astype(np.float64)
    return np.asarray(facts.exposure.sum(axis=0), dtype=np.float64).ravel(), targets


def items_of(people: People, items: pd.DataFrame, spec: GroupSpec, name: str) -> pd.DataFrame:
    """The items of a group of items (of `spec`, which may be the categories), the most shown first: item (code), lists
    (how many people's hold it) and exposure (its part of all exposure, 0…1). Both are NaN for an item on the lists of
    somebody, but of fewer than FEWEST people. Empty where there is no such group."""
    known = people.inputs.catalogue.popularity
    classes = item_classes(items, () if spec.attributes == (CATEGORIES,) else (spec,), known)
    one = next((found for found in classes if found.attribute == spec.label and name in found.names), None)
    if one is None:
        return pd.DataFrame({"item": [], "lists": [], "exposure": []})
    return counted(people, one.member[:, [one.names.index(name)]].nonzero()[0])


def counted(people: People, item: NDArray[np.int64]) -> pd.DataFrame:
    """These items [n], given as codes, as `items_of` tells them."""
    shown_items = people.inputs.lists.items[:, : people.k]
    lists = np.bincount(shown_items[shown_items >= 0], minlength=people.inputs.catalogue.size).astype(np.float64)[item]
    given, _ = exposure(people)
    few = (lists > 0) & (lists < settings.FEWEST)
    made = pd.DataFrame({"item": item, "lists": np.where(few, np.nan, lists),
                         "exposure": np.where(few, np.nan, given[item] / (given.sum() or 1.0))})  # fmt: skip
    return made.iloc[np.lexsort((item, np.where(few, 1, -lists)))].reset_index(drop=True)


# --- groups that are saved --------------------------------------------------------------------------------------------


def close(one: Mask, other: Mask, least: int) -> bool:
    """Whether two sets of people differ, but by so few that their values together tell of these."""
    return 0 < int((one ^ other).sum()) < least


def refusal(people: People, split: Split, who: Mask, saved: Mapping[str, Sequence[str]]) -> str:
    """Why these people [n] cannot be saved as a group, in words; "" where they can. They, and all others, are held
    against everybody, every group of an attribute, and every group that is saved."""
    least = settings.MIN_GROUP_SIZE
    if int(who.sum()) < least:
        return words.say("These are fewer than {n} people: too few for a group.", n=least)
    if 0 < int((~who).sum()) < least:
        return words.say("These are all but a few: the others would be told by subtraction.")
    table = split.training.people
    known = {words.say("everybody"): np.ones(people.n, dtype=bool)}
    for spec in suggest(table):
        groups = form(spec, table).take(people.rows)
        for g, name in enumerate(groups.names):
            known[words.people(spec.label, name)] = _mask(people, groups.members[g].astype(np.int64))
    known |= {name: np.isin(people.ids, list(ids)) for name, ids in saved.items()}
    for name, other in known.items():
        if not (who ^ other).any():
            return words.say("These are the same people as {group}.", group=words.label(name))
        if close(who, other, least) or close(~who, other, least):
            return words.say(
                "These differ from {group} by a few people, who would be told by subtraction.", group=words.label(name)
            )
    return ""
