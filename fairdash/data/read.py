"""Files → tables of text: CSV, TSV, "::", "|", Parquet, or a zip of them. Nothing is converted or guessed away.

Every cell stays the text that it is in the file ("NA", 007 and 9007199254740993 included); an empty cell is missing.
The index of a table is the row number in the file, header included, so that a finding can point at it.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from fairdash import columns, settings
from fairdash.errors import DataError

Source = str | Path | tuple[str, bytes]  # a path, or the name and content of an uploaded file

SEPARATORS = ("::", "\t", ",", ";", "|")
SEPARATOR_TITLES = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe", "::": "double colon"}
ROWS_SHOWN = 5  # row numbers and examples in a message
_UNIT = "\x1f"  # stands in for "::", as the parser takes separators of one character
_TYPED = re.compile(r":(token|float)(_seq)?$")  # the types in RecBole's column names
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0e-\x1e]")  # characters that no table holds
_SAMPLE = 1 << 16  # bytes looked at to guess separator and header
_KINDS = (
    (b"\x1f\x8b", "a gzip file", "Unpack it first."),
    (b"%PDF", "a PDF document", "Export the table as CSV."),
    (b"\x89PNG", "a picture", "Bring the table as CSV or Parquet."),
    (b"\xff\xd8\xff", "a picture", "Bring the table as CSV or Parquet."),
    (b"SQLite format 3", "an SQLite data base", "Export the tables as CSV."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save the sheet as CSV."),
    (b"\x89HDF", "an HDF5 file", "Export the table as CSV or Parquet."),
    (b"7z\xbc\xaf", "a 7z archive", "Pack the files as zip, or unpack them."),
    (b"Rar!", "a RAR archive", "Pack the files as zip, or unpack them."),
)


@dataclass(frozen=True)
class Reading:
    """How to read one file, where the guess is wrong; None: guess. header: whether the first row holds names."""

    separator: str | None = None
    encoding: str | None = None
    header: bool | None = None


@dataclass(frozen=True, eq=False)
class Table:
    """A file as text. frame: str columns, missing where empty; its index is the row number in the file."""

    name: str
    frame: pd.DataFrame
    separator: str  # "parquet" for Parquet
    encoding: str
    header: bool
    blank_rows: int = 0
    spaced: tuple[str, ...] = ()  # columns whose cells are lists cut by spaces (RecBole's ":token_seq")


def file_name(source: Source) -> str:
    """The name that messages show."""
    return source[0] if isinstance(source, tuple) else Path(source).name


def content(source: Source) -> bytes:
    """The bytes of a source, within the limits of `settings`; DataError when it is absent, empty or too large."""
    name = file_name(source)
    if isinstance(source, tuple):
        raw, limit = source[1], settings.MAX_UPLOAD_MB
    else:
        path = Path(source).expanduser()
        limit = settings.MAX_UNPACKED_MB
        try:
            if path.is_dir():
                raise DataError(f"{path} is a folder.", "Name the file in it, or pack the folder as a zip.")
            if path.stat().st_size > limit * 1_000_000:
                raise too_large(name, path.stat().st_size, limit)
            raw = path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"{path} cannot be read: {reason}.", "Check the path and its permissions.") from error
    if len(raw) > limit * 1_000_000:
        raise too_large(name, len(raw), limit)
    if not raw:
        raise DataError(f"{name} is empty: 0 bytes.", "Export it again; the first row should hold column names.")
    return raw


def too_large(name: str, size: int, limit: int) -> DataError:
    """The error for content beyond a limit in megabytes."""
    hint = "Leave out columns and rows that are not needed, use Parquet, or raise the limit in the environment "
    hint += "(FAIRDASH_MAX_UPLOAD_MB, FAIRDASH_MAX_UNPACKED_MB)."
    return DataError(f"{name} has {size / 1e6:,.0f} MB; the limit is {limit:,} MB.", hint)


def is_zip(source: Source) -> bool:
    """Whether the source is a zip archive (by its content, not its name)."""
    if isinstance(source, tuple):
        return source[1][:4] in (b"PK\x03\x04", b"PK\x05\x06")
    try:
        with Path(source).expanduser().open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except (OSError, ValueError):  # `content` says what is wrong with the path
        return False


def unzip(source: Source) -> list[tuple[str, bytes]]:
    """The files in a zip, as (path inside, content); folders and hidden files are left out.

    Bounded before anything is unpacked: members, their declared sizes, and then what really comes out.
    """
    name, raw = file_name(source), content(source)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not _hidden(m.filename)]
            if any(m.filename == "xl/workbook.xml" for m in members):
                raise DataError(f"{name} is an Excel workbook.", "Save each sheet as CSV and bring those.")
            if len(members) > settings.MAX_ZIP_MEMBERS:
                message = f"{name} holds {len(members):,} files; the limit is {settings.MAX_ZIP_MEMBERS:,}."
                raise DataError(message, "Pack only the tables: interactions, people, items.")
            total = sum(m.file_size for m in members)
            if total > settings.MAX_UNPACKED_MB * 1_000_000:
                raise too_large(f"{name}, unpacked,", total, settings.MAX_UNPACKED_MB)
            locked = [m.filename for m in members if m.flag_bits & 1]
            if locked:
                raise DataError(f"{name}: {locked[0]} is encrypted.", "Pack the files again without a password.")
            if not members:
                raise DataError(f"{name} holds no files.", "Pack interactions, and people and items if you have them.")
            # A member gives at most its declared size, so the sum above bounds what is unpacked here.
            return [(m.filename, archive.read(m)) for m in members]
    except DataError:
        raise
    except Exception as error:  # zipfile lets through whatever its decompressors raise (LZMAError, zlib.error, …)
        hint = "Pack the files again with the usual compression (deflate), or bring them one by one."
        raise DataError(f"{name} is a damaged or unusual zip archive: {error}.", hint) from error


def _hidden(path: str) -> bool:
    return any(
        part.startswith((".", "__MACOSX")) and part != ".." for part in PurePosixPath(path.replace("\\", "/")).parts
    )


def table(source: Source, reading: Reading | None = None) -> Table:
    """Read one table. DataError names file, row and column, and what to do."""
    reading = reading or Reading()
    name, raw = file_name(source), content(source)
    if raw[:4] == b"PAR1":
        return _parquet(name, raw)
    if is_zip((name, raw)):
        raise DataError(f"{name} is a zip archive where one table is expected.", "Bring the zip alone, or its files.")
    for magic, kind, hint in _KINDS:
        if raw.startswith(magic):
            raise DataError(f"{name} is {kind}, not a table.", hint)
    text, encoding = decode(name, raw, reading.encoding)
    if re.match(rb'\s*(\{\s*"|\[\s*[\[{]|<(!doctype|html|\?xml))', text[:200], re.IGNORECASE):
        raise DataError(f"{name} is JSON or a web page, not a table.", "Export the table as CSV or Parquet.")
    return _delimited(name, text, encoding, reading)


def decode(name: str, raw: bytes, encoding: str | None = None) -> tuple[bytes, str]:
    """The content as UTF-8, and the encoding that it had; DataError for binary content."""
    if encoding is not None:
        try:
            return raw.decode(encoding).removeprefix("\ufeff").encode(), encoding
        except LookupError as error:
            raise DataError(f"{name}: no encoding is called {encoding}.", "Try utf-8, utf-16 or cp1252.") from error
        except UnicodeError as error:
            hint = "Choose another encoding, or let it be detected."
            raise DataError(f"{name} is not {encoding}: {error}.", hint) from error
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif raw.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8-sig"
    elif b"\0" in raw[:_SAMPLE]:
        encoding = _utf16_without_mark(raw[:_SAMPLE])
        if encoding is None:
            raise _binary(name, raw.decode("latin-1"))
    else:
        encoding = "utf-8"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            hint = "The file is cut off or mixed; export it again as UTF-8."
            raise DataError(f"{name} begins like {encoding} but breaks at byte {error.start:,}.", hint) from error
        high = np.frombuffer(raw, dtype=np.uint8)
        undefined = np.isin(high, [0x81, 0x8D, 0x8F, 0x90, 0x9D])  # no letters in cp1252
        if undefined.mean() > 0.001:
            raise _binary(name) from error
        encoding = "cp1252" if ((high >= 0x80) & (high < 0xA0)).any() and not undefined.any() else "latin-1"
        text = raw.decode(encoding)
    if "\0" in text or len(_CONTROL.findall(text)) > 0.001 * len(text):
        raise _binary(name, text)
    return text.encode(), encoding


def _utf16_without_mark(sample: bytes) -> str | None:
    """utf-16-le or -be where every other byte is mostly zero, as in Latin text; else None."""
    even, odd = sample[0::2].count(0) / max(len(sample) // 2, 1), sample[1::2].count(0) / max(len(sample) // 2, 1)
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.05 else None


def _binary(name: str, text: str = "") -> DataError:
    if 0 < text.count("\0") <= max(1.0, 0.001 * len(text)) and not _CONTROL.search(text):  # a text with a slip in it
        row = text.count("\n", 0, text.index("\0")) + 1
        return DataError(f"{name}, row {row:,}: a NUL byte stands in the text.", "Remove it, or export the file again.")
    return DataError(f"{name} holds binary data, not a text table.", "Bring CSV, TSV, Parquet, or a zip of them.")


def _delimited(name: str, text: bytes, encoding: str, reading: Reading) -> Table:
    sample = text[:_SAMPLE].decode(errors="ignore")
    if len(text) > _SAMPLE:
        sample = sample[: sample.rfind("\n") + 1] or sample
    lines = [line for line in re.split(r"\r\n|\n|\r", sample) if line.strip()]
    if not lines:
        raise DataError(f"{name} holds only blank rows.", "Export it again; the first row should hold column names.")
    separator = reading.separator or _guess_separator(name, lines)
    delimiter = _UNIT if separator == "::" else separator
    if len(delimiter) != 1 or delimiter in '\n\r"':
        raise DataError(f"{name}: {separator!r} cannot separate columns.", "Choose comma, tab, ;, | or ::.")
    quoted = _is_quoted(text, separator)
    records = list(_records(sample.replace("::", _UNIT) if separator == "::" else sample, delimiter, quoted))
    if not records:
        raise DataError(f"{name} holds no cells, only separators.", "Export it again with its rows.")
    first = [cell.strip() for cell in records[0]]
    if len(first) > settings.MAX_COLUMNS:
        message = f"{name} has {len(first):,} columns; the limit is {settings.MAX_COLUMNS}."
        raise DataError(message, "Leave out the columns that are not needed, or check the separator.")
    if len(first) < 2:
        hint = "Known separators are comma, tab, ;, | and ::; the table needs at least two columns."
        raise DataError(f"{name} has a single column when cut at {SEPARATOR_TITLES.get(separator, separator)}.", hint)
    header = reading.header if reading.header is not None else _has_header(first, records[1:])
    spaced: tuple[str, ...] = ()
    if header and all(_TYPED.search(cell) for cell in first):
        spaced = tuple(_TYPED.sub("", cell) for cell in first if cell.endswith("_seq"))
        first = [_TYPED.sub("", cell) for cell in first]
    names = first if header else [f"column {i + 1}" for i in range(len(first))]
    frame = _parse(name, text.replace(b"::", _UNIT.encode()) if separator == "::" else text, delimiter, quoted, names)
    blank = frame.isna().all(axis=1)
    if header:
        blank.iloc[: int(np.argmin(blank.to_numpy())) + 1] = True  # blank rows above the header, and the header
    frame = frame[~blank]
    nameless = [c for c in columns.names(frame) if c.startswith("\0")]
    frame = frame.drop(columns=[c for c in nameless if frame[c].isna().all()])
    frame = frame.rename(columns={c: f"column {int(c[1:]) + 1}" for c in nameless})
    if frame.empty:
        raise DataError(f"{name} holds no rows below its column names.", "Export it again with its rows.")
    return Table(name, frame, separator, encoding, header, int(blank.sum()) - int(header), spaced)


def _guess_separator(name: str, lines: Sequence[str]) -> str:
    """The separator that cuts the rows like the first one; the one that gives more columns where several do."""
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines[:200]]
    found = []
    for separator in SEPARATORS:
        counts = [line.count(separator) for line in bare]
        if counts[0]:
            found.append((sum(c == counts[0] for c in counts) / len(counts), counts[0], separator))
    if not found:
        hint = "Separate columns by comma, tab, ;, | or ::, or bring Parquet."
        raise DataError(f"{name}: the first row {lines[0][:60]!r} is not cut into columns.", hint)
    return max(found, key=lambda f: f[:2])[2]


def _is_quoted(text: bytes, separator: str) -> bool:
    """Whether quotation marks enclose cells. "::" files never do that; tab and pipe files only where a pair shows."""
    if separator in ("\t", "|") and b'"' in text:
        mark = re.escape(separator.encode())
        return re.search(rb"(^|" + mark + rb')"[^"\n]*"(' + mark + rb"|\r?$)", text, re.MULTILINE) is not None
    return separator not in ("\t", "|", "::")


def _records(sample: str, delimiter: str, quoted: bool) -> Iterable[list[str]]:
    mark = '"' if quoted else None
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    try:
        for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, quotechar=mark, quoting=quoting):
            if any(cell.strip() for cell in record):
                yield record
    except csv.Error:  # a cell beyond the module's limit: what was read so far is the sample
        return


def _has_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Names are unlike the cells below: known names, or text where numbers follow, or text that never comes again."""
    known = {*columns.USER_NAMES, *columns.ITEM_NAMES, *columns.RATING_NAMES, *columns.TIME_NAMES, *columns.TITLE_NAMES}
    if any(columns.plain(cell) in known for cell in first):
        return True
    named = [cell for cell in first if cell]
    if not named or any(_is_number(cell) for cell in named) or len(set(named)) < len(named):
        return False
    if not rest:
        return True
    below = [[row[i].strip() for row in rest if i < len(row)] for i in range(len(first))]
    if any(cells and all(_is_number(cell) for cell in cells if cell) and any(cells) for cells in below):
        return True
    return not any(cell in cells for cell, cells in zip(first, below, strict=True) if cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parse(name: str, text: bytes, delimiter: str, quoted: bool, names: Sequence[str]) -> pd.DataFrame:
    keys = [column or f"\0{i}" for i, column in enumerate(names)]
    repeated = sorted({column for column in keys if keys.count(column) > 1})
    if repeated:
        message = f"{name}: the column name {repeated[0]!r} occurs {keys.count(repeated[0])} times."
        raise DataError(message, "Give every column its own name.")
    ragged: list[tuple[int, int]] = []
    n_ragged = 0

    def keep(row: pa_csv.InvalidRow) -> str:
        nonlocal n_ragged
        n_ragged += 1
        if len(ragged) < ROWS_SHOWN:
            ragged.append((row.number, row.actual_columns))
        return "skip"

    # Some data bases write \" for a quotation mark inside a cell; at a cell's end it is only a backslash.
    escaped = quoted and b'\\"' in text and re.search(rb'[^,;\t|]\\"[^,;\t|\r\n]', text) is not None
    try:
        parsed = pa_csv.read_csv(
            io.BytesIO(text),
            # One thread, as only then a bad row comes with its number.
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=keys, block_size=1 << 22),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if quoted else False,
                double_quote=quoted,
                escape_char="\\" if escaped else False,
                newlines_in_values=quoted and b'"' in text,
                ignore_empty_lines=False,
                invalid_row_handler=keep,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types={key: pa.string() for key in keys},
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        if "straddling" in str(error):
            raise _unclosed(name, "some row") from error
        raise DataError(
            f"{name} cannot be cut into columns: {error}.", "Check separator and quotation marks."
        ) from error
    if n_ragged:
        shown = ", ".join(f"row {row} has {fields}" for row, fields in ragged)
        more = f" and {n_ragged - len(ragged):,} more rows" if n_ragged > len(ragged) else ""
        hint = "Enclose cells that contain the separator in quotation marks, and fill missing cells."
        raise DataError(f"{name}: the first row has {len(keys)} columns, but {shown}{more}.", hint)
    if parsed.num_rows > settings.MAX_ROWS:
        raise _too_many_rows(name, parsed.num_rows)
    frame: pd.DataFrame = parsed.to_pandas().astype("str")
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    if quoted and not escaped and b'"' in text:
        _check_quotes(name, text, delimiter, frame)
    return frame


def _check_quotes(name: str, text: bytes, delimiter: str, frame: pd.DataFrame) -> None:
    """DataError where a cell over several lines is none, but a quotation mark that swallowed the rows below it."""
    several = np.zeros(len(frame), dtype=bool)
    for column in frame:
        several |= frame[column].str.contains("\n", regex=False, na=False).to_numpy()
    if not several.any():
        return
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    row = 0  # rows that were read without a fault
    try:
        for _ in csv.reader(io.StringIO(text.decode(), newline=""), delimiter=delimiter, strict=True):
            row += 1
    except csv.Error as error:
        if row < len(several) and several[row]:
            raise _unclosed(name, f"row {row + 1}") from error


def _unclosed(name: str, where: str) -> DataError:
    hint = 'Close it, or write a quotation mark inside a cell twice ("").'
    return DataError(f"{name}, {where}: a quotation mark is opened and never closed.", hint)


def _too_many_rows(name: str, rows: int) -> DataError:
    return DataError(f"{name} has {rows:,} rows; the limit is {settings.MAX_ROWS:,}.", "Bring a sample of the people.")


def _parquet(name: str, raw: bytes) -> Table:
    try:
        file = pa_parquet.ParquetFile(io.BytesIO(raw))
        names, rows = list(file.schema_arrow.names), file.metadata.num_rows
        if len(names) > settings.MAX_COLUMNS:
            message = f"{name} has {len(names):,} columns; the limit is {settings.MAX_COLUMNS}."
            raise DataError(message, "Leave out the columns that are not needed.")
        if len(set(names)) < len(names):
            raise DataError(f"{name} has two columns of the same name.", "Give every column its own name.")
        if rows > settings.MAX_ROWS:
            raise _too_many_rows(name, rows)
        size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups))
        if size > settings.MAX_UNPACKED_MB * 1_000_000:
            raise too_large(f"{name}, unpacked,", size, settings.MAX_UNPACKED_MB)
        if rows * len(names) > settings.MAX_CELLS:  # a constant column takes next to no bytes in the file
            message = f"{name} has {rows:,} rows of {len(names)} columns; the limit is {settings.MAX_CELLS:,} cells."
            raise DataError(message, "Leave out columns, bring a sample of the people, or raise FAIRDASH_MAX_CELLS.")
        if rows == 0 or len(names) < 2:
            message = f"{name} has {rows:,} rows and {len(names)} columns."
            raise DataError(message, "A table needs at least two columns and one row.")
        arrow = file.read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name} is a damaged Parquet file: {error}.", "Write it again.") from error
    # The index that pandas adds is no column of the data.
    data = {column: _as_text(name, column, arrow[column]) for column in names if not column.startswith("__index_")}
    frame = pd.DataFrame(data, index=pd.RangeIndex(1, rows + 1))
    return Table(name, frame, "parquet", "utf-8", True)


def _as_text(name: str, title: str, column: pa.ChunkedArray) -> pd.Series:
    """Text [n] of any flat Parquet column; lists become names joined by "|"; whole floats lose their ".0"."""
    kind = column.type
    try:
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            values = [
                None if row is None else "|".join(str(v) for v in row if v is not None) for row in column.to_pylist()
            ]
            column = pa.chunked_array([pa.array(values, pa.string())])
        elif pa.types.is_floating(kind):
            # Ids and counts become floats beside an empty cell; as whole numbers they are the same text as elsewhere.
            column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
            values = column.to_numpy()
            told = values[~np.isnan(values)]
            if (told == np.rint(told)).all() and (np.abs(told) < 2**53).all():
                column = column.cast(pa.int64())
        text = column.cast(pa.string())
    except (pa.ArrowException, ValueError, TypeError) as error:
        hint = "Keep only flat columns of text, numbers, dates, or lists of text."
        raise DataError(f"{name}: column {title!r} of type {kind} cannot be used.", hint) from error
    series = pd.Series(text.to_pandas().to_numpy(), dtype="str", index=pd.RangeIndex(1, len(text) + 1))
    return series.mask(series == "")
