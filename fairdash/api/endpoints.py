"""What can be asked: each endpoint with what it takes and answers, and the function that answers it, in a thread."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from fairdash import entries, settings
from fairdash.api import shapes
from fairdash.api.guard import Declined
from fairdash.errors import FairDashError
from fairdash.events.log import FILE, EventLog, Taken
from fairdash.run import Run
from fairdash.stages.answer import Answering, Past
from fairdash.stages.disclosure import withheld
from fairdash.stages.explore import Reason
from fairdash.words import label, say
from fairdash.workspace import Workspace

MAX_RUNS = 1000  # that are listed


@dataclass(frozen=True)
class Shelf:
    """What is served: a workspace with its events, or one run's folder beside it alone. None: the workspace that is
    nobody's in particular, wherever it is when it is asked; what people keep who sign in is not in it."""

    only: Path | None = None

    @property
    def workspace(self) -> Workspace:
        """Where audits, events and, unless there is one alone, runs are."""
        return Workspace.default()

    def runs(self) -> dict[str, Path]:
        """The folder of each run by its id, the newest first."""
        if self.only is not None:
            return {Run.load(self.only).digest: self.only}
        return {entry.digest: entry.path for entry in self.workspace.entries("runs")[:MAX_RUNS]}

    def answering(self, name: str | None) -> Answering:
        """The run of that id; None: the one there is. Raises Declined where there is none, or more than one."""
        runs = self.runs()
        if name is None and len(runs) != 1:
            message = say("There is no run here.") if not runs else say("There are several runs, and none is named.")
            raise Declined(422, message, say("Give the id of one as run; GET /api/v1/runs lists them."))
        folder = runs.get(next(iter(runs)) if name is None else name)
        if folder is None:
            raise Declined(404, say("There is no run {name}.", name=label(name)), say("GET /api/v1/runs lists them."))
        with _READING:
            return _answering(folder, (folder / "run.json").stat().st_mtime_ns)

    def code(self, answering: Answering, user: str) -> int | None:
        """The place of a person among those of a run, who may have pseudonyms of the workspace there; None: unknown."""
        found = answering.users.get(user)
        if found is None and (self.workspace.root / entries.KEY).exists():
            found = answering.users.get(entries.pseudonyms(self.workspace).one(user))
        return found

    def audits(self) -> dict[str, list[str]]:
        """Ids of the audits of each run's lists, the newest first."""
        of = {entry.digest: str(entry.meta["run"]) for entry in self.workspace.entries("lists")}
        found: dict[str, list[str]] = {}
        for entry in self.workspace.entries("audits"):
            found.setdefault(of.get(str(entry.meta["lists"]), ""), []).append(entry.digest)
        return found

    def events(self) -> EventLog:
        """The log of events, made where there is none yet."""
        return _log(self.workspace.root / FILE)


_READING = Lock()


@lru_cache(maxsize=settings.API_RUNS)
def _answering(folder: Path, changed: int) -> Answering:
    """A run as it is now. changed: when it was written."""
    return Answering(Run.load(folder))


@lru_cache(maxsize=8)
def _log(path: Path) -> EventLog:
    return EventLog(path)


# --- what answers -----------------------------------------------------------------------------------------------------


def recommend(shelf: Shelf, body: Any) -> shapes.Recommendations:
    """The list of somebody as it is now."""
    asked = shapes.read(shapes.Request, body)
    if (asked.user_id is None) == (asked.history is None):
        raise Declined(422, say("Give either userId or history."), say("A history may be an empty list."))
    answering = shelf.answering(asked.run)
    if asked.user_id is None:
        user, who = None, answering.stranger(_past(asked.history or ()))
    else:
        user = str(asked.user_id)
        code, since = shelf.code(answering, user), _since(shelf, answering, user)
        if code is None and not since:
            raise Declined(
                404,
                say("There is no person {name} in the data of this run, and no event of theirs.", name=label(user)),
                say("Give a history instead of userId, or send events first."),
            )
        who = answering.stranger(since) if code is None else answering.person(code, since)
    if asked.profile:
        who = answering.told(who, asked.profile)
    found, reasons = answering.list(who, asked.k, why=asked.why)
    return shapes.Recommendations(
        uuid.uuid4().hex,
        answering.run.digest,
        user,
        len(who.history),
        tuple(
            shapes.Recommended(
                answering.ids[item],
                str(answering.titles[item]),
                rank,
                float(score),
                None if why is None else _because(answering, why),
            )
            for rank, (item, score, why) in enumerate(
                zip(found.items[0], found.scores[0], reasons, strict=False), start=1
            )
        ),
    )


