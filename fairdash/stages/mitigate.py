"""Mitigate: a run and a method → lists at a strength that is given, or chosen on validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash import settings
from fairdash.errors import ConfigError
from fairdash.groups import form_all
from fairdash.hashing import id_hash
from fairdash.item_classes import item_groups
from fairdash.metrics.catalogue import METRICS
from fairdash.mitigation import balanced, find_method
from fairdash.mitigation import sweep as sweeps
from fairdash.mitigation.base import Mitigation, RerankInput
from fairdash.progress import Progress, silent
from fairdash.recommenders import ranking
from fairdash.run import Outcome, Run
from fairdash.schema import ITEM_ID, Categories, Floats, Groups, GroupSpec, Lists
from fairdash.stages.compare import Aim
from fairdash.stages.fit import TrainSpec

RULE = "accuracy-budget"
RETRAIN_STRENGTHS = (0.0, 0.25, 0.5, 1.0)  # each above 0 costs a training
PROBE_STRENGTHS = tuple(round(0.1 * step, 1) for step in range(11))  # each costs a look at the model side
TUNING_REPLICATES = 200
PLACES = {"data": 0, "training": 0, "vectors": 1, "reranking": 2}  # the order in which methods can be combined
Retrain = Callable[[TrainSpec, Progress], Run]


@dataclass(frozen=True, eq=False)
class Mitigated:
    """Lists [n_users, k] after a mitigation, and the run that they are of: the same, or one that was trained anew.

    strength: as given, or as chosen on validation; tuning: the points that were tried there, as plain values.
    vectors: user vectors [n_users, d] where a method changed them, else None. first: the methods applied before, with
    their strengths and tunings, as plain values."""

    run: Run
    lists: Lists
    strength: float
    tuning: list[dict[str, Any]]
    vectors: Floats | None = None
    first: tuple[dict[str, Any], ...] = ()


def mitigate(
    run: Run,
    chosen: Mitigation,
    k: int,
    *,
    retrain: Retrain,
    first: Sequence[Mitigation] = (),
    rule: str = RULE,
    budget: float | None = None,
    progress: Progress = silent,
) -> Mitigated:
    """Apply a mitigation to a run, after those in `first`, each to what the one before it left. Strength None is chosen
    on validation by `rule` and `budget` (see `mitigation.sweep.choose`); test truth plays no part in it.

    retrain: gives the run of a changed spec, for methods of the places data and training. Raises ConfigError when the
    places of the methods are out of order: data and training come before vectors, those before re-ranking.
    """
    sweeps.check_rule(rule, budget)
    if not 1 <= k <= run.candidates().k:
        raise ConfigError(f"k = {k} is not between 1 and {run.candidates().k}.", "Choose a shorter list.")
    places = [PLACES[find_method(step.method).info.place] for step in (*first, chosen)]
    if places != sorted(places):
        raise ConfigError(
            f"{' and then '.join(step.method for step in (*first, chosen))} is out of order.",
            "Combine methods of data or training first, then of vectors, then of re-ranking.",
        )
    steps: list[dict[str, Any]] = []
    for step in first:
        strength, tuning = _strength(run, step, k, retrain, (rule, budget), progress)
        steps.append({**step.to_json(), "strength": strength, "tuning": tuning})
        # a re-ranker is one for lists of k: at full depth it would be another one, or none (fair_rec, p_mmf)
        depth = k if find_method(step.method).info.place == "reranking" else run.candidates().k
        at = {}
        for part in ("valid", "test"):
            made = _outcomes(run, step, depth, part, retrain, progress)(strength)
            at[part] = replace(made, lists=_completed(made.lists, run.candidates(part)))
        run = replace(at["test"].run, changed=at)
    strength, tuning = _strength(run, chosen, k, retrain, (rule, budget), progress)
    made = _outcomes(run, chosen, k, "test", retrain, progress)(strength)
    progress(1.0, f"{chosen.method} at strength {strength:g}")
    return Mitigated(made.run, made.lists, strength, tuning, made.vectors, tuple(steps))


def _completed(lists: Lists, candidates: Lists) -> Lists:
    """Lists [n, k], then the user's other candidates in their order: as deep as the candidates are."""
    if lists.k >= candidates.k:
        return lists
    taken = np.zeros(candidates.items.shape, dtype=bool)
    for place in range(lists.k):
        taken |= (candidates.items == lists.items[:, place, None]) & (candidates.items >= 0)
    rest = np.argsort(taken, axis=1, kind="stable")[:, : candidates.k - lists.k]
    return Lists(
        np.hstack([lists.items, np.take_along_axis(candidates.items, rest, 1)]),
        np.hstack([lists.scores, np.take_along_axis(candidates.scores, rest, 1)]),
    )


