"""Exposure of item groups in proportion to their merit, in expectation.

Singh & Joachims 2018, "Fairness of Exposure in Rankings" (KDD). A stochastic ranking policy (a doubly-stochastic matrix
for every user) maximises the expected discounted score under "disparate treatment" constraints: exposure divided by
merit is equal for all item groups. Policies are decomposed into permutations (Birkhoff–von Neumann), and everybody gets
one of them.

At catalogue scale the paper's programme, one for every query, would have users × candidates × places variables. Here
exposure is counted over all users together, as it is in the audit, so that one programme couples users through one
number for each item group; `programme` solves it exactly by mixing a few plans, and that mixture is each user's
decomposition.

Merit of a group is the sum of its items' merits: given ones, or each item's mean candidate score share. Strength s asks
for shares of exposure (1 − s) · before + s · merit share; the exposure of items without a group stays as it is. Shares
that the candidates cannot reach are approached as far as they go.

Needs item groups, of which at most 50 have candidates. Moves `exposure_ratio`. Costs accuracy by the score distance
between the groups' candidates.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fairdash.mitigation.base import Info, RerankInput
from fairdash.mitigation.reranking.method import Reranking, group_of, unit_scores
from fairdash.mitigation.reranking.programme import LEARN, Conditions, Numbers, Programme, check_item_groups

BREACH = 100.0  # cost of exposure off the target, where the candidates allow no better; far above any score

INFO = Info(
    key="exposure_parity",
    title="Exposure in proportion to merit",
    place="reranking",
    side="items",
    objective="Maximise the expected discounted score over stochastic rankings whose exposure per item group is the "
    "group's share of merit; strength s moves the shares from what they were (0) to merit (1).",
    paper="Singh & Joachims 2018, Fairness of Exposure in Rankings",
    needs=("item_groups",),
    target="exposure_ratio",
    cost="Accuracy, by the score distance between the groups' candidates; people get one of several lists by lot.",
    answers={
        "items.exposure_ratio": "sets exposure in proportion to merit at the least loss of score",
    },
    order=210,
)


def merit_shares(data: RerankInput) -> Numbers:
    """Each item group's share of merit [groups], of the items that have a group; equal shares where there is none."""
    assert data.item_groups is not None
    if data.merit is not None:
        merit = np.clip(np.nan_to_num(data.merit, nan=0.0, posinf=0.0, neginf=0.0), 0.0, None)
    else:
        items, scores = data.candidates.items, unit_scores(data.candidates)
        on = items >= 0
        merit = np.bincount(items[on], scores[on], minlength=data.n_items).astype(np.float64)
    known = data.item_groups.codes >= 0
    groups = np.bincount(data.item_groups.codes[known], merit[known], minlength=len(data.item_groups.names))
    return groups / groups.sum() if groups.sum() > 0 else np.full(len(groups), 1 / max(len(groups), 1))


def _build(data: RerankInput) -> Callable[[float], NDArray[np.intp]]:
    programme = programme_of(data)
    before = programme.identity.shown[0]
    merit = merit_shares(data)

    def conditions(strength: float) -> Conditions:
        return shares((1 - strength) * before + strength * merit * before.sum())

    programme.learn(map(conditions, LEARN))

    def positions(strength: float) -> NDArray[np.intp]:
        return programme.share_out(programme.mixture(conditions(strength)))

    return positions


def programme_of(data: RerankInput) -> Programme:
    """The programme over all users at once."""
    assert data.item_groups is not None
    items, scores = data.candidates.items, unit_scores(data.candidates)
    item_group = group_of(data.item_groups, items)
    check_item_groups(INFO, item_group)
    return Programme(
        scores=scores,
        gains=np.zeros_like(scores),
        valid=items >= 0,
        k=data.k,
        user_block=np.zeros(len(items), dtype=np.intp),
        n_blocks=1,
        item_group=item_group,
        n_groups=len(data.item_groups.names),
        seed=data.seed,
    )


def shares(target: Numbers) -> Conditions:
    """E_h = target_h for every item group; z = the distance from it."""
    n = len(target)
    eye = np.eye(n)
    return Conditions(
        weight=1.0,
        on_utility=np.zeros((2 * n, 1)),
        on_exposure=np.vstack([eye, -eye]),
        on_free=np.vstack([-eye, -eye]),
        limit=np.concatenate([target, -target]),
        cost=np.full(n, BREACH),
        low=np.zeros(n),
    )


METHOD = Reranking(INFO, _build)
