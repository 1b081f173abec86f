"""The report: one safe file that holds every number it speaks of, in each format."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from fairdash import report, words
from fairdash.metrics.audit import from_frames
from fairdash.metrics.catalogue import METRICS
from fairdash.report import pictures
from fairdash.stages.compare import compare_audits
from tests.conftest import report_of

EVIL = '<script>alert("x")</script>'
FORMULA = "=HYPERLINK(1)|[x](http://e.org) `c` **b**"
KINDS = tuple(report.KINDS)


@pytest.fixture(scope="module")
def values() -> dict[str, dict[str, Any]]:
    """An audit and a comparison in which everything that came with the data is hostile; one group is too small."""
    people = [f"u{i}" for i in range(60)]
    named = ["<b>one</b>", FORMULA]
    users = pd.DataFrame({"user_id": people, EVIL: [named[i % 2] for i in range(57)] + ["few"] * 3})
    truth = pd.DataFrame({"user_id": people, "item_id": [f"i{i % 5}" for i in range(60)]})
    items = pd.DataFrame({"item_id": [f"i{i}" for i in range(9)], FORMULA: ["<i>a</i>", "@b", "+c"] * 3})
    audits = []
    for shift in (0, 1):
        rows = [(person, f"i{(i + j + shift) % 9}", j + 1) for i, person in enumerate(people) for j in range(3)]
        lists = pd.DataFrame(rows, columns=["user_id", "item_id", "rank"])
        options: dict[str, Any] = {"groups": [EVIL], "item_groups": [FORMULA], "replicates": 50, "permutations": 20}
        audits.append(from_frames(lists, truth, users, items=items, k=3, **options))
    about = {
        "data": EVIL,
        "split": "user-time:0.8",
        "split_notes": ["what came after"],
        "before": {"title": EVIL, "recommender": "ease", "seed": 3, "options": {EVIL: EVIL}},
    }
    compared = compare_audits(audits[0], audits[1], names=(EVIL, "after"), about=about).to_json()
    return {"audit": audits[0].to_json(), "comparison": compared}


class Tags(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_of_the_data_becomes_markup(kind: str, values: dict[str, Any]) -> None:
    page = report_of(values[kind], kind=kind, frames=True)
    found = Tags(page)
    assert not found.tags & {"script", "b", "i", "a", "img", "iframe"}
    assert "<b>one</b>" in "".join(found.text)
    for svg in re.findall(r"<svg.*?</svg>", page):
        ElementTree.fromstring(svg)
    told = report_of(values[kind], "md", kind, frames=True)
    assert "<b>" not in re.sub(r"\\.", "", told)
    assert not re.search(r"(?<!\\)\[x|(?<!\\)`c|(?<!\\)\*\*b|http:", told)
    for line in told.splitlines():
        if line.startswith("|") and "HYPERLINK" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) > 4


@pytest.mark.parametrize("kind", KINDS)
def test_no_cell_of_the_table_is_a_formula(kind: str, values: dict[str, Any]) -> None:
    rows = list(csv.reader(io.StringIO(report_of(values[kind], "csv", kind).removeprefix("\ufeff"))))
    assert rows[0] == ["section", "row", "column", "shown", "value"]
    assert {len(row) for row in rows} == {5}
    for row in rows[1:]:
        for cell in row:
            assert cell[:1] not in ("=", "+", "@", "|", "\t") or not cell, row
            assert cell[:1] != "-" or float(cell) < 0
    assert any("HYPERLINK" in cell and cell.startswith("'=") for row in rows for cell in row)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_loaded_from_elsewhere(kind: str, values: dict[str, Any]) -> None:
    assert not re.search(r"""(src|href)\s*=|url\(|@import|(?<!\()https?://""", report_of(values[kind], kind=kind))


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_says_the_same_numbers(kind: str, values: dict[str, Any]) -> None:
    value = values[kind]
    page, told, table = (report_of(value, suffix, kind) for suffix in ("html", "md", "csv"))
    found = json.loads(report_of(value, "json", kind))
    parts = [part for section in found["sections"] for part in section["parts"]]
    cells = [cell["shown"] for part in parts if part["kind"] == "table" for row in part["rows"] for cell in row[1:]]
    assert len(cells) > 100
    texts = Tags(page).text
    for shown in {shown for shown in cells if re.fullmatch(r"[−+\d., %to]+", shown)}:
        assert shown in texts
        assert f" {shown} |" in told or f"\\{shown} |" in told  # a sign at the start is no list
        assert shown in table
    ndcg = value["overall"]["ndcg"]
    assert words.number(ndcg if kind == "audit" else ndcg["after"], 4) in cells


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_has_its_words_and_its_table(kind: str, values: dict[str, Any]) -> None:
    page = report_of(values[kind], kind=kind)
    assert page.count("<svg") == page.count("aria-label")
    assert page.count("<svg") >= 2
    assert page.count("<table") >= 4


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_small_group_nothing_is_told_but_its_size(kind: str, values: dict[str, Any]) -> None:
    document = report.KINDS[kind](values[kind], report.known.of_file(kind, values[kind]), report_made())
    rows = [row for _, table in document.tables() for row in table.rows if row[0].shown.startswith("few")]
    assert rows
    assert all(cell.shown in (words.DASH, "3", "5 %") for row in rows for cell in row[1:])
    assert not [svg for svg in re.findall(r"<svg.*?</svg>", report_of(values[kind], kind=kind)) if "few" in svg]
    assert "groups below 20 people are" in report_of(values[kind], kind=kind)


def report_made() -> Any:
    from datetime import UTC, datetime

    return datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", KINDS)
def test_only_metrics_that_a_report_speaks_of_are_defined(kind: str, values: dict[str, Any]) -> None:
    found = json.loads(report_of(values[kind], "json", kind))
    (last,) = (s["parts"] for s in found["sections"] if s["heading"] == "How to read this")
    defined = {row[0] for part in last if part["kind"] == "facts" for row in part["rows"]}
    tables = json.dumps([p["rows"] for s in found["sections"] for p in s["parts"] if p["kind"] == "table"])
    assert 5 < len(defined) < len(METRICS)
    assert all(json.dumps(name)[1:-1] in tables for name in defined)


def test_what_is_not_known_is_not_guessed(values: dict[str, Any]) -> None:
    told = report_of(values["audit"], "md", "audit")
    assert "Where the data came from is not known from this file" in told
    assert "python \\-m" not in told
    assert "python -m" not in told
    assert "Energy" not in told


def test_what_leaks_stands_with_the_data(values: dict[str, Any]) -> None:
    assert "<li>what came after</li>" in report_of(values["comparison"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_frames_of_the_law_say_what_a_person_must_add(kind: str, values: dict[str, Any]) -> None:
    assert "Annex IV" not in report_of(values[kind], kind=kind)
    found = json.loads(report_of(values[kind], "json", kind, frames=True))
    headings = [s["heading"] for s in found["sections"]]
    assert [h.split(". ")[0] for h in headings if h.startswith("AI Act")] == [
        f"AI Act, Annex IV, {i}" for i in range(1, 10)
    ]
    assert [h for h in headings if h.startswith("Digital")] == [
        "Digital Services Act, Article 27. Recommender system transparency",
        "Digital Services Act, Article 34. Risk assessment",
        "Digital Services Act, Article 35. Mitigation of risks",
    ]
    for section in found["sections"]:
        if section["heading"].startswith(("AI Act", "Digital")):
            assert section["parts"][-1]["said"].startswith("For a person to add: ")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_such_value_is_refused(kind: str) -> None:
    with pytest.raises(KeyError):
        report_of({"k": 3}, kind=kind)


def test_a_picture_draws_its_values_where_they_are() -> None:
    rows = [pictures.Row("a", 0.1, 0.0, 0.2, "0.1"), pictures.Row("b", 0.3, told="0.3")]
    picture = pictures.values(rows, "alt", line=0.2, line_told="x")
    assert picture is not None
    tree = ElementTree.fromstring(picture.svg)
    first, second = (float(circle.get("cx", "nan")) for circle in tree.iter("circle"))
    dashed = next(line for line in tree.iter("line") if line.get("stroke-dasharray"))
    assert float(dashed.get("x1", "nan")) == pytest.approx((first + second) / 2, abs=0.2)
    assert pictures.values([], "alt") is None
    assert pictures.bars([pictures.Row("a", float("nan"))], "alt") is None


@pytest.mark.parametrize("values_", [(0.5,), (0.0, 0.0), (-3.0, -1.0), (1e-9, 2e-9), (0.0, 1e12)])
def test_any_values_give_a_picture_with_an_axis(values_: tuple[float, ...]) -> None:
    picture = pictures.values([pictures.Row(str(v), v) for v in values_], "alt")
    assert picture is not None
    tree = ElementTree.fromstring(picture.svg)
    ticks = [text for text in tree.iter("text") if text.get("font-size") == "12"]
    assert 1 <= len(ticks) <= 7


def test_a_sweep_marks_the_chosen_strength() -> None:
    points = [pictures.Tried(s / 10, 0.2 - s / 100, 0.1, 0.3, 1 - s / 50) for s in range(11)]
    picture = pictures.sweep(points, 0.4, ("gap", "accuracy kept"), "alt")
    assert picture is not None
    tree = ElementTree.fromstring(picture.svg)
    large = [circle for circle in tree.iter("circle") if circle.get("r") == "7"]
    assert len(large) == 2
    (dashed,) = [line for line in tree.iter("line") if line.get("stroke-dasharray")]
    told = [text for text in tree.iter("text") if text.text in ("0.160", "92 %")]
    assert len(told) == 2
    assert all(
        text.get("text-anchor") == "start" and float(text.get("x", 0)) > float(dashed.get("x1", 0)) for text in told
    )
    assert pictures.sweep(points[:1], 0.0, ("a", "b"), "alt") is None
