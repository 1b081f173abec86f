"""A folder that is trained in again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from fairdash.data import split as splits
from fairdash.data import synthetic
from fairdash.errors import Cancelled
from fairdash.recommenders import training
from fairdash.stages import fit

from ..recommenders.test_bert_sequence import SMALL


def test_a_training_does_not_go_on_from_another_ones_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)  # after every epoch
    cut = splits.split(synthetic.make(n_users=40, n_items=30)[0], "user-time:0.8")

    def spec(rate: float) -> fit.TrainSpec:
        return fit.TrainSpec("bert_sequence", {**SMALL, "epochs": "3", "learning_rate": str(rate)})

    def stop(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        if values is not None and list((tmp_path / "out" / "training" / "checkpoints").glob("*/ready")):
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        fit.train(cut, spec(0.02), tmp_path / "out", stop)
    kept = tmp_path / "out" / "training" / "answers.jsonl"
    kept.write_text("what knows itself what it is of\n")
    again = fit.train(cut, spec(0.001), tmp_path / "out")
    fresh = fit.train(cut, spec(0.001), tmp_path / "fresh")
    np.testing.assert_array_equal(again.candidates("test").scores, fresh.candidates("test").scores)
    assert kept.exists()
