"""Who gets what, and how well: the audit of ranked lists against what people liked.

`from_frames` takes the tables of any recommender, `from_split` a split and lists of this program; both give an `Audit`.
Its `to_json()` is the stable contract:

    k, conventions, n_users, n_without_truth
    overall        {metric: value, metric_ci: [low, high]}
    groups         {attribute: {group: {n, n_with_truth, small, metric: value, metric_ci: [low, high]}}}; also
                   category_share {category: share}, selection_rate {category: rate}, true_positive_rate,
                   false_positive_rate, popularity_lift, each with its _ci
    gaps           {attribute: {metric: {gap, ratio, mad, std, ci, p_value, p_holm, worst_group, pair, of, detectable}}}
                   pair: the higher and the lower group, of: the category where the gap is largest; see metrics.groups
    items          {metric: value, metric_ci; by_group: {attribute: {group: {n, exposure_share, …}}};
                   gaps: {attribute: {metric: {value, ci}}}}; metrics over groups of items stand in `gaps` for every
                   attribute and at the top for the first that was asked for
    distributions  {attribute: {metric: {edges, groups: {group: share of its people in each cell}}}}
    curves         {attribute: {metric: {x, mean, low, high}}} for attributes that are numbers
    model          what the model side found, where a model was at hand
    warnings       sentences;  undefined: {path: reason} for every null
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fairdash import settings
from fairdash.errors import ConfigError, DataError
from fairdash.metrics import bootstrap, inputs, rating, results
from fairdash.metrics.catalogue import METRICS
from fairdash.metrics.groups import Gap
from fairdash.metrics.inputs import Catalogue, Inputs
from fairdash.metrics.paired import Paired, paired
from fairdash.metrics.tally import Rules, Tally, tally
from fairdash.schema import UNKNOWN, USER_ID, Groups, GroupSpec, Lists, Split

__all__ = [
    "Audit",
    "ModelSide",
    "Paired",
    "finish",
    "from_files",
    "from_frames",
    "from_inputs",
    "from_split",
    "gate",
    "paired",
    "read_table",
]

Array = NDArray[np.float64]

LARGE_ROWS = 10_000_000  # of lists, above which a Parquet file is streamed
RATING_SHUFFLES = 500  # labellings at most, for the tests of metrics of predicted ratings
SCORE_CELLS = 128  # of list scores, for replicates of score_ks; the value itself is exact
_GAP_KEYS = ("gap", "ratio", "mad", "std", "p_value", "p_holm", "worst_group", "of", "detectable")
_GATE_FIELDS = ("gap", "ratio", "mad", "std", "ci")
_PLAIN_GROUP_KEYS = ("popularity_lift", "true_positive_rate", "false_positive_rate")


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
    """See the module. tally: the sums and per-user values behind all numbers; results: the contract's dictionary."""

    tally: Tally
    catalogue: Catalogue
    found: Mapping[str, Mapping[str, Gap]]  # gaps by attribute and metric
    results: dict[str, Any]

    @property
    def k(self) -> int:
        return self.tally.rules.k

    @property
    def n_users(self) -> int:
        return self.tally.n

    def to_json(self) -> dict[str, Any]:
        """The contract: plain values, null where undefined."""
        return self.results

    @cached_property
    def per_user(self) -> pd.DataFrame:
        """user_id and one column a metric, NaN where undefined; one row a user."""
        return pd.DataFrame({USER_ID: self.tally.user_ids.astype(str), **self.tally.metrics})

    @cached_property
    def by_group(self) -> pd.DataFrame:
        """attribute, group, n, metric, value, low, high: one row a group and metric."""
        rows = [
            (attribute, group, row["n"], metric, value, *_ends(row.get(f"{metric}_ci")))
            for attribute, named in self.results["groups"].items()
            for group, row in named.items()
            for metric, value in row.items()
            if metric in _PLAIN_GROUP_KEYS or metric in self.tally.metrics
        ]
        columns = ["attribute", "group", "n", "metric", "value", "low", "high"]
        return pd.DataFrame(rows, columns=columns).astype({"value": float, "low": float, "high": float})

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """attribute, metric, gap, low, high, p_value, p_holm, ratio, mad, std, worst_group, of, detectable."""
        rows = [
            {"attribute": attribute, "metric": metric, "low": _ends(row["ci"])[0], "high": _ends(row["ci"])[1]}
            | {key: row[key] for key in _GAP_KEYS}
            for attribute, named in self.results["gaps"].items()
            for metric, row in named.items()
        ]
        order = ["attribute", "metric", "gap", "low", "high", *_GAP_KEYS[1:]]
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
        lines = [f"{self.n_users:,} people, K = {self.k}; NDCG@{self.k} {_show(self.results['overall'].get('ndcg'))}."]
        for attribute, named in self.results["gaps"].items():
            rows = [(metric, row) for metric, row in named.items() if row["gap"] is not None]
            for metric, row in sorted(rows, key=lambda pair: (pair[1]["p_holm"] or 1.0, pair[0] != "ndcg")):
                lines.append(f"{attribute}: {_sentence(metric, row)}")
        return [*lines, *self.results["warnings"]]

    def distributions(self, attribute: str) -> dict[str, dict[str, Array]]:
        """Per-user values by group, for pictures: {metric: {group: values}}; `first_hit` is the rank of the first hit
        of those who have one."""
        place = self._place(attribute)
        groups = self.tally.groups[place]
        codes = self.tally.codes[:, place]
        values = dict(self.tally.metrics)
        with np.errstate(divide="ignore"):
            values["first_hit"] = np.where(values["mrr"] > 0, 1 / values["mrr"], np.nan)
        found: dict[str, dict[str, Array]] = {}
        for metric, value in values.items():
            found[metric] = {}
            for g, name in enumerate(groups.names):
                own = value[codes == (g if name != UNKNOWN else -1)]
                found[metric][name] = own[~np.isnan(own)]
        return found

    def _place(self, attribute: str) -> int:
        labels = [group.attribute for group in self.tally.groups]
        if attribute not in labels:
            raise ConfigError(
                f"This audit has no attribute {attribute!r}; it has {', '.join(labels) or 'none'}.",
                "Name one of these, or audit again with that attribute.",
            )
        return labels.index(attribute)

    def _repr_html_(self) -> str:
        parts = ["<div><b>FairDash audit</b><ul>"]
        parts += [f"<li>{html.escape(line)}</li>" for line in self.summary()[:20]]
        table = self.gaps.to_html(index=False, na_rep="–", float_format=lambda value: f"{value:.4g}", border=0)
        return "".join([*parts, "</ul>", table, "</div>"])


