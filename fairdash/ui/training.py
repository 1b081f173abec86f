"""Choose a recommender and its options, say where it will run, train it as a job, and watch it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from fairdash import words
from fairdash.jobs import runner
from fairdash.jobs.table import Job
from fairdash.recommenders import DEFAULT, RECOMMENDERS
from fairdash.recommenders.base import Sizes
from fairdash.recommenders.device import CHOICES, likely
from fairdash.recommenders.estimate import estimate
from fairdash.recommenders.options import parse
from fairdash.schema import USER_ID
from fairdash.ui import finder, forms, load, parts, state


@st.cache_data(max_entries=64, ttl=60, show_spinner=False)  # the machine may be busier by then
def _estimate(data: str, spec: str, name: str, options: tuple[tuple[str, Any], ...], wish: str, language: str) -> str:
    """Where it will run, and for how long, in words; without loading PyTorch, which takes seconds. language: that of
    the words, by which they are kept."""
    info, device = RECOMMENDERS[name], likely(wish)
    if info.cost is None:
        return device.sentence
    cost = info.cost(_chosen(name, dict(options)), Sizes.of(load.split(data, spec).training))
    return f"{device.sentence} {estimate(cost, device).sentence}"


def section(data: str) -> None:
    """The jobs that run and the one in view, then the form for another."""
    shown = state.get("job")
    jobs = [job.id for job in parts.active_jobs(("train", "demo"))]
    if shown and shown not in jobs and _is_training(shown):
        jobs.append(shown)
    for job in jobs:
        parts.job(job, _finished)
    with st.container(key="train-form", border=bool(jobs)):
        params, possible = _form(data)
        with st.container(horizontal=True, vertical_alignment="center"):
            parts.submit(
                words.say("Train"),
                _start,
                data,
                params,
                type="primary",
                icon=":material/model_training:",
                key="train",
                disabled=not possible,
            )
            last = parts.last_job("train", params)
            if last is not None and last.state == "done":
                st.caption(words.say("This has been trained already; it opens at once."), width="content")


def prefill(name: str, options: Mapping[str, Any]) -> None:
    """Turn to the Train part of the page with this recommender and these options; for a button's callback."""
    state.put("how", "train")
    state.put("recommender", name)
    forms.fill(name, RECOMMENDERS[name].options, options)
    state.put("profile", None)  # the trials had none


def _start(data: str, params: dict[str, Any]) -> None:
    title = words.say("Train {recommender} on {data}", recommender=params["recommender"], data=load.dataset(data).name)
    state.put("job", runner.submit(state.workspace(), "train", title, params))


def _is_training(job: str) -> bool:
    row = runner.table(state.workspace()).get(job)
    return row is not None and row.kind == "train" and runner.kept(state.workspace(), row)


def _form(data: str) -> tuple[dict[str, Any], bool]:
    """What is trained, and whether it can be: what is refused without a training is no job, and is written nowhere."""
    dataset = load.dataset(data)
    one, two, three = st.columns([2, 1, 1], vertical_alignment="bottom")
    with one:
        name = st.selectbox(
            words.say("Recommender"), list(RECOMMENDERS), format_func=lambda key: words.say(RECOMMENDERS[key].title),
            **state.shared("recommender", DEFAULT, state.one_of(RECOMMENDERS)),
        )  # fmt: skip
    info = RECOMMENDERS[name]
    with two:
        device = st.selectbox(words.say("Runs on"), CHOICES, key="device", bind="query-params")
    with three:
        seed = st.number_input(words.say("Seed"), 0, 2**31 - 1, 0, key="seed", bind="query-params",
                               help=words.say("Same seed, same numbers (on one kind of machine)."))  # fmt: skip
    st.caption(f"{words.say(info.summary)} *{words.plain(info.paper, 1000)}*")
    spec = forms.split(dataset)
    options = forms.options(name, info.options)
    if "profile" in info.offers:
        attributes = [name for name in dataset.users.columns if name != USER_ID]
        profile = st.multiselect(
            words.say("Attributes in the profile text"), attributes, format_func=words.namer(attributes),
            placeholder=words.say("Choose options"),
            help=words.say(
                "The model then reads who a person is, in words. The Audit page measures what it makes of it."
            ),
            **state.several("profile", attributes),
        )  # fmt: skip
        if profile:
            options["profile"] = ",".join(profile)
    possible = False
    with parts.errors():
        _chosen(name, options)
        cost = info.cost and _estimate(data, spec, name, tuple(options.items()), device, words.spoken())
        possible = True
    if possible and info.asks is not None:
        with parts.errors():
            _asked(data, spec, name, options)
    if possible and cost:
        st.caption(cost)
    return {
        "dataset": data, "split": spec, "recommender": name, "options": options, "seed": int(seed), "device": device,
    }, possible  # fmt: skip


def _chosen(name: str, options: Mapping[str, Any]) -> Any:
    """The recommender's own options. Raises ConfigError for what they cannot be."""
    return parse(RECOMMENDERS[name].options, {key: value for key, value in options.items() if key != "profile"})


def _asked(data: str, spec: str, name: str, options: Mapping[str, Any]) -> None:
    """The prompt of one real person, as the template and the profile make it."""
    info = RECOMMENDERS[name]
    assert info.asks is not None
    training = load.split(data, spec).training
    with st.expander(words.say("What it will be asked"), icon=":material/chat:"):
        user = finder.by_id(training.users[USER_ID].astype(str).to_numpy())
        if user is None:
            return
        profile = tuple(one for one in str(options.get("profile", "")).split(",") if one)
        asked = info.asks(_chosen(name, options), training.with_(profile=profile), user)
        shown = "\n".join(words.label(line, 4000) for line in asked.splitlines())
        st.code(shown, language=None, wrap_lines=True)


def _finished(job: Job) -> None:
    result = job.result or {}
    st.caption(words.say("Took {elapsed}.", elapsed=words.duration(job.elapsed)))
    if state.get("lists") != result.get("lists"):
        state.put("lists", result.get("lists"))
    with st.container(horizontal=True):
        parts.go("audit", words.say("Audit its lists"), icon=":material/balance:")
        parts.go("explore", words.say("Explore one person"), icon=":material/person_search:")
