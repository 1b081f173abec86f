"""One door: the page's job, the command line and Python give the same audit of the same files, to the bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fairdash
from fairdash import entries
from fairdash.cli import main
from fairdash.data import brought
from fairdash.data.given import given_split
from fairdash.jobs import kinds
from fairdash.metrics.inputs import lists_for
from fairdash.schema import USER_ID, GroupSpec
from fairdash.workspace import Workspace

DRAW = np.random.default_rng(11)
PEOPLE, ITEMS = 70, 30
LISTS = pd.DataFrame(
    [(u, int(i), rank) for u in range(PEOPLE) for rank, i in enumerate(DRAW.permutation(ITEMS)[:12], 1)],
    columns=["user_id", "item_id", "rank"],
)
TRUTH = pd.DataFrame(
    [(u, int(i), int(DRAW.integers(1, 6))) for u in range(PEOPLE) for i in DRAW.permutation(ITEMS)[:6]],
    columns=["user_id", "item_id", "rating"],
)
TRAIN = pd.DataFrame(
    [(u, int(i), 1 + (u + int(i)) % 5) for u in range(PEOPLE + 5) for i in DRAW.permutation(ITEMS)[:5]],
    columns=["user_id", "item_id", "rating"],
)
USERS = pd.DataFrame([(u, "FMM"[u % 3], 18 + u % 50) for u in range(PEOPLE + 3)], columns=["user_id", "gender", "age"])
GENRES = pd.DataFrame(
    {"item_id": range(ITEMS), "title": "t", "genres": [("A|B", "B", "C|A")[i % 3] for i in range(ITEMS)]}
)
PLAIN: dict[str, pd.DataFrame] = {
    "recommendations": LISTS,
    "truth": TRUTH,
    "users": USERS,
    "train": TRAIN,
    "items": GENRES,
}
HOLES = LISTS[(LISTS["rank"] + LISTS["user_id"]) % 4 != 0]
OTHERS = HOLES.assign(item_id=HOLES["item_id"] % 9, model="pop")
SPELLED = ["M", "male", "F", "Female", "f", " M"]


def _spelled(frame: pd.DataFrame, **names: str) -> pd.DataFrame:
    return frame.rename(columns=names)


# by kind: what is different from the plain tables; None: there is no such table
CASES: dict[str, dict[str, pd.DataFrame | None]] = {
    "plain": {},
    "4 holes and unknown items": {
        "recommendations": HOLES.assign(item_id=HOLES["item_id"].where(HOLES["rank"] != 2, 900 + HOLES["user_id"]))
    },
    "4 ranks from zero and repeats": {
        "recommendations": LISTS.assign(rank=LISTS["rank"] - 1, item_id=LISTS["item_id"] % 25)
    },
    "4 relevance": {"truth": _spelled(TRUTH.assign(rating=TRUTH["rating"] - 1), rating="relevance")},
    "4 the truth beside the score": {
        "recommendations": _spelled(LISTS.merge(TRUTH, how="left"), rating="said").assign(est=20.5 - LISTS["rank"])
    },
    "4 nothing known before": {"train": None, "items": None},
    "4 people without lists and idle ones": {"recommendations": LISTS[LISTS["user_id"] % 9 != 1], "items": None},
    "4 repeated rows": {"truth": pd.concat([TRUTH, TRUTH.head(40)]), "train": pd.concat([TRAIN, TRAIN.head(70)])},
    "5 names and forms of ids": {
        "recommendations": _spelled(LISTS.assign(user_id=LISTS["user_id"].map("{:05}".format)), user_id="userId",
                                    item_id="movieId"),
        "truth": _spelled(TRUTH.assign(user_id=TRUTH["user_id"].map("{}.0".format)), user_id="uid", item_id="iid"),
        "users": pd.concat([USERS, USERS.head(3)]),
    },
    "5 groups beside the truth": {"truth": TRUTH.merge(USERS), "users": None},
    "5 ids as words": {
        name: frame.assign(**{key: frame[key].map("x{}".format) for key in ("user_id", "item_id") if key in frame})
        for name, frame in PLAIN.items()
    },
    "10 two systems": {
        "recommendations": pd.concat([LISTS.assign(model="als"), OTHERS])
    },
    "13 spellings": {"users": USERS.assign(gender=[SPELLED[u % 6] for u in range(PEOPLE + 3)])},
    "15 birth dates and units": {
        "users": USERS.assign(born=[f"19{50 + u % 49}-03-04" for u in range(PEOPLE + 3)])
        .rename(columns={"born": "birth_date"})
        .drop(columns="age")
        .assign(income=[f"{1000 + 37 * u:,} EUR" for u in range(PEOPLE + 3)])
    },
    "16 several values": {"users": USERS.assign(gender=[("F", "M", "F|X", "M;X")[u % 4] for u in range(PEOPLE + 3)])},
    "9 codes": {"truth": TRUTH.assign(rating=TRUTH["rating"].where(np.arange(len(TRUTH)) % 7 != 0, -1))},
    "4 predicted ratings": {
        "truth": TRUTH.assign(rating=TRUTH["rating"] - 0.3, est=1 + (TRUTH["item_id"] * 37 % 400) / 100),
        "recommendations": LISTS[LISTS["user_id"] % 9 != 1],
        "users": pd.concat([USERS, pd.DataFrame({"user_id": [9001], "age": [20], "gender": ["F"]})]),
    },
    "4 predicted probabilities": {"truth": TRUTH.assign(prediction=(TRUTH["item_id"] * 37 % 100) / 100)},
    "8 clicks": {"truth": _spelled(TRUTH.assign(rating=(TRUTH["rating"] > 3).astype(int)), rating="click")},
}  # fmt: skip


def _by_job(home: Path, files: dict[str, str]) -> dict[str, Any]:
    """The audits of all systems as the page makes them: what is brought is kept, and a job audits it."""
    workspace = Workspace(home)
    source = {name: (Path(path).name, Path(path).read_bytes()) for name, path in files.items()}
    tables = brought.bring(
        source["recommendations"], source["truth"], source.get("users"), source.get("train"), source.get("items")
    )
    _, split = given_split(tables)
    found = {}
    for system in tables.systems:
        lists, findings = lists_for(tables, system, split.training.users[USER_ID])
        made = entries.import_lists(workspace, split, lists, system or "theirs", None, findings)
        group = {"attributes": ["gender"], "bins": [None], "min_size": 5}
        done = kinds.run(workspace, "audit", {"lists": made["lists"], "groups": [group], "k": 10})
        file = workspace.get("audits", done["audits"]).path / "audit.json"
        found[system] = json.loads(file.read_text("utf-8"))
    return found


@pytest.mark.parametrize("case", CASES)
def test_each_door_gives_the_same_audit(case: str, tmp_path: Path) -> None:
    files = {}
    for name, frame in (PLAIN | CASES[case]).items():
        if frame is not None:
            files[name] = str(tmp_path / f"{name}.csv")
            frame.to_csv(files[name], index=False)
    group = GroupSpec(("gender",), (None,), 5)
    by_python = fairdash.audits(**files, groups=[group], k=10)
    out = tmp_path / "audit.json"
    words = [word for name, path in files.items() for word in (f"--{name}", path)]
    more = ["--group", "gender", "--min-group-size", "5", "--accept-guesses", "--out", str(out)]
    assert main(["audit", *words, *more]) == 0
    by_command = json.loads(out.read_text("utf-8"))
    expected = by_python.to_json()
    several = len(by_python.audits) > 1
    assert by_command == (expected if several else expected["systems"][by_python.first])
    assert _by_job(tmp_path / "home", files) == expected["systems"]