def from_frames(
    recommendations: pd.DataFrame,
    truth: pd.DataFrame,
    users: pd.DataFrame,
    *,
    train: pd.DataFrame | Sequence[pd.DataFrame] | None = None,
    items: pd.DataFrame | None = None,
    groups: Sequence[GroupSpec | str] = (),
    item_groups: Sequence[GroupSpec | str] = (),
    k: int = settings.K,
    relevance_threshold: float | None = None,
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    permutations: int = settings.PERMUTATIONS,
    model: ModelSide | None = None,
    accuracy_only: bool = False,
) -> Audit:
    """Audit lists of any recommender.

    recommendations: user_id, item_id, rank (from 1) or score. truth: user_id, item_id[, rating][, prediction], the
    held-out part; all of it counts as liked, or what is rated at least `relevance_threshold` (default 4 where ratings
    go to 5). prediction: the predicted rating of the pair, or P(like); needed for value_unfairness and its kin.
    users: user_id and attributes. train: user_id, item_id, one table or several; needed for candidates, popularity and
    profiles. items: item_id[, categories] and attributes: the catalogue. groups, item_groups: attributes, crossings as
    GroupSpec; item groups may also be "categories" and "popularity" (head and tail). accuracy_only: leave out
    everything but the six accuracy metrics. Raises DataError and ConfigError, which say what and where.
    """
    check(k, replicates, permutations, seed)
    if isinstance(train, Sequence):
        train = pd.concat(list(train), ignore_index=True) if train else None
    made = inputs.from_frames(
        recommendations,
        truth,
        users,
        train,
        items,
        specs(groups),
        specs(item_groups),
        k,
        relevance_threshold,
        seed,
        k if accuracy_only else settings.CANDIDATES,
    )
    return from_inputs(
        made,
        [spec.label for spec in specs(item_groups)],
        k=k,
        seed=seed,
        replicates=replicates,
        permutations=permutations,
        model=model,
        accuracy_only=accuracy_only,
    )


def from_split(
    split: Split,
    lists: Lists,
    *,
    groups: Sequence[GroupSpec | str] = (),
    item_groups: Sequence[GroupSpec | str] = (),
    k: int = settings.K,
    relevance_threshold: float | None = None,
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    permutations: int = settings.PERMUTATIONS,
    model: ModelSide | None = None,
) -> Audit:
    """Audit lists [n_users, ≥ k] of a split's people against its test part. relevance_threshold: None takes the data
    set's own."""
    check(k, replicates, permutations, seed)
    made = inputs.from_split(split, lists, specs(groups), specs(item_groups), relevance_threshold)
    return from_inputs(
        made,
        [spec.label for spec in specs(item_groups)],
        k=k,
        seed=seed,
        replicates=replicates,
        permutations=permutations,
        model=model,
    )


