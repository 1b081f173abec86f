"""From what an audit found to a shortlist of mitigations, and why each fits.

A decision table: every row names a number of the audit and when it counts as a finding. The methods that aim at it say
so themselves (`Info.answers`); the least intrusive stand first (what changes lists needs no training and can be taken
back; what changes training acts on the cause). Where a metric has a null value a finding is one that the data tell
apart from it (95 % interval, and Holm's p below 0.05 for gaps); the few bounds that are conventions say so.

Sources: for each method its own paper (`Suggestion.paper`); for what goes with what, Ekstrand et al. 2022, "Fairness in
Information Access Systems" (FnTIR 16), chapters 5 to 7, and Wang et al. 2023, "A Survey on the Fairness of Recommender
Systems" (TOIS 41), section 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fairdash import words
from fairdash.item_classes import POPULARITY
from fairdash.metrics.catalogue import METRICS as METRIC_INFO
from fairdash.mitigation import METHODS
from fairdash.mitigation.base import Info
from fairdash.schema import CATEGORIES
from fairdash.stages.places import place_of

SIGNIFICANT = 0.05  # Holm's p
FOUR_FIFTHS = 0.8  # exposure over merit of the worst-off group: the rule of thumb of US employment law (EEOC 1978)
WIDE_RATES = 0.2  # std of recommendation rates over item groups, in units of their mean: a convention
FEW_ITEMS = 0.5  # part of the catalogue that is recommended to anybody: a convention
FAR_FROM_TASTE = 0.3  # mean KL divergence of lists from histories: a convention

About = Literal["people", "items", "everybody"]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Suggestion:
    """method: key of METHODS. why: why it fits this finding. missing: what the run or the data lack for it, in words of
    `Info.needs` or "training"; empty where it can run now. item_group: the attribute of items that it is to be given:
    the finding's own, else "popularity" where it needs one; None where it needs none."""

    method: str
    title: str
    why: str
    paper: str
    missing: tuple[str, ...]
    item_group: str | None = None


@dataclass(frozen=True)
class Advice:
    """A finding and what fits it. attribute: between whose groups (None: of everybody or all items). about: whether
    the attribute is one of people or of items, that is --group or --item-group."""

    metric: str
    attribute: str | None
    about: About
    finding: str
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True)
class _Rule:
    """A row of the table. found(row): whether the audit's row is a finding. said: the finding, a template that is
    filled with the row and title, attribute."""

    place: Literal["gaps", "model", "items", "overall", "catalogue"]
    metric: str
    found: Callable[[Row], bool]
    said: str
    never: str | None = None  # not of this attribute

    @property
    def about(self) -> About:
        """Whose finding it is."""
        return "people" if self.place in ("gaps", "model") else "items" if self.place == "items" else "everybody"

    @property
    def key(self) -> str:
        """By this name methods say that they answer it (`Info.answers`)."""
        return f"{self.place}.{self.metric}"


def _gap(row: Row) -> bool:
    """The groups differ: the interval lies above 0, and Holm's p agrees."""
    low, p = _low(row), row.get("p_holm", row.get("p_value"))
    return low > 0 and p is not None and p < SIGNIFICANT


def _low(row: Row) -> float:
    return _ends(row)[0]


def _high(row: Row) -> float:
    return _ends(row)[1]


def _ends(row: Row) -> tuple[float, float]:
    """The interval, of what lies beyond chance where noise alone lifts the value above 0."""
    ci = row.get("above_floor_ci") or row.get("ci")
    return (float(ci[0]), float(ci[1])) if ci and None not in ci else (math.nan, math.nan)


def _below_floor(row: Row) -> bool:
    """Lists move more under a flip than under the no-op control."""
    floor = row.get("floor")
    value = floor.get("value") if isinstance(floor, Mapping) else floor
    return value is not None and _high(row) < value


_GAP = words.later("{title} differs between groups of {attribute} by {gap} (95 % interval {ci}).")

TABLE: tuple[_Rule, ...] = (
    _Rule(
        "gaps",
        "ndcg",
        _gap,
        _GAP,
    ),
    _Rule(
        "gaps",
        "category_divergence",
        _gap,
        words.later("Groups of {attribute} get different kinds of items: distance {gap} (95 % interval {ci})."),
    ),
    _Rule(
        "gaps",
        "demographic_parity_difference",
        _gap,
        words.later(
            "One category reaches the lists of groups of {attribute} at rates that differ by {gap} (95 % interval "
            "{ci})."
        ),
    ),
    _Rule(
        "gaps",
        "miscalibration",
        _gap,
        words.later(
            "Lists fit the own tastes of groups of {attribute} unequally well: miscalibration differs by {gap} "
            "(95 % interval {ci})."
        ),
    ),
    _Rule(
        "gaps",
        "popularity_lift",
        _gap,
        words.later(
            "Groups of {attribute} are pushed to popular items unequally: the lift differs by {gap} (95 % interval "
            "{ci})."
        ),
    ),
    _Rule(
        "model",
        "probe_auc",
        lambda row: _low(row) > 0.5,
        words.later(
            "{attribute} can be read off user vectors: a probe reaches AUC {value} (95 % interval {ci}; 0.5 is chance)."
        ),
    ),
    _Rule(
        "model",
        "flip_jaccard",
        _below_floor,
        words.later(
            "Lists change when {attribute} is exchanged in the profile text: {share} of a pair of lists is shared."
        ),
    ),
    *(
        _Rule(
            "model",
            f"{kind}_unfairness",
            lambda row: _low(row) > 0 and (row.get("p_value") is None or row["p_value"] < SIGNIFICANT),
            words.later("{title} between groups of {attribute} is {value} (95 % interval {ci})."),
        )
        for kind in ("value", "absolute", "underestimation", "overestimation", "nonparity")
    ),
    _Rule(
        "items",
        "exposure_ratio",
        lambda row: _high(row) < FOUR_FIFTHS,
        words.later(
            "Exposure is not in proportion to merit: the worst-off group of {attribute} gets {share} of what the "
            "best-off gets (95 % interval {ci_share}; four fifths are a common bound)."
        ),
    ),
    _Rule(
        "items",
        "rsp",
        lambda row: _low(row) > WIDE_RATES,
        words.later(
            "Items of some groups of {attribute} are recommended far more often than others: rates spread by {share} "
            "of their mean (95 % interval {ci_share}; {bound_share} is this table's bound)."
        ),
        never=POPULARITY,
    ),
    _Rule(
        "overall",
        "popularity_lift",
        lambda row: _low(row) > 0,
        words.later("Lists hold more popular items than people's histories: {title} is {value} (95 % interval {ci})."),
    ),
    _Rule(
        "overall",
        "miscalibration",
        lambda row: _low(row) > FAR_FROM_TASTE,
        words.later(
            "Lists mix categories otherwise than people's histories do: {title} is {value} (95 % interval {ci}); "
            "{bound} is this table's bound."
        ),
    ),
    _Rule(
        "catalogue",
        "coverage",
        lambda row: row["value"] < FEW_ITEMS,
        words.later("Only {share} of the catalogue is recommended to anybody ({bound_share} is this table's bound)."),
    ),
)
_BOUNDS = {"rsp": WIDE_RATES, "miscalibration": FAR_FROM_TASTE, "coverage": FEW_ITEMS}


