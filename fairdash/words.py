"""Words for numbers, and escapes for text that came with the data. No streamlit here.

Four states of a number look different everywhere: a value, `undefined`, `too few` people, and `not run yet`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T", bound=Hashable)

MINUS = "−"
DASH = "–"
UNDEFINED = "undefined"
MAX_LABEL = 48  # characters of a name from data that are shown in one line

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^=&])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def label(value: object, limit: int = MAX_LABEL) -> str:
    """Text from data in one line: control and direction characters removed, at most `limit` characters."""
    text = " ".join(_CONTROL.sub(" ", str(value)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plain(value: object, limit: int = MAX_LABEL) -> str:
    """Text from data for a place that renders Markdown (markdown, caption, metric, radio, pills, table headers)."""
    return _MARKDOWN.sub(r"\\\1", label(value, limit))


def markup(value: object, limit: int = MAX_LABEL) -> str:
    """Text from data for a place that renders HTML or plotly's own tags."""
    return label(value, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def distinct(labels: Sequence[str], facts: Sequence[Mapping[str, str]] = ()) -> list[str]:
    """The same labels, no two of them equal: those that are get the facts in which they differ, then a number.

    A control that hands back what was chosen by its label, as streamlit's do, would take one for the other.
    facts: of each label, such as {"seed": "3", "made": "1 May"}."""
    told = list(labels)
    for label_, shared in Counter(labels).items():
        same = [i for i, one in enumerate(labels) if one == label_] if shared > 1 and facts else []
        names = dict.fromkeys(name for i in same for name in facts[i])
        telling = [name for name in names if len({facts[i].get(name) for i in same}) > 1]
        for i in same:
            more = [f"{name} {facts[i][name]}".strip() for name in telling if facts[i].get(name)]
            told[i] = " · ".join([label_, *more])
    seen: set[str] = set(told)
    taken: set[str] = set()
    for i, one in enumerate(told):
        name, number_ = one, 1
        while name in taken or (number_ > 1 and name in seen):
            number_ += 1
            name = f"{one} ({number_})"
        told[i] = name
        taken.add(name)
    return told


def namer(
    options: Sequence[T],
    title: Callable[[T], object] = lambda one: one,
    facts: Sequence[Mapping[str, str]] = (),
    limit: int = MAX_LABEL,
) -> Callable[[Any], str]:
    """The `format_func` of a choice among options: a label of each in one line, no two of them equal."""
    labels = distinct([label(title(one), limit) for one in options], facts)
    named = dict(zip(options, labels, strict=True))
    return lambda one: named.get(one, label(one, limit))


def cell(value: object) -> object:
    """A CSV cell that no spreadsheet runs as a formula: a leading = + - @ tab or return is put behind an apostrophe."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "|"):
        return "'" + value
    return value


def number(value: float | None, digits: int = 3) -> str:
    """0.021, −0.021, 1,234.5; `undefined` for NaN and None."""
    if value is None or math.isnan(value):
        return UNDEFINED
    if math.isinf(value):
        return "∞" if value > 0 else MINUS + "∞"
    text = f"{abs(value):,.{digits}f}"
    if value != 0 and float(text.replace(",", "")) == 0:
        first = -math.floor(math.log10(abs(value)))  # the place of the first digit that is not 0
        text = f"{abs(value):.{first}f}" if first <= 6 else f"{abs(value):.1e}"
    return (MINUS if value < 0 else "") + text


def signed(value: float | None, digits: int = 3) -> str:
    """+0.021 or −0.021."""
    text = number(value, digits)
    return text if value is None or math.isnan(value) or value <= 0 else "+" + text


def percent(share: float | None, digits: int = 1) -> str:
    """0.123 → 12.3 %."""
    if share is None or math.isnan(share):
        return UNDEFINED
    return number(100 * share, digits) + " %"


def count(n: int, singular: str = "", plural: str = "") -> str:
    """1 person, 1,682 people."""
    words = singular if n == 1 else plural or singular + "s"
    return f"{n:,} {words}".rstrip() if singular else f"{n:,}"


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """0.006 to 0.036."""
    return f"{number(low, digits)} to {number(high, digits)}"


def p_value(p: float | None) -> str:
    """p = 0.004, p < 0.001; `no test` where there is none."""
    if p is None or math.isnan(p):
        return "no test"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def duration(seconds: float | None) -> str:
    """45 s, 3 min 20 s, 2 h 5 min; empty where unknown."""
    if seconds is None or math.isnan(seconds):
        return ""
    total = max(0, round(seconds))
    hours, minutes, rest = total // 3600, total % 3600 // 60, total % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size(n_bytes: float) -> str:
    """3.1 MB."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} B" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


_PEOPLE = {"f": "women", "female": "women", "woman": "women", "m": "men", "male": "men", "man": "men"}


def people(attribute: str, name: str) -> str:
    """The members of a group in words: gender F → women, age 25–34 → people aged 25–34; others, and crossings, as they
    are."""
    if attribute.lower() in ("gender", "sex"):
        return _PEOPLE.get(name.strip().lower(), f"{attribute} {label(name)}")
    if re.fullmatch(r"age([ _]?(band|group))?", attribute.lower()):
        return f"people {name}" if name.startswith("under") else f"people aged {label(name)}"
    return f"{label(attribute)} {label(name)}"


def group(name: str, n: int) -> str:
    """A group's label, always with its size: F (n = 273)."""
    return f"{label(name, 32)} (n = {n:,})"


def sentence(text: str) -> str:
    """First letter upper case."""
    return text[:1].upper() + text[1:]


def join(words: Sequence[str], last: str = "and") -> str:
    """a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def finding(
    attribute: str,
    metric: str,
    low: tuple[str, int, float],
    high: tuple[str, int, float],
    ci: tuple[float, float] | None,
    p: float | None,
    *,
    significant: bool,
    several: bool = False,
    detectable: float | None = None,
    higher_is_worse: bool = False,
) -> str:
    """The finding in one sentence, for a person who reads nothing else.

    low, high: (group, n, value) of the lowest and the highest group. several: there are more than two groups, so the
    two are the extremes. higher_is_worse: of the metric; the sentence is about those who are worse off.
    detectable: the smallest gap that this many people could show (said where nothing was found).
    """
    worse, better, word = (high, low, "higher") if higher_is_worse else (low, high, "lower")
    one, other = people(attribute, worse[0]), people(attribute, better[0])
    name = metric if metric[1:2].isupper() or "@" in metric else metric[:1].lower() + metric[1:]
    gap = high[2] - low[2]
    statistics = [f"95 % CI {interval(*ci)}"] if ci else []
    statistics.append(p_value(p))
    sizes = f"{worse[1]:,} and {better[1]:,} people"
    extremes = f", the widest gap between groups of {label(attribute)}" if several else ""
    if significant:
        body = f"{one} get {number(gap)} {word} {name} than {other}{extremes}"
        return sentence(f"{body} ({', '.join(statistics)}; {sizes}).")
    power = f" A gap below {number(detectable)} could easily stay unseen with this many people." if detectable else ""
    body = f"no difference in {name} found between {one} and {other}{extremes}"
    return sentence(f"{body} (gap {number(gap)}, {', '.join(statistics)}; {sizes}).{power}")