def from_inputs(
    made: Inputs,
    item_labels: Sequence[str],
    *,
    k: int,
    seed: int,
    replicates: int,
    permutations: int,
    model: ModelSide | None = None,
    accuracy_only: bool = False,
) -> Audit:
    """The audit of coded tables; `from_frames` and `from_split` end here."""
    scores = made.lists.scores[:, :k]
    cells = () if accuracy_only else score_cells(scores[np.isfinite(scores)])
    rules = Rules(k, seed, replicates, permutations, accuracy_only, cells)
    total = tally(made, rules, _model_values(model, made))
    exact_ks = _exact_ks(made, k) if cells else {}
    rated = {} if made.rated is None or accuracy_only else _rating_gaps(made, made.rated, rules)
    return finish(
        total, made.catalogue, item_labels, made.warnings, made.continuous, made.threshold, model, exact_ks, rated
    )


def finish(
    total: Tally,
    catalogue: Catalogue,
    item_labels: Sequence[str] = (),
    warnings: Sequence[str] = (),
    continuous: Mapping[str, Array] | None = None,
    threshold: float | None = None,
    model: ModelSide | None = None,
    exact_ks: Mapping[str, tuple[float, tuple[str, str]]] | None = None,
    rated: Mapping[str, Mapping[str, Gap]] | None = None,
) -> Audit:
    """From sums to numbers: every metric, interval and test of a tally, which may be the sum of many."""
    said = list(warnings)
    undefined: dict[str, str] = {}
    if catalogue.popularity is None and not total.rules.accuracy_only:
        said.append(
            "No training interactions: popularity, miscalibration and head and tail are undefined, and every item "
            "counts as a candidate."
        )
    found: dict[str, dict[str, Gap]] = {}
    groups: dict[str, Any] = {}
    for a, group in enumerate(total.groups):
        groups[group.attribute] = results.group_rows(total, group, catalogue, undefined)
        found[group.attribute] = results.gaps(
            total, a, catalogue, said, undefined, (exact_ks or {}).get(group.attribute)
        )
        if not total.rules.accuracy_only:
            reason = "it needs the predicted rating or probability of held-out pairs: column `prediction` of truth"
            unknown = {key: Gap(reason=reason) for key in rating.KEYS}
            found[group.attribute] |= (rated or {}).get(group.attribute, unknown)
        said += results.too_few_shufflings(group.attribute, found[group.attribute], total.rules.permutations)
    contract: dict[str, Any] = {
        "k": total.rules.k,
        "conventions": results.conventions(total, threshold),
        "n_users": total.n,
        "n_without_truth": total.n_without_truth,
        "overall": results.overall(total, undefined),
        "groups": groups,
        "gaps": {attribute: results.gap_rows(attribute, named, undefined) for attribute, named in found.items()},
        "items": {"by_group": {}, "gaps": {}},
        "distributions": {},
        "curves": {},
    }
    if not total.rules.accuracy_only:
        contract["items"] = results.items(total, catalogue, item_labels, undefined)
        contract["distributions"] = {
            group.attribute: results.histograms(total, a, total.rules.score_cells)
            for a, group in enumerate(total.groups)
        }
        contract["curves"] = {label: results.curves(total, values) for label, values in (continuous or {}).items()}
    if model is not None:
        contract["model"] = dict(model.results)
        said += model.warnings
        undefined |= {f"model.{path}": reason for path, reason in model.undefined.items()}
    if total.n_without_truth:
        said.append(
            f"{total.n_without_truth:,} of {total.n:,} people have no liked held-out item: accuracy leaves them out."
        )
    contract["warnings"] = said
    contract["undefined"] = undefined
    return Audit(total, catalogue, found, results.plain(contract))


