"""Many lists of one test part, each held against the same baseline: a row a system, a column an aim.

One audit a row and one pairing with the baseline's, from per-user values; no test by shuffled labels is needed, as what
is asked is whether a change lies beyond its paired interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash import settings
from fairdash.metrics.catalogue import METRICS
from fairdash.metrics.paired import SAME
from fairdash.metrics.value import Audit
from fairdash.run import Run
from fairdash.schema import USER_ID, Lists, Split
from fairdash.stages import audit as audits
from fairdash.stages import disclosure
from fairdash.stages.audit import AuditSpec
from fairdash.stages.compare import LOST, UNDEFINED, compare_audits

Value = Mapping[str, Any]  # a comparison.json


@dataclass(frozen=True)
class Column:
    """What a column shows: a metric of everybody ("overall"), the gap in it between an attribute's groups ("gaps"), one
    of the items ("items"), or one over groups of items ("item_gaps")."""

    part: str
    metric: str
    attribute: str = ""

    @property
    def key(self) -> str:
        """What the URL calls it."""
        return ".".join(filter(None, (self.part, self.metric, self.attribute)))

    def worth(self, value: float | None) -> float | None:
        """A value with the sign that makes more better or fairer; of a metric whose fair value lies in the middle, how
        near it is; None where neither is better."""
        info = METRICS.get(self.metric.partition(":")[0])
        if value is None:
            return None
        if self.part == "gaps":
            return value * (-1 if info is None else info.gap_better)
        if info is None or (info.target is None and not info.better):
            return None
        return value * info.better if info.target is None else -abs(value - info.target)

    def rows(self, value: Value) -> Mapping[str, Any]:
        """Where a comparison.json has it."""
        if self.part == "item_gaps":
            return dict(value["items"].get("gaps", {}).get(self.attribute, {}))
        return dict(value["gaps"].get(self.attribute, {}) if self.part == "gaps" else value[self.part])


@dataclass(frozen=True)
class Cell:
    """A row's value, and its paired difference from the baseline with its 95 % interval; None where undefined."""

    value: float | None
    difference: float | None
    low: float | None
    high: float | None
    verdict: str


@dataclass(frozen=True)
class Mover:
    """A person, by pseudonym, with their group and their own value under the baseline and under the row."""

    number: int
    user: int
    group: str
    before: float
    after: float


def audited(run: Run, lists: Lists, spec: AuditSpec, beside: Sequence[Lists], among: Sequence[Split] = ()) -> Audit:
    """One row's audit, of its first K places. beside, among: the lists and splits of all rows, so that all are of the
    same people."""
    plain = replace(spec, permutations=0, model=False)
    return audits.audit(run, lists.top(spec.k), plain, beside=beside, among=among)


def against(baseline: Audit, other: Audit) -> dict[str, Any]:
    """A comparison.json of a row with the baseline, without values of very few people."""
    return disclosure.withheld(compare_audits(baseline, other).to_json())


def columns(value: Value) -> list[Column]:
    """What the rows of this value can be compared by, accuracy and gaps first, where a direction is better."""
    items = value["items"]
    found = [Column("overall", key) for key in value["overall"]]
    found += [Column("gaps", key, attribute) for attribute, named in value["gaps"].items() for key in named]
    found += [Column("items", key) for key, row in items.items() if isinstance(row, dict) and "before" in row]
    found += [
        Column("item_gaps", key, attribute) for attribute, named in items.get("gaps", {}).items() for key in named
    ]
    return [column for column in found if column.worth(1.0) is not None]


def cell(value: Value, column: Column, *, baseline: bool = False) -> Cell:
    """A row's cell; of the baseline itself its value alone."""
    row = column.rows(value).get(column.metric)
    if row is None:
        return Cell(None, None, None, None, UNDEFINED)
    if baseline:
        return Cell(row["before"], None, None, None, "")
    low, high = row.get("ci") or (None, None)
    return Cell(row["after"], row["difference"], low, high, row["verdict"])


def harmed(value: Value, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Groups, large enough to be compared, whose own value changed for the worse beyond its interval, in any of these
    metrics: [{attribute, group, metric, difference, …}], the largest change of a metric first."""
    found = [
        {"attribute": attribute, "group": name, "metric": metric, **group[metric]}
        for metric in metrics
        for attribute, named in value["groups"].items()
        for name, group in named.items()
        if not group["small"] and group.get(metric, {}).get("verdict") in LOST
    ]
    return sorted(found, key=lambda row: (metrics.index(row["metric"]), -abs(row["difference"])))


def dominated(rows: Mapping[str, Sequence[float | None]]) -> set[str]:
    """Rows that another one beats: at least as good in every column and better in one. rows: what the values are worth,
    by column; a row without one of them neither beats nor is beaten."""
    known = {name: np.array(worth, dtype=np.float64) for name, worth in rows.items() if None not in worth}
    return {
        name
        for name, own in known.items()
        for other in known.values()
        if bool((other >= own).all() and (other > own).any())
    }


def movers(
    baseline: Audit, other: Audit, run: Run, metric: str, group: str = "", most: int = 5
) -> tuple[list[Mover], list[Mover]]:
    """Who loses and who gains most in a metric of their own, at most so many each; only people of groups that are large
    enough to be compared (of all people where there are no groups). group: of this one alone."""
    first, second = (audit.tally.own.valued for audit in (baseline, other))
    better = METRICS[metric].better or 1
    old, new = first.metrics[metric], second.metrics[metric]
    ids = run.split.training.users[USER_ID].astype(str)
    number = dict(zip(ids, disclosure.pseudonyms(ids).tolist(), strict=True))
    code = {one: i for i, one in enumerate(ids)}
    groups, shown = _groups_of(baseline)
    if group:
        shown &= np.array(groups) == group
    change = np.where(shown & ~np.isnan(new - old), better * (new - old), 0.0)
    order = np.lexsort(([number[str(one)] for one in first.ids], change))

    def told(rows: Iterator[int]) -> list[Mover]:
        return [
            Mover(number[str(first.ids[i])], code[str(first.ids[i])], groups[i], float(old[i]), float(new[i]))
            for i in rows
        ]

    lost = (int(i) for i in order[:most] if change[i] < -SAME)
    won = (int(i) for i in order[::-1][:most] if change[i] > SAME)
    return told(lost), told(won)


def groups_shown(audit: Audit) -> list[str]:
    """The groups of the first attribute whose people may be shown."""
    names, shown = _groups_of(audit)
    there = {*np.array(names)[shown]}
    return [name for name in (audit.tally.own.who[0].names if audit.tally.groups else ()) if name in there]


def _groups_of(audit: Audit) -> tuple[list[str], NDArray[np.bool_]]:
    """The group of each person whose values are kept in the first attribute, and whether they may be shown [n]."""
    total, own = audit.tally, audit.tally.own.valued
    names, shown = [""] * len(own.ids), np.ones(len(own.ids), dtype=bool)
    if not total.groups:
        return names, shown
    shown[:] = False
    least = max(total.groups[0].min_size, settings.FEWEST)
    for name, rows in zip(own.who[0].names, own.who[0].members, strict=False):  # the unknown come last, unnamed
        if len(rows) >= least:
            shown[rows] = True
            for i in rows:
                names[int(i)] = name
    return names, shown
