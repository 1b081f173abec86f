"""Which of the files that were brought holds the interactions, which the people, which the items."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal, cast

from fairdash import columns
from fairdash.data import mapping, movielens, read
from fairdash.data.check import Finding
from fairdash.data.read import Reading, Source, Table
from fairdash.errors import DataError

Role = Literal["interactions", "users", "items"]

ROLES: tuple[Role, ...] = ("interactions", "users", "items")
_TITLES: dict[Role, str] = {"interactions": "interactions", "users": "people", "items": "items"}
_WORDS: dict[Role, tuple[str, ...]] = {
    "interactions": (
        *("interactions", "interaction", "ratings", "rating", "events", "log", "plays", "clicks", "inter", "reviews"),
        *("transactions", "listens"),
    ),
    "users": ("users", "user", "people", "persons", "members", "customers", "profiles", "viewers", "listeners"),
    "items": (
        *("items", "item", "movies", "films", "artists", "products", "books", "songs", "tracks", "places"),
        *("restaurants", "catalogue", "catalog"),
    ),
}
# Archives whose tables are known by name; whatever else is in them is left aside.
_ARCHIVES = (
    ("u.data", "u.user", "u.item"),
    ("ratings.dat", "users.dat", "movies.dat"),
    ("ratings.csv", "users.csv", "movies.csv"),
)
_ENDINGS = {".csv", ".tsv", ".txt", ".dat", ".data", ".psv", ".parquet", ".pq", ".inter", ".user", ".item", ""}


def gather(
    interactions: Source | Sequence[Source],
    users: Source | None,
    items: Source | None,
    readings: Mapping[Role, Reading],
) -> tuple[dict[Role, Table], list[Finding]]:
    """The tables by role ("interactions" always), and what was seen while reading; zips are opened."""
    several = isinstance(interactions, Sequence) and not isinstance(interactions, (str, tuple))
    brought = list(cast(Sequence[Source], interactions)) if several else [cast(Source, interactions)]
    if not brought:
        raise DataError("No file was given.", "Bring a file of interactions: person, item, and rating or time.")
    given: dict[Role, Source] = {}
    if users is not None:
        given["users"] = users
    if items is not None:
        given["items"] = items
    findings = []
    flat = [inside for source in brought for inside in (read.unzip(source) if read.is_zip(source) else [source])]
    if len(flat) == 1 and flat == brought:
        given["interactions"] = flat[0]
    else:
        found, aside = _assign(flat, given)
        given = found | given
        if aside:
            more = " …" if len(aside) > 8 else ""
            message = f"{len(aside)} files are left aside: {', '.join(aside[:8])}{more}."
            findings.append(Finding("left_aside", "info", read.file_name(brought[0]), message, len(aside)))
    tables: dict[Role, Table] = {role: _table(role, source, readings[role]) for role, source in given.items()}
    for role in ROLES:
        if role in tables:
            findings += _seen(tables[role])
    return tables, findings


def _table(role: Role, source: Source, reading: Reading) -> Table:
    table, known = movielens.recognise(read.table(source, reading))
    if known is not None and known != role:
        message = f"{table.name} holds {_TITLES[known]}, but was given as the file of {_TITLES[role]}."
        raise DataError(message, f"Give it as {_TITLES[known]}.")
    return table


def _assign(sources: Sequence[Source], given: Mapping[Role, Source]) -> tuple[dict[Role, Source], list[str]]:
    """Files by role, first by name, then by columns; and the names of those that are left aside."""
    chosen = _archive(sources)
    if not chosen:
        usable = [s for s in sources if PurePosixPath(_base(s)).suffix in _ENDINGS]
        usable = [s for s in usable if not _base(s).startswith(("readme", "license", "licence"))]
        for role in ROLES:
            free = [s for s in usable if not any(s is c for c in chosen.values())]
            named = [s for s in free if set(re.split(r"[^a-z]+", _base(s))) & set(_WORDS[role])]
            if role not in given and named:
                chosen[role] = _only(role, named)
        if "interactions" not in chosen:
            free = [s for s in usable if not any(s is c for c in chosen.values())]
            chosen = _by_columns(free, [r for r in ROLES if r not in given and r not in chosen]) | chosen
    if "interactions" not in chosen:
        names = ", ".join(read.file_name(s) for s in sources[:8])
        hint = "Call the file interactions.csv or ratings.csv, with a column for the person and one for the item."
        raise DataError(f"None of the files holds interactions: {names}.", hint)
    return chosen, [read.file_name(s) for s in sources if not any(s is c for c in chosen.values())]


def _base(source: Source) -> str:
    return PurePosixPath(read.file_name(source).replace("\\", "/")).name.casefold()


def _archive(sources: Sequence[Source]) -> dict[Role, Source]:
    """The tables of a known archive, where its interactions and at least one more of its tables are there."""
    at = {_base(source): source for source in reversed(sources)}
    for names in _ARCHIVES:
        if names[0] in at and (names[1] in at or names[2] in at):
            return {role: at[name] for role, name in zip(ROLES, names, strict=True) if name in at}
    return {}


def _only(role: Role, fits: Sequence[Source]) -> Source:
    if len(fits) > 1:
        names = ", ".join(read.file_name(s) for s in fits[:8])
        message = f"{len(fits)} files could hold the {_TITLES[role]}: {names}."
        raise DataError(message, "Bring one of them, or rename the others.")
    return fits[0]


def _by_columns(sources: Sequence[Source], roles: Sequence[Role]) -> dict[Role, Source]:
    fits: dict[Role, list[Source]] = {role: [] for role in ROLES}
    for source in sources:
        role = _role(read.table(source))
        if role is not None:
            fits[role].append(source)
    if not fits["interactions"] and len(sources) == 1:
        return {"interactions": sources[0]}
    return {role: _only(role, fits[role]) for role in roles if fits[role]}


def _role(table: Table) -> Role | None:
    _, known = movielens.recognise(table)
    if known is not None:
        return known
    guesses = mapping.guess_interactions(table.frame, table.header)
    sure = {role for role in ("user", "item") if role in guesses and guesses[role].confidence > 0.5}
    if len(sure) == 2:
        return "interactions"
    return "users" if "user" in sure else "items" if "item" in sure else None


def _seen(table: Table) -> list[Finding]:
    """Findings about the file itself: encoding, header, blank rows."""
    found = []
    if table.encoding not in ("utf-8", "utf-8-sig"):
        frame = table.frame
        marks = frame.apply(lambda column: column.str.contains(r"[^\x00-\x7f]", na=False))
        rows = frame.index[marks.any(axis=1)]
        message = f"The file is not UTF-8; it was read as {table.encoding}."
        if len(rows):
            cells = frame.loc[rows[0], marks.loc[rows[0]]]
            message += f" Check that letters with accents are right, such as {cells.iloc[0]!r}."
        shown = tuple(int(row) for row in rows[: read.ROWS_SHOWN])
        found.append(Finding("encoding", "warning", table.name, message, len(rows), shown))
    lost = table.frame.apply(lambda column: column.str.contains("\ufffd", regex=False, na=False)).any(axis=1)
    if lost.any():
        message = "Letters were lost before this file was made: their place holds \ufffd. Export it again as UTF-8."
        shown = tuple(int(row) for row in table.frame.index[lost][: read.ROWS_SHOWN])
        found.append(Finding("lost_letters", "warning", table.name, message, int(lost.sum()), shown))
    if not table.header:
        message = f"There is no row of column names; the columns are {', '.join(columns.names(table.frame))}."
        found.append(Finding("no_header", "info", table.name, message))
    if table.blank_rows:
        message = f"{table.blank_rows:,} blank rows were left out."
        found.append(Finding("blank_rows", "info", table.name, message, table.blank_rows))
    return found
