"""What people get who install FairDash as a package: the command, the files beside the code, the notebook."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import fairdash

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "fairdash" / "examples").glob("*.ipynb"))


def test_the_wheel_holds_the_package_its_files_and_the_command(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a copy, so that nothing is built into the checkout
    files = subprocess.run(
        ["git", "ls-files", "-z", "fairdash", "pyproject.toml", "README.md", "LICENSE", "requirements.txt"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, files):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, str(tmp_path), str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("fairdash-*.whl")
    assert fairdash.__version__ in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        meta = {Path(name).name: archive.read(name).decode() for name in held if ".dist-info/" in name}
        archive.extractall(tmp_path / "installed")
    assert "fairdash = fairdash.cli:main" in meta["entry_points.txt"]
    assert "Requires-Dist: streamlit" in meta["METADATA"]
    kept = {name for name in files if name.startswith("fairdash/")}
    assert kept <= held
    command = [sys.executable, "-m", "fairdash", "--version"]
    done = subprocess.run(command, cwd=tmp_path / "installed", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fairdash.__version__


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_from_top_to_bottom(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notebook = json.loads(path.read_text())
    scope: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"], "a notebook is kept without what it printed"
            exec(compile("".join(cell["source"]), f"{path.name}:{cell['id']}", "exec"), scope)
    if path.stem == "audit_lists":  # it shows what was planted in its data
        assert "gender: " in capsys.readouterr().out
        assert scope["broken"] == [line for line in scope["broken"] if line.startswith("gender.ndcg.gap is ")] != []


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS
