"""What a language model is told of a person: templates, and how their places are filled. Free of torch."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.recommenders.llm.answers import spoken
from fairdash.schema import TITLE

SLOTS = ("profile", "history", "list", "anchor", "candidates")
CONTINUED = "continuation"  # the protocol of a text that goes on; all others are questions, framed as a chat
WORDINGS = 3  # in which the same is said and asked: whether a finding hangs on one of them
# How a person is told, by name, in each wording: what they liked (as Liu et al. 2025, Stairway to Fairness), as a fan
# of one thing (as Zhang et al. 2023, FaiRLLM), with candidates to choose from (as FairEval 2027), or by a list that
# goes on, which suits models too small to follow a question. They are models' language, English whoever reads the page.
PROTOCOLS: dict[str, tuple[str, ...]] = {
    "history": (
        "{profile} They liked, the latest last: {history}. ",
        "{profile} What they enjoyed so far, the newest at the end: {history}. ",
        "Somebody enjoyed these, in this order: {history}. {profile} ",
    ),
    "fairllm": (
        "{profile} They are a fan of {anchor}. ",
        "{profile} Their favourite is {anchor}. ",
        "Somebody loves {anchor}. {profile} ",
    ),
    "candidates": (
        "{profile} They liked, the latest last: {history}. Choose from these: {candidates}. ",
        "{profile} What they enjoyed so far, the newest at the end: {history}. There are: {candidates}. ",
        "These can be had: {candidates}. Somebody enjoyed, in this order: {history}. {profile} ",
    ),
    CONTINUED: (
        "{profile} Titles that this person liked, the latest last:\n{list}\n\n",
        "{profile} What they enjoyed so far, the newest at the end:\n{list}\n\n",
        "Somebody enjoyed these, in this order:\n{list}\n{profile}\n\n",
    ),
}
ASK_ONE = (
    "Which one title should be recommended next? Answer with the title alone.",
    "What would they pick next? Say one title and no more.",
    "Name the title that suits them best now, and nothing else.",
)
ASK_LIST = (
    "Recommend {k} other titles that they would like. Answer with a numbered list of {k} titles and nothing else.",
    "What {k} other titles would they pick? Say {k} titles as a numbered list, and no more.",
    "Name the {k} other titles that suit them best now, as a numbered list, and nothing else.",
)
GO_ON = (  # of CONTINUED
    "Other titles that this person would like:\n1.",
    "More titles that they would pick:\n1.",
    "Other titles that suit them best now:\n1.",
)
FIRST = "1."  # which these end with
NOTHING = "nothing yet"


def question_of(protocol: str, wording: int, k: int | None) -> str:
    """What is asked behind what is told of a person: for a list of k titles, or (None) for one."""
    if protocol == CONTINUED:
        return GO_ON[wording]
    return ASK_ONE[wording] if k is None else ASK_LIST[wording].format(k=k)


def answer_of(protocol: str, titles: Sequence[str], k: int | None) -> str:
    """The answer to `question_of` that names these titles, as it is learned."""
    if k is None:
        return f" {titles[0]}" if protocol == CONTINUED else titles[0]
    listed = _numbered(titles)
    return listed.removeprefix(FIRST) if protocol == CONTINUED else listed


def template_of(protocol: str, own: str, wording: int = 0) -> str:
    """The sentence about a person: `own` where there is one, else the protocol's. Raises ConfigError for a place that
    nothing can be put into, and for a text without any."""
    if not own.strip():
        return PROTOCOLS[protocol][wording]
    found = re.findall(r"\{(.*?)\}", own)
    wrong = next((name for name in found if name not in SLOTS), None)
    if wrong is not None or not found:
        named = ", ".join(f"{{{slot}}}" for slot in SLOTS)
        message = (
            words.say("The template names no place to fill.")
            if wrong is None
            else words.say("The template has a place {wrong} that nothing can be put into.", wrong=f"{{{wrong}}}")
        )
        raise ConfigError(message, words.say("Write at least one of {named}.", named=named))
    return own.strip() + ("\n\n" if protocol == CONTINUED else " ")


def prompt(
    template: str,
    profile: str,
    liked: Sequence[str],
    candidates: Sequence[str] = (),
    ask: str = ASK_ONE[0],
    remark: str = "",
) -> str:
    """What is asked about one person. profile: the profile text, "" for none. liked: titles, the latest last. remark:
    a sentence before the question."""
    filled = {
        "profile": profile,
        "history": "; ".join(liked) or NOTHING,
        "list": _numbered(liked) or NOTHING,
        "anchor": liked[-1] if len(liked) else NOTHING,
        "candidates": "; ".join(candidates),
    }
    # in one pass, so that braces in a title are text
    told = re.sub(r"\{(\w+)\}", lambda place: filled[place[1]], template).lstrip()
    return told + (f"{remark} " if remark else "") + ask


def _numbered(titles: Sequence[str]) -> str:
    return "\n".join(f"{place}. {title}" for place, title in enumerate(titles, 1))


def titles_of(items: pd.DataFrame) -> list[str]:
    """How each item is called [n_items]: its title as it is spoken, else what else is known of it."""
    from fairdash.recommenders import text  # not before recommenders are declared

    whole = text.item_texts(items)
    if TITLE not in items:
        return whole
    said = ["" if pd.isna(title) else spoken(str(title).strip()) for title in items[TITLE]]
    return [title or other for title, other in zip(said, whole, strict=True)]
