"""A split that somebody else made: what was held out, and what was known, from files of their own.

For lists of another system that are audited without its data: held-out interactions and people are enough.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fairdash.data.brought import Brought, in_order
from fairdash.errors import DataError
from fairdash.schema import (
    ITEM_ID,
    PREDICTION,
    PSEUDONYMS,
    RATING,
    TIME,
    USER_ID,
    Dataset,
    Interactions,
    Split,
    TrainingData,
)

SPEC = "given"


def given_split(found: Brought, name: str = "") -> tuple[Dataset, Split]:
    """A data set of all interactions, and the split in which `truth` is the test part and `train` what was known.

    Without `train` nothing is known of anybody: every item counts as a candidate, and metrics that need a history are
    undefined. There is no validation part. What was held out is liked by its own ratings, whether or not `train` has
    some. Items and people of the lists belong to the data set too; both stand in the order of their ids, as in an audit
    of the tables. Raises DataError for pairs of truth that were known already in every case.
    """
    logs = [_text(found.truth)] + ([] if found.train is None else [_text(found.train)])
    lists = [_text(frame[[USER_ID, ITEM_ID]]) for frame in found.systems.values()]
    people = _union([_text(found.users), *(log[[USER_ID]] for log in (*logs, *lists))], USER_ID)
    own = [] if found.items is None else [_text(found.items)]
    things = _union([*own, *(log[[ITEM_ID]] for log in (*logs, *lists))], ITEM_ID)
    # A rating or a time that only one of the files has says nothing about the other's rows.
    columns = [USER_ID, ITEM_ID, *(c for c in (RATING, TIME) if all(c in log and log[c].notna().all() for log in logs))]
    everything = pd.concat([log[columns] for log in logs], ignore_index=True)
    everything = everything.drop_duplicates([USER_ID, ITEM_ID], keep="first", ignore_index=True)
    title = name or found.truth.attrs.get("file", "given")
    threshold = found.threshold if RATING in columns else None
    about = {"split": SPEC, **({PSEUDONYMS: found.hidden} if found.hidden else {})}
    dataset = Dataset(title, everything, people, things, threshold, about)
    held, *known = [Dataset("", log, people, things) for log in logs]
    test = held.coded()
    before = known[0].coded() if known else test.take(np.arange(0))
    again = np.isin(_pairs(test, len(things)), _pairs(before, len(things)))
    if len(test) and again.all():
        raise DataError(
            "Every held-out pair is in the training file too, so nothing was held out.",
            "Check which file is which.",
        )
    training = TrainingData(people, things, before, before.take(np.arange(0)), found.threshold)
    predicted = held.column(PREDICTION).to_numpy(np.float64) if PREDICTION in found.truth else None
    return dataset, Split(dataset.name, SPEC, 0, training, test, predicted=predicted)


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with its ids as text, and rows numbered anew."""
    ids = [c for c in (USER_ID, ITEM_ID) if c in frame]
    return frame.astype(dict.fromkeys(ids, "str")).reset_index(drop=True)


def _union(tables: Sequence[pd.DataFrame], key: str) -> pd.DataFrame:
    """All rows by id, in the order of the ids, the first where an id comes twice."""
    rows = pd.concat(tables, ignore_index=True).drop_duplicates(key)
    return rows.loc[in_order(rows[key]).index].reset_index(drop=True)


def _pairs(part: Interactions, n_items: int) -> np.ndarray:
    return part.user.astype(np.int64) * n_items + part.item
