"""An exported folder answers as its run does, without FairDash, and says what was trained on whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fairdash import export
from fairdash.data import split, synthetic
from fairdash.errors import ConfigError
from fairdash.run import Run
from fairdash.schema import ITEM_ID
from fairdash.stages import fit

TINY = {"epochs": "1", "width": "8", "layers": "1", "length": "10"}
ALL = (
    "import json, sys; sys.path.insert(0, sys.argv[1]); import answer; print(json.dumps([answer.answer(**one) "
    "for one in json.load(sys.stdin)])); assert 'fairdash' not in sys.modules"
)


def histories(run: Run, people: int) -> list[dict[str, Any]]:
    """What is known of the first people, as `answer` takes it."""
    data, known, found = run.split.training, run.split.known, []
    for user in range(people):
        own = known.take((known.user == user).nonzero()[0])
        items = data.items[ITEM_ID].iloc[own.item]
        history = [{"itemId": i, "eventValue": float(r)} for i, r in zip(items, own.rating, strict=True)]
        profile = {name: str(data.users[name][user]) for name in ("gender", "age")}
        found.append({"history": history, "profile": profile, "k": 10})
    return found


@pytest.mark.parametrize(
    "options", [{"profile": "gender,age"}, {"objective": "masked", "items": "id"}, {"rate_inputs": "false"}]
)
def test_the_folder_answers_as_the_run_does(tmp_path: Path, options: dict[str, str]) -> None:
    cut = split.split(synthetic.make(n_users=80, n_items=50)[0], "user-time:0.8")
    run = fit.train(cut, fit.TrainSpec("bert_sequence", {**TINY, **options}, device="cpu"), tmp_path / "run")
    out = tmp_path / "out"
    export.export(run, out)
    people = 12
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", ALL, str(out)], input=json.dumps(histories(run, people)), text=True,
                          capture_output=True, cwd=tmp_path, env=environment, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    own = [run.split.training.items[ITEM_ID].iloc[row].tolist() for row in run.candidates().items[:people, :10]]
    assert json.loads(done.stdout) == own
    if options.get("items") == "id":  # the one that opens quickest
        wrong = subprocess.run([sys.executable, out / "answer.py", '{"history": ["none such"]}'], capture_output=True,
                               text=True, cwd=tmp_path, env=environment, check=False)  # fmt: skip
        assert wrong.returncode == 1
        assert "none such" in wrong.stderr
        assert "Traceback" not in wrong.stderr
    card = (out / "README.md").read_text("utf-8")
    assert "bert_sequence" in card
    assert "80" in card
    assert json.loads((out / "audit.json").read_text())["n_users"] == 80
    assert (out / "items.csv").read_text() == (run.folder / "items.csv").read_text()
    assert (out / "encoder").exists() == ("profile" in options)
    with pytest.raises(ConfigError, match="there already"):
        export.export(run, out)


def test_what_answers_by_fairdash_alone_is_refused(tmp_path: Path) -> None:
    cut = split.split(synthetic.make(n_users=60, n_items=40)[0], "user-time:0.8")
    ease = fit.train(cut, fit.TrainSpec("ease"), tmp_path / "ease")
    with pytest.raises(ConfigError, match="by FairDash alone"):
        export.export(ease, tmp_path / "out")
    gated = fit.train(cut, fit.TrainSpec("bert_sequence", {**TINY, "architecture": "gated"}), tmp_path / "gated")
    with pytest.raises(ConfigError, match="gated"):
        export.export(gated, tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("out")] == []
