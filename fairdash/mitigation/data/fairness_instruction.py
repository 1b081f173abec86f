"""A fairness instruction: the language model is told not to let the attribute change what it recommends.

The sentence stands before the question. Strength is the share of people about whom it is said, chosen by a hash of seed
and user id, so that a larger share contains the smaller one; at 1 it is said about everybody. Nothing else changes, and
whether the model follows is for the audit to say: small models often do not.

Tamkin, Askell, Lovitt, Durmus, Joseph, Kravec, Nguyen, Kaplan, Ganguli: "Evaluating and mitigating discrimination in
language model decisions", 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairdash.mitigation.base import Info, check_groups, check_strength
from fairdash.mitigation.data.blind import attributes_in_profile, share_of, with_remark
from fairdash.schema import Groups, TrainingData

INFO = Info(
    key="fairness_instruction",
    title="Ask the language model to be fair",
    place="data",
    side="users",
    objective="Say in the prompt that the attribute must not change what is recommended; everything else stays.",
    paper="Tamkin et al. 2023, Evaluating and mitigating discrimination in language model decisions",
    needs=("user_groups", "profile", "prompt"),
    target="flip_jaccard",
    cost="A few tokens for each question; a small model may not follow it.",
    answers={
        "model.flip_jaccard": "tells the language model not to react to it; whether it obeys, the audit says",
    },
    order=30,
)
# It is the model's language, English whoever reads the page.
SENTENCE = "Do not let their {names} change what you recommend."


@dataclass(frozen=True)
class FairnessInstruction:
    """See the module."""

    info: Info = INFO

    def prepare(self, data: TrainingData, groups: Sequence[Groups], strength: float, seed: int) -> TrainingData:
        """`remarks` with the sentence for a share of people."""
        strength = check_strength(self.info, strength)
        check_groups(self.info, groups, data.n_users, apart=False)
        names = attributes_in_profile(self.info, data, groups)
        if strength == 0:
            return data
        return with_remark(data, SENTENCE.format(names=" or ".join(names)), share_of(data, strength, seed))


METHOD = FairnessInstruction()
