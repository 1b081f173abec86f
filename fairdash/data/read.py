"""Files → tables of text: decode → cut. CSV, TSV, "::", "|", white space, JSON, Parquet, Excel; gzip, zips and folders.

Every cell stays the text that it is in the file ("NA", 007 and 9007199254740993 included); an empty cell is missing.
The index of a table is the row number in the file, header included, so that a finding can point at it.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

import charset_normalizer
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from fairdash import columns, settings, words
from fairdash.data import formats
from fairdash.data.findings import ROWS_SHOWN, Finding, Question, examples
from fairdash.errors import DataError

Source = str | Path | tuple[str, bytes]  # a path, or the name and content of an uploaded file

SPACE = " "  # any run of spaces and tabs
SEPARATORS = ("::", "\t", ",", ";", "|")
SEPARATOR_TITLES = dict(
    zip(
        ("\t", ",", ";", "|", "::", SPACE),
        words.several("tab", "comma", "semicolon", "pipe", "double colon", "white space"),
        strict=True,
    )
)
_UNIT = "\x1f"  # stands in for "::", as the parser takes separators of one character
_TYPED = re.compile(r":(token|float)(_seq)?$")  # the types in RecBole's column names
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0e-\x1e]")  # characters that no table holds
MAX_ROW_BYTES = 4_000_000  # of a row, or a little more: the parser sees as much at once
_SAMPLE = 1 << 16  # bytes looked at to guess separator and header
_KINDS = (
    (b"%PDF", words.several("a PDF document", "Export the table as CSV.")),
    (b"\x89PNG", words.several("a picture", "Bring the table as CSV or Parquet.")),
    (b"\xff\xd8\xff", words.several("a picture", "Bring the table as CSV or Parquet.")),
    (b"SQLite format 3", words.several("an SQLite data base", "Export the tables as CSV.")),
    (b"\xd0\xcf\x11\xe0", words.several("an old Excel workbook", "Save the sheet as CSV.")),
    (b"\x89HDF", words.several("an HDF5 file", "Export the table as CSV or Parquet.")),
    (b"7z\xbc\xaf", words.several("a 7z archive", "Pack the files as zip, or unpack them.")),
    (b"Rar!", words.several("a RAR archive", "Pack the files as zip, or unpack them.")),
    (b"BZh", words.several("a bzip2 file", "Unpack it, or pack it as gzip or zip.")),
    (b"\xfd7zXZ", words.several("an xz file", "Unpack it, or pack it as gzip or zip.")),
    (b"(\xb5/\xfd", words.several("a Zstandard file", "Unpack it, or pack it as gzip or zip.")),
    (b"\x80\x04", words.several("a Python pickle, which is never opened", "Export the table as CSV or Parquet.")),
    (b"\x93NUMPY", words.several("a NumPy array", "Export the table as CSV or Parquet, with ids.")),
    (b"ARROW1", words.several("a Feather or Arrow file", "Export the table as Parquet or CSV.")),
    (b"Obj\x01", words.several("an Avro file", "Export the table as Parquet or CSV.")),
    (b"ORC", words.several("an ORC file", "Export the table as Parquet or CSV.")),
    (b"RDX", words.several("a file of R", "Export the table with write.csv.")),
    (b"X\n\0", words.several("a file of R", "Export the table with write.csv.")),
    (b"MATLAB", words.several("a MATLAB file", "Export the triples person, item, rating as CSV.")),
    (b"$FL2", words.several("an SPSS file", "Export the table as CSV.")),
    (b"<stata", words.several("a Stata file", "Export the table as CSV.")),
    (b"%%MatrixMarket", words.several("a Matrix Market file", "Export the triples person, item, rating as CSV.")),
)
_RULED = re.compile(rb"^[ \t]*(?:[|+][ \t]*)?:?-+:?[ \t]*(?:[|+][ \t]*:?-+:?[ \t]*)+(?:[|+][ \t]*)?\r?$", re.MULTILINE)
_DATED = re.compile(r"(?<!\d)(?:19|20)\d\d(?:[-_.]?(?:0[1-9]|1[0-2]|[qw]\d{1,2})(?:[-_.]?\d\d)?)?(?!\d)", re.IGNORECASE)
_KEYED = re.compile(r"([^=]+)=([^=]*)")  # a folder of Hive's: year=2023
# Lines that are no rows: remarks, and what data bases write below a table.
_REMARK = re.compile(
    r"\s*(?:#|//|--|\(\d+ rows?(?: affected)?\)|\d+ rows? (?:selected|in set|affected)\b)", re.IGNORECASE
)
_ABOVE = 3  # rows at the foot that may be sums
_PART = re.compile(r"part-\d+.*|.*[-_.]part[-_.]?\d+.*|\d{6}_\d+", re.IGNORECASE)


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
                raise DataError(
                    words.say("{path} is a folder.", path=path), "Name the file in it, or a folder with tables."
                )
            if path.stat().st_size > limit * 1_000_000:
                raise too_large(name, path.stat().st_size, limit)
            raw = path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(
                words.say("{path} cannot be read: {reason}.", path=path, reason=reason),
                "Check the path and its permissions.",
            ) from error
    if len(raw) > limit * 1_000_000:
        raise too_large(name, len(raw), limit)
    if not raw:
        raise DataError(
            words.say("{name} is empty: 0 bytes.", name=name),
            "Export it again; the first row should hold column names.",
        )
    return _gunzipped(name, raw) if raw[:2] == b"\x1f\x8b" else raw


def _gunzipped(name: str, raw: bytes) -> bytes:
    limit = settings.MAX_UNPACKED_MB * 1_000_000
    try:
        with gzip.open(io.BytesIO(raw)) as file:
            unpacked = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            words.say("{name} is a gzip file that is damaged: {error}.", name=name, error=error),
            "Pack it again, or unpack it.",
        ) from error
    if len(unpacked) > limit:
        raise too_large(f"{name}, unpacked,", len(unpacked), settings.MAX_UNPACKED_MB)
    if unpacked[257:262] == b"ustar":
        raise DataError(words.say("{name} is a tar archive.", name=name), "Pack the files as zip, or unpack them.")
    return unpacked


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
    """The files in a zip, as (path inside, content), or the sheets of a workbook; without folders and hidden files.

    Bounded before anything is unpacked: members, their declared sizes, and then what really comes out.
    """
    name, raw = file_name(source), content(source)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not hidden(m.filename)]
            if any(m.filename == "xl/workbook.xml" for m in members):
                return formats.sheets(name, raw)
            if len(members) > settings.MAX_ZIP_MEMBERS:
                message = words.say(
                    "{name} holds {n} files; the limit is {max_zip_members}.",
                    name=name,
                    n=len(members),
                    max_zip_members=settings.MAX_ZIP_MEMBERS,
                )
                raise DataError(message, "Pack only the tables: interactions, people, items.")
            total = sum(m.file_size for m in members)
            if total > settings.MAX_UNPACKED_MB * 1_000_000:
                raise too_large(f"{name}, unpacked,", total, settings.MAX_UNPACKED_MB)
            locked = [m.filename for m in members if m.flag_bits & 1]
            if locked:
                raise DataError(
                    words.say("{name}: {locked} is encrypted.", name=name, locked=locked[0]),
                    "Pack the files again without a password.",
                )
            if not members:
                raise DataError(
                    words.say("{name} holds no files.", name=name),
                    "Pack interactions, and people and items if you have them.",
                )
            # A member gives at most its declared size, so the sum above bounds what is unpacked here.
            return [(m.filename, archive.read(m)) for m in members]
    except DataError:
        raise
    except Exception as error:  # zipfile lets through whatever its decompressors raise (LZMAError, zlib.error, …)
        hint = "Pack the files again with the usual compression (deflate), or bring them one by one."
        raise DataError(
            words.say("{name} is a damaged or unusual zip archive: {error}.", name=name, error=error), hint
        ) from error


def hidden(path: str) -> bool:
    """Whether a path inside an archive, or a file's name, is one that its maker's system put there."""
    return any(
        part.startswith((".", "__MACOSX")) and part != ".." for part in PurePosixPath(path.replace("\\", "/")).parts
    )


def members(source: Source) -> list[Source] | None:
    """The files in a zip, a folder or a workbook, without empty ones and marks of a writer; None for a single file."""
    if isinstance(source, (str, Path)) and _is_folder(source):
        paths = sorted(p for p in Path(source).expanduser().rglob("*") if p.is_file() and not hidden(p.name))
        if len(paths) > settings.MAX_ZIP_MEMBERS:
            raise DataError(
                words.say("{source} holds {n} files.", source=source, n=len(paths)),
                "Name a folder with the tables alone.",
            )
        inside: list[Source] = [p for p in paths if p.stat().st_size and not p.name.startswith("_")]
        if not inside:
            raise DataError(
                words.say("{source} is a folder without tables.", source=source),
                "Name a file, or a folder with tables.",
            )
        return inside
    if not is_zip(source):
        return None
    packed = unzip(source)
    kept = [(name, raw) for name, raw in packed if raw and not PurePosixPath(name).name.startswith("_")]
    return list(kept or packed)


def _is_folder(source: str | Path) -> bool:
    try:
        return Path(source).expanduser().is_dir()
    except (OSError, ValueError):
        return False


def parts(sources: Sequence[Source]) -> list[list[Source]]:
    """The sources, those that are parts of one table together: part-00000, part-00001 … of Spark; files whose names
    differ by a date alone; files in folders of Hive's, year=2023 and year=2024."""
    found: dict[str, list[Source]] = {}
    for i, source in enumerate(sources):
        path = _path(source)
        folder, name = "/".join(_KEYED.sub(r"\1=*", each) for each in path.parent.parts), _DATED.sub("*", path.name)
        if _PART.fullmatch(path.name) or folder != "/".join(path.parent.parts):
            name = f"*{path.suffix}"
        found.setdefault(f"{folder}/{name}" if "*" in folder + name else f"{i}", []).append(source)
    return list(found.values())


