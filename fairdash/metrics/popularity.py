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


def per_user(facts: Facts) -> dict[str, Array]:
    """The three metrics [n]; NaN for users without a list, or all of them without training data."""
    popularity = facts.inputs.catalogue.popularity
    if popularity is None:
        return dict.fromkeys(("arp", "aplt", "aclt"), np.full(facts.n, np.nan))
    length = np.where(facts.length > 0, facts.length, np.nan)
    tail = facts.top @ tail_items(popularity, facts.inputs.catalogue.ids).astype(np.float64)
    return {"arp": _mean_popularity(facts, popularity), "aplt": tail / length, "aclt": tail + 0 * length}


def columns(facts: Facts) -> Columns:
    """lift:list, lift:profile [n]: mean popularity of list and profile, 0 in both for users who lack one of them."""
    popularity = facts.inputs.catalogue.popularity
    if popularity is None or facts.known is None:
        return {}
    arp = _mean_popularity(facts, popularity)
    with np.errstate(invalid="ignore"):
        profile = facts.known @ popularity / np.where(facts.n_known > 0, facts.n_known, np.nan)
    both = ~np.isnan(arp) & ~np.isnan(profile)
    return {"lift:list": np.where(both, arp, 0.0), "lift:profile": np.where(both, profile, 0.0)}


def _mean_popularity(facts: Facts, popularity: Array) -> Array:
    """Of each user's list [n], NaN without one."""
    value: Array = facts.top @ popularity / np.where(facts.length > 0, facts.length, np.nan)
    return value
