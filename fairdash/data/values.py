"""What the cells of a rating say: numbers, stars, thumbs and words; codes for "not rated"; a row beyond the scale."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns

Array = NDArray[np.float64]

_YES = {
    *("true", "yes", "y", "t", "like", "liked", "likes", "love", "loved", "thumbs up", "thumb up", "thumbsup", "up"),
    *("upvote", "positive", "interested", "recommended", "favorite", "favourite", "👍", "❤", "sí", "si", "oui", "ja"),
    *("clicked", "click", "是", "喜欢", "да", "はい", "예", "me gusta", "me encanta", "j'aime", "gefällt mir"),
    *("mi piace", "gosto", "нравится", "いいね", "👍️", "♥", "♥️", "❤️", "😀", "🙂", "😊", "😍"),
}
_NO = {
    *("false", "no", "n", "f", "dislike", "disliked", "dislikes", "hate", "hated", "thumbs down", "thumb down", "down"),
    *("thumbsdown", "downvote", "negative", "not interested", "not recommended", "👎", "non", "nein", "not clicked"),
    *("否", "不喜欢", "нет", "いいえ", "아니오", "no me gusta", "je n'aime pas", "gefällt mir nicht", "non mi piace"),
    *("não gosto", "не нравится", "👎️", "💔", "🙁", "😞", "😡"),
}
_NOTHING = {
    *("not rated", "unrated", "no rating", "not yet rated", "none", "nr", "k.a.", "k. a.", "keine angabe"),
    *("nicht bewertet", "sin calificar", "non noté", "non valutato", "未评分", "未評価", "не оценено"),
}
_EVEN = {"neutral", "indifferent", "no opinion", "meh"}
_NUMBER = r"\s*[-+]?\d+(?:[.,]\d+)?\s*"
# Stars and points, and the word before the end of a scale, in several languages.
_STARS = (
    "stars?|points?|pts|sterne?n?|étoiles?|estrellas?|estrelas?|stell[ae]|ster(?:ren)?|punkte?|зв[её]зд[аы]?|星|つ星"
)
_CELL = re.compile(
    rf"({_NUMBER})(?:{_STARS}|%|(?:/|out of|of|von|de|sur|su|van|из)({_NUMBER})(?:{_STARS})?)"
    rf"|({_NUMBER})つ星のうち({_NUMBER})"
)
# A place in a list: 1st, #2, No. 3, 4e, 第5名.
_PLACE = re.compile(
    r"(?:#|№|no\.?|nr\.?|n[º°]|rank|place|pos\.?|position|top|第)?\s*(\d+)\s*"
    r"(?:\.|st|nd|rd|th|er|ère|re|e|ème|[ºª°]|位|名|番)?",
    re.IGNORECASE,
)
_HAN = {word: str(n) for n, word in enumerate("零一二三四五六七八九", 0)}
# Numbers that stand for "none" off a scale; -1 too, as programs without a sign write it.
_CODES = (
    *(-1.0, -9.0, -99.0, -999.0, 77.0, 88.0, 97.0, 98.0, 99.0, 255.0, 999.0, 9999.0),
    *(65535.0, 2147483647.0, 4294967295.0, float(2**63), float(2**64), -2147483648.0, -float(2**63)),
)
_TOPS = (1.0, 5.0, 10.0, 20.0, 100.0)  # where scales end


@dataclass(frozen=True, eq=False)
class Ratings:
    """numbers: float64 [n], NaN where there is none. bad: bool [n], cells that say something that is no rating.

    note: how cells were read that are no plain numbers ("thousands", "decimal_comma", "words", "ranks"); count: how
    many."""

    numbers: Array
    bad: NDArray[np.bool_]
    note: str = ""
    count: int = 0


# What parts thousands, where it is no dot: a comma, spaces of several widths, marks above the line.
_PARTING = ", \u00a0\u202f\u2009'’"
_DOTTED = r"[1-9]\d{0,2}(?:\.\d{3})+"


def dotted(column: pd.Series, whole: bool = False) -> NDArray[np.bool_]:
    """Which cells [n] are whole numbers whose thousands a dot parts, as in German: 1.234 beside 37. None where a number
    could be a decimal one: all dots stand before three digits, some cells have none, and nothing is below 1. whole:
    there are no decimals, as of things that are counted; then no cell needs to be without a dot."""
    none = np.zeros(len(column), dtype=bool)
    if pd.api.types.is_numeric_dtype(column.dtype) or not column.head(1000).str.contains(".", regex=False).any():
        return none
    different = pd.Series(column.dropna().unique(), dtype="str").str.strip()
    parted = different.str.contains(".", regex=False)
    if not different[parted].str.fullmatch(_DOTTED).all() or parted.sum() < 3:
        return none
    some = different[~parted].str.fullmatch(r"\d{1,3}").any() or different.str.count(r"\.").gt(1).any()
    if not whole and not some:
        return none  # each has three digits behind the dot: decimals of that length
    if not different[~parted].str.fullmatch(r"[^\d]*|0|[1-9]\d{0,2}").all():
        return none
    return column.str.strip().isin(different[parted]).to_numpy()


def _of_scales(cells: Sequence[str]) -> dict[str, float]:
    """Numbers of cells such as 4/5 and 6/10, on the longest of the scales that they name; {} for fewer than two."""
    found = {cell: match for cell in cells if (match := _CELL.fullmatch(_plain(cell))) and (match[2] or match[3])}
    ends = {cell: float((match[2] or match[3]).replace(",", ".")) for cell, match in found.items()}
    if len(set(ends.values())) < 2 or min(ends.values()) <= 0:
        return {}
    return {cell: _meaning(cell) * max(ends.values()) / end for cell, end in ends.items()}


def read(column: pd.Series, thousands: bool = False, whole: bool = False) -> Ratings:
    """Numbers of the cells. Words for yes and no become 1 and 0; "4 stars", "4/5", "★★★★" and "80%" their number.

    thousands: whether a comma (a dot, a space) may part thousands, as in counts; else it is a decimal comma.
    whole: the numbers have no decimals, as those of things that are counted.
    """
    values = _numbers(column)
    parted = dotted(column, whole) if thousands else np.zeros(len(column), dtype=bool)
    if parted.any():
        values = _numbers(column.mask(parted, column.str.replace(".", "", regex=False)))
        return Ratings(
            values, columns.tidy(column).notna().to_numpy() & np.isnan(values), "thousands", int(parted.sum())
        )
    bad = _unread(column, values)
    if not bad.any():
        return Ratings(values, bad)
    bad[bad] = ~column[bad].str.strip().str.casefold().isin(_NOTHING)
    odd = column[bad]
    note = ""
    for pattern, read_so, said in (
        (rf"\s*\d{{1,3}}(?:([{_PARTING}])\d{{3}})(?:\1\d{{3}})*(?:\.\d+)?\s*" if thousands else r"(?!)",
         lambda t: re.sub(f"[{_PARTING}]", "", t), "thousands"),
        (r"\s*-?\d+,\d+\s*", lambda t: t.replace(",", "."), "decimal_comma"),
    ):  # fmt: skip
        if not note and all(re.fullmatch(pattern, text) for text in odd.unique()):
            values[bad] = _numbers(odd.map(read_so))
            note = said
    if not note:
        different = odd.unique()
        known = {text: _meaning(text) for text in different} | _of_scales(list(different))
        parts = {text for text in different if "%" in text and _CELL.fullmatch(_plain(text))}
        if parts and (np.isfinite(values).any() or any(np.isfinite(known[text]) for text in known.keys() - parts)):
            known |= dict.fromkeys(parts, float("nan"))  # 80 % of what, beside 4 and 5/5?
        read_cells = odd.map(known).to_numpy(np.float64)
        if np.isfinite(read_cells).mean() > 0.5:
            values[bad] = read_cells
            note = "words"
    count = int((bad & np.isfinite(values)).sum())
    return Ratings(values, bad & ~np.isfinite(values), note if count else "", count)


def _numbers(column: pd.Series) -> Array:
    """Numbers [n]; NaN for what is none, and for what is too large to be held as a rating."""
    found = columns.numbers(column)
    return np.where(np.abs(found) > np.finfo(np.float32).max, np.nan, found)


def places(column: pd.Series) -> Ratings:
    """Ranks of the cells: "1st", "#2" and "No. 3" are their number; note: "ranks" where there are such."""
    numbers = columns.numbers(column)
    bad = _unread(column, numbers)
    codes, different = pd.factorize(column[bad].str.strip())
    found = (_PLACE.fullmatch(text) for text in different)
    numbers[bad] = np.array([np.nan if one is None else float(one[1]) for one in found])[codes]
    count = int((bad & np.isfinite(numbers)).sum())
    return Ratings(numbers, bad & ~np.isfinite(numbers), "ranks" if count else "", count)


def _unread(column: pd.Series, numbers: Array) -> NDArray[np.bool_]:
    """Cells [n] that say something, but no number."""
    bad = ~np.isfinite(numbers)
    bad[bad] = columns.tidy(column[bad]).notna()
    return bad


def _meaning(cell: str) -> float:
    text = _plain(cell)
    if text in _YES:
        return 1.0
    if text in _NO:
        return 0.0
    if text in _EVEN:
        return 0.5
    stars = text.count("★") + text.count("⭐") + text.count("*") + 0.5 * text.count("½")
    if stars and not re.sub(r"[★☆⭐*½\s\ufe0f]", "", text):
        return float(stars)
    if text[:1] in _HAN and text[1:] in ("星", "颗星", "顆星"):
        return float(_HAN[text[0]])
    found = _CELL.fullmatch(text)
    if found is not None:
        return float((found[1] or found[4]).replace(",", "."))
    half = re.fullmatch(r"(\d*)\s*½", text)
    if half is not None:
        return float(half[1] or 0) + 0.5
    return float(text) if text.isdecimal() else float("nan")  # digits of any script


def _plain(cell: str) -> str:
    """Small letters, single spaces, no marks at the end and no skin tones."""
    text = re.sub("[\U0001f3fb-\U0001f3ff]", "", cell.casefold())
    return " ".join(re.sub(r"[_\-]+", " ", text).split()).rstrip(".!")


def is_readable(column: pd.Series) -> bool:
    """Whether nearly all cells that say something are numbers or words that `read` knows."""
    told = columns.tidy(column.drop_duplicates().head(2000)).dropna()
    return len(told) > 0 and bool((~read(told, thousands=True).bad).mean() >= columns.NUMERIC_SHARE)


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


def open_zero(values: Array) -> dict[float, float]:
    """0 beside stars of 1 to 5 or 1 to 10 (by halves, too), with the part of the rows that it takes: the worst rating,
    or none at all; {} where there is none."""
    told = values[np.isfinite(values)]
    used = np.unique(told)
    if len(used) < 4 or used[0] != 0 or used[-1] not in (5.0, 10.0):
        return {}
    starts = used[1] >= 1 and bool((used == np.rint(used)).all())
    return {0.0: float((told == 0).mean())} if starts or used[1] == 0.5 else {}


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
    used, place = np.unique(np.abs(used), return_inverse=True)
    counts = np.bincount(place, counts).astype(np.intp)
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
