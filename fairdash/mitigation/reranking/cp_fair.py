"""Fair to people and to providers at once: small gaps in list quality and in exposure.

Naghiaei, Rahmani & Deldjoo 2022, "CPFair: Personalized Consumer and Producer Fairness Re-ranking for Recommender
Systems" (SIGIR). Lists maximise

    (1 − w) · Q  −  w · (gap of U_g over user groups  +  gap of r_h over item groups),     w = s²,

the paper's Q − λ₁ DCF − λ₂ DPF with λ₁ = λ₂ = w / (1 − w), each gap as a part of what it is in the unmitigated lists
(most of the trade-off lies at small weights, hence the square). Q is the mean list score and U_g a group's mean
expected NDCG, both with discounts d_p = 1 / log2(p + 1), as in `user_parity`. r_h is the exposure of an item group,
Σ d_p over all lists, divided by what its number of items would give it: 1 is equal exposure per item. A gap is the
largest less the smallest value. The paper compares head and tail by popularity, and the 5 % most active people with the
rest; item groups are chosen here (popularity is one choice), and people are compared by activity where no user group is
chosen.

Strength is s. Solved as a linear programme over all users' lists (`programme`), small instances exactly.

Needs item groups, of which at most 50 have candidates. Moves `rsp`, the spread of recommendation rates between them,
and the gap of `ndcg`. Costs accuracy, above all at high strengths, where a gap weighs more than what people like.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fairdash.mitigation.base import Info, RerankInput
from fairdash.mitigation.reranking.method import Reranking, group_of, unit_scores
from fairdash.mitigation.reranking.programme import LEARN, LEAST, Conditions, Numbers, Programme, check_item_groups
from fairdash.mitigation.reranking.utility import expected_gain
from fairdash.schema import Groups

ACTIVE_SHARE = 0.05
NO_GAP = 1e-6

INFO = Info(
    key="cp_fair",
    title="Fair to people and providers (CPFair)",
    place="reranking",
    side="both",
    objective="Maximise (1 − s²) · mean score − s² · (gap of expected NDCG between user groups + gap of exposure per "
    "item between item groups, each over its value before), all discounted by rank; strength is s.",
    paper="Naghiaei, Rahmani & Deldjoo 2022, CPFair: Personalized Consumer and Producer Fairness Re-ranking",
    needs=("item_groups",),
    target="rsp",
    cost="Accuracy, above all at high strengths, where a gap weighs more than what people like.",
    wants=("probabilities",),
    answers={
        "gaps.ndcg": "closes it together with the gap between popular and rare items",
        "items.exposure_ratio": "weighs it against list quality for groups of people",
        "items.rsp": "closes it together with the gap between groups of people",
        "overall.popularity_lift": "moves exposure from head to tail, with an eye on list quality for groups of people",
    },
    order=220,
)


def active_and_other(data: RerankInput) -> Groups:
    """Users by length of history: the 5 % most active, and the rest."""
    length = np.diff(data.history.tocsr().indptr)
    codes = np.ones(len(length), dtype=np.int32)
    codes[np.argsort(-length, kind="stable")[: round(ACTIVE_SHARE * len(length))]] = 0
    return Groups("activity", ("active", "other"), codes)


def _build(data: RerankInput) -> Callable[[float], NDArray[np.intp]]:
    users = data.user_groups or active_and_other(data)
    groups = data.item_groups
    assert groups is not None
    n_blocks = len(users.names) + 1  # the last block holds users of unknown group
    items = data.candidates.items
    item_group = group_of(groups, items)
    check_item_groups(INFO, item_group)
    programme = Programme(
        scores=unit_scores(data.candidates),
        gains=expected_gain(data),
        valid=items >= 0,
        k=data.k,
        user_block=np.where(users.codes >= 0, users.codes, n_blocks - 1).astype(np.intp),
        n_blocks=n_blocks,
        item_group=item_group,
        n_groups=len(groups.names),
        seed=data.seed,
    )
    catalogue = groups.sizes / max(int(groups.sizes.sum()), 1)
    present, stocked = np.flatnonzero(users.sizes > 0), np.flatnonzero(catalogue > 0)
    before = programme.identity
    rates = (before.shown * programme.share[:, None]).sum(axis=0)[stocked] / catalogue[stocked]
    scale = np.array([_spread(before.gain[present]), _spread(rates)])

    def conditions(strength: float) -> Conditions:
        return two_gaps(strength**2, present, n_blocks, catalogue, scale)

    programme.learn(map(conditions, LEARN))

    def positions(strength: float) -> NDArray[np.intp]:
        return programme.best(conditions(strength))

    return positions


def _spread(values: Numbers) -> float:
    """max − min, or 1 where there is no gap that could be a unit."""
    gap = float(np.ptp(values)) if len(values) else 0.0
    return gap if gap > NO_GAP else 1.0


def two_gaps(toll: float, present: NDArray[np.intp], n_blocks: int, catalogue: Numbers, scale: Numbers) -> Conditions:
    """z = (largest U, smallest U, largest r, smallest r), each beyond all groups that have members. toll: w.
    scale: [2] the values of both gaps that count as 1."""
    users, items = np.eye(n_blocks)[present], np.flatnonzero(catalogue > 0)
    rate = np.diag(1 / np.maximum(catalogue, 1e-300))[items]
    u, i = len(users), len(items)
    sides = np.array([1 / scale[0] if u else 0.0, 1 / scale[1] if i else 0.0])
    return Conditions(
        weight=max(1 - toll, LEAST),
        on_utility=np.vstack([users, -users, np.zeros((2 * i, n_blocks))]),
        on_exposure=np.vstack([np.zeros((2 * u, len(catalogue))), rate, -rate]),
        on_free=np.repeat(np.diag([-1.0, 1.0, -1.0, 1.0]), [u, u, i, i], axis=0),
        limit=np.zeros(2 * (u + i)),
        cost=toll * np.repeat(sides, 2) * np.array([1.0, -1.0, 1.0, -1.0]),
        low=np.full(4, -np.inf),
    )


METHOD = Reranking(INFO, _build)
