"""Texts that are tables in another dress: JSON, lines of JSON or of Python dictionaries, Netflix' blocks, workbooks.

Each becomes a frame of text like that of a CSV. Nested fields are named by their path ("user.id"); a list of plain
values becomes its values joined by "|"; a list of records, and one of items, stays JSON, to be laid out in rows by
`shapes`.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from fairdash import columns, documents, settings, words
from fairdash.data.table import too_many_cells, too_many_columns, too_many_rows
from fairdash.errors import DataError
from fairdash.schema import ITEM_ID, RATING, USER_ID

Record = dict[str, Any]

_CSV_CLICKS = "In Excel choose File, Save as, and CSV UTF-8, for each sheet, and bring those; or install openpyxl."
_BLOCK = re.compile(rb"\s*[^\s,:;|]+:\s*\r?\n[^\n]*,")
_COUNTED = re.compile(rb"[^\s,:;|]+\|\d+\r?\n[^|\n]+\t[^|\n]+\r?\n")
_FIELDS = re.compile(rb"(?:[\w/ ]{2,40}: [^\n]*\r?\n){3,}\s*(?:\r?\n|$)")


_TEXTS = (
    (
        rb"<(!doctype|html|\?xml|table|rdf|graphml|stata|[a-z][\w:.-]*(\s[^<>]*)?>\s*<)",
        words.several("a web page or XML", "Export the table as CSV, JSON or Parquet."),
    ),
    (
        rb"(--.*\n|/\*.*\n|\s)*(insert into|create table|drop table|begin transaction|pragma \w|set \w+ *=)",
        words.several(
            "a dump of a data base", "Export the tables as CSV, such as with COPY … TO, or SELECT … INTO OUTFILE."
        ),
    ),
    (
        rb"(%.*\n|\s)*@relation",
        words.several(
            "an ARFF file", "Take away all above the line after @data, and write the names of its columns there."
        ),
    ),
    (
        rb"(import \w+\s*\n|from \w+ import |\w+ *= *[\[{(])",
        words.several("source code", "Write the data as JSON, lines of JSON, or CSV."),
    ),
)


DEEPEST = 50  # lists or records in each other; Python itself gives up at some hundreds
SHEET_ROWS = 1_048_576  # of a workbook's sheet, by its format
_HALF = re.compile("[\ud800-\udfff]")


def read(name: str, text: bytes) -> tuple[str, pd.DataFrame, str] | None:
    """(what it is, a frame of text whose index is the line or the place of the record, what was left aside), or None
    for a plain table."""
    head = text[:4000].lstrip()
    for begins, (what, hint) in _TEXTS:
        if re.match(begins, head, re.IGNORECASE):
            raise DataError(words.say("{name} is {what}, not a table.", name=name, what=words.say(what)), hint)
    if head[:1] in b"{[(" and head:
        return _objects(name, text)
    if _BLOCK.match(text[:200]):
        return "blocks", _blocks(text), ""
    if _COUNTED.match(text[:400]):
        return "blocks", _counted(text), ""
    if _FIELDS.match(text[:100_000].lstrip()):
        return "blocks", _fields(name, text), ""
    return None


def _objects(name: str, text: bytes) -> tuple[str, pd.DataFrame, str] | None:
    lines = [(i, line) for i, line in enumerate(text.decode().splitlines(), 1) if line.strip()]
    first = lines[0][1].strip()
    if len(lines) > 1 or first.startswith("{"):
        for kind, load in (("json lines", documents.loads), ("python", python)):
            try:
                loaded = load(first.rstrip(","))
            except documents.TwiceError:
                loaded = {}  # it is said below, with its line
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(loaded, (dict, list, tuple)) and len(lines) > 1:
                records = [_line(name, kind, row, line.strip().rstrip(","), load) for row, line in lines]
                if isinstance(loaded, dict):
                    return kind, frame_of(name, records, [row for row, _ in lines]), ""
                return kind, frame_of(name, _rows(name, records), [row for row, _ in lines]), ""
            break
    try:
        value = documents.loads(text)
    except documents.TwiceError as error:
        raise DataError(
            words.say("{name} cannot be read: {error}.", name=name, error=error),
            words.say("Give every value its own name."),
        ) from error
    except ValueError as error:
        try:
            value = python(text.decode()) if re.match(r"[\[(]\s*[\[({]|\{", first) else None
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            value = None
        if value is None and re.match(r"\{\s*[\"']|\[\s*[\[{(]", first):
            hint = "Export it again as JSON, as lines of JSON, or as CSV."
            raise DataError(
                words.say("{name} begins like JSON or Python but is neither: {error}.", name=name, error=error), hint
            ) from error
        if value is None:
            return None
    records, aside = _records(name, value)
    if not records:
        raise DataError(
            words.say("{name} is JSON, but holds no list of records.", name=name),
            'Write [{"user_id": 1, "item_id": 2}, …], or bring CSV.',
        )
    return "json", frame_of(name, records, range(1, len(records) + 1)), aside


class _Plain(ast.NodeTransformer):
    """What Python's own texts hold beside plain values: nan is nothing, datetime(…) a date, ObjectId("…") its text."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(None) if node.id in ("nan", "inf", "NaN", "NaT", "null") else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        given = [part.value for part in node.args if isinstance(part, ast.Constant)]
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called == "Row" and node.keywords and not node.args:  # of Spark
            keys: list[ast.expr | None] = [ast.Constant(part.arg) for part in node.keywords]
            return ast.Dict(keys, [self.visit(part.value) for part in node.keywords])
        if len(given) != len(node.args) or (node.keywords and called != "datetime"):
            return node
        if called in ("datetime", "date"):
            return ast.Constant(datetime(*given[:7]).isoformat())  # type: ignore[arg-type]  # what it was made of
        return ast.Constant(given[0]) if len(given) == 1 else node


