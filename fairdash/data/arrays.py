"""Arrays of people or items from a file: one array an id, all of one shape.

| file | what it holds |
|---|---|
| Parquet | a column of ids, and one column of lists of numbers (lists of lists for more dimensions) |
| .npz | two arrays: `ids` [n], and the values [n, …] under any other name |
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray

from fairdash import columns, settings
from fairdash.arrays import Floats
from fairdash.data import read
from fairdash.data.findings import Finding
from fairdash.errors import DataError

MAX_DIMENSIONS = 3  # of one person's or item's array: a picture is [channels, height, width]
_HINT = "Bring Parquet with an id and a list of numbers a row, or .npz with the arrays `ids` and `values`."


@dataclass(frozen=True, eq=False)
class Given:
    """Arrays as they are in a file: ids [n], all different; rows: float32 [n, …], finite."""

    file: str
    ids: NDArray[np.object_]
    rows: Floats


def read_arrays(source: read.Source) -> Given:
    """The arrays of a file; rows of Parquet without a list are left out.

    Raises DataError for another kind of file, ids that are missing or come twice, arrays of different shapes or more
    than three dimensions, values that are no finite numbers, and more of them than the limits of `settings` allow.
    """
    name, raw = read.file_name(source), read.content(source)
    if raw[:4] == b"PAR1":
        ids, values = _parquet(name, raw)
    elif raw[:4] == b"PK\x03\x04":
        ids, values = _npz(name, raw)
    else:
        raise DataError(f"{name} is neither Parquet nor .npz, so its arrays have no ids.", _HINT)
    text = pd.Series(ids).astype("str").str.strip()
    if text.isna().any() or (text == "").any():
        raise DataError(f"{name}: an array has no id.", "Give each array the id of its person or item.")
    if text.duplicated().any():
        raise DataError(f"{name}: the id {text[text.duplicated()].iloc[0]!r} comes twice.", "Keep one array an id.")
    if not 2 <= values.ndim <= MAX_DIMENSIONS + 1 or not values.size:
        raise DataError(
            f"{name}: an array has the shape {list(values.shape[1:])}.",
            f"Give one of 1 to {MAX_DIMENSIONS} dimensions.",
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused below
        values = values.astype(np.float32)
    wrong = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if wrong.any():
        message = f"{name}: the array of {text[wrong].iloc[0]!r} holds a value that is no finite number."
        raise DataError(message, "Fill it in, or leave the whole row out.")
    return Given(name, text.to_numpy(object), values)


def aligned(given: Given, name: str, ids: pd.Series, what: str) -> tuple[Floats, list[Finding]]:
    """The arrays in the order of `ids`: float32 [len(ids), …], NaN for those without one; and who has none.

    Raises DataError where not one id meets."""
    place = pd.Index(given.ids).get_indexer(pd.Index(ids))
    has = place >= 0
    if not has.any():
        message = f"No id of {given.file} ({', '.join(map(repr, given.ids[:3]))}) is among the {what}."
        raise DataError(message, "Check that the file belongs to this data, and that its ids are the same.")
    values = np.full((len(ids), *given.rows.shape[1:]), np.nan, np.float32)
    values[has] = given.rows[place[has]]
    message = f"“{name}”: {int(has.sum()):,} of {len(ids):,} {what} have an array of the shape "
    message += f"{list(given.rows.shape[1:])}; {len(given.ids) - int(has.sum()):,} of the file are of none of them."
    severity: Any = "info" if has.all() else "warning"
    return values, [Finding("arrays", severity, given.file, message, int((~has).sum()))]


def _bounded(name: str, cells: int) -> None:
    if cells * 4 > settings.MAX_UNPACKED_MB * 1_000_000:
        raise DataError(
            f"{name} holds {cells:,} numbers, {cells * 4 / 1e6:,.0f} MB; the limit is {settings.MAX_UNPACKED_MB:,} MB.",
            "Bring smaller arrays, such as vectors of an encoder, or raise FAIRDASH_MAX_UNPACKED_MB.",
        )


def _npz(name: str, raw: bytes) -> tuple[Any, NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > settings.MAX_UNPACKED_MB * 1_000_000:
                raise read.too_large(f"{name}, unpacked,", unpacked, settings.MAX_UNPACKED_MB)
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            others = [key for key in arrays.files if key != "ids"]
            if "ids" not in arrays.files or len(others) != 1:
                there = ", ".join(arrays.files) or "none"
                raise DataError(f"{name} does not hold `ids` and one array of values; its arrays are {there}.", _HINT)
            ids, values = arrays["ids"], arrays[others[0]]
    except DataError:
        raise
    except Exception as error:  # numpy and zipfile let through whatever is wrong with a file
        raise DataError(f"{name} is a damaged or unusual .npz file: {error}.", _HINT) from error
    if ids.ndim != 1 or ids.dtype.kind not in "iuU" or len(ids) != len(values) or values.dtype.kind not in "biuf":
        raise DataError(
            f"{name} holds ids {ids.dtype} {list(ids.shape)} and values {values.dtype} {list(values.shape)}.",
            "Give n ids, as text or whole numbers, and n arrays of numbers.",
        )
    _bounded(name, values.size)
    return ids, values


def _parquet(name: str, raw: bytes) -> tuple[Any, NDArray[Any]]:
    try:
        file = pa_parquet.ParquetFile(io.BytesIO(raw))
        schema = file.schema_arrow
        lists = [field.name for field in schema if _is_list(field.type)]
        flat = [field.name for field in schema if not _is_list(field.type)]
        known = [one for one in flat if columns.plain(one) in {*columns.USER_NAMES, *columns.ITEM_NAMES, "id"}]
        key = known[0] if known else flat[0] if len(flat) == 1 else None
        if key is None or len(lists) != 1:
            there = ", ".join(schema.names)
            raise DataError(
                f"{name} does not hold one id and one list of numbers a row; its columns are {there}.", _HINT
            )
        groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
        chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
        _bounded(name, sum(chunk.num_values for chunk in chunks))  # a constant list takes next to no bytes in the file
        table = file.read([key, lists[0]])
        table = table.filter(table[lists[0]].is_valid())
        values, shape = table[lists[0]].combine_chunks(), [len(table)]
        while _is_list(values.type):
            length = values.value_lengths().to_numpy(zero_copy_only=False)
            if len(length) and (length != length[0]).any():
                odd = int(np.argmax(length != length[0])) // max(1, int(np.prod(shape[1:])))
                message = f"{name}: the array of {table[key][odd].as_py()!r} has another shape than that of "
                raise DataError(f"{message}{table[key][0].as_py()!r}.", "Bring arrays of one shape.")
            shape.append(int(length[0]) if len(length) else 0)
            values = values.flatten()
        numbers = values.to_numpy(zero_copy_only=False)
        if numbers.dtype.kind not in "biuf":
            raise DataError(f"{name}: {lists[0]!r} holds {values.type}, no numbers.", _HINT)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{name} cannot be read as arrays: {error}.", _HINT) from error
    return table[key].to_pandas(), numbers.reshape(shape)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
