"""The Audit page's sentence and feed: every control does what it says, and cards hold the library's own numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from fairdash import data, entries, words
from fairdash.jobs import kinds
from fairdash.mitigation import METHODS
from fairdash.stages import audit as stage
from fairdash.stages import feed
from fairdash.stages.audit import AuditSpec
from fairdash.stages.disclosure import withheld
from fairdash.ui import auditing
from fairdash.ui.cards import SHOWN
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, url
from tests.pages.conftest import words as told


def asked(here: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What the library says to the sentence as it stands at first."""
    run, lists = entries.get_lists(Workspace(here["home"]), here["lists"])
    people, items = run.split.training.people, run.split.training.items
    spec = feed.ways(people, items, popularity=True)
    return withheld(stage.audit(run, lists, AuditSpec.from_json({**spec.to_json(), **changes})).to_json())


def test_the_page_opens_with_the_cards_of_every_attribute(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("audit", data=here["data"], lists=here["lists"])
    cards = feed.feed(asked(here), things="films")
    shown = told(app)
    assert app.segmented_control(key="found").options
    first = [card for card in cards if card.kind == cards[0].kind]
    for card in first[:SHOWN]:
        assert words.plain(card.plain, 500) in shown
    assert not Workspace(here["home"]).entries("comparisons")
    assert Workspace(here["home"]).entries("audits")


def test_a_control_changes_the_answer_at_once_and_stands_in_the_url(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("audit", data=here["data"], lists=here["lists"])
    app.number_input(key="view_k").set_value(5).run()
    assert url(app, "k") == "5"
    five = feed.feed(asked(here, k=5), things="films")
    assert words.plain(five[0].plain, 500) in told(app)
    app.selectbox(key="target").set_value("liked").run()
    assert url(app, "target") == "liked"
    aimed = {card.attribute: card for card in feed.feed(asked(here, k=5), things="films", target="liked")}
    assert aimed["popularity"].plain in app.dataframe[0].value["in words"].tolist()
    app.selectbox(key="metric").set_value("kinds").run()
    assert url(app, "metric") == "kinds"
    table = app.dataframe[0].value
    assert set(table["metric"]) == {"category_divergence"}
    app.selectbox(key="view_group").set_value("gender").run()
    assert url(app, "group") == "gender"
    assert not app.exception
    assert not app.error
    again = open_page("audit", data=here["data"], lists=here["lists"], **{
        name: url(app, name) for name in ("k", "target", "metric", "group")})  # fmt: skip
    assert told(again) == told(app)


def test_a_reference_holds_every_group_against_it(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("audit", data=here["data"], lists=here["lists"], group="gender", metric="ndcg", versus="man")
    assert app.selectbox(key="versus").value == "man"
    assert "NDCG@10, difference from men" in told(app)
    workspace = Workspace(here["home"])
    (whole,) = [entry.digest for entry in workspace.entries("audits") if not entry.meta["only"]]
    audit = withheld(kinds.read_audit(workspace, whole))
    (bar,) = feed.against(audit, "gender", "ndcg", "man")
    groups = audit["groups"]["gender"]
    assert bar.value == pytest.approx(groups["woman"]["ndcg"] - groups["man"]["ndcg"])
    low, high = audit["gaps"]["gender"]["ndcg"]["ci"]  # of the higher less the lower: the same difference turned round
    assert (bar.low, bar.high) == (pytest.approx(-high, rel=0.01), pytest.approx(-low, rel=0.01))
    app.selectbox(key="versus").set_value("").run()
    assert "difference from men" not in told(app)


def test_cuts_and_the_least_size_are_those_of_the_feed_too(here: dict[str, Any], open_page: Open) -> None:
    open_page("audit", data=here["data"], lists=here["lists"], cut_age="30", least="10")
    (entry,) = Workspace(here["home"]).entries("audits")
    cut = {" × ".join(group["attributes"]): group for group in entry.meta["groups"]}
    assert cut["age"]["edges"] == [[30.0]]
    assert cut["gender × age"]["edges"] == [None, [30.0]]
    assert {group["min_size"] for group in cut.values()} == {10}


def test_a_card_leads_to_its_people_to_its_metric_and_to_what_can_be_done(
    here: dict[str, Any], open_page: Open
) -> None:
    app = open_page("audit", data=here["data"], lists=here["lists"])
    card = feed.feed(asked(here), things="films")[0]
    assert (card.attribute, card.metric, card.worse) == ("gender", "ndcg", "woman")
    (link,) = [one for one in app.get("page_link") if "What to do" in one.proto.label][:1]
    query = dict(parse_qsl(link.proto.query_string))
    assert query["method"] in METHODS
    assert query["group"] == "gender"
    mitigate = open_page("mitigate", **query)
    assert mitigate.selectbox(key="method").value == query["method"]
    assert mitigate.selectbox(key="view_group").value == "gender"
    app.button(key="closer-0").click().run()
    assert (url(app, "group"), url(app, "metric")) == ("gender", "ndcg")
    assert app.selectbox(key="metric").value == "ndcg"
    app.button(key="people-0").click().run()
    assert (url(app, "view"), url(app, "who")) == ("people", "woman")
    assert not app.exception


def test_data_without_groups_of_people_has_the_items_alone(
    nothing: Path, open_page: Open, tmp_path_factory: pytest.TempPathFactory
) -> None:
    workspace = Workspace(nothing)
    dataset, _ = data.synthetic.make(n_users=60, n_items=40)
    plain = replace(dataset, users=dataset.users[["user_id"]], provenance={})
    stored = entries.put_dataset(workspace, plain)
    made = kinds.run(workspace, "train", {"dataset": stored, "split": "user-time:0.8", "recommender": "popularity"})
    app = open_page("audit", data=stored, lists=made["lists"], group="gender", cross="age")
    assert app.selectbox(key="view_group").options == ["any groups"]
    assert set(app.dataframe[0].value["metric"]) == {"exposure_share"}
    app.segmented_control(key="more").set_value("items").run()
    assert not app.exception
    assert not app.error


def test_many_people_have_a_first_look_before_the_tests(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "MANY", 100)
    looked: list[int] = []
    known = auditing.first_look
    monkeypatch.setattr(auditing, "first_look", lambda *rest: (looked.append(1), known(*rest)))
    app = open_page("audit", data=here["data"], lists=here["lists"])
    assert looked == [1]
    assert "First look" not in told(app)  # the answer has taken its place
    assert words.plain(feed.feed(asked(here), things="films")[0].plain, 500) in told(app)
    open_page("audit", data=here["data"], lists=here["lists"])
    assert looked == [1]  # what was measured is kept


def test_what_the_model_does_is_a_card_where_it_was_measured(here: dict[str, Any], open_page: Open) -> None:
    workspace, view = Workspace(here["home"]), {"groups": [{"attributes": ["gender"]}], "model": True}
    made = kinds.run(workspace, "audit", {"lists": here["lists"], **view})
    probe = kinds.read_audit(workspace, made["audits"])["model"]["gender"]["probe_auc"]
    table = open_page("audit", data=here["data"], lists=here["lists"]).dataframe[0].value
    (row,) = table[table["metric"] == "probe_auc"].to_dict("records")
    assert row["difference"] == pytest.approx(probe["value"] - 0.5)
    assert f"{100 * probe['value']:.0f} times of a hundred" in row["in words"] or row["verdict"] != "difference found"
