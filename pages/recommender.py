"""Recommender: train one, bring a model or another system's lists, look at past runs, and at the one in view."""

from __future__ import annotations

import streamlit as st

from fairdash import words
from fairdash.ui import bringing, made, parts, runs, searching, state, training

TABS = {
    "train": words.later("Train"),
    "search": words.later("Search options"),
    "bring": words.later("Bring lists or a model"),
    "runs": words.later("Runs"),
    "view": words.later("In view"),
}

st.title(words.say("Recommender"))
data = state.get("data")
tab = parts.tabs(words.say("What to do"), TABS, "how")
if tab == "bring":
    bringing.section(data)
elif data is None:
    parts.empty(
        words.say("No data set in view"),
        words.say("A recommender learns from interactions."),
        "data",
        words.say("Choose or bring data"),
    )
elif tab == "train":
    training.section(data)
elif tab == "search":
    searching.section(data)
elif tab == "runs":
    runs.past(data)
elif tab == "view":
    made.section(data)
