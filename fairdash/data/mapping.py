"""Which column plays which role: guessed with a confidence, corrected by the person, kept with the data set."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from fairdash import columns, words
from fairdash.data import formats, times, values
from fairdash.errors import DataError
from fairdash.words import Said

RatingKind = Literal["rating", "count", "none"]
_LOOK = 20_000  # rows that are looked at, where a guess is between columns
FEW = 21  # different numbers at most, for a column without a telling name to be offered as ratings
NO_CATEGORY = "(no genres listed)"  # how MovieLens' newer sets say it
SURE = 0.5  # a guess below this is only shown; it is not acted on
ASKED = 0.6  # a guess below this is acted on, but asked


@dataclass(frozen=True)
class Guess:
    """A column for a role. confidence: 0…1. reason: half a sentence for people."""

    column: str
    confidence: float
    reason: Said


@dataclass(frozen=True)
class Mapping:
    """The columns in use, by their names in the files; None where there is none."""

    user: str
    item: str
    rating: str | None = None
    time: str | None = None
    clock: str | None = None  # time of day, where `time` holds only the date
    event: str | None = None  # what was done: view, cart, buy
    system: str | None = None  # whose list it is
    rank: str | None = None
    score: str | None = None
    split: str | None = None  # train, valid or test
    prediction: str | None = None  # predicted rating of a held-out pair
    rating_kind: RatingKind = "none"
    users_id: str | None = None  # id column of the people file
    items_id: str | None = None  # id column of the items file
    title: str | None = None
    categories: str | None = None
    category_separator: str = "|"

    def to_json(self) -> dict[str, Any]:
        """The mapping as plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(values: Dict[str, Any]) -> Mapping:
        """A Mapping from its JSON form."""
        return Mapping(**values)


def guess_split(frame: pd.DataFrame, chosen: Dict[str, str]) -> str | None:
    """The column that says train, valid or test: by its name, where its cells name train and test and nothing else."""
    for column in columns.names(frame):
        if columns.plain(column) in columns.SPLIT_NAMES and column not in chosen.values():
            parts = {columns.part_of(str(cell)) for cell in frame[column].dropna().unique()[:20]}
            if {"train", "test"} <= parts and None not in parts:
                return column
    return None


def guess_fold(frame: pd.DataFrame, taken: Sequence[str]) -> str | None:
    """The column that numbers the folds of a cross-validation: by its name, where it holds 2 to 20 of them."""
    called = [c for c in columns.names(frame) if columns.plain(c) in columns.FOLD_NAMES and c not in taken]
    return next((c for c in called if 2 <= frame[c].nunique() <= 20), None)


def folds(column: pd.Series) -> tuple[str, ...]:
    """The names of the folds in their order."""
    return tuple(sorted(map(str, column.dropna().unique()), key=columns.natural_key))


def _by_name(free: Sequence[str], names: Sequence[str]) -> Guess | None:
    """The column whose name is known best, among those that have no role yet."""
    keys = {column: columns.plain(column) for column in free}
    for rank, name in enumerate(names):
        for column, key in keys.items():
            if key == name:
                return Guess(column, 1.0 if rank < 4 else 0.9, "by its name")
    for column, key in keys.items():
        if any(len(name) > 4 and key.endswith(name) for name in names):
            return Guess(column, 0.7, "by the end of its name")
    return None


def _by_id(free: Sequence[str], names: Sequence[str]) -> Guess | None:
    """The column of ids whose name is known best, marks of an id aside: user_hash, CustNo."""
    guess = _by_name(free, names)
    if guess is not None and guess.confidence > 0.7:
        return guess
    called = [column for column in free if columns.bare(column) in names]
    return Guess(called[0], 0.8, "by its name") if called else guess


