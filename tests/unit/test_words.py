"""Words for numbers, and escapes."""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path

import numpy as np
import pytest

from fairdash import words


@pytest.mark.parametrize(
    ("value", "digits", "told"),
    [
        (0.0214, 3, "0.021"),
        (-0.0214, 3, "−0.021"),
        (1234.56, 1, "1,234.6"),
        (0.0, 3, "0.000"),
        (0.00004, 3, "0.00004"),
        (-0.00033, 3, "−0.0003"),
        (0.000009, 3, "≈ 0"),
        (-0.00000004, 3, "≈ 0"),
        (0.0004, 1, "≈ 0"),
        (math.nan, 3, "undefined"),
        (None, 3, "undefined"),
        (math.inf, 3, "∞"),
        (-math.inf, 3, "−∞"),
    ],
)
def test_numbers(value: float | None, digits: int, told: str) -> None:
    assert words.number(value, digits) == told


@pytest.mark.parametrize(
    ("n", "told"), [(1, "1 row"), (np.int64(1), "1 row"), (np.int64(1200), "1,200 rows"), ("≈ 2", "≈ 2 rows")]
)
def test_one_is_said_of_one_alone(n: object, told: str) -> None:
    assert words.say("{n} row", "{n} rows", n=n) == told


def test_a_small_number_never_reads_as_zero() -> None:
    assert words.number(0.0004) != words.number(0.0)


def test_signs_percents_and_counts() -> None:
    assert words.signed(0.02) == "+0.020"
    assert words.signed(-0.02) == "−0.020"
    assert words.signed(0.0) == "0.000"
    assert words.signed(None) == "undefined"
    assert words.percent(0.1234) == "12.3 %"
    assert words.percent(None) == "undefined"
    assert words.count(1, "person", "people") == "1 person"
    assert words.count(1682, "film") == "1,682 films"


@pytest.mark.parametrize(
    ("p", "told"),
    [(0.0004, "p < 0.001"), (0.0456, "p = 0.046"), (1.0, "p = 1.000"), (None, "no test"), (math.nan, "no test")],
)
def test_p_values(p: float | None, told: str) -> None:
    assert words.p_value(p) == told


