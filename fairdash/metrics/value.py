"""An audit as a value. Its `to_json()` is the stable contract:

k, conventions, n_users, n_without_truth
overall        {metric: value, metric_ci: [low, high]}
groups         {attribute: {group: {n, n_with_truth, small, metric: value, metric_ci: [low, high]}}}; also
               category_share {category: share}, selection_rate {category: rate}, true_positive_rate,
               false_positive_rate, popularity_lift, each with its _ci
gaps           {attribute: {metric: {gap, ratio, mad, std, ci, p_value, p_holm, worst_group, pair, of, detectable}}}
               pair: the higher and the lower group, of: the category where the gap is largest; see metrics.groups;
               where noise alone lifts a metric above 0 also floor, above_floor, above_floor_ci: see metrics.floor;
               left_out: categories too rare for a ratio
shrunk         {attribute: {metric: {mean, spread, groups: {group: {value, ci}}}}} where there are many groups: their
               values drawn towards the mean of all as far as chance could have spread them; see metrics.shrinkage
items          {metric: value, metric_ci; by_group: {attribute: {group: {n, exposure_share, …}}};
               gaps: {attribute: {metric: {value, ci}}}}; metrics over groups of items stand in `gaps` for every
               attribute and at the top for the first that was asked for
distributions  {attribute: {metric: {edges, groups: {group: share of its people in each cell}}}}
curves         {attribute: {metric: {x, mean, low, high}}} for attributes that are numbers
model          what the model side found, where a model was at hand
findings       [{key, severity, table, message, count, rows, repair, applied, question}]: what reading the tables found
warnings       sentences;  undefined: {path: reason} for every null
said           {sentence of this value: its template and values}, by which `words.again` says it in other languages
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from fairdash import words
from fairdash.data.findings import Finding
from fairdash.metrics.catalogue import METRICS, QUOTIENTS, find
from fairdash.metrics.groups import Gap
from fairdash.metrics.inputs import Catalogue
from fairdash.metrics.tally import Tally
from fairdash.schema import USER_ID

_GAP_KEYS = ("gap", "ratio", "mad", "std", "p_value", "p_holm", "worst_group", "of", "detectable")
_BEYOND_CHANCE = ("floor", "above_floor")  # of those gaps that noise alone lifts above 0


@dataclass(frozen=True, eq=False)
class ModelSide:
    """What a model's own audit adds. results: plain JSON values, by attribute and metric, shown under `model`.
    per_user: user_id and one column for each per-user metric (NaN undefined); these get group means, gaps, intervals
    and tests like every other metric. undefined: {path below `model`: reason}."""

    results: Mapping[str, Any] = field(default_factory=dict)
    per_user: pd.DataFrame | None = None
    warnings: Sequence[str] = ()
    undefined: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Audit:
    """See the module. tally: the sums and per-user values behind all numbers; results: the contract's dictionary;
    findings: what reading the tables found."""

    tally: Tally
    catalogue: Catalogue
    found: Mapping[str, Mapping[str, Gap]]  # gaps by attribute and metric
    results: dict[str, Any]
    findings: tuple[Finding, ...] = ()

    @property
    def k(self) -> int:
        """Places of a list that count."""
        return self.tally.rules.k

    @property
    def n_users(self) -> int:
        """How many people were audited."""
        return self.tally.n

    def to_json(self) -> dict[str, Any]:
        """The contract: plain values, null where undefined."""
        return self.results

    @cached_property
    def per_user(self) -> pd.DataFrame:
        """user_id and one column a metric, NaN where undefined; one row a user, of at most `tally.OWN_PEOPLE`."""
        own = self.tally.own.valued
        return pd.DataFrame({USER_ID: own.ids.astype(str), **own.metrics})

    @cached_property
    def by_group(self) -> pd.DataFrame:
        """attribute, group, n, metric, value, low, high: one row a group and metric."""
        rows = [
            (attribute, group, row["n"], metric, value, *_ends(row.get(f"{metric}_ci")))
            for attribute, named in self.results["groups"].items()
            for group, row in named.items()
            for metric, value in row.items()
            if metric in self.tally.own.metrics or metric in QUOTIENTS
        ]
        columns = ["attribute", "group", "n", "metric", "value", "low", "high"]
        return pd.DataFrame(rows, columns=columns).astype({"value": float, "low": float, "high": float})

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """attribute, metric, gap, low, high, p_value, p_holm, ratio, mad, std, worst_group, of, detectable; and floor,
        above_floor, above_low, above_high, NaN for gaps that noise alone does not lift above 0."""
        rows = [
            {"attribute": attribute, "metric": metric}
            | dict(zip(("low", "high"), _ends(row["ci"]), strict=True))
            | dict(zip(("above_low", "above_high"), _ends(row.get("above_floor_ci")), strict=True))
            | {key: row[key] for key in _GAP_KEYS}
            | {key: row.get(key) for key in _BEYOND_CHANCE}
            for attribute, named in self.results["gaps"].items()
            for metric, row in named.items()
        ]
        order = ["attribute", "metric", "gap", "low", "high", *_GAP_KEYS[1:]]
        order += [*_BEYOND_CHANCE, "above_low", "above_high"]
        frame = pd.DataFrame(rows, columns=order)
        numbers = {key: float for key in order if key not in ("attribute", "metric", "worst_group", "of")}
        return frame.astype(numbers)

    def to_frame(self) -> pd.DataFrame:
        """All values in one tidy table: side, attribute, group, metric, value, low, high, p_value."""
        overall = self.results["overall"]
        rows: list[tuple[Any, ...]] = [
            ("overall", None, None, metric, overall[metric], *_ends(overall.get(f"{metric}_ci")), math.nan)
            for metric in overall
            if not metric.endswith("_ci")
        ]
        for row in self.by_group.itertuples(index=False):
            rows.append(("group", row.attribute, row.group, row.metric, row.value, row.low, row.high, math.nan))
        for row in self.gaps.itertuples(index=False):
            rows.append(("gap", row.attribute, row.worst_group, row.metric, row.gap, row.low, row.high, row.p_value))
        items = self.results["items"]
        rows += [
            ("items", None, None, metric, value, *_ends(items.get(f"{metric}_ci")), math.nan)
            for metric, value in items.items()
            if not isinstance(value, (dict, list)) and metric in METRICS
        ]
        for attribute, named in items["by_group"].items():
            for group, row in named.items():
                rows += [
                    ("items", attribute, group, metric, value, *_ends(row.get(f"{metric}_ci")), math.nan)
                    for metric, value in row.items()
                    if not metric.endswith("_ci") and metric != "n"
                ]
        columns = ["side", "attribute", "group", "metric", "value", "low", "high", "p_value"]
        return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(("value", "low", "high", "p_value"), float))

    def summary(self) -> list[str]:
        """What was found, in sentences, the surest gaps first; then the warnings."""
        ndcg = _show(self.results["overall"].get("ndcg"))
        people = words.count(self.n_users, "person", "people")
        lines = [words.say("{people}, K = {k}; NDCG@{k} {ndcg}.", people=people, k=self.k, ndcg=ndcg)]
        for attribute, named in self.results["gaps"].items():
            rows = [(metric, row) for metric, row in named.items() if row["gap"] is not None]
            for metric, row in sorted(rows, key=lambda pair: (pair[1]["p_holm"] or 1.0, pair[0] != "ndcg")):
                lines.append(words.say("{attribute}: {told}", attribute=attribute, told=_sentence(metric, row)))
        found = [finding for finding in self.results["findings"] if finding["severity"] != "info"]
        said = self.results.get("said")
        read = [(finding["table"], words.again(finding["message"], finding.get("said"))) for finding in found]
        files = [words.say("{file}: {message}", file=file, message=told) if file else told for file, told in read]
        return [*lines, *files, *(words.again(warning, said) for warning in self.results["warnings"])]

    def _repr_html_(self) -> str:
        parts = ["<div><b>FairDash audit</b><ul>"]
        parts += [f"<li>{html.escape(line)}</li>" for line in self.summary()[:20]]
        table = self.gaps.to_html(index=False, na_rep="–", float_format=_show, border=0)
        return "".join([*parts, "</ul>", table, "</div>"])


def _ends(ci: Sequence[float | None] | None) -> tuple[float, float]:
    low, high = ci if ci is not None else (None, None)
    return (math.nan if low is None else low), (math.nan if high is None else high)


def _show(value: float | None) -> str:
    return words.number(value, 4)


def _sentence(metric: str, row: Mapping[str, Any]) -> str:
    """A gap as a sentence."""
    info = find(metric)
    title = words.say(info.title) if info else metric
    told = words.say("{title} gap {gap}", title=title, gap=_show(row["gap"]))
    if row["pair"] is not None:
        told = words.say("{told} between {first} and {second}", told=told, first=row["pair"][0], second=row["pair"][1])
    if row["of"] is not None:
        told = words.say("{told} for {what}", told=told, what=row["of"])
    if row.get("in_both"):
        people = words.count(row["in_both"], "person", "people")
        told = words.say("{told} with {people} in both", told=told, people=people)
    inside, ci = [], row["ci"]
    if row.get("floor") is not None:
        floor, above = _show(row["floor"]), _show(row["above_floor"])
        inside.append(words.say("{floor} by chance alone, {above} above it", floor=floor, above=above))
        ci = row["above_floor_ci"]
    if ci is not None and ci[0] is not None:
        inside.append(words.say("95 % CI {interval}", interval=words.interval(ci[0], ci[1], 4)))
    if row["p_value"] is not None:
        p, corrected = words.p_value(row["p_value"]), words.p_value(row["p_holm"])
        inside.append(words.say("{p}, by Holm {corrected}", p=p, corrected=corrected))
    if row["p_value"] is not None and row["p_value"] > 0.05 and row["detectable"] is not None:
        least = _show(row["detectable"])
        inside.append(words.say("no difference shown; {least} would be found with probability 0.8", least=least))
    if not inside:
        return words.say("{told}.", told=told)
    return words.say("{told} ({inside}).", told=told, inside="; ".join(inside))
