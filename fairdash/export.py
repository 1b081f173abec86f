"""A run as a folder that answers without FairDash: weights, tokenizer, item table, a script, its audit and a model
card that says what was trained on whom."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from fairdash import report, settings
from fairdash.errors import ConfigError
from fairdash.hashing import mix
from fairdash.progress import Progress, silent
from fairdash.recommenders.base import ExportedFitted
from fairdash.report import known
from fairdash.run import Run
from fairdash.schema import Codes
from fairdash.stages import audit, feed, recommend
from fairdash.stages.disclosure import withheld
from fairdash.words import say
from fairdash.workspace import aside, write_json

CARD, AUDIT, ITEMS = "README.md", "audit.json", "items.csv"


def export(run: Run, folder: Path, progress: Progress = silent) -> None:
    """Write the folder, whole or not at all. Raises ConfigError for a recommender that answers by FairDash alone, and
    for a folder that is there already."""
    if folder.exists():
        raise ConfigError(say("{folder} is there already.", folder=str(folder)), say("Name a folder that is new."))
    fitted = run.fitted
    if not isinstance(fitted, ExportedFitted):
        raise ConfigError(
            say("A {name} answers by FairDash alone.", name=fitted.name),
            say("Serve the run with `python -m fairdash serve`."),
        )
    data = run.split.training
    order: Codes = np.argsort(mix(int(run.meta["seed"]), data.item_hashes), kind="stable").astype(np.int32)
    part = aside(folder.absolute())
    part.mkdir(parents=True)
    try:
        fitted.export(data, order, part)
        shutil.copyfile(run.folder / "items.csv", part / ITEMS)
        spec = feed.ways(data.people, data.items, popularity=len(run.split.known) > 0)
        value = withheld(audit.audit(run, recommend.recommend(run, settings.K), spec, progress=progress).to_json())
        write_json(part / AUDIT, value)
        told = report.KINDS["audit"](value, known.of_file("audit", value, run), datetime.now(UTC))
        (part / CARD).write_text(_how() + report.FORMATS["md"].write(told), encoding="utf-8")
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _how() -> str:
    """How the folder is used, before its audit."""
    lines = (
        say("`answer.py` gives a list for a history and a profile; it needs torch, transformers and numpy."),
        say("`items.csv` says what the items are, `audit.json` holds the numbers of what follows."),
    )
    return "\n".join([*lines, "", """    python answer.py '{"history": ["ITEM"], "profile": {}, "k": 10}'""", "", ""])
