"""Before and after: the same people, the same bootstrap replicates, so that differences have intervals of their own.

Where two lists agree for most people their metrics move together over replicates, and the interval of the difference is
far narrower than those of the two values suggest: see `metrics.changes`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.metrics import changes, results
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.catalogue import find, part, why
from fairdash.metrics.groups import Gap
from fairdash.metrics.value import Audit

SAME = 1e-12  # a per-user value that moves by less has not moved


@dataclass(frozen=True, eq=False)
class Paired:
    """Two audits of the same people. `to_json()`:

    overall  {metric: {before, after, difference, ci, moved}}
    groups   {attribute: {group: {n, n_with_truth, small, metric: {before, …}, category_share: {category: {…}}}}}
    gaps     {attribute: {metric: {before, after, difference, ci, moved, signed_after, signed_ci}}}; signed_after is the
             difference after of the pair of groups that was furthest apart before: below 0 where it turned round;
             signed_ci is of the change of that pair's difference; above_before, above_after: what is above the
             floor, of gaps that noise alone lifts above 0
    items    {metric: {…}, by_group: {attribute: {group: {metric: {…}}}}, gaps: {attribute: {metric: {…}}}}
    people   {"all" or attribute: {group: {metric: {n, better, worse, equal}}}}, shares of people whose own value rose,
             fell, stayed; for metrics where higher or lower is better
    warnings, and undefined {path: reason}; ci is a 95 % interval of the difference; moved: it leaves 0 out
    """

    before: Audit
    after: Audit

    def to_json(self) -> dict[str, Any]:
        """The contract: plain values, null where undefined."""
        return self.results

    @cached_property
    def results(self) -> dict[str, Any]:
        """All numbers, computed once; see the class."""
        first, second = self.before.tally, self.after.tally
        undefined: dict[str, str] = {}
        shared = [key for key in results.group_metrics(first) if key in results.group_metrics(second)]
        overall = {
            key: _rows([results.person_estimate(first, key)], [results.person_estimate(second, key)], self.jump(key))[0]
            for key in shared
        }
        groups: dict[str, Any] = {}
        gaps: dict[str, Any] = {}
        for mine, theirs in zip(first.groups, second.groups, strict=True):
            with_truth = results.people_with(first, mine.total, "count:truth")
            rows: dict[str, Any] = {
                name: {
                    "n": int(mine.people[g]),
                    "n_with_truth": int(with_truth[g]),
                    "small": bool(mine.people[g] < mine.min_size),
                }
                for g, name in enumerate(mine.names)
                if mine.people[g]
            }
            for key in shared:
                old, new = results.group_estimates(first, mine, key), results.group_estimates(second, theirs, key)
                for name, row in zip(mine.names, _rows(old, new, self.jump(key)), strict=True):
                    if name in rows:
                        rows[name][key] = row
            shares = (
                results.category_estimates(first, mine, self.before.catalogue),
                results.category_estimates(second, theirs, self.after.catalogue),
            )
            for category in shares[0] if shares[0].keys() == shares[1].keys() else ():
                for name, row in zip(mine.names, _rows(shares[0][category], shares[1][category]), strict=True):
                    if name in rows:
                        rows[name].setdefault("category_share", {})[category] = row
            groups[mine.attribute] = rows
            gaps[mine.attribute] = self._gaps(mine.attribute, rows, undefined)
        found: dict[str, Any] = results.plain(
            {
                "k": first.rules.k,
                "n_users": first.n,
                "overall": overall,
                "groups": groups,
                "gaps": gaps,
                "items": self._items(undefined),
                "people": self._people(),
                "warnings": list(dict.fromkeys([*self.before.results["warnings"], *self.after.results["warnings"]])),
                "undefined": undefined,
                "said": {**self.before.results.get("said", {}), **self.after.results.get("said", {})},
            }
        )
        return found

    def to_frame(self) -> pd.DataFrame:
        """side, attribute, group, metric, before, after, difference, low, high, moved: one row a number."""
        value = self.results
        rows = [("overall", None, None, key, row) for key, row in value["overall"].items()]
        for attribute, named in value["groups"].items():
            rows += [
                ("group", attribute, group, key, row)
                for group, found in named.items()
                for key, row in found.items()
                if isinstance(row, dict) and "before" in row
            ]
        for attribute, named in value["gaps"].items():
            rows += [("gap", attribute, None, key, row) for key, row in named.items()]
        items = value["items"]
        rows += [("items", None, None, key, row) for key, row in items.items() if "before" in row]
        for attribute, named in items["gaps"].items():
            rows += [("items", attribute, None, key, row) for key, row in named.items()]
        for attribute, named in items["by_group"].items():
            rows += [
                ("items", attribute, group, key, row) for group, found in named.items() for key, row in found.items()
            ]
        keys = ("before", "after", "difference")
        table = [
            (*names, *(row[key] for key in keys), *(row["ci"] or (None, None)), row["moved"]) for *names, row in rows
        ]
        columns = ["side", "attribute", "group", "metric", *keys, "low", "high", "moved"]
        return pd.DataFrame(table, columns=columns).astype(dict.fromkeys((*keys, "low", "high"), float))

    def _gaps(self, attribute: str, groups: dict[str, Any], undefined: dict[str, str]) -> dict[str, Any]:
        rows = {}
        for key, old in self.before.found[attribute].items():
            new = self.after.found[attribute].get(key)
            if new is None:
                continue
            metric = find(key)
            ratio = metric is not None and metric.gap_field == "ratio"
            if old.sides is None or new.sides is None:
                row = _rows([_whole(old, ratio)], [_whole(new, ratio)])[0]
            else:
                row = _row(old.gap, new.gap, *changes.of_gaps(old.sides, new.sides, self.jump(key)))
            rows[key] = {**row, **_signed(groups, key, old, new), **self._above(attribute, key)}
            if row["difference"] is None or math.isnan(row["difference"]):
                undefined[f"gaps.{attribute}.{key}"] = old.reason or new.reason or why(key)
        return rows

    def _above(self, attribute: str, key: str) -> dict[str, float]:
        """What of a gap lies above its floor before and after, where it has one."""
        first, second = (side.results["gaps"][attribute][key] for side in (self.before, self.after))
        if "above_floor" not in first or "above_floor" not in second:
            return {}
        return {"above_before": first["above_floor"], "above_after": second["above_floor"]}

    def _items(self, undefined: dict[str, str]) -> dict[str, Any]:
        first, second = self.before.tally, self.after.tally
        if first.rules.accuracy_only or second.rules.accuracy_only:
            return {"by_group": {}, "gaps": {}}
        old, new = results.catalogue_estimates(first), results.catalogue_estimates(second)
        found: dict[str, Any] = _named(old, new)
        found["by_group"], found["gaps"] = {}, {}
        after_classes = {group.attribute: group for group in self.after.catalogue.classes}
        for group in self.before.catalogue.classes:
            other = after_classes.get(group.attribute)
            if other is None or other.names != group.names:
                continue
            rows_old = results.item_estimates(first, group)
            rows_new = results.item_estimates(second, other)
            rows: dict[str, Any] = {name: {} for name in group.names}
            for key in rows_old:
                cut = part(key).whole and first.depth != second.depth
                made = (_unlike if cut else _rows)(rows_old[key], rows_new[key])
                for name, row in zip(group.names, made, strict=True):
                    rows[name][key] = row
                    if cut:
                        undefined[f"items.by_group.{group.attribute}.{name}.{key}"] = words.say(
                            "the lists have up to {before} places before and {after} after, and it is of all of them",
                            before=first.depth,
                            after=second.depth,
                        )
            found["by_group"][group.attribute] = rows
            found["gaps"][group.attribute] = _named(results.item_gaps(first, group), results.item_gaps(second, other))
        return found

    @cached_property
    def _changes(self) -> dict[str, NDArray[np.float64]]:
        """after − before of people's own values [n], by metric."""
        first, second = (audit.tally.own.valued for audit in (self.before, self.after))
        place = np.argsort(second.ids.astype(str), kind="stable")
        place = place[np.argsort(np.argsort(first.ids.astype(str), kind="stable"), kind="stable")]
        return {key: second.metrics[key][place] - first.metrics[key] for key in first.metrics if key in second.metrics}

    def jump(self, key: str) -> float:
        """How far one person's value moves, of those that move; 0 where people have no value of their own."""
        return changes.typical(self._changes[key]) if key in self._changes else 0.0

    def _people(self) -> dict[str, Any]:
        own = self.before.tally.own.valued
        members: dict[str, dict[str, NDArray[Any]]] = {"all": {"all": np.arange(len(own.ids))}}
        for group, who in zip(self.before.tally.groups, own.who, strict=True):
            rows = zip(group.names, who.members, strict=True)
            members[group.attribute] = {name: inside for name, inside in rows if len(inside)}
        keys = [key for key in self._changes if part(key).better]
        change = {key: self._changes[key] * part(key).better for key in keys}
        return {
            attribute: {name: {key: _moved(change[key][inside]) for key in keys} for name, inside in named.items()}
            for attribute, named in members.items()
        }


