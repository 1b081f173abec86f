"""From the sums of a tally to the numbers of an audit: values, intervals, gaps, tests, and a reason for every null."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash import words
from fairdash.hashing import id_hash
from fairdash.item_classes import ItemClass
from fairdash.metrics import bootstrap, exposure, floor
from fairdash.metrics import groups as compare
from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.catalogue import METRICS, QUOTIENTS, chosen, counted, over, part, why
from fairdash.metrics.compared import Compared, aimed
from fairdash.metrics.declare import Metric, Part
from fairdash.metrics.families import parity
from fairdash.metrics.families.categories import PLACES, SLOTS
from fairdash.metrics.families.scores import CELLS
from fairdash.metrics.groups import Gap
from fairdash.metrics.inputs import Catalogue
from fairdash.metrics.item_sums import ItemSums, Listed, divide
from fairdash.metrics.many_tests import adjusted, undecided
from fairdash.metrics.rates import Rates, spread, unit
from fairdash.metrics.resampled import EXACT_PEOPLE
from fairdash.metrics.shuffles import Shuffles
from fairdash.metrics.tally import GroupSums, Tally
from fairdash.plugins import added
from fairdash.schema import UNKNOWN

Array = NDArray[np.float64]

_Sums = tuple[Array, Array, Array]  # [g, c], of products of columns [g, c, c], and of replicates [r, g, c]

CURVE_PEOPLE = 20_000  # a curve needs no more; they are chosen by hash
_GRADED = words.later("in graded_ndcg alone: a gain of 2^rating − 1 for every held-out item, liked or not")
_BAGS = words.later(
    "above 20,000 users, bootstrap weights are those of up to 8,192 random sets of them, by a hash of (seed, user)"
)
_TOO_FEW_PEOPLE = words.later("with so few people no difference that is possible would be found")
STEPS = 20  # cells of a distribution
TIMES = (2, 4, 8, 16)  # as many shufflings as at first, for what is near the line


def conventions(total: Tally, threshold: float | None) -> dict[str, str]:
    """What stands beside every number."""
    rules = total.rules
    return {
        "relevance": words.later("binary: every held-out item")
        if threshold is None
        else words.say("binary: held-out items rated {threshold} or more", threshold=f"{threshold:g}"),
        **({"graded_relevance": _GRADED} if "graded_ndcg" in total.own.metrics else {}),
        "discount": words.later("1 / log2(rank + 1), rank from 1"),
        "ideal": words.say("the first min({k}, number of relevant items) discounts", k=rules.k),
        "candidates": words.later("the whole catalogue less the user's training items; never sampled negatives"),
        "pairwise_accuracy": words.later(
            "of all places of a list that were given, not of the top K alone; items outside the list rank below it, "
            "and among each other they count half; lists that had to be cut are said; before and after, of as many "
            "places as both have"
        ),
        "users_without_truth": words.later(
            "left out of accuracy means, counted in n_without_truth; they stay in exposure metrics (but for eer and "
            "eel, which need an ideal)"
        ),
        "ties": words.later(
            "equal scores are ordered by a fixed hash of (seed, item), equal times of a person by one of (seed, "
            "person, item); never by id or row"
        ),
        "head": words.later(
            "the fewest items that make 80 % of the interactions known before the test (training and validation), the "
            "tail is the rest; of equal counts at the border a fixed hash of the item takes as many as are needed"
        ),
        "parity_ratio": words.say(
            "of the categories that would have at least {least_expected} places in the lists of each group if groups "
            "were treated alike (of all where none would); left_out counts the others",
            least_expected=parity.LEAST_EXPECTED,
        ),
        "missing_group": words.say("{unknown}: shown, never part of a gap", unknown=UNKNOWN),
        "small_group": words.later("groups below the minimum size are shown with their n and are not part of a gap"),
        "undefined": words.later("null with its reason; never 0, never 1"),
        "interval": words.say(
            "95 %; of people's values, the exact binomial interval of two points with the same mean, variance and "
            "skew (Clopper & Pearson's for hits), of a few graded values as far as Student's; of the item side, "
            "percentile bootstrap over users, {replicates} replicates with Poisson(1) weights from a hash of (seed "
            "{seed}, user), the same for all metrics and for before and after, whose differences have an interval of "
            "the first kind, with the variance and skew of these replicates",
            replicates=rules.replicates,
            seed=str(rules.seed),
        ),
        **({"bags": _BAGS} if total.n > EXACT_PEOPLE else {}),
        **({"own_values": _own_values(total)} if len(total.own.rows) < total.n else {}),
        "gap_interval": words.later(
            "two groups: of the signed difference, first the higher group; several groups or categories: all pairs "
            "covered at once; in both, an interval above 0 says that the groups differ, as p < 0.05 does"
        ),
        "test": words.say(
            words.later(
                "{permutations} shufflings of the group labels over users, by their limit distribution above 20,000 "
                "users; all of them for hits of two groups; up to {times} times as many for a metric whose p is too "
                "near its limit to be told from it; p_holm: Holm over the metrics of one attribute, those of one test "
                "counted once"
            )
            if _by_limit(total)
            else words.later(
                "{permutations} shufflings of the group labels over users; all of them for hits of two groups; up to "
                "{times} times as many for a metric whose p is too near its limit to be told from it; p_holm: Holm "
                "over the metrics of one attribute, those of one test counted once"
            ),
            permutations=rules.permutations,
            times=TIMES[-1],
        ),
        "shrunk": words.later(
            "of five groups or more: posterior mean and 95 % interval under normal errors and normal true values, both "
            "their mean and their spread uniform a priori; small groups are part of it"
        ),
        "floor": words.later(
            "of metrics that noise alone lifts above 0: their mean under shuffled labels; above_floor is what the "
            "value has more, and its interval leaves out 0 as p < 0.05 does"
        ),
        "detectable": words.later(
            "the smallest true gap that would be found with probability 0.8 at this number of people"
        ),
    }


def _own_values(total: Tally) -> str:
    return words.say(
        "values of single people are kept of {m} of {n}, drawn by a hash of their ids: what is said of people one by "
        "one, their distributions and curves are of these; all else is of everybody",
        m=len(total.own.rows),
        n=total.n,
    )


def _by_limit(total: Tally) -> bool:
    """Whether a test cannot shuffle everyone whose group is known."""
    return any(int(group.people[:-1].sum()) > EXACT_PEOPLE for group in total.groups)


# --- people -----------------------------------------------------------------------------------------------------------


def _mean_rates(layout: Mapping[str, slice], key: str) -> Rates:
    columns = layout[f"sum:{key}"], layout[counted(key)], layout[f"square:{key}"]
    above, below, squares = ((column.start,) for column in columns)
    return Rates(above, below, squares, within=(part(key).low, part(key).high))


def _quotients(layout: Mapping[str, slice], parts: Sequence[Metric | Part]) -> Rates | None:
    """One target for the quotient of each, all of one range; None where their columns were not counted."""
    quotients = [one.value for one in parts if one.value is not None]
    needed = {name for one in quotients for name in (one.above, one.below, one.people) if name}
    if not needed <= layout.keys():
        return None
    first = quotients[0]
    return Rates(
        tuple(layout[one.above].start for one in quotients),
        tuple(layout[one.below].start for one in quotients),
        labels=tuple(one.label for one in quotients) if len(quotients) > 1 else (),
        offset=first.offset,
        hits=first.hits,
        within=(parts[0].low, parts[0].high),
    )


def group_metrics(total: Tally) -> dict[str, tuple[Rates, str]]:
    """Values of one group, by the key they have in `groups`: the sums and the column that counts their people."""
    found = {key: (_mean_rates(total.people_layout, key), counted(key)) for key in total.own.metrics}
    for key, quotient in QUOTIENTS.items():
        rates = _quotients(total.people_layout, [part(key)])
        if rates is not None:
            found[key] = rates, quotient.people
    return found


def people_with(total: Tally, sums: Array, column: str) -> NDArray[np.int64]:
    """How many people of each group have a value [g]; all of them where no column counts."""
    return np.rint(sums[:, total.people_layout[column].start]).astype(np.int64)


def overall(total: Tally, undefined: dict[str, str]) -> dict[str, Any]:
    """Everybody's values and intervals by metric; reasons for those that are undefined go to `undefined`."""
    row: dict[str, Any] = {}
    for key in group_metrics(total):
        estimate = person_estimate(total, key)
        row |= {key: estimate.value, f"{key}_ci": estimate.ci}
        if math.isnan(estimate.value):
            undefined[f"overall.{key}"] = why(key)
    return row


