"""Thumbs become a version of the data, and whose thumbs they are, worked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from fairdash import data, entries
from fairdash.errors import ConfigError, FairDashError
from fairdash.jobs import kinds
from fairdash.run import Run
from fairdash.schema import Dataset, Groups
from fairdash.stages import feedback, fit
from fairdash.workspace import Workspace


@pytest.fixture
def dataset() -> Dataset:
    """Three people with five items each in time, rated 1 to 5; liked from 4 on."""
    rows = [(f"u{u}", f"i{u + i}", float(1 + i), float(10 * u + i)) for u in range(3) for i in range(5)]
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "rating", "time"])
    users = pd.DataFrame({"user_id": ["u0", "u1", "u2"]})
    items = pd.DataFrame({"item_id": [f"i{i}" for i in range(9)]})
    return Dataset("films", log, users, items, relevance_threshold=4.0)


def test_a_version_learns_the_thumbs_and_keeps_what_is_held_out(dataset: Dataset) -> None:
    before = data.split.split(dataset, "user-time:0.6")
    held = dataset.items["item_id"][int(before.test.item[before.test.user == 0][0])]
    thumbs = {"u0": {"i8": True, "i7": False, str(held): True}, "u1": {"i1": True}}  # u1 knows i1 already
    made = feedback.version(dataset, before, thumbs, "films + 2 thumbs")
    after = data.split.split(made, "own")
    assert after.test_digest == before.test_digest
    assert after.test.digest == before.test.digest
    assert after.training.valid.digest == before.training.valid.digest
    new = after.training.train
    assert len(new) == len(before.training.train) + 2
    own = {made.items["item_id"][int(i)]: r for i, r in zip(new.item, new.rating, strict=True) if i >= 7}
    assert own == {"i8": 5.0, "i7": 1.0}  # the highest rating and the lowest
    last = before.known.time[before.known.user == 0].max()
    assert new.time[np.isin(new.item, [7, 8])].tolist() == [last, last]
    assert made.provenance["feedback"] == {"of": dataset.digest, "thumbs": 2, "up": 1, "left_out": 2}
    assert made.digest != dataset.digest
    again = feedback.version(dataset, before, {"u0": {"i8": True, "i7": True}}, "other")
    assert again.digest != made.digest
    with pytest.raises(ConfigError, match="no thumb"):
        feedback.version(dataset, before, {"u1": {"i1": True}}, "nothing new")


def test_without_ratings_a_thumb_down_is_what_was_shown_and_not_taken(dataset: Dataset) -> None:
    bare = replace(dataset, interactions=dataset.interactions.drop(columns="rating"), relevance_threshold=None)
    before = data.split.split(bare, "user-time:0.6")
    made = feedback.version(bare, before, {"u0": {"i8": True, "i7": False}}, "v")
    assert len(made.interactions) == 16
    assert made.impressions is not None
    assert made.impressions[["user_id", "item_id"]].to_numpy().tolist() == [["u0", "i7"]]
    more = feedback.version(made, data.split.split(made, "own"), {"u1": {"i0": False}}, "w")  # a version of a version
    assert more.impressions is not None
    assert more.impressions["item_id"].tolist() == ["i7", "i0"]
    assert more.provenance["feedback"]["of"] == made.digest


def test_a_version_is_stored_and_read_back_under_its_digest(dataset: Dataset, tmp_path: object) -> None:
    workspace = Workspace(tmp_path)  # type: ignore[arg-type]  # a path
    parent = entries.put_dataset(workspace, dataset)
    for item, up in (("i8", True), ("i7", True), ("i7", False), ("i6", True), ("i6", None)):
        entries.put_thumb(workspace, parent, "u0", item, up)
    given = entries.thumbs(workspace, parent)
    assert given == {"u0": {"i8": True, "i7": False}}
    assert feedback.count(given) == 2
    made = feedback.version(dataset, data.split.split(dataset, "user-time:0.6"), given, "v")
    assert entries.get_dataset(workspace, entries.put_dataset(workspace, made)).digest == made.digest
    assert entries.get_dataset(workspace, parent).digest == dataset.digest  # thumbs are beside it
    entries.put_thumb(workspace, parent, "u0", "i8", None)
    entries.put_thumb(workspace, parent, "u0", "i7", None)
    assert entries.thumbs(workspace, parent) == {}
    with pytest.raises(FairDashError, match="no entry"):
        entries.put_thumb(workspace, "0" * 16, "u0", "i8", True)


@pytest.mark.parametrize(("recommender", "option"), [("bert_sequence", "start"), ("bert_pair", "base"), ("ease", "")])
def test_a_version_is_trained_as_the_run_was_from_its_weights_where_it_can(
    recommender: str, option: str, tmp_path: Path
) -> None:
    meta = {"recommender": recommender, "options": {"seed": "7"}, "mitigations": [], "seed": 3, "device": "cpu"}
    (tmp_path / "model").mkdir()
    params = feedback.training(Run(tmp_path, meta), "d" * 16)
    same = {"dataset": "d" * 16, "split": "own", "recommender": recommender, "mitigations": [], "seed": 3}
    begun = {option: str(tmp_path / "model")} if option else {}
    assert params == {**same, "device": "cpu", "options": {"seed": "7", **begun}}


def test_a_run_that_several_workers_trained_is_trained_by_as_many(tmp_path: Path) -> None:
    """What the job is asked for reaches the training, which says that so many are not there."""
    meta = {"recommender": "ease", "options": {}, "mitigations": [], "seed": 0, "device": "cpu", "workers": 999}
    (tmp_path / "model").mkdir()
    params = feedback.training(Run(tmp_path, meta), "d")
    assert params["workers"] == 999
    workspace = Workspace(tmp_path / "home")
    made = kinds.run(workspace, "dataset", {"source": "synthetic"})["datasets"]
    with pytest.raises(ConfigError, match="training of ease cannot be shared by several workers"):
        kinds.run(workspace, "train", {**params, "dataset": made, "split": "user-time:0.8"})


def test_a_run_that_took_a_model_as_it_is_is_trained(tmp_path: Path) -> None:
    meta = {"recommender": "bert_sequence", "options": {"epochs": "0", "start": "elsewhere"}, "mitigations": [],
            "seed": 0, "device": "cpu"}  # fmt: skip
    (tmp_path / "model").mkdir()
    assert feedback.training(Run(tmp_path, meta), "d")["options"] == {"start": str(tmp_path / "model")}


def test_a_bert_goes_on_from_its_weights_with_what_was_learned(dataset: Dataset, tmp_path: Path) -> None:
    before = data.split.split(dataset, "user-time:0.6")
    few = {"epochs": "2", "width": "8", "layers": "1", "heads": "1", "items": "id", "average": "0", "patience": "9"}
    run = fit.train(
        before, fit.TrainSpec("bert_sequence", {**few, "learning_rate": "0.05"}, device="cpu"), tmp_path / "run"
    )
    version = feedback.version(dataset, before, {"u0": {"i8": True}, "u1": {"i8": True, "i0": False}}, "v")
    params = feedback.training(run, version.digest)
    after = data.split.split(version, params["split"])
    assert after.test_digest == run.test_digest
    still = {**params["options"], "learning_rate": "1e-6"}  # so that where it begins is where it ends
    anew = {name: value for name, value in still.items() if name != "start"}
    on, fresh = (
        weights(fit.train(after, fit.TrainSpec("bert_sequence", options, (), 0, "cpu"), tmp_path / name))
        for name, options in (("on", still), ("fresh", anew))
    )
    begun = weights(run)
    assert max(float(np.abs(begun[name] - on[name]).max()) for name in begun) < 1e-3
    assert max(float(np.abs(begun[name] - fresh[name]).max()) for name in begun) > 1e-2


def weights(run: Run) -> dict[str, np.ndarray]:
    """The weights of a saved bert."""
    return load_file(run.folder / "model" / "model.safetensors")


def people(sizes: dict[str, int]) -> tuple[Dataset, Groups]:
    names = tuple(sizes)
    codes = np.repeat(np.arange(len(names)), list(sizes.values())).astype(np.int32)
    users = pd.DataFrame({"user_id": [str(i) for i in range(len(codes))]})
    log = pd.DataFrame({"user_id": ["0"], "item_id": ["a"]})
    return Dataset("d", log, users, pd.DataFrame({"item_id": list("abcd")})), Groups("g", names, codes)


def test_skew_says_who_gave_thumbs_and_how_many_are_up() -> None:
    dataset, groups = people({"F": 40, "M": 40})
    thumbs = {str(i): {"a": True, "b": i % 2 == 0} for i in range(20)}  # half of the women, three quarters up
    thumbs |= {str(40 + i): {"a": False} for i in range(5)}  # an eighth of the men, none up
    table, gave_p, up_p = feedback.skew(dataset, thumbs, groups, 20)
    rows = table.set_index("group")
    assert rows.loc["F", ["people", "gave", "gave_share", "up_share"]].tolist() == [40, 20, 0.5, 0.75]
    assert rows.loc["M", ["people", "gave", "gave_share", "up_share"]].tolist() == [40, 5, 0.125, 0.0]
    assert rows.loc["F", ["gave_low", "gave_high"]].tolist() == pytest.approx([0.338, 0.662], abs=5e-4)  # exact
    assert rows.loc["F", "up_low"] < 0.75 < rows.loc["F", "up_high"] <= 1
    assert gave_p < 0.01
    assert up_p < 0.01
    same, p, _ = feedback.skew(dataset, {str(i): {"a": True} for i in range(0, 80, 2)}, groups, 20)
    assert same["gave_share"].tolist() == [0.5, 0.5]
    assert p > 0.5


def test_skew_withholds_groups_of_few_and_shares_of_few() -> None:
    dataset, groups = people({"A": 40, "B": 19, "C": 40})
    thumbs = {str(i): {"a": True} for i in [*range(10), *range(40, 50), 59, 60, 61, 62]}
    table, gave_p, up_p = feedback.skew(dataset, thumbs, groups, 20)
    rows = table.set_index("group")
    assert rows.loc["B"].drop("people").isna().all()  # fewer people than are compared
    assert rows.loc["C", "gave"] == 4
    assert rows.loc["C", ["up_share", "up_low", "up_high"]].isna().all()  # of fewer than five people
    assert 0 < gave_p < 1
    assert np.isnan(up_p)  # one group is left
    assert list(table["group"]) == ["A", "B", "C"]  # and no row of everybody
