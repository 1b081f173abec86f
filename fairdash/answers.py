"""What a person can answer about their tables: each answer with its option of the command line, declared once.

The fields of `data.ImportOptions` have these keys, a `Question` names one of them, and commands take their options from
here; so do the controls of the page. Nothing heavy is imported, so that the command line can say its options at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fairdash import words
from fairdash.words import Said

Command = Literal["data", "lists"]  # what reads interactions, and what reads lists with what was held out
About = Literal["interactions", "users", "items", "lists", "reading", "values"]
ROLES = ("interactions", "users", "items", "aside")  # of files


@dataclass(frozen=True)
class Answer:
    """key: the field of `ImportOptions`. help: what it says, or of a column what it holds. parse: from the text behind
    the option, ValueError where it is none. several: the option may be repeated, and the field holds a tuple. of: the
    commands that it is for.

    title, named: what a page calls it and its choices. about: how files are read, what values mean, or the table whose
    column it names; needed: there is always such a column."""

    key: str
    option: str
    help: Said
    parse: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    several: bool = False
    of: tuple[Command, ...] = ("data", "lists")
    title: str = ""
    named: Mapping[str, str] = field(default_factory=dict)
    about: About = "values"
    needed: bool = False

    @property
    def column(self) -> bool:
        """Whether it names a column."""
        return self.about in ("interactions", "users", "items", "lists")

    @property
    def told(self) -> str:
        """Its help, to whoever is spoken to."""
        told = words.say(self.help)
        return words.say('the column of {what}; else guessed; "": there is none', what=told) if self.column else told

    def value(self, given: str | Sequence[str]) -> Any:
        """The field's value from what was given, once or several times. Raises ValueError."""
        texts = [given] if isinstance(given, str) else list(given)
        return tuple(map(self.parse, texts)) if self.several else self.parse(" ".join(texts))


