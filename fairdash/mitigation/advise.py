"""From what an audit found to a shortlist of mitigations, and why each fits.

A decision table: every row names a number of the audit, when it counts as a finding, and the methods that aim at it,
the least intrusive first (what changes lists needs no training and can be taken back; what changes training acts
on the cause). Where a metric has a null value a finding is one that the data tell apart from it (95 % interval, and
Holm's p below 0.05 for gaps); the few bounds that are conventions say so.

Sources: for each method its own paper (`Suggestion.paper`); for what goes with what, Ekstrand et al. 2022, "Fairness in
Information Access Systems" (FnTIR 16), chapters 5 to 7, and Wang et al. 2023, "A Survey on the Fairness of Recommender
Systems" (TOIS 41), section 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fairdash.item_classes import POPULARITY
from fairdash.metrics.catalogue import METRICS as METRIC_INFO
from fairdash.mitigation import METHODS
from fairdash.mitigation.places import place_of
from fairdash.schema import CATEGORIES

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
    """A row of the table. found(row): whether the audit's row is a finding. said: the finding, filled with the row and
    title, attribute. methods: key and why."""

    place: Literal["gaps", "model", "items", "overall", "catalogue"]
    metric: str
    found: Callable[[Row], bool]
    said: str
    methods: tuple[tuple[str, str], ...]
    never: str | None = None  # not of this attribute


def _gap(row: Row) -> bool:
    """The groups differ: the interval lies above 0, and Holm's p agrees."""
    low, p = _low(row), row.get("p_holm", row.get("p_value"))
    return low > 0 and p is not None and p < SIGNIFICANT


def _low(row: Row) -> float:
    return float(row["ci"][0]) if row.get("ci") else math.nan


def _high(row: Row) -> float:
    return float(row["ci"][1]) if row.get("ci") else math.nan


def _below_floor(row: Row) -> bool:
    """Lists move more under a flip than under the no-op control."""
    floor = row.get("floor")
    value = floor.get("value") if isinstance(floor, Mapping) else floor
    return value is not None and _high(row) < value


_GAP = "{title} differs between groups of {attribute} by {gap:.4f} (95 % interval {low:.4f} to {high:.4f})."
_VALUE = "{title} is {value:.3f} (95 % interval {low:.3f} to {high:.3f})"

TABLE: tuple[_Rule, ...] = (
    _Rule(
        "gaps",
        "ndcg",
        _gap,
        _GAP,
        (
            ("user_parity", "bounds exactly this gap, without a new training; it mostly takes from the better-served"),
            ("group_dro", "trains for the worst-off group, so that it may be lifted instead"),
            ("resample", "the worse-served group may be the one that training saw least of"),
            ("fair_loss", "puts the gap itself into the loss"),
            ("cp_fair", "closes it together with the gap between popular and rare items"),
        ),
    ),
    _Rule(
        "gaps",
        "category_divergence",
        _gap,
        "Groups of {attribute} get different kinds of items: distance {gap:.3f} "
        "(95 % interval {low:.3f} to {high:.3f}).",
        (
            ("threshold", "equalises how often each category reaches the lists of the groups"),
            ("reweigh_category", "takes the association of group and category out of the training data"),
            ("adversarial", "user vectors that hide the group cannot sort categories by it"),
            ("calibrate", "if it is the person's own history that should decide, and not the group"),
        ),
    ),
    _Rule(
        "gaps",
        "demographic_parity_difference",
        _gap,
        "One category reaches the lists of groups of {attribute} at rates that differ by {gap:.4f} "
        "(95 % interval {low:.4f} to {high:.4f}).",
        (
            ("threshold", "is fitted for equal rates in each category"),
            ("reweigh_category", "takes the association of group and category out of the training data"),
        ),
    ),
    _Rule(
        "gaps",
        "miscalibration",
        _gap,
        "Lists fit the own tastes of groups of {attribute} unequally well: miscalibration differs by {gap:.3f} "
        "(95 % interval {low:.3f} to {high:.3f}).",
        (("calibrate", "brings every list to the mix of the person's own history, most where it is farthest off"),),
    ),
    _Rule(
        "gaps",
        "popularity_lift",
        _gap,
        "Groups of {attribute} are pushed to popular items unequally: the lift differs by {gap:.3f} "
        "(95 % interval {low:.3f} to {high:.3f}).",
        (
            ("xquad", "gives each person the share of rare items of the own history"),
            ("calibrate", "where popular and rare items lie in different categories"),
        ),
    ),
    _Rule(
        "model",
        "probe_auc",
        lambda row: _low(row) > 0.5,
        "{attribute} can be read off user vectors: a probe reaches AUC {value:.3f} "
        "(95 % interval {low:.3f} to {high:.3f}; 0.5 is chance).",
        (
            ("project", "removes the directions that a linear probe reads, without a new training"),
            ("adversarial", "trains vectors that a critic cannot read"),
            ("decorrelate", "removes what the group explains by least squares; needs the group when recommending"),
            ("neutral", "pulls vectors to group-neutral ones while training"),
        ),
    ),
    _Rule(
        "model",
        "flip_jaccard",
        _below_floor,
        "Lists change when {attribute} is exchanged in the profile text: {value:.1%} of a pair of lists is shared.",
        (
            ("counterfactual_augment", "trains on twins with the value exchanged, so that it stops to matter"),
            ("blind", "leaves the attribute out of the text; the history may still tell it"),
        ),
    ),
    *(
        _Rule(
            "model",
            f"{kind}_unfairness",
            lambda row: _low(row) > 0 and (row.get("p_value") is None or row["p_value"] < SIGNIFICANT),
            "{title} between groups of {attribute} is {value:.4f} (95 % interval {low:.4f} to {high:.4f}).",
            (
                (f"fair_loss_{kind.removesuffix('estimation')}", "has exactly this term in its loss"),
                ("reweigh", "weights under which being liked does not depend on the group"),
            ),
        )
        for kind in ("value", "absolute", "underestimation", "overestimation", "nonparity")
    ),
    _Rule(
        "items",
        "exposure_ratio",
        lambda row: _high(row) < FOUR_FIFTHS,
        "Exposure is not in proportion to merit: the worst-off group of {attribute} gets {value:.0%} of what the "
        "best-off gets (95 % interval {low:.0%} to {high:.0%}; four fifths are a common bound).",
        (
            ("exposure_parity", "sets exposure in proportion to merit at the least loss of score"),
            ("fa_ir", "guards the worst-off group at every rank of every list"),
            ("cp_fair", "weighs it against list quality for groups of people"),
        ),
    ),
    _Rule(
        "items",
        "rsp",
        lambda row: _low(row) > WIDE_RATES,
        "Items of some groups of {attribute} are recommended far more often than others: rates spread by {value:.0%} "
        "of their mean (95 % interval {low:.0%} to {high:.0%}; {bound:.0%} is this table's bound).",
        (
            ("p_mmf", "lifts the worst-off provider first, at a bounded cost"),
            ("fair_rec", "guarantees every provider a number of places"),
            ("cp_fair", "closes it together with the gap between groups of people"),
        ),
        never=POPULARITY,
    ),
    _Rule(
        "overall",
        "popularity_lift",
        lambda row: _low(row) > 0,
        "Lists hold more popular items than people's histories: " + _VALUE + ".",
        (
            ("xquad", "gives each person the share of rare items of the own history"),
            ("cp_fair", "moves exposure from head to tail, with an eye on list quality for groups of people"),
        ),
    ),
    _Rule(
        "overall",
        "miscalibration",
        lambda row: _low(row) > FAR_FROM_TASTE,
        "Lists mix categories otherwise than people's histories do: " + _VALUE + "; {bound:g} is this table's bound.",
        (("calibrate", "weighs the mix of the own history against the scores, list by list"),),
    ),
    _Rule(
        "catalogue",
        "coverage",
        lambda row: row["value"] < FEW_ITEMS,
        "Only {value:.0%} of the catalogue is recommended to anybody ({bound:.0%} is this table's bound).",
        (
            ("fair_rec", "guarantees every item a number of places, in turns that leave people little envy"),
            ("xquad", "lets rare items in for those who like them"),
        ),
    ),
)
_BOUNDS = {"rsp": WIDE_RATES, "miscalibration": FAR_FROM_TASTE, "coverage": FEW_ITEMS}