def overlap(column: pd.Series, ids: pd.Series | None) -> float:
    """Part of the distinct values that are among ids; 0 without ids."""
    if ids is None:
        return 0.0
    known = column.dropna().drop_duplicates()
    return float(columns.among(known, ids.dropna()).mean()) if len(known) else 0.0


def _pairs(a: pd.Series, b: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"a": a, "b": b}).dropna().drop_duplicates()


def _several(known: pd.Series, column: pd.Series) -> bool:
    """Whether values of one column stand beside several of the other, both ways."""
    pairs = _pairs(known, column)
    return bool(pairs["a"].duplicated().any() and pairs["b"].duplicated().any())


def is_steady(ids: pd.Series, column: pd.Series) -> bool:
    """Whether each id has one value in the column, though ids come again and values differ: an attribute of theirs."""
    pairs = _pairs(ids, column)
    return (
        len(pairs) < ids.notna().sum() and not pairs["a"].duplicated().any() and len(pairs["b"].drop_duplicates()) > 1
    )


def guess_interactions(
    frame: pd.DataFrame,
    header: bool,
    user_ids: pd.Series | None = None,
    item_ids: pd.Series | None = None,
    chosen: Dict[str, str] | None = None,
) -> dict[str, Guess]:
    """Guesses for user, item, time (and clock), event and rating (or count) in a table of interactions; a role may be
    absent.

    user_ids, item_ids: the id columns of the other files, where known: values that meet are good evidence. chosen:
    roles whose column a person has named; no other role gets that column. Times are recognised before anything is
    guessed by its place; a rating has a telling name, or is the third column of a file without names.
    """
    found = {role: Guess(column, 1.0, "chosen") for role, column in (chosen or {}).items()}

    def free() -> list[str]:
        taken = {guess.column for guess in found.values()}
        return [column for column in columns.names(frame) if column not in taken]

    for role, names, ids in (("user", columns.USER_NAMES, user_ids), ("item", columns.ITEM_NAMES, item_ids)):
        if role in found:
            continue
        guess = _by_id(free(), names)
        if guess is not None and overlap(frame[guess.column], ids) <= 0.5:
            guess = telling(frame, guess, free()) if role == "user" else finest(frame, guess, free())
        if guess is None and ids is not None:
            shares = {c: overlap(frame[c], ids) for c in free()}
            best = max(shares, key=lambda c: shares[c], default=None)
            if best is not None and shares[best] > 0.5:
                guess = Guess(best, 0.8, "its values are the ids of the other file")
        if guess is not None:
            found[role] = guess
    for role, other in (("user", "item"), ("item", "user")):
        if role not in found and other in found:
            called = [c for c in free() if columns.plain(c).endswith("id") and c not in columns.TIME_NAMES]
            called = [c for c in called if columns.plain(c) not in columns.OCCASION_NAMES]
            called = [c for c in called if _several(frame[found[other].column], frame[c])]
            if len(called) == 1:
                found[role] = Guess(called[0], 0.7, "the only other column that is called an id")
    if "time" not in found:
        found = _times(frame, free()) | found
    for role in ("user", "item"):
        if role not in found and free():
            fits = [c for c in free() if _may_be(role, frame[c])] or free()
            if role == "user" and not header and len(fits) > 2 and _numbers_rows(frame[fits[0]], frame[fits[2]]):
                fits = fits[1:]
            # In a file of people, gender stands where the item would: but a person has one gender and several items.
            meets = [c for c in fits if any(_several(frame[guess.column], frame[c]) for guess in found.values())]
            column = fits[0] if role == "user" or not meets else meets[0]
            found[role] = Guess(column, SURE if not header or column in meets else 0.3, "by its place")
    if "event" not in found:
        guess = _event(frame, free(), header)
        if guess is not None:
            found["event"] = guess
    if "rating" not in found:
        told = [c for c in free() if c not in notes(frame)]
        guess = _by_name(told, columns.RATING_NAMES) or count(frame, free())
        if guess is None and not header and "user" in found and "item" in found:
            guess = _third(frame, found["user"].column, found["item"].column, free())
        # One that is plainly called rating but holds no numbers stays: the check says which rows are wrong.
        if guess is not None and (guess.confidence == 1.0 or values.is_readable(frame[guess.column])):
            found["rating"] = guess
    return found


