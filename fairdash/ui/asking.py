"""What only the person can answer about their files: questions with the likely answer, and what was answered so far.

Answers are those of the command line, by the fields of `data.ImportOptions`; they stand in the session under the digest
of the files. A trial is an answer that is in use, and asked still.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import streamlit as st

from fairdash import documents, words
from fairdash.answers import ANSWERS, About, Answer
from fairdash.data import ImportOptions, Question
from fairdash.errors import ConfigError, FairDashError
from fairdash.ui import parts, state

_NOTHING = "\0"  # stands for no column among names of columns
_TRIALS = "trials-"  # before the digest: {key: (question, answer as it is written behind the option)}


def answers(key: str) -> dict[str, Any]:
    """What was answered for the files of this digest, by the fields of `ImportOptions`."""
    given: dict[str, Any] = st.session_state.setdefault(f"answers-{key}", {})
    return given


def _trials(key: str) -> dict[str, tuple[Question, str | list[str]]]:
    tried: dict[str, tuple[Question, str | list[str]]] = st.session_state.setdefault(f"{_TRIALS}{key}", {})
    return tried


def options(key: str) -> ImportOptions:
    """The answers, and what is tried."""
    tried = {name: ANSWERS[name].value(text) for name, (_, text) in _trials(key).items()}
    return ImportOptions(**{**answers(key), **tried})


def answer(key: str, **given: Any) -> None:
    """Take these answers; one that cannot be is refused in words and changes nothing."""
    new = {**answers(key), **given}
    if any(name.startswith("read_") or (name != "repairs" and ANSWERS[name].about != "values") for name in given):
        new.pop("repairs", None)  # of what was found when the files were read otherwise
    if "rating" in given and "relevance_threshold" not in given:
        new.pop("relevance_threshold", None)  # of other numbers, or of none
    try:
        ImportOptions(**new)
    except FairDashError as fault:
        st.session_state["fault"] = fault
        return
    st.session_state[f"answers-{key}"] = new
    for name in given:
        _trials(key).pop(name, None)


def forget(key: str, *names: str) -> None:
    """Leave these to the guess again, which is asked where it is not sure."""
    for name in names:
        answers(key).pop(name, None)
        _trials(key).pop(name, None)


def written(name: str, text: str | Sequence[str], key: str) -> None:
    """Take an answer as it is written behind its option; none at all leaves it to the guess."""
    if not text:
        forget(key, name)
        return
    try:
        answer(key, **{name: ANSWERS[name].value(text)})
    except ValueError as error:
        st.session_state["fault"] = ConfigError(
            words.say(
                "{text} cannot be: {error}.", text=text if isinstance(text, str) else " ".join(text), error=error
            ),
            words.say("{title}: {help}.", title=words.say(ANSWERS[name].title), help=ANSWERS[name].told),
        )


def open_questions(asked: Iterable[Question], key: str) -> list[Question]:
    """What is asked still: what the reader asks, and what is tried."""
    found = {question.key: question for question, _ in _trials(key).values()}
    return list((found | {question.key: question for question in asked}).values())


def questions(asked: Sequence[Question], key: str) -> None:
    """A control for each question, with the likely answer, and a button that takes what it holds."""
    for number, question in enumerate(asked, 1):
        with st.container(border=True, key=f"asked-{question.key}", gap="small"):
            place = words.say("Question {number} of {of}", number=number, of=len(asked))
            st.markdown(f":material/help: **{place}.** {words.plain(words.again(question.text), 900)}")
            with st.container(horizontal=True, vertical_alignment="bottom"):
                _control(question, key)
                parts.act(words.say("Take this answer"), _take, question, key, key=f"take-{question.key}",
                          icon=":material/check:", type="primary")  # fmt: skip
    if len(asked) > 1:
        parts.act(words.say("Take all {n} answers as they stand", n=len(asked)), _take_all, asked, key, key="take-all")


def reason(asked: Sequence[Question]) -> str | None:
    """Why nothing can be kept yet; None where nothing is asked."""
    if not asked:
        return None
    return words.say(
        "{n} question is open: answer it first.", "{n} questions are open: answer them first.", n=len(asked)
    )


def _control(question: Question, key: str) -> None:
    declared = ANSWERS[question.key]
    _, text = _trials(key).get(question.key, (question, question.preselected))
    several = [text] if isinstance(text, str) else text
    choices = list(dict.fromkeys([*question.choices, *several]))
    title, name = words.say(declared.title), named(declared, choices, question.preselected)

    def keep(value: Any) -> None:
        _try(question, value, key)

    held = state.held(f"question-{question.key}", several if declared.several else text, keep)
    if declared.several:
        st.multiselect(title, choices, format_func=name, width=420, placeholder=words.say("Choose options"), **held)
    elif len(question.choices) == 1:
        st.text_input(title, width=260, **held)
    elif len(choices) <= 3 and all(len(name(choice)) < 40 for choice in choices):
        st.radio(title, choices, format_func=name, horizontal=True, width="content", **held)
    else:
        st.selectbox(title, choices, format_func=name, width=360, **held)


def named(declared: Answer, choices: Sequence[str], likely: str | None = None) -> Any:
    """The `format_func` of an answer's choices, no two of one name; the likely one is said to be so."""

    def title(choice: str) -> str:
        return words.say(declared.named[choice]) if choice in declared.named else words.label(choice)

    name = words.namer(choices, title, limit=200)
    return lambda choice: words.say("{told} (likely)", told=name(choice)) if choice == likely else name(choice)


