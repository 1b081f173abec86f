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

DESCRIBING = 3  # words behind a dash, the first in small letters, that are no subtitle
TELLING = 2  # words of a subtitle, articles aside, that can name an item by themselves
CUTS = 8  # places of a line at which it is cut; a line may be as long as an answer

_NUMBERED = re.compile(
    r"^\s*(?:[*_#]*\s*[-•·]?\s*(?:[(\[（【]\d{1,2}[)\]）】]|\d{1,3}(?:[.)\]、．）】。]|[:：](?!\d)))\s*|[-*•·]\s*)"
)  # 3:10 to Yuma and (500) Days of Summer begin with no number of a list
_DATED = re.compile(r"^(.*\S)\s*[(\[]((?:1[89]|20)\d\d)[)\]](?:\s*\((?:V|TV|VG)\))?$", re.DOTALL)
_BARE_YEAR = re.compile(r"^(.*\w)[\s,]+((?:1[89]|20)\d\d)$", re.DOTALL)
_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
_ARTICLES = "the|a|an|la|le|les|il|el|der|die|das|l'"
_ARTICLE = re.compile(rf"^(.*), ({_ARTICLES})((?: \([^()]*\))*)$", re.IGNORECASE)
_ENDED = re.compile(
    r"""^(?P<dated>.*?[(\[](?:1[89]|20)\d\d[)\]])(?!$)|^(?P<bold>.+?):?\*\*|^(?P<quoted>[^"”»]+)["”»](?=\s*[-–—:,(]|\s+by\s)"""
)
_CUT = re.compile(r"\s[-–—]\s|:\s")
_NOTE = re.compile(r"^(.*\S)\s*\(([^()]*)\)$", re.DOTALL)
_KNOWN_AS = re.compile(r"^a\.?k\.?a\.? ", re.IGNORECASE)
_PARTS = "part|episode|chapter|book|volume|vol|season"
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ONES = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_NTH = re.compile(rf"\b({_PARTS}) (i|{'|'.join(_NUMBERS)})\b")
_ROMAN = re.compile(r"\b(?!i\b)(?=[ivx])(x{0,3})(ix|iv|v?i{0,3})\b")  # “I” is a word, too
Dated = tuple[int | None, int]  # the year of an item, and its code


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
        except (ValueError, RecursionError):  # the latter of brackets without an end
            found = None
        if isinstance(found, list) and (not found or any(isinstance(row, (str, dict)) for row in found)):
            named = (row.get("title") if isinstance(row, dict) else row for row in found)
            return [str(name).strip() for name in named if name is not None and str(name).strip()]
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
    """A title without case, punctuation and its year in brackets, and without accents over Latin and Greek letters:
    elsewhere a mark makes another letter (カ and ガ, и and й). An article that stands behind a comma comes first; Roman
    numerals are digits. Titles of punctuation alone stay as they are."""
    name, _ = _dated(title)
    plain = _letters(spoken(name).replace("&", " and "))
    plain = _NTH.sub(lambda match: f"{match[1]} {_NUMBERS.index(match[2]) + 1 if match[2] != 'i' else 1}", plain)
    return _ROMAN.sub(lambda match: str(10 * len(match[1]) + _ONES.index(match[2])), plain) or name.casefold()


def _letters(text: str) -> str:
    """Letters, digits and single spaces of a text: what else stands there separates words."""
    if text.isascii():
        return " ".join(re.sub(r"[^a-z0-9]+", " ", text.casefold()).split())
    kept: list[str] = []
    base = " "  # the letter that marks belong to
    for letter in unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()):
        kind = unicodedata.category(letter)
        if kind[0] == "M":
            if base != " " and not unicodedata.name(base, "").startswith(("LATIN", "GREEK")):
                kept.append(letter)
        elif kind != "Cf":  # joiners stand within words
            base = letter if letter.isalnum() else " "
            kept.append(base)
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).replace("ё", "е").split())  # both are usual


def _dated(title: str) -> tuple[str, int | None]:
    """A title without the year in brackets behind it, and that year."""
    match = _DATED.match(title.strip())
    return (match[1], int(match[2])) if match else (title.strip(), None)


def _others(name: str) -> list[str]:
    """The names in one with brackets: “Seven (Se7en)” is called Seven and Se7en."""
    names: list[str] = []
    while len(names) < CUTS and (note := _NOTE.match(name)) is not None and not _is_part(note[2]):
        name = note[1]
        names += [name, _KNOWN_AS.sub("", note[2])]
    return names


def _is_part(note: str) -> bool:
    """Whether a note in brackets says which part of several an item is."""
    return re.match(rf"(?:(?:{_PARTS})\b|[#\dIVX.]+$)", note.strip(), re.IGNORECASE) is not None


