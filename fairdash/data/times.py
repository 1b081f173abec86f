"""Times of any sortable kind → float64: seconds since 1970 for dates, the number itself, or the rank of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns

Unit = Literal["seconds", "milliseconds", "number", "rank"]

_DATES = (
    *("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y"),
    *("%d %B %Y", "%d-%b-%Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y"),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


@dataclass(frozen=True, eq=False)
class Times:
    """moments: float64 [n], NaN where there is none. unit: of one moment. note: how it was read, for people."""

    moments: NDArray[np.float64]
    unit: Unit
    note: str


def parse(column: pd.Series) -> Times:
    """Numbers stay numbers; dates become seconds since 1970 (UTC); any other text becomes its rank."""
    numeric = columns.numbers(column)
    told = column.notna().to_numpy()
    if not told.any():
        return Times(numeric, "number", "")
    if np.isfinite(numeric[told]).mean() >= columns.NUMERIC_SHARE:
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
    unique = pd.Series(column.dropna().unique(), dtype="str")
    parsed, note = _dates(unique)
    if parsed is not None:
        return Times(column.map(dict(zip(unique, _seconds(parsed), strict=True))).to_numpy(np.float64), "seconds", note)
    order = sorted(unique, key=columns.natural_key)
    ranks = {text: float(rank) for rank, text in enumerate(order)}
    return Times(
        column.map(ranks).to_numpy(np.float64), "rank", f"texts in their order, from {order[0]!r} to {order[-1]!r}"
    )


def _dates(unique: pd.Series) -> tuple[pd.Series | None, str]:
    """UTC dates of texts, where one way of writing fits nearly all of them; else None."""
    text = unique.str.strip()
    parsed = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    if parsed.notna().mean() >= columns.NUMERIC_SHARE:
        return parsed, "dates, year first"
    best, found = 0.0, None
    for day in _DATES:
        for clock in _CLOCKS:
            parsed = pd.to_datetime(text, format=day + clock, errors="coerce", utc=True)
            share = parsed.notna().mean()
            if share >= columns.NUMERIC_SHARE and share > best:  # day first may fit more than month first
                best, found = share, (parsed, day, clock)
            if best == 1.0:
                break
        if best == 1.0:
            break
    if found is None:
        return None, ""
    parsed, day, clock = found
    return parsed, f"dates written {day}{clock}{_doubt(text, day, clock)}"


def _doubt(text: pd.Series, day: str, clock: str) -> str:
    """A warning where the day may come before the month: 03/04 was taken as the fourth of March."""
    if not day.startswith(("%m/%d", "%m-%d")):
        return ""
    other = pd.to_datetime(text, format=f"%d{day[2]}%m{day[5:]}{clock}", errors="coerce", utc=True)
    return ", month first (day first would fit too)" if other.notna().mean() >= columns.NUMERIC_SHARE else ""


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
