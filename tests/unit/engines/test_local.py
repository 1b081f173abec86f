"""Parts in threads: results and sums in the order of the parts, and no part is begun before it can be worked on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from fairdash.engines.choice import engine
from fairdash.engines.local import Local
from fairdash.errors import ConfigError


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
