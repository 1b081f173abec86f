"""What people are said to be, made groups of: spellings merged, several values told apart, births as ages, units off.

Pure functions of one column or one table; `check` says what they would do, `clean` does it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns
from fairdash.data import times, values
from fairdash.data.mapping import WIDE, list_cell, looks_like_time, separates

_MANY = 500  # different values above which a column is no attribute to group by
_UNIT = re.compile(r"\s*([^\d\s.,+-]{0,4})\s*([-+]?\d[\d.,]*)\s*([^\d\s.,]{0,12}(?: [a-z]{1,8})?)\s*")
# How numbers part thousands and decimals: 1,200.50 and 1.200,50; and which mark is the decimal one.
_WAYS = ((r"[-+]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?", "."), (r"[-+]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?", ","))
YEAR = 365.2425 * 86400
_FEWEST_TEXTS = 20  # cells below which nothing says whether they are all different
_ON, _OFF = {"true", "yes", "y", "t", "1"}, {"false", "no", "n", "f", "0"}
_LONG = 32  # characters of a cell that is no name of a group


def spellings(column: pd.Series, name: str) -> dict[str, str]:
    """{spelling: the one it is merged with} of values that are one: M and male; Non-Binary and non binary; S, Single.

    Differences in case and spaces alone are no news: groups overlook them anyway. The most frequent spelling stays, of
    equally frequent ones the longest.
    """
    known = columns.tidy(column).dropna()
    counts = {str(text): int(count) for text, count in known.value_counts().items()}
    if not 1 < len(counts) <= _MANY or columns.in_numbers(known):
        return {}
    genders = columns.genders(counts)
    named = columns.plain(name) in columns.GENDER_NAMES
    all_known = all(genders.values()) and len(set(genders.values())) > 1
    alike: dict[str, list[str]] = {}
    for text in counts:
        key = genders[text] if (named or all_known) and genders[text] else _key(text)
        alike.setdefault(key or text.casefold(), []).append(text)
    flags = {text: (text.casefold() in _ON) for text in counts if text.casefold() in _ON | _OFF}
    if len(flags) == len(counts) and not named:  # true, 1 and yes are one
        alike = {}
        for text, on in flags.items():
            alike.setdefault(str(on), []).append(text)
    initials = {text.casefold() for text in counts if len(text) == 1 and text.isalpha()}
    longer = {key for key in alike if len(key) > 1 and not any(letter.isdigit() for letter in key)}
    if initials and not (named or all_known):
        meant = {letter: [key for key in longer if key.startswith(letter)] for letter in initials}
        if all(len(keys) == 1 for keys in meant.values()):
            for letter, (key,) in meant.items():
                alike[key] += alike.pop(letter, [])
    merged: dict[str, str] = {}
    for group in alike.values():
        if len({text.casefold() for text in group}) > 1:
            best = min(group, key=lambda text: (-counts[text], -len(text), text))
            merged |= {text: best for text in group if text != best}
    return merged


def _key(text: str) -> str:
    """What two spellings of one word share: letters, where there are three and no digits."""
    plain = columns.plain(text.replace(":", " "))
    return plain if len(plain) > 2 and plain.isalpha() else text.casefold()


def merge(column: pd.Series, merged: Mapping[str, str]) -> pd.Series:
    """The column [n] with spellings replaced."""
    known = columns.tidy(column)
    return known.map(lambda text: merged.get(text, text), na_action="ignore").astype("str")


def several(column: pd.Series) -> pd.Series | None:
    """The column with its lists joined by "|" [n], or None where cells hold single values.

    Lists are cut at "|", ";" and the like of Chinese and Japanese, or written with brackets; at a comma, "/", "&", "+"
    and "and" only where most values stand alone or in other places of a list elsewhere, as "Springfield, Ohio" is one
    place.
    """
    known = columns.tidy(column)
    cells = [str(text) for text in known.dropna().unique()]
    if not cells or columns.in_numbers(known):
        return None
    lists = {text: list_cell(f"[{text[1:-1]}]") for text in cells if re.fullmatch(r"\[.*\]|\{.*\}|\(.*,.*\)", text)}
    plain = [text for text in cells if text not in lists]
    known_alone = [part.casefold() for parts in lists.values() for part in parts]
    marks = [
        r"\|",
        ";",
        *WIDE,
        *(mark for mark in (",", "/", "&", r"\+", r"\band\b") if separates(mark, plain, known_alone)),
    ]
    pattern = "|".join(marks)
    cut = {text: _joined(lists[text] if text in lists else re.split(pattern, text)) for text in cells}
    return None if all(text == joined for text, joined in cut.items()) else known.map(cut).astype("str")


def _joined(parts: Sequence[str]) -> str | None:
    texts = [" ".join(part.split()) for part in parts]
    return "|".join(dict.fromkeys(text for text in texts if text)) or None


def without_units(column: pd.Series) -> tuple[pd.Series, str] | None:
    """Numbers as text [n], and what stood around them, of cells such as "25 years", "$1,200" or "180 cm"; None where
    they are no numbers with one and the same unit."""
    known = columns.tidy(column)
    cells = known.dropna().drop_duplicates()
    parted = values.dotted(cells) if len(cells) > 1 else np.zeros(0, dtype=bool)
    if parted.any() and columns.is_numeric(cells.str.replace(".", "", regex=False)):
        whole = {text: text.replace(".", "") for text in cells[parted]}
        return known.map(lambda text: whole.get(text, text), na_action="ignore").astype("str"), "."
    if len(cells) < 2 or columns.is_numeric(cells):
        return None
    found = {text: _UNIT.fullmatch(text) for text in cells}
    matches = [match for match in found.values() if match]
    around = {(match[1], match[3].casefold().removesuffix("s")) for match in matches}
    if len(matches) < columns.NUMERIC_SHARE * len(cells) or len(around) != 1:
        return None
    marks = [mark for way, mark in _WAYS if all(re.fullmatch(way, match[2]) for match in matches)]
    before, after = next(iter(around))
    odd = any(not match[2].lstrip("+-").isdigit() for match in matches)
    if not marks or re.search(r"\w", before) or not (before or after or odd):
        return None  # "A1", "B2" are names
    thousands = "," if marks[0] == "." else "."
    numbers = {
        text: match[2].replace(thousands, "").replace(marks[0], ".") if match else text for text, match in found.items()
    }
    return known.map(numbers).astype("str"), f"{before}{after}" or thousands


def birth_column(users: pd.DataFrame, as_of: float | None) -> str | None:
    """The column of dates of birth, or of years of birth where the date of the interactions is known; None where there
    is none, or ages stand beside it."""
    if any(columns.is_age(c) for c in columns.names(users)):
        return None
    for column in columns.names(users):
        if columns.plain(column) in columns.BIRTH_DATE_NAMES and _births(users[column]) is not None:
            return column
        if (
            columns.plain(column) in columns.BIRTH_YEAR_NAMES
            and as_of is not None
            and columns.is_numeric(users[column])
        ):
            return column
    return None


_DAY = 86400.0
_EXCEL = 25569  # days from the beginning of Excel's calendar to 1970


def _births(column: pd.Series) -> NDArray[np.float64] | None:
    """Seconds since 1970 of dates of birth [n]: dates of any kind, and the numbers that programs make of them (seconds
    or milliseconds since 1970, before it below 0; days of Excel); None for what are none, such as years."""
    parsed = times.parse(column)
    if parsed.unit == "seconds" and not _since_1970(column):
        return parsed.moments
    if not columns.is_numeric(column):
        return None
    numbers = columns.numbers(column)
    if 19_000_101 <= np.nanmedian(numbers) <= 20_991_231:  # 19850301, some of them no dates
        return times.parse(column.str.strip().str.removesuffix(".0"), "%Y%m%d").moments
    for scale, first, last in ((1.0, -3.5e9, 5e9), (1000.0, -3.5e12, 5e12)):
        wide = np.nanmax(np.abs(numbers)) > 1e7 * scale
        if wide and np.nanmin(numbers) > first and np.nanmax(numbers) < last:
            found: NDArray[np.float64] = numbers / scale
            return found
    return (numbers - _EXCEL) * _DAY if np.nanmin(numbers) > 3000 and np.nanmax(numbers) < 60_000 else None


def _since_1970(column: pd.Series) -> bool:
    """Whether dates are numbers of seconds, which parse would read as such only where all are after 1970."""
    return columns.is_numeric(column) and bool(np.nanmin(columns.numbers(column)) < 0)


def _short_years(column: pd.Series) -> NDArray[np.bool_]:
    """Which dates [n] write no year of four digits."""
    return ~column.astype("str").str.contains(r"\d{4}", na=False).to_numpy()


def with_ages(users: pd.DataFrame, as_of: float | None) -> pd.DataFrame:
    """The people with `age` in whole years in the place of their birth. as_of: seconds since 1970; None: today."""
    column = birth_column(users, as_of)
    if column is None:
        return users
    at = datetime.now(UTC).timestamp() if as_of is None else as_of
    born = _births(users[column]) if columns.plain(column) in columns.BIRTH_DATE_NAMES else None
    if born is not None:
        ages = np.floor((at - born) / YEAR + 1e-3)
        soon = ages < 0  # two digits for the year: 55 is 1955
        ages = np.where(soon & (ages >= -100) & _short_years(users[column]), ages + 100, ages)
    else:
        years, this = columns.numbers(users[column]), datetime.fromtimestamp(at, UTC).year
        years = np.where(years < 100, years + np.where(years > this % 100, 1900, 2000), years)  # 85, and 07
        ages = this - years
    text = pd.Series([f"{age:.0f}" if np.isfinite(age) else None for age in ages], index=users.index, dtype="str")
    return users.assign(**{column: text}).rename(columns={column: "age"})


def last_clock(moments: pd.Series | None) -> float | None:
    """The last of the times, in seconds since 1970, where they are such or milliseconds; else None."""
    if moments is None or not len(moments):
        return None
    last = float(moments.max())
    return {"seconds": last, "milliseconds": last / 1000}.get(times.unit_of(last, last))


def is_free_text(column: pd.Series) -> bool:
    """Whether cells are each person's own words, name or address: mostly different ones (or values between bars), most
    of them of several words, longer than a name of a group, or with an @."""
    known = columns.tidy(column)
    cells = known.dropna().astype("str")
    if len(cells) < _FEWEST_TEXTS or columns.in_numbers(known):
        return False
    different = cells.drop_duplicates().str.split("|").explode().str.strip().drop_duplicates()
    if len(different) <= 0.5 * len(cells) or looks_like_time(cells):
        return False
    told = different.str.contains(r"\S\s+\S", regex=True) | different.str.contains("@", regex=False)
    return bool((told | (different.str.len() > _LONG)).mean() > 0.5)
