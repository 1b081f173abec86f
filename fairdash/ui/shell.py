"""The frame around every page: page configuration, language, navigation in the order of the journey, and view."""

from __future__ import annotations

import json
from pathlib import Path

import streamlit as st

from fairdash import words
from fairdash.ui import access, account, context, parts, state, tour

HERE = Path(__file__).parent

# Before the navigation, whose pages would else have the browser ask another site for their icons.
st.set_page_config(page_icon=str(HERE / "icon.svg"), layout="wide")
state.restore()
words.language.set(state.language() or words.ENGLISH)
st.html(HERE / "style.css")
st.logo(str(HERE / "logo.svg"), icon_image=str(HERE / "icon.svg"), size="large")
inside = False
with parts.errors():
    inside = account.gate()
names = [*state.JOURNEY, *(state.OVERSIGHT if access.may("oversee") else ())]
current = st.navigation([state.page(name) for name in names], position="sidebar" if access.may("people") else "hidden")
st.set_page_config(page_title=f"{current.title} · FairDash")
with st.container(key="language"):  # for those who hear the page: Streamlit itself says that every page is English
    said = f"<script>document.documentElement.lang = {json.dumps(words.spoken())}</script>"
    st.html(said, unsafe_allow_javascript=True)
if not inside:
    st.stop()
with parts.errors():
    parts.due()
    with st.sidebar:
        context.sidebar()
    parts.last_fault()
    if access.may("people"):
        tour.bar(current.url_path or "overview")
        current.run()
        parts.over()
        state.let_go()
    else:
        account.visit(current)
