"""From an audit.json to sentences and pictures. No streamlit here, and no metric is computed: it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fairdash import charts, words
from fairdash.charts import Chart, GroupValue, Reliability, ReliabilityCell, Verdict, verdict
from fairdash.groups import band_names
from fairdash.metrics.catalogue import METRICS, find, on_side, over, part
from fairdash.metrics.sensitivity import SIMILARITIES
from fairdash.schema import CATEGORIES, UNKNOWN, GroupSpec
from fairdash.stages.disclosure import aside, people_of

Audit = Mapping[str, Any]
METRIC, VALUE, FROM, TO = words.several("metric", "value", "95 % from", "95 % to")
GROUP, OVER, NOTE, HOLM = words.several("group", "over", "note", "p (Holm)")
WIDE = words.several("by chance alone", "ratio", "where")  # of the table of gaps, where the page is too narrow
_GAPS = words.several(
    "metric", "verdict", "gap", "95 % from", "95 % to", "by chance alone", "beyond chance", "p", "p (Holm)", "ratio",
    "worst", "where", "seen from", "note",
)  # fmt: skip
_DISTANCE = {
    "found": words.later("{distance}, more than chance would give ({statistics})."),
    "alone": words.later("{distance}, more than chance would give if it were the only metric here ({statistics})."),
    "none": words.later("{distance}, no more than chance would give ({statistics})."),
}
_BETTER = {
    1: words.later("Range {low} to {high}; higher is better."),
    -1: words.later("Range {low} to {high}; lower is fairer."),
    0: words.later("Range {low} to {high}; neither end is better."),
}
MAX_WRITTEN = 5  # groups whose lists are drawn beside each other
_QUADRANTS = {
    "neither": words.later("same items, same NDCG"),
    "list": words.later("other items, same NDCG"),
    "utility": words.later("same items, other NDCG"),
    "both": words.later("other items, other NDCG"),
}
_WRITTEN = {
    "valid": words.later("valid"),
    "invented": words.later("invented: no such item"),
    "repeated": words.later("repeated in the list"),
    "seen": words.later("known to the person"),
    "echoed": words.later("echoed from the prompt"),
    "refused": words.later("refused"),
    "missing": words.later("nothing written"),
}
_SOURCES = {"vectors": words.later("from vectors"), "lists": words.later("from lists")}
_CONVENTIONS = {
    "relevance": words.later("Relevance"),
    "discount": words.later("Discount"),
    "ideal": words.later("Ideal"),
    "candidates": words.later("Candidates"),
}
_NOT_MEASURED = words.later("it was not measured")


def title(metric: str, k: int) -> str:
    """NDCG@10; a metric over groups of items says which."""
    key, _, items = metric.partition(":")
    name = words.say(part(key).title or words.sentence(key.replace("_", " ")))
    at = f"@{k}" if key in on_side("accuracy") else ""
    return words.say("{metric} ({items})", metric=name + at, items=words.label(items, 24)) if items else name + at


def namer(metrics: Sequence[str], k: int) -> Callable[[Any], str]:
    """The `format_func` of a choice among metrics: their titles, no two of them equal."""
    return words.namer(metrics, lambda metric: title(metric, k), limit=80)


def sentence(audit: Audit, attribute: str, metric: str) -> str:
    """The finding on one metric, for a person who reads nothing else."""
    k, row, groups = audit["k"], audit["gaps"][attribute].get(metric), audit["groups"][attribute]
    name = title(metric, k)
    state = verdict(row)
    if row is None or state == "undefined":
        return words.say(
            "{metric} has no gap between groups of {attribute}: {reason}.",
            metric=name, attribute=words.label(attribute), reason=reason(audit, attribute, metric),
        )  # fmt: skip
    pair = row.get("pair")
    ci = tuple(row["ci"]) if row.get("ci") and None not in row["ci"] else None
    if state == "untested" or not pair or pair[0] == pair[1] or any(_none(groups[name].get(metric)) for name in pair):
        return _distance(name, attribute, row, ci, state)
    high, low = ((g, people_of(groups[g], metric), groups[g][metric]) for g in pair)
    told = words.finding(
        attribute,
        name,
        low,
        high,
        ci,
        row.get("p_value"),
        significant=state != "none",
        several=len(_compared(groups)) > 2,
        detectable=row.get("detectable"),
        higher_is_worse=_higher_is_worse(metric),
    )
    if row.get("in_both"):
        shared = words.say("In both groups: {people}.", people=words.count(row["in_both"], "person", "people"))
        told = words.together(told, shared)
    if state == "alone":
        count = sum(1 for other in audit["gaps"][attribute].values() if other.get("p_value") is not None)
        alone = words.say(
            "On its own this counts as a difference; among the {count} metrics of this page it does not (by Holm {p}).",
            count=count, p=words.p_value(row["p_holm"]),
        )  # fmt: skip
        told = words.together(told, alone)
    return told


def _distance(name: str, attribute: str, row: Mapping[str, Any], ci: Any, state: Verdict) -> str:
    told = {"metric": name, "value": words.number(row["gap"] if row.get("gap") is not None else row["ratio"])}
    if row.get("floor") is not None:
        above, ci = row["above_floor"], row["above_floor_ci"]
        floor = words.number(row["floor"])
        told["value"] = words.say("{above} beyond the {floor} of chance alone", above=words.number(above), floor=floor)
    pair, of = row.get("pair"), words.label(row.get("of") or "")
    if pair:
        one, other = (words.people(attribute, name) for name in pair)
        if of:
            said = words.say(
                "{metric} between {one} and {other} is {value} for {of}", one=one, other=other, of=of, **told
            )
        else:
            said = words.say("{metric} between {one} and {other} is {value}", one=one, other=other, **told)
    else:
        said = (
            words.say("{metric} is {value} for {of}", of=of, **told) if of else words.say("{metric} is {value}", **told)
        )
    interval = [words.say("95 % CI {interval}", interval=words.interval(*ci))] if ci and None not in ci else []
    return words.say(
        _DISTANCE.get(state, words.later("{distance} ({statistics}).")),
        distance=said,
        statistics=words.say(", ").join([*interval, words.p_value(row.get("p_value"))]),
    )


def _compared(groups: Mapping[str, Any]) -> list[str]:
    """The groups that are part of a gap."""
    return [name for name, group in groups.items() if name != UNKNOWN and not group.get("small")]


def _higher_is_worse(metric: str) -> bool:
    found = find(metric)
    return found is not None and found.better == -1


def _none(value: Any) -> bool:
    return value is None


def reason(audit: Audit, attribute: str, metric: str) -> str:
    """Why a gap is undefined, in the audit's own words."""
    return _undefined(audit, f"gaps.{attribute}.{metric}", _NOT_MEASURED)


