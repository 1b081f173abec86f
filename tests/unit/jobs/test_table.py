"""What the job table holds of texts."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from fairdash import words
from fairdash.jobs.table import Table


def test_what_a_job_says_is_said_in_the_language_of_whoever_reads(tmp_path: Path) -> None:
    table = Table(tmp_path / "jobs.sqlite")
    with words.speaking("zh"):
        table.enqueue("a", "audit", words.say("Audit {title}", title="x"), {})
    table.claim_next(1)
    table.beat("a", 0.1, words.say("Ranked {stop} of {n_users} people", stop=1, n_users=2), {})
    table.beat("a", 0.2, words.say("Ranked {stop} of {n_users} people", stop=2, n_users=2), {})
    job = table.get("a")
    assert job is not None
    assert len(job.said) == 2  # the title's, and of messages the latest alone
    assert words.again(job.title, job.said) == "Audit x"
    with words.speaking("zh"):
        assert words.again(job.title, job.said) == "审计 x"
    table.finish("a", "failed", error=words.say("The disk is full."), hint="a text of somebody else")
    ended = table.get("a")
    assert ended is not None
    assert ended.error == "The disk is full."


def test_a_table_of_an_older_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    Table(path).enqueue("a", "audit", "x", {})
    with sqlite3.connect(path) as db:
        db.execute("alter table jobs drop column said")
    Table._known.clear()
    job = Table(path).get("a")
    assert job is not None
    assert job.said == {}