def _estimates(rates: Rates, sums: _Sums, n: NDArray[np.int64], key: str) -> list[Estimate]:
    """One for each group [g], for rates of one target. n: people with a value [g]."""
    info = part(key)
    return [named[0] for named in _by_target(rates, sums, n, info.low, info.high)]


def _by_target(rates: Rates, sums: _Sums, n: NDArray[np.int64], low: float, high: float) -> list[list[Estimate]]:
    """Estimates by group [g] and target [t] of values between low and high."""
    total, moments, boot = sums
    columns, rates = rates.alone()
    found = spread(rates, total[:, columns], moments[:, columns][:, :, columns], n)
    moved, hit = rates.of(boot[..., columns]), unit(rates, total[:, columns], n)
    lower, upper = (np.clip(end, low, high) for end in found.ends())
    return [
        [
            Estimate(
                float(value), moved[:, g, t], ends=(float(lower[g, t]), float(upper[g, t])),
                people=float(found.n[g, t]), unit=float(hit[g, t]),
            )
            for t, value in enumerate(row)
        ]
        for g, row in enumerate(found.value)
    ]  # fmt: skip


def group_estimates(total: Tally, group: GroupSums, key: str) -> list[Estimate]:
    """A metric's value in each group [g], `(unknown)` last."""
    rates, column = group_metrics(total)[key]
    n = group.people if not column else people_with(total, group.total, column)
    return _estimates(rates, (group.total, group.moments, total.boot(group)), n, key)


