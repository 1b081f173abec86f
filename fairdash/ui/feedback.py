"""Thumbs on a person's list, a version of the data that holds them, training on it, and whose thumbs they are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import streamlit as st

from fairdash import entries, settings, words
from fairdash.groups import form as form_groups
from fairdash.jobs import runner
from fairdash.jobs.table import Job
from fairdash.recommenders import going_on
from fairdash.run import Run
from fairdash.schema import ITEM_ID, USER_ID, Dataset
from fairdash.stages import feedback
from fairdash.stages.disclosure import aside
from fairdash.ui import forms, load, parts, state

_COLUMNS = {
    "gave": words.later("gave thumbs"),
    "gave_share": words.later("of the group"),
    "gave_low": words.later("of the group, from"),
    "gave_high": words.later("of the group, to"),
    "up_share": words.later("thumbs up"),
    "up_low": words.later("thumbs up, from"),
    "up_high": words.later("thumbs up, to"),
}


def of(run: Run) -> str | None:
    """The data set of a run, where it is in the workspace; thumbs are kept beside it."""
    workspace = state.workspace()
    found = workspace.get("runs", run.digest).meta.get("dataset")
    return found if found and workspace.has("datasets", found) else None


def thumb(run: Run, stored: str, given: feedback.Thumbs, user: int, item: int) -> None:
    """Thumbs up and down for one item of a person's list; a second press takes one back."""
    whose = str(run.split.training.users[USER_ID].iloc[user])
    what = str(run.split.training.items[ITEM_ID].iloc[item])
    up = given.get(whose, {}).get(what)

    def keep(value: int | None) -> None:
        entries.put_thumb(state.workspace(), stored, whose, what, None if value is None else bool(value))

    st.feedback("thumbs", **state.held(f"thumb-{user}-{item}", None if up is None else int(up), keep))


def section(run: Run, lists: str) -> None:
    """How many thumbs there are, what can be done with them, and whether groups differ in giving them."""
    stored = of(run)
    given = {} if stored is None else entries.thumbs(state.workspace(), stored)
    n = feedback.count(given)
    if stored is None or not n:
        parts.empty(
            words.say("No thumbs yet"),
            words.say(
                "Thumbs up or down on a person's list are kept beside the data. They become a version of it that a "
                "recommender can learn from, and you see whether groups differ in what they say."
            ),
        )
        return
    dataset = load.dataset(stored)
    many = words.say("{n} thumb", "{n} thumbs", n=n)
    st.markdown(words.say("## {thumbs}: whose are they?", thumbs=many))
    _skew(dataset, given)
    _retrain(run, lists, stored, given, dataset.name)


def _skew(dataset: Dataset, given: feedback.Thumbs) -> None:
    spec = forms.group(dataset.users)
    if spec is None:
        st.caption(words.say("This data has no attribute of people that makes groups."))
        return
    groups = form_groups(spec, dataset.users)
    table, gave, up = feedback.skew(dataset, given, groups, spec.min_size)
    for told, p in ((_GAVE, gave), (_UP, up)):
        st.markdown(words.say(told["unknown" if p != p else "found" if p < 0.05 else "none"],
                              attribute=words.plain(spec.label), p=words.p_value(p)))  # fmt: skip
    notes = [aside(name, n, n < spec.min_size) for name, n in zip(table["group"], table["people"], strict=True)]
    shown = table.rename(columns={name: words.say(told) for name, told in _COLUMNS.items()})
    parts.table(shown.assign(**{words.say("note"): notes}), "thumbs")
    st.caption(
        words.say(
            "Groups of fewer than {least} people are not compared, and shares of thumbs need {fewest} people who gave "
            "any. Tests shuffle people between groups.",
            least=spec.min_size,
            fewest=settings.FEWEST,
        )
    )


_GAVE = {
    "found": words.later("**Who gives thumbs differs by {attribute}** ({p}): what is learned from them follows some "
                         "groups more than others."),
    "none": words.later("No difference by {attribute} was found in who gives thumbs ({p})."),
    "unknown": words.later("Too few groups of {attribute} are large enough to compare who gives thumbs."),
}  # fmt: skip
_UP = {
    "found": words.later("**The share of thumbs up differs by {attribute}** ({p}): some groups are happier with what "
                         "they get."),
    "none": words.later("No difference by {attribute} was found in the share of thumbs up ({p})."),
    "unknown": words.later("Too few people of {attribute} gave thumbs to compare how many are up."),
}  # fmt: skip


@st.cache_resource(max_entries=4, show_spinner=False)
def _version(stored: str, run: str, given: str, name: str) -> Dataset:
    made = feedback.version(load.dataset(stored), load.run(run).split, json.loads(given), name)
    many = words.say("{n} thumb", "{n} thumbs", n=made.provenance[feedback.FEEDBACK]["thumbs"])
    return replace(made, name=f"{name} + {many}")


def _retrain(run: Run, lists: str, stored: str, given: feedback.Thumbs, name: str) -> None:
    """Train on the data with its thumbs as the run in view was trained; then compare on the same people."""
    st.markdown(words.say("**Learn from them**"))
    if not run.has_model:
        st.caption(words.say("These lists came without a model, so there is nothing to train again."))
        return
    made = _version(stored, run.digest, json.dumps(given, sort_keys=True), name)
    about = made.provenance[feedback.FEEDBACK]
    told = words.say(
        "A new version of the data holds {n} thumb beside all that was known; what is held out stays the same.",
        "A new version of the data holds {n} thumbs beside all that was known; what is held out stays the same.",
        n=about["thumbs"],
    )
    if about["left_out"]:
        left = words.say(
            "{n} on what is held out or known already is left out.",
            "{n} on what is held out or known already are left out.",
            n=about["left_out"],
        )
        told = words.together(told, left)
    st.caption(told)
    if going_on(run.meta["recommender"]) is not None:
        st.caption(words.say("The training goes on from the weights of the run in view, with the same options."))
    params = feedback.training(run, made.digest)
    parts.submit(words.say("Retrain with it"), _start, made, params, type="primary", icon=":material/model_training:",
                 key="retrain")  # fmt: skip
    job = parts.last_job("train", params)
    if job is not None:

        def compare(job: Job) -> None:
            parts.go("compare", words.say("Compare before and after"), icon=":material/compare_arrows:", before=lists,
                     after=str((job.result or {})["lists"]))  # fmt: skip

        parts.job(job.id, compare)


def _start(made: Dataset, params: dict[str, Any]) -> None:
    entries.put_dataset(state.workspace(), made)
    title = words.say("Train {recommender} on {data}", recommender=params["recommender"], data=made.name)
    runner.submit(state.workspace(), "train", title, params)
