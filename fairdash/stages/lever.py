"""The lever: everybody's lists at any strength of a re-ranking method, who loses and who gains by it, and its price.

A strength is looked at as it is chosen: on validation. The candidates of a run are scored already, so that a strength
costs one re-ranking, one audit of accuracy and one pairing with the lists as they were; no strength costs it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.errors import ConfigError
from fairdash.groups import form
from fairdash.metrics import audit as audits
from fairdash.metrics import inputs
from fairdash.metrics.catalogue import ACCURACY
from fairdash.metrics.paired import paired
from fairdash.metrics.value import Audit
from fairdash.mitigation import find_method
from fairdash.mitigation.base import Mitigation
from fairdash.mitigation.sweep import GRID, Judge, Point
from fairdash.mitigation.targets import TARGETS
from fairdash.progress import Progress, silent
from fairdash.run import Run
from fairdash.schema import USER_ID, Codes, Groups, GroupSpec, Lists
from fairdash.stages import disclosure, mitigate, places
from fairdash.stages.fit import TrainSpec

Array = NDArray[np.float64]

STRENGTHS = GRID  # where the lever comes to rest, and the ladder that is made of a method beforehand
EVERYBODY = words.later("everybody")


@dataclass(frozen=True, eq=False)
class GroupShift:
    """A group at a strength, before and after. people: all of it; numbers: their pseudonyms [n], of those with a liked
    item to find; before, after: their own values [n] by metric. rows: {metric: {before, after, difference, ci, moved}}.
    lose, gain: people with fewer, or more, of their liked items on the list; None: somebody, but too few to say."""

    name: str
    people: int
    numbers: NDArray[np.int64]
    before: Mapping[str, Array]
    after: Mapping[str, Array]
    rows: Mapping[str, Mapping[str, Any]]
    lose: int | None
    gain: int | None


@dataclass(frozen=True, eq=False)
class Shift:
    """Everybody at a strength. items: lists [n_users, k]. groups: those that may be shown. gaps: {metric: {before,
    after, difference, ci, moved, …}} between them, as in `metrics.paired`; point: target and NDCG of everybody. ndcg:
    of each person [n_users], NaN where undefined."""

    strength: float
    items: Codes
    groups: tuple[GroupShift, ...]
    gaps: Mapping[str, Mapping[str, Any]]
    point: Point
    ndcg: Array


class Lever:
    """A re-ranking method on a run's lists at validation time, at any strength.

    chosen: the method with its groups; its strength plays no part. group: between whose groups is looked at (None:
    everybody is one). first: methods, with their strengths, that are applied before, so that strength 0 is what they
    leave; retrain gives the run of one that trains. Raises ConfigError for a method that is no re-ranking, for what it
    lacks, and where the run has no lists or no liked items at validation time.
    """

    def __init__(
        self,
        run: Run,
        chosen: Mitigation,
        k: int,
        group: GroupSpec | None,
        first: Sequence[Mitigation] = (),
        retrain: mitigate.Retrain | None = None,
    ) -> None:
        if not can(chosen.method):
            raise ConfigError(
                words.say("{method} does not re-rank lists, so each strength costs a job.", method=chosen.method),
                words.say("Choose a method of the place “{place}”.", place=words.say(places.PLACES["reranking"].title)),
            )
        refuse(run)
        self.first = tuple(first)
        run, _ = mitigate.after(run, self.first, k, retrain=retrain or _untrained)
        self.run, self.chosen, self.k, self.group = run, replace(chosen, strength=None), k, group
        self._at = mitigate.outcomes(run, self.chosen, k, "valid", _untrained)
        split = run.split.on_validation
        self._start = run.candidates("valid").top(k)
        whole = inputs.from_split(split, self._start, (), (), "auto")
        ids = run.split.training.users[USER_ID]
        self._codes = pd.Index(ids).get_indexer(pd.Index(whole.user_ids))
        people = run.split.training.people  # the groups that all pages have
        least = settings.MIN_GROUP_SIZE
        if group is None:
            formed = Groups("", (EVERYBODY,), np.zeros(len(people), dtype=np.int32))
        else:
            formed, least = form(group, people), group.min_size
        self._whole = replace(whole, groups=(formed.take(self._codes),), min_sizes=(least,), targets=(None,))
        self._numbers = disclosure.pseudonyms(ids)[self._codes]
        self._judges: dict[str, Judge] = {}
        self._known: dict[float, Shift] = {}
        self._points: dict[str, tuple[Point, ...]] = {}

    @cached_property
    def _before(self) -> Audit:
        return self._audit(self._start)

    def _audit(self, lists: Lists) -> Audit:
        own = Lists(lists.items[self._codes], lists.scores[self._codes])
        return audits.from_inputs(
            replace(self._whole, lists=own), (), k=self.k, seed=0, replicates=settings.BOOTSTRAP, permutations=0,
            only=ACCURACY,
        )  # fmt: skip

    @property
    def target(self) -> str:
        """The metric that the method is meant to move."""
        return str(find_method(self.chosen.method).info.target)

    def lists(self, strength: float) -> Lists:
        """Everybody's lists [n_users, k] with the recommender's own scores."""
        return self._at(strength, silent).lists

    def at(self, strength: float) -> Shift:
        """Who loses and who gains at a strength."""
        if strength not in self._known:
            self._known[strength] = self._made(strength)
        return self._known[strength]

    def _made(self, strength: float) -> Shift:
        lists = self.lists(strength)
        after = self._audit(lists)
        both = paired(self._before, after).results
        people = self._before.tally.own.rows
        old, new = (audit.tally.own.valued for audit in (self._before, after))
        (groups,), (least,) = old.who, self._whole.min_sizes
        found = []
        for name, rows in zip(groups.names, groups.members, strict=False):  # the unknown come last, without a name
            counted = rows[~np.isnan(old.metrics["hit"][rows])]
            if min(len(rows), len(counted)) < max(least, settings.FEWEST):
                continue
            change = hits(new.metrics, self.k, counted) - hits(old.metrics, self.k, counted)
            before, later = ({key: value[counted] for key, value in one.metrics.items()} for one in (old, new))
            found.append(
                GroupShift(
                    name,
                    len(rows),
                    self._numbers[people[counted]],
                    before,
                    later,
                    {key: row for key, row in both["groups"][groups.attribute][name].items() if isinstance(row, dict)},
                    disclosure.told(int((change < 0).sum())),
                    disclosure.told(int((change > 0).sum())),
                )
            )
        ndcg = np.full(len(lists.items), np.nan)
        ndcg[self._codes[people]] = new.metrics["ndcg"]
        gaps, point = both["gaps"][groups.attribute], self.point(self.target, strength)
        return Shift(strength, lists.items, tuple(found), gaps, point, ndcg)

    @property
    def known(self) -> Mapping[float, Shift]:
        """The strengths that have been made."""
        return self._known

    @property
    def complete(self) -> bool:
        """Whether every strength has been made."""
        return len(self._known.keys() & set(STRENGTHS)) == len(STRENGTHS)

    def ladder(self) -> Iterator[float]:
        """Make every strength, so that the lever moves at once from then on; gives the part that is done."""
        for i, strength in enumerate(STRENGTHS):
            self.at(strength)
            yield (i + 1) / len(STRENGTHS)

    def point(self, target: str, strength: float) -> Point:
        """The place of a strength on the trade-off of any target that lists show (a key of `mitigation.targets`)."""
        if target not in self._judges:
            judge = Judge(
                places.rerank_input(self.run, self.chosen, self.k, "valid"), target,
                groups=[] if self.group is None else [form(self.group, self.run.split.training.people)],
                min_group_size=settings.MIN_GROUP_SIZE if self.group is None else self.group.min_size,
            )  # fmt: skip
            judge.point(0.0, self._start.items)
            self._judges[target] = judge
        return self._judges[target].point(strength, self.lists(strength).items)

    def points(self, target: str) -> tuple[Point, ...]:
        """The whole trade-off."""
        if target not in self._points:
            self._points[target] = tuple(self.point(target, strength) for strength in STRENGTHS)
        return self._points[target]

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The targets that these lists, people and items show, the method's own first."""
        found = []
        for key in dict.fromkeys((self.target, *TARGETS)):
            with suppress(ConfigError):  # there is nothing to compare
                self.point(key, 0.0)
                found.append(key)
        return tuple(found)

    def person(self, number: int) -> int | None:
        """The row of the person of that pseudonym; None where there is none, or none that may be shown."""
        shown = {int(one) for group in self.at(0.0).groups for one in group.numbers}
        place = np.flatnonzero(self._numbers == number)
        return int(self._codes[place[0]]) if len(place) and number in shown else None

    def liked_by(self, user: int) -> set[int]:
        """What a person liked at validation time, as item codes. user: a row of the run's people."""
        place = np.flatnonzero(self._codes == user)
        return set(self._whole.relevant.item[np.isin(self._whole.relevant.user, place)].tolist())


