"""Where mitigations act: each place knows how it changes a training, and how it makes an outcome at a strength.

    data        what is trained on                  training    the loss
    vectors     user vectors after the training     reranking   the lists

A new place is one class here and an entry of PLACES; nothing else asks what place a method has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.errors import ConfigError
from fairdash.groups import form_all, form_compared
from fairdash.hashing import id_hash, mix
from fairdash.item_classes import item_groups
from fairdash.mitigation import find_method
from fairdash.mitigation.base import Info, Mitigation, RerankInput
from fairdash.mitigation.sweep import GRID
from fairdash.progress import Progress
from fairdash.recommenders import RECOMMENDERS, offering, ranking
from fairdash.run import Outcome, Run
from fairdash.schema import ITEM_ID, UNKNOWN, USER_ID, Floats, Groups, GroupSpec, Lists, TrainingData

RETRAIN_STRENGTHS = (0.0, 0.25, 0.5, 1.0)  # each above 0 costs a training
HALVES = 17  # beside the seed: these halves are not the folds of a probe
PROBE_STRENGTHS = tuple(round(0.1 * step, 1) for step in range(11))  # each costs a look at the model side
# What a method can lack of a recommender or of the items, as a person reads it.
_LACKS = {
    "training": words.later("{method} changes the training, and {recommender} is not trained by gradient steps."),
    "vectors": words.later("{method} changes user vectors, and {recommender} has no user vectors."),
    "profile": words.later("{method} changes the profile text, which {recommender} does not read."),
    "samples": words.later(
        "{method} changes how much each interaction counts in the training, and {recommender} does not learn so."
    ),
    "prompt": words.later("{method} changes what a language model is asked, and {recommender} is none."),
    "probabilities": words.later(
        "{method} needs the probability that a person likes an item, which {recommender} does not predict."
    ),
    "categories": words.later(
        "{method} weighs categories of items, and these items are not of two categories at least."
    ),
}

At = Callable[[float, Progress], Outcome]  # strength → what the method makes of it


@dataclass(frozen=True, eq=False)
class Work:
    """What a method is applied to: the lists [n_users, k] of a run at validation ("valid") or test time ("test").

    retrain: gives the run that was trained with one more mitigation. Groups are those of `chosen.groups`. withheld:
    bool [n_users], people of whom a method is not told to which of them they belong; None: nobody."""

    run: Run
    chosen: Mitigation
    k: int
    part: str
    retrain: Callable[[Mitigation, Progress], Run]
    withheld: NDArray[np.bool_] | None = None

    @property
    def groups(self) -> list[Groups]:
        """The chosen attributes of people, formed over all users, less groups that are too small to be compared."""
        found = form_compared(self.chosen.groups, self.run.split.training.people)
        if self.withheld is None:
            return found
        told = np.where(self.withheld, -1, np.arange(len(self.withheld)))
        return [groups.take(told) for groups in found]

    @property
    def vectors(self) -> Floats | None:
        """User vectors [n_users, d] as an earlier method left them; None: the recommender's own."""
        return self.run.changed[self.part].vectors if self.part in self.run.changed else None


class Place(ABC):
    """title: for people. crosses: whether a method here has one grouping, so that several attributes are crossed.
    retrains: whether every strength costs a training. demands: what every method here needs of a recommender."""

    key: ClassVar[str]
    title: ClassVar[str]
    crosses: ClassVar[bool] = False
    retrains: ClassVar[bool] = False
    demands: ClassVar[tuple[str, ...]] = ()
    given: ClassVar[frozenset[str]] = frozenset()  # needs that whatever meets the demands meets, too

    @property
    def order(self) -> int:
        """Where it stands among the places: methods are combined in this order."""
        return tuple(PLACES).index(self.key)

    def lacks(self, info: Info, offered: Collection[str]) -> tuple[str, ...]:
        """Of the demands and the method's needs, those that are not offered; groups are chosen, not offered."""
        wanted = dict.fromkeys((*self.demands, *(need for need in info.needs if need not in self.given)))
        return tuple(need for need in wanted if need in _LACKS and need not in offered)

    def strengths(self, *, cheap: bool) -> tuple[float, ...]:
        """What is tried on validation. cheap: whether lists alone show the target."""
        return RETRAIN_STRENGTHS if self.retrains else GRID if cheap else PROBE_STRENGTHS

    def withheld(self, run: Run, chosen: Mitigation) -> NDArray[np.bool_] | None:
        """Of whom the method is not told their groups where its strength is chosen, so that it is judged by people
        whom it does not know [n_users]; None: of nobody."""
        return None

    def depth(self, k: int, candidates: int) -> int:
        """How deep the lists are made that another method goes on with."""
        return candidates

    def change(
        self, method: Any, data: TrainingData, groups: Sequence[Groups], strength: float, width: int, seed: int
    ) -> tuple[TrainingData, list[Any]]:
        """The training data and the added terms of the loss, at a strength above 0. width: of user vectors.

        Raises ConfigError in places that do not act while training."""
        raise ConfigError(
            words.say("{key} works on a trained run, not while training.", key=method.info.key),
            "Train first, then use `mitigate` with this method.",
        )

    @abstractmethod
    def outcome(self, work: Work) -> At:
        """The outcome at any strength above 0; what does not depend on the strength is done once."""


class _Retrained(Place):
    """Places that act while training: each strength is another run."""

    retrains = True

    def outcome(self, work: Work) -> At:
        """Lists of a run that was trained with the mitigation."""

        def at(strength: float, progress: Progress) -> Outcome:
            chosen = work.chosen
            made = work.retrain(Mitigation(chosen.method, chosen.groups, chosen.item_group, strength), progress)
            return Outcome(made, made.candidates(work.part).top(work.k))

        return at


class _Data(_Retrained):
    key, title = "data", words.later("Data")

    def change(
        self, method: Any, data: TrainingData, groups: Sequence[Groups], strength: float, width: int, seed: int
    ) -> tuple[TrainingData, list[Any]]:
        """Other training data, no term."""
        return method.prepare(data, groups, strength, seed), []


class _Training(_Retrained):
    key, title = "training", words.later("Training")
    demands = ("training",)
    given = frozenset({"vectors"})  # whatever is trained by gradient steps hands its terms user vectors

    def change(
        self, method: Any, data: TrainingData, groups: Sequence[Groups], strength: float, width: int, seed: int
    ) -> tuple[TrainingData, list[Any]]:
        """The same data, one term."""
        return data, [method.term(data, groups, strength, width, seed)]


class _Vectors(Place):
    key, title = "vectors", words.later("Vectors")
    demands = ("vectors",)

    def withheld(self, run: Run, chosen: Mitigation) -> NDArray[np.bool_] | None:
        """Half of the people, by a hash of their ids. On those whose groups it was fitted to, a projection has taken
        away chance, too: a tenth of it reads there like all of it, and hides little of anybody else. A method that asks
        for a person's group does nothing without it; and no half may lack a group."""
        people = run.split.training.people
        half = mix(run.meta["seed"] + HALVES, id_hash(people[USER_ID])) < np.uint64(2**63)
        groups = form_compared(chosen.groups, people)
        few = any((one.take(np.flatnonzero(part)).sizes < spec.min_size).any()
                  for one, spec in zip(groups, chosen.groups, strict=True) for part in (half, ~half))  # fmt: skip
        return None if find_method(chosen.method).asks or few else half

    def outcome(self, work: Work) -> At:
        """Lists by the changed vectors, and the vectors."""
        run, part, groups = work.run, work.part, work.groups
        fitted: Any = run.fitted
        method, data = find_method(work.chosen.method), run.split.training
        history = data.train if part == "valid" else run.split.known
        seen = history.matrix(data.n_users, data.n_items)
        hashes = data.item_hashes
        vectors = work.vectors
        if vectors is None:
            vectors = fitted.user_vectors(np.arange(data.n_users, dtype=np.int32), history)

        def at(strength: float, progress: Progress) -> Outcome:
            moved = method.fit(vectors, groups, strength, run.meta["seed"])(vectors, groups)
            parts = [
                ranking.top_k(
                    fitted.score_vectors(moved[start:stop]), seen[start:stop], work.k, hashes, run.meta["seed"]
                )
                for start, stop in ranking.batches(data.n_users, data.n_items)
            ]
            lists = Lists(np.concatenate([p.items for p in parts]), np.concatenate([p.scores for p in parts]))
            return Outcome(run, lists, moved)

        return at


class _Reranking(Place):
    key, title = "reranking", words.later("Re-ranking")
    crosses = True

    def depth(self, k: int, candidates: int) -> int:
        """A re-ranker is one for lists of k: at full depth it would be another one, or none (fair_rec, p_mmf)."""
        return k

    def outcome(self, work: Work) -> At:
        """Lists in another order, with the recommender's own scores."""
        run, data = work.run, work.run.split.training
        reranker = find_method(work.chosen.method).reranker(rerank_input(run, work.chosen, work.k, work.part))
        candidates = run.candidates(work.part)
        row = np.arange(data.n_users, dtype=np.int64)[:, None] * (data.n_items + 1)
        keys = (row + candidates.items).ravel()  # one number a (user, candidate)
        order = np.argsort(keys, kind="stable")

        def at(strength: float, progress: Progress) -> Outcome:
            items = reranker(strength)
            # The scores stay the recommender's own: they are looked up where the item stands among the candidates.
            place = order[np.searchsorted(keys, (row + items).ravel(), sorter=order).clip(max=len(keys) - 1)]
            scores = candidates.scores.ravel()[place].reshape(items.shape)
            return Outcome(run, Lists(items, np.where(items >= 0, scores, np.float32(np.nan))), work.vectors)

        return at