def _try(question: Question, text: Any, key: str) -> None:
    """Put an answer to use, which is asked still; one that cannot be is refused in words."""
    declared = ANSWERS[question.key]
    if declared.several:  # each single one in the place of all
        text = [one for one in text if one != question.preselected or len(text) == 1] or [question.preselected]
    try:
        ImportOptions(**{question.key: declared.value(text)})
    except (ValueError, FairDashError) as error:
        st.session_state["fault"] = ConfigError(words.say("{text} cannot be: {error}", text=str(text), error=error))
        return
    _trials(key)[question.key] = (question, text)


def _take(question: Question, key: str) -> None:
    _, text = _trials(key).get(question.key, (question, question.preselected))
    written(question.key, text, key) if text else answer(key, **{question.key: ""})


def _take_all(asked: Sequence[Question], key: str) -> None:
    for question in asked:
        _take(question, key)


def controls(
    options: ImportOptions, key: str, *about: About, names: Sequence[str] = (), but: Collection[str] = ()
) -> None:
    """A control for each answer that is declared about these, also where nothing is asked. names: of the columns."""
    with st.container(horizontal=True, gap="small"):
        for declared in ANSWERS.values():
            if declared.about in about and declared.key not in but:
                _declared(declared, getattr(options, declared.key), key, names)


def _declared(declared: Answer, value: Any, key: str, names: Sequence[str]) -> None:
    title, guess, told = words.say(declared.title), words.say("(guess)"), named(declared, declared.choices)
    held, usual = f"value-{declared.key}", getattr(ImportOptions(), declared.key)

    def keep(text: str) -> None:
        if text == _NOTHING:
            answer(key, **{declared.key: ""})
        else:
            written(
                declared.key, [one.strip() for one in text.split(",") if one.strip()] if declared.several else text, key
            )

    if declared.column:
        choices = ["", *names, *([] if declared.needed else [_NOTHING])]
        column = words.namer(choices)
        st.selectbox(
            title, choices, width=250, help=declared.told,
            format_func=lambda one: words.say("(none)") if one == _NOTHING else column(one) if one else guess,
            **state.held(held, _NOTHING if value == "" else value if value in choices else "", keep),
        )  # fmt: skip
    elif declared.choices:
        text = ("yes" if value else "no") if isinstance(value, bool) else value or ""
        st.selectbox(
            title, [*([""] if usual is None else []), *declared.choices], width=250, help=declared.told,
            format_func=lambda choice: told(choice) if choice else guess, **state.held(held, text, keep),
        )  # fmt: skip
    else:
        text = "" if value == usual else "any" if value is None else shown(declared.key, value)
        st.text_input(title, width=250, help=declared.told, placeholder=guess, **state.held(held, text, keep))


