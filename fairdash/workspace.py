"""The workspace: a content-addressed store of folders. The digest of a value is its folder's name.

    <root>/<kind>/<digest>/        finished values: parquet, safetensors, csv and json, with meta.json
    <root>/<kind>/<digest>.part/   values in the making; a training that was stopped goes on from there
    <root>/jobs.sqlite             the job table; <root>/logs/<job>.log what its process printed

A folder appears under its digest only when it is complete (written aside, then renamed), so a reader never sees half a
value, and two writers of the same value write the same thing.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fairdash import __version__, settings
from fairdash.errors import FairDashError

Kind = Literal["datasets", "runs", "lists", "audits", "comparisons"]
META = "meta.json"


@dataclass(frozen=True)
class Entry:
    """A finished value: where it lies and what its meta.json says."""

    kind: Kind
    digest: str
    path: Path
    meta: dict[str, Any]

    @property
    def title(self) -> str:
        return str(self.meta.get("title", self.digest))


@dataclass(frozen=True)
class Workspace:
    """A store below `root`, by default `settings.home()`."""

    root: Path

    @staticmethod
    def default() -> Workspace:
        return Workspace(settings.home())

    def path(self, kind: Kind, digest: str) -> Path:
        """The folder of a value, whether or not it exists. Digests from outside are checked: 16 hex digits."""
        if len(digest) != 16 or not set(digest) <= set("0123456789abcdef"):
            raise FairDashError(f"“{digest}” is no id of the workspace.", "Choose an entry from the list instead.")
        return self.root / kind / digest

    def has(self, kind: Kind, digest: str) -> bool:
        return (self.path(kind, digest) / META).is_file()

    def get(self, kind: Kind, digest: str) -> Entry:
        """The entry. Raises FairDashError when it is not there (deleted, or another workspace's link)."""
        path = self.path(kind, digest)
        try:
            meta = json.loads((path / META).read_text())
        except (OSError, ValueError) as error:
            raise FairDashError(
                f"There is no entry {digest} among the {kind} of this workspace.",
                "It may have been deleted, or the link came from another machine. Choose another or make it again.",
            ) from error
        return Entry(kind, digest, path, meta)

    def entries(self, kind: Kind) -> list[Entry]:
        """All finished values of a kind, newest first."""
        found = []
        for file in (self.root / kind).glob(f"*/{META}"):
            if file.parent.suffix != ".part":
                try:
                    found.append(self.get(kind, file.parent.name))
                except FairDashError:
                    continue  # removed between the listing and the read
        return sorted(found, key=lambda entry: entry.meta.get("created", 0.0), reverse=True)

    @contextmanager
    def create(self, kind: Kind, digest: str, meta: dict[str, Any]) -> Iterator[Path]:
        """A folder to write a value into. It gets its final name when the block ends without an error; until then it
        stays as `<digest>.part` and is found again by the next try."""
        self.check_quota()
        final = self.path(kind, digest)
        part = final.with_suffix(".part")
        part.mkdir(parents=True, exist_ok=True)
        yield part
        write_json(part / META, {**meta, "digest": digest, "created": time.time(), "version": __version__})
        if final.exists():
            shutil.rmtree(final)
        part.rename(final)

    def delete(self, kind: Kind, digest: str) -> None:
        """Remove a value; a value that is gone already is no error."""
        shutil.rmtree(self.path(kind, digest), ignore_errors=True)
        shutil.rmtree(self.path(kind, digest).with_suffix(".part"), ignore_errors=True)

    def bytes_used(self) -> int:
        total = 0
        for folder, _, files in os.walk(self.root):
            for name in files:
                try:
                    total += (Path(folder) / name).stat().st_size
                except OSError:
                    continue  # a file that a job just renamed
        return total

    def check_quota(self) -> None:
        used = self.bytes_used()
        if used > settings.QUOTA_GB * 1e9:
            raise FairDashError(
                f"The workspace holds {used / 1e9:.1f} GB; its limit is {settings.QUOTA_GB} GB.",
                "Delete runs or data sets that are no longer needed, or raise FAIRDASH_QUOTA_GB.",
            )


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old or the new file, never half of one."""
    aside = path.with_name(path.name + f".{os.getpid()}.tmp")
    aside.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    aside.replace(path)
