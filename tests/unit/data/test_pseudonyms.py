"""People of kept data have pseudonyms: nothing of their ids is stored, later uploads find their people, and what rests
on no tie is the same."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairdash import data, doctor, entries, settings, trail
from fairdash.data import lists as lists_of
from fairdash.data import split as splits
from fairdash.data import versions
from fairdash.data.brought import bring
from fairdash.data.given import given_split
from fairdash.data.pseudonyms import Pseudonyms, kept
from fairdash.errors import ConfigError
from fairdash.events.log import FILE, EventLog
from fairdash.metrics import audit as audits
from fairdash.schema import PSEUDONYMS, Dataset, GroupSpec
from fairdash.workspace import Workspace

KEY = Pseudonyms(b"k" * 32)
PEOPLE = [f"anna{n}@example.org" for n in range(40)]


def csv(name: str, frame: pd.DataFrame) -> tuple[str, bytes]:
    return name, frame.to_csv(index=False).encode()


def log() -> pd.DataFrame:
    rows = [(who, f"i{(7 * n + j) % 23}", 1_400_000_000 + 97 * n + j) for n, who in enumerate(PEOPLE) for j in range(6)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    frame.loc[3, "user_id"] = f" {frame.loc[3, 'user_id']}"  # which a finding quotes
    return frame


def people() -> pd.DataFrame:
    about = [f"I like films and {who}" for who in PEOPLE]
    return pd.DataFrame({"user_id": PEOPLE, "gender": ["F", "M"] * 20, "about": about})


def bytes_of(folder: Path, but: Sequence[str] = ()) -> bytes:
    """All that a workspace holds, Parquet as the text of its cells."""
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name not in but:
            found.append(file.read_bytes())
            if file.suffix == ".parquet":
                found.append(pd.read_parquet(file).to_csv().encode())
    return b"\n".join(found)


def test_nothing_of_an_id_or_of_what_people_wrote_is_stored(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    dataset, findings = data.build(csv("log.csv", log()), csv("people.csv", people()))
    assert "about" not in dataset.users
    assert any("anna" in finding.message for finding in findings)
    entries.put_dataset(workspace, kept(dataset, findings, entries.pseudonyms(workspace)))
    assert b"anna" not in bytes_of(tmp_path)
    assert b"I like" not in bytes_of(tmp_path)
    assert b"anna" in bytes_of(
        _put(tmp_path / "open", kept(dataset, findings, None))
    )  # off by choice: it would be seen
    chosen, _ = data.build(
        csv("log.csv", log()), csv("people.csv", people()), options=data.ImportOptions(repairs=("strip_ids",))
    )
    assert "about" in chosen.users


def _put(root: Path, dataset: Dataset) -> Path:
    entries.put_dataset(Workspace(root), dataset)
    return root


def test_the_key_lies_beside_the_data_for_its_owner_alone_and_is_made_once(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    first = entries.pseudonyms(workspace)
    assert entries.pseudonyms(workspace) == first
    file = tmp_path / entries.KEY
    assert file.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch("p[a-z2-7]{16}", first.one("7"))
    assert first.one("7") != Pseudonyms(b"x" * 32).one("7")
    dataset, _ = data.build(csv("log.csv", log()))
    stored = entries.put_dataset(workspace, kept(dataset, (), first))
    assert entries.hidden(workspace, stored) == first
    assert entries.hidden(workspace, None) is None
    file.unlink()
    with pytest.raises(ConfigError, match="another key"):
        entries.hidden(workspace, stored)
    file.write_text("no key")
    with pytest.raises(ConfigError, match="no key"):
        entries.pseudonyms(workspace)


def test_the_order_of_rows_tells_nobody(tmp_path: Path) -> None:
    dataset, _ = data.build(csv("log.csv", log()), csv("people.csv", people()))
    hidden = KEY.dataset(dataset)
    for frame in (hidden.users, hidden.interactions):
        assert frame["user_id"].is_monotonic_increasing
        assert frame.index.equals(pd.RangeIndex(len(frame)))
    back = dict(zip(KEY.of(dataset.users["user_id"]), dataset.users["user_id"], strict=True))
    again = hidden.interactions.assign(user_id=hidden.interactions["user_id"].map(back))
    columns = ["user_id", "item_id", "time"]
    pd.testing.assert_frame_equal(
        again[columns].sort_values(columns, ignore_index=True),
        dataset.interactions[columns].sort_values(columns, ignore_index=True), check_dtype=False,
    )  # fmt: skip


def test_arrays_of_people_follow_them() -> None:
    dataset, _ = data.build(csv("log.csv", log()))
    rows = np.arange(len(dataset.users), dtype=np.float32)[:, None]
    hidden = KEY.dataset(replace(dataset, user_arrays={"v": rows}))
    of = dict(zip(KEY.of(dataset.users["user_id"]), rows[:, 0], strict=True))
    assert [of[who] for who in hidden.users["user_id"]] == hidden.user_arrays["v"][:, 0].tolist()


def test_lists_that_come_later_under_the_same_ids_find_their_people(tmp_path: Path) -> None:
    numbers = log().assign(user_id=[str(1 + n // 6) for n in range(240)])
    dataset, _ = data.build(csv("log.csv", numbers))
    training = splits.split(KEY.dataset(dataset), "leave-one-out").training
    ranked = pd.DataFrame({"user_id": ["001", "2.0", " 3", "99"], "item_id": ["i1", "i2", "i3", "i4"], "rank": 1})
    found = lists_of.read_systems(csv("lists.csv", ranked), training.users, training.items, hidden=KEY)
    ((lists, findings),) = found.values()
    place = {who: row for row, who in enumerate(training.users["user_id"])}
    for person, item in (("1", "i1"), ("2", "i2"), ("3", "i3")):
        assert training.items["item_id"].iloc[lists.items[place[KEY.one(person)], 0]] == item
    told = json.dumps([finding.to_json() for finding in findings])
    assert "1 row names 1 person" in told
    assert "' 3'" not in told


def test_an_audit_under_pseudonyms_is_the_same_where_nothing_is_tied() -> None:
    frame = log()
    ranked = pd.DataFrame(
        [(who, f"i{(7 * n + 3 * j) % 23}", j + 1) for n, who in enumerate(PEOPLE) for j in range(5)],
        columns=["user_id", "item_id", "rank"],
    )
    held = csv("truth.csv", frame[frame.index % 6 == 5])
    tables = bring(csv("lists.csv", ranked), held, csv("people.csv", people()))
    assert "about" not in tables.users
    hidden = KEY.brought(tables)
    plain, under = (
        audits.from_tables(one, "", groups=[GroupSpec(("gender",), min_size=5)], k=5, replicates=20, permutations=20)
        for one in (tables, hidden)
    )
    groups = [("overall", one.to_json()["overall"]) for one in (plain, under)]
    for name in ("F", "M"):
        groups += [(name, one.to_json()["groups"]["gender"][name]) for one in (plain, under)]
    for (name, ours), (_, theirs) in zip(groups[::2], groups[1::2], strict=True):
        points = [key for key, number in ours.items() if isinstance(number, (int, float)) and not key.endswith("_ci")]
        assert len(points) > 5
        for key in points:  # intervals are drawn by ids
            assert theirs[key] == pytest.approx(ours[key], rel=1e-12), (name, key)
    dataset, split = given_split(hidden)
    assert dataset.provenance[PSEUDONYMS] == KEY.name
    assert set(dataset.users["user_id"]) == set(KEY.of(pd.Series(PEOPLE)))
    assert len(split.test) == len(PEOPLE)


def test_what_was_brought_goes_after_its_time_and_the_doctor_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    dataset, findings = data.build(csv("log.csv", log()), csv("people.csv", people()))
    stored = entries.put_dataset(workspace, kept(dataset, findings, KEY))
    version = versions.merge_values(entries.get_dataset(workspace, stored), "gender", ["F", "M"], "all", "merged")
    entries.put_dataset(workspace, version)
    catalogue = entries.put_dataset(workspace, replace(dataset, provenance={"source": "synthetic"}))
    events = EventLog(tmp_path / FILE)
    events.append([{"userId": "u", "eventType": "watch", "itemId": "i", "sentAt": 1_767_225_600}])
    assert entries.expired(workspace) == [] == entries.expire(workspace)
    monkeypatch.setattr(settings, "RETENTION_DAYS", 30)
    assert entries.expired(workspace) == []
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 31 * 86_400)
    assert [entry.digest for entry in entries.expired(workspace)] == [stored]
    assert any("older than 30 days" in ill.said for ill in doctor.examine(workspace))
    (gone,) = entries.expire(workspace)
    assert gone.counts == {"datasets": 2}
    assert [entry.digest for entry in workspace.entries("datasets")] == [catalogue]
    assert events.last() is None
    assert [deed.of for deed in trail.read(workspace)[-2:]] == [
        {"datasets": stored, "removed": {"datasets": 2}, "bytes": gone.bytes}, {"events": 1}
    ]  # fmt: skip
