"""The walks of CONTRIBUTING.md, done as they are written: the files into a copy of the package, then the check."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
