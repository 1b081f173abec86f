"""What the gaps of one attribute are made from: sums over its groups, as plain arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics import exposure, groups
from fairdash.metrics.groups import Gap
from fairdash.metrics.inputs import Catalogue
from fairdash.metrics.rates import Rates

Array = NDArray[np.float64]

TOO_FEW_GROUPS = "fewer than two groups are large enough"


def aimed(target: Array | None, kept: Sequence[int] | NDArray[np.intp]) -> Array | None:
    """Target shares of some of the groups, adding up to 1 again."""
    return None if target is None else exposure.shares(target[np.asarray(kept, dtype=np.intp)])


@dataclass(frozen=True, eq=False)
class Compared:
    """The groups of one attribute that are large enough, `(unknown)` left out. names, people: [g]. layout: where a
    named column stands in sums. sums [g, c]; moments: sums of products of columns [g, c, c]; boot: sums under every
    bootstrap replicate [r, g, c]; null: some of the columns under shuffled labels, columns → [p, g, columns]. listed:
    people with each item in the top K [g, n_items]. exact_ks: `score_ks` of all scores with its pair of groups, where
    there are scores. permutations, seed: of the audit, for what draws labels of its own; times: how many times as many
    as at first. target: chosen shares of the groups [g], adding up to 1; None: the metric's own. shared: people in both
    of two groups [g, g], who count in each; None where nobody is."""

    names: tuple[str, ...]
    people: NDArray[np.int64]
    layout: Mapping[str, slice]
    sums: Array
    moments: Array
    boot: Array
    null: Callable[[NDArray[np.intp]], Array]
    listed: NDArray[np.int64]
    catalogue: Catalogue
    exact_ks: tuple[float, tuple[str, str]] | None = None
    permutations: int = 0
    seed: int = 0
    times: int = 1
    target: Array | None = None
    shared: NDArray[np.int64] | None = None

    def gap(self, rates: Rates, people: str, why: str, *, better: int = 0) -> Gap:
        """The gap of quotients of sums. people: the column that counts who has a value, "" for everybody; why: said
        where nobody has. better: 1 where the highest group is best off, -1 the lowest, 0 neither."""
        if len(self.names) < 2:
            return Gap(reason=TOO_FEW_GROUPS)
        n = self.people if not people else self.counts(people)
        if not n.any():
            return Gap(reason=why)
        # small is a group of few people, not one of whom few have a value: such a gap has a wide interval
        shared = self.shared
        if shared is not None:  # of those in both, as many have a value as of the two groups
            part = np.sqrt(n / self.people)
            shared = np.ceil(shared * part * part[:, None]).astype(np.int64)
        columns, own = rates.alone()
        at = np.asarray(columns, dtype=np.intp)
        # a value is a quotient of sums: sums of squares tell how it spreads, and nothing is asked of shuffled ones
        value = sorted({*own.numerators, *own.denominators})
        shuffled = self.null(at[value])
        null = np.full((len(at), *shuffled.T.shape[1:]), np.nan)
        null[value] = shuffled.T
        sums = self.sums[:, at], self.moments[:, at][:, :, at], self.boot.T[at].T, null.T
        return groups.gap(own, self.names, n, *sums, better=better, shared=shared)

    def among(self, kept: NDArray[np.intp]) -> Compared:
        """The same of some of the groups."""
        return replace(
            self,
            names=tuple(self.names[int(g)] for g in kept),
            people=self.people[kept],
            sums=self.sums[kept],
            moments=self.moments[kept],
            boot=self.boot[:, kept],
            null=lambda columns: self.null(columns)[:, kept],
            listed=self.listed[kept],
            target=aimed(self.target, kept),
            shared=None if self.shared is None else self.shared[np.ix_(kept, kept)],
        )

    def only(self, *names: str) -> Compared:
        """The same with these columns alone, so that no others are shuffled for a distance."""
        layout, at = {}, 0
        for name in names:
            width = self.layout[name].stop - self.layout[name].start
            layout[name] = slice(at, at + width)
            at += width
        columns = np.concatenate([np.arange(self.layout[name].start, self.layout[name].stop) for name in names])
        return replace(
            self,
            layout=layout,
            sums=self.sums[:, columns],
            moments=self.moments[:, columns][:, :, columns],
            boot=self.boot[..., columns],
            null=lambda some: self.null(columns[some]),
        )

    def distance(self, statistic: Callable[[Array], Array], why: str, **options: Any) -> Gap:
        """The gap that is a distance: `groups.distance` of a statistic [...] of sums [..., g, c]. why: said where it is
        undefined."""
        null = self.null(np.arange(self.sums.shape[-1]))
        return groups.distance(statistic, self.sums, self.boot, null, people=self.people, reason=why, **options)

    def counts(self, column: str) -> NDArray[np.int64]:
        """Sums of a column of counts [g]."""
        return np.rint(self.sums[:, self.layout[column].start]).astype(np.int64)
