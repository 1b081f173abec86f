"""Compare: before and after on the same people and replicates; what moved, what it cost, who gained and who lost."""

from __future__ import annotations

import json

import streamlit as st

from fairdash import words
from fairdash.stages.compare import sentences
from fairdash.ui import changes, comparing, findings, many, movers, parts, state

st.title(words.say("Compare"))
if parts.tabs(words.say("What to compare"), comparing.SIDES, "sides") == "many":
    many.page()
    st.stop()
chosen = comparing.choose()
if chosen is None:
    st.stop()
value, digest = comparing.result(chosen)
if value is None:
    st.stop()
state.put("comparison", digest)
said = sentences(value)
comparing.headline(value, said)
attributes = list(value["gaps"])
if not attributes:
    st.info(words.say("There are no groups of people to compare; the items are below."), icon=":material/info:")
    comparing.items(value, chosen)
    st.stop()
attribute = attributes[0]
names = changes.metrics_of(value, attribute)
with st.container(horizontal=True, vertical_alignment="bottom"):
    named = words.namer(names, lambda key: findings.title(key, value["k"]), limit=80)
    metric = st.selectbox(words.say("Metric"), names, format_func=named, width=300, **state.pick("metric", names))
    parts.save("comparison.json", lambda: json.dumps(value, indent=1), "comparison.json", "application/json",
               "comparison-json")  # fmt: skip
    parts.go("report", words.say("Make a report"), icon=":material/description:")
title = words.plain(findings.title(metric, value["k"]), 80)
left, right = st.columns([11, 9], gap="medium")
with left:
    about = words.say(
        "Hollow is before, filled is after. Below each pair: the paired difference with its 95 % interval. Click a "
        "mark to see who of the group gained and lost most."
    )
    shown = changes.by_group(value, attribute, metric)
    named = words.say("{title}, before and after", title=title)
    parts.draw(shown, "before-after", named, about=about, pick=movers.see)
with right:
    about = words.say(
        "People whose own value changed. A method can help a group's mean and still make many worse off. Click a bar "
        "to see who gained and lost most."
    )
    shown = changes.outcome(value, attribute, metric)
    parts.draw(shown, "outcome", words.say("Who gained and who lost"), about=about, pick=movers.see)
part = parts.tabs(words.say("More"), comparing.tabs(chosen), "compared")
if part == movers.PART:
    many.people(chosen, metric)
else:
    comparing.more(part, chosen, value, attribute, said)
