"""What pictures, sounds and other vectors of items add to an item's vector in `bert_sequence`.

Each modality is projected to the model's width and let through by a gate of its own, which decides from the same vector
how much of every number is worth adding (gated multimodal units: Arevalo et al. 2017; the gate's form: Dauphin et al.
2017). What is missing adds nothing, so that the item is told by the others:

    part = σ(G x + g) ⊙ P x        (0 of an item without x)

Shapes: m items, w width of the modality, d width of the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from fairdash import arrays
from fairdash.schema import Floats


@dataclass(frozen=True, eq=False)
class Standard:
    """Vectors of the items under a name. vectors: float32 [m, w], standardised, NaN of an item without; mean [w] and
    scale: what further ones are standardised with."""

    name: str
    vectors: Floats
    mean: Floats
    scale: float

    @staticmethod
    def of(name: str, raw: Floats, like: Standard | None = None) -> Standard:
        """From an array [m, …], by its own mean and scale or those of a model that is gone on from."""
        flat = raw.reshape(len(raw), -1)
        there = arrays.told(flat)
        if like is not None:
            mean, scale = like.mean, like.scale
        else:
            mean = flat[there].mean(0) if there.any() else np.zeros(flat.shape[1], np.float32)
            scale = float((flat[there] - mean).std()) if there.any() else 1.0
            scale = scale or 1.0
        return Standard(name, ((flat - mean) / scale).astype(np.float32), mean.astype(np.float32), scale)


class Modality(nn.Module):
    """The part [m, d] of one modality in the items' vectors. values: [m, w], NaN of an item without."""

    values: torch.Tensor
    there: torch.Tensor

    def __init__(self, values: torch.Tensor, d: int) -> None:
        super().__init__()
        there = ~values.isnan().any(1)
        self.register_buffer("values", values.nan_to_num(0.0), persistent=False)
        self.register_buffer("there", there[:, None].float(), persistent=False)
        w = values.shape[1]
        self.project = nn.Linear(w, d, bias=False)
        self.gate = nn.Linear(w, d)
        nn.init.normal_(self.project.weight, std=0.04 / w**0.5)  # half of it passes a gate at first
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self) -> torch.Tensor:
        """[m, d]"""
        part: torch.Tensor = torch.sigmoid(self.gate(self.values)) * self.project(self.values)
        return part * self.there.to(part.dtype)
