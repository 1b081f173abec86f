"""Declares `bert_pair`: a BERT classifier over (profile and history, item)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairdash import words
from fairdash.recommenders.base import Cost, Range, RecommenderInfo, Sizes
from fairdash.recommenders.ease import INFO as EASE
from fairdash.recommenders.options import TrainingOptions, option

VALIDATED = 300  # people whose candidates are judged after each epoch on a CPU
WEIGHED = 2000  # people whose candidates are judged in the end, for the weights of the parts
CPU_CANDIDATES, CPU_LAYERS = 100, 1
ITEM_TOKENS, PAIRS_PER_HISTORY = 14, 16  # typical, for an estimate of the cost
BASE = {"hidden_size": 384, "num_hidden_layers": 6, "vocab_size": 30522}  # of the bundled BERT
DISTILLED = {"hidden_size": "dim", "num_hidden_layers": "n_layers"}  # what a DistilBERT calls them


def _first_stages() -> tuple[str, ...]:
    from fairdash.recommenders import first_stages  # not before all are declared

    return first_stages()


@dataclass(frozen=True)
class PairOptions(TrainingOptions):
    """`bert_pair`: a BERT classifier over (profile and history, item)."""

    epochs: int = option(2, "Passes over the training data at most.", low=1, high=1000, first=True)
    learning_rate: float = option(5e-4, "Peak of the one-cycle schedule (AdamW).", low=1e-6, high=1.0, first=True)
    patience: int = option(
        2, "Epochs without a better validation NDCG@10 after which training stops.", low=1, high=1000
    )
    base: str = option(
        "default",
        "The BERT that is fine-tuned: default, a HuggingFace name, or a folder.",
        takes="bert",
        use=words.later("Fine-tune it on pairs"),
        goes_on=True,  # a bert_pair's folder is a BERT's, its classifier among the weights
    )
    first_stage: str = option(EASE.name, "Whose best items are ranked.", choices=_first_stages)
    n_candidates: int = option(
        0,
        "Items of the first stage that are ranked, no others are; 0: 100 on a CPU, the whole catalogue on a GPU.",
        low=0,
        high=10**7,
    )
    prior: str = option(
        "first_stage",
        "What is added to the BERT's logit: nothing, popularity, or popularity and the first stage's score.",
        choices=("none", "popularity", "first_stage"),
    )
    history: int = option(20, "Liked titles of the history that are read, the latest ones.", low=0, high=500)
    length: int = option(128, "Tokens of profile and history at most.", low=8, high=4096, first=True)
    item_length: int = option(24, "Tokens of the item's text at most.", low=3, high=512)
    negatives: float = option(
        1.0, "Unseen items drawn from the candidates, per training interaction.", low=0.0, high=100.0
    )
    trained_layers: int = option(
        0,
        "Upper layers that are trained; 0: one on a CPU, all on a GPU. Below them texts are read once.",
        low=0,
        high=96,
    )
    attention: str = option(
        "shared",
        "shared: a history is computed once for all its items; full: each pair alone.",
        choices=("shared", "full"),
    )
    batch: int = option(512, "Pairs in one step.", low=1, high=65536, first=True)


def cost(o: PairOptions, sizes: Sizes) -> Cost:
    """Of a training on a CPU; candidates are judged after each epoch. Another BERT's sizes are those of its folder's
    config.json; one that is not here yet counts as the bundled one. Raises ModelError for a config out of bounds."""
    from fairdash.recommenders import store  # which knows all recommenders

    folder = Path(o.base).expanduser()
    told = store.check_pretrained(folder) if (folder / "config.json").is_file() else {}
    told |= {name: told.get(other) for name, other in DISTILLED.items() if name not in told}
    found: dict[str, Any] = BASE | {key: value for key, value in told.items() if value is not None}
    d, layers = int(found["hidden_size"]), int(found["num_hidden_layers"])
    trained = min(o.trained_layers or CPU_LAYERS, layers)
    item, history = min(ITEM_TOKENS, o.item_length), min(8 * o.history + 16, o.length)
    tokens = item + history / (PAIRS_PER_HISTORY if o.attention == "shared" else 1)  # of a pair
    whole, last = 24 * d * d + 4 * d * (item + history), 4 * d * d  # of a token, in a layer and in the last one
    pair = (trained - 1) * whole * tokens + last * tokens + 24 * d * d
    pairs = sizes.n_interactions * (1 + o.negatives) * (1.0 + sizes.twins)
    judged = min(VALIDATED, sizes.n_users) * (o.n_candidates or CPU_CANDIDATES)
    weights = (int(found["vocab_size"]) * d + layers * 12 * d * d) * (2 + 3 * trained / layers)
    kept = 2.0 * d * sizes.n_items * (item + 8) if trained < layers else 0.0
    step = o.batch * tokens * trained * 34 * d * 2.0
    weighed = min(WEIGHED, sizes.n_users) * (o.n_candidates or CPU_CANDIDATES)
    return Cost(((3 * pairs + judged) * o.epochs + weighed) * pair, 4.0 * weights + kept + step + 1e9)


INFO = RecommenderInfo(
    name="bert_pair",
    title="BERT over pairs",
    summary="Reads profile and liked titles together with one item, says how likely the person likes it, and orders "
    "another recommender's best items by that.",
    paper="Nogueira & Cho 2019, Passage re-ranking with BERT; Devlin et al. 2019, BERT",
    place=20,
    module="fairdash.recommenders.bert_pair.model",
    options=PairOptions,
    scores="candidates",
    space={
        "learning_rate": Range(5e-5, 1e-3, log=True),
        "weight_decay": Range(1e-3, 0.1, log=True),
        "negatives": Range(0.5, 4.0, log=True),
        "history": (5, 10, 20),
        "prior": ("none", "popularity", "first_stage"),
    },
    offers=frozenset({"profile", "probabilities", "training", "samples"}),
    cost=cost,
    shared=True,
)
