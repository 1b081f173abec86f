"""Each declared limit lets its last value pass and refuses the next: files, rows, groups, lists, events, requests."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from starlette.testclient import TestClient

from fairdash import budget, entries, groups, images, people, recommenders, settings, shares
from fairdash.api import shapes
from fairdash.api.app import api
from fairdash.api.endpoints import Shelf
from fairdash.data import arrays, read, split, synthetic, windows
from fairdash.data import lists as lists_of
from fairdash.data.images import read_images
from fairdash.data.table import Reading
from fairdash.errors import FairDashError
from fairdash.events import log as events
from fairdash.groups import form
from fairdash.metrics import audit
from fairdash.mitigation import METHODS
from fairdash.mitigation.reranking import programme
from fairdash.progress import silent
from fairdash.recommenders import store
from fairdash.recommenders.ease import model as ease
from fairdash.schema import GroupSpec
from fairdash.stages import disclosure, recommend
from fairdash.workspace import Workspace

TIME = 1_767_225_600


class Refused(Exception):  # noqa: N818 - what was asked for is not given
    """The answer is no, by other means than an error of ours."""


@dataclass(frozen=True)
class Case:
    """limit: what the setting is made. ask: does something of this size, in this folder; raises where it is refused."""

    limit: float
    ask: Callable[[int, Path], object]
    size: int | None = None  # at which the limit is reached, where that is another number

    @property
    def reached(self) -> int:
        return int(self.limit) if self.size is None else self.size


def _need(told: bool) -> None:
    if not told:
        raise Refused


def _text(columns: int = 2, rows: int = 1, size: int = 0) -> bytes:
    raw = ",".join(["user_id", "item_id", *(f"c{n}" for n in range(columns - 2))]).encode() + b"\n"
    raw += b"".join(b"u%d,i%d" % (n % 7, n) + b",x" * (columns - 2) + b"\n" for n in range(rows))
    return raw + b"\n" * (size - len(raw))


def _parquet(rows: int, columns: int = 2) -> bytes:
    raw = io.BytesIO()
    frame = {"user_id": [f"u{n}" for n in range(rows)], "item_id": [f"i{n}" for n in range(rows)]}
    pd.DataFrame(frame | {f"c{n}": "x" for n in range(columns - 2)}).to_parquet(raw)
    return raw.getvalue()


def _zip(members: int, size: int = 1) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(members):
            archive.writestr(f"{n}.csv", b"a" * size)
    return raw.getvalue()


def _pictures(members: int) -> bytes:
    raw, picture = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "PNG")
    with zipfile.ZipFile(raw, "w") as archive:
        for n in range(members):
            archive.writestr(f"{n}.png", picture.getvalue())
    return raw.getvalue()


def _model(members: int, size: int, folder: Path) -> None:
    archive = folder / f"{members}-{size}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("config.json", b"{}")
        for n in range(members - 1):
            packed.writestr(f"{n}.txt", b"a" * (size - 2))
    store.unpack(archive, folder / f"out-{members}-{size}")


def _quota(size: int, folder: Path) -> None:
    (folder / "file").write_bytes(b"x" * size)
    Workspace(folder).check_quota()


def _people(n: int) -> dict[str, Any]:
    """The audit of a group of so many people beside a larger one."""
    who = [(f"a{i}", "few") for i in range(n)] + [(f"b{i}", "many") for i in range(30)]
    found = audit.from_frames(
        recommendations=pd.DataFrame([(one, "i1", 1) for one, _ in who], columns=["user_id", "item_id", "rank"]),
        truth=pd.DataFrame([(one, "i1") for one, _ in who], columns=["user_id", "item_id"]),
        users=pd.DataFrame(who, columns=["user_id", "kind"]),
        groups=[GroupSpec(("kind",), min_size=settings.MIN_GROUP_SIZE)], k=1, replicates=2, permutations=2,
    )  # fmt: skip
    return found.to_json()


def _depth(rank: int, _: Path) -> None:
    users, items = pd.DataFrame({"user_id": ["u"]}), pd.DataFrame({"item_id": ["i", "j"]})
    raw = f"user_id,item_id,rank\nu,i,1\nu,j,{rank}\n".encode()
    ((found, _),) = lists_of.read_systems(("l.csv", raw), users, items, depth=settings.CANDIDATES).values()
    _need(bool((found.items == 1).any()))


def _event(n: int = 0, **more: Any) -> dict[str, Any]:
    return {"userId": "u", "eventId": f"e{n}", "eventType": "watch", "itemId": "i", "sentAt": TIME, **more}


def _log(folder: Path, *sent: dict[str, Any]) -> events.Taken:
    return events.EventLog(folder / "log.sqlite").append(sent)


def _late(seconds: int, folder: Path) -> None:
    _need(not _log(folder / str(seconds), _event(1), _event(2, sentAt=TIME - seconds)).late)


def _expired(days: int, folder: Path) -> None:
    """Data of that age is kept: to a hundredth of a day, as its making takes some of the clock."""
    workspace = Workspace(folder / str(days))
    stored = entries.put_dataset(workspace, synthetic.make(n_users=20, n_items=20)[0])
    entry = workspace.get("datasets", stored)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries.time, "time", lambda: float(entry.meta["created"]) + 86_400 * (days - 0.01))
        patch.setattr(Workspace, "entries", lambda *_: [entry])
        entry.meta["provenance"] = {}
        _need(not entries.expired(workspace))


def _signed_in(hours: int, _: Path) -> None:
    people.person({"iss": "https://id.example", "sub": "1", "iat": 1000}, people.Roles(), now=1000 + 3600 * hours)


def _shared(days: int, folder: Path) -> None:
    workspace = Workspace(folder / str(days))
    with workspace.create("audits", "a" * 16, {"title": "x", "lists": None}):
        pass
    shares.give(workspace, "audits", "a" * 16, days)


def _posted(body: bytes) -> int:
    client = TestClient(api(Shelf()), "http://localhost", client=("127.0.0.1", 1))
    answer = client.post("/api/v1/events", content=body, headers={"Content-Type": "application/json"})
    return answer.status_code


def _rate(n: int, _: Path) -> None:
    client = TestClient(api(Shelf()), "http://localhost", client=("127.0.0.1", 1))
    client.app.clock = lambda: 0.0  # type: ignore[attr-defined]  # a guard
    answers = [client.get("/openapi.json").status_code for _ in range(n)]
    _need(answers[-1] == 200)


def _groups(n: int, _: Path) -> None:
    form(
        GroupSpec(("kind",)), pd.DataFrame({"user_id": [str(i) for i in range(n)], "kind": [f"k{i}" for i in range(n)]})
    )


def _picture(width: int, height: int) -> bytes:
    raw = io.BytesIO()
    Image.new("RGB", (width, height)).save(raw, "PNG")
    return raw.getvalue()


def _vectors(dimensions: int) -> None:
    raw = io.BytesIO()
    np.savez(raw, ids=np.array(["a", "b"]), values=np.ones((2, *[2] * dimensions), np.float32))
    arrays.read_arrays(("a.npz", raw.getvalue()))


def _items(n: int, folder: Path) -> None:
    cut = split.split(synthetic.make(n_users=40, n_items=n)[0], "user-time:0.8")
    recommenders.build("ease", {}).fit(cut.training, seed=0, device="cpu", folder=folder, progress=silent)


def _deep(folders: int, folder: Path) -> None:
    archive = folder / f"{folders}.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("config.json", b"{}")
        packed.writestr("a/" * (folders - 1) + "x", b"")
    store.unpack(archive, folder / f"out-{folders}")


CASES: dict[str, list[Case]] = {
    "MAX_UPLOAD_MB": [Case(0.01, lambda n, _: read.table(("a.csv", _text(size=n)), Reading()), 10_000)],
    "MAX_UNPACKED_MB": [
        Case(0.01, lambda n, _: read.unzip(("a.zip", _zip(1, n))), 10_000),
        Case(0.01, lambda n, folder: _model(2, n, folder), 10_000),
    ],
    "MAX_ZIP_MEMBERS": [
        Case(3, lambda n, _: read.unzip(("a.zip", _zip(n)))),
        Case(3, lambda n, folder: _model(n, 3, folder)),
    ],
    "MAX_IMAGES": [Case(2, lambda n, _: read_images(("a.zip", _pictures(n)), pd.Series(["0"]), None))],
    "MAX_COLUMNS": [
        Case(64, lambda n, _: read.table(("a.csv", _text(n)), Reading())),
        Case(64, lambda n, _: read.table(("a.parquet", _parquet(1, n)), Reading())),
    ],
    "MAX_ROWS": [
        Case(5, lambda n, _: read.table(("a.csv", _text(rows=n)), Reading())),
        Case(5, lambda n, _: read.table(("a.parquet", _parquet(n)), Reading())),
    ],
    "MAX_CELLS": [Case(20, lambda n, _: read.table(("a.parquet", _parquet(n // 2 + n % 2)), Reading()))],
    "MAX_CATALOGUE_CELLS": [Case(100, lambda n, _: recommend.check_size(1, n))],
    "QUOTA_GB": [Case(1e-6, _quota, 1000)],
    "PRIVACY_BUDGET": [
        Case(3, lambda n, at: budget.spend(at / f"{n}.json", "a", float(n), lambda: {})),
        Case(3, lambda n, at: [budget.spend(at / f"each{n}.json", str(i), 1.0, lambda: {}) for i in range(n)]),
    ],
    "RETENTION_DAYS": [Case(30, _expired)],
    "SIGN_IN_HOURS": [Case(2, _signed_in)],
    "SHARE_DAYS": [Case(5, _shared)],
    "CANDIDATES": [Case(settings.CANDIDATES, _depth)],
    "MIN_GROUP_SIZE": [Case(-20, lambda n, _: _need(not _people(-n)["groups"]["kind"]["few"]["small"]))],
    "FEWEST": [Case(-5, lambda n, _: _need(disclosure.told(-n) is not None))],
    "EVENT_LATENESS": [Case(60, _late)],
    "API_BODY_KB": [Case(1, lambda n, _: _need(_posted(json.dumps(_event()).encode().ljust(n)) == 200), 1024)],
    "API_BATCH": [Case(3, lambda n, _: _need(_posted(json.dumps([_event(i) for i in range(n)]).encode()) == 200))],
    "API_HISTORY": [
        Case(settings.API_HISTORY, lambda n, _: shapes.read(shapes.Request, {"history": ["i"] * n})),
    ],
    "API_RATE": [Case(3, _rate)],
}
NO_LIMIT = {  # settings that refuse nothing
    "BOOTSTRAP": "how often is drawn",
    "PERMUTATIONS": "how often is shuffled",
    "API_RUNS": "runs kept in memory; the one that was longest unasked is read again",
    "API_BODY_SECONDS": "tests/unit/api/test_hostile.py: a body that does not arrive",
}
CONSTANTS: dict[tuple[Any, str], Case] = {
    (groups, "MAX_GROUPS"): Case(groups.MAX_GROUPS, _groups),
    (windows, "MOST"): Case(windows.MOST, lambda n, _: windows.labels(np.arange(2.0 * n), "numbers", str(n))),
    (arrays, "MAX_DIMENSIONS"): Case(arrays.MAX_DIMENSIONS, lambda n, _: _vectors(n)),
    (images, "MAX_BYTES"): Case(1000, lambda n, _: images.small("a.png", _picture(4, 4).ljust(n, b"\0"))),
    (images, "MAX_PIXELS"): Case(16, lambda n, _: images.small("a.png", _picture(n, 1))),
    (ease, "MAX_EASE_ITEMS"): Case(30, _items),
    (programme, "MAX_ITEM_GROUPS"): Case(
        programme.MAX_ITEM_GROUPS,
        lambda n, _: programme.check_item_groups(METHODS["calibrate"].info, np.arange(n)[None]),
    ),
    (store, "MAX_NUMBER"): Case(store.MAX_NUMBER, lambda n, _: store._check_config("m", {"x": n})),
    (store, "MAX_DEPTH"): Case(store.MAX_DEPTH, _deep),
    (events, "MAX_TEXT"): Case(events.MAX_TEXT, lambda n, at: _need(not _log(at, _event(userId="u" * n)).refused)),
    (events, "MAX_IMPRESSION"): Case(
        events.MAX_IMPRESSION, lambda n, at: _need(not _log(at, _event(impression=[str(i) for i in range(n)])).refused)
    ),
}


def _declared() -> set[str]:
    tree = ast.parse(Path(settings.__file__).read_text("utf-8"))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "_number")
    return {str(ast.literal_eval(node.args[0])) for node in calls}


def test_each_declared_limit_is_tried() -> None:
    assert CASES.keys() | NO_LIMIT.keys() == _declared()


@pytest.mark.parametrize(
    ("where", "name", "case"),
    [
        *((settings, name, case) for name, cases in CASES.items() for case in cases),
        *((module, name, case) for (module, name), case in CONSTANTS.items()),
    ],
)
def test_the_last_passes_and_the_next_is_refused(
    where: Any, name: str, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    monkeypatch.setattr(where, name, abs(case.limit))  # a least one counts down
    case.ask(case.reached, tmp_path)
    with pytest.raises((FairDashError, Refused)):
        case.ask(case.reached + 1, tmp_path)
