"""The workspace: a content-addressed store of folders. The digest of a value is its folder's name.

    <root>/<kind>/<digest>/        finished values: parquet, safetensors, csv and json, with meta.json; title.json
    <root>/<kind>/<digest>.part/   a training that was stopped goes on from there; <digest>.lock: who works on it
    <root>/uploads searches cache  models that were uploaded, searches, vectors of texts
    <root>/jobs.sqlite             the job table; <root>/logs/<job>.log what its process printed

A folder appears under its digest only when it is complete (written aside, then renamed) and disappears as a whole, so a
reader never sees half a value; of two writers of the same value the first to end wins, and neither fails.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from fairdash import __version__, settings, words
from fairdash.errors import FairDashError

Kind = Literal["datasets", "runs", "lists", "audits", "comparisons"]
Area = Literal["uploads", "searches", "cache"]  # what lies beside the values and can be removed as a whole
META, TITLE = "meta.json", "title.json"
STALE_SECONDS = 86_400.0  # after which a folder that is still being written, or removed, was abandoned
WAIT_SECONDS = 0.2  # between two looks at a lock that another one holds


@dataclass(frozen=True)
class Entry:
    """A finished value: where it lies, what its meta.json says, and its title as it was last given."""

    kind: Kind
    digest: str
    path: Path
    meta: dict[str, Any]

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self.meta.get("title", self.digest))


@dataclass(frozen=True)
class Workspace:
    """A store below `root`, by default `settings.home()`."""

    root: Path

    @staticmethod
    def default() -> Workspace:
        """The person's own."""
        return Workspace(settings.home())

    def path(self, kind: Kind, digest: str) -> Path:
        """The folder of a value, whether or not it exists. Digests from outside are checked: 16 hex digits."""
        if len(digest) != 16 or not set(digest) <= set("0123456789abcdef"):
            raise FairDashError(
                words.say("“{digest}” is no id of the workspace.", digest=digest),
                "Choose an entry from the list instead.",
            )
        return self.root / kind / digest

    def has(self, kind: Kind, digest: str) -> bool:
        """Whether the finished value is there."""
        return (self.path(kind, digest) / META).is_file()

    def get(self, kind: Kind, digest: str) -> Entry:
        """The entry. Raises FairDashError when it is not there (deleted, or another workspace's link)."""
        path = self.path(kind, digest)
        try:
            meta = {**_read(path / META)}
            with suppress(FileNotFoundError):  # the value was never renamed
                meta["title"] = _read(path / TITLE)
        except (OSError, ValueError) as error:
            raise FairDashError(
                words.say("There is no entry {digest} among the {kind} of this workspace.", digest=digest, kind=kind),
                "It may have been deleted, or the link came from another machine. Choose another or make it again.",
            ) from error
        return Entry(kind, digest, path, meta)

    def entries(self, kind: Kind) -> list[Entry]:
        """All finished values of a kind, newest first."""
        found = []
        with suppress(FileNotFoundError):  # nothing of this kind was ever made
            for name in (file.name for file in (self.root / kind).iterdir()):
                if "." not in name:  # else it is in the making, or on its way out
                    with suppress(FairDashError):  # removed between the listing and the read
                        found.append(self.get(kind, name))
        return sorted(found, key=lambda entry: entry.meta.get("created", 0.0), reverse=True)

    @contextmanager
    def create(self, kind: Kind, digest: str, meta: Mapping[str, Any], *, resume: bool = False) -> Iterator[Path]:
        """A folder to write a value into; it gets its final name when the block ends without an error.

        Of several writers each has a folder of its own and the first to end wins: the same digest is the same value.
        resume: the folder is the stable `<digest>.part`, which the next try finds again after an error; whoever writes
        there holds `sole(workspace.lock(kind, digest))`. Raises FairDashError when the workspace is full."""
        self.check_quota()
        final = self.path(kind, digest)
        self._sweep(kind)
        part = final.with_suffix(".part") if resume else aside(final)
        part.mkdir(parents=True, exist_ok=resume)
        try:
            yield part
            write_json(part / META, {**meta, "digest": digest, "created": time.time(), "version": __version__})
            while not self.has(kind, digest):  # else somebody was faster
                try:
                    part.rename(final)
                except OSError as error:
                    if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                        raise
                    if not self.has(kind, digest):  # a folder that is no value stands in the way
                        self._remove(final)
        finally:
            if not resume or self.has(kind, digest):
                shutil.rmtree(part, ignore_errors=True)

    def lock(self, kind: Kind, digest: str) -> Path:
        """The lock file of a value that is made in steps, for `sole`."""
        return self.path(kind, digest).with_suffix(".lock")

    def rename(self, kind: Kind, digest: str, title: str) -> None:
        """Give an entry another title. It stands beside the value, so no byte that a reader needs is touched.

        Raises FairDashError where there is no such entry."""
        entry = self.get(kind, digest)
        try:
            write_json(entry.path / TITLE, title)
        except FileNotFoundError:
            self.get(kind, digest)  # deleted meanwhile: it says so
            raise

    def delete(self, kind: Kind, digest: str) -> None:
        """Remove one value, and what was begun of it unless somebody works on that; a value that is gone already is no
        error. What hangs on it stays: see `entries.delete`."""
        self._remove(self.path(kind, digest))
        lock = self.lock(kind, digest)
        with suppress(BlockingIOError), sole(lock, wait=_busy):
            self._remove(lock.with_suffix(".part"))
            lock.unlink(missing_ok=True)

    def clear(self, area: Area) -> None:
        """Remove all uploaded models, all searches, or all cached text vectors. Runs keep their own copies; a search or
        a cached vector is made again when it is asked for."""
        self._remove(self.root / area)

    def delete_search(self, name: str) -> None:
        """Remove one search by its folder's name; one that is gone already is no error."""
        self._remove(self.root / "searches" / name)

    def _sweep(self, kind: Kind) -> None:
        """Remove what killed writers and removers left long ago."""
        for left in (self.root / kind).glob("*.*.[ng]*"):
            with suppress(FileNotFoundError):
                if left.suffix in (".new", ".gone") and time.time() - left.stat().st_mtime > STALE_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)

    def _remove(self, path: Path) -> None:
        """Out of sight in one step, so that no reader finds half of it, then from the disk."""
        gone = aside(path).with_suffix(".gone")
        with suppress(FileNotFoundError):
            path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def usage(self) -> dict[str, int]:
        """Bytes on disk by place, largest first: the five kinds, "uploads", "searches", "cache", and "other" (jobs and
        logs). What was begun and not ended counts with its kind."""
        total: dict[str, int] = dict.fromkeys((*get_args(Kind), *get_args(Area), "other"), 0)
        for folder, _, files in os.walk(self.root):
            top = Path(folder).relative_to(self.root).parts[:1]
            place = top[0] if top and top[0] in total else "other"
            for name in files:
                with suppress(OSError):  # a file that a job just renamed
                    total[place] += (Path(folder) / name).stat().st_size
        return dict(sorted(total.items(), key=lambda one: -one[1]))

    def check_quota(self) -> None:
        """Raises FairDashError where the workspace has reached its limit."""
        used = sum(self.usage().values())
        if used > settings.QUOTA_GB * 1e9:
            raise FairDashError(
                words.say(
                    "The workspace holds {size}; its limit is {quota_gb} GB.",
                    size=words.size(used),
                    quota_gb=settings.QUOTA_GB,
                ),
                "Delete runs, data sets, uploads or searches that are no longer needed, or raise FAIRDASH_QUOTA_GB.",
            )


def _read(path: Path) -> Any:
    """A JSON file of an entry; one that did not change since it was last read is not read again. Nobody changes what
    it holds: pages ask for all entries several times a rerun. Raises OSError or ValueError."""
    now = path.stat()
    return _parsed(str(path), now.st_ino, now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=4096)
def _parsed(path: str, *_: int) -> Any:
    return json.loads(Path(path).read_text("utf-8"))


def aside(path: Path) -> Path:
    """A sibling of `path` under a name that nobody else has, to write into before it is renamed."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}.new")


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old or the new file, never half of one. Raises ValueError for NaN."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    new = aside(path)
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _busy() -> None:
    raise BlockingIOError


@contextmanager
def sole(lock: Path, wait: Callable[[], None]) -> Iterator[None]:
    """One holder at a time, among threads and processes. `wait` is called now and then while another one holds the
    lock, and may raise. The system frees what a dead process held, so its work is taken over."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                wait()
                time.sleep(WAIT_SECONDS)
                continue
            kept = False
            with suppress(FileNotFoundError):
                kept = lock.stat().st_ino == os.fstat(file.fileno()).st_ino
            if kept:  # else its last holder removed the file, and whoever comes next locks another one
                yield
                return
