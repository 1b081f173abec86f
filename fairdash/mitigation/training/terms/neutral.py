"""Neutral vectors: the recommender pays for the distance between a user vector and its neutral counterpart.

    L = L_rec + λ · mean over people of ‖v − v′‖₂ / spread,      v′ = m + s (v − m_g) / s_g

v′ is v standardised within its group and given the mean m and the pooled deviation s of all people, coordinate by
coordinate: the vector that the person would have if the group were like all others (what `divergence` measures by
standardising; it is 0 when the groups are distributed alike). v is pulled to v′ and not v′ to v: v′, the statistics,
which come from the newest vectors of all people, and the spread (mean ‖v − m‖) carry no gradient. The neutral vector by
projection would be the other choice, but its distance does not vanish when the groups are alike, so that as a penalty
it goes on to squeeze whatever direction chance makes the groups differ in. λ = LAMBDA · strength, in full after a
warm-up of the first tenth of the training. People of unknown group take no part; strength 0 adds nothing at all.

The neutralising step for word vectors is that of Bolukbasi, Chang, Zou, Saligrama, Kalai: "Man is to computer
programmer as woman is to homemaker? Debiasing word embeddings", NeurIPS 2016.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from fairdash.mitigation.base import Info, TermBatch
from fairdash.mitigation.training.terms.members import Bank, Members
from fairdash.schema import Groups, TrainingData

LAMBDA = 3.0  # of strength 1
WARMUP = 0.1
TINY = 1e-6


class NeutralTerm(nn.Module):
    """λ times the mean relative distance of the batch's vectors from their neutral ones."""

    settled = 0.3

    def __init__(self, groups: Sequence[Groups], strength: float, dim: int) -> None:
        super().__init__()
        self.strength = strength
        self.members = Members(groups)
        self.bank = Bank(self.members.codes.shape[1], dim)

    def forward(self, batch: TermBatch) -> torch.Tensor:
        """The term's part of the loss for one batch, a scalar; 0 at strength 0."""
        total = batch.vectors.new_zeros(())
        if self.strength == 0:
            return total
        self.bank.add(batch)
        users, vectors, _ = self.bank.filled()
        for group, live in zip(self.members.of(users), self.members.of(batch.users), strict=True):
            here = live >= 0
            if not here.any():
                continue
            some = vectors[group >= 0]
            target = neutral_vectors(batch.vectors[here].detach(), live[here], some, group[group >= 0])
            spread = (some - some.mean(0)).norm(dim=1).mean()
            total = total + (batch.vectors[here] - target).norm(dim=1).mean() / (spread + TINY)
        return total * (LAMBDA * self.strength * min(1.0, batch.done / WARMUP))


@torch.no_grad()
def neutral_vectors(
    vectors: torch.Tensor, codes: torch.Tensor, people: torch.Tensor, people_codes: torch.Tensor
) -> torch.Tensor:
    """Neutral counterparts [b, d] of vectors [b, d] of the groups `codes` [b], by the statistics of all people [n, d].

    A coordinate that is constant in a group becomes the common mean there."""
    means, deviations = torch.zeros_like(vectors), torch.zeros_like(vectors)
    pooled = torch.zeros_like(people[0])
    for code in torch.unique(people_codes):
        members = people[people_codes == code]
        variance = members.var(0, correction=0)
        pooled += variance * (len(members) / len(people))
        means[codes == code] = members.mean(0)
        deviations[codes == code] = variance.sqrt()
    ratio = torch.where(deviations > TINY, pooled.sqrt() / deviations.clamp(min=TINY), 0.0)
    return people.mean(0) + (vectors - means) * ratio


def term(info: Info, data: TrainingData, groups: Sequence[Groups], strength: float, dim: int, seed: int) -> NeutralTerm:
    """The term, with a bank of the newest vectors."""
    return NeutralTerm(groups, strength, dim)
