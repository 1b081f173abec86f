"""Tables that are known by their shape alone, and tables of one row a person, laid out as one row for each item.

Known: MovieLens' original files, TREC runs and judgements (qrels), MIND's behaviours and news.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns, words
from fairdash.data import formats, mapping, movielens
from fairdash.data.findings import Finding, Question
from fairdash.data.table import SPACE, Table
from fairdash.errors import DataError
from fairdash.schema import CATEGORIES, ITEM_ID, RANK, RATING, SCORE, TIME, TITLE, USER_ID

Role = Literal["interactions", "users", "items"]
_ITERATIONS = ("0", "q0", "iter")  # TREC's second column


def recognise(table: Table) -> tuple[Table, Role | None]:
    """The table with its columns named, and its role, where it is known by its shape; else as it is, and None."""
    found, role = movielens.recognise(table)
    if role is not None or table.header or table.separator not in ("\t", SPACE, ","):
        return found, role
    frame, width = table.frame, table.frame.shape[1]
    if (
        width == 6
        and _same(frame.iloc[:, 1])
        and _numeric(frame, 3, 4)
        and frame.iloc[:, 1].iloc[0].casefold() in _ITERATIONS
    ):
        named = frame.set_axis([USER_ID, "iteration", ITEM_ID, RANK, SCORE, "system"], axis=1)
        return _named(table, named.drop(columns="iteration"), "a TREC run"), "interactions"
    if width == 4 and _is_judgement(frame):
        named = frame.set_axis([USER_ID, "iteration", ITEM_ID, "relevance"], axis=1)
        return _named(table, named.drop(columns="iteration"), "TREC judgements (qrels)"), "interactions"
    if width == 5 and table.separator == "\t" and _matches(frame.iloc[:, 4], r"\S+-[01](?: \S+-[01])*"):
        return _behaviours(table), "interactions"
    if width == 8 and table.separator == "\t" and _matches(frame.iloc[:, 0], r"N\d+"):
        titles = [ITEM_ID, CATEGORIES, "subcategory", TITLE, "abstract", "url", "title_entities", "abstract_entities"]
        return _named(table, frame.set_axis(titles, axis=1).iloc[:, :5], "MIND's news"), "items"
    return table, None


def _is_judgement(frame: pd.DataFrame) -> bool:
    """Whether the second column is the iteration, one value all over; a time in the last place is no judgement."""
    constant = _same(frame.iloc[:, 1]) and frame.iloc[:, 1].iloc[0].casefold() in _ITERATIONS
    return constant and _numeric(frame, 3) and frame.iloc[:, 3].nunique() <= 12 and not _same(frame.iloc[:, 2])


def _named(table: Table, frame: pd.DataFrame, what: str) -> Table:
    message = words.say("The columns are those of {what}: {names}.", what=what, names=", ".join(columns.names(frame)))
    return replace(table, frame=frame, header=True, notes=(*table.notes, Finding("shape", "info", table.name, message)))


def _same(column: pd.Series) -> bool:
    return bool(column.notna().all()) and bool((column == column.iloc[0]).all())


def _numeric(frame: pd.DataFrame, *places: int) -> bool:
    return all(columns.is_numeric(frame.iloc[:, place]) for place in places)


def _matches(column: pd.Series, pattern: str) -> bool:
    told = column.dropna().head(200)
    return len(told) > 0 and bool(told.str.fullmatch(pattern).all())


def _behaviours(table: Table) -> Table:
    """MIND: an impression a row, with what was shown and whether it was clicked; earlier clicks have no times and are
    left aside."""
    frame = table.frame
    shown = [cell.split() if isinstance(cell, str) else [] for cell in frame.iloc[:, 4]]
    counts = np.array([len(row) for row in shown])
    cells = pd.Series([cell for row in shown for cell in row], dtype="str")
    index = np.repeat(frame.index.to_numpy(), counts)
    laid = pd.DataFrame(
        {
            USER_ID: frame.iloc[:, 1].to_numpy(object).repeat(counts),
            ITEM_ID: cells.str[:-2].to_numpy(object),
            "clicked": cells.str[-1].to_numpy(object),
            "time": frame.iloc[:, 2].to_numpy(object).repeat(counts),
        },
        index=index,
    ).astype("str")
    made = _named(table, laid, "MIND's behaviours, a row for each item shown")
    earlier = int(frame.iloc[:, 3].notna().sum())
    message = words.say(
        "{n} impression names earlier clicks without a time; those are left aside.",
        "{n} impressions name earlier clicks without a time; those are left aside.",
        n=earlier,
    )
    return replace(made, notes=(*made.notes, Finding("history_aside", "warning", table.name, message, earlier)))


def named_people(table: Table) -> Table:
    """A table of people, a row each: one of attributes and values as a column for each attribute; without column
    names, with the columns named `gender` and `age` that plainly hold them."""
    if table.header:
        return _spread(table)
    titles: dict[str, str] = {}
    for column in columns.names(table.frame)[1:]:
        if not column.startswith("column "):  # named by its shape
            continue
        known = columns.tidy(table.frame[column]).dropna()
        different = known.str.casefold().unique()
        if len(different) > 1 and all(columns.genders(different).values()):
            titles.setdefault("gender", column)
        elif columns.is_numeric(known) and len(different) > 10:
            numbers = columns.numbers(known)
            if numbers.min() >= 1 and numbers.max() <= columns.OLDEST:
                titles.setdefault("age", column)
    if not titles:
        return table
    message = ", ".join(f"{column} holds {title}" for title, column in titles.items())
    note = Finding(
        "named_people", "warning", table.name, words.say("By their values: {message}.", message=message), len(titles)
    )
    frame = table.frame.rename(columns={column: title for title, column in titles.items()})
    return replace(table, frame=frame, notes=(*table.notes, note))


_KEYS, _VALUES = (
    ("attribute", "attributename", "key", "variable", "field", "property"),
    ("value", "attributevalue", "val"),
)


def _spread(table: Table) -> Table:
    """A table of a person, the name of an attribute and its value in each row, as one row a person; else as it is."""
    frame = table.frame
    key, value = (
        next((c for c in columns.names(frame) if columns.plain(c) in some), None) for some in (_KEYS, _VALUES)
    )
    rest = [c for c in columns.names(frame) if c not in (key, value)]
    if key is None or value is None or len(rest) != 1 or frame.duplicated([rest[0], key]).any():
        return table
    if not frame[rest[0]].duplicated().any() or frame[key].nunique() > 100:
        return table
    wide = (
        frame.dropna(subset=[rest[0], key]).pivot_table(value, rest[0], key, aggfunc="first", sort=False).reset_index()
    )
    wide = wide.rename_axis(columns=None).astype("str").set_axis(pd.RangeIndex(1, len(wide) + 1), axis=0)
    names = ", ".join(c for c in columns.names(wide) if c != rest[0])
    message = words.say("A row an attribute was laid out as a row a person, with the columns {names}.", names=names)
    return replace(
        table, frame=wide, notes=(*table.notes, Finding("spread", "warning", table.name, message, len(wide)))
    )


def joined_categories(table: Table) -> Table:
    """A table of items with columns genre1, genre2 … as one, their cells joined by "|"; else as it is."""
    found: dict[str, list[str]] = {}
    for column in columns.names(table.frame):
        match = re.fullmatch(r"(\D+)\d{1,2}", columns.plain(column))
        if match and match[1] in columns.CATEGORY_NAMES:
            found.setdefault(match[1], []).append(column)
    several = next((names for names in found.values() if len(names) > 1), None)
    if several is None or any(columns.plain(c) in columns.CATEGORY_NAMES for c in columns.names(table.frame)):
        return table
    cells = table.frame[several].to_numpy(object)
    joined = ["|".join(cell.replace("|", "/") for cell in row if isinstance(cell, str)) or None for row in cells]
    frame = table.frame.drop(columns=several).assign(categories=pd.array(joined, dtype="str"))
    message = words.say("{names} are the categories of an item, put together.", names=", ".join(several))
    return replace(table, frame=frame, notes=(*table.notes, Finding("joined_categories", "info", table.name, message)))


def dated(table: Table) -> Table:
    """A table with a date in columns of its own, year, month, day and hour as far as they are there, as one column of
    dates; with an hour beside a date, both together; else as it is. A year alone is a date where it comes from folders:
    as a column it may be that of a release."""
    frame, found = table.frame, dict[str, str]()
    for column in columns.names(frame):
        key = re.sub("^(date|time|timestamp|rating)(?=.)", "", columns.plain(column))
        part = next((part for part, names in columns.DATE_PARTS.items() if key in names), None)
        if part is not None and part not in found and columns.is_numeric(frame[column]):
            low, high = _BOUNDS[part]
            numbers = columns.numbers(frame[column])
            told = numbers[np.isfinite(numbers)]
            if (told % 1 == 0).all() and told.min() >= low and told.max() <= high:
                found[part] = column
    rest = [c for c in columns.names(frame) if c not in found.values()]
    date = [
        c for c in rest if columns.plain(c) in columns.TIME_NAMES and mapping.looks_like_time(frame[c].astype("str"))
    ]
    clock = list(takewhile(found.__contains__, ("hour", "minute", "second")))
    texts = {part: _digits(frame[column]) for part, column in found.items()}
    if ({"year", "month"} <= found.keys() or found.get("year") in table.folders) and not date:
        used = [*takewhile(found.__contains__, ("year", "month", "day")), *clock]
        name, text = "date", texts["year"]
        for part in ("month", "day"):
            text = text + "-" + (texts[part] if part in used else "01")
    elif clock and len(date) == 1 and not frame[date[0]].astype("str").str.contains(":", na=False).any():
        name, text, used = date[0], frame[date[0]].astype("str").str.strip(), clock
    else:
        return table
    if clock:
        text = text + " " + texts["hour"] + ":" + texts.get("minute", "00") + ":" + texts.get("second", "00")
    things = [c for c in rest if columns.is_called(c, columns.ITEM_NAMES)]
    if (name in frame and name not in date) or any(mapping.is_steady(frame[c], text) for c in things):
        return table  # of the item, such as its release
    parts = [found[part] for part in used]
    message = words.say("{names} tell the date and time, put together as `{name}`.", names=", ".join(parts), name=name)
    note = Finding("joined_date", "info", table.name, message)
    laid = frame.drop(columns=parts).assign(**{name: text.astype("str")})
    return replace(table, frame=laid, notes=(*table.notes, note))


_BOUNDS = {
    **{"year": (1900, 2100), "month": (1, 12), "day": (1, 31)},
    **{"hour": (0, 23), "minute": (0, 59), "second": (0, 60)},
}


def _digits(column: pd.Series) -> pd.Series:
    """Whole numbers as text of two digits or more [n]; missing where there is none."""
    numbers = columns.numbers(column)
    texts = [f"{int(number):02}" if np.isfinite(number) else None for number in numbers]
    return pd.Series(texts, index=column.index, dtype="str")


def rows(table: Table, place: str = TIME, chosen: str | None = None) -> Table:
    """One row for each item of a list, where a table holds a person and all their items in one cell; else as it is.

    place: the new column with the place in the list, from 1 on; where it is to tell the order in time and no name says
    that the list has one, that is asked. chosen: the column of the person, as somebody named it. Raises DataError for
    lists that were shortened when they were written."""
    table = _bare_lists(table)
    frame = table.frame
    person = next((c for c in columns.names(frame) if columns.is_called(c, columns.USER_NAMES)), None)
    person = chosen if chosen in frame else person
    ordered = False
    single = [c for c in columns.names(frame) if columns.is_called(c, columns.ITEM_NAMES)]
    if person is None and frame.shape[1] == 2 and not table.header:
        person = columns.names(frame)[0]
    if person is not None and not single and frame[person].is_unique:
        matrix = _matrix(table, person)
        if matrix is not None:
            return matrix
        wide = _side_by_side(table, person)
        if wide is not None:
            table, frame = wide, wide.frame
    if person is not None and len(single) == 1 and (before := _list_of(table, single[0])) is not None:
        # RecBole's sessions: the items up to now, and the next one
        joined = frame[before].fillna("").str.split().str.join("|") + "|" + frame[single[0]].fillna("")
        frame = frame.drop(columns=before).assign(**{single[0]: joined.str.strip("|")})
        ordered = True
    if person is None or any(_share(frame[c], _MARKED) < 0.5 for c in single):
        return table
    named = [c for c in columns.names(frame) if columns.plain(c) in columns.LIST_NAMES and c != person]
    # Commas and spaces stand in titles too: they cut a cell only where its column is called a list of a person's.
    pair = (columns.TOLD_NAMES, columns.VALUE_NAMES)
    model = [c for names in pair for c in columns.names(frame) if columns.plain(c) in names]
    of = [person, *(model if len(model) == 2 else [])]  # a list of each person, or of each with what a model was told
    loose = _MARKED if frame.duplicated(of).any() else _CUT
    fits = [c for c in single if _share(frame[c], _MARKED) > 0.5] + [c for c in named if _share(frame[c], loose) > 0.0]
    if not fits and frame[person].is_unique:
        fits = [c for c in table.spaced if c in frame and _single(c) == c and c != person]
    if not fits and frame.shape[1] == 2:
        fits = [c for c in columns.names(frame) if c != person and _share(frame[c], _MARKED) > 0.8]
    if not fits:
        return table
    lists = frame[fits[0]]
    cells, records = zip(*(_items(cell) for cell in lists), strict=True)
    cut = next((row for row, cell in zip(frame.index, cells, strict=True) if {"...", "…"} & set(cell)), None)
    if cut is not None:
        raise DataError(
            words.say("{name}, row {row}: the list of {column} was shortened when it was written (“...”).",
                      name=table.name, row=int(cut), column=repr(fits[0])),
            "Write the whole lists, such as with tolist() or as JSON.",
        )  # fmt: skip
    counts = np.array([len(cell) for cell in cells])
    empty = frame.loc[(counts == 0) & lists.notna().to_numpy()].drop(columns=[fits[0]])
    laid = frame.drop(columns=[fits[0]]).loc[np.repeat(frame.index.to_numpy(), counts)]
    laid = laid.assign(**{ITEM_ID: [item for cell in cells for item in cell]}).astype("str")
    if any(records):
        fields = pd.DataFrame([record for cell in records for record in cell], index=laid.index).astype("str")
        laid = laid.assign(**{c: fields[c] for c in columns.names(fields) if c not in laid})
    timed = any(columns.plain(c) in columns.TIME_NAMES for record in records[:1] for row in record[:1] for c in row)
    if not frame[person].is_unique:  # each of a person's rows has its own time
        rest = [c for c in columns.names(frame) if c not in fits]
        timed |= any(
            columns.plain(c) in columns.TIME_NAMES or mapping.looks_like_time(frame[c].astype("str")) for c in rest
        )
    for column in columns.names(frame):
        told = None if column in fits[:1] else _beside(frame[column], counts)
        if told is not None:
            laid = laid.drop(columns=column).assign(**{_single(column): pd.array(told, dtype="str")})
            timed |= columns.plain(_single(column)) in columns.TIME_NAMES
    message = words.say(
        "{fits} holds lists: {n} row was laid out as {m}, one for each item.",
        "{fits} holds lists: {n} rows were laid out as {m}, one for each item.",
        fits=fits[0],
        n=len(frame),
        m=len(laid),
    )
    if place != TIME or not timed:
        laid[place] = pd.array([str(i + 1) for count in counts for i in range(count)], dtype="str")
        message = words.say(
            "{fits} holds lists: {n} row was laid out as {m}, one for each item, with its place as `{place}`.",
            "{fits} holds lists: {n} rows were laid out as {m}, one for each item, with its place as `{place}`.",
            fits=fits[0],
            n=len(frame),
            m=len(laid),
            place=place,
        )
    note = Finding("laid_out", "info", table.name, message, len(laid))
    if place == TIME and not timed and not ordered and columns.plain(fits[0]) not in columns.SEQUENCE_NAMES:
        note = replace(note, severity="warning", question=_order(table.name, fits[0], cells))
    return replace(table, frame=laid, header=True, notes=(*table.notes, note), empty=empty if len(empty) else None)


def _order(name: str, column: str, cells: Sequence[Sequence[str]]) -> Question:
    """Whether the order in a list is that in time: hardly, where each is sorted by its ids."""
    long = [list(cell) for cell in cells if len(cell) > 2]
    by_id = len(long) > 2 and all(cell == sorted(cell, key=columns.natural_key) for cell in long)
    text = words.say("{name}: does the order within {column} tell the order in time?", name=name, column=column)
    if by_id:
        text = words.say(
            "{name}: does the order within {column} tell the order in time? Each list is sorted by its ids.",
            name=name,
            column=column,
        )
    return Question("time", text, (TIME, ""), "" if by_id else TIME)


def _list_of(table: Table, item: str) -> str | None:
    """The column of lists that goes with one of a single item: item_id_list beside item_id."""
    return next(
        (c for c in table.spaced if c in table.frame and columns.plain(c) == columns.plain(item) + "list"), None
    )


def _bare_lists(table: Table) -> Table:
    """A table without column names whose rows are a person and then as many items as all others have, with those in
    one cell; else as it is. Each place holds the same ids as the others do, and no row holds one twice."""
    frame = table.frame
    if table.header or frame.shape[1] < 5 or len(frame) < 3 or not frame.iloc[:, 0].is_unique:
        return table
    places = frame.iloc[:, 1:]
    ids = [set(places[c].dropna()) for c in places]
    alike = all(len(one & set().union(*(other for other in ids if other is not one))) > 0.5 * len(one) for one in ids)
    if not alike or places.isna().any().any() or any(mapping.looks_like_time(places[c]) for c in places):
        return table
    if max(map(len, ids)) < 5 or (places.nunique(axis=1) == places.shape[1]).mean() < 0.95:
        return table
    joined = ["|".join(map(str, row)) for row in places.to_numpy(object)]
    lists = pd.DataFrame({USER_ID: frame.iloc[:, 0], "items": pd.array(joined, dtype="str")}, index=frame.index)
    message = words.say("Each row is a person and {n} item.", "Each row is a person and {n} items.", n=places.shape[1])
    note = Finding("shape", "warning", table.name, message, len(frame))
    return replace(table, frame=lists, header=True, notes=(*table.notes, note))


def _beside(column: pd.Series, counts: NDArray[np.int64]) -> list[str] | None:
    """Cells of a column [sum of counts] that holds a value for each item of the lists beside it; else None."""
    if _share(column, _CUT) == 0.0:
        return None
    told = [_items(cell)[0] for cell in column]
    return [value for values in told for value in values] if [*map(len, told)] == counts.tolist() else None


def _single(name: str) -> str:
    """The name of one of what a column holds lists of: `ratings` → `rating`, where that is known."""
    known = {*columns.RATING_NAMES, *columns.TIME_NAMES, *columns.SCORE_NAMES, *columns.COUNT_NAMES}
    return name[:-1] if name.endswith("s") and columns.plain(name[:-1]) in known else name


def _matrix(table: Table, person: str) -> Table | None:
    """A table with a column for each item and the ratings of a person in a row → a row for each rating; None where it
    is none: the columns hold few numbers of one scale, and the same ones again and again."""
    frame = table.frame
    things = [c for c in columns.names(frame) if columns.is_numeric(frame[c]) and c != person]
    if len(things) < 8 or len(things) < 0.8 * (frame.shape[1] - 1) or len(frame) < 3:
        return None
    numbers = np.column_stack([columns.numbers(frame[c]) for c in things])
    told = numbers[np.isfinite(numbers)]
    used = [len(set(row[np.isfinite(row)].tolist())) for row in numbers]
    again = sum(np.isfinite(row).sum() > n for row, n in zip(numbers, used, strict=True))
    highest = np.array([np.nanmax(column) for column in numbers.T if np.isfinite(column).any()])
    alike = np.mean(highest >= 0.5 * told.max()) > 0.6
    if len(np.unique(told)) > 101 or again < 0.8 * len(frame) or not alike:
        return None  # lists name an item once; attributes of people have ranges of their own
    laid = frame.reset_index(names="\0row").melt(["\0row", person], things, ITEM_ID, RATING)
    laid = laid.dropna(subset=RATING).sort_values("\0row", kind="stable").set_index("\0row").rename_axis(None)
    message = words.say(
        "A row a person and a column an item: {columns} were laid out as {rows}, one for each rating.",
        columns=words.count(len(things), "column"),
        rows=words.count(len(laid), "row"),
    )
    note = Finding("laid_out", "warning", table.name, message, len(laid))
    return replace(table, frame=laid.astype("str"), header=True, notes=(*table.notes, note))


_PLACE = re.compile(r"(?:item|itemid|rec|recommendation|top|rank|pos|position)?(\d+)")
_MARKED = r"^\s*[\[({].*[\])}]\s*$|[^|]\|[^|]"
_CUT = _MARKED + r"|[,;\s]"


def _share(column: pd.Series, pattern: str) -> float:
    """Part of the first cells that are lists."""
    told = column.dropna().head(500)
    if pd.api.types.is_numeric_dtype(told.dtype):
        return 0.0
    return float(told.str.contains(pattern, regex=True).mean()) if len(told) else 0.0


def _items(cell: object) -> tuple[list[str], list[dict[str, str | None]]]:
    """The items in a cell and, where it holds records or pairs of item and score, what else is said of each."""
    if not isinstance(cell, str):
        return [], []
    text = mapping.unwrapped(cell.strip())
    if text[:1] not in "[({":
        if (counted := formats.numbered(text)) is not None:
            return counted, []
        mark = next((separator for separator in "|\n;," if separator in text), None)
        cut = [part for part in map(str.strip, text.split(mark)) if part]
        weighed = [part.rsplit(":", 1) for part in cut if re.fullmatch(r"[^:]+:-?\d+(?:\.\d+)?", part)]
        if cut and len(weighed) == len(cut):  # 12:4.5, the item and how much of it
            return [item for item, _ in weighed], [{SCORE: score} for _, score in weighed]
        return cut, []
    value = mapping.literal(text)
    if isinstance(value, dict):  # {item: score}
        value = [list(pair) for pair in value.items()]
    if not isinstance(value, (list, tuple, set)):
        return [part for part in mapping.list_cell(text) if part], []
    parts = list(value)
    if parts and all(isinstance(part, dict) for part in parts):
        return _records(parts)
    pairs = parts and all(isinstance(part, (list, tuple)) and len(part) == 2 for part in parts)
    if pairs and all(isinstance(score, (int, float)) for _, score in parts):
        return [str(formats.cell(item)) for item, _ in parts], [{SCORE: formats.cell(score)} for _, score in parts]
    texts = [formats.cell(part) for part in parts]
    return [text for text in texts if text], []


def _records(records: Sequence[dict[str, object]]) -> tuple[list[str], list[dict[str, str | None]]]:
    keys = {key: columns.plain(str(key)) for record in records for key in record}
    called = next((key for key, plain in keys.items() if plain in columns.ITEM_NAMES), None)
    called = called or next((key for key, plain in keys.items() if plain.endswith("id")), None)
    called = called or next((key for key, plain in keys.items() if plain in columns.TITLE_NAMES), None)
    if called is None:
        return [], []
    kept = [record for record in records if record.get(called) is not None]
    others = [{key: formats.cell(value) for key, value in record.items() if key != called} for record in kept]
    return [str(formats.cell(record[called])) for record in kept], others


def _side_by_side(table: Table, person: str) -> Table | None:
    """A table with a column for each place of a list (1, 2, 3 or item_1, item_2 …) with them in one list a cell."""
    frame = table.frame
    found = {c: _PLACE.fullmatch(columns.plain(c)) for c in columns.names(frame) if c != person}
    places = sorted((int(match[1]), c) for c, match in found.items() if match)
    numbers = [number for number, _ in places]
    if len(places) < 3 or numbers != list(range(numbers[0], numbers[0] + len(numbers))) or numbers[0] > 1:
        return None
    cells = frame[[c for _, c in places]].astype("str").to_numpy(object)
    joined = ["|".join(str(cell) for cell in row if isinstance(cell, str)) or None for row in cells]
    others = frame.drop(columns=[c for _, c in places])
    return replace(table, frame=others.assign(items=pd.array(joined, dtype="str")))