def python(text: str) -> Any:
    """The value that a Python literal writes. Raises ValueError and SyntaxError."""
    try:
        try:
            return ast.literal_eval(text)
        except ValueError:
            return ast.literal_eval(_Plain().visit(ast.parse(text.strip(), mode="eval")))
    except TypeError as error:  # such as a list in a set
        raise ValueError(str(error)) from error


def _line(name: str, kind: str, row: int, line: str, load: Any) -> Any:
    try:
        value = load(line)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        what = "JSON" if kind == "json lines" else "a Python value"
        raise DataError(
            words.say("{name}, line {row} is not {what}: {error}.", name=name, row=row, what=what, error=error),
            "Write one record a line.",
        ) from error
    if not isinstance(value, (dict, list, tuple)):
        raise DataError(
            words.say("{name}, line {row} holds no record.", name=name, row=row),
            'Write one record a line: {"user_id": 1, …}.',
        )
    return value


def _rows(name: str, rows: Sequence[Any]) -> list[Record]:
    """Rows without names as records; [] where they are single values."""
    widths = {len(row) if isinstance(row, (list, tuple)) else 0 for row in rows}
    if len(widths) > 1:
        raise DataError(
            words.say(
                "{name} holds rows of {widths} to {widths_2} values.",
                name=name,
                widths=min(widths),
                widths_2=max(widths),
            ),
            "Write rows of one length.",
        )
    width = widths.pop()
    return [{f"column {i + 1}": row[i] for i in range(width)} for row in rows] if width > 1 else []


