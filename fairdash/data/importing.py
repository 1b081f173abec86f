"""read → check → clean: from files to a Dataset, with every finding and repair listed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
import pandas as pd

from fairdash import settings
from fairdash.data import check, clean, columns, mapping, movielens, read, times
from fairdash.data.check import Finding, Tables, in_rows
from fairdash.data.mapping import Guess, Mapping, RatingKind
from fairdash.data.read import Reading, Source, Table
from fairdash.errors import ConfigError, DataError
from fairdash.hashing import digest
from fairdash.progress import Progress, silent
from fairdash.schema import CATEGORIES, ITEM_ID, RATING, TIME, TITLE, USER_ID, Dataset

Role = Literal["interactions", "users", "items"]

_ROLE_WORDS: dict[Role, frozenset[str]] = {
    "interactions": frozenset(
        "interactions interaction ratings rating events log plays clicks inter reviews transactions listens".split()
    ),
    "users": frozenset("users user people persons members customers profiles viewers listeners".split()),
    "items": frozenset(
        "items item movies films artists products books songs tracks places restaurants catalogue catalog".split()
    ),
}
# Archives whose tables are known by name; the other files in them are left aside.
_ARCHIVES: tuple[tuple[Role, str, str, str], ...] = (
    ("interactions", "u.data", "u.user", "u.item"),
    ("interactions", "ratings.dat", "users.dat", "movies.dat"),
    ("interactions", "ratings.csv", "users.csv", "movies.csv"),
)
_TABLE_ENDINGS = {".csv", ".tsv", ".txt", ".dat", ".data", ".psv", ".parquet", ".pq", ".inter", ".user", ".item", ""}


@dataclass(frozen=True)
class ImportOptions:
    """What a person chose on import; None and "auto" leave it to the guess, which is said in a finding.

    name: the data set's. user, item, rating, time: columns of the interactions ("" for rating or time: there is none,
    or leave it aside). users_id, items_id, title, categories: columns of the other files. rating_kind: "rating" (on a
    scale), "count" (plays, clicks), "none" (implicit: the numbers are left aside). relevance_threshold: liked from
    here on; None: any interaction is. dedupe: which of several rows of a person and an item stays. k_core: 0 for none.
    repairs: keys of `clean.REPAIRS` to do beside those that are always done; None: the usual ones.
    drop_bad_ratings: leave out rows whose rating is no number, instead of stopping there.
    """

    name: str = ""
    user: str | None = None
    item: str | None = None
    rating: str | None = None
    time: str | None = None
    users_id: str | None = None
    items_id: str | None = None
    title: str | None = None
    categories: str | None = None
    category_separator: str | None = None
    rating_kind: RatingKind | Literal["auto"] = "auto"
    relevance_threshold: float | None | Literal["auto"] = "auto"
    dedupe: clean.Keep = "last"
    k_core: int = 0
    repairs: tuple[str, ...] | None = None
    drop_bad_ratings: bool = False
    read_interactions: Reading = field(default_factory=Reading)
    read_users: Reading = field(default_factory=Reading)
    read_items: Reading = field(default_factory=Reading)

    def __post_init__(self) -> None:
        if self.k_core < 0:
            raise ConfigError(f"A k-core of {self.k_core} does not exist.", "Give 0 for none, or 2 and more.")
        if self.dedupe not in ("last", "best"):
            raise ConfigError(f"dedupe is {self.dedupe!r}.", 'Choose "last" or "best".')
        unknown = sorted(set(self.repairs or ()) - set(clean.REPAIRS))
        if unknown:
            raise ConfigError(f"No repair is called {unknown[0]!r}.", f"There are {', '.join(clean.REPAIRS)}.")


@dataclass(frozen=True, eq=False)
class Preview:
    """What an import would do: the tables as read, the guesses by role, the mapping that comes of them and of the
    options, findings from reading. `guesses` has the keys user, item, rating, time, users_id, items_id, title,
    categories, as far as found."""

    interactions: Table
    users: Table | None
    items: Table | None
    guesses: dict[str, Guess]
    mapping: Mapping
    findings: tuple[Finding, ...]


def preview(
    interactions: Source | Sequence[Source],
    users: Source | None = None,
    items: Source | None = None,
    *,
    options: ImportOptions | None = None,
) -> Preview:
    """Read the files and guess the mapping; the same arguments as `build`."""
    options = options or ImportOptions()
    tables, findings = _gather(interactions, users, items, options)
    log, people, things = tables["interactions"], tables.get("users"), tables.get("items")
    assert log is not None
    guesses, chosen = _map(log, people, things, options)
    return Preview(log, people, things, guesses, chosen, tuple(findings))


def build(
    interactions: Source | Sequence[Source],
    users: Source | None = None,
    items: Source | None = None,
    *,
    options: ImportOptions | None = None,
    progress: Progress = silent,
) -> tuple[Dataset, tuple[Finding, ...]]:
    """Files → checked Dataset, and all that was found and repaired.

    interactions: a path, or (name, bytes); or a zip, or several files, that hold the people and items too.
    Attributes of people and items stay text. Raises DataError (files) or ConfigError (options).
    """
    options = options or ImportOptions()
    progress(0.0, "Reading the files")
    seen = preview(interactions, users, items, options=options)
    progress(0.4, "Checking")
    findings = list(seen.findings)
    tables, unit, kind = _under_roles(seen, options, findings)
    tables = _repaired(tables, options, findings, progress)
    if tables.interactions.empty:
        hint = "Choose other repairs or a smaller k-core, or check which columns hold the ids."
        raise DataError(f"No interaction of {tables.files[0]} is left after the repairs.", hint)
    relevance = _relevance(tables, kind, options, findings)
    dataset = Dataset(
        name=options.name or _name(seen),
        interactions=tables.interactions.reset_index(drop=True),
        users=tables.users.reset_index(drop=True),
        items=tables.items.reset_index(drop=True),
        relevance_threshold=relevance,
        provenance={
            "files": [
                {
                    "name": t.name,
                    "rows": len(t.frame),
                    "separator": t.separator,
                    "encoding": t.encoding,
                    "header": t.header,
                }
                for t in (seen.interactions, seen.users, seen.items)
                if t is not None
            ],
            "mapping": seen.mapping.to_json() | {"rating_kind": kind},
            "time_unit": unit,
            "repairs": [f.message for f in findings if f.applied],
            "dedupe": options.dedupe,
            "k_core": options.k_core,
        },
    )
    progress(1.0, f"{dataset.n_users:,} people, {dataset.n_items:,} items, {len(dataset.interactions):,} interactions")
    return dataset, tuple(findings)


def _name(seen: Preview) -> str:
    stem = PurePosixPath(seen.interactions.name.replace("\\", "/")).stem
    return stem or "data"


# ---- which file is what ------------------------------------------------------------------------------------------


def _gather(
    interactions: Source | Sequence[Source], users: Source | None, items: Source | None, options: ImportOptions
) -> tuple[dict[Role, Table], list[Finding]]:
    """The tables by role, and what was seen while reading."""
    several = not isinstance(interactions, (str, tuple)) and isinstance(interactions, Sequence)
    sources: list[Source] = list(interactions) if several else [interactions]  # type: ignore[arg-type,list-item]
    if not sources:
        raise DataError("No file was given.", "Bring a file of interactions: person, item, and rating or time.")
    findings: list[Finding] = []
    packed = False
    flat: list[Source] = []
    for source in sources:
        if read.is_zip(source):
            flat += read.unzip(source)
            packed = True
        else:
            flat.append(source)
    readings: dict[Role, Reading] = {
        "interactions": options.read_interactions,
        "users": options.read_users,
        "items": options.read_items,
    }
    found: dict[Role, Table] = {}
    if len(flat) == 1 and not packed:
        found["interactions"] = _read("interactions", flat[0], readings["interactions"])
    else:
        given: set[Role] = {role for role, source in (("users", users), ("items", items)) if source is not None}  # type: ignore[misc]
        chosen, aside = _assign(flat, given)
        found = {role: _read(role, source, readings[role]) for role, source in chosen.items()}
        if aside:
            message = f"{len(aside)} files are left aside: {', '.join(aside[:8])}{' …' if len(aside) > 8 else ''}."
            findings.append(Finding("left_aside", "info", read.file_name(sources[0]), message, len(aside)))
    for role, source in (("users", users), ("items", items)):
        if source is not None:
            found[role] = _read(role, source, readings[role])  # type: ignore[index,arg-type]
    for table in found.values():
        findings += _reading_findings(table)
    return found, findings


def _read(role: Role, source: Source, reading: Reading) -> Table:
    table, known = movielens.recognise(read.table(source, reading))
    if known is not None and known != role:
        names = {"interactions": "interactions", "users": "people", "items": "items"}
        message = f"{table.name} holds {names[known]}, but was given as the file of {names[role]}."
        raise DataError(message, f"Give it as {names[known]}.")
    return table


def _assign(sources: Sequence[Source], given: set[Role]) -> tuple[dict[Role, Source], list[str]]:
    """Which of several files holds interactions, people, items: by name, else by columns; the rest is left aside."""
    base = {PurePosixPath(read.file_name(s).replace("\\", "/")).name.casefold(): s for s in reversed(sources)}
    roles: tuple[Role, ...] = ("interactions", "users", "items")
    for _, *names in _ARCHIVES:
        if names[0] in base and (names[1] in base or names[2] in base):
            chosen = {role: base[name] for role, name in zip(roles, names, strict=True) if name in base}
            break
    else:
        chosen = {}
        usable = [s for s in sources if PurePosixPath(read.file_name(s)).suffix.casefold() in _TABLE_ENDINGS]
        usable = [
            s for s in usable if not re.match(r"(readme|licen[cs]e)", PurePosixPath(read.file_name(s)).name, re.I)
        ]
        for role in roles:
            if role in given:
                continue
            fits = [s for s in usable if s not in chosen.values() and _words(s) & _ROLE_WORDS[role]]
            if len(fits) > 1:
                raise _several(role, fits)
            if fits:
                chosen[role] = fits[0]
        if "interactions" not in chosen:
            _assign_by_columns([s for s in usable if s not in chosen.values()], chosen, given)
    if "interactions" not in chosen:
        names = ", ".join(read.file_name(s) for s in sources[:8])
        hint = "Call the file interactions.csv or ratings.csv, with a column for the person and one for the item."
        raise DataError(f"None of the files holds interactions: {names}.", hint)
    kept = list(chosen.values())
    return chosen, [read.file_name(s) for s in sources if not any(s is k for k in kept)]


def _words(source: Source) -> set[str]:
    name = PurePosixPath(read.file_name(source).replace("\\", "/")).name.casefold()
    return set(re.split(r"[^a-z]+", name))


def _several(role: Role, fits: Sequence[Source]) -> DataError:
    names = ", ".join(read.file_name(s) for s in fits[:8])
    return DataError(f"{len(fits)} files could hold the {role}: {names}.", "Bring one of them, or rename the others.")


def _assign_by_columns(sources: Sequence[Source], chosen: dict[Role, Source], given: set[Role]) -> None:
    fits: dict[Role, list[Source]] = {"interactions": [], "users": [], "items": []}
    for source in sources:
        table, role = movielens.recognise(read.table(source))
        if role is None:
            found = mapping.guess_interactions(table.frame, table.header)
            sure = {r for r in ("user", "item") if r in found and found[r].confidence > 0.5}
            role = (
                "interactions" if len(sure) == 2 else "users" if "user" in sure else "items" if "item" in sure else None
            )
        if role is not None:
            fits[role].append(source)  # type: ignore[index]
    if not fits["interactions"] and len(sources) == 1:
        fits["interactions"] = list(sources)
    for role, sources_of in fits.items():
        if role in given or role in chosen:
            continue
        if len(sources_of) > 1:
            raise _several(role, sources_of)
        if sources_of:
            chosen[role] = sources_of[0]


def _reading_findings(table: Table) -> list[Finding]:
    found = []
    if table.encoding not in ("utf-8", "utf-8-sig"):
        message = f"The file is not UTF-8; it was read as {table.encoding}."
        wide = pd.Series(False, index=table.frame.index)
        for column in table.frame:
            wide |= table.frame[column].str.contains(r"[^\x00-\x7f]", na=False)
        if wide.any():
            row = table.frame[wide].iloc[0]
            cell = next(c for c in row if isinstance(c, str) and not c.isascii())
            message += f" Check letters with accents, such as {cell!r}."
        rows = tuple(int(r) for r in table.frame.index[wide][: read.ROWS_SHOWN])
        found.append(Finding("encoding", "warning", table.name, message, int(wide.sum()), rows))
    if not table.header:
        message = f"There is no row of column names; the {table.frame.shape[1]} columns were named by their place and content."
        found.append(Finding("no_header", "info", table.name, message))
    if table.blank_rows:
        message = f"{table.blank_rows:,} blank rows were left out."
        found.append(Finding("blank_rows", "info", table.name, message, table.blank_rows))
    return found


# ---- which column is what ----------------------------------------------------------------------------------------


def _map(
    log: Table, people: Table | None, things: Table | None, options: ImportOptions
) -> tuple[dict[str, Guess], Mapping]:
    guesses: dict[str, Guess] = {}
    ids: dict[str, pd.Series | None] = {"users": None, "items": None}
    # Ids that are known by name help to find the columns that are not, in whichever file.
    for key, table, names in (("users", people, columns.USER_NAMES), ("items", things, columns.ITEM_NAMES)):
        if table is not None:
            guess = mapping.guess_entities(table.frame, names)
            picked = options.users_id if key == "users" else options.items_id
            column = picked or (guess.column if guess else None)
            ids[key] = table.frame[column] if column in table.frame.columns else None  # type: ignore[index]
    found = mapping.guess_interactions(log.frame, log.header, ids["users"], ids["items"])
    choice = {"user": options.user, "item": options.item, "rating": options.rating, "time": options.time}
    for role, column in choice.items():
        if column:
            mapping.require(log.frame, column, f"the {role}", log.name)
            found = {r: g for r, g in found.items() if g.column != column}
            found[role] = Guess(column, 1.0, "chosen")
        elif column == "":
            found.pop(role, None)
    guesses.update(found)
    for role, what in (("user", "the person"), ("item", "the item")):
        if role not in found:
            hint = f"Choose it; the columns are {', '.join(map(repr, log.frame.columns))}."
            raise DataError(f"{log.name}: no column is recognisable as {what}.", hint)
    chosen = {role: found[role].column if role in found else None for role in ("user", "item", "rating", "time")}
    doubles = [c for c in chosen.values() if c is not None]
    if len(set(doubles)) < len(doubles):
        twice = next(c for c in doubles if doubles.count(c) > 1)
        raise DataError(f"{log.name}: the column {twice!r} has two roles.", "Choose one column for each role.")
    values: dict[str, Any] = dict(chosen)
    for key, table, names, picked, role in (
        ("users_id", people, columns.USER_NAMES, options.users_id, "user"),
        ("items_id", things, columns.ITEM_NAMES, options.items_id, "item"),
    ):
        if table is None:
            continue
        if picked:
            guess = Guess(mapping.require(table.frame, picked, "the id", table.name), 1.0, "chosen")
        else:
            guess = mapping.guess_entities(table.frame, names, log.frame[chosen[role]])
        if guess is None:
            hint = f"Choose it; the columns are {', '.join(map(repr, table.frame.columns))}."
            raise DataError(f"{table.name}: no column is recognisable as the id.", hint)
        guesses[key] = guess
        values[key] = guess.column
    if things is not None:
        texts = mapping.guess_texts(things.frame, {values["items_id"]})
        for role, picked in (("title", options.title), ("categories", options.categories)):
            if picked:
                texts[role] = Guess(mapping.require(things.frame, picked, f"the {role}", things.name), 1.0, "chosen")
            elif picked == "":
                texts.pop(role, None)
        guesses.update(texts)
        values |= {role: guess.column for role, guess in texts.items()}
        if "categories" in texts:
            separator = options.category_separator or mapping.guess_separator(things.frame[texts["categories"].column])
            values["category_separator"] = separator
    kind: RatingKind = "none"
    if chosen["rating"] is not None:
        kind = mapping.rating_kind(chosen["rating"], columns.numbers(log.frame[chosen["rating"]]))
    values["rating_kind"] = kind if options.rating_kind == "auto" else options.rating_kind
    return guesses, Mapping(**values)


# ---- tables under their roles' names -----------------------------------------------------------------------------


def _under_roles(seen: Preview, options: ImportOptions, findings: list[Finding]) -> tuple[Tables, str, RatingKind]:
    chosen, log = seen.mapping, seen.interactions
    frame = pd.DataFrame({USER_ID: log.frame[chosen.user], ITEM_ID: log.frame[chosen.item]})
    kind = chosen.rating_kind
    if chosen.rating is not None and kind != "none":
        values = _ratings(log, chosen.rating, options, findings)
        told = values[np.isfinite(values)]
        if len(told) and np.ptp(told) == 0 and kind == "rating":
            message = f"{chosen.rating}: all ratings are {told[0]:g}, so the data says only who had what."
            findings.append(Finding("constant_rating", "info", log.name, message, len(told)))
            kind = "none"
        else:
            frame[RATING] = values
    unit = ""
    if chosen.time is not None:
        parsed = times.parse(log.frame[chosen.time])
        frame[TIME], unit = parsed.values, parsed.unit
        findings.append(Finding("time", "info", log.name, f"{chosen.time} gives the order: {parsed.note}."))
    used = {chosen.user, chosen.item, chosen.rating, chosen.time}
    rest = log.frame[[c for c in log.frame if c not in used]]
    users, more = _entities(seen.users, chosen.users_id, USER_ID, frame, rest, {})
    texts = {TITLE: chosen.title, CATEGORIES: chosen.categories}
    items, also = _entities(
        seen.items, chosen.items_id, ITEM_ID, frame, rest[[c for c in rest if c not in more]], texts
    )
    if seen.items is None:
        guessed = mapping.guess_texts(items, {ITEM_ID})
        items = items.rename(columns={guess.column: role for role, guess in guessed.items()})
        chosen = replace(
            chosen,
            category_separator=options.category_separator
            or (mapping.guess_separator(items[CATEGORIES]) if CATEGORIES in items else "|"),
        )
    if CATEGORIES in items:
        items = items.assign(**{CATEGORIES: mapping.split_categories(items[CATEGORIES], chosen.category_separator)})
    aside = [c for c in rest if c not in {*more, *also}]
    if aside:
        message = f"These columns say nothing steady about a person or an item and are left aside: {', '.join(aside)}."
        findings.append(Finding("columns_aside", "info", log.name, message, len(aside)))
    names = (log.name, seen.users.name if seen.users else "", seen.items.name if seen.items else "")
    return Tables(frame, users, items, names), unit, kind


def _entities(
    table: Table | None,
    id_column: str | None,
    key: str,
    log: pd.DataFrame,
    rest: pd.DataFrame,
    texts: dict[str, str | None],
) -> tuple[pd.DataFrame, list[str]]:
    """People or items: their file with its columns renamed; without a file, one row for each id of the interactions
    with those other columns (second result) that never contradict themselves for it."""
    if table is not None and id_column is not None:
        names = {id_column: key} | {column: role for role, column in texts.items() if column}
        taken = {key, *texts} - {c for c in names}
        clash = {c: f"{c} (file)" for c in table.frame if c in {key, *texts} and c not in names and c in taken}
        frame = table.frame.rename(columns=clash | names)
        return frame[[key, *(c for c in frame if c != key)]], []
    known = log[log[key].notna()]
    pairs = rest.loc[known.index].assign(**{key: known[key]})
    first = pairs.drop_duplicates(key).sort_values(key, kind="stable")
    steady = [
        column
        for column in rest
        if not pairs[[key, column]].drop_duplicates().duplicated(key).any() and first[column].nunique() > 1
    ]
    return first[[key, *steady]], steady


def _ratings(log: Table, column: str, options: ImportOptions, findings: list[Finding]) -> np.ndarray:
    text = log.frame[column]
    values = columns.numbers(text)
    bad = ~np.isfinite(values)
    bad[bad] = columns.tidy(text[bad]).notna()
    if bad.any() and text[bad].str.fullmatch(r"\s*-?\d+,\d+\s*").all():
        values = columns.numbers(text.str.replace(",", "."))
        message = f"{column}: {int(bad.sum()):,} numbers are written with a decimal comma; they were read so."
        findings.append(Finding("decimal_comma", "info", log.name, message, int(bad.sum())))
        bad &= ~np.isfinite(values)
    if not bad.any():
        return values
    rows = [int(row) for row in text.index[bad][: read.ROWS_SHOWN]]
    examples = ", ".join(repr(v) for v in dict.fromkeys(text[bad].head(3)))
    message = f"{log.name}: {int(bad.sum()):,} of {len(text):,} cells of {column!r} are no numbers, such as {examples} ({in_rows(rows)})."
    if bad.mean() > 0.5:
        raise DataError(message, "Choose the column that holds ratings, or say that there is none.")
    if not options.drop_bad_ratings:
        raise DataError(message, "Correct these cells, or choose to leave those rows out.")
    findings.append(Finding("bad_ratings", "warning", log.name, message, int(bad.sum()), tuple(rows), "drop_unrated"))
    return values


# ---- checks and repairs, in order --------------------------------------------------------------------------------

_STEPS: tuple[Callable[[Tables], list[Finding]], ...] = (
    check.spaces_in_ids,
    check.empty_ids,
    check.whole_number_ids,
    check.unrated,
    check.untimed,
    check.repeated_entities,
    check.missing_marks,
    check.impossible_ages,
    check.strangers,
    check.repeated_pairs,
    check.thin,
)


def _repaired(tables: Tables, options: ImportOptions, findings: list[Finding], progress: Progress) -> Tables:
    wanted = {
        key
        for key, repair in clean.REPAIRS.items()
        if repair.when == "always"
        or (key in options.repairs if options.repairs is not None else repair.when == "usually")
    }
    for i, step in enumerate(_STEPS):
        progress(0.4 + 0.5 * i / len(_STEPS), "Checking")
        found = step(tables)
        if step is check.strangers:
            _must_meet(tables)
        for key in dict.fromkeys(f.repair for f in found if f.repair in wanted):
            tables = clean.dedupe(tables, options.dedupe) if key == "dedupe" else clean.REPAIRS[key].run(tables)
        findings += [replace(f, applied=f.repair in wanted) for f in found]
    if options.k_core > 1:
        before = len(tables.interactions)
        tables = clean.k_core(tables, options.k_core)
        message = f"The {options.k_core}-core keeps {len(tables.interactions):,} of {before:,} interactions."
        gone = before - len(tables.interactions)
        findings.append(Finding("k_core", "info", tables.files[0], message, gone, repair="k_core", applied=True))
    tables = clean.add_unknown(tables)
    found = check.idle(tables) + check.titles(tables) + check.ties(tables)
    for finding in found:
        if finding.repair in wanted:
            tables = clean.REPAIRS[finding.repair].run(tables)
    findings += [replace(f, applied=f.repair in wanted) for f in found]
    return tables


def _must_meet(tables: Tables) -> None:
    """DataError where not one id of the interactions has its row: a wrong column, or files of different data."""
    log = tables.interactions
    for frame, column, file in ((tables.users, USER_ID, tables.files[1]), (tables.items, ITEM_ID, tables.files[2])):
        if file and len(log) and not log[column].isin(frame[column]).any():
            here, there = (", ".join(map(repr, ids.unique()[:3])) for ids in (log[column], frame[column]))
            message = f"No {column} of {tables.files[0]} ({here}) has a row in {file} ({there})."
            raise DataError(message, "Choose other id columns, or check that the files belong together.")


def _relevance(tables: Tables, kind: RatingKind, options: ImportOptions, findings: list[Finding]) -> float | None:
    """The threshold in use: as chosen, else by the scale; said in a finding with the part that is liked."""
    frame, file = tables.interactions, tables.files[0]
    chosen = options.relevance_threshold
    if RATING not in frame:
        if chosen not in ("auto", None):
            hint = "Leave the threshold out: any interaction counts, or choose the column that holds ratings."
            raise ConfigError(f"A relevance threshold of {chosen:g} needs ratings, and there are none.", hint)
        message = "There are no ratings: every held-out interaction counts as relevant."
        findings.append(Finding("relevance", "info", file, message))
        return None
    values = frame[RATING].to_numpy()
    low, high = values.min(), values.max()
    what = "counts" if kind == "count" else "ratings"
    if chosen == "auto":
        chosen = None if kind == "count" else mapping.threshold(values)
    if chosen is None:
        message = f"The {what} go from {low:g} to {high:g}: every held-out interaction counts as relevant."
        findings.append(Finding("relevance", "info", file, message))
        return None
    liked = float((values >= chosen).mean())
    message = f"The {what} go from {low:g} to {high:g}: relevant from {chosen:g} on, which {liked:.0%} reach."
    if liked == 0.0:
        hint = f"Choose a threshold of at most {high:g}."
        raise ConfigError(
            f"No rating of {file} reaches the relevance threshold {chosen:g}; the highest is {high:g}.", hint
        )
    findings.append(Finding("relevance", "info", file, message))
    return float(chosen)
