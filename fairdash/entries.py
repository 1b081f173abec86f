"""The finished values of a workspace, typed: data sets, runs, lists; put once, read by their digest, and removed with
all that hangs on them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from safetensors.numpy import save_file

from fairdash import budget, data, identity, settings, trail, words
from fairdash.data.findings import Finding
from fairdash.data.pseudonyms import Pseudonyms
from fairdash.data.versions import MERGED
from fairdash.errors import ConfigError, DamagedError, DataError, FairDashError, JobError
from fairdash.events.log import FILE as EVENTS
from fairdash.events.log import EventLog
from fairdash.jobs.table import Job, Table
from fairdash.run import Run, read_arrays
from fairdash.schema import PSEUDONYMS, Dataset, Floats, Lists, Split
from fairdash.stages import fit
from fairdash.stages.feedback import FEEDBACK
from fairdash.workspace import (
    ASIDE,
    HANGS,
    PEOPLE,
    THUMBS,
    Area,
    Entry,
    Kind,
    Workspace,
    aside,
    sole,
    write_json,
)

KEY = "pseudonyms.key"  # in the workspace
CACHE: Area = "cache"
LIVE = "live"  # the folder of a workspace with what was counted of events, `<data set>-…`


def put_dataset(workspace: Workspace, dataset: Dataset) -> str:
    """Store a checked data set, or give the same one its new name; returns its digest."""
    if workspace.has("datasets", dataset.digest):
        if workspace.get("datasets", dataset.digest).title != dataset.name:
            workspace.rename("datasets", dataset.digest, dataset.name)
    else:
        meta = {
            "title": dataset.name,
            "n_users": dataset.n_users,
            "n_items": dataset.n_items,
            "n_interactions": len(dataset.interactions),
            "provenance": dataset.provenance,
        }
        with workspace.create("datasets", dataset.digest, meta) as folder:
            data.save(dataset, folder)
        trail.note(workspace, "keep", datasets=dataset.digest, pseudonyms=PSEUDONYMS in dataset.provenance)
    return dataset.digest


def get_dataset(workspace: Workspace, name: str) -> Dataset:
    """The data set under the name that it was last given. Raises FairDashError when it is not there."""
    entry = workspace.get("datasets", name)
    return data.load(entry.path, name=entry.title)


# --- pseudonyms -------------------------------------------------------------------------------------------------------


def pseudonyms(workspace: Workspace) -> Pseudonyms:
    """The pseudonyms of this workspace, by its key, which is made when it is first asked for: a file beside the data,
    for its owner alone. Raises ConfigError for a file that holds no key."""
    file = workspace.root / KEY
    if not file.exists():
        workspace.changing().root.mkdir(parents=True, exist_ok=True)
        new = aside(file)
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as stream:
            stream.write(secrets.token_hex(32))
        with suppress(FileExistsError):  # somebody was faster: their key it is
            os.link(new, file)
        new.unlink()
    try:
        key = bytes.fromhex(file.read_text("ascii").strip())
    except (OSError, ValueError):
        key = b""
    if len(key) < 32:
        raise ConfigError(
            words.say("{file} holds no key for pseudonyms.", file=file),
            words.say("Put the file back as it was; without it nobody can be found by an id any more."),
        )
    return Pseudonyms(key)


def hidden(workspace: Workspace, dataset: str | None) -> Pseudonyms | None:
    """The pseudonyms that a data set of the workspace has; None where it has the ids, or is not there. Raises
    ConfigError where the key is another one."""
    if dataset is None or not workspace.has("datasets", dataset):
        return None
    entry = workspace.get("datasets", dataset)
    name = (entry.meta.get("provenance") or {}).get(PSEUDONYMS)
    if name is None:
        return None
    found = pseudonyms(workspace)
    if found.name != name:
        raise ConfigError(
            words.say("The people of {data} have pseudonyms of another key.", data=entry.title),
            words.say("Put {file} back as it was when the data was kept, or bring the data again.",
                      file=workspace.root / KEY),
        )  # fmt: skip
    return found


# --- thumbs -----------------------------------------------------------------------------------------------------------


def thumbs(workspace: Workspace, data: str) -> dict[str, dict[str, bool]]:
    """What people said of items that they were shown: a person's id → an item's id → whether the thumb is up. It stands
    beside the data set, so that it goes with it; nothing that the digest names is touched."""
    try:
        found = json.loads((workspace.path("datasets", data) / THUMBS).read_text("utf-8"))
        return {
            str(user): {str(item): bool(up) for item, up in given.items() if isinstance(up, bool)}
            for user, given in found.items()
        }
    except (OSError, ValueError, AttributeError, RecursionError):  # none were given yet, or nothing of ours
        return {}


def put_thumb(workspace: Workspace, data: str, user: str, item: str, up: bool | None) -> None:
    """Keep a thumb, or with None take it back. Raises FairDashError where there is no such data set."""
    folder = workspace.changing().get("datasets", data).path
    with sole(workspace.lock("datasets", data), lambda: None):
        given = thumbs(workspace, data)
        own = {key: value for key, value in given.get(user, {}).items() if key != item}
        own |= {} if up is None else {item: up}
        write_json(folder / THUMBS, {key: value for key, value in {**given, user: own}.items() if value})


def get_run(workspace: Workspace, name: str) -> Run:
    """The run. Raises FairDashError when it is not there."""
    return Run.load(workspace.get("runs", name).path)


def put_lists(
    workspace: Workspace, run: Run, lists: Lists, meta: Mapping[str, Any], vectors: Floats | None = None
) -> str:
    """Store lists that belong to a run; returns their digest. meta: title, and how they were made. vectors: the user
    vectors behind them where a mitigation changed those."""
    made = {key: meta.get(key) for key in ("mitigation", "first", "tuning")}
    name = identity.of("lists", run.digest, lists.digest, made, vectors)
    if not workspace.has("lists", name):
        with workspace.create("lists", name, {"run": run.digest, "k": lists.k, **meta}) as folder:
            arrays = {"items": np.ascontiguousarray(lists.items), "scores": np.ascontiguousarray(lists.scores)}
            save_file(arrays, folder / "lists.safetensors")
            if vectors is not None:
                save_file({"vectors": vectors}, folder / "vectors.safetensors")
    return name


def get_lists(workspace: Workspace, name: str) -> tuple[Run, Lists]:
    """The lists and the run that they belong to."""
    return get_run(workspace, workspace.get("lists", name).meta["run"]), listed(workspace, name)


def listed(workspace: Workspace, name: str) -> Lists:
    """The lists alone."""
    arrays = read_arrays(workspace.get("lists", name).path / "lists.safetensors", ("items", "scores"))
    return Lists(arrays["items"], arrays["scores"])


def get_vectors(workspace: Workspace, name: str) -> Floats | None:
    """The user vectors behind mitigated lists; None: the run's own."""
    file = workspace.get("lists", name).path / "vectors.safetensors"
    return read_arrays(file, ("vectors",))["vectors"] if file.exists() else None


