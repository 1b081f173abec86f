"""The audit of the lists in view: made when it is looked at, read from the workspace when it is there."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from fairdash import charts, item_classes, words
from fairdash.charts import GroupValue
from fairdash.jobs import kinds
from fairdash.run import Run
from fairdash.schema import UNKNOWN, GroupSpec, Lists
from fairdash.stages import feed
from fairdash.stages.audit import AuditSpec, audit
from fairdash.stages.disclosure import withheld
from fairdash.ui import access, cards, findings, forms, load, model_side, over_time, parts, pictures, releasing, state
from fairdash.ui.question import Asked

PICTURES = {
    "cumulative": words.later("cumulative"),
    "shares": words.later("shares"),
    "violin": words.later("violin"),
}
MANY = 2_000  # people, from whom on a first look comes before the tests
_BADGES = {
    "found": (":material/report:", "orange"),
    "alone": (":material/help:", "gray"),
    "none": (":material/remove:", "gray"),
    "untested": (":material/question_mark:", "gray"),
    "undefined": (":material/block:", "gray"),
}


def measured(lists: str, spec: AuditSpec) -> dict[str, Any]:
    """The audit of lists, read from the workspace or made here and now and kept there, so that reports, advice and
    links find it; not kept where somebody may look alone. What the model does takes a job, and is no part of it."""
    params = {"lists": lists, **spec.to_json()}
    name = kinds.found(state.workspace(), "audit", params)
    if name is not None:
        return load.audit(name)
    run, listed = load.lists(lists)
    with st.spinner(
        words.say("Comparing {people} …", people=words.count(len(run.split.training.users), "person", "people"))
    ):
        if access.may("people") and not access.may("work"):
            return load.look(params)
        return load.audit(kinds.put_audit(state.workspace(), params, run, listed))


def of_items(run: Run) -> list[GroupSpec]:
    """The ways to group items: by what was known of them, and their attributes with their cuts."""
    found = list(forms.attributes(run.split.training.items).values())
    return item_classes.ways(found, popularity=len(run.split.known) > 0)


def overview(asked: Asked, run: Run) -> dict[str, Any]:
    """What the feed is made of: every attribute of people with its cuts, the crossings, and ways to group items."""
    things = of_items(run)
    if asked.items is not None:
        chosen = replace(asked.items, target="")  # the cards hold exposure against any target
        things = [chosen, *(one for one in things if one.label != chosen.label)]
    also = [] if asked.group is None else [asked.group]
    lists, spec = state.get("lists") or "", feed.spec(list(asked.known.values()), things, also=also, k=asked.k)
    params = {"lists": lists, **spec.to_json()}
    if len(run.split.training.users) < MANY or kinds.found(state.workspace(), "audit", params) is not None:
        return measured(lists, spec)
    look = st.empty()
    with look.container():
        first_look(lists, spec, run)
    made = measured(lists, spec)
    look.empty()
    return made


def first_look(lists: str, spec: AuditSpec, run: Run) -> None:
    """The largest differences before they are tested, which takes longer the more people there are."""
    made = audit(run, load.lists(lists)[1], replace(spec, replicates=0, permutations=0))
    found = feed.feed(withheld(made.to_json()), things=words.say(cards.things(run)))
    beyond = [card for card in found if card.ci is not None and card.certain > 0][: cards.SHOWN]
    told = [words.say("**First look**, before any test and any correction:")]
    st.markdown("\n".join([*told, "", *(f"- {words.plain(card.plain, 500)}" for card in beyond)]))


def with_model(audit: dict[str, Any], k: int) -> dict[str, Any]:
    """The audit with what the model does, of every attribute for which that was measured of these lists at K."""
    lists = state.get("lists")
    made = [entry for entry in state.workspace().entries("audits")
            if entry.meta["lists"] == lists and entry.meta["model"] and entry.meta["k"] == k]  # fmt: skip
    model: dict[str, Any] = {}
    for entry in made:
        model = {**load.audit(entry.digest).get("model", {}), **model}
    return {**audit, "model": model}


def detail(asked: Asked) -> dict[str, Any]:
    """Every metric of the groups and items that are asked for; with what the model does where that was measured."""
    lists, spec = state.get("lists") or "", _spec(asked)
    known = kinds.found(state.workspace(), "audit", _model_params(asked)) if _model_wanted() else None
    return measured(lists, spec) if known is None else load.audit(known)


def compared(asked: Asked, audit: dict[str, Any] | None) -> list[str]:
    """The groups that are compared, which the others can be held against."""
    rows = {} if audit is None or asked.group is None else audit["groups"][asked.group.label]
    return [name for name, row in rows.items() if name != UNKNOWN and not row["small"]]


def _spec(asked: Asked) -> AuditSpec:
    things = () if asked.items is None else (asked.items,)
    return AuditSpec(() if asked.group is None else (asked.group,), things, asked.k)


def _model_wanted() -> bool:
    return state.get("model") == "True"


def _model_params(asked: Asked) -> dict[str, Any]:
    """The job that measures the model side of this view."""
    return {"lists": state.get("lists") or "", **replace(_spec(asked), model=True).to_json()}


def headline(audit: dict[str, Any], attribute: str, metric: str) -> None:
    """The finding, before any picture."""
    verdict = charts.verdict(audit["gaps"][attribute].get(metric))
    icon, color = _BADGES[verdict]
    with st.container(key=f"finding-{verdict}"):
        st.markdown(f"## {words.plain(findings.sentence(audit, attribute, metric), 900)}")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(words.say(charts.VERDICTS[verdict][0]), icon=icon, color=color)  # type: ignore[arg-type]  # the table's words are badge colours
            notes(audit)


def more(part: str, audit: dict[str, Any], asked: Asked, metric: str, made: Run, lists: Lists) -> None:
    """The part of the audit of one attribute's groups that was asked for."""
    group = asked.group or GroupSpec(())
    attribute = group.label
    if part == "gaps":
        table = findings.gap_table(audit, attribute)
        parts.table(table.drop(columns=findings.NOTE), "all-gaps", digits=4, aside=findings.WIDE)
        for why, rows in table[table[findings.NOTE] != ""].groupby(findings.NOTE, sort=False):
            named = words.join(rows[findings.METRIC].tolist())
            st.caption(words.say("{metrics}: {reason}.", metrics=words.plain(named, 300),
                                 reason=words.plain(str(why).replace("`", ""), 300)))  # fmt: skip
        rules = (words.again(audit["conventions"][key], audit.get("said")) for key in ("test", "detectable"))
        st.caption(words.together(*(words.say("{rule}.", rule=words.plain(words.sentence(one), 300)) for one in rules)))
    elif part == "spread":
        _spread(audit, group, metric)
    elif part == "time":
        over_time.section(audit, _spec(asked), metric, made, lists)
    elif part == "categories":
        pictures.categories(audit, group, made, lists)
    elif part == "items":
        items_part(audit, made, lists, asked)
    elif part == "model":
        if "model" not in audit and made.has_model and _model_wanted():
            title = state.workspace().get("lists", state.get("lists") or "").title
            parts.made("audit", _model_params(asked), words.say("Audit {title}", title=title))
        else:
            model_side.section(audit, attribute, made)
    elif part == "private":
        releasing.section(made, lists, group, metric, asked.k)
    elif part == "numbers":
        parts.table(findings.value_table(audit, attribute), "all-numbers", digits=4)
    else:
        conventions(audit)


