"""Readings of an audit: sentences, verdicts and pictures say what the audit.json says."""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd
import pytest

from fairdash import charts, words
from fairdash.metrics import audit as audits
from fairdash.schema import GroupSpec
from fairdash.ui import findings, pictures


def tables(worse: bool = True) -> dict[str, pd.DataFrame]:
    """90 people of two groups, one small and one unknown; women have no hit in their lists where they fare worse."""
    people = [(f"w{i}", "woman") for i in range(35)] + [(f"m{i}", "man") for i in range(45)]
    people += [(f"x{i}", "other") for i in range(5)] + [(f"u{i}", "") for i in range(5)]
    items = [f"i{j}" for j in range(30)]
    lists, truth = [], []
    for n, (person, gender) in enumerate(people):
        liked = items[n % 20]
        truth.append((person, liked))
        hit = not (worse and gender == "woman") and n % 3 > 0
        shown = [liked] if hit else []
        shown += [item for item in items[20:] if item != liked][: 5 - len(shown)]
        lists += [(person, item, rank) for rank, item in enumerate(shown, 1)]
    kinds = ["Drama", "Action|Comedy", "Drama|Comedy"]
    return {
        "recommendations": pd.DataFrame(lists, columns=["user_id", "item_id", "rank"]),
        "truth": pd.DataFrame(truth, columns=["user_id", "item_id"]),
        "users": pd.DataFrame(people, columns=["user_id", "gender"]),
        "items": pd.DataFrame({"item_id": items, "categories": [kinds[j % 3] for j in range(30)]}),
    }


def made(worse: bool = True) -> dict[str, Any]:
    given = tables(worse)
    specs = [GroupSpec(("gender",))]
    items = given.pop("items")
    found = audits.from_frames(**given, items=items, groups=specs, k=5, replicates=200, permutations=500)
    return found.to_json()


@pytest.fixture(scope="module")
def audit() -> dict[str, Any]:
    return made()


def test_the_sentence_names_the_worse_group_the_gap_and_both_sizes(audit: dict[str, Any]) -> None:
    told = findings.sentence(audit, "gender", "ndcg")
    gap = audit["gaps"]["gender"]["ndcg"]["gap"]
    assert told.startswith(f"Women get {gap:.3f} lower NDCG@5 than men (95 % CI ")
    assert told.endswith("35 and 45 people).")
    assert "the widest gap" not in told  # the small and the unknown group are no part of it


def test_the_headline_of_a_distance_is_what_lies_beyond_chance(audit: dict[str, Any]) -> None:
    row = audit["gaps"]["gender"]["category_divergence"]
    told = findings.sentence(audit, "gender", "category_divergence")
    above, floor = (words.number(row[key]) for key in ("above_floor", "floor"))
    assert f"is {above} beyond the {floor} of chance alone" in told
    assert words.interval(*row["above_floor_ci"]) in told
    table = findings.gap_table(audit, "gender").set_index("metric").loc[findings.title("category_divergence", 5)]
    assert (table["by chance alone"], table["beyond chance"]) == (row["floor"], row["above_floor"])


def test_a_twin_without_difference_says_so(audit: dict[str, Any]) -> None:
    same = made(worse=False)
    assert charts.verdict(same["gaps"]["gender"]["ndcg"]) == "none"
    assert findings.sentence(same, "gender", "ndcg").startswith("No difference in NDCG@5 found")
    assert "could easily stay unseen" in findings.sentence(same, "gender", "ndcg")
    assert charts.verdict(audit["gaps"]["gender"]["ndcg"]) == "found"


def test_an_untested_gap_is_not_called_no_difference() -> None:
    given = tables()
    found = audits.from_frames(**given, groups=["gender"], k=5, replicates=50, permutations=0).to_json()
    assert found["gaps"]["gender"]["ndcg"]["p_value"] is None
    told = findings.sentence(found, "gender", "ndcg")
    assert "no test" in told
    assert "difference" not in told.lower()
    table = findings.gap_table(found, "gender")
    assert "not tested" in set(table["verdict"])
    strip = charts.strip(*pictures.marks(found, "gender"))
    drawn = [trace for trace in strip.figure.data if trace.customdata is not None]
    assert {trace.marker.symbol for trace in drawn} == {"x-thin"}  # as the legend has what is not tested
    assert "not found" not in set(table["verdict"])


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (None, "undefined"),
        ({"gap": None, "ratio": None}, "undefined"),
        ({"gap": 0.1, "p_value": 0.001, "p_holm": 0.01}, "found"),
        ({"gap": 0.1, "p_value": 0.03, "p_holm": 0.4}, "alone"),
        ({"gap": 0.1, "p_value": 0.3, "p_holm": 1.0}, "none"),
        ({"gap": 0.1, "p_value": None, "p_holm": None}, "untested"),
        ({"gap": None, "ratio": 0.5, "p_value": 0.001, "p_holm": 0.01}, "found"),
    ],
)
def test_verdicts(row: dict[str, Any] | None, verdict: str) -> None:
    assert charts.verdict(row) == verdict


def test_what_holds_alone_only_is_said_so(audit: dict[str, Any]) -> None:
    row = {**audit["gaps"]["gender"]["ndcg"], "p_value": 0.03, "p_holm": 0.4}
    changed = {**audit, "gaps": {"gender": {**audit["gaps"]["gender"], "ndcg": row}}}
    told = findings.sentence(changed, "gender", "ndcg")
    assert "On its own this counts" in told
    assert "Holm p = 0.400" in told


