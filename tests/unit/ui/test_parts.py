"""Downloads that no spreadsheet runs, and controls made from declarations."""

from __future__ import annotations

import csv
import io
import re

import pandas as pd
import pytest

from fairdash.errors import ConfigError
from fairdash.ui import forms, parts, state


def test_csv_cells_and_headers_are_no_formulas() -> None:
    frame = pd.DataFrame({"=1+1": ["=cmd|' /C calc'!A0", "Drama", None], "x": [-1.5, 2.0, 3.0]})
    data = parts.csv_bytes(frame)
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows == [["'=1+1", "x"], ["'=cmd|' /C calc'!A0", "-1.5"], ["Drama", "2.0"], ["", "3.0"]]


@pytest.mark.parametrize(("words", "edges"), [("18, 25,35", (18, 25, 35)), ("1.5; 2", (1.5, 2)), ("7", (7,))])
def test_cuts_are_read(words: str, edges: tuple[float, ...]) -> None:
    assert forms.parse_edges(words) == edges


@pytest.mark.parametrize("words", ["", "a, b", "3, 2", "2, 2", "1,,x"])
def test_cuts_that_cannot_be_are_refused_with_an_example(words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        forms.parse_edges(words)
    assert "18, 25, 35" in refused.value.hint


def test_every_page_of_the_journey_has_its_file() -> None:
    assert [path.stem for path in sorted(state.PAGES.glob("*.py"))] == sorted(state.JOURNEY | state.OVERSIGHT)
    for path in state.PAGES.glob("*.py"):
        lines = path.read_text().splitlines()
        assert len(lines) <= 80, f"{path.name} is to be thin"
        assert not any(line.startswith(("import torch", "import numpy", "from torch")) for line in lines)


def test_waits_of_the_page_tests_follow_an_event_and_no_clock() -> None:
    tests = state.PAGES.parent / "tests"
    for path in (*tests.glob("e2e/*.py"), *tests.glob("pages/*.py")):
        text = path.read_text()
        assert "wait_for_timeout" not in text, path
        assert not re.search(r"timeout=\d{1,2}\b|timeout=\d+_\d+|timeout\(\d", text), path
