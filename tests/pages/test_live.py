"""The Live page: a made-up stream until a service sends events; the planted drift is found and said."""

from __future__ import annotations

from typing import Any

from fairdash import entries
from fairdash.events.log import FILE, EventLog
from fairdash.ui import living
from fairdash.workspace import Workspace
from tests.pages.conftest import Open
from tests.pages.conftest import words as told


def test_the_made_up_stream_shows_the_drift_that_is_in_it(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("live", data=here["data"], group="gender")
    assert "too little to tell" in told(app)
    for _ in range(living.MADE * living.WINDOW // living.LISTS):
        if "has moved" in told(app):
            break
        app.run()
    assert not app.exception
    assert "has moved away from the reference" in told(app)
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


def test_a_service_without_events_says_how_to_send_them(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("live", data=here["data"], source="service")
    assert "No event has come yet" in told(app)
