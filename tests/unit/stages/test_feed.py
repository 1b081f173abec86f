"""The feed: what was planted stands first, the silent twin has nothing to say of people, and Holm counts every test."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fairdash import charts, settings, words
from fairdash.data import split as splits
from fairdash.data import synthetic
from fairdash.metrics.bootstrap import holm
from fairdash.metrics.catalogue import FAMILIES
from fairdash.stages import audit, feed, fit, recommend
from fairdash.stages.disclosure import withheld
from fairdash.stages.feed import Card


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, dict[str, Any]]:
    """What the feed asks of the planted service, and of its twin."""
    found = {}
    for biased in (True, False):
        dataset, _ = synthetic.make(biased=biased)
        split = splits.split(dataset, "user-time:0.8")
        run = fit.train(split, fit.TrainSpec("ease"), Path(tmp_path_factory.mktemp("feed")))
        spec = feed.ways(split.training.people, split.training.items, popularity=True)
        found[biased] = withheld(audit.audit(run, recommend.recommend(run, 10), spec).to_json())
    return found


def test_what_was_planted_stands_first(audits: dict[bool, dict[str, Any]]) -> None:
    cards = feed.feed(audits[True], things="films")
    first = cards[0]
    assert (first.kind, first.attribute, first.question, first.worse) == ("found", "gender", "accuracy", "woman")
    found = [card for card in cards if card.kind == "found"]
    single = [card.attribute for card in found if card.about == "people" and words.CROSS not in card.attribute]
    assert set(single) == {"gender"}  # nothing was planted by age or country
    assert ("creator_gender", "woman") in {(card.attribute, card.worse) for card in found if card.about == "items"}
    kinds = next(card for card in found if card.question == "kinds")
    assert kinds.attribute == "gender"
    assert kinds.of in ("Romance", "Action")
    echoes = [i for i, card in enumerate(found) if words.CROSS in card.attribute]
    assert min(echoes) > max(i for i, card in enumerate(found) if card.attribute == "gender")


def test_the_twin_has_nothing_to_say_of_people(audits: dict[bool, dict[str, Any]]) -> None:
    cards = feed.feed(audits[False])
    assert {card.about for card in cards if card.kind == "found"} <= {"items"}
    assert "creator_gender" not in {card.attribute for card in cards if card.kind == "found"}
    gender = next(card for card in cards if card.attribute == "gender" and card.question == "accuracy")
    assert gender.kind == "none"
    assert "would have been seen" in gender.plain


@pytest.mark.parametrize("biased", [True, False])
def test_holm_counts_every_test_of_the_feed(audits: dict[bool, dict[str, Any]], biased: bool) -> None:
    """Also those whose answer is not the one shown."""
    value = audits[biased]
    cards = feed.feed(value)
    asked = [metric for question in feed.QUESTIONS.values() for metric in question.metrics]
    tests = [rows[metric]["p_value"] for rows in value["gaps"].values() for metric in asked if metric in rows]
    tests = [p for p in tests if p is not None]
    items = [card.p for card in cards if card.about == "items" and card.p is not None]
    assert {card.tests for card in cards if card.p is not None} == {len(tests) + len(items)}
    adjusted = dict(zip([*tests, *items], holm([*tests, *items]), strict=True))
    for card in cards:
        if card.p is not None:
            assert card.p_feed == pytest.approx(adjusted[card.p])
            assert (card.kind == "found") == (adjusted[card.p] < 0.05)


def test_even_the_least_p_value_can_pass_the_correction() -> None:
    tests = sum(len(question.metrics) for question in feed.QUESTIONS.values())
    pairs = feed.CROSSED * (feed.CROSSED - 1) // 2
    most = tests * (feed.ATTRIBUTES + pairs + 1) + feed.ITEM_ATTRIBUTES
    assert most / (settings.PERMUTATIONS + 1) < 0.05


def test_a_plain_sentence_says_the_audits_own_numbers(audits: dict[bool, dict[str, Any]]) -> None:
    value = audits[True]
    women, men = (value["groups"]["gender"][name] for name in ("woman", "man"))
    cards = {(card.attribute, card.question): card for card in feed.feed(value, things="films")}
    accuracy, kinds = cards["gender", "accuracy"], cards["gender", "kinds"]
    assert accuracy.plain == (
        f"Of 10 films, women go on to like {words.number(10 * women['precision'], 1)}; men "
        f"{words.number(10 * men['precision'], 1)}."
    )
    more = men["category_share"][kinds.of] - women["category_share"][kinds.of]
    one, other = ("men", "women") if more > 0 else ("women", "men")
    told = words.number(10 * abs(more), 1)
    assert kinds.plain == f"Of 10 films, {one} get {told} more {kinds.of} than {other}."
    assert accuracy.size == pytest.approx(value["gaps"]["gender"]["ndcg"]["gap"])
    assert accuracy.part == pytest.approx(accuracy.size / value["overall"]["ndcg"])
    assert accuracy.certain == pytest.approx(value["gaps"]["gender"]["ndcg"]["ci"][0] / value["overall"]["ndcg"])


def test_small_groups_and_the_unknown_are_in_no_card(audits: dict[bool, dict[str, Any]]) -> None:
    value = audits[True]
    for card in feed.feed(value):
        if card.about == "people":
            rows = value["groups"][card.attribute]
            for name in (*(bar.name for bar in card.bars), *card.concerned):
                assert not rows[name]["small"]
                assert name != "(unknown)"


def test_a_target_changes_what_exposure_is_held_against(audits: dict[bool, dict[str, Any]]) -> None:
    rows = audits[True]["items"]["by_group"]["creator_gender"]["woman"]
    for target, key in (("catalogue", "catalogue_share"), ("liked", "relevant_share")):
        cards = feed.feed(audits[True], target=target)  # type: ignore[arg-type]  # of the words above
        card = next(card for card in cards if card.attribute == "creator_gender")
        assert card.beside == pytest.approx(rows[key])
        assert card.size == pytest.approx(rows[key] - rows["exposure_share"])


def rounded(value: Any) -> Any:
    """A value with its numbers to 12 digits: sums over more columns at once may end otherwise behind them."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.12g}") if isinstance(value, float) else value


