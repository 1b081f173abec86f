"""Declares `ncf`: learned vectors of people and items."""

from __future__ import annotations

from dataclasses import dataclass

from fairdash.recommenders.base import Cost, Range, RecommenderInfo, Sizes
from fairdash.recommenders.options import TrainingOptions, option


@dataclass(frozen=True)
class NcfOptions(TrainingOptions):
    """`ncf`: neural matrix factorisation over person and item ids."""

    epochs: int = option(12, "Passes over the training data at most.", low=1, high=1000, first=True)
    learning_rate: float = option(2e-3, "Peak of the one-cycle schedule (AdamW).", low=1e-6, high=1.0, first=True)
    patience: int = option(4, "Epochs without a better validation NDCG@10 that end the training.", low=1, high=1000)
    factors: int = option(32, "Width of the factors; the tower begins with four times as many.", low=2, high=1024)
    positives: str = option("any", "What counts as a like: any interaction, or liked ones.", choices=("any", "liked"))
    negatives: int = option(4, "Unseen items drawn for each interaction.", low=1, high=100)
    batch: int = option(1024, "Interactions in one step.", low=1, high=1000000, first=True)


def cost(o: NcfOptions, sizes: Sizes) -> Cost:
    """Of a training; the whole catalogue is ranked after each epoch."""
    f = o.factors
    pairs = 3 * sizes.n_interactions * (1 + o.negatives) + sizes.n_users * sizes.n_items
    weights = 3 * f * (sizes.n_users + sizes.n_items)
    batch = o.batch * (1 + o.negatives) * 80.0 * f
    return Cost(pairs * 20.0 * f * f * o.epochs, 5 * 4.0 * weights + batch + 1e9)


INFO = RecommenderInfo(
    name="ncf",
    title="Neural collaborative filtering",
    summary="Learned vectors of people and items, joined by a product and by a small network.",
    paper="He et al. 2017, Neural collaborative filtering",
    place=50,
    module="fairdash.recommenders.ncf.model",
    options=NcfOptions,
    space={
        "learning_rate": Range(5e-4, 1e-2, log=True),
        "factors": (8, 16, 32, 64),
        "negatives": Range(1, 8, whole=True),
        "weight_decay": Range(1e-3, 1.0, log=True),
    },
    offers=frozenset({"vectors", "probabilities", "training", "samples"}),
    cost=cost,
    strangers=False,
)