def group_rows(total: Tally, group: GroupSums, catalogue: Catalogue, undefined: dict[str, str]) -> dict[str, Any]:
    """A row for each group of one attribute: sizes, values, intervals, shares by category."""
    rows: dict[str, dict[str, Any]] = {}
    kept = [g for g in range(len(group.names)) if group.people[g]]
    with_truth = people_with(total, group.total, "count:truth")
    for g in kept:
        rows[group.names[g]] = {
            "n": int(group.people[g]),
            "n_with_truth": int(with_truth[g]),
            "small": bool(group.people[g] < group.min_size),
        }
    for key in group_metrics(total):
        estimates = group_estimates(total, group, key)
        for g in kept:
            rows[group.names[g]] |= {key: estimates[g].value, f"{key}_ci": estimates[g].ci}
            if math.isnan(estimates[g].value):
                undefined[f"groups.{group.attribute}.{group.names[g]}.{key}"] = why(key)
    for items in catalogue.classes if parity.FAMILY.name in chosen(total.rules.only) else ():
        rates = parity.rates(total.people_layout, items)
        table = rates.of(group.total)
        for g in kept:
            selected = dict(zip(rates.labels, table[g], strict=True))
            rows[group.names[g]].setdefault("selection_rate", {})[items.attribute] = selected
    shares = category_estimates(total, group, catalogue)
    for g in kept if shares else ():
        rows[group.names[g]]["category_share"] = {name: estimates[g].value for name, estimates in shares.items()}
        rows[group.names[g]]["category_share_ci"] = {name: estimates[g].ci for name, estimates in shares.items()}
    return rows


def category_estimates(total: Tally, group: GroupSums, catalogue: Catalogue) -> dict[str, list[Estimate]]:
    """category_share of each group [g], by category; empty where the items have none."""
    if SLOTS not in total.people_layout:
        return {}
    columns, places = total.people_layout[SLOTS], total.people_layout[PLACES].start  # places of all items
    slots = tuple(range(columns.start, columns.stop))
    rates = Rates(slots, (places,) * len(slots))
    table = _by_target(rates, (group.total, group.moments, total.boot(group)), group.people, 0.0, 1.0)
    return {name: [row[j] for row in table] for j, name in enumerate(catalogue.classes[0].names)}


