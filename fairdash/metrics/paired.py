"""Before and after: the same people, the same bootstrap replicates, so that differences have intervals of their own.

Where two lists agree for most people their metrics move together over replicates, and the interval of the difference is
far narrower than those of the two values suggest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash.errors import ConfigError
from fairdash.metrics import results
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.catalogue import find, part, why
from fairdash.metrics.groups import Gap
from fairdash.metrics.value import Audit
from fairdash.schema import UNKNOWN

SAME = 1e-12  # a per-user value that moves by less has not moved


@dataclass(frozen=True, eq=False)
class Paired:
    """Two audits of the same people. `to_json()`:

    overall  {metric: {before, after, difference, ci, moved}}
    groups   {attribute: {group: {n, n_with_truth, small, metric: {before, …}, category_share: {category: {…}}}}}
    gaps     {attribute: {metric: {before, after, difference, ci, moved, signed_after}}}; signed_after is the difference
             after of the pair of groups that was furthest apart before: below 0 where it turned round
    items    {metric: {…}, by_group: {attribute: {group: {metric: {…}}}}, gaps: {attribute: {metric: {…}}}}
    people   {"all" or attribute: {group: {metric: {n, better, worse, equal}}}}, shares of people whose own value rose,
             fell, stayed; for metrics where higher or lower is better
    warnings, and undefined {path: reason}; ci is a 95 % interval of the difference; moved: it leaves 0 out
    """

    before: Audit
    after: Audit

    def to_json(self) -> dict[str, Any]:
        return self.results

    @cached_property
    def results(self) -> dict[str, Any]:
        first, second = self.before.tally, self.after.tally
        undefined: dict[str, str] = {}
        shared = [key for key in results.group_metrics(first) if key in results.group_metrics(second)]
        overall = {
            key: _row(results.person_estimate(first, key), results.person_estimate(second, key)) for key in shared
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
                pairs = zip(
                    results.group_estimates(first, mine, key), results.group_estimates(second, theirs, key), strict=True
                )
                for name, (old, new) in zip(mine.names, pairs, strict=True):
                    if name in rows:
                        rows[name][key] = _row(old, new)
            shares = (
                results.category_estimates(first, mine, self.before.catalogue),
                results.category_estimates(second, theirs, self.after.catalogue),
            )
            for category in shares[0] if shares[0].keys() == shares[1].keys() else ():
                for name, old, new in zip(mine.names, shares[0][category], shares[1][category], strict=True):
                    if name in rows:
                        rows[name].setdefault("category_share", {})[category] = _row(old, new)
            groups[mine.attribute] = rows
            gaps[mine.attribute] = self._gaps(mine.attribute, undefined)
        found: dict[str, Any] = results.plain(
            {
                "k": first.rules.k,
                "n_users": first.n,
                "overall": overall,
                "groups": groups,
                "gaps": gaps,
                "items": self._items(),
                "people": self._people(),
                "warnings": list(dict.fromkeys([*self.before.results["warnings"], *self.after.results["warnings"]])),
                "undefined": undefined,
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

    def _gaps(self, attribute: str, undefined: dict[str, str]) -> dict[str, Any]:
        rows = {}
        for key, old in self.before.found[attribute].items():
            new = self.after.found[attribute].get(key)
            if new is None:
                continue
            metric = find(key)
            ratio = metric is not None and metric.gap_field == "ratio"
            row = _row(_gap_estimate(old, ratio), _gap_estimate(new, ratio))
            rows[key] = {**row, "signed_after": self._signed(attribute, key, old)}
            if row["difference"] is None or math.isnan(row["difference"]):
                undefined[f"gaps.{attribute}.{key}"] = old.reason or new.reason or why(key)
        return rows

    def _signed(self, attribute: str, key: str, old: Gap) -> float:
        """after's value of the group that was high before, less that of the one that was low."""
        groups = next(group for group in self.after.tally.groups if group.attribute == attribute)
        if old.pair is None or old.of is not None or key not in results.group_metrics(self.after.tally):
            return math.nan
        values = {
            name: one.value
            for name, one in zip(groups.names, results.group_estimates(self.after.tally, groups, key), strict=True)
        }
        return values[old.pair[0]] - values[old.pair[1]]

    def _items(self) -> dict[str, Any]:
        first, second = self.before.tally, self.after.tally
        if first.rules.accuracy_only or second.rules.accuracy_only:
            return {"by_group": {}, "gaps": {}}
        old, new = results.catalogue_estimates(first), results.catalogue_estimates(second)
        found: dict[str, Any] = {key: _row(old[key], new[key]) for key in old}
        found["by_group"], found["gaps"] = {}, {}
        after_classes = {group.attribute: group for group in self.after.catalogue.classes}
        for group in self.before.catalogue.classes:
            other = after_classes.get(group.attribute)
            if other is None or other.names != group.names:
                continue
            rows_old = results.item_estimates(first, group)
            rows_new = results.item_estimates(second, other)
            found["by_group"][group.attribute] = {
                name: {key: _row(rows_old[key][j], rows_new[key][j]) for key in rows_old}
                for j, name in enumerate(group.names)
            }
            gaps_old = results.item_gaps(first, group)
            gaps_new = results.item_gaps(second, other)
            found["gaps"][group.attribute] = {key: _row(gaps_old[key], gaps_new[key]) for key in gaps_old}
        return found

    def _people(self) -> dict[str, Any]:
        first, second = self.before.tally, self.after.tally
        place = np.argsort(second.user_ids.astype(str), kind="stable")
        place = place[np.argsort(np.argsort(first.user_ids.astype(str), kind="stable"), kind="stable")]
        everyone = np.ones(first.n, dtype=bool)
        members = {"all": {"all": everyone}}
        for a, group in enumerate(first.groups):
            members[group.attribute] = {
                name: first.codes[:, a] == (g if name != UNKNOWN else -1)
                for g, name in enumerate(group.names)
                if group.people[g]
            }
        keys = [key for key in first.metrics if key in second.metrics and part(key).better]
        change = {key: (second.metrics[key][place] - first.metrics[key]) * part(key).better for key in keys}
        return {
            attribute: {name: {key: _moved(change[key][inside]) for key in keys} for name, inside in named.items()}
            for attribute, named in members.items()
        }