def _vectors(run: Run, part: str) -> Floats | None:
    """User vectors as an earlier method left them; None: the recommender's own."""
    return run.changed[part].vectors if part in run.changed else None


def _strength(
    run: Run, chosen: Mitigation, k: int, retrain: Retrain, rule: tuple[str, float | None], progress: Progress
) -> tuple[float, list[dict[str, Any]]]:
    if chosen.strength is not None:
        return chosen.strength, []
    points = sweep(run, chosen, k, retrain=retrain, progress=progress)
    return sweeps.choose(points, *rule).strength, [point.to_json() for point in points]


def sweep(
    run: Run,
    chosen: Mitigation,
    k: int,
    *,
    retrain: Retrain,
    strengths: Sequence[float] | None = None,
    progress: Progress = silent,
) -> tuple[sweeps.Point, ...]:
    """The method's trade-off between its target and NDCG over strengths, on validation, with intervals. Of several
    attributes, the one where the target is unfairest counts."""
    info = find_method(chosen.method).info
    if not len(run.split.training.valid):
        raise ConfigError(
            f"{run.title} has no validation part, so no strength can be chosen from it.",
            "Give a strength, such as 0.5.",
        )
    at = _outcomes(run, chosen, k, "valid", retrain, progress)
    judge = sweeps.Judge(
        rerank_input(run, chosen, k, "valid"),
        info.target,
        groups=form_all(balanced(chosen), run.split.training.users),
        min_group_size=min((group.min_size for group in balanced(chosen)), default=settings.MIN_GROUP_SIZE),
    )
    measure = None
    if not judge.targets:

        def measure(strength: float) -> NDArray[np.float64]:
            return _model_target(at(strength), chosen, info.target, k)

    if strengths is None:
        retrained = info.place in ("data", "training")
        strengths = RETRAIN_STRENGTHS if retrained else sweeps.GRID if measure is None else PROBE_STRENGTHS
    return sweeps.trace(lambda value: at(value).lists.items, judge, strengths, measure=measure, progress=progress)


def aims(mitigation: Mapping[str, Any] | None) -> tuple[Aim, ...]:
    """What the mitigation of lists (as their entry's meta says it) was meant to move: one aim for each attribute."""
    from fairdash.stages.compare import Aim

    if mitigation is None:
        return ()
    chosen = Mitigation.from_json(mitigation)
    info = find_method(chosen.method).info
    groups: tuple[GroupSpec, ...] = ()
    if "user_groups" in info.needs or METRICS[info.target].side == "model":
        groups = balanced(chosen)
    if not groups and chosen.item_group is not None and "item_groups" in info.needs:
        groups = (chosen.item_group,)
    return tuple(Aim(info.target, group.label) for group in groups) or (Aim(info.target),)


def _model_target(at: Outcome, chosen: Mitigation, key: str, k: int) -> NDArray[np.float64]:
    """A target of the model side on validation: value and replicates [1 + r], lower or higher as the metric has it, of
    the attribute where it is unfairest; for one whose fair value lies in the middle, the distance from there counts."""
    from fairdash.stages.model_side import by_construction, measures

    split = at.run.split
    nobody = split.training.valid.take(np.zeros(0, dtype=np.int64))
    past = replace(split, training=split.training.with_(valid=nobody), test=split.training.valid)
    found = measures(
        at.run.fitted, past, chosen.groups, at.lists, k=k, vectors=at.vectors, replicates=TUNING_REPLICATES
    )
    info = METRICS[key]
    each = []
    for group in chosen.groups:
        one = by_construction(found[group.label][key], TUNING_REPLICATES)
        values: NDArray[np.float64] = np.concatenate([[one.value], one.replicates])
        if key == "probe_auc":  # below 0.5 a cross-fitted probe reads chance: an overfitted removal, and no leak
            values = np.maximum(values, 0.5)
        each.append(values if info.target is None else info.target + np.abs(values - info.target))
    return sweeps.unfairest(each, info.better if info.target is None else -1)