def _records(name: str, value: Any) -> tuple[list[Record], str]:
    """The records in a JSON value: a list of them, alone or under a key; tables by column; lists by person. And what
    was left aside."""
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(part, (list, tuple)) for part in value):  # rows without names
            return _rows(name, value), ""
        return [part for part in value if isinstance(part, dict)], ""
    if not isinstance(value, dict):
        return [], ""
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):  # pandas' orient="split"
        return [dict(zip(map(str, value["columns"]), row, strict=False)) for row in value["data"]], ""
    inner = {
        str(key): [record for record in part if isinstance(record, dict)]
        for key, part in value.items()
        if isinstance(part, list) and part and isinstance(part[0], dict)
    }
    if not inner:
        return _by_key(name, value), ""
    fields = [frozenset(columns.plain(str(field)) for record in part for field in record) for part in inner.values()]
    if (
        len(inner) > 1
        and len(inner) == len(value)
        and all(len(one & fields[0]) > 0.5 * len(one | fields[0]) for one in fields)
    ):  # lists by person
        said = fields[0] & {*columns.USER_NAMES}
        return [record if said else {USER_ID: key, **record} for key, part in inner.items() for record in part], ""
    longest = max(inner, key=lambda key: len(inner[key]))
    return inner[longest], ", ".join(key for key in inner if key != longest)


def _by_key(name: str, value: Record) -> list[Record]:
    """Records of a dictionary that holds no list of them: a table by columns, or lists and ratings by person."""
    parts = list(value.values())
    named = {columns.plain(key) for key in value} & {*columns.USER_NAMES, *columns.ITEM_NAMES}
    if named and all(isinstance(part, dict) for part in parts):  # pandas' usual form: columns, then rows
        rows = dict.fromkeys(key for part in parts for key in part)
        return [{column: part.get(row) for column, part in value.items()} for row in rows]
    if named and all(isinstance(part, list) for part in parts):
        return [dict(zip(value, row, strict=False)) for row in zip(*parts, strict=False)]
    if parts and all(isinstance(part, list) for part in parts):
        return [{USER_ID: person, "items": items} for person, items in value.items()]
    if parts and all(isinstance(part, dict) for part in parts):
        if told := _told(value):
            return _told_records(name, told)
        plain = all(isinstance(v, (int, float)) for part in parts for v in part.values())
        if plain:
            return [{USER_ID: u, ITEM_ID: i, RATING: v} for u, part in value.items() for i, v in part.items()]
        return [{"id": key, **part} for key, part in value.items()]
    return []


Told = tuple[str, str, str, Any]  # attribute, value, anchor, and what should be a list of titles


def _told(value: Record) -> list[Told]:
    """The entries of LangFair's {value: {anchor: titles}}, with a level for the attribute above or without; none where
    a dictionary is something else: no key is neutral, and most entries are no lists or are called like columns."""
    found: list[Told] = []
    for key, part in value.items():
        levels = [("told", str(key), part)]
        if part and all(isinstance(inner, dict) for inner in part.values()):
            levels = [(str(key), str(own), inner) for own, inner in part.items()]
        found += [(name, own, str(anchor), some) for name, own, inner in levels for anchor, some in inner.items()]
    neutral = any(columns.plain(own) in columns.NEUTRAL_NAMES for _, own, _, _ in found)
    lists = sum(_titles(some) is not None for *_, some in found)
    own_names = {*columns.LIST_NAMES, *columns.ITEM_NAMES, *columns.USER_NAMES, *columns.GENDER_NAMES}
    named = any(columns.plain(anchor) in own_names for *_, anchor, _ in found)
    if not any(_titles(some) for *_, some in found):
        return []
    return found if lists == len(found) or neutral or (2 * lists > len(found) and not named) else []


def _told_records(name: str, told: Sequence[Told]) -> list[Record]:
    """A record an entry; a neutral list that several attributes repeat stands once. DataError for an entry that is no
    list of titles."""
    made: list[Record] = []
    for attribute, value, anchor, some in told:
        titles = _titles(some)
        if titles is None:
            several = isinstance(some, list) and len(some) > 1 and all(isinstance(one, list) for one in some)
            where = words.join([*([attribute] if attribute != "told" else []), value, anchor])
            if several:
                message = words.say(
                    "{name}, the entry of {where}, has more than one list: one for each time the model was asked.",
                    name=name, where=where,
                )  # fmt: skip
                raise DataError(message, words.say("Keep one list of each entry."))
            shown = json.dumps(some, ensure_ascii=False, default=str)
            shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
            raise DataError(
                words.say("{name}, the entry of {where}, is no list of titles: {shown}.",
                          name=name, where=where, shown=shown),
                words.say('Write the titles as texts, ["Heat", "Fargo"], and [] where the model declined.'),
            )  # fmt: skip
        row = {USER_ID: anchor, "attribute": attribute, "value": value, "titles": titles}
        if columns.plain(value) in columns.NEUTRAL_NAMES:
            row |= {"attribute": told[0][0]}
            if row in made:
                continue
        made.append(row)
    return made