def paired(before: Audit, after: Audit) -> Paired:
    """Compare two audits of the same people, seed, replicates, K and groups. Raises ConfigError where they differ."""
    first, second = before.tally, after.tally
    for name, old, new in (
        ("K", first.rules.k, second.rules.k),
        ("the seed", first.rules.seed, second.rules.seed),
        ("the number of replicates", first.rules.replicates, second.rules.replicates),
        ("the groups", [(g.attribute, g.names) for g in first.groups], [(g.attribute, g.names) for g in second.groups]),
    ):
        if old != new:
            raise ConfigError(
                f"The two audits differ in {name}: {old} before, {new} after.", "Audit both with the same settings."
            )
    others = set(first.user_ids.astype(str)) ^ set(second.user_ids.astype(str))
    if others:
        missing = len(others)
        raise ConfigError(
            f"The two audits are not of the same people: {missing:,} are in one of them only.",
            "Give lists for the same people before and after.",
        )
    return Paired(before, after)


def _row(old: Estimate, new: Estimate) -> dict[str, Any]:
    difference, (low, high) = new.less(old)
    return {
        "before": old.value,
        "after": new.value,
        "difference": difference,
        "ci": (low, high),
        "moved": None if math.isnan(low) else bool(low > 0 or high < 0),
    }


def _gap_estimate(gap: Gap, ratio: bool) -> Estimate:
    return Estimate(gap.ratio if ratio else gap.gap, gap.oriented, "distance" if gap.distance else "percentile")


def _moved(change: NDArray[np.float64]) -> dict[str, Any]:
    known = change[~np.isnan(change)]
    n = len(known)
    better, worse = int((known > SAME).sum()), int((known < -SAME).sum())
    share = (better / n, worse / n, (n - better - worse) / n) if n else (math.nan, math.nan, math.nan)
    return {"n": n, "better": share[0], "worse": share[1], "equal": share[2]}