def _undefined(audit: Audit, key: str, otherwise: str = "") -> str:
    """Why a value is undefined; `otherwise` where the audit does not say."""
    return words.say(str(audit.get("undefined", {}).get(key, otherwise)))


def metrics_of(audit: Audit, attribute: str) -> list[str]:
    """The metrics that this audit compares between groups of people, accuracy first."""
    keys = list(audit["gaps"].get(attribute, {}))
    order = list(METRICS)
    return sorted(keys, key=lambda key: (order.index(key.partition(":")[0]) if find(key) else len(order), key))


def by_group(audit: Audit, attribute: str, metric: str) -> Chart:
    """The metric's value in each group, or what it is taken from where a single group has none."""
    key = metric.partition(":")[0]
    shown = METRICS[key].shown_by if key in METRICS else ""
    if shown == "categories":
        return categories(audit, attribute)
    if shown == "selection":
        return selection(audit, attribute, metric.partition(":")[2] or CATEGORIES)
    if shown == "score":
        return distribution(audit, attribute, "score", "cumulative", ranges=False)
    own = metric if any(metric in group for group in audit["groups"][attribute].values()) else key
    return _values(audit, attribute, shown or own)


def _values(audit: Audit, attribute: str, metric: str) -> Chart:
    rows = []
    shrunk = audit.get("shrunk", {}).get(attribute, {}).get(metric, {}).get("groups", {})
    for name, group in audit["groups"][attribute].items():
        value, ci = group.get(metric), group.get(f"{metric}_ci") or (None, None)
        why = _undefined(audit, f"groups.{attribute}.{name}.{metric}")
        n = people_of(group, metric)
        drawn = shrunk.get(name, {})
        apart = aside(name, n, group.get("small", False))
        rows.append(GroupValue(name, n, value, ci[0], ci[1], apart, why, drawn.get("value"), *drawn.get("ci", ())))
    overall = audit["overall"].get(metric, audit["items"].get(metric))
    return charts.group_values(rows, title(metric, audit["k"]), overall)


