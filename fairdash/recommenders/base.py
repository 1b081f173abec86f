"""What every recommender offers. Registered by name in `fairdash.recommenders.RECOMMENDERS`.

`fit` sees a TrainingData (never test) and gives a Fitted. Scores are real numbers, higher is better; the caller masks
seen items and ranks (`fairdash.ranking`), so that candidates and ties are treated alike for all recommenders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from fairdash.progress import Progress
from fairdash.schema import Codes, Floats, Interactions, TrainingData


@runtime_checkable
class Fitted(Protocol):
    """A trained recommender."""

    name: str

    def score(self, users: Codes, history: Interactions) -> Floats:
        """Scores [len(users), n_items] of the whole catalogue; `history` is what is known of each user at that time
        (train for validation, train and validation for test)."""

    def save(self, folder: Path) -> None:
        """Write safetensors and json into `folder`; `store.load` opens it again."""


@runtime_checkable
class VectorFitted(Fitted, Protocol):
    """A recommender whose score is a function of one user vector; what `project`, `probe_auc` and `divergence` need."""

    def user_vectors(self, users: Codes, history: Interactions) -> Floats:
        """User vectors [len(users), d]."""

    def score_vectors(self, vectors: Floats) -> Floats:
        """Scores [len(vectors), n_items] from user vectors."""


@runtime_checkable
class ProfileFitted(Fitted, Protocol):
    """A recommender that reads a profile text; what attribute sensitivity and `blind` need."""

    profile: tuple[str, ...]  # the attributes that the text holds

    def score_profiles(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
        """As `score`, but with the given profile text for each of the users."""


@runtime_checkable
class ProbabilityFitted(Fitted, Protocol):
    """A recommender that predicts P(like) of single pairs, calibrated; what rating fairness and `threshold` need."""

    def probability(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """P(like) [n] of the pairs (users[i], items[i])."""


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
class RecommenderInfo:
    """A line of the catalogue: what the Recommender page and `--recommender` offer."""

    name: str
    title: str
    summary: str
    paper: str
    config: type
    build: Any  # (config) -> Recommender
    trainable: bool  # takes training mitigations
    reads_profile: bool = False  # whether it reads a text of who people are
