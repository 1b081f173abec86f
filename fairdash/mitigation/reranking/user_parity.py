"""Groups of people get lists of equal quality, up to a bound.

Li et al. 2021, "User-oriented Fairness in Recommendation" (WWW). Lists maximise the mean score of all users,

    Q = (1/n) Σ_u Σ_p d_p s(u, i_p) / Σ_p d_p      under      max_g U_g − min_g U_g ≤ ε,

where U_g is the mean, over the users of a group, of a list's expected NDCG, Σ_p d_p · gain(u, i_p) / Σ_p d_p, with
discounts d_p = 1 / log2(p + 1). The paper takes utility from labels, which in its public code are the test labels; here
`gain` is `expected_gain`: from scores and validation likes, never from test. s is the per-user min–max score.

Strength s sets ε = (1 − s) · (the gap of the unmitigated lists). Solved as a linear programme over all users' lists
(`programme`); small instances exactly.

Needs user groups, two of them with members; validation likes make the gap that it sees the real one. Moves the gap of
`ndcg`. Costs accuracy of the group that is better off: a re-ranker knows nothing that the scores do not, so it can
hardly raise the other one. Users of unknown group keep their lists.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fairdash.mitigation.base import Info, RerankInput
from fairdash.mitigation.reranking.method import Reranking, unit_scores
from fairdash.mitigation.reranking.programme import LEARN, Conditions, Programme
from fairdash.mitigation.reranking.utility import expected_gain

# cost of a gap beyond the bound, where the candidates allow no smaller one: as scores are at most 1, no better list is
# worth more than 1e-4 of it; at 1e3, small instances do trade as much as 2e-4
BREACH = 1e4

INFO = Info(
    key="user_parity",
    title="Equal list quality for groups of people",
    place="reranking",
    side="users",
    objective="Maximise the mean score of all lists under a bound on the gap between user groups in expected NDCG; "
    "strength s sets the bound to (1 − s) times the gap before.",
    paper="Li et al. 2021, User-oriented Fairness in Recommendation",
    needs=("user_groups",),
    target="ndcg",
    cost="Accuracy of the better-served group; the others gain little, since scores hold no more than they hold.",
    wants=("probabilities",),
    answers={
        "gaps.ndcg": "bounds exactly this gap, without a new training; it mostly takes from the better-served",
    },
    order=180,
)


def _build(data: RerankInput) -> Callable[[float], NDArray[np.intp]]:
    assert data.user_groups is not None
    n_groups = len(data.user_groups.names)
    # the last block holds users of unknown group: no condition speaks of it
    block = np.where(data.user_groups.codes >= 0, data.user_groups.codes, n_groups).astype(np.intp)
    items = data.candidates.items
    programme = Programme(
        scores=unit_scores(data.candidates),
        gains=expected_gain(data),
        valid=items >= 0,
        k=data.k,
        user_block=block,
        n_blocks=n_groups + 1,
        item_group=np.full(items.shape, -1, dtype=np.int32),
        n_groups=0,
        seed=data.seed,
    )
    present = np.flatnonzero(data.user_groups.sizes > 0)
    before = programme.identity.gain[present]
    gap = float(before.max() - before.min()) if len(present) else 0.0

    def conditions(strength: float) -> Conditions:
        return bounded_gap(present, n_groups + 1, (1 - strength) * gap)

    programme.learn(map(conditions, LEARN))

    def positions(strength: float) -> NDArray[np.intp]:
        return programme.best(conditions(strength))

    return positions


def bounded_gap(present: NDArray[np.intp], n_blocks: int, bound: float) -> Conditions:
    """low ≤ U_g ≤ low + bound for all groups with members; z = (low, breach)."""
    pick = np.eye(n_blocks)[present]
    ones = np.ones((len(present), 1))
    return Conditions(
        weight=1.0,
        on_utility=np.vstack([pick, -pick]),
        on_exposure=np.zeros((2 * len(present), 0)),
        on_free=np.vstack([np.hstack([-ones, -ones]), np.hstack([ones, -ones])]),
        limit=np.concatenate([np.full(len(present), bound), np.zeros(len(present))]),
        cost=np.array([0.0, BREACH]),
        low=np.array([-np.inf, 0.0]),
    )


METHOD = Reranking(INFO, _build)