def _outcomes(
    run: Run, chosen: Mitigation, k: int, part: str, retrain: Retrain, progress: Progress
) -> Callable[[float], Outcome]:
    """The method's outcome at any strength: what does not depend on it is done once, and no strength twice."""
    method = find_method(chosen.method)
    groups = form_all(chosen.groups, run.split.training.users)
    if "user_groups" in method.info.needs and not groups:
        raise ConfigError(
            f"{method.info.title} needs groups of people; none were given.", "Choose a user attribute with --group."
        )
    own = Outcome(run, run.candidates(part).top(k), _vectors(run, part))
    if method.info.place in ("data", "training"):
        spec = TrainSpec.of(run)

        def trained(strength: float) -> Outcome:
            changed = replace(chosen, strength=strength)
            made = retrain(replace(spec, mitigations=(*spec.mitigations, changed)), progress)
            return Outcome(made, made.candidates(part).top(k))

        outcome: Callable[[float], Outcome] = trained
    elif method.info.place == "vectors":
        outcome = _by_vectors(run, method, groups, k, part)
    else:
        outcome = _by_reranking(run, method, chosen, k, part)
    return cache(lambda strength: own if strength == 0.0 else outcome(strength))


def _by_reranking(run: Run, method: Any, chosen: Mitigation, k: int, part: str) -> Callable[[float], Outcome]:
    data = run.split.training
    reranker = method.reranker(rerank_input(run, chosen, k, part))
    candidates = run.candidates(part)
    row = np.arange(data.n_users, dtype=np.int64)[:, None] * (data.n_items + 1)
    keys = (row + candidates.items).ravel()  # one number a (user, candidate)
    order = np.argsort(keys, kind="stable")

    def outcome(strength: float) -> Outcome:
        items = reranker(strength)
        # The scores stay the recommender's own: they are looked up where the item stands among the candidates.
        place = order[np.searchsorted(keys, (row + items).ravel(), sorter=order).clip(max=len(keys) - 1)]
        scores = candidates.scores.ravel()[place].reshape(items.shape)
        return Outcome(run, Lists(items, np.where(items >= 0, scores, np.float32(np.nan))), _vectors(run, part))

    return outcome


def _by_vectors(run: Run, method: Any, groups: list[Groups], k: int, part: str) -> Callable[[float], Outcome]:
    from fairdash.recommenders.base import VectorFitted

    fitted, data = run.fitted, run.split.training
    if not isinstance(fitted, VectorFitted):
        raise ConfigError(
            f"{fitted.name} has no user vectors, which {method.info.key} changes.",
            "Choose a run of bert_sequence, or a re-ranking method.",
        )
    history = data.train if part == "valid" else run.split.known
    seen = history.matrix(data.n_users, data.n_items)
    hashes = id_hash(data.items[ITEM_ID])
    before = _vectors(run, part)
    vectors = fitted.user_vectors(np.arange(data.n_users, dtype=np.int32), history) if before is None else before

    def outcome(strength: float) -> Outcome:
        moved = method.fit(vectors, groups, strength, run.meta["seed"])(vectors, groups)
        parts = [
            ranking.top_k(fitted.score_vectors(moved[start:stop]), seen[start:stop], k, hashes, run.meta["seed"])
            for start, stop in ranking.batches(data.n_users, data.n_items)
        ]
        lists = Lists(np.concatenate([p.items for p in parts]), np.concatenate([p.scores for p in parts]))
        return Outcome(run, lists, moved)

    return outcome


def rerank_input(run: Run, chosen: Mitigation, k: int, part: str) -> RerankInput:
    """What a re-ranker may see of a run, for validation or for test: never test truth."""
    from fairdash.recommenders.base import ProbabilityFitted

    data = run.split.training
    history = data.train if part == "valid" else run.split.known
    popularity = np.bincount(history.item, minlength=data.n_items).astype(np.float64)
    between = balanced(chosen)
    users = form_all(between, data.users)
    items = None if chosen.item_group is None else item_groups(chosen.item_group, data.items, popularity)
    candidates = run.candidates(part)
    probability = None
    info = find_method(chosen.method).info
    predicting = run.fitted if run.has_model and isinstance(run.fitted, ProbabilityFitted) else None
    if "probabilities" in info.needs and predicting is None:
        raise ConfigError(
            f"{chosen.method} needs the probability that a person likes an item, which this run does not predict.",
            "Choose a run of bert_pair.",
        )
    if predicting is not None and "probabilities" in (*info.needs, *info.wants):
        row, place = np.nonzero(candidates.items >= 0)
        probability = np.full(candidates.items.shape, np.nan, dtype=np.float32)
        pairs = (row.astype(np.int32), candidates.items[row, place])
        probability[row, place] = predicting.probability(*pairs, history)
    likes = data.valid
    if data.relevance_threshold is not None:
        likes = likes.take(np.flatnonzero(likes.rating >= data.relevance_threshold))
    return RerankInput(
        candidates=candidates,
        k=k,
        n_items=data.n_items,
        history=history.matrix(data.n_users, data.n_items),
        popularity=popularity,
        categories=Categories.of(data.items),
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
