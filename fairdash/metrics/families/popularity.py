"""How popular the recommended items are: see `metrics.popularity`."""

from __future__ import annotations

import math

from fairdash.metrics import popularity
from fairdash.metrics.declare import NO_LIST, Family, Metric, Quotient

_ABDOLLAHPOURI = "Abdollahpouri, Burke & Mobasher 2019, Managing Popularity Bias, FLAIRS"

FAMILY = Family(
    "popularity",
    (
        Metric(
            "popularity_lift",
            "Popularity lift",
            "users",
            "(mean popularity of the lists − of the profiles) / of the profiles",
            -1,
            math.inf,
            0,
            "Kowald, Schedl & Lex 2020, The Unfairness of Popularity Bias in Music Recommendation, ECIR",
            target=0.0,
            edge="Needs training interactions; undefined for people without a profile or a list.",
            place=70,
            why="it needs training interactions and lists",
            value=Quotient("lift:list", "lift:profile", "count:list", offset=-1.0, hits=False),
        ),
        Metric(
            "arp",
            "Popularity of lists",
            "items",
            "mean training interactions of a list's items, averaged over people",
            0,
            math.inf,
            0,
            _ABDOLLAHPOURI,
            edge=NO_LIST,
            place=140,
            why="it needs training interactions and lists",
            counted="list",
            over="catalogue",
            curve=True,
        ),
        Metric(
            "aplt",
            "Tail share",
            "items",
            "share of tail items in a list",
            0,
            1,
            0,
            _ABDOLLAHPOURI,
            edge=NO_LIST,
            place=150,
            why="it needs training interactions and lists",
            counted="list",
            over="catalogue",
        ),
        Metric(
            "aclt",
            "Tail items",
            "items",
            "tail items in a list",
            0,
            math.inf,
            0,
            _ABDOLLAHPOURI,
            edge=NO_LIST,
            place=160,
            why="it needs training interactions and lists",
            counted="list",
            over="catalogue",
        ),
    ),
    place=30,
    per_user=popularity.per_user,
    columns=popularity.columns,
)
