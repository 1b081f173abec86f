"""A small service with a BERT that reads a profile, and one that knows people by their ids, in a workspace."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from fairdash import entries
from fairdash.api.app import routes
from fairdash.api.endpoints import Shelf
from fairdash.data import split, synthetic
from fairdash.jobs import kinds
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages.audit import AuditSpec
from fairdash.stages.fit import TrainSpec
from fairdash.workspace import Workspace

TINY = {"epochs": "1", "width": "8", "layers": "1", "length": "10", "profile": "gender,age"}
SPEC = AuditSpec(groups=(GroupSpec(("gender",)),), replicates=50, permutations=50)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two runs, and an audit of the first."""
    folder = tmp_path_factory.mktemp("served")
    workspace = Workspace(folder)
    cut = split.split(synthetic.make(n_users=150, n_items=60)[0], "user-time:0.8")
    for name, options in (("ncf", {"epochs": "1"}), ("bert_sequence", TINY)):
        run = kinds.train_run(workspace, cut, TrainSpec(name, options, device="cpu"), {}, lambda *_: None)
    lists = entries.put_run_lists(workspace, run)
    kinds.run(workspace, "audit", {"lists": lists, **SPEC.to_json()})
    return folder


@pytest.fixture
def workspace(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The same without any event, of this test alone."""
    for name in ("runs", "lists", "audits"):
        (tmp_path / name).symlink_to(home / name)
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    for name in ("FAIRDASH_API_TOKEN", "FAIRDASH_API_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    return Workspace(tmp_path)


def run_of(workspace: Workspace, recommender: str) -> Run:
    return next(
        entries.get_run(workspace, entry.digest)
        for entry in workspace.entries("runs")
        if entry.meta["recommender"] == recommender
    )


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return run_of(workspace, "bert_sequence")


def client_of(shelf: Shelf, address: str = "127.0.0.1", host: str = "localhost") -> TestClient:
    """A client at this address that calls the server by this name; what breaks there is an answer, no error here."""
    app = Starlette(routes=routes(shelf))
    return TestClient(app, f"http://{host}", client=(address, 1), raise_server_exceptions=False, follow_redirects=False)


@pytest.fixture
def client(run: Run) -> TestClient:
    """Of the run with the BERT alone."""
    return client_of(Shelf(run.folder))