def advise(audit: Mapping[str, Any], *, can: Collection[str] = ()) -> tuple[Advice, ...]:
    """Findings of an audit (`Audit.to_json()`) with their shortlists, in the order of the table; empty: nothing found.

    can: what run and data offer (`places.offered_by`); the groups are the finding's own, and head and tail items where
    a finding of people or everybody needs groups of items.
    """
    return tuple(
        Advice(
            rule.metric,
            attribute,
            about,
            _said(rule, attribute, row),
            tuple(_suggestion(key, why, attribute, about, can) for key, why in rule.methods),
        )
        for rule in TABLE
        for attribute, about, row in _rows(audit, rule)
        if _defined(row) and rule.found(row)
    )


def _rows(audit: Mapping[str, Any], rule: _Rule) -> Iterator[tuple[str | None, About, Row]]:
    if rule.place in ("gaps", "model"):
        for attribute, named in (audit.get(rule.place) or {}).items():
            if isinstance(named, Mapping) and isinstance(named.get(rule.metric), Mapping):
                yield attribute, "people", named[rule.metric]
    elif rule.place == "items":
        for attribute, named in (audit["items"].get("gaps") or {}).items():
            if rule.metric in named and attribute != rule.never:
                yield attribute, "items", named[rule.metric]
    else:
        place = audit["items" if rule.place == "catalogue" else rule.place]
        if place.get(rule.metric) is not None:
            yield None, "everybody", {"value": place[rule.metric], "ci": place.get(f"{rule.metric}_ci")}


def _defined(row: Row) -> bool:
    value = row.get("value", row.get("gap"))
    return value is not None and math.isfinite(value)


def _said(rule: _Rule, attribute: str | None, row: Row) -> str:
    info = METRIC_INFO.get(rule.metric)
    return rule.said.format(
        title=info.title if info else rule.metric,
        attribute=attribute,
        gap=row.get("gap", math.nan),
        value=row.get("value", math.nan),
        low=_low(row),
        high=_high(row),
        bound=_BOUNDS.get(rule.metric, math.nan),
    )


def _suggestion(key: str, why: str, attribute: str | None, about: About, offered: Collection[str]) -> Suggestion:
    info = METHODS[key].info
    item_group = POPULARITY if "item_groups" in info.needs else None
    if about == "items":
        # an item can be of several categories, and a method that balances groups of items takes one for each
        item_group = None if attribute == CATEGORIES else attribute
    have = {*(["user_groups"] if about == "people" else []), *(["item_groups"] if item_group else [])}
    chosen = [need for need in info.needs if need in ("user_groups", "item_groups") and need not in have]
    missing = (*chosen, *place_of(key).lacks(info, offered))
    return Suggestion(key, info.title, why, info.paper, missing, item_group)