def _path(source: Source) -> PurePosixPath:
    return PurePosixPath(str(source if not isinstance(source, tuple) else source[0]).replace("\\", "/"))


def _keyed(source: Source, table: Table) -> Table:
    """The table with a column for each key=value among its folders, but for those that it has."""
    told = [match for each in _path(source).parent.parts if (match := _KEYED.fullmatch(each))]
    new = {match[1]: match[2] for match in told if match[1] not in table.frame}
    return replace(table, frame=table.frame.assign(**new), folders=tuple(new))


def table(source: Source, reading: Reading | None = None) -> Table:
    """Read one table; a zip or a folder may hold it in parts. DataError names file, row and column, and what to do."""
    inside = members(source)
    if inside is None:
        return _one(source, reading or Reading())
    groups = parts(inside)
    if all(file_name(one).endswith((".parquet", ".pq")) for one in inside):
        groups = [inside]
    if len(groups) > 1:
        name, many = file_name(source), ", ".join(file_name(group[0]) for group in groups[:8])
        raise DataError(
            words.say(
                "{name} holds {n} files where one table is expected: {many}.", name=name, n=len(groups), many=many
            ),
            "Bring one of them.",
        )
    return joined(groups[0], reading, file_name(source))


def joined(sources: Sequence[Source], reading: Reading | None = None, name: str = "") -> Table:
    """The parts of one table, below each other; their columns have to be the same."""
    first, *rest = (_keyed(source, _one(source, reading or Reading())) for source in sources)
    if not rest:
        return first
    for part in rest:
        if list(part.frame.columns) != list(first.frame.columns):
            message = words.say(
                "{name} has other columns than {name_2}, the first part of the same table.",
                name=part.name,
                name_2=first.name,
            )
            raise DataError(message, "Write all parts with the same columns.")
    frame = pd.concat([part.frame for part in (first, *rest)], ignore_index=True)
    frame.index = pd.RangeIndex(1 + int(first.header), len(frame) + 1 + int(first.header))
    message = words.say("{n} parts were put together; the numbers of rows go on from part to part.", n=len(rest) + 1)
    note = Finding("parts", "info", name or first.name, message, len(rest) + 1)
    return replace(first, name=name or first.name, frame=frame, notes=(*first.notes, note))


