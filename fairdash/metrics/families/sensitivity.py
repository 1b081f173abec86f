"""What a list makes of an attribute that is told otherwise."""

from __future__ import annotations

from fairdash.metrics.declare import Family, Metric

_FAIRLLM = "Zhang et al. 2023, Is ChatGPT Fair for Recommendation?, RecSys"

FAMILY = Family(
    "sensitivity",
    (
        Metric(
            "flip_jaccard",
            "Flip: overlap",
            "model",
            "|∩| / |∪| of the lists before and after the flip",
            0,
            1,
            1,
            _FAIRLLM,
            place=10,
        ),
        Metric(
            "flip_prag",
            "Flip: order of pairs",
            "model",
            "PRAG* of the two lists, identical = 1",
            0,
            1,
            1,
            _FAIRLLM,
            place=20,
        ),
        Metric(
            "flip_serp",
            "Flip: weighted overlap",
            "model",
            "SERP* of the two lists, identical = 1",
            0,
            1,
            1,
            _FAIRLLM,
            place=30,
        ),
        Metric(
            "flip_rbo",
            "Flip: overlap from the top",
            "model",
            "rank-biased overlap of the two lists (p = 0.9), identical = 1",
            0,
            1,
            1,
            "Webber, Moffat & Zobel 2010, A similarity measure for indefinite rankings, TOIS",
            place=35,
        ),
        Metric(
            "flip_both",
            "Flip: other list and other NDCG",
            "model",
            "share of flips after which the list holds other items and its NDCG is another",
            0,
            1,
            -1,
            "Quadrants of list change and utility change, as in FairEval 2027",
            place=45,
        ),
        Metric(
            "flip_utility_change",
            "Flip: change of NDCG",
            "model",
            "NDCG after − before the flip",
            -1,
            1,
            0,
            target=0.0,
            place=40,
        ),
        Metric(
            "snsr",
            "Sensitivity range",
            "model",
            "max − min over values of mean similarity",
            0,
            1,
            -1,
            _FAIRLLM,
            place=50,
        ),
        Metric(
            "snsv", "Sensitivity spread", "model", "std over values of mean similarity", 0, 0.5, -1, _FAIRLLM, place=60
        ),
    ),
    place=120,
)