def saved_people(workspace: Workspace, lists: str) -> dict[str, list[str]]:
    """Groups of people that were saved while looking at these lists, name → ids; none where nobody saved one. They are
    kept with the lists and go with them."""
    file = workspace.get("lists", lists).path / PEOPLE
    try:
        found = json.loads(file.read_text("utf-8")) if file.exists() else {}
        if not isinstance(found, dict) or not all(isinstance(ids, list) for ids in found.values()):
            raise ValueError(words.say("it holds no groups"))
        return {str(name): [str(one) for one in ids] for name, ids in found.items()}
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            words.say("{file} cannot be read: {error}.", file=file, error=error),
            "Remove it; the groups in it are lost.",
        ) from error


def save_people(workspace: Workspace, lists: str, name: str, ids: Sequence[str]) -> None:
    """Save a group of people under a name of its own, or remove the one of that name where there are no ids.

    Raises ConfigError for a name that is empty, taken, not one line of at most 40 characters, or one that reads as a
    crossing."""
    file = workspace.changing().get("lists", lists).path / PEOPLE
    with sole(file.with_suffix(".lock"), wait=lambda: None):
        saved = saved_people(workspace, lists)
        if not ids:
            saved.pop(name, None)
        elif not name.strip() or name != words.label(name, 40) or words.CROSS in name:
            raise ConfigError(
                words.say("A saved group needs a name of at most 40 characters, without “{cross}”.", cross=words.CROSS),
                "Type one.",
            )
        elif name.casefold() in {one.casefold() for one in saved}:
            raise ConfigError(words.say("There is a saved group “{name}” already.", name=name), "Choose another name.")
        else:
            saved[name] = sorted(map(str, ids))
        write_json(file, saved)


