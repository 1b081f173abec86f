"""The layering: data flows down through the package; no circle, no arrow up, heavy libraries only where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import fairdash

PACKAGE = Path(fairdash.__file__).parent

# From the ground up: a module imports its own layer and those before it, also inside of functions and for types alone.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("words",),  # all that is said, errors included, passes through it
    ("errors", "settings", "progress", "memory", "texts"),
    ("hashing", "plugins", "arrays", "documents", "images", "answers", "activity", "engines"),
    ("schema", "identity", "workspace", "columns", "events.log", "log", "trail", "budget", "people", "shares"),
    ("groups", "item_classes"),
    ("data",),
    ("metrics",),
    ("mitigation.base",),  # what a recommender must know of mitigations: the term and the batch
    ("recommenders",),
    ("mitigation",),
    ("run",),
    ("stages",),
    ("charts", "entries", "events", "jobs", "report"),
    ("api", "doctor", "export"),
    ("cli", "__main__", ""),  # "": what a notebook imports
    ("ui",),
)
NO_TORCH = ("data", "metrics", "charts", "stages.compare", "report", "stages.describe", "ui")


def _name(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


MODULES = {_name(file): ast.parse(file.read_text("utf-8")) for file in PACKAGE.rglob("*.py")}


@cache
def imports(module: str) -> frozenset[str]:
    """Full names of all that a module imports, anywhere in it; modules of the package without "fairdash."."""
    found = set()
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                known = whole.removeprefix("fairdash.") in MODULES
                if whole != "fairdash.__version__":
                    found.add(whole if known else node.module)
    return frozenset("" if name == "fairdash" else name.removeprefix("fairdash.") for name in found)


def within(module: str, part: str) -> bool:
    return module == part or module.startswith(f"{part}.")


def layer(module: str) -> int:
    """The layer of the longest part that the module lies in."""
    fits = [(len(part), i) for i, parts in enumerate(LAYERS) for part in parts if within(module, part)]
    assert fits, f"{module} is in no layer"
    return max(fits)[1]


def circles() -> list[list[str]]:
    """Modules that import each other, directly or over others (Tarjan's strongly connected components)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        stack.append(module)
        for other in imports(module) & MODULES.keys():
            if other not in number:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in stack:
                lowest[module] = min(lowest[module], number[other])
        if lowest[module] == number[module]:
            circle = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(circle) > 1:
                found.append(sorted(circle))

    for module in MODULES:
        if module not in number:
            visit(module)
    return found


def test_no_circles() -> None:
    assert circles() == []


def test_no_arrow_up() -> None:
    up = [
        f"{module} → {other}"
        for module in sorted(MODULES)
        for other in sorted(imports(module) & MODULES.keys())
        if layer(other) > layer(module)
    ]
    assert up == []


def test_streamlit_only_in_ui() -> None:
    users = {m for m in MODULES if any(within(name, "streamlit") for name in imports(m)) and not within(m, "ui")}
    assert users == set()


def test_no_torch_where_numbers_are_looked_at() -> None:
    heavy = ("torch", "transformers")
    users = {
        module
        for module in MODULES
        if any(within(module, part) for part in NO_TORCH)
        and any(within(name, library) for name in imports(module) for library in heavy)
    }
    assert users == set()


@pytest.mark.parametrize(
    "module", ["data", "metrics.audit", "charts", "stages.compare", "report", "cli", "jobs.runner"]
)
def test_importing_brings_neither_torch_nor_streamlit(module: str) -> None:
    script = (
        f"import sys, fairdash.{module}; print(sorted({{'torch', 'transformers', 'streamlit'}} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_pages_import_no_torch() -> None:
    for file in (PACKAGE.parent / "pages").glob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        froms = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        assert not any(within(name, "torch") for name in (*froms, *names)), file.name
