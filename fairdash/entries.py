"""The finished values of a workspace, typed: data sets, runs, lists; put once, read by their digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from fairdash import data, identity
from fairdash.run import Run
from fairdash.schema import Dataset, Floats, Lists, Split
from fairdash.stages import fit
from fairdash.workspace import Workspace


def put_dataset(workspace: Workspace, dataset: Dataset) -> str:
    """Store a checked data set, or give the same one its new name; returns its digest."""
    known = workspace.has("datasets", dataset.digest)
    if not known or workspace.get("datasets", dataset.digest).title != dataset.name:
        meta = {
            "title": dataset.name,
            "n_users": dataset.n_users,
            "n_items": dataset.n_items,
            "n_interactions": len(dataset.interactions),
            "provenance": dataset.provenance,
        }
        with workspace.create("datasets", dataset.digest, meta) as folder:
            data.save(dataset, folder)
    return dataset.digest


def get_dataset(workspace: Workspace, name: str) -> Dataset:
    return data.load(workspace.get("datasets", name).path)


def get_run(workspace: Workspace, name: str) -> Run:
    return Run.load(workspace.get("runs", name).path)


def put_lists(
    workspace: Workspace, run: Run, lists: Lists, meta: Mapping[str, Any], vectors: Floats | None = None
) -> str:
    """Store lists that belong to a run; returns their digest. meta: title, and how they were made. vectors: the user
    vectors behind them where a mitigation changed those."""
    made = {key: meta.get(key) for key in ("mitigation", "first", "tuning")}
    name = identity.of("lists", run.digest, lists.digest, made, vectors)
    if not workspace.has("lists", name):
        with workspace.create("lists", name, {"run": run.digest, "k": lists.k, **meta}) as folder:
            arrays = {"items": np.ascontiguousarray(lists.items), "scores": np.ascontiguousarray(lists.scores)}
            save_file(arrays, folder / "lists.safetensors")
            if vectors is not None:
                save_file({"vectors": vectors}, folder / "vectors.safetensors")
    return name


def get_lists(workspace: Workspace, name: str) -> tuple[Run, Lists]:
    """The lists and the run that they belong to."""
    entry = workspace.get("lists", name)
    arrays = load_file(entry.path / "lists.safetensors")
    return get_run(workspace, entry.meta["run"]), Lists(arrays["items"], arrays["scores"])


def get_vectors(workspace: Workspace, name: str) -> Floats | None:
    """The user vectors behind mitigated lists; None: the run's own."""
    file = workspace.get("lists", name).path / "vectors.safetensors"
    return load_file(file)["vectors"] if file.exists() else None


def put_run_lists(workspace: Workspace, run: Run) -> str:
    """The run's own lists as an entry, at full depth; returns their digest."""
    return put_lists(workspace, run, run.candidates("test"), {"title": run.title, "mitigation": None})


def import_lists(
    workspace: Workspace, split: Split, lists: Lists, title: str, dataset: str | None = None
) -> dict[str, Any]:
    """Lists of another system as a run without a model; returns the entries."""
    name = fit.imported_digest(split, lists)
    if not workspace.has("runs", name):
        meta = {"title": title, "data": split.name, "split": split.spec, "recommender": "lists", "dataset": dataset}
        with workspace.create("runs", name, meta) as folder:
            fit.import_lists(split, lists, title, folder)
    run = get_run(workspace, name)
    return {"runs": name, "lists": put_run_lists(workspace, run)}
