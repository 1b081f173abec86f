"""What a job can be: the pipeline's stages over the workspace. Pages submit these; `python -m fairdash demo` runs one.

Parameters and results are plain JSON. A result names the entries that were made: {"datasets": digest}, {"runs": digest,
"lists": digest}, {"audits": digest}, {"comparisons": digest}. `lists` is what can be audited: a run's own lists, or
those that a mitigation made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fairdash import data, entries, identity, recommenders, settings, trail, words
from fairdash.engines import usual
from fairdash.errors import ConfigError
from fairdash.groups import form_all, suggest
from fairdash.groups import from_json as group_from_json
from fairdash.item_classes import POPULARITY
from fairdash.mitigation.base import Mitigation
from fairdash.progress import Progress, silent, within
from fairdash.run import Run
from fairdash.schema import Dataset, GroupSpec, Lists, Split
from fairdash.stages import audit, compare, feed, feedback, fit, mitigate, planted
from fairdash.stages.audit import AuditSpec
from fairdash.workspace import Workspace, sole, write_json

Params = Mapping[str, Any]
Result = dict[str, Any]


def run(workspace: Workspace, kind: str, params: Params, progress: Progress = silent) -> Result:
    """Run one job here and now. Raises ConfigError for an unknown kind, Cancelled when progress says stop."""
    if kind not in _KINDS:
        raise ConfigError(
            words.say("There is no job of the kind “{kind}”.", kind=kind),
            words.say("Kinds: {names}.", names=", ".join(_KINDS)),
        )
    result = _KINDS[kind](workspace, params, progress)
    if kind != "audit":  # whose maker says so, as pages make some themselves
        trail.note(workspace, kind, **{name: value for name, value in result.items() if isinstance(value, str)})
    return result


# --- kinds ------------------------------------------------------------------------------------------------------------


def _dataset(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: source, a name of the catalogue."""
    return {"datasets": entries.put_dataset(workspace, data.sources.load(params["source"], progress=progress))}


