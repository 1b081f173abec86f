"""Recommender: train one, bring a model or another system's lists, and look at past runs."""

from __future__ import annotations

import streamlit as st

from fairdash.ui import bringing, parts, runs, searching, state, training

TRAIN, SEARCH, BRING, RUNS = "Train", "Search options", "Bring lists or a model", "Runs"

st.title("Recommender")
data = state.get("data")
tab = parts.tabs("What to do", (TRAIN, SEARCH, BRING, RUNS), "how")
if tab == BRING:
    bringing.section(data)
elif data is None:
    parts.empty("No data set in view", "A recommender learns from interactions.", "data", "Choose or bring data")
elif tab == TRAIN:
    training.section(data)
elif tab == SEARCH:
    searching.section(data)
else:
    runs.past(data)
