"""What a language model wrote → items of the catalogue, and what became of every line: nothing is dropped silently."""

from __future__ import annotations

import importlib.util
import json
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from fairdash import words
from fairdash.errors import ConfigError

# What a place of a list that was asked for can come to. invented: no item is called so; repeated: an item that the list
# has already; seen: one that the person had; echoed: a title, or a sentence, that stands in the prompt; refused: the
# model declined; missing: nothing was written for it.
KINDS = ("valid", "invented", "repeated", "seen", "echoed", "refused", "missing")
NEAREST = 0.9  # least similarity, 1 − edits / length of the longer, at which a title is taken for another spelling
REFUSALS = ("i'm sorry", "i am sorry", "sorry,", "i cannot", "i can't", "as an ai", "i'm unable", "i am unable")
SHORTEST = 4  # letters of a line that can be an echo of a sentence

_NUMBERED = re.compile(r"^\s*(?:[-*•·]|\(?\d{1,3}[.):\]])\s*")
_YEAR = re.compile(r"\(?\b(1[89]\d\d|20\d\d)\)?\s*$")
_ARTICLE = re.compile(r"^(.*), (the|a|an|la|le|les|il|el|der|die|das|l')((?: \([^()]*\))*)$", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """items: codes of what was valid, in the order in which it was written. counts: places by kind; they add up to as
    many as were asked for."""

    items: tuple[int, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


def lines_of(answer: str) -> list[str]:
    """The titles that an answer names, as they are written: of a JSON list, of lines with or without numbers, or of one
    line with semicolons."""
    start, stop = answer.find("["), answer.rfind("]")
    if 0 <= start < stop:
        try:
            found = json.loads(answer[start : stop + 1])
        except ValueError:
            found = None
        if isinstance(found, list):
            named = (row.get("title", "") if isinstance(row, dict) else row for row in found)
            return [str(name).strip() for name in named if str(name).strip()]
    rows = [row for row in answer.splitlines() if row.strip()]
    numbered = [row for row in rows if _NUMBERED.match(row)]
    if len(numbered) > 1:  # the rest introduces them, or says good-bye
        rows = numbered
    if len(rows) == 1 and rows[0].count(";") > 1:
        rows = rows[0].split(";")
    cleaned = (_NUMBERED.sub("", row).strip().strip("*_\"'“”„«»").strip() for row in rows)
    return [row for row in cleaned if row]


def spoken(title: str) -> str:
    """A title as it is spoken: an article that stands behind a comma comes first. Models that read “Matrix, The (1999)”
    ten times write “The (1999)”."""
    return _ARTICLE.sub(r"\2 \1\3", title)


def normal(title: str) -> str:
    """A title without case, accents, marks and a year; an article that stands behind a comma comes first."""
    plain = unicodedata.normalize("NFKD", _YEAR.sub("", title.strip()).casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).strip()
    return " ".join(re.sub(r"[^\w\s]", " ", spoken(plain).replace("&", " and ")).split())


class Titles:
    """Titles, and which item a written one means. items: their codes; without it their places. Of several items of one
    title the first stands for it."""

    def __init__(self, titles: Sequence[str], items: Sequence[int] | None = None) -> None:
        pairs = list(zip(titles, range(len(titles)) if items is None else items, strict=True))[::-1]
        self.exact = dict(pairs)
        self.years = {_with_year(title): item for title, item in pairs}
        self.plain = {normal(title): item for title, item in pairs}
        self.plain.pop("", None)
        self.names = list(self.plain)

    def find(self, written: str) -> int | None:
        """The item that is meant: by the exact title, by the normalised one, or by the nearest one of at least NEAREST
        with the same numbers in it; also by what stands before a dash or a colon. None where there is no such item.
        Raises ConfigError without the package that measures the distance."""
        cuts = [match.start() for match in re.finditer(r"\s[-–—]\s|:\s|\s\(", written)]
        for text in (written, *(written[:cut] for cut in reversed(cuts))):
            for known, key in ((self.exact, text), (self.years, _with_year(text)), (self.plain, normal(text))):
                if key in known:
                    return known[key]
        return self._nearest(normal(written))

    def _nearest(self, name: str) -> int | None:
        if importlib.util.find_spec("rapidfuzz") is None:
            raise ConfigError(
                words.say("Titles of a language model are matched by the package rapidfuzz, which is not installed."),
                words.say("Run {command}.", command="`pip install 'fairdash[llm]'`"),
            )
        from rapidfuzz import process
        from rapidfuzz.distance import Levenshtein

        best = process.extract(
            name, self.names, scorer=Levenshtein.normalized_similarity, score_cutoff=NEAREST, limit=5
        )
        for other, _, _ in best:
            if re.findall(r"\d+", other) == re.findall(r"\d+", name):  # Toy Story 2 is no misspelling of Toy Story 3
                return self.plain[other]
        return None


def _with_year(title: str) -> str:
    year = _YEAR.search(title.strip())
    return f"{normal(title)} {year[1] if year else ''}"


def read(answer: str, k: int, titles: Titles, prompt: str, named: Collection[int], seen: Collection[int]) -> Answer:
    """What an answer to a question for k titles comes to. named: items that the prompt names; seen: all that the person
    had. A line counts for one kind, the first that fits of repeated, echoed, seen; lines beyond k are not read."""
    counts = dict.fromkeys(KINDS, 0)
    items: list[int] = []
    lines, asked = lines_of(answer)[:k], normal(prompt)
    declines = normal(answer).startswith(tuple(normal(word) for word in REFUSALS))
    if declines and titles.find(lines[0]) is None:  # Sorry, Wrong Number is a film
        counts["refused"] = k
        return Answer((), counts)
    for line in lines:
        item = titles.find(line)
        if item is None:
            echo = len(normal(line)) >= SHORTEST and normal(line) in asked
            counts["echoed" if echo else "invented"] += 1
        elif item in items:
            counts["repeated"] += 1
        elif item in named:
            counts["echoed"] += 1
        elif item in seen:
            counts["seen"] += 1
        else:
            items.append(item)
            counts["valid"] += 1
    counts["missing"] = k - sum(counts.values())
    return Answer(tuple(items), counts)
