"""Which audit or comparison a report is about, and the report of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlencode

import streamlit as st

from fairdash import words
from fairdash.report import KINDS
from fairdash.report import known as knowledge
from fairdash.report.document import Document
from fairdash.ui import load, naming, parts, state

Kind = Literal["comparison", "audit"]
OF = {"comparison": words.later("Of a comparison"), "audit": words.later("Of an audit")}


def choose() -> tuple[str, str] | None:
    """The kind and the digest of what is reported; None where there is nothing to report, which is said."""
    workspace = state.workspace()
    there = {"comparison": workspace.entries("comparisons"), "audit": workspace.entries("audits")}
    if not any(there.values()):
        parts.empty(
            words.say("Nothing to report yet"),
            words.say("A report tells what an audit found, or what a mitigation changed."),
            "audit",
            words.say("Audit"),
        )
        return None
    offered = {kind: title for kind, title in OF.items() if there[kind]}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = parts.tabs(words.say("Of what"), offered, "of", "audit" if "comparison" not in offered else None)
        entries = {entry.digest: entry for entry in there[kind]}
        label = words.say("Comparison") if kind == "comparison" else words.say("Audit")
        held = state.shared if kind == "comparison" else state.own
        digest = st.selectbox(
            label, list(entries), format_func=naming.namer(list(entries.values()), 80), width=520,
            **held(kind, next(iter(entries)), state.one_of(entries)),
        )  # fmt: skip
    return kind, digest


def document(kind: str, digest: str, *, frames: bool) -> Document:
    """The report of an entry of the workspace."""
    value, known = _known(kind, digest)
    return KINDS[kind](value, known, datetime.now(UTC), frames=frames)


def _known(kind: str, digest: str) -> tuple[dict[str, Any], knowledge.Known]:
    workspace = state.workspace()
    if kind == "audit":
        return load.audit(digest), knowledge.of_audit(workspace, digest)
    return load.comparison(digest), knowledge.of_comparison(workspace, digest)


def link() -> str:
    """The URL of this view on this server."""
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(st.query_params.to_dict())}"
