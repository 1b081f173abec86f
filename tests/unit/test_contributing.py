"""The walks of CONTRIBUTING.md, done as they are written: the files into a copy of the package, then the check."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fairdash.ui import state

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
WALKS = {part.splitlines()[0]: part for part in TEXT.split("\n## ") if part.startswith("Add a ")}
BLOCK = re.compile(r"```python (?:file=(?P<file>\S+)|(?P<check>check))\n(?P<code>.*?)```", re.S)


@pytest.mark.parametrize("walk", WALKS, ids=lambda title: title.removeprefix("Add a ").replace(" ", "-"))
def test_a_walk_does_what_it_says(walk: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "fairdash", tmp_path / "fairdash", ignore=shutil.ignore_patterns("__pycache__"))
    checks, written = [], []
    for block in BLOCK.finditer(WALKS[walk]):
        if block["check"]:
            checks.append(block["code"])
            continue
        target = tmp_path / block["file"]
        assert not target.exists(), "a walk adds files; it edits none"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block["code"])
        written.append(block["file"])
    assert checks
    assert 1 <= len(written) <= 2
    script = f"from pathlib import Path\nfolder = Path({str(tmp_path / 'work')!r})\n" + "\n".join(checks)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "FAIRDASH_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-W", "error::SyntaxWarning", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    lint = [sys.executable, "-m", "ruff", "check", "--quiet", "--config", str(ROOT / "pyproject.toml"), *written]
    linted = subprocess.run(lint, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_there_is_a_walk_for_each_kind() -> None:
    assert {"Add a metric", "Add a mitigation", "Add a recommender"} <= set(WALKS)


MOST_LINES = 80  # of a page
HELLO = """\"\"\"A page.\"\"\"

import streamlit as st

st.title("Hello")
"""
OPENED = """
from streamlit.testing.v1 import AppTest
app = AppTest.from_file(f"{folder}/fairdash/ui/shell.py", default_timeout=600)
app.switch_page(f"{folder}/pages/hello.py")
app.run()
assert not app.exception, app.exception
assert [title.value for title in app.title] == ["Hello"], app.title
"""


def test_a_page_is_its_file_and_its_line(tmp_path: Path) -> None:
    for name in ("fairdash", "pages"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pages" / "hello.py").write_text(HELLO)
    declared = tmp_path / "fairdash" / "ui" / "state.py"
    text, last = declared.read_text("utf-8"), '    "guide": ('
    assert text.count(last) == 1
    declared.write_text(text.replace(last, f'    "hello": (words.later("Hello"), ":material/waving_hand:"),\n{last}'))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "FAIRDASH_HOME": str(tmp_path / "home")}
    opened = [sys.executable, "-c", f"folder = {str(tmp_path)!r}\n{OPENED}"]
    done = subprocess.run(opened, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_pages_are_declared_and_short() -> None:
    pages = {file.stem: len(file.read_text("utf-8").splitlines()) for file in (ROOT / "pages").glob("*.py")}
    assert pages.keys() == {*state.JOURNEY, *state.OVERSIGHT}
    assert f"in {MOST_LINES} lines at most" in TEXT
    assert {name: lines for name, lines in pages.items() if lines > MOST_LINES} == {}
