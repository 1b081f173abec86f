"""The data set in view: size, findings, and how it treats groups before any model."""

from __future__ import annotations

import streamlit as st

from fairdash.ui import load, state, text


def section() -> None:
    digest = state.get("data") or ""
    dataset = load.dataset(digest)
    st.markdown(f"**{text.plain(dataset.name)}**")
