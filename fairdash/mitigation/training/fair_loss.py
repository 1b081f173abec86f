"""A fairness term in the loss: the gap of the recommender's own loss between groups is minimised along with it.

Its declaration; what it adds to the loss, and why, is in `terms.fair_loss`.
"""

from __future__ import annotations

from fairdash.mitigation.base import Info, InTraining

INFO = Info(
    key="fair_loss",
    title="Shrink the gap of the loss",
    place="training",
    side="users",
    objective="Minimise the recommender's loss plus the gap of that loss between the worst and the best-off group.",
    paper="Yao & Huang 2017, Beyond parity: fairness objectives for collaborative filtering",
    needs=("user_groups",),
    target="ndcg",
    cost="Accuracy of the better-off group, which is trained on less.",
    answers={
        "gaps.ndcg": "puts the gap itself into the loss",
    },
    order=40,
)

METHOD = InTraining(INFO, "fairdash.mitigation.training.terms.fair_loss")
