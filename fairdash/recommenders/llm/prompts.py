"""What a language model is told of a person: templates, and how their places are filled. Free of torch."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fairdash import words
from fairdash.errors import ConfigError

SLOTS = ("profile", "history", "anchor", "candidates")
# How a person is told, by name: what they liked (as Liu et al. 2025, Stairway to Fairness), or as a fan of one thing
# (as Zhang et al. 2023, FaiRLLM), or with candidates to choose from (as FairEval 2027). They are models' language,
# English whoever reads the page.
PROTOCOLS = {
    "history": "{profile} They liked, the latest last: {history}. ",
    "fairllm": "{profile} They are a fan of {anchor}. ",
    "candidates": "{profile} They liked, the latest last: {history}. Choose from these: {candidates}. ",
}
ASK_ONE = "Which one title should be recommended next? Answer with the title alone."
ASK_LIST = (
    "Recommend {k} other titles that they would like. Answer with a numbered list of {k} titles and nothing else."
)
NOTHING = "nothing yet"


def template_of(protocol: str, own: str) -> str:
    """The sentence about a person: `own` where there is one, else the protocol's. Raises ConfigError for a place that
    nothing can be put into, and for a text without any."""
    if not own.strip():
        return PROTOCOLS[protocol]
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
    return own.strip() + " "


def prompt(
    template: str, profile: str, liked: Sequence[str], candidates: Sequence[str] = (), ask: str = ASK_ONE
) -> str:
    """What is asked about one person. profile: the profile text, "" for none. liked: titles, the latest last."""
    filled = {
        "profile": profile,
        "history": "; ".join(liked) or NOTHING,
        "anchor": liked[-1] if len(liked) else NOTHING,
        "candidates": "; ".join(candidates),
    }
    # in one pass, so that braces in a title are text
    return re.sub(r"\{(\w+)\}", lambda place: filled[place[1]], template).strip() + " " + ask
