"""The tables of an audit, brought as files or as frames: read, recognised and repaired by the rules of the import.

recommendations, truth, train, users, items → frames under their roles' names, whose ids are of one form, with all that
was guessed, ignored or repaired as findings. A frame enters where a file has been cut into columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns, words
from fairdash.data import (
    attributes,
    check,
    clean,
    files,
    importing,
    mapping,
    meaning,
    read,
    repeats,
    shapes,
    times,
    values,
)
from fairdash.data.check import Tables
from fairdash.data.findings import Finding, Question, Severity, UnansweredError, examples, first_rows, questions
from fairdash.data.options import ImportOptions
from fairdash.data.table import Source, Table
from fairdash.errors import DataError
from fairdash.schema import CATEGORIES, ITEM_ID, PREDICTION, RANK, RATING, SCORE, TIME, TITLE, UNKNOWN, USER_ID
from fairdash.words import Said

SYSTEM = "system"
_SYSTEMS = 50  # more different values than that tell no systems apart
LOOK = 2_000_000  # rows of lists in which scores are held against ranks
_FEWEST = 10  # pairs of neighbours in lists, before their scores are held to go the other way
_LISTS = "lists: "  # before the names of tables of lists, among those of the other tables
Brings = Source | pd.DataFrame
Lists = Brings | Sequence[Brings] | Mapping[str, Brings]  # several: a list, or by the names of their systems


@dataclass(frozen=True, eq=False)
class Brought:
    """systems: by name ("" where there is one without), user_id, item_id, rank or score or both. truth: user_id,
    item_id[, rating][, prediction][, time], no row where nothing was held out. train: user_id, item_id[, rating]
    [, time], or None. users: user_id and attributes. items: item_id[, title][, categories] and attributes, or None. No
    person and item comes twice in truth and train. Index: the row in the file; attrs["file"]: its name. Ids are text,
    or whole numbers where all tables were frames of them. threshold: liked from this rating on; None: each held-out
    item is. units: of the times of lists and truth. told: of systems that are one language model which was told
    something of people, the attribute and the value, both "" where it was told nothing. empty: user_id, attribute,
    value of lists of such a model that are there and hold nothing. hidden: the name of the key by
    which people have pseudonyms; "": they have their ids."""

    systems: dict[str, pd.DataFrame]
    truth: pd.DataFrame
    users: pd.DataFrame
    train: pd.DataFrame | None
    items: pd.DataFrame | None
    threshold: float | None
    findings: tuple[Finding, ...]
    units: tuple[str, ...] = ()
    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    empty: pd.DataFrame | None = None
    hidden: str = ""


def bring(
    recommendations: Lists | None,
    truth: Brings | None,
    users: Brings | None = None,
    train: Brings | Sequence[Brings] | None = None,
    items: Brings | None = None,
    *,
    options: ImportOptions | None = None,
    accept_guesses: bool = True,
    timed: bool = False,
) -> Brought:
    """Read and repair the tables of an audit; one of lists and truth has to be there. timed: lists keep their times,
    where they have some. Raises the errors of `data.build`."""
    options = options or ImportOptions()
    findings: list[Finding] = []
    log = None if truth is None else entered(truth, "truth", options, findings)
    lists = _entered_lists(recommendations, options, findings)
    people = None if users is None else entered(users, "users", options, findings)
    things = None if items is None else entered(items, "items", options, findings)
    several = train if isinstance(train, list) else [] if train is None else [train]
    before = [entered(cast(Brings, part), "train", options, findings) for part in several]

    must_have(options, [*([] if log is None else [log]), *lists.values(), *before])
    frames: dict[str, pd.DataFrame] = {}
    beside: dict[str, tuple[str, pd.DataFrame]] = {}
    names: dict[str, str] = {}
    threshold = None
    units: list[str] = []
    told: dict[str, tuple[str, str]] = {}
    empty: list[pd.DataFrame] = []
    if log is not None:
        frames["truth"], rest, kind = _log(log, options, findings, held=True)
        threshold = meaning.relevance(log.name, frames["truth"].get(RATING), kind, options, findings)
        beside["truth"], names["truth"] = (log.name, rest), log.name
        units += [unit] if (unit := frames["truth"].attrs.get("time_unit")) else []
    elif not lists:
        raise DataError("Neither lists nor held-out items were given.", "Give at least one table of recommendations.")
    for name, given in lists.items():
        table = one_spelling(given, options, findings)
        frames[name], other = list_columns(table, options, findings, timed=timed)
        units += [unit] if (unit := frames[name].attrs.get("time_unit")) else []
        told |= (own := frames[name].attrs.get("told", {}))
        empty += [_empty_lists(table, frames[name], options)] if own and table.empty is not None else []
        beside[name], names[name] = (table.name, other), table.name
    if log is None:
        message = (
            "No held-out items were given: accuracy and all that needs liked items are undefined; exposure, "
            "categories and what groups are shown are of the lists alone."
        )
        findings.append(Finding("no_truth", "warning", "", message))
    first = next(iter(frames))  # that of truth, where there is one
    if before:
        logs = [_log(part, options, findings)[0] for part in before]
        frames["train"] = pd.concat([part[[c for c in columns.names(logs[0]) if c in part]] for part in logs])
        names["train"] = before[0].name
    if people is not None:
        frames["users"] = _entities(people, USER_ID, options.users_id, columns.USER_NAMES, frames[first], findings)
        names["users"] = people.name
    if things is not None:
        frames["items"] = _things(things, options, frames[first], findings)
        names["items"] = things.name
    frames = repaired(frames, names, findings)
    if "users" not in frames:
        frames["users"] = pd.DataFrame({USER_ID: _different([frames[name][USER_ID] for name in beside])})
    for name, (file, others) in beside.items():
        if len(others.columns):
            same = others if len(others) == len(frames[name]) else others.loc[others.index.isin(frames[name].index)]
            frames["users"], moved = importing.personal(file, frames[name], same, frames["users"], [], findings)
            unused(file, [c for c in columns.names(same) if c not in moved], findings)
    for name in ("truth", "train"):
        if name in frames:
            frames[name] = _once(frames[name], names[name], options, findings, held=name == "truth")
    frames["users"] = described(frames["users"], frames[first], names.get("users", ""), options, findings)
    _strangers(frames, list(lists), names, findings)
    asked = questions(findings)
    if asked and not accept_guesses:
        raise UnansweredError(asked)
    for name in ("truth", "users", "items"):
        if name in frames:
            frames[name] = _ordered(frames[name])
    if log is None:
        frames["truth"] = frames[first].iloc[:0][[USER_ID, ITEM_ID]]
        names["truth"] = names[first]
    for name, frame in frames.items():
        frame.attrs["file"] = names.get(name, name)
    systems = _systems({name: frames[name] for name in lists})
    return Brought(
        systems,
        frames["truth"],
        frames["users"],
        frames.get("train"),
        frames.get("items"),
        threshold,
        tuple(findings),
        tuple(dict.fromkeys(units)),
        {name: told[own] for name in systems if (own := name.rpartition(": ")[2]) in told},
        pd.concat(empty) if empty else None,
    )


def _entered_lists(given: Lists | None, options: ImportOptions, findings: list[Finding]) -> dict[str, Table]:
    """The tables of lists by a name that no other table has: "lists: " and what its systems are called by."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        sources = dict(given)
    elif isinstance(given, list):
        stems = [_stem(source, i) for i, source in enumerate(given)]
        sources = {
            stem if stems.count(stem) == 1 else f"{stem} ({stems[:i].count(stem) + 1})": source
            for i, (stem, source) in enumerate(zip(stems, given, strict=True))
        }
    else:
        sources = {"": cast(Brings, given)}
    if not sources:
        raise DataError("No lists were given.", "Give at least one table of recommendations.")
    tables = {name: entered(source, "recommendations", options, findings, RANK) for name, source in sources.items()}
    return {_LISTS + name: table for name, table in tables.items()}


