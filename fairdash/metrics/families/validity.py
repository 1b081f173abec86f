"""Whether lists that a language model wrote are lists of items at all, for every group alike."""

from __future__ import annotations

from fairdash.metrics.declare import Family, Metric

FAMILY = Family(
    "validity",
    (
        Metric(
            "invalid_disparity",
            "Gap of valid places",
            "model",
            "max − min over groups of Valid@K: places of a written list that hold an item of the catalogue, new to the "
            "person and to the list, over the places that were asked for",
            0,
            1,
            -1,
            "Invalid-output disparity of FairEval 2027; Valid@K as in the reproduction of FACTER",
            edge="Undefined for a recommender that writes no lists.",
            place=95,
        ),
    ),
    place=155,
)
