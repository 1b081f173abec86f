"""Two people who sign in: each has the own workspace alone, whatever stands in the URL; roles; links; signing out."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fairdash import entries, people, shares, trail
from fairdash.events.log import FILE, EventLog
from fairdash.jobs import kinds, runner
from fairdash.recommenders import cache
from fairdash.recommenders.llm.kept import Kept
from fairdash.ui import state
from fairdash.workspace import Workspace
from tests.pages.conftest import HANG_SECONDS, ROOT, SHELL, words
from tests.unit.test_roles import tree

ISSUER = "https://id.example"
SECRETS = {"auth": {"redirect_uri": "http://localhost:8501/oauth2callback", "cookie_secret": "x", "client_id": "y"}}
ROLES = {"claim": "groups"}
ADA, BOB = (people.owner(ISSUER, name) for name in ("ada", "bob"))

Visit = Callable[..., AppTest]


@pytest.fixture(scope="module")
def filled(
    finished: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str]]:
    """A home in which Ada's workspace holds a finished comparison, and everybody else's nothing."""
    home = tmp_path_factory.mktemp("house")
    root, made = finished
    shutil.copytree(root, Workspace(home).of(ADA).root)
    ada = Workspace(home).of(ADA)
    groups = [{"attributes": ["gender"]}]
    view = {"before": made["lists"], "after": made["after"], "groups": groups}
    audit = kinds.run(ada, "audit", {"lists": made["lists"], "groups": groups})["audits"]
    compared = kinds.run(ada, "compare", view)["comparisons"]
    return home, {**made, "audit": audit, "comparison": compared}


@pytest.fixture
def house(filled: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A copy of that home, and the ids of what is Ada's."""
    home, made = filled
    shutil.copytree(home, tmp_path / "home")
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path / "home"))
    return {**made, "home": Workspace(tmp_path / "home")}


@pytest.fixture
def visit() -> Visit:
    """Open a page as somebody; None: as nobody. groups: in the identity token."""

    def visited(who: str | None, page: str, /, *groups: str, signed: float | None = None, **query: str) -> AppTest:
        app = AppTest.from_file(str(SHELL), default_timeout=HANG_SECONDS)
        app.secrets = {**SECRETS, **({"roles": ROLES} if groups else {})}
        app.user = {"is_logged_in": False}
        if who is not None:
            at = time.time() if signed is None else signed
            app.user = {"is_logged_in": True, "iss": ISSUER, "sub": who, "name": who.title(), "iat": at}
            app.user |= {"groups": list(groups)} if groups else {}
        app.query_params.update(query)
        app.switch_page(str(ROOT / "pages" / f"{page}.py"))
        app.run()
        assert not app.exception, app.exception
        return app

    return visited


def said(app: AppTest) -> str:
    return "\n".join([words(app), *(str(part.value) for part in app.sidebar.caption), *map(str, app.selectbox)])


def test_nobody_sees_nothing_before_signing_in(house: dict[str, Any], visit: Visit) -> None:
    for page in state.JOURNEY:
        app = visit(None, page, data=house["data"], lists=house["lists"])
        assert [button.label for button in app.button] == ["Sign in"]
        assert not app.selectbox
        assert not app.dataframe
    assert "sign" in said(app).lower()


def test_each_sees_the_own_workspace_and_ids_of_others_answer_like_unknown_ones(
    house: dict[str, Any], visit: Visit
) -> None:
    ids = {name: house[name] for name in ("data", "lists", "after", "comparison")} | {"before": house["lists"]}
    own = {page: visit("ada", page, **ids) for page in state.JOURNEY}  # all that is kept in memory is Ada's now
    assert "Nothing to audit yet" not in said(own["audit"])
    unknown = dict.fromkeys(ids, "0" * 16)
    for page in state.JOURNEY:
        other = visit("bob", page, **ids, audit=house["audit"])
        none = visit("bob", page, **unknown, audit="0" * 16)
        assert said(other) == said(none), page
        assert [box.value for box in other.error] == [box.value for box in none.error], page
    assert not house["home"].of(BOB).entries("datasets")
    assert "Ada" not in said(other)


