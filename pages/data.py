"""Data: bring it or choose it, see what was recognised and found, and its own bias before any model."""

from __future__ import annotations

import streamlit as st

from fairdash import words
from fairdash.ui import catalogue, keeping, parts, portrait, state, upload

TABS = {
    "view": words.later("In view"),
    "catalogue": words.later("Catalogue"),
    "upload": words.later("Upload"),
    "storage": words.later("Storage"),
}

st.title(words.say("Data"))
have = state.get("data") is not None
tab = parts.tabs(words.say("What to do"), TABS, "tab", "view" if have else "catalogue")
if tab == "catalogue":
    catalogue.section()
elif tab == "upload":
    upload.section()
elif tab == "storage":
    keeping.section()
elif have:
    portrait.section()
else:
    parts.empty(words.say("No data set yet"), words.say("Choose one from the catalogue, or upload your own files."))
