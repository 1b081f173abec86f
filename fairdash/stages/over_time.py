"""Over time: the same lists audited in one window of the held-out part after the other.

Held-out items go by the time at which they happened; who has none in a window is no part of it. The lists are the same
throughout: what changes is who is there, and what they go on to choose.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.data import times
from fairdash.data.windows import labels
from fairdash.errors import ConfigError
from fairdash.groups import form
from fairdash.metrics import bootstrap
from fairdash.metrics.catalogue import ACCURACY, FAMILIES, on_side
from fairdash.schema import UNKNOWN, Lists, Split
from fairdash.stages.audit import AuditSpec, of_split
from fairdash.stages.disclosure import KEPT, told, withheld
from fairdash.stages.people import ALL_BUT_FEW, hidden

WAYS = ("month", "week", "4", "8", "12")  # calendar windows, of dates alone; and so many parts of equal length


@dataclass(frozen=True, eq=False)
class Window:
    """people: with held-out items in it; None for very few. gap: the row of audit.json of one metric, whose p_holm is
    corrected over all windows. reason: why there is no gap; few: because fewer than two groups have enough people.
    audit: the window's own audit.json, without the values of a group of whom all but a few are in the window."""

    name: str
    people: int | None
    gap: dict[str, Any]
    reason: str = ""
    few: bool = False
    audit: dict[str, Any] = field(default_factory=dict)


def ways(split: Split) -> tuple[str, ...]:
    """The windows that the held-out part can be cut in, the usual one first; none without times."""
    moments = split.test.time
    if not len(moments) or moments.min() == moments.max():
        return ()
    unit = times.unit_of(float(moments.min()), float(moments.max()))
    if unit == "number":
        return WAYS[2:]
    found = []
    for way in WAYS[:2]:
        with suppress(ConfigError):  # more windows than anybody can look at
            found += [way] if len(np.unique(labels(moments, unit, way)(moments))) > 1 else []
    return (*found, *WAYS[2:])


def over_time(split: Split, lists: Lists, spec: AuditSpec, metric: str, way: str) -> tuple[Window, ...]:
    """The gap of one metric between the groups of `spec` in each window, the oldest first. way: one of `ways`. Raises
    ConfigError for a metric that lists alone do not have."""
    key = metric.partition(":")[0]
    families = [name for name, family in FAMILIES.items() if key in {one.key for one in family.metrics}]
    if not families or key in on_side("model"):
        raise ConfigError("This metric is of the model, which does not change over time.", "Choose another one.")
    only = tuple(dict.fromkeys((*ACCURACY, *families)))
    test, (group,) = split.test, spec.groups
    unit = times.unit_of(float(test.time.min()), float(test.time.max()))
    name_of = labels(test.time, unit, way)(test.time)
    found = []
    for name in np.unique(name_of):
        rows = np.flatnonzero(name_of == name)
        there = np.zeros(split.training.n_users, dtype=bool)
        there[test.user[rows]] = True
        part = replace(
            split,
            test=test.take(rows),
            asked=there if split.asked is None else there & split.asked,
            predicted=None if split.predicted is None else split.predicted[rows],
        )
        made = withheld(of_split(part, lists, replace(spec, only=only)).to_json())
        row = made["gaps"][group.label].get(metric, {})
        reason = made["undefined"].get(f"gaps.{group.label}.{metric}", "")
        large = [one for one, own in made["groups"][group.label].items() if one != UNKNOWN and not own["small"]]
        own = _without_all_but_few(made, split, spec, rows)
        found.append(Window(str(name), told(int(there.sum())), row, reason, len(large) < 2, own))
    p = bootstrap.holm([np.nan if one.gap.get("p_value") is None else one.gap["p_value"] for one in found])
    return tuple(
        replace(one, gap={**one.gap, "p_holm": None if np.isnan(value) else float(value)})
        for one, value in zip(found, p, strict=True)
    )


def _without_all_but_few(
    made: dict[str, Any], split: Split, spec: AuditSpec, rows: NDArray[np.int64]
) -> dict[str, Any]:
    """An audit of the held-out items in these rows without the values of groups of whom a few alone are left out: the
    value of all of them tells what those few have."""
    (group,) = spec.groups
    least = max(group.min_size, settings.MIN_GROUP_SIZE)
    test, threshold = split.test, split.training.relevance_threshold
    liked = np.ones(len(test), bool) if threshold is None else test.rating >= threshold
    within = np.zeros(len(test), bool)
    within[rows] = True
    asked = np.ones(split.training.n_users, bool) if split.asked is None else split.asked
    formed = form(group, split.training.people)
    groups, undefined = dict(made["groups"][group.label]), dict(made["undefined"])
    for name, members in zip((*formed.names, UNKNOWN), formed.members, strict=True):
        for counted in (np.ones(len(test), bool), liked):
            whole, some = (len(np.intersect1d(members[asked[members]], test.user[mask])) for mask in (
                counted, counted & within))  # fmt: skip
            if name in groups and hidden(some, whole, least) == ALL_BUT_FEW:
                gone = [key for key in groups[name] if key not in KEPT]
                groups[name] = {key: value for key, value in groups[name].items() if key in KEPT}
                undefined |= {f"groups.{group.label}.{name}.{key}": words.say(ALL_BUT_FEW) for key in gone}
    return {**made, "groups": {group.label: groups}, "undefined": undefined, "shrunk": {}}
