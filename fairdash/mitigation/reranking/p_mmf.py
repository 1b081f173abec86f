"""The worst-off provider gets as much exposure as it can at a bounded cost to people (P-MMF).

Xu et al. 2023, "P-MMF: Provider Max-min Fairness Re-ranking in Recommender System" (WWW). Over all n users, lists of k
items x_u maximise

    (1/n) Σ_u Σ_{i∈x_u} s(u, i)  +  λ · min_p e_p / γ_p      under      e_p ≤ cap_p,

where e_p is the mean number of places of provider p in a list and γ_p = (1 + 1/P) · K · (p's part of the items) its
fair number; K counts the places that items with a provider had before. The dual has one price μ_p for a provider's
place; a user's best list at prices μ is the top k by s − μ_p, the earlier candidate of equals first. Mirror descent on
the dual (weights γ², momentum), user after user in the order of a hash:

    ν ← Π(ν − η g / γ),  ν = γ ∘ μ,  g = e* − (places given),  Π onto Σ_p min(ν_p, 0) ≥ −λ,

with e*_p = cap_p where μ_p ≥ 0 and γ_p elsewhere. The regret against the offline optimum is of order √n. Here all users
are known beforehand, so prices are learnt in a first pass and lists given in a second one, in which prices go on
moving; about 512 steps a pass, whose gradients are means over the users in between. A provider that has reached its
cap is passed over.

Strength s: λ = s² · Σ_p γ_p (at 1 a provider may be lifted above any score) and cap_p = γ_p + (1 − s) · (e_p before −
γ_p)⁺. Providers are the item groups; items without a group have price 0. Lists are shown in the order of scores.

Needs item groups. Moves `rsp`, the spread of recommendation rates between item groups. Costs accuracy in proportion to
the places moved.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fairdash.hashing import mix
from fairdash.mitigation.base import Info, RerankInput
from fairdash.mitigation.reranking.method import Reranking, best_positions, group_of, unit_scores

Numbers = NDArray[np.float64]
STEPS = 512  # gradient steps in a pass
MOMENTUM = 0.5  # weight of the newest gradient
CLOSED = np.float32(1e3)  # price of a provider that has reached its cap

INFO = Info(
    key="p_mmf",
    title="The worst-off provider first (P-MMF)",
    place="reranking",
    side="items",
    objective="Maximise the sum of scores + λ · the smallest provider exposure relative to its fair number, with a cap "
    "on large providers, by mirror descent on providers' prices; strength s sets λ = s² · Σ γ and tightens the cap.",
    paper="Xu et al. 2023, P-MMF: Provider Max-min Fairness Re-ranking",
    needs=("item_groups",),
    target="rsp",
    cost="Accuracy in proportion to the places that change hands.",
    answers={
        "items.rsp": "lifts the worst-off provider first, at a bounded cost",
    },
    order=230,
)


def project(scaled: Numbers, bound: float) -> Numbers:
    """The closest prices whose negative parts sum to at most `bound` (soft threshold on the negative part)."""
    lifts = np.maximum(-scaled, 0.0)
    if lifts.sum() <= bound:
        return scaled
    ordered = np.sort(lifts)[::-1]
    over = (np.cumsum(ordered) - bound) / np.arange(1, len(ordered) + 1)
    kept = np.flatnonzero(ordered > over)
    level = over[kept[-1]] if len(kept) else ordered[0]
    return np.where(scaled < 0, -np.maximum(lifts - level, 0.0), scaled)


def fair_numbers(sizes: NDArray[np.int64], places: float) -> Numbers:
    """γ [providers]: the places in a list that a provider's part of the items makes fair, with slack 1 + 1/P."""
    present = max(int((sizes > 0).sum()), 1)
    return np.asarray((1 + 1 / present) * places * sizes / max(int(sizes.sum()), 1))


def _build(data: RerankInput) -> Callable[[float], NDArray[np.intp]]:
    assert data.item_groups is not None
    items, scores = data.candidates.items, unit_scores(data.candidates)
    n_users, n_candidates = items.shape
    n_groups = len(data.item_groups.names)
    provider = group_of(data.item_groups, items)
    provider = np.where(provider >= 0, provider, n_groups)  # the last column: no provider, price 0
    valid = items >= 0
    length = min(data.k, n_candidates)
    first = provider[:, :length][items[:, :length] >= 0]
    before = np.bincount(first, minlength=n_groups + 1)[:-1] / n_users
    fair = fair_numbers(data.item_groups.sizes, float(before.sum()))
    present = fair > 0
    scale = np.where(present, fair, 1.0)
    turn = np.argsort(mix(data.seed, np.arange(n_users, dtype=np.uint64)), kind="stable")
    step = max(1, n_users // STEPS)
    parts = [turn[start : start + step] for start in range(0, n_users, step)]
    rate = data.k / max(n_groups, 1) / np.sqrt(len(parts))

    def best(rows: NDArray[np.intp], price: NDArray[np.float32]) -> NDArray[np.intp]:
        return best_positions(scores[rows] - price[provider[rows]], valid[rows], length)

    def positions(strength: float) -> NDArray[np.intp]:
        bound = float(fair.sum()) * strength**2
        cap = fair + (1 - strength) * np.maximum(before - fair, 0.0)
        chosen = np.full((n_users, length), n_candidates, dtype=np.intp)
        scaled = np.zeros(n_groups)
        for serving in (False, True):
            left = np.append(cap * n_users, np.inf)
            momentum = np.zeros(n_groups)
            for rows in parts:
                price = np.append(scaled / scale, 0.0).astype(np.float32)
                if serving:
                    price = np.where(left > 0, price, price + CLOSED)
                picked = best(rows, price)
                on = picked >= 0
                given = np.bincount(provider[rows[:, None], picked][on], minlength=n_groups + 1)
                if serving:
                    chosen[rows] = np.where(on, picked, n_candidates)
                    left -= given
                asked = np.where(scaled >= 0, cap, fair)
                gradient = np.where(present, (asked - given[:-1] / len(rows)) / scale, 0.0)
                momentum = MOMENTUM * gradient + (1 - MOMENTUM) * momentum
                scaled = project(scaled - rate * momentum, bound)
        chosen.sort(axis=1)
        return np.where(chosen < n_candidates, chosen, -1)

    return positions


METHOD = Reranking(INFO, _build)
