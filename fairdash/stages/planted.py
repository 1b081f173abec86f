"""What was planted in made-up data, beside what audits of a recommender found of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairdash import words
from fairdash.data.synthetic import Planted
from fairdash.metrics.catalogue import METRICS

Audit = Mapping[str, Any]


def beside(facts: Sequence[Planted], audits: Sequence[Audit]) -> list[dict[str, str]]:
    """[{planted, found}] in the facts' order, in words; "not measured" where no audit speaks of a fact."""
    return [
        {
            "planted": fact.description,
            "found": next(filter(None, (_found(fact, one) for one in audits)), words.say("not measured")),
        }
        for fact in facts
    ]


def _found(fact: Planted, audit: Audit) -> str:
    """What an audit says of a fact; empty where it does not look at it."""
    if fact.side == "items":
        row = audit["items"].get("by_group", {}).get(fact.attribute, {}).get(fact.group)
        if row is None or row.get("exposure_share") is None or row.get("relevant_share") is None:
            return ""
        shown, liked = (words.percent(row[key]) for key in ("exposure_share", "relevant_share"))
        return words.say("{shown} of exposure, {liked} of what is liked", shown=shown, liked=liked)
    groups = audit["groups"].get(fact.attribute)
    if groups is None:
        return ""
    if fact.metric == "probe_auc":
        value = audit.get("model", {}).get(fact.attribute, {}).get("probe_auc", {}).get("value")
        told = words.say(
            "AUC of a probe {auc}; {chance} is chance", auc=words.number(value), chance=words.number(0.5, 1)
        )
        return "" if value is None else told
    large = {name: group for name, group in groups.items() if not group["small"] and name != "(unknown)"}
    values = {name: _value(fact, group) for name, group in large.items()}
    if len(values) < 2 or None in values.values():
        return ""
    written = words.percent if fact.category else words.number
    told = words.join([f"{words.people(fact.attribute, name)} {written(value)}" for name, value in values.items()])
    row = audit["gaps"].get(fact.attribute, {}).get(fact.metric, {})
    tested = [words.p_value(row["p_value"])] if row.get("p_value") is not None else []
    what = fact.category or f"{METRICS[fact.metric].title}@{audit['k']}"
    return words.say("{what}: {told}", what=what, told=told) + "".join(f" ({one})" for one in tested)


def _value(fact: Planted, group: Mapping[str, Any]) -> float | None:
    found = group.get(fact.metric)
    value: float | None = found.get(fact.category) if isinstance(found, Mapping) else found
    return value
