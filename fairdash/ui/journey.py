"""The steps from data to a comparison: how far the workspace has come, its latest comparison, and a demo of all."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from fairdash import words
from fairdash.data import sources
from fairdash.jobs import runner
from fairdash.report import findings
from fairdash.stages import example as shipped
from fairdash.stages import feed, planted
from fairdash.stages.compare import sentences
from fairdash.stages.disclosure import withheld
from fairdash.ui import guide, load, parts, runs, state

STEPS: tuple[
    tuple[str, str, Callable[[int], str], str], ...
] = (  # page, what it makes, how many in words, why one would do it
    (
        "data",
        "datasets",
        lambda n: words.count(n, "data set"),
        words.later("Bring interactions and people, or take a set from the catalogue."),
    ),
    (
        "recommender",
        "runs",
        lambda n: words.count(n, "recommender"),
        words.later("Train a BERT recommender, or bring another system's lists."),
    ),
    (
        "audit",
        "audits",
        lambda n: words.count(n, "audit"),
        words.later("See who gets what, how well, and whether the differences are real."),
    ),
    (
        "mitigate",
        "lists",
        lambda n: words.count(n, "mitigation"),
        words.later("Change data, training, vectors or lists, and see what it costs."),
    ),
    (
        "compare",
        "comparisons",
        lambda n: words.count(n, "comparison"),
        words.later("Show what changed, for whom, with intervals."),
    ),
)
DEMO = {"dataset": "synthetic"}


def steps() -> str | None:
    """A card a step; returns the page of the first one that has not been made, None when all have."""
    workspace = state.workspace()
    counts = {kind: len(workspace.entries(kind)) for kind in ("datasets", "runs", "audits", "comparisons")}
    counts["lists"] = sum(1 for entry in workspace.entries("lists") if entry.meta.get("mitigation"))
    for column, (number, (page, kind, counted, why)) in zip(st.columns(len(STEPS)), enumerate(STEPS, 1), strict=True):
        with column, st.container(border=True, height="stretch", key=f"step-{page}"):
            mark = ":green[:material/check_circle:]" if counts[kind] else f"{number}"
            st.markdown(f"**{mark} {words.say(state.JOURNEY[page][0])}**")
            st.caption(counted(counts[kind]) if counts[kind] else words.say(why))
            parts.go(page, words.say("Open"), icon=":material/arrow_forward:")
    return next((page for page, kind, _, _ in STEPS if not counts[kind]), None)


def example() -> None:
    """For whoever has nothing yet: what a finished audit says, marked as an example."""
    audit = withheld(shipped.read())
    cards = feed.feed(audit, things=words.say(sources.things(shipped.SOURCE)))[:3]
    st.header(words.say("What an audit says"))
    st.caption(guide.example_note(audit["n_users"]))
    for column, card in zip(st.columns(len(cards)), cards, strict=True):
        with column, st.container(border=True, height="stretch", key=f"example-{card.question}"):
            st.markdown(f"**{words.plain(card.plain, 300)}**")
            picture = findings.picture(card)
            if picture is not None:
                parts.image(picture)
    parts.go("guide", words.say("How to read this, step by step"), icon=":material/menu_book:", part="worked")


def starts() -> None:
    """The three ways to begin."""
    st.header(words.say("Begin"))
    columns = st.columns(3)
    with columns[0], st.container(border=True, height="stretch", key="start-demo"):
        st.markdown(words.say("**See it work on made-up data**"))
        st.caption(
            words.say(
                "A synthetic streaming service with known biases: trained, audited, mitigated and compared in a "
                "minute or two, without a network."
            )
        )
        _run_demo()
    with columns[1], st.container(border=True, height="stretch", key="start-data"):
        st.markdown(words.say("**Bring your data**"))
        told = words.later("Who chose what, and who they are, as CSV or almost any table; or take MovieLens.")
        st.caption(words.say(told))
        parts.go("data", words.say("Bring files"), icon=":material/upload_file:", tab="upload")
        parts.go("data", words.say("Take a known data set"), icon=":material/library_books:", tab="catalogue")
    with columns[2], st.container(border=True, height="stretch", key="start-lists"):
        st.markdown(words.say("**Audit a system that you have**"))
        st.caption(words.say("Bring its data, then the lists that it made: no training is needed."))
        parts.go("recommender", words.say("Bring lists"), icon=":material/playlist_add_check:", how="bring")


def _run_demo(look: str = "primary") -> None:
    parts.act(
        words.say("Run the demo"),
        runner.submit,
        state.workspace(),
        "demo",
        words.say("Demo on synthetic data"),
        DEMO,
        type=look,
        icon=":material/play_arrow:",
        key="run-demo",
    )


def finding() -> None:
    """The surest finding of the lists that were audited last, by the audit of theirs that asked most, whichever part of
    a page was looked at since; and the way to the people behind it."""
    audits = state.workspace().entries("audits")
    of_them = [entry for entry in audits if entry.meta["lists"] == audits[0].meta["lists"]]
    for entry in sorted(of_them, key=lambda one: -len(one.meta["groups"]) - len(one.meta["item_groups"]))[:1]:
        audit = load.audit(entry.digest)
        cards = [
            card for card in feed.feed(audit, things=words.say(_things(entry.meta["lists"]))) if card.kind == "found"
        ]
        st.header(words.say("Latest finding"))
        st.caption(_of(entry.meta["lists"]))
        if not cards:
            st.markdown(words.say("No difference was found between groups."))
        else:
            left, right = st.columns([11, 9], gap="medium")
            with left:
                st.markdown(f"**{words.plain(cards[0].plain, 300)}**")
                st.caption(words.plain(cards[0].sentence, 600))
                parts.go("audit", words.say("See the findings"), icon=":material/balance:", lists=entry.meta["lists"])
            picture = findings.picture(cards[0])
            if picture is not None:
                with right:
                    parts.image(picture)


def _of(lists: str) -> str:
    """Of which data and which lists something is, as others may be in view."""
    workspace, data = state.workspace(), state.data_of(lists)
    named = [workspace.get("datasets", data).title] if data else []
    named += [workspace.get("lists", lists).title] if workspace.has("lists", lists) else []
    return words.plain(" · ".join(named), 160)


def _things(lists: str) -> str:
    """What the items of lists are called, in English."""
    workspace = state.workspace()
    run = workspace.get("lists", lists).meta["run"] if workspace.has("lists", lists) else ""
    data = str(workspace.get("runs", run).meta.get("data", "")) if run and workspace.has("runs", run) else ""
    return sources.things(data)


def latest() -> None:
    """What the latest comparison says, if there is one."""
    comparisons = state.workspace().entries("comparisons")
    if comparisons:
        st.header(words.say("Latest comparison"))
        st.caption(_of(str(comparisons[0].meta["before"])))
        st.markdown(f"**{words.plain(comparisons[0].title, 120)}**")
        for said in sentences(load.comparison(comparisons[0].digest))[:3]:
            st.markdown(f"- {words.plain(said, 4000)}")
        sides = {side: str(comparisons[0].meta[side]) for side in ("before", "after")}
        parts.go(
            "compare",
            words.say("See the comparison"),
            icon=":material/compare_arrows:",
            lists=sides["before"],
            comparison=comparisons[0].digest,
            **sides,
        )
        _planted(sides["before"])


def _planted(lists: str) -> None:
    """Of made-up data: what was put in, beside what the audits of these lists found."""
    workspace = state.workspace()
    if not workspace.has("lists", lists):
        return
    facts = runs.planted(workspace.get("lists", lists).meta["run"])
    audits = [load.audit(entry.digest) for entry in workspace.entries("audits") if entry.meta["lists"] == lists]
    if facts and audits:
        st.markdown(words.say("**What was planted in this made-up service, and what the audits found**"))
        for row in planted.beside(facts, audits):
            told = words.say("Found: {found}.", found=row["found"])
            st.markdown(f"- {words.plain(row['planted'], 300)} **{words.plain(told, 300)}**")


def demo(following: str | None) -> None:
    """The demo in one click, its job while it runs, and the way to the next step."""
    job = parts.last_job("demo", DEMO)
    if job is not None and job.state != "done":
        parts.job(job.id)
    elif following is None:
        st.caption(words.say("Everything has been done once. Go on with another mitigation, or bring other data."))
    elif job is None:
        with st.container(horizontal=True, vertical_alignment="center", key="demo"):
            parts.go(
                following,
                words.say("Next: {page}", page=words.say(state.JOURNEY[following][0])),
                icon=":material/arrow_forward:",
            )
            _run_demo("secondary")
