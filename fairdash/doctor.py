"""Is the workspace sound? Every stored value byte for byte, the table of jobs, the log of events, what was begun and
not ended, what is kept for too long, the key for pseudonyms, and the trail."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from fairdash import entries, settings, trail, words
from fairdash.errors import FairDashError
from fairdash.events import log
from fairdash.jobs.runner import everybodys
from fairdash.schema import PSEUDONYMS
from fairdash.workspace import ABOUT, ASIDE, STALE_SECONDS, Entry, Kind, Workspace, sha256

JOBS = "jobs.sqlite"
_FILES = (ABOUT, JOBS, entries.KEY, log.FILE, trail.FILE, trail.HEAD)


@dataclass(frozen=True)
class Ill:
    """What is wrong, and the file or folder that can be set aside; None where nothing can be done from here. over: it
    was wrong, and nothing is left to do."""

    said: str
    place: Path | None
    over: bool = False


def examine(workspace: Workspace) -> list[Ill]:
    """All that is wrong with a workspace; reads every byte of it and changes nothing but its schema (`ready`).

    Raises ConfigError for a workspace of a later version."""
    odd = list(_odd(workspace))
    if workspace.root / ABOUT in [ill.place for ill in odd]:  # what is to be written there cannot be
        return odd
    workspace.ready()
    looks = (_values, _jobs, _events, _left, _personal, _trail)
    return [*odd, *(ill for look in looks for ill in look(workspace))]


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


def _odd(workspace: Workspace) -> Iterator[Ill]:
    """What stands where folders of values belong and is none, or where a file belongs; no pipe is waited for."""
    for kind in get_args(Kind):
        path = workspace.root / kind
        if os.path.lexists(path) and not path.is_dir():
            yield Ill(words.say("{path} is no folder.", path=path), path)
    for name in _FILES:
        file = workspace.root / name
        if os.path.lexists(file) and not file.is_file():
            yield Ill(words.say("{file} is no file.", file=file), file)


def _values(workspace: Workspace) -> Iterator[Ill]:
    for one in workspace.damaged():
        yield Ill(one.message, workspace.root / one.kind / one.digest)
    for kind in get_args(Kind):
        for entry in workspace.entries(kind):
            reason = _hurt(entry)
            if reason:
                said = words.say(
                    "The entry {digest} among the {kind} of this workspace is damaged: {reason}.",
                    digest=entry.digest, kind=kind, reason=reason,
                )  # fmt: skip
                yield Ill(said, entry.path)


def _hurt(entry: Entry) -> str:
    """What of a value is not as it was written, in words; empty where all is."""
    here = entry.path.resolve()
    if entry.path.is_symlink():
        return words.say("{name} is a link, and lies elsewhere", name=entry.path.name)
    for name, (_, digest) in entry.files.items():
        if _hash(entry.path / name) != digest:
            return words.say("{name} is cut off or changed", name=name)
        if (entry.path / name).resolve() != here / name:  # whoever changes it there changes it here
            return words.say("{name} is a link, and lies elsewhere", name=name)
    return ""


def _hash(file: Path) -> str:
    try:
        return sha256(file)
    except OSError:
        return ""


def _jobs(workspace: Workspace) -> Iterator[Ill]:
    file = workspace.root / JOBS
    if not file.is_file():
        return
    try:
        with closing(sqlite3.connect(file, timeout=30.0)) as db:
            found = str(db.execute("pragma integrity_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        yield Ill(words.say("The table of jobs is damaged: {reason}.", reason=found), file)
        return
    try:
        jobs = everybodys(workspace).all()
    except FairDashError as error:
        yield Ill(words.say("The table of jobs is damaged: {reason}.", reason=error.message), file)
        return
    for job in jobs:  # a row that cannot be read ends as a failed job
        if not job.kind:
            yield Ill(words.say("The job {job} was damaged, and ended. Ask for it again.", job=job.id), None, over=True)


def _events(workspace: Workspace) -> Iterator[Ill]:
    """A log of events that is none, or whose file is damaged."""
    file = workspace.root / log.FILE
    if not file.is_file():
        return
    try:
        log.EventLog(file, look=True).sound()
    except FairDashError as error:
        yield Ill(error.message, file)


def _left(workspace: Workspace) -> Iterator[Ill]:
    """What killed writers and removers left behind long ago."""
    for kind in get_args(Kind):
        for path in sorted((workspace.root / kind).glob("*.*.[ng]*")):
            if path.suffix in (".new", ".gone") and time.time() - path.stat().st_mtime > STALE_SECONDS:
                yield Ill(words.say("{name} among the {kind} was never ended.", name=path.name, kind=kind), path)


def _personal(workspace: Workspace) -> Iterator[Ill]:
    """Data that is kept for longer than it was said to be, and a key for pseudonyms that is none, that others can read
    or that is not the one which the data has."""
    for entry in entries.expired(workspace):
        said = words.say(
            "The data set {digest} is older than {n} days (FAIRDASH_RETENTION_DAYS): a server removes it within an "
            "hour, or delete it under Data, Storage.", digest=entry.digest, n=settings.RETENTION_DAYS,
        )  # fmt: skip
        yield Ill(said, None)
    named = [entry for entry in workspace.entries("datasets") if (entry.meta.get("provenance") or {}).get(PSEUDONYMS)]
    for entry in named:
        try:
            entries.hidden(workspace, entry.digest)
        except FairDashError as error:
            yield Ill(f"{error.message} {error.hint}", None)
    file = workspace.root / entries.KEY
    if not file.is_file():
        return
    if file.stat().st_mode & 0o077:
        yield Ill(words.say("Others can read {file}: chmod 600 it.", file=file), None)
    if not named:  # else it was said above
        try:
            entries.pseudonyms(workspace)
        except FairDashError as error:  # nobody's pseudonyms hang on it, so that another can be made
            yield Ill(error.message, file)


def _trail(workspace: Workspace) -> Iterator[Ill]:
    if any(file.exists() and not file.is_file() for file in (workspace.root / trail.FILE, workspace.root / trail.HEAD)):
        return
    try:
        trail.read(workspace)
    except FairDashError as error:
        yield Ill(f"{error.message} {error.hint}", None)
