"""Data: bring it or choose it, see what was recognised and found, and its own bias before any model."""

from __future__ import annotations

import streamlit as st

from fairdash.ui import catalogue, keeping, parts, portrait, state, upload

VIEW, CATALOGUE, UPLOAD, KEPT = "In view", "Catalogue", "Upload", "Storage"

st.title("Data")
have = state.get("data") is not None
tab = parts.tabs("What to do", (VIEW, CATALOGUE, UPLOAD, KEPT), "tab", VIEW if have else CATALOGUE)
if tab == CATALOGUE:
    catalogue.section()
elif tab == UPLOAD:
    upload.section()
elif tab == KEPT:
    keeping.section()
elif have:
    portrait.section()
else:
    parts.empty("No data set yet", "Choose one from the catalogue, or upload your own files.")