def _titles(value: Any) -> list[str] | None:
    """A list of texts, alone or as the only one in a list, or a text that numbers them; None for anything else."""
    if isinstance(value, str):
        return numbered(value)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return numbered(value[0]) or value
    return list(value) if isinstance(value, list) and all(isinstance(text, str) for text in value) else None


def numbered(text: str) -> list[str] | None:
    """The parts of a text that numbers them: 1. Heat, 2. Fargo, on lines of their own or not; None for another one."""
    starts = list[re.Match[str]]()
    for match in re.finditer(r"(?:^|[\s,;])\s*(\d{1,3})[.)]\s+", text):
        if int(match[1]) == len(starts) + 1:
            starts.append(match)
    if len(starts) < 2 or text[: starts[0].start()].strip():
        return None
    ends = [*(match.start() for match in starts[1:]), len(text)]
    return [text[match.end() : end].strip(" ,;\n\r\t") for match, end in zip(starts, ends, strict=True)]


def frame_of(name: str, records: Sequence[Record], rows: Iterable[int]) -> pd.DataFrame:
    """Records → a frame of text, nested fields by path. Raises DataError for more of them than a table may have, and
    where none holds anything."""
    kept = _weights(records)
    flat = [_flat(record, kept) for record in records]
    titles = list(dict.fromkeys(key for record in flat for key in record))
    told = {key for record in flat for key, value in record.items() if value}
    if len(told) > settings.MAX_COLUMNS:  # before a cell is made for each record and each name
        raise too_many_columns(name, len(told))
    if not told:
        raise DataError(
            words.say("{name} holds records without values.", name=name), words.say("Export it again with its cells.")
        )
    titles = [title for title in titles if title in told] if len(titles) > 2 else titles
    short = _short(titles)
    flat = [{short.get(key, key): value for key, value in record.items()} for record in flat] if short else flat
    titles = [short.get(title, title) for title in titles]
    data = {letters(title): pd.Series([letters(record.get(title)) for record in flat], dtype="str") for title in titles}
    frame = pd.DataFrame(data)
    frame.index = pd.Index(list(rows))
    return frame.mask(frame == "")


def letters(text: str | None) -> str | None:
    """A text without halves of letters, which JSON can write and nothing can hold: a mark in their place, as where
    letters were lost before."""
    return text if text is None or text.isascii() else _HALF.sub("\ufffd", text)


def _short(titles: Sequence[str]) -> dict[str, str]:
    """Paths by their last name, where that tells a role which no other field has: input.userId, properties.gender."""
    told = {
        *columns.USER_NAMES,
        *columns.ITEM_NAMES,
        *columns.LIST_NAMES,
        *columns.PERSONAL_NAMES,
        *columns.GENDER_NAMES,
    }
    last = {title: title.rpartition(".")[2] for title in titles}
    plain = [columns.plain(name) for name in last.values()]
    return {
        title: name
        for title, name in last.items()
        if name != title and columns.plain(name) in told and plain.count(columns.plain(name)) == 1
    }


def _weights(records: Sequence[Record]) -> set[str]:
    """Fields that hold {name: number} with other names in each record: their names are what is told."""
    inner: dict[str, list[Record]] = {}
    for record in records:
        for key, value in record.items():
            if isinstance(value, dict):
                inner.setdefault(key, []).append(value)
    found = set()
    for key, some in inner.items():
        names = {name for part in some for name in part}
        if not all(isinstance(v, (int, float)) for part in some for v in part.values()):
            continue
        if sum(map(len, some)) < 0.6 * len(some) * len(names):
            found.add(key)
    return found


