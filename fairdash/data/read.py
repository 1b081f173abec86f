"""Files → tables of text: what a file is, and who reads it: CSV and its like (`delimited`), JSON and other records
(`formats`), Parquet (`parquet`), Excel; gzip, zips and folders, and the parts of one table."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO

import pandas as pd

from fairdash import columns, settings, words
from fairdash.data import delimited, encodings, formats, parquet
from fairdash.data.findings import Finding
from fairdash.data.table import Reading, Source, Table, check_size, too_large
from fairdash.errors import DataError

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
# What a zip of one program's own holds: a name, or an ending of all names.
_ZIPPED = (
    ("xl/workbook.bin", words.several("a binary Excel workbook", "Save it as .xlsx, or the sheet as CSV.")),
    ("word/document.xml", words.several("a Word document", "Export the table as CSV.")),
    ("ppt/presentation.xml", words.several("a presentation", "Export the table as CSV.")),
    ("META-INF/manifest.xml", words.several("an OpenDocument file", "Save the sheet as .xlsx or CSV.")),
    (".npy", words.several("arrays of NumPy", "Bring tables here; vectors of items have a place of their own.")),
)
_PACKED = (b"PAR1", b"PK", b"\x1f\x8b")  # what begins so may hold bytes without content
_DATED = re.compile(r"(?<!\d)(?:19|20)\d\d(?:[-_.]?(?:0[1-9]|1[0-2]|[qw]\d{1,2})(?:[-_.]?\d\d)?)?(?!\d)", re.IGNORECASE)
_KEYED = re.compile(r"([^=]+)=([^=]*)")  # a folder of Hive's: year=2023
_PART = re.compile(r"part-\d+.*|.*[-_.]part[-_.]?\d+.*|\d{6}_\d+", re.IGNORECASE)


def file_name(source: Source) -> str:
    """The name that messages show."""
    return source[0] if isinstance(source, tuple) else Path(source).name


def size(source: Source) -> int:
    """The bytes of a source as it was brought: of a folder all that is in it; 0 where it cannot be read."""
    if isinstance(source, tuple):
        return len(source[1])
    try:
        path = Path(source).expanduser()
        files = [path] if path.is_file() else path.rglob("*")
        return sum(one.stat().st_size for one in files)
    except (OSError, ValueError):  # `content` says what is wrong with the path
        return 0


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
            with path.open("rb") as file:
                raw = _whole(name, file, limit * 1_000_000)
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


def _whole(name: str, stream: IO[bytes] | gzip.GzipFile, limit: int) -> bytes:
    """All that a stream gives, at most a byte more than the limit. Raises DataError at a hole: so many bytes without
    content stand in no text, and a few bytes of an archive or a file system can say that there are billions."""
    raw, block = io.BytesIO(), stream.read(encodings.SAMPLE)
    text = not block.startswith(_PACKED)
    while block and raw.tell() <= limit:
        if text and len(block) == encodings.SAMPLE and not block.strip(b"\0"):
            raise encodings.binary(name)
        raw.write(block)
        block = stream.read(min(encodings.SAMPLE, limit + 1 - raw.tell()))
    return raw.getvalue()


def _gunzipped(name: str, raw: bytes) -> bytes:
    limit = settings.MAX_UNPACKED_MB * 1_000_000
    try:
        with gzip.open(io.BytesIO(raw)) as file:
            unpacked = _whole(name, file, limit)
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
            if any(m.filename == "xl/workbook.xml" for m in members):
                return formats.sheets(name, raw)
            inside = {m.filename for m in members}
            for part, (kind, hint) in _ZIPPED:
                if part in inside or (inside and all(one.endswith(part) for one in inside)):
                    raise DataError(words.say("{name} is {kind}, not a table.", name=name, kind=words.say(kind)), hint)
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
            return [(m.filename, _member(archive, m)) for m in members]
    except DataError:
        raise
    except Exception as error:  # zipfile lets through whatever its decompressors raise (LZMAError, zlib.error, …)
        hint = "Pack the files again with the usual compression (deflate), or bring them one by one."
        raise DataError(
            words.say("{name} is a damaged or unusual zip archive: {error}.", name=name, error=error), hint
        ) from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as stream:
        return _whole(member.filename, stream, member.file_size)


def hidden(path: str) -> bool:
    """Whether a path inside an archive, or a file's name, is one that its maker's system put there."""
    return any(
        part.startswith((".", "__MACOSX")) and part != ".." for part in PurePosixPath(path.replace("\\", "/")).parts
    )


def members(source: Source) -> list[Source] | None:
    """The files in a zip, a folder or a workbook, without empty ones and marks of a writer; None for a single file."""
    if not isinstance(source, tuple) and is_folder(source):
        paths = sorted(p for p in Path(source).expanduser().rglob("*") if p.is_file() and not hidden(p.name))
        if len(paths) > settings.MAX_ZIP_MEMBERS:
            raise DataError(
                words.say("{source} holds {n} file.", "{source} holds {n} files.", source=source, n=len(paths)),
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


def is_folder(source: Source) -> bool:
    """Whether a source is a folder."""
    try:
        return not isinstance(source, tuple) and Path(source).expanduser().is_dir()
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
    message = words.say(
        "{n} part was put together; the numbers of rows go on from part to part.",
        "{n} parts were put together; the numbers of rows go on from part to part.",
        n=len(rest) + 1,
    )
    note = Finding("parts", "info", name or first.name, message, len(rest) + 1)
    return replace(first, name=name or first.name, frame=frame, notes=(*first.notes, note))


def _one(source: Source, reading: Reading) -> Table:
    name, raw = file_name(source), content(source)
    if raw[:4] == b"PAR1":
        return parquet.decode(name, raw)
    if is_zip((name, raw)):
        raise DataError(
            words.say("{name} is a zip archive where one table is expected.", name=name),
            "Bring the zip alone, or its files.",
        )
    for magic, (kind, hint) in _KINDS:
        if raw.startswith(magic):
            raise DataError(words.say("{name} is {kind}, not a table.", name=name, kind=words.say(kind)), hint)
    text, encoding, others = encodings.decode(name, raw, reading.encoding)
    found = formats.read(name, text)
    if found is not None:
        kind, frame, aside = found
        check_size(name, len(frame), frame.shape[1])
        message = words.say("There are several lists of records; {aside} are left aside.", aside=aside)
        notes = (Finding("lists_aside", "warning", name, message),) if aside else ()
        named = not columns.names(frame)[0].startswith("column ")
        result = Table(name, frame, kind, encoding, named, notes=notes)
    else:
        result = delimited.cut(name, text, encoding, reading)
    return replace(result, notes=(*result.notes, encodings.asked(result, others))) if others else result
