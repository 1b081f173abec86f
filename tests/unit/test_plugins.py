"""What comes from outside the package: only from distributions that the operator names, and never in place of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairdash import plugins
from fairdash.errors import ConfigError

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "tests" / "plugin"

SCRIPT = """
import json, sys
from pathlib import Path
from fairdash import plugins
from fairdash.data import split, synthetic
from fairdash.mitigation import METHODS
from fairdash.mitigation.base import Mitigation
from fairdash.recommenders import RECOMMENDERS
found = {"recommenders": list(RECOMMENDERS), "methods": list(METHODS), "versions": plugins.versions()}
if "toy_random" in RECOMMENDERS:
    from fairdash.run import Run
    from fairdash.stages import fit, mitigate
    from fairdash.stages.advise import advise
    cut = split.split(synthetic.make(n_users=60, n_items=40)[0], "user-time:0.8")
    run = fit.train(cut, fit.TrainSpec("toy_random", {"spread": "2"}), Path(sys.argv[1]) / "run")
    again = Run.load(run.folder)
    judge = fit.train(cut, fit.TrainSpec("toy_judge", {"first_stage": "toy_random"}), Path(sys.argv[1]) / "judge")
    found["judged"] = (Run.load(judge.folder).candidates().items >= 0).sum(axis=1).tolist()
    found["scores"] = float(again.fitted.scores.max())
    done = mitigate.mitigate(run, Mitigation("toy_reverse", strength=1.0), 5, retrain=lambda *_: None)
    found["last"] = bool((done.lists.items[:, 0] == run.candidates().items[:, -1]).all())
    advice = advise({"overall": {}, "gaps": {}, "items": {"gaps": {}, "coverage": 0.1}})
    found["advised"] = [one.method for one in advice[0].suggestions]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the plugin package is installed."""
    target, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source") / "plugin"
    for file in PLUGIN.rglob("*"):  # a copy, so that nothing is built into the checkout
        if file.suffix in (".py", ".toml"):
            (source / file.relative_to(PLUGIN)).parent.mkdir(parents=True, exist_ok=True)
            (source / file.relative_to(PLUGIN)).write_bytes(file.read_bytes())
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--target", str(target), str(source)], check=True, capture_output=True)
    return target


def run(installed: Path, folder: Path, **named: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), str(installed)])
    environment = {**os.environ, "PYTHONPATH": path, "FAIRDASH_HOME": str(folder / "home"), **named}
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_nothing_registers_by_being_installed(installed: Path, tmp_path: Path) -> None:
    found = json.loads(run(installed, tmp_path).stdout)
    assert "toy_random" not in found["recommenders"]
    assert "toy_reverse" not in found["methods"]
    assert found["versions"] == {}


def test_a_named_package_brings_a_recommender_and_a_mitigation_that_work(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, FAIRDASH_PLUGINS="Toy_Plugin")
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["versions"] == {"toy-plugin": "1.0"}
    assert found["recommenders"][-2:] == ["toy_judge", "toy_random"]
    assert found["judged"] == [12] * 60  # of candidates that a recommender from outside brings
    assert found["methods"][-1] == "toy_reverse"
    assert 1.0 < found["scores"] <= 2.0
    assert found["last"]
    assert "toy_reverse" in found["advised"]


def test_a_package_that_is_named_but_not_there_is_an_error_in_words(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, FAIRDASH_PLUGINS="toy-plugin,absent-plugin")
    assert "absent-plugin, which is not installed" in done.stderr


def test_a_plugin_never_replaces_what_is_there() -> None:
    with pytest.raises(ConfigError, match="there already"):
        plugins.added({"ease": 1}, [("ease", 2)])
