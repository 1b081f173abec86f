"""What the workspace keeps: how large it is, and how to delete an entry with all that hangs on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import get_args

import pandas as pd
import streamlit as st

from fairdash import entries, settings, words
from fairdash.ui import naming, parts, state
from fairdash.workspace import Area, Entry, Kind

_WORDS: Mapping[str, tuple[str, str]] = {  # one, many
    "datasets": ("data set", "data sets"),
    "runs": ("run", "runs"),
    "lists": ("set of lists", "sets of lists"),
    "audits": ("audit", "audits"),
    "comparisons": ("comparison", "comparisons"),
    "searches": ("search", "searches"),
    "jobs": ("job", "jobs"),
}
_AREAS: Mapping[Area, tuple[str, str]] = {  # title, what it means to be without
    "uploads": (
        "Uploaded models",
        "Runs keep their own copies; a model that was only uploaded has to be brought again.",
    ),
    "searches": ("Searches of options", "A search is made again when it is asked for."),
    "cache": ("Text vectors", "They are computed again when a recommender reads the same texts."),
}


def section() -> None:
    """How full the workspace is, its entries, and what lies beside them."""
    usage = state.workspace().usage()
    used = sum(usage.values())
    said = f"{words.size(used)} of {words.number(settings.QUOTA_GB, 0)} GB are used."
    st.progress(min(1.0, used / (settings.QUOTA_GB * 1e9)), text=said)
    st.caption(f"The workspace is the folder {words.plain(state.workspace().root, 200)} on this server.")
    _entries()
    for column, (area, (title, without)) in zip(st.columns(len(_AREAS)), _AREAS.items(), strict=True):
        with column, st.container(border=True, height="stretch", key=f"area-{area}"):
            st.markdown(f"**{title}**, {words.size(usage[area])}")
            st.caption(without)
            with st.popover("Delete", icon=":material/delete:", disabled=not usage[area]):
                st.caption(f"All {words.size(usage[area])} are removed from the workspace.")
                parts.act("Delete for good", entries.clear, state.workspace(), area, key=f"clear-{area}")


def _entries() -> None:
    kept: list[Entry] = [entry for kind in get_args(Kind) for entry in state.workspace().entries(kind)]
    if not kept:
        parts.empty("Nothing is kept yet", "Data sets, runs, audits and comparisons will be listed here.")
        return
    named = naming.namer(kept, 80)
    table = pd.DataFrame(
        {
            "kind": [words.sentence(_WORDS[entry.kind][0]) for entry in kept],
            "name": [named(entry.digest) for entry in kept],
            "MB": [
                sum(file.stat().st_size for file in entry.path.rglob("*") if file.is_file()) / 1e6 for entry in kept
            ],
            "made": [datetime.fromtimestamp(float(entry.meta.get("created", 0.0))) for entry in kept],
        }
    )
    numbers = {"MB": st.column_config.NumberColumn(format="%.1f")}
    chosen = st.dataframe(table, hide_index=True, on_select="rerun", selection_mode="single-row", key="kept",
                          column_config=numbers)  # fmt: skip
    if not chosen.selection.rows:
        st.caption("Choose a row to see what hangs on it, and to delete it.")
        return
    entry = kept[chosen.selection.rows[0]]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{words.plain(named(entry.digest), 200)}**", width="stretch")
        offer(entry.kind, entry.digest)


def offer(kind: Kind, digest: str) -> None:
    """A button that deletes an entry, after it has said what goes with it."""
    with st.popover("Delete", icon=":material/delete:"):
        going = entries.hanging(state.workspace(), kind, digest)
        told = words.join([words.count(number, *_WORDS[name]) for name, number in going.counts.items()])
        st.caption(f"This removes {told} from the workspace, {words.size(going.bytes)}.")
        parts.act("Delete for good", entries.delete, state.workspace(), kind, digest, key="delete")
