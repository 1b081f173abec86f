"""Lists and runs of a data set: which there are, and what can be done with them."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

import pandas as pd
import streamlit as st

from fairdash import words
from fairdash.data import sources
from fairdash.data.synthetic import Planted
from fairdash.run import Run
from fairdash.stages.feedback import FEEDBACK
from fairdash.ui import keeping, load, naming, parts, state
from fairdash.workspace import Entry


def of(data: str | None) -> list[Entry]:
    """Lists that belong to a data set, or to one that it is a version of or that is a version of it, newest first:
    runs' own, imported ones and mitigated ones."""
    workspace = state.workspace()
    if data is None:
        return []
    family = _family(data)
    runs = {run.digest for run in workspace.entries("runs") if run.meta.get("dataset") in family}
    return [entry for entry in workspace.entries("lists") if entry.meta["run"] in runs]


def planted(run: str) -> tuple[Planted, ...]:
    """The biases that the data of a run is known to have; none where it was not made up."""
    workspace = state.workspace()
    data = workspace.get("runs", run).meta.get("dataset") or ""
    known = workspace.get("datasets", data).meta["provenance"] if workspace.has("datasets", data) else {}
    return sources.planted(known.get("source") or "")


def _family(data: str) -> set[str]:
    """A data set with those that it came from and that came from it by feedback."""
    of = {
        entry.digest: entry.meta.get("provenance", {}).get(FEEDBACK, {}).get("of")
        for entry in state.workspace().entries("datasets")
    }
    found, grown = set[str](), {data}
    while grown != found:
        found = grown
        grown = found | {b for a, b in of.items() if b and a in found} | {a for a, b in of.items() if b in found}
    return found


def past(data: str) -> None:
    """A table of all lists of the data set; one is looked at, downloaded or deleted."""
    entries = of(data)
    if not entries:
        parts.empty(
            words.say("Nothing trained or brought yet"),
            words.say("Trained recommenders and brought lists are kept here."),
        )
        return
    splits = {run.digest: run.meta.get("split", "") for run in state.workspace().entries("runs")}
    table = pd.DataFrame(
        {
            words.later("name"): list(map(naming.namer(entries, 80), (entry.digest for entry in entries))),
            words.later("split"): [splits.get(entry.meta["run"], "") for entry in entries],
            words.later("made"): [datetime.fromtimestamp(entry.meta["created"]) for entry in entries],
        }
    )
    chosen = st.dataframe(table, hide_index=True, placeholder=words.DASH, on_select="rerun",
                          selection_mode="single-row", key="past", column_config=parts.heads(table))  # fmt: skip
    if not chosen.selection.rows:
        st.caption(words.say("Choose a row to look at it, to download it, or to delete it."))
        return
    entry = entries[chosen.selection.rows[0]]
    run, lists = load.lists(entry.digest)
    st.markdown(f"**{words.plain(entry.title, 100)}**")
    st.caption(words.plain(run.meta.get("device_sentence", ""), 200))
    st.json({key: value for key, value in run.meta.items() if key != "device_sentence"}, expanded=False)
    with st.container(horizontal=True):
        parts.submit(words.say("Look at it"), state.put, "lists", entry.digest, icon=":material/visibility:",
                     type="primary", key="look")  # fmt: skip
        parts.save(
            words.say("Lists"),
            lambda: parts.csv_bytes(lists.to_frame(run.split.training.users, run.split.training.items)),
            "recommendations.csv",
            "text/csv",
            "lists-csv",
        )
        if run.has_model:
            told = words.say("A folder that FairDash opens again, with the weights in safetensors.")
            parts.save(words.say("Model"), lambda: _zip(run), "model.zip", "application/zip", "model-zip", told)
        alone = sum(other.meta["run"] == entry.meta["run"] for other in entries) == 1
        keeping.offer("runs" if alone else "lists", entry.meta["run"] if alone else entry.digest)


def _zip(run: Run) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted((run.folder / "model").rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(run.folder))
    return buffer.getvalue()