def gaps(
    total: Tally,
    attribute: int,
    shuffles: Shuffles,
    catalogue: Catalogue,
    said: list[str],
    undefined: dict[str, str],
    exact_ks: tuple[float, tuple[str, str]] | None,
    rated: Callable[[int, int], Mapping[str, Gap]] | None = None,
) -> dict[str, Gap]:
    """The gap of every metric over one attribute's groups. shuffles: of this tally. said, undefined: what is to be told
    is added. rated: the gaps of predicted ratings of an attribute, with so many times as many as at first."""
    group = total.groups[attribute]
    known = [g for g, name in enumerate(group.names) if name != UNKNOWN]
    small = [g for g in known if 0 < group.people[g] < group.min_size]
    kept = group.kept
    if small:
        listed = ", ".join(f"{group.names[g]} ({group.people[g]})" for g in small)
        said.append(
            words.say(
                "{attribute}: groups below {min_size} people are shown but not part of any gap: {listed}.",
                attribute=group.attribute,
                min_size=group.min_size,
                listed=listed,
            )
        )
    if group.people[-1]:
        said.append(
            words.say(
                "{attribute}: unknown for {people} of {n} people; not part of any gap.",
                attribute=group.attribute,
                people=group.people[-1],
                n=total.n,
            )
        )
    if len(kept) < 2:
        said.append(
            words.say(
                "{attribute}: fewer than two groups are large enough, so there is no gap.", attribute=group.attribute
            )
        )
    several, who = total.own.who[attribute].several, total.own.who[attribute].among(kept)
    if several:
        said.append(
            words.say(
                "{attribute}: {several} of {n} people belong to several groups and count in each of them; intervals "
                "and tests of gaps know who is in both.",
                attribute=group.attribute,
                several=several,
                n=total.n,
            )
        )
    sums = group.total[kept]
    shuffle = len(kept) > 1 and total.rules.permutations > 0
    null = shuffles.sums(attribute, kept) if shuffle else np.empty((0, *sums.shape))
    asked: set[int] = set()  # the columns that the metric at hand is tested by

    def at_first(columns: NDArray[np.intp]) -> Array:
        asked.update(columns.tolist())
        if shuffle and np.isnan(null[0, 0, columns]).any():  # of squares, which hardly any metric asks for
            return shuffles.sums(attribute, kept, columns=columns)
        return null.T[columns].T

    compared = Compared(
        names=tuple(group.names[g] for g in kept),
        people=group.people[kept],
        layout=total.people_layout,
        sums=sums,
        moments=group.moments[kept],
        boot=total.boot(group)[:, kept],
        null=at_first,
        listed=group.listed[kept],
        catalogue=catalogue,
        exact_ks=exact_ks,
        permutations=total.rules.permutations,
        seed=total.rules.seed,
        target=aimed(group.target, kept),
        shared=who.shared if who.several else None,
    )
    ways = _ways(total)
    if rated is not None:
        ways.append(lambda compared: rated(attribute, compared.times))
    found: dict[str, Gap] = {}
    way_of: dict[str, tuple[_Way, frozenset[int]]] = {}
    for way in ways:
        asked.clear()
        made = way(compared)
        found = added(found, made.items())
        way_of |= dict.fromkeys(made, (way, frozenset(asked)))
    at_limit: set[str] = set()  # where no more are drawn
    drawn: tuple[NDArray[np.intp], Array] | None = None  # columns, and their further shufflings so far
    for times in TIMES if shuffle else ():
        near = undecided(found) - at_limit
        if not near:
            break
        columns = np.array(sorted(frozenset().union(*(way_of[key][1] for key in near))), dtype=np.intp)
        if len(columns):
            fewer = None
            if drawn is not None and np.isin(columns, drawn[0]).all():
                fewer = drawn[1][..., np.searchsorted(drawn[0], columns)]
            drawn = columns, shuffles.sums(attribute, kept, times, columns, fewer)
        again = replace(compared, null=_drawn_again(at_first, drawn), times=times)
        for way in dict.fromkeys(way_of[key][0] for key in sorted(near)):
            made = {key: gap for key, gap in way(again).items() if key in near}
            at_limit |= {key for key, gap in made.items() if gap.draws == found[key].draws}
            found |= made
    if who.several:
        shared, place = who.shared, {name: g for g, name in enumerate(who.names)}
        for key, gap in found.items():
            if gap.pair is not None:
                both = int(shared[place[gap.pair[0]], place[gap.pair[1]]])
                found[key] = replace(gap, more={**gap.more, "in_both": both})
    return found


