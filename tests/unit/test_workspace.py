"""The workspace: nothing half-written is ever seen, and nothing outside it is ever touched."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from fairdash import entries, settings, trail
from fairdash.cli import main
from fairdash.errors import ConfigError, DamagedError, FairDashError
from fairdash.events.log import EventLog
from fairdash.workspace import Workspace, sole, write_json

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
    begun = workspace.create("runs", NAME, {}, resume=True)
    (begun.__enter__() / "checkpoint").write_text("step 7")
    killed = RuntimeError("killed")
    assert not begun.__exit__(RuntimeError, killed, None)
    assert not workspace.has("runs", NAME)
    with workspace.create("runs", NAME, {}, resume=True) as folder:
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


# --- many writers and readers -----------------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from fairdash.workspace import Workspace

workspace = Workspace(Path(sys.argv[1]))
for _ in range(40):
    with workspace.create("lists", sys.argv[2], {"title": "same"}) as folder:
        for part in range(3):
            (folder / f"{part}.txt").write_text("whole" * 2000)
"""


def test_many_writers_and_readers_of_one_value(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), NAME]) for _ in range(3)]
    reads = 0
    try:
        while any(writer.poll() is None for writer in writers) or not reads:
            for entry in workspace.entries("lists"):
                assert entry.digest == NAME
                assert [(entry.path / f"{part}.txt").read_text() for part in range(3)] == ["whole" * 2000] * 3
                assert workspace.get("lists", NAME).meta["title"] == "same"
                reads += 1
    finally:
        codes = [writer.wait(60) for writer in writers]
    assert codes == [0, 0, 0]
    assert [path.name for path in (tmp_path / "lists").iterdir()] == [NAME]


def test_of_two_writers_at_once_the_first_to_end_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, has, looks = Workspace(tmp_path), Workspace.has, iter([False])
    with workspace.create("lists", NAME, {"title": "slow"}) as slow:
        (slow / "data").write_text("slow")
        with workspace.create("lists", NAME, {"title": "fast"}) as fast:
            (fast / "data").write_text("fast")
        # as if the other one had ended between the look whether it is there and the rename
        monkeypatch.setattr(Workspace, "has", lambda self, *of: next(looks, True) and has(self, *of))
    entry = workspace.get("lists", NAME)
    assert (entry.title, (entry.path / "data").read_text()) == ("fast", "fast")
    assert [path.name for path in (tmp_path / "lists").iterdir()] == [NAME]


