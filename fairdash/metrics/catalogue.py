"""Every metric in one place: its name for people, its formula, range, fairer direction and source paper."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Side = Literal["accuracy", "users", "items", "model"]


@dataclass(frozen=True)
class MetricInfo:
    """A metric's key in METRICS.md and what the pages say of it. low, high: its range. better: 1 higher is better or
    fairer, -1 lower is, 0 neither; target: the fair value where that is no end of the range."""

    key: str
    title: str
    side: Side
    formula: str
    low: float
    high: float
    better: int
    paper: str = ""
    target: float | None = None
    edge: str = ""  # what happens where it is undefined


_NO_TRUTH = "Undefined for people without a liked held-out item; they are left out and counted."
_LIST = "Undefined for people without a list."
_PAIRS = "Undefined where a group has no such pair."
_INF = math.inf
_YAO = "Yao & Huang 2017, Beyond Parity, NeurIPS"
_ZHU = "Zhu, Wang & Caverlee 2020, Measuring and Mitigating Item Under-Recommendation Bias, SIGIR"
_DIAZ = "Diaz et al. 2020, Evaluating Stochastic Rankings with Expected Exposure, CIKM"
_ABDOLLAHPOURI = "Abdollahpouri, Burke & Mobasher 2019, Managing Popularity Bias, FLAIRS"
_FAIRLLM = "Zhang et al. 2023, Is ChatGPT Fair for Recommendation?, RecSys"
_BEUTEL = "Beutel et al. 2019, Fairness in Recommendation Ranking through Pairwise Comparisons, KDD"

_ALL = (
    MetricInfo(
        "ndcg",
        "NDCG",
        "accuracy",
        "Σ h(r) / log2(r + 1) over the ideal: the first min(K, m) discounts",
        0,
        1,
        1,
        "Järvelin & Kekäläinen 2002, Cumulated gain-based evaluation, TOIS",
        edge=_NO_TRUTH,
    ),
    MetricInfo("recall", "Recall", "accuracy", "hits in the top K / liked held-out items", 0, 1, 1, edge=_NO_TRUTH),
    MetricInfo("precision", "Precision", "accuracy", "hits in the top K / K", 0, 1, 1, edge=_NO_TRUTH),
    MetricInfo("hit", "Hit rate", "accuracy", "1 where the top K has a hit", 0, 1, 1, edge=_NO_TRUTH),
    MetricInfo(
        "mrr", "Reciprocal rank", "accuracy", "1 / rank of the first hit, 0 without one", 0, 1, 1, edge=_NO_TRUTH
    ),
    MetricInfo("map", "Average precision", "accuracy", "Σ precision at each hit / min(K, m)", 0, 1, 1, edge=_NO_TRUTH),
    MetricInfo(
        "category_share",
        "Category shares",
        "users",
        "share of a group's recommendation slots that go to a category; an item of c categories counts 1/c to each",
        0,
        1,
        0,
    ),
    MetricInfo(
        "category_divergence",
        "Distance of category shares",
        "users",
        "Jensen–Shannon distance (base 2) between two groups' category shares, of the pair where it is largest",
        0,
        1,
        -1,
        "Endres & Schindelin 2003, A new metric for probability distributions, IEEE TIT",
    ),
    MetricInfo(
        "demographic_parity_difference",
        "Demographic parity difference",
        "users",
        "max − min over groups of P(in top K), over pairs of a person and a candidate item of a category; the category "
        "where it is largest",
        0,
        1,
        -1,
        "Dwork et al. 2012, Fairness through awareness, ITCS; as in fairlearn",
        edge=_PAIRS,
    ),
    MetricInfo(
        "demographic_parity_ratio",
        "Demographic parity ratio",
        "users",
        "min / max over groups of P(in top K), over pairs of a person and a candidate item of a category; the category "
        "where it is smallest",
        0,
        1,
        1,
        "as in fairlearn; the four-fifths rule asks for 0.8",
        edge=_PAIRS,
    ),
    MetricInfo(
        "equal_opportunity_difference",
        "Equal opportunity difference",
        "users",
        "max − min over groups of P(in top K given relevant), over pairs",
        0,
        1,
        -1,
        "Hardt, Price & Srebro 2016, Equality of Opportunity in Supervised Learning, NeurIPS",
        edge=_PAIRS,
    ),
    MetricInfo(
        "equalized_odds_difference",
        "Equalised odds difference",
        "users",
        "the larger of the gaps in P(in top K given relevant) and P(in top K given not relevant)",
        0,
        1,
        -1,
        "Hardt, Price & Srebro 2016, Equality of Opportunity in Supervised Learning, NeurIPS",
        edge=_PAIRS,
    ),
    MetricInfo(
        "popularity_lift",
        "Popularity lift",
        "users",
        "(mean popularity of the lists − of the profiles) / of the profiles",
        -1,
        _INF,
        0,
        "Kowald, Schedl & Lex 2020, The Unfairness of Popularity Bias in Music Recommendation, ECIR",
        target=0.0,
        edge="Needs training interactions; undefined for people without a profile or a list.",
    ),
    MetricInfo(
        "miscalibration",
        "Miscalibration",
        "users",
        "KL(p profile ‖ 0.99 q list + 0.01 p) over categories, natural logarithm",
        0,
        _INF,
        -1,
        "Steck 2018, Calibrated Recommendations, RecSys",
        edge="Needs training interactions and categories; undefined for people without a profile or a list.",
    ),
    *(
        MetricInfo(f"{key}_unfairness", title, "users", formula, 0, _INF, -1, _YAO, edge="Needs predicted ratings.")
        for key, title, formula in (
            ("value", "Value unfairness", "mean over items of |E_g[y − r] − E_h[y − r]|"),
            ("absolute", "Absolute unfairness", "mean over items of ||E_g[y − r]| − |E_h[y − r]||"),
            ("underestimation", "Underestimation unfairness", "the same of max(0, E[r − y])"),
            ("overestimation", "Overestimation unfairness", "the same of max(0, E[y − r])"),
            ("nonparity", "Non-parity unfairness", "|E_g[y] − E_h[y]| over all pairs"),
        )
    ),
    MetricInfo(
        "score_ks",
        "Score distance",
        "users",
        "two-sample Kolmogorov–Smirnov distance of the scores in the lists, of the pair of groups where it is largest",
        0,
        1,
        -1,
        "Kolmogorov 1933; Smirnov 1948",
        edge="Needs scores.",
    ),
    MetricInfo(
        "generalized_cross_entropy",
        "Generalised cross entropy",
        "users",
        "(1 − Σ p_f² / p_m) / 2: β = 2, p_m the groups' shares of mean NDCG, p_f equal shares",
        -_INF,
        0,
        1,
        "Deldjoo et al. 2021, A flexible framework for evaluating user and item fairness, UMUAI",
        edge="Undefined where a group has no hit at all.",
    ),
    MetricInfo(
        "differential_fairness",
        "Differential fairness",
        "users",
        "largest |log ratio| of two groups' smoothed rates (n₁ + ½) / (n + 1) of having, or not having, an item in the "
        "top K",
        0,
        _INF,
        -1,
        "Foulds et al. 2020, An Intersectional Definition of Fairness, ICDE",
    ),
    MetricInfo(
        "group_entropy_index",
        "Entropy between groups",
        "users",
        "between-group part of Σ (b − μ)² / (2 n μ²) over the people's NDCG b; with the part within groups it is the "
        "whole",
        0,
        _INF,
        -1,
        "Speicher et al. 2018, A Unified Approach to Quantifying Algorithmic Unfairness, KDD",
        edge="Undefined where nobody has a hit.",
    ),
    MetricInfo(
        "exposure_share",
        "Share of exposure",
        "items",
        "part of all 1 / log2(rank + 1) that goes to a group of items",
        0,
        1,
        0,
        "Singh & Joachims 2018, Fairness of Exposure in Rankings, KDD",
    ),
    MetricInfo(
        "awrf",
        "Attention against target",
        "items",
        "½ Σ |share of exposure − share of the catalogue| over groups",
        0,
        1,
        -1,
        "Sapiezynski et al. 2019, Quantifying the Impact of User Attention on Fair Group Representation, WWW",
    ),
    MetricInfo(
        "eed", "Expected exposure disparity", "items", "|E|² of the groups' exposure in a list", 0, _INF, -1, _DIAZ
    ),
    MetricInfo("eer", "Expected exposure relevance", "items", "2 E·E*, E* of an ideal ranker", 0, _INF, 1, _DIAZ),
    MetricInfo("eel", "Expected exposure loss", "items", "|E − E*|²", 0, _INF, -1, _DIAZ),
    MetricInfo(
        "exposure_ratio",
        "Exposure to merit, lowest to highest",
        "items",
        "min / max over groups of exposure / relevant items",
        0,
        1,
        1,
        "Singh & Joachims 2018, Fairness of Exposure in Rankings, KDD",
        edge="Groups without relevant items are left out.",
    ),
    MetricInfo(
        "rsp",
        "Statistical parity of ranks",
        "items",
        "std / mean over groups of P(in top K given group)",
        0,
        _INF,
        -1,
        _ZHU,
    ),
    MetricInfo(
        "reo",
        "Equal opportunity of ranks",
        "items",
        "std / mean over groups of P(in top K given group and relevant)",
        0,
        _INF,
        -1,
        _ZHU,
    ),
    MetricInfo(
        "pairwise_accuracy",
        "Pairwise accuracy",
        "items",
        "P(a relevant item of the group ranks above an irrelevant one); unlisted items rank last and tie",
        0,
        1,
        1,
        _BEUTEL,
    ),
    MetricInfo(
        "gini",
        "Gini of recommendations",
        "items",
        "Gini coefficient of how often each catalogue item is recommended, over (n − 1)/n",
        0,
        1,
        -1,
    ),
    MetricInfo("gini_exposure", "Gini of exposure", "items", "the same of discounted exposure", 0, 1, -1),
    MetricInfo("coverage", "Catalogue coverage", "items", "part of the catalogue that is recommended", 0, 1, 1),
    MetricInfo("entropy", "Entropy of recommendations", "items", "entropy of item frequencies / log n", 0, 1, 1),
    MetricInfo(
        "arp",
        "Popularity of lists",
        "items",
        "mean training interactions of a list's items, averaged over people",
        0,
        _INF,
        0,
        _ABDOLLAHPOURI,
        edge=_LIST,
    ),
    MetricInfo("aplt", "Tail share", "items", "share of tail items in a list", 0, 1, 0, _ABDOLLAHPOURI, edge=_LIST),
    MetricInfo("aclt", "Tail items", "items", "tail items in a list", 0, _INF, 0, _ABDOLLAHPOURI, edge=_LIST),
    MetricInfo(
        "flip_jaccard", "Flip: overlap", "model", "|∩| / |∪| of the lists before and after the flip", 0, 1, 1, _FAIRLLM
    ),
    MetricInfo(
        "flip_prag", "Flip: order of pairs", "model", "PRAG* of the two lists, identical = 1", 0, 1, 1, _FAIRLLM
    ),
    MetricInfo(
        "flip_serp", "Flip: weighted overlap", "model", "SERP* of the two lists, identical = 1", 0, 1, 1, _FAIRLLM
    ),
    MetricInfo(
        "flip_utility_change", "Flip: change of NDCG", "model", "NDCG after − before the flip", -1, 1, 0, target=0.0
    ),
    MetricInfo("snsr", "Sensitivity range", "model", "max − min over values of mean similarity", 0, 1, -1, _FAIRLLM),
    MetricInfo("snsv", "Sensitivity spread", "model", "std over values of mean similarity", 0, 1, -1, _FAIRLLM),
    MetricInfo("divergence", "Distance from neutral vectors", "model", "(1/N) Σ ‖v − v′‖₂", 0, _INF, -1),
    MetricInfo(
        "probe_auc",
        "Leakage",
        "model",
        "AUC of a logistic probe for the attribute, on held-out people",
        0,
        1,
        0,
        "Elazar & Goldberg 2018, Adversarial Removal of Demographic Attributes, EMNLP",
        target=0.5,
    ),
    MetricInfo(
        "calibration",
        "Calibration error",
        "model",
        "mean over held-out pairs of |mean predicted P(like) − share liked| of their cell, one of ten of equal size",
        0,
        1,
        -1,
        "Naeini, Cooper & Hauskrecht 2015, Obtaining well calibrated probabilities using Bayesian binning, AAAI",
        edge="Undefined where every held-out pair is a liked one.",
    ),
)

METRICS: dict[str, MetricInfo] = {info.key: info for info in _ALL}
