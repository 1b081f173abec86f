"""What a file is once it is read: a table of text. Every step after the reading takes one and gives one.

Every cell stays the text that it is in the file ("NA", 007 and 9007199254740993 included); an empty cell is missing.
The index of a table is the row number in the file, header included, so that a finding can point at it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.data.findings import Finding
from fairdash.errors import DataError

Source = str | Path | tuple[str, bytes]  # a path, or the name and content of an uploaded file

SHOWN = 200  # cells of a column that are looked at for examples of it
SPACE = " "  # any run of spaces and tabs
SEPARATORS = ("::", "\t", ",", ";", "|")
SEPARATOR_TITLES = dict(
    zip(
        ("\t", ",", ";", "|", "::", SPACE),
        words.several("tab", "comma", "semicolon", "pipe", "double colon", "white space"),
        strict=True,
    )
)


@dataclass(frozen=True)
class Reading:
    """How to read one file, where the guess is wrong; None: guess. header: whether the first row holds names. person:
    the column of the person, by which lists in cells are laid out."""

    separator: str | None = None
    encoding: str | None = None
    header: bool | None = None
    person: str | None = None


@dataclass(frozen=True, eq=False)
class Table:
    """A file as text. frame: str columns, missing where empty; its index is the row number in the file."""

    name: str
    frame: pd.DataFrame
    separator: str  # or what the file is: "parquet", "json", "json lines", "python", "blocks"
    encoding: str
    header: bool
    blank_rows: int = 0
    spaced: tuple[str, ...] = ()  # columns whose cells are lists cut by spaces (RecBole's ":token_seq")
    notes: tuple[Finding, ...] = ()  # what was seen or decided while it was read
    folders: tuple[str, ...] = ()  # columns that the names of its folders tell (Hive's "year=2023")
    empty: pd.DataFrame | None = None  # rows of lists in cells that hold an empty one, without the lists
    longer: int = 0  # rows that there were, where `frame` holds the first ones alone

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return self.longer or len(self.frame)

    def brief(self) -> Table:
        """The rows in which each column first holds something, `SHOWN` for each: all that is ever shown."""
        told = [_first(self.frame[column]) for column in self.frame]
        kept = np.unique(np.concatenate([np.arange(min(SHOWN, len(self.frame))), *told]))
        if len(kept) == len(self.frame):
            return self
        near = self.frame.iloc[: int(kept[-1]) + 1].iloc[kept]  # Arrow joins all parts of a column to take some cells
        return replace(self, frame=near.map(str, na_action="ignore").astype("str"), longer=self.rows)


def _first(cells: pd.Series) -> NDArray[np.intp]:
    """Where the first cells stand that hold something."""
    look = SHOWN
    while True:
        told = np.flatnonzero(cells.iloc[:look].notna().to_numpy())
        if len(told) >= SHOWN or look >= len(cells):
            return told[:SHOWN]
        look *= 8


def check_size(name: str, rows: int, width: int) -> None:
    """Raises DataError for more rows or columns than `settings` allow."""
    if width > settings.MAX_COLUMNS:
        raise too_many_columns(name, width, "Leave out the columns that are not needed, or check the separator.")
    if rows > settings.MAX_ROWS:
        raise too_many_rows(name, rows)


def too_many_columns(name: str, width: int, hint: str = "Leave out the columns that are not needed.") -> DataError:
    """The error of a table of too many columns."""
    message = words.say(
        "{name} has {width} columns; the limit is {max_columns}.",
        name=name,
        width=width,
        max_columns=settings.MAX_COLUMNS,
    )
    return DataError(message, hint)


def too_many_rows(name: str, rows: int) -> DataError:
    """The error of a table of too many rows."""
    return DataError(
        words.say("{name} has {rows} rows; the limit is {max_rows}.", name=name, rows=rows, max_rows=settings.MAX_ROWS),
        "Bring a sample of the people.",
    )


def too_many_cells(name: str, cells: int) -> DataError:
    """The error of a table of too many cells, whatever they hold."""
    message = words.say(
        "{name} has {cells} cells; the limit is {max_cells}.", name=name, cells=cells, max_cells=settings.MAX_CELLS
    )
    return DataError(message, "Leave out columns, bring a sample of the people, or raise FAIRDASH_MAX_CELLS.")


def too_large(name: str, size: int, limit: int) -> DataError:
    """The error for content beyond a limit in megabytes."""
    hint = (
        "Leave out columns and rows that are not needed, use Parquet, or raise the limit in the environment "
        "(FAIRDASH_MAX_UPLOAD_MB, FAIRDASH_MAX_UNPACKED_MB)."
    )
    return DataError(
        words.say(
            "{name} has {size} MB; the limit is {limit} MB.", name=name, size=words.number(size / 1e6, 0), limit=limit
        ),
        hint,
    )