def test_renaming_touches_nothing_that_a_reader_needs(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.create("datasets", NAME, {"title": "0"}) as folder:
        (folder / "table").write_bytes(b"x" * 100_000)
    files = {file.name: file.stat().st_ino for file in workspace.path("datasets", NAME).iterdir()}
    done = threading.Event()

    def read() -> int:
        n = 0
        while not done.is_set():
            entry = workspace.get("datasets", NAME)
            assert entry.title.isdecimal()
            assert len((entry.path / "table").read_bytes()) == 100_000
            assert len(workspace.entries("datasets")) == 1
            n += 1
        return n

    def name(start: int) -> None:
        for i in range(start, start + 100):
            workspace.rename("datasets", NAME, str(i))

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        namers = [pool.submit(name, start) for start in (0, 100)]
        for namer in namers:
            namer.result()
        done.set()
        assert all(reader.result() > 0 for reader in readers)
    assert workspace.get("datasets", NAME).title in {"99", "199"}
    kept = {file.name: file.stat().st_ino for file in workspace.path("datasets", NAME).iterdir()}
    assert files.items() <= kept.items()
    assert set(kept) - set(files) == {"title.json"}


def test_a_name_for_an_entry_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(FairDashError, match="There is no entry"):
        Workspace(tmp_path).rename("datasets", NAME, "new")


def test_one_works_on_a_training_and_the_others_wait(tmp_path: Path) -> None:
    lock = Workspace(tmp_path).lock("runs", NAME)
    inside, most, came = 0, 0, threading.Event()

    def work() -> None:
        nonlocal inside, most
        with sole(lock, came.set):
            inside += 1
            most = max(most, inside)
            assert came.wait(600), "nobody waited"
            inside -= 1

    with ThreadPoolExecutor(4) as pool:
        for task in [pool.submit(work) for _ in range(4)]:
            task.result()
    assert most == 1


def test_the_work_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    lock = Workspace(tmp_path).lock("runs", NAME)
    script = f"""
import signal
from pathlib import Path
from fairdash.workspace import sole
with sole(Path({str(lock)!r}), lambda: None):
    print("held", flush=True)
    signal.pause()
"""
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"

    def kill() -> None:
        other.kill()

    with other, sole(lock, kill):  # held until the first wait kills the other
        assert other.wait() != 0


def test_who_waits_can_be_stopped(tmp_path: Path) -> None:
    lock = Workspace(tmp_path).lock("runs", NAME)

    def stop() -> None:
        raise InterruptedError("stopped")

    with sole(lock, stop):
        with pytest.raises(InterruptedError):
            sole(lock, stop).__enter__()
        lock.unlink()  # as a removal does: the next one takes a new lock
        with sole(lock, stop):
            pass


def test_a_training_that_runs_keeps_its_folder_when_its_entry_is_removed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with (
        sole(workspace.lock("runs", NAME), lambda: None),
        workspace.create("runs", NAME, {}, resume=True) as folder,
    ):
        workspace.delete("runs", NAME)
        assert folder.is_dir()
    assert workspace.has("runs", NAME)
    workspace.delete("runs", NAME)
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_killed_writers_left_goes_after_a_day(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for name in (f"{NAME}.aaaa.new", f"{NAME}.bbbb.gone", f"{NAME}.cccc.new"):
        (tmp_path / "lists" / name).mkdir(parents=True)
    for name in (f"{NAME}.aaaa.new", f"{NAME}.bbbb.gone"):
        os.utime(tmp_path / "lists" / name, (0, 0))
    with workspace.create("lists", NAME, {}):
        pass
    assert {path.name for path in (tmp_path / "lists").iterdir()} == {NAME, f"{NAME}.cccc.new"}


def test_a_folder_that_is_no_value_does_not_stand_in_the_way(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "lists" / NAME / "junk").mkdir(parents=True)
    with workspace.create("lists", NAME, {}) as folder:
        (folder / "data").write_text("1")
    assert {path.name for path in workspace.path("lists", NAME).iterdir()} == {"data", "meta.json"}


def test_usage_by_place_and_clearing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.create("runs", NAME, {}) as folder:
        (folder / "big").write_bytes(b"0" * 5000)
    for place, size in (("uploads", 400), ("searches", 300), ("cache", 200), ("logs", 100)):
        (tmp_path / place / "x").mkdir(parents=True)
        (tmp_path / place / "x" / "file").write_bytes(b"0" * size)
    usage, said = workspace.usage(), (tmp_path / "workspace.json").stat().st_size
    assert next(iter(usage)) == "runs"
    assert (usage["uploads"], usage["searches"], usage["cache"], usage["other"]) == (400, 300, 200, 100 + said)
    assert usage["datasets"] == 0
    workspace.clear("uploads")
    workspace.clear("uploads")
    assert workspace.usage()["uploads"] == 0
    assert not (tmp_path / "uploads").exists()


# --- damage, and other versions ---------------------------------------------------------------------------------------


def _value(root: Path) -> Path:
    with Workspace(root).create("lists", NAME, {"title": "mine", "run": "f" * 16}) as folder:
        (folder / "model").mkdir()
        (folder / "model" / "data.txt").write_text("whole")
        (folder / "data.json").write_text('{"a": 1}')
    return Workspace(root).path("lists", NAME)


DAMAGE = {
    "a list": ("meta.json", "[]"),
    "nothing": ("meta.json", "{}"),
    "no json": ("meta.json", '{"title": '),
    "deep": ("meta.json", "[" * 100_000),
    "no text": ("meta.json", b"\xff\xfe\0"),
    "no meta": ("meta.json", None),
    "empty": ("data.json", ""),
    "gone": ("data.json", None),
    "cut off": ("model/data.txt", "who"),
    "no title": ("meta.json", lambda said: said.pop("title")),
    "no run": ("meta.json", lambda said: said.pop("run")),
    "made at a text": ("meta.json", lambda said: said.update(created="yesterday")),
    "another seal": ("meta.json", lambda said: said.update(seal=[])),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_value_costs_itself_alone_and_can_be_made_again(tmp_path: Path, case: str) -> None:
    name, holds = DAMAGE[case]
    workspace, file = Workspace(tmp_path), _value(tmp_path) / name
    with workspace.create("lists", "a" * 16, {"title": "other"}):
        pass
    if holds is None:
        file.unlink()
    elif isinstance(holds, bytes):
        file.write_bytes(holds)
    elif isinstance(holds, str):
        file.write_text(holds)
    else:
        said = json.loads(file.read_text())
        holds(said)
        file.write_text(json.dumps(said))
    with pytest.raises(DamagedError, match=rf"{NAME}.*damaged") as caught:
        workspace.get("lists", NAME)
    assert "make it again" in caught.value.hint
    assert not workspace.has("lists", NAME)
    assert [entry.digest for entry in workspace.entries("lists")] == ["a" * 16]
    assert [(one.kind, one.digest) for one in workspace.damaged()] == [("lists", NAME)]
    _value(tmp_path)
    assert workspace.has("lists", NAME)
    assert not workspace.damaged()


def test_a_file_that_changed_and_kept_its_size_is_not_read(tmp_path: Path) -> None:
    workspace, folder = Workspace(tmp_path), _value(tmp_path)
    assert workspace.read("lists", NAME, "data.json") == {"a": 1}
    (folder / "data.json").write_text('{"a": 2}')
    with pytest.raises(DamagedError, match=r"data\.json"):
        workspace.read("lists", NAME, "data.json")


def test_a_title_that_cannot_be_read_costs_the_title_alone(tmp_path: Path) -> None:
    (_value(tmp_path) / "title.json").write_text("{")
    assert Workspace(tmp_path).get("lists", NAME).title == "mine"


def _of_before(root: Path) -> Path:
    """A value as version 0.2 stored it, before values were sealed."""
    folder = _value(root)
    (root / "workspace.json").unlink()
    said = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({k: v for k, v in said.items() if k not in ("files", "seal")}))
    return folder


def test_a_workspace_of_an_earlier_version_opens_after_a_copy(tmp_path: Path) -> None:
    folder = _of_before(tmp_path)
    before = (folder / "meta.json").read_bytes()
    entry = Workspace(tmp_path).ready().get("lists", NAME)
    assert entry.title == "mine"
    assert set(entry.files) == {"model/data.txt", "data.json"}
    (copy,) = tmp_path.glob("backup-*/lists/*/meta.json")
    assert copy.read_bytes() == before
    Workspace(tmp_path).ready()
    assert len(list(tmp_path.glob("backup-*"))) == 1


def test_a_damaged_value_of_an_earlier_version_is_not_taken_for_whole(tmp_path: Path) -> None:
    (_of_before(tmp_path) / "meta.json").write_text('{"title": "mine"}')
    assert [one.digest for one in Workspace(tmp_path).ready().damaged()] == [NAME]


def test_a_workspace_of_a_later_version_is_refused_in_words_and_not_touched(tmp_path: Path) -> None:
    _value(tmp_path)
    write_json(tmp_path / "workspace.json", {"schema": 99})
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    with pytest.raises(ConfigError, match="later version") as caught:
        Workspace(tmp_path).ready()
    assert "Update FairDash" in caught.value.hint
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("name", ["workspace.json", "trail.jsonl", "trail.head", "jobs.sqlite", "events.sqlite",
                                  "pseudonyms.key", "datasets", "runs"])  # fmt: skip
def test_the_doctor_sets_aside_what_is_of_another_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A folder in place of a file, a link to nowhere in place of a folder, a view in place of the table of jobs."""
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    assert main(["doctor"]) == 0
    place = tmp_path / name
    place.unlink(missing_ok=True)
    if name == "jobs.sqlite":
        with closing(sqlite3.connect(place)) as db:
            db.execute("create view jobs as select 1 as id")
    elif "." in name:
        place.mkdir()
    else:
        place.symlink_to(tmp_path / "nowhere")
    assert main(["doctor"]) == 2
    assert str(place) in capsys.readouterr().out or name == "jobs.sqlite"
    assert main(["doctor", "--repair"]) == 0
    capsys.readouterr()
    assert main(["doctor"]) == 0
    assert "sound" in capsys.readouterr().out


def _foreign(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("create table events (id integer)")


def _emptied(file: Path) -> None:
    EventLog(file)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("delete from facts")


def _of_other_columns(file: Path) -> None:
    EventLog(file)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("drop table refused")


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("events.sqlite", lambda file: file.write_bytes(b"garbage " * 100)),
        ("events.sqlite", _foreign),
        ("events.sqlite", _emptied),
        ("events.sqlite", _of_other_columns),
        ("pseudonyms.key", lambda file: file.touch(0o600)),
        ("pseudonyms.key", lambda file: (file.touch(0o600), file.write_text("abcd"))),
    ],
)
def test_the_doctor_sets_aside_a_log_that_is_none_and_a_key_that_is_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    spoil: Callable[[Path], object],
) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    EventLog(tmp_path / "events.sqlite")
    entries.pseudonyms(Workspace(tmp_path))
    assert main(["doctor"]) == 0
    (tmp_path / name).unlink()
    spoil(tmp_path / name)
    capsys.readouterr()
    assert main(["doctor"]) == 2
    assert str(tmp_path / name) in capsys.readouterr().out
    assert main(["doctor", "--repair"]) == 0
    assert main(["doctor"]) == 0


def _called_otherwise(folder: Path, _: Path) -> None:
    folder.rename(folder.with_name(NAME[::-1]))


def _lies_elsewhere(folder: Path, elsewhere: Path) -> None:
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)


def _part_lies_elsewhere(folder: Path, elsewhere: Path) -> None:
    (folder / "model").rename(elsewhere)
    (folder / "model").symlink_to(elsewhere)


@pytest.mark.parametrize("spoil", [_called_otherwise, _lies_elsewhere, _part_lies_elsewhere])
def test_the_doctor_knows_a_value_under_another_name_and_one_that_lies_elsewhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path, Path], None],
) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    monkeypatch.setenv("FAIRDASH_HOME", str(home))
    spoil(_value(home), elsewhere)
    assert main(["doctor"]) == 2
    assert re.search(r"it was written as 0123456789abcdef|is a link, and lies elsewhere", capsys.readouterr().out)
    assert main(["doctor", "--repair"]) == 0
    assert main(["doctor"]) == 0
    assert elsewhere.exists() == (spoil is not _called_otherwise)


def test_the_doctor_fails_for_what_it_cannot_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    trail.note(Workspace(tmp_path), "export")
    assert main(["doctor"]) == 0
    (tmp_path / trail.FILE).write_text("{}\n")
    for asked in (["doctor"], ["doctor", "--repair"]):
        assert main(asked) == 2
        assert "line 1 is not what was written there" in capsys.readouterr().out


def test_the_doctor_waits_for_no_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    folder = _value(tmp_path)
    (folder / "meta.json").unlink()
    os.mkfifo(folder / "meta.json")
    assert main(["doctor"]) == 2


@pytest.mark.parametrize("text", ['{"schema": Infinity}', "[]", '{"schema": 1e400}'])
def test_a_damaged_number_of_the_layout_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    (tmp_path / "workspace.json").write_text(text)
    assert main(["doctor"]) == 0


def test_the_doctor_names_what_is_wrong_and_sets_it_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    assert main(["doctor"]) == 0
    assert "sound" in capsys.readouterr().out
    folder = _value(tmp_path)
    assert main(["doctor"]) == 0
    (folder / "model" / "data.txt").write_text("hurt!")  # of the same size: only its hash tells
    (tmp_path / "jobs.sqlite").write_bytes(b"garbage " * 100)
    left = tmp_path / "runs" / f"{NAME}.aaaa.new"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    capsys.readouterr()
    assert main(["doctor", "--json"]) == 2
    said = json.loads(capsys.readouterr().out)["wrong"]
    assert [NAME in said[0], "table of jobs is damaged" in said[1], "never ended" in said[2]] == [True] * 3
    assert folder.exists()
    assert main(["doctor", "--repair"]) == 0
    assert main(["doctor"]) == 0
    assert len(list((tmp_path / "damaged").iterdir())) == 3
    assert not folder.exists()
    write_json(tmp_path / "workspace.json", {"schema": 99})
    assert main(["doctor"]) == 2
    assert "later version" in capsys.readouterr().err
