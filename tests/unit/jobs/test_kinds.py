"""The kinds of jobs over a workspace: what one makes the next one takes, and the same request makes nothing twice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from fairdash import entries
from fairdash.errors import Cancelled, ConfigError, FairDashError
from fairdash.jobs import kinds
from fairdash.schema import GroupSpec, Lists
from fairdash.stages import fit
from fairdash.workspace import Workspace

GENDER = json.loads(json.dumps(asdict(GroupSpec(("gender",)))))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, Any]]:
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    dataset = kinds.run(workspace, "dataset", {"source": "synthetic"})
    params = {"dataset": dataset["datasets"], "split": "user-time:0.8", "recommender": "ease"}
    return workspace, dataset | kinds.run(workspace, "train", params)


def test_from_a_data_set_to_a_comparison(made: tuple[Workspace, dict[str, Any]]) -> None:
    workspace, entries = made
    audited = kinds.run(workspace, "audit", {"lists": entries["lists"], "groups": [GENDER], "model": True})
    audit = json.loads((workspace.get("audits", audited["audits"]).path / "audit.json").read_text())
    assert audit["gaps"]["gender"]["ndcg"]["worst_group"] == "woman"
    assert audit["model"]["gender"]["probe_auc"]["value"] > 0.5
    params = {"run": entries["runs"], "mitigation": {"method": "calibrate", "groups": [GENDER], "strength": None}}
    mitigated = kinds.run(workspace, "mitigate", params)
    meta = workspace.get("lists", mitigated["lists"]).meta
    assert 0 < meta["mitigation"]["strength"] <= 1
    assert len(meta["tuning"]) > 10
    sides = {"before": entries["lists"], "after": mitigated["lists"]}
    compared = kinds.run(workspace, "compare", {**sides, "groups": [GENDER], "model": True})
    entry = workspace.get("comparisons", compared["comparisons"])
    value = json.loads((entry.path / "comparison.json").read_text())
    assert value["aim"]["metric"] == "miscalibration"
    assert value["aim"]["verdict"] == "fairer"
    assert value["model"]["gender"]["probe_auc"]["before"] == pytest.approx(
        audit["model"]["gender"]["probe_auc"]["value"]
    )
    assert entry.meta["sentences"] == value["sentences"]


def test_a_comparison_holds_what_the_mitigation_aimed_at(made: tuple[Workspace, dict[str, Any]]) -> None:
    """Whatever groups the page looks at: those of the mitigation are compared too."""
    workspace, entries = made
    age = json.loads(json.dumps(asdict(GroupSpec(("age",), ((35.0,),)))))
    mitigation = {"method": "user_parity", "groups": [GENDER, age], "strength": 0.0}
    mitigated = kinds.run(workspace, "mitigate", {"run": entries["runs"], "mitigation": mitigation})
    sides = {"before": entries["lists"], "after": mitigated["lists"]}
    compared = kinds.run(workspace, "compare", {**sides, "groups": [age]})
    value = json.loads((workspace.get("comparisons", compared["comparisons"]).path / "comparison.json").read_text())
    assert list(value["gaps"]) == ["age", "gender × age"]
    assert [(aim["metric"], aim["attribute"]) for aim in value["aims"]] == [("ndcg", "gender × age")]
    assert "Strength 0 was taken" in value["sentences"][0]


def test_the_same_request_makes_nothing_twice(made: tuple[Workspace, dict[str, Any]]) -> None:
    workspace, entries = made
    params = {"dataset": entries["datasets"], "split": "user-time:0.8", "recommender": "ease"}
    before = workspace.get("runs", entries["runs"]).meta["created"]
    again = kinds.run(workspace, "train", params)
    assert again == {key: entries[key] for key in ("runs", "lists")}
    assert workspace.get("runs", entries["runs"]).meta["created"] == before


def test_a_data_set_kept_again_gets_its_new_name(made: tuple[Workspace, dict[str, Any]], tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    dataset = entries.get_dataset(made[0], made[1]["datasets"])
    first = entries.put_dataset(workspace, dataset)
    assert entries.put_dataset(workspace, replace(dataset, name="Ours")) == first
    assert [entry.title for entry in workspace.entries("datasets")] == ["Ours"]
    assert entries.get_dataset(workspace, first).name == "Ours"


def test_lists_of_another_system_are_audited_without_a_model(made: tuple[Workspace, dict[str, Any]]) -> None:
    workspace, kept = made
    run, lists = entries.get_lists(workspace, kept["lists"])
    turned = Lists(
        np.ascontiguousarray(lists.items[:, :10][:, ::-1]), np.full((len(lists.items), 10), np.nan, np.float32)
    )
    brought = entries.import_lists(workspace, run.split, turned, "Theirs")
    assert not entries.get_run(workspace, brought["runs"]).has_model
    audited = kinds.run(workspace, "audit", {"lists": brought["lists"], "groups": [GENDER], "model": True})
    audit = json.loads((workspace.get("audits", audited["audits"]).path / "audit.json").read_text())
    assert "model" not in audit
    params = {"run": brought["runs"], "mitigation": {"method": "calibrate", "groups": [GENDER], "strength": None}}
    with pytest.raises(FairDashError) as caught:
        kinds.run(workspace, "mitigate", params)
    assert caught.value.hint


def test_a_job_stops_when_it_is_told_to(made: tuple[Workspace, dict[str, Any]]) -> None:
    workspace, entries = made

    def stop(done: float, message: str = "", values: Any = None) -> None:
        raise Cancelled("stopped")

    params = {"dataset": entries["datasets"], "split": "user-random:0.8", "recommender": "ease"}
    with pytest.raises(Cancelled):
        kinds.run(workspace, "train", params, stop)
    assert [entry.digest for entry in workspace.entries("runs")].count(entries["runs"]) == 1


def test_an_unknown_kind_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dance") as caught:
        kinds.run(Workspace(tmp_path), "dance", {})
    assert "train" in caught.value.hint


def test_two_that_want_the_same_training_make_it_once(
    made: tuple[Workspace, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, names = made
    params = {"dataset": names["datasets"], "split": "user-time:0.8", "recommender": "popularity", "seed": 5}
    began: list[Path] = []
    met, train = Event(), fit.train

    def progress(done: float, message: str = "", values: Any = None) -> None:
        if message.startswith("Another job trains the same"):
            met.set()

    def slow(split: Any, spec: Any, folder: Path, *more: Any) -> Any:
        began.append(folder)
        assert met.wait(600), "the other one did not come meanwhile"
        return train(split, spec, folder, *more)

    monkeypatch.setattr(fit, "train", slow)
    with ThreadPoolExecutor(2) as pool:
        both = [
            task.result() for task in [pool.submit(kinds.run, workspace, "train", params, progress) for _ in range(2)]
        ]
    assert both[0] == both[1]
    assert len(began) == 1
    assert entries.get_run(workspace, both[0]["runs"]).candidates().k > 0


def test_lists_of_different_test_parts_are_not_compared(made: tuple[Workspace, dict[str, Any]]) -> None:
    workspace, kept = made
    params = {"dataset": kept["datasets"], "split": "user-random:0.8", "recommender": "popularity"}
    other = kinds.run(workspace, "train", params)
    with pytest.raises(ConfigError, match="different test parts"):
        kinds.run(workspace, "compare", {"before": kept["lists"], "after": other["lists"], "groups": [GENDER]})
