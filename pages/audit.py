"""Audit: one question in a sentence, the findings it has as cards, and every metric of METRICS below."""

from __future__ import annotations

import json

import streamlit as st

from fairdash import words
from fairdash.ui import auditing, cards, drilling, findings, load, parts, pictures, question, state

MORE = {
    "gaps": words.later("All gaps"),
    "spread": words.later("Spread"),
    "time": words.later("Over time"),
    "categories": words.later("Categories"),
    "items": words.later("Items"),
    "model": words.later("Model"),
    "numbers": words.later("All numbers"),
    "private": words.later("Private release"),
    "conventions": words.later("Conventions"),
}
OF_ANY = {"feed": words.later("All answers"), **{key: MORE[key] for key in ("items", "conventions")}}

st.title(words.say("Audit"))
if state.get("lists") is None:
    parts.empty(
        words.say("Nothing to audit yet"),
        words.say("Train a recommender, or bring another system's lists."),
        "recommender",
        words.say("Go there"),
    )
    st.stop()
run, lists = load.lists(state.get("lists") or "")
if drilling.asked() and drilling.page(run, lists):
    st.stop()
asked = question.ask(run.split.training.people, run.split.training.items, popularity=len(run.split.known) > 0)
everything = auditing.overview(asked, run)
audit = None if asked.group is None or asked.group.label not in everything["gaps"] else auditing.detail(asked)
chosen = question.metric(asked, audit)
reference = question.reference(asked, auditing.compared(asked, audit))
told = cards.about(cards.of(auditing.with_model(everything, asked.k), run, asked.target), asked, chosen)
cards.show(told, run, reference)
if audit is None or asked.group is None:
    if not asked.known:
        st.info(words.say("There are no groups of people to compare. The items' share is below."),
                icon=":material/info:")  # fmt: skip
    part = parts.tabs(words.say("More"), OF_ANY, "more")
    if part == "items":
        auditing.items_part(auditing.detail(asked), run, lists, asked)
    elif part == "feed":
        cards.table(told)
    else:
        auditing.notes(everything)
        auditing.conventions(everything)
    st.stop()

attribute = asked.group.label
metric = question.metric_of(chosen, findings.metrics_of(audit, attribute))
st.divider()
auditing.headline(audit, attribute, metric)
with st.container(horizontal=True, vertical_alignment="bottom", key="metric-row"):
    with st.popover(words.say("What this is"), icon=":material/menu_book:", type="tertiary"):
        st.markdown(findings.definition(metric, audit["k"], audit["conventions"], audit.get("said")))
    parts.act(
        words.say("See the people"), state.put, "view", pictures.PEOPLE, icon=":material/group:", key="see-people"
    )
    parts.save("audit.json", lambda: json.dumps(audit, indent=1), "audit.json", "application/json", "audit-json")
left, right = st.columns([11, 9], gap="medium")
with left:
    if reference is None:
        pictures.groups(audit, run, asked.group, metric)
    else:
        auditing.against(audit, attribute, metric, reference)
with right:
    pictures.strip(audit, attribute)
part = parts.tabs(words.say("More"), MORE, "more")
auditing.more(part, audit, asked, metric, run, lists)
