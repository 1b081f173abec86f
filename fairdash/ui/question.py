"""The sentence above an audit, with its controls in it: what is asked of whom, and against what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from string import Formatter
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fairdash import settings, words
from fairdash.item_classes import POPULARITY
from fairdash.metrics.catalogue import METRICS
from fairdash.schema import GroupSpec
from fairdash.stages.feed import QUESTIONS
from fairdash.ui import findings, forms, state

EVERYTHING = "everything"
ANY = EACH = ""  # no attribute and no group can be called so
TARGETS = {
    "catalogue": words.later("the catalogue"),
    "interactions": words.later("what people chose before"),
    "uniform": words.later("equal parts"),
    "liked": words.later("what people go on to like"),
}
_OF_ANY = words.later("Do {groups} differ in {metric} in the first {k} and items by {items} from {target}? {more}")
_OF_ONE = words.later(
    "Do groups of {groups} differ in {metric} in the first {k} against {reference} and items by {items} from "
    "{target}? {more}"
)


@dataclass(frozen=True)
class Asked:
    """What the sentence says, but for what depends on the answer. group: None for any. places: of the controls that are
    filled when the answer is there. known: the attributes of people with their cuts, without the groups that were
    saved: those were chosen for what is asked here."""

    group: GroupSpec | None
    items: GroupSpec | None
    k: int
    target: str
    known: Mapping[str, GroupSpec]
    places: Mapping[str, DeltaGenerator]


def ask(people: pd.DataFrame, things: pd.DataFrame, *, popularity: bool) -> Asked:
    """Draw the sentence; the controls of the metric and of the reference are drawn by `metric` and `reference`."""
    known, saved = forms.attributes(people), forms.saved(people)
    options = [ANY, *known, *saved]
    wanted = (state.get("metric") or st.query_params.get("metric") or "").partition(":")[0]
    if wanted in METRICS and known and state.get("group") is None:
        state.put("group", next(iter(known)))  # a link to a metric alone is about the first attribute
    chosen = state.now("group", ANY, state.one_of(options))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="question"):
        places: dict[str, DeltaGenerator] = {}
        for text, name, _, _ in Formatter().parse(words.say(_OF_ANY if chosen == ANY else _OF_ONE)):
            if text.strip():
                st.markdown(text.strip(), width="content")
            if name is not None:
                places[name] = st.container(width="content", key=f"asked-{name}")
        with places["groups"]:
            named = words.namer(options, lambda one: words.say("any groups") if one == ANY else one)
            st.selectbox(words.say("Groups of people"), options, format_func=named, width=170, **_INLINE,
                         **state.shared("group", ANY, state.one_of(options)))  # fmt: skip
        with places["k"]:
            k = st.number_input(
                "K", 1, settings.CANDIDATES, width=112, help=words.say("Places of the list that count."), **_INLINE,
                **state.shared("k", settings.K, state.within(1, settings.CANDIDATES)),
            )  # fmt: skip
        with places["items"]:
            items = forms.item_group(things, (POPULARITY,) if popularity else (), inline=True)
        with places["target"]:
            aims = [one for one in TARGETS if popularity or one != "interactions"]
            target = st.selectbox(words.say("Target"), aims, format_func=lambda one: words.say(TARGETS[one]),
                                  width=215, **_INLINE, **state.pick("target", aims))  # fmt: skip
        with places["more"]:
            cut, group = forms.details(known | saved, chosen)
    things_by = GroupSpec((items,)) if isinstance(items, str) else items
    if things_by is not None and target in ("interactions", "uniform"):
        things_by = replace(things_by, target=target)
    return Asked(group, things_by, int(k), target, {name: cut[name] for name in known}, places)


_INLINE: dict[str, Any] = {"label_visibility": "collapsed"}


def metric(asked: Asked, audit: Mapping[str, Any] | None) -> str:
    """What people may differ in: everything, a question of the feed, or, of one attribute, a metric of its audit."""
    more = [] if audit is None or asked.group is None else findings.metrics_of(audit, asked.group.label)
    options = [EVERYTHING, *QUESTIONS, *more]
    named = words.namer(options, lambda one: _title(one, asked.k), limit=80)
    with asked.places["metric"]:
        chosen: str = st.selectbox(words.say("Metric"), options, format_func=named, width=250, **_INLINE,
                                   **state.pick("metric", options))  # fmt: skip
    return chosen


def metric_of(chosen: str, names: Sequence[str]) -> str:
    """The metric that is looked at closely: the one chosen, or the first that answers what is asked."""
    wanted = QUESTIONS[chosen].metrics if chosen in QUESTIONS else (chosen,)
    return next((name for name in wanted if name in names), names[0])


def _title(one: str, k: int) -> str:
    if one == EVERYTHING:
        return words.say("everything")
    return words.say(QUESTIONS[one].title) if one in QUESTIONS else findings.title(one, k)


def reference(asked: Asked, names: Sequence[str]) -> str | None:
    """The group that the others are held against, of those that are compared; None: each against each."""
    if "reference" not in asked.places:
        return None
    options = [EACH, *names]
    named = words.namer(options, lambda one: words.say("each other") if one == EACH else one)
    with asked.places["reference"]:
        chosen = st.selectbox(words.say("Against"), options, format_func=named, width=170, **_INLINE,
                              **state.pick("versus", options))  # fmt: skip
    return None if chosen == EACH else chosen
