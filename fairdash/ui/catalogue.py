"""The data sets that come by name: what each holds, its terms before anything is fetched, and the job that loads it."""

from __future__ import annotations

import streamlit as st

from fairdash import words
from fairdash.data.sources import SOURCES, SourceInfo
from fairdash.jobs import runner
from fairdash.ui import parts, state


def section() -> None:
    """One card a data set."""
    loaded = {entry.meta.get("provenance", {}).get("source"): entry.digest
              for entry in state.workspace().entries("datasets")}  # fmt: skip
    sources = list(SOURCES.values())
    for start in range(0, len(sources), 2):
        for column, source in zip(st.columns(2), sources[start : start + 2], strict=False):
            with column, st.container(border=True, height="stretch", key=f"source-{source.name}"):
                _card(source, loaded.get(source.name))


def _card(source: SourceInfo, digest: str | None) -> None:
    st.markdown(f"**{words.say(source.title)}**")
    st.caption(words.say(source.summary))
    size = (
        words.say(" · {size_mb} MB to fetch", size_mb=words.brief(source.size_mb))
        if source.size_mb
        else words.say(" · no network needed")
    )
    st.markdown(
        words.say(
            "{people} · {items}{size}",
            people=words.count(source.people, "person", "people"),
            items=words.count(source.items, "item"),
            size=size,
        )
    )
    if source.url:
        st.caption(f"**{source.licence}.** {words.say(source.terms)} {words.plain(source.citation, 400)}")
    params = {"source": source.name}
    job = parts.last_job("dataset", params)
    if job is not None and job.state != "done":
        parts.job(job.id)
    elif digest is not None:
        parts.act(words.say("Look at it"), look_at, digest, icon=":material/visibility:", key=f"use-{source.name}")
    else:
        agreed = not source.url or st.checkbox(words.say("I have read the terms and keep to them"),
                                               key=f"terms-{source.name}")  # fmt: skip
        parts.act(
            words.say("Load"),
            runner.submit,
            state.workspace(),
            "dataset",
            words.say("Load {title}", title=words.say(source.title)),
            params,
            type="primary",
            icon=":material/download:",
            key=f"load-{source.name}",
            disabled=not agreed,
        )


def look_at(digest: str) -> None:
    """Have this data set in view, on the Data page."""
    state.put("data", digest)
    state.put("lists", None)
    state.put("tab", "view")
