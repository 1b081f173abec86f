"""From a comparison.json to pictures and tables. No streamlit here; every number is read, none is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from fairdash import charts, words
from fairdash.charts import Change, Chart
from fairdash.metrics.catalogue import METRICS
from fairdash.stages.compare import ALONE, FAIRER, NOT_SHOWN, UNDEFINED, WORSE
from fairdash.stages.disclosure import aside, people_of
from fairdash.ui import findings

Comparison = Mapping[str, Any]
_OUTCOME = ("worse", "equal", "better")
_COLUMNS = words.several("metric", "before", "after", "difference", "95 % from", "95 % to", "verdict")
_COUNTED = {
    FAIRER: words.later("{n} fairer"),
    WORSE: words.later("{n} less fair"),
    ALONE: words.later("{n} only on its own"),
    NOT_SHOWN: words.later("{n} no change shown"),
    UNDEFINED: words.later("{n} undefined"),
}
_SIDES = words.later("changed sides")


def _ends(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    low, high = row.get("ci") or (None, None)
    return low, high


def metrics_of(value: Comparison, attribute: str) -> list[str]:
    """Metrics that have a value before and after in each group, accuracy first."""
    keys = dict.fromkeys(
        key for group in value["groups"].get(attribute, {}).values() for key, row in group.items()
        if isinstance(row, dict) and "before" in row
    )  # fmt: skip
    order = list(METRICS)
    return sorted(keys, key=lambda key: order.index(key) if key in order else len(order))


def by_group(value: Comparison, attribute: str, metric: str) -> Chart:
    """A metric in each group, before and after, with the paired difference."""
    rows = []
    for name, group in value["groups"][attribute].items():
        row = group.get(metric)
        n = people_of(group, metric)
        apart = aside(name, n, group.get("small", False))
        if row is None:
            rows += [Change(name, n, None, None, None, None, None, apart)] if apart == words.WITHHELD else []
            continue
        low, high = _ends(row)
        told = value["people"].get(attribute, {}).get(name, {}).get(metric)  # the same n as who gained and who lost
        n = n if told is None else int(told["n"])
        rows.append(Change(name, n, row["before"], row["after"], row["difference"], low, high, apart))
    return charts.before_after(rows, findings.title(metric, value["k"]))


def outcome(value: Comparison, attribute: str, metric: str) -> Chart:
    """Who gained and who lost: shares of people whose own value fell, stayed or rose for the better."""
    people = value["people"]
    found = {words.say("everybody"): people.get("all", {}).get("all", {}).get(metric)} | {
        name: group.get(metric) for name, group in people.get(attribute, {}).items()
    }
    rows, apart, keys = {}, {}, []
    for name, row in found.items():
        if row and row["n"]:
            keys.append(name if name in people.get(attribute, {}) else "")
            label = words.group(name, row["n"])
            rows[label] = [row[part] for part in _OUTCOME]
            small = value["groups"].get(attribute, {}).get(name, {}).get("small", False)
            apart[label] = aside(name, row["n"], small)
    if not rows:
        return charts.empty(words.say("Neither direction of this metric is better for a person."))
    colors = (charts.VERMILLION, charts.GREY, charts.BLUE)
    return charts.stacked(
        rows, [words.say(part) for part in words.several("worse off", "the same", "better off")],
        words.say("% of people"), colors, apart, keys,
    )  # fmt: skip


def gap_rows(value: Comparison, attribute: str) -> pd.DataFrame:
    """Every gap between groups, before and after."""
    named = value["gaps"].get(attribute, {})
    table = _table(value, named.items())
    table.insert(6, findings.HOLM, pd.Series([row.get("p_holm") for row in named.values()], dtype=float))
    table[_SIDES] = [words.say("yes") if row.get("changed_sides") else "" for row in named.values()]
    return table


def overall_rows(value: Comparison) -> pd.DataFrame:
    """Everybody's values, before and after."""
    return _table(value, value["overall"].items())


def group_rows(value: Comparison, attribute: str) -> pd.DataFrame:
    """Every metric in every group, before and after."""
    parts = []
    for name, group in value["groups"].get(attribute, {}).items():
        rows = [(key, row) for key, row in group.items() if isinstance(row, dict) and "before" in row]
        table = _table(value, iter(rows))
        table.insert(0, findings.GROUP, name)
        parts.append(table.assign(**{findings.NOTE: aside(name, group["n"], group.get("small", False))}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def item_rows(value: Comparison) -> pd.DataFrame:
    """The item side, before and after: of the catalogue, and of each way to group items."""
    items = value["items"]
    parts = [_table(value, ((key, row) for key, row in items.items() if isinstance(row, dict) and "before" in row))]
    parts[0].insert(0, findings.OVER, words.say("catalogue"))
    for attribute, named in items.get("gaps", {}).items():
        table = _table(value, named.items())
        table.insert(0, findings.OVER, attribute)
        parts.append(table)
    return pd.concat([part for part in parts if len(part)], ignore_index=True) if any(map(len, parts)) else parts[0]


def _table(value: Comparison, rows: Any) -> pd.DataFrame:
    made = []
    for key, row in rows:
        low, high = _ends(row)
        numbers = (row["before"], row["after"], row["difference"], low, high)
        made.append((findings.title(key, value["k"]), *numbers, words.say(row["verdict"])))
    return pd.DataFrame(made, columns=list(_COLUMNS)).astype(dict.fromkeys(_COLUMNS[1:-1], float))


def exposure(value: Comparison, attribute: str) -> Chart:
    """Groups of items: their share of exposure before and after."""
    rows = []
    for name, group in value["items"].get("by_group", {}).get(attribute, {}).items():
        row = group.get("exposure_share")
        if isinstance(row, dict) and "before" in row:
            low, high = _ends(row)
            rows.append(Change(name, None, row["before"], row["after"], row["difference"], low, high))
    return charts.before_after(rows, words.say("share of exposure"))


def item_groups(value: Comparison) -> list[str]:
    """The attributes of items that the comparison has gaps of."""
    return list(value["items"].get("by_group", {}))


def categories(value: Comparison, attribute: str, group: str) -> Chart:
    """What one group's lists are made of, before and after."""
    own = value["groups"][attribute][group]
    found = own.get("category_share", {})
    names, apart = list(found), aside(group, own["n"], own.get("small", False))
    if apart == words.WITHHELD:
        return charts.empty(f"{words.group(group, own['n'])}: {apart}.")
    return charts.shares(
        names,
        {words.say(side): [found[n][side] for n in names] for side in words.several("before", "after")},
        words.say("share of the slots of {group}", group=words.label(group)),
        aside={words.say(side): apart for side in words.several("before", "after")},
        keys={words.say(side): group for side in words.several("before", "after")},
    )


def verdicts(value: Comparison, attribute: str) -> Iterator[str]:
    """How many gaps between groups of an attribute became smaller, larger, or were not shown to move: 2 fairer."""
    said = Counter(row["verdict"] for row in value["gaps"].get(attribute, {}).values())
    for verdict, told in _COUNTED.items():
        if said[verdict]:
            yield words.say(told, n=said[verdict])
