"""Groups of items: by a category, of which an item may have several, by an attribute, or as head and tail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fairdash.errors import ConfigError
from fairdash.groups import form, target_shares
from fairdash.hashing import id_hash, mix
from fairdash.schema import CATEGORIES, ITEM_ID, UNKNOWN, Categories, Groups, GroupSpec

Array = NDArray[np.float64]

HEAD_SHARE = 0.8  # head: the fewest items that make this part of all training interactions
POPULARITY = "popularity"  # the item attribute whose groups are head and tail


@dataclass(frozen=True, eq=False)
class ItemClass:
    """Groups of items. member: [n_items, j], 1 where the item belongs; share: the same with rows that sum to 1 (an item
    of c categories gives 1/c to each) or 0 (`(unknown)`, which is no group). chosen: shares of exposure that the groups
    should have [j]; None: those of the catalogue."""

    attribute: str
    names: tuple[str, ...]
    member: sparse.csr_array
    share: sparse.csr_array
    chosen: Array | None = None

    @property
    def target(self) -> Array:
        """The share of exposure that each group should have [j], of items of known group; NaN where there are none."""
        return self._part_of(None) if self.chosen is None else self.chosen

    def with_target(self, spec: GroupSpec, popularity: Array | None) -> ItemClass:
        """The same with the target that the spec names: "catalogue", "interactions", "uniform", or shares by name."""
        known = {"catalogue": self._part_of(None)}
        if popularity is not None:
            known["interactions"] = self._part_of(popularity)
        return replace(self, chosen=target_shares(spec, self.names, known))

    def _part_of(self, weight: Array | None) -> Array:
        """Each group's part of the items, or of their weight [n_items]."""
        mass = np.asarray(self.share.sum(axis=0) if weight is None else weight @ self.share, np.float64).ravel()
        with np.errstate(invalid="ignore", divide="ignore"):
            part: Array = mass / mass.sum()
        return part

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
        """Groups of which an item has none, one, or several: each of c groups then has 1/c of it."""
        member = sparse.csr_array(groups.membership, dtype=np.float64)
        if groups.member is None:
            return ItemClass(groups.attribute, groups.names, member, member)
        share = member.copy()
        share.data /= np.repeat(np.diff(member.indptr), np.diff(member.indptr))
        return ItemClass(groups.attribute, groups.names, member, share)

    @staticmethod
    def of_categories(categories: Categories) -> ItemClass:
        """Categories, of which an item may have several; `(unknown)` is left out."""
        kept = np.array([i for i, name in enumerate(categories.names) if name != UNKNOWN], dtype=np.int64)
        share = sparse.csr_array(categories.shares[:, kept])
        share.eliminate_zeros()
        member = share.copy()
        member.data = np.ones_like(member.data)
        return ItemClass(CATEGORIES, tuple(categories.names[i] for i in kept), member, share)


def item_classes(items: pd.DataFrame, specs: Sequence[GroupSpec], popularity: Array | None) -> tuple[ItemClass, ...]:
    """Categories first where the items have them, then the groups that were asked for (see `item_groups`)."""
    classes = []
    if CATEGORIES in items:
        whole = ItemClass.of_categories(Categories.of(items))
        if whole.names:
            classes.append(whole)
    for spec in specs:
        if spec.attributes == (CATEGORIES,):
            if not classes or classes[0].attribute != CATEGORIES:
                raise ConfigError("The items have no categories.", "Add a column `categories`, names joined by |.")
            classes[0] = classes[0].with_target(spec, popularity)
        else:
            classes.append(ItemClass.of_groups(item_groups(spec, items, popularity)).with_target(spec, popularity))
    return tuple(classes)


def ways(found: Sequence[GroupSpec], *, popularity: bool) -> list[GroupSpec]:
    """Ways to group items: head and tail first, unless the items have a column of that name, then those that were found
    among their attributes (`groups.suggest`). popularity: whether there are training interactions to tell them by."""
    known = popularity and all(spec.label != POPULARITY for spec in found)
    return [*([GroupSpec((POPULARITY,))] if known else []), *found]


def item_groups(spec: GroupSpec, items: pd.DataFrame, popularity: Array | None) -> Groups:
    """Groups of items [n_items]. The attribute "popularity", alone or crossed with others, is head and tail by training
    interactions, unless the items have a column of that name. Raises ConfigError where there are no interactions."""
    if POPULARITY not in spec.attributes or POPULARITY in items:
        return form(spec, items)
    if popularity is None:
        raise ConfigError(
            "Head and tail items are told apart by training interactions, and there are none.",
            "Give the training table as well (--train).",
        )
    if spec.attributes == (POPULARITY,):
        return head_and_tail(popularity, items[ITEM_ID])
    tail = tail_items(popularity, items[ITEM_ID])
    return form(spec, items.assign(**{POPULARITY: np.where(tail, "tail", "head")}))


def tail_items(popularity: Array, ids: NDArray[np.object_] | pd.Series) -> NDArray[np.bool_]:
    """Which items are not among the fewest that make 80 % of all interactions [n_items]. Of equal counts at the border
    a hash of the ids [n_items] takes as many into the head as it needs: where most items have one interaction, the
    head would else be nearly everything. Without interactions all are tail."""
    tail = np.ones(len(popularity), dtype=bool)
    total = popularity.sum()
    if total > 0:
        order = np.lexsort((mix(0, id_hash(ids)), -popularity))
        last = int(np.searchsorted(np.cumsum(popularity[order]), HEAD_SHARE * total - 1e-9))
        tail[order[: last + 1]] = False
    return tail


def head_and_tail(popularity: Array, ids: NDArray[np.object_] | pd.Series) -> Groups:
    """Items by popularity: the head is the fewest items that make 80 % of all interactions, the tail is the rest."""
    codes = tail_items(popularity, ids).astype(np.int32)
    return Groups(POPULARITY, ("head", "tail"), codes)
