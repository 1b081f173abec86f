"""Splits that somebody else made."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairdash.data import brought
from fairdash.data.given import SPEC, given_split
from fairdash.errors import DataError
from fairdash.run import read_split, write_split

TRUTH = ("truth.csv", b"user_id,item_id,rating\na,x,5\na,y,2\nb,z,4\n")
TRAIN = ("train.csv", b"user_id,item_id,rating\na,z,3\nb,x,4\nc,w,5\n")
USERS = ("users.csv", b"user_id,gender\na,F\nb,M\n")


def test_truth_is_the_test_part_and_train_what_was_known() -> None:
    dataset, split = given_split(brought.bring(None, TRUTH, USERS, TRAIN), "theirs")
    assert (dataset.name, split.spec, split.name) == ("theirs", SPEC, "theirs")
    assert dataset.n_users == 3  # c has no row among the people: all unknown
    assert sorted(dataset.items["item_id"]) == ["w", "x", "y", "z"]
    assert len(dataset.interactions) == 6
    assert len(split.test) == 3
    assert len(split.training.train) == 3
    assert len(split.training.valid) == 0
    ids = split.training.users["user_id"].to_numpy()
    assert sorted(ids[split.test.user]) == ["a", "a", "b"]
    assert dataset.relevance_threshold == split.training.relevance_threshold == 4.0


def test_without_train_nothing_is_known() -> None:
    dataset, split = given_split(brought.bring(None, TRUTH, USERS))
    assert len(split.training.train) == 0
    assert len(split.test) == len(dataset.interactions) == 3


def test_what_was_held_out_is_liked_by_its_own_ratings() -> None:
    train = ("train.csv", b"user_id,item_id\na,z\nb,x\n")
    dataset, split = given_split(brought.bring(None, TRUTH, USERS, train))
    assert "rating" not in dataset.interactions
    assert split.training.relevance_threshold == 4.0
    assert sorted(split.test.rating.tolist()) == [2.0, 4.0, 5.0]
    assert len(split.known) == 2


def test_items_of_the_lists_belong_to_the_catalogue() -> None:
    lists = ("recs.csv", b"user_id,item_id,rank\na,q,1\nb,x,1\n")
    dataset, _ = given_split(brought.bring(lists, TRUTH, USERS))
    assert sorted(dataset.items["item_id"]) == ["q", "x", "y", "z"]


def test_predictions_of_held_out_pairs_go_to_the_run_folder_and_back(tmp_path: Path) -> None:
    truth = ("truth.csv", b"user_id,item_id,rating,est\nb,z,4,3.1\na,x,5,4.7\na,y,2,0.1234567890123456789\n")
    _, split = given_split(brought.bring(None, truth, USERS, TRAIN))
    _, without = given_split(brought.bring(None, TRUTH, USERS, TRAIN))
    write_split(split, tmp_path)
    again = read_split(tmp_path)
    items = again.training.items["item_id"].to_numpy()[again.test.item]
    assert again.predicted is not None
    assert dict(zip(items, again.predicted.tolist(), strict=True)) == {"z": 3.1, "x": 4.7, "y": 0.12345678901234568}
    assert again.digest == split.digest != without.digest
    assert split.test_digest == without.test_digest  # the same is held out of the same people
    assert again.on_validation.predicted is None


def test_a_prediction_that_is_no_number_names_its_row() -> None:
    truth = ("truth.csv", b"user_id,item_id,est\na,x,4\nb,z,soon\n")
    with pytest.raises(DataError, match="row 3, column est: 'soon' is no predicted rating"):
        brought.bring(None, truth, USERS)


def test_the_same_file_twice_is_refused() -> None:
    with pytest.raises(DataError, match="nothing was held out"):
        given_split(brought.bring(None, TRUTH, USERS, ("train.csv", TRUTH[1])))
