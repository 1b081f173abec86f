"""Times of any kind → float64: seconds since 1970 for dates, the number itself, or the rank of counted texts.

Words around a date ("Posted August 01, 2014."), weekdays, clocks and zones are read; text that is no known date has no
order unless a person says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns, words
from fairdash.errors import ConfigError

Unit = Literal["seconds", "milliseconds", "number", "rank", "unknown"]

TEXT = "text"  # the format of texts that are ordered as they stand, numbers in them counted
_DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m %d %Y", "%d/%m/%Y", "%d-%m-%Y"),
    *("%d/%m/%y", "%d %m %Y", "%y/%m/%d", "%b %d %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d.%m.%y", "%y.%m.%d"),
    *("%Y %b %d", "%d %b %y", "%Y.%m.%d", "%Y %m %d", "%b-%d-%Y", "%Y-%b-%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d"),
    *("%d%b%Y", "%b %Y", "%m/%Y", "%d/%b/%Y", "%G-w%V-%u"),
)
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_CLOCK = (
    r"(?P<hour>\d{1,2})(?::|h)(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d+)?))?\s*(?:(?P<half>[ap])\.?m\b\.?)?"
    r"\s*(?:(?P<sign>[+-])(?P<zone_hour>\d{2}):?(?P<zone_minute>\d{2})\b)?"
)
# Halves of the day in other languages, before the clock or behind it; and marks with a space in them.
_BEFORE_NOON, _AFTER_NOON = "上午|午前|오전|凌晨|早上", "下午|午後|오후|晚上"
_HALVES = tuple(
    (re.compile(rf"(?:{words})\s*(\d{{1,2}}(?::|h)\d{{2}}(?::\d{{2}}(?:\.\d+)?)?)"), rf"\1 {mark}")
    for words, mark in ((_BEFORE_NOON, "am"), (_AFTER_NOON, "pm"))
)
_ZONES = {  # hours east of Greenwich
    **{"ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "mez": 1, "cest": 2, "mesz": 2, "eet": 2},
    **{"eest": 3, "msk": 3, "jst": 9, "kst": 9, "hkt": 8, "sgt": 8, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13},
    **{"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "akst": -9, "akdt": -8},
    **{"hst": -10, "brt": -3, "art": -3},
}
_FARTHEST = 15 * 3600  # seconds: no zone is as far from Greenwich
_ZONE = rf"\d\s*(?:[ap]m)?\s*\b(?P<zone>{'|'.join(_ZONES)})\b"
_ONLY_CLOCK = r"\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*"
# "week 10": one number, which counts on, or a year and then one ("2014-W07"); "3 days ago" counts back.
_COUNTED = r"[^\d+-]*[^\W\d][^\d+-]*\d+|(?:19|20)\d\d[^\d]*[^\W\d][^\d]*\d{1,2}"
_AGO = r"(?:about |almost |over )?(?P<count>\d+|an?) (?P<unit>second|minute|hour|day|week|month|year)s? ago"
_LENGTHS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2629746, "year": 31556952}
# Months in other languages, where their first letters are not the English ones or lead on to other words.
_ELSEWHERE = {
    "jan": "enero janvier janv januar jänner gennaio janeiro januari ene gen января январь ocak styczeń stycznia",
    "feb": "febrero février févr febbraio fevereiro februari fev февраля февраль şubat luty lutego",
    "mar": "marzo mars märz março maart mrz mär марта март mart marzec marca",
    "apr": "abril avril avr aprile abr апреля апрель nisan kwiecień kwietnia",
    "may": "mayo mai maggio maio mei maj mag мая май mayıs maja",
    "jun": "junio juin juni giugno junho giu июня июнь haziran czerwiec czerwca",
    "jul": "julio juillet juil juli luglio julho lug июля июль temmuz lipiec lipca",
    "aug": "agosto août augustus augusti ago августа август ağustos sierpień sierpnia",
    "sep": "septiembre septembre settembre setembro sept set сентября сентябрь eylül wrzesień września",
    "oct": "octubre octobre oktober ottobre outubro okt ott out октября октябрь ekim październik października",
    "nov": "noviembre novembre novembro ноября ноябрь kasım listopad listopada",
    "dec": "diciembre décembre dezember dicembre dezembro dic déc dez декабря декабрь aralık grudzień grudnia",
}
_WEEKDAYS = (
    r"mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b|\b(?:montag|dienstag|mittwoch|donnerstag|freitag|"
    r"samstag|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|"
    r"domingo|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag"
)


@dataclass(frozen=True, eq=False)
class Times:
    """moments: float64 [n], NaN where there is none. unit: of one moment; "unknown" where texts have no order. note:
    how it was read, for people. formats: ways of reading that fit as well, the one in use first. halved: where clocks
    go from 1 to 12 and nothing says whether before or after noon, the format that reads them all the same; else ""."""

    moments: NDArray[np.float64]
    unit: Unit
    note: str
    formats: tuple[str, ...] = ()
    halved: str = ""


def parse(column: pd.Series, format: str = "") -> Times:
    """Numbers stay numbers; dates become seconds since 1970 (UTC); texts that count ("week 10") become their rank.

    format: "seconds", "milliseconds", "number", "text", or the way a date is written, such as %d/%m/%Y; "": guessed.
    Raises ConfigError for a format that fits no cell.
    """
    told = column.notna().to_numpy()
    if not pd.api.types.is_numeric_dtype(column.dtype) and column.head(20).str.match(r"/Date\(-?\d").any():
        column = column.str.replace(r"^/Date\((-?\d+)(?:[+-]\d{4})?\)/$", r"\1", regex=True)  # of JSON from .NET
    numeric = columns.numbers(column)
    if not told.any():
        return Times(numeric, "number", "")
    if format in ("seconds", "milliseconds", "number"):
        return Times(numeric, format, words.say("{format}, as chosen", format=format))  # type: ignore[arg-type]
    if not format and (np.isfinite(numeric) & told).sum() / told.sum() >= columns.NUMERIC_SHARE:
        return _of_numbers(column, numeric, told)
    unique = pd.Series(column.dropna().unique(), dtype="str")
    if format and format != TEXT:
        try:
            parsed = _seconds(pd.to_datetime(unique.str.strip(), format=format, errors="coerce", utc=True))
        except ValueError as error:
            raise ConfigError(
                words.say("{format} is no way to write a time: {error}.", format=repr(format), error=error),
                "Write the format as in %d/%m/%Y %H:%M, or give one of seconds, milliseconds, number, text.",
            ) from error
        if np.isnan(parsed).all():
            text, dates, _ = _parts(unique)
            parsed = _dated(text, dates, format.replace("%B", "%b"))
        if np.isnan(parsed).all():
            raise ConfigError(
                words.say(
                    "No time is written {format}; the first is {value}.", format=format, value=repr(unique.iloc[0])
                ),
                "Write the format as in %d/%m/%Y %H:%M, or give one of seconds, milliseconds, number, text.",
            )
        return Times(
            _spread(column, unique, parsed), "seconds", words.say("dates written {format}, as chosen", format=format)
        )
    if format != TEXT:
        ago = unique.str.strip().str.casefold().str.extract(f"^{_AGO}$")
        if ago["unit"].notna().all():
            counts = columns.numbers(ago["count"].replace(["a", "an"], "1"))
            moments = -counts * ago["unit"].map(_LENGTHS).to_numpy(np.float64)
            return Times(_spread(column, unique, moments), "number", words.say("how long ago it was, in seconds"))
        dated, note, formats = _dates(unique)
        if dated is not None:
            others = formats if len(formats) > 1 else ()
            halved = formats[0] if _is_halved(unique) else ""
            return Times(_spread(column, unique, dated), "seconds", note, others, halved)
    around = unique.str.strip().str.replace(r"\d+", "\0", regex=True)
    if format == TEXT or (unique.str.fullmatch(_COUNTED).all() and (around == around.iloc[0]).all()):
        order = sorted(unique, key=columns.natural_key)
        place = {text: float(rank) for rank, text in enumerate(order)}
        ranks = unique.map(place).to_numpy(np.float64)
        note = words.say("texts in their order, from {first} to {last}", first=repr(order[0]), last=repr(order[-1]))
        return Times(_spread(column, unique, ranks), "rank", note)
    none = np.full(len(column), np.nan)
    return Times(none, "unknown", words.say("texts such as {text} are no known dates", text=repr(unique.iloc[0])))


def is_clock(column: pd.Series) -> bool:
    """Whether the first cells are times of day without a date."""
    told = column.dropna().head(200)
    return len(told) > 0 and bool(told.str.fullmatch(_ONLY_CLOCK).all())


def _of_numbers(column: pd.Series, numeric: NDArray[np.float64], told: NDArray[np.bool_]) -> Times:
    used = numeric[np.isfinite(numeric)]
    for format, low, example in (
        ("%Y%m%d", 19_000_101, "20200131"),
        ("%Y%m%d%H%M", 190_001_010_000, "202001312359"),
        ("%Y%m%d%H%M%S", 19_000_101_000_000, "20200131235959"),
    ):
        if ((used >= low) & (used < 1.106 * low)).all() and (used == np.rint(used)).all():
            dates = pd.to_datetime(column.str.strip(), format=format, errors="coerce", utc=True)
            if dates[told].notna().all():
                return Times(_seconds(dates), "seconds", words.say("dates such as {example}", example=example))
    # 0 and -1 beside seconds since 1970 stand for no time.
    real, marks = numeric, used[used <= 0]
    if len(marks) and np.isin(marks, (0, -1)).all():
        real = np.where(numeric > 0, numeric, np.nan)
        used = real[np.isfinite(real)]
    if len(used) and used.min() > 1e8 and used.max() < 5e9:
        return Times(real, "seconds", words.say("seconds since 1970"))
    if len(used) and used.min() > 1e11 and used.max() < 5e12:
        return Times(real, "milliseconds", words.say("milliseconds since 1970"))
    for scale, what in zip((1e6, 1e9), words.several("microseconds since 1970", "nanoseconds since 1970"), strict=True):
        if len(used) and used.min() > 1e8 * scale and used.max() < 5e9 * scale:
            return Times(real / scale, "seconds", words.say(what))
    return Times(numeric, "number", words.say("numbers"))


def _is_halved(unique: pd.Series) -> bool:
    """Whether the clocks of many texts show all hours from 1 to 12 and no other, none with a half of the day."""
    text, _, _ = _parts(unique.head(5000))
    clock = text.str.extract(_CLOCK)
    hours = columns.numbers(clock["hour"]).tolist()
    told = {hour for hour in hours if np.isfinite(hour)}
    return bool(clock["half"].isna().all()) and len(unique) >= 50 and told == set(range(1, 13))


def _spread(column: pd.Series, unique: pd.Series, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return column.map(dict(zip(unique, values, strict=True))).to_numpy(np.float64)


def _dates(unique: pd.Series) -> tuple[NDArray[np.float64] | None, str, tuple[str, ...]]:
    """Seconds of texts, where one way of writing a date fits nearly all of them; else None. And how; and in which
    formats, the one in use first."""
    iso = pd.to_datetime(unique.str.strip(), format="ISO8601", errors="coerce", utc=True)
    if iso.notna().mean() >= columns.NUMERIC_SHARE:
        return _seconds(iso), words.say("dates, year first"), ("%Y-%m-%d",)
    text, dates, worded = _parts(unique)
    # Every way has two parts at least; a year alone, as titles of films have it, need not be tried in all of them.
    if (dates.str.count(r"\d+|[a-z]+") >= 2).mean() < columns.NUMERIC_SHARE:
        return None, "", ()
    shares: dict[str, float] = {}
    for format in _DATES:
        share = float(pd.to_datetime(dates, format=format, errors="coerce").notna().mean())
        if share >= columns.NUMERIC_SHARE:
            shares[format] = share
    if not shares:
        return None, "", ()
    best = max(shares.values())
    # 03/04/05 is a day of April, of March or of May; the way in which the dates lie closest together is the likely one.
    spans = {format: _span_of(dates, format) for format, share in shares.items() if share == best}
    formats = tuple(sorted(spans, key=lambda format: spans[format] > 1.5 * min(spans.values())))
    note = words.say("dates written {format}", format=formats[0])
    if worded:
        note = words.say("dates written {format}, without the words around them", format=formats[0])
    if len(formats) > 1:
        note = words.say("{note} ({formats} would fit too)", note=note, formats=words.say(" or ").join(formats[1:]))
    return _dated(text, dates, formats[0]), note, formats


def _span_of(dates: pd.Series, format: str) -> float:
    """Days from the first to the last of the dates, where they are written so."""
    read = pd.to_datetime(dates, format=format, errors="coerce")
    return float((read.max() - read.min()).days) + 1.0


def _parts(unique: pd.Series) -> tuple[pd.Series, pd.Series, bool]:
    """Texts in small letters; what is left of them as a date without clock, zone, weekdays, other words and marks; and
    whether there were such words."""
    text = unique.str.strip().str.casefold()
    text = text.str.replace(r"\b([ap])\.?\s?m\.", r"\1m", regex=True)
    text = text.str.replace(r"(\d{1,2})\.(\d{2})\.(\d{2})(?=[\d.]*\s*[ap]m\b)", r"\1:\2:\3", regex=True)  # of Oracle
    text = text.str.replace(r"(?<=[a-z]/\d{4}):(?=\d{1,2}:)", " ", regex=True)  # 15/Nov/2023:09:18:58 of web servers
    for pattern, put in _HALVES:
        text = text.str.replace(pattern, put, regex=True)
    text = text.str.replace(r"(\d+)\s*[時时시点]\s*(\d+)\s*[分분](?:\s*(\d+)\s*[秒초])?", _eastern_clock, regex=True)
    text = text.str.replace(r"[年월月년]\s*", "-", regex=True).str.replace(r"[日일]", " ", regex=True)
    date = text.str.replace(_CLOCK, " ", regex=True).str.replace(r"(?<=\d)t(?=\s|$)", " ", regex=True)
    date = date.str.replace(rf"\b(?:{_WEEKDAYS})\b", " ", regex=True)
    date = date.str.replace(r"(?<=\d)(?:st|nd|rd|th)\b", "", regex=True)
    for month, names in _ELSEWHERE.items():
        date = date.str.replace(rf"\b(?:{'|'.join(names.replace('.', '').split())})\b", month, regex=True)
    date = date.str.replace(rf"\b({_MONTHS})[a-z]*\b", r"\1", regex=True)
    bare = date.str.replace(rf"\b(?!(?:{_MONTHS})\b)[^\W\d]+\b", " ", regex=True)
    words = bool((bare != date).any())
    bare = bare.str.replace(r"[,()\[\]|]|\.(?=\s|$)|(?<=[a-z])\.", " ", regex=True)
    return text, bare.str.replace(r"\s+", " ", regex=True).str.strip(" -:"), words


def _eastern_clock(found: re.Match[str]) -> str:
    hour, minute, second = found.groups()
    return f" {hour}:{minute:0>2}:{second or '0':0>2}"


def _dated(text: pd.Series, dates: pd.Series, format: str) -> NDArray[np.float64]:
    """Seconds since 1970 of the dates and of the clocks and zones beside them."""
    clock = text.str.extract(_CLOCK)
    number = {part: columns.numbers(clock[part]) for part in ("hour", "minute", "second", "zone_hour", "zone_minute")}
    told = {part: np.nan_to_num(values) for part, values in number.items()}
    half = clock["half"].to_numpy(object)
    hour = np.where(half == "p", told["hour"] % 12 + 12, np.where(half == "a", told["hour"] % 12, told["hour"]))
    east = np.where(clock["sign"].to_numpy(object) == "-", -1.0, 1.0)
    zone = east * (3600 * told["zone_hour"] + 60 * told["zone_minute"])
    zone = zone + 3600 * np.nan_to_num(text.str.extract(_ZONE)["zone"].map(_ZONES).to_numpy(np.float64))
    day = _seconds(pd.to_datetime(dates, format=format, errors="coerce", utc=True))
    moments: NDArray[np.float64] = day + 3600 * hour + 60 * told["minute"] + told["second"] - zone
    return np.where(np.abs(zone) > _FARTHEST, np.nan, moments)


def _seconds(dates: pd.Series) -> NDArray[np.float64]:
    # Microseconds reach from the year -290000 to 294000; nanoseconds, the default of a Timestamp, end in 2262.
    micro = dates.dt.tz_convert(None).to_numpy("datetime64[us]")
    return np.where(np.isnat(micro), np.nan, micro.astype(np.int64) / 1e6)


def moment(text: str) -> float | None:
    """Seconds since 1970 (UTC) of an ISO date such as 2003-01-31 or 2003-01-31T12:00; None if it is none."""
    try:
        date = pd.to_datetime(text, format="ISO8601", utc=True)
    except (ValueError, OverflowError):
        return None
    return None if pd.isna(date) else float(_seconds(pd.Series([date]))[0])


def span(start: str, end: str) -> str:
    """A time from `start` to `end`, each "" for none, in words."""
    if start and end:
        return words.say("from {start} to {end}", start=start, end=end)
    return words.say("from {start} on", start=start) if start else words.say("up to {end}", end=end)


def within(found: NDArray[np.float64], unit: str, start: str, end: str, name: str) -> NDArray[np.bool_]:
    """Which times [n] lie from `start` to `end`, both included and each "" for none: dates, of which 2003 is the whole
    year and 2003-01 the whole month, or numbers in the column's own unit. Raises ConfigError for what is neither, and
    where nothing lies there."""
    inside = np.isfinite(found)
    scale = 1000.0 if unit == "milliseconds" else 1.0
    for text, last in ((start, False), (end, True)):
        if not text:
            continue
        dates = _span(text) if unit in ("seconds", "milliseconds") else None
        if dates is not None:
            inside &= found < dates[1] * scale if last else found >= dates[0] * scale
            continue
        try:
            number = float(text)
        except ValueError as error:
            message = words.say("{text} is no number as the times of {name} are.", text=repr(text), name=name)
            if unit in ("seconds", "milliseconds"):
                message = words.say("{text} is no date.", text=repr(text))
            raise ConfigError(message, "Write a date as 2020-01-31, or a number.") from error
        inside &= found <= number if last else found >= number
    if not inside.any():
        told = found[np.isfinite(found)]
        low, high = (shown(end, unit) for end in (told.min(), told.max())) if len(told) else 2 * (words.say("nothing"),)
        asked = span(start, end)
        raise ConfigError(
            words.say("No row of {name} lies {asked}.", name=name, asked=asked),
            words.say("Its times go from {low} to {high}.", low=low, high=high),
        )
    return inside


def unit_of(low: float, high: float) -> str:
    """The unit of times that lie between these, where nobody said it: seconds or milliseconds since 1970 of dates of
    people who are alive, else "number"."""
    if low > 1e8 and high < 5e9:
        return "seconds"
    return "milliseconds" if low > 1e11 and high < 5e12 else "number"


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
