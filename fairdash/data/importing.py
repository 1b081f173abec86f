"""read → check → clean: from files to a Dataset, with every finding and repair listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns
from fairdash.data import arrays, check, clean, files, mapping, read, times
from fairdash.data.check import Finding, Tables, in_rows
from fairdash.data.mapping import Guess, Mapping, RatingKind
from fairdash.data.read import Reading, Source, Table
from fairdash.errors import ConfigError, DataError
from fairdash.progress import Progress, silent
from fairdash.schema import CATEGORIES, ITEM_ID, RATING, TIME, TITLE, USER_ID, Dataset, Floats

NONE: Dict[str, Source] = MappingProxyType({})  # no arrays


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
    relevance_threshold: float | Literal["auto"] | None = "auto"
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
    readings: dict[files.Role, Reading] = {
        "interactions": options.read_interactions,
        "users": options.read_users,
        "items": options.read_items,
    }
    tables, findings = files.gather(interactions, users, items, readings)
    log, people, things = tables["interactions"], tables.get("users"), tables.get("items")
    guesses, chosen = _map(log, people, things, options)
    return Preview(log, people, things, guesses, chosen, tuple(findings))


def build(
    interactions: Source | Sequence[Source],
    users: Source | None = None,
    items: Source | None = None,
    *,
    options: ImportOptions | None = None,
    user_arrays: Dict[str, Source] = NONE,
    item_arrays: Dict[str, Source] = NONE,
    progress: Progress = silent,
) -> tuple[Dataset, tuple[Finding, ...]]:
    """Files → checked Dataset, and all that was found and repaired.

    interactions: a path, or (name, bytes); or a zip, or several files, that hold the people and items too.
    Attributes of people and items stay text. user_arrays, item_arrays: files of arrays by the names that they get (see
    `data.arrays`); they follow the people and items that the repairs leave.

    Raises DataError (files) or ConfigError (options).
    """
    options = options or ImportOptions()
    progress(0.0, "Reading the files")
    seen = preview(interactions, users, items, options=options)
    _be_sure(seen)
    given = [{name: arrays.read_arrays(file) for name, file in files.items()} for files in (user_arrays, item_arrays)]
    progress(0.4, "Checking")
    findings = list(seen.findings)
    tables, unit, kind = _under_roles(seen, options, findings)
    tables = _repaired(tables, options, findings, progress)
    if tables.interactions.empty:
        hint = "Choose other repairs or a smaller k-core, or check which columns hold the ids."
        raise DataError(f"No interaction of {tables.files[0]} is left after the repairs.", hint)
    relevance = _relevance(tables, kind, options, findings)
    fitted: list[dict[str, Floats]] = [{}, {}]
    for i, (ids, what) in enumerate(((tables.users[USER_ID], "people"), (tables.items[ITEM_ID], "items"))):
        for name, found in given[i].items():
            fitted[i][name], said = arrays.aligned(found, name, ids, what)
            findings += said
    dataset = Dataset(
        name=options.name or _name(seen),
        interactions=tables.interactions.reset_index(drop=True),
        users=tables.users.reset_index(drop=True),
        items=tables.items.reset_index(drop=True),
        relevance_threshold=relevance,
        user_arrays=fitted[0],
        item_arrays=fitted[1],
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
            "arrays": [
                {"name": name, "file": one.file, "shape": list(one.rows.shape)}
                for files in given
                for name, one in files.items()
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


def _be_sure(seen: Preview) -> None:
    """DataError for a person, item or id that is a mere guess by place."""
    for role, what, table in (
        ("user", "the person", seen.interactions),
        ("item", "the item", seen.interactions),
        ("users_id", "the id of a person", seen.users),
        ("items_id", "the id of an item", seen.items),
    ):
        if table is not None and seen.guesses[role].confidence < mapping.SURE:
            hint = f"Choose the column; there are {', '.join(map(repr, table.frame.columns))}."
            raise DataError(f"{table.name}: no column is recognisable as {what}.", hint)


def _name(seen: Preview) -> str:
    stem = PurePosixPath(seen.interactions.name.replace("\\", "/")).stem
    return stem or "data"


# ---- which column is what ----------------------------------------------------------------------------------------


def _map(
    log: Table, people: Table | None, things: Table | None, options: ImportOptions
) -> tuple[dict[str, Guess], Mapping]:
    others = (
        ("users_id", people, columns.USER_NAMES, options.users_id, "user"),
        ("items_id", things, columns.ITEM_NAMES, options.items_id, "item"),
    )
    # The ids of the other files help to find the columns here, and the other way round.
    ids: dict[str, pd.Series | None] = {"user": None, "item": None}
    for _, table, names, picked, role in others:
        if table is not None:
            column = picked or mapping.guess_entities(table.frame, names).column
            ids[role] = table.frame[mapping.require(table.frame, column, "the id", table.name)]
    picks = {"user": options.user, "item": options.item, "rating": options.rating, "time": options.time}
    chosen = _chosen(log, picks)
    guesses = mapping.guess_interactions(log.frame, log.header, ids["user"], ids["item"], chosen)
    for role in ("rating", "time"):
        if picks[role] == "":
            guesses.pop(role, None)
    if "item" not in guesses:
        raise DataError(
            f"{log.name} has one column for two roles.", "Choose one column for the person, one for the item."
        )
    for key, table, names, picked, role in others:
        if table is not None and picked:
            guesses[key] = Guess(picked, 1.0, "chosen")
        elif table is not None:
            guesses[key] = mapping.guess_entities(table.frame, names, log.frame[guesses[role].column])
    values: dict[str, Any] = {}
    if things is not None:
        own = {"title": options.title, "categories": options.categories, "items_id": guesses["items_id"].column}
        texts = mapping.guess_texts(things.frame, _chosen(things, own))
        guesses |= {role: guess for role, guess in texts.items() if own[role] != ""}
        if "categories" in guesses:
            values["category_separator"] = options.category_separator or _separator(
                things, guesses["categories"].column
            )
    kind: RatingKind = "none"
    if "rating" in guesses:
        column = guesses["rating"].column
        kind = mapping.rating_kind(column, log.frame[column])
    values["rating_kind"] = kind if options.rating_kind == "auto" else options.rating_kind
    values |= {role: guess.column for role, guess in guesses.items()}
    return guesses, Mapping(**values)


def _chosen(table: Table, picks: dict[str, str | None]) -> dict[str, str]:
    """The columns that a person named, each there and in one role."""
    chosen = {role: mapping.require(table.frame, c, f"the {role}", table.name) for role, c in picks.items() if c}
    columns_in_use = list(chosen.values())
    for column in columns_in_use:
        if columns_in_use.count(column) > 1:
            raise DataError(f"{table.name}: the column {column!r} has two roles.", "Choose one column for each role.")
    return chosen


def _separator(table: Table, column: str) -> str:
    return " " if column in table.spaced else mapping.guess_separator(table.frame[column])


# ---- tables under their roles' names -----------------------------------------------------------------------------


def _under_roles(seen: Preview, options: ImportOptions, findings: list[Finding]) -> tuple[Tables, str, RatingKind]:
    chosen, log = seen.mapping, seen.interactions
    frame = pd.DataFrame({USER_ID: log.frame[chosen.user], ITEM_ID: log.frame[chosen.item]})
    kind = chosen.rating_kind
    if chosen.rating is not None and kind != "none":
        values = _ratings(log, chosen.rating, kind, options, findings)
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
        frame[TIME], unit = parsed.moments, parsed.unit
        findings.append(Finding("time", "info", log.name, f"{chosen.time} gives the order: {parsed.note}."))
    used = {chosen.user, chosen.item, chosen.rating, chosen.time}
    rest = log.frame[[c for c in columns.names(log.frame) if c not in used]]
    # Another column that happens to be called as an id of ours keeps its content under a longer name.
    rest = rest.rename(columns={c: f"{c} (file)" for c in (USER_ID, ITEM_ID) if c in rest})
    users, more = _entities(seen.users, chosen.users_id, USER_ID, frame, rest, {})
    texts = {TITLE: chosen.title, CATEGORIES: chosen.categories}
    items, also = _entities(
        seen.items, chosen.items_id, ITEM_ID, frame, rest[[c for c in columns.names(rest) if c not in more]], texts
    )
    if seen.items is None:
        guessed = mapping.guess_texts(items, {"items_id": ITEM_ID})
        items = items.rename(columns={guess.column: role for role, guess in guessed.items()})
        chosen = replace(
            chosen,
            category_separator=options.category_separator
            or (mapping.guess_separator(items[CATEGORIES]) if CATEGORIES in items else "|"),
        )
    if CATEGORIES in items:
        items = items.assign(**{CATEGORIES: mapping.split_categories(items[CATEGORIES], chosen.category_separator)})
    aside = [c for c in columns.names(rest) if c not in {*more, *also}]
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
        role = {id_column: key} | {column: name for name, column in texts.items() if column}
        own = {key, *texts}
        # Another column that happens to be called as one of ours keeps its content under a longer name.
        other = {c: f"{c} (file)" for c in columns.names(table.frame) if c in own and c not in role}
        frame = table.frame.rename(columns=other | role)
        first = [key, *(name for name, column in texts.items() if column)]
        return frame[[*first, *(c for c in columns.names(frame) if c not in first)]], []
    known = log[log[key].notna()]
    pairs = rest.loc[known.index].assign(**{key: known[key]})
    one = pairs.drop_duplicates(key).sort_values(key, kind="stable")
    steady = [
        column
        for column in columns.names(rest)
        if len(one) < len(pairs)
        and len(one[column].drop_duplicates()) > 1
        and not pairs[[key, column]].drop_duplicates().duplicated(key).any()
    ]
    return one[[key, *steady]], steady


def _ratings(
    log: Table, column: str, kind: RatingKind, options: ImportOptions, findings: list[Finding]
) -> NDArray[np.float64]:
    text = log.frame[column]
    values = columns.numbers(text)
    bad = ~np.isfinite(values)
    bad[bad] = columns.tidy(text[bad]).notna()
    if kind == "count" and bad.any() and text[bad].str.fullmatch(r"\s*\d{1,3}(,\d{3})+\s*").all():
        values = columns.numbers(text.str.replace(",", ""))
        message = f"{column}: in {int(bad.sum()):,} numbers a comma parts the thousands; they were read so."
        findings.append(Finding("thousands", "info", log.name, message, int(bad.sum())))
        bad &= ~np.isfinite(values)
    if bad.any() and text[bad].str.fullmatch(r"\s*-?\d+,\d+\s*").all():
        values = columns.numbers(text.str.replace(",", "."))
        message = f"{column}: {int(bad.sum()):,} numbers are written with a decimal comma; they were read so."
        findings.append(Finding("decimal_comma", "info", log.name, message, int(bad.sum())))
        bad &= ~np.isfinite(values)
    if not bad.any():
        return values
    rows = [int(row) for row in text.index[bad][: read.ROWS_SHOWN]]
    examples = ", ".join(repr(v) for v in dict.fromkeys(text[bad].head(3)))
    message = f"{log.name}: {int(bad.sum()):,} of {len(text):,} cells of {column!r} are no numbers, such as {examples} "
    message += f"({in_rows(rows)})."
    if bad.mean() > 0.5:
        raise DataError(message, "Choose the column that holds ratings, or say that there is none.")
    if not options.drop_bad_ratings:
        raise DataError(message, "Correct these cells, or choose to leave those rows out.")
    findings.append(
        Finding("bad_ratings", "warning", log.name, message, int(bad.sum()), tuple(rows), "drop_unrated", True)
    )
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
