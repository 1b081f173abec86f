"""Audit: the finding first, then the picture, the table and the definition; every metric of METRICS."""

from __future__ import annotations

import json

import streamlit as st

from fairdash import settings, words
from fairdash.item_classes import POPULARITY
from fairdash.ui import auditing, drilling, findings, forms, load, parts, pictures, state

MORE = {
    "gaps": words.later("All gaps"),
    "spread": words.later("Spread"),
    "categories": words.later("Categories"),
    "items": words.later("Items"),
    "model": words.later("Model"),
    "numbers": words.later("All numbers"),
    "conventions": words.later("Conventions"),
}

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
people, things = run.split.training.people, run.split.training.items
with st.container(horizontal=True, vertical_alignment="bottom", key="audit-controls"):
    group = forms.group(people)
    items = forms.item_group(things, (POPULARITY,) if len(run.split.known) else ())  # by what was known
    group, items = forms.targets(group, items)
    k = st.number_input("K", 1, settings.CANDIDATES, width=110, help=words.say("Places of the list that count."),
                        **state.shared("k", settings.K, state.within(1, settings.CANDIDATES)))  # fmt: skip
if group is not None and drilling.asked():
    drilling.section(run, lists, group, int(k))
    st.stop()
audit = auditing.run(state.get("lists") or "", group, items, int(k))
if audit is None:
    st.stop()
if group is None or group.label not in audit["gaps"]:
    st.info(words.say("There are no groups of people to compare. The items' share is below."), icon=":material/info:")
    auditing.items_part(audit, run, lists)
    st.stop()

attribute = group.label
names = findings.metrics_of(audit, attribute)
with st.container(horizontal=True, vertical_alignment="bottom", key="metric-row"):
    named = words.namer(names, lambda key: findings.title(key, audit["k"]), limit=80)
    metric = st.selectbox(words.say("Metric"), names, format_func=named, width=330, **state.pick("metric", names))
    with st.popover(words.say("What this is"), icon=":material/menu_book:", type="tertiary"):
        st.markdown(findings.definition(metric, audit["k"], audit["conventions"]))
    parts.act(
        words.say("See the people"), state.put, "view", pictures.PEOPLE, icon=":material/group:", key="see-people"
    )
    st.download_button("audit.json", json.dumps(audit, indent=1), "audit.json", "application/json", on_click="ignore",
                       icon=":material/download:", key="audit-json")  # fmt: skip
auditing.headline(audit, attribute, metric)
left, right = st.columns([11, 9], gap="medium")
with left:
    pictures.groups(audit, run, group, metric)
with right:
    pictures.strip(audit, attribute)
part = parts.tabs(words.say("More"), MORE, "more")
auditing.more(part, audit, group, metric, run, lists)
