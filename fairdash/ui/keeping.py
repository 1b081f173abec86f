"""What the workspace keeps: how large it is, and how to delete an entry with all that hangs on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import get_args

import pandas as pd
import streamlit as st

from fairdash import entries, settings, words
from fairdash.ui import naming, parts, state
from fairdash.workspace import Area, Entry, Kind

_COUNTED: Mapping[str, Callable[[int], str]] = {
    "datasets": lambda n: words.count(n, "data set"),
    "runs": lambda n: words.count(n, "run"),
    "lists": lambda n: words.count(n, "set of lists", "sets of lists"),
    "audits": lambda n: words.count(n, "audit"),
    "comparisons": lambda n: words.count(n, "comparison"),
    "begun": lambda n: words.count(n, "training that was begun", "trainings that were begun"),
    "searches": lambda n: words.count(n, "search", "searches"),
    "jobs": lambda n: words.count(n, "job"),
}
_KINDS: Mapping[Kind, str] = {
    "datasets": words.later("Data set"),
    "runs": words.later("Run"),
    "lists": words.later("Lists"),
    "audits": words.later("Audit"),
    "comparisons": words.later("Comparison"),
}
_AREAS: Mapping[Area, tuple[str, str]] = {  # title, what it means to be without
    "uploads": (
        words.later("Uploaded models"),
        words.later("Runs keep their own copies; a model that was only uploaded has to be brought again."),
    ),
    "searches": (words.later("Searches of options"), words.later("A search is made again when it is asked for.")),
    "cache": (
        words.later("Text vectors"),
        words.later("They are computed again when a recommender reads the same texts."),
    ),
}


def section() -> None:
    """How full the workspace is, what in it is damaged, its entries, and what lies beside them."""
    usage = state.workspace().usage()
    used = sum(usage.values())
    said = words.say(
        "{used} of {QUOTA_GB} GB are used.", used=words.size(used), QUOTA_GB=words.number(settings.QUOTA_GB, 0)
    )
    st.progress(min(1.0, used / (settings.QUOTA_GB * 1e9)), text=said)
    st.caption(
        words.say("The workspace is the folder {root} on this server.", root=words.plain(state.workspace().root, 200))
    )
    for gone in state.workspace().damaged():
        parts.error(gone)
        parts.act(words.say("Delete for good"), entries.delete, state.workspace(), gone.kind, gone.digest,
                  icon=":material/delete:", key=f"damaged-{gone.kind}-{gone.digest}")  # fmt: skip
    _entries()
    for column, (area, (title, without)) in zip(st.columns(len(_AREAS)), _AREAS.items(), strict=True):
        with column, st.container(border=True, height="stretch", key=f"area-{area}"):
            st.markdown(f"**{words.say(title)}**, {words.size(usage[area])}")
            st.caption(words.say(without))
            with st.popover(words.say("Delete"), icon=":material/delete:", disabled=not usage[area]):
                st.caption(words.say("All {usage} are removed from the workspace.", usage=words.size(usage[area])))
                parts.act(words.say("Delete for good"), entries.clear, state.workspace(), area, key=f"clear-{area}")


def _entries() -> None:
    kept: list[Entry] = [entry for kind in get_args(Kind) for entry in state.workspace().entries(kind)]
    if not kept:
        parts.empty(
            words.say("Nothing is kept yet"), words.say("Data sets, runs, audits and comparisons will be listed here.")
        )
        return
    named = naming.namer(kept, 80)
    table = pd.DataFrame(
        {
            words.later("kind"): [words.say(_KINDS[entry.kind]) for entry in kept],
            words.later("name"): [named(entry.digest) for entry in kept],
            words.later("MB"): [
                sum(file.stat().st_size for file in entry.path.rglob("*") if file.is_file()) / 1e6 for entry in kept
            ],
            words.later("made"): [datetime.fromtimestamp(float(entry.meta.get("created", 0.0))) for entry in kept],
        }
    )
    numbers = {"MB": st.column_config.NumberColumn(format="%.1f")}
    chosen = st.dataframe(table, hide_index=True, placeholder=words.DASH, on_select="rerun",
                          selection_mode="single-row", key="kept",
                          column_config=parts.heads(table, numbers))  # fmt: skip
    if not chosen.selection.rows:
        st.caption(words.say("Choose a row to see what hangs on it, and to delete it."))
        return
    entry = kept[chosen.selection.rows[0]]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{words.plain(named(entry.digest), 200)}**", width="stretch")
        offer(entry.kind, entry.digest)


def offer(kind: Kind, digest: str) -> None:
    """A button that deletes an entry, after it has said what goes with it."""
    with st.popover(words.say("Delete"), icon=":material/delete:"):
        going = entries.hanging(state.workspace(), kind, digest)
        told = words.join([_COUNTED[name](number) for name, number in going.counts.items()])
        st.caption(
            words.say("This removes {told} from the workspace, {bytes}.", told=told, bytes=words.size(going.bytes))
        )
        parts.submit(words.say("Delete for good"), entries.delete, state.workspace(), kind, digest, key="delete")
