"""`bert_sequence`: a transformer that reads a person's items in order and says what comes next.

Shapes: b people in a batch, n positions, d width, m items of the catalogue, w width of the text encoder.

Position 0 is the person: the profile text's vector, or a learned one where no profile is used. Positions 1…n-1 are
items, oldest first. An item's vector is its text's vector (title and categories through a frozen pretrained BERT,
projected to d) plus a learned vector of its own. The output at the last position is the user vector; an item's score
is its product with the item's vector, plus the item's bias. So an item nobody has seen yet is scored by its text.

architecture = gated (default) reads them with `GatedEncoder`, bert with a BertModel, which transformers opens from the
saved folder by itself.

causal (default): every position predicts a coming item (SASRec's task, Kang & McAuley 2018, with the softmax of
Klenitskiy & Vasilev 2023). masked: hidden items are predicted from both sides (BERT4Rec, Sun et
al. 2019); then the user vector is the output at a mask behind the last item.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from fairdash.errors import ConfigError, ModelError
from fairdash.progress import Progress
from fairdash.recommenders import store, text
from fairdash.recommenders.base import Sizes
from fairdash.recommenders.bert_sequence import SequenceOptions, cost, negatives_of
from fairdash.recommenders.bert_sequence.dropout import Noise, replace_dropout
from fairdash.recommenders.bert_sequence.gated import GatedEncoder
from fairdash.recommenders.bert_sequence.softmax import softmax_loss
from fairdash.recommenders.device import Device, choose
from fairdash.recommenders.estimate import estimate
from fairdash.recommenders.options import parse
from fairdash.recommenders.training import Batch, Output, Validation, train
from fairdash.schema import ITEM_ID, Codes, Floats, Interactions, TrainingData

PAD, MASK, FIRST_ITEM = 0, 1, 2  # word ids of the saved BertModel: item code c is word c + FIRST_ITEM
TYPES = 8  # token types: 0 for the person and where no rating is known, 1…7 how an item was rated
# What a model to start from decides.
ARCHITECTURE = ("architecture", "items", "objective", "encoder", "width", "layers", "heads", "length", "rate_inputs")
MIN_STEPS = 32  # of an epoch: small data is cut into smaller batches, or it would be learned from too seldom
# Interactions at which dropout is strong and at which it is weak; between them it falls with their logarithm. Measured
# on MovieLens-100K, all else equal: NDCG@10 of liked items 0.144 at dropout 0.2, 0.159 at 0.4; on MovieLens-1M 0.2 is
# what reached 0.185 (no other share was tried there to the end).
DROPOUT = ((100_000, 0.45), (1_000_000, 0.2))
MAX_TWINS = 4  # profile texts with exchanged attributes for each person


class SequenceModel(nn.Module):
    """The encoder, the item vectors and the loss. texts: [m, w] standardised text vectors; profiles: [p, w]."""

    texts: torch.Tensor
    profiles: torch.Tensor

    def __init__(self, options: SequenceOptions, texts: torch.Tensor, profiles: torch.Tensor, device: Device) -> None:
        super().__init__()
        self.options = options
        m, w = texts.shape
        d = options.width
        self.noise = Noise()
        # a CPU's fused attention kernel is three times slower in bfloat16 than plain products at these lengths
        fused = device.kind != "cpu" or not device.bf16
        self.bert: BertModel | None = None
        self.gated: GatedEncoder | None = None
        if options.architecture == "bert":
            self.bert = _bert(options, "sdpa" if fused else "eager")
            replace_dropout(self.bert, self.noise)
        else:
            self.gated = GatedEncoder(
                width=d,
                layers=options.layers,
                heads=options.heads,
                length=options.length + 1,
                types=TYPES,
                causal=options.objective == "causal",
                dropout=options.dropout,
                noise=self.noise,
                fused=fused,
            )
        self.register_buffer("texts", texts, persistent=False)
        self.register_buffer("profiles", profiles, persistent=False)
        self.text_map = nn.Linear(w, d, bias=False) if options.items != "id" else None
        self.ids = nn.Parameter(torch.randn(m, d) * 0.02) if options.items != "text" else None
        self.bias = nn.Parameter(torch.zeros(m))
        self.person = nn.Parameter(torch.randn(d) * 0.02)
        self.profile_map = nn.Linear(w, d, bias=False) if len(profiles) else None
        for layer in (self.text_map, self.profile_map):
            if layer is not None:
                nn.init.normal_(layer.weight, std=0.02 / w**0.5)

    def item_vectors(self) -> torch.Tensor:
        """[m, d]"""
        parts = []
        if self.text_map is not None:
            parts.append(self.text_map(self.texts))
        if self.ids is not None:
            parts.append(self.ids)
        return torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]

    def encode(
        self,
        vectors: torch.Tensor,  # [m, d] of all items
        items: torch.Tensor,  # int64 [b, n - 1], -1 behind the end
        types: torch.Tensor,  # int64 [b, n - 1]
        profile: torch.Tensor,  # [b, w] text vectors, or [b, 0] without profile
        masked: torch.Tensor | None = None,  # bool [b, n - 1]: hidden items
    ) -> torch.Tensor:
        """Outputs [b, n, d] of the encoder over the person and the items."""
        inputs = functional.embedding(items.clamp(min=0), vectors)
        if masked is not None:
            inputs = torch.where(masked[..., None], self._mask().to(inputs.dtype), inputs)
            types = types.masked_fill(masked, 0)
        person = self.person.expand(len(items), -1)
        if self.profile_map is not None:
            person = person + self.profile_map(profile)
        inputs = torch.cat([person[:, None].to(inputs.dtype), inputs], dim=1)  # [b, n, d]
        types = functional.pad(types, (1, 0))
        real = None  # causal: what is padded lies behind every real position, so none need be told
        if self.options.objective == "masked":
            real = functional.pad(items >= 0, (1, 0), value=True)
        if self.gated is not None:
            result: torch.Tensor = self.gated(inputs, types, real)
            return result
        assert self.bert is not None
        out = self.bert(inputs_embeds=inputs, token_type_ids=types, attention_mask=real, use_cache=False)
        result = out.last_hidden_state
        return result

    def _mask(self) -> torch.Tensor:
        """The vector [d] of a hidden item."""
        if self.bert is not None:
            vector: torch.Tensor = self.bert.embeddings.word_embeddings.weight[MASK]
            return vector
        assert self.gated is not None
        assert self.gated.mask is not None
        return self.gated.mask

    def forward(
        self,
        users: torch.Tensor,  # int64 [b]
        items: torch.Tensor,  # int64 [b, n - 1]
        types: torch.Tensor,
        targets: torch.Tensor,  # int64 [b, n]: the item that the position predicts; -1 for none
        weights: torch.Tensor,  # float32 [b, n]: of that prediction in the loss, 0 for none
        profile: torch.Tensor,  # int64 [b]: row of `profiles`
    ) -> Output:
        self.noise.start()
        vectors = self.item_vectors()
        masked = None
        if self.options.objective == "masked":
            masked = targets[:, 1:] >= 0
        texts = self.profiles[profile] if len(self.profiles) else self.profiles.new_zeros(len(users), 0)
        hidden = self.encode(vectors, items, types, texts, masked)  # [b, n, d]
        rows, columns = (targets >= 0).nonzero(as_tuple=True)  # [t] predictions
        negatives = negatives_of(self.options, len(vectors))
        loss = softmax_loss(hidden[rows, columns], vectors, self.bias, targets[rows, columns], negatives)
        weight = weights[rows, columns]
        own = torch.zeros(len(users), device=loss.device).index_add(0, rows, loss * weight)
        total = torch.zeros(len(users), device=loss.device).index_add(0, rows, weight)
        last = (targets >= 0).long().mul(torch.arange(targets.shape[1], device=loss.device)).argmax(1)  # [b]
        at = torch.arange(len(users), device=loss.device)
        final = torch.zeros(targets.shape, dtype=torch.int64, device=loss.device)
        final[rows, columns] = torch.arange(len(rows), device=loss.device)
        return Output(
            loss=own.sum() / total.sum().clamp(min=1e-6),
            users=users,
            vectors=hidden[at, last],
            sample_loss=own / total.clamp(min=1e-6),
            items=targets[at, last],
            target_score=-loss[final[at, last]],
            weight=total,
        )


def _bert(options: SequenceOptions, attention: str) -> BertModel:
    bert = BertModel(
        BertConfig(
            vocab_size=FIRST_ITEM,  # item vectors come from outside; a saved folder holds them as words
            hidden_size=options.width,
            num_hidden_layers=options.layers,
            num_attention_heads=options.heads,
            intermediate_size=4 * options.width,
            max_position_embeddings=options.length + 2,
            type_vocab_size=TYPES,
            hidden_dropout_prob=options.dropout,
            attention_probs_dropout_prob=0.0,  # keeps the fast attention kernels on a CPU
            is_decoder=options.objective == "causal",
            pad_token_id=PAD,
        ),
        add_pooling_layer=False,
    )
    bert.set_attn_implementation(attention)
    return bert


class SequenceBatches:
    """Windows of at most `length` items of all histories. A longer history is cut at a new random phase every epoch,
    so that each of its items is a target once an epoch and stands at every position in turn. What a person did at one
    time has no order: it is drawn anew every epoch. Windows of like length share a batch of about batch × length
    positions, or of fewer where that would make too few steps."""

    def __init__(
        self,
        data: TrainingData,
        options: SequenceOptions,
        types: NDArray[np.int64],  # [len(train)] token types of the ratings
        profile: NDArray[np.int64],  # [n_users] rows of the profile texts
        twins: Sequence[NDArray[np.int64]],  # rows of the texts with the attribute exchanged, [n_users] each
        seed: int,
    ) -> None:
        self.data, self.options, self.types, self.profile, self.twins = data, options, types, profile, twins
        self.seed = seed
        train = data.train
        self.starts = train.starts(data.n_users)
        self.weight = data.row_weight if data.row_weight is not None else np.ones(len(train), np.float32)
        self.liked = np.ones(len(train), bool)
        if data.relevance_threshold is not None:
            self.liked = train.rating >= data.relevance_threshold
        self.tied = bool(((train.user[1:] == train.user[:-1]) & (train.time[1:] == train.time[:-1])).any())
        repeats = data.user_repeats if data.user_repeats is not None else np.ones(data.n_users, np.int32)
        counts = np.diff(self.starts)
        self.people = np.repeat(np.arange(data.n_users), np.where(counts > 0, repeats, 0))
        tokens = int((counts[self.people] + 1).sum() * (1.0 + (data.swap_share if twins else 0.0)))
        steps = round(tokens / (options.batch * (options.length + 1)))
        self.n_batches = min(max(steps, min(MIN_STEPS, len(self.people) // 8), 1), len(self.people))
        self.set_epoch(0)

    def __len__(self) -> int:
        return self.n_batches

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        rng = np.random.default_rng([self.seed, epoch])
        train = self.data.train
        self.order = np.arange(len(train))  # the row that stands at each place of the histories
        if self.tied:
            self.order = np.lexsort((rng.random(len(train)), train.time, train.user))
        # the place of the next liked interaction at or behind each; len(train) where there is none
        following = np.append(np.where(self.liked[self.order], np.arange(len(train)), len(train)), len(train))
        self.next_liked = np.minimum.accumulate(following[::-1])[::-1] if self.liked.any() else None
        people, twin = self.people, np.full(len(self.people), -1)
        if self.twins:
            chosen = np.flatnonzero(rng.random(len(people)) < self.data.swap_share)
            twin = np.concatenate([twin, rng.integers(0, len(self.twins), len(chosen))])
            people = np.concatenate([people, people[chosen]])
        count, length = np.diff(self.starts)[people], self.options.length
        phase = np.where(count > length, rng.integers(1, length + 1, len(people)), np.minimum(count, length))
        pieces = 1 + -(-(count - phase) // length)
        row = np.repeat(np.arange(len(people)), pieces)
        piece = np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        self.first = np.where(piece == 0, 0, phase[row] + (piece - 1) * length)  # place in the person's history
        stop = np.minimum(phase[row] + piece * length, count[row])
        self.size = stop - self.first
        self.user, self.twin = people[row], twin[row]
        order = rng.permutation(len(row))
        # windows are sorted by length within 16 batches, up and down in turn: neighbours are alike across blocks too
        block = np.arange(len(row)) // max(1, 16 * len(row) // self.n_batches)
        order = order[np.lexsort((np.where(block % 2, -1, 1) * self.size[order], block))]
        cumulated = np.concatenate([[0], np.cumsum(self.size[order] + 1)])
        cuts = np.searchsorted(cumulated, np.linspace(0, cumulated[-1], self.n_batches + 1))
        low = np.arange(self.n_batches + 1)
        cuts = np.minimum(np.maximum.accumulate(cuts - low) + low, len(order) - low[::-1])  # no batch is empty
        cuts[0] = 0
        parts = [order[a:b] for a, b in itertools.pairwise(cuts)]
        self.parts = [parts[i] for i in rng.permutation(self.n_batches)]

    def batch(self, index: int) -> Batch:
        rng = np.random.default_rng([self.seed, self.epoch, index])
        part = self.parts[index]
        user, first, size = self.user[part], self.first[part], self.size[part]
        train = self.data.train
        place = np.arange(int(size.max()))[None]  # [1, n - 1]
        real = place < size[:, None]
        at = np.where(real, self.starts[user][:, None] + first[:, None] + place, 0)  # places in the histories
        items = np.where(real, train.item[self.order[at]], -1).astype(np.int64)
        types = np.where(real, self.types[self.order[at]], 0)
        end = self.starts[user + 1][:, None]  # behind the person's last interaction
        if self.options.objective == "causal":
            goal = self._liked(at, rng)
            asked = real & (goal < end)
        else:
            goal = at
            asked = real & ((rng.random(at.shape) < self.options.mask_share) | (place == size[:, None] - 1))
        asked[np.arange(len(part)), size - 1] = True  # every sample has a user vector with a target
        goal = self.order[np.where(asked, np.minimum(goal, end - 1), 0)]
        side = ((0, 0), (0, 1) if self.options.objective == "causal" else (1, 0))
        targets = np.pad(np.where(asked, train.item[goal], -1), side, constant_values=-1)
        weights = np.pad(np.where(asked, self.weight[goal], 0.0), side)
        profile = self.profile[user]
        twin = self.twin[part]
        for i, texts in enumerate(self.twins):
            profile = np.where(twin == i, texts[user], profile)
        return {
            "users": torch.from_numpy(user.astype(np.int64)),
            "items": torch.from_numpy(items),
            "types": torch.from_numpy(types),
            "targets": torch.from_numpy(targets.astype(np.int64)),
            "weights": torch.from_numpy(weights.astype(np.float32)),
            "profile": torch.from_numpy(profile.astype(np.int64)),
        }

    def _liked(self, goal: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """The places to predict: of those that were disliked a share of `dislikes` stays, the others give way to the
        next liked one, which may be another person's where there is none."""
        if self.next_liked is None or self.options.dislikes == 1.0:
            return goal
        kept = rng.random(goal.shape) < self.options.dislikes
        return np.where(kept, goal, self.next_liked[goal])