def put_run_lists(workspace: Workspace, run: Run) -> str:
    """The run's own lists as an entry, at full depth; returns their digest."""
    return put_lists(workspace, run, run.candidates("test"), {"title": run.title, "mitigation": None})


def import_lists(
    workspace: Workspace,
    split: Split,
    lists: Lists,
    title: str,
    dataset: str | None = None,
    findings: Sequence[Finding] = (),
) -> dict[str, Any]:
    """Lists of another system as a run without a model, with what reading them found; returns the entries."""
    name = fit.imported_digest(split, lists, findings)
    if not workspace.has("runs", name):
        meta = {"title": title, "data": split.name, "split": split.spec, "recommender": "lists", "dataset": dataset}
        with workspace.create("runs", name, meta) as folder:
            fit.import_lists(split, lists, title, folder, findings)
        trail.note(workspace, "keep", runs=name, datasets=dataset)
    run = get_run(workspace, name)
    return {"runs": name, "lists": put_run_lists(workspace, run)}


# --- removal ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Removal:
    """What goes when an entry is removed: the entries, itself first; trainings that were begun, searches and jobs of
    them, by id; what else is left of them (counted of events, set aside as damaged, copied before a change of the
    schema, vectors of texts); all of their bytes."""

    entries: tuple[Entry, ...]
    begun: tuple[str, ...]
    searches: tuple[str, ...]
    jobs: tuple[Job, ...]
    beside: tuple[Path, ...]
    bytes: int

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind go, "begun", "searches" and "jobs" among them; without those of which none goes."""
        kinds = [entry.kind for entry in self.entries]
        found = {kind: kinds.count(kind) for kind in get_args(Kind)}
        found |= {"begun": len(self.begun), "searches": len(self.searches), "jobs": len(self.jobs)}
        return {name: number for name, number in found.items() if number}


def hanging(workspace: Workspace, kind: Kind, name: str) -> Removal:
    """An entry and all that means nothing without it, to be shown before `delete`: of a data set its versions, runs and
    searches, of a run its lists, of lists their audits and comparisons; the jobs that made or were to make any of
    these, and what they had begun; of a data set also the vectors of texts and pictures, which do not say whose they
    are, and are made again where they are wanted.

    A damaged one goes, too; what hangs on it and is damaged itself does not say so, and stays. Raises FairDashError
    where there is no such entry."""
    try:
        found = [workspace.get(kind, name)]
    except DamagedError:
        found = [Entry(kind, name, workspace.path(kind, name), {})]
    for entry in found:  # grows while it is walked: what hangs on what hangs on it
        for other, keys in HANGS.items():
            named = [key for key, of in keys.items() if of == entry.kind]
            known = {one.digest for one in found}
            versions = entry.kind == other == "datasets"
            for one in workspace.entries(other) if named or versions else ():
                of = _versions_of(one.meta) if versions else list(map(one.meta.get, named))
                if entry.digest in of and one.digest not in known:
                    found.append(one)
    names = {entry.digest for entry in found}
    jobs = [job for job in Table.of(workspace).all() if _mentions([job.params, job.result], names)]
    begun = [run for run, about in workspace.begun("runs").items() if about.get("dataset") in names]
    searches = []
    for about in (workspace.root / "searches").glob("*/about.json"):
        with suppress(OSError, ValueError):  # removed meanwhile, or no search of ours
            if _mentions(json.loads(about.read_text("utf-8")), names):
                searches.append(about.parent.name)
    beside = [file for one in names for file in (workspace.root / LIVE).glob(f"{one}-*")]
    beside += [folder for one in found for folder in (workspace.root / ASIDE).glob(f"{one.kind}-{one.digest}-*")]
    beside += [copy for one in found for copy in workspace.root.glob(f"backup-*/{one.kind}/{one.digest}")]
    beside += [workspace.root / CACHE] if kind == "datasets" and (workspace.root / CACHE).is_dir() else []
    folders = [*(entry.path for entry in found), *(workspace.root / "searches" / one for one in searches)]
    folders += [workspace.path("runs", one).with_suffix(".part") for one in begun]
    files = [*beside, *(file for folder in (*folders, *beside) for file in folder.rglob("*"))]
    size = sum(file.stat().st_size for file in files if file.is_file())
    return Removal(tuple(found), tuple(begun), tuple(searches), tuple(jobs), tuple(beside), size)


def _versions_of(meta: Mapping[str, Any]) -> list[str]:
    """The data sets that a data set is a version of."""
    told = meta.get("provenance") or {}
    return [one["of"] for one in (*told.get(MERGED, ()), *filter(None, [told.get(FEEDBACK)]))]


def delete(workspace: Workspace, kind: Kind, name: str) -> Removal:
    """Remove an entry and all that hangs on it (see `hanging`); returns what went.

    Raises JobError while a job works with any of it, FairDashError where there is no such entry."""
    going = hanging(workspace.changing(), kind, name)
    _refuse_active(going.jobs)
    for entry in reversed(going.entries):  # what hangs on others first, so that nothing is left without its ground
        workspace.delete(entry.kind, entry.digest)
    for run in going.begun:
        workspace.delete("runs", run)
    for search in going.searches:
        workspace.delete_search(search)
    for path in going.beside:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    for job in going.jobs:
        Table.of(workspace).delete(job.id)
        (workspace.root / "logs" / f"{job.id}.log").unlink(missing_ok=True)
    trail.note(workspace, "delete", **{kind: name}, removed=going.counts, bytes=going.bytes)
    return going


def ledger(workspace: Workspace, dataset: str) -> Path:
    """The file with the private releases of a data set, which its versions share, as they are of the same people.
    Raises FairDashError where there is no such data set."""
    entry = workspace.get("datasets", dataset)
    older = [one for one in _versions_of(entry.meta) if workspace.has("datasets", one)]
    return ledger(workspace, older[0]) if older else entry.path / budget.FILE


# --- retention --------------------------------------------------------------------------------------------------------


def expired(workspace: Workspace) -> list[Entry]:
    """The data sets that were brought longer ago than `settings.RETENTION_DAYS`, oldest first; versions of one go with
    it. None where nothing was said (0). What comes by name from the catalogue is nobody's secret, and stays."""
    if settings.RETENTION_DAYS <= 0:
        return []
    before = time.time() - settings.RETENTION_DAYS * 86_400
    return [
        entry
        for entry in reversed(workspace.entries("datasets"))
        if float(entry.meta.get("created", time.time())) < before
        and not (entry.meta.get("provenance") or {}).get("source")
        and not any(workspace.has("datasets", one) for one in _versions_of(entry.meta))
    ]