def _drawn_again(
    first: Callable[[NDArray[np.intp]], Array], drawn: tuple[NDArray[np.intp], Array] | None
) -> Callable[[NDArray[np.intp]], Array]:
    """The shufflings of some columns with those that were drawn further after them."""

    def taken(some: NDArray[np.intp]) -> Array:
        if drawn is None:
            return first(some)
        return np.concatenate([first(some), drawn[1].T[np.searchsorted(drawn[0], some)].T])

    return taken


_Way = Callable[[Compared], Mapping[str, Gap]]


def _ways(total: Tally) -> list[_Way]:
    """How the gaps of all metrics are made, those of one family that are made together as one."""

    def mean(key: str) -> _Way:
        return lambda compared: {
            key: compared.gap(_mean_rates(compared.layout, key), counted(key), why(key), better=part(key).better)
        }

    def quotient(metric: Metric, parts: Sequence[Metric | Part], people: str) -> _Way:
        better = parts[0].better if len(parts) == 1 else 0

        def way(compared: Compared) -> dict[str, Gap]:
            rates = _quotients(compared.layout, parts)
            if rates is None:
                return {metric.key: Gap(reason=metric.why)}
            return {metric.key: compared.gap(rates, people, metric.why, better=better)}

        return way

    ways = [mean(key) for key in total.own.metrics]
    for family in chosen(total.rules.only).values():
        for metric in family.metrics:
            parts = [part(key) for key in metric.gap_of] if metric.value is None else [metric]
            if first := next((one.value for one in parts if one.value is not None), None):
                ways.append(quotient(metric, parts, first.people))
        if family.gaps is not None:
            ways.append(family.gaps)
    return ways


def gap_rows(attribute: str, named: Mapping[str, Gap], undefined: dict[str, str]) -> dict[str, Any]:
    """The contract's rows of one attribute, with Holm's correction over its metrics."""
    p_holm = adjusted(named)
    rows = {}
    for metric, gap in named.items():
        info = part(metric)
        # a difference that cannot be is none that could be found
        too_few = gap.sides is not None and gap.detectable > info.high - info.low
        rows[metric] = {
            "gap": gap.gap,
            "ratio": gap.ratio,
            "mad": gap.mad,
            "std": gap.std,
            "ci": _in_range(metric, gap),
            "p_value": gap.p_value,
            "p_holm": p_holm[metric],
            "worst_group": gap.worst_group,
            "pair": gap.pair,
            "of": gap.of,
            "detectable": math.nan if too_few else gap.detectable,
            **gap.more,
            **floor.beside(
                gap.gap,
                gap.shuffled,
                gap.oriented,
                gap.p_value,
                below_zero=info.high <= 0,
                most=info.high if info.high > 0 else -info.low,
            ),
        }
        path = f"gaps.{attribute}.{metric}"
        if too_few:
            undefined[f"{path}.detectable"] = _TOO_FEW_PEOPLE
        if math.isnan(rows[metric].get("above_floor_ci", (0.0,))[0]) and not math.isnan(gap.gap):
            undefined[f"{path}.above_floor_ci"] = compare.ALL_ALIKE
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


def _in_range(metric: str, gap: Gap) -> tuple[float, float]:
    """The interval of a gap within what is possible: of the signed difference of two values in the metric's range, or
    of what has that range itself, whose lower end is right already."""
    info = part(metric)
    low, high = (info.low - info.high, info.high - info.low) if gap.sides is not None else (-math.inf, info.high)
    return float(np.clip(gap.ci[0], low, high)), float(np.clip(gap.ci[1], low, high))


def without_interval(node: Mapping[str, Any], replicates: int, path: str = "") -> dict[str, str]:
    """{path: reason} of intervals that are null beside a number that is not, in plain values."""
    found: dict[str, str] = {}
    for key, inner in node.items():
        here = f"{path}.{key}" if path else key
        if isinstance(inner, Mapping):
            found |= without_interval(inner, replicates, here)
        elif (key == "ci" or key.endswith("_ci")) and not isinstance(inner, str) and (inner is None or None in inner):
            beside = ("value", "gap", "ratio") if key == "ci" else (key.removesuffix("_ci"),)
            if any(node.get(name) is not None for name in beside):
                found[here] = "too few people to resample" if replicates else "no replicates were drawn"
    return found