def gap_table(audit: Audit, attribute: str) -> pd.DataFrame:
    """Every gap of an attribute, as numbers."""
    rows = []
    for metric in metrics_of(audit, attribute):
        row = audit["gaps"][attribute][metric]
        low, high = row["ci"] if row.get("ci") else (None, None)
        rows.append(
            (
                title(metric, audit["k"]),
                words.say(charts.VERDICTS[verdict(row)][0]),
                row.get("gap"),
                low,
                high,
                row.get("floor"),
                row.get("above_floor"),
                row.get("p_value"),
                row.get("p_holm"),
                row.get("ratio"),
                row.get("worst_group") or "",
                row.get("of") or "",
                row.get("detectable"),
                _undefined(audit, f"gaps.{attribute}.{metric}"),
            )
        )
    return pd.DataFrame(rows, columns=list(_GAPS))


def value_table(audit: Audit, attribute: str) -> pd.DataFrame:
    """Every metric by group, with its interval."""
    rows = []
    for name, group in audit["groups"][attribute].items():
        for metric, value in group.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool) and metric not in ("n", "n_with_truth"):
                low, high = group.get(f"{metric}_ci") or (None, None)
                n = people_of(group, metric)
                why = aside(name, n, group.get("small", False))
                rows.append((name, n, title(metric, audit["k"]), value, low, high, why))
    return pd.DataFrame(rows, columns=[GROUP, "n", METRIC, VALUE, FROM, TO, NOTE])


def categories(audit: Audit, attribute: str) -> Chart:
    """Shares of recommendation slots by category and group."""
    axis = words.say("share of recommendation slots")
    return _by_category(audit, attribute, lambda group: group.get("category_share"), axis)


def selection(audit: Audit, attribute: str, items: str) -> Chart:
    """How likely an item of a category, or of a group of items, is in a person's list."""
    return _by_category(
        audit,
        attribute,
        lambda group: (group.get("selection_rate") or {}).get(items),
        words.say("chance that a candidate is shown"),
    )


def _by_category(audit: Audit, attribute: str, pick: Any, axis: str) -> Chart:
    found = audit["groups"][attribute]
    groups = {words.group(name, group["n"]): pick(group) or {} for name, group in found.items()}
    names = list(next(filter(None, groups.values()), {}))
    apart = {words.group(name, group["n"]): aside(name, group["n"], group.get("small", False))
             for name, group in found.items()}  # fmt: skip
    shown = {label: [_float(v.get(name)) for name in names] for label, v in groups.items()}
    whose = {words.group(name, group["n"]): name for name, group in found.items()}
    return charts.shares(names, shown, axis, aside=apart, keys=whose)


def _float(value: Any) -> float:
    return float("nan") if value is None else float(value)


def item_table(audit: Audit) -> pd.DataFrame:
    """Every metric of the item side: of the catalogue, and of each way to group items."""
    items = audit["items"]
    rows = [
        (words.say("catalogue"), title(key, audit["k"]), items.get(key), *(items.get(f"{key}_ci") or (None, None)),
         _undefined(audit, f"items.{key}"))
        for key in over("catalogue")
        if key in items
    ]  # fmt: skip
    for attribute, found in items.get("gaps", {}).items():
        for key, row in found.items():
            ci = row.get("ci") or (None, None)
            rows.append((attribute, title(key, audit["k"]), row.get("value"), *ci,
                         _undefined(audit, f"items.gaps.{attribute}.{key}")))  # fmt: skip
    return pd.DataFrame(rows, columns=[OVER, METRIC, VALUE, FROM, TO, NOTE])


def distribution(audit: Audit, attribute: str, metric: str, kind: str, *, ranges: bool = True) -> Chart:
    """How a metric's values spread over the people of each group. ranges: a mark stands for the people whose values lie
    there, and not for its group."""
    found = audit.get("distributions", {}).get(attribute, {}).get(metric)
    if not found:
        return charts.empty(words.say("This metric has no value for a single person."))
    sizes = audit["groups"][attribute]
    edges = list(found["edges"])
    if all(len(share) == len(edges) + 1 for share in found["groups"].values()):  # the cells at both ends are open
        width = edges[1] - edges[0] if len(edges) > 1 else 1.0
        edges = [edges[0] - width, *edges, edges[-1] + width]
    groups = {name: (people_of(sizes[name], metric), share) for name, share in found["groups"].items()}
    apart = {name: aside(name, n, sizes[name].get("small", False)) for name, (n, _) in groups.items()}
    return charts.distributions(edges, groups, title(metric, audit["k"]), kind, apart, ranges=ranges)


