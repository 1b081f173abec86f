"""Report: an audit or a comparison as one file to send, print or keep, and a link to this view."""

from __future__ import annotations

import streamlit as st

from fairdash import words
from fairdash.report import FORMATS
from fairdash.ui import reporting, state

st.title(words.say("Report"))
chosen = reporting.choose()
if chosen is None:
    st.stop()
with st.container(horizontal=True, vertical_alignment="center"):
    frames = st.toggle(
        words.say("Headings of EU law"),
        help=words.say("With sections under the headings of Annex IV of the AI Act and of DSA Articles 27, 34 and 35."),
        **state.own("frames", False, "True".__eq__),
    )
    made = reporting.document(*chosen, frames=frames)
    for suffix, kind in FORMATS.items():
        st.download_button(
            words.say(kind.title),
            kind.write(made),
            f"fairdash-report.{suffix}",
            kind.media,
            type="primary" if suffix == "html" else "secondary",
            on_click="ignore",
            icon=":material/download:",
            key=f"report-{suffix}",
        )
    with st.popover(words.say("Link"), icon=":material/link:"):
        st.caption(words.say("Opens this report in any browser that reaches this server."))
        st.code(reporting.link(), language=None)
st.caption(words.say("One file without scripts; it prints as it stands, and nothing in it is loaded from elsewhere."))
with st.container(border=True, key="report-preview"):
    st.iframe(FORMATS["html"].write(made), height=900)