def _past(given: tuple[Any, ...]) -> Past:
    return [(str(one.item_id), one.event_value) if isinstance(one, shapes.Past) else (str(one), None) for one in given]


def _since(shelf: Shelf, answering: Answering, user: str) -> Past:
    """What this person did by the events; items that the data does not know are passed over."""
    if not (shelf.workspace.root / FILE).exists():
        return []
    events = shelf.events().of(user)
    return [(event.item, event.value) for event in events if event.item is not None and event.item in answering.items]


def _because(answering: Answering, why: Reason) -> shapes.Because:
    return shapes.Because(answering.ids[why.item] if why.item >= 0 else None, why.attribute or None, float(why.fall))


def events(shelf: Shelf, body: Any) -> Taken:
    """Add an event, or several."""
    given = body if isinstance(body, list) else [body]
    if len(given) > settings.API_BATCH:
        raise Declined(
            413, say("{n} events in one request.", n=len(given)), say("Send at most {n}.", n=settings.API_BATCH)
        )
    taken = shelf.events().append(given)
    if given and len(taken.refused) == len(given):
        raise Declined(
            422,
            say("None of the events can be taken; the first: {reason}", reason=taken.refused[0].reason),
            say("/openapi.json says what an event holds."),
        )
    return taken


def audit(shelf: Shelf, name: str) -> dict[str, Any]:
    """An audit.json, without values that rest on very few people."""
    known = shelf.audits()
    runs = known if shelf.only is None else {run: known.get(run, []) for run in shelf.runs()}
    if not any(name in names for names in runs.values()):
        raise Declined(404, say("There is no audit {name}.", name=label(name)), say("GET /api/v1/runs lists them."))
    value: dict[str, Any] = json.loads((shelf.workspace.get("audits", name).path / "audit.json").read_text("utf-8"))
    return withheld(value)


def runs(shelf: Shelf, _: Any) -> shapes.Runs:
    """All runs that there are."""
    audits, found = shelf.audits(), []
    for name, folder in shelf.runs().items():
        try:
            run = Run.load(folder)
        except FairDashError:  # removed meanwhile
            continue
        meta = run.meta
        found.append(
            shapes.RunEntry(
                name, run.title, meta["recommender"], meta["data"], meta["split"], meta["n_users"], meta["n_items"],
                run.has_model, tuple(audits.get(name, ())),
            )
        )  # fmt: skip
    return shapes.Runs(tuple(found))


# --- the endpoints ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Endpoint:
    """method, path: with {id} where the path names something, which is then what is given. body: the shape of the JSON
    that is given instead. faults: what else it may answer than what every endpoint does."""

    method: str
    path: str
    summary: str
    answer: Callable[[Shelf, Any], Any]
    gives: Any
    body: Any = None
    faults: tuple[int, ...] = ()


ENDPOINTS = (
    Endpoint(
        "POST", "/api/v1/recommendations", "The list of somebody as it is now; events count from when they are taken.",
        recommend, shapes.Recommendations, shapes.Request, (404, 422),
    ),
    Endpoint(
        "POST", "/api/v1/events", "Add an event, or a list of them. Malformed ones are kept aside with their reason.",
        events, Taken, shapes.Events, (422,),
    ),
    Endpoint("GET", "/api/v1/runs", "All runs, with the ids of their audits.", runs, shapes.Runs),
    Endpoint("GET", "/api/v1/audits/{id}", "An audit.json; values of very few people are left out.", audit,
             Mapping[str, Any], faults=(404,)),
)  # fmt: skip