def _flat(record: Record, weights: set[str], before: str = "", deep: int = 0) -> dict[str, str | None]:
    if deep > DEEPEST:
        raise too_deep()
    flat: dict[str, str | None] = {}
    for key, value in record.items():
        title = f"{before}{key}"
        if isinstance(value, dict) and title in weights:
            flat[title] = "|".join(str(name).replace("|", "/") for name in value) or None
        elif isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith("$"):
            flat[title] = cell(next(iter(value.values())))  # MongoDB's way to write a kind of number, date or id
        elif isinstance(value, dict):
            flat |= _flat(value, weights, f"{title}.", deep + 1)
        else:
            flat[title] = cell_of(key, value)
    return flat


def cell_of(name: str, value: Any) -> str | None:
    """The text of a value in the column of this name: a list of items stays whole, whatever stands in their titles."""
    listed = columns.plain(name) in {*columns.LIST_NAMES, *columns.ITEM_NAMES}
    if listed and isinstance(value, (list, tuple, np.ndarray)) and all(isinstance(part, str) for part in value):
        return json.dumps([letters(part) for part in value], ensure_ascii=False)
    return cell(value)


def too_deep() -> DataError:
    """The error of lists or records that stand more than DEEPEST deep in each other."""
    return DataError(
        words.say("Lists or records stand more than {n} deep in each other.", n=DEEPEST),
        words.say("Export the file again as a table."),
    )


def cell(value: Any, deep: int = 0) -> str | None:
    """The text of a value, as a CSV would hold it. deep: how many lists it stands in. Raises DataError for lists that
    stand too deep in each other."""
    if deep > DEEPEST:
        raise too_deep()
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return None
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(float(value)) < 2**53:
        return str(int(value))
    if isinstance(value, (list, tuple, set, np.ndarray)):
        parts = sorted(value, key=str) if isinstance(value, set) else list(value)
        pairs = all(isinstance(part, (list, tuple)) and len(part) == 2 for part in parts)
        scored = bool(parts) and pairs and all(isinstance(part[1], (int, float)) for part in parts)
        if scored or any(isinstance(part, dict) for part in parts):
            try:
                return json.dumps(parts, ensure_ascii=False, default=str)
            except RecursionError as error:
                raise too_deep() from error
        texts = [cell(part, deep + 1) for part in parts]
        return "|".join(text for text in texts if text) or None
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, (date, datetime)) else letters(str(value))


def _blocks(text: bytes) -> pd.DataFrame:
    """Netflix' way: a line with an item and a colon, then a line for each person that rated it."""
    rows, item = [], ""
    for number, line in enumerate(text.decode().splitlines(), 1):
        if line.rstrip().endswith(":"):
            item = line.strip()[:-1]
        elif line.strip():
            rows.append((number, item, *(part.strip() for part in line.split(","))))
    width = min(map(len, rows), default=0)
    titles = ["line", ITEM_ID, USER_ID, RATING, "date"][: max(width, 3)]
    frame = pd.DataFrame([row[: len(titles)] for row in rows], columns=titles, dtype="str")
    frame.index = pd.Index(frame.pop("line").astype(int).to_numpy())
    return frame.mask(frame == "")


def _counted(text: bytes) -> pd.DataFrame:
    """Yahoo's way: a line with a person and how many follow, then a line for each item that they rated."""
    rows, person = [], ""
    for number, line in enumerate(text.decode().splitlines(), 1):
        if "|" in line:
            person = line.partition("|")[0].strip()
        elif line.strip():
            rows.append((number, person, *map(str.strip, line.split("\t"))))
    width = min(map(len, rows), default=0)
    titles = ["line", USER_ID, ITEM_ID, RATING, "date", "time"][:width]
    frame = pd.DataFrame([row[: len(titles)] for row in rows], columns=titles, dtype="str")
    frame.index = pd.Index(frame.pop("line").astype(int).to_numpy())
    return frame.mask(frame == "")