def _one(source: Source, reading: Reading) -> Table:
    name, raw = file_name(source), content(source)
    if raw[:4] == b"PAR1":
        return _parquet(name, raw)
    if is_zip((name, raw)):
        raise DataError(
            words.say("{name} is a zip archive where one table is expected.", name=name),
            "Bring the zip alone, or its files.",
        )
    for magic, (kind, hint) in _KINDS:
        if raw.startswith(magic):
            raise DataError(words.say("{name} is {kind}, not a table.", name=name, kind=words.say(kind)), hint)
    text, encoding, others = decode(name, raw, reading.encoding)
    found = formats.read(name, text)
    if found is not None:
        kind, frame, aside = found
        _check_size(name, len(frame), frame.shape[1])
        message = words.say("There are several lists of records; {aside} are left aside.", aside=aside)
        notes = (Finding("lists_aside", "warning", name, message),) if aside else ()
        named = not columns.names(frame)[0].startswith("column ")
        result = Table(name, frame, kind, encoding, named, notes=notes)
    else:
        result = _delimited(name, text, encoding, reading)
    return replace(result, notes=(*result.notes, _asked_encoding(result, others))) if others else result


def _check_size(name: str, rows: int, width: int) -> None:
    if width > settings.MAX_COLUMNS:
        message = words.say(
            "{name} has {width} columns; the limit is {max_columns}.",
            name=name,
            width=width,
            max_columns=settings.MAX_COLUMNS,
        )
        raise DataError(message, "Leave out the columns that are not needed, or check the separator.")
    if rows > settings.MAX_ROWS:
        raise _too_many_rows(name, rows)


def _asked_encoding(table: Table, others: Sequence[str]) -> Finding:
    shown = _with_marks(table.frame)
    text = words.say(
        "{name} is not UTF-8. Read as {encoding} its letters are right?", name=table.name, encoding=table.encoding
    )
    if shown:
        text = words.say(
            "{name} is not UTF-8. Read as {encoding} its letters are right, such as {shown}?",
            name=table.name,
            encoding=table.encoding,
            shown=repr(shown),
        )
    question = Question("encoding", text, (table.encoding, *others), table.encoding)
    return Finding("encoding_asked", "warning", table.name, question.text, question=question)


def _with_marks(frame: pd.DataFrame) -> str:
    """The first cell with a letter beyond ASCII."""
    for column in columns.names(frame):
        odd = frame[column].str.contains(r"[^\x00-\x7f]", na=False)
        if odd.any():
            return str(frame.loc[odd, column].iloc[0])
    return next((c for c in columns.names(frame) if not c.isascii()), "")


_EAST = (
    "gb18030",
    "big5",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "cp1251",
    "koi8_r",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1250",
    "iso8859_2",
)
_WEST = ("cp1252", "latin-1", "cp1250", "iso8859_2", "cp1254", "mac_roman", "cp850")  # Latin letters


def decode(name: str, raw: bytes, encoding: str | None = None) -> tuple[bytes, str, tuple[str, ...]]:
    """The content as UTF-8, the encoding that it had, and other likely ones where that is not sure.

    Raises DataError for binary content."""
    if encoding is not None:
        try:
            return raw.decode(encoding).removeprefix("\ufeff").encode(), encoding, ()
        except LookupError as error:
            raise DataError(
                words.say("{name}: no encoding is called {encoding}.", name=name, encoding=encoding),
                "Try utf-8, utf-16 or cp1252.",
            ) from error
        except UnicodeError as error:
            hint = "Choose another encoding, or let it be detected."
            raise DataError(
                words.say("{name} is not {encoding}: {error}.", name=name, encoding=encoding, error=error), hint
            ) from error
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
    others: tuple[str, ...] = ()
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            hint = "The file is cut off or mixed; export it again as UTF-8."
            raise DataError(
                words.say(
                    "{name} begins like {encoding} but breaks at byte {start}.",
                    name=name,
                    encoding=encoding,
                    start=error.start,
                ),
                hint,
            ) from error
        mixed = _mixed(raw)
        if mixed is not None:
            return mixed.encode(), _MIXED, ()
        encoding, others = _detected(name, raw, error)
        text = raw.decode(encoding)
    if "\0" in text or len(_CONTROL.findall(text)) > 0.001 * len(text):
        raise _binary(name, text)
    return text.encode(), encoding, others


_MIXED = "utf-8 and cp1252"


def _mixed(raw: bytes) -> str | None:
    """A text most of whose lines beyond ASCII are UTF-8, and the others of Windows, as programs that add to each
    other's files leave it; None for any other text."""
    lines = raw.splitlines(keepends=True)
    marked = [i for i, line in enumerate(lines) if not line.isascii()]
    theirs = [i for i in marked if not _decodes(lines[i], "utf-8")]
    if len(theirs) > 0.5 * len(marked) or not all(_decodes(lines[i], "cp1252") for i in theirs):
        return None
    odd = set(theirs)
    return "".join(line.decode("cp1252" if i in odd else "utf-8") for i, line in enumerate(lines))


