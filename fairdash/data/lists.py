"""The door for any recommender: its lists or scores from a file (CSV, TSV, Parquet …) against our people and items.

Columns: user_id, item_id, and rank (1 is best) or score (higher is better) or both; other columns are left alone. What
is odd about the rows is either repaired and said as a Finding, or refused with the file's row and column.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fairdash import columns, settings
from fairdash.data import read
from fairdash.data.findings import ROWS_SHOWN, Finding, Severity
from fairdash.errors import DataError
from fairdash.hashing import id_hash, mix
from fairdash.schema import ITEM_ID, USER_ID, Codes, Lists

RANK_NAMES = ("rank", "ranking", "position", "place")
SCORE_NAMES = ("score", "prediction", "predicted", "rating", "probability", "relevance", "weight")


def read_lists(
    source: read.Source,
    users: pd.DataFrame,
    items: pd.DataFrame,
    *,
    seen: sparse.csr_array | None = None,
    seed: int = 0,
    depth: int = settings.CANDIDATES,
) -> tuple[Lists, tuple[Finding, ...]]:
    """The lists of a file for `users`, in their order: Lists [n_users, depth], and what was found.

    users, items: tables with user_id and item_id; a row whose person or item is in neither is left out and counted.
    seen: bool csr [n_users, n_items], what people had in training; recommending it again is counted, and kept.
    Where there is a rank it gives the order, else the score, equal ones by a hash of (seed, item). An item that comes
    twice in a list keeps its better place; gaps close. depth: only the best so many of a list are kept.

    Raises DataError for a missing column, a missing id, a rank or score that is no number, two items at one rank, and
    a file in which no person or no item is known.
    """
    table = read.table(source)
    name, frame = table.name, table.frame
    found = {
        USER_ID: _column(name, frame, columns.USER_NAMES, USER_ID),
        ITEM_ID: _column(name, frame, columns.ITEM_NAMES, ITEM_ID),
    }
    rank_column, score_column = _known(frame, RANK_NAMES), _known(frame, SCORE_NAMES)
    if rank_column is None and score_column is None:
        raise DataError(
            f"{name} has neither a rank nor a score; its columns are {', '.join(frame.columns)}.",
            "Add a column `rank` (1 is best) or `score` (higher is better): without one there is no order.",
        )
    for title in found.values():
        _refuse(name, frame, title, frame[title].isna().to_numpy(), "the id is missing.", "Fill it in or drop the row.")
    findings: list[Finding] = []
    user = _codes(name, frame, found[USER_ID], users[USER_ID], "people", findings)
    item = _codes(name, frame, found[ITEM_ID], items[ITEM_ID], "items", findings)
    rank = None if rank_column is None else _ranks(name, frame, rank_column, findings)
    score = None if score_column is None else _numbers(name, frame, score_column)

    rows = np.flatnonzero((user >= 0) & (item >= 0))
    ties = mix(seed, id_hash(items[ITEM_ID]))[item[rows]]
    if rank is not None:
        order = np.lexsort((ties, rank[rows], user[rows]))
        rows = rows[order]
        twice = (user[rows][1:] == user[rows][:-1]) & (rank[rows][1:] == rank[rows][:-1])
        twice &= item[rows][1:] != item[rows][:-1]
        other = np.zeros(len(frame), bool)
        other[rows[1:][twice]] = True
        _refuse(
            name, frame, str(rank_column), other, "the person has another item at this rank.", "Give each its own rank."
        )
    else:
        assert score is not None
        rows = rows[np.lexsort((ties, -score[rows], user[rows]))]
        equal = (user[rows][1:] == user[rows][:-1]) & (score[rows][1:] == score[rows][:-1])
        if equal.any():
            message = f"{int(equal.sum()):,} rows have the score of another row of the same list; a hash of the item "
            findings.append(_finding("ties", "info", name, message + "orders them.", frame, rows[1:][equal]))

    pair = user[rows].astype(np.int64) * len(items) + item[rows]
    _, first = np.unique(pair, return_index=True)  # rows are best first, so the first of a pair is its better place
    repeated = np.ones(len(rows), bool)
    repeated[first] = False
    if repeated.any():
        message = f"{int(repeated.sum()):,} rows repeat an item of the same list; its better place counts."
        findings.append(_finding("repeated", "warning", name, message, frame, rows[repeated]))
        rows = rows[~repeated]
    lists = _lists(user[rows], item[rows], None if score is None else score[rows], len(users), depth)
    findings += _about(name, frame, lists, rows, user, item, rank, score, seen, depth)
    return lists, tuple(findings)


def _lists(user: Codes, item: Codes, score: NDArray[np.float64] | None, n_users: int, depth: int) -> Lists:
    """Rows that are sorted by user and best first → [n_users, depth]."""
    start = np.searchsorted(user, np.arange(n_users))
    place = np.arange(len(user)) - start[user]
    kept = place < depth
    codes = np.full((n_users, depth), -1, np.int32)
    values = np.full((n_users, depth), np.nan, np.float32)
    codes[user[kept], place[kept]] = item[kept]
    if score is not None:
        values[user[kept], place[kept]] = score[kept]
    return Lists(codes, values)


def _about(
    name: str,
    frame: pd.DataFrame,
    lists: Lists,
    rows: NDArray[np.int64],
    user: Codes,
    item: Codes,
    rank: NDArray[np.int64] | None,
    score: NDArray[np.float64] | None,
    seen: sparse.csr_array | None,
    depth: int,
) -> list[Finding]:
    """What a person should know about lists that can be used; `rows` are those in use, by user and best first."""
    result = []
    length = np.bincount(user[rows], minlength=len(lists.items))
    if (length == 0).any():
        message = f"{int((length == 0).sum()):,} of {len(length):,} people have no list; their accuracy counts as 0."
        result.append(_finding("no-list", "warning", name, message, frame, rows[:0], int((length == 0).sum())))
    short = (length > 0) & (length < settings.K)
    if short.any():
        message = f"{int(short.sum()):,} lists have fewer than {settings.K} items; empty places count as misses."
        result.append(_finding("short", "warning", name, message, frame, rows[short[user[rows]]], int(short.sum())))
    if (length > depth).any():
        beyond = int((length - depth).clip(min=0).sum())
        message = f"Lists are kept to their best {depth} items; {beyond:,} rows lie beyond."
        result.append(_finding("deep", "info", name, message, frame, rows[:0], beyond))
    same = user[rows][1:] == user[rows][:-1]
    if rank is not None:
        first = np.concatenate([[True], ~same])
        gaps = np.concatenate([[0], np.diff(rank[rows])]) > 1
        holes = (gaps & ~first) | (first & (rank[rows] > 1))
        if holes.any():
            n = len(np.unique(user[rows[holes]]))
            message = f"{n:,} lists have gaps in their ranks or do not start at 1; their items move up."
            result.append(_finding("gaps", "warning", name, message, frame, rows[holes], n))
        if score is not None:
            against = np.concatenate([[False], same & (np.diff(score[rows]) > 0)])
            if against.any():
                message = f"{int(against.sum()):,} rows have a higher score than a row of better rank; the rank counts."
                result.append(_finding("order", "warning", name, message, frame, rows[against]))
    if seen is not None and len(rows):
        had = np.asarray(seen[user[rows], item[rows]]).ravel().astype(bool)
        if had.any():
            message = f"{int(had.sum()):,} rows recommend what the person already had in training; they stay."
            result.append(_finding("seen", "warning", name, message, frame, rows[had]))
    return result


def _known(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    plain = {columns.plain(column): column for column in reversed(columns.names(frame))}
    return next((plain[name] for name in names if name in plain), None)


def _column(file: str, frame: pd.DataFrame, names: Sequence[str], role: str) -> str:
    found = _known(frame, names)
    if found is None:
        raise DataError(
            f"{file} has no column {role}; its columns are {', '.join(columns.names(frame))}.",
            "Name the columns in the first row: user_id, item_id, and rank or score.",
        )
    return found


def _codes(file: str, frame: pd.DataFrame, column: str, ids: pd.Series, whose: str, findings: list[Finding]) -> Codes:
    """Codes [n] of the ids, -1 for those that are not ours."""
    codes: Codes = pd.Index(ids).get_indexer(frame[column].str.strip()).astype(np.int32)
    unknown = np.flatnonzero(codes < 0)
    if len(unknown) == len(codes):
        raise DataError(
            f"{file}, row {frame.index[0]}, column {column}: {frame[column].iloc[0]!r} and all other ids there are "
            f"unknown; ours begin with {ids.iloc[0]!r}.",
            f"Use the ids of this data set's {whose}.",
        )
    if len(unknown):
        n = frame[column].iloc[unknown].nunique()
        message = f"{len(unknown):,} rows name {n:,} {whose} that this data set does not have; they are left out."
        findings.append(_finding(f"unknown-{whose}", "warning", file, message, frame, unknown))
    return codes


def _numbers(file: str, frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    values = columns.numbers(frame[column])
    said = frame[column].fillna("")
    wrong = np.isnan(values)
    row = int(np.argmax(wrong)) if wrong.any() else 0
    _refuse(file, frame, column, wrong, f"{said.iloc[row]!r} is no number.", "Every row needs a finite number there.")
    return values


def _ranks(file: str, frame: pd.DataFrame, column: str, findings: list[Finding]) -> NDArray[np.int64]:
    values = _numbers(file, frame, column)
    wrong = (values < 0) | (values != np.floor(values)) | (values > 2**53)
    _refuse(file, frame, column, wrong, "this is no rank.", "Ranks are whole numbers: 1, 2, 3, …")
    ranks = values.astype(np.int64)
    if len(ranks) and ranks.min() == 0:
        message = "Ranks start at 0; all are read as one more."
        findings.append(_finding("rank-0", "info", file, message, frame, np.flatnonzero(ranks == 0)))
        ranks = ranks + 1
    return ranks


def _refuse(file: str, frame: pd.DataFrame, column: str, wrong: NDArray[np.bool_], message: str, hint: str) -> None:
    """Raises a DataError that names the first wrong row."""
    if wrong.any():
        row = frame.index[int(np.argmax(wrong))]
        more = f" (and in {int(wrong.sum()) - 1:,} more rows)" if wrong.sum() > 1 else ""
        raise DataError(f"{file}, row {row}, column {column}: {message}{more}", hint)


def _finding(
    key: str,
    severity: Severity,
    file: str,
    message: str,
    frame: pd.DataFrame,
    rows: NDArray[np.int64],
    count: int | None = None,
) -> Finding:
    shown = tuple(sorted(int(frame.index[row]) for row in rows[:ROWS_SHOWN]))
    return Finding(key, severity, file, message, len(rows) if count is None else count, shown)
