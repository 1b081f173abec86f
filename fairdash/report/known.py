"""What is known beside the numbers: the data, how the lists came to be, how it was looked at, and by which commands.

An audit.json or a comparison.json alone knows little of it; a run folder, or the workspace, knows the rest. What nobody
knows is not guessed: a report says that it is not known.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from fairdash import settings, words
from fairdash.data import sources
from fairdash.mitigation.base import Mitigation
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages.audit import AuditSpec
from fairdash.workspace import Workspace

Mapped = Mapping[str, Any]


@dataclass(frozen=True)
class Data:
    """A data set as it was cut. counts: people, items, interactions, and those to train, to choose on and held out."""

    name: str
    split: str
    counts: Mapping[str, int]
    first: float | None = None  # seconds since 1970
    last: float | None = None
    threshold: float | None = None
    provenance: Mapped = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The data set of the catalogue that it is, where it is one; else its name."""
        return str(self.provenance.get("source") or self.name)


@dataclass(frozen=True)
class Lists:
    """How lists came to be: the keys of `stages.compare.Made.about`, with device, version and the run's digest."""

    title: str
    how: Mapped
    run: Mapped = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """Of what a report is about. lists: one of an audit, before and after of a comparison. spec: how it was looked at.
    digests: what → its id. measured: when the numbers were made."""

    data: Data | None = None
    lists: tuple[Lists, ...] = ()
    spec: AuditSpec | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    measured: datetime | None = None

    def things(self) -> str:
        """What items are called, in the language of whoever is spoken to."""
        return words.say(sources.things("" if self.data is None else self.data.source))


def of_file(kind: str, value: Mapped, run: Run | None = None) -> Known:
    """What an audit.json or a comparison.json says itself, and the run folder beside it."""
    alone = _of_comparison(value) if kind == "comparison" else Known()
    if run is None:
        return alone
    data, own = of_run(run)
    lists = tuple(replace(one, run={**run.meta, **one.run}) for one in alone.lists) or (own,)
    digests = {words.say("run"): run.digest, words.say("split"): str(run.meta["split_digest"])}
    return Known(data, lists, None, digests)


def _of_comparison(value: Mapped) -> Known:
    about = value["about"]
    data = None
    if about.get("data"):
        data = Data(str(about["data"]), str(about.get("split", "")), {}, notes=tuple(about.get("split_notes", ())))
    sides = [(name, about.get(side)) for name, side in zip(value["names"], ("before", "after"), strict=True)]
    told = tuple(Lists(str(name), side, side) for name, side in sides if isinstance(side, Mapping))
    return Known(data, told)


def of_run(run: Run, provenance: Mapped | None = None) -> tuple[Data, Lists]:
    """What a run folder says: of its data, and of its own lists."""
    split = run.split
    training = split.training
    parts = (training.train, training.valid, split.test)
    times = np.concatenate([part.time for part in parts])
    timed = bool(times.any())
    counts = {
        words.later("people"): training.n_users,
        words.later("items"): training.n_items,
        words.later("interactions"): sum(map(len, parts)),
        words.later("to train on"): len(training.train),
        words.later("to choose on (validation)"): len(training.valid),
        words.later("held out (test)"): len(split.test),
    }
    data = Data(
        split.name,
        split.spec,
        counts,
        float(times.min()) if timed else None,
        float(times.max()) if timed else None,
        training.relevance_threshold,
        provenance or {},
        tuple(split.notes),
    )
    return data, Lists(run.title, {} if run.has_model else {"imported": True}, run.meta)


Runs = Callable[[str], Run]  # a run of the workspace by its digest, from memory where it is there


def of_audit(workspace: Workspace, digest: str, runs: Runs) -> Known:
    """What the workspace knows of an audit. Raises FairDashError where it is not there."""
    entry = workspace.get("audits", digest)
    return _stored(workspace, (entry.meta["lists"],), entry.meta, {words.say("audit"): digest}, runs)


def of_comparison(workspace: Workspace, digest: str, runs: Runs) -> Known:
    """The same of a comparison."""
    entry = workspace.get("comparisons", digest)
    sides = (entry.meta["before"], entry.meta["after"])
    return _stored(workspace, sides, entry.meta, {words.say("comparison"): digest}, runs)


def _stored(workspace: Workspace, sides: Sequence[str], meta: Mapped, digests: dict[str, str], runs: Runs) -> Known:
    told, data = [], None
    named = (words.say("lists"),) if len(sides) == 1 else (words.say("lists before"), words.say("lists after"))
    for name, side in zip(named, sides, strict=True):
        lists = workspace.get("lists", side)
        run = runs(lists.meta["run"])
        source = run_source(workspace, run, lists.meta["run"])
        data, own = of_run(run, source)
        told.append(Lists(lists.title, {**own.how, **lists.meta}, run.meta))
        digests |= {name: side, words.say("run of the {lists}", lists=name): run.digest}
    digests[words.say("split")] = str(told[-1].run.get("split_digest", ""))
    made = datetime.fromtimestamp(float(meta["created"]), UTC) if "created" in meta else None
    return Known(data, tuple(told), AuditSpec.from_json(meta), digests, made)


