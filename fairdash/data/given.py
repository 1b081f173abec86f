"""A split that somebody else made: what was held out, and what was known, from files of their own.

For lists of another system that are audited without its data: held-out interactions and people are enough.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fairdash.data import importing
from fairdash.data.findings import Finding
from fairdash.data.options import ImportOptions
from fairdash.data.read import Source
from fairdash.errors import DataError
from fairdash.schema import ITEM_ID, RATING, TIME, USER_ID, Dataset, Interactions, Split, TrainingData

SPEC = "given"


def given_split(
    truth: Source,
    users: Source | None = None,
    items: Source | None = None,
    train: Source | None = None,
    *,
    name: str = "",
    options: ImportOptions | None = None,
) -> tuple[Dataset, Split, tuple[Finding, ...]]:
    """A data set of all interactions, and the split in which `truth` is the test part and `train` what was known.

    Without `train` nothing is known of anybody: every item counts as a candidate, and metrics that need a history are
    undefined. There is no validation part. Raises DataError for files that cannot be read, and for pairs of truth that
    were known already in every case.
    """
    options = options or ImportOptions()
    held, findings = importing.build(truth, users, items, options=options)
    parts = [held]
    if train is not None:
        known, more = importing.build(train, users, items, options=options)
        parts.append(known)
        findings += more
    people = _union([part.users for part in parts], USER_ID)
    things = _union([part.items for part in parts], ITEM_ID)
    frames = [part.interactions for part in parts]
    # A rating or a time that only one of the files has says nothing about the other's rows.
    columns = [USER_ID, ITEM_ID, *(c for c in (RATING, TIME) if all(c in frame for frame in frames))]
    everything = pd.concat([frame[columns] for frame in frames], ignore_index=True)
    everything = everything.drop_duplicates([USER_ID, ITEM_ID], keep="first", ignore_index=True)
    threshold = held.relevance_threshold if RATING in columns else None
    dataset = Dataset(name or held.name, everything, people, things, threshold, {"split": SPEC, **held.provenance})
    coded = [_coded(frame[columns], people, things) for frame in frames]
    test, before = coded[0], coded[1] if len(coded) > 1 else coded[0].take(np.arange(0))
    again = np.isin(_pairs(test, len(things)), _pairs(before, len(things)))
    if len(test) and again.all():
        raise DataError(
            "Every held-out pair is in the training file too, so nothing was held out.",
            "Check which file is which.",
        )
    training = TrainingData(people, things, before, before.take(np.arange(0)), threshold)
    return dataset, Split(dataset.name, SPEC, 0, training, test), findings


def _union(tables: Sequence[pd.DataFrame], key: str) -> pd.DataFrame:
    """All rows by id, the first where an id comes twice."""
    return pd.concat(tables, ignore_index=True).drop_duplicates(key, ignore_index=True)


def _coded(frame: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame) -> Interactions:
    return Dataset("", frame, users, items).coded()


def _pairs(part: Interactions, n_items: int) -> np.ndarray:
    return part.user.astype(np.int64) * n_items + part.item