# --- items ------------------------------------------------------------------------------------------------------------


def items(total: Tally, catalogue: Catalogue, labels: Sequence[str], undefined: dict[str, str]) -> dict[str, Any]:
    """The item side: metrics of the whole catalogue, and of groups of items."""
    found: dict[str, Any] = {}
    whole = catalogue_estimates(total)
    classes = {group.attribute: group for group in catalogue.classes}
    gaps = {attribute: item_gaps(total, group) for attribute, group in classes.items()}
    asked = [label for label in labels if label in classes]
    nothing = dict.fromkeys(over("classes"), Estimate(math.nan, np.empty(0)))
    for key, estimate in (whole | (gaps[asked[0]] if asked else nothing)).items():
        found |= {key: estimate.value, f"{key}_ci": estimate.ci}
        if math.isnan(estimate.value):
            undefined[f"items.{key}"] = why(key) if asked or key in whole else "no group of items was asked for"
    found["by_group"] = {
        attribute: _item_rows(total, catalogue, group, undefined) for attribute, group in classes.items()
    }
    found["gaps"] = {}
    for attribute, named in gaps.items():
        found["gaps"][attribute] = {key: {"value": one.value, "ci": one.ci} for key, one in named.items()}
        for key, one in named.items():
            if math.isnan(one.value):
                undefined[f"items.gaps.{attribute}.{key}"] = why(key)
    return found


def catalogue_estimates(total: Tally) -> dict[str, Estimate]:
    """Metrics of the whole catalogue: of how often items are recommended, and means over people."""
    listed = Listed(total.item_lists, total.list_lengths, total.blocks)
    found: dict[str, Estimate] = {}
    for family in chosen(total.rules.only).values():
        if family.of_catalogue is not None:
            found = added(found, family.of_catalogue(listed).items())
    return found | {key: person_estimate(total, key) for key in over("catalogue") if key in total.own.metrics}


def person_estimate(total: Tally, key: str) -> Estimate:
    """A value over all people: the mean of a per-user metric, or a rate."""
    rates, column = group_metrics(total)[key]
    n = np.array([total.n]) if not column else people_with(total, total.people_total[None], column)
    sums = total.people_total[None], total.people_moments[None], total.people_boot[:, None]
    return _estimates(rates, sums, n, key)[0]


def _item_sums(total: Tally, group: ItemClass) -> ItemSums:
    return ItemSums(
        group=group,
        people=total.n,
        layout=total.items_layout,
        total=total.items_total,
        boot=total.items_boot,
        people_layout=total.people_layout,
        people_total=total.people_total,
        people_boot=total.people_boot,
    )


def item_estimates(total: Tally, group: ItemClass) -> dict[str, list[Estimate]]:
    """What each group of one item attribute gets [j], by metric."""
    sums = _item_sums(total, group)
    found: dict[str, list[Estimate]] = {}
    for family in chosen(total.rules.only).values():
        if family.item_values is not None:
            found = added(found, family.item_values(sums).items())
    return {key: [replace(one, people=float(total.n)) for one in row] for key, row in found.items()}


