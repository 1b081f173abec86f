"""Past runs, and what comes from outside: another system's lists, or a model."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import streamlit as st

from fairdash.ui import load, parts, state, text
from fairdash.workspace import Entry


def of(data: str) -> list[Entry]:
    """Lists that belong to a data set, newest first: runs' own, imported ones and mitigated ones."""
    workspace = state.workspace()
    name = workspace.get("datasets", data).meta["title"] if workspace.has("datasets", data) else ""
    runs = {
        run.digest
        for run in workspace.entries("runs")
        if run.meta.get("dataset") == data or (run.meta.get("dataset") is None and run.meta.get("data") == name)
    }
    return [entry for entry in workspace.entries("lists") if entry.meta["run"] in runs]


def past(data: str) -> None:
    """A table of all lists of the data set; one is looked at or deleted."""
    entries = of(data)
    if not entries:
        parts.empty("Nothing trained or brought yet", "Trained recommenders and brought lists are kept here.")
        return
    table = pd.DataFrame(
        {
            "name": [text.label(entry.title, 80) for entry in entries],
            "split": [state.workspace().get("runs", entry.meta["run"]).meta.get("split", "") for entry in entries],
            "made": [datetime.fromtimestamp(entry.meta["created"]) for entry in entries],
        }
    )
    chosen = st.dataframe(table, hide_index=True, on_select="rerun", selection_mode="single-row", key="past")
    rows = chosen.selection.rows
    if not rows:
        st.caption("Choose a row to look at it, or to delete it.")
        return
    entry = entries[rows[0]]
    run = load.run(entry.meta["run"])
    st.markdown(f"**{text.plain(entry.title, 100)}**")
    st.caption(text.plain(run.meta.get("device_sentence", ""), 200))
    st.json({key: value for key, value in run.meta.items() if key != "device_sentence"}, expanded=False)
    with st.container(horizontal=True):
        if st.button("Look at it", icon=":material/visibility:", type="primary", key="look"):
            state.put("lists", entry.digest)
            st.rerun()
        with st.popover("Delete", icon=":material/delete:"):
            st.caption("The lists, and with a run's own lists its model, are removed from the workspace.")
            if st.button("Delete for good", key="delete"):
                _delete(entry)
                st.rerun()


def _delete(entry: Entry) -> None:
    workspace = state.workspace()
    workspace.delete("lists", entry.digest)
    if not any(other.meta["run"] == entry.meta["run"] for other in workspace.entries("lists")):
        workspace.delete("runs", entry.meta["run"])
    if state.get("lists") == entry.digest:
        state.put("lists", None)


def bring(data: str) -> None:
    st.caption("…")
