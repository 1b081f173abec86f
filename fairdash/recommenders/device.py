"""Where training and scoring run, chosen once and said in a sentence."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from fairdash.errors import ConfigError

# oneDNN keeps the code of a thousand shapes of products; batches hardly ever have the same shape twice, and it comes
# to gigabytes. It reads this when the first product is computed.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

CHOICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Device:
    """kind: "cpu", "cuda" or "mps". bf16: matrix products run in bfloat16. sentence: what was chosen and why."""

    kind: str
    bf16: bool
    sentence: str

    @property
    def arithmetic(self) -> tuple[str, bool, str]:
        """What numbers depend on: the kind, bfloat16 or not, and the GPU's name or how many threads share a sum."""
        who = torch.cuda.get_device_name() if self.kind == "cuda" else f"{torch.get_num_threads()} threads"
        return self.kind, self.bf16, who

    @property
    def torch(self) -> torch.device:
        return torch.device(self.kind)

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which a model's forward pass runs."""
        return torch.autocast(self.kind, dtype=torch.bfloat16) if self.bf16 else nullcontext()


def choose(wish: str = "auto") -> Device:
    """The device for a wish of "auto", "cpu", "cuda" or "mps".

    Raises ConfigError for another word, or for a device that this machine does not have.
    """
    if wish not in CHOICES:
        raise ConfigError(f"There is no device {wish!r}.", f"Choose one of: {', '.join(CHOICES)}.")
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if wish == "cuda" and not cuda:
        raise ConfigError("This machine has no CUDA device that PyTorch can use.", "Choose auto or cpu.")
    if wish == "mps" and not mps:
        raise ConfigError("This machine has no Apple GPU that PyTorch can use.", "Choose auto or cpu.")
    if wish == "cuda" or (wish == "auto" and cuda):
        name, bf16 = torch.cuda.get_device_name(), torch.cuda.is_bf16_supported()
        return Device("cuda", bf16, f"Runs on the GPU {name} in {'bfloat16' if bf16 else 'float32'}.")
    if wish == "mps" or (wish == "auto" and mps):
        return Device("mps", False, "Runs on the Apple GPU in float32.")
    bf16, threads = _cpu_has_bf16(), torch.get_num_threads()
    reason = "" if wish == "cpu" else ", since no GPU is at hand"
    return Device(
        "cpu", bf16, f"Runs on the CPU with {threads} threads in {'bfloat16' if bf16 else 'float32'}{reason}."
    )


def _cpu_has_bf16() -> bool:
    """Whether bfloat16 products are faster here than float32 ones: only where the CPU has instructions for them."""
    if os.environ.get("FAIRDASH_CPU_BF16") in ("0", "1"):
        return os.environ["FAIRDASH_CPU_BF16"] == "1"
    info = Path("/proc/cpuinfo")
    return info.exists() and "avx512_bf16" in info.read_text(errors="replace")