def _fields(name: str, text: bytes) -> pd.DataFrame:
    """SNAP's way: a line for each field, "review/userId: A3…", and a blank line between records."""
    records: list[Record] = []
    starts: list[int] = []
    record: Record = {}
    for number, line in enumerate([*text.decode(errors="replace").splitlines(), ""], 1):
        key, colon, value = line.partition(": ")
        if not line.strip():
            if record:
                records.append(record)
            record = {}
        elif colon and re.fullmatch(r"[\w/ ]{2,40}", key):
            if not record:
                starts.append(number)
            record[key] = value.strip()
        elif record:  # the text goes on
            last = next(reversed(record))
            record[last] += f" {line.strip()}"
    return frame_of(name, [_by_last(one) for one in records], starts)


def _by_last(record: Record) -> Record:
    """Fields by what stands behind the last "/" of their names, where no two are the same then."""
    short = [key.rpartition("/")[2] for key in record]
    return dict(zip(short, record.values(), strict=True)) if len(set(short)) == len(short) else record


def _filled(name: str, rows: Iterable[Sequence[Any]]) -> Iterator[list[str]]:
    """The rows of a sheet up to their last cell that holds something. Raises DataError where a few bytes of a sheet say
    that it has more cells than a table may, or more rows than a sheet has."""
    cells = 0
    for number, row in enumerate(rows, 1):
        cells += len(row)
        if cells > settings.MAX_CELLS:
            raise too_many_cells(name, cells)
        if number > SHEET_ROWS:
            raise too_many_rows(name, number)
        texts = [cell(value) or "" for value in row] if any(value is not None for value in row) else []
        while texts and not texts[-1]:
            texts.pop()
        yield texts


def _check_formulas(name: str, raw: bytes, title: str, rows: Sequence[Sequence[str]]) -> None:
    """DataError where a column holds formulas alone whose results were not stored, as programs write them that compute
    nothing: its cells would be taken for empty ones."""
    import openpyxl

    full = {place for row in rows[1:] for place, cell in enumerate(row) if cell}
    empty = [place for place, titled in enumerate(rows[0] if rows else ()) if titled and place not in full]
    if not empty or len(rows) < 2:
        return
    sheet = openpyxl.load_workbook(io.BytesIO(raw), read_only=True)[title]
    for number, row in enumerate(sheet.iter_rows(), 1):
        for place, cell in enumerate(row):
            if place in empty and cell.data_type == "f":
                raise DataError(
                    words.say(
                        "{name}, sheet {sheet}, row {row}, column {column}: a formula whose result is not stored "
                        "there.",
                        name=name, sheet=title, row=str(number), column=rows[0][place],
                    ),
                    "Open the workbook in a spreadsheet program, save it there, and bring it again.",
                )  # fmt: skip


def sheets(name: str, raw: bytes) -> list[tuple[str, bytes]]:
    """The sheets of an Excel workbook that hold something, as (name, CSV); needs the package openpyxl."""
    try:
        import openpyxl
    except ImportError as error:
        message = words.say(
            "{name} is an Excel workbook, which needs the package openpyxl; it is not installed here.", name=name
        )
        raise DataError(message, _CSV_CLICKS) from error
    try:
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        found = []
        for sheet in book.worksheets:
            rows = list(_filled(name, sheet.iter_rows(values_only=True)))
            width = max(map(len, rows), default=0)
            _check_formulas(name, raw, sheet.title, rows)
            if width:
                out = io.StringIO()
                csv.writer(out).writerows([*row, *[""] * (width - len(row))] for row in rows)
                found.append((f"{sheet.title}.csv", out.getvalue().encode()))
    except DataError:
        raise
    except Exception as error:  # zip, XML and openpyxl's own, whatever is damaged
        raise DataError(
            words.say("{name} is a damaged Excel workbook: {error}.", name=name, error=error), _CSV_CLICKS
        ) from error
    if not found:
        raise DataError(words.say("{name} holds no cells.", name=name), "Bring the workbook that holds the tables.")
    return found
