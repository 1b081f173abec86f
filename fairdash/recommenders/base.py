"""What every recommender offers. Registered by name in `fairdash.recommenders.RECOMMENDERS`.

`fit` sees a TrainingData (never test) and gives a Fitted, which scores the whole catalogue, or the candidates that a
first stage brings. Scores are real numbers, higher is better; the caller masks seen items and ranks
(`recommenders.ranking`), so that candidates and ties are treated alike for all recommenders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fairdash.progress import Progress
from fairdash.recommenders.calibration import Calibration
from fairdash.schema import Codes, Floats, Interactions, TrainingData
from fairdash.words import Said

COSTLY_TEXTS = 400  # profile texts, at most, that an audit asks about for one attribute where each takes a while


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a first stage brings. items: codes [b, c], best first, -1 where a person has fewer. standard: float32
    [b, n_items], its scores of the whole catalogue with mean 0 and deviation 1 over each person's candidates."""

    items: Codes
    standard: Floats

    @property
    def among(self) -> NDArray[np.bool_]:
        """Whether an item is one of the candidates [b, n_items]."""
        result = np.zeros(self.standard.shape, bool)
        row, place = np.nonzero(self.items >= 0)
        result[row, self.items[row, place]] = True
        return result


@runtime_checkable
class Fitted(Protocol):
    """A trained recommender: a CatalogueFitted or a CandidateFitted, as `RecommenderInfo.scores` says. `history` is
    everywhere what is known of each user at that time (train for validation, train and validation for test)."""

    name: str

    def save(self, folder: Path) -> None:
        """Write safetensors and json into `folder`; `store.load` opens it again."""


@runtime_checkable
class CatalogueFitted(Fitted, Protocol):
    """A recommender that scores every item, and so can be a first stage."""

    def score(self, users: Codes, history: Interactions) -> Floats:
        """Scores [len(users), n_items] of the whole catalogue."""