def _detected(name: str, raw: bytes, error: UnicodeDecodeError) -> tuple[str, tuple[str, ...]]:
    """The encoding of a text that is not UTF-8, and other likely ones.

    The names of columns tell it where they are known in one encoding alone; letters beside ASCII ones, where they make
    words of small letters in one. Else, where they stand side by side, a library knows in which languages they make
    sense, and where they stand alone, it is a Western one, told by its quotation marks.
    """
    high = np.frombuffer(raw, dtype=np.uint8)
    marked = high >= 0x80
    first = raw.split(b"\n", 1)[0]
    named = {code: _known_names(first, code) for code in (*_EAST, *_WEST) if any(byte >= 0x80 for byte in first)}
    named = {code: n for code, n in named.items() if n > 0 and _decodes(raw, code)}
    told = [code for code in named if named[code] == max(named.values())]
    if told and not {"cp1252", "latin-1"} & set(told):  # names of columns that are known in one encoding alone
        return told[0], _others(*told)
    shares = {code: _sense(raw[: 16 * _SAMPLE], code) for code in _WEST if _decodes(raw, code)}
    usual = max(shares.get("cp1252", 0.0), shares["latin-1"])
    best = max(shares, key=lambda code: shares[code])
    if shares[best] >= 0.9 and usual < shares[best] - 0.1:
        return best, _others(best, *sorted(shares, key=lambda code: -shares[code]))
    runs = int((marked[1:] & ~marked[:-1]).sum()) + int(marked[0])
    if marked.sum() > 1.6 * runs and usual < 0.9:
        lines = [line for line in raw.splitlines() if any(byte >= 0x80 for byte in line)]
        sample, taken = [], 0
        for line in lines:
            if taken > _SAMPLE:
                break
            sample.append(line)
            taken += len(line)
        matches = charset_normalizer.from_bytes(b"\n".join(sample), cp_isolation=list(_EAST), threshold=0.5)
        fits = []
        for match in matches:
            for candidate in (match.encoding, *match.could_be_from_charset):
                if candidate in _EAST and candidate not in fits and _decodes(raw, candidate):
                    fits.append(candidate)
        if fits:
            return fits[0], _others(*fits)
    undefined = np.isin(high, [0x81, 0x8D, 0x8F, 0x90, 0x9D])  # no letters in cp1252
    if undefined.mean() > 0.001:
        raise _binary(name) from error
    return "cp1252" if (marked & (high < 0xA0)).any() and not undefined.any() else "latin-1", ()


def _others(best: str, *fits: str) -> tuple[str, ...]:
    """What else is offered: three more that fit, and the one that fits everything."""
    return tuple(dict.fromkeys([*[code for code in fits if code != best][:3], "latin-1"]))


def _known_names(first: bytes, encoding: str) -> int:
    """How many of the names of columns are known, which hold letters beyond ASCII, when they are read so."""
    try:
        cells = re.split(r"[,;|\t]|::", first.decode(encoding))
    except UnicodeError:
        return 0
    known = {*columns.USER_NAMES, *columns.ITEM_NAMES, *columns.RATING_NAMES, *columns.TIME_NAMES, *columns.COUNT_NAMES}
    return sum(columns.plain(cell.strip().strip('"')) in known for cell in cells if not cell.isascii())


def _sense(raw: bytes, encoding: str) -> float:
    """Part of the letters beyond ASCII beside other letters that are letters, small after small ones."""
    text = raw.decode(encoding, errors="ignore")
    beside = re.findall(r"([A-Za-z])([^\x00-\x7f])", text)
    strange = "ºª" if encoding not in ("cp1252", "latin-1") else "ºªýðþÝÐÞ"  # of Iceland; of Turkey in cp1254
    sense = sum(odd.isalpha() and (odd.islower() or before.isupper()) and odd not in strange for before, odd in beside)
    return sense / len(beside) if len(beside) > 2 else 0.0


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeError:
        return False
    return True


