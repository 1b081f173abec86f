"""Neutral vectors: the recommender pays for the distance between a user vector and its neutral counterpart.

Its declaration; what it adds to the loss, and why, is in `terms.neutral`.
"""

from __future__ import annotations

from fairdash.mitigation.base import Info, InTraining

INFO = Info(
    key="neutral",
    title="Pull user vectors to neutral ones",
    place="training",
    side="users",
    objective="Minimise the recommender's loss plus the distance of user vectors from group-neutral ones.",
    paper="Bolukbasi et al. 2016, Man is to computer programmer as woman is to homemaker?",
    needs=("user_groups", "vectors"),
    target="probe_auc",
    cost="Taste that goes with the group.",
    answers={
        "model.probe_auc": "pulls vectors to group-neutral ones while training",
    },
    order=130,
)

METHOD = InTraining(INFO, "fairdash.mitigation.training.terms.neutral")
