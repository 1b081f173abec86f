"""Mitigate: a run and a method → lists at a strength that is given, or chosen on validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.errors import ConfigError
from fairdash.groups import form_all
from fairdash.metrics.catalogue import METRICS
from fairdash.mitigation import find_method
from fairdash.mitigation import sweep as sweeps
from fairdash.mitigation.base import Mitigation
from fairdash.mitigation.targets import TARGETS
from fairdash.progress import Progress, silent, within
from fairdash.run import Outcome, Run
from fairdash.schema import Floats, Lists
from fairdash.stages import places
from fairdash.stages.fit import TrainSpec

RULE = "accuracy-budget"
TUNING_REPLICATES = 200
Retrain = Callable[[TrainSpec, Progress], Run]


@dataclass(frozen=True, eq=False)
class Mitigated:
    """Lists [n_users, k] after a mitigation, and the run that they are of: the same, or one that was trained anew.

    title: the run's that it was applied to, and the methods with their strengths. chosen: the last method; strength: as
    given, or as chosen on validation; tuning: the points that were tried there, as plain values. vectors: user vectors
    [n_users, d] where a method changed them, else None. first: the methods applied before, with their strengths and
    tunings, as plain values."""

    title: str
    run: Run
    lists: Lists
    chosen: Mitigation
    strength: float
    tuning: list[dict[str, Any]]
    vectors: Floats | None = None
    first: tuple[dict[str, Any], ...] = ()

    def how(self) -> dict[str, Any]:
        """How they came to be, as plain values: title, first, mitigation, tuning."""
        return {
            "title": self.title,
            "first": list(self.first),
            "mitigation": {**self.chosen.to_json(), "strength": self.strength},
            "tuning": self.tuning,
        }


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
        raise ConfigError(
            words.say("k = {k} is not between 1 and {k_2}.", k=k, k_2=run.candidates().k), "Choose a shorter list."
        )
    orders = [places.place_of(step.method).order for step in (*first, chosen)]
    if orders != sorted(orders):
        raise ConfigError(
            words.say("{names} is out of order.", names=" and then ".join(step.method for step in (*first, chosen))),
            "Combine methods of data or training first, then of vectors, then of re-ranking.",
        )
    base, share = run.title, 1 / (len(first) + 1)
    told = within(progress, 0.0, 1 - share)
    run, steps = after(run, first, k, retrain=retrain, rule=rule, budget=budget, progress=told)
    start, tuned = 1 - share, 0.0 if chosen.strength is not None else 0.9 * share
    strength, tuning = _strength(run, chosen, k, retrain, (rule, budget), within(progress, start, tuned))
    told = within(progress, start + tuned, share - tuned)
    made = outcomes(run, chosen, k, "test", retrain)(strength, told)
    progress(1.0, words.say("{method} at strength {strength}", method=chosen.method, strength=words.brief(strength)))
    done = [*((step["method"], step["strength"]) for step in steps), (chosen.method, strength)]
    title = " + ".join([base, *(f"{method} ({words.brief(value)})" for method, value in done)])
    return Mitigated(title, made.run, made.lists, chosen, strength, tuning, made.vectors, steps)


def after(
    run: Run,
    first: Sequence[Mitigation],
    k: int,
    *,
    retrain: Retrain,
    rule: str = RULE,
    budget: float | None = None,
    progress: Progress = silent,
) -> tuple[Run, tuple[dict[str, Any], ...]]:
    """The run as these methods leave it, in order, at validation and at test time; and what was done, as plain values:
    the methods with their strengths and tunings. The rest as in `mitigate`."""
    steps, share = list[dict[str, Any]](), 1 / max(1, len(first))
    for i, step in enumerate(first):
        # the trainings of a sweep are its time; of a strength that is given, the first outcome is
        start, tuned = i * share, 0.0 if step.strength is not None else 0.9 * share
        strength, tuning = _strength(run, step, k, retrain, (rule, budget), within(progress, start, tuned))
        steps.append({**step.to_json(), "strength": strength, "tuning": tuning})
        depth = places.place_of(step.method).depth(k, run.candidates().k)
        at, left = {}, share - tuned
        for part, begin, size in (("valid", 0.0, 0.9), ("test", 0.9, 0.1)):
            told = within(progress, start + tuned + begin * left, size * left)
            made = outcomes(run, step, depth, part, retrain)(strength, told)
            at[part] = replace(made, lists=_completed(made.lists, run.candidates(part)))
        run = replace(at["test"].run, changed=at)
    return run, tuple(steps)


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
            words.say("{title} has no validation part, so no strength can be chosen from it.", title=run.title),
            "Give a strength, such as 0.5.",
        )
    withheld = None if info.target in TARGETS else places.place_of(chosen.method).withheld(run, chosen)
    at = outcomes(run, chosen, k, "valid", retrain, withheld)
    between = places.balanced(chosen)
    judge = sweeps.Judge(
        places.rerank_input(run, chosen, k, "valid"),
        info.target,
        groups=form_all(between, run.split.training.people),
        min_group_size=min((group.min_size for group in between), default=settings.MIN_GROUP_SIZE),
    )
    if strengths is None:
        strengths = places.place_of(chosen.method).strengths(cheap=bool(judge.targets))
    tried = sorted({0.0, *strengths})
    steps = {value: within(progress, i / len(tried), 1 / len(tried)) for i, value in enumerate(tried)}
    measure = None
    if not judge.targets:

        def measure(strength: float) -> NDArray[np.float64]:
            return _model_target(at(strength, steps[strength]), chosen, info.target, k, withheld)

    return sweeps.trace(
        lambda value: at(value, steps[value]).lists.items, judge, tried, measure=measure, progress=progress
    )


def _model_target(
    at: Outcome, chosen: Mitigation, key: str, k: int, withheld: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    """A target of the model side on validation: value and replicates [1 + r], lower or higher as the metric has it, of
    the attribute where it is unfairest; for one whose fair value lies in the middle, the distance from there counts.
    withheld: who is looked at, where not everybody."""
    from fairdash.stages.model_side import by_construction, measures

    split = at.run.split.on_validation
    if withheld is not None:
        split = replace(split, asked=withheld if split.asked is None else withheld & split.asked)
    found = measures(
        at.run.fitted,
        split,
        chosen.groups,
        at.lists,
        k=k,
        vectors=at.vectors,
        replicates=TUNING_REPLICATES,
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


def outcomes(
    run: Run,
    chosen: Mitigation,
    k: int,
    part: str,
    retrain: Retrain,
    withheld: NDArray[np.bool_] | None = None,
) -> places.At:
    """The method's outcome at any strength: what does not depend on it is done once, and no strength twice. withheld:
    people whose groups it is not told.

    Raises ConfigError where the run, or what was chosen, lacks what the method needs."""
    info = find_method(chosen.method).info
    # whether items have categories, the method itself says: chosen groups of items may stand in for them
    recommender = run.meta["recommender"]
    lacks = places.lacking(chosen.method, recommender, {*places.offers(recommender, run.meta["options"]), "categories"})
    if lacks is not None:
        raise lacks
    if "user_groups" in info.needs and not chosen.groups:
        raise ConfigError(
            words.say("{title} needs groups of people; none were given.", title=info.title),
            "Choose a user attribute with --group.",
        )

    def again(changed: Mitigation, progress: Progress) -> Run:
        spec = TrainSpec.of(run)
        return retrain(replace(spec, mitigations=(*spec.mitigations, changed)), progress)

    work = places.Work(run, chosen, k, part, again, withheld)
    outcome = places.place_of(chosen.method).outcome(work)
    known = {0.0: Outcome(run, run.candidates(part).top(k), work.vectors)}

    def at(strength: float, progress: Progress = silent) -> Outcome:
        if strength not in known:
            known[strength] = outcome(strength, progress)
        return known[strength]

    return at
