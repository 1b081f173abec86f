"""Words that a person put in the place of a slide's own: kept beside the entry that the slides are about, and removed
with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from fairdash.report.story import Slide
from fairdash.workspace import SLIDES, Kind, Workspace, write_json

MAX_TITLE, MAX_NOTES = 300, 4000  # characters


def read(workspace: Workspace, kind: Kind, digest: str) -> dict[str, dict[str, str]]:
    """{key of a slide: {"title", "notes"}}, only what was changed. Raises FairDashError where there is no entry."""
    file = workspace.get(kind, digest).path / SLIDES
    with suppress(
        OSError, ValueError, AttributeError, TypeError, RecursionError
    ):  # nothing was kept, or nothing of ours
        found = json.loads(file.read_text("utf-8"))
        return {
            str(key): {name: str(told[name]) for name in ("title", "notes") if name in told}
            for key, told in found.items()
        }
    return {}


def write(workspace: Workspace, kind: Kind, digest: str, own: Slide, told: Mapping[str, str]) -> None:
    """Keep a title or notes of one slide; what is empty, or the slide's own again, is forgotten."""
    usual = {"title": own.title, "notes": "\n".join(own.notes)}
    kept = read(workspace, kind, digest)
    changed = {**kept.get(own.key, {}), **{name: text.strip() for name, text in told.items()}}
    kept[own.key] = {name: text for name, text in changed.items() if text and text != usual[name]}
    write_json(workspace.changing().get(kind, digest).path / SLIDES, {key: one for key, one in kept.items() if one})


def told(slide: Slide, kept: Mapping[str, Mapping[str, str]]) -> Slide:
    """The slide in the words that were kept, where any were."""
    own = kept.get(slide.key, {})
    notes = own["notes"].splitlines() if "notes" in own else slide.notes
    return replace(slide, title=own.get("title", slide.title)[:MAX_TITLE], notes=tuple(notes))
