"""Fairness terms in the loss: a gap between groups is minimised along with the recommender's own loss.

`fair_loss` works with every recommender: the gap of the ranking loss between the groups,

    L_rec + λ · (L_worst − L_best),      λ = strength · p_best

L_worst and L_best are the losses of the groups that are worst and best off over the last batches. With p_best the best
group's share of the samples, its loss never gets a negative weight: at strength 1 it is not trained on as long as it is
ahead, so the gap closes by lifting the worst group and not by pushing down the best.

`fair_loss_value`, `_absolute`, `_under`, `_over` and `_nonparity` are the terms of Yao & Huang 2017, for recommenders
that predict the probability of single pairs. With e(g, j) = mean predicted − mean true label of item j in group g:

    value      mean_j |e(g, j) − e(h, j)|                       absolute   mean_j ||e(g, j)| − |e(h, j)||
    under      mean_j |max(0, −e(g, j)) − max(0, −e(h, j))|     over       mean_j |max(0, e(g, j)) − max(0, e(h, j))|
    nonparity  |mean prediction of g − mean prediction of h|

added λ = LAMBDA · strength times, the mean over pairs of groups, over the items of a batch that both groups have had
so far. The means are kept over the whole training, as a batch holds too few pairs of one item; the gradient goes
through the batch's predictions, weighted as parts of their means.

Yao, Huang: "Beyond parity: fairness objectives for collaborative filtering", NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import torch
from torch import nn

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.mitigation.base import Info, TermBatch
from fairdash.mitigation.training.terms.members import Members, samples_of
from fairdash.recommenders import offering
from fairdash.schema import Groups, TrainingData

LAMBDA = 5.0  # of strength 1, for the terms on predictions
MEMORY = 0.95  # how much of a running group loss is kept from batch to batch
HISTORY = 50.0  # a running mean of predictions counts as at most so many pairs, so that it follows the training


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


def _absolute(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a.abs() - b.abs()).abs()


def _value(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a - b).abs()


def _under(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return ((-a).clamp(min=0) - (-b).clamp(min=0)).abs()


def _over(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a.clamp(min=0) - b.clamp(min=0)).abs()


Distance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class PredictionTerm(nn.Module):
    """A term of Yao & Huang on predicted probabilities.

    error: [cells, items] running mean of prediction − label (of the prediction itself for nonparity) of each group, a
    row for each group of each attribute; count: how many pairs it stands for. nonparity has one column for all items.
    """

    settled = 0.0
    error: torch.Tensor
    count: torch.Tensor

    def __init__(self, groups: Sequence[Groups], n_items: int, distance: Distance | None, strength: float) -> None:
        super().__init__()
        self.strength, self.distance = strength, distance
        self.members = Members(groups)
        columns = 1 if distance is None else n_items
        self.register_buffer("error", torch.zeros(sum(self.members.classes), columns))
        self.register_buffer("count", torch.zeros(sum(self.members.classes), columns))

    def forward(self, batch: TermBatch) -> torch.Tensor:
        """The term's part of the loss for one batch, a scalar; 0 at strength 0."""
        if batch.probability is None or batch.label is None or batch.items is None:
            raise ConfigError(
                "This fairness term compares predicted probabilities, and this recommender predicts none.",
                words.say(
                    "Choose `fair_loss`, which compares ranking losses, or {names}.",
                    names=" or ".join(offering("probabilities")),
                ),
            )
        total = batch.probability.new_zeros(())
        if self.strength == 0:
            return total
        per_item = self.distance is not None
        judged = slice(None) if batch.judged is None else batch.judged
        users, items = batch.users[judged], batch.items[judged]
        items, place = torch.unique(items if per_item else torch.zeros_like(items), return_inverse=True)
        value = batch.probability[judged] - (batch.label[judged] if per_item else 0.0)
        distance = self.distance or _value
        row = 0
        for codes, classes in zip(self.members.of(users), self.members.classes, strict=True):
            known = codes >= 0
            cell = codes[known] * len(items) + place[known]
            zeros = total.new_zeros(classes * len(items))
            live = zeros.index_add(0, cell, torch.ones_like(value[known])).view(classes, -1)
            summed = zeros.index_add(0, cell, value[known]).view(classes, -1)
            before = self.count[row : row + classes, items]
            count = before + live
            mean = (self.error[row : row + classes, items] * before + summed) / count.clamp(min=1e-12)
            with torch.no_grad():
                self.error[row : row + classes, items] = mean.to(self.error.dtype)
                self.count[row : row + classes, items] = count.clamp(max=HISTORY)
            # the value is the running mean's, the gradient as if the batch's pairs alone made it up
            batch_mean = summed / live.clamp(min=1.0)
            mean = mean.detach() + torch.where(live > 0, batch_mean - batch_mean.detach(), 0.0)
            pairs = []
            for a, b in combinations(range(classes), 2):
                both = (count[a] > 0) & (count[b] > 0)
                if both.any():
                    pairs.append(distance(mean[a][both], mean[b][both]).mean())
            if pairs:
                total = total + torch.stack(pairs).mean()
            row += classes
        return total * (LAMBDA * self.strength / len(self.members.classes))


DISTANCES: dict[str, Distance | None] = {
    "fair_loss_value": _value,
    "fair_loss_absolute": _absolute,
    "fair_loss_under": _under,
    "fair_loss_over": _over,
    "fair_loss_nonparity": None,
}


def term(info: Info, data: TrainingData, groups: Sequence[Groups], strength: float, dim: int, seed: int) -> nn.Module:
    """The gap of the recommender's own loss, or the term of Yao & Huang on its predictions that `info` names."""
    if info.key not in DISTANCES:
        return LossGapTerm(groups, samples_of(data), strength)
    return PredictionTerm(groups, data.n_items, DISTANCES[info.key], strength)
