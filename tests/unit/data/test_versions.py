"""Values that are merged by hand make a version of the data of its own."""

from __future__ import annotations

import pandas as pd
import pytest

from fairdash.data import versions
from fairdash.errors import ConfigError
from fairdash.schema import Dataset


@pytest.fixture
def dataset() -> Dataset:
    work = ["doctor", "Doctor ", "nurse", None, "nurse|artist", "artist"]
    users = pd.DataFrame({"user_id": list("abcdef"), "work": work, "gender": ["M", "male", "F", "F", "F", "M"]})
    log = pd.DataFrame({"user_id": ["a"], "item_id": ["x"]})
    return Dataset("clinic", log, users, pd.DataFrame({"item_id": ["x"]}))


def test_values_become_one_also_in_cells_that_hold_several(dataset: Dataset) -> None:
    made = versions.merge_values(dataset, "work", ["doctor", "Doctor", "nurse"], "medical", "clinic, merged")
    assert made.users["work"].tolist()[:3] == ["medical"] * 3
    assert pd.isna(made.users["work"].iloc[3])
    assert made.users["work"].tolist()[4:] == ["medical|artist", "artist"]
    assert made.digest != dataset.digest
    done = {"of": dataset.digest, "attribute": "work", "values": ["Doctor", "doctor", "nurse"], "into": "medical"}
    assert made.provenance["merged"] == [done]
    again = versions.merge_values(made, "work", ["medical", "artist"], "medical", "x")
    assert again.users["work"].tolist()[4:] == ["medical", "medical"]
    assert [one["into"] for one in again.provenance["merged"]] == ["medical", "medical"]


def test_spellings_are_proposed(dataset: Dataset) -> None:
    assert versions.proposals(dataset, "gender") == {"M": ["M", "male"]}


def test_what_is_no_merge_is_refused(dataset: Dataset) -> None:
    for attribute, values, into in (("no", ["a", "b"], "c"), ("work", ["nurse"], "nurse"), ("work", ["a", "b"], " "),
                                    ("work", ["a", "b"], "a|b")):  # fmt: skip
        with pytest.raises(ConfigError):
            versions.merge_values(dataset, attribute, values, into, "x")
