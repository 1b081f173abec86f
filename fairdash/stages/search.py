"""A small search over a recommender's options: for accuracy, for a small gap between groups, or for both at once.

Every trial is fitted on train and measured on validation; test is not in the arguments. The sampler is Optuna's TPE
(Bergstra et al. 2011; of several objectives: Ozaki et al. 2022), one trial after the other, so that a seed gives the
same trials again. The first trial is the recommender's default. Trials are kept in the folder: a search that was
stopped goes on.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import optuna

from fairdash import identity, settings, words
from fairdash.engines import Engine
from fairdash.errors import Cancelled, ConfigError, FairDashError
from fairdash.hashing import digest
from fairdash.metrics import accuracy
from fairdash.progress import Progress, silent
from fairdash.recommenders import RECOMMENDERS, build, find, ranking, resolved
from fairdash.recommenders.base import Fitted, Range, Space
from fairdash.recommenders.options import parse
from fairdash.schema import ITEM_ID, Groups, TrainingData
from fairdash.workspace import write_json

Objective = Literal["accuracy", "gap", "both"]

TRIALS = "trials.json"
BUDGET = 0.05  # part of the best accuracy that the smallest gap may cost


@dataclass(frozen=True)
class Trial:
    """accuracy: mean validation NDCG@10, 0…1, higher is better. gap: largest minus smallest group mean of it, 0…1,
    lower is fairer. Both are None where the trial failed, and gap where no groups were given; note: why it failed."""

    number: int
    options: dict[str, Any]
    accuracy: float | None
    gap: float | None
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class Search:
    """All trials, and the chosen ones by number: one, or for "both" the Pareto front by falling accuracy."""

    recommender: str
    objective: Objective
    attribute: str
    seed: int
    trials: tuple[Trial, ...]
    chosen: tuple[int, ...]

    @property
    def best(self) -> Trial:
        """The (first) chosen trial; its options are what a training takes, the profile among them."""
        return self.trials[self.chosen[0]]

    @property
    def digest(self) -> str:
        """The name of all that the trials' numbers depend on."""
        return digest([(trial.options, trial.accuracy, trial.gap) for trial in self.trials], self.objective, self.seed)

    def to_json(self) -> dict[str, Any]:
        """As plain values; null where undefined."""
        return asdict(self)


def search(
    recommender: str,
    data: TrainingData,
    *,
    objective: Objective = "accuracy",
    groups: Groups | None = None,
    min_size: int = settings.MIN_GROUP_SIZE,
    space: Space | None = None,
    fixed: Mapping[str, Any] | None = None,
    trials: int = 12,
    seed: int = 0,
    device: str = "auto",
    folder: Path,
    engine: Engine | None = None,
    progress: Progress = silent,
) -> Search:
    """Try `trials` sets of options and choose by validation; engine: as many at once as it has workers, of which none
    knows how the others of them end. One after the other in this process where none is named.

    objective: "accuracy" is the highest NDCG@10; "gap" the smallest gap among trials that keep 95 % of the best
    accuracy (no gap is smaller than that of a recommender that fails everybody alike); "both" the trials of which no
    other one is better in both. groups: of users, for the gap; a group needs `min_size` people with validation likes.
    space: what is varied (default: what the recommender declares). fixed: options that all trials share.

    Raises ConfigError for an unknown recommender or option, for a gap without two groups, and where every trial fails;
    Cancelled from `progress`.
    """
    info = find(recommender)
    fixed = dict(fixed or {})
    space = {name: values for name, values in (space or info.space).items() if name not in fixed}
    _check(recommender, space, fixed, objective, groups, trials)
    folder.mkdir(parents=True, exist_ok=True)
    from fairdash.recommenders import device as devices

    ranges = {name: asdict(values) if isinstance(values, Range) else values for name, values in space.items()}
    between = None if groups is None else (groups.attribute, groups.names, groups.codes, min_size)
    shared, where = resolved(recommender, fixed), devices.choose(device).arithmetic
    key = identity.of("search", recommender, ranges, shared, objective, seed, data.digest, between, where)
    done = _stored(folder, key)
    study = _study(objective, seed)
    within, beyond = _defaults(recommender, space)
    study.enqueue_trial(within)
    results: list[Trial] = []
    trying = _Trying(recommender, data, groups, min_size, seed, device, folder.absolute(), trials)
    while len(results) < trials:
        at_once = min(1 if engine is None else engine.workers, trials - len(results))
        asked = [study.ask({name: _distribution(values) for name, values in space.items()}) for _ in range(at_once)]
        numbers = range(len(results), len(results) + at_once)
        wanted = [
            (number, {**fixed, **one.params, **({} if number else beyond)})
            for number, one in zip(numbers, asked, strict=True)
        ]
        fresh = wanted[max(0, len(done.trials) - len(results)) :]
        found: Iterator[Trial] = iter(())
        if fresh:
            found = (
                (trying.run(part, progress) for part in fresh)
                if engine is None
                else engine.each(_Trying.run, trying, fresh)
            )
        for number, one in zip(numbers, asked, strict=True):
            if number >= len(done.trials):
                done.append(next(found))
            trial = done.trials[number]
            results.append(trial)
            goals = (trial.accuracy,) if objective == "accuracy" else (trial.accuracy, trial.gap)
            told = [goal for goal in goals if goal is not None]
            if len(told) == len(goals) and (number or not beyond):  # what was drawn for such an option was not tried
                study.tell(one, told)
            else:
                study.tell(one, state=optuna.trial.TrialState.FAIL)
            values = {"accuracy": trial.accuracy, "gap": trial.gap}
            progress(
                (number + 1) / trials,
                words.say(
                    "Trial {number} of {trials}: {told}",
                    number=number + 1,
                    trials=trials,
                    told=trial.note or _said(trial),
                ),
                {name: value for name, value in values.items() if value is not None},
            )
    chosen = _choose(results, objective)
    if not chosen:
        raise ConfigError(
            words.say("No trial gave a usable result: {note}", note=results[0].note),
            "Narrow the ranges, or check the data.",
        )
    attribute = "" if groups is None else groups.attribute
    profile = {"profile": ",".join(data.profile)} if data.profile else {}
    named = tuple(replace(trial, options={**profile, **trial.options}) for trial in results)
    return Search(recommender, objective, attribute, seed, named, chosen)