class Titles:
    """Titles, and which item a written one means. items: their codes; without it their places. Of several items of one
    title the first stands for it."""

    def __init__(self, titles: Sequence[str], items: Sequence[int] | None = None) -> None:
        pairs = list(zip(titles, range(len(titles)) if items is None else items, strict=True))
        self.exact = dict(pairs[::-1])
        self.plain: dict[str, list[Dated]] = {}
        self.other: dict[str, list[Dated]] = {}
        for title, item in pairs:
            name, year = _dated(title)
            self.plain.setdefault(normal(name), []).append((year, item))
            for other in _others(name):
                self.other.setdefault(normal(other), []).append((year, item))
        for known in (self.plain, self.other):
            known.pop("", None)
        self.names = list(dict.fromkeys([*self.plain, *self.other]))

    def find(self, written: str) -> int | None:
        """The item that is meant, or None: rather none than another one.

        A title is looked up as it stands, then without what describes it, then by its subtitle alone, where that is
        TELLING words long. A year that is written agrees with the item's: it differs by one at most. A description
        stands behind a year in brackets, behind bold or quoted letters, behind a dash where it has DESCRIBING words and
        begins in small letters, or in brackets. Any other words behind a dash or a colon are a subtitle, which says
        another item: it is not left out, unless the year behind it is just that of the item. Last comes the nearest
        title of at least NEAREST with the same numbers in it.

        Raises ConfigError without the package that measures the distance."""
        if written in self.exact:
            return self.exact[written]
        texts = _described(unicodedata.normalize("NFKC", written).strip())
        titles = [title for text in texts for title in [text, *_subtitles(text)]]
        for title in titles:
            if (item := self._called(title)) is not None:
                return item
        for text in texts:
            name, year = _dated(text)
            for cut in [*_CUT.finditer(name)][:CUTS]:
                if year is not None and (item := self._called(name[: cut.start()], year, within=0)) is not None:
                    return item
        return next((item for text in texts if (item := self._nearest(text)) is not None), None)

    def _called(self, title: str, year: int | None = None, within: int = 1) -> int | None:
        """The item of that name. year: of the item, beside one in the title itself; it differs by `within` at most."""
        name, own = _dated(title)
        key = normal(name)
        if year is not None:
            return _agreeing(self.plain.get(key, ()), year, within, sure=True)
        if (item := self._named(key, own)) is not None:
            return item
        if own is not None:  # of a catalogue that writes its years without brackets
            return _agreeing(self.plain.get(f"{key} {own}", ()), None)
        bare = _BARE_YEAR.match(name)
        return self._called(bare[1], int(bare[2])) if bare else None

    def _named(self, key: str, year: int | None) -> int | None:
        item = _agreeing(self.plain.get(key, ()), year)
        if item is None:  # several with one name in brackets are no one's
            several = {one for one in self.other.get(key, ()) if _agreeing([one], year) is not None}
            item = next(iter(several))[1] if len(several) == 1 else None
        return item

    def _nearest(self, text: str) -> int | None:
        if importlib.util.find_spec("rapidfuzz") is None:
            raise ConfigError(
                words.say("Titles of a language model are matched by the package rapidfuzz, which is not installed."),
                words.say("Run {command}.", command="`pip install 'fairdash[llm]'`"),
            )
        from rapidfuzz import process
        from rapidfuzz.distance import Levenshtein

        name, year = normal(text), _dated(text)[1]
        best = process.extract(
            name, self.names, scorer=Levenshtein.normalized_similarity, score_cutoff=NEAREST, limit=5
        )
        for other, _, _ in best:
            if re.findall(r"\d+", other) != re.findall(r"\d+", name):  # Toy Story 2 is no misspelling of Toy Story 3
                continue
            if (item := self._named(other, year)) is not None:
                return item
        return None


def _agreeing(known: Collection[Dated], year: int | None, within: int = 1, sure: bool = False) -> int | None:
    """The first item of the nearest year, that differs by `within` at most. sure: not one without a year."""
    if year is None:
        return next((item for _, item in known), None)
    apart = [(within if own is None else abs(own - year), item) for own, item in known if own is not None or not sure]
    return min((one for one in apart if one[0] <= within), key=lambda one: one[0], default=(0, None))[1]


def _described(written: str) -> list[str]:
    """A line as it stands, and without what describes the title."""
    texts = [written]
    if ended := _ENDED.match(written):
        texts.append(next(part for part in ended.groups() if part))
    name, year = _dated(texts[-1])
    behind = "" if year is None else f" ({year})"
    for cut in [*_CUT.finditer(name)][:CUTS]:
        rest = name[cut.end() :]
        if not cut[0].startswith(":") and rest[:1].islower() and len(rest.split()) >= DESCRIBING and not name.islower():
            texts.append(name[: cut.start()] + behind)
            break
    while len(texts) < CUTS and (note := _NOTE.match(name)) is not None and not _is_part(note[2]):
        name = note[1]
        if found := _YEAR.search(note[2]):  # (Michael Mann, 1995)
            behind = f" ({found[0]})"
        texts.append(name + behind)
    return list(dict.fromkeys(texts))


def _subtitles(text: str) -> list[str]:
    """What stands behind dashes and colons, or in brackets, and can be a title by itself; the longest first."""
    name, year = _dated(text)
    parts = [name[cut.end() :] for cut in [*_CUT.finditer(name)][:CUTS]]
    parts += [note[2]] if (note := _NOTE.match(name)) else []
    own = [part for part in parts if len(set(normal(part).split()) - {*_ARTICLES.split("|")}) >= TELLING]
    return [part if year is None else f"{part} ({year})" for part in own]


def read(answer: str, k: int, titles: Titles, prompt: str, named: Collection[int], seen: Collection[int]) -> Answer:
    """What an answer to a question for k titles comes to. named: items that the prompt names; seen: all that the person
    had. A line counts for one kind, the first that fits of repeated, echoed, seen; lines beyond k are not read."""
    counts = dict.fromkeys(KINDS, 0)
    items: list[int] = []
    lines, asked = lines_of(answer)[:k], normal(prompt)
    declines = normal(answer).startswith(tuple(normal(word) for word in REFUSALS))
    if declines and (not lines or titles.find(lines[0]) is None):  # Sorry, Wrong Number is a film
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
