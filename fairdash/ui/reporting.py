"""Which audit or comparison a report and its slides are about, and both of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from fairdash import words
from fairdash.report import KINDS
from fairdash.report import known as knowledge
from fairdash.report.document import Document
from fairdash.report.known import Known
from fairdash.report.story import Subject
from fairdash.stages import feed
from fairdash.stages.audit import AuditSpec
from fairdash.ui import auditing, forms, load, naming, parts, state
from fairdash.workspace import Entry, Kind

OF: dict[Kind, str] = {"comparisons": words.later("Of a comparison"), "audits": words.later("Of an audit")}
_NAMES: dict[Kind, str] = {"comparisons": "comparison", "audits": "audit"}  # in the URL, and of a report
MOST_COMPARED = 4  # comparisons with the same lists before that a story may hold beside its own


def choose(*, shown: bool = True) -> tuple[Kind, str] | None:
    """The kind and the digest of what is reported; None where there is nothing to report, which is said. Not shown: as
    the URL says, without controls."""
    there = {kind: state.workspace().entries(kind) for kind in OF}
    offered = {kind: title for kind, title in OF.items() if there[kind]}
    if not offered:
        parts.empty(
            words.say("Nothing to report yet"),
            words.say("A report tells what an audit found, or what a mitigation changed."),
            "audit",
            words.say("Audit"),
        )
        return None
    if not shown:
        kind = state.seen("of", next(iter(offered)), _one_of(offered))
        entries = {entry.digest: entry for entry in there[kind]}
        return kind, state.seen(_NAMES[kind], next(iter(entries)), state.one_of(entries))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = _one_of(offered)(parts.tabs(words.say("Of what"), {str(k): t for k, t in offered.items()}, "of"))
        entries = {entry.digest: entry for entry in there[kind]}
        return kind, _entry(kind, entries)


def _one_of(offered: dict[Kind, str]) -> Any:
    return {str(kind): kind for kind in offered}.__getitem__


def _entry(kind: Kind, entries: dict[str, Entry]) -> str:
    label = words.say("Comparison") if kind == "comparisons" else words.say("Audit")
    first, accept = next(iter(entries)), state.one_of(entries)
    held = state.shared("comparison", first, accept) if kind == "comparisons" else state.own("audit", first, accept)
    named = naming.namer(list(entries.values()), 80)
    found: str = st.selectbox(label, list(entries), format_func=named, width=520, **held)
    return found


def frames() -> bool:
    """Whether the sections under the headings of EU law are wanted."""
    return st.toggle(
        words.say("Headings of EU law"),
        help=words.say("With sections under the headings of Annex IV of the AI Act and of DSA Articles 27, 34 and 35."),
        **state.own("frames", False, "True".__eq__),
    )


def document(kind: Kind, digest: str, *, frames: bool) -> Document:
    """The report of an entry of the workspace."""
    value, known = _value(kind, digest)
    return KINDS[_NAMES[kind]](value, known, datetime.now(UTC), frames=frames)


def _value(kind: Kind, digest: str) -> tuple[dict[str, Any], Known]:
    workspace = state.workspace()
    if kind == "audits":
        return load.audit(digest), knowledge.of_audit(workspace, digest, load.run)
    return load.comparison(digest), knowledge.of_comparison(workspace, digest, load.run)


def subject(kind: Kind, digest: str) -> Subject:
    """What the slides of an entry are about: its audit, or the lists before with all that was compared with them."""
    value, known = _value(kind, digest)
    workspace = state.workspace()
    entry = workspace.get(kind, digest)
    if kind == "audits":
        return Subject(value, *load.lists(entry.meta["lists"]), known)
    before = entry.meta["before"]
    same = [one for one in workspace.entries(kind) if one.meta["before"] == before]
    others = {one.meta["after"]: one.digest for one in reversed(same) if one.meta["after"] != entry.meta["after"]}
    newest = list(others.values())[::-1]  # of the same lists, looked at in several ways, the latest alone
    compared = [(value, known), *(_value(kind, one) for one in newest[:MOST_COMPARED])]
    spec, found = looked(before, AuditSpec.from_json(entry.meta))
    own = replace(known, lists=known.lists[:1], spec=spec)
    return Subject(found, *load.lists(before), own, compared)


def looked(lists: str, asked: AuditSpec) -> tuple[AuditSpec, dict[str, Any]]:
    """Every attribute, the crossings and the items of some lists at once: how, and what was found. asked: its groups
    and its K are part of it."""
    run, _ = load.lists(lists)
    people = list(forms.attributes(run.split.training.people).values())
    spec = feed.spec(people, auditing.of_items(run), also=asked.groups, k=asked.k)
    return spec, auditing.measured(lists, spec)


def link(**query: str) -> str:
    """The URL of this view on this server."""
    return f"{(st.context.url or '').split('?')[0]}?{urlencode({**st.query_params.to_dict(), **query})}"
