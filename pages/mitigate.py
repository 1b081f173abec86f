"""Mitigate: choose a method by where it acts, how strongly, and see its whole trade-off before the test is touched."""

from __future__ import annotations

import streamlit as st

from fairdash.ui import load, mitigating, parts, state

st.title("Mitigate")
if state.get("lists") is None:
    parts.empty("Nothing to mitigate yet", "Train a recommender, or bring another system's lists.", "recommender", "Go")
    st.stop()
run, _ = load.lists(state.get("lists") or "")
tab = st.segmented_control(
    "What to do", mitigating.TABS, default=mitigating.TABS[0], required=True, key="act", label_visibility="collapsed",
    bind="query-params",
)  # fmt: skip
if tab == mitigating.TABS[0]:
    mitigating.one(run)
elif tab == mitigating.TABS[1]:
    mitigating.shortlist(run)
else:
    mitigating.past(run)
