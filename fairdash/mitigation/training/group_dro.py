"""Group DRO: train for the group that fares worst.

Its declaration; what it adds to the loss, and why, is in `terms.group_dro`.
"""

from __future__ import annotations

from fairdash.mitigation.base import Info, InTraining

INFO = Info(
    key="group_dro",
    title="Train for the worst-off group",
    place="training",
    side="users",
    objective="Minimise the loss of the group whose loss is largest, by group weights that follow the losses.",
    paper="Sagawa et al. 2020, Distributionally robust neural networks for group shifts",
    needs=("user_groups",),
    target="ndcg",
    cost="Accuracy of the better-off groups, which are trained on less.",
    answers={
        "gaps.ndcg": "trains for the worst-off group, so that it may be lifted instead",
    },
    order=140,
)

METHOD = InTraining(INFO, "fairdash.mitigation.training.terms.group_dro")
