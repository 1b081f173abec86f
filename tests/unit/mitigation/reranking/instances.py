"""Instances for re-rankers: random ones of a given size, and a hypothesis strategy of small and odd ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from fairdash.mitigation.base import RerankInput
from fairdash.schema import Categories, Groups, Lists


def shares(rng: np.random.Generator, n_items: int, n_categories: int) -> Categories:
    """One to three categories an item, at random."""
    lists = [
        rng.choice(n_categories, size=min(int(rng.integers(1, 4)), n_categories), replace=False) for _ in range(n_items)
    ]
    table = np.zeros((n_items, n_categories))
    for row, columns in enumerate(lists):
        table[row, columns] = 1 / len(columns)
    return Categories(tuple(f"c{j}" for j in range(n_categories)), sparse.csr_array(table))


def instance(
    n_users: int = 5,
    n_items: int = 8,
    k: int = 3,
    *,
    seed: int = 0,
    n_candidates: int | None = None,
    n_user_groups: int = 2,
    n_item_groups: int = 2,
    n_categories: int = 3,
    unknown: float = 0.0,
    short: bool = False,
    history: float = 0.0,
    likes: float = 0.0,
) -> RerankInput:
    """Candidates in the order of normal scores; the first group's items score higher, so that there is a gap to close.

    unknown: share of users and items without a group. short: candidate lists of random length, some empty.
    """
    rng = np.random.default_rng(seed)
    c = n_items if n_candidates is None else n_candidates
    item_codes = rng.integers(0, n_item_groups, n_items).astype(np.int32)
    user_codes = rng.integers(0, n_user_groups, n_users).astype(np.int32)
    seen = rng.random((n_users, n_items)) < history
    # somebody who has seen too much keeps the first items as candidates
    seen[:, :c] &= (~seen).sum(axis=1, keepdims=True) >= c
    scores = rng.normal(size=(n_users, n_items)) + 0.8 * (item_codes == 0)
    order = np.argsort(np.where(seen, np.inf, -scores), axis=1)[:, :c]
    items = order.astype(np.int32)
    values = np.take_along_axis(scores, order, axis=1).astype(np.float32)
    gone = np.take_along_axis(seen, order, axis=1)
    if short:
        gone |= np.arange(c)[None, :] >= rng.integers(0, c + 1, n_users)[:, None]
    items, values = np.where(gone, -1, items).astype(np.int32), np.where(gone, np.nan, values).astype(np.float32)
    item_codes[rng.random(n_items) < unknown] = -1
    user_codes[rng.random(n_users) < unknown] = -1
    liked = (rng.random((n_users, n_items)) < likes) & ~seen
    return RerankInput(
        candidates=Lists(items, values),
        k=k,
        n_items=n_items,
        item_ids=np.array([f"i{item}" for item in range(n_items)], dtype=object),
        history=sparse.csr_array(seen),
        popularity=rng.integers(0, 50, n_items).astype(np.float64),
        categories=shares(rng, n_items, n_categories),
        user_groups=Groups("gender", tuple(f"g{j}" for j in range(n_user_groups)), user_codes),
        item_groups=Groups("kind", tuple(f"h{j}" for j in range(n_item_groups)), item_codes),
        valid=sparse.csr_array(liked) if likes else None,
        seed=seed,
    )


@st.composite
def instances(draw: st.DrawFn) -> RerankInput:
    """Small and odd: short and empty lists, k above the candidates, unknown, single and empty groups, one category,
    ties, scores that are missing, infinite or out of order."""
    n_items = draw(st.integers(1, 12))
    data = instance(
        draw(st.integers(1, 6)),
        n_items,
        draw(st.integers(1, 14)),
        seed=draw(st.integers(0, 10_000)),
        n_candidates=draw(st.integers(1, n_items)),
        n_user_groups=draw(st.integers(1, 3)),
        n_item_groups=draw(st.integers(1, 4)),
        n_categories=draw(st.integers(1, 4)),
        unknown=draw(st.sampled_from([0.0, 0.4, 1.0])),
        short=draw(st.booleans()),
        history=draw(st.sampled_from([0.0, 0.3])),
        likes=draw(st.sampled_from([0.0, 0.3])),
    )
    kind = draw(st.sampled_from(["as they are", "ties", "missing", "infinite", "reversed"]))
    scores = data.candidates.scores.copy()
    if kind == "ties":
        scores = np.round(scores)
    elif kind == "missing":
        scores[:] = np.nan
    elif kind == "infinite":
        scores[:, 0] = np.inf
    elif kind == "reversed":
        scores = -scores
    return replace(data, candidates=Lists(data.candidates.items, scores))
