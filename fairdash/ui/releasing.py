"""Group means and counts under differential privacy: what a release tells, what it costs, and what is left."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from fairdash import budget, charts, entries, settings, trail, words
from fairdash.charts import GroupValue
from fairdash.run import Run
from fairdash.schema import GroupSpec, Lists
from fairdash.stages import people as stage
from fairdash.stages import release
from fairdash.stages.people import People
from fairdash.ui import findings, parts, pictures, state

STEPS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)  # of ε


@st.cache_resource(max_entries=4, show_spinner="Looking at the people")
def _people(listed: str, _run: Run, _lists: Lists, group: GroupSpec, k: int) -> People:
    return stage.by_attribute(stage.gather(_run.split, _lists, k), _run.split, group)


def section(run: Run, lists: Lists, group: GroupSpec, metric: str, k: int) -> None:
    """The controls, the button that spends, and what was released in this view."""
    stored = state.workspace().get("runs", run.digest).meta.get("dataset")
    if not stored or not state.workspace().has("datasets", stored):
        st.info(words.say("The data of these lists is not in this workspace, so that nothing could count what is "
                          "released of it."), icon=":material/info:")  # fmt: skip
        return
    st.markdown(
        words.say(
            "Counts and means to pass on: noise is added, so that nobody can tell from them whether one person was "
            "among the people. Smaller ε hides more and tells less; all releases of a data set add up."
        )
    )
    people = _people(state.get("lists") or "", run, lists, group, k)
    names = release.metrics(people)
    file = entries.ledger(state.workspace(), stored)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        named = words.namer(names, lambda key: findings.title(key, k), limit=80)
        first = metric if metric in names else names[0]
        chosen = st.selectbox(words.say("Metric"), names, format_func=named, width=300,
                              **state.pick("release_metric", names, first))  # fmt: skip
        epsilon = float(
            st.select_slider(words.say("ε of this release"), [f"{one:g}" for one in STEPS], width=260,
                             **state.pick("epsilon", [f"{one:g}" for one in STEPS], "0.5"))
        )  # fmt: skip
        parts.submit(words.say("Release"), _release, file, people, str(chosen), epsilon, type="primary",
                     icon=":material/lock_open:", key="release")  # fmt: skip
    done = budget.releases(file)
    st.progress(
        min(1.0, budget.spent(file) / settings.PRIVACY_BUDGET),
        text=words.say("{spent} of ε = {whole} are spent on this data set.", spent=words.brief(budget.spent(file)),
                       whole=settings.PRIVACY_BUDGET),
    )  # fmt: skip
    key = release.name(people, str(chosen), epsilon)
    if key in done:
        _shown(done[key], findings.title(str(chosen), k))


def _release(file: Path, people: People, metric: str, epsilon: float) -> None:
    state.workspace().changing()
    release.paid(file, people, metric, epsilon)
    trail.note(state.workspace(), "release", lists=state.get("lists"), metric=metric, epsilon=epsilon)


def _shown(found: budget.Release, title: str) -> None:
    """The released values with their intervals, as a picture and as a table."""
    rows = [
        GroupValue(row["group"], round(row["n"]), row["value"], *row["value_ci"])
        for row in found["groups"]
        if row["value"] is not None
    ]
    about = words.say(
        "The interval holds the noise that was added and the spread over people. A group without a mark is so small "
        "that the noise hides it. The same release is given again at no cost."
    )
    if rows:
        parts.draw(charts.group_values(rows, title, None), "released", words.plain(title, 120), about=about,
                   pick=pictures.see_people)  # fmt: skip
    table = [
        {"group": row["group"], "n": row["n"], "n_low": row["n_ci"][0], "n_high": row["n_ci"][1], "value": row["value"],
         "low": row["value_ci"][0], "high": row["value_ci"][1]}
        for row in found["groups"]
    ]  # fmt: skip
    parts.table(pd.DataFrame(table).astype(dict.fromkeys(("value", "low", "high"), float)), "private-release")
