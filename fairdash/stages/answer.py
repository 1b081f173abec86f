"""Answer: a run, and who asks → their list as it is now. What somebody did since the training is the latest part of
their history, which the recommender reads anew; nothing is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash.errors import ConfigError
from fairdash.recommenders.base import profile_of
from fairdash.recommenders.first_stage import by_history
from fairdash.run import Run
from fairdash.schema import ITEM_ID, USER_ID, Interactions, Lists
from fairdash.stages import explore
from fairdash.stages.explore import Person, Reason
from fairdash.words import label, say

Past = Sequence[tuple[str, float | None]]  # ids of items, oldest first, with how each was rated; None: liked


@dataclass(frozen=True, eq=False)
class Answering:
    """A run that is asked for one list after another; what is needed for each is read once."""

    run: Run

    @cached_property
    def users(self) -> dict[str, int]:
        """The code of each person's id."""
        return {user: code for code, user in enumerate(self.run.split.training.users[USER_ID].astype(str))}

    @cached_property
    def items(self) -> dict[str, int]:
        """The code of each item's id."""
        return {item: code for code, item in enumerate(self.ids)}

    @cached_property
    def ids(self) -> NDArray[Any]:
        """The id of each item [n_items]."""
        return self.run.split.training.items[ITEM_ID].astype(str).to_numpy(object)

    @cached_property
    def titles(self) -> NDArray[Any]:
        """What each item is called [n_items]."""
        return explore.names_of(self.run.split.training.items)

    @cached_property
    def _scale(self) -> tuple[float, float, float]:
        """The lowest and the highest rating of the data, and the one from which on an item counts as liked."""
        rating, liked = self.run.split.known.rating, self.run.split.training.relevance_threshold
        low, high = (float(rating.min()), float(rating.max())) if len(rating) else (1.0, 1.0)
        return low, high, high if liked is None else liked

    def warm(self) -> None:
        """Read all that the first list would wait for."""
        stranger = explore.edited(self.stranger(()), added=[0]) if by_history(self.run.fitted) else self.person(0)
        self.list(stranger, 1, why=True)

    def person(self, code: int, since: Past = ()) -> Person:
        """A person of the data, with what they did since then; an item that they had already is now their latest."""
        return self._with(explore.person(self.run.split, code), since)

    def stranger(self, past: Past) -> Person:
        """Somebody whom the data does not know, of whom this alone is known. Raises ConfigError where the recommender
        knows people by their ids."""
        fitted = self.run.fitted
        if not by_history(fitted):
            raise ConfigError(
                say("{name} has learned who people are by their ids, so it has no list for others.", name=fitted.name),
                say("Ask for a person of its data, or choose a run of a recommender that reads histories."),
            )
        nothing = np.zeros(0)
        history = Interactions(nothing.astype(np.int32), nothing.astype(np.int32), nothing.astype(np.float32), nothing)
        profile = profile_of(fitted)
        return self._with(Person(0, history, dict.fromkeys(profile) if profile else None), past)

    def _with(self, who: Person, past: Past) -> Person:
        unknown = [item for item, _ in past if item not in self.items]
        if unknown:
            raise ConfigError(
                say("There is no item {name} in the data of this run.", name=label(unknown[0])),
                say("Give ids as they stand in items.csv of the run."),
            )
        low, high, liked = self._scale
        latest: dict[int, float] = {}
        for item, value in past:
            code = self.items[item]
            latest.pop(code, None)
            latest[code] = liked if value is None else min(max(value, low), high)
        return explore.edited(who, without=list(latest), added=list(latest), rating=list(latest.values()))

    def told(self, who: Person, profile: Mapping[str, Any]) -> Person:
        """The person with attributes told otherwise; None: not told. Raises ConfigError for one that is not read."""
        attributes = profile_of(self.run.fitted)
        unread = [name for name in profile if name not in attributes]
        if unread:
            raise ConfigError(
                say("This recommender is not told {name}.", name=label(unread[0])),
                say("Its profile text holds: {names}.", names=", ".join(attributes) or say("nothing")),
            )
        return explore.with_profile(who, self.run.split, attributes, {**(who.profile or {}), **profile})

    def list(self, who: Person, k: int, *, why: bool = False) -> tuple[Lists, list[Reason | None]]:
        """The list [1, k] as the run makes it, and of each of its items what it rests on most, where that is asked."""
        fitted, split = self.run.fitted, self.run.split
        found = explore.recommend(fitted, split, who, k, int(self.run.meta.get("seed", 0)))
        items = found.items[0][found.items[0] >= 0]
        if not why or not len(items):
            return found, [None] * len(items)
        return found, [*explore.reasons(fitted, split, who, items)]
