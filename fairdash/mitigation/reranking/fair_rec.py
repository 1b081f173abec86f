"""A minimum of exposure for every producer, shared out so that customers hardly envy each other beyond one item.

Patro et al. 2020, "FairRec: Two-Sided Fairness for Personalized Recommendations in Two-Sided Platforms" (WWW). With m
customers, n producers and lists of k, each producer is guaranteed ℓ = ⌊α · m · k / n⌋ places, a fraction α of its
maximin share. First phase: customers take turns in a fixed random order, each taking the best candidate whose producer
has places left, until none can. Second phase: every list is filled up with the customer's best remaining candidates.
Round robin is meant to make each customer's list envy-free up to one item (EF1): nobody prefers another's list once one
item is taken from it. The proof takes a customer's pick to be worth at least what others pick later; that fails where
the others' later pick is an item that the customer has already, and all that is left for the customer is worth little.

The last rounds can leave a producer short although it has candidates, because whoever still has room holds its items
already (near α = 1). Such a producer then gets the places it lacks where they cost a customer least: instead of the
last item in the list whose producer has more than its guarantee.

Strength is α. Producers are the item groups where they are chosen, else every item is its own producer. A customer's
value of an item outside the candidates is 0, so a producer is guaranteed ℓ places as far as it is among the candidates
of enough customers. Lists are shown in the order of scores. ⌊⌋ makes small strengths the identity where m · k is small
against n.

Needs nothing. Moves `gini` (items as producers) and group exposure (groups as producers). Costs accuracy in
proportion to α: the guaranteed places are a fraction α of all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fairdash.mitigation.base import Info, RerankInput
from fairdash.mitigation.reranking.method import Reranking

INFO = Info(
    key="fair_rec",
    title="A guarantee for every producer (FairRec)",
    place="reranking",
    side="both",
    objective="Every producer (item group, or item) gets at least a fraction α of an equal share of places, shared out "
    "by round robin, so that customers hardly envy each other beyond one item; strength is α.",
    paper="Patro et al. 2020, FairRec: Two-Sided Fairness for Personalized Recommendations",
    needs=(),
    target="gini",
    cost="Accuracy, in proportion to α; customers late in a round find fewer of their favourites.",
    answers={
        "items.rsp": "guarantees every provider a number of places",
        "catalogue.coverage": "guarantees every item a number of places, in turns that leave people little envy",
    },
    order=240,
)


CHAIN_CELLS = 50_000  # of users × candidates, up to which chains of swaps are looked for


def guarantee(n_users: int, k: int, n_producers: int, alpha: float) -> int:
    """Places ⌊α · m · k / n⌋ that each producer is guaranteed."""
    return int(alpha * n_users * k / n_producers + 1e-9)


def _build(data: RerankInput) -> Callable[[float], NDArray[np.intp]]:
    items = data.candidates.items
    n_users, n_candidates = items.shape
    if data.item_groups is not None:
        codes, n_producers = data.item_groups.codes, int((data.item_groups.sizes > 0).sum())
    else:
        codes, n_producers = np.arange(data.n_items, dtype=np.int32), data.n_items
    # padding, and items of `(unknown)`, belong to a producer without places
    none = int(codes.max(initial=-1)) + 1
    valid = items >= 0
    producer = np.where(valid, codes[np.maximum(items, 0)], -1)
    rows: list[list[int]] = np.where(producer >= 0, producer, none).tolist()
    turns: list[int] = np.random.default_rng(data.seed).permutation(n_users).tolist()
    rank = np.arange(n_candidates)

    def positions(strength: float) -> NDArray[np.intp]:
        share = guarantee(n_users, data.k, max(n_producers, 1), strength)
        places = [share] * none + [0]
        next_of = [0] * n_users  # producers only run out, so a customer never has to look back
        users, picks = [], []
        waiting = turns if share else []
        for _ in range(min(data.k, n_candidates)):
            able = []
            for user in waiting:
                row, position = rows[user], next_of[user]
                while position < n_candidates and not places[row[position]]:
                    position += 1
                if position < n_candidates:
                    places[row[position]] -= 1
                    users.append(user)
                    picks.append(position)
                    next_of[user] = position + 1
                    able.append(user)
            waiting = able
        order = np.where(valid, n_candidates + rank, 3 * n_candidates)
        order[users, picks] -= n_candidates  # what the first phase gave comes before the best of the rest
        best = np.sort(order, axis=1)[:, : data.k]
        held = np.zeros(items.shape, dtype=bool)
        rows_kept, place = np.nonzero(best < 2 * n_candidates)
        held[rows_kept, best[rows_kept, place] % n_candidates] = True
        if share:
            _top_up(held, valid, np.where(producer >= 0, producer, none), none, share)
        shown = np.sort(np.where(held, rank, n_candidates), axis=1)[:, : min(data.k, n_candidates)]
        return np.where(shown < n_candidates, shown, -1)

    return positions


def _top_up(
    held: NDArray[np.bool_], valid: NDArray[np.bool_], producer: NDArray[np.intp], none: int, share: int
) -> None:
    """Give producers the places that they still lack, in `held` [n_users, c]; producer `none` has no guarantee."""
    given = np.bincount(producer[held], minlength=none + 1)
    lacking = given < share
    lacking[none] = False
    user, position = np.nonzero(valid & ~held & lacking[producer])
    order = np.lexsort((user, position))  # the better an item stands with its customer, the less is lost
    for u, p in zip(user[order].tolist(), position[order].tolist(), strict=True):
        gains = producer[u, p]
        if given[gains] >= share:
            continue
        mine = np.flatnonzero(held[u])
        spare = mine[(given[producer[u, mine]] > share) | (producer[u, mine] == none)]
        if len(spare):
            given[producer[u, spare[-1]]] -= 1
            given[gains] += 1
            held[u, spare[-1]], held[u, p] = False, True
    if valid.size <= CHAIN_CELLS:
        for gains in np.flatnonzero(given[:none] < share):
            while given[gains] < share and _chain(held, valid, producer, given, int(gains), none, share):
                pass


def _chain(
    held: NDArray[np.bool_],
    valid: NDArray[np.bool_],
    producer: NDArray[np.intp],
    given: NDArray[np.intp],
    gains: int,
    none: int,
    share: int,
) -> bool:
    """Give `gains` one place by the shortest chain of swaps that ends at a producer with places to spare."""
    came: dict[int, tuple[int, int, int, int]] = {}  # producer → who takes its place: producer, user, item in, item out
    line = [gains]
    for taker in line:
        for u, p in zip(*np.nonzero(valid & ~held & (producer == taker)), strict=True):
            for out in np.flatnonzero(held[u])[::-1]:
                giver = int(producer[u, out])
                if giver == gains or giver in came:
                    continue
                came[giver] = (taker, int(u), int(p), int(out))
                if giver != none and given[giver] <= share:
                    line.append(giver)
                    continue
                given[giver] -= 1
                given[gains] += 1
                while giver != gains:
                    giver, u, p, out = came[giver]
                    held[u, out], held[u, p] = False, True
                return True
    return False


METHOD = Reranking(INFO, _build)
