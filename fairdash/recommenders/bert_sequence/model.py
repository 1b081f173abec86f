"""`bert_sequence` fitted, saved and opened; its network is in `network`, what it reads in `windows`."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models
from torch import nn
from transformers import AutoModel, BertModel, PreTrainedTokenizerFast

from fairdash import settings, words
from fairdash.errors import ConfigError, ModelError
from fairdash.progress import Progress
from fairdash.recommenders import calibration, image, store, text
from fairdash.recommenders.base import Sizes
from fairdash.recommenders.bert_sequence import SequenceOptions, cost, learns
from fairdash.recommenders.bert_sequence.modalities import Standard
from fairdash.recommenders.bert_sequence.network import FIRST_ITEM, MASK, PAD, SequenceModel
from fairdash.recommenders.bert_sequence.windows import SequenceBatches, rating_levels, rating_types
from fairdash.recommenders.calibration import Calibration
from fairdash.recommenders.device import Device, choose
from fairdash.recommenders.estimate import estimate
from fairdash.recommenders.options import parse
from fairdash.recommenders.training import Validation, train
from fairdash.schema import ITEM_ID, Codes, Floats, Interactions, TrainingData
from fairdash.words import say
from fairdash.workspace import write_json

# What a model to start from decides.
ARCHITECTURE = (
    *("architecture", "items", "modalities", "image_encoder", "objective", "encoder", "width", "layers", "heads"),
    *("length", "rate_inputs"),
)
IMAGE = "image"  # what pictures are called among the modalities
# Interactions at which dropout is strong and at which it is weak; between them it falls with their logarithm. Measured
# on MovieLens-100K, all else equal: NDCG@10 of liked items 0.144 at dropout 0.2, 0.159 at 0.4; on MovieLens-1M 0.2 is
# what reached 0.185 (no other share was tried there to the end).
DROPOUT = ((100_000, 0.45), (1_000_000, 0.2))
POSITIONS = 4_096  # of histories that are read at once outside training: more takes memory and saves no time
MAX_TWINS = 4  # profile texts with exchanged attributes for each person


@dataclasses.dataclass(frozen=True, eq=False)
class Context:
    """What a fitted model must know beside its weights. text_mean: [w] and text_scale: how text vectors were
    standardised. levels: upper edges of the rating levels. profile_rows: int64 [n_users], in profile_vectors [p, w].
    item_ids: of the catalogue [m]. modalities: further vectors of the items.
    """

    attributes: tuple[str, ...]
    levels: NDArray[np.float32]
    text_mean: Floats
    text_scale: float
    profile_vectors: Floats
    profile_rows: NDArray[np.int64]
    item_ids: tuple[str, ...]
    modalities: tuple[Standard, ...] = ()

    def profiles_of(self, users: Codes) -> Floats:
        """Vectors of the users' profile texts [len(users), w], or [len(users), 0] without profile."""
        if not len(self.profile_vectors):
            return np.zeros((len(users), 0), np.float32)
        return self.profile_vectors[self.profile_rows[users]]


