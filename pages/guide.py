"""Guide: how to read what the other pages say, and what every metric means."""

from __future__ import annotations

import streamlit as st

from fairdash import words
from fairdash.ui import guide, parts

st.title(words.say("Guide"))
part = parts.tabs(words.say("Part of the guide"), guide.PARTS, "part")
if part == "reading":
    guide.reading()
elif part == "worked":
    guide.worked()
else:
    guide.side(part)  # type: ignore[arg-type]  # the other keys are the sides