@dataclasses.dataclass(frozen=True, eq=False)
class Context:
    """What a fitted model must know beside its weights. text_mean: [w] and text_scale: how text vectors were
    standardised. levels: upper edges of the rating levels. profile_rows: int64 [n_users], in profile_vectors [p, w].
    item_ids: of the catalogue [m].
    """

    attributes: tuple[str, ...]
    levels: NDArray[np.float32]
    text_mean: Floats
    text_scale: float
    profile_vectors: Floats
    profile_rows: NDArray[np.int64]
    item_ids: tuple[str, ...]

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
        with torch.inference_mode():
            return _to_numpy(self._scores(self._vectors(users, history, self.context.profiles_of(users))))

    def user_vectors(self, users: Codes, history: Interactions) -> Floats:
        with torch.inference_mode():
            return _to_numpy(self._vectors(users, history, self.context.profiles_of(users)))

    def score_vectors(self, vectors: Floats) -> Floats:
        with torch.inference_mode():
            return _to_numpy(self._scores(torch.from_numpy(np.ascontiguousarray(vectors, np.float32))))

    def score_profiles(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
        if not self.profile:
            raise ConfigError("This model reads no profile text.", "Train it with a profile: choose attributes for it.")
        encoded = text.encode(list(profiles), self.options.encoder, device=self.device)
        profile = (encoded - self.context.text_mean) / self.context.text_scale
        with torch.inference_mode():
            return _to_numpy(self._scores(self._vectors(users, history, profile)))

    def _vectors(self, users: Codes, history: Interactions, profile: Floats) -> torch.Tensor:
        model = self.model.eval()
        return vectors_of(model, self.vectors, users, history, profile, self.context.levels, self.device)

    def _scores(self, vectors: torch.Tensor) -> torch.Tensor:
        """[n, m] from user vectors [n, d]; all stays on the device until it is complete."""
        return torch.addmm(self.model.bias, vectors.to(self.device.torch), self.vectors.T)

    def save(self, folder: Path) -> None:
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
        }
        store.write(folder, manifest, arrays)


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
    for rows in np.array_split(order, max(1, -(-len(order) // 256))):
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


def rating_levels(rating: Floats) -> NDArray[np.float32]:
    """Upper edges that cut ratings into at most 7 levels: their own values where they are few, quantiles otherwise.
    Empty where all ratings are equal (implicit data)."""
    values = np.unique(rating)
    if len(values) < 2:
        return np.zeros(0, np.float32)
    if len(values) > TYPES - 1:
        values = np.unique(np.quantile(rating, np.linspace(0, 1, TYPES)[1:]))
    return values[:-1].astype(np.float32)


def rating_types(rating: Floats, levels: NDArray[np.float32]) -> NDArray[np.int64]:
    """Token type of each rating: 1 for the lowest level; 0 everywhere where there are no levels."""
    return np.searchsorted(levels, rating, side="left") + 1 if len(levels) else np.zeros(rating.shape, np.int64)


class BertSequence:
    """The recommender to be trained; see the module's head."""

    name = "bert_sequence"

    def __init__(self, config: SequenceOptions) -> None:
        if config.width % config.heads:
            raise ConfigError(f"heads ({config.heads}) must divide width ({config.width}).", "Change one of them.")
        self.config = config

    @property
    def vector_width(self) -> int:
        return self.config.width

    def fit(
        self, data: TrainingData, *, seed: int, device: str, folder: Path, progress: Progress, terms: Sequence[Any] = ()
    ) -> FittedSequence:
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
        context = Context(data.profile, levels, mean, scale, profiles, rows, item_ids)
        torch.manual_seed(seed)
        model = SequenceModel(options, torch.from_numpy(texts), torch.from_numpy(profiles), chosen)
        if start is not None:
            _take_over(model, start, context)
        if not options.epochs:
            return FittedSequence(options, model.to(chosen.torch).eval(), context, chosen)
        types = rating_types(data.train.rating, levels)
        batches = SequenceBatches(data, options, types, rows, twins, seed)

        def score(users: Codes) -> torch.Tensor:
            with chosen.autocast():
                vectors = model.item_vectors().float()
                people = vectors_of(model, vectors, users, data.train, context.profiles_of(users), levels, chosen)
            return torch.addmm(model.bias, people, vectors.T)

        train(
            model,
            batches,
            Validation(data, score, seed=seed),
            options=options,
            seed=seed,
            device=chosen,
            folder=folder,
            progress=progress,
            terms=terms,
        )
        return FittedSequence(options, model, context, chosen)


def _opened(source: str, work: Path) -> FittedSequence:
    fitted = store.load(store.locate(source, work))
    if not isinstance(fitted, FittedSequence):
        raise ModelError(
            f"{source} holds a {fitted.name}, not a bert_sequence.", f"Choose {fitted.name} to go on with it."
        )
    return fitted


def _take_over(model: SequenceModel, start: FittedSequence, context: Context) -> None:
    """Weights of `start`, its items matched by id. Items that it does not know keep no vector of their own: their text
    speaks for them, with the median bias. A profile is learned anew where it had none."""
    place = {item: i for i, item in enumerate(start.context.item_ids)}
    known = [i for i, item in enumerate(context.item_ids) if item in place]
    if model.text_map is None and 2 * len(known) < len(context.item_ids):
        raise ModelError(
            f"The model knows {len(known)} of this data's {len(context.item_ids)} items, and it reads no texts.",
            "Use a model that was trained with items = text+id or text, or train a new one.",
        )
    if start.profile and not context.attributes:
        raise ModelError(
            f"The model reads a profile text ({', '.join(start.profile)}), and none is chosen.",
            "Choose those attributes.",
        )
    there = [place[context.item_ids[i]] for i in known]
    state = {name: value.cpu() for name, value in start.model.state_dict().items()}
    own = model.state_dict()
    bias = torch.full_like(own["bias"], float(state["bias"].median()))
    bias[known] = state["bias"][there]
    state["bias"] = bias
    if "ids" in state:
        ids = torch.zeros_like(own["ids"])
        ids[known] = state["ids"][there]
        state["ids"] = ids
    model.load_state_dict({**own, **state})


def _item_texts(
    data: TrainingData, options: SequenceOptions, device: Device, progress: Progress, start: FittedSequence | None
) -> tuple[Floats, Floats, float]:
    """Standardised text vectors [m, w] of the catalogue, and the mean [w] and scale that standardise further ones."""
    if options.items == "id" and not data.profile:
        return np.zeros((data.n_items, 1), np.float32), np.zeros(1, np.float32), 1.0

    def encoding(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        progress(0.0, f"{message}, {done:.0%}")  # the share of the whole is the training's to say

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
        raise ConfigError(f"{missing[0]} is not part of the profile text.", f"Add {missing[0]} to the profile.")
    if not data.profile:
        return [], np.zeros(data.n_users, np.int64), []
    variants = [text.profile_texts(data.users, data.profile)]
    if twins:
        coded = {name: pd.factorize(data.users[name], sort=True) for name in data.swap}
        for name, (_, values) in coded.items():
            if len(values) < 2:
                raise ConfigError(
                    f"Everybody has the same {name}: nothing can be exchanged.", "Choose another attribute."
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
    profile_vectors = arrays["profile_vectors"]
    device = choose("auto")
    model = SequenceModel(options, torch.from_numpy(arrays["texts"]), torch.from_numpy(profile_vectors), device)
    state = {k.removeprefix("model."): torch.from_numpy(v) for k, v in arrays.items() if k.startswith("model.")}
    if model.bert is not None:
        store.check_pretrained(folder)
        bert = BertModel.from_pretrained(folder, add_pooling_layer=False, use_safetensors=True, local_files_only=True)
        state.update({f"bert.{name}": value for name, value in bert.state_dict().items()})
        words = "bert.embeddings.word_embeddings.weight"
        state[words] = state[words][:FIRST_ITEM]
    model.load_state_dict(state)
    context = Context(
        tuple(manifest["attributes"]),
        arrays["levels"],
        arrays["text_mean"],
        float(manifest["text_scale"]),
        profile_vectors,
        arrays["profile_rows"],
        tuple(manifest["item_ids"]),
    )
    return FittedSequence(options, model.to(device.torch).eval(), context, device)
