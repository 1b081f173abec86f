"""What a metric says of itself: a family declares its metrics once, and everything else reads the declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash.item_classes import ItemClass
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.compared import Compared
from fairdash.metrics.facts import Columns, Facts
from fairdash.metrics.groups import Gap
from fairdash.metrics.item_sums import ItemSums, Listed
from fairdash.words import Said

Side = Literal["accuracy", "users", "items", "model"]
Over = Literal["catalogue", "classes"]

NO_TRUTH = "Undefined for people without a liked held-out item; they are left out and counted."
NO_LIST = "Undefined for people without a list."


@dataclass(frozen=True)
class Quotient:
    """The value of a group: Σ above / Σ below + offset, over its people. above, below: names of columns. people: the
    column that counts who has a value, such as "count:truth"; "": everybody of the group. hits: `above` is a part of
    `below`. label: what the gap of several quotients calls this one."""

    above: str
    below: str
    people: str = ""
    offset: float = 0.0
    hits: bool = True
    label: str = ""


@dataclass(frozen=True)
class Metric:
    """A metric's key in audits and what the pages say of it. low, high: its range. better: 1 higher is better or
    fairer, -1 lower is, 0 neither; target: the fair value where that is no end of the range."""

    key: str
    title: Said
    side: Side
    formula: Said
    low: float
    high: float
    better: int
    paper: str = ""
    target: float | None = None
    edge: Said = ""  # what happens where it is undefined
    place: int = 1_000  # among the metrics of its side
    why: Said = "nobody has a liked held-out item"  # why a value can be undefined
    counted: str = ""  # the kind of metrics that the same people have, so that these are counted once; "": its own
    value: Quotient | None = None  # of a group, where that is no mean of its people's own values
    gap_of: tuple[str, ...] = ()  # parts, by key, of which it is the largest gap
    gap_better: int = -1  # 1 where a higher gap is fairer, -1 where a lower one is
    gap_field: Literal["gap", "ratio"] = "gap"  # where the gap's row has its value
    shown_by: str = ""  # the picture, or the value of one group, that shows a gap that is no gap of one value
    over: Over | None = None  # of the item side: of the whole catalogue, or of groups of items
    curve: bool = False  # drawn over attributes that are numbers
    whole: bool = False  # of all places of the lists that were given, not of the top K alone


@dataclass(frozen=True)
class Part:
    """A number that metrics are made of, and that is shown beside them. Fields as those of a metric."""

    key: str
    title: Said = ""
    low: float = -np.inf
    high: float = np.inf
    better: int = 0
    why: Said = "nobody has a liked held-out item"
    counted: str = ""
    value: Quotient | None = None
    whole: bool = False


@dataclass(frozen=True)
class Family:
    """Metrics that are made from the same sums. name: unique. place: among the families, in which their columns stand.
    uses: the family whose columns it needs too, which is part of every audit that this one is part of.

    per_user: values of people [n] by metric, NaN where undefined; their means get intervals, gaps and tests. columns:
    further numbers of people, [n] or [n, width] by name, whose sums over groups `value` and `gaps` are made of; names
    begin with the family's own word, "odds:hits". gaps: what is no gap of quotients, by metric; such a key may end in
    the groups of items that it is about.

    Of the item side. item_columns: numbers of people for one way to group items, [n] or [n, j], whose sums over all
    people the next two are made of; names end in its attribute, "merit:maker". item_values: of each group of items [j].
    item_gaps: metrics over groups of items. block_columns: numbers of people for each item of the catalogue, or others,
    [n, width], sparse or not, by name; of_catalogue: metrics that are made of their sums over people, and of how often
    each item is recommended, with intervals from leaving out blocks of people."""

    name: str
    metrics: tuple[Metric, ...]
    parts: tuple[Part, ...] = ()
    place: int = 1_000
    uses: str = ""
    per_user: Callable[[Facts], Mapping[str, NDArray[np.float64]]] | None = None
    columns: Callable[[Facts], Columns] | None = None
    gaps: Callable[[Compared], Mapping[str, Gap]] | None = None
    item_columns: Callable[[Facts, ItemClass], Columns] | None = None
    item_values: Callable[[ItemSums], Mapping[str, list[Estimate]]] | None = None
    item_gaps: Callable[[ItemSums], Mapping[str, Estimate]] | None = None
    block_columns: Callable[[Facts], Mapping[str, sparse.csr_array | NDArray[np.float64]]] | None = None
    of_catalogue: Callable[[Listed], Mapping[str, Estimate]] | None = None

    @property
    def of_accuracy(self) -> bool:
        """Whether it is part of an audit of accuracy alone."""
        return all(metric.side == "accuracy" for metric in self.metrics)
