"""Neutral rewriting: the profile text says that the attribute may be anything, in place of its value.

Unlike `blind`, which is silent about it, the text answers the question before the model guesses. Strength is the share
of people whose text is rewritten, chosen by a hash of seed and user id, so that a larger share contains the smaller
one; at 1 no text holds a value. What the history tells about the attribute stays.

Vanmassenhove, Emmery, Shterionov: "NeuTral Rewriter: A rule-based and neural approach to automatic rewriting into
gender-neutral alternatives", EMNLP 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairdash.mitigation.base import Info, check_groups, check_strength
from fairdash.mitigation.data.blind import attributes_in_profile, hide, share_of, with_remark
from fairdash.schema import Groups, TrainingData

INFO = Info(
    key="neutral_rewrite",
    title="Rewrite the profile neutrally",
    place="data",
    side="users",
    objective="Say in the prompt that the attribute may be anything, in place of its value; everything else stays.",
    paper="Vanmassenhove et al. 2021, NeuTral Rewriter: automatic rewriting into gender-neutral alternatives",
    needs=("user_groups", "profile", "prompt"),
    target="flip_jaccard",
    cost="What the attribute told about taste; the history may still tell it (look at probe_auc).",
    answers={
        "model.flip_jaccard": "says that it may be anything, in place of its value; the history may still tell it",
    },
    order=25,
)
# It is the model's language, English whoever reads the page.
SENTENCE = "Their {names} may be any."


@dataclass(frozen=True)
class NeutralRewrite:
    """See the module."""

    info: Info = INFO

    def prepare(self, data: TrainingData, groups: Sequence[Groups], strength: float, seed: int) -> TrainingData:
        """The attributes hidden as by `blind`, and `remarks` that say they may be any."""
        strength = check_strength(self.info, strength)
        check_groups(self.info, groups, data.n_users, apart=False)
        names = attributes_in_profile(self.info, data, groups)
        if strength == 0:
            return data
        chosen = share_of(data, strength, seed)
        return with_remark(hide(data, names, chosen), SENTENCE.format(names=" and ".join(names)), chosen)


METHOD = NeutralRewrite()
