"""Parts in threads: results and sums in the order of the parts, and no part is begun before it can be worked on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from fairdash.engines import Lost
from fairdash.engines.choice import engine
from fairdash.engines.local import Local
from fairdash.errors import Cancelled, ConfigError


def text(shared: str, part: int) -> str:
    return f"{shared}{part} "


def test_results_and_sums_come_in_the_order_of_the_parts() -> None:
    told: list[int] = []
    asked = iter(range(20))
    here = Local(3)
    assert list(here.each(text, "p", asked, told.append)) == [f"p{n} " for n in range(20)]
    assert told == list(range(20))
    assert here.total(text, "p", range(5)) == "p0 p1 p2 p3 p4 "
    assert here.total(text, "p", ()) is None


def test_as_many_parts_at_once_as_there_are_workers_and_no_more_asked_for() -> None:
    together = threading.Barrier(2, timeout=30)
    asked: list[int] = []

    def parts() -> Iterator[int]:
        for part in range(6):
            asked.append(part)
            yield part

    def meet(_: None, part: int) -> int:
        together.wait()
        return part

    results = Local(2).each(meet, None, parts())
    assert next(results) == 0
    assert len(asked) <= 3
    assert list(results) == [1, 2, 3, 4, 5]


def test_an_error_is_the_caller_s() -> None:
    def fail(_: None, part: int) -> int:
        raise ConfigError(f"part {part}")

    with pytest.raises(ConfigError, match="part 0"):
        Local(2).total(fail, None, range(9))


@pytest.fixture
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own begins with the main module, and a page that was tried leaves its script as that."""
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    monkeypatch.setattr("os.cpu_count", lambda: 2)


def meeting(folder: Path, rank: int, name: str) -> int:
    """Ranks leave their numbers as processes. The file `lose` has the first attempt lose rank 1; `fail` has it raise,
    while rank 0 notices; `err` has it end in an error that nobody foresaw; with `stay` they stay."""
    (folder / f"{name}-{rank}").write_text(str(os.getpid()))
    if (folder / "fail").exists():
        raise ConfigError("rank 1") if rank else Lost("the other is gone")
    if (folder / "err").exists():
        raise RuntimeError("rank 1") if rank else Lost("the other is gone")
    if rank and (folder / "lose").exists():
        (folder / "lose").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    if (folder / "stay").exists():
        threading.Event().wait()
    return rank


@pytest.mark.usefixtures("own_main")
def test_all_begin_anew_where_one_is_lost(tmp_path: Path) -> None:
    (tmp_path / "lose").touch()
    assert Local(2).together(meeting, tmp_path, 2) == [0, 1]
    names = {path.name.partition("-")[0] for path in tmp_path.glob("*-1")}
    assert len(names) == 2


@pytest.mark.usefixtures("own_main")
@pytest.mark.parametrize(("file", "error"), [("fail", ConfigError), ("err", RuntimeError)])
def test_what_one_of_them_raises_is_the_caller_s(tmp_path: Path, file: str, error: type[Exception]) -> None:
    (tmp_path / file).touch()
    with pytest.raises(error, match="rank 1"):
        Local(2).together(meeting, tmp_path, 2)
    assert len({path.name.partition("-")[0] for path in tmp_path.glob("*-*")}) == 1


@pytest.mark.usefixtures("own_main")
def test_a_stop_ends_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "stay").touch()

    def stop() -> None:
        if len(list(tmp_path.glob("*-*"))) == 2:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        Local(2).together(meeting, tmp_path, 2, stop)
    assert not any(psutil.pid_exists(int(path.read_text())) for path in tmp_path.glob("*-*"))


def test_they_end_with_the_process_that_began_them(tmp_path: Path) -> None:
    (tmp_path / "stay").touch()
    script = f"""
import os
from pathlib import Path
from fairdash.engines.local import Local
from tests.unit.engines.test_local import meeting
os.cpu_count = lambda: 2
if __name__ == "__main__":
    print(Local(2).together(meeting, Path({str(tmp_path)!r}), 2, lambda: print(flush=True)))
"""
    (tmp_path / "begins.py").write_text(script)
    with subprocess.Popen([sys.executable, tmp_path / "begins.py"], stdout=subprocess.PIPE) as begins:
        assert begins.stdout is not None
        while len(list(tmp_path.glob("*-[01]"))) < 2:
            assert begins.stdout.readline()
        workers = [psutil.Process(int(path.read_text())) for path in tmp_path.glob("*-[01]") if path.read_text()]
        begins.kill()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive


def test_engines_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine() is None
    with pytest.raises(ConfigError, match="no engine 'spark'"):
        engine("spark")
    with pytest.raises(ConfigError, match="needs none"):
        engine("local", "10.0.0.1:6379")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="needs the package ray") as caught:
        engine("ray")
    assert "fairdash[ray]" in caught.value.hint
