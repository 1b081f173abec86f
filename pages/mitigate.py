"""Mitigate: choose a method by where it acts, how strongly, and see its whole trade-off before the test is touched."""

from __future__ import annotations

import streamlit as st

from fairdash import words
from fairdash.ui import levering, load, mitigated, mitigating, parts, shortlist, state

st.title(words.say("Mitigate"))
if state.get("lists") is None:
    parts.empty(
        words.say("Nothing to mitigate yet"),
        words.say("Train a recommender, or bring another system's lists."),
        "recommender",
        words.say("Go"),
    )
    st.stop()
run, _ = load.lists(state.get("lists") or "")
tab = parts.tabs(words.say("What to do"), mitigating.TABS, "act")
if tab == "one":
    mitigating.one(run)
elif tab == "lever":
    levering.lever(run)
elif tab == "shortlist":
    shortlist.shortlist(run)
else:
    mitigated.past()