def notes(frame: pd.DataFrame) -> set[str]:
    """Columns that may be called a rating, and hold what people wrote."""
    called = [c for c in columns.names(frame) if columns.plain(c) in columns.NOTE_NAMES]
    return {c for c in called if not values.is_readable(frame[c])}


def telling(frame: pd.DataFrame, guess: Guess, free: Sequence[str]) -> Guess:
    """The person where the column called so names nobody, as most cells are missing or one and the same, such as NA:
    another one that is called so, a mere guess."""

    def names_people(column: str) -> bool:
        rows = frame[column].head(_LOOK)
        counts = rows.value_counts()
        return len(counts) > 1 and counts.sum() - counts.iloc[0] > 0.5 * len(rows)

    if names_people(guess.column):
        return guess
    other = _by_id([c for c in free if c != guess.column and names_people(c)], columns.USER_NAMES)
    if other is None:
        return guess
    return Guess(other.column, SURE, words.say("{column} names nobody", column=guess.column))


def finest(frame: pd.DataFrame, guess: Guess, free: Sequence[str]) -> Guess:
    """The item where several columns are called so, such as artist, album and track: the one of most values, a mere
    guess."""
    rows = frame.head(_LOOK)
    called = [c for c in free if columns.plain(c) in columns.ITEM_NAMES or columns.bare(c) in columns.ITEM_NAMES]
    sizes = {c: rows[c].nunique() for c in called}
    best = max(sizes, key=lambda c: sizes[c], default=guess.column)
    if best == guess.column or sizes[best] <= sizes.get(guess.column, len(rows)):
        return guess
    if not _pairs(rows[guess.column], rows[best])["a"].duplicated().any():
        return guess  # another name of the same items
    return Guess(best, SURE, words.say("beside {names}", names=", ".join(c for c in called if c != best)))


def count(frame: pd.DataFrame, free: Sequence[str]) -> Guess | None:
    """The column of counts or clicks; a mere guess where others tell of deeds, too, such as viewed and bought, or hours
    and is_recommended, and where only the end of a name tells of one."""
    guess = _by_name(free, columns.COUNT_NAMES) or _by_name(free, columns.CLICK_NAMES)
    if guess is None:
        return None
    called = [c for c in free if _by_name([c], (*columns.COUNT_NAMES, *columns.CLICK_NAMES)) is not None]
    rest = [c for c in free if c not in called and columns.DEED.search(columns.plain(c))]
    called += [c for c in rest if frame[c].head(_LOOK).nunique() == 2]
    others = [c for c in called if c != guess.column]
    if others:
        return Guess(guess.column, SURE, words.say("beside {names}", names=", ".join(others)))
    sure = guess.confidence > 0.7 or _by_name([guess.column], columns.COUNT_NAMES) is not None
    return guess if sure else Guess(guess.column, SURE, guess.reason)


def _times(frame: pd.DataFrame, free: Sequence[str]) -> dict[str, Guess]:
    """The time, and the time of day where it stands in a column of its own."""
    clocks = [c for c in free if times.is_clock(frame[c])]
    dates = [c for c in free if c not in clocks]
    guess = _by_name(dates, columns.TIME_NAMES)
    if guess is None or clocks:
        stamps = [c for c in dates if looks_like_time(frame[c])]
        if guess is None or (stamps and guess.column not in stamps):
            guess = Guess(stamps[0], 0.7, "its values look like times") if stamps else guess
    if guess is None:
        return {}
    guess = _finer(frame, guess, [c for c in dates if looks_like_time(frame[c])])
    if clocks and not frame[guess.column].dropna().head(200).str.contains(r"\d:\d\d", regex=True).any():
        return {"time": guess, "clock": Guess(clocks[0], 0.8, "times of day beside the dates")}
    return {"time": guess}


