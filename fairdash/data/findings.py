"""What a person should know about their files, and what only they can answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import words
from fairdash.answers import ANSWERS
from fairdash.errors import ConfigError
from fairdash.words import Said

Severity = Literal["info", "warning", "error"]

ROWS_SHOWN = 5  # row numbers and examples in a message


@dataclass(frozen=True)
class Question:
    """A guess that is not sure enough to be taken unasked.

    key: the field of `ImportOptions` that answers it. choices: as they are written behind the option; preselected: the
    likely one, which is in use until somebody answers. option: on the command line.
    """

    key: str
    text: Said
    choices: tuple[str, ...]
    preselected: str
    option: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "option", ANSWERS[self.key].option)


@dataclass(frozen=True)
class Finding:
    """Something a person should know about a file. rows: up to five row numbers as in the file, header included.

    repair: a key of `clean.REPAIRS`, or "" where there is nothing to do; applied: whether it was done. question: what
    the person should answer, as this is a guess.
    """

    key: str
    severity: Severity
    table: str  # the file's name
    message: Said
    count: int = 0
    rows: tuple[int, ...] = ()
    repair: str = ""
    applied: bool = False
    question: Question | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `said` is what its texts were made of, for other languages."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        texts = [self.message, *([self.question.text] if self.question else [])]
        return {**found, "said": words.forms(texts)}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> Finding:
        """The finding that `to_json` wrote."""
        asked, said = found["question"], found.get("said")
        question = asked and Question(
            asked["key"], words.again(asked["text"], said), tuple(asked["choices"]), asked["preselected"]
        )
        told = {name: value for name, value in found.items() if name != "said"}
        message = words.again(found["message"], said)
        return Finding(**{**told, "message": message, "rows": tuple(found["rows"]), "question": question})


class UnansweredError(ConfigError):
    """Guesses that want consent, where only sure ones were allowed. questions: all of them."""

    def __init__(self, questions: Sequence[Question]) -> None:
        lines = []
        for question in questions:
            answers = ", ".join(f"{question.option} {_shown(choice)}" for choice in question.choices[:6])
            likely = _shown(question.preselected)
            lines.append(
                words.say("Answer with {answers}; the likely answer is {likely}.", answers=answers, likely=likely)
            )
        lines.append(words.say("--accept-guesses takes the likely answers."))
        super().__init__("\n".join(question.text for question in questions), "\n".join(lines))
        self.questions = tuple(questions)


def _shown(choice: str) -> str:
    return f'"{choice}"' if not choice or " " in choice else choice


def questions(findings: Iterable[Finding]) -> tuple[Question, ...]:
    """What is asked, each key once."""
    found: dict[str, Question] = {}
    for finding in findings:
        if finding.question is not None:
            found.setdefault(finding.question.key, finding.question)
    return tuple(found.values())


def first_rows(frame: pd.DataFrame, where: pd.Series | NDArray[np.bool_]) -> tuple[int, ...]:
    """The first marked rows [n] of a frame by their numbers in the file; rows that stand in no file have none."""
    return tuple(int(row) for row in frame.index[np.asarray(where, dtype=bool)][:ROWS_SHOWN] if row > 0)


def in_rows(rows: Sequence[int]) -> str:
    """ "row 7", "rows 7, 9, 12" """
    numbers = ", ".join(map(words.count, rows))
    return words.say("row {rows}", rows=numbers) if len(rows) == 1 else words.say("rows {rows}", rows=numbers)


def examples(values: Iterable[object]) -> str:
    """Up to three different values, quoted and cut."""
    shown = list(dict.fromkeys(str(v) for v in values))[:3]
    return ", ".join(repr(v if len(v) <= 30 else v[:29] + "…") for v in shown)
