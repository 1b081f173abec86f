"""The command line: every command on a small service, its exit codes, and errors that say what to do."""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fairdash import cli, data, words
from fairdash.cli import EXIT_ERROR, EXIT_GATE, main
from fairdash.data import brought, sources, synthetic
from fairdash.data.given import given_split
from fairdash.engines.local import LOCAL
from fairdash.errors import FairDashError
from fairdash.jobs import kinds
from fairdash.metrics import inputs
from fairdash.mitigation.base import Mitigation
from fairdash.recommenders import DEFAULT
from fairdash.run import Run
from fairdash.stages import audit, compare, fit, mitigate, recommend
from fairdash.workspace import Workspace, write_json


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    arguments = ["train", "--dataset", "synthetic", "--split", "user-time:0.8", "--recommender", "ease"]
    assert main([*arguments, "--out", str(folder)]) == 0
    return folder


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command prints as JSON."""
    capsys.readouterr()
    code = main([*arguments, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def test_a_run_folder_holds_the_tables_and_never_a_seen_item(run: Path, tmp_path: Path) -> None:
    recommended = tmp_path / "recs.csv"
    assert main(["recommend", "--run", str(run), "--k", "7", "--out", str(recommended), "--scores"]) == 0
    lists = pd.read_csv(recommended, dtype=str, keep_default_na=False)
    assert list(lists.columns) == ["user_id", "item_id", "rank", "score"]
    assert set(lists["rank"]) == {str(rank) for rank in range(1, 8)}
    pairs = set(zip(lists["user_id"], lists["item_id"], strict=True))
    assert len(pairs) == len(lists) == 7 * lists["user_id"].nunique()
    for name in ("train", "valid"):
        known = pd.read_csv(run / f"{name}.csv", dtype=str, keep_default_na=False)
        assert not pairs & set(zip(known["user_id"], known["item_id"], strict=True))
    held = pd.read_csv(run / "truth.csv", dtype=str, keep_default_na=False)
    assert pairs & set(zip(held["user_id"], held["item_id"], strict=True))


def test_lists_longer_than_a_run_keeps_and_on_an_engine_are_scored_anew(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long, made = tmp_path / "long.csv", Run.load(run)
    kept, n_items = made.candidates(), made.split.training.n_items
    assert main(["recommend", "--run", str(run), "--k", str(kept.k + 20), "--out", str(long)]) == 0
    lists = pd.read_csv(long, dtype=str, keep_default_na=False)
    unseen = n_items - made.split.known.matrix(made.split.training.n_users, n_items).sum(axis=1)
    assert len(lists) == np.minimum(unseen, kept.k + 20).sum() > (kept.items >= 0).sum()
    whole = recommend.anew(made, kept.k, LOCAL)
    assert np.array_equal(whole.items, kept.items)
    assert np.array_equal(whole.scores, kept.scores, equal_nan=True)
    assert main(["recommend", "--run", str(run), "--k", str(n_items + 1), "--out", str(long)]) == 2
    assert f"the size of the catalogue is {n_items}" in capsys.readouterr().err


def test_the_split_comes_back_from_the_folder_as_it_was(run: Path) -> None:
    from fairdash.data import sources
    from fairdash.data.split import split

    made = split(sources.load("synthetic"), "user-time:0.8")
    again = Run.load(run).split
    assert again.digest == made.digest
    pd.testing.assert_frame_equal(again.training.users, made.training.users)


def test_files_and_run_folder_give_the_same_audit(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recommended = tmp_path / "recs.csv"
    main(["recommend", "--run", str(run), "--out", str(recommended), "--scores"])
    shared = ["--group", "gender", "--item-group", "creator_gender", "--replicates", "50", "--permutations", "50"]
    shared += ["--item-group", "popularity"]
    by_files = told(
        capsys, "audit", "--recommendations", str(recommended), "--truth", str(run / "truth.csv"),
        "--users", str(run / "users.csv"), "--items", str(run / "items.csv"),
        "--train", str(run / "train.csv"), str(run / "valid.csv"), *shared,
    )  # fmt: skip
    by_run = told(capsys, "audit", "--run", str(run), *shared)
    for part in ("k", "n_users", "n_without_truth"):
        assert by_files[part] == by_run[part], part
    for key, value in by_run["overall"].items():
        assert by_files["overall"][key] == pytest.approx(value, abs=1e-9), key
    for kind in ("popularity", "creator_gender"):
        ours, theirs = (found["items"]["by_group"][kind] for found in (by_run, by_files))
        assert ours.keys() == theirs.keys()
        for name, row in ours.items():
            for key in ("n", "catalogue_share", "exposure_share"):
                assert theirs[name][key] == pytest.approx(row[key], abs=1e-9), (name, key)
    for key, row in by_run["gaps"]["gender"].items():
        assert by_files["gaps"]["gender"][key]["gap"] == pytest.approx(row["gap"], abs=1e-6), key
        assert by_files["gaps"]["gender"][key]["p_value"] == row["p_value"], key


def test_the_gate_exits_with_three(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["audit", "--run", str(run), "--group", "gender", "--replicates", "20", "--permutations", "20"]
    assert main([*base, "--fail-over", "gender.ndcg.gap=0.9"]) == 0
    assert main([*base, "--fail-over", "gender.ndcg.gap=0.0001"]) == EXIT_GATE
    assert "gate failed: gender.ndcg.gap" in capsys.readouterr().out
    assert main([*base, "--fail-over", "gender.nonsense.gap=0.1"]) == EXIT_ERROR
    capsys.readouterr()
    several = ["gender.ndcg.gap=0.0001", "items.gini=0.0001", "items.coverage.low=0"]
    assert main([*base, "--fail-over", *several, "--fail-over", "gender.recall.high=0"]) == EXIT_GATE
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("gate failed")]
    assert [line.split()[2] for line in said] == ["gender.ndcg.gap", "items.gini", "gender.recall.high"]


def test_from_lists_to_a_report(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after, compared = tmp_path / "recs.csv", tmp_path / "after.csv", tmp_path / "comparison.json"
    main(["recommend", "--run", str(run), "--out", str(before)])
    done = told(
        capsys, "mitigate", "--run", str(run), "--method", "calibrate", "--group", "gender", "--out", str(after)
    )
    assert 0 < done["strength"] <= 1
    assert done["tuning"][0]["strength"] == 0
    shared = ["--group", "gender", "--replicates", "100", "--permutations", "20"]
    value = told(
        capsys, "compare", "--run", str(run), "--before", str(before), "--after", str(after),
        "--out", str(compared), *shared,
    )  # fmt: skip
    row = value["overall"]["miscalibration"]
    assert row["after"] < row["before"]
    assert row["verdict"] == "fairer"
    page = tmp_path / "report.html"
    assert main(["report", "--comparison", str(compared), "--out", str(page)]) == 0
    assert "Miscalibration" in page.read_text(encoding="utf-8")
    audited, told_, table = tmp_path / "audit.json", tmp_path / "report.md", tmp_path / "report.txt"
    assert main(["audit", "--run", str(run), "--recommendations", str(after), "--out", str(audited), *shared]) == 0
    assert main(["report", "--audit", str(audited), "--run", str(run), "--frames", "--out", str(told_)]) == 0
    assert "python -m fairdash train --dataset synthetic" in told_.read_text(encoding="utf-8")
    assert main(["report", "--audit", str(audited), "--format", "csv", "--out", str(table)]) == 0
    assert table.read_text(encoding="utf-8").startswith("\ufeffsection,row,column")


@pytest.mark.parametrize("method", [["calibrate", "0.5"], ["project", "1"], ["reweigh", "0.5"]])
def test_the_command_line_compares_as_a_job_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], method: list[str]
) -> None:
    """A re-ranking, changed vectors and a training: the same to the bit from a job, Python and the command line."""
    workspace, recommender = Workspace(tmp_path / "home"), "ncf" if method[0] != "calibrate" else "ease"
    dataset = kinds.run(workspace, "dataset", {"source": "synthetic"})["datasets"]
    wanted = {"dataset": dataset, "split": "user-time:0.8", "recommender": recommender}
    trained = kinds.run(workspace, "train", wanted)
    group = {"attributes": ["gender"], "edges": [None]}  # as the command line writes one that is not cut
    mitigation = {"method": method[0], "groups": [group], "strength": float(method[1])}
    after = kinds.run(workspace, "mitigate", {"run": trained["runs"], "mitigation": mitigation})["lists"]
    sides = {"before": trained["lists"], "after": after}
    made = kinds.run(workspace, "compare", {**sides, "replicates": 50, "permutations": 20})
    job = (workspace.get("comparisons", made["comparisons"]).path / "comparison.json").read_bytes()
    folder = workspace.path("runs", trained["runs"])
    run, old, new = str(folder), tmp_path / "old.csv", tmp_path / "new.csv"
    if (retrained := workspace.get("lists", after).meta["run"]) != trained["runs"]:  # it took its seconds once
        (tmp_path / "new.runs").mkdir()
        (tmp_path / "new.runs" / retrained).symlink_to(workspace.path("runs", retrained))
    main(["recommend", "--run", run, "--out", str(old), "--scores"])
    main(["mitigate", "--run", run, "--method", method[0], "--strength", method[1], "--group", "gender",
          "--out", str(new), "--scores"])  # fmt: skip
    out = tmp_path / "comparison.json"
    value = told(capsys, "compare", "--run", run, "--before", str(old), "--after", str(new), "--replicates", "50",
                 "--permutations", "20", "--out", str(out))  # fmt: skip
    assert value["aims"]
    assert value["about"]["after"]["mitigation"]["method"] == method[0]
    assert out.read_bytes() == job

    spec = audit.AuditSpec(replicates=50, permutations=20)
    chosen, before = Mitigation.from_json(mitigation), Run.load(folder)
    done = mitigate.mitigate(before, chosen, 10, retrain=lambda *_: Run.load(workspace.path("runs", retrained)))
    own = compare.Made.of_run(before, recommend.recommend(before, 10), "recs")
    mitigated = compare.Made(done.title, done.run, done.lists, done.how(), done.vectors)
    write_json(out, compare.compare(own, mitigated, spec).to_json())
    assert out.read_bytes() == job


def test_what_is_beside_other_lists_is_passed_over(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = tmp_path / "recs.csv", tmp_path / "after.csv"
    main(["recommend", "--run", str(run), "--out", str(before)])
    main(["mitigate", "--run", str(run), "--method", "xquad", "--strength", "0.5", "--out", str(after)])
    compared = ["compare", "--run", str(run), "--before", str(before), "--after", str(after), "--replicates", "20",
                "--permutations", "20", "--out", str(tmp_path / "comparison.json")]  # fmt: skip
    value = told(capsys, *compared)
    assert value["about"]["after"]["mitigation"]["method"] == "xquad"
    after.write_bytes(before.read_bytes())
    capsys.readouterr()
    assert main([*compared, "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["about"]["after"]["mitigation"] is None
    assert "passed over" in said.err
    Path(f"{after}.mitigation.json").write_text("[]")
    assert main(compared) == EXIT_ERROR
    assert "does not say how after.csv came to be" in capsys.readouterr().err


def test_of_lists_that_somebody_else_made_nothing_is_claimed(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, theirs, out = tmp_path / "recs.csv", tmp_path / "theirs.csv", tmp_path / "comparison.json"
    main(["recommend", "--run", str(run), "--out", str(before)])
    lists = pd.read_csv(before)
    lists["rank"] = 11 - lists["rank"]
    lists.to_csv(theirs, index=False)
    value = told(capsys, "compare", "--run", str(run), "--before", str(before), "--after", str(theirs), "--model",
                 "--replicates", "20", "--permutations", "20", "--out", str(out))  # fmt: skip
    assert value["names"] == [Run.load(run).title, "theirs"]
    assert value["about"]["before"]["recommender"] == "ease"
    assert {name for name, said in value["about"]["after"].items() if said is not None} == {"title"}
    assert value["model"] == {}


def test_lists_of_different_length_are_cut_alike_and_it_is_said(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same lists, once to place 4: at K = 10 nothing may have changed."""
    before, after, compared = tmp_path / "recs.csv", tmp_path / "after.csv", tmp_path / "comparison.json"
    main(["recommend", "--run", str(run), "--k", "12", "--out", str(before)])
    pd.read_csv(before, dtype=str).query("rank in ('1', '2', '3', '4')").to_csv(after, index=False)
    value = told(
        capsys, "compare", "--run", str(run), "--before", str(before), "--after", str(after), "--group", "gender",
        "--item-group", "creator_gender", "--out", str(compared), "--replicates", "20", "--permutations", "20",
    )  # fmt: skip
    assert value["warnings"][0].endswith("up to 12 places before and 4 after: both were cut to 4.")
    assert value["overall"]["ndcg"]["difference"] == value["items"]["gini"]["difference"] == 0
    for row in value["items"]["by_group"]["creator_gender"].values():
        assert row["pairwise_accuracy"]["difference"] == 0


