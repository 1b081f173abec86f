"""Who did what is only added to: whatever is changed in the file afterwards is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairdash import doctor, trail
from fairdash.cli import main
from fairdash.errors import DataError
from fairdash.workspace import Workspace

Lines = list[str]


def noted(root: Path) -> Workspace:
    workspace = Workspace(root)
    with trail.acting("page"):
        for n in range(4):
            trail.note(workspace, "audit", lists=str(n))
    return workspace


def test_deeds_come_back_in_order_whoever_writes_at_once(tmp_path: Path) -> None:
    workspace = noted(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: trail.note(workspace, "export", n=n), range(20)))
    found = trail.read(workspace)
    assert [deed.n for deed in found] == list(range(1, 25))
    assert [(deed.who, deed.what) for deed in found[:4]] == [("page", "audit")] * 4
    assert sorted(deed.of["n"] for deed in found[4:]) == list(range(20))
    assert (tmp_path / trail.FILE).stat().st_mode & 0o777 == 0o600


def _swap(lines: Lines) -> Lines:
    return [lines[1], lines[0], *lines[2:]]


def _edit(lines: Lines) -> Lines:
    return [lines[0], lines[1].replace('"lists": "1"', '"lists": "9"'), *lines[2:]]


@pytest.mark.parametrize(
    "change",
    [
        _edit,
        _swap,
        lambda lines: lines[1:],
        lambda lines: lines[:1] + lines[2:],
        lambda lines: lines[:-1],
        lambda lines: lines[:-3],
        lambda lines: [],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines, "{}"],
        lambda lines: [*lines, "[" * 100_000],
    ],
)
def test_a_change_is_named_also_after_more_was_noted(tmp_path: Path, change: Callable[[Lines], Lines]) -> None:
    workspace = noted(tmp_path)
    file = tmp_path / trail.FILE
    lines = file.read_text().splitlines()
    file.write_text("".join(f"{line}\n" for line in change(lines)))
    for _ in range(3):
        with pytest.raises(DataError, match=r"line \d+ is not what was written|lines are missing"):
            trail.read(workspace)
        assert any("trail" in ill.said for ill in doctor.examine(workspace))
        trail.note(workspace, "export")


def test_what_a_killed_writer_left_costs_nothing(tmp_path: Path) -> None:
    workspace = noted(tmp_path)
    file, head = tmp_path / trail.FILE, tmp_path / trail.HEAD
    before = head.read_text()
    trail.note(workspace, "export")
    head.write_text(before)  # killed between the line and the head
    assert len(trail.read(workspace)) == 5
    with file.open("a") as stream:
        stream.write('{"n": 6, "at"')  # killed within a line
    assert len(trail.read(workspace)) == 5
    trail.note(workspace, "delete")
    assert [deed.what for deed in trail.read(workspace)[-2:]] == ["export", "delete"]


def test_a_deed_of_any_size_is_noted(tmp_path: Path) -> None:
    workspace = noted(tmp_path)
    trail.note(workspace, "export", much="x" * 10 * trail.MAX_LINE)
    trail.note(workspace, "export", much="\n\x00\u2028")
    assert len(trail.read(workspace)) == 6


def test_the_command_shows_it_and_fails_where_it_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    noted(tmp_path)
    assert main(["trail", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [deed["of"] for deed in found["deeds"]] == [{"lists": str(n)} for n in range(4)]
    seal = found["deeds"][2]["seal"]
    assert main(["trail", "--sealed", seal]) == 0
    assert main(["trail", "--sealed", "0" * 64]) == 2
    assert "no deed with that seal" in capsys.readouterr().err
    (tmp_path / trail.FILE).write_text("")
    assert main(["trail"]) == 2
