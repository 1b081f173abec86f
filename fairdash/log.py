"""What went wrong, for whoever runs the server: a JSON object a line in `logs/fairdash.jsonl` of the workspace.

    {"at": "2026-01-31T12:00:00Z", "level": "error", "where": "page", "number": "1a2b3c4d", "error": "ValueError",
     "trace": ["fairdash/ui/parts.py:84 errors", …], "after": {"error": …, "trace": […]}}

A person is told the number alone. No message, no value and no name of a file of theirs is in it: those may be
somebody's data. Where in the code it happened, and after which other fault, says enough to make it again.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from fairdash import settings
from fairdash.workspace import add_line

FILE = Path("logs") / "fairdash.jsonl"
MAX_BYTES = 5_000_000  # of the file; the one before is kept beside it as `.1`
MAX_FRAMES = 40  # of a trace, the innermost


def fault(error: BaseException, where: str, root: Path | None = None) -> str:
    """Note a fault that nobody foresaw, in the workspace at `root` (else the person's own); returns its number."""
    number = uuid.uuid4().hex[:8]
    told = {"level": "error", "where": where, "number": number, **_told(error)}
    _write(told, settings.home() if root is None else root)
    place = told["trace"][-1] if told["trace"] else ""
    logging.getLogger(__name__).error("%s fault %s: %s at %s (%s)", where, number, told["error"], place, FILE)
    return number


def _told(error: BaseException) -> dict[str, Any]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return {**_alone(error), **({} if before is None else {"after": _alone(before)})}


def _alone(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return {"error": type(error).__name__, "trace": [_place(frame) for frame in frames]}


def _place(frame: traceback.FrameSummary) -> str:
    """File, line and function; of the file no more than tells which it is."""
    return f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} {frame.name}"


def _write(told: dict[str, Any], root: Path) -> None:
    file = root / FILE
    line = json.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **told})
    with suppress(OSError):  # a full disk: what the caller says of it is more than this could
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.stat().st_size > MAX_BYTES:
            file.replace(file.with_name(file.name + ".1"))
        add_line(file, line)
