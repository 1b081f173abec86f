"""A fairness gate: conditions on an audit, for continuous integration."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.metrics.value import Audit

_GATE_FIELDS = ("gap", "ratio", "mad", "std", "ci")


def gate(audit: Audit, conditions: Sequence[str]) -> list[str]:
    """What breaks conditions such as "gender.ndcg.gap=0.02": one sentence each, none when all hold.

    A condition is attribute.metric.field=limit with field gap, ratio, mad, std or ci (its lower end); it breaks when
    the size of the number is above the limit, a ratio when it is below. An undefined number breaks no condition but
    cannot pass unseen: it is an error. Raises ConfigError for names that this audit does not have.
    """
    broken = []
    for text in conditions:
        path, equals, limit_text = text.rpartition("=")
        try:
            limit = float(limit_text)
        except ValueError:
            limit = math.nan
        parts = path.strip().rsplit(".", 2)
        if not equals or math.isnan(limit) or len(parts) != 3:
            raise ConfigError(f"{text!r} is no condition.", "Write attribute.metric.gap=limit: gender.ndcg.gap=0.02")
        attribute, metric, number = parts
        named = audit.results["gaps"]
        if attribute not in named:
            raise ConfigError(
                f"{text!r}: this audit has no attribute {attribute!r}; it has {', '.join(named) or 'none'}.",
                "Add it with --group, or name one of these.",
            )
        if metric not in named[attribute]:
            raise ConfigError(f"{text!r}: there is no gap of {metric!r}.", f"There are: {', '.join(named[attribute])}.")
        if number not in _GATE_FIELDS:
            raise ConfigError(f"{text!r}: a gap has no {number!r}.", f"It has: {', '.join(_GATE_FIELDS)}.")
        value = named[attribute][metric][number]
        falls = number == "ratio" or (number == "ci" and metric.startswith("demographic_parity_ratio"))  # 1 is fair
        if number == "ci" and value is not None:
            # the end that is nearest to fair: the upper one where 1 is fair or where unfairness is negative
            below_zero = metric == "generalized_cross_entropy"
            value = value[1] if falls else -value[1] if below_zero else value[0]
        if value is None:
            gap, undefined = f"gaps.{attribute}.{metric}", audit.results["undefined"]
            reason = undefined.get(f"{gap}.{number}") or undefined.get(gap, "it is undefined here")
            raise ConfigError(f"{text!r} cannot be judged: {reason}.", "Drop the condition, or give the data it needs.")
        if (value < limit) if falls else (abs(value) > limit if number != "ci" else value > limit):
            side = "below" if falls else "above"
            broken.append(f"{attribute}.{metric}.{number} is {words.brief(value)}, {side} {words.brief(limit)}")
    return broken
