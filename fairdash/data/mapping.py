"""Which column plays which role: guessed with a confidence, corrected by the person, kept with the data set."""

from __future__ import annotations

import re
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from fairdash import columns
from fairdash.data import times
from fairdash.errors import DataError

RatingKind = Literal["rating", "count", "none"]
FEW = 21  # different numbers at most, for a column without a telling name to be ratings
NO_CATEGORY = "(no genres listed)"  # how MovieLens' newer sets say it
SURE = 0.5  # a guess below this is only shown; it is not acted on


@dataclass(frozen=True)
class Guess:
    """A column for a role. confidence: 0…1. reason: half a sentence for people."""

    column: str
    confidence: float
    reason: str


@dataclass(frozen=True)
class Mapping:
    """The columns in use, by their names in the files; None where there is none."""

    user: str
    item: str
    rating: str | None = None
    time: str | None = None
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


def _overlap(column: pd.Series, ids: pd.Series | None) -> float:
    """Part of the distinct values that are among ids; 0 without ids."""
    if ids is None:
        return 0.0
    values = column.dropna().drop_duplicates()
    return float(values.isin(ids.dropna().drop_duplicates()).mean()) if len(values) else 0.0


def _several(known: pd.Series, column: pd.Series) -> bool:
    """Whether values of one column stand beside several of the other, both ways."""
    pairs = pd.DataFrame({"a": known, "b": column}).dropna().drop_duplicates()
    return bool(pairs["a"].duplicated().any() and pairs["b"].duplicated().any())


def guess_interactions(
    frame: pd.DataFrame,
    header: bool,
    user_ids: pd.Series | None = None,
    item_ids: pd.Series | None = None,
    chosen: Dict[str, str] | None = None,
) -> dict[str, Guess]:
    """Guesses for user, item, rating (or count) and time in a table of interactions; a role may be absent.

    user_ids, item_ids: the id columns of the other files, where known: values that meet are good evidence. chosen:
    roles whose column a person has named; no other role gets that column.
    """
    found = {role: Guess(column, 1.0, "chosen") for role, column in (chosen or {}).items()}

    def free() -> list[str]:
        taken = {guess.column for guess in found.values()}
        return [column for column in columns.names(frame) if column not in taken]

    for role, names, ids in (("user", columns.USER_NAMES, user_ids), ("item", columns.ITEM_NAMES, item_ids)):
        if role in found:
            continue
        guess = _by_name(free(), names)
        if guess is None and ids is not None:
            shares = {c: _overlap(frame[c], ids) for c in free()}
            best = max(shares, key=lambda c: shares[c], default=None)
            if best is not None and shares[best] > 0.5:
                guess = Guess(best, 0.8, "its values are the ids of the other file")
        if guess is not None:
            found[role] = guess
    for role in ("user", "item"):
        if role not in found and free():
            column = free()[0]
            # In a file of people, gender stands where the item would: but a person has one gender and several items.
            meets = any(_several(frame[guess.column], frame[column]) for guess in found.values())
            found[role] = Guess(column, SURE if not header or meets else 0.3, "by its place")
    if "time" not in found:
        stamps = [c for c in free() if looks_like_time(frame[c])]
        guess = _by_name(free(), columns.TIME_NAMES)
        guess = guess or (Guess(stamps[0], 0.7, "its values look like times") if stamps else None)
        if guess is not None:
            found["time"] = guess
    if "rating" not in found:
        few = [c for c in free() if columns.is_numeric(frame[c]) and frame[c].nunique() <= FEW]
        guess = _by_name(free(), columns.RATING_NAMES) or _by_name(free(), columns.COUNT_NAMES)
        guess = guess or (Guess(few[0], SURE, "the only column of few different numbers") if len(few) == 1 else None)
        # One that is plainly called rating but holds no numbers stays: the check says which rows are wrong.
        if guess is not None and (guess.confidence == 1.0 or columns.is_numeric(frame[guess.column])):
            found["rating"] = guess
    return found


