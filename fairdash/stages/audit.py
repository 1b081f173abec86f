"""Audit: a run and lists → who gets what, and how well."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import reduce
from typing import Any, Literal

from fairdash import settings, words
from fairdash.data.findings import Finding
from fairdash.groups import from_json as group_from_json
from fairdash.metrics import audit as audits
from fairdash.metrics.value import Audit, ModelSide
from fairdash.progress import Progress, silent, within
from fairdash.recommenders.base import COSTLY_TEXTS, AskingFitted, Fitted, profile_of
from fairdash.run import Run
from fairdash.schema import Floats, GroupSpec, Lists, Split


@dataclass(frozen=True)
class AuditSpec:
    """What is looked at, and how surely. relevance_threshold: liked from this rating on; None: any rating is; "auto"
    takes the data set's own. model: also what the recommender itself does with who people are. only: names of families
    of metrics (`metrics.catalogue.FAMILIES`), where not all are asked for."""

    groups: tuple[GroupSpec, ...] = ()
    item_groups: tuple[GroupSpec, ...] = ()
    k: int = settings.K
    relevance_threshold: float | Literal["auto"] | None = "auto"
    seed: int = 0
    replicates: int = settings.BOOTSTRAP
    permutations: int = settings.PERMUTATIONS
    model: bool = False
    only: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, a key for each field: what names and stores an audit."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> AuditSpec:
        """From a job's parameters or from `to_json`; what is missing is as usual, other keys are passed over."""
        given = {one.name: value[one.name] for one in fields(AuditSpec) if one.name in value}
        for name in {"groups", "item_groups"} & given.keys():
            given[name] = tuple(group_from_json(group) for group in given[name])
        if "only" in given:
            given["only"] = tuple(given["only"])
        return AuditSpec(**given)


def audit(
    run: Run,
    lists: Lists,
    spec: AuditSpec,
    *,
    vectors: Floats | None = None,
    beside: Sequence[Lists] = (),
    among: Sequence[Split] = (),
    progress: Progress = silent,
) -> Audit:
    """Audit lists [n_users, ≥ spec.k] of the run's people on its test part. vectors: user vectors [n_users, d] as a
    mitigation left them; None: the recommender's own. beside: lists that these are compared with, on common people.
    among: the splits of those, so that all are of people whom each of their recommenders was asked about. Raises
    ConfigError for a spec that cannot be measured here."""
    side = None
    if spec.model and run.has_model:
        from fairdash.stages.model_side import model_side

        _asking(run.fitted, spec.groups, progress)
        side = model_side(
            run.fitted,
            run.split,
            spec.groups,
            lists,
            k=spec.k,
            vectors=vectors,
            seed=spec.seed,
            replicates=spec.replicates,
            progress=within(progress, 0.0, 0.9),
        )
    progress(0.9, words.say("Bootstrapping and permuting"))
    findings = [Finding.from_json(found) for found in run.meta.get("findings", ())]
    made = of_split(reduce(Split.among, among, run.split), lists, spec, side=side, findings=findings, beside=beside)
    progress(1.0, words.say("Audited"))
    return made


def _asking(fitted: Fitted, groups: Sequence[GroupSpec], progress: Progress) -> None:
    """Say what the model side will ask of a recommender whose answers take time or money, before it is asked."""
    tried = [one for one in groups if len(one.attributes) == 1 and one.attributes[0] in profile_of(fitted)]
    if tried and isinstance(fitted, AskingFitted):
        progress(0.0, fitted.asking(len(tried) * COSTLY_TEXTS))


def of_split(
    split: Split,
    lists: Lists,
    spec: AuditSpec,
    *,
    side: ModelSide | None = None,
    findings: Sequence[Finding] = (),
    beside: Sequence[Lists] = (),
) -> Audit:
    """The same without a run. side: what the model itself does; findings: what reading the tables found."""
    return audits.from_split(
        split,
        lists,
        groups=spec.groups,
        item_groups=spec.item_groups,
        k=spec.k,
        relevance_threshold=spec.relevance_threshold,
        seed=spec.seed,
        replicates=spec.replicates,
        permutations=spec.permutations,
        model=side,
        findings=findings,
        beside=beside,
        only=spec.only,
    )
