"""The workspace: nothing half-written is ever seen, and nothing outside it is ever touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairdash import settings
from fairdash.errors import FairDashError
from fairdash.workspace import Workspace, write_json

NAME = "0123456789abcdef"


def test_a_value_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.create("runs", NAME, {"title": "first"}) as folder:
        (folder / "data.txt").write_text("half")
        assert not workspace.has("runs", NAME)
        assert workspace.entries("runs") == []
    entry = workspace.get("runs", NAME)
    assert entry.title == "first"
    assert (entry.path / "data.txt").read_text() == "half"
    assert [found.digest for found in workspace.entries("runs")] == [NAME]


def test_what_was_begun_is_found_again_after_an_error(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    begun = workspace.create("runs", NAME, {})
    (begun.__enter__() / "checkpoint").write_text("step 7")
    killed = RuntimeError("killed")
    assert not begun.__exit__(RuntimeError, killed, None)
    assert not workspace.has("runs", NAME)
    with workspace.create("runs", NAME, {}) as folder:
        assert (folder / "checkpoint").read_text() == "step 7"
    assert workspace.has("runs", NAME)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "0123456789ABCDEF", "0123", NAME + "0"])
def test_ids_from_outside_cannot_leave_the_workspace(tmp_path: Path, name: str) -> None:
    with pytest.raises(FairDashError, match="no id"):
        Workspace(tmp_path).path("runs", name)


def test_a_missing_entry_says_so(tmp_path: Path) -> None:
    with pytest.raises(FairDashError, match="There is no entry") as caught:
        Workspace(tmp_path).get("lists", NAME)
    assert "deleted" in caught.value.hint


def test_deleting_twice_is_no_error(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.create("lists", NAME, {}):
        pass
    workspace.delete("lists", NAME)
    workspace.delete("lists", NAME)
    assert workspace.entries("lists") == []


def test_a_full_workspace_refuses_new_values_and_keeps_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    with workspace.create("lists", NAME, {}) as folder:
        (folder / "big").write_bytes(b"0" * 1000)
    monkeypatch.setattr(settings, "QUOTA_GB", 1e-7)
    with pytest.raises(FairDashError, match="limit"):
        workspace.create("lists", NAME[::-1], {}).__enter__()
    assert workspace.has("lists", NAME)


def test_json_is_replaced_as_a_whole_and_refuses_nan(tmp_path: Path) -> None:
    file = tmp_path / "value.json"
    write_json(file, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(file, {"a": float("nan")})
    assert file.read_text() == '{\n "a": 1\n}'
