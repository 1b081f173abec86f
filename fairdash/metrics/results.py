"""From the sums of a tally to the numbers of an audit: values, intervals, gaps, tests, and a reason for every null."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash.hashing import mix
from fairdash.metrics import bootstrap, categories, exposure, pairs
from fairdash.metrics import groups as compare
from fairdash.metrics.catalogue import METRICS
from fairdash.metrics.groups import Gap, Rates
from fairdash.metrics.inputs import Catalogue, ItemClass
from fairdash.metrics.tally import GroupSums, Tally, counted, shuffled
from fairdash.schema import CATEGORIES, UNKNOWN

Array = NDArray[np.float64]
Interval = tuple[float, float]

CURVE_PEOPLE = 20_000  # a curve needs no more; they are chosen by hash
CURVES = ("ndcg", "hit", "arp", "miscalibration")
CELLS = 20  # of a distribution
SLOTS = f"slots:{CATEGORIES}"  # the column of list places by category
ITEM_SCALARS = ("awrf", "eed", "eer", "eel", "exposure_ratio", "rsp", "reo")
_NO_INTERVAL = "no interval: a resampled set of people reaches fewer items than the people themselves"


def conventions(total: Tally, threshold: float | None) -> dict[str, str]:
    """What stands beside every number."""
    rules = total.rules
    return {
        "relevance": "binary: every held-out item"
        if threshold is None
        else f"binary: held-out items rated {threshold:g} or more",
        "discount": "1 / log2(rank + 1), rank from 1",
        "ideal": f"the first min({rules.k}, number of relevant items) discounts",
        "candidates": "the whole catalogue less the user's training items; never sampled negatives",
        "users_without_truth": "left out of accuracy means, counted in n_without_truth; they stay in exposure metrics",
        "ties": "equal scores are ordered by a fixed hash of (seed, item)",
        "missing_group": f"{UNKNOWN}: shown, never part of a gap",
        "small_group": "groups below the minimum size are shown with their n and are not part of a gap",
        "undefined": "null with its reason; never 0, never 1",
        "interval": f"95 % percentile bootstrap over users, {rules.replicates:,} replicates with Poisson(1) weights "
        f"from a hash of (seed {rules.seed}, user), the same for all metrics and for before and after; replicates of a "
        "group of n are widened by sqrt(n / (n − 1)) · t / z",
        "gap_interval": "two groups: of the signed difference, first the higher group; several groups or categories: "
        "all pairs covered at once; in both, an interval above 0 says that the groups differ",
        "test": f"{rules.permutations:,} shufflings of the group labels over users"
        + ("" if total.n <= len(total.rows) else ", by their limit distribution above 20,000 users")
        + "; p_holm: Holm over the metrics of one attribute",
        "detectable": "the smallest true gap that would be found with probability 0.8 at this number of people",
    }


# --- people -----------------------------------------------------------------------------------------------------------


def _mean_rates(total: Tally, key: str) -> Rates:
    layout = total.people_layout
    return Rates(
        (layout[f"sum:{key}"].start,), (layout[f"count:{counted(key)}"].start,), (layout[f"square:{key}"].start,)
    )


def _group_metrics(total: Tally) -> dict[str, tuple[Rates, str]]:
    """Values of one group, by the key they have in `groups`: the sums and the column that counts their people."""
    layout = total.people_layout
    found = {key: (_mean_rates(total, key), f"count:{counted(key)}") for key in total.metrics}
    if "lift:list" in layout:
        rates = Rates((layout["lift:list"].start,), (layout["lift:profile"].start,), offset=-1.0)
        found["popularity_lift"] = rates, "count:list"
    if "odds:hits" in layout:
        true = Rates((layout["odds:hits"].start,), (layout["odds:relevant"].start,))
        false = Rates((layout["odds:false"].start,), (layout["odds:irrelevant"].start,))
        found |= {"true_positive_rate": (true, "count:truth"), "false_positive_rate": (false, "")}
    return found


def _class_rates(total: Tally, catalogue: Catalogue) -> dict[str, Rates]:
    """Selection rates over candidates, by attribute of the items."""
    layout = total.people_layout
    found = {}
    for group in catalogue.classes:
        selected, candidates = layout[f"selected:{group.attribute}"], layout[f"candidates:{group.attribute}"]
        found[group.attribute] = Rates(
            tuple(range(selected.start, selected.stop)),
            tuple(range(candidates.start, candidates.stop)),
            labels=group.names,
        )
    return found


def _people(total: Tally, sums: Array, column: str) -> NDArray[np.int64]:
    """How many people of each group have a value [g]; all of them where no column counts."""
    return np.rint(sums[:, total.people_layout[column].start]).astype(np.int64)


def overall(total: Tally, undefined: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    metrics = _group_metrics(total)
    for key, (rates, column) in metrics.items():
        n = np.array([total.n]) if not column else _people(total, total.people_total[None], column)
        value, ci = _value(rates, total.people_total[None], total.people_boot[:, None], n, key)
        row |= {key: value[0], f"{key}_ci": ci[0]}
        if math.isnan(value[0]):
            undefined[f"overall.{key}"] = why(key)
    return row


def _value(
    rates: Rates, total: Array, boot: Array, n: NDArray[np.int64], key: str
) -> tuple[Array, list[tuple[float, float]]]:
    """Values [g] and their intervals; for rates of one target."""
    value = rates.of(total)
    moved = compare.widened(value, rates.of(boot), n)
    info = METRICS.get(key)
    low, high = (info.low, info.high) if info else (0.0, 1.0) if key.endswith("_rate") else (-math.inf, math.inf)
    return value[:, 0], [bootstrap.interval(moved[:, g, 0], low, high) for g in range(len(value))]


def group_rows(total: Tally, group: GroupSums, catalogue: Catalogue, undefined: dict[str, str]) -> dict[str, Any]:
    rows: dict[str, dict[str, Any]] = {}
    kept = [g for g, name in enumerate(group.names) if group.people[g] or name != UNKNOWN]
    with_truth = _people(total, group.total, "count:truth")
    for g in kept:
        rows[group.names[g]] = {
            "n": int(group.people[g]),
            "n_with_truth": int(with_truth[g]),
            "small": bool(group.people[g] < group.min_size),
        }
    for key, (rates, column) in _group_metrics(total).items():
        n = group.people if not column else _people(total, group.total, column)
        value, ci = _value(rates, group.total, group.boot, n, key)
        for g in kept:
            rows[group.names[g]] |= {key: value[g], f"{key}_ci": ci[g]}
            if math.isnan(value[g]):
                undefined[f"groups.{group.attribute}.{group.names[g]}.{key}"] = why(key)
    for attribute, rates in _class_rates(total, catalogue).items():
        table = rates.of(group.total)
        for g in kept:
            selected = dict(zip(rates.labels, table[g], strict=True))
            rows[group.names[g]].setdefault("selection_rate", {})[attribute] = selected
    if SLOTS in total.people_layout:
        columns = total.people_layout[SLOTS]
        names = catalogue.classes[0].names
        share = exposure.shares(group.total[:, columns])
        moved = compare.widened(share, exposure.shares(group.boot[:, :, columns]), group.people)
        for g in kept:
            rows[group.names[g]]["category_share"] = dict(zip(names, share[g], strict=True))
            rows[group.names[g]]["category_share_ci"] = {
                name: bootstrap.interval(moved[:, g, j], 0.0, 1.0) for j, name in enumerate(names)
            }
    return rows


def gaps(
    total: Tally,
    attribute: int,
    catalogue: Catalogue,
    said: list[str],
    undefined: dict[str, str],
    exact_ks: tuple[float, tuple[str, str]] | None,
) -> dict[str, Gap]:
    group = total.groups[attribute]
    known = [g for g, name in enumerate(group.names) if name != UNKNOWN]
    small = [g for g in known if 0 < group.people[g] < group.min_size]
    kept = [g for g in known if group.people[g] >= max(1, group.min_size)]
    if small:
        listed = ", ".join(f"{group.names[g]} ({group.people[g]})" for g in small)
        said.append(
            f"{group.attribute}: groups below {group.min_size} people are shown but not part of any gap: {listed}."
        )
    if group.people[-1]:
        said.append(f"{group.attribute}: unknown for {group.people[-1]:,} of {total.n:,} people; not part of any gap.")
    if len(kept) < 2:
        said.append(f"{group.attribute}: fewer than two groups are large enough, so there is no gap.")
    sums, boot = group.total[kept], group.boot[:, kept]
    null = (
        shuffled(total, attribute, kept) if len(kept) > 1 and total.rules.permutations else np.empty((0, *sums.shape))
    )
    names = [group.names[g] for g in kept]
    found: dict[str, Gap] = {}

    def over(key: str, rates: Rates, column: str, better: int) -> Gap:
        n = group.people[kept] if not column else _people(total, sums, column)
        enough = np.flatnonzero(n >= max(1, group.min_size))
        if len(enough) < 2:
            return Gap(reason=why(key) if not n.any() else "fewer than two groups of sufficient size have a value")
        return compare.gap(
            rates, [names[g] for g in enough], n[enough], sums[enough], boot[:, enough], null[:, enough], better=better
        )

    metrics = _group_metrics(total)
    for key in total.metrics:
        info = METRICS.get(key)
        found[key] = over(key, *metrics[key], info.better if info else 0)
    if total.rules.accuracy_only:
        return found
    true, false = metrics["true_positive_rate"], metrics["false_positive_rate"]
    found["equal_opportunity_difference"] = over("equal_opportunity_difference", *true, 1)
    odds = Rates(
        true[0].numerators + false[0].numerators,
        true[0].denominators + false[0].denominators,
        labels=("relevant", "not relevant"),
    )
    found["equalized_odds_difference"] = over("equalized_odds_difference", odds, true[1], 0)
    found["popularity_lift"] = (
        over("popularity_lift", *metrics["popularity_lift"], 0)
        if "popularity_lift" in metrics
        else Gap(reason=why("popularity_lift"))
    )
    by_class = _class_rates(total, catalogue)
    for place, (name, rates) in enumerate(by_class.items()):
        suffix = f":{name}" if place else ""
        found[f"demographic_parity_difference{suffix}"] = over("demographic_parity_difference", rates, "", 0)
        logs = over("demographic_parity_ratio", replace(rates, log=True), "", 0)
        found[f"demographic_parity_ratio{suffix}"] = _parity_ratio(logs, rates, sums)
    if not by_class:
        found |= {key: Gap(reason=why(key)) for key in ("demographic_parity_difference", "demographic_parity_ratio")}
    found["category_divergence"] = Gap(reason=why("category_divergence"))
    if SLOTS in total.people_layout:
        columns = total.people_layout[SLOTS]
        table = categories.divergence_pairs(sums[:, columns]) if len(kept) > 1 else np.zeros((1, 1))
        made = compare.distance(
            lambda x: categories.largest_divergence(x[..., columns]), sums, boot, null, root=True,
            exact=float(table.max()) if len(kept) > 1 else None, reason="no slot goes to an item with a category",
        )  # fmt: skip
        found["category_divergence"] = _with_pairs(made, table, names)
    found["score_ks"] = Gap(reason="the lists have no scores")
    if "scores" in total.people_layout and len(kept) > 1:
        cells = total.people_layout["scores"]
        made = compare.distance(
            lambda x: _largest_ks(x[..., cells]) ** 2, sums, boot, null, root=True,
            exact=exact_ks[0] if exact_ks else None, reason="fewer than two groups have scores",
        )  # fmt: skip
        found["score_ks"] = replace(made, pair=exact_ks[1] if exact_ks else None)
    layout = total.people_layout
    ndcg, square, n_truth = layout["sum:ndcg"].start, layout["square:ndcg"].start, layout["count:truth"].start

    def means(x: Array) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            value: Array = x[..., ndcg] / x[..., n_truth]
        return value

    entropy = compare.distance(
        lambda x: compare.cross_entropy(means(x)), sums, boot, null, reason=why("generalized_cross_entropy")
    )
    found["generalized_cross_entropy"] = replace(
        entropy, gap=0.0 - entropy.gap, ci=(0.0 - entropy.ci[1], 0.0 - entropy.ci[0]), oriented=0.0 - entropy.oriented
    )

    def between(x: Array) -> Array:
        return compare.entropy_index(x[..., n_truth], x[..., ndcg], x[..., square])[1]

    index = compare.distance(between, sums, boot, null, reason=why("group_entropy_index"))
    whole, part = (float(v) for v in compare.entropy_index(sums[:, n_truth], sums[:, ndcg], sums[:, square]))
    found["group_entropy_index"] = replace(index, more={"total": whole, "between": part, "within": whole - part})
    found["differential_fairness"] = Gap(reason="fewer than two groups have a value")
    if len(kept) > 1:
        value, (high, low), item = compare.differential_fairness(group.listed[kept], group.people[kept])
        found["differential_fairness"] = Gap(
            gap=value, pair=(names[high], names[low]), of=str(catalogue.ids[item]),
            reason="the largest of all items has no useful interval or test: resampling only adds to its noise",
        )  # fmt: skip
    return found


def _parity_ratio(made: Gap, rates: Rates, sums: Array) -> Gap:
    """Lowest min / max over groups of the selection rates of a category, from the gap of their logarithms."""
    if len(sums) < 2:
        return made
    table = rates.of(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        each = table.min(axis=0) / table.max(axis=0)
    if np.isnan(each).all():
        return Gap(reason="nobody gets an item of any category")
    lowest = int(np.nanargmin(each))
    if each[lowest] == 0:
        reason = "a group gets nothing of this category, so the ratio has no interval and no test"
        return Gap(ratio=0.0, of=rates.labels[lowest], reason=reason)
    low, high = made.ci
    return replace(
        made,
        gap=math.nan,
        mad=math.nan,
        std=math.nan,
        detectable=math.nan,
        ratio=float(each[lowest]),
        ci=(math.exp(-high), math.exp(-low)),
        oriented=np.exp(-made.oriented),
        reason="it is a ratio: see `ratio`; 1 lies in its interval unless the groups differ",
    )


def _with_pairs(made: Gap, table: Array, names: Sequence[str]) -> Gap:
    """The distance with its largest pair, and the mean over pairs, from the table of pairs [g, g]."""
    if len(names) < 2 or math.isnan(made.gap):
        return made
    n = len(names)
    a, b = divmod(int(np.argmax(table)), n)
    return replace(made, pair=(names[a], names[b]), mad=float(table.sum() / (n * (n - 1))))


def _largest_ks(cells: Array) -> Array:
    """Largest difference of cumulative shares between two of the groups: [...] from counts [..., g, cells]."""
    steps = np.cumsum(cells, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = steps / steps[..., -1:]
    # at each point the largest difference is that of the highest and the lowest curve
    spread: Array = (np.fmax.reduce(share, axis=-2) - np.fmin.reduce(share, axis=-2)).max(axis=-1)
    return spread


def gap_rows(attribute: str, named: Mapping[str, Gap], undefined: dict[str, str]) -> dict[str, Any]:
    """The contract's rows of one attribute, with Holm's correction over its metrics."""
    adjusted = bootstrap.holm([gap.p_value for gap in named.values()])
    rows = {}
    for (metric, gap), p_holm in zip(named.items(), adjusted, strict=True):
        rows[metric] = {
            "gap": gap.gap,
            "ratio": gap.ratio,
            "mad": gap.mad,
            "std": gap.std,
            "ci": gap.ci,
            "p_value": gap.p_value,
            "p_holm": p_holm,
            "worst_group": gap.worst_group,
            "pair": gap.pair,
            "of": gap.of,
            "detectable": gap.detectable,
            **gap.more,
        }
        path = f"gaps.{attribute}.{metric}"
        if math.isnan(gap.gap):
            undefined[path] = gap.reason or why(metric)
        elif gap.reason:
            undefined[f"{path}.ci"] = gap.reason
        elif math.isnan(gap.ratio):
            is_rate = not math.isnan(gap.std)
            undefined[f"{path}.ratio"] = (
                "min / max has no meaning for values that are not above 0"
                if is_rate
                else "a distance has no ratio or std"
            )
    return rows


# --- items ------------------------------------------------------------------------------------------------------------


def items(total: Tally, catalogue: Catalogue, labels: Sequence[str], undefined: dict[str, str]) -> dict[str, Any]:
    """The item side: metrics of the whole catalogue, and of groups of items."""
    found: dict[str, Any] = {
        "gini": exposure.gini(total.item_lists.astype(np.float64)),
        "gini_exposure": exposure.gini(total.item_exposure),
        "coverage": exposure.coverage(total.item_lists.astype(np.float64)),
        "entropy": exposure.entropy(total.item_lists.astype(np.float64)),
    }
    for key, value in found.copy().items():
        undefined[f"items.{key}_ci"] = _NO_INTERVAL
        if math.isnan(value):
            undefined[f"items.{key}"] = "no item is recommended"
    for key in ("arp", "aplt", "aclt"):
        rates = _mean_rates(total, key)
        n = _people(total, total.people_total[None], f"count:{counted(key)}")
        value, ci = _value(rates, total.people_total[None], total.people_boot[:, None], n, key)
        found |= {key: float(value[0]), f"{key}_ci": ci[0]}
        if math.isnan(value[0]):
            undefined[f"items.{key}"] = why(key)
    classes = {group.attribute: group for group in catalogue.classes}
    asked = [label for label in labels if label in classes]
    by_group, gaps = {}, {}
    for attribute, group in classes.items():
        by_group[attribute] = _item_rows(total, catalogue, group)
        gaps[attribute] = _item_gaps(total, catalogue, group)
        for key, (value, _) in gaps[attribute].items():
            if math.isnan(value):
                undefined[f"items.gaps.{attribute}.{key}"] = why(key)
    for key in ITEM_SCALARS if asked else ():
        number, interval = gaps[asked[0]][key]
        found |= {key: number, f"{key}_ci": interval}
        if math.isnan(number):
            undefined[f"items.{key}"] = why(key)
    if not asked:
        for key in ITEM_SCALARS:
            found[key] = math.nan
            undefined[f"items.{key}"] = "no group of items was asked for"
    found["by_group"] = by_group
    found["gaps"] = {
        attribute: {key: {"value": value, "ci": ci} for key, (value, ci) in named.items()}
        for attribute, named in gaps.items()
    }
    return found


def _item_sums(total: Tally, name: str) -> tuple[Array, Array]:
    """Sums [j] and their replicates [r, j] of an item column."""
    place = total.items_layout[name]
    return total.items_total[place], total.items_boot[:, place]


def _item_rows(total: Tally, catalogue: Catalogue, group: ItemClass) -> dict[str, Any]:
    name = group.attribute
    given, given_boot = _item_sums(total, f"exposure:{name}")
    whole, whole_boot = _item_sums(total, "exposure")
    merit, _ = _item_sums(total, f"merit:{name}")
    relevant, _ = _item_sums(total, "relevant")
    selection = _class_rates(total, catalogue)[name]
    columns: dict[str, tuple[Array, Array | None]] = {
        "exposure_share": (_divide(given, whole), _divide(given_boot, whole_boot)),
        "catalogue_share": (np.asarray(group.share.sum(axis=0)).ravel() / max(1, catalogue.size), None),
        "interaction_share": (_interaction_share(catalogue, group), None),
        "relevant_share": (_divide(merit, relevant), None),
        "selection_rate": (selection.of(total.people_total[None])[0], selection.of(total.people_boot[:, None])[:, 0]),
    }
    ratios = {"true_positive_rate": ("hits", "relevant"), "pairwise_accuracy": ("above", "pairs")}
    if group.exclusive:
        ratios["pairwise_accuracy_intra"] = ("above-intra", "pairs-intra")
    for key, (upper, lower) in ratios.items():
        top, bottom = _item_sums(total, f"{upper}:{name}"), _item_sums(total, f"{lower}:{name}")
        columns[key] = _divide(top[0], bottom[0]), _divide(top[1], bottom[1])
    if group.exclusive:
        top, bottom = _item_sums(total, f"above:{name}"), _item_sums(total, f"pairs:{name}")
        own_top, own_bottom = _item_sums(total, f"above-intra:{name}"), _item_sums(total, f"pairs-intra:{name}")
        columns["pairwise_accuracy_inter"] = (
            _divide(top[0] - own_top[0], bottom[0] - own_bottom[0]),
            _divide(top[1] - own_top[1], bottom[1] - own_bottom[1]),
        )
    rows: dict[str, dict[str, Any]] = {}
    for j, label in enumerate(group.names):
        rows[label] = {"n": int(group.sizes[j])}
        for key, (value, boot) in columns.items():
            rows[label][key] = value[j]
            if boot is not None:
                rows[label][f"{key}_ci"] = bootstrap.interval(boot[:, j], 0.0, 1.0)
    nobody = int((np.diff(group.member.indptr) == 0).sum())
    if nobody:
        rest = 1 - columns["exposure_share"][0].sum()
        rows[UNKNOWN] = {
            "n": nobody,
            "exposure_share": max(0.0, float(rest)),
            "catalogue_share": nobody / catalogue.size,
        }
    return rows


def _item_gaps(total: Tally, catalogue: Catalogue, group: ItemClass) -> dict[str, tuple[float, Interval]]:
    name = group.attribute
    given, given_boot = _item_sums(total, f"exposure:{name}")
    merit, merit_boot = _item_sums(total, f"merit:{name}")
    target = exposure.shares(np.asarray(group.share.sum(axis=0)).ravel())
    selection = _class_rates(total, catalogue)[name]
    hits, hits_boot = _item_sums(total, f"hits:{name}")
    relevant, relevant_boot = _item_sums(total, f"relevant:{name}")
    truth, truth_boot = _item_sums(total, "truth")
    rates = selection.of(total.people_total[None])[0], selection.of(total.people_boot[:, None])[:, 0]
    distances: dict[str, tuple[Array, Array]] = {
        "awrf": (
            exposure.total_variation(exposure.shares(given), target),
            exposure.total_variation(exposure.shares(given_boot), target),
        ),
        "rsp": (pairs.rate_dispersion(rates[0]), pairs.rate_dispersion(rates[1])),
        "reo": (
            pairs.rate_dispersion(_divide(hits, relevant)),
            pairs.rate_dispersion(_divide(hits_boot, relevant_boot)),
        ),
    }
    found: dict[str, tuple[float, Interval]] = {}
    for key, (value, boot) in distances.items():
        low, high = compare.distance_interval(float(value) ** 2, boot**2)
        found[key] = float(value), (math.sqrt(low), math.sqrt(high))
    for key in ("eed", "eer", "eel"):
        sums, boot = _item_sums(total, f"{key}:{name}")
        found[key] = float(_divide(sums, truth)[0]), bootstrap.interval(_divide(boot, truth_boot)[:, 0], 0.0)
    found["exposure_ratio"] = exposure.merit_ratio(given, merit), _ratio_interval(given, merit, given_boot, merit_boot)
    return {key: found[key] for key in ITEM_SCALARS}


def _ratio_interval(given: Array, merit: Array, given_boot: Array, merit_boot: Array) -> Interval:
    """Percentile interval of the ratio of the two groups that are lowest and highest in the data."""
    each = np.where(merit > 0, _divide(given, merit), np.nan)
    if np.isfinite(each).sum() < 2:
        return math.nan, math.nan
    low, high = int(np.nanargmin(each)), int(np.nanargmax(each))
    moved = _divide(given_boot, merit_boot)
    return bootstrap.interval(_divide(moved[:, low], moved[:, high]), 0.0)


def _interaction_share(catalogue: Catalogue, group: ItemClass) -> Array:
    if catalogue.popularity is None:
        return np.full(len(group.names), np.nan)
    return _divide(np.asarray(catalogue.popularity @ group.share), catalogue.popularity.sum())


def _divide(top: Array, bottom: Any) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = top / bottom
    return np.where(np.isfinite(value), value, np.nan)


# --- pictures ---------------------------------------------------------------------------------------------------------


def histograms(total: Tally, attribute: int, cells: tuple[float, ...]) -> dict[str, Any]:
    """Per-user values by group as shares of people in cells, ready to draw; the rank of the first hit, and list scores
    as shares of list places."""
    codes, groups = total.codes[:, attribute], total.groups[attribute]
    members = {
        name: codes == (g if name != UNKNOWN else -1) for g, name in enumerate(groups.names) if groups.people[g] > 0
    }
    found = {}
    for metric, value in total.metrics.items():
        known = value[~np.isnan(value)]
        if not len(known):
            continue
        info = METRICS.get(metric)
        low, high = (info.low, info.high) if info else (float(known.min()), float(known.max()))
        high = float(known.max()) if math.isinf(high) else high
        low = float(known.min()) if math.isinf(low) else low
        edges = np.linspace(low, high if high > low else low + 1, CELLS + 1)
        found[metric] = {"edges": edges, "groups": {n: _shares_in(value[m], edges) for n, m in members.items()}}
    ranks = np.arange(0.5, total.rules.k + 1)
    with np.errstate(divide="ignore"):
        first = np.where(total.metrics["mrr"] > 0, 1 / total.metrics["mrr"], np.nan)
    found["first_hit"] = {"edges": ranks, "groups": {n: _shares_in(first[m], ranks) for n, m in members.items()}}
    if "scores" in total.people_layout:
        table = groups.total[:, total.people_layout["scores"]]
        found["score"] = {
            "edges": list(cells),
            "groups": {n: exposure.shares(table[g]) for g, n in enumerate(groups.names) if n in members},
        }
    return found


def _shares_in(values: Array, edges: Array) -> Array:
    known = values[~np.isnan(values)]
    counts, _ = np.histogram(known, bins=edges)
    share: Array = counts / max(1, len(known))
    return share


def curves(total: Tally, values: Array) -> dict[str, Any]:
    """Per-user metrics as smooth functions of a numeric attribute [n]."""
    order = np.argsort(mix(total.rules.seed, total.hashes), kind="stable")[:CURVE_PEOPLE]
    drawn = bootstrap.weights(total.hashes[order], total.rules.replicates, total.rules.seed)
    found = {}
    for metric in CURVES:
        if metric in total.metrics:
            x, mean, low, high = compare.curve(values[order], total.metrics[metric][order], drawn)
            if len(x):
                found[metric] = {"x": x, "mean": mean, "low": low, "high": high}
    return found


# --- words ------------------------------------------------------------------------------------------------------------


def why(key: str) -> str:
    """Why this metric can be undefined."""
    reasons = {
        "popularity_lift": "it needs training interactions and lists",
        "arp": "it needs training interactions and lists",
        "aplt": "it needs training interactions and lists",
        "aclt": "it needs training interactions and lists",
        "miscalibration": "it needs categories, and people with both training interactions and a list",
        "category_divergence": "the items have no categories, or no list holds an item that has one",
        "demographic_parity_difference": "it needs categories or groups of items",
        "demographic_parity_ratio": "it needs categories or groups of items",
        "generalized_cross_entropy": "a group's mean NDCG is 0, so its share cannot be compared",
        "group_entropy_index": "nobody has a hit, so there is nothing to share",
        "exposure_ratio": "fewer than two groups have relevant items",
        "reo": "fewer than two groups have relevant items, or nobody has a hit",
        "rsp": "fewer than two groups have candidates, or nothing is recommended",
        "score_ks": "the lists have no scores",
        "false_positive_rate": "nobody has an irrelevant candidate",
    }
    return reasons.get(key, "nobody has a liked held-out item")


def plain(value: Any) -> Any:
    """JSON values: None for NaN and infinity, lists for arrays and tuples."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return [plain(inner) for inner in value.tolist()]
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
