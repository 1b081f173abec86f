"""Bring the languages up to what the sources say: `make strings`, or `python -m tests.strings`.

Each `fairdash/locale/<language>.po` gets an empty entry for what is new, and loses what is no longer said; what remains
to be translated is printed. A translator fills in the empty `msgstr`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fairdash import words


def missing(language: str) -> list[str]:
    """What a language does not say yet."""
    return [template for template in words.templates() if template not in words.catalogue(language).texts]


def stale(language: str) -> list[str]:
    """What a language says, and the sources no longer do."""
    said = words.templates()
    return [template for template in words.catalogue(language).texts if template not in said]


def entry(template: str, plural: str | None, forms: tuple[str, ...]) -> str:
    """A template with its forms as a .po file has it."""
    named = {"msgid": template, **({"msgid_plural": plural} if plural else {})}
    named |= {f"msgstr[{i}]" if plural else "msgstr": form for i, form in enumerate(forms)}
    return "\n".join(f"{name} {json.dumps(text, ensure_ascii=False)}" for name, text in named.items())


def update(file: Path) -> None:
    """Rewrite a language's file in the order of the sources."""
    header = file.read_text("utf-8").split("\n\n", 1)[0]
    texts = words.catalogue(file.stem).texts
    entries = [entry(one, many, texts.get(one, ("",))) for one, many in words.templates().items()]
    file.write_text("\n\n".join([header, *entries]) + "\n", "utf-8")


def main() -> int:
    left = 0
    for file in sorted(words.LOCALE.glob("*.po")):
        for template in (empty := missing(file.stem)):
            print(f"{file.stem}: {template!r}")
        left += len(empty)
        update(file)
    return int(left > 0)


if __name__ == "__main__":
    sys.exit(main())