def _finer(frame: pd.DataFrame, guess: Guess, stamps: Sequence[str]) -> Guess:
    """The time that parts more rows, where two tell the same moments: a day, and the second of that day."""
    rows = frame.head(_LOOK)
    usual = times.parse(rows[guess.column]).moments
    for column in stamps:
        if column != guess.column and rows[column].nunique() > 1.5 * rows[guess.column].nunique():
            there = np.isfinite(usual) & np.isfinite(moments := times.parse(rows[column]).moments)
            order = np.argsort(moments[there], kind="stable")
            if there.mean() > 0.9 and (np.diff(usual[there][order]) >= 0).mean() > 0.99:
                return Guess(column, 0.8, words.say("finer than {column}", column=guess.column))
    return guess


def _may_be(role: str, column: pd.Series) -> bool:
    """Whether a column may hold the ids of the role: not one value all over, and no new item in each row."""
    told = column.dropna()
    different = told.nunique()
    if role == "item" and (columns.plain(str(column.name)) in columns.OCCASION_NAMES or _measured(told)):
        return False
    return different > 1 and not (role == "item" and len(told) > 20 and different > 0.95 * len(told))


def _measured(told: pd.Series) -> bool:
    """Whether the first cells are numbers with several decimals, such as latitudes: no ids."""
    return len(told) > 0 and bool(told.head(200).astype("str").str.fullmatch(r"-?\d+\.\d{2,}").mean() > 0.9)


def _numbers_rows(column: pd.Series, third: pd.Series) -> bool:
    """Whether a column counts the rows. People who have a row each may be numbered, too: then the third column is a
    rating of few values, and no item."""
    numbers = columns.numbers(column.head(1000))
    return len(numbers) > 20 and bool((np.diff(numbers) == 1).all()) and third.nunique() > 10


def _event(frame: pd.DataFrame, free: Sequence[str], header: bool) -> Guess | None:
    """The column of few words that says what was done."""

    def few_words(column: pd.Series) -> bool:
        told = column.dropna()
        different = told.drop_duplicates()
        return 1 < len(different) <= 12 and len(different) < 0.1 * len(told) and not values.is_readable(different)

    rated = {*columns.RATING_NAMES, *columns.COUNT_NAMES, *columns.CLICK_NAMES}
    free = [c for c in free if columns.plain(c) not in rated]
    guess = _by_name(free, columns.EVENT_NAMES)
    if guess is not None:
        return guess if 1 < frame[guess.column].nunique() <= 12 else None
    told = [c for c in free if few_words(frame[c]) and _says_events(frame[c])]
    if header or told:
        return Guess(told[0], SURE, "its words say what was done") if len(told) == 1 else None
    fits = [c for c in free if few_words(frame[c]) and frame[c].str.fullmatch(r"[A-Za-z _-]+", na=True).all()]
    return Guess(fits[0], SURE, "few words that come again and again") if len(fits) == 1 else None


def _says_events(column: pd.Series) -> bool:
    """Whether most of the few words of a column say what is done with an item."""
    words = [columns.plain(str(word)) for word in column.dropna().unique()]
    return sum(bool({word, word.removesuffix("s")} & columns.EVENT_WORDS) for word in words) > 0.5 * len(words)


def _third(frame: pd.DataFrame, user: str, item: str, free: Sequence[str]) -> Guess | None:
    """The rating of a file without names: the first column after person and item, which stand side by side, that is no
    title of the item."""
    order = columns.names(frame)
    first = min(order.index(user), order.index(item))
    if {user, item} != set(order[first : first + 2]):
        return None
    for column in order[first + 2 :]:
        if column not in free:
            return None
        if columns.is_numeric(frame[column]):
            if frame[column].nunique() < 2 or any(is_steady(frame[ids], frame[column]) for ids in (user, item)):
                return None  # a number of the person or of the item
            return Guess(column, SURE, "by its place")
        if not is_steady(frame[item], frame[column]):
            return None
    return None


