"""Sums over people under bootstrap weights, in a form that can be added up.

Up to EXACT_PEOPLE each person has a weight in every replicate (`bootstrap.weights`), so their rows are kept. Beyond,
people are put into random bags by the hash of their id, and a bag's people share one weight: what is kept are the sums
of the bags, and a million people cost no more than twenty thousand. A cluster bootstrap with clusters drawn at random
has the same mean, variance and skew as that of single people, as the differences from a group's value have no mean that
people of a bag could have in common (Efron & Tibshirani 1993, ch. 8); the deviation that B bags show is off by
1 / √(2 B) of itself, 0.8 % for the most and 2.2 % for the fewest, where 1,000 replicates alone make it 2.2 %.

How many bags there are depends on the number of groups alone, so that audits of the same people have the same draws,
before and after, in whichever pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash.hashing import Hashes, mix
from fairdash.metrics import bootstrap
from fairdash.schema import Groups

Array = NDArray[np.float64]

EXACT_PEOPLE = 20_000  # with a weight, or with a place in shuffles, of their own
MOST_BAGS, FEWEST_BAGS = 8_192, 1_024  # powers of two, so that the fewer are made of the more
BAG_GROUPS = 32_768  # bags × groups of one attribute: 0.26 MB a column
BLOCK_PEOPLE = 4_096  # whose weights are drawn at once: 33 MB for 1,000 replicates
BLOCK_BAGS = 1_024  # likewise, where much else is in memory


@dataclass(frozen=True, eq=False)
class Replicates:
    """Sums under every bootstrap weight: of all people [r, c], and of each attribute's groups [r, g, of these c]."""

    everyone: Array
    groups: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class People:
    """Rows of people [n, c], of whom the first `width` columns are summed by group, too. hashes: of their ids [n]."""

    hashes: Hashes
    rows: Array
    who: tuple[Groups, ...]
    width: int

    def bags(self, seed: int) -> Bags:
        """The same people in their bags."""
        bag = (mix(seed, self.hashes) >> np.uint64(40)).astype(np.int64)
        own = self.rows[:, : self.width]
        groups = []
        for group in self.who:
            count, number = bags_for(len(group.members)), len(group.members)
            person = np.concatenate(group.members)
            which = np.repeat(np.arange(number), [len(rows) for rows in group.members])
            sums = _sums(bag[person] % count * number + which, person, count * number, own)
            groups.append(sums.reshape(count, number, -1))
        return Bags(_sums(bag % MOST_BAGS, np.arange(len(bag)), MOST_BAGS, self.rows), tuple(groups))

    def replicates(self, count: int, seed: int) -> Replicates:
        """With a weight for each person."""
        # in memory by column, which is how metrics ask for them
        everyone = np.zeros((self.rows.shape[1], count))
        groups = tuple(np.zeros((self.width, len(group.members), count)) for group in self.who)
        for first in range(0, len(self.rows), BLOCK_PEOPLE):
            block = slice(first, first + BLOCK_PEOPLE)
            drawn, here = bootstrap.weights(self.hashes[block], count, seed), self.rows[block]
            everyone += here.T @ drawn.astype(np.float64)
            for group, sums in zip(self.who, groups, strict=True):
                for g, rows in enumerate(group.members):
                    own = rows[slice(*np.searchsorted(rows, (first, first + BLOCK_PEOPLE)))] - first
                    if len(own):
                        sums[:, g] += here[own, : self.width].T @ drawn[own].astype(np.float64)
        return Replicates(everyone.T, tuple(sums.T for sums in groups))

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Bags:
    """Sums of bags of people [bags, c], and of each attribute's groups in them [its bags, g, of these c]."""

    everyone: Array
    groups: tuple[Array, ...]

    def __add__(self, other: Bags) -> Bags:
        groups = zip(self.groups, other.groups, strict=True)
        return Bags(self.everyone + other.everyone, tuple(mine + theirs for mine, theirs in groups))

    def replicates(self, count: int, seed: int) -> Replicates:
        """With a weight for each bag."""
        made = []
        for sums in (self.everyone, *self.groups):
            flat = sums.reshape(len(sums), -1)
            found = np.zeros((count, flat.shape[1]))
            for first in range(0, len(flat), BLOCK_BAGS):
                here = flat[first : first + BLOCK_BAGS]
                number = np.arange(first, first + len(here), dtype=np.uint64)
                found += bootstrap.weights(number, count, seed).astype(np.float64).T @ here
            made.append(found.reshape(count, *sums.shape[1:]))
        return Replicates(made[0], tuple(made[1:]))


def added(parts: Sequence[People | Bags | None], seed: int) -> People | Bags | None:
    """Of all these people, in bags as soon as they are many; None where nothing is resampled."""
    people = [part for part in parts if isinstance(part, People)]
    bags = [part for part in parts if isinstance(part, Bags)]
    if people:
        together = People(
            np.concatenate([part.hashes for part in people]),
            np.concatenate([part.rows for part in people]),
            tuple(reduce(add, of_one) for of_one in zip(*(part.who for part in people), strict=True)),
            people[0].width,
        )
        if not bags:
            return settled(together, seed)
        bags.append(together.bags(seed))
    return reduce(add, bags) if bags else None


def settled(people: People, seed: int) -> People | Bags:
    """In bags where they are many."""
    return people if len(people) <= EXACT_PEOPLE else people.bags(seed)


def bags_for(groups: int) -> int:
    """How many bags people are put into where so many groups are summed."""
    return max(FEWEST_BAGS, min(MOST_BAGS, (1 << (BAG_GROUPS // groups).bit_length()) // 2))


def _sums(place: NDArray[np.int64], person: NDArray[np.integer[Any]], count: int, rows: Array) -> Array:
    """Of the rows of these people, each at its place [count, c]."""
    member = sparse.csr_array((np.ones(len(person)), (place, person)), shape=(count, len(rows)))
    return np.asarray(member @ rows)