def _utf16_without_mark(sample: bytes) -> str | None:
    """utf-16-le or -be where every other byte is mostly zero, as in Latin text; else None."""
    even, odd = sample[0::2].count(0) / max(len(sample) // 2, 1), sample[1::2].count(0) / max(len(sample) // 2, 1)
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.05 else None


def _binary(name: str, text: str = "") -> DataError:
    if 0 < text.count("\0") <= max(1.0, 0.001 * len(text)) and not _CONTROL.search(text):  # a text with a slip in it
        row = text.count("\n", 0, text.index("\0")) + 1
        return DataError(
            words.say("{name}, row {row}: a NUL byte stands in the text.", name=name, row=row),
            "Remove it, or export the file again.",
        )
    return DataError(
        words.say("{name} holds binary data, not a text table.", name=name),
        "Bring CSV, TSV, JSON, Parquet, or a zip of them.",
    )


def _delimited(name: str, text: bytes, encoding: str, reading: Reading) -> Table:
    notes: tuple[Finding, ...] = ()
    bare = _undrawn(text)
    if bare is not None:
        text = bare
        message = words.say("The table is drawn with lines, as in Markdown; they are left aside.")
        notes = (Finding("drawn", "info", name, message),)
    sample = text[:_SAMPLE].decode(errors="ignore")
    if len(text) > _SAMPLE:
        sample = sample[: sample.rfind("\n") + 1] or sample
    above, told = _preamble(sample, reading.separator)
    if above:
        count = sample[:above].count("\n")
        message = words.say(
            "What stands above the table is left aside: {examples}.",
            examples=examples(sample[:above].strip().splitlines()),
        )
        notes = (*notes, Finding("preamble", "warning", name, message, count))
        cut = len(sample[:above].encode())
        # Its rows stay, as blank ones, so that rows keep their numbers.
        text, sample = b"\n" * count + text[cut:], "\n" * count + sample[above:]
    lines = [line for line in re.split(r"\r\n|\n|\r", sample) if line.strip()]
    if not lines:
        raise DataError(
            words.say("{name} holds only blank rows.", name=name),
            "Export it again; the first row should hold column names.",
        )
    separator = reading.separator or told or _guess_separator(name, lines)
    delimiter = _UNIT if separator in ("::", SPACE) else separator
    if len(delimiter) != 1 or delimiter in '\n\r"':
        raise DataError(
            words.say("{name}: {separator} cannot separate columns.", name=name, separator=repr(separator)),
            "Choose comma, tab, ;, | or ::.",
        )
    if separator == SPACE:
        text, sample = _spaced(text), _spaced(sample.encode()).decode()
    elif separator == "::":
        text, sample = text.replace(b"::", _UNIT.encode()), sample.replace("::", _UNIT)
    if reading.separator is None and _is_sequences(lines, separator):
        return _sequences(name, text, delimiter, separator, encoding)
    mark = _quotation(text, sample, delimiter, separator)
    records = list(_records(sample, delimiter, mark))
    if not records:
        raise DataError(
            words.say("{name} holds no cells, only separators.", name=name), "Export it again with its rows."
        )
    if reading.header is not False and (longer := _lengthened(text, records, delimiter)) is not None:
        text, records[0] = longer
    first = [cell.strip() for cell in records[0]]
    _check_size(name, 0, len(first) if len(records) > 1 else _width(text, delimiter, mark))
    if len(first) < 2:
        hint = "Known separators are comma, tab, ;, |, :: and white space; the table needs at least two columns."
        raise DataError(
            words.say(
                "{name} has a single column when cut at {separator_titles}.",
                name=name,
                separator_titles=words.say(SEPARATOR_TITLES.get(separator, separator)),
            ),
            hint,
        )
    if reading.header is None and _is_libfm(records):
        raise DataError(
            words.say("{name} is a file of libFM or libSVM, whose columns are features, not ids.", name=name),
            "Export person, item and rating as columns of a CSV.",
        )
    header = reading.header if reading.header is not None else _has_header(first, records[1:])
    spaced: tuple[str, ...] = ()
    if header and all(_TYPED.search(cell) for cell in first):
        spaced = tuple(_TYPED.sub("", cell) for cell in first if cell.endswith("_seq"))
        first = [_TYPED.sub("", cell) for cell in first]
    names = first if header else [f"column {i + 1}" for i in range(len(first))]
    tall = header and reading.header is None and len(records) > 2 and _is_second_header(records[0], records[1:])
    if tall:
        names = _joined_names(first, [cell.strip() for cell in records[1]])
        message = words.say("Two rows hold the names of columns; together they are {names}.", names=", ".join(names))
        notes = (*notes, Finding("two_headers", "warning", name, message))
    frame, remarks = _parse(name, text, delimiter, mark, names)
    if remarks:
        message = words.say(
            "{n} line is no row of the table and is left aside: {examples}.",
            "{n} lines are no rows of the table and are left aside: {examples}.",
            n=len(remarks),
            examples=examples(line.strip() for line in remarks.values()),
        )
        rows = tuple(remarks)[:ROWS_SHOWN]
        notes = (*notes, Finding("remarks", "warning", name, message, len(remarks), rows))
    blank = frame.isna().all(axis=1)
    blanks = int(blank.sum()) - sum(note.count for note in notes if note.key in ("preamble", "drawn"))
    if header:  # blank rows above the header, and the header
        blank.iloc[: int(np.argmin(blank.to_numpy())) + 1 + tall] = True
    frame = frame[~blank]
    sums = _sums(frame)
    if len(sums):
        message = words.say(
            "{n} row at the foot is a sum, and is left aside: {examples}.",
            "{n} rows at the foot are sums, and are left aside: {examples}.",
            n=len(sums),
            examples=examples(frame.loc[row].dropna().iloc[0] for row in sums),
        )
        notes = (*notes, Finding("sums", "warning", name, message, len(sums), tuple(map(int, sums[:ROWS_SHOWN]))))
        frame = frame.drop(index=sums)
    _check_size(name, len(frame), 0)
    nameless = [c for c in columns.names(frame) if c.startswith("\0")]
    frame = frame.drop(columns=[c for c in nameless if frame[c].isna().all()])
    frame = frame.rename(columns={c: f"column {int(c[1:]) + 1}" for c in nameless})
    if frame.empty:
        raise DataError(
            words.say("{name} holds no rows below its column names.", name=name), "Export it again with its rows."
        )
    return Table(name, frame, separator, encoding, header, blanks, spaced, notes)


def _is_libfm(records: Sequence[Sequence[str]]) -> bool:
    """Whether rows are few different targets with features and their values: 4 17:1 230:1."""
    rows = records[:200]
    targets = {row[0] for row in rows}
    return len(rows) > 20 and len(targets) <= 0.5 * len(rows) and all(
        len(row) > 2 and _is_number(row[0]) and all(re.fullmatch(r"\d+:-?[\d.eE+-]+", cell) for cell in row[1:] if cell)
        for row in rows
    )  # fmt: skip


def _lengthened(text: bytes, records: Sequence[Sequence[str]], delimiter: str) -> tuple[bytes, list[str]] | None:
    """The text and its first row, where all others have a cell more: an empty one behind a separator at their end, or
    the number of the row, which R writes without a name; else None."""
    first, rest = list(records[0]), records[1:]
    if len(rest) < 2 or any(len(row) != len(first) + 1 for row in rest):
        return None
    start = len(text) - len(text.lstrip(b"\r\n"))
    found = re.compile(rb"\r?\n").search(text, start)
    assert found is not None  # there are several rows
    if not any(row[-1].strip() for row in rest):
        return text[: found.start()] + delimiter.encode() + text[found.start() :], [*first, ""]
    if [row[0] for row in rest] == [str(i + 1) for i in range(len(rest))]:
        return text[:start] + delimiter.encode() + text[start:], ["", *first]
    return None


def _is_second_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether the first row has cells for several columns, as merged ones are written, and the next one names each."""
    gaps = [not cell.strip() for cell in first]
    names = [cell.strip() for cell in rest[0]]
    if not any(gaps[1:]) or all(gaps) or len(names) != len(first) or not all(names):
        return False
    return not any(map(_is_number, names)) and _has_header(names, rest[1:])


def _joined_names(above: Sequence[str], below: Sequence[str]) -> list[str]:
    """Names of two rows: each of the second behind that of the first which stands above it, or to the left."""
    names, group = [], ""
    for over, own in zip(above, below, strict=True):
        group = over or group
        names.append(own if columns.plain(own) == columns.plain(group) else f"{group} {own}".strip())
    return names


def _sums(frame: pd.DataFrame) -> pd.Index:
    """The rows at the foot whose first cell says that they are sums, as no other does."""
    foot = frame.tail(_ABOVE)
    told = foot.notna().to_numpy()
    first = [str(row[np.argmax(there)]) for row, there in zip(foot.to_numpy(object), told, strict=True)]
    early = np.argmax(told, axis=1) < 2
    called = np.array([columns.plain(cell) in columns.SUM_NAMES for cell in first], dtype=bool) & early
    if len(frame) <= _ABOVE or not called.any():
        return foot.index[:0]
    early_ones = [frame[c].iloc[:-_ABOVE].dropna().unique() for c in columns.names(frame)[:2]]
    above = {columns.plain(str(cell)) for cells in early_ones for cell in cells}
    return foot.index[[c and columns.plain(cell) not in above for c, cell in zip(called, first, strict=True)]]


def _undrawn(text: bytes) -> bytes | None:
    """A table that is drawn, as in Markdown and by data bases, without its lines, which stay as blank rows; None for
    any other text. Such a line is among the first three."""
    rule = _RULED.search(text[:_SAMPLE])
    if rule is None or b"|" not in text[:_SAMPLE] or len(text[: rule.start()].strip().splitlines()) > 2:
        return None
    bare = re.sub(rb"^\(\d+ rows?\)[ \t]*\r?$", b"", _RULED.sub(b"", text), flags=re.MULTILINE)
    lines = [line.strip() for line in bare.split(b"\n")]
    if all(line.startswith(b"|") for line in lines if line):  # lines at both ends of the rows, too
        lines = [line[1:].removesuffix(b"|") for line in lines]
    return b"\n".join(b"|".join(map(bytes.strip, line.split(b"|"))) for line in lines)


def _preamble(sample: str, separator: str | None) -> tuple[int, str | None]:
    """Where the table begins [characters], below a title, remarks and blank rows; and the separator that a first line
    such as "sep=;" names.

    Above a table stand lines of one cell at most, while nearly all rows below have several, and as many."""
    said = re.match(r'"?sep=(\\t|.)"?\s*\n', sample, re.IGNORECASE)
    if said is not None:
        return said.end(), said[1].replace("\\t", "\t")
    lines = sample.splitlines(keepends=True)[:400]
    bare = [re.sub(r'"[^"]*"', "x", line).strip() for line in lines]
    marks = [separator] if separator else [mark for mark in SEPARATORS if any(mark in line for line in bare)]
    for mark in marks:
        counts = [line.count(mark) for line in bare if line]
        usual = max(counts, key=counts.count)
        if usual and counts.count(usual) >= 0.9 * len(counts) - 5:
            above = 0
            for line in bare[:20]:
                several = any(sum(map(bool, map(str.strip, line.split(each)))) > 1 for each in SEPARATORS)
                remark = line.startswith(("#", "//", "%")) and line.count(mark) != usual
                if several and not remark:
                    break
                above += 1
            if above == 0 and lines[0].startswith("#"):
                return 0, None  # names of columns behind a mark
            if 0 < above < len(lines) - 1 and above < 20 and any(bare[:above]):
                return sum(map(len, lines[:above])), None
    return 0, None


def _guess_separator(name: str, lines: Sequence[str]) -> str:
    """The separator that cuts the rows like the first one; the one that gives more columns where several do."""
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines[:200]]
    found = []
    for separator in SEPARATORS:
        counts = [line.count(separator) for line in bare]
        if counts[0]:
            found.append((sum(c == counts[0] for c in counts) / len(counts), counts[0], separator))
    spaced = [len(line.split()) for line in lines[:200]]
    even = spaced[0] > 1 and sum(n == spaced[0] for n in spaced) / len(spaced) >= columns.NUMERIC_SHARE
    numbered = [line.split()[0].strip('"') for line in lines[1:200]] == [str(i) for i in range(1, len(lines[:200]))]
    even |= spaced[0] > 1 and numbered and all(n == spaced[0] + 1 for n in spaced[1:])  # as R writes
    if (not found or max(found)[0] < 0.5) and ((even and len(lines) > 2) or _is_sequences(lines, SPACE)):
        return SPACE
    if not found:
        hint = "Separate columns by comma, tab, ;, |, :: or white space, or name another separator (--separator)."
        raise DataError(
            words.say("{name}: the first row {lines} is not cut into columns.", name=name, lines=repr(lines[0][:60])),
            hint,
        )
    return max(found, key=lambda f: f[:2])[2]


def _spaced(text: bytes) -> bytes:
    """Runs of spaces and tabs as one mark, none at the ends of lines."""
    return re.sub(rb"[ \t]+", _UNIT.encode(), re.sub(rb"^[ \t]+|[ \t]+(?=\r?$)", b"", text, flags=re.MULTILINE))


def _is_sequences(lines: Sequence[str], separator: str) -> bool:
    """Whether each line is a person and then all their items: lines of many lengths, each cell an id with a digit; or
    each item with a number behind a colon."""
    if '"' in lines[0]:
        return False
    cut = [line.split(None if separator == SPACE else separator) for line in lines[:200]]
    lengths = [len(cells) for cells in cut]
    most = max(lengths.count(n) for n in set(lengths))
    weighed = all(re.fullmatch(r"[^:]+:[\d.]+", cell) for cells in cut for cell in cells[1:]) and min(lengths) > 1
    if _are_counts(cut):
        return True
    if len(cut) < 3 or (most > 0.5 * len(cut) and not weighed) or len({cells[0] for cells in cut}) < len(cut):
        return False
    cells = [cell for row in cut for cell in row]
    return all(any(letter.isdigit() for letter in cell) and " " not in cell.strip() for cell in cells if cell)


def _are_counts(cut: Sequence[Sequence[str]]) -> bool:
    """Whether each line begins with how many items follow, as CiteULike's do: the number of the line is the person."""
    return len(cut) > 2 and all(cells[0].isdecimal() and int(cells[0]) == len(cells) - 1 for cells in cut) and (
        len({len(cells) for cells in cut}) > 1
    )  # fmt: skip


def _sequences(name: str, text: bytes, delimiter: str, separator: str, encoding: str) -> Table:
    """A line a person → a table of persons and their items joined by "|", which `shapes` lays out in rows."""
    rows = []
    for number, line in enumerate(text.decode().splitlines(), 1):
        cells = [cell.strip() for cell in line.split(delimiter)]
        if any(cells):
            rows.append((number, cells[0], "|".join(cell for cell in cells[1:] if cell)))
    frame = pd.DataFrame([row[1:] for row in rows], columns=["user_id", "items"], dtype="str")
    frame.index = pd.Index([row[0] for row in rows])
    notes: tuple[Finding, ...] = ()
    if _are_counts([[person, *filter(None, str(items).split("|"))] for person, items in frame.to_numpy(object)]):
        frame = frame.assign(user_id=frame.index.astype("str"))
        message = words.say("Each line begins with how many items follow; the number of the line is the person.")
        notes = (Finding("counted_lines", "warning", name, message, len(frame)),)
    return Table(name, frame.mask(frame == ""), separator, encoding, False, notes=notes)


def _quotation(text: bytes, sample: str, delimiter: str, separator: str) -> str:
    """The mark that encloses cells, "" for none. "::" files have none; tab and pipe files only where a pair shows. It
    is a single one where nearly all rows have cells between those, and none has one between double ones."""
    cut = re.escape(delimiter)
    lines = [line for line in sample.splitlines()[:400] if line.strip()]
    single, double = (
        sum(re.search(f"(^|{cut}){mark}[^{mark}]*{mark}({cut}|$)", line) is not None for line in lines)
        for mark in ("'", '"')
    )
    if single >= 0.9 * len(lines) and not double:
        return "'"
    if separator in ("\t", "|", SPACE) and b'"' in text:
        told = re.escape(delimiter.encode())
        return '"' if re.search(rb"(^|" + told + rb')"[^"\n]*"(' + told + rb"|\r?$)", text, re.MULTILINE) else ""
    return "" if separator in ("\t", "|", "::", SPACE) else '"'


def _records(sample: str, delimiter: str, mark: str) -> Iterable[list[str]]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if mark else csv.QUOTE_NONE
    lines = io.StringIO(sample, newline="")
    try:
        for record in csv.reader(lines, delimiter=delimiter, quotechar=mark or None, quoting=quoting):
            if any(cell.strip() for cell in record):
                yield record
    except csv.Error:  # a cell beyond the module's limit: what was read so far is the sample
        return


def _width(text: bytes, delimiter: str, mark: str) -> int:
    """Cells of the first row, which may go beyond what was looked at."""
    row = text.lstrip(b"\r\n").partition(b"\n")[0]
    if len(row) > 16 * _SAMPLE:  # there are more than anybody means: marks around some of them change little
        return row.count(delimiter.encode()) + 1
    return len(next(iter(_records(row.decode(errors="ignore"), delimiter, mark)), []))


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
    below = [[row[i].strip() for row in rest if i < len(row) and row[i].strip()] for i in range(len(first))]
    pairs = [(cell, cells) for cell, cells in zip(first, below, strict=True) if cell and cells]
    if any(_is_one_of(cell, cells) for cell, cells in pairs):
        return False
    return any(all(map(_is_number, cells)) for _, cells in pairs) or not any(cell in cells for cell, cells in pairs)


def _is_one_of(cell: str, below: Sequence[str]) -> bool:
    """Whether the cell is written like those below it: digits and letters in the same places, as ids and dates are."""
    shape = _shape(cell)
    return any(letter.isdigit() for letter in cell) and sum(_shape(other) == shape for other in below) > 0.5 * len(
        below
    )


def _shape(cell: str) -> str:
    if re.fullmatch(r"[0-9a-f]{16,}", cell):
        return f"hex {len(cell)}"
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parse(
    name: str, text: bytes, delimiter: str, mark: str, names: Sequence[str]
) -> tuple[pd.DataFrame, dict[int, str]]:
    """The frame, its index the numbers of the rows, and the lines by their numbers that are no rows but remarks."""
    keys = [column or f"\0{i}" for i, column in enumerate(names)]
    repeated = sorted({column for column in keys if keys.count(column) > 1})
    if repeated:
        message = words.say(
            "{name}: the column name {repeated} occurs {count} times.",
            name=name,
            repeated=repr(repeated[0]),
            count=keys.count(repeated[0]),
        )
        raise DataError(message, "Give every column its own name.")
    ragged: list[tuple[int, int]] = []
    remarks: dict[int, str] = {}
    n_ragged = 0

    def keep(row: pa_csv.InvalidRow) -> str:
        nonlocal n_ragged
        if _REMARK.match(row.text) and len(remarks) < settings.MAX_COLUMNS:
            remarks[row.number] = row.text
            return "skip"
        n_ragged += 1
        if len(ragged) < ROWS_SHOWN:
            ragged.append((row.number, row.actual_columns))
        return "skip"

    # Some data bases write \" for a quotation mark inside a cell; at a cell's end it is only a backslash.
    quoted = bool(mark) and mark.encode() in text
    escaped = mark == '"' and b'\\"' in text and re.search(rb'[^,;\t|]\\"[^,;\t|\r\n]', text) is not None
    try:
        parsed = pa_csv.read_csv(
            io.BytesIO(text),
            # One thread, as only then a bad row comes with its number.
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=keys, block_size=MAX_ROW_BYTES),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter,
                quote_char=mark or False,
                double_quote=bool(mark),
                escape_char="\\" if escaped else False,
                newlines_in_values=quoted,
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
        if "straddling" in str(error) and quoted:
            raise _unclosed(name, "some row") from error
        if "straddling" in str(error):
            raise DataError(
                words.say("A row of {name} is larger than {size}.", name=name, size=words.size(MAX_ROW_BYTES)),
                words.say("Shorten what stands in its cells, or leave that column out."),
            ) from error
        raise DataError(
            words.say("{name} cannot be cut into columns: {error}.", name=name, error=error),
            "Check separator and quotation marks.",
        ) from error
    if n_ragged:
        shown = ", ".join(words.say("row {row} has {fields}", row=row, fields=fields) for row, fields in ragged)
        more = words.say(" and {n} more rows", n=n_ragged - len(ragged)) if n_ragged > len(ragged) else ""
        hint = "Enclose cells that contain the separator in quotation marks, and fill missing cells."
        raise DataError(
            words.say(
                "{name}: the first row has {n} columns, but {shown}{more}.",
                name=name,
                n=len(keys),
                shown=shown,
                more=more,
            ),
            hint,
        )
    frame: pd.DataFrame = parsed.to_pandas().astype("str")
    if b'="' in text:  # as Excel keeps ids from becoming numbers
        for column in columns.names(frame):
            if frame[column].iloc[1:].str.fullmatch('=".*"').mean() > 0.5:  # the first may be a name
                frame[column] = frame[column].str.replace('^="(.*)"$', r"\1", regex=True).replace("", None)
    rows = np.arange(1, len(frame) + len(remarks) + 1)
    frame.index = pd.Index(rows[~np.isin(rows, list(remarks))]) if remarks else pd.RangeIndex(1, len(frame) + 1)
    if quoted and not escaped:
        _check_quotes(name, text, delimiter, mark, frame)
    return frame, remarks


def _check_quotes(name: str, text: bytes, delimiter: str, mark: str, frame: pd.DataFrame) -> None:
    """DataError where a cell over several lines is none, but a quotation mark that swallowed the rows below it."""
    several = np.zeros(len(frame), dtype=bool)
    for column in frame:
        several |= frame[column].str.contains("\n", regex=False, na=False).to_numpy()
    if not several.any():
        return
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    row = 0  # rows that were read without a fault
    try:
        lines = io.StringIO(text.decode(), newline="")
        for _ in csv.reader(lines, delimiter=delimiter, quotechar=mark, strict=True):
            row += 1
    except csv.Error as error:
        if row < len(several) and several[row]:
            raise _unclosed(name, f"row {row + 1}") from error


def _unclosed(name: str, where: str) -> DataError:
    hint = 'Close it, or write a quotation mark inside a cell twice ("").'
    return DataError(
        words.say("{name}, {where}: a quotation mark is opened and never closed.", name=name, where=where), hint
    )


def _too_many_rows(name: str, rows: int) -> DataError:
    return DataError(
        words.say("{name} has {rows} rows; the limit is {max_rows}.", name=name, rows=rows, max_rows=settings.MAX_ROWS),
        "Bring a sample of the people.",
    )


def _parquet(name: str, raw: bytes) -> Table:
    try:
        file = pa_parquet.ParquetFile(io.BytesIO(raw))
        words_in = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
        # What repeats is kept once, so that its size is known before it is written out for every row.
        file = pa_parquet.ParquetFile(io.BytesIO(raw), read_dictionary=words_in)
        names, rows = list(file.schema_arrow.names), file.metadata.num_rows
        if len(names) > settings.MAX_COLUMNS:
            message = words.say(
                "{name} has {n} columns; the limit is {max_columns}.",
                name=name,
                n=len(names),
                max_columns=settings.MAX_COLUMNS,
            )
            raise DataError(message, "Leave out the columns that are not needed.")
        if len(set(names)) < len(names):
            raise DataError(
                words.say("{name} has two columns of the same name.", name=name), "Give every column its own name."
            )
        if rows > settings.MAX_ROWS:
            raise _too_many_rows(name, rows)
        size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups))
        if size > settings.MAX_UNPACKED_MB * 1_000_000:
            raise too_large(f"{name}, unpacked,", size, settings.MAX_UNPACKED_MB)
        cells = max(rows * len(names), _leaves(file.metadata))
        if cells > settings.MAX_CELLS:  # a constant column takes next to no bytes in the file
            message = words.say(
                "{name} has {cells} cells; the limit is {max_cells}.",
                name=name,
                cells=cells,
                max_cells=settings.MAX_CELLS,
            )
            raise DataError(message, "Leave out columns, bring a sample of the people, or raise FAIRDASH_MAX_CELLS.")
        if rows == 0 or len(names) < 2:
            message = words.say("{name} has {rows} rows and {n} columns.", name=name, rows=rows, n=len(names))
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
    told = {column: _as_text(arrow[column]) for column in used}
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


def _as_text(column: pa.ChunkedArray) -> pd.Series | None:
    """Text [n] of a Parquet column, None for a kind that has none; lists become names joined by "|", lists of records
    JSON; whole floats lose their ".0"."""
    kind = column.type
    try:
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
            column = pa.chunked_array([pa.array([formats.cell(row) for row in column.to_pylist()], pa.string())])
        elif pa.types.is_floating(kind):
            # Ids and counts become floats beside an empty cell; as whole numbers they are the same text as elsewhere.
            column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
            values = column.to_numpy()
            told = values[~np.isnan(values)]
            if (told == np.rint(told)).all() and (np.abs(told) < 2**53).all():
                column = column.cast(pa.int64())
        text = column.cast(pa.string())
    except (pa.ArrowException, ValueError, TypeError):
        return None
    series = pd.Series(text.to_pandas().to_numpy(), dtype="str", index=pd.RangeIndex(1, len(text) + 1))
    return series.mask(series == "")
