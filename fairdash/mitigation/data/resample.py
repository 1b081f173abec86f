"""Resampling: every group of people takes part in training equally often.

A person of group g occurs r_g = (largest group) / (size of g) times in an epoch, so that no history is thrown away and
all groups have the same number of histories. Ekstrand et al. drew equally many men and women; repeating the smaller
group instead of cutting the larger keeps all data at the same balance. A fraction of r_g is made exact over the group:
some of its people, chosen by a hash, occur once more. With several attributes the repeats are fitted in turn until each
attribute is balanced (iterative proportional fitting); choose a crossing to balance the combinations. The repeats
are 1 + strength · (r − 1), at most MAX_REPEATS, so a very small group stays smaller. Unknown groups are not repeated.

Ekstrand, Tian, Azpiazu, Ekstrand, Anuyah, McNeill, Pera: "All the cool kids, how do they fit in?", FAT* 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairdash.hashing import id_hash, mix
from fairdash.mitigation.base import Info, check_groups, check_strength
from fairdash.schema import USER_ID, Groups, TrainingData

INFO = Info(
    key="resample",
    title="Balance the groups in training",
    place="data",
    side="users",
    objective="Repeat the histories of smaller groups until every group occurs equally often in an epoch.",
    paper="Ekstrand et al. 2018, All the cool kids, how do they fit in?",
    needs=("user_groups", "samples"),
    target="ndcg",
    cost="Longer epochs; repeated histories are learned by heart sooner. Lists that follow the majority move, such as "
    "the most popular items; those of a BERT hardly do.",
    answers={
        "gaps.ndcg": "the worse-served group may be the one that training saw least of",
    },
    order=50,
)

MAX_REPEATS = 20
ROUNDS = 100
TOLERANCE = 1e-9


def balanced_repeats(groups: Sequence[Groups], n: int) -> NDArray[np.float64]:
    """How often each user should occur [n], at least once: within each attribute all known groups then weigh alike."""
    repeats = np.ones(n)
    for _ in range(ROUNDS):
        largest = 0.0
        for attribute in groups:
            known = attribute.codes >= 0
            codes = attribute.codes[known]
            total = np.bincount(codes, weights=repeats[known], minlength=len(attribute.names))
            factor = np.divide(total.max(), total, out=np.ones_like(total), where=total > 0)
            repeats[known] *= factor[codes]
            largest = max(largest, float(factor.max() - 1.0))
        if largest < TOLERANCE:
            break
    grouped = np.any([attribute.codes >= 0 for attribute in groups], axis=0)
    repeats[grouped] /= repeats[grouped].min()
    return np.minimum(repeats, MAX_REPEATS)


@dataclass(frozen=True)
class Resample:
    """See the module."""

    info: Info = INFO

    def prepare(self, data: TrainingData, groups: Sequence[Groups], strength: float, seed: int) -> TrainingData:
        """`user_repeats` times the balancing ones."""
        strength = check_strength(self.info, strength)
        check_groups(self.info, groups, data.n_users)
        if strength == 0:
            return data
        wanted = 1.0 + strength * (balanced_repeats(groups, data.n_users) - 1.0)
        order = np.argsort(mix(seed, id_hash(data.users[USER_ID])), kind="stable")
        repeats = np.floor(wanted).astype(np.int32)
        cells = np.unique(np.stack([g.codes for g in groups]), axis=1, return_inverse=True)[1].ravel()
        for cell in range(int(cells.max()) + 1):
            members = order[cells[order] == cell]  # in the order of their hashes, all with the same repeats
            fraction = float(wanted[members[0]] - repeats[members[0]])
            repeats[members[: round(fraction * len(members))]] += 1
        if data.user_repeats is not None:
            repeats = repeats * data.user_repeats
        return data.with_(user_repeats=repeats.astype(np.int32))


METHOD = Resample()
