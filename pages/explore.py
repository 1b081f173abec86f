"""Explore: one person's profile, history and list; edit them, flip an attribute, ask why."""

from __future__ import annotations

import streamlit as st

from fairdash import settings, words
from fairdash.schema import USER_ID
from fairdash.ui import exploring, load, parts, state

PARTS = {
    "list": words.later("List and history"),
    "flip": words.later("If they were someone else"),
    "why": words.later("Why"),
    "tastes": words.later("Tastes by group"),
}

st.title(words.say("Explore"))
if state.get("lists") is None:
    parts.empty(
        words.say("Nobody to look at yet"), words.say("Train a recommender first."), "recommender", words.say("Train")
    )
    st.stop()
run, lists = load.lists(state.get("lists") or "")
users = run.split.training.users
with st.container(horizontal=True, vertical_alignment="bottom", key="explore-controls"):
    user = exploring.choose(users)
    most = state.shared("k", min(settings.K, lists.k), state.within(1, lists.k))
    k = int(st.number_input("K", 1, lists.k, width=110, **most))
if user is None:
    st.stop()
row = users.iloc[user]
st.caption(
    " · ".join(f"{words.plain(name)}: **{words.plain(row[name])}**" for name in users.columns if name != USER_ID)
)
if not run.has_model:
    st.info(words.say("These lists came without a model: they can be looked at, not changed."), icon=":material/info:")
    exploring.stored(run, lists, user, k)
    exploring.group_tastes(run, lists.top(k), user)
    st.stop()
changed = exploring.changed_after(state.workspace().get("lists", state.get("lists") or ""))
part = parts.tabs(words.say("Part"), PARTS, "explore")
if part == "list":
    exploring.edit(run, lists, user, k, changed)
elif part == "flip":
    exploring.flip(run, user, k, changed)
elif part == "why":
    exploring.why(run, lists, user, k)
else:
    exploring.group_tastes(run, lists.top(k), user)
