"""What the cells of a rating say: numbers, stars, thumbs and words; codes for "not rated"; a row beyond the scale."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns

Array = NDArray[np.float64]

_YES = {
    *("true", "yes", "y", "t", "like", "liked", "likes", "love", "loved", "thumbs up", "thumb up", "thumbsup", "up"),
    *("upvote", "positive", "interested", "recommended", "favorite", "favourite", "👍", "❤", "sí", "si", "oui", "ja"),
    *("clicked", "click", "是", "喜欢", "да", "はい", "예"),
}
_NO = {
    *("false", "no", "n", "f", "dislike", "disliked", "dislikes", "hate", "hated", "thumbs down", "thumb down", "down"),
    *("thumbsdown", "downvote", "negative", "not interested", "not recommended", "👎", "non", "nein", "not clicked"),
    *("否", "不喜欢", "нет", "いいえ", "아니오"),
}
_NOTHING = {"not rated", "unrated", "no rating", "not yet rated", "none", "nr"}
_EVEN = {"neutral", "indifferent", "no opinion", "meh"}
_NUMBER = r"\s*[-+]?\d+(?:\.\d+)?\s*"
_CODES = (-1.0, -9.0, -99.0, -999.0, 99.0, 255.0, 999.0, 9999.0)  # numbers that stand for "none" off a scale


@dataclass(frozen=True, eq=False)
class Ratings:
    """numbers: float64 [n], NaN where there is none. bad: bool [n], cells that say something that is no rating.

    note: how cells were read that are no plain numbers ("thousands", "decimal_comma", "words"); count: how many."""

    numbers: Array
    bad: NDArray[np.bool_]
    note: str = ""
    count: int = 0


def read(column: pd.Series, thousands: bool = False) -> Ratings:
    """Numbers of the cells. Words for yes and no become 1 and 0; "4 stars", "4/5", "★★★★" and "80%" their number.

    thousands: whether a comma may part thousands, as in counts; else it is a decimal comma.
    """
    values = columns.numbers(column)
    bad = ~np.isfinite(values)
    bad[bad] = columns.tidy(column[bad]).notna()
    if not bad.any():
        return Ratings(values, bad)
    bad[bad] = ~column[bad].str.strip().str.casefold().isin(_NOTHING)
    odd = column[bad]
    note = ""
    for pattern, read_so, said in (
        (r"\s*\d{1,3}(?:,\d{3})+(?:\.\d+)?\s*" if thousands else r"(?!)", lambda t: t.replace(",", ""), "thousands"),
        (r"\s*-?\d+,\d+\s*", lambda t: t.replace(",", "."), "decimal_comma"),
    ):
        if not note and odd.str.fullmatch(pattern).all():
            values[bad] = columns.numbers(odd.map(read_so))
            note = said
    if not note:
        different = odd.unique()
        known = {text: _meaning(text) for text in different}
        read_cells = odd.map(known).to_numpy(np.float64)
        if np.isfinite(read_cells).mean() > 0.5:
            values[bad] = read_cells
            note = "words"
    count = int((bad & np.isfinite(values)).sum())
    return Ratings(values, bad & ~np.isfinite(values), note if count else "", count)


def _meaning(cell: str) -> float:
    text = " ".join(re.sub(r"[_\-]+", " ", cell.casefold()).split()).rstrip(".!")
    if text in _YES:
        return 1.0
    if text in _NO:
        return 0.0
    if text in _EVEN:
        return 0.5
    stars = text.count("★") + text.count("⭐") + text.count("*") + 0.5 * text.count("½")
    if stars and not re.sub(r"[★☆⭐*½\s\ufe0f]", "", text):
        return float(stars)
    found = re.fullmatch(
        rf"({_NUMBER})(?:stars?|points?|pts|%|(?:/|out of|of)\s*\d+(?:\.\d+)?\s*(?:stars?|points?)?)", text
    )
    return float(found[1]) if found else float("nan")


def is_readable(column: pd.Series) -> bool:
    """Whether nearly all cells that say something are numbers or words that `read` knows."""
    told = columns.tidy(column.drop_duplicates().head(2000)).dropna()
    return len(told) > 0 and bool((~read(told).bad).mean() >= columns.NUMERIC_SHARE)


def is_binary(values: Array) -> bool:
    """Whether the numbers are 0 and 1, both of them."""
    told = values[np.isfinite(values)]
    return bool(len(told) and told.min() == 0 and told.max() == 1 and ((told == 0) | (told == 1)).all())


def not_rated(values: Array) -> dict[float, float]:
    """Numbers that may stand for "not rated", with the part of the rows that they take: a code off the scale of all
    others, or 0 beside whole numbers from 1 on that reach 3 to 10."""
    told = values[np.isfinite(values)]
    used, counts = np.unique(told, return_counts=True)
    if len(used) < 3:
        return {}
    found: dict[float, float] = {}
    scale = used[~np.isin(used, _CODES)]
    if len(scale) > 1 and scale.min() >= 0 and 3 <= scale.max() <= 10:
        found |= {float(code): counts[i] / len(told) for i, code in enumerate(used) if code in _CODES}
    elif len(scale) > 1 and scale.min() >= -10 and 3 <= scale.max() <= 10:
        found |= {float(code): counts[i] / len(told) for i, code in enumerate(used) if code in _CODES and code > 10}
    if len(scale) > 3 and scale[0] == 0 and scale[1] >= 1 and 3 <= scale[-1] <= 10 and (scale == np.rint(scale)).all():
        zeros, lowest = counts[used == 0][0], counts[used == scale[1]][0]
        if zeros > 1.5 * lowest:  # a worst rating is rarely so frequent
            found[0.0] = zeros / len(told)
    return found


def off_scale(values: Array) -> NDArray[np.bool_]:
    """bool [n]: the few values (1 in 200 rows at most) far beyond a scale that all others keep."""
    told = values[np.isfinite(values)]
    none = np.zeros(len(values), dtype=bool)
    if len(told) < 20 or np.abs(told).max() <= 10:
        return none
    used, counts = np.unique(np.abs(told), return_counts=True)
    for top in (1.0, 5.0, 10.0, 20.0):  # the smallest scale that nearly all rows keep
        beyond = used > 2 * top
        within = (used <= top).sum()
        few = max(1, int(0.005 * len(told)))
        if not ((used > top) & ~beyond).any() and 0 < counts[beyond].sum() <= few and 2 <= within <= 41:
            return np.asarray(np.abs(values) > 2 * top)
    return none