def offered_ratings(frame: pd.DataFrame, taken: Sequence[str], user: str, item: str) -> list[str]:
    """Columns of few different numbers, or of yes and no, that could be ratings, but are not called so; none of a
    person or an item."""
    free = [c for c in columns.names(frame) if c not in taken and 1 < frame[c].nunique() <= FEW]
    free = [c for c in free if columns.plain(c) not in columns.TIME_NAMES]
    few = [c for c in free if values.is_readable(frame[c]) or columns.plain(c) in columns.RATING_NAMES]
    return [c for c in few if not any(is_steady(frame[ids], frame[c]) for ids in (user, item))]


def guess_entities(frame: pd.DataFrame, names: Sequence[str], ids: pd.Series | None = None) -> Guess:
    """The id column of a people or an items file; `ids`: the ids that occur in the interactions."""
    guess = _by_id(columns.names(frame), names)
    if guess is None and ids is not None:
        shares = {c: overlap(ids, frame[c]) for c in columns.names(frame)}
        best = max(shares, key=lambda c: shares[c])
        guess = Guess(best, 0.8, "its values are the ids of the interactions") if shares[best] > 0.5 else None
    if guess is None:
        called = [c for c in columns.names(frame) if columns.plain(c) == "id"]
        guess = Guess(called[0], 0.7, "by its name") if called else None
    if guess is None:
        unique = [c for c in columns.names(frame) if frame[c].is_unique and frame[c].notna().all()]
        guess = Guess(unique[0], SURE, "the first column without repeats") if unique else None
    return guess or Guess(columns.names(frame)[0], 0.2, "by its place")


def guess_texts(frame: pd.DataFrame, chosen: Dict[str, str]) -> dict[str, Guess]:
    """Guesses for title and categories in an items file. chosen: roles whose column is settled ("items_id" too)."""
    found = {role: Guess(column, 1.0, "chosen") for role, column in chosen.items()}

    def free() -> list[str]:
        taken = {guess.column for guess in found.values()}
        return [column for column in columns.names(frame) if column not in taken]

    if "title" not in found:
        title = _by_name(free(), columns.TITLE_NAMES)
        if title is not None:
            found["title"] = title
    if "categories" not in found:
        categories = _by_name(free(), columns.CATEGORY_NAMES)
        if categories is None:
            lists = [c for c in free() if frame[c].str.contains(r"[^|]\|[^|]", na=False).mean() > 0.1]
            categories = Guess(lists[0], 0.6, 'its cells are lists cut by "|"') if lists else None
        if categories is not None:
            found["categories"] = categories
    return {role: guess for role, guess in found.items() if role in ("title", "categories")}


WIDE = ("、", "；", "，", "｜")  # between the parts of a list in Chinese and Japanese


def guess_separator(column: pd.Series) -> str:
    """How the category names in one cell are separated."""
    told = column.dropna()
    if told.str.startswith(("[", "{")).mean() > 0.5:
        return "[]"  # a list as Python or JSON write it
    for separator in ("|", ";", " / ", " > ", "\n", *WIDE):
        if told.str.contains(separator, regex=False).any():
            return separator
    commas = told.str.contains(",", regex=False).mean() if len(told) else 0.0
    if commas > 0.1:
        return ","
    if len(told) and told.str.fullmatch(r"#\S+(?:\s+#\S+)*").all():
        return "#"
    cells = [str(cell) for cell in told.unique()]
    loose = [mark for mark in ("/", " & ", " - ", " + ", " · ", " • ") if any(mark in cell for cell in cells)]
    return next((mark for mark in loose if separates(re.escape(mark), cells)), "|")


