"""The Live page: a made-up stream until a service sends events; the planted drift is found and said."""

from __future__ import annotations

from typing import Any

import pytest

from fairdash import entries
from fairdash.events.log import FILE, EventLog
from fairdash.jobs import kinds, runner
from fairdash.ui import living
from fairdash.workspace import Workspace
from tests.pages.conftest import Open
from tests.pages.conftest import words as told

DRIFTED = "A difference between groups has moved"


def test_the_made_up_stream_shows_the_drift_that_is_in_it(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("live", data=here["data"], group="gender")
    assert "too little to tell" in told(app)
    assert "INSUFFICIENT" not in told(app)  # a word of the command line
    once = told(app)
    app.run()
    assert told(app) == once  # a page that is drawn as a whole waits for nothing new
    monkeypatch.setattr(living, "_ticks", lambda: True)
    for _ in range(living.MADE * living.WINDOW // living.LISTS):
        if DRIFTED in told(app):
            break
        app.run()
    assert not app.exception
    assert DRIFTED in told(app)
    assert "less the others" in told(app)
    assert app.selectbox(key="what").value.startswith(("exposure_share", "hit"))


def test_events_of_the_service_are_watched_and_a_link_keeps_the_view(here: dict[str, Any], open_page: Open) -> None:
    dataset = entries.get_dataset(Workspace(here["home"]), here["data"])
    users, items = dataset.users["user_id"].tolist(), dataset.items["item_id"].tolist()
    EventLog(here["home"] / FILE).append(
        [
            {"userId": user, "eventId": user, "eventType": "shown", "sentAt": 1_700_000_000 + 60 * n,
             "impression": items[:10]}
            for n, user in enumerate(users)
        ]
    )  # fmt: skip
    app = open_page("live", data=here["data"], group="gender", window="86400", what="hit::", going="False")
    assert f"{len(users)} events in" in told(app)
    assert app.selectbox(key="what").value == "hit::"
    assert app.selectbox(key="window").value == "86400"


def test_what_people_did_is_learned_as_a_job_and_its_result_is_linked(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(workspace: Workspace, kind: str, title: str, params: dict[str, Any]) -> str:
        table, name = runner.table(workspace), runner.identify(kind, params)
        table.enqueue(name, kind, title, params)
        table.claim_next(1)
        table.finish(name, "done", result=kinds.run(workspace, kind, params))
        return name

    monkeypatch.setattr(runner, "submit", at_once)
    workspace = Workspace(here["home"])
    run, lists = entries.get_lists(workspace, here["lists"])
    users, items = (run.split.training.users["user_id"], run.split.training.items["item_id"])
    held = {(int(u), int(i)) for u, i in zip(run.split.test.user, run.split.test.item, strict=True)}
    fresh = next(int(item) for item in lists.items[0, :10] if (0, int(item)) not in held)
    took = {"userId": users[0], "eventId": "1", "eventType": "click", "sentAt": 1_700_000_000, "itemId": items[fresh]}
    EventLog(here["home"] / FILE).append([took])
    app = open_page("live", data=here["data"], lists=here["lists"], group="gender", source="service", going="False")
    app.button(key="learn").click().run()
    assert not app.exception
    assert "1 thing that people took or refused is learned" in told(app)
    (job,) = runner.table(workspace).all()
    made = job.result or {}
    assert workspace.get("datasets", made["datasets"]).meta["provenance"]["feedback"]["of"] == here["data"]
    after, learned = entries.get_lists(workspace, made["lists"])
    assert fresh not in learned.items[0].tolist()  # it is known now
    assert after.test_digest == run.test_digest
    linked = [link.proto.query_string for link in app.get("page_link")]
    assert any(f"after={made['lists']}" in query for query in linked)
    assert any(f"data={made['datasets']}" in query for query in linked)


def test_a_service_without_events_says_how_to_send_them(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("live", data=here["data"], source="service")
    assert "No event has come yet" in told(app)
