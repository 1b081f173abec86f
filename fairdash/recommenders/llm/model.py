"""`llm`: a language model orders the candidates of a first stage by how likely it finds their titles for a person.

    score = (log P(title | the person's prompt) − log P(title | the same question about nobody)) / tokens of the title

What a title has without the person is taken off, so that popular wording does not win (domain-conditional PMI, Holtzman
et al. 2021). Nothing is trained: the first stage is fitted, and everybody who is asked about is asked at validation and
at test time. Every prompt and answer is kept beside the model as JSON lines (`kept`).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import words
from fairdash.errors import ConfigError, ModelError
from fairdash.progress import Progress
from fairdash.recommenders import store, text
from fairdash.recommenders.device import Device, choose
from fairdash.recommenders.first_stage import FirstStage
from fairdash.recommenders.llm import LlmOptions, prompts, sample
from fairdash.recommenders.llm.kept import FILE, Kept
from fairdash.recommenders.llm.reading import Reader, identity_of, opened
from fairdash.recommenders.options import parse
from fairdash.schema import TITLE, Codes, Floats, Interactions, TrainingData


class FittedLlm:
    """A language model with all that it is asked with. titles: of the items [m]. profiles: the distinct profile texts;
    profile_rows: [n_users] into them."""

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
        threshold: float | None,
        identity: str,
        kept: Kept,
    ) -> None:
        self.options, self.device, self.first, self.titles = options, device, first, list(titles)
        self.profile, self.profiles, self.profile_rows = attributes, list(profiles), profile_rows
        self.threshold, self.identity, self.kept = threshold, identity, kept
        self.template = prompts.template_of(options.protocol, options.template)

    @cached_property
    def reader(self) -> Reader:
        """The model itself, opened when something is asked that was not asked before."""
        return Reader(*opened(self.options.model), self.device)

    def score_candidates(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """Scores [n, c] of candidates [n, c]; see `CandidateFitted`."""
        return self._scored(users, items, history, self._profiles_of(users))

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

    def reads(self, data: TrainingData, user: int, item: int, history: Interactions) -> tuple[str, ...]:
        """The prompt of a person and the title; see `ReadingFitted`."""
        users = np.array([user], np.int32)
        (asked,) = self.prompts(users, history, self._profiles_of(users))
        return (asked, self.titles[item])

    def prompts(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> list[str]:
        """What is asked about each person."""
        start, stop = np.searchsorted(history.user, users, "left"), np.searchsorted(history.user, users, "right")
        result = []
        for profile, a, b in zip(profiles, start, stop, strict=True):
            items = history.item[a:b]
            if self.threshold is not None:
                items = items[history.rating[a:b] >= self.threshold]
            latest = items[max(len(items) - self.options.history, 0) :]
            result.append(prompts.prompt(self.template, profile, [self.titles[item] for item in latest]))
        return result

    def save(self, folder: Path) -> None:
        """Options, texts and answers, with the first stage; the language model stays where it is, and is known by its
        digest."""
        self.first.save(folder)
        store.write(
            folder,
            {
                "name": self.name,
                "options": asdict(self.options),
                "titles": self.titles,
                "attributes": list(self.profile),
                "profiles": self.profiles,
                "threshold": self.threshold,
                "identity": self.identity,
            },
            {"profile_rows": self.profile_rows},
        )
        if self.kept.file.is_file():
            shutil.copyfile(self.kept.file, folder / FILE)

    def _profiles_of(self, users: Codes) -> list[str]:
        return [self.profiles[row] for row in self.profile_rows[users]]

    def _scored(self, users: Codes, items: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
        result = np.zeros(items.shape, np.float32)
        for row, asked in enumerate(self.prompts(users, history, profiles)):
            there = np.flatnonzero(items[row] >= 0)
            named = [self.titles[item] for item in items[row, there]]
            result[row, there] = self._likelihood(asked, named) - self._likelihood(prompts.ASK_ONE, named)
        return result

    def _likelihood(self, asked: str, titles: Sequence[str]) -> Floats:
        """Of titles after a prompt; what was asked before is not asked again."""
        known = self.kept.get(asked)
        new = [title for title in dict.fromkeys(titles) if title not in known]
        if new:
            values = self.reader.likelihood(asked, new)
            self.kept.add(asked, dict(zip(new, map(float, values), strict=True)))
            known = self.kept.get(asked)
        return np.array([known[title] for title in titles], np.float32)


class Llm:
    """The recommender to be fitted; see the module's head."""

    name, vector_width = "llm", None

    def __init__(self, config: LlmOptions) -> None:
        self.config = config
        prompts.template_of(config.protocol, config.template)

    def fit(
        self, data: TrainingData, *, seed: int, device: str, folder: Path, progress: Progress, terms: Sequence[Any] = ()
    ) -> FittedLlm:
        """Fit the first stage and ask about everybody who is asked; see `Recommender`. What a run that was stopped in
        `folder` had asked already is not asked again."""
        options, chosen = self.config, choose(device)
        folder.mkdir(parents=True, exist_ok=True)
        identity = identity_of(options.model)
        progress(0.0, chosen.sentence)
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
        fitted = FittedLlm(
            options,
            chosen,
            first,
            titles_of(data.items),
            data.profile,
            list(unique),
            rows.astype(np.int64),
            data.relevance_threshold,
            identity,
            Kept(folder / FILE, identity + str(chosen.bf16)),
        )
        asked = sample(options, data, seed)
        people = np.flatnonzero(np.ones(data.n_users, bool) if asked is None else asked).astype(np.int32)
        times = (data.train, Interactions.concat(data.train, data.valid))
        for i, history in enumerate(times):
            for j in range(len(people)):
                one = people[j : j + 1]
                fitted.score_candidates(one, fitted.first(one, history).items, history)
                done = i * len(people) + j + 1
                progress(
                    0.05 + 0.95 * done / (len(times) * len(people)),
                    words.say("Asked {done} of {all} times", done=done, all=len(times) * len(people)),
                )
        return fitted


def titles_of(items: pd.DataFrame) -> list[str]:
    """How each item is called [n_items]: its title, else what else is known of it."""
    whole = text.item_texts(items)
    if TITLE not in items:
        return whole
    said = ["" if pd.isna(title) else str(title).strip() for title in items[TITLE]]
    return [title or other for title, other in zip(said, whole, strict=True)]


build = Llm


def load(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedLlm:
    """Called by `store.load`."""
    options, device = parse(LlmOptions, manifest["options"]), choose("auto")
    identity = identity_of(options.model)
    if identity != manifest["identity"]:
        raise ModelError(
            words.say(
                "The language model {model} is another one than when this recommender was made.", model=options.model
            ),
            words.say("Put the files back, or make the recommender anew."),
        )
    return FittedLlm(
        options,
        device,
        FirstStage.load(folder, options.n_candidates),
        manifest["titles"],
        tuple(manifest["attributes"]),
        manifest["profiles"],
        arrays["profile_rows"],
        manifest["threshold"],
        identity,
        Kept(folder / FILE, identity + str(device.bf16)),
    )
