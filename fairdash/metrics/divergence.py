"""How far user vectors stand from neutral ones: `divergence` = (1/N) Σ ‖v − v′‖₂, 0 … ∞, lower is fairer.

Two neutral constructions, both over the people of known group; others are left out of N.

`project_out`: the directions in which the groups' mean vectors differ are removed, v′ = v − U Uᵀ (v − m), where U spans
the differences of the group means from the mean m of all (at most groups − 1 directions). The means of all groups are
then equal, which is exactly when no linear classifier with a convex loss can beat a constant (Belrose et al. 2023,
LEACE), so iterating as INLP does (Ravfogel et al. 2020) is not needed. Differences are measured from m, so that a
component that everybody shares does not count as distance.

`standardise`: each coordinate is standardised within the group and given the common mean and the pooled
within-group deviation back, v′ = m + s (v − m_g) / s_g. Groups that are distributed alike have divergence 0.

The first removes the whole component along U, however small the groups' difference is, so it is above 0 for any
grouping; its floor (mean under shuffled labels, `metrics.floor`) is what to read it against, and `p_value` compares the
two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash.schema import Codes, Groups

Array = NDArray[np.float64]

TINY = 1e-12  # a singular value or a deviation below this part of the largest is none


@dataclass(frozen=True, eq=False)
class Divergence:
    """value: mean distance; NaN with a reason. relative: value over the mean distance of v from the mean vector.

    distances: of each user [n], NaN where the group is unknown. by_group: mean distance of each group's people.
    replicates: the mean under each bootstrap weight [b], neutral vectors as they are. shuffled: the mean under
    shuffled labels [p]; p_value: NaN when none were shuffled.
    """

    value: float
    relative: float
    distances: Array
    by_group: dict[str, float]
    replicates: Array
    shuffled: Array
    p_value: float
    reason: str = ""


def project_out(vectors: Array, codes: Codes) -> Array:
    """Neutral vectors [n, d]: what separates the group means is removed. codes: 0… of known groups, all present."""
    centre = vectors.mean(axis=0)
    means = np.stack([vectors[codes == code].mean(axis=0) for code in range(int(codes.max()) + 1)])
    _, size, directions = np.linalg.svd(means - centre, full_matrices=False)
    scale = np.abs(vectors - centre).max(initial=0.0)
    basis = directions[size > TINY * max(scale, TINY)]
    neutral: Array = vectors - ((vectors - centre) @ basis.T) @ basis
    return neutral


def standardise(vectors: Array, codes: Codes) -> Array:
    """Neutral vectors [n, d]: every group gets the common mean and the pooled deviation in every coordinate.

    A coordinate that is constant in a group becomes the common mean there."""
    neutral = np.empty_like(vectors)
    members = [codes == code for code in range(int(codes.max()) + 1)]
    means = [vectors[rows].mean(axis=0) for rows in members]
    variances = [vectors[rows].var(axis=0) for rows in members]
    pooled = np.sqrt(sum(v * rows.sum() for v, rows in zip(variances, members, strict=True)) / len(vectors))
    for rows, mean, variance in zip(members, means, variances, strict=True):
        deviation = np.sqrt(variance)
        ratio = np.divide(pooled, deviation, out=np.zeros_like(pooled), where=deviation > TINY * (1 + np.abs(mean)))
        neutral[rows] = vectors.mean(axis=0) + (vectors[rows] - mean) * ratio
    return neutral


NEUTRAL: Mapping[str, Callable[[Array, Codes], Array]] = {"project": project_out, "standardise": standardise}


def divergence(
    vectors: NDArray[Any],
    groups: Groups,
    neutral: str = "project",
    *,
    min_size: int = 2,
    weights: NDArray[Any] | None = None,
    shuffles: NDArray[Any] | None = None,
) -> Divergence:
    """vectors: [n, d] in the order of `groups`; neutral: a key of NEUTRAL.

    Groups with fewer than `min_size` people are left out, as are people of unknown group. weights: bootstrap [n, b];
    shuffles: shuffled group codes [n, p], those of the left-out people as they were.
    """
    whole = np.asarray(vectors, dtype=np.float64)
    kept = np.flatnonzero(groups.sizes >= max(2, min_size))
    distances = np.full(len(whole), np.nan)
    if len(kept) < 2:
        reason = "fewer than two groups of sufficient size"
        nan = float("nan")
        return Divergence(nan, nan, distances, {}, np.empty(0), np.empty(0), nan, reason)
    place = np.full(len(groups.names) + 1, -1)
    place[kept] = np.arange(len(kept))
    codes = place[groups.codes].astype(np.int32)  # -1 stays -1: the last place
    known = codes >= 0
    some = whole[known]
    build = NEUTRAL[neutral]
    distances[known] = np.linalg.norm(some - build(some, codes[known]), axis=1)
    value = float(distances[known].mean())
    spread = float(np.linalg.norm(some - some.mean(axis=0), axis=1).mean())
    replicates = np.empty(0)
    if weights is not None:
        share = weights[known].astype(np.float64)
        replicates = distances[known] @ share / share.sum(axis=0)
    null = []
    for row in () if shuffles is None else shuffles.T:
        labels = place[row][known].astype(np.int32)
        if labels.min() >= 0 and len(np.unique(labels)) == len(kept):
            null.append(np.linalg.norm(some - build(some, labels), axis=1).mean())
    return Divergence(
        value=value,
        relative=value / spread if spread > 0 else 0.0,
        distances=distances,
        by_group={groups.names[code]: float(distances[groups.codes == code].mean()) for code in kept},
        replicates=replicates,
        shuffled=np.array(null),
        p_value=float((1 + np.sum(np.array(null) >= value - TINY)) / (1 + len(null))) if null else float("nan"),
    )