def separates(mark: str, cells: Sequence[str], alone: Sequence[str] = ()) -> bool:
    """Whether most of what stands before and after the mark (a regular expression) stands alone elsewhere (or in
    `alone`), or in another place of a list."""
    places: dict[str, set[int]] = {}
    for cell in cells:
        parts = [part.strip().casefold() for part in re.split(rf"{mark}|\||;", cell)]
        for place, part in enumerate(parts):
            places.setdefault(part, set()).add(place if len(parts) > 1 else -1)
    beside = [part for part, at in places.items() if at != {-1}]
    free = [part for part in beside if len(places[part]) > 1 or part in alone]
    return len(free) > 0.5 * len(beside)


def split_categories(column: pd.Series, separator: str) -> pd.Series:
    """Category names joined by "|" [n], without repeats and outer spaces; missing where there is none."""

    def names(cell: object) -> str | None:
        if not isinstance(cell, str):
            return None
        parts = list_cell(cell) if separator == "[]" else cell.split(separator)
        weighed = [re.fullmatch(r"(.*\D):\d+(?:\.\d+)?", part.strip()) for part in parts]
        parts = [part[1] for part in weighed if part] if all(weighed) else parts  # rock:100
        kept = dict.fromkeys(" ".join(part.split()).replace("|", "/") for part in parts)
        return "|".join(part for part in kept if part and part != NO_CATEGORY) or None

    unique = column.dropna().unique()
    known = dict(zip(unique, map(names, unique), strict=True))
    return column.map(known).astype("str")


_NAME_KEYS = ("name", "title", "label", "description", "genre", "category", "value", "tag")


def list_cell(cell: str) -> list[str]:
    """The texts in a list as Python or JSON write it, nested ones too: of dictionaries their names. Raises DataError
    for lists that stand too deep in each other."""

    def flat(value: object, deep: int = 0) -> list[str]:
        if deep > formats.DEEPEST:
            raise formats.too_deep()
        if isinstance(value, dict):
            keys = {columns.plain(str(key)): key for key in value}
            called = next((keys[key] for key in _NAME_KEYS if key in keys), None)
            if called is None and all(isinstance(v, (int, float)) for v in value.values()):
                return [str(key) for key in value]  # {name: weight}
            texts = [v for v in value.values() if isinstance(v, str)]
            return [str(value[called])] if called is not None else texts[:1]
        if isinstance(value, (list, tuple, set)):
            parts = sorted(value, key=str) if isinstance(value, set) else value  # a set has no order of its own
            return [text for part in parts for text in flat(part, deep + 1)]
        return [] if value is None else [str(value)]

    value = literal(cell)
    if value is not None:
        return [str(formats.letters(text)) for text in flat(value)]
    inner = cell.strip().strip("[](){}")  # a list without quotation marks, or as NumPy prints it
    return [part.strip(" '\"") for part in (inner.split(",") if "," in inner else inner.split())]


def unwrapped(cell: str) -> str:
    """A list without what it is wrapped in, as array([…], dtype=int64) and tensor([…]) are."""
    found = re.fullmatch(r"\s*(?:\w+\.)*\w+\(\s*([\[(].*[\])])\s*(?:,[^\[\]()]*)?\)\s*", cell, re.DOTALL)
    return found[1] if found else cell


def literal(cell: str) -> object:
    """The value that a cell writes as JSON, Python or Spark do, or as NumPy prints texts; None where it writes none."""
    cell = unwrapped(cell)
    if re.match(r"\[\s*\{[^:{}'\"]+,[^:{}]+\}", cell):  # [{12, 4.5}, …] of Spark's show()
        cell = cell.replace("{", "(").replace("}", ")")
    if re.search(r"""['"]\s+['"]""", cell):  # Python would join texts without a comma between them
        return re.findall(r"""['"]([^'"]*)['"]""", cell)
    for load in (json.loads, formats.python):
        try:
            return cast(object, load(cell))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