def expire(workspace: Workspace) -> list[Removal]:
    """Remove what is `expired`, with all that hangs on it, and events of the service that came as long ago; what a job
    still works with goes once that has ended. Returns what went, which stands in the trail, too."""
    gone = []
    for entry in expired(workspace):
        with suppress(FairDashError):  # in use, or removed meanwhile
            gone.append(delete(workspace, "datasets", entry.digest))
    events = workspace.root / EVENTS
    if settings.RETENTION_DAYS > 0 and events.exists():
        with suppress(DataError):  # it is damaged, which whoever looks at it is told
            n = EventLog(events).forget(time.time() - settings.RETENTION_DAYS * 86_400)
            if n:
                trail.note(workspace, "delete", events=n)
    return gone


def clear(workspace: Workspace, area: Area) -> int:
    """Remove all uploaded models, searches or cached vectors; returns the bytes that they took (`Workspace.usage` says
    them before). Runs keep their own copies. Raises JobError while any job waits or runs: it may be reading there."""
    _refuse_active(Table.of(workspace.changing()).active())
    size = workspace.usage()[area]
    workspace.clear(area)
    trail.note(workspace, "clear", area=area, bytes=size)
    return size


def _mentions(value: Any, names: set[str]) -> bool:
    """Whether plain JSON holds one of the names as a value."""
    if isinstance(value, Mapping):
        return any(_mentions(one, names) for one in value.values())
    if isinstance(value, list):
        return any(_mentions(one, names) for one in value)
    return isinstance(value, str) and value in names


def _refuse_active(jobs: Iterable[Job]) -> None:
    for job in jobs:
        if not job.ended:
            raise JobError(
                words.say("The job “{title}” still works with this.", title=job.title),
                "Stop it, or wait until it is done.",
            )
