"""What column names and cells mean: names of roles, signs of a missing value, ages, numbers, dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Names by which a role is known, best first; compared without case, spaces, "_", "-" and RecBole's ":token" endings.
USER_NAMES = ("userid", "user", "uid", "personid", "person", "customerid", "customer", "memberid", "member", "viewerid")
ITEM_NAMES = (
    *(
        "itemid",
        "item",
        "iid",
        "movieid",
        "movie",
        "filmid",
        "film",
        "artistid",
        "artist",
        "trackid",
        "track",
        "songid",
    ),
    *("song", "bookid", "isbn", "productid", "product", "asin", "placeid", "restaurantid", "businessid", "articleid"),
    *("newsid", "gameid", "showid", "contentid", "jobid", "courseid", "recipeid", "videoid"),
)
RATING_NAMES = ("rating", "ratings", "stars", "score", "overall", "preference", "like", "liked", "label")
COUNT_NAMES = (
    *("count", "plays", "playcount", "playscount", "listens", "listencount", "clicks", "views", "watchcount", "weight"),
    *("frequency", "quantity", "purchases", "visits", "scrobbles"),
)
TIME_NAMES = ("timestamp", "time", "datetime", "date", "position", "order", "sequence", "ts", "createdat", "ratedat")
TITLE_NAMES = ("title", "movietitle", "name", "itemname", "artistname", "trackname", "booktitle", "label")
CATEGORY_NAMES = ("categories", "category", "genres", "genre", "tags", "class", "topics", "topic", "cuisine", "subject")

# A cell that says "nothing is here". "NA" is Namibia and "none" can be an answer, so neither is among them.
MISSING_MARKS = frozenset(
    {"?", "n/a", "#n/a", "nan", "null", "\\n", "-", "--", "unknown", "(unknown)", "not available", "undefined", "<na>"}
)
OLDEST = 110  # years; an age above it, or below 1, is a slip of the keyboard or stands for "not told"
NUMERIC_SHARE = 0.95  # of the values that are there, for a column to count as numeric
_BELOW = re.compile(r"(?:under|below|less than|<|up to)\W*(?=\d)")


def plain(name: str) -> str:
    """A column name without case, spaces and punctuation: "User ID" and "user_id:token" are "userid"."""
    return re.sub(r"[^0-9a-z]", "", name.casefold().split(":")[0])


def names(frame: pd.DataFrame) -> list[str]:
    """The columns' names."""
    return [str(column) for column in frame.columns]


def is_age(name: str) -> bool:
    """Whether a column of this name holds ages in years."""
    return plain(name) in {"age", "userage", "ageyears", "customerage", "artistage", "creatorage"}


def is_identifier(name: str) -> bool:
    """Whether a name says that the column tells single people or items apart, so that groups of it mean nothing."""
    key = plain(name)
    ends = ("id", "sha", "hash", "mbid", "url", "uri", "email", "phone", "zip", "zipcode", "postalcode", "postcode")
    return key.endswith(ends) or key in {"name", "title", "latitude", "longitude", "lat", "lon", "lng", "address", "ip"}


def tidy(column: pd.Series) -> pd.Series:
    """Text [n] without outer and repeated inner spaces; a missing-value mark and an empty cell become missing."""
    codes, values = pd.factorize(column.astype("str"))  # attributes have few different cells: each is looked at once
    text = pd.Series(values, dtype="str").str.strip().str.replace(r"\s+", " ", regex=True)
    text = text.mask((text == "") | text.str.casefold().isin(MISSING_MARKS))
    return pd.Series(text.array.take(codes, allow_fill=True), index=column.index, name=column.name)


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """float64 [n]; NaN for a cell that is empty or no finite number."""
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(np.float64, na_value=np.nan)
    else:
        text = pa.array(column.astype("str"), from_pandas=True)
        try:
            values = pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:  # some cell is no number: the slow way tells which
            values = pd.to_numeric(column.astype("str").str.strip(), errors="coerce").to_numpy(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def is_numeric(column: pd.Series) -> bool:
    """Whether nearly all values that are there are numbers (missing-value marks count as not there)."""
    codes, values = pd.factorize(tidy(column))
    told = codes[codes >= 0]
    return len(told) > 0 and bool(np.isfinite(numbers(pd.Series(values)))[told].mean() >= NUMERIC_SHARE)


def natural_key(text: str) -> tuple[object, ...]:
    """Sorts "week 2" before "week 10", and "under 18" and "<18" before "18–24"."""
    key = text.casefold().strip()
    below = 0 if _BELOW.match(key) else 1
    parts = re.split(r"(\d+)", _BELOW.sub("", key))
    return (*((0, int(part), below) if part.isdecimal() else (1, part, below) for part in parts if part), (2, text))


def impossible(column: pd.Series, name: str) -> np.ndarray:
    """bool [n]: ages outside 1…110 and years of birth outside the last 110 years, by the column's name."""
    values = numbers(column)
    with np.errstate(invalid="ignore"):
        if is_age(name):
            told = tidy(column).notna().to_numpy()
            wrong = told & ~np.isfinite(values)
            words = wrong.sum() > 0.5 * told.sum()  # bands such as "18–24": no ages in years at all
            return np.asarray((values < 1) | (values > OLDEST) | (wrong & (not words)))
        year = datetime.now(UTC).year
        if plain(name) in {"birthyear", "yearofbirth", "yob"}:
            return np.asarray((values < year - OLDEST) | (values > year))
    return np.zeros(len(column), dtype=bool)