_ON = {"1", "1.0", "true", "yes", "y", "t", "x"}
_OFF = {"0", "0.0", "false", "no", "n", "f"}


def one_hot(frame: pd.DataFrame, taken: Sequence[str]) -> list[str]:
    """Columns, at least three, that hold only 0 and 1 (or true and false, yes and no), each of them both: one for each
    category."""
    found = []
    for column in columns.names(frame):
        marks = set() if column in taken else set(frame[column].dropna().str.casefold().unique())
        if marks <= _ON | _OFF and marks & _ON and marks & _OFF:
            found.append(column)
    return found if len(found) >= 3 else []


def from_one_hot(frame: pd.DataFrame, flags: Sequence[str]) -> pd.Series:
    """The names of the columns that hold 1, without what all begin with ("is_", "genre_"), joined by "|" [n]; missing
    where none does."""
    on = np.column_stack([frame[c].str.casefold().isin(_ON).to_numpy() for c in flags])
    before = min(flags, key=len)
    while not all(flag.startswith(before) for flag in flags) or (before and before[-1] not in "_:. "):
        before = before[:-1]
    names = np.array([flag.removeprefix(before).replace("|", "/") for flag in flags], dtype=object)
    joined = pd.Series(["|".join(names[row]) for row in on], index=frame.index, dtype="str")
    return joined.mask(joined == "")


def looks_like_time(column: pd.Series) -> bool:
    """Whether the first values are seconds or milliseconds since 1970, or dates with a year."""
    told = column.dropna().head(200)
    if told.empty:
        return False
    numbers = columns.numbers(told)
    if np.isfinite(numbers).all():
        return bool(((numbers > 5e8) & (numbers < 5e9)).all() or ((numbers > 5e11) & (numbers < 5e12)).all())
    if told.str.contains(r"(?:\b|\D)(?:19|20)\d\d(?:\b|\D)|^\d{1,2}[./]\d{1,2}[./]\d\d", regex=True).mean() <= 0.9:
        return False
    return times.parse(told).unit == "seconds"  # "Toy Story (1995)" holds a year, but is no date


def rating_kind(name: str, numbers: np.ndarray) -> RatingKind:
    """Whether numbers are ratings on a scale or counts (plays, clicks): by the column's name, else numbers without an
    upper end: one above 100, or far above the others. "none" where there are none."""
    told = numbers[np.isfinite(numbers)]
    if not len(told):
        return "none"
    if columns.is_count(name) and not values.is_binary(told):
        return "count"
    if told.min() < 0 or told.max() <= 10:
        return "rating"
    return "count" if told.max() > 100 or told.max() > 20 * max(float(np.median(told)), 1.0) else "rating"


def threshold(values: np.ndarray) -> float:
    """The rating from which on an item counts as liked, where nobody said: the upper quarter of the scale, which is
    4 on 1…5, 8 on 1…10, 2 on 0…2; the smallest rating in use that reaches it."""
    used = np.unique(values[np.isfinite(values)])
    low, high = float(used[0]), float(used[-1])
    if (low >= 0 and 4 < high <= 5) or (low > 0 and high == 4):  # stars, also where nobody gave the lowest or the best
        return float(used[used >= 4.0][0])
    if low >= 0 and 9 <= high <= 10:
        return float(used[used >= 8.0][0])
    return float(used[used >= low + 0.75 * (high - low) - 1e-9][0])


def require(frame: pd.DataFrame, column: str, role: Said, file: str) -> str:
    """The column's name, if the file has it; else DataError that lists what there is."""
    if column not in frame.columns:
        raise DataError(
            words.say(
                "{file} has no column {column} for {role}.", file=file, column=repr(column), role=words.say(role)
            ),
            words.say("Its columns are {names}.", names=", ".join(map(repr, frame.columns))),
        )
    return column
