"""A fairness term in the loss: the gap of the recommender's own loss between groups is minimised along with it,

    L_rec + λ · (L_worst − L_best),      λ = strength · p_best

L_worst and L_best are the losses of the groups that are worst and best off over the last batches. With p_best the best
group's share of the samples, its loss never gets a negative weight: at strength 1 it is not trained on as long as it is
ahead, so the gap closes by lifting the worst group and not by pushing down the best.

Yao, Huang: "Beyond parity: fairness objectives for collaborative filtering", NeurIPS 2017, adds such a term to the loss
of matrix factorisation. Their own terms compare predicted ratings; `tests/bench/mitigations.py` says why they are not
here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from fairdash.mitigation.base import Info, TermBatch
from fairdash.mitigation.training.terms.members import Members, samples_of
from fairdash.schema import Groups, TrainingData

MEMORY = 0.95  # how much of a running group loss is kept from batch to batch


class LossGapTerm(nn.Module):
    """λ (L_worst − L_best) of the recommender's own loss. running: [attributes, groups] losses of the last batches."""

    settled = 0.0
    shares: torch.Tensor
    running: torch.Tensor
    seen: torch.Tensor

    def __init__(self, groups: Sequence[Groups], sample_weight: np.ndarray, strength: float) -> None:
        super().__init__()
        self.strength = strength
        self.members = Members(groups)
        shape = (len(groups), max(self.members.classes))
        shares = np.zeros(shape)
        for row, attribute in zip(shares, groups, strict=True):
            known = attribute.codes >= 0
            row[:] = np.bincount(attribute.codes[known], weights=sample_weight[known], minlength=shape[1])
        self.register_buffer("shares", torch.from_numpy(shares / max(float(sample_weight.sum()), 1e-12)).float())
        self.register_buffer("running", torch.zeros(shape))
        self.register_buffer("seen", torch.zeros(shape))

    def forward(self, batch: TermBatch) -> torch.Tensor:
        """The term's part of the loss for one batch, a scalar; 0 at strength 0."""
        total = batch.sample_loss.new_zeros(())
        if self.strength == 0:
            return total
        part = batch.share()
        for attribute, code in enumerate(self.members.of(batch.users)):
            known = code >= 0
            zeros = total.new_zeros(self.running.shape[1])
            size = zeros.index_add(0, code[known], part[known])
            loss = zeros.index_add(0, code[known], (part * batch.sample_loss)[known])  # [groups], sums
            with torch.no_grad():
                keep = torch.where(size > 0, MEMORY, 1.0)
                self.running[attribute] = keep * self.running[attribute] + (1 - keep) * loss / size.clamp(min=1e-12)
                self.seen[attribute] = keep * self.seen[attribute] + (1 - keep)
                mean = self.running[attribute] / self.seen[attribute].clamp(min=1e-12)
                met = self.seen[attribute] > 0
                worst = int(torch.where(met, mean, -torch.inf).argmax())
                best = int(torch.where(met, mean, torch.inf).argmin())
            if worst == best:
                continue
            # sums over the batch divided by the groups' shares of all data: unbiased where a group is absent, too
            share = self.shares[attribute]
            gap = loss[worst] / share[worst].clamp(min=1e-12) - loss[best] / share[best].clamp(min=1e-12)
            total = total + self.strength * share[best] * gap
        return total / len(self.members.classes)


def term(info: Info, data: TrainingData, groups: Sequence[Groups], strength: float, dim: int, seed: int) -> LossGapTerm:
    """The gap of the recommender's own loss."""
    return LossGapTerm(groups, samples_of(data), strength)
