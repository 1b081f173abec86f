"""Which lists are compared, the job that compares them, and what is said of the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from fairdash import settings, words
from fairdash.item_classes import POPULARITY
from fairdash.mitigation import METHODS
from fairdash.stages.audit import AuditSpec
from fairdash.stages.compare import LOST, NEUTRAL, NOT_SHOWN, UNDEFINED, WON, comparable, meant
from fairdash.stages.lever import can
from fairdash.ui import changes, forms, levering, load, mitigated, movers, naming, parts, pictures, runs, state
from fairdash.workspace import Entry

Comparison = dict[str, Any]
PARTS = {
    "gaps": words.later("Gaps"),
    movers.PART: words.later("People"),
    "lever": words.later("Lever"),
    "categories": words.later("Categories"),
    "items": words.later("Items"),
    "numbers": words.later("All numbers"),
}
SIDES = {"two": words.later("Two lists"), "many": words.later("All lists")}
_WHOLE = 4000  # characters: the first sentence names every group that lost, and is not cut
_MARKS = {
    **dict.fromkeys(WON, ("green", ":material/trending_up:")),
    **dict.fromkeys(LOST, ("red", ":material/trending_down:")),
    NOT_SHOWN: ("gray", ":material/trending_flat:"),
    NEUTRAL: ("blue", ":material/swap_vert:"),
    UNDEFINED: ("gray", ":material/block:"),
}
_NDCG = dict.fromkeys(WON, words.later("rose")) | dict.fromkeys(LOST, words.later("fell"))


def choose() -> dict[str, Any] | None:
    """The comparison job of the choices on the page; None where there are not two lists."""
    entries = {entry.digest: entry for entry in runs.of(state.get("data"))}
    after_first = [d for d, e in entries.items() if e.meta.get("mitigation")]
    if len(entries) < 2:
        parts.empty(
            words.say("Nothing to compare yet"),
            words.say(
                "A comparison needs two lists for the same people: before a mitigation and after it, or of two "
                "recommenders."
            ),
            "mitigate",
            words.say("Mitigate"),
        )
        return None
    one, two, three = st.columns([5, 5, 2], vertical_alignment="bottom")
    with two:
        after = _lists(words.say("After"), entries, (after_first or list(entries))[0], "after")
    others = {digest: entry for digest, entry in entries.items() if digest != after and same(entry, entries[after])}
    if not others:
        st.warning(words.say("No other lists are for the same people and the same split."), icon=":material/info:")
        return None
    base = mitigated.before_of(entries[after])
    with one:
        before = _lists(words.say("Before"), others, base if base in others else next(iter(others)), "before")
    run, made = load.lists(after)
    deep = min(made.k, load.lists(before)[1].k)
    with three, st.popover(words.say("Groups, K"), icon=":material/tune:", width="stretch"):
        group = forms.group(run.split.training.people, inline=True)
        items = forms.item_group(run.split.training.items, (POPULARITY,) if len(run.split.known) else ())
        k = st.number_input("K", 1, deep, width=110,
                            **state.shared("k", min(settings.K, deep), state.within(1, deep)))  # fmt: skip
    return {"before": before, "after": after, **forms.view(group, items, int(k))}


def same(one: Entry, other: Entry) -> bool:
    """Whether lists are for the same people and test part."""
    workspace = state.workspace()
    alike = comparable(*(load.run(entry.meta["run"]) for entry in (one, other)))
    return alike and workspace.has("lists", one.digest)


def _lists(label: str, entries: dict[str, Entry], default: str, name: str) -> str:
    shared = state.shared(name, default, state.one_of(entries))
    return str(st.selectbox(label, list(entries), format_func=naming.namer(list(entries.values()), 70), **shared))


def result(params: dict[str, Any]) -> tuple[Comparison | None, str]:
    """The comparison, or None while it is being made (its job is shown then)."""
    title = words.say("Compare with {title}", title=state.workspace().get("lists", params["after"]).title)
    made = parts.made("compare", params, title)
    return (None, "") if made is None else (load.comparison(made), made)


def tabs(params: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a comparison; one with the lever, where the lists after it are those of a re-ranking."""
    made = state.workspace().get("lists", params["after"]).meta.get("mitigation") or {}
    return {key: title for key, title in PARTS.items()
            if key != "lever" or (made.get("method") in METHODS and can(made["method"]))}  # fmt: skip


