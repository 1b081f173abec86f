"""The same bytes give the same numbers; what moves last digits changes names; one changed cell gives new ones."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairdash import data, entries
from fairdash.data import synthetic
from fairdash.workspace import Workspace

ROOT = Path(__file__).parents[2]
# From files to an audit: everything that is written of it, and its digests, on stdout.
WHOLE = """
import json, sys
from pathlib import Path
from fairdash import data
from fairdash.data.split import split
from fairdash.schema import GroupSpec
from fairdash.stages import audit, fit
files = [(name, (Path(sys.argv[1]) / name).read_bytes()) for name in ("log.csv", "users.csv", "items.csv")]
dataset, _ = data.build(*files)
run = fit.train(split(dataset, "user-time:0.8"), fit.TrainSpec(sys.argv[2], json.loads(sys.argv[3])), Path(sys.argv[4]))
spec = audit.AuditSpec((GroupSpec(("gender",)), GroupSpec(("gender", "country"))), (GroupSpec(("creator_gender",)),))
found = audit.audit(run, run.candidates(), spec).to_json()
users, items = run.split.training.users["user_id"], run.split.training.items["item_id"].to_numpy()
lists = {user: items[row[row >= 0]].tolist() for user, row in zip(users, run.candidates().items)}
print(json.dumps([[dataset.digest, run.digest], lists, found], sort_keys=True))
"""
SMALL = {"epochs": "2", "width": "16", "length": "10", "layers": "1", "heads": "1"}
RECOMMENDERS = {"ease": {}, "bert_sequence": SMALL}


def files(folder: Path, chance: np.random.Generator | None = None) -> Path:
    """A service as files; with chance, the rows of each in another order."""
    made, _ = synthetic.make(3, n_users=80, n_items=50)
    folder.mkdir()
    for name, frame in (("log", made.interactions), ("users", made.users), ("items", made.items)):
        told = frame if chance is None else frame.iloc[chance.permutation(len(frame))]
        told.to_csv(folder / f"{name}.csv", index=False)
    return folder


def whole(folder: Path, out: Path, recommender: str, **environment: str) -> list[Any]:
    """What a process of its own makes of these files."""
    options = json.dumps(RECOMMENDERS[recommender])
    command = [sys.executable, "-c", WHOLE, str(folder), recommender, options, str(out)]
    usual = {**os.environ, "FAIRDASH_BOOTSTRAP": "50", "FAIRDASH_PERMUTATIONS": "50", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env={**usual, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("recommender", RECOMMENDERS)
def test_hashes_change_nothing_and_threads_what_the_name_says(tmp_path: Path, recommender: str) -> None:
    plain = files(tmp_path / "plain")
    first = whole(plain, tmp_path / "a", recommender, PYTHONHASHSEED="0", OMP_NUM_THREADS="1")
    assert whole(plain, tmp_path / "b", recommender, PYTHONHASHSEED="12345", OMP_NUM_THREADS="1") == first
    names, *numbers = whole(plain, tmp_path / "c", recommender, PYTHONHASHSEED="7", OMP_NUM_THREADS="2")
    assert names != first[0]  # a run says on how many threads it was made: a network adds up in another order then
    assert recommender == "bert_sequence" or numbers == first[1:]


def test_the_order_of_rows_changes_names_and_rounding_alone(tmp_path: Path) -> None:
    plain, mixed = files(tmp_path / "plain"), files(tmp_path / "mixed", np.random.default_rng(5))
    (_, lists, found), (_, others, mirrored) = (
        whole(folder, tmp_path / "run" / folder.name, "ease", OMP_NUM_THREADS="1") for folder in (plain, mixed)
    )
    assert others == lists
    assert near(mirrored, found)


def near(one: Any, other: Any) -> bool:
    """Whether two values differ by no more than the rounding of scores, which are of single precision."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(near(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(near, one, other))
    return math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-7) if isinstance(one, float) else bool(one == other)


def test_one_changed_cell_in_a_million_is_another_data_set_with_other_numbers(tmp_path: Path) -> None:
    n = 1_000_000
    log = pd.DataFrame({"user_id": np.arange(n) // 200, "item_id": np.arange(n) * 7919 % 3001,
                        "rating": 1 + np.arange(n) % 4, "time": np.arange(n)})  # fmt: skip
    changed = log.copy()
    changed.loc[changed.index[len(changed) // 2], "rating"] += 1
    first, second = (data.build(("log.csv", frame.to_csv(index=False).encode()))[0] for frame in (log, changed))
    assert len(first.interactions) == n
    assert first.digest != second.digest
    workspace = Workspace(tmp_path)
    names = [entries.put_dataset(workspace, dataset) for dataset in (first, second)]
    assert len({*names}) == 2
    sums = [int(entries.get_dataset(workspace, name).interactions["rating"].sum()) for name in names]
    assert sums[1] == sums[0] + 1