PLACES: dict[str, Place] = {place.key: place for place in (_Data(), _Training(), _Vectors(), _Reranking())}


def place_of(method: str) -> Place:
    """Where the mitigation of that name acts. Raises ConfigError for an unknown one."""
    return PLACES[find_method(method).info.place]


def balanced(chosen: Mitigation) -> tuple[GroupSpec, ...]:
    """The attributes of people that the method is fair between: where its place crosses them, what is equal for all
    combinations is equal for each attribute."""
    several = len(chosen.groups) > 1 and place_of(chosen.method).crosses
    return (GroupSpec.crossed(chosen.groups),) if several else chosen.groups


def offers(recommender: str, options: Mapping[str, Any]) -> frozenset[str]:
    """What a recommender with such options offers to mitigations; lists of another system offer nothing."""
    info = RECOMMENDERS.get(recommender)
    return frozenset() if info is None else info.offered(options)


def offered_by(run: Run) -> frozenset[str]:
    """What a run and its items offer to mitigations: its recommender's, "profile" only where a profile was trained,
    and "categories" where lists can mix two of them."""
    found = set(offers(run.meta["recommender"], run.meta["options"]))
    if not run.meta["options"].get("profile"):
        found.discard("profile")
    if sum(name != UNKNOWN for name in run.split.training.categories.names) > 1:
        found.add("categories")
    return frozenset(found)


def lacking(method: str, recommender: str, offered: Collection[str]) -> ConfigError | None:
    """The first thing that a recommender or its items lack for a method, as the error to raise; None: nothing."""
    lacks = place_of(method).lacks(find_method(method).info, offered)
    if not lacks:
        return None
    able = offering(lacks[0])
    named = words.say("a run of lists of another system") if recommender == "lists" else recommender
    hint = (
        words.say("Choose a run of {recommenders}, or another method.", recommenders=words.say(" or ").join(able))
        if able
        else words.say("Choose another method.")
    )
    return ConfigError(words.say(_LACKS[lacks[0]], method=method, recommender=named), hint)


def rerank_input(run: Run, chosen: Mitigation, k: int, part: str) -> RerankInput:
    """What a re-ranker may see of a run, for validation or for test: never test truth."""
    from fairdash.recommenders.base import ProbabilityFitted

    data = run.split.training
    history = data.train if part == "valid" else run.split.known
    popularity = np.bincount(history.item, minlength=data.n_items).astype(np.float64)
    between = balanced(chosen)
    users = form_all(between, data.people)
    items = None if chosen.item_group is None else item_groups(chosen.item_group, data.items, popularity)
    candidates = run.candidates(part)
    probability = None
    info = find_method(chosen.method).info
    predicting = run.fitted if run.has_model and isinstance(run.fitted, ProbabilityFitted) else None
    if predicting is not None and "probabilities" in (*info.needs, *info.wants):
        row, place = np.nonzero(candidates.items >= 0)
        probability = np.full(candidates.items.shape, np.nan, dtype=np.float32)
        pairs = (row.astype(np.int32), candidates.items[row, place])
        probability[row, place] = predicting.probability(*pairs, history)
    likes = data.valid
    if data.relevance_threshold is not None:
        likes = likes.take(np.flatnonzero(likes.rating >= data.relevance_threshold))
    asked = run.split.asked
    if asked is not None:  # nobody else has a list, so nobody else belongs to what is measured
        users = [group.take(np.where(asked, np.arange(len(asked)), -1)) for group in users]
        likes = likes.take(np.flatnonzero(asked[likes.user]))
    return RerankInput(
        candidates=candidates,
        k=k,
        n_items=data.n_items,
        item_ids=data.items[ITEM_ID].to_numpy(dtype=object),
        history=history.matrix(data.n_users, data.n_items),
        popularity=popularity,
        categories=data.categories,
        user_groups=users[0] if users else None,
        item_groups=items,
        probability=probability,
        valid=likes.matrix(data.n_users, data.n_items),
        # what is fitted on validation likes needs the candidates of that time: at test they are history
        fitting=None if part == "valid" else rerank_input(run, chosen, k, "valid"),
        seed=run.meta["seed"],
        user_least=min((group.min_size for group in between), default=settings.MIN_GROUP_SIZE),
        item_least=settings.MIN_GROUP_SIZE if chosen.item_group is None else chosen.item_group.min_size,
    )