def headline(value: Comparison, said: Sequence[str]) -> None:
    """What moved, what it cost, and who gained and lost, in sentences."""
    aims = value.get("aims", [])
    if said:
        st.markdown(f"## {words.plain(said[0], _WHOLE)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        for aim in aims:
            color, icon = _MARKS[aim["verdict"]]
            several = len(aims) > 1 and aim["attribute"] is not None
            what = (
                words.say("aim ({attribute})", attribute=words.plain(aim["attribute"])) if several else words.say("aim")
            )
            told = words.say("{what}: {told}", what=what, told=meant(aim))
            st.badge(told, color=color, icon=icon)  # type: ignore[arg-type]  # badge colours
        ndcg = value["overall"].get("ndcg")
        if ndcg:
            color, icon = _MARKS[ndcg["verdict"]]
            verdict = words.say(_NDCG[ndcg["verdict"]]) if ndcg["verdict"] in _NDCG else meant(ndcg)
            told = words.say("{what}: {told}", what=words.say("NDCG"), told=verdict)
            st.badge(told, color=color, icon=icon)  # type: ignore[arg-type]  # badge colours
        harmed = [row for row in value["beyond"] if row["verdict"] in LOST]
        lost = list(dict.fromkeys(words.people(row["attribute"], row["group"]) for row in harmed))
        if lost:
            told = words.say("worse for {people}", people=words.plain(words.join(lost), 200))
            st.badge(told, color="red", icon=":material/person_alert:")
    st.markdown("\n".join(f"- {words.plain(one, 600)}" for one in said[1:4]))


def more(part: str, params: dict[str, Any], value: Comparison, attribute: str, said: Sequence[str]) -> None:
    """The part of the comparison that was asked for. params: of its job; said: its sentences."""
    if part == "lever":
        spec = AuditSpec.from_json(params)
        levering.of_lists(state.workspace().get("lists", params["after"]), next(iter(spec.groups), None), spec.k)
    elif part == "gaps":
        st.markdown("\n".join(f"- {words.plain(one, 600)}" for one in said[4:]))
        counts = words.say(", ").join(changes.verdicts(value, attribute))
        st.caption(
            words.say("Gaps between groups of {attribute}: {counts}.", attribute=words.plain(attribute), counts=counts)
        )
        parts.table(changes.gap_rows(value, attribute), "gap-changes", digits=4)
    elif part == "categories":
        names = list(value["groups"][attribute])
        group = st.selectbox(words.say("Group"), names, format_func=words.namer(names), width=260,
                             **state.pick("category-group", names))  # fmt: skip
        parts.draw(changes.categories(value, attribute, group), "category-changes",
                   words.say("What the lists are made of"), open_table=True,
                   pick=movers.see)  # fmt: skip
    elif part == "items":
        items(value, params)
    else:
        parts.table(changes.overall_rows(value), "overall-changes", digits=4)
        parts.table(changes.group_rows(value, attribute), "group-changes", digits=4)


def items(value: Comparison, params: dict[str, Any]) -> None:
    """Groups of items, before and after, and the items of a group that was clicked. params: of its job."""
    for name in changes.item_groups(value):
        parts.draw(
            changes.exposure(value, name), f"exposure-{name}",
            words.say("Exposure by {title}", title=words.plain(name)), pick=partial(pictures.see_items, name),
        )  # fmt: skip
    if pictures.items_asked():
        spec = AuditSpec.from_json(params)
        both = {words.say(side): params[side] for side in words.several("before", "after")}
        run, _ = load.lists(params["before"])
        sides = {side: pictures.gathered(one, spec.k, *load.lists(one)) for side, one in both.items()}
        pictures.items_in(run, next(iter(spec.item_groups), None), sides)
    parts.table(changes.item_rows(value), "item-changes", digits=4)
