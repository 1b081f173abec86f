"""The trade-off between accuracy and a fairness target over strengths, on validation, and the choice of a point on it.

    judge = Judge(input at validation, method.info.target)
    points = trace(lambda strength: lists at validation, judge)
    best = choose(points, "accuracy-budget")

Works for every method: what is traced is any function from a strength to lists. Test truth plays no part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash import settings, words
from fairdash.errors import ConfigError
from fairdash.metrics import accuracy, bootstrap
from fairdash.metrics.catalogue import METRICS
from fairdash.metrics.results import plain
from fairdash.mitigation.base import RerankInput
from fairdash.mitigation.targets import BETWEEN_PEOPLE, TARGETS, Target, target
from fairdash.progress import Progress, silent
from fairdash.schema import Codes, Groups

Array = NDArray[np.float64]

GRID = tuple(round(step / 20, 2) for step in range(21))
REPLICATES = 200
ACCURACY_BUDGET = 0.05  # part of the NDCG before that may be lost
GAP_BUDGET = 0.5  # part of the way to fairness that must be gone, where no bound is given

RULES = {
    "accuracy-budget": words.later("The fairest point that loses at most this part of NDCG."),
    "gap-budget": words.later("The most accurate point whose target is at least as fair as this bound."),
    "knee": words.later("The point where more fairness starts to cost more than it did."),
}


@dataclass(frozen=True)
class Point:
    """One strength on validation. `value` is the target metric in its unit, `better` 1 where higher is fairer
    and -1 where lower is. ci: 95 % percentile intervals over users; change_ci: of the differences from strength 0, on
    the same replicates. NaN where undefined."""

    strength: float
    target: str
    better: int
    value: float
    ci: tuple[float, float]
    change: float
    change_ci: tuple[float, float]
    ndcg: float
    ndcg_ci: tuple[float, float]
    ndcg_change: float
    ndcg_change_ci: tuple[float, float]

    @property
    def unfairness(self) -> float:
        """The target with the sign that makes lower fairer."""
        return -self.better * self.value

    def to_json(self) -> dict[str, Any]:
        """As plain values; null where undefined."""
        made: dict[str, Any] = plain(asdict(self))  # what is undefined is null
        return made


class Judge:
    """Measures lists on validation: one fairness target, and NDCG; 2 to 20 ms for 6,040 people.

    data: the input at validation time, with validation likes. groups: attributes of people (none: the one of `data`);
    where the target compares people, that of the attribute where it is unfairest counts. A target that lists do not
    show (such as probe_auc) is measured elsewhere and handed to `point`. Raises ConfigError when there are no likes, or
    when the target compares groups that are absent.
    """

    def __init__(
        self,
        data: RerankInput,
        key: str,
        *,
        groups: Sequence[Groups] = (),
        replicates: int = REPLICATES,
        min_group_size: int = settings.MIN_GROUP_SIZE,
    ) -> None:
        if data.valid is None or not data.valid.nnz:
            raise ConfigError("There are no validation likes to tune on.", "Choose a split with a validation part.")
        self.key = key
        between = [replace(data, user_groups=one) for one in groups] if key in BETWEEN_PEOPLE else []
        self.targets = [target(key, one, min_group_size) for one in between or [data]] if key in TARGETS else []
        self.better = self.targets[0].better if self.targets else _towards(key)
        self.n_items = data.n_items
        self._starts = data.valid.indptr.astype(np.int64)
        self._liked = data.valid.indices.astype(np.int32)
        n_users = len(self._starts) - 1
        drawn = bootstrap.weights(np.arange(n_users, dtype=np.uint64), replicates, data.seed).T
        # the first row counts everybody once: the point value; the others are its bootstrap replicates
        self._weights = np.vstack([np.ones(n_users, dtype=np.float32), drawn.astype(np.float32)])
        self._zero: tuple[Array, Array] | None = None

    def point(self, strength: float, items: Codes, measured: Array | None = None) -> Point:
        """The lists' place on the trade-off. Changes are against the lists of strength 0, which come first.

        measured: value and its replicates [1 + r] of a target that lists do not show.
        """
        hits = accuracy.hits(items, self._starts, self._liked, self.n_items)
        ndcg = accuracy.per_user(hits, np.diff(self._starts), items.shape[1])["ndcg"]
        known = np.isfinite(ndcg)
        sums = self._weights @ np.stack([np.where(known, ndcg, 0.0), known], axis=1).astype(np.float32)
        accurate = sums[:, 0].astype(np.float64) / np.maximum(sums[:, 1], 1e-9)
        if not self.targets:
            assert measured is not None, f"{self.key} is measured elsewhere"
            fair = measured
        else:
            fair = unfairest([self._measured(one, items, hits) for one in self.targets], self.better)
        if strength == 0.0 or self._zero is None:
            self._zero = (fair, accurate)
        fair_change, accurate_change = fair - self._zero[0], accurate - self._zero[1]
        return Point(
            strength=strength,
            target=self.key,
            better=self.better,
            value=float(fair[0]),
            ci=_interval(fair),
            change=float(fair_change[0]),
            change_ci=_interval(fair_change),
            ndcg=float(accurate[0]),
            ndcg_ci=_interval(accurate),
            ndcg_change=float(accurate_change[0]),
            ndcg_change_ci=_interval(accurate_change),
        )

    def _measured(self, one: Target, items: Codes, hits: NDArray[np.bool_]) -> Array:
        """The target's value and its replicates [1 + r]."""
        columns = one.columns(items, hits)
        total = self._weights @ (columns if sparse.issparse(columns) else columns.astype(np.float32))
        return one.of(np.asarray(total, dtype=np.float64))