def conventions(audit: dict[str, Any]) -> None:
    """What stands beside every number."""
    for name, told in audit["conventions"].items():
        what = words.say(words.option(name))
        said = words.plain(words.again(told, audit.get("said")), 600)
        st.markdown(words.say("**{what}**: {said}", what=what, said=said))


def notes(audit: dict[str, Any]) -> None:
    """What reading the data and measuring found worth saying, quietly."""
    read = [finding["message"] for finding in audit.get("findings", ()) if finding["severity"] != "info"]
    for warning in (*read, *audit["warnings"]):
        st.caption(words.plain(words.again(warning, audit.get("said")), 300), width="content")


def against(audit: dict[str, Any], attribute: str, metric: str, reference: str) -> None:
    """Each group beside the one that it is held against, as a difference with its interval."""
    name, to = findings.title(metric, audit["k"]), words.members(attribute, reference)
    rows = [
        GroupValue(bar.name, bar.n, bar.value, bar.low, bar.high)
        for bar in feed.against(audit, attribute, metric, reference)
    ]
    title = words.say("{metric}, difference from {group}", metric=name, group=to)
    if not rows:
        why = words.say("A single group has no value of {metric}.", metric=name)
        parts.draw(charts.empty(why), "against", words.plain(title, 120))
        return
    about = words.say(
        "What each group has more than {group}, with the 95 % interval of that one difference; the test above is of "
        "the two groups that lie furthest apart.",
        group=words.plain(to),
    )
    parts.draw(charts.group_values(rows, title, 0.0, reference=to), "against",
               words.plain(title, 120), about=about, pick=pictures.see_people)  # fmt: skip


def _spread(audit: dict[str, Any], group: GroupSpec, metric: str) -> None:
    attribute = group.label
    kind = st.segmented_control(
        words.say("Picture"),
        list(PICTURES),
        required=True,
        format_func=lambda key: words.say(PICTURES[key]),
        **state.pick("spread", PICTURES),
    )
    name = findings.title(metric, audit["k"])
    one, two = st.columns(2, gap="medium")
    with one:
        parts.draw(findings.distribution(audit, attribute, metric, kind), "spread-metric", name,
                   about=words.say("Click a mark to see the people of its group who lie there."),
                   pick=partial(pictures.see_range, metric))  # fmt: skip
    with two:
        parts.draw(
            findings.distribution(audit, attribute, pictures.RANK, kind),
            "spread-rank",
            words.say("Rank of the first hit"),
            about=words.say(
                "Of all people with a liked held-out item. What is missing to 100 % has no hit in the list at all. "
                "Click a mark to see the people of its group who lie there."
            ),
            pick=partial(pictures.see_range, pictures.RANK),
        )
    if attribute in audit.get("curves", {}):
        about = words.say(
            "Smoothed over everybody whose value is known, with a 95 % band; no bins. Click a point to see the people "
            "of its group."
        )
        parts.draw(
            findings.curve(audit, group, metric),
            "curve",
            words.say("{name} over {attribute}", name=name, attribute=words.plain(attribute)),
            about=about,
            pick=pictures.see_people,
        )


def items_part(audit: dict[str, Any], made: Run, lists: Lists, asked: Asked) -> None:
    """Groups of items: exposure against a target, and all metrics of the item side."""
    pictures.exposure(audit, made, lists, asked.items, asked.target)
    parts.table(findings.item_table(audit), "item-metrics", digits=4)
