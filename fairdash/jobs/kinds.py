"""What a job can be: the pipeline's stages over the workspace. Pages submit these; `python -m fairdash demo` runs one.

Parameters and results are plain JSON. A result names the entries that were made: {"datasets": digest}, {"runs": digest,
"lists": digest}, {"audits": digest}, {"comparisons": digest}. `lists` is what can be audited: a run's own lists, or
those that a mitigation made of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fairdash import data, entries, identity, settings
from fairdash.errors import ConfigError
from fairdash.groups import form_all, suggest
from fairdash.groups import from_json as group_from_json
from fairdash.mitigation.base import Mitigation
from fairdash.mitigation.targets import TARGETS
from fairdash.progress import Progress, silent, within
from fairdash.run import Run
from fairdash.schema import Dataset, GroupSpec, Split
from fairdash.stages import audit, fit, mitigate, planted
from fairdash.stages.model_side import measures
from fairdash.stages.places import balanced
from fairdash.workspace import Workspace, sole, write_json

Params = Mapping[str, Any]
Result = dict[str, Any]


def run(workspace: Workspace, kind: str, params: Params, progress: Progress = silent) -> Result:
    """Run one job here and now. Raises ConfigError for an unknown kind, Cancelled when progress says stop."""
    if kind not in _KINDS:
        raise ConfigError(f"There is no job of the kind “{kind}”.", f"Kinds: {', '.join(_KINDS)}.")
    return _KINDS[kind](workspace, params, progress)


# --- kinds ------------------------------------------------------------------------------------------------------------


def _dataset(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: source, a name of the catalogue."""
    return {"datasets": entries.put_dataset(workspace, data.sources.load(params["source"], progress=progress))}


def _train(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: dataset, split[, recommender, options, mitigations, seed, device]."""
    dataset = entries.get_dataset(workspace, params["dataset"])
    seed = int(params.get("seed", 0))
    split = data.split.split(dataset, params["split"], seed=seed)
    spec = fit.TrainSpec(
        recommender=params.get("recommender", "bert_sequence"),
        options={name: str(value) for name, value in params.get("options", {}).items()},
        mitigations=tuple(Mitigation.from_json(chosen) for chosen in params.get("mitigations", ())),
        seed=seed,
        device=params.get("device", "auto"),
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
        with sole(workspace.lock("runs", name), lambda: progress(0.0, "Another job trains the same; waiting for it")):
            if not workspace.has("runs", name):  # else that one has made it
                with workspace.create("runs", name, about, resume=True) as folder:
                    fit.train(split, spec, folder, progress)
    return entries.get_run(workspace, name)


def _audit(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: lists[, groups, item_groups, k, seed, model]. The audit.json is the entry's file."""
    name, shared, model = _audit_asked(workspace, params)
    if not workspace.has("audits", name):
        made, lists = entries.get_lists(workspace, params["lists"])
        vectors = entries.get_vectors(workspace, params["lists"])
        top = lists.top(shared["k"])
        found = audit.audit(made, top, model=model, vectors=vectors, progress=progress, **shared)
        meta = {"title": workspace.get("lists", params["lists"]).title, "lists": params["lists"], **_plain(shared)}
        with workspace.create("audits", name, meta) as folder:
            write_json(folder / "audit.json", found.to_json())
    return {"audits": name}


def _audit_asked(workspace: Workspace, params: Params) -> tuple[str, dict[str, Any], bool]:
    """The name of an audit, its options, and whether it looks at the model."""
    shared = audit_options(params)
    model = bool(params.get("model", False)) and entries.get_lists(workspace, params["lists"])[0].has_model
    return identity.of("audit", params["lists"], _plain(shared), model), shared, model


def read_audit(workspace: Workspace, name: str) -> dict[str, Any]:
    """The audit.json of an entry."""
    value: dict[str, Any] = json.loads((workspace.get("audits", name).path / "audit.json").read_text("utf-8"))
    return value


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
    steps = [*((step["method"], step["strength"]) for step in done.first), (chosen.method, done.strength)]
    meta = {
        "title": " + ".join([base.title, *(f"{method} ({strength:.2g})" for method, strength in steps)]),
        "first": list(done.first),
        "mitigation": {**chosen.to_json(), "strength": done.strength},
        "base_run": base.digest,
        "tuning": done.tuning,
    }
    return {"runs": done.run.digest, "lists": entries.put_lists(workspace, done.run, done.lists, meta, done.vectors)}


def _compare(workspace: Workspace, params: Params, progress: Progress) -> Result:
    """params: before, after (lists)[, groups, item_groups, k, seed, model]. The comparison.json is the entry's file.

    What the mitigation of `after` aimed at is always part of it: its own groups, and the model side where only that
    shows its target."""
    from fairdash.stages import compare

    sides = (params["before"], params["after"])
    ours, theirs = (entries.get_lists(workspace, side)[0].meta["split_digest"] for side in sides)
    if ours != theirs:
        raise ConfigError(
            " and ".join(f"“{workspace.get('lists', side).title}”" for side in sides)
            + " are of different test parts, so no number of one can be held against the other.",
            "Compare lists of the same data and split.",
        )
    name, shared, model, aims = _compare_asked(workspace, params)
    if not workspace.has("comparisons", name):
        audits, models = [], []
        for i, side in enumerate(sides):
            made, lists = entries.get_lists(workspace, side)

            half = within(progress, 0.5 * i, 0.5)
            top = lists.top(shared["k"])
            if model:
                models.append(
                    measures(
                        made.fitted,
                        made.split,
                        shared["groups"],
                        top,
                        k=shared["k"],
                        vectors=entries.get_vectors(workspace, side),
                        seed=shared["seed"],
                        progress=half,
                    )
                )
            audits.append(audit.audit(made, top, progress=half, **shared))
        titles = [workspace.get("lists", side).title for side in sides]
        value = compare.compare(
            audits[0],
            audits[1],
            names=(titles[0], titles[1]),
            about={
                "data": made.meta["data"],
                "split": made.meta["split"],
                "before": _about(workspace, sides[0]),
                "after": _about(workspace, sides[1]),
            },
            aims=aims,
            models=(models[0], models[1]) if model else None,
        ).to_json()
        meta = {
            "title": " → ".join(titles),
            "before": sides[0],
            "after": sides[1],
            "sentences": value["sentences"],
            **_plain(shared),
        }
        with workspace.create("comparisons", name, meta) as folder:
            write_json(folder / "comparison.json", value)
    return {"comparisons": name}


def _compare_asked(workspace: Workspace, params: Params) -> tuple[str, dict[str, Any], bool, tuple[Any, ...]]:
    """The name of a comparison, its options, whether it looks at the models, and what the mitigation aimed at."""
    shared, sides = audit_options(params), (params["before"], params["after"])
    mitigation = workspace.get("lists", sides[1]).meta.get("mitigation")
    aims = mitigate.aims(mitigation)
    if mitigation is not None:
        chosen = Mitigation.from_json(mitigation)
        for name, own in (
            ("groups", balanced(chosen)),
            ("item_groups", [] if chosen.item_group is None else [chosen.item_group]),
        ):
            known = {spec.label for spec in shared[name]}
            shared[name] = [*shared[name], *(spec for spec in own if spec.label not in known)]
    asked = bool(params.get("model", False)) or any(aim.metric not in TARGETS for aim in aims)
    model = asked and all(entries.get_lists(workspace, name)[0].has_model for name in sides)
    return identity.of("comparison", *sides, _plain(shared), model), shared, model, aims


def found(workspace: Workspace, kind: str, params: Params) -> str | None:
    """The audit or the comparison that a request would make, where it is there already: whoever made it."""
    if kind == "audit":
        name = _audit_asked(workspace, params)[0]
        return name if workspace.has("audits", name) else None
    name = _compare_asked(workspace, params)[0]
    return name if workspace.has("comparisons", name) else None


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
    with sole(folder / "lock", lambda: progress(0.0, "Another job makes the same search; waiting for it")):
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
            progress=progress,
        )
    return {"search": found.to_json()}


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
    lists, view = trained["lists"], json.loads(json.dumps(view_of(groups[:1], [GroupSpec(("popularity",))])))
    audited = _audit(workspace, {"lists": lists, **view}, within(progress, 0.7, 0.02))
    model = _audit(workspace, {"lists": lists, **view, "model": True}, within(progress, 0.72, 0.1))
    facts = data.sources.planted(source)
    things = [asdict(GroupSpec((name,))) for name in dict.fromkeys(f.attribute for f in facts if f.side == "items")]
    providers = _audit(workspace, {"lists": lists, **view, "item_groups": things}, within(progress, 0.82, 0.04))
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
        "planted": planted.beside(facts, [read_audit(workspace, one["audits"]) for one in (model, providers)]),
        "sentences": sentences,
    }


