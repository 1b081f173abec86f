"""What all metrics start from, computed once: hits, lengths, and sparse user × item matrices of lists and truth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash.item_classes import ItemClass
from fairdash.metrics import accuracy
from fairdash.metrics.inputs import Inputs
from fairdash.schema import CATEGORIES, Codes, Interactions

Array = NDArray[np.float64]
Columns = dict[str, Array]  # per-user values [n] or [n, width] whose sums over users are all that a metric needs


@dataclass(frozen=True, eq=False)
class Facts:
    """A set of users at one cut K. All arrays are in the order of `inputs.user_ids`. score_cells: edges of cells of
    list scores, for `score_ks`."""

    inputs: Inputs
    k: int
    score_cells: tuple[float, ...] = ()

    @property
    def n(self) -> int:
        """How many people there are."""
        return len(self.inputs.user_ids)

    @property
    def n_items(self) -> int:
        """How many items the catalogue has."""
        return self.inputs.catalogue.size

    @property
    def categories(self) -> ItemClass | None:
        """The items' categories, where they have any."""
        first = next(iter(self.inputs.catalogue.classes), None)
        return first if first is not None and first.attribute == CATEGORIES else None

    @cached_property
    def slots(self) -> Array | None:
        """List places that go to each category [n, c]; an item of c categories gives 1/c to each."""
        return None if self.categories is None else self.counts(self.top, self.categories.share)

    @cached_property
    def hit(self) -> NDArray[np.bool_]:
        """Whether the place holds a relevant item [n, depth]."""
        starts = self.inputs.relevant.starts(self.n)
        return accuracy.hits(self.inputs.lists.items, starts, self.inputs.relevant.item, self.n_items)

    @cached_property
    def accuracy(self) -> dict[str, Array]:
        """The accuracy of each list [n] by metric, NaN for users without a relevant item."""
        return accuracy.of_places(*self.hit_places, self.n_relevant, self.k)

    @cached_property
    def n_relevant(self) -> NDArray[np.int64]:
        """Liked held-out items of each person [n]."""
        return np.bincount(self.inputs.relevant.user, minlength=self.n).astype(np.int64)

    @property
    def places(self) -> Codes:
        """Items of the top K by rank [n, at most K], -1 for an empty place."""
        return self.inputs.lists.items[:, : self.k]

    @cached_property
    def full(self) -> bool:
        """Whether no place of any top K is empty."""
        return bool(self.places.min(initial=0) >= 0)

    @cached_property
    def length(self) -> NDArray[np.int64]:
        """Items in the top K [n]."""
        if self.full:
            return np.full(self.n, self.places.shape[1], dtype=np.int64)
        filled: NDArray[np.int64] = np.count_nonzero(self.places >= 0, axis=1)
        return filled

    @cached_property
    def hit_places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Person and rank, from 0 on, of each relevant item of a top K, in order of both."""
        user, column = self.all_hit_places
        inside = column < self.k
        return (user, column) if inside.all() else (user[inside], column[inside])

    @cached_property
    def all_hit_places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same of each relevant item of a list, beyond the top K too."""
        user, column = np.nonzero(self.hit)
        return user.astype(np.int64, copy=False), column.astype(np.int64, copy=False)

    @cached_property
    def n_hits(self) -> NDArray[np.int64]:
        """Relevant items of the top K [n]."""
        return np.bincount(self.hit_places[0], minlength=self.n).astype(np.int64)

    @cached_property
    def n_known(self) -> NDArray[np.int64]:
        """Training items of each user [n]; 0 without training data."""
        known = self.inputs.known
        return np.zeros(self.n, dtype=np.int64) if known is None else np.bincount(known.user, minlength=self.n)

    @cached_property
    def barred(self) -> sparse.csr_array | None:
        """Training items: no candidates, except those that are held out as relevant again. [n, n_items]"""
        if self.known is None:
            return None
        again = self.known.multiply(self.relevant)
        return sparse.csr_array(self.known - again) if again.nnz else self.known

    @cached_property
    def n_candidates(self) -> Array:
        """[n]"""
        taken = 0.0 if self.barred is None else np.asarray(self.barred.sum(axis=1)).ravel()
        return np.full(self.n, float(self.n_items)) - taken

    @cached_property
    def barred_places(self) -> NDArray[np.bool_] | None:
        """Places of the lists [n, depth] that hold no candidate, so that metrics over candidates skip them; None where
        there are none."""
        known = self.inputs.known
        if known is None:
            return None
        own = accuracy.hits(self.inputs.lists.items, known.starts(self.n), known.item, self.n_items)
        own &= ~self.hit
        return own if own.any() else None

    @cached_property
    def top(self) -> sparse.csr_array:
        """1 for each item of the top K [n, n_items]."""
        return self.by_rank(np.ones(self.k))

    @cached_property
    def selected(self) -> sparse.csr_array:
        """1 for each candidate in the top K [n, n_items]."""
        if self.barred_places is None:
            return self.top
        matrix = self.top.copy()
        matrix.data = (~self.barred_places[:, : self.k][self.places >= 0]).astype(np.float64)
        return matrix

    @cached_property
    def n_selected(self) -> NDArray[np.int64]:
        """Candidates in the top K [n]."""
        barred = self.barred_places
        return self.length if barred is None else self.length - np.count_nonzero(barred[:, : self.k], axis=1)

    @cached_property
    def exposure(self) -> sparse.csr_array:
        """1 / log2(rank + 1) of each item of the top K [n, n_items]."""
        return self.by_rank(accuracy.discounts(self.k))

    @cached_property
    def hits(self) -> sparse.csr_array:
        """1 for each relevant item of the top K [n, n_items]."""
        user, column = self.hit_places
        starts = np.concatenate([[0], np.cumsum(self.n_hits)]).astype(np.int32)
        return sparse.csr_array((np.ones(len(user)), self.places[user, column], starts), shape=(self.n, self.n_items))

    @cached_property
    def relevant(self) -> sparse.csr_array:
        """Which person likes which held-out item: bool [n, n_items]."""
        return self._pairs(self.inputs.relevant)

    @cached_property
    def known(self) -> sparse.csr_array | None:
        """Which person has which item in training: bool [n, n_items]; None without training data."""
        return None if self.inputs.known is None else self._pairs(self.inputs.known)

    def counts(self, matrix: sparse.csr_array, groups: sparse.csr_array) -> Array:
        """Sums of a user × item matrix over groups of items: [n, j]. Those of the matrices of these facts are kept, as
        several families ask for them."""
        key = id(matrix), id(groups)
        if key not in self._counted:
            found: Array = np.asarray(matrix @ groups.toarray(), dtype=np.float64)
            found.setflags(write=False)
            self._counted[key] = matrix, groups, found  # the first two, so that no other object gets their ids
        return self._counted[key][2]

    @cached_property
    def _counted(self) -> dict[tuple[int, int], tuple[sparse.csr_array, sparse.csr_array, Array]]:
        return {}

    def candidates(self, group: ItemClass) -> Array:
        """Items of each group that could be recommended to each user: all that are not barred [n, j]."""
        if self.barred is None:
            return np.broadcast_to(group.sizes, (self.n, len(group.names))).copy()
        return group.sizes - self.counts(self.barred, group.member)

    def by_rank(self, value: Array) -> sparse.csr_array:
        """The value [k] of its rank for each item of the top K [n, n_items]."""
        items, starts = self._listed
        value = value[: self.places.shape[1]]
        data = np.tile(value, self.n) if self.full else np.broadcast_to(value, self.places.shape)[self.places >= 0]
        return sparse.csr_array((data, items, starts), shape=(self.n, self.n_items))

    @cached_property
    def _listed(self) -> tuple[Codes, NDArray[np.integer[Any]]]:
        """The items of all top Ks after each other, and where each begins."""
        items = self.places.ravel() if self.full else self.places[self.places >= 0]
        kind = np.int32 if len(items) < 2**31 else np.int64
        return items, np.concatenate([[0], np.cumsum(self.length)]).astype(kind)

    def over_places(self, value: Array) -> Array:
        """Sum of the values [k] of the ranks at which a top K has an item [n]."""
        value = value[: self.places.shape[1]]
        if self.full:
            return np.full(self.n, value.sum())
        summed: Array = (self.places >= 0) @ value
        return summed

    def over_hits(self, value: Array) -> Array:
        """Sum of the values [k] of the ranks of the relevant items of a top K [n]."""
        user, column = self.hit_places
        return np.bincount(user, weights=value[column], minlength=self.n).astype(np.float64, copy=False)

    def _pairs(self, pairs: Interactions) -> sparse.csr_array:
        return sparse.csr_array((np.ones(len(pairs)), pairs.item, pairs.starts(self.n)), shape=(self.n, self.n_items))