def from_files(
    recommendations: Path | str,
    truth: Path | str,
    users: Path | str,
    *,
    train: Sequence[Path | str] = (),
    items: Path | str | None = None,
    **options: Any,
) -> Audit:
    """`from_frames` of files: CSV, TSV, Parquet, or folders of Parquet files. Lists of more than LARGE_ROWS rows in
    Parquet are streamed in bounded memory (`stream.from_parquet`). options: the other keywords of `from_frames`."""
    tables: dict[str, Any] = {
        "truth": read_table(truth),
        "users": read_table(users),
        "train": pd.concat([read_table(path) for path in train], ignore_index=True) if train else None,
        "items": None if items is None else read_table(items),
    }
    if _parquet_rows(Path(recommendations)) > LARGE_ROWS and not options.get("model"):
        from fairdash.metrics import stream

        kept = {key: value for key, value in options.items() if key not in ("model", "accuracy_only")}
        return stream.from_parquet(recommendations, **tables, **kept)
    return from_frames(read_table(recommendations), **tables, **options)


def _parquet_rows(path: Path) -> int:
    """Rows of a Parquet file, or of all in a folder; 0 for anything else."""
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    try:
        return sum(pq.read_metadata(file).num_rows for file in files)
    except (pa.ArrowException, OSError):
        return 0  # whoever reads it says what is wrong


def read_table(source: Path | str) -> pd.DataFrame:
    """A table for `from_frames`: CSV, TSV or Parquet, or a folder of Parquet files; messages name the file and row."""
    from fairdash.data import read

    path = Path(source)
    if not path.is_dir():
        frame = read.table(path).frame
        frame.attrs["file"] = path.name
        return frame
    parts = sorted(path.glob("*.parquet"))
    if not parts:
        raise DataError(f"{path} is a folder without Parquet files.", "Name a file, or a folder of *.parquet.")
    return pd.concat([read.table(part).frame for part in parts], ignore_index=True)


def gate(audit: Audit, conditions: Sequence[str]) -> list[str]:
    """What breaks conditions such as "gender.ndcg.gap=0.02": one sentence each, none when all hold.

    A condition is attribute.metric.field=limit with field gap, ratio, mad, std or ci (its lower end); it breaks when
    the size of the number is above the limit, a ratio when it is below. An undefined number breaks no condition but
    cannot pass unseen: it is an error. Raises ConfigError for names that this audit does not have.
    """
    broken = []
    for text in conditions:
        path, equals, limit_text = text.rpartition("=")
        try:
            limit = float(limit_text)
        except ValueError:
            limit = math.nan
        parts = path.strip().rsplit(".", 2)
        if not equals or math.isnan(limit) or len(parts) != 3:
            raise ConfigError(f"{text!r} is no condition.", "Write attribute.metric.gap=limit: gender.ndcg.gap=0.02")
        attribute, metric, number = parts
        named = audit.results["gaps"]
        if attribute not in named:
            raise ConfigError(
                f"{text!r}: this audit has no attribute {attribute!r}; it has {', '.join(named) or 'none'}.",
                "Add it with --group, or name one of these.",
            )
        if metric not in named[attribute]:
            raise ConfigError(f"{text!r}: there is no gap of {metric!r}.", f"There are: {', '.join(named[attribute])}.")
        if number not in _GATE_FIELDS:
            raise ConfigError(f"{text!r}: a gap has no {number!r}.", f"It has: {', '.join(_GATE_FIELDS)}.")
        value = named[attribute][metric][number]
        falls = number == "ratio" or (number == "ci" and metric.startswith("demographic_parity_ratio"))  # 1 is fair
        if number == "ci" and value is not None:
            # the end that is nearest to fair: the upper one where 1 is fair or where unfairness is negative
            below_zero = metric == "generalized_cross_entropy"
            value = value[1] if falls else -value[1] if below_zero else value[0]
        if value is None:
            gap, undefined = f"gaps.{attribute}.{metric}", audit.results["undefined"]
            reason = undefined.get(f"{gap}.{number}") or undefined.get(gap, "it is undefined here")
            raise ConfigError(f"{text!r} cannot be judged: {reason}.", "Drop the condition, or give the data it needs.")
        if (value < limit) if falls else (abs(value) > limit if number != "ci" else value > limit):
            side = "below" if falls else "above"
            broken.append(f"{attribute}.{metric}.{number} is {value:.4g}, {side} {limit:g}")
    return broken


def score_cells(scores: NDArray[Any]) -> tuple[float, ...]:
    """Edges of cells of about equal mass for list scores [n]; one cell for each value where there are few."""
    if not len(scores):
        return ()
    values = np.unique(scores.astype(np.float64))
    if len(values) > SCORE_CELLS:
        values = np.unique(
            np.quantile(scores.astype(np.float64), np.arange(1, SCORE_CELLS) / SCORE_CELLS, method="lower")
        )
    return tuple(float(value) for value in values)