def paired(before: Audit, after: Audit, systems: tuple[str, str] | None = None) -> Paired:
    """Compare two audits of the same people, seed, replicates, K and groups. systems: what they are called, where they
    are of two systems and not of one before and after. Raises ConfigError where they differ, and where the lists of one
    end before K and those of the other go on."""
    first, second = before.tally, after.tally
    for name, old, new in (
        ("K", first.rules.k, second.rules.k),
        ("the seed", first.rules.seed, second.rules.seed),
        ("the number of replicates", first.rules.replicates, second.rules.replicates),
        ("the groups", [(g.attribute, g.names) for g in first.groups], [(g.attribute, g.names) for g in second.groups]),
    ):
        if old != new:
            raise ConfigError(
                words.say("The two audits differ in {name}: {old} before, {new} after.", name=name, old=old, new=new),
                "Audit both with the same settings.",
            )
    k, shortest = first.rules.k, min(first.depth, second.depth)
    if first.depth != second.depth and shortest < k:
        ends = words.say(
            "The lists end at place {depth} before and at place {other} after", depth=first.depth, other=second.depth
        )
        if systems is not None:
            ends = words.say(
                "The lists of {system} end at place {depth}, those of {beside} at place {other}",
                system=systems[0],
                depth=first.depth,
                beside=systems[1],
                other=second.depth,
            )
        raise ConfigError(
            words.say("{ends}, and K = {k}: the shorter would lose by its length alone.", ends=ends, k=k),
            words.say("Cut both to their first {shortest} places, or audit both at K = {shortest}.", shortest=shortest),
        )
    others = set(first.own.ids.astype(str)) ^ set(second.own.ids.astype(str))
    if others:
        missing = len(others)
        raise ConfigError(
            words.say("The two audits are not of the same people: {missing} are in one of them only.", missing=missing),
            "Give lists for the same people before and after.",
        )
    return Paired(before, after)


