"""Reweighing: training interactions get weights under which the group tells nothing about the label.

    w(g, c) = P(g) · P(c) / P(g, c)

over training interactions of people of known group: combinations that occur less often than they would by chance count
more. The label c is, for `reweigh`, whether the interaction was liked (rating ≥ relevance threshold); where the data
has no such label, and for `reweigh_category`, it is the item's category (an item of several takes their mean weight).
With several attributes the weights are fitted in turn until each group is independent of the label (iterative
proportional fitting); choose a crossing to have it for the combinations. The trained-on weight is
1 + strength · (w − 1); people of unknown group keep 1. The mean weight is 1.

Kamiran, Calders: "Data preprocessing techniques for classification without discrimination", KAIS 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.mitigation.base import Info, check_groups, check_strength
from fairdash.schema import Groups, TrainingData

INFO = Info(
    key="reweigh",
    title="Reweigh by group and label",
    place="data",
    side="users",
    objective="Weights on training interactions under which being liked does not depend on the group.",
    paper="Kamiran & Calders 2012, Data preprocessing techniques for classification without discrimination",
    needs=("user_groups", "samples"),
    target="nonparity_unfairness",
    cost="Nothing in training time; true differences in rating between groups are trained away.",
    answers={
        "model.value_unfairness": "weights under which being liked does not depend on the group",
        "model.absolute_unfairness": "weights under which being liked does not depend on the group",
        "model.underestimation_unfairness": "weights under which being liked does not depend on the group",
        "model.overestimation_unfairness": "weights under which being liked does not depend on the group",
        "model.nonparity_unfairness": "weights under which being liked does not depend on the group",
    },
    order=30,
)

CATEGORY_INFO = Info(
    key="reweigh_category",
    title="Reweigh by group and category",
    place="data",
    side="users",
    objective="Weights on training interactions under which an item's category does not depend on the group.",
    paper="Kamiran & Calders 2012, Data preprocessing techniques for classification without discrimination",
    needs=("user_groups", "categories", "samples"),
    target="category_divergence",
    cost="Nothing in training time; true differences in taste between groups are trained away.",
    answers={
        "gaps.category_divergence": "takes the association of group and category out of the training data",
        "gaps.demographic_parity_difference": "takes the association of group and category out of the training data",
    },
    order=40,
)

ROUNDS = 100
TOLERANCE = 1e-9  # largest relative correction at which the fitting stops


def independent_weights(
    groups: Sequence[NDArray[np.integer]], labels: sparse.csr_array, start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights [rows] under which each of the groups is independent of the label.

    groups: codes [rows] for each attribute, -1 unknown. labels: shares [rows, labels], each row adds up to 1.
    start: weights [rows] that the probabilities are taken under and that the result is relative to.
    """
    result = np.ones(labels.shape[0])
    fixed = []
    for codes in groups:
        known = np.flatnonzero(codes >= 0)
        shape = (int(codes.max(initial=0)) + 1, len(codes))
        member = sparse.csr_array((start[known], (codes[known], known)), shape=shape)
        table = (member @ labels).toarray()  # [groups, labels], as the data has it
        wanted = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / max(table.sum(), 1e-300)
        fixed.append((known, codes[known], member, wanted))
    for _ in range(ROUNDS):
        largest = 0.0
        for known, group, member, wanted in fixed:
            now = (member @ (sparse.diags_array(result) @ labels)).toarray()
            factor = np.divide(wanted, now, out=np.ones_like(now), where=now > 0)
            largest = max(largest, float(np.abs(factor - 1)[now > 0].max(initial=0.0)))
            result[known] *= np.asarray((labels[known] * factor[group]).sum(axis=1)).ravel()
        if largest < TOLERANCE:
            break
    return result


def liked_labels(data: TrainingData) -> sparse.csr_array | None:
    """Shares [rows, 2] of "not liked", "liked" of each training interaction; None where all are the same."""
    if data.relevance_threshold is None:
        return None
    liked = data.train.rating >= data.relevance_threshold
    if liked.all() or not liked.any():
        return None
    rows = np.arange(len(liked))
    return sparse.csr_array((np.ones(len(liked)), (rows, liked.astype(np.int32))), shape=(len(liked), 2))


def category_labels(info: Info, data: TrainingData) -> sparse.csr_array:
    """Category shares [rows, categories] of each training interaction. Raises ConfigError where there is one alone."""
    categories = data.categories
    if len(categories.names) < 2:
        raise ConfigError(
            words.say(
                "{key}: the items have no categories, and the interactions no ratings to tell liked ones by.",
                key=info.key,
            ),
            "Bring items with a categories column, or ratings, or choose `resample`.",
        )
    return categories.shares[data.train.item]


@dataclass(frozen=True)
class Reweigh:
    """info says by which label: `INFO` liked where the data tells, `CATEGORY_INFO` category."""

    info: Info = INFO

    def prepare(self, data: TrainingData, groups: Sequence[Groups], strength: float, seed: int) -> TrainingData:
        """`row_weight` times the interpolated weights."""
        strength = check_strength(self.info, strength)
        check_groups(self.info, groups, data.n_users)
        labels = liked_labels(data) if self.info is INFO else None
        if labels is None:
            labels = category_labels(self.info, data)
        if strength == 0:
            return data
        before = np.ones(len(data.train)) if data.row_weight is None else data.row_weight.astype(np.float64)
        weight = independent_weights([g.codes[data.train.user] for g in groups], labels, before)
        return data.with_(row_weight=(before * (1.0 + strength * (weight - 1.0))).astype(np.float32))


METHOD, CATEGORY_METHOD = Reweigh(), Reweigh(CATEGORY_INFO)
METHODS = (METHOD, CATEGORY_METHOD)
