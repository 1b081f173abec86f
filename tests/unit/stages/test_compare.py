"""What a comparison says: the right direction, the right place, and nothing that the intervals do not show."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from fairdash import words
from fairdash.metrics.audit import from_frames
from fairdash.metrics.value import Audit
from fairdash.stages import compare as stage
from fairdash.stages.compare import (
    ALONE,
    FAIRER,
    LESS_ACCURATE,
    MORE_ACCURATE,
    NEUTRAL,
    NOT_SHOWN,
    UNDEFINED,
    WORSE,
    Aim,
    compare_audits,
)
from fairdash.stages.model_side import Measure
from tests.conftest import report_of

N, K = 200, 5


def audited(hit_rank: dict[str, int | None], *, tail: bool = False) -> Audit:
    """200 people in two groups; everybody's one liked item stands at the group's rank, or is missing."""
    people = [f"u{i}" for i in range(N)]
    group = ["a" if i % 2 else "b" for i in range(N)]
    rows = []
    for i, (person, own) in enumerate(zip(people, group, strict=True)):
        items = [f"tail{(i + j) % 30}" if tail else f"pop{j}" for j in range(K)]
        place = hit_rank[own]
        # one in ten has no hit, so that values differ between people and intervals have a width
        if place is not None and i % 10 > 1:
            items[place - 1] = f"liked{i % 7}"
        rows += [(person, item, rank) for rank, item in enumerate(items, 1)]
    lists = pd.DataFrame(rows, columns=["user_id", "item_id", "rank"])
    truth = pd.DataFrame({"user_id": people, "item_id": [f"liked{i % 7}" for i in range(N)]})
    train = pd.DataFrame({"user_id": people * 2, "item_id": ["pop0"] * N + ["pop1"] * N})
    users = pd.DataFrame({"user_id": people, "side": group})
    names = [f"{kind}{i}" for kind, n in (("pop", K), ("tail", 30), ("liked", 7)) for i in range(n)]
    items = pd.DataFrame({"item_id": names})
    return from_frames(
        lists, truth, users, train=train, items=items, groups=["side"], k=K, replicates=200, permutations=50
    )


def test_a_closed_gap_is_fairer_and_its_cost_is_said() -> None:
    value = compare_audits(
        audited({"a": 1, "b": 4}), audited({"a": 4, "b": 4}), aims=[Aim("ndcg", "side")], names=("x", "y")
    ).to_json()
    gap = value["gaps"]["side"]["ndcg"]
    assert gap["before"] == pytest.approx(0.8 * (1 - 1 / np.log2(5)), abs=1e-9)
    assert gap["after"] == pytest.approx(0, abs=1e-9)
    assert gap["verdict"] == FAIRER
    assert value["overall"]["ndcg"]["verdict"] == LESS_ACCURATE
    assert value["groups"]["side"]["b"]["ndcg"]["verdict"] == NOT_SHOWN
    assert value["aim"]["verdict"] == FAIRER
    assert value["sentences"][0].startswith("Aim: Gap in NDCG@5 between groups of side moved as meant")
    assert any(line.startswith("Accuracy: NDCG@5 fell") for line in value["sentences"])
    assert any("0 % have a better list, 40 % a worse one, 60 % an equal one" in line for line in value["sentences"])
    json.dumps(value, allow_nan=False)


def test_what_noise_lifts_is_told_by_what_lies_beyond_chance() -> None:
    before, after = audited({"a": 1, "b": 4}), audited({"a": 4, "b": 4})
    value = compare_audits(before, after, aims=[Aim("group_entropy_index", "side")]).to_json()
    row = value["gaps"]["side"]["group_entropy_index"]
    above = [side.results["gaps"]["side"]["group_entropy_index"]["above_floor"] for side in (before, after)]
    assert [row["above_before"], row["above_after"]] == above
    assert f"({words.interval(*above)} of it beyond chance alone)" in value["sentences"][0]
    assert value["aim"]["before_ci"] == before.results["gaps"]["side"]["group_entropy_index"]["above_floor_ci"]
    assert "above_before" not in value["gaps"]["side"]["ndcg"]


def test_an_opened_gap_is_less_fair_although_accuracy_rose() -> None:
    value = compare_audits(audited({"a": 4, "b": 4}), audited({"a": 1, "b": 4}), aims=[Aim("ndcg", "side")]).to_json()
    assert value["gaps"]["side"]["ndcg"]["verdict"] == WORSE
    assert value["overall"]["ndcg"]["verdict"] == MORE_ACCURATE
    assert "moved the wrong way" in value["sentences"][0]


def test_the_first_sentence_says_who_lost_and_that_the_gap_changed_sides() -> None:
    """The gap is as large as before, so that its aim did not move; yet one group lost what the other won."""
    before, after = audited({"a": 1, "b": 4}), audited({"a": 4, "b": 1})
    value = compare_audits(before, after, aims=[Aim("ndcg", "side")]).to_json()
    gap = value["gaps"]["side"]["ndcg"]
    assert gap["difference"] == pytest.approx(0, abs=0.05)
    assert gap["changed_sides"]
    assert gap["ahead"] == "a"
    assert [(row["group"], row["metric"], row["verdict"]) for row in value["beyond"]] == [
        ("a", "ndcg", LESS_ACCURATE),
        ("b", "ndcg", MORE_ACCURATE),
    ]
    first = value["sentences"][0]
    assert "did not move beyond its interval" in first
    low, high = value["groups"]["side"]["a"]["ndcg"]["ci"]
    lost = words.signed(value["groups"]["side"]["a"]["ndcg"]["difference"])
    assert f"NDCG@5 fell for side a: {lost} (95 % CI {words.interval(low, high, sign=True)})." in first
    assert "NDCG@5 rose for side b: +" in first
    assert "Gap in NDCG@5 between groups of side changed sides: side a had 0.4" in first
    assert "changed sides" in report_of(value)


@pytest.mark.parametrize("aims", [(), (Aim("gini"),)])
def test_harm_is_said_first_whatever_the_aim(aims: tuple[Aim, ...]) -> None:
    value = compare_audits(audited({"a": 1, "b": 4}), audited({"a": 2, "b": 4}), aims=aims).to_json()
    assert "NDCG@5 fell for side a: −" in value["sentences"][0]
    assert "side b" not in value["sentences"][0]
    assert not value["gaps"]["side"]["ndcg"]["changed_sides"]


def test_gaps_are_corrected_for_their_number() -> None:
    value = compare_audits(audited({"a": 1, "b": 4}), audited({"a": 2, "b": 4})).to_json()
    for row in value["gaps"]["side"].values():
        if row["moved"] is not None:
            assert (row["p_value"] < 0.05) == row["moved"]
            assert row["p_holm"] >= row["p_value"]
            assert (row["verdict"] in (FAIRER, WORSE)) == (row["p_holm"] < 0.05)

    def gaps(n: int, low: float) -> dict[str, dict[str, Any]]:
        """n gaps, of which one fell by 0.1, with an interval from low to what is as far on the other side."""
        still = {"before": 0.3, "difference": 0.0, "moved": False, "verdict": NOT_SHOWN}
        rows: dict[str, dict[str, Any]] = {
            f"m{i}": {**still, "after": 0.3 + i, "ci": (-0.1, 0.1)} for i in range(n - 1)
        }
        changed = {"before": 0.3, "after": 0.2, "difference": -0.1, "ci": (low, -0.2 - low), "moved": True}
        return {**rows, "moved": {**changed, "verdict": FAIRER}}

    for n, low, verdict in ((1, -0.19, FAIRER), (27, -0.19, ALONE), (27, -0.15, FAIRER)):
        rows = gaps(n, low)
        stage._corrected(rows)
        assert rows["moved"]["verdict"] == verdict
        assert rows["moved"]["p_value"] == pytest.approx(2 * norm.sf(0.1 / (-0.1 - low) * norm.isf(0.025)))
        assert rows["moved"]["p_holm"] == pytest.approx(min(1, n * rows["moved"]["p_value"]))


def test_gaps_that_are_one_number_are_one_question() -> None:
    row = {"before": 0.3, "after": 0.2, "difference": -0.1, "ci": (-0.19, -0.01), "moved": True, "verdict": FAIRER}
    named = {"hit": {**row}, "recall": {**row}, "other": {**row, "after": 0.2 + 1e-12}}
    stage._corrected(named)
    assert {one["p_holm"] == one["p_value"] for one in named.values()} == {True}


def test_an_aim_set_beforehand_is_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.bootstrap, "holm", lambda p: [1.0 for _ in p])
    value = compare_audits(audited({"a": 1, "b": 4}), audited({"a": 4, "b": 4}), aims=[Aim("ndcg", "side")]).to_json()
    assert value["gaps"]["side"]["ndcg"]["verdict"] == ALONE
    assert value["aim"]["verdict"] == FAIRER
    assert any("none is shown to have moved; " in said for said in value["sentences"])


def test_the_same_lists_change_nothing() -> None:
    same = audited({"a": 2, "b": 3})
    value = compare_audits(same, audited({"a": 2, "b": 3}), aims=[Aim("ndcg", "side")]).to_json()
    verdicts = {row["verdict"] for row in value["gaps"]["side"].values()} | {
        row["verdict"] for row in value["overall"].values()
    }
    assert verdicts <= {NOT_SHOWN, UNDEFINED}
    assert value["people"]["all"]["all"]["ndcg"]["equal"] == 1
    assert "did not move beyond its interval" in value["sentences"][0]


def test_an_aim_of_a_gap_that_was_within_chance_says_that_there_was_nothing_to_move() -> None:
    value = compare_audits(audited({"a": 2, "b": 2}), audited({"a": 2, "b": 2}), aims=[Aim("ndcg", "side")]).to_json()
    assert value["aim"]["within_chance"]
    assert "did not move beyond its interval" in value["sentences"][0]
    assert "Before, it was within chance (95 % CI " in value["sentences"][0]
    assert value["sentences"][0].endswith("there was nothing to move.")
    value = compare_audits(audited({"a": 1, "b": 4}), audited({"a": 1, "b": 4}), aims=[Aim("ndcg", "side")]).to_json()
    assert not value["aim"]["within_chance"]
    assert "did not move beyond its interval" in value["sentences"][0]
    assert "nothing to move" not in value["sentences"][0]


def test_an_aim_that_was_not_measured_is_never_read_off_another_number() -> None:
    same = audited({"a": 1, "b": 4})
    value = compare_audits(same, same, aims=[Aim("ndcg", "age"), Aim("ndcg", "side")]).to_json()
    assert [aim["attribute"] for aim in value["aims"]] == ["side"]
    assert value["aim"] == value["aims"][0]
    assert value["sentences"][1] == "Aim: Gap in NDCG@5 between groups of age was not measured here."
    assert compare_audits(same, same, aims=[Aim("ndcg", "age")]).to_json()["aim"] is None


@pytest.mark.parametrize(
    ("strength", "tuning", "words"),
    [
        (0.0, [], "Strength 0 was taken"),
        (0.0, [{"strength": 0.0}], "on validation, the rule called for no stronger one"),
        (0.5, [{"strength": 0.5, "change": -0.02, "change_ci": [-0.05, 0.01]}], "On validation it had not moved"),
        (
            0.5,
            [{"strength": 0.5, "change": -0.02, "change_ci": [-0.03, -0.01]}],
            "On validation it had moved by −0.020",
        ),
    ],
)
def test_what_validation_said_of_an_aim_that_did_not_move(strength: float, tuning: list[object], words: str) -> None:
    same = audited({"a": 1, "b": 4})
    about = {"after": {"mitigation": {"strength": strength}, "tuning": tuning}}
    value = compare_audits(same, same, aims=[Aim("ndcg", "side")], about=about).to_json()
    assert words in value["sentences"][0]
    moved = compare_audits(same, audited({"a": 4, "b": 4}), aims=[Aim("ndcg", "side")], about=about).to_json()
    assert words not in value["sentences"][1]
    assert words not in moved["sentences"][0]


def test_what_has_no_fairer_direction_is_only_changed() -> None:
    value = compare_audits(audited({"a": 1, "b": 1}), audited({"a": 1, "b": 1}, tail=True)).to_json()
    assert value["overall"]["arp"]["verdict"] == NEUTRAL
    assert value["items"]["coverage"]["verdict"] == FAIRER
    assert value["aim"] is None


def test_leakage_that_comes_nearer_to_chance_is_fairer_from_both_sides() -> None:
    audit = audited({"a": 1, "b": 1})
    noise = np.random.default_rng(0).normal(0, 0.005, 200)

    def model(value: float) -> dict[str, dict[str, Measure]]:
        return {"side": {"probe_auc": Measure(value, replicates=value + noise)}}

    for before, after, verdict in ((0.8, 0.55, FAIRER), (0.8, 0.1, WORSE), (0.5, 0.7, WORSE), (0.6, 0.6, NOT_SHOWN)):
        value = compare_audits(
            audit, audit, models=(model(before), model(after)), aims=[Aim("probe_auc", "side")]
        ).to_json()
        assert value["model"]["side"]["probe_auc"]["verdict"] == verdict
        assert value["aim"]["verdict"] == verdict


def test_an_undefined_model_metric_is_left_out() -> None:
    audit = audited({"a": 1, "b": 1})
    nothing = {"side": {"snsr": Measure(float("nan"), reason="this recommender reads no profile text")}}
    assert compare_audits(audit, audit, models=(nothing, nothing)).to_json()["model"] == {"side": {}}
