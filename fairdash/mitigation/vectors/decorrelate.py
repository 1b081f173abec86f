"""Decorrelation: user vectors lose what a linear regression on group membership explains.

    v′ = v − strength · Wᵀ (s − s̄),      W = argmin Σ ‖(v − v̄) − Wᵀ (s − s̄)‖²

s holds the group indicators of all attributes. At strength 1 the groups' mean vectors are equal, so that no linear
classifier with a convex loss tells the groups apart on the people that it was fitted on. fairlearn's CorrelationRemover
with alpha = strength. The map needs a person's group; vectors of people of unknown group stay as they are.

Weerts, Dudík, Edgar, Jalali, Lutz, Madaio: "Fairlearn: assessing and improving fairness of AI systems", JMLR 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from fairlearn.preprocessing import CorrelationRemover
from numpy.typing import NDArray

from fairdash.mitigation.base import Info, VectorMap, check_groups, check_strength
from fairdash.schema import Floats, Groups

INFO = Info(
    key="decorrelate",
    title="Remove correlation with the group",
    place="vectors",
    side="users",
    objective="Remove from user vectors what a least-squares regression on group membership explains.",
    paper="Weerts et al. 2023, Fairlearn: assessing and improving fairness of AI systems",
    needs=("user_groups", "vectors"),
    target="divergence",
    cost="The group's shared taste; it must know people's group when it recommends.",
    answers={
        "model.probe_auc": "removes what the group explains by least squares; needs the group when recommending",
    },
    order=20,
)


def indicators(groups: Sequence[Groups]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Membership [n, groups − 1 of each attribute] as 0 and 1 with the first group left out, and who is known [n]."""
    columns = [attribute.codes == code for attribute in groups for code in range(1, len(attribute.names))]
    known = np.all([attribute.codes >= 0 for attribute in groups], axis=0)
    return np.stack(columns, axis=1).astype(np.float64), known


@dataclass(frozen=True)
class Decorrelate:
    """See the module."""

    info: Info = INFO
    asks: ClassVar[bool] = True

    def fit(self, vectors: Floats, groups: Sequence[Groups], strength: float, seed: int) -> VectorMap:
        """Fitted on people whose groups are all known."""
        strength = check_strength(self.info, strength)
        check_groups(self.info, groups, len(vectors))
        member, known = indicators(groups)
        check_groups(self.info, [Groups(g.attribute, g.names, g.codes[known]) for g in groups], int(known.sum()))
        width = member.shape[1]
        remover = CorrelationRemover(sensitive_feature_ids=list(range(width)), alpha=strength)
        remover.fit(np.hstack([member[known], vectors[known].astype(np.float64)]))

        def apply(vectors: Floats, groups: Sequence[Groups]) -> Floats:
            if strength == 0:
                return vectors
            member, known = indicators(groups)
            result = vectors.copy()
            if known.any():
                result[known] = remover.transform(np.hstack([member[known], vectors[known].astype(np.float64)]))
            return result

        return apply


METHOD = Decorrelate()
