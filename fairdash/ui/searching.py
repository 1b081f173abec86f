"""A small search over a recommender's options on validation: for accuracy, for a small gap between groups, or both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from fairdash import charts, words
from fairdash.charts import TradePoint
from fairdash.jobs import runner
from fairdash.jobs.table import Job
from fairdash.recommenders import RECOMMENDERS
from fairdash.ui import forms, load, parts, state, training

OBJECTIVES = {
    "accuracy": words.later("The highest NDCG@10"),
    "gap": words.later("The smallest gap that keeps 95 % of the best NDCG@10"),
    "both": words.later("All for which no other one is better in both"),
}
_COLUMNS = words.several("trial", "chosen", "NDCG@10", "gap", "seconds", "note")
SEARCHED = tuple(name for name, info in RECOMMENDERS.items() if info.space)


def section(data: str) -> None:
    """The form, the search that runs, and the trials that were made."""
    params = _form(data)
    parts.submit(
        words.say("Search"), _start, data, params, type="primary", icon=":material/manage_search:", key="search"
    )
    job = parts.last_job("search", params)
    if job is not None:
        parts.job(job.id, _trials)


def _start(data: str, params: dict[str, Any]) -> None:
    title = words.say(
        "Search options of {recommender} on {data}", recommender=params["recommender"], data=load.dataset(data).name
    )
    state.put("job", runner.submit(state.workspace(), "search", title, params))


def _trial(job: Job, recommender: str, trials: Sequence[dict[str, Any]]) -> None:
    """The trial that was clicked: its options and numbers, and a training with them."""
    number = state.seen("trial", "", str)
    one = next((t for t in trials if str(t["number"]) == number), None)
    if one is None:
        return
    with st.container(border=True, key="one-trial"):
        parts.opened(words.say("Trial {number}", number=str(one["number"] + 1)), "trial")
        options = [words.say("{name} = {value}", name=words.say(words.option(name)), value=str(value))
                   for name, value in one["options"].items()]  # fmt: skip
        told = words.say("NDCG@10 {accuracy}, gap {gap} on validation: {options}.",
                         accuracy=words.number(one["accuracy"], 4), gap=words.number(one["gap"], 4),
                         options=words.say(", ").join(options))  # fmt: skip
        st.markdown(words.plain(told, 1000))
        parts.act(words.say("Train with these options"), training.prefill, recommender, one["options"],
                  icon=":material/model_training:", key=f"train-trial-{job.id}")  # fmt: skip


def _form(data: str) -> dict[str, Any]:
    dataset = load.dataset(data)
    one, two, three = st.columns([2, 3, 1], vertical_alignment="bottom")
    with one:
        name = st.selectbox(
            words.say("Recommender"), SEARCHED, format_func=lambda key: words.say(RECOMMENDERS[key].title),
            **state.shared("recommender", SEARCHED[0], state.one_of(SEARCHED)),
        )  # fmt: skip
    with two:
        objective = st.selectbox(words.say("Look for"), list(OBJECTIVES),
                                 format_func=lambda key: words.say(OBJECTIVES[key]),
                                 **state.pick("objective", OBJECTIVES))  # fmt: skip
    with three:
        trials = st.number_input(words.say("Trials"), 1, 200, 12, key="trials", bind="query-params",
                                 help=words.say("Each trial is a training; the first one has the usual options."),
                                 )  # fmt: skip
    spec = forms.split(dataset)
    group = forms.group(dataset.users)
    fixed: dict[str, Any] = {}
    if "training" in RECOMMENDERS[name].offers:
        epochs = st.number_input(
            words.say("Epochs of a trial"), 1, 1000,
            **state.own(f"epochs_{name}", RECOMMENDERS[name].options().epochs, state.within(1, 1000)),
        )  # fmt: skip
        fixed["epochs"] = int(epochs)
    st.caption(words.say("Everything is measured on validation; the test part plays no role here."))
    params = {
        "dataset": data,
        "split": spec,
        "recommender": name,
        "objective": objective,
        "groups": [] if group is None else [asdict(group)],
        "options": fixed,
        "trials": int(trials),
    }
    made: dict[str, Any] = json.loads(json.dumps(params))
    return made


def _trials(job: Job) -> None:
    found = (job.result or {})["search"]
    trials, chosen = found["trials"], set(found["chosen"])
    best = trials[found["chosen"][0]]
    told = {"number": str(best["number"] + 1), "accuracy": words.number(best["accuracy"], 4)}
    if best["gap"] is None:
        said = words.say("Trial {number} is the best: NDCG@10 {accuracy} on validation.", **told)
    else:
        said = words.say(
            "Trial {number} is the best: NDCG@10 {accuracy}, a gap between groups of {attribute} of {gap} on "
            "validation.", attribute=words.plain(found["attribute"]), gap=words.number(best["gap"], 4), **told,
        )  # fmt: skip
    st.markdown(f"## {said}")
    points = [
        TradePoint(
            words.say("trials"),
            words.say("trial {number}", number=str(t["number"] + 1)),
            t["gap"],
            t["accuracy"],
            chosen=t["number"] in chosen,
            key=str(t["number"]),
        )
        for t in trials
        if t["gap"] is not None and t["accuracy"] is not None
    ]
    if points:
        shown = charts.trade_off(points, words.say("Gap in NDCG@10"), "NDCG@10", joined=False)
        parts.draw(shown, f"trials-{job.id}", words.say("Accuracy and gap of every trial"),
                   about=words.say("Click a mark to look at its trial."), pick=partial(state.put, "trial"))  # fmt: skip
        _trial(job, found["recommender"], trials)
    trial, best_of, accuracy, gap, seconds, note = _COLUMNS
    rows = [
        {
            trial: t["number"] + 1,
            best_of: words.say("yes") if t["number"] in chosen else "",
            accuracy: t["accuracy"],
            gap: t["gap"],
            **t["options"],
            seconds: round(t["seconds"], 1),
            note: t["note"],
        }
        for t in trials
    ]
    parts.table(pd.DataFrame(rows), f"trials-table-{job.id}", digits=4)
    parts.act(words.say("Train with the best options"), training.prefill, found["recommender"], best["options"],
              icon=":material/model_training:", key=f"train-best-{job.id}")  # fmt: skip
