"""Slides: one story alone says who is worse off, by how much, how sure, what was done, what it cost and whom, and what
is not known."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairdash import data, words
from fairdash.errors import FairDashError
from fairdash.mitigation.base import Mitigation
from fairdash.report import kept, known, story
from fairdash.report.document import Beside, Facts, Points, Text
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages import audit, compare, feed, fit, lever, mitigate, recommend
from fairdash.stages.audit import AuditSpec
from fairdash.stages.disclosure import withheld
from fairdash.workspace import Workspace
from tests.conftest import english

GENDER = GroupSpec(("gender",))


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> story.Subject:
    """A service with a planted gap between women and men, its lists, and a mitigation of a strength that was chosen."""
    folder = tmp_path_factory.mktemp("run")
    dataset, _ = data.synthetic.make(n_users=260, n_items=120)
    split = data.split.split(dataset, "user-time:0.8")
    run = fit.train(split, fit.TrainSpec("ease", {}, (), 0, "cpu"), folder)
    lists = recommend.recommend(run, 10)
    spec = AuditSpec(groups=(GENDER,), replicates=100, permutations=400)
    found = withheld(audit.audit(run, lists, spec).to_json())
    chosen = Mitigation("user_parity", groups=(GENDER,), strength=None)
    done = mitigate.mitigate(run, chosen, 10, retrain=_no_training, rule="gap-budget")
    sides = compare.Made(run.title, run, lists, {}), compare.Made(done.title, done.run, done.lists, done.how())
    value = withheld(compare.compare(*sides, spec).to_json())
    cut, own = known.of_run(run)
    both = (own, known.Lists(done.title, done.how(), run.meta))
    about = known.Known(cut, both, spec)
    return story.Subject(found, run, lists, known.Known(cut, both[:1], spec), [(value, about)])


def _no_training(*_: Any) -> Run:
    raise AssertionError


def text(slide: story.Slide) -> str:
    """All that a slide says."""

    def of(part: Any) -> list[str]:
        match part:
            case Beside():
                return [
                    t for one in part.columns for t in [one.heading, *(s for inner in one.parts for s in of(inner))]
                ]
            case Points():
                return list(part.said)
            case Text():
                return [part.said]
            case Facts():
                return [f"{name}: {told}" for name, told in part.rows]
            case _:
                return []

    return "\n".join([slide.title, *(said for part in slide.parts for said in of(part))])


def test_a_story_answers_what_people_who_decide_ask(subject: story.Subject) -> None:
    slides = {slide.key: slide for slide in story.slides(subject)}
    assert list(slides) == ["who", "finding", "people", "lever", "decision", "unknown"]
    assert "260 people" in slides["who"].title
    assert "women" in slides["finding"].title  # who is worse off
    assert any(character.isdigit() for character in slides["finding"].title)  # by how much
    assert "How sure: " in text(slides["finding"])
    assert "strength" in slides["lever"].title  # what was done
    value = subject.compared[0][0]
    assert f"({compare.meant(value['aim'])})" in slides["lever"].title  # what became of it
    ndcg = value["overall"]["ndcg"]
    assert words.percent(ndcg["difference"] / ndcg["before"], sign=True) in text(slides["decision"])  # what it cost
    for row in value["beyond"]:  # and whom
        if row["verdict"] in compare.LOST:
            assert words.people(row["attribute"], row["group"]) in text(slides["decision"])
    assert "Leave it as it is" in text(slides["decision"])
    assert "never shown" in text(slides["unknown"])
    assert all(slide.notes for slide in slides.values() if slide.key != "unknown")


def test_two_people_are_not_named(subject: story.Subject) -> None:
    (slide,) = (one for one in story.slides(subject) if one.key == "people")
    told = text(slide)
    assert "Person A, one of the women" in told
    assert "Person B, one of the men" in told
    assert told.count("liked later") == 2
    for name in subject.run.split.training.users["user_id"]:
        assert f" {name} " not in f" {told} "


def test_without_a_mitigation_there_is_what_could_be_done(subject: story.Subject) -> None:
    alone = story.Subject(subject.audit, subject.run, subject.lists, subject.known)
    slides = {slide.key: slide for slide in story.slides(alone)}
    assert "decision" not in slides
    assert slides["lever"].title == "What could be done"


def test_a_strength_that_was_given_stands_among_the_others(subject: story.Subject) -> None:
    """As a tuned one does: they are tried on validation for the slide."""
    value, about = subject.compared[0]
    given = {**about.lists[1].how, "tuning": []}
    given["mitigation"] = {**given["mitigation"], "strength": 0.37}
    both = (about.lists[0], replace(about.lists[1], how=given))
    slides = story.slides(replace(subject, compared=[(value, replace(about, lists=both))]))
    (slide,) = (one for one in slides if one.key == "lever")
    assert "strengths were tried" in text(slide)
    with_first = {**given, "first": [given["mitigation"]]}
    both = (about.lists[0], replace(about.lists[1], how=with_first))
    slides = story.slides(replace(subject, compared=[(value, replace(about, lists=both))]))
    assert not any("strengths were tried" in text(one) for one in slides)


def test_a_decision_has_three_options_with_their_price_and_who_loses(subject: story.Subject) -> None:
    """One comparison is enough: beside it stands another strength, as validation sees it, or another method."""
    value, about = subject.compared[0]
    tuned = about.lists[1].how
    given = {**tuned, "tuning": [], "mitigation": {**tuned["mitigation"], "strength": 0.4}}
    combined = {**given, "first": [given["mitigation"]]}
    shown = {}
    for name, how in (("tuned", tuned), ("given", given), ("combined", combined)):
        both = (about.lists[0], replace(about.lists[1], how=how))
        slides = story.slides(replace(subject, compared=[(value, replace(about, lists=both))]))
        (slide,) = (one for one in slides if one.key == "decision")
        (beside,) = (part for part in slide.parts if isinstance(part, Beside))
        shown[name] = {one.heading: dict(one.parts[0].rows) for one in beside.columns}  # type: ignore[union-attr]  # facts
        assert len(shown[name]) == 3, name
        assert all(told and told != words.DASH for rows in shown[name].values() for told in rows.values())
    third = list(shown["given"].values())[2]
    assert list(shown["given"])[2].endswith("strength 0.2")
    at = lever.Lever(subject.run, Mitigation("user_parity", groups=(GENDER,)), 10, GENDER)
    worse = at.at(0.2).ndcg < at.at(0.0).ndcg
    share = worse[~np.isnan(at.at(0.0).ndcg)].mean()
    assert f"{words.percent(float(share), 0)} of all people get a worse list" in third["Who loses"]
    assert "not measured yet" in list(shown["combined"].values())[2]["Who loses"]


def test_groups_that_are_too_small_are_in_no_slide(subject: story.Subject) -> None:
    small = [name for name, row in subject.audit["groups"]["gender"].items() if row["small"]]
    assert small
    said = "\n".join(text(slide) for slide in story.slides(subject) if slide.key != "unknown")
    drawn = [part.svg for slide in story.slides(subject) for part in slide.parts if hasattr(part, "svg")]
    for name in small:
        assert name not in said
        assert not any(name in svg for svg in drawn)


def test_where_nothing_was_found_it_says_so(subject: story.Subject) -> None:
    rows = {metric: {**row, "p_value": 0.9, "p_holm": 1.0} for metric, row in subject.audit["gaps"]["gender"].items()}
    nothing = {**subject.audit, "gaps": {"gender": rows}, "items": {}}
    assert not [card for card in feed.feed(nothing) if card.kind == "found"]
    slides = story.slides(story.Subject(nothing, subject.run, subject.lists, subject.known))
    assert slides[1].title == "No difference between groups of people was found"
    assert "people" not in [slide.key for slide in slides]


def test_own_words_are_kept_with_the_entry_and_given_up(tmp_path: Path) -> None:
    workspace, own = Workspace(tmp_path), story.Slide("who", "Own title", (), ("one", "two"))
    digest = "0123456789abcdef"
    with workspace.create("comparisons", digest, {"title": "c"}):
        pass
    kept.write(workspace, "comparisons", digest, own, {"title": "Mine <b>", "notes": "first\nsecond"})
    assert kept.told(own, kept.read(workspace, "comparisons", digest)).title == "Mine <b>"
    kept.write(workspace, "comparisons", digest, own, {"title": " "})
    told = kept.told(own, kept.read(workspace, "comparisons", digest))
    assert (told.title, told.notes) == ("Own title", ("first", "second"))
    kept.write(workspace, "comparisons", digest, own, {"notes": "one\ntwo"})
    assert kept.read(workspace, "comparisons", digest) == {}
    (workspace.path("comparisons", digest) / "slides.json").write_text("[1, 2]")
    assert kept.read(workspace, "comparisons", digest) == {}
    with pytest.raises(FairDashError):
        kept.read(workspace, "comparisons", "f" * 16)


@pytest.mark.usefixtures("made_up")
def test_slides_are_told_in_another_language(subject: story.Subject) -> None:
    run = subject.run
    table = run.split.training
    of_data = set(re.findall(r"[A-Za-z]+", " ".join([*table.items["title"], *data.synthetic.GENRES])))
    of_data |= {"gender", "Gender", "synthetic", "unknown", "non", "binary", "woman", "man"}
    stored = [*subject.audit["warnings"], *subject.audit["conventions"].values(), *run.split.notes]
    of_data |= set(re.findall(r"[A-Za-z]+", " ".join([*stored, *subject.compared[0][0]["warnings"]])))
    for slide in story.slides(subject):
        for line in [*text(slide).splitlines(), *slide.notes]:
            assert not english(line, of_data), line
