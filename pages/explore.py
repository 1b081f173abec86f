"""Explore: find a person, see their list beside another one, edit them, flip an attribute, ask why."""

from __future__ import annotations

import streamlit as st

from fairdash import words
from fairdash.schema import USER_ID
from fairdash.ui import explaining, exploring, feedback, finder, load, parts, state

PARTS = {
    "list": words.later("List and history"),
    "flip": words.later("If they were someone else"),
    "why": words.later("Why"),
    "tastes": words.later("Tastes by group"),
    "feedback": words.later("Feedback"),
}

st.title(words.say("Explore"))
digest = state.get("lists")
if digest is None:
    parts.empty(
        words.say("Nobody to look at yet"), words.say("Train a recommender first."), "recommender", words.say("Train")
    )
    st.stop()
run, lists = load.lists(digest)
users = run.split.training.users
user, k = finder.person(run, digest, lists.k)
if user is None:
    st.stop()
row = users.iloc[user]
st.caption(
    " · ".join(f"{words.plain(name)}: **{words.plain(row[name])}**" for name in users.columns if name != USER_ID)
)
if not run.has_model:
    st.info(words.say("These lists came without a model: they can be looked at, not changed."), icon=":material/info:")
    exploring.section(run, digest, lists, user, k)
    explaining.group_tastes(run, lists.top(k), user)
    st.stop()
changed = exploring.changed_after(state.workspace().get("lists", digest))
part = parts.tabs(words.say("Part"), PARTS, "explore")
if part == "list":
    exploring.section(run, digest, lists, user, k)
elif part == "flip":
    explaining.flip(run, user, k, changed)
elif part == "why":
    explaining.why(run, lists, user, k)
elif part == "feedback":
    feedback.section(run, digest)
else:
    explaining.group_tastes(run, lists.top(k), user)
