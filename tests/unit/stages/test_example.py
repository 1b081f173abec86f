"""The audit that is shipped is the one that the code makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairdash.stages import example, feed
from fairdash.stages.disclosure import withheld


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            yield from leaves(inner, f"{path}.{i}")
    else:
        yield path, value


def test_the_example_is_what_the_code_makes(tmp_path: Path) -> None:
    """`python -m fairdash.stages.example` writes it again."""
    shipped, made = dict(leaves(example.read())), dict(leaves(example.make(tmp_path)))
    assert shipped.keys() == made.keys()
    for path, value in made.items():
        known = shipped[path]
        assert known == (pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, float) else value), path


def test_the_example_finds_what_was_planted() -> None:
    cards = feed.feed(withheld(example.read()), things="films")
    assert cards[0].kind == "found"
    assert (cards[0].attribute, cards[0].worse) == ("gender", "woman")
    assert "women" in cards[0].plain
