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

from fairdash import columns, settings, words
from fairdash.arrays import Floats
from fairdash.data import read
from fairdash.data.findings import Finding
from fairdash.data.table import Source, too_large
from fairdash.errors import DataError
from fairdash.words import Said

MAX_DIMENSIONS = 3  # of one person's or item's array: a picture is [channels, height, width]
_HINT = "Bring Parquet with an id and a list of numbers a row, or .npz with the arrays `ids` and `values`."


@dataclass(frozen=True, eq=False)
class Given:
    """Arrays as they are in a file: ids [n], all different; rows: float32 [n, …], finite."""

    file: str
    ids: NDArray[np.object_]
    rows: Floats


def read_arrays(source: Source) -> Given:
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
        raise DataError(words.say("{name} is neither Parquet nor .npz, so its arrays have no ids.", name=name), _HINT)
    text = pd.Series(ids).astype("str").str.strip()
    if text.isna().any() or (text == "").any():
        raise DataError(
            words.say("{name}: an array has no id.", name=name), "Give each array the id of its person or item."
        )
    if text.duplicated().any():
        raise DataError(
            words.say("{name}: the id {value} comes twice.", name=name, value=repr(text[text.duplicated()].iloc[0])),
            "Keep one array an id.",
        )
    if not 2 <= values.ndim <= MAX_DIMENSIONS + 1 or not values.size:
        raise DataError(
            words.say("{name}: an array has the shape {shape}.", name=name, shape=list(values.shape[1:])),
            words.say("Give one of 1 to {max_dimensions} dimensions.", max_dimensions=MAX_DIMENSIONS),
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused below
        values = values.astype(np.float32)
    wrong = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if wrong.any():
        message = words.say(
            "{name}: the array of {value} holds a value that is no finite number.",
            name=name,
            value=repr(text[wrong].iloc[0]),
        )
        raise DataError(message, "Fill it in, or leave the whole row out.")
    return Given(name, text.to_numpy(object), values)


def aligned(given: Given, name: str, ids: pd.Series, what: Said) -> tuple[Floats, list[Finding]]:
    """The arrays in the order of `ids`: float32 [len(ids), …], NaN for those without one; and who has none.

    Raises DataError where not one id meets."""
    place = pd.Index(given.ids).get_indexer(pd.Index(ids))
    has = place >= 0
    if not has.any():
        message = words.say(
            "No id of {file} ({names}) is among the {what}.",
            file=given.file,
            names=", ".join(map(repr, given.ids[:3])),
            what=words.say(what),
        )
        raise DataError(message, "Check that the file belongs to this data, and that its ids are the same.")
    values = np.full((len(ids), *given.rows.shape[1:]), np.nan, np.float32)
    values[has] = given.rows[place[has]]
    message = words.say(
        "“{name}”: {n} of {m} {what} have an array of the shape {shape}; {rest} of the file are of none of them.",
        name=name,
        n=int(has.sum()),
        m=len(ids),
        what=words.say(what),
        shape=list(given.rows.shape[1:]),
        rest=len(given.ids) - int(has.sum()),
    )
    severity: Any = "info" if has.all() else "warning"
    return values, [Finding("arrays", severity, given.file, message, int((~has).sum()))]


def _bounded(name: str, cells: int) -> None:
    if cells * 4 > settings.MAX_UNPACKED_MB * 1_000_000:
        raise DataError(
            words.say(
                "{name} holds {cells} numbers, {cells_2} MB; the limit is {max_unpacked_mb} MB.",
                name=name,
                cells=cells,
                cells_2=words.number(cells * 4 / 1e6, 0),
                max_unpacked_mb=settings.MAX_UNPACKED_MB,
            ),
            "Bring smaller arrays, such as vectors of an encoder, or raise FAIRDASH_MAX_UNPACKED_MB.",
        )


def _npz(name: str, raw: bytes) -> tuple[Any, NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > settings.MAX_UNPACKED_MB * 1_000_000:
                raise too_large(f"{name}, unpacked,", unpacked, settings.MAX_UNPACKED_MB)
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            others = [key for key in arrays.files if key != "ids"]
            if "ids" not in arrays.files or len(others) != 1:
                there = ", ".join(arrays.files) or words.say("none")
                raise DataError(
                    words.say(
                        "{name} does not hold `ids` and one array of values; its arrays are {there}.",
                        name=name,
                        there=there,
                    ),
                    _HINT,
                )
            ids, values = arrays["ids"], arrays[others[0]]
    except DataError:
        raise
    except Exception as error:  # numpy and zipfile let through whatever is wrong with a file
        raise DataError(
            words.say("{name} is a damaged or unusual .npz file: {error}.", name=name, error=error), _HINT
        ) from error
    if ids.ndim != 1 or ids.dtype.kind not in "iuU" or len(ids) != len(values) or values.dtype.kind not in "biuf":
        raise DataError(
            words.say(
                "{name} holds ids {dtype} {shape} and values {dtype_2} {shape_2}.",
                name=name,
                dtype=ids.dtype,
                shape=list(ids.shape),
                dtype_2=values.dtype,
                shape_2=list(values.shape),
            ),
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
                words.say(
                    "{name} does not hold one id and one list of numbers a row; its columns are {there}.",
                    name=name,
                    there=there,
                ),
                _HINT,
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
                raise DataError(
                    words.say("{message}{as_py}.", message=message, as_py=repr(table[key][0].as_py())),
                    "Bring arrays of one shape.",
                )
            shape.append(int(length[0]) if len(length) else 0)
            values = values.flatten()
        numbers = values.to_numpy(zero_copy_only=False)
        if numbers.dtype.kind not in "biuf":
            raise DataError(
                words.say(
                    "{name}: {lists} holds {type}, no numbers.", name=name, lists=repr(lists[0]), type=values.type
                ),
                _HINT,
            )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            words.say("{name} cannot be read as arrays: {error}.", name=name, error=error), _HINT
        ) from error
    return table[key].to_pandas(), numbers.reshape(shape)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
