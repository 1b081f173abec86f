"""The decision table: what an audit found leads to methods that exist, aim at it, and can run."""

from __future__ import annotations

from typing import Any

import pytest

from fairdash import settings
from fairdash.data import synthetic
from fairdash.data.split import split
from fairdash.metrics import audit
from fairdash.mitigation import METHODS
from fairdash.progress import silent
from fairdash.recommenders.ease import EaseOptions
from fairdash.recommenders.ease.model import Ease
from fairdash.schema import GroupSpec
from fairdash.stages import recommend
from fairdash.stages.advise import TABLE, advise

EMPTY: dict[str, Any] = {"overall": {}, "gaps": {}, "items": {"gaps": {}}}


def audited(**parts: Any) -> dict[str, Any]:
    return {**EMPTY, **parts}


def test_methods_answer_rows_that_exist_and_say_why() -> None:
    rows = {rule.key for rule in TABLE}
    for key, method in METHODS.items():
        assert method.info.answers, key
        assert set(method.info.answers) <= rows, key
        assert all(len(why) > 20 for why in method.info.answers.values()), key


def test_every_row_is_answered() -> None:
    answered = {finding for method in METHODS.values() for finding in method.info.answers}
    assert {rule.key for rule in TABLE} == answered


def test_a_gap_is_a_finding_only_where_the_data_show_it() -> None:
    row = {"gap": 0.03, "ci": [0.01, 0.05], "p_value": 0.001, "p_holm": 0.01}
    (found,) = advise(audited(gaps={"gender": {"ndcg": row}}))
    assert (found.metric, found.attribute, found.about) == ("ndcg", "gender", "people")
    assert "0.030" in found.finding
    assert "0.010 to 0.050" in found.finding
    assert [s.method for s in found.suggestions] == [
        *("user_parity", "cp_fair"),  # lists
        *("group_dro", "fair_loss"),  # training
        "resample",  # data
    ]
    for changed in ({"ci": [-0.01, 0.05]}, {"p_holm": 0.2}, {"gap": None}, {"ci": None}):
        assert advise(audited(gaps={"gender": {"ndcg": {**row, **changed}}})) == ()


def test_what_is_missing_is_said() -> None:
    gaps = {"gender": {"ndcg": {"gap": 0.03, "ci": [0.01, 0.05], "p_holm": 0.01}}}
    needs = {s.method: s.missing for s in advise(audited(gaps=gaps))[0].suggestions}
    assert needs["user_parity"] == ()
    assert needs["group_dro"] == ("training",)
    needs = {s.method: s.missing for s in advise(audited(gaps=gaps), can=("training",))[0].suggestions}
    assert needs["group_dro"] == ()
    model = {"gender": {"probe_auc": {"value": 0.7, "ci": [0.65, 0.75]}}}
    (found,) = advise(audited(model=model), can=("training",))
    assert {s.method: s.missing for s in found.suggestions}["project"] == ("vectors",)
    (found,) = advise(audited(model=model), can=("vectors", "training"))
    assert all(s.missing == () for s in found.suggestions)


def test_item_groups_are_the_findings_own_else_head_and_tail_where_a_method_needs_some() -> None:
    gap = {"gap": 0.03, "ci": [0.01, 0.05], "p_holm": 0.01}
    by_metric = {
        (advice.metric, advice.attribute): {s.method: s for s in advice.suggestions}
        for advice in advise(
            audited(
                gaps={"gender": {"ndcg": gap, "category_divergence": gap}},
                items={
                    "gaps": {"maker": {"exposure_ratio": WIDE, "rsp": WIDE}, "categories": {"rsp": WIDE}},
                    "coverage": 0.2,
                },
                overall={"popularity_lift": 0.4, "popularity_lift_ci": [0.3, 0.5]},
            ),
            can=("categories", "training"),
        )
    }
    assert by_metric["ndcg", "gender"]["cp_fair"].item_group == "popularity"
    assert by_metric["popularity_lift", None]["cp_fair"].item_group == "popularity"
    assert by_metric["popularity_lift", None]["cp_fair"].missing == ()
    assert {s.item_group for s in by_metric["exposure_ratio", "maker"].values()} == {"maker"}
    assert {s.item_group for s in by_metric["rsp", "maker"].values()} == {"maker"}
    for place, method in (
        (("ndcg", "gender"), "user_parity"),
        (("category_divergence", "gender"), "threshold"),
        (("coverage", None), "fair_rec"),
        (("coverage", None), "xquad"),
        (("popularity_lift", None), "xquad"),
        (("rsp", "categories"), "fair_rec"),
    ):
        assert by_metric[place][method].item_group is None
    # an item can be of several categories
    assert by_metric["rsp", "categories"]["p_mmf"].missing == ("item_groups",)


