"""Overview: what this is; first an example and three ways to begin, later what was found and what comes next."""

from __future__ import annotations

import streamlit as st

from fairdash import words
from fairdash.ui import journey, parts, state, tour

st.title(words.say("Who gets what from a recommender?"))
st.markdown(
    words.say(
        "FairDash trains or loads a BERT recommender, measures how well it serves groups of people and how much "
        "exposure it gives to groups of items, applies mitigations, and shows what changed and what it cost, with "
        "intervals."
    ),
    width=760,
)
if not state.workspace().entries("datasets"):
    job = parts.last_job("demo", journey.DEMO)
    if job is None:
        journey.example()
        journey.starts()
    else:
        parts.job(job.id)
        journey.example()
else:
    following = journey.steps()
    journey.finding()
    journey.latest()
    journey.demo(following)
tour.offer()
