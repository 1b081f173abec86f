"""The second task of `bert_sequence`, and how the losses of two tasks are added.

Rating: would this person like that item, should they take it? With h the output behind the history so far, v the item's
vector and b a number of the item's own,

    logit P(like) = ⟨A h, v⟩ + ⟨c, h⟩ + c₀ + b,

learned from every interaction: from what stands before it, whether it was liked. Encoder and item vectors are those of
the first task (Caruana 1997, "Multitask learning").

Shapes: d width, m items, … anything.
"""

from __future__ import annotations

import torch
from torch import nn

from fairdash.recommenders.bert_sequence import SequenceOptions


class LikeHead(nn.Module):
    """P(like) of a person and an item, as a logit."""

    def __init__(self, m: int, d: int) -> None:
        super().__init__()
        self.turn = nn.Linear(d, d, bias=False)
        self.person = nn.Linear(d, 1)
        self.bias = nn.Parameter(torch.zeros(m))
        for layer in (self.turn, self.person):
            nn.init.normal_(layer.weight, std=0.02)

    def forward(self, hidden: torch.Tensor, vectors: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Logits […] of pairs. hidden: […, d]; vectors: [m, d] of all items; items: int64 […]."""
        dot = (self.turn(hidden).float() * vectors[items].float()).sum(-1)
        result: torch.Tensor = dot + self.person(hidden)[..., 0].float() + self.bias[items]
        return result

    def all(self, hidden: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Logits [n, m] of these people [n, d] and all items."""
        return torch.addmm(self.person(hidden) + self.bias, self.turn(hidden), vectors.T)


class Weights(nn.Module):
    """What the losses of the tasks, next first, are multiplied with: 1 and `rating_weight`; or, where that is below 0,
    the weights of Kendall, Gal & Cipolla 2018 ("Multi-task learning using uncertainty to weigh losses"): exp(-s) of a
    learned log variance s, whose half is added, so that no task is given up."""

    def __init__(self, options: SequenceOptions) -> None:
        super().__init__()
        self.fixed = options.rating_weight
        self.log_variance = nn.Parameter(torch.zeros(2)) if options.rating_weight < 0 else None

    def forward(self) -> tuple[torch.Tensor | float, torch.Tensor | float, torch.Tensor | float]:
        """The weight of next, that of rating, and what is added to the loss."""
        if self.log_variance is None:
            return 1.0, self.fixed, 0.0
        of_next, of_rating = torch.exp(-self.log_variance)
        return of_next, of_rating, self.log_variance.sum() / 2

    def values(self) -> tuple[float, float]:
        """The weights of next and of rating as they stand."""
        with torch.no_grad():
            of_next, of_rating, _ = self()
        return float(of_next), float(of_rating)
