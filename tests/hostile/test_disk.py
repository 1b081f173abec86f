"""A disk that is full, or can only be read, gives a sentence with what to do, and leaves nothing half."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from streamlit.testing.v1 import AppTest

from fairdash import doctor, entries
from fairdash.data import synthetic
from fairdash.errors import full, locked
from fairdash.jobs import kinds
from fairdash.ui import parts
from fairdash.workspace import Kind, Workspace, write_json

ROOT = Path(__file__).parents[2]
# A limit on the size of files stands for a disk that ends there: the system refuses the byte after it.
FILLED = """
import resource, signal, sys
from pathlib import Path
from fairdash import data, entries, errors
from fairdash.jobs import kinds
from fairdash.workspace import Workspace
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
workspace, room, what = Workspace(Path(sys.argv[1])), int(sys.argv[2]), sys.argv[3]
made, _ = data.synthetic.make(5, n_users=60, n_items=40)
known = entries.get_dataset(workspace, workspace.entries("datasets")[0].digest)
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    if what == "save":
        entries.put_dataset(workspace, made)
    else:
        kinds.run(workspace, "train", {"dataset": known.digest, "split": "user-time:0.8", "recommender": "ease"})
except Exception as error:
    print("full" if errors.full(error) else "told" if isinstance(error, errors.FairDashError) else repr(error))
else:
    print("done")
"""


def tree(workspace: Workspace) -> set[str]:
    return {
        str(path.relative_to(workspace.root)) for kind in get_args(Kind) for path in (workspace.root / kind).rglob("*")
    }


@pytest.mark.parametrize("what", ["save", "train"])
def test_a_full_disk_is_told_and_leaves_nothing_half(tmp_path: Path, what: str) -> None:
    workspace = Workspace(tmp_path)
    entries.put_dataset(workspace, synthetic.make(n_users=60, n_items=40)[0])
    before, told = tree(workspace), []
    for room in (0, 1, 100, 900, 4000, 20_000, 10_000_000):
        command = [sys.executable, "-c", FILLED, str(tmp_path), str(room), what]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
                              check=False)  # fmt: skip
        told.append(done.stdout.strip().splitlines()[-1])
        if told[-1] != "done":
            left = {name for name in tree(workspace) - before if ".part" not in name and not name.endswith(".lock")}
            assert left <= {"runs", "lists"}, (room, left)
            assert not workspace.damaged()
            assert [one.said for one in doctor.examine(workspace)] == []
    assert told[0] == "full"
    assert told[-1] == "done"
    assert {*told} <= {"full", "done"}


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "is full"), (errno.EDQUOT, "is full"), (errno.EROFS, "cannot be written"),
     (errno.EACCES, "cannot be written"), (errno.EPERM, "cannot be written")],
)  # fmt: skip
def test_the_page_says_which_it_is_and_what_to_do(
    number: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    error = OSError(number, os.strerror(number), "x")
    assert full(error) or locked(error)
    told = parts._unexpected(error, "page")
    assert said in told.message
    assert str(tmp_path) in told.hint
    assert "number" not in told.message


def test_json_that_finds_no_room_leaves_the_old_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.json"
    write_json(file, 1)
    real = Path.write_text

    def full_disk(self: Path, text: str, **how: str) -> int:
        real(self, text[:1], **how)  # type: ignore[arg-type]  # the encoding
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_json(file, [1, 2])
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]
    assert json.loads(file.read_text()) == 1


def test_pages_open_in_a_workspace_that_can_only_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    stored = entries.put_dataset(workspace, synthetic.make(n_users=60, n_items=40)[0])
    lists = kinds.run(workspace, "train", {"dataset": stored, "split": "user-time:0.8", "recommender": "popularity"})
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    refused = PermissionError(errno.EROFS, os.strerror(errno.EROFS), str(tmp_path))

    def read_only(*_: object, **__: object) -> None:
        raise refused

    for name in ("mkdir", "write_text", "write_bytes", "rename", "replace", "unlink"):
        monkeypatch.setattr(Path, name, read_only)
    for page in ("overview", "data", "audit", "report"):
        app = AppTest.from_file(str(ROOT / "fairdash" / "ui" / "shell.py"), default_timeout=600)
        app.query_params.update({"data": stored, "lists": lists["lists"]})
        app.switch_page(str(ROOT / "pages" / f"{page}.py"))
        app.run()
        assert not app.exception
        told = [box.value for box in app.error]
        assert all("cannot be written" in one for one in told), told
        assert page != "audit" or told  # it would keep what it made
