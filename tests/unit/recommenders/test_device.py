"""The device is chosen and said."""

from __future__ import annotations

import pytest
import torch

from fairdash.errors import ConfigError
from fairdash.recommenders.device import choose


def test_cpu_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_CPU_BF16", "1")
    assert "bfloat16" in choose("cpu").sentence
    monkeypatch.setenv("FAIRDASH_CPU_BF16", "0")
    chosen = choose("cpu")
    assert (chosen.kind, chosen.bf16) == ("cpu", False)
    assert "CPU" in chosen.sentence
    with chosen.autocast():
        assert not torch.is_autocast_enabled("cpu")


def test_unknown_or_absent_devices_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for wish in ("tpu", "cuda", "mps"):
        with pytest.raises(ConfigError) as error:
            choose(wish)
        assert error.value.hint
    assert choose("auto").kind == "cpu"
    assert "no GPU" in choose("auto").sentence
