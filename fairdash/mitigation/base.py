"""What every mitigation offers, and what it may see: training and validation data, scores, groups. Never test truth.

A method's strength goes from 0 (exactly the unmitigated result) to 1. Where a paper's parameter has another scale the
method maps it and says how. Registered by key in `fairdash.mitigation.METHODS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash import settings, words
from fairdash.errors import ConfigError
from fairdash.groups import from_json
from fairdash.schema import Categories, Codes, Floats, Groups, GroupSpec, Lists, TrainingData
from fairdash.words import Said

if TYPE_CHECKING:
    import torch

Place = Literal["data", "training", "vectors", "reranking"]  # in the order in which they act


@dataclass(frozen=True)
class Info:
    """A line of the catalogue, shown on the Mitigate page as it stands here."""

    key: str
    title: Said
    place: Place
    side: Literal["users", "items", "both"]
    objective: Said  # what is optimised, in one sentence
    paper: str  # authors, year, title
    # of: "user_groups", "item_groups", "categories", and what a recommender offers (`recommenders.base.Offer`)
    needs: tuple[str, ...]
    target: str  # key of the metric that it is meant to move
    cost: Said  # what it usually costs, in one sentence
    wants: tuple[str, ...] = ()  # what it makes use of where the recommender has it: "probabilities"
    answers: Mapping[str, Said] = field(default_factory=dict)  # finding of `advise.TABLE` that it fits → why
    order: int = 100  # within its place: where it stands in lists, lowest first


class DataMethod(Protocol):
    """Changes what is trained on."""

    @property
    def info(self) -> Info:
        """What it says of itself."""

    def prepare(self, data: TrainingData, groups: Sequence[Groups], strength: float, seed: int) -> TrainingData:
        """`groups` are over users, one for each chosen attribute."""


@dataclass(frozen=True, eq=False)
class TermBatch:
    """One training batch as a term sees it (torch tensors on one device).

    users: int64 [b]. vectors: [b, d] user vectors, with gradient. sample_loss: [b] each sample's own loss, with
    gradient. done: 0…1 of all training steps. probability, label, items: [b], where the recommender predicts single
    pairs; target_score: [b] log-probability of the next item, where it ranks. weight: [b] each sample's weight in the
    recommender's loss, Σ weight × sample_loss / Σ weight. Absent ones are None (weight: all equal).
    """

    users: torch.Tensor
    vectors: torch.Tensor
    sample_loss: torch.Tensor
    done: float
    probability: torch.Tensor | None = None
    label: torch.Tensor | None = None
    items: torch.Tensor | None = None
    target_score: torch.Tensor | None = None
    weight: torch.Tensor | None = None

    def share(self) -> torch.Tensor:
        """Each sample's part in the recommender's loss [b]; the parts add up to 1."""
        weight = self.sample_loss.new_ones(len(self.sample_loss)) if self.weight is None else self.weight.detach()
        return weight / weight.sum().clamp(min=1e-12)


class TrainingTerm(Protocol):
    """A torch module (its own parameters are trained along); called with a TermBatch it gives a scalar that is added
    to the recommender's loss. All its state lies in parameters and buffers, so that a checkpoint holds it.

    settled: 0…1 of all training steps, from where on the term works in full; weights of an earlier epoch are not taken
    for the best ones, since they would be those of the unmitigated recommender."""

    settled: float

    def __call__(self, batch: TermBatch) -> torch.Tensor:
        """A loss, a scalar tensor, for one batch."""


@dataclass(frozen=True)
class InTraining:
    """A method that changes the loss. module: has `term(info, data, groups, strength, dim, seed)`, a torch module that
    is a TrainingTerm; it is imported when a training begins, so that whoever reads the catalogue loads no torch."""

    info: Info
    module: str

    def term(
        self, data: TrainingData, groups: Sequence[Groups], strength: float, dim: int, seed: int
    ) -> torch.nn.Module:
        """The term for these people's groups, one Groups an attribute. dim: width of the user vectors."""
        strength = check_strength(self.info, strength)
        check_groups(self.info, groups, data.n_users)
        made: torch.nn.Module = importlib.import_module(self.module).term(self.info, data, groups, strength, dim, seed)
        return made


VectorMap = Callable[[Floats, Sequence[Groups]], Floats]  # vectors [n, d] and their groups → vectors [n, d]


class VectorMethod(Protocol):
    """Changes user vectors after training; fitted on the vectors of training users. asks: whether its map looks at a
    person's group; one that does not is tuned on people whose groups were withheld from it."""

    asks: bool

    @property
    def info(self) -> Info:
        """What it says of itself."""

    def fit(self, vectors: Floats, groups: Sequence[Groups], strength: float, seed: int) -> VectorMap:
        """The map for vectors [n, d] of people of these groups, one Groups an attribute."""


