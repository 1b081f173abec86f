"""A tour of six steps: a bar above each page that says what one does there, and leads to the next. Whether it is on is
kept in the workspace."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Literal

import streamlit as st

from fairdash import words
from fairdash.ui import access, parts, state
from fairdash.workspace import write_json

Mode = Literal["new", "on", "ended"]
STEPS: dict[str, str] = {  # page → what one does there
    "data": words.later(
        "Here the data stands as it came: who is in it, what they chose, and what differs between groups before any "
        "model."
    ),
    "recommender": words.later(
        "Here a BERT recommender is trained, or the lists of another system are brought. A job goes on when the tab is "
        "closed."
    ),
    "audit": words.later(
        "Here the findings stand first, the surest on top: who gets what, how well, and whether it could be chance."
    ),
    "explore": words.later("Here one person’s list is looked at: change who they are, and see what stays."),
    "mitigate": words.later("Here something is done about a finding; the price is shown before it is paid."),
    "compare": words.later(
        "Here before and after are held against each other: what moved, what it cost, and who lost. A report and "
        "slides are made from it."
    ),
}


def _file() -> Path:
    return state.workspace().root / "tour.json"


def mode() -> Mode:
    """Whether the tour was never begun, is on, or was ended."""
    with suppress(OSError, ValueError):
        kept = json.loads(_file().read_text("utf-8"))
        if kept in ("on", "ended"):
            found: Mode = kept
            return found
    return "new"


def _set(to: Mode) -> None:
    state.workspace().changing().root.mkdir(parents=True, exist_ok=True)
    write_json(_file(), to)


def offer() -> None:
    """The way into the tour, quieter once it was ended."""
    now = mode()
    if now == "on" or not access.may("work"):  # whether it is on is kept
        return
    label = words.say("Take the tour: six steps") if now == "new" else words.say("Take the tour again")
    with st.container(horizontal=True, vertical_alignment="center", key="tour-offer"):
        parts.act(label, _set, "on", icon=":material/tour:", type="tertiary", key="tour-start")
        if now == "new":
            parts.act(words.say("No, thanks"), _set, "ended", type="tertiary", key="tour-refuse")


def bar(page: str) -> None:
    """What one does on this page, and the way on; nothing where the tour is not on."""
    if mode() != "on":
        return
    pages = list(STEPS)
    place = pages.index(page) if page in pages else -1
    with st.container(border=True, key="tour"), st.container(horizontal=True, vertical_alignment="center"):
        if place < 0:
            told = words.say("**Tour.** Six pages, from data to a comparison.")
            if not state.workspace().entries("lists"):
                more = words.say("Most of them are empty still: run the demo first, or go on and come back.")
                told = words.together(told, more)
            st.markdown(told, width="stretch")
        else:
            step = words.say("Tour, {n} of {all}.", n=place + 1, all=len(pages))
            st.markdown(f"**{step}** {words.say(STEPS[page])}", width="stretch")
        if place + 1 < len(pages):
            following = pages[place + 1]
            told = words.say("Next: {page}", page=words.say(state.JOURNEY[following][0]))
            parts.go(following, told, icon=":material/arrow_forward:")
        parts.act(words.say("End the tour"), _set, "ended", icon=":material/close:", type="tertiary", key="tour-end")