def advise(audit: Mapping[str, Any], *, can: Collection[str] = ()) -> tuple[Advice, ...]:
    """Findings of an audit (`Audit.to_json()`) with their shortlists, in the order of the table; empty: nothing found.

    can: what run and data offer of "categories", "profile", "vectors", "probabilities"; the groups are the finding's
    own, and head and tail items where a finding of people or everybody needs groups of items. "training": whether the
    recommender takes mitigations of the places data and training.
    """
    offered = set(can)
    return tuple(
        Advice(
            rule.metric,
            attribute,
            about,
            _said(rule, attribute, row),
            suggestions(rule.key, attribute, about, offered),
        )
        for rule in TABLE
        for attribute, about, row in _rows(audit, rule)
        if _defined(row) and rule.found(row)
    )


def suggestions(finding: str, attribute: str | None, about: About, can: Collection[str] = ()) -> tuple[Suggestion, ...]:
    """What fits a finding by its key, such as gaps.ndcg, least intrusive first. can: as in `advise`."""
    return tuple(_suggestion(info, attribute, about, set(can), finding) for info in _answering(finding))


def _rows(audit: Mapping[str, Any], rule: _Rule) -> Iterator[tuple[str | None, About, Row]]:
    if rule.place in ("gaps", "model"):
        for attribute, named in (audit.get(rule.place) or {}).items():
            if isinstance(named, Mapping) and isinstance(named.get(rule.metric), Mapping):
                yield attribute, rule.about, named[rule.metric]
    elif rule.place == "items":
        for attribute, named in (audit["items"].get("gaps") or {}).items():
            if rule.metric in named and attribute != rule.never:
                yield attribute, rule.about, named[rule.metric]
    else:
        place = audit["items" if rule.place == "catalogue" else rule.place]
        if place.get(rule.metric) is not None:
            yield None, rule.about, {"value": place[rule.metric], "ci": place.get(f"{rule.metric}_ci")}


def _defined(row: Row) -> bool:
    value = row.get("value", row.get("gap"))
    return value is not None and math.isfinite(value)


def _said(rule: _Rule, attribute: str | None, row: Row) -> str:
    info, bound = METRIC_INFO.get(rule.metric), _BOUNDS.get(rule.metric, math.nan)
    return words.say(
        rule.said,
        title=words.say(info.title) if info else rule.metric,
        attribute=attribute,
        gap=_shown(row, "gap"),
        value=_shown(row, "value"),
        share=words.percent(row.get("value"), 0),
        ci=words.interval(_low(row), _high(row)),
        ci_share=words.say("{low} to {high}", low=words.percent(_low(row), 0), high=words.percent(_high(row), 0)),
        bound=words.brief(bound),
        bound_share=words.percent(bound, 0),
    )


def _shown(row: Row, key: str) -> str:
    """A number; of one that noise alone lifts above 0, what lies above that."""
    if row.get("above_floor") is None:
        return words.number(row.get(key))
    return words.say("{value} beyond chance alone", value=words.number(row["above_floor"]))


def _answering(finding: str) -> list[Info]:
    """The methods that answer a finding, least intrusive first: lists, vectors, training, data."""
    found = [method.info for method in METHODS.values() if finding in method.info.answers]
    return sorted(found, key=lambda info: (-place_of(info.key).order, info.order))


def _suggestion(info: Info, attribute: str | None, about: About, offered: Collection[str], finding: str) -> Suggestion:
    item_group = POPULARITY if "item_groups" in info.needs else None
    if about == "items":
        # an item can be of several categories, and a method that balances groups of items takes one for each
        item_group = None if attribute == CATEGORIES else attribute
    have = {*(["user_groups"] if about == "people" else []), *(["item_groups"] if item_group else [])}
    chosen = [need for need in info.needs if need in ("user_groups", "item_groups") and need not in have]
    missing = (*chosen, *place_of(info.key).lacks(info, offered))
    why = words.say(info.answers[finding])
    return Suggestion(info.key, words.say(info.title), why, info.paper, missing, item_group)
