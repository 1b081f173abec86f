"""What the Mitigate page asks for and what it says cannot be, without the page."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from fairdash.data import synthetic
from fairdash.data.split import split
from fairdash.mitigation.base import Mitigation
from fairdash.run import Run
from fairdash.schema import Dataset, GroupSpec
from fairdash.stages import fit
from fairdash.stages.advise import advise
from fairdash.stages.compare import aim_title
from fairdash.ui.mitigating import catalogue, lacking
from fairdash.ui.shortlist import advised

GAP = {"gap": 0.03, "ci": [0.01, 0.05], "p_holm": 0.01}
OFF = {"value": 0.5, "ci": [0.4, 0.6]}


def plain(*specs: GroupSpec) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(json.dumps([asdict(spec) for spec in specs]))
    return made


def asked(found: dict[str, Any], method: str) -> list[Mitigation]:
    """What the batch would run of one method for an audit's findings, one a finding."""
    audited = {
        "groups": plain(GroupSpec(("age",), ((35.0,),)), GroupSpec(("gender",))),
        "item_groups": plain(GroupSpec(("studio",)), GroupSpec(("maker",), (), 5)),
    }
    audit = {"overall": {}, "gaps": {}, "items": {"gaps": {}}, **found}
    return [
        Mitigation.from_json(advised(advice, suggestion, audited))
        for advice in advise(audit, can=("categories", "training"))
        for suggestion in advice.suggestions
        if suggestion.method == method
    ]


def test_a_batch_takes_the_groups_that_the_finding_is_of() -> None:
    (made,) = asked({"items": {"gaps": {"maker": {"exposure_ratio": OFF}}}}, "exposure_parity")
    assert (made.groups, made.item_group) == ((), GroupSpec(("maker",), (), 5))
    (made,) = asked({"items": {"gaps": {"popularity": {"exposure_ratio": OFF}}}}, "fa_ir")
    assert made.item_group == GroupSpec(("popularity",))
    (made,) = asked({"gaps": {"gender": {"ndcg": GAP}}}, "cp_fair")
    assert (made.groups, made.item_group) == ((GroupSpec(("gender",)),), GroupSpec(("popularity",)))
    (made,) = asked({"items": {"gaps": {"maker": {"rsp": OFF}}}}, "cp_fair")
    assert [group.label for group in made.groups] == ["age"]


@pytest.mark.parametrize(
    ("found", "method"),
    [
        ({"gaps": {"gender": {"category_divergence": GAP}}}, "threshold"),
        ({"overall": {"popularity_lift": 0.4, "popularity_lift_ci": [0.3, 0.5]}}, "xquad"),
        ({"items": {"gaps": {}, "coverage": 0.2}}, "fair_rec"),
        ({"gaps": {"gender": {"ndcg": GAP}}}, "user_parity"),
    ],
)
def test_a_method_that_needs_no_groups_of_items_gets_none(found: dict[str, Any], method: str) -> None:
    (made,) = asked(found, method)
    assert made.item_group is None
    assert made.strength is None


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """A run each with and without categories of items."""
    whole = synthetic.make(n_users=60, n_items=40)[0]
    one = whole.items.assign(categories="Drama")
    data: dict[str, Dataset] = {
        "several": whole,
        "one": replace(whole, items=one),
        "none": replace(whole, items=whole.items.drop(columns="categories")),
    }
    folder: Path = tmp_path_factory.mktemp("runs")
    return {
        name: fit.train(split(dataset, "user-time:0.8"), fit.TrainSpec("popularity"), folder / name)
        for name, dataset in data.items()
    }


@pytest.mark.parametrize("method", ["calibrate", "threshold"])
def test_what_weighs_categories_is_not_offered_without_two(method: str, trained: dict[str, Run]) -> None:
    info = catalogue()[method]
    assert lacking(trained["several"], info) == ""
    for name in ("one", "none"):
        assert "categories" in lacking(trained[name], info)


@pytest.mark.parametrize("method", ["blind", "counterfactual_augment"])
def test_what_changes_the_profile_is_not_offered_where_none_is_read(method: str, trained: dict[str, Run]) -> None:
    run = trained["several"]
    for recommender, possible in (("ncf", False), ("bert_sequence", True), ("bert_pair", True)):
        meta = {**run.meta, "recommender": recommender, "options": {"profile": "gender"}}
        assert (lacking(replace(run, meta=meta), catalogue()[method]) == "") is possible


def test_a_target_that_is_a_gap_is_called_one() -> None:
    assert aim_title("ndcg", 10, ["gender"]) == "Gap in NDCG@10 between groups of gender"
    assert aim_title("category_divergence", 10, ["gender"]).endswith("between groups of gender")
    assert "between" not in aim_title("miscalibration", 10)
