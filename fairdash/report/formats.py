"""A document as a page, as Markdown, as a table, as JSON. Each escapes text from data in its own way.

The page has no script and loads nothing; it says so to the browser. On paper tables break between rows and repeat their
heads, and a heading stays with what it heads.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from fairdash import __version__, words
from fairdash.report.document import Beside, Card, Cell, Commands, Document, Facts, Part, Picture, Points, Table, Text
from fairdash.words import Said

_STYLE = (Path(__file__).parent / "style.css").read_text("utf-8")


def html(document: Document) -> str:
    """One page [one string]."""
    body = [f"<h1>{escape(document.title)}</h1>", f'<p class="soft about">{escape(document.about)}</p>']
    for section in document.sections:
        body.append(f"<section><h2>{escape(section.heading)}</h2>{''.join(map(html_of, section.parts))}</section>")
    return (
        f'<!doctype html><html lang="{escape(words.spoken())}"><head><meta charset="utf-8">'
        f"<title>{escape(document.title)}</title>"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>{''.join(body)}</main>"
        f'<p class="soft">FairDash {__version__}</p></body></html>'
    )


def inline(picture: Picture) -> str:
    """The picture as it stands in a page: it takes the ink of the text around it."""
    return picture.svg


def html_of(part: Part, draw: Callable[[Picture], str] = inline) -> str:
    """A part as HTML, all text escaped. draw: how a picture is put in."""
    match part:
        case Text():
            return f"<p{' class=soft' if part.quiet else ''}>{escape(part.said)}</p>"
        case Points():
            return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in part.said)}</ul>"
        case Facts():
            rows = (f"<dt>{escape(name)}</dt><dd>{escape(told)}</dd>" for name, told in part.rows)
            return f"<dl>{''.join(rows)}</dl>"
        case Picture():
            return f"<figure>{draw(part)}</figure>"
        case Commands():
            return f"<pre>{escape(chr(10).join(part.lines))}</pre>"
        case Beside():
            heads = (f"<h3>{escape(one.heading)}</h3>" if one.heading else "" for one in part.columns)
            bodies = ("".join(html_of(inner, draw) for inner in one.parts) for one in part.columns)
            columns = (f"<div>{head}{body}</div>" for head, body in zip(heads, bodies, strict=True))
            return f'<div class="beside">{"".join(columns)}</div>'
        case Card():
            lines = (
                [f'<p class="state {part.tone or "soft"}">{escape(part.mark)} {escape(part.state)}</p>']
                if part.state
                else []
            )
            lines.append(f'<p class="said">{escape(part.said)}</p>')
            lines += [f'<p class="soft">{escape(one)}</p>' for one in part.more]
            drawn = f"<figure>{draw(part.picture)}</figure>" if part.picture else ""
            return f"<article{' class=drawn' if drawn else ''}><div>{''.join(lines)}</div>{drawn}</article>"
        case Table():
            head = "".join(f"<th>{escape(name)}</th>" for name in part.columns)
            body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in part.rows)
            return (
                f'<div class="scroll"><table><caption>{escape(part.caption)}</caption><thead><tr>{head}</tr></thead>'
                f"<tbody>{body}</tbody></table></div>"
            )


def _cell(cell: Cell) -> str:
    return f"<td{f' class={cell.tone}' if cell.tone else ''}>{escape(cell.shown)}</td>"


# --- Markdown ---------------------------------------------------------------------------------------------------------


def markdown(document: Document) -> str:
    """Text with tables, as it stands in a repository or a wiki. Pictures are told in words."""
    lines = [f"# {_md(document.title)}", "", _md(document.about), ""]
    for section in document.sections:
        lines += [f"## {_md(section.heading)}", ""]
        for part in section.parts:
            lines += [*_markdown(part), ""]
    return "\n".join([*lines, f"FairDash {__version__}", ""])


def _markdown(part: Part) -> Iterator[str]:
    match part:
        case Text():
            yield _md(part.said)
        case Points():
            yield from (f"- {_md(one)}" for one in part.said)
        case Facts():
            yield from (f"- **{_md(name)}**: {_md(told)}" for name, told in part.rows)
        case Picture():
            yield f"*{_md(part.alt)}*"
        case Commands():
            fence = "`" * (1 + max((len(run) for line in part.lines for run in re.findall("`+", line)), default=2))
            yield from (fence, *part.lines, fence)
        case Beside():
            for one in part.columns:
                yield from ([f"### {_md(one.heading)}", ""] if one.heading else [])
                for inner in one.parts:
                    yield from (*_markdown(inner), "")
        case Card():
            state = f"{_md(part.mark)} {_md(part.state)}: " if part.state else ""
            yield f"- {state}**{_md(part.said)}**"
            yield from (f"  {_md(one)}" for one in part.more)
        case Table():
            yield _md(part.caption)
            yield ""
            yield f"| {' | '.join(map(_md, part.columns))} |"
            yield f"|{' --- |' + ' ---: |' * (len(part.columns) - 1)}"
            yield from (f"| {' | '.join(_md(cell.shown) for cell in row)} |" for row in part.rows)


_MARKUP = re.compile(
    r"([\\`*_\[\]<>|~$&#@]|^[-+=]|(?<=^\d)[.)](?=\s)|(?<=^\d\d)[.)](?=\s)|(?<=http|ttps|\Wftp):|(?<=www)\.)", re.I
)


def _md(text: str) -> str:
    """Text in one line in which nothing is markup: no heading, list, cell, tag or link."""
    return _MARKUP.sub(r"\\\1", words.label(text, len(text) + 1))


# --- tables and JSON --------------------------------------------------------------------------------------------------

_COLUMNS = words.several("section", "row", "column", "shown", "value")


def table(document: Document) -> str:
    """CSV with a line for each number and each sentence: section, row, column, as it is shown, and in full. No
    spreadsheet runs a cell; UTF-8 with a mark, so that accents survive Excel."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(map(words.say, _COLUMNS))
    for section in document.sections:
        for part in section.parts:
            for line in _lines(part):
                writer.writerow(map(words.cell, (section.heading, *line)))
    return "\ufeff" + out.getvalue()