def test_an_audit_of_some_families_has_the_numbers_of_the_whole(tmp_path: Path) -> None:
    dataset, _ = synthetic.make(n_users=120, n_items=80)
    split = splits.split(dataset, "user-time:0.8")
    run = fit.train(split, fit.TrainSpec("popularity"), tmp_path)
    spec = replace(
        feed.ways(split.training.people, split.training.items, popularity=True), replicates=100, permutations=0
    )
    some = audit.audit(run, recommend.recommend(run, 10), spec).to_json()
    whole = audit.audit(run, recommend.recommend(run, 10), replace(spec, only=())).to_json()
    kept = {metric.key for name in feed.FAMILIES for metric in FAMILIES[name].metrics}
    for attribute, rows in some["gaps"].items():
        assert set(rows) <= kept
        for metric, row in rows.items():
            assert rounded({**row, "p_holm": None}) == rounded({**whole["gaps"][attribute][metric], "p_holm": None})
        assert some["groups"][attribute].keys() == whole["groups"][attribute].keys()


def _card(kind: str, attribute: str, certain: float) -> Card:
    return Card(kind, "people", "accuracy", attribute, "ndcg", None, None, None, 0.1, None, 0.1, certain, 0.1, "", "")  # type: ignore[arg-type]  # of the kinds


def test_one_question_is_no_all_of_them() -> None:
    single, several = (feed._judged(_card("none", "a", 0.1), 0.001, n).sentence for n in (1, 2))
    assert single == "It was the only question of this feed (p = 0.001)."
    assert several == "It holds among all 2 questions of this feed (Holm, p = 0.001)."


def test_what_is_surer_of_more_comes_first() -> None:
    cards = [_card("found", "a", 0.1), _card("found", "b", 0.3), _card("few", "c", math.nan), _card("alone", "d", 0.9)]
    assert sorted((card.attribute for card in cards), key="badc".index) == list("badc")
    ordered = sorted(cards, key=feed._order)
    assert [card.attribute for card in ordered] == list("badc")


@pytest.mark.parametrize(
    ("attribute", "name", "said"),
    [
        ("gender", "F", "women"),
        ("age", "25–34", "people aged 25–34"),
        ("age", "under 18", "people under 18"),
        ("occupation", "student", "people with occupation student"),
        ("gender × age", "F × under 18", "women under 18"),
        ("age × gender", "25–34 × M", "men aged 25–34"),
        ("gender × country", "x × NA", "people with gender x with country NA"),
        ("made × up", "one", "people with made × up one"),
    ],
)
def test_members_of_a_group_are_named_as_a_noun(attribute: str, name: str, said: str) -> None:
    assert words.members(attribute, name) == said


@pytest.mark.parametrize(
    ("about", "attribute", "name", "said"),
    [
        ("people", "gender", "F", "女性"),
        ("people", "age", "under 18", "18 岁以下的人"),
        ("items", "popularity", "tail", "长尾"),
        ("items", "genre", "tail", "tail"),  # a group of the data's own
    ],
)
def test_groups_in_a_picture_are_named_in_the_readers_language(
    about: Any, attribute: str, name: str, said: str
) -> None:
    with words.speaking("zh"):
        assert feed.named(replace(_card("found", attribute, 0.1), about=about), name) == said


def test_names_that_do_not_fit_a_small_picture_are_not_taken() -> None:
    assert charts.fit(["women", "men"])
    assert not charts.fit(["women", "women"])
    assert not charts.fit(["men with occupation programmer", "women"])


def test_items_with_a_column_popularity_are_grouped_by_it_once() -> None:
    people, items = (
        pd.DataFrame({f"{one}_id": [f"{one}{i}" for i in range(100)], "popularity": ["high", "low"] * 50})
        for one in ("user", "item")
    )
    for popularity in (False, True):
        labels = [spec.label for spec in feed.ways(people, items, popularity=popularity).item_groups]
        assert labels == ["popularity"]
