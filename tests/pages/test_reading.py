"""What a page has read of the workspace it does not read again: drawn a second time, it costs what is drawn."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from fairdash import entries, run
from fairdash.jobs import kinds
from fairdash.ui import state
from fairdash.workspace import Workspace
from tests.pages.conftest import Open

READERS = ((run, "read_split"), (run, "read_arrays"), (entries, "get_dataset"), (Workspace, "read"))


@pytest.fixture
def compared(here: dict[str, Any]) -> dict[str, str]:
    """The view of a finished comparison, as a link holds it."""
    workspace = Workspace(here["home"])
    groups = [asdict(spec) for spec in kinds.default_groups(entries.get_dataset(workspace, here["data"]))[:1]]
    sides = {"before": here["lists"], "after": here["after"]}
    made = kinds.run(workspace, "compare", {**sides, "groups": groups})
    return {"data": here["data"], "lists": here["lists"], **sides, "comparison": made["comparisons"]}


@pytest.mark.parametrize("name", list(state.JOURNEY))
def test_a_page_reads_nothing_twice(
    name: str, compared: dict[str, str], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(name, **compared)
    read: list[str] = []
    for where, what in READERS:
        original = getattr(where, what)

        def counted(*given: Any, _what: str = what, _original: Any = original, **more: Any) -> Any:
            read.append(f"{_what}{given}")
            return _original(*given, **more)

        monkeypatch.setattr(where, what, counted)
    app.run()
    assert not app.exception
    assert not read
