"""What is odd about the data: one function a question, each gives a Finding with counts and rows, or None.

A finding that can be repaired names a key of `clean.REPAIRS`; nothing is changed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from fairdash import columns, words
from fairdash.data import attributes
from fairdash.data.findings import Finding, Question, Severity, examples, first_rows
from fairdash.data.repeats import repeated
from fairdash.errors import DataError
from fairdash.schema import CATEGORIES, ITEM_ID, PART, RATING, TIME, TITLE, USER_ID


@dataclass(frozen=True, eq=False)
class Tables:
    """The three tables under their roles' names; the index is the row number in the file, -1 for a row made here.

    interactions: user_id, item_id[, rating][, time]; users: user_id and attributes; items: item_id[, title]
    [, categories] and attributes. files: the file names of the three. impressions: user_id, item_id[, time] of what was
    shown and not taken, None where nothing is known of that. as_of: the date for ages, as chosen.
    """

    interactions: pd.DataFrame
    users: pd.DataFrame
    items: pd.DataFrame
    files: tuple[str, str, str]
    impressions: pd.DataFrame | None = None
    as_of: float | None = None

    @property
    def date(self) -> float | None:
        """Seconds since 1970 of the date for ages: as chosen, else of the last interaction, where its time is one."""
        return self.as_of if self.as_of is not None else attributes.last_clock(self.interactions.get(TIME))


def _ids(tables: Tables) -> list[tuple[str, pd.DataFrame, str]]:
    log, people, things = tables.files
    return [
        (log, tables.interactions, USER_ID),
        (log, tables.interactions, ITEM_ID),
        (people, tables.users, USER_ID),
        (things, tables.items, ITEM_ID),
    ]


def rounded_ids(file: str, ids: pd.Series, column: str) -> list[Finding]:
    """Ids that a table program has rounded: a finding where they are few; DataError where they are more than 1 in 100,
    as then different people (items) are one."""
    odd = columns.rounded(ids.dropna().unique()) if ids.str.contains("+", regex=False).any() else []
    if not odd:
        return []
    message = words.say(
        "{n} cell of {column} is a number that a table program has rounded, {examples}: different ids may have "
        "become one.",
        "{n} cells of {column} are numbers that a table program has rounded, such as {examples}: different ids "
        "may have become one.",
        n=int(ids.isin(odd).sum()),
        column=column,
        examples=examples(odd),
    )
    if ids.isin(odd).mean() > 0.01:
        raise DataError(
            words.say("{name}: {message}", name=file, message=message),
            "Export the ids as text, not through Excel, or choose another column that holds them.",
        )
    return [Finding("rounded_ids", "warning", file, message, int(ids.isin(odd).sum()))]


def spaces_in_ids(tables: Tables) -> list[Finding]:
    """Ids with spaces around them: " 7" and "7" would be two people."""
    found = []
    for file, frame, column in _ids(tables):
        text = frame[column]
        different = pd.Series(text.unique(), dtype="str").dropna()  # there are fewer of them than rows
        spaced = different[columns.stripped(different) != different]
        odd = text.isin(spaced) if len(spaced) else pd.Series(False, index=text.index)
        if odd.any():
            message = words.say(
                "{n} cell of {column} has spaces around it: {examples}.",
                "{n} cells of {column} have spaces around them, such as {examples}.",
                n=int(odd.sum()),
                column=column,
                examples=examples(text[odd]),
            )
            found.append(
                Finding("id_spaces", "warning", file, message, int(odd.sum()), first_rows(frame, odd), "strip_ids")
            )
    return found


def rounded(tables: Tables) -> list[Finding]:
    """Ids that a table program has rounded, such as 7.65612E+16."""
    return [one for file, frame, column in _ids(tables) for one in rounded_ids(file, frame[column], column)]


def empty_ids(tables: Tables) -> list[Finding]:
    """Rows that name no person or no item."""
    found = []
    for file, frame, column in _ids(tables):
        odd = frame[column].isna() | (frame[column] == "")
        if odd.any():
            message = words.say(
                "{n} row has no {column}; it cannot be used.",
                "{n} rows have no {column}; they cannot be used.",
                n=int(odd.sum()),
                column=column,
            )
            found.append(
                Finding("empty_ids", "warning", file, message, int(odd.sum()), first_rows(frame, odd), "drop_empty_ids")
            )
    return found


def whole_number_ids(tables: Tables) -> list[Finding]:
    """Ids such as "7.0" in one file and "7" in the other: a table program took them for measurements."""
    found = []
    for column, entities, file in ((USER_ID, tables.users, tables.files[1]), (ITEM_ID, tables.items, tables.files[2])):
        if not len(entities):
            continue
        log, own = pd.Index(tables.interactions[column].unique()), pd.Index(entities[column].unique())
        ends = [ids.str.fullmatch(r"\d+\.0+").all() for ids in (log, own)]
        if ends[0] != ends[1] and not columns.among(log, own).any():
            message = words.say(
                '{column} is written "7.0" in one file and "7" in the other; no id meets.', column=column
            )
            found.append(Finding("float_ids", "warning", file, message, len(own), (), "whole_ids"))
    return found


def padded_ids(tables: Tables) -> list[Finding]:
    """Ids such as "007" in one file and "7" in the other: a table program took the zeros away."""
    found = []
    for column, entities, file in ((USER_ID, tables.users, tables.files[1]), (ITEM_ID, tables.items, tables.files[2])):
        if not file or not len(entities):
            continue
        log, own = (pd.Index(frame[column].dropna().unique()) for frame in (tables.interactions, entities))
        if columns.among(log, own).any():
            continue
        short, own_short = (ids.str.replace(r"^0+(?=\d+$)", "", regex=True) for ids in (log, own))
        if columns.among(short, own_short).any() and short.is_unique and own_short.is_unique:
            message = words.say(
                '{column} is written with zeros before it ("007") in one file and without ("7") in the other.',
                column=column,
            )
            found.append(Finding("padded_ids", "warning", file, message, len(log), (), "unpadded_ids"))
    return found


def repeated_entities(tables: Tables) -> list[Finding]:
    """People or items with more than one row."""
    found = []
    for frame, column, file, what in (
        (tables.users, USER_ID, tables.files[1], "people"),
        (tables.items, ITEM_ID, tables.files[2], "items"),
    ):
        odd = frame.duplicated(column)
        if odd.any():
            clash = int((~frame.duplicated() & odd).sum())
            message = words.say(
                "{n} row repeats {what} that have a row already ({clash} say something else).",
                "{n} rows repeat {what} that have a row already ({clash} say something else).",
                n=int(odd.sum()),
                what=what,
                clash=clash,
            )
            found.append(
                Finding(
                    f"repeated_{what}", "warning", file, message, int(odd.sum()), first_rows(frame, odd), "first_row"
                )
            )
    return found


def free_text(tables: Tables) -> list[Finding]:
    """Attributes of people that are text of their own, or their names and addresses: no group, and theirs alone."""
    found = []
    for column in columns.names(tables.users):
        if column != USER_ID and attributes.is_free_text(tables.users[column]):
            message = words.say(
                "{column} holds what people wrote, or their names or addresses: it makes no group, and is not kept "
                "unless you choose it.",
                column=column,
            )
            n = int(tables.users[column].notna().sum())
            found.append(Finding("free_text", "warning", tables.files[1], message, n, (), "drop_free_text"))
    return found


def strangers(tables: Tables) -> list[Finding]:
    """Ids in the interactions that have no row among the people or the items."""
    found = []
    for frame, column, file, what in (
        (tables.users, USER_ID, tables.files[1], "people"),
        (tables.items, ITEM_ID, tables.files[2], "items"),
    ):
        log = tables.interactions
        if not file:
            continue  # no such file was brought: every id is new
        odd = ~columns.among(log[column], frame[column])
        if odd.any():
            ids = log[column][odd].unique()
            message = words.say(
                "{n} id, in {interactions}, has no row in {file}: {examples}. It stays, with everything about "
                "it unknown, unless you leave it out.",
                "{n} ids, in {interactions}, have no row in {file}, such as {examples}. They stay, with "
                "everything about them unknown, unless you leave them out.",
                n=len(ids),
                interactions=words.count(int(odd.sum()), "interaction"),
                file=file,
                examples=examples(ids),
            )
            repair = f"drop_unknown_{what}"
            found.append(
                Finding(f"unknown_{what}", "warning", tables.files[0], message, len(ids), first_rows(log, odd), repair)
            )
    return found


def idle(tables: Tables) -> list[Finding]:
    """People or items that no interaction names."""
    found = []
    for frame, column, file, what in (
        (tables.users, USER_ID, tables.files[1], "people"),
        (tables.items, ITEM_ID, tables.files[2], "items"),
    ):
        odd = ~columns.among(frame[column], tables.interactions[column])
        if odd.any():
            message = words.say(
                "{n} {what} have no interaction. They stay, unless you leave them out.", n=int(odd.sum()), what=what
            )
            rows = first_rows(frame, odd)
            found.append(Finding(f"idle_{what}", "info", file, message, int(odd.sum()), rows, f"drop_idle_{what}"))
    return found


def in_two_parts(tables: Tables) -> list[Finding]:
    """The same person and item in two parts of a split: known, and held out."""
    frame = tables.interactions
    if PART not in frame:
        return []
    odd = in_later_part(frame)
    if not odd.any():
        return []
    message = words.say(
        "{n} row repeats a person and an item that an earlier part of the split has (of train, valid, test): "
        "who had it already is not tested on it.",
        "{n} rows repeat a person and an item that an earlier part of the split has (of train, valid, test): "
        "who had it already is not tested on it.",
        n=int(odd.sum()),
    )
    rows = first_rows(frame, odd)
    return [Finding("in_two_parts", "warning", tables.files[0], message, int(odd.sum()), rows, "first_part")]


def in_later_part(log: pd.DataFrame) -> pd.Series:
    """Which rows [n] are of a person and an item that an earlier part has too."""
    place = log[PART].map({"train": 0, "valid": 1, "test": 2})
    return place > place.groupby([log[USER_ID], log[ITEM_ID]]).transform("min")


def repeated_pairs(tables: Tables) -> list[Finding]:
    """The same person and item more than once."""
    frame = tables.interactions
    odd = repeated(frame)
    if not odd.any():
        return []
    message = words.say(
        "{n} row repeats a person and an item that have a row already.",
        "{n} rows repeat a person and an item that have a row already.",
        n=int(odd.sum()),
    )
    return [
        Finding("repeated_pairs", "warning", tables.files[0], message, int(odd.sum()), first_rows(frame, odd), "dedupe")
    ]


def missing_marks(tables: Tables) -> list[Finding]:
    """Cells such as "?" or "n/a" that stand for nothing, in attributes of people and items."""
    found = []
    for frame, own, file in (
        (tables.users, {USER_ID}, tables.files[1]),
        (tables.items, {ITEM_ID, TITLE, CATEGORIES}, tables.files[2]),
    ):
        for column in columns.names(frame):
            if column in own:
                continue
            text = frame[column]
            odd = columns.tidy(text).isna() & text.notna()
            if odd.any():
                message = words.say(
                    "{column}: {n} cell holds {examples}, which stands for a missing value.",
                    "{column}: {n} cells hold {examples}, which stands for a missing value.",
                    column=column,
                    n=int(odd.sum()),
                    examples=examples(text[odd]),
                )
                rows = first_rows(frame, odd)
                found.append(
                    Finding("missing_marks", "warning", file, message, int(odd.sum()), rows, "marks_to_missing")
                )
    return found


def spellings(tables: Tables) -> list[Finding]:
    """Groups of people that are one in other letters: M and male."""
    found = []
    for column in columns.names(tables.users):
        if column == USER_ID or columns.is_identifier(column):
            continue
        merged = attributes.spellings(tables.users[column], column)
        if not merged:
            continue
        counts = columns.tidy(tables.users[column]).value_counts()
        groups = {
            best: [best, *(text for text in merged if merged[text] == best)] for best in dict.fromkeys(merged.values())
        }
        told = {text: f"{text} ({words.count(counts[text])})" for group in groups.values() for text in group}
        shown = "; ".join(words.join([told[text] for text in group]) for group in groups.values())
        message = words.say("{column}: {shown} are spellings of the same.", column=column, shown=shown)
        text = words.say(
            "{files}, {message} Merge them into {names}?",
            files=tables.files[1],
            message=message,
            names=", ".join(groups),
        )
        question = Question("merge_spellings", text, ("yes", "no"), "yes")
        odd = columns.tidy(tables.users[column]).isin(merged)
        found.append(
            Finding("spellings", "warning", tables.files[1], message, int(odd.sum()), first_rows(tables.users, odd),
                    "merge_spellings", question=question)
        )  # fmt: skip
    return found


def several_values(tables: Tables) -> list[Finding]:
    """Attributes of people whose cells hold several values: each value is a group, and they overlap."""
    found = []
    for column in columns.names(tables.users):
        if column == USER_ID or columns.is_identifier(column):
            continue
        own = tables.users[column]
        joined = attributes.several(own)
        odd = (own.astype("str") if joined is None else joined).str.contains("|", regex=False, na=False)
        if joined is None and (not odd.any() or columns.is_numeric(own)):
            continue
        message = words.say(
            "{column}: {n} cell holds several values, {cells}; each value is a group.",
            "{column}: {n} cells hold several values, such as {cells}; each value is a group.",
            column=column,
            n=int(odd.sum()),
            cells=examples(own[odd]),
        )
        rows, repair = first_rows(tables.users, odd), "" if joined is None else "several_values"
        found.append(Finding("several_values", "info", tables.files[1], message, int(odd.sum()), rows, repair))
    return found


def units(tables: Tables) -> list[Finding]:
    """Attributes that are numbers with a unit, or with commas that part thousands."""
    found = []
    for frame, own, file in ((tables.users, USER_ID, tables.files[1]), (tables.items, ITEM_ID, tables.files[2])):
        for column in columns.names(frame):
            if column in (own, TITLE, CATEGORIES) or columns.is_identifier(column):
                continue
            bare = attributes.without_units(frame[column])
            if bare is not None:
                message = words.say(
                    "{column}: cells such as {examples} are read as numbers.",
                    column=column,
                    examples=examples(frame[column].dropna()),
                )
                found.append(Finding("units", "info", file, message, int(frame[column].notna().sum()), (), "units"))
    return found


def births(tables: Tables) -> list[Finding]:
    """Dates of birth, which tell people apart, where their age makes groups."""
    column = attributes.birth_column(tables.users, tables.date)
    if column is None:
        return []
    date = datetime.now(UTC) if tables.date is None else datetime.fromtimestamp(tables.date, UTC)
    message = words.say(
        "{column} becomes the age on {date}, that of the last interaction.", column=column, date=f"{date:%Y-%m-%d}"
    )
    if tables.as_of is not None:
        message = words.say("{column} becomes the age on {date}, as chosen.", column=column, date=f"{date:%Y-%m-%d}")
    elif tables.date is None:
        message = words.say("{column} becomes the age on {date}, today.", column=column, date=f"{date:%Y-%m-%d}")
    question = None
    if tables.date is None:
        text = words.say(
            "{files}, {column}: no date of the interactions is known. At which date do ages count?",
            files=tables.files[1],
            column=column,
        )
        question = Question("as_of", text, (f"{date:%Y-%m-%d}",), f"{date:%Y-%m-%d}")
    severity: Severity = "info" if question is None else "warning"
    count = int(tables.users[column].notna().sum())
    return [Finding("births", severity, tables.files[1], message, count, (), "ages", question=question)]


def impossible_ages(tables: Tables) -> list[Finding]:
    """Ages and years of birth that no living person has."""
    found = []
    for frame, file in ((tables.users, tables.files[1]), (tables.items, tables.files[2])):
        for column in columns.names(frame):
            odd = columns.impossible(frame[column], column)
            if odd.any():
                message = words.say(
                    "{column}: {n} value is impossible, {examples}.",
                    "{column}: {n} values are impossible, such as {examples}.",
                    column=column,
                    n=int(odd.sum()),
                    examples=examples(frame[column][odd]),
                )
                rows = first_rows(frame, odd)
                found.append(
                    Finding("impossible_age", "warning", file, message, int(odd.sum()), rows, "age_to_missing")
                )
    return found


def ties(tables: Tables) -> list[Finding]:
    """Interactions of one person at one time: their order is unknown."""
    frame = tables.interactions
    if TIME not in frame:
        message = "There is no time column: sequences have no order, and only the split user-random is possible."
        return [Finding("no_time", "warning", tables.files[0], message)]
    odd = repeated(frame, False, (USER_ID, TIME))
    if not odd.any():
        return []
    message = words.say(
        "{odd} of interactions share their time with another one of the same person; among those the "
        "order is drawn by a fixed hash, never by id.",
        odd=words.percent(odd.mean(), 0),
    )
    return [Finding("ties", "info", tables.files[0], message, int(odd.sum()), first_rows(frame, odd))]


def thin(tables: Tables) -> list[Finding]:
    """People with fewer than five interactions: little to learn from, little to judge by."""
    counts = tables.interactions[USER_ID].value_counts()
    few = int((counts < 5).sum())
    if not few:
        return []
    message = words.say(
        "{n} of {m} people has fewer than 5 interactions. A k-core leaves out the thin ones.",
        "{n} of {m} people have fewer than 5 interactions. A k-core leaves out the thin ones.",
        n=few,
        m=len(counts),
    )
    return [Finding("thin", "info", tables.files[0], message, few, (), "k_core")]


def titles(tables: Tables) -> list[Finding]:
    """Items that share a title, and items without a category."""
    found = []
    frame, file = tables.items, tables.files[2]
    if TITLE in frame:
        odd = frame[TITLE].notna() & frame.duplicated(TITLE, keep=False)
        if odd.any():
            message = words.say(
                "{n} item shares its title with another one, {examples}; they stay different items, told apart by id.",
                "{n} items share their title with another one, such as {examples}; they stay different items, "
                "told apart by id.",
                n=int(odd.sum()),
                examples=examples(frame[TITLE][odd]),
            )
            found.append(Finding("repeated_titles", "info", file, message, int(odd.sum()), first_rows(frame, odd)))
    if CATEGORIES in frame:
        odd = frame[CATEGORIES].isna()
        if odd.any():
            message = words.say(
                "{n} item has no category; it counts as (unknown).",
                "{n} items have no category; they count as (unknown).",
                n=int(odd.sum()),
            )
            found.append(Finding("no_category", "info", file, message, int(odd.sum()), first_rows(frame, odd)))
    return found


def unrated(tables: Tables) -> list[Finding]:
    """Rows without a rating in a file of ratings."""
    frame = tables.interactions
    if RATING not in frame:
        return []
    odd = frame[RATING].isna()
    if not odd.any():
        return []
    message = words.say("{n} row has no usable rating.", "{n} rows have no usable rating.", n=int(odd.sum()))
    return [
        Finding("unrated", "warning", tables.files[0], message, int(odd.sum()), first_rows(frame, odd), "drop_unrated")
    ]


def untimed(tables: Tables) -> list[Finding]:
    """Rows without a time in a file with times."""
    frame = tables.interactions
    if TIME not in frame:
        return []
    odd = frame[TIME].isna()
    if not odd.any():
        return []
    message = words.say("{n} row has no usable time.", "{n} rows have no usable time.", n=int(odd.sum()))
    return [
        Finding("untimed", "warning", tables.files[0], message, int(odd.sum()), first_rows(frame, odd), "drop_untimed")
    ]
