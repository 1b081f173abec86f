"""What is kept is shown with its size, and goes with all that hangs on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fairdash.jobs import runner
from fairdash.ui import keeping
from fairdash.workspace import Workspace
from tests.pages.conftest import HANG_SECONDS, Open, url
from tests.pages.conftest import words as told


def offered(kind: str, digest: str) -> AppTest:
    def page(kind: str, digest: str) -> None:
        from fairdash.errors import FairDashError
        from fairdash.ui import keeping, parts

        parts.due()
        parts.last_fault()
        try:
            keeping.offer(kind, digest)  # type: ignore[arg-type]  # one of the kinds
        except FairDashError as gone:
            assert "There is no entry" in gone.message  # noqa: PT017  # after the deletion

    return AppTest.from_function(page, default_timeout=HANG_SECONDS, args=(kind, digest)).run()


def test_the_storage_says_what_is_kept_and_how_large_it_is(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("data", data=here["data"], tab="storage")
    table = app.dataframe[0].value
    kept = [entry for kind in ("datasets", "runs", "lists") for entry in Workspace(here["home"]).entries(kind)]  # type: ignore[arg-type]  # the three words
    assert len(table) == len(kept)
    assert table["name"].is_unique
    assert (table["MB"] > 0).all()
    assert all(title in told(app) for title, _ in keeping._AREAS.values())


def test_an_empty_storage_opens(nothing: Path, open_page: Open) -> None:
    assert "Nothing is kept yet" in told(open_page("data", tab="storage"))


def test_a_data_set_is_deleted_with_all_that_hangs_on_it(here: dict[str, Any], open_page: Open) -> None:
    app = offered("datasets", here["data"])
    assert "1 data set, 1 run and 2 sets of lists" in told(app)
    app.button(key="delete").click().run()
    workspace = Workspace(here["home"])
    assert not any(workspace.entries(kind) for kind in ("datasets", "runs", "lists"))  # type: ignore[arg-type]  # the three words
    after = open_page("audit", data=here["data"], lists=here["lists"])
    assert "Nothing to audit yet" in told(after)


def test_what_a_job_works_with_is_not_deleted_and_says_why(here: dict[str, Any]) -> None:
    runner.table(Workspace(here["home"])).enqueue("a" * 16, "audit", "Audit it", {"lists": here["lists"]})
    app = offered("lists", here["lists"])
    app.button(key="delete").click().run()
    assert not app.exception
    assert "Audit it" in app.error[0].value
    assert Workspace(here["home"]).has("lists", here["lists"])


@pytest.mark.parametrize("area", ["uploads", "searches", "cache"])
def test_what_lies_beside_the_entries_can_be_cleared(area: str, nothing: Path, open_page: Open) -> None:
    (nothing / area / "x").mkdir(parents=True)
    (nothing / area / "x" / "file").write_bytes(bytes(1000))
    app = open_page("data", tab="storage")
    assert url(app, "tab") == "storage"
    assert "1.0 kB" in told(app)
    app.button(key=f"clear-{area}").click().run()
    assert not app.exception
    assert not app.error
    assert not (nothing / area).exists()


def test_of_several_lists_of_a_run_one_goes_alone(here: dict[str, Any], open_page: Open) -> None:
    app = offered("lists", here["after"])
    assert "1 set of lists" in told(app)
    app.button(key="delete").click().run()
    workspace = Workspace(here["home"])
    assert [entry.digest for entry in workspace.entries("lists")] == [here["lists"]]
    assert workspace.has("runs", here["run"])
