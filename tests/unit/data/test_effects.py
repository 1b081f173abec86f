"""What repairs did, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fairdash import data
from fairdash.data import clean, effects
from fairdash.data.check import Tables
from fairdash.data.effects import effect


def tables() -> Tables:
    log = pd.DataFrame({"user_id": ["1", "1", "2 ", None], "item_id": ["a", "a", "b", "c"], "rating": [1.0, 2, 3, 4]})
    users = pd.DataFrame({"user_id": ["1", "2 ", "3"], "gender": ["M", "male", None]})
    return Tables(log, users, pd.DataFrame({"item_id": ["a", "b", "c"]}), ("r.csv", "u.csv", "i.csv"))


def test_rows_that_go_and_cells_that_change_are_counted() -> None:
    before = tables()
    spaces = effect("strip_ids", before, clean.strip_ids(before))
    assert (spaces.interactions, spaces.people, spaces.items, spaces.cells) == (0, 0, 0, 2)  # in the log and of people
    gone = effect("drop_empty_ids", before, clean.drop_empty_ids(before))
    assert (gone.interactions, gone.cells) == (1, 0)
    merged = effect("merge_spellings", before, clean.merge_spellings(before))
    assert (merged.cells, merged.different) == (1, {"gender": (2, 1)})
    assert effect("dedupe", before, clean.dedupe(before)).interactions == 1
    assert effect("marks_to_missing", before, clean.marks_to_missing(before)).cells == 0


def test_a_data_set_says_what_each_repair_did() -> None:
    log = "user_id,item_id,rating\n" + "".join(f"u{u},i{i},{1 + (u + i) % 5}\n" for u in range(12) for i in range(6))
    people = "user_id,gender\n" + "".join(f"u{u},{('F', 'M', 'male', 'f')[u % 4]}\n" for u in range(12))
    made, _ = data.build(("r.csv", (log + "u1,i1,3\n").encode()), ("u.csv", people.encode()))
    done = {one["repair"]: one for one in made.provenance["effects"]}
    assert done["dedupe"]["interactions"] == 1
    assert done["merge_spellings"]["different"]["gender"][1] in (2, 3)
    assert done["merge_spellings"]["cells"] >= 3


def test_a_long_log_is_counted_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    before = pd.DataFrame({"user_id": list("abcdefg"), "rating": [1.0, 2, 3, 4, 5, 6, np.nan]})
    before.index = pd.RangeIndex(2, 9)
    after = before.drop(index=[3, 7]).assign(rating=[1.0, 0, 4, 0, np.nan])
    shuffled, twice = after.iloc[[4, 0, 2, 1, 3]], pd.concat([after, after.tail(1)])
    monkeypatch.setattr(effects, "_BLOCK", 2)
    one = tables()
    found = [
        effect("x", replace(one, interactions=before), replace(one, interactions=new)).cells
        for new in (after, after.assign(part="test"), shuffled, twice)
    ]
    assert found == [2, 7, 2, 0]  # rows that share a number cannot be told apart
