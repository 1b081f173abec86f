"""Neutral vectors: the recommender pays for the distance between a user vector and its neutral counterpart.

    L = L_rec + λ · mean over people of ‖v − v′‖₂ / spread,      v′ = v − U Uᵀ (v − m)

U spans the differences of the groups' mean vectors from the mean m of all (groups − 1 directions), so v′ is v with the
groups' directions rotated away: what `divergence` measures by projection. Means and spread (mean ‖v − m‖) come from the
newest vectors of all people and carry no gradient; dividing by the spread keeps the penalty from shrinking all vectors.
λ = LAMBDA · strength, in full after a warm-up of the first tenth of the training. People of unknown group take no part.

The neutralising step is that of Bolukbasi, Chang, Zou, Saligrama, Kalai: "Man is to computer programmer as woman is to
homemaker? Debiasing word embeddings", NeurIPS 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from fairdash.mitigation.base import Info, TermBatch, check_groups, check_strength
from fairdash.mitigation.training.members import Bank, Members
from fairdash.schema import Groups, TrainingData

INFO = Info(
    key="neutral",
    title="Pull user vectors to neutral ones",
    place="training",
    side="users",
    objective="Minimise the recommender's loss plus the distance of user vectors from those without group directions.",
    paper="Bolukbasi et al. 2016, Man is to computer programmer as woman is to homemaker?",
    needs=("user_groups", "vectors"),
    target="divergence",
    cost="Taste that goes with the group; little accuracy, since few directions are given up.",
)

LAMBDA = 1.0  # of strength 1
WARMUP = 0.1


class NeutralTerm(nn.Module):
    """λ times the mean relative distance of the batch's vectors from their neutral ones."""

    settled = 0.3

    def __init__(self, groups: Sequence[Groups], strength: float, dim: int) -> None:
        super().__init__()
        self.strength = strength
        self.members = Members(groups)
        self.bank = Bank(self.members.codes.shape[1], dim)

    def forward(self, batch: TermBatch) -> torch.Tensor:
        if self.strength == 0:
            return batch.vectors.new_zeros(())
        self.bank.add(batch.users, batch.vectors)
        users, vectors = self.bank.filled()
        everybody, here = self.members.of(users), self.members.of(batch.users)
        total = batch.vectors.new_zeros(())
        for attribute in range(len(here)):
            known, live = everybody[attribute] >= 0, here[attribute] >= 0
            if not known.any() or not live.any():
                continue
            centre, basis = directions(vectors[known], everybody[attribute][known])
            spread = (vectors[known] - centre).norm(dim=1).mean() + 1e-6
            along = (batch.vectors[live] - centre) @ basis.T  # ‖v − v′‖ is the length of this part
            total = total + (along.square().sum(1) + 1e-12).sqrt().mean() / spread
        return total * (LAMBDA * self.strength * min(1.0, batch.done / WARMUP))


@torch.no_grad()
def directions(vectors: torch.Tensor, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean [d] of all vectors [n, d] and an orthonormal basis [r, d] of the group means' differences from it."""
    centre = vectors.mean(0)
    means = torch.stack([vectors[codes == code].mean(0) for code in torch.unique(codes)])
    _, size, basis = torch.linalg.svd(means - centre, full_matrices=False)
    return centre, basis[size > 1e-6 * (vectors - centre).abs().max().clamp(min=1e-12)]


@dataclass(frozen=True)
class Neutral:
    info: Info = INFO

    def term(self, data: TrainingData, groups: Sequence[Groups], strength: float, dim: int, seed: int) -> NeutralTerm:
        strength = check_strength(self.info, strength)
        check_groups(self.info, groups, data.n_users)
        return NeutralTerm(groups, strength, dim)


METHOD = Neutral()
