"""Parquet → table, within bounds that are known before it is decoded."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pa_parquet

from fairdash import settings, words
from fairdash.data import formats
from fairdash.data.findings import Finding
from fairdash.data.table import Table, too_large, too_many_cells, too_many_columns, too_many_rows
from fairdash.errors import DataError


def decode(name: str, raw: bytes) -> Table:
    """The columns that are text, numbers, dates or lists of them; the others are a finding. Raises DataError for a
    damaged file, and for one beyond the limits of `settings`."""
    try:
        file = pa_parquet.ParquetFile(io.BytesIO(raw))
        words_in = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
        # What repeats is kept once, so that its size is known before it is written out for every row.
        file = pa_parquet.ParquetFile(io.BytesIO(raw), read_dictionary=words_in)
        names, rows = list(file.schema_arrow.names), file.metadata.num_rows
        if len(names) > settings.MAX_COLUMNS:
            raise too_many_columns(name, len(names))
        if len(set(names)) < len(names):
            raise DataError(
                words.say("{name} has two columns of the same name.", name=name), "Give every column its own name."
            )
        if rows > settings.MAX_ROWS:
            raise too_many_rows(name, rows)
        size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups))
        if size > settings.MAX_UNPACKED_MB * 1_000_000:
            raise too_large(f"{name}, unpacked,", size, settings.MAX_UNPACKED_MB)
        cells = max(rows * len(names), _leaves(file.metadata))
        if cells > settings.MAX_CELLS:  # a constant column takes next to no bytes in the file
            raise too_many_cells(name, cells)
        if rows == 0 or len(names) < 2:
            message = words.say("{name} has {rows} and {columns}.", name=name, rows=words.count(rows, "row"),
                                columns=words.count(len(names), "column"))  # fmt: skip
            raise DataError(message, "A table needs at least two columns and one row.")
        arrow = file.read()
        for column in names:
            _check_utf8(name, column, arrow[column])
        size = sum(_written_out(arrow[column]) for column in names)
        if size > settings.MAX_UNPACKED_MB * 1_000_000:
            raise too_large(f"{name}, decoded,", size, settings.MAX_UNPACKED_MB)
        nested = [c for c in names if pa.types.is_struct(arrow[c].type)]
        for column in nested:  # its fields are columns by their path
            for field in arrow[column].type:
                values = pa.chunked_array([pc.struct_field(chunk, field.name) for chunk in arrow[column].chunks])
                arrow = arrow.append_column(f"{column}.{field.name}", values)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            words.say("{name} is a damaged Parquet file: {error}.", name=name, error=error), "Write it again."
        ) from error
    # The index that pandas adds is no column of the data.
    used = [c for c in arrow.column_names if not c.startswith("__index_") and c not in nested]
    told = {column: _as_text(column, arrow[column]) for column in used}
    aside = [column for column, text in told.items() if text is None]
    data = {column: text for column, text in told.items() if text is not None}
    frame = pd.DataFrame(data, index=pd.RangeIndex(1, rows + 1))
    notes: tuple[Finding, ...] = ()
    if aside:
        message = words.say(
            "These columns hold neither text, numbers, dates nor lists of them, and are left aside: {names}.",
            names=", ".join(aside),
        )
        notes = (Finding("nested", "warning", name, message, len(aside)),)
    return Table(name, frame, "parquet", "utf-8", True, notes=notes)


def _leaves(metadata: pa_parquet.FileMetaData) -> int:
    """Values that are decoded, those within lists and records among them."""
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    return int(sum(group.column(i).num_values for group in groups for i in range(metadata.num_columns)))


def _check_utf8(name: str, column: str, cells: pa.ChunkedArray) -> None:
    try:
        cells.validate(full=True)
    except pa.ArrowInvalid as error:
        raise DataError(
            words.say(
                "The column {column} of {name} is damaged, or its text is not UTF-8.", column=repr(column), name=name
            ),
            words.say("Write the file again, with text as UTF-8."),
        ) from error


def _written_out(column: pa.ChunkedArray) -> int:
    """Bytes of a column's text where each cell has its own; 0 of other kinds, which the number of cells bounds."""
    if not pa.types.is_dictionary(column.type):
        return 0
    sizes = (pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices.cast(pa.int64()))) for chunk in column.chunks)
    return int(sum(size.as_py() or 0 for size in sizes))


def _zone(name: str) -> bool:
    """Whether a time zone is one that is known here: a name, or hours and minutes."""
    try:
        pa.scalar(0, pa.timestamp("s", name)).cast(pa.string())
    except pa.ArrowException:
        return False
    return True


def _as_text(name: str, column: pa.ChunkedArray) -> pd.Series | None:
    """Text [n] of a Parquet column, None for a kind that has none; lists become what `formats.cell_of` makes of them;
    whole floats lose their ".0"."""
    kind = column.type
    try:
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
            column = pa.chunked_array(
                [pa.array([formats.cell_of(name, row) for row in column.to_pylist()], pa.string())]
            )
        elif pa.types.is_floating(kind):
            # Ids and counts become floats beside an empty cell; as whole numbers they are the same text as elsewhere.
            column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
            values = column.to_numpy()
            told = values[~np.isnan(values)]
            if (told == np.rint(told)).all() and (np.abs(told) < 2**53).all():
                column = column.cast(pa.int64())
        if pa.types.is_timestamp(kind) and kind.tz and not _zone(kind.tz):
            column = column.cast(pa.timestamp(kind.unit, "UTC"))  # the moments are the same
        text = column.cast(pa.string())
    except (pa.ArrowException, ValueError, TypeError):
        return None
    series = pd.Series(text.to_pandas().to_numpy(), dtype="str", index=pd.RangeIndex(1, len(text) + 1))
    return series.mask(series == "")
