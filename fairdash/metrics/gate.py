"""A fairness gate: conditions on an audit, for continuous integration.

A condition is PATH=LIMIT, the path being that of a number in `audit.json`; `gaps.` may be left out:

    gender.ndcg.gap=0.02                            a gap between groups of people; also its ratio, mad or std
    items.awrf=0.1                                  a metric of the item side, overall.ndcg=0.2 one of all people
    items.gaps.maker.awrf=0.1                       the same of one attribute of items
    items.by_group.maker.small.exposure_share=0.3   a group's number; groups.gender.F.ndcg=0.2 likewise
    gender.ndcg.low=0.02, items.awrf.high=0.2       an end of its 95 % interval
    gender.ndcg.ci=0.02                             the end that is nearer to fair: broken beyond doubt

It breaks when the number's size is above the limit; where higher is better or fairer (a ratio, coverage), when the
number is below.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.metrics.catalogue import find
from fairdash.words import Said

_SECTIONS = ("gaps", "items", "overall", "groups")
_GAP_FIELDS = ("gap", "ratio", "mad", "std", "ci", "low", "high")
_ENDS = ("ci", "low", "high")


class Audited(Protocol):
    """What has results in the contract of `metrics.value`: an audit, or the part of a live one that is there."""

    @property
    def results(self) -> Mapping[str, Any]:
        """The contract's dictionary."""


class UnjudgedError(ConfigError):
    """A condition on a number that is undefined."""


@dataclass(frozen=True)
class _Number:
    """What a condition speaks of. name: its path. falls: whether lower is worse."""

    name: str
    value: float
    falls: bool


def gate(audit: Audited, conditions: Sequence[str]) -> list[str]:
    """What breaks conditions such as "gender.ndcg.gap=0.02": one sentence each, none when all hold.

    An undefined number breaks no condition but cannot pass unseen: it is an error. Raises ConfigError for names that
    this audit does not have, with the nearest that it has; all conditions are read before any is judged.
    """
    parts = [_parts(text) for text in conditions]
    read = [(_number(audit.results, path, text), limit) for text, (path, limit) in zip(conditions, parts, strict=True)]
    return [
        f"{number.name} is {words.brief(number.value)}, {'below' if number.falls else 'above'} {words.brief(limit)}"
        for number, limit in read
        if (number.value < limit if number.falls else number.value > limit)
    ]


def _parts(text: str) -> tuple[str, float]:
    """Path and limit."""
    path, equals, limit_text = text.rpartition("=")
    try:
        limit = float(limit_text)
    except ValueError:
        limit = math.nan
    if not equals or math.isnan(limit) or "." not in path:
        raise ConfigError(
            words.say("{text} is no condition.", text=repr(text)),
            "Write PATH=LIMIT with the path of a number in audit.json: gender.ndcg.gap=0.02, items.awrf=0.1",
        )
    return path.strip(), limit


def _number(results: Mapping[str, Any], path: str, text: str) -> _Number:
    first, _, rest = path.partition(".")
    section = first if first in _SECTIONS and first not in results["gaps"] else "gaps"
    where, node, left = _walk(results[section], rest if first == section else path)
    if section == "gaps":
        return _of_gap(results, where, node, left, text)
    full = ".".join([section, *where])
    if isinstance(node, Mapping) and "value" in node:  # a row of its own
        value, ci = node["value"], node["ci"]
    elif isinstance(node, Mapping) or not where:
        raise _unknown(
            text,
            words.say("{full} has no {left}", full=full, left=repr(left)),
            left,
            [name for name in node if not name.endswith("_ci")],
        )
    else:
        beside = _walk(results[section], ".".join(where[:-1]))[1]
        value, ci = node, beside.get(f"{where[-1]}_ci")
    if left not in ("", *_ENDS) or (left and ci is None) or isinstance(value, (str, bool, list)):
        raise _unknown(
            text,
            words.say("{full} has no {left}", full=full, left=repr(left))
            if left
            else words.say("{full} is no number", full=full),
            left,
            _ENDS if ci else (),
        )
    info = find(where[-1])
    return _judged(results, full, left, value, ci, info is not None and info.better > 0, text)


