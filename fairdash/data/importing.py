"""read → check → clean: from files to a Dataset, with every finding and repair listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dict
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from fairdash import columns, memory, words
from fairdash.data import arrays, check, clean, files, images, mapping, meaning, times
from fairdash.data.check import Tables
from fairdash.data.effects import Effect, effect
from fairdash.data.findings import Finding, Question, UnansweredError, examples, questions
from fairdash.data.mapping import Guess, Mapping, RatingKind
from fairdash.data.options import ImportOptions
from fairdash.data.table import Reading, Source, Table
from fairdash.errors import DataError
from fairdash.progress import Progress, silent
from fairdash.schema import CATEGORIES, ITEM_ID, PART, RATING, TIME, TITLE, USER_ID, Dataset, Floats

NONE: Dict[str, Source] = MappingProxyType({})  # no arrays


@dataclass(frozen=True, eq=False)
class Preview:
    """What an import would do: the tables as read, the guesses by role, the mapping that comes of them and of the
    options, findings from reading, with what is asked. `guesses` has the keys user, item, rating, time, clock, event,
    split, users_id, items_id, title, categories, as far as found. name: of the zip or folder that holds all files, else
    of the file of interactions."""

    interactions: Table
    users: Table | None
    items: Table | None
    guesses: dict[str, Guess]
    mapping: Mapping
    findings: tuple[Finding, ...]
    name: str

    def brief(self) -> Preview:
        """The same with the first rows of the tables alone, as they are shown."""
        people, things = (None if one is None else one.brief() for one in (self.users, self.items))
        return replace(self, interactions=self.interactions.brief(), users=people, items=things)


def preview(
    interactions: Source | Sequence[Source],
    users: Source | None = None,
    items: Source | None = None,
    *,
    valid: Source | None = None,
    test: Source | None = None,
    options: ImportOptions | None = None,
) -> Preview:
    """Read the files and guess the mapping; the same arguments as `build`."""
    options = options or ImportOptions()
    readings: dict[files.Role, Reading] = {
        "interactions": options.reading(options.read_interactions),
        "users": options.reading(options.read_users),
        "items": options.reading(options.read_items),
    }
    held = {part: source for part, source in (("valid", valid), ("test", test)) if source is not None}
    if held and test is None:
        raise DataError("A file of valid was given, but none of test.", "Give the test part too, as a file of its own.")
    tables, findings = files.gather(interactions, users, items, readings, dict(options.roles), held, options.fold)
    if options.time is not None:
        findings = [replace(f, question=None) if f.key == "laid_out" else f for f in findings]
    log, people, things = tables["interactions"], tables.get("users"), tables.get("items")
    guesses, chosen = _map(log, people, things, options)
    findings += unsure(log, guesses, options)
    for role, table in (("users_id", people), ("items_id", things)):
        if table is not None:
            findings += unsure_id(table, role, guesses[role])
    _give_back(log.frame)
    return Preview(log, people, things, guesses, chosen, tuple(findings), files.named(interactions) or _stem(log.name))


def _give_back(log: pd.DataFrame) -> None:
    """After a step over a long log, what it used."""
    if len(log) > memory.LONG:
        memory.give_back()


def unsure(log: Table, guesses: dict[str, Guess], options: ImportOptions) -> list[Finding]:
    """What was guessed by place, and what might be ratings: both are asked."""
    found = guessed(log, guesses)
    if "rating" not in guesses and options.rating is None:
        taken = [guess.column for guess in guesses.values()]
        taken += [fold] if (fold := mapping.guess_fold(log.frame, taken)) else []
        offered = mapping.offered_ratings(log.frame, taken, guesses["user"].column, guesses["item"].column)
        if offered:
            shown = ", ".join(f"{c!r} ({examples(log.frame[c].dropna().unique())})" for c in offered)
            text = words.say(
                "{name}: does {shown} say how much the item was liked, or whether? No name says so: not taken.",
                name=log.name,
                shown=shown,
            )
            question = Question("rating", text, ("", *offered), "")
            found.append(Finding("rating_offered", "warning", log.name, text, len(offered), question=question))
    return found


def guessed(log: Table, guesses: dict[str, Guess]) -> list[Finding]:
    """Guesses that are not sure: each is asked."""
    found = []
    names = tuple(columns.names(log.frame))
    for role, what in zip(
        ("user", "item", "rating", "event"),
        words.several("the person", "the item", "the rating", "the event"),
        strict=True,
    ):
        guess = guesses.get(role)
        if guess is not None and mapping.SURE <= guess.confidence < mapping.ASKED:
            seen = examples(log.frame[guess.column].dropna().head(20))
            text = words.say(
                "{name}: is {column} ({seen}) {what}? It was taken so: {reason}.",
                name=log.name,
                column=repr(guess.column),
                seen=seen,
                what=words.say(what),
                reason=words.say(guess.reason),
            )
            choices = names if role in ("user", "item") else (*names, "")
            question = Question(role, text, choices, guess.column)
            found.append(Finding(f"asked_{role}", "warning", log.name, text, question=question))
    return found


def unsure_id(table: Table, role: str, guess: Guess) -> list[Finding]:
    """The id of people or items (role: "users_id", "items_id"), asked where it was guessed by its place."""
    if not mapping.SURE <= guess.confidence < mapping.ASKED:
        return []
    what = words.say("a person") if role == "users_id" else words.say("an item")
    seen = examples(table.frame[guess.column].dropna().head(20))
    text = words.say(
        "{name}: is {column} ({seen}) the id of {what}? It was taken so: {reason}.",
        name=table.name,
        column=repr(guess.column),
        seen=seen,
        what=what,
        reason=words.say(guess.reason),
    )
    question = Question(role, text, tuple(columns.names(table.frame)), guess.column)
    return [Finding(f"asked_{role}", "warning", table.name, text, question=question)]


def build(
    interactions: Source | Sequence[Source],
    users: Source | None = None,
    items: Source | None = None,
    *,
    valid: Source | None = None,
    test: Source | None = None,
    options: ImportOptions | None = None,
    user_arrays: Dict[str, Source] = NONE,
    item_arrays: Dict[str, Source] = NONE,
    item_images: Source | None = None,
    accept_guesses: bool = True,
    progress: Progress = silent,
    look: Callable[[Preview], object] = lambda seen: None,
) -> tuple[Dataset, tuple[Finding, ...]]:
    """Files → checked Dataset, and all that was found and repaired.

    interactions: a path, or (name, bytes); or a zip, a folder, or several files, that hold the people and items too.
    valid, test: files of a split of your own, in which `interactions` are those of train; files called x.train.csv,
    x.valid.csv and x.test.csv are known as such, and so is a column that says train, valid or test.
    accept_guesses: take the likely answer to what is asked; else UnansweredError names the option that answers it.
    Attributes of people and items stay text. user_arrays, item_arrays: files of arrays by the names that they get (see
    `data.arrays`); they follow the people and items that the repairs leave, and so do the pictures of items, a zip of
    files named by item id, or by the column `image` of the items, which is then no attribute. look: is given what was
    read, with the first rows of the tables alone, before anything is checked.

    Raises DataError (files) or ConfigError (options).
    """
    options = options or ImportOptions()
    progress(0.0, words.say("Reading the files"))
    with memory.returning() if files.size(interactions) > memory.MUCH else nullcontext():
        seen = preview(interactions, users, items, valid=valid, test=test, options=options)
        look(seen.brief())
        held = [seen]
        del seen  # its tables go as soon as their cells have become values
        return _completed(held, options, (user_arrays, item_arrays), item_images, accept_guesses, progress)


def _completed(
    held: list[Preview],
    options: ImportOptions,
    vectors: tuple[Dict[str, Source], Dict[str, Source]],
    item_images: Source | None,
    accept_guesses: bool,
    progress: Progress,
) -> tuple[Dataset, tuple[Finding, ...]]:
    _be_sure(held[0])
    given = [{name: arrays.read_arrays(file) for name, file in files.items()} for files in vectors]
    progress(0.4, words.say("Checking"))
    findings = list(held[0].findings)
    tables, unit, kind = _under_roles(held, options, findings)
    seen, before = held.pop(), [tables]
    del tables  # a long log is not there twice: only the repairs hold what they replace
    tables, effects = _repaired(before.pop(), options, findings, progress)
    if tables.interactions.empty:
        hint = "Choose other repairs or a smaller k-core, or check which columns hold the ids."
        raise DataError(words.say("No interaction of {files} is left after the repairs.", files=tables.files[0]), hint)
    rated = tables.interactions.get(RATING)
    relevance = meaning.relevance(tables.files[0], rated, kind, options, findings)
    asked = questions(findings)
    if asked and not accept_guesses:
        raise UnansweredError(asked)
    fitted: list[dict[str, Floats]] = [{}, {}]
    for i, (ids, what) in enumerate(((tables.users[USER_ID], "people"), (tables.items[ITEM_ID], "items"))):
        for name, found in given[i].items():
            fitted[i][name], said = arrays.aligned(found, name, ids, what)
            findings += said
    things, pictures = tables.items.reset_index(drop=True), None
    if item_images is not None:
        column = next((name for name in things if columns.plain(name) == images.COLUMN), None)

        def reading(done: float, message: str = "", values: Dict[str, float] | None = None) -> None:
            progress(0.6 + 0.4 * done, message, values)

        pictures, told = images.read_images(
            item_images, things[ITEM_ID], None if column is None else things[column], reading
        )
        findings += told
        things = things if column is None else things.drop(columns=column)
    dataset = Dataset(
        name=options.name or seen.name,
        interactions=tables.interactions.reset_index(drop=True),
        users=tables.users.reset_index(drop=True),
        items=things,
        relevance_threshold=relevance,
        user_arrays=fitted[0],
        item_arrays=fitted[1],
        item_images=pictures,
        impressions=None if tables.impressions is None else tables.impressions.reset_index(drop=True),
        provenance={
            "files": [
                {
                    "name": t.name,
                    "rows": t.rows,
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
            "options": options.to_json(),
            "time_unit": unit,
            "repairs": [f.message for f in findings if f.applied],
            "effects": [effect.to_json() for effect in effects],
            "dedupe": options.dedupe,
            "k_core": options.k_core,
        },
    )
    progress(1.0, words.sizes(dataset.n_users, dataset.n_items, len(dataset.interactions)))
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
            hint = words.say("Choose the column; there are {names}.", names=", ".join(map(repr, table.frame.columns)))
            raise DataError(
                words.say("{name}: no column is recognisable as {what}.", name=table.name, what=words.say(what)), hint
            )


def _stem(file: str) -> str:
    return PurePosixPath(file.replace("\\", "/")).stem or "data"


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
    picks = {role: getattr(options, role) for role in ("user", "item", "rating", "time", "clock", "event", "split")}
    chosen = _chosen(log, picks)
    part = chosen.pop("split", None) or (mapping.guess_split(log.frame, chosen) if options.split is None else None)
    frame = log.frame if part is None else log.frame.drop(columns=part)
    guesses = mapping.guess_interactions(frame, log.header, ids["user"], ids["item"], chosen)
    if part is not None:
        guesses["split"] = Guess(part, 1.0, "chosen" if options.split else "its cells name parts of a split")
    for role in ("rating", "time", "clock", "event"):
        if picks[role] == "" or (role == "clock" and "time" not in guesses):
            guesses.pop(role, None)
    if not {"user", "item"} <= guesses.keys():
        raise DataError(
            words.say("{name} has one column for two roles.", name=log.name),
            "Choose one column for the person, one for the item.",
        )
    for key, table, names, picked, role in others:
        if table is not None and picked:
            guesses[key] = Guess(picked, 1.0, "chosen")
        elif table is not None:
            guesses[key] = mapping.guess_entities(table.frame, names, log.frame[guesses[role].column])
    settled: dict[str, Any] = {}
    if things is not None:
        own = {"title": options.title, "categories": options.categories, "items_id": guesses["items_id"].column}
        texts = mapping.guess_texts(things.frame, _chosen(things, own))
        guesses |= {role: guess for role, guess in texts.items() if own[role] != ""}
        if "categories" in guesses:
            settled["category_separator"] = options.category_separator or _separator(
                things, guesses["categories"].column
            )
    settled |= {role: guess.column for role, guess in guesses.items()}
    return guesses, Mapping(**settled)


def _chosen(table: Table, picks: dict[str, str | None]) -> dict[str, str]:
    """The columns that a person named, each there and in one role."""
    chosen = {role: mapping.require(table.frame, c, f"the {role}", table.name) for role, c in picks.items() if c}
    columns_in_use = list(chosen.values())
    for column in columns_in_use:
        if columns_in_use.count(column) > 1:
            raise DataError(
                words.say("{name}: the column {column} has two roles.", name=table.name, column=repr(column)),
                "Choose one column for each role.",
            )
    return chosen


def _separator(table: Table, column: str) -> str:
    return " " if column in table.spaced else mapping.guess_separator(table.frame[column])


# ---- tables under their roles' names -----------------------------------------------------------------------------


def _under_roles(
    held: list[Preview], options: ImportOptions, findings: list[Finding]
) -> tuple[Tables, str, RatingKind]:
    """The tables, the unit of times and the kind of ratings. What was read, in the list, is brief from then on."""
    seen = held[0]
    chosen, log = seen.mapping, seen.interactions
    frame = pd.DataFrame({USER_ID: log.frame[chosen.user], ITEM_ID: log.frame[chosen.item]})
    kind: RatingKind = "none"
    impression, counts = np.zeros(len(frame), dtype=bool), np.ones(len(frame), dtype=bool)
    if chosen.rating is not None and options.rating_kind != "none":
        found, kind, impression = meaning.ratings(log, chosen.rating, options, findings)
        if found is not None:
            frame[RATING] = found
    if chosen.event is not None:
        counts, weights = meaning.events(log, chosen.event, options, findings)
        if weights is not None:
            frame[RATING], kind = weights, "count"
    unit = ""
    if chosen.time is not None:
        parsed = meaning.moments(log, chosen.time, chosen.clock, options, findings)
        if parsed is not None:
            frame[TIME], unit = parsed
    kept = meaning.inside(log, frame[TIME].to_numpy(np.float64) if TIME in frame else None, unit, options, findings)
    if kept is not None:
        counts &= kept
    fold = (
        mapping.guess_fold(log.frame, [guess.column for guess in seen.guesses.values()])
        if chosen.split is None
        else None
    )
    if chosen.split is not None:
        frame[PART], told = meaning.parts(log, chosen.split, findings)
        counts &= told
    elif fold is not None:
        test = meaning.fold(log, fold, "all", options, findings)
        if test != "all":
            frame[PART] = np.where(log.frame[fold].astype("str") == test, "test", "train")
            frame[PART] = frame[PART].astype("str")
    used = {chosen.user, chosen.item, chosen.rating, chosen.time, chosen.clock, chosen.event, chosen.split, fold}
    rest = log.frame[[c for c in columns.names(log.frame) if c not in used]]
    # Another column that happens to be called as an id of ours keeps its content under a longer name.
    rest = rest.rename(columns={c: f"{c} (file)" for c in (USER_ID, ITEM_ID) if c in rest})
    people, things = seen.users, seen.items
    held[0] = seen = seen.brief()
    log = seen.interactions
    users, steady = _entities(people, chosen.users_id, USER_ID, frame, rest, {})
    users, more = personal(log.name, frame, rest, users, steady, findings)
    texts = {TITLE: chosen.title, CATEGORIES: chosen.categories}
    items, also = _entities(
        things, chosen.items_id, ITEM_ID, frame, rest[[c for c in columns.names(rest) if c not in more]], texts
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
    elif seen.items is not None:
        items = one_hot(seen.items.name, items, findings)
    aside = [c for c in columns.names(rest) if c not in {*more, *also}]
    if aside:
        message = words.say(
            "These columns say nothing steady about a person or an item and are left aside: {names}.",
            names=", ".join(aside),
        )
        findings.append(Finding("columns_aside", "warning", log.name, message, len(aside)))
    names = (log.name, seen.users.name if seen.users else "", seen.items.name if seen.items else "")
    shown = None
    if impression.any():
        shown = frame.loc[impression & counts, [c for c in (USER_ID, ITEM_ID, TIME) if c in frame]]
        frame, counts = frame[counts & ~impression], counts[counts & ~impression]
    as_of = times.moment(options.as_of) if options.as_of else None
    return Tables(frame if counts.all() else frame[counts], users, items, names, shown, as_of), unit, kind


def one_hot(file: str, items: pd.DataFrame, findings: list[Finding]) -> pd.DataFrame:
    """The items with their categories from columns of 0 and 1, where they have such."""
    flags = mapping.one_hot(items, [ITEM_ID, TITLE])
    if not flags:
        return items
    message = words.say(
        "{n} column of 0 and 1 is a category: {names}{value}.",
        "{n} columns of 0 and 1 are categories: {names}{value}.",
        n=len(flags),
        names=", ".join(flags[:8]),
        value=" …" if len(flags) > 8 else "",
    )
    findings.append(Finding("one_hot", "info", file, message, len(flags)))
    return items.drop(columns=flags).assign(**{CATEGORIES: mapping.from_one_hot(items, flags)})


def personal(
    file: str, log: pd.DataFrame, rest: pd.DataFrame, users: pd.DataFrame, steady: list[str], findings: list[Finding]
) -> tuple[pd.DataFrame, list[str]]:
    """The people with the attributes that stand beside the interactions, and the columns that were moved to them.

    log: user_id[, time]; rest: its other columns; steady: those that `users` has from there already. A column that is
    called like an attribute of people (gender, age …) is theirs also where it changes over time: the last value counts.
    """
    taken = {columns.plain(c) for c in columns.names(users)}
    told = [c for c in columns.names(rest) if c not in steady and columns.plain(c) not in taken]
    moved = list(steady)
    for column in told:
        if columns.plain(column) not in columns.PERSONAL_NAMES and not mapping.is_steady(log[USER_ID], rest[column]):
            continue
        pairs = pd.DataFrame({USER_ID: log[USER_ID].to_numpy(), column: rest[column].to_numpy()})
        if TIME in log:
            pairs = pairs.iloc[np.argsort(log[TIME].to_numpy(), kind="stable")]
        pairs = pairs.dropna()
        ids = pairs.drop_duplicates()[USER_ID]
        changing = ids[ids.duplicated()].unique()
        if len(changing) > 0.5 * max(1, pairs[USER_ID].nunique()):
            continue  # said of the interaction, not of the person
        last = pairs.drop_duplicates(USER_ID, keep="last").set_index(USER_ID)[column]
        users = users.assign(**{column: users[USER_ID].map(last).astype("str")})
        moved.append(column)
        if len(changing):
            message = words.say(
                "{column} changes for {n} person, {examples}; the last value counts.",
                "{column} changes for {n} people, such as {examples}; the last value counts.",
                column=column,
                n=len(changing),
                examples=examples(changing),
            )
            findings.append(Finding("changing_attribute", "warning", file, message, len(changing)))
    if moved:
        message = words.say(
            "{names}: the same in each row of a person, so taken as attributes of people.", names=", ".join(moved)
        )
        findings.append(Finding("personal_columns", "info", file, message, len(moved)))
    return users, moved


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
    known = (log[USER_ID].notna() & log[ITEM_ID].notna()).to_numpy()  # a row of sums names no item
    if known.all() and not len(rest.columns):
        codes = columns.coded(log[key])[0]  # they are numbered as they come, so a first one is above all before it
        new = np.ones(len(codes), dtype=bool)
        np.greater(codes[1:], np.maximum.accumulate(codes)[:-1], out=new[1:])
        return log.loc[new, [key]].sort_values(key, kind="stable"), []
    pairs = rest.assign(**{key: log[key]}) if known.all() else rest[known].assign(**{key: log.loc[known, key]})
    one = pairs.drop_duplicates(key).sort_values(key, kind="stable")
    steady = [
        column
        for column in columns.names(rest)
        if len(one) < len(pairs)
        and len(one[column].drop_duplicates()) > 1
        and not pairs[[key, column]].drop_duplicates().duplicated(key).any()
    ]
    return one[[key, *steady]], steady


# ---- checks and repairs, in order --------------------------------------------------------------------------------

_ATTRIBUTES: tuple[Callable[[Tables], list[Finding]], ...] = (
    check.missing_marks,
    check.several_values,
    check.spellings,
    check.units,
    check.births,
    check.impossible_ages,
    check.free_text,
)
_STEPS: tuple[Callable[[Tables], list[Finding]], ...] = (
    check.spaces_in_ids,
    check.rounded,
    check.empty_ids,
    check.whole_number_ids,
    check.padded_ids,
    check.unrated,
    check.untimed,
    check.repeated_entities,
    *_ATTRIBUTES,
    check.strangers,
    check.in_two_parts,
    check.repeated_pairs,
    check.thin,
)


def attributes_repaired(tables: Tables, options: ImportOptions, findings: list[Finding]) -> Tables:
    """The tables with the attributes of people repaired."""
    wanted = _wanted(options)
    for step in _ATTRIBUTES:
        found = step(tables)
        for key in dict.fromkeys(f.repair for f in found if f.repair in wanted):
            tables = clean.REPAIRS[key].run(tables)
        findings += [_answered(replace(f, applied=f.repair in wanted), options) for f in found]
    return tables


def _wanted(options: ImportOptions) -> set[str]:
    """Keys of the repairs that are done."""
    wanted = {
        key
        for key, repair in clean.REPAIRS.items()
        if repair.when == "always"
        or (key in options.repairs if options.repairs is not None else repair.when == "usually")
    }
    if options.merge_spellings is not None:
        wanted = wanted - {"merge_spellings"} | ({"merge_spellings"} if options.merge_spellings else set())
    return wanted


def _repaired(
    tables: Tables, options: ImportOptions, findings: list[Finding], progress: Progress
) -> tuple[Tables, list[Effect]]:
    """The tables after all repairs that are wanted, and what each of these did."""
    wanted, effects = _wanted(options), []
    _give_back(tables.interactions)

    def done(key: str, after: Tables) -> Tables:
        effects.append(effect(key, tables, after))
        _give_back(after.interactions)
        return after

    for i, step in enumerate(_STEPS):
        progress(0.4 + 0.5 * i / len(_STEPS), words.say("Checking"))
        found = step(tables)
        _give_back(tables.interactions)
        if step is check.strangers:
            _must_meet(tables)
        for key in dict.fromkeys(f.repair for f in found if f.repair in wanted):
            repair = clean.REPAIRS[key].run
            tables = done(key, clean.dedupe(tables, options.dedupe) if key == "dedupe" else repair(tables))
        findings += [_answered(replace(f, applied=f.repair in wanted), options) for f in found]
    if options.k_core > 1:
        before = len(tables.interactions)
        tables = done("k_core", clean.k_core(tables, options.k_core))
        message = words.say(
            "The {k_core}-core keeps {n} of {before} interactions.",
            k_core=options.k_core,
            n=len(tables.interactions),
            before=before,
        )
        gone = before - len(tables.interactions)
        findings.append(Finding("k_core", "info", tables.files[0], message, gone, repair="k_core", applied=True))
    tables = clean.add_unknown(clean.not_taken(tables))
    found = check.idle(tables) + check.titles(tables) + check.ties(tables)
    for finding in found:
        if finding.repair in wanted:
            tables = done(finding.repair, clean.REPAIRS[finding.repair].run(tables))
    findings += [replace(f, applied=f.repair in wanted) for f in found]
    _give_back(tables.interactions)
    return tables, effects


def _answered(finding: Finding, options: ImportOptions) -> Finding:
    """Without its question, where an option answers it or the repair was chosen or refused."""
    question = finding.question
    if question is not None and (options.repairs is not None or getattr(options, question.key) not in (None, "")):
        return replace(finding, question=None)
    return finding


def _must_meet(tables: Tables) -> None:
    """DataError where not one id of the interactions has its row: a wrong column, or files of different data."""
    log = tables.interactions
    for frame, column, file in ((tables.users, USER_ID, tables.files[1]), (tables.items, ITEM_ID, tables.files[2])):
        if file and len(log) and not columns.among(log[column], frame[column]).any():
            here, there = (", ".join(map(repr, ids.unique()[:3])) for ids in (log[column], frame[column]))
            message = words.say(
                "No {column} of {files} ({here}) has a row in {file} ({there}).",
                column=column,
                files=tables.files[0],
                here=here,
                file=file,
                there=there,
            )
            raise DataError(message, "Choose other id columns, or check that the files belong together.")
