"""Random walks through the controls: wherever one ends, its link opened in a new browser gives the same page.

FAIRDASH_WALKS says how many; `make soak` takes 50.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.runtime.state.common import TESTING_KEY
from streamlit.testing.v1 import AppTest

from fairdash import words
from fairdash.ui import state
from tests.pages.conftest import Open, url

WALKS, STEPS = int(os.environ.get("FAIRDASH_WALKS", 6)), 4
MOVED = ("selectbox", "segmented_control", "toggle", "number_input")
TOLD = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "success", "error", "metric")


def controls(app: AppTest) -> Iterator[Any]:
    """What a person can move on a page, outside of forms that are sent by a button. Options of a training are kept in
    the link by Streamlit's own script in the browser, which is not here."""
    for kind in MOVED:
        yield from (
            one for one in app.get(kind)
            if one.key and not one.disabled and not one.form_id and not one.proto.query_param_key
        )  # fmt: skip


def move(app: AppTest, one: Any, chance: random.Random) -> None:
    """Another value of a control, as the browser would send it."""
    if one.type == "toggle":
        one.set_value(not one.value)
    elif one.type == "number_input":
        low = 0 if one.min is None else one.min
        one.set_value(type(one.value)(min(one.max if one.max is not None else low + 9, low + chance.randint(0, 9))))
    else:
        app.session_state[TESTING_KEY][one.id] = str  # options are what is shown
        one.set_value(chance.choice(one.options))
    run(app)


def run(app: AppTest) -> None:
    """Run the page with what was moved; labels are told here as they are on the page."""
    with words.speaking(app.session_state["view_lang"]):
        app.run()


def seen(app: AppTest) -> dict[str, Any]:
    """All that a page shows."""
    shown: dict[str, Any] = {kind: [str(one.value) for one in app.get(kind)] for kind in TOLD}
    shown["controls"] = [(one.type, one.key, str(one.value)) for kind in MOVED for one in app.get(kind)]
    shown["tables"] = [one.value.to_csv() for one in app.dataframe]
    return shown


@pytest.mark.parametrize("walk", range(WALKS))
def test_a_link_opens_the_page_that_a_walk_ended_on(
    walk: int, here: dict[str, Any], at_once: None, open_page: Open
) -> None:
    chance = random.Random(walk)
    name = list(state.JOURNEY)[1:][walk % (len(state.JOURNEY) - 1)]
    view = {key: here[key] for key in ("data", "lists", "after")}
    app = open_page(name, errors=True, **view)
    went = []
    for _ in range(STEPS):
        known = list(controls(app))
        if not known:
            break
        one = chance.choice(known)
        move(app, one, chance)
        went.append((one.type, one.key))
        assert not app.exception, (name, went)
    run(app)  # what a job made while the page was drawn is there now
    query = {key: url(app, key) for key in app.query_params}
    again = open_page(name, errors=True, **query)
    mine, other = seen(app), seen(again)
    assert mine == other, (name, went, query)
