"""What the training terms share: who belongs to which group, and the newest vector of many people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from fairdash.mitigation.base import TermBatch
from fairdash.schema import Groups, TrainingData

MAX_PEOPLE = 8192  # vectors kept at once; with more people each place holds one of several, the last seen


class Members(nn.Module):
    """codes: int64 [attributes, n_users], group of each user, -1 for `(unknown)`; classes: groups of each attribute."""

    codes: torch.Tensor

    def __init__(self, groups: Sequence[Groups]) -> None:
        super().__init__()
        self.register_buffer("codes", torch.from_numpy(np.stack([g.codes for g in groups]).astype(np.int64)))
        self.classes = tuple(len(g.names) for g in groups)

    def of(self, users: torch.Tensor) -> torch.Tensor:
        """Group codes [attributes, len(users)]."""
        return self.codes[:, users]


class Bank(nn.Module):
    """The newest vector of every user, so that a term can look at all people and not at one batch alone.

    vectors: [places, d]; users: int64 [places], whose it is, -1 while a place is empty; weight: [places], how much the
    sample that it came from weighed: in a window of few items a vector is far from what it is when all are known.
    """

    vectors: torch.Tensor
    users: torch.Tensor
    weight: torch.Tensor

    def __init__(self, n_users: int, dim: int) -> None:
        super().__init__()
        places = min(n_users, MAX_PEOPLE)
        self.register_buffer("vectors", torch.zeros(places, dim))
        self.register_buffer("users", torch.full((places,), -1, dtype=torch.int64))
        self.register_buffer("weight", torch.zeros(places))

    @torch.no_grad()
    def add(self, batch: TermBatch) -> None:
        """Keep the vectors of a batch; of several for one place the one that stands last."""
        users, vectors = batch.users, batch.vectors
        place = users % len(self.users)
        last = torch.full_like(self.users, -1)
        last.scatter_reduce_(0, place, torch.arange(len(users), device=users.device), "amax")
        filled = (last >= 0).nonzero()[:, 0]
        self.vectors[filled] = vectors[last[filled]].detach().to(self.vectors.dtype)
        self.users[filled] = users[last[filled]]
        weight = torch.ones_like(batch.sample_loss) if batch.weight is None else batch.weight
        self.weight[filled] = weight[last[filled]].detach().to(self.weight.dtype)

    def filled(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Users [m], their vectors [m, d] and weights [m]."""
        known = self.users >= 0
        return self.users[known], self.vectors[known], self.weight[known]


def samples_of(data: TrainingData) -> np.ndarray:
    """How much each user weighs in the training [n_users]: interactions times their weights and repeats."""
    weight = np.ones(len(data.train)) if data.row_weight is None else data.row_weight.astype(np.float64)
    total = np.bincount(data.train.user, weights=weight, minlength=data.n_users)
    return total if data.user_repeats is None else total * data.user_repeats
