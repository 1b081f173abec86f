"""Links that show one audit or comparison to whoever has them: read-only, for some days, until they are revoked.

    <home>/shares/<hash>.json   {"owner", "kind", "digest", "created", "expires"}

A link holds a random token of 256 bits. Of it only the hash is kept, as the file's name: who reads the folder, or a
backup of it, can open nothing by that. A link that was revoked, has expired or never was answers alike.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fairdash import settings, trail, words
from fairdash.errors import ConfigError, RightsError
from fairdash.workspace import HANGS, Kind, Workspace, write_json

FOLDER = "shares"
KINDS: tuple[Kind, ...] = ("audits", "comparisons")  # what can be shared: values of groups, of nobody alone
_TOKEN = re.compile(r"[\w-]{43}", re.ASCII)
_ID = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Share:
    """A link. id: the hash of its token. Times are seconds since the epoch."""

    id: str
    owner: str
    kind: Kind
    digest: str
    created: float
    expires: float


def give(workspace: Workspace, kind: Kind, digest: str, days: int) -> str:
    """Make a link to an audit or a comparison, and return its token, which is told this once.

    Raises RightsError in a workspace that may not be changed, ConfigError for a time out of bounds, FairDashError where
    there is no such entry."""
    workspace.changing().get(kind, digest)
    if kind not in KINDS or not 1 <= days <= settings.SHARE_DAYS:
        raise ConfigError(
            words.say("A link can last from 1 to {n} days.", n=settings.SHARE_DAYS),
            words.say("FAIRDASH_SHARE_DAYS is the most."),
        )
    token, now = secrets.token_urlsafe(32), time.time()
    found = Share(_hash(token), workspace.owner, kind, digest, now, now + 86_400 * days)
    folder = workspace.home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    told = {"owner": found.owner, "kind": kind, "digest": digest, "created": now, "expires": found.expires}
    write_json(folder / f"{found.id}.json", told)
    trail.note(workspace, "share", link=found.id[:16], days=days, **{kind: digest})
    return token


def revoke(workspace: Workspace, share: str, *, oversee: bool = False) -> None:
    """End a link of this workspace; with `oversee` of any, which stands in the trail of its owner. One that is none any
    more is no error; another's answers like one that never was."""
    found = _read(workspace.home, share)
    if found is None or (found.owner != workspace.owner and not oversee):
        return
    whose = workspace.changing() if found.owner == workspace.owner else workspace.of(found.owner)
    (workspace.home / FOLDER / f"{share}.json").unlink(missing_ok=True)
    trail.note(whose, "revoke", link=share[:16], **{found.kind: found.digest})


def opened(home: Workspace, token: str, closed: str) -> tuple[Workspace, Share]:
    """What a link shows: the workspace of who gave it, closed, with nothing to be seen in it but the shared value and
    what that was made from; and the link. Raises RightsError for one that opens nothing (any more)."""
    found = _read(home.home, _hash(token)) if _TOKEN.fullmatch(token) else None
    if found is not None and time.time() < found.expires:
        whole = home.of(found.owner)
        seen = frozenset(_below(whole, found.kind, found.digest))
        if seen:
            return Workspace(whole.root, whole.owner, seen, closed), found
    raise RightsError(
        words.say("This link opens nothing."),
        words.say("It may have ended or been taken back. Ask who sent it for a new one."),
    )


def of(workspace: Workspace, *, oversee: bool = False) -> list[Share]:
    """The links of this workspace that can be opened, newest first; with `oversee` those of all."""
    found = [one for one in _all(workspace.home) if time.time() < one.expires]
    return sorted((one for one in found if oversee or one.owner == workspace.owner), key=lambda one: -one.created)


def expire(home: Path) -> None:
    """Remove what is left of links that have ended."""
    for one in _all(home):
        if time.time() >= one.expires:
            (home / FOLDER / f"{one.id}.json").unlink(missing_ok=True)


def _below(workspace: Workspace, kind: Kind, digest: str) -> Iterator[tuple[Kind, str]]:
    """A value and all that it hangs on, where it is whole."""
    if workspace.has(kind, digest):
        yield kind, digest
        meta = workspace.get(kind, digest).meta
        for key, of_kind in HANGS[kind].items():
            if isinstance(meta.get(key), str):
                yield from _below(workspace, of_kind, meta[key])


def _all(home: Path) -> Iterator[Share]:
    with suppress(OSError):  # nobody ever shared
        for file in (home / FOLDER).glob("*.json"):
            found = _read(home, file.stem)
            if found is not None:
                yield found


def _read(home: Path, share: str) -> Share | None:
    """A link by its id; None where there is none, or nothing of ours."""
    if not _ID.fullmatch(share):
        return None
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        told = json.loads((home / FOLDER / f"{share}.json").read_text("utf-8"))
        found = Share(
            share, told["owner"], told["kind"], told["digest"], float(told["created"]), float(told["expires"])
        )
        Workspace(home).of(found.owner)
        return found if found.kind in KINDS else None
    return None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
