"""Which of the files that were brought holds the interactions, which the people, which the items: by their columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal, cast

import numpy as np
import pandas as pd

from fairdash import columns, words
from fairdash.data import mapping, read, shapes
from fairdash.data.findings import Finding, Question, first_rows
from fairdash.data.table import Reading, Source, Table
from fairdash.errors import DataError
from fairdash.schema import PART

Role = Literal["interactions", "users", "items"]

ROLES: tuple[Role, ...] = ("interactions", "users", "items")
_TITLES = dict(zip(ROLES, words.several("interactions", "people", "items"), strict=True))
# Words in a file's name: they decide only between files whose columns fit equally well.
_WORDS: dict[Role, tuple[str, ...]] = {
    "interactions": (
        *("interactions", "interaction", "ratings", "rating", "events", "log", "plays", "clicks", "inter", "reviews"),
        *("transactions", "listens", "behaviors", "behaviours"),
    ),
    "users": (
        *("users", "user", "people", "persons", "members", "customers", "profiles", "profile", "viewers", "listeners"),
        "demographics",
    ),
    "items": (
        *("items", "item", "movies", "films", "artists", "products", "books", "songs", "tracks", "places", "meta"),
        *("restaurants", "catalogue", "catalog", "articles", "games", "news"),
    ),
}
# Archives of files without column names, many of them alike: their tables are known by name.
_ARCHIVES = (("u.data", "u.user", "u.item"), ("ratings.dat", "users.dat", "movies.dat"))
_ENDINGS = {
    *(".csv", ".tsv", ".txt", ".dat", ".data", ".psv", ".parquet", ".pq", ".inter", ".user", ".item", ".json"),
    *(".jsonl", ".ndjson", ".gz", ".xlsx", ".xlsm", ".test", ".train", ".base", ""),
}
_NO_TABLES = ("readme", "license", "licence", "changelog", "citation", "_success", "allbut", "mku")
_ROWS = 10_000  # of a table that are looked at to find the role of a column
_HEAD = 1 << 20  # bytes of a text that are looked at to find the role of a file


@dataclass(frozen=True, eq=False)
class _File:
    """A file, perhaps in parts, and its first rows."""

    sources: tuple[Source, ...]
    table: Table
    known: Role | None

    @property
    def name(self) -> str:
        return self.table.name


def gather(
    interactions: Source | Sequence[Source],
    users: Source | None,
    items: Source | None,
    readings: Mapping[Role, Reading],
    roles: Mapping[str, str],
    held: Mapping[str, Source] | None = None,
    fold: str = "",
) -> tuple[dict[Role, Table], list[Finding]]:
    """The tables by role ("interactions" always), and what was seen while reading; zips and folders are opened.

    roles: of files by their names, as chosen; the others are recognised by their columns. held: files of the parts
    "valid" and "test" beside `interactions`, which are those of train then; None: as their names tell. The parts stand
    below each other, with a column that tells them. fold: which split of several to take, by what its files share of
    their names."""
    brought = _brought(interactions)
    if not brought:
        raise DataError("No file was given.", "Bring a file of interactions: person, item, and rating or time.")
    given: dict[Role, tuple[Source, ...]] = {}
    if users is not None:
        given["users"] = (users,)
    if items is not None:
        given["items"] = (items,)
    findings: list[Finding] = []
    groups = _groups(brought)
    _by_hand(groups, roles, given)
    free = [group for group in groups if read.file_name(group[0]) not in roles]
    train: list[Source] | None = None
    parts: dict[str, Sequence[Source]] = {part: [source] for part, source in (held or {}).items()}
    if not parts:
        free, train, parts = _own_parts(free, fold, findings)
    if len(free) == 1 and not roles:
        given["interactions"] = tuple(free[0])
    elif not free and "interactions" not in given:
        raise DataError("No file is chosen to hold the interactions.", "Choose it: who had which item.")
    elif free:
        found, aside = _assign(free, given, readings)
        given = found | given
        said = ", ".join(
            words.say("{titles} from {file}", titles=words.say(_TITLES[role]), file=read.file_name(given[role][0]))
            for role in ROLES
            if role in found
        )
        if said:
            findings.append(
                Finding("roles", "info", read.file_name(brought[0]), words.say("By their columns: {said}.", said=said))
            )
        if aside:
            more = " …" if len(aside) > 8 else ""
            message = words.say(
                "{n} file is left aside, and nothing in it is used: {names}{more}.",
                "{n} files are left aside, and nothing in them is used: {names}{more}.",
                n=len(aside),
                names=", ".join(aside[:8]),
                more=more,
            )
            findings.append(Finding("left_aside", "warning", read.file_name(brought[0]), message, len(aside)))
    tables: dict[Role, Table] = {role: _table(role, sources, readings[role]) for role, sources in given.items()}
    for role in ROLES:
        if role in tables:
            findings += seen(tables[role])
    if train is not None and given["interactions"][0] is not train[0]:
        names = [read.file_name(sources[0]) for sources in parts.values()]
        message = words.say(
            "{names} are no parts of {name}, so nothing in them is used.",
            names=", ".join(names),
            name=tables["interactions"].name,
        )
        findings.append(Finding("left_aside", "warning", names[0], message, len(names)))
    elif parts:
        read_so = readings["interactions"]
        beside = {part: _table("interactions", sources, read_so) for part, sources in parts.items()}
        for table in beside.values():
            findings += seen(table)
        tables["interactions"] = _parted({"train": tables["interactions"], **beside}, findings)
    return tables, findings


def _own_parts(
    groups: Sequence[Sequence[Source]], fold: str, findings: list[Finding]
) -> tuple[list[list[Source]], list[Source] | None, dict[str, Sequence[Source]]]:
    """The files without those of valid and test, the file of train, and those of valid and test, where names tell them
    apart: x.train.csv and x.test.csv, or train.csv and test.csv. Of several such splits, as the folds of a
    cross-validation are, the one that is called `fold`, else the first, which is asked."""
    found: dict[str, dict[str, list[Source]]] = {}
    paths = [PurePosixPath(_path(group[0]).casefold()).parts for group in groups]
    shared = 0  # folders that all are in
    while paths and all(len(path) > shared + 1 and path[shared] == paths[0][shared] for path in paths):
        shared += 1
    for group, path in zip(groups, paths, strict=True) if not _archive(groups) else ():
        told = re.split(r"([._/-])", "/".join(path[shared:]))
        at = [i for i, word in enumerate(told) if columns.part_of(word) is not None]
        if len(at) == 1:
            rest = "".join(told[: at[0]] + told[at[0] + 1 :])
            found.setdefault(rest, {}).setdefault(str(columns.part_of(told[at[0]])), list(group))
    splits = {rest: parts for rest, parts in found.items() if {"train", "test"} <= parts.keys()}
    if not splits:
        return [list(group) for group in groups], None, {}
    names = {_called(rest): rest for rest in splits}
    name = next(iter(names))
    if len(splits) > 1:
        text = words.say(
            "There are {n} splits of your own, such as the folds of a cross-validation: {names}.",
            n=len(names),
            names=", ".join(names),
        )
        if fold and fold not in names:
            raise DataError(text, words.say("None of them is called {fold}: name one (--fold).", fold=repr(fold)))
        question = Question("fold", words.say("{text} Which one is to be used?", text=text), tuple(names), name)
        name = fold or name
        message, asked = (
            words.say("{text} {name} is used, the others are left aside.", text=text, name=name),
            None if fold else question,
        )
        findings.append(Finding("folds", "warning", read.file_name(groups[0][0]), message, len(names), question=asked))
    split = splits[names[name]]
    held: dict[str, Sequence[Source]] = {part: split[part] for part in ("valid", "test") if part in split}
    used = {id(sources[0]) for parts in splits.values() for sources in parts.values()} - {id(split["train"][0])}
    return [list(group) for group in groups if id(group[0]) not in used], split["train"], held


def _path(source: Source) -> str:
    return (source[0] if isinstance(source, tuple) else str(source)).replace("\\", "/")


def _called(rest: str) -> str:
    """What a split is called, by what its files share of their names: u1 of u1.base and u1.test."""
    ending = next((ending for ending in sorted(_ENDINGS, key=len, reverse=True) if rest.endswith(ending)), "")
    return rest.removesuffix(ending).strip("._/-") or "(no name)"


def _as_in(log: Table, ours: Mapping[str, mapping.Guess], table: Table) -> Table:
    """The table with its columns called as in `log`, where both know the role of a column under other names."""
    theirs = mapping.guess_interactions(table.frame.head(_ROWS), table.header)
    same = {
        theirs[role].column: ours[role].column
        for role in ours.keys() & theirs.keys()
        if min(theirs[role].confidence, ours[role].confidence) >= mapping.ASKED
        and theirs[role].column not in log.frame
        and ours[role].column not in table.frame
    }
    return replace(table, frame=table.frame.rename(columns=same)) if same else table


def _parted(tables: Mapping[str, Table], findings: list[Finding]) -> Table:
    """The tables of train, valid and test below each other, with the columns that all have and one that tells them."""
    log = tables["train"]
    ours = mapping.guess_interactions(log.frame.head(_ROWS), log.header)
    tables = {part: table if table is log else _as_in(log, ours, table) for part, table in tables.items()}
    shared = [c for c in columns.names(log.frame) if all(c in table.frame for table in tables.values())]
    ids = [ours[role].column for role in ("user", "item") if role in ours]
    if len(shared) < 2 or not set(ids) <= set(shared):
        other = next(table for table in tables.values() if any(c not in table.frame for c in log.frame))
        message = words.say(
            "{name} has other columns ({names}) than {name_2} ({names_2}).",
            name=other.name,
            names=", ".join(columns.names(other.frame)),
            name_2=log.name,
            names_2=", ".join(columns.names(log.frame)),
        )
        raise DataError(message, "Give the parts of a split the same columns, named in the first row.")
    single = [c for table in tables.values() for c in columns.names(table.frame) if c not in shared]
    if single:
        message = words.say(
            "Not all parts have the columns {names}: they are left aside.", names=", ".join(dict.fromkeys(single))
        )
        findings.append(Finding("columns_aside", "warning", log.name, message, len(set(single))))
    frames = []
    for part, table in tables.items():
        frame = table.frame[shared].rename(columns={PART: f"{PART} (file)"})
        frames.append(frame.assign(**{PART: pd.Series(part, index=frame.index, dtype="str")}))
    whole = pd.concat(frames, ignore_index=True)
    whole.index = pd.RangeIndex(1 + int(log.header), len(whole) + 1 + int(log.header))
    said = words.say(", ").join(
        words.say(
            "{part} from {name} ({n} row)",
            "{part} from {name} ({n} rows)",
            part=part,
            name=table.name,
            n=len(table.frame),
        )
        for part, table in tables.items()
    )
    message = words.say("A split of your own: {said}; the numbers of rows go on from file to file.", said=said)
    findings.append(Finding("own_split", "info", log.name, message, len(whole)))
    return replace(log, frame=whole)


def listed(brought: Source | Sequence[Source]) -> tuple[str, ...]:
    """The names of the files that were brought, zips and folders opened; parts of one table by the first."""
    return tuple(read.file_name(group[0]) for group in _groups(_brought(brought)))


def named(brought: Source | Sequence[Source]) -> str:
    """What the one zip or folder is called that holds all files; "" where they were brought one by one."""
    (source, *more) = _brought(brought)
    if more or not (read.is_folder(source) or read.is_zip(source)):
        return ""
    name = read.file_name(source)
    return name if read.is_folder(source) else PurePosixPath(name).stem


def size(brought: Source | Sequence[Source]) -> int:
    """The bytes of what was brought, packed as it is."""
    return sum(map(read.size, _brought(brought)))


def _brought(sources: Source | Sequence[Source]) -> list[Source]:
    several = isinstance(sources, Sequence) and not isinstance(sources, (str, tuple))
    return list(cast(Sequence[Source], sources)) if several else [cast(Source, sources)]


def _groups(brought: Sequence[Source]) -> list[list[Source]]:
    return read.parts([inside for source in brought for inside in (read.members(source) or [source])])


def _by_hand(
    groups: Sequence[Sequence[Source]], roles: Mapping[str, str], given: dict[Role, tuple[Source, ...]]
) -> None:
    """Files under the roles that a person chose for them."""
    files = {read.file_name(group[0]): group for group in groups}
    for name, role in roles.items():
        if name not in files:
            raise DataError(
                words.say("No file is called {name}.", name=repr(name)),
                words.say("There are {names}.", names=", ".join(list(files)[:8])),
            )
        if role in given:
            message = words.say(
                "Two files are to hold the {titles}, one of them {name}.", titles=words.say(_TITLES[role]), name=name
            )
            raise DataError(message, "Choose one file for each role.")
        if role in ROLES:
            given[role] = tuple(files[name])


def _table(role: Role, sources: Sequence[Source], reading: Reading) -> Table:
    whole = read.joined(sources, reading) if len(sources) > 1 else read.table(sources[0], reading)
    table, known = shapes.recognise(whole)
    if known is not None and known != role:
        message = words.say(
            "{name} holds {titles}, but was given as the file of {titles_2}.",
            name=table.name,
            titles=words.say(_TITLES[known]),
            titles_2=words.say(_TITLES[role]),
        )
        raise DataError(message, words.say("Give it as {titles}.", titles=words.say(_TITLES[known])))
    if role == "interactions":
        return shapes.rows(shapes.dated(table), chosen=reading.person)
    return shapes.named_people(table) if role == "users" else shapes.joined_categories(table)


# ---- roles of files ----------------------------------------------------------------------------------------------


def _assign(
    groups: Sequence[Sequence[Source]], given: dict[Role, tuple[Source, ...]], readings: Mapping[Role, Reading]
) -> tuple[dict[Role, tuple[Source, ...]], list[str]]:
    """Files by role, and the names of those that are left aside: the interactions first, then what meets their ids."""
    chosen = {role: sources for role, sources in _archive(groups).items() if role not in given}
    taken = list(chosen.values())
    free = [group for group in groups if not any(group[0] is sources[0] for sources in taken)]
    wanted = [role for role in ROLES if role not in chosen and role not in given]
    files = []
    for group in free:
        base = _base(group[0])
        if wanted and not base.startswith(_NO_TABLES) and PurePosixPath(base).suffix in _ENDINGS:
            file = _opened(group, readings["interactions"])
            files += [file] if file is not None else []
    if "interactions" not in chosen | given:
        log = _interactions(files, lonely=len(groups) == 1)
        if log is None:
            names = ", ".join(read.file_name(group[0]) for group in groups[:8])
            hint = "Bring a file with a column for the person and one for the item, such as user_id and item_id."
            raise DataError(words.say("None of the files holds interactions: {names}.", names=names), hint)
        chosen["interactions"] = log.sources
        files.remove(log)
    else:
        log = _opened((chosen | given)["interactions"], readings["interactions"])
    if log is None:
        return chosen, [read.file_name(group[0]) for group in free]  # reading the interactions says what is wrong
    for role, file in _others(log, files, [role for role in wanted if role != "interactions"]).items():
        chosen[role] = file.sources
    used = [source for sources in chosen.values() for source in sources]
    return chosen, [read.file_name(group[0]) for group in groups if not any(group[0] is source for source in used)]


def _base(source: Source) -> str:
    return PurePosixPath(read.file_name(source).replace("\\", "/")).name.casefold()


def _archive(groups: Sequence[Sequence[Source]]) -> dict[Role, tuple[Source, ...]]:
    """The tables of a known archive, where its interactions and at least one more of its tables are there."""
    at = {_base(group[0]): group for group in reversed(groups)}
    for names in _ARCHIVES:
        if names[0] in at and (names[1] in at or names[2] in at):
            return {role: tuple(at[name]) for role, name in zip(ROLES, names, strict=True) if name in at}
    return {}


def _opened(sources: Sequence[Source], reading: Reading) -> _File | None:
    """The first rows of a file; None for one that is no table."""
    try:
        table, known = shapes.recognise(read.table(_head(sources[0]), reading))
    except DataError:
        return None
    laid = shapes.rows(table, chosen=reading.person)
    return _File(tuple(sources), laid, "interactions" if laid is not table else known)


def _head(source: Source) -> Source:
    """A text cut at the end of a line near `_HEAD`; anything else whole."""
    raw = read.content(source)
    if len(raw) <= 2 * _HEAD or b"\0" in raw[:4096] or raw.lstrip()[:1] in (b"[", b"{"):
        return source
    return read.file_name(source), raw[: raw.rindex(b"\n", 0, _HEAD) + 1] if b"\n" in raw[:_HEAD] else raw


def _named(table: Table, names: Sequence[str]) -> str | None:
    return next((c for c in columns.names(table.frame) if columns.is_called(c, names)), None)


def _interactions(files: Sequence[_File], lonely: bool) -> _File | None:
    """The file whose rows join people and items: both by name, else ids that come again beside each other."""
    fits = []
    for file in files:
        guesses = mapping.guess_interactions(file.table.frame, file.table.header)
        both = [guesses[role].confidence if role in guesses else 0.0 for role in ("user", "item")]
        sure = min(both) > mapping.SURE or (min(both) == mapping.SURE and not lonely)
        if file.known == "interactions" or (sure and file.known is None):
            fits.append((file, min(both), "rating" in guesses or "time" in guesses))
    if not fits:
        return files[0] if len(files) == 1 else None
    best = max((file.known is not None, sure > mapping.SURE, told) for file, sure, told in fits)
    finest = [file for file, sure, told in fits if (file.known is not None, sure > mapping.SURE, told) == best]
    if len(finest) > 1:
        called = [file for file in finest if _words(file) & set(_WORDS["interactions"])]
        finest = called or finest
    return _only("interactions", finest)


def _words(file: _File) -> set[str]:
    return set(re.split(r"[^a-z]+", _base(file.sources[0])))


def _only(role: Role, fits: Sequence[_File]) -> _File:
    if len(fits) > 1:
        names = ", ".join(file.name for file in fits[:8])
        message = words.say(
            "{n} file could hold the {titles}: {names}.",
            "{n} files could hold the {titles}: {names}.",
            n=len(fits),
            titles=words.say(_TITLES[role]),
            names=names,
        )
        raise DataError(
            message,
            words.say("Say what each is (--role {name}={role}), bring one of them, or rename the others.",
                      name=fits[0].name, role=role),
        )  # fmt: skip
    return fits[0]


def _others(log: _File, files: Sequence[_File], roles: Sequence[Role]) -> dict[Role, _File]:
    """People and items among the other files: by their id's name, by ids that the interactions have, by attributes."""
    guesses = mapping.guess_interactions(log.table.frame, log.table.header)
    scores: dict[Role, list[tuple[float, _File]]] = {role: [] for role in roles}
    for role in roles:
        key, names, other = ("user", columns.USER_NAMES, columns.ITEM_NAMES)
        told: Sequence[str] = columns.PERSONAL_NAMES
        if role == "items":
            key, names, other = ("item", columns.ITEM_NAMES, columns.USER_NAMES)
            told = (*columns.TITLE_NAMES, *columns.CATEGORY_NAMES)
        ids = log.table.frame[guesses[key].column] if key in guesses else None
        for file in files:
            score = _fit(file, ids, names, other, told)
            if file.known == role:
                score += 8
            elif file.known is not None:
                continue
            if score > 0:
                scores[role].append((score + 0.5 * bool(_words(file) & set(_WORDS[role])), file))
    found: dict[Role, _File] = {}
    ranked = sorted(((s, role, file) for role in roles for s, file in scores[role]), key=lambda fit: -fit[0])
    for score, role, file in ranked:
        if role in found or any(file is other for other in found.values()):
            continue
        equal = [f for s, f in scores[role] if s == score and not any(f is other for other in found.values())]
        found[role] = _only(role, equal)
    return found


