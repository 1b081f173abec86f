"""Whether a person's relevant and other items are shown alike in all groups."""

from __future__ import annotations

from fairdash.metrics.declare import Family, Metric, Part

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
            shown_by="true_positive_rate",
        ),
    ),
    parts=(
        Part("true_positive_rate", "Part of liked items that is shown", counted="truth"),
        Part("false_positive_rate", "Part of other items that is shown", "nobody has an irrelevant candidate"),
    ),
    place=20,
)