def _rows(old: Sequence[Estimate], new: Sequence[Estimate], jump: float = 0.0) -> list[dict[str, Any]]:
    """One for each group."""
    found = changes.of_values(old, new, jump)
    return [_row(a.value, b.value, *change) for a, b, change in zip(old, new, found, strict=True)]


def _named(old: Mapping[str, Estimate], new: Mapping[str, Estimate]) -> dict[str, dict[str, Any]]:
    return {key: _rows([old[key]], [new[key]])[0] for key in old}


def _row(old: float, new: float, difference: float, ci: tuple[float, float]) -> dict[str, Any]:
    low, high = ci
    return {
        "before": old,
        "after": new,
        "difference": difference,
        "ci": ci,
        "moved": None if math.isnan(low) else bool(low > 0 or high < 0),
    }


def _unlike(old: Sequence[Estimate], new: Sequence[Estimate]) -> list[dict[str, Any]]:
    """Rows of values that cannot be compared."""
    return [_row(a.value, b.value, math.nan, (math.nan, math.nan)) for a, b in zip(old, new, strict=True)]


def _signed(groups: dict[str, Any], key: str, old: Gap, new: Gap) -> dict[str, Any]:
    """The group that was high before less the one that was low: after, and the interval of its change. Changes of
    different people have intervals that add up by squares (Zou & Donner 2008)."""
    if old.pair is None or old.of is not None or any(key not in groups[name] for name in old.pair):
        return {"signed_after": math.nan, "signed_ci": (math.nan, math.nan)}
    high, low = (groups[name][key] for name in old.pair)
    change = high["difference"] - low["difference"]
    left = math.sqrt(changes.left_of_pair(old, new))
    down = left * math.hypot(high["difference"] - high["ci"][0], low["ci"][1] - low["difference"])
    up = left * math.hypot(high["ci"][1] - high["difference"], low["difference"] - low["ci"][0])
    return {"signed_after": high["after"] - low["after"], "signed_ci": (change - down, change + up)}


def _whole(gap: Gap, ratio: bool) -> Estimate:
    """Of what is no gap of groups' values."""
    return Estimate(gap.ratio if ratio else gap.gap, gap.oriented)


def _moved(change: NDArray[np.float64]) -> dict[str, Any]:
    known = change[~np.isnan(change)]
    n = len(known)
    better, worse = int((known > SAME).sum()), int((known < -SAME).sum())
    share = (better / n, worse / n, (n - better - worse) / n) if n else (math.nan, math.nan, math.nan)
    return {"n": n, "better": share[0], "worse": share[1], "equal": share[2]}
