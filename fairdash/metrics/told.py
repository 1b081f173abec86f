"""Lists that a language model gave when it was told who somebody is, held against those that it gave when it was told
nothing: FaiRLLM's SNSR and SNSV, for each attribute, from the lists alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.hashing import Hashes
from fairdash.metrics import bootstrap, floor, sensitivity
from fairdash.metrics.catalogue import METRICS
from fairdash.metrics.groups import p_value
from fairdash.schema import Codes

Array = NDArray[np.float64]
NEUTRAL = ("", "")  # the attribute and value of lists of somebody of whom nothing was said
SHUFFLES = 200  # orders of each person's similarities to the neutral list
FIRST = "flip_jaccard"  # the similarity that SNSR and SNSV are told in


def spreads(
    similarity: Mapping[str, Array], names: Sequence[str], weights: NDArray[np.uint8], seed: int
) -> dict[str, tuple[float, tuple[float, float], Array, dict[str, Any]]]:
    """snsr and snsv: value, 95 % interval and replicates in FIRST, and what belongs beside them. similarity: of each
    value's lists to the neutral ones [values, n], by key of SIMILARITIES."""
    found = {key: sensitivity.spread(rows, weights, shuffles=SHUFFLES, seed=seed) for key, rows in similarity.items()}
    result = {}
    for name in ("snsr", "snsv"):
        by_similarity: dict[str, dict[str, Any]] = {}
        for key, spread in found.items():
            value, boot = getattr(spread, name), getattr(spread, f"{name}_replicates")
            shuffled = getattr(spread, f"{name}_shuffled")
            p = p_value(value, shuffled)
            # never below 0 and biased upward: an interval begins at 0 unless the data say otherwise
            ci = bootstrap.Estimate(value, boot, "distance", METRICS[name].low, METRICS[name].high).ci
            by_similarity[key] = {
                "value": value,
                "ci": [float(ci[0]), float(ci[1])],
                "p_value": p,
                **floor.beside(value, shuffled, boot, p),
                "similarity": {one: float(mean) for one, mean in zip(names, spread.similarity, strict=True)},
            }
        first = by_similarity[FIRST]
        beside: dict[str, Any] = {
            key: first[key] for key in ("p_value", "floor", "above_floor", "above_floor_ci") if key in first
        }
        more = {"similarity": FIRST, **beside, "by_similarity": by_similarity}
        low, high = first["ci"]
        result[name] = (first["value"], (low, high), getattr(found[FIRST], f"{name}_replicates"), more)
    return result


NO_NEUTRAL = words.later("there are no neutral lists: some whose value is empty, or “neutral”, of the same people")
ONE_VALUE = words.later("there are lists of one value alone, and of two there is a difference")
NOBODY = words.later("nobody with a neutral list was asked with each value")


def by_attribute(
    lists: Mapping[tuple[str, str], Codes],
    hashes: Hashes,
    *,
    asked: Mapping[tuple[str, str], NDArray[np.bool_]] | None = None,
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
) -> dict[str, Any]:
    """{attribute: {n, left_out, snsr, snsv}} as plain values, or {n, left_out, reason} where there are none. lists:
    [n, k] by (attribute, value), those under NEUTRAL among them. asked: [n] by the same, who was asked so; None:
    everybody. n: people with a neutral list who were asked with each value; left_out: those who were not. A list that
    was asked for and is empty is as unlike as can be: a model that declines for some treats them otherwise."""
    neutral = lists.get(NEUTRAL)
    result: dict[str, Any] = {}
    for attribute in dict.fromkeys(name for name, _ in lists if name):
        values = [value for name, value in lists if name == attribute]
        if neutral is None or len(values) < 2:
            result[attribute] = {"n": 0, "left_out": 0, "reason": NO_NEUTRAL if neutral is None else ONE_VALUE}
            continue
        listed = (neutral >= 0).any(axis=1)
        each = np.all([asked[attribute, value] for value in values], axis=0) if asked else np.ones_like(listed)
        there, left_out = np.flatnonzero(listed & each), int(np.count_nonzero(listed & ~each))
        if not len(there):
            result[attribute] = {"n": 0, "left_out": left_out, "reason": NOBODY if listed.any() else NO_NEUTRAL}
            continue
        weights = bootstrap.weights(hashes[there], replicates, seed)
        similarity = {
            key: np.stack([function(lists[attribute, value][there], neutral[there]) for value in values])
            for key, function in sensitivity.SIMILARITIES.items()
        }
        rows = {
            name: {"value": value, "ci": list(ci), **more}
            for name, (value, ci, _, more) in spreads(similarity, values, weights, seed).items()
        }
        result[attribute] = {"n": len(there), "left_out": left_out, **rows}
    return result
