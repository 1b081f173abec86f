"""The tests of one attribute's metrics, taken together: Holm's correction, and which tests need more shufflings.

The correction is over what is really tested: equal gaps with equal p values, to rounding, are two names of one test
(recall and hit where everybody likes one item), and count once.

A p value of B shufflings is a draw itself. It is told from the limit that the correction sets it where, with the true p
at that limit, so few (or so many) of B shufflings would be beyond with a probability below UNSURE. Otherwise, and where
B is too small to pass at all, more are drawn for that metric alone.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from scipy.special import bdtr, bdtrc

from fairdash import words
from fairdash.metrics import bootstrap
from fairdash.metrics.groups import Gap

UNSURE = 0.05


def twins(named: Mapping[str, Gap]) -> dict[str, str]:
    """By metric, the first one that has the same test."""
    first: dict[str, str] = {}
    for metric, gap in named.items():
        same = (
            other
            for other in dict.fromkeys(first.values())
            if math.isclose(named[other].gap, gap.gap, rel_tol=1e-9, abs_tol=1e-12)
            and math.isclose(named[other].p_value, gap.p_value, rel_tol=1e-9)
        )
        first[metric] = next(same, metric)
    return first


def adjusted(named: Mapping[str, Gap]) -> dict[str, float]:
    """p by Holm over all tests, by metric; NaN without a test."""
    tests = twins(named)
    family = list(dict.fromkeys(tests.values()))
    p = dict(zip(family, bootstrap.holm([named[metric].p_value for metric in family]), strict=True))
    return {metric: p[first] for metric, first in tests.items()}


def undecided(named: Mapping[str, Gap]) -> set[str]:
    """Metrics whose p cannot be told from its limit by the shufflings it is made of."""
    return set(_undecided(named, _limits(named)))


def too_few(attribute: str, named: Mapping[str, Gap]) -> list[str]:
    """Said of metrics that cannot pass the correction, however large their gap, with the shufflings they have."""
    limits = _limits(named)
    lost = [key for key in _undecided(named, limits) if 1 / (1 + named[key].draws) >= limits[key]]
    if not lost:
        return []
    tests = len({first for key, first in twins(named).items() if not math.isnan(named[key].p_value)})
    needed = math.ceil(1 / min(limits[key] for key in lost))
    return [
        words.say(
            "{attribute}: {tests} metrics are tested, so that with {shufflings} shufflings {metrics} cannot pass the "
            "correction for all; it takes {needed} or more.",
            attribute=attribute,
            tests=tests,
            shufflings=words.join([words.number(draws, 0) for draws in sorted({named[key].draws for key in lost})]),
            metrics=words.join(lost),
            needed=needed,
        )
    ]


def _limits(named: Mapping[str, Gap]) -> dict[str, float]:
    """By metric, what p has to be below to pass when those with smaller p have passed."""
    tests = twins(named)
    family = sorted((named[key].p_value, key) for key in set(tests.values()) if not math.isnan(named[key].p_value))
    limits = {key: bootstrap.ALPHA / (len(family) - place) for place, (_, key) in enumerate(family)}
    return {key: limits[first] for key, first in tests.items() if first in limits}


def _undecided(named: Mapping[str, Gap], limits: Mapping[str, float]) -> Collection[str]:
    found = []
    for key in sorted(limits, key=lambda key: named[key].p_value):
        p, draws, limit = named[key].p_value, named[key].draws, limits[key]
        if not draws:  # all shufflings are known: p is what it is
            if p >= limit:
                break
            continue
        beyond = round(p * (1 + draws) - 1, 6)  # halves where some are equal
        few, many = bdtr(math.floor(beyond), draws, limit), bdtrc(math.ceil(beyond) - 1, draws, limit)
        if many < UNSURE:
            break  # it does not pass, and so none that follows
        if few >= UNSURE:
            found.append(key)
    return found
