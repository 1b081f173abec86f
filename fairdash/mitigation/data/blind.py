"""Blinding: the profile text does not say the attribute. "Fairness through unawareness".

The recommender is trained, and later asked, with texts that leave the attribute out. Strength is the share of people
whose text leaves it out, chosen by a hash of seed and user id, so that a larger share contains the smaller one; at 1
the attribute is dropped from the profile itself. What the history tells about the attribute stays.

Dwork, Hardt, Pitassi, Reingold, Zemel: "Fairness through awareness", ITCS 2012 (which names it, and its limit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.hashing import id_hash, mix
from fairdash.mitigation.base import Info, check_groups, check_strength
from fairdash.schema import USER_ID, Groups, TrainingData

INFO = Info(
    key="blind",
    title="Leave the attribute out of the text",
    place="data",
    side="users",
    objective="Train and ask with profile texts that do not hold the attribute; everything else stays.",
    paper="Dwork et al. 2012, Fairness through awareness",
    needs=("user_groups", "profile"),
    target="flip_jaccard",
    cost="What the attribute told about taste; the history may still tell it (look at probe_auc).",
    answers={
        "model.flip_jaccard": "leaves the attribute out of the text; the history may still tell it",
    },
    order=20,
)


def attributes_in_profile(info: Info, data: TrainingData, groups: Sequence[Groups]) -> tuple[str, ...]:
    """The attributes behind `groups` (a crossing stands for each of its parts) that the profile text holds.

    Raises ConfigError when the text holds none of them."""
    chosen = [part for attribute in groups for part in attribute.attribute.split(" × ")]
    found = tuple(dict.fromkeys(part for part in chosen if part in data.profile))
    if not found:
        holds = words.say("it is empty")
        if data.profile:
            holds = words.say("it holds {names}", names=", ".join(data.profile))
        raise ConfigError(
            words.say(
                "{key}: the profile text does not hold {names} ({holds}).",
                key=info.key,
                names=" or ".join(dict.fromkeys(chosen)),
                holds=holds,
            ),
            "Train with the attribute in the profile, or choose a method that works on vectors or lists.",
        )
    return found


def share_of(data: TrainingData, strength: float, seed: int) -> NDArray[np.bool_]:
    """A share of the people [n_users], chosen by a hash, so that a larger share contains a smaller one."""
    if strength == 1:
        return np.ones(data.n_users, bool)
    chosen: NDArray[np.bool_] = mix(seed, id_hash(data.users[USER_ID])) < np.uint64(strength * 2.0**64)
    return chosen


def hide(data: TrainingData, names: Sequence[str], chosen: NDArray[np.bool_]) -> TrainingData:
    """The attributes missing for the chosen people [n_users]; where that is everybody, out of the profile itself."""
    if chosen.all():
        return data.with_(profile=tuple(name for name in data.profile if name not in names))
    users = data.users.copy()
    for name in names:
        users[name] = users[name].mask(chosen)
    return data.with_(users=users)


def with_remark(data: TrainingData, sentence: str, chosen: NDArray[np.bool_]) -> TrainingData:
    """The sentence behind what else is remarked of the chosen people [n_users]."""
    before = np.full(data.n_users, "", object) if data.remarks is None else data.remarks
    added = [f"{one} {sentence}".strip() if here else one for one, here in zip(before, chosen, strict=True)]
    return data.with_(remarks=np.array(added, object))


@dataclass(frozen=True)
class Blind:
    """See the module."""

    info: Info = INFO

    def prepare(self, data: TrainingData, groups: Sequence[Groups], strength: float, seed: int) -> TrainingData:
        """At strength 1 `profile` without the attributes; below, `users` with them missing for a share of people."""
        strength = check_strength(self.info, strength)
        check_groups(self.info, groups, data.n_users, apart=False)
        hidden = attributes_in_profile(self.info, data, groups)
        return data if strength == 0 else hide(data, hidden, share_of(data, strength, seed))


METHOD = Blind()
