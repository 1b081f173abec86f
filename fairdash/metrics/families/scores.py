"""How the scores of the lists spread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fairdash.metrics.compared import TOO_FEW_GROUPS, Compared
from fairdash.metrics.declare import Family, Metric, Part
from fairdash.metrics.facts import Columns, Facts
from fairdash.metrics.groups import Gap

Array = NDArray[np.float64]

CELLS = "scores"  # the column of list scores by cell
_NO_SCORES = "the lists have no scores"


def _columns(facts: Facts) -> Columns:
    """How many of a user's list scores fall into each cell [n, cells]."""
    if not facts.score_cells:
        return {}
    scores, width = facts.inputs.lists.scores[:, : facts.k], len(facts.score_cells) + 1
    user, column = np.nonzero(np.isfinite(scores))
    cell = np.searchsorted(np.asarray(facts.score_cells), scores[user, column].astype(np.float64), side="left")
    counts = np.bincount(user * width + cell, minlength=facts.n * width)
    return {CELLS: counts.reshape(facts.n, width).astype(np.float64)}


def _gaps(compared: Compared) -> dict[str, Gap]:
    if len(compared.names) < 2 or CELLS not in compared.layout:
        return {"score_ks": Gap(reason=TOO_FEW_GROUPS if len(compared.names) < 2 else _NO_SCORES)}
    exact, pair = compared.exact_ks or (None, None)
    made = compared.only(CELLS).distance(
        lambda x: _largest_ks(x) ** 2, "fewer than two groups have scores", root=True, exact=exact
    )
    return {"score_ks": replace(made, pair=pair)}


def _largest_ks(cells: Array) -> Array:
    """Largest difference of cumulative shares between two of the groups: [...] from counts [..., g, cells]."""
    steps = np.cumsum(cells, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = steps / steps[..., -1:]
    # at each point the largest difference is that of the highest and the lowest curve
    spread = (np.fmax.reduce(share, axis=-2) - np.fmin.reduce(share, axis=-2)).max(axis=-1)
    # a group without scores has no curve
    return np.where((steps[..., -1] > 0).sum(axis=-1) >= 2, spread, np.nan)


FAMILY = Family(
    "scores",
    (
        Metric(
            "score_ks",
            "Score distance",
            "users",
            "two-sample Kolmogorov–Smirnov distance of the scores in the lists, of the pair of groups where it is "
            "largest",
            0,
            1,
            -1,
            "Kolmogorov 1933; Smirnov 1948",
            edge="Needs scores.",
            place=140,
            why=_NO_SCORES,
            shown_by="score",
        ),
    ),
    parts=(Part("score", "Score of the lists"),),
    place=60,
    columns=_columns,
    gaps=_gaps,
)
