"""Fairness terms in the loss: a gap between groups is minimised along with the recommender's own loss.

Their declarations; what they add to the loss is in `terms.fair_loss`.
"""

from __future__ import annotations

from fairdash.mitigation.base import Info, InTraining
from fairdash.words import Said

PAPER = "Yao & Huang 2017, Beyond parity: fairness objectives for collaborative filtering"


def _info(kind: str, title: Said, objective: Said, target: str) -> Info:
    return Info(
        key=f"fair_loss_{kind}",
        title=title,
        place="training",
        side="users",
        objective=objective,
        paper=PAPER,
        needs=("user_groups", "probabilities"),
        target=target,
        cost="Some accuracy of the predictions; what an item's audience tells about it is used less.",
        answers={f"model.{target}": "has exactly this term in its loss"},
        order=50,
    )


INFOS = (
    Info(
        key="fair_loss",
        title="Shrink the gap of the loss",
        place="training",
        side="users",
        objective="Minimise the recommender's loss plus the gap of that loss between the worst and the best-off group.",
        paper=PAPER,
        needs=("user_groups",),
        target="ndcg",
        cost="Accuracy of the better-off group, which is trained on less.",
        answers={
            "gaps.ndcg": "puts the gap itself into the loss",
        },
        order=40,
    ),
    _info(
        "value",
        "Equal errors of prediction",
        "Minimise the loss plus how differently an item is over- or underestimated for the groups.",
        "value_unfairness",
    ),
    _info(
        "absolute",
        "Equal size of errors",
        "Minimise the loss plus how differently large an item's errors are for the groups, whatever their sign.",
        "absolute_unfairness",
    ),
    _info(
        "under",
        "Equal underestimation",
        "Minimise the loss plus how differently an item is underestimated for the groups.",
        "underestimation_unfairness",
    ),
    _info(
        "over",
        "Equal overestimation",
        "Minimise the loss plus how differently an item is overestimated for the groups.",
        "overestimation_unfairness",
    ),
    _info(
        "nonparity",
        "Equal mean predictions",
        "Minimise the loss plus the difference of the groups' mean predictions.",
        "nonparity_unfairness",
    ),
)

METHODS = tuple(InTraining(info, "fairdash.mitigation.training.terms.fair_loss") for info in INFOS)
