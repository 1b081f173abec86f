"""Private releases: as wide as they say, within their budget, and told again at no cost."""

from __future__ import annotations

import builtins
import json
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from fairdash import budget, data, entries, settings, trail
from fairdash.cli import main
from fairdash.data import split as splits
from fairdash.errors import ConfigError, DataError
from fairdash.schema import Groups
from fairdash.stages import fit, people, recommend, release
from fairdash.workspace import Workspace

pytest.importorskip("opendp")
SIZES, MEANS = (900, 300, 4), (0.30, 0.55, 0.9)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise of the same distribution as OpenDP's, whose draws nobody can repeat: a test of chances needs its own."""
    rng = np.random.default_rng(11)

    def noisy(numbers: Sequence[int], sensitivity: int, epsilon: float) -> list[int]:
        stops = -math.expm1(-epsilon / sensitivity)  # the difference of two geometric counts is a discrete Laplace one
        return [n + int(rng.geometric(stops) - rng.geometric(stops)) for n in numbers]

    monkeypatch.setattr(release, "_with_noise", noisy)


def asked(seed: int, epsilon: float) -> list[dict[str, Any]]:
    """A release of three groups of people drawn anew around known means, some of them without a value."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.beta(2 * mean, 2 * (1 - mean), n) for n, mean in zip(SIZES, MEANS, strict=True)])
    codes = np.repeat(np.arange(3, dtype=np.int32), SIZES)
    values, codes = np.append(values, [np.nan] * 50), np.append(codes, np.zeros(50, np.int32))
    return release._noisy(values, Groups("kind", ("a", "b", "c"), codes), epsilon, 0.0, 1.0)


@pytest.mark.usefixtures("drawn")
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    means, counts, n = np.zeros(2), np.zeros(2), 150
    for seed in range(n):
        for g, row in enumerate(asked(seed, 0.5)[:2]):
            low, high = row["value_ci"]
            means[g] += low <= MEANS[g] <= high
            counts[g] += row["n_ci"][0] <= SIZES[g] <= row["n_ci"][1]
    assert (means / n >= 0.93).all()
    assert (abs(counts / n - 0.95) < 0.06).all()


def test_the_noise_is_as_wide_as_stated() -> None:
    n, sensitivity, epsilon = 4000, 1000, 0.25
    off = np.array(release._with_noise([7] * n, sensitivity, epsilon)) - 7
    scale = sensitivity / epsilon
    # The mean of |noise| is its scale, with an error of scale / √n: eight of them are not met by chance.
    assert abs(np.abs(off).mean() / scale - 1) < 8 / math.sqrt(n)
    assert abs(off.mean()) < 8 * math.sqrt(2 / n) * scale


@pytest.mark.usefixtures("drawn")
def test_less_noise_tells_more() -> None:
    rough, fine = (np.diff(asked(1, epsilon)[1]["value_ci"])[0] for epsilon in (0.1, 5.0))
    assert rough > 2 * fine


def test_a_group_that_the_noise_hides_has_no_mean() -> None:
    assert release._mean(7.9, 3.0, 4.0) == (None, (None, None))
    mean, (low, high) = release._mean(8.0, 4.0, 4.0)
    assert (mean, low, high) == (0.5, 0.0, 1.0)  # told, and nothing is known


def test_a_release_is_paid_once_kept_and_refused_beyond_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path / "home"))
    cut = splits.split(data.synthetic.make(n_users=120, n_items=60)[0], "user-time:0.8")
    run = fit.train(cut, fit.TrainSpec("popularity"), tmp_path / "run")
    asked = ["release", "--run", str(tmp_path / "run"), "--group", "gender", "--json", "--epsilon"]
    assert main([*asked, "2"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main([*asked, "2"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again == first
    assert (first["spent"], first["budget"]) == (2.0, 3)
    assert {row["group"] for row in first["groups"]} == set(run.split.training.users["gender"].dropna())
    assert main([*asked, "1.5"]) == 2
    assert "more than the 1 that is left" in capsys.readouterr().err
    assert main([*asked, "0"]) == 2
    file = tmp_path / "run" / budget.FILE
    assert file.stat().st_size
    file.write_text("[")
    with pytest.raises(DataError, match="not known"):
        budget.spent(file)
    assert main([*asked, "0.1"]) == 2  # damaged is not empty
    who = people.gather(cut, recommend.recommend(run, 10), 10)
    with pytest.raises(ConfigError, match="between two ends"):
        release.release(who, "first_hit_rank", 1.0)
    several = Groups.of("taste", ("x", "y"), np.ones((who.n, 2), bool))
    with pytest.raises(ConfigError, match="several groups"):
        release.release(replace(who, groups=several), "ndcg", 1.0)


def test_who_asks_at_once_gets_no_more_than_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PRIVACY_BUDGET", 3)
    start = Barrier(8)

    def ask(tab: int) -> bool:
        start.wait()
        try:
            budget.spend(tmp_path / budget.FILE, f"tab {tab}", 1.0, lambda: {})
        except ConfigError:
            return False
        return True

    with ThreadPoolExecutor(8) as tabs:
        assert sum(tabs.map(ask, range(8))) == 3
    assert budget.spent(tmp_path / budget.FILE) == 3


def test_versions_of_a_data_set_share_its_budget(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    made = data.synthetic.make(n_users=30, n_items=30)[0]
    stored = entries.put_dataset(workspace, made)
    of = {"feedback": {"of": stored}}
    version = entries.put_dataset(workspace, replace(made, relevance_threshold=2.5, provenance=of))
    assert version != stored
    assert entries.ledger(workspace, version) == entries.ledger(workspace, stored)
    budget.spend(entries.ledger(workspace, version), "a", 1.0, lambda: {})
    assert budget.spent(entries.ledger(workspace, stored)) == 1.0
    entries.delete(workspace, "datasets", stored)
    assert trail.read(workspace)[-1].of["removed"] == {"datasets": 2}


def test_without_opendp_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def without(name: str, *more: Any, **others: Any) -> Any:
        if name.startswith("opendp"):
            raise ImportError(name)
        return usual(name, *more, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match="OpenDP") as fault:
        asked(0, 1.0)
    assert "fairdash[private]" in fault.value.hint