def _item_rows(
    total: Tally, catalogue: Catalogue, group: ItemClass, undefined: dict[str, str]
) -> dict[str, dict[str, Any]]:
    estimates = item_estimates(total, group)
    sums = _item_sums(total, group)
    exposed = "exposure_share" in estimates  # an audit of chosen metrics may have no sums of exposure and merit
    relevant = divide(sums.by_group("merit")[0], sums.of_all("relevant")[0]) if exposed else None
    catalogue_share = np.asarray(group.share.sum(axis=0)).ravel() / max(1, catalogue.size)
    interactions = _interaction_share(catalogue, group)
    rows: dict[str, dict[str, Any]] = {}
    for j, label in enumerate(group.names):
        rows[label] = {
            "n": int(group.sizes[j]),
            "catalogue_share": catalogue_share[j],
            "interaction_share": interactions[j],
            **({} if relevant is None else {"relevant_share": relevant[j]}),
            "target_share": group.target[j],
        }
        for key, values in estimates.items():
            rows[label] |= {key: values[j].value, f"{key}_ci": values[j].ci}
        for key, value in rows[label].items():
            if not key.endswith("_ci") and math.isnan(value):
                undefined[f"items.by_group.{group.attribute}.{label}.{key}"] = why(key)
    nobody = int((np.diff(group.member.indptr) == 0).sum())
    if nobody:
        known = sum(one.value for one in estimates.get("exposure_share", ()))
        rows[UNKNOWN] = {
            "n": nobody,
            **({"exposure_share": max(0.0, 1 - known)} if exposed else {}),
            "catalogue_share": nobody / catalogue.size,
        }
    return rows


def item_gaps(total: Tally, group: ItemClass) -> dict[str, Estimate]:
    """Metrics over the groups of one item attribute."""
    sums = _item_sums(total, group)
    found: dict[str, Estimate] = {}
    for family in chosen(total.rules.only).values():
        if family.item_gaps is not None:
            found = added(found, family.item_gaps(sums).items())
    return {key: replace(one, people=float(total.n)) for key, one in found.items()}


def _interaction_share(catalogue: Catalogue, group: ItemClass) -> Array:
    if catalogue.popularity is None:
        return np.full(len(group.names), np.nan)
    return divide(np.asarray(catalogue.popularity @ group.share), catalogue.popularity.sum())


# --- pictures ---------------------------------------------------------------------------------------------------------


def histograms(total: Tally, attribute: int, cells: tuple[float, ...]) -> dict[str, Any]:
    """Per-user values by group as shares of people in cells, ready to draw; the rank of the first hit, and list scores
    as shares of list places."""
    groups, own = total.groups[attribute], total.own.valued
    members = {name: rows for name, rows in zip(groups.names, own.who[attribute].members, strict=True) if len(rows)}
    found = {}
    for metric, value in own.metrics.items():
        known = value[~np.isnan(value)]
        if not len(known):
            continue
        info = part(metric)
        high = float(known.max()) if math.isinf(info.high) else info.high
        low = float(known.min()) if math.isinf(info.low) else info.low
        edges = np.linspace(low, high if high > low else low + 1, STEPS + 1)
        found[metric] = {"edges": edges, "groups": {n: _shares_in(value[m], edges) for n, m in members.items()}}
    ranks = np.arange(0.5, total.rules.k + 1)
    with np.errstate(divide="ignore"):
        first = 1 / own.metrics["mrr"]  # infinite where the list has no hit, NaN where nothing could be hit
    found["first_hit"] = {"edges": ranks, "groups": {n: _shares_in(first[m], ranks) for n, m in members.items()}}
    if CELLS in total.people_layout:
        table = groups.total[:, total.people_layout[CELLS]]
        found["score"] = {
            "edges": list(cells),
            "groups": {n: exposure.shares(table[g]) for g, n in enumerate(groups.names) if n in members},
        }
    return found


def _shares_in(values: Array, edges: Array) -> Array:
    """Shares of all values that are known in each cell; those beyond the edges are in none."""
    known = values[~np.isnan(values)]
    counts, _ = np.histogram(known, bins=edges)
    share: Array = counts / max(1, len(known))
    return share


def curves(total: Tally, values: Array) -> dict[str, Any]:
    """Per-user metrics as smooth functions of a numeric attribute [n]."""
    own = total.own.valued
    values = values[total.own.rows]
    order = np.argsort(own.hashes, kind="stable")[:CURVE_PEOPLE]
    hashes = id_hash(own.ids[order].astype(str).astype(object))
    drawn = bootstrap.weights(hashes, total.rules.replicates, total.rules.seed)
    found = {}
    for metric, value in own.metrics.items():
        if metric in METRICS and METRICS[metric].curve:
            x, mean, low, high = compare.curve(values[order], value[order], drawn)
            if len(x):
                found[metric] = {"x": x, "mean": mean, "low": low, "high": high}
    return found


# --- words ------------------------------------------------------------------------------------------------------------


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
