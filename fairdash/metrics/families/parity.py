"""Whether items of a category, or of a group of items, are shown to all groups alike."""

from __future__ import annotations

from fairdash.metrics.declare import Family, Metric

_PAIRS = "Undefined where a group has no such pair."

FAMILY = Family(
    "parity",
    (
        Metric(
            "demographic_parity_difference",
            "Demographic parity difference",
            "users",
            "max − min over groups of P(in top K), over pairs of a person and a candidate item of a category; the "
            "category where it is largest",
            0,
            1,
            -1,
            "Dwork et al. 2012, Fairness through awareness, ITCS; as in fairlearn",
            edge=_PAIRS,
            place=30,
            why="it needs categories or groups of items",
            shown_by="selection",
        ),
        Metric(
            "demographic_parity_ratio",
            "Demographic parity ratio",
            "users",
            "min / max over groups of P(in top K), over pairs of a person and a candidate item of a category; the "
            "category where it is smallest",
            0,
            1,
            1,
            "as in fairlearn; the four-fifths rule asks for 0.8",
            edge=_PAIRS,
            place=40,
            why="it needs categories or groups of items",
            shown_by="selection",
            gap_better=1,
            gap_field="ratio",
        ),
    ),
    place=50,
)
