"""The report: one safe page that holds every number it speaks of."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from fairdash.metrics.audit import from_frames
from fairdash.stages.compare import compare_audits
from fairdash.stages.report import html

EVIL = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def page() -> str:
    people = [f"u{i}" for i in range(60)]
    users = pd.DataFrame({"user_id": people, EVIL: ["<b>one</b>" if i % 2 else "two & three" for i in range(60)]})
    truth = pd.DataFrame({"user_id": people, "item_id": [f"i{i % 5}" for i in range(60)]})
    audits = []
    for shift in (0, 1):
        rows = [(person, f"i{(i + j + shift) % 9}", j + 1) for i, person in enumerate(people) for j in range(3)]
        lists = pd.DataFrame(rows, columns=["user_id", "item_id", "rank"])
        audits.append(from_frames(lists, truth, users, groups=[EVIL], k=3, replicates=50, permutations=20))
    about = {
        "data": EVIL,
        "split": "user-time:0.8",
        "split_notes": ["what came after"],
        "before": {"title": EVIL, "options": {EVIL: EVIL}},
    }
    return html(compare_audits(audits[0], audits[1], names=(EVIL, "after"), about=about).to_json())


def test_no_text_of_the_data_becomes_markup(page: str) -> None:
    assert "<script" not in page
    assert "<b>one" not in page
    assert "&lt;b&gt;one&lt;/b&gt;" in page
    assert "two &amp; three" in page


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    assert not re.search(r"""(src|href)\s*=|url\(|@import|https?://""", page)


def test_a_picture_has_its_words_and_its_table(page: str) -> None:
    assert page.count("<svg") == page.count("aria-label")
    assert page.count("<table") >= 4
    assert "n = 30" in page
    assert "95 % CI of the change" in page


def test_what_leaks_stands_with_how_to_read_it(page: str) -> None:
    assert "<li>what came after</li>" in page


def test_what_is_no_comparison_is_refused() -> None:
    with pytest.raises(KeyError):
        html({"k": 3})
