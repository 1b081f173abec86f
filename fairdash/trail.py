"""Who did what in a workspace: a list of deeds that is only added to.

    <root>/trail.jsonl   a deed a line: {"n", "at", "who", "what", "of", "before", "seal"}
    <root>/trail.head    the number and the seal of the latest

A seal is the hash of its deed and of the seal before it, so that no line can be changed, moved, added or taken out
between others, nor off the end, without `read` naming the place (Haber & Stornetta 1991, How to time-stamp a digital
document). Who can write to the folder can write a whole new trail: its last seal, noted elsewhere, shows that, too.

Deeds name entries of the workspace by their digests, and numbers; no person, no name, no file.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from fairdash import words
from fairdash.errors import DataError
from fairdash.workspace import Workspace, add_line, aside, sole

FILE, HEAD, LOCK = "trail.jsonl", "trail.head", "trail.lock"
MAX_LINE = 4096  # bytes of a deed
_FIRST = "0" * 64  # the seal before the first
_who: ContextVar[str | None] = ContextVar("who", default=None)


def _nobody() -> str:
    return "Python"


usual: Callable[[], str] = _nobody  # who acts where nothing else was said; the pages say who signed in


@contextmanager
def acting(who: str) -> Iterator[None]:
    """Within the block this one acts."""
    before = _who.set(who)
    try:
        yield
    finally:
        _who.reset(before)


def job_of(owner: str) -> str:
    """Who acts in a job: nobody in particular, or one who signed in (`people.Person.owner`), shortened."""
    return f"job of person {owner[:12]}" if owner else "job"


@dataclass(frozen=True)
class Deed:
    """at: seconds since 1970. who: through which door, while nobody signs in: command line, page, job, server, Python;
    else who signed in (`people.Person.acts`), also behind a job.
    what: a verb. of: what it was done with, as plain JSON values."""

    n: int
    at: float
    who: str
    what: str
    of: Mapping[str, Any]
    before: str
    seal: str


def note(workspace: Workspace, what: str, **of: Any) -> None:
    """Add a deed; it is on the disk when this returns."""
    workspace.root.mkdir(parents=True, exist_ok=True)
    with sole(workspace.root / LOCK, wait=lambda: None):
        n, before = _end(workspace)
        told = {"n": n + 1, "at": time.time(), "who": _who.get() or usual(), "what": what, "of": of, "before": before}
        if len(json.dumps(told)) > MAX_LINE - 100:
            told["of"] = {"sha256": hashlib.sha256(json.dumps(of).encode()).hexdigest()}
        seal = _seal(told)
        add_line(workspace.root / FILE, json.dumps({**told, "seal": seal}))
        new = aside(workspace.root / HEAD)
        new.write_text(f"{n + 1} {seal}\n", "ascii")
        new.replace(workspace.root / HEAD)


def read(workspace: Workspace) -> list[Deed]:
    """All deeds, the first first. Raises DataError that names the first line which is not what was written, or says
    that lines are missing."""
    deeds: list[Deed] = []
    before = _FIRST
    for n, line in enumerate(_lines(workspace), 1):
        try:
            told = json.loads(line)
            deed = Deed(**told)
            whole = deed.n == n and deed.before == before and deed.seal == _seal(told)
        except (ValueError, TypeError, AttributeError, RecursionError):
            whole = False
        if not whole:
            raise _changed(workspace, words.say("line {line} is not what was written there", line=n))
        before = deed.seal
        deeds.append(deed)
    head = _head(workspace)
    ends = [f"{deed.n} {deed.seal}" for deed in deeds[-2:]]  # killed between the line and the head: one behind
    if (deeds or head) and head not in ends:
        raise _changed(workspace, words.say("lines are missing at its end"))
    return deeds


def _changed(workspace: Workspace, reason: str) -> DataError:
    return DataError(
        words.say("The trail of {root} was changed: {reason}.", root=workspace.root, reason=reason),
        words.say("Somebody edited {file}, or a disk lost it. Compare it with a backup; what follows is not proven.",
                  file=FILE),
    )  # fmt: skip


def _seal(told: Mapping[str, Any]) -> str:
    said = json.dumps({name: value for name, value in told.items() if name != "seal"}, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _lines(workspace: Workspace) -> Iterator[str]:
    """Whole lines; what a killed writer left of one was never noted."""
    try:
        text = (workspace.root / FILE).read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return
    yield from text.split("\n")[:-1]


def _head(workspace: Workspace) -> str:
    try:
        return (workspace.root / HEAD).read_text("ascii", "replace").strip()
    except FileNotFoundError:
        return ""


def _end(workspace: Workspace) -> tuple[int, str]:
    """Number and seal of the latest deed, after which the next stands. Where the file does not end as the head says,
    it goes on from the head, so that what is missing shows; a line that was cut off by a kill is taken away."""
    file = workspace.root / FILE
    n, _, seal = _head(workspace).partition(" ")
    head = (int(n), seal) if n.isdecimal() else (0, _FIRST)
    if not file.exists():
        return head
    with file.open("rb+") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 2 * MAX_LINE))
        tail = stream.read()
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail) and (whole or size == len(tail)):
            stream.truncate(size - len(tail) + whole)
    last = tail[:whole].splitlines()[-1:]
    try:
        told = json.loads(last[0])
        if told["before"] == head[1]:  # the head is one behind
            return int(told["n"]), str(told["seal"])
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        pass
    return head
