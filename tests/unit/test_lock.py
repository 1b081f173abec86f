"""What is installed is exactly known: each requirement is locked with hashes, but for torch, which is the machine's."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.lock import LOCKS, OF_THE_MACHINE, blocks

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"([\w.-]+)==([\w.!+]+)(?: ; .+?)? \\")


def asked(name: str) -> list[Requirement]:
    """The requirements of a file and of those that it names."""
    found = []
    for line in (ROOT / name).read_text("utf-8").splitlines():
        if line.startswith("-r "):
            found += asked(line[3:])
        elif line and not line.startswith("#"):
            found.append(Requirement(line))
    return found


@pytest.mark.parametrize(("name", "lock"), LOCKS.items())
def test_each_requirement_is_locked_with_hashes(name: str, lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert "://" not in text  # where packages come from is the machine's to know
    locked: dict[str, list[str]] = {}
    for block in blocks(text.partition("\n")[2]):
        head, *hashes = block.split("\n")
        found = LINE.fullmatch(head)
        assert found is not None, head
        assert hashes
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?", one) for one in hashes), head
        locked.setdefault(found[1], []).append(found[2])
    for one in asked(name):
        if OF_THE_MACHINE.match(f"{one.name}=="):
            assert re.fullmatch(r"==[\d.]+", str(one.specifier)), "its version is exact"
            assert one.name not in locked
        else:
            assert one.name in locked, f"{one.name} is not locked: make lock"
            assert all(one.specifier.contains(known) for known in locked[one.name]), f"{one}: make lock"
    assert {"numpy", "starlette", "protobuf"} <= locked.keys()  # what others ask for, too


def test_what_runs_here_is_what_is_locked() -> None:
    text = (ROOT / LOCKS["requirements.txt"]).read_text("utf-8")
    heads = [block.split("\n")[0] for block in blocks(text)]
    locked = dict(found.groups() for head in heads if ";" not in head and (found := LINE.fullmatch(head)))
    assert len(locked) > 50
    assert {name: version(name) for name in locked} == locked