class FittedSequence:
    """A trained `bert_sequence`: scores, user vectors, and scores for edited profiles."""

    name = "bert_sequence"

    def __init__(self, options: SequenceOptions, model: SequenceModel, context: Context, device: Device) -> None:
        self.options, self.model, self.context, self.device = options, model, context, device
        self.profile = context.attributes
        with torch.inference_mode():
            self.vectors = model.item_vectors().float()  # [m, d]

    def score(self, users: Codes, history: Interactions) -> Floats:
        """Scores of the whole catalogue [n, n_items]; see `Fitted`."""
        with torch.inference_mode():
            return _to_numpy(self._scores(self._vectors(users, history, self.context.profiles_of(users))))

    def user_vectors(self, users: Codes, history: Interactions) -> Floats:
        """Vectors of people [n, d]; see `Fitted`."""
        with torch.inference_mode():
            return _to_numpy(self._vectors(users, history, self.context.profiles_of(users)))

    def score_vectors(self, vectors: Floats) -> Floats:
        """Scores [n, n_items] of people's vectors [n, d]; see `Fitted`."""
        with torch.inference_mode():
            return _to_numpy(self._scores(torch.from_numpy(np.ascontiguousarray(vectors, np.float32))))

    def score_profiles(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
        """Scores [n, n_items] with these profiles in place of the people's own; see `Fitted`."""
        if not self.profile:
            raise ConfigError("This model reads no profile text.", "Train it with a profile: choose attributes for it.")
        encoded = text.encode(list(profiles), self.options.encoder, device=self.device)
        profile = (encoded - self.context.text_mean) / self.context.text_scale
        with torch.inference_mode():
            return _to_numpy(self._scores(self._vectors(users, history, profile)))

    def reads(self, data: TrainingData, user: int, item: int, history: Interactions) -> tuple[str, ...]:
        """The profile text where one is read, then the texts of the history's latest items, oldest first, and that of
        the item; an item of which only the id is learned has no text. See `ReadingFitted`."""
        profile = text.profile_texts(data.users.iloc[[user]], self.profile) if self.profile else []
        if self.options.items == "id":
            return tuple(profile)
        room = self.options.length - (self.options.objective == "masked")
        codes = [*history.item[-room:].tolist(), item]
        return (*profile, *text.item_texts(data.items.iloc[codes]))

    def _vectors(self, users: Codes, history: Interactions, profile: Floats) -> torch.Tensor:
        model = self.model.eval()
        return vectors_of(model, self.vectors, users, history, profile, self.context.levels, self.device)

    def _scores(self, vectors: torch.Tensor) -> torch.Tensor:
        """[n, m] from user vectors [n, d]; all stays on the device until it is complete."""
        return self.model.scores(vectors.to(self.device.torch), self.vectors)

    def save(self, folder: Path) -> None:
        """Weights and options into an existing folder; see `Fitted`."""
        self._save(folder, {})

    def _save(self, folder: Path, more: Mapping[str, Any]) -> None:
        """more: what else the manifest says."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.model.bert is not None:
            _save_bert(self.model.bert, self.vectors, folder)
        state = {k: v for k, v in self.model.state_dict().items() if not k.startswith("bert.")}
        arrays: dict[str, NDArray[Any]] = {f"model.{name}": value.cpu().numpy() for name, value in state.items()}
        arrays["texts"] = self.model.texts.cpu().numpy()
        for name in ("levels", "text_mean", "profile_vectors", "profile_rows"):
            arrays[name] = getattr(self.context, name)
        manifest = {
            "name": self.name,
            "options": dataclasses.asdict(self.options),
            "attributes": list(self.context.attributes),
            "text_scale": self.context.text_scale,
            "item_ids": list(self.context.item_ids),
            "modalities": [{"name": one.name, "scale": one.scale} for one in self.context.modalities],
            **more,
        }
        for i, one in enumerate(self.context.modalities):
            arrays |= {f"modality.{i}.vectors": one.vectors, f"modality.{i}.mean": one.mean}
        store.write(folder, manifest, arrays)

    def export(self, data: TrainingData, order: Codes, folder: Path) -> None:
        """Weights that transformers opens, words for the items in that order, and `answer.py`; see `ExportedFitted`."""
        if self.model.bert is None:
            raise ConfigError(
                say("architecture = gated is read by FairDash alone."),
                say("Train with architecture = bert, or serve the run with `python -m fairdash serve`."),
            )
        model = folder / "model"
        _save_bert(self.model.bert, self.vectors[torch.from_numpy(order.astype(np.int64))], model)
        _save_words([self.context.item_ids[item] for item in order], model)
        state = {name: value.detach().cpu().numpy() for name, value in self.model.state_dict().items()}
        arrays = {"person": state["person"], "bias": state["bias"][order], "levels": self.context.levels}
        if not learns(self.options, "next"):  # what is the same for all items of a person is left out
            arrays |= {"bias": state["like.bias"][order], "turn": state["like.turn.weight"]}
        facts = {}
        if self.profile:
            arrays |= {"profile_map": state["profile_map.weight"], "text_mean": self.context.text_mean}
            for part in store.pretrained(text.located(self.options.encoder), AutoModel):
                part.save_pretrained(folder / "encoder")
        for name in self.profile:
            counts = data.users[name].value_counts()
            common = counts.index[counts >= settings.FEWEST]  # what few are called is nobody's business
            facts[name] = {str(value): text.fact(name, value) for value in common}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, model / "answer.safetensors")
        masked, rating = self.options.objective == "masked", data.train.rating
        highest = float(rating.max()) if len(rating) else 1.0
        about = {
            "attributes": list(self.profile),
            "facts": facts,
            "text_scale": self.context.text_scale,
            "bf16": self.device.bf16,  # as the run's profile texts were read
            "masked": masked,
            "room": self.options.length - masked,
            "liked": highest if data.relevance_threshold is None else data.relevance_threshold,
        }
        write_json(folder / "answer.json", about)
        shutil.copyfile(Path(__file__).with_name("answer.py"), folder / "answer.py")


class RatingSequence(FittedSequence):
    """One that learned the task rating, too: it predicts P(the person likes the item, should they take it)."""

    calibration = Calibration(note="Not calibrated yet.")

    def probability(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """P(like) [n] of the pairs, calibrated on validation; see `ProbabilityFitted`."""
        return self.calibration.probability(self.pair_logits(users, items, history))

    def pair_logits(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """Logits [n] of the pairs (users[i], items[i]), as they were learned."""
        people, place = np.unique(users, return_inverse=True)
        model = self.model
        assert model.like is not None
        with torch.inference_mode():
            hidden = self._vectors(people.astype(np.int32), history, self.context.profiles_of(people))
            rows, codes = (torch.from_numpy(one.astype(np.int64)).to(self.device.torch) for one in (place, items))
            return _to_numpy(model.like(hidden[rows], self.vectors, codes))

    def save(self, folder: Path) -> None:
        """Weights, options and calibration into an existing folder; see `Fitted`."""
        self._save(folder, {"calibration": self.calibration.to_json()})


def _fitted(options: SequenceOptions, model: SequenceModel, context: Context, device: Device) -> FittedSequence:
    kind = RatingSequence if learns(options, "rating") else FittedSequence
    return kind(options, model, context, device)


def _save_words(ids: Sequence[str], folder: Path) -> None:
    """A tokenizer whose words are the items, behind the two that a saved BERT has before them."""
    special = [f"[{'PAD' if place == PAD else 'MASK'}]" for place in range(FIRST_ITEM)]
    while set(special) & set(ids):
        special = [f"[{word}]" for word in special]
    place = {word: i for i, word in enumerate((*special, *ids))}
    tokens = Tokenizer(models.WordLevel(place, unk_token=special[PAD]))
    fast: Any = PreTrainedTokenizerFast  # transformers leaves it untyped
    made = fast(tokenizer_object=tokens, pad_token=special[PAD], mask_token=special[MASK])
    made.save_pretrained(folder)


def _save_bert(bert: BertModel, vectors: torch.Tensor, folder: Path) -> None:
    """As transformers opens it, the items [m, d] as words."""
    own = bert.embeddings.word_embeddings
    words = nn.Embedding(len(vectors) + FIRST_ITEM, vectors.shape[1], padding_idx=PAD)
    with torch.no_grad():
        words.weight[:FIRST_ITEM] = own.weight.cpu()
        words.weight[FIRST_ITEM:] = vectors.cpu()
    bert.embeddings.word_embeddings, bert.config.vocab_size = words, len(words.weight)
    try:
        bert.save_pretrained(folder)
    finally:
        bert.embeddings.word_embeddings, bert.config.vocab_size = own, FIRST_ITEM


def vectors_of(
    model: SequenceModel,
    vectors: torch.Tensor,  # [m, d]
    users: Codes,
    history: Interactions,
    profile: Floats,  # [len(users), w] or [len(users), 0]
    levels: NDArray[np.float32],
    device: Device,
) -> torch.Tensor:
    """User vectors [len(users), d] on the device, from the last `length` items of each history; people with histories
    of like length are computed together."""
    options = model.options
    masked = options.objective == "masked"
    room = options.length - 1 if masked else options.length
    stop = np.searchsorted(history.user, users, side="right")
    start = np.maximum(np.searchsorted(history.user, users, side="left"), stop - room)
    size = stop - start
    result = torch.empty(len(users), options.width, device=device.torch)
    order = np.argsort(size, kind="stable")
    positions = np.cumsum(size[order] + 1) // POSITIONS
    for rows in np.split(order, np.flatnonzero(np.diff(positions)) + 1) if len(order) else ():
        longest = int(size[rows].max(initial=0)) + masked
        place = np.arange(longest)[None]
        real = place < size[rows, None]
        at = np.where(real, start[rows, None] + place, 0)
        items = np.where(real, history.item[at], -1) if len(history) else np.full(at.shape, -1)
        kinds = np.where(real, rating_types(history.rating[at], levels), 0) if len(history) else np.zeros_like(items)
        hidden = torch.from_numpy(place == size[rows, None]).to(device.torch) if masked else None
        if masked:
            items = np.where(place == size[rows, None], 0, items)  # a real position, hidden from the model
        out = model.encode(
            vectors,
            torch.from_numpy(items.astype(np.int64)).to(device.torch),
            torch.from_numpy(kinds.astype(np.int64)).to(device.torch),
            torch.from_numpy(np.ascontiguousarray(profile[rows])).to(device.torch),
            hidden,
        )
        last = torch.from_numpy(size[rows] + masked).to(device.torch)
        result[torch.from_numpy(rows).to(device.torch)] = out[torch.arange(len(rows), device=out.device), last].float()
    return result


def _to_numpy(tensor: torch.Tensor) -> Floats:
    array: Floats = tensor.float().cpu().numpy()
    return array


class BertSequence:
    """The recommender to be trained; see the module's head."""

    name = "bert_sequence"

    def __init__(self, config: SequenceOptions) -> None:
        if config.width % config.heads:
            raise ConfigError(
                words.say("heads ({heads}) must divide width ({width}).", heads=config.heads, width=config.width),
                "Change one of them.",
            )
        if config.tasks == "next,rating" and -1.0 < config.rating_weight <= 0.0:  # a head that learns nothing answers
            raise ConfigError(
                words.say(
                    "rating_weight is {weight}: the task rating would learn nothing.",
                    weight=words.number(config.rating_weight, 2),
                ),
                words.say("Choose a weight above 0, -1 to have it learned, or tasks = next."),
            )
        self.config = config

    @property
    def vector_width(self) -> int:
        """Width of user vectors, None where there are none."""
        return self.config.width

    def fit(
        self, data: TrainingData, *, seed: int, device: str, folder: Path, progress: Progress, terms: Sequence[Any] = ()
    ) -> FittedSequence:
        """Train on `data`; see `Recommender`."""
        options, chosen = self.config, choose(device)
        folder.mkdir(parents=True, exist_ok=True)
        progress(0.0, f"{chosen.sentence} {estimate(cost(self.config, Sizes.of(data)), chosen).sentence}")
        if options.dropout < 0:
            sizes, shares = zip(*DROPOUT, strict=True)
            by_size = np.interp(np.log(max(len(data.train), 1)), np.log(sizes), shares)
            options = dataclasses.replace(options, dropout=float(by_size))
        start = None
        if options.start:
            start = _opened(options.start, folder / "start")
            kept = {name: getattr(start.options, name) for name in ARCHITECTURE}
            options = dataclasses.replace(options, **kept)
        elif not options.epochs:
            raise ConfigError("epochs = 0 trains nothing.", "Give a model to start from (option start).")
        if learns(options, "rating"):
            _check_ratings(data, options, start)
        texts, mean, scale = _item_texts(data, options, chosen, progress, start)
        profile_texts, rows, twins = _profile_texts(data, seed)
        if profile_texts:
            profiles = (text.encode(profile_texts, options.encoder, device=chosen) - mean) / scale
        else:
            profiles = np.zeros((0, texts.shape[1]), np.float32)
        levels = rating_levels(data.train.rating) if options.rate_inputs else np.zeros(0, np.float32)
        if start is not None:
            levels = start.context.levels
        item_ids = tuple(data.items[ITEM_ID].astype(str))
        modalities = _modalities(data, options, chosen, progress, start)
        context = Context(data.profile, levels, mean, scale, profiles, rows, item_ids, modalities)
        torch.manual_seed(seed)
        heard = torch.from_numpy(data.popularity > 0)
        model = _model(options, texts, context, chosen, heard)
        if start is not None:
            _take_over(model, start, context)
        if not options.epochs:
            return _calibrated(_fitted(options, model.to(chosen.torch).eval(), context, chosen), data, seed)
        types = rating_types(data.train.rating, levels)
        batches = SequenceBatches(data, options, types, rows, twins, seed)

        def score(users: Codes) -> torch.Tensor:
            with chosen.autocast():
                vectors = model.item_vectors().float()
                people = vectors_of(model, vectors, users, data.train, context.profiles_of(users), levels, chosen)
            return model.scores(people, vectors)

        def judge(users: Codes, items: Codes) -> Floats:
            fitted = _fitted(options, model, context, chosen)
            assert isinstance(fitted, RatingSequence)
            return fitted.pair_logits(users, items, data.train)

        train(
            model,
            batches,
            Validation(data, score, judge if learns(options, "rating") else None, seed=seed),
            by="ndcg" if learns(options, "next") else "auc",
            options=options,
            seed=seed,
            device=chosen,
            folder=folder,
            progress=progress,
            terms=terms,
        )
        if start is None:
            model.settle()
        return _calibrated(_fitted(options, model, context, chosen), data, seed)


def _model(
    options: SequenceOptions, texts: Floats, context: Context, device: Device, heard: torch.Tensor | None = None
) -> SequenceModel:
    vectors = [torch.from_numpy(one.vectors) for one in context.modalities]
    profiles = torch.from_numpy(context.profile_vectors)
    return SequenceModel(options, torch.from_numpy(texts), profiles, device, vectors, heard)


def _modalities(
    data: TrainingData, options: SequenceOptions, device: Device, progress: Progress, start: FittedSequence | None
) -> tuple[Standard, ...]:
    """The further vectors of the items that are read: those that were chosen, or those that `start` reads, of which
    this data need not have any. Raises ConfigError for names that are not there, ModelError for another width."""
    there: list[str] = [*data.item_arrays, *([IMAGE] if data.item_images is not None else [])]
    if len(set(there)) < len(there):
        raise ConfigError(
            words.say("An array of the items is called {name}, as their pictures are.", name=IMAGE),
            words.say("Give it another name."),
        )
    wanted = [name.strip() for name in options.modalities.split(",") if name.strip()]
    if start is not None:
        wanted = [one.name for one in start.context.modalities]
    elif wanted in (["all"], ["none"]):
        wanted = there if wanted == ["all"] else []
    unknown = [name for name in wanted if name not in there]
    if unknown and start is None:
        raise ConfigError(
            words.say("The items have nothing called {name}.", name=unknown[0]),
            words.say("There is: {names}. Bring it with --item-vectors or --item-images, or leave it out.",
                      names=", ".join(there) or words.say("none")),
        )  # fmt: skip

    def encoding(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        progress(0.0, f"{message}, {words.percent(done, 0)}")

    found = []
    for i, name in enumerate(dict.fromkeys(wanted)):
        like = None if start is None else start.context.modalities[i]
        if name in data.item_arrays:
            raw = data.item_arrays[name]
        elif name in there and data.item_images is not None:
            raw = image.encode(data.item_images, options.image_encoder, device=device, progress=encoding)
        else:
            assert like is not None
            raw = np.full((data.n_items, len(like.mean)), np.nan, np.float32)
        width = raw.size // max(len(raw), 1)
        if like is not None and width != len(like.mean):
            raise ModelError(
                words.say("The model reads {name} of {width} numbers an item, and these have {own}.", name=name,
                          width=len(like.mean), own=width),
                words.say("Bring vectors of the same encoder, or train a new model."),
            )  # fmt: skip
        found.append(Standard.of(name, raw, like))
    return tuple(found)


def _calibrated(fitted: FittedSequence, data: TrainingData, seed: int) -> FittedSequence:
    """The same, its probabilities fitted on validation where it predicts any."""
    if isinstance(fitted, RatingSequence):
        fitted.calibration = calibration.on_validation(
            lambda users, items: fitted.pair_logits(users, items, data.train), data, seed
        )
    return fitted


def _check_ratings(data: TrainingData, options: SequenceOptions, start: FittedSequence | None) -> None:
    """Raises ConfigError where nothing can be learned of what people like, or nothing was."""
    threshold = data.relevance_threshold
    liked = np.ones(len(data.train), bool) if threshold is None else data.train.rating >= threshold
    if liked.all() or not liked.any():
        raise ConfigError(
            words.say(
                "The task rating learns what people like of what they take, and here they like all of it or none."
            ),
            words.say("Bring ratings, with a relevance threshold between them; or train with tasks = next."),
        )
    if start is not None and not options.epochs and start.model.like is None:
        raise ConfigError(
            words.say("{start} has not learned the task rating.", start=options.start),
            words.say(
                "Train it with tasks = {tasks} for an epoch or more, or choose tasks = next.", tasks=options.tasks
            ),
        )


def _opened(source: str, work: Path) -> FittedSequence:
    fitted = store.load(store.locate(source, work))
    if not isinstance(fitted, FittedSequence):
        raise ModelError(
            words.say("{source} holds a {name}, not a bert_sequence.", source=source, name=fitted.name),
            words.say("Choose {name} to go on with it.", name=fitted.name),
        )
    return fitted


def _take_over(model: SequenceModel, start: FittedSequence, context: Context) -> None:
    """Weights of `start`, of those tasks that are learned here, its items matched by id. Items that it does not know
    keep no vector of their own: their text speaks for them, with the median bias. A profile, or a task, that it did not
    have is learned anew."""
    place = {item: i for i, item in enumerate(start.context.item_ids)}
    known = [i for i, item in enumerate(context.item_ids) if item in place]
    if model.text_map is None and not model.modalities and 2 * len(known) < len(context.item_ids):
        raise ModelError(
            words.say(
                "The model knows {n} of this data's {m} items, and it reads no texts.",
                n=len(known),
                m=len(context.item_ids),
            ),
            "Use a model that was trained with items = text+id or text, or train a new one.",
        )
    if start.profile and not context.attributes:
        raise ModelError(
            words.say("The model reads a profile text ({names}), and none is chosen.", names=", ".join(start.profile)),
            "Choose those attributes.",
        )
    there = [place[context.item_ids[i]] for i in known]
    state = {name: value.cpu() for name, value in start.model.state_dict().items()}
    own = model.state_dict()
    for name in ("bias", "like.bias"):
        if name in state:
            bias = torch.full_like(own["bias"], float(state[name].median()))
            bias[known] = state[name][there]
            state[name] = bias
    if "ids" in state:
        ids = torch.zeros_like(own["ids"])
        ids[known] = state["ids"][there]
        state["ids"] = ids
    model.load_state_dict({name: state.get(name, value) for name, value in own.items()})


def _item_texts(
    data: TrainingData, options: SequenceOptions, device: Device, progress: Progress, start: FittedSequence | None
) -> tuple[Floats, Floats, float]:
    """Standardised text vectors [m, w] of the catalogue, and the mean [w] and scale that standardise further ones."""
    if options.items == "id" and not data.profile:
        return np.zeros((data.n_items, 1), np.float32), np.zeros(1, np.float32), 1.0

    def encoding(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        progress(0.0, f"{message}, {words.percent(done, 0)}")  # the share of the whole is the training's to say

    vectors = text.encode(text.item_texts(data.items), options.encoder, device=device, progress=encoding)
    if start is not None and start.context.text_mean.shape == vectors.shape[1:]:
        mean, scale = start.context.text_mean, start.context.text_scale
    else:
        mean = vectors.mean(0)
        scale = float((vectors - mean).std()) or 1.0
    return (vectors - mean) / scale, mean, scale


def _profile_texts(data: TrainingData, seed: int) -> tuple[list[str], NDArray[np.int64], list[NDArray[np.int64]]]:
    """The distinct profile texts, each user's row in them, and rows of texts in which all attributes of `data.swap`
    are exchanged: a user's twin never has the user's own value of one."""
    twins = bool(data.swap) and data.swap_share > 0
    missing = [name for name in data.swap if name not in data.profile]
    if twins and missing:
        raise ConfigError(
            words.say("{missing} is not part of the profile text.", missing=missing[0]),
            words.say("Add {missing} to the profile.", missing=missing[0]),
        )
    if not data.profile:
        return [], np.zeros(data.n_users, np.int64), []
    variants = [text.profile_texts(data.users, data.profile)]
    if twins:
        coded = {name: pd.factorize(data.users[name], sort=True) for name in data.swap}
        for name, (_, values) in coded.items():
            if len(values) < 2:
                raise ConfigError(
                    words.say("Everybody has the same {name}: nothing can be exchanged.", name=name),
                    "Choose another attribute.",
                )
        rng = np.random.default_rng(seed)
        for _ in range(min(MAX_TWINS, max(len(values) for _, values in coded.values()) - 1)):
            users = data.users.copy()
            for name, (codes, values) in coded.items():
                shift = rng.integers(1, len(values), len(codes))
                other = pd.Series(values.take((codes + shift) % len(values)), index=users.index)
                users[name] = other.where(codes >= 0)
            variants.append(text.profile_texts(users, data.profile))
    unique = list(dict.fromkeys(line for variant in variants for line in variant))
    position = {line: i for i, line in enumerate(unique)}
    rows = [np.array([position[line] for line in variant], np.int64) for variant in variants]
    return unique, rows[0], rows[1:]


build = BertSequence


def load(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedSequence:
    """Called by `store.load`."""
    options = parse(SequenceOptions, manifest["options"])
    device = choose("auto")
    modalities = tuple(
        Standard(one["name"], arrays[f"modality.{i}.vectors"], arrays[f"modality.{i}.mean"], float(one["scale"]))
        for i, one in enumerate(manifest.get("modalities", ()))  # models of before have none
    )
    context = Context(
        tuple(manifest["attributes"]),
        arrays["levels"],
        arrays["text_mean"],
        float(manifest["text_scale"]),
        arrays["profile_vectors"],
        arrays["profile_rows"],
        tuple(manifest["item_ids"]),
        modalities,
    )
    model = _model(options, arrays["texts"], context, device)
    state = {k.removeprefix("model."): torch.from_numpy(v) for k, v in arrays.items() if k.startswith("model.")}
    if model.bert is not None:
        store.check_pretrained(folder)
        bert = BertModel.from_pretrained(folder, add_pooling_layer=False, use_safetensors=True, local_files_only=True)
        state.update({f"bert.{name}": value for name, value in bert.state_dict().items()})
        words = "bert.embeddings.word_embeddings.weight"
        state[words] = state[words][:FIRST_ITEM]
    model.load_state_dict(state)
    fitted = _fitted(options, model.to(device.torch).eval(), context, device)
    if isinstance(fitted, RatingSequence):
        fitted.calibration = Calibration.from_json(manifest["calibration"])
    return fitted
