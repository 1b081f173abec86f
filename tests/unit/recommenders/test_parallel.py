"""Two processes train as one: the same loss curve, and the same scores, but for rounding."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from fairdash.engines.local import Local
from fairdash.errors import ConfigError
from fairdash.progress import silent
from fairdash.recommenders import build, parallel
from fairdash.recommenders.base import CatalogueFitted
from tests.unit.recommenders.conftest import make_data

OPTIONS = {"width": 16, "layers": 1, "length": 12, "items": "id", "dropout": 0.0, "batch": 4, "epochs": 3}


def test_two_processes_take_the_steps_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_CPU_BF16", "0")
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    # A process of its own begins with the main module, and a page that was tried leaves a script of its own as that.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    data = make_data()
    one = build("bert_sequence", OPTIONS).fit(data, seed=0, device="cpu", folder=tmp_path / "one", progress=silent)
    training = parallel.Training("bert_sequence", OPTIONS, data, 0, tmp_path / "two", 2)
    two = parallel.fit(training, Local(2))
    curves = [json.loads((tmp_path / name / "curve.json").read_text())["rows"] for name in ("one", "two")]
    assert len(curves[0]) == 3
    for mine, theirs in zip(*curves, strict=True):
        assert mine.keys() == theirs.keys()
        assert theirs["loss"] == pytest.approx(mine["loss"], abs=1e-4)
    users = np.arange(data.n_users, dtype=np.int32)
    assert isinstance(one, CatalogueFitted)
    assert isinstance(two, CatalogueFitted)
    np.testing.assert_allclose(two.score(users, data.train), one.score(users, data.train), atol=1e-3)
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["curve.json", "tensorboard"]


def test_what_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="training of ease cannot be shared"):
        parallel.fit(parallel.Training("ease", {}, make_data(), 0, tmp_path, 2), Local(2))
    with pytest.raises(ConfigError, match="workers at the same time are asked for"):
        parallel.fit(parallel.Training("bert_sequence", OPTIONS, make_data(), 0, tmp_path, 1000), Local(2))
