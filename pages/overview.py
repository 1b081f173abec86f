"""Overview: what this is, how far the workspace has come, a demo in one click, and the next step."""

from __future__ import annotations

import streamlit as st

from fairdash import words
from fairdash.ui import journey

st.title(words.say("Who gets what from a recommender?"))
st.markdown(
    words.say(
        "FairDash trains or loads a BERT recommender, measures how well it serves groups of people and how much "
        "exposure it gives to groups of items, applies mitigations, and shows what changed and what it cost, with "
        "intervals."
    ),
    width=760,
)
following = journey.steps()
journey.latest()
journey.demo(following)
