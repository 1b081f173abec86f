"""The frame around every page: page configuration, navigation in the order of the journey, and what is in view."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fairdash import words
from fairdash.ui import context, parts, state

HERE = Path(__file__).parent

st.set_page_config(page_icon=str(HERE / "icon.svg"), layout="wide")
st.html(HERE / "style.css")
st.logo(str(HERE / "logo.svg"), icon_image=str(HERE / "icon.svg"), size="large")
sections: dict[str, list[st.Page]] = {}
for name, (section, _, _) in state.JOURNEY.items():
    sections.setdefault(words.say(section) if section else "", []).append(state.page(name))
current = st.navigation(sections)
st.set_page_config(page_title=f"{current.title} · FairDash")
with parts.errors():
    state.restore()
    with st.sidebar:
        context.sidebar()
    parts.last_fault()
    current.run()
