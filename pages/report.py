"""Report: an audit or a comparison as one file to send, print or keep, a link to this view, and slides to show."""

from __future__ import annotations

from functools import partial

import streamlit as st

from fairdash import words
from fairdash.report import FORMATS
from fairdash.ui import access, parts, presenting, reporting, sharing

if access.may("people") and presenting.asked() and (chosen := reporting.choose(shown=False)) is not None:
    presenting.show(*chosen)
    st.stop()
st.title(words.say("Report"))
chosen = reporting.choose()
if chosen is None:
    st.stop()
frames = reporting.frames()
made = reporting.document(*chosen, frames=frames)
with st.container(horizontal=True, vertical_alignment="center"):
    if access.may("people"):
        parts.act(words.say("Present"), presenting.start, type="primary", icon=":material/slideshow:", key="present")
    for suffix, kind in FORMATS.items():
        parts.save(words.say(kind.title), partial(kind.write, made), f"fairdash-report.{suffix}", kind.media,
                   f"report-{suffix}")  # fmt: skip
    with st.popover(words.say("Link"), icon=":material/link:"):
        st.caption(words.say("Opens this report in any browser that reaches this server."))
        st.code(reporting.link(), language=None)
        st.caption(words.say("The same as slides:"))
        st.code(reporting.link(present="1"), language=None)
    sharing.popover(*chosen)
st.caption(words.say("One file without scripts; it prints as it stands, and nothing in it is loaded from elsewhere."))
with st.container(border=True, key="report-preview"):
    st.iframe(FORMATS["html"].write(made), height=900)