def curve(audit: Audit, spec: GroupSpec, metric: str) -> Chart:
    """A metric over a numeric attribute, smooth, with a band; each point stands for the group that it lies in."""
    attribute, sizes = spec.label, audit["groups"][spec.label]
    found = audit.get("curves", {}).get(attribute, {}).get(metric)
    if not found:
        return charts.empty(words.say("No curve: this attribute is no number, or too few people have it."))
    edges = spec.edges[0] if spec.edges else None
    bands = [band_names(edges, whole) for whole in (True, False)] if edges else []  # as whole or other numbers are cut
    names = next((one for one in bands if {*sizes} - {UNKNOWN} <= {*one}), ())
    keys = [names[place] for place in np.searchsorted(edges, found["x"], side="right")] if edges and names else []
    return charts.band(
        found["x"], [_float(v) for v in found["mean"]], [_float(v) for v in found["low"]],
        [_float(v) for v in found["high"]], attribute, title(metric, audit["k"]), keys,
    )  # fmt: skip


def model_table(audit: Audit, attribute: str) -> pd.DataFrame:
    """Every metric of the model side for an attribute: value, interval, what to hold it against, why undefined."""
    rows = []
    for key, row in audit.get("model", {}).get(attribute, {}).items():
        if isinstance(row, dict) and "value" in row:
            low, high = row.get("ci") or (None, None)
            beside = row.get("floor", METRICS[key].target if key in METRICS else None)
            why = _undefined(audit, f"model.{attribute}.{key}")
            rows.append((title(key, audit["k"]), row["value"], low, high, beside, why))
    columns = [METRIC, VALUE, FROM, TO, words.later("without any effect"), NOTE]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:5], float))


def flips(audit: Audit, attribute: str) -> Chart:
    """How much of a list stays when an attribute is told otherwise, beside the same facts told in other words."""
    model = audit.get("model", {}).get(attribute, {})
    keys = [key for key in SIMILARITIES if model.get(key, {}).get("value") is not None]
    if not keys:
        why = _undefined(audit, f"model.{attribute}.flip_jaccard", words.later("this recommender reads no profile"))
        return charts.empty(words.say("Lists cannot react: {why}.", why=why))
    flipped = words.say("told otherwise")
    parts = {
        flipped: [model[key]["value"] for key in keys],
        words.say("same facts, other words"): [_float(model[key].get("floor")) for key in keys],
    }
    ci = {flipped: [[_float(b) for b in model[key].get("ci") or (None, None)] for key in keys]}
    names = [title(key, audit["k"]) for key in keys]
    axis = words.say("similarity of the two lists, 100 % the same")
    return charts.exposure(names, parts, ci, axis=axis, main=flipped, keys=keys)


def quadrants(audit: Audit, attribute: str) -> Chart | None:
    """Of all flips, the share after which items, NDCG, both or neither are others; None where none was measured."""
    shares = audit.get("model", {}).get(attribute, {}).get("flip_both", {}).get("quadrants")
    if not shares:
        return None
    flips_ = words.say("share of the flips")
    return charts.exposure(
        [words.say(_QUADRANTS[name]) for name in shares],
        {flips_: [_float(one["value"]) for one in shares.values()]},
        {flips_: [[_float(end) for end in one["ci"]] for one in shares.values()]},
        axis=flips_,
        main=flips_,
        keys=["flip_both"] * len(shares),
    )


def written(audit: Audit, attribute: str) -> Chart | None:
    """What became of the places of lists that a language model wrote, by group; None where it wrote none."""
    groups = audit.get("model", {}).get(attribute, {}).get("invalid_disparity", {}).get("kinds")
    if not groups:
        return None
    shown = list(groups)[:MAX_WRITTEN]
    kinds = list(groups[shown[0]])
    return charts.exposure(
        [words.say(_WRITTEN.get(kind, kind)) for kind in kinds],
        {words.plain(name): [_float(groups[name][kind]) for kind in kinds] for name in shown},
        axis=words.say("share of the places that were asked for"),
        main=words.plain(shown[0]),
        keys=["invalid_disparity"] * len(kinds),
    )