def guess_entities(frame: pd.DataFrame, names: Sequence[str], ids: pd.Series | None = None) -> Guess:
    """The id column of a people or an items file; `ids`: the ids that occur in the interactions."""
    guess = _by_name(columns.names(frame), names)
    if guess is None and ids is not None:
        shares = {c: _overlap(ids, frame[c]) for c in columns.names(frame)}
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


def guess_separator(column: pd.Series) -> str:
    """How the category names in one cell are separated."""
    told = column.dropna()
    if told.str.startswith("[").mean() > 0.5:
        return "[]"  # a list as Python or JSON write it
    for separator in ("|", ";"):
        if told.str.contains(separator, regex=False).any():
            return separator
    commas = told.str.contains(",", regex=False).mean() if len(told) else 0.0
    return "," if commas > 0.1 else "|"


def split_categories(column: pd.Series, separator: str) -> pd.Series:
    """Category names joined by "|" [n], without repeats and outer spaces; missing where there is none."""

    def names(cell: object) -> str | None:
        if not isinstance(cell, str):
            return None
        if separator == "[]":
            parts = [a or b for a, b in re.findall(r"'([^']*)'|\"([^\"]*)\"", cell)]
        else:
            parts = cell.split(separator)
        kept = dict.fromkeys(" ".join(part.split()).replace("|", "/") for part in parts)
        return "|".join(part for part in kept if part and part != NO_CATEGORY) or None

    unique = column.dropna().unique()
    known = dict(zip(unique, map(names, unique), strict=True))
    return column.map(known).astype("str")


def looks_like_time(column: pd.Series) -> bool:
    """Whether the first values are seconds or milliseconds since 1970, or dates with a year."""
    told = column.dropna().head(200)
    if told.empty:
        return False
    values = columns.numbers(told)
    if np.isfinite(values).all():
        return bool(((values > 1e8) & (values < 5e9)).all() or ((values > 1e11) & (values < 5e12)).all())
    if told.str.contains(r"\b(?:19|20)\d\d\b|^\d{1,2}[./]\d{1,2}[./]\d\d", regex=True).mean() <= 0.9:
        return False
    return times.parse(told).unit == "seconds"  # "Toy Story (1995)" holds a year, but is no date


def rating_kind(name: str, column: pd.Series) -> RatingKind:
    """Whether numbers are ratings on a scale or counts (plays, clicks): by the column's name, else whole numbers
    without an upper end (the largest is over 20 times the median and above 100). "none" where all cells are empty."""
    values = columns.numbers(column)
    told = values[np.isfinite(values)]
    if not len(told):  # words where numbers should be stay: the check says which rows
        return "none" if columns.tidy(column).isna().all() else "rating"
    if columns.plain(name) in columns.COUNT_NAMES:
        return "count"
    whole = bool((told == np.rint(told)).all()) and told.min() >= 0
    return "count" if whole and told.max() > 100 and told.max() > 20 * max(float(np.median(told)), 1.0) else "rating"


def threshold(values: np.ndarray) -> float:
    """The rating from which on an item counts as liked, where nobody said: the upper quarter of the scale, which is
    4 on 1…5, 8 on 1…10, 2 on 0…2; the smallest rating in use that reaches it."""
    used = np.unique(values[np.isfinite(values)])
    low, high = float(used[0]), float(used[-1])
    if low >= 0 and 4 < high <= 5:  # stars, also where nobody gave the lowest
        return float(used[used >= 4.0][0])
    if low >= 0 and 9 <= high <= 10:
        return float(used[used >= 8.0][0])
    return float(used[used >= low + 0.75 * (high - low) - 1e-9][0])


def require(frame: pd.DataFrame, column: str, role: str, file: str) -> str:
    """The column's name, if the file has it; else DataError that lists what there is."""
    if column not in frame.columns:
        raise DataError(
            f"{file} has no column {column!r} for {role}.", f"Its columns are {', '.join(map(repr, frame.columns))}."
        )
    return column
