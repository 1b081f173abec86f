"""The lever's own view in the browser: the strength in the hand, what is said of it, and everybody at it.

It is given all strengths that have been made, so that the next one is drawn without asking here; where the hand comes
to rest, it says, and what else is on the page follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from fairdash import words
from fairdash.charts import BLUE, GREY, VERMILLION, Movers
from fairdash.stages.lever import STRENGTHS

HERE = Path(__file__).parent
LEGEND = {
    "fell": words.later("fell"),
    "rose": words.later("rose"),
    "same": words.later("the same"),
    "before": words.later("mean before"),
    "after": words.later("mean after"),
}

_NONSENSE = (KeyError, TypeError, ValueError)  # of what says something else than the view does

_COLORS = f".lever {{ --fell: {VERMILLION}; --rose: {BLUE}; --still: {GREY}; }}\n"

_mount = st.components.v2.component(
    "fairdash_lever",
    css=_COLORS + (HERE / "lever_view.css").read_text("utf-8"),
    js=(HERE / "lever_view.js").read_text("utf-8"),
    isolate_styles=False,  # the page's own fonts, and one tree for those who look through it
)


def view(
    key: str,
    drawn: str,
    strength: float,
    looked: int | None,
    move: Callable[[float], None],
    look: Callable[[int], None],
) -> None:
    """The lever at a strength. drawn: what `content` gives, as JSON; looked: the pseudonym of a person who is marked.
    move: takes the strength where the hand came to rest; look: the pseudonym of a person who was clicked."""
    turn = f"{key}-turn"  # how many moves were heard of

    def moved() -> None:
        try:
            told = st.session_state[key]["moved"]
            strength, heard = dict(enumerate(STRENGTHS))[told["at"]], int(told["turn"])
        except _NONSENSE:
            return
        st.session_state[turn] = heard
        move(strength)

    def clicked() -> None:
        try:
            number = int(st.session_state[key]["looked"])
        except _NONSENSE:
            return
        look(number)

    _mount(
        key=key,
        data={
            "view": drawn,
            "at": STRENGTHS.index(strength),
            "looked": looked,
            "turn": st.session_state.get(turn, 0),
        },
        on_moved_change=moved,
        on_looked_change=clicked,
    )


def content(
    headlines: Sequence[str | None], numbers: Mapping[str, Sequence[tuple[str, ...]]], people: Movers, metric: str
) -> dict[str, Any]:
    """What the view is given, for JSON; by strength, None where one has not been made. numbers: by what each is called
    and by strength: its value, its change, whether that is "good", "bad" or neither, and its interval."""
    return {
        "label": words.say("Strength, from 0, the lists as they are, to 1"),
        "strengths": [words.brief(one) for one in STRENGTHS],
        "headlines": headlines,
        "numbers": [{"label": label, "by": by} for label, by in numbers.items()],
        "legend": {kind: words.say(told) for kind, told in LEGEND.items()},
        "axis": metric,
        "person": words.say("person"),
        "alt": people.alt,
        **people.drawn,
    }
