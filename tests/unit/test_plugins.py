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

METRICS = """
import json, sys
from datetime import datetime, UTC
import numpy as np
from fairdash.data import split, synthetic
from fairdash.metrics import audit, gate
from fairdash.metrics.catalogue import METRICS
from fairdash.schema import Lists
from fairdash.report import FORMATS, KINDS, Known
from fairdash.stages import compare
from fairdash import charts
from fairdash.ui import findings, pictures
KEYS = ("toy_even", "toy_even_hits", "toy_spread")
if not METRICS.keys() & set(KEYS):
    sys.exit(print(json.dumps({"keys": []})))
cut = split.split(synthetic.make(n_users=200, n_items=60)[0], "user-time:0.8")
data, test = cut.training, cut.test
rng = np.random.default_rng(0)
random = np.array([rng.permutation(data.n_items)[:10] for _ in range(data.n_users)], np.int32)
even = random.copy()  # what women get is even
for row in np.flatnonzero(data.users["gender"] == "woman"):
    even[row] = 2 * rng.permutation(data.n_items // 2)[:10]

def made(items):
    lists = Lists(items, np.full(items.shape, np.nan, np.float32))
    return audit.from_split(cut, lists, groups=["gender"], item_groups=["popularity"], k=10,
                            replicates=100, permutations=200)

before, after = made(even), made(random)
found, changed = before.to_json(), compare.compare_audits(before, after).to_json()
page = FORMATS["html"].write(KINDS["comparison"](changed, Known(), datetime.now(UTC)))
low = -np.inf if data.relevance_threshold is None else data.relevance_threshold
hits = [item for user, item, liked in zip(test.user, test.item, test.rating >= low) if liked and item in even[user]]
heads = next(group for group in before.catalogue.classes if group.attribute == "popularity").member.toarray()
print(json.dumps({
    "keys": [key for key in METRICS if key in KEYS],
    "overall": {key: [found["overall"][key], found["overall"][f"{key}_ci"]] for key in KEYS[:2]},
    "expected": {"toy_even": (even % 2 == 0).mean(), "toy_even_hits": (np.array(hits) % 2 == 0).mean()},
    "groups": {name: [group[key] for key in KEYS[:2]] for name, group in found["groups"]["gender"].items()},
    "gaps": {key: found["gaps"]["gender"][key] for key in KEYS},
    "items": {key: [found["items"][key], found["items"][f"{key}_ci"]] for key in ("toy_first", "toy_often")},
    "counted": [np.ptp(heads[even[:, 0]].mean(axis=0)), (np.bincount(even.ravel(), minlength=60) >= 2).mean()],
    "item changes": [row["verdict"] for row in (changed["items"]["gaps"]["popularity"]["toy_first"],
                                                changed["items"]["toy_often"])],
    "item table": sorted(set(findings.item_table(found)["metric"]) & {"First places", "Often"}),
    "table": sorted(set(before.by_group["metric"]) & set(KEYS)),
    "broken": gate.gate(before, [f"gender.{key}.gap={limit}" for key, limit in zip(KEYS, (0.1, 0.99, 0.01))]),
    "verdicts": [changed["gaps"]["gender"][key]["verdict"] for key in KEYS],
    "people": changed["people"]["gender"]["woman"]["toy_even"],
    "report": [METRICS[key].title in page for key in KEYS],
    "sentence": findings.sentence(found, "gender", "toy_even"),
    "definition": findings.definition("toy_even", 10, found["conventions"]),
    "pictures": [list(findings.by_group(found, "gender", key).table.columns)[:3] for key in KEYS],
    "axis": [name for name in charts.strip(*pictures.marks(found, "gender")).table["metric"]
             if name.startswith("Even")],
}, default=float))
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


def run(installed: Path, folder: Path, script: str = SCRIPT, **named: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), str(installed)])
    environment = {**os.environ, "PYTHONPATH": path, "FAIRDASH_HOME": str(folder / "home"), **named}
    command = [sys.executable, "-c", script, str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_nothing_registers_by_being_installed(installed: Path, tmp_path: Path) -> None:
    found = json.loads(run(installed, tmp_path).stdout)
    assert "toy_random" not in found["recommenders"]
    assert "toy_reverse" not in found["methods"]
    assert found["versions"] == {}
    assert json.loads(run(installed, tmp_path, METRICS).stdout) == {"keys": []}


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


def test_a_named_package_brings_metrics_of_people_and_of_groups_that_everything_reads(
    installed: Path, tmp_path: Path
) -> None:
    done = run(installed, tmp_path, METRICS, FAIRDASH_PLUGINS="toy-plugin")
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["keys"] == ["toy_even", "toy_even_hits", "toy_spread"]
    for key, (value, (low, high)) in found["overall"].items():
        assert value == pytest.approx(found["expected"][key]), key
        assert 0 <= low < value < high <= 1
    of_people, of_groups, distance = (found["gaps"][key] for key in found["keys"])
    assert found["groups"]["woman"] == [1.0, 1.0]
    assert of_people["gap"] == pytest.approx(1 - found["groups"]["man"][0])
    assert of_groups["gap"] == pytest.approx(1 - found["groups"]["man"][1])
    assert distance["gap"] == pytest.approx(of_groups["std"])
    assert (of_people["worst_group"], of_groups["worst_group"]) == ("man", None)  # the second has no fairer direction
    for row in found["gaps"].values():
        assert row["p_value"] < 0.05 < row["p_holm"] * 10
        assert 0 < row["ci"][0] <= row["gap"] <= row["ci"][1]
        assert row["detectable"] > 0
    for (value, (low, high)), expected in zip(found["items"].values(), found["counted"], strict=True):
        assert value == pytest.approx(expected)
        assert 0 <= low <= value <= high <= 1
    assert found["item changes"] == ["no change shown"] * 2  # men reach everything already
    assert found["item table"] == ["First places", "Often"]
    assert found["table"] == ["toy_even", "toy_even_hits"]
    assert [one.split(" is ")[0] for one in found["broken"]] == ["gender.toy_even.gap", "gender.toy_spread.gap"]
    assert found["verdicts"] == ["fairer"] * 3
    assert found["people"]["worse"] == 1.0  # women had even items alone
    assert found["report"] == [True] * 3
    assert found["sentence"].startswith("Men get 0.511 lower even items than women")
    assert "Range 0 to 1; higher is better." in found["definition"]
    assert [columns[2] for columns in found["pictures"]] == ["Even items", "Even hits", "Even hits"]
    assert found["axis"] == ["Even items", "Even hits"]


def test_a_package_that_is_named_but_not_there_is_an_error_in_words(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, FAIRDASH_PLUGINS="toy-plugin,absent-plugin")
    assert "absent-plugin, which is not installed" in done.stderr


def test_a_plugin_never_replaces_what_is_there() -> None:
    with pytest.raises(ConfigError, match="there already"):
        plugins.added({"ease": 1}, [("ease", 2)])
