"""Is the workspace sound? Every stored value byte for byte, the table of jobs, and what was begun and not ended."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from fairdash import words
from fairdash.jobs.table import Table
from fairdash.workspace import STALE_SECONDS, Kind, Workspace, sha256

ASIDE = "damaged"  # the folder of a workspace that holds what was set aside


@dataclass(frozen=True)
class Ill:
    """What is wrong, and the file or folder that can be set aside; None where nothing can be done from here."""

    said: str
    place: Path | None


def examine(workspace: Workspace) -> list[Ill]:
    """All that is wrong with a workspace; reads every byte of it and changes nothing but its schema (`ready`).

    Raises ConfigError for a workspace of a later version."""
    workspace.ready()
    return [*_values(workspace), *_jobs(workspace), *_left(workspace)]


def set_aside(workspace: Workspace, ill: Ill) -> Path | None:
    """Move what is wrong out of the way, below `damaged/`; returns where it is now. Nothing is deleted."""
    if ill.place is None:
        return None
    folder = workspace.root / ASIDE
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{ill.place.parent.name}-{ill.place.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    ill.place.rename(target)
    for ending in ("-wal", "-shm"):  # of a table of jobs
        beside = ill.place.with_name(ill.place.name + ending)
        if beside.exists():
            beside.rename(target.with_name(target.name + ending))
    return target


def _values(workspace: Workspace) -> Iterator[Ill]:
    for one in workspace.damaged():
        yield Ill(one.message, workspace.root / one.kind / one.digest)
    for kind in get_args(Kind):
        for entry in workspace.entries(kind):
            changed = [name for name, (_, digest) in entry.files.items() if _hash(entry.path / name) != digest]
            if changed:
                said = words.say(
                    "The entry {digest} among the {kind} of this workspace is damaged: {reason}.",
                    digest=entry.digest, kind=kind, reason=words.say("{name} is cut off or changed", name=changed[0]),
                )  # fmt: skip
                yield Ill(said, entry.path)


def _hash(file: Path) -> str:
    try:
        return sha256(file)
    except OSError:
        return ""


def _jobs(workspace: Workspace) -> Iterator[Ill]:
    file = workspace.root / "jobs.sqlite"
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file, timeout=30.0)) as db:
            found = str(db.execute("pragma integrity_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        yield Ill(words.say("The table of jobs is damaged: {reason}.", reason=found), file)
        return
    for job in Table(file).all():  # a row that cannot be read ends as a failed job
        if not job.kind:
            yield Ill(words.say("The job {job} was damaged, and ended. Ask for it again.", job=job.id), None)


def _left(workspace: Workspace) -> Iterator[Ill]:
    """What killed writers and removers left behind long ago."""
    for kind in get_args(Kind):
        for path in sorted((workspace.root / kind).glob("*.*.[ng]*")):
            if path.suffix in (".new", ".gone") and time.time() - path.stat().st_mtime > STALE_SECONDS:
                yield Ill(words.say("{name} among the {kind} was never ended.", name=path.name, kind=kind), path)
