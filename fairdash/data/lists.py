"""The lists of any recommender from a file or a frame, against our people and items.

Columns are recognised, and ids repaired, as in `brought`; the rank gives the order, else the score. A rank is where the
person saw the item: what is unknown here or repeats an item leaves its place empty, as holes in the ranks are.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fairdash import columns, settings, words
from fairdash.data import brought
from fairdash.data.findings import ROWS_SHOWN, Finding, Severity, UnansweredError, questions
from fairdash.data.options import ImportOptions
from fairdash.data.pseudonyms import Pseudonyms
from fairdash.data.table import Table
from fairdash.errors import DataError
from fairdash.hashing import id_hash, mix
from fairdash.schema import ITEM_ID, RANK, SCORE, USER_ID, Codes, Lists, slim
from fairdash.words import Said


def read_lists(
    source: brought.Brings | Table,
    users: pd.DataFrame,
    items: pd.DataFrame,
    *,
    system: str | None = None,
    seen: sparse.csr_array | None = None,
    seed: int = 0,
    depth: int = settings.CANDIDATES,
    options: ImportOptions | None = None,
    accept_guesses: bool = True,
) -> tuple[Lists, tuple[Finding, ...]]:
    """The lists of a file for `users`, in their order: Lists [n_users, depth], and what was found.

    users, items: tables with user_id and item_id; a row whose person or item is in neither is left out and counted.
    system: whose lists, where a column names several. seen: bool csr [n_users, n_items], what people had in training;
    recommending it again is counted, and kept. Where there is a rank it gives the order, else the score, equal ones by
    a hash of (seed, item). An item that comes twice in a list keeps its better place. depth: only the best so many
    places of a list are kept. accept_guesses: take the likely answer to what is asked.

    Raises DataError for a missing column, lists of several systems, a rank or score that is no number, two items at
    one rank, and a file in which no person or no item is known; UnansweredError where something is asked and guesses
    are not accepted.
    """
    by_system = read_systems(source, users, items, seen=seen, seed=seed, depth=depth, options=options)
    if system is None and len(by_system) > 1:
        shown = ", ".join(by_system)
        raise DataError(
            words.say("There are lists of {n} systems: {shown}.", n=len(by_system), shown=shown),
            "Choose one of them (--system).",
        )
    if system is not None and system not in by_system:
        raise DataError(
            words.say("There are no lists of {system}.", system=repr(system)),
            words.say("There are those of {names}.", names=", ".join(by_system)),
        )
    lists, findings = by_system[next(iter(by_system)) if system is None else system]
    asked = questions(findings)
    if asked and not accept_guesses:
        raise UnansweredError(asked)
    return lists, findings


def read_systems(
    source: brought.Brings | Table,
    users: pd.DataFrame,
    items: pd.DataFrame,
    *,
    seen: sparse.csr_array | None = None,
    seed: int = 0,
    depth: int = settings.CANDIDATES,
    options: ImportOptions | None = None,
    hidden: Pseudonyms | None = None,
) -> dict[str, tuple[Lists, tuple[Finding, ...]]]:
    """The lists of each system that a column `system` or `model` names, by its name ("" without); see `read_lists`.
    A table that was `entered` already is one of several that the options are about. hidden: whose pseudonyms `users`
    has, where the file has ids."""
    options = options or ImportOptions()
    findings: list[Finding] = []
    if isinstance(source, Table):
        table = source
    else:
        table = brought.entered(source, "recommendations", options, findings, RANK)
        brought.must_have(options, [table])
    lists, rest = brought.list_columns(brought.one_spelling(table, options, findings), options, findings)
    if len(rest.columns):
        message = words.say("These columns are not used: {names}.", names=", ".join(columns.names(rest)))
        findings.append(Finding("columns_aside", "info", table.name, message, len(rest.columns)))
    frames = {"recommendations": lists, "users": users[[USER_ID]], "items": items[[ITEM_ID]]}
    lists = brought.repaired(frames, {"recommendations": table.name, "users": "", "items": ""}, findings)[
        "recommendations"
    ]
    if hidden is not None:
        findings = list(hidden.untold(findings, lists[USER_ID]))
        lists = lists.assign(**{USER_ID: hidden.meeting(lists[USER_ID], users[USER_ID])})
    found = {}
    for name, part in brought.systems_of(lists).items():
        own: list[Finding] = []
        made = _of_one(table.name, part, users, items, seen, seed, depth, own)
        found[name] = made, (*findings, *own)
    return found


def _of_one(
    name: str,
    frame: pd.DataFrame,
    users: pd.DataFrame,
    items: pd.DataFrame,
    seen: sparse.csr_array | None,
    seed: int,
    depth: int,
    findings: list[Finding],
) -> Lists:
    """user_id, item_id, rank or score → Lists [n_users, depth]."""
    user = _codes(name, frame, USER_ID, users[USER_ID], "people", findings)
    item = _codes(name, frame, ITEM_ID, items[ITEM_ID], "items", findings)
    score = None if SCORE not in frame else _numbers(name, frame, SCORE, needed=RANK not in frame)
    place, things = pd.factorize(frame[ITEM_ID].astype("str"))
    ties = mix(seed, id_hash(pd.Series(things)))[place]

    rows = np.flatnonzero(user >= 0)
    if RANK in frame:
        rank = _ranks(name, frame, RANK, findings)
        rows = rows[np.lexsort((ties[rows], rank[rows], user[rows]))]
        twice = (user[rows][1:] == user[rows][:-1]) & (rank[rows][1:] == rank[rows][:-1])
        twice &= place[rows][1:] != place[rows][:-1]
        other = np.zeros(len(frame), bool)
        other[rows[1:][twice]] = True
        _refuse(name, frame, RANK, other, "the person has another item at this rank.", "Give each its own rank.")
    else:
        assert score is not None
        rows = rows[np.lexsort((ties[rows], -score[rows], user[rows]))]
        equal = (user[rows][1:] == user[rows][:-1]) & (score[rows][1:] == score[rows][:-1])
        if equal.any():
            message = words.say(
                "{n} row has the score of another row of the same list; a hash of the item orders them.",
                "{n} rows have the score of another row of the same list; a hash of the item orders them.",
                n=int(equal.sum()),
            )
            findings.append(_finding("ties", "info", name, message, frame, rows[1:][equal]))
        rank = np.zeros(len(frame), np.int64)
        rank[rows] = np.arange(len(rows)) - np.searchsorted(user[rows], user[rows]) + 1
    if RANK in frame:
        _about_ranks(name, frame, rows, user, rank, findings)

    pair = user[rows].astype(np.int64) * len(things) + place[rows]
    _, first = np.unique(pair, return_index=True)  # rows are best first, so the first of a pair is its better place
    repeated = np.ones(len(rows), bool)
    repeated[first] = False
    if repeated.any():
        message = words.say(
            "{n} row repeats an item of the same list; its better place counts, the other stays empty.",
            "{n} rows repeat an item of the same list; its better place counts, the other stays empty.",
            n=int(repeated.sum()),
        )
        findings.append(_finding("repeated", "warning", name, message, frame, rows[repeated]))
    rows = rows[~repeated & (item[rows] >= 0)]
    lists = _lists(user[rows], item[rows], rank[rows], None if score is None else score[rows], len(users), depth)
    findings += _about(name, frame, lists, rows, user, item, rank, seen, depth)
    return lists


def _lists(
    user: Codes, item: Codes, rank: NDArray[np.int64], score: NDArray[np.float64] | None, n_users: int, depth: int
) -> Lists:
    """Rows with their ranks → [n_users, depth]; a place without a row is -1."""
    kept = rank <= depth
    codes = np.full((n_users, depth), -1, np.int32)
    values = np.full((n_users, depth), np.nan)
    codes[user[kept], rank[kept] - 1] = item[kept]
    if score is not None:
        values[user[kept], rank[kept] - 1] = score[kept]
    return Lists(codes, slim(values))


def _about_ranks(
    name: str,
    frame: pd.DataFrame,
    rows: NDArray[np.int64],
    user: Codes,
    rank: NDArray[np.int64],
    findings: list[Finding],
) -> None:
    """Holes in the ranks; `rows` are sorted by user, best first."""
    same = user[rows][1:] == user[rows][:-1]
    first = np.concatenate([[True], ~same])
    gaps = np.concatenate([[0], np.diff(rank[rows])]) > 1
    holes = (gaps & ~first) | (first & (rank[rows] > 1))
    if holes.any():
        n = len(np.unique(user[rows[holes]]))
        message = words.say(
            "{n} list has holes in its ranks; each item keeps the rank that it was given.",
            "{n} lists have holes in their ranks; each item keeps the rank that it was given.",
            n=n,
        )
        findings.append(_finding("gaps", "warning", name, message, frame, rows[holes], n))


def _about(
    name: str,
    frame: pd.DataFrame,
    lists: Lists,
    rows: NDArray[np.int64],
    user: Codes,
    item: Codes,
    rank: NDArray[np.int64],
    seen: sparse.csr_array | None,
    depth: int,
) -> list[Finding]:
    """What a person should know about lists that can be used; `rows` are those in use, by user and best first."""
    result = []
    length = np.bincount(user[rows], minlength=len(lists.items))
    if (length == 0).any():
        message = words.say(
            "{n} of {m} people has no list; that accuracy counts as 0.",
            "{n} of {m} people have no list; their accuracy counts as 0.",
            n=int((length == 0).sum()),
            m=len(length),
        )
        result.append(_finding("no-list", "warning", name, message, frame, rows[:0], int((length == 0).sum())))
    short = (length > 0) & (length < settings.K)
    if short.any():
        message = words.say(
            "{n} list has fewer than {k} items; empty places count as misses.",
            "{n} lists have fewer than {k} items; empty places count as misses.",
            n=int(short.sum()),
            k=settings.K,
        )
        result.append(_finding("short", "warning", name, message, frame, rows[short[user[rows]]], int(short.sum())))
    beyond = int((rank[rows] > depth).sum())
    if beyond:
        message = words.say(
            "Lists are kept to their best {depth} places; {n} row lies beyond.",
            "Lists are kept to their best {depth} places; {n} rows lie beyond.",
            depth=depth,
            n=beyond,
        )
        result.append(_finding("deep", "info", name, message, frame, rows[:0], beyond))
    if seen is not None and len(rows):
        had = np.asarray(seen[user[rows], item[rows]]).ravel().astype(bool)
        if had.any():
            message = words.say(
                "{n} row recommends what the person already had in training; it stays.",
                "{n} rows recommend what the person already had in training; they stay.",
                n=int(had.sum()),
            )
            result.append(_finding("seen", "warning", name, message, frame, rows[had]))
    return result


def _codes(file: str, frame: pd.DataFrame, column: str, ids: pd.Series, whose: str, findings: list[Finding]) -> Codes:
    """Codes [n] of the ids, -1 for those that are not ours."""
    codes: Codes = pd.Index(ids).get_indexer(frame[column].astype("str")).astype(np.int32)
    unknown = np.flatnonzero(codes < 0)
    if len(unknown) == len(codes):
        raise DataError(
            words.say(
                "{file}, row {index}, column {column}: {value} and all other ids there are unknown; ours begin "
                "with {value_2}.",
                file=file,
                index=frame.index[0],
                column=column,
                value=repr(frame[column].iloc[0]),
                value_2=repr(ids.iloc[0]),
            ),
            words.say("Use the ids of this data set's {whose}.", whose=words.say(whose)),
        )
    if len(unknown):
        n = frame[column].iloc[unknown].nunique()
        message = words.say(
            "{n} row names {items} that this data set does not have; its place stays empty.",
            "{n} rows name {items} that this data set does not have; their places stay empty.",
            n=len(unknown),
            items=words.count(n, "item"),
        )
        if whose == "people":
            message = words.say(
                "{n} row names {people} that this data set does not have; it is left out.",
                "{n} rows name {people} that this data set does not have; they are left out.",
                n=len(unknown),
                people=words.count(n, "person", "people"),
            )
        findings.append(_finding(f"unknown-{whose}", "warning", file, message, frame, unknown))
    return codes


def _numbers(file: str, frame: pd.DataFrame, column: str, needed: bool = True) -> NDArray[np.float64]:
    values = columns.numbers(frame[column])
    if not needed:
        return values
    said = frame[column].astype("str").fillna("")
    wrong = np.isnan(values)
    row = int(np.argmax(wrong)) if wrong.any() else 0
    _refuse(
        file,
        frame,
        column,
        wrong,
        words.say("{value} is no number.", value=repr(said.iloc[row])),
        "Every row needs a finite number there.",
    )
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


def _refuse(file: str, frame: pd.DataFrame, column: str, wrong: NDArray[np.bool_], message: Said, hint: Said) -> None:
    """Raises a DataError that names the first wrong row."""
    if wrong.any():
        row = frame.index[int(np.argmax(wrong))]
        more = (
            words.say(" (and in {n} more row)", " (and in {n} more rows)", n=int(wrong.sum()) - 1)
            if wrong.sum() > 1
            else ""
        )
        raise DataError(
            words.say(
                "{file}, row {row}, column {column}: {message}{more}",
                file=file,
                row=row,
                column=column,
                message=words.again(message),
                more=more,
            ),
            hint,
        )


def _finding(
    key: str,
    severity: Severity,
    file: str,
    message: Said,
    frame: pd.DataFrame,
    rows: NDArray[np.int64],
    count: int | None = None,
) -> Finding:
    shown = tuple(sorted(int(frame.index[row]) for row in rows[:ROWS_SHOWN]))
    return Finding(key, severity, file, message, len(rows) if count is None else count, shown)
