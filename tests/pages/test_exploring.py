"""Explore: finding a person, a second list beside theirs, and a recommender that scores candidates alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairdash import entries
from fairdash.data import synthetic
from fairdash.jobs import kinds, runner
from fairdash.recommenders import RECOMMENDERS
from fairdash.stages import feedback, finder
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, url, words
from tests.pages.test_pages import wait_for_job

PLUGIN = Path(__file__).parents[1] / "plugin"


def test_items_that_are_no_candidates_are_named(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(PLUGIN)
    from toy_plugin.judge import INFO

    monkeypatch.setitem(RECOMMENDERS, INFO.name, INFO)
    asked = {"dataset": here["data"], "split": "user-time:0.8", "recommender": INFO.name}
    made = kinds.run(Workspace(here["home"]), "train", {**asked, "options": {"profile": "gender"}})
    app = open_page("explore", with_tables=True, data=here["data"], lists=made["lists"])
    assert "Not among the candidates, so without a score" in words(app)
    assert len(app.dataframe[0].value) == 10
    app.segmented_control(key="explore").set_value("If they were someone else").run()
    assert not app.exception
    assert "of 10 items stay" in words(app)
    app.segmented_control(key="explore").set_value("Why").run()
    assert not app.exception
    assert not app.error
    app = open_page("explore", data=here["data"], lists=here["lists"])  # of a recommender of the whole catalogue
    assert "candidates" not in words(app)


def test_people_are_found_by_what_the_lists_do_to_them(here: dict[str, Any], open_page: Open) -> None:
    run, lists = entries.get_lists(Workspace(here["home"]), here["lists"])
    ids, people = run.split.training.users["user_id"], run.split.training.users
    standing = finder.standing(run.split, lists, 10)
    women = (people["gender"] == "woman").to_numpy()
    app = open_page("explore", data=here["data"], lists=here["lists"], among="gender=woman")
    worst = finder.hurt_most(standing, women)
    app.button(key=f"to-{worst[1]}").click().run()
    assert url(app, "person") == ids[worst[1]]
    app.button(key="others").click().run()
    assert any(button.key == f"to-{worst[4]}" for button in app.button)
    again = open_page("explore", data=here["data"], lists=here["lists"], among="gender=woman",
                      **{"from": url(app, "from"), "person": url(app, "person")})  # fmt: skip
    assert any(button.key == f"to-{worst[4]}" for button in again.button)
    app.selectbox(key="find").set_value("typical").run()
    middle = finder.typical(standing, women)
    assert any(button.key == f"to-{middle[0]}" for button in app.button)  # another way begins at its first
    app.selectbox(key="find").set_value("alike").run()
    app.selectbox(key="other").set_value("gender").run()
    others = finder.most_alike(run.split, int(worst[1]), ~women, standing.ties)[0]
    assert any(button.key == f"to-{others[0]}" for button in app.button)
    app.selectbox(key="find").set_value("changed").run()
    _, after = entries.get_lists(Workspace(here["home"]), here["after"])
    moved, entered = finder.changed_most(standing, lists, after, 10, women)
    assert next(b for b in app.button if b.key == f"to-{moved[0]}").label.endswith(f"{entered[moved[0]]} new items")
    assert not app.exception
    for bad in ({"find": "nobody"}, {"among": "gender=x"}, {"from": "hurt:x"}, {"from": "hurt:-3"}, {"changed": "0"}):
        open_page("explore", data=here["data"], lists=here["lists"], **bad)


def test_groups_of_too_few_people_are_not_offered(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("explore", data=here["data"], lists=here["lists"])
    offered = app.selectbox(key="among").options
    sizes = [int(option.rpartition("= ")[2].rstrip(")")) for option in offered if "n = " in option]
    assert sizes
    assert min(sizes) >= 20


def test_mitigated_lists_stand_beside_and_what_stays_is_counted(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    run, lists = entries.get_lists(workspace, here["lists"])
    _, after = entries.get_lists(workspace, here["after"])
    moved, _ = finder.changed_most(finder.standing(run.split, lists, 10), lists, after, 10, lists.items[:, 0] >= 0)
    user = int(moved[0])
    one, two = ({*made.items[user, :10].tolist()} for made in (lists, after))
    name = str(run.split.training.users["user_id"][user])
    for side, other in (("lists", "after"), ("after", "lists")):  # from either side
        view = {"data": here["data"], "lists": here[side], "person": name, "beside": here[other]}
        app = open_page("explore", with_tables=True, **view)
        assert f"{len(one & two)} of 10 stay." in words(app)
        assert "here answers the model" not in words(app)
    table = next(one.value for one in app.dataframe if "what happens" in one.value)
    assert (table["right"].notna() & table["left"].notna()).sum() == len(one & two)


def test_thumbs_are_kept_become_a_version_and_are_learned_and_compared(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    run, lists = entries.get_lists(workspace, here["lists"])
    users, items = run.split.training.users["user_id"], run.split.training.items["item_id"]
    held = set(run.split.test.item[run.split.test.user == 0].tolist())
    fresh = [int(item) for item in lists.items[0, :10] if int(item) not in held]
    app = open_page("explore", data=here["data"], lists=here["lists"])
    for item, value in ((fresh[0], 1), (fresh[1], 0), (fresh[2], 1), (fresh[2], None)):
        app.feedback(key=f"thumb-0-{item}").set_value(value).run()
        assert not app.exception
    given = {users[0]: {items[fresh[0]]: True, items[fresh[1]]: False}}
    assert entries.thumbs(workspace, here["data"]) == given
    again = open_page("explore", data=here["data"], lists=here["lists"])
    assert [again.feedback(key=f"thumb-0-{item}").value for item in fresh[:3]] == [1, 0, None]
    again.segmented_control(key="explore").set_value("feedback").run()
    assert "2 thumbs: whose are they?" in words(again)
    assert "Too few people of gender gave thumbs" in words(again)
    again.button(key="retrain").click().run()
    assert not again.exception
    (version,) = [entry for entry in workspace.entries("datasets") if entry.digest != here["data"]]
    assert version.title.endswith("+ 2 thumbs")
    assert version.meta["provenance"]["feedback"]["of"] == here["data"]
    params = feedback.training(run, version.digest)
    (job,) = [job for job in runner.table(workspace).all() if job.params.get("dataset") == version.digest]
    assert job.params == params
    after = wait_for_job(again, "train", here["home"])["lists"]
    made, learned = entries.get_lists(workspace, after)
    assert fresh[0] not in learned.items[0].tolist()  # it is known now
    assert made.test_digest == run.test_digest
    beside = open_page("explore", data=here["data"], lists=here["lists"], beside=after)
    assert "of 10 stay." in words(beside)
    compared = open_page("compare", data=here["data"], before=here["lists"], after=after)
    assert compared.selectbox(key="view_before").value == here["lists"]
    wait_for_job(compared, "compare", here["home"])
    many = open_page("compare", data=here["data"], lists=here["lists"], sides="many")
    assert after in many.multiselect(key="rows").value  # the same people and test part, though it knows more


def test_pictures_stand_on_the_cards_and_in_the_history(nothing: Path, open_page: Open) -> None:
    workspace = Workspace(nothing)
    stored = entries.put_dataset(workspace, synthetic.make(n_users=60, n_items=40, covers=0.5)[0])
    made = kinds.run(workspace, "train", {"dataset": stored, "split": "user-time:0.8", "recommender": "popularity"})
    run, lists = entries.get_lists(workspace, made["lists"])
    has = [one is not None for one in run.split.training.item_images or ()]
    app = open_page("explore", data=stored, lists=made["lists"], person=run.split.training.users["user_id"][3])
    assert len(app.get("image")) == sum(has[item] for item in lists.items[3, :10] if item >= 0) > 0
    shown = next(one.value for one in app.dataframe if "picture" in one.value)
    assert {str(cell)[:23] for cell in shown["picture"].dropna()} == {"data:image/jpeg;base64,"}
    assert shown["picture"].isna().any()
    table = open_page("data", data=stored, tables="true").dataframe[-1].value  # items as they are
    assert table["picture"].notna().tolist() == has[: len(table)]