def _names() -> set[str]:
    """Every word of the pages' sources that could be what something is called in the URL."""
    sources = [*(ROOT / "pages").glob("*.py"), *(ROOT / "fairdash" / "ui").glob("*.py")]
    return {name for file in sources for name in re.findall(r'"([a-z][a-z_]*)"', file.read_text("utf-8"))}


def test_whatever_parameter_holds_an_id_of_another_it_answers_like_an_unknown_one(
    house: dict[str, Any], visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_start", lambda workspace, job: None)
    ada = house["home"].of(ADA)
    ids = [house[name] for name in ("data", "lists", "after", "run", "audit", "comparison")]
    ids += [runner.submit(ada, "train", "A title of Ada's own", {"dataset": house["data"]})]
    names = _names() - {"lang", "share", "present", "signed"}
    assert {*state.IDS, *state.CHOICES, "person", "versus", "audit", "part", "tab"} - {"lang"} <= names
    for page in state.JOURNEY:
        visit("ada", page, data=house["data"], lists=house["lists"])  # all that is kept in memory is Ada's
        none = visit("bob", page, **dict.fromkeys(names, "0" * 16))
        for one in ids:
            other = visit("bob", page, **dict.fromkeys(names, one))
            assert said(other).replace(one, "0" * 16) == said(none), (page, one)
            told = [[box.value.replace(one, "0" * 16) for box in app.error] for app in (other, none)]
            assert told[0] == told[1]
            assert "of Ada's" not in said(other)
    assert not house["home"].of(BOB).entries("datasets")


@pytest.mark.parametrize(
    "forged",
    [{"role": "admin"}, {"roles": ["admin"]}, {"groups": "admin "}, {"groups": ["Admin"]}, {"groups": [["admin"]]},
     {"groups": {"admin": True}}, {"groups": "viewer,admin"}, {"groups": ["\u0430dmin"]}, {"groups": "admin\n"}],
    ids=str,
)  # fmt: skip
def test_nothing_but_the_claim_as_it_is_named_gives_a_role(forged: dict[str, Any]) -> None:
    assert people.Roles.of(ROLES).role(forged) is None


def test_who_is_signed_in_stands_in_the_sidebar_and_the_trail(house: dict[str, Any], visit: Visit) -> None:
    app = visit("ada", "data", "admin")
    assert any("**Ada**, admin" in str(caption.value) for caption in app.sidebar.caption)
    assert people.known(house["home"].of(ADA))["role"] == "admin"
    app = visit("ada", "audit")
    assert trail.read(house["home"].of(ADA))[-1].who == f"person {ADA[:12]}"  # who had it audited


def test_signing_out_ends_it_in_every_tab(house: dict[str, Any], visit: Visit) -> None:
    at = time.time() - 60
    tab, other = visit("ada", "data", signed=at), visit("ada", "data", signed=at)
    tab.button(key="sign-out").click().run()
    other.run()
    assert [button.key for button in other.button] == ["sign-in-", "give-up"]
    assert "You signed out" in said(other)
    assert "Signed in as" in said(visit("ada", "data"))  # anew


def test_the_role_of_the_latest_sign_in_counts_in_every_tab(house: dict[str, Any], visit: Visit) -> None:
    at = time.time() - 60
    tab = visit("ada", "data", "auditor", signed=at)
    visit("ada", "data", "auditor", signed=at + 1)
    assert "Signed in as" in said(tab.run())
    visit("ada", "data", "viewer", signed=at + 2)
    assert "Your role has changed" in said(tab.run())
    assert not tab.selectbox
    assert "Your role has changed" in said(visit("ada", "data", "auditor", signed=at))  # a tab more of that sign-in
    assert people.known(house["home"].of(ADA))["role"] == "viewer"
    assert "Signed in as **Ada**, viewer" in said(visit("ada", "data", "viewer", signed=at + 2))


def test_a_sign_in_that_is_too_old_ends(house: dict[str, Any], visit: Visit) -> None:
    assert "hours ago" in said(visit("ada", "data", signed=time.time() - 13 * 3600))


def test_who_has_no_role_sees_nothing(house: dict[str, Any], visit: Visit) -> None:
    app = visit("ada", "data", "strangers")
    assert "has no role" in said(app)
    assert not app.selectbox


def test_a_viewer_looks_and_changes_nothing_whatever_they_press(house: dict[str, Any], visit: Visit) -> None:
    workspace = house["home"].of(ADA)
    visit("ada", "overview", "viewer")
    before = tree(workspace.root)
    pressed = 0
    ids = {name: house[name] for name in ("data", "lists", "after", "comparison")} | {"before": house["lists"]}
    places: list[tuple[str, dict[str, str]]] = [("recommender", {"how": one}) for one in ("train", "search")]
    places += [("data", {"tab": "catalogue"}), ("mitigate", {"act": "one"}), ("report", {}), ("overview", {})]
    for page, part in places:
        app = visit("ada", page, "viewer", **ids, **part)
        for key in [button.key for button in app.button if not button.disabled and button.key != "sign-out"]:
            again = visit("ada", page, "viewer", **ids, **part)
            found = [button for button in again.button if button.key == key]
            if found:
                found[0].click().run()
                assert not again.exception
                pressed += 1
    assert pressed > 5
    assert tree(workspace.root) == before
    assert runner.table(workspace).all() == []
    app = visit("ada", "recommender", "viewer", **ids, how="train")
    app.button(key="train").click().run()
    assert any("you may look" in box.value for box in app.error)


@pytest.mark.parametrize(
    ("page", "chosen"),
    [
        ("audit", {}),
        ("audit", {"k": "7"}),
        ("audit", {"k": "3", "group": "age", "metric": "ndcg"}),
        ("audit", {"k": "4", "group": "gender", "more": "categories", "item_group": "genre"}),
        ("audit", {"k": "2", "group": "gender", "more": "model", "model": "True"}),
        ("explore", {"k": "6"}),
        ("compare", {"k": "6"}),
        ("compare", {"sides": "many", "k": "6"}),
        ("mitigate", {"act": "shortlist", "k": "6"}),
        ("mitigate", {"act": "lever"}),
        ("report", {"of": "audit", "present": "1"}),
        ("report", {"of": "comparison", "present": "1"}),
        ("live", {"source": "made"}),
        ("live", {"source": "service"}),
        ("live", {"source": "service", "window": "600"}),
        ("explore", {"explore": "flip"}),
        ("data", {"tab": "storage"}),
        ("audit", {"more": "private", "group": "gender"}),
    ],
    ids=str,
)
def test_a_viewer_looks_in_any_way_and_is_told_what_an_auditor_may(
    house: dict[str, Any], visit: Visit, page: str, chosen: dict[str, str]
) -> None:
    workspace = house["home"].of(ADA)
    visit("ada", "overview", "viewer")
    if chosen.get("source") == "service":
        sent_by_a_service(workspace, house["data"])
    before = tree(house["home"].root)
    ids = {name: house[name] for name in ("data", "lists", "after")} | {"before": house["lists"]}
    app = visit("ada", page, "viewer", **ids, **chosen)
    assert not app.error, [box.value for box in app.error]
    assert any("is for auditors" in str(caption.value) for caption in app.sidebar.caption) or "present" in chosen
    takes_a_job = (page == "compare" and chosen == {"k": "6"}) or chosen.get("more") == "model"
    assert ("An auditor may start one" in said(app)) == takes_a_job
    if page == "live":
        for _ in range(2):
            app.run()
        assert "events in" in said(app)
    assert tree(house["home"].root) == before
    assert runner.table(workspace).all() == []


def sent_by_a_service(workspace: Workspace, data: str) -> None:
    """Lists that were shown to everybody, in the log of a workspace."""
    dataset = entries.get_dataset(workspace, data)
    users, items = dataset.users["user_id"].tolist(), dataset.items["item_id"].tolist()
    EventLog(workspace.root / FILE).append(
        [{"userId": user, "eventId": user, "eventType": "shown", "sentAt": 1_700_000_000 + 60 * n,
          "impression": items[:10]} for n, user in enumerate(users)]
    )  # fmt: skip


def test_a_viewer_goes_on_from_what_was_counted_and_counts_for_nobody_else(house: dict[str, Any], visit: Visit) -> None:
    workspace = house["home"].of(ADA)
    asked = {"data": house["data"], "group": "gender", "source": "made"}
    visit("ada", "live", "auditor", **asked)
    (log,) = (workspace.root / entries.LIVE).glob("*.made")
    kept, counted = EventLog(log).counts().events, tree(workspace.root)
    assert kept > 0
    app = visit("ada", "live", "viewer", **asked)
    assert f"{kept:,} events in" in said(app)
    sent_by_a_service(workspace, house["data"])  # of which nobody has counted any
    before = tree(workspace.root)
    app = visit("ada", "live", "viewer", **{**asked, "source": "service"})
    n = len(entries.get_dataset(workspace, house["data"]).users)
    assert f"{n} events in" in said(app)
    assert tree(workspace.root) == before
    assert {name: content for name, content in before.items() if name in counted} == counted


def test_what_is_worked_out_while_a_viewer_looks_is_kept_in_memory_alone(
    house: dict[str, Any], visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(tmp_path / "later.answers.jsonl", "m")

    def look(app_page: str) -> None:
        cache.vectors(f"text-{app_page}", 1, lambda: np.ones((1, 2), np.float32))
        kept.add(app_page, {"said": "x"})

    monkeypatch.setattr("fairdash.ui.tour.bar", look)  # what every page runs
    visit("ada", "guide", "viewer")
    assert kept.get("guide") == {"said": "x"}
    assert not kept.file.exists()
    assert not (house["home"].root / "cache").exists()
    visit("ada", "guide", "auditor")
    assert kept.file.exists()
    assert (house["home"].of(ADA).root / "cache").exists()  # theirs, and goes with their data
    assert not (house["home"].root / "cache").exists()


def test_what_a_viewer_looks_at_is_what_an_auditor_gets(house: dict[str, Any], visit: Visit) -> None:
    asked = {"data": house["data"], "lists": house["lists"], "k": "7", "group": "gender", "more": "numbers"}
    seen = visit("ada", "audit", "viewer", **asked)
    kept = visit("ada", "audit", "auditor", **asked)
    assert [table.value.to_dict() for table in seen.dataframe] == [table.value.to_dict() for table in kept.dataframe]
    assert len(seen.dataframe) > 0


def test_an_auditor_of_the_same_workspace_can(house: dict[str, Any], visit: Visit, monkeypatch: Any) -> None:
    monkeypatch.setattr(runner, "_start", lambda workspace, job: None)
    app = visit("ada", "recommender", "auditor", data=house["data"], how="train")
    app.button(key="train").click().run()
    (job,) = runner.table(house["home"].of(ADA)).all()
    assert job.kind == "train"
    assert runner.table(house["home"].of(BOB)).all() == []


def test_who_waits_is_told_how_many_come_before(house: dict[str, Any], visit: Visit, monkeypatch: Any) -> None:
    home = house["home"]
    monkeypatch.setattr(runner, "_start", lambda workspace, job: None)
    runner.submit(home.of(BOB), "train", "One of Bob's", {"n": 1})  # runs
    runner.submit(home.of(BOB), "train", "Another of Bob's", {"n": 2})
    app = visit("ada", "recommender", data=house["data"], how="train")
    app.button(key="train").click().run()
    assert "1 job comes before this one" in said(app)  # Ada's comes before Bob's second
    assert "of Bob's" not in said(app)


def test_only_an_admin_oversees(house: dict[str, Any], visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    home = house["home"]
    monkeypatch.setattr(runner, "_start", lambda workspace, job: None)
    visit("bob", "overview", "auditor")
    runner.submit(home.of(BOB), "train", "A title of Bob's own", {"dataset": house["data"]})
    shares.give(home.of(ADA), "audits", house["audit"], 7)
    for role in ("viewer", "auditor"):
        app = visit("ada", "oversee", role)
        assert not [button for button in app.button if str(button.key).startswith(("stop-", "revoke-"))]
        assert "Bob" not in said(app)
    app = visit("ada", "oversee", "admin")
    assert "Bob" in said(app)
    assert "own" not in said(app)  # what jobs are called is theirs
    (stop,) = [button for button in app.button if str(button.key).startswith("stop-")]
    stop.click().run()
    assert not app.error
    assert runner.table(home.of(BOB)).all()[0].cancel
    assert trail.read(home.of(BOB))[-1].who == f"person {ADA[:12]}"
    app = visit("bob", "oversee", "admin", part="links")
    (back,) = [button for button in app.button if str(button.key).startswith("revoke-")]
    back.click().run()
    assert shares.of(home.of(ADA)) == []
    for part in ("people", "keeping"):
        assert not visit("ada", "oversee", "admin", part=part).error
    odd = {"name": ["x"], "role": [], "seen": "yesterday"}  # what a damaged file may say
    for told in (odd, {"seen": 1e300}, {"seen": -1.0}, []):
        (home.of(BOB).root / people.ABOUT).write_text(json.dumps(told))
        assert not visit("ada", "oversee", "admin", part="people").error


def test_a_link_shows_one_report_to_whoever_has_it_until_it_is_taken_back(house: dict[str, Any], visit: Visit) -> None:
    home = house["home"]
    app = visit("ada", "report", of="comparison", comparison=house["comparison"])
    app.selectbox(key="share-days").set_value(30).run()
    app.button(key="share-make").click().run()
    assert 29 < (shares.of(home.of(ADA))[0].expires - time.time()) / 86_400 <= 30
    (token,) = app.session_state["share-made"].values()
    (link,) = [code.value for code in app.code if token in code.value]
    assert link.endswith(f"/report?share={token}")
    for who in (None, "bob"):
        seen = visit(who, "report", share=token)
        assert not seen.error
        assert "Shared with you" in said(seen)
        assert {button.key for button in seen.button} == {"leave-link"}
        for page in state.JOURNEY:
            if page != "report":
                hidden = visit(who, page, share=token, lists=house["lists"], data=house["data"])
                assert not hidden.dataframe, page
                assert not hidden.title, page
                assert "Your link shows one report" in said(hidden)
    seen = visit("bob", "report", share=token)
    seen.button(key="leave-link").click().run()
    assert "Shared with you" not in said(seen)
    assert "Signed in as **Bob**" in said(seen)
    before = tree(home.root)
    (share,) = shares.of(home.of(ADA))
    app = visit("ada", "report", of="comparison", comparison=house["comparison"])
    app.button(key=f"revoke-{share.id[:12]}").click().run()
    assert tree(home.root).keys() < before.keys()
    gone, never = visit(None, "report", share=token), visit(None, "report", share="x" * 43)
    assert "opens nothing" in said(gone)
    assert said(gone) == said(never)
    gone.button(key="give-up").click().run()
    assert "opens nothing" not in said(gone)
    assert [button.label for button in gone.button] == ["Sign in"]


def test_a_link_that_has_ended_shows_nothing(house: dict[str, Any], visit: Visit, monkeypatch: Any) -> None:
    token = shares.give(house["home"].of(ADA), "audits", house["audit"], 1)
    app = visit(None, "report", share=token)
    assert "Shared with you" in said(app)
    after = time.time() + 86_401
    monkeypatch.setattr("fairdash.shares.time.time", lambda: after)
    app.run()  # in a tab that is open already, too
    assert "opens nothing" in said(app)


def test_a_link_that_is_taken_back_shows_nothing_in_a_tab_that_is_open(house: dict[str, Any], visit: Visit) -> None:
    ada = house["home"].of(ADA)
    token = shares.give(ada, "audits", house["audit"], 1)
    app = visit(None, "report", share=token)
    assert "Shared with you" in said(app)
    shares.revoke(ada, shares.of(ada)[0].id)
    app.run()
    assert "opens nothing" in said(app)
    assert not app.dataframe


def test_folders_of_others_cannot_be_named_for_a_model(house: dict[str, Any], visit: Visit) -> None:
    theirs = house["home"].of(ADA).root / "runs"
    chosen = {"recommender": "bert_sequence", "how": "train", "set_bert_sequence_encoder": str(theirs)}
    runner_of_bob = house["home"].of(BOB)
    shutil.copytree(house["home"].of(ADA).root / "datasets", runner_of_bob.root / "datasets")
    app = visit("bob", "recommender", data=house["data"], **chosen)
    assert any("is not in your workspace" in box.value for box in app.error)
    assert not [button for button in app.button if button.key == "train"]


def test_with_sign_in_off_there_is_one_workspace_and_no_account(
    house: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(house["home"].of(ADA).root))
    app = AppTest.from_file(str(SHELL), default_timeout=HANG_SECONDS)
    app.query_params["share"] = "x" * 43
    app.run()
    assert not app.exception
    assert not [button for button in app.button if button.key in ("sign-out", "leave-link")]