_KINDS: dict[str, Callable[[Workspace, Params, Progress], Result]] = {
    "dataset": _dataset,
    "train": _train,
    "audit": _audit,
    "mitigate": _mitigate,
    "compare": _compare,
    "search": _search,
    "demo": _demo,
}


# --- options of audits ------------------------------------------------------------------------------------------------


def default_groups(dataset: Dataset) -> list[GroupSpec]:
    """The groups that are looked at when nobody chose: gender and age where there are any, else the first two."""
    suggested = suggest(dataset.users)
    known = [spec for spec in suggested if any(word in spec.label.casefold() for word in ("gender", "sex", "age"))]
    return (known or suggested)[:2]


def view_of(groups: Sequence[GroupSpec], item_groups: Sequence[GroupSpec], k: int = settings.K) -> dict[str, Any]:
    """The part of an audit's or a comparison's request that says how people and items are grouped, and K."""
    return {
        "groups": [asdict(group) for group in groups],
        "item_groups": [asdict(group) for group in item_groups],
        "k": k,
    }


def audit_options(params: Params) -> dict[str, Any]:
    """The keywords of `audit.audit` from a job's parameters."""
    return {
        "groups": [group_from_json(group) for group in params.get("groups", ())],
        "item_groups": [group_from_json(group) for group in params.get("item_groups", ())],
        "k": int(params.get("k", settings.K)),
        "seed": int(params.get("seed", 0)),
    }


def _plain(shared: Mapping[str, Any]) -> dict[str, Any]:
    specs: dict[str, Sequence[GroupSpec]] = {name: shared[name] for name in ("groups", "item_groups")}
    plain = {name: [asdict(spec) for spec in value] for name, value in specs.items()}
    return {**json.loads(json.dumps(plain)), "k": shared["k"], "seed": shared["seed"]}


def _about(workspace: Workspace, lists: str) -> dict[str, Any]:
    """What a report says of how lists were made."""
    entry = workspace.get("lists", lists)
    made = entries.get_run(workspace, entry.meta["run"])
    known = ("recommender", "options", "seed", "device_sentence", "train_seconds", "mitigations")
    return {
        "title": entry.title,
        "mitigation": entry.meta.get("mitigation"),
        "tuning": entry.meta.get("tuning"),
        **{name: made.meta.get(name) for name in known},
    }
