"""Group means and counts that may leave the house: differentially private ones, with the noise in their interval.

Whether one person was among them changes the probability of any outcome by a factor of at most e^ε (Dwork et al. 2006,
Calibrating Noise to Sensitivity, TCC). Each person counts in one group, so that all groups together take one ε, half of
it for how many they are and half for the sum of their values. Values are whole numbers of thousandths of the metric's
range, and the noise is a whole number too: nothing leaks through the last digits of floats (Mironov 2012, On
Significance of the Least Significant Bits, CCS). The noise is OpenDP's, which is an extra.

What a group is called, and that there is such a group, is told as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash import budget, words
from fairdash.errors import ConfigError
from fairdash.hashing import digest
from fairdash.metrics.catalogue import METRICS
from fairdash.schema import Groups
from fairdash.stages.people import People

GRAIN = 1000  # values of a person, from the lowest to the highest
SMALLEST, LARGEST = 0.01, 10.0  # ε
DRAWS = 4000  # of the noise, for an interval
FEWEST_TOLD = 2.0  # a group's mean is told where its count is so many times the noise in it


def metrics(people: People) -> list[str]:
    """The metrics that can be released: of single people, and between two ends."""
    found = []
    for key, measure in people.measures.items():
        if math.isfinite(METRICS[key].low) and math.isfinite(METRICS[key].high):
            found += [key] if set(np.unique(measure.below)) <= {0.0, 1.0} else []
    return found


def release(people: People, metric: str, epsilon: float) -> dict[str, Any]:
    """The groups' counts and means of a metric as plain JSON: of each how many have a value, the mean of these, and the
    95 % interval of both, over the noise and, for the mean, over people. A mean is None where the noise is as large as
    the group. epsilon: from 0.01 to 10; smaller tells less.

    Raises ConfigError for an ε out of bounds, a metric without ends, people in several groups, and where OpenDP is not
    installed."""
    _check(people, metric, epsilon)
    ends = METRICS[metric].low, METRICS[metric].high
    return {
        "metric": metric,
        "attribute": people.groups.attribute,
        "k": people.k,
        "epsilon": epsilon,
        "groups": _noisy(people.measures[metric].each, people.groups, epsilon, *ends),
        "conventions": {
            "privacy": words.say("differential privacy: a person more or less changes the probability of any outcome "
                                 "by a factor of at most e^ε"),
            "interval": words.say("95 %, over the noise that was added and over people"),
        },
    }  # fmt: skip


def paid(ledger: Path, people: People, metric: str, epsilon: float) -> budget.Release:
    """The release, paid from a ledger, and given again at no cost to whoever asks the same. Raises as `release` does,
    ConfigError where more is asked than is left, and DataError for a damaged ledger."""
    _check(people, metric, epsilon)
    return budget.spend(ledger, name(people, metric, epsilon), epsilon, lambda: release(people, metric, epsilon))


def _check(people: People, metric: str, epsilon: float) -> None:
    if not SMALLEST <= epsilon <= LARGEST:
        raise ConfigError(
            words.say("ε is {epsilon}.", epsilon=words.brief(epsilon)),
            words.say("Choose one from {low} to {high}.", low=words.brief(SMALLEST), high=words.brief(LARGEST)),
        )
    if metric not in metrics(people):
        raise ConfigError(
            words.say("{metric} cannot be released: it is no value of single people between two ends.", metric=metric),
            words.say("There are {names}.", names=", ".join(metrics(people))),
        )
    if people.groups.several:
        raise ConfigError(
            words.say("Some people are in several groups of {attribute}, so that each would count several times.",
                      attribute=people.groups.attribute),
            words.say("Choose an attribute of which each has one value."),
        )  # fmt: skip


def name(people: People, metric: str, epsilon: float) -> str:
    """What a release is kept and given again as, whichever door asks: the digest of all that it is drawn from."""
    groups = people.groups
    return digest(metric, people.k, epsilon, people.measures[metric].each, groups.attribute, list(groups.names),
                  groups.codes)  # fmt: skip


def _noisy(
    values: NDArray[np.float64], groups: Groups, epsilon: float, low: float, high: float
) -> list[dict[str, Any]]:
    """A row a group, from values [n] (NaN: none) between low and high."""
    told = ~np.isnan(values) & (groups.codes >= 0)
    part = np.clip((values[told] - low) / (high - low), 0.0, 1.0)
    codes, size = groups.codes[told], len(groups.names)
    counts = np.bincount(codes, minlength=size)
    sums = np.bincount(codes, np.rint(part * GRAIN), minlength=size)
    noise = 2.0 / epsilon  # scale of the noise in a count; in a sum it is GRAIN times as large
    n = np.array(_with_noise(counts.astype(int).tolist(), 1, epsilon / 2), float)
    total = np.array(_with_noise(sums.astype(int).tolist(), GRAIN, epsilon / 2), float) / GRAIN
    span = noise * math.log(20.0)  # that the noise of a count stays within in 95 % of cases
    rows = []
    for name, people, liked in zip(groups.names, n, total, strict=True):
        row = {"group": name, "n": max(0.0, people), "n_ci": [max(0.0, people - span), max(0.0, people + span)]}
        mean, ends = _mean(people, liked, noise)
        scaled = [None if one is None else low + (high - low) * one for one in (mean, *ends)]
        rows.append({**row, "value": scaled[0], "value_ci": scaled[1:]})
    return rows


def _mean(n: float, total: float, noise: float) -> tuple[float | None, tuple[float | None, float | None]]:
    """The mean of values from 0 to 1 and the ends of its interval, from what was released alone: its noise drawn anew,
    and as much spread over people as such a mean allows, p(1 − p), which no variance exceeds."""
    if n < FEWEST_TOLD * noise:
        return None, (None, None)
    rng = np.random.default_rng(0)
    drawn_n = np.maximum(n - rng.laplace(0.0, noise, DRAWS), 1.0)
    drawn = np.clip((total - rng.laplace(0.0, noise, DRAWS)) / drawn_n, 0.0, 1.0)
    over_people = rng.normal(0.0, 1.0, DRAWS) * np.sqrt(drawn * (1.0 - drawn) / drawn_n)
    ends = np.quantile(np.clip(drawn + over_people, 0.0, 1.0), [0.025, 0.975])
    return float(np.clip(total / n, 0.0, 1.0)), (float(ends[0]), float(ends[1]))


def _with_noise(numbers: Sequence[int], sensitivity: int, epsilon: float) -> list[int]:
    """Whole numbers with noise of a discrete Laplace distribution, where one person changes one of them by at most
    `sensitivity`; its loss is held against ε by OpenDP. Raises ConfigError where that is not installed."""
    try:
        import opendp.prelude as dp
    except ImportError as error:
        raise ConfigError(
            words.say("A private release needs OpenDP, which is not installed."),
            words.say("Install it: pip install 'fairdash[private]'."),
        ) from error
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    # A touch more than sensitivity / ε, so that the loss as OpenDP rounds it upwards stays within ε.
    noisy = space >> dp.m.then_laplace(scale=sensitivity / epsilon * (1 + 1e-9))
    assert noisy.map(sensitivity) <= epsilon
    return [int(number) for number in noisy(list(numbers))]
