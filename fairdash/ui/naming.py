"""What entries of the workspace are called where one of several is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import streamlit as st

from fairdash import words
from fairdash.entries import get_run
from fairdash.errors import FairDashError
from fairdash.ui import state
from fairdash.workspace import Entry


def namer(entries: Sequence[Entry], limit: int = words.MAX_LABEL) -> Callable[[Any], str]:
    """The `format_func` of a choice among entries by their digests: equal titles say in what they differ."""
    titles = {entry.digest: entry.title for entry in entries}
    again = {title for title, times in Counter(words.label(t, limit) for t in titles.values()).items() if times > 1}
    facts = [_facts(entry) if words.label(entry.title, limit) in again else {} for entry in entries]
    return words.namer(list(titles), titles.__getitem__, facts, limit)


def _facts(entry: Entry) -> dict[str, str]:
    """What can tell an entry from one of the same title, as short words by name."""
    meta = entry.meta
    facts = {
        what: words.count(meta[f"n_{what}"])
        for what in words.several("users", "items", "interactions")
        if f"n_{what}" in meta
    }
    run = meta.get("run")
    if run is not None:
        facts |= _run(run)
    mitigation = meta.get("mitigation") or {}
    specs = [*meta.get("groups", ()), *mitigation.get("groups", ())]
    facts[words.later("by")] = ", ".join(dict.fromkeys(" × ".join(spec["attributes"]) for spec in specs))
    if "k" in meta:
        facts["K"] = str(meta["k"])
    for side in words.several("before", "after"):
        if side in meta:
            facts |= {f"{side}: {name}": told for name, told in _of_lists(meta[side]).items()}
    created = datetime.fromtimestamp(float(meta.get("created", 0.0)))
    return {**facts, words.later("made"): f"{created:%Y-%m-%d %H:%M:%S}"}


def _of_lists(digest: str) -> dict[str, str]:
    workspace = state.workspace()
    return _run(workspace.get("lists", digest).meta["run"]) if workspace.has("lists", digest) else {}


def _run(digest: str) -> dict[str, str]:
    return _made(digest) if state.workspace().has("runs", digest) else {}


@st.cache_data(max_entries=512, show_spinner=False)
def _made(run: str) -> dict[str, str]:
    """Split, seed and options of a run; nothing of one that cannot be read."""
    with suppress(FairDashError):
        meta = get_run(state.workspace(), run).meta
        options = {name.replace("_", " "): str(value) for name, value in meta.get("options", {}).items()}
        known = {words.later("split"): meta.get("split"), words.later("seed"): meta.get("seed"), **options}
        return {name: words.label(value, 40) for name, value in known.items() if value not in (None, "")}
    return {}
