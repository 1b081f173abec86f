"""What is stored comes back, under its latest name; what is removed goes with all that hangs on it."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairdash import entries, trail
from fairdash.data import split as splits
from fairdash.data import synthetic
from fairdash.errors import FairDashError, JobError
from fairdash.jobs import runner
from fairdash.recommenders import cache
from fairdash.schema import Dataset, Lists
from fairdash.workspace import Kind, Workspace, write_json


def small() -> Dataset:
    return synthetic.make(0, n_users=40, n_items=50)[0]


def kept(workspace: Workspace) -> dict[Kind, str]:
    """A data set, and on it a run, lists, an audit and a comparison."""
    dataset = small()
    names: dict[Kind, str] = {"datasets": entries.put_dataset(workspace, dataset)}
    split = splits.split(dataset, "user-time:0.8")
    lists = Lists(np.tile(np.arange(5, dtype=np.int32), (40, 1)), np.ones((40, 5), np.float32))
    names |= entries.import_lists(workspace, split, lists, "theirs", dataset.digest)  # type: ignore[arg-type]  # keys are kinds
    names["audits"], names["comparisons"] = "a" * 16, "c" * 16
    with workspace.create("audits", names["audits"], {"lists": names["lists"]}):
        pass
    with workspace.create("comparisons", names["comparisons"], {"before": names["lists"], "after": "b" * 16}):
        pass
    return names


def test_a_data_set_that_is_kept_again_gets_its_new_name_and_stays_readable(tmp_path: Path) -> None:
    workspace, dataset = Workspace(tmp_path), small()
    name = entries.put_dataset(workspace, dataset)
    files = {file.name: file.stat().st_ino for file in workspace.path("datasets", name).iterdir()}
    assert entries.put_dataset(workspace, replace(dataset, name="Ours")) == name
    again = entries.get_dataset(workspace, name)
    assert (again.name, again.digest) == ("Ours", dataset.digest)
    now = {file.name: file.stat().st_ino for file in workspace.path("datasets", name).iterdir()}
    assert files.items() <= now.items()


def test_sessions_that_keep_and_rename_the_same_data_disturb_nobody(tmp_path: Path) -> None:
    workspace, dataset = Workspace(tmp_path), small()
    entries.put_dataset(workspace, dataset)
    done = threading.Event()

    def keep(title: str) -> None:
        for i in range(10):
            entries.put_dataset(workspace, replace(dataset, name=f"{title} {i}"))

    def read() -> int:
        n = 0
        while not done.is_set():
            assert entries.get_dataset(workspace, dataset.digest).digest == dataset.digest
            n += 1
        return n

    with ThreadPoolExecutor(4) as pool:
        reader = pool.submit(read)
        for writer in [pool.submit(keep, title) for title in ("a", "b")]:
            writer.result()
        done.set()
        assert reader.result() > 0


def test_two_sessions_that_keep_the_same_new_data_both_have_it(tmp_path: Path) -> None:
    dataset = small()
    for attempt in range(5):
        workspace = Workspace(tmp_path / str(attempt))
        with ThreadPoolExecutor(4) as pool:
            names = [task.result() for task in [pool.submit(entries.put_dataset, workspace, dataset) for _ in range(4)]]
        assert set(names) == {dataset.digest}
        assert entries.get_dataset(workspace, dataset.digest).digest == dataset.digest


def test_lists_differ_by_what_made_them(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run, lists = entries.get_lists(workspace, kept(workspace)["lists"])
    about = {"title": "x", "mitigation": {"method": "calibrate", "strength": 0.5}}
    names = [
        entries.put_lists(workspace, run, lists, about),
        entries.put_lists(workspace, run, lists, {**about, "tuning": [{"strength": 0.5, "target": 0.1}]}),
        entries.put_lists(workspace, run, lists, {**about, "first": [about["mitigation"]]}),
        entries.put_lists(workspace, run, lists, about, np.ones((40, 2), np.float32)),
        entries.put_lists(workspace, run, lists.top(3), about),
    ]
    assert len(set(names)) == len(names)
    assert entries.put_lists(workspace, run, lists, {**about, "title": "y"}) == names[0]


@pytest.mark.parametrize(
    ("kind", "goes"),
    [
        (
            "datasets",
            {"datasets": 3, "runs": 1, "lists": 1, "audits": 1, "comparisons": 1, "begun": 1, "searches": 1, "jobs": 2},
        ),
        ("runs", {"runs": 1, "lists": 1, "audits": 1, "comparisons": 1, "jobs": 1}),
        ("lists", {"lists": 1, "audits": 1, "comparisons": 1, "jobs": 1}),
        ("audits", {"audits": 1}),
        ("comparisons", {"comparisons": 1}),
    ],
)
def test_what_hangs_on_an_entry_goes_with_it_and_nothing_else(tmp_path: Path, kind: Kind, goes: dict[str, int]) -> None:
    workspace = Workspace(tmp_path)
    names = kept(workspace)
    table = runner.table(workspace)
    for job, params in (
        ("search", {"dataset": names["datasets"]}),
        ("audit", {"lists": names["lists"]}),
        ("other", {}),
    ):
        table.enqueue(job, job, job, params)
        table.finish(job, "done", result={})
    (tmp_path / "searches" / "s").mkdir(parents=True)
    write_json(tmp_path / "searches" / "s" / "about.json", {"dataset": names["datasets"]})
    with workspace.create("audits", "f" * 16, {"lists": "0" * 16}):
        pass
    for digest, of in (
        ("1" * 16, names["datasets"]),
        ("2" * 16, "1" * 16),
        ("3" * 16, "0" * 16),
    ):  # versions of versions
        with workspace.create("datasets", digest, {"provenance": {"feedback": {"of": of}}}):
            pass
    for digest, of in (("4" * 16, names["datasets"]), ("5" * 16, "3" * 16)):  # stopped half-way
        with (
            suppress(KeyboardInterrupt),
            workspace.create("runs", digest, {"dataset": of}, resume=True) as folder,
        ):
            (folder / "train.csv").write_text("rows")
            raise KeyboardInterrupt
    left = ("live/{0}-x.watch", "damaged/datasets-{1}-now", "backup-1/datasets/{0}/meta.json", "cache/text-x")
    beside = [tmp_path / name.format(names["datasets"], "1" * 16) for name in left]
    for file in beside:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("people")
    shown = entries.hanging(workspace, kind, names[kind])
    assert shown.counts == goes
    before = sum(workspace.usage().values())
    assert shown.bytes > 0
    gone = entries.delete(workspace, kind, names[kind])
    assert gone.counts == goes
    assert sum(workspace.usage().values()) <= before - shown.bytes + 100_000  # the job table may grow meanwhile
    for other, name in names.items():
        assert workspace.has(other, name) == (other not in goes)
    assert workspace.has("audits", "f" * 16)
    assert workspace.has("datasets", "3" * 16)
    assert sorted(workspace.begun("runs")) == (["5" * 16] if kind == "datasets" else ["4" * 16, "5" * 16])
    assert [file.exists() for file in beside] == [kind != "datasets"] * len(beside)
    deed = trail.read(workspace)[-1]
    assert (deed.what, deed.of["removed"]) == ("delete", goes)
    assert len(table.all()) == 3 - goes.get("jobs", 0)
    assert (tmp_path / "searches" / "s").exists() == ("searches" not in goes)
    with pytest.raises(FairDashError, match="There is no entry"):
        entries.delete(workspace, kind, names[kind])


def test_nothing_is_removed_under_a_job_that_works_with_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    names = kept(workspace)
    table = runner.table(workspace)
    table.enqueue("a", "audit", "An audit", {"lists": names["lists"]})
    with pytest.raises(JobError, match="An audit"):
        entries.delete(workspace, "datasets", names["datasets"])
    assert all(workspace.has(kind, name) for kind, name in names.items())
    (tmp_path / "uploads" / "x").mkdir(parents=True)
    (tmp_path / "uploads" / "x" / "model").write_bytes(b"0" * 50)
    with pytest.raises(JobError):
        entries.clear(workspace, "uploads")
    runner.cancel(workspace, "a")
    assert entries.clear(workspace, "uploads") == 50
    entries.delete(workspace, "datasets", names["datasets"])
    assert os.listdir(tmp_path / "runs") == []  # noqa: PTH208  # names alone


def test_what_is_worked_out_while_its_folder_is_removed_is_had_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    real = cache.save_file

    def removed(arrays: Any, file: Path) -> None:
        real(arrays, file)
        Workspace(tmp_path).clear("cache")

    monkeypatch.setattr(cache, "save_file", removed)
    assert cache.vectors("text-x", 2, lambda: np.ones((2, 3), np.float32)).shape == (2, 3)
    assert not (tmp_path / "cache").exists()
