"""What the model makes of who somebody is: flips of the profile, leakage, and sentences that differ in one word."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from fairdash import settings, words
from fairdash.metrics import sensitivity
from fairdash.metrics.catalogue import on_side
from fairdash.run import Run
from fairdash.schema import ITEM_ID, TITLE
from fairdash.stages import model_side
from fairdash.ui import findings, load, parts, pictures, state
from fairdash.ui import made as made_of

_CLICK = words.later("Click a mark for the definition of what it shows.")


def define(metric: str) -> None:
    """Look at the definition of this metric of the model."""
    state.put("defined", metric)


def _defined(audit: dict[str, Any]) -> None:
    """The definition of the metric whose mark was clicked."""
    metric = state.seen("defined", "", str)
    if metric not in on_side("model"):
        return
    with st.container(border=True, key="defined-metric"):
        parts.opened(words.plain(findings.title(metric, audit["k"]), 90), "defined")
        st.markdown(findings.definition(metric, audit["k"], audit["conventions"], audit.get("said")))


def section(audit: dict[str, Any], attribute: str, made: Run) -> None:
    """The model side of the audit in view; it takes longer than the rest, so it is asked for."""
    if not made.has_model:
        parts.empty(
            words.say("No model here"),
            words.say("These lists came without a model; its reaction to a profile cannot be measured."),
        )
        return
    if "model" not in audit:
        with st.container(border=True, key="model-not-run"):
            st.markdown(words.say("**Not run yet**"))
            st.caption(
                words.say(
                    "Does the model react to who somebody is, and can the attribute be read from its vectors and "
                    "lists? This scores everybody several times, which takes longer than the rest."
                )
            )
            _switch()
        return
    _switch()
    left, right = st.columns(2, gap="medium")
    with left:
        about = words.say(
            "The attribute is told otherwise to the same person with the same history. The floor is the same "
            "facts in other words: what a harmless change moves already. Attribute sensitivity, not causal "
            "fairness."
        )
        parts.draw(
            findings.flips(audit, attribute), "flips", words.say("Do lists react to the attribute?"),
            about=words.together(about, words.say(_CLICK)), pick=define,
        )  # fmt: skip
    with right:
        about = words.say(
            "AUC of a logistic probe that guesses the attribute of people it was not fitted on; 0.5 is "
            "chance. From vectors: what the model holds. From lists: what anybody who sees them can guess."
        )
        parts.draw(
            findings.leakage(audit, attribute), "leakage", words.say("Can the attribute be read off?"),
            about=words.together(about, words.say(_CLICK)), pick=lambda _: define("probe_auc"),
        )  # fmt: skip
    _lists(audit, attribute)
    _defined(audit)
    about = words.say(
        "Held-out pairs, sorted by their predicted probability and cut into ten cells of equal size, the same for all. "
        "A mark stands for the pairs of a cell, a larger one for more of them; its whisker is the 95 % interval over "
        "people. Groups of too few people stand in the table alone. Click a mark to read it."
    )
    told = words.plain(findings.calibration_sentences(audit, attribute), 2000)
    reading = words.say(
        "How to read it: on the dotted line a probability means what it says, of pairs given 0.3 three in ten are "
        "liked. Below it predictions promise too much, above it too little. Groups whose lines part are measured by "
        "different yardsticks."
    )
    parts.draw(
        findings.calibration(audit, attribute),
        "calibration",
        words.say("Do probabilities mean what they say?"),
        about=about,
        note=words.together(told, reading) if told else None,
        pick=partial(state.put, "cell"),
    )
    _read(audit, attribute)
    parts.table(findings.model_table(audit, attribute), "model-side", digits=4)
    sentences(made)


def _read(audit: dict[str, Any], attribute: str) -> None:
    """The mark of the calibration that was clicked in words, and the way to the people of its group."""
    lines, at = findings.calibrated(audit, attribute), state.seen("cell", None, made_of.cell_asked)
    if at is None or not 0 <= at[0] < len(lines) or lines[at[0]].aside:
        return
    line = lines[at[0]]
    told = made_of.said_and_happened(line, at[1])
    if told is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="cell-read"):
        st.markdown(words.plain(told, 400), width="stretch")
        if at[0]:  # the first is of everybody
            parts.act(words.say("See the people"), pictures.see_people, line.name, icon=":material/group:",
                      key="cell-people")  # fmt: skip


def _lists(audit: dict[str, Any], attribute: str) -> None:
    """What a flip changes, and what a language model wrote, as far as either was measured."""
    about = words.say(
        "Each flip of each person with a liked held-out item: does the list hold other items, and is its NDCG another? "
        "A list may change without any harm, and a list of the same items may be worse in another order."
    )
    told = words.say(
        "Places of lists that the model was asked to write. Only valid ones are on the lists; what is missing from one "
        "group's lists more than from another's is a harm that no similarity shows."
    )
    drawn = [
        (findings.quadrants(audit, attribute), "quadrants", words.say("What does a flip change?"), about),
        (findings.written(audit, attribute), "written", words.say("What did the model write?"), told),
    ]
    there = [(chart, key, title, said) for chart, key, title, said in drawn if chart is not None]
    if there:
        for column, (chart, key, title, said) in zip(st.columns(2, gap="medium"), there, strict=False):
            with column:
                parts.draw(chart, f"model-{key}", title, about=words.together(said, words.say(_CLICK)), pick=define)


def _switch() -> None:
    st.toggle(words.say("Measure the model side too"), **state.shared("model", False, "True".__eq__))


@st.cache_data(max_entries=16, show_spinner="Ranking the catalogue for each sentence")
def _test(run: str, templates: tuple[str, ...], told: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, Any]:
    made = load.run(run)
    return model_side.template_test(made.fitted, made.split, templates=templates, words=dict(told))


def sentences(made: Run) -> None:
    """Sentences that differ in one word, both editable; rankings of the catalogue for each of them."""
    with st.expander(words.say("Sentences that differ in one word"), icon=":material/edit_note:", key="templates"):
        usual = "\n".join(f"{name}: {', '.join(some)}" for name, some in sensitivity.WORDS.items())
        one, two = st.columns(2)
        with one:
            label = words.say("Sentences, one a line; {who} is the place of the word", who="{who}")
            own = state.own("sentences", "\n".join(sensitivity.TEMPLATES), str)
            given = st.text_area(label, height=150, **own)
        with two:
            listed = st.text_area(words.say("Groups of words, one a line"),
                                  height=150, **state.own("words", usual, str))  # fmt: skip
        if not st.toggle(words.say("Rank the catalogue for them"), **state.own("try", False, "True".__eq__)):
            return
        with parts.errors():
            told = sensitivity.parse_words(listed)
            found = _test(made.digest, sensitivity.parse_templates(given), tuple(told.items()))
            by = (
                words.say("this recommender")
                if found["ranked_by"] == "recommender"
                else words.say("the text encoder alone")
            )
            between, within = (words.percent(found[one]["flip_jaccard"], 0) for one in ("between", "within"))
            st.markdown(
                words.say(
                    "**Ranked by {by}.** Of the items on two lists of {k}, both hold {between} if the words are of "
                    "different groups, and {within} if they are of one group ({p_value}).",
                    by=by,
                    k=settings.K,
                    between=between,
                    within=within,
                    p_value=words.p_value(found["p_value"]),
                )
            )
            columns = st.columns(len(found["moved"]))
            for column, (name, rows) in zip(columns, found["moved"].items(), strict=True):
                with column:
                    st.caption(words.say("Rank higher for {name}", name=words.plain(name)))
                    table = pd.DataFrame(
                        {
                            words.later("item"): [words.label(row.get(TITLE, row[ITEM_ID])) for row in rows],
                            words.later("moves up by, % of the catalogue"): [-100 * row["shift"] for row in rows],
                        }
                    )
                    st.dataframe(
                        table,
                        hide_index=True,
                        placeholder=words.DASH,
                        key=f"moved-{name}",
                        column_config=parts.heads(table),
                    )
