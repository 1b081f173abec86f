"""Counterfactual augmentation: each training sample has a twin whose profile text says another value of the attribute.

The loss is the sum over the sample and its swapped twin, so that the recommender learns the same answer for both. The
twin's value is drawn among the other values that occur; with several attributes the twin has all of them exchanged.
Strength is the share of people who have a twin in an epoch, drawn anew each epoch.

Lu, Mardziel, Wu, Amancharla, Datta: "Gender bias in neural natural language processing", 2018 (CDA); Maudslay, Gonen,
Cotterell, Teufel: "It's all in the name", EMNLP 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairdash.mitigation.base import Info, check_groups, check_strength
from fairdash.mitigation.data.blind import attributes_in_profile
from fairdash.schema import Groups, TrainingData

INFO = Info(
    key="counterfactual_augment",
    title="Add twins with the attribute swapped",
    place="data",
    side="users",
    objective="Minimise the loss summed over each sample and a twin that differs in the attribute's value alone.",
    paper="Lu et al. 2018, Gender bias in neural natural language processing",
    needs=("user_groups", "profile", "samples"),
    target="flip_jaccard",
    cost="Up to twice the training time; what the attribute told about taste.",
    answers={
        "model.flip_jaccard": "trains on twins with the value exchanged, so that it stops to matter",
    },
    order=10,
)


@dataclass(frozen=True)
class CounterfactualAugment:
    """See the module."""

    info: Info = INFO

    def prepare(self, data: TrainingData, groups: Sequence[Groups], strength: float, seed: int) -> TrainingData:
        """`swap` names the attributes, `swap_share` is the strength; the recommender adds the twins."""
        strength = check_strength(self.info, strength)
        check_groups(self.info, groups, data.n_users, apart=False)
        swap = attributes_in_profile(self.info, data, groups)
        if strength == 0:
            return data
        return data.with_(swap=swap, swap_share=strength)


METHOD = CounterfactualAugment()
