"""Text → table: separators, quotation marks, headers, what stands above and below. CSV and its like."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from fairdash import columns, memory, settings, texts, words
from fairdash.data.findings import ROWS_SHOWN, Finding, examples
from fairdash.data.table import SEPARATOR_TITLES, SEPARATORS, SPACE, Reading, Table, check_size
from fairdash.errors import DataError

_UNIT = "\x1f"  # stands in for "::", as the parser takes separators of one character
_TYPED = re.compile(r":(token|float)(_seq)?$")  # the types in RecBole's column names
MAX_ROW_BYTES = 4_000_000  # of a row, or a little more: the parser sees as much at once
_SAMPLE = 1 << 16  # bytes looked at to guess separator and header
_RULED = re.compile(rb"^[ \t]*(?:[|+][ \t]*)?:?-+:?[ \t]*(?:[|+][ \t]*:?-+:?[ \t]*)+(?:[|+][ \t]*)?\r?$", re.MULTILINE)
# Lines that are no rows: remarks, and what data bases write below a table.
_REMARK = re.compile(
    r"\s*(?:#|//|--|\(\d+ rows?(?: affected)?\)|\d+ rows? (?:selected|in set|affected)\b)", re.IGNORECASE
)
_ABOVE = 3  # rows at the foot that may be sums


def cut(name: str, text: bytes, encoding: str, reading: Reading) -> Table:
    """The table that rows and separators make of a text. Raises DataError where they make none, and says a way out."""
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
    check_size(name, 0, len(first) if len(records) > 1 else _width(text, delimiter, mark))
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
    there = np.flatnonzero(~blank.to_numpy())
    whole = len(there) and int(there[-1]) - int(there[0]) + 1 == len(there)
    frame = frame.iloc[int(there[0]) : int(there[-1]) + 1] if whole else frame[~blank]  # the first copies nothing
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
    check_size(name, len(frame), 0)
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
        parsed: pa.Table = pa_csv.read_csv(
            pa.BufferReader(text),
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
        more = (
            words.say(" and {n} more row", " and {n} more rows", n=n_ragged - len(ragged))
            if n_ragged > len(ragged)
            else ""
        )
        hint = "Enclose cells that contain the separator in quotation marks, and fill missing cells."
        raise DataError(
            words.say(
                "{name}: the first row has {n} column, but {shown}{more}.",
                "{name}: the first row has {n} columns, but {shown}{more}.",
                name=name,
                n=len(keys),
                shown=shown,
                more=more,
            ),
            hint,
        )
    frame = _framed([parsed]) if len(parsed) > memory.LONG else parsed.to_pandas(split_blocks=True).astype("str")
    del parsed
    if b'="' in text:  # as Excel keeps ids from becoming numbers
        for column in columns.names(frame):
            if frame[column].iloc[1:].str.fullmatch('=".*"').mean() > 0.5:  # the first may be a name
                frame[column] = frame[column].str.replace('^="(.*)"$', r"\1", regex=True).replace("", None)
    rows = np.arange(1, len(frame) + len(remarks) + 1)
    frame.index = pd.Index(rows[~np.isin(rows, list(remarks))]) if remarks else pd.RangeIndex(1, len(frame) + 1)
    if quoted and not escaped:
        _check_quotes(name, text, delimiter, mark, frame)
    return frame, remarks


def _framed(held: list[pa.Table]) -> pd.DataFrame:
    """The long table in the list as a frame of text: it goes column by column, so that none is there twice."""
    names, parts = held[0].column_names, held.pop().columns[::-1]
    made = {}
    for name in names:
        made[name] = texts.column(parts.pop())
        memory.give_back()
    return pd.DataFrame(made, copy=False)


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
