"""A small search over a recommender's options on validation: for accuracy, for a small gap between groups, or both."""

from __future__ import annotations

import json
from dataclasses import asdict
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
    "accuracy": "The highest NDCG@10",
    "gap": "The smallest gap that keeps 95 % of the best NDCG@10",
    "both": "All for which no other one is better in both",
}
SEARCHED = tuple(name for name, info in RECOMMENDERS.items() if info.space)


def section(data: str) -> None:
    """The form, the search that runs, and the trials that were made."""
    params = _form(data)
    parts.act("Search", _start, data, params, type="primary", icon=":material/manage_search:", key="search")
    job = parts.last_job("search", params)
    if job is not None:
        parts.job(job.id, _trials)


def _start(data: str, params: dict[str, Any]) -> None:
    title = f"Search options of {params['recommender']} on {load.dataset(data).name}"
    state.put("job", runner.submit(state.workspace(), "search", title, params))


def _form(data: str) -> dict[str, Any]:
    dataset = load.dataset(data)
    one, two, three = st.columns([2, 3, 1], vertical_alignment="bottom")
    with one:
        name = st.selectbox(
            "Recommender", SEARCHED, format_func=lambda key: RECOMMENDERS[key].title,
            **state.shared("recommender", SEARCHED[0], state.one_of(SEARCHED)),
        )  # fmt: skip
    with two:
        objective = st.selectbox("Look for", list(OBJECTIVES), format_func=OBJECTIVES.__getitem__,
                                 **state.pick("objective", OBJECTIVES))  # fmt: skip
    with three:
        trials = st.number_input("Trials", 1, 200, 12, key="trials", bind="query-params",
                                 help="Each trial is a training; the first one has the usual options.")  # fmt: skip
    spec = forms.split(dataset)
    group = forms.group(dataset.users)
    fixed: dict[str, Any] = {}
    if "training" in RECOMMENDERS[name].offers:
        epochs = st.number_input(
            "Epochs of a trial", 1, 1000,
            **state.own(f"epochs_{name}", RECOMMENDERS[name].options().epochs, state.within(1, 1000)),
        )  # fmt: skip
        fixed["epochs"] = int(epochs)
    st.caption("Everything is measured on validation; the test part plays no role here.")
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
    gap = (
        ""
        if best["gap"] is None
        else f", a gap between groups of {words.plain(found['attribute'])} of {words.number(best['gap'], 4)}"
    )
    accuracy = words.number(best["accuracy"], 4)
    st.markdown(f"## Trial {best['number'] + 1} is the best: NDCG@10 {accuracy}{gap} on validation.")
    points = [
        TradePoint("trials", f"trial {t['number'] + 1}", t["gap"], t["accuracy"], chosen=t["number"] in chosen)
        for t in trials
        if t["gap"] is not None and t["accuracy"] is not None
    ]
    if points:
        shown = charts.trade_off(points, "Gap in NDCG@10", "NDCG@10", joined=False)
        parts.draw(shown, f"trials-{job.id}", "Accuracy and gap of every trial")
    rows = [
        {
            "trial": t["number"] + 1,
            "chosen": "yes" if t["number"] in chosen else "",
            "NDCG@10": t["accuracy"],
            "gap": t["gap"],
            **t["options"],
            "seconds": round(t["seconds"], 1),
            "note": t["note"],
        }
        for t in trials
    ]
    parts.table(pd.DataFrame(rows), f"trials-table-{job.id}", digits=4)
    parts.act("Train with the best options", training.prefill, found["recommender"], best["options"],
              icon=":material/model_training:", key=f"train-best-{job.id}")  # fmt: skip
