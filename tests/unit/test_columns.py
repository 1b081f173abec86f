"""Columns of people's own names and types."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fairdash import columns
from fairdash.data import clean


@pytest.mark.parametrize("kind", ["str", "object", "int64"])
@pytest.mark.parametrize("other", ["str", "object", "int64"])
def test_ids_are_looked_up_as_pandas_does(kind: str, other: str) -> None:
    ids, others = (
        pd.Series(numbers) if name == "int64" else pd.Series(numbers).astype("str").astype(name)
        for numbers, name in (([7, 70, 8, 7], kind), ([8, 7, 7], other))
    )
    expected = [True, False, True, True] if (kind == "int64") == (other == "int64") else [False] * 4
    assert columns.among(ids, others).tolist() == ids.isin(others).tolist() == expected
    assert columns.among(pd.Index(ids), pd.Index(others)).tolist() == expected


@pytest.mark.parametrize("kind", ["str", "int64"])
@pytest.mark.parametrize("keep", ["first", "last", False])
def test_repeated_pairs_are_those_of_pandas(kind: str, keep: object) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).integers(0, 9, (60, 2)), columns=["user_id", "item_id"]).astype(kind)
    expected = frame.duplicated(["user_id", "item_id"], keep=keep)  # type: ignore[arg-type]
    assert clean.repeated(frame, keep).tolist() == expected.tolist()  # type: ignore[arg-type]
    assert expected.any()