def leakage(audit: Audit, attribute: str) -> Chart:
    """How well the attribute is read from user vectors and from lists."""
    row = audit.get("model", {}).get(attribute, {}).get("probe_auc", {})
    sources = {name: one for name, one in row.get("by_source", {}).items() if one.get("value") is not None}
    if not sources:
        why = _undefined(audit, f"model.{attribute}.probe_auc", _NOT_MEASURED)
        return charts.empty(words.say("No probe: {why}.", why=why))
    rows = [
        GroupValue(words.say(_SOURCES[name]), int(one.get("n") or 0), one["value"], *(one.get("ci") or (None, None)))
        for name, one in sources.items()
    ]
    return charts.group_values(rows, words.say("AUC of a probe"), 0.5, reference=words.say("chance"))


def calibration(audit: Audit, attribute: str) -> Chart:
    """Predicted probabilities against the share that was liked, of everybody and of each group."""
    lines = calibrated(audit, attribute)
    if not lines:
        why = _undefined(audit, f"model.{attribute}.calibration", _NOT_MEASURED)
        return charts.empty(words.say("No calibration: {why}.", why=why))
    return charts.reliability(lines)


def calibrated(audit: Audit, attribute: str) -> list[Reliability]:
    """The lines of that picture, everybody's first; none where it was not measured."""
    row = _calibration(audit, attribute)
    if row is None:
        return []
    lines = []
    for name, one in ((words.say("everybody"), row), *_by_size(row["by_group"])):
        cells = [
            ReliabilityCell(c["n"], c["people"], c["predicted"], c["observed"], *(c["ci"] or (None, None)))
            for c in one["cells"]
        ]
        lines.append(
            Reliability(name, one["people"], one["error"], cells, words.say("too few") if one["small"] else "")
        )
    return lines


def calibration_sentences(audit: Audit, attribute: str) -> str:
    """What the probabilities of everybody and of each group promise, and what came of it; "" where undefined."""
    row = _calibration(audit, attribute)
    if row is None:
        return ""
    told = [
        words.say(
            "Predictions are {error} off on average ({interval}; exact ones would show {chance} by chance at this "
            "number of pairs).",
            error=words.number(row["error"]),
            interval=_within(row),
            chance=words.number(row["chance"]),
        )
    ]
    for name, one in _by_size(row["by_group"]):
        if one["small"]:
            continue
        numbers = {key: words.number(one[key]) for key in ("predicted", "observed", "error", "chance")}
        told.append(
            words.say(
                "{group}: predicted {predicted}, liked {observed}, {error} off ({interval}; by chance {chance}; "
                "{pairs} of {people}).",
                group=words.sentence(words.people(attribute, name)),
                interval=_within(one),
                pairs=words.count(one["n"], "pair"),
                people=words.count(one["people"], "person", "people"),
                **numbers,
            )
        )
    return words.together(*told)


def _within(row: Mapping[str, Any]) -> str:
    low, high = row["error_ci"]
    if low is None:
        return words.say("no interval")
    return words.say("95 % CI {interval}", interval=words.interval(low, high))


def _calibration(audit: Audit, attribute: str) -> Mapping[str, Any] | None:
    row: Mapping[str, Any] = audit.get("model", {}).get(attribute, {}).get("calibration", {})
    return None if row.get("value") is None else row


def _by_size(groups: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(groups.items(), key=lambda pair: -pair[1]["people"])


def definition(
    metric: str, k: int, conventions: Mapping[str, str], said: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    """What the metric is: formula, range, direction, edge cases, source; then the conventions behind the number. said:
    the audit's, of what its texts were made."""
    found = find(metric)
    if found is None:
        return words.say("A rate that another metric is made of.")
    lines = [
        words.say(
            "**{metric}** = {formula}.", metric=title(metric, k), formula=words.plain(words.say(found.formula), 400)
        ),
        words.say(
            _BETTER[found.better] if found.target is None else words.later("Range {low} to {high}; {target} is fair."),
            low=words.brief(found.low),
            high=words.brief(found.high),
            target=words.brief(found.low if found.target is None else found.target),
        ),
    ]
    lines += [words.plain(words.say(found.edge), 300)] if found.edge else []
    lines += [f"*{words.plain(found.paper, 300)}*"] if found.paper else []
    if found.side == "accuracy":
        lines += [
            words.say(
                "{what}: {said}.", what=words.say(what), said=words.plain(words.again(conventions[key], said), 300)
            )
            for key, what in _CONVENTIONS.items()
            if key in conventions
        ]
    return "\n\n".join(lines)