def _fit(file: _File, ids: pd.Series | None, names: Sequence[str], other: Sequence[str], told: Sequence[str]) -> float:
    """How well a file suits as that of the people (items) of the interactions; 0 where it does not.

    An id column by its name counts 4, or 1 where the other id is there too; ids that meet up to 3; an attribute 1.
    """
    frame = file.table.frame
    own = _named(file.table, names)
    both = own is not None and _named(file.table, other) is not None
    met = 0.0
    if ids is not None:
        candidates = [own] if own is not None else [c for c in columns.names(frame) if frame[c].is_unique]
        called = columns.plain(str(ids.name))
        met = max((mapping.overlap(ids, frame[c]) for c in candidates), default=0.0)
        same = [c for c in columns.names(frame) if columns.plain(c) == called and file.table.header]
        own = own or next(iter(same), None)
    if own is None and met <= 0.5:
        return 0.0
    described = _named(file.table, [name for name in told if name not in names]) is not None
    if both and not described:
        return 0.0  # another table of people and items: tags, reviews
    return (0.0 if own is None else 1.0 if both else 4.0) + 3 * met + described


# ---- what is to be said of a file --------------------------------------------------------------------------------


def seen(table: Table) -> list[Finding]:
    """Findings about the file itself: what reading it brought up, encoding, header, blank rows."""
    found = list(table.notes)
    if table.encoding not in ("utf-8", "utf-8-sig") and all(note.key != "encoding_asked" for note in table.notes):
        frame = table.frame
        marks = frame.apply(lambda column: column.str.contains(r"[^\x00-\x7f]", na=False))
        marked = marks.any(axis=1)
        message = words.say("The file is not UTF-8; it was read as {encoding}.", encoding=table.encoding)
        if marked.any():
            first = int(np.argmax(marked))  # rows that were laid out share their number
            cells = frame.iloc[first][marks.iloc[first]]
            message = words.say(
                "The file is not UTF-8; it was read as {encoding}. Check that letters with accents are right, "
                "such as {value}.",
                encoding=table.encoding,
                value=repr(cells.iloc[0]),
            )
        shown = first_rows(frame, marked)
        found.append(Finding("encoding", "warning", table.name, message, int(marked.sum()), shown))
    lost = table.frame.apply(lambda column: column.str.contains("\ufffd", regex=False, na=False)).any(axis=1)
    if lost.any():
        message = "Letters were lost before this file was made: their place holds \ufffd. Export it again as UTF-8."
        shown = first_rows(table.frame, lost)
        found.append(Finding("lost_letters", "warning", table.name, message, int(lost.sum()), shown))
    if not table.header:
        message = words.say(
            "There is no row of column names; the columns are {names}.", names=", ".join(columns.names(table.frame))
        )
        found.append(Finding("no_header", "info", table.name, message))
    if table.blank_rows:
        message = words.say("{n} blank row was left out.", "{n} blank rows were left out.", n=table.blank_rows)
        found.append(Finding("blank_rows", "info", table.name, message, table.blank_rows))
    return found
