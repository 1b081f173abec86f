"""Cuts are disjoint, complete, and depend on nothing but ids, times and the seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from fairdash.data.split import split
from fairdash.errors import ConfigError
from fairdash.schema import Dataset, Interactions, Split

SPECS = ("leave-one-out", "user-time:0.8", "user-random:0.8", "global-time:80%")


def _dataset(rows: list[tuple[str, str, float]], unit: str = "number") -> Dataset:
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "time"]).astype({"user_id": "str", "item_id": "str"})
    frame = frame.drop_duplicates(["user_id", "item_id"], ignore_index=True)
    users = pd.DataFrame({"user_id": sorted(frame["user_id"].unique())}, dtype="str")
    items = pd.DataFrame({"item_id": sorted(frame["item_id"].unique())}, dtype="str")
    return Dataset("toy", frame, users, items, None, {"time_unit": unit})


def _pairs(part: Interactions, cut: Split) -> set[tuple[str, str]]:
    users, items = cut.training.users["user_id"], cut.training.items["item_id"]
    return set(zip(users.iloc[part.user], items.iloc[part.item], strict=True))


def _parts(cut: Split) -> list[set[tuple[str, str]]]:
    return [_pairs(part, cut) for part in (cut.training.train, cut.training.valid, cut.test)]


ROWS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz0123456789"), st.sampled_from([0.0, 1.0, 2.0, 3.0])),
    min_size=1,
    max_size=60,
)


@given(rows=ROWS, spec=st.sampled_from(SPECS), seed=st.integers(0, 3), share=st.sampled_from([0.0, 0.1, 0.5]))
@settings(max_examples=150, deadline=None)
def test_parts_are_disjoint_complete_and_blind_to_row_order(
    rows: list[tuple[str, str, float]], spec: str, seed: int, share: float
) -> None:
    dataset = _dataset(rows)
    try:
        cut = split(dataset, spec, seed=seed, valid_share=share)
    except ConfigError:
        reject()  # too little for this cut; what is said then is tested below
    train, valid, test = _parts(cut)
    everything = set(zip(dataset.interactions["user_id"], dataset.interactions["item_id"], strict=True))
    assert train | valid | test == everything
    assert len(train) + len(valid) + len(test) == len(everything)
    assert share > 0 or not valid
    shuffled = dataset.interactions.sample(frac=1, random_state=1)
    again = split(_dataset(list(shuffled.itertuples(index=False))), spec, seed=seed, valid_share=share)
    assert _parts(again) == [train, valid, test]
    assert again.digest == cut.digest


@pytest.mark.parametrize("spec", SPECS)
def test_order_of_the_people_table_does_not_matter(spec: str) -> None:
    rng = np.random.default_rng(0)
    dataset = _dataset([(f"u{rng.integers(9)}", f"i{rng.integers(30)}", float(rng.integers(4))) for _ in range(150)])
    turned = Dataset("toy", dataset.interactions, dataset.users[::-1].reset_index(drop=True), dataset.items, None)
    assert _parts(split(dataset, spec)) == _parts(split(turned, spec))


def test_leave_one_out_takes_the_last_and_the_last_but_one() -> None:
    dataset = _dataset([("a", f"i{t}", float(t)) for t in range(5)] + [("b", "i0", 1.0), ("b", "i1", 2.0)])
    cut = split(dataset, "leave-one-out")
    train, valid, test = _parts(cut)
    assert (valid, test) == ({("a", "i3")}, {("a", "i4")})
    assert {("b", "i0"), ("b", "i1")} <= train
    assert cut.notes == ("1 of 2 people has nothing in test, and stays in train.",)


@pytest.mark.parametrize(
    ("n", "test", "valid"),
    [(1, 0, 0), (2, 0, 0), (3, 1, 1), (4, 1, 1), (5, 1, 1), (7, 1, 1), (8, 2, 1), (10, 2, 1), (20, 4, 2), (23, 5, 2)],
)
def test_shares_are_rounded_to_the_nearest(n: int, test: int, valid: int) -> None:
    others = [("z", f"i{t}", float(t)) for t in range(5)]
    dataset = _dataset([("a", f"i{t}", float(t)) for t in range(n)] + others)
    for spec in ("user-time:0.8", "user-random:0.8"):
        cut = split(dataset, spec)
        sizes = [int((part.user == 0).sum()) for part in (cut.training.train, cut.training.valid, cut.test)]
        assert sizes == [n - test - valid, valid, test]


def test_user_time_tests_on_the_latest() -> None:
    dataset = _dataset([("a", f"i{t}", float(t)) for t in range(10)])
    train, valid, test = _parts(split(dataset, "user-time:0.8"))
    assert test == {("a", "i8"), ("a", "i9")}
    assert valid == {("a", "i7")}
    assert len(train) == 7


def test_user_random_is_random_by_seed() -> None:
    dataset = _dataset([(u, f"i{t}", float(t)) for u in "abcdefgh" for t in range(20)])
    tests = [_parts(split(dataset, "user-random:0.8", seed=seed))[2] for seed in range(3)]
    assert tests[0] != tests[1] != tests[2]
    late = np.mean([int(item[1:]) >= 10 for test in tests for _, item in test])
    assert 0.3 < late < 0.7
    assert tests[0] == _parts(split(dataset, "user-random:0.8", seed=0))[2]


def test_ties_in_time_do_not_go_by_id() -> None:
    rows = [(f"u{u}", f"i{t:02d}", 5.0) for u in range(200) for t in range(20)]
    items = [int(item[1:]) for _, item in _parts(split(_dataset(rows), "leave-one-out"))[2]]
    assert 8 < np.mean(items) < 11  # the middle of 0…19: by id it would be 19 or 0
    assert len(set(items)) == 20


@pytest.mark.parametrize(
    ("spec", "unit", "scale"),
    [
        ("global-time:1998-01-01", "seconds", 1.0),
        ("global-time:1998-01-01T00:00:00Z", "milliseconds", 1000.0),
        ("global-time:19980101", "seconds", 1.0),
        ("global-time:1998", "seconds", 1.0),
        ("global-time:883612800", "seconds", 1.0),
    ],
)
def test_global_time_by_date(spec: str, unit: str, scale: float) -> None:
    start = 883_612_800.0  # 1998-01-01
    dataset = _dataset([(u, f"i{t}", (start + (t - 6) * 86_400) * scale) for u in "ab" for t in range(10)], unit)
    cut = split(dataset, spec)
    assert cut.test.time.min() == start * scale
    assert len(cut.test) == 8
    assert len(cut.training.valid) == 1  # a tenth of the twelve before, rounded down
    assert cut.training.valid.time.min() == cut.training.train.time.max() or cut.training.valid.time.min() > 0


def test_global_time_by_part_and_people_without_history() -> None:
    rows = [("a", f"i{t}", float(t)) for t in range(8)] + [("late", f"i{t}", 90.0 + t) for t in range(2)]
    cut = split(_dataset(rows), "global-time:80%")
    assert _parts(cut)[2] == {("late", "i0"), ("late", "i1")}
    assert "1 person is in test without any history" in cut.notes[1]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("global-time:2030-01-01", "leaves nothing to test on"),
        ("global-time:1950-01-01", "leaves nothing to train on"),
        ("global-time:soon", "neither a date nor a number"),
        ("global-time:120%", "is no part"),
        ("global-time:", "No split is called"),
        ("user-time:1.5", "share outside"),
        ("user-time:x", "has no share"),
        ("user-time:1/0", "has no share"),
        ("user-time:nan", "has no share"),
        ("leave-two-out", "No split is called"),
        ("", "No split is called"),
    ],
)
def test_specs_that_cannot_work(spec: str, said: str) -> None:
    dataset = _dataset([(u, f"i{t}", 9e8 + t) for u in "ab" for t in range(10)], "seconds")
    with pytest.raises(ConfigError, match=said) as caught:
        split(dataset, spec)
    assert caught.value.hint


def test_date_for_times_that_are_no_dates() -> None:
    dataset = _dataset([("a", f"i{t}", float(t)) for t in range(10)])
    with pytest.raises(ConfigError, match="has no dates: its times go from 0 to 9"):
        split(dataset, "global-time:2003-01-31")


@pytest.mark.parametrize("spec", ["leave-one-out", "user-time:0.8", "global-time:80%"])
def test_split_by_time_without_time_points_to_the_random_one(spec: str) -> None:
    dataset = _dataset([("a", f"i{t}", 0.0) for t in range(10)])
    timeless = Dataset("toy", dataset.interactions.drop(columns="time"), dataset.users, dataset.items)
    with pytest.raises(ConfigError, match="has no time column") as caught:
        split(timeless, spec)
    assert "user-random" in caught.value.hint
    assert len(split(timeless, "user-random:0.8").test) == 2


@pytest.mark.parametrize("share", [1.0, -0.1, float("nan")])
def test_validation_share_outside(share: float) -> None:
    with pytest.raises(ConfigError, match="valid_share"):
        split(_dataset([("a", f"i{t}", 0.0) for t in range(10)]), "user-time:0.8", valid_share=share)


@pytest.mark.parametrize("spec", ["leave-one-out", "user-time:0.8", "user-random:0.8"])
def test_later_interactions_of_others_in_training_are_said(spec: str) -> None:
    rows = [("a", f"i{t}", 9e8 + t) for t in range(10)] + [("b", f"i{t}", 9.1e8 + t) for t in range(10)]
    (note,) = split(_dataset(rows, "seconds"), spec).notes
    n = 1 if spec == "leave-one-out" else 2
    assert note.startswith(f"{n} of {2 * n} held-out interactions are earlier" if spec != "user-random:0.8" else "")
    assert "global-time" in note
    assert split(_dataset(rows, "seconds"), "global-time:9.05e8").notes == (
        "1 of 2 people has nothing in test, and stays in train.",
        "1 person is in test without any history, as all they did is later than the cut.",
    )


def test_places_in_sequences_of_people_of_their_own_leak_nothing() -> None:
    rows = [(u, f"i{t}", float(t)) for u, n in (("a", 5), ("b", 10), ("c", 30)) for t in range(n)]
    assert split(_dataset(rows), "leave-one-out").notes == ()
    later = [(u, item, time + 7 * ord(u)) for u, item, time in rows]
    assert len(split(_dataset(later), "leave-one-out").notes) == 1