def _lines(part: Part) -> Iterator[tuple[str, str, str, object]]:
    match part:
        case Text():
            yield "", "", part.said, ""
        case Points():
            yield from (("", "", one, "") for one in part.said)
        case Facts():
            yield from ((name, "", told, "") for name, told in part.rows)
        case Beside():
            yield from (line for one in part.columns for inner in one.parts for line in _lines(inner))
        case Card():
            yield part.state, "", part.said, ""
            yield from ((part.state, "", one, "") for one in part.more)
        case Commands():
            yield from (("", "", line, "") for line in part.lines)
        case Table():
            for row in part.rows:
                for name, cell in zip(part.columns[1:], row[1:], strict=True):
                    yield row[0].shown, name, cell.shown, "" if cell.value is None else cell.value


def plain(document: Document) -> str:
    """JSON: the document as it is built, each part with its kind."""
    value: dict[str, Any] = {
        "title": document.title,
        "about": document.about,
        "made": document.made.isoformat(timespec="seconds"),
        "version": __version__,
        "sections": [
            {"heading": section.heading, "parts": [{"kind": _kind(part), **asdict(part)} for part in section.parts]}
            for section in document.sections
        ],
    }
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)


def _kind(part: Part) -> str:
    return type(part).__name__.lower()


@dataclass(frozen=True)
class Format:
    """title: as its button says. media: its type."""

    title: Said
    write: Callable[[Document], str]
    media: str


FORMATS: Mapping[str, Format] = {  # by suffix
    "html": Format("Page (HTML)", html, "text/html"),
    "md": Format("Markdown", markdown, "text/markdown"),
    "csv": Format("Table (CSV)", table, "text/csv"),
    "json": Format("JSON", plain, "application/json"),
}
