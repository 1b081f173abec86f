"""Declares `bert_sequence`: a transformer over a person's items in order."""

from __future__ import annotations

from dataclasses import dataclass

from fairdash import words
from fairdash.recommenders.base import Cost, Range, RecommenderInfo, Sizes
from fairdash.recommenders.options import TrainingOptions, option

FULL_SOFTMAX_ITEMS, NEGATIVES = 20_000, 4096  # larger catalogues are sampled by default
TEXT_WIDTH = 384  # of the bundled encoder, for estimates
MIN_STEPS = 32  # of an epoch: small data is cut into smaller batches, or it would be learned from too seldom
HELD = 2.5  # times the numbers of a step that its memory comes to: pieces of other sizes leave gaps (measured)


@dataclass(frozen=True)
class SequenceOptions(TrainingOptions):
    """`bert_sequence`: a transformer over the user's items."""

    start: str = option(
        "",
        "A bert_sequence to go on from: folder of a run or model, or its zip; else from scratch.",
        takes="saved",
        use=words.later("Fine-tune it"),
        goes_on=True,
    )
    epochs: int = option(
        30, "Passes over the training data at most; 0: use `start` as it is.", low=0, high=1000, first=True
    )
    average: float = option(
        4.0,
        "Epochs over which the weights are averaged, the latest counting most; 0: the weights as they are.",
        low=0.0,
        high=1000.0,
    )
    architecture: str = option(
        "bert",
        "bert: transformers opens the saved folder by itself; gated: gates on both branches and relative positions, "
        "read by FairDash alone.",
        choices=("bert", "gated"),
    )
    items: str = option("text+id", "What an item's vector is made of.", choices=("text+id", "text", "id"))
    tasks: str = option(
        "next",
        "What is learned: the next item, whether the person likes an item (the recommender then predicts P(like)), or "
        "both from one encoder. Where both are, lists are those of the next item.",
        choices=("next", "next,rating", "rating"),
    )
    rating_weight: float = option(
        1.0,
        "Weight of the rating task's loss beside that of the next item; -1: both weights are learned.",
        low=-1.0,
        high=1000.0,
    )
    objective: str = option(
        "causal", "Predict the next item, or masked items (BERT4Rec).", choices=("causal", "masked")
    )
    modalities: str = option(
        "all",
        "Further vectors of items that are read, by commas: names of arrays, and image for pictures; all, or none.",
    )
    image_encoder: str = option(
        "default",
        "What reads pictures: default, a HuggingFace name, or the folder of an image encoder.",
        takes="images",
        use=words.later("Use it for the pictures of items"),
    )
    encoder: str = option(
        "default",
        "The text encoder: default, a HuggingFace name, or a folder.",
        takes="encoder",
        use=words.later("Use it for the texts of items and people"),
    )
    width: int = option(128, "Width of the model.", low=8, high=1024, first=True)
    layers: int = option(2, "Transformer layers.", low=1, high=24, first=True)
    heads: int = option(2, "Attention heads; they divide the width.", low=1, high=64)
    length: int = option(200, "Items of the history that are read.", low=2, high=1024, first=True)
    dropout: float = option(
        -1.0,
        "Share of activations dropped in training; -1: by the data's size, 0.45 up to 100,000 interactions, 0.2 from a "
        "million on.",
        low=-1.0,
        high=0.9,
    )
    batch: int = option(32, "Full-length histories in one step (short ones are packed).", low=1, high=65536, first=True)
    negatives: int = option(
        0,
        "Sampled negatives of a step; 0: the whole catalogue, or 4,096 where it is above 20,000.",
        low=0,
        high=1000000,
    )
    mask_share: float = option(0.2, "Share of items masked (masked objective).", low=0.01, high=0.9)
    rate_inputs: bool = option(True, "Tell the model how each item of the history was rated.")
    dislikes: float = option(
        0.1,
        "How often an item rated below the relevance threshold is a target; else the next liked one takes its place.",
        low=0.0,
        high=1.0,
    )


def learns(o: SequenceOptions, task: str) -> bool:
    """Whether "next" or "rating" is among the tasks."""
    return task in o.tasks.split(",")


def negatives_of(o: SequenceOptions, n_items: int) -> int:
    """How many items a step's softmax is taken over; n_items: the exact one."""
    return min(o.negatives or (n_items if n_items <= FULL_SOFTMAX_ITEMS else NEGATIVES), n_items)


def cost(o: SequenceOptions, sizes: Sizes) -> Cost:
    """Of a training; a block of either architecture has 12 d² weights."""
    m, d, n = sizes.n_items, o.width, o.length + 1
    head = negatives_of(o, m) * d * learns(o, "next") + 2 * d * d * learns(o, "rating")
    share = 1.0 if o.objective == "causal" else o.mask_share
    read = 2.0 * o.layers * (12 * d * d + 2 * n * d)  # of a position in a forward pass
    token = read + 2.0 * share * head
    weights = m * (d + TEXT_WIDTH) + o.layers * 12 * d * d
    tokens = (sizes.n_interactions + sizes.n_users) * (1.0 + sizes.twins)
    step = min(float(o.batch * n), max(tokens / MIN_STEPS, float(n)))
    batch = HELD * step * (o.layers * (34 * d + 5 * o.heads * n) * 2.0 + share * head / d * 2.0)
    validated = min(sizes.n_interactions, sizes.n_users * o.length)
    return Cost((3.0 * token * tokens + read * validated) * o.epochs, 5 * 4.0 * weights + batch + 1.1e9)


INFO = RecommenderInfo(
    name="bert_sequence",
    title="BERT over the history",
    summary="Reads a person's items in order, by their texts and by what people did with them; says what comes next.",
    paper="Sun et al. 2019, BERT4Rec; Kang & McAuley 2018, Self-attentive sequential recommendation; Borisyuk et al. "
    "2025, From features to transformers (gates); Arevalo et al. 2017, Gated multimodal units; Caruana 1997, Multitask "
    "learning; Kendall, Gal & Cipolla 2018, Multi-task learning using uncertainty to weigh losses",
    place=10,
    module="fairdash.recommenders.bert_sequence.model",
    options=SequenceOptions,
    space={
        "learning_rate": Range(5e-4, 5e-3, log=True),
        "dropout": Range(0.0, 0.6),
        "width": (64, 128, 256),
        "layers": Range(1, 3, whole=True),
        "dislikes": Range(0.0, 1.0),
        "weight_decay": Range(1e-3, 0.1, log=True),
    },
    offers=frozenset({"vectors", "profile", "training", "samples"}),
    offers_with={"probabilities": ("tasks", ("next,rating", "rating"))},
    cost=cost,
    shared=True,
)
