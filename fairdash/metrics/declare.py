"""What a metric says of itself: a family declares its metrics once, and everything else reads the declarations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["accuracy", "users", "items", "model"]
Over = Literal["catalogue", "classes"]

NO_TRUTH = "Undefined for people without a liked held-out item; they are left out and counted."
NO_LIST = "Undefined for people without a list."


@dataclass(frozen=True)
class Metric:
    """A metric's key in METRICS.md and what the pages say of it. low, high: its range. better: 1 higher is better or
    fairer, -1 lower is, 0 neither; target: the fair value where that is no end of the range."""

    key: str
    title: str
    side: Side
    formula: str
    low: float
    high: float
    better: int
    paper: str = ""
    target: float | None = None
    edge: str = ""  # what happens where it is undefined
    place: int = 1_000  # among the metrics of its side
    why: str = "nobody has a liked held-out item"  # why a value can be undefined
    counted: str = ""  # the kind of metrics that the same people have, so that these are counted once; "": its own
    gap_better: int = -1  # 1 where a higher gap is fairer, -1 where a lower one is
    gap_field: Literal["gap", "ratio"] = "gap"  # where the gap's row has its value
    shown_by: str = ""  # the picture, or the value of one group, that shows a gap that is no gap of one value
    over: Over | None = None  # of the item side: of the whole catalogue, or of groups of items
    curve: bool = False  # drawn over attributes that are numbers


@dataclass(frozen=True)
class Part:
    """A number that metrics are made of, and that is shown beside them."""

    key: str
    title: str = ""
    why: str = "nobody has a liked held-out item"
    counted: str = ""  # as a metric's


@dataclass(frozen=True)
class Family:
    """Metrics that are made from the same sums. name: unique. place: among the families, in which their columns
    stand."""

    name: str
    metrics: tuple[Metric, ...]
    parts: tuple[Part, ...] = ()
    place: int = 1_000
