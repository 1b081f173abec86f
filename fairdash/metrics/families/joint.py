"""Fairness of attention and relevance in one number, of people who like a held-out item and all items of the catalogue.

iaa      |attention − liked| (Biega, Gummadi & Weikum 2018), attention being (K − rank) / (K − 1) in the top K, else 0;
         mean over people and items. 0…1, lower is fairer.
ii_f     (E − E*)², exposure E being 0.8^(rank − 1) in the top K, else 0, and E* what each of a person's m liked items
         has if they fill the first m places in random order, (1 − 0.8^m) / (1 − 0.8) / m; mean over people and items
         (Wu et al. 2022). 0…1, lower is fairer.
ai_f     the same of the means over all people: mean over items of (mean of E − mean of E*)². 0 where what one person
         sees too much of an item, another sees too little.
ibo iwo  part of the liked items that are better off by a tenth or more, or worse off, than if everybody had a random
         list of K items of the catalogue: by impact, Σ 1 / rank over the people who like the item and have it in the
         top K (Saito & Joachims 2022). 0…1. Training items are not regarded.

Left out of the joint measures that published work reports (Rampisela et al. 2024), since they have no one definition or
are no sums: IFD, of which there is the mean over a person's liked items of how much more exposure one has than another,
with and without a cut at K, and the mean over all items of squared differences of exposure times relevance, or of
their cross products (Singh & Joachims 2019, Oosterhuis 2021); and MME, the mean over items of the largest envy of
another item's places (Saito & Joachims 2022), which needs a number for each pair of items of the catalogue.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash.metrics.bootstrap import Estimate
from fairdash.metrics.declare import NO_TRUTH, Family, Metric
from fairdash.metrics.facts import Facts
from fairdash.metrics.item_sums import Listed, divide, jackknifed

Array = NDArray[np.float64]

PATIENCE = 0.8  # of people who look at a place and go on to the next one
MARGIN = 0.1  # how much better or worse counts
TIE = 1e-9  # what rounding may make of equal numbers

_WU = "Wu et al. 2022, Joint Multisided Exposure Fairness for Recommendation, SIGIR"
_SAITO = "Saito & Joachims 2022, Fair Ranking as Fair Division: Impact-Based Individual Fairness in Ranking, KDD"


def _per_user(facts: Facts) -> dict[str, Array]:
    return {"iaa": attention_apart(facts), "ii_f": exposure_apart(facts)}


def attention_apart(facts: Facts) -> Array:
    """IAA of each list [n]: Σ |a − r| / n_items over the catalogue, attention a = (K − rank) / (K − 1) in the top K and
    else 0, r 1 for a liked item. NaN without a liked item, and for K = 1, where attention is 0 / 0."""
    if facts.k == 1:
        return np.full(facts.n, np.nan)
    attention = (facts.k - 1 - np.arange(facts.k)) / (facts.k - 1)
    # of a hit it is 1 less the attention, and of a liked item outside the list 1
    apart = facts.over_places(attention) - 2 * facts.over_hits(attention) + facts.n_relevant
    return np.where(facts.n_relevant > 0, apart / facts.n_items, np.nan)


def exposure_apart(facts: Facts) -> Array:
    """II-F of each list [n]: Σ (E − E*)² / n_items over the catalogue; NaN without a liked item."""
    seen: Array = PATIENCE ** np.arange(facts.k, dtype=np.float64)
    ideal = _ideal(facts)
    # outside the list E is 0, and E* is for liked items only
    squares = facts.over_places(seen**2) - 2 * ideal * facts.over_hits(seen) + facts.n_relevant * ideal**2
    return np.where(facts.n_relevant > 0, np.maximum(squares, 0.0) / facts.n_items, np.nan)


def _ideal(facts: Facts) -> Array:
    """E* of each liked item of each person [n], 0 without any."""
    liked = np.maximum(facts.n_relevant, 1)
    each: Array = (1 - PATIENCE**facts.n_relevant) / (1 - PATIENCE) / liked
    return each


def _block_columns(facts: Facts) -> dict[str, sparse.csr_array | Array]:
    """joint:seen: E, joint:ideal: E*, joint:impact: 1 / rank of hits, joint:liked: all [n, n_items], of people with a
    liked item, who are counted in joint:people [n, 1]."""
    known = facts.n_relevant > 0
    places = np.arange(facts.k, dtype=np.float64)
    seen = facts.by_rank(PATIENCE**places)
    if not known.all():
        seen.data *= np.repeat(known, np.diff(seen.indptr))
    ideal, impact = facts.relevant.copy(), facts.hits.copy()
    ideal.data = np.repeat(_ideal(facts), facts.n_relevant)
    impact.data = 1 / (1 + places[facts.hit_places[1]])
    return {
        "joint:seen": seen,
        "joint:ideal": ideal,
        "joint:impact": impact,
        "joint:liked": facts.relevant,
        "joint:people": known[:, None].astype(np.float64),
    }


def _of_catalogue(listed: Listed) -> dict[str, Estimate]:
    n_items, k = listed.lists.shape[1], listed.lengths.shape[1]
    apart = np.hstack([listed.own["joint:seen"] - listed.own["joint:ideal"], listed.own["joint:people"]])
    impacts = np.hstack([listed.own["joint:impact"], listed.own["joint:liked"]])

    def of_impacts(sign: int) -> Estimate:
        return jackknifed(lambda sums: moved_share(sums[:n_items], sums[n_items:], k, sign), impacts)

    return {
        "ai_f": jackknifed(lambda sums: np.mean(divide(sums[:-1], sums[-1]) ** 2), apart),
        "ibo": of_impacts(1),
        "iwo": of_impacts(-1),
    }


def moved_share(impact: Array, liked: Array, k: int, sign: int) -> float:
    """Part of the items that somebody likes whose impact [n_items] is by MARGIN more (sign 1) or less (-1) than that of
    random lists of k items; NaN where nobody likes any. liked: people who like each [n_items]."""
    chance = np.sum(1 / np.arange(1, min(k, len(liked)) + 1)) / max(1, len(liked))
    there = liked > 0
    ratio = impact[there] / (liked[there] * chance)
    return float(np.mean(sign * (ratio - 1) >= MARGIN - TIE)) if len(ratio) else float("nan")


FAMILY = Family(
    "joint",
    (
        Metric(
            "iaa",
            "Inequity of attention",
            "items",
            "mean over people and items of |attention − liked|, attention (K − rank) / (K − 1) in the top K, else 0",
            0,
            1,
            -1,
            "Biega et al. 2018, Equity of Attention, SIGIR; as in Rampisela et al. 2024, Can We Trust Recommender "
            "System Fairness Evaluation?, SIGIR",
            edge="Undefined for people without a liked held-out item; they are left out and counted. Undefined for "
            "K = 1.",
            place=170,
            why="nobody has a liked held-out item, or K is 1",
            over="catalogue",
        ),
        Metric(
            "ii_f",
            "Exposure against merit, person by person",
            "items",
            "mean over people and items of (E − E*)², exposure E 0.8^(rank − 1) in the top K, else 0; E* that of a "
            "person's liked items in random order at the top",
            0,
            1,
            -1,
            _WU,
            edge=NO_TRUTH,
            place=172,
            over="catalogue",
        ),
        Metric(
            "ai_f",
            "Exposure against merit, of all people",
            "items",
            "mean over items of (mean of E − mean of E*)² over people, exposure E 0.8^(rank − 1) in the top K, else 0; "
            "E* that of a person's liked items in random order at the top",
            0,
            1,
            -1,
            _WU,
            edge=NO_TRUTH,
            place=174,
            over="catalogue",
        ),
        Metric(
            "ibo",
            "Items better off than by chance",
            "items",
            "part of the liked items whose Σ 1 / rank over the people who like them is a tenth or more above that of "
            "random lists",
            0,
            1,
            1,
            _SAITO,
            edge="Items that nobody likes are left out.",
            place=176,
            over="catalogue",
        ),
        Metric(
            "iwo",
            "Items worse off than by chance",
            "items",
            "the same a tenth or more below",
            0,
            1,
            -1,
            _SAITO,
            edge="Items that nobody likes are left out.",
            place=178,
            over="catalogue",
        ),
    ),
    place=35,
    per_user=_per_user,
    block_columns=_block_columns,
    of_catalogue=_of_catalogue,
)
