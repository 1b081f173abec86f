"""Live: what groups get as events come in, window after window, and whether it has moved."""

from __future__ import annotations

import streamlit as st

from fairdash import words
from fairdash.ui import living, parts, state

st.title(words.say("Live"))
data = state.get("data")
if data is None:
    parts.empty(
        words.say("No people and items yet"),
        words.say("Events name people and items; who they are, the data set says."),
        "data",
        words.say("Bring data"),
    )
    st.stop()
source = living.choose(data)
if source is not None:
    living.section(*source)
    living.learn(source[0], data)