def _train(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: dataset, split[, recommender, options, mitigations, seed, device, workers]."""
    dataset = entries.get_dataset(workspace, params["dataset"])
    seed = int(params.get("seed", 0))
    split = data.split.split(dataset, params["split"], seed=seed)
    spec = fit.TrainSpec(
        recommender=params.get("recommender", recommenders.DEFAULT),
        options={name: str(value) for name, value in params.get("options", {}).items()},
        mitigations=tuple(Mitigation.from_json(chosen) for chosen in params.get("mitigations", ())),
        seed=seed,
        device=params.get("device", "auto"),
        workers=int(params.get("workers", 1)),
    )
    made = train_run(workspace, split, spec, {"dataset": params["dataset"]}, progress)
    return {"runs": made.digest, "lists": entries.put_run_lists(workspace, made)}


def train_run(
    workspace: Workspace, split: Split, spec: fit.TrainSpec, meta: Mapping[str, Any], progress: Progress
) -> Run:
    """The run of that spec from the workspace, trained now if it is not there yet."""
    name = spec.digest(split)
    if not workspace.has("runs", name):
        about = {"title": spec.title, "data": split.name, "split": split.spec, "recommender": spec.recommender, **meta}
        with sole(
            workspace.lock("runs", name),
            lambda: progress(0.0, words.say("Another job trains the same; waiting for it")),
        ):
            if not workspace.has("runs", name):  # else that one has made it
                with workspace.create("runs", name, about, resume=True) as folder:
                    fit.train(split, spec, folder, progress, usual())
    return entries.get_run(workspace, name)


def _audit(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: lists, and the fields of AuditSpec as plain values. The audit.json is the entry's file."""
    name = named("audit", params)
    if not workspace.has("audits", name):
        made, lists = entries.get_lists(workspace, params["lists"])
        put_audit(workspace, params, made, lists, progress)
    return {"audits": name}


def put_audit(workspace: Workspace, params: Params, made: Run, lists: Lists, progress: Progress = silent) -> str:
    """Make and store the audit of a request whose run and lists are read already; returns its name."""
    name, entry = named("audit", params), workspace.get("lists", params["lists"])
    found = make_audit(workspace, params, made, lists, progress)
    meta = {"title": entry.title, "lists": entry.digest, **AuditSpec.from_json(params).to_json()}
    with workspace.create("audits", name, meta) as folder:
        write_json(folder / "audit.json", found)
    trail.note(workspace, "audit", lists=entry.digest, audits=name)
    return name


def make_audit(
    workspace: Workspace, params: Params, made: Run, lists: Lists, progress: Progress = silent
) -> dict[str, Any]:
    """The audit.json of a request whose run and lists are read already, kept nowhere."""
    vectors = entries.get_vectors(workspace, params["lists"])
    return audit.audit(made, lists, AuditSpec.from_json(params), vectors=vectors, progress=progress).to_json()


def read_audit(workspace: Workspace, name: str) -> dict[str, Any]:
    """The audit.json of an entry."""
    return workspace.read("audits", name, "audit.json")


def _mitigate(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: run, mitigation[, first (mitigations applied before, in order), k, rule, budget]."""
    base = entries.get_run(workspace, params["run"])
    chosen = Mitigation.from_json(params["mitigation"])
    k = int(params.get("k", settings.K))

    def retrain(spec: fit.TrainSpec, steps: Progress) -> Run:
        about = {"dataset": workspace.get("runs", params["run"]).meta.get("dataset")}
        return train_run(workspace, base.split, spec, about, steps)

    done = mitigate.mitigate(
        base,
        chosen,
        k,
        retrain=retrain,
        first=[Mitigation.from_json(step) for step in params.get("first", ())],
        rule=params.get("rule", mitigate.RULE),
        budget=params.get("budget"),
        progress=progress,
    )
    meta = {**done.how(), "base_run": base.digest}
    return {"runs": done.run.digest, "lists": entries.put_lists(workspace, done.run, done.lists, meta, done.vectors)}


def _compare(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: before, after (lists), and the fields of AuditSpec as plain values. The comparison.json is the entry's
    file."""
    spec, name = AuditSpec.from_json(params), named("compare", params)
    before, after = params["before"], params["after"]
    if not workspace.has("comparisons", name):
        value = compare.compare(_made(workspace, before), _made(workspace, after), spec, progress).to_json()
        meta = {
            "title": " → ".join(value["names"]),
            "before": before,
            "after": after,
            "sentences": value["sentences"],
            **spec.to_json(),
        }
        with workspace.create("comparisons", name, meta) as folder:
            write_json(folder / "comparison.json", value)
    return {"comparisons": name}


def _made(workspace: Workspace, name: str) -> compare.Made:
    """Lists of the workspace, with how they came to be."""
    entry = workspace.get("lists", name)
    run, lists = entries.get_lists(workspace, name)
    return compare.Made(entry.title, run, lists, entry.meta, entries.get_vectors(workspace, name))


def named(kind: str, params: Params) -> str:
    """The name of the audit or the comparison that a request asks for."""
    spec = AuditSpec.from_json(params).to_json()
    if kind == "audit":
        return identity.of("audit", params["lists"], spec)
    return identity.of("comparison", params["before"], params["after"], spec)


def found(workspace: Workspace, kind: str, params: Params) -> str | None:
    """The audit or the comparison that a request would make, where it is there already: whoever made it."""
    name = named(kind, params)
    return name if workspace.has("audits" if kind == "audit" else "comparisons", name) else None


def _search(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: dataset, split, recommender[, objective, groups, options, trials, seed, device]. The result holds the
    whole search; a search that stopped half-way goes on."""
    from fairdash.stages.search import search

    dataset = entries.get_dataset(workspace, params["dataset"])
    seed = int(params.get("seed", 0))
    split = data.split.split(dataset, params["split"], seed=seed)
    groups = [group_from_json(group) for group in params.get("groups", ())]
    between = GroupSpec.crossed(groups) if groups else None
    options = {name: str(value) for name, value in params.get("options", {}).items()}
    folder = workspace.root / "searches" / identity.of("search", params)
    with sole(folder / "lock", lambda: progress(0.0, words.say("Another job makes the same search; waiting for it"))):
        write_json(folder / "about.json", dict(params))  # what the search hangs on, for its removal
        found = search(
            params["recommender"],
            fit.with_profile(split.training, params["recommender"], options),
            objective=params.get("objective", "accuracy"),
            groups=None if between is None else form_all([between], dataset.users)[0],
            min_size=settings.MIN_GROUP_SIZE if between is None else between.min_size,
            fixed=options,
            trials=int(params.get("trials", 12)),
            seed=seed,
            device=params.get("device", "auto"),
            folder=folder,
            engine=usual(),
            progress=progress,
        )
    return {"search": found.to_json()}


def _learn(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: dataset, log (of events; a path below the workspace)[, run]. A version of the data that holds what people
    took and refused, cut as the run is; and, where the run has a model, one that was trained on it as the run was."""
    from fairdash.events.learned import thumbs
    from fairdash.events.log import EventLog

    progress(0.0, words.say("Reading the events"))
    dataset = entries.get_dataset(workspace, params["dataset"])
    base = None if params.get("run") is None else entries.get_run(workspace, params["run"])
    split = data.split.split(dataset, data.split.usual(dataset)) if base is None else base.split
    given = thumbs(EventLog(workspace.root / params["log"]))
    name = words.say("{name} with feedback", name=dataset.name)
    made = {"datasets": entries.put_dataset(workspace, feedback.version(dataset, split, given, name))}
    if base is None or not base.has_model:
        return made
    return made | _train(workspace, feedback.training(base, made["datasets"]), within(progress, 0.05, 0.95))


def _demo(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: dataset. From nothing to a finished comparison, as the pages would ask for it, so that each of them opens
    on what is there. The lists of the result are those before the mitigation."""
    source = params.get("dataset", "synthetic")

    made = _dataset(workspace, {"source": source}, within(progress, 0.0, 0.05))
    dataset = entries.get_dataset(workspace, made["datasets"])
    groups = default_groups(dataset)
    told = [group.attributes[0] for group in groups]  # so that lists can react to who somebody is
    options = {"profile": ",".join(told)} if told else {}
    training = {"dataset": dataset.digest, "split": "user-time:0.8", "options": options}
    trained = _train(workspace, training, within(progress, 0.05, 0.65))
    lists = trained["lists"]
    view = AuditSpec(groups=tuple(groups[:1]), item_groups=(GroupSpec((POPULARITY,)),)).to_json()
    audited = _audit(workspace, {"lists": lists, **view}, within(progress, 0.7, 0.02))
    model = _audit(workspace, {"lists": lists, **view, "model": True}, within(progress, 0.72, 0.1))
    facts, known = data.sources.planted(source), entries.get_run(workspace, trained["runs"]).split
    asked = feed.ways(known.training.people, known.training.items, popularity=len(known.known) > 0)
    everything = _audit(workspace, {"lists": lists, **asked.to_json()}, within(progress, 0.82, 0.04))
    # What hurts most here is the gap in accuracy: the most accurate lists that close half of it on validation.
    mitigation = {"method": "user_parity", "groups": view["groups"]}
    change = {"run": trained["runs"], "mitigation": mitigation, "rule": "gap-budget"}
    mitigated = _mitigate(workspace, change, within(progress, 0.86, 0.08))
    sides = {"before": lists, "after": mitigated["lists"]}
    compared = _compare(workspace, {**sides, **view}, within(progress, 0.94, 0.06))
    sentences = workspace.get("comparisons", compared["comparisons"]).meta["sentences"]
    return {
        "datasets": made["datasets"],
        "runs": trained["runs"],
        "lists": lists,
        **sides,
        "audits": audited["audits"],
        "comparisons": compared["comparisons"],
        "planted": planted.beside(facts, [read_audit(workspace, one["audits"]) for one in (model, everything)]),
        "sentences": sentences,
    }


_KINDS: dict[str, Callable[[Workspace, Params, Progress], Result]] = {
    "dataset": _dataset,
    "train": _train,
    "audit": _audit,
    "mitigate": _mitigate,
    "compare": _compare,
    "search": _search,
    "learn": _learn,
    "demo": _demo,
}


# --- groups that nobody chose -----------------------------------------------------------------------------------------


def default_groups(dataset: Dataset) -> list[GroupSpec]:
    """The groups that are looked at when nobody chose: gender and age where there are any, else the first two."""
    suggested = suggest(dataset.users)
    known = [spec for spec in suggested if any(word in spec.label.casefold() for word in ("gender", "sex", "age"))]
    return (known or suggested)[:2]
