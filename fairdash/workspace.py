"""The workspace: a content-addressed store of folders. The digest of a value is its folder's name.

    <root>/<kind>/<digest>/        finished values: parquet, safetensors, csv and json, with meta.json; title.json
    <root>/workspace.json          the schema number: how all this is laid out
    <root>/<kind>/<digest>.part/   a training that was stopped goes on from there; <digest>.lock: who works on it
    <root>/uploads searches cache  models that were uploaded, searches, vectors of texts
    <root>/jobs.sqlite             the job table; <root>/logs/<job>.log what its process printed
    <root>/trail.jsonl logs/fairdash.jsonl pseudonyms.key     who did what; faults; the key (`trail`, `log`, `entries`)
    <home>/people/<owner>/         where people sign in (`people`): a workspace of each; all share <home>/jobs.sqlite

A folder appears under its digest only when it is complete (written aside, then renamed) and disappears as a whole, so a
reader never sees half a value; of two writers of the same value the first to end wins, and neither fails.

meta.json is sealed by its own hash, and names the size and hash of every other file: a value that lost or changed
anything since it was written is damaged, and costs itself alone.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from fairdash import __version__, settings, words
from fairdash.errors import ConfigError, DamagedError, FairDashError, RightsError

Kind = Literal["datasets", "runs", "lists", "audits", "comparisons"]
HANGS: Mapping[Kind, Mapping[str, Kind]] = {  # the keys of meta.json that name what a value is nothing without
    "datasets": {},
    "runs": {"dataset": "datasets"},
    "lists": {"run": "runs"},
    "audits": {"lists": "lists"},
    "comparisons": {"before": "lists", "after": "lists"},
}
_CALLED: Mapping[Kind, str] = dict(
    zip(HANGS, words.several("datasets", "runs", "lists", "audits", "comparisons"), strict=True)
)
Area = Literal["uploads", "searches", "cache"]  # what lies beside the values and can be removed as a whole
META, ABOUT = "meta.json", "workspace.json"
ASIDE = "damaged"  # the folder that holds what was set aside
TITLE, PEOPLE, THUMBS, SLIDES = BESIDE = ("title.json", "people.json", "thumbs.json", "slides.json")  # what people say
SCHEMA = 1  # of a workspace: 0 sealed nothing
GROWS = ("events.out.tfevents*", "later.*")  # what others may still write to when a value is whole
_NAME = re.compile("[0-9a-f]{16}")
PERSONS = "people"  # the folder of those who sign in, each a workspace
_OWNER = re.compile("[0-9a-f]{32}")
STALE_SECONDS = 86_400.0  # after which a folder that is still being written, or removed, was abandoned
WAIT_SECONDS = 0.2  # between two looks at a lock that another one holds


# Where what is worked out on the way is kept (vectors of texts, answers): pages say whose workspace it is, and None,
# nowhere, for who may only look.
keeps_in: Callable[[], Path | None] = settings.home


@dataclass(frozen=True)
class Entry:
    """A finished value: where it lies, what its meta.json says, and its title as it was last given.

    files: size in bytes and sha256 of each of its files, by the path below its folder."""

    kind: Kind
    digest: str
    path: Path
    meta: dict[str, Any]
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self.meta.get("title", self.digest))


@dataclass(frozen=True)
class Workspace:
    """A store below `root`.

    owner: whose it is, where people sign in (`people.Person.owner`); "": nobody's in particular.
    only: the values that can be seen, where not all can; the others answer like unknown ones.
    closed: why nothing can be changed in it; "": it can."""

    root: Path
    owner: str = ""
    only: frozenset[tuple[Kind, str]] | None = None
    closed: str = ""

    @staticmethod
    def default() -> Workspace:
        """The workspace at `settings.home()`, ready for use: of everybody while nobody signs in, else of the operator.
        The pages ask `ui.state.workspace` instead."""
        return Workspace(settings.home()).ready()

    @property
    def home(self) -> Path:
        """The folder that holds it and those of all others."""
        return self.root.parents[1] if self.owner else self.root

    def of(self, owner: str) -> Workspace:
        """The workspace of one who signs in, beside all others; "": the one that is nobody's."""
        if owner and not _OWNER.fullmatch(owner):
            raise ValueError(owner)
        return Workspace(self.home / PERSONS / owner, owner) if owner else Workspace(self.home)

    def all(self) -> list[Workspace]:
        """The one that is nobody's, and that of each person who ever signed in."""
        with suppress(OSError):  # nobody did
            owners = sorted(one.name for one in (self.home / PERSONS).iterdir() if _OWNER.fullmatch(one.name))
            return [self.of(""), *map(self.of, owners)]
        return [self.of("")]

    def changing(self) -> Workspace:
        """This workspace, where it may be changed. Everything that changes one asks here; raises RightsError."""
        if self.closed:
            raise RightsError(self.closed, words.say("Who runs this server gives roles; an auditor may do this."))
        return self

    def ready(self) -> Workspace:
        """This workspace, brought to the present schema where it is of an earlier one; what is changed is copied to
        `backup-…` first. Raises ConfigError for one that a later version of FairDash wrote."""
        schema = self.schema()
        if schema > SCHEMA:
            raise ConfigError(
                words.say(
                    "The workspace {root} was written by a later version of FairDash (schema {schema}; this one knows "
                    "{known}).", root=str(self.root), schema=schema, known=SCHEMA,
                ),
                words.say("Update FairDash, or set FAIRDASH_HOME to another folder; nothing here was touched."),
            )  # fmt: skip
        if schema < SCHEMA and any((self.root / kind).is_dir() for kind in get_args(Kind)):
            with sole(self.root / "workspace.lock", wait=lambda: None):
                if self.schema() < SCHEMA:  # else another process was faster
                    self._migrate()
        return self

    def schema(self) -> int:
        """How the workspace is laid out; 0 before it said so, and for a folder that is none yet."""
        try:
            told = _read(self.root / ABOUT)
            return int(told["schema"])
        # a damaged number: sealing again changes nothing
        except (OSError, ValueError, TypeError, KeyError, OverflowError):
            return 0

    def _migrate(self) -> None:
        """From schema 0: seal what is whole as far as can be told. What is not stays without a seal, as damaged."""
        backup = self.root / f"backup-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
        for kind in get_args(Kind):
            for path in (self.root / kind).glob("*/" + META):
                if "." in path.parent.name or not _of_old(kind, path):
                    continue
                copy = backup / kind / path.parent.name / META
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, copy)
                write_json(path, _sealed(json.loads(path.read_text("utf-8")), path.parent))
        self._say_schema()

    def _say_schema(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        write_json(self.root / ABOUT, {"schema": SCHEMA, "version": __version__})

    def path(self, kind: Kind, digest: str) -> Path:
        """The folder of a value, whether or not it exists. Digests from outside are checked: 16 hex digits."""
        if not _NAME.fullmatch(digest):
            raise FairDashError(
                words.say("“{digest}” is no id of the workspace.", digest=digest),
                "Choose an entry from the list instead.",
            )
        if self.only is not None and (kind, digest) not in self.only:
            raise _unknown(kind, digest)
        return self.root / kind / digest

    def has(self, kind: Kind, digest: str) -> bool:
        """Whether the finished value is there, and whole."""
        with suppress(FairDashError):
            return bool(self.get(kind, digest))
        return False

    def get(self, kind: Kind, digest: str) -> Entry:
        """The entry. Raises FairDashError when it is not there (deleted, or another workspace's link), DamagedError
        where it is not what was written."""
        path = self.path(kind, digest)
        try:
            meta = _whole(path)
            if meta.get("digest") != digest:  # a copy, or a folder that was called otherwise
                raise ValueError(words.say("it was written as {digest}", digest=str(meta.get("digest"))))
            for name, (size, _) in meta["files"].items():
                if _stat(f"{path}/{name}").st_size != size:
                    raise ValueError(words.say("{name} is cut off or changed", name=name))
        except (OSError, ValueError) as error:
            if not path.exists():
                raise _unknown(kind, digest) from error
            raise _damaged(kind, digest, error) from error
        about = {name: value for name, value in meta.items() if name not in ("files", "seal")}
        with suppress(OSError, ValueError):  # the value was never renamed, or under a name that cannot be read
            about["title"] = str(_read(f"{path}/{TITLE}"))
        return Entry(kind, digest, path, about, meta["files"])

    def read(self, kind: Kind, digest: str, name: str) -> dict[str, Any]:
        """What a JSON file of an entry holds, byte for byte what was written. Raises as `get`."""
        entry = self.get(kind, digest)
        try:
            raw = (entry.path / name).read_bytes()
            if hashlib.sha256(raw).hexdigest() != entry.files[name][1]:
                raise ValueError(words.say("{name} is cut off or changed", name=name))
            value: dict[str, Any] = json.loads(raw)
        except (OSError, ValueError, KeyError) as error:
            raise _damaged(kind, digest, error) from error
        return value

    def damaged(self) -> list[DamagedError]:
        """What is wrong with each value that cannot be read."""
        found = []
        for kind in get_args(Kind):
            for digest in self._names(kind):
                try:
                    self.get(kind, digest)
                except DamagedError as error:
                    found.append(error)
                except FairDashError:  # removed meanwhile
                    continue
        return found

    def _names(self, kind: Kind) -> list[str]:
        """Digests of all values of a kind, whole or not; without what is in the making, or on its way out."""
        with suppress(OSError):  # nothing of this kind was ever made
            names = [file.name for file in (self.root / kind).iterdir() if _NAME.fullmatch(file.name)]
            return [name for name in names if self.only is None or (kind, name) in self.only]
        return []

    def entries(self, kind: Kind) -> list[Entry]:
        """All whole values of a kind, newest first."""
        found = []
        for name in self._names(kind):
            with suppress(FairDashError):  # damaged (see `damaged`), or removed between the listing and the read
                found.append(self.get(kind, name))
        return sorted(found, key=lambda entry: entry.meta.get("created", 0.0), reverse=True)

    @contextmanager
    def create(self, kind: Kind, digest: str, meta: Mapping[str, Any], *, resume: bool = False) -> Iterator[Path]:
        """A folder to write a value into; it gets its final name when the block ends without an error.

        Of several writers each has a folder of its own and the first to end wins: the same digest is the same value.
        resume: the folder is the stable `<digest>.part`, which the next try finds again after an error; whoever writes
        there holds `sole(workspace.lock(kind, digest))`. Raises FairDashError when the workspace is full."""
        self.changing().check_quota()
        if self.schema() < SCHEMA:
            self.ready()._say_schema()
        final = self.path(kind, digest)
        self._sweep(kind)
        part = final.with_suffix(".part") if resume else aside(final)
        part.mkdir(parents=True, exist_ok=resume)
        try:
            if resume:
                write_json(part / META, dict(meta))  # what it hangs on, should it never end
            yield part
            about = {**meta, "digest": digest, "created": time.time(), "version": __version__}
            write_json(part / META, _sealed(about, part))
            while not self.has(kind, digest):  # else somebody was faster
                try:
                    part.rename(final)
                except OSError as error:
                    if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                        raise
                    if not self.has(kind, digest):  # a folder that is no value, or a damaged one, stands in the way
                        self._remove(final)
        finally:
            if not resume or self.has(kind, digest):
                shutil.rmtree(part, ignore_errors=True)

    def begun(self, kind: Kind) -> dict[str, dict[str, Any]]:
        """What was begun of a kind, to be resumed: its digest → what its meta.json says so far."""
        found = {}
        for part in (self.root / kind).glob("*.part"):
            with suppress(OSError, ValueError):  # ended meanwhile, or begun by an earlier version
                found[part.stem] = dict(_read(part / META))
        return found

    def lock(self, kind: Kind, digest: str) -> Path:
        """The lock file of a value that is made in steps, for `sole`."""
        return self.path(kind, digest).with_suffix(".lock")

    def rename(self, kind: Kind, digest: str, title: str) -> None:
        """Give an entry another title. It stands beside the value, so no byte that a reader needs is touched.

        Raises FairDashError where there is no such entry."""
        entry = self.changing().get(kind, digest)
        try:
            write_json(entry.path / TITLE, title)
        except FileNotFoundError:
            self.get(kind, digest)  # deleted meanwhile: it says so
            raise

    def delete(self, kind: Kind, digest: str) -> None:
        """Remove one value, and what was begun of it unless somebody works on that; a value that is gone already is no
        error. What hangs on it stays: see `entries.delete`."""
        self._remove(self.changing().path(kind, digest))
        lock = self.lock(kind, digest)
        with suppress(BlockingIOError), sole(lock, wait=_busy):
            self._remove(lock.with_suffix(".part"))
            lock.unlink(missing_ok=True)

    def clear(self, area: Area) -> None:
        """Remove all uploaded models, all searches, or all cached text vectors. Runs keep their own copies; a search or
        a cached vector is made again when it is asked for."""
        self._remove(self.changing().root / area)

    def delete_search(self, name: str) -> None:
        """Remove one search by its folder's name; one that is gone already is no error."""
        self._remove(self.changing().root / "searches" / name)

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
        for folder, folders, files in os.walk(self.root):
            if folder == str(self.root):
                folders[:] = [one for one in folders if one != PERSONS]  # others' own
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


def _stat(file: Path | str) -> os.stat_result:
    """How a file stands; pages ask a hundred times a rerun, of which half went into making paths."""
    return os.stat(file)  # noqa: PTH116


def _read(path: Path | str) -> Any:
    """A JSON file of an entry; one that did not change since it was last read is not read again. Nobody changes what
    it holds: pages ask for all entries several times a rerun. Raises OSError or ValueError."""
    now = _stat(path)
    return _parsed(str(path), now.st_ino, now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=4096)
def _parsed(path: str, *_: int) -> Any:
    if not Path(path).is_file():  # a pipe, say, which would be waited for
        raise ValueError(words.say("it is no file"))
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except RecursionError as error:
        raise ValueError(str(error)) from error


def _whole(folder: Path) -> dict[str, Any]:
    """meta.json of a value, as it was sealed. Raises OSError, or ValueError for any other."""
    file = f"{folder}/{META}"
    now = _stat(file)
    return _unsealed(file, now.st_ino, now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=4096)
def _unsealed(path: str, *now: int) -> dict[str, Any]:
    meta = _parsed(path, *now)
    if not isinstance(meta, dict) or meta.get("seal") != _seal(meta):
        raise ValueError(words.say("{name} is cut off or changed", name=META))
    return meta


def _seal(meta: Mapping[str, Any]) -> str:
    """The hash of what meta.json says, but for the seal."""
    said = json.dumps({name: value for name, value in meta.items() if name != "seal"}, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _sealed(meta: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What meta.json says of a folder that is whole: with the size and hash of each file, and the seal."""
    files = {
        file.relative_to(folder).as_posix(): (file.stat().st_size, sha256(file))
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in (META, *BESIDE) and not any(map(file.match, GROWS))
    }
    plain: dict[str, Any] = json.loads(json.dumps({**meta, "files": files}, allow_nan=False))
    return {**plain, "seal": _seal(plain)}


def _of_old(kind: Kind, path: Path) -> bool:
    """Whether a meta.json of schema 0 says what all of its kind said."""
    try:
        told = json.loads(path.read_text("utf-8"))
        said = [told["digest"] == path.parent.name, isinstance(told["created"], float), "seal" not in told]
        return all(said) and all(isinstance(told[key], str | None) for key in ("title", *HANGS[kind]))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False


def _unknown(kind: Kind, digest: str) -> FairDashError:
    return FairDashError(
        words.say(
            "There is no entry {digest} among the {kind} of this workspace.",
            digest=digest,
            kind=words.say(_CALLED[kind]),
        ),
        words.say("It may have been deleted, or the link came from another machine. Choose another or make it again."),
    )


def _damaged(kind: Kind, digest: str, error: Exception) -> DamagedError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    name = Path(str(error.filename)).name if isinstance(error, OSError) and error.filename else ""
    return DamagedError(
        words.say(
            "The entry {digest} among the {kind} of this workspace is damaged: {reason}.",
            digest=digest, kind=words.say(_CALLED[kind]), reason=": ".join(filter(None, [name, reason])),
        ),
        words.say("Delete it under Data, Storage, and make it again; `python -m fairdash doctor` looks at all others."),
        kind, digest,
    )  # fmt: skip


def sha256(file: Path) -> str:
    """The hash of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def aside(path: Path) -> Path:
    """A sibling of `path` under a name that nobody else has, to write into before it is renamed."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}.new")


def leaves(name: str) -> bool:
    """Whether the path of an archive's member leads out of the folder that it would be unpacked into, on any system."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old or the new file, never half of one. Raises ValueError for NaN."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    new = aside(path)
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def add_line(path: Path, line: str) -> None:
    """Append a line to a file that its owner alone may read; it is on the disk when this returns."""
    opened = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(opened, f"{line}\n".encode())
        os.fsync(opened)
    finally:
        os.close(opened)


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