def _check(
    recommender: str,
    space: Space,
    fixed: Mapping[str, Any],
    objective: str,
    groups: Groups | None,
    trials: int,
) -> None:
    config = RECOMMENDERS[recommender].options
    if objective not in get_args(Objective):
        raise ConfigError(
            words.say("There is no objective {objective}.", objective=repr(objective)),
            words.say("Choose one of: {names}.", names=", ".join(get_args(Objective))),
        )
    if objective != "accuracy" and (groups is None or (groups.sizes > 0).sum() < 2):
        raise ConfigError("A gap needs at least two groups of people.", "Choose an attribute with two known values.")
    if trials < 1:
        raise ConfigError(words.say("{trials} trials are none.", trials=trials), "Choose at least one.")
    if not space:
        raise ConfigError(
            words.say("{recommender} has no option to vary here.", recommender=recommender),
            "Choose another recommender.",
        )
    ends = {name: values.low if isinstance(values, Range) else values[0] for name, values in space.items()}
    for name, values in space.items():
        if isinstance(values, Range) and not (values.low < values.high and (values.low > 0 or not values.log)):
            raise ConfigError(
                words.say(
                    "{name}: {low} to {high} is no range.", name=name, low=f"{values.low:g}", high=f"{values.high:g}"
                ),
                "Give low < high, above 0 for log.",
            )
    tops = {name: values.high if isinstance(values, Range) else values[-1] for name, values in space.items()}
    parse(config, {**fixed, **ends})
    parse(config, {**fixed, **tops})


def _defaults(recommender: str, space: Space) -> tuple[dict[str, Any], dict[str, Any]]:
    """The usual options: those that lie in the space, and those beside it, such as one that goes by the data."""
    default = RECOMMENDERS[recommender].options()
    within: dict[str, Any] = {}
    beyond: dict[str, Any] = {}
    for name in space:
        value = getattr(default, name)
        (within if _lies_in(value, space[name]) else beyond)[name] = value
    return within, beyond


def _lies_in(value: Any, values: Range | tuple[Any, ...]) -> bool:
    return values.low <= value <= values.high if isinstance(values, Range) else value in values


def _distribution(values: Range | tuple[Any, ...]) -> optuna.distributions.BaseDistribution:
    if not isinstance(values, Range):
        return optuna.distributions.CategoricalDistribution(values)
    if values.whole:
        return optuna.distributions.IntDistribution(int(values.low), int(values.high), log=values.log)
    return optuna.distributions.FloatDistribution(values.low, values.high, log=values.log)


def _study(objective: Objective, seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=5)
    if objective == "accuracy":
        return optuna.create_study(sampler=sampler, direction="maximize")
    return optuna.create_study(sampler=sampler, directions=["maximize", "minimize"])


