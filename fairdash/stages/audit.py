"""Audit: a run and lists → who gets what, and how well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from fairdash import settings
from fairdash.data.findings import Finding
from fairdash.metrics import audit as audits
from fairdash.metrics.value import Audit
from fairdash.progress import Progress, silent
from fairdash.run import Run
from fairdash.schema import Floats, GroupSpec, Lists


def audit(
    run: Run,
    lists: Lists,
    *,
    groups: Sequence[GroupSpec] = (),
    item_groups: Sequence[GroupSpec] = (),
    k: int = settings.K,
    relevance_threshold: float | Literal["auto"] | None = "auto",
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    permutations: int = settings.PERMUTATIONS,
    model: bool = False,
    vectors: Floats | None = None,
    beside: Sequence[Lists] = (),
    progress: Progress = silent,
) -> Audit:
    """Audit lists of the run's people on its test part. relevance_threshold: "auto" takes the data set's own.

    model: also what the recommender itself does with who people are. vectors: user vectors as a mitigation left them;
    None: the recommender's own. beside: lists that these are compared with, on common people."""
    side = None
    if model and run.has_model:
        from fairdash.stages.model_side import model_side

        side = model_side(
            run.fitted,
            run.split,
            groups,
            lists,
            k=k,
            vectors=vectors,
            seed=seed,
            replicates=replicates,
            progress=progress,
        )
    progress(0.9, "Bootstrapping and permuting")
    made = audits.from_split(
        run.split,
        lists,
        groups=groups,
        item_groups=item_groups,
        k=k,
        relevance_threshold=relevance_threshold,
        seed=seed,
        replicates=replicates,
        permutations=permutations,
        model=side,
        findings=[Finding.from_json(found) for found in run.meta.get("findings", ())],
        beside=beside,
    )
    progress(1.0, "Audited")
    return made
