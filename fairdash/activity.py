"""Groups of people by how much they use a service, made from their training interactions: the attribute `activity`.

The most active are the 5 % with the most interactions, against all others: the advantaged and the disadvantaged group
of user-oriented fairness, whose UGF is the gap of an accuracy metric between the two (Li et al. 2021, User-oriented
Fairness in Recommendation, WWW). People with equally many are in one group, so that the most active may be more than
5 %; where all have equally many there is one group.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import words

ACTIVITY = "activity"
MOST_ACTIVE = 0.05  # of all people
NAMES = words.several("most active", "less active")


def with_activity(users: pd.DataFrame, interactions: NDArray[np.int64]) -> pd.DataFrame:
    """The table of people with their activity, from how many training interactions each has [n]; as it is where it has
    such a column of its own, or nobody."""
    if ACTIVITY in users or not len(users):
        return users
    few = math.ceil(MOST_ACTIVE * len(users))
    active = interactions >= np.partition(interactions, -few)[-few]
    return users.assign(**{ACTIVITY: np.where(active, *NAMES)})
