"""A name that means harm goes through every writer and does none: no formula, no tag, no link, no script, no file."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from fairdash import words
from fairdash.report import FORMATS, pictures
from fairdash.report.document import (
    Beside,
    Card,
    Cell,
    Commands,
    Document,
    Facts,
    Picture,
    Points,
    Section,
    Table,
    Text,
)
from fairdash.ui import parts
from tests.unit.test_charts import every_chart

NAMES = (
    "=HYPERLINK(\"http://e.example\",\"x\")", "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1,1)", "|calc",
    "\t=1+1", "\r=1+1", "\u200b=1+1", " =1+1", "\uff1d1+1", "\ufeff=1+1", "a;=1+1;b", "a\t=1+1", 'a","=1+1', "a\n=1+1",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</title></style></textarea><svg onload=alert(1)>",
    '" onmouseover="alert(1)', "' autofocus onfocus='alert(1)", "&lt;script&gt;", "<!--", "]]>",
    "<a href='javascript:1'>x",
    "[x](javascript:alert(1))", "![x](http://e.example/p.png)", "http://e.example", "www.e.example", "a@e.example",
    "`x` **b** _i_ ~~s~~", "# head", "| a | b |", "```\n<script>", "$x$ %{y} <b>z</b>", "../../etc/passwd", "CON",
    "a\x00b",     "\u202egnp.exe", "{0} {name} {{}}", "%s %d",
)  # fmt: skip
TAGS = {"br", "b", "i", "sup", "sub", "span", "em", "strong", "extra"}  # that plotly knows
FORMULA = tuple("=+-@|\t\r\uff1d\uff0b\uff0d\uff20")


def document(name: str) -> Document:
    """A report in which the name stands wherever text from data can."""
    rows = [pictures.Row(name, 0.3, 0.2, 0.4), pictures.Row("b", 0.5, 0.4, 0.6)]
    drawn = pictures.values(rows, name)
    assert isinstance(drawn, Picture)
    table = Table(name, (name, name), ((Cell(name), Cell(name, name)), (Cell("b"), Cell("0.5", 0.5))))
    every = (
        Text(name), Points((name,)), Facts(((name, name),)), table, drawn, Commands((f"run {json.dumps(name)}",)),
        Card(name, name, name, (name,), "", drawn), Beside((Section(name, (Text(name),)),)),
    )  # fmt: skip
    return Document(name, name, datetime(2026, 1, 1, tzinfo=UTC), (Section(name, every),))


class Read(HTMLParser):
    """Tags and attributes of a page, as a browser finds them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")


HARMLESS = Read(FORMATS["html"].write(document("harmless")))


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_the_same_tags_whatever_things_are_called(name: str) -> None:
    page = FORMATS["html"].write(document(name))
    found = Read(page)
    assert found.tags == HARMLESS.tags
    assert found.attributes.keys() == HARMLESS.attributes.keys()
    assert not {one for one in found.attributes if one.startswith("on") or one in ("src", "href", "srcdoc", "action")}
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(svg)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_no_spreadsheet_runs_a_cell_wherever_it_cuts(name: str, between: str) -> None:
    frame = pd.DataFrame({name: [name, "b"], "x": [-1.5, 2.0]})
    for raw in (FORMATS["csv"].write(document(name)), parts.csv_bytes(frame).decode()):
        assert isinstance(raw, str)
        for row in csv.reader(io.StringIO(raw.removeprefix("\ufeff"), newline=""), delimiter=between):
            for cell in row:
                bare = re.sub(r"[\x00-\x1f\u200b-\u200f\ufeff]", "", cell).lstrip()
                assert not bare.startswith(FORMULA) or re.fullmatch(r"-?[\d.]+(,.*)?", bare), (name, cell)


@pytest.mark.parametrize("name", NAMES)
def test_markdown_holds_no_tag_and_no_link_once_it_is_read(name: str) -> None:
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    told = FORMATS["md"].write(document(name))
    assert isinstance(told, str)
    for text in (told, words.plain(name, 600)):
        found = Read(reader.render(text))
        assert not found.tags & {"a", "img", "script", "svg", "iframe", "s", "b", "i"}, (name, found.tags)
        assert not {one for one in found.attributes if one.startswith("on") or one in ("src", "href")}
    assert "em" not in Read(reader.render(words.plain(name, 600))).tags


@pytest.mark.parametrize("name", NAMES)
def test_charts_hold_no_tag_of_the_data(name: str) -> None:
    for key, chart in every_chart(name).items():
        for text in _texts(json.loads(chart.figure.to_json())):
            found = Read(text)
            assert found.tags <= TAGS, (key, text)
            assert "href" not in found.attributes, (key, text)
            assert "z</b>" not in text, (key, text)
        assert "\u202e" not in chart.alt
        assert "\x00" not in chart.alt


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    rest = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for one in rest for text in _texts(one)]


@pytest.mark.parametrize("name", NAMES)
def test_json_reads_back_as_it_was(name: str) -> None:
    written = FORMATS["json"].write(document(name))
    assert isinstance(written, str)
    assert "</script" not in written or "<" in json.dumps(name)
    assert json.loads(written)