def test_strength_zero_gives_the_lists_as_they_were(run: Path, tmp_path: Path) -> None:
    before, after = tmp_path / "recs.csv", tmp_path / "after.csv"
    main(["recommend", "--run", str(run), "--out", str(before), "--scores"])
    main(["mitigate", "--run", str(run), "--method", "xquad", "--strength", "0", "--out", str(after), "--scores"])
    assert after.read_bytes() == before.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--out", "x"], "--dataset or --interactions"),
        (["train", "--dataset", "nothing", "--out", "x"], "nothing"),
        (["train", "--dataset", "synthetic", "--recommender", "magic", "--out", "x"], "magic"),
        (["train", "--dataset", "synthetic", "--split", "sideways", "--out", "x"], "sideways"),
        (["train", "--dataset", "synthetic", "--set", "epochs", "--out", "x"], "--set epochs"),
        (["train", "--dataset", "synthetic", "--set", "epochs=many", "--out", "x"], "many"),
        (["train", "--dataset", "synthetic", "--group", "gender", "--out", "x"], "--mitigation"),
        (
            ["train", "--dataset", "synthetic", "--mitigation", "adversarial", "--strength", "auto", "--out", "x"],
            "auto",
        ),
        (["data", "--dataset", "synthetic", "--k-core", "60"], "--k-core"),
        (["data", "--dataset", "synthetic", "--keep", "best"], "--keep"),
        (["train", "--interactions", "nowhere.csv", "--out", "x"], "nowhere.csv"),
        (["recommend", "--run", "nowhere", "--out", "x.csv"], "run.json"),
        (["audit", "--run", "nowhere", "--engine", "ray"], "An engine is for lists in Parquet"),
        (["train", "--interactions", "nowhere.csv", "--address", "h:1", "--out", "x"], "that of a Ray cluster"),
        (["search", "--interactions", "nowhere.csv", "--address", "h:1", "--out", "x"], "that of a Ray cluster"),
        (["audit", "--truth", "t.csv"], "--recommendations"),
        (["report", "--comparison", "nowhere.json", "--out", "x.html"], "nowhere.json"),
        (["report", "--audit", "nowhere.json", "--out", "x.md"], "nowhere.json"),
        (["report", "--audit", "nowhere.json", "--out", "x.docx"], ".docx"),
        (["report", "--audit", "nowhere.json", "--out", "nowhere/x.md"], "cannot be written"),
    ],
)
def test_errors_say_what_and_what_to_do(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == EXIT_ERROR
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert len(captured.err.strip().splitlines()) >= 2, "an error comes with a hint"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--method", "magic"], "magic"),
        (["--method", "calibrate", "--strength", "2"], "--strength 2"),
        (["--method", "user_parity", "--strength", "0.5"], "groups of people"),
        (["--method", "project", "--group", "gender", "--strength", "0.5"], "user vectors"),
        (["--method", "adversarial", "--group", "gender", "--strength", "0.5"], "gradient"),
        (["--method", "calibrate", "--k", "1000", "--strength", "0.5"], "1,000"),
        (["--method", "fa_ir", "--item-group", "colour", "--strength", "0.5"], "colour"),
        (["--method", "user_parity", "--group", "gender=F", "--strength", "0.5"], "its values are man, woman"),
        (["--method", "user_parity", "--group", "gender=", "--strength", "0.5"], "its values are man, woman"),
    ],
)
def test_mitigations_that_cannot_be_say_why(
    run: Path, more: list[str], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["mitigate", "--run", str(run), *more, "--out", str(tmp_path / "after.csv")]) == EXIT_ERROR
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--rule", "best"], "'best'"),
        (["--budget", "nan"], "between 0 and 1"),
        (["--budget", "-1"], "between 0 and 1"),
        (["--budget", "5"], "between 0 and 1"),
        (["--rule", "gap-budget", "--budget", "inf"], "no bound"),
        (["--rule", "knee", "--budget", "0.1"], "knee has no budget"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_before_anything_is_tried(
    run: Path,
    more: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mitigate, "sweep", lambda *_, **__: pytest.fail("strengths were tried"))
    command = ["mitigate", "--run", str(run), "--method", "calibrate", *more, "--out", str(tmp_path / "after.csv")]
    assert main(command) == EXIT_ERROR
    assert words in capsys.readouterr().err


def test_popularity_can_be_crossed_with_an_attribute_of_items(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crossed = ["--item-group", "popularity,creator_gender"]
    value = told(capsys, "audit", "--run", str(run), *crossed, "--replicates", "20", "--permutations", "20")
    names = set(value["items"]["by_group"]["popularity × creator_gender"])
    assert {f"{side} × {who}" for side in ("head", "tail") for who in ("man", "woman")} <= names
    done = told(
        capsys, "mitigate", "--run", str(run), "--method", "p_mmf", *crossed, "--strength", "0.5",
        "--out", str(tmp_path / "after.csv"),
    )  # fmt: skip
    assert done["strength"] == 0.5


def test_lists_of_another_system_need_no_model(run: Path, tmp_path: Path) -> None:
    users = pd.DataFrame({"user_id": ["a", "b", "c"], "gender": ["f", "m", "m"]})
    lists = pd.DataFrame({"user_id": ["a", "a", "b"], "item_id": ["1", "2", "1"], "rank": [1, 2, 1]})
    truth = pd.DataFrame({"user_id": ["a", "c"], "item_id": ["2", "9"]})
    files = [
        (f"{name}.csv", table.to_csv(index=False).encode()) for name, table in (("truth", truth), ("users", users))
    ]
    items = ("items.csv", b"item_id,title\n1,a\n2,b\n9,c\n")
    file = tmp_path / "lists.csv"
    lists.to_csv(file, index=False)
    tables = brought.bring(str(file), files[0], files[1], items=items)
    _, split = given_split(tables, "mine")
    assert set(split.training.items["item_id"]) == {"1", "2", "9"}
    assert split.training.n_users == 3
    assert len(split.test) == 2
    ranked, _ = inputs.lists_for(tables, "", split.training.users["user_id"])
    made = fit.import_lists(split, ranked, "another", tmp_path / "run")
    assert not made.has_model
    again = Run.load(tmp_path / "run")
    assert again.split.digest == split.digest
    found = audit.audit(again, recommend.recommend(again, 2), audit.AuditSpec(k=2, replicates=10, permutations=10))
    # a: its one liked item at rank 2 → 1 / log2(3); c: no list → 0; b: nothing held out
    assert found.to_json()["overall"]["ndcg"] == pytest.approx(0.63093 / 2, abs=1e-5)


def test_methods_combine_in_order(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    after = tmp_path / "after.csv"
    both = ["--method", "xquad", "--method", "calibrate", "--strength", "0.5", "--strength", "0.25"]
    done = told(capsys, "mitigate", "--run", str(run), *both, "--out", str(after))
    assert [step["method"] for step in done["first"]] == ["xquad"]
    assert (done["first"][0]["strength"], done["strength"]) == (0.5, 0.25)
    alone = tmp_path / "alone.csv"
    main(["mitigate", "--run", str(run), "--method", "calibrate", "--strength", "0.25", "--out", str(alone)])
    assert after.read_bytes() != alone.read_bytes()
    nothing = tmp_path / "nothing.csv"
    none = ["--method", "xquad", "--method", "calibrate", "--strength", "0", "--strength", "0.25"]
    main(["mitigate", "--run", str(run), *none, "--out", str(nothing)])
    assert nothing.read_bytes() == alone.read_bytes()
    wrong = ["--method", "calibrate", "--method", "project", "--group", "gender", "--strength", "0.5"]
    assert main(["mitigate", "--run", str(run), *wrong, "--out", str(after)]) == EXIT_ERROR
    assert "out of order" in capsys.readouterr().err


def test_a_search_on_validation_names_its_best_trial(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["search", "--dataset", "synthetic", "--split", "user-time:0.8", "--recommender", "ease"]
    found = told(
        capsys, *arguments, "--objective", "both", "--group", "gender", "--trials", "3", "--out", str(tmp_path / "s")
    )
    assert len(found["trials"]) == 3
    assert found["chosen"]
    best = max(trial["accuracy"] for trial in found["trials"])
    assert found["trials"][found["chosen"][0]]["accuracy"] == best
    assert json.loads((tmp_path / "s" / "search.json").read_text()) == found


def test_without_a_recommender_the_default_is_trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[fit.TrainSpec] = []

    def train(split: Any, spec: fit.TrainSpec, *_: Any) -> None:
        asked.append(spec)
        raise FairDashError("Enough.")

    monkeypatch.setattr(fit, "train", train)
    assert main(["train", "--dataset", "synthetic", "--out", str(tmp_path)]) == EXIT_ERROR
    assert asked[0].recommender == DEFAULT


def test_a_training_goes_on_from_an_earlier_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[fit.TrainSpec] = []

    def train(split: Any, spec: fit.TrainSpec, *_: Any) -> None:
        asked.append(spec)
        raise FairDashError("Enough.")

    monkeypatch.setattr(fit, "train", train)
    monkeypatch.setattr(sources, "load", lambda *_, **__: synthetic.make(n_users=60, n_items=40)[0])
    for name in ("bert_sequence", "ease"):
        (tmp_path / name / "model").mkdir(parents=True)
        about = {"recommender": name, "options": {"epochs": "0", "width": "16"} if name != "ease" else {},
                 "mitigations": [], "seed": 3, "device": "cpu", "digest": "d", "title": name}  # fmt: skip
        (tmp_path / name / "run.json").write_text(json.dumps(about))
        given = ["train", "--dataset", "synthetic", "--start", str(tmp_path / name), "--out", str(tmp_path / "new")]
        assert main(given) == EXIT_ERROR
    bert, ease = asked
    assert bert.recommender == "bert_sequence"
    assert bert.options == {"width": "16", "start": str(tmp_path / "bert_sequence" / "model")}  # and it learns now
    assert (ease.recommender, dict(ease.options)) == ("ease", {})
    assert "ease begins each training from nothing" in capsys.readouterr().err
    assert main([*given, "--recommender", "bert_pair"]) == EXIT_ERROR
    assert "no bert_pair can go on from" in capsys.readouterr().err


def test_arrays_of_people_and_items_come_along_to_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"u{u},i{(u + i) % 9}" for u in range(8) for i in range(5)]
    Path("log.csv").write_text("\n".join(["user_id,item_id", *rows]))
    covers = pd.DataFrame({"item_id": [f"i{i}" for i in range(9)], "cover": [[i, 0.5] for i in range(9)]})
    covers.to_parquet("covers.parquet")
    np.savez("faces.npz", ids=np.array([f"u{u}" for u in range(8)]), faces=np.ones((8, 2, 2)))
    given = ["--interactions", "log.csv", "--item-vectors", "cover=covers.parquet", "--user-vectors", "face=faces.npz"]
    found = told(capsys, "data", *given, "--out", "data")
    assert sorted(row["name"] for row in found["provenance"]["arrays"]) == ["cover", "face"]
    assert main(["train", *given, "--split", "user-random:0.8", "--recommender", "popularity", "--out", "run"]) == 0
    training = Run.load("run").split.training
    assert training.user_arrays["face"].shape == (8, 2, 2)
    place = training.items["item_id"].str.removeprefix("i").astype(float)
    assert training.item_arrays["cover"][:, 0].tolist() == place.tolist()
    pixel = io.BytesIO()
    Image.new("RGB", (1, 1)).save(pixel, "PNG")
    with zipfile.ZipFile("covers.zip", "w") as archive:
        archive.writestr("a/i3.png", pixel.getvalue())
    assert main(["data", "--interactions", "log.csv", "--item-images", "covers.zip", "--out", "seen"]) == 0
    assert [one is not None for one in data.load(Path("seen")).item_images or ()].count(True) == 1
    for wrong, said in (
        (["--item-vectors", "covers.parquet"], "Write --item-vectors poster=posters.npz"),
        (["--item-vectors", "cover=faces.npz"], "among the items"),
        (["--item-vectors", "more=nowhere.npz"], "nowhere.npz"),
        (["--item-images", "covers.parquet"], "covers.parquet is no zip archive"),
        (["--item-images", "nowhere.zip"], "nowhere.zip"),
        (["--item-vectors", "cover=covers.parquet", "--item-vectors", "cover=covers.parquet"], "twice"),
    ):
        assert main(["data", "--interactions", "log.csv", *wrong]) == EXIT_ERROR
        assert said in capsys.readouterr().err
    assert main(["data", "--dataset", "synthetic", "--item-vectors", "cover=covers.parquet"]) == EXIT_ERROR
    assert "--item-vectors is for files" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--out", "nowhere/audit.json"], "nowhere"),
        (["--out", "."], "folder"),
        (["--k", str(10**15)], "k = 1,000,000,000,000,000"),
        (["--replicates", str(10**14)], "replicates"),
        (["--permutations", str(10**14)], "permutations"),
        (["--seed", "-1"], "seed"),
    ],
)
def test_what_cannot_be_done_is_said_before_it_is_tried(
    more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.csv").write_text("user_id,item_id,rank\na,1,1\n")
    Path("t.csv").write_text("user_id,item_id\na,1\n")
    Path("u.csv").write_text("user_id,gender\na,F\n")
    files = ["--recommendations", "r.csv", "--truth", "t.csv", "--users", "u.csv"]
    assert main(["audit", *files, *more]) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv", "t.csv", "u.csv"]


def test_the_demo_ends_with_its_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = kinds._train
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    monkeypatch.setattr(kinds, "_train", lambda w, p, step: train(w, {**p, "recommender": "ease", "options": {}}, step))
    assert main(["demo"]) == 0
    said, steps = capsys.readouterr()
    done = [float(step) for step in re.findall(r"^ *(\d+\.\d)% ", steps, re.MULTILINE)]
    assert len(done) > 10
    assert done == sorted(done)
    (made,) = (tmp_path / "comparisons").iterdir()
    assert f"Comparison {made.name} in {tmp_path}" in said
    assert "Planted: A third of what is in women's histories" in said
    assert "Found: NDCG@10: men 0." in said


def test_data_without_times_are_cut_by_chance_where_nobody_chose_and_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"u{user},i{(user + item) % 9},{1 + item % 5}\n" for user in range(12) for item in range(6))
    (tmp_path / "log.csv").write_text("user,item,rating\n" + rows)
    given = ["--interactions", str(tmp_path / "log.csv"), "--recommender", "popularity", "--out", str(tmp_path / "run")]
    assert main(["train", *given]) == 0
    assert "drawn by chance (--split user-random:0.8)" in capsys.readouterr().err
    assert Run.load(tmp_path / "run").split.spec == "user-random:0.8"


def test_help_imports_no_tables_and_no_tensors() -> None:
    code = "import sys, fairdash.cli as c; c._parser(); print({'numpy', 'pandas', 'torch', 'scipy'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


@pytest.mark.usefixtures("made_up")
def test_every_help_is_said_in_the_language_that_was_asked_for() -> None:
    """What argparse says by itself of --help and --version stays as it is."""

    def helps(parser: argparse.ArgumentParser) -> Iterator[str]:
        yield parser.description or ""
        formatter = parser._get_formatter()
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield from map(formatter._expand_help, action._choices_actions)
                for command in action.choices.values():
                    yield from helps(command)
            elif action.help and not isinstance(action, argparse._HelpAction | argparse._VersionAction):
                yield formatter._expand_help(action)

    told = list(helps(cli._parser()))
    assert len(told) > 150
    assert not [text for text in told if not text.startswith("⟦")]


def test_a_command_speaks_the_language_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(cli, "_data", lambda _: heard.append(words.say("women")) or 0)
    for given in (["--lang", "zh"], []):
        assert main([*given, "data", "--interactions", "i.csv"]) == 0
    assert heard == ["女性", "women"]


def test_lists_of_two_systems_are_compared_without_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As by a run that holds the same tables, and to a report; what belongs to a run alone is refused."""
    people = range(40)
    tables = {
        "users": pd.DataFrame({"user_id": people, "gender": [("F", "M")[u % 2] for u in people]}),
        "truth": pd.DataFrame([(u, (u * 5) % 12, 4 + u % 2) for u in people], columns=["user_id", "item_id", "rating"]),
        "one": pd.DataFrame([(u, (u + i) % 12, i + 1) for u in people for i in range(6)]),
        "two": pd.DataFrame([(u, (u * 5 + i * (1 + u % 2)) % 12, i + 1) for u in people for i in range(4)]),
    }
    files = {name: str(tmp_path / f"{name}.csv") for name in tables}
    for name, table in tables.items():
        header = ["user_id", "item_id", "rank"] if name in ("one", "two") else True
        table.to_csv(files[name], index=False, header=header)
    out, few = tmp_path / "comparison.json", ["--replicates", "20", "--permutations", "20", "--group", "gender"]
    told_of = ["--truth", files["truth"], "--users", files["users"]]
    sides = ["--before", files["one"], "--after", files["two"], "--k", "5", "--out", str(out)]
    value = told(capsys, "compare", *sides, *told_of, *few)
    assert value["names"] == ["one", "two"]
    assert any("cut to 4" in said for said in value["warnings"])
    assert value["overall"]["ndcg"]["after"] > value["overall"]["ndcg"]["before"]
    assert {name for name, said in value["about"]["after"].items() if said is not None} == {"title"}

    tables_of = brought.bring(files["one"], files["truth"], files["users"])
    _, split = given_split(tables_of)
    lists, _ = inputs.lists_for(tables_of, "", split.training.users["user_id"])
    fit.import_lists(split, lists, "one", tmp_path / "run")
    by_run = told(capsys, "compare", "--run", str(tmp_path / "run"), *sides, *few)
    assert by_run["gaps"] == value["gaps"]
    assert main(["report", "--comparison", str(out), "--out", str(tmp_path / "report.html")]) == 0
    for more, said in (
        (["--model"], "trained recommender"),
        (["--run", str(tmp_path / "run"), *told_of], "own tables"),
    ):
        assert main(["compare", *sides, *more]) == EXIT_ERROR
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["audit", "compare"])
def test_lists_for_a_run_are_asked_about_too(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    lists, bare, kept = tmp_path / "lists.csv", tmp_path / "bare.tsv", tmp_path / "m.json"
    main(["recommend", "--run", str(run), "--out", str(lists)])
    pd.read_csv(lists, dtype=str).to_csv(bare, sep="\t", header=False, index=False)
    given = ["--recommendations", str(bare)] if command == "audit" else ["--before", str(lists), "--after", str(bare)]
    asked = [command, "--run", str(run), *given, "--out", str(tmp_path / "out.json"), "--permutations", "0"]
    assert main([*asked, "--replicates", "0"]) == EXIT_ERROR
    assert "--rank-column" in capsys.readouterr().err
    assert main([*asked, "--replicates", "0", "--accept-guesses", "--save-mapping", str(kept)]) == 0
    assert "rank" in json.loads(kept.read_text())
    assert main([*asked, "--replicates", "0", "--mapping", str(kept)]) == 0
