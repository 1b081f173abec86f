"""Whether a person's relevant and other items are shown alike in all groups."""

from __future__ import annotations

from fairdash.metrics import pairs
from fairdash.metrics.declare import Family, Metric, Part, Quotient

_PAIRS = "Undefined where a group has no such pair."

FAMILY = Family(
    "odds",
    (
        Metric(
            "equal_opportunity_difference",
            "Equal opportunity difference",
            "users",
            "max − min over groups of P(in top K given relevant), over pairs",
            0,
            1,
            -1,
            "Hardt, Price & Srebro 2016, Equality of Opportunity in Supervised Learning, NeurIPS",
            edge=_PAIRS,
            place=50,
            gap_of=("true_positive_rate",),
            shown_by="true_positive_rate",
        ),
        Metric(
            "equalized_odds_difference",
            "Equalised odds difference",
            "users",
            "the larger of the gaps in P(in top K given relevant) and P(in top K given not relevant)",
            0,
            1,
            -1,
            "Hardt, Price & Srebro 2016, Equality of Opportunity in Supervised Learning, NeurIPS",
            edge=_PAIRS,
            place=60,
            gap_of=("true_positive_rate", "false_positive_rate"),
            shown_by="true_positive_rate",
        ),
    ),
    parts=(
        Part(
            "true_positive_rate",
            "Part of liked items that is shown",
            0,
            1,
            1,
            counted="truth",
            value=Quotient("odds:hits", "odds:relevant", "count:truth", label="relevant"),
        ),
        Part(
            "false_positive_rate",
            "Part of other items that is shown",
            0,
            1,
            why="nobody has an irrelevant candidate",
            value=Quotient("odds:false", "odds:irrelevant", label="not relevant"),
        ),
    ),
    place=20,
    columns=pairs.odds_columns,
)