@runtime_checkable
class CandidateFitted(Fitted, Protocol):
    """A recommender that scores pairs or lists alone, such as a cross-encoder or a language model. An item that is not
    among the candidates has no score."""

    @property
    def first(self) -> Callable[[Codes, Interactions], Candidates]:
        """Brings the candidates: a `first_stage.FirstStage`, or anything that gives what it gives."""

    def score_candidates(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """Scores [len(users), c] of these items [len(users), c], whatever brought them; at -1 (no item) anything."""


@runtime_checkable
class VectorFitted(CatalogueFitted, Protocol):
    """A recommender whose score is a function of one user vector; what `project`, `probe_auc` and `divergence` need."""

    def user_vectors(self, users: Codes, history: Interactions) -> Floats:
        """User vectors [len(users), d]."""

    def score_vectors(self, vectors: Floats) -> Floats:
        """Scores [len(vectors), n_items] from user vectors."""


@runtime_checkable
class ProfileFitted(CatalogueFitted, Protocol):
    """A recommender that reads a profile text; what attribute sensitivity and `blind` need."""

    profile: tuple[str, ...]  # the attributes that the text holds

    def score_profiles(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
        """As `score`, but with the given profile text for each of the users."""


@runtime_checkable
class CandidateProfileFitted(CandidateFitted, Protocol):
    """A recommender that reads a profile text and scores candidates alone."""

    profile: tuple[str, ...]

    def score_candidate_profiles(
        self, users: Codes, items: Codes, history: Interactions, profiles: Sequence[str]
    ) -> Floats:
        """As `score_candidates`, but with the given profile text for each of the users."""


@runtime_checkable
class BringingFitted(CandidateProfileFitted, Protocol):
    """One whose candidates hang on the profile text too, as those of a language model that writes lists do."""

    def candidates(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Candidates:
        """What `first` gives, with these profile texts in place of the users' own."""


@dataclass(frozen=True, eq=False)
class Written:
    """What became of the places of lists that a language model was asked to write. counts: [n, len(kinds)]; the first
    kind is what is valid, and the counts of a person add up to the places that were asked for."""

    kinds: tuple[str, ...]
    counts: NDArray[np.int64]


@runtime_checkable
class WritingFitted(Fitted, Protocol):
    """A recommender that may write lists of its own, not all of which is valid."""

    def written(self, users: Codes, history: Interactions) -> Written | None:
        """What became of the lists of these people; None where it only orders candidates."""


@runtime_checkable
class AskingFitted(Fitted, Protocol):
    """A recommender whose every new text takes time, or money."""

    def asking(self, texts: int) -> str:
        """What asking about so many more profile texts comes to, in words."""


@runtime_checkable
class ReadingFitted(Fitted, Protocol):
    """A recommender that reads texts, and says which."""

    def reads(self, data: TrainingData, user: int, item: int, history: Interactions) -> tuple[str, ...]:
        """The texts behind the score of one pair, each as the encoder is given it, in the order in which they are read;
        `history` is what is known of the user alone."""


@runtime_checkable
class ExportedFitted(Fitted, Protocol):
    """A recommender that a script can answer from without FairDash."""

    def export(self, data: TrainingData, order: Codes, folder: Path) -> None:
        """Write into `folder` what its `answer.py` reads, and that script. order: the items [n_items] as equal scores
        are ordered. Raises ConfigError where its options do not allow it."""


def profile_of(fitted: Fitted) -> tuple[str, ...]:
    """The attributes that its profile text holds; none where it reads no such text."""
    if isinstance(fitted, ProfileFitted):
        return fitted.profile
    return fitted.profile if isinstance(fitted, CandidateProfileFitted) else ()


@runtime_checkable
class ProbabilityFitted(Fitted, Protocol):
    """A recommender that predicts P(like) of single pairs, calibrated; what rating fairness and `threshold` need."""

    def probability(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """P(like) [n] of the pairs (users[i], items[i])."""


@runtime_checkable
class CalibratedFitted(ProbabilityFitted, Protocol):
    """One whose probabilities were fitted on validation, and whose fit can be looked at."""

    calibration: Calibration


@runtime_checkable
class BlendedFitted(CandidateFitted, Protocol):
    """One whose score adds up others', each weighed as validation found it."""

    @property
    def weights(self) -> Mapping[str, float]:
        """What is added up, by name, and how much a unit of each counts; standardised but for the model's own logit."""


class Recommender(Protocol):
    """A recommender to be trained. `config` is a frozen dataclass whose fields are the `--set` options."""

    name: str
    config: Any

    @property
    def vector_width(self) -> int | None:
        """Width of the user vectors that training terms see; None for a recommender that takes no terms."""

    def fit(
        self, data: TrainingData, *, seed: int, device: str, folder: Path, progress: Progress, terms: Sequence[Any] = ()
    ) -> Fitted:
        """Train; checkpoints, logs and TensorBoard files go to `folder` (a training that was stopped there goes on).
        `terms` are training mitigations (`mitigation.base.TrainingTerm`), empty for recommenders without gradients."""


@dataclass(frozen=True)
class Range:
    """Numbers from low to high. log: evenly by their logarithm; whole: whole numbers."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


Space = Mapping[str, Range | tuple[Any, ...]]  # an option's name → its range, or the values to choose from
Offer = Literal["vectors", "profile", "probabilities", "training", "samples", "prompt"]


@dataclass(frozen=True)
class Sizes:
    """How much there is to learn from. twins: samples that are added with exchanged attributes, as a share of all."""

    n_users: int
    n_items: int
    n_interactions: int
    twins: float = 0.0

    @staticmethod
    def of(data: TrainingData) -> Sizes:
        """Of the data that a recommender is fitted to."""
        return Sizes(data.n_users, data.n_items, len(data.train), data.swap_share if data.swap else 0.0)


@dataclass(frozen=True)
class Cost:
    """What a training asks for. flops: floating-point operations of all steps, forward and backward. bytes: memory of
    weights, optimizer, best weights and one batch together. tokens: that a language model reads or writes; 0 where
    none does. price: of these tokens, in whatever currency their price was given. later: tokens, at most, that an audit
    of what the model does has it read or write more for each attribute of the profile; later_price: of these."""

    flops: float
    bytes: float
    tokens: float = 0.0
    price: float = 0.0
    later: float = 0.0
    later_price: float = 0.0


@dataclass(frozen=True)
class RecommenderInfo:
    """A recommender's declaration: all that pages, the store, the search and mitigations ask of it. Free of torch.

    place: its place in lists, the lowest first; the first of all is the default. module: where
    `build(options) -> Recommender` and `load(folder, manifest, arrays) -> Fitted` live; imported when they are called.
    options: a dataclass of `option` fields. scores: the whole catalogue, or the candidates of a first stage alone
    (CatalogueFitted, CandidateFitted). space: what a search varies; empty: it is not searched. offers: what mitigations
    may need of it, "training" where it takes training mitigations, "samples" where it learns from interactions that can
    weigh more or less, and have twins where it reads a profile, and "prompt" where a sentence can be added to what it
    is asked. offers_with: what more it offers, by the option that brings it and that option's values; no values: any
    but the default. cost: of a training with such options on data of such sizes; None where it takes no time to speak
    of. sample: whom it is asked about, as bool [n_users], given its options, the data and a seed; only these people get
    lists and are audited. None, or a result of None: everybody. strangers: whether it has a list for somebody who was
    not in its training, from a history alone. shared: whether several processes can train it together, as
    `recommenders.training` has them do.
    """

    name: str
    title: Said
    summary: Said
    paper: str
    place: int
    module: str
    options: type[Any]
    scores: Literal["catalogue", "candidates"] = "catalogue"
    space: Space = field(default_factory=dict)
    offers: frozenset[Offer] = frozenset()
    offers_with: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    cost: Callable[[Any, Sizes], Cost] | None = None
    sample: Callable[[Any, TrainingData, int], NDArray[np.bool_] | None] | None = None
    asks: Callable[[Any, TrainingData, int], str] | None = None
    strangers: bool = True
    shared: bool = False

    def offered(self, options: Mapping[str, Any]) -> frozenset[str]:
        """What it offers with these options; one that is not among them has its default."""
        default, found = self.options(), set[str](self.offers)
        for offer, (name, values) in self.offers_with.items():
            usual = str(getattr(default, name))
            chosen = str(options.get(name, usual))
            if chosen in values or (not values and chosen != usual):
                found.add(offer)
        return frozenset(found)
