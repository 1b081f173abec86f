"""Comparisons, their report and advice in another language than English."""

from __future__ import annotations

import json
import re
from html import unescape

import pandas as pd
import pytest

from fairdash.metrics.audit import from_frames
from fairdash.metrics.catalogue import METRICS
from fairdash.metrics.value import Audit
from fairdash.stages.advise import TABLE, advise
from fairdash.stages.compare import Aim, compare_audits, sentences
from tests.conftest import english, report_of


@pytest.fixture(scope="module")
def audits() -> list[Audit]:
    """Of lists that treat two groups alike, and of lists that do not."""
    people = [f"u{i}" for i in range(80)]
    users = pd.DataFrame({"user_id": people, "gender": ["F" if i % 2 else "M" for i in range(80)]})
    liked = pd.DataFrame({"user_id": people, "item_id": [f"i{i % 5}" for i in range(80)]})
    items = pd.DataFrame({"item_id": [f"i{i}" for i in range(9)], "maker": ["a", "b", "c"] * 3})
    made = []
    for unfair in (0, 4):
        rows = [(u, f"i{(i + j + unfair * (i % 2)) % 9}", j + 1) for i, u in enumerate(people) for j in range(3)]
        lists = pd.DataFrame(rows, columns=["user_id", "item_id", "rank"])
        options = {"groups": ["gender"], "item_groups": ["maker"], "k": 3, "replicates": 60, "permutations": 60}
        made.append(from_frames(lists, liked, users, items=items, **options))
    return made


_OF_DATA = ("gender", "maker", "data", "split", "Before", "After", "ease", "calibrate", "CPU", "FairDash", "log", "UTC")


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_a_comparison_and_its_report_are_told_in_another_language(
    audits: list[Audit], way: int, strength: float
) -> None:
    """Its sentences are made anew from the values, whatever language they are stored in."""
    groups = [{"attributes": ["gender"]}]
    chosen = {"method": "calibrate", "strength": strength, "groups": groups, "item_group": {"attributes": ["maker"]}}
    point = {"strength": strength, "change": -0.02, "change_ci": [-0.05, 0.01]}
    of_run = {"recommender": "ease", "options": {}, "seed": 0, "train_seconds": 70, "device_sentence": "CPU"}
    about = {
        "data": "data", "split": "split",
        "before": {"title": "Before", **of_run}, "after": {"title": "After", "mitigation": chosen, "tuning": [point]},
    }  # fmt: skip
    aims = [
        Aim("ndcg", "gender"),
        Aim("ndcg", "split"),
        Aim("miscalibration"),
        Aim("gini"),
        Aim("exposure_ratio", "maker"),
    ]
    compared = compare_audits(*audits[::way], names=("Before", "After"), aims=aims, about=about).to_json()
    value = json.loads(json.dumps({**compared, "sentences": ["stored in English"]}))
    told = sentences(value)
    assert len(told) > 4
    for one in told:
        assert one.startswith("⟦")
        assert not english(one, _OF_DATA), one
    page = report_of(value)
    text = unescape(re.sub(r"(?s)<(style|pre)>.*?</\1>|<[^>]*>", " ", page))
    papers = " ".join(metric.paper for metric in METRICS.values())
    assert not english(text, {*_OF_DATA, *re.findall(r"[A-Za-z]+", " ".join([papers, *value["warnings"]]))})
    assert 'lang="xx"' in page
    assert not [alt for alt in re.findall(r'aria-label="([^"]*)"', page) if english(alt, _OF_DATA)]


@pytest.mark.usefixtures("made_up")
def test_advice_is_given_in_another_language(audits: list[Audit]) -> None:
    differs = {"gap": 0.2, "ci": [0.1, 0.3], "p_holm": 0.001}
    value = {"value": 0.9, "ci": [0.85, 0.95], "floor": 0.99, "p_value": 0.001}
    keys = {place: {rule.metric for rule in TABLE if rule.place == place} for place in ("gaps", "model", "items")}
    low = {"value": 0.2, "ci": [0.1, 0.3]}
    audit = {
        "gaps": {"gender": dict.fromkeys(keys["gaps"], differs)},
        "model": {"gender": dict.fromkeys(keys["model"], value)},
        "items": {"gaps": {"maker": {"exposure_ratio": low, "rsp": value}}, "coverage": 0.1},
        "overall": {"popularity_lift": 0.4, "popularity_lift_ci": [0.3, 0.5], "miscalibration": 0.5,
                    "miscalibration_ci": [0.4, 0.6]},
    }  # fmt: skip
    found = advise(audit)
    assert len(found) == len(TABLE)
    for advice in found:
        for said in (advice.finding, *(text for one in advice.suggestions for text in (one.title, one.why))):
            assert said.startswith("⟦")
            assert not english(said, _OF_DATA), said
