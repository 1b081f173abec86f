"""Every metric in one place, as its family declares it: name for people, formula, range, fairer direction and source
paper. Every module of `families` declares its own, as FAMILY; more come from trusted plugins. Which published measures
of users and items together are left out, and why, `families.joint` says."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection
from typing import get_args

from fairdash import plugins, words
from fairdash.errors import ConfigError
from fairdash.metrics import families
from fairdash.metrics.declare import Family, Metric, Over, Part, Quotient, Side


def _own() -> list[Family]:
    """The families of this package."""
    modules = (
        importlib.import_module(f"{families.__name__}.{one.name}") for one in pkgutil.iter_modules(families.__path__)
    )
    return sorted((module.FAMILY for module in modules), key=lambda family: family.place)


FAMILIES: dict[str, Family] = plugins.added(
    {family.name: family for family in _own()},
    ((family.name, family) for family in plugins.declared("metrics", Family)),
)
_SIDES = get_args(Side)
METRICS: dict[str, Metric] = plugins.added(
    {},
    (
        (metric.key, metric)
        for metric in sorted(
            (metric for family in FAMILIES.values() for metric in family.metrics),
            key=lambda metric: (_SIDES.index(metric.side), metric.place),
        )
    ),
)
DECLARED: dict[str, Metric | Part] = plugins.added(
    METRICS, ((part.key, part) for family in FAMILIES.values() for part in family.parts)
)
# Values of groups that are no means of people's own values.
QUOTIENTS: dict[str, Quotient] = {key: one.value for key, one in DECLARED.items() if one.value is not None}


def find(key: str) -> Metric | None:
    """The metric of a key of the contract, which can end in the groups of items that it is about."""
    return METRICS.get(key.partition(":")[0])


def part(key: str) -> Metric | Part:
    """The metric of a key, or the part of one; of an unknown key a part without a title."""
    return DECLARED.get(key.partition(":")[0], Part(key))


def why(key: str) -> str:
    """Why this metric, or a part of one, can be undefined."""
    return part(key).why


ACCURACY = tuple(family.name for family in FAMILIES.values() if family.of_accuracy)


def chosen(only: Collection[str]) -> dict[str, Family]:
    """The families of an audit by name: those that are named and what they use, all of them where none is named. Raises
    ConfigError for a name that is none of them."""
    for name in only:
        if name not in FAMILIES:
            raise ConfigError(
                words.say("There is no family of metrics “{name}”.", name=name),
                words.say("There are {names}.", names=", ".join(FAMILIES)),
            )
    wanted = {*only, *(FAMILIES[name].uses for name in only)}
    return {name: family for name, family in FAMILIES.items() if not only or name in wanted}


def counted(key: str) -> str:
    """The column that counts who has this per-user metric: metrics that the same people have share it."""
    return f"count:{METRICS[key].counted or key if key in METRICS else key}"


def over(what: Over) -> tuple[str, ...]:
    """Metrics of the item side that are about the whole catalogue, or about its groups of items."""
    return tuple(key for key, metric in METRICS.items() if metric.over == what)


def on_side(side: Side) -> tuple[str, ...]:
    """The metrics of a side."""
    return tuple(key for key, metric in METRICS.items() if metric.side == side)
