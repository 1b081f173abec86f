"""What a person can answer about their tables: each answer with its option of the command line, declared once.

The fields of `data.ImportOptions` have these keys, a `Question` names one of them, and commands take their options from
here. Nothing heavy is imported, so that the command line can say its options at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Command = Literal["data", "lists"]  # what reads interactions, and what reads lists with what was held out


@dataclass(frozen=True)
class Answer:
    """key: the field of `ImportOptions`. parse: from the text behind the option, ValueError where it is none. several:
    the option may be repeated, and the field holds a tuple. of: the commands that it is for."""

    key: str
    option: str
    help: str
    parse: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    several: bool = False
    of: tuple[Command, ...] = ("data", "lists")

    def value(self, given: str | Sequence[str]) -> Any:
        """The field's value from what was given, once or several times. Raises ValueError."""
        texts = [given] if isinstance(given, str) else list(given)
        return tuple(map(self.parse, texts)) if self.several else self.parse(" ".join(texts))


def _yes(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(f"{text!r} is neither yes nor no")
    return text == "yes"


def _separator(text: str) -> str:
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
    return named.get(text, text)


def _numbers(text: str) -> tuple[float, ...]:
    return () if text == "none" else tuple(float(part) for part in text.replace(",", " ").split())


def _threshold(text: str) -> float | str | None:
    return None if text == "any" else text if text == "auto" else float(text)


def _weight(text: str) -> tuple[str, float]:
    kind, equals, weight = text.rpartition("=")
    if not equals:
        raise ValueError(f"{text!r} has no weight, as buy=5 has")
    return kind, float(weight)


def _column(key: str, what: str, of: tuple[Command, ...] = ("data", "lists")) -> Answer:
    help = f'the column of {what}; else guessed; "": there is none'
    return Answer(key, f"--{key.replace('_', '-')}-column", help, of=of)


_YES = ("yes", "no")
ANSWERS: Mapping[str, Answer] = {
    answer.key: answer
    for answer in (
        Answer("name", "--name", "of the data set; else that of the file", of=("data",)),
        Answer("encoding", "--encoding", "of all files, such as utf-8, cp1252, gbk; else detected"),
        Answer("separator", "--separator", "of columns: tab, comma, semicolon, pipe, space, ::", _separator),
        Answer("header", "--header", "whether the first row holds names", _yes, _YES),
        _column("user", "the person"),
        _column("item", "the item"),
        _column("rating", "the rating or count"),
        _column("time", "the time or order"),
        _column("clock", "the time of day, beside a date"),
        _column("event", "the kind of event"),
        _column("split", "the part, train, valid or test, that a split of your own has", of=("data",)),
        _column("system", "the system that made the lists", of=("lists",)),
        _column("rank", "the place in the list", of=("lists",)),
        _column("score", "the score of the item", of=("lists",)),
        _column("prediction", "the predicted rating of what was held out", of=("lists",)),
        _column("users_id", "the id in the table of people"),
        _column("items_id", "the id in the table of items"),
        _column("title", "the title in the table of items"),
        _column("categories", "the categories in the table of items"),
        Answer("category_separator", "--category-separator", "between categories in a cell", _separator),
        Answer("rating_kind", "--rating-kind", "what the numbers are", str, ("auto", "rating", "count", "none")),
        Answer("rating_missing", "--rating-missing", "numbers that stand for “not rated”, or none", _numbers),
        Answer("zeros", "--zeros", "what 0 beside 1 says", str, ("impression", "dislike")),
        Answer("events", "--event", "a kind of event that counts, or all; may be repeated", several=True),
        Answer("event_weights", "--event-weight", "what a kind counts: buy=5; may be repeated", _weight, several=True),
        Answer("time_format", "--time-format", "such as %d/%m/%Y; none: there is no order; text: as it sorts"),
        Answer("keep_untimed", "--keep-untimed", "whether rows without a time stay, as the oldest", _yes, _YES),
        Answer("start", "--from", "only what happened from this date or time on: interactions, or held-out rows"),
        Answer("end", "--to", "only what happened to this date or time, which is part of it"),
        Answer("merge_spellings", "--merge-spellings", "whether M and male are one group", _yes, _YES),
        Answer("as_of", "--as-of", "the date for ages from dates of birth: 2020-01-31"),
        Answer(
            "relevance_threshold",
            "--relevance-threshold",
            "liked from this rating on; any: every interaction; else decided from the ratings",
            _threshold,
        ),
        Answer("dedupe", "--keep", "which of repeated rows stays", str, ("last", "best", "sum")),
        Answer("k_core", "--k-core", "drop people and items with fewer interactions", int, of=("data",)),
        Answer("repairs", "--repair", "a repair to do instead of the usual ones; `data` lists them", several=True),
        Answer("drop_bad_ratings", "--drop-bad-ratings", "leave out rows whose rating is no number", _yes, _YES),
    )
}