def _exact_ks(made: Inputs, k: int) -> dict[str, tuple[float, tuple[str, str]]]:
    """score_ks from all scores, by attribute, with its pair of groups."""
    items, scores = made.lists.items[:, :k], made.lists.scores[:, :k]
    user, column = np.nonzero((items >= 0) & np.isfinite(scores))
    found = {}
    for group, least in zip(made.groups, made.min_sizes, strict=True):
        # the same groups as in all other gaps: those with enough people
        kept = np.where(np.isin(group.codes, np.flatnonzero(group.sizes >= max(1, least))), group.codes, -1)
        distance = rating.score_ks(
            user.astype(np.int32), scores[user, column].astype(np.float64), Groups(group.attribute, group.names, kept)
        )
        if distance.pair is not None:
            found[group.attribute] = distance.value, distance.pair
    return found


def _rating_gaps(made: Inputs, rated: rating.Rated, rules: Rules) -> dict[str, dict[str, Gap]]:
    """The metrics of predicted ratings by attribute; chance, their mean under shuffled labels, stands beside them."""
    weights = bootstrap.weights(made.hashes, rules.replicates, rules.seed)
    found = {}
    for a, (group, least) in enumerate(zip(made.groups, made.min_sizes, strict=True)):
        enough = np.isin(group.codes, np.flatnonzero(group.sizes >= max(1, least)))
        kept = Groups(group.attribute, group.names, np.where(enough, group.codes, -1))
        shuffles = np.repeat(kept.codes[:, None], min(rules.permutations, RATING_SHUFFLES), axis=1)
        shuffles[enough] = np.random.default_rng([rules.seed, a]).permuted(shuffles[enough], axis=0)
        disparities = rating.unfairness(
            rated, kept, made.catalogue.size, min_size=least, weights=weights, shuffles=shuffles
        )
        found[group.attribute] = {
            key: Gap(
                gap=value.value,
                ci=value.ci,
                p_value=value.p_value,
                pair=value.pair,
                oriented=value.replicates,
                reason=value.reason,
                more={} if value.reason else {"chance": value.chance, "shared": value.shared},
            )
            for key, value in disparities.items()
        }
    return found


def _model_values(model: ModelSide | None, made: Inputs) -> dict[str, Array]:
    if model is None or model.per_user is None:
        return {}
    table = model.per_user.set_index(model.per_user[USER_ID].astype(str)).reindex(made.user_ids.astype(str))
    return {str(key): table[key].to_numpy(np.float64) for key in table.columns if key != USER_ID}


def specs(groups: Sequence[GroupSpec | str]) -> list[GroupSpec]:
    given = [groups] if isinstance(groups, (str, GroupSpec)) else groups
    return [GroupSpec((group,)) if isinstance(group, str) else group for group in given]


def check(k: int, replicates: int, permutations: int, seed: int) -> None:
    for name, value, least, most in (
        ("k", k, 1, 100_000),
        ("replicates", replicates, 0, 100_000),
        ("permutations", permutations, 0, 1_000_000),
        ("seed", seed, 0, 2**63 - 1),
    ):
        if value < least:
            raise ConfigError(
                f"{name} = {value}, but it must be at least {least}.", "Give a whole number from there on."
            )
        if value > most:
            raise ConfigError(f"{name} = {value}, but it must be at most {most:,}.", "Give a smaller whole number.")


def _ends(ci: Sequence[float | None] | None) -> tuple[float, float]:
    low, high = ci if ci is not None else (None, None)
    return (math.nan if low is None else low), (math.nan if high is None else high)


def _show(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"


def _sentence(metric: str, row: Mapping[str, Any]) -> str:
    """A gap as a sentence."""
    info = METRICS.get(metric.split(":")[0])
    title = info.title if info else metric
    parts = [f"{title} gap {_show(row['gap'])}"]
    if row["pair"] is not None:
        parts.append(f"between {row['pair'][0]} and {row['pair'][1]}")
    if row["of"] is not None:
        parts.append(f"for {row['of']}")
    inside = []
    if row["ci"] is not None and row["ci"][0] is not None:
        inside.append(f"95 % CI {_show(row['ci'][0])} to {_show(row['ci'][1])}")
    if row["p_value"] is not None:
        inside.append(f"p = {row['p_value']:.3g}, Holm {row['p_holm']:.3g}")
    if row["p_value"] is not None and row["p_value"] > 0.05 and row["detectable"] is not None:
        inside.append(f"no difference shown; {_show(row['detectable'])} would be found with probability 0.8")
    return " ".join(parts) + (f" ({'; '.join(inside)})." if inside else ".")
