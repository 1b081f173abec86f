"""How popular the recommended items are. Popularity of an item = its number of training interactions.

arp    mean popularity of a list's items, averaged over users (Abdollahpouri et al. 2019). Lower: less mainstream.
aplt   share of tail items in a list, averaged over users; 0…1.
aclt   number of tail items in a list, averaged over users; 0…K. Tail = all but the fewest items that make 80 % of the
       training interactions.
popularity_lift   (mean popularity of the lists − of the profiles) / of the profiles, of a group: both are means over
       its users of the mean over a user's items (ΔGAP of Kowald, Schedl & Lex 2020). 0 is fair, > 0 more mainstream
       than the person.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairdash.item_classes import tail_items
from fairdash.metrics.facts import Columns, Facts

Array = NDArray[np.float64]

METRICS = ("arp", "aplt", "aclt")


def per_user(facts: Facts) -> dict[str, Array]:
    """The three metrics [n]; NaN for users without a list, or all of them without training data."""
    popularity = facts.inputs.catalogue.popularity
    if popularity is None:
        return {key: np.full(facts.n, np.nan) for key in METRICS}
    length = np.where(facts.length > 0, facts.length, np.nan)
    tail = facts.top @ tail_items(popularity).astype(np.float64)
    return {"arp": facts.top @ popularity / length, "aplt": tail / length, "aclt": tail + 0 * length}


def columns(facts: Facts, arp: Array) -> Columns:
    """lift:list, lift:profile [n]: mean popularity of list and profile, 0 in both for users who lack one of them."""
    popularity = facts.inputs.catalogue.popularity
    if popularity is None or facts.known is None:
        return {}
    with np.errstate(invalid="ignore"):
        profile = facts.known @ popularity / np.where(facts.n_known > 0, facts.n_known, np.nan)
    both = ~np.isnan(arp) & ~np.isnan(profile)
    return {"lift:list": np.where(both, arp, 0.0), "lift:profile": np.where(both, profile, 0.0)}
