"""Prompts and answers as JSON lines: a cancelled run goes on, and nothing is asked twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairdash import documents, workspace

FILE = "answers.jsonl"
LATER = f"later.{FILE}"  # beside a saved model, whose own files are never written to again


def key(prompt: str) -> str:
    """The prompt's SHA-256."""
    return hashlib.sha256(prompt.encode()).hexdigest()


class Kept:
    """Answers by prompt, in a file of one JSON object a line: `sha256`, `prompt`, and what was answered. Of lines about
    one prompt the later adds to the earlier. Lines are of one model; those of another, and a last one that was cut
    off, are passed over. before: a file of such lines that is read first, and not written to."""

    def __init__(self, file: Path, model: str, before: Path | None = None) -> None:
        self.file, self.model, self.before = file, model, before
        self.answers: dict[str, dict[str, Any]] = {}
        self.whole = True  # whether the file ends with a line's end
        for one in (before, file):
            if one is not None and one.is_file():
                with one.open("rb") as stream:
                    for line in stream:
                        self.whole = one != file or line.endswith(b"\n")
                        self._read(line)

    def copy(self, file: Path) -> None:
        """Write all that was kept so far into another file."""
        with file.open("wb") as out:
            for one in (self.before, self.file):
                if one is not None and one.is_file():
                    out.write(one.read_bytes().rstrip(b"\n") + b"\n")

    def _read(self, line: bytes) -> None:
        try:
            row = documents.loads(line)
            if row["model"] == self.model:
                self._join(row["sha256"], row["answer"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return

    def _join(self, at: str, answer: Mapping[str, Any]) -> None:
        self.answers.setdefault(at, {}).update(answer)

    def get(self, prompt: str) -> dict[str, Any]:
        """What was answered to a prompt so far."""
        return self.answers.get(key(prompt), {})

    def add(self, prompt: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer, at once and for good; in memory alone where the folder cannot be written to, or must not."""
        self._join(key(prompt), answer)
        if workspace.keeps_in() is None:
            return
        row = {"sha256": key(prompt), "model": self.model, "prompt": prompt, "answer": dict(answer)}
        line = ("" if self.whole else "\n") + json.dumps(row, ensure_ascii=False) + "\n"
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("ab") as stream:  # one write a line, so that two processes do not mix theirs
                stream.write(line.encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError:
            return
        self.whole = True
