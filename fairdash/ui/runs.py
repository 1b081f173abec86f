"""Lists and runs of a data set: which there are, and what can be done with them."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from fairdash import words
from fairdash.entries import get_run
from fairdash.errors import FairDashError
from fairdash.run import Run
from fairdash.ui import load, parts, state
from fairdash.workspace import Entry


def of(data: str | None) -> list[Entry]:
    """Lists that belong to a data set, newest first: runs' own, imported ones and mitigated ones."""
    workspace = state.workspace()
    if data is None:
        return []
    runs = {run.digest for run in workspace.entries("runs") if run.meta.get("dataset") == data}
    return [entry for entry in workspace.entries("lists") if entry.meta["run"] in runs]


def namer(entries: Sequence[Entry], limit: int = words.MAX_LABEL) -> Callable[[Any], str]:
    """The `format_func` of a choice among entries by their digests: equal titles say in what they differ."""
    titles = {entry.digest: entry.title for entry in entries}
    again = {title for title, times in Counter(words.label(t, limit) for t in titles.values()).items() if times > 1}
    facts = [_facts(entry) if words.label(entry.title, limit) in again else {} for entry in entries]
    return words.namer(list(titles), titles.__getitem__, facts, limit)


def _facts(entry: Entry) -> dict[str, str]:
    """What can tell an entry from one of the same title, as short words by name."""
    meta = entry.meta
    facts = {what: words.count(meta[f"n_{what}"]) for what in ("users", "items", "interactions") if f"n_{what}" in meta}
    run = meta.get("run")
    if run is not None:
        facts |= _made(run)
    mitigation = meta.get("mitigation") or {}
    specs = [*meta.get("groups", ()), *mitigation.get("groups", ())]
    facts["by"] = ", ".join(dict.fromkeys(" × ".join(spec["attributes"]) for spec in specs))
    if "k" in meta:
        facts["K"] = str(meta["k"])
    for side in ("before", "after"):
        if side in meta:
            facts |= {f"{side}: {name}": told for name, told in _of_lists(meta[side]).items()}
    created = datetime.fromtimestamp(float(meta.get("created", 0.0)))
    return {**facts, "made": f"{created:%Y-%m-%d %H:%M:%S}"}


def _of_lists(digest: str) -> dict[str, str]:
    workspace = state.workspace()
    return _made(workspace.get("lists", digest).meta["run"]) if workspace.has("lists", digest) else {}


@st.cache_data(max_entries=512, show_spinner=False)
def _made(run: str) -> dict[str, str]:
    """Split, seed and options of a run; nothing of one that cannot be read."""
    with suppress(FairDashError):
        meta = get_run(state.workspace(), run).meta
        options = {name.replace("_", " "): str(value) for name, value in meta.get("options", {}).items()}
        known = {"split": meta.get("split"), "seed": meta.get("seed"), **options}
        return {name: words.label(value, 40) for name, value in known.items() if value not in (None, "")}
    return {}


def past(data: str) -> None:
    """A table of all lists of the data set; one is looked at, downloaded or deleted."""
    entries = of(data)
    if not entries:
        parts.empty("Nothing trained or brought yet", "Trained recommenders and brought lists are kept here.")
        return
    table = pd.DataFrame(
        {
            "name": list(map(namer(entries, 80), (entry.digest for entry in entries))),
            "split": [state.workspace().get("runs", entry.meta["run"]).meta.get("split", "") for entry in entries],
            "made": [datetime.fromtimestamp(entry.meta["created"]) for entry in entries],
        }
    )
    chosen = st.dataframe(table, hide_index=True, on_select="rerun", selection_mode="single-row", key="past")
    if not chosen.selection.rows:
        st.caption("Choose a row to look at it, to download it, or to delete it.")
        return
    entry = entries[chosen.selection.rows[0]]
    run, lists = load.lists(entry.digest)
    st.markdown(f"**{words.plain(entry.title, 100)}**")
    st.caption(words.plain(run.meta.get("device_sentence", ""), 200))
    st.json({key: value for key, value in run.meta.items() if key != "device_sentence"}, expanded=False)
    with st.container(horizontal=True):
        st.button("Look at it", icon=":material/visibility:", type="primary", key="look", on_click=state.put,
                  args=("lists", entry.digest))  # fmt: skip
        st.download_button(
            "Lists", lambda: parts.csv_bytes(lists.to_frame(run.split.training.users, run.split.training.items)),
            "recommendations.csv", "text/csv", icon=":material/download:", on_click="ignore", key="lists-csv",
        )  # fmt: skip
        if run.has_model:
            st.download_button("Model", lambda: _zip(run), "model.zip", "application/zip", key="model-zip",
                               icon=":material/download:", on_click="ignore",
                               help="A folder that FairDash opens again, with the weights in safetensors.")  # fmt: skip
        with st.popover("Delete", icon=":material/delete:"):
            st.caption("The lists, and with a run's own lists its model, are removed from the workspace.")
            st.button("Delete for good", key="delete", on_click=_delete, args=(entry,))


def _zip(run: Run) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted((run.folder / "model").rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(run.folder))
    return buffer.getvalue()


def _delete(entry: Entry) -> None:
    workspace = state.workspace()
    workspace.delete("lists", entry.digest)
    if not any(other.meta["run"] == entry.meta["run"] for other in workspace.entries("lists")):
        workspace.delete("runs", entry.meta["run"])
    if state.get("lists") == entry.digest:
        state.put("lists", None)
