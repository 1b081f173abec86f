"""Values of the workspace, kept in memory under their digests: the key says all that the value depends on.

What is kept is everybody's memory; whether it is told is asked of the session's own workspace each time, so that what
another person looked at answers like what was never there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from fairdash import data, entries
from fairdash.jobs import kinds
from fairdash.run import Run
from fairdash.schema import Dataset, Lists, Split
from fairdash.stages.disclosure import withheld
from fairdash.ui import state
from fairdash.workspace import Kind

RUNS = 8  # models and their data in memory: as many as a comparison of several looks at again and again


def _own(kind: Kind, digest: str) -> str:
    """The digest of a value that this session may see. Raises FairDashError for any other."""
    return state.workspace().get(kind, digest).digest


def dataset(digest: str) -> Dataset:
    """The data set. Raises FairDashError when it is not there."""
    return _dataset(_own("datasets", digest))


@st.cache_resource(max_entries=4, show_spinner="Reading the data set")
def _dataset(digest: str) -> Dataset:
    return entries.get_dataset(state.workspace(), digest)


def run(digest: str) -> Run:
    """The run. Raises FairDashError when it is not there."""
    return _run(_own("runs", digest))


@st.cache_resource(max_entries=RUNS, show_spinner="Reading the run")
def _run(digest: str) -> Run:
    return entries.get_run(state.workspace(), digest)


def lists(digest: str) -> tuple[Run, Lists]:
    """The lists and the run that they belong to, one for all of its lists. Raises FairDashError when they are not
    there."""
    return run(state.workspace().get("lists", digest).meta["run"]), _lists(digest)


@st.cache_resource(max_entries=64, show_spinner="Reading the lists")
def _lists(digest: str) -> Lists:
    return entries.listed(state.workspace(), digest)


def split(digest: str, spec: str, seed: int = 0) -> Split:
    """A data set as it is cut. Raises ConfigError for a cut that it cannot have."""
    return _split(_own("datasets", digest), spec, seed)


@st.cache_resource(max_entries=4, show_spinner="Cutting the data")
def _split(digest: str, spec: str, seed: int) -> Split:
    return data.split.split(dataset(digest), spec, seed=seed)


def audit(digest: str) -> dict[str, Any]:
    """The audit.json, without values of very few people. Raises FairDashError when it is not there."""
    return _audit(_own("audits", digest))


@st.cache_data(max_entries=16, show_spinner=False)
def _audit(digest: str) -> dict[str, Any]:
    return withheld(state.workspace().read("audits", digest, "audit.json"))


def look(params: dict[str, Any]) -> dict[str, Any]:
    """The audit.json of a request, made to be looked at and not kept in the workspace: for who may change nothing in
    it. Without values of very few people. Raises FairDashError where its lists are not there."""
    lists(params["lists"])
    return _look(kinds.named("audit", params), params)


@st.cache_data(max_entries=16, show_spinner=False)
def _look(digest: str, _params: dict[str, Any]) -> dict[str, Any]:
    return withheld(kinds.make_audit(state.workspace(), _params, *lists(_params["lists"])))


def comparison(digest: str) -> dict[str, Any]:
    """The comparison.json, without values of very few people. Raises FairDashError when it is not there."""
    return _comparison(_own("comparisons", digest))


@st.cache_data(max_entries=16, show_spinner=False)
def _comparison(digest: str) -> dict[str, Any]:
    return withheld(state.workspace().read("comparisons", digest, "comparison.json"))
