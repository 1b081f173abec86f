"""A link holds keys and all that was chosen: it opens the same view in a new browser, in any language."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from fairdash import entries, words
from fairdash.data import synthetic
from fairdash.jobs import kinds
from fairdash.stages import explore, feed
from fairdash.ui import exploring
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, open_tables, url
from tests.pages.conftest import words as told


def brackets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A made-up language that puts every template in brackets."""
    said = [f'msgid {json.dumps(one)}\nmsgstr {json.dumps(f"⟦{one}⟧")}\n' for one, many in words.templates().items()
            if many is None]  # fmt: skip
    (folder / "xx.po").write_text("\n".join(said))
    monkeypatch.setattr(words, "LOCALE", folder)
    monkeypatch.setattr(words, "ENGLISH", "xx")  # of whoever says nothing else
    words.catalogue.cache_clear()


@pytest.mark.parametrize(("name", "control", "keys"), [
    ("data", "tab", "catalogue upload storage view"), ("recommender", "how", "search bring runs train"),
    ("explore", "explore", "flip why tastes list"), ("mitigate", "act", "shortlist done one"),
    ("mitigate", "place", "data training vectors reranking"), ("mitigate", "strength_how", "hand rule"),
])  # fmt: skip
def test_a_part_of_a_page_stands_in_the_url_by_its_key_in_any_language(
    name: str, control: str, keys: str, here: dict[str, Any], open_page: Open, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    brackets(tmp_path, monkeypatch)
    try:
        app = open_page(name, data=here["data"], lists=here["lists"])
        for key in keys.split():
            app.segmented_control(key=control).set_value(key).run()
            assert not app.exception
            assert url(app, control) == key
        again = open_page(name, data=here["data"], lists=here["lists"], **{control: keys.split()[0]})
        assert again.segmented_control(key=control).value == keys.split()[0]
    finally:
        words.catalogue.cache_clear()


def list_after(app: AppTest) -> list[str]:
    """The items of the list beside a person's own, as the table says."""
    table = next(one.value for one in app.dataframe if "what happens" in one.value)
    return list(table.dropna(subset="right").sort_values("right")["item"])


def test_what_is_edited_of_a_person_is_there_after_a_reload_and_only_of_them(
    here: dict[str, Any], open_page: Open
) -> None:
    app = open_page("explore", with_tables=True, data=here["data"], lists=here["lists"], editing="true")
    run = entries.get_run(Workspace(here["home"]), here["run"])
    own = run.split.known.item[run.split.known.user == 0]
    rest = next(item for item in range(run.split.training.n_items) if item not in set(own.tolist()))
    app.multiselect(key="without-0").set_value([int(own[-1])])
    app.multiselect(key="added-0").set_value([rest]).run()  # before the page came again
    shown = list_after(open_tables(app))
    edit = url(app, "edit")
    ids = run.split.training.items["item_id"]
    assert json.loads(edit)["without"] == [ids[own[-1]]]
    again = open_page("explore", with_tables=True, data=here["data"], lists=here["lists"], edit=edit, editing="true")
    assert again.multiselect(key="without-0").value == [int(own[-1])]
    assert again.multiselect(key="added-0").value == [rest]
    assert list_after(again) == shown
    closed = open_page("explore", with_tables=True, data=here["data"], lists=here["lists"], edit=edit)
    assert not closed.multiselect  # the controls are folded, and what was edited holds
    assert list_after(closed) == shown
    other = run.split.training.users["user_id"].iloc[1]
    else_ = open_page(
        "explore", with_tables=True, data=here["data"], lists=here["lists"], edit=edit, person=other, editing="true"
    )
    assert else_.multiselect(key="without-1").value == []
    for bad in ("{", "[]", '{"person": 1}', json.dumps({**json.loads(edit), "without": 3})):
        mended = open_page(
            "explore", with_tables=True, data=here["data"], lists=here["lists"], edit=bad, editing="true"
        )
        assert mended.multiselect(key="without-0").value == []


def test_a_profile_that_is_told_otherwise_is_there_after_a_reload(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = type(entries.get_run(Workspace(here["home"]), here["run"]).fitted)
    monkeypatch.setattr(reader, "profile", ("gender",), raising=False)
    monkeypatch.setattr(reader, "score_profiles", lambda own, *given: own.score(*given[:2]), raising=False)
    heard: list[Any] = []
    answer = explore.recommend

    def recommend(fitted: Any, split: Any, who: explore.Person, *rest: Any) -> Any:
        heard.append(who.profile)
        return answer(fitted, split, explore.Person(who.user, who.history), *rest)

    monkeypatch.setattr(exploring.explore, "recommend", recommend)
    app = open_page("explore", data=here["data"], lists=here["lists"], editing="true")
    assert heard == []  # nobody is edited: the list in view is shown
    box = app.selectbox(key="told-0-gender")
    other = next(value for value in ("woman", "man") if value != box.value)
    box.set_value(other).run()
    assert {"gender": other} in heard
    heard.clear()
    again = open_page("explore", data=here["data"], lists=here["lists"], edit=url(app, "edit"), editing="true")
    assert again.selectbox(key="told-0-gender").value == other
    assert {"gender": other} in heard


def test_options_of_a_training_and_a_search_are_in_the_link(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("recommender", data=here["data"])
    app.multiselect(key="profile").set_value(["gender", "age"]).run()
    again = open_page("recommender", data=here["data"], profile=url(app, "profile"))
    assert again.multiselect(key="profile").value == ["gender", "age"]
    assert open_page("recommender", data=here["data"], profile='["nobody"]').multiselect(key="profile").value == []
    app = open_page("recommender", data=here["data"], how="search", recommender="bert_sequence")
    app.number_input(key="epochs_bert_sequence").set_value(3).run()
    assert url(app, "epochs_bert_sequence") == "3"


def test_the_item_that_is_explained_is_in_the_link(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("explore", data=here["data"], lists=here["lists"], explore="why")
    box = app.selectbox(key="item")
    _, lists = entries.get_lists(Workspace(here["home"]), here["lists"])
    ids = entries.get_dataset(Workspace(here["home"]), here["data"]).items["item_id"]
    wanted = str(ids.iloc[int(lists.items[0, 2])])
    box.set_value(wanted).run()
    assert url(app, "item") == wanted
    again = open_page("explore", data=here["data"], lists=here["lists"], explore="why", item=wanted)
    assert again.selectbox(key="item").value == wanted


def test_explore_shows_the_mitigated_lists_that_are_in_view(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    dataset = entries.get_dataset(workspace, here["data"])
    titles, ids = dataset.items["title"], dataset.users["user_id"]
    (_, before), (_, after) = (entries.get_lists(workspace, here[side]) for side in ("lists", "after"))
    user = next(u for u in range(dataset.n_users) if list(before.items[u, :10]) != list(after.items[u, :10]))
    for side, lists in (("lists", before), ("after", after)):
        view = {"data": here["data"], "lists": here[side], "person": str(ids[user])}
        app = open_page("explore", with_tables=True, **view, editing="true")
        assert app.dataframe[0].value["item"].tolist() == [titles.iloc[item] for item in lists.items[user, :10]]
        own = entries.get_run(workspace, here["run"]).split.known
        app.multiselect(key=f"without-{user}").set_value([int(own.item[own.user == user][-1])]).run()
        assert ("here answers the model" in told(app)) == (side == "after")
        why = open_page("explore", data=here["data"], lists=here[side], person=str(ids[user]), explore="why")
        assert len(why.selectbox(key="item").options) == 10


def test_changes_before_the_model_are_the_models_own(here: dict[str, Any]) -> None:
    workspace = Workspace(here["home"])
    entry = workspace.get("lists", here["after"])
    assert exploring.changed_after(entry) == "Calibrated categories"
    assert exploring.changed_after(workspace.get("lists", here["lists"])) is None
    retrained = replace(entry, meta={**entry.meta, "mitigation": {**entry.meta["mitigation"], "method": "fair_loss"}})
    assert exploring.changed_after(retrained) is None


def test_a_link_to_lists_of_another_data_set_has_that_in_view(here: dict[str, Any], open_page: Open) -> None:
    """“See the findings” of the demo led to an empty page where other data was in view."""
    workspace = Workspace(here["home"])
    broad = kinds.run(workspace, "audit", {"lists": here["lists"], "groups": [{"attributes": ["gender"]}]})["audits"]
    kinds.run(workspace, "audit", {"lists": here["lists"]})  # of a part that was looked at later
    sides = {"before": here["lists"], "after": here["after"]}
    kinds.run(workspace, "compare", {**sides, "groups": [{"attributes": ["gender"]}]})
    other = entries.put_dataset(workspace, synthetic.make(n_users=60, n_items=40)[0])
    app = open_page("overview", data=other)
    asked = [dict(parse_qsl(link.proto.query_string)) for link in app.get("page_link")]
    led = [query for query in asked if query.get("lists") == here["lists"]]
    assert len(led) == 2  # to the finding and to the comparison
    assert all(query["data"] == here["data"] for query in led)
    assert told(app).count(workspace.get("datasets", here["data"]).title) >= 2
    found = [card for card in feed.feed(kinds.read_audit(workspace, broad)) if card.kind == "found"]
    said = words.plain(found[0].sentence, 600) if found else "No difference was found between groups."
    assert said in told(app)  # what the audit says that asked most, not the one that was made last
    alone = open_page("explore", lists=here["lists"])  # without any data in the link
    assert alone.sidebar.selectbox(key="view_lists").value == here["lists"]
    assert alone.sidebar.selectbox(key="view_data").value == here["data"]
