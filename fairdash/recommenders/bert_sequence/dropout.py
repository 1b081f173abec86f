"""Dropout whose random bits are cheap on a CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Noise:
    """Random bits for dropout on a CPU: PyTorch's own generator there takes 8 ns a number, more than the rest of this
    model together; a numpy generator, seeded from PyTorch's at every step, takes a tenth."""

    def __init__(self) -> None:
        self.generator = np.random.Generator(np.random.SFC64(0))

    def start(self) -> None:
        """Begin a step: its bits are a function of PyTorch's generator, so that a resumed training repeats them."""
        seed = int(torch.randint(2**62, ()).item())
        self.generator = np.random.Generator(np.random.SFC64(seed))

    def keep(self, shape: torch.Size, share: float) -> torch.Tensor:
        """bool of that shape, true with probability `share` (to 1/256)."""
        raw = np.frombuffer(self.generator.bytes(shape.numel()), np.uint8)
        return torch.from_numpy(raw < round(share * 256)).view(shape)


class Dropout(nn.Module):
    """`nn.Dropout` that takes its bits from `noise` on a CPU; p: the share that is dropped (to 1/256)."""

    def __init__(self, p: float, noise: Noise) -> None:
        super().__init__()
        self.share, self.noise = round((1.0 - p) * 256) / 256, noise

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.share == 1.0:
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, 1.0 - self.share)
        return x * self.noise.keep(x.shape, self.share).to(x.dtype).mul_(1.0 / self.share)


def replace_dropout(bert: nn.Module, noise: Noise) -> None:
    """Give a BertModel's hidden states this dropout."""
    for module in list(bert.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout) and name == "dropout" and hasattr(module, "LayerNorm"):
                setattr(module, name, Dropout(child.p, noise))
