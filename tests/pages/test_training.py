"""The form of the Recommender page: each recommender's own options, and no training stack before a training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fairdash.jobs import runner
from fairdash.recommenders import RECOMMENDERS
from fairdash.ui import load
from tests.pages.conftest import HANG_SECONDS, ROOT, SHELL, Open


def test_another_recommender_begins_with_its_own_options(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("recommender", data=here["data"], recommender="bert_sequence")
    app.number_input(key="set_bert_sequence_epochs").set_value(7).run()
    app.selectbox(key="view_recommender").set_value("bert_pair").run()
    assert not app.exception
    assert app.number_input(key="set_bert_pair_epochs").value == 2
    assert app.number_input(key="set_bert_pair_learning_rate").value == 5e-4
    assert app.number_input(key="set_bert_pair_length").value == 128
    assert "set_bert_pair_history" not in [box.key for box in app.number_input]  # nobody looks at it yet
    opened = {"more-bert_pair": "true", "set_bert_pair_history": "7", "set_bert_pair_epochs": "-3"}
    again = open_page("recommender", data=here["data"], recommender="bert_pair", **opened)
    assert again.number_input(key="set_bert_pair_history").value == 7
    assert again.number_input(key="set_bert_pair_epochs").value == 2  # the link said what it cannot be
    closed = open_page("recommender", data=here["data"], recommender="bert_pair", set_bert_pair_history="7")
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(runner, "submit", lambda _, kind, title, params: asked.append(params) or "none")
    closed.button(key="train").click().run()
    assert asked[0]["options"] == {"history": 7}  # what is not seen counts, too


def test_what_a_language_model_will_be_asked_is_shown_of_a_real_person(here: dict[str, Any], open_page: Open) -> None:
    link = {"data": here["data"], "recommender": "llm", "profile": '["gender"]'}
    known = load.split(here["data"], "user-time:0.8").training
    app = open_page("recommender", **link)
    assert not app.exception
    asked = app.code[0].value
    assert asked.startswith("A person: ")
    assert "They liked, the latest last: " in asked
    assert any(str(title) in asked for title in known.items["title"])
    first = open_page("recommender", **link, set_llm_template="{profile} Last: {anchor}. From: {candidates}.")
    second = open_page(
        "recommender",
        **link,
        set_llm_template="{profile} Last: {anchor}. From: {candidates}.",
        set_llm_n_candidates="2",
    )
    assert "Last: " in first.code[0].value
    assert len(second.code[0].value) < len(first.code[0].value)
    listed = open_page("recommender", **link, set_llm_protocol="continuation").code[0].value
    assert listed.splitlines()[-1] == "1."
    wrong = open_page("recommender", errors=True, **link, set_llm_template="{who}")
    assert not wrong.exception
    assert "who" in wrong.error[0].value
    assert "nothing can be put into" in wrong.error[0].value
    other = str(known.users["user_id"].iloc[-1])
    assert open_page("recommender", **link, person=other).code[0].value != asked


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"endpoint": "http://x:sk-SECRET@h/v1", "way": "generate"}, "more than a host and a path"),
        ({"endpoint": "http://h/v1?api_key=sk-SECRET", "way": "generate"}, "more than a host and a path"),
        ({"endpoint": "http://[::1/sk-SECRET", "way": "generate"}, "no URL"),
        ({"endpoint": "http://h/v1"}, "how likely"),
        ({"template": "{who}"}, "nothing can be put into"),
        ({"model": "[1, 2]"}, "must hold a json object"),
        ({"model": "{not json"}, "no valid json"),
    ],
)
def test_what_is_refused_without_a_training_is_no_job(
    here: dict[str, Any], open_page: Open, tmp_path: Path, options: dict[str, str], told: str
) -> None:
    if "model" in options:
        (tmp_path / "config.json").write_text(options["model"])
        options = {"model": str(tmp_path)}
    link = {f"set_llm_{name}": value for name, value in options.items()}
    app = open_page("recommender", errors=True, data=here["data"], recommender="llm", **link)
    assert not app.exception
    (error,) = app.error
    assert told in error.value
    assert "SECRET" not in error.value
    assert app.button(key="train").disabled


def test_the_best_options_leave_no_earlier_choice_standing() -> None:
    def page() -> None:
        import streamlit as st

        from fairdash.recommenders import RECOMMENDERS
        from fairdash.ui import forms, training

        best = ("bert_sequence", {"epochs": 3})
        st.button("Train with the best options", key="best", on_click=training.prefill, args=best)
        forms.options("bert_sequence", RECOMMENDERS["bert_sequence"].options)

    app = AppTest.from_function(page, default_timeout=HANG_SECONDS)
    app.query_params.update({"profile": '["gender"]', "more-bert_sequence": "true"})
    app.run()
    usual = app.number_input(key="set_bert_sequence_length").value
    app.number_input(key="set_bert_sequence_length").set_value(33).run()
    app.selectbox(key="set_bert_sequence_items").select_index(1).run()
    app.button(key="best").click().run()
    assert not app.exception
    options = RECOMMENDERS["bert_sequence"].options()
    assert app.number_input(key="set_bert_sequence_epochs").value == 3 != options.epochs
    assert app.number_input(key="set_bert_sequence_length").value == usual == options.length
    assert app.selectbox(key="set_bert_sequence_items").value == options.items
    assert "profile" not in app.query_params


def test_the_form_loads_no_training_stack(here: dict[str, Any]) -> None:
    script = f"""
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file({str(SHELL)!r}, default_timeout=600)
app.query_params.update(data={here["data"]!r}, recommender="bert_sequence")
app.switch_page({str(ROOT / "pages" / "recommender.py")!r})
app.run()
assert not app.exception, app.exception
assert any("GB of memory" in part.value for part in app.caption)
assert not {{"torch", "transformers"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], env=dict(os.environ), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_estimate_needs_no_torch() -> None:
    script = """
import sys
from fairdash.recommenders import RECOMMENDERS
from fairdash.ui import load
from fairdash.recommenders.base import Sizes
from fairdash.recommenders.device import likely
from fairdash.recommenders.estimate import estimate
costs = [info.cost(info.options(), Sizes(100, 100, 1000)) for info in RECOMMENDERS.values() if info.cost]
said = [estimate(cost, likely()) for cost in costs]
assert len(said) == 4
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
