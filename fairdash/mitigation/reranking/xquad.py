"""Popular and less popular items in the proportion that each person is used to, greedily.

Abdollahpouri, Burke & Mobasher 2019, "Managing Popularity Bias in Recommender Systems with Personalized Re-ranking"
(FLAIRS), after xQuAD (Santos et al. 2010). Each place of a list takes the item v that maximises

    (1 − λ) · s(v)  +  λ · Σ_d P(d|u) · 1[v ∈ d] · rest(d, S),

over item groups d (head and tail by popularity, or the chosen item groups). P(d|u) is the group's share of the
user's history (of everybody's history for a user without one), S the list so far. Smooth: rest = 1 − the share of S
that belongs to d. Binary: rest = 1 until the list has one item of d, then 0. s is the per-user min–max score.
Strength is λ; at 1 only coverage counts and scores break ties.

Needs histories and popularity. Moves `popularity_lift`, and `aplt`, the share of tail items. Costs accuracy, as tail
items are wanted by few.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash.item_classes import head_and_tail
from fairdash.mitigation.base import Info, RerankInput
from fairdash.mitigation.reranking.method import Reranking, blocks, greedy, group_of, unit_scores
from fairdash.schema import Floats

INFO = Info(
    key="xquad",
    title="Popular and rare in proportion",
    place="reranking",
    side="items",
    objective="Maximise (1 − λ) · score + λ · the user's own share of the item's popularity group that the list does "
    "not cover yet, greedily, item by item; strength is λ.",
    paper="Abdollahpouri, Burke & Mobasher 2019, Managing Popularity Bias with Personalized Re-ranking",
    needs=(),
    target="popularity_lift",
    cost="Accuracy, since each rare item is wanted by few; little for people who already like rare items.",
    answers={
        "gaps.popularity_lift": "gives each person the share of rare items of the own history",
        "overall.popularity_lift": "gives each person the share of rare items of the own history",
        "catalogue.coverage": "lets rare items in for those who like them",
    },
    order=60,
)


def _build(data: RerankInput, *, smooth: bool) -> Callable[[float], NDArray[np.intp]]:
    items, scores = data.candidates.items, unit_scores(data.candidates)
    groups = data.item_groups or head_and_tail(data.popularity, data.item_ids)
    n_groups = len(groups.names)
    known = np.flatnonzero(groups.codes >= 0)
    member = sparse.csr_array(
        (np.ones(len(known), np.float32), (known, groups.codes[known])), shape=(data.n_items, n_groups)
    )
    wanted = np.asarray((data.history.astype(np.float32) @ member).todense(), dtype=np.float32)
    total = wanted.sum(axis=1, keepdims=True)
    everybody = wanted.sum(axis=0) / max(float(total.sum()), 1.0)
    wanted = np.divide(wanted, total, out=np.tile(everybody, (len(wanted), 1)), where=total > 0).astype(np.float32)

    def block(part: slice, strength: float) -> NDArray[np.intp]:
        mine = items[part]
        rows = np.arange(len(mine))
        group = group_of(groups, mine)
        flat = group + 1 + (rows * (n_groups + 1))[:, None]  # column 0 of a table holds the items without a group
        base = np.float32(1 - strength) * scores[part]
        counts = np.zeros((len(mine), n_groups), dtype=np.float32)
        table = np.zeros((len(mine), n_groups + 1), dtype=np.float32)

        def gain(place: int, picked: NDArray[np.intp] | None) -> Floats:
            if picked is not None:
                of = group[rows, np.maximum(picked, 0)]
                on = (picked >= 0) & (of >= 0)
                counts[rows[on], of[on]] += 1
            rest = 1 - counts / max(place, 1) if smooth else (counts == 0).astype(np.float32)
            table[:, 1:] = np.float32(strength) * wanted[part] * rest
            return np.asarray(base + table.ravel()[flat], dtype=np.float32)

        return greedy(mine >= 0, data.k, gain)

    def positions(strength: float) -> NDArray[np.intp]:
        return np.concatenate([block(part, strength) for part in blocks(*items.shape)])

    return positions


METHOD = Reranking(INFO, partial(_build, smooth=True))
BINARY = Reranking(INFO, partial(_build, smooth=False))