WIDE = {"value": 0.5, "ci": [0.4, 0.6]}
FLIPPED = {"value": 0.6, "ci": [0.5, 0.7], "floor": 0.9}
UNFAIR = {"value": 0.1, "ci": [0.05, 0.2], "p_value": 0.01}


@pytest.mark.parametrize(
    ("parts", "metric", "first"),
    [
        ({"items": {"gaps": {"maker": {"exposure_ratio": WIDE}}}}, "exposure_ratio", "exposure_parity"),
        ({"items": {"gaps": {"maker": {"rsp": WIDE}}}}, "rsp", "p_mmf"),
        ({"items": {"gaps": {}, "coverage": 0.2}}, "coverage", "fair_rec"),
        ({"overall": {"popularity_lift": 0.4, "popularity_lift_ci": [0.3, 0.5]}}, "popularity_lift", "xquad"),
        ({"overall": {"miscalibration": 0.6, "miscalibration_ci": [0.5, 0.7]}}, "miscalibration", "calibrate"),
        ({"model": {"age": {"flip_jaccard": FLIPPED}}}, "flip_jaccard", "counterfactual_augment"),
        ({"model": {"age": {"value_unfairness": UNFAIR}}}, "value_unfairness", "reweigh"),
        ({"model": {"age": {"overestimation_unfairness": UNFAIR}}}, "overestimation_unfairness", "reweigh"),
    ],
)
def test_findings_of_each_kind(parts: dict[str, Any], metric: str, first: str) -> None:
    (found,) = advise(audited(**parts))
    assert found.metric == metric
    assert found.suggestions[0].method == first
    assert "{" not in found.finding
    assert "nan" not in found.finding


def test_a_finding_that_noise_alone_lifts_says_what_lies_beyond_chance() -> None:
    beyond = {"floor": 0.07, "above_floor": 0.03, "above_floor_ci": [0.01, 0.06]}
    (found,) = advise(audited(model={"age": {"value_unfairness": UNFAIR | beyond}}))
    assert "is 0.030 beyond chance alone (95 % interval 0.010 to 0.060)" in found.finding
    assert (
        advise(audited(model={"age": {"value_unfairness": UNFAIR | beyond | {"above_floor_ci": [-0.01, 0.06]}}})) == ()
    )


def test_undefined_numbers_are_no_findings() -> None:
    nan = float("nan")
    assert advise(audited(overall={"miscalibration": nan, "miscalibration_ci": None})) == ()
    assert advise(audited(items={"gaps": {"maker": {"rsp": {"value": None, "ci": None}}}})) == ()


def test_a_planted_bias_leads_to_a_method_for_it(tmp_path: Any) -> None:
    made = split(synthetic.make(seed=0)[0], "user-random:0.8")
    fitted = Ease(EaseOptions()).fit(made.training, seed=0, device="cpu", folder=tmp_path, progress=silent)
    lists = recommend.rank(fitted, made, "test", k=settings.K)
    found = audit.from_split(
        made, lists, groups=[GroupSpec(("gender",))], item_groups=[GroupSpec(("creator_gender",))],
        replicates=200, permutations=1_000,
    ).to_json()  # fmt: skip
    said = {(advice.metric, advice.attribute) for advice in advise(found, can=("categories",))}
    assert ("category_divergence", "gender") in said
