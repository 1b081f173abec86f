"""The original MovieLens files, known by their shape as they come from the archive: no header, "|" or "::".

MovieLens-100K: u.data, u.user, u.item (19 genre flags); MovieLens-1M: ratings.dat, users.dat, movies.dat, whose age
and occupation codes become the labels of their README.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from fairdash.data.table import Table
from fairdash.schema import CATEGORIES, ITEM_ID, RATING, TIME, TITLE, USER_ID

GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
AGES = {"1": "under 18", "18": "18–24", "25": "25–34", "35": "35–44", "45": "45–49", "50": "50–55", "56": "56+"}
OCCUPATIONS = (
    *("other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service"),
    *("doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer", "programmer"),
    *("retired", "sales/marketing", "scientist", "self-employed", "technician/engineer", "tradesman/craftsman"),
    *("unemployed", "writer"),
)


def recognise(table: Table) -> tuple[Table, Literal["interactions", "users", "items"] | None]:
    """The table with its columns named, and the role it plays ("interactions", "users", "items"), where it is one of
    the six original files; else the table as it is, and None."""
    if table.header or table.separator not in ("\t", "|", "::"):
        return table, None
    frame, width = table.frame, table.frame.shape[1]
    if width == 4 and table.separator in ("\t", "::"):
        if _whole(frame) and _within(frame.iloc[:, 2], {"1", "2", "3", "4", "5"}):
            return replace(table, frame=frame.set_axis([USER_ID, ITEM_ID, RATING, TIME], axis=1)), "interactions"
    elif width == 5 and table.separator == "|" and _within(frame.iloc[:, 2], {"M", "F"}):
        return replace(
            table, frame=frame.set_axis([USER_ID, "age", "gender", "occupation", "zip_code"], axis=1)
        ), "users"
    elif width == 24 and table.separator == "|" and all(_within(frame.iloc[:, i], {"0", "1"}) for i in range(5, 24)):
        return replace(table, frame=_films_100k(frame)), "items"
    elif width == 5 and table.separator == "::" and _within(frame.iloc[:, 1], {"M", "F"}):
        return replace(table, frame=_people_1m(frame)), "users"
    elif width == 3 and table.separator == "::" and _whole(frame.iloc[:, :1]):
        named = frame.set_axis([ITEM_ID, TITLE, CATEGORIES], axis=1)
        return replace(table, frame=named.assign(release_year=_year(named[TITLE]))), "items"
    return table, None


def _whole(frame: pd.DataFrame) -> bool:
    return all(frame[column].str.fullmatch(r"\d+", na=False).all() for column in frame)


def _within(column: pd.Series, values: set[str]) -> bool:
    return bool(column.isin(values).all())


def _year(title: pd.Series) -> pd.Series:
    """The year at the end of a title: the film's own, where the file's date is that of its release on video."""
    return title.str.extract(r"\((\d{4})\)\s*$", expand=False)


def _films_100k(frame: pd.DataFrame) -> pd.DataFrame:
    flags = frame.iloc[:, 5:].to_numpy() == "1"
    names = np.array(GENRES, dtype=object)
    genres = ["|".join(names[row]) for row in flags]
    title = frame.iloc[:, 1]
    data = {ITEM_ID: frame.iloc[:, 0], TITLE: title, CATEGORIES: genres, "release_year": _year(title)}
    return pd.DataFrame(data, index=frame.index).astype("str")


def _people_1m(frame: pd.DataFrame) -> pd.DataFrame:
    user, gender, age, occupation, zip_code = (frame.iloc[:, i] for i in range(5))
    labels = {str(i): label for i, label in enumerate(OCCUPATIONS)}
    data = {
        USER_ID: user,
        "gender": gender,
        "age": age,  # the lower end of the band, so that it can be cut as a number
        "age_group": age.map(AGES),
        "occupation": occupation.map(labels),
        "zip_code": zip_code,
    }
    return pd.DataFrame(data, index=frame.index).astype("str")
