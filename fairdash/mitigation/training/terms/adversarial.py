"""Adversarial training: user vectors from which a critic cannot tell the group.

    min over the recommender, max over the critics:  L_rec − λ · Σ_attributes CE(group, critic(v))

One critic a protected attribute predicts the group from standardised user vectors, each group weighing the same, and
its gradient reaches the user vectors reversed and times λ. The critic is a logistic regression on the vector and on
random rectified features of it, over the newest vectors of all people, and takes CRITIC_STEPS steps of Newton's kind at
every step of the recommender. That keeps it at its optimum: a critic that is trained by gradient steps lags behind, the
recommender overshoots, and the group ends up readable again with the sign turned. λ = LAMBDA · strength, and rises from
0 as in Ganin et al., λ(p) = λ (2 / (1 + e^(−10 p)) − 1), p the share of the training that is done. People of unknown
group take no part; a sample counts as much as in the recommender's loss, so that vectors of short windows, which are
far from those that people get, count little. Strength 0 adds nothing at all.

Ganin, Ustinova, Ajakan et al.: "Domain-adversarial training of neural networks", JMLR 2016; for recommenders, with a
critic per attribute: Li, Chen, Xu, Ge, Zhang: "Towards personalized fairness based on causal notion", SIGIR 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from fairdash.mitigation.base import Info, TermBatch
from fairdash.mitigation.training.terms.members import Bank, Members
from fairdash.schema import Groups, TrainingData

LAMBDA = 4.0  # of strength 1
CRITIC_STEPS = 4
RIDGE = 0.1  # L2 of the critic's weights, beside its mean loss
HIDDEN = 16


class _Reverse(torch.autograd.Function):
    """The identity, whose gradient is reversed."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        return -grads[0]


class Critic(nn.Module):
    """Logits [n, heads] from standardised vectors [n, d]: a head for each group against the rest, one for two groups.

    Logistic regression on the coordinates and on HIDDEN random rectified features of them, so that it reads what is not
    linear, too. `learn` alone changes the weights, which are buffers: the recommender's optimiser must not touch them.
    """

    weights: torch.Tensor
    random: torch.Tensor
    size: torch.Tensor  # each head's group as a share of the people that it was fitted on

    def __init__(self, dim: int, classes: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads = 1 if classes == 2 else classes
        self.register_buffer("random", torch.randn(dim, HIDDEN, generator=generator) / math.sqrt(dim))
        self.register_buffer("weights", torch.zeros(dim + HIDDEN + 1, self.heads))
        self.register_buffer("size", torch.full((self.heads,), 0.5))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """[n, d + HIDDEN + 1], the last one constant."""
        return torch.cat([x, torch.relu(x @ self.random), x.new_ones(len(x), 1)], dim=1)

    def inside(self, label: torch.Tensor) -> torch.Tensor:
        """Who belongs to each head's group: float [n, heads]."""
        own = torch.arange(self.heads, device=label.device) + (self.heads == 1)
        return (label[:, None] == own).float()

    def loss(self, x: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy [n], the mean over heads; group and rest weigh the same by `balance`."""
        logits = self.features(x) @ self.weights
        inside = self.inside(label)
        return (binary_cross_entropy_with_logits(logits, inside, reduction="none") * self.balance(inside)).mean(1)

    @torch.no_grad()
    def learn(self, x: torch.Tensor, label: torch.Tensor, weight: torch.Tensor) -> None:
        """CRITIC_STEPS steps towards the optimum on vectors [n, d], their groups int64 [n] and weights [n].

        Newton steps with the largest curvature that the loss can have (Böhning & Lindsay 1988): none overshoots."""
        features, inside = self.features(x), self.inside(label)
        part = weight[:, None] / weight.sum().clamp(min=1e-12)
        self.size.copy_((inside * part).sum(0).clamp(min=1e-6, max=1 - 1e-6))
        balance = self.balance(inside)
        ridge = RIDGE * torch.eye(features.shape[1], device=x.device)
        for head in range(self.heads):
            weighted = features * balance[:, head, None] * part
            factor = torch.linalg.cholesky(0.25 * weighted.T @ features + ridge)
            weights = self.weights[:, head, None]
            for _ in range(CRITIC_STEPS):
                error = torch.sigmoid(features @ weights) - inside[:, head, None]
                weights = weights - torch.cholesky_solve(weighted.T @ error + ridge @ weights, factor)
            self.weights[:, head] = weights[:, 0]

    def balance(self, inside: torch.Tensor) -> torch.Tensor:
        """Weights [n, heads] under which group and rest weigh alike; their mean over people is 1."""
        return torch.where(inside > 0, 0.5 / self.size, 0.5 / (1 - self.size))


class AdversarialTerm(nn.Module):
    """λ(p) times the critics' loss on the batch, with its gradient reversed."""

    settled = 0.4

    def __init__(self, groups: Sequence[Groups], strength: float, dim: int, seed: int) -> None:
        super().__init__()
        self.strength = strength
        self.members = Members(groups)
        self.bank = Bank(self.members.codes.shape[1], dim)
        generator = torch.Generator().manual_seed(seed)
        self.critics = [Critic(dim, classes, generator) for classes in self.members.classes]
        self.saved = nn.ModuleList(self.critics)

    def forward(self, batch: TermBatch) -> torch.Tensor:
        """The term's part of the loss for one batch, a scalar; 0 at strength 0."""
        if self.strength == 0:
            return batch.vectors.new_zeros(())
        self.bank.add(batch)
        users, vectors, weight = self.bank.filled()
        part = batch.share()
        mean, scale = vectors.mean(0), vectors.std(0, correction=0) + 1e-6
        known_vectors = (vectors - mean) / scale
        live = (_Reverse.apply(batch.vectors) - mean) / scale  # type: ignore[no-untyped-call]
        total = batch.vectors.new_zeros(())
        everybody, here = self.members.of(users), self.members.of(batch.users)
        for critic, group, live_group in zip(self.critics, everybody, here, strict=True):
            known = group >= 0
            if known.any():
                critic.learn(known_vectors[known], group[known], weight[known])
            known = live_group >= 0
            if known.any():
                loss = critic.loss(live[known], live_group[known])
                total = total + (loss * part[known]).sum() / part[known].sum().clamp(min=1e-12)
        warm = 2 / (1 + math.exp(-10 * batch.done)) - 1
        return total * (LAMBDA * self.strength * warm)


def term(
    info: Info, data: TrainingData, groups: Sequence[Groups], strength: float, dim: int, seed: int
) -> AdversarialTerm:
    """The term, with a critic for each attribute."""
    return AdversarialTerm(groups, strength, dim, seed)
