"""Calibrated lists: each person's list mixes categories as the person's own history does.

Steck 2018, "Calibrated Recommendations" (RecSys). For each user the list I of k items maximises

    (1 − λ) · Σ_{i∈I} s(i)  −  λ · KL(p ‖ (1 − α) q(I) + α p),     α = 0.01,

where p is the category distribution of the user's history and q(I) that of the list (an item of c categories gives
1/c to each). As in the metric, items without a category belong to neither; as long as a list has none with one, q is 0.
s is the per-user min–max score (`unit_scores`); the paper leaves its scale open. Strength is λ.

The list is built item by item, each time with the best objective of the list so far. Where all items have categories,
the KL term of a list of fixed length is, up to a constant, Σ_g p_g · log Σ_{i∈I} q̃(g|i) with q̃(g|i) = (1 − α) q(g|i)
+ α p_g: the logarithm of a sum of non-negative numbers, so the objective f is monotone and submodular, and each step
closes at least 1/k of what is missing: f(I_k) ≥ OPT − (1 − 1/k)^(k−1) · (OPT − f(I_1)), the (1 − 1/e) guarantee counted
from the first item.

Needs at least two categories, and histories. Moves `miscalibration`. Costs accuracy where histories are poor guides; a
user whose history has no item with a category keeps the list.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fairdash.item_classes import ItemClass
from fairdash.mitigation.base import Info, RerankInput
from fairdash.mitigation.reranking.method import Reranking, blocks, greedy, several, unit_scores
from fairdash.schema import Floats

ALPHA = 0.01
TINY = 1e-30  # keeps the logarithm finite for categories that are neither in profile nor list; their weight is 0

INFO = Info(
    key="calibrate",
    title="Calibrated categories",
    place="reranking",
    side="users",
    objective="Maximise (1 − λ) · sum of scores − λ · KL divergence of the list's category mix from the person's own "
    "history, greedily, item by item (α = 0.01); strength is λ.",
    paper="Steck 2018, Calibrated Recommendations",
    needs=("categories",),
    target="miscalibration",
    cost="Some accuracy for people whose next choices leave their old mix; strong lists of one taste get broader.",
    answers={
        "gaps.category_divergence": "if it is the person's own history that should decide, and not the group",
        "gaps.miscalibration": "brings every list to the mix of the own history, most where it is farthest off",
        "gaps.popularity_lift": "where popular and rare items lie in different categories",
        "overall.miscalibration": "weighs the mix of the own history against the scores, list by list",
    },
    order=170,
)


def _build(data: RerankInput) -> Callable[[float], NDArray[np.intp]]:
    items, scores = data.candidates.items, unit_scores(data.candidates)
    n_users, n_candidates = items.shape
    shares = several(INFO, ItemClass.of_categories(data.categories)).share
    profile = np.asarray((data.history.astype(np.float32) @ shares.astype(np.float32)).todense(), dtype=np.float32)
    total = profile.sum(axis=1, keepdims=True)
    profile = np.divide(profile, total, out=np.zeros_like(profile), where=total > 0)

    # What an item adds to a list is decided by its (category, share) pairs, and a catalogue has few different ones:
    # gains are computed per user and pair, then gathered, not per user and candidate.
    kinds, kind_of = np.unique(np.stack([shares.indices, shares.data.astype(np.float32)]), axis=1, return_inverse=True)
    kind_category, kind_share = kinds[0].astype(np.intp), kinds[1].astype(np.float32)
    n_kinds, per_item = len(kind_category), np.diff(shares.indptr)
    table = np.full((data.n_items + 1, max(int(per_item.max(initial=0)), 1)), n_kinds, dtype=np.int32)
    row = np.repeat(np.arange(data.n_items), per_item)
    table[row, np.arange(len(row)) - np.repeat(shares.indptr[:-1], per_item)] = kind_of
    keep = np.float32(1 - ALPHA)

    def block(part: slice, strength: float) -> NDArray[np.intp]:
        mine, p = items[part], profile[part]
        rows = np.arange(len(mine))
        kinds_of = table[mine]  # [n, c, j]; padding (-1) meets the last row, which holds no kind
        flat = kinds_of + (rows * (n_kinds + 1)).astype(np.int32)[:, None, None]
        columns = [flat[:, :, j][kinds_of[:, :, j] < n_kinds] for j in range(flat.shape[2])]
        cells = [np.flatnonzero(kinds_of[:, :, j].ravel() < n_kinds) for j in range(flat.shape[2])]
        base = (np.float32(1 - strength) * scores[part]).ravel()
        counts = np.zeros_like(p)
        told = np.zeros((len(mine), 1), dtype=np.float32)  # items of the list so far that have a category
        untold = (table[mine, 0] == n_kinds) & (mine >= 0)
        some_untold = bool(untold.any())
        gains = np.zeros((len(mine), n_kinds + 1), dtype=np.float32)

        def gain(place: int, picked: NDArray[np.intp] | None) -> Floats:
            if picked is not None:
                for j in range(kinds_of.shape[2]):
                    kind = kinds_of[rows, np.maximum(picked, 0), j]
                    on = (picked >= 0) & (kind < n_kinds)
                    counts[rows[on], kind_category[kind[on]]] += kind_share[kind[on]]
                told[:, 0] += (picked >= 0) & (kinds_of[rows, np.maximum(picked, 0), 0] < n_kinds)
            unit = keep / (told + 1)
            smooth = np.float32(ALPHA) * p + np.float32(TINY)
            before = unit * counts + smooth
            after = before[:, kind_category] + unit * kind_share
            gains[:, :n_kinds] = (np.float32(strength) * p)[:, kind_category] * np.log(after / before[:, kind_category])
            flat_value = base.copy()
            for column, cell in zip(columns, cells, strict=True):
                flat_value[cell] += gains.ravel()[column]
            value = flat_value.reshape(mine.shape)
            if some_untold:  # such an item leaves the mix as it is, where any other one thins out what is there
                as_it_is = keep / np.maximum(told, 1) * counts + smooth
                value += untold * (np.float32(strength) * (p * np.log(as_it_is / before)).sum(axis=1, keepdims=True))
            return value

        return greedy(mine >= 0, data.k, gain)

    def positions(strength: float) -> NDArray[np.intp]:
        return np.concatenate([block(part, strength) for part in blocks(n_users, n_candidates)])

    return positions


METHOD = Reranking(INFO, _build)