@dataclass
class _Stored:
    """The finished trials of this very search, on disk."""

    path: Path
    key: str
    trials: list[Trial]

    def append(self, trial: Trial) -> None:
        self.trials.append(trial)
        write_json(self.path, {"key": self.key, "trials": [asdict(trial) for trial in self.trials]})


def _stored(folder: Path, key: str) -> _Stored:
    path = folder / TRIALS
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):  # none yet, or damaged: tried again
        said = json.loads(path.read_text("utf-8"))
        if said["key"] == key:
            return _Stored(path, key, [Trial(**row) for row in said["trials"]])
    return _Stored(path, key, [])


@dataclass(frozen=True, eq=False)
class _Trying:
    """What all trials of a search share. trials: how many there are."""

    recommender: str
    data: TrainingData
    groups: Groups | None
    min_size: int
    seed: int
    device: str
    folder: Path
    trials: int

    def run(self, part: tuple[int, dict[str, Any]], progress: Progress = silent) -> Trial:
        """One fit, by its number and options, and its measures. Options that do not go together, or give no usable
        model, make a failed trial."""
        number, options = part

        def fitting(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
            progress(
                (number + done) / self.trials,
                words.say("Trial {number} of {trials}: {told}", number=number + 1, trials=self.trials, told=message),
            )

        started, place = time.monotonic(), self.folder / f"trial-{number}"
        try:
            fitted = build(self.recommender, options).fit(
                self.data, seed=self.seed, device=self.device, folder=place, progress=fitting
            )
            found, gap = measure(fitted, self.data, self.groups, min_size=self.min_size, seed=self.seed)
            note = ""
        except Cancelled:
            raise
        except FairDashError as error:
            found, gap, note = None, None, error.message
        shutil.rmtree(place, ignore_errors=True)
        return Trial(number, options, found, gap, round(time.monotonic() - started, 2), note)


def measure(
    fitted: Fitted, data: TrainingData, groups: Groups | None, *, min_size: int = settings.MIN_GROUP_SIZE, seed: int = 0
) -> tuple[float, float | None]:
    """Mean validation NDCG@10 over people with validation likes, and the gap between the means of groups of at least
    `min_size` such people; None where fewer than two are."""
    valid = data.valid
    if data.relevance_threshold is not None:
        valid = valid.take(np.flatnonzero(valid.rating >= data.relevance_threshold))
    if not len(valid):
        raise ConfigError("There are no validation likes to choose by.", "Split with a validation share above 0.")
    seen = data.train.matrix(data.n_users, data.n_items)
    ids = data.items[ITEM_ID].to_numpy()
    lists = ranking.rank_all(fitted, ids, data.train, data.n_users, seen, settings.K, seed=seed)
    starts = valid.starts(data.n_users)
    hits = accuracy.hits(lists.items, starts, valid.item, data.n_items)
    ndcg = accuracy.per_user(hits, np.diff(starts), settings.K)["ndcg"]
    known = np.isfinite(ndcg)
    gap = None
    if groups is not None:
        own = [ndcg[rows[known[rows]]] for rows in groups.members[:-1]]
        means = [float(values.mean()) for values in own if len(values) >= max(min_size, 1)]
        gap = max(means) - min(means) if len(means) > 1 else None
    return float(ndcg[known].mean()), gap


def _choose(trials: list[Trial], objective: Objective) -> tuple[int, ...]:
    done = [
        trial for trial in trials if trial.accuracy is not None and (objective == "accuracy" or trial.gap is not None)
    ]
    if not done:
        return ()
    best = max(done, key=lambda trial: (trial.accuracy, -trial.number))
    if objective == "accuracy":
        return (best.number,)
    pairs = [(trial, float(trial.accuracy or 0), float(trial.gap or 0)) for trial in done]
    if objective == "gap":
        least = (1 - BUDGET) * float(best.accuracy or 0)
        return (min((p for p in pairs if p[1] >= least), key=lambda p: (p[2], -p[1], p[0].number))[0].number,)
    front = [
        (trial, a, g)
        for trial, a, g in pairs
        if not any(a2 >= a and g2 <= g and (a2 > a or g2 < g or t2.number < trial.number) for t2, a2, g2 in pairs)
    ]
    return tuple(trial.number for trial, _, _ in sorted(front, key=lambda p: (-p[1], p[2])))


def _said(trial: Trial) -> str:
    gap = "" if trial.gap is None else f", gap {words.number(trial.gap, 4)}"
    return f"validation NDCG@10 {words.number(trial.accuracy, 4)}{gap}"