@dataclass(frozen=True, eq=False)
class RerankInput:
    """All that a re-ranker may use. candidates: Lists [n_users, c], seen items already left out, -1 at the end of a
    short one. item_ids: text [n_items]. history: bool csr [n_users, n_items], what each user is known to have had.
    popularity: [n_items].
    merit: float64 [n_items] or None, the target of exposure methods (default: mean candidate score share).
    fitting: the input as it stood at validation time (history is train alone, so that validation likes are among the
    candidates); methods that are fitted read `valid` of that one, or of this one where `fitting` is None."""

    candidates: Lists
    k: int
    n_items: int
    item_ids: NDArray[np.object_]
    history: sparse.csr_array
    popularity: NDArray[np.float64]
    categories: Categories
    user_groups: Groups | None = None
    item_groups: Groups | None = None
    merit: NDArray[np.float64] | None = None
    probability: Floats | None = None  # P(like) [n_users, c] of the candidates, where the recommender has it
    valid: sparse.csr_array | None = None  # bool csr [n_users, n_items]: validation likes, for methods that are fitted
    fitting: RerankInput | None = None
    seed: int = 0
    user_least: int = settings.MIN_GROUP_SIZE  # smaller groups are not compared, as in the audit
    item_least: int = settings.MIN_GROUP_SIZE


Reranker = Callable[[float], Codes]  # strength → item codes [n_users, k]


class RerankMethod(Protocol):
    """Changes the lists."""

    @property
    def info(self) -> Info:
        """What it says of itself."""

    def reranker(self, data: RerankInput) -> Reranker:
        """Does once what does not depend on the strength; the Reranker answers for any strength in 0…1 (a sweep, a
        slider). Raises ConfigError when something that the method needs is missing."""

    def rerank(self, data: RerankInput, strength: float) -> Codes:
        """Item codes [n_users, k]: complete (as long as the candidates allow) and without repeats."""


@runtime_checkable
class Method(Protocol):
    """What all of them have; DataMethod, InTraining, VectorMethod and RerankMethod say what each place adds."""

    @property
    def info(self) -> Info:
        """What it says of itself."""


def check_strength(info: Info, strength: float) -> float:
    """The strength as a float in 0…1. Raises ConfigError when it is outside, or no number."""
    if not 0.0 <= strength <= 1.0:
        raise ConfigError(
            words.say(
                "{key}: the strength is {strength}, which is not between 0 and 1.", key=info.key, strength=strength
            ),
            "0 leaves everything as it is, 1 is the method in full.",
        )
    return float(strength)


def check_groups(info: Info, groups: Sequence[Groups], n: int, *, apart: bool = True) -> None:
    """Raises ConfigError unless there is an attribute, and each has at least two groups with members among n rows.
    apart: everybody must be in one group at most."""
    if not groups:
        raise ConfigError(
            words.say("{key} needs to know between which groups of people it should be fair.", key=info.key),
            "Choose at least one attribute of people, for example --group gender.",
        )
    for attribute in groups:
        if len(attribute.codes) != n:
            raise ConfigError(
                words.say(
                    "{key}: the groups of {attribute} are over {n} row, not {m}.",
                    "{key}: the groups of {attribute} are over {n} rows, not {m}.",
                    key=info.key,
                    attribute=attribute.attribute,
                    n=len(attribute.codes),
                    m=n,
                ),
                "Form the groups from the same table of people that is trained on.",
            )
        present = np.flatnonzero(attribute.sizes)
        if len(present) < 2:
            only = words.say("nobody has a value")
            if len(present):
                only = words.say("everybody is in one group ({name})", name=attribute.names[present[0]])
            raise ConfigError(
                words.say(
                    "{key}: in {attribute}, {only}, so there is nothing to balance.",
                    key=info.key,
                    attribute=attribute.attribute,
                    only=only,
                ),
                "Choose an attribute in which at least two groups of people are known.",
            )
        if apart and attribute.several:
            label, first = attribute.attribute, attribute.names[present[0]]
            raise ConfigError(
                words.say(
                    "{key}: {n} person belongs to several groups of {label}, and it balances groups of which "
                    "each person is in one.",
                    "{key}: {n} people belong to several groups of {label}, and it balances groups of which "
                    "each person is in one.",
                    key=info.key,
                    n=attribute.several,
                    label=label,
                ),
                words.say(
                    "Choose one of them against all others, such as {label}={first}, or another attribute.",
                    label=label,
                    first=first,
                ),
            )


@dataclass(frozen=True)
class Mitigation:
    """A chosen method. groups: user groups; of several, re-rankers balance the crossing (`balanced`), other methods
    each attribute. item_group: item groups, for methods that protect items. strength: 0…1, or None for "auto": chosen
    on validation, by `mitigate` alone."""

    method: str
    groups: tuple[GroupSpec, ...] = ()
    item_group: GroupSpec | None = None
    strength: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain values; `from_json` reads them."""
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Mitigation:
        """From `to_json`'s values."""
        item_group = value.get("item_group")
        return Mitigation(
            method=str(value["method"]),
            groups=tuple(from_json(group) for group in value.get("groups", ())),
            item_group=None if item_group is None else from_json(item_group),
            strength=value.get("strength"),
        )
