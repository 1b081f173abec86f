"""The same on a Ray cluster of this machine; where the package ray is not installed, nothing is looked at here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from fairdash.data import split, synthetic
from fairdash.engines import R, S, nothing
from fairdash.engines.on_ray import OnRay
from fairdash.errors import Cancelled, DataError
from fairdash.metrics import stream
from fairdash.progress import silent
from fairdash.recommenders import build, parallel
from fairdash.recommenders.base import CatalogueFitted
from fairdash.stages import recommend
from fairdash.stages.search import search
from tests.unit.engines.test_local import meeting
from tests.unit.metrics.people import make
from tests.unit.metrics.test_stream import OPTIONS, same, write
from tests.unit.recommenders.conftest import make_data
from tests.unit.recommenders.test_parallel import OPTIONS as TRAINING
from tests.unit.recommenders.test_parallel import Told, fragile, is_that_of_one

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray's own coming changes


@pytest.fixture(scope="module")
def engine() -> Iterator[OnRay]:
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield OnRay()
    ray.shutdown()


def text(shared: str, part: int) -> str:
    if part == 99:
        raise DataError("part 99", "hint")
    return f"{shared}{part} "


def test_results_sums_and_errors_are_those_of_this_machine(engine: OnRay) -> None:
    told: list[int] = []
    assert list(engine.each(text, "p", iter(range(20)))) == [f"p{n} " for n in range(20)]
    assert engine.total(text, "p", range(11), told.append) == "".join(f"p{n} " for n in range(11))
    assert sorted(told) == list(range(11))
    assert engine.total(text, "p", ()) is None
    with pytest.raises(DataError, match="part 99") as caught:
        engine.total(text, "p", [1, 99, 2])
    assert caught.value.hint == "hint"


def test_an_audit_is_that_of_this_machine(engine: OnRay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BATCH_ROWS", 100)
    monkeypatch.setattr(stream, "PIECE_ROWS", 150)
    data: dict[str, Any] = make(seed=3)
    write(tmp_path / "a.parquet", data.pop("recommendations"))
    here = stream.from_parquet(tmp_path / "a.parquet", **data, **OPTIONS).to_json()
    there = stream.from_parquet(tmp_path / "a.parquet", **data, **OPTIONS, engine=engine).to_json()
    same(there, here)


def test_lists_are_those_of_this_machine(engine: OnRay) -> None:
    cut = split.split(synthetic.make(n_users=60, n_items=40)[0], "user-time:0.8")
    fitted = build("ease").fit(cut.training, seed=0, device="cpu", folder=Path(), progress=lambda *_: None)
    here, there = (recommend.rank(fitted, cut, "test", engine=each) for each in (None, engine))
    assert np.array_equal(here.items, there.items)


class Fragile(OnRay):
    """See `test_parallel.Fragile`."""

    def together(
        self, function: Callable[[S, int, str], R], shared: S, n: int, meanwhile: Callable[[], None] = nothing
    ) -> list[R]:
        return super().together(fragile, shared, n, meanwhile)  # type: ignore[arg-type]


@pytest.mark.usefixtures("engine")
def test_a_training_goes_on_from_its_checkpoint_when_a_worker_is_lost(tmp_path: Path) -> None:
    data = make_data()
    here, folder = tmp_path / "one", tmp_path / "two"
    alone = build("bert_sequence", TRAINING).fit(data, seed=0, device="cpu", folder=here, progress=silent)
    assert isinstance(alone, CatalogueFitted)
    training = parallel.Training("bert_sequence", TRAINING, data, 0, folder, 2)
    two = parallel.fit(training, Fragile(), told := Told())
    assert (tmp_path / "killed").exists()
    is_that_of_one(two, folder, (here, alone))
    assert any(message.startswith("A worker was lost") for _, message, _ in told.said)


def test_a_stop_ends_all_that_work_together(engine: OnRay, tmp_path: Path) -> None:
    def stop() -> None:
        if len(list(tmp_path.glob("*-*"))) == 2:
            raise Cancelled("stop")

    (tmp_path / "stay").touch()
    with pytest.raises(Cancelled):
        engine.together(meeting, tmp_path, 2, stop)
    for path in tmp_path.glob("*-*"):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(int(path.read_text())).wait(60)
    (tmp_path / "stay").unlink()
    assert engine.together(meeting, tmp_path, 2) == [0, 1]


def test_trials_run_at_once(engine: OnRay, tmp_path: Path) -> None:
    cut = split.split(synthetic.make(n_users=60, n_items=40)[0], "user-time:0.8")
    found = search("ease", cut.training, trials=3, folder=tmp_path, engine=engine)
    assert [trial.number for trial in found.trials] == [0, 1, 2]
    assert all(trial.accuracy is not None for trial in found.trials)
    again = search("ease", cut.training, trials=3, folder=tmp_path, engine=engine)
    assert again.digest == found.digest  # those that are done are not tried again
