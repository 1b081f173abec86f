"""What was released of a data set under differential privacy, and how much of its budget that took: a file beside it.

Losses add up (Dwork & Roth 2014, The Algorithmic Foundations of Differential Privacy, theorem 3.14), so each release is
kept with its ε, and the same one is given again at no cost. A file that cannot be read is no reason to begin anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fairdash import settings, words
from fairdash.errors import ConfigError, DataError
from fairdash.workspace import sole, write_json

FILE = "privacy.json"
Release = Mapping[str, Any]


def releases(file: Path) -> dict[str, Release]:
    """The releases so far, by what they were asked as; each has its "epsilon". Raises DataError for a damaged file."""
    try:
        found = json.loads(file.read_text("utf-8"))
        return {str(key): {**one, "epsilon": float(one["epsilon"])} for key, one in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(
            words.say("{file} cannot be read: what was released so far is not known.", file=file),
            words.say("Put it back from a backup. Nothing more can be released of this data without it."),
        ) from error


def spent(file: Path) -> float:
    """The ε that all releases took together."""
    return sum(float(one["epsilon"]) for one in releases(file).values())


def spend(file: Path, asked: str, epsilon: float, make: Callable[[], Release]) -> Release:
    """The release of that name: the one that was made before, or a new one, which takes ε of `settings.PRIVACY_BUDGET`.
    It is kept before it is told. Raises ConfigError where that is more than is left, DataError for a damaged file."""
    with sole(file.with_suffix(".lock"), wait=lambda: None):
        known = releases(file)
        if asked in known:
            return known[asked]
        left = settings.PRIVACY_BUDGET - spent(file)
        if epsilon > left + 1e-9:
            raise ConfigError(
                words.say("{epsilon} is more than the {left} that is left of this data's ε.",
                          epsilon=words.brief(epsilon), left=words.brief(max(left, 0.0))),
                words.say("Release less, or with a smaller ε; FAIRDASH_PRIVACY_BUDGET is the whole of it."),
            )  # fmt: skip
        made = {**make(), "epsilon": epsilon}
        write_json(file, {**known, asked: made})
        return made
