"""Pages in a made-up language: whatever is left in English came with the data."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fairdash import entries, words
from fairdash.data.sources import SOURCES
from fairdash.metrics.catalogue import METRICS
from fairdash.mitigation import METHODS
from fairdash.recommenders import RECOMMENDERS
from fairdash.recommenders.device import CHOICES
from fairdash.recommenders.options import choices_of
from fairdash.schema import UNKNOWN
from fairdash.ui import load
from fairdash.workspace import Workspace
from tests.conftest import english
from tests.pages.conftest import Open
from tests.pages.test_pages import wait_for_job

TOLD = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "success", "error")
CONTROLS = ("button", "checkbox", "toggle", "number_input", "text_input", "text_area", "selectbox", "multiselect",
            "segmented_control", "slider", "select_slider", "metric", "expander", "tabs")  # fmt: skip
_NAMES = re.compile(r"[A-Za-z]+")


def shown(app: AppTest) -> Iterator[str]:
    """All that a page says: texts, labels, helps, choices, and the columns of tables."""
    for kind in TOLD:
        yield from (str(one.value) for one in app.get(kind))
    for kind in CONTROLS:
        for one in app.get(kind):
            yield str(getattr(one, "label", ""))
            yield str(getattr(one, "help", "") or "")
            yield from map(str, getattr(one, "options", ()))
    for table in app.dataframe:
        named = json.loads(table.proto.columns or "{}")
        yield from (str(named.get(column, {}).get("label") or column) for column in table.value.columns)
    for kind in ("popover", "page_link", "download_button"):
        yield from (str(getattr(one.proto, "label", "")) for one in app.get(kind))


def of_data(home: Any, stored: str) -> set[str]:
    """Words that came with the data, and names of programs, papers and devices."""
    dataset = entries.get_dataset(Workspace(home), stored)
    texts = [
        dataset.name,
        "age_group",
        "synthetic",
        "user",
        "time",
        "EASE",
        "FairDash",
        "audit",
        "comparison",
        "json",
        *words.languages(),
    ]
    for table in (dataset.users, dataset.items):
        texts += map(str, table.columns)
        for column in table.columns:
            texts += map(str, table[column].unique())
    for info in RECOMMENDERS.values():
        texts += [choice for spec in dataclasses.fields(info.options) for choice in choices_of(spec)]
    texts += [text for source in SOURCES.values() for text in (source.licence, source.citation)]
    texts += [str(home), "bfloat16", "CSV", UNKNOWN, *CHOICES, *RECOMMENDERS, *METHODS, *METRICS]
    texts += [one.paper for one in (*METRICS.values(), *RECOMMENDERS.values(), *(m.info for m in METHODS.values()))]
    return {word for text in texts for word in _NAMES.findall(text)}


def check(app: AppTest, data: set[str]) -> None:
    assert not app.exception
    assert app.title[0].value.startswith("⟦")
    silent = {text: found for text in shown(app) if (found := english(text, data))}
    assert not silent, silent


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(("name", "query", "job", "parts"), [
    ("recommender", {"how": "train", "more-bert_sequence": "true"}, None, ()),
    ("recommender", {"how": "search"}, None, ()),
    ("recommender", {"how": "bring", "bring": "own"}, None, ()),
    ("recommender", {"how": "runs"}, None, ()),
    ("recommender", {"how": "view"}, None, ()),
    ("mitigate", {"act": "one"}, None, ()),
    ("mitigate", {"act": "done"}, None, ()),
    ("data", {"tab": "catalogue"}, None, ()),
    ("data", {"tab": "storage"}, None, ()),
    ("live", {"source": "made", "group": "gender"}, None, ()),
    ("audit", {"group": "gender"}, None, ("gaps", "spread", "time", "categories", "items",
                                                "model", "numbers", "private")),
    ("compare", {"group": "gender"}, "compare", ("gaps", "categories", "items", "numbers")),
], ids=str)  # fmt: skip
def test_a_page_leaves_nothing_in_english(
    name: str, query: dict[str, str], job: str | None, parts: tuple[str, ...], here: dict[str, Any], open_page: Open
) -> None:
    app = open_page(name, data=here["data"], lists=here["lists"], **query)
    data = of_data(here["home"], here["data"])
    if job is not None:
        wait_for_job(app, job, here["home"])
    if name == "audit":  # conventions and warnings with numbers in them stand in the contract
        audits = [load.audit(entry.digest) for entry in Workspace(here["home"]).entries("audits")]
        stored = [told for audit in audits for told in (
            *audit["warnings"], *(audit["conventions"][key] for key in ("relevance", "ideal", "test")))]  # fmt: skip
        data |= {word for said in stored for word in _NAMES.findall(said)}
    check(app, data)
    for part in parts:
        app.segmented_control(key="more" if name == "audit" else "compared").set_value(part).run()
        check(app, data)