def can(method: str) -> bool:
    """Whether a method has a lever: it changes lists alone."""
    return places.place_of(method) is places.PLACES["reranking"]


def refuse(run: Run) -> None:
    """Raises ConfigError where a run cannot be looked at on validation."""
    if not len(run.split.training.valid) or not (run.candidates("valid").items >= 0).any():
        raise ConfigError(
            words.say("“{title}” has no lists or no held-out items at validation time.", title=run.title),
            words.say(
                "A strength is looked at on validation, so that the test stays untouched: train a recommender on a "
                "split with a validation part, or choose a strength by hand under “One method”."
            ),
        )


def tried(run: Run, chosen: Mitigation, k: int) -> tuple[Point, ...]:
    """The whole trade-off of a re-ranking on validation, its own strength among the others; none where it cannot be
    looked at without training, or not on validation."""
    if chosen.strength is None or not can(chosen.method):
        return ()
    try:
        refuse(run)
        return mitigate.sweep(run, chosen, k, retrain=_untrained, strengths=(*STRENGTHS, chosen.strength))
    except ConfigError:
        return ()


def hits(values: Mapping[str, Array], k: int, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """How many liked items are on each list [n], from per-user metrics at K."""
    found: NDArray[np.int64] = np.rint(values["precision"][rows] * k).astype(np.int64)
    return found


def _untrained(spec: TrainSpec, progress: Progress) -> Run:
    raise AssertionError("re-ranking trains nothing")