@pytest.mark.parametrize(
    ("seconds", "told"), [(45.2, "45 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (None, ""), (-3, "0 s")]
)
def test_durations(seconds: float | None, told: str) -> None:
    assert words.duration(seconds) == told


def test_sizes() -> None:
    assert [words.size(n) for n in (12, 3100, 2_500_000, 7.5e9)] == ["12 B", "3.1 kB", "2.5 MB", "7.5 GB"]


HOSTILE = [
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "**bold** _it_ `code` $x^2$ :smile: :red[x]",
    "# heading",
    "a\nb\r\nc\x00d\u202edcba",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_of_data_is_shown_as_it_is(name: str) -> None:
    escaped = words.plain(name, 200)
    for mark in "<>[]()*_`$#:!":
        assert escaped.count(mark) == escaped.count("\\" + mark)
    assert "\n" not in escaped
    assert "\u202e" not in escaped


@pytest.mark.parametrize("name", HOSTILE)
def test_plotly_sees_no_tags(name: str) -> None:
    assert "<" not in words.markup(name)
    assert '"' not in words.markup(name)


def test_markup_escapes_once_and_completely() -> None:
    assert words.markup("R&B <a href='x'>") == "R&amp;B &lt;a href='x'&gt;"


def test_long_names_are_cut_with_a_sign() -> None:
    assert words.label("x" * 100, 10) == "x" * 9 + "…"


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "|x"])
def test_no_cell_is_a_formula(cell: str) -> None:
    told = words.cell(cell)
    assert isinstance(told, str)
    assert told[0] == "'"
    assert told.replace("'", "") == cell.replace("'", "")


def test_numbers_and_plain_text_stay_in_csv() -> None:
    assert words.cell(-1.5) == -1.5
    assert words.cell("Drama") == "Drama"
    assert words.cell(None) is None


def test_the_finding_reads_as_designed() -> None:
    told = words.finding(
        "gender", "NDCG@10", ("F", 273, 0.211), ("M", 670, 0.232), (0.006, 0.036), 0.004, significant=True
    )
    assert told == ("Women get 0.021 lower NDCG@10 than men (95 % CI 0.006 to 0.036, p = 0.004; 273 and 670 people).")


def test_no_difference_found_says_what_could_not_be_seen() -> None:
    told = words.finding(
        "gender", "NDCG@10", ("F", 273, 0.211), ("M", 670, 0.215), (0.0, 0.02), 0.4, significant=False, detectable=0.031
    )
    assert told.startswith("No difference in NDCG@10 found between women and men")
    assert "A gap below 0.031 could easily stay unseen" in told


def test_the_sentence_is_about_those_who_are_worse_off() -> None:
    told = words.finding(
        "gender",
        "Miscalibration",
        ("M", 670, 0.82),
        ("F", 273, 0.91),
        None,
        0.002,
        significant=True,
        higher_is_worse=True,
    )
    assert told == "Women get 0.090 higher miscalibration than men (p = 0.002; 273 and 670 people)."


def test_several_groups_are_named_by_value() -> None:
    told = words.finding(
        "age band",
        "Recall@10",
        ("56+", 40, 0.1),
        ("18–24", 300, 0.2),
        (0.05, 0.15),
        0.0001,
        significant=True,
        several=True,
    )
    assert told.startswith("People aged 56+ get 0.100 lower Recall@10 than people aged 18–24, the widest gap")


def test_groups_in_words() -> None:
    assert words.people("age", "under 18") == "people under 18"
    assert words.people("gender", "female") == "women"
    assert words.people("gender", "other") == "gender other"
    assert words.people("gender × age", "F × 18–24") == "women aged 18–24"  # as everywhere else
    assert words.people("gender × age", "F") == "gender × age F"  # no name of a crossing


def test_lists_of_words() -> None:
    assert [words.join(w) for w in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_numbers_that_a_person_reads_are_written_here() -> None:
    """No digits, percents or signs are formatted elsewhere; data, options and group names are written as they are."""
    root = Path(words.__file__).parents[1]
    elsewhere = ("words.py", "groups.py", "cli.py", "attributes.py")
    files = [
        file
        for file in (*root.glob("fairdash/**/*.py"), *root.glob("pages/*.py"))
        if not set(file.relative_to(root).parts) & set(elsewhere)
    ]
    assert len(files) > 60
    found = []
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            form = ""
            if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
                form = ast.unparse(node.format_spec)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):  # a template; %{x:.1f} is plotly's own
                form = "".join(re.findall(r"(?<!%)\{\w+:([^}]*)\}", node.value))
            if re.search(r"\.\d|%$|\+|^(f')?,", form):
                found.append(f"{file.name}:{node.lineno} {ast.unparse(node)}")
    assert not found


def test_a_difference_has_its_sign_in_every_form() -> None:
    assert words.percent(-0.047, sign=True) == "−4.7 %"
    assert words.percent(0.047, sign=True) == "+4.7 %"
    assert words.interval(-0.0063, 0.036, sign=True) == "−0.006 to +0.036"
    assert words.brief(float("inf")) == "∞"


# What remark-gfm, which draws Streamlit's Markdown, turns into links within text whose escapes are gone.
_AUTOLINKS = (
    r"(https?://|www(?=\.))([-.\w]+)([^ \t\r\n]*)",
    r"[-.\w+]+@[-\w]+(?:\.[-\w]+)+",
    r"(mailto|xmpp):[-.\w+]+@",
)


@pytest.mark.parametrize(
    "name",
    ["http://evil.example", "HTTPS://evil.example/x?y=1", "www.evil.example", "WWW.evil.example", "a.b+c@evil.example",
     "mailto:a@b.example", "xmpp:a@b.example/x", "ftp://evil.example", "see(http://evil.example)", "x@y.z http://a.b"],
)  # fmt: skip
def test_no_address_of_data_becomes_a_link(name: str) -> None:
    drawn = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", words.plain(name, 200))
    assert drawn.replace("\u2060", "") == name
    assert not any(re.search(link, drawn, re.IGNORECASE | re.ASCII) for link in _AUTOLINKS)
    assert "://" not in drawn
