"""A damaged value costs itself alone: every page opens, and one of them names it and what to do."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fairdash.jobs import kinds, runner
from fairdash.workspace import Workspace
from tests.pages.conftest import Open


@pytest.fixture(scope="module")
def whole(
    finished: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str]]:
    """The finished workspace with an audit and a comparison: the folder and its entries by kind."""
    root, made = finished
    home = tmp_path_factory.mktemp("whole") / "home"
    shutil.copytree(root, home)
    workspace, names = Workspace(home), {"datasets": made["data"], "runs": made["run"], "lists": made["after"]}
    view = {"groups": [{"attributes": ["gender"]}], "k": 10, "replicates": 20, "permutations": 20}
    names |= kinds.run(workspace, "audit", {"lists": made["lists"], **view})
    names |= kinds.run(workspace, "compare", {"before": made["lists"], "after": made["after"], **view})
    runner.table(workspace).enqueue("0" * 16, "audit", "Audit", {"lists": made["lists"], **view})
    runner.table(workspace).finish("0" * 16, "done", result={"audits": names["audits"]})
    return home, {**names, "own": made["lists"]}


@pytest.fixture
def home(whole: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    shutil.copytree(whole[0], tmp_path / "home")
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(runner, "_start", lambda *_: None)  # pages ask for audits, which nobody waits for here
    return {**whole[1], "home": tmp_path / "home"}


DAMAGE = {  # kind → file, what it holds now, pages that look at it
    "datasets": ("users.parquet", "PAR1", ("data", "recommender")),
    "runs": ("split.json", "", ("audit", "explore", "mitigate")),
    "lists": ("meta.json", "{}", ("mitigate", "compare")),
    "audits": ("audit.json", "{}", ("audit", "report")),
    "comparisons": ("comparison.json", "", ("compare", "report")),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_value_is_named_and_the_pages_open(kind: str, home: dict[str, Any], open_page: Open) -> None:
    name, holds, pages = DAMAGE[kind]
    (home["home"] / kind / home[kind] / name).write_text(holds)
    view = {"data": home["datasets"], "lists": home["own"]}
    for page in ("overview", *pages):
        app = open_page(page, errors=True, **view)
        assert not any("unexpected" in box.value for box in app.error), (page, [box.value for box in app.error])
        assert "1 thing of this workspace is damaged" in " ".join(box.value for box in app.warning)
    app = open_page("data", errors=True, **view, tab="storage")
    said = " ".join(box.value for box in app.error)
    assert home[kind] in said
    assert "Delete it under Data, Storage, and make it again" in said
    app.button(key=f"damaged-{kind}-{home[kind]}").click().run()
    assert not app.error
    assert not Workspace(home["home"]).damaged()


@pytest.mark.parametrize("case", ["garbage", "params", "older", "later"])
def test_a_damaged_table_of_jobs_stops_no_page(case: str, home: dict[str, Any], open_page: Open) -> None:
    table = home["home"] / "jobs.sqlite"
    if case == "garbage":
        for beside in home["home"].glob("jobs.sqlite-*"):
            beside.unlink()
        table.write_bytes(b"no table\n" * 500)
    else:
        with sqlite3.connect(table) as db:
            db.execute(
                {
                    "params": "update jobs set params = 'no json', state = 'running'",
                    "older": "alter table jobs drop column said",
                    "later": "alter table jobs add column more text not null default 'x'",
                }[case]
            )
    for page in ("mitigate", "compare", "report"):
        open_page(page, data=home["datasets"], lists=home["own"])
    jobs = [job for job in runner.table(Workspace(home["home"])).all() if job.id == "0" * 16]
    if case == "garbage":
        assert jobs == []
        assert [file.read_bytes()[:8] for file in home["home"].glob("jobs.sqlite.damaged-*")] == [b"no table"]
    elif case == "params":
        assert [(job.state, job.error) for job in jobs] == [("failed", "What was kept of this job is damaged.")]
    else:
        assert [job.result for job in jobs] == [{"audits": home["audits"]}]
