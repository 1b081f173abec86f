"""Adversarial training: user vectors from which a critic cannot tell the group.

    min over the recommender, max over the critic:  L_rec − λ · Σ_attributes CE(group, critic(v))

One critic a protected attribute (a linear map plus a hidden layer) reads standardised user vectors and is trained to
predict the group, each group weighing the same. Its gradient reaches the user vectors reversed and times λ. Between
two steps of the recommender the critic takes `CRITIC_STEPS` steps of its own over the newest vectors of all people, as
an adversary that lags behind removes little. λ = LAMBDA · strength, and rises from 0 as in Ganin et al.:
λ(p) = λ (2 / (1 + e^(−10 p / WARMUP)) − 1) with p the share of the training that is done. People of unknown group
take no part; strength 0 adds nothing at all.

Ganin, Ustinova, Ajakan et al.: "Domain-adversarial training of neural networks", JMLR 2016; for recommenders, with a
critic per attribute: Li, Chen, Xu, Ge, Zhang: "Towards personalized fairness based on causal notion", SIGIR 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from fairdash.mitigation.base import Info, TermBatch, check_groups, check_strength
from fairdash.mitigation.training.members import Bank, Members
from fairdash.schema import Groups, TrainingData

INFO = Info(
    key="adversarial",
    title="Hide the group from a critic",
    place="training",
    side="users",
    objective="Minimise the recommender's loss and maximise that of a critic that reads the group off user vectors.",
    paper="Ganin et al. 2016, Domain-adversarial training of neural networks",
    needs=("user_groups", "vectors"),
    target="probe_auc",
    cost="Taste that goes with the group; a few per cent of accuracy, and critic steps in training.",
)

LAMBDA = 1.0  # of strength 1
WARMUP = 1.0
CRITIC_STEPS = 4
CRITIC_RATE = 3e-3
CRITIC_DECAY = 1e-3  # L2 of the critic's weights
HIDDEN = 32


class _Reverse(torch.autograd.Function):
    """The identity, whose gradient is reversed."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        return -grads[0]


class Critic(nn.Module):
    """Logits [n, classes] from standardised vectors [n, d]; trained by `learn` alone, with Adam.

    Weights and Adam's moments are buffers: the recommender's optimiser must not touch them, checkpoints must hold them.
    """

    weights: torch.Tensor
    moments: torch.Tensor
    steps: torch.Tensor

    def __init__(self, dim: int, classes: int, generator: torch.Generator) -> None:
        super().__init__()
        self.shapes = ((dim, classes), (classes,), (dim, HIDDEN), (HIDDEN,), (HIDDEN, classes))
        parts = [torch.randn(shape, generator=generator) / math.sqrt(shape[0]) for shape in self.shapes]
        parts[0].zero_(), parts[1].zero_(), parts[3].zero_()
        self.register_buffer("weights", torch.cat([part.flatten() for part in parts]))
        self.register_buffer("moments", torch.zeros(2, len(self.weights)))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
        flat = self.weights if weights is None else weights
        direct, bias, first, first_bias, second = (
            part.view(shape)
            for part, shape in zip(torch.split(flat, [math.prod(s) for s in self.shapes]), self.shapes, strict=True)
        )
        logits: torch.Tensor = x @ direct + bias + torch.relu(x @ first + first_bias) @ second
        return logits

    def learn(self, x: torch.Tensor, label: torch.Tensor, class_weight: torch.Tensor) -> None:
        """One Adam step on vectors [n, d] and their groups int64 [n]."""
        with torch.enable_grad():
            weights = self.weights.detach().clone().requires_grad_()
            loss = cross_entropy(self(x, weights), label, weight=class_weight)
            loss = loss + CRITIC_DECAY * weights.square().sum()
            (gradient,) = torch.autograd.grad(loss, weights)
        self.steps += 1
        self.moments[0].lerp_(gradient, 0.1)
        self.moments[1].lerp_(gradient.square(), 0.01)
        mean = self.moments[0] / (1 - 0.9 ** int(self.steps))
        square = self.moments[1] / (1 - 0.99 ** int(self.steps))
        self.weights -= CRITIC_RATE * mean / (square.sqrt() + 1e-8)


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
        for i, attribute in enumerate(groups):
            sizes = torch.from_numpy(attribute.sizes).float()
            present = (sizes > 0).sum()
            weight = torch.where(sizes > 0, sizes.sum() / (present * sizes.clamp(min=1)), 0.0)
            self.register_buffer(f"balance{i}", weight)

    def forward(self, batch: TermBatch) -> torch.Tensor:
        if self.strength == 0:
            return batch.vectors.new_zeros(())
        self.bank.add(batch.users, batch.vectors)
        users, vectors = self.bank.filled()
        mean, scale = vectors.mean(0), vectors.std(0, correction=0) + 1e-6
        known_vectors = (vectors - mean) / scale
        live = (_Reverse.apply(batch.vectors) - mean) / scale  # type: ignore[no-untyped-call]
        total = batch.vectors.new_zeros(())
        everybody, here = self.members.of(users), self.members.of(batch.users)
        for i, critic in enumerate(self.critics):
            balance = self.get_buffer(f"balance{i}")
            known = everybody[i] >= 0
            if known.any():
                for _ in range(CRITIC_STEPS):
                    critic.learn(known_vectors[known], everybody[i][known], balance)
            known = here[i] >= 0
            if known.any():
                label = here[i][known]
                loss = cross_entropy(critic(live[known]), label, reduction="none")
                total = total + (loss * balance[label]).mean()
        warm = 2 / (1 + math.exp(-10 * batch.done / WARMUP)) - 1
        return total * (LAMBDA * self.strength * warm)


@dataclass(frozen=True)
class Adversarial:
    info: Info = INFO

    def term(
        self, data: TrainingData, groups: Sequence[Groups], strength: float, dim: int, seed: int
    ) -> AdversarialTerm:
        strength = check_strength(self.info, strength)
        check_groups(self.info, groups, data.n_users)
        return AdversarialTerm(groups, strength, dim, seed)


METHOD = Adversarial()
