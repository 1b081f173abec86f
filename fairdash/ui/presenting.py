"""Present: the slides of a story one at a time, without the rest of the app; arrow keys turn them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fairdash import words
from fairdash.report import kept, story
from fairdash.report.formats import html_of
from fairdash.report.story import Slide
from fairdash.ui import parts, reporting, state
from fairdash.workspace import Kind

HERE = Path(__file__).parent


def asked() -> bool:
    """Whether the URL of this page asks for slides."""
    return state.seen("present", False, "1".__eq__)


def show(kind: Kind, digest: str) -> None:
    """One slide with its notes, and the buttons that turn the slides."""
    st.html(HERE / "slides.css")
    with st.spinner(words.say("Making the slides …")):
        slides = _slides(kind, digest, words.language.get())
    keys = [slide.key for slide in slides]
    place = keys.index(state.seen("card", keys[0], state.one_of(keys)))
    own = slides[place]
    slide = kept.told(own, kept.read(state.workspace(), kind, digest))
    edit, notes = _bar(keys, place)
    st.title(words.plain(slide.title, kept.MAX_TITLE), anchor=False)
    st.html(f'<div class="slide">{"".join(html_of(part, parts.drawn) for part in slide.parts)}</div>')
    if edit:
        _edit(kind, digest, own, slide)
    elif notes:
        with st.container(border=True, key="slide-notes"):
            st.caption("\n".join(f"- {words.plain(note, kept.MAX_NOTES)}" for note in slide.notes))


def _bar(keys: list[str], place: int) -> tuple[bool, bool]:
    """The controls in one quiet row; whether the words are edited, and whether the notes are shown."""
    with st.container(horizontal=True, vertical_alignment="center", key="slide-bar"):
        parts.act(words.say("Back"), _turn, keys[max(place - 1, 0)], shortcut="Left", disabled=place == 0,
                  icon=":material/arrow_back:", key="slide-back")  # fmt: skip
        parts.act(words.say("Next"), _turn, keys[min(place + 1, len(keys) - 1)], shortcut="Right",
                  disabled=place == len(keys) - 1, icon=":material/arrow_forward:", key="slide-next")  # fmt: skip
        st.caption(words.say("{n} of {all}", n=place + 1, all=len(keys)), width="stretch")
        notes = st.toggle(words.say("Notes"), **state.own("notes", False, "True".__eq__))
        edit = st.toggle(words.say("Edit"), **state.own("edit", False, "True".__eq__))
        parts.act(words.say("Leave"), _leave, shortcut="Escape", icon=":material/close:", key="slide-leave")
    return edit, notes


def start() -> None:
    """Show the slides of what is chosen."""
    state.put("present", "1")


def _turn(key: str) -> None:
    state.put("card", key)


def _leave() -> None:
    for name in ("present", "card", "notes", "edit"):
        state.put(name, None)


def _edit(kind: Kind, digest: str, own: Slide, slide: Slide) -> None:
    """Own words for the title and the notes; emptied, a field is the slide's own again."""

    def keep(name: str, text: str) -> None:
        kept.write(state.workspace(), kind, digest, own, {name: text})

    notes = "\n".join(slide.notes)
    st.text_input(
        words.say("Title"),
        max_chars=kept.MAX_TITLE,
        **state.held(f"slide-title-{own.key}", slide.title, lambda text: keep("title", text)),
    )
    st.text_area(
        words.say("Notes, a line each"),
        height=200,
        max_chars=kept.MAX_NOTES,
        **state.held(f"slide-notes-{own.key}", notes, lambda text: keep("notes", text)),
    )
    st.caption(words.say("Kept with this comparison or audit. An emptied field is in its own words again."))


@st.cache_data(max_entries=8, show_spinner=False)
def _slides(kind: Kind, digest: str, language: str) -> tuple[Slide, ...]:
    """The slides of an entry, in the language of whoever is spoken to."""
    return story.slides(reporting.subject(kind, digest))
