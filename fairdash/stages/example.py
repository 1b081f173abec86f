"""A small finished audit of the made-up service, so that a first look needs no data and no wait: its numbers are
shipped as `fairdash/examples/audit.json`, and `make` gives them again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fairdash import groups
from fairdash.data import split, synthetic
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages import audit, feed, fit
from fairdash.stages.audit import AuditSpec

FILE = Path(__file__).parents[1] / "examples" / "audit.json"
PEOPLE, ITEMS = 400, 200
SOURCE = "synthetic"  # the name of its data in the catalogue


def read() -> dict[str, Any]:
    """The audit.json as it is shipped."""
    value: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return value


def make(folder: Path) -> dict[str, Any]:
    """The same, made now; folder: where its run goes. A second or two."""
    dataset, _ = synthetic.make(n_users=PEOPLE, n_items=ITEMS)
    cut = split.split(dataset, "user-time:0.8")
    run: Run = fit.train(cut, fit.TrainSpec("ease", {}, (), 0, "cpu"), folder)
    people = {spec.label: spec for spec in groups.suggest(cut.training.people)}
    spec = AuditSpec(
        groups=(people["gender"], people["age"]),
        item_groups=(GroupSpec(("creator_gender",)),),
        only=feed.FAMILIES,
    )
    return audit.audit(run, run.candidates(), spec).to_json()


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        FILE.write_text(json.dumps(make(Path(place)), indent=1, ensure_ascii=False) + "\n", "utf-8")