def _yes(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(words.say("“{text}” is neither yes nor no", text=text))
    return text == "yes"


def _separator(text: str) -> str:
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
    return named.get(text, text)


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(words.say("“{text}” is no finite number", text=text))
    return float(text)


def _numbers(text: str) -> tuple[float, ...]:
    return () if text == "none" else tuple(_finite(part) for part in text.replace(",", " ").split())


def _threshold(text: str) -> float | str | None:
    return None if text == "any" else text if text == "auto" else _finite(text)


def _weight(text: str) -> tuple[str, float]:
    kind, equals, weight = text.rpartition("=")
    if not equals:
        raise ValueError(words.say("“{text}” has no weight, as buy=5 has", text=text))
    return kind, _finite(weight)


def _role(text: str) -> tuple[str, str]:
    file, _, role = text.rpartition("=")
    if not file or role not in ROLES:
        raise ValueError(
            words.say(
                "“{text}” is no file with its role, as people.csv=users is; roles are {roles}",
                text=text,
                roles=", ".join(ROLES),
            )
        )
    return file, role


def _column(
    key: str, about: About, title: str, what: Said, *, needed: bool = False, of: tuple[Command, ...] = ()
) -> Answer:
    of = of or (("lists",) if about == "lists" else ("data", "lists"))
    option = f"--{key.replace('_', '-')}-column"
    return Answer(key, option, what, of=of, title=title, named={"": _NONE}, about=about, needed=needed)


_NONE = words.later("none of them")
_YES = ("yes", "no")
ANSWERS: Mapping[str, Answer] = {
    answer.key: answer
    for answer in (
        Answer("name", "--name", "of the data set; else that of the file", of=("data",), about="reading"),
        Answer("encoding", "--encoding", "of all files, such as utf-8, cp1252, gbk; else detected", about="reading",
               title=words.later("Encoding")),
        Answer("separator", "--separator", "of columns: tab, comma, semicolon, pipe, space, ::", _separator,
               about="reading", title=words.later("Separator")),
        Answer("header", "--header", "whether the first row holds names", _yes, _YES, about="reading",
               title=words.later("First row"), named={"yes": words.later("names"), "no": words.later("data")}),
        Answer("roles", "--role", "what a file is (interactions, users, items, aside): a.csv=users; may be repeated",
               _role, several=True, of=("data",), about="reading", title=words.later("Roles of files")),
        _column("user", "interactions", words.later("Person"), "the person", needed=True),
        _column("item", "interactions", words.later("Item"), "the item", needed=True),
        _column("rating", "interactions", words.later("Rating or count"), "the rating or count"),
        _column("time", "interactions", words.later("Time or order"), "the time or order"),
        _column("clock", "interactions", words.later("Time of day"), "the time of day, beside a date"),
        _column("event", "interactions", words.later("Kind of event"), "the kind of event"),
        _column("split", "interactions", words.later("Train, valid or test"),
                "the part, train, valid or test, that a split of your own has", of=("data",)),
        Answer("fold", "--fold", "which fold of several is the test part, by its name; all: they are one data set",
               title=words.later("Test fold"), named={"all": words.later("all of them together")}),
        _column("system", "lists", words.later("System"), "the system that made the lists"),
        _column("rank", "lists", words.later("Rank"), "the place in the list"),
        _column("score", "lists", words.later("Score"), "the score of the item"),
        _column("prediction", "lists", words.later("Predicted rating"), "the predicted rating of what was held out"),
        _column("users_id", "users", words.later("Id of people"), "the id in the table of people", needed=True),
        _column("items_id", "items", words.later("Id of items"), "the id in the table of items", needed=True),
        _column("title", "items", words.later("Title"), "the title in the table of items"),
        _column("categories", "items", words.later("Categories"), "the categories in the table of items"),
        Answer("category_separator", "--category-separator", "between categories in a cell", _separator,
               about="reading", title=words.later("Between categories")),
        Answer("rating_kind", "--rating-kind", "what the numbers are", str, ("auto", "rating", "count", "none"),
               title=words.later("The numbers are"), named={
                   "auto": words.later("as they look"), "rating": words.later("ratings on a scale"),
                   "count": words.later("counts (plays, clicks)"), "none": words.later("left aside")}),
        Answer("rating_missing", "--rating-missing", "numbers that stand for “not rated”, or none", _numbers,
               title=words.later("Stands for “not rated”"), named={"none": words.later("no number, all are ratings")}),
        Answer("zeros", "--zeros", "what 0 beside 1 says", str, ("impression", "dislike"), title=words.later("0 says"),
               named={"impression": words.later("shown, and not taken"), "dislike": words.later("not liked")}),
        Answer("events", "--event", "a kind of event that counts, or all; may be repeated", several=True,
               title=words.later("Events that count"), named={"all": words.later("all of them")}),
        Answer("event_weights", "--event-weight", "what a kind counts: buy=5; may be repeated", _weight, several=True,
               title=words.later("What events count")),
        Answer("time_format", "--time-format", "such as %d/%m/%Y; none: there is no order; text: as it sorts",
               title=words.later("How times are written"),
               named={"none": words.later("left aside: there is no order"), "text": words.later("as text sorts")}),
        Answer("keep_untimed", "--keep-untimed", "whether rows without a time stay, as the oldest", _yes, _YES,
               title=words.later("Rows without a time"),
               named={"yes": words.later("stay, as the oldest"), "no": words.later("are left out")}),
        Answer("start", "--from", "only what happened from this date or time on: interactions, or held-out rows",
               title=words.later("From")),
        Answer("end", "--to", "only what happened to this date or time, which is part of it",
               title=words.later("To")),
        Answer("merge_spellings", "--merge-spellings", "whether M and male are one group", _yes, _YES,
               title=words.later("Spellings of a group"),
               named={"yes": words.later("are merged"), "no": words.later("stay groups of their own")}),
        Answer("as_of", "--as-of", "the date for ages from dates of birth: 2020-01-31",
               title=words.later("Ages count on")),
        Answer(
            "relevance_threshold",
            "--relevance-threshold",
            "liked from this rating on; any: every interaction; else decided from the ratings",
            _threshold,
            title=words.later("Liked from"),
            named={"any": words.later("any interaction"), "auto": words.later("decided from the ratings")},
        ),
        Answer("dedupe", "--keep", "which of repeated rows stays", str, ("last", "best", "sum"),
               title=words.later("Of repeated rows keep"), named={
                   "last": words.later("the last"), "best": words.later("the best rated"),
                   "sum": words.later("the last, with the sum of all")}),
        Answer("k_core", "--k-core", "drop people and items with fewer interactions", int, of=("data",),
               title=words.later("Fewest interactions")),
        Answer("repairs", "--repair", "a repair to do instead of the usual ones; `data` lists them", several=True,
               about="reading"),
        Answer("drop_bad_ratings", "--drop-bad-ratings", "leave out rows whose rating is no number", _yes, _YES,
               title=words.later("Rows whose rating is no number"),
               named={"yes": words.later("are left out"), "no": words.later("stop the import")}),
    )
}  # fmt: skip
