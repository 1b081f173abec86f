"""Fit: a split and a spec → a run folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fairdash import groups, identity, recommenders, words
from fairdash.data.findings import Finding
from fairdash.engines import Engine
from fairdash.engines.local import LOCAL
from fairdash.errors import ConfigError
from fairdash.mitigation import find_method
from fairdash.mitigation.base import Mitigation
from fairdash.progress import Progress, silent
from fairdash.recommenders import offering
from fairdash.run import Run, finish, write_split
from fairdash.schema import USER_ID, Lists, Split, TrainingData
from fairdash.stages import places
from fairdash.stages.recommend import check_size, rank

if TYPE_CHECKING:
    from fairdash.recommenders.base import Recommender


@dataclass(frozen=True)
class TrainSpec:
    """What is trained, and how. options: the `--set` pairs; `profile` among them names the attributes of people that
    are written into the profile text, by commas. mitigations: of the places "data" and "training". workers: processes
    that share the batches of the training."""

    recommender: str = recommenders.DEFAULT
    options: Mapping[str, str] = field(default_factory=dict)
    mitigations: tuple[Mitigation, ...] = ()
    seed: int = 0
    device: str = "auto"
    workers: int = 1

    def digest(self, split: Split) -> str:
        """The run's id: everything that its numbers depend on, on the device that it would get here.

        Options count as they are resolved, so that a default that is written out names the same run; what they bring
        from outside (a model's folder or zip) counts by its content. Raises ConfigError as `train` does."""
        from fairdash.recommenders import device

        options: dict[str, Any] = dict(self.options)
        profile = with_profile(split.training, self.recommender, options).profile
        resolved = recommenders.resolved(self.recommender, options)
        chosen = [mitigation.to_json() for mitigation in self.mitigations]
        arithmetic = device.choose(self.device).arithmetic
        shared = (self.workers,) if self.workers > 1 else ()
        return identity.of(
            "run", split.digest, self.recommender, resolved, profile, chosen, self.seed, arithmetic, *shared
        )

    @property
    def title(self) -> str:
        """The recommender and its mitigations, for people."""
        return " + ".join([self.recommender, *(mitigation.method for mitigation in self.mitigations)])

    @staticmethod
    def of(run: Run) -> TrainSpec:
        """The spec that a run was trained with. Raises ConfigError for lists of another system."""
        meta = run.meta
        if not run.has_model:
            raise ConfigError(
                words.say("{title} holds lists of another system, which were not trained here.", title=run.title),
                "Choose a re-ranking method, which works on lists, or a run of a recommender.",
            )
        chosen = tuple(Mitigation.from_json(value) for value in meta["mitigations"])
        workers = int(meta.get("workers", 1))
        return TrainSpec(meta["recommender"], meta["options"], chosen, meta["seed"], meta["device"], workers)

    @staticmethod
    def after(run: Run) -> TrainSpec:
        """The spec of a run, to be trained on what has come to its data since: beginning with its weights where its
        recommender can go on from what it saved (`recommenders.going_on`), else from nothing. One that was used as it
        came (no epoch) learns now. Raises ConfigError as `of` does."""
        spec = TrainSpec.of(run)
        option = recommenders.going_on(spec.recommender)
        if option is None:
            return spec
        options = {name: value for name, value in spec.options.items() if (name, str(value)) != ("epochs", "0")}
        return replace(spec, options={**options, option: str((run.folder / "model").absolute())})


def train(
    split: Split,
    spec: TrainSpec,
    folder: Path,
    progress: Progress = silent,
    engine: Engine | None = None,
) -> Run:
    """Fit a recommender and rank every user's candidates. A folder in which this training stopped half-way goes on.
    engine: where blocks of people are ranked, and where several workers train.

    Data mitigations change what is trained on, training mitigations what is minimised; neither sees test.
    """
    from fairdash.recommenders import device as devices
    from fairdash.recommenders import parallel

    started = time.monotonic()
    check_size(split.training.n_users, split.training.n_items)  # before hours of training, not after them
    name = spec.digest(split)  # of the code as it is now, not as it may be after hours
    options = dict(spec.options)
    known = with_profile(split.training, spec.recommender, options)
    recommender = recommenders.build(spec.recommender, options)
    device = devices.choose(spec.device)
    progress(0.0, device.sentence)
    split = _asked(split, known, spec, recommender)
    data, terms = _with_mitigations(known.with_(asked=split.asked), spec, recommender)
    write_split(split, folder)
    training = _own(folder / "training", name)

    def fitting(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        progress(0.02 + 0.9 * done, message, values)

    if spec.workers == 1:
        fitted = recommender.fit(
            data, seed=spec.seed, device=device.kind, folder=training, progress=fitting, terms=terms
        )
    else:
        if terms or device.kind != "cpu":
            raise ConfigError(
                words.say("Several workers share trainings on processors alone, without mitigations of the training."),
                words.say("Leave out --workers, or choose --device cpu and no such --mitigation."),
            )
        fitting(0.0, words.say("{n} worker trains", "{n} workers train together", n=spec.workers))
        fitted = parallel.fit(
            parallel.Training(spec.recommender, options, data, spec.seed, training.absolute(), spec.workers),
            engine or LOCAL,
            fitting,
        )
    fitted.save(folder / "model")
    trained = time.monotonic()
    progress(0.92, words.say("Ranking the catalogue for everybody"))
    lists = {
        "valid": rank(fitted, split, "valid", seed=spec.seed, engine=engine),
        "test": rank(fitted, split, "test", seed=spec.seed, engine=engine),
    }
    meta = {
        "title": spec.title,
        "recommender": spec.recommender,
        "options": dict(spec.options),
        "mitigations": [mitigation.to_json() for mitigation in spec.mitigations],
        "device": device.kind,
        "device_sentence": device.sentence,
        "seed": spec.seed,
        "train_seconds": round(trained - started, 2),
    }
    meta |= {"workers": spec.workers} if spec.workers > 1 else {}
    run = finish(split, name, meta, lists, folder)
    progress(1.0, words.say("Done"))
    return run


def _own(training: Path, name: str) -> Path:
    """The folder of the training of this run, without what one of another run left there to go on from: its folders
    (checkpoints, a first stage) do not say what they are of. Files do, such as the answers of a language model."""
    of = training / "of"
    if not of.is_file() or of.read_text() != name:
        for left in training.glob("*/"):
            shutil.rmtree(left)
        training.mkdir(parents=True, exist_ok=True)
        of.write_text(name)
    return training


def import_lists(split: Split, lists: Lists, title: str, folder: Path, findings: Sequence[Finding] = ()) -> Run:
    """A run folder for the lists of another system: audited, re-ranked and compared like any other, without a model.
    findings: what reading them found, which its audits say."""
    write_split(split, folder)
    nothing = Lists(np.full_like(lists.items, -1), np.full_like(lists.scores, np.nan))
    name = imported_digest(split, lists, findings)
    meta = {"title": title, "recommender": "lists", "options": {}, "mitigations": [], "seed": split.seed}
    meta["findings"] = [finding.to_json() for finding in findings]
    return finish(split, name, meta, {"valid": nothing, "test": lists}, folder)


def imported_digest(split: Split, lists: Lists, findings: Sequence[Finding] = ()) -> str:
    """The id of the run that holds these lists of another system."""
    said = [finding.to_json() for finding in findings]
    return identity.of("lists", "imported", split.digest, lists.digest, *([said] if said else []))


def with_profile(data: TrainingData, recommender: str, options: dict[str, Any]) -> TrainingData:
    """The data with the profile that the option `profile` asks for; the option is taken out of `options`.

    Raises ConfigError for attributes that are not there, and for a recommender that reads no profile."""
    names = tuple(name.strip() for name in str(options.pop("profile", "")).split(",") if name.strip())
    if names and "profile" not in recommenders.find(recommender).offers:
        raise ConfigError(
            words.say(
                "{recommender} reads no profile text, so the option profile would change nothing.",
                recommender=recommender,
            ),
            words.say("Leave it out, or choose {names}.", names=" or ".join(offering("profile"))),
        )
    for name in names:
        if name not in data.users.columns or name == USER_ID:
            known = ", ".join(column for column in data.users.columns if column != USER_ID) or "none"
            raise ConfigError(
                words.say("The table of people has no attribute “{name}” for the profile.", name=name),
                words.say("It has: {known}.", known=known),
            )
    return data.with_(profile=names)


def _asked(split: Split, data: TrainingData, spec: TrainSpec, recommender: Recommender) -> Split:
    """The split with those whom the recommender is asked about, and a note that says so."""
    drawn = recommenders.find(spec.recommender).sample
    asked = None if drawn is None else drawn(recommender.config, data, spec.seed)
    if asked is None:
        return split
    told = words.say(
        "{recommender} was asked about {asked} of {people} people; only they are audited.",
        recommender=spec.recommender, asked=int(asked.sum()), people=len(asked),
    )  # fmt: skip
    return replace(split, asked=asked, notes=(*split.notes, told))


def _with_mitigations(data: TrainingData, spec: TrainSpec, recommender: Recommender) -> tuple[TrainingData, list[Any]]:
    """The training data and the terms of the loss, after the spec's mitigations."""
    terms: list[Any] = []
    for chosen in spec.mitigations:
        place = places.place_of(chosen.method)
        # whether items have categories, the method itself says
        refused = places.lacking(
            chosen.method, spec.recommender, {*places.offers(spec.recommender, spec.options), "categories"}
        )
        if place.retrains and refused is not None:
            raise refused
        if chosen.strength is None:
            raise ConfigError(
                words.say("A training has one strength of {method}, and none is given.", method=chosen.method),
                "Give a number, such as --strength 0.5; `mitigate` finds one on validation, on a run trained without.",
            )
        if place.retrains and chosen.strength == 0.0:
            continue  # exactly the unmitigated training
        formed = groups.form_compared(chosen.groups, data.people)
        width = recommender.vector_width or 0
        data, more = place.change(find_method(chosen.method), data, formed, chosen.strength, width, spec.seed)
        terms += more
    return data, terms
