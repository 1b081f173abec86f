"""Metrics, mitigations and recommenders that come from outside the package, as entry points of installed distributions.

    [project.entry-points."fairdash.metrics"]
    my_family = "my_package.my_family:FAMILY"

Each declaration stands in a module of its own: it is loaded while its kind's catalogue is made, which is too early to
ask for another kind's.

What is trusted: such a declaration is code, and runs with all rights of this process. So nothing registers by being
installed alone: the operator names the distributions in FAIRDASH_PLUGINS ("my-package, another"). Nothing that a person
uploads, and nothing in the workspace, can name one. A declaration may add a key, never replace one that is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, distributions
from typing import Literal, TypeVar

from fairdash import settings, words
from fairdash.errors import ConfigError

Kind = Literal["metrics", "mitigations", "recommenders"]
T = TypeVar("T")


@cache
def _trusted() -> Mapping[str, tuple[str, tuple[EntryPoint, ...]]]:
    """Version and entry points of every distribution that is named in FAIRDASH_PLUGINS.

    Raises ConfigError for one that is not installed."""
    found = {}
    for one in distributions():
        name = str(one.metadata["Name"]).lower().replace("_", "-")
        if name in settings.PLUGINS:
            found[name] = (one.version, tuple(one.entry_points))
    missing = [name for name in settings.PLUGINS if name not in found]
    if missing:
        raise ConfigError(
            words.say("FAIRDASH_PLUGINS names {missing}, which is not installed.", missing=missing[0]),
            "Install it, or leave it out of the list.",
        )
    return found


def versions() -> dict[str, str]:
    """Name and version of every trusted distribution: part of the digest of whatever its code can change."""
    return {name: version for name, (version, _) in sorted(_trusted().items())}


def declared(kind: Kind, expected: type[T]) -> tuple[T, ...]:
    """The declarations of trusted distributions for `fairdash.<kind>`, by distribution and name.

    Raises ConfigError for one that cannot be loaded, or is none of the `expected` class."""
    found: list[T] = []
    for name, (_, points) in sorted(_trusted().items()):
        for point in sorted(points, key=lambda point: point.name):
            if point.group != f"fairdash.{kind}":
                continue
            try:
                value = point.load()
            except Exception as error:  # whatever foreign code raises, the person is told whose it is
                raise ConfigError(
                    words.say(
                        "{value} of the plugin {name} cannot be loaded: {name_2}: {error}.",
                        value=point.value,
                        name=name,
                        name_2=type(error).__name__,
                        error=error,
                    ),
                    "Mend or update the plugin, or take it out of FAIRDASH_PLUGINS.",
                ) from error
            if not isinstance(value, expected):
                raise ConfigError(
                    words.say(
                        "{value} of the plugin {name} is a {name_2}, not a {name_3}.",
                        value=point.value,
                        name=name,
                        name_2=type(value).__name__,
                        name_3=expected.__name__,
                    ),
                    words.say("An entry point of fairdash.{kind} names a {name}.", kind=kind, name=expected.__name__),
                )
            found.append(value)
    return tuple(found)


def added(known: Mapping[str, T], more: Iterable[tuple[str, T]]) -> dict[str, T]:
    """The known declarations by key, then those from outside. Raises ConfigError for a key that is taken."""
    whole = dict(known)
    for key, value in more:
        if key in whole:
            raise ConfigError(
                words.say("A plugin declares {key}, which is there already.", key=repr(key)),
                "Give it a name of its own.",
            )
        whole[key] = value
    return whole