def unfairest(values: Sequence[Array], better: int) -> Array:
    """Of values of several attributes [r] each, the least fair one, replicate by replicate; better: as of `Target`."""
    return np.asarray((np.fmin if better > 0 else np.fmax).reduce(np.stack(values)))


def _towards(key: str) -> int:
    """Which way is fairer for a metric of the model side; one with a fair value in the middle, such as probe_auc, lies
    above it wherever there is something to mitigate."""
    info = METRICS[key]
    return info.better if info.target is None else -1


def _interval(values: Array) -> tuple[float, float]:
    """95 % interval of values[0] from its replicates values[1:], whose median is moved to it: resampling people makes
    lists more alike than they are, so that the replicates of gini and of a largest gap lie off the value."""
    known = values[1:][np.isfinite(values[1:])]  # a group may have no likes under some of the weights
    return bootstrap.interval(known - np.median(known) + values[0]) if len(known) else (np.nan, np.nan)


def trace(
    lists: Callable[[float], Codes],
    judge: Judge,
    strengths: Sequence[float] = GRID,
    *,
    measure: Callable[[float], Array] | None = None,
    progress: Progress = silent,
) -> tuple[Point, ...]:
    """The points at the strengths, 0 first and always among them. lists(strength): item codes [n_users, k];
    measure(strength): value and replicates [1 + r] of a target that lists do not show."""
    wanted = sorted({0.0, *strengths})
    points = []
    for i, strength in enumerate(wanted):
        items = lists(strength)
        points.append(judge.point(strength, items, None if measure is None else measure(strength)))
        progress(
            (i + 1) / len(wanted),
            f"Strength {words.brief(strength)}",
            {judge.key: points[-1].value, "ndcg": points[-1].ndcg},
        )
    return tuple(points)


def check_rule(rule: str, budget: float | None) -> None:
    """Raises ConfigError for an unknown rule, and for a budget that it cannot have: before hours of tuning."""
    if rule not in RULES:
        raise ConfigError(
            words.say("No rule is called {rule}.", rule=repr(rule)),
            words.say("Choose one of {names}.", names=", ".join(RULES)),
        )
    if budget is None:
        return
    if rule == "knee":
        raise ConfigError("The rule knee has no budget.", "Leave it out, or choose accuracy-budget or gap-budget.")
    if rule == "accuracy-budget" and not 0.0 <= budget <= 1.0:
        raise ConfigError(
            words.say(
                "The budget is {brief}, but the part of NDCG that may be lost lies between 0 and 1.",
                brief=words.brief(budget),
            ),
            "Give 0.05 for 5 %.",
        )
    if not np.isfinite(budget):
        raise ConfigError(
            words.say("The budget is {brief}, which is no bound on a target.", brief=words.brief(budget)),
            "Give a number in the target's own unit.",
        )


def choose(points: Sequence[Point], rule: str = "accuracy-budget", budget: float | None = None) -> Point:
    """The point that the rule picks; of equals the one of least strength.

    accuracy-budget  budget: part of NDCG at strength 0 that may be lost (default 0.05). The fairest of those within it.
    gap-budget       budget: bound on the target in its own unit (default: half the way from strength 0 to the fairest
                     point). The most accurate of those that meet it; the fairest of all where none does.
    knee             the point farthest from the straight line between the most accurate and the fairest one, both axes
                     scaled to 0…1 (Satopää et al. 2011); no budget.
    Raises ConfigError for an unknown rule or a budget that it cannot have, and when no point has both numbers.
    """
    check_rule(rule, budget)
    known = [point for point in points if np.isfinite(point.value) and np.isfinite(point.ndcg)]
    if not known:
        raise ConfigError(
            "Neither the target nor NDCG could be measured on validation, so no strength can be chosen.",
            "Give a strength, or choose groups that have validation likes.",
        )
    known.sort(key=lambda point: point.strength)
    start = known[0]
    fairest = min(known, key=lambda point: point.unfairness)
    if rule == "accuracy-budget":
        before = min(points, key=lambda point: point.strength)  # its target may be undefined
        least = (1 - (ACCURACY_BUDGET if budget is None else budget)) * before.ndcg
        within = [p for p in known if p.ndcg >= least]
        return min(within, key=lambda point: point.unfairness) if within else before
    if rule == "gap-budget":
        if budget is None:
            bound = start.unfairness + GAP_BUDGET * (fairest.unfairness - start.unfairness)
        else:
            bound = -start.better * budget
        meeting = [point for point in known if point.unfairness <= bound + 1e-12]
        return max(meeting, key=lambda point: point.ndcg) if meeting else fairest
    best = max(known, key=lambda point: point.ndcg)
    across, down = fairest.unfairness - best.unfairness, fairest.ndcg - best.ndcg
    if across == 0 or down == 0:
        return fairest if down == 0 else best
    between = [p for p in known if best.strength <= p.strength <= fairest.strength] or [best]
    # towards 1 in the first and 0 in the second: much of the fairness for little of the cost
    return max(between, key=lambda p: (p.unfairness - best.unfairness) / across - (p.ndcg - best.ndcg) / down)
