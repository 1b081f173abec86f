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
# Numbers that stand for "none" off a scale.
_CODES = (-1.0, -9.0, -99.0, -999.0, 77.0, 88.0, 97.0, 98.0, 99.0, 255.0, 999.0, 9999.0)
_TOPS = (1.0, 5.0, 10.0, 20.0, 100.0)  # where scales end


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
    others; whole numbers far above those of a short scale, such as 8 and 9 beside 1 to 5; and 0 where it is far more
    frequent than a worst rating is."""
    told = values[np.isfinite(values)]
    used, counts = np.unique(told, return_counts=True)
    if len(used) < 3:
        return {}
    share = {float(value): count / len(told) for value, count in zip(used, counts, strict=True)}
    scale = used[~np.isin(used, _CODES)]
    if len(scale) < 2 or not 3 <= scale[-1] <= 100:
        return {}
    codes = [code for code in used if code in _CODES and code not in scale]
    if scale[-1] > 10:  # 99 is a rating there
        codes = [code for code in codes if code < 0 or code > 2 * scale[-1]]
        used = scale = used[~np.isin(used, codes)]
    if scale[0] < 0:
        codes = [code for code in codes if code > 10 and scale[0] >= -10]
    found = {float(code): share[code] for code in codes}
    whole = bool((scale == np.rint(scale)).all())
    low = scale[scale > 0]
    gaps = np.flatnonzero(np.diff(low) >= 3)
    if (
        whole
        and scale[0] >= 0
        and scale[-1] <= 10
        and len(gaps) == 1
        and gaps[0] >= 2
        and (np.diff(low)[: gaps[0]] == 1).all()
    ):
        beyond = low[gaps[0] + 1 :]
        if sum(share[value] for value in beyond) > 0.005:  # fewer are slips of the keyboard
            found |= {float(value): share[value] for value in beyond}
            low = low[: gaps[0] + 1]
    if len(low) > 2 and scale[0] == 0:
        # Stars by halves begin at a half; on a long scale the worst rating is as rare as its neighbours.
        usual = 1.5 * share[low[0]] if scale[-1] <= 10 else 3 * max(share[value] for value in low)
        starts = low[0] >= 1 if whole else low[0] == 0.5
        if starts and share[0.0] > usual:
            found[0.0] = share[0.0]
    return found


def off_scale(values: Array) -> NDArray[np.bool_]:
    """bool [n]: the few values (1 in 200 rows at most) off a scale that all others keep: beyond twice its end; in a
    hundred rows and more also three steps and more above all others; and below 0 where no other is."""
    told = values[np.isfinite(values)]
    none = np.zeros(len(values), dtype=bool)
    if len(told) < 20:
        return none
    few = max(1, int(0.005 * len(told)))
    used, counts = np.unique(told, return_counts=True)
    negative = used < 0
    if 0 < counts[negative].sum() <= few and (used >= 0).sum() >= 2 and used[~negative][-1] <= 100:
        rest = off_scale(np.where(values < 0, np.nan, values))
        return np.asarray(rest | (values < 0))
    used, counts = np.unique(np.abs(told), return_counts=True)
    for top in _TOPS:  # the smallest scale that nearly all rows keep
        above = used > top
        steps = np.diff(used[~above])
        apart = (
            len(told) >= 100 and above.any() and len(steps) > 1 and used[above][0] - used[~above][-1] >= 3 * steps.max()
        )
        beyond = above if apart and top <= 10 else used > 2 * top
        within = int((~above).sum())
        if not (above & ~beyond).any() and 0 < counts[beyond].sum() <= few and 2 <= within <= max(41, top + 1):
            return np.asarray(np.abs(values) > (top if apart and top <= 10 else 2 * top))
    return none
