"""Pictures of items from a zip: files named by the items' ids, or by a column `image` of the table of items."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath

import pandas as pd

from fairdash import images, settings, words
from fairdash.data import read
from fairdash.data.findings import Finding
from fairdash.data.table import Source
from fairdash.errors import DataError
from fairdash.images import Images
from fairdash.progress import Progress, silent
from fairdash.workspace import leaves

COLUMN = "image"  # of the table of items: each one's file in the zip
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif")  # other files are let lie


def read_images(
    source: Source, ids: pd.Series, named: pd.Series | None, progress: Progress = silent
) -> tuple[Images, list[Finding]]:
    """The small picture of each id [n], None for those without one; and who has none.

    named: each item's path in the zip, where the table says so; else a file is its item's that has the id for a name
    (`f0012.jpg`), in whatever folder. Nothing is unpacked onto the disk, and no picture is decoded that is no item's.

    Raises DataError for what is no zip, has too many files, a path outside itself or two pictures of one item, for
    pictures that `images.small` refuses, and where not one is an item's.
    """
    name, raw = read.file_name(source), read.content(source)
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except Exception as error:  # zipfile lets through whatever it stumbles over
        raise DataError(
            words.say("{name} is no zip archive: {error}.", name=name, error=error),
            words.say("Bring the pictures as one zip."),
        ) from error
    with archive:
        files = _files(name, archive)
        at = _by_path(files) if named is not None else _by_stem(name, files)
        wanted = ids if named is None else named.map(lambda path: _plain(str(path)), na_action="ignore")
        found = [None if pd.isna(key) else at.get(str(key)) for key in wanted]
        n = sum(one is not None for one in found)
        if not n:
            seen = ", ".join(repr(member.filename) for member in files[:3]) or words.say("none")
            raise DataError(
                words.say("No picture of {name} is an item's; its files: {seen}.", name=name, seen=seen),
                words.say("Name each file by its item's id, such as {id}.jpg, or give the table of items a column "
                          "`image` with the paths.", id=str(ids.iloc[0])),
            )  # fmt: skip
        made: list[bytes | None] = []
        for place, member in enumerate(found):
            made.append(
                None if member is None else images.small(f"{name}, {member.filename}", _read(name, archive, member))
            )
            progress(place / len(found), words.say("Reading pictures"))
    message = words.say(
        "{n} of {m} items has a picture; files of {name} that are of none of them: {rest}.",
        "{n} of {m} items have a picture; files of {name} that are of none of them: {rest}.",
        n=n, m=len(ids), rest=len(files) - len({member.filename for member in found if member}), name=name,
    )  # fmt: skip
    return tuple(made), [Finding("images", "info" if n == len(ids) else "warning", name, message, len(ids) - n)]


def _files(name: str, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members that may be pictures."""
    found = []
    for member in archive.infolist():
        if leaves(member.filename):
            raise DataError(
                words.say("{name} has a path outside itself: {filename}.", name=name, filename=repr(member.filename)),
                words.say("Pack the pictures again."),
            )
        picture = PurePosixPath(member.filename).suffix.lower() in SUFFIXES
        if picture and not member.is_dir() and not read.hidden(member.filename):
            found.append(member)
    if len(found) > settings.MAX_IMAGES:
        raise DataError(
            words.say(
                "{name} has {n} picture; at most {most} are read.",
                "{name} has {n} pictures; at most {most} are read.", name=name, n=len(found),
                      most=settings.MAX_IMAGES),
            words.say("Leave out what is no item's, or raise FAIRDASH_MAX_IMAGES."),
        )  # fmt: skip
    return found


def _plain(path: str) -> str:
    return "/".join(part for part in PurePosixPath(path.strip()).parts if part not in (".", "/"))


def _by_path(files: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """By whole path; where the archive holds one folder alone, also by the path in it."""
    found = {_plain(member.filename): member for member in files}
    tops = {path.split("/")[0] for path in found if "/" in path}
    if len(tops) == 1 and all("/" in path for path in found):
        found |= {path.split("/", 1)[1]: member for path, member in list(found.items())}
    return found


def _by_stem(name: str, files: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for member in files:
        stem = PurePosixPath(member.filename).stem
        if stem in found:
            raise DataError(
                words.say("{name} has two pictures of {id}: {one} and {two}.", name=name, id=repr(stem),
                          one=found[stem].filename, two=member.filename),
                words.say("Keep one picture an item."),
            )  # fmt: skip
        found[stem] = member
    return found


def _read(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """At most one byte more than a picture may have, whatever the member says of its size."""
    try:
        with archive.open(member) as stream:
            return stream.read(images.MAX_BYTES + 1)
    except Exception as error:  # its decompressors raise what they like
        raise DataError(
            words.say(
                "{filename} in {name} cannot be read: {error}.", filename=member.filename, name=name, error=error
            ),
            words.say("Pack the pictures again."),
        ) from error
