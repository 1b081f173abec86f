"""Oversee: who is here, the jobs of all in the order of the line, the links that are out, and how long data is kept."""

from __future__ import annotations

import streamlit as st

from fairdash import words
from fairdash.ui import overseeing, parts

PARTS = {
    "jobs": words.later("Jobs of all"),
    "people": words.later("People"),
    "links": words.later("Links"),
    "keeping": words.later("Times of keeping"),
}

st.title(words.say("Oversee"))
part = parts.tabs(words.say("Part"), PARTS, "part")
if part == "jobs":
    parts.live(overseeing.jobs, every=2 * parts.POLL_SECONDS)
elif part == "people":
    overseeing.everybody()
elif part == "links":
    overseeing.links()
else:
    overseeing.keeping()
