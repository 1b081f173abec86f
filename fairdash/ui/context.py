"""The sidebar: which data and which recommendations every page talks about, and which jobs are at work."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from fairdash import words
from fairdash.jobs.table import Job
from fairdash.ui import account, naming, parts, runs, state
from fairdash.workspace import Entry

BARS = 4  # jobs that have a bar of their own


def sidebar() -> None:
    """Choose what is in view; the choice goes into the URL."""
    account.section()
    if account.is_visitor():
        language()
        return
    workspace = state.workspace()
    damaged = len(workspace.damaged())
    if damaged:
        st.warning(
            words.say(
                "{n} thing of this workspace is damaged.", "{n} things of this workspace are damaged.", n=damaged
            ),
            icon=":material/broken_image:",
        )
        parts.go("data", words.say("See what to do"), tab="storage")
    of_lists = state.data_of(state.get("lists"))
    if state.get("data") is None and of_lists is not None:  # a link that names lists alone
        state.put("data", of_lists)
    _choose(words.say("Data set"), "data", workspace.entries("datasets"))
    lists = runs.of(state.get("data"))
    own = next((entry.digest for entry in lists if not entry.meta.get("mitigation")), None)
    _choose(words.say("Recommendations"), "lists", lists, own)
    language()
    with parts.errors():  # a page without its jobs is still a page
        jobs = parts.active_jobs()
        if jobs:
            parts.live(_strip, _shown(jobs), every=2 * parts.POLL_SECONDS)


def language() -> None:
    """In which language the pages speak."""
    languages = words.languages()
    st.selectbox(words.say("Language"), list(languages), format_func=languages.__getitem__,
                 **state.shared("lang", words.spoken(), state.one_of(languages)))  # fmt: skip


def _shown(jobs: Sequence[Job]) -> list[str]:
    """Those that run, and the first that wait."""
    return [job.id for job in sorted(jobs, key=lambda job: job.state != "running")[:BARS]]


def _choose(label: str, name: str, entries: Sequence[Entry], first: str | None = None) -> None:
    """first: what is in view where nothing was chosen; else the newest. A recommender's own lists come before those
    that a mitigation made of them: what was found stands before what was done."""
    digests = [entry.digest for entry in entries]
    current = state.get(name)
    if current not in digests:
        current = first or next(iter(digests), None)
        state.put(name, current)
    if current is not None:
        st.selectbox(label, digests, format_func=naming.namer(entries),
                     **state.shared(name, current, state.one_of(digests)))  # fmt: skip


def _strip(shown: list[str]) -> None:
    """One thin bar a job; the page is run again when a job starts or ends."""
    jobs = {job.id: job for job in parts.active_jobs()}
    if _shown(list(jobs.values())) != shown:
        st.rerun()
    for job in map(jobs.__getitem__, shown):
        st.progress(
            min(1.0, job.done),
            text=f"{words.plain(words.again(job.title, job.said), 40)} · {words.percent(job.done, 0)}",
        )
    if len(jobs) > len(shown):
        more = len(jobs) - len(shown)
        st.caption(words.say("{n} more job waits.", "{n} more jobs wait.", n=more))
