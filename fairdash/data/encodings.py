"""Bytes → text: the encoding of a file, detected where nothing tells it, and asked where that is not sure."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

import charset_normalizer
import numpy as np
import pandas as pd

from fairdash import columns, words
from fairdash.data.findings import Finding, Question
from fairdash.data.table import Table
from fairdash.errors import DataError

SAMPLE = 1 << 16  # bytes looked at to tell it
_BLOCK = 1 << 22  # bytes decoded at once
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0e-\x1e]")  # characters that no table holds
_CONTROL_BYTES = re.compile(_CONTROL.pattern.encode())


def asked(table: Table, others: Sequence[str]) -> Finding:
    """The question whether the letters are right, with a cell that shows it. others: encodings that may be it, too."""
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
    elif b"\0" in raw[:SAMPLE]:
        encoding = _utf16_without_mark(raw[:SAMPLE])
        if encoding is None:
            few = raw.count(b"\0", 0, SAMPLE) <= SAMPLE // 1000  # as in a text with a slip in it
            raise binary(name, raw.decode("latin-1") if few else "")
    else:
        encoding = "utf-8"
    others: tuple[str, ...] = ()
    try:
        if encoding == "utf-8":
            if b"\0" in raw or len(_CONTROL_BYTES.findall(raw)) > 0.001 * _characters(raw):
                raise binary(name, raw.decode(encoding))
            return raw, encoding, ()
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
        raise binary(name, text)
    return text.encode(), encoding, others


def _characters(raw: bytes) -> int:
    """Of UTF-8; raises UnicodeDecodeError where it is none. A large file is looked at in blocks, and never as a text as
    a whole, which would take its size again."""
    decoder, count = codecs.getincrementaldecoder("utf-8")(), 0
    for first in range(0, len(raw), _BLOCK):
        count += len(decoder.decode(raw[first : first + _BLOCK]))
    return count + len(decoder.decode(b"", final=True))


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
    shares = {code: _sense(raw[: 16 * SAMPLE], code) for code in _WEST if _decodes(raw, code)}
    usual = max(shares.get("cp1252", 0.0), shares["latin-1"])
    best = max(shares, key=lambda code: shares[code])
    if shares[best] >= 0.9 and usual < shares[best] - 0.1:
        return best, _others(best, *sorted(shares, key=lambda code: -shares[code]))
    runs = int((marked[1:] & ~marked[:-1]).sum()) + int(marked[0])
    if marked.sum() > 1.6 * runs and usual < 0.9:
        lines = [line for line in raw.splitlines() if any(byte >= 0x80 for byte in line)]
        sample, taken = [], 0
        for line in lines:
            if taken > SAMPLE:
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
        raise binary(name) from error
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


def binary(name: str, text: str = "") -> DataError:
    """The error of content that is no text, or that is one but for a NUL byte."""
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
