"""The Audit page's sentence and feed: every control does what it says, and cards hold the library's own numbers."""

from __future__ import annotations

from typing import Any

from fairdash import entries, words
from fairdash.stages import audit as stage
from fairdash.stages import feed
from fairdash.stages.audit import AuditSpec
from fairdash.stages.disclosure import withheld
from fairdash.workspace import Workspace
from tests.pages.conftest import Open
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
    for card in first[:6]:
        assert words.plain(card.plain, 500) in shown
    assert not Workspace(here["home"]).entries("comparisons")
    assert Workspace(here["home"]).entries("audits")