def test_every_metric_has_a_sentence_a_picture_and_a_definition(audit: dict[str, Any]) -> None:
    for metric in findings.metrics_of(audit, "gender"):
        assert findings.sentence(audit, "gender", metric).endswith(("people).", ".", ")."))
        chart = findings.by_group(audit, "gender", metric)
        assert chart.alt, metric
        assert "Range" in findings.definition(metric, 5, audit["conventions"]), metric


def test_an_undefined_gap_says_why(audit: dict[str, Any]) -> None:
    assert audit["gaps"]["gender"]["popularity_lift"]["gap"] is None
    told = findings.sentence(audit, "gender", "popularity_lift")
    assert "has no gap" in told
    assert audit["undefined"]["gaps.gender.popularity_lift"] in told


def test_the_group_picture_shows_the_audits_numbers_and_sets_small_ones_aside(audit: dict[str, Any]) -> None:
    table = findings.by_group(audit, "gender", "ndcg").table.set_index("group")
    groups = audit["groups"]["gender"]
    for name, group in groups.items():
        assert table.loc[name, "NDCG@5"] == group["ndcg"]
    assert table.loc["other", "note"] == "too few"
    assert table.loc["(unknown)", "note"] == "unknown"


def test_the_table_of_gaps_tells_the_five_states_apart(audit: dict[str, Any]) -> None:
    table = findings.gap_table(audit, "gender")
    assert set(table["verdict"]) <= {
        "difference found",
        "only on its own",
        "no difference found",
        "not tested",
        "undefined",
    }
    assert {"difference found", "undefined"} <= set(table["verdict"])
    undefined = table[table["verdict"] == "undefined"]
    assert (undefined["note"] != "").all()


def test_items_exposure_and_all_numbers_come_from_the_audit(audit: dict[str, Any]) -> None:
    chart = pictures.against(audit, "categories", "catalogue")
    shares = audit["items"]["by_group"]["categories"]
    assert sorted(chart.table["exposure"], reverse=True)[0] == max(row["exposure_share"] for row in shares.values())
    assert "Gini of recommendations" in set(findings.item_table(audit)["metric"])
    numbers = findings.value_table(audit, "gender")
    assert set(numbers["group"]) == set(audit["groups"]["gender"])


def test_titles_say_k_and_the_groups_of_items() -> None:
    assert findings.title("ndcg", 10) == "NDCG@10"
    shown = findings.title("demographic_parity_difference:popularity", 10)
    assert shown == "Demographic parity difference (popularity)"
    assert findings.title("true_positive_rate", 10) == "Part of liked items that is shown"


def test_no_model_no_pictures_of_it(audit: dict[str, Any]) -> None:
    assert findings.flips(audit, "gender").table.empty
    assert findings.leakage(audit, "gender").table.empty
    assert findings.model_table(audit, "gender").empty
    assert words.UNDEFINED not in findings.flips(audit, "gender").alt


def test_one_item_is_not_several(audit: dict[str, Any]) -> None:
    rows = {"one": {"n": 1, "exposure_share": 0.2, "catalogue_share": 0.2},
            "two": {"n": 2, "exposure_share": 0.8, "catalogue_share": 0.5}}  # fmt: skip
    shown = pictures.against({**audit, "items": {"by_group": {"kind": rows}}}, "kind", "catalogue")
    assert shown.table["row"].tolist() == ["two (2 items)", "one (1 item)"]


def test_texts_with_numbers_in_an_audit_are_said_again_in_the_language_of_whoever_reads(audit: dict[str, Any]) -> None:
    stored = json.loads(json.dumps(audit))
    with words.speaking("zh"):
        again = made()
        said = [words.again(text, stored["said"]) for text in (*stored["warnings"], *stored["conventions"].values())]
    assert said
    assert all(re.search(r"[\u4e00-\u9fff]", text) for text in said), said
    assert again["warnings"] == stored["warnings"]  # whoever asks for an audit, it is kept in English
    assert again["conventions"] == stored["conventions"]


def test_what_a_flip_changes_and_what_was_written_is_drawn_where_it_was_measured() -> None:
    shares = {"neither": 0.5, "list": 0.25, "utility": 0.05, "both": 0.2}
    kinds = {"valid": 0.6, "invented": 0.3, "repeated": 0.0, "seen": 0.0, "echoed": 0.0, "refused": 0.0, "missing": 0.1}
    audit = {
        "model": {
            "gender": {
                "flip_both": {"quadrants": {name: {"value": v, "ci": [v, v + 0.1]} for name, v in shares.items()}},
                "invalid_disparity": {"kinds": {"F": kinds, "M": {**kinds, "valid": 0.7, "invented": 0.2}}},
            }
        }
    }
    drawn = findings.quadrants(audit, "gender")
    assert drawn is not None
    assert drawn.table["row"].tolist()[-1] == "other items, other NDCG"
    assert drawn.table.iloc[:, 1].tolist() == list(shares.values())
    written = findings.written(audit, "gender")
    assert written is not None
    assert written.table["F"].tolist() == list(kinds.values())
    assert written.table["M"].tolist()[:2] == [0.7, 0.2]
    assert findings.quadrants(audit, "age") is findings.written({}, "gender") is None
