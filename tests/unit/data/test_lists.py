"""Lists of another system from files: order, ties, repeats, short lists, and what is refused with row and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairdash.data import brought
from fairdash.data.lists import read_lists
from fairdash.errors import DataError
from fairdash.hashing import id_hash, mix
from fairdash.schema import Interactions, Lists

USERS = pd.DataFrame({"user_id": ["a", "b", "007"]})
ITEMS = pd.DataFrame({"item_id": [f"i{n}" for n in range(20)]})


def read(text: str, **more: object) -> tuple[Lists, dict[str, int]]:
    lists, findings = read_lists(("recs.csv", text.encode()), USERS, ITEMS, **more)  # type: ignore[arg-type]
    return lists, {finding.key: finding.count for finding in findings}


def table(rows: list[str], head: str = "user_id,item_id,rank") -> str:
    return "\n".join([head, *rows]) + "\n"


def codes(lists: Lists, user: int) -> list[int]:
    return [int(item) for item in lists.items[user] if item >= 0]


def test_rank_gives_the_order_whatever_the_rows_order() -> None:
    lists, found = read(table(["a,i3,2", "a,i1,1", "b,i9,1", "007,i5,3", "007,i4,1", "007,i6,2"]), depth=5)
    assert [codes(lists, user) for user in range(3)] == [[1, 3], [9], [4, 6, 5]]
    assert lists.items.shape == (3, 5)
    assert np.isnan(lists.scores).all()
    assert found == {"short": 3}


def test_score_gives_the_order_and_is_kept() -> None:
    lists, found = read(table(["a,i3,0.2", "a,i1,1e3", "b,i9,-4", "007,i0,1"], "user_id,item_id,score"))
    assert codes(lists, 0) == [1, 3]
    np.testing.assert_allclose(lists.scores[0, :2], [1000, 0.2])
    assert np.isnan(lists.scores[0, 2:]).all()
    assert "ties" not in found


def test_equal_scores_are_ordered_by_the_hash_and_said() -> None:
    rows = [f"a,i{n},1.0" for n in range(12)] + ["b,i0,1", "007,i0,1"]
    for seed in (0, 1):
        lists, found = read(table(rows, "user_id,item_id,score"), seed=seed)
        expected = np.argsort(mix(seed, id_hash(ITEMS["item_id"][:12])), kind="stable")
        assert codes(lists, 0) == expected.tolist()
        assert found["ties"] == 11


def test_a_repeated_item_keeps_its_better_place() -> None:
    lists, found = read(table(["a,i1,1", "a,i2,2", "a,i1,3", "a,i3,4", "b,i0,1", "007,i0,1"]))
    assert codes(lists, 0) == [1, 2, 3]
    assert found["repeated"] == 1
    assert lists.items[0, :4].tolist() == [1, 2, -1, 3]  # the place of the repeat stays empty


def test_ranks_from_zero_and_gaps() -> None:
    lists, found = read(table(["a,i1,0", "a,i2,1", "b,i0,4", "007,i0,0", "007,i9,7"]))
    assert codes(lists, 0) == [1, 2]
    assert codes(lists, 2) == [0, 9]
    assert lists.items[2, :9].tolist() == [0, *[-1] * 6, 9, -1]  # a rank is where the person saw the item
    assert found["rank-0"] == 2
    assert found["gaps"] == 2


def test_rank_counts_where_the_score_says_otherwise() -> None:
    rows = ["a,i1,1,0.1", "a,i2,2,0.9", "b,i0,1,1", "007,i0,1,1"]
    lists, found = read(table(rows, "user_id,item_id,rank,score"))
    assert codes(lists, 0) == [1, 2]
    np.testing.assert_allclose(lists.scores[0, :2], [0.1, 0.9])
    assert found["order"] == 1


def test_strangers_are_left_out_and_counted_people_without_a_list_too() -> None:
    lists, found = read(table(["a,i1,1", "a,nope,2", "zed,i1,1", "b,i2,1", ",i3,1"]))
    assert codes(lists, 0) == [1]
    assert codes(lists, 2) == []
    assert found["empty_ids"] == 1
    assert found["unknown-items"] == 1
    assert found["unknown-people"] == 1
    assert found["no-list"] == 1


def test_items_that_people_had_are_counted_and_kept() -> None:
    history = Interactions(
        *(np.array([v], t) for v, t in ((0, np.int32), (1, np.int32), (1, np.float32), (0, np.float64)))
    )
    lists, found = read(table(["a,i1,1", "b,i1,1", "007,i1,1"]), seen=history.matrix(3, 20))
    assert codes(lists, 0) == [1]
    assert found["seen"] == 1


def test_only_the_best_are_kept_of_deep_lists() -> None:
    rows = [f"{user},i{n},{n + 1}" for user in ("a", "b", "007") for n in range(20)]
    lists, found = read(table(rows), depth=15)
    assert lists.items.shape == (3, 15)
    assert codes(lists, 1) == list(range(15))
    assert found == {"deep": 15}


def test_other_names_separators_and_parquet(tmp_path: Path) -> None:
    text = "User ID\tmovie_id\tprediction\na\ti1\t2\nb\ti2\t1\n007\ti3\t1\n"
    lists, _ = read(text)
    assert codes(lists, 2) == [3]
    path = tmp_path / "recs.parquet"
    pd.DataFrame({"user_id": ["a", "b"], "item_id": ["i4", "i5"], "score": [0.5, 0.25]}).to_parquet(path)
    again, _ = read_lists(path, USERS, ITEMS)
    assert codes(again, 0) == [4]
    assert again.scores[1, 0] == 0.25
    exact = [2**30 + 0.25, 2**30 + 0.5]
    pd.DataFrame({"user_id": ["a", "b"], "item_id": ["i4", "i5"], "score": exact}).to_parquet(path)
    assert read_lists(path, USERS, ITEMS)[0].scores[:2, 0].tolist() == exact


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (table(["a,i1"], "user_id,item_id"), ("rank", "score")),
        (table(["a,1"], "user_id,rank"), ("item_id",)),
        (table(["a,i1,1", "a,i2,x"]), ("row 3", "rank", "'x'")),
        (table(["a,i1,1", "a,i2,"]), ("row 3", "rank")),
        (table(["a,i1,1", "a,i2,1.5"]), ("row 3", "rank")),
        (table(["a,i1,-1"]), ("row 2", "rank")),
        (table(["a,i1,1", "a,i2,1"]), ("row 3", "rank", "another item")),
        (table(["x,i1,1", "y,i2,1"]), ("row 2", "user_id", "'x'")),
        (table(["a,z1,1", "b,z2,1"]), ("row 2", "item_id", "'z1'")),
        (table(["a,i1,inf"], "user_id,item_id,score"), ("row 2", "score", "'inf'")),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(DataError) as error:
        read(text)
    assert error.value.hint
    assert "recs.csv" in error.value.message
    for word in words:
        assert word in error.value.message


@pytest.mark.parametrize(
    "head",
    [
        "Nutzer;Artikel;Platz;Punktzahl",
        "usuario;producto;posición;puntaje",
        "ユーザー;アイテム;ランク;スコア",
        "用户;物品;名次;得分",
        "user;item;pos;score",
    ],
)
def test_ranks_and_scores_are_known_in_other_languages(head: str) -> None:
    rows = "".join(f"a;i{place};{place};{4 - place}\n" for place in (1, 2, 3))
    source = ("recs.csv", f"{head}\n{rows}".encode())
    found = brought.bring(source, ("truth.csv", b"user_id,item_id\na,i2\n")).systems[""]
    assert list(found.columns) == ["user_id", "item_id", "rank", "score"]
    assert found["rank"].tolist() == ["1", "2", "3"]
