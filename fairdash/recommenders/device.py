"""Where training and scoring run, chosen once and said in a sentence. Torch is imported where it is asked for alone."""

from __future__ import annotations

import os
import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fairdash import words
from fairdash.errors import ConfigError

if TYPE_CHECKING:
    import torch

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
        import torch

        who = torch.cuda.get_device_name() if self.kind == "cuda" else f"{torch.get_num_threads()} threads"
        return self.kind, self.bf16, who

    @property
    def torch(self) -> torch.device:
        """The same for PyTorch."""
        import torch

        return torch.device(self.kind)

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which a model's forward pass runs."""
        import torch

        return torch.autocast(self.kind, dtype=torch.bfloat16) if self.bf16 else nullcontext()


def choose(wish: str = "auto") -> Device:
    """The device for a wish of "auto", "cpu", "cuda" or "mps".

    Raises ConfigError for another word, or for a device that this machine does not have.
    """
    import torch

    _check(wish)
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if wish == "cuda" and not cuda:
        raise ConfigError("This machine has no CUDA device that PyTorch can use.", "Choose auto or cpu.")
    if wish == "mps" and not mps:
        raise ConfigError("This machine has no Apple GPU that PyTorch can use.", "Choose auto or cpu.")
    if wish == "cuda" or (wish == "auto" and cuda):
        name, bf16 = torch.cuda.get_device_name(), torch.cuda.is_bf16_supported()
        said = words.say("Runs on the GPU {name} in {precision}.", name=name, precision=_precision(bf16))
        return Device("cuda", bf16, said)
    if wish == "mps" or (wish == "auto" and mps):
        return Device("mps", False, words.say("Runs on the Apple GPU in float32."))
    bf16, threads = _cpu_has_bf16(), torch.get_num_threads()
    told = (
        words.later("Runs on the CPU with {threads} in {precision}.")
        if wish == "cpu"
        else words.later("Runs on the CPU with {threads} in {precision}, since no GPU is at hand.")
    )
    return Device("cpu", bf16, words.say(told, threads=words.count(threads, "thread"), precision=_precision(bf16)))


def one_thread() -> None:
    """From now on this process computes each product on the thread that asks for it: where several people are answered
    at once, each by a small product, threads that share one wait for each other longer than they compute."""
    import torch

    torch.set_num_threads(1)


def likely(wish: str = "auto") -> Device:
    """What `choose` will most likely say, from the drivers' files and without PyTorch, for pages that must not wait.

    Raises ConfigError for another word.
    """
    _check(wish)
    cuda = Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()
    mps = platform.system() == "Darwin" and platform.machine() == "arm64"
    if wish == "cuda" or (wish == "auto" and cuda):
        found = words.say("Will run on the GPU.")
        return Device("cuda", True, found if cuda else words.say("Will run on the GPU, though none was found."))
    if wish == "mps" or (wish == "auto" and mps):
        found = words.say("Will run on the Apple GPU in float32.")
        missing = words.say("Will run on the Apple GPU in float32, though none was found.")
        return Device("mps", False, found if mps else missing)
    told = (
        words.later("Will run on the CPU in {precision}.")
        if wish == "cpu"
        else words.later("Will run on the CPU in {precision}, since no GPU was found.")
    )
    bf16 = _cpu_has_bf16()
    return Device("cpu", bf16, words.say(told, precision=_precision(bf16)))


def _check(wish: str) -> None:
    if wish not in CHOICES:
        raise ConfigError(
            words.say("There is no device {wish}.", wish=repr(wish)),
            words.say("Choose one of: {names}.", names=", ".join(CHOICES)),
        )


def _precision(bf16: bool) -> str:
    return "bfloat16" if bf16 else "float32"


def _cpu_has_bf16() -> bool:
    """Whether bfloat16 products are faster here than float32 ones: only where the CPU has instructions for them."""
    if os.environ.get("FAIRDASH_CPU_BF16") in ("0", "1"):
        return os.environ["FAIRDASH_CPU_BF16"] == "1"
    info = Path("/proc/cpuinfo")
    return info.exists() and "avx512_bf16" in info.read_text(errors="replace")
