"""`llm`: a language model that recommends, in one of two ways.

likelihood: it orders the candidates of a first stage by how likely it finds their titles for a person,

    score = (log P(title | the person's prompt) − log P(title | the same question about nobody)) / tokens of the title

What a title has without the person is taken off, so that popular wording does not win (domain-conditional PMI, Holtzman
et al. 2021). generate: it writes a list, which is read and mapped onto the catalogue (`answers`); a list is as short as
what was valid, and what became of every other place is counted.

The first stage is fitted, the model is fine-tuned where steps are asked for (`lora`), and everybody who is asked about
is asked at validation and at test time. Every prompt and answer is kept beside the model as JSON lines (`kept`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import words
from fairdash.errors import ConfigError, ModelError
from fairdash.hashing import digest, id_hash, mix
from fairdash.progress import Progress
from fairdash.recommenders import store, text
from fairdash.recommenders.base import Candidates, Sizes, Written
from fairdash.recommenders.device import Device, choose
from fairdash.recommenders.estimate import estimate, of_tokens
from fairdash.recommenders.first_stage import FirstStage
from fairdash.recommenders.llm import LlmOptions, cost, lora, prompts, tokens_of
from fairdash.recommenders.llm.answers import KINDS, Answer, Titles, read
from fairdash.recommenders.llm.endpoint import Endpoint
from fairdash.recommenders.llm.kept import FILE, LATER, Kept
from fairdash.recommenders.llm.lora import Arrays
from fairdash.recommenders.llm.reading import Reader, identity_of, opened
from fairdash.recommenders.options import parse
from fairdash.schema import Codes, Floats, Interactions, TrainingData

AT_ONCE = 8  # lists that are written beside each other
UNTAUGHT = ("people", "evenly", "price")  # options that what is learned does not hang on
LORA = "lora:"  # before the names of what was learned, among the arrays
MOST_TWINS = 8  # variants of a profile with other values
PLACE_TOKENS = 14  # that a title with its number takes at most, on average


class Asked(NamedTuple):
    """A prompt; the items whose titles it names as liked, all that the person had, and the candidates [c] that it
    offers."""

    prompt: str
    named: frozenset[int]
    seen: frozenset[int]
    offered: Codes


class FittedLlm:
    """A language model with all that it is asked with. titles: of the items [m]. profiles: the distinct profile texts;
    profile_rows: [n_users] into them. remarks: distinct sentences before the question; remark_rows: [n_users] into
    them."""

    name = "llm"

    def __init__(
        self,
        options: LlmOptions,
        device: Device,
        first: FirstStage,
        titles: Sequence[str],
        attributes: tuple[str, ...],
        profiles: Sequence[str],
        profile_rows: NDArray[np.int64],
        remarks: Sequence[str],
        remark_rows: NDArray[np.int64],
        threshold: float | None,
        identity: str,
        kept: Kept,
        learned: Arrays,
    ) -> None:
        self.options, self.device, self.first_stage, self.titles = options, device, first, list(titles)
        self.profile, self.profiles, self.profile_rows = attributes, list(profiles), profile_rows
        self.threshold, self.identity, self.kept, self.learned = threshold, identity, kept, learned
        self.remarks, self.remark_rows = list(remarks), remark_rows
        self.template = prompts.template_of(options.protocol, options.template, options.wording)
        self.catalogue = Titles(self.titles)
        self.order = mix(options.order, id_hash(self.titles))  # of candidates in a prompt: by nothing that ranks them

    @property
    def first(self) -> Callable[[Codes, Interactions], Candidates]:
        """The first stage, or what the model writes; see `CandidateFitted`."""
        if self.options.way == "likelihood":
            return self.first_stage
        return lambda users, history: self.candidates(users, history, self.profiles_of(users))

    @cached_property
    def writer(self) -> Reader | Endpoint:
        """What writes lists."""
        if self.options.endpoint:
            return Endpoint(self.options.endpoint, self.options.model)
        return self.reader

    @cached_property
    def reader(self) -> Reader:
        """The model itself, opened when something is asked that was not asked before."""
        made = Reader(*opened(self.options.model), self.device, self.framed)
        if self.learned:
            lora.applied(made, self.options.lora_rank, self.learned)
        return made

    def score_candidates(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """Scores [n, c] of candidates [n, c]; see `CandidateFitted`."""
        return self._scored(users, items, history, self.profiles_of(users))

    def score_candidate_profiles(
        self, users: Codes, items: Codes, history: Interactions, profiles: Sequence[str]
    ) -> Floats:
        """The same with these profiles in place of the people's own; see `CandidateProfileFitted`."""
        if not self.profile:
            raise ConfigError(
                words.say("This model reads no profile text."),
                words.say("Train it with a profile: choose attributes for it."),
            )
        return self._scored(users, items, history, profiles)

    def candidates(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Candidates:
        """What it writes for people with these profiles, or what the first stage brings; see `BringingFitted`."""
        if self.options.way == "likelihood":
            return self.first_stage(users, history)
        items = np.full((len(users), self.options.titles), -1, np.int32)
        for row, answer in enumerate(self._answers(users, history, profiles)):
            items[row, : len(answer.items)] = answer.items
        return Candidates(items, np.zeros((len(users), len(self.titles)), np.float32))

    def written(self, users: Codes, history: Interactions) -> Written | None:
        """What became of the places of its lists; see `WritingFitted`."""
        if self.options.way == "likelihood":
            return None
        found = self._answers(users, history, self.profiles_of(users))
        return Written(KINDS, np.array([[one.counts[kind] for kind in KINDS] for one in found], np.int64))

    def reads(self, data: TrainingData, user: int, item: int, history: Interactions) -> tuple[str, ...]:
        """The prompt of a person, with the title where titles are judged; see `ReadingFitted`."""
        users = np.array([user], np.int32)
        (asked,) = self.asked(users, history, self.profiles_of(users))
        return (asked.prompt, self.titles[item]) if self.options.way == "likelihood" else (asked.prompt,)

    def asking(self, texts: int) -> str:
        """What asking about so many more profile texts comes to; see `AskingFitted`."""
        tokens = texts * sum(tokens_of(self.options))
        told = words.say(
            "The language model is asked at most {n} prompt more.",
            "The language model is asked at most {n} prompts more.",
            n=texts,
        )
        return words.together(told, *of_tokens(tokens, self.options.price * tokens / 1e6))

    @property
    def question(self) -> str:
        """What is asked behind what is told of a person."""
        return prompts.question_of(self.options.protocol, self.options.wording, self.listed)

    @property
    def listed(self) -> int | None:
        """How many titles an answer names; None: the one title whose likelihood is asked for."""
        return self.options.titles if self.options.way == "generate" else None

    @property
    def framed(self) -> bool:
        """Whether prompts are questions in a chat; else texts that go on."""
        return self.options.protocol != prompts.CONTINUED

    def asked(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> list[Asked]:
        """What is asked about each person."""
        start, stop = np.searchsorted(history.user, users, "left"), np.searchsorted(history.user, users, "right")
        offered = [np.zeros(0, np.int32)] * len(users)
        if "{candidates}" in self.template:
            brought = self.first_stage(users, history).items
            offered = [row[row >= 0][np.argsort(self.order[row[row >= 0]], kind="stable")] for row in brought]
        result = []
        for user, profile, a, b, choice in zip(users, profiles, start, stop, offered, strict=True):
            items = history.item[a:b]
            if self.threshold is not None:
                items = items[history.rating[a:b] >= self.threshold]
            latest = items[max(len(items) - self.options.history, 0) :]
            told = [[self.titles[item] for item in some] for some in (latest, choice)]
            remark = self.remarks[self.remark_rows[user]]
            prompt = prompts.prompt(self.template, profile, told[0], told[1], self.question, remark)
            result.append(Asked(prompt, frozenset(latest.tolist()), frozenset(history.item[a:b].tolist()), choice))
        return result

    def examples(
        self, data: TrainingData, weights: NDArray[np.float64], twins: Sequence[Sequence[str]], rng: np.random.Generator
    ) -> list[tuple[str, str]]:
        """A prompt about somebody as they were when they liked something, and the title of that, or the list that it
        begins; behind it, for `swap_share` of people, the same with another profile. weights, twins: of
        `weights_of_examples`, `twins_of`."""
        train = data.train
        total = np.cumsum(weights)
        row = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        user = train.user[row : row + 1]
        before = train.take(np.arange(int(np.searchsorted(train.user, user[0])), row))
        profiles = [self.profiles_of(user)[0]]
        if twins and rng.random() < data.swap_share:
            profiles.append(twins[int(rng.integers(len(twins)))][int(user[0])])
        asked = self.asked(np.repeat(user, len(profiles)), before, profiles)
        last = int(np.searchsorted(train.user, user[0], "right"))
        later = row + np.flatnonzero(self._liked(train.take(np.arange(row, last))))[: self.listed or 1]
        named = [self.titles[item] for item in train.item[later]]
        return [(one.prompt, prompts.answer_of(self.options.protocol, named, self.listed)) for one in asked]

    def _liked(self, some: Interactions) -> NDArray[np.bool_]:
        return np.ones(len(some), bool) if self.threshold is None else some.rating >= self.threshold

    def save(self, folder: Path) -> None:
        """Options, texts and answers, with the first stage; the language model stays where it is, and is known by its
        digest."""
        self.first_stage.save(folder)
        store.write(
            folder,
            {
                "name": self.name,
                "options": asdict(self.options),
                "titles": self.titles,
                "attributes": list(self.profile),
                "profiles": self.profiles,
                "remarks": self.remarks,
                "threshold": self.threshold,
                "identity": self.identity,
            },
            {
                "profile_rows": self.profile_rows,
                "remark_rows": self.remark_rows,
                **{f"{LORA}{name}": array for name, array in self.learned.items()},
            },
        )
        self.kept.copy(folder / FILE)

    def profiles_of(self, users: Codes) -> list[str]:
        """The profile texts of these people as they are."""
        return [self.profiles[row] for row in self.profile_rows[users]]

    def _scored(self, users: Codes, items: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
        result = np.zeros(items.shape, np.float32)
        if self.options.way == "generate":  # by the place in the list; what is not on it stands behind
            for row, answer in enumerate(self._answers(users, history, profiles)):
                place = {item: i for i, item in enumerate(answer.items)}
                result[row] = [-place.get(int(item), self.options.titles) for item in items[row]]
            return result
        for row, (asked, *_) in enumerate(self.asked(users, history, profiles)):
            there = np.flatnonzero(items[row] >= 0)
            named = [self.titles[item] for item in items[row, there]]
            result[row, there] = self._likelihood(asked, named) - self._likelihood(self.question, named)
        return result

    def _likelihood(self, asked: str, titles: Sequence[str]) -> Floats:
        """Of titles after a prompt; what was asked before is not asked again."""
        known = self.kept.get(asked)
        new = [title for title in dict.fromkeys(titles) if title not in known]
        if new:
            said = new if self.framed else [f" {title}" for title in new]
            values = self.reader.likelihood(asked, said)
            self.kept.add(asked, dict(zip(new, map(float, values), strict=True)))
            known = self.kept.get(asked)
        return np.array([known[title] for title in titles], np.float32)

    def _answers(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> list[Answer]:
        """What the model wrote for these people; what it wrote before is not asked again."""
        asked = self.asked(users, history, profiles)
        new = [one for one in dict.fromkeys(each.prompt for each in asked) if "text" not in self.kept.get(one)]
        step = 1 if self.options.endpoint else AT_ONCE  # an endpoint is asked one by one: each is kept as it comes
        for start in range(0, len(new), step):
            part = new[start : start + step]
            said = self.writer.generate(part, _tokens(self.options))
            for prompt, answer in zip(part, said, strict=True):
                self.kept.add(prompt, {"text": answer})
        return [self._read(one) for one in asked]

    def _read(self, asked: Asked) -> Answer:
        catalogue, choice = self.catalogue, asked.offered
        if len(choice):  # what was not offered is no answer
            catalogue = Titles([self.titles[item] for item in choice], choice.tolist())
        answer = ("" if self.framed else prompts.FIRST + " ") + self.kept.get(asked.prompt)["text"]
        return read(answer, self.options.titles, catalogue, asked.prompt, asked.named, asked.seen)


class Llm:
    """The recommender to be fitted; see the module's head."""

    name, vector_width = "llm", None

    def __init__(self, config: LlmOptions) -> None:
        self.config = config
        if config.endpoint:
            Endpoint(config.endpoint, config.model)  # a key that cannot be sent is said now

    def fit(
        self, data: TrainingData, *, seed: int, device: str, folder: Path, progress: Progress, terms: Sequence[Any] = ()
    ) -> FittedLlm:
        """Fit the first stage and ask about everybody who is asked; see `Recommender`. What a run that was stopped in
        `folder` had asked already is not asked again."""
        options, chosen = self.config, choose(device)
        folder.mkdir(parents=True, exist_ok=True)
        identity = _identity(options)
        progress(0.0, f"{chosen.sentence} {estimate(cost(options, Sizes.of(data)), chosen).sentence}")
        first = FirstStage.fit(
            options.first_stage,
            options.n_candidates,
            data,
            seed=seed,
            device=device,
            folder=folder,
            progress=lambda done, message="", values=None: progress(0.05 * done, message, values),
        )
        profiles = text.profile_texts(data.users, data.profile) if data.profile else [""] * data.n_users
        rows, unique = pd.factorize(np.array(profiles, object))
        remarks = np.full(data.n_users, "", object) if data.remarks is None else data.remarks
        remark_rows, remarked = pd.factorize(remarks)

        def fitted_with(learned: Arrays) -> FittedLlm:
            return FittedLlm(
                options,
                chosen,
                first,
                prompts.titles_of(data.items),
                data.profile,
                list(unique),
                rows.astype(np.int64),
                list(remarked),
                remark_rows.astype(np.int64),
                data.relevance_threshold,
                identity,
                Kept(folder / FILE, _asked_of(identity, chosen, learned, options)),
                learned,
            )

        fitted, share = fitted_with({}), 0.05
        if options.lora_steps:
            reader = fitted.reader
            learned = lora.tune(
                reader,
                partial(fitted.examples, data, weights_of_examples(data), twins_of(data, seed)),
                rank=options.lora_rank,
                steps=options.lora_steps,
                batch=options.lora_batch,
                learning_rate=options.lora_rate,
                seed=seed,
                of=_learned_from(options, data, _asked_of(identity, chosen, {}, options)),
                folder=folder,
                progress=lambda done, message="", values=None: progress(0.05 + 0.45 * done, message, values),
            )
            fitted, share = fitted_with(learned), 0.5
            fitted.reader = reader  # what was learned is in its weights already
        people = np.flatnonzero(np.ones(data.n_users, bool) if data.asked is None else data.asked).astype(np.int32)
        times = (data.train, Interactions.concat(data.train, data.valid))
        for i, history in enumerate(times):
            for j in range(0, len(people), AT_ONCE):
                some = people[j : j + AT_ONCE]
                fitted.score_candidates(some, fitted.first(some, history).items, history)
                done = i * len(people) + j + len(some)
                progress(
                    share + (1 - share) * done / (len(times) * len(people)),
                    words.say("Asked {done} of {all} times", done=done, all=len(times) * len(people)),
                )
        return fitted


def weights_of_examples(data: TrainingData) -> NDArray[np.float64]:
    """How often each training interaction is what came next [len(train)]: by its weight, where it was liked and not the
    first such of a person. Raises ConfigError where there is none."""
    train = data.train
    liked = np.ones(len(train), bool)
    if data.relevance_threshold is not None:
        liked = train.rating >= data.relevance_threshold
    rows = np.flatnonzero(liked)
    later = rows[1:][train.user[rows][1:] == train.user[rows][:-1]]
    weights = np.zeros(len(train))
    weights[later] = data.weights()[later]
    if not weights.any():
        raise ConfigError(
            words.say("Nobody liked two things in training, so there is no next title to learn."),
            words.say("Set lora_steps to 0."),
        )
    return weights


def twins_of(data: TrainingData, seed: int) -> list[list[str]]:
    """Profile texts of everybody with other values of `data.swap`: as many variants as an attribute has other values,
    MOST_TWINS at most; none where nothing is exchanged."""
    if not data.swap or not data.swap_share:
        return []
    rng = np.random.default_rng(seed)
    values = max(data.users[name].nunique() for name in data.swap)
    return [text.twin_profiles(data, rng) for _ in range(min(MOST_TWINS, max(1, values - 1)))]


def _identity(options: LlmOptions) -> str:
    return f"{options.endpoint} {options.model}" if options.endpoint else identity_of(options.model)


def _asked_of(identity: str, device: Device, learned: Arrays, options: LlmOptions) -> str:
    """What answers hang on beside the prompt: the model, its arithmetic, what it learned, and how much it may write. A
    question in a chat says itself how long a list it wants; a text that goes on does not."""
    found = identity + str(device.bf16) + (digest({**learned}) if learned else "")
    goes_on = options.protocol == prompts.CONTINUED and options.way == "generate"
    return f"{found} {_tokens(options)}" if goes_on else found


def _tokens(options: LlmOptions) -> int:
    """That a list may take."""
    return options.titles * PLACE_TOKENS


def _learned_from(options: LlmOptions, data: TrainingData, model: str) -> str:
    """Names all that examples are made of: the data with its mitigations, how it is told, and the model. Who is asked
    later, and what that costs, teaches nothing."""
    told = {name: value for name, value in asdict(options).items() if name not in ("model", *UNTAUGHT)}
    return digest(told, data.with_(asked=None).digest, model)


build = Llm


def load(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedLlm:
    """Called by `store.load`."""
    options, device = parse(LlmOptions, manifest["options"]), choose("auto")
    identity = _identity(options)
    if identity != manifest["identity"]:
        raise ModelError(
            words.say(
                "The language model {model} is another one than when this recommender was made.", model=options.model
            ),
            words.say("Put the files back, or make the recommender anew."),
        )
    learned = {name.removeprefix(LORA): array for name, array in arrays.items() if name.startswith(LORA)}
    return FittedLlm(
        options,
        device,
        FirstStage.load(folder, options.n_candidates),
        manifest["titles"],
        tuple(manifest["attributes"]),
        manifest["profiles"],
        arrays["profile_rows"],
        manifest.get("remarks", [""]),  # models of before have none
        arrays.get("remark_rows", np.zeros(len(arrays["profile_rows"]), np.int64)),
        manifest["threshold"],
        identity,
        Kept(folder / LATER, _asked_of(identity, device, learned, options), folder / FILE),
        learned,
    )
