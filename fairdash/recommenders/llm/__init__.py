"""Declares `llm`: a language model that orders the candidates of a first stage, or writes a list of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.hashing import id_hash, mix
from fairdash.recommenders.base import COSTLY_TEXTS, Cost, RecommenderInfo, Sizes
from fairdash.recommenders.llm import endpoint, prompts
from fairdash.recommenders.llm.prompts import PROTOCOLS, WORDINGS
from fairdash.recommenders.options import option
from fairdash.recommenders.popularity import INFO as POPULARITY
from fairdash.schema import USER_ID, Codes, Interactions, TrainingData

WEIGHTS = 134_500_000  # of SmolLM2-135M-Instruct
PROMPT_TOKENS, TITLE_TOKENS = 90, 9  # typical: of a prompt without its titles, and of a title
TIMES = 2  # everybody is asked at validation and at test time
SLOWER = 4  # a token that is written takes as long as so many that are read
MOST_VALUES = 12  # values of an attribute by which people are drawn evenly


def _first_stages() -> tuple[str, ...]:
    from fairdash.recommenders import first_stages  # not before all are declared

    return first_stages()


@dataclass(frozen=True)
class LlmOptions:
    """`llm`: a language model that orders the candidates of a first stage."""

    model: str = option(
        "default",
        "The language model: default (SmolLM2-135M-Instruct), a HuggingFace name, a folder, or a GGUF file.",
        takes="language",
        use=words.later("Ask it for recommendations"),
        first=True,
    )
    way: str = option(
        "likelihood",
        "likelihood: candidates are ordered by how likely their titles are; generate: it writes a list of its own.",
        choices=("likelihood", "generate"),
        first=True,
    )
    people: int = option(
        200, "People who are asked about; only they are audited. 0: everybody.", low=0, high=100_000_000, first=True
    )
    evenly: str = option(
        "", "The attribute by which they are drawn, as many of each value; empty: the first of the profile."
    )
    first_stage: str = option(POPULARITY.name, "Whose best items are ordered.", choices=_first_stages)
    n_candidates: int = option(20, "Items of the first stage that are ordered; no others are.", low=2, high=1000)
    protocol: str = option(
        "history",
        "How a person is told: by what they liked, as a fan of the last thing that they liked (FaiRLLM), with "
        "candidates to choose from in an order that nothing else decides (FairEval), or as a list that goes on, for "
        "models too small to follow a question.",
        choices=tuple(PROTOCOLS),
    )
    template: str = option(
        "",
        "A prompt of your own in place of the protocol's, with {profile}, {history}, {list} (numbered), {anchor} or "
        "{candidates} in it.",
    )
    wording: int = option(
        0,
        "Which of three wordings it is asked in: a finding that holds in one alone is none.",
        low=0,
        high=WORDINGS - 1,
    )
    order: int = option(
        0, "The order in which candidates are named in a prompt, drawn by this number.", low=0, high=10**6
    )
    history: int = option(10, "Liked titles that the prompt names, the latest ones.", low=0, high=500)
    titles: int = option(10, "Titles that a list is asked for (generate).", low=1, high=100)
    endpoint: str = option(
        "",
        "URL of an endpoint that speaks the OpenAI chat protocol, up to /v1; model is then its name there, and a key "
        "is read from FAIRDASH_LLM_KEY, for the host in FAIRDASH_LLM_HOST. Who people are and what they liked is sent.",
    )
    lora_steps: int = option(
        0,
        "Steps of fine-tuning by LoRA on who somebody is and what they liked → the next title; 0: none.",
        low=0,
        high=10**6,
    )
    lora_batch: int = option(4, "Titles in one step.", low=1, high=1024)
    lora_rate: float = option(2e-4, "Of the first step; it falls to 0 in a line.", low=1e-7, high=1.0)
    lora_rank: int = option(8, "Rank of the matrices that are learned.", low=1, high=512)
    price: float = option(0.0, "Price of a million tokens, for the estimate.", low=0.0, high=1e6)

    def __post_init__(self) -> None:
        """Raises ConfigError for what can be refused without asking anybody: before a job with it is written."""
        prompts.template_of(self.protocol, self.template)
        if not self.endpoint:
            return
        endpoint.check(self.endpoint)
        if self.protocol == prompts.CONTINUED:
            raise ConfigError(
                words.say("An endpoint of the chat protocol takes every text for a question."),
                words.say("Choose another protocol."),
            )
        if self.way == "likelihood":
            raise ConfigError(
                words.say("An endpoint of the chat protocol does not say how likely titles are."),
                words.say("Set way to generate."),
            )
        if self.lora_steps:
            raise ConfigError(
                words.say("A model behind an endpoint cannot be fine-tuned here."),
                words.say("Set lora_steps to 0."),
            )


def sample(o: LlmOptions, data: TrainingData, seed: int) -> NDArray[np.bool_] | None:
    """Who is asked about [n_users]; None for everybody. Of each value of the attribute as many as there are, up to an
    equal part of `people`; people without a value are one more group. Drawn by a hash of seed and id among those who
    did anything. Raises ConfigError for an attribute that is not there, that nobody has a value of, or that has more
    values than can be drawn evenly."""
    there = np.bincount(data.train.user, minlength=data.n_users) > 0
    if not 0 < o.people < int(there.sum()):
        return None
    by = o.evenly or next(iter(data.profile), "")
    if by and by not in data.users:
        raise ConfigError(
            words.say("People cannot be drawn evenly by “{by}”: the table of people has no such column.", by=by),
            words.say("It has: {columns}.", columns=", ".join(data.users.columns.drop(USER_ID)) or "–"),
        )
    groups: NDArray[np.integer[Any]] = np.zeros(data.n_users, np.int64)
    if by:
        groups = data.users[by].astype("category").cat.codes.to_numpy(np.int64)
        values = len(np.unique(groups[there & (groups >= 0)]))
        if not values and o.evenly:
            raise ConfigError(
                words.say("Nobody who could be asked about has a value of {by}.", by=by),
                words.say("Draw them evenly by another attribute (evenly)."),
            )
        if values > MOST_VALUES and o.evenly:
            raise ConfigError(
                words.say("{by} has {values} values: too many to draw people evenly by it.", by=by, values=values),
                words.say("Choose an attribute of {most} values at most.", most=MOST_VALUES),
            )
        if values > MOST_VALUES:
            groups[:] = 0
    return _drawn(groups, there, o.people, mix(seed, id_hash(data.users[USER_ID])))


def _drawn(
    groups: NDArray[np.integer[Any]], there: NDArray[np.bool_], n: int, order: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    """n of those who are there, as evenly over the groups as they have people; within a group by the order."""
    chosen = np.zeros(len(groups), bool)
    rows: Codes = np.flatnonzero(there).astype(np.int32)
    rows = rows[np.argsort(order[rows], kind="stable")]
    place = np.empty(len(rows), np.int64)  # of each within its group
    for group in np.unique(groups[rows]):
        own = groups[rows] == group
        place[own] = np.arange(int(own.sum()))
    chosen[rows[np.argsort(place, kind="stable")[:n]]] = True
    return chosen


def cost(o: LlmOptions, sizes: Sizes) -> Cost:
    """Of asking about everybody who is asked. Another model's size is that of its folder's weights or file; one that is
    not here yet counts as the packaged one."""
    people = min(o.people or sizes.n_users, sizes.n_users) * TIMES
    each_read, each_written = tokens_of(o)
    read, written = people * each_read, people * each_written
    later = COSTLY_TEXTS * (each_read + each_written)
    price, later_price = (o.price * tokens / 1e6 for tokens in (read + written, later))
    if o.endpoint:
        return Cost(0.0, 0.0, read + written, price, later, later_price)
    weights = _weights(o.model)
    answered = o.titles if o.way == "generate" else 1  # titles of an example
    learned = o.lora_steps * o.lora_batch * (1 + sizes.twins) * (PROMPT_TOKENS + TITLE_TOKENS * (o.history + answered))
    flops = 2.0 * weights * (read + SLOWER * written + 3 * learned)  # a step goes back through what it read
    return Cost(flops, 6.0 * weights + 1e9, read + written + learned, price, later, later_price)


def tokens_of(o: LlmOptions) -> tuple[int, int]:
    """Tokens that are typically read, and written, to ask about one person once."""
    template = o.template or PROTOCOLS[o.protocol][o.wording]
    titles = ("{history}" in template or "{list}" in template) * o.history + ("{anchor}" in template)
    titles += o.n_candidates * (o.way == "likelihood" or "{candidates}" in template)
    written = (TITLE_TOKENS + 4) * o.titles if o.way == "generate" else 0
    return PROMPT_TOKENS + TITLE_TOKENS * titles, written


def _weights(named: str) -> float:
    """Numbers in a model, from the size of its files. Raises ModelError for a folder whose config says nothing."""
    from fairdash.recommenders import place_of, store  # not before all are declared

    model = place_of(named)
    if model is None:
        return WEIGHTS
    if model.is_file():
        return model.stat().st_size / 0.7  # a quantised number takes five bits or so
    found = store.read_json(model / "config.json", words.say("Bring the folder of a language model, or a GGUF file."))
    each = 4 if found.get("dtype", found.get("torch_dtype")) == "float32" else 2
    return sum(file.stat().st_size for file in model.glob("*.safetensors")) / each


def filled(o: LlmOptions, data: TrainingData, user: int) -> str:
    """What would be asked about one person at test time. Candidates are the most popular items that they have not had,
    whatever the first stage will bring."""
    from fairdash.recommenders import text  # not before recommenders are declared

    titles = prompts.titles_of(data.items)
    known = Interactions.concat(data.train, data.valid)
    own = known.take(np.flatnonzero(known.user == user))
    liked = own.item if data.relevance_threshold is None else own.item[own.rating >= data.relevance_threshold]
    unseen = np.where(np.isin(np.arange(data.n_items), own.item), -1, data.popularity)
    offered = np.sort(np.argsort(-unseen, kind="stable")[: o.n_candidates])
    (profile,) = text.profile_texts(data.users.iloc[[user]], data.profile) if data.profile else [""]
    return prompts.prompt(
        prompts.template_of(o.protocol, o.template, o.wording),
        profile,
        [titles[item] for item in liked[max(len(liked) - o.history, 0) :]],
        [titles[item] for item in offered],
        prompts.question_of(o.protocol, o.wording, o.titles if o.way == "generate" else None),
    )


INFO = RecommenderInfo(
    name="llm",
    title="Language model",
    summary="A language model reads who a person is and what they liked, and orders another recommender's best items "
    "by how likely it is to say their titles, or writes a list. It is slow, so a sample of people is asked about and "
    "audited.",
    paper="Zhang et al. 2023, Is ChatGPT Fair for Recommendation? (FaiRLLM); Holtzman et al. 2021",
    place=25,
    module="fairdash.recommenders.llm.model",
    options=LlmOptions,
    scores="candidates",
    offers=frozenset({"profile", "prompt"}),
    offers_with={"samples": ("lora_steps", ())},
    cost=cost,
    sample=sample,
    asks=filled,
)
