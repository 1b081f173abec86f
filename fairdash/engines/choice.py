"""An engine by name."""

from __future__ import annotations

from fairdash import words
from fairdash.engines import Engine
from fairdash.engines.on_ray import OnRay
from fairdash.errors import ConfigError

ENGINES = ("local", "ray")


def engine(name: str = ENGINES[0], address: str | None = None) -> Engine | None:
    """The engine of that name; None is this machine, as each stage uses it where no engine is named. address: of a Ray
    cluster, "auto" for the one that this machine belongs to; None begins one on this machine. Raises ConfigError for
    another name, without the package, and where no cluster answers."""
    if name not in ENGINES:
        raise ConfigError(
            words.say("There is no engine {name}.", name=repr(name)),
            words.say("Choose one of: {names}.", names=", ".join(ENGINES)),
        )
    if name == "ray":
        return OnRay(address)
    if address is not None:
        raise ConfigError(
            words.say("An address is that of a Ray cluster, and this machine needs none."),
            words.say("Add --engine ray, or leave out --address."),
        )
    return None
