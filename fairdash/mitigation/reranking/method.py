"""What all re-rankers share: checks of what they are given, strength 0 as the identity, and per-user scores.

Each method is one `Reranking`. `reranker` does once what does not depend on the strength; the `Reranker` it gives
answers for any strength, which is what a sweep or a slider calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.groups import compared
from fairdash.item_classes import ItemClass
from fairdash.mitigation.base import Info, Reranker, RerankInput, check_groups, check_strength
from fairdash.schema import Codes, Floats, Groups, Lists

NOTHING = np.uint64(0xFFFFFFFFFFFFFFFF)

# what a method can need of its input: field, words, what to do
NEEDS = {
    "user_groups": ("user_groups", words.several("groups of people", "Choose a user attribute with --group.")),
    "item_groups": ("item_groups", words.several("groups of items", "Choose an item attribute with --item-group.")),
}


@dataclass(frozen=True)
class Reranking:
    """A re-ranking method: its line of the catalogue, and what it does with candidates at a strength above 0.

    `build(data)` gives a function from a strength in (0, 1] to *positions* in the candidate lists, int [n_users, ≤ k],
    best first, without repeats in a row, -1 where a user has no candidate left.
    """

    info: Info
    build: Callable[[RerankInput], Callable[[float], NDArray[np.intp]]]

    def reranker(self, data: RerankInput) -> Reranker:
        """Lists at any strength; raises ConfigError when something that the method needs is missing, or when there are
        not two groups of people to be fair between."""
        for need in self.info.needs:
            if need in NEEDS and getattr(data, NEEDS[need][0]) is None:
                _, (what, hint) = NEEDS[need]
                raise ConfigError(
                    words.say(
                        "{title} needs {what}; none were given.", title=words.say(self.info.title), what=words.say(what)
                    ),
                    hint,
                )
        data = replace(
            data,
            user_groups=None if data.user_groups is None else compared(data.user_groups, data.user_least),
            item_groups=None if data.item_groups is None else compared(data.item_groups, data.item_least),
        )
        items = data.candidates.items
        identity = _pad(items[:, : data.k], data.k)
        positions = None
        if (items >= 0).any():
            if data.user_groups is not None and "user_groups" in self.info.needs:
                check_groups(self.info, [data.user_groups], len(items))
            positions = self.build(data)

        def lists(strength: float) -> Codes:
            if check_strength(self.info, strength) == 0.0 or positions is None:
                return identity.copy()
            chosen = positions(strength)
            return _pad(np.where(chosen >= 0, np.take_along_axis(items, np.maximum(chosen, 0), axis=1), -1), data.k)

        return lists

    def rerank(self, data: RerankInput, strength: float) -> Codes:
        """Item codes [n_users, k] at one strength."""
        return self.reranker(data)(strength)


def several(info: Info, kinds: ItemClass) -> ItemClass:
    """The kinds of items, if a list can mix them. Raises ConfigError where items are of fewer than two."""
    present = [name for name, size in zip(kinds.names, kinds.sizes, strict=True) if size > 0]
    if len(present) < 2:
        there = words.say("the items have none")
        if present:
            there = words.say("all items that have any are in one ({name})", name=present[0])
        raise ConfigError(
            words.say(
                "{key} weighs {attribute} against each other, and {there}, so lists could not change.",
                key=info.key,
                attribute=kinds.attribute,
                there=there,
            ),
            "Bring items with a column `categories`, names joined by |, or choose other groups or another method.",
        )
    return kinds


def _pad(items: Codes, k: int) -> Codes:
    """Items [n, ≤ k] as int32 [n, k], -1 at the end."""
    padded = np.full((len(items), k), -1, dtype=np.int32)
    padded[:, : items.shape[1]] = items
    return padded


def unit_scores(candidates: Lists) -> Floats:
    """Scores on one scale for all methods: float32 [n_users, c], per user min–max over the candidates, so that the
    best is 1 and the last is 0; 1 for all where they are equal; 0 at padding.

    Logits, probabilities and EASE weights differ in scale between recommenders and between users; a strength would
    mean something else for each. A user whose scores are missing, not finite or not in the order of the list gets
    evenly spaced scores in that order: the ranking is what was given, the numbers cannot be trusted.
    """
    valid = candidates.items >= 0
    c = valid.shape[1]
    length = valid.sum(axis=1, keepdims=True)
    rank = np.arange(c, dtype=np.float64)[None, :]
    even = np.where(valid, 1.0 - rank / np.maximum(length - 1, 1), 0.0)
    scores = candidates.scores.astype(np.float64)
    usable = np.isfinite(scores) | ~valid
    scores = np.where(valid & usable, scores, np.inf)
    low = scores.min(axis=1, initial=np.inf, keepdims=True)
    scores = np.where(np.isfinite(scores), scores, np.where(np.isfinite(low), low, 0.0))
    high = scores.max(axis=1, initial=-np.inf, keepdims=True)
    spread = high - np.where(np.isfinite(low), low, high)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        unit = np.where(spread > 0, (scores - low) / spread, 1.0)
    ordered = usable.all(axis=1) & (np.diff(scores, axis=1) <= 0).all(axis=1) & np.isfinite(spread[:, 0])
    return np.where(valid, np.where(ordered[:, None], unit, even), 0.0).astype(np.float32)


def blocks(n_users: int, width: int) -> list[slice]:
    """Users in blocks whose [users, width] arrays stay in the processor's cache."""
    step = max(1, 131_072 // max(width, 1))
    return [slice(start, min(start + step, n_users)) for start in range(0, n_users, step)]


def greedy(
    valid: NDArray[np.bool_], k: int, gain: Callable[[int, NDArray[np.intp] | None], Floats]
) -> NDArray[np.intp]:
    """Fill k places of many users' lists one after the other, each with the candidate of the largest gain.

    valid: bool [n, c]. gain(place, picked) gives gains [n, c] at this place, where `picked` [n] are the positions
    chosen at the place before (-1: none left; None at the first). The earlier candidate wins a tie. Gives positions
    [n, min(k, c)], -1 where no candidate is left.
    """
    n, c = valid.shape
    rows = np.arange(n)
    closed = np.where(valid, np.float32(0), np.float32(-np.inf))
    chosen = np.full((n, min(k, c)), -1, dtype=np.intp)
    picked = None
    for place in range(chosen.shape[1]):
        total = gain(place, picked) + closed
        best = total.argmax(axis=1)
        open_ = closed[rows, best] == 0
        picked = np.where(open_, best, -1)
        chosen[:, place] = picked
        closed[rows[open_], best[open_]] = -np.inf
    return chosen


def group_of(groups: Groups, items: Codes) -> Codes:
    """Item group of each candidate, -1 for `(unknown)` and for padding; the shape of `items`."""
    return np.where(items >= 0, groups.codes[np.maximum(items, 0)], -1).astype(np.int32)


def best_positions(value: Floats, valid: NDArray[np.bool_], k: int) -> NDArray[np.intp]:
    """Positions [n, min(k, c)] of the k largest values [n, c], largest first, the earlier one of equals first; -1 where
    no valid candidate is left."""
    k = min(k, value.shape[1])
    # one unique integer a cell, small for large values and then for early positions, so that a partition is exact
    bits = (np.asarray(value, dtype=np.float32) + np.float32(0)).view(np.uint32)  # + 0 makes -0.0 and 0.0 one value
    falling = np.where(bits >> 31, bits, ~bits & np.uint32(0x7FFFFFFF)).astype(np.uint64)
    keys = (falling << np.uint64(32)) | np.arange(value.shape[1], dtype=np.uint64)
    keys[~valid] = NOTHING
    if k < value.shape[1]:
        keys = np.partition(keys, k - 1, axis=1)[:, :k]
    keys.sort(axis=1)
    return np.where(keys == NOTHING, -1, (keys & np.uint64(0xFFFFFFFF)).astype(np.intp))