def _of_gap(results: Mapping[str, Any], where: list[str], node: Any, left: str, text: str) -> _Number:
    """A number of a gap's row; `where` and `node` are how far the path led, `left` what is left of it."""
    named = results["gaps"]
    if not where:
        name = left.split(".")[0]
        raise _unknown(
            text,
            words.say(
                "this audit has no attribute {name}; it has {names}", name=repr(name), names=", ".join(named) or "none"
            ),
            name,
            named,
        )
    if len(where) == 1:
        metric = left.rpartition(".")[0] or left
        raise _unknown(text, words.say("there is no gap of {metric}", metric=repr(metric)), metric, named[where[0]])
    row, field = named[where[0]][where[1]], ".".join([*where[2:], left]).strip(".")
    if field not in _GAP_FIELDS:
        raise _unknown(text, words.say("a gap has no {field}", field=repr(field)), field, _GAP_FIELDS)
    info = find(where[1])
    higher = info is not None and info.gap_better > 0 and field not in ("mad", "std")  # is fairer
    turned = info is not None and info.high <= 0 and higher  # unfairness is negative there
    return _judged(
        results,
        f"gaps.{where[0]}.{where[1]}",
        field,
        None if field in _ENDS else row[field],
        row["ci"],
        field == "ratio" or (higher and not turned),
        text,
        turned=turned,
    )


def _judged(
    results: Mapping[str, Any],
    full: str,
    field: str,
    value: float | None,
    ci: Sequence[float | None] | None,
    falls: bool,
    text: str,
    *,
    turned: bool = False,
) -> _Number:
    """The value, or the end of its interval that `field` asks for; turned: of a negative number, whose size counts."""
    if field in _ENDS:
        low, high = ci if ci is not None else (None, None)
        if turned and low is not None and high is not None:
            low, high = -high, -low
        value = {"low": low, "high": high, "ci": high if falls else low}[field]
    elif value is not None and not falls:
        value = abs(value)
    if value is None:
        undefined = results["undefined"]
        paths = (f"{full}.{'ci' if field in _ENDS else field}", full)
        reason = next((undefined[path] for path in paths if path in undefined), words.say("it is undefined here"))
        raise UnjudgedError(
            words.say("{text} cannot be judged: {reason}.", text=repr(text), reason=reason),
            "Drop the condition, or give the data it needs.",
        )
    return _Number(f"{full}.{field}".strip(".").removeprefix("gaps."), value, falls)


def _walk(node: Any, path: str) -> tuple[list[str], Any, str]:
    """As far as names of the path lead into nested mappings: the names, what stands there, and what is left. Names may
    hold points themselves: the longest that fits is taken."""
    where = []
    while isinstance(node, Mapping) and path:
        fits = [name for name in node if path == name or path.startswith(f"{name}.")]
        if not fits:
            break
        name = max(fits, key=len)
        where.append(name)
        node, path = node[name], path[len(name) + 1 :]
    return where, node, path


def _unknown(text: str, what: Said, name: str, names: Iterable[str]) -> ConfigError:
    """The error for a name that is not there, with the nearest that is."""
    known = list(names)
    if not name:
        return ConfigError(
            words.say("{text} ends before a number.", text=repr(text)),
            words.say("Add one of: {names}.", names=", ".join(known)),
        )
    near = difflib.get_close_matches(name.split(".")[0], known, 1) or difflib.get_close_matches(name, known, 1)
    hint = words.say("There are: {names}.", names=", ".join(known) or "none")
    if near:
        hint = words.say("Did you mean {near}? There are: {names}.", near=near[0], names=", ".join(known))
    return ConfigError(words.say("{text}: {what}.", text=repr(text), what=what), hint)