def pseudonyms(usual: bool = True) -> bool:
    """Whether people get pseudonyms in what is kept, as is usual unless somebody says otherwise."""
    return st.checkbox(
        words.say("Pseudonyms for people"), usual, key="pseudonyms",
        help=words.say(
            "Ids of people are kept as pseudonyms, by a key that lies beside the data on this server. Lists that are "
            "brought later under the same ids find their people again. Ties are broken and samples drawn by ids, so "
            "numbers that rest on these come out a little otherwise than under the ids."
        ),
    )  # fmt: skip


def given(key: str) -> None:
    """What was answered, each with a button that takes it back; and the answers as a file."""
    have = answers(key)
    if not have:
        return
    with st.expander(
        words.count(len(have), "answer of yours", "answers of yours"), icon=":material/rule:", key="given"
    ):
        for name, value in have.items():
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"{title(name)}: **{words.plain(shown(name, value), 200)}**", width="stretch")
                parts.act(words.say("Take back"), forget, key, name, key=f"forget-{name}", type="tertiary",
                          icon=":material/undo:")  # fmt: skip
        st.download_button(
            words.say("Save the answers"),
            json.dumps(ImportOptions(**have).to_json(), indent=1, ensure_ascii=False),
            "mapping.json",
            "application/json",
            key="save-mapping",
            icon=":material/download:",
            on_click="ignore",
            help=words.say("For files of the same kind: give them again here, or on the command line with --mapping."),
        )


def title(name: str) -> str:
    """What an answer is called; `read_…` as what it is of."""
    whose = {"read_interactions": "interactions", "read_users": "people", "read_items": "items"}
    if name in whose:
        return words.say("How the file of {whose} is read", whose=whose[name])
    return words.say("Repairs") if name == "repairs" else words.say(ANSWERS[name].title)


def shown(name: str, value: Any) -> str:
    """An answer as a person reads it."""
    if value is None:
        return words.say("any interaction")
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if name in ANSWERS and isinstance(value, str):
        return str(named(ANSWERS[name], [value])(value))
    if name.startswith("read_"):
        told = [getattr(value, field.name) for field in fields(value)]
        return ", ".join(str(one) for one in told if one is not None)
    if isinstance(value, tuple):
        pairs = ["=".join(map(str, one)) if isinstance(one, tuple) else _brief(one) for one in value]
        return ", ".join(pairs) or words.say("none")
    return _brief(value)


def _brief(value: Any) -> str:
    return words.brief(value) if isinstance(value, (int, float)) else str(value)


def earlier(key: str) -> None:
    """Answers that were saved, here or by the command line, for these files."""
    with st.popover(words.say("Saved answers"), icon=":material/upload_file:", type="tertiary"):
        st.file_uploader(
            words.say("A file that was saved here, or by the command line (--save-mapping)"), ["json"],
            key=f"mapping-{key}", on_change=_given_again, args=(key,),
        )  # fmt: skip


def _given_again(key: str) -> None:
    file = st.session_state.get(f"mapping-{key}")
    if file is None:
        return
    try:
        kept = documents.read(file.getvalue())
        if not isinstance(kept, Mapping):
            raise ValueError(words.say("it holds no answers"))
        read = ImportOptions.from_json(kept)
    except FairDashError as fault:
        st.session_state["fault"] = fault
    except (ValueError, TypeError) as error:
        told = words.say("{name} is no file of answers: {error}.", name=file.name, error=error)
        st.session_state["fault"] = ConfigError(told, words.say("Give the file that was saved here."))
    else:
        answer(key, **{name: getattr(read, name) for name in kept})
