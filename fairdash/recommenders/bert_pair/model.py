"""`bert_pair`: one BERT classifier over (profile and history, item), ranking the best items of a first stage.

    [CLS] A person: woman; age 25. Liked: Fargo (1996); Heat (1995) [SEP] Casino (1995). Drama [SEP]  →  P(like)

Trained with binary cross-entropy and weight decay. Each person's training interactions are cut in five blocks; a
block's items are the pairs to be judged, the rest is the history, so that no text names the item it is asked about.
Unseen items drawn from the first stage's candidates are further negatives. Pairs outside the candidates are left out:
all of them would be taken ones, and what is unlike a candidate would be learned to be liked. To the BERT's logit a
prior is added: the item's popularity and the first stage's score, as validation weighs them: while it is trained by a
logistic regression, in the end by what puts liked items highest. In training, popularity and each block's own base rate
are given, so that the BERT learns what they do not say: which of its candidates a person likes.

Shapes: r rows of a batch, t tokens of a row, c pairs of a row, p pairs of a batch, d width, m items.

Two things make it fast. *Shared histories*: a row is a history followed by many items, each with a
[CLS] of its own; an item's tokens read the history and themselves, the history reads itself alone, so one history is
computed once for all its items (attention="full" computes every pair alone, as the plain classifier does). *Frozen
lower layers*: where only the upper layers are trained, the lower ones read each profile, title and item text once,
alone, and their token states are kept; the upper layers read them together. States of whole pairs would take a
thousand times the memory, and states of whole histories would have to be read anew for every block of every person.
In the last layer only the [CLS] tokens are computed, since nothing else is read from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from fairdash import words
from fairdash.errors import ConfigError, ModelError
from fairdash.metrics.accuracy import per_user
from fairdash.progress import Progress, silent
from fairdash.recommenders import RECOMMENDERS, calibration, ranking, store, text
from fairdash.recommenders.bert_pair import CPU_CANDIDATES, CPU_LAYERS, VALIDATED, WEIGHED, PairOptions
from fairdash.recommenders.calibration import Calibration
from fairdash.recommenders.device import Device, choose
from fairdash.recommenders.first_stage import FirstStage
from fairdash.recommenders.options import parse
from fairdash.recommenders.training import Batch, Output, Validation, train
from fairdash.schema import ITEM_ID, TITLE, Codes, Floats, Interactions, TrainingData

FOLDS = 5  # blocks of a person's training interactions
POOL = 200  # in training, candidates are at least so many of the first stage's best; negatives are drawn from them
ROW_ITEMS = 32  # items that share a history in one row: more save history tokens but cost attention, which is square
TITLE_TOKENS = 12
# What the BERT and popularity can count beside a first stage's score, by what is best on validation
BERT_WEIGHTS, POPULARITY_WEIGHTS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0), (0.0, -0.2, 0.2, 0.4)
FEWEST = 100  # people whose candidates are judged for that: fewer do not tell lists apart
DRAWN = 2  # candidates for each validation pair that the blend is fitted on
CPU_TOKENS, GPU_TOKENS = 8192, 131072  # of a scoring batch
STATE_BYTES = 1 << 30  # of token states kept of the catalogue; those of profiles may take as much again


class PairNetwork(nn.Module):
    """A BertForSequenceClassification with one label, computed on rows of many pairs."""

    def __init__(self, model: Any, frozen: int, attention: str) -> None:
        super().__init__()
        self.model, self.frozen, self.attention = model, frozen, attention
        if frozen:
            for part in (model.bert.embeddings, *model.bert.encoder.layer[:frozen]):
                part.requires_grad_(False)

    @property
    def width(self) -> int:
        """Width of the encoder's vectors."""
        return int(self.model.config.hidden_size)

    def embed(self, ids: torch.Tensor, types: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """[r, t, d]"""
        states: torch.Tensor = self.model.bert.embeddings(ids, token_type_ids=types, position_ids=positions)
        return states

    def read_alone(
        self, ids: torch.Tensor, types: torch.Tensor, positions: torch.Tensor, real: torch.Tensor
    ) -> torch.Tensor:
        """States [r, t, d] of single texts after the frozen layers. real: bool [r, t]."""
        was = self.training
        self.eval()  # what is kept must not depend on dropout
        with torch.inference_mode(False), torch.no_grad():
            states = self.embed(ids, types, positions)
            for layer in self.model.bert.encoder.layer[: self.frozen]:
                states = _layer(layer, states, states, real[:, None, None, :])
        self.train(was)
        return states

    def pooled(self, states: torch.Tensor, segment: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """What the classifier sees of each pair [r, c, d]; arguments as those of `read`."""
        hidden = self.read(states, segment, classes)
        pooled: torch.Tensor = self.model.bert.pooler(hidden.flatten(0, 1)[:, None])
        return pooled.view(hidden.shape)

    def read(self, states: torch.Tensor, segment: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """The last layer's [CLS] of each pair [r, c, d], from states [r, t, d] before the trained layers.

        segment: int64 [r, t], 0 for the history, j for the j-th item with its [CLS], -1 for padding. classes: int64
        [r, c], where the [CLS] tokens stand; -1 for none.
        """
        if self.attention == "full":  # one pair a row: everything reads everything
            mask = (segment >= 0)[:, None, None, :].expand(-1, 1, segment.shape[1], -1)
        else:
            mask = ((segment[:, None, :] == 0) | (segment[:, :, None] == segment[:, None, :]))[:, None]
        *middle, last = self.model.bert.encoder.layer[self.frozen :]
        for layer in middle:
            states = _layer(layer, states, states, mask)
        at = classes.clamp(min=0)
        queries = states.gather(1, at[..., None].expand(-1, -1, states.shape[2]))  # [r, c, d]
        queries_mask = mask[:, 0].gather(1, at[..., None].expand(-1, -1, mask.shape[3]))[:, None]  # [r, 1, c, t]
        return _layer(last, queries, states, queries_mask)

    def begin(self, batches: Sequence[Batch], device: Device) -> None:
        """Start a new classifier at the prior alone, and scale the pooler so that what goes into its tanh has mean 0
        and deviation 1 over the pairs of the batches (Mishkin & Matas 2016). Encoders of sentences were never trained
        to say anything with [CLS]: without this their pooled vectors hardly differ, and a classifier learns nothing."""
        dense = self.model.bert.pooler.dense
        with torch.no_grad(), device.autocast():
            found = []
            for batch in batches:
                states = batch.get("states")
                if states is None:
                    states = self.embed(batch["ids"], batch["types"], batch["positions"])
                hidden = self.read(states, batch["segment"], batch["classes"])
                found.append(dense(hidden[batch["classes"] >= 0]).float())
            values = torch.cat(found)
            spread = values.std(0).clamp(min=1e-4)
            dense.bias.copy_((dense.bias - values.mean(0)) / spread)
            dense.weight.div_(spread[:, None])
            self.model.classifier.weight.zero_()

    def logits(self, pooled: torch.Tensor) -> torch.Tensor:
        """[…] from pooled […, d]"""
        result: torch.Tensor = self.model.classifier(self.model.dropout(pooled))[..., 0].float()
        return result

    def forward(
        self,
        users: torch.Tensor,  # int64 [r]
        items: torch.Tensor,  # int64 [r, c], -1 for none
        labels: torch.Tensor,  # float32 [r, c]
        weights: torch.Tensor,  # float32 [r, c]
        offsets: torch.Tensor,  # float32 [r, c], the prior
        segment: torch.Tensor,
        classes: torch.Tensor,
        states: torch.Tensor | None = None,  # [r, t, d], where lower layers are frozen
        ids: torch.Tensor | None = None,  # int64 [r, t], where none are
        types: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
    ) -> Output:
        """Logits of a batch of pairs, and the loss where it has labels."""
        if states is None:
            assert ids is not None
            assert types is not None
            assert positions is not None
            states = self.embed(ids, types, positions)
        there = items >= 0
        vectors = self.pooled(states, segment, classes)[there]  # [p, d]
        logits = self.logits(vectors) + offsets[there]
        label, weight = labels[there], weights[there]
        loss = functional.binary_cross_entropy_with_logits(logits, label, reduction="none")
        return Output(
            loss=(loss * weight).sum() / weight.sum().clamp(min=1e-6),
            users=users[:, None].expand(-1, items.shape[1])[there],
            vectors=vectors,
            sample_loss=loss,
            probability=torch.sigmoid(logits),
            label=label,
            items=items[there],
            weight=weight,
        )


def _layer(layer: Any, queries: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """One BERT layer whose queries [r, q, d] read memory [r, t, d]; mask: bool [r, 1, q or 1, t], true for what is
    read. For queries = memory it is the layer's own forward pass."""
    attention = layer.attention.self
    r, q, d = queries.shape
    shape = (r, -1, attention.num_attention_heads, attention.attention_head_size)
    context = functional.scaled_dot_product_attention(
        attention.query(queries).view(shape).transpose(1, 2),
        attention.key(memory).view(shape).transpose(1, 2),
        attention.value(memory).view(shape).transpose(1, 2),
        attn_mask=mask,
    )
    attended = layer.attention.output(context.transpose(1, 2).reshape(r, q, d), queries)
    result: torch.Tensor = layer.output(layer.intermediate(attended), attended)
    return result


@dataclasses.dataclass(frozen=True, eq=False)
class History:
    """head: token ids of the profile and "Liked:". titles: codes of the items whose titles follow, oldest first."""

    head: tuple[int, ...]
    titles: Codes


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """A history and items to be judged."""

    history: History
    items: Codes


class Texts:
    """Token ids of all texts, and rows of them as tensors. items, titles: the catalogue's texts [m]."""

    def __init__(
        self,
        options: PairOptions,
        network: PairNetwork,
        tokenizer: Any,
        device: Device,
        items: Sequence[str],
        titles: Sequence[str],
    ) -> None:
        self.options, self.network, self.tokenizer, self.device = options, network, tokenizer, device
        self.items, self.titles = list(items), list(titles)
        limit = int(network.model.config.max_position_embeddings)
        if options.length + options.item_length + 2 > limit:
            raise ConfigError(
                words.say(
                    "length {length} and item_length {item_length} exceed this BERT's {limit} tokens.",
                    length=options.length,
                    item_length=options.item_length,
                    limit=limit,
                ),
                words.say("Let both together be at most {limit}.", limit=limit - 2),
            )
        own = [row[: options.item_length - 1] for row in self._tokens(self.items)]
        self.liked, semicolon = self._tokens(["Liked:", ";"])
        rows = [[tokenizer.cls_token_id, *row, tokenizer.sep_token_id] for row in own]
        rows += [[*row[:TITLE_TOKENS], *semicolon] for row in self._tokens(self.titles)]
        # one flat list of tokens: of m item texts with [CLS] and [SEP], then of m titles with the semicolon behind each
        size = np.array([len(row) for row in rows], np.int64)
        self.start = np.cumsum(size) - size
        self.flat = np.fromiter((token for row in rows for token in row), np.int64, int(size.sum()))
        self.item_size, self.title_size = size[: len(items)], size[len(items) :]
        self.states: torch.Tensor | None = None  # [len(flat), d], where lower layers are frozen
        self.head_states: dict[tuple[int, ...], torch.Tensor] = {}  # [len(head) + 1, d], the [SEP] last
        self.head_bytes = 0

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        rows: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []
        return rows

    def histories(self, profiles: Sequence[str], liked: Sequence[Codes]) -> list[History]:
        """Each "profile Liked: title; title; [SEP]"; where they are too many the oldest titles are left out."""
        result, heads = [], dict(zip(profiles, self._tokens(list(profiles)), strict=True))
        for profile, items in zip(profiles, liked, strict=True):
            head = (heads[profile] + self.liked)[: self.options.length - 1]
            latest = items[::-1][: self.options.history]
            fits = np.cumsum(self.title_size[latest]) <= self.options.length - 1 - len(head)
            result.append(History(tuple(head), latest[: int(fits.sum())][::-1]))
        return result

    def history_length(self, history: History) -> int:
        """Tokens, the [SEP] included."""
        return len(history.head) + int(self.title_size[history.titles].sum()) + 1

    def ids(self, history: History) -> list[int]:
        """All token ids of a history."""
        m = len(self.items)
        titles = [self.flat[self.start[m + i] : self.start[m + i] + self.title_size[i]] for i in history.titles]
        return [*history.head, *(int(token) for title in titles for token in title), self.tokenizer.sep_token_id]

    def cut(self, rows: Sequence[Row]) -> list[tuple[int, int, int]]:
        """(row, first item, last item + 1) of pieces with at most ROW_ITEMS items, about equally many in each."""
        most = 1 if self.options.attention == "full" else ROW_ITEMS
        pieces = []
        for i, row in enumerate(rows):
            if len(row.items):
                bounds = np.linspace(0, len(row.items), -(-len(row.items) // most) + 1).astype(int)
                pieces += [(i, int(a), int(b)) for a, b in pairwise(bounds)]
        return pieces

    def length_of(self, row: Row, first: int, last: int) -> int:
        """Tokens of a piece."""
        return self.history_length(row.history) + int(self.item_size[row.items[first:last]].sum())

    def tensors(self, rows: Sequence[Row], pieces: Sequence[tuple[int, int, int]]) -> Batch:
        """segment, classes and states (or ids, types, positions) of the pieces, as `PairNetwork.forward` takes them."""
        r, m = len(pieces), len(self.items)
        t = max(self.length_of(rows[i], a, b) for i, a, b in pieces)
        c = max(b - a for _, a, b in pieces)
        segment, classes = np.full((r, t), -1, np.int64), np.full((r, c), -1, np.int64)
        token = np.zeros((r, t), np.int64)  # place in `flat`
        positions = np.zeros((r, t), np.int64)
        for k, (i, a, b) in enumerate(pieces):
            history, items = rows[i].history, rows[i].items[a:b]
            h, size = self.history_length(history), self.item_size[items]
            stop = h + int(size.sum())
            number, within = _runs(size)
            title, inside = _runs(self.title_size[history.titles])
            token[k, len(history.head) : h - 1] = self.start[m + history.titles][title] + inside
            token[k, h:stop] = self.start[items][number] + within
            segment[k, :h], segment[k, h:stop] = 0, number + 1
            classes[k, : len(items)] = h + np.cumsum(size) - size
            positions[k, :h] = np.arange(1, h + 1)
            positions[k, h:stop] = np.where(within > 0, h + within, 0)
        to = self.device.torch
        batch = {"segment": torch.from_numpy(segment).to(to), "classes": torch.from_numpy(classes).to(to)}
        ends = [self.history_length(rows[i].history) - 1 for i, _, _ in pieces]
        if not self.network.frozen:
            ids = np.where(segment >= 0, self.flat[token], self.tokenizer.pad_token_id or 0)
            for k, (i, _, _) in enumerate(pieces):
                ids[k, : len(rows[i].history.head)] = rows[i].history.head
                ids[k, ends[k]] = self.tokenizer.sep_token_id
            types = ((segment > 0) & (positions > 0)).astype(np.int64)  # a [CLS] is of the first kind, as in any pair
            named = {"ids": ids, "types": types, "positions": positions}
            return batch | {name: torch.from_numpy(value).to(to) for name, value in named.items()}
        if self.states is None:
            self.states = self._read_catalogue()
        with torch.inference_mode(False), torch.no_grad():
            states = self.states[torch.from_numpy(token).to(to)]  # [r, t, d]; padding is never read
            heads = self._read_heads([rows[i].history.head for i, _, _ in pieces])
            for k, (head, end) in enumerate(zip(heads, ends, strict=True)):
                states[k, : len(head) - 1], states[k, end] = head[:-1], head[-1]
        return batch | {"states": states}

    def _read_catalogue(self) -> torch.Tensor:
        """States [len(flat), d] of item texts and titles after the frozen layers."""
        size = len(self.flat) * self.network.width * (2 if self.device.bf16 else 4)
        if size > STATE_BYTES:
            raise ConfigError(
                words.say(
                    "The token states of {n} items take {size} GB.",
                    n=len(self.items),
                    size=words.number(size / 2**30, 1),
                ),
                "Set trained_layers to all layers of the model, or shorten item_length.",
            )
        ends = self.start + np.concatenate([self.item_size, self.title_size])
        tokens = [self.flat[a:b].tolist() for a, b in zip(self.start, ends, strict=True)]
        result = torch.empty(len(self.flat), self.network.width, dtype=self._kept, device=self.device.torch)
        m = len(self.items)
        for i, states in self._alone(tokens[:m], 1):
            result[self.start[i] : ends[i]] = states
        for i, states in self._alone([self._framed(title) for title in tokens[m:]], 0):
            result[self.start[m + i] : ends[m + i]] = states[1:-1]
        return result

    def _read_heads(self, wanted: Sequence[tuple[int, ...]]) -> list[torch.Tensor]:
        """States [len(head) + 1, d] of each head and the [SEP] behind it; equal ones are read once, and kept as long as
        there is room."""
        new = [head for head in dict.fromkeys(wanted) if head not in self.head_states]
        fresh: dict[tuple[int, ...], torch.Tensor] = {}
        for i, states in self._alone([self._framed(head) for head in new], 0):
            own = fresh[new[i]] = states[1:].clone()
            if self.head_bytes + own.nbytes <= STATE_BYTES:
                self.head_states[new[i]] = own
                self.head_bytes += own.nbytes
        return [self.head_states[head] if head in self.head_states else fresh[head] for head in wanted]

    @property
    def _kept(self) -> torch.dtype:
        return torch.bfloat16 if self.device.bf16 else torch.float32

    def _framed(self, tokens: Sequence[int]) -> list[int]:
        """[CLS] text [SEP]: how the frozen layers are used to see a text."""
        return [self.tokenizer.cls_token_id, *tokens, self.tokenizer.sep_token_id]

    def _alone(self, texts: Sequence[Sequence[int]], kind: int) -> Iterator[tuple[int, torch.Tensor]]:
        """(number, states [tokens, d]) of each text after the frozen layers. kind: token type of all but the [CLS]."""
        size = np.array([len(text) for text in texts], np.int64)
        order = np.argsort(size, kind="stable")
        for chosen in _by_tokens(order, size[order], CPU_TOKENS if self.device.kind == "cpu" else GPU_TOKENS):
            t = int(size[chosen[-1]])
            ids, place = np.zeros((len(chosen), t), np.int64), np.arange(t)[None].repeat(len(chosen), axis=0)
            for k, i in enumerate(chosen):
                ids[k, : size[i]] = texts[i]
            real = place < size[chosen, None]
            types = np.where(place > 0, kind, 0)
            arrays = (torch.from_numpy(a).to(self.device.torch) for a in (ids, types, place, real))
            with self.device.autocast():
                states = self.network.read_alone(*arrays).to(self._kept)
            for k, i in enumerate(chosen):
                yield int(i), states[k, : size[i]]

    def logits(self, rows: Sequence[Row], progress: Progress = silent) -> Floats:
        """The BERT's logits of all pairs of all rows, one after the other [Σ len(items)]."""
        pieces = self.cut(rows)
        before = np.concatenate([[0], np.cumsum([len(row.items) for row in rows])]).astype(np.int64)
        size = np.array([self.length_of(rows[i], a, b) for i, a, b in pieces], np.int64)
        order = np.argsort(size, kind="stable")
        result = torch.empty(int(before[-1]), device=self.device.torch)
        network, done = self.network.eval(), 0
        for chosen in _by_tokens(order, size[order], CPU_TOKENS if self.device.kind == "cpu" else GPU_TOKENS):
            part = [pieces[k] for k in chosen]
            batch = self.tensors(rows, part)
            with torch.inference_mode(), self.device.autocast():
                states = (
                    batch["states"]
                    if network.frozen
                    else network.embed(batch["ids"], batch["types"], batch["positions"])
                )
                values = network.logits(network.pooled(states, batch["segment"], batch["classes"]))
                values = values[batch["classes"] >= 0]
            at = np.concatenate([np.arange(before[i] + a, before[i] + b) for i, a, b in part])
            result[torch.from_numpy(at).to(self.device.torch)] = values
            done += len(chosen)
            progress(done / len(pieces), words.say("Judging pairs"))
        final: Floats = result.cpu().numpy()
        return final


def _runs(size: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For runs of these sizes, one after the other: the run's number and the place in it, of each element."""
    number = np.repeat(np.arange(len(size)), size)
    return number, np.arange(len(number)) - np.repeat(np.cumsum(size) - size, size)


def _by_tokens(order: NDArray[np.int64], size: NDArray[np.int64], budget: int) -> list[NDArray[np.int64]]:
    """`order`, whose texts have rising sizes, in groups whose padded size stays within the budget."""
    groups, start = [], 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * size[stop] <= budget:
            stop += 1
        groups.append(order[start:stop])
        start = stop
    return groups


@dataclasses.dataclass(frozen=True, eq=False)
class Blend:
    """How a pair's logit is made up: bert · the BERT's logit + popularity · log-popularity (standardised) +
    first_stage · the first stage's score, standardised over the person's candidates. The last two are the prior."""

    log_popularity: Floats  # [m]
    bert: float
    popularity: float
    first_stage: float

    @property
    def weights(self) -> tuple[float, float, float]:
        """Of the BERT's logit, popularity and the first stage."""
        return self.bert, self.popularity, self.first_stage

    def prior(self, items: NDArray[Any], standard: Floats) -> Floats:
        """Of pairs, in the shape of `items`; standard: the first stage's standardised scores of them."""
        result: Floats = self.popularity * self.log_popularity[items] + self.first_stage * standard
        return result.astype(np.float32)

    def logit(self, bert: Floats, items: NDArray[Any], standard: Floats) -> Floats:
        """The whole logit of pairs."""
        return self.bert * bert + self.prior(items, standard)


def _liked(rating: Floats, threshold: float | None) -> NDArray[np.bool_]:
    return np.ones(len(rating), bool) if threshold is None else rating >= threshold


class FittedPair:
    """A trained `bert_pair`: scores of candidates, calibrated P(like) of any pair, and scores for edited profiles."""

    name = "bert_pair"

    def __init__(
        self,
        texts: Texts,
        first: FirstStage,
        blend: Blend,  # of scores
        likes: Blend,  # of P(like)
        attributes: tuple[str, ...],
        profiles: Sequence[str],  # the distinct profile texts
        profile_rows: NDArray[np.int64],  # [n_users] into them
        threshold: float | None,
        calibrated: Calibration,
    ) -> None:
        self.texts, self.first, self.blend, self.likes = texts, first, blend, likes
        self.profile, self.profiles, self.profile_rows = attributes, list(profiles), profile_rows
        self.threshold, self.calibration = threshold, calibrated

    @property
    def weights(self) -> dict[str, float]:
        """See `BlendedFitted`."""
        blend = self.blend
        return {"BERT": blend.bert, "popularity": blend.popularity, self.first.fitted.name: blend.first_stage}

    def score_candidates(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """Scores [n, c] of candidates [n, c]; see `CandidateFitted`."""
        return self._score(users, items, history, self._profiles_of(users))

    def score_candidate_profiles(
        self, users: Codes, items: Codes, history: Interactions, profiles: Sequence[str]
    ) -> Floats:
        """The same with these profiles in place of the people's own; see `CandidateProfileFitted`."""
        if not self.profile:
            raise ConfigError("This model reads no profile text.", "Train it with a profile: choose attributes for it.")
        return self._score(users, items, history, profiles)

    def probability(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """Where people rate: P(the person likes the item, should they take it). Where they only take: P(the person
        takes it), were half of all pairs taken."""
        return self.calibration.probability(self.pair_logits(users, items, history))

    def pair_logits(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """Logits [n] of the pairs (users[i], items[i]), the prior included."""
        people, place = np.unique(users, return_inverse=True)
        standard = np.empty(len(users), np.float32)
        for start in range(0, len(people), 1024):
            part = people[start : start + 1024]
            at = np.flatnonzero((place >= start) & (place < start + len(part)))
            standard[at] = self.first(part, history).standard[place[at] - start, items[at]]
        return self.likes.logit(self.bert_logits(users, items, history), items, standard)

    def bert_logits(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """The BERT's own logits [n] of the pairs."""
        people, place = np.unique(users, return_inverse=True)
        order = np.argsort(place, kind="stable")
        bounds = np.searchsorted(place[order], np.arange(len(people) + 1))
        texts = self._histories(people, history, self._profiles_of(people))
        rows = [Row(texts[k], items[order[bounds[k] : bounds[k + 1]]]) for k in range(len(people))]
        result = np.empty(len(users), np.float32)
        result[order] = self.texts.logits(rows)
        return result

    def reads(self, data: TrainingData, user: int, item: int, history: Interactions) -> tuple[str, ...]:
        """The one text of a pair, from its tokens; see `ReadingFitted`."""
        users = np.array([user], np.int32)
        (own,) = self._histories(users, history, self._profiles_of(users))
        start, size = self.texts.start[item], self.texts.item_size[item]
        judged = self.texts.flat[start : start + size].tolist()  # [CLS] item [SEP]
        return (str(self.texts.tokenizer.decode([judged[0], *self.texts.ids(own), *judged[1:]])),)

    def _profiles_of(self, users: Codes) -> list[str]:
        return [self.profiles[row] for row in self.profile_rows[users]]

    def _histories(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> list[History]:
        start, stop = np.searchsorted(history.user, users, "left"), np.searchsorted(history.user, users, "right")
        liked = [
            history.item[a:b][_liked(history.rating[a:b], self.threshold)] for a, b in zip(start, stop, strict=True)
        ]
        return self.texts.histories(profiles, liked)

    def _score(self, users: Codes, items: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
        there = items >= 0
        row, item = np.nonzero(there)[0], items[there]
        result = self.judged(users, items, history, profiles)
        standard = self.first(users, history).standard[row, item]
        result[there] = self.blend.logit(result[there], item, standard)
        return result

    def judged(
        self, users: Codes, items: Codes, history: Interactions, profiles: Sequence[str] | None = None
    ) -> Floats:
        """The BERT's own logits [n, c] of candidates [n, c]; -inf where there is none (-1)."""
        texts = self._histories(users, history, self._profiles_of(users) if profiles is None else profiles)
        rows = [Row(own, judged[judged >= 0]) for own, judged in zip(texts, items, strict=True)]
        result = np.full(items.shape, -np.inf, np.float32)
        result[items >= 0] = self.texts.logits(rows)
        return result

    def save(self, folder: Path) -> None:
        """The classifier and its tokenizer as `transformers` opens them, our part, and the first stage in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.texts.network.model.save_pretrained(folder)
        self.texts.tokenizer.save_pretrained(folder)
        self.first.save(folder)
        manifest = {
            "name": self.name,
            "options": dataclasses.asdict(self.texts.options),
            "frozen": self.texts.network.frozen,
            "candidates": self.first.n,
            "attributes": list(self.profile),
            "threshold": self.threshold,
            "blend": list(self.blend.weights),
            "likes": list(self.likes.weights),
            "calibration": self.calibration.to_json(),
            "items": self.texts.items,
            "titles": self.texts.titles,
            "profiles": self.profiles,
        }
        store.write(folder, manifest, {"log_popularity": self.blend.log_popularity, "profile_rows": self.profile_rows})


class PairBatches:
    """Rows of history, block's items and drawn negatives: about `batch` pairs a step, rows of like length together."""

    def __init__(self, data: TrainingData, texts: Texts, first: FirstStage, blend: Blend, seed: int) -> None:
        self.data, self.texts, self.seed = data, texts, seed
        train = data.train
        self.starts = train.starts(data.n_users)
        count = np.diff(self.starts)
        place = np.arange(len(train)) - self.starts[train.user]
        self.fold = place * FOLDS // np.maximum(count[train.user], 1)  # [len(train)], in order of time
        self.label = _liked(train.rating, data.relevance_threshold).astype(np.float32)
        self.weight = data.row_weight if data.row_weight is not None else np.ones(len(train), np.float32)
        # candidates of every history [FOLDS, n_users, pool] (-1 for none), their prior, and that of the block's items
        pool = min(POOL, data.n_items)
        self.pool = np.full((FOLDS, data.n_users, pool), -1, np.int32)
        self.pool_offset = np.zeros(self.pool.shape, np.float32)
        self.offset = np.zeros(len(train), np.float32)
        self.inside = np.zeros(len(train), bool)  # whether the item is among the candidates of its history
        self._prepare(first, blend)
        repeats = data.user_repeats if data.user_repeats is not None else np.ones(data.n_users, np.int32)
        judged = train.take(np.flatnonzero(self.inside))
        self.sizes = np.bincount(
            judged.user.astype(np.int64) * FOLDS + self.fold[self.inside], minlength=data.n_users * FOLDS
        )  # pairs to be judged of each block
        key = np.flatnonzero(self.sizes)
        self.blocks = np.repeat(key, repeats[key // FOLDS])
        if not len(self.blocks):
            raise ConfigError(
                "No training interaction lies among the first stage's candidates, so there is no pair to learn from.",
                "Raise n_candidates, choose another first stage, or bring more interactions a person.",
            )
        self.profiles = text.profile_texts(data.users, data.profile) if data.profile else [""] * data.n_users
        self.swaps = bool(data.swap) and data.swap_share > 0
        pairs = float(self.sizes[self.blocks].sum()) * (1 + texts.options.negatives)
        self.n_batches = max(1, round(pairs * (1 + (data.swap_share if self.swaps else 0)) / texts.options.batch))
        self.set_epoch(0)

    def _prepare(self, first: FirstStage, blend: Blend) -> None:
        """The first stage sees each history without its block, as it will see people's histories without the test."""
        train, rng = self.data.train, np.random.default_rng([self.seed, FOLDS])
        for fold in range(FOLDS):
            rest = train.take(np.flatnonzero(self.fold != fold))
            for start in range(0, self.data.n_users, 1024):
                users = np.arange(start, min(start + 1024, self.data.n_users), dtype=np.int32)
                brought = first(users, rest, POOL)
                best, standard, among = brought.items, brought.standard, brought.among
                if best.shape[1] > self.pool.shape[2]:
                    best = rng.permuted(best, axis=1)[:, : self.pool.shape[2]]
                self.pool[fold, users] = best
                safe = np.maximum(best, 0)
                self.pool_offset[fold, users] = blend.prior(safe, np.take_along_axis(standard, safe, axis=1))
                rows = np.flatnonzero((self.fold == fold) & (train.user >= users[0]) & (train.user <= users[-1]))
                own = standard[train.user[rows] - start, train.item[rows]]
                self.offset[rows] = blend.prior(train.item[rows], own)
                self.inside[rows] = among[train.user[rows] - start, train.item[rows]]

    def __len__(self) -> int:
        return self.n_batches

    def set_epoch(self, epoch: int) -> None:
        """See `Batches`."""
        self.epoch = epoch
        rng = np.random.default_rng([self.seed, epoch])
        blocks, profiles = self.blocks, self.profiles
        twin = np.zeros(len(blocks), bool)
        if self.swaps:
            swapped = rng.random(self.data.n_users) < self.data.swap_share
            profiles = profiles + text.twin_profiles(self.data, rng)
            extra = blocks[swapped[blocks // FOLDS]]
            blocks, twin = np.concatenate([blocks, extra]), np.repeat([False, True], [len(blocks), len(extra)])
        self.epoch_profiles, self.epoch_blocks, self.twin = profiles, blocks, twin
        size = self.sizes[blocks]
        order = rng.permutation(len(blocks))
        group = np.arange(len(order)) * max(1, self.n_batches // 16) // max(len(order), 1)
        order = order[np.lexsort((size[order], group))]
        before = np.concatenate([[0], np.cumsum(size[order])])
        cuts = np.searchsorted(before, np.linspace(0, before[-1], self.n_batches + 1))
        cuts[0], cuts[-1] = 0, len(order)
        parts = [order[a:b] for a, b in pairwise(cuts)]
        self.parts = [part if len(part) else order[:1] for part in (parts[i] for i in rng.permutation(self.n_batches))]

    def batch(self, index: int) -> Batch:
        """See `Batches`."""
        data, train = self.data, self.data.train
        users, profiles, liked = [], [], []
        items, labels, weights, offsets = [], [], [], []
        for k in self.parts[index]:
            user, fold = divmod(int(self.epoch_blocks[k]), FOLDS)
            own = slice(self.starts[user], self.starts[user + 1])
            block = np.flatnonzero(self.fold[own] == fold) + self.starts[user]
            # the history ends where the block begins; for the first block it is the latest part of what comes after
            rest = np.concatenate([np.arange(block[-1] + 1, own.stop), np.arange(own.start, block[0])])
            inside = block[self.inside[block]]
            # a twin has its sample's negatives, so that it differs in the text alone
            rng = np.random.default_rng([self.seed, self.epoch, user, fold])
            free = np.flatnonzero((self.pool[fold, user] >= 0) & ~np.isin(self.pool[fold, user], train.item[block]))
            wanted = self.texts.options.negatives * len(inside)
            n = min(int(wanted) + (rng.random() < wanted % 1), len(free))
            drawn = rng.choice(free, n, replace=False)
            items.append(np.concatenate([train.item[inside], self.pool[fold, user][drawn]]))
            labels.append(np.concatenate([self.label[inside], np.zeros(n, np.float32)]))
            mean = np.float32(self.weight[inside].mean())
            weights.append(np.concatenate([self.weight[inside], np.full(n, mean, np.float32)]))
            offset = np.concatenate([self.offset[inside], self.pool_offset[fold, user][drawn]])
            offsets.append(offset + base_rate(offset, labels[-1]))
            users.append(user)
            profiles.append(self.epoch_profiles[user + (data.n_users if self.twin[k] else 0)])
            liked.append(train.item[rest[self.label[rest] > 0]])
        histories = self.texts.histories(profiles, liked)
        rows = [Row(own, judged) for own, judged in zip(histories, items, strict=True)]
        pieces = self.texts.cut(rows)
        batch = self.texts.tensors(rows, pieces)
        shape = batch["classes"].shape
        codes, values = np.full(shape, -1, np.int64), np.zeros((3, *shape), np.float32)
        for k, (i, a, b) in enumerate(pieces):
            codes[k, : b - a] = items[i][a:b]
            for j, column in enumerate((labels, weights, offsets)):
                values[j, k, : b - a] = column[i][a:b]
        return batch | {
            "users": torch.tensor([users[i] for i, _, _ in pieces]),
            "items": torch.from_numpy(codes),
            "labels": torch.from_numpy(values[0]),
            "weights": torch.from_numpy(values[1]),
            "offsets": torch.from_numpy(values[2]),
        }


def base_rate(offset: Floats, labels: Floats) -> float:
    """The intercept beside which a block's offsets give as many likes as it has. How easily a person likes would drown
    everything else: a batch holds many pairs of few people, and no ranking depends on it."""
    n = len(labels)
    likes = (float(labels.sum()) + 0.5) / (n + 1) * n  # never none, never all
    intercept = 0.0
    for _ in range(8):
        p = 1 / (1 + np.exp(-(offset.astype(np.float64) + intercept)))
        intercept = float(np.clip(intercept + (likes - p.sum()) / (p * (1 - p)).sum(), -8, 8))
    return intercept


class BertPair:
    """The recommender to be trained; see the module's head."""

    name = "bert_pair"

    def __init__(self, config: PairOptions) -> None:
        self.config = config

    @property
    def vector_width(self) -> int:
        """Width of user vectors, None where there are none."""
        return int(classifier(self.config.base)[0].config.hidden_size)

    def fit(
        self, data: TrainingData, *, seed: int, device: str, folder: Path, progress: Progress, terms: Sequence[Any] = ()
    ) -> FittedPair:
        """Train on `data`; see `Recommender`."""
        options, chosen = self.config, choose(device)
        folder.mkdir(parents=True, exist_ok=True)
        progress(0.0, chosen.sentence)
        share = 0.3 if "training" in RECOMMENDERS[options.first_stage].offers else 0.02

        def staged(low: float, high: float) -> Progress:
            return lambda done, message="", values=None: progress(low + (high - low) * done, message, values)

        first = FirstStage.fit(
            options.first_stage,
            options.n_candidates or (CPU_CANDIDATES if chosen.kind == "cpu" else data.n_items),
            data,
            seed=seed,
            device=device,
            folder=folder,
            progress=staged(0.0, share),
        )
        torch.manual_seed(seed)
        model, tokenizer = classifier(options.base)
        layers = int(model.config.num_hidden_layers)
        trained = options.trained_layers or (CPU_LAYERS if chosen.kind == "cpu" else layers)
        network = PairNetwork(model.to(chosen.torch), max(layers - trained, 0), options.attention)
        named = [name for name in (ITEM_ID, TITLE) if name in data.items]
        texts = Texts(
            options, network, tokenizer, chosen, text.item_texts(data.items), text.item_texts(data.items[named])
        )
        blend = fit_blend(data, first, options, seed)
        profiles = text.profile_texts(data.users, data.profile) if data.profile else [""] * data.n_users
        rows, unique = pd.factorize(np.array(profiles, object))
        fitted = FittedPair(
            texts,
            first,
            blend,
            blend,
            data.profile,
            list(unique),
            rows.astype(np.int64),
            data.relevance_threshold,
            Calibration(note="Not calibrated yet."),
        )
        limit = VALIDATED if chosen.kind == "cpu" else 20_000
        judge = Validation(
            data, lambda users: torch.from_numpy(ranking.scores(fitted, users, data.train)), seed=seed, limit=limit
        )

        def validate() -> Mapping[str, float]:
            fitted.blend = fit_blend(data, first, options, seed, fitted)
            return judge()

        # The first stage was fitted to the training pairs: its scores would leave nothing there for the BERT to learn.
        offset = fit_blend(data, first, dataclasses.replace(options, prior=_without_first_stage(options.prior)), seed)
        batches = PairBatches(data, texts, first, offset, seed)
        if not model.classifier.bias.any():  # exactly 0: it was never trained
            network.eval().begin([batches.batch(i) for i in range(min(len(batches), 4))], chosen)
        train(
            network,
            batches,
            validate,
            options=options,
            seed=seed,
            device=chosen,
            folder=folder,
            progress=staged(share, 0.97),
            terms=terms,
        )
        fitted.likes = fit_blend(data, first, options, seed, fitted)
        fitted.blend = choose_blend(
            fitted.likes,
            data,
            first,
            seed,
            lambda users, items: fitted.judged(users, items, data.train),
        )
        progress(0.97, words.say("Calibrating the probabilities on validation"))
        fitted.calibration = calibration.on_validation(
            lambda users, items: fitted.pair_logits(users, items, data.train), data, seed
        )
        progress(1.0, words.say("Done"))
        return fitted


def classifier(base: str, whole: bool = False) -> tuple[Any, Any]:
    """(BertForSequenceClassification with one label, tokenizer) from "default", a HuggingFace name or a folder.

    whole: its classifier must be among the weights; else one is begun. Raises ModelError where it cannot be opened or
    is no BERT.
    """
    from transformers import AutoModelForSequenceClassification

    source = text.located(base)
    model, tokenizer = store.pretrained(
        source,
        AutoModelForSequenceClassification,
        whole=whole,
        num_labels=1,
        ignore_mismatched_sizes=True,
        attention_probs_dropout_prob=0.0,  # keeps the fast attention kernels on a CPU
    )
    if model.config.model_type != "bert":
        raise ModelError(
            words.say(
                "{base} is a {model_type} model; bert_pair fine-tunes a BERT.",
                base=base,
                model_type=model.config.model_type,
            ),
            "Give a model whose config.json says model_type bert, or take the default.",
        )
    return model, tokenizer


def _without_first_stage(prior: str) -> str:
    return "popularity" if prior == "first_stage" else prior


def fit_blend(
    data: TrainingData, first: FirstStage, options: PairOptions, seed: int, fitted: FittedPair | None = None
) -> Blend:
    """Coefficients by logistic regression on candidates at validation time: what was liked there against what was not
    and what was not taken. Training pairs would flatter the first stage and the BERT, which were fitted to them.

    fitted: its BERT's logits are one of the columns (stacking, Wolpert 1992); without one its weight is 1. A BERT whose
    logits go against the likes beside the prior gets the weight 0.
    """
    log = np.log1p(data.popularity)
    blend = Blend(((log - log.mean()) / (log.std() or 1.0)).astype(np.float32), 1.0, 0.0, 0.0)
    valid = data.valid
    liked = _liked(valid.rating, data.relevance_threshold)
    if options.prior == "none" or liked.sum() < calibration.MIN_CLASS:
        return blend
    rng = np.random.default_rng([seed, 7])
    held_out = valid.matrix(data.n_users, data.n_items)
    people = np.unique(valid.user)
    parts = []
    for start in range(0, len(people), 1024):
        users = people[start : start + 1024]
        brought = first(users, data.train)
        best = brought.items
        rows = np.flatnonzero((valid.user >= users[0]) & (valid.user <= users[-1]))
        rows = rows[brought.among[np.searchsorted(users, valid.user[rows]), valid.item[rows]]]
        row = np.repeat(np.searchsorted(users, valid.user[rows]), DRAWN)
        drawn = best[row, rng.integers(0, best.shape[1], len(row))]
        keep = (drawn >= 0) & ~held_out[users[row], np.maximum(drawn, 0)]
        row = np.concatenate([np.searchsorted(users, valid.user[rows]), row[keep]])
        item = np.concatenate([valid.item[rows], drawn[keep]])
        target = np.concatenate([liked[rows], np.zeros(int(keep.sum()), bool)])
        parts.append((users[row], item, target, blend.log_popularity[item], brought.standard[row, item]))
    user, item, target, popularity, standard = (np.concatenate(column) for column in zip(*parts, strict=True))
    if target.sum() < calibration.MIN_CLASS:
        return blend
    columns = [popularity, standard] if options.prior == "first_stage" else [popularity]
    weights, _ = calibration.logistic(np.column_stack(columns).astype(np.float64), target.astype(np.float64))
    bert = 1.0
    if fitted is not None:
        columns.insert(0, fitted.bert_logits(user, item, data.train))
        stacked, _ = calibration.logistic(np.column_stack(columns).astype(np.float64), target.astype(np.float64))
        bert, weights = (float(stacked[0]), stacked[1:]) if stacked[0] > 0 else (0.0, weights)
    return dataclasses.replace(
        blend, bert=bert, popularity=float(weights[0]), first_stage=float(weights[1]) if len(weights) > 1 else 0.0
    )


Judge = Callable[[Codes, Codes], Floats]  # users [n], candidates [n, c] → the BERT's logits [n, c]


def choose_blend(fitted: Blend, data: TrainingData, first: FirstStage, seed: int, bert: Judge) -> Blend:
    """Of the blends of BERT_WEIGHTS and POPULARITY_WEIGHTS beside the first stage's score, the one under which liked
    validation items stand best (NDCG@10, of all candidates of at most WEIGHED people); of equals the least BERT.

    A logistic regression weighs all pairs alike, those far down a list, too, which is what P(like) asks for; a list is
    judged by its top. On MovieLens-100K (liked, 100 candidates, one seed) lists by these weights are above EASE by
    0.007 and above bert_sequence by 0.006 of NDCG@10, beyond the interval; by the regression's above EASE by 0.001.
    fitted: its weights stay where it has no first stage among its columns, or too few people like anything.
    """
    liked = data.valid.take(np.flatnonzero(_liked(data.valid.rating, data.relevance_threshold)))
    users = np.unique(liked.user)
    if not fitted.first_stage or len(users) < FEWEST:
        return fitted
    if len(users) > WEIGHED:
        users = np.sort(np.random.default_rng([seed, 13]).choice(users, WEIGHED, replace=False))
    brought = first(users, data.train)
    items, safe = brought.items, np.maximum(brought.items, 0)
    columns = (bert(users, items), fitted.log_popularity[safe], np.take_along_axis(brought.standard, safe, axis=1))
    starts = np.searchsorted(liked.user, users, "left")
    likes = np.searchsorted(liked.user, users, "right") - starts
    relevant = np.take_along_axis(liked.matrix(data.n_users, data.n_items)[users].toarray(), safe, axis=1)
    best, chosen = -1.0, fitted
    for weight, popularity in product(BERT_WEIGHTS, POPULARITY_WEIGHTS):
        of_bert = np.where(items >= 0, columns[0], 0.0) * weight
        scores = np.where(items >= 0, of_bert + popularity * columns[1] + columns[2], -np.inf)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :10]
        hits = np.take_along_axis(relevant & (items >= 0), order, axis=1)
        ndcg = float(per_user(hits, likes, 10)["ndcg"].mean())
        if ndcg > best:
            best = ndcg
            chosen = dataclasses.replace(fitted, bert=weight, popularity=popularity, first_stage=1.0)
    return chosen


build = BertPair


def load(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedPair:
    """Called by `store.load`."""
    options, device = parse(PairOptions, manifest["options"]), choose("auto")
    model, tokenizer = classifier(str(folder), whole=True)
    frozen = int(manifest["frozen"])
    if not 0 <= frozen < int(model.config.num_hidden_layers):
        raise ValueError(f"{frozen} frozen layers of {model.config.num_hidden_layers}")
    network = PairNetwork(model.to(device.torch).eval(), frozen, options.attention)
    texts = Texts(options, network, tokenizer, device, manifest["items"], manifest["titles"])
    blends = [manifest["blend"], manifest.get("likes", manifest["blend"])]  # of before there was one for both
    of_scores, of_likes = (Blend(arrays["log_popularity"], *map(float, weights)) for weights in blends)
    return FittedPair(
        texts,
        FirstStage.load(folder, int(manifest["candidates"])),
        of_scores,
        of_likes,
        tuple(manifest["attributes"]),
        manifest["profiles"],
        arrays["profile_rows"],
        manifest["threshold"],
        Calibration.from_json(manifest["calibration"]),
    )
