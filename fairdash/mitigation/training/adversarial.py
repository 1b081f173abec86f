"""Adversarial training: user vectors from which a critic cannot tell the group.

Its declaration; what it adds to the loss, and why, is in `terms.adversarial`.
"""

from __future__ import annotations

from fairdash.mitigation.base import Info, InTraining

INFO = Info(
    key="adversarial",
    title="Hide the group from a critic",
    place="training",
    side="users",
    objective="Minimise the recommender's loss and maximise that of a critic that reads the group off user vectors.",
    paper="Ganin et al. 2016, Domain-adversarial training of neural networks",
    needs=("user_groups", "vectors"),
    target="probe_auc",
    cost="Taste that goes with the group; a few per cent of accuracy, and a small linear system to solve every batch.",
    answers={
        "gaps.category_divergence": "user vectors that hide the group cannot sort categories by it",
        "model.probe_auc": "trains vectors that a critic cannot read",
    },
    order=60,
)

METHOD = InTraining(INFO, "fairdash.mitigation.training.terms.adversarial")