def run_source(workspace: Workspace, run: Run, name: str) -> Mapped:
    """Where the data of a run came from, where its data set is still there."""
    dataset = workspace.get("runs", name).meta.get("dataset")
    if dataset is None or not workspace.has("datasets", dataset):
        return {}
    found: Mapped = workspace.get("datasets", dataset).meta["provenance"]
    return found


# --- the commands that make it again ----------------------------------------------------------------------------------


def commands(known: Known, kind: str) -> tuple[str, ...]:
    """The command line that gives the same numbers, as far as it is known; empty where the run is not. kind: "audit" or
    "comparison"."""
    if not known.lists or known.data is None or not known.lists[0].run.get("recommender"):
        return ()
    first, last = known.lists[0], known.lists[-1]
    if first.how.get("imported") or first.run["recommender"] == "lists":
        return ()  # of somebody else's lists only the file makes them again
    k = ["--k", str(known.spec.k)] if known.spec is not None else []
    lines = [_train(known.data, first), _line("recommend", "--run", "RUN", *k, "--out", "recs.csv")]
    looked = [] if known.spec is None else _looked(known.spec)
    if kind == "audit":
        if first.how.get("mitigation"):
            lines.append(_mitigate(first, k))
        lists = ["--recommendations", "after.csv"] if first.how.get("mitigation") else []
        lines.append(_line("audit", "--run", "RUN", *lists, *looked, "--out", "audit.json"))
        lines.append(_line("report", "--audit", "audit.json", "--run", "RUN", "--out", "report.html"))
        return tuple(lines)
    after = "after.csv"
    if last.how.get("mitigation"):
        lines.append(_mitigate(last, k))
    elif last.run.get("recommender") and last.run["recommender"] != "lists":
        lines.append(_train(known.data, last, "RUN2"))
        lines.append(_line("recommend", "--run", "RUN2", *k, "--out", after))
    compared = ["--run", "RUN", "--before", "recs.csv", "--after", after, *looked]
    lines.append(_line("compare", *compared, "--out", "comparison.json"))
    lines.append(_line("report", "--comparison", "comparison.json", "--run", "RUN", "--out", "report.html"))
    return tuple(lines)


def _line(command: str, *words_: str) -> str:
    return shlex.join(["python", "-m", "fairdash", command, *(words.label(one, 200) for one in words_)])


def _train(data: Data, lists: Lists, out: str = "RUN") -> str:
    of_files = ["--interactions", "INTERACTIONS", "--users", "USERS", "--items", "ITEMS"]
    given = ["--dataset", data.source] if data.source in sources.SOURCES else of_files
    options = [
        word for name, value in (lists.run.get("options") or {}).items() for word in ("--set", f"{name}={value}")
    ]
    trained = [Mitigation.from_json(step) for step in lists.run.get("mitigations") or ()]
    chosen = [word for step in trained for word in ("--mitigation", step.method, *_groups(step.groups, "--group"),
                                                    "--strength", f"{step.strength:g}")]  # fmt: skip
    seed = ["--seed", str(lists.run.get("seed", 0))]
    how = ["--split", data.split, "--recommender", str(lists.run["recommender"])]
    return _line("train", *given, *how, *options, *chosen, *seed, "--out", out)


def _mitigate(lists: Lists, k: Sequence[str]) -> str:
    steps = [Mitigation.from_json(step) for step in (*(lists.how.get("first") or ()), lists.how["mitigation"])]
    asked: list[str] = []
    for step in steps:
        asked += ["--method", step.method, "--strength", "auto" if step.strength is None else f"{step.strength:g}"]
    asked += _groups(tuple(dict.fromkeys(group for step in steps for group in step.groups)), "--group")
    things = [step.item_group for step in steps if step.item_group is not None]
    asked += _groups(tuple(things[:1]), "--item-group")
    return _line("mitigate", "--run", "RUN", *asked, *k, "--out", "after.csv")


def _looked(spec: AuditSpec) -> list[str]:
    """The options of a spec that are not as usual."""
    usual = AuditSpec()
    asked = [*_groups(spec.groups, "--group"), *_groups(spec.item_groups, "--item-group")]
    sizes = {group.min_size for group in spec.groups}
    if sizes and max(sizes) != settings.MIN_GROUP_SIZE:
        asked += ["--min-group-size", str(max(sizes))]
    asked += ["--k", str(spec.k), "--seed", str(spec.seed)]
    for name in ("replicates", "permutations"):
        if getattr(spec, name) != getattr(usual, name):
            asked += [f"--{name}", str(getattr(spec, name))]
    return asked


def _groups(specs: Sequence[GroupSpec], option: str) -> list[str]:
    """Options that name these groups and, where they are numbers, the edges at which they are cut; a list of people
    that was saved has no name outside of the app."""
    asked: list[str] = []
    for spec in (one for one in specs if not one.members):
        asked += [option, ",".join(spec.attributes)]
        for name, edges in zip(spec.attributes, spec.edges, strict=False):
            if edges is not None:
                asked += ["--bins", f"{name}={','.join(f'{edge:g}' for edge in edges)}"]
    return asked
