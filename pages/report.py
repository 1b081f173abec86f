"""Report: a comparison as one page to send, print or keep, and a link to this view."""

from __future__ import annotations

import json

import streamlit as st

from fairdash import words
from fairdash.stages import report
from fairdash.ui import load, naming, parts, state

st.title(words.say("Report"))
entries = {entry.digest: entry for entry in state.workspace().entries("comparisons")}
if not entries:
    parts.empty(
        words.say("No comparison yet"),
        words.say("A report tells what a mitigation changed."),
        "compare",
        words.say("Compare"),
    )
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom"):
    chosen = st.selectbox(
        words.say("Comparison"), list(entries), format_func=naming.namer(list(entries.values()), 80), width=520,
        **state.shared("comparison", next(iter(entries)), state.one_of(entries)),
    )  # fmt: skip
    value = load.comparison(chosen)
    page = report.html(value)
    st.download_button(
        words.say("Report (HTML)"),
        page,
        "fairdash-report.html",
        "text/html",
        type="primary",
        on_click="ignore",
        icon=":material/download:",
        key="report-html",
    )
    st.download_button(words.say("Numbers (JSON)"), json.dumps(value, indent=1), "comparison.json", "application/json",
                       on_click="ignore", icon=":material/data_object:", key="report-json")  # fmt: skip
    with st.popover(words.say("Link"), icon=":material/link:"):
        st.caption(words.say("Opens this report in any browser that reaches this server."))
        st.code(f"{(st.context.url or '').split('?')[0]}?comparison={chosen}", language=None)
st.caption(words.say("One file without scripts; it prints as it stands, and nothing in it is loaded from elsewhere."))
with st.container(border=True, key="report-preview"):
    st.iframe(page, height=900)
