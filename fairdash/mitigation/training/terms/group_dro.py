"""Group DRO: train for the group that fares worst.

    min over the recommender, max over q:  Σ_g q_g L_g,   q_g ← q_g exp(η L_g) / Σ,   η = ETA / training steps

L_g is the mean loss of group g's samples. q starts at the groups' own shares p, so that at first nothing changes, and
each step moves it towards the groups with the larger loss. The term turns the recommender's mean loss L into
(1 − strength) L + strength Σ q_g L_g: sample i of group g counts q_g / p_g times. People of unknown group count once.
Several attributes: the mean of their terms. A group that is absent from a batch keeps its q up to the normalisation.

Sagawa, Koh, Hashimoto, Liang: "Distributionally robust neural networks for group shifts", ICLR 2020 (algorithm 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from fairdash.mitigation.base import Info, TermBatch
from fairdash.mitigation.training.terms.members import Members, samples_of
from fairdash.schema import Groups, TrainingData

ETA = 100.0  # the paper's 0.01 a step over its ten thousand steps; short trainings move the weights as far


class GroupDroTerm(nn.Module):
    """strength × (Σ q_g L_g − L). log_weights: [attributes, largest number of groups], log q."""

    settled = 0.0
    log_weights: torch.Tensor
    shares: torch.Tensor
    done: torch.Tensor  # where the training stood at the last batch
    last: torch.Tensor  # [attributes, groups] mean loss when the group was last met; NaN before

    def __init__(self, groups: Sequence[Groups], sample_weight: np.ndarray, strength: float) -> None:
        super().__init__()
        self.strength = strength
        self.members = Members(groups)
        self.register_buffer("done", torch.zeros(()))
        shares = np.zeros((len(groups), max(self.members.classes)))
        for row, attribute in zip(shares, groups, strict=True):
            known = attribute.codes >= 0
            counts = np.bincount(attribute.codes[known], weights=sample_weight[known], minlength=len(row))
            row[:] = counts / max(counts.sum(), 1e-12)
        self.register_buffer("shares", torch.from_numpy(shares).float())
        self.register_buffer("last", torch.full_like(self.shares, torch.nan))
        self.register_buffer("log_weights", self.shares.log())  # −∞ for groups without samples: they stay at 0

    def forward(self, batch: TermBatch) -> torch.Tensor:
        """The term's part of the loss for one batch, a scalar; 0 at strength 0."""
        if self.strength == 0:
            return batch.sample_loss.new_zeros(())
        part = batch.share()
        loss = batch.sample_loss
        codes = self.members.of(batch.users)
        total = loss.new_zeros(())
        eta = ETA * (batch.done - self.done).clamp(min=0.0)
        self.done.fill_(batch.done)
        for attribute, code in enumerate(codes):
            known = code >= 0
            group = code[known]
            size = loss.new_zeros(self.shares.shape[1]).index_add(0, group, part[known])
            summed = loss.new_zeros(self.shares.shape[1]).index_add(0, group, (part * loss.detach())[known])
            if self.training:
                # algorithm 1 draws every group equally often; here a small one is absent from many batches, and would
                # lose its weight to those that are present however large its loss is
                whole = summed.sum() / size.sum().clamp(min=1e-12)
                last = torch.where(size > 0, summed / size.clamp(min=1e-12), self.last[attribute])
                self.last[attribute] = last
                moved = self.log_weights[attribute] + eta * torch.where(last.isnan(), whole, last)
                self.log_weights[attribute] = moved - torch.logsumexp(moved, 0)
            ratio = self.log_weights[attribute].exp() / self.shares[attribute].clamp(min=1e-12)
            total = total + ((ratio[group] - 1) * part[known] * loss[known]).sum()
        return self.strength * total / len(codes)


def term(
    info: Info, data: TrainingData, groups: Sequence[Groups], strength: float, dim: int, seed: int
) -> GroupDroTerm:
    """The term, with weights for each attribute's groups."""
    return GroupDroTerm(groups, samples_of(data), strength)
