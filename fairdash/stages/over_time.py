"""Over time: the same lists audited in one window of the held-out part after the other.

Held-out items go by the time at which they happened; who has none in a window is no part of it. The lists are the same
throughout: what changes is who is there, and what they go on to choose.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fairdash.data import times
from fairdash.data.windows import labels
from fairdash.errors import ConfigError
from fairdash.metrics import bootstrap
from fairdash.metrics.catalogue import ACCURACY, FAMILIES, on_side
from fairdash.schema import UNKNOWN, Lists, Split
from fairdash.stages.audit import AuditSpec, of_split
from fairdash.stages.disclosure import told, withheld

WAYS = ("month", "week", "4", "8", "12")  # calendar windows, of dates alone; and so many parts of equal length


@dataclass(frozen=True, eq=False)
class Window:
    """people: with held-out items in it; None for very few. gap: the row of audit.json of one metric, whose p_holm is
    corrected over all windows. reason: why there is no gap; few: because fewer than two groups have enough people."""

    name: str
    people: int | None
    gap: dict[str, Any]
    reason: str = ""
    few: bool = False


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
        found.append(Window(str(name), told(int(there.sum())), row, reason, few=len(large) < 2))
    p = bootstrap.holm([np.nan if one.gap.get("p_value") is None else one.gap["p_value"] for one in found])
    return tuple(
        replace(one, gap={**one.gap, "p_holm": None if np.isnan(value) else float(value)})
        for one, value in zip(found, p, strict=True)
    )
