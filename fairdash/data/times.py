"""Times of any kind → float64: seconds since 1970 for dates, the number itself, or the rank of counted texts.

Words around a date ("Posted August 01, 2014."), weekdays, clocks and zones are read; text that is no known date has no
order unless a person says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns
from fairdash.errors import ConfigError

Unit = Literal["seconds", "milliseconds", "number", "rank", "unknown"]

TEXT = "text"  # the format of texts that are ordered as they stand, numbers in them counted
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m %d %Y")
_DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y", "%d %m %Y")
_DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", *_MONTH_FIRST, *_DAY_FIRST, "%b %d %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y"),
    *("%d-%b-%Y", "%d-%b-%y", "%d.%m.%y", "%Y %b %d", "%d %b %y", "%Y.%m.%d", "%Y %m %d", "%b-%d-%Y", "%Y-%b-%d"),
    *("%d%b%Y", "%b %Y", "%B %Y", "%m/%Y"),
)
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d+)?))?\s*(?:(?P<half>[ap])\.?m\b\.?)?"
    r"\s*(?:(?P<sign>[+-])(?P<zone_hour>\d{2}):?(?P<zone_minute>\d{2})\b)?"
)
_ONLY_CLOCK = r"\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*"
_COUNTED = r"[^\d+-]*[^\W\d][^\d+-]*\d+"  # "week 10": one number, which counts on; "3 days ago" counts back
# Months in other languages, where their first letters are not the English ones or lead on to other words.
_ELSEWHERE = {
    "jan": "enero janvier janv januar jänner gennaio janeiro ene gen",
    "feb": "febrero février févr febbraio fevereiro fev",
    "mar": "marzo mars märz março mrz mär",
    "apr": "abril avril avr aprile abr",
    "may": "mayo mai maggio maio mag",
    "jun": "junio juin juni giugno junho giu",
    "jul": "julio juillet juil juli luglio julho lug",
    "aug": "agosto août ago",
    "sep": "septiembre septembre settembre setembro sept set",
    "oct": "octubre octobre oktober ottobre outubro okt ott out",
    "nov": "noviembre novembre novembro",
    "dec": "diciembre décembre dezember dicembre dezembro dic déc dez",
}


@dataclass(frozen=True, eq=False)
class Times:
    """moments: float64 [n], NaN where there is none. unit: of one moment; "unknown" where texts have no order. note:
    how it was read, for people. formats: ways of reading that fit as well, the one in use first."""

    moments: NDArray[np.float64]
    unit: Unit
    note: str
    formats: tuple[str, ...] = ()


def parse(column: pd.Series, format: str = "") -> Times:
    """Numbers stay numbers; dates become seconds since 1970 (UTC); texts that count ("week 10") become their rank.

    format: "seconds", "milliseconds", "number", "text", or the way a date is written, such as %d/%m/%Y; "": guessed.
    Raises ConfigError for a format that fits no cell.
    """
    numeric = columns.numbers(column)
    told = column.notna().to_numpy()
    if not told.any():
        return Times(numeric, "number", "")
    if format in ("seconds", "milliseconds", "number"):
        return Times(numeric, format, f"{format} as chosen")  # type: ignore[arg-type]
    if not format and np.isfinite(numeric[told]).mean() >= columns.NUMERIC_SHARE:
        return _of_numbers(column, numeric, told)
    unique = pd.Series(column.dropna().unique(), dtype="str")
    if format and format != TEXT:
        parsed = _seconds(pd.to_datetime(unique.str.strip(), format=format, errors="coerce", utc=True))
        if np.isnan(parsed).all():
            _, dates, _ = _parts(unique)
            parsed = _dated(unique, dates, format)
        if np.isnan(parsed).all():
            raise ConfigError(
                f"No time is written {format}; the first is {unique.iloc[0]!r}.",
                "Write the format as in %d/%m/%Y %H:%M, or give one of seconds, milliseconds, number, text.",
            )
        return Times(_spread(column, unique, parsed), "seconds", f"dates written {format}, as chosen")
    if format != TEXT:
        dated, note, formats = _dates(unique)
        if dated is not None:
            return Times(_spread(column, unique, dated), "seconds", note, formats)
    around = unique.str.strip().str.replace(r"\d+", "\0", regex=True)
    if format == TEXT or (unique.str.fullmatch(_COUNTED).all() and (around == around.iloc[0]).all()):
        order = sorted(unique, key=columns.natural_key)
        place = {text: float(rank) for rank, text in enumerate(order)}
        ranks = unique.map(place).to_numpy(np.float64)
        return Times(
            _spread(column, unique, ranks), "rank", f"texts in their order, from {order[0]!r} to {order[-1]!r}"
        )
    none = np.full(len(column), np.nan)
    return Times(none, "unknown", f"texts such as {unique.iloc[0]!r} are no dates that are known")


def is_clock(column: pd.Series) -> bool:
    """Whether the first cells are times of day without a date."""
    told = column.dropna().head(200)
    return len(told) > 0 and bool(told.str.fullmatch(_ONLY_CLOCK).all())


def _of_numbers(column: pd.Series, numeric: NDArray[np.float64], told: NDArray[np.bool_]) -> Times:
    used = numeric[np.isfinite(numeric)]
    if ((used > 19_000_100) & (used < 21_001_232) & (used == np.rint(used))).all():
        dates = pd.to_datetime(column, format="%Y%m%d", errors="coerce", utc=True)
        if dates[told].notna().all():
            return Times(_seconds(dates), "seconds", "dates such as 20200131")
    if used.min() > 1e8 and used.max() < 5e9:
        return Times(numeric, "seconds", "seconds since 1970")
    if used.min() > 1e11 and used.max() < 5e12:
        return Times(numeric, "milliseconds", "milliseconds since 1970")
    return Times(numeric, "number", "numbers")


def _spread(column: pd.Series, unique: pd.Series, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return column.map(dict(zip(unique, values, strict=True))).to_numpy(np.float64)


def _dates(unique: pd.Series) -> tuple[NDArray[np.float64] | None, str, tuple[str, ...]]:
    """Seconds of texts, where one way of writing a date fits nearly all of them; else None. And how, and what else."""
    iso = pd.to_datetime(unique.str.strip(), format="ISO8601", errors="coerce", utc=True)
    if iso.notna().mean() >= columns.NUMERIC_SHARE:
        return _seconds(iso), "dates, year first", ()
    _, dates, words = _parts(unique)
    if (dates == "").all():
        return None, "", ()
    shares: dict[str, float] = {}
    for format in _DATES:
        share = float(pd.to_datetime(dates, format=format, errors="coerce").notna().mean())
        if share >= columns.NUMERIC_SHARE:
            shares[format] = share
    if not shares:
        return None, "", ()
    best = max(shares.values())
    formats = tuple(format for format, share in shares.items() if share == best)
    format = formats[0]
    note = f"dates written {format}" + (", without the words around them" if words else "")
    # 03/04 is the fourth of March to some and the third of April to others.
    other = [f for f in formats if format in _MONTH_FIRST and f in _DAY_FIRST]
    if other:
        note += ", month first (day first would fit too)"
    return _dated(unique, dates, format), note, (format, *other) if other else ()


def _parts(unique: pd.Series) -> tuple[pd.Series, pd.Series, bool]:
    """Texts in small letters; what is left of them as a date without clock, zone, weekdays, other words and marks; and
    whether there were such words."""
    text = unique.str.strip().str.casefold()
    text = text.str.replace(r"[年月]", "-", regex=True).str.replace(r"日", " ", regex=False)
    date = text.str.replace(_CLOCK, " ", regex=True).str.replace(r"(?<=\d)t(?=\s|$)", " ", regex=True)
    date = date.str.replace(r"\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b", " ", regex=True)
    date = date.str.replace(r"(?<=\d)(?:st|nd|rd|th)\b", "", regex=True)
    for month, names in _ELSEWHERE.items():
        date = date.str.replace(rf"\b(?:{'|'.join(names.replace('.', '').split())})\b", month, regex=True)
    bare = date.str.replace(rf"\b(?!(?:{_MONTHS})[a-z]*\b)[^\W\d]+\b", " ", regex=True)
    words = bool((bare != date).any())
    bare = bare.str.replace(r"[,()\[\]|]|\.(?=\s|$)|(?<=[a-z])\.", " ", regex=True)
    return text, bare.str.replace(r"\s+", " ", regex=True).str.strip(" -:"), words


def _dated(unique: pd.Series, dates: pd.Series, format: str) -> NDArray[np.float64]:
    """Seconds since 1970 of the dates and of the clocks and zones beside them."""
    clock = unique.str.casefold().str.extract(_CLOCK)
    number = {part: columns.numbers(clock[part]) for part in ("hour", "minute", "second", "zone_hour", "zone_minute")}
    told = {part: np.nan_to_num(values) for part, values in number.items()}
    half = clock["half"].to_numpy(object)
    hour = np.where(half == "p", told["hour"] % 12 + 12, np.where(half == "a", told["hour"] % 12, told["hour"]))
    east = np.where(clock["sign"].to_numpy(object) == "-", -1.0, 1.0)
    zone = east * (3600 * told["zone_hour"] + 60 * told["zone_minute"])
    day = _seconds(pd.to_datetime(dates, format=format, errors="coerce", utc=True))
    moments: NDArray[np.float64] = day + 3600 * hour + 60 * told["minute"] + told["second"] - zone
    return moments


def _seconds(dates: pd.Series) -> NDArray[np.float64]:
    # Microseconds reach from the year -290000 to 294000; nanoseconds, the default of a Timestamp, end in 2262.
    micro = dates.dt.tz_convert(None).to_numpy("datetime64[us]")
    return np.where(np.isnat(micro), np.nan, micro.astype(np.int64) / 1e6)


def moment(text: str) -> float | None:
    """Seconds since 1970 (UTC) of an ISO date such as 2003-01-31 or 2003-01-31T12:00; None if it is none."""
    try:
        date = pd.to_datetime(text, format="ISO8601", utc=True)
    except ValueError:
        return None
    return float(_seconds(pd.Series([date]))[0])


def within(found: NDArray[np.float64], unit: str, start: str, end: str, name: str) -> NDArray[np.bool_]:
    """Which times [n] lie from `start` to `end`, both included and each "" for none: dates, of which 2003 is the whole
    year and 2003-01 the whole month, or numbers in the column's own unit. Raises ConfigError for what is neither, and
    where nothing lies there."""
    inside = np.isfinite(found)
    scale = 1000.0 if unit == "milliseconds" else 1.0
    for text, last in ((start, False), (end, True)):
        if not text:
            continue
        span = _span(text) if unit in ("seconds", "milliseconds") else None
        if span is not None:
            inside &= found < span[1] * scale if last else found >= span[0] * scale
            continue
        try:
            number = float(text)
        except ValueError as error:
            kind = "date" if unit in ("seconds", "milliseconds") else f"number as the times of {name} are"
            raise ConfigError(f"{text!r} is no {kind}.", "Write a date as 2020-01-31, or a number.") from error
        inside &= found <= number if last else found >= number
    if not inside.any():
        told = found[np.isfinite(found)]
        low, high = (shown(end, unit) for end in (told.min(), told.max())) if len(told) else ("nothing", "nothing")
        asked = " ".join(word for word in (f"from {start}" if start else "", f"to {end}" if end else "") if word)
        raise ConfigError(f"No row of {name} lies {asked}.", f"Its times go from {low} to {high}.")
    return inside


def shown(time: float, unit: str) -> str:
    """A moment for people: a date, or the number."""
    if unit not in ("seconds", "milliseconds"):
        return f"{time:g}"
    return str(np.datetime64(int(time / (1000 if unit == "milliseconds" else 1)), "s"))


def _span(text: str) -> tuple[float, float] | None:
    """The first second of a date, and the first one after it; a clock is one second long."""
    first = moment(text)
    if first is None:
        return None
    length = {4: pd.DateOffset(years=1), 7: pd.DateOffset(months=1), 10: pd.DateOffset(days=1)}.get(len(text.strip()))
    if length is None:
        return first, first + 1
    return first, (pd.Timestamp(first, unit="s") + length).timestamp()
