"""A made-up stream of events over the people and items of a data set, with a drift that is known: to see what a watch
does before a service sends its own, and to measure what it finds and when.

People come back, each with a taste of their own. From list `drift_from` on, people of one group get fewer items of one
category, and what they get instead they take less often.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash.events.log import EventLog
from fairdash.schema import ITEM_ID, USER_ID, Dataset, Groups, TrainingData

Array = NDArray[np.float64]

TASTE = 1.0  # how far people differ in what they like of the categories, in log-odds
TAKEN = 0.12  # chance that an item at the first place is taken
ELSEWHERE = 0.3  # chance that somebody takes an item that no list showed, a list
BLOCK = 200  # lists that are made at once


@dataclass(frozen=True, eq=False)
class Simulation:
    """groups: of the people of `data`. start: seconds since 1970 of the first list. seconds: from one list to the next.
    drift_from: the number of the first list with the drift, None for none. size: how much of the category's chance the
    group loses then, and of its taking: 0…1."""

    data: Dataset | TrainingData
    groups: Groups
    start: float
    seconds: float = 1.0
    k: int = 10
    seed: int = 0
    drift_from: int | None = None
    size: float = 0.5
    group: int = 0
    category: int = 0

    @cached_property
    def _tastes(self) -> Array:
        rng = np.random.default_rng([self.seed, 1])
        return rng.normal(0, TASTE, (self.data.n_users, len(self.data.categories.names)))

    @cached_property
    def _shares(self) -> Array:
        return np.asarray(self.data.categories.shares.toarray(), np.float64)

    @cached_property
    def _ids(self) -> tuple[list[str], list[str]]:
        return self.data.users[USER_ID].astype(str).tolist(), self.data.items[ITEM_ID].astype(str).tolist()

    def events(self, first: int, n: int) -> list[dict[str, Any]]:
        """The events of n lists (a multiple of BLOCK), from this one on (likewise); the same whenever they are asked
        for."""
        return [event for at in range(first, first + n, BLOCK) for event in self._block(at)]

    def following(self, log: EventLog) -> int:
        """The first list that is not in a log of this stream."""
        last = log.last()
        return 0 if last is None else (int(last.event.split("-")[1]) // BLOCK + 1) * BLOCK

    def _block(self, first: int) -> list[dict[str, Any]]:
        rng = np.random.default_rng([self.seed, 2, first])
        users, items = self._ids
        person = rng.integers(0, len(users), BLOCK)
        number = np.arange(first, first + BLOCK)
        changed = self.groups.codes[person] == self.group
        changed &= number >= (np.inf if self.drift_from is None else self.drift_from)
        liking = self._tastes[person] @ self._shares.T
        liking[changed] += np.log1p(-min(self.size, 0.999)) * self._shares[:, self.category]
        noise = rng.gumbel(size=liking.shape)
        k = min(self.k, len(items))
        best = np.argpartition(-(liking + noise), k - 1, axis=1)[:, :k]
        order = np.take_along_axis(-(liking + noise), best, axis=1).argsort(axis=1)
        shown = np.take_along_axis(best, order, axis=1)
        chance = TAKEN / np.log2(np.arange(2, k + 2)) * np.where(changed, 1 - self.size, 1.0)[:, None]
        taken = rng.random(shown.shape) < chance
        delay = rng.exponential(20.0, shown.shape)
        elsewhere = np.where(rng.random(BLOCK) < ELSEWHERE, rng.integers(0, len(items), BLOCK), -1)
        found = []
        for i in range(BLOCK):
            sent, name = self.start + self.seconds * int(number[i]), f"{self.seed}-{number[i]}"
            who = {"userId": users[person[i]], "sessionId": f"s{person[i]}"}
            found.append(
                {**who, "eventId": f"{name}-shown", "eventType": "shown", "sentAt": sent, "recommendationId": name,
                 "impression": [items[item] for item in shown[i]]}
            )  # fmt: skip
            for rank in np.flatnonzero(taken[i]):
                at = round(sent + float(delay[i, rank]), 3)
                found.append(
                    {**who, "eventId": f"{name}-{rank}", "eventType": "click", "sentAt": at, "recommendationId": name,
                     "itemId": items[shown[i, rank]]}
                )  # fmt: skip
            if elsewhere[i] >= 0:
                more = {"eventId": f"{name}-other", "eventType": "click", "sentAt": sent, "itemId": items[elsewhere[i]]}
                found.append({**who, **more})
        return found