def _stem(source: Brings, place: int) -> str:
    if isinstance(source, pd.DataFrame):
        return PurePath(str(source.attrs.get("file", f"system {place + 1}"))).stem
    return PurePath(read.file_name(source)).stem


def _systems(lists: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The lists of each system: by the name in its column, by that of its file, by both where there are both."""
    found: dict[str, pd.DataFrame] = {}
    for key, frame in lists.items():
        file = key.removeprefix(_LISTS)
        for name, part in systems_of(frame).items():
            found[f"{file}: {name}" if file and name else file or name] = part
    return found


def entered(source: Brings, what: str, options: ImportOptions, findings: list[Finding], place: str = TIME) -> Table:
    """A file that is read, cut and laid out, or a frame as it is; what was seen on the way goes to the findings."""
    if isinstance(source, pd.DataFrame):
        frame = source.reset_index() if source.index.names != [None] else source.copy(deep=False)
        frame.columns = pd.Index([str(column) for column in frame.columns])
        if not frame.columns.is_unique:
            twice = frame.columns[frame.columns.duplicated()][0]
            raise DataError(
                words.say("{what} has two columns {twice}.", what=what, twice=repr(twice)),
                "Give every column its own name.",
            )
        texts = {c: frame[c].astype("str") for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c].dtype)}
        lists = {c: _list_texts(source[c]) for c in source.columns if _holds_lists(source[c])}
        frame = frame.assign(**{**texts, **{str(c): text for c, text in lists.items()}})
        if not (pd.api.types.is_integer_dtype(frame.index.dtype) and len(frame) and frame.index.min() > 0):
            frame.index = pd.RangeIndex(1, len(frame) + 1)
        table = Table(str(source.attrs.get("file", what)), frame, "frame", "utf-8", True)
        if what in ("users", "items"):
            return table
        table = shapes.dated(table)
        return shapes.rows(table, place, options.user) if lists or known(frame, columns.ITEM_NAMES) is None else table
    own = {"users": options.read_users, "items": options.read_items}.get(what, options.read_interactions)
    table, _ = shapes.recognise(read.table(source, options.reading(own)))
    if what in ("users", "items"):
        table = shapes.named_people(table) if what == "users" else shapes.joined_categories(table)
    else:
        table = shapes.rows(shapes.dated(table), place, options.user)
    # The order in time is asked of interactions alone; here it is of no account.
    findings += [replace(f, question=None) if f.key == "laid_out" else f for f in files.seen(table)]
    return table


def _holds_lists(column: pd.Series) -> bool:
    return bool(
        column.dtype == object and column.head(20).map(lambda cell: isinstance(cell, (list, tuple, np.ndarray))).any()
    )


def _list_texts(column: pd.Series) -> pd.Series:
    from fairdash.data.formats import cell_of

    return column.map(lambda value: cell_of(str(column.name), value)).astype("str")


# ---- columns → roles ---------------------------------------------------------------------------------------------


def list_columns(
    table: Table, options: ImportOptions, findings: list[Finding], *, timed: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """user_id, item_id and rank, score, system as far as they are there, and the columns beside them. timed: also time,
    with its unit in attrs."""
    chosen = list_roles(table, options, findings)
    once = chosen.get(RANK, chosen[ITEM_ID])
    table = meaning.of_fold(table, (chosen[USER_ID], once), options, findings, held=True)
    table = _in_numbers(table, chosen, findings)
    twice = RANK in chosen and _twice(table.frame, chosen[USER_ID], chosen[RANK])
    if twice or SYSTEM in chosen:
        table = _no_repeats(table, chosen, findings)
    asked = _told(table.frame, chosen) if SYSTEM not in chosen and options.system is None else {}
    if asked and RANK in chosen:
        _check_told_once(table, chosen)
    if SYSTEM not in chosen and options.system is None and not asked and (twice or RANK not in chosen):
        chosen |= _several_lists(table, chosen, findings, timed=timed)
    frame = table.frame
    told = [known(frame, names) for names in (columns.TOLD_NAMES, columns.VALUE_NAMES)] if asked else []
    column = known(frame, columns.TIME_NAMES, set(chosen.values())) if timed else None
    if timed and options.time and options.time in frame:
        column = options.time
    chosen = ordered_by(table, chosen, [c for c in (*told, column) if c], options, findings)
    made = pd.DataFrame({name: frame[column] for name, column in chosen.items()}, copy=False)
    if asked:
        attribute, value = (known(frame, names) for names in (columns.TOLD_NAMES, columns.VALUE_NAMES))
        made[SYSTEM] = [_system_told(a, v) for a, v in zip(frame[attribute], frame[value], strict=True)]
        made.attrs["told"] = asked
        frame = frame.drop(columns=[attribute, value])
    when = None if column is None else meaning.moments(table, column, None, options, findings)
    if column is not None and when is not None:
        made[TIME], chosen[TIME] = when[0], column
        made.attrs["time_unit"] = when[1]
    if SYSTEM in made and made[SYSTEM].nunique() < 2:
        made = made.drop(columns=SYSTEM)
    return made, frame[[c for c in columns.names(frame) if c not in chosen.values()]]


def _in_numbers(table: Table, chosen: Mapping[str, str], findings: list[Finding]) -> Table:
    """The table with scores and ranks that are written in other ways than Python's (0,93, 93 %, 1st) as numbers."""
    frame = table.frame
    for role, read_so in ((SCORE, values.read), (RANK, values.places)):
        column = chosen.get(role)
        if column is None or pd.api.types.is_numeric_dtype(frame[column].dtype):
            continue
        got = read_so(frame[column])
        if not got.note or got.bad.any():
            continue
        message = words.say(
            "{column}: {n} cell, {shown}, is read as a number.",
            "{column}: {n} cells such as {shown} are read as numbers.",
            column=column,
            n=got.count,
            shown=examples(frame[column].dropna().head(100)),
        )
        findings.append(Finding(got.note, "info", table.name, message, got.count))
        frame = frame.assign(**{column: got.numbers})
    return replace(table, frame=frame)


def _twice(frame: pd.DataFrame, person: str, rank: str) -> bool:
    """Whether somebody has two rows of one rank."""
    key = repeats.paired(*(frame[c].to_numpy() if frame[c].dtype.kind == "i" else None for c in (person, rank)))
    return bool(frame.duplicated([person, rank]).any()) if key is None else repeats.twice(key)


def _no_repeats(table: Table, chosen: Mapping[str, str], findings: list[Finding]) -> Table:
    """The table without rows that say the same of the same list as another one."""
    if RANK not in chosen:
        return table  # without ranks, one of two equal items counts in any case
    again = table.frame.duplicated(list(dict.fromkeys(chosen.values()))) & table.frame[chosen[USER_ID]].notna()
    if not again.any() or not (rest := table.frame[~again]).shape[0]:
        return table
    others = [c for c in columns.names(table.frame) if c not in chosen.values()]
    if not table.frame.duplicated()[again].all() and others:
        return table  # what stands beside may tell lists apart
    message = words.say(
        "{n} row is in the file twice; one of them counts.",
        "{n} rows are in the file twice; one of each counts.",
        n=int(again.sum()),
    )
    findings.append(_finding("repeated_rows", "warning", table.name, message, table.frame, again, applied=True))
    return replace(table, frame=rest)


def ordered_by(
    table: Table, chosen: dict[str, str], apart: Sequence[str], options: ImportOptions, findings: list[Finding]
) -> dict[str, str]:
    """The roles without the rank, where the first LOOK rows tell opposite orders by rank and by score, and the rank is
    a mere place in a cell that scores stand beside; asked in either case. apart: columns that tell lists of a person
    apart, beside the system's."""
    if not {RANK, SCORE} <= chosen.keys() or options.rank is not None:
        return chosen
    frame = table.frame.head(LOOK)
    rank, score = (columns.numbers(frame[chosen[name]]) for name in (RANK, SCORE))
    told = np.isfinite(rank) & np.isfinite(score)
    if not told.any():
        return chosen
    lists = [chosen[USER_ID], *([chosen[SYSTEM]] if SYSTEM in chosen else []), *apart]
    of = frame[lists].astype("str").agg("\x1f".join, axis=1) if len(lists) > 1 else frame[lists[0]]
    codes = pd.factorize(of)[0][told]
    order = np.lexsort((rank[told], codes))
    codes, sorted_score = codes[order], score[told][order]
    same = codes[1:] == codes[:-1]
    rises = same & (np.diff(sorted_score) > 0)
    if not rises.any():
        return chosen
    if rises.sum() <= 0.5 * same.sum() or same.sum() < _FEWEST:
        message = words.say(
            "{n} row has a higher score than a row of better rank; the rank counts.",
            "{n} rows have a higher score than a row of better rank; the rank counts.",
            n=int(rises.sum()),
        )
        where = np.zeros(len(frame), dtype=bool)
        where[np.flatnonzero(told)[order[1:][rises]]] = True
        findings.append(_finding("order", "warning", table.name, message, frame, where))
        return chosen
    laid = chosen[RANK] == RANK and any(note.key == "laid_out" for note in table.notes)
    likely = "" if laid else chosen[RANK]
    text = words.say(
        "{name}: {rank} and {score} tell opposite orders: the first of a list has the lowest score. Does {rank} give "
        "the order, or (none) {score}?",
        name=table.name,
        rank=chosen[RANK],
        score=chosen[SCORE],
    )
    question = Question("rank", text, (chosen[RANK], ""), likely)
    findings.append(Finding("opposite_orders", "warning", table.name, text, int(rises.sum()), question=question))
    return {name: column for name, column in chosen.items() if name != RANK or likely}


def _told(frame: pd.DataFrame, chosen: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Where rows say what a language model was told of the person: the name of each system → (attribute, value)."""
    taken = set(chosen.values())
    attribute, value = (known(frame, names, taken) for names in (columns.TOLD_NAMES, columns.VALUE_NAMES))
    if attribute is None or value is None:
        return {}
    pairs = frame[[attribute, value]].drop_duplicates().itertuples(index=False)
    return {_system_told(a, v): ("", "") if _nothing(v) else (str(a), str(v)) for a, v in pairs}


def _check_told_once(table: Table, chosen: Mapping[str, str]) -> None:
    """DataError where somebody has two lists of one value."""
    frame, person = table.frame, chosen[USER_ID]
    attribute, value = (known(frame, names) for names in (columns.TOLD_NAMES, columns.VALUE_NAMES))
    system = pd.Series(
        [_system_told(a, v) for a, v in zip(frame[attribute], frame[value], strict=True)], index=frame.index
    )
    twice = pd.DataFrame({"person": frame[person], "system": system, "rank": frame[chosen[RANK]]}).duplicated()
    if not twice.any():
        return
    row = int(np.argmax(twice))
    raise DataError(
        words.say(
            "{name}, row {row}: {person} has two lists of what the model was told there ({system}).",
            name=table.name,
            row=int(frame.index[row]),
            person=repr(str(frame[person].iloc[row])),
            system=system.iloc[row],
        ),
        words.say("Keep one list for each person and value; neutral lists have no value."),
    )


def one_spelling(table: Table, options: ImportOptions, findings: list[Finding]) -> Table:
    """The table with values that a language model was told in one spelling each, as those of people are; female and
    FEMALE count as one in any case."""
    attribute, value = (known(table.frame, names) for names in (columns.TOLD_NAMES, columns.VALUE_NAMES))
    if attribute is None or value is None:
        return table
    parts = [part for part in (table.frame, table.empty) if part is not None]
    person = options.user if options.user in table.frame else known(table.frame, columns.USER_NAMES)
    of = [c for c in (person, attribute, value) if c is not None]  # a list counts once, however long it is
    cells = pd.concat([part[of] for part in parts]).drop_duplicates().astype("str")
    cells = cells.assign(**{c: columns.stripped(cells[c]) for c in (attribute, value)})
    named = _first_spelling(cells[attribute])
    into: dict[tuple[str, str], str] = {}
    for name, own in cells[value].groupby(cells[attribute].map(named)):
        people = pd.DataFrame({USER_ID: np.arange(len(own)), str(name): own.to_numpy(object)}).astype("str")
        tables = Tables(people.iloc[:0], people, people.iloc[:0], ("", table.name, ""), None, None)
        merge, asked = options.merge_spellings is not False, options.merge_spellings is None
        for one in check.spellings(tables):
            findings.append(replace(one, applied=merge, question=one.question if asked else None, rows=()))
        merged = attributes.spellings(people[str(name)], str(name)) if merge else {}
        short = _first_spelling(own.map(lambda text, merged=merged: merged.get(text, text)))
        into |= {(str(name), text): short[merged.get(text, text)] for text in own.dropna().unique()}

    def spelled(frame: pd.DataFrame) -> pd.DataFrame:
        names = columns.stripped(frame[attribute].astype("str")).map(named)
        texts = columns.stripped(frame[value].astype("str"))
        same = [into.get(pair, pair[1]) for pair in zip(names, texts, strict=True)]
        changed = {attribute: names, value: pd.Series(same, index=frame.index, dtype="str")}
        return frame.assign(**changed)

    return replace(table, frame=spelled(table.frame), empty=None if table.empty is None else spelled(table.empty))


def _first_spelling(column: pd.Series) -> dict[str, str]:
    """Each text → the most frequent one that differs from it in case alone."""
    counts = column.dropna().value_counts()
    best: dict[str, str] = {}
    for text in counts.index:
        best.setdefault(text.casefold(), text)
    return {text: best[text.casefold()] for text in counts.index}


def _empty_lists(table: Table, lists: pd.DataFrame, options: ImportOptions) -> pd.DataFrame:
    """user_id, attribute, value of the rows whose list is empty; both of the latter "" where nothing was told."""
    assert table.empty is not None
    frame = table.empty
    person = next(c for c in columns.names(frame) if c == options.user or columns.is_called(c, columns.USER_NAMES))
    attribute, value = (known(frame, names) for names in (columns.TOLD_NAMES, columns.VALUE_NAMES))
    nothing = frame[value].map(_nothing).to_numpy(bool)
    return pd.DataFrame(
        {
            USER_ID: columns.stripped(frame[person].astype("str")),
            "attribute": frame[attribute].mask(nothing, ""),
            "value": frame[value].mask(nothing, ""),
        }
    )


def _nothing(value: Any) -> bool:
    return bool(pd.isna(value)) or columns.plain(str(value)) in ("", *columns.NEUTRAL_NAMES)


def _system_told(attribute: Any, value: Any) -> str:
    return "neutral" if _nothing(value) else f"{attribute} = {value}"


def _several_lists(table: Table, chosen: Mapping[str, str], findings: list[Finding], *, timed: bool) -> dict[str, str]:
    """The column that tells lists apart where people have several: taken as the system's, and asked. Raises DataError
    where only a time does, and windows were not asked for."""
    frame, person = table.frame, chosen[USER_ID]
    once = [chosen[RANK]] if RANK in chosen else [chosen[ITEM_ID]]
    pairs = frame[[person, *dict.fromkeys([*once, chosen[ITEM_ID]])]].drop_duplicates() if RANK in chosen else frame
    if not pairs.duplicated([person, *once]).any():
        return {}
    free = [c for c in columns.names(frame) if c not in chosen.values() and frame[c].notna().all()]
    apart = [c for c in free if not frame.duplicated([person, c, *once]).any()]
    several = [
        c for c in apart if frame[c].nunique() <= _SYSTEMS and not mapping.looks_like_time(frame[c].astype("str"))
    ]
    if several:
        shown = ", ".join(f"{c!r} ({examples(frame[c].unique())})" for c in several)
        text = words.say(
            "{name} holds several lists a person. Do they come from several systems, told by {shown}?",
            name=table.name,
            shown=shown,
        )
        question = Question("system", text, (*several, ""), several[0])
        findings.append(Finding("several_lists", "warning", table.name, text, question=question))
        return {SYSTEM: several[0]}
    if apart and not timed:
        hint = "Audit each window of time (--window month), or bring the latest list of each person alone."
        raise DataError(
            words.say(
                "{name} holds several lists a person, of different times ({apart}).", name=table.name, apart=apart[0]
            ),
            hint,
        )
    return {}


def list_roles(table: Table, options: ImportOptions, findings: list[Finding]) -> dict[str, str]:
    """The columns of user_id, item_id and rank, score, system as far as they are there.

    The order comes from a rank, else a score; of a file without names, from its third column. What is called rating is
    a score only where nothing else is: beside a prediction it is what the person said. Raises DataError without order.
    """
    frame = table.frame
    chosen = _picked(table, ("user", "item", "rank", "score", "system"), options)
    for role, names in (("rank", columns.RANK_NAMES), ("score", columns.SCORE_NAMES), ("system", columns.SYSTEM_NAMES)):
        found = known(frame, names, set(chosen.values()))
        if role not in chosen and found is not None and getattr(options, role) != "":
            chosen[role] = found
    chosen |= _pair(table, chosen, findings)
    free = [c for c in columns.names(frame) if c not in chosen.values()]
    if not table.header and "rank" not in chosen and "score" not in chosen and free:
        numeric = [c for c in free if columns.is_numeric(frame[c])]
        for column in numeric[:2]:
            role = "rank" if _counts_up(frame[column]) else "score"
            if role not in chosen and getattr(options, role) != "":
                chosen[role] = column
                text = words.say(
                    "{name}: is {column} the {role}? It was taken so by its place.",
                    name=table.name,
                    column=repr(column),
                    role=words.say(role),
                )
                question = Question(role, text, (*free, ""), column)
                findings.append(Finding(f"asked_{role}", "warning", table.name, text, question=question))
    if "rank" not in chosen and "score" not in chosen:
        raise DataError(
            words.say(
                "{name} has neither a rank nor a score; its columns are {names}.",
                name=table.name,
                names=", ".join(columns.names(frame)),
            ),
            "Without one there is no order: name the column with --rank-column (1 is best) or --score-column.",
        )
    score = chosen.get("score")
    if score is not None and "rank" not in chosen and columns.plain(score) in columns.RATING_NAMES[:2]:
        message = words.say(
            "{score} gives the order, as there is no other score: it should be predicted, not what people said.",
            score=score,
        )
        findings.append(Finding("rating_as_score", "warning", table.name, message))
    told = {USER_ID: "user", ITEM_ID: "item", RANK: "rank", SCORE: "score", SYSTEM: "system"}
    return {name: chosen[role] for name, role in told.items() if role in chosen}


def _picked(table: Table, roles: Sequence[str], options: ImportOptions) -> dict[str, str]:
    """The columns that were chosen for these roles, as far as this table has them."""
    picks = {role: getattr(options, role) for role in roles}
    return {role: column for role, column in picks.items() if column and column in table.frame}


def must_have(options: ImportOptions, tables: Sequence[Table]) -> None:
    """DataError where a column that was chosen is in none of the tables."""
    for role in ("rating", "time", "clock", "event", "prediction", "user", "item", "rank", "score", "system"):
        column = getattr(options, role)
        if column and not any(column in table.frame for table in tables):
            mapping.require(tables[-1].frame, column, words.say("the {role}", role=words.say(role)), tables[-1].name)


def _counts_up(column: pd.Series) -> bool:
    """Whether numbers are ranks: whole, from 0 or 1 on, each as often as the next or more."""
    values = columns.numbers(column)
    if np.isnan(values).any() or (values != np.rint(values)).any() or values.min() not in (0, 1):
        return False
    counts = np.bincount(values.astype(np.int64))[int(values.min()) :]
    return len(counts) > 1 and bool((counts > 0).all() and (np.diff(counts) <= 0).all())


def known(frame: pd.DataFrame, names: Sequence[str], taken: set[str] | None = None) -> str | None:
    """The column whose name is known best."""
    plain = {columns.plain(column): column for column in reversed(columns.names(frame)) if column not in (taken or ())}
    return next((plain[name] for name in names if name in plain), None)


def _pair(table: Table, chosen: Mapping[str, str], findings: list[Finding]) -> dict[str, str]:
    """The columns of the person and the item; asked where they are a guess by place, DataError where not even that."""
    frame = table.frame
    taken = set(chosen.values())
    found = {role: chosen[role] for role in ("user", "item") if role in chosen}
    for role, names in (("user", columns.USER_NAMES), ("item", columns.ITEM_NAMES)):
        column = found.get(role) or known(frame, names, taken)
        if column is not None and role not in found:
            of = mapping.telling if role == "user" else mapping.finest
            free = [c for c in columns.names(frame) if c not in taken]
            named = of(frame, mapping.Guess(column, 1.0, ""), free)
            findings += importing.guessed(table, {role: named})
            column = named.column
        if column is not None:
            found[role] = column
    if len(found) < 2:
        rest = frame[[c for c in columns.names(frame) if c not in taken or c in found.values()]]
        text = rest.select_dtypes(exclude="number") if table.header else rest
        guesses = mapping.guess_interactions(text.astype("str"), table.header, chosen=found)
        for role, name in (("user", USER_ID), ("item", ITEM_ID)):
            guess = guesses.get(role)
            if guess is None or guess.confidence < mapping.SURE:
                hint = words.say(
                    "Name the columns in the first row: user_id, item_id, and rank or score; or choose them."
                )
                if role == "item" and (listed := known(frame, columns.LIST_NAMES)) is not None:
                    hint = words.say(
                        'Write each list in {column} as JSON, ["Heat", "Fargo"], or with | between its items.',
                        column=repr(listed),
                    )
                raise DataError(
                    words.say(
                        "{name} has no column {name_2}; its columns are {names}.",
                        name=table.name,
                        name_2=name,
                        names=", ".join(columns.names(frame)),
                    ),
                    hint,
                )
        guesses = {role: guesses[role] for role in ("user", "item")}
        findings += importing.guessed(replace(table, frame=text), guesses)
        found |= {role: guess.column for role, guess in guesses.items()}
    return found


def _log(
    table: Table, options: ImportOptions, findings: list[Finding], *, held: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame, mapping.RatingKind]:
    """user_id, item_id[, rating][, prediction][, time] of truth or train without what was only shown, the columns
    beside them, and what the ratings are. held: held-out rows, which count in the time that was asked for alone."""
    frame = table.frame
    chosen = _picked(table, ("user", "item", "rating", "prediction", "time", "clock", "event"), options)
    for role, names in (
        ("prediction", columns.PREDICTION_NAMES),
        ("time", columns.TIME_NAMES),
        ("event", columns.EVENT_NAMES),
    ):
        found = known(frame, names, set(chosen.values()))
        few = role != "event" or found is None or 1 < frame[found].nunique() <= 12
        if role not in chosen and found is not None and getattr(options, role) != "" and few:
            chosen[role] = found
    chosen |= _pair(table, chosen, findings)
    if "rating" not in chosen and options.rating != "":
        guesses: dict[str, mapping.Guess] = {}
        found = known(frame, columns.RATING_NAMES, {*chosen.values(), *mapping.notes(frame)})
        free = [c for c in columns.names(frame) if c not in chosen.values()]
        if found is None and (counted := mapping.count(frame, free)) is not None:
            found, guesses["rating"] = counted.column, counted
        if found is None and not table.header:
            pair = {role: chosen[role] for role in ("user", "item")}
            guess = mapping.guess_interactions(frame, False, chosen=pair).get("rating")
            found = guess.column if guess is not None and guess.column not in chosen.values() else None
            guesses |= {} if guess is None or found is None else {"rating": guess}
        if found is not None:
            chosen["rating"] = found
        guesses = {role: mapping.Guess(column, 1.0, "") for role, column in chosen.items()} | guesses
        findings += importing.unsure(table, guesses, options)
    table = meaning.of_fold(table, (chosen["user"], chosen["item"]), options, findings, held)
    frame = table.frame
    made = pd.DataFrame({USER_ID: frame[chosen["user"]], ITEM_ID: frame[chosen["item"]]})
    kind: mapping.RatingKind = "none"
    shown = np.zeros(len(made), dtype=bool)
    if "rating" in chosen and options.rating_kind != "none":
        values, kind, shown = meaning.ratings(table, chosen["rating"], options, findings)
        if values is not None:
            made[RATING] = values
            gone = ~np.isfinite(values)
            blank = gone & frame[chosen["rating"]].isna().to_numpy()
            if blank.any():
                message = words.say(
                    "{n} row has no rating; it is left out.",
                    "{n} rows have no rating; they are left out.",
                    n=int(blank.sum()),
                )
                findings.append(
                    _finding("unrated", "warning", table.name, message, frame, blank, "drop_unrated", applied=True)
                )
            shown = shown | gone
    if "event" in chosen:
        counts, weights = meaning.events(table, chosen["event"], options, findings)
        shown = shown | ~counts
        if weights is not None:
            made[RATING], kind = weights, "count"
    if "prediction" in chosen and held:
        made[PREDICTION] = _predictions(table, chosen["prediction"])
    if "time" in chosen:
        when = meaning.moments(table, chosen["time"], chosen.get("clock"), options, findings)
        if when is not None:
            made[TIME] = when[0]
            made.attrs["time_unit"] = when[1]
    if held:
        moments = made[TIME].to_numpy(np.float64) if TIME in made else None
        kept = meaning.inside(table, moments, made.attrs.get("time_unit", ""), options, findings)
        shown = shown if kept is None else shown | ~kept
    return made[~shown], frame[[c for c in columns.names(frame) if c not in chosen.values()]], kind


def _predictions(table: Table, column: str) -> NDArray[np.float64]:
    """A column of predictions [n]; DataError where a cell is no finite number."""
    values = columns.numbers(table.frame[column])
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        row, cell = table.frame.index[wrong[0]], table.frame[column].iloc[wrong[0]]
        raise DataError(
            words.say(
                "{file}, row {row}, column {column}: {cell} is no predicted rating.",
                file=table.name, row=int(row), column=column, cell=repr(cell),
            ),
            words.say("Every row needs a finite number there, or leave the column aside (--prediction-column “”)."),
        )  # fmt: skip
    return values


def _entities(
    table: Table, key: str, picked: str | None, names: Sequence[str], log: pd.DataFrame, findings: list[Finding]
) -> pd.DataFrame:
    frame = table.frame
    if picked:
        column = mapping.require(frame, picked, "the id", table.name)
    elif key in frame:
        column = key
    else:
        guess = mapping.guess_entities(frame, names, log[key].astype("str"))
        if guess.confidence < mapping.SURE:
            hint = words.say("Choose the column; there are {names}.", names=", ".join(map(repr, frame.columns)))
            raise DataError(words.say("{name}: no column is recognisable as the id.", name=table.name), hint)
        column = guess.column
        findings += importing.unsure_id(table, "users_id" if key == USER_ID else "items_id", guess)
    other = {c: f"{c} (file)" for c in columns.names(frame) if c == key and c != column}
    return frame.rename(columns=other | {column: key})


def _things(table: Table, options: ImportOptions, log: pd.DataFrame, findings: list[Finding]) -> pd.DataFrame:
    items = _entities(table, ITEM_ID, options.items_id, columns.ITEM_NAMES, log, findings)
    picks = {"title": options.title, "categories": options.categories}
    chosen = {role: mapping.require(items, c, f"the {role}", table.name) for role, c in picks.items() if c}
    texts = items.select_dtypes(exclude="number")
    guesses = mapping.guess_texts(texts, {"items_id": ITEM_ID, **chosen})
    own = {guess.column: role for role, guess in guesses.items() if picks[role] != ""}
    items = items.rename(columns={c: f"{c} (file)" for c in (TITLE, CATEGORIES) if c in items and c not in own} | own)
    if CATEGORIES in items:
        separator = options.category_separator or mapping.guess_separator(items[CATEGORIES])
        items[CATEGORIES] = mapping.split_categories(items[CATEGORIES], separator)
        return items
    return importing.one_hot(table.name, items, findings)


# ---- repairs -----------------------------------------------------------------------------------------------------


def repaired(
    frames: dict[str, pd.DataFrame], names: Mapping[str, str], findings: list[Finding]
) -> dict[str, pd.DataFrame]:
    """The tables with ids of one form: without spaces, ".0" and zeros before them where only then they meet; rows
    without an id are left out, and repeated rows of people and items."""
    frames = dict(frames)
    for name, frame in frames.items():
        for key in (USER_ID, ITEM_ID):
            if key in frame:
                frame = _clean_ids(frame, key, names[name], findings)
        frames[name] = frame
    for key, reference in ((USER_ID, "users"), (ITEM_ID, "items")):
        _one_form(frames, key, reference if reference in frames else next(iter(frames)), names, findings)
    for name, key, what in (("users", USER_ID, "people"), ("items", ITEM_ID, "items")):
        if name in frames:
            odd = frames[name].duplicated(key)
            if odd.any():
                message = words.say(
                    "{n} row repeats {what} that have a row already; the first one counts.",
                    "{n} rows repeat {what} that have a row already; the first one counts.",
                    n=int(odd.sum()),
                    what=what,
                )
                key_of = f"repeated_{what}"
                findings.append(
                    _finding(key_of, "warning", names[name], message, frames[name], odd, "first_row", applied=True)
                )
                frames[name] = frames[name][~odd] if name == "users" else clean.one_row(frames[name])
    return frames


def described(
    users: pd.DataFrame, truth: pd.DataFrame, file: str, options: ImportOptions, findings: list[Finding]
) -> pd.DataFrame:
    """The people with their attributes repaired as on import."""
    numeric = [c for c in users.columns if c != USER_ID and pd.api.types.is_numeric_dtype(users[c].dtype)]
    texts = users.drop(columns=numeric)
    as_of = times.moment(options.as_of) if options.as_of else None
    none = pd.DataFrame({ITEM_ID: pd.Series(dtype="str")})
    tables = Tables(
        truth[[c for c in (USER_ID, ITEM_ID, TIME) if c in truth]], texts, none, ("", file, ""), None, as_of
    )
    people = importing.attributes_repaired(tables, options, findings).users
    order = [c if c in people else "age" for c in columns.names(users) if c in people or columns.is_birth(c)]
    return people.assign(**{c: users[c] for c in numeric})[order]


def _clean_ids(frame: pd.DataFrame, key: str, file: str, findings: list[Finding]) -> pd.DataFrame:
    ids = frame[key]
    whole = pd.api.types.is_float_dtype(ids.dtype) and bool((ids.dropna() == np.floor(ids.dropna())).all())
    if not pd.api.types.is_numeric_dtype(ids.dtype):
        given = pd.Series(ids.unique()).dropna()  # there are fewer of them than rows
        findings += check.rounded_ids(file, given, key)
        text = columns.stripped(given)
        odd = set(given[(text != given) | text.isna()])
        if odd:
            spaces = ids.isin(odd)
            message = words.say(
                "{n} cell of {key} has spaces around it: {examples}.",
                "{n} cells of {key} have spaces around them, such as {examples}.",
                n=int(spaces.sum()),
                key=key,
                examples=examples(ids[spaces]),
            )
            findings.append(_finding("id_spaces", "warning", file, message, frame, spaces, "strip_ids", applied=True))
            ids = columns.stripped(ids)
        told = text.dropna()
        if len(told) and told.str.fullmatch(r"\d+\.0+").all():
            message = words.say('{key} is written "7.0"; it was read as "7".', key=key)
            findings.append(Finding("float_ids", "warning", file, message, len(told), (), "whole_ids", True))
            ids = ids.str.replace(r"\.0+$", "", regex=True)
        frame = frame.assign(**{key: ids})
    empty = frame[key].isna()
    if empty.any():
        message = words.say(
            "{n} row has no {key}; it is left out.",
            "{n} rows have no {key}; they are left out.",
            n=int(empty.sum()),
            key=key,
        )
        findings.append(_finding("empty_ids", "warning", file, message, frame, empty, "drop_empty_ids", applied=True))
        frame = frame[~empty]
    if not len(frame):
        raise DataError(
            words.say("{file} has no row with a {key}.", file=file, key=key), "Check the column of the ids."
        )
    return frame.astype({key: np.int64}) if whole else frame


def _finding(
    key: str,
    severity: Severity,
    file: str,
    message: Said,
    frame: pd.DataFrame,
    where: pd.Series | NDArray[np.bool_],
    repair: str = "",
    *,
    applied: bool = False,
) -> Finding:
    """A finding about the rows [n] of a frame that are marked."""
    return Finding(key, severity, file, message, int(np.sum(where)), first_rows(frame, where), repair, applied)


def _one_form(
    frames: dict[str, pd.DataFrame], key: str, reference: str, names: Mapping[str, str], findings: list[Finding]
) -> None:
    """Zeros before ids taken away in all tables where one does not meet the reference otherwise."""
    having = {name: frame for name, frame in frames.items() if key in frame}
    if all(pd.api.types.is_integer_dtype(frame[key].dtype) for frame in having.values()):
        return
    for name, frame in having.items():
        if pd.api.types.is_numeric_dtype(frame[key].dtype):
            frames[name] = having[name] = frame.assign(**{key: frame[key].astype("str")})
    own = pd.Index(having[reference][key].unique())
    for name, frame in having.items():
        ids = pd.Index(frame[key].unique())
        if name == reference or columns.among(ids, own).any():
            continue
        short, own_short = (index.str.replace(r"^0+(?=\d+$)", "", regex=True) for index in (ids, own))
        if columns.among(short, own_short).any() and short.is_unique and own_short.is_unique:
            message = words.say(
                '{key} is written with zeros before it ("007") in one table and without ("7") in another.', key=key
            )
            findings.append(Finding("padded_ids", "warning", names[name], message, len(ids), (), "unpadded_ids", True))
            for other, table in having.items():
                frames[other] = table.assign(**{key: table[key].str.replace(r"^0+(?=\d+$)", "", regex=True)})
            return


def _contradictions(truth: pd.DataFrame, file: str, options: ImportOptions, findings: list[Finding]) -> None:
    """Pairs that are held out several times with different values."""
    pair, kept = [USER_ID, ITEM_ID], "best" if options.dedupe == "best" else "last"
    for column in (RATING, PREDICTION):
        if column not in truth or (column == RATING and options.dedupe == "sum"):
            continue
        values = truth[pair].assign(value=columns.numbers(truth[column])).drop_duplicates()
        odd = values[values.duplicated(pair)].drop_duplicates(pair)
        if len(odd):
            message = words.say(
                "{n} held-out pairs of a person and an item occur with different {column}s; the {kept} row counts.",
                n=len(odd),
                column=column,
                kept=kept,
            )
            where = truth.index.isin(odd.index)
            findings.append(
                _finding("contradicting_pairs", "warning", file, message, truth, where, "dedupe", applied=True)
            )


def _once(log: pd.DataFrame, file: str, options: ImportOptions, findings: list[Finding], *, held: bool) -> pd.DataFrame:
    """One row for each person and item; of held-out ones it is said where they contradict each other."""
    odd = repeats.repeated(log)
    if not odd.any():
        return log
    if held:
        _contradictions(log, file, options, findings)
    message = words.say(
        "{n} row repeats a person and an item that have a row already.",
        "{n} rows repeat a person and an item that have a row already.",
        n=int(odd.sum()),
    )
    findings.append(_finding("repeated_pairs", "warning", file, message, log, odd, "dedupe", applied=True))
    return clean.once(log, options.dedupe)


def _strangers(
    frames: Mapping[str, pd.DataFrame], lists: Sequence[str], names: Mapping[str, str], findings: list[Finding]
) -> None:
    """Who and what is in one table alone: people without attributes, items outside of the catalogue, and people of whom
    there is nothing to audit."""
    first = next(iter(frames))
    audited = _different([frames[name][USER_ID] for name in dict.fromkeys((first, *lists))])
    if names.get("users"):
        unknown = audited[~columns.among(audited, frames["users"][USER_ID])]
        if len(unknown) == len(audited):
            raise _apart(frames, USER_ID, first, "users", names)
        if len(unknown):
            message = words.say(
                "{n} of {m} audited people is missing from the table of users, {examples}: who that is, is {unknown}.",
                "{n} of {m} audited people are missing from the table of users, such as {examples}: they are "
                "{unknown}.",
                n=len(unknown),
                m=len(audited),
                examples=examples(unknown),
                unknown=UNKNOWN,
            )
            findings.append(Finding("unknown_people", "warning", names["users"], message, len(unknown)))
        idle = ~columns.among(frames["users"][USER_ID], audited)
        if idle.any() and lists:
            message = words.say(
                "{n} person of the table of users has neither a list nor held-out items, and is left out.",
                "{n} people of the table of users have neither a list nor held-out items: they are left out.",
                n=int(idle.sum()),
            )
            findings.append(_finding("idle_people", "info", names["users"], message, frames["users"], idle))
    things = _different([frames[name][ITEM_ID] for name in dict.fromkeys((first, *lists, "train")) if name in frames])
    if "items" not in frames:
        message = words.say(
            "No table of items: the catalogue is the {n} item that occurs in the other tables, so coverage and "
            "gini leave out items that nobody had and nobody was recommended.",
            "No table of items: the catalogue is the {n} items that occur in the other tables, so coverage and "
            "gini leave out items that nobody had and nobody was recommended.",
            n=len(things),
        )
        findings.append(Finding("no_items", "warning", "", message, len(things)))
        return
    beyond = things[~columns.among(things, frames["items"][ITEM_ID])]
    if len(beyond) == len(things):
        raise _apart(frames, ITEM_ID, first, "items", names)
    if len(beyond):
        message = words.say(
            "{n} item of the other tables is missing from the table of items, {examples}: it has no group.",
            "{n} items of the other tables are missing from the table of items, such as {examples}: they have "
            "no group.",
            n=len(beyond),
            examples=examples(beyond),
        )
        findings.append(Finding("unknown_items", "warning", names["items"], message, len(beyond)))


def _different(ids: Sequence[pd.Series]) -> pd.Series:
    """The ids of all these columns, each once, in the order in which they come."""
    return pd.concat([pd.Series(repeats.different(column)) for column in ids], ignore_index=True).drop_duplicates()


def _apart(frames: Mapping[str, pd.DataFrame], key: str, one: str, other: str, names: Mapping[str, str]) -> DataError:
    """The error for tables of which not one id meets."""
    here, there = (", ".join(map(repr, frames[name][key].unique()[:3].tolist())) for name in (one, other))
    message = words.say(
        "No {key} of {names} ({here}) has a row in {names_2} ({there}).",
        key=key,
        names=names[one],
        here=here,
        names_2=names[other],
        there=there,
    )
    return DataError(message, "Choose other id columns, or check that the files belong together.")


def in_order(ids: pd.Series) -> pd.Series:
    """Ids in their order, numbers by size also where they are text: sums over people then do not depend on the order in
    a file, nor on the type of the ids, not even in their last digit."""
    return ids.iloc[np.argsort(_places(ids), kind="stable")]


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows by person and item."""
    places = [_places(frame[key]) for key in (USER_ID, ITEM_ID) if key in frame]
    if len(places) == 2:
        return frame.iloc[repeats.order_of_pairs(*places)]
    rising = (places[0][1:] >= places[0][:-1]).all()
    return frame if rising else frame.iloc[np.argsort(places[0], kind="stable")]


def _places(ids: pd.Series) -> NDArray[Any]:
    """Numbers [n] in the order of the ids; text is looked at once each."""
    if pd.api.types.is_numeric_dtype(ids.dtype):
        return ids.to_numpy()
    codes, different = pd.factorize(ids)
    numbers = columns.numbers(pd.Series(different[:1]))  # the first nearly always tells that they are none
    numbers = columns.numbers(pd.Series(different)) if np.isfinite(numbers).all() else numbers
    own = numbers if np.isfinite(numbers).all() else np.asarray(different, dtype=object)
    places: NDArray[Any] = np.unique(own, return_inverse=True)[1][codes]
    return places


def systems_of(lists: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The lists of each system by its name; "" where none is named."""
    if SYSTEM not in lists:
        return {"": lists}
    parts = lists.groupby(lists[SYSTEM].astype("str"), sort=False)
    return {str(name): part.drop(columns=SYSTEM) for name, part in parts}


def unused(file: str, names: Sequence[str], findings: list[Finding]) -> None:
    """A finding about columns that say nothing here."""
    if names:
        message = words.say("These columns are not used: {names}.", names=", ".join(names))
        findings.append(Finding("columns_aside", "warning", file, message, len(names)))
