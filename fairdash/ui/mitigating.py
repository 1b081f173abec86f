"""Choosing and running mitigations: the catalogue by place, groups, strength, and the job that makes the lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import streamlit as st

from fairdash import settings, words
from fairdash.item_classes import POPULARITY
from fairdash.jobs import runner
from fairdash.mitigation import METHODS
from fairdash.mitigation.base import Info
from fairdash.mitigation.sweep import ACCURACY_BUDGET, RULES
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages import places
from fairdash.stages.compare import aim_title
from fairdash.stages.places import PLACES, place_of
from fairdash.ui import forms, mitigated, naming, parts, state
from fairdash.workspace import Entry

TABS = {
    "one": words.later("One method"),
    "lever": words.later("Lever"),
    "shortlist": words.later("Shortlist"),
    "done": words.later("Done so far"),
}
NEEDS = {
    "user_groups": words.later("groups of people"),
    "item_groups": words.later("groups of items that do not overlap"),
    "categories": words.later("categories of items"),
    "profile": words.later("a model that reads a profile"),
    "vectors": words.later("a model with user vectors"),
    "samples": words.later("a model that weighs what it learns from"),
    "prompt": words.later("a language model"),
    "probabilities": words.later("a model that predicts P(like)"),
}
_SIDES = {
    "users": words.later("people"),
    "items": words.later("items"),
    "both": words.later("people and items"),
}
BY_HAND = "hand"
HOW = {"rule": words.later("Chosen on validation"), BY_HAND: words.later("By hand")}  # how the strength is chosen
AS_TRAINED = "trained"


def catalogue() -> dict[str, Info]:
    """Key → what the catalogue says of each method."""
    return {key: method.info for key, method in METHODS.items()}


def one(run: Run) -> None:
    """Choose a method, its groups and its strength; run it as a job; look at the trade-off."""
    infos = catalogue()
    places = {place.key: [key for key in infos if place_of(key) is place] for place in PLACES.values()}
    shown = [key for key, methods in places.items() if methods]
    left, right = st.columns([11, 9], gap="medium")
    with left:
        place = st.segmented_control(words.say("Where it acts"), shown, required=True,
                                     format_func=lambda key: words.say(PLACES[key].title),
                                     **state.pick("place", shown, shown[-1]))  # fmt: skip
        method = st.selectbox(words.say("Method"), places[place], format_func=lambda key: words.say(infos[key].title),
                              **state.pick("method", places[place]))  # fmt: skip
        info = infos[method]
        groups, items = groups_for(run, info)
        first = start_from(run, info)
        tuned, k = _strength(run, info)
        missing = lacking(run, info)
        if missing:
            told = words.say("Not possible for {title}: {missing}", title=words.plain(run.title), missing=missing)
            st.warning(told, icon=":material/block:")
        params = request(run, info, groups, items, tuned, k, first)
        parts.submit(words.say("Mitigate"), start, run, info, params, type="primary", icon=":material/tune:",
                     key="mitigate", disabled=bool(missing))  # fmt: skip
    with right, st.container(border=True, key="method-card"):
        _card(info)
    job = parts.last_job("mitigate", params)
    if job is not None:
        parts.job(job.id, mitigated.result)


def _card(info: Info) -> None:
    st.markdown(f"**{words.say(info.title)}**")
    st.markdown(words.plain(words.say(info.objective), 600))
    needs = words.join([words.say(NEEDS.get(need, need)) for need in info.needs])
    st.markdown(
        words.say(
            "**For** {side} · **needs** {needs}  \n**Meant to move** {target}  \n**Usual price** {price}",
            side=words.say(_SIDES[info.side]),
            needs=needs or words.say("nothing but the lists"),
            target=aim_title(info.target, settings.K),
            price=words.plain(words.say(info.cost), 400),
        )
    )
    st.caption(words.plain(info.paper, 400))


def lacking(run: Run, info: Info) -> str:
    """What this run lacks for a method, in words; empty where nothing."""
    refused = places.lacking(info.key, run.meta["recommender"], places.offered_by(run))
    return "" if refused is None else f"{refused.message} {refused.hint}"


def groups_for(run: Run, info: Info) -> tuple[list[GroupSpec], GroupSpec | None]:
    """The groups of people and of items that the method is to be fair between, as they are chosen."""
    training = run.split.training
    groups: list[GroupSpec] = []
    items: GroupSpec | None = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if "user_groups" in info.needs or info.side != "items":
            group = forms.group(training.people)
            groups = [] if group is None else [group]
        if "item_groups" in info.needs or info.side != "users":
            given = forms.item_group(training.items, (POPULARITY,) if len(training.train) else ())
            items = GroupSpec((given,)) if isinstance(given, str) else given
    others = [name for name in forms.attributes(training.people) if not groups or name not in groups[0].attributes]
    if not place_of(info.key).crosses and others and groups:
        known = forms.attributes(training.people)
        also = st.multiselect(words.say("Protect these attributes too"), others, key="also", bind="query-params",
                              placeholder=words.say("Choose options"))  # fmt: skip
        groups += [known[name] for name in also]
    return groups, items


def start_from(run: Run, info: Info, *, in_view: bool = False) -> list[dict[str, Any]]:
    """The mitigations, in order, that this one is to be combined with: those of lists that were made from this run.
    in_view: those of the lists in view are chosen at first; of lists that this method made, what it was applied to."""
    earlier = {}
    for entry in mitigated.done():
        steps = mitigated.steps(entry)
        known = all(step["method"] in METHODS and step["method"] != info.key for step in steps)
        if entry.meta.get("base_run") != run.digest or not known:
            continue
        if place_of(steps[-1]["method"]).order <= place_of(info.key).order:
            earlier[entry.digest] = (" + ".join(_step(step) for step in steps), steps)
    if not earlier:
        return []
    named = _starts(mitigated.done(), earlier)
    options = [AS_TRAINED, *earlier]
    start = st.selectbox(words.say("Start from"), options, format_func=named,
                         **state.pick("first", options, _in_view(info, earlier) if in_view else AS_TRAINED),
                         help=words.say("Methods can be combined: what is chosen here is applied first."))  # fmt: skip
    return [] if start == AS_TRAINED else earlier[start][1]


def _in_view(info: Info, earlier: Mapping[str, tuple[str, Any]]) -> str:
    """What the lists in view are, or were made from by this method."""
    lists = state.get("lists") or ""
    if lists in earlier or not state.workspace().has("lists", lists):
        return lists if lists in earlier else AS_TRAINED
    meta = state.workspace().get("lists", lists).meta
    if (meta.get("mitigation") or {}).get("method") != info.key:
        return AS_TRAINED
    before = meta.get("first") or []
    return next((digest for digest, (_, steps) in earlier.items() if mitigated.alike(steps, before)), AS_TRAINED)


def _starts(entries: list[Entry], earlier: dict[str, tuple[str, Any]]) -> Callable[[Any], str]:
    """Labels of what one can start from; entries of equal steps say in what they differ."""
    own = [entry for entry in entries if entry.digest in earlier]
    name = naming.namer([replace(one, meta={**one.meta, "title": earlier[one.digest][0]}) for one in own], 80)
    whole = [AS_TRAINED, *(one.digest for one in own)]
    return words.namer(
        whole, lambda key: words.say("The lists as trained") if key == AS_TRAINED else name(key), limit=120
    )


def _step(step: dict[str, Any]) -> str:
    title = words.say(METHODS[step["method"]].info.title)
    return words.say("{method} ({strength})", method=title, strength=words.brief(step["strength"]))


def _strength(run: Run, info: Info) -> tuple[dict[str, Any], int]:
    """{"strength": by hand, or None for "rule" and "budget"} and K."""
    one, two = st.columns([3, 1], vertical_alignment="bottom")
    with one:
        how = st.segmented_control(words.say("Strength"), list(HOW), required=True,
                                   format_func=lambda key: words.say(HOW[key]),
                                   **state.pick("strength_how", HOW))  # fmt: skip
    with two:
        deep = run.candidates().k
        k = st.number_input("K", 1, deep, **state.shared("k", min(settings.K, deep), state.within(1, deep)))
    if how == BY_HAND:
        strength = st.slider(words.say("From 0, the lists as they are, to 1"), 0.0, 1.0, 0.5, 0.05, key="strength",
                             bind="query-params")  # fmt: skip
        return {"strength": float(strength), "rule": next(iter(RULES))}, int(k)
    rule = st.selectbox(words.say("Rule"), list(RULES), format_func=lambda key: words.say(RULES[key]),
                        **state.pick("rule", RULES))  # fmt: skip
    tuned: dict[str, Any] = {"strength": None, "rule": rule}
    if rule == "accuracy-budget":
        lost = st.number_input(words.say("NDCG that may be lost, %"), 0.0, 100.0, 100 * ACCURACY_BUDGET, 1.0,
                               key="budget", bind="query-params")  # fmt: skip
        tuned["budget"] = lost / 100
    elif rule == "gap-budget":
        label = words.say("Bound on {target}", target=aim_title(info.target, int(k)))
        bound = st.number_input(label, value=None, step=0.01, format="%.4f",
                                placeholder=words.say("half the way to the fairest point"),
                                **state.own("bound", None, float))  # fmt: skip
        tuned["budget"] = None if bound is None else float(bound)
    if place_of(info.key).retrains:
        st.caption(words.say("Every strength that is tried costs a training."))
    return tuned, int(k)


def request(
    run: Run,
    info: Info,
    groups: list[GroupSpec],
    items: GroupSpec | None,
    tuned: dict[str, Any],
    k: int,
    first: list[dict[str, Any]],
) -> dict[str, Any]:
    """The job that mitigates so. tuned: "strength" (None: chosen on validation), "rule" and "budget"."""
    mitigation = {
        "method": info.key,
        "groups": [asdict(group) for group in groups],
        "item_group": None if items is None else asdict(items),
        "strength": tuned["strength"],
    }
    steps = [{name: step[name] for name in mitigation} for step in first]
    params = {"run": run.digest, "mitigation": mitigation, "k": k, "first": steps, "rule": tuned["rule"]}
    made: dict[str, Any] = json.loads(json.dumps({**params, "budget": tuned.get("budget")}))
    return made


def start(run: Run, info: Info, params: dict[str, Any]) -> str:
    """Queue the job; returns its id."""
    title = words.say("{method} on {run}", method=words.say(info.title), run=run.title)
    return runner.submit(state.workspace(), "mitigate", title, params)
